//! What every history must keep; `cargo x attack` plays as many as one likes.

use adversary::{Act, Coverage, Guide, History, Keys, Step, Tick, history, play, run};

#[test]
fn no_coalition_takes_out_more_than_it_brought_and_the_rules_pay_it() {
    for seed in 0..40 {
        let (_, found) = run(seed);
        let broken = found.map(|found| (found.breach, found.history));
        assert_eq!(broken, None, "reproduce: cargo x attack --seeds {seed}..{}", seed + 1);
    }
}

/// 0017-ORAC-027: what is left of an offset goes on fading, though the vol was what is true in one block.
#[test]
fn a_vol_that_meets_what_is_true_on_its_way_misleads_nobody() {
    let (_, found) = run(30_304);
    assert_eq!(found.map(|found| found.breach), None);
}

/// 0018-SURF-007: a vol on which nobody has voted for twenty minutes, while those beside it rose, is put between them at once.
#[test]
fn a_strike_against_which_both_others_speak_misleads_nobody() {
    let (_, found) = run(33_819);
    assert_eq!(found.map(|found| found.breach), None);
}

/// 0021-FALL-020: the mark of a call falls by more in each block than the house pays beyond it for an account without equity, and
/// quotes are a block behind.
#[test]
fn an_account_without_equity_waits_for_quotes_that_follow_the_mark() {
    let (_, found) = run(84_671);
    assert_eq!(found.map(|found| found.breach), None);
}

#[test]
fn a_guided_run_plays_the_same_from_the_same_first_seed() {
    let played = || {
        let mut guide = Guide::default();
        let play = |seed| {
            let history = guide.history(seed);
            guide.learn(&history, &play(&history));
            history
        };
        (0..30).map(play).collect::<Vec<History>>()
    };
    let first = played();
    assert_eq!(first, played());
    let changed = (0..30).zip(&first).filter(|(seed, played)| history(*seed) != **played);
    assert!(changed.count() > 5, "most of what is played is a change of what was kept");
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
    let mut coverage = Coverage::default();
    for seed in 0..120 {
        coverage.add(&run(seed).0.coverage);
    }
    let reached: Vec<&str> = coverage.counts().map(|(what, _)| what).collect();
    for what in [
        "event Filled",
        "event MarginCalled",
        "event Liquidated",
        "event Withdrawn",
        "event Expired",
        "event Enacted",
        "event NotEnacted",
        "event Halted",
        "event AccountOpened",
        "event Deposited",
        "event WithdrawalPaid",
        "event CollateralSold",
        "event SettlementPostponed",
        "event VariationPaid",
        "event Paused",
        "event CallAuctionEnded",
        "mode Frozen",
        "mode ReduceOnly",
        "refusal MarginShort",
        "refusal ChangeDiffers",
        "refusal NotOutstanding",
        "refusal WithdrawalLimit",
        "refusal TooMany",
    ] {
        assert!(reached.contains(&what), "no history has reached '{what}': {reached:?}");
    }
}

#[test]
fn histories_about_prices_lean_in_every_way() {
    let about = (0..500).map(history).filter(|history| history.setup.prices.is_some());
    let about: Vec<History> = about.collect();
    assert!((150..250).contains(&about.len()), "{} of 500 are about prices", about.len());
    let steps = |holds: &dyn Fn(&Step) -> bool| {
        about.iter().filter(|history| history.steps.iter().any(holds)).count()
    };
    for (what, count) in [
        ("a third of the stake", about.iter().filter(|h| h.setup.keys == Keys::THIRD).count()),
        ("a source above", steps(&|step| step.tick.sources.wrong > 0)),
        ("a source below", steps(&|step| step.tick.sources.wrong < 0)),
        ("silent sources", steps(&|step| step.tick.sources.silent > 0)),
        ("no prices", steps(&|step| step.tick.unsaid & Tick::PRICES != 0)),
        ("no vols", steps(&|step| step.tick.unsaid & Tick::VOLS != 0)),
        ("no strike", steps(&|step| step.tick.unsaid & Tick::STRIKE != 0)),
        ("no bases", steps(&|step| step.tick.unsaid & Tick::LAST_BASES != 0)),
        ("lies and silence", steps(&|step| step.tick.lie.vol != 0 && step.tick.silent > 3)),
        ("stops", steps(&|step| step.tick.seconds > 500)),
        ("a lot at the edge", steps(&|step| step.acts.iter().any(is_lot_at_the_edge))),
    ] {
        assert!(count >= 3, "{what}: {count} of {}", about.len());
    }
}

fn is_lot_at_the_edge(act: &Act) -> bool {
    matches!(act, Act::Order { size: 0, off, .. } if off.abs() > 20_000)
}
