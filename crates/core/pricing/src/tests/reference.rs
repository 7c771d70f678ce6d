//! Black-76 to more than fifty digits, from series: shares no formula, table or format with the kernel.
//!
//! Numbers are integers in units of 2⁻³⁸⁴. Logarithms come from the area tangent, exponentials from Taylor's series
//! after halving, probabilities from Φ(d) = ½ + φ(d)·Σ d^(2n+1)/(2n+1)!!, whose terms are all of one sign.

use num_bigint::BigInt;

use super::random::Inputs;

/// Fraction bits.
pub(super) const BITS: u64 = 384;
/// Beyond this many deviations the tail is below 10⁻⁵⁷ and taken as zero.
const TAIL_END: i64 = 16;

/// The constants of the reference, computed once.
pub(super) struct Reference {
    ln_2: BigInt,
    root_two_pi: BigInt,
}

/// Value and Greeks in units of 2⁻³⁸⁴: prices in micro-dollars, delta in units of the underlying.
pub(super) struct Exact {
    pub(super) call: BigInt,
    pub(super) delta: BigInt,
    pub(super) gamma: BigInt,
    pub(super) vega: BigInt,
    pub(super) theta: BigInt,
}

/// Returns an integer in units of 2⁻³⁸⁴.
pub(super) fn whole(value: i128) -> BigInt {
    BigInt::from(value) << BITS
}

/// Returns a fraction in units of 2⁻³⁸⁴.
pub(super) fn fraction(numerator: i128, denominator: i128) -> BigInt {
    whole(numerator) / denominator
}

pub(super) fn times(a: &BigInt, b: &BigInt) -> BigInt {
    (a * b) >> BITS
}

pub(super) fn over(a: &BigInt, b: &BigInt) -> BigInt {
    (a << BITS) / b
}

pub(super) fn root(a: &BigInt) -> BigInt {
    (a << BITS).sqrt()
}

/// Returns the sum of z^(2n+1)/(2n+1), with alternating signs if told: the area tangent or the arc tangent.
fn tangent_series(z: &BigInt, alternating: bool) -> BigInt {
    let square = times(z, z);
    let (mut power, mut sum, mut n) = (z.clone(), BigInt::ZERO, 1);
    while power != BigInt::ZERO {
        let term: BigInt = &power / n;
        sum += if alternating && n % 4 == 3 { -term } else { term };
        power = times(&power, &square);
        n += 2;
    }
    sum
}

impl Reference {
    pub(super) fn new() -> Self {
        // Machin: π = 16 arctan(1/5) − 4 arctan(1/239).
        let pi = 16 * tangent_series(&fraction(1, 5), true)
            - 4 * tangent_series(&fraction(1, 239), true);
        Self { ln_2: 2 * tangent_series(&fraction(1, 3), false), root_two_pi: root(&(2 * pi)) }
    }

    /// Returns the natural logarithm of a positive number.
    pub(super) fn ln(&self, value: &BigInt) -> BigInt {
        let exponent = i128::from(value.bits()) - i128::from(BITS) - 1;
        let mantissa = if exponent >= 0 { value >> exponent } else { value << -exponent };
        let one = whole(1);
        let z = over(&(&mantissa - &one), &(&mantissa + &one));
        2 * tangent_series(&z, false) + &self.ln_2 * exponent
    }

    /// Returns the exponential.
    pub(super) fn exp(&self, value: &BigInt) -> BigInt {
        let halvings = value.bits().saturating_sub(BITS) + 16;
        // Guard bits: each squaring doubles the error.
        let guard = halvings + 8;
        let small = value << (guard - halvings);
        let one = BigInt::from(1) << (BITS + guard);
        let (mut term, mut sum, mut n) = (one.clone(), one, 1);
        while term != BigInt::ZERO && n < 200 {
            term = ((&term * &small) >> (BITS + guard)) / n;
            sum += &term;
            n += 1;
        }
        for _ in 0..halvings {
            sum = (&sum * &sum) >> (BITS + guard);
        }
        sum >> guard
    }

    /// Returns the normal density.
    pub(super) fn density(&self, d: &BigInt) -> BigInt {
        over(&self.exp(&(-times(d, d) / 2)), &self.root_two_pi)
    }

    /// Returns the normal probability below `d`.
    pub(super) fn probability(&self, d: &BigInt) -> BigInt {
        let end = whole(i128::from(TAIL_END));
        if d > &end {
            return whole(1);
        }
        if d < &-end {
            return BigInt::ZERO;
        }
        let square = times(d, d);
        let (mut term, mut sum, mut n) = (d.clone(), BigInt::ZERO, 1);
        while term != BigInt::ZERO && term != BigInt::from(-1) {
            sum += &term;
            n += 2;
            term = times(&term, &square) / n;
        }
        (whole(1) >> 1) + times(&self.density(d), &sum)
    }

    /// Returns the exact value and Greeks; for no volatility or no time, nothing.
    pub(super) fn price(&self, inputs: Inputs) -> Option<Exact> {
        if inputs.trillionths == 0 || inputs.millis == 0 {
            return None;
        }
        let sigma = fraction(inputs.trillionths, 1_000_000_000_000);
        let root_time = root(&fraction(inputs.millis, 31_536_000_000));
        let s = times(&sigma, &root_time);
        let x = self.ln(&whole(inputs.forward)) - self.ln(&whole(inputs.strike));
        let q = over(&x, &s);
        let (above, below) = (&q + &s / 2, &q - &s / 2);
        let delta = self.probability(&above);
        let call = &delta * inputs.forward - self.probability(&below) * inputs.strike;
        let weight = self.density(&above) * inputs.forward;
        Some(Exact {
            call,
            delta,
            gamma: over(&weight, &(&s * 100)),
            vega: times(&weight, &root_time),
            theta: -over(&times(&weight, &sigma), &(2 * &root_time)),
        })
    }
}

/// Returns a number in units of 2⁻³⁸⁴ as an integer in units of 2⁻ᵇⁱᵗˢ, rounded down.
pub(super) fn in_units(value: &BigInt, bits: u64) -> BigInt {
    value >> (BITS - bits)
}

#[cfg(test)]
mod checked {
    use super::*;

    /// Rows from `tools/tables/reference.py`: forward, strike, trillionths, milliseconds, then value, delta, dollar
    /// gamma, vega and theta in units of 10⁻³⁰.
    const ROWS: &str = include_str!("mpmath.txt");

    #[test]
    fn the_reference_agrees_with_another_library_to_thirty_digits() {
        let reference = Reference::new();
        let mut rows = 0;
        for row in ROWS.lines().filter(|line| !line.starts_with('#')) {
            let numbers: Vec<BigInt> =
                row.split(' ').map(|word| word.parse().expect("a row of integers")).collect();
            let input = |at: usize| i128::try_from(&numbers[at]).expect("inputs fit");
            let inputs = Inputs {
                forward: input(0),
                strike: input(1),
                trillionths: input(2),
                millis: input(3),
            };
            let exact = reference.price(inputs).expect("rows have volatility and time");
            let found = [exact.call, exact.delta, exact.gamma, exact.vega, exact.theta];
            for (value, expected) in found.iter().zip(&numbers[4..]) {
                let scaled = (value * BigInt::from(10).pow(30)) >> BITS;
                assert!((scaled - expected).magnitude() <= BigInt::from(1).magnitude(), "{row}");
            }
            rows += 1;
        }
        assert_eq!(rows, 200);
    }
}
