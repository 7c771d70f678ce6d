//! How deep an underlying's books are and how much trades in them: what impact is charged by.
//!
//! **Invariant:** state is of bounded size and every figure within its bounds, whatever is measured; a figure is never above
//! the exact one, so impact is never below it.

use crate::depth::{Depth, bounded};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{ArithmeticError, BlockSpan, BlockTime, Notional, Num, Ppm, Round, limits};

/// Time after which a depth measured counts half: ten minutes.
const DEPTH_HALF_LIFE: BlockSpan = BlockSpan::from_millis(600_000);
/// Time between two depths that are kept.
const SAMPLE_EVERY: BlockSpan = BlockSpan::from_millis(3_600_000);
/// Time after which what was traded counts half. It is ln 2 of a day, so that a steady flow adds up to what flows in a day.
const TRADED_HALF_LIFE: BlockSpan = BlockSpan::from_millis(59_887_917);

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
        let kept = pricing::decay(now.since(self.at)?, TRADED_HALF_LIFE)?;
        let one = Num::new(limits::PPB_ONE);
        self.amount.number().mul_div(kept.number(), one, Round::Down).map(Notional::from_number)
    }

    fn add(&mut self, dollars: Notional, now: BlockTime) -> Result<(), ArithmeticError> {
        let sum = self.daily(now)?.plus(bounded(dollars))?;
        *self = Self { amount: bounded(sum), at: now };
        Ok(())
    }
}

/// The depth of one underlying's books and what trades in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Liquidity {
    /// The depths measured, fading; absent before there was one.
    depth: Option<Notional>,
    /// When the next depth is kept.
    sample_at: BlockTime,
    depths: Depth,
    volume: Traded,
    vega: Traded,
}

impl Liquidity {
    /// Takes a depth measured so long after the one before. Returns whether one has been kept to compare later ones with.
    ///
    /// One block counts for half at most, however long it took. Rounding: down.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a time is outside its limits; nothing has changed then.
    ///
    /// spec 0031-THRE-014.
    pub fn measure(
        &mut self,
        depth: Notional,
        elapsed: BlockSpan,
        now: BlockTime,
    ) -> Result<bool, Fault> {
        let depth = match self.depth {
            Some(before) => faded(before, bounded(depth), elapsed),
            None => Ok(bounded(depth)),
        };
        let depth = depth.map_err(Fault::at("thresholds: depth of books"))?;
        let sampled = now >= self.sample_at;
        if sampled {
            let next = now.after(SAMPLE_EVERY);
            self.sample_at = next.map_err(Fault::at("thresholds: time of the next depth"))?;
            self.depths.observe(depth);
        }
        self.depth = Some(depth);
        Ok(sampled)
    }

    /// Takes dollars of the underlying that have traded.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the time is before the last trade.
    ///
    /// spec 0031-THRE-015.
    pub fn trade(&mut self, dollars: Notional, now: BlockTime) -> Result<(), Fault> {
        self.volume.add(dollars, now).map_err(Fault::at("thresholds: volume"))
    }

    /// Takes vega that has traded, in dollars for vols that rise by 100 points.
    ///
    /// # Errors
    ///
    /// As [`Self::trade`].
    ///
    /// spec 0031-THRE-015.
    pub fn trade_vega(&mut self, dollars: Notional, now: BlockTime) -> Result<(), Fault> {
        self.vega.add(dollars, now).map_err(Fault::at("thresholds: volume of vega"))
    }

    /// Returns η; one before a depth was measured.
    ///
    /// spec 0031-THRE-011.
    pub fn factor(&self) -> Ppm {
        self.depth.map_or(Ppm::from_parts(limits::PPM_ONE), |depth| self.depths.factor(depth))
    }

    /// Returns the depths measured, fading; `None` before there was one.
    #[must_use]
    pub const fn depth(&self) -> Option<Notional> {
        self.depth
    }

    /// Returns the depths kept.
    #[must_use]
    pub const fn depths(&self) -> &Depth {
        &self.depths
    }

    /// Returns when the next depth is kept.
    pub const fn sample_at(&self) -> BlockTime {
        self.sample_at
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
        let figures = [self.depth.unwrap_or(Notional::ZERO), self.volume.amount, self.vega.amount];
        self.depths.is_sound() && figures.into_iter().all(|figure| figure == bounded(figure))
    }
}

/// Returns a fading average after a value more, rounded down.
fn faded(
    before: Notional,
    value: Notional,
    elapsed: BlockSpan,
) -> Result<Notional, ArithmeticError> {
    let one = Num::new(limits::PPB_ONE);
    let elapsed = elapsed.greater(BlockSpan::ZERO).lesser(DEPTH_HALF_LIFE);
    let kept = pricing::decay(elapsed, DEPTH_HALF_LIFE)?.number();
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

    /// Books of a million dollars for a day, and the minute after it.
    fn usual() -> (Liquidity, i128) {
        let mut liquidity = Liquidity::default();
        for minute in 0..1_440 {
            liquidity.measure(dollars(1_000_000), MINUTE, at(minute)).unwrap();
        }
        (liquidity, 1_440)
    }

    #[test]
    fn books_that_empty_count_for_half_in_ten_minutes_and_never_for_nothing() {
        // 0031-THRE-011, 0031-THRE-014
        let (mut liquidity, start) = usual();
        assert_eq!(liquidity.factor(), Ppm::from_parts(1_000_000));
        let mut factors = Vec::new();
        for minute in start..start + 60 {
            liquidity.measure(Notional::ZERO, MINUTE, at(minute)).unwrap();
            factors.push(liquidity.factor().parts());
        }
        assert!((499_990..=500_000).contains(&factors[9]), "{}", factors[9]);
        assert!((249_990..=250_000).contains(&factors[19]), "{}", factors[19]);
        assert_eq!(factors[59], 50_000);
        assert!(factors.is_sorted_by(|a, b| a >= b));
        // Deeper books than usual cost no less.
        let (mut deep, start) = usual();
        deep.measure(dollars(9_000_000), MINUTE, at(start)).unwrap();
        assert_eq!(deep.factor(), Ppm::from_parts(1_000_000));
    }

    #[test]
    fn no_block_counts_for_more_than_half_of_the_depth() {
        // 0031-THRE-014
        let (mut liquidity, start) = usual();
        let year = BlockSpan::from_millis(31_536_000_000);
        liquidity.measure(Notional::ZERO, year, at(start)).unwrap();
        assert_eq!(liquidity.depth(), Some(dollars(500_000)));
    }

    #[test]
    fn a_depth_is_kept_once_an_hour() {
        // 0031-THRE-014
        let (liquidity, _) = usual();
        assert_eq!(liquidity.depths().len(), 24);
        assert_eq!(liquidity.sample_at(), at(24 * 60));
        assert_eq!(liquidity.depths().lower_quartile(), Some(dollars(1_000_000)));
    }

    #[test]
    fn a_steady_flow_counts_for_what_flows_in_a_day_and_fades_when_it_ends() {
        // 0031-THRE-015
        let mut liquidity = Liquidity::default();
        for minute in 0..14_400 {
            liquidity.trade(dollars(1_000), at(minute)).unwrap();
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
        for (minute, figure) in [i128::MIN, i128::MAX, -1, 0, 1].into_iter().enumerate() {
            let now = at(60 * i128::try_from(minute).unwrap());
            let figure = Notional::from_micros(figure);
            assert!(liquidity.measure(figure, BlockSpan::from_millis(-1), now).unwrap());
            liquidity.trade(figure, now).unwrap();
            liquidity.trade_vega(figure, now).unwrap();
            assert!(liquidity.is_sound());
        }
        assert!(liquidity.trade(dollars(1), at(-1)).is_err());
    }
}
