//! One row of the scenario matrix: what a lot gains or loses in each scenario.
//!
//! **Invariant:** with p the profit and loss of a lot in micro-dollars, V the entry and 2ᵏ the unit of the row,
//! V · 2ᵏ ≤ p < (V + 1) · 2ᵏ. So a long position is never charged too little, and neither is a short one once 2ᵏ a lot
//! is reserved for it (0019-MARG-004).

use crate::bounds::VALUE_BITS;
use crate::lanes::{LANES, Row};
use crate::scenario::{SCENARIOS, Scenario};
use crate::valuation::{Expiry, Values};
use protocol::Fault;
use units::{ArithmeticError, Ppm, Price, Quantity, limits};

/// Greatest value of one lot, in billionths of micro-dollars: the weighted profits below then fit in 128 bits.
const LOT_VALUE_MAX: i128 = 1 << 82;
/// 10⁹ units of a quantity × 10⁶ of a weight.
const OPTION_SCALE_POWER: u32 = 15;
const OPTION_FIVES: i64 = 30_517_578_125;
const OPTION_SCALE: i128 = 1_000_000_000_000_000;
/// The same × 10⁶ of a shock.
const LINEAR_SCALE: i128 = 1_000_000_000_000_000_000_000;

const _: () = assert!(5i64.pow(OPTION_SCALE_POWER) == OPTION_FIVES);
// |value| < 2^28 times 5^15 fits in 64 bits with the sign.
const _: () = assert!(OPTION_FIVES < 1 << (63 - VALUE_BITS));

/// The move of the index in each scenario, for one scan range.
pub(crate) type Shocks = [Ppm; SCENARIOS];

/// Returns the index moves of a scan range; a price falls by at most 99 %.
pub(crate) fn shocks(scenarios: &[Scenario; SCENARIOS], scan: Ppm) -> Shocks {
    scenarios.each_ref().map(|scenario| {
        let parts = match scenario.spot {
            crate::scenario::SpotMove::Range(share) => {
                let product = scan.parts().saturating_mul(share.parts());
                // Away from zero.
                let up = product.saturating_abs().saturating_add(limits::PPM_ONE.saturating_sub(1));
                up.div_euclid(limits::PPM_ONE).saturating_mul(product.signum())
            }
            crate::scenario::SpotMove::Ratio(ratio) => ratio.parts(),
        };
        Ppm::from_parts(parts.max(-990_000))
    })
}

/// Exact profits of a lot, before they are rounded to a row: numerators over a common power of ten.
#[derive(Debug, Clone)]
pub(crate) struct Profits {
    numerators: [i128; SCENARIOS],
    linear: bool,
}

fn lot_value_fits(price: Price, size: Quantity) -> Result<(), Fault> {
    let error = ArithmeticError::OutOfLimits;
    price
        .micros()
        .checked_mul(size.nanos())
        .filter(|value| value.saturating_abs() <= LOT_VALUE_MAX)
        .map(|_| ())
        .ok_or(Fault::Arithmetic { place: "margin: value of a lot", error })
}

impl Profits {
    /// Returns those of a contract whose value moves with the price: (value now − mark + moving · shock) · weight · size.
    pub(crate) fn linear(
        scenarios: &[Scenario; SCENARIOS],
        shocks: &Shocks,
        expiry: &Expiry,
        mark: Price,
        size: Quantity,
    ) -> Result<Self, Fault> {
        let offset = expiry.expected()?.minus(mark).map_err(Fault::at("margin: mark offset"))?;
        lot_value_fits(expiry.moving, size)?;
        lot_value_fits(offset, size)?;
        let moving = expiry.moving.micros().saturating_abs();
        let mut numerators = [0; SCENARIOS];
        for ((numerator, scenario), shock) in numerators.iter_mut().zip(scenarios).zip(shocks) {
            // |offset|, moving ≤ 2⁸² / size, shocks ≤ 2²², weights ≤ 2²⁰: below 2¹²⁶.
            let moved = moving.saturating_mul(shock.parts());
            let still = offset.micros().saturating_mul(limits::PPM_ONE);
            let weighted = size.nanos().saturating_mul(scenario.weight.parts());
            *numerator = moved.saturating_add(still).saturating_mul(weighted);
        }
        Ok(Self { numerators, linear: true })
    }

    /// Returns those of an option: (value in the scenario − mark) · weight · size.
    pub(crate) fn option(
        scenarios: &[Scenario; SCENARIOS],
        values: &Values,
        mark: Price,
        size: Quantity,
    ) -> Result<Self, Fault> {
        lot_value_fits(Price::from_micros(Price::LIMIT).lesser(mark), size)?;
        let mark = mark.micros();
        let mut numerators = [0; SCENARIOS];
        for ((numerator, scenario), value) in numerators.iter_mut().zip(scenarios).zip(values) {
            // Values ≤ 2⁵¹, size ≤ 2⁴⁰, weights ≤ 2²⁰: below 2¹¹².
            let gained = value.micros().wrapping_sub(mark);
            let weighted = size.nanos().wrapping_mul(scenario.weight.parts());
            *numerator = gained.wrapping_mul(weighted);
        }
        Ok(Self { numerators, linear: false })
    }

    /// Returns the least k for which the row's values stay below 2²⁸.
    pub(crate) fn bits(&self) -> u32 {
        let greatest = self
            .numerators
            .iter()
            .fold(0, |most: u128, numerator| most.max(numerator.unsigned_abs()));
        let scale = if self.linear {
            LINEAR_SCALE
        } else {
            limits::PPM_ONE.saturating_mul(limits::PPB_ONE)
        };
        let micros = greatest.checked_div(scale.unsigned_abs()).unwrap_or(0);
        u128::BITS.saturating_sub(micros.leading_zeros()).saturating_sub(VALUE_BITS)
    }

    /// Returns the row of a share of the profits, in parts per million, in units of 2ᵏ micro-dollars, rounded down.
    pub(crate) fn late(&self, bits: u32, weight: i64) -> Row {
        let mut row = Row::ZERO;
        let weight = i128::from(weight);
        let scale = if self.linear { LINEAR_SCALE } else { OPTION_SCALE };
        let divisor = scale.saturating_mul(limits::PPM_ONE);
        let below = 1i128.wrapping_shl(bits).wrapping_sub(1);
        for (chunk, numerators) in row.0.iter_mut().zip(self.numerators.chunks(LANES)) {
            for (value, numerator) in chunk.iter_mut().zip(numerators) {
                // In units of 2ᵏ the numerator is below 2²⁸ · 2⁷⁰, a weight at most 2²⁰; what is below a unit counts too.
                let whole = numerator.wrapping_shr(bits).saturating_mul(weight);
                let part = (numerator & below).saturating_mul(weight).wrapping_shr(bits);
                let quotient = whole.saturating_add(part).div_euclid(divisor);
                *value = i32::try_from(quotient).unwrap_or(i32::MIN);
            }
        }
        row
    }

    /// Returns the row in units of 2ᵏ micro-dollars, rounded down.
    pub(crate) fn row(&self, bits: u32) -> Row {
        let mut row = Row::ZERO;
        for (chunk, numerators) in row.0.iter_mut().zip(self.numerators.chunks(LANES)) {
            for (value, numerator) in chunk.iter_mut().zip(numerators) {
                let quotient = if self.linear {
                    i64::try_from(numerator.wrapping_shr(bits).div_euclid(LINEAR_SCALE))
                        .unwrap_or(i64::MIN)
                } else {
                    // 10¹⁵ · 2ᵏ = 5¹⁵ · 2¹⁵⁺ᵏ, and rounding down twice is rounding down once.
                    i64::try_from(numerator.wrapping_shr(OPTION_SCALE_POWER.saturating_add(bits)))
                        .unwrap_or(i64::MIN)
                        .div_euclid(OPTION_FIVES)
                };
                *value = i32::try_from(quotient).unwrap_or(i32::MIN);
            }
        }
        row
    }
}

/// Returns the greatest magnitude in a row.
pub(crate) fn greatest(row: &Row) -> u32 {
    row.0.iter().flatten().map(|value| value.unsigned_abs()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Parameters;
    use crate::scenario::STANDARD;
    use crate::valuation::{OptionValuer, VolMultipliers};
    use protocol::Right;
    use units::{BlockTime, Num, Round, Vol};

    const BILLION: i128 = 1_000_000_000;

    /// Checks V · 2ᵏ · scale ≤ numerator < (V + 1) · 2ᵏ · scale, and that k is the least.
    fn check(profits: &Profits, scale: i128) -> Row {
        let bits = profits.bits();
        let row = profits.row(bits);
        let unit = scale << bits;
        for (value, numerator) in row.0.iter().flatten().zip(profits.numerators) {
            let low = i128::from(*value) * unit;
            assert!(low <= numerator && numerator - low < unit, "{value} of {numerator}");
        }
        assert!(greatest(&row) <= 1 << VALUE_BITS);
        assert!(bits == 0 || greatest(&row) >= 1 << (VALUE_BITS - 1));
        row
    }

    fn expiry(forward: i128, days: i128) -> Expiry {
        let now = BlockTime::from_millis(1_700_000_000_000);
        let at = BlockTime::from_millis(1_700_000_000_000 + days * 86_400_000);
        Expiry::new(Price::from_micros(forward), Some(at), now, None).unwrap()
    }

    #[test]
    fn rows_of_futures_are_profits_rounded_down() {
        // 0019-MARG-004, from a millionth of a dollar to the limits.
        let shocks = shocks(&STANDARD, Ppm::from_parts(163_333));
        for forward in [1, 777, 60_000_123_456, 999_999_999_999_999] {
            for size in [1, 1_000_000, BILLION, 4 * BILLION] {
                for offset in [-1, 0, 3] {
                    let mark = Price::from_micros(forward + offset);
                    let size = Quantity::from_nanos(size);
                    let expiry = expiry(forward, 30);
                    let profits = Profits::linear(&STANDARD, &shocks, &expiry, mark, size).unwrap();
                    let row = check(&profits, LINEAR_SCALE);
                    // The exact profit, another way: in 256 bits, one division.
                    let shock = shocks[7].parts();
                    let gained = forward * shock - offset * limits::PPM_ONE;
                    let weighted = STANDARD[7].weight.parts() * size.nanos();
                    let scale = Num::new(LINEAR_SCALE << profits.bits());
                    let exact =
                        Num::new(gained).mul_div(Num::new(weighted), scale, Round::Down).unwrap();
                    assert_eq!(i128::from(row.0[0][7]), exact.raw());
                }
            }
        }
        let too_large = Quantity::from_nanos(1_000 * BILLION);
        let price = Price::from_micros(limits::PRICE_MICROS_MAX);
        let expiry = expiry(limits::PRICE_MICROS_MAX, 30);
        assert!(Profits::linear(&STANDARD, &shocks, &expiry, price, too_large).is_err());
    }

    #[test]
    fn rows_of_options_are_profits_rounded_down_and_the_reserve_covers_pricing() {
        let shocks = shocks(&STANDARD, Ppm::from_parts(160_000));
        let vols = Parameters::default().vol;
        for (forward, strikes) in [(60_000i128, [30_000, 60_000, 95_000]), (3, [1, 3, 9])] {
            for (days, size) in [(0, 1), (1, BILLION), (30, 1_000_000), (400, 4 * BILLION)] {
                let expiry = expiry(forward * 1_000_000 + 137, days);
                let moves = VolMultipliers::new(&vols, &expiry).unwrap();
                let forwards = shocks.map(|shock| expiry.moved(shock).unwrap());
                for strike in strikes {
                    for right in [Right::Call, Right::Put] {
                        let strike = Price::from_micros(strike * 1_000_000);
                        let vol = Vol::from_points(6_500);
                        let valuer = OptionValuer::new(strike, vol, &expiry, &moves).unwrap();
                        let same = crate::scenario::VolMove::Same;
                        let mark = valuer.value(right, forwards[16], same, Round::Down);
                        let size = Quantity::from_nanos(size);
                        let calls = valuer.calls(&STANDARD, &forwards);
                        let values = match right {
                            Right::Call => calls,
                            Right::Put => valuer.puts(&calls, &forwards),
                        };
                        let profits = Profits::option(&STANDARD, &values, mark, size).unwrap();
                        let row = check(&profits, limits::PPM_ONE * limits::PPB_ONE);
                        assert_eq!(row.0[1][0], 0, "scenario 16 moves nothing");
                        // Two micro-dollars a unit are more than pricing rounds away.
                        for ((forward, scenario), value) in
                            forwards.iter().zip(&STANDARD).zip(values)
                        {
                            let at = |round| valuer.value(right, *forward, scenario.vol, round);
                            let (down, up) = (at(Round::Down), at(Round::Up));
                            assert_eq!(value, down, "a put from its call is the put");
                            assert!(up.minus(down).unwrap().micros() <= 2);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn index_moves_are_rounded_away_from_zero_and_stop_above_nothing() {
        let moves = shocks(&STANDARD, Ppm::from_parts(160_001));
        assert_eq!(moves[0].parts(), -160_001);
        assert_eq!(moves[13].parts(), -32_001);
        assert_eq!(moves[19].parts(), 32_001);
        assert_eq!(moves[16].parts(), 0);
        assert_eq!(moves[33].parts(), -240_002);
        assert_eq!(shocks(&STANDARD, Ppm::from_parts(600_000))[35].parts(), -990_000);
    }
}
