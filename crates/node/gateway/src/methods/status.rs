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

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Mode, UnderlyingId};
    use replica::Activities;
    use std::time::Duration;
    use units::BlockSpan;

    fn status() -> Status {
        Status {
            validator: Some(ValidatorId::new(4)),
            epoch: 2,
            seated: true,
            unreached: vec![ValidatorId::new(3)],
            heard: vec![ValidatorId::new(1), ValidatorId::new(2)],
            quorum: (3, 4),
            since_block: Duration::from_micros(58_900),
            oracles: vec![Oracle {
                underlying: UnderlyingId::new(1),
                name: "BTC".to_owned(),
                mode: Mode::ReduceOnly,
                age: Some(BlockSpan::from_millis(1_500)),
            }],
            header: None,
            finalised: 9,
            waiting: 7,
            waiting_bytes: 700,
            halted: None,
            signing_stopped: Some("the disk is full".to_owned()),
            activities: Activities {
                round: (2 << 32) + 42,
                finalised: 5,
                skipped: 1,
                contradictions: 0,
            },
        }
    }

    #[test]
    fn what_is_told_is_how_the_validator_stands() {
        let told = reply("novation-test@00", &status());
        assert_eq!((told.validator, told.validators_needed), (Some(4), 3));
        assert_eq!((told.heard, told.unreached), (vec![1, 2], vec![3]));
        assert_eq!(told.since_block_ms, 58, "whole milliseconds, rounded down");
        assert_eq!((told.round, told.view), ((2 << 32) + 42, 42), "the view is of its epoch");
        assert_eq!(told.signing_stopped.as_deref(), Some("the disk is full"));
        let oracle = &told.oracles[0];
        assert_eq!((oracle.mode.as_str(), oracle.age_ms), ("reduce_only", Some(1_500)));
    }

    #[test]
    fn before_the_first_block_there_is_no_height_time_or_root() {
        let told = reply("novation-test@00", &status());
        assert_eq!((told.height, told.time, told.state_root), (None, None, None));
    }
}
