//! `cargo x mutants [FILTER…]`: breaks the proved code in every small way; each break must break a proof.
//!
//! The proofs are the only tests. A mutant that lives, or that outlasts its time, must stand in
//! `docs/proofs-mutants.md` with its class and the reason; one that stands there and dies must go from the list.
//! Arguments are handed to `cargo mutants`, such as `--re transfer` or `--in-diff change.diff`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::call::Call;
use crate::prove;
use crate::workspace::{self, Packages};

const VERSION: &str = "27.1.0";

/// The list of known survivors.
const LIST: &str = "docs/proofs-mutants.md";

/// What a survivor may be: no different from the original, unseen by the proofs, or beyond the tool.
const CLASSES: &[&str] = &["equivalent", "coverage-gap", "tooling"];

/// How a run ended, mutants named without line and column, which move with every edit.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    caught: usize,
    alive: BTreeSet<String>,
}

pub(crate) fn run(filters: &[String]) -> Result<()> {
    let known = classified(
        &std::fs::read_to_string(workspace::root().join(LIST))
            .with_context(|| format!("{LIST} lists the known survivors"))?,
    )?;
    prove::fetch()?;
    let tools = workspace::scratch("tools")?;
    let program = tools.join("bin").join("cargo-mutants");
    if !program.is_file() {
        let package = format!("cargo-mutants@{VERSION}");
        Call::cargo(["install", "--locked", &package, "--root"]).arg(&tools).run()?;
    }
    let output = workspace::scratch("mutants")?;
    let mut call = Call::new(program)
        .args(["mutants", "--test-package", "proofs", "--output"])
        .arg(&output)
        .args(filters)
        .envs(prove::environment()?);
    for package in proved(&Packages::read()?) {
        call = call.args(["--package", &package]);
    }
    // The tool's own verdict counts known survivors as failures: the files it leaves are what is judged.
    if let Err(error) = call.args(["--", "--release"]).run() {
        println!("{error:#}");
    }
    let outcome = read(&output.join("mutants.out"))?;
    println!("{} caught, {} alive", outcome.caught, outcome.alive.len());
    judge(&outcome, &known, filters.is_empty())
}

/// Returns the packages whose source is compiled a second time for the prover.
fn proved(packages: &Packages) -> BTreeSet<String> {
    let names = packages.names();
    let twins = packages.proving().into_iter();
    twins
        .filter_map(|name| name.strip_suffix("-symbolic").map(str::to_owned))
        .filter(|name| names.contains(name) && name != "num")
        .collect()
}

/// Returns the mutants of the list: the first cell of each table row whose second cell is a class.
fn classified(list: &str) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    for line in list.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [mutant, class, why] = cells[..] else { bail!("not mutant | class | why: {line}") };
        if !CLASSES.contains(&class) || why.is_empty() {
            bail!("a survivor needs one of {CLASSES:?} and a reason: {line}");
        }
        known.insert(mutant.trim_matches('`').to_owned());
    }
    Ok(known)
}

fn read(folder: &Path) -> Result<Outcome> {
    let file = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("{} is missing", path.display()))
    };
    let alive = file("missed.txt")? + &file("timeout.txt")?;
    let alive = alive.lines().map(without_position).collect();
    Ok(Outcome { caught: file("caught.txt")?.lines().count(), alive })
}

/// Cuts line and column out of `path:12:5: replace …`.
fn without_position(mutant: &str) -> String {
    match mutant.splitn(4, ':').collect::<Vec<_>>()[..] {
        [path, _, _, what] => format!("{path}:{what}"),
        _ => mutant.to_owned(),
    }
}

/// Fails on survivors that are not listed, on listed ones that died, and on a run that caught nothing.
fn judge(outcome: &Outcome, known: &BTreeSet<String>, whole: bool) -> Result<()> {
    let mut problems: Vec<String> =
        outcome.alive.difference(known).map(|mutant| format!("not classified: {mutant}")).collect();
    if whole {
        let dead = known.difference(&outcome.alive);
        problems.extend(dead.map(|mutant| format!("listed, but it dies: {mutant}")));
    }
    if outcome.caught == 0 {
        problems.push("no mutant was caught: the proofs did not run".to_owned());
    }
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() { Ok(()) } else { bail!("{} problems with {LIST}", problems.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUTANT: &str = "crates/core/ledger/src/post.rs: replace < with <= in transfer";

    fn outcome(caught: usize, alive: &[&str]) -> Outcome {
        Outcome { caught, alive: alive.iter().map(|&mutant| mutant.to_owned()).collect() }
    }

    #[test]
    fn positions_are_cut_so_that_the_list_outlives_edits() {
        let mutant = "crates/core/ledger/src/post.rs:12:5: replace < with <= in transfer";
        assert_eq!(without_position(mutant), MUTANT);
    }

    #[test]
    fn the_list_is_read_and_a_row_without_class_or_reason_refused() {
        let row =
            format!("| mutant | class | why |\n|---|---|---|\n| `{MUTANT}` | equivalent | min |\n");
        assert_eq!(classified(&row).expect("it is read"), BTreeSet::from([MUTANT.to_owned()]));
        assert!(classified(&row.replace("equivalent", "fine")).is_err());
        assert!(classified(&row.replace(" min ", " ")).is_err());
    }

    #[test]
    fn survivors_must_be_listed_and_listed_ones_must_survive() {
        let known = BTreeSet::from([MUTANT.to_owned()]);
        assert!(judge(&outcome(9, &[MUTANT]), &known, true).is_ok());
        assert!(judge(&outcome(9, &[MUTANT, "other"]), &known, true).is_err());
        assert!(judge(&outcome(9, &[]), &known, true).is_err());
        assert!(judge(&outcome(9, &[]), &known, false).is_ok());
        assert!(judge(&outcome(0, &[MUTANT]), &known, true).is_err());
    }
}
