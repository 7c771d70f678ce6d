//! Where values are: storage that hands out places (a slab), and a table from numbers to places (a hash map).
//!
//! For what is looked up by every command and never walked in the order of its keys. A hash map of the standard library
//! is seeded by chance and a B-tree waits for memory once a level; these two are the same on every replica, cost one or
//! two visits to memory, and no choice of keys makes them slower than a B-tree.
//!
//! **Invariant:** a place is one value's until that value is removed; a table has a number at most once.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::integer_division,
        clippy::float_arithmetic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::let_underscore_must_use,
        clippy::disallowed_types,
        clippy::disallowed_methods,
    )
)]

mod keyed;
mod slab;
mod table;

pub use keyed::Keyed;
pub use slab::{NIL, Slab, index};
pub use table::Table;
