//! What is traded: perpetuals, dated futures and European options, linear and settled in dollars.

use crate::{InstrumentId, Refusal, UnderlyingId};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use units::{BlockTime, Notional, Num, Price, Quantity, limits};

/// Whether an option's holder may buy or sell.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Right {
    /// Pays what the index settles above the strike.
    Call,
    /// Pays what the index settles below the strike.
    Put,
}

/// The terms that set one contract apart from another on the same underlying.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Contract {
    /// No expiry; funding ties it to the index.
    Perpetual,
    /// Settles at the average of the index over the half hour before expiry.
    Future {
        /// When it settles.
        expires_at: BlockTime,
    },
    /// European; exercised by the house if it is worth anything at expiry.
    Option {
        /// When it is exercised or lapses.
        expires_at: BlockTime,
        /// The price at which the holder may buy or sell.
        strike: Price,
        /// Buy or sell.
        right: Right,
    },
}

impl Contract {
    /// Returns when the contract ends; `None` for a perpetual.
    #[must_use]
    pub const fn expires_at(&self) -> Option<BlockTime> {
        match *self {
            Self::Perpetual => None,
            Self::Future { expires_at } | Self::Option { expires_at, .. } => Some(expires_at),
        }
    }

    /// Returns whether the premium is paid when the contract trades, as options are; futures pay variation margin.
    #[must_use]
    pub const fn pays_premium(&self) -> bool {
        matches!(self, Self::Option { .. })
    }
}

/// A listed contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Instrument {
    /// Its number.
    pub id: InstrumentId,
    /// What it is written on.
    pub underlying: UnderlyingId,
    /// Its terms.
    pub contract: Contract,
    /// Units of the underlying in one lot.
    pub contract_size: Quantity,
    /// Order prices are multiples of this.
    pub tick: Price,
}

impl Instrument {
    /// Checks that the instrument can be listed: sizes positive and inside the limits, and one lot at one tick worth a
    /// whole number of micro-dollars, so that every trade has an exact value and novation never rounds.
    ///
    /// # Errors
    ///
    /// [`Refusal::ContractInvalid`] with the first broken rule.
    pub fn check(&self) -> Result<(), Refusal> {
        let refuse = |rule| Err(Refusal::ContractInvalid { rule });
        if self.tick <= Price::ZERO || self.tick.within_limit().is_err() {
            return refuse(ContractRule::TickNotPositive);
        }
        let size_limit = Quantity::from_nanos(limits::CONTRACT_SIZE_NANOS_MAX);
        if self.contract_size <= Quantity::ZERO || self.contract_size > size_limit {
            return refuse(ContractRule::SizeOutsideLimits);
        }
        if self.tick_value().is_none() {
            return refuse(ContractRule::TickValueInexact);
        }
        match self.contract {
            Contract::Option { strike, .. }
                if strike <= Price::ZERO || strike.within_limit().is_err() =>
            {
                refuse(ContractRule::StrikeNotPositive)
            }
            _ => Ok(()),
        }
    }

    /// Returns what one lot gains when the price rises by one tick, if that is a whole number of micro-dollars.
    #[must_use]
    pub fn tick_value(&self) -> Option<Notional> {
        let value = self.tick.number().times(self.contract_size.number()).ok()?;
        let one = Quantity::ONE.number();
        let down = value.mul_div(Num::new(1), one, units::Round::Down).ok()?;
        (down.times(one).ok()? == value).then_some(Notional::from_number(down))
    }
}

/// The rule of [`Instrument::check`] that a contract breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum ContractRule {
    /// The tick is zero, negative or above the price limit.
    TickNotPositive,
    /// The contract size is zero, negative or above its limit.
    SizeOutsideLimits,
    /// One lot at one tick is not worth a whole number of micro-dollars.
    TickValueInexact,
    /// The strike is zero, negative or above the price limit.
    StrikeNotPositive,
    /// The contract ends at or before the block that lists it.
    ExpiresBeforeNow,
    /// The underlying is not listed.
    UnderlyingUnknown,
    /// The number is taken.
    NumberInUse,
}

impl fmt::Display for ContractRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TickNotPositive => "the tick is not positive",
            Self::SizeOutsideLimits => "the contract size is outside its limits",
            Self::TickValueInexact => "one lot at one tick is not a whole number of micro-dollars",
            Self::StrikeNotPositive => "the strike is not positive",
            Self::ExpiresBeforeNow => "it expires before now",
            Self::UnderlyingUnknown => "the underlying is not listed",
            Self::NumberInUse => "the number is taken",
        })
    }
}
