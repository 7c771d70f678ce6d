//! The tables that every run has, each from typed rows.

use units::{BlockTime, Lots, Notional, Price};

use crate::format;
use crate::model::{Cell, Table, Tone};

/// How often commands were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRow {
    /// The stable code.
    pub code: u16,
    /// The reason, as a sentence.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Returns the table of refusals, most frequent first.
#[must_use]
pub fn refusals(mut rows: Vec<RefusalRow>) -> Table {
    rows.sort_by_key(|row| (std::cmp::Reverse(row.count), row.code));
    let total: u64 = rows.iter().map(|row| row.count).sum();
    let mut table = Table::new("Refusals by code", &["Reason", ">Code", ">Commands", ">Share"])
        .caption("A post-only quote at a price at which it could trade at once is refused, not filled: in a fast market those of the last prices are.")
        .shown(8);
    for row in rows {
        let share = format!("{:.1} %", row.count as f64 * 100.0 / total.max(1) as f64);
        table.row([row.reason, row.code.to_string(), format::count(row.count), share]);
    }
    table.empty = "No command was refused.".to_string();
    table
}

/// A halt of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaltRow {
    /// The market.
    pub market: String,
    /// Why.
    pub reason: String,
    /// When it began.
    pub since: BlockTime,
    /// When it ended; absent if it stands.
    pub until: Option<BlockTime>,
}

/// Returns the table of halts, by time.
#[must_use]
pub fn halts(mut rows: Vec<HaltRow>) -> Table {
    rows.sort_by_key(|row| row.since);
    let mut table = Table::new("Halts", &["Market", "From", "Until", "Reason"]);
    for row in rows {
        let until = match row.until {
            Some(until) => Cell::new(format::time(until)),
            None => Cell::new("stands").tone(Tone::Bad),
        };
        let since = Cell::new(format::time(row.since));
        table.cells([Cell::new(row.market), since, until, Cell::new(row.reason)]);
    }
    table.empty = "No market was halted.".to_string();
    table
}

/// An account that was liquidated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// The account.
    pub account: String,
    /// When the first step was taken.
    pub first: BlockTime,
    /// And the last.
    pub last: BlockTime,
    /// Steps taken.
    pub steps: u64,
    /// Blocks in which an order that reduced it was filled.
    pub filled: u64,
    /// The least that it had before a step.
    pub lowest: Notional,
    /// What those orders cost it against the marks.
    pub conceded: Notional,
    /// Collateral and profit at the end.
    pub equity: Notional,
    /// What it must hold to take more risk.
    pub initial: Notional,
    /// What it must hold not to be liquidated.
    pub maintenance: Notional,
}

/// Returns the table of accounts that were liquidated, lowest equity first.
#[must_use]
pub fn accounts(mut rows: Vec<AccountRow>) -> Table {
    rows.sort_by(|a, b| (a.lowest, &a.account).cmp(&(b.lowest, &b.account)));
    let columns = [
        "Account",
        ">Lowest equity",
        "First step",
        "Last step",
        ">Steps",
        ">Blocks filled",
        ">Against the mark",
        ">Equity at the end",
        ">Maintenance margin",
        ">Equity / maintenance",
    ];
    let mut table = Table::new("Accounts liquidated", &columns).caption(format!(
        "{} accounts, lowest equity first. A step that nobody bids for is taken again in the next block. Against the mark: what \
         the house's orders cost the account.",
        format::count(rows.len() as u64)
    ));
    table.empty = "No account was liquidated.".to_string();
    for row in rows {
        let tone = if row.equity < row.maintenance {
            Tone::Bad
        } else if row.equity < row.initial {
            Tone::Watch
        } else {
            Tone::Neutral
        };
        let cover = if row.maintenance == Notional::ZERO {
            "–".to_string()
        } else {
            format!("{:.2}", row.equity.micros() as f64 / row.maintenance.micros() as f64)
        };
        let below = if row.lowest < Notional::ZERO { Tone::Bad } else { Tone::Neutral };
        table.cells([
            Cell::new(row.account),
            Cell::new(format::dollars(row.lowest)).tone(below),
            Cell::new(format::time(row.first)),
            Cell::new(format::time(row.last)),
            Cell::new(format::count(row.steps)),
            Cell::new(format::count(row.filled)),
            Cell::new(format::dollars(row.conceded)),
            Cell::new(format::dollars(row.equity)).tone(tone),
            Cell::new(format::dollars(row.maintenance)),
            Cell::new(cover).tone(tone),
        ]);
    }
    table
}

/// The settlement of one expired instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiryRow {
    /// The instrument.
    pub instrument: String,
    /// When it expired.
    pub expired_at: BlockTime,
    /// The price it settled at.
    pub settlement: Price,
    /// Contracts open on one side.
    pub lots: Lots,
    /// The same in units of the underlying.
    pub units: String,
    /// Dollars that one side paid the other; absent where variation margin has paid them before.
    pub paid: Option<Notional>,
}

/// Returns the table of expiries: what paid most first, and what nobody held folded away.
#[must_use]
pub fn expiries(mut rows: Vec<ExpiryRow>) -> Table {
    rows.sort_by_key(|row| {
        let paid = row.paid.unwrap_or(Notional::ZERO);
        (std::cmp::Reverse((paid, row.lots)), row.expired_at)
    });
    let held = rows.iter().filter(|row| row.lots > Lots::ZERO).count();
    let columns =
        ["Instrument", "Expired", ">Settlement price", ">Open units", ">Open lots", ">Paid"];
    let mut table = Table::new("Expiry settlement", &columns)
        .caption("Units are of the underlying. A future has been paid by variation margin, hour by hour, when it ends.")
        .shown(held);
    for row in rows {
        let paid = row.paid.map_or_else(|| "by variation".to_string(), format::dollars);
        table.row([
            row.instrument,
            format::time(row.expired_at),
            format::price(row.settlement),
            row.units,
            format::lots(row.lots),
            paid,
        ]);
    }
    table.empty = "Nothing expired.".to_string();
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_listed_most_frequent_first() {
        let row = |code, count| RefusalRow { code, reason: format!("reason {code}"), count };
        let table = refusals(vec![row(7, 1), row(3, 300), row(5, 1)]);
        let codes: Vec<_> = table.rows.iter().map(|row| row[1].text.as_str()).collect();
        assert_eq!(codes, ["3", "5", "7"]);
        assert_eq!(table.rows[0][3].text, "99.3 %");
        assert!(refusals(Vec::new()).rows.is_empty());
    }

    #[test]
    fn accounts_below_their_margins_stand_out() {
        let dollars = |dollars: i128| Notional::from_micros(dollars * 1_000_000);
        let row = |lowest, equity| AccountRow {
            account: "a".into(),
            first: BlockTime::from_millis(0),
            last: BlockTime::from_millis(0),
            steps: 1,
            filled: 1,
            lowest: dollars(lowest),
            conceded: dollars(1),
            equity: dollars(equity),
            initial: dollars(20),
            maintenance: dollars(10),
        };
        let table = accounts(vec![row(7, 25), row(-1, 5), row(2, 15)]);
        let tones: Vec<_> = table.rows.iter().map(|row| row[7].tone).collect();
        assert_eq!(tones, [Tone::Bad, Tone::Watch, Tone::Neutral], "lowest first");
        assert_eq!((table.rows[0][1].tone, table.rows[1][1].tone), (Tone::Bad, Tone::Neutral));
        assert_eq!(table.rows[0][9].text, "0.50");
    }

    #[test]
    fn an_expiry_that_paid_comes_before_one_that_nobody_held_and_a_future_has_paid_before() {
        let row = |name: &str, lots: i128, paid: Option<i128>| ExpiryRow {
            instrument: name.into(),
            expired_at: BlockTime::from_millis(0),
            settlement: Price::from_micros(5_000_000),
            lots: Lots::from_count(lots),
            units: "0.35".into(),
            paid: paid.map(Notional::from_micros),
        };
        let rows = vec![
            row("idle", 0, Some(0)),
            row("future", 350, None),
            row("put", 35, Some(7_000_000)),
        ];
        let table = expiries(rows);
        let names: Vec<_> = table.rows.iter().map(|row| row[0].text.as_str()).collect();
        assert_eq!((names.as_slice(), table.shown), (&["put", "future", "idle"][..], 2));
        assert_eq!(
            (table.rows[0][5].text.as_str(), table.rows[1][5].text.as_str()),
            ("$7.00", "by variation")
        );
    }
}
