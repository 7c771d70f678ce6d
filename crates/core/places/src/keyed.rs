//! Values by number: a table over a slab.

use crate::{NIL, Slab, Table};

/// Values by number, for numbers whose sequence says nothing.
#[derive(Debug, Clone)]
pub struct Keyed<T> {
    places: Table,
    values: Slab<T>,
}

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self { places: Table::default(), values: Slab::default() }
    }
}

impl<T> Keyed<T> {
    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: u64) -> Option<&T> {
        self.values.get(self.places.get(key)?)
    }

    /// Returns the value of a key, to change it.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.values.get_mut(self.places.get(key)?)
    }

    /// Sets the value of a key; returns whether there was a place for it, as there is for fewer than 2³² of them.
    pub fn set(&mut self, key: u64, value: T) -> bool {
        if let Some(held) = self.get_mut(key) {
            *held = value;
            return true;
        }
        let place = self.values.insert(value);
        if place != NIL {
            self.places.insert(key, place);
        }
        place != NIL
    }

    /// Removes the value of a key.
    pub fn remove(&mut self, key: u64) -> Option<T> {
        self.values.remove(self.places.remove(key)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_set_found_replaced_and_removed() {
        let mut keyed = Keyed::default();
        assert!((0..1_000).all(|key| keyed.set(key, key + 1)));
        assert!((0..1_000).step_by(2).all(|key| keyed.set(key, key + 7)));
        for key in 0..1_000 {
            let value = if key % 2 == 0 { key + 7 } else { key + 1 };
            assert_eq!(keyed.get(key), Some(&value));
            assert_eq!(keyed.remove(key), Some(value));
            assert!(keyed.get(key).is_none() && keyed.remove(key).is_none());
        }
    }
}
