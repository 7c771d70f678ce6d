//! The copy of the sources that carries the mutants.

use crate::mutate::{Mutant, Mutator};
use crate::signatures::Signatures;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Proved sources, and the proofs that must notice a change in them.
pub(crate) struct Family {
    /// The folder of the package.
    pub(crate) folder: &'static str,
    /// The files with proved functions.
    files: &'static [&'static str],
    /// Where the switch is found from there.
    switch: &'static str,
    /// Words of the names of the proofs.
    pub(crate) words: &'static [&'static str],
}

/// Every proved source.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        folder: "crates/core/num/src",
        files: &["lib.rs", "wide.rs", "limbs.rs", "digit.rs"],
        switch: "::num::mutant",
        words: &["kernel:", "units:"],
    },
    Family {
        folder: "crates/core/units/src",
        files: &["lib.rs"],
        switch: "::num::mutant",
        words: &["units:"],
    },
    Family {
        folder: "crates/core/ledger/src",
        files: &["changes.rs", "table.rs", "transfer.rs"],
        switch: "::units::mutant",
        words: &["ledger:"],
    },
    Family {
        folder: "crates/core/clearing/src",
        files: &["aggregate.rs", "fill.rs", "funding.rs", "settlement.rs"],
        switch: "::units::mutant",
        words: &["clearing:"],
    },
    Family {
        folder: "crates/core/waterfall/src",
        files: &["liquidation.rs"],
        switch: "::units::mutant",
        words: &["liquidation:"],
    },
    Family {
        folder: "crates/core/waterfall/src",
        files: &["allowance.rs", "insurance.rs", "sale.rs"],
        switch: "::units::mutant",
        words: &["debts:"],
    },
    Family {
        folder: "crates/core/custody/src",
        files: &["amounts.rs", "hour.rs", "limits.rs", "outflow.rs"],
        switch: "::units::mutant",
        words: &["custody:"],
    },
];

/// The condition of the limit that every unit shares.
const LIMIT: &str = "self > limit || self.plus(limit)? < Self::ZERO";

/// The operations that every unit shares stand in a macro, which is text: what to find, once each, and what to write.
const SHARED: &[(&str, &str, &str)] = &[
    ("plus → minus", "self.0.plus(other.0).map(Self)", "self.0.minus(other.0).map(Self)"),
    ("minus → plus", "self.0.minus(other.0).map(Self)", "self.0.plus(other.0).map(Self)"),
    ("negated → same", "Self::ZERO.minus(self)", "self.minus(Self::ZERO)"),
    ("magnitude → negated", "self.greater(negated)", "negated"),
    ("magnitude → lesser", "self.greater(negated)", "self.lesser(negated)"),
    ("lesser → greater", "Self(self.0.lesser(other.0))", "Self(self.0.greater(other.0))"),
    ("greater → lesser", "Self(self.0.greater(other.0))", "Self(self.0.lesser(other.0))"),
    ("limit: > → >=", LIMIT, "self >= limit || self.plus(limit)? < Self::ZERO"),
    ("limit: || → &&", LIMIT, "self > limit && self.plus(limit)? < Self::ZERO"),
    ("limit: < → <=", LIMIT, "self > limit || self.plus(limit)? <= Self::ZERO"),
    ("limit: plus → minus", LIMIT, "self > limit || self.minus(limit)? < Self::ZERO"),
    ("limit: upper only", LIMIT, "self > limit"),
    ("limit: lower only", LIMIT, "self.plus(limit)? < Self::ZERO"),
    ("lt → le", "self.0 < other.0", "self.0 <= other.0"),
    ("le → lt", "self.0 <= other.0", "self.0 < other.0"),
    ("gt → ge", "self.0 > other.0", "self.0 >= other.0"),
    ("ge → gt", "self.0 >= other.0", "self.0 > other.0"),
    ("cmp reversed", "self.0.cmp(&other.0)", "other.0.cmp(&self.0)"),
];

/// Returns the root of the repository.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(4).expect("this package lies four folders below the root")
}

/// The copy.
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Copies the manifests and sources.
    pub(crate) fn copy() -> Result<Self> {
        let copy = root().join("target/mutants/tree");
        if copy.exists() {
            std::fs::remove_dir_all(&copy)?;
        }
        for part in ["Cargo.toml", "crates", "xtask"] {
            copy_all(&root().join(part), &copy.join(part))
                .with_context(|| format!("cannot copy {part}"))?;
        }
        Ok(Self { root: copy })
    }

    /// Writes every mutant into the copy, each behind its switch.
    pub(crate) fn mutate(&self) -> Result<Vec<Mutant>> {
        self.add_switch()?;
        let mut signatures = Signatures::default();
        for family in FAMILIES {
            for entry in std::fs::read_dir(self.root.join(family.folder))? {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "rs") {
                    signatures.add(&syn::parse_file(&std::fs::read_to_string(path)?)?);
                }
            }
        }
        let mut mutants = Vec::new();
        for family in FAMILIES {
            for name in family.files {
                let file = format!("{}/{name}", family.folder);
                let path = self.root.join(&file);
                let mut syntax = syn::parse_file(&std::fs::read_to_string(&path)?)?;
                let mut mutator =
                    Mutator::new(&file, family.switch, family.words, &signatures, &mut mutants)?;
                mutator.mutate(&mut syntax);
                std::fs::write(&path, quote::quote!(#syntax).to_string())?;
            }
        }
        self.mutate_shared(&mut mutants)?;
        Ok(mutants)
    }

    /// Puts the switch into the shipped number, and makes it reachable from everywhere.
    fn add_switch(&self) -> Result<()> {
        let switch = "
            extern crate self as num;
            /// Returns whether a mutant is switched on.
            pub fn mutant(number: u32) -> bool {
                static ON: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
                    std::env::var(\"MUTANT\").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
                });
                *ON == number
            }";
        self.append("crates/core/num/src/lib.rs", switch)?;
        self.append("crates/dev/num-symbolic/src/lib.rs", "pub use shipped::mutant;")?;
        self.append("crates/core/units/src/lib.rs", "pub use num::mutant;")
    }

    fn append(&self, file: &str, text: &str) -> Result<()> {
        let path = self.root.join(file);
        let before = std::fs::read_to_string(&path)?;
        Ok(std::fs::write(path, format!("{before}\n{text}\n"))?)
    }

    fn mutate_shared(&self, mutants: &mut Vec<Mutant>) -> Result<()> {
        let file = "crates/core/units/src/unit.rs";
        let path = self.root.join(file);
        let mut text = std::fs::read_to_string(&path)?;
        let original = text.clone();
        // Several mutants of one place are one choice, which is written in its stead.
        let mut places: Vec<(&str, String)> = Vec::new();
        for (name, from, to) in SHARED {
            let [_, _] = original.split(from).collect::<Vec<_>>()[..] else {
                bail!("not once in {file}: {from}")
            };
            let number = u32::try_from(mutants.len())? + 1;
            mutants.push(Mutant { number, name: format!("{file}: {name}"), words: &["units:"] });
            let chosen = |otherwise: &str| {
                format!("(if ::num::mutant({number}) {{ {to} }} else {{ {otherwise} }})")
            };
            match places.iter_mut().find(|(place, _)| place == from) {
                Some((_, choice)) => *choice = chosen(choice),
                None => places.push((from, chosen(from))),
            }
        }
        // Longer places first: a shorter one may be part of a longer one.
        places.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        for (index, (from, _)) in places.iter().enumerate() {
            text = text.replace(from, &format!("@{index}@"));
        }
        for (index, (_, choice)) in places.iter().enumerate() {
            text = text.replace(&format!("@{index}@"), choice);
        }
        Ok(std::fs::write(path, text)?)
    }

    /// Builds the proofs over the copy and returns the program that runs them.
    pub(crate) fn build(&self) -> Result<PathBuf> {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["test", "--release", "--no-run", "--package", "proofs", "--test", "suite"])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(self.root.join("crates/dev/proofs"))
            .env("CARGO_TARGET_DIR", root().join("target/mutants/build"))
            .env("RUSTFLAGS", "--cap-lints allow")
            .stderr(std::process::Stdio::inherit())
            .output()?;
        if !output.status.success() {
            bail!("the mutants do not build");
        }
        let text = String::from_utf8(output.stdout)?;
        let executable = text.lines().rev().find_map(|line| {
            let (_, rest) = line.split_once("\"executable\":\"")?;
            rest.split_once('"').map(|(path, _)| PathBuf::from(path))
        });
        executable.context("cargo names the program it built")
    }
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(from, to)?;
        return Ok(());
    }
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != "target" {
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
