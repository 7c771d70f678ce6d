//! The machine as its users see it: trading, margin calls, liquidation, expiry, halts, governance.

use super::common::{BTC, HOUR, House, account, deposit, dollars, order, sign, trader};
use super::history::play;
use expect_test::expect;
use machine::{AccountRecord, Machine, MarketRecord, StateKey, Status};
use margin::Greeks;
use protocol::{
    Change, Command, Event, InstrumentId, Mode, ParameterId, ProposalId, Receipt, Refusal, Side,
    Transaction, codec,
};
use units::{Notional, Vol};

/// Two accounts with money, and marks.
fn two_funded() -> House {
    let mut house = House::new();
    house.fund(&[(1, 100_000), (2, 100_000)]);
    house
}

#[test]
fn a_trade_is_novated_at_one_price_and_pays_its_fees() {
    // 0013-CLEAR-001, 0013-CLEAR-003
    let mut house = two_funded();
    let outcome = house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 10),
            order(2, 1, 1, Side::Sell, 7_999_000_000, 10),
        ],
    );
    let fills = outcome.events.iter().filter(|event| matches!(event, Event::Filled { .. })).count();
    assert_eq!(fills, 2);
    assert_eq!((house.lots(1, 1), house.lots(2, 1)), (10, -10));
    // Both came in this block, so both are aggressors: 5 basis points of 800 dollars each.
    let fee = 400_000;
    let price = house.machine.state().markets[&InstrumentId::new(1)].last.unwrap();
    assert!(price.micros() >= 7_999_000_000 && price.micros() <= 8_000_000_000);
    let paid = 100_000_000_000 - house.cash(1);
    assert!((fee - 50..=fee).contains(&paid), "{paid}");
}

#[test]
fn an_order_that_margin_does_not_cover_is_refused_and_changes_nothing() {
    // 0025-BLOCK-010
    // 100,000 dollars carry at most 625,000 at a scan range of 16 %: 781 lots of 80 dollars each hundredth of a coin.
    let history = play(
        "A1 brings 100000
         block
         A1 buys 8000 BTC at 8000
         block
         check cash A1 = 100000
         A1 buys 6000 BTC at 8000
         block",
    );
    expect![[r#"
        2: A1 is refused: margin would be short by 3808.00469 dollars
    "#]]
    .assert_eq(&history.printed);
}

#[test]
fn a_cancel_beats_the_order_that_would_have_hit_it() {
    // 0025-BLOCK-002
    let mut house = two_funded();
    let outcome = house.apply(1, vec![order(1, 1, 1, Side::Sell, 8_000_000_000, 5)]);
    let Receipt::Order(resting) = outcome.receipts[0] else { panic!("it rests") };
    let cancel =
        Transaction { sender: trader(1), command: Command::CancelOrder { sub: 0, order: resting } };
    let outcome = house.apply(1, vec![order(2, 1, 1, Side::Buy, 8_100_000_000, 5), cancel]);
    assert_eq!(outcome.receipts[1], Receipt::Done);
    assert!(!outcome.events.iter().any(|event| matches!(event, Event::Filled { .. })));
}

#[test]
fn a_falling_market_calls_then_liquidates_and_turns_no_position_over() {
    // 0021-FALL-001, 0021-FALL-002, 0021-FALL-007, 0021-FALL-008
    let history = play(
        "A1 brings 100000
         A2 brings 100000
         A3 brings 1000000
         block
         A1 buys 6000 BTC at 8000
         A2 sells 3000 BTC at 8000
         block
         A3 sells 3000 BTC at 8000
         block
         show called liquidated
         each btc -60
         each A3 buys 500 BTC at index-100
         block 10 until A1 is liquidated
         show
         each btc -60
         each A3 buys 500 BTC at index-100
         block 10 x12
         check liquidated A2 = 0
         check liquidated A3 = 0
         check lots A1 BTC < 6000
         check lots A1 BTC >= 0
         check cash A1 > -100000",
    );
    expect![[r#"
        11: called: A1, short by 4468.425564
        17: liquidated: the house sends -1126 BTC of A1
    "#]]
    .assert_eq(&history.printed);
    history.house.machine.state().check().unwrap();
}

#[test]
fn dated_contracts_settle_on_the_average_and_leave_the_books() {
    // 0013-CLEAR-009…011
    let mut house = two_funded();
    let strike_7000_call = 3;
    house.apply(
        1,
        vec![
            order(1, 1, 2, Side::Buy, 8_000_000_000, 10),
            order(2, 1, 2, Side::Sell, 8_000_000_000, 10),
        ],
    );
    let mark =
        house.machine.state().markets[&InstrumentId::new(strike_7000_call)].mark.unwrap().micros();
    let price = mark / 500_000 * 500_000;
    house.apply(
        1,
        vec![
            order(1, 2, strike_7000_call, Side::Buy, price, 4),
            order(2, 2, strike_7000_call, Side::Sell, price, 4),
        ],
    );
    assert_eq!(house.lots(1, strike_7000_call), 4);
    let mut expired = 0;
    while expired == 0 && house.now < super::common::START + 6 * HOUR {
        // As often in the window as prices have to be fresh.
        let seconds = if house.now < super::common::START + 4 * HOUR { 60 } else { 10 };
        let outcome = house.apply(seconds, Vec::new());
        for event in &outcome.events {
            if let Event::Expired { instrument, price, open_interest, .. } = event {
                let settled = if instrument.get() < 10 { 8_000_000_000 } else { 190_000_000 };
                assert_eq!(price.micros(), settled);
                let open = match instrument.get() {
                    2 => 10,
                    3 => 4,
                    _ => 0,
                };
                assert_eq!(open_interest.count(), open);
                expired += 1;
            }
        }
    }
    assert_eq!(expired, 10, "a future and four options on each underlying");
    assert_eq!(house.machine.state().markets.len(), 2);
    assert_eq!((house.lots(1, 2), house.lots(1, strike_7000_call)), (0, 0));
    house.machine.state().check().unwrap();
}

#[test]
fn a_broken_market_halts_alone_and_the_others_trade_in_the_same_block() {
    // 0023-GOV-011, 0025-BLOCK-005, 0025-BLOCK-006
    let mut house = two_funded();
    let change = Change::DrillInstrument(InstrumentId::new(11));
    let approve = Command::Approve { proposal: ProposalId::new(1), change };
    house.apply(1, vec![sign(0, Command::Propose { change }), sign(1, approve)]);
    let outcome = house.apply(
        1,
        vec![
            order(1, 1, 11, Side::Buy, 190_000_000, 10),
            order(2, 1, 11, Side::Sell, 190_000_000, 10),
            order(1, 2, 1, Side::Buy, 8_000_000_000, 10),
            order(2, 2, 1, Side::Sell, 8_000_000_000, 10),
        ],
    );
    let halted: Vec<_> =
        outcome.events.iter().filter(|event| matches!(event, Event::Halted { .. })).collect();
    let [Event::Halted { instrument, fault }] = halted[..] else {
        panic!("one market halts: {halted:?}")
    };
    assert_eq!((instrument.get(), fault.contains("drill")), (11, true));
    assert_eq!((house.lots(1, 11), house.lots(1, 1)), (0, 10));
    assert!(house.machine.state().accounts.iter().all(|(_, held)| held.orders().is_empty()));
    assert!(matches!(
        house.machine.state().markets[&InstrumentId::new(11)].status,
        Status::Halted { .. }
    ));
    let outcome = house.apply(1, vec![order(1, 3, 11, Side::Buy, 190_000_000, 1)]);
    assert_eq!(outcome.receipts[0], Receipt::Refused(Refusal::InstrumentHalted));
    house.machine.state().check().unwrap();
}

#[test]
fn only_the_custodian_credits_and_only_signers_govern() {
    // 0023-GOV-009, 0025-BLOCK-012
    let mut house = two_funded();
    let mut stranger = deposit(1, 0, dollars(1));
    stranger.sender = trader(9);
    let change = Change::SetParameter {
        parameter: ParameterId::ScanRange,
        underlying: Some(BTC),
        value: 200_000,
    };
    let outcome = house.apply(
        1,
        vec![
            stranger,
            Transaction { sender: trader(1), command: Command::Propose { change } },
            sign(0, Command::Propose { change }),
        ],
    );
    let refused = Receipt::Refused(Refusal::NotPermitted);
    assert_eq!(outcome.receipts[..2], [refused.clone(), refused]);
    assert_eq!(outcome.receipts[2], Receipt::Proposal(ProposalId::new(1)));
    house.apply(1, vec![sign(1, Command::Approve { proposal: ProposalId::new(1), change })]);
    let outcome = house.apply(1, Vec::new());
    assert!(outcome.events.iter().any(|event| matches!(event, Event::Enacted { .. })));
    assert_eq!(house.machine.state().parameters.get(Some(BTC), ParameterId::ScanRange), 200_000);
}

#[test]
fn a_silent_oracle_restricts_and_then_freezes_the_compartment() {
    // 0025-BLOCK-010, 0023-GOV-012
    let mut house = two_funded();
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 10),
            order(2, 1, 1, Side::Sell, 8_000_000_000, 10),
        ],
    );
    let silent = |house: &mut House, seconds, transactions| {
        let mut block = house.block(seconds, transactions);
        block.votes.clear();
        house.machine.apply(&block).unwrap()
    };
    let outcome = silent(
        &mut house,
        11,
        vec![
            order(1, 2, 1, Side::Buy, 8_000_000_000, 1),
            order(1, 3, 1, Side::Sell, 8_000_000_000, 10),
        ],
    );
    assert_eq!(house.machine.state().mode(BTC), Mode::ReduceOnly);
    assert_eq!(
        outcome.receipts[0],
        Receipt::Refused(Refusal::ModeForbids { mode: Mode::ReduceOnly })
    );
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)), "reducing is allowed");
    let outcome = silent(&mut house, 55, vec![order(1, 4, 1, Side::Sell, 8_000_000_000, 1)]);
    assert_eq!(outcome.receipts[0], Receipt::Refused(Refusal::ModeForbids { mode: Mode::Frozen }));
}

#[test]
fn an_option_whose_vol_is_stale_may_only_be_reduced() {
    // 0025-BLOCK-010
    let mut house = two_funded();
    let call = 3;
    let price = house.machine.state().markets[&InstrumentId::new(call)].mark.unwrap().micros();
    let price = price / 500_000 * 500_000;
    let (buy, sell) =
        (order(1, 1, call, Side::Buy, price, 4), order(2, 1, call, Side::Sell, price, 4));
    house.apply(1, vec![buy, sell]);
    assert_eq!(house.lots(1, call), 4);
    let without_vols = |house: &mut House, transactions| {
        let mut block = house.block(55, transactions);
        block.votes.iter_mut().for_each(|vote| vote.vols.clear());
        house.machine.apply(&block).unwrap()
    };
    for _ in 0..22 {
        without_vols(&mut house, Vec::new());
    }
    let outcome = without_vols(
        &mut house,
        vec![
            order(1, 2, call, Side::Buy, price, 1),
            order(1, 3, call, Side::Sell, price, 4),
            order(1, 4, 1, Side::Buy, 8_000_000_000, 1),
        ],
    );
    let mode = Mode::ReduceOnly;
    assert_eq!(outcome.receipts[0], Receipt::Refused(Refusal::ModeForbids { mode }));
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)), "reducing is allowed");
    assert!(matches!(outcome.receipts[2], Receipt::Order(_)), "the perpetual trades on");
    let outcome = house.apply(1, vec![order(1, 5, call, Side::Buy, price, 1)]);
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)), "new votes open it again");
}

#[test]
fn an_option_is_marked_a_tenth_of_its_vol_towards_the_repaired_surface_at_most() {
    // 0018-SURF-008, 0025-BLOCK-004
    let mut house = House::new();
    house.btc = 6_000_000_000;
    house.apply(1, Vec::new());
    let mut block = house.block(1, Vec::new());
    // The far call voted dearer than the near one.
    for vote in block.votes.iter_mut().flat_map(|vote| &mut vote.vols) {
        if [5, 6].contains(&vote.instrument.get()) {
            vote.vol = Vol::from_points(50_000);
        }
    }
    for vote in block.votes.iter_mut().flat_map(|vote| &mut vote.vols) {
        if [3, 4].contains(&vote.instrument.get()) {
            vote.vol = Vol::from_points(1_000);
        }
    }
    house.machine.apply(&block).unwrap();
    let markets = &house.machine.state().markets;
    let market = |id| &markets[&InstrumentId::new(id)];
    let (near, far) = (market(3), market(5));
    assert_eq!(far.vol_voted, Some(Vol::from_points(50_000)));
    // Either may be what is wrong, so the mark follows a tenth of the way, is in doubt by all of it, and says so.
    assert_eq!(far.vol, Some(Vol::from_points(45_000)));
    assert!(far.vol_uncertainty > Vol::from_points(25_000), "{}", far.vol_uncertainty);
    assert_eq!((near.vol, near.vol_uncertainty), (near.vol_voted, Vol::ZERO));
    assert!(far.vol_stale && !near.vol_stale);
    assert_eq!((market(6).vol, market(4).vol), (far.vol, near.vol), "calls and puts share a vol");
}

#[test]
fn the_greeks_of_an_account_are_those_of_the_records_of_its_markets() {
    // 0019-MARG-014
    let mut house = two_funded();
    let price = |house: &House, id: u32| {
        house.machine.state().markets[&InstrumentId::new(id)].mark.unwrap().micros()
    };
    for (client, id) in [(1, 1), (2, 2), (3, 3), (4, 6)] {
        let at = price(&house, id) / 10_000_000 * 10_000_000 + 10_000_000;
        let (buy, sell) =
            (order(1, client, id, Side::Buy, at, 3), order(2, client, id, Side::Sell, at, 3));
        house.apply(1, vec![buy, sell]);
    }
    house.apply(1, Vec::new());
    for number in [1, 2] {
        let record = |house: &mut House, key| house.machine.record(&key).unwrap().unwrap();
        let held = record(&mut house, StateKey::Account(account(number)));
        let held: AccountRecord = codec::decode(&held, usize::MAX).unwrap();
        assert!(held.positions.len() >= 3, "{:?}", held.positions);
        let mut shown = Greeks::default();
        for (instrument, position) in &held.positions {
            let market = record(&mut house, StateKey::Market(*instrument));
            let market: MarketRecord = codec::decode(&market, usize::MAX).unwrap();
            let unit = market.greeks.expect("it has a forward and a vol");
            shown.add(&unit.bucket(&market.instrument, position.lots).unwrap()).unwrap();
        }
        let state = house.machine.state();
        let computed = state.greeks(&state.risk().unwrap(), held.index).unwrap();
        assert_eq!(shown, computed);
        assert!(shown.buckets.iter().any(|bucket| bucket.vega != Notional::ZERO));
    }
}

#[test]
fn a_vol_is_uncertain_from_when_its_votes_are_stale_until_it_is_voted_again() {
    // 0017-ORAC-017, 0017-ORAC-027
    let mut house = two_funded();
    let without_vols = |house: &mut House, seconds| {
        let mut block = house.block(seconds, Vec::new());
        block.votes.iter_mut().for_each(|vote| vote.vols.clear());
        house.machine.apply(&block).unwrap();
    };
    let uncertainty = |house: &House| {
        let market = &house.machine.state().markets[&InstrumentId::new(5)];
        (market.vol_stale, market.vol_uncertainty)
    };
    assert_eq!(uncertainty(&house), (false, Vol::ZERO));
    (0..22).for_each(|_| without_vols(&mut house, 55));
    assert_eq!(uncertainty(&house), (true, Vol::from_points(13)), "ten seconds of half an hour");
    (0..33).for_each(|_| without_vols(&mut house, 55));
    assert_eq!(uncertainty(&house), (true, Vol::from_points(2_250)), "a quarter of 90 %");
    house.apply(1, Vec::new());
    assert_eq!(uncertainty(&house), (false, Vol::ZERO), "new votes end it");
}

#[test]
fn withdrawals_leave_initial_margin_and_respect_the_hourly_limit() {
    // 0025-BLOCK-012: the second of six millions and the first two of account 1 are refused. Two millions are the funds'.
    let history = play(
        "A1 brings 100000
         A2 brings 100000
         A4 brings 60000000
         block
         A1 buys 3000 BTC of A2 at 8000
         block
         A1 withdraws 90000
         A1 withdraws 200000
         A4 withdraws 6000000
         A4 withdraws 6000000
         A1 withdraws 10000
         block
         check custody = 56190000",
    );
    expect![[r#"
        3: A1 is refused: margin would be short by 28779.153979 dollars
        3: A1 is refused: the balance is short by 100120000000 minor units
        3: A4 is refused: the hourly withdrawal limit would be exceeded by 5750000 dollars
    "#]]
    .assert_eq(&history.printed);
}

#[test]
fn a_block_that_does_not_follow_leaves_the_state_as_it_was() {
    // 0025-BLOCK-001
    let mut house = two_funded();
    let before = house.machine.snapshot().unwrap();
    let block = house.block(1, Vec::new());
    let mut late = block.clone();
    late.time = house.machine.state().time;
    let mut skipped = block.clone();
    skipped.height = skipped.height.next().unwrap();
    let mut doubled = block;
    doubled.votes[1] = doubled.votes[0].clone();
    for block in [late, skipped, doubled] {
        assert!(house.machine.apply(&block).is_err());
        assert_eq!(house.machine.snapshot().unwrap(), before);
    }
    assert!(Machine::restore(&before[..before.len() - 1]).is_err());
    assert_eq!(house.machine.state().insurance_fund(BTC), Notional::from_micros(1_000_000_000_000));
}
