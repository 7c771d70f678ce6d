//! Inputs drawn from a seed, spread over every order of magnitude that the constructors accept.

use random::Random;
use units::{BlockSpan, Price};

use crate::{Deviation, FineVol, Forward, Horizon, MovedVol, Strike, Terms};

/// The four inputs as bare integers, for the reference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs {
    pub(super) forward: i128,
    pub(super) strike: i128,
    pub(super) trillionths: i128,
    pub(super) millis: i128,
}

impl Inputs {
    pub(super) fn terms(self) -> Terms {
        Terms::new(
            Price::from_micros(self.forward),
            Price::from_micros(self.strike),
            FineVol::from_trillionths(self.trillionths).expect("drawn within limits"),
            BlockSpan::from_millis(self.millis),
        )
        .expect("drawn within limits")
    }

    /// Returns the same, of a volatility that may be one after a shock.
    pub(super) fn moved(self) -> (Forward, Strike, Deviation) {
        let fits = "drawn within limits";
        let vol = MovedVol::from_trillionths(self.trillionths).expect(fits);
        let horizon = Horizon::after(BlockSpan::from_millis(self.millis)).expect(fits);
        (
            Forward::new(Price::from_micros(self.forward)).expect(fits),
            Strike::new(Price::from_micros(self.strike)).expect(fits),
            Deviation::moved(vol, horizon),
        )
    }

    /// Returns inputs with a volatility above what a market quotes, for times in which it leaves something to tell.
    pub(super) fn shocked(random: &mut Random) -> Self {
        let trillionths = random.between(FineVol::TRILLIONTHS_MAX, MovedVol::TRILLIONTHS_MAX);
        let trillionths = random.magnitude(trillionths).max(FineVol::TRILLIONTHS_MAX);
        // Up to fifty deviations: √(ms per year) = 177 584.
        let root = 50 * 177_584_000_000_000_000 / trillionths;
        let millis = random.magnitude((root * root).min(crate::inputs::HORIZON_MILLIS_MAX));
        let forward = random.magnitude(Price::LIMIT);
        let strike = near(random, forward, trillionths, millis);
        Self { forward, strike, trillionths, millis }
    }

    /// Returns what a market quotes: a cent to a million dollars, strikes within a few deviations, volatility 5 % to
    /// 500 %, milliseconds to years.
    pub(super) fn market(random: &mut Random) -> Self {
        let forward = random.magnitude(1_000_000_000_000).max(10_000);
        let trillionths = random.between(50_000_000_000, 5_000_000_000_000);
        let millis = random.magnitude(80_000_000_000);
        let strike = near(random, forward, trillionths, millis);
        Self { forward, strike, trillionths, millis }
    }

    /// Returns inputs of any magnitude the constructors accept.
    pub(super) fn any(random: &mut Random) -> Self {
        let forward = random.magnitude(Price::LIMIT);
        let trillionths = random.magnitude(FineVol::TRILLIONTHS_MAX);
        let millis = random.magnitude(crate::inputs::HORIZON_MILLIS_MAX);
        let strike = match random.between(0, 3) {
            0 => random.magnitude(Price::LIMIT),
            1 => (forward + random.between(-3, 3)).clamp(1, Price::LIMIT),
            _ => near(random, forward, trillionths, millis),
        };
        Self { forward, strike, trillionths, millis }
    }

    /// Returns near-the-money options on prices so large that the error before rounding is a visible part of a
    /// micro-dollar, so that a bound that is too small puts some of them on the wrong side.
    pub(super) fn largest(random: &mut Random) -> Self {
        let forward = random.between(Price::LIMIT / 2, Price::LIMIT);
        let trillionths = random.between(50_000_000_000, 5_000_000_000_000);
        let millis = random.between(1_000, 80_000_000_000);
        let strike = near(random, forward, trillionths, millis);
        Self { forward, strike, trillionths, millis }
    }

    /// Returns every combination of the ends of the ranges and their neighbours.
    pub(super) fn extremes() -> impl Iterator<Item = Self> {
        let prices = [1, 2, 1_000_000, 999_999_999_999, Price::LIMIT - 1, Price::LIMIT];
        let (quoted, most_moved) = (FineVol::TRILLIONTHS_MAX, MovedVol::TRILLIONTHS_MAX);
        let vols = [0, 1, 2, 1_000, 1_000_000_000_000, quoted, quoted + 1, most_moved];
        let most = crate::inputs::HORIZON_MILLIS_MAX;
        let spans = [0, 1, 2, 1_000, 31_536_000_000, most - 1, most];
        prices.into_iter().flat_map(move |forward| {
            prices.into_iter().flat_map(move |strike| {
                vols.into_iter().flat_map(move |trillionths| {
                    spans.into_iter().map(move |millis| Self {
                        forward,
                        strike,
                        trillionths,
                        millis,
                    })
                })
            })
        })
    }
}

/// Returns a strike within some four deviations of the forward, by a straight line and not by the exponential.
fn near(random: &mut Random, forward: i128, trillionths: i128, millis: i128) -> i128 {
    let root = (millis << 40).isqrt(); // √ms in 2⁻²⁰
    let deviation = (trillionths * root) / (177_584 << 20); // √(ms per year) = 177 584; in trillionths
    let moves = random.between(-4_000, 4_000) * deviation / 1_000;
    let unit = 1_000_000_000_000;
    let strike =
        if moves >= 0 { forward * (unit + moves) / unit } else { forward * unit / (unit - moves) };
    strike.clamp(1, Price::LIMIT)
}
