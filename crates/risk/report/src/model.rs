//! The report as a value: what is shown, not how.

use serde::{Deserialize, Serialize};
use units::{BlockSpan, BlockTime, Lots, Notional, Ppm, Price, Quantity, Vol};

use crate::summary::Summary;

/// A report of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// What ran, in a few words.
    pub title: String,
    /// One sentence on the run.
    pub subtitle: String,
    /// Which data it ran on.
    pub data: DataLabel,
    /// The numbers that programs read.
    pub summary: Summary,
    /// Further numbers that people read first, after those of the summary.
    pub figures: Vec<Figure>,
    /// Moments marked on every chart.
    pub events: Vec<Event>,
    /// Spans shaded on every chart, such as halts.
    pub intervals: Vec<Interval>,
    /// The body.
    pub sections: Vec<Section>,
    /// Remarks at the end: assumptions, limits, how to reproduce.
    pub notes: Vec<String>,
}

impl RunReport {
    /// Returns the numbers that people read first: those of the summary, then those of the report that are not in it.
    #[must_use]
    pub fn headline(&self) -> Vec<Figure> {
        let mut all = self.summary.figures();
        for figure in &self.figures {
            if !all.iter().any(|known| known.label == figure.label) {
                all.push(figure.clone());
            }
        }
        all
    }
}

/// Which data a run used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataLabel {
    /// What kind of data.
    pub kind: DataKind,
    /// Its name.
    pub name: String,
    /// Where it comes from and under which licence.
    pub sources: Vec<DataSource>,
    /// What a reader must know before believing it.
    pub caveats: Vec<String>,
}

/// How far the data can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataKind {
    /// Recorded from real markets.
    Recorded,
    /// Published figures, with what lies between them computed.
    Interpolated,
    /// Invented by a generator.
    Generated,
    /// As the validators of a network reported it; nothing more is known of it.
    Reported,
}

/// A source of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSource {
    /// What it gave.
    pub what: String,
    /// Where it is.
    pub origin: String,
    /// The licence stated there.
    pub licence: String,
}

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Neutral,
    /// As it should be.
    Good,
    /// Worth a look.
    Watch,
    /// Not as it should be.
    Bad,
}

/// A headline number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What it counts.
    pub label: String,
    /// The number, as shown.
    pub value: String,
    /// A few words under it; may be empty.
    pub note: String,
    /// Whether it is as it should be.
    pub tone: Tone,
}

impl Figure {
    /// Returns a neutral figure without a note.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        let (label, value) = (label.into(), value.into());
        Self { label, value, note: String::new(), tone: Tone::Neutral }
    }

    /// Returns the figure with a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Returns the figure with a tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

/// A moment worth marking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, in milliseconds since 1970 UTC.
    pub time: i64,
    /// What, in a few words.
    pub text: String,
}

impl Event {
    /// Returns an event.
    pub fn new(time: BlockTime, text: impl Into<String>) -> Self {
        Self { time: millis(time), text: text.into() }
    }
}

/// A span of time worth shading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// First moment, in milliseconds since 1970 UTC.
    pub from: i64,
    /// Last moment, in milliseconds since 1970 UTC.
    pub to: i64,
    /// What, in a few words.
    pub text: String,
}

impl Interval {
    /// Returns an interval.
    pub fn new(from: BlockTime, to: BlockTime, text: impl Into<String>) -> Self {
        Self { from: millis(from), to: millis(to), text: text.into() }
    }
}

/// A part of the body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// A sentence or two; may be empty.
    pub text: String,
    /// Charts, in order.
    pub charts: Vec<Chart>,
    /// Tables, after the charts.
    pub tables: Vec<Table>,
}

impl Section {
    /// Returns an empty section.
    pub fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { title: title.into(), text: text.into(), ..Self::default() }
    }

    /// Returns the section with one more chart.
    #[must_use]
    pub fn chart(mut self, chart: Chart) -> Self {
        self.charts.push(chart);
        self
    }

    /// Returns the section with one more table.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.tables.push(table);
        self
    }
}

/// What the numbers of a chart are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Dollars.
    Dollars,
    /// Fractions of one, shown in percent.
    Percent,
    /// Things counted, by name, such as `lots`.
    Count(String),
}

/// How the numbers of a chart are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Straight lines between points.
    Line,
    /// A value holds until the next one.
    Step,
    /// Sums per span of time, stacked.
    Bars,
    /// A line with the ground below it filled.
    Area,
}

/// How much room a chart takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Width {
    /// The whole page.
    Full,
    /// Half of it.
    Half,
}

/// A chart over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// The heading.
    pub title: String,
    /// A sentence below it; may be empty.
    pub caption: String,
    /// What the numbers are.
    pub unit: Unit,
    /// How they are drawn.
    pub form: Form,
    /// How much room it takes.
    pub width: Width,
    /// Whether the value axis starts at zero.
    pub from_zero: bool,
    /// The series, in the order of the legend.
    pub series: Vec<Series>,
}

impl Chart {
    /// Returns a full-width line chart.
    pub fn new(title: impl Into<String>, unit: Unit) -> Self {
        Self {
            title: title.into(),
            caption: String::new(),
            unit,
            form: Form::Line,
            width: Width::Full,
            from_zero: false,
            series: Vec::new(),
        }
    }

    /// Returns the chart with a caption.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Returns the chart drawn in another form; bars and areas start at zero.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self.from_zero |= matches!(form, Form::Bars | Form::Area);
        self
    }

    /// Returns the chart at half the width of the page.
    #[must_use]
    pub fn half(mut self) -> Self {
        self.width = Width::Half;
        self
    }

    /// Returns the chart with its value axis from zero.
    #[must_use]
    pub fn from_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    /// Returns the chart with one more series.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }
}

/// How a series stands out from its neighbours; shape as well as colour tells them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pace {
    /// A solid line.
    #[default]
    Plain,
    /// A heavy line in the colour of the text: what the others are compared with.
    Strong,
    /// A dashed line.
    Dashed,
    /// A thin line: one of many.
    Faint,
}

/// A number at a moment; no number is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When, in milliseconds since 1970 UTC.
    pub time: i64,
    /// The number.
    pub value: Option<f64>,
}

/// Numbers over time, times never falling.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// How it stands out.
    pub pace: Pace,
    /// The points.
    pub points: Vec<Point>,
}

impl Series {
    /// Returns an empty plain series.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Returns the series standing out in another way.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Adds a number.
    pub fn push(&mut self, time: BlockTime, value: impl Into<Reading>) {
        let Reading(value) = value.into();
        let value = value.is_finite().then_some(value);
        self.points.push(Point { time: millis(time), value });
    }

    /// Adds a gap.
    pub fn push_gap(&mut self, time: BlockTime) {
        self.points.push(Point { time: millis(time), value: None });
    }

    /// Adds a number, or a gap where there is none.
    pub fn push_optional(&mut self, time: BlockTime, value: Option<impl Into<Reading>>) {
        match value {
            Some(value) => self.push(time, value),
            None => self.push_gap(time),
        }
    }

    /// Returns the numbers without the gaps.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = f64> {
        self.points.iter().filter_map(|point| point.value)
    }
}

/// A number to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading(pub f64);

/// A unit's integer over the number of its parts in one; the last bits may be lost, which no chart shows.
fn ratio(value: i128, parts: f64) -> Reading {
    Reading(value as f64 / parts)
}

macro_rules! reading {
    ($($unit:ty, $get:ident, $parts:expr;)*) => {$(
        impl From<$unit> for Reading {
            fn from(value: $unit) -> Self {
                ratio(value.$get(), $parts)
            }
        }
    )*};
}

reading! {
    Price, micros, 1e6;
    Notional, micros, 1e6;
    Quantity, nanos, 1e9;
    Lots, count, 1.0;
    Ppm, parts, 1e6;
    Vol, points, 1e4;
    BlockSpan, millis, 1e3;
}

impl From<f64> for Reading {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

impl From<u64> for Reading {
    fn from(value: u64) -> Self {
        ratio(i128::from(value), 1.0)
    }
}

impl From<u32> for Reading {
    fn from(value: u32) -> Self {
        Self(f64::from(value))
    }
}

/// On which side a column lines up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The heading.
    pub name: String,
    /// On which side it lines up.
    pub align: Align,
}

/// A field of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// Whether it is as it should be.
    pub tone: Tone,
}

impl Cell {
    /// Returns a neutral field.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Neutral }
    }

    /// Returns the field with a tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The heading.
    pub title: String,
    /// A sentence below it; may be empty.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as long as the columns.
    pub rows: Vec<Vec<Cell>>,
    /// What an empty table says.
    pub empty: String,
    /// The sums below the rows; as long as the columns, or empty.
    pub totals: Vec<Cell>,
    /// How many rows are shown at once; the page unfolds the rest, the text leaves them out.
    pub shown: usize,
}

impl Table {
    /// Returns an empty table; a column named with a leading `>` lines up on the right.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let column = |name: &&str| match name.strip_prefix('>') {
            Some(name) => Column { name: name.to_string(), align: Align::Right },
            None => Column { name: (*name).to_string(), align: Align::Left },
        };
        Self {
            title: title.into(),
            caption: String::new(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
            empty: "None.".to_string(),
            totals: Vec::new(),
            shown: usize::MAX,
        }
    }

    /// Returns the table with so many rows shown at once.
    #[must_use]
    pub fn shown(mut self, rows: usize) -> Self {
        self.shown = rows;
        self
    }

    /// Returns the rows shown at once, and the others.
    #[must_use]
    pub fn parts(&self) -> (&[Vec<Cell>], &[Vec<Cell>]) {
        self.rows.split_at(self.shown.min(self.rows.len()))
    }

    /// Returns the table with a caption.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a row of neutral fields.
    pub fn row<T: Into<String>>(&mut self, fields: impl IntoIterator<Item = T>) {
        self.cells(fields.into_iter().map(Cell::new));
    }

    /// Adds a row; missing fields are empty, excess ones are dropped.
    pub fn cells(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut row: Vec<_> = cells.into_iter().take(self.columns.len()).collect();
        row.resize(self.columns.len(), Cell::new(""));
        self.rows.push(row);
    }
}

/// Returns milliseconds as charts count them; a block time always fits.
pub(crate) fn millis(time: BlockTime) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}
