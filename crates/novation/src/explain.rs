//! Shows the arithmetic behind an account's margin, as a tree or as JSON.

use crate::cli::{AccountName, Height, MarginArgs};
use anyhow::{Context, Result, bail};
use archive::Archive;
use machine::{Account, State};
use margin::{
    Explanation, Figure, Requirement, SCENARIOS, Scenario, ScenarioId, SpotMove, Standing, VolMove,
};
use protocol::{AccountIndex, InstrumentId};
use records::contract_text;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use units::{BlockTime, Ppm, utc_text};

/// What each line of the tree means, for those who see one for the first time.
pub(crate) const LEGEND: &str = "\
How to read this: equity is cash, plus positions at their marks above what they were last settled at, plus pledged
assets. Initial margin is what must be held to add risk, maintenance margin what must be held not to be liquidated.
Both begin with a scan: the whole account is revalued in 48 scenarios of index and volatility, and the worst loss
counts. Gains in one contract offset losses in another: wholly within an expiry, in part across expiries and
underlyings. The scan is the sum of every part's own worst loss times its 'share'. Charges come on top. Dollars are
exact.
";

/// Explains the margin of an account.
pub(crate) fn run(args: &MarginArgs, out: &mut dyn Write) -> Result<()> {
    let archive = Archive::open(&args.dir)?;
    let height = match args.height {
        Height::Latest => None,
        Height::At(height) => Some(height),
    };
    let machine = archive.machine_at(height)?;
    let state = machine.state();
    let (index, account) = find(state, args.account)?;
    let risk = state.risk().context("the margin matrices cannot be built")?;
    let cannot = || format!("the margin of account {} cannot be computed", account.id);
    let requirement = state.required(&risk, index, true).with_context(cannot)?;
    let explanation = state.explain(&risk, index).with_context(cannot)?;
    if args.json {
        let value = json!({
            "account": account.id.to_string(),
            "index": index.get(),
            "height": state.height.to_string(),
            "time": utc_text(state.time),
            "standing": standing(&requirement),
            "explanation": tree(&explanation),
        });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)?;
        return Ok(());
    }
    let (height, time) = (state.height, utc_text(state.time));
    writeln!(out, "Margin of account {} (#{index}) after block {height}, {time}\n", account.id)?;
    writeln!(out, "{LEGEND}")?;
    for (instrument, position) in account.positions() {
        writeln!(out, "{:>8} lots of {}", position.lots.to_string(), market(state, *instrument))?;
    }
    writeln!(
        out,
        "{:>8} open orders, each counted where filling it would hurt\n",
        account.orders().len()
    )?;
    write_tree(&explanation, &state.margin_parameters().scenarios, out)?;
    writeln!(out, "\nstanding: {}", standing(&requirement))?;
    Ok(())
}

fn find(state: &State, name: AccountName) -> Result<(AccountIndex, &Account)> {
    let index = match name {
        AccountName::Index(index) => Some(index),
        AccountName::Id(id) => state.accounts.index(id),
    };
    let found = index.and_then(|index| state.accounts.get(index).map(|account| (index, account)));
    match (found, name) {
        (Some(found), _) => Ok(found),
        (None, AccountName::Id(id)) => {
            bail!(
                "account {id} is not open after block {}: no deposit has reached it",
                state.height
            )
        }
        (None, AccountName::Index(index)) => {
            bail!(
                "there is no account #{index} after block {}: there are {}",
                state.height,
                state.accounts.len()
            )
        }
    }
}

fn market(state: &State, id: InstrumentId) -> String {
    match state.markets.get(&id) {
        Some(market) => {
            let instrument = &market.instrument;
            format!("market {id}, {}", contract_text(instrument.underlying, &instrument.contract))
        }
        None => format!("market {id}"),
    }
}

/// Returns where an account stands, and what that means for it.
pub(crate) fn standing(requirement: &Requirement) -> &'static str {
    match requirement.standing() {
        Standing::Healthy => "healthy: may add risk",
        Standing::ReduceOnly => "below initial margin: may only reduce",
        Standing::Liquidatable => "below maintenance margin: is being liquidated",
        Standing::Takeover => "below two thirds of maintenance margin: to be taken over",
        Standing::Insolvent => "owes more than it has",
    }
}

/// Returns an explanation as JSON; dollars and shares as exact decimal text.
pub(crate) fn tree(explanation: &Explanation) -> Value {
    let (kind, figure) = match explanation.figure {
        Figure::Dollars(dollars) => ("dollars", json!(dollars.to_string())),
        Figure::Share(share) => ("share", json!(share.to_string())),
        Figure::Scenario(scenario) => ("scenario", json!(scenario.get())),
    };
    let parts: Vec<_> = explanation.parts.iter().map(tree).collect();
    json!({ "label": explanation.label, kind: figure, "parts": parts })
}

/// Prints an explanation, and below it what the scenarios that it names are.
pub(crate) fn write_tree(
    explanation: &Explanation,
    scenarios: &[Scenario; SCENARIOS],
    out: &mut dyn Write,
) -> Result<()> {
    write_part(explanation, 0, out)?;
    let mut named = BTreeSet::new();
    collect_scenarios(explanation, &mut named);
    for id in named {
        if let Some(scenario) = scenarios.get(usize::from(id.get())) {
            writeln!(out, "scenario #{id}: {}", scenario_text(scenario))?;
        } else if let Some((_, text)) = BESIDE.iter().find(|(beside, _)| *beside == id) {
            writeln!(out, "scenario #{id}: {text}")?;
        }
    }
    Ok(())
}

fn write_part(part: &Explanation, depth: usize, out: &mut dyn Write) -> Result<()> {
    let label = format!("{}{}", "  ".repeat(depth), label(&part.label));
    writeln!(out, "{label:<56}{:>24}", part.figure)?;
    part.parts.iter().try_for_each(|part| write_part(part, depth + 1, out))
}

/// Returns a label with its expiry as a date.
fn label(label: &str) -> String {
    let millis = label.strip_prefix("expiry ").and_then(|millis| millis.parse().ok());
    match millis {
        Some(millis) => format!("expiry {}", utc_text(BlockTime::from_millis(millis))),
        None => label.to_string(),
    }
}

fn collect_scenarios(explanation: &Explanation, named: &mut BTreeSet<ScenarioId>) {
    if let Figure::Scenario(id) = explanation.figure {
        named.insert(id);
    }
    explanation.parts.iter().for_each(|part| collect_scenarios(part, named));
}

/// What happens in the scenarios beside the set (0019-MARG-040, 042).
const BESIDE: [(ScenarioId, &str); 2] = [
    (ScenarioId::BASIS, "index unmoved, each perpetual at the worse edge of its band"),
    (
        ScenarioId::STRIKE,
        "index where a forward meets a strike of what ends within a day, which pays",
    ),
];

/// Returns what happens in a scenario.
fn scenario_text(scenario: &Scenario) -> String {
    let percent = |parts: i128| Ppm::from_parts(parts * 100);
    let spot = match scenario.spot {
        SpotMove::Range(Ppm::ZERO) => "index unmoved".to_string(),
        SpotMove::Range(share) if share > Ppm::ZERO => {
            format!("index +{} % of the scan range", percent(share.parts()))
        }
        SpotMove::Range(share) => {
            format!("index {} % of the scan range", percent(share.parts()))
        }
        SpotMove::Ratio(ratio) if ratio > Ppm::ZERO => {
            format!("index +{} %", percent(ratio.parts()))
        }
        SpotMove::Ratio(ratio) => format!("index {} %", percent(ratio.parts())),
    };
    let vol = match scenario.vol {
        VolMove::Down => "vols down",
        VolMove::Same => "vols unmoved",
        VolMove::Up => "vols up",
        VolMove::SkewUp => "high strikes dearer",
        VolMove::SkewDown => "low strikes dearer",
        VolMove::WingsUp => "both wings dearer",
        VolMove::WingsDown => "both wings cheaper",
        VolMove::FrontUp => "near expiries dearer, far ones cheaper",
        VolMove::FrontDown => "near expiries cheaper, far ones dearer",
    };
    format!("{spot}, {vol}; {} % of the loss counts", percent(scenario.weight.parts()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use margin::STANDARD;

    #[test]
    fn scenarios_are_said_in_words() {
        for (number, words) in [
            (2, "index -100 % of the scan range, vols up; 100 % of the loss counts"),
            (16, "index unmoved, vols unmoved; 100 % of the loss counts"),
            (37, "index -66 %, vols up; 21 % of the loss counts"),
            (41, "index +300 %, vols up; 4.62 % of the loss counts"),
            (43, "index unmoved, low strikes dearer; 100 % of the loss counts"),
        ] {
            assert_eq!(scenario_text(&STANDARD[number]), words);
        }
    }

    #[test]
    fn an_expiry_is_shown_as_a_date_and_other_labels_as_they_are() {
        assert_eq!(label("expiry 1584000000000"), "expiry 2020-03-12T08:00:00Z");
        assert_eq!(label("expiry unknown"), "expiry unknown");
        assert_eq!(label("least scan"), "least scan");
    }
}
