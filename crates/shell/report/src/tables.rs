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
    let mut table = Table::new("Refusals by code", &[">Code", "Reason", ">Commands", ">Share"]);
    for row in rows {
        let share = format!("{:.1} %", row.count as f64 * 100.0 / total.max(1) as f64);
        table.row([row.code.to_string(), row.reason, format::count(row.count), share]);
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

/// An account and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// The account.
    pub account: String,
    /// Collateral and profit.
    pub equity: Notional,
    /// What it must hold to take more risk.
    pub initial: Notional,
    /// What it must hold not to be liquidated.
    pub maintenance: Notional,
    /// Value of its positions, added up without sign.
    pub exposure: Notional,
    /// A remark, such as what became of it.
    pub remark: String,
}

/// Returns a table of accounts in the order given.
#[must_use]
pub fn accounts(title: &str, rows: Vec<AccountRow>) -> Table {
    let columns = [
        "Account",
        ">Equity",
        ">Initial margin",
        ">Maintenance margin",
        ">Equity / maintenance",
        ">Exposure",
        "Remark",
    ];
    let mut table = Table::new(title, &columns);
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
        table.cells([
            Cell::new(row.account),
            Cell::new(format::dollars(row.equity)).tone(tone),
            Cell::new(format::dollars(row.initial)),
            Cell::new(format::dollars(row.maintenance)),
            Cell::new(cover).tone(tone),
            Cell::new(format::dollars(row.exposure)),
            Cell::new(row.remark),
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
    /// Dollars that changed hands.
    pub paid: Notional,
}

/// Returns the table of expiries, in the order given.
#[must_use]
pub fn expiries(rows: Vec<ExpiryRow>) -> Table {
    let columns = ["Instrument", "Expired", ">Settlement price", ">Open lots", ">Paid"];
    let mut table = Table::new("Expiry settlement", &columns);
    for row in rows {
        table.row([
            row.instrument,
            format::time(row.expired_at),
            format::price(row.settlement),
            format::lots(row.lots),
            format::dollars(row.paid),
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
        let codes: Vec<_> = table.rows.iter().map(|row| row[0].text.as_str()).collect();
        assert_eq!(codes, ["3", "5", "7"]);
        assert_eq!(table.rows[0][3].text, "99.3 %");
        assert!(refusals(Vec::new()).rows.is_empty());
    }

    #[test]
    fn accounts_below_their_margins_stand_out() {
        let dollars = |dollars: i128| Notional::from_micros(dollars * 1_000_000);
        let row = |equity| AccountRow {
            account: "a".into(),
            equity: dollars(equity),
            initial: dollars(20),
            maintenance: dollars(10),
            exposure: dollars(100),
            remark: String::new(),
        };
        let table = accounts("Worst", vec![row(5), row(15), row(25)]);
        let tones: Vec<_> = table.rows.iter().map(|row| row[1].tone).collect();
        assert_eq!(tones, [Tone::Bad, Tone::Watch, Tone::Neutral]);
        assert_eq!(table.rows[0][4].text, "0.50");
    }
}
