//! The table of parameters in the specification is the one that is kept (0019-MARG-018).

mod support;

use margin::{OffsetClass, Risk};
use support::{House, NOW};
use units::{BlockTime, Notional, Ppm, Price};

const SPEC: &str = include_str!("../../../../spec/0019-margin.md");

/// Sets the parameter of a name, of the house or of its first underlying, and returns what it was.
fn set(house: &mut House, name: &str, value: i128) -> i128 {
    let House { parameters, underlyings, .. } = house;
    let underlying = &mut underlyings[0];
    let (vol, calendar) = (&mut parameters.vol, &mut parameters.calendar);
    let place = match name {
        "scan_floor" => &mut parameters.scan_floor,
        "scan_cap" => &mut parameters.scan_cap,
        "vol.up" => &mut vol.up,
        "vol.down" => &mut vol.down,
        "vol.power_near" => &mut vol.power_near,
        "vol.power_far" => &mut vol.power_far,
        "vol.skew_cap" => &mut vol.skew_cap,
        "vol.skew_cap_decline" => &mut vol.skew_cap_decline,
        "vol.skew_width" => &mut vol.skew_width,
        "vol.skew_width_floor" => &mut vol.skew_width_floor,
        "calendar.base" => &mut calendar.base,
        "calendar.slope" => &mut calendar.slope,
        "calendar.cap" => &mut calendar.cap,
        "class 1" => parameters.classes.get_mut(&OffsetClass::new(1)).unwrap(),
        "maintenance_ratio" => &mut parameters.maintenance_ratio,
        "buffer_ratio" => &mut parameters.buffer_ratio,
        "oracle_tolerance" => &mut parameters.oracle_tolerance,
        "haircut_maintenance_share" => &mut parameters.haircut_maintenance_share,
        "haircut" => &mut underlying.haircut,
        "haircut_beyond" => &mut underlying.haircut_beyond,
        "spread" => &mut underlying.spread,
        "vol_daily" => &mut underlying.vol_daily,
        "vol_move_daily" => &mut underlying.vol_move_daily,
        "depth" => &mut underlying.depth,
        "depth_hold" => {
            underlying.depth = Ppm::from_parts(50_000);
            &mut underlying.depth_hold
        }
        "haircut_knee" => return set_dollars(&mut underlying.haircut_knee, value),
        "volume_daily" => return set_dollars(&mut underlying.volume_daily, value),
        "vega_daily" => return set_dollars(&mut underlying.vega_daily, value),
        "depeg_slope" => &mut parameters.depeg_slope,
        "impact" => &mut parameters.impact,
        "stable_price" => {
            let before = parameters.stable_price.micros();
            parameters.stable_price = Price::from_micros(value);
            return before;
        }
        "depeg_free" => {
            let before = parameters.depeg_free.micros();
            parameters.depeg_free = Price::from_micros(value);
            return before;
        }
        "funding_hours" => {
            let before = i128::from(parameters.funding_hours);
            parameters.funding_hours = u16::try_from(value).unwrap_or(u16::MAX);
            return before;
        }
        _ => panic!("{name} is no parameter"),
    };
    std::mem::replace(place, Ppm::from_parts(value)).parts()
}

fn set_dollars(place: &mut Notional, value: i128) -> i128 {
    std::mem::replace(place, Notional::from_micros(value)).micros()
}

#[test]
fn every_parameter_is_refused_outside_the_bounds_that_the_specification_gives() {
    let table = SPEC.split("**0019-MARG-018**").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, unit, least, most, default, source] = cells[..] else { panic!("{row}") };
        assert!(!unit.is_empty() && !source.is_empty(), "{row}");
        let number = |cell: &str| cell.replace(',', "").parse::<i128>().unwrap();
        let (least, most) = (number(least), number(most));
        assert_eq!(set(&mut House::new(), name, 0), number(default), "{name}");
        for (value, fits) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            let mut house = House::new();
            set(&mut house, name, value);
            let now = BlockTime::from_millis(NOW);
            let built = Risk::build(&house.parameters, now, &house.underlyings, &house.markets);
            assert_eq!(built.is_ok(), fits, "{name} {value}");
        }
        count += 1;
    }
    assert_eq!(count, 33, "a parameter is missing from the table");
}
