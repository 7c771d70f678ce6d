//! Hostile bytes for every decoder, and hostile commands for the machine.
//!
//! A [`Target`] takes any bytes. Beside not panicking it asserts what decoding promises: what is accepted is inside its
//! limits and encodes to the very bytes it came from. [`TARGETS`] lists them; two things feed them:
//!
//! - [`campaign`]: mutations of real encodings from a printed seed, on the stable compiler, in continuous integration;
//! - `fuzz/` at the root of the repository: libFuzzer, led by coverage, for as long as one likes.
//!
//! **Invariant:** a target depends on its bytes alone, so a failing input fails again.

pub mod campaign;
mod codec;
mod command_line;
mod data;
mod following;
mod founded;
#[path = "../../../core/protocol/tests/conformance/generate.rs"]
#[expect(dead_code, reason = "the names of variants are for the conformance tests")]
mod generate;
#[path = "../../../core/machine/tests/suite/common.rs"]
#[expect(dead_code, reason = "the tests of the machine ask more of the house")]
mod house;
mod mutate;
#[path = "../../../client/light/tests/suite/network.rs"]
mod network;
mod parts;
#[path = "../../../core/protocol/tests/conformance/random.rs"]
mod random;
mod rpc_request;
mod signed;
mod state;
mod store_files;
mod text;

/// What a decoder says to an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is a value.
    Accepted,
    /// It is not.
    Refused,
}

impl Answer {
    fn of<T, E>(result: &Result<T, E>) -> Self {
        if result.is_ok() { Self::Accepted } else { Self::Refused }
    }
}

/// A decoder, and what is asserted of it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also that of its file below `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Gives it bytes; panics if it breaks a promise.
    pub run: fn(&[u8]) -> Answer,
    /// Inputs to begin with, each of which is accepted.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// One input costs as much as this many of the cheap ones.
    pub cost: u64,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "block", run: codec::block, seeds: codec::blocks, cost: 2 },
    Target { name: "transaction", run: codec::transaction, seeds: codec::transactions, cost: 1 },
    Target { name: "header", run: codec::header, seeds: codec::headers, cost: 1 },
    Target { name: "event", run: codec::event, seeds: codec::events, cost: 1 },
    Target { name: "receipt", run: codec::receipt, seeds: codec::receipts, cost: 1 },
    Target { name: "book_part", run: parts::book_part, seeds: parts::book_parts, cost: 10 },
    Target { name: "event_part", run: parts::event_part, seeds: parts::event_parts, cost: 20 },
    Target { name: "record_key", run: state::record_key, seeds: state::record_keys, cost: 1 },
    Target { name: "record", run: state::record, seeds: state::records, cost: 1 },
    Target { name: "genesis", run: state::genesis, seeds: state::genesises, cost: 4 },
    Target { name: "snapshot", run: state::snapshot, seeds: state::snapshots, cost: 20 },
    Target { name: "commands", run: state::commands, seeds: state::command_lists, cost: 40 },
    Target { name: "log_entry", run: store_files::entry, seeds: store_files::entries, cost: 1 },
    Target { name: "log_file", run: store_files::log, seeds: store_files::logs, cost: 40 },
    Target {
        name: "snapshot_header",
        run: store_files::snapshot_header,
        seeds: store_files::snapshot_headers,
        cost: 1,
    },
    Target { name: "proof", run: store_files::proof, seeds: store_files::proofs, cost: 5 },
    Target { name: "submission", run: signed::submission, seeds: signed::submissions, cost: 20 },
    Target {
        name: "rpc_request",
        run: rpc_request::request,
        seeds: rpc_request::requests,
        cost: 2,
    },
    Target { name: "step", run: following::step, seeds: following::signed_steps, cost: 20 },
    Target { name: "answer", run: following::answer, seeds: following::answers, cost: 40 },
    Target {
        name: "trust_text",
        run: following::trust_text,
        seeds: following::trust_texts,
        cost: 4,
    },
    Target {
        name: "genesis_text",
        run: founded::genesis_text,
        seeds: founded::genesis_texts,
        cost: 40,
    },
    Target { name: "unit_text", run: text::units, seeds: text::unit_texts, cost: 2 },
    Target { name: "account_text", run: text::account, seeds: text::account_texts, cost: 1 },
    Target { name: "time_text", run: text::time, seeds: text::time_texts, cost: 1 },
    Target { name: "command_line", run: command_line::run, seeds: command_line::seeds, cost: 20 },
    Target { name: "trade_bars", run: data::trade_bars, seeds: data::trade_rows, cost: 4 },
    Target { name: "quote_bars", run: data::quote_bars, seeds: data::quote_rows, cost: 4 },
    Target { name: "option_chains", run: data::chains, seeds: data::chain_rows, cost: 4 },
    Target { name: "order_flow", run: data::order_flow, seeds: data::flow_rows, cost: 4 },
    Target { name: "book_depth", run: data::book_depth, seeds: data::depth_rows, cost: 10 },
    Target { name: "funding", run: data::funding, seeds: data::funding_rows, cost: 4 },
    Target { name: "compressed", run: data::compressed, seeds: data::archives, cost: 10 },
    Target { name: "manifest", run: data::manifest, seeds: data::manifests, cost: 40 },
];

/// Gives bytes to the target of a name.
///
/// # Panics
///
/// If the target breaks a promise, or there is none of that name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of that name");
    (target.run)(bytes);
}
