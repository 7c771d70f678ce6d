//! What this program adds to the engine's metrics, as text for Prometheus.

use protocol::Mode;
use replica::Node;
use std::fmt::{Display, Write as _};

/// A family of metrics: its name, kind and meaning, and then its values.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _written =
            writeln!(self.0, "# HELP novation_{name} {help}\n# TYPE novation_{name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &str, value: impl Display) {
        let _written = writeln!(self.0, "novation_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.value(name, "", value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.value(&format!("{name}_total"), "", value);
    }
}

/// Returns a mode as a number, worse ones higher.
const fn mode_number(mode: Mode) -> u8 {
    match mode {
        Mode::Normal => 0,
        Mode::Caution => 1,
        Mode::ReduceOnly => 2,
        Mode::Frozen => 3,
    }
}

/// Returns the name of a mode.
pub(crate) const fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => "normal",
        Mode::Caution => "caution",
        Mode::ReduceOnly => "reduce_only",
        Mode::Frozen => "frozen",
    }
}

/// Returns the text.
pub(crate) fn text(node: &Node) -> String {
    let status = node.status();
    let mut text = Text::default();
    text.gauge("executed_height", "Highest block executed.", node.height());
    text.gauge("finalised_height", "Highest block known to be final.", status.finalised);
    let age = status.since_block.as_secs_f64();
    text.gauge("block_age_seconds", "Seconds since a block was executed.", age);
    text.gauge("epoch", "Epoch of the newest block.", status.epoch);
    let seated = u8::from(status.seated);
    text.gauge("seated", "Whether this validator has a seat in the epoch.", seated);
    let (needed, validators) = status.quorum;
    text.gauge("validators", "Validators of the epoch.", validators);
    text.gauge("validators_needed", "Validators that make a quorum.", needed);
    let heard = status.heard.len();
    text.gauge("validators_heard", "Other validators of the epoch that are heard.", heard);
    let ready = u8::from(node.ready().is_ok());
    text.gauge("ready", "Whether /health/ready says so.", ready);
    text.gauge("waiting_submissions", "Submissions that wait for a block.", status.waiting);
    text.gauge(
        "waiting_bytes",
        "Bytes of submissions that wait for a block.",
        status.waiting_bytes,
    );
    text.counter("views_skipped", "Views that ended without a block.", status.activities.skipped);
    let contradictions = status.activities.contradictions;
    text.counter("contradictions", "Votes seen that contradict another.", contradictions);
    let stopped = u8::from(status.signing_stopped.is_some());
    text.gauge("signing_stopped", "Whether this validator signs nothing more.", stopped);
    let help = "What the prices of an underlying allow: 0 all, 1 caution, 2 reductions, 3 nothing.";
    text.family("oracle_mode", "gauge", help);
    let label = |id: protocol::UnderlyingId| format!("{{underlying=\"{id}\"}}");
    for oracle in &status.oracles {
        text.value("oracle_mode", &label(oracle.underlying), mode_number(oracle.mode));
    }
    let help = "Block time since the index of an underlying was formed, in seconds.";
    text.family("oracle_age_seconds", "gauge", help);
    for oracle in &status.oracles {
        let Some(age) = oracle.age else { continue };
        // Whole milliseconds have three decimals.
        let millis = age.millis().max(0);
        let seconds = format!("{}.{:03}", millis / 1_000, millis % 1_000);
        text.value("oracle_age_seconds", &label(oracle.underlying), seconds);
    }
    text.0
}
