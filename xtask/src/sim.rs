//! `cargo x sim`: the network in simulation, seed after seed; and the steps of `cargo x ci` that run it.

use anyhow::Result;

use crate::call::Call;
use crate::step::Step;

/// Seeds of one run of continuous integration.
const SEEDS: &str = "100";

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    simulation().args(arguments).run().map(|_| ())
}

/// The network bears its faults, and bugs that are switched on are found.
pub(crate) fn steps() -> Vec<Step> {
    let planted = |name: &'static str| simulation().args(["--seeds", SEEDS, "--plant", name]);
    vec![
        Step::call("simulate the network", simulation().args(["--seeds", SEEDS])),
        Step::plain("find a vote without a quorum", move || planted("no-quorum").refused()),
        Step::plain("find a validator that computes wrongly", move || {
            planted("divergence").refused()
        }),
    ]
}

fn simulation() -> Call {
    Call::cargo(["run", "--quiet", "--package", "sim", "--"])
}
