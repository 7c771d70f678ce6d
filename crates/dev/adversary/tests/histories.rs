//! What every history must keep; `cargo x attack` plays as many as one likes.

use adversary::{history, run};

#[test]
fn no_coalition_takes_out_more_than_it_brought_and_the_rules_pay_it() {
    for seed in 0..40 {
        let (_, found) = run(seed);
        let broken = found.filter(|found| !found.leans);
        let broken = broken.map(|found| (found.breach, found.history));
        assert_eq!(broken, None, "reproduce: cargo x attack --seeds {seed}..{}", seed + 1);
    }
}

#[test]
fn a_seed_is_one_history() {
    for seed in 0..20 {
        assert_eq!(history(seed), history(seed));
        assert_ne!(history(seed), history(seed + 1));
    }
}

#[test]
fn histories_reach_fills_calls_liquidations_stops_and_withdrawals() {
    let mut coverage = adversary::Coverage::default();
    for seed in 0..60 {
        coverage.add(&run(seed).0.coverage);
    }
    let reached: Vec<&str> = coverage.counts().map(|(what, _)| what).collect();
    for what in [
        "event Filled",
        "event MarginCalled",
        "event Liquidated",
        "event Withdrawn",
        "event Expired",
        "event SettlementPostponed",
        "event VariationPaid",
        "event Paused",
        "event CallAuctionEnded",
        "mode Frozen",
        "mode ReduceOnly",
        "refusal MarginShort",
    ] {
        assert!(reached.contains(&what), "no history has reached '{what}': {reached:?}");
    }
}
