//! The page as its reader gets it.

use report::{
    Cell, Chart, DataKind, DataLabel, DataSource, Event, HaltedMarket, Interval, RunReport,
    Section, Series, Summary, Table, Tone, Unit, charts, html, text,
};
use units::{BlockTime, Notional, Price};

/// Text that must never reach the page unescaped.
const HOSTILE: &str = "<script>alert('x')</script>\"&";

fn minute(minute: i128) -> BlockTime {
    BlockTime::from_millis(1_583_971_200_000 + minute * 60_000)
}

/// Returns a report in which every text is hostile.
fn hostile() -> RunReport {
    let mut series = Series::new(HOSTILE);
    for at in 0..5_000 {
        series.push(minute(at), Price::from_micros(7_913_620_000 - at * 700_000));
    }
    let mut table = Table::new(HOSTILE, &[HOSTILE, ">Count"]).caption(HOSTILE);
    table.cells([Cell::new(HOSTILE).tone(Tone::Bad), Cell::new("1")]);
    let mut empty = Table::new(HOSTILE, &["a"]);
    empty.empty = HOSTILE.to_string();
    RunReport {
        title: HOSTILE.into(),
        subtitle: HOSTILE.into(),
        data: DataLabel {
            kind: DataKind::Interpolated,
            name: HOSTILE.into(),
            sources: vec![DataSource {
                what: HOSTILE.into(),
                origin: HOSTILE.into(),
                licence: HOSTILE.into(),
            }],
            caveats: vec![HOSTILE.into()],
        },
        summary: Summary {
            blocks: 1,
            commands: 2,
            fills: 3,
            liquidations: 4,
            refusals: 5,
            halted_markets: vec![HaltedMarket { market: HOSTILE.into(), reason: HOSTILE.into() }],
            insurance_fund: Notional::from_micros(-1),
            conservation_ok: false,
            commands_per_second: 6,
            state_root: HOSTILE.into(),
            data: HOSTILE.into(),
        },
        figures: vec![report::Figure::new(HOSTILE, HOSTILE).note(HOSTILE)],
        events: vec![Event::new(minute(7), HOSTILE)],
        intervals: vec![Interval::new(minute(8), minute(9), HOSTILE)],
        sections: vec![
            Section::new(HOSTILE, HOSTILE)
                .chart(charts::prices(HOSTILE, vec![series.clone()], series.clone(), None))
                .chart(charts::liquidations(series.clone(), series.clone()))
                .chart(
                    Chart::new(HOSTILE, Unit::Count(HOSTILE.into()))
                        .half()
                        .caption(HOSTILE)
                        .with(series),
                )
                .table(table)
                .table(empty),
        ],
        notes: vec![HOSTILE.into()],
    }
}

#[test]
fn whatever_text_the_report_is_given_appears_as_text() {
    let page = html::page(&hostile());
    assert!(!page.contains("<script>alert"), "a text reached the page unescaped");
    assert!(!page.contains("alert('x')"), "an apostrophe reached the page unescaped");
    assert_eq!(page.matches("<script>").count(), 1);
}

#[test]
fn the_page_fetches_nothing() {
    let page = html::page(&hostile());
    for fetch in ["http:", "https:", "src=", "@import", "url(http", "<link", "<iframe", "fetch("] {
        assert!(!page.contains(fetch), "{fetch}");
    }
}

#[test]
fn every_tag_of_the_page_is_closed() {
    let page = html::page(&hostile());
    let mut open = Vec::new();
    let body = page.split_once("<body>").unwrap().1;
    let body = body.split_once("<script>").unwrap().0;
    for tag in body.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn violated_conservation_and_halts_are_stated_in_words_and_signs() {
    let report = hostile();
    for page in [html::page(&report), text::page(&report)] {
        assert!(page.contains("✕ violated"));
        assert!(page.contains("▲ 1"));
    }
}

#[test]
fn a_number_of_the_summary_is_shown_once_though_the_report_repeats_it() {
    let mut report = hostile();
    report.figures.extend(report.summary.figures());
    assert_eq!(report.headline(), hostile().headline());
}

#[test]
fn the_report_is_a_value_that_reads_back_from_json() {
    let report = hostile();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<RunReport>(&json).unwrap(), report);
}

#[test]
fn files_are_written_and_the_summary_reads_back() {
    let dir = std::env::temp_dir().join(format!("novation-report-{}", std::process::id()));
    let written = hostile().write(&dir).unwrap();
    let json = std::fs::read_to_string(&written.json).unwrap();
    assert_eq!(Summary::from_json(&json).unwrap(), hostile().summary);
    assert!(std::fs::read_to_string(&written.html).unwrap().starts_with("<!doctype html>"));
    let blocked = dir.join("report.json").join("x");
    assert!(hostile().write(blocked).is_err());
    std::fs::remove_dir_all(dir).unwrap();
}
