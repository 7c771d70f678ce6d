//! What accounts hold as margin reads it, and the scenario matrices of a state.

use crate::state::State;
use crate::state::account::OpenOrder;
use crate::state::market::Market;
use crate::state::sides::SideOrders as SideSum;
use crate::state::underlying::Underlying;
use margin::{
    Ceiling, MarketInput, OffsetClass, OrderCeiling, Portfolio, Position, Requirement, Risk,
    Settlement, SideOrders, UnderlyingInput, UnitGreeks,
};
use oracle::{Index, SettlementAverage, SettlementWindow};
use protocol::{AccountIndex, AssetId, Contract, Fault, Instrument, ParameterId, UnderlyingId};
use std::collections::BTreeMap;
use units::{BlockTime, Notional, Price, Quantity, Round, Vol};

/// Doubt about an index for what is held already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doubt {
    pub(crate) confidence: Price,
    /// Whether the range for new risk is wider.
    pub(crate) wider: bool,
}

impl Doubt {
    /// Returns whether it is less than the confidence of the index by no more than half of the range for new risk.
    pub(crate) fn leaves_out_little(
        &self,
        held: &Underlying,
        index: &Index,
    ) -> Result<bool, Fault> {
        let at = Fault::at("doubt that is left out");
        let out = index.confidence.minus(self.confidence).map_err(&at)?;
        let range = index.price.scaled(held.thresholds.new_risk(), Round::Down).map_err(&at)?;
        Ok(out.plus(out).map_err(&at)? <= range)
    }
}

pub(crate) type Doubts = BTreeMap<UnderlyingId, Doubt>;

/// What an account holds, as margin reads it.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    pub(crate) cash: Notional,
    pub(crate) positions: Vec<Position>,
    pub(crate) collateral: Vec<(AssetId, Quantity)>,
    pub(crate) orders: Vec<margin::OpenOrder>,
}

impl Holdings {
    /// Returns positions and collateral in the order of the matrices.
    pub(crate) fn sorted(&self, risk: &Risk) -> Result<margin::Holdings, Fault> {
        margin::Holdings::new(risk, &self.positions, &self.collateral)
    }

    pub(crate) fn portfolio(&self) -> Portfolio<'_> {
        Portfolio {
            cash: self.cash,
            positions: &self.positions,
            collateral: &self.collateral,
            orders: &self.orders,
        }
    }
}

impl State {
    /// Returns the scenario matrices of every market that has a mark.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a number is outside its limits.
    pub fn risk(&self) -> Result<Risk, Fault> {
        self.risk_of(|_| true, &Doubts::new())
    }

    /// Returns the matrices of some underlyings, in doubt about some of them as is said instead of as they are.
    pub(crate) fn risk_of(
        &self,
        chosen: impl Fn(UnderlyingId) -> bool,
        doubts: &Doubts,
    ) -> Result<Risk, Fault> {
        let mut underlyings = Vec::with_capacity(self.underlyings.len());
        let mut markets = Vec::with_capacity(self.markets.len());
        for (id, underlying) in self.underlyings.iter().filter(|(id, _)| chosen(**id)) {
            underlyings.extend(self.underlying_input(*id, underlying, doubts.get(id))?);
        }
        for market in self.markets.values().filter(|held| chosen(held.instrument.underlying)) {
            let Some(underlying) = self.underlyings.get(&market.instrument.underlying) else {
                continue;
            };
            markets.extend(market_input(market, underlying, self.time)?);
        }
        Risk::build(&self.margin_parameters(), self.time, &underlyings, &markets)
    }

    fn underlying_input(
        &self,
        id: UnderlyingId,
        held: &Underlying,
        doubt: Option<&Doubt>,
    ) -> Result<Option<UnderlyingInput>, Fault> {
        let Some(index) = held.feed.index() else { return Ok(None) };
        let scan_new = match doubt {
            Some(Doubt { wider: false, .. }) => held.thresholds.new_risk(),
            _ => held.range_new_risk(),
        };
        let impact = self.impact_of(id)?;
        Ok(Some(UnderlyingInput {
            underlying: id,
            class: OffsetClass::new(held.class),
            asset: held.asset,
            index: index.price,
            confidence: doubt.map_or(index.confidence, |doubt| doubt.confidence),
            scan_hold: held.thresholds.hold(),
            scan_new,
            short_option_maintenance: self.ppm(id, ParameterId::ShortOptionMaintenance),
            short_option_initial: self.ppm(id, ParameterId::ShortOptionInitial),
            haircut: self.ppm(id, ParameterId::CollateralHaircut),
            haircut_knee: Notional::from_micros(i128::from(
                self.parameters.get(Some(id), ParameterId::HaircutKnee),
            )),
            haircut_beyond: self.ppm(id, ParameterId::HaircutBeyond),
            mark_band: self.ppm(id, ParameterId::MarkBand),
            spread: self.ppm(id, ParameterId::Spread),
            vol_daily: self.ppm(id, ParameterId::VolDaily),
            volume_daily: impact.volume,
            vol_move_daily: self.ppm(id, ParameterId::VolMoveDaily),
            vega_daily: impact.vega,
            depth: impact.depth,
            depth_hold: impact.depth_hold,
            fee: self.ppm(id, ParameterId::TakerFee),
        }))
    }

    pub(crate) fn holdings(
        &self,
        account: AccountIndex,
        with_orders: bool,
    ) -> Result<Holdings, Fault> {
        let held = self.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let mut orders = Vec::new();
        if with_orders {
            for open in held.orders().values() {
                orders.push(self.margined(&open)?);
            }
        }
        let mut positions = Vec::with_capacity(held.positions().len());
        for (instrument, position) in held.positions() {
            let mut cost = position.cost;
            if let Some(accrual) = self.accruals.get(instrument) {
                // Funding that has accrued is owed, though it is not yet exchanged.
                let owed = accrual.receives(position)?;
                cost = cost.minus(owed).map_err(Fault::at("funding accrued"))?;
            }
            positions.push(Position { instrument: *instrument, lots: position.lots, cost });
        }
        let pledged = self.ledger.collateral(account);
        Ok(Holdings {
            cash: self.ledger.cash(account),
            positions,
            collateral: pledged.map(|(asset, amount)| (asset, amount.quantity())).collect(),
            orders,
        })
    }

    /// Returns an order as margin reads it, with the most that it pays in fees if all of it fills.
    pub(crate) fn margined(&self, open: &OpenOrder) -> Result<margin::OpenOrder, Fault> {
        let at = Fault::at("fee of an order");
        let OpenOrder { instrument, side, price, lots, .. } = *open;
        let listed = self.market(instrument)?.instrument;
        // Who rests never pays more than the aggressor.
        let rate = match open.is_of_house() {
            true => self.liquidation_fee(listed.underlying),
            false => self.ppm(listed.underlying, ParameterId::TakerFee),
        };
        let value = lots.value(price, listed.contract_size, Round::Up);
        let value = value.and_then(Notional::magnitude).map_err(&at)?;
        let fee = value.fraction_ppm(rate, Round::Up).map_err(&at)?;
        Ok(margin::OpenOrder { instrument, side, price, lots, fee })
    }

    /// Returns a ceiling with what the open orders of an account add; `None` if equity may not cover them.
    pub(crate) fn with_sides(
        &self,
        risk: &Risk,
        account: AccountIndex,
        idle: Ceiling,
    ) -> Result<Option<Ceiling>, Fault> {
        let held = self.accounts.get(account).ok_or(Fault::Missing("account"))?;
        Ok(held.sides().try_fold(idle, |ceiling, ((instrument, side), sum)| {
            let SideSum { lots, lowest, highest, count, of_house, .. } = sum;
            if of_house > 0 {
                // Its fee is another.
                return None;
            }
            let orders = SideOrders { instrument, side, lots, lowest, highest, count };
            ceiling.with(OrderCeiling::of(risk, &orders)?)
        }))
    }

    /// Returns what an account must hold, and what it does; without its open orders or with them.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the account is missing or a number is outside its limits.
    pub fn required(
        &self,
        risk: &Risk,
        account: AccountIndex,
        with_orders: bool,
    ) -> Result<Requirement, Fault> {
        margin::required(risk, &self.holdings(account, with_orders)?.portfolio())
    }

    /// Returns the tree of intermediates behind an account's margin, open orders included.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the account is missing or a number is outside its limits.
    pub fn explain(
        &self,
        risk: &Risk,
        account: AccountIndex,
    ) -> Result<margin::Explanation, Fault> {
        let mut tree = margin::explain(risk, &self.holdings(account, true)?.portfolio())?;
        tree.parts.extend(self.explain_ranges(account)?);
        Ok(tree)
    }

    /// Returns the Greeks of an account's positions.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the account is missing or a number is outside its limits.
    pub fn greeks(&self, risk: &Risk, account: AccountIndex) -> Result<margin::Greeks, Fault> {
        margin::greeks(risk, &self.holdings(account, false)?.positions)
    }
}

/// Returns a market as margin reads it, if it has a mark and an index.
fn market_input(
    market: &Market,
    underlying: &Underlying,
    now: BlockTime,
) -> Result<Option<MarketInput>, Fault> {
    let (Some(mark), Some(forward)) = (market.mark, market.forward) else { return Ok(None) };
    Ok(Some(MarketInput {
        instrument: market.instrument,
        forward,
        mark,
        vol: market.vol.unwrap_or(Vol::ZERO),
        vol_uncertainty: market.vol_uncertainty,
        basis_doubt: market.basis_doubt,
        settlement: settlement(market, underlying, now)?,
        funding: market.funding_rate,
    }))
}

/// Returns how far the averaging of a market's settlement price has come, inside the window.
fn settlement(
    market: &Market,
    underlying: &Underlying,
    now: BlockTime,
) -> Result<Option<Settlement>, Fault> {
    let expires_at = market.instrument.contract.expires_at();
    expires_at.map_or(Ok(None), |expires_at| settlement_at(expires_at, underlying, now))
}

/// Returns how far the averaging towards an expiry has come, inside the window.
pub(crate) fn settlement_at(
    expires_at: BlockTime,
    underlying: &Underlying,
    now: BlockTime,
) -> Result<Option<Settlement>, Fault> {
    let average = underlying.settlements.get(&expires_at);
    let window = average.map(|average| average.window(now)).transpose()?;
    // After expiry all of it may still be to come.
    let is_open = |window: &SettlementWindow| {
        window.remaining < SettlementAverage::WINDOW || expires_at <= now
    };
    let open = window.filter(is_open);
    Ok(open.map(|window| Settlement { fixed: window.fixed, remaining: window.remaining }))
}

/// What a contract is valued on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValuedOn {
    forward: Price,
    vol: Vol,
    settlement: Option<Settlement>,
}

/// Returns what a contract is valued on; nothing as long as it has no forward, or as an option no vol.
pub(crate) fn valued_on(
    market: &Market,
    underlying: &Underlying,
    now: BlockTime,
) -> Result<Option<ValuedOn>, Fault> {
    let vol = match market.instrument.contract {
        Contract::Option { .. } => market.vol,
        Contract::Perpetual | Contract::Future { .. } => Some(Vol::ZERO),
    };
    let (Some(forward), Some(vol)) = (market.forward, vol) else { return Ok(None) };
    Ok(Some(ValuedOn { forward, vol, settlement: settlement(market, underlying, now)? }))
}

impl ValuedOn {
    /// Returns the mark of a dated contract: the expected settlement price, or the option's value at its vol.
    pub(crate) fn mark(&self, instrument: &Instrument, now: BlockTime) -> Result<Price, Fault> {
        margin::mark_value(instrument, self.forward, self.vol, now, self.settlement)
    }

    /// Returns how the value of a unit moves.
    pub(crate) fn greeks(&self, contract: &Contract, now: BlockTime) -> Result<UnitGreeks, Fault> {
        UnitGreeks::new(contract, self.forward, self.vol, now, self.settlement)
    }
}
