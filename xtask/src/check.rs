//! `cargo x check`: what a person runs before a commit; under two minutes when built before.
//!
//! Packages that need the theorem prover are left to `cargo x prove`, which builds them in its environment.

use anyhow::Result;

use crate::call::Call;
use crate::step::{Step, run_all};
use crate::workspace::Packages;

pub(crate) fn run() -> Result<()> {
    let packages = Packages::read()?;
    let mut steps = lints(&packages);
    // Tests whose names end in `_slow` are for `cargo x ci`.
    let fast = tests(&packages).args(["--", "--skip", "_slow"]);
    steps.push(Step::tests("fast tests", fast));
    run_all(steps)
}

/// Returns the steps that read the code without running it, tidy included.
pub(crate) fn lints(packages: &Packages) -> Vec<Step> {
    let without = packages.without_proving();
    let clippy = Call::cargo(["clippy", "--workspace", "--all-targets"])
        .args(&without)
        .args(["--", "-D", "warnings"]);
    let rustdoc = Call::cargo(["doc", "--workspace", "--no-deps"])
        .args(&without)
        .env("RUSTDOCFLAGS", "-D warnings");
    vec![
        Step::call("format", Call::cargo(["fmt", "--all", "--check"])),
        Step::call("clippy", clippy),
        Step::call("rustdoc", rustdoc),
        Step::tests("tidy", Call::cargo(["test", "--package", "xtask"])),
    ]
}

/// Returns the call that runs the tests of all packages but the proofs and this one, which `tidy` runs.
pub(crate) fn tests(packages: &Packages) -> Call {
    Call::cargo(["test", "--workspace", "--exclude", "xtask"]).args(packages.without_proving())
}
