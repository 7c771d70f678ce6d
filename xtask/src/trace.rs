//! `cargo x trace`: which rule of the spec is cited by which code and which test.
//!
//! A rule that no test cites is a promise nobody keeps, an id without a rule is a promise nobody made: both fail.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::spec::{self, Uses};
use crate::tidy::Tree;

pub(crate) fn run() -> Result<()> {
    let uses = spec::uses(&Tree::read()?);
    print!("{}", table(&uses));
    let gaps = gaps(&uses);
    for gap in &gaps {
        println!("{gap}");
    }
    if gaps.is_empty() { Ok(()) } else { bail!("{} gaps between spec and code", gaps.len()) }
}

fn table(uses: &BTreeMap<String, Uses>) -> String {
    let mut text = format!("{:16} {:>5} {:>5}  defined in\n", "rule", "code", "tests");
    for (id, uses) in uses {
        let Some(page) = uses.defined.first() else { continue };
        let (code, tests) = (uses.code.len(), uses.tests.len());
        text += &format!("{id:16} {code:>5} {tests:>5}  {}:{}\n", page.path, page.line);
    }
    text
}

fn gaps(uses: &BTreeMap<String, Uses>) -> Vec<String> {
    let mut gaps = Vec::new();
    for (id, uses) in uses {
        let everywhere = || uses.code.iter().chain(&uses.tests).chain(&uses.prose);
        if uses.defined.is_empty() {
            let places: Vec<String> =
                everywhere().map(|place| format!("{}:{}", place.path, place.line)).collect();
            gaps.push(format!("{id} is cited but is no rule: {}", places.join(", ")));
        } else if uses.tests.is_empty() {
            gaps.push(format!("{id} is cited by no test"));
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_without_a_test_and_citations_without_rules_are_gaps() {
        let tree = Tree::of(&[
            ("spec/0005-ledger.md", "- 0005-LEDG-001 Kept.\n- 0005-LEDG-002 Not tested.\n"),
            ("crates/core/ledger/src/lib.rs", "// 0005-LEDG-002\n"),
            ("crates/core/ledger/tests/posts.rs", "// 0005-LEDG-001, 0005-LEDG-009\n"),
        ]);
        let uses = spec::uses(&tree);
        let gaps = gaps(&uses);
        assert_eq!(gaps.len(), 2);
        assert!(gaps[0].starts_with("0005-LEDG-002 is cited by no test"));
        assert!(gaps[1].starts_with("0005-LEDG-009 is cited but is no rule"));
        assert!(table(&uses).contains("0005-LEDG-001        0     1  spec/0005-ledger.md:1"));
    }
}
