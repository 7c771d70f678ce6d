//! Why a command changed nothing. Codes are stable, in order of precedence, and never reused; each area has a block of
//! them with room for as many more.

use crate::{ContractRule, Mode};
use borsh::{BorshDeserialize, BorshSerialize};
use units::{Amount, BlockTime, Notional, Price};

/// A named refusal. The first rule broken, in the order of the codes, is the one reported; what is wrong with a signature
/// comes before what is wrong with the command that it carries.
///
/// Shape: one byte, the code, then what the message tells.
///
/// | codes | about |
/// |---|---|
/// | 1–9 | any command |
/// | 10–39 | signatures and session keys |
/// | 40–69 | amounts and balances |
/// | 70–89 | markets |
/// | 90–129 | orders and margin |
/// | 130–149 | custodians |
/// | 150–199 | governance |
/// | 200–229 | committee |
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, thiserror::Error,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Refusal {
    /// The sender may not give this command.
    ///
    /// **When:** A deposit or payment is attested by who is no custodian, or a change is proposed, approved, taken back
    /// or a market paused by who is no governance signer.
    ///
    /// **What to do:** Send it with a key of that role. Roles are in genesis, and change by proposal alone.
    #[error("the sender may not give this command")]
    NotPermitted = 1,
    /// The account has never received a deposit.
    ///
    /// **When:** The address has no such sub-account, or the account that is to receive or to sell has none; a
    /// signature is by an owner with neither account nor role.
    ///
    /// **What to do:** Deposit to the account first: a deposit worth `deposit_min` opens it. Check the number of the
    /// sub-account.
    #[error("the account is not open")]
    AccountNotOpen = 2,
    /// The command, or the table that it writes to, already holds as many as it may.
    ///
    /// **When:** A mass quote has more than 256 quotes; the house has 2²⁴ accounts or the owner 1,024; 65,536
    /// withdrawals wait to be paid or 16 of the owner; a custodian has attested 64 deposits that are not credited;
    /// 4,096 contracts are listed.
    ///
    /// **What to do:** Send fewer at once, use an account that is open, or wait until some of what is counted is done.
    #[error("too many in one command or table")]
    TooMany = 3,
    /// The block is not before the signature's expiry.
    ///
    /// **When:** The block's time is at or after the expiry that was signed.
    ///
    /// **What to do:** Sign it again with a later expiry. The nonce is still free.
    #[error("the signature has expired")]
    SignatureExpired = 10,
    /// A signature lives for a day at most.
    ///
    /// **When:** The expiry that was signed is more than a day after the block's time.
    ///
    /// **What to do:** Sign it again with an expiry within a day. The nonce is still free.
    #[error("the signature expires more than a day from now")]
    SignatureTooLong = 11,
    /// The owner has never registered this session key, or it ended long ago.
    ///
    /// **When:** A submission is signed by, or a revocation names, a key that the owner has not registered, or one that
    /// ended more than a day ago and is forgotten.
    ///
    /// **What to do:** Register the key with the owner's own signature.
    #[error("the session key is not registered")]
    SessionUnknown = 12,
    /// The owner has revoked the session key.
    ///
    /// **When:** The owner has ended the key, also earlier in the same block, or ends it a second time.
    ///
    /// **What to do:** Register a key anew with the owner's own signature; a second revocation is not needed.
    #[error("the session key is revoked")]
    SessionRevoked = 13,
    /// The session key has expired.
    ///
    /// **When:** The block's time is at or after the expiry in the key's terms.
    ///
    /// **What to do:** Register the key again with a later expiry; the nonces that it has used stay used.
    #[error("the session key has expired")]
    SessionExpired = 14,
    /// This key has used the nonce, or so many higher ones that it counts as used.
    ///
    /// **When:** The nonce is zero, was used by this key, or is below the 64 highest that it has used.
    ///
    /// **What to do:** Sign with a nonce above all that were used, such as the time in milliseconds. If the submission
    /// was sent twice, the first counts.
    #[error("the nonce is used")]
    NonceUsed = 15,
    /// Nonces are at most the time of the block in milliseconds, and a day.
    ///
    /// **When:** The nonce is more than a day ahead of the block's time in milliseconds.
    ///
    /// **What to do:** Sign with the time in milliseconds as nonce, and check the clock.
    #[error("the nonce is more than a day ahead of the clock in milliseconds")]
    NonceTooHigh = 16,
    /// The signed text names another contract or asset than the command.
    ///
    /// **When:** The underlying, the terms, the size of a lot or the name of an asset in the signed text is not that of
    /// the number that the command names.
    ///
    /// **What to do:** Read the listing anew and sign what it says. Do not trust the program that made the text until
    /// it is known why it differs.
    #[error("the signed text is not what the listing says")]
    ShownDiffers = 17,
    /// Only the owner's own key may, or the session key's terms do not reach so far.
    ///
    /// **When:** A session key's terms lack the permission, the sub-account or the instrument; it withdraws to another
    /// address than the owner's; or it gives a command that takes the owner's own signature.
    ///
    /// **What to do:** Sign it with the owner's key, or register wider terms.
    #[error("the session key may not give this command")]
    OutOfScope = 18,
    /// The session key may spend so much a day.
    ///
    /// **When:** New orders, quotes, purchases, withdrawals and transfers of the key would count for more than its
    /// dollars a day.
    ///
    /// **What to do:** Send less by `exceeded_by`, cancel orders of that day, wait until midnight UTC, or register a
    /// higher cap.
    #[error("the session key's daily cap would be exceeded by {exceeded_by} dollars")]
    SessionCap {
        /// By how much.
        exceeded_by: Notional,
    } = 19,
    /// The owner has as many session keys as may be.
    ///
    /// **When:** The owner has 16 session keys, those that ended less than a day ago included.
    ///
    /// **What to do:** Register a key that it has with new terms, or wait a day after one has ended.
    #[error("too many session keys")]
    TooManySessions = 20,
    /// No permission, an expiry that has passed, or a cap below zero.
    ///
    /// **When:** The terms have no permission or an unknown one, an expiry that is not after the block, or a cap that
    /// is below zero or beyond what an amount may be.
    ///
    /// **What to do:** Correct the terms and register again.
    #[error("these are no terms of a session key")]
    SessionTermsInvalid = 21,
    /// The asset is not accepted.
    ///
    /// **When:** The asset is neither the dollar nor pledged on a listed underlying; or the dollar is bought as
    /// collateral.
    ///
    /// **What to do:** Name an asset that the house accepts.
    #[error("the asset is unknown")]
    AssetUnknown = 40,
    /// Zero or less.
    ///
    /// **When:** A deposit, withdrawal, transfer or purchase is of zero or less.
    ///
    /// **What to do:** Send an amount above zero, in minor units of the asset.
    #[error("the amount is not positive")]
    AmountNotPositive = 41,
    /// Above the limits of its unit.
    ///
    /// **When:** The amount is beyond the limit of balances, or a balance or custody would be with it, or what it
    /// counts for under a session key cannot be counted.
    ///
    /// **What to do:** Send less. Check that the amount is in minor units.
    #[error("the amount is too large")]
    AmountTooLarge = 42,
    /// From an account to itself.
    ///
    /// **When:** A transfer goes, or collateral is bought, from the account that it comes to.
    ///
    /// **What to do:** Name another account; sub-accounts of one owner are different accounts.
    #[error("the two accounts are the same")]
    SameAccount = 43,
    /// The account has no such collateral behind a debt that is to be sold, or not at that price.
    ///
    /// **When:** The seller owes nothing that its collateral is to be sold for, the house has no price for it or holds
    /// nothing of it, or the price is above the buyer's limit.
    ///
    /// **What to do:** Look for what is on offer, and name a limit at the house's price or above.
    #[error("no such collateral is for sale at that price")]
    NotForSale = 44,
    /// The account does not hold as much.
    ///
    /// **When:** A withdrawal, transfer or purchase takes more of the asset than the account's balance. What margin
    /// needs is asked later: see `MarginShort`.
    ///
    /// **What to do:** Send at most what is held: the balance less `short_by`.
    #[error("the balance is short by {short_by} minor units")]
    BalanceShort {
        /// By how much, in minor units of the asset.
        short_by: Amount,
    } = 45,
    /// Custody of the asset does not hold as much.
    ///
    /// **When:** A withdrawal takes more of the asset than the house holds of it, as when others' gains were paid in
    /// it.
    ///
    /// **What to do:** Withdraw less, or another asset, or wait for deposits.
    #[error("custody is short by {short_by} minor units")]
    CustodyShort {
        /// By how much, in minor units of the asset.
        short_by: Amount,
    } = 46,
    /// As much has left the house, or this owner, in the last hour as may.
    ///
    /// **When:** With this withdrawal the house would pay out more than `withdrawal_limit` within an hour, or the
    /// owner, over all its accounts, more than its share of it.
    ///
    /// **What to do:** Withdraw less by `exceeded_by`, or wait: what left an hour ago counts no longer. What an owner
    /// has brought leaves up to `withdrawal_free` an hour, whatever others take.
    #[error("the hourly withdrawal limit would be exceeded by {exceeded_by} dollars")]
    WithdrawalLimit {
        /// By how much.
        exceeded_by: Notional,
    } = 47,
    /// Nothing is liquidated, in the house or of this account, so no gains leave.
    ///
    /// **When:** In a call auction the account holds a position, or held one that has ended since; or it is set aside
    /// because its margin could not be computed.
    ///
    /// **What to do:** Wait until the call auction is over, or until a block in which the account can be measured.
    #[error("liquidation is suspended, and nothing leaves until it goes on")]
    LiquidationSuspended = 48,
    /// Debts are open that nothing in the house could pay: only what an account has brought leaves.
    ///
    /// **When:** An account takes out more of an asset than it has brought while a debt is open that no fund covers,
    /// while that is not known, or in a call auction.
    ///
    /// **What to do:** Withdraw at most `at_most`, or wait until the debt is covered.
    #[error("gains do not leave while debts are uncovered: at most {at_most} minor units")]
    GainsNotCovered {
        /// What the account has brought of the asset, in minor units.
        at_most: Amount,
    } = 49,
    /// Worth less than what opens an account, or than what pays for a withdrawal.
    ///
    /// **When:** The first deposit to an account is worth less than `deposit_min`, or a withdrawal less than
    /// `withdrawal_min`.
    ///
    /// **What to do:** Send at least what `least` says, counted at the index.
    #[error("the amount is worth less than {least} dollars")]
    AmountTooSmall {
        /// The least.
        least: Notional,
    } = 50,
    /// The instrument is not listed.
    ///
    /// **When:** An order, quote, pause or change names a number that no contract is listed under.
    ///
    /// **What to do:** Name a market by the number that it is listed under.
    #[error("the instrument is not listed")]
    InstrumentUnknown = 70,
    /// The instrument has expired.
    ///
    /// **When:** The contract's time is over and it is not settled yet, and the order would enlarge the position or
    /// open one.
    ///
    /// **What to do:** Send only what reduces the position, or trade another contract.
    #[error("the instrument has expired")]
    InstrumentExpired = 71,
    /// The instrument is halted or paused.
    ///
    /// **When:** The market has faulted, the house has, or the account is set aside; the market is paused and the order
    /// would not reduce; or a market that does not trade is to be paused or drilled, or one without a mark drilled.
    ///
    /// **What to do:** Cancel what rests, reduce if the market is paused, and wait until governance resumes it or the
    /// pause lapses.
    #[error("the instrument is halted")]
    InstrumentHalted = 72,
    /// The underlying's mode does not allow it.
    ///
    /// **When:** An order comes while the underlying is frozen, or one that would not reduce while it is in reduce-only
    /// mode or the vol or basis of the contract is stale; or something leaves an account exposed to an underlying that
    /// is in either mode.
    ///
    /// **What to do:** In reduce-only mode send what reduces. In both, wait until prices are fresh again; what is
    /// exposed to no such underlying may leave.
    #[error("not allowed while the underlying is in mode {mode:?}")]
    ModeForbids {
        /// The mode.
        mode: Mode,
    } = 73,
    /// Zero lots or fewer.
    ///
    /// **When:** An order or quote is of zero lots or fewer; a quote of zero lots only takes back.
    ///
    /// **What to do:** Send at least one lot.
    #[error("the number of lots is not positive")]
    LotsNotPositive = 90,
    /// More lots than an order or position may have.
    ///
    /// **When:** An order is of more than the limit of lots, or with it the account would hold more than margin is
    /// computed for.
    ///
    /// **What to do:** Send fewer lots, and close or cancel others of the account.
    #[error("too many lots")]
    LotsTooMany = 91,
    /// Options and their orders have positive prices.
    ///
    /// **When:** An option is ordered at a price of zero or less, or a settlement is given such a price.
    ///
    /// **What to do:** Name a price above zero: one tick is the least.
    #[error("the price is not positive")]
    PriceNotPositive = 92,
    /// Not a multiple of the tick.
    ///
    /// **When:** The limit of an order or quote is no multiple of the contract's tick.
    ///
    /// **What to do:** Round the limit to a tick: down to buy, up to sell.
    #[error("the price is off tick")]
    PriceOffTick = 93,
    /// No mark yet, or its price is too old.
    ///
    /// **When:** The market has no mark or its underlying no index, or an asset is to be counted in dollars and has no
    /// index.
    ///
    /// **What to do:** Wait for the first reports of prices, or use an asset that has a price.
    #[error("there is no fresh mark price")]
    MarkMissing = 94,
    /// Too far from the mark.
    ///
    /// **When:** A buy is above the mark, or a sale below it, by more than `price_band` of the index, or the price is
    /// beyond what a price may be.
    ///
    /// **What to do:** Name a limit nearer to the mark. On its own side of the mark an order may wait as far away as it
    /// likes.
    #[error("the price is outside the band around the mark")]
    PriceOutsideBand = 95,
    /// The account has an open order with this number.
    ///
    /// **When:** An order has the client's number of one that is open in the same account.
    ///
    /// **What to do:** Count numbers up; if the order was sent twice, the first is in the book, and there is nothing to
    /// do.
    #[error("the client order id is in use")]
    ClientOrderIdInUse = 96,
    /// The account has as many open orders as it may.
    ///
    /// **When:** The account has 1,024 open orders, those that wait in a call auction included.
    ///
    /// **What to do:** Cancel some, or use another sub-account.
    #[error("the account has too many open orders")]
    TooManyOrders = 97,
    /// The account has as many positions as it may.
    ///
    /// **When:** The account has 4,096 positions and the order is in a contract of which it has none.
    ///
    /// **What to do:** Close some, or use another sub-account.
    #[error("the account has too many positions")]
    TooManyPositions = 98,
    /// The side of the book holds as many orders as it may, none of them worse than this one.
    ///
    /// **When:** A side of a book is full, or in a call auction 4,096 orders wait on that side of the market, and the
    /// order's limit is not better than the worst.
    ///
    /// **What to do:** Name a better limit, or try again later.
    #[error("the book is full of orders that are no worse")]
    BookFull = 99,
    /// A reduce-only order that would not reduce.
    ///
    /// **When:** The order, with all open orders of its account and side, has more lots than the position it is to
    /// reduce; so does any order on a side on which the house liquidates.
    ///
    /// **What to do:** Send fewer lots, or cancel others of that side first.
    #[error("a reduce-only order may not enlarge the position")]
    ReduceOnlyWouldIncrease = 100,
    /// A post-only order that would trade at once.
    ///
    /// **When:** The limit of a post-only order or quote reaches the best price of the other side.
    ///
    /// **What to do:** Name a limit that does not reach the other side, or leave post-only out.
    #[error("a post-only order would trade at once")]
    PostOnlyWouldCross = 101,
    /// The order would meet an order of its own account.
    ///
    /// **When:** The order would meet one of its own account and says that it is then to be refused; or it would meet
    /// one with which the house liquidates the account.
    ///
    /// **What to do:** Cancel the other order, or let the order take out what it meets of its own account. Orders of
    /// the house are its own to cancel.
    #[error("the order would trade with its own account")]
    SelfTrade = 102,
    /// More lots than one account may hold in this instrument.
    ///
    /// **When:** If all open orders of the side filled, the position would be larger than `position_limit`, or open
    /// interest larger than its limit.
    ///
    /// **What to do:** Send fewer lots, or cancel others of that side first.
    #[error("the position limit would be exceeded")]
    PositionLimit = 103,
    /// The owner has as many open orders as it may, in this book or in all, over all its accounts.
    ///
    /// **When:** The owner, over all its accounts, has 8,192 open orders in the market or 65,536 in all.
    ///
    /// **What to do:** Cancel some: another sub-account does not help.
    #[error("the owner has too many open orders")]
    TooManyOrdersOfOwner = 104,
    /// What is left would not cover initial margin.
    ///
    /// **When:** Initial margin would not be covered, whichever open orders fill: after an order, or without what a
    /// withdrawal, transfer or purchase takes.
    ///
    /// **What to do:** Bring at least `short_by`, reduce or cancel, or send less. An order that closes a position is
    /// let in by rules of its own.
    #[error("margin would be short by {short_by} dollars")]
    MarginShort {
        /// By how much.
        short_by: Notional,
    } = 105,
    /// No such open order of this account.
    ///
    /// **When:** A cancel names an order that was never open in this account, has filled, or has been cancelled.
    ///
    /// **What to do:** Nothing: it is in no book. Fills and cancellations are events of the block in which they
    /// happened.
    #[error("the order is unknown")]
    OrderUnknown = 106,
    /// The house liquidates with it; the account cannot take it back.
    ///
    /// **When:** A cancel names an order with which the house liquidates the account.
    ///
    /// **What to do:** Bring collateral or reduce, so that maintenance margin is covered: the house then takes its
    /// orders back itself.
    #[error("the order is the house's")]
    OrderOfHouse = 107,
    /// The deposit has been credited or is too old to be, or no such withdrawal is to be paid.
    ///
    /// **When:** A custodian attests a deposit whose number counts as credited, or the payment of a withdrawal that is
    /// unknown or paid.
    ///
    /// **What to do:** Nothing, if it was credited or paid. Money under a number that was passed over is booked under
    /// another.
    #[error("no such deposit or withdrawal is outstanding")]
    NotOutstanding = 130,
    /// As much of the asset has been credited within a day as may.
    ///
    /// **When:** The attestation would credit a deposit with which more than `deposit_limit` of the asset comes in
    /// within a day.
    ///
    /// **What to do:** Attest it again later: what was credited a day ago counts no longer.
    #[error("the daily limit of deposits would be exceeded by {exceeded_by} dollars")]
    DepositLimit {
        /// By how much.
        exceeded_by: Notional,
    } = 131,
    /// One twice or not there, too many, or a threshold that is not more than half of them.
    ///
    /// **When:** A change takes away who is no custodian, adds who is one, leaves more than 16, or sets a threshold
    /// that is not more than half of them or more than all.
    ///
    /// **What to do:** Propose a change that fits the custodians as they are when it is due.
    #[error("these are no custodians with a threshold")]
    CustodiansInvalid = 132,
    /// No such parameter in this place.
    ///
    /// **When:** A value is proposed for an underlying though the parameter is one of the house, the other way round,
    /// or for an underlying that is not listed when it is due.
    ///
    /// **What to do:** Name the place that the parameter has: see `novation govern propose parameter --help` for
    /// `--of`.
    #[error("the parameter is unknown here")]
    ParameterUnknown = 150,
    /// Outside the bounds compiled into the program.
    ///
    /// **When:** A proposed value is below `lowest` or above `highest`, which no vote can change.
    ///
    /// **What to do:** Propose a value between the two.
    #[error("the value is outside the bounds {lowest}..={highest}")]
    ValueOutsideBounds {
        /// Lowest allowed.
        lowest: i64,
        /// Highest allowed.
        highest: i64,
    } = 151,
    /// The contract cannot be listed.
    ///
    /// **When:** A contract to be listed has a tick, size or strike outside its limits, or when it is due has ended,
    /// has no underlying, or has the number of another.
    ///
    /// **What to do:** Correct what the message names and propose it again.
    #[error("the contract cannot be listed: {rule}")]
    ContractInvalid {
        /// The rule it breaks.
        rule: ContractRule,
    } = 152,
    /// No such open proposal.
    ///
    /// **When:** An approval, or the taking back of one, names a proposal that was never open, has died, or has been
    /// made.
    ///
    /// **What to do:** See `novation govern list` for those that are open.
    #[error("the proposal is unknown")]
    ProposalUnknown = 153,
    /// The signer has approved it, or the custodian attested it, already.
    ///
    /// **When:** A signer approves a proposal twice, or a custodian attests the same of a deposit or payment twice.
    ///
    /// **What to do:** Nothing: it counts. Others' approvals or attestations are needed.
    #[error("the sender has approved or attested it already")]
    ApprovedAlready = 154,
    /// The signer has as many open proposals of its own as it may.
    ///
    /// **When:** The signer has eight open proposals, or fewer where there are more than eight signers; what stops and
    /// resumes is counted apart.
    ///
    /// **What to do:** Take back one of its own, or let another signer propose it.
    #[error("too many open proposals of this signer")]
    TooManyProposals = 155,
    /// The instrument or the house is neither halted nor paused.
    ///
    /// **When:** A proposal to resume is due for a market that trades or a house that has not faulted, or one to end a
    /// pause for a market that is not paused.
    ///
    /// **What to do:** Nothing: it trades. A market that has faulted is resumed by a proposal of its own.
    #[error("nothing is halted")]
    NotHalted = 156,
    /// A value together with another would break a rule between parameters.
    ///
    /// **When:** With the new value two parameters would be out of order, as `maker_fee` above `taker_fee` or
    /// `stale_after` not below `frozen_after`.
    ///
    /// **What to do:** Change the other one first; spec/0023-governance.md says which go together.
    #[error("the value contradicts another parameter")]
    ValueContradicts = 157,
    /// The signer has no approval to take back.
    ///
    /// **When:** A signer takes back an approval that it has not given, or has taken back.
    ///
    /// **What to do:** Nothing: it does not count.
    #[error("the signer has not approved it")]
    NotApproved = 158,
    /// One change moves a value only so far.
    ///
    /// **When:** The new value is further from the one in force than the parameter may move at once, when proposed or
    /// when due.
    ///
    /// **What to do:** Propose a value between `lowest` and `highest`, and the rest of the way afterwards.
    #[error("one change may only take the value to {lowest}..={highest}")]
    StepTooLarge {
        /// Lowest that it may be changed to now.
        lowest: i64,
        /// Highest that it may be changed to now.
        highest: i64,
    } = 159,
    /// It was judged to lower risk, and beside the value now in force it raises it.
    ///
    /// **When:** A change of a value is due without timelock, because it lowered risk when it was approved, and another
    /// change has since made it one that raises risk.
    ///
    /// **What to do:** Propose it again: it will wait for the timelock.
    #[error("the change raises risk now and has not waited for the timelock")]
    NotWaited = 160,
    /// Not one signer more, fewer or other, a threshold that moves by more than one, or one that cannot be met.
    ///
    /// **When:** A change of signers takes away who is none, adds who is one, changes nothing, moves the threshold by
    /// more than one, or leaves more than 32 signers or a threshold beyond them.
    ///
    /// **What to do:** Change one signer at a time, and the threshold by one.
    #[error("this change of signers and threshold cannot be made")]
    SignersInvalid = 161,
    /// The signer has approved something else than what the proposal of this number changes.
    ///
    /// **When:** An approval says another change than the proposal of that number makes.
    ///
    /// **What to do:** See `novation govern list` for what it changes, and approve that only if it is meant.
    #[error("the proposal is of another change than the one approved")]
    ChangeDiffers = 162,
    /// A signer pauses a market once, and again only a while after that pause has lapsed.
    ///
    /// **When:** The signer has paused this market, and neither the time of that pause nor `pause_cooldown` after it is
    /// over, even if others ended the pause.
    ///
    /// **What to do:** Let another signer pause it, or propose a pause, or wait until `until`.
    #[error("the signer may pause this market again at {until} ms")]
    PauseSpent {
        /// From when on.
        until: BlockTime,
    } = 163,
    /// Before its time, while prices come, or no contracts are put off.
    ///
    /// **When:** A settlement price is due for an expiry that waits for none, before `settlement_wait` is over, or
    /// while prices come.
    ///
    /// **What to do:** Wait: it settles by itself once prices have come for long enough. Otherwise propose it again
    /// after the wait.
    #[error("no settlement waits for a price, or prices come, or it is too early to give one")]
    SettlementNotDue = 164,
    /// Too far from the last index.
    ///
    /// **When:** The price that a settlement is to be given is further than `settlement_band` from the last index.
    ///
    /// **What to do:** Propose a price between `lowest` and `highest`.
    #[error("the settlement price is outside {lowest} … {highest}")]
    SettlementPriceOutside {
        /// Lowest allowed.
        lowest: Price,
        /// Highest allowed.
        highest: Price,
    } = 165,
    /// The number belongs to another key, or the key to another number.
    ///
    /// **When:** A seat is due for a number that had another key, or with a key that had another number.
    ///
    /// **What to do:** Propose the pair as it was, or a number and a key that are both new.
    #[error("a validator's number and its key belong together for ever")]
    ValidatorKeyTaken = 200,
    /// The validator has a seat in the committees to come.
    ///
    /// **When:** A seat is due for a validator that has one.
    ///
    /// **What to do:** Nothing, or take its seat away first to give it with other terms.
    #[error("the validator has a seat")]
    AlreadySeated = 201,
    /// A committee has as many seats as it may.
    ///
    /// **When:** A seat is due and all 256 are taken.
    ///
    /// **What to do:** Take a seat away first.
    #[error("the committee is full")]
    CommitteeFull = 202,
    /// Reports without weight, or more weight than can be counted.
    ///
    /// **When:** A seat is proposed without stake, or with so much that the sum over all validators does not fit.
    ///
    /// **What to do:** Propose a stake above zero, of the size of the others'.
    #[error("the stake is zero, or too much together with that of all others")]
    StakeInvalid = 203,
    /// Whoever holds a third alone can keep prices and blocks from coming about.
    ///
    /// **When:** With the new seat one validator would have a third or more of the committee's stake.
    ///
    /// **What to do:** Propose less stake, or seat others first.
    #[error("the stake is a third or more of that of the committee")]
    StakeTooLarge = 204,
    /// The validator has no seat in the committees to come.
    ///
    /// **When:** The seat of a validator is to go that has none.
    ///
    /// **What to do:** Nothing: in the committee of this epoch and the next it may still be.
    #[error("the validator has no seat")]
    NotSeated = 205,
    /// A committee of so few would not survive the loss of one.
    ///
    /// **When:** A seat is to go and only four are left.
    ///
    /// **What to do:** Seat another validator first.
    #[error("the committee would have too few seats")]
    CommitteeTooSmall = 206,
    /// The validator is not one of this house, or not jailed.
    ///
    /// **When:** A proposal to release a validator is due that was never punished, or is released already.
    ///
    /// **What to do:** Nothing: its reports count.
    #[error("the validator is not jailed")]
    NotJailed = 207,
    /// The validator's time in jail is not over.
    ///
    /// **When:** A proposal to release a validator is due before its time in jail is over.
    ///
    /// **What to do:** Propose it again so that it is due at `until` or later.
    #[error("the validator is jailed until {until} ms")]
    StillJailed {
        /// Until when.
        until: BlockTime,
    } = 208,
}

impl Refusal {
    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> u16 {
        // Borsh writes the discriminant as one byte, so codes stay below 256 and the first byte is the code.
        borsh::to_vec(self).ok().and_then(|bytes| bytes.first().copied()).map_or(0, u16::from)
    }
}
