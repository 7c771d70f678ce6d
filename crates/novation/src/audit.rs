//! The audit: every block of a log again, from genesis, on a state and a tree of roots that are made for the purpose.
//!
//! For each block, in this order: the entry's checksum, its place in the chain, its time, the hash of its body, that it
//! follows the state, the hash of its receipts and events, the state root, the invariants of the books, and the
//! snapshot at its height if there is one. Then, what stands beside the log: the stored state and what peers fetch it
//! by, and the files of a report. The first difference ends the audit; at its end it says of every file what was checked.
//!
//! **Invariant:** nothing of the house's own state is trusted; the directory is only read.
//!
//! What it leaves out: whether the genesis is the right one, and whether blocks were cut off where no snapshot shows
//! it. Compare the genesis hash and the last root with a source you trust.

mod difference;
mod files;
mod happened;
mod page;
mod remote;
mod summary;
mod tail;

use crate::Verdict;
use crate::cli::AuditArgs;
use crate::progress::{Progress, Unit};
use anyhow::{Context, Result};
use archive::{Archive, SnapshotView, Tree};
use difference::{Difference, records_that_differ, same};
use files::FileTold;
use happened::Happened;
use machine::{Machine, State, Status};
use protocol::codec::{self, DecodeError};
use protocol::{Block, Hash, Header, OutcomeHashes, limits};
use report::RunReport;
use run_report::{Observer, Scenario, scenario};
use std::io::Write;
use std::time::{Duration, Instant};
use store::{LogEntry, LogError};
use summary::Told;
use tail::{Measure, Tail};
use units::utc_text;

pub(crate) use difference::Stop;

/// Runs the audit and prints what it finds.
pub(crate) fn run(args: &AuditArgs, out: &mut dyn Write) -> Result<Verdict> {
    let Some(dir) = &args.dir else { return remote::run(args, out) };
    let archive = Archive::open(dir)?;
    let started = Instant::now();
    match audit(&archive, args.to, args.quiet) {
        Ok(audited) if args.json => {
            page::print(&page::holds(&archive, &audited)?, out)?;
            Ok(Verdict::Holds)
        }
        Ok(audited) => {
            audited.write(&archive, started.elapsed(), out)?;
            Ok(Verdict::Holds)
        }
        Err(Stop::Differs(difference)) => {
            match args.json {
                true => page::print(&page::differs(&difference), out)?,
                false => write!(out, "{difference}")?,
            }
            Ok(Verdict::Differs)
        }
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// An audit that found no difference.
#[derive(Debug)]
struct Audited {
    auditor: Auditor,
    /// The header that the replay began with.
    begun: Header,
    tail: Option<Tail>,
    /// What was checked of each file.
    files: Vec<FileTold>,
}

impl Audited {
    fn new(archive: &Archive, walked: Walked, told: &Told) -> Result<Self, Stop> {
        let Walked { auditor, begun, tail } = walked;
        let from = u64::try_from(begun.height.blocks()).context("a height is not negative")?;
        let made = auditor.report_of(told.block)?;
        let reports = summary::check(archive, told, &auditor, made.as_ref())?;
        let files = files::told(archive, &auditor, from, &reports)?;
        Ok(Self { auditor, begun, tail, files })
    }
}

/// A log that has been replayed.
#[derive(Debug)]
struct Walked {
    auditor: Auditor,
    begun: Header,
    tail: Option<Tail>,
}

/// The report of a log that has been replayed.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// The report.
    pub(crate) report: RunReport,
    /// The root after the last block.
    pub(crate) root: Hash,
    /// Its height.
    pub(crate) height: u64,
    /// What stands behind it in the log and is no block, in words.
    pub(crate) tail: Option<String>,
}

/// Replays a log from its beginning as an audit does, and makes its report.
///
/// # Errors
///
/// The first difference.
pub(crate) fn replay(
    archive: &Archive,
    to: Option<u64>,
    quiet: bool,
    scenario: Scenario,
) -> Result<Replayed, Stop> {
    let Walked { auditor, tail, .. } = walk(archive, (to, quiet), Some(scenario), None)?;
    let report = auditor.report_of(None)?.context("a log that begins with block 0 has a report")?;
    let (root, height) = (auditor.last.state_root, auditor.height);
    Ok(Replayed { report, root, height, tail: tail.map(|tail| tail.to_string()) })
}

fn audit(archive: &Archive, to: Option<u64>, quiet: bool) -> Result<Audited, Stop> {
    let told = Told::read(archive)?;
    let scenario = match Scenario::read(&archive.genesis, archive.dir()) {
        Ok(scenario) => Some(scenario).filter(|_| !told.is_empty()),
        Err(error) => {
            return Err(Difference {
                height: 0,
                field: format!("hash of {}", scenario::FILE),
                log: format!("{:#}", anyhow::Error::from(error)),
                replay: format!("the one that the chain's name {} ends with", archive.genesis.chain),
                cause: "the file was changed or removed after the house was founded; the log is not affected".into(),
                details: Vec::new(),
            }
            .into());
        }
    };
    let walked = walk(archive, (to, quiet), scenario, told.block)?;
    Audited::new(archive, walked, &told)
}

/// Replays a log up to a block, or all of it; with a scenario, a report is made after the block `report_at` on the way.
fn walk(
    archive: &Archive,
    (to, quiet): (Option<u64>, bool),
    scenario: Option<Scenario>,
    report_at: Option<u64>,
) -> Result<Walked, Stop> {
    // Listed before the log is read: a running house syncs its log before it writes a snapshot.
    let snapshots = archive.snapshots()?;
    let mut measure = Measure::of(archive)?;
    let progress = Progress::new("auditing", measure.bytes(), Unit::Bytes, quiet);
    let pruned = archive.first_height()?.filter(|first| *first > 0);
    let from = pruned.map_or(Ok(0), |first| oldest_snapshot(&snapshots, first))?;
    if let Some(to) = to.filter(|to| *to < from) {
        let why = format!("block {to} is pruned: the log can be replayed from block {from} on");
        return Err(Stop::Failed(anyhow::anyhow!(why)));
    }
    // A log without its beginning has entries that are not replayed.
    for entry in archive
        .blocks(pruned.unwrap_or(0))?
        .take_while(|entry| entry.as_ref().is_ok_and(|entry| entry.height < from))
    {
        measure.passed(&entry.map_err(damaged)?);
    }
    let mut reader = archive.blocks(from)?;
    let first = match reader.next() {
        Some(entry) => entry.map_err(damaged)?,
        None => return Err(missing_founding(&measure).into()),
    };
    measure.passed(&first);
    let (mut auditor, begun) = match pruned {
        None => Auditor::found(archive, snapshots, &first, scenario)?,
        Some(_) => Auditor::resume(archive, snapshots, &first)?,
    };
    auditor.report_at = report_at;
    for entry in reader {
        if to == Some(auditor.height) {
            return Ok(Walked { auditor, begun, tail: None });
        }
        let entry = entry.map_err(damaged)?;
        auditor.block(archive, &entry)?;
        measure.passed(&entry);
        progress.at(measure.done());
        progress.say(format!("block {}", entry.height));
    }
    let tail = measure.tail(archive, auditor.height)?;
    auditor.reaches(to)?;
    Ok(Walked { auditor, begun, tail })
}

/// Returns the height of the oldest snapshot whose block is in a log that begins at a height.
fn oldest_snapshot(snapshots: &SnapshotView, first: u64) -> Result<u64> {
    snapshots.heights()?.into_iter().find(|at| *at >= first).with_context(|| {
        format!("the log begins at block {first}, and there is no snapshot to begin from: audit another node")
    })
}

/// What has been replayed so far.
#[derive(Debug)]
struct Auditor {
    machine: Machine,
    commitment: Tree,
    snapshots: SnapshotView,
    /// Heights of snapshots not reached yet, the next one last.
    ahead: Vec<u64>,
    verified: Vec<u64>,
    height: u64,
    last: Header,
    /// What a report of these blocks is made of; absent if none is asked for, or not all of them are replayed.
    observer: Option<Observer>,
    /// After which block a report is made on the way.
    report_at: Option<u64>,
    report: Option<RunReport>,
    happened: Happened,
}

impl Auditor {
    /// Founds the house again and compares its founding entry.
    fn found(
        archive: &Archive,
        snapshots: SnapshotView,
        entry: &LogEntry,
        scenario: Option<Scenario>,
    ) -> Result<(Self, Header), Stop> {
        let header = header_of(entry)?;
        let (machine, writes) =
            Machine::found(&archive.genesis).context("the genesis is not one")?;
        let mut commitment = Tree::temporary().map_err(unwritable)?;
        let root = commitment.commit(0, writes).map_err(unwritable)?;
        let height = entry.height;
        let cause =
            "the founding entry was changed, or the genesis is not the one it was made from";
        same(height, "height of the founding entry", header.height, machine.state().height, cause)?;
        same(height, "time of the founding entry", header.time, machine.state().time, cause)?;
        same(height, "parent of the founding entry", header.parent, Hash::default(), cause)?;
        same(height, "genesis hash in the founding entry", header.body, archive.hash, cause)?;
        same(height, "receipts of the founding entry", header.receipts, Hash::default(), cause)?;
        same(height, "length of the founding block", entry.block.len(), 0, cause)?;
        let mut ahead = snapshots.heights()?;
        ahead.reverse();
        let verified = Vec::new();
        let observer = scenario.map(|scenario| Observer::found(machine.state(), scenario));
        let mut this = Self {
            machine,
            commitment,
            snapshots,
            ahead,
            verified,
            height,
            last: header,
            observer,
            report_at: None,
            report: None,
            happened: Happened::default(),
        };
        this.root(header.state_root, root)?;
        this.snapshot(archive, header.state_root)?;
        Ok((this, header))
    }

    /// Begins with a snapshot: its state must be the one that the header of its height names, wherever the chain's rules
    /// put that into headers, and lead to the header's root.
    fn resume(
        archive: &Archive,
        snapshots: SnapshotView,
        entry: &LogEntry,
    ) -> Result<(Self, Header), Stop> {
        let height = entry.height;
        let header = header_of(entry)?;
        let snapshot = snapshots.read(height).map_err(anyhow::Error::from)?;
        let cause = "the snapshot's file was changed after it was written, or the header was";
        let told = Hash::new(snapshot.checkpoint.root.bytes());
        same(height, "state root in the snapshot", header.state_root, told, cause)?;
        let machine = Machine::restore(&snapshot.state)
            .with_context(|| format!("the snapshot at block {height} is of no use"))?;
        same(height, "height of the snapshot", header.height, machine.state().height, cause)?;
        let whole = house::snapshot_hash(&machine).context("a state has an encoding")?;
        same(height, "hash of the whole state", header.snapshot, whole, cause)?;
        let commitment = archive.state_at(&snapshot.checkpoint).map_err(anyhow::Error::from)?;
        let mut ahead: Vec<u64> =
            snapshots.heights()?.into_iter().filter(|at| *at > height).collect();
        ahead.reverse();
        let verified = Vec::new();
        let this = Self {
            machine,
            commitment,
            snapshots,
            ahead,
            verified,
            height,
            last: header,
            observer: None,
            report_at: None,
            report: None,
            happened: Happened::default(),
        };
        Ok((this, header))
    }

    /// Replays a block and compares all that the log says of it.
    fn block(&mut self, archive: &Archive, entry: &LogEntry) -> Result<(), Stop> {
        let height = entry.height;
        let header = header_of(entry)?;
        let block: Block = codec::decode(&entry.block, limits::BLOCK_BYTES_MAX)
            .map_err(|error| undecodable(height, "block", &error))?;
        self.height = height;
        let place = "a block is missing, doubled, or out of its place";
        same(height, "height in the header", header.height.blocks(), i128::from(height), place)?;
        same(height, "height in the block", block.height, header.height, place)?;
        same(
            height,
            "time",
            header.time,
            block.time,
            "the header or the block was changed after sealing",
        )?;
        let parent = "the block before, or this header, was exchanged after sealing: the chain is broken here";
        same(
            height,
            "parent hash",
            header.parent,
            self.last.hash().context("a header that was read has a hash")?,
            parent,
        )?;
        let body = block.body_hash().context("a body that was read has an encoding")?;
        let changed =
            "votes, offences, transactions or grants were changed after the header was sealed";
        same(height, "body hash", header.body, body, changed)?;

        let outcome = self.machine.apply(&block).map_err(|error| Difference {
            height,
            field: "place in the chain".into(),
            log: "a block that follows the one before".into(),
            replay: error.to_string(),
            cause:
                "a block that no honest house would have sealed, or one of another program version"
                    .into(),
            details: Vec::new(),
        })?;
        let receipts = OutcomeHashes::of(&outcome.receipts, &outcome.events)
            .and_then(|hashes| hashes.hash())
            .context("receipts have an encoding")?;
        let version =
            "another version of the program made the log, or this machine computes differently";
        same(height, "hash of receipts and events", header.receipts, receipts, version)?;
        self.happened.block(height, &outcome);
        if let Some(observer) = &mut self.observer {
            observer.block(self.machine.state(), &block, &outcome).map_err(anyhow::Error::from)?;
        }
        let root = self.commitment.commit(height, outcome.writes).map_err(unwritable)?;
        self.root(header.state_root, root)?;
        let whole = house::snapshot_hash(&self.machine).context("a state has an encoding")?;
        same(height, "hash of the whole state", header.snapshot, whole, version)?;
        if let Err(fault) = self.machine.state().check() {
            return Err(Difference {
                height,
                field: "balance of the books".into(),
                log: "sealed as if they balanced".into(),
                replay: fault.to_string(),
                cause: "a fault of the program: stop the house and keep this log".into(),
                details: Vec::new(),
            }
            .into());
        }
        self.snapshot(archive, header.state_root)?;
        self.last = header;
        if self.report_at == Some(height) {
            self.report = self.report_now()?;
        }
        Ok(())
    }

    /// Makes the report after the last block; nothing if nothing was observed.
    fn report_now(&self) -> Result<Option<RunReport>> {
        let root = self.last.state_root.to_string();
        let made = |observer| run_report::make(observer, self.machine.state(), &root);
        Ok(self.observer.as_ref().map(made).transpose()?)
    }

    /// Returns the report after a block that has been replayed, or after the last; nothing if nothing was observed.
    fn report_of(&self, block: Option<u64>) -> Result<Option<RunReport>> {
        match block {
            Some(block) if block > self.height => Ok(None),
            Some(block) if block < self.height => Ok(self.report.clone()),
            _ => self.report_now(),
        }
    }

    /// Compares the state root, and looks for the record that differs if a snapshot of that height can tell.
    fn root(&mut self, log: Hash, replay: Hash) -> Result<(), Stop> {
        let cause = "another version of the program made the log, or the header was changed";
        let Err(mut difference) = same(self.height, "state root", log, replay, cause) else {
            return Ok(());
        };
        let snapshot = self.ahead.last().filter(|at| **at == self.height);
        difference.details = match snapshot.map(|at| self.snapshots.read(*at)) {
            Some(Ok(snapshot)) => records_that_differ(&snapshot.state, &mut self.machine),
            Some(Err(reason)) => vec![reason.to_string()],
            None => vec!["there is no snapshot at this height to find the record by".into()],
        };
        Err(difference.into())
    }

    /// Compares the snapshot of the height, if there is one.
    fn snapshot(&mut self, archive: &Archive, root: Hash) -> Result<(), Stop> {
        let height = self.height;
        if self.ahead.last() != Some(&height) {
            return Ok(());
        }
        self.ahead.pop();
        let snapshot = match self.snapshots.read(height) {
            Ok(snapshot) => snapshot,
            // A running house deletes its oldest snapshots.
            Err(_) if !archive.snapshots()?.heights()?.contains(&height) => return Ok(()),
            Err(reason) => {
                return Err(Difference {
                    height,
                    field: "snapshot".into(),
                    log: reason.to_string(),
                    replay: "the block itself agrees".into(),
                    cause: "the snapshot's file was changed or cut short after it was written; the log is not \
                            affected"
                        .into(),
                    details: Vec::new(),
                }
                .into());
            }
        };
        let cause = "the snapshot was made by another version of the program, or forged; the log is not affected";
        let told = Hash::new(snapshot.checkpoint.root.bytes());
        same(height, "state root in the snapshot", told, root, cause)?;
        let state = self.machine.snapshot().context("a state has an encoding")?;
        let digest = |bytes: &[u8]| format!("{} bytes, {}", bytes.len(), Hash::of("state", bytes));
        let (held, replayed) = (digest(&snapshot.state), digest(&state));
        if let Err(mut difference) = same(height, "state in the snapshot", held, replayed, cause) {
            difference.details = records_that_differ(&snapshot.state, &mut self.machine);
            return Err(difference.into());
        }
        self.verified.push(height);
        Ok(())
    }

    /// Checks that the log goes as far as it should.
    fn reaches(&self, to: Option<u64>) -> Result<(), Stop> {
        if let Some(snapshot) = self.ahead.first() {
            return Err(Difference {
                height: self.height.saturating_add(1),
                field: "end of the block log".into(),
                log: format!("ends at block {}", self.height),
                replay: format!("there is a snapshot of block {snapshot}"),
                cause: "blocks that were acknowledged are lost: restore the log from a copy".into(),
                details: Vec::new(),
            }
            .into());
        }
        match to {
            Some(to) if to > self.height => Err(Stop::Failed(anyhow::anyhow!(
                "there is no block {to}: the log ends at block {}",
                self.height
            ))),
            _ => Ok(()),
        }
    }
}

impl Audited {
    fn write(&self, archive: &Archive, took: Duration, out: &mut dyn Write) -> Result<()> {
        let auditor = &self.auditor;
        let state = auditor.machine.state();
        writeln!(out, "chain      {}, genesis {}", archive.genesis.chain, archive.hash)?;
        let (from, to) = (utc_text(self.begun.time), utc_text(auditor.last.time));
        let begun = u64::try_from(self.begun.height.blocks())?;
        writeln!(out, "log        blocks {begun} to {}, {from} to {to}", auditor.height)?;
        if begun > 0 {
            let shown = match house::is_due(self.begun.height) {
                true => "the header of that block carries its hash",
                false => "no header carries its hash: only its records are bound to the state root",
            };
            writeln!(
                out,
                "begins     with the snapshot of block {begun}, as the log is pruned; {shown}"
            )?;
        }
        let seconds = took.as_secs_f64().max(1e-3);
        let covered = Duration::from_millis(
            u64::try_from(auditor.last.time.millis() - self.begun.time.millis()).unwrap_or(0),
        );
        let count = auditor.height.saturating_sub(begun);
        let blocks = u32::try_from(count).map_or(f64::MAX, f64::from);
        writeln!(
            out,
            "replay     {seconds:.2} s: {:.0} blocks a second, {:.0} times as fast as the log was lived",
            blocks / seconds,
            covered.as_secs_f64() / seconds,
        )?;
        let snapshots: Vec<_> =
            auditor.verified.iter().map(|height| format!("block {height}")).collect();
        match snapshots.as_slice() {
            [] => writeln!(out, "snapshots  none")?,
            held => {
                let held = held.join(", ");
                writeln!(out, "snapshots  {held}: equal to the replayed state, byte for byte")?;
            }
        }
        writeln!(out, "happened   {}", auditor.happened)?;
        for held in halted(state) {
            writeln!(out, "halted     {held}")?;
        }
        self.files.iter().try_for_each(|file| writeln!(out, "{file}"))?;
        if let Some(tail) = &self.tail {
            writeln!(out, "warning    {tail}")?;
        }
        writeln!(out, "audited {count} blocks, state root {}", auditor.last.state_root)?;
        Ok(())
    }
}

/// Returns what stands still in a state: the house or markets, each with its fault.
fn halted(state: &State) -> Vec<String> {
    let house = state.house_fault.iter().map(|fault| format!("the house: {fault}"));
    let markets = state.markets.iter().filter_map(|(id, market)| match &market.status {
        Status::Halted { fault } => Some(format!("market {id}: {fault}")),
        _ => None,
    });
    house.chain(markets).collect()
}

/// Returns a part of an entry that cannot be read, though its checksum holds.
fn undecodable(height: u64, what: &'static str, error: &DecodeError) -> Difference {
    Difference {
        height,
        field: format!("encoding of the {what}"),
        log: error.to_string(),
        replay: format!("a {what} of this program's version"),
        cause: "another version of the program made the log".into(),
        details: Vec::new(),
    }
}

/// Reads the header of an entry.
#[expect(clippy::result_large_err, reason = "an audit makes one difference, and then ends")]
fn header_of(entry: &LogEntry) -> Result<Header, Difference> {
    codec::decode(&entry.header, limits::BLOCK_BYTES_MAX)
        .map_err(|error| undecodable(entry.height, "header", &error))
}

/// Returns damage to the log as a difference at its height; anything else stops the audit.
fn damaged(error: LogError) -> Stop {
    match error {
        LogError::Damaged { path, offset, height, what } => Difference {
            height,
            field: "entry in the block log".into(),
            log: format!("{what} (byte {offset} of {})", path.display()),
            replay: "an entry that matches its checksum".into(),
            cause: "the file was changed after it was written, or the disk is failing: restore it from a copy".into(),
            details: Vec::new(),
        }
        .into(),
        error => Stop::Failed(error.into()),
    }
}

fn missing_founding(measure: &Measure) -> Difference {
    Difference {
        height: 0,
        field: "founding entry".into(),
        log: format!("none in {} bytes of block log", measure.bytes()),
        replay: "an entry for block 0".into(),
        cause: "the house was never founded to the end, or its log is damaged from the start"
            .into(),
        details: Vec::new(),
    }
}

fn unwritable(error: store::CommitmentError) -> Stop {
    let advice = format!(
        "the audit needs room below {}: set TMPDIR to another place",
        std::env::temp_dir().display()
    );
    Stop::Failed(anyhow::Error::from(error).context(advice))
}
