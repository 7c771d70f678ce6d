//! The records under the state root, and what else validators prove, as people name and read it.
//!
//! - [`Kind`] and [`key`]: from the words of a person to the key of a record; [`name`] and [`absent`] back.
//! - [`lines`]: what a record says, line by line; [`change`], [`contract_text`]: parts of it.
//! - [`standing`], [`happened`], [`answered`], [`greeks_text`]: orders, what happened to them, receipts, Greeks.
//!
//! **Invariant:** each text follows from the bytes alone. Bytes that are not a record of the kind that their key names are
//! refused, never guessed at.
//!
//! **Left out:** whether a record is proved (`light`, `state-proof`), and where it comes from.
//!
//! ```
//! use protocol::codec;
//! use records::Kind;
//! use units::Amount;
//!
//! let key = records::key(Kind::House, &["insurance".into(), "1".into()], &[])?;
//! assert_eq!(records::name(&key), "house balance 'insurance fund 1' in dollars");
//!
//! let record = codec::encode(&Amount::from_minor(5_000_000))?;
//! assert_eq!(records::lines(&key, &record)?, [("balance".into(), "5 $".into())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod kind;
mod lines;
mod names;
mod orders;

pub use kind::{Kind, NoKind};
pub use lines::{Line, change, contract_text, greeks_text, lines};
pub use names::{NameError, Underlyings, absent, key, market_of, name, underlyings};
pub use orders::{answered, happened, standing};
