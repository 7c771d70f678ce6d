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

/// Returns the chart of liquidations and margin calls, counted per span of time.
#[must_use]
pub fn liquidations(liquidations: Series, margin_calls: Series) -> Chart {
    Chart::new("Liquidations and margin calls", Unit::Count("events".into()))
        .form(Form::Bars)
        .with(liquidations)
        .with(margin_calls)
}

/// Returns the chart of the insurance fund.
#[must_use]
pub fn insurance_fund(balance: Series) -> Chart {
    Chart::new("Insurance fund", Unit::Dollars).form(Form::Area).with(balance)
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

/// Returns the chart of commands applied per second of wall clock.
#[must_use]
pub fn throughput(commands_per_second: Series) -> Chart {
    Chart::new("Throughput", Unit::Count("commands per second".into()))
        .caption("Commands applied per second of wall clock, by the time of the block.")
        .from_zero()
        .with(commands_per_second)
}
