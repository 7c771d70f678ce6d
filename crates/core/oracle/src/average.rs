//! The average of a value over a sliding window of time, in bounded memory.
//!
//! A value holds from when it is recorded until the next one. The window is cut into buckets; only the area under the
//! value in each is kept. **Invariant:** the average lies between the smallest and largest value that held in the
//! window or its oldest, partly covered bucket, whose own average stands for each of its parts (0017-ORAC-019).

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use std::collections::VecDeque;
use units::{ArithmeticError, BlockSpan, BlockTime, Num, Round};

/// A time-weighted average over the last so many buckets.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct WindowAverage {
    bucket: BlockSpan,
    buckets: u8,
    /// Areas of complete buckets, oldest first: value × milliseconds.
    closed: VecDeque<i128>,
    /// The bucket under way; `None` until the first value.
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Open {
    since: BlockTime,
    /// Area from `since` to `at`.
    area: i128,
    /// The value that holds from `at`.
    value: i128,
    at: BlockTime,
}

impl WindowAverage {
    /// Returns an empty average over `buckets` buckets of a length each; a length below one millisecond counts as one.
    pub(crate) fn new(bucket: BlockSpan, buckets: u8) -> Self {
        let bucket = bucket.greater(BlockSpan::from_millis(1));
        Self { bucket, buckets: buckets.max(1), closed: VecDeque::new(), open: None }
    }

    /// Records a value, in any unit, that holds from `now` on. A time before the last one counts as the last one.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an area does not fit in 128 bits.
    pub(crate) fn record(&mut self, value: i128, now: BlockTime) -> Result<(), Fault> {
        match self.open {
            Some(_) => {
                self.advance(now).map_err(Fault::at("oracle: window average"))?;
                if let Some(open) = &mut self.open {
                    open.value = value;
                }
            }
            None => self.open = Some(Open { since: now, area: 0, value, at: now }),
        }
        Ok(())
    }

    /// Returns the average over the window that ends at `now`, or over the time since the first value if that is shorter;
    /// the value itself if no time has passed. `None` before the first value.
    ///
    /// Rounding: down. Cost: O(buckets).
    ///
    /// # Errors
    ///
    /// [`Fault`] if an area does not fit in 128 bits.
    pub(crate) fn average(&self, now: BlockTime) -> Result<Option<i128>, Fault> {
        let mut at_now = self.clone();
        at_now
            .advance(now)
            .and_then(|()| at_now.average_advanced())
            .map_err(Fault::at("oracle: window average"))
    }

    fn average_advanced(&self) -> Result<Option<i128>, ArithmeticError> {
        let Some(open) = self.open else { return Ok(None) };
        let begun = open.at.since(open.since)?.number();
        let (mut area, mut span) = (Num::new(open.area), begun);
        let is_full = self.closed.len() >= usize::from(self.buckets);
        for (index, closed) in self.closed.iter().enumerate() {
            let (mut part, mut length) = (Num::new(*closed), self.bucket.number());
            if index == 0 && is_full {
                // As much of the oldest bucket has left the window as has begun of the open one.
                let kept = length.minus(begun)?;
                part = part.mul_div(kept, length, Round::Down)?;
                length = kept;
            }
            area = area.plus(part)?;
            span = span.plus(length)?;
        }
        if span <= Num::new(0) {
            return Ok(Some(open.value));
        }
        area.mul_div(Num::new(1), span, Round::Down).map(|average| Some(average.raw()))
    }

    /// Lets the value that holds fill the time until `now`.
    fn advance(&mut self, now: BlockTime) -> Result<(), ArithmeticError> {
        let Some(mut open) = self.open else { return Ok(()) };
        let now = now.greater(open.at);
        let whole = open.value_area(self.bucket)?;
        for _ in 0..self.buckets {
            let end = open.since.after(self.bucket)?;
            if now < end {
                break;
            }
            let area = open.area_until(end)?;
            self.close(area);
            open = Open { since: end, area: 0, value: open.value, at: end };
        }
        // A longer gap has filled every bucket with the same value; only the place in the last one remains to be found.
        let behind = now.since(open.since)?.number();
        let skipped = behind.mul_div(Num::new(1), self.bucket.number(), Round::Down)?;
        if skipped > Num::new(0) {
            self.closed.iter_mut().for_each(|area| *area = whole);
            let since = skipped.times(self.bucket.number())?;
            open.since = open.since.after(BlockSpan::from_number(since))?;
            open.at = open.since;
        }
        open.area = open.area_until(now)?;
        open.at = now;
        self.open = Some(open);
        Ok(())
    }

    fn close(&mut self, area: i128) {
        if self.closed.len() >= usize::from(self.buckets) {
            self.closed.pop_front();
        }
        self.closed.push_back(area);
    }
}

impl Open {
    fn value_area(&self, span: BlockSpan) -> Result<i128, ArithmeticError> {
        Num::new(self.value).times(span.number()).map(Num::raw)
    }

    fn area_until(&self, end: BlockTime) -> Result<i128, ArithmeticError> {
        let more = Num::new(self.value_area(end.since(self.at)?)?);
        Num::new(self.area).plus(more).map(Num::raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i128) -> BlockTime {
        BlockTime::from_millis(1_700_000_000_000 + millis)
    }

    /// 0017-ORAC-019.
    #[test]
    fn a_value_holds_until_the_next_one() {
        let mut average = WindowAverage::new(BlockSpan::from_millis(10), 3);
        assert_eq!(average.average(at(5)), Ok(None));
        average.record(100, at(0)).unwrap();
        assert_eq!(average.average(at(0)), Ok(Some(100)));
        average.record(200, at(5)).unwrap();
        assert_eq!(average.average(at(10)), Ok(Some(150)));
        assert_eq!(average.average(at(15)), Ok(Some(166)));
        // The window is 30: from 10 to 40 only 200 held. At 35 half of the first bucket's average remains.
        assert_eq!(average.average(at(40)), Ok(Some(200)));
        assert_eq!(average.average(at(35)), Ok(Some((150 * 5 + 200 * 25) / 30)));
    }

    #[test]
    fn a_gap_of_any_length_is_filled_with_the_last_value() {
        let mut average = WindowAverage::new(BlockSpan::from_millis(10), 3);
        average.record(100, at(0)).unwrap();
        average.record(-7, at(25)).unwrap();
        for gap in [60, 65, 1_000_003, 40_000_000_000] {
            assert_eq!(average.average(at(gap)), Ok(Some(-7)), "{gap}");
        }
    }

    #[test]
    fn vega_perp_027_a_period_of_ten_minutes() {
        // vega-perp-twap-027, Vega protocol specs at 5fea1f3e, 0053-PERP-027: the price before the period, then minute and new price.
        let internal = [(0, 10), (1, 11), (3, 10), (5, 9), (7, 8), (9, 7)];
        let external = [(0, 11), (1, 9), (3, 10), (5, 12), (6, 11), (7, 8), (9, 14)];
        for (updates, expected) in [(&internal[..], 9_300_000), (&external, 10_200_000)] {
            let mut average = WindowAverage::new(BlockSpan::from_millis(60_000), 10);
            for (minute, dollars) in updates {
                average.record(dollars * 1_000_000, at(minute * 60_000)).unwrap();
            }
            assert_eq!(average.average(at(600_000)), Ok(Some(expected)));
        }
    }

    mod properties {
        use super::*;
        use proptest::prelude::*;

        /// Returns the average over the window's whole buckets, one millisecond at a time.
        fn model(history: &[(i128, i128)], from: i128, until: i128) -> i128 {
            let held = |millis| history.iter().rev().find(|(at, _)| *at <= millis).unwrap().1;
            (from..until).map(held).sum::<i128>().div_euclid(until - from)
        }

        proptest! {
            #[test]
            fn prop_the_average_is_the_slow_one_at_the_ends_of_buckets(
                steps in prop::collection::vec((0i128..70, -1_000i128..1_000), 1..40),
                bucket in 1i128..12,
                buckets in 1u8..6,
            ) {
                let mut average = WindowAverage::new(BlockSpan::from_millis(bucket), buckets);
                let (mut now, mut history) = (0, Vec::new());
                for (index, (step, value)) in steps.into_iter().enumerate() {
                    now += if index == 0 { 0 } else { step };
                    average.record(value, at(now)).unwrap();
                    history.push((now, value));
                    let end = (now / bucket + 1) * bucket;
                    let from = (end - bucket * i128::from(buckets)).max(0);
                    let found = average.average(at(end)).unwrap();
                    prop_assert_eq!(found, Some(model(&history, from, end)));
                }
            }

            #[test]
            fn prop_the_average_lies_within_what_held(
                steps in prop::collection::vec((0i128..70, -1_000i128..1_000), 1..40),
                ahead in 0i128..100,
            ) {
                let mut average = WindowAverage::new(BlockSpan::from_millis(7), 4);
                let mut now = 0;
                for (step, value) in &steps {
                    now += step;
                    average.record(*value, at(now)).unwrap();
                }
                let found = average.average(at(now + ahead)).unwrap().unwrap();
                let values = steps.iter().map(|(_, value)| *value);
                prop_assert!(values.clone().min().unwrap() <= found);
                prop_assert!(found <= values.max().unwrap());
            }
        }
    }
}
