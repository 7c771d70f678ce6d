//! The price at which a dated contract is valued, on the grid where a lot is worth a whole number of micro-dollars.

use crate::input::Settlement;
use crate::valuation::{Expiry, strike_left};
use pricing::{Deviation, FineVol, Forward, Horizon, MovedVol, Strike};
use protocol::{Contract, Fault, Instrument, Right};
use units::{BlockSpan, BlockTime, Num, Price, Quantity, Round, Vol};

/// Returns the model value of a contract: the forward of a perpetual, the expected settlement price of a future, the
/// Black-76 value of an option.
///
/// Rounding: down, to the quantum of [`on_quantum`].
///
/// # Errors
///
/// [`Fault`] if a price, vol or time is outside its limits.
///
/// # Source
///
/// spec 0019-MARG-005.
pub fn mark_value(
    instrument: &Instrument,
    forward: Price,
    vol: Vol,
    now: BlockTime,
    settlement: Option<Settlement>,
) -> Result<Price, Fault> {
    let expiry = Expiry::new(forward, instrument.contract.expires_at(), now, settlement)?;
    let value = match instrument.contract {
        Contract::Perpetual | Contract::Future { .. } => expiry.expected()?,
        Contract::Option { strike, right, .. } => {
            let vol = FineVol::from_vol(vol).map_err(Fault::at("margin: terms of an option"))?;
            option_value(strike, right, vol.into(), &expiry, Round::Down)?
        }
    };
    on_quantum(instrument, value, Round::Down)
}

/// Returns the Black-76 value of an option on what still moves of an expiry's settlement price.
pub(crate) fn option_value(
    strike: Price,
    right: Right,
    vol: MovedVol,
    expiry: &Expiry,
    round: Round,
) -> Result<Price, Fault> {
    let (forward, strike, deviation) = terms(strike, vol, expiry)?;
    Ok(match right {
        Right::Call => pricing::call(forward, strike, deviation, round),
        Right::Put => pricing::put(forward, strike, deviation, round),
    })
}

fn terms(
    strike: Price,
    vol: MovedVol,
    expiry: &Expiry,
) -> Result<(Forward, Strike, Deviation), Fault> {
    let at = || Fault::at("margin: terms of an option");
    let horizon = Horizon::after(expiry.variance).map_err(at())?;
    let deviation = Deviation::moved(vol, horizon);
    let strike = Strike::new(strike_left(strike, expiry)?).map_err(at())?;
    let forward = Forward::new(expiry.moving.greater(Price::ZERO)).map_err(at())?;
    Ok((forward, strike, deviation))
}

/// What is left to move of a settlement price: what options of an expiry are priced on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovingPart {
    /// The part of the forward that still moves.
    pub forward: Price,
    /// What is fixed, and comes off every strike.
    pub fixed: Price,
    /// Time of a constant price with the same variance as the settlement price.
    pub variance: BlockSpan,
}

/// Returns what [`mark_value`] prices the options of an expiry on.
///
/// # Errors
///
/// [`Fault`] if a price or time is outside its limits.
///
/// # Source
///
/// spec 0019-MARG-005.
pub fn moving_part(
    forward: Price,
    expires_at: BlockTime,
    now: BlockTime,
    settlement: Option<Settlement>,
) -> Result<MovingPart, Fault> {
    let Expiry { moving, fixed, variance, .. } =
        Expiry::new(forward, Some(expires_at), now, settlement)?;
    Ok(MovingPart { forward: moving, fixed, variance })
}

/// Returns the price next to `price`, in the direction of `round`, at which one lot is worth a whole number of
/// micro-dollars.
///
/// # Errors
///
/// [`Fault`] if the price does not fit.
pub fn on_quantum(instrument: &Instrument, price: Price, round: Round) -> Result<Price, Fault> {
    let at = || Fault::at("margin: quantum");
    let step = quantum(instrument.contract_size);
    let steps = price.number().mul_div(Num::new(1), step, round).map_err(at())?;
    steps.times(step).map(Price::from_number).map_err(at())
}

/// Returns 10⁹ ÷ gcd(10⁹, size): the least price at which a lot is worth a whole number of micro-dollars.
fn quantum(size: Quantity) -> Num {
    let one = Quantity::ONE.nanos();
    let (mut greater, mut lesser) = (one, size.nanos().max(1));
    while lesser != 0 {
        (greater, lesser) = (lesser, greater.checked_rem(lesser).unwrap_or(0));
    }
    Num::new(one.checked_div(greater).unwrap_or(one))
}
