//! Which votes of an expiry are the odd ones out, and what stands in for them: rejection of outliers.
//!
//! A price that is too low is a corner of the envelope, and the envelope takes it for the word of everybody: its neighbours
//! would be lowered to it. So before anything is lowered, each corner, and each pair of corners side by side, is left out
//! on trial. Where that cures more other votes than it takes, the votes left out are *outvoted*: their vol becomes that on the
//! line between the vols next to them, or what the others support if that is more, and never less than voted.
//!
//! **Invariant:** where no vol would be lowered, nobody is outvoted; an outvoted vol only rises.

use crate::curve::{Curve, Node, Point};
use crate::envelope::Envelope;
use crate::repair::least;
use crate::support::Support;
use std::collections::BTreeSet;
use units::{Num, Round, Vol};

/// Most times that votes of an expiry are left out: what it takes is bounded whatever is voted.
const ROUNDS: usize = 8;
/// Most corners that are left out together.
const WIDEST: usize = 2;
/// Points by which a vote may be too low before others speak against it: rounding alone is no error.
const SLACK: i128 = 10;

/// A vote with what decides whether it would be lowered.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Its place among the strikes of the expiry.
    place: usize,
    point: Point,
    /// In points.
    vol: i128,
    /// Whether nobody has voted on it lately.
    silent: bool,
    /// What the call costs at one point of vol less; nothing if it is not above the envelope of all votes.
    one_less: Option<i128>,
    /// What earlier expiries support.
    least: i128,
}

impl Held {
    /// Returns the vote as much higher as the slack.
    fn higher(&self, curve: &Curve) -> Point {
        let vol = self.vol.saturating_add(SLACK).min(Vol::LIMIT);
        let node = curve.nodes.get(self.place);
        let call = node.map_or(self.point.call, |node| curve.call(node.strike, vol));
        Point { call, ..self.point }
    }

    const fn strike_and_vol(&self) -> (i128, i128) {
        (self.point.strike, self.vol)
    }

    /// Returns whether an envelope would lower the vote: its price and that of one point less are not below.
    fn is_out(&self, envelope: &Envelope) -> bool {
        self.one_less.is_some_and(|one_less| {
            let goal = envelope.at(self.point.strike).max(self.least);
            self.point.call > goal && one_less >= goal
        })
    }
}

/// Raises the vols that are outvoted, given what earlier expiries support at each strike, and says for each strike whether at
/// least two others speak against its vote: because it is outvoted, or because it lies above the envelope whichever corner
/// next to it is left out.
///
/// Cost: O(n log n) a round, of which there are `ROUNDS` at most; one price for each vote above the envelope, one in each round for
/// each trial that leaves a corner out, of which it has three at most, and sixteen for each vote that is outvoted.
pub(crate) fn raise_outvoted(
    curve: &mut Curve,
    points: &mut Vec<Point>,
    supported: &[i128],
) -> Vec<bool> {
    let mut contradicted = vec![false; curve.nodes.len()];
    let mut held = votes(curve, points, supported);
    if held.iter().all(|vote| vote.one_less.is_none()) {
        return contradicted;
    }
    for _ in 0..ROUNDS {
        let Some(odd) = most_cured(curve, &held) else { break };
        held.retain(|vote| !odd.contains(&vote.place));
        for place in odd {
            if let Some(contradicted) = contradicted.get_mut(place) {
                *contradicted = true;
            }
        }
    }
    if contradicted.contains(&true) {
        interpolate(curve, &contradicted);
        *points = curve.points();
        held = votes(curve, points, supported);
    }
    held.retain(|vote| !vote.silent);
    for place in out_of_all(curve, &held) {
        if let Some(contradicted) = contradicted.get_mut(place) {
            *contradicted = true;
        }
    }
    contradicted
}

fn votes(curve: &Curve, points: &[Point], supported: &[i128]) -> Vec<Held> {
    let envelope = Envelope::new(curve.forward(), points);
    let all = curve.nodes.iter().zip(points).zip(supported).enumerate();
    all.map(|(place, ((node, point), supported))| {
        let least = (*supported).min(curve.forward());
        let is_above = point.call > envelope.at(point.strike).max(least);
        let one_less = is_above.then(|| curve.call(node.strike, node.vol.saturating_sub(1)));
        Held { place, point: *point, vol: node.vol, silent: node.silent, one_less, least }
    })
    .collect()
}

/// Corners side by side, and what becomes of the votes between the corners around them when they are left out.
struct Trial<'a> {
    /// The votes between the corners around, without those left out, that are out.
    out: Vec<&'a Held>,
    /// The votes left out.
    left_out: Vec<&'a Held>,
    /// The envelope without them.
    without: Envelope,
    /// The envelope with them as much higher as the slack.
    slack: Envelope,
}

impl Trial<'_> {
    /// Returns the votes that are out because of those left out, and would be if those were as much higher as the slack.
    /// What nobody votes on is none.
    fn cured(&self) -> Vec<&Held> {
        let out = self.out.iter().copied().filter(|vote| !vote.silent);
        out.filter(|vote| vote.is_out(&self.slack) && !vote.is_out(&self.without)).collect()
    }
}

/// Returns every trial of so many corners side by side that has votes that are out, ascending.
fn trials<'a>(
    curve: &'a Curve,
    envelope: &'a Envelope,
    held: &'a [Held],
    width: usize,
) -> impl Iterator<Item = Trial<'a>> {
    let corners = envelope.corners();
    corners.windows(width.saturating_add(1)).enumerate().filter_map(move |(first, window)| {
        let (before, odd) = window.split_first()?;
        let after = corners.get(first.saturating_add(window.len())).copied();
        let start = held.partition_point(|vote| vote.point.strike <= before.strike);
        let end = after.map_or(held.len(), |after| {
            held.partition_point(|vote| vote.point.strike < after.strike)
        });
        let inside = held.get(start..end)?;
        let out: Vec<&Held> = inside.iter().filter(|vote| vote.is_out(envelope)).collect();
        if out.is_empty() {
            return None;
        }
        let is_odd = |vote: &&Held| odd.iter().any(|corner| corner.strike == vote.point.strike);
        let others = inside.iter().filter(|vote| !is_odd(vote)).map(|vote| vote.point);
        let higher = inside.iter().map(|vote| match is_odd(&vote) {
            true => vote.higher(curve),
            false => vote.point,
        });
        Some(Trial {
            out,
            left_out: inside.iter().filter(is_odd).collect(),
            without: Envelope::from(*before, others.chain(after)),
            slack: Envelope::from(*before, higher.chain(after)),
        })
    })
}

/// Returns the votes whose absence cures the most others beyond their own number: of equals the fewest, then the lowest
/// strikes. Where none cures more than it takes, one that cures one other counts if it is the odder of the two.
fn most_cured(curve: &Curve, held: &[Held]) -> Option<Vec<usize>> {
    let envelope = envelope(curve.forward(), held);
    let mut best: Option<(usize, Vec<usize>)> = None;
    for width in 1..=WIDEST {
        for trial in trials(curve, &envelope, held, width) {
            let cured = trial.cured();
            let gain = cured.len().saturating_sub(trial.left_out.len());
            let is_better = match (trial.left_out.as_slice(), cured.as_slice()) {
                ([one], [other]) => best.is_none() && is_odder(one, other, held),
                _ => gain > best.as_ref().map_or(0, |(most, _)| *most),
            };
            if is_better {
                best = Some((gain, trial.left_out.iter().map(|vote| vote.place).collect()));
            }
        }
    }
    best.map(|(_, odd)| odd)
}

/// Returns those of some votes that the others would lower whichever one corner is left out that is not less odd than they are, ascending.
fn out_of_all(curve: &Curve, held: &[Held]) -> Vec<usize> {
    let envelope = envelope(curve.forward(), held);
    let mut excused = BTreeSet::new();
    for trial in trials(curve, &envelope, held, 1) {
        let Some(one) = trial.left_out.first() else { continue };
        let is_excused = |vote: &&&Held| !vote.is_out(&trial.without) && !is_odder(vote, one, held);
        excused.extend(trial.out.iter().filter(is_excused).map(|vote| vote.place));
    }
    let is_out = |vote: &&Held| vote.is_out(&envelope) && !excused.contains(&vote.place);
    held.iter().filter(is_out).map(|vote| vote.place).collect()
}

/// Returns whether the first of two votes is farther than the second from the vol on the line between the votes next to it
/// that are neither of the two; no if there are none.
fn is_odder(one: &Held, other: &Held, held: &[Held]) -> bool {
    let neither = |vote: &&Held| vote.place != one.place && vote.place != other.place;
    let oddity = |vote: &Held| {
        let at = held.partition_point(|other| other.point.strike < vote.point.strike);
        let (below, above) = held.split_at_checked(at)?;
        let below = below.iter().rev().find(neither).map(Held::strike_and_vol);
        let above = above.iter().find(neither).map(Held::strike_and_vol);
        let line = between(below, above, vote.point.strike)?;
        Some(vote.vol.saturating_sub(line).saturating_abs())
    };
    oddity(one) > oddity(other)
}

fn envelope(forward: i128, held: &[Held]) -> Envelope {
    Envelope::from(Point { strike: 0, call: forward }, held.iter().map(|vote| vote.point))
}

/// Gives outvoted strikes the vol on the line between the strikes next to them that are not, or, beyond the last, its vol; at
/// least what those support, and at least their own. Rounding: down.
fn interpolate(curve: &mut Curve, outvoted: &[bool]) {
    let sound = |(node, outvoted): (&Node, &bool)| (!outvoted).then_some(*node);
    let sound: Vec<Node> = curve.nodes.iter().zip(outvoted).filter_map(sound).collect();
    let points: Vec<Point> = sound.iter().map(|node| curve.point(node)).collect();
    let support = Support::new(curve, &sound, &points);
    let mut vols = Vec::with_capacity(curve.nodes.len());
    for (node, outvoted) in curve.nodes.iter().zip(outvoted) {
        let between = if *outvoted { line(&sound, node) } else { node.vol };
        let vol = node.vol.max(between);
        let least_call = support.least(curve.forward(), node.strike.price().micros());
        let is_low = *outvoted && curve.call(node.strike, vol) < least_call;
        vols.push(if is_low { least(curve, node, least_call, vol, Vol::LIMIT) } else { vol });
    }
    for (node, vol) in curve.nodes.iter_mut().zip(vols) {
        node.vol = vol;
    }
}

/// Returns the vol at a strike on the line between the nodes next to it.
fn line(sound: &[Node], node: &Node) -> i128 {
    let strike = node.strike.price().micros();
    let at = |node: &Node| (node.strike.price().micros(), node.vol);
    let next = sound.partition_point(|other| at(other).0 < strike);
    let below = next.checked_sub(1).and_then(|place| sound.get(place)).map(at);
    between(below, sound.get(next).map(at), strike).unwrap_or(node.vol)
}

/// Returns the vol at a strike on the line between two others, or that of the one there is. Rounding: down.
fn between(below: Option<(i128, i128)>, above: Option<(i128, i128)>, at: i128) -> Option<i128> {
    let (Some((left, low)), Some((right, high))) = (below, above) else {
        return below.or(above).map(|(_, vol)| vol);
    };
    let (part, width) = (at.saturating_sub(left), right.saturating_sub(left));
    let rise = Num::new(high.saturating_sub(low));
    let risen = rise.mul_div(Num::new(part), Num::new(width), Round::Down);
    Some(low.saturating_add(risen.map_or(0, Num::raw)))
}
