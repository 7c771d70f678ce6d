//! The block that consensus orders: a header that the validators sign, and a payload that only execution reads.

use bytes::Bytes;
use commonware_codec::{Buf, EncodeSize, Error, RangeCfg, Read, Write};
use commonware_consensus::{Block as ConsensusBlock, BoundedBlock, Heightable, types::Height};
use commonware_cryptography::{Digestible, sha256::Digest};
use commonware_runtime::BufMut;
use light::ConsensusHeader;
use protocol::codec::{self, EncodeError};
use protocol::{Hash, ValidatorId};
use units::{BlockHeight, BlockTime};

/// Longest encoded header: its fields are of fixed size.
const HEADER_BYTES_MAX: usize = 256;
/// Longest payload of a block.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// A block before it is executed. Its digest is the hash of its header, computed once, when it is made or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) header: ConsensusHeader,
    pub(crate) payload: Bytes,
    digest: Digest,
    height: u64,
    /// The header as it is hashed.
    encoded: Vec<u8>,
}

impl Block {
    /// Makes a block of a header, whose payload hash is filled in.
    pub(crate) fn new(header: ConsensusHeader, payload: Vec<u8>) -> Result<Self, EncodeError> {
        let header = ConsensusHeader { payload: Hash::of("payload", &payload), ..header };
        Self::whole(header, payload.into())
    }

    fn whole(header: ConsensusHeader, payload: Bytes) -> Result<Self, EncodeError> {
        let encoded = codec::encode(&header)?;
        let digest = Digest(*header.hash()?.bytes());
        let height = u64::try_from(header.height.blocks()).unwrap_or(0);
        Ok(Self { header, payload, digest, height, encoded })
    }

    /// The block that every chain of a network begins with: it says nothing but which network.
    pub(crate) fn genesis(network: Hash, time: BlockTime) -> Result<Self, EncodeError> {
        let zero = BlockHeight::from_blocks(0);
        let header = ConsensusHeader {
            round: 0,
            proposer: ValidatorId::new(0),
            parent: Hash::default(),
            height: zero,
            time,
            executed_height: zero,
            executed: Hash::default(),
            payload: Hash::default(),
        };
        Self::new(header, network.bytes().to_vec())
    }

    pub(crate) fn number(&self) -> u64 {
        self.height
    }
}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        Bytes::copy_from_slice(&self.encoded).write(buf);
        self.payload.write(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        self.encoded.len().encode_size() + self.encoded.len() + self.payload.encode_size()
    }
}

impl Read for Block {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let encoded = Bytes::read_cfg(buf, &RangeCfg::new(1..=HEADER_BYTES_MAX))?;
        let payload = Bytes::read_cfg(buf, &RangeCfg::new(0..=PAYLOAD_BYTES_MAX))?;
        let refuse = |what| Error::Invalid("Block", what);
        let header: ConsensusHeader =
            codec::decode(&encoded, HEADER_BYTES_MAX).map_err(|_| refuse("header"))?;
        if header.payload != Hash::of("payload", &payload) {
            return Err(refuse("payload hash"));
        }
        if u64::try_from(header.height.blocks()).is_err() {
            return Err(refuse("height"));
        }
        Self::whole(header, payload).map_err(|_| refuse("limits"))
    }
}

impl BoundedBlock for Block {
    fn max_encode_size((): &()) -> usize {
        HEADER_BYTES_MAX + PAYLOAD_BYTES_MAX + 10
    }
}

impl Digestible for Block {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        self.digest
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.height)
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> Digest {
        Digest(*self.header.parent.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_codec::{Copying, DecodeExt as _, Encode as _};

    #[test]
    fn a_block_reads_back_and_no_byte_of_it_can_change_unseen() {
        let header = Block::genesis(Hash::default(), BlockTime::from_millis(5)).expect("ok").header;
        let block = Block::new(header, b"payload".to_vec()).expect("ok");
        let bytes = block.encode();
        assert!(bytes.len() <= Block::max_encode_size(&()));
        assert_eq!(Block::decode(Copying(&bytes)).expect("whole"), block);
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            let read = Block::decode(Copying(&changed));
            assert!(
                read.is_err() || read.is_ok_and(|read| read.digest() != block.digest()),
                "{at}"
            );
        }
    }
}
