//! Defaults: debts with who paid them, margin calls, liquidations.

use super::books::Payer;
use super::observer::{Observer, Sample};
use super::page::SHOWN;
use super::trouble::{self, Debt};
use super::winners::{Held, group_of};
use crate::RunReportError;
use machine::State;
use report::tables::{self, AccountRow};
use report::{Cell, Section, Series, Table, Tone, charts, format};
use units::Notional;

pub(super) fn section(
    seen: &Observer,
    state: &State,
    holders: &[Held],
    samples: &[Sample],
) -> Result<Section, RunReportError> {
    let mut fund = Series::new("insurance funds");
    samples.iter().for_each(|sample| fund.push(sample.time, sample.funds));
    let mut section = Section::new(
        "Defaults",
        "Accounts below maintenance margin are reduced in every block; what they cannot pay, the insurance fund of the compartment does, and \
         after it the fees.",
    );
    for chart in charts::liquidations(seen.liquidated.clone(), seen.called.clone()) {
        section = section.chart(chart);
    }
    Ok(section
        .chart(charts::insurance_fund(fund))
        .table(debts(seen, state, holders))
        .table(calls(seen, state))
        .table(tables::accounts(liquidated(seen, state)?).shown(SHOWN)))
}

/// Returns the table of debts: what is owed first.
fn debts(seen: &Observer, state: &State, holders: &[Held]) -> Table {
    let equity = |debt: &Debt| {
        let at = usize::try_from(debt.account.get()).ok();
        at.and_then(|at| holders.get(at)).map_or(0, Held::equity)
    };
    let owed = |debt: &Debt| if debt.ended.is_none() { (-equity(debt)).max(0) } else { 0 };
    let mut all: Vec<&Debt> = seen.trouble.debts.iter().collect();
    all.sort_by_key(|debt| (std::cmp::Reverse(owed(debt)), debt.lowest, debt.since, debt.account));
    let columns = [
        "Account",
        "Group",
        ">Owes at the end",
        ">Most that was missing",
        ">Paid for it",
        "By",
        "Since",
        "Until",
        "Held when it began",
        "Why it stands",
    ];
    let dollars = |micros| format::dollars(Notional::from_micros(micros));
    let mut table = Table::new("Debts", &columns).caption(
        "Accounts that owed more than they had, each time. What was missing need not be what is paid: prices move while positions are open.",
    );
    for debt in &all {
        let by = debt.by.iter().map(|(who, micros)| {
            let names: Vec<_> = who.iter().map(|payer| payer_name(state, *payer)).collect();
            format!("{} {}", names.join(" and "), dollars(*micros))
        });
        let stands = debt.ended.is_none();
        let why = if stands { trouble::why(state, &seen.books, debt) } else { String::new() };
        let tone = if owed(debt) > 0 { Tone::Bad } else { Tone::Neutral };
        table.cells([
            Cell::new(format!("#{}", debt.account)),
            Cell::new(group_of(seen, state, debt.account)),
            Cell::new(dollars(owed(debt))).tone(tone),
            Cell::new(dollars(-debt.lowest.micros())),
            Cell::new(dollars(debt.paid)),
            Cell::new(by.collect::<Vec<_>>().join(", ")),
            Cell::new(format::time(debt.since)),
            Cell::new(debt.ended.map_or_else(|| "stands".to_string(), format::time)),
            Cell::new(debt.held.clone()),
            Cell::new(why),
        ]);
    }
    let paid: i128 = all.iter().map(|debt| debt.paid).sum();
    let owed: i128 = all.iter().map(|debt| owed(debt)).sum();
    table.totals = vec![
        Cell::new("Sum"),
        Cell::new(""),
        Cell::new(dollars(owed)),
        Cell::new(""),
        Cell::new(dollars(paid)),
    ];
    table.totals.resize(table.columns.len(), Cell::new(""));
    table.empty = "No account owed more than it had.".into();
    table.shown(SHOWN)
}

fn payer_name(state: &State, payer: Payer) -> String {
    match payer {
        Payer::Fund(id) => {
            let name = state.underlyings.get(&id).map_or("?", |held| held.name.as_str());
            format!("{name} fund")
        }
        Payer::Fees => "fees".into(),
    }
}

/// Returns the table of margin calls: the largest first.
fn calls(seen: &Observer, state: &State) -> Table {
    let mut all: Vec<_> = seen.trouble.calls.iter().collect();
    all.sort_by_key(|(account, calls)| (std::cmp::Reverse(calls.short_by), **account));
    let columns = [
        "Account",
        "Group",
        ">Short of initial margin",
        ">Calls",
        "First",
        "Last ended",
        ">Brought meanwhile",
        ">Liquidation steps",
    ];
    let count: u64 = all.iter().map(|(_, calls)| calls.count).sum();
    let mut table = Table::new("Margin calls", &columns)
        .caption(format!(
            "{} calls of {} accounts, by the most that was missing when one began.",
            format::count(count),
            format::count(all.len() as u64)
        ))
        .shown(SHOWN);
    for (account, calls) in all {
        let steps = seen.trouble.liquidations.get(account).map_or(0, |held| held.steps);
        let ended = match calls.ended {
            Some(ended) => Cell::new(format::time(ended)),
            None => Cell::new("stands").tone(Tone::Watch),
        };
        table.cells([
            Cell::new(format!("#{account}")),
            Cell::new(group_of(seen, state, *account)),
            Cell::new(format::dollars(calls.short_by)),
            Cell::new(format::count(calls.count)),
            Cell::new(format::time(calls.first)),
            ended,
            Cell::new(format::dollars(Notional::from_micros(calls.brought))),
            Cell::new(format::count(steps)),
        ]);
    }
    table.empty = "No account was called.".into();
    table
}

fn liquidated(seen: &Observer, state: &State) -> Result<Vec<AccountRow>, RunReportError> {
    let Ok(risk) = state.risk() else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for (account, held) in &seen.trouble.liquidations {
        let requirement = state.required(&risk, *account, false)?;
        let conceded = seen.books.conceded(*account);
        rows.push(AccountRow {
            account: format!("#{account} {}", group_of(seen, state, *account)),
            first: held.first,
            last: held.last,
            steps: held.steps,
            filled: conceded.filled,
            lowest: held.lowest,
            conceded: Notional::from_micros(conceded.liquidation),
            equity: requirement.equity,
            initial: requirement.initial,
            maintenance: requirement.maintenance,
        });
    }
    Ok(rows)
}
