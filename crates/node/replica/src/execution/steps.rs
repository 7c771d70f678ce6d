//! The steps by which a client follows the committees: one an epoch, kept for ever, from the genesis on.
//!
//! ```text
//! magic "NVSTEPS1" · network 32 · entries: length u32 big-endian · entry · check 8
//! ```
//!
//! A store proves records under its newest root only, so the proof of an epoch's committee is taken with the epoch's first
//! block; what leads from its header to a certificate is added once that certificate is there.
//!
//! **Invariant:** a step that is handed out is complete; that it holds, whoever gets it checks.

use crate::execution::executor::{Executor, ExecutorError};
use borsh::{BorshDeserialize, BorshSerialize};
use light::{STEP_BYTES_MAX, Step};
use machine::StateKey;
use protocol::codec;
use protocol::{Hash, Header};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

const MAGIC: &[u8; 8] = b"NVSTEPS1";
const HEAD_BYTES: usize = 40;
const LENGTH_BYTES: usize = 4;
const CHECK_BYTES: usize = 8;
/// Longest entry.
const ENTRY_BYTES_MAX: usize = STEP_BYTES_MAX + 64;

/// What is written down of an epoch.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
enum Entry {
    /// The proof of its committee's record, under a header that is not certified yet.
    Proof { epoch: u64, header: Header, proof: Vec<u8> },
    /// The whole step.
    Whole { epoch: u64, step: Step },
}

/// A proof that waits for its certificate.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) epoch: u64,
    pub(crate) header: Header,
    pub(crate) proof: Vec<u8>,
}

#[derive(Debug, Default)]
struct Held {
    begun: BTreeMap<u64, Begun>,
    whole: BTreeMap<u64, Step>,
    file: Option<Kept<File>>,
}

/// A file that entries are added to.
#[derive(Debug)]
struct Kept<F> {
    file: F,
    /// Where the next entry begins.
    end: u64,
    /// Whether the disk may have taken a part of the last one.
    is_torn: bool,
}

/// What entries are written to.
trait Tape: Write {
    /// Cuts off what is behind an offset, and goes on from there.
    fn cut(&mut self, end: u64) -> io::Result<()>;

    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;
}

impl Tape for File {
    fn cut(&mut self, end: u64) -> io::Result<()> {
        self.set_len(end)?;
        self.seek(SeekFrom::Start(end)).map(|_| ())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

impl<F: Tape> Kept<F> {
    /// Adds an entry, in whole. What a disk took of one that it refused in the end is cut off before the next, which would
    /// otherwise stand behind something that is none.
    fn add(&mut self, entry: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.cut(self.end)?;
        }
        self.is_torn = true;
        self.file.write_all(entry)?;
        self.file.sync()?;
        self.is_torn = false;
        self.end = self.end.saturating_add(u64::try_from(entry.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// The steps that a validator holds.
#[derive(Debug)]
pub(crate) struct Steps(Mutex<Held>);

impl Steps {
    /// Reads a file, or begins one. A last entry whose writing never finished is cut off: it is made again.
    ///
    /// # Errors
    ///
    /// If the disk refuses, the file is of another network, or it is damaged before its end.
    pub(crate) fn open(path: &Path, network: Hash) -> io::Result<Self> {
        let head = [MAGIC.as_slice(), network.bytes()].concat();
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if bytes.len() < HEAD_BYTES && head.starts_with(&bytes) {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&head)?;
            file.sync_all()?;
            durable::sync_name(path)?;
            bytes = head;
        } else if !bytes.starts_with(&head) {
            let why = format!("{} is of another network, or no file of steps", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let mut held = Held::default();
        let mut offset = HEAD_BYTES;
        while let Some((entry, next)) = read_entry(&bytes, offset).map_err(|what| {
            let why = format!("{} is damaged at byte {offset}: {what}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, why)
        })? {
            held.take(entry);
            offset = next;
        }
        let end = u64::try_from(offset).unwrap_or(u64::MAX);
        file.cut(end)?;
        held.file = Some(Kept { file, end, is_torn: false });
        Ok(Self(Mutex::new(held)))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the proof of an epoch's committee under the newest header of that epoch, unless there is one.
    pub(crate) fn keep_proof(
        &self,
        epoch: u64,
        ledger: &mut dyn Executor,
    ) -> Result<(), ExecutorError> {
        if self.held().knows(epoch) {
            return Ok(());
        }
        let (header, proof) = ledger.prove(&StateKey::Committee)?;
        Ok(self.held().keep(Entry::Proof { epoch, header, proof })?)
    }

    /// Returns the proofs that wait for a certificate.
    pub(crate) fn begun(&self) -> Vec<Begun> {
        self.held().begun.values().cloned().collect()
    }

    /// Keeps a whole step of an epoch.
    pub(crate) fn complete(&self, epoch: u64, step: Step) -> io::Result<()> {
        self.held().keep(Entry::Whole { epoch, step })
    }

    /// Returns the steps from one epoch to before another; `None` if one of them is not here.
    pub(crate) fn between(&self, from: u64, before: u64) -> Option<Vec<Step>> {
        let held = self.held();
        (from..before).map(|epoch| held.whole.get(&epoch).cloned()).collect()
    }

    /// Returns steps from an epoch on, as many as there are without a gap, and at most so many.
    pub(crate) fn from(&self, epoch: u64, count: usize) -> Vec<Step> {
        let held = self.held();
        (epoch..).map_while(|epoch| held.whole.get(&epoch).cloned()).take(count).collect()
    }
}

impl Held {
    fn knows(&self, epoch: u64) -> bool {
        self.begun.contains_key(&epoch) || self.whole.contains_key(&epoch)
    }

    fn keep(&mut self, entry: Entry) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.add(&encode(&entry)?)?;
        }
        self.take(entry);
        Ok(())
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Proof { epoch, header, proof } => {
                self.begun.insert(epoch, Begun { epoch, header, proof });
            }
            Entry::Whole { epoch, step } => {
                self.begun.remove(&epoch);
                self.whole.insert(epoch, step);
            }
        }
    }
}

fn encode(entry: &Entry) -> io::Result<Vec<u8>> {
    let body = codec::encode(entry).map_err(|error| io::Error::other(error.to_string()))?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let check = check_of(&body);
    Ok([length.to_be_bytes().as_slice(), &body, &check].concat())
}

/// Reads an entry, and where the next begins; `None` at the end, or if the last one is not whole.
fn read_entry(bytes: &[u8], offset: usize) -> Result<Option<(Entry, usize)>, String> {
    let rest = bytes.get(offset..).unwrap_or_default();
    let Some((length, rest)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > ENTRY_BYTES_MAX {
        return Err(format!("an entry of {length} bytes"));
    }
    let Some((body, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    let Some((check, rest)) = rest.split_first_chunk::<CHECK_BYTES>() else { return Ok(None) };
    match (*check == check_of(body), rest.is_empty()) {
        (false, true) => return Ok(None),
        (false, false) => return Err("an entry that was changed".into()),
        (true, _) => {}
    }
    let entry = codec::decode(body, ENTRY_BYTES_MAX).map_err(|error| error.to_string())?;
    Ok(Some((entry, offset + LENGTH_BYTES + length + CHECK_BYTES)))
}

fn check_of(body: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, e, f, g, h, ..] = *Hash::of("steps", body).bytes();
    [a, b, c, d, e, f, g, h]
}

/// Keeps steps that were taken over from a peer, and checked.
///
/// # Errors
///
/// If the disk refuses.
pub fn install(path: &Path, network: Hash, first: u64, steps: Vec<Step>) -> io::Result<()> {
    let held = Steps::open(path, network)?;
    for (epoch, step) in (first..).zip(steps) {
        if !held.held().whole.contains_key(&epoch) {
            held.complete(epoch, step)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    #[derive(Debug, Default)]
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = bytes.len().min(self.room);
            if fits == 0 {
                return Err(io::Error::from_raw_os_error(28));
            }
            self.bytes.extend(&bytes[..fits]);
            self.room -= fits;
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Tape for Disk {
        fn cut(&mut self, end: u64) -> io::Result<()> {
            self.bytes.truncate(usize::try_from(end).map_err(io::Error::other)?);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_full_disk_took_of_an_entry_is_not_in_the_way_of_the_next() {
        // 0025-BLOCK-032: a validator that goes on once there is room reads its steps again after a restart.
        let entry = |epoch, length| {
            let step = Step {
                headers: Vec::new(),
                orders: Vec::new(),
                certificate: vec![7; length],
                proof: Vec::new(),
            };
            encode(&Entry::Whole { epoch, step }).unwrap()
        };
        let disk = Disk { bytes: Vec::new(), room: entry(1, 40).len() + 30 };
        let mut kept = Kept { file: disk, end: 0, is_torn: false };
        kept.add(&entry(1, 40)).expect("there is room");
        for _ in 0..2 {
            let refused = kept.add(&entry(2, 400)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
        }
        kept.file.room = 10_000;
        kept.add(&entry(3, 5)).expect("there is room again");
        kept.add(&entry(4, 5)).expect("and more");
        let mut epochs = Vec::new();
        let mut offset = 0;
        while let Some((entry, next)) = read_entry(&kept.file.bytes, offset).expect("undamaged") {
            epochs.push(match entry {
                Entry::Whole { epoch, .. } | Entry::Proof { epoch, .. } => epoch,
            });
            offset = next;
        }
        assert_eq!((epochs, offset), (vec![1, 3, 4], kept.file.bytes.len()));
    }
}
