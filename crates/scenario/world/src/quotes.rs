//! Implied vols of quoted prices.

use pricing::{Forward, Horizon, Strike, vol_implied_by_call, vol_implied_by_put};
use protocol::Right;
use units::{BlockSpan, Price, Round, Vol};

/// Returns the implied vol of an option's price; `None` outside its no-arbitrage bounds.
pub(crate) fn implied(
    right: Right,
    forward: Price,
    strike: Price,
    time: BlockSpan,
    price: Price,
) -> Option<Vol> {
    let (forward, strike) = (Forward::new(forward).ok()?, Strike::new(strike).ok()?);
    let horizon = Horizon::after(time).ok()?;
    let fine = match right {
        Right::Call => vol_implied_by_call(price, forward, strike, horizon),
        Right::Put => vol_implied_by_put(price, forward, strike, horizon),
    };
    fine.map(|fine| fine.vol(Round::Down))
}
