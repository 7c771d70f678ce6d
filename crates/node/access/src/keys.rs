//! The clients' side: keys that sign.

use crate::message::typed;
use crate::submission::{Authority, Body, Invalid, Network, Submission};
use crate::typed::keccak;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{Signer as _, ed25519};
use k256::ecdsa::{SigningKey, VerifyingKey};
use protocol::codec;
use protocol::{Address, Command, SessionKey, Shown};
use std::fmt;
use units::BlockTime;

/// Why bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these thirty-two bytes are no private key of this curve")]
pub struct NotASecret;

/// How long a signature holds, and what tells it from others of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Used once.
    pub nonce: u64,
    /// Until when.
    pub expires_at: BlockTime,
}

/// An owner's private key. It is never printed.
#[derive(Clone)]
pub struct OwnerKey(SigningKey);

impl fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerKey({})", self.address())
    }
}

/// Returns the Ethereum address of a public key.
pub(crate) fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    let hash = keccak(point.as_bytes().get(1..).unwrap_or_default());
    let last = hash.last_chunk::<20>().copied();
    Address::new(last.unwrap_or_default())
}

impl OwnerKey {
    /// Returns the key of thirty-two secret bytes.
    ///
    /// # Errors
    ///
    /// [`NotASecret`] for zero and for what is not below the order of the curve.
    pub fn from_secret(secret: [u8; 32]) -> Result<Self, NotASecret> {
        SigningKey::from_slice(&secret).map(Self).map_err(|_| NotASecret)
    }

    /// Returns the address that it owns.
    #[must_use]
    pub fn address(&self) -> Address {
        address_of(self.0.verifying_key())
    }

    /// Returns a submission with one command of the owner, signed as a wallet on a chain would.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the command cannot be shown so.
    pub fn submit(
        &self,
        network: &Network,
        validity: Validity,
        command: Command,
        shown: Option<Shown>,
        chain_id: u64,
    ) -> Result<Vec<u8>, Invalid> {
        let Validity { nonce, expires_at } = validity;
        let body = Body { owner: self.address(), nonce, expires_at, commands: vec![command] };
        let digest = typed(network.id(), &body, shown.as_ref())?.digests(chain_id).digest;
        let signature = self.sign(&digest);
        let authority = Authority::Owner { chain_id, shown, signature };
        Ok(codec::encode(&Submission { body, authority })?)
    }

    /// Returns the signature of a digest: r, s of the lower half, and 27 or 28.
    pub(crate) fn sign(&self, digest: &[u8; 32]) -> [u8; 65] {
        let (signature, parity) = self.0.sign_prehash_recoverable(digest);
        let mut bytes = [0; 65];
        for (place, byte) in bytes.iter_mut().zip(signature.to_bytes().iter()) {
            *place = *byte;
        }
        bytes[64] = 27 + parity.to_byte();
        bytes
    }
}

/// A session's private key. It is never printed.
#[derive(Clone)]
pub struct SessionSecret(ed25519::PrivateKey);

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionSecret({})", self.public())
    }
}

impl SessionSecret {
    /// Returns the key of thirty-two secret bytes.
    ///
    /// # Errors
    ///
    /// Never for thirty-two bytes; the decoder's error is passed on.
    pub fn from_secret(secret: [u8; 32]) -> Result<Self, NotASecret> {
        ed25519::PrivateKey::decode(Copying(&secret)).map(Self).map_err(|_| NotASecret)
    }

    /// Returns the public key, by which an owner registers it.
    #[must_use]
    pub fn public(&self) -> SessionKey {
        let key = self.0.public_key();
        let bytes: &[u8] = key.as_ref();
        SessionKey::new(bytes.try_into().unwrap_or_default())
    }

    /// Returns a submission with commands for an owner under one signature.
    ///
    /// # Errors
    ///
    /// [`Invalid::Encode`] if a number in them is outside its limits.
    pub fn submit(
        &self,
        network: &Network,
        owner: Address,
        validity: Validity,
        commands: Vec<Command>,
    ) -> Result<Vec<u8>, Invalid> {
        let Validity { nonce, expires_at } = validity;
        let body = Body { owner, nonce, expires_at, commands };
        let message = codec::encode(&body)?;
        let signed = self.0.sign(network.namespace(), &message);
        let bytes: &[u8] = signed.as_ref();
        let signature = bytes.try_into().unwrap_or([0; 64]);
        let authority = Authority::Session { key: self.public(), signature };
        Ok(codec::encode(&Submission { body, authority })?)
    }
}
