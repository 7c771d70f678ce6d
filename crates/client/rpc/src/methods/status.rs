//! `status`: how a validator stands.

use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::Fixed;
use serde::{Deserialize, Serialize};
/// Asks how the validator stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusParams {}

/// How a validator stands. Heights and numbers are counts of blocks, times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReply {
    /// The network, as every signature begins.
    pub network: String,
    /// Its number; none for one that has no seat and is to have none.
    pub validator: Option<u16>,
    /// The epoch of the newest block.
    pub epoch: u64,
    /// Whether it has a seat in that epoch.
    pub seated: bool,
    /// Validators that it cannot reach: no address is known, or there is no room until it starts again.
    pub unreached: Vec<u16>,
    /// Other validators of the epoch that it hears.
    pub heard: Vec<u16>,
    /// Validators that make a quorum.
    pub validators_needed: u64,
    /// For how long it has executed no block, by its own clock.
    pub since_block_ms: u64,
    /// How prices stand.
    pub oracles: Vec<OracleStatus>,
    /// The newest block executed; none before the first.
    pub height: Option<u64>,
    /// Its time, since 1970.
    pub time: Option<i64>,
    /// The root over all records after it.
    pub state_root: Option<Fixed<32>>,
    /// The highest block known to be final.
    pub finalised: u64,
    /// Submissions that wait for a block.
    pub waiting: u64,
    /// Their bytes.
    pub waiting_bytes: u64,
    /// Why it goes no further, if so.
    pub halted: Option<String>,
    /// Why it signs nothing more, if so.
    pub signing_stopped: Option<String>,
    /// The engine's round: the epoch in the upper 32 bits, the view in the lower.
    pub round: u64,
    /// The engine's view in the epoch.
    pub view: u64,
    /// Views that ended with a block.
    pub views_finalised: u64,
    /// Views that ended without.
    pub views_skipped: u64,
    /// Votes seen that contradict another of the same validator (equivocation).
    pub contradictions: u64,
}

/// How the prices of an underlying stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OracleStatus {
    /// Which underlying.
    pub underlying: u16,
    /// Its name.
    pub name: String,
    /// What they allow: `normal`, `caution`, `reduce_only` or `frozen`.
    pub mode: String,
    /// Block time since its index was formed, in milliseconds; none if it never was.
    pub age_ms: Option<i64>,
}

const ID: Shape = Shape::Number { bits: 16 };
const COUNT: Shape = Shape::Number { bits: 64 };
const ORACLE: &[Field] = &[
    Field::required("underlying", ID, "which underlying"),
    Field::required("name", Shape::Text, "its name"),
    Field::required(
        "mode",
        Shape::Text,
        "what its prices allow: normal, caution, reduce_only, frozen",
    ),
    Field::required(
        "age_ms",
        Shape::Nullable(&Shape::Signed),
        "milliseconds of block time since its index was formed",
    ),
];
const REPLY: &[Field] = &[
    Field::required("network", Shape::Text, "the network, as every signature begins"),
    Field::required("validator", Shape::Nullable(&ID), "its number; null without a seat"),
    Field::required("epoch", COUNT, "the epoch of the newest block"),
    Field::required("seated", Shape::Boolean, "whether it has a seat in that epoch"),
    Field::required("unreached", Shape::List(&ID), "validators that it cannot reach"),
    Field::required("heard", Shape::List(&ID), "other validators of the epoch that it hears"),
    Field::required("validators_needed", COUNT, "validators that make a quorum"),
    Field::required("since_block_ms", COUNT, "milliseconds in which it has executed no block"),
    Field::required("oracles", Shape::List(&Shape::Object(ORACLE)), "how prices stand"),
    Field::required("height", Shape::Nullable(&COUNT), "the newest block executed"),
    Field::required("time", Shape::Nullable(&Shape::Signed), "its time, milliseconds since 1970"),
    Field::required(
        "state_root",
        Shape::Nullable(&Shape::Fixed(32)),
        "the root over all records after it",
    ),
    Field::required("finalised", COUNT, "the highest block known to be final"),
    Field::required("waiting", COUNT, "submissions that wait for a block"),
    Field::required("waiting_bytes", COUNT, "their bytes"),
    Field::required("halted", Shape::Nullable(&Shape::Text), "why it goes no further"),
    Field::required("signing_stopped", Shape::Nullable(&Shape::Text), "why it signs nothing more"),
    Field::required(
        "round",
        COUNT,
        "the engine's round: epoch in the upper 32 bits, view in the lower",
    ),
    Field::required("view", COUNT, "the engine's view in the epoch"),
    Field::required("views_finalised", COUNT, "views that ended with a block"),
    Field::required("views_skipped", COUNT, "views that ended without"),
    Field::required("contradictions", COUNT, "votes seen that contradict another: equivocation"),
];

impl Method for StatusParams {
    type Reply = StatusReply;

    const ROW: Row = Row {
        name: "status",
        summary: "Returns how the validator stands: network, height, root, epoch, seat, prices, what waits, whether it signs.",
        details: "",
        door: Door::Clients,
        params: &[],
        result: Shape::Object(REPLY),
        proof: "Nothing: it is what this node says of itself.",
        errors: &[],
        cost: Cost::Each(1),
        examples: &[Example {
            params: r#"{}"#,
            result: r#"{
  "contradictions": 0,
  "epoch": 2,
  "finalised": 141,
  "halted": null,
  "heard": [
    2,
    3,
    4
  ],
  "height": 140,
  "network": "novation-devnet@931ec607407a561608b082c0cb374751",
  "oracles": [
    {
      "age_ms": 0,
      "mode": "normal",
      "name": "USDC",
      "underlying": 0
    },
    {
      "age_ms": 0,
      "mode": "normal",
      "name": "BTC",
      "underlying": 1
    },
    {
      "age_ms": 0,
      "mode": "normal",
      "name": "ETH",
      "underlying": 2
    }
  ],
  "round": 8589934634,
  "seated": true,
  "signing_stopped": null,
  "since_block_ms": 58,
  "state_root": "0xe35a4056982babfd9b89fb6e66a700988130d4782ffd51d9955545aab1f38d87",
  "time": 1583979540000,
  "unreached": [],
  "validator": 1,
  "validators_needed": 3,
  "view": 42,
  "views_finalised": 141,
  "views_skipped": 1,
  "waiting": 138,
  "waiting_bytes": 78086
}"#,
        }],
    };
}
