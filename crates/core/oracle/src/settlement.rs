//! The price at which dated contracts settle: the average of the index over half an hour of fresh prices.
//!
//! A price counts while it is fresh; time without a fresh price is a gap and counts for nothing. If the gaps are more than a
//! part of the window, the average goes on after expiry until enough of it is covered.
//!
//! **Invariant:** the price lies between the smallest and the largest fresh index of the time that counts, and what has
//! been averaged never changes again: whoever is silent moves what is still to come to a later time, and nothing else.
//!
//! Deviation from windows that slide: one that slides would give back what it has averaged, so whoever can be silent could
//! throw away an average that goes against it, after margin has let go of what was fixed.

use crate::Parameters;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{ArithmeticError, BlockSpan, BlockTime, Num, Ppm, Price, Round, limits};

/// What a block has shown of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The block has set it, from what it found itself: it is fresh from now on.
    Fresh(Price),
    /// The block has not set it: the last one stays as fresh as it is.
    Unseen,
    /// It is not what the sources show: held back, diverged or frozen. Nothing is fresh.
    Doubtful,
}

/// A fresh index: from when, and until when at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Held {
    price: Price,
    from: BlockTime,
    until: BlockTime,
}

/// Accumulates the index over the window before one expiry of one underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SettlementAverage {
    expires_at: BlockTime,
    window: BlockSpan,
    /// Micro-dollars × milliseconds of the time covered.
    area: i128,
    /// Time of the window, and after it, that a fresh index has covered.
    covered: BlockSpan,
    /// The index that is fresh; `None` in a gap.
    held: Option<Held>,
    /// How much of the window must be covered.
    needed: BlockSpan,
    /// What governance has put in the place of all that was still to come.
    given: Option<Price>,
}

/// How much of a settlement price is already fixed: `fixed + (index still to come) · remaining / window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementWindow {
    /// The part of the settlement price that is averaged.
    pub fixed: Price,
    /// The part of the window that is still to come, of all that will count: the whole window before it opens, zero once
    /// the price is known. As time it runs as the clock does, but for gaps.
    pub remaining: BlockSpan,
    /// Length of the window.
    pub window: BlockSpan,
}

impl SettlementWindow {
    /// Returns the share of the price still to come, in parts per million, rounded up.
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
        let covered = BlockSpan::ZERO;
        Self { expires_at, window, area: 0, covered, held: None, needed: window, given: None }
    }

    /// Records what a block has shown of the index. A fresh one counts from `now` for at most
    /// [`Parameters::stale_after`], or until the next block that shows another or doubts it.
    ///
    /// What comes once the price is known changes nothing.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time or the area is outside the limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-018.
    pub fn record(
        &mut self,
        sight: Sight,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<(), Fault> {
        let at = || Fault::at("oracle: settlement average");
        let (area, covered) = self.accumulated(now).map_err(at())?;
        let held = match (sight, self.held) {
            (Sight::Fresh(price), _) => {
                Some(Held { price, from: now, until: now.after(params.stale_after).map_err(at())? })
            }
            // What has been counted is not counted again.
            (Sight::Unseen, Some(held)) => Some(Held { from: held.from.greater(now), ..held }),
            (Sight::Unseen, None) | (Sight::Doubtful, _) => None,
        };
        (self.area, self.covered, self.held) = (area.raw(), covered, held);
        if now < self.expires_at || covered < self.needed {
            self.needed = self.needed_by(params).map_err(at())?;
        }
        Ok(())
    }

    /// Puts a price in the place of all that is still to come; what is averaged stays.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time or the area is outside the limits.
    ///
    /// # Source
    ///
    /// spec 0013-CLEAR-013.
    pub fn give(&mut self, price: Price, now: BlockTime, params: &Parameters) -> Result<(), Fault> {
        self.record(Sight::Doubtful, now, params)?;
        self.given = Some(price);
        Ok(())
    }

    /// Returns what is fixed of the settlement price at `now`, in the index that was fresh until then.
    ///
    /// Rounding: what is fixed down, what is to come up.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time or the area is outside the limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-018.
    pub fn window(&self, now: BlockTime) -> Result<SettlementWindow, Fault> {
        let shape = || -> Result<SettlementWindow, ArithmeticError> {
            let (mut area, covered) = self.accumulated(now)?;
            let still = self.still_to_come(covered, now)?;
            let all = covered.plus(still)?;
            let mut remaining =
                still.number().mul_div(self.window.number(), all.number(), Round::Up)?;
            if let Some(price) = self.given {
                area = area.plus(price.number().times(still.number())?)?;
                remaining = Num::new(0);
            }
            Ok(SettlementWindow {
                fixed: Price::from_number(area.mul_div(Num::new(1), all.number(), Round::Down)?),
                remaining: BlockSpan::from_number(remaining),
                window: self.window,
            })
        };
        shape().map_err(Fault::at("oracle: settlement window"))
    }

    /// Returns the settlement price once `now` has reached expiry and enough of the window is covered; `None` before.
    ///
    /// Rounding: down.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time or the area is outside the limits.
    pub fn settled(&self, now: BlockTime) -> Result<Option<Price>, Fault> {
        let window = self.window(now)?;
        let is_known = now >= self.expires_at && window.remaining == BlockSpan::ZERO;
        Ok(is_known.then_some(window.fixed))
    }

    /// Returns when the contracts expire.
    pub const fn expires_at(&self) -> BlockTime {
        self.expires_at
    }

    fn opens_at(&self) -> Result<BlockTime, ArithmeticError> {
        self.expires_at.number().minus(self.window.number()).map(BlockTime::from_number)
    }

    /// Returns how much of the window must be covered: all but the part that may be gaps, and never nothing.
    fn needed_by(&self, params: &Parameters) -> Result<BlockSpan, ArithmeticError> {
        let whole = Num::new(limits::PPM_ONE);
        let gaps = params.settlement_gaps.number();
        let part = whole.minus(gaps)?;
        let needed = self.window.number().mul_div(part, whole, Round::Up)?;
        let least = BlockSpan::from_millis(1);
        Ok(BlockSpan::from_number(needed).greater(least).lesser(self.window))
    }

    /// Returns the time still to come that will count: all that is left of the window, or what is missing if that is more.
    fn still_to_come(
        &self,
        covered: BlockSpan,
        now: BlockTime,
    ) -> Result<BlockSpan, ArithmeticError> {
        let from = now.greater(self.opens_at()?);
        let left = self.expires_at.since(from.lesser(self.expires_at))?;
        let missing = self.needed.minus(covered)?;
        Ok(left.greater(missing))
    }

    /// Returns area and time covered until `now`: inside the window all that is fresh, after it as much as is missing.
    fn accumulated(&self, now: BlockTime) -> Result<(Num, BlockSpan), ArithmeticError> {
        let (area, covered) = (Num::new(self.area), self.covered);
        let (Some(held), None) = (self.held, self.given) else { return Ok((area, covered)) };
        let until = now.lesser(held.until);
        let opens = held.from.greater(self.opens_at()?);
        let inside = time_between(opens, until.lesser(self.expires_at))?;
        let covered = covered.plus(inside)?;
        let missing = self.needed.minus(covered)?.greater(BlockSpan::ZERO);
        let after = time_between(held.from.greater(self.expires_at), until)?.lesser(missing);
        let more = held.price.number().times(inside.plus(after)?.number())?;
        Ok((area.plus(more)?, covered.plus(after)?))
    }
}

/// Returns the time from one time to another; none if that is earlier.
fn time_between(from: BlockTime, until: BlockTime) -> Result<BlockSpan, ArithmeticError> {
    until.since(from).map(|span| span.greater(BlockSpan::ZERO))
}

/// Returns the lowest and the highest price that may be put in the place of what a settlement still waits for: the index less and
/// more a part of it, which is rounded down.
///
/// # Errors
///
/// [`Fault`] if a price leaves its limits.
///
/// # Source
///
/// spec 0013-CLEAR-013.
pub fn settlement_range(index: Price, band: Ppm) -> Result<(Price, Price), Fault> {
    let reach = index.scaled(band, Round::Down);
    let range = reach.and_then(|reach| Ok((index.minus(reach)?, index.plus(reach)?)));
    range.map_err(Fault::at("price of a settlement"))
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

    /// Prices that are fresh for so many seconds.
    fn fresh_for(seconds: i128) -> Parameters {
        let stale_after = BlockSpan::from_millis(seconds * 1_000);
        Parameters { stale_after, ..Parameters::default() }
    }

    fn fresh(average: &mut SettlementAverage, price: i128, seconds: i128, params: &Parameters) {
        average.record(Sight::Fresh(dollars(price)), at(seconds), params).unwrap();
    }

    /// 0017-ORAC-018.
    #[test]
    fn before_the_window_nothing_is_fixed_and_after_it_everything() {
        let (mut average, params) = (average(), fresh_for(7_200));
        fresh(&mut average, 100, -3_600, &params);
        let window = average.window(at(-1_800)).unwrap();
        assert_eq!((window.fixed, window.weight()), (Price::ZERO, Ok(Ppm::from_parts(1_000_000))));
        fresh(&mut average, 200, -900, &params);
        let window = average.window(at(-900)).unwrap();
        assert_eq!((window.fixed, window.weight()), (dollars(50), Ok(Ppm::from_parts(500_000))));
        assert_eq!(average.settled(at(-1)), Ok(None));
        fresh(&mut average, 9_999, 5, &params);
        let window = average.window(at(60)).unwrap();
        assert_eq!((window.fixed, window.weight()), (dollars(150), Ok(Ppm::ZERO)));
        assert_eq!(average.settled(at(0)), Ok(Some(dollars(150))));
    }

    /// 0017-ORAC-018: gaps of a tenth count for nothing, and a second more asks for a second after expiry.
    #[test]
    fn a_tenth_of_the_window_may_be_gaps_and_what_is_missing_is_averaged_after_it() {
        for (silent, settles) in [(180, 0), (181, 1), (400, 220), (1_800, 1_620)] {
            let (mut average, params) = (average(), fresh_for(1));
            for second in -1_800..-silent {
                fresh(&mut average, 100, second, &params);
            }
            // Until then no price; from expiry on another one.
            for second in 0..settles {
                assert_eq!(average.settled(at(second)), Ok(None), "{silent}");
                fresh(&mut average, 300, second, &params);
            }
            let after = 1_620 - (1_800 - silent);
            let right = match silent {
                180 => dollars(100),
                _ => {
                    let micros = ((1_800 - silent) * 100 + after * 300) * 1_000_000;
                    Price::from_micros(micros.div_euclid(1_620))
                }
            };
            assert_eq!(average.settled(at(settles)), Ok(Some(right)), "{silent}");
            // What comes later changes nothing.
            fresh(&mut average, 9_999, settles + 1, &params);
            assert_eq!(average.settled(at(settles + 50)), Ok(Some(right)), "{silent}");
        }
    }

    /// 0013-CLEAR-013.
    #[test]
    fn a_price_that_is_given_lies_as_far_from_the_index_as_the_band_goes() {
        let range = settlement_range(Price::from_micros(1_001), Ppm::from_parts(100_000));
        assert_eq!(range, Ok((Price::from_micros(901), Price::from_micros(1_101))));
    }

    /// 0017-ORAC-018.
    #[test]
    fn a_price_counts_while_it_is_fresh_and_not_when_it_is_doubted() {
        let (mut average, params) = (average(), fresh_for(10));
        fresh(&mut average, 100, -1_800, &params);
        for second in -1_799..-1_700 {
            average.record(Sight::Unseen, at(second), &params).unwrap();
        }
        let covered = |average: &SettlementAverage| average.covered.millis() / 1_000;
        assert_eq!(covered(&average), 10, "ten seconds of a hundred");
        fresh(&mut average, 100, -1_700, &params);
        average.record(Sight::Doubtful, at(-1_697), &params).unwrap();
        average.record(Sight::Unseen, at(-1_690), &params).unwrap();
        assert_eq!(covered(&average), 13, "until it is doubted");
    }

    /// 0017-ORAC-018: in a gap the weight moves to what is known, and beyond the tenth it waits.
    #[test]
    fn what_is_expected_never_jumps_for_want_of_prices() {
        let (mut average, params) = (average(), fresh_for(1));
        let expected = |average: &SettlementAverage, second: i128| {
            let window = average.window(at(second)).unwrap();
            let moving = dollars(300).scaled(window.weight().unwrap(), Round::Down).unwrap();
            window.fixed.plus(moving).unwrap().micros()
        };
        let mut before = expected(&average, -1_800);
        for second in -1_800..600 {
            if second < -900 {
                fresh(&mut average, 100, second, &params);
            }
            let now = expected(&average, second);
            assert!((before - now).abs() < 400_000, "{second}: {before} {now}");
            before = now;
        }
        // Half of the time is covered at 100; twelve minutes are missing, at 300.
        assert_eq!(average.window(at(600)).unwrap().remaining.millis(), 800_000);
        assert_eq!(average.settled(at(600)), Ok(None));
    }

    /// 0013-CLEAR-013.
    #[test]
    fn a_price_that_is_given_stands_for_what_was_still_to_come_alone() {
        let (mut average, params) = (average(), fresh_for(1));
        for second in -1_800..-990 {
            fresh(&mut average, 100, second, &params);
        }
        average.give(dollars(200), at(9_000), &params).unwrap();
        assert_eq!(average.settled(at(9_000)), Ok(Some(dollars(150))));
        fresh(&mut average, 9_999, 9_001, &params);
        assert_eq!(average.settled(at(9_999)), Ok(Some(dollars(150))));
    }

    #[test]
    fn vega_perp_027_settles_as_its_period_averages() {
        // Vega protocol specs at 5fea1f3e, 0053-PERP-027, external: price before the period, then minute and new price.
        let params = fresh_for(600);
        let mut average = SettlementAverage::new(at(0), BlockSpan::from_millis(600_000));
        for (minute, price) in [(-1, 11), (1, 9), (3, 10), (5, 12), (6, 11), (7, 8), (9, 14)] {
            fresh(&mut average, price, (minute - 10) * 60, &params);
        }
        assert_eq!(average.settled(at(0)), Ok(Some(Price::from_micros(10_200_000))));
    }

    mod properties {
        use super::*;
        use proptest::prelude::*;

        /// Second by second: what a model counts of the window, in whatever blocks.
        fn model(history: &[(i128, Option<i128>)], stale: i128) -> (i128, i128) {
            let held = |t: i128| {
                let (at, price) = history.iter().rev().find(|(at, _)| *at <= t)?;
                price.filter(|_| t < at + stale)
            };
            let (mut area, mut covered) = (0, 0);
            let last = history.last().map_or(0, |(at, _)| *at);
            for second in -1_800..last {
                if second >= 0 && covered >= 1_620 {
                    break;
                }
                if let Some(price) = held(second) {
                    area += price;
                    covered += 1;
                }
            }
            (area, covered)
        }

        proptest! {
            /// The parts fixed in any two blocks add up, gaps and all, and no block rewrites what another has averaged.
            #[test]
            fn prop_what_is_fixed_is_the_integral_so_far(
                steps in prop::collection::vec((0i128..400, prop::option::weighted(0.9, 1i128..1_000_000)), 1..60),
                stale in 1i128..500,
            ) {
                let (mut average, params) = (average(), fresh_for(stale));
                let (mut now, mut history) = (-2_700, Vec::new());
                let (mut least, mut most) = (i128::MAX, 0);
                for (step, price) in steps {
                    now += step;
                    let sight = price.map_or(Sight::Doubtful, |p| Sight::Fresh(Price::from_micros(p)));
                    average.record(sight, at(now), &params).unwrap();
                    history.push((now, price));
                    if let Some(price) = price {
                        (least, most) = (least.min(price), most.max(price));
                    }
                    let (area, covered) = model(&history, stale);
                    prop_assert_eq!(average.covered.millis(), covered * 1_000);
                    prop_assert_eq!(average.area, area * 1_000);
                    let window = average.window(at(now)).unwrap();
                    let left = (-now).clamp(0, 1_800).max(1_620 - covered);
                    prop_assert_eq!(window.fixed, Price::from_micros(area.div_euclid(covered + left)));
                    if let Some(price) = average.settled(at(now)).unwrap() {
                        prop_assert!((least - 1..=most).contains(&price.micros()));
                        prop_assert!(covered >= 1_620 && now >= 0);
                    }
                }
            }
        }
    }
}
