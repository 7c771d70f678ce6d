//! Depth of books and volume as the machine measures them, and what they do to the charge for impact.

use super::common::{BTC, ETH, House, SIGNERS, account, deposit, dollars, genesis, order, trader};
use machine::{LiquidityRecord, Machine, ParameterGenesis, StateKey, ThresholdsRecord};
use protocol::{Command, InstrumentId, Mode, ParameterId, Receipt, Side, Transaction, codec};
use units::{Notional, Ppm};

const DOLLAR: i128 = 1_000_000;

/// A house in which little is enough to count as volume, with money for three accounts.
fn opened() -> House {
    let mut genesis = genesis();
    for (parameter, value) in
        [(ParameterId::VolumeDaily, 1_000_000_000_000), (ParameterId::VegaDaily, 100_000_000_000)]
    {
        genesis.parameters.push(ParameterGenesis { underlying: Some(BTC), parameter, value });
    }
    let (machine, _) = Machine::found(&genesis).expect("the genesis is sound");
    let mut house = House { machine, ..House::new() };
    house.apply(1, (1..=3).map(|number| deposit(number, 0, dollars(10_000_000))).collect());
    house
}

fn buy(number: u8, client: u64, price: i128, lots: i128) -> Transaction {
    order(number, client, 1, Side::Buy, price * DOLLAR, lots)
}

fn sell(number: u8, client: u64, price: i128, lots: i128) -> Transaction {
    order(number, client, 1, Side::Sell, price * DOLLAR, lots)
}

fn record(house: &mut House) -> LiquidityRecord {
    let bytes = house.machine.record(&StateKey::Liquidity(BTC)).unwrap().expect("there is one");
    codec::decode(&bytes, 1_000).unwrap()
}

fn depth(house: &mut House) -> i128 {
    record(house).depth.expect("it was measured").micros()
}

/// Returns the charges in maintenance margin of an account: impact alone, for contracts without strike and spread.
fn impact(house: &House, number: u8) -> i128 {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    let needed = state.required(&state.risk().unwrap(), index, false).unwrap();
    needed.charges_maintenance.micros()
}

/// Returns ⅔ · 3 % · x · √(x ÷ volume) in micro-dollars, for dollars.
fn exact(x: i128, volume: i128) -> i128 {
    let root = (x * 1_000_000_000_000 / volume).isqrt();
    x * 2 * 3 * root / 300
}

fn close(found: i128, wanted: i128) -> bool {
    (found - wanted).abs() * 2_000 < wanted
}

#[test]
fn depth_is_the_lesser_side_of_what_rests_within_the_band_after_the_auction() {
    // 0031-THRE-014
    let mut house = opened();
    // A lot is 80 dollars. 100 lots of bids and 50 of asks within 2 % of 8,000, and as many again just beyond it.
    house.apply(
        1,
        vec![
            buy(3, 1, 7_990, 60),
            buy(3, 2, 7_840, 40),
            buy(3, 3, 7_839, 100),
            sell(3, 4, 8_010, 30),
            sell(3, 5, 8_160, 20),
            sell(3, 6, 8_161, 100),
        ],
    );
    // The block before, in which nothing rested, was measured too: what rests fades in.
    let before = depth(&mut house);
    assert!(before > 0 && before < 4_000 * DOLLAR, "{before}");
    (0..200).for_each(|_| drop(house.apply(55, Vec::new())));
    let settled = depth(&mut house);
    assert!((3_999 * DOLLAR..=4_000 * DOLLAR).contains(&settled), "{settled}");
}

#[test]
fn what_trades_is_no_depth_and_a_pause_thins_no_books() {
    // 0031-THRE-014, 0023-GOV-010
    let mut house = opened();
    let resting = vec![buy(3, 1, 7_999, 100), sell(3, 2, 8_001, 50)];
    house.apply(1, [resting, vec![buy(1, 1, 8_001, 20)]].concat());
    (0..200).for_each(|_| drop(house.apply(55, Vec::new())));
    let left = depth(&mut house);
    assert!((2_399 * DOLLAR..2_401 * DOLLAR).contains(&left), "{left}");
    // Whoever reduces still meets what rests, and one signer makes no margin dearer.
    let pause = Command::Pause { instrument: InstrumentId::new(1) };
    house.apply(1, vec![Transaction { sender: SIGNERS[0], command: pause }]);
    (0..40).for_each(|_| drop(house.apply(55, Vec::new())));
    assert!((2_399 * DOLLAR..2_401 * DOLLAR).contains(&depth(&mut house)));
}

#[test]
fn nothing_is_measured_while_the_underlying_only_reduces_or_is_frozen() {
    // 0031-THRE-014. An hour in which nobody might quote took eta to 5 % and impact to 4.47 times what it was.
    let mut house = opened();
    house.apply(1, vec![buy(3, 1, 7_990, 60), sell(3, 2, 8_010, 60)]);
    (0..50).for_each(|_| drop(house.apply(55, Vec::new())));
    let silent = |house: &mut House, commands| {
        let mut block = house.block(30, commands);
        block.votes.clear();
        house.machine.apply(&block).unwrap();
    };
    let before = record(&mut house);
    let cancel = Command::MassCancel { sub: 0, instrument: None };
    silent(&mut house, vec![Transaction { sender: trader(3), command: cancel }]);
    assert_eq!(house.machine.state().mode(BTC), Mode::ReduceOnly);
    assert_eq!(record(&mut house), before);
    (0..3).for_each(|_| silent(&mut house, Vec::new()));
    assert_eq!(house.machine.state().mode(BTC), Mode::Frozen);
    (0..10).for_each(|_| silent(&mut house, Vec::new()));
    assert_eq!(record(&mut house), before);
    // Once prices are back the empty books count.
    (0..10).for_each(|_| drop(house.apply(30, Vec::new())));
    assert!(record(&mut house).depth < before.depth);
}

#[test]
fn the_band_is_governed() {
    // 0031-THRE-014, 0023-GOV-001
    let settled = |band| {
        let mut genesis = genesis();
        let parameter = ParameterId::DepthBand;
        genesis.parameters.push(ParameterGenesis { underlying: Some(BTC), parameter, value: band });
        let (machine, _) = Machine::found(&genesis).unwrap();
        let mut house = House { machine, ..House::new() };
        house.apply(1, vec![deposit(3, 0, dollars(1_000_000))]);
        house.apply(1, vec![buy(3, 1, 7_900, 100), sell(3, 2, 8_010, 100)]);
        (0..100).for_each(|_| drop(house.apply(55, Vec::new())));
        depth(&mut house)
    };
    assert!(settled(20_000) > 7_900 * DOLLAR);
    assert_eq!(settled(1_000), 0);
}

#[test]
fn impact_rises_with_the_root_of_a_book_that_empties_and_by_no_more_than_the_root_of_twenty() {
    // 0031-THRE-011, 0019-MARG-009
    let mut house = opened();
    house.apply(1, vec![buy(1, 1, 8_000, 100), sell(2, 1, 8_000, 100)]);
    house.apply(1, vec![buy(3, 1, 7_950, 100), sell(3, 2, 8_050, 100)]);
    // Eight hours: the first samples, of books that fill, are no longer the lower quartile.
    (0..8 * 66).for_each(|_| drop(house.apply(55, Vec::new())));
    let usual = record(&mut house).usual.unwrap().micros();
    assert!((7_900 * DOLLAR..=8_000 * DOLLAR).contains(&usual), "{usual}");
    let full = impact(&house, 1);
    assert!(close(full, exact(8_000, 1_000_000)), "{full}");
    let cancel = Command::MassCancel { sub: 0, instrument: Some(InstrumentId::new(1)) };
    house.apply(55, vec![Transaction { sender: trader(3), command: cancel }]);
    (0..30).for_each(|_| drop(house.apply(55, Vec::new())));
    let (now, emptier) = (depth(&mut house), impact(&house, 1));
    let factor = now * 1_000_000 / usual;
    assert!((50_000..500_000).contains(&factor), "{factor}");
    assert!(close(emptier, exact(8_000, 1_000_000 * factor / 1_000_000)), "{emptier} {factor}");
    (0..200).for_each(|_| drop(house.apply(55, Vec::new())));
    assert!(close(impact(&house, 1), exact(8_000, 50_000)), "{}", impact(&house, 1));
    let state = house.machine.state();
    assert_eq!(state.liquidity[&BTC].factor(), Ppm::from_parts(50_000));
    assert!(
        !state.liquidity.contains_key(&ETH) || state.liquidity[&ETH].factor().parts() == 1_000_000
    );
}

#[test]
fn volume_is_what_has_traded_in_a_day_and_at_least_what_is_governed() {
    // 0031-THRE-015, 0019-MARG-009
    let mut house = opened();
    house.apply(1, vec![buy(1, 1, 8_000, 100), sell(2, 1, 8_000, 100)]);
    assert_eq!(
        record(&mut house).volume.amount.micros(),
        8_000 * DOLLAR,
        "once, not for each side"
    );
    assert_eq!(record(&mut house).vega.amount, Notional::ZERO);
    house.apply(1, Vec::new());
    assert!(close(impact(&house, 1), exact(8_000, 1_000_000)), "the least counts");
    // There and back, 25 times 160,000 dollars: four millions, and a position as before.
    for turn in 0..25u64 {
        let (bids, asks) = if turn % 2 == 0 { (1, 2) } else { (2, 1) };
        let client = 10 + turn;
        house.apply(1, vec![buy(bids, client, 8_000, 2_000), sell(asks, client, 8_000, 2_000)]);
    }
    house.apply(1, vec![buy(2, 99, 8_000, 2_000), sell(1, 99, 8_000, 2_000)]);
    let traded = record(&mut house).volume.amount.micros();
    assert!((4_160_000 * DOLLAR..4_168_000 * DOLLAR).contains(&traded), "{traded}");
    house.apply(1, Vec::new());
    assert!(close(impact(&house, 1), exact(8_000, 4_167_000)), "{}", impact(&house, 1));
    let state = house.machine.state();
    let index = state.accounts.index(account(1)).expect("open");
    let tree = state.explain(&state.risk().unwrap(), index).unwrap();
    assert_eq!(tree.dollars_of("impact").unwrap().micros(), impact(&house, 1), "{tree}");
    assert!(tree.dollars_of("volume of a day").unwrap().micros() <= traded, "{tree}");
    // Two days on, what has traded is worth less than the least again.
    (0..48 * 66).for_each(|_| drop(house.apply(55, Vec::new())));
    assert!(close(impact(&house, 1), exact(8_000, 1_000_000)), "{}", impact(&house, 1));
}

#[test]
fn options_trade_vega_and_are_charged_for_it() {
    // 0031-THRE-015, 0019-MARG-009
    let mut house = opened();
    let mark = house.machine.state().markets[&InstrumentId::new(5)].mark.unwrap().micros();
    let price = mark / 500_000 * 500_000;
    let trade = |client, lots| {
        vec![
            order(1, client, 5, Side::Buy, price, lots),
            order(2, client, 5, Side::Sell, price, lots),
        ]
    };
    let outcome = house.apply(1, trade(1, 1_000));
    assert!(outcome.receipts.iter().all(|receipt| matches!(receipt, Receipt::Order(_))));
    assert_eq!(house.lots(1, 5), 1_000);
    let found = record(&mut house);
    let vega = house.machine.state().risk().unwrap().vega(InstrumentId::new(5)).unwrap();
    assert!(vega > Notional::ZERO);
    assert!((found.vega.amount.micros() - 1_000 * vega.micros()).abs() < DOLLAR, "{found:?}");
    assert_eq!(found.volume.amount, Notional::ZERO, "options are no volume of the underlying");
    let charged = impact(&house, 1);
    let mut free = genesis();
    free.parameters.push(ParameterGenesis {
        underlying: Some(BTC),
        parameter: ParameterId::VolMoveDaily,
        value: 0,
    });
    let (machine, _) = Machine::found(&free).unwrap();
    let mut calm = House { machine, ..House::new() };
    calm.apply(1, (1..=3).map(|number| deposit(number, 0, dollars(10_000_000))).collect());
    calm.apply(1, trade(1, 1_000));
    assert!(charged > impact(&calm, 1), "{charged}");
}

#[test]
fn governance_turns_impact_off_and_the_books_are_measured_on() {
    // 0023-GOV-001
    let mut genesis = genesis();
    let parameter = ParameterId::Impact;
    genesis.parameters.push(ParameterGenesis { underlying: None, parameter, value: 0 });
    let (machine, _) = Machine::found(&genesis).unwrap();
    let mut house = House { machine, ..House::new() };
    house.apply(1, (1..=2).map(|number| deposit(number, 0, dollars(1_000_000))).collect());
    house.apply(1, vec![buy(1, 1, 8_000, 100), sell(2, 1, 8_000, 100)]);
    assert_eq!(impact(&house, 1), 0);
    assert_eq!(record(&mut house).volume.amount.micros(), 8_000 * DOLLAR);
}

#[test]
fn depths_and_volumes_are_records_and_go_on_from_a_snapshot() {
    // 0031-THRE-016, 0025-BLOCK-015
    let mut house = opened();
    let written = |outcome: &machine::Outcome, key: StateKey| {
        let key = codec::encode(&key).unwrap();
        outcome.writes.iter().any(|write| write.key == key)
    };
    let outcome = house.apply(1, vec![buy(1, 1, 8_000, 100), sell(2, 1, 8_000, 100)]);
    assert!(written(&outcome, StateKey::Liquidity(BTC)));
    let quiet = house.apply(1, Vec::new());
    assert!(!written(&quiet, StateKey::Liquidity(BTC)), "nothing rests and nothing trades");
    house.apply(1, vec![buy(3, 1, 7_950, 100), sell(3, 2, 8_050, 100)]);
    let mut restored = Machine::restore(&house.machine.snapshot().unwrap()).unwrap();
    assert_eq!(restored.records().unwrap(), house.machine.records().unwrap());
    let hash = |house: &mut House| {
        let bytes =
            house.machine.record(&StateKey::Thresholds(BTC)).unwrap().expect("there is one");
        codec::decode::<ThresholdsRecord>(&bytes, 1_000).unwrap().depths
    };
    let (mut kept, mut last) = (0, hash(&mut house));
    for client in 0..140 {
        let block = house.block(55, vec![buy(1, 100 + client, 8_050, 1)]);
        let outcome = house.machine.apply(&block).unwrap();
        let now = hash(&mut house);
        if now != last {
            assert!(written(&outcome, StateKey::Thresholds(BTC)));
            (kept, last) = (kept + 1, now);
        }
        assert_eq!(restored.apply(&block).unwrap(), outcome);
    }
    assert_eq!(house.machine.snapshot().unwrap(), restored.snapshot().unwrap());
    assert_eq!(kept, 2, "in two hours");
    // A state that no block has led to is refused.
    let mut state = house.machine.state().clone();
    let held = state.liquidity[&BTC].clone();
    state.liquidity.insert(protocol::UnderlyingId::new(77), held);
    assert!(Machine::restore(&codec::encode(&state).unwrap()).is_err());
}
