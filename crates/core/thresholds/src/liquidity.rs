//! How deep an underlying's books are and how much trades in them: what impact is charged by.
//!
//! **Invariant:** state is of bounded size and every figure within its bounds, whatever is measured; a figure is never above
//! the exact one, so impact is never below it.

use crate::depth::{Depth, FACTOR_MIN, Yardstick, bounded};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, InstrumentId};
use units::{ArithmeticError, BlockSpan, BlockTime, Notional, Num, Ppb, Ppm, Round, limits};

/// Time after which a depth measured counts half: ten minutes.
const DEPTH_HALF_LIFE: BlockSpan = BlockSpan::from_millis(600_000);
/// Time measured of which the average depth is kept: an hour.
const HOUR: BlockSpan = BlockSpan::from_millis(3_600_000);
/// Longest time that one block counts for in it: a minute.
const BLOCK_COUNTS_MAX: BlockSpan = BlockSpan::from_millis(60_000);
/// Time after which what was traded counts half. It is ln 2 of a day, so that a steady flow adds up to what flows in a day.
const TRADED_HALF_LIFE: BlockSpan = BlockSpan::from_millis(59_887_917);
/// What the impact of risk held may become in an hour, in per cent of what it was: as the range for risk held does.
const RISE: i128 = 105;
const FALL: i128 = 99;

/// Dollars traded, fading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Traded {
    /// What counted when something last traded.
    pub amount: Notional,
    /// When that was.
    pub at: BlockTime,
}

impl Traded {
    /// Returns what counts as traded in the day before a time, rounded down.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if the time is before the last trade.
    pub fn daily(&self, now: BlockTime) -> Result<Notional, ArithmeticError> {
        kept_of(self.amount, self.kept(now)?)
    }

    fn kept(&self, now: BlockTime) -> Result<Ppb, ArithmeticError> {
        pricing::decay(now.since(self.at)?, TRADED_HALF_LIFE)
    }

    fn with(self, dollars: Notional, now: BlockTime, kept: Ppb) -> Result<Self, ArithmeticError> {
        let sum = kept_of(self.amount, kept)?.plus(bounded(dollars))?;
        Ok(Self { amount: bounded(sum), at: now })
    }
}

/// What is there to measure of a market in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub instrument: InstrumentId,
    /// What stands near its mark, in dollars, of the side that has less; absent if nobody may quote.
    pub stands: Option<Notional>,
    /// What counts as traded of it in a day beside what did: what can be traded away elsewhere.
    pub elsewhere: Notional,
}

/// What one market shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Shown {
    /// Its depths, fading; absent before there was one.
    pub depth: Option<Notional>,
    /// What stood in the two blocks before: of three blocks the least counts.
    pub stood: [Notional; 2],
    /// What has traded of it, as of the underlying's last trade.
    pub traded: Notional,
}

impl Shown {
    /// Returns it after a block more.
    fn with(self, stands: Notional, kept: Ppb) -> Result<Self, ArithmeticError> {
        let [before, last] = self.stood;
        let stands = bounded(stands);
        let rested = stands.lesser(before).lesser(last);
        let depth = match self.depth {
            Some(depth) => faded(depth, rested, kept)?,
            None => rested,
        };
        Ok(Self { depth: Some(depth), stood: [last, stands], ..self })
    }
}

/// The hour of which the average depth is being made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hour {
    /// Micro-dollars times milliseconds.
    area: i128,
    counted: BlockSpan,
}

impl Hour {
    fn with(self, depth: Notional, elapsed: BlockSpan) -> Result<Self, ArithmeticError> {
        let span = elapsed.lesser(BLOCK_COUNTS_MAX);
        let area = Num::new(self.area).plus(depth.number().times(span.number())?)?;
        Ok(Self { area: area.raw(), counted: self.counted.plus(span)? })
    }

    /// Returns the average once the hour is over, rounded down.
    fn average(self) -> Result<Option<Notional>, ArithmeticError> {
        if self.counted < HOUR {
            return Ok(None);
        }
        let average = Num::new(self.area).mul_div(Num::new(1), self.counted.number(), Round::Down);
        average.map(Notional::from_number).map(Some)
    }

    fn is_sound(self) -> bool {
        let most = bounded(Notional::from_micros(i128::MAX)).number();
        let most = most.times(self.counted.number()).map_or(-1, Num::raw);
        let counted = BlockSpan::ZERO <= self.counted && self.counted < HOUR;
        counted && (0..=most).contains(&self.area)
    }
}

/// What measuring has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Whether a depth has.
    pub depth: bool,
    /// Whether the average of an hour was kept, and the factor for risk held made its step.
    pub hour: bool,
}

/// The depth of one underlying's books and what trades in them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Liquidity {
    /// The depths of its markets, each by its share of what trades; absent before there was one.
    depth: Option<Notional>,
    /// Ascending by instrument.
    markets: Vec<(InstrumentId, Shown)>,
    hour: Hour,
    depths: Depth,
    /// The factor for risk held, and what it will be after the hour.
    hold: Ppm,
    announced: Ppm,
    volume: Traded,
    vega: Traded,
}

impl Default for Liquidity {
    fn default() -> Self {
        let one = Ppm::from_parts(limits::PPM_ONE);
        Self {
            depth: None,
            markets: Vec::new(),
            hour: Hour::default(),
            depths: Depth::default(),
            hold: one,
            announced: one,
            volume: Traded::default(),
            vega: Traded::default(),
        }
    }
}

impl Liquidity {
    /// Takes what the markets that are listed show in a block, ascending by instrument, so long after the one before. What is
    /// listed no more is forgotten.
    ///
    /// One block counts for half of a depth at most, however long it took, and for a minute of an hour. Rounding: down.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time is outside its limits; nothing has changed then.
    ///
    /// spec 0031-THRE-014, 0031-THRE-040, 0031-THRE-042.
    pub fn measure(
        &mut self,
        seen: &[Seen],
        yardstick: Yardstick,
        elapsed: BlockSpan,
        now: BlockTime,
    ) -> Result<Measured, Fault> {
        let at = || Fault::at("thresholds: depth of books");
        let elapsed = elapsed.greater(BlockSpan::ZERO);
        let kept = pricing::decay(elapsed.lesser(DEPTH_HALF_LIFE), DEPTH_HALF_LIFE).map_err(at())?;
        let mut markets = Vec::with_capacity(seen.len());
        for seen in seen {
            let before = self.shown(seen.instrument);
            let after = match seen.stands {
                Some(stands) => before.with(stands, kept).map_err(at())?,
                None => before,
            };
            markets.push((seen.instrument, after));
        }
        let depth = self.weighed(&markets, seen, now).map_err(at())?.or(self.depth);
        let measures = seen.iter().any(|seen| seen.stands.is_some());
        let mut hour = self.hour;
        if let (Some(depth), true) = (depth, measures) {
            hour = hour.with(depth, elapsed).map_err(at())?;
        }
        let average = hour.average().map_err(at())?;
        let measured = Measured {
            depth: markets != self.markets || depth != self.depth,
            hour: average.is_some(),
        };
        (self.markets, self.depth, self.hour) = (markets, depth, hour);
        if let Some(average) = average {
            self.hour = Hour::default();
            self.depths.observe(average);
            self.hold = self.announced;
            self.announced = step(self.hold, self.depths.factor(average, yardstick));
        }
        Ok(measured)
    }

    /// Returns the depths of markets, each by its share of what trades; `None` if none was ever measured.
    fn weighed(
        &self,
        markets: &[(InstrumentId, Shown)],
        seen: &[Seen],
        now: BlockTime,
    ) -> Result<Option<Notional>, ArithmeticError> {
        let kept = self.volume.kept(now)?;
        let mut weighted = Vec::with_capacity(markets.len());
        let mut all = Num::new(0);
        for ((_, shown), seen) in markets.iter().zip(seen) {
            let Some(depth) = shown.depth else { continue };
            let weight = kept_of(shown.traded, kept)?.plus(bounded(seen.elsewhere))?.number();
            all = all.plus(weight)?;
            weighted.push((depth.number(), weight));
        }
        if all <= Num::new(0) {
            return Ok(None);
        }
        let mut sum = Num::new(0);
        for (depth, weight) in weighted {
            sum = sum.plus(depth.mul_div(weight, all, Round::Down)?)?;
        }
        Ok(Some(Notional::from_number(sum)))
    }

    fn shown(&self, id: InstrumentId) -> Shown {
        let place = self.markets.binary_search_by_key(&id, |(id, _)| *id).ok();
        place
            .and_then(|place| self.markets.get(place))
            .map_or(Shown::default(), |(_, shown)| *shown)
    }

    /// Takes dollars of the underlying that have traded in one of its markets.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the time is before the last trade; nothing has changed then.
    ///
    /// spec 0031-THRE-015, 0031-THRE-040.
    pub fn trade(
        &mut self,
        instrument: InstrumentId,
        dollars: Notional,
        now: BlockTime,
    ) -> Result<(), Fault> {
        let at = || Fault::at("thresholds: volume");
        let kept = self.volume.kept(now).map_err(at())?;
        let volume = self.volume.with(dollars, now, kept).map_err(at())?;
        let mut markets = self.markets.clone();
        if let Err(place) = markets.binary_search_by_key(&instrument, |(id, _)| *id) {
            markets.insert(place, (instrument, Shown::default()));
        }
        for (id, shown) in &mut markets {
            let more = if *id == instrument { bounded(dollars) } else { Notional::ZERO };
            let traded = kept_of(shown.traded, kept).and_then(|traded| traded.plus(more));
            shown.traded = bounded(traded.map_err(at())?);
        }
        (self.volume, self.markets) = (volume, markets);
        Ok(())
    }

    /// Takes vega that has traded, in dollars for vols that rise by 100 points.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the time is before the last trade.
    ///
    /// spec 0031-THRE-015.
    pub fn trade_vega(&mut self, dollars: Notional, now: BlockTime) -> Result<(), Fault> {
        let vega = self.vega.kept(now).and_then(|kept| self.vega.with(dollars, now, kept));
        self.vega = vega.map_err(Fault::at("thresholds: volume of vega"))?;
        Ok(())
    }

    /// Returns η for new risk: how deep the books are now, or η for risk held or announced for it, if that is less.
    ///
    /// spec 0031-THRE-011, 0031-THRE-042.
    pub fn factor(&self, yardstick: Yardstick) -> Ppm {
        let one = Ppm::from_parts(limits::PPM_ONE);
        let now = self.depth.map_or(one, |depth| self.depths.factor(depth, yardstick));
        now.lesser(self.hold).lesser(self.announced)
    }

    /// Returns η for risk held.
    ///
    /// spec 0031-THRE-042.
    pub const fn hold(&self) -> Ppm {
        self.hold
    }

    /// Returns what η for risk held will be after the hour.
    pub const fn announced(&self) -> Ppm {
        self.announced
    }

    /// Returns the depths of the markets, each by its share of what trades; `None` before there was one.
    #[must_use]
    pub const fn depth(&self) -> Option<Notional> {
        self.depth
    }

    /// Returns what each market shows, ascending.
    #[must_use]
    pub fn markets(&self) -> &[(InstrumentId, Shown)] {
        &self.markets
    }

    /// Returns the hour under way.
    #[must_use]
    pub const fn hour(&self) -> Hour {
        self.hour
    }

    /// Returns the depths kept.
    #[must_use]
    pub const fn depths(&self) -> &Depth {
        &self.depths
    }

    /// Returns what has traded of the underlying.
    #[must_use]
    pub const fn volume(&self) -> Traded {
        self.volume
    }

    /// Returns what has traded of its vega.
    #[must_use]
    pub const fn vega(&self) -> Traded {
        self.vega
    }

    /// Returns whether every figure is within its bounds, as in any state that measuring has led to.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let of_market = |(_, shown): &(InstrumentId, Shown)| {
            let [before, last] = shown.stood;
            [shown.depth.unwrap_or(Notional::ZERO), before, last, shown.traded]
        };
        let own = [self.depth.unwrap_or(Notional::ZERO), self.volume.amount, self.vega.amount];
        let figures = self.markets.iter().flat_map(of_market).chain(own);
        let share = |factor: Ppm| (FACTOR_MIN..=limits::PPM_ONE).contains(&factor.parts());
        self.depths.is_sound()
            && self.hour.is_sound()
            && share(self.hold)
            && share(self.announced)
            && self.markets.is_sorted_by(|(a, _), (b, _)| a < b)
            && figures.into_iter().all(|figure| figure == bounded(figure))
    }
}

/// Returns η for risk held after a step: towards the target, as far as impact, which goes by its root, may move in an hour.
///
/// Rounding: against whoever holds risk where it rises, for it where it falls, so that no step is longer than it may be.
fn step(hold: Ppm, target: Ppm) -> Ppm {
    let square = |percent: i128| Num::new(percent.saturating_mul(percent));
    let moved = |percent, round| {
        let moved = hold.number().mul_div(square(100), square(percent), round);
        moved.map_or(hold, Ppm::from_number)
    };
    target.greater(moved(RISE, Round::Up)).lesser(moved(FALL, Round::Down))
}

/// Returns what is left of dollars, rounded down.
fn kept_of(dollars: Notional, kept: Ppb) -> Result<Notional, ArithmeticError> {
    let one = Num::new(limits::PPB_ONE);
    dollars.number().mul_div(kept.number(), one, Round::Down).map(Notional::from_number)
}

/// Returns a fading average after a value more, rounded down.
fn faded(before: Notional, value: Notional, kept: Ppb) -> Result<Notional, ArithmeticError> {
    let (one, kept) = (Num::new(limits::PPB_ONE), kept.number());
    let old = before.number().times(kept)?;
    let new = value.number().times(one.minus(kept)?)?;
    old.plus(new)?.mul_div(Num::new(1), one, Round::Down).map(Notional::from_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(dollars: i128) -> Notional {
        Notional::from_micros(dollars * 1_000_000)
    }

    fn at(minutes: i128) -> BlockTime {
        BlockTime::from_millis(1_000_000_000_000 + minutes * 60_000)
    }

    const MINUTE: BlockSpan = BlockSpan::from_millis(60_000);
    const PERPETUAL: InstrumentId = InstrumentId::new(1);
    const FUTURE: InstrumentId = InstrumentId::new(2);
    const FREE: Yardstick =
        Yardstick { least: Notional::ZERO, most: Notional::from_micros(i128::MAX) };

    /// A perpetual that shows so many dollars.
    fn perpetual(stands: i128) -> Seen {
        let stands = Some(dollars(stands));
        Seen { instrument: PERPETUAL, stands, elsewhere: dollars(1_000_000) }
    }

    /// A future that nobody trades elsewhere.
    fn future(stands: i128) -> Seen {
        Seen { instrument: FUTURE, stands: Some(dollars(stands)), elsewhere: Notional::ZERO }
    }

    fn minute(liquidity: &mut Liquidity, seen: &[Seen], minute: i128) -> Measured {
        liquidity.measure(seen, FREE, MINUTE, at(minute)).unwrap()
    }

    /// Books of a million dollars for a day and a half, and the minute after it.
    fn usual() -> (Liquidity, i128) {
        let mut liquidity = Liquidity::default();
        for number in 0..2_160 {
            minute(&mut liquidity, &[perpetual(1_000_000)], number);
        }
        (liquidity, 2_160)
    }

    #[test]
    fn books_that_empty_count_for_half_in_ten_minutes_and_never_for_nothing() {
        // 0031-THRE-011, 0031-THRE-014
        let (mut liquidity, start) = usual();
        assert_eq!(liquidity.factor(FREE), Ppm::from_parts(1_000_000));
        let mut factors = Vec::new();
        for number in start..start + 60 {
            minute(&mut liquidity, &[perpetual(0)], number);
            factors.push(liquidity.factor(FREE).parts());
        }
        assert!((499_900..=500_000).contains(&factors[9]), "{}", factors[9]);
        assert!((249_900..=250_000).contains(&factors[19]), "{}", factors[19]);
        assert_eq!(factors[59], 50_000);
        assert!(factors.is_sorted_by(|a, b| a >= b));
        // Deeper books than usual cost no less.
        let (mut deep, start) = usual();
        for number in 0..3 {
            minute(&mut deep, &[perpetual(9_000_000)], start + number);
        }
        assert_eq!(deep.factor(FREE), Ppm::from_parts(1_000_000));
    }

    #[test]
    fn no_block_counts_for_more_than_half_of_the_depth() {
        // 0031-THRE-014
        let (mut liquidity, start) = usual();
        let before = liquidity.depth().unwrap().micros();
        let year = BlockSpan::from_millis(31_536_000_000);
        liquidity.measure(&[perpetual(0)], FREE, year, at(start)).unwrap();
        assert_eq!(liquidity.depth(), Some(Notional::from_micros(before / 2)));
    }

    #[test]
    fn the_average_of_an_hour_is_kept_once_it_has_been_measured() {
        // 0031-THRE-014
        let (mut liquidity, start) = usual();
        assert_eq!(liquidity.depths().len(), 36);
        let usual = liquidity.depths().lower_quartile().unwrap();
        assert!(usual > dollars(999_990) && usual <= dollars(1_000_000), "{usual:?}");
        // An hour in which nobody may quote is none, and one block of it not all of it.
        let shut = Seen { stands: None, ..perpetual(0) };
        for number in 0..600 {
            minute(&mut liquidity, &[shut], start + number);
        }
        assert_eq!(liquidity.depths().len(), 36);
        let year = BlockSpan::from_millis(31_536_000_000);
        let measured = liquidity.measure(&[perpetual(0)], FREE, year, at(start + 600)).unwrap();
        assert!(measured.depth && !measured.hour);
        // Half of the hour's minutes are below a half of what was: its average is what counts, and not its last instant.
        let mut last = measured;
        for number in 1..60 {
            let stands = if number < 30 { 0 } else { 1_000_000 };
            last = minute(&mut liquidity, &[perpetual(stands)], start + 600 + number);
        }
        assert!(last.hour);
        let lowest = liquidity.announced();
        assert_eq!(lowest, Ppm::from_parts(907_030), "a step, and no more");
    }

    #[test]
    fn what_stood_for_fewer_than_three_blocks_does_not_count() {
        // 0031-THRE-040. Quotes of two blocks in three were two thirds of a depth.
        let mut flickering = Liquidity::default();
        for number in 0..600 {
            let stands = if number % 3 == 2 { 1_000 } else { 8_000_000 };
            minute(&mut flickering, &[perpetual(stands)], number);
        }
        let depth = flickering.depth().unwrap();
        assert!(depth > dollars(990) && depth <= dollars(1_000), "{depth:?}");
    }

    #[test]
    fn a_market_counts_by_its_share_of_what_trades() {
        // 0031-THRE-040
        let settled = |traded: i128| {
            let mut liquidity = Liquidity::default();
            let seen = [perpetual(10_000), future(8_000_000)];
            for number in 0..600 {
                if traded > 0 {
                    liquidity.trade(FUTURE, dollars(traded), at(number)).unwrap();
                }
                minute(&mut liquidity, &seen, number);
            }
            liquidity.depth().unwrap().micros() / 1_000_000
        };
        assert_eq!(settled(0), 9_999, "what nobody trades is no depth");
        // 600 minutes of 1,000 dollars are 491,000 in a day that fades, beside the million elsewhere.
        let share = settled(1_000);
        assert!((2_400_000..2_700_000).contains(&share), "{share}");
        // A market that is listed no more is forgotten, and one that is shut stays as it was.
        let mut liquidity = Liquidity::default();
        for number in 0..600 {
            minute(&mut liquidity, &[perpetual(10_000), future(1)], number);
        }
        let shut = Seen { stands: None, ..perpetual(0) };
        let before = liquidity.depth();
        for number in 600..700 {
            minute(&mut liquidity, &[shut], number);
        }
        assert_eq!((liquidity.depth(), liquidity.markets().len()), (before, 1));
    }

    #[test]
    fn the_factor_for_risk_held_moves_in_steps_an_hour_after_notice() {
        // 0031-THRE-042. Impact goes by the root: 5 % more in an hour at most, 1 % less.
        let (mut liquidity, start) = usual();
        let mut factors = vec![(liquidity.hold().parts(), liquidity.announced().parts())];
        for number in start..start + 40 * 60 {
            let stands = if number < start + 240 { 0 } else { 1_000_000 };
            if minute(&mut liquidity, &[perpetual(stands)], number).hour {
                factors.push((liquidity.hold().parts(), liquidity.announced().parts()));
            }
            assert!(liquidity.factor(FREE) <= liquidity.hold());
        }
        let one = 1_000_000;
        assert_eq!(
            factors[..4],
            [(one, one), (one, 907_030), (907_030, 822_703), (822_703, 746_216)]
        );
        for (step, pair) in factors.windows(2).enumerate() {
            let [(before, notice), (after, _)] = pair else { panic!("two") };
            assert_eq!(after, notice, "{step}");
            assert!(
                after * 11_025 >= before * 10_000 && after * 9_801 <= before * 10_000,
                "{step}"
            );
        }
        assert!(factors.last().unwrap().0 > 900_000, "{factors:?}");
    }

    #[test]
    fn a_steady_flow_counts_for_what_flows_in_a_day_and_fades_when_it_ends() {
        // 0031-THRE-015
        let mut liquidity = Liquidity::default();
        for minute in 0..14_400 {
            liquidity.trade(PERPETUAL, dollars(1_000), at(minute)).unwrap();
            liquidity.trade_vega(dollars(10), at(minute)).unwrap();
        }
        let daily = liquidity.volume().daily(at(14_400)).unwrap().micros();
        let exact = 1_440_000_000_000;
        assert!((daily - exact).abs() < exact / 1_000, "{daily}");
        let after =
            |days: i128| liquidity.volume().daily(at(14_400 + days * 1_440)).unwrap().micros();
        assert!((after(1) * 1_000 / daily - 367).abs() <= 1, "{}", after(1));
        assert_eq!(after(1_000), 0);
        let vega = liquidity.vega().daily(at(14_400)).unwrap().micros();
        assert!((vega * 100 - daily).abs() < 1_000_000, "{vega}");
    }

    #[test]
    fn whatever_is_measured_the_state_is_sound() {
        // 0031-THRE-015
        let mut liquidity = Liquidity::default();
        for (number, figure) in [i128::MIN, i128::MAX, -1, 0, 1].into_iter().enumerate() {
            let number = i128::try_from(number).unwrap();
            let figure = Notional::from_micros(figure);
            let yardstick = Yardstick { least: figure, most: figure };
            for (instrument, span) in [(PERPETUAL, -1), (FUTURE, 3_600_000), (PERPETUAL, 60_000)] {
                let seen = [Seen { instrument, stands: Some(figure), elsewhere: figure }];
                let span = BlockSpan::from_millis(span);
                liquidity.measure(&seen, yardstick, span, at(number)).unwrap();
                liquidity.trade(instrument, figure, at(number)).unwrap();
                liquidity.trade_vega(figure, at(number)).unwrap();
                assert!(liquidity.is_sound());
            }
        }
        assert!(liquidity.trade(PERPETUAL, dollars(1), at(-1)).is_err());
        let mut bytes = borsh::to_vec(&liquidity).unwrap();
        let held: Liquidity = borsh::from_slice(&bytes).unwrap();
        assert_eq!(held, liquidity);
        // The last sixty-four bytes are both volumes; before them stand the factors for risk held.
        let place = bytes.len() - 2 * 32 - 16;
        bytes[place] ^= 0xFF;
        assert!(!borsh::from_slice::<Liquidity>(&bytes).is_ok_and(|held| held.is_sound()));
    }
}
