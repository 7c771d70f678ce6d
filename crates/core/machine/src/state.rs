//! Everything that a block reads and writes.

pub(crate) mod account;
pub(crate) mod accrual;
pub(crate) mod allowances;
pub(crate) mod committee;
pub(crate) mod custody;
pub(crate) mod genesis;
pub(crate) mod invariants;
pub(crate) mod keys;
pub(crate) mod liquidity;
pub(crate) mod margin_parameters;
pub(crate) mod market;
pub(crate) mod offered;
pub(crate) mod open_orders;
pub(crate) mod pursuit;
pub(crate) mod ranges;
pub(crate) mod records;
pub(crate) mod sides;
pub(crate) mod snapshot;
pub(crate) mod suspension;
pub(crate) mod underlying;
pub(crate) mod validators;
pub(crate) mod valuation;
pub(crate) mod waiting;

use crate::state::account::Accounts;
use crate::state::accrual::Accrual;
use crate::state::committee::Committee;
use crate::state::custody::Custody;
use crate::state::keys::Keys;
use crate::state::market::Market;
use crate::state::suspension::Suspension;
use crate::state::underlying::Underlying;
use crate::state::waiting::{CallAuction, WaitingRoom};
use ::custody::Outflow;
use borsh::{BorshDeserialize, BorshSerialize};
use governance::{Council, Parameters};
use ledger::{Holder, Ledger};
use protocol::{
    AssetId, Fault, InstrumentId, Mode, OrderId, ParameterId, UnderlyingId, ValidatorId,
};
use std::collections::BTreeMap;
use thresholds::Liquidity;
use units::{BlockHeight, BlockSpan, BlockTime, Lots, Notional, Ppb, Ppm, Price};
use validator_set::{Offender, Stakes};

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
    pub validators: Stakes,
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

    /// Returns the underlying at whose index an asset is pledged, if it is.
    pub(crate) fn pledged_on(&self, asset: AssetId) -> Option<UnderlyingId> {
        let mut underlyings = self.underlyings.iter();
        underlyings.find(|(_, held)| held.asset == Some(asset)).map(|(id, _)| *id)
    }

    /// Returns the fee of a liquidation on the value traded, or sold of collateral, by underlying.
    pub(crate) fn liquidation_fee(&self, underlying: UnderlyingId) -> Ppm {
        self.ppm(underlying, ParameterId::LiquidationFee)
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
}
