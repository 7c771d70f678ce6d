//! Metrics as text for Prometheus, in its exposition format 0.0.4: what this program adds to the engine's, and the engine's
//! own in that format.

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
        self.value(name, "", value);
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
fn text(node: &Node) -> String {
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
    text.counter(
        "views_skipped_total",
        "Views that ended without a block.",
        status.activities.skipped,
    );
    let contradictions = status.activities.contradictions;
    text.counter("contradictions_total", "Votes seen that contradict another.", contradictions);
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

/// Returns all metrics of a node: its own, and the engine's.
pub(crate) fn all(node: &Node, engine: &str) -> String {
    text(node) + &classic(engine, node.status().epoch)
}

/// Returns the engine's text, which is in another format, in the one that is served: the family of a counter is named as its
/// values are, nothing marks the end, and of epochs before the last, which are over, nothing is told.
fn classic(engine: &str, epoch: u64) -> String {
    let mut text = String::with_capacity(engine.len());
    let mut help = None;
    for line in engine.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            help = said.split_once(' ');
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|said| said.split_once(' '))
        {
            let total = if kind == "counter" { "_total" } else { "" };
            let said = help.take().filter(|(helped, _)| *helped == name);
            let said = said.map_or("What the engine calls so.", |(_, said)| said);
            // Writing to a string cannot fail.
            let _written =
                writeln!(text, "# HELP {name}{total} {said}\n# TYPE {name}{total} {kind}");
        } else if !line.starts_with('#') && !is_over(line, epoch) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Whether a value is of an epoch before the last one.
fn is_over(line: &str, epoch: u64) -> bool {
    let labels = line.split_once('{').map_or("", |(_, labels)| labels);
    let of = labels.split(['{', ',', '}']).find_map(|label| label.strip_prefix("epoch=\""));
    let of = of.and_then(|of| of.strip_suffix('"')).and_then(|of| of.parse::<u64>().ok());
    of.is_some_and(|of| of.saturating_add(1) < epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_families_are_named_as_their_values_and_past_epochs_are_left_out() {
        let engine = "# HELP a_b Things.\n# TYPE a_b counter\na_b_total 3\na_b_total{epoch=\"1\"} 4\n\
                      a_b_total{x=\"y\",epoch=\"2\"} 5\na_b_total{epoch=\"3\",x=\"y\"} 6\n\
                      # HELP c Levels.\n# TYPE c gauge\nc{epoch=\"12\"} 7\n# TYPE d histogram\n\
                      d_bucket{le=\"1\",epoch=\"0\"} 1\nd_count 2\n# EOF\n";
        let expected = "# HELP a_b_total Things.\n# TYPE a_b_total counter\na_b_total 3\n\
                        a_b_total{x=\"y\",epoch=\"2\"} 5\na_b_total{epoch=\"3\",x=\"y\"} 6\n\
                        # HELP c Levels.\n# TYPE c gauge\nc{epoch=\"12\"} 7\n\
                        # HELP d What the engine calls so.\n# TYPE d histogram\nd_count 2\n";
        assert_eq!(classic(engine, 3), expected);
    }
}
