//! Who may validate, and what an offence costs: validator set changes and slashing.
//!
//! Committees follow one another, epoch by epoch, while each still has to decide; and who has signed what contradicts itself
//! loses stake, once for each offence.
//!
//! - [`succeed`]: the committee after one, as far towards the wanted one as it may go in one epoch.
//! - [`check_seat`], [`check_unseat`]: whether governance may give a seat or take it.
//! - [`verdict`], [`slash`]: what is done about an offence. [`reporting_stake`]: what a validator's reports weigh.
//!
//! **Invariant:** no committee differs from the one before by more seats than that can lose: one whose newcomers are all
//! absent still decides, and so does one whose leavers have gone early. None shrinks below four seats. One offence is punished
//! once, and nobody loses more stake than it has.
//!
//! **Left out:** signatures and keys as such, which the shell verifies; who has voted; and the seats of offenders. A jailed
//! validator keeps its own, and still votes, until governance takes it.
//!
//! ```
//! use protocol::{Seat, ValidatorId};
//! use validator_set::{Seats, succeed};
//!
//! let seats = |numbers: [u16; 4]| -> Seats {
//!     let seat = |id| Seat { validator: ValidatorId::new(id), key: [0; 32], endpoint: None };
//!     numbers.into_iter().map(|id| (ValidatorId::new(id), seat(id))).collect()
//! };
//! // Four can lose one, so one of them is replaced in an epoch.
//! let next = succeed(&seats([1, 2, 3, 4]), &seats([4, 5, 6, 7]));
//! assert_eq!(next, seats([2, 3, 4, 5]));
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

mod seats;
mod slashing;
mod succession;

pub use seats::{check_seat, check_unseat, is_too_large, keys_differ, seats_have_keys};
pub use slashing::{Offender, Slashing, Verdict, reporting_stake, slash, verdict};
pub use succession::{begins_at, epoch_of, losable, succeed};

use protocol::{Seat, ValidatorId};
use std::collections::BTreeMap;

/// Seats of a committee, by validator.
pub type Seats = BTreeMap<ValidatorId, Seat>;

/// The keys of all that ever had a seat: a number and its key belong together for ever.
pub type Keys = BTreeMap<ValidatorId, [u8; 32]>;

/// Stakes of all that ever had a seat. Stake is weight, and nobody's money.
pub type Stakes = BTreeMap<ValidatorId, u64>;
