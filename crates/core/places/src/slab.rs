//! Storage that hands out numbers: a freed place is used again before a new one is made.

/// No place.
pub const NIL: u32 = u32::MAX;

/// Values by place.
#[derive(Debug, Clone)]
pub struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Stores a value and returns its place, [`NIL`] if there are no more places.
    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(place) = self.free.pop() {
            if let Some(empty) = self.places.get_mut(index(place)) {
                *empty = Some(value);
            }
            return place;
        }
        let place = u32::try_from(self.places.len()).unwrap_or(NIL);
        if place != NIL {
            self.places.push(Some(value));
        }
        place
    }

    /// Takes a value out and frees its place.
    pub fn remove(&mut self, place: u32) -> Option<T> {
        let value = self.places.get_mut(index(place))?.take()?;
        self.free.push(place);
        Some(value)
    }

    /// Returns how many values are stored.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len().saturating_sub(self.free.len())
    }

    /// Returns whether nothing is stored.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the values in the order of their places, which says nothing about them.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten()
    }

    /// Returns the value at a place.
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&T> {
        self.places.get(index(place))?.as_ref()
    }

    /// Returns the value at a place, to change it.
    pub fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.places.get_mut(index(place))?.as_mut()
    }
}

/// Returns a place as an index; where it does not fit there is no such place either.
#[must_use]
pub fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
