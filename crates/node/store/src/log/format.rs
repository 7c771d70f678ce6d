//! How a block log is laid out in bytes, and nothing about files.
//!
//! A segment is a header and then entries without a gap. Integers are big-endian; a check is the
//! first eight bytes of a SHA-256.
//!
//! ```text
//! segment:  magic "NVBLOCKS" · version u32 · number u32 · genesis 32 · first height u64 · check 8
//! entry:    header length u32 · block length u32 · height u64 · durable u64
//!           · payload check 8 · check 8 · header · block
//! ```
//!
//! An entry's check covers its fields, the check of its payload and the genesis hash, so that its
//! lengths can be trusted before its payload is read, and an entry of another chain is no entry
//! here. `durable` says that every height below it was known to be on disk when the entry was
//! written: that is how a reader tells a tail that was never acknowledged from damage.

use crate::GenesisHash;
use sha2::{Digest as _, Sha256};

/// Opens every segment.
const MAGIC: &[u8; 8] = b"NVBLOCKS";
/// The layout described above.
pub const VERSION: u32 = 1;
/// Length of a segment's header.
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
/// Length of an entry before its header and block.
pub(super) const ENTRY_HEADER_BYTES: usize = 40;
/// Most bytes of header and block together in one entry.
pub const ENTRY_BYTES_MAX: usize = 64 << 20;

type Check = [u8; 8];

/// One block as the log keeps it: opaque header and block bytes at a height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Height of the block.
    pub height: u64,
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The block's bytes.
    pub block: Vec<u8>,
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The bytes end within the entry.
    #[error("the entry is cut short")]
    CutShort,
    /// The fields in front do not match their check.
    #[error("the entry's lengths or height were changed")]
    HeaderChanged,
    /// The fields hold, but say more than an entry may.
    #[error("the entry claims more than {ENTRY_BYTES_MAX} bytes")]
    TooLong,
    /// The header or block bytes do not match their check.
    #[error("the entry's header or block was changed")]
    PayloadChanged,
}

/// The fields in front of an entry's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryHeader {
    header_bytes: u32,
    block_bytes: u32,
    pub(super) height: u64,
    pub(super) durable: u64,
    payload_check: Check,
}

impl EntryHeader {
    /// Returns how many bytes follow.
    pub(super) fn payload_bytes(&self) -> u64 {
        u64::from(self.header_bytes).saturating_add(u64::from(self.block_bytes))
    }

    /// Reads the fields, trusting nothing until the check matches.
    pub(super) fn decode(
        bytes: &[u8; ENTRY_HEADER_BYTES],
        genesis: &GenesisHash,
    ) -> Result<Self, EntryError> {
        let (fields, check) = bytes.split_at(ENTRY_HEADER_BYTES - 8);
        if check != check_of(&[genesis, fields]) {
            return Err(EntryError::HeaderChanged);
        }
        let mut rest = fields;
        let this = Self {
            header_bytes: u32::from_be_bytes(take(&mut rest)),
            block_bytes: u32::from_be_bytes(take(&mut rest)),
            height: u64::from_be_bytes(take(&mut rest)),
            durable: u64::from_be_bytes(take(&mut rest)),
            payload_check: take(&mut rest),
        };
        if this.payload_bytes() > ENTRY_BYTES_MAX as u64 {
            return Err(EntryError::TooLong);
        }
        Ok(this)
    }

    /// Splits a payload of [`Self::payload_bytes`] into header and block, if it is unchanged.
    pub(super) fn open(&self, payload: &[u8]) -> Result<LogEntry, EntryError> {
        let (header, block) = usize::try_from(self.header_bytes)
            .ok()
            .and_then(|length| payload.split_at_checked(length))
            .filter(|_| {
                u64::try_from(payload.len()).is_ok_and(|length| length == self.payload_bytes())
            })
            .ok_or(EntryError::CutShort)?;
        if self.payload_check != check_of(&[payload]) {
            return Err(EntryError::PayloadChanged);
        }
        Ok(LogEntry { height: self.height, header: header.to_vec(), block: block.to_vec() })
    }
}

/// Appends an entry to `bytes`; `None` if it is longer than an entry may be.
pub(super) fn encode_entry(
    bytes: &mut Vec<u8>,
    genesis: &GenesisHash,
    height: u64,
    durable: u64,
    header: &[u8],
    block: &[u8],
) -> Option<()> {
    if header.len().checked_add(block.len())? > ENTRY_BYTES_MAX {
        return None;
    }
    let start = bytes.len();
    bytes.extend_from_slice(&u32::try_from(header.len()).ok()?.to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(block.len()).ok()?.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&durable.to_be_bytes());
    bytes.extend_from_slice(&check_of(&[header, block]));
    let check = check_of(&[genesis, bytes.get(start..)?]);
    bytes.extend_from_slice(&check);
    bytes.extend_from_slice(header);
    bytes.extend_from_slice(block);
    Some(())
}

/// Reads the entry that `bytes` begins with, and says how many bytes it took.
///
/// # Errors
///
/// [`EntryError`] says in which way the bytes are not an entry of this chain.
pub fn decode_entry(bytes: &[u8], genesis: &GenesisHash) -> Result<(LogEntry, usize), EntryError> {
    let (fields, rest) =
        bytes.split_first_chunk::<ENTRY_HEADER_BYTES>().ok_or(EntryError::CutShort)?;
    let fields = EntryHeader::decode(fields, genesis)?;
    let length = usize::try_from(fields.payload_bytes()).map_err(|_| EntryError::TooLong)?;
    let payload = rest.get(..length).ok_or(EntryError::CutShort)?;
    Ok((fields.open(payload)?, ENTRY_HEADER_BYTES + length))
}

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u32,
    pub(super) genesis: GenesisHash,
    pub(super) first_height: u64,
}

/// Why bytes are not a segment's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegmentHeaderError {
    NotASegment,
    VersionUnknown(u32),
    Changed,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.genesis);
        bytes.extend_from_slice(&self.first_height.to_be_bytes());
        let check = check_of(&[&bytes]);
        bytes.extend_from_slice(&check);
        bytes
    }

    pub(super) fn decode(bytes: &[u8; SEGMENT_HEADER_BYTES]) -> Result<Self, SegmentHeaderError> {
        let mut rest: &[u8] = bytes;
        if &take::<8>(&mut rest) != MAGIC {
            return Err(SegmentHeaderError::NotASegment);
        }
        // Before the check: another version may keep its check elsewhere.
        let version = u32::from_be_bytes(take(&mut rest));
        if version != VERSION {
            return Err(SegmentHeaderError::VersionUnknown(version));
        }
        let this = Self {
            number: u32::from_be_bytes(take(&mut rest)),
            genesis: take(&mut rest),
            first_height: u64::from_be_bytes(take(&mut rest)),
        };
        if rest != check_of(&[&bytes[..SEGMENT_HEADER_BYTES - 8]]) {
            return Err(SegmentHeaderError::Changed);
        }
        Ok(this)
    }
}

/// Takes `N` bytes off the front of a slice known to hold them; zeros if it does not.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let Some((head, tail)) = rest.split_first_chunk() else {
        return [0; N];
    };
    *rest = tail;
    *head
}

/// Returns the check of the concatenation of `parts`.
fn check_of(parts: &[&[u8]]) -> Check {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let hash: [u8; 32] = hasher.finalize().into();
    take(&mut hash.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GENESIS: GenesisHash = [9; 32];

    fn entry(header: &[u8], block: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_entry(&mut bytes, &GENESIS, 7, 3, header, block).expect("short");
        bytes
    }

    #[test]
    fn an_entry_with_any_bit_changed_is_no_entry() {
        let bytes = entry(b"head", b"block bytes");
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            decode_entry(&changed, &GENESIS).expect_err("a changed bit");
        }
    }

    #[test]
    fn an_entry_of_another_chain_is_no_entry() {
        assert_eq!(
            decode_entry(&entry(b"head", b"block"), &[8; 32]),
            Err(EntryError::HeaderChanged)
        );
    }

    #[test]
    fn a_segment_header_with_any_bit_changed_is_refused() {
        let header = SegmentHeader { number: 1, genesis: GENESIS, first_height: 5 };
        let bytes: [u8; SEGMENT_HEADER_BYTES] =
            header.encode().try_into().expect("the length above");
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes;
            changed[at / 8] ^= 1 << (at % 8);
            SegmentHeader::decode(&changed).expect_err("a changed bit");
        }
    }

    proptest! {
        #[test]
        fn prop_entries_round_trip_whatever_follows(
            header in proptest::collection::vec(any::<u8>(), 0..50),
            block in proptest::collection::vec(any::<u8>(), 0..200),
            after in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            let mut bytes = entry(&header, &block);
            let length = bytes.len();
            bytes.extend_from_slice(&after);
            let expected = LogEntry { height: 7, header, block };
            prop_assert_eq!(decode_entry(&bytes, &GENESIS), Ok((expected, length)));
        }

        #[test]
        fn prop_random_bytes_are_refused_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300)
        ) {
            prop_assert!(decode_entry(&bytes, &GENESIS).is_err());
        }
    }
}
