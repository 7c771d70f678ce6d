//! The scan ranges of each underlying, as they are recorded and explained.

use crate::state::State;
use crate::state::underlying::Underlying;
use borsh::{BorshDeserialize, BorshSerialize};
use margin::{Explanation, Figure};
use protocol::{AccountIndex, Fault, Hash, Mode, ParameterId, UnderlyingId, codec};
use std::collections::BTreeSet;
use thresholds::{Behind, Liquidity, Parameters};
use units::{BlockTime, Num, Ppm, Round};

/// The scan ranges of an underlying and what they were made from; written when they change.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ThresholdsRecord {
    /// Range for orders that add risk.
    pub new_risk: Ppm,
    /// Range for risk held.
    pub hold: Ppm,
    /// Range that risk will be held at.
    pub announced: Ppm,
    /// When it will.
    pub announced_for: BlockTime,
    /// Range that the market asks for.
    pub target: Ppm,
    /// Range that it would ask for if the hour under way had ended.
    pub running: Ppm,
    /// What the target was made from.
    pub behind: Behind,
    /// Hash of all returns kept.
    pub history: Hash,
    /// Hash of the depths of the books kept.
    pub depths: Hash,
}

impl Underlying {
    /// Returns the range for new risk: wider by a quarter while the index is in doubt (0019-MARG-002).
    pub(crate) fn range_new_risk(&self) -> Ppm {
        let range = self.thresholds.new_risk();
        match self.mode {
            Mode::Normal => range,
            Mode::Caution | Mode::ReduceOnly | Mode::Frozen => {
                let wider = range.number().mul_div(Num::new(5), Num::new(4), Round::Up);
                wider.map_or(range, Ppm::from_number).lesser(Parameters::CAP)
            }
        }
    }
}

impl State {
    /// Returns the parameters of an underlying's ranges.
    pub(crate) fn range_parameters(&self, id: UnderlyingId) -> Parameters {
        Parameters::governed(self.ppm(id, ParameterId::ScanRange))
    }

    pub(crate) fn thresholds_record(
        &self,
        id: UnderlyingId,
    ) -> Result<Option<ThresholdsRecord>, Fault> {
        let Some(underlying) = self.underlyings.get(&id) else { return Ok(None) };
        let ranges = &underlying.thresholds;
        let unencodable = |_| Fault::Invariant("state records are encodable");
        let history = codec::encode(ranges.history()).map_err(unencodable)?;
        let depths = self.liquidity.get(&id).map(Liquidity::depths);
        let depths = codec::encode(&depths).map_err(unencodable)?;
        Ok(Some(ThresholdsRecord {
            new_risk: ranges.new_risk(),
            hold: ranges.hold(),
            announced: ranges.announced(),
            announced_for: ranges.step_at(),
            target: ranges.target(),
            running: ranges.running(),
            behind: ranges.behind(),
            history: Hash::of("thresholds", &history),
            depths: Hash::of("depths", &depths),
        }))
    }

    /// Returns what is behind an account's impact and scans: for each underlying it has positions on, depth and volumes, then the
    /// ranges and the others that they were made from.
    pub(crate) fn explain_ranges(&self, account: AccountIndex) -> Result<Vec<Explanation>, Fault> {
        let held = self.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let mut ids = BTreeSet::new();
        for (instrument, _) in held.positions() {
            ids.insert(self.market(*instrument)?.instrument.underlying);
        }
        let share = |label: &str, range, parts| Explanation {
            label: label.into(),
            figure: Figure::Share(range),
            parts,
        };
        let mut parts = Vec::with_capacity(ids.len());
        for id in ids {
            let held = self.underlyings.get(&id).ok_or(Fault::Missing("underlying"))?;
            let (ranges, behind) = (&held.thresholds, held.thresholds.behind());
            let target = vec![
                share("range of history", behind.history, Vec::new()),
                share("quantile of returns, in deviations", behind.quantile, Vec::new()),
                share("range of the stress set", behind.stress, Vec::new()),
            ];
            let of_new = vec![
                share("target", ranges.target(), target),
                share("target with the hour under way", ranges.running(), Vec::new()),
            ];
            let of_held =
                vec![share("announced for the next step", ranges.announced(), Vec::new())];
            let name = &held.name;
            parts.push(self.explain_liquidity(id, name)?);
            parts.push(share(
                &format!("range for new risk, {name}"),
                held.range_new_risk(),
                of_new,
            ));
            parts.push(share(&format!("range for risk held, {name}"), ranges.hold(), of_held));
        }
        Ok(parts)
    }
}
