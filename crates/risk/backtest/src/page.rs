//! The outcomes as a page: what was found first, the longest histories with their charts, the rest in a table.

use crate::replay::{Cost, Coverage, Measure, Outcome, SHARE, Tested, Verdict};
use report::{
    Cell, Chart, DataKind, DataLabel, DataSource, Figure, Form, Pace, Section, Study, Table, Tone,
    Unit,
};

fn percent(value: f64) -> String {
    format!("{:.2} %", value * 100.0)
}

/// Returns a test in words.
#[must_use]
pub(crate) fn tested(test: &Tested) -> String {
    match test {
        Tested::Passes(found) => format!("passes, p = {:.3}", found.p_value),
        Tested::Fails(found) if found.p_value < 0.0001 => "rejected, p < 0.0001".into(),
        Tested::Fails(found) => format!("rejected, p = {:.4}", found.p_value),
        Tested::TooLittle(why) => format!("not tested: {why}"),
    }
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Covers | Verdict::CoversMore => Tone::Good,
        Verdict::FallsShort => Tone::Bad,
        Verdict::Unknown => Tone::Watch,
    }
}

/// Returns a verdict in words.
#[must_use]
pub(crate) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Covers => "covers",
        Verdict::CoversMore => "covers more than it must",
        Verdict::FallsShort => "falls short",
        Verdict::Unknown => "too little data",
    }
}

/// Returns the outcomes as a study.
#[must_use]
pub fn study(outcomes: &[Outcome]) -> Study {
    let mut sections = vec![reading()];
    sections.extend(outcomes.iter().map(section));
    Study {
        title: "Scan ranges held against recorded prices".into(),
        subtitle: subtitle(outcomes),
        data: DataLabel {
            kind: DataKind::Recorded,
            name: "recorded index prices".into(),
            sources: sources(outcomes),
            caveats: vec![
                "Prices are of single exchanges, not of an index; a minute without a trade has no price.".into(),
                "The eight-hour bars have no March 2020 and no May 2021 in them: the widest ranges are not tried."
                    .into(),
            ],
        },
        figures: figures(outcomes),
        sections,
        notes: vec![
            "Ranges are computed by the integers of the house, hour by hour; floats count and test.".into(),
            format!(
                "A range is asked to hold {} of eight-hour moves. Tests are Kupiec's of the share and Christoffersen's of \
                 independence, at 5 %, against χ² with one degree of freedom.",
                percent(1.0 - SHARE)
            ),
            "With eight hours between returns, half-life, window and horizon are the same in hours; the range held still \
             moves hourly."
                .into(),
            "Again: novation backtest --data DIR --out DIR".into(),
        ],
    }
}

fn reading() -> Section {
    Section::new(
        "How to read this",
        "The range of history is what the deviation and the largest sizes of past returns ask for. The range for new risk \
         adds a buffer, the stress set and a floor, and is initial margin of one perpetual. The range for risk held follows \
         it by at most 5 % an hour; maintenance margin is 80 % of it. A rejected test with fewer moves beyond the range than \
         allowed means that the range is wider than the share asks for, which is what floor and stress set are for.",
    )
}

fn tested_ones(outcomes: &[Outcome]) -> impl Iterator<Item = (&Outcome, &Measure)> {
    let all =
        outcomes.iter().flat_map(|outcome| outcome.measures.iter().map(move |m| (outcome, m)));
    all.filter(|(_, measure)| measure.close.verdict != Verdict::Unknown)
}

fn subtitle(outcomes: &[Outcome]) -> String {
    let short = |of: fn(&Measure) -> &Coverage| {
        let short: Vec<String> = tested_ones(outcomes)
            .filter(|(_, measure)| of(measure).verdict == Verdict::FallsShort)
            .map(|(outcome, measure)| format!("{} of {}", measure.range, outcome.name))
            .collect();
        if short.is_empty() {
            "no range falls short".to_string()
        } else {
            format!("falls short: {}", short.join("; "))
        }
    };
    let tested: usize = outcomes
        .iter()
        .filter(|outcome| outcome.measures.iter().any(|m| m.close.verdict != Verdict::Unknown))
        .count();
    format!(
        "{} histories, of which {tested} are long enough for a test of coverage. At the close, {}. On the way there, {}.",
        outcomes.len(),
        short(|measure| &measure.close),
        short(|measure| &measure.on_the_way)
    )
}

fn figures(outcomes: &[Outcome]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (outcome, measure) in tested_ones(outcomes).filter(|(_, m)| m.range != "static 16 %") {
        let asset = outcome.name.split(' ').next().unwrap_or_default();
        let (close, way) = (&measure.close, &measure.on_the_way);
        let value = format!("{} of {}", close.exceeded, measure.trials);
        let note = format!(
            "moves beyond it at the close: {}; on the way {}: {}",
            verdict(close.verdict),
            way.exceeded,
            verdict(way.verdict)
        );
        let label = format!("{asset}, range: {}", measure.range);
        figures.push(Figure::new(label, value).note(note).tone(tone(close.verdict)));
    }
    let most = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).fold(0.0, f64::max);
    figures.push(
        Figure::new("Maintenance, most in an hour", percent(most(|o| o.rise_hold.hour)))
            .note("of itself; the limit is 5 %"),
    );
    figures.push(
        Figure::new("Maintenance, most in a day", percent(most(|o| o.rise_hold.day)))
            .note("of itself"),
    );
    figures
}

fn section(outcome: &Outcome) -> Section {
    let drawn = &outcome.drawn;
    let text = format!(
        "{} to {}, {} prices, a return every {} hours. Largest move within eight hours: {}.",
        outcome.from,
        outcome.to,
        outcome.steps,
        outcome.hours_between_returns,
        percent(outcome.largest_move)
    );
    let mut ranges = Chart::new("Ranges and moves", Unit::Percent)
        .caption("The move is the largest of the eight hours that follow: a range below it did not hold on the way.")
        .from_zero()
        .with(drawn.new_risk.clone().pace(Pace::Strong))
        .with(drawn.hold.clone())
        .with(drawn.history.clone().pace(Pace::Dashed))
        .with(drawn.moves.clone().pace(Pace::Faint));
    ranges.form = Form::Step;
    Section::new(&outcome.name, text)
        .chart(ranges)
        .chart(Chart::new("Price", Unit::Dollars).with(drawn.price.clone()))
        .table(coverage(outcome))
        .table(cost(outcome))
}

fn coverage(outcome: &Outcome) -> Table {
    let mut table = Table::new(
        "Coverage",
        &[
            "Range",
            "Where",
            ">Moves",
            ">Beyond it",
            ">Allowed",
            "Share (Kupiec)",
            "Independence (Christoffersen)",
            ">Power",
            ">Worst excess",
            "Verdict",
        ],
    )
    .caption(
        "Both are held against the same share: ranges are made for the close, and a price on the way is beyond one more \
         often. Power: how likely the test would notice twice the share allowed, with this many moves.",
    );
    for measure in &outcome.measures {
        for (place, found) in
            [("at the close", &measure.close), ("on the way", &measure.on_the_way)]
        {
            let cells = [
                measure.range.to_string(),
                place.to_string(),
                measure.trials.to_string(),
                found.exceeded.to_string(),
                format!("{:.1}", SHARE * measure.trials as f64),
                tested(&found.kupiec),
                tested(&found.independence),
                if measure.power > 0.0 { percent(measure.power) } else { "–".into() },
                percent(found.worst_excess),
            ];
            let last = Cell::new(verdict(found.verdict)).tone(tone(found.verdict));
            table.cells(cells.into_iter().map(Cell::new).chain([last]));
        }
    }
    table
}

/// Returns what a margin that follows the market costs beside ones that do not, in a sentence.
#[must_use]
pub(crate) fn compared(cost: &Cost) -> String {
    let beside = |what: &str, fixed: f64| {
        let more = cost.new_risk / fixed - 1.0;
        let word = if more < 0.0 { "less" } else { "more" };
        format!("{} {word} than {what} {}", percent(more.abs()), percent(fixed))
    };
    let mut parts = vec![beside("a static one of", cost.fixed)];
    if cost.fixed_as_good > 0.0 {
        let part = beside(
            "the static one that would have left as many closes uncovered,",
            cost.fixed_as_good,
        );
        parts.push(format!("{part} and known only afterwards"));
    }
    parts.push(beside("one as high as its own peak,", cost.fixed_at_peak));
    format!("initial margin costs {}", parts.join("; "))
}

fn cost(outcome: &Outcome) -> Table {
    let cost = &outcome.cost;
    let mut table = Table::new("Speed and cost", &["What", ">Share of the position's value"])
        .caption(format!("On average, {}.", compared(cost)));
    for (name, value) in [
        ("initial margin, mean", cost.new_risk),
        ("scan of maintenance margin, mean", cost.hold),
        ("static margin of 16 %", cost.fixed),
        (
            "static margin that leaves as many moves uncovered (known afterwards)",
            cost.fixed_as_good,
        ),
        ("static margin as high as the range at its peak", cost.fixed_at_peak),
    ] {
        table.row([name.to_string(), percent(value)]);
    }
    for (name, rise) in [("initial", outcome.rise_new_risk), ("maintenance", outcome.rise_hold)] {
        table.row([format!("{name}: most it rose in an hour, of itself"), percent(rise.hour)]);
        table.row([format!("{name}: most it rose in a day, of itself"), percent(rise.day)]);
        table.row([format!("{name}: greatest over least"), format!("{:.2}", rise.peak_to_trough)]);
    }
    table
}

fn sources(outcomes: &[Outcome]) -> Vec<DataSource> {
    let licence = |source: &str| if source.contains("AHA-HH") { "MIT" } else { "Apache-2.0" };
    let mut sources: Vec<DataSource> = Vec::new();
    for outcome in outcomes {
        let (what, origin) = outcome.source.rsplit_once(", ").unwrap_or((&outcome.source, ""));
        if !sources.iter().any(|source| source.origin == origin) {
            let (what, origin) = (what.to_string(), origin.to_string());
            sources.push(DataSource { what, origin, licence: licence(&outcome.source).into() });
        }
    }
    sources
}
