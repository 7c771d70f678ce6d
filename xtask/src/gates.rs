//! `cargo x gates`: how many instructions the hot paths take, counted, so that a slow machine neither fails nor hides a
//! regression.
//!
//! The counter is callgrind of valgrind, whose processor has neither SHA nor AVX-512 instructions: the figures are those
//! of the portable paths, the same on every machine, and comparable with one another alone. A bar stands a few per cent
//! above what was counted when it was set; passing it by more is a reason to set it anew.

use anyhow::{Context, Result, bail};

use crate::call::Call;
use crate::workspace;

/// What one operation of a hot path may take.
struct Gate {
    name: &'static str,
    about: &'static str,
    /// Most instructions of one operation.
    bar: u64,
}

const GATES: &[Gate] = &[
    Gate { name: "pricing", about: "price of an option in one scenario", bar: 172 },
    Gate { name: "margin", about: "margin of ten positions in 48 scenarios", bar: 2_875 },
    Gate { name: "hundred", about: "a position of an account of 100", bar: 330 },
    Gate { name: "thousands", about: "a position of an account of 4,096, the most", bar: 305 },
    Gate { name: "order_check", about: "exact check of an order, ten positions held", bar: 1_090 },
    Gate { name: "margin_impact", about: "margin of ten positions with impact", bar: 3_775 },
    Gate { name: "order_impact", about: "exact check of an order with impact", bar: 1_420 },
    Gate { name: "book", about: "order placed or cancelled, digest included", bar: 13_000 },
    Gate { name: "machine", about: "command of mixed traffic, all that a block does", bar: 14_150 },
    Gate {
        name: "prices",
        about: "vote of a hundred validators, all that a block does",
        bar: 1_780,
    },
];

pub(crate) fn run() -> Result<()> {
    if !Call::answers("valgrind") {
        bail!("valgrind is missing: apt-get install valgrind");
    }
    let program = ["--package", "testkit", "--bin", "counted"];
    Call::cargo(["build", "--release", "--quiet"]).args(program).run()?;
    let program = workspace::target().join("release").join("counted");
    let mut over = Vec::new();
    for Gate { name, about, bar } in GATES {
        let each = count(&program, name)?;
        let verdict = if each <= *bar { "within" } else { "OVER" };
        println!("{name:12} {each:>7} instructions, {verdict} {bar:>7}: {about}");
        if each > *bar {
            over.push(*name);
        }
    }
    if over.is_empty() { Ok(()) } else { bail!("over the bar: {}", over.join(", ")) }
}

/// Returns the instructions of one operation of a gate, rounded up.
fn count(program: &std::path::Path, name: &str) -> Result<u64> {
    let (said, counted) = Call::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect=counted::counted_{name}"))
        .arg(program)
        .arg(name)
        .both()?;
    let operations = said.trim().strip_prefix(name).and_then(|rest| rest.trim().parse().ok());
    let operations: u64 = operations.with_context(|| format!("{name} does not say what it did"))?;
    let instructions = collected(&counted).context("callgrind does not say what it collected")?;
    if instructions == 0 || operations == 0 {
        bail!("nothing was counted in {name}: is counted_{name} inlined?");
    }
    Ok(instructions.div_ceil(operations))
}

/// Reads a line like `==25075== Collected : 119843920`.
fn collected(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_the_counters_closing_lines() {
        let text = "==7== Events    : Ir\n==7== Collected : 119843920\n==7== \n";
        assert_eq!(collected(text), Some(119_843_920));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
