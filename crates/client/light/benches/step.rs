//! What it costs a client to go on by one epoch: the signatures of a quorum, the chain, the proof and the record.
//!
//! `cargo bench -p light`

#[path = "../tests/suite/network.rs"]
#[expect(dead_code, reason = "the tests ask more of the network")]
mod network;

use light::{Step, Trust};
use network::{Plan, quorum, record, validators};

/// Validators of a committee; all four sets of the record are of so many.
const COMMITTEES: [u16; 4] = [4, 10, 50, 100];
/// Records of the state, beside the committee's.
const RECORDS: u32 = 100_000;

fn main() {
    for members in COMMITTEES {
        eprintln!("{members} validators: a step of {} bytes", step(members).1.len());
    }
    divan::main();
}

/// Returns a list of so many validators, and an encoded step from it.
fn step(members: u16) -> (Trust, Vec<u8>) {
    let ids: Vec<u16> = (1..=members).collect();
    let record = record(0, &ids, &ids);
    let (signers, validators) = (quorum(ids.len()), validators(&ids));
    let plan = Plan { members: ids, signers, others: RECORDS, ..Plan::of(0) };
    let step = plan.with(&record).step();
    let trust = Trust { anchor: network::anchor(), epoch: 0, validators };
    (trust, step.encode().expect("within limits"))
}

#[divan::bench(args = COMMITTEES)]
fn follow(bencher: divan::Bencher, members: u16) {
    let (trust, bytes) = step(members);
    bencher.bench(|| {
        let mut trust = trust.clone();
        let step = Step::decode(&bytes).expect("it is one");
        trust.follow(&step).expect("it holds");
        trust
    });
}
