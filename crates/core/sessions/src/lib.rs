//! What a session key may do: until when, in which scopes, with which nonces, and for how many dollars a day.
//!
//! An owner lets a session key command for it (delegation), bounded by terms. A stolen key must not do more than the terms
//! say, a revoked one nothing, and what was signed once must not be done twice. Each of these is a function of the terms, of
//! what the key has used, and of the block's time:
//!
//! - [`check`]: whether a grant may be used now: its expiry, its key's end, its nonce.
//! - [`in_scope`]: whether a command is within the terms of the key that sends it.
//! - [`spent_with`] and [`spent_without`]: what is counted against the cap of a day, and what is given back;
//!   [`order_value`] says what an order counts for, [`Charge`] what of it is given back once it leaves unfilled.
//!
//! **Invariant:** a nonce of a key is used once (replay protection); a revoked or expired key commands nothing, and is
//! remembered until the last signature by it has expired; what is counted in a day, less what the command under way gives
//! back, exceeds the cap by no command, and no more is given back than was counted. A cap that is lowered binds from then on.
//!
//! **Left out:** signatures, which a shell has checked; who owns which account; what the market does later to positions that
//! were opened within the cap.
//!
//! ```
//! use protocol::{Refusal, Scopes, SessionKey, SessionTerms};
//! use sessions::Session;
//! use units::{BlockTime, Notional};
//!
//! let terms = SessionTerms {
//!     key: SessionKey::new([1; 32]),
//!     scopes: Scopes::TRADE,
//!     sub: None,
//!     instrument: None,
//!     notional_per_day: Some(Notional::from_micros(100)),
//!     expires_at: BlockTime::from_millis(5_000),
//! };
//! let now = BlockTime::from_millis(1_000);
//! let mut session = Session::new(terms);
//! assert_eq!(session.ended(now), None);
//!
//! let (day, none) = (sessions::day_of(now)?, Notional::ZERO);
//! assert_eq!(session.count(day, Notional::from_micros(70), none)?, Ok(()));
//! let exceeded_by = Notional::from_micros(20);
//! let refused = session.count(day, Notional::from_micros(50), none)?;
//! assert_eq!(refused, Err(Refusal::SessionCap { exceeded_by }));
//!
//! session.revoke(now).expect("it was not revoked before");
//! assert_eq!(session.ended(now), Some(Refusal::SessionRevoked));
//! # Ok::<(), protocol::Fault>(())
//! ```
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

mod cap;
mod grant;
mod scope;
mod session;
mod value;

pub use cap::{Charge, day_of, pending_without, spent_with, spent_without};
pub use grant::{Signing, check, covers};
pub use scope::in_scope;
pub use session::{Session, check_terms, forget_ended, register};
pub use value::{Order, Quoted, collateral_value, order_value};

use protocol::limits;
use units::BlockSpan;

/// Longest time from a block to the expiry of a signature in it, and the time over which a cap is counted.
pub const DAY: BlockSpan = BlockSpan::from_millis(limits::SIGNATURE_LIFE_MS_MAX);
