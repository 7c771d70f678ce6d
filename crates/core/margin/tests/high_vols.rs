//! Margin where vols are far above what they usually are: nothing that a shock makes of them is cut.

mod support;

use margin::{Position, Requirement, Risk, required, scenario_profits};
use protocol::{Contract, Right};
use support::{BTC, BTC_LOT, House, NOW, dollars, instrument, market, of, option, price};
use units::{BlockTime, Lots, Notional, Vol};

/// A bitcoin in lots.
const ONE_BTC: i128 = 1_000;

/// Returns the matrices of one contract.
fn risk_of(contract: Contract, vol: i128, uncertainty: i128) -> Risk {
    let mut house = House::new();
    let listed = instrument(1, BTC, contract, BTC_LOT);
    house.markets = vec![market(listed, price(60_000), vol)];
    house.markets[0].vol_uncertainty = Vol::from_points(uncertainty);
    let now = BlockTime::from_millis(NOW);
    Risk::build(&house.parameters, now, &house.underlyings, &house.markets).unwrap()
}

/// Returns what a bitcoin's worth of a contract must hold, and what it gains as vols alone rise.
fn measured(contract: Contract, vol: i128, lots: i128) -> (Requirement, Notional) {
    let risk = risk_of(contract, vol, 0);
    let held = Position {
        instrument: protocol::InstrumentId::new(1),
        lots: Lots::from_count(lots),
        cost: Notional::ZERO,
    };
    let held = [held];
    let profits = scenario_profits(&risk, &of(0, &held)).unwrap();
    (required(&risk, &of(0, &held)).unwrap(), profits[17])
}

/// Days to expiry, vol in hundredths of a percent, initial and maintenance margin and profit in scenario 17 of a short
/// call at the money on one bitcoin at 60,000 dollars, in dollars; nothing where it was not computed.
///
/// From a model in floating point that was written from spec 0019 alone and shares no code with this.
type Row = (i128, i128, [Option<&'static str>; 3]);

const ROWS: [Row; 9] = [
    (1, 25_000, [Some("10875.28"), Some("8640.23"), Some("-4286.97")]),
    (1, 27_400, [Some("11260.17"), Some("8948.14"), None]),
    (1, 30_000, [Some("11688.29"), Some("9290.63"), Some("-5129.93")]),
    (1, 40_000, [Some("13393.66"), Some("10654.93"), Some("-6791.24")]),
    (1, 50_000, [Some("15127.32"), Some("12041.86"), Some("-8411.60")]),
    (1, 65_535, [Some("17776.30"), Some("14161.04"), Some("-10825.95")]),
    (30, 40_000, [Some("19194.48"), None, None]),
    (30, 50_000, [Some("20578.35"), None, None]),
    (30, 65_535, [Some("20996.76"), None, None]),
];

#[test]
fn a_short_option_needs_what_its_shocked_vol_says_at_every_vol_there_is() {
    // 0019-MARG-002, 005
    for (days, vol, expected) in ROWS {
        let contract = option(days, 60_000, Right::Call);
        let (needed, profit) = measured(contract, vol, -ONE_BTC);
        let found = [needed.initial, needed.maintenance, profit];
        for (found, expected) in found.into_iter().zip(expected) {
            let Some(expected) = expected else { continue };
            let off = found.minus(expected.parse().unwrap()).unwrap().micros();
            // Half a cent of the row, and what is reserved for a thousand short lots.
            assert!(off.abs() <= 10_000, "{days} days at {vol}: {found}, not {expected}");
        }
    }
}

#[test]
fn what_a_short_option_loses_as_vols_rise_never_falls_with_vol() {
    // 0019-MARG-005: from where the floor of a raised vol no longer holds to the highest that is voted. (Beyond, an option is
    // worth nearly all it can be, and less is left to lose.)
    for days in [1, 2, 7, 14, 30] {
        for percent in [85, 95, 100, 105, 115] {
            for right in [Right::Call, Right::Put] {
                let contract = option(days, 600 * percent, right);
                let mut last = Notional::from_micros(i128::from(i64::MAX));
                for vol in (4_500..=50_000).step_by(650) {
                    let (_, profit) = measured(contract, vol, -ONE_BTC);
                    let slack = Notional::from_micros(10_000);
                    assert!(
                        profit <= last.plus(slack).unwrap(),
                        "{days} days, {percent} %, {right:?} at {vol}: {profit} after {last}"
                    );
                    last = profit;
                }
            }
        }
    }
}

#[test]
fn what_a_short_option_can_come_to_never_falls_as_vol_rises() {
    // 0019-MARG-005: from 1 % to the highest vol there is, near, far and away from the money, calls and puts.
    for days in [1, 2, 7, 30, 90, 365, 730] {
        for percent in [60, 90, 100, 115, 180] {
            for right in [Right::Call, Right::Put] {
                let contract = option(days, 600 * percent, right);
                let mut last = [Notional::ZERO; 3];
                for vol in (100..=65_535).step_by(1_557) {
                    let (needed, _) = measured(contract, vol, -ONE_BTC);
                    // With what the option is worth, in the share that counts of a loss, because the more it is worth
                    // the less is left to lose: together they are that share of its value in the worst scenario.
                    let worth = -needed.equity.micros();
                    let share = 950_000 + (50_000 + 300_000 * days / 365).min(400_000);
                    let with = |margin: Notional, share: i128| {
                        Notional::from_micros(margin.micros() + worth * share / 1_000_000)
                    };
                    let all = [
                        with(needed.initial, share),
                        with(needed.scan_hold, share),
                        with(needed.maintenance, share * 8 / 10),
                    ];
                    for (now, before) in all.iter().zip(last) {
                        // A millionth of what the share rounds away, and the reserve.
                        let slack = Notional::from_micros(100_000);
                        assert!(
                            now.plus(slack).unwrap() >= before,
                            "{days} days, {percent} %, {right:?} at {vol}: {now} after {before}"
                        );
                    }
                    last = all;
                }
            }
        }
    }
}

#[test]
fn doubt_about_the_highest_vol_is_charged_whole() {
    // 0019-MARG-008: value at the vol and its uncertainty, less value at the vol.
    let contract = option(1, 60_000, Right::Call);
    let charge = |vol, uncertainty| {
        let risk = risk_of(contract, vol, uncertainty);
        let held = Position {
            instrument: protocol::InstrumentId::new(1),
            lots: Lots::from_count(-ONE_BTC),
            cost: Notional::ZERO,
        };
        required(&risk, &of(0, &[held])).unwrap().charges_maintenance
    };
    let worth = |vol| measured(contract, vol, ONE_BTC).0.equity;
    let least = dollars(180); // 0.3 % of the index
    for (vol, uncertainty) in [(40_000, 10_000), (50_000, 50_000), (65_535, 65_535)] {
        let more = charge(vol, uncertainty).minus(least).unwrap();
        let value = match vol + uncertainty {
            higher if higher <= 65_535 => worth(higher),
            // An option at the money is worth less at the highest vol there is.
            _ => worth(65_535),
        };
        let difference = value.minus(worth(vol)).unwrap();
        let off = more.minus(difference).unwrap().micros();
        match vol + uncertainty <= 65_535 {
            true => assert!(off.abs() < 10_000, "{vol} and {uncertainty}: {more}"),
            false => assert!(off > 0, "{vol} and {uncertainty}: {more}"),
        }
    }
    assert!(charge(65_535, 100) > charge(65_535, 0), "doubt does not end at the highest vol");
}
