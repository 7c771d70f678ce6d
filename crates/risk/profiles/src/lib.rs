//! Margin of one portfolio under several rule books, side by side: for research and comparison, off consensus.
//!
//! The rule books of others are data and a small adapter each: published formulas over one portfolio format. Nothing
//! here is read by the machine, and nothing a validator does depends on it.
//!
//! **Invariant:** input is exact decimal text and every field is known, or there is an [`Error`] with a name. Equal
//! input gives equal output on every machine: logarithms, exponentials and powers come from one portable library.
//!
//! **Accuracy:** the profile of the house is exact. The others compute in 64-bit floats and print twelve significant
//! digits; they are tested to 1e-9 against an independent high-precision reference.
//!
//! Left out: orders, liquidation, and anything a peer does that its published formulas do not say.

mod black;
mod decimal;
mod error;
mod haircuts;
mod house;
mod linear;
mod outcome;
mod pmrm;
mod pmrm_parameters;
mod portfolio;
mod span;
mod srm;

pub use error::Error;
pub use outcome::{Outcome, ScenarioProfit};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Most bytes of a portfolio or of parameters.
pub const TEXT_BYTES_MAX: usize = 4 << 20;

/// A rule book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// This house: the margin of the core, exactly.
    Novation,
    /// Portfolio margin in the manner of Derive's second portfolio manager.
    DerivePmrm2,
    /// Standard margin in the manner of Derive's standard manager.
    DeriveSrm,
    /// Sixteen scenarios in the manner of SPAN.
    Span16,
    /// Shares of notional, in tiers.
    Linear,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] =
        [Self::Novation, Self::DerivePmrm2, Self::DeriveSrm, Self::Span16, Self::Linear];

    /// Returns the name it is asked for by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Novation => "novation",
            Self::DerivePmrm2 => "derive-pmrm2",
            Self::DeriveSrm => "derive-srm",
            Self::Span16 => "span16",
            Self::Linear => "linear",
        }
    }
}

/// Returns the margin of a portfolio under a rule book. Both texts are JSON; without parameters the defaults hold.
///
/// # Errors
///
/// [`Error`] with the first thing that is wrong with the input.
pub fn measure(
    profile: Profile,
    portfolio: &str,
    parameters: Option<&str>,
) -> Result<Outcome, Error> {
    match profile {
        Profile::Novation => house::measure(&read(portfolio)?, &overridden(parameters, &LISTS)?),
        Profile::DerivePmrm2 => pmrm::measure(&read(portfolio)?, &overridden(parameters, &LISTS)?),
        Profile::DeriveSrm => srm::measure(&read(portfolio)?, &overridden(parameters, &LISTS)?),
        Profile::Span16 => span::measure(&read(portfolio)?, &overridden(parameters, &LISTS)?),
        Profile::Linear => linear::measure(
            &parse(portfolio, "portfolio", &LINEAR_LISTS)?,
            &overridden(parameters, &LINEAR_LISTS)?,
        ),
    }
}

fn read(text: &str) -> Result<portfolio::Portfolio, Error> {
    let portfolio: portfolio::Portfolio = parse(text, "portfolio", &LISTS)?;
    portfolio.check()?;
    Ok(portfolio)
}

fn overridden<T: Default + DeserializeOwned>(
    text: Option<&str>,
    lists: &[&str],
) -> Result<T, Error> {
    text.map_or_else(|| Ok(T::default()), |text| parse(text, "parameters", lists))
}

fn parse<'a, T: Deserialize<'a>>(
    text: &'a str,
    what: &'static str,
    lists: &[&str],
) -> Result<T, Error> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Error::TooLong { what, most: TEXT_BYTES_MAX });
    }
    let malformed = |reason: String| Error::Malformed { what, reason };
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        malformed(if path == "." { reason } else { format!("{path}: {reason}") })
    })?;
    let value = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    only_named(&value, "the whole", lists, false).map_err(malformed)?;
    Ok(read)
}

/// Checks that what has fields has them by name: the decoder would take them from a list by their place too.
fn only_named(value: &Value, name: &str, lists: &[&str], listed: bool) -> Result<(), String> {
    match value {
        Value::Array(items) if listed => {
            items.iter().try_for_each(|item| only_named(item, name, lists, false))
        }
        Value::Array(_) => Err(format!("{name} is a list where there should be fields by name")),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            only_named(field, name, lists, lists.contains(&name.as_str()))
        }),
        _ => Ok(()),
    }
}

/// Fields that are lists.
const LISTS: [&str; 6] = ["expiries", "options", "collateral", "risk_arrays", "gains", "scenarios"];
/// The same in the linear format.
const LINEAR_LISTS: [&str; 3] = ["positions", "tiers", "markets"];
