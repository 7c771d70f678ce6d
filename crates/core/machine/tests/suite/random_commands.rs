//! A million commands that may be anything, through crashes and an expiry: nothing is created, nothing is lost, nothing
//! panics, and a machine restored from a snapshot goes on exactly as the one that never stopped.

use super::common::{BTC, ETH, HOUR, House, SIGNERS, START, anything, deposit, dollars, hostile};
use governance::Definition;
use machine::{Machine, ParameterGenesis, Write};
use protocol::{
    Change, Command, Contract, Event, Instrument, InstrumentId, ParameterId, Receipt, Transaction,
    ValidatorId,
};
use random::Random;
use std::collections::BTreeMap;

/// Commands of one run; the whole test sends over a million.
const BLOCKS: u64 = 1_100;
const COMMANDS: u64 = 250;
/// One command in this many is one that no honest client sends.
const HOSTILE: u64 = 60;
/// One command in this many is a signer's who means it.
const GOVERNING: u64 = 150;
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

/// Returns what a signer means: an approval of what is open, or a change of a value, a listing, or one that comes to nothing.
fn governing(random: &mut Random, house: &House) -> Transaction {
    let mut pick = |count: usize| {
        usize::try_from(random.below(u64::try_from(count.max(1)).expect("small"))).expect("small")
    };
    let sender = SIGNERS[pick(3)];
    let open: Vec<_> =
        house.machine.state().council.open().map(|(id, held)| (id, held.change)).collect();
    if !open.is_empty() && pick(3) > 0 {
        let (proposal, change) = open[pick(open.len())];
        return Transaction { sender, command: Command::Approve { proposal, change } };
    }
    let values = [
        (None, ParameterId::LiquidationBuffer),
        (None, ParameterId::FundingProvision),
        (Some(BTC), ParameterId::TakerFee),
        (Some(BTC), ParameterId::ShortOptionInitial),
        (Some(BTC), ParameterId::CollateralHaircut),
    ];
    let (underlying, parameter) = values[pick(values.len())];
    let defined = Definition::of(parameter).expect("defined");
    // A tenth more, or less: within its bounds, and once it waits and once it does not.
    let value = [defined.default / 10 * 11, defined.default / 10 * 9, defined.default][pick(3)];
    let change = match pick(8) {
        0 => Change::ListInstrument(Instrument {
            // One that the generator of orders knows, and a second time it is in use.
            id: InstrumentId::new(99),
            underlying: BTC,
            contract: Contract::Future {
                expires_at: units::BlockTime::from_millis(START + 30 * HOUR),
            },
            contract_size: units::Quantity::from_nanos(10_000_000),
            tick: units::Price::from_micros(500_000),
        }),
        1 => Change::ResumeInstrument(InstrumentId::new(1)),
        2 => Change::ReleaseValidator(ValidatorId::new(1)),
        _ => Change::SetParameter { parameter, underlying, value },
    };
    Transaction { sender, command: Command::Propose { change } }
}

/// Seats are another test's: those who are given one here report nothing, and everything would stand still.
fn leaves_seats(transaction: &Transaction) -> bool {
    let Command::Propose { change } = transaction.command else { return true };
    !matches!(change, Change::SeatValidator { .. } | Change::UnseatValidator(_))
}

/// Returns a house whose changes wait for an hour, the least there can be.
fn governed() -> House {
    House::with(|genesis| {
        // Prices are as fresh as blocks are long, so that contracts end in the time of a run.
        for (underlying, parameter, value) in [
            (None, ParameterId::Timelock, 3_600_000),
            (Some(BTC), ParameterId::StaleAfter, 40_000),
            (Some(ETH), ParameterId::StaleAfter, 40_000),
        ] {
            genesis.parameters.push(ParameterGenesis { underlying, parameter, value });
        }
    })
}

/// Runs a seed; counts refusals by code and events by name.
fn run(seed: u64) -> (u64, BTreeMap<u16, u64>, BTreeMap<&'static str, u64>) {
    let _reproduce = Reproduce(seed);
    let mut house = governed();
    let founded = house.machine.records().expect("encodes");
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
    let mut random = Random::new(seed);
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
            _ if random.below(GOVERNING) == 0 => governing(&mut random, &house),
            _ => anything(&mut random, &mut client, &house),
        };
        let transactions: Vec<_> = (0..count).map(|_| command()).filter(leaves_seats).collect();
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
                Event::Filled { instrument, .. } if instrument.get() == 99 => "filled the listed",
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
                Event::Enacted { change: Change::ListInstrument(_), .. } => "listed",
                Event::Enacted { change: Change::SetParameter { .. }, .. } => "set",
                Event::NotEnacted { .. } => "not enacted",
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
    for name in [
        "filled",
        "liquidated",
        "called",
        "expired",
        "funded",
        "variation",
        "cancelled",
        "mode",
        "listed",
        "set",
        "not enacted",
        "filled the listed",
    ] {
        assert!(events.get(name).is_some_and(|count| *count > 0), "{name} never happened");
    }
    for code in [1, 2, 40, 41, 45, 70, 90, 91, 93, 95, 96, 100, 101, 102, 105, 106] {
        assert!(refusals.contains_key(&code), "refusal {code} never happened");
    }
}
