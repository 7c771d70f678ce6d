//! What a history is made of: ticks of the world, and what somebody does in them.
//!
//! Everything is relative to the state in which it happens: a price to the mark, a size to what the account could carry. So a
//! history from which steps are left out still means something, and can be shrunk.

use protocol::{Side, TimeInForce};

/// What the world does in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Block time since the last block.
    pub seconds: u16,
    /// How far each index moves, in parts per million of itself.
    pub index: [i32; 2],
    /// How far all vols move, in parts per million of themselves.
    pub vol: i32,
    /// How far the bases of all expiries move, in parts per million of the index.
    pub basis: i32,
    /// Validators that say nothing, as bits.
    pub silent: u8,
    /// How far off the insider among the validators reports every price, in parts per million.
    pub lie: i32,
}

impl Tick {
    /// A block in which nothing moves.
    pub const QUIET: Self =
        Self { seconds: 10, index: [0, 0], vol: 0, basis: 0, silent: 0, lie: 0 };
}

/// A member of the coalition: an account of its own owner, or the first one's sub-account.
pub type Member = u8;

/// What somebody of the coalition does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Places an order `off` parts per million from the mark, of `size` parts per million of what equity could carry.
    Order {
        /// Who.
        who: Member,
        /// Where: a place in the list of markets.
        market: u8,
        /// Which way.
        side: Side,
        /// Distance of the limit from the mark, above it if positive.
        off: i32,
        /// Lots, as a part of what the account's equity carries at initial margin.
        size: u32,
        /// How long it lives.
        time_in_force: TimeInForce,
        /// Whether it may only reduce.
        reduce_only: bool,
    },
    /// Closes a position with a limit `off` from the mark.
    Close {
        /// Who.
        who: Member,
        /// Where.
        market: u8,
        /// Distance of the limit from the mark.
        off: i32,
    },
    /// Takes the other side of the newest open order of another member, at its limit.
    Meet {
        /// Who.
        who: Member,
        /// Whose order.
        of: Member,
        /// Where.
        market: u8,
    },
    /// Offers to take over what another member holds, `off` from the mark.
    TakeOver {
        /// Who.
        who: Member,
        /// Whose position.
        of: Member,
        /// Where.
        market: u8,
        /// Distance of the limit from the mark.
        off: i32,
    },
    /// Cancels everything.
    Cancel {
        /// Who.
        who: Member,
    },
    /// Fills a book with quotes far from the mark.
    Flood {
        /// Who.
        who: Member,
        /// Where.
        market: u8,
        /// Which way.
        side: Side,
    },
    /// Takes out a part of what initial margin does not need, in parts per million.
    Withdraw {
        /// Who.
        who: Member,
        /// Which part; more than all of it may be asked.
        share: u32,
    },
    /// Moves a part of what initial margin does not need to another member.
    Transfer {
        /// Who.
        who: Member,
        /// To whom.
        to: Member,
        /// Which part.
        share: u32,
    },
    /// One signer pauses a market.
    Pause {
        /// Where.
        market: u8,
    },
    /// One signer proposes to break the books of a market.
    Drill {
        /// Where.
        market: u8,
    },
    /// One signer proposes one of a list of changes.
    Propose {
        /// Which of them.
        change: u8,
    },
    /// One signer approves every open proposal.
    Approve,
    /// One custodian says that dollars have arrived.
    Attest {
        /// For whom.
        who: Member,
    },
    /// All validators stop, and go on from a snapshot.
    Restart,
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What the world does.
    pub tick: Tick,
    /// What the coalition does, in the order of the block.
    pub acts: Vec<Act>,
}

/// Third parties that take part, and what the coalition begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Dollars that each member brings.
    pub capital: Vec<i64>,
    /// Markets in which an honest maker quotes, as bits.
    pub quoted: u16,
    /// Dollars that each insurance fund begins with.
    pub fund: i64,
    /// Whether somebody else holds a position with little more than initial margin.
    pub leveraged: bool,
    /// Whether blocks come so seldom that a price holds for a minute, not for ten seconds.
    pub slow: bool,
}

/// A history: what there is, then block after block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What there is.
    pub setup: Setup,
    /// What happens.
    pub steps: Vec<Step>,
}
