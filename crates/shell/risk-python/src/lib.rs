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
use whatif::{Orders, Portfolio};

/// Trillionths are decimals beyond those of any unit: a vol is given with up to twelve.
const VOL_DECIMALS: usize = 12;

fn invalid(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
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

fn span(milliseconds: i64) -> BlockSpan {
    BlockSpan::from_millis(i128::from(milliseconds))
}

fn terms(
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    sigma: &Bound<'_, PyAny>,
    milliseconds: i64,
) -> PyResult<Terms> {
    let (forward, strike): (Price, Price) = (read("forward", forward)?, read("strike", strike)?);
    Terms::new(forward, strike, vol(sigma)?, span(milliseconds)).map_err(invalid)
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

/// Returns the vol that a price implies, rounded up to a trillionth; None if no vol does.
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
    let forward = Forward::new(read("forward", forward)?).map_err(invalid)?;
    let strike = Strike::new(read("strike", strike)?).map_err(invalid)?;
    let horizon = Horizon::after(span(milliseconds)).map_err(invalid)?;
    let implied = if is_call(right)? {
        pricing::vol_implied_by_call(price, forward, strike, horizon)
    } else {
        pricing::vol_implied_by_put(price, forward, strike, horizon)
    };
    let shown = |vol: FineVol| {
        let digits = format!("{:0>13}", vol.trillionths());
        let (whole, fraction) = digits.split_at(digits.len() - VOL_DECIMALS);
        decimal(py, format!("{whole}.{fraction}"))
    };
    implied.map(shown).transpose()
}

/// Returns JSON text of a str, or of a dict or list as Python writes it.
fn json(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyString>() {
        return value.extract();
    }
    value.py().import("json")?.call_method1("dumps", (value,))?.extract()
}

fn portfolio_of(value: &Bound<'_, PyAny>) -> PyResult<Portfolio> {
    Portfolio::parse(&json(value)?).map_err(invalid)
}

fn loads<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (text,))
}

/// Returns margin, Greeks and liquidation prices of a portfolio, given as JSON text or as a dict of the same form.
#[pyfunction]
fn margin<'py>(portfolio: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let found = portfolio_of(portfolio)?.assess().map_err(invalid)?;
    loads(portfolio.py(), &serde_json::to_string(&found).map_err(invalid)?)
}

/// Returns a portfolio before orders, with them open and with all of them filled.
#[pyfunction(name = "whatif")]
fn what_if<'py>(
    portfolio: &Bound<'py, PyAny>,
    orders: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let portfolio_read = portfolio_of(portfolio)?;
    let orders: Orders = portfolio_read.parse_orders(&json(orders)?).map_err(invalid)?;
    let found = portfolio_read.what_if(&orders).map_err(invalid)?;
    loads(portfolio.py(), &serde_json::to_string(&found).map_err(invalid)?)
}

/// Margin and option arithmetic of the Novation clearing house, bit for bit.
#[pymodule]
fn novation_risk(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(price, module)?)?;
    module.add_function(wrap_pyfunction!(greeks, module)?)?;
    module.add_function(wrap_pyfunction!(implied_vol, module)?)?;
    module.add_function(wrap_pyfunction!(margin, module)?)?;
    module.add_function(wrap_pyfunction!(what_if, module)?)?;
    Ok(())
}
