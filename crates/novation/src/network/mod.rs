//! What an operator needs to run a validator: the files of a network, the process itself, and a client to ask it.

pub(crate) mod ask;
pub(crate) mod feed;
pub(crate) mod follow;
pub(crate) mod found;
pub(crate) mod genesis;
pub(crate) mod govern;
pub(crate) mod join;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod node;
