//! An adversary for the machine: coalitions of accounts and insiders, in histories from seeds, and what must never come of them.
//!
//! It knows the real machine and nothing of how it works inside: it sees what everybody sees, sends what anybody may
//! send, with the keys that its members have, and counts money.
//!
//! **Left out:** the network between validators (`sim`), and what decoders do with damaged bytes (`fuzz`).

mod act;
mod coverage;
mod draw;
mod house;
mod judge;
mod plan;
mod random;
mod run;
mod settlement;
mod shrink;
mod world;

pub use act::{Act, History, Member, Setup, Step, Tick};
pub use coverage::Coverage;
pub use draw::history;
pub use judge::{Breach, Rule};
pub use run::{Found, Ran, blocks, play, run};
