//! Faults that no state leads to that can be read back: its numbers are within their limits, and what is computed of them here
//! then fits. So they are put into a block under way.

use crate::block::margins::Margins;
use crate::block::work::Work;
use crate::common::{BTC, ETH, House, account, order};
use oracle::{Feed, Parameters, Report};
use protocol::{AccountIndex, Event, Fault, Mode, Side, SourceId, UnderlyingId, ValidatorId};
use std::cell::OnceCell;
use units::{BlockSpan, BlockTime, Notional, Price};

/// What measuring and liquidating everybody came to in a block.
struct Measured {
    scenarios: Result<(), Fault>,
    liquidations: Result<(), Fault>,
    uncovered: Option<Notional>,
    events: Vec<Event>,
}

/// Builds the matrices and looks at all accounts, a second after the last block.
fn measured(house: &mut House, change: impl FnOnce(&mut Work<'_>)) -> Measured {
    let block = house.block(1, Vec::new());
    let (risk, standing) = (OnceCell::new(), OnceCell::new());
    let margins = Margins::new(&risk, &standing);
    let state = &mut house.machine.state;
    state.time = block.time;
    let mut work = Work::new(state, margins, &block, BlockSpan::from_millis(1_000));
    change(&mut work);
    let (scenarios, liquidations) = (work.scenarios(), work.liquidations());
    let Work { uncovered, events, .. } = work;
    Measured { scenarios, liquidations, uncovered, events }
}

/// Account 5 long six coins, below maintenance margin, and nobody bids.
fn short_of_margin() -> House {
    let mut house = House::new();
    house.fund(&[(5, 9_000), (3, 90_000_000)]);
    house.apply(
        1,
        vec![
            order(5, 1, 1, Side::Buy, 8_000_000_000, 600),
            order(3, 1, 1, Side::Sell, 8_000_000_000, 600),
        ],
    );
    for _ in 0..20 {
        house.btc -= 40_000_000;
        house.apply(10, Vec::new());
    }
    assert_eq!(house.lots(5, 1), 600);
    house
}

/// A feed whose index is so old that no number says how old.
fn without_an_age() -> Feed {
    let report = |number| Report {
        validator: ValidatorId::new(number),
        stake: 1,
        source: SourceId::new(1),
        price: Price::from_micros(190_000_000),
        confidence: Price::ZERO,
    };
    let reports: Vec<Report> = (1..=4).map(report).collect();
    let mut feed = Feed::new();
    let long_ago = BlockTime::from_millis(i128::MIN + 1_000_000_000_000);
    feed.update(&reports, 4, &[(SourceId::new(1), 1)], long_ago, &Parameters::default()).unwrap();
    assert!(feed.index().is_some());
    feed
}

fn index(house: &House) -> AccountIndex {
    house.machine.state.accounts.index(account(5)).unwrap()
}

fn is_liquidated(house: &House, events: &[Event]) -> bool {
    let five = index(house);
    events
        .iter()
        .any(|event| matches!(event, Event::Liquidated { account, .. } if *account == five))
}

/// Checks that an underlying is frozen by one fault, and everybody else is measured and has a turn.
fn ends_at(id: UnderlyingId, house: &House, measured: &Measured) {
    assert_eq!(measured.scenarios, Ok(()));
    assert_eq!(measured.liquidations, Ok(()));
    assert!(is_liquidated(house, &measured.events), "{:?}", measured.events);
    assert_eq!(house.machine.state.mode(id), Mode::Frozen);
    let contained = |event: &&Event| matches!(event, Event::FaultContained { .. });
    assert_eq!(measured.events.iter().filter(contained).count(), 1, "{:?}", measured.events);
}

#[test]
fn an_underlying_of_whose_index_nobody_can_tell_the_age_is_frozen_and_the_others_go_on() {
    // 0025-BLOCK-004, 0025-BLOCK-030
    let mut house = short_of_margin();
    house.machine.state.underlyings.get_mut(&ETH).unwrap().feed = without_an_age();
    let measured = measured(&mut house, |_| ());
    ends_at(ETH, &house, &measured);
    assert_eq!(house.machine.state.mode(BTC), Mode::Normal);
}

#[test]
fn a_sum_of_debts_that_does_not_fit_leaves_everybody_his_turn_and_gains_where_they_are() {
    // 0025-BLOCK-030, 0021-FALL-041
    let mut house = short_of_margin();
    let account = index(&house);
    let measured = measured(&mut house, |work| {
        work.debts = vec![(account, Notional::from_micros(i128::MAX)); 2];
    });
    assert_eq!(measured.scenarios, Ok(()));
    assert!(measured.liquidations.is_err(), "and the house halts");
    assert!(is_liquidated(&house, &measured.events), "{:?}", measured.events);
    assert_eq!(measured.uncovered, None);
}

#[test]
fn an_underlying_of_which_nobody_can_tell_the_doubt_is_frozen_and_the_others_go_on() {
    // 0025-BLOCK-004, 0019-MARG-027: in a call auction nobody asks whether an index is lost.
    let mut house = short_of_margin();
    house.apply(100, Vec::new());
    for _ in 0..3 {
        house.apply(10, Vec::new());
    }
    assert!(house.machine.state.call_auction.is_some());
    let eth = house.machine.state.underlyings.get_mut(&ETH).unwrap();
    (eth.feed, eth.mode) = (without_an_age(), Mode::Caution);
    let measured = measured(&mut house, |_| ());
    assert_eq!((&measured.scenarios, &measured.liquidations), (&Ok(()), &Ok(())));
    assert_eq!(measured.uncovered, Some(Notional::ZERO), "everybody is measured");
    assert_eq!(house.machine.state.mode(ETH), Mode::Frozen);
    let contained = |event: &&Event| matches!(event, Event::FaultContained { .. });
    assert_eq!(measured.events.iter().filter(contained).count(), 1, "{:?}", measured.events);
}
