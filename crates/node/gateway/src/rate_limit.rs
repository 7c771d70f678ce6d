//! The rate limit of an address: a token bucket of units of work, which time fills.
//!
//! **Invariant:** over any time an address gets no more than what a bucket holds and what time brings; what is asked for
//! beyond that waits its turn, and what would wait too long is refused and takes nothing.

use std::time::{Duration, Instant};

/// Units of work that an address may ask for in a second, and at once.
pub(crate) const UNITS_A_SECOND: u32 = 4_000;
pub(crate) const UNITS_AT_ONCE: u32 = 8_000;
/// Longest that a request is made to wait for its address to have units left.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(2);

/// Units that are left; below zero, what those who wait have been promised.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    left: f64,
    at: Instant,
}

impl TokenBucket {
    /// Returns a bucket from which nothing has been taken.
    pub(crate) fn full(now: Instant) -> Self {
        Self { left: f64::from(UNITS_AT_ONCE), at: now }
    }

    /// Takes units: how long to wait before they are there, or `None` if that is too long.
    pub(crate) fn take(&mut self, units: u32, now: Instant) -> Option<Duration> {
        self.refill(now);
        let left = self.left - f64::from(units);
        let wait = Duration::from_secs_f64((-left).max(0.0) / f64::from(UNITS_A_SECOND));
        if wait > DELAY_MAX {
            return None;
        }
        self.left = left;
        Some(wait)
    }

    /// Whether it holds as much as it can.
    pub(crate) fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left >= f64::from(UNITS_AT_ONCE)
    }

    fn refill(&mut self, now: Instant) {
        let gained =
            now.saturating_duration_since(self.at).as_secs_f64() * f64::from(UNITS_A_SECOND);
        self.left = (self.left + gained).min(f64::from(UNITS_AT_ONCE));
        // Threads read the clock before they come here, and not in the order in which they come.
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_takes_nothing() {
        let now = Instant::now();
        let mut bucket = TokenBucket::full(now);
        let most = UNITS_AT_ONCE + 2 * UNITS_A_SECOND;
        assert_eq!(bucket.take(most + 1, now), None);
        assert!(bucket.is_full(now));
        assert_eq!(bucket.take(most, now), Some(DELAY_MAX));
        assert_eq!(bucket.take(1, now), None);
    }

    #[test]
    fn those_who_wait_are_served_one_after_the_other() {
        let now = Instant::now();
        let mut bucket = TokenBucket::full(now);
        assert_eq!(bucket.take(UNITS_AT_ONCE, now), Some(Duration::ZERO));
        let waits = [(); 3].map(|()| bucket.take(UNITS_A_SECOND / 2, now));
        assert_eq!(waits, [500, 1_000, 1_500].map(|millis| Some(Duration::from_millis(millis))));
    }

    #[test]
    fn time_fills_it_up_to_what_it_holds_and_never_takes() {
        let now = Instant::now();
        let mut bucket = TokenBucket::full(now);
        assert_eq!(bucket.take(UNITS_AT_ONCE, now), Some(Duration::ZERO));
        assert!(!bucket.is_full(now + Duration::from_millis(1_999)));
        assert!(bucket.is_full(now + Duration::from_secs(2)));
        let later = now + Duration::from_secs(3_600);
        assert!(bucket.is_full(later));
        assert_eq!(bucket.take(UNITS_AT_ONCE, later), Some(Duration::ZERO));
        // Whoever has read the clock earlier, and comes later, does not make that time count twice.
        assert_eq!(bucket.take(UNITS_A_SECOND, now), Some(Duration::from_secs(1)));
        assert!(!bucket.is_full(later));
    }
}
