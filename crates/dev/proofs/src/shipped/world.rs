//! What the harnesses speak about: the core as it ships.

pub(crate) use self::contract::{contract, lemmas};
pub(crate) use super::kernel;
pub(crate) use ::{clearing, custody, ledger, protocol, units, waterfall};
pub(crate) use symx::concrete::{Claim, Exact, Prover};
use units::Round;

#[path = "../../../num-symbolic/src/contract.rs"]
mod contract;

/// Returns the number that is an input.
pub(crate) fn number(value: Exact) -> units::Num {
    units::Num::new(value.integer())
}

/// Returns a number without its bounds.
pub(crate) fn exact(number: units::Num) -> Exact {
    Exact::new(number.raw())
}
