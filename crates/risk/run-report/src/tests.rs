//! Reports of histories that an adversary has drawn: what they say is held against the state, counted again here.

use super::books::Column;
use super::{Observer, Scenario, page};
use ledger::Holder;
use machine::{Machine, State};
use protocol::{AssetId, Block, Event, Receipt};
use report::{RunReport, Table};
use std::collections::BTreeMap;
use units::Notional;

/// Histories that are played.
const SEEDS: std::ops::Range<u64> = 0..40;

/// What has been counted of a history without any of the report's code.
#[derive(Debug, Default)]
struct Counted {
    blocks: u64,
    fees: BTreeMap<u32, i128>,
    debts: BTreeMap<u32, i128>,
    brought: BTreeMap<u32, i128>,
    taken: BTreeMap<u32, i128>,
    sold: BTreeMap<u32, i128>,
    calls: u64,
    steps: u64,
    funded: i128,
}

impl Counted {
    fn take(&mut self, state: &State, block: &Block, outcome: &machine::Outcome) {
        self.blocks += 1;
        let add = |to: &mut BTreeMap<u32, i128>, who: protocol::AccountIndex, what: i128| {
            *to.entry(who.get()).or_default() += what;
        };
        for event in &outcome.events {
            match event {
                Event::Filled { account, fee, .. } => add(&mut self.fees, *account, -fee.micros()),
                Event::DebtCovered { account, amount, .. } => {
                    add(&mut self.debts, *account, amount.micros());
                }
                Event::CollateralSold { account, paid, .. } => {
                    add(&mut self.sold, *account, paid.micros());
                }
                Event::CollateralBought { seller, buyer, paid, .. } => {
                    add(&mut self.sold, *buyer, -paid.micros());
                    if let Some(seller) = seller {
                        add(&mut self.sold, *seller, paid.micros());
                    }
                }
                Event::Deposited { account, asset, amount, .. } if *asset == AssetId::DOLLAR => {
                    add(&mut self.brought, *account, amount.minor());
                }
                Event::Withdrawn { account, asset, amount, .. } if *asset == AssetId::DOLLAR => {
                    add(&mut self.taken, *account, -amount.minor());
                }
                Event::MarginCalled { .. } => self.calls += 1,
                Event::Liquidated { .. } => self.steps += 1,
                Event::Funded { paid, .. } => self.funded += paid.micros(),
                _ => {}
            }
        }
        for (sent, receipt) in block.transactions.iter().zip(&outcome.receipts) {
            if let protocol::Command::Transfer { sub, to, asset, amount } = &sent.command
                && *receipt == Receipt::Done
                && *asset == AssetId::DOLLAR
            {
                let from = protocol::AccountId { owner: sent.sender, sub: *sub };
                let ends = state.accounts.index(from).zip(state.accounts.index(*to));
                let (from, to) = ends.expect("both are open");
                // In one column here, as what comes and goes.
                add(&mut self.sold, from, -amount.minor());
                add(&mut self.sold, to, amount.minor());
            }
        }
    }
}

/// Plays a history; returns the state it ends in, its report, and what has been counted besides.
fn played(seed: u64) -> (State, RunReport, Counted) {
    let (genesis, blocks) = adversary::blocks(&adversary::history(seed));
    let (mut machine, _) = Machine::found(&genesis).expect("it is sound");
    let mut observer = Observer::found(machine.state(), Scenario::reported(&genesis.chain));
    let mut counted = Counted::default();
    for block in &blocks {
        let outcome = machine.apply(block).expect("it follows");
        observer.block(machine.state(), block, &outcome).expect("it is observed");
        counted.take(machine.state(), block, &outcome);
    }
    let report = page::make(&observer, machine.state(), "root").expect("a report");
    (machine.state().clone(), report, counted)
}

fn table<'a>(report: &'a RunReport, title: &str) -> &'a Table {
    let mut tables = report.sections.iter().flat_map(|section| &section.tables);
    tables.find(|table| table.title == title).expect("such a table")
}

/// Returns micro-dollars as a table shows them.
fn micros(shown: &str) -> i128 {
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    let value: i128 = digits.parse().expect("a number");
    if shown.starts_with('−') { -value } else { value }
}

/// Returns a field of a row by the name of its column.
fn field(table: &Table, row: &[report::Cell], column: &str) -> i128 {
    let at = table.columns.iter().position(|held| held.name == column);
    at.map_or(0, |at| micros(&row[at].text))
}

#[test]
fn every_number_of_the_tables_is_what_the_state_and_the_events_come_to() {
    let mut reached: BTreeMap<&str, i128> = BTreeMap::new();
    for seed in SEEDS {
        let (state, report, counted) = played(seed);
        let accounts = table(&report, "By account");
        assert_eq!(accounts.rows.len(), state.accounts.len(), "seed {seed}");
        for row in &accounts.rows {
            let number: u32 = row[0].text.trim_start_matches('#').parse().expect("a number");
            let index = protocol::AccountIndex::new(number);
            let of = |held: &BTreeMap<u32, i128>| held.get(&number).copied().unwrap_or(0);
            let shown = |column: &str| field(accounts, row, column);
            let at = format!("seed {seed}, account {number}");
            let cash = state.ledger.cash(index).micros();
            assert_eq!(shown("Cash"), cash, "{at}");
            assert_eq!(shown("Brought in"), of(&counted.brought), "{at}");
            assert_eq!(shown("Taken out"), of(&counted.taken), "{at}");
            assert_eq!(shown("Fees") + shown("Liquidation fees"), of(&counted.fees), "{at}");
            assert_eq!(shown("Debts paid"), of(&counted.debts), "{at}");
            assert_eq!(shown("Coins sold") + shown("Transfers"), of(&counted.sold), "{at}");
            // What is left of the balance is what contracts and funding have paid.
            let rest =
                [&counted.brought, &counted.taken, &counted.fees, &counted.debts, &counted.sold];
            let rest = cash - rest.into_iter().map(of).sum::<i128>();
            assert_eq!(shown("Contracts") + shown("Funding"), rest, "{at}");
            // Margin counts coins in whole lots, each worth at most ten dollars.
            let risk = state.risk().expect("matrices");
            let equity = state.required(&risk, index, false).expect("measured").equity.micros();
            let coins = state.ledger.collateral(index).count();
            let more = shown("Equity") - equity;
            let most = i128::try_from(coins).expect("few") * 10_000_000;
            assert!((0..=most).contains(&more), "{at}: {more}");
        }
        // What was paid in funding, by those who paid on the whole, was paid in exchanges.
        let paid: i128 =
            accounts.rows.iter().map(|row| field(accounts, row, "Funding").min(0)).sum();
        assert!(-paid <= counted.funded, "seed {seed}");
        for (what, count) in [
            ("fees", -counted.fees.values().sum::<i128>()),
            ("funding", -paid),
            ("calls", i128::from(counted.calls)),
            ("steps", i128::from(counted.steps)),
            ("transfers and coins", counted.sold.values().map(|sum| sum.abs()).sum()),
            ("withdrawals", -counted.taken.values().sum::<i128>()),
        ] {
            *reached.entry(what).or_default() += count;
        }
        assert_eq!(report.summary.margin_calls, counted.calls, "seed {seed}");
        assert_eq!(report.summary.liquidations, counted.steps, "seed {seed}");
        let debts = table(&report, "Debts");
        let cents = |micros: i128| report::format::dollars(Notional::from_micros(micros));
        let paid = counted.debts.values().sum::<i128>();
        assert_eq!(debts.totals[4].text, cents(paid), "seed {seed}");
        assert_eq!(report.summary.debts_paid.micros(), paid, "seed {seed}");
    }
    // Whose histories come to debts: the demo's.
    let never: Vec<_> = reached.iter().filter(|(_, sum)| **sum == 0).collect();
    assert!(never.is_empty(), "the histories have none of {never:?}");
}

#[test]
fn every_column_sums_to_zero_and_every_row_to_the_ledgers_balance() {
    for seed in SEEDS {
        let (state, report, _) = played(seed);
        let holders = &report.summary.holders;
        let sum = |column: &str| -> i128 {
            holders.iter().filter_map(|held| held.dollars.get(column)).map(|m| m.0.micros()).sum()
        };
        for column in Column::ALL.map(Column::name).into_iter().chain([
            "Cash",
            "Open contracts",
            "Coins",
            "Equity",
            "Result",
        ]) {
            assert_eq!(sum(column), 0, "seed {seed}: {column}");
        }
        let unexplained = |held: &&report::Holder| held.dollars["Unexplained"].0 != Notional::ZERO;
        assert_eq!(holders.iter().find(unexplained), None, "seed {seed}");
        let groups = table(&report, "By group, and in the house");
        for (place, total) in groups.totals.iter().enumerate().skip(2) {
            assert_eq!(micros(&total.text), 0, "seed {seed}: {}", groups.columns[place].name);
            let shown: i128 = groups.rows.iter().map(|row| micros(&row[place].text)).sum();
            assert_eq!(shown, 0, "seed {seed}: {}", groups.columns[place].name);
        }
        let house = |name: &str| {
            let held =
                holders.iter().find(|held| held.holder.starts_with(name)).expect("it is listed");
            held.dollars["Cash"].0.micros()
        };
        let ledger = |holder| state.ledger.balance(holder, AssetId::DOLLAR).minor();
        for (id, held) in &state.underlyings {
            let name = format!("insurance fund, {}", held.name);
            assert_eq!(house(&name), ledger(Holder::Insurance(*id)), "seed {seed}");
        }
        assert_eq!(house("trading fees"), ledger(Holder::Fees), "seed {seed}");
        assert_eq!(house("outside"), ledger(Holder::Outside), "seed {seed}");
    }
}

#[test]
fn a_tile_says_what_its_chart_ends_with() {
    let mut ends = std::collections::BTreeSet::new();
    for seed in SEEDS {
        let (state, report, counted) = played(seed);
        ends.insert(counted.blocks % 8);
        let charts: Vec<_> = report.sections.iter().flat_map(|section| &section.charts).collect();
        let chart =
            |title: &str| charts.iter().find(|chart| chart.title == title).expect("it is drawn");
        let last = |title: &str, series: usize| {
            let point = chart(title).series[series].points.last().expect("a sample");
            assert_eq!(
                i128::from(point.time),
                state.time.millis(),
                "seed {seed}: the last block is sampled"
            );
            point.value.expect("a number")
        };
        let tile = |label: &str| {
            let figure = report.headline().into_iter().find(|figure| figure.label == label);
            micros(&figure.expect("a tile").value) as f64 / 100.0
        };
        let close = |a: f64, b: f64| (a - b).abs() < 0.006;
        assert!(close(tile("Insurance fund"), last("Insurance fund", 0)), "seed {seed}");
        assert!(
            close(tile("Equity of accounts"), last("Equity and margin of accounts", 0)),
            "seed {seed}"
        );
        let open: f64 =
            (0..chart("Open interest").series.len()).map(|at| last("Open interest", at)).sum();
        assert!(close(tile("Open interest"), open), "seed {seed}");
        assert!(close(tile("Result of all accounts"), last("Result by group", 0)), "seed {seed}");
        let bars = |title: &str| chart(title).series[0].values().sum::<f64>();
        assert_eq!(bars("Margin calls"), counted.calls as f64, "seed {seed}");
        assert_eq!(bars("Liquidations"), counted.steps as f64, "seed {seed}");
    }
    // Few samples are kept in tests: most runs end between two that are.
    assert!(ends.len() > 1, "all runs end on blocks that are sampled anyway");
}

#[test]
fn a_range_that_jumps_has_a_word_beside_it() {
    let mut jumps = 0;
    for seed in SEEDS {
        let (genesis, blocks) = adversary::blocks(&adversary::history(seed));
        let (mut machine, _) = Machine::found(&genesis).expect("it is sound");
        let mut observer = Observer::found(machine.state(), Scenario::reported(&genesis.chain));
        let mut last = BTreeMap::new();
        let mut moved = Vec::new();
        for block in &blocks {
            let outcome = machine.apply(block).expect("it follows");
            observer.block(machine.state(), block, &outcome).expect("it is observed");
            for (id, held) in &machine.state().underlyings {
                let now = held.thresholds.new_risk().parts();
                let before = last.insert(*id, now).unwrap_or(now);
                if now * 2 > before * 3 {
                    moved.push((block.time.millis(), held.name.clone()));
                }
            }
        }
        let report = page::make(&observer, machine.state(), "root").expect("a report");
        jumps += moved.len();
        for (time, name) in moved {
            let words = format!("{name}: range for new risk");
            let told = report
                .events
                .iter()
                .any(|event| i128::from(event.time) == time && event.text.contains(&words));
            let marks = report.events.len();
            assert!(told || marks >= 12, "seed {seed}: nothing is said of {name} at {time}");
        }
    }
    assert!(jumps > 0, "no range jumps");
}
