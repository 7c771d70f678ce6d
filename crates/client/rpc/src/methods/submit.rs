//! `submit`: hands in what is signed.

use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Bytes, Fixed};
use serde::{Deserialize, Serialize};
/// Hands in signed submissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitParams {
    /// Submissions as they are signed, 10,000 at most.
    #[serde(deserialize_with = "wire::submissions")]
    pub submissions: Vec<Bytes>,
}

/// What becomes of one submission at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Submitted {
    /// It waits for a block.
    Taken {
        /// Its hash, by which `receipt` knows it.
        name: Fixed<32>,
    },
    /// It was not taken.
    Refused {
        /// Why.
        refused: String,
        /// Of a bad signature, what should have been signed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<SignatureReport>,
    },
}

/// What a client needs to find out what it signed (spec 0027-ACC-009).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SignatureReport {
    /// An owner's signature of typed data.
    Owner {
        /// In whose name.
        owner: Fixed<20>,
        /// Whose signature it is; none if it is nobody's.
        recovered: Option<Fixed<20>>,
        /// The digest to sign.
        digest: Fixed<32>,
        /// The separator of the domain in it.
        domain_separator: Fixed<32>,
        /// The hash of the structure in it.
        struct_hash: Fixed<32>,
        /// The type of the structure, as EIP-712 writes it.
        #[serde(rename = "type")]
        kind: String,
    },
    /// A session key's signature.
    Session {
        /// Which key.
        session_key: Fixed<32>,
        /// The digest to sign.
        digest: Fixed<32>,
    },
}

const OWNER: &[Field] = &[
    Field::required("owner", Shape::Fixed(20), "in whose name"),
    Field::required("recovered", Shape::Nullable(&Shape::Fixed(20)), "whose signature it is"),
    Field::required("digest", Shape::Fixed(32), "the digest to sign"),
    Field::required("domain_separator", Shape::Fixed(32), "the separator of the domain in it"),
    Field::required("struct_hash", Shape::Fixed(32), "the hash of the structure in it"),
    Field::required("type", Shape::Text, "the type of the structure, as EIP-712 writes it"),
];
const SESSION: &[Field] = &[
    Field::required("session_key", Shape::Fixed(32), "which key"),
    Field::required("digest", Shape::Fixed(32), "the digest to sign"),
];
const TAKEN: &[Field] =
    &[Field::required("name", Shape::Fixed(32), "its hash, by which `receipt` knows it")];
const REFUSED: &[Field] = &[
    Field::required("refused", Shape::Text, "why it is not taken"),
    Field::optional(
        "signature",
        Shape::Either(&[Shape::Object(OWNER), Shape::Object(SESSION)]),
        "of a bad signature, what should have been signed",
    ),
];

impl Method for SubmitParams {
    type Reply = Vec<Submitted>;

    const ROW: Row = Row {
        name: "submit",
        summary: "Takes signed submissions one by one, and returns for each its name, or why it is not taken.",
        details: "Signature, network, expiry and nonce are checked; what needs state, the receipt says. A name is no promise of a block: when the pool is full, what weighs least gives way.",
        door: Door::Clients,
        params: &[Field::required(
            "submissions",
            Shape::List(&Shape::Bytes),
            "submissions as they are signed (spec 0027-access), 10,000 at most",
        )],
        result: Shape::List(&Shape::Either(&[Shape::Object(TAKEN), Shape::Object(REFUSED)])),
        proof: "Nothing at once; `receipt` proves what became of it.",
        errors: &[],
        cost: Cost::Counted { of: "submissions", per: 4, most: 2_000 },
        examples: &[
            Example {
                params: r#"{
  "submissions": [
    "0x0183cd450eec6123df780383c12130bb65441f2b11f54688cc70010000208915cf70010000010000000a1027000000010000000000000000f0576482f70a94edbd894319a086b4bfc00da9bfb3def6c45ecaa4d799ecc6d7539caa2770157b5ecebaebdab8539c4e61e1a3a955145dd5a611b03c80d9469a1c"
  ]
}"#,
                result: r#"[{"name": "0x54333ca647fa7e9bb50bdd68123bfcde4ad6261e3d036557e8a5ecb62d81fcd1"}]"#,
            },
            Example {
                params: r#"{"submissions": ["0x0102"]}"#,
                result: r#"[{"refused": "not a submission: malformed: Unexpected length of input"}]"#,
            },
        ],
    };

    fn count(&self) -> u64 {
        u64::try_from(self.submissions.len()).unwrap_or(u64::MAX)
    }
}
