//! The numbers of a run that programs read, in `report.json`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use units::Notional;

use crate::format::{self, count};
use crate::model::{Figure, Tone};

/// What happened, in numbers. Money is exact decimal text in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Blocks applied.
    pub blocks: u64,
    /// Commands in them.
    pub commands: u64,
    /// Fills.
    pub fills: u64,
    /// Liquidation steps.
    pub liquidations: u64,
    /// Commands refused.
    pub refusals: u64,
    /// Markets halted at the end.
    pub halted_markets: Vec<HaltedMarket>,
    /// Dollars in the insurance fund at the end.
    #[serde(with = "as_text")]
    pub insurance_fund: Notional,
    /// Whether the sum of all balances never differed from what was paid in less what was paid out.
    pub conservation_ok: bool,
    /// Margin calls.
    pub margin_calls: u64,
    /// Dollars that insurance funds and fees have paid of accounts' debts.
    #[serde(with = "as_text")]
    pub debts_paid: Notional,
    /// Root of the state after the last block, in hexadecimal.
    pub state_root: String,
    /// Name of the data that the run used.
    pub data: String,
    /// What each account, fund and the house brought, was paid and holds.
    pub holders: Vec<Holder>,
}

/// What one holder of dollars brought, was paid and holds, by the names of the columns of the report's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The account, or what of the house it is.
    pub holder: String,
    /// What kind of account it is; empty for the house.
    pub group: String,
    /// Dollars, by what they were for.
    pub dollars: BTreeMap<String, Money>,
}

/// Dollars, as exact text in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money(#[serde(with = "as_text")] pub Notional);

/// A market that stands still, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltedMarket {
    /// The market.
    pub market: String,
    /// Why.
    pub reason: String,
}

impl Summary {
    /// Returns the summary as JSON, indented, with a newline at the end.
    ///
    /// # Errors
    ///
    /// As the serialiser says; no summary is known to have no JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Returns the numbers that people read first.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let conservation = if self.conservation_ok { "holds" } else { "violated" };
        let kept = if self.conservation_ok { Tone::Good } else { Tone::Bad };
        let halted = self.halted_markets.len();
        let names: Vec<_> = self.halted_markets.iter().map(|halt| halt.market.as_str()).collect();
        let stand = if halted == 0 { "all trade".to_string() } else { names.join(", ") };
        let solvent = if self.insurance_fund < Notional::ZERO { Tone::Bad } else { Tone::Neutral };
        vec![
            Figure::new("Conservation of money", conservation).tone(kept).note("after every block"),
            Figure::new("Markets halted", halted.to_string())
                .tone(if halted == 0 { Tone::Good } else { Tone::Watch })
                .note(stand),
            Figure::new("Insurance fund", format::dollars(self.insurance_fund))
                .tone(solvent)
                .note("at the end"),
            Figure::new("Liquidation steps", count(self.liquidations)),
            Figure::new("Blocks", count(self.blocks)),
            Figure::new("Commands", count(self.commands))
                .note(format!("{} refused", count(self.refusals))),
            Figure::new("Fills", count(self.fills)),
            Figure::new("Margin calls", count(self.margin_calls)),
            Figure::new("Debts paid by funds and fees", format::dollars(self.debts_paid)),
        ]
    }

    /// Returns the summary of a JSON text.
    ///
    /// # Errors
    ///
    /// If the text is not a summary.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Money as its exact text.
mod as_text {
    use super::{Deserialize, Deserializer, Notional, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Notional, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Notional, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_money_as_exact_text_and_reads_back() {
        let summary = Summary {
            blocks: 2_641,
            commands: 1_000_000,
            fills: 412_345,
            liquidations: 1_204,
            refusals: 331,
            halted_markets: vec![HaltedMarket { market: "BTC".into(), reason: "stale".into() }],
            insurance_fund: Notional::from_micros(9_007_199_254_740_993_000_001),
            conservation_ok: true,
            margin_calls: 266,
            debts_paid: Notional::from_micros(1),
            state_root: "ab".repeat(32),
            data: "march-2020".into(),
            holders: vec![Holder {
                holder: "#7".into(),
                group: "traders".into(),
                dollars: [("cash".to_string(), Money(Notional::from_micros(-1)))].into(),
            }],
        };
        let json = summary.to_json().unwrap();
        // 2^53 + 1 dollars and a millionth: no float holds it.
        assert!(json.contains("\"insurance_fund\": \"9007199254740993.000001\""), "{json}");
        assert!(json.contains("\"cash\": \"-0.000001\""), "{json}");
        assert_eq!(Summary::from_json(&json).unwrap(), summary);
    }
}
