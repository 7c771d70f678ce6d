//! Tests of coverage: whether a range is exceeded as often as it should be, and whether in clusters.
//!
//! With `n` trials of which `x` exceed a range that each should exceed with probability `p`, Kupiec's statistic is
//! `−2 ln((1 − p)ⁿ⁻ˣ pˣ / ((1 − x/n)ⁿ⁻ˣ (x/n)ˣ))`. Christoffersen's compares one probability for all trials with two, one
//! after a trial that exceeded and one after a trial that did not. Both are held against χ² with one degree of freedom.
//!
//! Sources: P. Kupiec, Techniques for verifying the accuracy of risk measurement models, 1995; P. Christoffersen,
//! Evaluating interval forecasts, 1998.

/// A statistic and the probability of one as large if nothing is amiss.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Statistic {
    /// The likelihood ratio.
    pub ratio: f64,
    /// Probability of a ratio as large.
    pub p_value: f64,
}

impl Statistic {
    fn of(ratio: f64) -> Self {
        // A ratio of equal likelihoods is zero but for rounding.
        let ratio = ratio.max(0.0);
        Self { ratio, p_value: chi_square_tail(ratio) }
    }
}

/// Returns Kupiec's test of `exceeded` out of `trials`, each of probability `p`; `None` without trials.
#[must_use]
pub fn kupiec(trials: usize, exceeded: usize, p: f64) -> Option<Statistic> {
    if trials == 0 || exceeded > trials {
        return None;
    }
    let (n, x) = (trials as f64, exceeded as f64);
    Some(Statistic::of(2.0 * (likelihood(n, x, x / n) - likelihood(n, x, p))))
}

/// Returns Christoffersen's test of independence; `None` with fewer than two trials that exceeded, which cannot cluster.
#[must_use]
pub fn christoffersen(exceeded: &[bool]) -> Option<Statistic> {
    if exceeded.iter().filter(|exceeded| **exceeded).count() < 2 {
        return None;
    }
    let count = |before: bool, after: bool| {
        exceeded.windows(2).filter(|pair| **pair == [before, after]).count() as f64
    };
    let (calm, calm_then) = (count(false, false), count(false, true));
    let (after_calm, after_wild) = (count(true, false), count(true, true));
    let (from_calm, from_wild) = (calm + calm_then, after_calm + after_wild);
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let all = calm_then + after_wild;
    let together = likelihood(from_calm + from_wild, all, share(all, from_calm + from_wild));
    let apart = likelihood(from_calm, calm_then, share(calm_then, from_calm))
        + likelihood(from_wild, after_wild, share(after_wild, from_wild));
    Some(Statistic::of(2.0 * (apart - together)))
}

/// Returns the probability that Kupiec's test at `level` finds fault when the true probability is `truth` and not `p`.
#[must_use]
pub fn power(trials: usize, p: f64, truth: f64, level: f64) -> f64 {
    let found = |x: &usize| kupiec(trials, *x, p).is_some_and(|test| test.p_value < level);
    (0..=trials).filter(found).map(|x| binomial(trials, x, truth)).sum::<f64>().clamp(0.0, 1.0)
}

/// Returns the logarithm of `(1 − p)ⁿ⁻ˣ pˣ`; what happens never, as often as it is said to, has likelihood one.
fn likelihood(n: f64, x: f64, p: f64) -> f64 {
    let term = |times: f64, of: f64| if times > 0.0 { times * of.ln() } else { 0.0 };
    term(n - x, 1.0 - p) + term(x, p)
}

/// Returns the probability of exactly `x` in `n` trials.
fn binomial(n: usize, x: usize, p: f64) -> f64 {
    let ways: f64 = (0..x).map(|i| ((n - i) as f64 / (i + 1) as f64).ln()).sum();
    (ways + likelihood(n as f64, x as f64, p)).exp()
}

/// Returns the probability that a squared normal variable is above `value`.
#[must_use]
pub fn chi_square_tail(value: f64) -> f64 {
    erfc((value.max(0.0) / 2.0).sqrt())
}

/// Returns the complementary error function at `x ≥ 0`: its series below 2.5, its continued fraction above.
fn erfc(x: f64) -> f64 {
    let weight = 2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp();
    if x < 2.5 {
        // erf x = weight · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n + 1))
        let mut term = x;
        let mut sum = x;
        for n in 1..80 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 1.0 - weight * sum;
    }
    // erfc x = weight / 2 / (x + ½/(x + 1/(x + 3⁄2/(x + …))))
    let below = (1..60).rev().fold(x, |below, n| x + f64::from(n) / 2.0 / below);
    weight / 2.0 / below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 5e-4 * expected.abs().max(1e-3), "{found} {expected}");
    }

    #[test]
    fn tails_are_those_of_printed_tables() {
        // χ² with one degree of freedom, upper percentage points.
        for (value, tail) in [
            (0.0, 1.0),
            (0.454_94, 0.5),
            (2.705_54, 0.1),
            (3.841_46, 0.05),
            (6.634_90, 0.01),
            (10.827_6, 0.001),
        ] {
            near(chi_square_tail(value), tail);
        }
        // Both forms meet where one takes over.
        assert!((erfc(2.499_999_9) - erfc(2.500_000_1)).abs() < 1e-9);
        assert!(erfc(9.0) > 0.0 && erfc(9.0) < 1e-36);
    }

    #[test]
    fn kupiec_accepts_the_counts_of_his_own_table() {
        // Kupiec 1995, table of acceptance regions at 5 % for one year (255 days): fewer than 7 at p = 1 %; between 6 and
        // 21 at 5 %; for 1,000 days between 4 and 17 at 1 %.
        let accepted = |n, x, p| kupiec(n, x, p).unwrap().p_value >= 0.05;
        assert!(accepted(255, 6, 0.01) && !accepted(255, 7, 0.01));
        assert!(!accepted(255, 6, 0.05) && accepted(255, 7, 0.05));
        assert!(accepted(255, 20, 0.05) && !accepted(255, 21, 0.05));
        assert!(!accepted(1_000, 4, 0.01) && accepted(1_000, 5, 0.01));
        assert!(accepted(1_000, 16, 0.01) && !accepted(1_000, 17, 0.01));
        assert_eq!(kupiec(0, 0, 0.01), None);
        near(kupiec(1_000, 10, 0.01).unwrap().ratio, 0.0);
    }

    #[test]
    fn clusters_are_told_from_strays() {
        let mut strays = vec![false; 400];
        let mut cluster = strays.clone();
        for i in 0..8 {
            strays[i * 50 + 3] = true;
            cluster[100 + i] = true;
        }
        assert!(christoffersen(&strays).unwrap().p_value > 0.5);
        assert!(christoffersen(&cluster).unwrap().p_value < 1e-6);
        assert_eq!(christoffersen(&strays[..50]), None);
        // By hand: 0 0 1 1 0 has transitions 1, 1, 1, 1; all four equally likely either way.
        near(christoffersen(&[false, false, true, true, false]).unwrap().ratio, 0.0);
    }

    #[test]
    fn power_is_the_level_at_the_truth_and_grows_with_trials() {
        let at_truth = power(2_000, 0.05, 0.05, 0.05);
        assert!((0.02..0.08).contains(&at_truth), "{at_truth}");
        assert!(power(400, 0.003, 0.006, 0.05) < power(4_000, 0.003, 0.006, 0.05));
        near((0..=30).map(|x| binomial(30, x, 0.2)).sum(), 1.0);
    }
}
