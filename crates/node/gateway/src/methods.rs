//! Who serves which method. Parameters, results and costs are those of `rpc`; a file here has the methods that read the same
//! part of a node.

mod answers;
mod chain;
mod feed;
mod state_sync;
mod status;
mod submit;

use replica::{Node, Source};
use rpc::{Call, DiscoverParams, Error, Id, Method};
use serde_json::Value;
use std::future::Future;
use std::time::Duration;

/// Longest wait for a block, or for the block that certifies an answer.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// A method that a node serves.
trait Serve: Method {
    /// Returns the result, or why there is none.
    fn serve(
        self,
        node: &Node,
        source: Source,
    ) -> impl Future<Output = Result<Self::Reply, Error>> + Send;
}

/// Returns the response to a call.
pub(crate) async fn respond(node: &Node, source: Source, id: &Id, call: Call) -> String {
    match call {
        Call::Status(params) => answer(node, source, id, params).await,
        Call::Submit(params) => answer(node, source, id, params).await,
        Call::Follow(params) => answer(node, source, id, params).await,
        Call::Blocks(params) => answer(node, source, id, params).await,
        Call::Header(params) => answer(node, source, id, params).await,
        Call::Answer(params) => answer(node, source, id, params).await,
        Call::Order(params) => answer(node, source, id, params).await,
        Call::Fill(params) => answer(node, source, id, params).await,
        Call::Receipt(params) => answer(node, source, id, params).await,
        Call::Greeks(params) => answer(node, source, id, params).await,
        Call::Anchor(params) => answer(node, source, id, params).await,
        Call::Evidence(params) => answer(node, source, id, params).await,
        Call::Steps(params) => answer(node, source, id, params).await,
        Call::Genesis(params) => answer(node, source, id, params).await,
        Call::Snapshot(params) => answer(node, source, id, params).await,
        Call::Chunk(params) => answer(node, source, id, params).await,
        Call::Tree(params) => answer(node, source, id, params).await,
        Call::Discover(params) => answer(node, source, id, params).await,
        Call::Feed(params) => answer(node, source, id, params).await,
    }
}

async fn answer<M: Serve>(node: &Node, source: Source, id: &Id, params: M) -> String {
    match params.serve(node, source).await {
        Ok(reply) => rpc::answered(id, &reply),
        Err(error) => rpc::refused(id, &error),
    }
}

impl Serve for DiscoverParams {
    async fn serve(self, _: &Node, _: Source) -> Result<Value, Error> {
        Ok(rpc::openrpc())
    }
}

/// Reads the disk on a thread for that.
async fn read<T: Send + 'static, E: ToString + Send + 'static>(
    node: &Node,
    reader: impl FnOnce(Node) -> Result<T, E> + Send + 'static,
) -> Result<T, Error> {
    let node = node.clone();
    let read = tokio::task::spawn_blocking(move || reader(node));
    read.await.map_err(Error::unavailable)?.map_err(Error::unavailable)
}
