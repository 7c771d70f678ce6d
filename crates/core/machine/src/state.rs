//! Everything that a block reads and writes.

use crate::account::Accounts;
use crate::committee::Committee;
use crate::custodians::Custody;
use crate::evidence::Offender;
use crate::funding::Accrual;
use crate::genesis::SourceWeight;
use crate::insurance::Allowance;
use crate::keys::Keys;
use crate::offered::Offered;
use crate::restart::{CallAuction, WaitingRoom};
use crate::suspension::Suspension;
use book::FastBook;
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Aggregate;
use governance::{Council, Parameters};
use ledger::{Holder, Ledger};
use margin::UnitGreeks;
use oracle::{BasisMarks, Feed, PremiumAverage, SettlementAverage, VolMarks};
use protocol::{
    Address, AssetId, Fault, Instrument, InstrumentId, Mode, OrderId, ParameterId, UnderlyingId,
    ValidatorId,
};
use std::collections::BTreeMap;
use thresholds::{Liquidity, Thresholds};
use units::{
    ArithmeticError, BlockHeight, BlockSpan, BlockTime, Lots, Notional, Ppb, Ppm, Price, Vol,
};

/// Whether a market takes orders.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Status {
    /// It does.
    Trading,
    /// Governance has paused it: it takes what reduces.
    Paused,
    /// Its own books did not balance.
    Halted {
        /// Why, as the fault describes itself.
        fault: String,
    },
}

impl Status {
    /// Returns whether positions are reduced and exchanged there: by their accounts, and by the house.
    #[must_use]
    pub const fn allows_reducing(&self) -> bool {
        matches!(self, Self::Trading | Self::Paused)
    }
}

/// What is remembered of the pauses of a market.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pause {
    /// When the pause under way lapses; absent if there is none, or a change has to end it.
    pub until: Option<BlockTime>,
    /// From when on a signer may pause the market again, for those who may not yet.
    pub spent: BTreeMap<Address, BlockTime>,
}

/// A listed contract with its book and its sums.
#[derive(Debug, Clone)]
pub struct Market {
    /// The contract.
    pub instrument: Instrument,
    /// Its orders.
    pub book: FastBook,
    /// Whether it takes orders.
    pub status: Status,
    /// Its pauses by one signer.
    pub pause: Pause,
    /// Price at which positions are valued; absent until the oracle allows one.
    pub mark: Option<Price>,
    /// Forward to its expiry; the index for a perpetual.
    pub forward: Option<Price>,
    /// Implied vol of the repaired surface; options only.
    pub vol: Option<Vol>,
    /// The vol as voted, or as it lies between votes: what the repair started from.
    pub vol_voted: Option<Vol>,
    /// How far above the vol the true one may be, because it was moved or not voted lately.
    pub vol_uncertainty: Vol,
    /// Whether the vol has no vote that is fresh and to be believed: the market may only reduce.
    pub vol_stale: bool,
    /// Whether no vote behind the forward is fresh: the market may only reduce.
    pub basis_stale: bool,
    /// How far the forward may be off against other contracts of the underlying.
    pub basis_doubt: Price,
    /// How the value of a unit moves; absent until there is a forward, and for options a vol.
    pub greeks: Option<UnitGreeks>,
    /// Price of the last auction that traded.
    pub last: Option<Price>,
    /// Sums over all positions.
    pub aggregate: Aggregate,
    /// Perpetuals: average premium that the mark follows.
    pub premium: PremiumAverage,
    /// Perpetuals: hourly rate at which funding accrues.
    pub funding_rate: Ppb,
    /// Lots in its book.
    pub(crate) offered: Offered,
}

impl Market {
    /// Returns whether the house may reduce positions in it: whoever stops the trading of accounts does not stop that, unless
    /// the market's own books did not balance.
    #[must_use]
    pub const fn is_liquidable(&self) -> bool {
        self.mark.is_some() && matches!(self.status, Status::Trading | Status::Paused)
    }
}

/// An underlying: the compartment of all contracts on it.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Underlying {
    /// Its name in reports.
    pub name: String,
    /// The asset pledged at its index, if any.
    pub asset: Option<AssetId>,
    /// Its offset class.
    pub class: u16,
    /// Its sources and their weights, ascending.
    pub sources: Vec<SourceWeight>,
    /// Fewest live sources that allow new risk.
    pub sources_min: u8,
    /// The index.
    pub feed: Feed,
    /// Basis of dated contracts.
    pub bases: BasisMarks,
    /// Implied vols of listed options.
    pub vols: VolMarks,
    /// Averages of the index towards each expiry that is less than half an hour away.
    pub settlements: BTreeMap<BlockTime, SettlementAverage>,
    /// How wide its scenarios are.
    pub thresholds: Thresholds,
    /// Since when the vols of options have been flagged as stale without a break.
    pub vols_flagged: BTreeMap<InstrumentId, BlockTime>,
    /// What is allowed.
    pub mode: Mode,
    /// What its insurance fund may still pay today.
    pub payable: Allowance,
}

/// Dollars that have left in the last hour, minute by minute.
///
/// A minute counts until all of it is an hour ago, so what is counted is never less than what has left in an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Outflow {
    /// First block time of a minute and what has left since, ascending: at most sixty-one.
    minutes: Vec<(BlockTime, Notional)>,
}

impl Outflow {
    const MINUTE: BlockSpan = BlockSpan::from_millis(60_000);
    const WINDOW: BlockSpan = BlockSpan::from_millis(3_660_000);
    const PART_OF_DAY: BlockSpan = BlockSpan::from_millis(1_440_000);
    const DAY: BlockSpan = BlockSpan::from_millis(87_840_000);

    /// Returns the outflow with a withdrawal more, and what has then left within the hour.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if a sum or a time leaves its limits.
    ///
    /// spec 0025-BLOCK-012.
    pub fn with(
        &self,
        now: BlockTime,
        dollars: Notional,
    ) -> Result<(Self, Notional), ArithmeticError> {
        self.within(now, dollars, (Self::MINUTE, Self::WINDOW))
    }

    /// Returns the same for a day, in parts of twenty-four minutes.
    ///
    /// # Errors
    ///
    /// As [`Outflow::with`].
    ///
    /// spec 0025-BLOCK-044.
    pub fn within_a_day(
        &self,
        now: BlockTime,
        dollars: Notional,
    ) -> Result<(Self, Notional), ArithmeticError> {
        self.within(now, dollars, (Self::PART_OF_DAY, Self::DAY))
    }

    fn within(
        &self,
        now: BlockTime,
        dollars: Notional,
        (part, window): (BlockSpan, BlockSpan),
    ) -> Result<(Self, Notional), ArithmeticError> {
        let (mut minutes, mut total) = (Vec::with_capacity(self.minutes.len()), dollars);
        for (since, left) in &self.minutes {
            if now.since(*since)? < window {
                total = total.plus(*left)?;
                minutes.push((*since, *left));
            }
        }
        match minutes.last_mut() {
            Some((since, left)) if now.since(*since)? < part => *left = left.plus(dollars)?,
            _ => minutes.push((now, dollars)),
        }
        Ok((Self { minutes }, total))
    }
}

/// The state of the house between two blocks.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct State {
    /// The chain's name.
    pub chain: String,
    /// Height of the last block.
    pub height: BlockHeight,
    /// Its time.
    pub time: BlockTime,
    /// Who holds custody, deposits under way, withdrawals to be paid.
    pub custody: Custody,
    /// Stakes of all that ever had a seat.
    pub validators: BTreeMap<ValidatorId, u64>,
    /// Who validates, and when.
    pub committee: Committee,
    /// Validators that were ever punished.
    pub offenders: BTreeMap<ValidatorId, Offender>,
    /// Compartments.
    pub underlyings: BTreeMap<UnderlyingId, Underlying>,
    /// Markets.
    pub markets: BTreeMap<InstrumentId, Market>,
    /// Funding since its last exchange, by perpetual.
    pub accruals: BTreeMap<InstrumentId, Accrual>,
    /// Accounts.
    pub accounts: Accounts,
    /// Balances.
    pub ledger: Ledger,
    /// Signers and proposals.
    pub council: Council,
    /// Governed values.
    pub parameters: Parameters,
    /// Number of the next order.
    pub next_order: OrderId,
    /// When variation margin and funding are next exchanged.
    pub variation_due_at: BlockTime,
    /// The call auction under way, after a gap in block time.
    pub call_auction: Option<CallAuction>,
    /// Orders that wait.
    pub waiting: WaitingRoom,
    /// Withdrawals of the hour.
    pub outflow: Outflow,
    /// Why the house takes no orders, if its own books did not balance.
    pub house_fault: Option<String>,
    /// Who may command for whom, and used nonces.
    pub keys: Keys,
    /// How deep the books of each underlying are and how much trades in them.
    pub liquidity: BTreeMap<UnderlyingId, Liquidity>,
    /// How long nothing has been liquidated.
    pub suspension: Suspension,
}

impl State {
    /// Returns a governed value of an underlying in parts per million.
    pub fn ppm(&self, underlying: UnderlyingId, parameter: ParameterId) -> Ppm {
        Ppm::from_parts(i128::from(self.parameters.get(Some(underlying), parameter)))
    }

    /// Returns a governed rate of an underlying in parts per billion.
    pub fn ppb(&self, underlying: UnderlyingId, parameter: ParameterId) -> Ppb {
        Ppb::from_parts(i128::from(self.parameters.get(Some(underlying), parameter)))
    }

    /// Returns a governed time of an underlying.
    pub fn span(&self, underlying: UnderlyingId, parameter: ParameterId) -> BlockSpan {
        BlockSpan::from_millis(i128::from(self.parameters.get(Some(underlying), parameter)))
    }

    /// Returns a governed value of the house.
    #[must_use]
    pub fn house(&self, parameter: ParameterId) -> i128 {
        i128::from(self.parameters.get(None, parameter))
    }

    /// Returns the position limit of an underlying's contracts.
    pub fn position_limit(&self, underlying: UnderlyingId) -> Lots {
        Lots::from_count(i128::from(
            self.parameters.get(Some(underlying), ParameterId::PositionLimit),
        ))
    }

    /// Returns what is allowed in an underlying.
    #[must_use]
    pub fn mode(&self, underlying: UnderlyingId) -> Mode {
        self.underlyings.get(&underlying).map_or(Mode::Frozen, |found| found.mode)
    }

    /// Returns the index of an underlying, if there is one.
    #[must_use]
    pub fn index(&self, underlying: UnderlyingId) -> Option<Price> {
        self.underlyings.get(&underlying)?.feed.index().map(|index| index.price)
    }

    /// Returns the insurance fund of an underlying.
    pub fn insurance_fund(&self, underlying: UnderlyingId) -> Notional {
        self.ledger.balance(Holder::Insurance(underlying), AssetId::DOLLAR).notional()
    }

    /// Returns a market.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if it is not listed.
    pub(crate) fn market(&self, instrument: InstrumentId) -> Result<&Market, Fault> {
        self.markets.get(&instrument).ok_or(Fault::Missing("market"))
    }

    /// Returns a market to change.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if it is not listed.
    pub(crate) fn market_mut(&mut self, instrument: InstrumentId) -> Result<&mut Market, Fault> {
        self.markets.get_mut(&instrument).ok_or(Fault::Missing("market"))
    }
}
