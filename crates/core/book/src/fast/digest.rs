//! The digest of the fast book: hashes that are kept until something below them changes.

use super::FastBook;
use super::parts::Order;
use crate::digest::{Tier, book_hash, children, level_hash, parent};
use crate::{Extract, Node};
use protocol::{Hash, OrderId, Side};
use std::collections::BTreeMap;

/// The kept hashes of one side above its levels.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// Ranks of levels that came, changed or went.
    changed: Vec<i64>,
    groups: BTreeMap<i64, Hash>,
    regions: BTreeMap<i64, Hash>,
}

impl Kept {
    /// Notes that a level is not as it was hashed last.
    pub(super) fn note(&mut self, rank: i64) {
        // Once full, room is made by forgetting repetitions, then by growing: a book that nobody hashes notes each of
        // its ranks about twice at most.
        if self.changed.len() == self.changed.capacity() {
            self.changed.sort_unstable();
            self.changed.dedup();
            self.changed.reserve(self.changed.len().max(64));
        }
        self.changed.push(rank);
    }
}

impl FastBook {
    /// Returns the digest, hashing what has changed.
    pub(super) fn digest_changes(&mut self) -> Hash {
        let mut bytes = std::mem::take(&mut self.bytes);
        for side in [Side::Buy, Side::Sell] {
            let mut changed = std::mem::take(&mut self.ladders.of_mut(side).kept.changed);
            for rank in &mut changed {
                *rank = parent(rank.checked_div_euclid(self.tick).unwrap_or(0));
            }
            changed.sort_unstable();
            changed.dedup();
            changed.iter().for_each(|group| self.digest_group(side, *group, &mut bytes));
            let kept = &mut self.ladders.of_mut(side).kept;
            changed.iter_mut().for_each(|group| *group = parent(*group));
            changed.dedup();
            for region in &changed {
                let (first, last) = children(*region);
                let groups = kept.groups.range(first..=last).map(|(_, hash)| *hash);
                keep(&mut kept.regions, *region, Tier::Region, groups, &mut bytes);
            }
            changed.clear();
            kept.changed = changed;
        }
        self.bytes = bytes;
        let regions =
            [Side::Buy, Side::Sell].map(|side| self.ladders.of(side).kept.regions.values());
        book_hash(self.tick(), regions.into_iter().flatten().copied())
    }

    /// Hashes the levels of a group that have changed, and the group.
    fn digest_group(&mut self, side: Side, group: i64, bytes: &mut Vec<u8>) {
        let (first, last) = children(group);
        let ranks = first.saturating_mul(self.tick)..=last.saturating_mul(self.tick);
        let mut hashes = Vec::new();
        for (_, &at) in self.ladders.of(side).ranks.range(ranks) {
            let Some(level) = self.levels.get(at) else { continue };
            let hash = level.hash.unwrap_or_else(|| {
                let orders = self.level_from(level.first).map(Order::open);
                level_hash(side, level.price(), orders, bytes)
            });
            if let Some(level) = self.levels.get_mut(at) {
                level.hash = Some(hash);
            }
            hashes.push(hash);
        }
        let groups = &mut self.ladders.of_mut(side).kept.groups;
        keep(groups, group, Tier::Group, hashes.into_iter(), bytes);
    }
}

impl FastBook {
    /// Returns the part of the book that shows an order that stands, from hashes that are kept. Nothing if the book has
    /// changed since it was hashed, or the order does not stand.
    pub(super) fn extract_kept(&self, order: OrderId) -> Option<Extract> {
        let held = self.orders.get(self.numbers.get(order.get())?)?;
        let sides = [Side::Buy, Side::Sell];
        if sides.iter().any(|side| !self.ladders.of(*side).kept.changed.is_empty()) {
            return None;
        }
        let group = parent(held.rank().checked_div_euclid(self.tick)?);
        let kept = &self.ladders.of(held.side).kept;
        let (first, last) = children(group);
        let ranks = first.saturating_mul(self.tick)..=last.saturating_mul(self.tick);
        let mut levels = Vec::new();
        for &at in self.ladders.of(held.side).ranks.range(ranks).map(|(_, at)| at) {
            let level = self.levels.get(at)?;
            levels.push(match at == held.level {
                true => Node::Shown(self.level_from(level.first).map(Order::open).collect()),
                false => Node::Hidden(level.hash?),
            });
        }
        let (first, last) = children(parent(group));
        let mut shown = Some(Node::Shown(levels));
        let groups = kept.groups.range(first..=last).filter_map(|(at, hash)| match *at == group {
            true => shown.take(),
            false => Some(Node::Hidden(*hash)),
        });
        let mut shown = Some(Node::Shown(groups.collect()));
        let mut regions = Vec::new();
        for side in sides {
            for (at, hash) in &self.ladders.of(side).kept.regions {
                regions.push(match side == held.side && *at == parent(group) {
                    true => shown.take()?,
                    false => Node::Hidden(*hash),
                });
            }
        }
        Some(Extract { tick: self.tick(), regions })
    }
}

/// Keeps the hash of a node, or forgets a node without children.
fn keep(
    nodes: &mut BTreeMap<i64, Hash>,
    node: i64,
    tier: Tier,
    children: impl Iterator<Item = Hash>,
    bytes: &mut Vec<u8>,
) {
    let mut children = children.peekable();
    if children.peek().is_none() {
        nodes.remove(&node);
    } else {
        nodes.insert(node, tier.hash(children, bytes));
    }
}
