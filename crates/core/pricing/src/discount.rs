//! The value today of a dollar at expiry.

use units::{ArithmeticError, BlockSpan, Num, Ppb, Price, Round};

use crate::inputs::{HORIZON_MILLIS_MAX, YEAR_MILLIS, within};
use crate::kernel;

/// Largest rate × time: e⁻³² is below the resolution of any price that matters.
const EXPONENT_MAX: i128 = 32;
/// Fraction bits of the factor.
const FACTOR_BITS: u32 = 62;
/// The factor is known to 2⁻⁵⁵: 2⁷ in Q62. Derived in spec 0010-PRIC-010.
const ERROR: i128 = 1 << 7;

/// A discount factor in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Discount(i64);

impl Discount {
    /// No discount: what a clearing house that pays no interest uses.
    pub const NONE: Self = Self(1 << FACTOR_BITS);

    /// Returns e^(−rate · time) for a continuously compounded rate per year of 365 days.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if the rate or the time is negative, the time above one hundred years, or
    /// rate × time above 32.
    pub fn of(rate: Ppb, time: BlockSpan) -> Result<Self, ArithmeticError> {
        within(time.millis(), 0, HORIZON_MILLIS_MAX)?;
        within(rate.parts(), 0, Ppb::LIMIT)?;
        let unit = YEAR_MILLIS.saturating_mul(units::limits::PPB_ONE);
        let product = rate.parts().saturating_mul(time.millis());
        within(product, 0, EXPONENT_MAX.saturating_mul(unit))?;
        if product == 0 {
            return Ok(Self::NONE);
        }
        // product ≤ 32 · unit < 2⁷⁰, so the numerator is below 2¹²⁷ and the quotient below 2⁶³.
        let exponent = (product << kernel::LOG_BITS).checked_div(unit).unwrap_or(0);
        let (mantissa, power) = kernel::exp(kernel::low(exponent.saturating_neg()));
        // e^−x < 1 has a power of −47 … −1; Q61 to Q62 is one bit up. An exponent below the resolution gives power 0.
        let down = u32::try_from(power.saturating_add(1).saturating_neg()).unwrap_or(0);
        let factor = if power < 0 { mantissa.wrapping_shr(down) } else { i64::MAX };
        // Whatever discounts at all is below one: only `NONE` is exact.
        Ok(Self(factor.min((1 << FACTOR_BITS) - 1)))
    }

    /// Returns the value today of a price at expiry that is not negative, rounded as told.
    ///
    /// Never on the wrong side; off the exact product by less than one micro-dollar plus 2⁻⁵⁴ of the price.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if the price is negative or above [`Price::LIMIT`].
    pub fn apply(self, price: Price, round: Round) -> Result<Price, ArithmeticError> {
        within(price.micros(), 0, Price::LIMIT)?;
        if self == Self::NONE {
            return Ok(price);
        }
        let factor = match round {
            Round::Down => i128::from(self.0).saturating_sub(ERROR).max(0),
            Round::Up => i128::from(self.0).saturating_add(ERROR).min(1 << FACTOR_BITS),
        };
        let whole = Num::new(1 << FACTOR_BITS);
        price.number().mul_div(Num::new(factor), whole, round).map(Price::from_number)
    }
}
