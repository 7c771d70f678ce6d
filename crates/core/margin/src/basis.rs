//! The basis scenario: what each contract may lose against the others of its underlying while the index stands still.
//!
//! The mark of a perpetual stands within a band around the index, and whoever shows depth in an empty book moves it there. No
//! scenario of the set moves it, because in all of them the contracts of an underlying move together. So there is one more,
//! in which each *unit* goes to the edge that is against the account: a perpetual is a unit, and all that expires at one
//! time is one (0019-MARG-040).
//!
//! **Invariant:** a unit's loss is the greatest of three sums that are linear in lots, so what an account loses in this
//! scenario is convex in its positions, and splitting an account lowers it never.

use crate::input::{MarketInput, UnderlyingInput};
use crate::mark::option_value;
use crate::valuation::{Expiry, WINDOW};
use pricing::{FineVol, MovedVol};
use protocol::{Contract, Fault};
use units::{Num, Ppm, Price, Quantity, Round, limits};

/// What a long lot gains, in micro-dollars, as its unit falls to its lower edge and as it rises to its upper one, divided by the
/// share of the scan that is maintenance margin. The first is rounded down and the second up, because long lots lose the one
/// and short lots the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BasisMoves {
    pub(crate) fallen: i64,
    pub(crate) risen: i64,
}

/// What a unit gains if it does not move, falls, or rises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct UnitSums([i64; 3]);

impl BasisMoves {
    pub(crate) const NONE: Self = Self { fallen: 0, risen: 0 };

    /// Returns those of a perpetual: from its mark to the edges of the band around the index.
    pub(crate) fn of_perpetual(
        input: &UnderlyingInput,
        mark: Price,
        size: Quantity,
        ratio: Ppm,
    ) -> Result<Self, Fault> {
        let at = || Fault::at("margin: edges of a band");
        let index = input.index;
        let away = index.scaled(input.mark_band, Round::Up).map_err(at())?;
        let lower = index.minus(away).map_err(at())?.lesser(mark);
        let upper = index.plus(away).map_err(at())?.greater(mark);
        let (fallen, risen) = (lower.minus(mark).map_err(at())?, upper.minus(mark).map_err(at())?);
        Ok(Self {
            fallen: of_lot(fallen, size, ratio, Round::Down)?,
            risen: of_lot(risen, size, ratio, Round::Up)?,
        })
    }

    /// Returns those of what expires: from its forward, down and up by what that may be off (0019-MARG-041).
    pub(crate) fn of_dated(
        market: &MarketInput,
        expiry: &Expiry,
        ratio: Ppm,
    ) -> Result<Self, Fault> {
        let at = || Fault::at("margin: doubt about a basis");
        if market.basis_doubt <= Price::ZERO {
            return Ok(Self::NONE);
        }
        // Of the forward as much moves as is not fixed.
        let open = (expiry.open.number(), WINDOW.number());
        let away = market.basis_doubt.number().mul_div(open.0, open.1, Round::Up);
        let away = Price::from_number(away.map_err(at())?);
        let lower = expiry.moving.minus(away).map_err(at())?.greater(Price::ZERO);
        let upper = expiry.moving.plus(away).map_err(at())?;
        let upper = upper.lesser(Price::from_micros(Price::LIMIT).greater(expiry.moving));
        let value = |moving, round| value(market, &Expiry { moving, ..*expiry }, round);
        let gained = |moving, round, against| {
            let gained = value(moving, round)?.minus(value(expiry.moving, against)?);
            of_lot(gained.map_err(at())?, market.instrument.contract_size, ratio, round)
        };
        Ok(Self {
            fallen: gained(lower, Round::Down, Round::Up)?,
            risen: gained(upper, Round::Up, Round::Down)?,
        })
    }

    /// Returns whether nothing moves.
    pub(crate) const fn is_none(&self) -> bool {
        self.fallen == 0 && self.risen == 0
    }

    /// Returns the greatest magnitude.
    pub(crate) fn greatest(&self) -> i64 {
        self.fallen.saturating_abs().max(self.risen.saturating_abs())
    }

    /// Returns what lots gain, as their unit falls and as it rises. It is below what is admitted as gross.
    #[inline(always)]
    pub(crate) fn times(&self, lots: i64) -> [i64; 2] {
        [lots.wrapping_mul(self.fallen), lots.wrapping_mul(self.risen)]
    }
}

impl UnitSums {
    /// Returns what is gained in the worst of the three.
    pub(crate) fn worst(&self) -> i64 {
        let Self([still, fallen, risen]) = *self;
        still.min(fallen).min(risen)
    }

    /// Adds what a position gains.
    pub(crate) fn with_position(self, [fell, rose]: [i64; 2]) -> Self {
        let Self([still, fallen, risen]) = self;
        Self([still, fallen.wrapping_add(fell), risen.wrapping_add(rose)])
    }

    /// Adds what an order gains, or takes it out: nothing where filling it would be a gain, because it need not be filled.
    pub(crate) fn with_order(self, [fell, rose]: [i64; 2], cost: i64, take_out: bool) -> Self {
        let Self([still, fallen, risen]) = self;
        let turned = |sum: i64, gained: i64| {
            let worst = gained.wrapping_sub(cost).min(0);
            if take_out { sum.wrapping_sub(worst) } else { sum.wrapping_add(worst) }
        };
        Self([turned(still, 0), turned(fallen, fell), turned(risen, rose)])
    }
}

/// Returns the value of a dated contract, rounded as told.
fn value(market: &MarketInput, expiry: &Expiry, round: Round) -> Result<Price, Fault> {
    let at = || Fault::at("margin: doubt about a basis");
    match market.instrument.contract {
        Contract::Option { strike, right, .. } => {
            let vol: MovedVol = FineVol::from_vol(market.vol).map_err(at())?.into();
            option_value(strike, right, vol, expiry, round)
        }
        Contract::Perpetual | Contract::Future { .. } => expiry.expected(),
    }
}

/// Returns the value of a lot for a price, divided by a share, rounded as told.
fn of_lot(price: Price, size: Quantity, ratio: Ppm, round: Round) -> Result<i64, Fault> {
    let at = || Fault::at("margin: basis move of a lot");
    let million = Num::new(limits::PPM_ONE);
    let scale = ratio.number().times(Quantity::ONE.number()).map_err(at())?;
    let product = price.number().times(size.number()).map_err(at())?;
    let value = product.mul_div(million, scale, round).map_err(at())?;
    crate::valuation::narrow(value.raw(), "margin: basis move of a lot")
}
