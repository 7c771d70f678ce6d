//! What the pass over all accounts needs of a row beside its scenarios: what a lot adds to each sum, and where it falls.
//!
//! **Invariant:** as [`Slot`] says of the same row.

use crate::bounds::{BILLION, SUMS_NARROW};
use crate::lanes::{Four, Lanes, Lanewise, Line};
use crate::risk::{Charges, Group, Risk, Slot};
#[cfg(test)]
use crate::scan::Path;
use protocol::Fault;

/// What a lot of one sign adds to sums: one line of memory.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Lot {
    /// Charges in initial and maintenance margin in 2⁻¹⁶ micro-dollars, greatest scenario value, and value at the mark.
    sums: Four,
    /// What the value is above that, in 2⁻⁶³ micro-dollars, rounded up; down for a short lot.
    fraction: i64,
    /// Charges of a naked short lot; the same whatever the sign.
    naked_initial: i64,
    naked_maintenance: i64,
}

/// Weights of a row: of a long lot, and of a short one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights([Lot; 2]);

const _: () = assert!(size_of::<Weights>() == 128);

/// What a row moves with in the basis scenario (0019-MARG-040).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// It does not move.
    Still,
    /// It moves alone.
    Alone,
    /// It moves with its expiry.
    Expiry,
}

/// Marks of what counts beside the set of scenarios.
const SOON: u8 = 1;
const MOVES: u8 = 2;
const BENDS: u8 = 4;

impl Unit {
    fn of(slot: &Slot, group: &Group) -> Self {
        match (slot.basis.is_none(), group.expires_at) {
            (true, _) => Self::Still,
            (false, None) => Self::Alone,
            (false, Some(_)) => Self::Expiry,
        }
    }
}

/// Where a row falls, and how many of its lots are few.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) group: u32,
    pub(crate) underlying: u32,
    /// φ of the group, in parts per million.
    pub(crate) kept: u32,
    strike: u32,
    /// The most lots of all lines together, were all like this one, that keep every sum within [`SUMS_NARROW`] and lots in the
    /// unit of the row within 32 bits.
    few: u32,
    /// The row's unit is 2ᵏ micro-dollars.
    bits: u8,
    /// One if a charge rises above a knee: of collateral alone.
    graded: u8,
    /// [`SOON`] if a stage looks past it, [`MOVES`] if it moves in the basis scenario, [`BENDS`] if it does so at knots.
    beside: u8,
    pub(crate) basis: Unit,
    /// What rounding may hide in a short lot.
    reserve: i64,
}

const _: () = assert!(size_of::<Key>() == 32);

impl Weights {
    /// Returns the weights of a row, and its key.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a charge is negative.
    pub(crate) fn new(slot: &Slot, group: &Group) -> Result<(Self, Key), Fault> {
        let rates = [
            slot.reserve,
            slot.greatest,
            slot.initial.naked,
            slot.maintenance.naked,
            slot.initial.long,
            slot.initial.short,
            slot.maintenance.long,
            slot.maintenance.short,
            slot.initial.beyond,
            slot.maintenance.beyond,
        ];
        if rates.iter().any(|rate| *rate < 0) {
            return Err(Fault::Invariant("margin: no charge is negative"));
        }
        let most = rates.iter().fold(slot.value.unsigned_abs(), |most, rate| {
            // None is negative.
            most.max(rate.unsigned_abs())
        });
        let lot = |of: fn(&Charges) -> i64, value: i64, fraction: i64| Lot {
            sums: [of(&slot.initial), of(&slot.maintenance), slot.greatest, value],
            fraction,
            naked_initial: slot.initial.naked,
            naked_maintenance: slot.maintenance.naked,
        };
        let (below, above) = fraction_bounds(slot.fraction);
        let few = SUMS_NARROW.checked_div(most).unwrap_or(SUMS_NARROW);
        let fit = i32::MAX.unsigned_abs().checked_shr(slot.bits).unwrap_or(0);
        let key = Key {
            group: slot.group,
            underlying: slot.underlying,
            kept: u32::try_from(group.kept)
                .map_err(|_| Fault::Invariant("margin: a share is from 0 to 1"))?,
            strike: slot.strike,
            few: u32::try_from(few).unwrap_or(u32::MAX).min(fit),
            bits: u8::try_from(slot.bits).unwrap_or(u8::MAX),
            graded: u8::from(slot.initial.beyond != 0 || slot.maintenance.beyond != 0),
            beside: if group.stage == 0 { 0 } else { SOON }
                | if slot.basis.is_none() { 0 } else { MOVES }
                | if slot.bends { BENDS } else { 0 },
            basis: Unit::of(slot, group),
            reserve: slot.reserve,
        };
        let weights = Self([
            lot(|charges| charges.long, slot.value, above),
            lot(|charges| charges.short, slot.value.saturating_neg(), below),
        ]);
        Ok((weights, key))
    }
}

/// Returns billionths in units of 2⁻⁶³, rounded down and up.
///
/// Lots are below 2³¹, so what either is off by is less than 2⁻³² once multiplied; a billionth, by which a product misses
/// the next whole number at least, is more. So the whole part of a product with the bound away from zero for positive
/// lots, and with the other for negative ones, is that of the product with the fraction itself.
fn fraction_bounds(billionths: i64) -> (i64, i64) {
    let wide = i128::from(billionths) << FRACTION_BITS;
    let below = wide.div_euclid(BILLION.into());
    let above = below.wrapping_add(i128::from(wide.rem_euclid(BILLION.into()) != 0));
    (i64::try_from(below).unwrap_or(i64::MAX), i64::try_from(above).unwrap_or(i64::MAX))
}

const FRACTION_BITS: u32 = 63;
const _: () = assert!(1 << (FRACTION_BITS - 31) > BILLION);

impl Key {
    /// Returns few lots in the unit of the row; of more, the low bits.
    #[inline(always)]
    pub(crate) fn scaled(&self, lots: i32) -> i32 {
        lots.wrapping_shl(self.bits.into())
    }

    /// Returns whether the row bends at knots.
    #[inline(always)]
    pub(crate) const fn bends(&self) -> bool {
        self.beside & BENDS != 0
    }

    /// Returns what rounding may hide in lots: only short ones hide something.
    #[inline(always)]
    pub(crate) fn reserved(&self, lots: i32) -> i64 {
        i64::from(lots.min(0)).wrapping_neg().wrapping_mul(self.reserve)
    }
}

/// Sums over the positions of an account, beside the scenarios: each is below 2⁶³.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    /// What the positions are worth, each rounded down.
    pub(crate) worth: i64,
    /// Σ |lots| · greatest scenario value of a lot, in micro-dollars.
    pub(crate) gross: i64,
    /// In 2⁻¹⁶ micro-dollars.
    pub(crate) charges_initial: i64,
    pub(crate) charges_maintenance: i64,
    /// Whether a stage looks past something.
    pub(crate) soon: bool,
    /// Whether something moves in the basis scenario.
    pub(crate) basis: bool,
    /// Whether something bends at knots.
    pub(crate) bends: bool,
}

/// What an account's lines add up to beside the scenarios.
pub(crate) struct Weighing<'a> {
    pub(crate) risk: &'a Risk,
    pub(crate) lines: &'a [Line],
}

impl Lanewise for Weighing<'_> {
    /// The sums; nothing if the lots are too many for sums in 64 bits.
    type Output = Result<Option<Sums>, Fault>;

    /// Every line does the same, whether it is short or begins a strike or not: that is as good as random, and a branch on it
    /// costs more than the work.
    #[inline(always)]
    fn with<L: Lanes>(self, lanes: L) -> Self::Output {
        let missing = || Fault::Missing("margin: row");
        let (weights, keys) = (&*self.risk.weights, &*self.risk.keys);
        let count = i64::try_from(self.lines.len()).unwrap_or(i64::MAX);
        let mut all = lanes.four(&Four::default());
        let (mut fractions, mut naked_initial, mut naked_maintenance) = (0i64, 0i64, 0i64);
        let mut strike = Strike { number: u32::MAX, lots: 0, initial: 0, maintenance: 0 };
        let (mut room, mut graded, mut beside) = (0i64, 0u8, 0u8);
        for line in self.lines {
            let place = usize::try_from(line.slot).unwrap_or(usize::MAX);
            let (Some(Weights(lots_of)), Some(key)) = (weights.get(place), keys.get(place)) else {
                return Err(missing());
            };
            let lots = i64::from(line.lots);
            let size = line.lots.unsigned_abs();
            let Some(lot) = lots_of.get(usize::from(lots < 0)) else { continue };
            all = lanes.add_times(all, &lot.sums, size);
            // A fraction is below one, so this is below the lots.
            let wide = i128::from(lots).wrapping_mul(i128::from(lot.fraction)) >> FRACTION_BITS;
            fractions = fractions.wrapping_add(low(wide));
            // Lines are fewer than 2³², as rows are. Below zero if the lots are too many.
            room |= i64::from(key.few).wrapping_sub(i64::from(size).wrapping_mul(count));
            graded |= key.graded;
            beside |= key.beside;

            let same = kept_if(key.strike == strike.number);
            let short = strike.lots.min(0).wrapping_neg() & !same;
            naked_initial = naked_initial.wrapping_add(short.wrapping_mul(strike.initial));
            naked_maintenance =
                naked_maintenance.wrapping_add(short.wrapping_mul(strike.maintenance));
            strike = Strike {
                number: key.strike,
                lots: lots.wrapping_add(strike.lots & same),
                initial: lot.naked_initial,
                maintenance: lot.naked_maintenance,
            };
        }
        if room < 0 {
            return Ok(None);
        }
        let short = strike.lots.min(0).wrapping_neg();
        naked_initial = naked_initial.wrapping_add(short.wrapping_mul(strike.initial));
        naked_maintenance = naked_maintenance.wrapping_add(short.wrapping_mul(strike.maintenance));
        let [initial, maintenance, gross, value] = lanes.store_four(all);
        let mut sums = Sums {
            worth: value.wrapping_add(fractions),
            gross,
            charges_initial: initial.wrapping_add(naked_initial),
            charges_maintenance: maintenance.wrapping_add(naked_maintenance),
            soon: beside & SOON != 0,
            basis: beside & MOVES != 0,
            bends: beside & BENDS != 0,
        };
        if graded != 0 {
            sums.add_above(self.risk, self.lines)?;
        }
        Ok(Some(sums))
    }
}

/// The lots of one strike, which net before short ones are charged, and what a short one is charged.
#[derive(Debug, Clone, Copy)]
struct Strike {
    number: u32,
    lots: i64,
    initial: i64,
    maintenance: i64,
}

/// Returns ones in every bit if something holds: what is kept of a number by `&`.
#[inline(always)]
fn kept_if(holds: bool) -> i64 {
    i64::from(holds).wrapping_neg()
}

impl Sums {
    /// Adds the charges of lots above the knees of their rows.
    #[cold]
    fn add_above(&mut self, risk: &Risk, lines: &[Line]) -> Result<(), Fault> {
        for line in lines {
            let slot = risk.slot(line.slot).ok_or(Fault::Missing("margin: row"))?;
            // Lots that are few keep it within 64 bits.
            let above = |charges: &Charges| low(charges.above(line.lots.into()));
            self.charges_initial = self.charges_initial.wrapping_add(above(&slot.initial));
            self.charges_maintenance =
                self.charges_maintenance.wrapping_add(above(&slot.maintenance));
        }
        Ok(())
    }
}

/// Returns the low 64 bits.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "every caller states why the number fits"
)]
const fn low(wide: i128) -> i64 {
    wide as i64
}

#[cfg(test)]
impl Key {
    /// Returns the key of a row on a path, with nothing else to say.
    pub(crate) fn of(path: &Path, bits: u8, reserve: i64) -> Self {
        let ((group, kept), (underlying, _)) = (path.group, path.underlying);
        let kept = u32::try_from(kept).unwrap();
        Self {
            group,
            underlying,
            kept,
            strike: 0,
            few: u32::MAX,
            bits,
            graded: 0,
            beside: 0,
            basis: Unit::Still,
            reserve,
        }
    }

    /// Makes it one of a row that bends at knots.
    pub(crate) fn bend(&mut self) {
        self.beside |= BENDS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_rounded_down_whatever_the_fraction_and_the_lots() {
        // 0019-MARG-016
        let step = 7_919_i64;
        let ends = [0, 1, 2, 499_999_999, 500_000_000, BILLION - 2, BILLION - 1];
        let fractions = ends.into_iter().chain((0..BILLION).step_by(9_999_991));
        for fraction in fractions {
            let (below, above) = fraction_bounds(fraction);
            let sizes = [0, 1, 2, 3, 1_000_000_000, i64::from(i32::MAX)];
            let all = sizes.into_iter().chain((0..200).map(|n| n * n * n * step % (1 << 31)));
            for size in all {
                for (lots, bound) in [(size, above), (-size, below)] {
                    let found = (i128::from(lots) * i128::from(bound)) >> FRACTION_BITS;
                    let exact = (lots * fraction).div_euclid(BILLION);
                    assert_eq!(found, exact.into(), "{lots} lots of {fraction}");
                }
            }
        }
    }
}
