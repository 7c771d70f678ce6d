//! `cargo x ci`: everything that must hold, from a clean checkout, step by step.

use anyhow::Result;

use crate::call::Call;
use crate::step::{Step, run_all};
use crate::{bench, check, demo, fuzz, gates, prove, sim, trace};

pub(crate) fn run() -> Result<()> {
    let mut steps = vec![Step::call("locked versions", Call::cargo(["fetch", "--locked"]))];
    steps.extend(check::lints());
    steps.push(Step::plain("spec and code", trace::run));
    steps.push(Step::tests("all tests", check::tests()));
    steps.push(Step::call("damaged inputs", fuzz::campaign()));
    steps.extend(prove::steps()?);
    steps.push(bench::once());
    steps.push(Step::plain("instruction gates", gates::run));
    steps.extend(demo::steps());
    steps.extend(sim::steps());
    steps.push(Step::plain("licences and sources", deny));
    run_all(steps)
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
