//! One option priced by itself: what the kernel needs, from prices, a volatility and a time.

use units::{ArithmeticError, BlockSpan, Price, Round};

use crate::greeks::Greeks;
use crate::inputs::{Deviation, FineVol, Forward, Horizon, Strike};

/// The four inputs of Black-76.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Terms {
    /// The forward price of the underlying at expiry.
    pub forward: Forward,
    /// The strike price.
    pub strike: Strike,
    /// The volatility.
    pub vol: FineVol,
    /// The time to expiry.
    pub horizon: Horizon,
}

impl Terms {
    /// Prepares one option. Cost: two logarithms and a square root.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if the forward is negative, a price is above [`Price::LIMIT`], or the time is
    /// negative or above one hundred years.
    pub fn new(
        forward: Price,
        strike: Price,
        vol: FineVol,
        time: BlockSpan,
    ) -> Result<Self, ArithmeticError> {
        let (forward, strike) = (Forward::new(forward)?, Strike::new(strike)?);
        Ok(Self { forward, strike, vol, horizon: Horizon::after(time)? })
    }

    /// Returns the deviation over the horizon.
    pub fn deviation(self) -> Deviation {
        Deviation::new(self.vol, self.horizon)
    }

    /// Returns the value of the call: [`crate::call`].
    pub fn call(self, round: Round) -> Price {
        crate::call(self.forward, self.strike, self.deviation(), round)
    }

    /// Returns the value of the put: [`crate::put`].
    pub fn put(self, round: Round) -> Price {
        crate::put(self.forward, self.strike, self.deviation(), round)
    }

    /// Returns the Greeks.
    pub fn greeks(self) -> Greeks {
        Greeks::of(self)
    }
}
