//! The vols to vote: as near to the middle of the spreads as a surface without arbitrage can be.
//!
//! 1. The highest prices within all asks that hold no arbitrage are found from the last expiry backwards: the convex
//!    envelope of what asks and later expiries allow. Where even they are below a bid, nothing reprices that option.
//! 2. Votes begin at the middle of the spread, or at those prices if they are lower, and what is above the others is lowered
//!    as consensus will. Where a price so leaves its spread, the strikes around it move a step towards the highest prices; so
//!    in the end all do, and those are never lowered. What comes of it is voted: consensus has nothing left to repair.

use crate::quotes::{Bounds, Expiry, Quotes};
use crate::svi::Svi;
use protocol::Right;
use std::collections::{BTreeMap, BTreeSet};
use surface::{Repair, Repaired, Smile, repair, repair_trusting};
use units::{Price, Round, Vol};

/// Most rounds of votes; each moves what leaves its spread by a fifth.
const ROUNDS: usize = 60;
const STEP: f64 = 0.2;

/// An option that the surface does not reprice within its spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its expiry.
    pub expiry: String,
    /// Its strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// Best bid.
    pub bid: Price,
    /// What the surface says.
    pub price: Price,
    /// Best ask.
    pub ask: Price,
    /// Why.
    pub reason: Reason,
}

/// Why no vote brings an option into its spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// At this forward the call's spread and the put's have no price in common.
    Parity,
    /// Every surface within the asks of the others is below the bid.
    Arbitrage,
    /// The spread is narrower than one point of vol, and no point lies in it.
    Narrow,
    /// The search ended before it found a vote.
    NotFound,
}

/// A surface, and how it does against the quotes that it was made of.
#[derive(Debug, Clone)]
pub struct Built {
    /// What was voted, an expiry each.
    pub votes: Vec<BTreeMap<Price, Vol>>,
    /// What the repair made of it.
    pub repaired: Vec<BTreeMap<Price, Repaired>>,
    /// Options quoted on both sides.
    pub two_sided: usize,
    /// Strikes whose vol was moved down, and up.
    pub moved: [usize; 2],
    /// Options outside their spread.
    pub exceptions: Vec<Exception>,
}

/// Returns the smiles that consensus would repair, for some votes.
fn smiles(quotes: &Quotes, votes: &[BTreeMap<Price, Vol>]) -> Vec<Smile> {
    let smile = |(expiry, vols): (&Expiry, &BTreeMap<Price, Vol>)| Smile {
        forward: expiry.forward,
        fixed: Price::ZERO,
        variance: expiry.time,
        supports: true,
        silent: BTreeSet::new(),
        vols: vols.clone(),
    };
    quotes.expiries.iter().zip(votes).map(smile).collect()
}

/// Returns the surface of some votes.
#[must_use]
pub fn built(quotes: &Quotes, votes: Vec<BTreeMap<Price, Vol>>) -> Built {
    let highest = highest(quotes);
    let repaired = repair(&smiles(quotes, &votes));
    let (mut two_sided, mut moved, mut exceptions) = (0, [0, 0], Vec::new());
    for ((expiry, points), highest) in quotes.expiries.iter().zip(&repaired).zip(&highest) {
        for point in points.values() {
            moved[0] += usize::from(point.repair == Some(Repair::Lowered));
            moved[1] += usize::from(point.repair == Some(Repair::Raised));
        }
        let bounds: BTreeMap<Price, (Bounds, f64)> =
            expiry.bounds().iter().zip(highest).map(|(b, top)| (b.strike, (*b, *top))).collect();
        for quote in &expiry.options {
            let (Some(bid), Some(ask)) = (quote.bid, quote.ask) else { continue };
            two_sided += 1;
            let Some(point) = points.get(&quote.strike) else { continue };
            if expiry.reprices(quote, point.vol) {
                continue;
            }
            let fine = pricing::FineVol::from_vol(point.vol).unwrap_or_default();
            let price = expiry.price(quote.strike, quote.right, fine, Round::Down);
            exceptions.push(Exception {
                expiry: expiry.name.clone(),
                strike: quote.strike,
                right: quote.right,
                bid,
                price: price.unwrap_or_default(),
                ask,
                reason: bounds
                    .get(&quote.strike)
                    .map_or(Reason::NotFound, |(bounds, top)| reason(expiry, bounds, *top)),
            });
        }
    }
    Built { votes, repaired, two_sided, moved, exceptions }
}

fn reason(expiry: &Expiry, bounds: &Bounds, highest: f64) -> Reason {
    if bounds.low > bounds.high {
        return Reason::Parity;
    }
    if highest + 2.0 < float(bounds.low) {
        return Reason::Arbitrage;
    }
    match (band(expiry, bounds).0, band(expiry, bounds).1) {
        (low, high) if low > high => Reason::Narrow,
        _ => Reason::NotFound,
    }
}

/// Returns the least and the greatest vol, in points, that is within bounds.
fn band(expiry: &Expiry, bounds: &Bounds) -> (i128, i128) {
    let vol = |call, round| expiry.vol(bounds.strike, call, round).map(Vol::points);
    (vol(bounds.low, Round::Up).unwrap_or(1), vol(bounds.high, Round::Down).unwrap_or(Vol::LIMIT))
}

/// Returns the surface whose votes are the middles of the spreads.
#[must_use]
pub fn middles(quotes: &Quotes) -> Built {
    let votes = quotes.expiries.iter().map(|expiry| {
        let middle =
            |bounds: &Bounds| (bounds.strike, vol_at(expiry, bounds, middle(expiry, bounds)));
        expiry.bounds().iter().map(middle).collect()
    });
    built(quotes, votes.collect())
}

/// Returns the surface whose votes stay within the spreads when they are repaired, as far as that can be.
#[must_use]
pub fn fitted(quotes: &Quotes) -> Built {
    let bounds: Vec<Vec<Bounds>> = quotes.expiries.iter().map(Expiry::bounds).collect();
    let highest = highest(quotes);
    let mut lifts: Vec<Vec<f64>> = bounds.iter().map(|bounds| vec![0.0; bounds.len()]).collect();
    let mut misses: Vec<Vec<usize>> = bounds.iter().map(|bounds| vec![0; bounds.len()]).collect();
    let mut sound = Vec::new();
    for _ in 0..ROUNDS {
        let mut votes = Vec::with_capacity(bounds.len());
        for (place, expiry) in quotes.expiries.iter().enumerate() {
            let vols = bounds[place].iter().enumerate().map(|(at, bounds)| {
                let top = highest[place][at];
                let start = middle(expiry, bounds).min(top);
                let call = start + lifts[place][at] * (top - start);
                (bounds.strike, vol_at(expiry, bounds, call))
            });
            votes.push(vols.collect::<BTreeMap<Price, Vol>>());
        }
        let repaired = repair_trusting(&smiles(quotes, &votes));
        sound = repaired.iter().map(vols).collect();
        let mut missed = false;
        for (place, expiry) in quotes.expiries.iter().enumerate() {
            for (at, (bounds, point)) in
                bounds[place].iter().zip(repaired[place].values()).enumerate()
            {
                let (low, high) = band(expiry, bounds);
                let reachable = low <= high && highest[place][at] + 2.0 >= float(bounds.low);
                if reachable && point.vol.points() < low {
                    missed = true;
                    misses[place][at] += 1;
                    let reach = misses[place][at];
                    let from = at.saturating_sub(reach);
                    let to = (at + reach + 1).min(lifts[place].len());
                    for lift in &mut lifts[place][from..to] {
                        *lift = (*lift + STEP).min(1.0);
                    }
                }
            }
        }
        if !missed {
            break;
        }
    }
    built(quotes, sound)
}

fn vols(points: &BTreeMap<Price, Repaired>) -> BTreeMap<Price, Vol> {
    points.iter().map(|(strike, point)| (*strike, point.vol)).collect()
}

/// Returns the middle of a spread: of the vols of its ends where both have one, else of the prices.
fn middle(expiry: &Expiry, bounds: &Bounds) -> f64 {
    let vol = |call| expiry.vol(bounds.strike, call, Round::Down);
    if let (Some(low), Some(high)) = (vol(bounds.low), vol(bounds.high)) {
        let points = low.points().midpoint(high.points());
        let fine = pricing::FineVol::from_vol(Vol::from_points(points)).unwrap_or_default();
        if let Some(price) = expiry.price(bounds.strike, Right::Call, fine, Round::Down) {
            return float(price.micros());
        }
    }
    float(bounds.low.midpoint(bounds.high))
}

/// Returns the vol of a call's price, within the spread if some point is.
fn vol_at(expiry: &Expiry, bounds: &Bounds, call: f64) -> Vol {
    let (low, high) = band(expiry, bounds);
    let points = expiry.vol(bounds.strike, micros(call), Round::Up).map_or(low, Vol::points);
    Vol::from_points(points.min(high).max(low.min(high)))
}

/// Returns the highest prices of calls within the asks that hold no arbitrage, for each expiry and strike with bounds.
fn highest(quotes: &Quotes) -> Vec<Vec<f64>> {
    let mut later: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut found = Vec::new();
    for expiry in quotes.expiries.iter().rev() {
        let forward = float(expiry.forward.micros());
        let mut points = vec![(0.0, 1.0)];
        for bounds in expiry.bounds() {
            let place = float(bounds.strike.micros()) / forward;
            let ask = float(bounds.high.max(bounds.low)) / forward;
            let most = later.iter().map(|curve| height(curve, place)).fold(ask, f64::min);
            points.push((place, most));
        }
        let curve = envelope(&points);
        found.push(
            points.iter().skip(1).map(|(place, _)| height(&curve, *place) * forward).collect(),
        );
        later.push(curve);
    }
    found.reverse();
    found
}

/// Returns the greatest convex curve that never rises, at or below points.
fn envelope(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for point in points {
        while let [.., a, b] = corners.as_slice() {
            if (b.1 - a.1) * (point.0 - b.0) < (point.1 - b.1) * (b.0 - a.0) {
                break;
            }
            corners.pop();
        }
        corners.push(*point);
    }
    while let [.., a, b] = corners.as_slice() {
        if b.1 < a.1 {
            break;
        }
        corners.pop();
    }
    corners
}

/// Returns the height of a curve of corners; flat after the last.
fn height(corners: &[(f64, f64)], place: f64) -> f64 {
    let next = corners.partition_point(|corner| corner.0 <= place);
    let Some(left) = next.checked_sub(1).and_then(|left| corners.get(left)) else { return 1.0 };
    let right = corners.get(next);
    right
        .map_or(left.1, |right| left.1 + (right.1 - left.1) * (place - left.0) / (right.0 - left.0))
}

/// Returns micro-dollars as a float: prices are below 2⁵⁰, which a float holds exactly.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "prices are below 2^53")]
pub(crate) fn float(micros: i128) -> f64 {
    micros as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "saturates; prices are below 2^53"
)]
fn micros(price: f64) -> i128 {
    price.round() as i128
}

/// Returns the surface whose votes are smiles of five parameters, fitted to the middles of the spreads; where none fits, the
/// middles themselves. Says of each expiry which smile it was.
#[must_use]
pub fn smiles_fitted(quotes: &Quotes) -> (Built, Vec<Option<Svi>>) {
    let (mut votes, mut fitted) = (Vec::new(), Vec::new());
    for expiry in &quotes.expiries {
        let bounds = expiry.bounds();
        let years = float(expiry.time.millis()) / float(YEAR_MILLIS);
        let forward = float(expiry.forward.micros());
        let mut samples = Vec::new();
        let mut vols = BTreeMap::new();
        for bounds in &bounds {
            let (low, high) = band(expiry, bounds);
            let vol = vol_at(expiry, bounds, middle(expiry, bounds));
            let sigma = float(vol.points()) / 1e4;
            let width = (float(high - low) / 1e4).max(1e-3);
            let k = (float(bounds.strike.micros()) / forward).ln();
            // The weight of a variance known to the width of the spread in vol.
            samples.push((k, sigma * sigma * years, (2.0 * sigma * width * years).powi(-2)));
            vols.insert(bounds.strike, vol);
        }
        let svi = Svi::fit(&samples);
        if let Some(svi) = svi {
            for ((k, _, _), vol) in samples.iter().zip(vols.values_mut()) {
                let points = micros((svi.variance(*k) / years).sqrt() * 1e4);
                *vol = Vol::from_points(points.clamp(1, Vol::LIMIT));
            }
        }
        votes.push(vols);
        fitted.push(svi);
    }
    (built(quotes, votes), fitted)
}

/// Milliseconds of a year of 365 days.
const YEAR_MILLIS: i128 = 31_536_000_000;
