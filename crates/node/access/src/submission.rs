//! The bytes that a client hands in.

use crate::batch::public_key;
use crate::message::typed;
use crate::typed::Digests;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec::{self, DecodeError, EncodeError};
use protocol::{
    Address, Change, Command, Grant, Hash, SessionKey, Shown, Signer, ValidatorId, limits,
};
use std::fmt;
use units::BlockTime;

/// Longest submission: a mass quote of the largest size, with room to spare.
pub const SUBMISSION_BYTES_MAX: usize = 64 << 10;

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Body {
    /// For whom: the sender of every command.
    pub owner: Address,
    /// A number that the key has not used. The clock in milliseconds is a good choice; zero is none.
    pub nonce: u64,
    /// Blocks from this time on refuse it.
    pub expires_at: BlockTime,
    /// What is asked: one command, or under a session key up to [`limits::COMMANDS_PER_SIGNATURE_MAX`].
    pub commands: Vec<Command>,
}

/// Who has signed, and how.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Authority {
    /// The owner, as EIP-712 says.
    Owner {
        /// The chain that the wallet was on: it stands in the domain and means nothing else.
        chain_id: u64,
        /// What the text says of the listing.
        shown: Option<Shown>,
        /// r, s of the lower half, and 27 or 28.
        signature: [u8; 65],
    },
    /// A session key, with Ed25519.
    Session {
        /// Which.
        key: SessionKey,
        /// Over [`Network::signed_by_session`].
        signature: [u8; 64],
    },
}

/// What a client hands in.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Submission {
    /// What is signed.
    pub body: Body,
    /// By whom.
    pub authority: Authority,
}

/// The network for which something is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    id: String,
    namespace: Vec<u8>,
}

impl Network {
    /// Names a network by its chain and genesis.
    ///
    /// spec 0027-ACC-001.
    #[must_use]
    pub fn new(chain: &str, genesis: Hash) -> Self {
        let half: String =
            genesis.bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let id = format!("{chain}@{half}");
        let namespace = [b"novation/command/", id.as_bytes()].concat();
        Self { id, namespace }
    }

    /// Returns the text that stands first in every message.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the namespace under which session keys sign.
    pub(crate) fn namespace(&self) -> &[u8] {
        &self.namespace
    }

    /// Returns the bytes that a session key signs for a body: the length of the namespace as one byte, the namespace,
    /// and the encoded body.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number in the body is outside its limits.
    pub fn signed_by_session(&self, body: &Body) -> Result<Vec<u8>, EncodeError> {
        Ok(namespaced(&self.namespace, &codec::encode(body)?))
    }
}

/// Returns the bytes under an Ed25519 signature of a message in a namespace.
pub(crate) fn namespaced(namespace: &[u8], message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(namespace.len() + message.len() + 2);
    commonware_codec::Write::write(&namespace.len(), &mut bytes);
    bytes.extend_from_slice(namespace);
    bytes.extend_from_slice(message);
    bytes
}

/// A signature that is not the one it should be, with what a client needs to find out why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadSignature {
    /// Of an owner.
    Owner {
        /// The owner named.
        owner: Address,
        /// Who has signed, if it is a signature at all: in its one form, of the lower half.
        recovered: Option<Address>,
        /// Hash of the domain.
        domain: Hash,
        /// Hash of the struct.
        structure: Hash,
        /// What should have been signed.
        digest: Hash,
        /// The struct's type.
        kind: String,
    },
    /// Of a session key.
    Session {
        /// The key named.
        key: SessionKey,
        /// SHA-256 hash, in the domain `signed by session`, of what should have been signed.
        digest: Hash,
    },
}

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner { owner, recovered: Some(recovered), digest, .. } => {
                write!(f, "signed by {recovered}, not by the owner {owner}: the digest is {digest}")
            }
            Self::Owner { recovered: None, digest, .. } => write!(
                f,
                "no canonical signature (r, s of the lower half, 27 or 28) of the digest {digest}"
            ),
            Self::Session { key, digest } => {
                write!(f, "not signed by the session key {key}: the digest is {digest}")
            }
        }
    }
}

/// Why bytes are no submission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Longer than any.
    #[error("{length} bytes, but a submission has at most {SUBMISSION_BYTES_MAX}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// Not the encoding of one.
    #[error("not a submission: {0}")]
    Malformed(#[from] DecodeError),
    /// A number outside the limits of its unit.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// None, or more than one signature may carry.
    #[error("{0} commands: a session key signs 1 to {max} at once", max = limits::COMMANDS_PER_SIGNATURE_MAX)]
    Commands(usize),
    /// More quotes in a mass quote than the machine takes.
    #[error("{0} quotes: a mass quote has at most {max}", max = limits::QUOTES_PER_COMMAND_MAX)]
    Quotes(usize),
    /// An owner signs one command at a time.
    #[error("an owner signs one command at a time, so that a wallet can show it")]
    OwnerCommands,
    /// What the text says of the listing is not what this command needs.
    #[error("what is shown of instrument or asset does not fit the command")]
    Shown,
    /// An expiry before 1970.
    #[error("an expiry is a time after 1970")]
    Expiry,
    /// The key of a seat that is proposed is none: nobody could check a committee with it, or anybody could sign for it.
    #[error("the key proposed for validator {0} is no Ed25519 public key")]
    SeatKey(ValidatorId),
    /// Not signed by the key that it names.
    #[error("{0}")]
    Signature(Box<BadSignature>),
}

/// A submission that was read; its signature is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its name: the hash of its bytes.
    pub name: Hash,
    /// What it grants, if its signature is good.
    pub grant: Grant,
    /// What it asks.
    pub commands: Vec<Command>,
    pub(crate) check: Check,
}

/// A signature and what it must be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Check {
    Owner { digests: Digests, kind: String, signature: [u8; 65] },
    Session { key: SessionKey, message: Vec<u8>, signature: [u8; 64] },
}

/// Returns the validator whose seat a command proposes with a key that is none.
fn unusable_seat(command: &Command) -> Option<ValidatorId> {
    match command {
        Command::Propose { change: Change::SeatValidator { seat, .. } } => {
            public_key(&seat.key).is_none().then_some(seat.validator)
        }
        _ => None,
    }
}

/// Returns the quotes of a command, if they are more than the machine takes.
fn too_many_quotes(command: &Command) -> Option<usize> {
    match command {
        Command::MassQuote { quotes, .. } => {
            (quotes.len() > limits::QUOTES_PER_COMMAND_MAX).then_some(quotes.len())
        }
        _ => None,
    }
}

/// Takes a submission apart and checks its form.
///
/// # Errors
///
/// [`Invalid`], any but [`Invalid::Signature`].
///
/// spec 0027-ACC-001, 0027-ACC-003, 0027-ACC-012.
pub fn read(network: &Network, bytes: &[u8]) -> Result<Read, Invalid> {
    if bytes.len() > SUBMISSION_BYTES_MAX {
        return Err(Invalid::TooLong { length: bytes.len() });
    }
    let Submission { body, authority } = codec::decode(bytes, SUBMISSION_BYTES_MAX)?;
    let counted = u16::try_from(body.commands.len()).ok();
    let wanted = 1..=limits::COMMANDS_PER_SIGNATURE_MAX;
    let Some(count) = counted.filter(|count| wanted.contains(&usize::from(*count))) else {
        return Err(Invalid::Commands(body.commands.len()));
    };
    if let Some(count) = body.commands.iter().find_map(too_many_quotes) {
        return Err(Invalid::Quotes(count));
    }
    if let Some(id) = body.commands.iter().find_map(unusable_seat) {
        return Err(Invalid::SeatKey(id));
    }
    let (signer, shown, check) = match authority {
        Authority::Owner { chain_id, shown, signature } => {
            let typed = typed(network.id(), &body, shown.as_ref())?;
            let (digests, kind) = (typed.digests(chain_id), typed.type_text());
            (Signer::Owner, shown, Check::Owner { digests, kind, signature })
        }
        Authority::Session { key, signature } => {
            let message = codec::encode(&body)?;
            (Signer::Session(key), None, Check::Session { key, message, signature })
        }
    };
    let Body { owner, nonce, expires_at, commands } = body;
    let grant = Grant { owner, signer, nonce, expires_at, count, shown };
    Ok(Read { name: Hash::of("submission", bytes), grant, commands, check })
}
