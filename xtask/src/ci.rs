//! `cargo x ci`: everything that must hold, from a clean checkout, step by step.

use anyhow::Result;

use crate::call::Call;
use crate::step::{Step, run_all};
use crate::{attack, bench, check, demo, fuzz, gates, prove, sim, trace, wheel};

pub(crate) fn run() -> Result<()> {
    let mut steps = vec![
        locked("locked versions", "Cargo.toml"),
        locked("locked versions of proofs", prove::WORKSPACE),
        locked("locked versions of fuzz targets", fuzz::WORKSPACE),
        locked("locked versions of the wheel", wheel::MANIFEST),
    ];
    steps.extend(check::lints());
    steps.push(Step::plain("spec and code", trace::run));
    steps.push(Step::tests("all tests", check::tests()));
    steps.push(Step::call("damaged inputs", fuzz::campaign()));
    steps.extend(prove::steps()?);
    steps.push(bench::once());
    steps.push(Step::plain("instruction gates", gates::run));
    steps.extend(demo::steps());
    steps.extend(sim::steps());
    steps.extend(attack::steps());
    steps.push(Step::plain("licences and sources", deny));
    run_all(steps)
}

/// Returns the step that fails where a workspace's lock file does not cover its manifests.
fn locked(name: &'static str, manifest: &'static str) -> Step {
    Step::call(name, Call::cargo(["fetch", "--locked", "--manifest-path", manifest]))
}

/// Runs `cargo deny` where it is installed. Advisories are left to `cargo deny check advisories`: they change by the
/// day, and a tree that passed must pass years from now.
fn deny() -> Result<()> {
    if Call::answers("cargo-deny") {
        Call::cargo(["deny", "check", "bans", "licenses", "sources"]).run().map(|_| ())
    } else {
        println!("left out: cargo-deny is not installed (cargo install --locked cargo-deny)");
        Ok(())
    }
}
