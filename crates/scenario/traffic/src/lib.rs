//! The demo's world as the traffic of a network: what everybody signs and sends, what each feed reports, and an observer.
//!
//! [`Traffic`] looks at the state after a finalised block and says what traders, custodians and signers hand in for the next
//! one, signed by [`People`] whose keys come from the seed. An [`Observer`] applies every finalised block itself and
//! compares what the validators say came out.
//!
//! **Invariant:** nothing here talks to anybody: who runs a network carries submissions and reports to it. All keys are for
//! play, since whoever knows the seed knows them.
//!
//! # Example
//!
//! ```
//! use machine::Machine;
//! use traffic::{Settings, Traffic};
//!
//! let stage = world::embedded()?;
//! let seats = world::listing::seats(4);
//! let genesis = world::listing::genesis(&stage.listing, &stage.tape, "example", &seats)?;
//! let (mut traffic, genesis) =
//!     Traffic::new(&stage, Settings { seed: 1, validators: 4, load: 1 }, genesis)?;
//! let (machine, _) = Machine::found(&genesis)?;
//! // Before anything else, custodians register the keys that deposits will be attested with.
//! assert_eq!(traffic.play(machine.state(), 0)?.concat().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod observer;
mod people;
mod traffic;

pub use error::TrafficError;
pub use observer::{Observer, Seen};
pub use people::{People, write_key};
pub use traffic::{Settings, Traffic};
