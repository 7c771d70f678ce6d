//! What `light` shows and refuses, as a stranger meets it.

mod answer;
mod network;
mod step;
mod trust;
