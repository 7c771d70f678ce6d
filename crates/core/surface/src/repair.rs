//! The repair itself: which vols move, and how far.
//!
//! Write `C(v)` for the price at a vol of `v` points, `E` for the envelope of an expiry's prices, `m` for what earlier
//! expiries support, `G = max(⌈E⌉, m)`. A vol stays if `C = G`, or if `C > G` but one point less would fall below `G`;
//! else it becomes the least that reaches `G`. Repairing the result again finds `E' ≥ E`, because `E` is convex and still
//! below all prices, and `m' = m`, because `m` is made of final prices; so every vol stays. This needs neither that prices
//! rise with every point nor any bound on rounding (0018-SURF-004). Nor does it ask which votes are outvoted first, as long as
//! none is where every vol stays.

use crate::curve::{Curve, Node, Point};
use crate::envelope::Envelope;
use crate::outvoted::raise_outvoted;
use crate::support::Support;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockSpan, Price, Vol};

/// The vols of one expiry, with what it takes to price calls at them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smile {
    /// Forward to the expiry; inside the settlement window the part that still moves.
    pub forward: Price,
    /// What is fixed of the settlement price; zero before the window.
    pub fixed: Price,
    /// Time of a constant price with the same variance as the settlement price.
    pub variance: BlockSpan,
    /// Whether later expiries are held above it. Not for a price that is already fixed in part, nor for old votes.
    pub supports: bool,
    /// Vol by strike.
    pub vols: BTreeMap<Price, Vol>,
    /// Strikes that nobody has voted on lately: they speak against no vote.
    pub silent: BTreeSet<Price>,
}

/// Why a vol was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// The price was above the convex envelope of the expiry: a butterfly or a vertical spread had a negative price.
    Lowered,
    /// The price was below what an earlier expiry supports, a calendar spread had a negative price, or its vote was outvoted.
    Raised,
}

/// A vol of the repaired surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    /// Annualised.
    pub vol: Vol,
    /// What was done to it, if anything.
    pub repair: Option<Repair>,
    /// Whether at least two votes speak against the one that was moved, so that no single other one can be what is wrong.
    pub contradicted: bool,
}

/// Returns the surface without arbitrage but for rounding, expiry by expiry in the order given.
///
/// Vols that are part of no arbitrage stay as they are, and so do all where no vol matters: without a positive forward,
/// without time, or where the strike is fixed already. A vol outside the limits of its unit counts as the nearest inside.
///
/// Rounding: in points of 0.01 %, up. Cost: O(n log n) for n options of an expiry, times sixteen for those that move, plus
/// O(log n) for each option and each earlier expiry.
///
/// # Source
///
/// spec 0018-SURF-001 … 007, 0018-SURF-015.
#[must_use]
pub fn repair(smiles: &[Smile]) -> Vec<BTreeMap<Price, Repaired>> {
    repaired(smiles, raise_outvoted)
}

/// Returns the same if every vote is trusted, so that none is outvoted and none raised but by earlier expiries. The vols
/// that come of it are a vote that [`repair()`] leaves as it is.
///
/// # Source
///
/// spec 0018-SURF-002 … 005.
#[must_use]
pub fn repair_trusting(smiles: &[Smile]) -> Vec<BTreeMap<Price, Repaired>> {
    repaired(smiles, |curve, _, _| vec![false; curve.nodes.len()])
}

fn repaired(
    smiles: &[Smile],
    raise: fn(&mut Curve, &mut Vec<Point>, &[i128]) -> Vec<bool>,
) -> Vec<BTreeMap<Price, Repaired>> {
    let mut repaired: Vec<BTreeMap<Price, Repaired>> = smiles.iter().map(unchanged).collect();
    let mut order: Vec<(usize, &Smile)> = smiles.iter().enumerate().collect();
    order.sort_by_key(|(_, smile)| smile.variance);
    let mut supports: Vec<Support> = Vec::new();
    for (place, smile) in order {
        let Some(mut curve) = Curve::new(smile) else { continue };
        let voted: Vec<i128> = curve.nodes.iter().map(|node| node.vol).collect();
        let supported: Vec<i128> =
            curve.nodes.iter().map(|node| supported(&supports, curve.forward(), node)).collect();
        let mut points = curve.points();
        let contradicted = raise(&mut curve, &mut points, &supported);
        fit(&mut curve, &mut points, &supported);
        if let Some(vols) = repaired.get_mut(place) {
            let moved = curve.nodes.iter().zip(voted).zip(contradicted);
            for ((node, voted), contradicted) in moved {
                let repair = match node.vol.cmp(&voted) {
                    Ordering::Equal => None,
                    Ordering::Less => Some(Repair::Lowered),
                    Ordering::Greater => Some(Repair::Raised),
                };
                let vol = Vol::from_points(node.vol);
                let contradicted = contradicted && repair.is_some();
                vols.insert(node.listed, Repaired { vol, repair, contradicted });
            }
        }
        if smile.supports {
            supports.push(Support::new(&curve, &curve.nodes, &points));
        }
    }
    repaired
}

fn unchanged(smile: &Smile) -> BTreeMap<Price, Repaired> {
    let limit = Vol::from_points(Vol::LIMIT);
    let kept = |vol: Vol| Repaired {
        vol: vol.greater(Vol::ZERO).lesser(limit),
        repair: None,
        contradicted: false,
    };
    smile.vols.iter().map(|(strike, vol)| (*strike, kept(*vol))).collect()
}

/// Returns what earlier expiries support at a strike.
fn supported(supports: &[Support], forward: i128, node: &Node) -> i128 {
    let strike = node.strike.price().micros();
    supports.iter().map(|support| support.least(forward, strike)).max().unwrap_or(0)
}

/// Moves the vols of an expiry to where they must be, and their prices with them.
fn fit(curve: &mut Curve, points: &mut [Point], supported: &[i128]) {
    let forward = curve.forward();
    let envelope = Envelope::new(forward, points);
    let mut vols = Vec::with_capacity(points.len());
    for ((node, point), supported) in curve.nodes.iter().zip(points).zip(supported) {
        let goal = envelope.at(point.strike).max(*supported).min(forward);
        let vol = match point.call.cmp(&goal) {
            Ordering::Equal => node.vol,
            Ordering::Greater => lowered(curve, node, goal),
            Ordering::Less => least(curve, node, goal, node.vol, Vol::LIMIT),
        };
        if vol != node.vol {
            point.call = curve.call(node.strike, vol);
        }
        vols.push(vol);
    }
    for (node, vol) in curve.nodes.iter_mut().zip(vols) {
        node.vol = vol;
    }
}

/// Returns the vol of a price that is above its goal: the least that reaches the goal, or its own if one point less does
/// not. A goal without time value is reached by many vols: then it is the last before there is one.
fn lowered(curve: &Curve, node: &Node, goal: i128) -> i128 {
    let intrinsic = curve.intrinsic(node.strike);
    if goal <= intrinsic {
        return least(curve, node, intrinsic.saturating_add(1), 0, node.vol).saturating_sub(1);
    }
    let one_less = node.vol.saturating_sub(1);
    if curve.call(node.strike, one_less) < goal {
        return node.vol;
    }
    least(curve, node, goal, 0, one_less)
}

/// Returns the least vol between one that is too low and one that reaches a goal; the latter if it does not reach it.
pub(crate) fn least(curve: &Curve, node: &Node, goal: i128, too_low: i128, reaching: i128) -> i128 {
    let (mut below, mut reached) = (too_low, reaching);
    // Vols have sixteen bits; each round halves the distance.
    while reached.saturating_sub(below) > 1 {
        let middle = below.midpoint(reached);
        if curve.call(node.strike, middle) >= goal {
            reached = middle;
        } else {
            below = middle;
        }
    }
    reached
}
