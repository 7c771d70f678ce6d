//! Depth of books and volume as the machine measures them, and what they do to the charge for impact.

use super::common::{BTC, ETH, House, account, deposit, dollars, genesis, of, order, sign, trader};
use machine::{LiquidityRecord, Machine, ParameterGenesis, StateKey, ThresholdsRecord};
use protocol::{
    Command, Event, InstrumentId, Mode, ParameterId, Quote, Receipt, Side, Transaction, codec,
};
use units::{Lots, Notional, Price};

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

/// Returns the impact in initial margin of an account.
fn impact_initial(house: &House, number: u8) -> i128 {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    let tree = state.explain(&state.risk().unwrap(), index).unwrap();
    tree.dollars_of("impact").unwrap().micros()
}

/// Returns equity and maintenance margin of an account.
fn standing(house: &House, number: u8) -> [i128; 2] {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    let needed = state.required(&state.risk().unwrap(), index, false).unwrap();
    [needed.equity.micros(), needed.maintenance.micros()]
}

/// Returns a mass quote of an account in the perpetual: both sides, so many thousandths from 8,000.
fn both_sides(number: u8, thousandths: i128, lots: i128) -> Transaction {
    let quote = |side, thousandths: i128| Quote {
        instrument: InstrumentId::new(1),
        side,
        price: Price::from_micros(8 * DOLLAR * (1_000 + thousandths)),
        lots: Lots::from_count(lots),
    };
    let quotes = vec![quote(Side::Buy, -thousandths), quote(Side::Sell, thousandths)];
    of(number, Command::MassQuote { sub: 0, quotes })
}

fn liquidates(outcome: &machine::Outcome) -> bool {
    outcome.events.iter().any(|event| matches!(event, Event::Liquidated { .. }))
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
fn depth_is_the_lesser_side_of_what_rests_near_the_mark_for_three_blocks() {
    // 0031-THRE-014, 0031-THRE-040
    let mut house = opened();
    // A lot is 80 dollars. Ten dollars from the mark are a sixteenth of 2 %; at their edge nothing counts, nor beyond.
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
    // 28 whole lots of 30 asks. What has rested for less counts for nothing yet, and then fades in.
    assert_eq!(depth(&mut house), 0);
    house.apply(55, Vec::new());
    assert_eq!(depth(&mut house), 0);
    house.apply(55, Vec::new());
    let before = depth(&mut house);
    assert!(before > 0 && before < 2_240 * DOLLAR, "{before}");
    (0..200).for_each(|_| drop(house.apply(55, Vec::new())));
    let settled = depth(&mut house);
    assert!((2_239 * DOLLAR..=2_240 * DOLLAR).contains(&settled), "{settled}");
}

#[test]
fn what_trades_is_no_depth_and_a_pause_thins_no_books() {
    // 0031-THRE-014, 0023-GOV-010
    let mut house = opened();
    let resting = vec![buy(3, 1, 7_999, 100), sell(3, 2, 8_001, 50)];
    house.apply(1, [resting, vec![buy(1, 1, 8_001, 20)]].concat());
    (0..200).for_each(|_| drop(house.apply(55, Vec::new())));
    let left = depth(&mut house);
    assert!((2_319 * DOLLAR..=2_320 * DOLLAR).contains(&left), "{left}");
    // Nobody may quote in a market that is paused, so one signer makes no margin dearer, whoever leaves.
    let pause = Command::Pause { instrument: InstrumentId::new(1) };
    house.apply(1, vec![sign(0, pause)]);
    let cancel = Command::MassCancel { sub: 0, instrument: None };
    house.apply(1, vec![of(3, cancel)]);
    (0..40).for_each(|_| drop(house.apply(55, Vec::new())));
    assert_eq!(depth(&mut house), left);
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
    // A hundred dollars of 160 away: three eighths, 37 lots. Within 8 dollars there is nothing.
    assert!(settled(20_000) > 2_950 * DOLLAR);
    assert_eq!(settled(1_000), 0);
}

#[test]
fn impact_rises_with_the_root_of_a_book_that_empties_at_once_for_new_risk_alone() {
    // 0031-THRE-011, 0031-THRE-042, 0019-MARG-009
    let mut house = opened();
    house.apply(1, vec![buy(1, 1, 8_000, 100), sell(2, 1, 8_000, 100)]);
    house.apply(1, vec![buy(3, 1, 7_950, 100), sell(3, 2, 8_050, 100)]);
    // Thirty hours: the first, of books that fill, is no longer the lower quartile. 68 whole lots count.
    (0..30 * 66).for_each(|_| drop(house.apply(55, Vec::new())));
    let usual = record(&mut house).usual.unwrap().micros();
    assert!((5_430 * DOLLAR..=5_440 * DOLLAR).contains(&usual), "{usual}");
    let full = impact(&house, 1);
    assert!(close(full, exact(8_000, 1_000_000)), "{full}");
    assert_eq!(impact_initial(&house, 1), full);
    let hold = |id| house.machine.state().liquidity[&id].hold().parts();
    assert!(hold(BTC) == 1_000_000 && hold(ETH) < 1_000_000, "each by its own books");
    let cancel = Command::MassCancel { sub: 0, instrument: Some(InstrumentId::new(1)) };
    house.apply(55, vec![of(3, cancel)]);
    (0..30).for_each(|_| drop(house.apply(55, Vec::new())));
    let (now, emptier) = (depth(&mut house), impact_initial(&house, 1));
    let factor = now * 1_000_000 / usual;
    assert!((50_000..500_000).contains(&factor), "{factor}");
    assert!(close(emptier, exact(8_000, 1_000_000 * factor / 1_000_000)), "{emptier} {factor}");
    assert_eq!(impact(&house, 1), full, "nobody has been told yet");
    (0..200).for_each(|_| drop(house.apply(55, Vec::new())));
    assert!(close(impact_initial(&house, 1), exact(8_000, 50_000)));
    // Three hours later, two steps: a twentieth each.
    let held = impact(&house, 1);
    assert!((full..=full * 11_026 / 10_000).contains(&held), "{full} {held}");
    let found = record(&mut house);
    assert!(found.announced < found.hold, "{found:?}");
    (0..40 * 66).for_each(|_| drop(house.apply(55, Vec::new())));
    assert!(close(impact(&house, 1), exact(8_000, 50_000)), "{}", impact(&house, 1));
    // Nobody ever quoted in the other underlying: the least that it should have is not there either (0031-THRE-041).
    assert_eq!(house.machine.state().liquidity[&ETH].hold().parts(), 50_000);
}

#[test]
fn depth_that_was_shown_and_taken_away_liquidates_nobody() {
    // 0031-THRE-040, 0031-THRE-041, 0031-THRE-042. Eight million dollars a side at 1.9 %, shown in every block for twelve hours
    // and then gone, took eta to 5 % in 44 minutes and impact from 20,000 to 89,400, beside honest quotes that never changed; the
    // first liquidation came after 38 minutes, at an unchanged index.
    for (volume, risen) in [(1_000_000, 0), (10_000_000, 5)] {
        let mut house = House::with(|genesis| {
            let (parameter, value) = (ParameterId::VolumeDaily, volume * 1_000_000);
            genesis.parameters.push(ParameterGenesis { underlying: Some(BTC), parameter, value });
        });
        house.fund(&[(1, 200_000), (2, 3_000_000), (3, 100_000), (9, 3_000_000)]);
        house.apply(1, vec![buy(1, 1, 8_000, 12_500), sell(2, 1, 8_000, 12_500)]);
        // As many hours as it takes to be compared with, and two more: most of what is kept is the spoof.
        let spoof = || vec![both_sides(3, 1, 300), both_sides(9, 19, 100_000)];
        (0..26 * 72).for_each(|_| drop(house.apply(50, spoof())));
        let before = standing(&house, 1)[1];
        let cancel = Command::MassCancel { sub: 0, instrument: None };
        house.apply(10, vec![of(9, cancel)]);
        let mut last = before;
        for hour in 0..8 {
            for _ in 0..72 {
                let outcome = house.apply(50, vec![both_sides(3, 1, 300)]);
                assert!(!liquidates(&outcome), "{volume} {hour}");
            }
            let now = standing(&house, 1)[1];
            // Of maintenance margin impact is a part, and that rises by a twentieth of itself.
            let most = impact(&house, 1) * risen / 100;
            assert!(now - last <= most, "{volume} {hour}: {last} {now}");
            last = now;
        }
        // A million trades in a day and 22,800 dollars stand: enough. Of ten millions it is not, and that is announced.
        assert_eq!(last > before, risen > 0, "{volume}");
    }
}

#[test]
fn quotes_in_a_future_that_nobody_trades_are_no_depth() {
    // 0031-THRE-040. They took the depth from 7,875 to 8,006,049 dollars.
    let mut house = House::new();
    house.fund(&[(3, 3_000_000), (9, 3_000_000)]);
    house.apply(1, vec![buy(3, 1, 7_992, 100), sell(3, 2, 8_008, 100)]);
    (0..72).for_each(|_| drop(house.apply(50, Vec::new())));
    let before = depth(&mut house);
    let outcome = house.apply(
        1,
        vec![
            order(9, 1, 2, Side::Buy, 7_990 * DOLLAR, 50_000),
            order(9, 2, 2, Side::Sell, 8_010 * DOLLAR, 50_000),
        ],
    );
    assert!(outcome.receipts.iter().all(|receipt| matches!(receipt, Receipt::Order(_))));
    (0..144).for_each(|_| drop(house.apply(50, Vec::new())));
    let after = depth(&mut house);
    assert!(after <= 7_600 * DOLLAR && after >= before, "{before} {after}");
}

#[test]
fn an_hour_without_a_source_or_without_an_index_makes_no_margin_dearer() {
    // 0031-THRE-014, 0031-THRE-042. An hour without one of four sources took the maintenance margin of a million dollars from
    // 148,000 to 217,443, and its holder into liquidation after 38 minutes, at an unchanged price.
    for missing in [1, 2] {
        let mut house = opened();
        house.fund(&[(8, 200_000)]);
        house.apply(1, vec![buy(8, 1, 8_000, 12_500), sell(2, 1, 8_000, 12_500)]);
        let quotes = |client| vec![buy(3, client, 7_992, 5_000), sell(3, client + 1, 8_008, 5_000)];
        house.apply(1, quotes(1));
        (0..30 * 72).for_each(|_| drop(house.apply(50, Vec::new())));
        let [_, before] = standing(&house, 8);
        for number in 0..72 {
            let mut block = house.block(50, quotes(100 + 2 * number));
            for vote in &mut block.votes {
                vote.prices.retain(|price| price.source.get() + missing <= 4);
            }
            let outcome = house.machine.apply(&block).unwrap();
            assert!(!liquidates(&outcome), "{missing} {number}");
        }
        assert_eq!(house.machine.state().mode(BTC) == Mode::Frozen, missing == 2);
        (0..4 * 72).for_each(|number| drop(house.apply(50, quotes(1_000 + 2 * number))));
        let [_, after] = standing(&house, 8);
        assert!(after - before < 10 * DOLLAR, "{missing}: {before} {after}");
    }
}

#[test]
fn volume_is_what_has_traded_in_a_day_and_at_least_what_is_governed() {
    // 0031-THRE-015, 0019-MARG-009
    let mut house = opened();
    // Books that are deep enough all the time.
    house.apply(1, vec![buy(3, 1, 7_950, 500), sell(3, 2, 8_050, 500)]);
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
