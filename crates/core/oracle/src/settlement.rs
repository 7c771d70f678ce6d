//! The price at which dated contracts settle: the average of the index over the last half hour.
//!
//! **Invariant:** the price lies between the smallest and the largest index that held in the window, and what has been
//! averaged never changes again.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{ArithmeticError, BlockSpan, BlockTime, Num, Ppm, Price, Round, limits};

/// Accumulates the index over the window before one expiry of one underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SettlementAverage {
    expires_at: BlockTime,
    window: BlockSpan,
    /// Micro-dollars × milliseconds accumulated inside the window.
    area: i128,
    /// The index that holds, and from when; `None` until the first.
    held: Option<(Price, BlockTime)>,
}

/// How much of a settlement price is already fixed: `fixed + (index still to come) · remaining / window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementWindow {
    /// The part of the settlement price that is averaged: ∫ index dt / window.
    pub fixed: Price,
    /// Time of the window that is still to come; all of it before the window opens, zero from expiry on.
    pub remaining: BlockSpan,
    /// Length of the window.
    pub window: BlockSpan,
}

impl SettlementWindow {
    /// Returns the share of the window still to come, in parts per million, rounded up.
    ///
    /// # Errors
    ///
    /// [`Fault`] never, for windows that [`SettlementAverage`] returns.
    pub fn weight(&self) -> Result<Ppm, Fault> {
        self.remaining
            .number()
            .mul_div(Num::new(limits::PPM_ONE), self.window.number(), Round::Up)
            .map(Ppm::from_number)
            .map_err(Fault::at("oracle: settlement weight"))
    }
}

impl SettlementAverage {
    /// The window of the design: half an hour.
    pub const WINDOW: BlockSpan = BlockSpan::from_millis(1_800_000);

    /// Returns an empty average over a window that ends at `expires_at`; below one millisecond counts as one.
    pub fn new(expires_at: BlockTime, window: BlockSpan) -> Self {
        let window = window.greater(BlockSpan::from_millis(1));
        Self { expires_at, window, area: 0, held: None }
    }

    /// Records the index that holds from `now` on. A first index inside the window stands for the part before it, too.
    ///
    /// A time before the last one counts as the last one. What comes after expiry changes nothing.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time or the area is outside the limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-018.
    pub fn record(&mut self, index: Price, now: BlockTime) -> Result<(), Fault> {
        let at = || Fault::at("oracle: settlement average");
        let (area, at_) = self.accumulated(index, now).map_err(at())?;
        self.area = area;
        self.held = Some((index, at_));
        Ok(())
    }

    /// Returns what is fixed of the settlement price at `now`, in the index that held until then; `None` before the first.
    ///
    /// Rounding: down.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time or the area is outside the limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-018.
    pub fn window(&self, now: BlockTime) -> Result<Option<SettlementWindow>, Fault> {
        let Some((index, _)) = self.held else { return Ok(None) };
        let shape = || -> Result<SettlementWindow, ArithmeticError> {
            let (area, at) = self.accumulated(index, now)?;
            let left = self.expires_at.since(at.lesser(self.expires_at))?;
            let fixed = Num::new(area).mul_div(Num::new(1), self.window.number(), Round::Down)?;
            Ok(SettlementWindow {
                fixed: Price::from_number(fixed),
                remaining: left.lesser(self.window),
                window: self.window,
            })
        };
        shape().map(Some).map_err(Fault::at("oracle: settlement window"))
    }

    /// Returns the settlement price once `now` has reached expiry; `None` before, or if there never was an index.
    ///
    /// Rounding: down.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time or the area is outside the limits.
    pub fn settled(&self, now: BlockTime) -> Result<Option<Price>, Fault> {
        let window = self.window(now)?;
        Ok(window.filter(|_| now >= self.expires_at).map(|window| window.fixed))
    }

    /// Returns when the contracts expire.
    pub const fn expires_at(&self) -> BlockTime {
        self.expires_at
    }

    /// Returns the area under the index inside the window until `now`, and `now` or the last time if that is later.
    /// `first` stands for the time before the first index.
    fn accumulated(
        &self,
        first: Price,
        now: BlockTime,
    ) -> Result<(i128, BlockTime), ArithmeticError> {
        let opens_at =
            BlockTime::from_number(self.expires_at.number().minus(self.window.number())?);
        let (index, since) = self.held.unwrap_or((first, opens_at.lesser(now)));
        let now = now.greater(since);
        let from = since.greater(opens_at);
        let until = now.lesser(self.expires_at).greater(from);
        let inside = until.since(from)?;
        let more = index.number().times(inside.number())?;
        Ok((Num::new(self.area).plus(more)?.raw(), now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRY: i128 = 1_700_000_000_000;

    fn at(seconds: i128) -> BlockTime {
        BlockTime::from_millis(EXPIRY + seconds * 1_000)
    }

    fn dollars(dollars: i128) -> Price {
        Price::from_micros(dollars * 1_000_000)
    }

    fn average() -> SettlementAverage {
        SettlementAverage::new(at(0), SettlementAverage::WINDOW)
    }

    /// 0017-ORAC-018.
    #[test]
    fn before_the_window_nothing_is_fixed_and_after_it_everything() {
        let mut average = average();
        assert_eq!(average.window(at(-3_600)), Ok(None));
        average.record(dollars(100), at(-3_600)).unwrap();
        let window = average.window(at(-1_800)).unwrap().unwrap();
        assert_eq!((window.fixed, window.weight()), (Price::ZERO, Ok(Ppm::from_parts(1_000_000))));
        average.record(dollars(200), at(-900)).unwrap();
        let window = average.window(at(-900)).unwrap().unwrap();
        assert_eq!((window.fixed, window.weight()), (dollars(50), Ok(Ppm::from_parts(500_000))));
        assert_eq!(average.settled(at(-1)), Ok(None));
        average.record(dollars(9_999), at(5)).unwrap();
        let window = average.window(at(60)).unwrap().unwrap();
        assert_eq!((window.fixed, window.weight()), (dollars(150), Ok(Ppm::ZERO)));
        assert_eq!(average.settled(at(0)), Ok(Some(dollars(150))));
    }

    #[test]
    fn a_first_index_inside_the_window_stands_for_what_came_before() {
        let mut average = average();
        average.record(dollars(100), at(-600)).unwrap();
        assert_eq!(average.settled(at(0)), Ok(Some(dollars(100))));
        let mut late = self::average();
        late.record(dollars(100), at(30)).unwrap();
        assert_eq!(late.settled(at(30)), Ok(Some(dollars(100))));
    }

    #[test]
    fn vega_perp_027_settles_as_its_period_averages() {
        // Vega protocol specs at 5fea1f3e, 0053-PERP-027, external: price before the period, then minute and new price.
        let mut average = SettlementAverage::new(at(0), BlockSpan::from_millis(600_000));
        for (minute, price) in [(-1, 11), (1, 9), (3, 10), (5, 12), (6, 11), (7, 8), (9, 14)] {
            average.record(dollars(price), at((minute - 10) * 60)).unwrap();
        }
        assert_eq!(average.settled(at(0)), Ok(Some(Price::from_micros(10_200_000))));
    }

    mod properties {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            /// The parts fixed in any two blocks add up: pricing inside the window is continuous, and no block rewrites
            /// what another has averaged.
            #[test]
            fn prop_what_is_fixed_is_the_integral_so_far(
                steps in prop::collection::vec((0i128..900, 1i128..1_000_000), 1..60),
            ) {
                let mut average = average();
                let (mut now, mut history) = (-2_700, Vec::new());
                for (step, price) in steps {
                    now += step;
                    average.record(Price::from_micros(price), at(now)).unwrap();
                    history.push((now, price));
                    let first = history[0].1;
                    let held = |t: i128| {
                        history.iter().rev().find(|(at, _)| *at <= t).map_or(first, |(_, p)| *p)
                    };
                    let until = now.min(0);
                    let area: i128 = (-1_800..until).map(held).sum();
                    let window = average.window(at(now)).unwrap().unwrap();
                    prop_assert_eq!(window.fixed, Price::from_micros(area.div_euclid(1_800)));
                    let left = (-until).min(1_800) * 1_000;
                    prop_assert_eq!(window.remaining, BlockSpan::from_millis(left));
                }
            }
        }
    }
}
