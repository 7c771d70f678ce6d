//! What can be wrong with the input, each with a name that programs may rely on.

/// Why there is no margin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the JSON that is asked for: a syntax error, a field unknown, missing or given twice, or text that is no decimal.
    #[error("malformed: {what}: {reason}")]
    Malformed {
        /// Portfolio or parameters.
        what: &'static str,
        /// What the parser said, with line and column.
        reason: String,
    },
    /// More text than is read.
    #[error("too-long: {what} has more than {most} bytes")]
    TooLong {
        /// Portfolio or parameters.
        what: &'static str,
        /// The most.
        most: usize,
    },
    /// More entries than are measured.
    #[error("too-many: {what} has {count} entries, at most {most} are measured")]
    TooMany {
        /// Which list.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A number outside its range.
    #[error("out-of-range: {field} is {value}, it must be from {least} to {most}")]
    OutOfRange {
        /// Which.
        field: String,
        /// What it is.
        value: String,
        /// The least.
        least: String,
        /// The most.
        most: String,
    },
    /// Two entries of one name.
    #[error("duplicate: {what} '{name}' is given twice")]
    Duplicate {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name that nothing has.
    #[error("unknown: {what} '{name}' is not in the portfolio or the parameters")]
    Unknown {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Something a position needs is not there.
    #[error("missing: {what}")]
    Missing {
        /// What.
        what: String,
    },
    /// Something this rule book has no rule for.
    #[error("unsupported: {what}")]
    Unsupported {
        /// What.
        what: String,
    },
    /// Two options of one strike with different vols.
    #[error("vol-conflict: expiry '{expiry}' has two vols at strike {strike}")]
    VolConflict {
        /// The expiry.
        expiry: String,
        /// The strike.
        strike: String,
    },
    /// Two expiries of the house at one time.
    #[error(
        "expiry-conflict: expiries '{first}' and '{second}' are at one time, so they are one: give their options one id"
    )]
    ExpiryConflict {
        /// The one that comes first.
        first: String,
        /// The other.
        second: String,
    },
    /// A number finer than the exact arithmetic of the house.
    #[error("not-exact: {field} is {value}: {reason}")]
    NotExact {
        /// Which.
        field: &'static str,
        /// What it is.
        value: String,
        /// Why not.
        reason: String,
    },
    /// A result beyond all numbers.
    #[error("not-finite: the numbers are too large to be measured together")]
    NotFinite,
    /// The core refuses the portfolio.
    #[error("house: {0}")]
    House(#[from] protocol::Fault),
}
