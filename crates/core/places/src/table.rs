//! From a number to a place: a hash table whose worst case is a B-tree.
//!
//! A key has one bucket of five, which is one line of memory; a key that finds it full goes to a B-tree. So whoever picks
//! which numbers to keep can make the table no slower than the B-tree, and the hash needs no secret: replicas agree.
//! Nothing iterates over it.

use crate::NIL;
use std::collections::BTreeMap;

/// 2⁶⁴ divided by the golden ratio: multiples of it spread consecutive numbers evenly.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const BUCKET: usize = 5;

/// Places by number.
#[derive(Debug, Clone)]
pub struct Table {
    /// A power of two of them, or none yet.
    buckets: Vec<Bucket>,
    /// The bucket of a key is its hash shifted right by this.
    shift: u32,
    len: usize,
    overflow: BTreeMap<u64, u32>,
}

/// Five keys with their places, [`NIL`] where there is none.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    keys: [u64; BUCKET],
    places: [u32; BUCKET],
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    const EMPTY: Self = Self { keys: [0; BUCKET], places: [NIL; BUCKET] };

    #[inline]
    fn get(&self, key: u64) -> Option<u32> {
        let mut pairs = self.keys.iter().zip(&self.places);
        pairs.find(|&(&found, &place)| found == key && place != NIL).map(|(_, &place)| place)
    }

    fn insert(&mut self, key: u64, place: u32) -> bool {
        let mut pairs = self.keys.iter_mut().zip(&mut self.places);
        let Some((empty_key, empty)) = pairs.find(|(_, place)| **place == NIL) else {
            return false;
        };
        *empty_key = key;
        *empty = place;
        true
    }

    fn remove(&mut self, key: u64) -> Option<u32> {
        let mut pairs = self.keys.iter().zip(&mut self.places);
        let (_, place) = pairs.find(|(found, place)| **found == key && **place != NIL)?;
        Some(std::mem::replace(place, NIL))
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { buckets: Vec::new(), shift: u64::BITS, len: 0, overflow: BTreeMap::new() }
    }
}

impl Table {
    /// Returns how many keys there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no key.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the place of a key.
    #[must_use]
    #[inline]
    pub fn get(&self, key: u64) -> Option<u32> {
        let found = self.buckets.get(self.bucket(key)).and_then(|bucket| bucket.get(key));
        if found.is_none() && !self.overflow.is_empty() {
            return self.overflow.get(&key).copied();
        }
        found
    }

    /// Adds a key that is not in the table.
    pub fn insert(&mut self, key: u64, place: u32) {
        // At most half full: then hardly any of consecutive keys overflow, and of random ones four in a hundred.
        let room = self.buckets.len().saturating_mul(BUCKET);
        if self.len.saturating_mul(2) >= room {
            self.grow();
        }
        self.put(key, place);
        self.len = self.len.saturating_add(1);
    }

    /// Removes a key and returns its place.
    pub fn remove(&mut self, key: u64) -> Option<u32> {
        let bucket = self.bucket(key);
        let mut place = self.buckets.get_mut(bucket).and_then(|bucket| bucket.remove(key));
        if place.is_none() && !self.overflow.is_empty() {
            place = self.overflow.remove(&key);
        }
        if place.is_some() {
            self.len = self.len.saturating_sub(1);
        }
        place
    }

    fn bucket(&self, key: u64) -> usize {
        let hash = key.wrapping_mul(GOLDEN).checked_shr(self.shift).unwrap_or(0);
        usize::try_from(hash).unwrap_or(usize::MAX)
    }

    fn put(&mut self, key: u64, place: u32) {
        let bucket = self.bucket(key);
        if !self.buckets.get_mut(bucket).is_some_and(|bucket| bucket.insert(key, place)) {
            self.overflow.insert(key, place);
        }
    }

    fn grow(&mut self) {
        let count = self.buckets.len().saturating_mul(2).max(1);
        let shift = u64::BITS.saturating_sub(count.trailing_zeros());
        let mut grown = Self { buckets: vec![Bucket::EMPTY; count], shift, ..Self::default() };
        for bucket in &self.buckets {
            for (&key, &place) in bucket.keys.iter().zip(&bucket.places) {
                if place != NIL {
                    grown.put(key, place);
                }
            }
        }
        for (&key, &place) in &self.overflow {
            grown.put(key, place);
        }
        grown.len = self.len;
        *self = grown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_share_a_bucket_are_all_found_and_removed() {
        let mut table = Table::default();
        // The inverse of the multiplier picks keys whose hashes differ in their lowest bits only.
        let inverse = (0..6).fold(GOLDEN, |inverse, _| {
            inverse.wrapping_mul(2_u64.wrapping_sub(GOLDEN.wrapping_mul(inverse)))
        });
        let keys: Vec<u64> = (1..=1_000_u64).map(|hash| hash.wrapping_mul(inverse)).collect();
        for (place, key) in keys.iter().enumerate() {
            assert_eq!(table.get(*key), None);
            table.insert(*key, u32::try_from(place).unwrap());
        }
        assert!(table.overflow.len() > 900, "{} keys in the B-tree", table.overflow.len());
        for (place, key) in keys.iter().enumerate() {
            assert_eq!(table.get(*key), u32::try_from(place).ok());
            assert_eq!(table.remove(*key), u32::try_from(place).ok());
            assert_eq!(table.get(*key), None);
            assert_eq!(table.remove(*key), None);
        }
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn consecutive_keys_hardly_ever_overflow() {
        let mut table = Table::default();
        for key in 0..100_000 {
            table.insert(key, 7);
            if key >= 20_000 {
                assert_eq!(table.remove(key - 20_000), Some(7));
            }
        }
        assert_eq!(table.len(), 20_000);
        assert!(table.overflow.len() < 20, "{} keys in the B-tree", table.overflow.len());
    }
}
