//! What a book's digest is made of: levels, groups of levels, regions of groups.
//!
//! A level's rank is its price in ticks, negated for bids, so that the best is the lowest. Sixty-four ranks are a group,
//! sixty-four groups a region. Where a level belongs depends on nothing but its price, so a book that keeps the hashes
//! of what has not changed finds the same digest as one that starts afresh.

use crate::Open;
use protocol::{Hash, Side, TimeInForce};
use units::Price;

/// Children of a group or region: two to this power.
const FAN_OUT_BITS: u32 = 6;

/// A level above the levels of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Sixty-four ranks.
    Group,
    /// Sixty-four groups.
    Region,
}

impl Tier {
    /// Returns the hash of a node from those of its children, best first.
    pub(crate) fn hash(self, children: impl Iterator<Item = Hash>, bytes: &mut Vec<u8>) -> Hash {
        bytes.clear();
        children.for_each(|child| bytes.extend(child.bytes()));
        match self {
            Self::Group => Hash::of("novation book group", bytes),
            Self::Region => Hash::of("novation book region", bytes),
        }
    }
}

/// Returns the number of the node that a child belongs to.
pub(crate) const fn parent(child: i64) -> i64 {
    child >> FAN_OUT_BITS
}

/// Returns the first and the last child that a node may have.
pub(crate) const fn children(node: i64) -> (i64, i64) {
    let first = node.saturating_mul(1 << FAN_OUT_BITS);
    (first, first.saturating_add((1 << FAN_OUT_BITS) - 1))
}

/// Returns the hash of one level: its side, its price and its orders by block of arrival and number.
pub(crate) fn level_hash(
    side: Side,
    price: Price,
    orders: impl Iterator<Item = Open>,
    bytes: &mut Vec<u8>,
) -> Hash {
    // 0015-BOOK-018. Every number has a fixed width, so no two levels share their bytes.
    bytes.clear();
    bytes.push(match side {
        Side::Buy => 0,
        Side::Sell => 1,
    });
    bytes.extend(word(price.micros()));
    for open in orders {
        bytes.extend(open.order.get().to_le_bytes());
        bytes.extend(open.account.get().to_le_bytes());
        bytes.extend(word(open.lots.count()));
        bytes.extend(word(open.arrived.blocks()));
        bytes.push(match open.time_in_force {
            TimeInForce::GoodTillCancelled => 0,
            TimeInForce::ImmediateOrCancel => 1,
            TimeInForce::PostOnly => 2,
        });
    }
    Hash::of("novation book level", bytes)
}

/// Returns the hash of a book from those of its regions: bids then asks, best first.
pub(crate) fn book_hash(tick: Price, regions: impl Iterator<Item = Hash>) -> Hash {
    let mut bytes = word(tick.micros()).to_vec();
    regions.for_each(|region| bytes.extend(region.bytes()));
    Hash::of("novation book", &bytes)
}

/// Returns the eight bytes of a number inside the limits of its unit, all of which fit.
fn word(value: i128) -> [u8; 8] {
    i64::try_from(value).unwrap_or(i64::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_is_a_child_of_its_parent_alone() {
        for rank in [i64::MIN >> 8, -65, -64, -1, 0, 1, 63, 64, 1 << 50] {
            let (first, last) = children(parent(rank));
            assert!(first <= rank && rank <= last);
            assert_eq!((parent(first), parent(last)), (parent(rank), parent(rank)));
            assert_eq!(children(parent(rank) + 1).0, last + 1);
        }
    }
}
