//! Why a file is no genesis: where, what stands there, and what may.

use machine::GenesisError;
use protocol::ContractRule;
use protocol::codec::EncodeError;
use std::fmt;

/// Most characters of a value that is quoted.
const QUOTED_MAX: usize = 80;

/// Why a file is no genesis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoundingError {
    /// Longer than any genesis.
    #[error("it has {bytes} bytes: {most} at most")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// No TOML, or not of its form: a field that there is not, one that is missing, a number where text should be.
    #[error("{place}{message}")]
    Form {
        /// Where.
        place: Place,
        /// What, in words of no programming language.
        message: String,
    },
    /// A value that breaks a rule.
    #[error("{place}{field} = '{value}': {rule}")]
    Value {
        /// Where.
        place: Place,
        /// The field, and of what.
        field: String,
        /// What stands there.
        value: String,
        /// What may.
        rule: Rule,
    },
    /// A rule of the machine that no field alone breaks.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A genesis that has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl FoundingError {
    pub(crate) fn value(place: Place, field: impl Into<String>, value: &str, rule: Rule) -> Self {
        Self::Value { place, field: field.into(), value: short(value), rule }
    }
}

/// Returns the beginning of what somebody else wrote.
fn short(value: &str) -> String {
    let mut short: String = value.chars().take(QUOTED_MAX).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}

/// A line of the file; none for what was not read from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub Option<usize>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, "line {line}: "),
            None => Ok(()),
        }
    }
}

/// What a value must be, and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// A name of a chain or an underlying.
    #[error("a name is 1 to {longest} characters of printable ASCII without spaces")]
    Name {
        /// Most characters.
        longest: usize,
    },
    /// A name of a source.
    #[error(
        "a source is named in 1 to {longest} characters of printable ASCII, with no space at either end"
    )]
    SourceName {
        /// Most characters.
        longest: usize,
    },
    /// A moment.
    #[error("a time is UTC to the second from 1970 on, such as 2028-03-31T08:00:00Z")]
    Time,
    /// An address.
    #[error("an address is 0x and forty hexadecimal digits, of a key that somebody holds")]
    Address,
    /// A validator's public key.
    #[error("a key is 0x and 64 hexadecimal digits, as `novation keys` shows it")]
    Key,
    /// Where a validator listens.
    #[error("an address and a port that others can connect to, such as \"203.0.113.7:26600\"")]
    Endpoint,
    /// No decimal number, or one that is finer than its unit.
    #[error("a decimal number is allowed, with at most {decimals} digits behind the point")]
    Decimal {
        /// Decimals of the unit.
        decimals: usize,
    },
    /// Text without its unit.
    #[error("a number and its unit is allowed, such as \"{example}\"")]
    Unit {
        /// The default of the parameter.
        example: String,
    },
    /// Finer than the parameter is counted.
    #[error("finer than it is counted: {decimals} decimals at most")]
    TooFine {
        /// Decimals of the number before the unit.
        decimals: usize,
    },
    /// A value outside its bounds.
    #[error("{lowest} to {highest} is allowed")]
    Outside {
        /// Lowest.
        lowest: String,
        /// Highest.
        highest: String,
    },
    /// A parameter that contradicts another.
    #[error(
        "it contradicts another: stale_after < frozen_after, liquidation_band <= price_band, maker_fee <= taker_fee and \
         vol_unvoted_penalty <= vol_stale_penalty must hold"
    )]
    Contradicts,
    /// A parameter that there is not.
    #[error("there is no such parameter{}", nearest.as_ref().map_or_else(String::new, |name| format!(": is {name} meant?")))]
    NoParameter {
        /// The one whose name is most alike.
        nearest: Option<String>,
    },
    /// A parameter of the house under an underlying.
    #[error("the whole house has one value of it: say it under [parameters]")]
    OfTheHouse,
    /// A parameter of an underlying under the house.
    #[error("each underlying has a value of its own: say it under [underlyings.parameters]")]
    OfAnUnderlying,
    /// Something that is there before.
    #[error("it is there twice{}", first.0.map_or_else(String::new, |line| format!(", first in line {line}")))]
    Twice {
        /// Where it is first.
        first: Place,
    },
    /// A reference to an underlying that there is not.
    #[error("there is no such underlying: {known}")]
    NoUnderlying {
        /// Those there are.
        known: String,
    },
    /// An asset that is no collateral.
    #[error("{0}")]
    Asset(&'static str),
    /// How many of something.
    #[error("{least} to {most} {what} are allowed")]
    Count {
        /// Fewest.
        least: usize,
        /// Most.
        most: usize,
        /// Of what.
        what: &'static str,
    },
    /// A minimum of sources that leaves none to fall silent.
    #[error("of {sources} sources, 0 to {most} may be needed, so that one may be silent")]
    SourcesMin {
        /// Sources that are listed.
        sources: usize,
        /// Most that may be needed.
        most: usize,
    },
    /// A threshold that cannot hold.
    #[error("of {of}, {least} to {of} are allowed")]
    Threshold {
        /// Fewest.
        least: usize,
        /// How many there are.
        of: usize,
    },
    /// A validator that could hold up prices and blocks alone.
    #[error("with four validators or more, each has less than a third of all stake")]
    StakeTooLarge,
    /// Keys of some validators.
    #[error(
        "either every validator has a key in the file, or none has: then `novation init` makes them"
    )]
    KeysOfSome,
    /// A contract that would end before it begins.
    #[error("it must end after block zero, which is at {founded_at}")]
    EndsEarly {
        /// Block zero.
        founded_at: String,
    },
    /// A contract that cannot be listed.
    #[error("{0}")]
    Contract(ContractRule),
    /// Numbers of a chain that run over.
    #[error("the numbers of its contracts run beyond {most}", most = u32::MAX)]
    NumbersRunOver,
}
