//! Funding: who pays whom, for how long, and what a market misses.

use super::common::{BTC, House, START, deposit, dollars, genesis, long, opened, order};
use machine::{Machine, ParameterGenesis, Status};
use protocol::{Event, InstrumentId, ParameterId, Side, codec};

const PERPETUAL: InstrumentId = InstrumentId::new(1);

#[test]
fn funding_takes_from_the_payer_and_leaves_the_remainder_in_the_fund() {
    // 0011-LEDG-007, 0013-CLEAR-006, 0013-CLEAR-008
    let mut house = long();
    let fund = |house: &House| house.machine.state().insurance_fund(BTC).micros();
    let before = fund(&house);
    // Blocks of 30 s: a longer gap would freeze the underlying. Two seconds have gone.
    for _ in 0..119 {
        let outcome = house.apply(30, Vec::new());
        assert!(!outcome.events.iter().any(|event| matches!(event, Event::Funded { .. })));
    }
    let outcome = house.apply(28, Vec::new());
    let funded = outcome.events.iter().find_map(|event| match event {
        Event::Funded { instrument: PERPETUAL, rate, paid } => Some((rate.parts(), paid.micros())),
        _ => None,
    });
    // Without a premium: 0.00125 % of 60 coins at 8,000, for all of the hour but the 55 micro-dollars a coin of its
    // first two seconds.
    assert_eq!(funded, Some((12_500, 6_000_000 - 60 * 55)));
    assert!((0..2).contains(&(fund(&house) - before)));
}

#[test]
fn funding_is_for_the_time_held_however_often_it_is_exchanged() {
    // 0013-CLEAR-008
    let paid_in_an_hour = |millis| {
        let mut changed = genesis();
        let (underlying, parameter) = (None, ParameterId::VariationInterval);
        changed.parameters.push(ParameterGenesis { underlying, parameter, value: millis });
        let (machine, _) = Machine::found(&changed).unwrap();
        let mut house = House { machine, now: START, ..opened() };
        let money = [(1, 100_000), (3, 10_000_000)];
        house.apply(1, money.map(|(number, held)| deposit(number, 0, dollars(held))).to_vec());
        house.apply(
            1,
            vec![
                order(1, 1, 1, Side::Buy, 8_000_000_000, 1_000),
                order(3, 1, 1, Side::Sell, 8_000_000_000, 1_000),
            ],
        );
        let mut paid = 0;
        for _ in 0..120 {
            for event in house.apply(30, Vec::new()).events {
                if let Event::Funded { paid: more, .. } = event {
                    paid += more.micros();
                }
            }
        }
        paid
    };
    assert_eq!(paid_in_an_hour(3_600_000), 1_000_000);
    let by_the_minute = paid_in_an_hour(60_000);
    assert!((0..=60).contains(&(by_the_minute - 1_000_000)), "{by_the_minute}");
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
