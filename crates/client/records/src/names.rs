//! Keys of records as people name them: to the key, and back to words.

use crate::kind::Kind;
use crate::lines::{asset_name, parameter_name};
use governance::{Definition, Scope};
use ledger::Holder;
use machine::{State, StateKey};
use protocol::{
    AccountId, Address, AssetId, InstrumentId, ParseAccountError, SessionKey, UnderlyingId,
    ValidatorId, WithdrawalId, decode_hex,
};

/// Why names are the key of no record. Its text says what to name instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Too few names, or too many.
    #[error("{0}")]
    Expected(&'static str),
    /// Something that stands in no record of its own, so that validators alone prove it.
    #[error("a house alone proves {proves}: ask a validator for {what} with `novation ask`")]
    NoRecord {
        /// What a house proves of it.
        proves: &'static str,
        /// What to ask for.
        what: &'static str,
    },
    /// No account.
    #[error(transparent)]
    Account(#[from] ParseAccountError),
    /// An account, where an owner is meant.
    #[error("'{0}' names an account: an owner is 0x and forty hex digits")]
    AccountForOwner(String),
    /// No session key.
    #[error("'{0}' is no session key: 0x and sixty-four hex digits")]
    NoSessionKey(String),
    /// No number.
    #[error("'{text}' is not the number of {what}")]
    NoNumber {
        /// What was named.
        text: String,
        /// Of what it should be the number.
        what: &'static str,
    },
    /// No underlying that is known.
    #[error("'{text}' is not an underlying: there are {known}")]
    NoUnderlying {
        /// What was named.
        text: String,
        /// Those that there are.
        known: String,
    },
    /// No parameter of governance.
    #[error("'{text}' is not a parameter: there are {known}")]
    NoParameter {
        /// What was named.
        text: String,
        /// Those that there are.
        known: String,
    },
    /// An underlying is named, and the parameter has none.
    #[error("{0} has one value for the house: name no underlying")]
    OneValue(&'static str),
    /// No underlying is named, and the parameter has one.
    #[error("{0} has a value for each underlying: say which, as {0} BTC")]
    ValuePerUnderlying(&'static str),
    /// No balance of the house.
    #[error("'{0}' is not a balance: fees, outside, insurance <underlying> or clearing <market>")]
    NoBalance(String),
}

/// Names of underlyings, as people call them.
pub type Underlyings = Vec<(UnderlyingId, String)>;

/// Returns the underlyings of a state, in the order of their numbers.
#[must_use]
pub fn underlyings(state: &State) -> Underlyings {
    state.underlyings.iter().map(|(id, held)| (*id, held.name.clone())).collect()
}

/// Returns the key that a person means: of an underlying its number, or the name that a list of those has for it.
///
/// # Errors
///
/// [`NameError`] if the names are of no record of that kind, with what to name instead. Whether there is such a record
/// is not asked.
pub fn key(
    kind: Kind,
    names: &[String],
    known: &[(UnderlyingId, String)],
) -> Result<StateKey, NameError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(match (kind, names.as_slice()) {
        (Kind::Block, []) => StateKey::Block,
        (Kind::Account, [account]) => StateKey::Account(account.parse()?),
        (Kind::Market, [market]) => StateKey::Market(market_of(market)?),
        (Kind::Underlying, [name]) => StateKey::Underlying(underlying_of(name, known)?),
        (Kind::Liquidity, [name]) => StateKey::Liquidity(underlying_of(name, known)?),
        (Kind::Thresholds, [name]) => StateKey::Thresholds(underlying_of(name, known)?),
        (Kind::Parameter, [name]) => parameter(name, None)?,
        (Kind::Parameter, [name, place]) => parameter(name, Some(underlying_of(place, known)?))?,
        (Kind::House, [holder, rest @ ..]) => house(holder, rest, known)?,
        (Kind::Owner, [owner]) => StateKey::Owner(owner_of(owner)?),
        (Kind::Session, [owner, key]) => StateKey::Session(owner_of(owner)?, session_of(key)?),
        (Kind::Validator, [number]) => match number.parse() {
            Ok(number) => StateKey::Validator(ValidatorId::new(number)),
            Err(_) => return Err(no_number(number, "a validator")),
        },
        (Kind::Committee, []) => StateKey::Committee,
        (Kind::Council, []) => StateKey::Council,
        (Kind::Custody, []) => StateKey::Custody,
        (Kind::Withdrawal, [number]) => match number.parse() {
            Ok(number) => StateKey::Withdrawal(WithdrawalId::new(number)),
            Err(_) => return Err(no_number(number, "a withdrawal")),
        },
        (kind, _) => return Err(expected(kind)),
    })
}

/// Returns what should have been named.
fn expected(kind: Kind) -> NameError {
    NameError::Expected(match kind {
        Kind::Order | Kind::Fill | Kind::Receipt => {
            return NameError::NoRecord { proves: "no order and no receipt", what: "it" };
        }
        Kind::Greeks => {
            return NameError::NoRecord { proves: "records one by one", what: "Greeks" };
        }
        Kind::Block => "the block is named by 'block' alone",
        Kind::Account => "name one account: 0x<40 hex digits>/<sub>",
        Kind::Market => "name one market by its number",
        Kind::Underlying | Kind::Thresholds | Kind::Liquidity => "name one underlying, such as BTC",
        Kind::House => "name a balance: fees, outside, insurance <underlying> or clearing <market>",
        Kind::Parameter => {
            "name a parameter and, if it is one of an underlying, which: scan_range BTC"
        }
        Kind::Owner => "name one owner: 0x<40 hex digits>",
        Kind::Session => "name an owner and its session key: 0x<40 hex digits> 0x<64 hex digits>",
        Kind::Validator => "name one validator by its number",
        Kind::Committee => "the committee is named by 'committee' alone",
        Kind::Council => "the council is named by 'council' alone",
        Kind::Custody => "custody is named by 'custody' alone",
        Kind::Withdrawal => "name one withdrawal by its number",
    })
}

fn owner_of(text: &str) -> Result<Address, NameError> {
    if text.contains('/') {
        return Err(NameError::AccountForOwner(text.to_owned()));
    }
    let account: AccountId = text.parse()?;
    Ok(account.owner)
}

fn session_of(text: &str) -> Result<SessionKey, NameError> {
    let bytes = decode_hex(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    match bytes {
        Some(bytes) => Ok(SessionKey::new(bytes)),
        None => Err(NameError::NoSessionKey(text.to_owned())),
    }
}

/// Returns the market of a number.
///
/// # Errors
///
/// [`NameError::NoNumber`] if the text is none.
pub fn market_of(text: &str) -> Result<InstrumentId, NameError> {
    match text.parse() {
        Ok(number) => Ok(InstrumentId::new(number)),
        Err(_) => Err(no_number(text, "a market")),
    }
}

fn underlying_of(text: &str, known: &[(UnderlyingId, String)]) -> Result<UnderlyingId, NameError> {
    let named = |(_, name): &&(UnderlyingId, String)| name.eq_ignore_ascii_case(text);
    if let Some((id, _)) = known.iter().find(named) {
        return Ok(*id);
    }
    match text.parse() {
        Ok(number) => Ok(UnderlyingId::new(number)),
        Err(_) => {
            let names: Vec<_> =
                known.iter().map(|(id, name)| format!("{name} (number {id})")).collect();
            Err(NameError::NoUnderlying { text: text.to_owned(), known: names.join(", ") })
        }
    }
}

fn parameter(name: &str, place: Option<UnderlyingId>) -> Result<StateKey, NameError> {
    let Some(found) = Definition::all().iter().find(|definition| definition.name == name) else {
        let names: Vec<_> = Definition::all().iter().map(|definition| definition.name).collect();
        return Err(NameError::NoParameter { text: name.to_owned(), known: names.join(", ") });
    };
    match (found.scope, place) {
        (Scope::House, Some(_)) => Err(NameError::OneValue(found.name)),
        (Scope::Underlying, None) => Err(NameError::ValuePerUnderlying(found.name)),
        (Scope::House, None) | (Scope::Underlying, Some(_)) => {
            Ok(StateKey::Parameter(place, found.parameter))
        }
    }
}

fn house(
    holder: &str,
    rest: &[&str],
    known: &[(UnderlyingId, String)],
) -> Result<StateKey, NameError> {
    let (holder, rest) = match (holder, rest) {
        ("fees", rest) => (Holder::Fees, rest),
        ("outside", rest) => (Holder::Outside, rest),
        ("insurance", [place, rest @ ..]) => {
            (Holder::Insurance(underlying_of(place, known)?), rest)
        }
        ("clearing", [market, rest @ ..]) => (Holder::Clearing(market_of(market)?), rest),
        _ => return Err(NameError::NoBalance(holder.to_owned())),
    };
    let asset = match rest {
        [] => AssetId::DOLLAR,
        [asset] => match asset.parse() {
            Ok(number) => AssetId::new(number),
            Err(_) => return Err(no_number(asset, "an asset; dollars are 0")),
        },
        _ => {
            return Err(NameError::Expected(
                "too many names: a balance is named by its holder and at most one asset",
            ));
        }
    };
    Ok(StateKey::House(holder, asset))
}

fn no_number(text: &str, what: &'static str) -> NameError {
    NameError::NoNumber { text: text.to_owned(), what }
}

/// Returns the name of a key in words.
#[must_use]
pub fn name(key: &StateKey) -> String {
    match key {
        StateKey::Block => "the block".into(),
        StateKey::Account(id) => format!("account {id}"),
        StateKey::Market(id) => format!("market {id}"),
        StateKey::Underlying(id) => format!("underlying {id}"),
        StateKey::Thresholds(id) => format!("scan ranges of underlying {id}"),
        StateKey::House(holder, asset) => {
            format!("house balance '{holder}' in {}", asset_name(*asset))
        }
        StateKey::Parameter(None, id) => format!("parameter {}", parameter_name(*id)),
        StateKey::Parameter(Some(place), id) => {
            format!("parameter {} of underlying {place}", parameter_name(*id))
        }
        StateKey::Owner(owner) => format!("owner {owner}"),
        StateKey::Session(owner, key) => format!("session key {key} of {owner}"),
        StateKey::Validator(id) => format!("validator {id}"),
        StateKey::Committee => "the committee".into(),
        StateKey::Council => "the council".into(),
        StateKey::Custody => "custody".into(),
        StateKey::Withdrawal(id) => format!("withdrawal {id} that is to be paid"),
        StateKey::Liquidity(id) => format!("depth and volume of underlying {id}"),
    }
}

/// Returns in words that there is no record under a key.
#[must_use]
pub fn absent(key: &StateKey) -> String {
    match key {
        // The record is of what a validator has done, not of its seat.
        StateKey::Validator(id) => format!("no offence of validator {id} is recorded"),
        _ => format!("there is no {}", name(key).trim_start_matches("the ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ParameterId;

    #[test]
    fn a_parameter_is_asked_for_where_it_has_a_value() {
        let btc = Some(UnderlyingId::new(1));
        assert_eq!(
            parameter("scan_range", btc).unwrap(),
            StateKey::Parameter(btc, ParameterId::ScanRange)
        );
        assert!(parameter("scan_range", None).is_err());
        assert!(parameter("timelock", None).is_ok());
        assert!(parameter("timelock", btc).is_err());
        let unknown = parameter("margin", None).unwrap_err().to_string();
        assert!(unknown.contains("scan_range"), "{unknown}");
    }
}
