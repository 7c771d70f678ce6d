//! A million commands that may be anything, through crashes and an expiry: nothing is created, nothing is lost, nothing
//! panics, and a machine restored from a snapshot goes on exactly as the one that never stopped.

use super::common::{House, Random, anything, deposit, dollars, genesis, hostile};
use machine::{Machine, Write};
use protocol::{Event, Receipt};
use std::collections::BTreeMap;

/// Commands of one run; the whole test sends over a million.
const BLOCKS: u64 = 1_100;
const COMMANDS: u64 = 250;
/// One command in this many is one that no honest client sends.
const HOSTILE: u64 = 60;
/// Blocks that a restored machine is led along.
const FOLLOWED: u32 = 6;

struct Reproduce(u64);

impl Drop for Reproduce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "reproduce: seed {:#x} in crates/core/machine/tests/suite/random_commands.rs",
                self.0
            );
        }
    }
}

/// Runs a seed; counts refusals by code and events by name.
fn run(seed: u64) -> (u64, BTreeMap<u16, u64>, BTreeMap<&'static str, u64>) {
    let _reproduce = Reproduce(seed);
    let mut house = House::new();
    let (_, founded) = Machine::found(&genesis()).expect("the genesis is sound");
    let mut records: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut note = |writes: Vec<Write>| {
        for Write { key, record } in writes {
            match record {
                Some(record) => drop(records.insert(key, record)),
                None => drop(records.remove(&key)),
            }
        }
    };
    note(founded);
    let mut random = Random(seed);
    let (mut client, mut sent) = (1_000, 0);
    let mut restored: Option<(Machine, u32)> = None;
    let (mut refusals, mut events) = (BTreeMap::new(), BTreeMap::new());
    let opening = (1..=24).map(|number| deposit(number, 0, dollars(15_000))).collect();
    note(house.apply(1, opening).writes);
    for _ in 0..BLOCKS {
        // Prices wander, and jump now and then.
        let jump = if random.below(25) == 0 { 12 } else { 600 };
        house.btc += random.between(-house.btc / jump, house.btc / jump);
        house.eth += random.between(-house.eth / jump, house.eth / jump);
        let count = random.below(2 * COMMANDS);
        let mut command = || match random.below(HOSTILE) {
            0 => hostile(&mut random),
            _ => anything(&mut random, &mut client, &house),
        };
        let transactions: Vec<_> = (0..count).map(|_| command()).collect();
        sent += count;
        let seconds = random.between(1, 35);
        let block = house.block(seconds, transactions);
        if random.below(100) == 0 {
            // The machine crashes before the block, comes back and is given the same block, and those that follow.
            let bytes = house.machine.snapshot().expect("encodes");
            restored = Some((Machine::restore(&bytes).expect("restores"), FOLLOWED));
        }
        let outcome = house.machine.apply(&block).expect("the block follows");
        if let Some((again, blocks)) = &mut restored {
            assert_eq!(again.apply(&block).expect("the block follows"), outcome);
            *blocks -= 1;
            if *blocks == 0 {
                assert_eq!(again.snapshot(), house.machine.snapshot());
                restored = None;
            }
        }
        note(outcome.writes.clone());
        house.machine.state().check().expect("the books balance");
        assert_eq!(house.machine.state().house_fault, None);
        for receipt in &outcome.receipts {
            if let Receipt::Refused(refusal) = receipt {
                *refusals.entry(refusal.code()).or_insert(0) += 1;
            }
        }
        for event in &outcome.events {
            let name = match event {
                Event::Filled { .. } => "filled",
                Event::Liquidated { .. } => "liquidated",
                Event::MarginCalled { .. } => "called",
                Event::Expired { .. } => "expired",
                Event::Funded { .. } => "funded",
                Event::VariationPaid { .. } => "variation",
                Event::DebtCovered { .. } => "covered",
                Event::Halted { .. } => "halted",
                Event::ModeChanged { .. } => "mode",
                Event::Cancelled { .. } => "cancelled",
                _ => continue,
            };
            *events.entry(name).or_insert(0) += 1;
        }
    }
    // 0025-BLOCK-016: what all blocks have written is what the state would write.
    let all = house.machine.records().expect("encodes").into_iter();
    let all: BTreeMap<_, _> = all.filter_map(|write| Some((write.key, write.record?))).collect();
    assert_eq!(records, all);
    (sent, refusals, events)
}

#[test]
fn a_million_commands_never_create_or_lose_a_unit() {
    // 0011-LEDG-003, 0013-CLEAR-011, 0025-BLOCK-014, 0025-BLOCK-015
    let (mut sent, mut refusals, mut events) = (0, BTreeMap::new(), BTreeMap::new());
    for seed in [1, 0xBAD_5EED, 0x2020_0312, 7] {
        let (count, refused, happened) = run(seed);
        sent += count;
        refused.into_iter().for_each(|(code, count)| *refusals.entry(code).or_insert(0) += count);
        happened.into_iter().for_each(|(name, count)| *events.entry(name).or_insert(0) += count);
    }
    assert!(sent >= 1_000_000, "only {sent} commands");
    assert_eq!(events.get("halted"), None, "no market halts of itself");
    // A generator that stops reaching a case is a test that stops testing it.
    for name in
        ["filled", "liquidated", "called", "expired", "funded", "variation", "cancelled", "mode"]
    {
        assert!(events.get(name).is_some_and(|count| *count > 0), "{name} never happened");
    }
    for code in [1, 2, 10, 11, 14, 20, 30, 31, 33, 34, 35, 39, 40, 41, 45, 50] {
        assert!(refusals.contains_key(&code), "refusal {code} never happened");
    }
}
