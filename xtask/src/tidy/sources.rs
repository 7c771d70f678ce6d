//! Rules about source files: the header of core crates, sizes, module documentation.

use super::{Finding, Tree};

/// The header of every core `lib.rs`. Cargo cannot add lints to inherited ones, so the text is repeated.
const CORE_HEADER: &str = "\
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::integer_division,
        clippy::float_arithmetic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::let_underscore_must_use,
        clippy::disallowed_types,
        clippy::disallowed_methods,
    )
)]
";

/// What git carries well: larger data is fetched, not committed.
const FILE_BYTES_MAX: usize = 1_000_000;

/// Six hundred lines are advice; beyond this a file is certainly two things.
const SOURCE_LINES_MAX: usize = 1_000;

/// Every core `lib.rs` carries the header and lifts none of it for the whole crate.
pub(super) fn core_header(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        if !path.starts_with("crates/core/") || !path.ends_with("/src/lib.rs") {
            continue;
        }
        if !text.contains(CORE_HEADER) {
            let message = "the lint header differs: copy it from crates/core/units/src/lib.rs";
            findings.push(Finding::new(path, 1, message));
        }
        for line in super::lines(path, text).filter(|line| line.code.starts_with("#![expect(")) {
            let message = "a lint is lifted for the whole crate: put the expect on the item";
            findings.push(Finding::new(path, line.number, message));
        }
    }
    findings
}

/// No file is larger than a megabyte, no source longer than a thousand lines.
pub(super) fn file_size(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in &tree.files {
        if file.bytes > FILE_BYTES_MAX {
            let message = format!("{} bytes, at most {FILE_BYTES_MAX} go into git", file.bytes);
            findings.push(Finding::new(path, 1, message));
        }
    }
    for (path, text) in tree.rust() {
        let count = text.lines().count();
        if count > SOURCE_LINES_MAX {
            let message = format!("{count} lines, at most {SOURCE_LINES_MAX}: split it");
            findings.push(Finding::new(path, SOURCE_LINES_MAX, message));
        }
    }
    findings
}

/// Where files are made whose loss matters: keys, votes, the genesis, states.
const DURABLE: &[&str] = &[
    "crates/node/access/src/",
    "crates/node/store/src/",
    "crates/node/house/src/",
    "crates/node/replica/src/",
    "crates/node/operator/src/",
    "crates/novation/src/network/",
];

/// What makes a file there all the same, and why a crash may lose it.
const LOSABLE: &[(&str, &str)] = &[
    ("crates/node/replica/src/live.rs", "a file by which a disk is tried, and which is removed"),
    ("crates/novation/src/network/node.rs", "the number of a process that is gone after a crash"),
    ("crates/node/operator/src/doors.rs", "a socket, which a crash closes"),
    ("crates/novation/src/network/ask.rs", "an answer, which is asked for again"),
];

/// Files whose loss matters are made by `durable`, which makes their names durable, too.
pub(super) fn durable_files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        let matters = DURABLE.iter().any(|place| path.starts_with(place));
        if !matters || LOSABLE.iter().any(|(losable, _)| path == *losable) {
            continue;
        }
        let makes = |code: &str| {
            ["fs::write(", "fs::rename(", "File::create("].iter().any(|call| code.contains(call))
        };
        let lines = super::lines(path, text).filter(|line| !line.in_tests && makes(line.code));
        findings.extend(lines.map(|line| {
            let message = "a crash may lose the name of this file: make it with `durable`";
            Finding::new(path, line.number, message)
        }));
    }
    findings
}

/// Every source file opens by saying what it is for; the tests of a module are documented by their names.
pub(super) fn module_documentation(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|(path, text)| !text.starts_with("//! ") && !path.ends_with("/tests.rs"))
        .map(|(path, _)| Finding::new(path, 1, "open with `//!`: what the file is for"))
        .collect()
}

/// Rooms of a crate: which may not name which, and who may all the same.
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    ("crates/core/machine/src/state", &["crate::block", "crate::steps"], &[]),
    (
        "crates/core/machine/src/block",
        &["crate::steps"],
        &["crates/core/machine/src/block/apply.rs"],
    ),
    (
        "crates/node/replica/src/consensus",
        &["crate::proposal", "crate::execution", "crate::answers"],
        &[],
    ),
    ("crates/node/replica/src/proposal", &["crate::answers"], &[]),
    ("crates/node/replica/src/execution", &["crate::answers"], &[]),
];

/// In the machine the state knows no step and no block, and of a block only its order knows the steps; in a replica what
/// orders blocks knows nothing of what is proposed and executed, and nobody knows who answers.
pub(super) fn rooms(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust() {
        for (room, others, _) in ROOMS
            .iter()
            .filter(|(room, _, besides)| path.starts_with(room) && !besides.contains(&path))
        {
            let lines = super::lines(path, text).filter(|line| !line.in_tests);
            let named = lines.filter(|line| others.iter().any(|other| line.code.contains(other)));
            findings.extend(named.map(|line| {
                let message = format!("{room} does not know {}", others.join(" or "));
                Finding::new(path, line.number, message)
            }));
        }
    }
    findings
}

/// The steps of the machine round nothing: what a rule divides, an engine does, where it is proved or tested alone.
const STEPS: &str = "crates/core/machine/src/steps";

/// A step fetches, asks an engine, and writes.
pub(super) fn rounding_steps(tree: &Tree) -> Vec<Finding> {
    let steps = tree.rust().filter(|(path, _)| path.starts_with(STEPS));
    let mut findings = Vec::new();
    for (path, text) in steps {
        let lines = super::lines(path, text).filter(|line| !line.in_tests);
        let rounds =
            lines.filter(|line| ["Round::", "mul_div"].iter().any(|word| line.code.contains(word)));
        findings.extend(rounds.map(|line| {
            Finding::new(
                path,
                line.number,
                "a step rounds nothing: ask the engine whose rule it is",
            )
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "crates/core/book/src/lib.rs";

    #[test]
    fn a_core_crate_without_the_whole_header_is_found() {
        let whole = format!("//! The book.\n{CORE_HEADER}\nmod order;\n");
        assert!(core_header(&Tree::of(&[(LIB, &whole)])).is_empty());
        let short = whole.replace("        clippy::panic,\n", "");
        assert_eq!(core_header(&Tree::of(&[(LIB, &short)])).len(), 1);
        assert!(core_header(&Tree::of(&[("crates/node/store/src/lib.rs", "")])).is_empty());
    }

    #[test]
    fn a_core_crate_that_lifts_a_lint_everywhere_is_found() {
        let lib = format!("{CORE_HEADER}#![expect(clippy::panic, reason = \"no\")]\n");
        assert_eq!(core_header(&Tree::of(&[(LIB, &lib)])).len(), 1);
    }

    #[test]
    fn a_file_that_matters_and_is_not_made_durable_is_found() {
        let text = "//! Keys.\nfs::write(path, key)?;\n#[cfg(test)]\nmod tests { fs::write(); }\n";
        let found = |path| durable_files(&Tree::of(&[(path, text)])).len();
        assert_eq!(found("crates/node/replica/src/keys.rs"), 1);
        assert_eq!(found("crates/node/operator/src/files.rs"), 1);
        assert_eq!(found("crates/risk/report/src/lib.rs"), 0);
    }

    #[test]
    fn a_room_that_knows_one_above_it_is_found() {
        let text = "//! A room.\nuse crate::steps::custody;\n// crate::block is named.\n";
        let found = |path| rooms(&Tree::of(&[(path, text)])).len();
        assert_eq!(found("crates/core/machine/src/state.rs"), 1);
        assert_eq!(found("crates/core/machine/src/state/market.rs"), 1);
        assert_eq!(found("crates/core/machine/src/block/work.rs"), 1);
        assert_eq!(found("crates/core/machine/src/block/apply.rs"), 0);
        assert_eq!(found("crates/core/machine/src/steps/custody.rs"), 0);
        let text =
            "//! A room.\nuse crate::execution::chain::Chain;\nuse crate::answers::node::Node;\n";
        let found = |path| rooms(&Tree::of(&[(path, text)])).len();
        assert_eq!(found("crates/node/replica/src/consensus/guard.rs"), 2);
        assert_eq!(found("crates/node/replica/src/proposal/propose.rs"), 1);
        assert_eq!(found("crates/node/replica/src/execution/execute.rs"), 1);
        assert_eq!(found("crates/node/replica/src/engine.rs"), 0);
    }

    #[test]
    fn a_step_that_rounds_is_found() {
        let text = "//! A step.\nlet paid = value(price, Round::Down);\nlet part = all.mul_div(n, d, round);\n";
        let found = |path| rounding_steps(&Tree::of(&[(path, text)])).len();
        assert_eq!(found("crates/core/machine/src/steps/custody.rs"), 2);
        assert_eq!(found("crates/core/machine/src/steps/default/debts.rs"), 2);
        assert_eq!(found("crates/core/waterfall/src/sale.rs"), 0);
    }

    #[test]
    fn large_files_and_long_sources_are_found() {
        let tree = Tree::of(&[
            ("fixtures/big.json", &"x".repeat(FILE_BYTES_MAX + 1)),
            ("crates/core/book/src/fast.rs", &"\n".repeat(SOURCE_LINES_MAX + 1)),
            ("docs/long.md", &"\n".repeat(SOURCE_LINES_MAX + 1)),
        ]);
        assert_eq!(file_size(&tree).len(), 2);
    }

    #[test]
    fn a_source_that_does_not_say_what_it_is_for_is_found() {
        let tree = Tree::of(&[(LIB, "use std::fmt;\n"), ("xtask/src/main.rs", "//! Verbs.\n")]);
        assert_eq!(module_documentation(&tree).len(), 1);
    }
}
