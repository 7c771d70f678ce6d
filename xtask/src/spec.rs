//! Ids of spec rules: where they are defined, where they are cited.
//!
//! An id looks like `0019-MARG-001`. It is defined on the line of `spec/0019-*.md` that begins with it in bold, in a
//! list, a table or a heading; every other occurrence outside `xtask` cites it. A range written with an ellipsis, as
//! in `0019-MARG-001…004`, cites all four.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{Finding, Tree};

/// Projects whose ids look like ours: a line that names one cites its rule, not one of ours.
const OTHERS: &[&str] = &["Vega"];

/// Where something stands: a file and a line, counted from one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// What the tree says about one id.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    pub(crate) defined: Vec<Place>,
    pub(crate) code: BTreeSet<Place>,
    pub(crate) tests: BTreeSet<Place>,
    /// Citations in prose: documents and other spec pages.
    pub(crate) prose: BTreeSet<Place>,
}

/// Returns every id of the tree with its uses.
pub(crate) fn uses(tree: &Tree) -> BTreeMap<String, Uses> {
    let mut found: BTreeMap<String, Uses> = BTreeMap::new();
    for (path, text) in tree.texts().filter(|(path, _)| !path.starts_with("xtask/")) {
        let code =
            [".rs", ".sol", ".js", ".ts", ".qnt", ".v"].iter().any(|end| path.ends_with(end));
        for source in crate::tidy::lines(path, text) {
            let place = Place { path: path.to_owned(), line: source.number };
            let defined = own_page(path).and_then(|page| definition(page, source.text));
            let others = OTHERS.iter().any(|other| source.text.contains(other));
            for id in ids(source.text).into_iter().filter(|_| !others) {
                let uses = found.entry(id.clone()).or_default();
                if defined.as_ref() == Some(&id) {
                    uses.defined.push(place.clone());
                } else if code && source.in_tests {
                    uses.tests.insert(place.clone());
                } else if code {
                    uses.code.insert(place.clone());
                } else {
                    uses.prose.insert(place.clone());
                }
            }
        }
    }
    found
}

/// Tidy rule: every cited id is defined, and defined once.
pub(crate) fn ids_resolve(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, uses) in uses(tree) {
        for place in uses.defined.iter().skip(1) {
            findings.push(Finding::new(&place.path, place.line, format!("{id} is defined twice")));
        }
        if uses.defined.is_empty() {
            for place in uses.code.iter().chain(&uses.tests).chain(&uses.prose) {
                let message = format!("{id} is no rule of the spec: define it or cite another");
                findings.push(Finding::new(&place.path, place.line, message));
            }
        }
    }
    findings
}

/// Returns the number of the spec page at `path`, if it is one.
fn own_page(path: &str) -> Option<&str> {
    path.strip_prefix("spec/")?.get(..4)
}

/// Returns the id a line of page `page` defines, if it begins with one of that page.
fn definition(page: &str, line: &str) -> Option<String> {
    let rest = line.trim_start_matches([' ', '\t', '-', '*', '|', '#', '>', '`', '[']);
    let id = id_at(rest)?;
    // A sentence may break before an id it cites: without a mark, the line defines nothing.
    let marked = !line[..line.len() - rest.len()].trim().is_empty();
    (marked && id.starts_with(page)).then(|| id.to_owned())
}

/// Returns the ids in a line, ranges expanded.
fn ids(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.char_indices() {
        let glued = line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        let Some(id) = id_at(&line[at..]).filter(|_| !glued) else { continue };
        found.push(id.to_owned());
        let (stem, number) = id.split_at(id.len() - 3);
        let last = line[at + id.len()..].strip_prefix('…').and_then(|rest| rest.get(..3));
        if let (Ok(first), Some(Ok(last))) = (number.parse::<u16>(), last.map(str::parse::<u16>)) {
            found.extend((first + 1..=last).map(|number| format!("{stem}{number:03}")));
        }
    }
    found
}

/// Returns the id at the start of `text`: four digits, three to five capitals, three digits.
fn id_at(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let letters = bytes.get(5..)?.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let end = 5 + letters + 4;
    let shaped = (3..=5).contains(&letters)
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && bytes.get(5 + letters) == Some(&b'-')
        && bytes.get(end - 3..end)?.iter().all(u8::is_ascii_digit)
        && !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
    shaped.then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Margin\n\n- **0019-MARG-001** Loss is rounded up.\n| 0019-MARG-002 | see 0005-LEDG-001 |\n";

    fn tree(code: &str) -> Tree {
        Tree::of(&[
            ("spec/0005-ledger.md", "- 0005-LEDG-001 Value is conserved.\n"),
            ("spec/0019-margin.md", PAGE),
            ("crates/core/margin/src/lib.rs", code),
        ])
    }

    #[test]
    fn ids_and_ranges_are_found_inside_sentences() {
        assert_eq!(ids("// 0019-MARG-001."), ["0019-MARG-001"]);
        let range = ["0019-MARG-002", "0019-MARG-003", "0019-MARG-004"];
        assert_eq!(ids("spec 0019-MARG-002…004;"), range);
        assert!(ids("10019-MARG-001 0019-MA-001 0019-MARG-0012 2026-11-001").is_empty());
    }

    #[test]
    fn uses_are_told_apart_by_where_they_stand() {
        let tree = tree("// 0019-MARG-001\n#[cfg(test)]\nmod tests { // 0019-MARG-002\n}\n");
        let uses = uses(&tree);
        assert_eq!(uses["0019-MARG-001"].defined.len(), 1);
        assert_eq!(uses["0019-MARG-001"].code.len(), 1);
        assert_eq!(uses["0019-MARG-002"].tests.len(), 1);
        assert_eq!(uses["0005-LEDG-001"].prose.len(), 1);
        assert!(ids_resolve(&tree).is_empty());
    }

    #[test]
    fn a_cited_id_without_a_rule_is_a_finding() {
        assert!(ids_resolve(&tree("// Vega protocol, 0053-PERP-027\n")).is_empty());
        let findings = ids_resolve(&tree("// 0019-MARG-007\n"));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().contains("margin/src/lib.rs:1: 0019-MARG-007"));
    }

    #[test]
    fn a_sentence_that_breaks_before_an_id_does_not_define_it() {
        let page = "**0005-LEDG-001** One.\n**0005-LEDG-002** Two, so that\n0005-LEDG-001 holds.\n";
        assert!(ids_resolve(&Tree::of(&[("spec/0005-ledger.md", page)])).is_empty());
    }

    #[test]
    fn an_id_defined_twice_is_a_finding() {
        let page = "- 0005-LEDG-001 One.\n- 0005-LEDG-001 Two.\n";
        let findings = ids_resolve(&Tree::of(&[("spec/0005-ledger.md", page)]));
        assert_eq!(findings.len(), 1);
    }
}
