//! An adversary for the machine: coalitions of accounts and insiders, in histories from seeds, and what must never come of them.
//!
//! It knows the real machine and nothing of how it works inside: it sees what everybody sees, sends what anybody may
//! send, with the keys that its members have, and counts money.
//!
//! **Left out:** the network between validators (`sim`), and what decoders do with damaged bytes (`fuzz`).

mod act;
mod changes;
mod coverage;
mod draw;
mod guide;
mod honest;
mod house;
mod insiders;
mod judge;
mod kinds;
mod leans;
mod odd;
mod plan;
mod reports;
mod run;
mod sends;
mod settlement;
mod shrink;
mod tick;
mod world;

pub use act::{Act, Claim, Deed, History, Keys, Member, Prices, Setup, Step};
pub use coverage::Coverage;
pub use draw::history;
pub use guide::Guide;
pub use judge::{Breach, Rule};
pub use run::{Found, Nearness, Ran, blocks, play, run, run_history};
pub use tick::{Form, Lie, Proposer, Sequence, Sources, Tick};
