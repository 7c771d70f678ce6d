//! What positions cost and pay: listing, variation margin, funding, expiry.

pub(crate) mod funding;
pub(crate) mod lifecycle;
