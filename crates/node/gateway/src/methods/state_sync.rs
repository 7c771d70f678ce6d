//! The methods by which somebody who has nothing but the list of validators takes over the whole history, or the newest
//! state (state sync): all that is told is checked against headers, and headers against signatures.

use super::{Serve, read};
use protocol::codec;
use replica::{Node, Source};
use rpc::{
    Bytes, ChunkParams, Error, GenesisParams, GenesisReply, PieceReply, SnapshotParams,
    SnapshotReply, TreeParams,
};

impl Serve for GenesisParams {
    async fn serve(self, node: &Node, _: Source) -> Result<GenesisReply, Error> {
        let genesis = read(node, |node| node.genesis()).await?;
        Ok(GenesisReply { genesis: Bytes(genesis) })
    }
}

impl Serve for SnapshotParams {
    async fn serve(self, node: &Node, _: Source) -> Result<SnapshotReply, Error> {
        let Some(offer) = read(node, |node| node.offer()).await? else {
            let often = house::SNAPSHOT_BLOCKS;
            let words = format!("there is no snapshot yet: the first is of block {often}");
            return Err(Error::unavailable(words));
        };
        let manifest = codec::encode(&offer.manifest).map_err(Error::unavailable)?;
        Ok(SnapshotReply {
            height: u64::try_from(offer.manifest.height.blocks()).unwrap_or(0),
            manifest: Bytes(manifest),
            target: Bytes(offer.target.encode()),
        })
    }
}

impl Serve for ChunkParams {
    async fn serve(self, node: &Node, _: Source) -> Result<PieceReply, Error> {
        let Self { height, index } = self;
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let chunk = read(node, move |node| node.chunk(height, index)).await?;
        Ok(PieceReply { bytes: Bytes(chunk) })
    }
}

impl Serve for TreeParams {
    async fn serve(self, node: &Node, _: Source) -> Result<PieceReply, Error> {
        let Bytes(request) = self.request;
        let answer = read(node, move |node| node.serve_tree(&request)).await?;
        Ok(PieceReply { bytes: Bytes(answer) })
    }
}
