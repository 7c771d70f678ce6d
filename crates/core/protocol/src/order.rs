//! What a trader asks of a book.

use crate::{ClientOrderId, InstrumentId};
use borsh::{BorshDeserialize, BorshSerialize};
use units::{Lots, Price};

/// Buy or sell.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Side {
    /// Pays the price.
    Buy,
    /// Receives the price.
    Sell,
}

impl Side {
    /// Returns the other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// How long an order lives, and whether it may take.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum TimeInForce {
    /// Rests until cancelled.
    GoodTillCancelled,
    /// What this block's auction does not fill is cancelled.
    ImmediateOrCancel,
    /// Rests, and is refused if it could trade at once.
    PostOnly,
}

/// What happens when an order would trade with another order of its own account.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum SelfTrade {
    /// The resting order is cancelled.
    CancelResting,
    /// The new order is refused.
    RefuseIncoming,
}

/// A new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct NewOrder {
    /// The client's number, unique among the account's open orders.
    pub client: ClientOrderId,
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// The limit: a multiple of the tick.
    pub price: Price,
    /// How many contracts; positive.
    pub lots: Lots,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Whether it may only bring the position towards zero.
    pub reduce_only: bool,
    /// What to do about the account's own orders.
    pub self_trade: SelfTrade,
}

/// One side of a two-sided market in a mass quote; zero lots withdraws it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Quote {
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// The limit.
    pub price: Price,
    /// How many contracts; zero withdraws the quote.
    pub lots: Lots,
}
