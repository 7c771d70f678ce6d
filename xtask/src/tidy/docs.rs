//! Rules about documents: links lead somewhere, decisions and crates can be found, what is named in them exists.

use super::{Finding, Tree, lines};
use crate::tidy::arrows;

const GLOSSARY: &str = "docs/glossary.md";
const SECURITY: &str = "SECURITY.md";
const TOUR: &str = "docs/tour.md";

/// A name with so many is a claim, and so a test.
const TEST_NAME_UNDERSCORES: usize = 4;

/// Every link between documents leads to a file of the repository, and to a heading if it names one.
pub(super) fn links_resolve(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.markdown() {
        for (line, target) in links(text) {
            if let Some(problem) = broken(tree, path, &target) {
                findings.push(Finding::new(path, line, format!("link to {target}: {problem}")));
            }
        }
    }
    findings
}

/// Every decision record is linked from `AGENTS.md`.
pub(super) fn decisions_linked(tree: &Tree) -> Vec<Finding> {
    let index = tree.text("AGENTS.md").unwrap_or_default();
    tree.markdown()
        .filter(|(path, _)| path.starts_with("docs/adr/") && !index.contains(path))
        .map(|(path, _)| Finding::new(path, 1, "link it from AGENTS.md: read when you touch …"))
        .collect()
}

/// Every crate has a line in `ARCHITECTURE.md` that says what it is for.
pub(super) fn crates_described(tree: &Tree) -> Vec<Finding> {
    let map = tree.text("ARCHITECTURE.md").unwrap_or_default();
    let mut findings = Vec::new();
    for name in arrows::crate_names(tree) {
        let mark = format!("`{name}`");
        // The name and four words: less does not say what a crate is for.
        let described =
            map.lines().any(|line| line.contains(&mark) && line.split_whitespace().count() > 4);
        if !described {
            let message = format!("{mark} has no line that says what it is for");
            findings.push(Finding::new("ARCHITECTURE.md", 1, message));
        }
    }
    findings
}

/// Every name in the last column of the glossary stands in the code.
pub(super) fn glossary_names_exist(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, row) in tree.text(GLOSSARY).unwrap_or_default().lines().enumerate() {
        let Some(cell) =
            row.trim_end_matches('|').rsplit('|').next().filter(|_| row.starts_with('|'))
        else {
            continue;
        };
        // Every second piece between backticks is a name.
        for name in cell.split('`').skip(1).step_by(2) {
            let known = tree.rust().any(|(path, text)| {
                path.starts_with("crates/") && text.lines().any(|line| has_word(line, name))
            });
            if !known {
                findings.push(Finding::new(GLOSSARY, index + 1, format!("no code says `{name}`")));
            }
        }
    }
    findings
}

/// Every test that the table of doors names stands in the code; `…` at its end stands for the rest of a long name.
pub(super) fn named_tests_exist(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, row) in tree.text(SECURITY).unwrap_or_default().lines().enumerate() {
        // Every second piece between backticks is code.
        let code = row.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
        for name in code.filter(|word| word.matches('_').count() >= TEST_NAME_UNDERSCORES) {
            let start = format!("fn {}", name.trim_end_matches('…'));
            let start = if name.ends_with('…') { start } else { start + "(" };
            if !tree.rust().any(|(_, text)| text.contains(&start)) {
                findings.push(Finding::new(SECURITY, index + 1, format!("no test is `{name}`")));
            }
        }
    }
    findings
}

/// Every source that the tour links exists, and defines each function that the same line names, as `module::function` or as
/// `Type::function`.
pub(super) fn toured_functions_exist(tree: &Tree) -> Vec<Finding> {
    let tour = tree.text(TOUR).unwrap_or_default();
    let mut findings = Vec::new();
    for (line, target) in links(tour) {
        // Of other files it is enough that they exist: see `links_resolve`.
        let Some(path) = join("docs", &target).filter(|path| path.ends_with(".rs")) else {
            continue;
        };
        let Some(text) = tree.text(&path) else {
            findings.push(Finding::new(TOUR, line, format!("there is no {path}")));
            continue;
        };
        let row = tour.lines().nth(line - 1).unwrap_or_default();
        // Every second piece between backticks is code.
        let code = row.split('`').skip(1).step_by(2);
        let functions: Vec<&str> = code.filter(|code| code.contains("::")).collect();
        if functions.is_empty() {
            findings.push(Finding::new(TOUR, line, format!("name a function of {path}")));
        }
        for function in functions.into_iter().filter(|function| !defines(&path, text, function)) {
            let message = format!("{path} does not define `{function}`");
            findings.push(Finding::new(TOUR, line, message));
        }
    }
    findings
}

/// Whether a file defines a function outside its tests. What is named before the function is the type whose block it stands
/// in, or a part of the file's path.
fn defines(path: &str, text: &str, function: &str) -> bool {
    let Some((places, name)) = function.rsplit_once("::") else { return false };
    let mut block = "";
    lines(path, text).filter(|line| !line.in_tests).any(|line| {
        let opens = has_word(line.code, "impl") || has_word(line.code, "trait");
        if line.code.starts_with('}') {
            block = "";
        } else if opens && !line.code.starts_with(' ') {
            block = line.code;
        }
        let is_part = |place: &str| path.split(['/', '.']).any(|part| part == place);
        begins(line.code, name)
            && places.split("::").all(|place| has_word(block, place) || is_part(place))
    })
}

/// Whether the definition of a function begins on a line.
fn begins(line: &str, name: &str) -> bool {
    let Some((before, rest)) = line.split_once("fn ") else { return false };
    let named = rest.strip_prefix(name).is_some_and(|rest| rest.starts_with(['(', '<']));
    named && (before.is_empty() || before.ends_with(' '))
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

/// Returns the targets of the inline links of a document with their lines; code is left out.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (at, _) in prose.match_indices("](") {
            if let Some((target, _)) = prose[at + 2..].split_once(')') {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

/// Returns what is wrong with a link, or nothing if it leads outside or to what exists.
fn broken(tree: &Tree, from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if file.is_empty() { Some(from.to_owned()) } else { join(folder, file) };
    let Some(path) = path else { return Some("it leaves the repository".to_owned()) };
    if !tree.holds(&path) {
        return Some(format!("there is no {path}"));
    }
    let text = tree.text(&path).filter(|_| path.ends_with(".md") && !heading.is_empty())?;
    let known = text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == heading);
    (!known).then(|| format!("{path} has no such heading"))
}

/// Returns the path a relative link names, seen from the root; nothing if it climbs out of it.
fn join(folder: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Returns the anchor that renderers give a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_missing_files_and_headings_are_found() {
        let text = "[a](adr/0001-house.md) [b](adr/0001-house.md#what-we-chose) [c](gone.md)\n\
                    [d](adr/0001-house.md#gone) [e](../../out.md) [f](https://example.org) `[g](x)`\n\
                    ```\n[h](in-code.md)\n```\n[i](#here)\n";
        let tree = Tree::of(&[
            ("docs/book.md", text),
            ("docs/adr/0001-house.md", "# House\n## What we chose\n"),
        ]);
        let found: Vec<String> = links_resolve(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "docs/book.md:1: link to gone.md: there is no docs/gone.md",
                "docs/book.md:2: link to adr/0001-house.md#gone: docs/adr/0001-house.md has no such heading",
                "docs/book.md:2: link to ../../out.md: it leaves the repository",
                "docs/book.md:6: link to #here: docs/book.md has no such heading",
            ]
        );
    }

    #[test]
    fn a_decision_nobody_links_is_found() {
        let tree = Tree::of(&[
            ("AGENTS.md", "Read [house](docs/adr/0001-house.md).\n"),
            ("docs/adr/0001-house.md", ""),
            ("docs/adr/0002-number.md", ""),
        ]);
        let findings = decisions_linked(&tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().starts_with("docs/adr/0002-number.md"));
    }

    #[test]
    fn a_glossary_name_that_no_code_says_is_found() {
        let tree = Tree::of(&[
            (
                GLOSSARY,
                "| term | meaning | name |\n|---|---|---|\n| lot | `not this` | `Lots`, `Lot` |\n",
            ),
            ("crates/core/units/src/lib.rs", "pub struct Lots;\n"),
        ]);
        let findings = glossary_names_exist(&tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().contains("`Lot`"));
    }

    #[test]
    fn a_test_that_nobody_wrote_is_found() {
        let row = "| door | `suite no_one_gets_in_here`, `nobody_gets_out_of_h…`, `who_gets_in_by_night`, `a_b` |";
        let code = "fn no_one_gets_in_here() {}\nfn nobody_gets_out_of_here() {}\n";
        let tree = Tree::of(&[(SECURITY, row), ("crates/core/book/tests/doors.rs", code)]);
        let found: Vec<String> = named_tests_exist(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["SECURITY.md:1: no test is `who_gets_in_by_night`"]);
    }

    #[test]
    fn a_function_that_has_left_its_file_is_found() {
        let pool = "../crates/node/mempool/src/pool.rs";
        let tour = format!(
            "[pool]({pool}) `Mempool::admit` and `pool::name_of`, which `feed.sock` never calls\n\
             [pool]({pool}) `Mempool::take`\n[pool]({pool}) `Queues::admit`\n[pool]({pool}) `queues::name_of`\n\
             [pool]({pool}) `pool::is_checked`\n[pool]({pool}) admits\n[gone](../crates/gone.rs) `gone::run`\n\
             [spec](../spec)\n"
        );
        let code = "impl Mempool {\n    pub fn admit(&self) {}\n    // fn take()\n    fn take_all() {}\n}\n\
                    pub(crate) fn name_of<T>(of: T) {}\n#[cfg(test)]\nmod tests {\n    fn is_checked() {}\n}\n";
        let tree = Tree::of(&[(TOUR, &tour), ("crates/node/mempool/src/pool.rs", code)]);
        let found: Vec<String> =
            toured_functions_exist(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "docs/tour.md:2: crates/node/mempool/src/pool.rs does not define `Mempool::take`",
                "docs/tour.md:3: crates/node/mempool/src/pool.rs does not define `Queues::admit`",
                "docs/tour.md:4: crates/node/mempool/src/pool.rs does not define `queues::name_of`",
                "docs/tour.md:5: crates/node/mempool/src/pool.rs does not define `pool::is_checked`",
                "docs/tour.md:6: name a function of crates/node/mempool/src/pool.rs",
                "docs/tour.md:7: there is no crates/gone.rs",
            ]
        );
    }

    #[test]
    fn a_crate_without_a_line_is_found() {
        let tree = Tree::of(&[
            ("ARCHITECTURE.md", "| `book` | orders and how they match |\n| `ledger` | |\n"),
            ("crates/core/book/Cargo.toml", "[package]\nname = \"book\"\n"),
            ("crates/core/ledger/Cargo.toml", "[package]\nname = \"ledger\"\n"),
        ]);
        let findings = crates_described(&tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().contains("`ledger`"));
    }
}
