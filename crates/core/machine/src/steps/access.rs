//! Who may command for whom, and for how much.

pub(crate) mod caps;
pub(crate) mod keys;
