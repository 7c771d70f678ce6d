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
    table.row([HOSTILE, "2"]);
    table.totals = vec![Cell::new(HOSTILE), Cell::new("3")];
    table.shown = 1;
    let mut empty = Table::new(HOSTILE, &["a"]);
    empty.empty = HOSTILE.to_string();
    let [bars, _] = charts::liquidations(series.clone(), series.clone());
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
            margin_calls: 6,
            debts_paid: Notional::ZERO,
            state_root: HOSTILE.into(),
            data: HOSTILE.into(),
            holders: Vec::new(),
        },
        figures: vec![report::Figure::new(HOSTILE, HOSTILE).note(HOSTILE)],
        events: vec![Event::new(minute(7), HOSTILE)],
        intervals: vec![Interval::new(minute(8), minute(9), HOSTILE)],
        sections: vec![
            Section::new(HOSTILE, HOSTILE)
                .chart(charts::prices(HOSTILE, vec![series.clone()], series.clone(), None))
                .chart(bars)
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

/// Returns the numbers of every `property: …px` in a part of the style.
fn pixels(style: &str, property: &str) -> Vec<f64> {
    let found = style.match_indices(property).filter_map(|(at, _)| {
        let before = style[..at].chars().next_back();
        let value = style[at + property.len()..].strip_prefix(':')?.split([';', '}']).next()?;
        let own = !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-' || c == '(');
        own.then(|| value.trim().strip_suffix("px")?.parse().ok())?
    });
    found.collect()
}

#[test]
fn nothing_is_wider_than_a_phone_and_every_chart_is_drawn_for_one() {
    let page = html::page(&hostile());
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    assert!(
        page.contains("<meta name=\"viewport\" content=\"width=device-width"),
        "as wide as the screen"
    );
    assert_eq!(pixels(style, "min-width"), Vec::<f64>::new(), "nothing asks for more than it gets");
    assert!(
        pixels(style, "width").iter().all(|width| *width <= 24.0),
        "only signs have a width of their own"
    );
    let plots: Vec<_> =
        page.match_indices("<svg viewBox=\"0 0 ").map(|(at, _)| &page[at..]).collect();
    let of = |class: &str| -> Vec<(f64, &str)> {
        let named = format!("class=\"plot {class}\"");
        let drawn = plots.iter().filter(|svg| svg[..svg.find('>').unwrap()].contains(&named));
        drawn
            .map(|svg| {
                let opening = &svg[..svg.find('>').unwrap()];
                assert!(!opening.contains(" width=") && !opening.contains(" height="), "{opening}");
                let width = svg["<svg viewBox=\"0 0 ".len()..].split(' ').next().unwrap();
                (width.parse().unwrap(), &svg[..svg.find("</svg>").unwrap()])
            })
            .collect()
    };
    let (wide, narrow) = (of("wide"), of("narrow"));
    assert_eq!((wide.len(), narrow.len()), (3, 3), "each chart is drawn for both screens");
    for (width, drawn) in narrow {
        // At 400 pixels a chart gets about 350: letters stay about as large as those of the page.
        assert!((320.0..=400.0).contains(&width), "{width}");
        for text in drawn.split("<text ").skip(1) {
            let x: f64 =
                text.split(" x=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
            assert!((0.0..=width).contains(&x), "a label lies at {x} of {width}");
        }
    }
    assert!(style.contains(".plot.narrow { display: none; }"));
    let phone = style.split_once("(max-width: 620px)").unwrap().1;
    for rule in [
        ".plot.wide { display: none; }",
        ".plot.narrow { display: block; }",
        "content: attr(data-c)",
    ] {
        assert!(phone.contains(rule), "{rule}");
    }
    let body = page.split_once("<tbody>").unwrap().1;
    assert!(
        body.split("<td").skip(1).all(|cell| cell.contains(" data-c=\"")),
        "each field knows its column"
    );
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
