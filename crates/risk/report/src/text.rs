//! The report as text for a terminal: aligned tables, one line of blocks for each series.

use std::fmt::Write;

use crate::format;
use crate::html::{data_kind, span, tone_sign};
use crate::model::{Align, Chart, Form, RunReport, Series, Table};

/// Columns of a line of blocks.
const SPARK: usize = 48;
/// Blocks from lowest to highest.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns the report as text.
#[must_use]
pub fn page(report: &RunReport) -> String {
    let mut out = String::new();
    heading(&mut out, &report.title, '═');
    line(&mut out, format_args!("{}", report.subtitle));
    let data = &report.data;
    line(&mut out, format_args!("Data: {} — {}", data_kind(data.kind), data.name));
    if let Some((from, to)) = span(report) {
        let (first, last) = (format::moment(from), format::moment(to));
        line(&mut out, format_args!("Span: {first} to {last} ({})", format::span(to - from)));
    }
    for caveat in &data.caveats {
        line(&mut out, format_args!("  ! {caveat}"));
    }
    out.push('\n');
    figures(&mut out, report);
    if !report.events.is_empty() {
        heading(&mut out, "Events", '─');
        for (event, number) in report.events.iter().zip(1..) {
            line(
                &mut out,
                format_args!("{number:>3}  {}  {}", format::moment(event.time), event.text),
            );
        }
        out.push('\n');
    }
    for section in &report.sections {
        heading(&mut out, &section.title, '─');
        if !section.text.is_empty() {
            line(&mut out, format_args!("{}\n", section.text));
        }
        section.charts.iter().for_each(|chart| sparks(&mut out, chart));
        section.tables.iter().for_each(|table| draw_table(&mut out, table));
    }
    heading(&mut out, "Sources and notes", '─');
    for source in &data.sources {
        line(&mut out, format_args!("{}: {} ({})", source.what, source.origin, source.licence));
    }
    for note in &report.notes {
        line(&mut out, format_args!("{note}"));
    }
    line(&mut out, format_args!("State root: {}", report.summary.state_root));
    out
}

/// Appends a line; writing to a string cannot fail.
fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = writeln!(out, "{text}");
    debug_assert!(written.is_ok());
}

fn heading(out: &mut String, text: &str, under: char) {
    let rule: String = std::iter::repeat_n(under, text.chars().count()).collect();
    line(out, format_args!("{text}\n{rule}"));
}

fn figures(out: &mut String, report: &RunReport) {
    let all = report.headline();
    let width = all.iter().map(|figure| figure.label.chars().count()).max().unwrap_or(0);
    for figure in &all {
        let note =
            if figure.note.is_empty() { String::new() } else { format!("  ({})", figure.note) };
        let (sign, value) = (tone_sign(figure.tone), &figure.value);
        line(out, format_args!("{:<width$}  {sign}{value}{note}", figure.label));
    }
    out.push('\n');
}

/// Appends a line of blocks for each series of a chart, with its lowest, highest and last value.
fn sparks(out: &mut String, chart: &Chart) {
    line(out, format_args!("{}", chart.title));
    let width = chart.series.iter().map(|series| series.name.chars().count()).max().unwrap_or(0);
    for series in &chart.series {
        let shown = |value: Option<f64>| {
            value.map_or_else(|| "–".to_string(), |value| format::short(value, &chart.unit))
        };
        let low = series.values().min_by(f64::total_cmp);
        let high = series.values().max_by(f64::total_cmp);
        let ends = if chart.form == Form::Bars {
            format!("{} in all", shown(Some(series.values().sum())))
        } else {
            format!("{} … {}, last {}", shown(low), shown(high), shown(series.values().next_back()))
        };
        let blocks = spark(series, chart.form == Form::Bars);
        line(out, format_args!("  {:<width$}  {blocks}  {ends}", series.name));
    }
    out.push('\n');
}

/// Returns a series as a line of blocks: of each column of time its last value, or its sum.
fn spark(series: &Series, sum: bool) -> String {
    let (Some(first), Some(last)) = (series.points.first(), series.points.last()) else {
        return String::new();
    };
    let length = i128::from(last.time - first.time).max(1);
    let mut columns: Vec<Option<f64>> = vec![None; SPARK];
    for point in &series.points {
        let at = i128::from(point.time - first.time) * (SPARK as i128 - 1) / length;
        let Some(column) = usize::try_from(at).ok().and_then(|at| columns.get_mut(at)) else {
            continue;
        };
        if let Some(value) = point.value {
            *column = Some(if sum { column.unwrap_or(0.0) + value } else { value });
        }
    }
    let values = || columns.iter().flatten().copied();
    let low = if sum { 0.0 } else { values().fold(f64::INFINITY, f64::min) };
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    columns.iter().map(|column| column.map_or(' ', |value| block(value, low, high))).collect()
}

fn block(value: f64, low: f64, high: f64) -> char {
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    let nearest = (0..BLOCKS.len()).min_by(|a, b| {
        let away = |index: usize| (share * 7.0 - index as f64).abs();
        away(*a).total_cmp(&away(*b))
    });
    nearest.and_then(|index| BLOCKS.get(index)).copied().unwrap_or(' ')
}

fn draw_table(out: &mut String, table: &Table) {
    line(out, format_args!("{}", table.title));
    if !table.caption.is_empty() {
        line(out, format_args!("{}", table.caption));
    }
    if table.rows.is_empty() {
        line(out, format_args!("  {}\n", table.empty));
        return;
    }
    let (shown, more) = table.parts();
    let totals = (!table.totals.is_empty()).then_some(&table.totals);
    let rows: Vec<_> = shown.iter().chain(totals).collect();
    let text = |row: usize, column: usize| {
        let cell = rows.get(row).and_then(|row| row.get(column));
        cell.map_or_else(String::new, |cell| format!("{}{}", tone_sign(cell.tone), cell.text))
    };
    let widths: Vec<_> = (0..table.columns.len())
        .map(|column| {
            let cells = (0..rows.len()).map(|row| text(row, column).chars().count());
            cells.chain([table.columns[column].name.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let joined = |field: &dyn Fn(usize) -> String| {
        let aligned = widths.iter().enumerate().map(|(column, width)| {
            let field = field(column);
            match table.columns[column].align {
                Align::Left => format!("{field:<width$}"),
                Align::Right => format!("{field:>width$}"),
            }
        });
        aligned.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    line(out, format_args!("  {}", joined(&|column| table.columns[column].name.clone())));
    line(out, format_args!("  {}", joined(&|column| "─".repeat(widths[column]))));
    for row in 0..rows.len() {
        if row == shown.len() {
            line(out, format_args!("  {}", joined(&|column| "─".repeat(widths[column]))));
        }
        line(out, format_args!("  {}", joined(&|column| text(row, column))));
    }
    if !more.is_empty() {
        line(out, format_args!("  and {} more, in report.html", format::count(more.len() as u64)));
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, Pace, Unit};
    use units::BlockTime;

    #[test]
    fn a_rising_series_rises_from_the_lowest_block_to_the_highest() {
        let mut series = Series::new("x").pace(Pace::Plain);
        for minute in 0..480 {
            series.push(BlockTime::from_millis(minute * 60_000), minute as f64);
        }
        let blocks: Vec<_> = spark(&series, false).chars().collect();
        assert_eq!((blocks.len(), blocks[0], blocks[SPARK - 1]), (SPARK, '▁', '█'));
        assert!(blocks.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn gaps_are_blank_and_an_empty_series_is_empty() {
        let mut series = Series::new("x");
        for minute in 0..480 {
            let value = (!(100..300).contains(&minute)).then_some(1.0);
            series.push_optional(BlockTime::from_millis(minute * 60_000), value);
        }
        assert!(spark(&series, false).contains("▁    "));
        assert_eq!(spark(&Series::new("y"), false), "");
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new("Things", &["Name", ">Count"]);
        table.row(["a", "1"]);
        table.row(["longer", "1,000"]);
        let mut out = String::new();
        draw_table(&mut out, &table);
        assert_eq!(
            out,
            "Things\n  Name    Count\n  ──────  ─────\n  a           1\n  longer  1,000\n\n"
        );
        table.row(["last", "7"]);
        table.totals = vec![Cell::new("sum"), Cell::new("1,008")];
        let mut out = String::new();
        draw_table(&mut out, &table.shown(2));
        assert!(out.ends_with("  longer  1,000\n  ──────  ─────\n  sum     1,008\n  and 1 more, in report.html\n\n"), "{out}");
        let mut chart = String::new();
        sparks(&mut chart, &Chart::new("Empty", Unit::Dollars));
        assert_eq!(chart, "Empty\n\n");
    }
}
