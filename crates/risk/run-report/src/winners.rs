//! Who paid and who won: every holder of dollars, by what each movement was for.
//!
//! **Invariant:** the columns are the books' own, so each sums to zero over accounts and house together.

use super::books::{self, Column, Row};
use super::observer::{Observer, Sample};
use super::page::SHOWN;
use crate::RunReportError;
use ledger::Holder;
use machine::State;
use protocol::{AccountIndex, AssetId, UnderlyingId};
use report::{Cell, Money, Section, Series, Table, Tone, charts, format};
use std::collections::BTreeMap;
use units::Notional;

/// What accounts are called that nobody has described.
const ACCOUNTS: &str = "account";
const CASH: &str = "Cash";
const OPEN: &str = "Open contracts";
const COINS: &str = "Coins";
const EQUITY: &str = "Equity";
const RESULT: &str = "Result";
const CONCEDED: &str = "Liquidation discount";

/// A holder of dollars at the end.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) name: String,
    group: String,
    pub(super) account: Option<AccountIndex>,
    row: Row,
    /// What its contracts would be paid at the marks.
    open: i128,
    /// What its coins are worth at the index.
    coins: i128,
}

impl Held {
    fn cash(&self) -> i128 {
        self.row.balance()
    }

    pub(super) fn equity(&self) -> i128 {
        self.cash() + self.open + self.coins
    }

    pub(super) fn result(&self) -> i128 {
        self.row.result() + self.open
    }
}

/// Returns the kind of each account, by its number.
pub(super) fn group_of(seen: &Observer, state: &State, index: AccountIndex) -> String {
    let owner = state.accounts.get(index).map(|held| held.id.owner);
    let group = owner.and_then(|owner| seen.scenario.group(&owner));
    group.map_or_else(|| ACCOUNTS.to_string(), |group| group.name.clone())
}

/// Returns every holder: accounts by number, then the house.
pub(super) fn holdings(seen: &Observer, state: &State) -> Result<Vec<Held>, RunReportError> {
    let mut held = Vec::new();
    for (at, row) in (0u32..).zip(seen.books.accounts()) {
        let index = AccountIndex::new(at);
        held.push(Held {
            name: format!("#{index}"),
            group: group_of(seen, state, index),
            account: Some(index),
            row: *row,
            open: books::open_gains(state, index)?,
            coins: books::coins(state, index)?,
        });
    }
    let open: i128 = held.iter().map(|held| held.open).sum();
    let coins: i128 = held.iter().map(|held| held.coins).sum();
    let mut of_funds = 0;
    for (holder, row) in seen.books.house() {
        let (name, open, coins) = match holder {
            Holder::Insurance(id) => {
                let worth = coins_of(state, holder)?;
                of_funds += worth;
                (fund_name(state, id), 0, worth)
            }
            Holder::Fees => ("trading fees".into(), 0, 0),
            Holder::Clearing(_) => ("clearing: contracts not yet exchanged".into(), -open, 0),
            _ => ("outside: less what is in custody".into(), 0, -coins - of_funds),
        };
        held.push(Held { name, group: String::new(), account: None, row, open, coins });
    }
    Ok(held)
}

fn coins_of(state: &State, holder: Holder) -> Result<i128, RunReportError> {
    let held =
        state.ledger.house().filter(|(who, asset, _)| *who == holder && *asset != AssetId::DOLLAR);
    let mut sum = 0;
    for (_, asset, amount) in held {
        sum += books::coins_worth(state, asset, amount.quantity())?.micros();
    }
    Ok(sum)
}

fn fund_name(state: &State, id: UnderlyingId) -> String {
    let name = state.underlyings.get(&id).map_or("?", |held| held.name.as_str());
    format!("insurance fund, {name}")
}

/// Returns the holders as programs read them.
pub(super) fn holders(
    seen: &Observer,
    state: &State,
) -> Result<Vec<report::Holder>, RunReportError> {
    let money = |micros| Money(Notional::from_micros(micros));
    let shown = holdings(seen, state)?.into_iter().map(|held| {
        let mut dollars: BTreeMap<String, Money> = Column::ALL
            .into_iter()
            .map(|column| (column.name().to_string(), money(held.row.of(column))))
            .collect();
        let conceded = held.account.map(|index| seen.books.conceded(index));
        for (name, micros) in [
            (CASH, held.cash()),
            (OPEN, held.open),
            (COINS, held.coins),
            (EQUITY, held.equity()),
            (RESULT, held.result()),
        ] {
            dollars.insert(name.to_string(), money(micros));
        }
        if let Some(conceded) = conceded {
            dollars.insert(CONCEDED.to_string(), money(conceded.liquidation));
        }
        report::Holder { holder: held.name, group: held.group, dollars }
    });
    Ok(shown.collect())
}

/// Returns who paid and who won: by group and in the house, then account by account.
pub(super) fn section(
    seen: &Observer,
    state: &State,
    holders: &[Held],
    samples: &[Sample],
) -> Result<Section, RunReportError> {
    let mut groups: Vec<(String, Held, usize)> = Vec::new();
    for held in holders {
        let name =
            if held.account.is_some() { format!("{}s", held.group) } else { held.name.clone() };
        match groups.iter_mut().find(|(known, _, _)| *known == name) {
            Some((_, sum, count)) => {
                sum.row.add(&held.row);
                sum.open += held.open;
                sum.coins += held.coins;
                *count += 1;
            }
            None => groups.push((name, held.clone(), 1)),
        }
    }
    // Losers first: they are what the house is asked about.
    groups.sort_by_key(|(name, sum, _)| {
        (sum.account.is_none(), if sum.account.is_some() { sum.result() } else { 0 }, name.clone())
    });
    let columns = used(holders);
    let mut names = vec!["Who".to_string(), ">Accounts".to_string()];
    names.extend(columns.iter().map(|column| format!(">{}", column.name())));
    names.extend([CASH, OPEN, COINS, EQUITY, RESULT].map(|name| format!(">{name}")));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut by_group = Table::new("By group, and in the house", &names).caption(
        "Dollars, to the micro-dollar. The columns up to Debts paid add up to cash; with open contracts at their marks and coins at the index, to \
         equity. The result is what contracts, funding, fees and debts have won or lost. Every column sums to zero: what one has, \
         another has paid or brought.",
    );
    for (name, sum, count) in &groups {
        let count = if sum.account.is_some() { count.to_string() } else { String::new() };
        by_group.cells(
            [Cell::new(name.clone()), Cell::new(count)].into_iter().chain(amounts(sum, &columns)),
        );
    }
    by_group.totals = totals(holders, &columns, 2);
    let mut names = vec!["Account".to_string(), "Group".to_string()];
    names.extend(columns.iter().map(|column| format!(">{}", column.name())));
    names.extend([CASH, OPEN, COINS, EQUITY, RESULT, CONCEDED].map(|name| format!(">{name}")));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut accounts: Vec<&Held> = holders.iter().filter(|held| held.account.is_some()).collect();
    accounts.sort_by_key(|held| (held.result(), held.account));
    let mut by_account = Table::new("By account", &names)
        .caption(
            "As above, largest loss first. Liquidation discount: what the house's orders that reduced the account cost it against the marks; it is \
             part of contracts, and whoever traded with them has it.",
        )
        .shown(SHOWN);
    for held in &accounts {
        let conceded = held.account.map_or(0, |index| seen.books.conceded(index).liquidation);
        by_account.cells(
            [Cell::new(held.name.clone()), Cell::new(held.group.clone())]
                .into_iter()
                .chain(amounts(held, &columns))
                .chain([Cell::new(format::exact(Notional::from_micros(conceded)))]),
        );
    }
    let accounts: Vec<Held> = accounts.into_iter().cloned().collect();
    let conceded: i128 = accounts
        .iter()
        .filter_map(|held| held.account)
        .map(|index| seen.books.conceded(index).liquidation)
        .sum();
    by_account.totals = totals(&accounts, &columns, 2);
    by_account.totals.push(Cell::new(format::exact(Notional::from_micros(conceded))));
    let mut names: Vec<String> =
        seen.scenario.groups.iter().map(|group| format!("{}s", group.name)).collect();
    names.push(if names.is_empty() { "accounts".into() } else { "others".into() });
    let series = names.into_iter().enumerate().map(|(at, name)| {
        let mut series = Series::new(name);
        for sample in samples {
            let won = sample.results.get(at).copied().unwrap_or(0);
            series.push(sample.time, Notional::from_micros(won));
        }
        series
    });
    let series = series.filter(|series| series.values().any(|value| value != 0.0));
    Ok(Section::new("Who paid, who won", "Every movement of dollars, by what it was for.")
        .chart(charts::results(series.collect()))
        .table(by_group)
        .table(by_account)
        .table(coins(state)?))
}

/// Returns the columns that anything stands in.
fn used(holders: &[Held]) -> Vec<Column> {
    let is_used = |column: &Column| {
        let rare = matches!(column, Column::Transfers | Column::Collateral | Column::Unexplained);
        !rare || holders.iter().any(|held| held.row.of(*column) != 0)
    };
    Column::ALL.into_iter().filter(is_used).collect()
}

/// Returns the fields of a holder's dollars.
fn amounts(held: &Held, columns: &[Column]) -> Vec<Cell> {
    let of_columns = columns.iter().map(|column| held.row.of(*column));
    let ends = [held.cash(), held.open, held.coins, held.equity(), held.result()];
    let owes = held.account.is_some() && held.equity() < 0;
    let last = columns.len() + 3;
    of_columns
        .chain(ends)
        .enumerate()
        .map(|(at, micros)| {
            let cell = Cell::new(format::exact(Notional::from_micros(micros)));
            if at == last && owes { cell.tone(Tone::Bad) } else { cell }
        })
        .collect()
}

/// Returns the sums of all columns, behind so many that have none.
fn totals(holders: &[Held], columns: &[Column], before: usize) -> Vec<Cell> {
    let mut sum = Held {
        name: String::new(),
        group: String::new(),
        account: None,
        row: Row::default(),
        open: 0,
        coins: 0,
    };
    for held in holders {
        sum.row.add(&held.row);
        sum.open += held.open;
        sum.coins += held.coins;
    }
    let mut cells = vec![Cell::new("Sum")];
    cells.resize(before, Cell::new(""));
    cells.extend(amounts(&sum, columns));
    cells
}

/// Returns the table of coins: where those in custody are.
fn coins(state: &State) -> Result<Table, RunReportError> {
    let mut table = Table::new(
        "Coins",
        &["Asset", ">In custody", ">Of accounts", ">Of insurance funds", ">At the index"],
    )
    .caption("Units of the asset. What is in custody is what accounts and funds have.");
    for held in state.underlyings.values() {
        let Some(asset) = held.asset else { continue };
        let mut of_accounts = 0;
        for (index, _) in state.accounts.iter() {
            let pledged = state.ledger.collateral(index).filter(|(found, _)| *found == asset);
            of_accounts += pledged.map(|(_, amount)| amount.minor()).sum::<i128>();
        }
        let house = |wanted: fn(&Holder) -> bool| -> i128 {
            let of = state.ledger.house().filter(|(who, found, _)| *found == asset && wanted(who));
            of.map(|(_, _, amount)| amount.minor()).sum()
        };
        let custody = -house(|who| *who == Holder::Outside);
        let funds = house(|who| matches!(who, Holder::Insurance(_)));
        if custody == 0 {
            continue;
        }
        let units = |minor| units::Quantity::from_nanos(minor).to_string();
        let worth = books::coins_worth(state, asset, units::Quantity::from_nanos(custody))?;
        table.row([
            held.name.clone(),
            units(custody),
            units(of_accounts),
            units(funds),
            format::dollars(worth),
        ]);
    }
    table.empty = "Nobody has pledged coins.".into();
    Ok(table)
}
