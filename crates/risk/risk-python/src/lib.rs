//! The risk core for Python: `import novation_risk`.
//!
//! Prices, Greeks, implied vols, margins and what-if are those of the house, computed by the same integers. Numbers go in as
//! `str`, `int` or `decimal.Decimal` and come out as `decimal.Decimal`; a `float` is refused, because it is not exact.
//!
//! **Invariant:** nothing is computed here. What Python gets is the text that Rust prints.
//!
//! Left out: the network, the state machine, anything that changes something.

use pricing::{FineVol, Forward, Horizon, Strike, Terms};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyString};
use std::fmt::Display;
use std::str::FromStr;
use units::{BlockSpan, Ppb, Price, Round};
use whatif::{Batch, Detail, Orders, Portfolio};

/// Trillionths are decimals beyond those of any unit: a vol is given with up to twelve.
const VOL_DECIMALS: usize = 12;

fn invalid(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Returns an error that names the argument.
fn wrong(name: &str, value: impl Display) -> impl Fn(units::ArithmeticError) -> PyErr {
    let argument = format!("{name} {value}");
    move |error| PyValueError::new_err(format!("{argument}: {error}"))
}

/// Returns the exact text of a number.
fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyFloat>() {
        let message = format!("{name}: a float is not exact; give a str, an int or a Decimal");
        return Err(PyTypeError::new_err(message));
    }
    if value.is_instance_of::<PyString>() {
        return value.extract();
    }
    // A Decimal may print an exponent; its format 'f' does not.
    value
        .call_method1("__format__", (if value.hasattr("as_tuple")? { "f" } else { "" },))?
        .extract()
}

fn read<T>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<T>
where
    T: FromStr,
    T::Err: Display,
{
    let text = text(name, value)?;
    text.parse().map_err(|error: T::Err| PyValueError::new_err(format!("{name} {text}: {error}")))
}

/// Returns a vol with up to twelve decimals.
fn vol(value: &Bound<'_, PyAny>) -> PyResult<FineVol> {
    let text = text("vol", value)?;
    let wrong =
        || PyValueError::new_err(format!("vol {text}: not a decimal with at most twelve places"));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > VOL_DECIMALS || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let trillionths = format!("{whole}{fraction:0<VOL_DECIMALS$}").parse().map_err(|_| wrong())?;
    FineVol::from_trillionths(trillionths)
        .map_err(|error| PyValueError::new_err(format!("vol {text}: {error}")))
}

/// Returns a number for Python.
fn decimal<'py>(py: Python<'py>, value: impl Display) -> PyResult<Bound<'py, PyAny>> {
    py.import("decimal")?.getattr("Decimal")?.call1((value.to_string(),))
}

/// Returns whether an option is a call.
fn is_call(right: &str) -> PyResult<bool> {
    match right {
        "call" => Ok(true),
        "put" => Ok(false),
        other => Err(PyValueError::new_err(format!("right '{other}': call or put"))),
    }
}

fn horizon(milliseconds: i64) -> PyResult<Horizon> {
    let span = BlockSpan::from_millis(i128::from(milliseconds));
    Horizon::after(span).map_err(wrong("milliseconds", milliseconds))
}

fn forward_of(value: &Bound<'_, PyAny>) -> PyResult<Forward> {
    let price: Price = read("forward", value)?;
    Forward::new(price).map_err(wrong("forward", price))
}

fn strike_of(value: &Bound<'_, PyAny>) -> PyResult<Strike> {
    let price: Price = read("strike", value)?;
    Strike::new(price).map_err(wrong("strike", price))
}

fn terms(
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    sigma: &Bound<'_, PyAny>,
    milliseconds: i64,
) -> PyResult<Terms> {
    Ok(Terms {
        forward: forward_of(forward)?,
        strike: strike_of(strike)?,
        vol: vol(sigma)?,
        horizon: horizon(milliseconds)?,
    })
}

/// Returns the Black-76 value of an option per unit of the underlying, undiscounted, rounded down to a micro-dollar.
#[pyfunction]
fn price<'py>(
    py: Python<'py>,
    right: &str,
    forward: &Bound<'py, PyAny>,
    strike: &Bound<'py, PyAny>,
    vol: &Bound<'py, PyAny>,
    milliseconds: i64,
) -> PyResult<Bound<'py, PyAny>> {
    let terms = terms(forward, strike, vol, milliseconds)?;
    let value = if is_call(right)? { terms.call(Round::Down) } else { terms.put(Round::Down) };
    decimal(py, value)
}

/// Returns delta, dollar gamma for 1 %, vega per 1.00 of vol, and theta per year, as a dict.
#[pyfunction]
fn greeks<'py>(
    py: Python<'py>,
    right: &str,
    forward: &Bound<'py, PyAny>,
    strike: &Bound<'py, PyAny>,
    vol: &Bound<'py, PyAny>,
    milliseconds: i64,
) -> PyResult<Bound<'py, PyDict>> {
    let greeks = terms(forward, strike, vol, milliseconds)?.greeks();
    let delta: Ppb = if is_call(right)? { greeks.delta_call } else { greeks.delta_put };
    let found = PyDict::new(py);
    found.set_item("delta", decimal(py, delta)?)?;
    found.set_item("gamma", decimal(py, greeks.gamma)?)?;
    found.set_item("vega", decimal(py, greeks.vega)?)?;
    found.set_item("theta", decimal(py, greeks.theta)?)?;
    Ok(found)
}

/// Returns the vol that a price in whole micro-dollars determines to a basis point, rounded up to a trillionth; None if none is
/// determined: at or below intrinsic value, beyond the highest vol, or where a micro-dollar of price spans more than 0.0001 of vol.
#[pyfunction]
fn implied_vol<'py>(
    py: Python<'py>,
    right: &str,
    price: &Bound<'py, PyAny>,
    forward: &Bound<'py, PyAny>,
    strike: &Bound<'py, PyAny>,
    milliseconds: i64,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let price: Price = read("price", price)?;
    let (forward, strike) = (forward_of(forward)?, strike_of(strike)?);
    let horizon = horizon(milliseconds)?;
    let implied = if is_call(right)? {
        pricing::vol_determined_by_call(price, forward, strike, horizon)
    } else {
        pricing::vol_determined_by_put(price, forward, strike, horizon)
    };
    let shown = |vol: FineVol| {
        let digits = format!("{:0>13}", vol.trillionths());
        let (whole, fraction) = digits.split_at(digits.len() - VOL_DECIMALS);
        decimal(py, format!("{whole}.{fraction}"))
    };
    implied.map(shown).transpose()
}

/// Returns JSON text of a str, or of a dict or list as Python writes it.
fn json(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyString>() {
        return value.extract();
    }
    let text = value.py().import("json")?.call_method1("dumps", (value,));
    let text = text.map_err(|error| {
        let message = format!("{name}: {}; give numbers as str or int", error.value(value.py()));
        PyTypeError::new_err(message)
    })?;
    text.extract()
}

fn portfolio_of(value: &Bound<'_, PyAny>) -> PyResult<Portfolio> {
    Portfolio::parse(&json("portfolio", value)?).map_err(invalid)
}

fn loads<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (text,))
}

/// Returns margin of a portfolio, given as JSON text or as a dict of the same form; with its Greeks unless they are not wanted, and
/// with liquidation prices if they are.
#[pyfunction]
#[pyo3(signature = (portfolio, *, greeks=true, liquidation=false))]
fn margin<'py>(
    portfolio: &Bound<'py, PyAny>,
    greeks: bool,
    liquidation: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = portfolio.py();
    let read = portfolio_of(portfolio)?;
    let detail = Detail { greeks, liquidation };
    let found = py.detach(|| read.measure(detail)).map_err(invalid)?;
    loads(py, &serde_json::to_string(&found).map_err(invalid)?)
}

/// Returns margin of many portfolios in the same markets, in their order: a list, or JSON text of one.
#[pyfunction]
#[pyo3(signature = (markets, portfolios, *, greeks=false, liquidation=false))]
fn margin_many<'py>(
    markets: &Bound<'py, PyAny>,
    portfolios: &Bound<'py, PyAny>,
    greeks: bool,
    liquidation: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = markets.py();
    let (markets, portfolios) = (json("markets", markets)?, json("portfolios", portfolios)?);
    let detail = Detail { greeks, liquidation };
    let found = py.detach(|| Batch::parse(&markets)?.measure(&portfolios, detail));
    loads(py, &serde_json::to_string(&found.map_err(invalid)?).map_err(invalid)?)
}

/// Returns a portfolio before orders, with them open and with all of them filled.
#[pyfunction(name = "whatif")]
#[pyo3(signature = (portfolio, orders, *, greeks=true, liquidation=false))]
fn what_if<'py>(
    portfolio: &Bound<'py, PyAny>,
    orders: &Bound<'py, PyAny>,
    greeks: bool,
    liquidation: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = portfolio.py();
    let read = portfolio_of(portfolio)?;
    let orders: Orders = read.parse_orders(&json("orders", orders)?).map_err(invalid)?;
    let detail = Detail { greeks, liquidation };
    let found = py.detach(|| read.what_if_with(&orders, detail)).map_err(invalid)?;
    loads(py, &serde_json::to_string(&found).map_err(invalid)?)
}

/// Margin and option arithmetic of the Novation clearing house, bit for bit.
#[pymodule]
fn novation_risk(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(price, module)?)?;
    module.add_function(wrap_pyfunction!(greeks, module)?)?;
    module.add_function(wrap_pyfunction!(implied_vol, module)?)?;
    module.add_function(wrap_pyfunction!(margin, module)?)?;
    module.add_function(wrap_pyfunction!(margin_many, module)?)?;
    module.add_function(wrap_pyfunction!(what_if, module)?)?;
    Ok(())
}
