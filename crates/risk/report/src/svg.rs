//! One chart as an inline SVG: axes, marks, lines or bars, and the numbers behind them for the pointer.
//!
//! Colours come from the page's style by class, so that light, dark and print each have their own.

use std::fmt::Write;

use crate::decimate::decimate;
use crate::format;
use crate::html::escape;
use crate::model::{Chart, Event, Form, Interval, Pace, Point, Series, Unit, Width};
use crate::scale::{Scale, Ticks, step_for, ticks, time_ticks};

/// Columns of numbers given to the pointer.
const POINTER_COLUMNS: i64 = 240;
/// Width of a chart on a phone, in pixels of its own grid: about as many as the phone gives it.
const NARROW: f64 = 344.0;
/// Colour classes of lines, in order.
const LINE_COLOURS: [u8; 6] = [1, 2, 3, 4, 5, 6];
/// Colour classes of stacked bars, in order.
const BAR_COLOURS: [u8; 6] = [2, 6, 3, 5, 4, 1];

/// What all charts of a report share: the span of time and what is marked on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame<'a> {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) events: &'a [Event],
    pub(crate) intervals: &'a [Interval],
}

/// For which screen a chart is drawn: the page shows one of the two, by its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    /// One on which the whole page is wide.
    Wide,
    /// A phone: fewer points and ticks, in letters as large as those around it.
    Narrow,
}

/// The measures of one chart, in pixels of its own grid.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    width: f64,
    height: f64,
    time: Scale,
    value: Scale,
    ticks: Ticks,
    /// Row of each event's marker, from the top.
    rows: Vec<u8>,
}

impl Layout {
    fn new(chart: &Chart, frame: &Frame<'_>, bars: &[Bar], screen: Screen) -> Self {
        // Charts of one width share their left edge, so that moments stand below each other, unless labels are long.
        let (width, height, wanted, edge) = match (screen, chart.width) {
            (Screen::Wide, Width::Full) => (1_120.0, 300.0, 6, 72.0),
            (Screen::Wide, Width::Half) => (548.0, 240.0, 4, 72.0),
            (Screen::Narrow, Width::Full) => (NARROW, 260.0, 6, 44.0),
            (Screen::Narrow, Width::Half) => (NARROW, 220.0, 4, 44.0),
        };
        let (low, high) = range(chart, bars);
        let ticks = ticks(low, high, wanted);
        let labels =
            ticks.values.iter().map(|value| label(*value, &ticks, &chart.unit).chars().count());
        let left = f64::max(edge, labels.max().unwrap_or(4) as f64 * 6.6 + 14.0);
        let mut time = Scale {
            low: 0.0,
            high: (frame.to - frame.from).max(1) as f64,
            at_low: left,
            at_high: width - 14.0,
        };
        if frame.to <= frame.from {
            time.high = 1.0;
        }
        let rows = marker_rows(frame, &time);
        let above = rows.iter().max().map_or(0.0, |row| f64::from(*row + 1) * 18.0);
        let top = 10.0 + above;
        // On a phone markers stand in many rows: they must not take the room of the curves.
        let height = if screen == Screen::Narrow { height - 36.0 + above } else { height };
        let value = Scale {
            low: ticks.values.first().copied().unwrap_or(0.0),
            high: ticks.values.last().copied().unwrap_or(1.0),
            at_low: height - 38.0,
            at_high: top,
        };
        Self { width, height, time, value, ticks, rows }
    }

    fn x(&self, frame: &Frame<'_>, moment: i64) -> f64 {
        self.time.at((moment - frame.from) as f64)
    }

    fn y(&self, value: f64) -> f64 {
        self.value.at(value)
    }

    /// Returns the middle of a text below the time axis: its moment, or so far from the right edge that nothing is cut off.
    fn middle(&self, x: f64, text: &str) -> f64 {
        x.min(self.width - half(text))
    }
}

/// Returns half of the width that a text takes at most.
fn half(text: &str) -> f64 {
    text.chars().count() as f64 * 3.4
}

/// Returns the label of a tick.
fn label(value: f64, ticks: &Ticks, unit: &Unit) -> String {
    let largest = ticks.values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    format::tick(value, largest, ticks.step, unit)
}

/// Returns the row of each event's marker, such that markers in one row do not touch.
fn marker_rows(frame: &Frame<'_>, time: &Scale) -> Vec<u8> {
    let mut ends = [f64::NEG_INFINITY; 8];
    let mut rows = Vec::new();
    for event in frame.events {
        let x = time.at((event.time - frame.from) as f64);
        let free = ends.iter().position(|end| x - end >= 19.0).unwrap_or(0);
        ends[free] = x;
        rows.push(u8::try_from(free).unwrap_or(0));
    }
    rows
}

/// Returns the lowest and the highest value that the chart must show.
///
/// Faint series do not stretch the axis by more than a quarter: one faulty source must not flatten the rest.
fn range(chart: &Chart, bars: &[Bar]) -> (f64, f64) {
    let zero = chart.from_zero.then_some(0.0);
    if chart.form == Form::Bars {
        return bounds(bars.iter().map(|bar| bar.top).chain(zero)).unwrap_or((0.0, 1.0));
    }
    let of = |faint: bool| {
        let series =
            chart.series.iter().filter(move |series| (series.pace == Pace::Faint) == faint);
        series.flat_map(Series::values)
    };
    let Some((low, high)) = bounds(of(false)) else {
        return bounds(of(true).chain(zero)).unwrap_or((0.0, 1.0));
    };
    let room = (high - low) / 4.0;
    let near = of(true).filter(|value| low - room <= *value && *value <= high + room);
    bounds(near.chain([low, high]).chain(zero)).unwrap_or((low, high))
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |found, value| match found {
        None => Some((value, value)),
        Some((low, high)) => Some((f64::min(low, value), f64::max(high, value))),
    })
}

/// Returns what lies off the scale of a chart, as a sentence; empty if nothing does.
pub(crate) fn off_scale(chart: &Chart) -> String {
    let (low, high) = range(chart, &[]);
    let ticks = ticks(low, high, if chart.width == Width::Full { 6 } else { 4 });
    let (Some(low), Some(high)) = (ticks.values.first(), ticks.values.last()) else {
        return String::new();
    };
    let outside = chart.series.iter().filter(|_| chart.form != Form::Bars).filter_map(|series| {
        let (lowest, highest) = bounds(series.values())?;
        let mut parts = Vec::new();
        if lowest < *low {
            parts.push(format!("down to {}", format::short(lowest, &chart.unit)));
        }
        if highest > *high {
            parts.push(format!("up to {}", format::short(highest, &chart.unit)));
        }
        (!parts.is_empty()).then(|| format!("{} {}", series.name, parts.join(" and ")))
    });
    let outside: Vec<_> = outside.collect();
    if outside.is_empty() {
        String::new()
    } else {
        format!("Off the scale: {}.", outside.join("; "))
    }
}

/// One block of a stacked bar.
#[derive(Debug, Clone, PartialEq)]
struct Bar {
    series: usize,
    from: i64,
    to: i64,
    sum: f64,
    bottom: f64,
    top: f64,
}

/// Returns the span of time that one bar of a chart sums up.
pub(crate) fn bar_step(chart: &Chart, frame: &Frame<'_>) -> i64 {
    step_for((frame.to - frame.from).max(1), if chart.width == Width::Full { 96 } else { 48 })
}

fn bars(chart: &Chart, frame: &Frame<'_>) -> Vec<Bar> {
    if chart.form != Form::Bars {
        return Vec::new();
    }
    let step = bar_step(chart, frame);
    let mut sums = std::collections::BTreeMap::new();
    for (series, points) in chart.series.iter().map(|series| &series.points).enumerate() {
        for point in points {
            *sums.entry((point.time.div_euclid(step), series)).or_insert(0.0) +=
                point.value.unwrap_or(0.0);
        }
    }
    let mut bars: Vec<Bar> = Vec::new();
    for ((bin, series), sum) in sums {
        let below = bars.last().filter(|bar| bar.from == bin * step).map_or(0.0, |bar| bar.top);
        let (from, to) = (bin * step, (bin + 1) * step);
        bars.push(Bar { series, from, to, sum, bottom: below, top: below + sum });
    }
    bars
}

/// Returns the colour class of a series.
pub(crate) fn colour(chart: &Chart, index: usize) -> String {
    if chart.series.get(index).is_some_and(|series| series.pace == Pace::Strong) {
        return "c0".to_string();
    }
    let before =
        chart.series.iter().take(index).filter(|series| series.pace != Pace::Strong).count();
    let colours = if chart.form == Form::Bars { BAR_COLOURS } else { LINE_COLOURS };
    format!("c{}", colours[before % colours.len()])
}

/// Returns the class of a line for its pace.
pub(crate) const fn pace(pace: Pace) -> &'static str {
    match pace {
        Pace::Plain => "plain",
        Pace::Strong => "strong",
        Pace::Dashed => "dashed",
        Pace::Faint => "faint",
    }
}

/// Returns a chart as SVG for a screen; the wide one with what its pointer needs.
pub(crate) fn draw(chart: &Chart, frame: &Frame<'_>, id: &str, screen: Screen) -> String {
    let bars = bars(chart, frame);
    let layout = Layout::new(chart, frame, &bars, screen);
    let class = if screen == Screen::Wide { "wide" } else { "narrow" };
    let mut out = String::new();
    let described = chart.series.iter().map(|series| series.name.as_str()).collect::<Vec<_>>();
    put(
        &mut out,
        format_args!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" class=\"plot {class}\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>\
             <clipPath id=\"{id}-c\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/></clipPath>",
            layout.width,
            layout.height,
            escape(&chart.title),
            escape(&format!("{} against time in UTC", described.join(", "))),
            layout.time.at_low,
            layout.value.at_high - 1.0,
            layout.time.at_high - layout.time.at_low,
            layout.value.at_low - layout.value.at_high + 2.0,
        ),
    );
    intervals(&mut out, frame, &layout);
    axes(&mut out, chart, frame, &layout, screen);
    put(&mut out, format_args!("<g clip-path=\"url(#{id}-c)\">"));
    for bar in &bars {
        draw_bar(&mut out, chart, frame, &layout, bar);
    }
    if chart.form != Form::Bars {
        // Heavy lines last, so that they lie on top.
        let order = |pace: Pace| u8::from(pace != Pace::Faint) + u8::from(pace == Pace::Strong);
        let mut indexed: Vec<_> = chart.series.iter().enumerate().collect();
        indexed.sort_by_key(|(_, series)| order(series.pace));
        for (index, series) in indexed {
            let columns = match (screen, chart.width) {
                (Screen::Wide, Width::Full) => 420,
                (Screen::Wide, Width::Half) => 220,
                (Screen::Narrow, _) => 140,
            };
            let points = decimate(&series.points, columns);
            draw_line(&mut out, chart, frame, &layout, (index, points.as_slice()));
        }
    }
    out.push_str("</g>");
    markers(&mut out, frame, &layout);
    if chart.form != Form::Bars && screen == Screen::Wide {
        pointer(&mut out, chart, frame, &layout);
    }
    out.push_str("</svg>");
    out
}

/// Appends text; writing to a string cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok());
}

fn intervals(out: &mut String, frame: &Frame<'_>, layout: &Layout) {
    for interval in frame.intervals {
        let from = layout.x(frame, interval.from.max(frame.from));
        let to = layout.x(frame, interval.to.min(frame.to));
        put(
            out,
            format_args!(
                "<rect class=\"interval\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\">\
                 <title>{}</title></rect>",
                layout.value.at_high,
                (to - from).max(1.0),
                layout.value.at_low - layout.value.at_high,
                escape(&interval.text),
            ),
        );
    }
}

fn axes(out: &mut String, chart: &Chart, frame: &Frame<'_>, layout: &Layout, screen: Screen) {
    let (left, right) = (layout.time.at_low, layout.time.at_high);
    for value in &layout.ticks.values {
        let y = layout.y(*value);
        let class = if *value == 0.0 { "zero" } else { "grid" };
        put(
            out,
            format_args!(
                "<line class=\"{class}\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                left - 8.0,
                y + 3.8,
                escape(&label(*value, &layout.ticks, &chart.unit)),
            ),
        );
    }
    let most = match (screen, chart.width) {
        (Screen::Wide, Width::Full) => 14,
        (Screen::Wide, Width::Half) => 7,
        (Screen::Narrow, _) => 5,
    };
    let bottom = layout.value.at_low;
    let (mut day, mut zone) = (String::new(), "UTC");
    let (step, moments) = time_ticks(frame.from, frame.to, most);
    for moment in moments {
        let x = layout.x(frame, moment);
        put(
            out,
            format_args!(
                "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom:.1}\" y2=\"{:.1}\"/>",
                bottom + 5.0
            ),
        );
        let today = format::day(moment);
        let dates_only = step >= 24 * 3_600_000;
        if !dates_only {
            let clock = format::clock(moment);
            put(
                out,
                format_args!(
                    "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{clock}</text>",
                    layout.middle(x, &clock),
                    bottom + 18.0,
                ),
            );
        }
        if today != day {
            let y = bottom + if dates_only { 18.0 } else { 32.0 };
            // Where the zone would stand the day has it behind it.
            let shown = match !dates_only && x > right - 2.0 * half(&today) - half(zone) {
                true => format!("{today} {}", std::mem::take(&mut zone)),
                false => today.clone(),
            };
            put(
                out,
                format_args!(
                    "<text class=\"tick day\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{y:.1}\">{shown}</text>",
                    layout.middle(x, &shown),
                ),
            );
            day = today;
        }
    }
    put(
        out,
        format_args!(
            "<line class=\"axis\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\"/>",
        ),
    );
    if !zone.is_empty() {
        put(
            out,
            format_args!(
                "<text class=\"tick\" text-anchor=\"end\" x=\"{right:.1}\" y=\"{:.1}\">{zone}</text>",
                bottom + 32.0
            ),
        );
    }
}

fn markers(out: &mut String, frame: &Frame<'_>, layout: &Layout) {
    let numbered = frame.events.iter().zip(&layout.rows).zip(1..);
    for ((event, row), number) in numbered {
        let x = layout.x(frame, event.time);
        let y = 10.0 + f64::from(*row) * 18.0;
        put(
            out,
            format_args!(
                "<g class=\"event\"><title>{} {}</title>\
                 <line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\
                 <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"8\"/>\
                 <text text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{number}</text></g>",
                escape(&format::moment(event.time)),
                escape(&event.text),
                y + 8.0,
                layout.value.at_low,
                y + 3.6,
            ),
        );
    }
}

fn draw_bar(out: &mut String, chart: &Chart, frame: &Frame<'_>, layout: &Layout, bar: &Bar) {
    let from = layout.x(frame, bar.from.max(frame.from));
    let to = layout.x(frame, bar.to.min(frame.to));
    let (top, bottom) = (layout.y(bar.top), layout.y(bar.bottom));
    let name = chart.series.get(bar.series).map_or("", |series| series.name.as_str());
    let title = format!(
        "{} to {}: {} {}",
        format::moment(bar.from),
        format::clock(bar.to),
        name,
        format::short(bar.sum, &chart.unit)
    );
    put(
        out,
        format_args!(
            "<rect class=\"bar {}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\">\
             <title>{}</title></rect>",
            colour(chart, bar.series),
            from + 0.5,
            (to - from - 1.0).max(1.0),
            (bottom - top).max(0.0),
            escape(&title),
        ),
    );
}

fn draw_line(
    out: &mut String,
    chart: &Chart,
    frame: &Frame<'_>,
    layout: &Layout,
    (index, points): (usize, &[Point]),
) {
    let mut line = String::new();
    let mut area = String::new();
    for run in points.chunk_by(|a, b| a.value.is_some() == b.value.is_some()) {
        let run: Vec<_> = run.iter().filter_map(|point| at(frame, layout, point)).collect();
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let path = path(&run, chart.form == Form::Step);
        put(&mut line, format_args!("M{:.1} {:.1}{path}", first.0, first.1));
        let ground = layout.y(0.0).clamp(layout.value.at_high, layout.value.at_low);
        put(
            &mut area,
            format_args!(
                "M{:.1} {ground:.1}L{:.1} {:.1}{path}L{:.1} {ground:.1}Z",
                first.0, first.0, first.1, last.0
            ),
        );
    }
    let colour = colour(chart, index);
    if chart.form == Form::Area {
        put(out, format_args!("<path class=\"area {colour}\" d=\"{area}\"/>"));
    }
    let pace = chart.series.get(index).map_or("", |series| pace(series.pace));
    put(out, format_args!("<path class=\"line {pace} {colour}\" d=\"{line}\"/>"));
}

fn at(frame: &Frame<'_>, layout: &Layout, point: &Point) -> Option<(f64, f64)> {
    point.value.map(|value| (layout.x(frame, point.time), layout.y(value)))
}

/// Returns the path from the first of some points through the others.
fn path(run: &[(f64, f64)], step: bool) -> String {
    let mut path = String::new();
    for (x, y) in run.iter().skip(1) {
        if step {
            put(&mut path, format_args!("H{x:.1}V{y:.1}"));
        } else {
            put(&mut path, format_args!("L{x:.1} {y:.1}"));
        }
    }
    // A single point shows as a dot, because line ends are round.
    if run.len() == 1 {
        path.push_str("h0.1");
    }
    path
}

/// Appends the numbers that the pointer shows, and the surface that it moves over.
fn pointer(out: &mut String, chart: &Chart, frame: &Frame<'_>, layout: &Layout) {
    let length = (frame.to - frame.from).max(1);
    let columns = length.min(POINTER_COLUMNS);
    let moment = |column: i64| frame.from + length * column / columns;
    let mut series = Vec::new();
    for (index, one) in chart.series.iter().enumerate() {
        let shown = |column| {
            let until = one.points.partition_point(|point| point.time <= moment(column));
            let value = until.checked_sub(1).and_then(|last| one.points.get(last)?.value);
            value.map_or_else(|| "–".to_string(), |value| format::short(value, &chart.unit))
        };
        let values: Vec<_> = (0..=columns).map(shown).collect();
        series.push(serde_json::json!({
            "name": one.name, "colour": colour(chart, index), "values": values.join("|")
        }));
    }
    let times: Vec<_> = (0..=columns).map(|column| short_moment(moment(column))).collect();
    let data = serde_json::json!({
        "left": layout.time.at_low, "right": layout.time.at_high, "times": times.join("|"),
        "series": series
    });
    put(
        out,
        format_args!(
            "<line class=\"cross\" y1=\"{:.1}\" y2=\"{:.1}\" visibility=\"hidden\"/>\
             <rect class=\"surface\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" data-chart=\"{}\"/>",
            layout.value.at_high,
            layout.value.at_low,
            layout.time.at_low,
            layout.value.at_high,
            layout.time.at_high - layout.time.at_low,
            layout.value.at_low - layout.value.at_high,
            escape(&data.to_string()),
        ),
    );
}

fn short_moment(ms: i64) -> String {
    format!("{} {}", format::day(ms), format::clock(ms - ms.rem_euclid(1_000)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::BlockTime;

    fn series(name: &str, pace: Pace, values: &[f64]) -> Series {
        let mut series = Series::new(name).pace(pace);
        for (value, minute) in values.iter().zip(0..) {
            series.push(BlockTime::from_millis(minute * 60_000), *value);
        }
        series
    }

    fn frame() -> Frame<'static> {
        Frame { from: 0, to: 3 * 60_000, events: &[], intervals: &[] }
    }

    #[test]
    fn one_faulty_source_does_not_flatten_the_chart_and_is_named() {
        let chart = Chart::new("prices", Unit::Dollars)
            .with(series("good", Pace::Strong, &[100.0, 104.0, 102.0]))
            .with(series("faulty", Pace::Faint, &[100.0, 10.0, 102.0]));
        assert_eq!(range(&chart, &[]), (100.0, 104.0));
        assert_eq!(off_scale(&chart), "Off the scale: faulty down to $10.00.");
    }

    #[test]
    fn bars_sum_a_span_of_time_and_stack() {
        let mut chart = Chart::new("events", Unit::Count("events".into())).form(Form::Bars);
        for name in ["a", "b"] {
            chart.series.push(series(name, Pace::Plain, &[1.0, 2.0, 4.0]));
        }
        let frame = Frame { from: 0, to: 96 * 120_000, events: &[], intervals: &[] };
        assert_eq!(bar_step(&chart, &frame), 120_000);
        let bars = bars(&chart, &frame);
        let blocks: Vec<_> = bars.iter().map(|bar| (bar.from, bar.bottom, bar.top)).collect();
        assert_eq!(
            blocks,
            [(0, 0.0, 3.0), (0, 3.0, 6.0), (120_000, 0.0, 4.0), (120_000, 4.0, 8.0)]
        );
    }

    #[test]
    fn titles_and_names_are_escaped() {
        let chart =
            Chart::new("<b>\"&", Unit::Dollars).with(series("<i>", Pace::Plain, &[1.0, 2.0]));
        let drawn = draw(&chart, &frame(), "x", Screen::Wide);
        assert!(!drawn.contains("<b>") && !drawn.contains("<i>"), "{drawn}");
        assert!(drawn.contains("&lt;b&gt;&quot;&amp;"));
    }

    #[test]
    fn markers_that_would_touch_take_another_row() {
        let events: Vec<_> =
            [0, 1, 2, 60_000].map(|ms| Event::new(BlockTime::from_millis(ms), "e")).to_vec();
        let frame = Frame { events: &events, ..frame() };
        let scale = Scale { low: 0.0, high: 180_000.0, at_low: 0.0, at_high: 1_000.0 };
        assert_eq!(marker_rows(&frame, &scale), [0, 1, 2, 0]);
    }

    /// Returns the texts at the axes of a chart: the row, where each begins and ends, and what it says.
    fn labels(drawn: &str) -> Vec<(String, f64, f64, String)> {
        let mut found = Vec::new();
        for text in drawn.split("<text class=\"tick").skip(1) {
            let (head, rest) = text.split_once('>').expect("a tag");
            let shown = rest.split_once('<').expect("a text").0.to_owned();
            let field = |name: &str| {
                let (_, value) = head.split_once(&format!(" {name}=\"")).expect("it is there");
                value.split_once('"').expect("it ends").0.to_owned()
            };
            let (x, width): (f64, _) = (field("x").parse().expect("a number"), 2.0 * half(&shown));
            let from = if field("text-anchor") == "end" { x - width } else { x - width / 2.0 };
            found.push((field("y"), from, from + width, shown));
        }
        found
    }

    #[test]
    fn no_label_of_time_is_cut_off_or_lies_on_another() {
        const HOUR: i64 = 3_600_000;
        let chart = |width| {
            let series = series("a", Pace::Plain, &[1.0, 2.0]);
            Chart { width, ..Chart::new("prices", Unit::Percent).with(series) }
        };
        for hours in [1, 2, 3, 6, 7, 12, 24, 30, 36, 48, 72, 100, 240, 2_000] {
            for before in [0, 1, 5] {
                // Up to midnight, and a little beyond.
                let to = 20_000 * 24 * HOUR + before * HOUR / 4;
                let frame = Frame { from: to - hours * HOUR, to, events: &[], intervals: &[] };
                for (screen, width) in [
                    (Screen::Wide, Width::Full),
                    (Screen::Wide, Width::Half),
                    (Screen::Narrow, Width::Full),
                    (Screen::Narrow, Width::Half),
                ] {
                    let drawn = draw(&chart(width), &frame, "x", screen);
                    let view = drawn.split_once("viewBox=\"0 0 ").expect("it has one").1;
                    let edge: f64 = view.split(' ').next().expect("a width").parse().expect("ok");
                    let texts = labels(&drawn);
                    let zones = texts.iter().filter(|(.., text)| text.contains("UTC"));
                    assert_eq!(zones.count(), 1, "{hours} hours: {texts:?}");
                    for (place, (row, from, to, text)) in texts.iter().enumerate() {
                        assert!(
                            *from >= 0.0 && *to <= edge + 0.1,
                            "{hours} hours: {text} {from} {to}"
                        );
                        for (other, begins, ends, beside) in texts.iter().skip(place + 1) {
                            let apart = row != other || begins >= to || ends <= from;
                            assert!(apart, "{hours} hours: {text} lies on {beside}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_empty_chart_is_drawn() {
        let drawn = draw(&Chart::new("empty", Unit::Dollars), &frame(), "x", Screen::Wide);
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>"));
        let point = Frame { from: 5, to: 5, events: &[], intervals: &[] };
        let one = Chart::new("one", Unit::Percent).with(series("a", Pace::Plain, &[0.5]));
        for screen in [Screen::Wide, Screen::Narrow] {
            assert!(!draw(&one, &point, "x", screen).contains("NaN"));
        }
    }
}
