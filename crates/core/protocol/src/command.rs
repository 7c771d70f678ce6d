//! What the outside may ask of the machine.

use crate::{
    AccountId, Address, AssetId, Change, DepositId, InstrumentId, NewOrder, OrderId, ProposalId,
    Quote, SessionKey, SessionTerms, WithdrawalId,
};
use borsh::{BorshDeserialize, BorshSerialize};
use units::{Amount, Price};

/// A command and the address that the shell has authenticated for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// Who asks.
    pub sender: Address,
    /// For what.
    pub command: Command,
}

/// Everything that a sender may ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Command {
    /// Attests that something has arrived in custody for an account: credited once enough custodians have. Only a custodian
    /// may.
    Deposit {
        /// Which deposit, as the vault numbers them.
        id: DepositId,
        /// Whose account; it is opened if it does not exist.
        account: AccountId,
        /// What has arrived.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Takes free collateral out of custody.
    Withdraw {
        /// The sender's sub-account.
        sub: u16,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
        /// Where it is paid. By a session key, to the owner's own address and nowhere else.
        destination: Address,
    },
    /// Moves free collateral to another account.
    Transfer {
        /// The sender's sub-account.
        sub: u16,
        /// Where to.
        to: AccountId,
        /// What.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// Enters an order into this block's auction.
    PlaceOrder {
        /// The sender's sub-account.
        sub: u16,
        /// The order.
        order: NewOrder,
    },
    /// Cancels one order, before this block's new orders.
    CancelOrder {
        /// The sender's sub-account.
        sub: u16,
        /// Which.
        order: OrderId,
    },
    /// Cancels all orders of an account, or those in one instrument, before this block's new orders.
    MassCancel {
        /// The sender's sub-account.
        sub: u16,
        /// Where; everywhere if absent.
        instrument: Option<InstrumentId>,
    },
    /// Replaces the account's quotes: one for each instrument and side. A new quote is post-only.
    MassQuote {
        /// The sender's sub-account.
        sub: u16,
        /// At most [`crate::limits::QUOTES_PER_COMMAND_MAX`].
        quotes: Vec<Quote>,
    },
    /// Proposes a change of parameters or listings. Only a governance signer may; counts as an approval.
    Propose {
        /// What is to change.
        change: Change,
    },
    /// Approves a proposal. Only a governance signer may.
    Approve {
        /// Which.
        proposal: ProposalId,
        /// What it changes: so that a signer sees what it signs, and signs for nothing else.
        change: Change,
    },
    /// Takes back an approval: a complete proposal is one no longer if too few are left. Only a governance signer may.
    Revoke {
        /// Which.
        proposal: ProposalId,
    },
    /// Lets an instrument reduce only, at once. Any one governance signer may; it lapses by itself.
    Pause {
        /// Which.
        instrument: InstrumentId,
    },
    /// Lets a session key command for the sender, or changes what it may do. Only the owner's own key may.
    RegisterSession {
        /// What it may do.
        terms: SessionTerms,
    },
    /// Ends a session key at once. Only the owner's own key may.
    RevokeSession {
        /// Which.
        key: SessionKey,
    },
    /// Buys collateral behind a debt, or what an insurance fund has bought of it, for dollars at the house's price.
    BuyCollateral {
        /// The sender's sub-account, which pays.
        sub: u16,
        /// Whose collateral; that of the fund in whose compartment the asset is priced, if absent.
        seller: Option<AccountId>,
        /// What.
        asset: AssetId,
        /// The most of it.
        amount: Amount,
        /// The most that is paid for a unit.
        limit: Price,
    },
    /// Attests that a withdrawal has been paid: its record goes once enough custodians have. Only a custodian may.
    AttestPayment {
        /// Which.
        id: WithdrawalId,
    },
}

impl Command {
    /// Returns whether the command takes effect before this block's new orders.
    #[must_use]
    pub const fn is_cancel(&self) -> bool {
        matches!(self, Self::CancelOrder { .. } | Self::MassCancel { .. })
    }
}
