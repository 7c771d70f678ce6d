//! Answers that prove themselves: a record, an order, a fill, a receipt, Greeks.

use super::{Serve, WAIT_MAX};
use machine::StateKey;
use protocol::{InstrumentId, OrderId, codec};
use replica::{Answer, AnswerFailure, Node, Source};
use rpc::{
    AnswerParams, Bytes, Error, FillParams, GreeksParams, OrderParams, Proved, ReceiptParams,
    SubmissionPlace,
};
use std::future::Future;

/// Longest encoded key of a record.
const KEY_BYTES_MAX: usize = 256;

impl Serve for AnswerParams {
    async fn serve(self, node: &Node, _: Source) -> Result<Proved, Error> {
        let key: StateKey = codec::decode(&self.key.0, KEY_BYTES_MAX)
            .map_err(|error| Error::param("key", error))?;
        certified(node.answer(self.epoch, &key)).await
    }
}

impl Serve for OrderParams {
    async fn serve(self, node: &Node, _: Source) -> Result<Proved, Error> {
        let (market, order) = (InstrumentId::new(self.market), OrderId::new(self.order));
        certified(node.order(self.epoch, market, order)).await
    }
}

impl Serve for FillParams {
    async fn serve(self, node: &Node, _: Source) -> Result<Proved, Error> {
        certified(node.happened(self.epoch, self.height, OrderId::new(self.order))).await
    }
}

impl Serve for ReceiptParams {
    async fn serve(self, node: &Node, _: Source) -> Result<Proved, Error> {
        match self.of {
            SubmissionPlace::Name { name } => {
                certified(node.receipt(self.epoch, name.into())).await
            }
            SubmissionPlace::Block { height, index } => {
                let place = u32::try_from(index).unwrap_or(u32::MAX);
                certified(node.receipt_at(self.epoch, height, place)).await
            }
        }
    }
}

impl Serve for GreeksParams {
    async fn serve(self, node: &Node, _: Source) -> Result<Proved, Error> {
        certified(node.greeks(self.epoch, self.account)).await
    }
}

/// Waits for an answer, for as long as a request may last.
async fn certified(
    answer: impl Future<Output = Result<Answer, AnswerFailure>> + Send,
) -> Result<Proved, Error> {
    let late = "no block has certified the answer in time: is the network running?";
    let answer = tokio::time::timeout(WAIT_MAX, answer)
        .await
        .map_err(|_| Error::unavailable(late))?
        .map_err(Error::unavailable)?;
    let bytes = answer.encode().map_err(Error::unavailable)?;
    Ok(Proved { answer: Bytes(bytes) })
}
