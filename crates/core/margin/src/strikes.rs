//! The strikes of the day: what options that end within a day are worth where they bend, at the kink of the payoff
//! (0019-MARG-042).
//!
//! Scenarios move the index by fifths of the scan range. What is linear between two of them loses no more there than at one of
//! the two, but an option that is about to end bends at its strike, and what is lost at a bend no scenario sees. So the strikes
//! of what ends within a day are places of their own, *knots*: there everything is worth what lies between its values in the
//! scenarios on either side, and an option of the day less: what is left of it fades, and what remains is what it pays.
//!
//! **Invariant:** what an account gains at a knot is what lies between two scenarios, plus what its options of the day gain there
//! beside that. So without such options no knot is worse than a scenario, to the unit; and a call and a put of one strike have the
//! same bend, because between them is a straight line.

use crate::bounds::VALUE_BITS;
use crate::lanes::{LANES, OrderLine, Row, Vector};
use crate::matrix::greatest;
use crate::scenario::SCENARIOS;
use crate::valuation::Values;
use pricing::Forward;
use protocol::Fault;
use std::collections::BTreeSet;
use units::{ArithmeticError, BlockTime, Price, Quantity, limits};

/// Most knots of an underlying: a row of them.
pub(crate) const KNOTS: usize = SCENARIOS;
/// Bits of the place of a knot between two scenarios.
pub(crate) const PART_BITS: u32 = 24;
/// Steps of the grid from the lowest index to where it stands.
const HALF: u32 = 5;
/// Steps to the highest.
const STEPS: u32 = 2 * HALF;
/// Where the index stands.
const CENTRE: u32 = HALF << PART_BITS;

/// A place between two scenarios that move the index and leave the vols: so many 2⁻²⁴ of a step above the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Knot(u32);

/// A strike that may become a knot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    ends: BlockTime,
    /// How far the index has to move.
    away: u32,
    knot: Knot,
}

impl Knot {
    /// Returns where the forward meets a strike, rounded down; the end of the scan range next to one that it does not meet. `None`
    /// where the forward does not move.
    pub(crate) fn of(strike: Price, forwards: &[Forward; SCENARIOS]) -> Option<Self> {
        let price = |step| Some(forwards.get(number(step))?.price().micros());
        let strike = strike.micros().max(price(0)?).min(price(STEPS)?);
        for step in 0..STEPS {
            let (below, above) = (price(step)?, price(step.saturating_add(1))?);
            if (below..=above).contains(&strike) && below < above {
                let part = strike.saturating_sub(below).checked_shl(PART_BITS)?;
                let part = part.checked_div(above.saturating_sub(below))?;
                return Some(Self((step << PART_BITS).saturating_add(u32::try_from(part).ok()?)));
            }
        }
        None
    }

    /// Returns the numbers of the scenarios on either side.
    #[inline(always)]
    pub(crate) fn sides(self) -> [usize; 2] {
        let step = self.step();
        [number(step), number(step.wrapping_add(1))]
    }

    #[inline(always)]
    fn step(self) -> u32 {
        (self.0 >> PART_BITS).min(STEPS - 1)
    }

    /// Returns how far above the lower one it is, in 2⁻²⁴ of a step.
    #[inline(always)]
    pub(crate) fn part(self) -> u32 {
        self.0.wrapping_sub(self.step() << PART_BITS)
    }

    /// Returns what lies between two values, in 2⁻²⁴ of their unit.
    #[inline(always)]
    pub(crate) fn between(self, [below, above]: [i64; 2]) -> i128 {
        // Values are below 2⁶².
        let rise = i128::from(above.wrapping_sub(below)).wrapping_mul(self.part().into());
        (i128::from(below) << PART_BITS).wrapping_add(rise)
    }

    /// Returns what lies between the sums of a vector.
    #[inline(always)]
    fn between_sums(self, sums: &[i64]) -> i128 {
        self.between(self.sides().map(|number| sums.get(number).copied().unwrap_or(0)))
    }
}

/// Returns the number of the scenario that moves the index by so many steps from the lowest, and nothing else.
const fn number(step: u32) -> usize {
    #[expect(clippy::as_conversions, reason = "a step is at most ten")]
    let step = step as usize;
    step.wrapping_mul(3).wrapping_add(1)
}

#[cfg(test)]
impl Knot {
    /// Returns a place, in 2⁻²⁴ of a step above the lowest.
    pub(crate) fn at(place: u32) -> Self {
        assert!(place <= STEPS << PART_BITS);
        Self(place)
    }
}

impl Candidate {
    /// Returns a strike of what ends at a time.
    pub(crate) const fn new(ends: BlockTime, knot: Knot) -> Self {
        Self { ends, away: knot.0.abs_diff(CENTRE), knot }
    }
}

/// Returns the knots of strikes, and both ends of the range, where what has a strike beyond them pays nothing: of what ends first
/// before what ends later, and the nearest before those further away. None without a strike.
pub(crate) fn knots(candidates: &BTreeSet<Candidate>) -> Vec<Knot> {
    if candidates.is_empty() {
        return Vec::new();
    }
    let mut taken = BTreeSet::from([Knot(0), Knot(STEPS << PART_BITS)]);
    for candidate in candidates {
        if taken.len() == KNOTS {
            break;
        }
        taken.insert(candidate.knot);
    }
    taken.into_iter().collect()
}

/// What a lot of an option of the day gains at each knot beside what lies between two scenarios, in 2⁻²⁴ micro-dollars times
/// billionths of a unit.
#[derive(Debug, Clone)]
pub(crate) struct Bend([i128; KNOTS]);

impl Bend {
    /// Returns that of a strike less what is fixed of its settlement price: `left` millionths of its value are what lies between
    /// two scenarios, and the rest is what it pays.
    pub(crate) fn new(
        knots: &[Knot],
        (calls, forwards): (&Values, &[Forward; SCENARIOS]),
        strike: Price,
        size: Quantity,
        left: i64,
    ) -> Result<Self, Fault> {
        let narrow = |price: Price| i64::try_from(price.micros()).map_err(|_| OUT_OF_LIMITS);
        let strike = i128::from(narrow(strike)?) << PART_BITS;
        let gone = limits::PPM_ONE.saturating_sub(left.into());
        let mut bend = [0; KNOTS];
        for (gained, knot) in bend.iter_mut().zip(knots) {
            let sides = knot.sides();
            let mut values = [0; 2];
            let mut prices = [0; 2];
            for ((value, price), number) in values.iter_mut().zip(&mut prices).zip(sides) {
                *value = narrow(calls.get(number).copied().unwrap_or(Price::ZERO))?;
                *price = narrow(forwards.get(number).map_or(Price::ZERO, |at| at.price()))?;
            }
            let pays = knot.between(prices).saturating_sub(strike).max(0);
            // Prices are below 2⁵¹: with a share of a million and a size below 2⁴⁰, below 2¹¹⁶.
            let lost = pays.saturating_sub(knot.between(values)).min(0);
            let faded = lost.saturating_mul(gone).div_euclid(limits::PPM_ONE);
            *gained = faded.saturating_mul(size.nanos());
        }
        Ok(Self(bend))
    }

    /// Returns the least k for which its row's values stay below 2²⁸.
    pub(crate) fn bits(&self) -> u32 {
        let most = self.0.iter().map(|gained| gained.unsigned_abs()).max().unwrap_or(0);
        let micros = (most >> PART_BITS).checked_div(limits::PPB_ONE.unsigned_abs()).unwrap_or(0);
        u128::BITS.saturating_sub(micros.leading_zeros()).saturating_sub(VALUE_BITS)
    }

    /// Returns its row in units of 2ᵏ micro-dollars, rounded down.
    pub(crate) fn row(&self, bits: u32) -> Row {
        let mut row = Row::ZERO;
        for (chunk, gained) in row.0.iter_mut().zip(self.0.chunks(LANES)) {
            for (value, gained) in chunk.iter_mut().zip(gained) {
                let whole = gained.wrapping_shr(PART_BITS.saturating_add(bits));
                *value = i32::try_from(whole.div_euclid(limits::PPB_ONE)).unwrap_or(i32::MIN);
            }
        }
        row
    }
}

const OUT_OF_LIMITS: Fault =
    Fault::Arithmetic { place: "margin: strike of the day", error: ArithmeticError::OutOfLimits };

/// Returns the greatest magnitude of what a lot gains at a knot, of its bend and of the two together, in the unit of the row.
pub(crate) fn most(knots: &[Knot], row: &Row, bend: &Row) -> u32 {
    let values = row.0.as_flattened();
    let together = knots.iter().zip(bend.0.as_flattened()).map(|(knot, bend)| {
        let side = |number: usize| values.get(number).copied().map_or(0, i64::from);
        let gained = knot.between(knot.sides().map(side)).saturating_add(bent(*bend));
        let up = gained.unsigned_abs().saturating_add((1 << PART_BITS) - 1);
        u32::try_from(up >> PART_BITS).unwrap_or(u32::MAX)
    });
    together.fold(greatest(bend), u32::max)
}

/// Returns a value of a bend in 2⁻²⁴ of its unit.
#[inline(always)]
fn bent(value: i32) -> i128 {
    i128::from(value) << PART_BITS
}

/// What a level gains at each knot beside what lies between two scenarios, in 2⁻²⁴ micro-dollars.
#[derive(Debug, Clone)]
pub(crate) struct Bends([i128; KNOTS]);

/// What an order is at the knots: the places, and its own bend if it has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderBend<'a> {
    pub(crate) knots: &'a [Knot],
    pub(crate) row: Option<&'a Row>,
}

impl Bends {
    pub(crate) const ZERO: Self = Self([0; KNOTS]);

    /// Adds lots, in the unit of the row.
    pub(crate) fn add_position(&mut self, bend: &Row, scaled: i32) {
        for (sum, value) in self.0.iter_mut().zip(bend.0.as_flattened()) {
            *sum = sum.wrapping_add(bent(*value).wrapping_mul(scaled.into()));
        }
    }

    /// Adds an order that bends, or takes it out: its profit or loss at each knot if it is filled there, and nothing if that is a
    /// profit, less what lies between what it adds to the scenarios on either side.
    pub(crate) fn turn(&mut self, order: &OrderLine<'_>, bend: OrderBend<'_>, take_out: bool) {
        let OrderBend { knots, row: Some(bend) } = bend else { return };
        let values = order.row.0.as_flattened();
        let scaled = i64::from(order.scaled);
        for ((sum, knot), bend) in self.0.iter_mut().zip(knots).zip(bend.0.as_flattened()) {
            let sides = knot.sides().map(|number| {
                let value = values.get(number).copied().map_or(0, i64::from);
                scaled.wrapping_mul(value).wrapping_sub(order.cost)
            });
            let here = knot.between(sides).wrapping_add(bent(*bend).wrapping_mul(scaled.into()));
            let counted = knot.between(sides.map(|gained| gained.min(0)));
            let more = here.min(0).wrapping_sub(counted);
            *sum = if take_out { sum.wrapping_sub(more) } else { sum.wrapping_add(more) };
        }
    }

    /// Returns the lowest of what sums come to at the knots with these bends, rounded down; the greatest there is if none is
    /// lower than what lies between two scenarios.
    pub(crate) fn lowest(&self, knots: &[Knot], sums: &Vector) -> i64 {
        lowest(knots, sums, |number| self.0.get(number).copied().unwrap_or(0))
    }
}

/// Returns the lowest of what sums come to at the knots with bends of whole micro-dollars.
pub(crate) fn lowest_at(knots: &[Knot], sums: &Vector, bends: &Vector) -> i64 {
    let bends = bends.0.as_flattened();
    let of = |number| bends.get(number).map_or(0, |bend: &i64| i128::from(*bend) << PART_BITS);
    lowest(knots, sums, of)
}

#[inline(always)]
fn lowest(knots: &[Knot], sums: &Vector, bend: impl Fn(usize) -> i128) -> i64 {
    let sums = sums.0.as_flattened();
    let mut lowest = i128::from(i64::MAX) << PART_BITS;
    for (number, knot) in knots.iter().enumerate() {
        // What lies between two scenarios is no lower than either.
        match bend(number) {
            0.. => {}
            bend => lowest = lowest.min(knot.between_sums(sums).wrapping_add(bend)),
        }
    }
    i64::try_from(lowest >> PART_BITS).unwrap_or(i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwards(lowest: i128, step: i128) -> [Forward; SCENARIOS] {
        std::array::from_fn(|number| {
            let price = lowest + step * i128::try_from(number / 3).unwrap();
            Forward::new(Price::from_micros(price)).unwrap()
        })
    }

    #[test]
    fn a_strike_is_a_knot_where_the_forward_meets_it_or_at_the_end_of_the_range() {
        // 0019-MARG-042
        let forwards = forwards(1_000, 100);
        let knot = |strike| Knot::of(Price::from_micros(strike), &forwards);
        let place = |strike| knot(strike).map(|knot| (knot.sides(), knot.part()));
        assert_eq!(place(1_000), Some(([1, 4], 0)));
        let whole = 1 << PART_BITS;
        assert_eq!(place(1_025), Some(([1, 4], whole / 4)));
        assert_eq!(place(1_550), Some(([16, 19], whole / 2)));
        assert_eq!(place(1_533), Some(([16, 19], 5_536_481)), "0.33 of 2²⁴, rounded down");
        assert_eq!(place(2_000), Some(([28, 31], whole)), "the upper end");
        assert_eq!([knot(999), knot(-5)], [knot(1_000); 2], "beyond the range: its end");
        assert_eq!(knot(2_001), knot(2_000));
        let still = [Forward::new(Price::ZERO).unwrap(); SCENARIOS];
        assert_eq!(Knot::of(Price::ZERO, &still), None, "nothing moves any more");
    }

    #[test]
    fn of_too_many_strikes_the_first_to_end_count_and_of_these_the_nearest() {
        // 0019-MARG-042
        let at = |millis| BlockTime::from_millis(millis);
        let knot = |step: u32| Knot::at(CENTRE + step);
        let later = (0..40).map(|step| Candidate::new(at(2), knot(10 * step)));
        let sooner = (0..40).map(|step| Candidate::new(at(1), knot(10 * step + 5)));
        let all: BTreeSet<_> = later.chain(sooner).collect();
        let taken = knots(&all);
        assert_eq!(taken.len(), KNOTS);
        let sooner = (0..40).map(|step| knot(10 * step + 5));
        let later = (0..6).map(|step| knot(10 * step));
        let ends = [Knot::at(0), Knot::at(STEPS << PART_BITS)];
        let expected: BTreeSet<_> = sooner.chain(later).chain(ends).collect();
        assert_eq!(taken, expected.into_iter().collect::<Vec<_>>());
        assert!(knots(&BTreeSet::new()).is_empty(), "no options of the day, no ends");
    }

    #[test]
    fn between_two_values_lies_what_is_between_them() {
        let knot = Knot::at((3 << PART_BITS) + (1 << PART_BITS) / 4);
        assert_eq!(knot.between([100, 200]), 125 << PART_BITS);
        assert_eq!(knot.between([-1, -2]), -(5 << PART_BITS) / 4);
        assert_eq!(Knot::at(STEPS << PART_BITS).between([7, -9]), -9 << PART_BITS);
    }
}
