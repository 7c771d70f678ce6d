//! One row of the scenario matrix: what a lot gains or loses in each scenario.
//!
//! **Invariant:** with p the profit and loss of a lot in micro-dollars, V the entry and 2ᵏ the unit of the row,
//! V · 2ᵏ ≤ p < (V + 1) · 2ᵏ. So a long position is never charged too little, and neither is a short one once 2ᵏ a lot
//! is reserved for it (0019-MARG-004).

use crate::bounds::VALUE_BITS;
use crate::lanes::{LANES, Row};
use crate::scenario::{SCENARIOS, Scenario};
use crate::valuation::{Expiry, OptionValuer};
use pricing::Forward;
use protocol::Fault;
use units::{ArithmeticError, Ppm, Price, Quantity, limits};

/// Greatest value of one lot, in billionths of micro-dollars: the weighted profits below then fit in 128 bits.
const LOT_VALUE_MAX: i128 = 1 << 82;
/// 10⁹ units of a quantity × 10⁶ of a weight.
const OPTION_SCALE_POWER: u32 = 15;
const OPTION_FIVES: i64 = 30_517_578_125;
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
            crate::scenario::SpotMove::Tenths(tenths) => {
                let tenfold = scan.parts().saturating_mul(i128::from(tenths));
                // Away from zero.
                let up = tenfold.saturating_abs().saturating_add(9).div_euclid(10);
                up.saturating_mul(tenfold.signum())
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
        forwards: &[Forward; SCENARIOS],
        valuer: &OptionValuer,
        mark: Price,
        size: Quantity,
    ) -> Result<Self, Fault> {
        lot_value_fits(Price::from_micros(Price::LIMIT).lesser(mark), size)?;
        let mark = mark.micros();
        let mut numerators = [0; SCENARIOS];
        for ((numerator, scenario), forward) in numerators.iter_mut().zip(scenarios).zip(forwards) {
            // Values ≤ 2⁵¹, size ≤ 2⁴⁰, weights ≤ 2²⁰: below 2¹¹².
            let gained = valuer.value(*forward, scenario.vol).micros().wrapping_sub(mark);
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
