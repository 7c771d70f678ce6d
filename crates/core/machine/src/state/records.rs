//! What the state root commits to: one record for each account, market, underlying, house balance and parameter.
//!
//! **Invariant:** everything that decides what later blocks do is in a record, in full or by its hash, so that a state can
//! be held against a root. What can be summed again from the rest is not; and what an open order has beside its place in
//! the book (its client's number, whether it only reduces, what was counted of it) is under the hash of the whole state alone.

use crate::state::State;
use crate::state::accrual::Accrual;
use crate::state::market::{Pause, Status};
use crate::state::pursuit::Pursuit;
use book::OrderBook;
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::{Aggregate, Position};
use governance::{Definition, Scope};
use ledger::Holder;
use margin::UnitGreeks;
use protocol::{
    AccountId, AccountIndex, Address, AssetId, Fault, Hash, Instrument, InstrumentId, Mode,
    ParameterId, SessionKey, UnderlyingId, ValidatorId, WithdrawalId, codec,
};
use thresholds::Liquidity;
use units::{Amount, BlockHeight, BlockTime, Ppb, Price, Vol};
use waterfall::Allowance;

/// Names a record.
///
/// spec 0025-BLOCK-016, 0031-THRE-013, 0031-THRE-016.
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
    /// The scan ranges of an underlying and what they were made from.
    Thresholds(UnderlyingId),
    /// The used nonces of an owner's own key, and its session keys.
    Owner(Address),
    /// A session key of an owner.
    Session(Address, SessionKey),
    /// A validator that was ever punished.
    Validator(ValidatorId),
    /// Who validates in this epoch, in the one before and in the next.
    Committee,
    /// The signers of governance and the open proposals: the council itself.
    Council,
    /// The depth of an underlying's books and what trades in them.
    Liquidity(UnderlyingId),
    /// Who holds custody, and which deposits are credited.
    Custody,
    /// A withdrawal that is to be paid.
    Withdrawal(WithdrawalId),
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
    /// Hash of what else the house remembers: names, stakes, numbers, times and limits under way, orders that wait,
    /// whether every command must stand under a grant.
    pub memory: Hash,
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
    /// Compartments whose funds answer for it, ascending, with what they may still pay.
    pub exposed: Vec<(UnderlyingId, Allowance)>,
    /// Whether it is under a margin call.
    pub called: bool,
    /// The block since which its equity has been below initial margin.
    pub short_since: Option<BlockTime>,
    /// What it has brought and not taken out, ascending by asset.
    pub brought: Vec<(AssetId, Amount)>,
    /// What the house remembers of its attempts to reduce it.
    pub pursuit: Pursuit,
}

/// A market.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarketRecord {
    /// The contract.
    pub instrument: Instrument,
    /// Whether it takes orders.
    pub status: Status,
    /// Its pauses by one signer.
    pub pause: Pause,
    /// Price at which positions are valued.
    pub mark: Option<Price>,
    /// Forward to its expiry; the index for a perpetual.
    pub forward: Option<Price>,
    /// Implied vol of the repaired surface; options only.
    pub vol: Option<Vol>,
    /// The vol as voted, before the surface was repaired.
    pub vol_voted: Option<Vol>,
    /// How far above the vol the true one may be.
    pub vol_uncertainty: Vol,
    /// Whether the vol is stale.
    pub vol_stale: bool,
    /// Whether the basis is stale.
    pub basis_stale: bool,
    /// How far the forward may be off against other contracts of the underlying.
    pub basis_doubt: Price,
    /// How the value of a unit of the underlying in the contract moves: with lots, all that the Greeks of an account
    /// take.
    pub greeks: Option<UnitGreeks>,
    /// Price of the last auction that traded.
    pub last: Option<Price>,
    /// Sums over all positions.
    pub aggregate: Aggregate,
    /// Perpetuals: what funding comes from.
    pub funding: Option<FundingRecord>,
    /// Digest of all resting orders.
    pub book: Hash,
}

/// The funding of a perpetual.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FundingRecord {
    /// Hourly rate.
    pub rate: Ppb,
    /// What has accrued since the last exchange.
    pub accrual: Accrual,
    /// Hash of the average premium.
    pub premium: Hash,
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
    /// Hash of all that is known of it: its sources, what the oracle remembers, what its fund may still pay, and the hour of
    /// its depth that is being measured.
    pub memory: Hash,
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
            StateKey::Market(id) => encoded(self.market_record(id)?.as_ref()),
            StateKey::Underlying(id) => encoded(self.underlying_record(id)?.as_ref()),
            StateKey::House(holder, asset) => {
                let balance = self.ledger.balance(holder, asset);
                encoded((balance != Amount::ZERO).then_some(balance).as_ref())
            }
            StateKey::Thresholds(id) => encoded(self.thresholds_record(id)?.as_ref()),
            StateKey::Parameter(place, parameter) => {
                // What is not listed has no values, though it would have the defaults.
                let scope = Definition::of(parameter).map(|defined| defined.scope);
                let is_there = match (place, scope) {
                    (Some(place), Some(Scope::Underlying)) => self.underlyings.contains_key(&place),
                    (None, Some(Scope::House)) => true,
                    _ => false,
                };
                let value = self.parameters.get(place, parameter);
                encoded(is_there.then_some(value).as_ref())
            }
            StateKey::Owner(owner) => encoded(self.keys.owner_record(owner).as_ref()),
            StateKey::Session(owner, key) => encoded(self.keys.session(owner, key)),
            StateKey::Validator(id) => encoded(self.validator_record(id).as_ref()),
            StateKey::Committee => encoded(Some(&self.committee.record())),
            StateKey::Council => encoded(Some(&self.council)),
            StateKey::Liquidity(id) => encoded(self.liquidity_record(id).as_ref()),
            StateKey::Custody => {
                let memory = hash_of("custody", &self.custody.memory())?;
                encoded(Some(&self.custody.record(memory)))
            }
            StateKey::Withdrawal(id) => encoded(self.custody.open().get(&id)),
        }
    }

    /// Returns the writes of the records under some keys, ascending by encoded key, and the first fault among them: a
    /// record that cannot be encoded is written as the fault that it met.
    pub(crate) fn writes(&mut self, keys: &[StateKey]) -> (Vec<Write>, Option<Fault>) {
        let (mut writes, mut first) = (Vec::with_capacity(keys.len()), None);
        for key in keys {
            let record = self.record(key).unwrap_or_else(|fault| {
                let text = fault.to_string().into_bytes();
                first.get_or_insert(fault);
                Some(text)
            });
            match codec::encode(key).map_err(unencodable) {
                Ok(key) => writes.push(Write { key, record }),
                Err(fault) => drop(first.get_or_insert(fault)),
            }
        }
        writes.sort_by(|a, b| a.key.cmp(&b.key));
        (writes, first)
    }

    /// Returns the keys of all records: what the state root commits to, and all of it.
    #[must_use]
    pub fn keys(&self) -> Vec<StateKey> {
        let accounts = self.accounts.iter().map(|(_, account)| StateKey::Account(account.id));
        let house = self.ledger.house().map(|(holder, asset, _)| StateKey::House(holder, asset));
        let mut keys =
            vec![StateKey::Block, StateKey::Committee, StateKey::Council, StateKey::Custody];
        keys.extend(self.custody.open().keys().copied().map(StateKey::Withdrawal));
        keys.extend(accounts);
        keys.extend(self.markets.keys().copied().map(StateKey::Market));
        keys.extend(self.underlyings.keys().copied().map(StateKey::Underlying));
        keys.extend(self.underlyings.keys().copied().map(StateKey::Thresholds));
        keys.extend(self.liquidity.keys().copied().map(StateKey::Liquidity));
        keys.extend(house);
        for (owner, held) in self.keys.owners() {
            keys.push(StateKey::Owner(*owner));
            keys.extend(held.sessions.keys().map(|key| StateKey::Session(*owner, *key)));
        }
        keys.extend(self.offenders.keys().copied().map(StateKey::Validator));
        for definition in Definition::all() {
            let key = |place| StateKey::Parameter(place, definition.parameter);
            match definition.scope {
                Scope::House => keys.push(key(None)),
                Scope::Underlying => {
                    keys.extend(self.underlyings.keys().copied().map(Some).map(key));
                }
            }
        }
        keys
    }

    fn account_record(&self, id: AccountId) -> Option<AccountRecord> {
        let index = self.accounts.index(id)?;
        let account = self.accounts.get(index)?;
        let mut balances = vec![(AssetId::DOLLAR, Amount::from_notional(self.ledger.cash(index)))];
        balances.extend(self.ledger.collateral(index));
        let positions = account.positions().to_vec();
        let exposed = account.exposed().iter().map(|(fund, allowance)| (*fund, *allowance));
        let exposed = exposed.collect();
        let (called, short_since) = (account.called, account.short_since);
        let brought = account.all_brought().to_vec();
        let pursuit = account.pursuit().clone();
        Some(AccountRecord {
            index,
            balances,
            positions,
            exposed,
            called,
            short_since,
            brought,
            pursuit,
        })
    }

    fn market_record(&mut self, id: InstrumentId) -> Result<Option<MarketRecord>, Fault> {
        let accrual = self.accruals.get(&id).copied();
        let Some(market) = self.markets.get_mut(&id) else { return Ok(None) };
        let funding = match accrual {
            Some(accrual) => {
                let premium = hash_of("premium", &market.premium)?;
                Some(FundingRecord { rate: market.funding_rate, accrual, premium })
            }
            None => None,
        };
        Ok(Some(MarketRecord {
            instrument: market.instrument,
            status: market.status.clone(),
            pause: market.pause.clone(),
            mark: market.mark,
            forward: market.forward,
            vol: market.vol,
            vol_voted: market.vol_voted,
            vol_uncertainty: market.vol_uncertainty,
            vol_stale: market.vol_stale,
            basis_stale: market.basis_stale,
            basis_doubt: market.basis_doubt,
            greeks: market.greeks,
            last: market.last,
            aggregate: market.aggregate,
            funding,
            book: market.book.digest(),
        }))
    }

    fn underlying_record(&self, id: UnderlyingId) -> Result<Option<UnderlyingRecord>, Fault> {
        let Some(underlying) = self.underlyings.get(&id) else { return Ok(None) };
        let index = underlying.feed.index();
        let hour = self.liquidity.get(&id).map(Liquidity::hour);
        Ok(Some(UnderlyingRecord {
            name: underlying.name.clone(),
            index: index.map(|index| index.price),
            confidence: index.map(|index| index.confidence),
            updated_at: index.map(|index| index.updated_at),
            mode: underlying.mode,
            memory: hash_of("underlying", &(underlying, hour))?,
        }))
    }

    fn block_record(&self) -> Result<BlockRecord, Fault> {
        let named = (&self.chain, &self.validators, self.committee.keys());
        let under_way = (self.next_order, self.variation_due_at, &self.outflow);
        let reopening = (self.call_auction, &self.suspension);
        let memory = (named, under_way, reopening, self.waiting.orders(), self.keys.signed());
        Ok(BlockRecord {
            height: self.height,
            time: self.time,
            council: hash_of("council", &self.council)?,
            memory: hash_of("memory", &memory)?,
            house_fault: self.house_fault.clone(),
        })
    }
}

fn hash_of<T: BorshSerialize>(domain: &'static str, value: &T) -> Result<Hash, Fault> {
    codec::encode(value).map(|bytes| Hash::of(domain, &bytes)).map_err(unencodable)
}

fn encoded<T: BorshSerialize>(record: Option<&T>) -> Result<Option<Vec<u8>>, Fault> {
    record.map(codec::encode).transpose().map_err(unencodable)
}

fn unencodable(_: codec::EncodeError) -> Fault {
    Fault::Invariant("state records are encodable")
}
