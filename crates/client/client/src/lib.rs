//! A client of a validator: calls over JSON-RPC, and what they return held against a list of validators.
//!
//! - [`Client`]: one call after another; believes whatever it is told.
//! - [`Question`], [`answer`], [`Asked`]: what is asked with proof, the answer as it came, and what it shows once checked;
//!   [`told`] says that in a sentence.
//! - [`Peer`]: the chain as one validator tells it, each header and block checked before it is returned.
//! - [`read_list`], [`read_proof`], [`refuse_other_files`]: the files of a client.
//!
//! **Invariant:** what [`Asked`] and [`Peer`] return, the validators of the list, or those that they have named, have signed
//! for. An answer that does not hold is told apart from one that did not come.
//!
//! **Left out:** signing what is submitted (`access`), and taking a state over, which needs a disk to take it to (`house`).
//!
//! ```no_run
//! use client::{Asked, Question};
//! use records::Kind;
//! use std::path::Path;
//!
//! let trust = client::read_list(Path::new("network.toml"))?;
//! let chain = trust.anchor.chain.clone();
//! let mut asked = Asked::new("127.0.0.1:26700".parse()?, trust);
//! let question = Question::of(Kind::Market, &["10000".into()], &[])?;
//! let shown = asked.shown(&question)?;
//! println!("proved: {}", client::told(&shown, &chain)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod call;
mod files;
mod peer;
mod told;

pub use ask::{AskError, Asked, Question, QuestionError, answer, underlyings};
pub use call::{CallError, Client, ExchangeError};
pub use files::{FileError, read_list, read_proof, refuse_other_files};
pub use peer::{Certified, Peer, PeerError};
pub use told::{UnreadableError, told};
