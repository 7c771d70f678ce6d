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

/// Every source file opens by saying what it is for; the tests of a module are documented by their names.
pub(super) fn module_documentation(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|(path, text)| !text.starts_with("//! ") && !path.ends_with("/tests.rs"))
        .map(|(path, _)| Finding::new(path, 1, "open with `//!`: what the file is for"))
        .collect()
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
        assert!(core_header(&Tree::of(&[("crates/shell/store/src/lib.rs", "")])).is_empty());
    }

    #[test]
    fn a_core_crate_that_lifts_a_lint_everywhere_is_found() {
        let lib = format!("{CORE_HEADER}#![expect(clippy::panic, reason = \"no\")]\n");
        assert_eq!(core_header(&Tree::of(&[(LIB, &lib)])).len(), 1);
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
