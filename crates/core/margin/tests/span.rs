//! The classic scan over sixteen scenarios: risk arrays as an exchange prints them, and as the kernel prices them.
//!
//! The printed arrays are those of McMillan, Options as a Strategic Investment, chapter 34: a future on the S&P index
//! and a call on it, in dollars. Scenarios in the order of the exchange: the price unmoved, up and down by a third,
//! two thirds and the whole of the scan range, each with vols up and down, then twice the range with 35 % of the loss.

mod support;

use margin::{
    Parameters, Position, Risk, SCENARIOS, Scenario, SpotMove, UnderlyingInput, VolMove, required,
};
use pricing::{Deviation, FineVol, Forward, Horizon, Strike};
use protocol::{Contract, Right};
use support::{BTC, NOW, expiry, instrument, market, of, option, price, underlying};
use units::{BlockSpan, BlockTime, Lots, Notional, Ppm, Price, Round};

const CLASSIC: usize = 16;
/// A lot worth 60 000 dollars is rounded to 2⁷ micro-dollars at most.
const ROUNDING: i128 = 128;
const FUTURE: [i128; CLASSIC] = [
    0, 0, 3_330, 3_330, -3_330, -3_330, 6_670, 6_670, -6_670, -6_670, 10_000, 10_000, -10_000,
    -10_000, 7_000, -7_000,
];
const CALL: [i128; CLASSIC] = [
    460, -610, 2_640, 1_730, -1_270, -2_340, 5_210, 4_540, -2_540, -3_430, 8_060, 7_640, -3_380,
    -3_990, 3_130, -1_500,
];

/// Returns sixteen scenarios as a set of forty-eight: what is left repeats the first.
fn parameters(classic: [Scenario; CLASSIC]) -> Parameters {
    let mut scenarios = [classic[0]; SCENARIOS];
    scenarios[..CLASSIC].copy_from_slice(&classic);
    let mut parameters = Parameters { scenarios, ..Parameters::default() };
    // One expiry then keeps the whole of its loss and no more.
    parameters.calendar.base = Ppm::from_parts(1);
    parameters.calendar.slope = Ppm::ZERO;
    parameters
}

/// Returns an underlying without charges, so that the scan is all.
fn uncharged(index: Price) -> UnderlyingInput {
    let (short_option_maintenance, short_option_initial) = (Ppm::ZERO, Ppm::ZERO);
    UnderlyingInput { short_option_maintenance, short_option_initial, ..underlying(BTC, 1, index) }
}

fn moved(parts: i128, vol: VolMove, weight: i128) -> Scenario {
    let spot = SpotMove::Ratio(Ppm::from_parts(parts));
    Scenario { spot, vol, weight: Ppm::from_parts(weight) }
}

/// Returns positions in calls at every dollar whose value in scenario i, at 100 + i dollars, is the i-th of an array:
/// calls without vol are straight between their strikes, so second differences are lots.
fn strip(array: impl Fn(usize) -> i128) -> Vec<i128> {
    let value = |at: i128| match usize::try_from(at) {
        Ok(at) if at < CLASSIC => array(at),
        Ok(_) => array(CLASSIC - 1),
        Err(_) => array(0),
    };
    (0..CLASSIC)
        .map(|at| i128::try_from(at).unwrap())
        .map(|at| value(at + 1) - 2 * value(at) + value(at - 1))
        .collect()
}

/// span16-long-future, span16-long-call, span16-covered-write: the scan risk that the book prints, from its arrays.
#[test]
fn a_scan_over_printed_arrays_is_the_printed_scan_risk() {
    // The scenario's number is its price above 100 dollars; nothing else moves.
    let at =
        |number: usize| moved(i128::try_from(number).unwrap() * 10_000, VolMove::Same, 1_000_000);
    let parameters = parameters(std::array::from_fn(at));
    let strikes: Vec<_> = (0..CLASSIC)
        .map(|number| {
            let strike = 100 + i128::try_from(number).unwrap();
            let id = u32::try_from(number).unwrap() + 1;
            // Not of the day: options of the day count at their strikes, too.
            let contract = option(2, strike, Right::Call);
            // One coin a lot: a call gains a dollar for each dollar above its strike.
            market(instrument(id, BTC, contract, 1_000_000_000), price(100), 0)
        })
        .collect();
    let now = BlockTime::from_millis(NOW);
    let risk = Risk::build(&parameters, now, &[uncharged(price(100))], &strikes).unwrap();
    for (futures, calls, scan_risk) in [(1, 0, 10_000), (0, 1, 3_990), (1, -1, 6_620)] {
        let array = |number: usize| futures * FUTURE[number] + calls * CALL[number];
        let lots = strip(array);
        let positions: Vec<_> = strikes
            .iter()
            .zip(&lots)
            .map(|(market, lots)| Position {
                instrument: market.instrument.id,
                lots: Lots::from_count(*lots),
                cost: Notional::ZERO,
            })
            .filter(|position| position.lots != Lots::ZERO)
            .collect();
        let needed = required(&risk, &of(0, &positions)).unwrap();
        // The strip is worth array(i) − array(0) in scenario i, and array(0) is cash; so the scan is off by it.
        let scanned = needed.scan_new.micros() - array(0) * 1_000_000;
        // 0019-MARG-004: three micro-dollars are reserved for each short lot of one coin, less than a dollar in all.
        let short: i128 = lots.iter().map(|lots| (-lots).max(0)).sum();
        assert_eq!(scanned, scan_risk * 1_000_000 + 3 * short, "{futures} {calls}");
        assert!(3 * short < 1_000_000);
    }
}

/// span16-long-future: the array itself, from the future's price. The range is 20 points of 1 000 at 500 dollars; the
/// exchange rounds a third of it to 6.66 points and two thirds to 13.34.
#[test]
fn the_printed_array_of_a_future_is_that_of_the_matrix() {
    let points: [(i128, i128); CLASSIC] = [
        (0, 1_000_000),
        (0, 1_000_000),
        (6_660, 1_000_000),
        (6_660, 1_000_000),
        (-6_660, 1_000_000),
        (-6_660, 1_000_000),
        (13_340, 1_000_000),
        (13_340, 1_000_000),
        (-13_340, 1_000_000),
        (-13_340, 1_000_000),
        (20_000, 1_000_000),
        (20_000, 1_000_000),
        (-20_000, 1_000_000),
        (-20_000, 1_000_000),
        (40_000, 350_000),
        (-40_000, 350_000),
    ];
    let classic: [Scenario; CLASSIC] = std::array::from_fn(|number| {
        let (parts, weight) = points[number];
        moved(parts, if number.is_multiple_of(2) { VolMove::Up } else { VolMove::Down }, weight)
    });
    let contract = Contract::Future { expires_at: expiry(30) };
    let future = market(instrument(1, BTC, contract, 500_000_000_000), price(1_000), 0);
    let now = BlockTime::from_millis(NOW);
    let scan = |parameters: &Parameters, lots: i128| {
        let risk = Risk::build(parameters, now, &[uncharged(price(1_000))], &[future]).unwrap();
        let lots = Lots::from_count(lots);
        let cost = lots.value(future.mark, future.instrument.contract_size, Round::Down).unwrap();
        let position = Position { instrument: future.instrument.id, lots, cost };
        required(&risk, &of(0, &[position])).unwrap().scan_new.micros()
    };
    for (number, dollars) in FUTURE.into_iter().enumerate() {
        // One scenario alone: its loss is what the long or the short must hold, and the other nothing.
        let alone = parameters([classic[number]; CLASSIC]);
        let exact = dollars * 1_000_000;
        assert_eq!(scan(&alone, 1), (-exact).max(0), "scenario {number}");
        // 0019-MARG-004: a short lot is charged the unit of its row.
        let unit = (0..).map(|bits| 1 << bits).find(|unit| exact.abs() / unit < 1 << 28).unwrap();
        assert_eq!(scan(&alone, -1), (exact + unit).max(0), "scenario {number}");
    }
    assert_eq!(scan(&parameters(classic), 1), 10_000_000_000);
}

/// The array of a call in sixteen scenarios, priced by the kernel alone, gives the scan of the engine.
///
/// The book does not say the strike, time and vols behind its call, so its own array cannot be priced.
#[test]
fn a_scan_over_arrays_that_the_kernel_prices_is_the_scan_of_the_engine() {
    let thirds = [0, 1, -1, 2, -2, 3, -3];
    let ratio = |number: usize| match number {
        14 => 320_000,
        15 => -320_000,
        _ => thirds[number / 2] * 160_000 / 3,
    };
    let up = |number: usize| number.is_multiple_of(2) || number == 15;
    let weight = |number: usize| if number < 14 { 1_000_000 } else { 350_000 };
    let classic = std::array::from_fn(|number| {
        let vol = if up(number) { VolMove::Up } else { VolMove::Down };
        moved(ratio(number), vol, weight(number))
    });
    let index = price(60_000);
    let contract = option(30, 62_000, Right::Call);
    let markets = [
        market(
            instrument(1, BTC, Contract::Future { expires_at: expiry(30) }, 1_000_000_000),
            index,
            0,
        ),
        market(instrument(2, BTC, contract, 1_000_000_000), index, 6_000),
    ];
    let now = BlockTime::from_millis(NOW);
    let risk = Risk::build(&parameters(classic), now, &[uncharged(index)], &markets).unwrap();

    // At thirty days vols move by a half up and a quarter down; two thirds of the averaging window carry no variance.
    let horizon = Horizon::after(BlockSpan::from_millis(30 * support::DAY - 1_200_000)).unwrap();
    let deviation = |percent: i128| {
        let vol = FineVol::from_trillionths(6_000_000_000 * percent).unwrap();
        Deviation::new(vol, horizon)
    };
    let strike = Strike::new(price(62_000)).unwrap();
    let call = |forward: Price, percent: i128| {
        let forward = Forward::new(forward).unwrap();
        pricing::call(forward, strike, deviation(percent), Round::Down).micros()
    };
    let gains: [(i128, i128); CLASSIC] = std::array::from_fn(|number| {
        let forward =
            index.scaled(Ppm::from_parts(1_000_000 + ratio(number)), Round::Down).unwrap();
        let percent = if up(number) { 150 } else { 75 };
        let future = forward.micros() - index.micros();
        let option = call(forward, percent) - call(index, 100);
        let count = |gain: i128| (gain * weight(number)).div_euclid(1_000_000);
        (count(future), count(option))
    });
    for (futures, calls) in [(1, 0), (0, 1), (0, -1), (1, -1), (-1, 2), (-3, 5)] {
        let losses = gains.iter().map(|(future, call)| -futures * future - calls * call);
        let scan_risk = losses.max().unwrap().max(0);
        let positions: Vec<_> = [futures, calls]
            .into_iter()
            .zip(&markets)
            .filter(|(lots, _)| *lots != 0)
            .map(|(lots, market)| {
                let lots = Lots::from_count(lots);
                let size = market.instrument.contract_size;
                let worth = lots.value(market.mark, size, Round::Down).unwrap();
                let future = market.instrument.id == markets[0].instrument.id;
                let cost = if future { worth } else { Notional::ZERO };
                Position { instrument: market.instrument.id, lots, cost }
            })
            .collect();
        let scanned = required(&risk, &of(0, &positions)).unwrap().scan_new.micros();
        // Each lot is rounded against its holder, by a unit of its row at most.
        let rounding = (futures.abs() + calls.abs()) * ROUNDING;
        let allowed = scan_risk..=scan_risk + rounding;
        assert!(allowed.contains(&scanned), "{futures} {calls}: {scanned}, not {scan_risk}");
    }
}
