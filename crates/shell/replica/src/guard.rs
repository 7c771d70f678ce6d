//! The double-sign guard: every vote is written down, durably, before it is signed.
//!
//! ```text
//! magic "NVGUARD1" · network 32 · records of 49 bytes: kind 1 · round u64 big-endian · block 32 · check 8
//! ```
//!
//! The engine keeps a journal of its own; this file is for what the journal cannot do: refuse a vote that contradicts an
//! older one whatever the engine believes, as after a journal is lost, restored, or written by a version with a bug.
//! In one round a validator votes to notarise one block, and either to skip the round or to finalise that block.
//!
//! **Invariant:** no two signatures for which the guard said yes contradict each other, across restarts, as long as the
//! file is not replaced by an older copy.

use crate::round;
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
const ROUNDS_KEPT: usize = 4_096;

/// Views of an epoch's beginning in which a validator that has lost its votes in the epoch before stays silent.
pub(crate) const SILENT_VIEWS: u64 = 64;

/// A vote that is to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ballot {
    /// For a block.
    Notarize {
        /// In which round.
        round: u64,
        /// Which block.
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
    /// The validator may have voted in this round before it lost its votes.
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
    /// The engine has voted, but the guard is gone.
    #[error(
        "{0} is missing although the engine has a journal: votes that were signed are forgotten; restore the file, or \
         give this validator a new key"
    )]
    Missing(PathBuf),
    /// The disk.
    #[error("cannot write down a vote in {path}: {source}; it is not signed")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
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
    book: Book,
    stopped: Option<String>,
}

impl VoteGuard {
    /// Opens the guard's file, or begins one if the validator has never voted.
    ///
    /// # Errors
    ///
    /// [`GuardError::Missing`] if it has, [`GuardError::Damaged`] or [`GuardError::OtherNetwork`] if the file cannot be
    /// relied on. A record whose writing never finished is cut off: its vote was not signed.
    pub fn open(path: &Path, network: Hash, has_voted: bool) -> Result<Self, GuardError> {
        let disk = |source| GuardError::Disk { path: path.to_path_buf(), source };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !has_voted => {
                write_book(path, network, &BTreeMap::new()).map_err(disk)?;
                head(network)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(GuardError::Missing(path.to_path_buf()));
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
        let (rounds, length) = read_records(records).map_err(|at| damaged(HEAD_BYTES + at))?;
        let offset = HEAD_BYTES + length;
        let mut file = OpenOptions::new().write(true).open(path).map_err(disk)?;
        let end = u64::try_from(offset).unwrap_or(u64::MAX);
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end))).map_err(disk)?;
        let book = Book::Disk { path: path.to_path_buf(), file, network };
        let mut this = Self { rounds, floor: 0, silent_epoch: None, book, stopped: None };
        this.forget();
        Ok(this)
    }

    /// Returns a guard that lives as long as the process: for simulations.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            rounds: BTreeMap::new(),
            floor: 0,
            silent_epoch: None,
            book: Book::Memory(Vec::new()),
            stopped: None,
        }
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
        let started = record(Ballot::Notarize { round: u64::MAX, block: Hash::default() });
        let torn = started.get(..torn.min(RECORD_BYTES - 1)).unwrap_or_default();
        let found = [held.as_slice(), torn].concat();
        let damaged = |offset| GuardError::Damaged { path: PathBuf::from("memory"), offset };
        let (rounds, length) = read_records(&found).map_err(damaged)?;
        let kept = found.get(..length).unwrap_or_default().to_vec();
        let mut this =
            Self { rounds, floor: 0, silent_epoch: None, book: Book::Memory(kept), stopped: None };
        this.forget();
        Ok(this)
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
        if let Book::Memory(held) = &mut self.book {
            held.extend(record(ballot));
        }
        if let Book::Disk { path, file, .. } = &mut self.book {
            let written = file.write_all(&record(ballot)).and_then(|()| file.sync_data());
            if let Err(source) = written {
                let error = GuardError::Disk { path: path.clone(), source };
                // What is on disk is unknown now, so nothing more is signed.
                self.stopped = Some(error.to_string());
                return Err(error);
            }
        }
        self.rounds.insert(round, signed);
        self.compact()
    }

    /// Signs nothing below a round, nor in the first views of the epoch after it: where an epoch ends the guard does not
    /// know.
    pub fn raise_floor(&mut self, round: u64) {
        self.floor = self.floor.max(round);
        let (epoch, _) = round::parts(self.floor);
        self.silent_epoch = epoch.checked_add(1);
    }

    /// Signs nothing more, for a reason.
    pub fn stop(&mut self, reason: String) {
        self.stopped.get_or_insert(reason);
    }

    /// Returns why nothing more is signed, if so.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
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
        let (path, file, network) = match &mut self.book {
            Book::Disk { path, file, network } => (path, file, network),
            Book::Memory(held) => {
                *held = records(&self.rounds);
                return Ok(());
            }
        };
        let reopened = write_book(path, *network, &self.rounds).and_then(|()| {
            let mut file = OpenOptions::new().write(true).open(&*path)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        });
        match reopened {
            Ok(reopened) => *file = reopened,
            Err(source) => return Err(GuardError::Disk { path: path.clone(), source }),
        }
        Ok(())
    }
}

fn head(network: Hash) -> Vec<u8> {
    [MAGIC.as_slice(), network.bytes()].concat()
}

/// Writes the file anew, whole or not at all.
fn write_book(path: &Path, network: Hash, rounds: &BTreeMap<u64, Signed>) -> io::Result<()> {
    let bytes = [head(network), records(rounds)].concat();
    let staged = path.with_extension("new");
    let mut file = File::create(&staged)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&staged, path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Returns the records of all votes, ascending by round.
fn records(rounds: &BTreeMap<u64, Signed>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (round, signed) in rounds {
        let round = *round;
        let ballots = [
            signed.notarized.map(|block| Ballot::Notarize { round, block }),
            signed.nullified.then_some(Ballot::Nullify { round }),
            signed.finalized.map(|block| Ballot::Finalize { round, block }),
        ];
        ballots.into_iter().flatten().for_each(|ballot| bytes.extend(record(ballot)));
    }
    bytes
}

/// Reads records. Returns the votes and the length of the whole records; a last one that is not whole was never signed.
/// Where another is damaged, is the error.
fn read_records(bytes: &[u8]) -> Result<(BTreeMap<u64, Signed>, usize), usize> {
    let mut rounds: BTreeMap<u64, Signed> = BTreeMap::new();
    let mut offset = 0;
    for record in bytes.chunks(RECORD_BYTES) {
        match read_record(record) {
            Some(ballot) => {
                rounds.entry(ballot.round()).or_default().take(ballot);
            }
            None if offset + RECORD_BYTES >= bytes.len() => break,
            None => return Err(offset),
        }
        offset += RECORD_BYTES;
    }
    Ok((rounds, offset))
}

fn record(ballot: Ballot) -> [u8; RECORD_BYTES] {
    let (kind, block) = match ballot {
        Ballot::Notarize { block, .. } => (0u8, block),
        Ballot::Nullify { .. } => (1, Hash::default()),
        Ballot::Finalize { block, .. } => (2, block),
    };
    let body = [&[kind], ballot.round().to_be_bytes().as_slice(), block.bytes()].concat();
    let check = Hash::of("guard", &body);
    let mut bytes = [0; RECORD_BYTES];
    let parts = body.iter().chain(check.bytes().iter().take(CHECK_BYTES));
    bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
    bytes
}

/// Reads a record; `None` if it is not whole.
fn read_record(bytes: &[u8]) -> Option<Ballot> {
    let (kind, rest) = bytes.split_first()?;
    let (round, rest) = rest.split_first_chunk::<8>()?;
    let (block, _) = rest.split_first_chunk::<32>()?;
    let (round, block) = (u64::from_be_bytes(*round), Hash::new(*block));
    let ballot = match kind {
        0 => Ballot::Notarize { round, block },
        1 => Ballot::Nullify { round },
        2 => Ballot::Finalize { round, block },
        _ => return None,
    };
    (record(ballot) == *bytes).then_some(ballot)
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

        fn open(&self) -> VoteGuard {
            VoteGuard::open(&self.file(), NETWORK, false).expect("opens")
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
        let opened = VoteGuard::open(&place.file(), NETWORK, true);
        assert!(matches!(opened, Err(GuardError::Damaged { offset: HEAD_BYTES, .. })));
    }

    #[test]
    fn a_guard_that_is_gone_or_of_another_network_is_refused() {
        let place = Place::new("gone");
        let opened = VoteGuard::open(&place.file(), NETWORK, true);
        assert!(matches!(opened, Err(GuardError::Missing(_))));
        drop(place.open());
        let opened = VoteGuard::open(&place.file(), A, true);
        assert!(matches!(opened, Err(GuardError::OtherNetwork(_))));
    }

    #[test]
    fn who_has_lost_its_votes_is_silent_past_the_certificate_and_as_the_next_epoch_begins() {
        let epoch = |number: u64| number << 32;
        let mut guard = VoteGuard::in_memory();
        guard.raise_floor(epoch(3) + 100 + SILENT_VIEWS);
        let mut permits = |round| guard.permit(Ballot::Nullify { round }).is_ok();
        let refused = [epoch(3) + 99, epoch(3) + 163, epoch(4) + 1, epoch(4) + SILENT_VIEWS - 1];
        assert!(!refused.into_iter().any(&mut permits));
        let allowed = [epoch(3) + 164, epoch(4) + SILENT_VIEWS, epoch(5) + 1];
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
