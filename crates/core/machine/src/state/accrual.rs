//! What a perpetual owes since its last exchange of funding.
//!
//! **Invariant:** nothing of what accrues is lost to rounding: what is less than a micro-dollar a unit waits.

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::{Position, funding_payment};
use protocol::{Fault, Side};
use units::{BlockSpan, Lots, Notional, Num, Ppb, Price, Quantity, Round, limits};

/// Milliseconds in an hour, for which a rate is stated.
const HOUR: i128 = 3_600_000;

/// What a perpetual owes since its last exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Accrual {
    contract_size: Quantity,
    /// Dollars that a unit held long owes.
    per_unit: Price,
    /// What has not yet come to a micro-dollar a unit: parts per billion × micro-dollars × milliseconds.
    rest: i128,
    /// Whether the market could trade when the last block accrued.
    pub(crate) traded: bool,
}

impl Accrual {
    pub(crate) const fn new(contract_size: Quantity) -> Self {
        Self { contract_size, per_unit: Price::ZERO, rest: 0, traded: false }
    }

    /// Returns it after an exchange: what is less than a micro-dollar a unit still waits.
    pub(crate) const fn emptied(self) -> Self {
        Self { per_unit: Price::ZERO, ..self }
    }

    /// Adds what a rate of an hour comes to in the time elapsed.
    ///
    /// Rounding: none; what is less than a micro-dollar a unit waits.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a number leaves its limits.
    ///
    /// spec 0013-CLEAR-008.
    pub fn accrue(&mut self, rate: Ppb, index: Price, elapsed: BlockSpan) -> Result<(), Fault> {
        let at = Fault::at("accrual of funding");
        let whole = Num::new(limits::PPB_ONE).times(Num::new(HOUR)).map_err(&at)?;
        let more = rate.number().times(index.number()).and_then(|n| n.times(elapsed.number()));
        let parts = more.and_then(|more| more.plus(Num::new(self.rest))).map_err(&at)?;
        let micros = parts.mul_div(Num::new(1), whole, Round::Down).map_err(&at)?;
        let rest = micros.times(whole).and_then(|taken| parts.minus(taken)).map_err(&at)?;
        self.per_unit = self.per_unit.plus(Price::from_number(micros)).map_err(&at)?;
        self.rest = rest.raw();
        Ok(())
    }

    /// Returns whether the market could trade when the last block accrued: time between two blocks counts if it could in both.
    #[must_use]
    pub const fn traded(&self) -> bool {
        self.traded
    }

    /// Returns what a position would receive now; negative if it would pay.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a number leaves its limits.
    ///
    /// spec 0013-CLEAR-008.
    pub fn receives(&self, position: &Position) -> Result<Notional, Fault> {
        let paid = funding_payment(position.lots, self.contract_size, self.per_unit)?;
        paid.plus(position.funded).map_err(Fault::at("funding received"))
    }

    /// Returns a position after a fill, credited with what had accrued before it.
    pub(crate) fn filled(
        &self,
        position: Position,
        side: Side,
        lots: Lots,
    ) -> Result<Position, Fault> {
        let at = Fault::at("funding of a fill");
        let against = match side {
            Side::Buy => lots.negated().map_err(&at)?,
            Side::Sell => lots,
        };
        let credit = funding_payment(against, self.contract_size, self.per_unit)?;
        let funded = position.funded.plus(credit).map_err(&at)?;
        Ok(Position { funded, ..position })
    }
}
