//! What the kernel prices from: each type checks its range once, so that pricing itself cannot fail.
//!
//! **Invariant:** a value of these types lies within the bounds that [`kernel`](crate::kernel) states.

use units::{ArithmeticError, BlockSpan, Price, Round, Vol};

use crate::exact;
use crate::kernel::{self, Reciprocal};
use crate::tables::TRILLIONTH;

/// Milliseconds in a year of 365 days.
pub(crate) const YEAR_MILLIS: i128 = 31_536_000_000;
/// Longest horizon: one hundred years.
pub(crate) const HORIZON_MILLIS_MAX: i128 = 100 * YEAR_MILLIS;
/// Trillionths in one unit of [`Vol`].
const TRILLIONTHS_PER_POINT: i128 = 100_000_000;
/// Largest half standard deviation: twenty, in Q57. Beyond it a call is worth its forward to 10⁻⁸⁰.
const HALF_MAX: u128 = 20 << kernel::LOG_BITS;

/// An annualised volatility in trillionths, from 0 to the limit of [`Vol`].
///
/// Finer than [`Vol`] because the volatility implied by a price is not a multiple of 0.01 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub struct FineVol(u64);

impl FineVol {
    /// The highest volatility, in trillionths.
    pub const TRILLIONTHS_MAX: i128 = Vol::LIMIT * TRILLIONTHS_PER_POINT;

    /// Returns the volatility of a number of trillionths: 650 000 000 000 is 65 %.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if it is negative or above [`Self::TRILLIONTHS_MAX`].
    pub fn from_trillionths(trillionths: i128) -> Result<Self, ArithmeticError> {
        within(trillionths, 0, Self::TRILLIONTHS_MAX)?;
        u64::try_from(trillionths).map(Self).map_err(|_| ArithmeticError::OutOfLimits)
    }

    /// Returns a volatility of units, exactly.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if it is negative or above [`Vol::LIMIT`].
    pub fn from_vol(vol: Vol) -> Result<Self, ArithmeticError> {
        within(vol.points(), 0, Vol::LIMIT)?;
        Self::from_trillionths(vol.points().saturating_mul(TRILLIONTHS_PER_POINT))
    }

    /// Returns the volatility in units of 0.01 %, rounded as told.
    pub fn vol(self, round: Round) -> Vol {
        let raised = match round {
            Round::Down => self.trillionths(),
            Round::Up => self.trillionths().saturating_add(TRILLIONTHS_PER_POINT - 1),
        };
        Vol::from_points(raised.checked_div(TRILLIONTHS_PER_POINT).unwrap_or(0))
    }

    /// Returns the number of trillionths.
    #[must_use]
    pub const fn trillionths(self) -> i128 {
        widen(self.0)
    }

    /// Returns the volatility in Q60. Error: at most 1.5 units.
    pub(crate) fn q60(self) -> u64 {
        MovedVol::from(self).halved_q60(0)
    }
}

/// An annualised volatility after a shock, in trillionths, from 0 to 210,000 %.
///
/// Wider than [`FineVol`]: what the market quotes is bounded, what a scenario makes of it is a multiple of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub struct MovedVol(u64);

/// Bits of the trillionths of a volatility below 880 %: each one more is a halving.
const VOL_BITS: u32 = 43;

const _: () = assert!(FineVol::TRILLIONTHS_MAX < 1 << VOL_BITS);
// Eight halvings at most: the shifts of `halved_q60` and of `kernel::root_year` stay within their words.
const _: () = assert!(MovedVol::TRILLIONTHS_MAX < 1 << (VOL_BITS + 8));

impl MovedVol {
    /// The highest volatility, in trillionths: 2,100.
    pub const TRILLIONTHS_MAX: i128 = 2_100_000_000_000_000;

    /// Returns the volatility of a number of trillionths.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if it is negative or above [`Self::TRILLIONTHS_MAX`].
    pub fn from_trillionths(trillionths: i128) -> Result<Self, ArithmeticError> {
        within(trillionths, 0, Self::TRILLIONTHS_MAX)?;
        u64::try_from(trillionths).map(Self).map_err(|_| ArithmeticError::OutOfLimits)
    }

    /// Returns how often it is halved until it is below 880 %.
    const fn halvings(self) -> u32 {
        u64::BITS.saturating_sub(self.0.leading_zeros()).saturating_sub(VOL_BITS)
    }

    /// Returns the volatility, halved so many times, in Q60. Error: at most 1.5 units.
    fn halved_q60(self, halvings: u32) -> u64 {
        let product = u128::from(self.0).wrapping_mul(u128::from(TRILLIONTH));
        let down = VOL_BITS.saturating_add(halvings);
        u64::try_from(product.wrapping_shr(down)).unwrap_or(u64::MAX)
    }
}

impl From<FineVol> for MovedVol {
    fn from(vol: FineVol) -> Self {
        Self(vol.0)
    }
}

/// A price with its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Level {
    micros: i64,
    /// Q57; zero where the price has no logarithm, and then never read.
    ln: i64,
}

impl Level {
    fn new(price: Price) -> Result<Self, ArithmeticError> {
        let bounded = price.within_limit()?.micros();
        let micros = i64::try_from(bounded).map_err(|_| ArithmeticError::OutOfLimits)?;
        let ln = if micros > 0 { kernel::ln(micros.unsigned_abs()) } else { 0 };
        Ok(Self { micros, ln })
    }
}

/// A forward price of the underlying, not negative, with its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Forward(Level);

impl Forward {
    /// Prepares a forward price. Cost: one logarithm.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if it is negative or above [`Price::LIMIT`].
    pub fn new(price: Price) -> Result<Self, ArithmeticError> {
        if price < Price::ZERO {
            return Err(ArithmeticError::OutOfLimits);
        }
        Level::new(price).map(Self)
    }

    /// Returns the forward price.
    pub const fn price(self) -> Price {
        Price::from_micros(extend(self.0.micros))
    }

    #[inline]
    pub(crate) const fn micros(self) -> i64 {
        self.0.micros
    }

    /// Returns ln(F/K) in Q57, if both have a logarithm. Error: at most 1.4 units.
    #[inline]
    pub(crate) fn log_moneyness(self, strike: Strike) -> Option<i64> {
        let both = self.0.micros > 0 && strike.0.micros > 0;
        both.then(|| self.0.ln.wrapping_sub(strike.0.ln))
    }
}

/// A strike price, with its logarithm if it is positive.
///
/// Inside the settlement window the part already fixed is taken off the strike, which may then be zero or negative;
/// such a call is worth F − K and such a put nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Strike(Level);

impl Strike {
    /// Prepares a strike price. Cost: one logarithm.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if its magnitude is above [`Price::LIMIT`].
    pub fn new(price: Price) -> Result<Self, ArithmeticError> {
        Level::new(price).map(Self)
    }

    /// Returns the strike price.
    pub const fn price(self) -> Price {
        Price::from_micros(extend(self.0.micros))
    }

    #[inline]
    pub(crate) const fn micros(self) -> i64 {
        self.0.micros
    }
}

/// The square root of the time that volatility acts over, in years.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub struct Horizon {
    /// √τ in Q60.
    root: u64,
    /// τ in thirds of a millisecond.
    thirds: u64,
}

impl Horizon {
    /// Returns the horizon of a length of time. Cost: one square root.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if it is negative or above one hundred years.
    pub fn after(time: BlockSpan) -> Result<Self, ArithmeticError> {
        within(time.millis(), 0, HORIZON_MILLIS_MAX)?;
        Self::from_thirds(time.millis().saturating_mul(3))
    }

    /// Returns the horizon of a time in thirds of a millisecond, which the average over a window needs.
    pub(crate) fn from_thirds(thirds: i128) -> Result<Self, ArithmeticError> {
        within(thirds, 0, HORIZON_MILLIS_MAX.saturating_mul(3))?;
        let thirds = u64::try_from(thirds).map_err(|_| ArithmeticError::OutOfLimits)?;
        Ok(Self { root: kernel::root_year(thirds, 0), thirds })
    }

    /// Returns √τ in Q60. Relative error: at most 1.6 · 2⁻⁶³, then rounded down.
    pub(crate) const fn q60(self) -> u64 {
        self.root
    }

    /// Returns √τ, doubled so many times, in Q60; the most that fits, which is sixteen, if it is more.
    fn doubled_q60(self, doublings: u32) -> u64 {
        if doublings == 0 { self.root } else { kernel::root_year(self.thirds, doublings) }
    }
}

/// The standard deviation of the logarithm of the price over a horizon, `s = σ√τ`, with its reciprocal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Deviation {
    /// s/2 in Q57; zero exactly where σ or τ is zero.
    half: i64,
    reciprocal: Reciprocal,
    /// What s is made of, for values that lie too close to a whole number.
    vol: MovedVol,
    thirds: u64,
}

impl Deviation {
    /// Returns the deviation of a volatility over a horizon. Cost: one 128-bit division.
    pub fn new(vol: FineVol, horizon: Horizon) -> Self {
        Self::moved(vol.into(), horizon)
    }

    /// Returns the deviation of a volatility after a shock over a horizon. Cost: one 128-bit division; above 880 % one more
    /// square root.
    ///
    /// A volatility is halved and the root doubled until either is known as well as for lower ones: their product is s.
    pub fn moved(vol: MovedVol, horizon: Horizon) -> Self {
        let times = vol.halvings();
        let product =
            u128::from(vol.halved_q60(times)).wrapping_mul(u128::from(horizon.doubled_q60(times)));
        let thirds = horizon.thirds;
        if product == 0 {
            return Self { half: 0, reciprocal: Reciprocal::of(0), vol, thirds };
        }
        // Q120 to Q57 is 63 bits; one more halves it.
        let half = i64::try_from((product >> 64).clamp(1, HALF_MAX)).unwrap_or(1);
        Self { half, reciprocal: Reciprocal::of(half.unsigned_abs() << 1), vol, thirds }
    }

    /// Returns s/2 in Q57. Error of s: at most 6 units.
    #[inline]
    pub(crate) const fn half(self) -> i64 {
        self.half
    }

    /// Returns x/s in Q57, kept within ±18; meaningless if [`Self::half`] is zero.
    #[inline]
    pub(crate) fn divide(self, x: i64) -> i64 {
        self.reciprocal.divide(x)
    }

    /// Returns what the value of a call is made of; all of it is positive where [`Self::half`] is not zero and both prices
    /// have a logarithm.
    pub(crate) const fn inputs(self, forward: Forward, strike: Strike) -> exact::Inputs {
        exact::Inputs {
            forward: forward.0.micros.unsigned_abs(),
            strike: strike.0.micros.unsigned_abs(),
            trillionths: self.vol.0,
            thirds: self.thirds,
        }
    }
}

/// Returns the number in 128 bits.
#[inline]
#[expect(clippy::as_conversions, reason = "widening; `From` is not const")]
const fn extend(value: i64) -> i128 {
    value as i128
}

/// Returns the number in 128 bits.
#[inline]
#[expect(clippy::as_conversions, reason = "widening; `From` is not const")]
const fn widen(value: u64) -> i128 {
    value as i128
}

/// Returns whether a number lies in a closed range, as a result.
pub(crate) fn within(value: i128, least: i128, most: i128) -> Result<(), ArithmeticError> {
    if value < least || value > most { Err(ArithmeticError::OutOfLimits) } else { Ok(()) }
}
