//! The scenario matrices of a block: built once, read by every account.
//!
//! Rows lie in margin order — class, underlying, expiry, strike — so that the positions of an account, once sorted by
//! row, are the runs that the margin formula sums.
//!
//! **Invariant:** a [`Risk`] is a function of its inputs alone, and everything an account can hold has a row.

use crate::basis::BasisMoves;
use crate::impact::{Pressure, Rates};
use crate::input::{OffsetClass, UnderlyingInput};
use crate::lanes::{InstructionSet, Matrix, Row};
use crate::scan::Path;
use crate::valuation::Expiry;
use crate::weights::{Key, Weights};
use places::Table;
use protocol::{AssetId, Contract, Fault, InstrumentId};
use std::collections::BTreeMap;
use units::{BlockTime, Notional, Ppm, Price, Quantity, Vol};

/// Most micro-dollars of collateral in one asset that count: a billion dollars. A lot is worth a dollar to ten, so these are
/// a billion lots at most.
const PLEDGED_VALUE_MAX: i64 = 1_000_000_000_000_000;

/// Where a contract's row is, in margin order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowIndex(pub(crate) u32);

impl RowIndex {
    /// Returns the number of the row.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Charges beside the scan for one lot, in 2⁻¹⁶ micro-dollars, each rounded up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Charges {
    pub(crate) long: i64,
    pub(crate) short: i64,
    /// For each naked short option.
    pub(crate) naked: i64,
    /// For each lot of collateral above `knee`, beside `long`.
    pub(crate) beyond: i64,
    pub(crate) knee: i64,
}

impl Charges {
    /// Returns the charge of signed lots, in 2⁻¹⁶ micro-dollars: convex in the lots.
    #[inline]
    pub(crate) fn of(&self, lots: i64) -> i128 {
        let rate = if lots > 0 { self.long } else { self.short };
        let charge = i128::from(lots.saturating_abs()).wrapping_mul(i128::from(rate));
        charge.wrapping_add(self.above(lots))
    }

    /// Returns the part of it for lots above the knee.
    #[inline]
    pub(crate) fn above(&self, lots: i64) -> i128 {
        if self.beyond == 0 || lots <= self.knee {
            return 0;
        }
        i128::from(lots.saturating_sub(self.knee)).wrapping_mul(i128::from(self.beyond))
    }
}

/// Everything about a row but its scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) group: u32,
    pub(crate) underlying: u32,
    /// Options with the same number net when short options are counted; zero for other contracts.
    pub(crate) strike: u32,
    /// The row's unit is 2ᵏ micro-dollars.
    pub(crate) bits: u32,
    /// What rounding may hide in a short lot, in micro-dollars.
    pub(crate) reserve: i64,
    /// Whether it bends at knots (0019-MARG-042).
    pub(crate) bends: bool,
    /// 1 − φ₀ + φ, in parts per million: what the scan keeps of a loss in every scenario.
    pub(crate) kept: i64,
    /// 2¹⁰ divided by what is kept, rounded up; zero if nothing is.
    pub(crate) stretch: i64,
    /// The most that an order pays of its value as a fee, in parts per million.
    pub(crate) fee: i64,
    /// Greatest |V| · 2ᵏ, in the basis scenario too.
    pub(crate) greatest: i64,
    /// The first row of what moves with it in the basis scenario.
    pub(crate) unit: u32,
    pub(crate) basis: BasisMoves,
    pub(crate) mark: Price,
    pub(crate) size: Quantity,
    /// Value of a lot at the mark, in whole micro-dollars, and the billionths of one that it is above that.
    pub(crate) value: i64,
    pub(crate) fraction: i64,
    pub(crate) initial: Charges,
    pub(crate) maintenance: Charges,
    /// Dollars gained by a lot as the index doubles, in micro-dollars.
    pub(crate) delta: i64,
    /// Dollars gained by a lot as vols rise by 100 points, in micro-dollars.
    pub(crate) vega: i64,
    /// Both in the stages that look past the contract, of which this is the first; zero if none does.
    pub(crate) late: [i64; 2],
    pub(crate) stage: u32,
    /// The pressures of both in initial margin, for an order by itself.
    pub(crate) pressure: Pressure,
}

impl Slot {
    /// Returns the dollars that a lot gains as the index doubles and as vols rise by 100 points, as they count in a stage.
    #[inline(always)]
    pub(crate) const fn exposures(&self, stage: u32) -> [i64; 2] {
        // As `Path::is_past` says.
        if self.stage.wrapping_sub(1) < stage { self.late } else { [self.delta, self.vega] }
    }
}

/// An underlying and expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) underlying: u32,
    pub(crate) expires_at: Option<BlockTime>,
    /// φ, in parts per million.
    pub(crate) kept: i64,
    /// The first stage that looks past it; zero if none does.
    pub(crate) stage: u32,
    /// What is left of it in those, in parts per million.
    pub(crate) weight: i64,
    /// What leads from a row to its second row, modulo 2³².
    pub(crate) late: u32,
}

/// What the margin formula needs of an underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Underlying {
    pub(crate) input: UnderlyingInput,
    pub(crate) class: u32,
    /// ψ − φ₀, in parts per million.
    pub(crate) kept: i64,
    /// What makes exposures pressures in initial margin.
    pub(crate) new: Rates,
    /// And in maintenance margin.
    pub(crate) hold: Rates,
}

/// A class of underlyings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) class: OffsetClass,
    /// 1 − ψ, in parts per million.
    pub(crate) kept: i64,
}

/// Market data that Greeks are computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) contract: Option<Contract>,
    pub(crate) expiry: Expiry,
    pub(crate) vol: Vol,
}

/// An asset that is pledged: where its row is and how much of it makes a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pledge {
    pub(crate) slot: u32,
    pub(crate) lot: Quantity,
}

/// The scenario matrices of a block, and what margin needs beside them.
#[derive(Debug, Clone)]
pub struct Risk {
    pub(crate) new: Matrix,
    /// Absent where the two matrices are the same.
    pub(crate) hold: Option<Matrix>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) weights: Vec<Weights>,
    pub(crate) keys: Vec<Key>,
    /// By row.
    pub(crate) bases: Vec<BasisMoves>,
    pub(crate) terms: Vec<Terms>,
    pub(crate) groups: Vec<Group>,
    /// Paths by group.
    pub(crate) paths: Vec<Path>,
    /// When something expires within a day: the stages, counted from one, each of which looks past what expires by then.
    pub(crate) soon: Vec<BlockTime>,
    pub(crate) underlyings: Vec<Underlying>,
    pub(crate) classes: Vec<Class>,
    /// Rows by contract.
    pub(crate) instruments: Table,
    pub(crate) pledges: BTreeMap<AssetId, Pledge>,
    pub(crate) maintenance_ratio: Ppm,
    pub(crate) buffer_ratio: Ppm,
    /// Whether impact is charged anywhere.
    pub(crate) impacts: bool,
    /// Whether it is the same in both margins.
    pub(crate) is_alike: bool,
    pub(crate) arch: pulp::Arch,
}

impl Risk {
    /// Returns the row of a contract.
    #[inline]
    #[must_use]
    pub fn row(&self, instrument: InstrumentId) -> Option<RowIndex> {
        self.instruments.get(instrument.get().into()).map(RowIndex)
    }

    /// Returns the dollars that a lot of a contract gains as vols rise by 100 points.
    #[must_use]
    pub fn vega(&self, instrument: InstrumentId) -> Option<Notional> {
        let slot = self.slot(self.row(instrument)?.0)?;
        Some(Notional::from_micros(slot.vega.into()))
    }

    /// Returns the same matrices, to be summed with another instruction set: the sums are the same. `None` if this machine
    /// does not have it.
    #[must_use]
    pub fn with_instructions(self, set: InstructionSet) -> Option<Self> {
        Some(Self { arch: set.arch()?, ..self })
    }

    /// Returns how many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.new.len()
    }

    pub(crate) fn matrix_hold(&self) -> &Matrix {
        self.hold.as_ref().unwrap_or(&self.new)
    }

    /// Returns whether new risk and risk held have the same scenarios.
    pub(crate) const fn is_single(&self) -> bool {
        self.hold.is_none()
    }

    pub(crate) fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(usize::try_from(slot).ok()?)
    }

    pub(crate) fn path(&self, group: u32) -> Option<&Path> {
        self.paths.get(usize::try_from(group).ok()?)
    }

    pub(crate) fn row_new(&self, slot: u32) -> Option<&Row> {
        self.new.row(slot)
    }

    pub(crate) fn group(&self, group: u32) -> Option<&Group> {
        self.groups.get(usize::try_from(group).ok()?)
    }

    pub(crate) fn underlying(&self, underlying: u32) -> Option<&Underlying> {
        self.underlyings.get(usize::try_from(underlying).ok()?)
    }

    pub(crate) fn class(&self, class: u32) -> Option<&Class> {
        self.classes.get(usize::try_from(class).ok()?)
    }

    /// Returns how much of a pledged quantity counts as collateral (0019-MARG-016).
    ///
    /// # Errors
    ///
    /// [`Fault`] if the quantity is negative.
    pub fn counted(&self, asset: AssetId, quantity: Quantity) -> Result<Quantity, Fault> {
        let Some((slot, lots)) = self.pledged(asset, quantity)? else { return Ok(Quantity::ZERO) };
        let lot = self.slot(slot).ok_or(Fault::Missing("margin: row"))?.size;
        Ok(Quantity::from_nanos(lot.nanos().saturating_mul(lots.into())))
    }

    /// Returns the row of a pledged asset and the lots that a quantity makes; what does not fill a lot does not count, nor
    /// what is above the most.
    pub(crate) fn pledged(
        &self,
        asset: AssetId,
        quantity: Quantity,
    ) -> Result<Option<(u32, i32)>, Fault> {
        if quantity < Quantity::ZERO {
            return Err(Fault::Invariant("collateral is not negative"));
        }
        let Some(pledge) = self.pledges.get(&asset) else { return Ok(None) };
        let lots = quantity.nanos().checked_div(pledge.lot.nanos()).unwrap_or(0);
        let slot = self.slot(pledge.slot).ok_or(Fault::Missing("margin: row"))?;
        let most = PLEDGED_VALUE_MAX.checked_div(slot.value).unwrap_or(0);
        // No more than fit in the unit of the row, which takes a move of twenty-six times the price to matter.
        let fit = i32::MAX.checked_shr(slot.bits).unwrap_or(0);
        let lots = lots.min(most.min(fit.into()).into());
        Ok(Some((pledge.slot, i32::try_from(lots).unwrap_or(0))))
    }
}
