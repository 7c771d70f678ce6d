//! The scenario matrix against a model that shares nothing with it: `tools/margin/scenarios.py`, from the page of the spec alone.

mod support;

use margin::{
    MarketInput, Parameters, Portfolio, Position, Risk, SCENARIOS, Settlement, mark_value,
    scenario_profits,
};
use protocol::{Contract, InstrumentId, Right};
use support::{BTC, NOW, instrument, market, underlying};
use units::{BlockSpan, BlockTime, Lots, Notional, Ppm, Price, Quantity, Vol};

const ROWS: &str = include_str!("scenarios.txt");
/// A lot of one unit, so that a row is in dollars as the model is.
const ONE: i128 = 1_000_000_000;
const HALF_HOUR: i128 = 1_800_000;

/// Returns the defaults, and numbers that none of them could be mistaken for.
fn parameters(number: i128) -> Parameters {
    let mut parameters = Parameters::default();
    if number == 1 {
        let ppm = Ppm::from_parts;
        let vol = &mut parameters.vol;
        (vol.up, vol.down) = (ppm(800_000), ppm(350_000));
        vol.up_floor = Vol::from_points(3_000);
        (vol.power_near, vol.power_far) = (ppm(500_000), ppm(210_000));
        (vol.skew_cap, vol.skew_cap_decline) = (ppm(400_000), ppm(30_000));
        (vol.skew_width, vol.skew_width_floor) = (ppm(1_300_000), ppm(50_000));
        vol.front_up = (ppm(1_350_000), ppm(750_000));
        vol.front_down = (ppm(650_000), ppm(1_250_000));
    }
    parameters
}

struct Row {
    index: Price,
    forward: Price,
    range: Ppm,
    parameters: i128,
    contract: Contract,
    settlement: Option<Settlement>,
    vol: Vol,
    slack: i128,
    profits: Vec<i128>,
}

impl Row {
    fn read(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |place: usize| words[place].parse::<i128>().unwrap();
        let price = |place| Price::from_micros(number(place));
        let millis = number(4);
        let expires_at = BlockTime::from_millis(NOW + millis);
        let option = |right| Contract::Option { expires_at, strike: price(6), right };
        let contract = match words[7] {
            "F" if millis < 0 => Contract::Perpetual,
            "F" => Contract::Future { expires_at },
            "C" => option(Right::Call),
            _ => option(Right::Put),
        };
        let settlement = (0..HALF_HOUR)
            .contains(&millis)
            .then(|| Settlement { fixed: price(5), remaining: BlockSpan::from_millis(millis) });
        Self {
            index: price(0),
            forward: price(1),
            range: Ppm::from_parts(number(2)),
            parameters: number(3),
            contract,
            settlement,
            vol: Vol::from_points(number(8)),
            slack: number(9),
            profits: (10..words.len()).map(number).collect(),
        }
    }

    /// Returns what a lot gains in every scenario, and the unit that these are multiples of, in micro-dollars.
    fn measured(&self) -> ([Notional; SCENARIOS], i128) {
        let listed = instrument(1, BTC, self.contract, ONE);
        let now = BlockTime::from_millis(NOW);
        let mark = mark_value(&listed, self.forward, self.vol, now, self.settlement).unwrap();
        let plain = market(instrument(1, BTC, Contract::Perpetual, ONE), self.forward, 0);
        let input = MarketInput {
            instrument: listed,
            mark,
            vol: self.vol,
            settlement: self.settlement,
            ..plain
        };
        let mut held = underlying(BTC, 1, self.index);
        (held.scan_hold, held.scan_new) = (self.range, self.range);
        let risk = Risk::build(&parameters(self.parameters), now, &[held], &[input]).unwrap();
        let position = Position {
            instrument: InstrumentId::new(1),
            lots: Lots::from_count(1),
            cost: Notional::ZERO,
        };
        let portfolio = Portfolio {
            cash: Notional::ZERO,
            positions: &[position],
            collateral: &[],
            orders: &[],
        };
        let profits = scenario_profits(&risk, &portfolio).unwrap();
        let greatest = profits.iter().map(|profit| profit.micros().unsigned_abs()).max().unwrap();
        // 0019-MARG-004: the least that keeps every entry below 2²⁸.
        let bits = (u128::BITS - greatest.leading_zeros()).saturating_sub(28);
        (profits, 1 << bits)
    }
}

#[test]
fn every_scenario_is_that_of_a_model_written_from_the_spec_alone() {
    // 0019-MARG-001, 002, 004, 005
    assert_eq!(Quantity::ONE.nanos(), ONE);
    let (mut rows, mut told) = (0, [0u32; SCENARIOS]);
    for line in ROWS.lines().filter(|line| !line.starts_with('#')) {
        let row = Row::read(line);
        // What rounding of vols to a millionth may do is less than a dollar on sixty thousand.
        assert!(row.slack <= 350_000, "{line}");
        let (found, unit) = row.measured();
        let still = row.profits[16];
        for (scenario, (found, expected)) in found.iter().zip(&row.profits).enumerate() {
            let off = expected - found.micros();
            assert!(
                (-row.slack..=row.slack + unit).contains(&off),
                "scenario {scenario} is {}, not {expected} within {}: {line}",
                found.micros(),
                row.slack
            );
            told[scenario] += u32::from((expected - still).abs() > 100 * row.slack);
        }
        rows += 1;
    }
    assert!(rows > 150, "{rows}");
    // Each scenario moves many a row by a hundred times what rounding may, but the one that moves none.
    for (scenario, told) in told.into_iter().enumerate() {
        assert!(told > 40 || scenario == 16, "scenario {scenario} tells in {told} rows");
    }
}
