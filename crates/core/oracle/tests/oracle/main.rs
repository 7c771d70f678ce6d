//! The oracle as its user sees it.

mod attacks;
mod feed;
mod market;
mod marks;
mod properties;
mod withheld;
