//! Why a command changed nothing. Codes are stable, in order of precedence, and never reused; those from 70 on, which
//! say why a signature does not carry the command, come before all others.

use crate::{ContractRule, Mode};
use borsh::{BorshDeserialize, BorshSerialize};
use units::{Amount, BlockTime, Notional, Price};

/// A named refusal. The first rule broken, in the order of the codes, is the one reported; those from 70 on come first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, thiserror::Error,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Refusal {
    /// The sender may not give this command.
    #[error("the sender may not give this command")]
    NotPermitted = 1,
    /// The account has never received a deposit.
    #[error("the account is not open")]
    AccountNotOpen = 2,
    /// The command, or the table that it writes to, already holds as many as it may.
    #[error("too many in one command or table")]
    TooMany = 3,
    /// The asset is not accepted.
    #[error("the asset is unknown")]
    AssetUnknown = 10,
    /// Zero or less.
    #[error("the amount is not positive")]
    AmountNotPositive = 11,
    /// Above the limits of its unit.
    #[error("the amount is too large")]
    AmountTooLarge = 12,
    /// From an account to itself.
    #[error("the two accounts are the same")]
    SameAccount = 13,
    /// The account does not hold as much.
    #[error("the balance is short by {short_by} minor units")]
    BalanceShort {
        /// By how much, in minor units of the asset.
        short_by: Amount,
    } = 14,
    /// Custody of the asset does not hold as much.
    #[error("custody is short by {short_by} minor units")]
    CustodyShort {
        /// By how much, in minor units of the asset.
        short_by: Amount,
    } = 15,
    /// As much has left the house, or this owner, in the last hour as may.
    #[error("the hourly withdrawal limit would be exceeded by {exceeded_by} dollars")]
    WithdrawalLimit {
        /// By how much.
        exceeded_by: Notional,
    } = 16,
    /// Nothing is liquidated, in the house or of this account, so no gains leave.
    #[error("liquidation is suspended, and nothing leaves until it goes on")]
    LiquidationSuspended = 17,
    /// Debts are open that nothing in the house could pay: only what an account has brought leaves.
    #[error("gains do not leave while debts are uncovered: at most {at_most} minor units")]
    GainsNotCovered {
        /// What the account has brought of the asset, in minor units.
        at_most: Amount,
    } = 18,
    /// Worth less than what opens an account, or than what pays for a withdrawal.
    #[error("the amount is worth less than {least} dollars")]
    AmountTooSmall {
        /// The least.
        least: Notional,
    } = 19,
    /// The instrument is not listed.
    #[error("the instrument is not listed")]
    InstrumentUnknown = 20,
    /// The instrument has expired.
    #[error("the instrument has expired")]
    InstrumentExpired = 21,
    /// The instrument is halted or paused.
    #[error("the instrument is halted")]
    InstrumentHalted = 22,
    /// The underlying's mode does not allow it.
    #[error("not allowed while the underlying is in mode {mode:?}")]
    ModeForbids {
        /// The mode.
        mode: Mode,
    } = 23,
    /// No mark yet, or its price is too old.
    #[error("there is no fresh mark price")]
    MarkMissing = 24,
    /// Zero lots or fewer.
    #[error("the number of lots is not positive")]
    LotsNotPositive = 30,
    /// More lots than an order or position may have.
    #[error("too many lots")]
    LotsTooMany = 31,
    /// Options and their orders have positive prices.
    #[error("the price is not positive")]
    PriceNotPositive = 32,
    /// Not a multiple of the tick.
    #[error("the price is off tick")]
    PriceOffTick = 33,
    /// Too far from the mark.
    #[error("the price is outside the band around the mark")]
    PriceOutsideBand = 34,
    /// The account has an open order with this number.
    #[error("the client order id is in use")]
    ClientOrderIdInUse = 35,
    /// The account has as many open orders as it may.
    #[error("the account has too many open orders")]
    TooManyOrders = 36,
    /// The account has as many positions as it may.
    #[error("the account has too many positions")]
    TooManyPositions = 37,
    /// The side of the book holds as many orders as it may, none of them worse than this one.
    #[error("the book is full of orders that are no worse")]
    BookFull = 38,
    /// A reduce-only order that would not reduce.
    #[error("a reduce-only order may not enlarge the position")]
    ReduceOnlyWouldIncrease = 39,
    /// A post-only order that would trade at once.
    #[error("a post-only order would trade at once")]
    PostOnlyWouldCross = 40,
    /// The order would meet an order of its own account.
    #[error("the order would trade with its own account")]
    SelfTrade = 41,
    /// More lots than one account may hold in this instrument.
    #[error("the position limit would be exceeded")]
    PositionLimit = 42,
    /// The owner has as many open orders as it may, in this book or in all, over all its accounts.
    #[error("the owner has too many open orders")]
    TooManyOrdersOfOwner = 43,
    /// One twice or not there, too many, or a threshold that is not more than half of them.
    #[error("these are no custodians with a threshold")]
    CustodiansInvalid = 44,
    /// What is left would not cover initial margin.
    #[error("margin would be short by {short_by} dollars")]
    MarginShort {
        /// By how much.
        short_by: Notional,
    } = 45,
    /// No such open order of this account.
    #[error("the order is unknown")]
    OrderUnknown = 50,
    /// The house liquidates with it; the account cannot take it back.
    #[error("the order is the house's")]
    OrderOfHouse = 51,
    /// The deposit has been credited or is too old to be, or no such withdrawal is to be paid.
    #[error("no such deposit or withdrawal is outstanding")]
    NotOutstanding = 52,
    /// As much of the asset has been credited within a day as may.
    #[error("the daily limit of deposits would be exceeded by {exceeded_by} dollars")]
    DepositLimit {
        /// By how much.
        exceeded_by: Notional,
    } = 53,
    /// The account has no such collateral behind a debt that is to be sold, or not at that price.
    #[error("no such collateral is for sale at that price")]
    NotForSale = 54,
    /// The validator is not one of this house, or not jailed.
    #[error("the validator is not jailed")]
    NotJailed = 55,
    /// The validator's time in jail is not over.
    #[error("the validator is jailed until {until} ms")]
    StillJailed {
        /// Until when.
        until: BlockTime,
    } = 56,
    /// The number belongs to another key, or the key to another number.
    #[error("a validator's number and its key belong together for ever")]
    ValidatorKeyTaken = 57,
    /// The validator has a seat in the committees to come.
    #[error("the validator has a seat")]
    AlreadySeated = 58,
    /// The validator has no seat in the committees to come.
    #[error("the validator has no seat")]
    NotSeated = 59,
    /// No such parameter in this place.
    #[error("the parameter is unknown here")]
    ParameterUnknown = 60,
    /// Outside the bounds compiled into the program.
    #[error("the value is outside the bounds {lowest}..={highest}")]
    ValueOutsideBounds {
        /// Lowest allowed.
        lowest: i64,
        /// Highest allowed.
        highest: i64,
    } = 61,
    /// The contract cannot be listed.
    #[error("the contract cannot be listed: {rule}")]
    ContractInvalid {
        /// The rule it breaks.
        rule: ContractRule,
    } = 62,
    /// No such open proposal.
    #[error("the proposal is unknown")]
    ProposalUnknown = 63,
    /// The signer has approved it, or the custodian attested it, already.
    #[error("the sender has approved or attested it already")]
    ApprovedAlready = 64,
    /// The signer has as many open proposals of its own as it may.
    #[error("too many open proposals of this signer")]
    TooManyProposals = 65,
    /// The instrument or the house is neither halted nor paused.
    #[error("nothing is halted")]
    NotHalted = 66,
    /// A value together with another would break a rule between parameters.
    #[error("the value contradicts another parameter")]
    ValueContradicts = 67,
    /// The signer has no approval to take back.
    #[error("the signer has not approved it")]
    NotApproved = 68,
    /// A committee has as many seats as it may.
    #[error("the committee is full")]
    CommitteeFull = 69,
    /// The block is not before the signature's expiry.
    #[error("the signature has expired")]
    SignatureExpired = 70,
    /// A signature lives for a day at most.
    #[error("the signature expires more than a day from now")]
    SignatureTooLong = 71,
    /// The owner has never registered this session key, or it ended long ago.
    #[error("the session key is not registered")]
    SessionUnknown = 72,
    /// The owner has revoked the session key.
    #[error("the session key is revoked")]
    SessionRevoked = 73,
    /// The session key has expired.
    #[error("the session key has expired")]
    SessionExpired = 74,
    /// This key has used the nonce, or so many higher ones that it counts as used.
    #[error("the nonce is used")]
    NonceUsed = 75,
    /// Nonces are at most the time of the block in milliseconds, and a day.
    #[error("the nonce is more than a day ahead of the clock in milliseconds")]
    NonceTooHigh = 76,
    /// The signed text names another contract or asset than the command.
    #[error("the signed text is not what the listing says")]
    ShownDiffers = 77,
    /// Only the owner's own key may, or the session key's terms do not reach so far.
    #[error("the session key may not give this command")]
    OutOfScope = 78,
    /// The session key may spend so much a day.
    #[error("the session key's daily cap would be exceeded by {exceeded_by} dollars")]
    SessionCap {
        /// By how much.
        exceeded_by: Notional,
    } = 79,
    /// The owner has as many session keys as may be.
    #[error("too many session keys")]
    TooManySessions = 80,
    /// No permission, an expiry that has passed, or a cap below zero.
    #[error("these are no terms of a session key")]
    SessionTermsInvalid = 81,
    /// A committee of so few would not survive the loss of one.
    #[error("the committee would have too few seats")]
    CommitteeTooSmall = 82,
    /// Reports without weight, or more weight than can be counted.
    #[error("the stake is zero, or too much together with that of all others")]
    StakeInvalid = 83,
    /// Whoever holds a third alone can keep prices and blocks from coming about.
    #[error("the stake is a third or more of that of the committee")]
    StakeTooLarge = 84,
    /// Before its time, while prices come, or no contracts are put off.
    #[error("no settlement waits for a price, or prices come, or it is too early to give one")]
    SettlementNotDue = 85,
    /// Too far from the last index.
    #[error("the settlement price is outside {lowest} … {highest}")]
    SettlementPriceOutside {
        /// Lowest allowed.
        lowest: Price,
        /// Highest allowed.
        highest: Price,
    } = 86,
    /// A signer pauses a market once, and again only a while after that pause has lapsed.
    #[error("the signer may pause this market again at {until} ms")]
    PauseSpent {
        /// From when on.
        until: BlockTime,
    } = 88,
    /// One change moves a value only so far.
    #[error("one change may only take the value to {lowest}..={highest}")]
    StepTooLarge {
        /// Lowest that it may be changed to now.
        lowest: i64,
        /// Highest that it may be changed to now.
        highest: i64,
    } = 89,
    /// It was judged to lower risk, and beside the value now in force it raises it.
    #[error("the change raises risk now and has not waited for the timelock")]
    NotWaited = 90,
    /// Not one signer more, fewer or other, a threshold that moves by more than one, or one that cannot be met.
    #[error("this change of signers and threshold cannot be made")]
    SignersInvalid = 93,
    /// The signer has approved something else than what the proposal of this number changes.
    #[error("the proposal is of another change than the one approved")]
    ChangeDiffers = 94,
}

impl Refusal {
    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> u16 {
        // Borsh writes the discriminant as one byte, so codes stay below 256 and the first byte is the code.
        borsh::to_vec(self).ok().and_then(|bytes| bytes.first().copied()).map_or(0, u16::from)
    }
}
