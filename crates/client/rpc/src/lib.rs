//! The JSON-RPC interface of a validator, for both sides: one table of methods with typed parameters and results.
//!
//! Each file of `methods` has one method: its parameters, its result, and its [`Row`], which says in words what comes back,
//! in which units, what proves it, when it is refused, what it costs, and shows a call as a network answered it. From the
//! rows come what the server dispatches on ([`Call`]), the OpenRPC document ([`openrpc`], which `rpc.discover` answers),
//! and the reference, `docs/reference/rpc.md`.
//!
//! ```
//! use rpc::{Door, FollowParams, FollowReply, Request};
//!
//! // A client asks,
//! let asked = rpc::request(7, &FollowParams { height: 12 })?;
//! // a server reads the request, answers,
//! let Request { id, call } = Request::read(asked.as_bytes(), Door::Clients).unwrap();
//! assert_eq!(call, FollowParams { height: 12 }.into());
//! let answer = rpc::answered(&id, &FollowReply { height: 12 });
//! // and the client reads the result.
//! let reply = rpc::response::<FollowParams>(answer.as_bytes())?;
//! assert_eq!(reply.height, 12);
//!
//! // A bad parameter is named.
//! let bad = br#"{"id": 7, "method": "follow", "params": {"height": "high"}}"#;
//! let refused = Request::read(bad, Door::Clients).unwrap_err();
//! assert_eq!(refused.error.kind(), Some(rpc::ErrorCode::InvalidParams));
//! assert!(refused.error.message.starts_with("'height': "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A method with a proof of its own touches six files: what is proved and how it is checked (`light/answer.rs`), who makes
//! the answer (`replica/answers/node.rs`), its parameters and row (`rpc/methods/NAME.rs`), the table (`rpc/methods.rs`), and who
//! serves it (`gateway/methods.rs`, `gateway/methods/answers.rs`). `cargo x bless` renews the reference.
//!
//! **Invariant:** whatever is sent, a request takes no more memory than its own bytes, and what is refused is named.
//!
//! **Left out:** connections and HTTP: `gateway` serves, and a client brings its own.

mod envelope;
mod error;
mod method;
mod methods;
mod openrpc;
mod shape;
mod wire;

pub use envelope::{Id, Refused, Request, ResponseError, answered, refused, request, response};
pub use error::{ERRORS, Error, ErrorCode, ErrorRow};
pub use method::{Cost, Door, Example, Method, Row};
pub use methods::{
    AnchorParams, AnchorReply, AnswerParams, BlockReply, BlocksParams, Call, ChunkParams,
    DiscoverParams, EvidenceParams, EvidenceReply, FeedParams, FillParams, FollowParams,
    FollowReply, GenesisParams, GenesisReply, GreeksParams, HeaderParams, HeaderReply,
    OracleStatus, OrderParams, PieceReply, Proved, ReceiptParams, SignatureReport, SnapshotParams,
    SnapshotReply, StatusParams, StatusReply, StepsParams, StepsReply, SubmissionPlace,
    SubmitParams, Submitted, TreeParams,
};
pub use openrpc::openrpc;
pub use shape::{Field, Shape};
pub use wire::{Bytes, Fixed, SUBMISSIONS_MAX};
