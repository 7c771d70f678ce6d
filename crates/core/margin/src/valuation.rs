//! What a contract is worth under a scenario: the forward, time and vols that go into Black-76.
//!
//! Inside the settlement window a part of the settlement price is fixed and a part w of it still moves: the option is
//! one on w · forward with the strike less the fixed part, and its variance that of an average (0019-MARG-005).
//!
//! **Invariant:** a call less a put is the forward less the strike, to the micro-dollar, in every scenario.

use crate::input::Settlement;
use crate::parameters::{VOL_MOVE_MAX, VolShocks};
use crate::scenario::{SCENARIOS, Scenario, VolMove};
use pricing::{Deviation, FineVol, Forward, Horizon, MovedVol, Strike};
use protocol::Fault;
#[cfg(test)]
use protocol::Right;
use units::{ArithmeticError, BlockSpan, BlockTime, Ppm, Price, Round, Vol, limits};

/// Length of the averaging before expiry: half an hour.
pub(crate) const WINDOW: BlockSpan = BlockSpan::from_millis(1_800_000);
/// Milliseconds of a day.
const DAY: i128 = 86_400_000;
/// Milliseconds of thirty days: vol moves are quoted for this time to expiry.
const NEAR: i128 = 30 * DAY;
/// Milliseconds of a year of 365 days.
pub(crate) const YEAR: i128 = 365 * DAY;
/// Longest time to expiry that is told apart: 64 years.
const LONGEST: i128 = 64 * YEAR;
/// One, in parts per million.
const ONE: i128 = limits::PPM_ONE;
/// Trillionths of a vol in a hundredth of a percent.
const TRILLIONTHS: i128 = 100_000_000;
/// What a thirty-day move is multiplied by is less: at most thirty, and what rounding adds.
const SCALE_MAX: i128 = 31;

// Every vol there can be, times every move within bounds, is carried as it is: nothing is cut.
const _: () = assert!(NEAR < SCALE_MAX * DAY);
const _: () = assert!(
    FineVol::TRILLIONTHS_MAX * (ONE + SCALE_MAX * VOL_MOVE_MAX.parts())
        <= MovedVol::TRILLIONTHS_MAX * ONE
);

pub(crate) fn narrow(value: i128, place: &'static str) -> Result<i64, Fault> {
    i64::try_from(value)
        .map_err(|_| Fault::Arithmetic { place, error: ArithmeticError::OutOfLimits })
}

/// Returns a vol in trillionths.
fn trillionths(vol: Vol) -> Result<i128, Fault> {
    FineVol::from_vol(vol).map(FineVol::trillionths).map_err(Fault::at("margin: vol"))
}

/// Returns `value · parts / 1 000 000`, rounded down, of numbers far below 2⁶⁴.
fn times_ppm(value: i128, parts: i128) -> i128 {
    value.saturating_mul(parts).div_euclid(ONE)
}

/// The state of one expiry: what is left to move, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// The part of the forward that still moves.
    pub(crate) moving: Price,
    /// The part of the settlement price that is fixed.
    pub(crate) fixed: Price,
    /// Time to expiry; zero for perpetuals and at expiry.
    pub(crate) remaining: BlockSpan,
    /// The part of the window that is still open; all of it before it opens.
    pub(crate) open: BlockSpan,
    /// Time of a constant price with the same variance as the settlement price.
    pub(crate) variance: BlockSpan,
}

impl Expiry {
    /// Returns the state of a forward at a time.
    pub(crate) fn new(
        forward: Price,
        expires_at: Option<BlockTime>,
        now: BlockTime,
        settlement: Option<Settlement>,
    ) -> Result<Self, Fault> {
        let at = || Fault::at("margin: expiry");
        let moving = forward.within_limit().map_err(at())?;
        let (fixed, none) = (Price::ZERO, BlockSpan::ZERO);
        let Some(expires_at) = expires_at else {
            return Ok(Self { moving, fixed, remaining: none, open: WINDOW, variance: none });
        };
        let span = |millis: i128| BlockSpan::from_millis(millis.clamp(0, LONGEST));
        let remaining = span(expires_at.since(now).map_err(at())?.millis());
        let Some(state) = settlement.filter(|state| state.remaining <= WINDOW) else {
            // Time to the window, and a third of the window.
            let thirds = remaining.millis().saturating_mul(3);
            let thirds = thirds.saturating_sub(WINDOW.millis().saturating_mul(2));
            let variance = span(thirds.div_euclid(3));
            return Ok(Self { moving, fixed, remaining, open: WINDOW, variance });
        };
        let open = state.remaining.greater(none);
        let moving = forward
            .number()
            .mul_div(open.number(), WINDOW.number(), Round::Down)
            .map(Price::from_number)
            .map_err(at())?;
        Ok(Self {
            moving,
            fixed: state.fixed.within_limit().map_err(at())?,
            remaining,
            open,
            // What is left of the average has the variance of a third of the time left.
            variance: span(open.millis().div_euclid(3)),
        })
    }

    /// Returns the expected settlement price.
    pub(crate) fn expected(&self) -> Result<Price, Fault> {
        self.moving.plus(self.fixed).map_err(Fault::at("margin: expected price"))
    }

    /// Returns the moving part after a move by a ratio, not below zero.
    pub(crate) fn moved(&self, shock: Ppm) -> Result<Forward, Fault> {
        let at = || Fault::at("margin: moved forward");
        let ratio = Ppm::from_parts(ONE).plus(shock).map_err(at())?;
        let price = self.moving.scaled(ratio, Round::Down).map_err(at())?;
        let bounded = price.greater(Price::ZERO).lesser(Price::from_micros(Price::LIMIT));
        Forward::new(bounded).map_err(at())
    }
}

/// How the vols of one expiry move, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VolMultipliers {
    up: i128,
    down: i128,
    /// In trillionths.
    up_floor: i128,
    skew_cap: i128,
    /// Log-moneyness at which the cap is reached.
    skew_width: i128,
    front_up: i128,
    front_down: i128,
    horizon: Horizon,
}

impl VolMultipliers {
    pub(crate) fn new(shocks: &VolShocks, expiry: &Expiry) -> Result<Self, Fault> {
        let at = || Fault::at("margin: vol moves");
        let left = expiry.remaining.millis();
        let near = left <= NEAR;
        let power = if near { shocks.power_near } else { shocks.power_far };
        let ratio = NEAR.saturating_mul(ONE).div_euclid(left.max(DAY));
        let scale = pricing::power(Ppm::from_parts(ratio), power).map_err(at())?.parts();
        let pick = |(front, back): (Ppm, Ppm)| if near { front } else { back }.parts();
        // √(years of variance) in parts per million.
        let squared = expiry.variance.millis().saturating_mul(ONE.saturating_mul(ONE));
        let root = squared.div_euclid(YEAR).isqrt();
        let decline = times_ppm(root, shocks.skew_cap_decline.parts());
        let width = times_ppm(root, shocks.skew_width.parts());
        Ok(Self {
            up: ONE.saturating_add(times_ppm(scale, shocks.up.parts())),
            down: ONE.saturating_sub(times_ppm(scale, shocks.down.parts())).max(0),
            up_floor: shocks.up_floor.points().saturating_mul(TRILLIONTHS),
            skew_cap: shocks.skew_cap.parts().saturating_sub(decline).max(0),
            skew_width: width.max(shocks.skew_width_floor.parts()),
            front_up: pick(shocks.front_up),
            front_down: pick(shocks.front_down),
            horizon: Horizon::after(expiry.variance).map_err(at())?,
        })
    }

    /// Returns the relative skew move of a strike: rising from −cap to cap with its log-moneyness.
    fn skew(&self, moving: Price, strike: Price) -> i128 {
        let (forward, strike) = (moving.micros().max(0), strike.micros().max(0));
        // 2(K − F) ÷ (K + F) is ln(K/F) to the third order.
        let twice = strike.saturating_sub(forward).saturating_mul(ONE.saturating_mul(2));
        let log = twice.checked_div_euclid(strike.saturating_add(forward)).unwrap_or(0);
        let shift = log.saturating_mul(self.skew_cap).checked_div_euclid(self.skew_width);
        shift.unwrap_or(0).clamp(self.skew_cap.saturating_neg(), self.skew_cap)
    }

    /// Returns a vol after a move, in trillionths.
    fn moved(&self, vol: i128, skew: i128, vol_move: VolMove) -> i128 {
        let wings = skew.saturating_abs();
        let multiplier = match vol_move {
            VolMove::Same => ONE,
            VolMove::Up => self.up,
            VolMove::Down => self.down,
            VolMove::SkewUp => ONE.saturating_add(skew),
            VolMove::SkewDown => ONE.saturating_sub(skew),
            VolMove::WingsUp => ONE.saturating_add(wings),
            VolMove::WingsDown => ONE.saturating_sub(wings),
            VolMove::FrontUp => self.front_up,
            VolMove::FrontDown => self.front_down,
        };
        let moved = times_ppm(vol, multiplier.max(0));
        if vol_move == VolMove::Up { moved.max(self.up_floor) } else { moved }
    }

    /// Returns how far apart a vol is after moves up and down, in trillionths.
    pub(crate) fn width(&self, vol: Vol) -> Result<i128, Fault> {
        let vol = trillionths(vol)?;
        Ok(self.moved(vol, 0, VolMove::Up).saturating_sub(self.moved(vol, 0, VolMove::Down)))
    }

    /// Returns the deviation of a vol after a move.
    fn deviation(&self, vol: i128, skew: i128, vol_move: VolMove) -> Result<Deviation, Fault> {
        let moved = MovedVol::from_trillionths(self.moved(vol, skew, vol_move));
        Ok(Deviation::moved(moved.map_err(Fault::at("margin: moved vol"))?, self.horizon))
    }
}

/// The deviations of one option, one for each way vols move.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deviations {
    same: Deviation,
    up: Deviation,
    down: Deviation,
    skew_up: Deviation,
    skew_down: Deviation,
    wings_up: Deviation,
    wings_down: Deviation,
    front_up: Deviation,
    front_down: Deviation,
}

impl Deviations {
    const fn after(&self, vol_move: VolMove) -> Deviation {
        match vol_move {
            VolMove::Same => self.same,
            VolMove::Up => self.up,
            VolMove::Down => self.down,
            VolMove::SkewUp => self.skew_up,
            VolMove::SkewDown => self.skew_down,
            VolMove::WingsUp => self.wings_up,
            VolMove::WingsDown => self.wings_down,
            VolMove::FrontUp => self.front_up,
            VolMove::FrontDown => self.front_down,
        }
    }
}

/// Values of an option in every scenario.
pub(crate) type Values = [Price; SCENARIOS];

/// The options of one strike at one time, ready to be valued under many forwards and vols.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionValuer {
    strike: Strike,
    deviations: Deviations,
}

/// Returns the strike less what is fixed of the settlement price, within the limits of a price.
pub(crate) fn strike_left(strike: Price, expiry: &Expiry) -> Result<Price, Fault> {
    let left = strike.minus(expiry.fixed).map_err(Fault::at("margin: strike left"))?;
    let limit = Price::from_micros(Price::LIMIT);
    Ok(left.lesser(limit).greater(Price::from_micros(limits::PRICE_MICROS_MAX.saturating_neg())))
}

impl OptionValuer {
    pub(crate) fn new(
        strike: Price,
        vol: Vol,
        expiry: &Expiry,
        moves: &VolMultipliers,
    ) -> Result<Self, Fault> {
        let left = strike_left(strike, expiry)?;
        let skew = moves.skew(expiry.moving, left);
        let vol = trillionths(vol)?;
        let after = |vol_move| moves.deviation(vol, skew, vol_move);
        Ok(Self {
            strike: Strike::new(left).map_err(Fault::at("margin: strike"))?,
            deviations: Deviations {
                same: after(VolMove::Same)?,
                up: after(VolMove::Up)?,
                down: after(VolMove::Down)?,
                skew_up: after(VolMove::SkewUp)?,
                skew_down: after(VolMove::SkewDown)?,
                wings_up: after(VolMove::WingsUp)?,
                wings_down: after(VolMove::WingsDown)?,
                front_up: after(VolMove::FrontUp)?,
                front_down: after(VolMove::FrontDown)?,
            },
        })
    }

    /// Returns the values of the call in every scenario, rounded down.
    pub(crate) fn calls(
        &self,
        scenarios: &[Scenario; SCENARIOS],
        forwards: &[Forward; SCENARIOS],
    ) -> Values {
        let mut calls = [Price::ZERO; SCENARIOS];
        for ((call, scenario), forward) in calls.iter_mut().zip(scenarios).zip(forwards) {
            let deviation = self.deviations.after(scenario.vol);
            *call = pricing::call(*forward, self.strike, deviation, Round::Down);
        }
        calls
    }

    /// Returns the values of the put where the call has others: less by what the forward is above the strike, as
    /// [`pricing::put`] says.
    pub(crate) fn puts(&self, calls: &Values, forwards: &[Forward; SCENARIOS]) -> Values {
        let mut puts = *calls;
        let strike = self.strike.price().micros();
        for (value, forward) in puts.iter_mut().zip(forwards) {
            // Prices are below 2⁵¹.
            let parity = forward.price().micros().wrapping_sub(strike);
            *value = Price::from_micros(value.micros().wrapping_sub(parity));
        }
        puts
    }

    /// Returns the value of an option, rounded as told.
    #[cfg(test)]
    pub(crate) fn value(
        &self,
        right: Right,
        forward: Forward,
        vol_move: VolMove,
        round: Round,
    ) -> Price {
        let deviation = self.deviations.after(vol_move);
        match right {
            Right::Call => pricing::call(forward, self.strike, deviation, round),
            Right::Put => pricing::put(forward, self.strike, deviation, round),
        }
    }
}
