//! A network's genesis, described in a file of one's own.
//!
//! A file says what a house is before its first block: underlyings and where their prices come from, contracts,
//! custodians, signers, validators, and every governed value that differs from its default. [`Description::read`] holds it
//! against every rule of a genesis, and what it breaks is told with line, field, value, and what is allowed.
//!
//! **Invariant:** a description founds: [`machine::Machine::found`] took its genesis. One file is one genesis, whoever reads
//! it and whenever, if it leaves nothing out ([`Description::lacks`]).
//!
//! What it leaves out: keys, directories, clocks. What a file does not say, the caller adds, and [`File::text`] writes down.

mod contracts;
mod error;
mod file;
mod overview;
mod parameters;
mod rules;

pub use error::{FoundingError, Place, Rule};
pub use file::{
    CouncilFile, CustodyFile, File, FutureFile, OptionsFile, PerpetualFile, SourceFile, Text,
    UnderlyingFile, ValidatorFile, Values, given,
};
pub use rules::{Description, Lacks};

/// The file to begin with: the stable coin, BTC and ETH with their sources, no contract, and every setting there is as a
/// comment.
pub const TEMPLATE: &str = include_str!("template.toml");
