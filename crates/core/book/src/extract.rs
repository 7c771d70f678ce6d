//! A part of a book that shows where it belongs: an order with its level, or all levels if the order is not there.

use crate::digest::{Tier, book_hash, level_hash, parent};
use crate::{BookState, Open};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Hash, OrderId, Side};
use units::Price;

/// Most orders that a part of a book shows.
pub const ORDERS_SHOWN_MAX: usize = 1 << 16;

/// A node of the tree under a book's digest: its hash alone, or what is in it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Node<T> {
    /// What it hashes to.
    Hidden(Hash),
    /// What it consists of.
    Shown(T),
}

/// Orders of one side and price, by block of arrival and number.
type Orders = Vec<Open>;
/// Levels of sixty-four neighbouring ranks, best first.
type Group = Vec<Node<Orders>>;
/// Sixty-four neighbouring groups, best first.
type Region = Vec<Node<Group>>;

/// A book of which only a part is shown. It has the digest of the whole.
///
/// spec 0015-BOOK-021.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Extract {
    /// Prices are multiples of this.
    pub tick: Price,
    /// Regions of bids then of asks, best first.
    pub regions: Vec<Node<Region>>,
}

/// What an extract says of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It stands in the book.
    Standing(Open),
    /// It does not.
    Absent,
    /// It may stand in a part that is not shown.
    Unknown,
}

/// A node and its place among those of its tier and side.
struct Placed<T> {
    side: Side,
    rank: i64,
    hash: Hash,
    node: Node<T>,
}

impl BookState {
    /// Returns the part of the book that shows an order, or the whole of it if the order is not there. Nothing if more
    /// than [`ORDERS_SHOWN_MAX`] orders would have to be shown.
    ///
    /// Cost: the hashes of all levels.
    #[must_use]
    pub fn extract(&self, order: OrderId) -> Option<Extract> {
        let levels = || self.orders.chunk_by(|a, b| (a.side, a.price) == (b.side, b.price));
        let shows = |level: &[Open]| level.iter().any(|open| open.order == order);
        let level = levels().find(|level| shows(level));
        let (stands, shown) = (level.is_some(), level.unwrap_or(&self.orders));
        if shown.len() > ORDERS_SHOWN_MAX {
            return None;
        }
        let mut bytes = Vec::new();
        let levels: Vec<Placed<Orders>> = levels()
            .filter_map(|level| {
                let first = level.first()?;
                let hash = level_hash(first.side, first.price, level.iter().copied(), &mut bytes);
                let node = match !stands || shows(level) {
                    true => Node::Shown(level.to_vec()),
                    false => Node::Hidden(hash),
                };
                let rank = rank(first, self.tick)?;
                Some(Placed { side: first.side, rank, hash, node })
            })
            .collect();
        let regions = nest(nest(levels, Tier::Group, &mut bytes), Tier::Region, &mut bytes);
        let regions = regions.into_iter().map(|region| region.node).collect();
        Some(Extract { tick: self.tick, regions })
    }
}

impl Extract {
    /// Returns the digest of the book that this is a part of; `None` if it is a part of none.
    #[must_use]
    pub fn digest(&self) -> Option<Hash> {
        let mut bytes = Vec::new();
        let mut regions = Vec::with_capacity(self.regions.len());
        for region in &self.regions {
            regions.push(hash_of(region, |region| {
                let groups = region.iter().map(|group| {
                    hash_of(group, |group| {
                        let levels = group
                            .iter()
                            .map(|level| hash_of(level, |level| hash_of_level(level, &mut bytes)));
                        joined(Tier::Group, levels.collect())
                    })
                });
                joined(Tier::Region, groups.collect())
            })?);
        }
        Some(book_hash(self.tick, regions.into_iter()))
    }

    /// Returns what is shown of an order. It holds if the digest is that of the book.
    #[must_use]
    pub fn find(&self, order: OrderId) -> Found {
        let mut all = true;
        let mut shown = Vec::new();
        for region in &self.regions {
            let Node::Shown(groups) = region else {
                all = false;
                continue;
            };
            for group in groups {
                let Node::Shown(levels) = group else {
                    all = false;
                    continue;
                };
                for level in levels {
                    let Node::Shown(orders) = level else {
                        all = false;
                        continue;
                    };
                    shown.extend(orders.iter().find(|open| open.order == order));
                }
            }
        }
        match (shown.first(), all) {
            (Some(open), _) => Found::Standing(*open),
            (None, true) => Found::Absent,
            (None, false) => Found::Unknown,
        }
    }
}

/// Returns the rank of an order's level, in ticks.
fn rank(open: &Open, tick: Price) -> Option<i64> {
    let ticks = i64::try_from(open.price.micros().checked_div_euclid(tick.micros())?).ok()?;
    match open.side {
        Side::Buy => ticks.checked_neg(),
        Side::Sell => Some(ticks),
    }
}

/// Joins neighbours under their parents. A parent is shown if a child of it is.
fn nest<T>(children: Vec<Placed<T>>, tier: Tier, bytes: &mut Vec<u8>) -> Vec<Placed<Vec<Node<T>>>> {
    let mut parents = Vec::new();
    let mut children = children.into_iter().peekable();
    while let Some(first) = children.next() {
        let (side, rank) = (first.side, parent(first.rank));
        let mut hashes = vec![first.hash];
        let mut nodes = vec![first.node];
        let is_sibling = |next: &Placed<T>| (next.side, parent(next.rank)) == (side, rank);
        while let Some(next) = children.next_if(is_sibling) {
            hashes.push(next.hash);
            nodes.push(next.node);
        }
        let hash = tier.hash(hashes.into_iter(), bytes);
        let node = match nodes.iter().any(|node| matches!(node, Node::Shown(_))) {
            true => Node::Shown(nodes),
            false => Node::Hidden(hash),
        };
        parents.push(Placed { side, rank, hash, node });
    }
    parents
}

fn hash_of<T>(node: &Node<T>, shown: impl FnOnce(&T) -> Option<Hash>) -> Option<Hash> {
    match node {
        Node::Hidden(hash) => Some(*hash),
        Node::Shown(held) => shown(held),
    }
}

/// Returns the hash of a level; `None` if its orders are not of one side and price.
fn hash_of_level(orders: &[Open], bytes: &mut Vec<u8>) -> Option<Hash> {
    let first = orders.first()?;
    let alike = |open: &Open| (open.side, open.price) == (first.side, first.price);
    let alike = orders.iter().all(alike);
    alike.then(|| level_hash(first.side, first.price, orders.iter().copied(), bytes))
}

/// Returns the hash of a node of such children; `None` if there are none, or one is none.
fn joined(tier: Tier, children: Option<Vec<Hash>>) -> Option<Hash> {
    let children = children.filter(|children| !children.is_empty())?;
    Some(tier.hash(children.into_iter(), &mut Vec::new()))
}
