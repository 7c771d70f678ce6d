//! The list of mutants that live, and what each must have: a class and a reason.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;

/// The list.
const LIST: &str = "docs/proofs-mutants.md";

/// The first line of its table.
const HEADING: &str = "| mutant | class | why |";

/// What a survivor may be: no different from the original, different only where no caller within the limits gets, or
/// a mistake that the proofs do not see.
const CLASSES: [&str; 3] = ["equivalent", "unreachable", "gap"];

/// How many of a hundred mutants must die.
const DEAD_PER_HUNDRED: usize = 90;

/// Fails on survivors that are not listed, on listed ones that died, and if too many live.
pub(crate) fn judge(alive: &[String], all: usize, whole: bool) -> Result<()> {
    let path = crate::tree::root().join(LIST);
    let text = std::fs::read_to_string(&path).with_context(|| format!("{LIST} is missing"))?;
    let known = classified(&text)?;
    let alive: BTreeSet<String> = alive.iter().cloned().collect();
    let mut problems: Vec<String> =
        alive.difference(&known).map(|mutant| format!("not classified: {mutant}")).collect();
    if whole {
        let dead = known.difference(&alive);
        problems.extend(dead.map(|mutant| format!("listed, but it dies: {mutant}")));
        if (all - alive.len()) * 100 < all * DEAD_PER_HUNDRED {
            problems.push(format!("fewer than {DEAD_PER_HUNDRED} of a hundred mutants die"));
        }
    }
    problems.iter().for_each(|problem| println!("{problem}"));
    if problems.is_empty() { Ok(()) } else { bail!("{} problems", problems.len()) }
}

/// Returns the first cell of each row of the list whose second cell is a class and whose third a reason.
fn classified(list: &str) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    let table = list.lines().skip_while(|line| *line != HEADING).skip(2);
    for line in table.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [mutant, class, why] = cells[..] else { bail!("not mutant | class | why: {line}") };
        if !CLASSES.contains(&class) || why.is_empty() {
            bail!("a survivor needs one of {CLASSES:?} and a reason: {line}");
        }
        known.insert(mutant.trim_matches('`').to_owned());
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_class_or_reason_is_refused() {
        let row =
            format!("{HEADING}\n|---|---|---|\n| `a: b` | equivalent | min |\n\n| `c` | other |\n");
        assert_eq!(classified(&row).expect("it is read"), BTreeSet::from(["a: b".to_owned()]));
        assert!(classified(&row.replace("equivalent", "fine")).is_err());
        assert!(classified(&row.replace(" min ", "  ")).is_err());
    }
}
