//! The double-sign guard: every vote is written down, durably, before it is signed, so that its validator does not equivocate
//! (slashing protection).
//!
//! ```text
//! magic "NVGUARD1" · network 32 · records of 49 bytes: kind 1 · round u64 big-endian · proposal 32 · check 8
//! ```
//!
//! A key that has never voted begins with a file without records, written when its network is founded. Where there is no
//! file, or its last record is damaged, nobody here knows what was signed: the votes are *lost*, which is a record too, and
//! nothing is signed until the others have said how far they are (see `vote_recovery`), which is another.
//!
//! The engine keeps a journal of its own; this file is for what the journal cannot do: refuse a vote that contradicts an
//! older one whatever the engine believes, as after a journal is lost, restored, or written by a version with a bug.
//! In one round a validator votes to notarise one block, and either to skip the round or to finalise that block.
//!
//! **Invariant:** no two signatures for which the guard said yes contradict each other, across restarts, as long as the
//! file is not replaced by an older copy. What is compared is what the engine takes for a contradiction: whole proposals, of
//! which a block is a part.

use crate::consensus::round;
use protocol::Hash;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"NVGUARD1";
const HEAD_BYTES: usize = 40;
const RECORD_BYTES: usize = 49;
const CHECK_BYTES: usize = 8;
/// Views that are remembered one by one; below them nothing is signed any more.
const ROUNDS_KEPT: usize = if cfg!(test) { 64 } else { 4_096 };

/// Views of an epoch's beginning in which a validator that has lost its votes in the epoch before stays silent.
const SILENT_VIEWS: u64 = 64;

/// Views beyond the newest that others know in which a vote may have been signed: one can vote one view beyond the last that
/// any honest validator has taken part in.
const VIEWS_BEYOND: u64 = 2;

/// A vote that is to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ballot {
    /// For a proposal.
    Notarize {
        /// In which round.
        round: u64,
        /// Which proposal: its block and what it stands on.
        block: Hash,
    },
    /// Against a round.
    Nullify {
        /// Which.
        round: u64,
    },
    /// For the finality of a block.
    Finalize {
        /// In which round.
        round: u64,
        /// Which block.
        block: Hash,
    },
}

impl Ballot {
    const fn round(self) -> u64 {
        match self {
            Self::Notarize { round, .. }
            | Self::Nullify { round }
            | Self::Finalize { round, .. } => round,
        }
    }
}

/// Why a vote is not signed, or the guard cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// It contradicts an older vote.
    #[error("{ballot:?} contradicts an older vote of the same round: it is not signed")]
    Contradicts {
        /// The vote.
        ballot: Ballot,
    },
    /// Its round is older than all that is remembered.
    #[error(
        "round {round} is older than all that the guard remembers: nothing below {floor} is signed"
    )]
    TooOld {
        /// The round.
        round: u64,
        /// The oldest round remembered.
        floor: u64,
    },
    /// The validator may have voted in this round before its votes were lost.
    #[error(
        "round {0} is one in which this validator may have voted before its votes were lost: it is not signed"
    )]
    MayHaveVoted(u64),
    /// Signing was stopped for good.
    #[error("signing has stopped: {0}")]
    Stopped(String),
    /// The file belongs to another network.
    #[error("{0} is the vote guard of another network: every network needs its own data directory")]
    OtherNetwork(PathBuf),
    /// The file is damaged before its end.
    #[error(
        "{path} is damaged at byte {offset}: votes that were signed are forgotten; restore the file, or give this \
         validator a new key"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: usize,
    },
    /// What was signed before is not known.
    #[error("{LOST}")]
    Lost,
    /// A file that is there already is not begun again.
    #[error("{0} is there already: it may hold votes")]
    Exists(PathBuf),
    /// The disk.
    #[error("cannot write down a vote in {path}: {source}; it is not signed")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What is said as long as votes are lost.
const LOST: &str = "the votes that this key has signed are not known here: nothing is signed until more than two thirds of \
    the other validators have said how far they are";

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Vote(Ballot),
    /// Votes before this are not known.
    Lost,
    /// Nothing below a round is signed any more.
    Floor(u64),
}

/// What a file says.
#[derive(Debug, Default)]
struct Read {
    rounds: BTreeMap<u64, Signed>,
    lost: bool,
    floor: u64,
    /// Bytes of the records that are whole.
    length: usize,
}

/// What was signed in a round.
#[derive(Debug, Clone, Copy, Default)]
struct Signed {
    notarized: Option<Hash>,
    nullified: bool,
    finalized: Option<Hash>,
}

impl Signed {
    /// Takes a vote in; `None` if it contradicts, `Some(false)` if it is there already.
    fn take(&mut self, ballot: Ballot) -> Option<bool> {
        match ballot {
            Ballot::Notarize { block, .. } => match self.notarized {
                Some(held) if held == block => Some(false),
                Some(_) => None,
                None => {
                    self.notarized = Some(block);
                    Some(true)
                }
            },
            Ballot::Nullify { .. } if self.finalized.is_some() => None,
            Ballot::Nullify { .. } => Some(!std::mem::replace(&mut self.nullified, true)),
            Ballot::Finalize { .. } if self.nullified => None,
            Ballot::Finalize { block, .. } => match self.finalized {
                Some(held) if held == block => Some(false),
                Some(_) => None,
                None => {
                    self.finalized = Some(block);
                    Some(true)
                }
            },
        }
    }
}

/// Where votes are written down.
#[derive(Debug)]
enum Book {
    Disk {
        path: PathBuf,
        file: File,
        network: Hash,
    },
    /// Of a simulated validator: the records that a file would hold.
    Memory(Vec<u8>),
}

/// The guard of one validator key.
#[derive(Debug)]
pub struct VoteGuard {
    rounds: BTreeMap<u64, Signed>,
    floor: u64,
    /// The epoch whose first views are not signed.
    silent_epoch: Option<u64>,
    /// Whether what was signed before is not known.
    lost: bool,
    /// The floor that is written down; zero if none is.
    settled: u64,
    book: Book,
    stopped: Option<String>,
}

impl VoteGuard {
    /// Begins the file of a key that has never voted: nobody has to be asked what it has signed.
    ///
    /// # Errors
    ///
    /// [`GuardError::Exists`] if there is a file; [`GuardError::Disk`].
    pub fn begin(path: &Path, network: Hash) -> Result<(), GuardError> {
        if path.exists() {
            return Err(GuardError::Exists(path.to_path_buf()));
        }
        let written = write_book(path, network, Vec::new());
        written.map(drop).map_err(|source| GuardError::Disk { path: path.to_path_buf(), source })
    }

    /// Opens the guard's file. Where there is none, or its newest record is damaged, the votes are lost, and that is
    /// written down.
    ///
    /// # Errors
    ///
    /// [`GuardError::Damaged`] or [`GuardError::OtherNetwork`] if the file cannot be relied on. A record whose writing never
    /// finished is cut off: its vote was not signed.
    pub fn open(path: &Path, network: Hash) -> Result<Self, GuardError> {
        let disk = |source| GuardError::Disk { path: path.to_path_buf(), source };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let entry = record(Entry::Lost).to_vec();
                write_book(path, network, entry.clone()).map_err(disk)?;
                [head(network), entry].concat()
            }
            Err(error) => return Err(disk(error)),
        };
        let damaged = |offset| GuardError::Damaged { path: path.to_path_buf(), offset };
        if !bytes.starts_with(MAGIC) || bytes.len() < HEAD_BYTES {
            return Err(damaged(0));
        }
        if !bytes.starts_with(&head(network)) {
            return Err(GuardError::OtherNetwork(path.to_path_buf()));
        }
        let records = bytes.get(HEAD_BYTES..).unwrap_or_default();
        let read = read_records(records).map_err(|at| damaged(HEAD_BYTES + at))?;
        let offset = HEAD_BYTES + read.length;
        let mut file = OpenOptions::new().write(true).open(path).map_err(disk)?;
        let end = u64::try_from(offset).unwrap_or(u64::MAX);
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end))).map_err(disk)?;
        let newest_is_damaged = records.len().saturating_sub(read.length) >= RECORD_BYTES;
        let book = Book::Disk { path: path.to_path_buf(), file, network };
        let mut this = Self::of(read, book);
        if newest_is_damaged {
            this.lost = true;
            this.write(Entry::Lost)?;
        }
        Ok(this)
    }

    fn of(read: Read, book: Book) -> Self {
        let Read { rounds, lost, floor, .. } = read;
        let mut this = Self {
            rounds,
            floor: 0,
            silent_epoch: None,
            lost,
            settled: floor,
            book,
            stopped: None,
        };
        if floor > 0 {
            this.raise_floor(floor);
        }
        this.forget();
        this
    }

    /// Returns a guard that lives as long as the process: for simulations.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::of(Read::default(), Book::Memory(Vec::new()))
    }

    /// Returns a guard in memory whose votes are lost.
    #[cfg(feature = "simulation")]
    pub(crate) fn lost_in_memory() -> Self {
        let read = Read { lost: true, ..Read::default() };
        Self::of(read, Book::Memory(record(Entry::Lost).to_vec()))
    }

    /// Returns what a guard in memory is after a crash, in the middle of writing down one more vote: so many bytes of
    /// its record are there.
    ///
    /// # Errors
    ///
    /// [`GuardError::Damaged`] if what is left cannot be relied on.
    #[cfg(feature = "simulation")]
    pub(crate) fn after_crash(&self, torn: usize) -> Result<Self, GuardError> {
        let Book::Memory(held) = &self.book else { return Ok(Self::in_memory()) };
        let ballot = Ballot::Notarize { round: u64::MAX, block: Hash::default() };
        let started = record(Entry::Vote(ballot));
        let torn = started.get(..torn.min(RECORD_BYTES - 1)).unwrap_or_default();
        let found = [held.as_slice(), torn].concat();
        let damaged = |offset| GuardError::Damaged { path: PathBuf::from("memory"), offset };
        let read = read_records(&found).map_err(damaged)?;
        let kept = found.get(..read.length).unwrap_or_default().to_vec();
        Ok(Self::of(read, Book::Memory(kept)))
    }

    /// Writes a vote down so that it may be signed.
    ///
    /// # Errors
    ///
    /// [`GuardError`] if it must not be.
    pub fn permit(&mut self, ballot: Ballot) -> Result<(), GuardError> {
        if let Some(reason) = &self.stopped {
            return Err(GuardError::Stopped(reason.clone()));
        }
        if self.lost {
            return Err(GuardError::Lost);
        }
        let round = ballot.round();
        if round < self.floor {
            return Err(GuardError::TooOld { round, floor: self.floor });
        }
        let (epoch, view) = round::parts(round);
        if self.silent_epoch == Some(epoch) && view < SILENT_VIEWS {
            return Err(GuardError::MayHaveVoted(round));
        }
        let mut signed = self.rounds.get(&round).copied().unwrap_or_default();
        match signed.take(ballot) {
            None => return Err(GuardError::Contradicts { ballot }),
            Some(false) => return Ok(()),
            Some(true) => {}
        }
        self.write(Entry::Vote(ballot))?;
        self.rounds.insert(round, signed);
        self.compact()
    }

    /// Writes a record, durably. If that fails nothing more is signed: what is on disk is then unknown.
    fn write(&mut self, entry: Entry) -> Result<(), GuardError> {
        let (path, file) = match &mut self.book {
            Book::Memory(held) => {
                held.extend(record(entry));
                return Ok(());
            }
            Book::Disk { path, file, .. } => (path, file),
        };
        let written = file.write_all(&record(entry)).and_then(|()| file.sync_data());
        let failed = written.map_err(|source| GuardError::Disk { path: path.clone(), source });
        self.stop_if(failed)
    }

    /// Signs nothing more if something has failed.
    fn stop_if(&mut self, result: Result<(), GuardError>) -> Result<(), GuardError> {
        if let Err(error) = &result {
            self.stopped.get_or_insert(error.to_string());
        }
        result
    }

    /// Whether what was signed before is not known.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Returns the newest round in which something was signed, or may have been; none while the votes are lost.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        let signed = self.rounds.last_key_value().map_or(0, |(round, _)| *round);
        (!self.lost).then_some(signed.max(self.floor))
    }

    /// Ends the silence of a guard whose votes are lost: signs what lies beyond the newest round that the others know.
    ///
    /// # Errors
    ///
    /// [`GuardError::Disk`] if that cannot be written down.
    pub fn settle(&mut self, newest: u64) -> Result<(), GuardError> {
        let floor = newest.saturating_add(VIEWS_BEYOND);
        self.write(Entry::Floor(floor))?;
        (self.settled, self.lost) = (floor, false);
        self.raise_floor(floor);
        Ok(())
    }

    /// Signs nothing below a round, nor in the first views of the epoch after it: where an epoch ends the guard does not
    /// know.
    fn raise_floor(&mut self, round: u64) {
        self.floor = self.floor.max(round);
        let (epoch, _) = round::parts(self.floor);
        self.silent_epoch = epoch.checked_add(1);
    }

    /// Signs nothing more, for a reason.
    pub fn stop(&mut self, reason: String) {
        self.stopped.get_or_insert(reason);
    }

    /// Returns why nothing is signed now, if so.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref().or(self.lost.then_some(LOST))
    }

    /// Drops the oldest rounds from memory once they are many.
    fn forget(&mut self) -> bool {
        let many = self.rounds.len() >= 2 * ROUNDS_KEPT;
        while many && self.rounds.len() > ROUNDS_KEPT {
            self.rounds.pop_first();
        }
        // Whatever was forgotten lies below the oldest round that is left.
        if many && let Some((oldest, _)) = self.rounds.first_key_value() {
            self.floor = self.floor.max(*oldest);
        }
        many
    }

    fn compact(&mut self) -> Result<(), GuardError> {
        if !self.forget() {
            return Ok(());
        }
        let kept = self.records();
        let (path, file, network) = match &mut self.book {
            Book::Disk { path, file, network } => (path, file, network),
            Book::Memory(held) => {
                *held = kept;
                return Ok(());
            }
        };
        // The handle of the file that was renamed, not whatever its name leads to: nothing is ever written elsewhere.
        let rewritten = write_book(path, *network, kept).map(|written| *file = written);
        let failed = rewritten.map_err(|source| GuardError::Disk { path: path.clone(), source });
        self.stop_if(failed)
    }

    /// Returns the records of all that is remembered.
    fn records(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.settled > 0 {
            bytes.extend(record(Entry::Floor(self.settled)));
        }
        for (round, signed) in &self.rounds {
            let round = *round;
            let ballots = [
                signed.notarized.map(|block| Ballot::Notarize { round, block }),
                signed.nullified.then_some(Ballot::Nullify { round }),
                signed.finalized.map(|block| Ballot::Finalize { round, block }),
            ];
            let written = ballots.into_iter().flatten().map(|ballot| record(Entry::Vote(ballot)));
            written.for_each(|record| bytes.extend(record));
        }
        bytes
    }
}

fn head(network: Hash) -> Vec<u8> {
    [MAGIC.as_slice(), network.bytes()].concat()
}

/// Writes the file anew, whole or not at all; returns it, to be written to at its end.
fn write_book(path: &Path, network: Hash, records: Vec<u8>) -> io::Result<File> {
    let bytes = [head(network), records].concat();
    durable::replace(path, |file| file.write_all(&bytes)).map(|(file, ())| file)
}

/// Reads records, as far as they are whole. Where one before the last is damaged, is the error.
fn read_records(bytes: &[u8]) -> Result<Read, usize> {
    let mut read = Read::default();
    for record in bytes.chunks(RECORD_BYTES) {
        match read_record(record) {
            Some(Entry::Vote(ballot)) => {
                read.rounds.entry(ballot.round()).or_default().take(ballot);
            }
            Some(Entry::Lost) => read.lost = true,
            Some(Entry::Floor(round)) => {
                (read.lost, read.floor) = (false, read.floor.max(round));
            }
            None if read.length + RECORD_BYTES >= bytes.len() => break,
            None => return Err(read.length),
        }
        read.length += RECORD_BYTES;
    }
    Ok(read)
}

fn record(entry: Entry) -> [u8; RECORD_BYTES] {
    let (kind, round, block) = match entry {
        Entry::Vote(Ballot::Notarize { round, block }) => (0u8, round, block),
        Entry::Vote(Ballot::Nullify { round }) => (1, round, Hash::default()),
        Entry::Vote(Ballot::Finalize { round, block }) => (2, round, block),
        Entry::Lost => (3, 0, Hash::default()),
        Entry::Floor(round) => (4, round, Hash::default()),
    };
    let body = [&[kind], round.to_be_bytes().as_slice(), block.bytes()].concat();
    let check = Hash::of("guard", &body);
    let mut bytes = [0; RECORD_BYTES];
    let parts = body.iter().chain(check.bytes().iter().take(CHECK_BYTES));
    bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
    bytes
}

/// Reads a record; `None` if it is not whole.
fn read_record(bytes: &[u8]) -> Option<Entry> {
    let (kind, rest) = bytes.split_first()?;
    let (round, rest) = rest.split_first_chunk::<8>()?;
    let (block, _) = rest.split_first_chunk::<32>()?;
    let (round, block) = (u64::from_be_bytes(*round), Hash::new(*block));
    let entry = match kind {
        0 => Entry::Vote(Ballot::Notarize { round, block }),
        1 => Entry::Vote(Ballot::Nullify { round }),
        2 => Entry::Vote(Ballot::Finalize { round, block }),
        3 => Entry::Lost,
        4 => Entry::Floor(round),
        _ => return None,
    };
    (record(entry) == *bytes).then_some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Hash = Hash::new([7; 32]);
    const A: Hash = Hash::new([1; 32]);
    const B: Hash = Hash::new([2; 32]);

    /// A file in a directory of its own, removed in the end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("guard-{name}-{}", std::process::id()));
            drop(fs::remove_dir_all(&dir));
            fs::create_dir_all(&dir).expect("creatable");
            Self(dir)
        }

        fn file(&self) -> PathBuf {
            self.0.join("votes")
        }

        /// Opens the file; begins it first if there is none.
        fn open(&self) -> VoteGuard {
            if !self.file().exists() {
                VoteGuard::begin(&self.file(), NETWORK).expect("begins");
            }
            self.reopen().expect("opens")
        }

        fn reopen(&self) -> Result<VoteGuard, GuardError> {
            VoteGuard::open(&self.file(), NETWORK)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a_vote_may_be_repeated_but_not_contradicted_even_after_a_restart() {
        let place = Place::new("restart");
        let mut guard = place.open();
        guard.permit(Ballot::Notarize { round: 5, block: A }).expect("first");
        guard.permit(Ballot::Finalize { round: 5, block: A }).expect("first");
        guard.permit(Ballot::Nullify { round: 6 }).expect("first");
        for mut guard in [guard, place.open()] {
            guard.permit(Ballot::Notarize { round: 5, block: A }).expect("the same again");
            for ballot in [
                Ballot::Notarize { round: 5, block: B },
                Ballot::Finalize { round: 5, block: B },
                Ballot::Nullify { round: 5 },
                Ballot::Finalize { round: 6, block: A },
            ] {
                let refused = guard.permit(ballot);
                assert!(matches!(refused, Err(GuardError::Contradicts { .. })), "{ballot:?}");
            }
        }
    }

    #[test]
    fn a_torn_record_is_cut_off_and_a_damaged_one_is_named() {
        let place = Place::new("torn");
        let mut guard = place.open();
        guard.permit(Ballot::Notarize { round: 1, block: A }).expect("first");
        guard.permit(Ballot::Notarize { round: 2, block: A }).expect("first");
        drop(guard);
        let whole = fs::read(place.file()).expect("readable");
        fs::write(place.file(), &whole[..whole.len() - 3]).expect("writable");
        let mut guard = place.open();
        guard.permit(Ballot::Notarize { round: 2, block: B }).expect("its writing never finished");
        assert!(guard.permit(Ballot::Notarize { round: 1, block: B }).is_err());
        let mut bytes = fs::read(place.file()).expect("readable");
        bytes[HEAD_BYTES + 20] ^= 1;
        fs::write(place.file(), &bytes).expect("writable");
        assert!(matches!(place.reopen(), Err(GuardError::Damaged { offset: HEAD_BYTES, .. })));
    }

    #[test]
    fn a_guard_of_another_network_is_refused_and_one_that_is_there_is_not_begun_again() {
        let place = Place::new("other");
        drop(place.open());
        let opened = VoteGuard::open(&place.file(), A);
        assert!(matches!(opened, Err(GuardError::OtherNetwork(_))));
        let begun = VoteGuard::begin(&place.file(), NETWORK);
        assert!(matches!(begun, Err(GuardError::Exists(_))));
    }

    #[test]
    fn without_its_file_a_validator_signs_nothing_until_it_knows_how_far_the_others_are() {
        let place = Place::new("lost");
        for _ in 0..2 {
            let mut guard = place.reopen().expect("opens");
            assert!(guard.is_lost() && guard.newest().is_none() && guard.stopped().is_some());
            let refused = guard.permit(Ballot::Nullify { round: 1 << 40 });
            assert!(matches!(refused, Err(GuardError::Lost)));
        }
        let mut guard = place.reopen().expect("opens");
        guard.settle(100).expect("the disk takes it");
        for mut guard in [guard, place.reopen().expect("opens")] {
            assert!(!guard.is_lost());
            let refused = guard.permit(Ballot::Nullify { round: 101 });
            assert!(matches!(refused, Err(GuardError::TooOld { .. })));
            guard.permit(Ballot::Nullify { round: 102 }).expect("beyond what may have been signed");
        }
    }

    #[test]
    fn a_newest_vote_that_is_damaged_is_a_vote_that_is_lost() {
        let place = Place::new("newest");
        let mut guard = place.open();
        guard.permit(Ballot::Notarize { round: 1, block: A }).expect("first");
        guard.permit(Ballot::Notarize { round: 2, block: A }).expect("first");
        drop(guard);
        let mut bytes = fs::read(place.file()).expect("readable");
        *bytes.last_mut().expect("not empty") ^= 1;
        fs::write(place.file(), &bytes).expect("writable");
        for _ in 0..2 {
            let mut guard = place.reopen().expect("opens");
            let refused = guard.permit(Ballot::Notarize { round: 2, block: B });
            assert!(matches!(refused, Err(GuardError::Lost)));
        }
    }

    #[test]
    fn where_the_file_cannot_be_written_anew_nothing_more_is_signed() {
        let place = Place::new("compaction");
        let mut guard = place.open();
        let last = 2 * ROUNDS_KEPT as u64;
        for round in 1..last {
            guard.permit(Ballot::Nullify { round }).expect("first");
        }
        // A directory where the new file is to be staged: it cannot be made.
        fs::create_dir(place.0.join("votes.unfinished")).expect("creatable");
        let refused = guard.permit(Ballot::Nullify { round: last });
        assert!(matches!(refused, Err(GuardError::Disk { .. })));
        let refused = guard.permit(Ballot::Nullify { round: last + 1 });
        assert!(matches!(refused, Err(GuardError::Stopped(_))));
    }

    #[test]
    fn what_is_signed_after_compaction_is_in_the_file_that_is_read() {
        let place = Place::new("renamed");
        let mut guard = place.open();
        let last = 2 * ROUNDS_KEPT as u64 + 3;
        for round in 1..=last {
            guard.permit(Ballot::Nullify { round }).expect("first");
        }
        drop(guard);
        let mut guard = place.reopen().expect("opens");
        assert_eq!(guard.newest(), Some(last));
        guard.permit(Ballot::Finalize { round: last, block: A }).expect_err("it was skipped");
    }

    #[test]
    fn who_has_lost_its_votes_is_silent_past_the_newest_round_and_as_the_next_epoch_begins() {
        let epoch = |number: u64| number << 32;
        let mut guard = VoteGuard::in_memory();
        guard.settle(epoch(3) + 100).expect("memory takes it");
        let mut permits = |round| guard.permit(Ballot::Nullify { round }).is_ok();
        let refused = [epoch(3) + 99, epoch(3) + 101, epoch(4) + 1, epoch(4) + SILENT_VIEWS - 1];
        assert!(!refused.into_iter().any(&mut permits));
        let allowed = [epoch(3) + 102, epoch(4) + SILENT_VIEWS, epoch(5) + 1];
        assert!(allowed.into_iter().all(&mut permits));
    }

    #[test]
    fn old_rounds_are_forgotten_and_never_signed_again() {
        let mut guard = VoteGuard::in_memory();
        let last = 2 * ROUNDS_KEPT as u64;
        for round in 1..=last {
            guard.permit(Ballot::Nullify { round }).expect("first");
        }
        let refused = guard.permit(Ballot::Nullify { round: 1 });
        assert!(matches!(refused, Err(GuardError::TooOld { .. })));
        guard.permit(Ballot::Notarize { round: last, block: A }).expect("remembered");
    }

    #[test]
    fn nothing_is_signed_once_signing_has_stopped() {
        let mut guard = VoteGuard::in_memory();
        guard.stop("roots differ".into());
        let refused = guard.permit(Ballot::Nullify { round: 1 });
        assert!(matches!(refused, Err(GuardError::Stopped(_))));
    }
}
