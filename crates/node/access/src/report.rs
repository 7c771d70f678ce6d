//! What a feed signs: a report of prices for one block of one network.
//!
//! A validator signs with its own key what stands in blocks; the program that watches venues has a key of its own, the
//! reporter's, which the validator names. Whoever has the one cannot do what the other does: a reporter that is broken
//! into reports wrong prices for one validator, and neither votes nor withdraws.
//!
//! ```text
//! length of the namespace, one byte · "novation/feed/" and the network's name · height, u64, little end first · vote
//! ```
//!
//! **Invariant:** a signature holds for one network, one height and one vote, which names its validator.

use crate::keys::NotASecret;
use crate::submission::Network;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{Signer as _, Verifier as _, ed25519};
use protocol::codec::{self, EncodeError};
use protocol::{Hash, Vote};
use std::fmt;

/// A reporter's private key. It is never printed.
#[derive(Clone)]
pub struct ReporterSecret(ed25519::PrivateKey);

impl fmt::Debug for ReporterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReporterSecret({})", Hash::new(self.public()))
    }
}

impl ReporterSecret {
    /// Returns the key of thirty-two secret bytes.
    ///
    /// # Errors
    ///
    /// Never for thirty-two bytes; the decoder's error is passed on.
    pub fn from_secret(secret: [u8; 32]) -> Result<Self, NotASecret> {
        ed25519::PrivateKey::decode(Copying(&secret)).map(Self).map_err(|_| NotASecret)
    }

    /// Returns the public key, which a validator names in its configuration.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        let key = self.0.public_key();
        let bytes: &[u8] = key.as_ref();
        bytes.try_into().unwrap_or_default()
    }

    /// Returns the signature of a report for a block.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number in the vote is outside its limits.
    pub fn sign(
        &self,
        network: &Network,
        height: u64,
        vote: &Vote,
    ) -> Result<[u8; 64], EncodeError> {
        let signed = self.0.sign(&namespace(network), &message(height, vote)?);
        let bytes: &[u8] = signed.as_ref();
        Ok(bytes.try_into().unwrap_or([0; 64]))
    }
}

/// Whether a reporter has signed a report for a block.
#[must_use]
pub fn is_reported(
    network: &Network,
    reporter: &[u8; 32],
    height: u64,
    vote: &Vote,
    signature: &[u8; 64],
) -> bool {
    let Ok(message) = message(height, vote) else { return false };
    let Ok(key) = ed25519::PublicKey::decode(Copying(reporter)) else { return false };
    let Ok(signature) = ed25519::Signature::decode(Copying(signature)) else { return false };
    key.verify(&namespace(network), &message, &signature)
}

fn namespace(network: &Network) -> Vec<u8> {
    [b"novation/feed/", network.id().as_bytes()].concat()
}

fn message(height: u64, vote: &Vote) -> Result<Vec<u8>, EncodeError> {
    Ok([height.to_le_bytes().to_vec(), codec::encode(vote)?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{PriceReport, SourceId, UnderlyingId, ValidatorId};
    use units::Price;

    fn vote(validator: u16, micros: i64) -> Vote {
        let price = PriceReport {
            underlying: UnderlyingId::new(1),
            source: SourceId::new(3),
            price: Price::from_micros(micros.into()),
            confidence: Price::from_micros(500_000),
        };
        let validator = ValidatorId::new(validator);
        Vote { validator, prices: vec![price], vols: Vec::new(), bases: Vec::new() }
    }

    #[test]
    fn a_report_holds_for_its_network_height_validator_and_numbers_alone() {
        let network = Network::new("here", Hash::of("genesis", b"1"));
        let other = Network::new("here", Hash::of("genesis", b"2"));
        let reporter = ReporterSecret::from_secret([7; 32]).expect("a key");
        let stranger = ReporterSecret::from_secret([8; 32]).expect("a key");
        let vote_of = vote(2, 7_854_250_000);
        let signature = reporter.sign(&network, 120, &vote_of).expect("it encodes");
        let key = reporter.public();
        let holds = |network, key: &[u8; 32], height, vote: &Vote| {
            is_reported(network, key, height, vote, &signature)
        };
        assert!(holds(&network, &key, 120, &vote_of));
        assert!(!holds(&network, &key, 121, &vote_of), "replayed for another block");
        assert!(!holds(&network, &key, 120, &vote(3, 7_854_250_000)), "for another validator");
        assert!(!holds(&network, &key, 120, &vote(2, 7_854_250_001)));
        assert!(!holds(&other, &key, 120, &vote_of), "on another network");
        assert!(!holds(&network, &stranger.public(), 120, &vote_of));
        assert!(!is_reported(&network, &key, 120, &vote_of, &[0; 64]));
    }

    /// What docs/network.md says field by field, written by hand.
    #[test]
    fn a_report_is_signed_over_the_bytes_that_the_book_names() {
        let network = Network::new("here", Hash::of("genesis", b"1"));
        let mut by_hand = vec![1];
        by_hand.extend(2u16.to_le_bytes());
        by_hand.extend(1u32.to_le_bytes());
        by_hand.extend(1u16.to_le_bytes());
        by_hand.extend(3u16.to_le_bytes());
        by_hand.extend(7_854_250_000i64.to_le_bytes());
        by_hand.extend(500_000i64.to_le_bytes());
        by_hand.extend([0; 8]);
        let vote = vote(2, 7_854_250_000);
        assert_eq!(codec::encode(&vote), Ok(by_hand.clone()));
        let message = message(120, &vote).expect("it encodes");
        assert_eq!(message, [120u64.to_le_bytes().to_vec(), by_hand].concat());
        assert_eq!(namespace(&network), format!("novation/feed/{}", network.id()).into_bytes());
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = ReporterSecret::from_secret([0x5A; 32]).expect("a key");
        assert!(!format!("{key:?}").contains("5a5a"));
    }
}
