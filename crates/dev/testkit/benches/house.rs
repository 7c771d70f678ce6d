//! Commands a second of the whole house on one core: the machine alone, and with the state root of every block.
//!
//! `cargo bench -p testkit --bench house`; without `--bench` each measurement runs once on little, so that it never rots.
//! Prints JSON lines; `ratio` compares with the line named by `vs`. Where the system counts processor time, that is what
//! a second is: time of all threads of the process, so a second core does not help and a busy neighbour does not hurt.
#![expect(clippy::print_stdout, reason = "results of a bench")]

use book::OrderBook as _;
use machine::Machine;
use protocol::{AccountId, Block, Command, Receipt, Transaction, codec};
use std::time::{Duration, Instant};
use store::{QmdbCommitment, StateCommitment as _};
use testkit::traffic::{Size, Traffic};
use units::BlockTime;

const SEED: u64 = 1;

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let size = match measured {
        true => Size { accounts: 2_000, commands: 10_000, blocks: 60 },
        false => Size { accounts: 50, commands: 100, blocks: 3 },
    };
    let traffic = Traffic::generate(size, SEED);
    let commands = f64::from(size.commands) * f64::from(size.blocks);

    let mut machine = traffic.opened();
    let alone = time(&traffic.blocks, |block| drop(machine.apply(block).expect("follows")));
    let alone = commands / alone.as_secs_f64();
    report("machine::mixed_flow", alone, None);

    let (mut machine, mut commitment) = committed(&traffic);
    let rooted = time(&traffic.blocks, |block| {
        let writes = machine.apply(block).expect("follows").writes;
        let writes: Vec<_> = writes.into_iter().map(|write| (write.key, write.record)).collect();
        let height = u64::try_from(block.height.blocks()).expect("heights are positive");
        commitment.commit(height, &writes).expect("the tree takes the writes");
    });
    let rooted = commands / rooted.as_secs_f64();
    report("machine::mixed_flow_with_state_root", rooted, Some(("machine::mixed_flow", alone)));
    report("machine::accounts_with_open_orders", open_orders(&traffic), None);
    describe(&traffic);
}

/// Returns how many accounts' open orders a second are margined: what a block without commands takes, less what it takes
/// once all orders are cancelled.
fn open_orders(traffic: &Traffic) -> f64 {
    let mut machine = traffic.opened();
    for block in &traffic.blocks {
        machine.apply(block).expect("follows");
    }
    let template = traffic.blocks.last().expect("there are blocks");
    let next = |machine: &mut Machine, transactions: Vec<Transaction>| {
        let state = machine.state();
        let height = state.height.next().expect("heights suffice");
        let time = BlockTime::from_millis(state.time.millis() + 100);
        let block = Block { height, time, transactions, ..template.clone() };
        let started = Instant::now();
        machine.apply(&block).expect("follows");
        started.elapsed()
    };
    let with = (0..20).map(|_| next(&mut machine, Vec::new())).min().unwrap_or_default();
    let accounts = machine.state().accounts.iter();
    let owners: Vec<AccountId> = accounts
        .filter(|(_, account)| !account.orders().is_empty())
        .map(|(_, account)| account.id)
        .collect();
    let all = owners.iter().map(|id| Transaction {
        sender: id.owner,
        command: Command::MassCancel { sub: id.sub, instrument: None },
    });
    next(&mut machine, all.collect());
    let without = (0..20).map(|_| next(&mut machine, Vec::new())).min().unwrap_or_default();
    let counted = u32::try_from(owners.len()).map_or(f64::MAX, f64::from);
    counted / with.saturating_sub(without).as_secs_f64().max(1e-9)
}

/// Returns the machine and the tree after the opening.
fn committed(traffic: &Traffic) -> (Machine, QmdbCommitment) {
    let (mut machine, writes) = Machine::found(&traffic.genesis).expect("the genesis is sound");
    let mut commitment = QmdbCommitment::temporary(&std::env::temp_dir())
        .expect("a temporary directory can be made");
    let mut commit = |height: u64, writes: Vec<machine::Write>| {
        let writes: Vec<_> = writes.into_iter().map(|write| (write.key, write.record)).collect();
        commitment.commit(height, &writes).expect("the tree takes the writes");
    };
    commit(0, writes);
    for (height, block) in (1..).zip(&traffic.opening) {
        commit(height, machine.apply(block).expect("follows").writes);
    }
    (machine, commitment)
}

/// Returns the processor time of applying some blocks, or the wall's where the system does not say.
fn time(blocks: &[Block], mut apply: impl FnMut(&Block)) -> Duration {
    let (started, before) = (Instant::now(), processor_time());
    for block in blocks {
        apply(block);
    }
    let spent = before.zip(processor_time()).map(|(before, after)| after.saturating_sub(before));
    spent.filter(|spent| !spent.is_zero()).unwrap_or_else(|| started.elapsed())
}

/// Returns the processor time that this process has used, in the system's ticks of ten milliseconds.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may hold blanks; it ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

fn report(name: &str, per_second: f64, vs: Option<(&str, f64)>) {
    let (vs, ratio) = match vs {
        Some((vs, other)) => (format!("\"{vs}\""), format!("{:.4}", per_second / other)),
        None => ("null".into(), "null".into()),
    };
    println!(
        "{{\"name\":\"{name}\",\"value\":{per_second:.0},\"unit\":\"per_s\",\"vs\":{vs},\"ratio\":{ratio}}}"
    );
}

/// Says what the traffic was, so that the figure can be judged.
fn describe(traffic: &Traffic) {
    let mut machine = traffic.opened();
    let (mut refused, mut events, mut writes, mut bytes) = (0, 0, 0, 0);
    for block in &traffic.blocks {
        let outcome = machine.apply(block).expect("follows");
        let refusals = outcome.receipts.iter().filter(|r| matches!(r, Receipt::Refused(_)));
        refused += refusals.count();
        events += outcome.events.len();
        writes += outcome.writes.len();
        bytes += codec::encode(block).expect("encodes").len();
    }
    let blocks = traffic.blocks.len();
    let resting: usize = machine.state().markets.values().map(|market| market.book.len()).sum();
    eprintln!(
        "a block: {} commands in {} bytes, {} refused, {} events, {} records; {resting} orders rest",
        traffic.blocks.first().map_or(0, |block| block.transactions.len()),
        bytes / blocks,
        refused / blocks,
        events / blocks,
        writes / blocks,
    );
}
