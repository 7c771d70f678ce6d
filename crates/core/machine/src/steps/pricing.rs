//! From votes to marks: index, forwards, vols, scan ranges, depth.

pub(crate) mod depth;
pub(crate) mod ranges;
pub(crate) mod surface;
pub(crate) mod votes;
