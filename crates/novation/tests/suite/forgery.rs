//! Logs that somebody has rewritten with every checksum right.

use crate::support::{BLOCKS, copy, forge, genesis, house, run, snapshot};
use machine::{Genesis, Machine};
use protocol::{Block, Command, Grant, Hash, Header, Signer, codec};
use std::fs;
use std::path::Path;
use store::{SnapshotHeader, Snapshots, decode_snapshot_header};
use units::{Amount, BlockTime};

/// Doubles the first deposit of a block.
fn enrich(block: &mut Block) {
    for transaction in &mut block.transactions {
        if let Command::Deposit { amount, .. } = &mut transaction.command {
            *amount = Amount::from_minor(amount.minor() * 2);
            return;
        }
    }
    panic!("no deposit in block {}", block.height);
}

fn body_of(block: &Block) -> Hash {
    block.body_hash().expect("a body")
}

#[test]
fn every_field_of_a_header_is_compared() {
    let later = |time: BlockTime| BlockTime::from_millis(time.millis() + 1);
    let other = Hash::of("test", b"forged");
    type Change = Box<dyn FnOnce(&mut Header, &mut Block)>;
    let granted = move |block: &mut Block| {
        let sender = block.transactions.first().expect("a transaction").sender;
        let (signer, expires_at) = (Signer::Owner, later(block.time));
        let grant = Grant { owner: sender, signer, nonce: 1, expires_at, count: 1, shown: None };
        block.grants.push(grant);
    };
    let changes: [(&str, &str, Change); 9] = [
        (
            "height",
            "height in the header",
            Box::new(|header, _| header.height = header.height.next().unwrap()),
        ),
        (
            "block",
            "height in the block",
            Box::new(|_, block| block.height = block.height.next().unwrap()),
        ),
        ("time", "time", Box::new(move |header, _| header.time = later(header.time))),
        ("parent", "parent hash", Box::new(move |header, _| header.parent = other)),
        ("body", "body hash", Box::new(|_, block| drop(block.transactions.pop()))),
        ("grant", "body hash", Box::new(move |_, block| granted(block))),
        (
            "receipts",
            "hash of receipts and events",
            Box::new(move |header, _| header.receipts = other),
        ),
        ("root", "state root", Box::new(move |header, _| header.state_root = other)),
        (
            "past",
            "place in the chain",
            Box::new(|header, block| {
                block.time = BlockTime::from_millis(1);
                header.time = block.time;
            }),
        ),
    ];
    for (name, field, change) in changes {
        let dir = copy(&format!("forged-{name}"));
        forge(&dir, 3, change);
        run("audit {}", &dir)
            .failed(1, &[&format!("block 3 differs: {field}\n"), "on disk", "replay"]);
    }
}

#[test]
fn money_added_to_a_sealed_deposit_is_found_even_if_the_body_hash_is_made_to_fit() {
    let dir = copy("forged-deposit");
    forge(&dir, 1, |_, block| enrich(block));
    run("audit {}", &dir).failed(1, &["block 1 differs: body hash"]);
    let dir = copy("forged-deposit-and-hash");
    forge(&dir, 1, |header, block| {
        enrich(block);
        header.body = body_of(block);
    });
    run("audit {}", &dir).failed(1, &["block 1 differs: hash of receipts and events"]);
}

#[test]
fn a_header_exchanged_for_another_breaks_the_chain_at_the_next_block() {
    let dir = copy("forged-sibling");
    // The last vote is by a validator whose word changes nothing: same receipts, same state, another body.
    forge(&dir, 4, |header, block| {
        block.transactions.clear();
        header.body = body_of(block);
    });
    let ran = run("audit {}", &dir);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(
        ran.out.contains("block 4 differs") || ran.out.contains("block 5 differs: parent hash"),
        "{}",
        ran.out
    );
}

#[test]
fn a_root_that_differs_where_a_snapshot_stands_names_the_record_or_clears_it() {
    let dir = copy("forged-last-root");
    forge(&dir, BLOCKS, |header, _| header.state_root = Hash::of("test", b"forged"));
    run("audit {}", &dir)
        .failed(1, &["block 20 differs: state root", "all records under the state root agree"]);
}

/// Puts another state into the snapshot of a house, under the right root and with every checksum right.
fn forge_snapshot(dir: &Path, state: &[u8]) {
    let file = snapshot(dir);
    let bytes = fs::read(&file).expect("a snapshot");
    let header: SnapshotHeader = decode_snapshot_header(&bytes).expect("a snapshot");
    fs::remove_file(&file).expect("removable");
    let snapshots =
        Snapshots::open(&dir.join("snapshots"), genesis(dir).bytes()).expect("a directory");
    snapshots.write(&header.checkpoint, |out| out.write_all(state)).expect("written");
}

/// Returns what a house was founded on.
fn founded(dir: &Path) -> Genesis {
    let bytes = fs::read(dir.join("genesis")).expect("a genesis");
    codec::decode(&bytes, bytes.len()).expect("a genesis")
}

#[test]
fn a_forged_snapshot_names_the_record_that_differs() {
    let dir = copy("forged-snapshot");
    let (machine, _) = Machine::found(&founded(house())).expect("founded");
    forge_snapshot(&dir, &machine.snapshot().expect("a state"));
    run("audit {}", &dir).failed(
        1,
        &[
            "block 20 differs: state in the snapshot",
            "the first record that differs is the block",
            "on disk, height: 0",
            "replay,  height: 20",
        ],
    );
    forge_snapshot(&dir, b"not a state");
    run("audit {}", &dir)
        .failed(1, &["block 20 differs: state in the snapshot", "the snapshot is not a state"]);
}

#[test]
fn a_snapshot_in_which_the_council_alone_differs_names_the_council() {
    let dir = copy("forged-council");
    let snapshots =
        Snapshots::open(&dir.join("snapshots"), genesis(&dir).bytes()).expect("a directory");
    let mut state = snapshots.read(BLOCKS).expect("a snapshot").state;
    let (machine, _) = Machine::found(&founded(&dir)).expect("founded");
    let (signers, _) = machine.state().council.signers();
    let signers = codec::encode(signers).expect("signers");
    // Behind the version of the encoding.
    let signers = &signers[1..];
    let at = state.windows(signers.len()).position(|held| held == signers).expect("the signers");
    // The last digits of the last signer: somebody else, still in order.
    state[at + signers.len() - 1] ^= 1;
    forge_snapshot(&dir, &state);
    run("audit {}", &dir).failed(
        1,
        &[
            "block 20 differs: state in the snapshot",
            "the first record that differs is the block",
            "the next record that differs is the council",
        ],
    );
}
