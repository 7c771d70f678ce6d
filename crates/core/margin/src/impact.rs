//! What trading an exposure away costs, market impact: the square-root law (0019-MARG-009).
//!
//! Where prices move by σ in a day in which V dollars trade, selling x dollars moves the price by `Y·σ·√(x ÷ V)`, and on
//! average over the sale by two thirds of that. With `c = ⅔·Y·σ ÷ √V` the cost is `c·x^{3/2} = (c^⅔·x)^{3/2}`. The factor
//! `c^⅔` is a [`Rate`], an exposure times its rate a [`Pressure`]; what a pressure costs is the same for every market, for
//! deltas as for vegas.
//!
//! **Invariant:** `p·r(p)` is super-additive, because the root `r` of a sum is not below that of a part. So what several
//! exposures cost is at most what the sum of their pressures costs, but for a micro-dollar of rounding each: that is
//! what lets a bound on impact be kept as one number (0019-MARG-017).

use units::{ArithmeticError, Notional, Num, Ppm, Round, limits};

/// A rate is in 2⁻⁴⁰.
const RATE_BITS: u32 = 40;
/// A pressure is in 2⁻¹⁶ of what costs a micro-dollar.
const PRESSURE_BITS: u32 = 16;
/// No rate is above 2², however little trades.
const RATE_LIMIT: u64 = 1 << 42;
/// Fractional bits that a pressure times its root has too many.
const COST_BITS: u32 = 24;

const _: () = assert!(COST_BITS * 2 == PRESSURE_BITS * 3);

/// What makes an exposure a pressure: c^⅔, rounded up; zero where nothing is charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rate(u64);

impl Rate {
    /// Returns the rate of a market from Y, the deviation of a day, what trades in a day, and how much of the usual
    /// depth there is.
    ///
    /// Nothing is charged where no volume is known.
    pub(crate) fn new(
        impact: Ppm,
        deviation: Ppm,
        volume: Notional,
        depth: Ppm,
    ) -> Result<Self, ArithmeticError> {
        let traded = volume.number().mul_div(depth.number(), MILLION, Round::Down)?;
        if traded <= Num::new(0) {
            return Ok(Self::default());
        }
        // In billionths; Y is at most 10 and a deviation at most 1, so the square is below 2⁶⁷.
        let move_of = impact.number().mul_div(deviation.number(), Num::new(1_000), Round::Up)?;
        let square = move_of.times(move_of)?.times(Num::new(4))?;
        let divisor = traded.times(Num::new(NINE_QUINTILLIONS))?;
        let cube = square.mul_div(Num::new(1 << (3 * RATE_BITS)), divisor, Round::Up)?;
        Ok(Self(cube_root_up(u128::try_from(cube.raw()).unwrap_or(0))))
    }

    /// Returns whether exposures cost nothing.
    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns the pressure of an exposure of either sign, rounded up.
    #[inline(always)]
    pub(crate) fn pressure(self, exposure: i128) -> Pressure {
        const SHIFT: u32 = RATE_BITS - PRESSURE_BITS;
        // No account's exposure is above 2⁶⁶, and no product above 2¹²³.
        let product = exposure.unsigned_abs().min(1 << 80).wrapping_mul(u128::from(self.0));
        let pressure = product.wrapping_add((1 << SHIFT) - 1) >> SHIFT;
        Pressure(u64::try_from(pressure).unwrap_or(u64::MAX))
    }
}

/// What makes exposures to an index and to its vols pressures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) push: Rate,
    pub(crate) twist: Rate,
}

impl Rates {
    /// Returns whether exposures cost nothing.
    pub(crate) const fn is_zero(self) -> bool {
        self.push.is_zero() && self.twist.is_zero()
    }

    /// Returns the pressures of both.
    #[inline(always)]
    pub(crate) fn pressures(self, [delta, vega]: [i128; 2]) -> [Pressure; 2] {
        [self.push.pressure(delta), self.twist.pressure(vega)]
    }
}

/// What is to be traded away, in a measure in which every market's cost is the power of three halves.
///
/// One that does not fit costs more dollars than there are, nearly 2⁷² micro-dollars: so does the greatest that fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pressure(u64);

impl Pressure {
    /// Returns two pressures as one.
    #[inline(always)]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the pressure of so many times as much.
    #[inline(always)]
    pub(crate) const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// Returns what it costs, rounded up.
    #[inline(always)]
    pub(crate) fn cost(self) -> Notional {
        if self.0 == 0 {
            return Notional::ZERO;
        }
        // Less than 2⁶⁴ · 2³³.
        let product = u128::from(self.0).wrapping_mul(u128::from(root_up(self.0)));
        let cost = product.wrapping_add((1 << COST_BITS) - 1) >> COST_BITS;
        Notional::from_micros(cost.cast_signed())
    }
}

/// Returns a number above the square root of one that is not zero, by a hundred-thousandth of it at most and less than
/// three, and not below that of a smaller one.
///
/// The root of the first eight significant bits is looked up, and the others are a part of the way to the next: the line
/// between two roots is below the curve by less than [`GAP`], which is added. So no step needs a division.
#[inline(always)]
fn root_up(value: u64) -> u64 {
    let half = value.leading_zeros() >> 1;
    let scaled = value << half << half;
    let place = usize::try_from(scaled >> PART_BITS).unwrap_or(usize::MAX);
    let part = (scaled >> (PART_BITS - 32)) & 0xFFFF_FFFF;
    let (low, rise) = ROOTS.get(place).copied().unwrap_or((0, 0));
    let root = low.wrapping_add(rise.wrapping_mul(part) >> 32);
    (root.wrapping_add(GAP) >> half).wrapping_add(1)
}

/// Bits that are not looked up.
const PART_BITS: u32 = 56;

/// The line between the roots of neighbours is below the curve by at most the square of their distance, 2¹¹², over 32
/// times the root cubed, which is at least 2⁹³; and roundings take two.
const GAP: u64 = (1 << 14) + 2;

/// Roots of the multiples of 2⁵⁶, rounded down, and the way to the next.
const ROOTS: [(u64, u64); 256] = {
    let mut roots = [(0, 0); 256];
    let mut rest: &mut [(u64, u64)] = &mut roots;
    let (mut number, mut low) = (0u64, 0u64);
    while let [first, others @ ..] = rest {
        number = number.saturating_add(1);
        // The last is the root of 2⁶⁴.
        let high = match number.checked_mul(1 << PART_BITS) {
            Some(multiple) => multiple.isqrt(),
            None => 1 << 32,
        };
        *first = (low, high.saturating_sub(low));
        (low, rest) = (high, others);
    }
    roots
};

/// Returns the least number whose cube is no less, at most the greatest rate.
fn cube_root_up(value: u128) -> u64 {
    let (mut low, mut high) = (0, RATE_LIMIT);
    while low < high {
        let middle = u64::midpoint(low, high);
        if u128::from(middle).saturating_pow(3) < value {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    low
}

const MILLION: Num = Num::new(limits::PPM_ONE);
/// 9 · 10¹⁸: what the four and the billionths above are divided by.
const NINE_QUINTILLIONS: i128 = 9_000_000_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;

    fn rate(impact: i128, deviation: i128, volume: i128, depth: i128) -> Rate {
        let ppm = Ppm::from_parts;
        Rate::new(ppm(impact), ppm(deviation), Notional::from_micros(volume), ppm(depth)).unwrap()
    }

    #[test]
    fn the_cost_is_that_of_the_square_root_law_and_never_less() {
        // 0019-MARG-009: 81 · V · cost² against 36 · (Y·σ)² · x³, in exact integers.
        for (impact, deviation, volume, depth) in [
            (1_000_000, 30_000, 6_000_000_000_000, 1_000_000),
            (1_000_000, 50_000, 100_000_000_000_000, 1_000_000),
            (1_000_000, 50_000, 100_000_000_000_000, 50_000),
            (10_000_000, 1_000_000, 1_000_000_000_000, 50_000),
            (500_000, 20_000, 1_000_000_000_000_000_000, 333_333),
        ] {
            let rate = rate(impact, deviation, volume, depth);
            for power in 8..17 {
                let exposure = 10i128.pow(power) * 3;
                let cost = rate.pressure(exposure).cost().micros();
                assert_eq!(rate.pressure(-exposure).cost().micros(), cost);
                let square = |number: i128| BigInt::from(number) * number;
                let traded = volume * depth / 1_000_000;
                let exact = square(impact * deviation) * square(exposure) * exposure * 4;
                let unit = BigInt::from(10i128.pow(24)) * traded * 9;
                assert!(square(cost) * &unit >= exact, "{exposure}: {cost}");
                let above = cost - 2 - cost / 10_000;
                assert!(above < 0 || square(above) * &unit <= exact, "{exposure}: {cost}");
            }
        }
    }

    #[test]
    fn a_root_is_above_the_true_one_by_little_and_does_not_fall() {
        let mut last = 0;
        let near = |power: u32| {
            let power = 1u64 << power;
            (power.saturating_sub(2_000)..power).chain(power..power.saturating_add(2_000))
        };
        let edges = (0..256u64).flat_map(|number| {
            let edge = number << PART_BITS;
            [edge.saturating_sub(1), edge, edge + 1]
        });
        let mut all: Vec<u64> = (1..100_000).chain((11..64).flat_map(near)).chain(edges).collect();
        all.extend([u64::MAX - 1, u64::MAX]);
        all.sort_unstable();
        for value in all.into_iter().filter(|value| *value > 0) {
            let root = root_up(value);
            assert!(root >= last, "{value}");
            assert!(u128::from(root) * u128::from(root) > u128::from(value), "{value}");
            let most = value.isqrt() + value.isqrt() / 100_000 + 3;
            assert!(root <= most, "{value}: {root} {most}");
            last = root;
        }
    }

    #[test]
    fn nothing_is_charged_without_a_volume_a_deviation_or_y() {
        // 0019-MARG-009
        for rate in [
            rate(1_000_000, 30_000, 0, 1_000_000),
            rate(0, 30_000, 1_000_000_000_000, 1_000_000),
            rate(1_000_000, 0, 1_000_000_000_000, 1_000_000),
        ] {
            assert!(rate.is_zero());
            assert_eq!(rate.pressure(i128::MAX).cost(), Notional::ZERO);
        }
    }

    #[test]
    fn many_exposures_cost_no_more_than_their_pressures_together() {
        // 0019-MARG-017
        let mut seed = 7u64;
        let mut next = |bits: u32| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            i128::from(seed >> 20) >> (44 - bits)
        };
        for _ in 0..100_000 {
            let count = 1 + next(3);
            let (mut apart, mut all) = (0, Pressure::default());
            for _ in 0..count {
                let bits = u32::try_from(1 + next(5)).unwrap();
                let rate = Rate(u64::try_from(1 + next(bits)).unwrap());
                let bits = u32::try_from(10 + next(5)).unwrap();
                let pressure = rate.pressure(next(bits));
                apart += pressure.cost().micros();
                all = all.with(pressure);
            }
            assert!(apart < all.cost().micros() + count, "{count}");
        }
    }

    #[test]
    fn what_does_not_fit_costs_more_than_there_is() {
        let most = rate(10_000_000, 1_000_000, 1, 1_000_000);
        assert!(most.0 <= RATE_LIMIT);
        let endless = most.pressure(i128::MIN);
        assert_eq!(endless.cost(), endless.with(endless).cost());
        assert!(endless.cost() >= Notional::from_micros(1 << 71));
    }
}
