//! Oracle incidents replayed against the feed, each with the pass criterion of its post-mortem.

use crate::market::{Market, STAKE, dollars};
use oracle::Report;
use protocol::{Mode, SourceId, ValidatorId};
use units::Price;

/// Returns a market of so many sources that has traded at a price for some blocks.
fn market_at(sources: u16, price: &str) -> Market {
    let mut market = Market::new(sources);
    for _ in 0..20 {
        market.block(1_000, &vec![price; usize::from(sources)]);
    }
    assert_eq!(market.mode(), Mode::Normal);
    market
}

/// A synthetic-asset feed read two won-dollar sources; one was wrong by a thousand. Criterion: the trade is refused.
#[test]
fn attack_2019_06_25_skrw_a_source_a_thousand_times_wrong_is_not_counted() {
    let mut market = market_at(2, "0.000863");
    for _ in 0..61 {
        market.block(1_000, &["0.863", "0.000863"]);
        assert_eq!(market.price(), dollars("0.000863"));
    }
    assert_eq!(market.mode(), Mode::Frozen, "one source of two is no index to trade on");
    let mut market = market_at(5, "0.000863");
    market.block(1_000, &["0.863", "0.000863", "0.000863", "0.000863", "0.000863"]);
    assert_eq!((market.price(), market.mode()), (dollars("0.000863"), Mode::Normal));
}

/// A flash loan moved the one exchange that served as oracle. Criterion: the index moves by less than one percent.
#[test]
fn attack_2020_02_15_bzx_one_source_times_three_and_back_does_not_move_the_index() {
    let mut market = market_at(5, "250");
    market.block(200, &["750", "250", "250", "250", "250"]);
    assert_eq!(market.price(), dollars("250"));
    market.block(200, &["250", "250", "250", "250", "250"]);
    assert_eq!(market.price(), dollars("250"));
}

/// DAI at 1.30 on one exchange was the oracle of a lender. Criterion: no liquidation, so the index does not move.
#[test]
fn attack_2020_11_26_compound_dai_one_source_thirty_percent_high_for_half_an_hour() {
    for sources in [3, 5] {
        let mut market = market_at(sources, "1");
        let mut prices = vec!["1"; usize::from(sources)];
        prices[0] = "1.3";
        for _ in 0..1_800 {
            market.block(1_000, &prices);
            assert_eq!(market.price(), Price::ONE);
            assert!(market.mode() <= Mode::Caution);
        }
    }
}

/// Anyone could write the price: ETH from 100 to 10,000. Criterion: a writer without stake has no effect; nor has the
/// print, if every validator reported it.
#[test]
fn attack_2025_04_14_kiloex_a_writer_that_is_no_validator_and_a_price_times_a_hundred() {
    let mut market = market_at(4, "100");
    let forged: Vec<Report> = (0..4)
        .flat_map(|source| (0..500).map(move |writer| (source, writer)))
        .map(|(source, writer)| Report {
            validator: ValidatorId::new(1_000 + writer),
            stake: 0,
            source: SourceId::new(source),
            price: dollars("150"),
            confidence: Price::ZERO,
        })
        .collect();
    market.block_of(200, &forged);
    assert_eq!(market.price(), dollars("100"));
    let mut mixed = market.reports(&[Some(dollars("100")); 4]);
    mixed.extend(forged);
    market.block_of(200, &mixed);
    assert_eq!(market.price(), dollars("100"));
    market.block(200, &["10000", "10000", "10000", "10000"]);
    assert_eq!(market.price(), dollars("100"));
}

/// USDe at 0.65 on the book of the exchange that margined with it, 0.97 elsewhere. Criterion: the index stays above 0.95.
#[test]
fn attack_2025_10_10_binance_usde_one_source_of_five_prints_065_for_forty_minutes() {
    let mut market = market_at(5, "1");
    for second in 0..2_400 {
        let own = if second < 60 { "0.8" } else { "0.65" };
        market.block(1_000, &[own, "0.97", "0.972", "0.968", "0.971"]);
        assert!(market.price() >= dollars("0.95"), "{}", market.price());
        assert!(market.mode() <= Mode::Caution);
    }
    assert_eq!(market.price(), dollars("0.97"));
}

/// A chain halted for eight hours and resumed on the old price. Criterion: nothing is liquidated before a fresh quorum.
#[test]
fn attack_2025_10_10_dydx_halt_no_old_price_counts_after_eight_hours() {
    let mut market = market_at(4, "100");
    market.block(8 * 3_600_000, &["-", "-", "-", "-"]);
    assert_eq!(market.mode(), Mode::Frozen);
    for _ in 0..2 {
        market.block(1_000, &["90", "90", "90", "90"]);
        assert_eq!((market.price(), market.mode()), (dollars("100"), Mode::Frozen));
    }
    market.block(1_000, &["90", "90", "90", "-"]);
    assert_eq!(market.price(), dollars("90"), "the third quorum in a row sets the index");
    for _ in 0..11 {
        market.block(1_000, &["90", "90", "90", "90"]);
    }
    assert_eq!(market.mode(), Mode::Normal);
}

/// An upgrade read a feed of 18 decimals as one of 8: ten thousand million times the price. Criterion: it is refused.
#[test]
fn attack_2025_12_12_ribbon_aevo_a_feed_with_ten_decimals_too_many_is_not_counted() {
    let mut market = market_at(4, "3000");
    let wrong = Price::from_micros(dollars("3000").micros() * 10_000_000_000);
    let right = Some(dollars("3001"));
    market.block_of(1_000, &market.reports(&[Some(wrong), right, right, right]));
    assert_eq!(market.price(), dollars("3001"));
    assert_eq!(market.feed.readings().len(), 3);
    let all = market.reports(&[Some(wrong); 4]);
    market.block_of(1_000, &all);
    assert_eq!(market.price(), dollars("3001"));
}

/// A maintenance race wrote zero over a price, and everyone was liquidated. Criterion: no index of zero.
#[test]
fn attack_2026_01_19_paradex_zero_a_price_of_zero_for_one_block() {
    let mut market = market_at(4, "92000");
    market.block(1_000, &["0", "0", "0", "0"]);
    assert_eq!((market.price(), market.mode()), (dollars("92000"), Mode::Normal));
    market.block(1_000, &["91990", "91990", "91990", "91990"]);
    assert_eq!(market.price(), dollars("91990"));
    let mut fresh = Market::new(4);
    fresh.block(0, &["0", "0", "0", "0"]);
    assert!(fresh.feed.index().is_none(), "not even as the first price");
}

/// Oil for delivery settled below zero. This oracle serves indices that are positive; it stops rather than follow.
#[test]
fn attack_2020_04_20_wti_negative_an_index_below_zero_freezes_its_compartment() {
    let mut market = market_at(4, "10");
    for _ in 0..61 {
        market.block(1_000, &["-37.63", "-37.63", "-37.63", "-37.63"]);
    }
    assert_eq!((market.price(), market.mode()), (dollars("10"), Mode::Frozen));
}

/// A third of the stake less one, lying in every way at once, alone or with a source that errs.
#[test]
fn liars_below_a_third_of_the_stake_cannot_move_a_price() {
    let mut market = market_at(4, "100");
    for lie in ["100.9", "99.1", "0.000001", "999", "0", "-1"] {
        let mut reports = market.reports(&[Some(dollars("100")); 4]);
        for report in reports.iter_mut().filter(|report| report.validator.get() == 3) {
            report.price = dollars(lie);
        }
        market.block_of(1_000, &reports);
        assert_eq!(market.price(), dollars("100"), "{lie}");
    }
    assert_eq!(STAKE, 100, "one validator of four");
}
