//! Options that settle to an average: the terms to price with before and inside the averaging window.
//!
//! The contract settles to the average of the index over the last `T_w` before expiry. Outside the window that average
//! has the total variance σ²(τ − ⅔T_w). Inside it, with `τ` to go and the part `A = (1/T_w)∫` already fixed, what is
//! still open is an average over `τ` of weight `w = τ/T_w`: price with F' = w·F, K' = K − A and σ²τ/3.
//!
//! **Invariant:** at τ = T_w both forms agree.

use units::{ArithmeticError, BlockSpan, Price, Round};

use crate::inputs::{Forward, Horizon, Strike, within};

/// How far the settlement average of an expiry has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Fixing {
    remaining: BlockSpan,
    window: BlockSpan,
    fixed: Price,
    horizon: Horizon,
}

impl Fixing {
    /// Prepares the terms of an expiry.
    ///
    /// `remaining` is the time to expiry, `window` the length of the average (zero: none), `fixed` the integral of the
    /// index since the window opened divided by the whole window: zero until it opens.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if a span is negative, the time is above one hundred years, a price above
    /// [`Price::LIMIT`], or something is fixed before the window opens.
    ///
    /// # Source
    ///
    /// spec 0010-PRIC-008.
    pub fn new(
        remaining: BlockSpan,
        window: BlockSpan,
        fixed: Price,
    ) -> Result<Self, ArithmeticError> {
        let (left, whole) = (remaining.millis(), window.millis());
        within(whole, 0, BlockSpan::LIMIT)?;
        within(left, 0, BlockSpan::LIMIT)?;
        let fixed = fixed.within_limit()?;
        let thirds = if left < whole {
            left
        } else if fixed == Price::ZERO {
            left.saturating_mul(3).saturating_sub(whole.saturating_mul(2))
        } else {
            return Err(ArithmeticError::OutOfLimits);
        };
        Ok(Self { remaining, window, fixed, horizon: Horizon::from_thirds(thirds)? })
    }

    /// Returns the horizon that gives the average its variance.
    pub const fn horizon(self) -> Horizon {
        self.horizon
    }

    /// Returns the forward of the part that is still open, rounded as told.
    ///
    /// Rounding: to keep a value on its side, round as the value for a call and the other way for a put.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] as [`Forward::new`].
    pub fn forward(self, forward: Price, round: Round) -> Result<Forward, ArithmeticError> {
        if self.remaining >= self.window {
            return Forward::new(forward);
        }
        let (left, whole) = (self.remaining.number(), self.window.number());
        forward.number().mul_div(left, whole, round).map(Price::from_number).and_then(Forward::new)
    }

    /// Returns the strike less the part that is fixed.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] as [`Strike::new`].
    pub fn strike(self, strike: Price) -> Result<Strike, ArithmeticError> {
        Strike::new(strike.minus(self.fixed)?)
    }
}
