//! Funding: who pays whom, for how long, and what a market misses.

use super::common::{deposit, dollars, long, order};
use super::history::play;
use expect_test::expect;
use machine::{Machine, Status};
use protocol::{Event, InstrumentId, Side, codec};

const PERPETUAL: InstrumentId = InstrumentId::new(1);

#[test]
fn funding_takes_from_the_payer_and_leaves_the_remainder_in_the_fund() {
    // 0011-LEDG-007, 0013-CLEAR-006, 0013-CLEAR-008. Blocks of 30 s: a longer gap would freeze the underlying. Two seconds
    // have gone when they begin.
    let history = play(
        "A1 brings 100000
         A3 brings 10000000
         block
         A1 buys 6000 BTC of A3 at 8000
         block
         show funded
         let before = fund BTC
         block 30 x119
         block 28
         check fund BTC >= before
         check fund BTC <= before+0.000001",
    );
    // Without a premium: 0.00125 % of 60 coins at 8,000, for all of the hour but the 55 micro-dollars a coin of its
    // first two seconds.
    expect![[r#"
        122: funded: BTC at 0.0000125, 5.9967 dollars
    "#]]
    .assert_eq(&history.printed);
}

#[test]
fn funding_is_for_the_time_held_however_often_it_is_exchanged() {
    // 0013-CLEAR-008: by the hour a dollar; by the minute as much, but for rounding.
    for (interval, most) in [(3_600_000, "1"), (60_000, "1.00006")] {
        play(&format!(
            "set variation_interval {interval}
             A1 brings 100000
             A3 brings 10000000
             block
             A1 buys 1000 BTC of A3 at 8000
             block
             block 30 x120
             check funded BTC >= 1
             check funded BTC <= {most}"
        ));
    }
}

#[test]
fn what_a_market_misses_of_funding_it_pays_at_the_next_exchange() {
    // 0013-CLEAR-006, 0013-CLEAR-008
    let mut house = long();
    let paid = |outcome: &machine::Outcome| {
        let paid = outcome.events.iter().filter_map(|event| match event {
            Event::Funded { paid, .. } => Some(paid.micros()),
            _ => None,
        });
        paid.sum::<i128>()
    };
    // Halted over the first exchange, resumed for the second; sold in between, so that two pay for the time they held.
    for _ in 0..60 {
        assert_eq!(paid(&house.apply(30, Vec::new())), 0);
    }
    let mut state = house.machine.state().clone();
    state.markets.get_mut(&PERPETUAL).unwrap().status = Status::Halted { fault: "a test".into() };
    house.machine = Machine::restore(&codec::encode(&state).unwrap()).unwrap();
    let mut total = 0;
    for _ in 0..90 {
        total += paid(&house.apply(30, Vec::new()));
    }
    assert_eq!(total, 0, "halted");
    let mut state = house.machine.state().clone();
    state.markets.get_mut(&PERPETUAL).unwrap().status = Status::Trading;
    house.machine = Machine::restore(&codec::encode(&state).unwrap()).unwrap();
    let trades = vec![
        order(1, 70, 1, Side::Sell, 8_000_000_000, 6_000),
        order(2, 70, 1, Side::Buy, 8_000_000_000, 6_000),
    ];
    house.apply(1, vec![deposit(2, 0, dollars(200_000))]);
    let before = house.cash(3);
    house.apply(1, trades);
    for _ in 0..120 {
        total += paid(&house.apply(30, Vec::new()));
    }
    // Two hours less 45 minutes, in which nobody could trade.
    assert!((total - 7_500_000).abs() < 60 * 200, "{total}");
    assert!((house.cash(3) - before - total).abs() < 1_000, "the short was there all the time");
}
