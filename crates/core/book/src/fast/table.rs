//! From a number to a place: a hash table whose worst case is a B-tree.
//!
//! A key has one bucket of eight; a key that finds it full goes to a B-tree. So whoever picks which numbers to keep can
//! make the table no slower than the B-tree, and the hash needs no secret: replicas agree. Nothing iterates over it.

use super::slab::NIL;
use std::collections::BTreeMap;

/// 2⁶⁴ divided by the golden ratio: multiples of it spread consecutive numbers evenly.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const BUCKET: usize = 8;
const BITS_MIN: u32 = 3;

/// Places by number.
#[derive(Debug, Clone)]
pub(super) struct Table {
    buckets: Vec<Bucket>,
    /// The bucket of a key is its hash shifted right by this.
    shift: u32,
    len: usize,
    overflow: BTreeMap<u64, u32>,
}

/// Eight keys with their places, [`NIL`] where there is none.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    keys: [u64; BUCKET],
    places: [u32; BUCKET],
}

impl Bucket {
    const EMPTY: Self = Self { keys: [0; BUCKET], places: [NIL; BUCKET] };

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
        Self::of_bits(BITS_MIN)
    }
}

impl Table {
    /// Returns an empty table of 2^bits buckets.
    fn of_bits(bits: u32) -> Self {
        let buckets = vec![Bucket::EMPTY; 1_usize.checked_shl(bits).unwrap_or(1)];
        let shift = u64::BITS.saturating_sub(bits);
        Self { buckets, shift, len: 0, overflow: BTreeMap::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, key: u64) -> Option<u32> {
        let found = self.buckets.get(self.bucket(key)).and_then(|bucket| bucket.get(key));
        if found.is_none() && !self.overflow.is_empty() {
            return self.overflow.get(&key).copied();
        }
        found
    }

    /// Adds a key that is not in the table.
    pub(super) fn insert(&mut self, key: u64, place: u32) {
        // At most half full: a bucket of eight then overflows for about one key in a thousand if keys were random,
        // and hardly ever for consecutive ones.
        let room = self.buckets.len().saturating_mul(BUCKET);
        if self.len.saturating_mul(2) >= room {
            self.grow();
        }
        self.put(key, place);
        self.len = self.len.saturating_add(1);
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<u32> {
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
        let bits = u64::BITS.saturating_sub(self.shift).saturating_add(1);
        let mut grown = Self::of_bits(bits);
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
