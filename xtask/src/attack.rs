//! `cargo x attack`: the adversary against the machine, history after history; and the steps of `cargo x ci` that run it.

use anyhow::Result;

use crate::call::Call;
use crate::step::Step;

/// Histories of one run of continuous integration.
const SEEDS: &str = "2000";

/// Rules that are switched off, and within how many seeds each is missed: what they are for is in docs/adversary.md.
const PLANTS: [(&str, &str); 19] = [
    ("rest-unmargined", "400"),
    ("close-at-any-price", "1200"),
    ("largest-leg-only", "150"),
    ("spreads-stay", "150"),
    ("books-fill", "50"),
    ("gains-leave", "300"),
    ("stale-settles", "50"),
    ("pauses-stay", "50"),
    ("one-signer", "50"),
    ("one-custodian", "50"),
    ("few-report", "50"),
    ("no-turns", "700"),
    ("prints-count", "50"),
    ("stops-count", "50"),
    ("bases-drop", "50"),
    ("vols-jump", "150"),
    ("two-thirds", "200"),
    ("lower-median", "50"),
    ("halves-decide", "150"),
];

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let plants = arguments.iter().any(|argument| argument == "--plant");
    adversary(plants).args(arguments).run().map(|_| ())
}

/// No history breaks a rule, and each rule that is switched off is missed.
pub(crate) fn steps() -> Vec<Step> {
    let mut steps = vec![Step::call(
        "attack the machine",
        adversary(false).args(["--seeds", SEEDS, "--quiet"]),
    )];
    steps.extend(PLANTS.map(|(name, seeds)| {
        let planted = adversary(true).args(["--seeds", seeds, "--plant", name, "--first"]);
        Step::plain("find a rule that is off", move || planted.refused())
    }));
    steps
}

fn adversary(plants: bool) -> Call {
    let call = Call::cargo(["run", "--quiet", "--release", "--package", "adversary"]);
    let call = if plants { call.args(["--features", "plant"]) } else { call };
    call.args(["--"])
}
