//! The report: its sections, and what is marked on every chart.

use super::defaults;
use super::observer::{Observer, Sample};
use super::ranges::{Changed, DECIDED, MARKED};
use super::winners::{self, Held};
use crate::RunReportError;
use machine::State;
use report::tables::{self, RefusalRow};
use report::{
    Chart, Event, Figure, Interval, RunReport, Section, Series, Table, Tone, Unit, charts, format,
};
use units::{BlockTime, Notional};

/// Rows of a table of accounts that are shown at once.
pub(super) const SHOWN: usize = 15;
/// Marks that the log itself puts on charts, at most; the largest changes stay.
const MARKS: usize = 12;

/// Makes the report after the last block taken in; `state` is the one after it, `root` the text of its state root.
///
/// # Errors
///
/// [`RunReportError`] if the state is not the one that the observer has seen last.
pub fn make(seen: &Observer, state: &State, root: &str) -> Result<RunReport, RunReportError> {
    let samples = seen.samples(state)?;
    let summary = seen.summary(state, root)?;
    let holders = winners::holdings(seen, state)?;
    let mut figures = summary.figures();
    figures.extend(figures_of(seen, state, &samples, &holders)?);
    let mut sections = vec![prices(seen, &samples)];
    sections.push(positions(seen, state, &samples));
    sections.push(winners::section(seen, state, &holders, &samples)?);
    sections.push(defaults::section(seen, state, &holders, &samples)?);
    sections.extend(greeks(seen, &samples));
    sections.push(operations(seen));
    let events = seen.scenario.events.iter();
    let until = report::Event::new(state.time, "").time;
    let mut events: Vec<_> = events.filter(|event| event.time <= until).cloned().collect();
    events.extend(marks(seen, &samples));
    events.sort_by_key(|event| event.time);
    let notes = seen.scenario.notes.iter().filter(|note| note.block <= seen.blocks);
    let general = [
        "A command is one order, quote, cancel, deposit, withdrawal or vote of a signer.".to_string(),
        "This report is made from the block log alone: `novation report` makes it again, and `novation audit` compares it \
         byte by byte."
            .to_string(),
    ];
    Ok(RunReport {
        title: "Novation: the clearing house through its log".into(),
        subtitle: format!(
            "{} · {} to {}",
            seen.scenario.title,
            format::time(seen.first),
            format::time(state.time)
        ),
        data: seen.scenario.data.clone(),
        summary,
        figures,
        events,
        intervals: intervals(seen, state),
        sections,
        notes: general.into_iter().chain(notes.map(|note| note.text.clone())).collect(),
    })
}

/// Returns the numbers that people read first and that are in no summary.
fn figures_of(
    seen: &Observer,
    state: &State,
    samples: &[Sample],
    holders: &[Held],
) -> Result<Vec<Figure>, RunReportError> {
    let dollars = |micros| format::dollars(Notional::from_micros(micros));
    let accounts = || holders.iter().filter(|held| held.account.is_some());
    let result: i128 = accounts().map(Held::result).sum();
    let owed: i128 = accounts().map(|held| held.equity().min(0)).sum();
    let explained = match seen.books.unexplained {
        None => Figure::new("Balances explained", "all")
            .tone(Tone::Good)
            .note("to the micro-dollar, after every block"),
        Some(block) => Figure::new("Balances explained", "not all")
            .tone(Tone::Bad)
            .note(format!("from block {block} on")),
    };
    let mut figures = vec![
        Figure::new("Accounts", format::count(state.accounts.len() as u64)),
        Figure::new("Result of all accounts", dollars(result))
            .note("the rest is with funds and fees"),
        Figure::new("Owed by accounts at the end", dollars(-owed)).tone(if owed < 0 {
            Tone::Watch
        } else {
            Tone::Good
        }),
        explained,
    ];
    if let Some(last) = samples.last() {
        let open: i128 = last.open_interest.values().map(|sum| sum.micros()).sum();
        figures.push(Figure::new("Open interest", dollars(open)).note("at the end"));
        figures.push(
            Figure::new(who(seen, "Equity"), format::dollars(last.equity)).note("at the end"),
        );
    }
    Ok(figures)
}

/// Returns a title for sums over those who take risk.
fn who(seen: &Observer, what: &str) -> String {
    let all = !seen.scenario.groups.iter().any(|group| group.offers);
    format!("{what} of {}", if all { "accounts" } else { "traders" })
}

fn prices(seen: &Observer, samples: &[Sample]) -> Section {
    let mut section = Section::new(
        "Prices",
        "What each venue showed, what the validators agreed on, and where the perpetual was marked.",
    );
    let mut vols = Vec::new();
    let mut without_contracts = Vec::new();
    for (id, watched) in &seen.underlyings {
        let is_listed = samples.iter().any(|sample| sample.open_interest.contains_key(id));
        if is_listed {
            section = section.chart(charts::prices(
                &watched.name,
                watched.venues.values().cloned().collect(),
                watched.index.clone(),
                Some(watched.mark.clone()),
            ));
            let mut vol = Series::new(format!("{}, nearest the money", watched.name));
            for sample in samples {
                vol.push_optional(sample.time, sample.vols.get(id).copied().flatten());
            }
            vols.push(vol);
        } else {
            let title = format!("{}: what dollars are held in", watched.name);
            let chart = Chart::new(title, Unit::Dollars)
                .caption("Below 99 cents each contract is charged in initial margin; nobody is liquidated for it.")
                .with(watched.index.clone());
            without_contracts.push(chart);
        }
    }
    section = section.chart(charts::volatility(vols));
    section.charts.extend(without_contracts);
    section
}

fn positions(seen: &Observer, state: &State, samples: &[Sample]) -> Section {
    let series = |name: &str, of: fn(&Sample) -> Notional| {
        let mut series = Series::new(name);
        samples.iter().for_each(|sample| series.push(sample.time, of(sample)));
        series
    };
    let open = seen.underlyings.iter().filter_map(|(id, watched)| {
        let mut series = Series::new(format!("{}: long side of all contracts", watched.name));
        for sample in samples {
            series.push(sample.time, *sample.open_interest.get(id)?);
        }
        Some(series)
    });
    let left_out: Vec<_> = seen.scenario.groups.iter().filter(|group| group.offers).collect();
    let text = match left_out.is_empty() {
        true => "Sums over all accounts.".to_string(),
        false => {
            let names: Vec<_> = left_out.iter().map(|group| format!("{}s", group.name)).collect();
            format!(
                "Sums over all accounts but those of {}, whose capital would flatten the lines.",
                names.join(" and ")
            )
        }
    };
    let mut chart = charts::margin(
        series("equity", |sample| sample.equity),
        series("initial margin", |sample| sample.initial),
        series("maintenance margin", |sample| sample.maintenance),
    );
    chart.title = who(seen, "Equity and margin");
    Section::new("Positions and margin", text)
        .chart(charts::open_interest(Unit::Dollars, open.collect()))
        .chart(chart)
        .chart(charts::ranges(seen.ranges.series(state.time)))
        .table(changes(seen))
}

/// Returns the table of what margin rests on, as it changed: decisions first, then the largest.
fn changes(seen: &Observer) -> Table {
    let mut all: Vec<&Changed> = seen.ranges.changes.iter().collect();
    all.sort_by_key(|change| (std::cmp::Reverse(change.size), change.height));
    let mut table = Table::new(
        "Changes of ranges and of what is governed",
        &["What", ">From", ">To", "When", ">Block"],
    )
    .caption(
        "Decisions first, then ranges that moved by a tenth or more in one block, largest first.",
    )
    .shown(SHOWN);
    for change in all {
        table.row([
            change.what.clone(),
            change.from.clone(),
            change.to.clone(),
            format::time(change.time),
            change.height.to_string(),
        ]);
    }
    table.empty = "No range moved by a tenth in one block, and nothing was decided.".into();
    table
}

/// A mark of the log's own, with how large it is.
struct Mark {
    time: BlockTime,
    text: String,
    size: i128,
}

/// Returns what the log itself marks on charts: ranges that moved by a quarter in one block, what was decided, and where initial
/// margin rose by half or more between two samples, with what moved it.
fn marks(seen: &Observer, samples: &[Sample]) -> Vec<Event> {
    let mut marks: Vec<Mark> = Vec::new();
    for change in seen.ranges.changes.iter().filter(|change| change.size >= MARKED) {
        // What moves in one block is one mark.
        match marks.last_mut().filter(|mark| mark.time == change.time) {
            Some(mark) => {
                mark.text = format!("{}; {}", mark.text, change.text());
                mark.size = mark.size.max(change.size);
            }
            None => marks.push(Mark { time: change.time, text: change.text(), size: change.size }),
        }
    }
    for (last, next) in samples.iter().zip(samples.iter().skip(1)) {
        let (from, to) = (last.initial.micros(), next.initial.micros());
        // Below a twentieth of equity, positions are only being opened.
        if from <= 0 || from * 20 < last.equity.micros() || to * 2 < from * 3 {
            continue;
        }
        let (from, to) = (last.initial, next.initial);
        let size = to.micros() * 1_000_000 / from.micros().max(1);
        let rise = format!(
            "initial margin {} → {}",
            format::dollars_short(from),
            format::dollars_short(to)
        );
        let inside = |mark: &&mut Mark| last.time < mark.time && mark.time <= next.time;
        match marks.iter_mut().filter(inside).max_by_key(|mark| mark.size) {
            Some(mark) => {
                mark.text = format!("{}: {rise}", mark.text);
                mark.size = mark.size.max(size);
            }
            None => {
                let text = format!("{rise}: positions and prices, no range");
                marks.push(Mark { time: next.time, text, size });
            }
        }
    }
    marks.sort_by_key(|mark| (mark.size != DECIDED, std::cmp::Reverse(mark.size), mark.time));
    marks.truncate(MARKS);
    marks.into_iter().map(|mark| Event::new(mark.time, mark.text)).collect()
}

/// Returns the Greeks of those that offer; nothing if nobody does.
fn greeks(seen: &Observer, samples: &[Sample]) -> Option<Section> {
    if !seen.scenario.groups.iter().any(|group| group.offers) {
        return None;
    }
    let mut section = Section::new(
        "Greeks of the market makers' book",
        "All clients together are flat, as every contract has two sides; this is the side that quotes.",
    );
    let titles = ["Dollar delta", "Dollar gamma, 1 %", "Vega, one vol point", "Theta, one day"];
    for (at, title) in titles.into_iter().enumerate() {
        let mut series = Series::new(title.to_lowercase());
        for sample in samples {
            let value = sample.greeks.get(at).copied().unwrap_or(0);
            series.push(sample.time, Notional::from_micros(value));
        }
        section = section.chart(Chart::new(title, Unit::Dollars).half().with(series));
    }
    Some(section)
}

fn operations(seen: &Observer) -> Section {
    let refusals = seen.refusals.iter().map(|(code, (reason, count))| RefusalRow {
        code: *code,
        reason: reason.clone(),
        count: *count,
    });
    Section::new("Operations", "What was refused, what halted and why, and what expired.")
        .table(tables::halts(seen.halts.clone()))
        .table(tables::expiries(seen.expiries.clone()))
        .table(tables::refusals(refusals.collect()))
}

/// Returns the spans in which an underlying was restricted, those that stand among them.
fn intervals(seen: &Observer, state: &State) -> Vec<Interval> {
    let mut intervals = seen.intervals.clone();
    intervals.extend(seen.restricted().map(|(since, text)| Interval::new(since, state.time, text)));
    intervals
}
