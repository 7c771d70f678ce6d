//! What the harnesses speak about: the core over symbols.

pub(crate) use super::kernel;
pub(crate) use symbolic_clearing as clearing;
pub(crate) use symbolic_custody as custody;
pub(crate) use symbolic_ledger as ledger;
pub(crate) use symbolic_num::{contract, lemmas};
pub(crate) use symbolic_protocol as protocol;
pub(crate) use symbolic_units as units;
pub(crate) use symbolic_waterfall as waterfall;
pub(crate) use symx::{Claim, Exact, Prover};

/// Returns the number that is an input.
pub(crate) const fn number(value: Exact) -> units::Num {
    units::Num::from_exact(value)
}

/// Returns a number without its bounds.
pub(crate) const fn exact(number: units::Num) -> Exact {
    number.exact()
}
