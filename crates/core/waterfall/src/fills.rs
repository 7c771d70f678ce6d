//! Orders of a liquidation as the house books them: for tests of what they lose.

use crate::{Leg, Parameters};
use clearing::{Position, Trade, novate, settle};
use protocol::Side;
use units::{Lots, Notional, Price};

/// Returns the change of equity, against the mark, when lots of a reduction fill at a price, as the house books it.
pub(crate) fn filled(leg: &Leg, lots: Lots, price: Price, parameters: &Parameters) -> Notional {
    let side = if lots > Lots::ZERO { Side::Buy } else { Side::Sell };
    let (lots, contract_size, fee) = (lots.magnitude().unwrap(), leg.contract_size, parameters.fee);
    let trade = Trade { side, price, lots, contract_size, pays_premium: false, fee };
    let novated = novate(Position::default(), &trade).unwrap();
    let gain = settle(novated.position, leg.mark, contract_size).unwrap().paid;
    gain.minus(novated.fee).unwrap()
}
