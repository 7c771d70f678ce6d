//! How deep the books of each underlying are and how much trades in them, as it is recorded and charged by.

use crate::state::State;
use borsh::{BorshDeserialize, BorshSerialize};
use margin::{Explanation, Figure};
use protocol::{Fault, InstrumentId, ParameterId, UnderlyingId};
use thresholds::{Liquidity, Shown, Traded, Yardstick};
use units::{Notional, Ppm, Round, limits};

/// The depth of an underlying's books and what trades in them; written when it changes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LiquidityRecord {
    /// The depths of its markets, fading, each by its share of what trades; absent before there was one.
    pub depth: Option<Notional>,
    /// Lower quartile of the depths kept, whose hash is in the record of the scan ranges.
    pub usual: Option<Notional>,
    /// η for risk held.
    pub hold: Ppm,
    /// What it will be after the hour that is being measured.
    pub announced: Ppm,
    /// What has traded of the underlying.
    pub volume: Traded,
    /// What has traded of its vega.
    pub vega: Traded,
    /// What each of its perpetuals and futures shows, ascending.
    pub markets: Vec<(InstrumentId, Shown)>,
}

/// What impact is charged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Impact {
    /// η for new risk.
    pub(crate) depth: Ppm,
    /// η for risk held.
    pub(crate) depth_hold: Ppm,
    /// What counts as traded in a day.
    pub(crate) volume: Notional,
    /// What counts as traded of vega.
    pub(crate) vega: Notional,
}

impl State {
    /// Returns the governed least that counts as traded of an underlying in a day.
    pub(crate) fn least_volume(&self, id: UnderlyingId) -> Notional {
        let least = self.parameters.get(Some(id), ParameterId::VolumeDaily);
        Notional::from_micros(i128::from(least))
    }

    /// Returns what counts as traded of an underlying and of its vega in a day.
    ///
    /// spec 0031-THRE-015.
    pub(crate) fn volumes(&self, id: UnderlyingId) -> Result<(Notional, Notional), Fault> {
        let vega = self.parameters.get(Some(id), ParameterId::VegaDaily);
        let (volume, vega) = (self.least_volume(id), Notional::from_micros(i128::from(vega)));
        let Some(held) = self.liquidity.get(&id) else { return Ok((volume, vega)) };
        let daily =
            |traded: Traded| traded.daily(self.time).map_err(Fault::at("what trades in a day"));
        Ok((volume.greater(daily(held.volume())?), vega.greater(daily(held.vega())?)))
    }

    /// Returns what the depth of an underlying's books is measured by beside what it used to be.
    ///
    /// spec 0031-THRE-041.
    pub(crate) fn yardstick(&self, id: UnderlyingId, volume: Notional) -> Result<Yardstick, Fault> {
        let share = |parameter| {
            let dollars = volume.fraction_ppm(self.ppm(id, parameter), Round::Up);
            dollars.map_err(Fault::at("what depth is measured by"))
        };
        Ok(Yardstick {
            least: share(ParameterId::DepthLeast)?,
            most: share(ParameterId::DepthMost)?,
        })
    }

    /// Returns how deep an underlying's books are, and what counts as traded of it and of its vega in a day.
    ///
    /// spec 0031-THRE-011, 0031-THRE-015, 0031-THRE-042.
    pub(crate) fn impact_of(&self, id: UnderlyingId) -> Result<Impact, Fault> {
        let (volume, vega) = self.volumes(id)?;
        let one = Ppm::from_parts(limits::PPM_ONE);
        let (depth, depth_hold) = match self.liquidity.get(&id) {
            Some(held) => (held.factor(self.yardstick(id, volume)?), held.hold()),
            None => (one, one),
        };
        Ok(Impact { depth, depth_hold, volume, vega })
    }

    /// Returns the depth of an underlying's books and the volumes that impact is charged by.
    pub(crate) fn explain_liquidity(
        &self,
        id: UnderlyingId,
        name: &str,
    ) -> Result<Explanation, Fault> {
        let Impact { depth, depth_hold, volume, vega } = self.impact_of(id)?;
        let announced = self.liquidity.get(&id).map_or(depth_hold, Liquidity::announced);
        let share = |label: &str, value| Explanation {
            label: label.into(),
            figure: Figure::Share(value),
            parts: Vec::new(),
        };
        let dollars = |label: &str, value| Explanation {
            label: label.into(),
            figure: Figure::Dollars(value),
            parts: Vec::new(),
        };
        Ok(Explanation {
            label: format!("depth of the books, {name}"),
            figure: Figure::Share(depth),
            parts: vec![
                share("for risk held", depth_hold),
                share("announced for the next step", announced),
                dollars("volume of a day", volume),
                dollars("vega of a day", vega),
            ],
        })
    }

    pub(crate) fn liquidity_record(&self, id: UnderlyingId) -> Option<LiquidityRecord> {
        let held: &Liquidity = self.liquidity.get(&id)?;
        Some(LiquidityRecord {
            depth: held.depth(),
            usual: held.depths().lower_quartile(),
            hold: held.hold(),
            announced: held.announced(),
            volume: held.volume(),
            vega: held.vega(),
            markets: held.markets().to_vec(),
        })
    }
}
