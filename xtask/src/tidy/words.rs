//! Words that do not go into this repository, each with what to write in its place.

use super::{Finding, Tree, lines};

/// Where a word is banned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Every text file.
    Everywhere,
    /// Documents, and comments of Rust code.
    Prose,
    /// Rust code, comments left out.
    RustCode,
    /// Rust code of tests, comments left out.
    TestCode,
    /// Rust code of core crates, comments left out.
    CoreCode,
    /// Rust code of core crates outside their tests, comments left out.
    CoreProductCode,
}

/// A word is matched whole, and with its case if it has a capital.
struct Word {
    word: &'static str,
    instead: &'static str,
    place: Where,
}

const fn word(place: Where, word: &'static str, instead: &'static str) -> Word {
    Word { word, instead, place }
}

const WORDS: &[Word] = &[
    word(Where::Everywhere, "TODO", "do it, or say in a sentence what is left out"),
    word(Where::Everywhere, "FIXME", "fix it, or assert today's wrong answer in a test"),
    word(Where::Everywhere, "XXX", "a sentence"),
    word(Where::Everywhere, "HACK", "a comment that says why"),
    word(Where::Everywhere, "placeholder", "the real thing, or nothing"),
    word(Where::Prose, "for now", "what holds, without a promise"),
    word(Where::Prose, "for the time being", "what holds, without a promise"),
    word(Where::Prose, "simplified", "what it does and what it leaves out"),
    word(Where::Everywhere, "utilize", "use"),
    word(Where::Everywhere, "utilise", "use"),
    word(Where::Prose, "leverages", "uses"),
    word(Where::Everywhere, "blacklist", "deny list"),
    word(Where::Everywhere, "whitelist", "allow list"),
    word(Where::Everywhere, "issue #", "the reason itself"),
    word(Where::Everywhere, "PR #", "the reason itself"),
    word(Where::RustCode, "todo!", "a Fault or a Refusal"),
    word(Where::RustCode, "unimplemented!", "a Fault or a Refusal"),
    word(Where::RustCode, "dbg!", "nothing"),
    word(Where::RustCode, "allow(", "#[expect(lint, reason = …)]: it goes when its cause goes"),
    word(Where::RustCode, "#[ignore", "a test that runs; slow ones end in _slow"),
    word(Where::TestCode, "sleep(", "the event itself, or time as a value"),
    word(Where::CoreCode, "HashMap", "BTreeMap: replicas must iterate alike"),
    word(Where::CoreCode, "HashSet", "BTreeSet: replicas must iterate alike"),
    word(Where::CoreProductCode, "std::fs", "a shell"),
    word(Where::CoreProductCode, "std::net", "a shell"),
    word(Where::CoreProductCode, "std::env", "parameters"),
    word(Where::CoreProductCode, "std::time", "units::BlockTime"),
    word(Where::CoreProductCode, "std::thread", "a shell"),
    word(Where::CoreProductCode, "async fn", "a shell"),
    word(Where::CoreProductCode, "println!", "a value the caller can print"),
    word(Where::CoreProductCode, "eprintln!", "a value the caller can print"),
];

/// Files that speak of the words themselves, or were written by others.
const EXEMPT: &[&str] = &["xtask/src/tidy/words.rs", "LICENSE-APACHE", "LICENSE-MIT"];

/// No banned word stands where it is banned.
pub(super) fn banned_words(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts() {
        if EXEMPT.contains(&path) || path.ends_with("Cargo.lock") {
            continue;
        }
        let rust = path.ends_with(".rs");
        let core = rust && path.starts_with("crates/core/");
        // A form field on a web page shows a hint under that very name.
        let page = [".html", ".js", ".ts", ".css"].iter().any(|end| path.ends_with(end));
        for line in lines(path, text) {
            for word in WORDS {
                let (applies, text) = match word.place {
                    Where::Everywhere => (!(page && word.word == "placeholder"), line.text),
                    Where::Prose if rust => (true, &line.text[line.code.len()..]),
                    Where::Prose => (path.ends_with(".md"), line.text),
                    Where::RustCode => (rust, line.code),
                    Where::TestCode => (rust && line.in_tests, line.code),
                    Where::CoreCode => (core, line.code),
                    Where::CoreProductCode => (core && !line.in_tests, line.code),
                };
                if applies && word.stands_in(text) {
                    let message = format!("'{}': write {}", word.word, word.instead);
                    findings.push(Finding::new(path, line.number, message));
                }
            }
        }
    }
    findings
}

impl Word {
    fn stands_in(&self, text: &str) -> bool {
        let exact = self.word.contains(|c: char| c.is_uppercase());
        let lowered = if exact { String::new() } else { text.to_lowercase() };
        let text = if exact { text } else { &lowered };
        text.match_indices(self.word).any(|(at, found)| {
            !glued(text[..at].chars().next_back(), found.chars().next())
                && !glued(found.chars().next_back(), text[at + found.len()..].chars().next())
        })
    }
}

/// Whether two neighbours belong to one word; a slash after a name continues a relative path.
fn glued(left: Option<char>, right: Option<char>) -> bool {
    let letter = |c: char| c.is_alphanumeric() || c == '_';
    let (Some(left), Some(right)) = (left, right) else { return false };
    (letter(left) || (right == '/' && left == '.')) && (letter(right) || right == '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        banned_words(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn every_banned_word_is_found_where_it_is_banned() {
        for word in WORDS {
            let path = match word.place {
                Where::Everywhere | Where::Prose => "docs/glossary.md",
                Where::RustCode => "crates/node/store/src/lib.rs",
                Where::TestCode => "crates/node/store/tests/restart.rs",
                Where::CoreCode | Where::CoreProductCode => "crates/core/book/src/lib.rs",
            };
            assert_eq!(count(path, &format!("    {} \n", word.word)), 1, "{}", word.word);
        }
    }

    #[test]
    fn a_word_is_found_whole_and_in_its_case_only() {
        assert_eq!(count("docs/a.md", "MASTODON todos"), 0);
        assert_eq!(count("docs/a.md", "Placeholder"), 1);
        assert_eq!(count("docs/a.md", "before nowhere; for now_ms"), 0);
    }

    #[test]
    fn a_word_is_free_where_it_is_not_banned() {
        assert_eq!(count("crates/node/store/src/lib.rs", "use std::collections::HashMap;\n"), 0);
        assert_eq!(count("crates/core/book/src/lib.rs", "// A HashMap would differ.\n"), 0);
        assert_eq!(count("crates/node/store/src/lib.rs", "for now in 0..9 {}\n"), 0);
        assert_eq!(count("crates/node/store/src/lib.rs", "let a = 1; // good for now\n"), 1);
        let tests = "#[cfg(test)]\nmod tests { use std::env; }\n";
        assert_eq!(count("crates/core/book/src/lib.rs", tests), 0);
        assert_eq!(count("crates/node/store/src/lib.rs", "std::thread::sleep(pause);\n"), 0);
    }
}
