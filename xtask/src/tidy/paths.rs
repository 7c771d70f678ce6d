//! Paths of one machine: what stands in the repository means the same on every other.

use super::{Finding, Tree};

/// First parts of absolute paths that may be named: of every such system, of the port for clients, of what tests make up.
const COMMON: &[&str] =
    &["dev", "fuzz", "health", "nonexistent", "proc", "src", "tmp", "usr", "var"];

/// No absolute path into a directory that only some machine has.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        for (number, line) in (1..).zip(text.lines()) {
            for first in first_parts(line).filter(|first| !COMMON.contains(first)) {
                let message = format!("'/{first}/': write a path relative to the repository");
                findings.push(Finding::new(path, number, message));
            }
        }
    }
    findings
}

/// Returns the first parts of the absolute paths in a line that have a second.
fn first_parts(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices('/').filter_map(|(at, _)| {
        // After a name, a dot, another slash, a variable or a closing tag it continues something else.
        let continues = |c: char| c.is_alphanumeric() || "_./:}])*<>~…-".contains(c);
        if line[..at].chars().next_back().is_some_and(continues) {
            return None;
        }
        let (first, rest) = line[at + 1..].split_once('/')?;
        let named = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let whole = first.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
        (whole && named(first) && named(rest)).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        machine_paths(&Tree::of(&[("docs/a.md", text)])).len()
    }

    #[test]
    fn a_directory_of_one_machine_is_found_wherever_it_stands() {
        for place in ["home", "root", "Users", "mnt"] {
            for text in [
                "at /{}/a",
                "(`/{}/a`)",
                "--data=/{}/a/b",
                "\"/{}/a\"",
                "/{}/a",
                "a:\t/{}/.a /{}/b",
            ] {
                assert_eq!(count(&text.replace("{}", place)), 1, "{text} in {place}");
            }
        }
    }

    #[test]
    fn relative_paths_addresses_and_common_places_are_free() {
        for text in
            ["crates/core/book", "../shared/data", "https://a.b/c/d", "/dev/null", "1 / 2 / 3"]
        {
            assert_eq!(count(text), 0, "{text}");
        }
        assert_eq!(count("{dir}/a/b and <b>x</b>/y, ~/a/b"), 0);
    }
}
