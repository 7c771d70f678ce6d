//! What happens to an account that has not enough: liquidation, and debts.

pub(crate) mod debts;
pub(crate) mod liquidation;
