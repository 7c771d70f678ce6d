//! One block: the order of its steps, the one door to the state, and the wall around each step.

pub(crate) mod apply;
pub(crate) mod commands;
pub(crate) mod contain;
pub(crate) mod door;
pub(crate) mod margins;
pub(crate) mod work;
