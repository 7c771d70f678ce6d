//! A panic of the machine, told as an error: the core has none by its lints, and this is the wall if one is left.
//!
//! **Invariant:** a machine that has panicked is never asked again, because what it has half done is not known.

use crate::error::HouseError;
use machine::{BlockError, Machine, Outcome};
use protocol::Block;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What takes a machine a block further.
pub(crate) type Apply = fn(&mut Machine, &Block) -> Result<Outcome, BlockError>;

/// Returns what a block comes to, or the panic that it met as an error.
///
/// spec 0025-BLOCK-032.
pub(crate) fn contained(
    machine: &mut Machine,
    block: &Block,
    apply: Apply,
) -> Result<Outcome, HouseError> {
    match catch_unwind(AssertUnwindSafe(|| apply(machine, block))) {
        Ok(outcome) => Ok(outcome?),
        Err(panic) => {
            Err(HouseError::Panicked { height: block.height, said: said(panic.as_ref()) })
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into())
}
