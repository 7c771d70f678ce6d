//! Margin of accounts that can be worked out by hand: the numbers of spec 0019.

mod support;

use margin::{
    AccountMargin, Cover, OpenOrder, Parameters, Portfolio, Position, Requirement, Risk,
    Settlement, Standing, UnitGreeks, explain, greeks, mark_value, required,
};
use protocol::{AssetId, Contract, InstrumentId, Refusal, Right, Side};
use support::{
    BTC, BTC_ASSET, BTC_LOT, BTC_PERP, DAY, ETH, House, NOW, dollars, expiry, future, instrument,
    market, of, option, price,
};
use units::{BlockSpan, BlockTime, Lots, Notional, Ppb, Ppm, Price, Quantity, Round, Vol};

const ONE_BTC: i128 = 1_000;
const ONE_ETH: i128 = 100;

fn measure(house: &House, positions: &[Position]) -> Requirement {
    required(&house.risk(), &of(0, positions)).unwrap()
}

fn micros(value: &str) -> Notional {
    value.parse().unwrap()
}

#[test]
fn a_perpetual_needs_its_scan_range() {
    // 0019-MARG-006, 0019-MARG-007: 16 % of 60 000; 80 % of that; 15 % more.
    let house = House::new();
    for lots in [ONE_BTC, -ONE_BTC] {
        let needed = measure(&house, &[house.position(BTC, Contract::Perpetual, lots)]);
        // A short lot is charged the micro-dollar that rounding may hide.
        let hidden = if lots < 0 { Notional::from_micros(ONE_BTC) } else { Notional::ZERO };
        assert_eq!(needed.scan_new, dollars(9_600).plus(hidden).unwrap());
        assert_eq!(needed.initial, needed.scan_new);
        let kept = Notional::from_micros(hidden.micros() * 8 / 10);
        assert_eq!(needed.maintenance, dollars(7_680).plus(kept).unwrap());
        assert_eq!(needed.buffer.micros(), needed.maintenance.micros() * 115 / 100);
        assert_eq!(needed.equity, Notional::ZERO);
        assert_eq!(needed.worst_scenario.get(), if lots > 0 { 0 } else { 30 });
    }
}

#[test]
fn an_outright_future_pays_for_its_basis() {
    // 0019-MARG-006: 0.95 + 0.05 + 0.3 · 30/365 of 16 % of 60 493.
    let house = House::new();
    let needed = measure(&house, &[house.position(BTC, future(30), ONE_BTC)]);
    assert_eq!(needed.scan_new, micros("9917.541824")); // 9 678.88 · 1.024 658
}

#[test]
fn a_calendar_spread_needs_a_tenth_of_its_legs() {
    let house = House::new();
    let legs = [
        house.position(BTC, Contract::Perpetual, ONE_BTC),
        house.position(BTC, future(30), -ONE_BTC),
    ];
    let spread = measure(&house, &legs).scan_new;
    // 0.05 · 9 600 + 0.074 658 · 9 678.88 + 0.95 · 16 % · 493, and a tenth of a cent of rounding.
    let exact = micros("1277.541823");
    assert!(spread.minus(exact).unwrap().micros().abs() < 3_000, "{spread}");
    let outright = measure(&house, &legs[..1]).scan_new.plus(measure(&house, &legs[1..]).scan_new);
    assert!(spread.micros() * 10 < outright.unwrap().micros());
}

#[test]
fn bitcoin_offsets_ether_by_half() {
    // 0019-MARG-006: ψ = 0.5.
    let house = House::new();
    let legs = [
        house.position(BTC, Contract::Perpetual, ONE_BTC),
        house.position(ETH, Contract::Perpetual, -20 * ONE_ETH),
    ];
    // Both legs are worth 60 000, so together nothing is lost: 0.5 · 2 · 9 600.
    let hedged = measure(&house, &legs).scan_new;
    assert!(hedged.minus(dollars(9_600)).unwrap().micros().abs() < 10_000, "{hedged}");
    let mut apart = House::new();
    apart.underlyings[1].class = margin::OffsetClass::new(7);
    let unhedged = measure(&apart, &legs).scan_new;
    assert!(unhedged.minus(dollars(19_200)).unwrap().micros().abs() < 10_000, "{unhedged}");
}

#[test]
fn a_covered_call_needs_less_than_a_naked_one() {
    let house = House::new();
    let call = house.position(BTC, option(30, 57_000, Right::Call), -ONE_BTC);
    let cover = house.position(BTC, Contract::Perpetual, ONE_BTC);
    let naked = measure(&house, &[call]);
    let covered = measure(&house, &[call, cover]);
    assert!(covered.initial < naked.initial, "{} {}", covered.initial, naked.initial);
}

#[test]
fn a_box_needs_its_expiry_share_only() {
    // Long call and short put at one strike, short call and long put at another: worth the same in every scenario.
    let house = House::new();
    let leg = |strike, right, lots| house.position(BTC, option(30, strike, right), lots);
    let legs = [
        leg(57_000, Right::Call, ONE_BTC),
        leg(57_000, Right::Put, -ONE_BTC),
        leg(63_000, Right::Call, -ONE_BTC),
        leg(63_000, Right::Put, ONE_BTC),
    ];
    let boxed = measure(&house, &legs);
    assert!(boxed.scan_new < Notional::from_micros(20_000), "{}", boxed.scan_new);
    // Call and put of a strike net, so neither strike counts as a naked short option.
    assert_eq!(boxed.charges_maintenance, Notional::ZERO);
}

#[test]
fn a_naked_short_option_pays_the_gap_charge() {
    // 0019-MARG-008: 0.3 % and 0.5 % of 60 000.
    let house = House::new();
    let short = house.position(BTC, option(30, 84_000, Right::Call), -ONE_BTC);
    let needed = measure(&house, &[short]);
    assert_eq!(needed.charges_maintenance, dollars(180));
    assert_eq!(needed.charges_initial, dollars(300));
    let put = house.position(BTC, option(30, 51_000, Right::Put), ONE_BTC);
    assert_eq!(measure(&house, &[short, put]).charges_maintenance, dollars(180));
}

#[test]
fn a_naked_short_option_pays_for_doubt_about_its_vol_and_a_long_one_does_not() {
    // 0019-MARG-008: the value at the vol and its uncertainty, less the value at the vol.
    let (call, put) = (option(30, 84_000, Right::Call), option(30, 84_000, Right::Put));
    let sure = House::new();
    let mut doubtful = sure.clone();
    for market in &mut doubtful.markets {
        market.vol_uncertainty = Vol::from_points(1_000);
    }
    let marked = sure.find(BTC, call);
    let (now, higher) = (BlockTime::from_millis(NOW), Vol::from_points(1_000).plus(marked.vol));
    let more = mark_value(&marked.instrument, marked.forward, higher.unwrap(), now, None).unwrap();
    let more = more.minus(marked.mark).unwrap().micros();
    let short = sure.position(BTC, call, -ONE_BTC);
    let charged = |house: &House, legs: &[Position]| {
        let needed = measure(house, legs);
        (needed.charges_maintenance.micros(), needed.charges_initial.micros())
    };
    let (before, after) = (charged(&sure, &[short]), charged(&doubtful, &[short]));
    assert!(more > 100_000_000 && (after.0 - before.0 - more).abs() <= ONE_BTC, "{more}");
    assert_eq!(after.1 - before.1, after.0 - before.0);
    let synthetic = [short, sure.position(BTC, put, ONE_BTC)];
    for legs in [&[sure.position(BTC, call, ONE_BTC)][..], &synthetic] {
        assert_eq!(charged(&doubtful, legs), charged(&sure, legs), "their vols cancel");
    }
}

#[test]
fn long_options_never_need_more_than_their_premium_and_its_expiry_share() {
    // 0019-MARG-016: the whole value of an option counts.
    let house = House::new();
    let risk = house.risk();
    let mut most = 0;
    for market in &house.markets {
        let Contract::Option { expires_at, .. } = market.instrument.contract else { continue };
        let lots = Lots::from_count(ONE_BTC);
        let position = Position { instrument: market.instrument.id, lots, cost: Notional::ZERO };
        let needed = required(&risk, &of(0, &[position])).unwrap();
        let premium = needed.equity.micros();
        let days = (expires_at.millis() - NOW) / support::DAY;
        let kept = 1_000_000 + (300_000 * days + 364) / 365;
        // A unit of rounding a lot, and one for the sum.
        assert!(needed.scan_new.micros() <= (premium + ONE_BTC) * kept / 1_000_000 + 1);
        most = most.max(needed.scan_new.micros() * 1_000_000 / (premium + 1));
    }
    assert!(most > 900_000, "worthless in a scenario costs nearly the premium: {most}");
}

#[test]
fn collateral_is_worth_its_haircut_less_and_hedges() {
    // 0019-MARG-008, 0019-MARG-016
    let house = House::new();
    let risk = house.risk();
    let pledged = [(BTC_ASSET, Quantity::ONE)];
    let portfolio = Portfolio { collateral: &pledged, ..of(0, &[]) };
    let alone = required(&risk, &portfolio).unwrap();
    assert_eq!(alone.equity, dollars(60_000));
    assert_eq!(alone.charges_initial, dollars(6_000));
    assert_eq!(alone.charges_maintenance, dollars(3_000));
    assert_eq!(alone.scan_new, dollars(9_600));
    let short = [house.position(BTC, Contract::Perpetual, -ONE_BTC)];
    let hedged = required(&risk, &Portfolio { positions: &short, ..portfolio }).unwrap();
    assert!(hedged.scan_new < dollars(1), "{}", hedged.scan_new);
    let unknown = [(AssetId::new(77), Quantity::ONE)];
    let nothing = Portfolio { collateral: &unknown, ..of(0, &[]) };
    assert_eq!(required(&risk, &nothing).unwrap().equity, Notional::ZERO);
    let debt = [(BTC_ASSET, Quantity::from_nanos(-1))];
    assert!(required(&risk, &Portfolio { collateral: &debt, ..portfolio }).is_err());
}

#[test]
fn doubt_funding_spread_and_impact_are_charged() {
    let mut house = House::new();
    house.underlyings[0].confidence = price(300); // 0.5 %, of which 0.25 % is free
    house.underlyings[0].spread = Ppm::from_parts(200);
    house.markets[0].funding = Ppb::from_parts(12_500); // longs pay
    let long = measure(&house, &[house.position(BTC, Contract::Perpetual, ONE_BTC)]);
    // 150 of doubt, 6 of half the spread, 8 hours · 0.00125 % · 60 000 = 6 of funding.
    assert_eq!(long.charges_initial, dollars(162));
    assert_eq!(long.charges_maintenance, dollars(6));
    let short = measure(&house, &[house.position(BTC, Contract::Perpetual, -ONE_BTC)]);
    assert_eq!(short.charges_initial, dollars(156));
}

#[test]
fn impact_follows_the_square_root_of_what_trades_and_of_how_deep_books_are() {
    // 0019-MARG-009: ⅔ · 3 % · 60 000 · √(60 000 / 6 000 000) = 120; twice that where books are a quarter as deep.
    for (depth, lots, impact) in
        [(1_000_000, ONE_BTC, 120), (250_000, -ONE_BTC, 240), (1_000_000, 4 * ONE_BTC, 8 * 120)]
    {
        let mut thin = House::new();
        thin.underlyings[0].vol_daily = Ppm::from_parts(30_000);
        thin.underlyings[0].volume_daily = dollars(6_000_000);
        thin.underlyings[0].depth = Ppm::from_parts(depth);
        thin.underlyings[0].depth_hold = Ppm::from_parts(depth);
        let needed = measure(&thin, &[thin.position(BTC, Contract::Perpetual, lots)]);
        let above = needed.charges_maintenance.minus(dollars(impact)).unwrap().micros();
        assert!((0..1_000 * impact).contains(&above), "{above}");
        assert_eq!(needed.charges_initial, needed.charges_maintenance);
        let held = [thin.position(BTC, Contract::Perpetual, lots)];
        let tree = explain(&thin.risk(), &of(0, &held)).unwrap();
        assert_eq!(tree.dollars_of("impact"), Some(needed.charges_initial), "{tree}");
        thin.parameters.impact = Ppm::ZERO;
        let free = measure(&thin, &[thin.position(BTC, Contract::Perpetual, lots)]);
        assert_eq!(free.charges_maintenance, Notional::ZERO);
    }
}

#[test]
fn each_margin_is_charged_by_how_deep_books_are_for_it() {
    // 0019-MARG-009, 0031-THRE-042: 120 where books are as deep as usual, 240 at a quarter.
    let mut house = House::new();
    house.underlyings[0].vol_daily = Ppm::from_parts(30_000);
    house.underlyings[0].volume_daily = dollars(6_000_000);
    house.underlyings[0].depth = Ppm::from_parts(250_000);
    let held = [house.position(BTC, Contract::Perpetual, ONE_BTC)];
    let needed = measure(&house, &held);
    let above = |charges: Notional, impact| charges.minus(dollars(impact)).unwrap().micros();
    assert!((0..240_000).contains(&above(needed.charges_initial, 240)), "{needed:?}");
    assert!((0..120_000).contains(&above(needed.charges_maintenance, 120)), "{needed:?}");
    // Books deeper for new risk than for what is held build no matrix: initial margin is never the lower.
    house.underlyings[0].depth_hold = Ppm::from_parts(200_000);
    let now = BlockTime::from_millis(NOW);
    let built = Risk::build(&house.parameters, now, &house.underlyings, &house.markets);
    assert!(built.is_err());
}

#[test]
fn vega_has_an_impact_of_its_own_which_options_of_opposite_vega_do_not_have_together() {
    // 0019-MARG-009
    let mut house = House::new();
    house.underlyings[0].vol_move_daily = Ppm::from_parts(50_000);
    house.underlyings[0].vega_daily = dollars(6_000_000);
    let straddle = |days, lots| {
        [Right::Call, Right::Put]
            .map(|right| house.position(BTC, option(days, 60_000, right), lots))
    };
    let charged = |positions: &[Position]| measure(&house, positions).charges_maintenance.micros();
    let bought = straddle(30, ONE_BTC);
    let vega = greeks(&house.risk(), &bought).unwrap().by_underlying().unwrap()[0].vega;
    // ⅔ · 5 % · 𝒱 · √(𝒱 / 6 000 000), 𝒱 for 100 points; the scenarios' slope differs from the slope at the vol.
    let vega = vega.micros() * 100;
    let expected = vega / 30 * (vega * 100_000_000 / 6_000_000_000_000).isqrt() / 10_000;
    let found = charged(&bought);
    assert!((found - expected).abs() < expected / 50, "{found} {expected}");
    let twice = charged(&straddle(30, 2 * ONE_BTC));
    assert!((twice * 1_000 / found - 2_828).abs() <= 1, "{twice} {found}");
    // Sold against another expiry, what is left of the vega is charged, and the short options' own charge.
    let naked = {
        let mut free = house.clone();
        free.underlyings[0].vega_daily = Notional::ZERO;
        move |positions: &[Position]| measure(&free, positions).charges_maintenance.micros()
    };
    let both: Vec<Position> = bought.into_iter().chain(straddle(180, -ONE_BTC)).collect();
    assert!(
        charged(&both) - naked(&both)
            < charged(&straddle(180, -ONE_BTC)) - naked(&straddle(180, -ONE_BTC))
    );
    let future = [house.position(BTC, Contract::Perpetual, ONE_BTC)];
    assert_eq!(charged(&future), 0, "what has no vega");
}

#[test]
fn a_stable_coin_below_its_peg_raises_initial_margin() {
    // 0019-MARG-008: 4 · (0.99 − 0.95) of the scan range of 16 % on 60 000.
    let mut house = House::new();
    house.parameters.stable_price = Price::from_micros(950_000);
    for lots in [ONE_BTC, -ONE_BTC] {
        let needed = measure(&house, &[house.position(BTC, Contract::Perpetual, lots)]);
        assert_eq!(needed.charges_initial, dollars(1_536));
        assert_eq!(needed.charges_maintenance, Notional::ZERO);
    }
    house.parameters.stable_price = Price::from_micros(990_000);
    let needed = measure(&house, &[house.position(BTC, Contract::Perpetual, ONE_BTC)]);
    assert_eq!(needed.charges_initial, Notional::ZERO);
}

#[test]
fn collateral_of_an_asset_that_is_worth_next_to_nothing_counts() {
    // 0019-MARG-016
    for (index, units) in [(1_000, 50_000_000), (500, 100_000_000), (1, 50_000_000_000)] {
        let mut house = House::new();
        house.underlyings[0].index = Price::from_micros(index);
        house.markets.retain(|market| market.instrument.underlying == ETH);
        let pledged = [(BTC_ASSET, Quantity::from_nanos(units * 1_000_000_000))];
        let portfolio = Portfolio { collateral: &pledged, ..of(0, &[]) };
        let needed = required(&house.risk(), &portfolio).unwrap();
        assert_eq!(needed.equity, dollars(50_000), "at {index} micro-dollars");
        assert!(needed.initial > dollars(12_000), "it may fall, and has a haircut");
    }
}

#[test]
fn collateral_counts_up_to_a_billion_dollars_and_no_price_makes_a_step() {
    // 0019-MARG-016: the lot is a tenth as large from 100,000 on.
    let equity = |index: i128, bitcoins: i128| {
        let mut house = House::new();
        house.underlyings[0].index = Price::from_micros(index);
        house.markets.retain(|market| market.instrument.underlying == ETH);
        let pledged = [(BTC_ASSET, Quantity::from_nanos(bitcoins * 1_000_000_000))];
        let risk = house.risk();
        let counted = risk.counted(BTC_ASSET, pledged[0].1).unwrap();
        let equity =
            required(&risk, &Portfolio { collateral: &pledged, ..of(0, &[]) }).unwrap().equity;
        let value = counted.value(house.underlyings[0].index, Round::Down).unwrap();
        assert_eq!(value.micros(), equity.micros(), "what counts is what is worth something");
        equity.micros()
    };
    for (index, value) in [(99_999_990_000, 499_999_950), (100_000_000_000, 500_000_000)] {
        assert_eq!(equity(index, 5_000), dollars(value).micros());
    }
    for index in [60_000_000_000, 99_999_990_000, 100_000_000_000] {
        let most = equity(index, 2_000_000);
        assert!((dollars(1_000_000_000).micros() - most) < 10_000_000, "{most}");
        assert!(most <= dollars(1_000_000_000).micros(), "{most}");
    }
}

#[test]
fn the_haircut_of_collateral_rises_with_its_size() {
    // 0019-MARG-008: 10 % of 60 000, and 5 % of the 30 000 above the knee; half of both in maintenance.
    let mut house = House::new();
    house.underlyings[0].haircut_knee = dollars(30_000);
    house.underlyings[0].haircut_beyond = Ppm::from_parts(50_000);
    let risk = house.risk();
    let pledged = |bitcoins: i128| {
        let pledged = [(BTC_ASSET, Quantity::from_nanos(bitcoins * 500_000_000))];
        required(&risk, &Portfolio { collateral: &pledged, ..of(0, &[]) }).unwrap()
    };
    assert_eq!(pledged(1).charges_initial, dollars(3_000));
    assert_eq!(pledged(2).charges_initial, dollars(6_000 + 1_500));
    assert_eq!(pledged(2).charges_maintenance, dollars(3_000 + 750));
    assert_eq!(pledged(4).charges_initial, dollars(12_000 + 4_500));
}

#[test]
fn the_standing_follows_equity() {
    // 0019-MARG-013
    let house = House::new();
    let risk = house.risk();
    let held = [house.position(BTC, Contract::Perpetual, ONE_BTC)];
    for (cash, standing) in [
        (9_600, Standing::Healthy),
        (9_599, Standing::ReduceOnly),
        (7_680, Standing::ReduceOnly),
        (7_679, Standing::Liquidatable),
        (5_120, Standing::Liquidatable),
        (5_119, Standing::Takeover),
        (0, Standing::Takeover),
        (-1, Standing::Insolvent),
    ] {
        assert_eq!(required(&risk, &of(cash, &held)).unwrap().standing(), standing, "{cash}");
    }
}

#[test]
fn orders_are_refused_for_what_is_wrong_with_them() {
    // 0019-MARG-011
    let house = House::new();
    let risk = house.risk();
    let account = AccountMargin::new(&risk, &of(1_000, &[])).unwrap();
    let good = OpenOrder {
        instrument: BTC_PERP,
        side: Side::Buy,
        price: price(60_000),
        lots: Lots::from_count(1),
        fee: Notional::ZERO,
    };
    for (order, refusal) in [
        (OpenOrder { instrument: InstrumentId::new(999), ..good }, Refusal::InstrumentUnknown),
        (OpenOrder { lots: Lots::ZERO, ..good }, Refusal::LotsNotPositive),
        (OpenOrder { lots: Lots::from_count(-1), ..good }, Refusal::LotsNotPositive),
        (OpenOrder { lots: Lots::from_count(1 << 31), ..good }, Refusal::LotsTooMany),
        (OpenOrder { lots: Lots::from_count((1 << 31) - 1), ..good }, Refusal::LotsTooMany),
    ] {
        assert_eq!(account.check(&order), Err(refusal));
    }
    let check = account.check(&OpenOrder { lots: Lots::from_count(200), ..good }).unwrap();
    assert_eq!(check.cover(), Cover::Short(dollars(1_920 - 1_000)));
    let mut full = account.clone();
    for _ in 0..protocol::limits::ORDERS_PER_ACCOUNT_MAX {
        full.add(&good).unwrap();
    }
    assert_eq!(full.add(&good), Err(Refusal::TooManyOrders));
}

#[test]
fn an_account_has_at_most_as_many_positions_as_the_limit() {
    let limit = protocol::limits::POSITIONS_PER_ACCOUNT_MAX;
    let mut house = House::new();
    house.markets.clear();
    for id in 0..=limit {
        let id = u32::try_from(id).unwrap();
        let strike = 30_000 + i128::from(id) * 500;
        let contract = option(30, strike, Right::Call);
        house.markets.push(market(instrument(id, BTC, contract, BTC_LOT), price(60_000), 6_000));
    }
    let risk = house.risk();
    let positions: Vec<Position> = (0..limit)
        .map(|id| Position {
            instrument: InstrumentId::new(u32::try_from(id).unwrap()),
            lots: Lots::from_count(1),
            cost: Notional::ZERO,
        })
        .collect();
    let account = AccountMargin::new(&risk, &of(0, &positions)).unwrap();
    let order = |id: usize| OpenOrder {
        instrument: InstrumentId::new(u32::try_from(id).unwrap()),
        side: Side::Buy,
        price: price(10),
        lots: Lots::from_count(1),
        fee: Notional::ZERO,
    };
    assert!(account.check(&order(0)).is_ok());
    assert_eq!(account.check(&order(limit)), Err(Refusal::TooManyPositions));
    // An order that has left takes no place.
    let mut account = AccountMargin::new(&risk, &of(0, &positions[1..])).unwrap();
    account.add(&order(0)).unwrap();
    assert_eq!(account.check(&order(limit)), Err(Refusal::TooManyPositions));
    account.remove(&order(0)).unwrap();
    assert!(account.check(&order(limit)).is_ok());
}

#[test]
fn risk_fades_as_the_settlement_price_is_fixed() {
    // 0019-MARG-005
    let house_at = |remaining: i128| {
        let mut house = House::new();
        let now = expiry(2).millis() - remaining;
        let fixed = price(60_000 * (1_800_000 - remaining.min(1_800_000)) / 1_800_000);
        let settlement = (remaining < 1_800_000)
            .then(|| Settlement { fixed, remaining: BlockSpan::from_millis(remaining) });
        house.markets.retain(|m| m.instrument.contract.expires_at() == Some(expiry(2)));
        house.markets.retain(|m| m.instrument.underlying == BTC);
        for market in &mut house.markets {
            market.forward = price(60_000);
            market.settlement = settlement;
            let now = BlockTime::from_millis(now);
            let (instrument, vol) = (market.instrument, Vol::from_points(6_000));
            market.mark = mark_value(&instrument, market.forward, vol, now, settlement).unwrap();
            market.vol = vol;
        }
        let now = BlockTime::from_millis(now);
        let risk = Risk::build(&house.parameters, now, &house.underlyings, &house.markets).unwrap();
        let needed = |contract, lots| {
            let position = house.position(BTC, contract, lots);
            required(&risk, &of(0, &[position])).unwrap().scan_new.micros()
        };
        let call = option(2, 60_000, Right::Call);
        (needed(future(2), ONE_BTC), needed(call, -ONE_BTC), house.find(BTC, call).mark)
    };
    let (before, after) = (house_at(1_800_001), house_at(1_799_999));
    assert!((before.0 - after.0).abs() < 20_000, "no jump as the window opens");
    assert!((before.1 - after.1).abs() < 2_000_000, "{before:?} {after:?}");
    assert!(before.2.minus(after.2).unwrap().magnitude().unwrap() < Price::from_micros(20_000));
    let half = house_at(900_000);
    assert!((half.0 * 2 - before.0).abs() < 200_000, "half is fixed, half is at risk");
    assert!(half.1 < before.1);
    let end = house_at(0);
    assert!(end.0 <= 1_000 && end.1 <= 10_000, "nothing moves any more: {end:?}");
    assert_eq!(end.2, Price::ZERO);
}

#[test]
fn an_option_is_marked_at_what_it_pays_once_all_is_fixed() {
    let call = instrument(1, BTC, option(2, 55_000, Right::Call), BTC_LOT);
    let put = instrument(2, BTC, option(2, 55_000, Right::Put), BTC_LOT);
    let fixed = Settlement { fixed: price(60_123), remaining: BlockSpan::ZERO };
    let at = |instrument| {
        mark_value(instrument, price(1), Vol::from_points(6_000), expiry(2), Some(fixed)).unwrap()
    };
    assert_eq!(at(&call), price(5_123));
    assert_eq!(at(&put), Price::ZERO);
}

#[test]
fn greeks_add_up_over_expiries() {
    // 0019-MARG-014
    let house = House::new();
    let risk = house.risk();
    let strike = |right, lots| house.position(BTC, option(30, 60_000, right), lots);
    // A call less a put is a forward.
    let forward = [strike(Right::Call, ONE_BTC), strike(Right::Put, -ONE_BTC)];
    let all = greeks(&risk, &forward).unwrap();
    assert_eq!(all.buckets.len(), 1);
    assert!(all.buckets[0].delta.minus(Quantity::ONE).unwrap().nanos().abs() < 10);
    assert!(all.buckets[0].vega.micros().abs() <= 2);
    let both = [
        house.position(BTC, Contract::Perpetual, -ONE_BTC),
        strike(Right::Call, ONE_BTC),
        house.position(ETH, Contract::Perpetual, ONE_ETH),
    ];
    let all = greeks(&risk, &both).unwrap();
    let sums = all.by_underlying().unwrap();
    assert_eq!(all.buckets.len(), 3);
    assert_eq!(sums.len(), 2);
    assert_eq!(sums[1].delta, Quantity::ONE);
    assert!(sums[0].delta < Quantity::ZERO, "the call hedges half of the short");
    assert!(sums[0].gamma > Notional::ZERO && sums[0].vega > Notional::ZERO);
    assert!(sums[0].theta < Notional::ZERO);
    // A day of theta at the money is about half a day of the vol's variance in gamma.
    assert!((-100..-30).contains(&(sums[0].theta.micros() / 1_000_000)), "{}", sums[0].theta);
}

#[test]
fn the_greeks_of_a_unit_fit_however_near_the_end_is() {
    // 0019-MARG-014
    let now = BlockTime::from_millis(NOW);
    let limit = Price::from_micros(Price::LIMIT);
    let mut bounded = 0;
    for forward in [1, 60_000_000_000, Price::LIMIT] {
        let forward = Price::from_micros(forward);
        for left in [0, 1, 60_000, 30 * DAY] {
            let expires_at = BlockTime::from_millis(NOW + left);
            for vol in [0, 1, 6_000, Vol::LIMIT] {
                for right in [Right::Call, Right::Put] {
                    let contract = Contract::Option { expires_at, strike: forward, right };
                    let vol = Vol::from_points(vol);
                    let unit = UnitGreeks::new(&contract, forward, vol, now, None).unwrap();
                    for figure in [unit.gamma, unit.vega, unit.theta] {
                        assert!(figure.magnitude().unwrap() <= limit);
                        bounded += u32::from(figure.magnitude().unwrap() == limit);
                    }
                    assert!(unit.gamma >= Price::ZERO && unit.theta <= Price::ZERO);
                }
            }
        }
    }
    assert!(bounded > 0, "the bound is met");
    // In the middle of the settlement window half of a unit still moves.
    let expires_at = BlockTime::from_millis(NOW + DAY / 96);
    let remaining = BlockSpan::from_millis(DAY / 96);
    let half = Settlement { fixed: Price::ZERO, remaining };
    let future = Contract::Future { expires_at };
    let unit = UnitGreeks::new(&future, price(60_000), Vol::ZERO, now, Some(half)).unwrap();
    assert_eq!(unit.delta.parts(), 500_000_000);
}

#[test]
fn parameters_out_of_bounds_are_a_fault() {
    // 0019-MARG-003
    let house = House::new();
    let build = |change: fn(&mut Parameters)| {
        let mut parameters = Parameters::default();
        change(&mut parameters);
        let now = BlockTime::from_millis(NOW);
        Risk::build(&parameters, now, &house.underlyings, &house.markets).is_err()
    };
    assert!(!build(|_| ()));
    assert!(build(|parameters| parameters.scenarios[3].weight = Ppm::ZERO));
    assert!(build(|parameters| parameters.scenarios[3].weight = Ppm::from_parts(1_000_001)));
    assert!(build(|parameters| parameters.calendar.base = Ppm::from_parts(200_001)));
    assert!(build(|parameters| {
        parameters.classes.insert(margin::OffsetClass::new(1), Ppm::from_parts(199_999));
    }));
    assert!(build(|parameters| parameters.maintenance_ratio = Ppm::from_parts(1_000_001)));
    assert!(build(|parameters| parameters.scan_floor = Ppm::ZERO));
}

#[test]
fn what_cannot_have_been_admitted_is_a_fault() {
    let house = House::new();
    let risk = house.risk();
    let unknown = Position {
        instrument: InstrumentId::new(999),
        lots: Lots::from_count(1),
        cost: Notional::ZERO,
    };
    assert!(required(&risk, &of(0, &[unknown])).is_err());
    assert!(explain(&risk, &of(0, &[unknown])).is_err());
    assert!(greeks(&risk, &[unknown]).is_err());
    let huge = Position { instrument: BTC_PERP, lots: Lots::from_count(1 << 40), ..unknown };
    assert!(required(&risk, &of(0, &[huge])).is_err());
    let mut twice = house.clone();
    twice.underlyings.push(twice.underlyings[0]);
    let now = BlockTime::from_millis(NOW);
    assert!(Risk::build(&twice.parameters, now, &twice.underlyings, &twice.markets).is_err());
    assert!(Risk::build(&house.parameters, now, &house.underlyings[..1], &house.markets).is_err());
}

#[test]
fn the_explanation_reads_like_a_statement() {
    // 0019-MARG-015
    let house = House::new();
    let held = [
        house.position(BTC, Contract::Perpetual, ONE_BTC),
        house.position(BTC, future(30), -ONE_BTC / 2),
    ];
    let tree = explain(&house.risk(), &of(10_000, &held)).unwrap();
    expect_test::expect![[r#"
        equity above initial margin                                        4636.164576 $
          equity                                                                 10000 $
            cash                                                                 10000 $
            value at marks                                                     29753.5 $
            settled before                                                     29753.5 $
          initial margin                                                   5363.835424 $
            scan for new risk                                              5363.835424 $
              class 1                                                        4760.5605 $
                in scenario                                                           #0
                share                                                                0.5
                underlying 1                                                 4760.5605 $
                  in scenario                                                         #0
                  share                                                             0.45
                  no expiry                                                       9600 $
                    in scenario                                                       #0
                    share                                                           0.05
                  expiry 1702592000000                                       4839.4405 $
                    in scenario                                                      #30
                    share                                                       0.074658
            least scan                                                      4291.06834 $
            charges in initial margin                                                0 $
          maintenance margin                                                4291.06834 $
            share of scan                                                   4291.06834 $
            scan for risk held                                             5363.835424 $
              class 1                                                        4760.5605 $
                in scenario                                                           #0
                share                                                                0.5
                underlying 1                                                 4760.5605 $
                  in scenario                                                         #0
                  share                                                             0.45
                  no expiry                                                       9600 $
                    in scenario                                                       #0
                    share                                                           0.05
                  expiry 1702592000000                                       4839.4405 $
                    in scenario                                                      #30
                    share                                                       0.074658
            charges in maintenance margin                                            0 $
          liquidation target                                               4934.728591 $
          worst scenario                                                              #0
    "#]]
    .assert_eq(&tree.to_string());
}
