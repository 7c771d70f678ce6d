//! Blocks, their headers, and what shows them to be final, with the steps from one committee to the next.

use super::{Serve, WAIT_MAX, read};
use protocol::codec::{self, EncodeError};
use replica::{Node, Source};
use rpc::{
    AnchorParams, AnchorReply, BlockReply, BlocksParams, Bytes, Error, EvidenceParams,
    EvidenceReply, FollowParams, FollowReply, HeaderParams, HeaderReply, StepsParams, StepsReply,
};

/// Most blocks in one answer, and the bytes after which no further one is added.
const BLOCKS_MAX: usize = 256;
const BLOCKS_BYTES_MAX: usize = 1 << 20;
/// Most steps in one answer, and the bytes after which no further one is added.
const STEPS_MAX: usize = 64;
const STEPS_BYTES_MAX: usize = 1 << 20;

impl Serve for FollowParams {
    async fn serve(self, node: &Node, _: Source) -> Result<FollowReply, Error> {
        // Whether it came in time, the answer says.
        drop(tokio::time::timeout(WAIT_MAX, node.reached(self.height)).await);
        Ok(FollowReply { height: node.height() })
    }
}

impl Serve for BlocksParams {
    async fn serve(self, node: &Node, _: Source) -> Result<Vec<BlockReply>, Error> {
        let Self { height, count } = self;
        let count = usize::try_from(count.unwrap_or(1)).unwrap_or(BLOCKS_MAX).min(BLOCKS_MAX);
        let held = read(node, move |node| node.blocks(height, count, BLOCKS_BYTES_MAX)).await?;
        if held.is_empty() {
            let newest = node.height();
            let words = format!("there is no block {height} here: the newest is {newest}");
            return Err(Error::unavailable(words));
        }
        let told = held.iter().map(|(header, block)| {
            let (header, block) = (codec::encode(header)?, codec::encode(block)?);
            Ok(BlockReply { header: Bytes(header), block: Bytes(block) })
        });
        told.collect::<Result<_, EncodeError>>().map_err(Error::unavailable)
    }
}

impl Serve for HeaderParams {
    async fn serve(self, node: &Node, _: Source) -> Result<HeaderReply, Error> {
        let Some(certified) = node.certified(self.height).await else {
            let words = format!("block {} has no certificate here yet: ask again", self.height);
            return Err(Error::unavailable(words));
        };
        let orders = certified.orders.iter().map(|order| codec::encode(order).map(Bytes));
        let orders = orders.collect::<Result<_, EncodeError>>().map_err(Error::unavailable)?;
        Ok(HeaderReply { orders, certificate: Bytes(certified.certificate) })
    }
}

impl Serve for EvidenceParams {
    async fn serve(self, node: &Node, _: Source) -> Result<EvidenceReply, Error> {
        let height = self.height;
        let Some(proof) = node.finality_proof(height).await.map_err(Error::unavailable)? else {
            return Err(Error::unavailable(format!(
                "no certified block names the outcome of block {height} here: it is too new or too old"
            )));
        };
        let evidence = proof.encode().map_err(Error::unavailable)?;
        Ok(EvidenceReply { evidence: Bytes(evidence) })
    }
}

impl Serve for StepsParams {
    async fn serve(self, node: &Node, _: Source) -> Result<StepsReply, Error> {
        let (mut steps, mut bytes) = (Vec::new(), 0);
        for step in node.steps(self.epoch, STEPS_MAX) {
            let encoded = step.encode().map_err(Error::unavailable)?;
            bytes += encoded.len();
            if bytes > STEPS_BYTES_MAX && !steps.is_empty() {
                break;
            }
            steps.push(Bytes(encoded));
        }
        Ok(StepsReply { steps })
    }
}

impl Serve for AnchorParams {
    async fn serve(self, node: &Node, _: Source) -> Result<AnchorReply, Error> {
        Ok(AnchorReply { anchor: node.anchor().text() })
    }
}
