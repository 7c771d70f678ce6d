//! The smile of five parameters, `w(k) = a + b(ρ(k − m) + √((k − m)² + σ²))`: total variance at `k = ln(K/F)`.
//!
//! The fit is quasi-explicit: for given m and σ the best a, bσ and ρbσ solve a linear system, and a simplex search finds
//! m and σ. **Invariant:** what [`Svi::fit`] returns holds no butterfly arbitrage on the strikes that matter, or it
//! returns nothing.

/// A smile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Svi {
    /// Level.
    pub a: f64,
    /// Slope of the wings.
    pub b: f64,
    /// Tilt, from −1 to 1.
    pub rho: f64,
    /// Centre.
    pub m: f64,
    /// Curvature at the centre.
    pub sigma: f64,
}

/// A point to fit: log-moneyness, total variance, weight.
pub type Sample = (f64, f64, f64);

/// Where a smile is checked: log-moneyness from −WIDEST to WIDEST in so many steps; fewer while it is searched for.
const WIDEST: f64 = 2.0;
const CHECKS: u32 = 400;
const CHECKS_SEARCHING: u32 = 40;
/// Steps of the search for centre and curvature.
const SEARCH: usize = 100;

impl Svi {
    /// Returns the total variance.
    #[must_use]
    pub fn variance(&self, k: f64) -> f64 {
        let off = k - self.m;
        self.a + self.b * (self.rho * off + off.hypot(self.sigma))
    }

    /// Returns g, which is negative where the density of the price at expiry is, and so where a butterfly has a negative
    /// price: `(1 − k·w′/2w)² − (w′²/4)(1/w + 1/4) + w″/2`.
    #[must_use]
    pub fn density_sign(&self, k: f64) -> f64 {
        let off = k - self.m;
        let root = off.hypot(self.sigma);
        let (w, slope) = (self.variance(k), self.b * (self.rho + off / root));
        let bend = self.b * self.sigma * self.sigma / root.powi(3);
        let tilt = 1.0 - k * slope / (2.0 * w);
        tilt * tilt - slope * slope / 4.0 * (1.0 / w + 0.25) + bend / 2.0
    }

    /// Returns where g is least, and how much it is there.
    #[must_use]
    pub fn least_density(&self) -> (f64, f64) {
        self.least_density_in(CHECKS)
    }

    fn least_density_in(&self, checks: u32) -> (f64, f64) {
        let places =
            (0..=checks).map(|step| -WIDEST + 2.0 * WIDEST * f64::from(step) / f64::from(checks));
        let signs = places.map(|k| (k, self.density_sign(k)));
        signs.fold(
            (0.0, f64::INFINITY),
            |least, found| if found.1 < least.1 { found } else { least },
        )
    }

    /// Whether the smile holds arbitrage: a variance or a density below zero, or wings so steep that far calls do not
    /// lose their value (`b(1 + |ρ|) > 2`).
    #[must_use]
    pub fn has_arbitrage(&self) -> bool {
        let lowest = self.a + self.b * self.sigma * (1.0 - self.rho * self.rho).max(0.0).sqrt();
        let least = self.least_density().1;
        !(lowest >= 0.0 && least >= 0.0 && self.b * (1.0 + self.rho.abs()) <= 2.0)
    }

    /// Returns the smile without arbitrage nearest to samples; `None` if there are fewer than five or none is found.
    #[must_use]
    pub fn fit(samples: &[Sample]) -> Option<Self> {
        if samples.len() < 5 {
            return None;
        }
        let lowest = samples
            .iter()
            .fold((0.0, f64::INFINITY), |low, s| if s.1 < low.1 { (s.0, s.1) } else { low });
        let cost = |place: [f64; 2]| {
            let Some((svi, error)) = linear(samples, place[0], place[1].exp()) else {
                return f64::INFINITY;
            };
            let below = (-svi.least_density_in(CHECKS_SEARCHING).1).max(0.0);
            let steep = (svi.b * (1.0 + svi.rho.abs()) - 2.0).max(0.0);
            error * (1.0 + 100.0 * below + 100.0 * steep)
                + if below + steep > 0.0 { 1e3 * error } else { 0.0 }
        };
        let starts = [[lowest.0, -2.0], [0.0, -0.5], [lowest.0 / 2.0, -3.0]];
        let found = starts.map(|start| simplex(start, cost)).into_iter();
        let fitted = found.filter_map(|place| linear(samples, place[0], place[1].exp()));
        let sound = fitted.filter(|(svi, _)| !svi.has_arbitrage());
        sound.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(svi, _)| svi)
    }
}

/// Returns the best smile for a centre and curvature, with the weighted sum of its squared errors.
fn linear(samples: &[Sample], m: f64, sigma: f64) -> Option<(Svi, f64)> {
    if !(1e-4..=10.0).contains(&sigma) || m.abs() > WIDEST {
        return None;
    }
    // w = a·1 + d·y + c·z with y = (k − m)/σ, z = √(y² + 1), c = bσ, d = ρbσ. Where |d| > c the tilt is at its end.
    let solve = |tilt: Option<f64>| {
        let row = |k: f64| {
            let y = (k - m) / sigma;
            let z = y.hypot(1.0);
            tilt.map_or([1.0, y, z], |tilt| [1.0, 0.0, z + tilt * y])
        };
        let (mut left, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
        for (k, w, weight) in samples {
            let row = row(*k);
            for i in 0..3 {
                right[i] += weight * row[i] * w;
                for j in 0..3 {
                    left[i][j] += weight * row[i] * row[j];
                }
            }
        }
        if tilt.is_some() {
            left[1][1] = 1.0;
        }
        solved(left, right)
    };
    let free = solve(None)?;
    let [a, d, c] = if free[1].abs() <= free[2] {
        free
    } else {
        let tilt = free[1].signum() * 0.999;
        let bound = solve(Some(tilt))?;
        [bound[0], tilt * bound[2], bound[2]]
    };
    if c <= 0.0 {
        return None;
    }
    let svi = Svi { a, b: c / sigma, rho: d / c, m, sigma };
    let error = samples.iter().map(|(k, w, weight)| weight * (svi.variance(*k) - w).powi(2)).sum();
    Some((svi, error))
}

/// Solves three linear equations; nothing if they do not determine the unknowns.
fn solved(mut left: [[f64; 3]; 3], mut right: [f64; 3]) -> Option<[f64; 3]> {
    for i in 0..3 {
        let pivot = (i..3).max_by(|p, q| left[*p][i].abs().total_cmp(&left[*q][i].abs()))?;
        left.swap(i, pivot);
        right.swap(i, pivot);
        if left[i][i].abs() < 1e-14 {
            return None;
        }
        for row in i + 1..3 {
            let factor = left[row][i] / left[i][i];
            let upper = left[i];
            for (cell, above) in left[row].iter_mut().zip(upper) {
                *cell -= factor * above;
            }
            right[row] -= factor * right[i];
        }
    }
    let mut found = [0.0; 3];
    for i in (0..3).rev() {
        let known: f64 = (i + 1..3).map(|j| left[i][j] * found[j]).sum();
        found[i] = (right[i] - known) / left[i][i];
    }
    Some(found)
}

/// Returns where a function of two variables is least: the simplex method of Nelder and Mead.
fn simplex(start: [f64; 2], cost: impl Fn([f64; 2]) -> f64) -> [f64; 2] {
    let corner = |x: f64, y: f64| {
        let place = [start[0] + x, start[1] + y];
        (place, cost(place))
    };
    let mut corners = [corner(0.0, 0.0), corner(0.1, 0.0), corner(0.0, 0.5)];
    for _ in 0..SEARCH {
        corners.sort_by(|a, b| a.1.total_cmp(&b.1));
        let [best, good, worst] = corners;
        let middle = [(best.0[0] + good.0[0]) / 2.0, (best.0[1] + good.0[1]) / 2.0];
        let along = |part: f64| {
            let place = [0, 1].map(|i| middle[i] + part * (worst.0[i] - middle[i]));
            (place, cost(place))
        };
        let reflected = along(-1.0);
        corners[2] = if reflected.1 < best.1 {
            let expanded = along(-2.0);
            if expanded.1 < reflected.1 { expanded } else { reflected }
        } else if reflected.1 < good.1 {
            reflected
        } else {
            let inside = along(0.5);
            if inside.1 < worst.1 {
                inside
            } else {
                let halved = |from: [f64; 2]| {
                    let place = [0, 1].map(|i| f64::midpoint(best.0[i], from[i]));
                    (place, cost(place))
                };
                corners[1] = halved(good.0);
                halved(worst.0)
            }
        };
    }
    corners.sort_by(|a, b| a.1.total_cmp(&b.1));
    corners[0].0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters with arbitrage by Axel Vogt, as Gatheral and Jacquier print them (Arbitrage-free SVI volatility surfaces,
    /// example 3.1).
    const VOGT: Svi = Svi { a: -0.0410, b: 0.1331, rho: 0.3060, m: 0.3586, sigma: 0.4153 };

    #[test]
    fn the_smile_of_vogt_is_rejected() {
        let (k, least) = VOGT.least_density();
        assert!((k - 0.88).abs() < 0.005 && (least + 0.032_863_3).abs() < 1e-6, "{least} at {k}");
        assert!(VOGT.has_arbitrage());
    }

    /// QuantLib `test-suite/svivolatility.cpp`: a −0.0666, b 0.229, σ 0.337, ρ 0.439, m 0.193.
    #[test]
    fn the_variance_at_the_centre_is_the_level_and_slope_times_curvature() {
        let svi = Svi { a: -0.0666, b: 0.229, rho: 0.439, m: 0.193, sigma: 0.337 };
        assert!((svi.variance(0.193) - (-0.0666 + 0.229 * 0.337)).abs() < 1e-15);
    }

    #[test]
    fn a_smile_is_found_again_from_its_points() {
        let known = Svi { a: 0.01, b: 0.12, rho: -0.3, m: 0.05, sigma: 0.2 };
        assert!(!known.has_arbitrage());
        let places = (-8..=8).map(|step| f64::from(step) / 10.0);
        let samples: Vec<Sample> = places.map(|k| (k, known.variance(k), 1.0)).collect();
        let found = Svi::fit(&samples).unwrap();
        for (k, w, _) in &samples {
            assert!((found.variance(*k) - w).abs() < 1e-6, "{found:?}");
        }
    }

    #[test]
    fn what_is_fitted_to_a_smile_with_arbitrage_holds_none() {
        let places = (-15..=15).map(|step| f64::from(step) / 10.0);
        let samples: Vec<Sample> = places.map(|k| (k, VOGT.variance(k).max(1e-4), 1.0)).collect();
        assert!(Svi::fit(&samples).is_none_or(|found| !found.has_arbitrage()));
        assert_eq!(Svi::fit(&samples[..4]), None);
    }
}
