//! What a validator tells over HTTP: JSON-RPC for clients and operators, metrics and health for machines.
//!
//! Bytes are hexadecimal with `0x`, in the encodings of the `protocol`, `mempool` and `light` crates. Nothing that is
//! answered needs to be believed: blocks come with headers, headers with certificates, records with proofs.
//!
//! **Invariant:** whatever is sent to the port, memory and tasks stay bounded: connections, bytes on their way and work
//! are counted, for each address and for all; requests are limited in size and in time. No page of a browser calls it
//! that was not allowed to, and reports of prices are taken at the operator's own door alone.
//!
//! **Left out:** encryption and accounts. The port listens on the local machine unless it is told otherwise; in front of
//! the public belongs a proxy.

mod connection_limit;
mod methods;
mod metrics;
mod origin_policy;
mod rate_limit;
mod serve;
mod write_timeout;

pub use origin_policy::OriginPolicy;
pub use serve::{Metrics, serve, serve_operator};
