//! What a history is made of: ticks of the world, and what somebody does in them.
//!
//! Everything is relative to the state in which it happens: a price to the mark, a size to what the account could carry. So a
//! history from which steps are left out still means something, and can be shrunk.

pub(crate) use crate::tick::{Form, Lie, Proposer, Sequence, Sources, Tick};
use protocol::{Side, TimeInForce};

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
    /// The signers among them pause a market.
    Pause {
        /// Where.
        market: u8,
    },
    /// They propose to break the books of a market.
    Drill {
        /// Where.
        market: u8,
    },
    /// They propose one of a list of changes.
    Propose {
        /// Which of them.
        change: u8,
    },
    /// They approve every open proposal.
    Approve,
    /// They approve another change under the number of every open proposal.
    ApproveOther {
        /// Which.
        change: u8,
    },
    /// They take back what they have approved.
    Revoke,
    /// The custodian among them says that something has arrived.
    Attest {
        /// For whom.
        who: Member,
        /// Under which number, and what.
        claim: Claim,
    },
    /// It says that every open withdrawal has been paid, and one that there never was.
    AttestPayment,
    /// A member buys collateral that is for sale, of an account in debt or of a fund.
    Buy {
        /// Who.
        who: Member,
        /// Whose: a member, or the fund's.
        of: Option<Member>,
        /// The coin of which underlying.
        coin: u8,
        /// The most that is paid, in parts per million from the index.
        off: i32,
    },
    /// Takes out a part of the coins of an account.
    WithdrawCoins {
        /// Who.
        who: Member,
        /// Which.
        coin: u8,
        /// Which part, in parts per million.
        share: u32,
    },
    /// Sends what makes no sense.
    Odd {
        /// Who.
        who: Member,
        /// Which kind.
        kind: u8,
        /// Where, if it has to be somewhere.
        market: u8,
    },
    /// Each account of the crowd places an order.
    Crowd {
        /// Where.
        market: u8,
        /// Which way.
        side: Side,
        /// Distance of the limit from the mark.
        off: i32,
        /// Lots of each.
        lots: u16,
    },
    /// Each account of the crowd lets quotes rest far from the mark.
    CrowdRests {
        /// Where.
        market: u8,
        /// Which way.
        side: Side,
    },
    /// Somebody honest does something.
    Third(Deed),
    /// All validators stop, and go on from a snapshot.
    Restart,
}

/// What a custodian's key signs of a deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// A million dollars, under the next number.
    New,
    /// A thousand times as much for another, under the number that honest custodians attest next.
    Instead,
    /// A million dollars, under a number that has been credited.
    Again,
    /// A million dollars, under many numbers far ahead.
    Far,
    /// A thousand coins.
    Coins,
    /// Nothing, less than nothing, and more than there is.
    Nonsense,
}

/// What honest third parties do when it comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A member pays coins in, worth some dollars, and honest custodians attest it.
    Coins {
        /// Who.
        who: Member,
        /// Which.
        coin: u8,
        /// Dollars that they are worth.
        worth: u32,
    },
    /// A stranger pays ten dollars in, and takes part.
    Arrive,
    /// Honest custodians pay all open withdrawals, and attest it.
    Pay,
    /// The honest trader takes out ten dollars of what it has brought.
    Withdraw,
    /// The market maker bids for everything that is for sale.
    Bid,
    /// Enough honest signers propose and approve a change, in this block and the next.
    Council {
        /// Which.
        change: u8,
    },
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
    /// Which keys of the house the coalition has.
    pub keys: Keys,
    /// Accounts of the first member's owner beside, among which most of the capital is spread.
    pub crowd: u16,
    /// Whether the house lets little out in an hour.
    pub narrow: bool,
    /// What the history is about if it is about prices.
    pub prices: Option<Prices>,
}

/// A house in which much depends on prices: bystanders with no more than their initial margin, and a smile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Sources of each price, all of one weight.
    pub sources: u8,
    /// How far honest sources are from the next one, in parts per million.
    pub apart: i32,
    /// Basis of the last expiry at the start, in parts per million of the index.
    pub basis: i32,
}

/// Keys of the house that the coalition has, always fewer than the rules bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Validators, and how many of them are in the coalition, the first ones.
    pub validators: (u8, u8),
    /// Signers of the council, how many approve, and how many are in the coalition, the first ones.
    pub signers: (u8, u8, u8),
}

impl Keys {
    /// One validator of four and one signer of three.
    pub const FEW: Self = Self { validators: (4, 1), signers: (3, 2, 1) };
    /// Two validators of seven and two signers of five.
    pub const MORE: Self = Self { validators: (7, 2), signers: (5, 3, 2) };
    /// Two validators of six, which is as many as prices bear (0017-ORAC-003), and two signers of five.
    pub const THIRD: Self = Self { validators: (6, 2), signers: (5, 3, 2) };
}

/// A history: what there is, then block after block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What there is.
    pub setup: Setup,
    /// What happens.
    pub steps: Vec<Step>,
}
