//! EIP-712: the digest of a struct under our domain.

use protocol::{Address, Hash};
use sha3::{Digest as _, Keccak256};

const DOMAIN_TYPE: &str =
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const NAME: &str = "Novation";
const VERSION: &str = "1";

/// A field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Text(String),
    Address(Address),
    Number(u64),
    Bool(bool),
    Word([u8; 32]),
    Bytes(Vec<u8>),
}

/// A struct: its name, and its fields in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<(&'static str, Field)>,
}

/// The three hashes that clients compare when a signature is not what they meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) domain: [u8; 32],
    pub(crate) structure: [u8; 32],
    pub(crate) digest: [u8; 32],
}

pub(crate) fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

impl Field {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Address(_) => "address",
            Self::Number(_) => "uint64",
            Self::Bool(_) => "bool",
            Self::Word(_) => "bytes32",
            Self::Bytes(_) => "bytes",
        }
    }

    fn word(&self) -> [u8; 32] {
        match self {
            Self::Text(text) => keccak(text.as_bytes()),
            Self::Bytes(bytes) => keccak(bytes),
            Self::Word(word) => *word,
            Self::Address(address) => padded(address.bytes()),
            Self::Number(number) => padded(&number.to_be_bytes()),
            Self::Bool(bool) => padded(&[u8::from(*bool)]),
        }
    }
}

/// Returns bytes at the end of a word of zeros.
fn padded(bytes: &[u8]) -> [u8; 32] {
    let mut word = [0; 32];
    for (place, byte) in word.iter_mut().rev().zip(bytes.iter().rev()) {
        *place = *byte;
    }
    word
}

impl Typed {
    /// Returns the type as EIP-712 writes it.
    pub(crate) fn type_text(&self) -> String {
        let fields: Vec<String> =
            self.fields.iter().map(|(name, field)| format!("{} {name}", field.kind())).collect();
        format!("{}({})", self.name, fields.join(","))
    }

    /// Returns the hashes for a wallet on a chain.
    pub(crate) fn digests(&self, chain_id: u64) -> Digests {
        let mut words = keccak(self.type_text().as_bytes()).to_vec();
        self.fields.iter().for_each(|(_, field)| words.extend(field.word()));
        let structure = keccak(&words);
        let domain = keccak(
            &[
                keccak(DOMAIN_TYPE.as_bytes()),
                keccak(NAME.as_bytes()),
                keccak(VERSION.as_bytes()),
                padded(&chain_id.to_be_bytes()),
                padded(&[]),
            ]
            .concat(),
        );
        let digest = keccak(&[&b"\x19\x01"[..], &domain, &structure].concat());
        Digests { domain, structure, digest }
    }
}

impl Digests {
    pub(crate) fn hashes(&self) -> [Hash; 3] {
        [self.domain, self.structure, self.digest].map(Hash::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OwnerKey;

    fn text(text: &str) -> Field {
        Field::Text(text.into())
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The digest is that of alloy 2.5.0, eth_account 0.13.7, viem, ethers 6 and cast 1.7.1 for the same message.
    ///
    /// spec 0027-ACC-003.
    #[test]
    fn wallets_and_we_hash_and_sign_an_order_alike() {
        let key = OwnerKey::from_secret([0x11; 32]).expect("a key");
        assert_eq!(key.address().to_string(), "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a");
        let order = Typed {
            name: "PlaceOrder",
            fields: vec![
                ("network", text("novation-testnet-1")),
                ("account", Field::Address(key.address())),
                ("subaccount", Field::Number(0)),
                ("instrument", text("BTC_USDC-27NOV26-90000-C")),
                ("side", text("buy")),
                ("orderType", text("limit")),
                ("price", text("1200")),
                ("amount", text("0.1")),
                ("timeInForce", text("good_til_cancelled")),
                ("postOnly", Field::Bool(true)),
                ("reduceOnly", Field::Bool(false)),
                ("label", text("hello")),
                ("nonce", Field::Number(1_795_379_378_201)),
                ("expiresAt", Field::Number(1_795_379_438_201)),
            ],
        };
        assert_eq!(
            order.type_text(),
            "PlaceOrder(string network,address account,uint64 subaccount,string instrument,string side,\
             string orderType,string price,string amount,string timeInForce,bool postOnly,bool reduceOnly,\
             string label,uint64 nonce,uint64 expiresAt)"
        );
        let digest = order.digests(1).digest;
        assert_eq!(
            hex(&digest),
            "76907e32645c76f72f219a76c53b280b386e804b54eb4eddd687e3bee627dd8c"
        );
        let signature = hex(&key.sign(&digest));
        assert!(signature.starts_with("8e84a1cc") && signature.ends_with("f31c"), "{signature}");
    }
}
