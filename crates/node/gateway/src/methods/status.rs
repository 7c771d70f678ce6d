//! How a validator stands.

use super::Serve;
use crate::metrics::mode_text;
use protocol::ValidatorId;
use replica::{Node, Oracle, Source, Status};
use rpc::{Error, OracleStatus, StatusParams, StatusReply};

impl Serve for StatusParams {
    async fn serve(self, node: &Node, _: Source) -> Result<StatusReply, Error> {
        Ok(reply(node.network_id(), &node.status()))
    }
}

fn reply(network: &str, status: &Status) -> StatusReply {
    let header = status.header.as_ref();
    let numbers = |ids: &[ValidatorId]| ids.iter().map(|id| id.get()).collect();
    StatusReply {
        network: network.to_owned(),
        validator: status.validator.map(ValidatorId::get),
        epoch: status.epoch,
        seated: status.seated,
        unreached: numbers(&status.unreached),
        heard: numbers(&status.heard),
        validators_needed: count(status.quorum.0),
        since_block_ms: u64::try_from(status.since_block.as_millis()).unwrap_or(u64::MAX),
        oracles: status.oracles.iter().map(oracle).collect(),
        height: header.map(|header| u64::try_from(header.height.blocks()).unwrap_or(0)),
        time: header.map(|header| i64::try_from(header.time.millis()).unwrap_or(i64::MAX)),
        state_root: header.map(|header| header.state_root.into()),
        finalised: status.finalised,
        waiting: count(status.waiting),
        waiting_bytes: count(status.waiting_bytes),
        halted: status.halted.as_ref().map(ToString::to_string),
        signing_stopped: status.signing_stopped.clone(),
        round: status.activities.round,
        view: status.activities.round & u64::from(u32::MAX),
        views_finalised: status.activities.finalised,
        views_skipped: status.activities.skipped,
        contradictions: status.activities.contradictions,
    }
}

fn count(held: usize) -> u64 {
    u64::try_from(held).unwrap_or(u64::MAX)
}

fn oracle(oracle: &Oracle) -> OracleStatus {
    OracleStatus {
        underlying: oracle.underlying.get(),
        name: oracle.name.to_string(),
        mode: mode_text(oracle.mode).to_owned(),
        age_ms: oracle.age.map(|age| i64::try_from(age.millis()).unwrap_or(i64::MAX)),
    }
}
