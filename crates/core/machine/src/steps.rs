//! What a block does, step by step: each fetches from the state, asks an engine, and writes.

pub(crate) mod access;
pub(crate) mod clearing;
pub(crate) mod committee;
pub(crate) mod custody;
pub(crate) mod default;
pub(crate) mod pricing;
pub(crate) mod trading;
