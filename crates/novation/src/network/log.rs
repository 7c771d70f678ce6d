//! What a node says while it runs: lines on standard error with time and level.
//!
//! **Left out:** what no operator acts upon. What the engine has to say below a warning is for its developers.

use operator::Level;
use protocol::Mode;
use replica::{Node, Status};
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{error, info, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Between two looks at how the node does.
const LOOK: Duration = Duration::from_millis(500);

/// Begins to write lines of a level and above.
pub(crate) fn begin(level: Level) {
    let (own, engine) = match level {
        Level::Off => (LevelFilter::OFF, LevelFilter::OFF),
        Level::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        Level::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        Level::Info => (LevelFilter::INFO, LevelFilter::WARN),
        Level::Debug => (LevelFilter::DEBUG, LevelFilter::DEBUG),
    };
    // The store's warnings are of what it finds empty when it is founded.
    let store = engine.min(if level == Level::Debug { engine } else { LevelFilter::ERROR });
    let own = ["novation", "replica", "gateway"].map(|target| (target, own));
    let filter = Targets::new().with_default(engine).with_targets(own);
    let filter = filter.with_target("commonware_storage", store);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(io::stderr);
    // Somebody has begun already: in tests.
    drop(tracing_subscriber::registry().with(lines.with_target(false)).with(filter).try_init());
}

/// What was last said of each thing, so that only changes are.
#[derive(Debug, Default)]
struct Said {
    epoch: Option<u64>,
    seated: Option<bool>,
    heard: Option<Vec<u16>>,
    unready: Option<String>,
    modes: BTreeMap<u16, String>,
    contradictions: u64,
}

/// A line to write.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Info(String),
    Warn(String),
    Error(String),
}

impl Said {
    /// Returns what is to be said of how a node stands, and why it is not ready, if so.
    fn look(&mut self, status: &Status, unready: Option<String>) -> Vec<Line> {
        let mut lines = Vec::new();
        let height = status.header.as_ref().map_or(0, |header| header.height.blocks());
        if self.epoch.replace(status.epoch).is_some_and(|epoch| epoch != status.epoch) {
            lines.push(Line::Info(format!("epoch {} has begun at block {height}", status.epoch)));
        }
        if self.seated.replace(status.seated).is_some_and(|seated| seated != status.seated) {
            lines.push(seat(status));
        }
        let heard: Vec<u16> = status.heard.iter().map(|id| id.get()).collect();
        let before = self.heard.replace(heard.clone()).unwrap_or_default();
        for id in before.iter().filter(|id| !heard.contains(id)) {
            lines.push(Line::Warn(format!("validator {id} is no longer heard")));
        }
        for id in heard.iter().filter(|id| !before.contains(id)) {
            lines.push(Line::Info(format!("validator {id} is heard")));
        }
        // How long it lasts is in the text, and no news.
        let kind = |text: &String| {
            text.split(|letter: char| letter.is_ascii_digit()).next().map(str::to_owned)
        };
        if self.unready.as_ref().and_then(kind) != unready.as_ref().and_then(kind) {
            lines.push(match &unready {
                Some(reason) => Line::Error(format!("not ready after block {height}: {reason}")),
                None => Line::Info(format!("ready again at block {height}")),
            });
        }
        self.unready = unready;
        for oracle in &status.oracles {
            let mode = mode_text(oracle.mode).to_owned();
            let id = oracle.underlying.get();
            let before = self.modes.insert(id, mode.clone());
            let Some(before) = before.filter(|before| *before != mode) else { continue };
            let text = format!("{} is {mode} from block {height} on, was {before}", oracle.name);
            lines.push(match mode.as_str() {
                "normal" | "caution" => Line::Info(text),
                _ => Line::Warn(text),
            });
        }
        if status.activities.contradictions > self.contradictions {
            self.contradictions = status.activities.contradictions;
            let text = "a validator has signed two votes that contradict each other: the next block of this one says which";
            lines.push(Line::Warn(text.to_owned()));
        }
        lines
    }
}

fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => "normal",
        Mode::Caution => "caution",
        Mode::ReduceOnly => "reduce-only",
        Mode::Frozen => "frozen",
    }
}

fn seat(status: &Status) -> Line {
    let epoch = status.epoch;
    match status.seated {
        true => Line::Info(format!("votes from epoch {epoch} on")),
        false => Line::Warn(format!(
            "has no seat from epoch {epoch} on: without one, the others end the connection an epoch later; to \
             follow the network, take the key out of the configuration and start with --join"
        )),
    }
}

/// Says what changes, for as long as the node runs.
pub(super) async fn watch(node: Node) {
    let mut said = Said::default();
    loop {
        let unready = node.ready().err().map(|reason| reason.to_string());
        for line in said.look(&node.status(), unready) {
            match line {
                Line::Info(text) => info!("{text}"),
                Line::Warn(text) => warn!("{text}"),
                Line::Error(text) => error!("{text}"),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{UnderlyingId, ValidatorId};
    use replica::Oracle;

    fn status(heard: &[u16], mode: Mode, epoch: u64) -> Status {
        Status {
            validator: Some(ValidatorId::new(1)),
            epoch,
            seated: true,
            unreached: Vec::new(),
            heard: heard.iter().copied().map(ValidatorId::new).collect(),
            quorum: (3, 4),
            since_block: Duration::ZERO,
            oracles: vec![Oracle {
                underlying: UnderlyingId::new(1),
                name: "BTC".into(),
                mode,
                age: None,
            }],
            header: None,
            finalised: 0,
            waiting: 0,
            waiting_bytes: 0,
            halted: None,
            signing_stopped: None,
            activities: replica::Activities::default(),
        }
    }

    #[test]
    fn what_changes_is_said_once_and_what_stays_is_not() {
        let mut said = Said::default();
        let first = said.look(&status(&[2, 3, 4], Mode::Normal, 0), None);
        assert_eq!(first.len(), 3, "who is heard: {first:?}");
        assert_eq!(said.look(&status(&[2, 3, 4], Mode::Normal, 0), None), []);
        let lost = |seconds: u32| Some(format!("no block for {seconds} seconds"));
        let lines = said.look(&status(&[2], Mode::ReduceOnly, 1), lost(8));
        assert_eq!(
            lines,
            [
                Line::Info("epoch 1 has begun at block 0".into()),
                Line::Warn("validator 3 is no longer heard".into()),
                Line::Warn("validator 4 is no longer heard".into()),
                Line::Error("not ready after block 0: no block for 8 seconds".into()),
                Line::Warn("BTC is reduce-only from block 0 on, was normal".into()),
            ]
        );
        assert_eq!(said.look(&status(&[2], Mode::ReduceOnly, 1), lost(9)), []);
        let lines = said.look(&status(&[2, 3], Mode::Normal, 1), None);
        assert_eq!(
            lines,
            [
                Line::Info("validator 3 is heard".into()),
                Line::Info("ready again at block 0".into()),
                Line::Info("BTC is normal from block 0 on, was reduce-only".into()),
            ]
        );
    }
}
