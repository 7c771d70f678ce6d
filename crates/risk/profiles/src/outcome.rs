//! What every profile answers with.

use crate::decimal::text_of;
use crate::error::Error;
use serde::Serialize;
use std::collections::BTreeMap;

/// A scenario, and what the portfolio gains in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScenarioProfit {
    /// Its name.
    pub id: String,
    /// The gain as the rule book counts it, dampening included.
    pub pnl: String,
}

/// The margin of a portfolio. Numbers are decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Initial margin, in the sign of the rule book.
    pub initial_margin: String,
    /// Maintenance margin, in the sign of the rule book.
    pub maintenance_margin: String,
    /// What positions and collateral are worth; cash does not count.
    pub mark_to_market: String,
    /// Every scenario.
    pub scenarios: Vec<ScenarioProfit>,
    /// The worst gain that the rule book found.
    pub worst: String,
    /// What the margins are made of. Always `equity`, `requirement_initial`, `requirement_maintenance` and
    /// `worst_scenario`, in one sign for all profiles.
    pub components: BTreeMap<String, String>,
}

/// The numbers of a profile that computes in floats, before they become text.
#[derive(Debug, Default)]
pub(crate) struct Floats {
    pub(crate) initial_margin: f64,
    pub(crate) maintenance_margin: f64,
    pub(crate) mark_to_market: f64,
    pub(crate) cash: f64,
    /// What must be held, in one sign for all profiles.
    pub(crate) requirement: (f64, f64),
    pub(crate) scenarios: Vec<(String, f64)>,
    pub(crate) worst: (String, f64),
    pub(crate) components: Vec<(String, f64)>,
}

impl Floats {
    pub(crate) fn outcome(self) -> Result<Outcome, Error> {
        let mut components = BTreeMap::new();
        for (name, value) in self.components {
            components.insert(name, text_of(value)?);
        }
        let equity = self.mark_to_market + self.cash;
        components.insert("equity".into(), text_of(equity)?);
        components.insert("requirement_initial".into(), text_of(self.requirement.0)?);
        components.insert("requirement_maintenance".into(), text_of(self.requirement.1)?);
        components.insert("worst_scenario".into(), self.worst.0);
        let scenarios = self
            .scenarios
            .into_iter()
            .map(|(id, pnl)| Ok(ScenarioProfit { id, pnl: text_of(pnl)? }))
            .collect::<Result<_, Error>>()?;
        Ok(Outcome {
            initial_margin: text_of(self.initial_margin)?,
            maintenance_margin: text_of(self.maintenance_margin)?,
            mark_to_market: text_of(self.mark_to_market)?,
            scenarios,
            worst: text_of(self.worst.1)?,
            components,
        })
    }
}

/// Returns the first scenario with the least gain; nothing lost if there is none.
pub(crate) fn worst_of(scenarios: &[(String, f64)]) -> (String, f64) {
    // Nothing lost is no less than nothing gained.
    let gain = |scenario: &(String, f64)| scenario.1 + 0.0;
    let least = scenarios.iter().min_by(|left, right| gain(left).total_cmp(&gain(right)));
    least.cloned().unwrap_or_default()
}
