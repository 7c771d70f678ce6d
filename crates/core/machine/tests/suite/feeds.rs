//! What margin is fed with beside prices of the underlyings: the stable coin, and what governance says of collateral and
//! of vols that nobody votes on.

use super::common::{BTC, House, SIGNERS, START, account, deposit, dollars, genesis, order};
use governance::Definition;
use machine::{
    Genesis, GenesisError, Machine, Outcome, ParameterGenesis, SourceWeight, StateKey,
    UnderlyingGenesis,
};
use margin::Requirement;
use protocol::{
    Change, Command, InstrumentId, Mode, ParameterId, PriceReport, ProposalId, Receipt, Refusal,
    Side, SourceId, Transaction, UnderlyingId, codec,
};
use random::Random;
use std::collections::BTreeSet;
use units::{Amount, Notional, Price};

const COIN: UnderlyingId = UnderlyingId::STABLE_COIN;
const PAR: i128 = 1_000_000;

/// A house at whose founding something is different.
fn founded(edit: impl FnOnce(&mut Genesis)) -> House {
    let mut genesis = genesis();
    edit(&mut genesis);
    let (machine, _) = Machine::found(&genesis).expect("the genesis is sound");
    House { machine, ..House::new() }
}

fn set(
    genesis: &mut Genesis,
    underlying: Option<UnderlyingId>,
    parameter: ParameterId,
    value: i64,
) {
    genesis.parameters.push(ParameterGenesis { underlying, parameter, value });
}

/// A house whose dollars are a stable coin, and two accounts with ten lots of the perpetual between them.
fn with_coin() -> House {
    with_coin_of(4, 3)
}

/// The same with so many sources of the coin, of which four report, and so many that are wanted.
fn with_coin_of(sources: u16, sources_min: u8) -> House {
    let mut house = founded(|genesis| {
        let sources = (1..=sources).map(|n| SourceWeight { source: SourceId::new(n), weight: 1 });
        let coin = UnderlyingGenesis {
            id: COIN,
            name: "USDC".into(),
            asset: None,
            class: 0,
            sources: sources.collect(),
            sources_min,
            reference_price: Price::ONE,
            first_blocks: 1,
            insurance_fund: Notional::ZERO,
        };
        genesis.underlyings.insert(0, coin);
    });
    let money = vec![deposit(1, 0, dollars(100_000)), deposit(2, 0, dollars(100_000))];
    block(&mut house, 1, Some(PAR), money);
    block(&mut house, 1, Some(PAR), trade(1));
    house
}

fn trade(client: u64) -> Vec<Transaction> {
    vec![
        order(1, client, 1, Side::Buy, 8_000_000_000, 10),
        order(2, client, 1, Side::Sell, 8_000_000_000, 10),
    ]
}

/// Applies a block in which the coin has a price, or in which nobody reports it.
fn block(
    house: &mut House,
    seconds: i128,
    coin: Option<i128>,
    transactions: Vec<Transaction>,
) -> Outcome {
    let mut block = house.block(seconds, transactions);
    for (vote, micros) in block.votes.iter_mut().flat_map(|vote| coin.map(|micros| (vote, micros)))
    {
        vote.prices.extend((1..=4).map(|source| PriceReport {
            underlying: COIN,
            source: SourceId::new(source),
            price: Price::from_micros(micros),
            confidence: Price::from_micros(100),
        }));
    }
    house.machine.apply(&block).expect("the block follows")
}

fn required(house: &House, number: u8) -> Requirement {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    state.required(&state.risk().unwrap(), index, true).unwrap()
}

/// Returns the charges in initial margin of the account with ten lots, in micro-dollars.
fn charged(house: &House) -> i128 {
    required(house, 1).charges_initial.micros()
}

/// What a coin at a price costs ten lots, a tenth of a coin of 8,000, at a range of 16 %: 128 dollars · 4 · (0.99 − price).
fn charge_at(price: i128) -> i128 {
    128 * 4 * (990_000 - price)
}

#[test]
fn a_stable_coin_that_falls_raises_initial_margin_until_it_is_back() {
    // 0019-MARG-008, 0019-MARG-019
    let mut house = with_coin();
    let at_par = charged(&house);
    let maintenance = required(&house, 1).maintenance;
    block(&mut house, 10, Some(950_000), Vec::new());
    // The lower end of the price counts.
    assert_eq!(charged(&house) - at_par, charge_at(949_900));
    assert_eq!(required(&house, 1).maintenance, maintenance, "nobody is liquidated for the coin");
    let fallen = house.machine.record(&StateKey::Underlying(COIN)).unwrap();
    assert!(fallen.is_some(), "its index is under the root");
    block(&mut house, 10, Some(PAR), Vec::new());
    assert_eq!(charged(&house), at_par);
}

/// Applies a block in which so few sources show the stable coin, at par and so many micro-dollars unsure.
fn thin(house: &mut House, sources: u16, confidence: i128) {
    let mut block = house.block(1, Vec::new());
    for vote in &mut block.votes {
        vote.prices.extend((1..=sources).map(|source| PriceReport {
            underlying: COIN,
            source: SourceId::new(source),
            price: Price::from_micros(PAR),
            confidence: Price::from_micros(confidence),
        }));
    }
    house.machine.apply(&block).unwrap();
}

#[test]
fn one_source_of_the_stable_coin_that_is_missing_raises_nobodys_margin() {
    // 0017-ORAC-010, 0019-MARG-019. With fewer sources than wished the coin counted for 95 cents: initial margin of all rose by 16 %.
    let mut house = with_coin_of(5, 4);
    let at_par = required(&house, 1);
    thin(&mut house, 3, 100);
    assert_eq!(house.machine.state().mode(COIN), Mode::Caution);
    assert_eq!(required(&house, 1).initial, at_par.initial);
}

#[test]
fn an_order_has_to_be_covered_at_the_price_of_the_stable_coin() {
    // 0019-MARG-019
    let sell = || vec![order(3, 1, 1, Side::Sell, 8_000_000_000, 10)];
    for (coin, admitted) in [(PAR, true), (900_000, false)] {
        let mut house = with_coin();
        block(&mut house, 10, Some(coin), vec![deposit(3, 0, dollars(150))]);
        let outcome = block(&mut house, 1, Some(coin), sell());
        match (admitted, &outcome.receipts[0]) {
            (true, Receipt::Order(_)) => {}
            (false, Receipt::Refused(Refusal::MarginShort { .. })) => {}
            (_, other) => panic!("at {coin}: {other:?}"),
        }
    }
}

#[test]
fn a_stable_coin_without_a_price_counts_for_what_is_governed_or_its_last_price_if_lower() {
    // 0019-MARG-019
    let mut house = with_coin();
    let at_par = charged(&house);
    block(&mut house, 10, None, Vec::new());
    assert_eq!(charged(&house), at_par, "not yet stale");
    block(&mut house, 1, None, Vec::new());
    assert_eq!(house.machine.state().mode(COIN), Mode::ReduceOnly);
    assert_eq!(charged(&house) - at_par, charge_at(950_000));
    let mut low = with_coin();
    block(&mut low, 10, Some(930_000), Vec::new());
    (0..3).for_each(|_| drop(block(&mut low, 30, None, Vec::new())));
    assert_eq!(low.machine.state().mode(COIN), Mode::Frozen);
    assert_eq!(charged(&low) - at_par, charge_at(929_900));
    // One with too few sources counts as one without a price.
    let mut few = with_coin();
    thin(&mut few, 2, 0);
    block(&mut few, 11, None, Vec::new());
    assert_eq!(charged(&few) - at_par, charge_at(950_000));
}

#[test]
fn a_house_founded_without_a_stable_coin_holds_dollars_and_one_never_priced_does_not() {
    // 0019-MARG-019
    let mut plain = House::new();
    plain.fund(&[(1, 100_000), (2, 100_000)]);
    plain.apply(1, trade(1));
    let coined = with_coin();
    assert_eq!(charged(&plain), charged(&coined));
    let mut unpriced = with_coin();
    let fresh = founded(|genesis| {
        let mut coin = genesis.underlyings[0].clone();
        (coin.id, coin.asset, coin.name) = (COIN, None, "USDC".into());
        genesis.underlyings.insert(0, coin);
    });
    (unpriced.machine, unpriced.now) = (fresh.machine, START);
    block(
        &mut unpriced,
        1,
        None,
        vec![deposit(1, 0, dollars(100_000)), deposit(2, 0, dollars(100_000))],
    );
    block(&mut unpriced, 1, None, trade(1));
    assert_eq!(charged(&unpriced) - charged(&plain), charge_at(950_000));
}

#[test]
fn governance_sets_what_a_fall_of_the_stable_coin_costs() {
    // 0023-GOV-001, 0019-MARG-019
    let mut house = with_coin();
    let at_par = charged(&house);
    block(&mut house, 10, Some(950_000), Vec::new());
    for (number, (parameter, value)) in
        [(ParameterId::DepegSlope, 8_000_000), (ParameterId::DepegFree, 994_000)]
            .into_iter()
            .enumerate()
    {
        let change = Change::SetParameter { parameter, underlying: None, value };
        let proposal = ProposalId::new(u32::try_from(number).unwrap() + 1);
        let by = |signer, command| Transaction { sender: SIGNERS[signer], command };
        block(&mut house, 1, Some(950_000), vec![by(0, Command::Propose { change })]);
        block(&mut house, 1, Some(950_000), vec![by(1, Command::Approve { proposal, change })]);
        block(&mut house, 1, Some(950_000), Vec::new());
    }
    assert_eq!(charged(&house) - at_par, 128 * 8 * (994_000 - 949_900));
}

#[test]
fn the_haircut_beyond_the_knee_is_governed_by_asset() {
    // 0019-MARG-008, 0023-GOV-001: 10 % of a coin of 8,000, and half of the 7,000 above the knee; half in maintenance.
    let pledged = |house: &mut House| {
        house.apply(1, vec![deposit(1, 1, Amount::from_minor(1_000_000_000))]);
        let needed = required(house, 1);
        (needed.charges_initial, needed.charges_maintenance)
    };
    let micros = |dollars: i128| Notional::from_micros(dollars * 1_000_000);
    let mut plain = founded(|genesis| set(genesis, None, ParameterId::Impact, 0));
    assert_eq!(pledged(&mut plain), (micros(800), micros(400)));
    let mut kneed = founded(|genesis| {
        set(genesis, None, ParameterId::Impact, 0);
        set(genesis, Some(BTC), ParameterId::HaircutKnee, 1_000_000_000);
        set(genesis, Some(BTC), ParameterId::HaircutBeyond, 500_000);
    });
    assert_eq!(pledged(&mut kneed), (micros(800 + 3_500), micros(400 + 1_750)));
    let mut elsewhere = founded(|genesis| {
        set(genesis, None, ParameterId::Impact, 0);
        set(genesis, Some(UnderlyingId::new(2)), ParameterId::HaircutKnee, 1_000_000_000);
        set(genesis, Some(UnderlyingId::new(2)), ParameterId::HaircutBeyond, 500_000);
    });
    assert_eq!(pledged(&mut elsewhere), (micros(800), micros(400)));
}

#[test]
fn what_a_vol_without_votes_may_be_off_by_is_governed() {
    // 0017-ORAC-017, 0017-ORAC-027, 0023-GOV-001
    let uncertainty = |edit: fn(&mut Genesis), blocks: usize, listed: bool| {
        let mut house = founded(edit);
        house.apply(1, Vec::new());
        for _ in 0..blocks {
            let mut block = house.block(55, Vec::new());
            for vote in &mut block.votes {
                vote.vols.retain(|report| listed && report.instrument.get() == 3);
            }
            house.machine.apply(&block).unwrap();
        }
        let market = &house.machine.state().markets[&InstrumentId::new(5)];
        (market.vol_stale, market.vol_uncertainty.points())
    };
    let defaults: fn(&mut Genesis) = |_| {};
    let soon: fn(&mut Genesis) =
        |genesis| set(genesis, Some(BTC), ParameterId::VolStaleAfter, 60_000);
    assert_eq!(uncertainty(defaults, 2, false), (false, 0));
    assert_eq!(uncertainty(soon, 2, false), (true, 63), "50 seconds of half an hour of a quarter");
    assert_eq!(uncertainty(soon, 34, false), (true, 2_250));
    let fast: fn(&mut Genesis) = |genesis| {
        set(genesis, Some(BTC), ParameterId::VolStaleAfter, 60_000);
        set(genesis, Some(BTC), ParameterId::VolFade, 60_000);
    };
    assert_eq!(uncertainty(fast, 3, false), (true, 2_250));
    let dear: fn(&mut Genesis) = |genesis| {
        set(genesis, Some(BTC), ParameterId::VolStalePenalty, 500_000);
        set(genesis, Some(BTC), ParameterId::VolUnvotedPenalty, 100_000);
    };
    assert_eq!(uncertainty(dear, 55, false), (true, 4_500), "half of 90 %");
    assert_eq!(uncertainty(dear, 55, true), (true, 900), "a tenth, between strikes that are voted");
    assert_eq!(uncertainty(defaults, 55, true), (true, 450));
}

#[test]
fn a_house_with_a_stable_coin_goes_on_from_its_snapshot() {
    // 0025-BLOCK-015
    let mut house = with_coin();
    block(&mut house, 10, Some(970_000), Vec::new());
    let mut restored = Machine::restore(&house.machine.snapshot().unwrap()).unwrap();
    for client in 2..7 {
        let next = house.block(30, trade(client));
        assert_eq!(house.machine.apply(&next), restored.apply(&next));
    }
    assert_eq!(house.machine.snapshot().unwrap(), restored.snapshot().unwrap());
    let key = codec::encode(&StateKey::Parameter(None, ParameterId::DepegFree)).unwrap();
    assert!(house.machine.records().unwrap().iter().any(|write| write.key == key));
}

/// The values that shape margin for the whole house.
fn shaping() -> impl Iterator<Item = &'static Definition> {
    let matrices = ParameterId::Scenario33Move..=ParameterId::FundingProvision;
    Definition::all().iter().filter(move |held| {
        let ratios = [ParameterId::MaintenanceRatio, ParameterId::LiquidationBuffer];
        matrices.contains(&held.parameter) || ratios.contains(&held.parameter)
    })
}

#[test]
fn margin_begins_with_the_numbers_of_its_specification() {
    // 0019-MARG-002: the defaults of governance are those of margin.
    let house = House::new();
    assert_eq!(house.machine.state().margin_parameters(), margin::Parameters::default());
}

#[test]
fn every_value_that_shapes_margin_reaches_it() {
    // 0019-MARG-001, 0019-MARG-002, 0023-GOV-001
    let mut reached = BTreeSet::new();
    for definition in shaping() {
        let other = [definition.lowest, definition.highest]
            .into_iter()
            .find(|value| *value != definition.default)
            .expect("bounds leave a choice");
        let house = founded(|genesis| set(genesis, None, definition.parameter, other));
        let parameters = house.machine.state().margin_parameters();
        assert_ne!(parameters, margin::Parameters::default(), "{}", definition.name);
        assert!(reached.insert(format!("{parameters:?}")), "{}: as another", definition.name);
    }
    assert!(reached.len() >= 40);
}

#[test]
fn no_values_within_their_bounds_stop_the_matrices() {
    // 0019-MARG-003, 0023-GOV-002: a house that governance could stop would be at the mercy of its signers.
    let mut random = Random::new(0x5CE0);
    for case in 0..200 {
        let mut house = founded(|genesis| {
            for definition in shaping() {
                let (lowest, highest) = (definition.lowest, definition.highest);
                let between = random.between(lowest, highest);
                let value = match random.below(3) {
                    0 => lowest,
                    1 => highest,
                    _ => between,
                };
                set(genesis, None, definition.parameter, value);
            }
        });
        house.fund(&[(1, 100_000), (2, 100_000)]);
        house.apply(1, trade(1));
        let state = house.machine.state();
        assert_eq!(state.house_fault, None, "case {case}");
        assert!(state.risk().is_ok(), "case {case}");
        assert!(required(&house, 1).initial >= required(&house, 1).maintenance, "case {case}");
    }
}

#[test]
fn a_scenario_that_counts_in_full_is_the_one_that_decides() {
    // 0019-MARG-001: two thirds down, of which a fifth counts by default.
    let scan = |weight| {
        let mut house = founded(|genesis| {
            set(genesis, None, ParameterId::Scenario37Weight, weight);
        });
        house.fund(&[(1, 100_000), (2, 100_000)]);
        house.apply(1, trade(1));
        required(&house, 1).scan_hold.micros()
    };
    // Ten lots of a hundredth of a coin at 8,000: 800 dollars.
    assert_eq!(scan(210_000), 128_000_000);
    assert_eq!(scan(1_000_000), 528_000_000);
    let outside = founded_with(ParameterId::Scenario37Move, -990_001);
    assert!(matches!(outside, Err(GenesisError::Parameter(..))), "{outside:?}");
}

fn founded_with(parameter: ParameterId, value: i64) -> Result<(), GenesisError> {
    let mut genesis = genesis();
    set(&mut genesis, None, parameter, value);
    Machine::found(&genesis).map(|_| ())
}
