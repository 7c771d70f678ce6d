//! What the pass over all accounts needs of a row beside its scenarios: two lines of memory, and nothing to decide.
//!
//! **Invariant:** as [`Slot`] says of the same row.

use crate::bounds::BILLION;
use crate::impact::Pressure;
use crate::risk::{Charges, Slot, Underlying};
use protocol::Fault;
use units::Notional;

/// Weights of a row.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Weights {
    pub(crate) group: u32,
    pub(crate) strike: u32,
    /// Whether a charge rises above a knee: of collateral alone.
    pub(crate) graded: bool,
    value: i64,
    fraction: u64,
    greatest: u64,
    long: Rates,
    short: Rates,
    delta: i64,
    vega: i64,
}

const _: () = assert!(size_of::<Weights>() == 128);

/// What a lot of one sign adds to sums that only grow.
#[derive(Debug, Clone, Copy)]
struct Rates {
    /// In 2⁻¹⁶ micro-dollars.
    initial: u64,
    maintenance: u64,
    reserve: u64,
}

impl Weights {
    /// Returns the weights of a row.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a charge is negative.
    pub(crate) fn new(slot: &Slot) -> Result<Self, Fault> {
        let positive = |rate: i64| {
            u64::try_from(rate).map_err(|_| Fault::Invariant("margin: no charge is negative"))
        };
        let rates = |of: fn(&Charges) -> i64, reserve: i64| {
            Ok(Rates {
                initial: positive(of(&slot.initial))?,
                maintenance: positive(of(&slot.maintenance))?,
                reserve: positive(reserve)?,
            })
        };
        Ok(Self {
            group: slot.group,
            strike: slot.strike,
            graded: slot.initial.beyond != 0 || slot.maintenance.beyond != 0,
            value: slot.value,
            fraction: positive(slot.fraction)?,
            greatest: positive(slot.greatest)?,
            delta: slot.delta,
            vega: slot.vega,
            long: rates(|charges| charges.long, 0)?,
            short: rates(|charges| charges.short, slot.reserve)?,
        })
    }
}

/// Sums over the positions of an account, beside the scenarios.
///
/// There are at most 2³² positions of at most 2³¹ lots, and rates and values of a lot fit in 63 bits: sums stay below
/// 2¹²⁶ and do not wrap.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    value: i128,
    fractions: i64,
    /// Σ |lots| · greatest scenario value of a lot, in micro-dollars.
    pub(crate) gross: u64,
    /// In 2⁻¹⁶ micro-dollars.
    pub(crate) charges_initial: i128,
    pub(crate) charges_maintenance: i128,
    /// Deltas and vegas of the underlying under way, in micro-dollars.
    delta: i128,
    vega: i128,
    /// Of the underlyings before it.
    pub(crate) pressure: Pressure,
    /// In micro-dollars; each term is below 2⁷³.
    pub(crate) impact: i128,
}

impl Sums {
    /// Returns what the positions are worth, each rounded down.
    pub(crate) fn worth(&self) -> Notional {
        Notional::from_micros(self.value.wrapping_add(i128::from(self.fractions)))
    }

    /// Adds lots of a row, and returns what rounding may hide in them.
    #[inline(always)]
    pub(crate) fn add(&mut self, weights: &Weights, lots: i32) -> u64 {
        let short = lots < 0;
        let size = u64::from(lots.unsigned_abs());
        let rates = if short { &weights.short } else { &weights.long };
        let times = |rate: u64| u128::from(size).wrapping_mul(u128::from(rate)).cast_signed();
        self.charges_initial = self.charges_initial.wrapping_add(times(rates.initial));
        self.charges_maintenance = self.charges_maintenance.wrapping_add(times(rates.maintenance));
        // Lots in the unit of the row fit in 32 bits and its values in 29: their product in 61.
        self.gross = self.gross.saturating_add(size.wrapping_mul(weights.greatest));
        let value = i128::from(lots).wrapping_mul(i128::from(weights.value));
        self.value = self.value.wrapping_add(value);
        // Fractions are below 2³⁰. A short position's are rounded away from zero.
        let away = if short { NANOS - 1 } else { 0 };
        let nanos = size.wrapping_mul(weights.fraction).wrapping_add(away);
        let fractions = nanos.div_euclid(NANOS).cast_signed();
        let signed = if short { fractions.wrapping_neg() } else { fractions };
        self.fractions = self.fractions.wrapping_add(signed);
        size.wrapping_mul(rates.reserve)
    }

    /// Adds the exposures of lots of a row.
    #[inline(always)]
    pub(crate) fn expose(&mut self, weights: &Weights, lots: i32) {
        let times = |dollars: i64| i128::from(lots).wrapping_mul(i128::from(dollars));
        self.delta = self.delta.wrapping_add(times(weights.delta));
        self.vega = self.vega.wrapping_add(times(weights.vega));
    }

    /// Adds what trading the exposures to an underlying away would cost, and begins with the next one.
    #[inline(always)]
    pub(crate) fn close_exposures(&mut self, underlying: &Underlying) {
        let (delta, vega) = (std::mem::take(&mut self.delta), std::mem::take(&mut self.vega));
        let push = underlying.push.pressure(delta);
        self.pressure = self.pressure.with(push);
        self.impact = self.impact.wrapping_add(push.cost().micros());
        if vega != 0 {
            let twist = underlying.twist.pressure(vega);
            self.pressure = self.pressure.with(twist);
            self.impact = self.impact.wrapping_add(twist.cost().micros());
        }
    }

    /// Adds the charges of lots above the knee of a row.
    #[inline(always)]
    pub(crate) fn add_above(&mut self, slot: &Slot, lots: i32) {
        let (initial, maintenance) = above(slot, i64::from(lots));
        self.charges_initial = self.charges_initial.wrapping_add(initial);
        self.charges_maintenance = self.charges_maintenance.wrapping_add(maintenance);
    }

    /// Adds the charges for the naked short options of a strike, which are the same for all of its rows.
    #[inline(always)]
    pub(crate) fn add_naked(&mut self, slot: &Slot, lots: i64) {
        if lots < 0 {
            let naked = i128::from(lots.saturating_neg());
            let charge = |rate: i64| naked.wrapping_mul(i128::from(rate));
            self.charges_initial = self.charges_initial.wrapping_add(charge(slot.initial.naked));
            self.charges_maintenance =
                self.charges_maintenance.wrapping_add(charge(slot.maintenance.naked));
        }
    }
}

/// Returns both charges above the knee; by value, so that the sums need no memory.
#[cold]
fn above(slot: &Slot, lots: i64) -> (i128, i128) {
    (slot.initial.above(lots), slot.maintenance.above(lots))
}

const NANOS: u64 = BILLION.unsigned_abs();
