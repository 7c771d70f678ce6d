//! Prices, amounts, sizes and times: exact integers with a unit each.
//!
//! | type | unit | text |
//! |---|---|---|
//! | [`Price`] | micro-dollars per unit of the underlying | `58710.2` |
//! | [`Quantity`] | billionths of an asset | `0.001` |
//! | [`Notional`] | micro-dollars | `-12.000001` |
//! | [`Amount`] | minor units of the asset it is tagged with | `12000001` |
//! | [`Lots`] | contracts | `25` |
//! | [`Bps`] | hundredths of a percent | `5` |
//! | [`Ppm`] | millionths | `0.0025` |
//! | [`Ppb`] | billionths | `0.0000125` |
//! | [`Vol`] | hundredths of a percent a year | `0.6525` |
//! | [`BlockTime`], [`BlockSpan`] | milliseconds | `1584014400000` |
//! | [`BlockHeight`] | blocks | `17` |
//!
//! **Invariant:** no operator, no default rounding, no float. Every operation that can fail says so; every division
//! names its [`Round`]. Text forms are exact decimals that parse back to the same value. Decoding refuses a value
//! outside [`limits`].
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::integer_division,
        clippy::float_arithmetic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::let_underscore_must_use,
        clippy::disallowed_types,
        clippy::disallowed_methods,
    )
)]

mod decimal;
pub mod limits;
mod unit;
mod utc;

pub use decimal::ParseError;
pub use num::{ArithmeticError, Num, Round};
pub use utc::{utc, utc_text};

use num::Num as N;
use unit::unit;

unit! {
    /// Micro-dollars per unit of the underlying. Signed: a linear contract on an underlying below zero still settles.
    Price, micros, from_micros, decimals 6, wire i64, limit limits::PRICE_MICROS_MAX
}
unit! {
    /// Billionths of an asset: collateral amounts and contract sizes.
    Quantity, nanos, from_nanos, decimals 9, wire i128, limit limits::QUANTITY_NANOS_MAX
}
unit! {
    /// Micro-dollars, signed: a debt is negative.
    Notional, micros, from_micros, decimals 6, wire i128, limit limits::BALANCE_MICROS_MAX
}
unit! {
    /// Minor units of an asset, as the ledger counts them: micro-dollars for dollars, billionths for any other asset.
    Amount, minor, from_minor, decimals 0, wire i128, limit limits::BALANCE_MICROS_MAX
}
unit! {
    /// A number of contracts, signed where it is a position: short is negative.
    Lots, count, from_count, decimals 0, wire i64, limit limits::OPEN_INTEREST_LOTS_MAX
}
unit! {
    /// Basis points: hundredths of a percent.
    Bps, points, from_points, decimals 0, wire i64, limit limits::BPS_ONE
}
unit! {
    /// Parts per million: ratios, rates and weights.
    Ppm, parts, from_parts, decimals 6, wire i64, limit limits::PPM_MAX
}
unit! {
    /// Parts per billion: funding rates.
    Ppb, parts, from_parts, decimals 9, wire i64, limit limits::PPM_MAX
}
unit! {
    /// Annualised volatility in hundredths of a percent: `Vol::from_points(6_500)` is 65 %.
    Vol, points, from_points, decimals 4, wire i64, limit limits::VOL_MAX
}
unit! {
    /// Milliseconds since 1970-01-01 UTC, as agreed by the validators for one block.
    BlockTime, millis, from_millis, decimals 0, wire i64, limit limits::TIME_MILLIS_MAX
}
unit! {
    /// A length of time in milliseconds.
    BlockSpan, millis, from_millis, decimals 0, wire i64, limit limits::TIME_MILLIS_MAX
}
unit! {
    /// The number of a block; genesis is 0.
    BlockHeight, blocks, from_blocks, decimals 0, wire i64, limit limits::TIME_MILLIS_MAX
}

impl Quantity {
    /// One unit of the asset.
    pub const ONE: Self = Self::from_nanos(1_000_000_000);

    /// Returns what `self` is worth at a price.
    ///
    /// Shape: billionths × micro-dollars per unit → micro-dollars. Rounding: as told.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if the value does not fit.
    pub fn value(self, price: Price, round: Round) -> Result<Notional, ArithmeticError> {
        self.number().mul_div(price.number(), Self::ONE.number(), round).map(Notional::from_number)
    }
}

impl Amount {
    /// Returns the ledger amount of a number of dollars.
    pub const fn from_notional(dollars: Notional) -> Self {
        Self(dollars.number())
    }

    /// Returns the dollars in an amount of the dollar asset.
    pub const fn notional(self) -> Notional {
        Notional::from_number(self.number())
    }

    /// Returns the ledger amount of a quantity of an asset other than the dollar.
    pub const fn from_quantity(quantity: Quantity) -> Self {
        Self(quantity.number())
    }

    /// Returns the quantity in an amount of an asset other than the dollar.
    pub const fn quantity(self) -> Quantity {
        Quantity::from_number(self.number())
    }
}

impl Lots {
    /// Returns what a signed number of contracts is worth at a price.
    ///
    /// Shape: lots × micro-dollars per unit × billionths per lot → micro-dollars. Rounding: as told; `Down` is against
    /// the holder for long and short alike, because a short position's value is negative.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if the value does not fit.
    pub fn value(
        self,
        price: Price,
        contract_size: Quantity,
        round: Round,
    ) -> Result<Notional, ArithmeticError> {
        let exposure = self.number().times(contract_size.number())?;
        exposure.mul_div(price.number(), Quantity::ONE.number(), round).map(Notional::from_number)
    }

    /// Returns `self · numerator / denominator`, rounded as told: a pro-rata share.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if `denominator ≤ 0` or the share does not fit.
    pub fn share(
        self,
        numerator: Self,
        denominator: Self,
        round: Round,
    ) -> Result<Self, ArithmeticError> {
        self.number().mul_div(numerator.number(), denominator.number(), round).map(Self)
    }
}

impl Notional {
    /// Returns a fraction of `self` in basis points, rounded as told.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if the fraction does not fit.
    pub fn fraction_bps(self, fraction: Bps, round: Round) -> Result<Self, ArithmeticError> {
        self.number().mul_div(fraction.number(), N::new(limits::BPS_ONE), round).map(Self)
    }

    /// Returns a fraction of `self` in parts per million, rounded as told.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if the fraction does not fit.
    pub fn fraction_ppm(self, fraction: Ppm, round: Round) -> Result<Self, ArithmeticError> {
        self.number().mul_div(fraction.number(), N::new(limits::PPM_ONE), round).map(Self)
    }

    /// Returns `self · numerator / denominator`, rounded as told: a pro-rata share of an amount.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if `denominator ≤ 0` or the share does not fit.
    pub fn share(
        self,
        numerator: Self,
        denominator: Self,
        round: Round,
    ) -> Result<Self, ArithmeticError> {
        self.number().mul_div(numerator.number(), denominator.number(), round).map(Self)
    }
}

impl Price {
    /// One dollar.
    pub const ONE: Self = Self::from_micros(1_000_000);

    /// Returns a price scaled by a ratio in parts per million, rounded as told.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if the price does not fit.
    pub fn scaled(self, ratio: Ppm, round: Round) -> Result<Self, ArithmeticError> {
        self.number().mul_div(ratio.number(), N::new(limits::PPM_ONE), round).map(Self)
    }

    /// Returns the multiple of `tick` at or next to `self` in the direction of `round`.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if `tick ≤ 0` or the price does not fit.
    pub fn on_tick(self, tick: Self, round: Round) -> Result<Self, ArithmeticError> {
        let ticks = self.number().mul_div(N::new(1), tick.number(), round)?;
        ticks.times(tick.number()).map(Self)
    }
}

impl BlockTime {
    /// Returns the time from `earlier` to `self`; negative if it lies ahead.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if the span does not fit.
    pub fn since(self, earlier: Self) -> Result<BlockSpan, ArithmeticError> {
        self.number().minus(earlier.number()).map(BlockSpan::from_number)
    }

    /// Returns the time `span` later.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if the time does not fit.
    pub fn after(self, span: BlockSpan) -> Result<Self, ArithmeticError> {
        self.number().plus(span.number()).map(Self)
    }
}

impl BlockHeight {
    /// Returns the height of the next block.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] after the last height.
    pub fn next(self) -> Result<Self, ArithmeticError> {
        self.plus(Self(N::new(1)))
    }
}

#[cfg(test)]
mod tests;
