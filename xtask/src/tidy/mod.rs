//! Rules about the tree that no compiler checks, as an ordinary test: `cargo test -p xtask`,
//! or `cargo x tidy` for the findings alone.
//!
//! Each rule is a function from the files of the repository to what is wrong with them, so each has a test on a
//! small bad tree: a rule that cannot fail is no rule. A rule that is only advice does not belong here.

mod arrows;
mod data;
mod docs;
mod paths;
mod sources;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The files of the repository, by path relative to the root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    bytes: usize,
    /// Absent when the file is not UTF-8.
    text: Option<String>,
}

/// One thing wrong, at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

/// One line of a source file.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) text: &'a str,
    /// The line without its comment.
    pub(crate) code: &'a str,
    /// Whether the line belongs to tests or proofs: a file of them, or below the first `#[cfg(test)]`.
    pub(crate) in_tests: bool,
}

type Rule = fn(&Tree) -> Vec<Finding>;

/// Every rule, by name.
const RULES: &[(&str, Rule)] = &[
    ("arrows between crates", arrows::arrows),
    ("outside dependencies", arrows::outside_dependencies),
    ("pinned versions", arrows::pinned_versions),
    ("workspaces agree", arrows::workspaces_agree),
    ("one registry", arrows::one_registry),
    ("inherited lints", arrows::inherited_lints),
    ("switches", arrows::switches_stay_out),
    ("core header", sources::core_header),
    ("file size", sources::file_size),
    ("module documentation", sources::module_documentation),
    ("durable files", sources::durable_files),
    ("rooms", sources::rooms),
    ("steps round nothing", sources::rounding_steps),
    ("banned words", words::banned_words),
    ("paths of machines", paths::machine_paths),
    ("spec ids", crate::spec::ids_resolve),
    ("links", docs::links_resolve),
    ("decisions are linked", docs::decisions_linked),
    ("crates are described", docs::crates_described),
    ("glossary", docs::glossary_names_exist),
    ("tests that are named", docs::named_tests_exist),
    ("functions of the tour", docs::toured_functions_exist),
    ("no market data", data::no_market_data),
];

/// `cargo x tidy`: prints what is wrong.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::read()?;
    let report = report(&tree);
    print!("{report}");
    if !report.is_empty() {
        bail!("the tree is not tidy");
    }
    println!("{} rules hold over {} files", RULES.len(), tree.files.len());
    Ok(())
}

/// Returns the findings of all rules as text; empty if there are none.
fn report(tree: &Tree) -> String {
    let mut report = String::new();
    for (name, rule) in RULES {
        let findings = rule(tree);
        if !findings.is_empty() {
            report += &format!("\n{name}:\n");
        }
        for finding in findings {
            report += &format!("  {finding}\n");
        }
    }
    report
}

impl Tree {
    /// Reads the files that git tracks or would track.
    pub(crate) fn read() -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in workspace::files()? {
            let bytes = std::fs::read(workspace::root().join(&path))
                .with_context(|| format!("cannot read {path}"))?;
            let file = File { bytes: bytes.len(), text: String::from_utf8(bytes).ok() };
            files.insert(path, file);
        }
        Ok(Self { files })
    }

    /// Returns a tree made up for a test.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |text: &str| File { bytes: text.len(), text: Some(text.to_owned()) };
        Self { files: files.iter().map(|&(path, text)| (path.to_owned(), file(text))).collect() }
    }

    /// Returns every file that is text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, file)| Some((path.as_str(), file.text.as_deref()?)))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text.as_deref()
    }

    fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    fn markdown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".md"))
    }

    /// Whether there is such a file, or a folder with files in it.
    fn holds(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        let mut below = self.files.range(folder.clone()..);
        path.is_empty()
            || self.files.contains_key(path)
            || below.next().is_some_and(|(first, _)| first.starts_with(&folder))
    }
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Returns the lines of a file; `code` and `in_tests` are exact for Rust and approximate elsewhere.
pub(crate) fn lines<'a>(path: &str, text: &'a str) -> impl Iterator<Item = Line<'a>> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let proofs = path.starts_with("crates/dev/") && !path.contains("/mutants/");
    let mut in_tests = path.contains("/tests/") || name == "tests.rs" || proofs;
    text.lines().enumerate().map(move |(index, text)| {
        in_tests |= text.trim_start().starts_with("#[cfg(test)]");
        Line { number: index + 1, text, code: without_comment(text), in_tests }
    })
}

/// Returns the part of a line before `//`, unless the slashes stand inside a string or an address.
fn without_comment(line: &str) -> &str {
    let (mut in_string, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' if !line[..at].ends_with('\'') => in_string = !in_string,
            '/' if !in_string && line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let tree = Tree::read().expect("the tree is readable");
        assert!(tree.files.len() > 50, "tidy saw {} files only", tree.files.len());
        let report = report(&tree);
        assert!(report.is_empty(), "the tree is not tidy\n{report}");
    }

    #[test]
    fn comments_are_cut_but_not_out_of_strings() {
        assert_eq!(without_comment("let a = 1; // one"), "let a = 1; ");
        assert_eq!(without_comment(r#"let a = "https://x"; // y"#), r#"let a = "https://x"; "#);
        assert_eq!(without_comment(r#"let a = "\"//";"#), r#"let a = "\"//";"#);
        assert_eq!(without_comment("let a = '\"'; // quote"), "let a = '\"'; ");
    }

    #[test]
    fn a_folder_counts_as_held_and_a_prefix_does_not() {
        let tree = Tree::of(&[("docs/adr/0001-house.md", "")]);
        assert!(tree.holds("docs/adr") && tree.holds("docs/adr/0001-house.md"));
        assert!(!tree.holds("docs/ad") && !tree.holds("docs/adr/0002.md"));
    }
}
