//! Prints one hash over everything that some blocks of mixed traffic lead to: receipts, events, records and the state.
//!
//! `outcome [SEED]`. Two builds for different processors print the same, or one of them computes something else.
#![expect(clippy::print_stdout, reason = "the hash is what the program is for")]

use protocol::{Hash, codec};
use testkit::traffic::{Size, Traffic};

fn main() {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let traffic = Traffic::generate(Size { accounts: 300, commands: 3_000, blocks: 20 }, seed);
    let mut machine = traffic.opened();
    let mut hash = Hash::default();
    for block in &traffic.blocks {
        let outcome = machine.apply(block).expect("the block follows");
        let (receipts, events) = (outcome.receipts, outcome.events);
        let writes: Vec<_> = outcome.writes.into_iter().map(|w| (w.key, w.record)).collect();
        let said = codec::encode(&(hash, receipts, events, writes)).expect("it encodes");
        hash = Hash::of("outcome", &said);
    }
    let state = machine.snapshot().expect("it encodes");
    println!("outcome {}", Hash::of("outcome", &[hash.bytes().as_slice(), &state].concat()));
}
