//! The charts that every run has, each from the series behind it.

use crate::model::{Chart, Form, Pace, Series, Unit};

/// Returns the chart of an underlying: its venues, faint, the index, heavy, and the mark price, dashed.
#[must_use]
pub fn prices(underlying: &str, venues: Vec<Series>, index: Series, mark: Option<Series>) -> Chart {
    let mut chart = Chart::new(format!("{underlying}: venues, index and mark"), Unit::Dollars);
    chart.series.extend(venues.into_iter().map(|venue| venue.pace(Pace::Faint)));
    chart.series.push(index.pace(Pace::Strong));
    chart.series.extend(mark.map(|mark| mark.pace(Pace::Dashed)));
    chart
}

/// Returns the chart of open interest, one series for each underlying or instrument.
#[must_use]
pub fn open_interest(unit: Unit, series: Vec<Series>) -> Chart {
    let mut chart = Chart::new("Open interest", unit).form(Form::Step).from_zero();
    chart.series = series;
    chart
}

/// Returns the chart of traders' equity against the margins that they must hold.
#[must_use]
pub fn margin(equity: Series, initial: Series, maintenance: Series) -> Chart {
    Chart::new("Equity and margin of traders", Unit::Dollars)
        .caption("Equity above initial margin may take more risk; below maintenance margin is liquidated.")
        .from_zero()
        .with(equity.pace(Pace::Strong))
        .with(initial)
        .with(maintenance.pace(Pace::Dashed))
}

/// Returns the charts of margin calls and of liquidations, counted per span of time: one beside the other, as there are many more
/// of the second.
#[must_use]
pub fn liquidations(liquidations: Series, margin_calls: Series) -> [Chart; 2] {
    let chart = |title: &str, unit: &str, series| {
        Chart::new(title, Unit::Count(unit.into())).form(Form::Bars).half().with(series)
    };
    [chart("Margin calls", "calls", margin_calls), chart("Liquidations", "steps", liquidations)]
}

/// Returns the chart of the insurance fund, on an axis that shows how it moves.
#[must_use]
pub fn insurance_fund(balance: Series) -> Chart {
    Chart::new("Insurance fund", Unit::Dollars)
        .caption("All compartments together. The axis does not begin at zero.")
        .form(Form::Step)
        .with(balance)
}

/// Returns the chart of scan ranges.
#[must_use]
pub fn ranges(series: Vec<Series>) -> Chart {
    let mut chart = Chart::new("Scan ranges", Unit::Percent)
        .caption("How far the scenarios of margin move an index: at once for orders that add risk, slowly for risk held.")
        .form(Form::Step)
        .from_zero();
    chart.series = series;
    chart
}

/// Returns the chart of what groups of accounts have won since the beginning.
#[must_use]
pub fn results(series: Vec<Series>) -> Chart {
    let mut chart = Chart::new("Result by group", Unit::Dollars)
        .caption("Gains and losses in contracts, funding, fees, and debts that others paid; what pledged coins are worth is left out.");
    chart.series = series;
    chart
}

/// Returns the four charts of the Greeks of the whole book, at half width.
///
/// Delta in units of the underlying, gamma in units per dollar, vega in dollars per point of volatility, theta in
/// dollars per day.
#[must_use]
pub fn greeks(delta: Series, gamma: Series, vega: Series, theta: Series) -> [Chart; 4] {
    let chart = |title: &str, caption: &str, unit: Unit, series: Series| {
        Chart::new(title, unit).caption(caption).half().with(series)
    };
    [
        chart("Delta", "", Unit::Count("units of the underlying".into()), delta),
        chart("Gamma", "", Unit::Count("units of the underlying per dollar".into()), gamma),
        chart("Vega", "Dollars per point of volatility.", Unit::Dollars, vega),
        chart("Theta", "Dollars per day.", Unit::Dollars, theta),
    ]
}

/// Returns the chart of implied volatility.
#[must_use]
pub fn volatility(series: Vec<Series>) -> Chart {
    let mut chart = Chart::new("Implied volatility at the money", Unit::Percent).from_zero();
    chart.series = series;
    chart
}
