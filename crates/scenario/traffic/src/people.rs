//! The keys of everybody in the demo: owners of Ethereum addresses, and a session key of each, all from the seed.
//!
//! Whoever knows the seed knows them: keys for play.

use crate::TrafficError;
use access::{Network, OwnerKey, SUBMISSION_BYTES_MAX, SessionSecret, Validity};
use machine::State;
use protocol::{Address, Command, Hash, Scopes, SessionTerms, Transaction, codec};
use std::collections::BTreeMap;
use std::path::Path;
use units::BlockTime;

/// How long a signature holds, and how long a session key.
const SIGNATURE_MS: i128 = 10 * 60_000;
const SESSION_MS: i128 = 30 * 24 * 3_600_000;
/// The chain id of wallets that are on no chain in particular.
const CHAIN_ID: u64 = 1;

/// Somebody.
#[derive(Debug)]
struct Person {
    owner: OwnerKey,
    session: SessionSecret,
    scopes: Scopes,
}

/// Everybody who signs, by the address that the demo has for them.
#[derive(Debug)]
pub struct People {
    seed: u64,
    people: BTreeMap<Address, Person>,
    /// From the address that owns to the one that the demo has.
    aliases: BTreeMap<Address, Address>,
}

impl People {
    /// Returns nobody yet, of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, people: BTreeMap::new(), aliases: BTreeMap::new() }
    }

    /// Returns the address of somebody whom the demo knows by another, with session keys for some purposes.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Secret`] if the seed leads to no key, which one in 2^128 does.
    pub fn meet(&mut self, alias: Address, scopes: Scopes) -> Result<Address, TrafficError> {
        let owner = OwnerKey::from_secret(secret("devnet owner", self.seed, alias))?;
        let session = SessionSecret::from_secret(secret("devnet session", self.seed, alias))?;
        let address = owner.address();
        self.people.insert(alias, Person { owner, session, scopes });
        self.aliases.insert(address, alias);
        Ok(address)
    }

    /// Returns whether somebody's session key may command.
    #[must_use]
    pub fn is_registered(&self, state: &State, alias: Address) -> bool {
        self.people.get(&alias).is_some_and(|person| {
            let (owner, key) = (person.owner.address(), person.session.public());
            let session = state.keys.session(owner, key);
            session.is_some_and(|session| session.terms.expires_at > state.time)
        })
    }

    /// Returns the submissions by which those of some who have no session key yet register one: nothing that they send
    /// after it is left out.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Absent`] if somebody is among them who was never met.
    pub fn register(
        &self,
        network: &Network,
        state: &State,
        some: &[Address],
    ) -> Result<Vec<Vec<u8>>, TrafficError> {
        let mut next = validity(state)?;
        let without = some.iter().filter(|alias| !self.is_registered(state, **alias));
        without
            .map(|alias| {
                let person = self
                    .people
                    .get(alias)
                    .ok_or(TrafficError::Absent("somebody sends who has no key"))?;
                person.register(network, next())
            })
            .collect()
    }

    /// Returns the submissions of transactions. Who has no session key yet registers one, and what it sends is left out.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Absent`] if somebody sends who was never met, [`TrafficError::Encode`] if a command is too long.
    pub fn sign(
        &self,
        network: &Network,
        state: &State,
        transactions: Vec<Transaction>,
    ) -> Result<Vec<Vec<u8>>, TrafficError> {
        let mut by_sender: BTreeMap<Address, Vec<Command>> = BTreeMap::new();
        for Transaction { sender, command } in transactions {
            let alias = self.aliases.get(&sender).copied().unwrap_or(sender);
            by_sender.entry(alias).or_default().push(command);
        }
        let mut next = validity(state)?;
        let mut submissions = Vec::new();
        for (alias, commands) in by_sender {
            let person = self
                .people
                .get(&alias)
                .ok_or(TrafficError::Absent("somebody sends who has no key"))?;
            let owner = person.owner.address();
            if !self.is_registered(state, alias) {
                submissions.push(person.register(network, next())?);
                continue;
            }
            for some in batches(commands)? {
                submissions.push(person.session.submit(network, owner, next(), some)?);
            }
        }
        Ok(submissions)
    }
}

impl Person {
    /// Returns the submission by which the owner registers its session key.
    fn register(&self, network: &Network, validity: Validity) -> Result<Vec<u8>, TrafficError> {
        let now = validity.expires_at.millis() - SIGNATURE_MS;
        let expires_at = BlockTime::from_millis(now + SESSION_MS);
        let (key, scopes) = (self.session.public(), self.scopes);
        let (sub, instrument, notional_per_day) = (None, None, None);
        let terms = SessionTerms { key, scopes, sub, instrument, notional_per_day, expires_at };
        let command = Command::RegisterSession { terms };
        Ok(self.owner.submit(network, validity, command, None, CHAIN_ID)?)
    }
}

/// Returns what numbers the submissions of a block.
fn validity(state: &State) -> Result<impl FnMut() -> Validity, TrafficError> {
    let now = state.time.millis();
    let mut nonce = u64::try_from(now)?;
    Ok(move || {
        nonce += 1;
        Validity { nonce, expires_at: BlockTime::from_millis(now + SIGNATURE_MS) }
    })
}

/// Returns the secret of a purpose of somebody.
fn secret(purpose: &'static str, seed: u64, alias: Address) -> [u8; 32] {
    let named = [seed.to_be_bytes().as_slice(), alias.bytes()].concat();
    *Hash::of(purpose, &named).bytes()
}

/// Writes the key of somebody as an owner, unless the file is there.
///
/// # Errors
///
/// [`TrafficError::Unwritable`] if the system refuses.
pub fn write_key(path: &Path, seed: u64, alias: Address) -> Result<(), TrafficError> {
    if path.exists() {
        return Ok(());
    }
    access::write_secret(path, &secret("devnet owner", seed, alias))
        .map_err(|source| TrafficError::Unwritable { path: path.to_path_buf(), source })
}

/// Parts commands into as few lists as fit into a submission each.
fn batches(commands: Vec<Command>) -> Result<Vec<Vec<Command>>, TrafficError> {
    let most = protocol::limits::COMMANDS_PER_SIGNATURE_MAX;
    let (mut lists, mut bytes) = (Vec::new(), 0);
    let mut list: Vec<Command> = Vec::new();
    for command in commands {
        let length = codec::encode(&command)?.len();
        if !list.is_empty() && (bytes + length > SUBMISSION_BYTES_MAX / 2 || list.len() == most) {
            lists.push(std::mem::take(&mut list));
            bytes = 0;
        }
        bytes += length;
        list.push(command);
    }
    lists.extend((!list.is_empty()).then_some(list));
    Ok(lists)
}
