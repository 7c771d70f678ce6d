//! The table of methods: each file has one, and here they come together.

mod anchor;
mod answer;
mod blocks;
mod chunk;
mod discover;
mod evidence;
mod feed;
mod fill;
mod follow;
mod genesis;
mod greeks;
mod header;
mod order;
mod receipt;
mod snapshot;
mod status;
mod steps;
mod submit;
mod tree;

pub use anchor::{AnchorParams, AnchorReply};
pub use answer::AnswerParams;
pub use blocks::{BlockReply, BlocksParams};
pub use chunk::{ChunkParams, PieceReply};
pub use discover::DiscoverParams;
pub use evidence::{EvidenceParams, EvidenceReply};
pub use feed::FeedParams;
pub use fill::FillParams;
pub use follow::{FollowParams, FollowReply};
pub use genesis::{GenesisParams, GenesisReply};
pub use greeks::GreeksParams;
pub use header::{HeaderParams, HeaderReply};
pub use order::OrderParams;
pub use receipt::{ReceiptParams, SubmissionPlace};
pub use snapshot::{SnapshotParams, SnapshotReply};
pub use status::{OracleStatus, StatusParams, StatusReply};
pub use steps::{StepsParams, StepsReply};
pub use submit::{SignatureReport, SubmitParams, Submitted};
pub use tree::TreeParams;

use crate::envelope::{no_method, params};
use crate::error::{Error, ErrorCode};
use crate::method::{Door, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::Bytes;
use serde::{Deserialize, Serialize};

/// Makes the table: for each method its file, its parameters, and its variant of [`Call`].
macro_rules! table {
    ($($call:ident: $file:ident::$params:ident,)+) => {
        /// A call of a method that there is, with its parameters.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Call {
            $(#[doc = concat!("Of `", stringify!($file), "`.")] $call($params),)+
        }

        impl Call {
            /// Every method's row, in the order of the reference.
            pub const ROWS: &[Row] = &[$($params::ROW),+];

            /// Reads the parameters of the method of a name from a request that has come through a door.
            pub(crate) fn read(name: &str, door: Door, request: &[u8]) -> Result<Self, Error> {
                $(if name == $params::ROW.name {
                    at(&$params::ROW, door)?;
                    return params::<$params>(request).map(Self::$call);
                })+
                Err(no_method(name, door))
            }

            /// Returns the row of the method that is called.
            #[must_use]
            pub const fn row(&self) -> Row {
                match self {
                    $(Self::$call(_) => $params::ROW,)+
                }
            }

            /// Returns what the call takes of the rate limit of its address, in units of work.
            #[must_use]
            pub fn cost(&self) -> u32 {
                match self {
                    $(Self::$call(params) => $params::ROW.cost.units(params.count()),)+
                }
            }
        }

        $(impl From<$params> for Call {
            fn from(params: $params) -> Self {
                Self::$call(params)
            }
        })+
    };
}

table! {
    Status: status::StatusParams,
    Submit: submit::SubmitParams,
    Follow: follow::FollowParams,
    Blocks: blocks::BlocksParams,
    Header: header::HeaderParams,
    Answer: answer::AnswerParams,
    Order: order::OrderParams,
    Fill: fill::FillParams,
    Receipt: receipt::ReceiptParams,
    Greeks: greeks::GreeksParams,
    Anchor: anchor::AnchorParams,
    Evidence: evidence::EvidenceParams,
    Steps: steps::StepsParams,
    Genesis: genesis::GenesisParams,
    Snapshot: snapshot::SnapshotParams,
    Chunk: chunk::ChunkParams,
    Tree: tree::TreeParams,
    Discover: discover::DiscoverParams,
    Feed: feed::FeedParams,
}

/// Checks that who came through a door may call a method.
fn at(row: &Row, door: Door) -> Result<(), Error> {
    match door.opens(row.door) {
        true => Ok(()),
        false => Err(Error::new(
            ErrorCode::MethodNotFound,
            "reports of prices are taken at the operator's socket alone",
        )),
    }
}

/// An answer with all that proves it: the encoded `light::Answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// Its bytes, which a file may hold as they are.
    pub answer: Bytes,
}

/// The parameter by which whoever checks an answer says from where he can follow the validators.
const EPOCH: Field = Field::optional(
    "epoch",
    Shape::Nullable(&Shape::Digits { bits: 64 }),
    "the epoch of the asker's list of validators; 0, the network's first, if it is left out",
);
const PROVED_REPLY: Shape =
    Shape::Object(&[Field::required("answer", Shape::Bytes, "the encoded `light::Answer`")]);
const PROVED: &str = "Itself, to whoever has the list of validators of `epoch`: `light::Answer::verify`, `novation verify`.";
const PROVED_ERRORS: &[(ErrorCode, &str)] = &[
    (
        ErrorCode::Unavailable,
        "No block has certified the answer in ten seconds, or it was gone from memory by then: ask again.",
    ),
    (
        ErrorCode::Unavailable,
        "The block, or a step from the validators of `epoch` to those who signed, is not kept here: ask another validator.",
    ),
    (ErrorCode::Unavailable, "The validator has halted."),
];
