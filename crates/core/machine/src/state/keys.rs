//! The keys of owners: session keys, their terms and what they have spent, and the nonces that keys have used.
//!
//! **Invariant:** a nonce of a key is used once (replay protection); a key that has ended is remembered until the last
//! signature by it has expired.

use crate::state::State;
use crate::state::allowances::Hour;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Address, Block, NonceWindow, Refusal, SessionKey, SessionTerms, Signer, limits};
use std::collections::BTreeMap;
use units::{BlockSpan, BlockTime, Lots, Notional, Round};

/// Longest time from a block to the expiry of a signature in it.
pub(crate) const DAY: BlockSpan = BlockSpan::from_millis(limits::SIGNATURE_LIFE_MS_MAX);

/// What was counted of an open order against the cap of the session key that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Charge {
    /// The key.
    pub key: SessionKey,
    /// The day in which it was counted, as milliseconds from 1970 to its beginning.
    pub day: BlockTime,
    /// What was counted, for all its lots.
    pub dollars: Notional,
    /// Its lots when it came.
    pub lots: Lots,
}

impl Charge {
    /// Returns what is given back if so many of its lots leave unfilled: their share.
    ///
    /// Rounding: down, so what stays counted is no less than the share of the lots that have filled.
    ///
    /// spec 0027-ACC-017.
    pub(crate) fn of_unfilled(&self, left: Lots) -> Notional {
        let left = left.greater(Lots::ZERO).lesser(self.lots).number();
        let share = self.dollars.number().mul_div(left, self.lots.number(), Round::Down);
        share.map_or(Notional::ZERO, Notional::from_number)
    }

    /// Whether it may be that of an order of which so many lots are open.
    pub(crate) fn is_sound(&self, open: Lots) -> bool {
        self.dollars > Notional::ZERO && self.dollars.within_limit().is_ok() && self.lots >= open
    }
}

/// A session key.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Session {
    /// What it may do.
    pub terms: SessionTerms,
    /// When its owner ended it, if so.
    pub revoked_at: Option<BlockTime>,
    /// The nonces it has used.
    pub nonces: NonceWindow,
    /// The day, counted from 1970, to which `spent` belongs.
    pub day: BlockTime,
    /// Dollars counted against its cap in that day, less what was given back.
    pub spent: Notional,
}

impl Session {
    /// Returns why the key may not command now, if so.
    ///
    /// spec 0027-ACC-005.
    pub(crate) fn ended(&self, now: BlockTime) -> Option<Refusal> {
        if self.revoked_at.is_some() {
            return Some(Refusal::SessionRevoked);
        }
        (self.terms.expires_at <= now).then_some(Refusal::SessionExpired)
    }

    /// Whether no signature by it can be valid any more, so that its nonces may be forgotten.
    pub(crate) fn is_forgettable(&self, now: BlockTime) -> bool {
        let ended = self.revoked_at.unwrap_or(self.terms.expires_at);
        ended.min(self.terms.expires_at).after(DAY).is_ok_and(|at| at < now)
    }
}

/// The keys of an owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OwnerKeys {
    /// The nonces that the owner's own key has used.
    pub nonces: NonceWindow,
    /// The session keys.
    pub sessions: BTreeMap<SessionKey, Session>,
    /// What the owner has withdrawn within an hour.
    pub hour: Hour,
}

/// The used nonces of an owner's own key, and the names of all its session keys: none is left out.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OwnerRecord {
    /// The nonces that the owner's own key has used.
    pub nonces: NonceWindow,
    /// The session keys, ascending, those among them that ended not long ago.
    pub sessions: Vec<SessionKey>,
    /// What the owner has withdrawn within an hour.
    pub hour: Hour,
}

/// All keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Keys {
    signed: bool,
    owners: BTreeMap<Address, OwnerKeys>,
}

impl Keys {
    pub(crate) fn new(signed: bool) -> Self {
        Self { signed, owners: BTreeMap::new() }
    }

    /// Whether every command must stand under a grant.
    #[must_use]
    pub const fn signed(&self) -> bool {
        self.signed
    }

    /// Returns a session key of an owner.
    #[must_use]
    pub fn session(&self, owner: Address, key: SessionKey) -> Option<&Session> {
        self.owners.get(&owner)?.sessions.get(&key)
    }

    /// Returns the owners that have signed something, ascending, with their keys.
    pub fn owners(&self) -> impl Iterator<Item = (&Address, &OwnerKeys)> + '_ {
        self.owners.iter()
    }

    /// Lends the keys of an owner, with none if it has signed nothing yet.
    pub(crate) fn owner_mut(&mut self, owner: Address) -> &mut OwnerKeys {
        self.owners.entry(owner).or_default()
    }

    pub(crate) fn session_mut(&mut self, owner: Address, key: SessionKey) -> Option<&mut Session> {
        self.owners.get_mut(&owner)?.sessions.get_mut(&key)
    }

    /// Whether a key has not used a nonce; a key of which nothing is known has used none but zero.
    pub(crate) fn is_free(&self, owner: Address, signer: Signer, nonce: u64) -> bool {
        let keys = self.owners.get(&owner);
        let window = match signer {
            Signer::Owner => keys.map(|keys| &keys.nonces),
            Signer::Session(key) => {
                keys.and_then(|keys| keys.sessions.get(&key)).map(|session| &session.nonces)
            }
        };
        window.map_or(nonce > 0, |window| window.is_free(nonce))
    }

    /// Uses a nonce that is free, of a session key that is registered or of an owner.
    pub(crate) fn use_nonce(&mut self, owner: Address, signer: Signer, nonce: u64) {
        let keys = self.owners.entry(owner).or_default();
        let window = match signer {
            Signer::Owner => Some(&mut keys.nonces),
            Signer::Session(key) => keys.sessions.get_mut(&key).map(|session| &mut session.nonces),
        };
        if let Some(window) = window {
            window.take(nonce);
        }
    }

    pub(crate) fn owner_record(&self, owner: Address) -> Option<OwnerRecord> {
        let keys = self.owners.get(&owner)?;
        let sessions = keys.sessions.keys().copied().collect();
        Some(OwnerRecord { nonces: keys.nonces.clone(), sessions, hour: keys.hour })
    }

    /// Returns what an owner has withdrawn within an hour.
    pub(crate) fn hour(&self, owner: Address) -> Hour {
        self.owners.get(&owner).map(|keys| keys.hour).unwrap_or_default()
    }

    /// Whether the grants of a block cover its transactions: each its owner's, and all of them in a signed house.
    ///
    /// spec 0027-ACC-002.
    pub(crate) fn covers(&self, block: &Block) -> bool {
        let mut transactions = block.transactions.iter();
        for grant in &block.grants {
            let count = usize::from(grant.count);
            let mut own = transactions.by_ref().take(count);
            let wanted = 1..=limits::COMMANDS_PER_SIGNATURE_MAX;
            let counted = own.by_ref().take_while(|held| held.sender == grant.owner).count();
            if !wanted.contains(&count) || counted != count {
                return false;
            }
        }
        !self.signed || transactions.next().is_none()
    }
}

impl State {
    /// Returns what an owner holds in dollars, over all its accounts; all there can be for custodian and signers, and
    /// nothing at all for who has no account.
    #[must_use]
    pub fn standing(&self, owner: Address) -> Option<Notional> {
        if self.custody.is_custodian(owner) || self.council.is_signer(owner) {
            return Some(Notional::from_micros(Notional::LIMIT));
        }
        let mut held = None;
        for index in self.accounts.of_owner(owner) {
            let before = held.unwrap_or(Notional::ZERO);
            held = Some(before.plus(self.ledger.cash(index)).unwrap_or(before));
        }
        held
    }

    /// Whether an address is one that the house keeps keys for.
    pub(crate) fn is_known(&self, owner: Address) -> bool {
        self.custody.is_custodian(owner)
            || self.council.is_signer(owner)
            || self.accounts.of_owner(owner).next().is_some()
    }
}
