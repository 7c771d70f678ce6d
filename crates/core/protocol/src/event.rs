//! What happened: receipts answer commands, events tell the world.

use crate::{
    AccountId, AccountIndex, Address, AssetId, Change, DepositId, InstrumentId, Offence, OrderId,
    ProposalId, Refusal, SessionKey, SessionTerms, Side, UnderlyingId, ValidatorId, WithdrawalId,
};
use borsh::{BorshDeserialize, BorshSerialize};
use units::{Amount, BlockTime, Lots, Notional, Ppb, Price};

/// The answer to one command.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Receipt {
    /// Done.
    Done,
    /// The order is in the auction under this number.
    Order(OrderId),
    /// One answer for each quote; `None` for a quote withdrawn.
    Quotes(Vec<Result<Option<OrderId>, Refusal>>),
    /// The proposal is open under this number.
    Proposal(ProposalId),
    /// Nothing was changed, and why.
    Refused(Refusal),
}

/// Why an order left the book without being filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum CancelReason {
    /// The trader asked.
    Requested,
    /// Immediate-or-cancel, and the auction had no more.
    Unfilled,
    /// It met an order of its own account.
    SelfTrade,
    /// It could have traded at once and was post-only.
    PostOnly,
    /// It would have enlarged the position it was to reduce.
    ReduceOnly,
    /// Its account was liquidated.
    Liquidation,
    /// Its contract ended.
    Expiry,
    /// Its market halted in the same block.
    Halt,
    /// Its market or its account may only reduce, and it could have enlarged the position.
    Restricted,
    /// It waited for a call auction and no longer obeyed the rules when the markets reopened.
    Reopening,
    /// It was the worst of a side that was full, and a better one came.
    Evicted,
    /// Margin no longer covered it beside the older orders of its account.
    Uncovered,
}

/// The way in which a compartment is restricted, worst last.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub enum Mode {
    /// All allowed.
    #[default]
    Normal,
    /// All allowed; new risk costs more margin.
    Caution,
    /// Positions may only shrink.
    ReduceOnly,
    /// Cancels and deposits only; nothing is liquidated at a stale price.
    Frozen,
}

/// Something that happened in a block, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Event {
    /// An account was opened by its first deposit.
    AccountOpened {
        /// Its name.
        account: AccountId,
        /// Its place.
        index: AccountIndex,
    },
    /// Enough custodians have attested that assets have entered custody: they are credited.
    Deposited {
        /// Which deposit.
        id: DepositId,
        /// For whom.
        account: AccountIndex,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Assets are to be paid out of custody.
    Withdrawn {
        /// Which withdrawal.
        id: WithdrawalId,
        /// Where to.
        destination: Address,
        /// By whom.
        account: AccountIndex,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// An underlying's restriction changed.
    ModeChanged {
        /// Which.
        underlying: UnderlyingId,
        /// To what.
        mode: Mode,
    },
    /// An order was filled, in whole or in part; the house is the counterparty.
    Filled {
        /// Where.
        instrument: InstrumentId,
        /// Whose.
        account: AccountIndex,
        /// Which order.
        order: OrderId,
        /// Which way.
        side: Side,
        /// At the auction's one price.
        price: Price,
        /// How many.
        lots: Lots,
        /// Fee paid.
        fee: Notional,
        /// Whether the order arrived in this block.
        aggressor: bool,
    },
    /// An order left the book unfilled.
    Cancelled {
        /// Where.
        instrument: InstrumentId,
        /// Whose.
        account: AccountIndex,
        /// Which order.
        order: OrderId,
        /// How many lots were left.
        lots: Lots,
        /// Why.
        reason: CancelReason,
    },
    /// Funding was exchanged between longs and shorts of a perpetual.
    Funded {
        /// Which perpetual.
        instrument: InstrumentId,
        /// Hourly rate at the exchange; longs pay if positive.
        rate: Ppb,
        /// Sum paid by the payers.
        paid: Notional,
    },
    /// Gains and losses since the last run were exchanged in cash.
    VariationPaid {
        /// Which contract.
        instrument: InstrumentId,
        /// Sum paid by the losers.
        paid: Notional,
    },
    /// A contract ended.
    Expired {
        /// Which.
        instrument: InstrumentId,
        /// The settlement price of its underlying.
        price: Price,
        /// Paid out per lot.
        payoff: Notional,
        /// Lots that were open.
        open_interest: Lots,
    },
    /// An account fell below maintenance margin and a liquidation step was taken.
    Liquidated {
        /// Whose.
        account: AccountIndex,
        /// Equity before the step.
        equity: Notional,
        /// Maintenance margin before the step.
        maintenance: Notional,
        /// How many orders were cancelled.
        orders_cancelled: u32,
        /// Where a reducing order was sent, if any; for each such order there is an event.
        instrument: Option<InstrumentId>,
        /// How many lots it was for, signed as a trade.
        lots: Lots,
    },
    /// A margin call: equity fell below initial margin and the account may only reduce.
    MarginCalled {
        /// Whose.
        account: AccountIndex,
        /// By how much equity is short of initial margin.
        short_by: Notional,
    },
    /// The insurance fund paid an account's debt.
    DebtCovered {
        /// Whose.
        account: AccountIndex,
        /// How much.
        amount: Notional,
        /// Debt that remains.
        uncovered: Notional,
    },
    /// The insurance fund bought collateral of an account that owed dollars.
    CollateralSold {
        /// Whose.
        account: AccountIndex,
        /// What.
        asset: AssetId,
        /// How much of it.
        amount: Amount,
        /// Dollars paid for it.
        paid: Notional,
    },
    /// Block time had a gap: until then orders are taken and nothing trades.
    CallAuctionBegun {
        /// When the markets may trade again, if the oracle has prices by then.
        until: BlockTime,
    },
    /// The markets trade again.
    CallAuctionEnded,
    /// A market's own books did not balance: its block was dropped and it halted.
    Halted {
        /// Which.
        instrument: InstrumentId,
        /// Why, as the fault describes itself.
        fault: String,
    },
    /// The house's own books did not balance: it takes no more orders anywhere.
    HouseHalted {
        /// Why, as the fault describes itself.
        fault: String,
    },
    /// A governance change took effect.
    Enacted {
        /// Which proposal.
        proposal: ProposalId,
        /// What.
        change: Change,
    },
    /// A governance change came due and could not take effect.
    NotEnacted {
        /// Which proposal.
        proposal: ProposalId,
        /// Why.
        refusal: Refusal,
    },
    /// An instrument was paused, by a signer or by a change.
    Paused {
        /// Which.
        instrument: InstrumentId,
    },
    /// A session key may command for an owner.
    SessionRegistered {
        /// For whom.
        owner: Address,
        /// What it may do.
        terms: SessionTerms,
    },
    /// A session key may command no longer.
    SessionRevoked {
        /// For whom it commanded.
        owner: Address,
        /// Which.
        key: SessionKey,
    },
    /// A validator was punished for what it signed.
    Punished {
        /// For what.
        offence: Offence,
        /// Stake that it lost.
        slashed: u64,
        /// When it may be released.
        jailed_until: BlockTime,
    },
    /// It is settled that a validator has a seat from an epoch on.
    Seated {
        /// Which validator.
        validator: ValidatorId,
        /// From which epoch on.
        epoch: u64,
    },
    /// It is settled that a validator has no seat from an epoch on.
    Unseated {
        /// Which validator.
        validator: ValidatorId,
        /// From which epoch on.
        epoch: u64,
    },
    /// Too little of a settlement window was covered by fresh prices: it goes on after expiry until enough is.
    SettlementPostponed {
        /// Of which underlying.
        underlying: UnderlyingId,
        /// When its contracts were to end.
        expires_at: BlockTime,
    },
    /// An account bought collateral behind a debt, or of an insurance fund.
    CollateralBought {
        /// Whose it was; a fund's, if absent.
        seller: Option<AccountIndex>,
        /// Who bought it.
        buyer: AccountIndex,
        /// What.
        asset: AssetId,
        /// How much of it.
        amount: Amount,
        /// Dollars paid for it.
        paid: Notional,
    },
    /// A book took no order of the house that was to reduce an account.
    LiquidationRefused {
        /// Whose position.
        account: AccountIndex,
        /// Where.
        instrument: InstrumentId,
        /// Why.
        refusal: Refusal,
    },
    /// A fault in what the house computes of an account: it takes no orders, and nothing leaves it.
    AccountSetAside {
        /// Whose.
        account: AccountIndex,
        /// Which, as the fault describes itself.
        fault: String,
    },
    /// An account that had been set aside is computed again.
    AccountRestored {
        /// Whose.
        account: AccountIndex,
    },
    /// A fault in a command or a change that touched nothing else: it was dropped, and all else goes on.
    FaultContained {
        /// Which, as the fault describes itself.
        fault: String,
    },
    /// Enough custodians have attested that a withdrawal was paid.
    WithdrawalPaid {
        /// Which.
        id: WithdrawalId,
    },
    /// A pause by one signer has lapsed.
    PauseLapsed {
        /// Where.
        instrument: InstrumentId,
    },
}

impl Event {
    /// Returns the order that it happened to, if it happened to one.
    #[must_use]
    pub const fn order(&self) -> Option<OrderId> {
        match self {
            Self::Filled { order, .. } | Self::Cancelled { order, .. } => Some(*order),
            _ => None,
        }
    }
}
