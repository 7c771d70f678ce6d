//! What is final, executed one block after the other: the outcomes, what they commit to, and what is found where they
//! differ from those of the others.

pub(crate) mod chain;
pub(crate) mod difference;
pub(crate) mod execute;
pub(crate) mod executor;
pub(crate) mod steps;
pub(crate) mod submission_index;
