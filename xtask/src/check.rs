//! `cargo x check`: what a person runs before a commit; under two minutes when built before.
//!
//! The proofs and the targets of libFuzzer are workspaces of their own; only their format is checked here.

use anyhow::Result;

use crate::call::Call;
use crate::step::{Step, run_all};
use crate::{fuzz, prove};

pub(crate) fn run() -> Result<()> {
    let mut steps = lints();
    // Tests whose names end in `_slow` are for `cargo x ci`.
    steps.push(Step::tests("fast tests", tests().args(["--", "--skip", "_slow"])));
    run_all(steps)
}

/// Returns the steps that read the code without running it, tidy included.
pub(crate) fn lints() -> Vec<Step> {
    let format = ["fmt", "--all", "--check"];
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    let rustdoc =
        Call::cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    let format_proofs = Call::cargo(format).args(["--manifest-path", prove::WORKSPACE]);
    let format_fuzz = Call::cargo(format).args(["--manifest-path", fuzz::WORKSPACE]);
    vec![
        Step::call("format", Call::cargo(format)),
        Step::call("format of proofs", format_proofs),
        Step::call("format of fuzz targets", format_fuzz),
        Step::call("clippy", Call::cargo(clippy)),
        Step::call("rustdoc", rustdoc),
        Step::tests("tidy", Call::cargo(["test", "--package", "xtask"])),
    ]
}

/// Returns the call that runs the tests of all packages but the proofs and this one, which `tidy` runs.
pub(crate) fn tests() -> Call {
    Call::cargo(["test", "--workspace", "--exclude", "xtask"])
}
