//! What the state root commits to: one record for each account, market, underlying, house balance and parameter.

use crate::state::{Market, State, Status};
use book::OrderBook;
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::{Aggregate, Position};
use ledger::Holder;
use protocol::{
    AccountId, AccountIndex, Address, AssetId, Fault, Hash, Instrument, InstrumentId, Mode,
    ParameterId, SessionKey, UnderlyingId, codec,
};
use units::{Amount, BlockHeight, BlockTime, Price, Vol};

/// Names a record.
///
/// spec 0025-BLOCK-016.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum StateKey {
    /// The block itself.
    Block,
    /// An account with its balances and positions.
    Account(AccountId),
    /// A market with its prices, open interest and the digest of its book.
    Market(InstrumentId),
    /// An underlying with its index and mode.
    Underlying(UnderlyingId),
    /// A balance of the house or the outside.
    House(Holder, AssetId),
    /// A governed value in its place.
    Parameter(Option<UnderlyingId>, ParameterId),
    /// The used nonces of an owner's own key, and its session keys.
    Owner(Address),
    /// A session key of an owner.
    Session(Address, SessionKey),
}

/// The last block and whether the house takes orders.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockRecord {
    /// Its height.
    pub height: BlockHeight,
    /// Its time.
    pub time: BlockTime,
    /// Hash of the open proposals and the signers.
    pub council: Hash,
    /// Why the house takes no orders, if it does not.
    pub house_fault: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AccountRecord {
    /// Its place in the machine.
    pub index: AccountIndex,
    /// Balances that are not zero, ascending by asset; dollars always.
    pub balances: Vec<(AssetId, Amount)>,
    /// Positions that are not zero, ascending by instrument.
    pub positions: Vec<(InstrumentId, Position)>,
    /// Whether it is under a margin call.
    pub called: bool,
}

/// A market.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarketRecord {
    /// The contract.
    pub instrument: Instrument,
    /// Whether it takes orders.
    pub status: Status,
    /// Price at which positions are valued.
    pub mark: Option<Price>,
    /// Implied vol; options only.
    pub vol: Option<Vol>,
    /// Sums over all positions.
    pub aggregate: Aggregate,
    /// Digest of all resting orders.
    pub book: Hash,
}

/// An underlying.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct UnderlyingRecord {
    /// Its name.
    pub name: String,
    /// The index.
    pub index: Option<Price>,
    /// Half the width of its uncertainty.
    pub confidence: Option<Price>,
    /// When the index was last formed.
    pub updated_at: Option<BlockTime>,
    /// What is allowed.
    pub mode: Mode,
}

/// A record as the store takes it; absent if it is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The encoded [`StateKey`].
    pub key: Vec<u8>,
    /// The encoded record.
    pub record: Option<Vec<u8>>,
}

impl State {
    /// Returns the encoded record under a key; `None` if there is none.
    pub(crate) fn record(&mut self, key: &StateKey) -> Result<Option<Vec<u8>>, Fault> {
        match *key {
            StateKey::Block => self.block_record().and_then(|record| encoded(Some(&record))),
            StateKey::Account(id) => encoded(self.account_record(id).as_ref()),
            StateKey::Market(id) => encoded(self.markets.get_mut(&id).map(Market::record).as_ref()),
            StateKey::Underlying(id) => encoded(self.underlying_record(id).as_ref()),
            StateKey::House(holder, asset) => {
                let balance = self.ledger.balance(holder, asset);
                encoded((balance != Amount::ZERO).then_some(balance).as_ref())
            }
            StateKey::Parameter(place, parameter) => {
                encoded(Some(&self.parameters.get(place, parameter)))
            }
            StateKey::Owner(owner) => encoded(self.keys.owner_record(owner).as_ref()),
            StateKey::Session(owner, key) => encoded(self.keys.session(owner, key)),
        }
    }

    /// Returns the writes of the records under some keys, ascending by encoded key.
    pub(crate) fn writes(&mut self, keys: &[StateKey]) -> Result<Vec<Write>, Fault> {
        let mut writes = Vec::with_capacity(keys.len());
        for key in keys {
            let record = self.record(key)?;
            writes.push(Write { key: codec::encode(key).map_err(unencodable)?, record });
        }
        writes.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(writes)
    }

    fn account_record(&self, id: AccountId) -> Option<AccountRecord> {
        let index = self.accounts.index(id)?;
        let account = self.accounts.get(index)?;
        let mut balances = vec![(AssetId::DOLLAR, Amount::from_notional(self.ledger.cash(index)))];
        balances.extend(self.ledger.collateral(index));
        let positions = account.positions().to_vec();
        Some(AccountRecord { index, balances, positions, called: account.called })
    }

    fn underlying_record(&self, id: UnderlyingId) -> Option<UnderlyingRecord> {
        let underlying = self.underlyings.get(&id)?;
        let index = underlying.feed.index();
        Some(UnderlyingRecord {
            name: underlying.name.clone(),
            index: index.map(|index| index.price),
            confidence: index.map(|index| index.confidence),
            updated_at: index.map(|index| index.updated_at),
            mode: underlying.mode,
        })
    }

    fn block_record(&self) -> Result<BlockRecord, Fault> {
        let council = codec::encode(&self.council).map_err(unencodable)?;
        Ok(BlockRecord {
            height: self.height,
            time: self.time,
            council: Hash::of("council", &council),
            house_fault: self.house_fault.clone(),
        })
    }
}

impl Market {
    fn record(&mut self) -> MarketRecord {
        MarketRecord {
            instrument: self.instrument,
            status: self.status.clone(),
            mark: self.mark,
            vol: self.vol,
            aggregate: self.aggregate,
            book: self.book.digest(),
        }
    }
}

fn encoded<T: BorshSerialize>(record: Option<&T>) -> Result<Option<Vec<u8>>, Fault> {
    record.map(codec::encode).transpose().map_err(unencodable)
}

fn unencodable(_: codec::EncodeError) -> Fault {
    Fault::Invariant("state records are encodable")
}
