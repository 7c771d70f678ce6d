//! The report as one HTML file: style and script inside, nothing fetched.

use std::fmt::Write;

use crate::format;
use crate::model::{
    Align, Cell, Chart, DataKind, DataLabel, Figure, Form, Pace, Point, RunReport, Section, Table,
    Tone, Unit, Width,
};
use crate::svg::{self, Frame, Screen};

const STYLE: &str = include_str!("style.css");

/// Returns a text such that a page shows it as it is.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// Returns the report as a page.
#[must_use]
pub fn page(report: &RunReport) -> String {
    let frame = frame(report);
    let mut out = opening(&report.title);
    head(&mut out, report, &frame);
    for (index, section) in report.sections.iter().enumerate() {
        body(&mut out, section, index, &frame);
    }
    sources(&mut out, &report.data);
    notes(&mut out, &report.notes);
    root(&mut out, report);
    out.push_str(CLOSING);
    out
}

/// What ends every page.
pub(crate) const CLOSING: &str = concat!(
    "</footer>\n</main>\n<div id=\"tip\" hidden></div>\n<script>\n",
    include_str!("pointer.js"),
    "</script>\n</body>\n</html>\n"
);

/// Returns what begins a page.
pub(crate) fn opening(title: &str) -> String {
    let mut out = String::new();
    put(
        &mut out,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
            escape(title)
        ),
    );
    out
}

/// Returns what all charts share: the span of all their points and the events inside it.
fn frame(report: &RunReport) -> Frame<'_> {
    let (from, to) = span(report).unwrap_or((0, 1));
    Frame { from, to, events: &report.events, intervals: &report.intervals }
}

/// Returns the first and the last moment of any series or event.
pub(crate) fn span(report: &RunReport) -> Option<(i64, i64)> {
    let charts = report.sections.iter().flat_map(|section| &section.charts);
    let points = charts.flat_map(|chart| &chart.series).flat_map(|series| {
        let ends: [Option<&Point>; 2] = [series.points.first(), series.points.last()];
        ends.into_iter().flatten().map(|point| point.time)
    });
    let events = report.events.iter().map(|event| event.time);
    let moments: Vec<_> = points.chain(events).collect();
    Some((*moments.iter().min()?, *moments.iter().max()?))
}

/// Appends text; writing to a string cannot fail.
pub(crate) fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok());
}

/// Returns what kind of data it is, in words.
pub(crate) const fn data_kind(kind: DataKind) -> &'static str {
    match kind {
        DataKind::Recorded => "Recorded market data",
        DataKind::Interpolated => "Published figures, interpolated",
        DataKind::Generated => "Generated data",
        DataKind::Reported => "As validators reported",
    }
}

const fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "",
        Tone::Good => " good",
        Tone::Watch => " watch",
        Tone::Bad => " bad",
    }
}

/// Returns the sign that says the tone without colour.
pub(crate) const fn tone_sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "",
        Tone::Good => "✓ ",
        Tone::Watch => "▲ ",
        Tone::Bad => "✕ ",
    }
}

fn head(out: &mut String, report: &RunReport, frame: &Frame<'_>) {
    let kind = if report.data.kind == DataKind::Recorded { "chip" } else { "chip caution" };
    put(
        out,
        format_args!(
            "<header>\n<h1>{}</h1>\n<p class=\"sub\">{}</p>\n<p class=\"meta\"><span class=\"{kind}\">{}</span> \
             <span>{}</span> <span>{} to {} ({})</span></p>\n</header>\n",
            escape(&report.title),
            escape(&report.subtitle),
            data_kind(report.data.kind),
            escape(&report.data.name),
            format::moment(frame.from),
            format::moment(frame.to),
            format::span(frame.to - frame.from),
        ),
    );
    caveats(out, &report.data);
    tiles(out, &report.headline());
    contents(out, &report.sections);
    if !report.events.is_empty() || !report.intervals.is_empty() {
        out.push_str("<section class=\"events\"><h2>Events</h2><ol>");
        for event in &report.events {
            put(
                out,
                format_args!(
                    "<li><time>{}</time> {}</li>",
                    escape(&format!("{} {}", format::day(event.time), format::clock(event.time))),
                    escape(&event.text)
                ),
            );
        }
        out.push_str("</ol>");
        intervals(out, report);
        out.push_str("</section>\n");
    }
}

/// Says what a reader must know of the data before believing it.
pub(crate) fn caveats(out: &mut String, data: &DataLabel) {
    if data.caveats.is_empty() {
        return;
    }
    out.push_str("<aside class=\"caution\"><h2>What this data is</h2><ul>");
    for caveat in &data.caveats {
        put(out, format_args!("<li>{}</li>", escape(caveat)));
    }
    out.push_str("</ul></aside>\n");
}

/// Says what the shaded spans of the charts are.
fn intervals(out: &mut String, report: &RunReport) {
    for interval in &report.intervals {
        let (from, to) = (interval.from, interval.to);
        put(
            out,
            format_args!(
                "<p class=\"shaded\"><svg viewBox=\"0 0 18 12\" aria-hidden=\"true\">\
                 <rect class=\"interval\" width=\"18\" height=\"12\"/></svg> <time>{} {} to {} {}</time> {}</p>",
                format::day(from),
                format::clock(from),
                format::day(to),
                format::clock(to),
                escape(&interval.text)
            ),
        );
    }
}

/// Draws the numbers that people read first.
pub(crate) fn tiles(out: &mut String, figures: &[Figure]) {
    out.push_str("<div class=\"tiles\">\n");
    for figure in figures {
        tile(out, figure);
    }
    out.push_str("</div>\n");
}

fn tile(out: &mut String, figure: &Figure) {
    put(
        out,
        format_args!(
            "<div class=\"tile{}\"><div class=\"label\">{}</div><div class=\"value\">{}{}</div>\
             <div class=\"note\">{}</div></div>\n",
            tone(figure.tone),
            escape(&figure.label),
            tone_sign(figure.tone),
            escape(&figure.value),
            escape(&figure.note),
        ),
    );
}

/// Draws the links to the sections.
pub(crate) fn contents(out: &mut String, sections: &[Section]) {
    out.push_str("<nav>");
    for (index, section) in sections.iter().enumerate() {
        put(out, format_args!("<a href=\"#s{index}\">{}</a>", escape(&section.title)));
    }
    out.push_str("<a href=\"#data\">Data and licences</a></nav>\n");
}

/// Draws a section.
pub(crate) fn body(out: &mut String, section: &Section, index: usize, frame: &Frame<'_>) {
    put(out, format_args!("<section id=\"s{index}\">\n<h2>{}</h2>\n", escape(&section.title)));
    if !section.text.is_empty() {
        put(out, format_args!("<p class=\"lead\">{}</p>\n", escape(&section.text)));
    }
    if !section.charts.is_empty() {
        out.push_str(
            "<div class=\"charts\">
",
        );
        for (number, chart) in section.charts.iter().enumerate() {
            figure(out, chart, frame, &format!("s{index}c{number}"));
        }
        out.push_str(
            "</div>
",
        );
    }
    for table in &section.tables {
        draw_table(out, table);
    }
    out.push_str("</section>\n");
}

fn figure(out: &mut String, chart: &Chart, frame: &Frame<'_>, id: &str) {
    let width = if chart.width == Width::Full { "full" } else { "half" };
    let mut caption = escape(&chart.caption);
    if chart.form == Form::Bars {
        let step = format::span(svg::bar_step(chart, frame));
        put(&mut caption, format_args!(" Each bar is {step}."));
    }
    let off_scale = svg::off_scale(chart);
    if !off_scale.is_empty() {
        put(&mut caption, format_args!(" <em>{}</em>", escape(&off_scale)));
    }
    let title = escape(&chart.title);
    let heading = format!("<h3>{title}{}</h3>", unit(chart));
    put(out, format_args!("<figure class=\"{width}\">\n<figcaption>{heading}"));
    if !caption.trim().is_empty() {
        put(out, format_args!("<p>{}</p>", caption.trim()));
    }
    out.push_str("</figcaption>\n");
    legend(out, chart);
    out.push_str(&svg::draw(chart, frame, id, Screen::Wide));
    out.push_str(&svg::draw(chart, frame, &format!("{id}n"), Screen::Narrow));
    out.push_str("\n</figure>\n");
}

/// Returns the unit of a chart's numbers where their labels do not show it.
fn unit(chart: &Chart) -> String {
    match &chart.unit {
        Unit::Count(name) => format!(" <small>{}</small>", escape(name)),
        Unit::Dollars | Unit::Percent => String::new(),
    }
}

fn legend(out: &mut String, chart: &Chart) {
    out.push_str("<ul class=\"legend\">");
    for (index, series) in chart.series.iter().enumerate() {
        let colour = svg::colour(chart, index);
        let sample = if chart.form == Form::Bars {
            format!("<rect class=\"bar {colour}\" x=\"6\" y=\"1\" width=\"10\" height=\"10\"/>")
        } else {
            format!("<path class=\"line {} {colour}\" d=\"M1 6H23\"/>", svg::pace(series.pace))
        };
        let shown = if chart.form == Form::Bars {
            format!("{} in all", format::short(series.values().sum(), &chart.unit))
        } else {
            let last = series.values().next_back();
            last.map_or_else(String::new, |value| {
                format!("last {}", format::short(value, &chart.unit))
            })
        };
        put(
            out,
            format_args!(
                "<li><svg viewBox=\"0 0 24 12\" aria-hidden=\"true\">{sample}</svg>{} <span>{shown}</span></li>",
                escape(&series.name)
            ),
        );
    }
    if chart.series.iter().any(|series| series.pace == Pace::Faint) && chart.series.len() > 8 {
        out.push_str("<li><span>thin lines: single sources</span></li>");
    }
    out.push_str("</ul>\n");
}

fn draw_table(out: &mut String, table: &Table) {
    put(out, format_args!("<div class=\"table\"><h3>{}</h3>", escape(&table.title)));
    if !table.caption.is_empty() {
        put(out, format_args!("<p>{}</p>", escape(&table.caption)));
    }
    if table.rows.is_empty() {
        put(out, format_args!("<p class=\"empty\">{}</p></div>\n", escape(&table.empty)));
        return;
    }
    let (shown, more) = table.parts();
    grid(out, table, shown, &table.totals);
    if !more.is_empty() {
        let count = format::count(more.len() as u64);
        put(out, format_args!("<details><summary>{count} more</summary>"));
        grid(out, table, more, &[]);
        out.push_str("</details>");
    }
    out.push_str("</div>\n");
}

/// Draws rows of a table. On a narrow screen each row is a list of the fields that are not empty, by the names of their columns.
fn grid(out: &mut String, table: &Table, rows: &[Vec<Cell>], totals: &[Cell]) {
    out.push_str("<div class=\"scroll\"><table><thead><tr>");
    let side = |align| if align == Align::Right { " class=\"num\"" } else { "" };
    for column in &table.columns {
        let (side, name) = (side(column.align), escape(&column.name));
        put(out, format_args!("<th scope=\"col\"{side}>{name}</th>"));
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        draw_row(out, table, row);
    }
    out.push_str("</tbody>");
    if !totals.is_empty() {
        out.push_str("<tfoot>");
        draw_row(out, table, totals);
        out.push_str("</tfoot>");
    }
    out.push_str("</table></div>");
}

fn draw_row(out: &mut String, table: &Table, row: &[Cell]) {
    out.push_str("<tr>");
    for (cell, column) in row.iter().zip(&table.columns) {
        let side = if column.align == Align::Right { "num" } else { "" };
        let class = format!("{side}{}", tone(cell.tone));
        let class = if class.is_empty() { class } else { format!(" class=\"{}\"", class.trim()) };
        let (name, sign, text) = (escape(&column.name), tone_sign(cell.tone), escape(&cell.text));
        put(out, format_args!("<td{class} data-c=\"{name}\">{sign}{text}</td>"));
    }
    out.push_str("</tr>\n");
}

/// Draws where the data comes from.
pub(crate) fn sources(out: &mut String, data: &DataLabel) {
    out.push_str("<section id=\"data\">\n<h2>Data and licences</h2>\n");
    let mut table = Table::new("Sources", &["What", "Where", "Licence"]);
    table.empty = "The data has no outside source.".to_string();
    for source in &data.sources {
        table.row([source.what.as_str(), source.origin.as_str(), source.licence.as_str()]);
    }
    draw_table(out, &table);
    out.push_str("</section>\n");
}

/// Opens the end of the page with remarks.
pub(crate) fn notes(out: &mut String, notes: &[String]) {
    out.push_str("<footer>\n");
    if !notes.is_empty() {
        out.push_str("<h2>Notes</h2><ul class=\"plain\">");
        for note in notes {
            put(out, format_args!("<li>{}</li>", escape(note)));
        }
        out.push_str("</ul>\n");
    }
}

fn root(out: &mut String, report: &RunReport) {
    put(
        out,
        format_args!(
            "<p class=\"root\">State root after block {}: <code>{}</code></p>\n",
            format::count(report.summary.blocks),
            escape(&report.summary.state_root)
        ),
    );
}
