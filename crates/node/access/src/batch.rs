//! Checking signatures: those of owners one by one, those of session keys all at once.
//!
//! Ed25519 is checked by ZIP-215, under which a batch is valid if and only if each of its signatures is. On top of that
//! keys and commitments must be in their one encoding, and a key of small order, under which anybody can sign, is none.

use crate::submission::{BadSignature, Check, Invalid, Network, Read};
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::ed25519::{PublicKey, Signature};
use commonware_cryptography::{BatchEntry, BatchVerifier as _, Verifier as _};
use commonware_parallel::Sequential;
use k256::ecdsa::{RecoveryId, VerifyingKey};
use protocol::{Address, Hash, SessionKey};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use std::collections::BTreeMap;

/// Ordinates of the points of order 4, 1, 2, 8 and 8, little-endian.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    one(),
    minus_one(),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn one() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}

const fn minus_one() -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xec;
    bytes[31] = 0x7f;
    bytes
}

/// Checks the signatures of submissions.
///
/// Cost: an elliptic-curve recovery for each owner's, about half a single verification for each session key's.
///
/// # Errors
///
/// Where the first bad one stands, and what is wrong with it.
///
/// spec 0027-ACC-001, 0027-ACC-008.
pub fn verify<'a>(
    network: &Network,
    submissions: impl IntoIterator<Item = &'a Read>,
) -> Result<(), (usize, Invalid)> {
    let mut first_bad: Option<(usize, Invalid)> = None;
    let mut sessions = Vec::new();
    let mut keys: BTreeMap<SessionKey, Option<PublicKey>> = BTreeMap::new();
    for (at, held) in submissions.into_iter().enumerate() {
        match &held.check {
            Check::Owner { .. } => {
                if let Err(bad) = owner(held) {
                    first_bad = Some((at, bad));
                    break;
                }
            }
            Check::Session { key, message, signature } => {
                let point = keys.entry(*key).or_insert_with(|| public_key(key.bytes()));
                match (point.clone(), decoded_signature(signature)) {
                    (Some(point), Some(signature)) => {
                        sessions.push(Entry { at, held, key: point, message, signature });
                    }
                    _ => {
                        first_bad = Some((at, forged(network, held)));
                        break;
                    }
                }
            }
        }
    }
    if sessions.is_empty() || batch(network, &sessions) {
        return first_bad.map_or(Ok(()), Err);
    }
    let genuine = |entry: &&Entry<'_>| {
        !entry.key.verify(network.namespace(), entry.message, &entry.signature)
    };
    match sessions.iter().find(genuine) {
        Some(entry) => Err((entry.at, forged(network, entry.held))),
        // The batch is wrong about signatures that are good one by one: then so it is not.
        None => first_bad.map_or(Ok(()), Err),
    }
}

struct Entry<'a> {
    at: usize,
    held: &'a Read,
    key: PublicKey,
    message: &'a [u8],
    signature: Signature,
}

/// Checks all at once.
fn batch(network: &Network, entries: &[Entry<'_>]) -> bool {
    if let [entry] = entries {
        return entry.key.verify(network.namespace(), entry.message, &entry.signature);
    }
    // The weights of the batch follow from the bytes that are checked: whoever makes them cannot choose both.
    let names: Vec<u8> = entries.iter().flat_map(|entry| *entry.held.name.bytes()).collect();
    let mut random = ChaCha20Rng::from_seed(*Hash::of("command batch", &names).bytes());
    PublicKey::verify_batch(
        &mut random,
        entries,
        |_, entry| BatchEntry {
            namespace: network.namespace(),
            message: entry.message,
            public_key: &entry.key,
            signature: &entry.signature,
        },
        &Sequential,
    )
}

/// Returns the key that bytes encode: in its one encoding, and not of small order.
pub(crate) fn public_key(bytes: &[u8; 32]) -> Option<PublicKey> {
    if !is_canonical(bytes) || is_small(bytes) {
        return None;
    }
    PublicKey::decode(Copying(bytes)).ok()
}

fn decoded_signature(signature: &[u8; 64]) -> Option<Signature> {
    let commitment = signature.first_chunk::<32>()?;
    if !is_canonical(commitment) {
        return None;
    }
    Signature::decode(Copying(signature)).ok()
}

/// Returns the encoding of a point without the sign of its abscissa.
fn ordinate(point: &[u8; 32]) -> [u8; 32] {
    let mut bytes = *point;
    bytes[31] &= 0x7f;
    bytes
}

/// Whether a point's ordinate is below 2^255 - 19, and its sign is not that of zero.
fn is_canonical(point: &[u8; 32]) -> bool {
    let bytes = ordinate(point);
    let above = bytes[31] == 0x7f && bytes[1..31].iter().all(|byte| *byte == 0xff);
    let signed = bytes != *point;
    let on_axis = bytes == one() || bytes == minus_one();
    let too_large = above && bytes[0] >= 0xed;
    let signed_zero = signed && on_axis;
    !too_large && !signed_zero
}

fn is_small(point: &[u8; 32]) -> bool {
    SMALL_ORDER.contains(&ordinate(point))
}

fn forged(network: &Network, held: &Read) -> Invalid {
    let Check::Session { key, message, .. } = &held.check else { return Invalid::OwnerCommands };
    let payload = crate::submission::namespaced(network.namespace(), message);
    let digest = Hash::of("signed by session", &payload);
    Invalid::Signature(Box::new(BadSignature::Session { key: *key, digest }))
}

/// Checks the signature of an owner.
fn owner(held: &Read) -> Result<(), Invalid> {
    let Check::Owner { digests, kind, signature } = &held.check else { return Ok(()) };
    let recovered = recover(&digests.digest, signature);
    if recovered == Some(held.grant.owner) {
        return Ok(());
    }
    let [domain, structure, digest] = digests.hashes();
    let owner = held.grant.owner;
    let kind = kind.clone();
    let bad = BadSignature::Owner { owner, recovered, domain, structure, digest, kind };
    Err(Invalid::Signature(Box::new(bad)))
}

/// Returns who has signed a digest, if the signature is in its one form.
fn recover(digest: &[u8; 32], signature: &[u8; 65]) -> Option<Address> {
    let (parity, scalars) = signature.split_last()?;
    let parity = match parity {
        27 => 0,
        28 => 1,
        _ => return None,
    };
    let scalars = k256::ecdsa::Signature::from_slice(scalars).ok()?;
    if scalars.normalize_s() != scalars {
        return None;
    }
    let id = RecoveryId::from_byte(parity)?;
    let key = VerifyingKey::recover_from_prehash(digest, &scalars, id).ok()?;
    Some(crate::keys::address_of(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The curve itself takes an empty signature under each of them; we take none of them as a key.
    #[test]
    fn keys_under_which_anybody_can_sign_are_no_keys() {
        let mut empty = [0; 64];
        empty[0] = 1;
        let empty = Signature::decode(Copying(&empty)).expect("sixty-four bytes");
        for mut point in SMALL_ORDER {
            for _ in 0..2 {
                let key = PublicKey::decode(Copying(&point)).expect("on the curve");
                assert!(key.verify(b"any", b"thing", &empty), "{point:?} is of small order");
                assert_eq!(public_key(&point), None);
                point[31] |= 0x80;
            }
        }
    }

    #[test]
    fn a_point_has_one_encoding() {
        let mut prime = minus_one();
        prime[0] = 0xed;
        assert!(!is_canonical(&prime), "zero, written as the prime");
        assert!(is_canonical(&minus_one()) && is_canonical(&[0; 32]));
        let mut signed = one();
        signed[31] |= 0x80;
        assert!(!is_canonical(&signed), "minus zero");
    }
}
