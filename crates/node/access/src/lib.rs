//! Signed submissions: what a client hands in, and what a validator finds in it.
//!
//! An owner signs EIP-712 typed data with an Ethereum key, so that any wallet shows what is signed: one command under
//! one signature. A session key signs with Ed25519, any number of commands at once. [`read`] takes bytes apart,
//! [`verify`] checks the signatures of many of them; what is left is a [`protocol::Grant`] and its commands.
//!
//! A feed signs its reports of prices with a key of its own: [`ReporterSecret`].
//!
//! **Invariant:** of one signature there is one submission: whoever changes a byte of it has none. The answer depends on
//! the bytes and the network alone, so all validators give the same.
//!
//! **Left out:** state. Whether a session key is registered, in scope and under its cap, and whether a nonce is used, is
//! the machine's to say.

mod batch;
mod file;
mod keys;
mod message;
mod names;
mod report;
mod submission;
mod typed;

pub use batch::verify;
pub use file::{SecretError, random_secret, read_secret, write_secret};
pub use keys::{NotASecret, OwnerKey, SessionSecret, Validity};
pub use message::shown_for;
pub use names::contract_name;
pub use report::{ReporterSecret, is_reported};
pub use submission::{
    Authority, BadSignature, Body, Invalid, Network, Read, SUBMISSION_BYTES_MAX, Submission, read,
};
