//! What the machine reads: its genesis, its snapshots, its records, and commands that may be poison.

use crate::Answer;
use crate::codec::canonical;
use crate::generate::Generate;
use crate::house::{House, SIGNERS, anything, deposit, dollars, genesis as sample, hostile};
use crate::random::Random;
use machine::{
    AccountRecord, BlockRecord, Genesis, Machine, MarketRecord, OwnerRecord, StateKey,
    ThresholdsRecord, UnderlyingRecord,
};
use protocol::codec::{decode, encode};
use protocol::{Block, Change, Command, Event, InstrumentId, ParameterId, Transaction, limits};
use sessions::Session;
use std::sync::OnceLock;
use units::{BlockTime, Price};

/// A house that has traded: orders rest, positions are open, options have marks.
#[derive(Debug)]
struct Traded {
    snapshot: Vec<u8>,
    now: i128,
    btc: i128,
    eth: i128,
    /// Encoded lists of commands that such a house has been sent.
    lists: Vec<Vec<u8>>,
    records: Vec<(StateKey, Vec<u8>)>,
}

fn traded() -> &'static Traded {
    static TRADED: OnceLock<Traded> = OnceLock::new();
    TRADED.get_or_init(|| {
        let mut house = House::new();
        let (mut random, mut client) = (::random::Random::new(0x5EED), 1_000);
        house.apply(1, (1..=24).map(|number| deposit(number, 0, dollars(15_000))).collect());
        let mut lists = Vec::new();
        let mut records = Vec::new();
        for _ in 0..24 {
            let commands: Vec<Transaction> =
                (0..40).map(|_| anything(&mut random, &mut client, &house)).collect();
            lists.push(encode(&commands[..8].to_vec()).expect("encodes"));
            for write in house.apply(3, commands).writes {
                let key = decode(&write.key, limits::BLOCK_BYTES_MAX).expect("a key");
                records.extend(write.record.map(|record| (key, record)));
            }
        }
        let governed = [
            Command::Propose {
                change: Change::SetParameter {
                    parameter: ParameterId::Timelock,
                    underlying: None,
                    value: i64::MAX,
                },
            },
            Command::Pause { instrument: InstrumentId::new(1) },
            Command::Propose { change: Change::DrillInstrument(InstrumentId::new(2)) },
        ];
        let governed = governed.map(|command| Transaction { sender: SIGNERS[0], command });
        lists.push(encode(&governed.to_vec()).expect("encodes"));
        let snapshot = house.machine.snapshot().expect("encodes");
        Traded { snapshot, now: house.now, btc: house.btc, eth: house.eth, lists, records }
    })
}

pub(crate) fn record_key(bytes: &[u8]) -> Answer {
    canonical::<StateKey>(bytes)
}

pub(crate) fn record_keys() -> Vec<Vec<u8>> {
    traded().records.iter().map(|(key, _)| encode(key).expect("encodes")).take(200).collect()
}

/// The first byte says what kind of record the others are.
pub(crate) fn record(bytes: &[u8]) -> Answer {
    match bytes.split_first() {
        Some((0, record)) => canonical::<BlockRecord>(record),
        Some((1, record)) => canonical::<AccountRecord>(record),
        Some((2, record)) => canonical::<MarketRecord>(record),
        Some((3, record)) => canonical::<UnderlyingRecord>(record),
        Some((4, record)) => canonical::<units::Amount>(record),
        Some((5, record)) => canonical::<i64>(record),
        Some((6, record)) => canonical::<ThresholdsRecord>(record),
        Some((7, record)) => canonical::<OwnerRecord>(record),
        Some((8, record)) => canonical::<Session>(record),
        Some((9, record)) => canonical::<machine::ValidatorRecord>(record),
        Some((10, record)) => canonical::<machine::CommitteeRecord>(record),
        Some((11, record)) => canonical::<governance::Council>(record),
        Some((12, record)) => canonical::<machine::LiquidityRecord>(record),
        Some((13, record)) => canonical::<machine::CustodyRecord>(record),
        Some((14, record)) => canonical::<machine::Withdrawal>(record),
        _ => Answer::Refused,
    }
}

pub(crate) fn records() -> Vec<Vec<u8>> {
    let kind = |key: &StateKey| match key {
        StateKey::Block => 0,
        StateKey::Account(_) => 1,
        StateKey::Market(_) => 2,
        StateKey::Underlying(_) => 3,
        StateKey::House(..) => 4,
        StateKey::Parameter(..) => 5,
        StateKey::Thresholds(_) => 6,
        StateKey::Owner(_) => 7,
        StateKey::Session(..) => 8,
        StateKey::Validator(_) => 9,
        StateKey::Committee => 10,
        StateKey::Council => 11,
        StateKey::Liquidity(_) => 12,
        StateKey::Custody => 13,
        StateKey::Withdrawal(_) => 14,
    };
    let records = traded().records.iter().take(400);
    records.map(|(key, record)| [&[kind(key)], &record[..]].concat()).collect()
}

/// A genesis has one encoding; a house founded on it is whole and survives a restart.
pub(crate) fn genesis(bytes: &[u8]) -> Answer {
    let answer = canonical::<Genesis>(bytes);
    let Ok(genesis) = decode::<Genesis>(bytes, limits::BLOCK_BYTES_MAX) else { return answer };
    if let Ok((machine, _)) = Machine::found(&genesis) {
        machine.state().check().expect("a new house balances");
        assert_restarts(&machine);
    }
    answer
}

pub(crate) fn genesises() -> Vec<Vec<u8>> {
    let mut seeds = vec![encode(&sample()).expect("encodes")];
    let mut smaller = sample();
    smaller.instruments.truncate(2);
    smaller.underlyings.truncate(1);
    seeds.push(encode(&smaller).expect("encodes"));
    seeds
}

fn assert_restarts(machine: &Machine) {
    let bytes = machine.snapshot().expect("a sound machine encodes");
    let again = Machine::restore(&bytes).expect("what was written is read");
    assert!(again.snapshot().expect("encodes") == bytes, "a restart changed the state");
}

/// A snapshot that is accepted has one encoding, balances, and takes the next block without a panic.
pub(crate) fn snapshot(bytes: &[u8]) -> Answer {
    let Ok(mut machine) = Machine::restore(bytes) else { return Answer::Refused };
    assert!(machine.snapshot().expect("encodes") == bytes, "two encodings of one state");
    machine.state().check().expect("an accepted state balances");
    let Ok(height) = machine.state().height.next() else { return Answer::Accepted };
    let time = BlockTime::from_millis(machine.state().time.millis() + 60_000);
    let block = Block {
        height,
        time,
        votes: Vec::new(),
        offences: Vec::new(),
        transactions: Vec::new(),
        grants: Vec::new(),
    };
    // Whether such a state can go on is not promised; that it answers is.
    drop(machine.apply(&block));
    Answer::Accepted
}

pub(crate) fn snapshots() -> Vec<Vec<u8>> {
    let (fresh, _) = Machine::found(&sample()).expect("the genesis is sound");
    vec![fresh.snapshot().expect("encodes"), traded().snapshot.clone()]
}

/// Commands in a block of a house that has traded: nothing panics, nothing is lost, nothing halts a market, and the
/// machine comes back from a crash to the same answers, before and after the block.
pub(crate) fn commands(bytes: &[u8]) -> Answer {
    let Ok(transactions) = decode::<Vec<Transaction>>(bytes, limits::BLOCK_BYTES_MAX) else {
        return Answer::Refused;
    };
    let Traded { snapshot, now, btc, eth, .. } = traded();
    let machine = Machine::restore(snapshot).expect("restores");
    let mut house = House { machine, now: *now, btc: *btc, eth: *eth };
    let block = house.block(2, transactions);
    let outcome = house.machine.apply(&block).expect("the block follows");
    assert_eq!(outcome.receipts.len(), block.transactions.len());
    house.machine.state().check().expect("the books balance");
    assert_eq!(house.machine.state().house_fault, None);
    for event in &outcome.events {
        assert!(!matches!(event, Event::Halted { .. }), "{event:?} of itself");
        let bytes = encode(event).expect("an event encodes");
        assert_eq!(decode::<Event>(&bytes, limits::BLOCK_BYTES_MAX).as_ref(), Ok(event));
    }
    let mut again = Machine::restore(snapshot).expect("restores");
    assert_eq!(again.apply(&block).expect("the block follows"), outcome, "a replay differs");
    let after = house.machine.snapshot().expect("encodes");
    assert!(again.snapshot().expect("encodes") == after, "a replay differs");
    let mut restarted = Machine::restore(&after).expect("what was written is read");
    let next = house.block(1, Vec::new());
    assert_eq!(
        restarted.apply(&next).expect("the block follows"),
        house.machine.apply(&next).expect("the block follows"),
        "a restart differs"
    );
    Answer::Accepted
}

pub(crate) fn command_lists() -> Vec<Vec<u8>> {
    let mut random = Random::named("commands");
    let mut lists = traded().lists.clone();
    // Generated ones are at the limits of their units more often than not.
    for _ in 0..32 {
        let mut list = Vec::<Transaction>::generate(&mut random);
        for (at, sent) in list.iter_mut().enumerate() {
            let senders = [crate::house::trader(1), crate::house::CUSTODIAN, SIGNERS[1]];
            sent.sender = senders[at % senders.len()];
        }
        lists.push(encode(&list).expect("encodes"));
    }
    let mut random = ::random::Random::new(0xBAD);
    for _ in 0..32 {
        let list: Vec<Transaction> = (0..4).map(|_| hostile(&mut random)).collect();
        lists.push(encode(&list).expect("encodes"));
    }
    let dear = Price::from_micros(Price::LIMIT).micros();
    let order = |price, lots| crate::house::order(1, 7, 1, protocol::Side::Buy, price, lots);
    let edge = vec![order(dear, units::limits::LOTS_MAX), order(-dear, 1), order(500_000, 0)];
    lists.push(encode(&edge).expect("encodes"));
    lists
}
