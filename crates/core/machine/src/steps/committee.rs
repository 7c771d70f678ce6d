//! Who validates, and what an offence costs.

pub(crate) mod epochs;
pub(crate) mod slashing;
