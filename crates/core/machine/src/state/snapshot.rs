//! The whole state as bytes, and back.

use crate::state::State;
use crate::state::market::{Market, Pause, Status};
use crate::state::offered::Offered;
use book::{BookState, FastBook, OrderBook};
use borsh::io::{Error, ErrorKind, Read, Result, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Aggregate;
use margin::UnitGreeks;
use oracle::PremiumAverage;
use protocol::Instrument;
use units::{Ppb, Price, Vol};

/// A market as it is written: the book by its orders.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct MarketImage {
    instrument: Instrument,
    book: BookState,
    status: Status,
    pause: Pause,
    mark: Option<Price>,
    forward: Option<Price>,
    vol: Option<Vol>,
    vol_voted: Option<Vol>,
    vol_uncertainty: Vol,
    vol_stale: bool,
    basis_stale: bool,
    basis_doubt: Price,
    greeks: Option<UnitGreeks>,
    last: Option<Price>,
    aggregate: Aggregate,
    premium: PremiumAverage,
    funding_rate: Ppb,
}

impl BorshSerialize for Market {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
        let image = MarketImage {
            instrument: self.instrument,
            book: self.book.state(),
            status: self.status.clone(),
            pause: self.pause.clone(),
            mark: self.mark,
            forward: self.forward,
            vol: self.vol,
            vol_voted: self.vol_voted,
            vol_uncertainty: self.vol_uncertainty,
            vol_stale: self.vol_stale,
            basis_stale: self.basis_stale,
            basis_doubt: self.basis_doubt,
            greeks: self.greeks,
            last: self.last,
            aggregate: self.aggregate,
            premium: self.premium.clone(),
            funding_rate: self.funding_rate,
        };
        image.serialize(writer)
    }
}

impl BorshDeserialize for Market {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
        let image = MarketImage::deserialize_reader(reader)?;
        let book = FastBook::from_state(&image.book);
        let book = book.map_err(|fault| Error::new(ErrorKind::InvalidData, fault.to_string()))?;
        Ok(Self {
            instrument: image.instrument,
            offered: Offered::of(&book),
            book,
            status: image.status,
            pause: image.pause,
            mark: image.mark,
            forward: image.forward,
            vol: image.vol,
            vol_voted: image.vol_voted,
            vol_uncertainty: image.vol_uncertainty,
            vol_stale: image.vol_stale,
            basis_stale: image.basis_stale,
            basis_doubt: image.basis_doubt,
            greeks: image.greeks,
            last: image.last,
            aggregate: image.aggregate,
            premium: image.premium,
            funding_rate: image.funding_rate,
        })
    }
}

/// Checks that the tables of a decoded state belong together.
pub(crate) fn consistent(state: &State) -> std::result::Result<(), protocol::Fault> {
    let orders = state.accounts.iter().map(|(_, account)| account.orders().len());
    let resting = state.markets.values().map(|market| market.book.len());
    let (orders, resting) =
        (orders.fold(0, usize::saturating_add), resting.fold(0, usize::saturating_add));
    if orders != resting.saturating_add(state.waiting.len()) {
        return Err(protocol::Fault::Invariant("orders of accounts are in a book or wait"));
    }
    if !state.underlyings.values().all(|held| held.thresholds.is_sound()) {
        return Err(protocol::Fault::Invariant("scan ranges are within their bounds"));
    }
    if !state.committee.is_sound(state.height, &state.validators) {
        return Err(protocol::Fault::Invariant("committees are of numbered keys, in their epoch"));
    }
    if !state.custody.is_sound() {
        return Err(protocol::Fault::Invariant("custodians and their tables are within bounds"));
    }
    let known = |id| state.underlyings.contains_key(id);
    if !state.liquidity.iter().all(|(id, held)| known(id) && held.is_sound()) {
        return Err(protocol::Fault::Invariant("depths and volumes are within their bounds"));
    }
    state.check()
}
