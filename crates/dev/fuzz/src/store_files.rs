//! The files of the store: log entries, whole logs, snapshot headers, proofs.
//!
//! Checks at the end of a part would refuse nearly every damaged input, so each target also mends them, as a forger
//! would. What is read is compared with the bytes by encoders that are written here a second time.

use crate::Answer;
use crate::data::Scratch;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use store::{
    BlockReader, Claim, ENTRY_BYTES_MAX, LogEntry, PROOF_BYTES_MAX, Proof, QmdbCommitment,
    StateCommitment as _, StateRoot, decode_entry, decode_snapshot_header,
};

const GENESIS: [u8; 32] = [7; 32];
/// Bytes of an entry before its payload.
const ENTRY_HEADER: usize = 40;
/// Bytes of a segment before its first entry.
const SEGMENT_HEADER: usize = 64;
/// Bytes of a snapshot's header before its own hash.
const SNAPSHOT_HEADER: usize = 148;

fn check_of(parts: &[&[u8]]) -> [u8; 8] {
    let hash: [u8; 32] = Sha256::digest(parts.concat()).into();
    hash.first_chunk().copied().expect("a hash is longer")
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

/// Encodes an entry; `durable` is the field that reading leaves out.
fn encoded(entry: &LogEntry, durable: &[u8], genesis: &[u8]) -> Vec<u8> {
    let LogEntry { height, header, block } = entry;
    let length = |part: &[u8]| u32::try_from(part.len()).expect("short").to_be_bytes();
    let payload = check_of(&[header, block]);
    let fields =
        [&length(header)[..], &length(block), &height.to_be_bytes(), durable, &payload].concat();
    [&fields[..], &check_of(&[genesis, &fields]), header, block].concat()
}

/// Makes the checks of the entry that begins at `at` fit; returns where the next begins.
fn mend_entry(bytes: &mut [u8], at: usize, genesis: &[u8]) -> Option<usize> {
    let fields = bytes.get(at..at.checked_add(ENTRY_HEADER)?)?;
    let payload = at + ENTRY_HEADER;
    let end = payload + number(&fields[..4]) + number(&fields[4..8]);
    if let Some(payload) = bytes.get(payload..end) {
        let check = check_of(&[payload]);
        bytes[at + 24..at + 32].copy_from_slice(&check);
    }
    let check = check_of(&[genesis, &bytes[at..at + 32]]);
    bytes[at + 32..at + 40].copy_from_slice(&check);
    Some(end)
}

/// An entry is read as it was written, and nothing behind it is touched.
pub(crate) fn entry(bytes: &[u8]) -> Answer {
    let mut mended = bytes.to_vec();
    mend_entry(&mut mended, 0, &GENESIS);
    let mut answer = Answer::Refused;
    for bytes in [bytes, &mended] {
        let Ok((entry, length)) = decode_entry(bytes, &GENESIS) else { continue };
        assert!(entry.header.len() + entry.block.len() <= ENTRY_BYTES_MAX);
        assert_eq!(encoded(&entry, &bytes[16..24], &GENESIS), bytes[..length]);
        assert_eq!(decode_entry(&bytes[..length], &GENESIS), Ok((entry, length)));
        assert!(decode_entry(bytes, &[8; 32]).is_err(), "an entry of another chain");
        answer = Answer::Accepted;
    }
    answer
}

pub(crate) fn entries() -> Vec<Vec<u8>> {
    let entry = |height, header: &[u8], block: &[u8]| {
        let entry = LogEntry { height, header: header.to_vec(), block: block.to_vec() };
        encoded(&entry, &[0; 8], &GENESIS)
    };
    vec![entry(1, b"", b""), entry(7, b"head", b"block"), entry(u64::MAX, &[9; 90], &[1; 300])]
}

/// A segment file of any bytes: the first says whether the checks are mended. What is read stands in the file, in
/// order, from its beginning.
pub(crate) fn log(bytes: &[u8]) -> Answer {
    let Some((mend, file)) = bytes.split_first() else { return Answer::Refused };
    let mut file = file.to_vec();
    if mend % 2 == 1 && file.len() >= SEGMENT_HEADER {
        let check = check_of(&[&file[..56]]);
        file[56..64].copy_from_slice(&check);
        let genesis = file[16..48].to_vec();
        let mut at = SEGMENT_HEADER;
        while let Some(next) = mend_entry(&mut file, at, &genesis) {
            at = next;
        }
    }
    let scratch = Scratch::new();
    scratch.write("blocks-00000000.log", &file);
    let Ok(reader) = BlockReader::open(scratch.path(), None) else { return Answer::Refused };
    let mut height = reader.first_height().expect("there is a segment");
    let (mut at, mut answer) = (SEGMENT_HEADER, Answer::Accepted);
    for entry in reader {
        let Ok(entry) = entry else {
            answer = Answer::Refused;
            break;
        };
        assert_eq!(entry.height, height, "heights follow each other");
        height = height.wrapping_add(1);
        let written = encoded(&entry, &file[at + 16..at + 24], &file[16..48]);
        assert_eq!(file[at..at + written.len()], written, "an entry that is not in the file");
        at += written.len();
    }
    answer
}

pub(crate) fn logs() -> Vec<Vec<u8>> {
    let mut file = [&b"NVBLOCKS"[..], &[0, 0, 0, 1], &[0; 4], &GENESIS].concat();
    file.extend(5_u64.to_be_bytes());
    file.extend(check_of(&[&file]));
    let mut files = vec![file.clone()];
    for height in 5..9_u64 {
        let entry = LogEntry { height, header: vec![1; 20], block: vec![2; 60] };
        file.extend(encoded(&entry, &(height - 1).to_be_bytes(), &GENESIS));
        files.push(file.clone());
    }
    files.iter().flat_map(|file| [[&[0], &file[..]].concat(), [&[1], &file[..]].concat()]).collect()
}

/// A snapshot's header says what stands in its bytes, and no impossible sizes.
pub(crate) fn snapshot_header(bytes: &[u8]) -> Answer {
    let mut mended = bytes.to_vec();
    if let Some((fields, rest)) = mended.split_at_mut_checked(SNAPSHOT_HEADER)
        && let Some(hash) = rest.first_chunk_mut::<32>()
    {
        *hash = Sha256::digest(fields).into();
    }
    let mut answer = Answer::Refused;
    for bytes in [bytes, &mended] {
        let Ok(header) = decode_snapshot_header(bytes) else { continue };
        let point = header.checkpoint;
        let fields = [point.operations, point.prunable, header.state_bytes, header.body_bytes];
        let again = [
            &b"NVSTATE\0\0\0\0\x01"[..],
            &header.genesis,
            &point.height.to_be_bytes(),
            &point.root.bytes(),
            &fields.map(u64::to_be_bytes).concat(),
        ];
        assert_eq!(again.concat(), bytes[..SNAPSHOT_HEADER - 32]);
        assert!(header.state_bytes <= 32 << 30 && header.body_bytes <= 32 << 30);
        answer = Answer::Accepted;
    }
    answer
}

pub(crate) fn snapshot_headers() -> Vec<Vec<u8>> {
    let header = |height: u64, bytes: u64| {
        let mut header = [&b"NVSTATE\0\0\0\0\x01"[..], &GENESIS, &height.to_be_bytes()].concat();
        header.extend([3; 32]);
        for field in [10, 5, bytes, bytes / 2] {
            header.extend(u64::to_be_bytes(field));
        }
        header.extend([4; 32]);
        let hash = Sha256::digest(&header);
        header.extend(hash);
        header
    };
    vec![header(1, 0), header(42, 100_000), header(u64::MAX, 32 << 30)]
}

/// A small authenticated state: what is so, and proofs of it.
#[derive(Debug)]
struct Truth {
    root: StateRoot,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    proofs: Vec<Vec<u8>>,
}

fn truth() -> &'static Truth {
    static TRUTH: OnceLock<Truth> = OnceLock::new();
    TRUTH.get_or_init(|| {
        let scratch = Scratch::new();
        let mut state = QmdbCommitment::temporary(scratch.path()).expect("opened");
        let mut records = BTreeMap::new();
        for height in 1..6_u8 {
            let writes: Vec<_> = (0..10)
                .map(|number| (vec![number, height % 3], vec![height; usize::from(number) * 9]))
                .collect();
            records.extend(writes.clone());
            let writes: Vec<_> = writes.into_iter().map(|(key, held)| (key, Some(held))).collect();
            state.commit(u64::from(height), &writes).expect("committed");
        }
        let mut keys: Vec<Vec<u8>> = records.keys().cloned().collect();
        keys.extend([vec![], vec![200, 1], vec![9; 40]]);
        let prove = |key: &Vec<u8>| {
            let record = records.get(key).map(Vec::as_slice);
            state.prove(key, record).expect("proved").encode()
        };
        let proofs = keys.iter().map(prove).collect();
        Truth { root: state.root(), records, proofs }
    })
}

/// A proof has one encoding, and whatever it is, it shows nothing that is not so.
pub(crate) fn proof(bytes: &[u8]) -> Answer {
    let Truth { root, records, .. } = truth();
    let mut mended = bytes.to_vec();
    if let Some((body, check)) = mended.split_last_chunk_mut::<8>() {
        *check = check_of(&[body]);
    }
    let mut answer = Answer::Refused;
    for bytes in [bytes, &mended] {
        let Ok(proof) = Proof::decode(bytes) else { continue };
        assert!(bytes.len() <= PROOF_BYTES_MAX);
        assert_eq!(proof.encode(), bytes, "two encodings of one proof");
        // Under the root that it names itself it may hold or not; it answers.
        drop(proof.verify(proof.root()));
        if let Ok(shown) = proof.verify(*root) {
            let known = records
                .get(&shown.key)
                .map_or(Claim::Absent, |record| Claim::Present(record.clone()));
            assert_eq!(shown.claim, known, "shown of {:?}", shown.key);
            answer = Answer::Accepted;
        }
    }
    answer
}

pub(crate) fn proofs() -> Vec<Vec<u8>> {
    truth().proofs.clone()
}
