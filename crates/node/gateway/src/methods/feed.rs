//! The reports of a validator's own reporter.

use super::Serve;
use protocol::{Vote, codec, limits};
use replica::{Node, Source};
use rpc::{Error, FeedParams};

impl Serve for FeedParams {
    async fn serve(self, node: &Node, _: Source) -> Result<bool, Error> {
        let vote: Vote = codec::decode(&self.vote.0, limits::BLOCK_BYTES_MAX)
            .map_err(|error| Error::param("vote", error))?;
        node.feed(self.height, vote, &self.signature.0).map_err(Error::unavailable)?;
        Ok(true)
    }
}
