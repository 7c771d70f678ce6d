//! The keys of owners: the session keys that they have registered, and the nonces that their own keys have used.
//!
//! What a session key may do, and when it is forgotten, is a rule of `sessions`.

use crate::state::State;
use borsh::{BorshDeserialize, BorshSerialize};
use custody::Hour;
use protocol::{Address, NonceWindow, SessionKey, Signer};
use sessions::{Session, Signing};
use std::collections::BTreeMap;
use units::Notional;

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

    /// Returns what is known of a key that signs for an owner.
    pub(crate) fn signing(&self, owner: Address, signer: Signer) -> Signing<'_> {
        match signer {
            Signer::Owner => Signing::Owner(self.owners.get(&owner).map(|keys| &keys.nonces)),
            Signer::Session(key) => Signing::Session(self.session(owner, key)),
        }
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
