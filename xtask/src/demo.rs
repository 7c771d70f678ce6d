//! The steps of `cargo x ci` that run the shipped program as its user does.
//!
//! They show that the program does its main job from a clean checkout, that its own audit agrees with it, that a proof
//! of a record holds and a wrong root is told, that another build under another environment reaches the same state
//! root, and that a build for this very processor does what one for any does.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::call::{Call, Tests};
use crate::step::Step;
use crate::{check, workspace};

/// Blocks of the runs that are compared with one another.
const BLOCKS_COMPARED: &str = "90";

/// How a program was built.
#[derive(Debug, Clone, Copy)]
enum Build {
    /// Optimised, as it ships.
    Release,
    /// As tests run it.
    Debug,
}

pub(crate) fn steps() -> Vec<Step> {
    vec![
        Step::call(
            "build the programs",
            Call::cargo(["build", "--release", "--package", "novation", "--package", "demo"]),
        ),
        Step::plain("demo and audit", demo_and_audit),
        Step::plain("demo on recorded data", demo_on_recorded_data),
        Step::new("same root in every build", move || {
            // The tests have built it; another selection of packages would build half the tree again.
            check::tests().arg("--no-run").run()?;
            same_root_in_every_build().map(|()| Tests::default())
        }),
        Step::plain("same outcome on every processor", same_outcome_on_every_processor),
    ]
}

/// Returns a call of the built program, blind to what the caller's environment says of data.
fn novation(build: Build) -> Call {
    let folder = match build {
        Build::Release => "release",
        Build::Debug => "debug",
    };
    Call::new(workspace::target().join(folder).join("novation")).without_env("NOVATION_DATA")
}

/// Returns a call of the demo alone, as a newcomer builds it first.
fn demo_alone() -> Call {
    Call::new(workspace::target().join("release").join("demo")).without_env("NOVATION_DATA")
}

/// Returns an absent folder below `target` for one run to fill.
fn fresh(name: &str) -> Result<PathBuf> {
    let folder = workspace::scratch("demo")?.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    Ok(folder)
}

fn demo_and_audit() -> Result<()> {
    let house = fresh("house")?;
    let said = demo_alone().arg("--out").arg(&house).printed()?;
    let root = state_root(&said)?.to_owned();
    let audited = novation(Build::Release).args(["audit", "--quiet"]).arg(&house).printed()?;
    if state_root(&audited)? != root {
        bail!("the audit ends at another root than the demo, {root}");
    }
    let proof = house.join("fund.proof");
    novation(Build::Release)
        .arg("prove")
        .arg(&house)
        .args(["house", "insurance", "BTC", "--proof"])
        .arg(&proof)
        .run()?;
    let verify = || novation(Build::Release).arg("verify").arg(&proof);
    verify().args(["--root", &root]).run()?;
    verify().args(["--root", &format!("0x{}", "00".repeat(32))]).refused()
}

/// Runs the demo on recorded data where the caller has it; it is never part of a checkout.
fn demo_on_recorded_data() -> Result<()> {
    let data = std::env::var_os("NOVATION_DATA")
        .map_or_else(|| workspace::root().join("../shared/data"), PathBuf::from);
    if !data.join("MANIFEST.csv").is_file() {
        println!("left out: data absent (name its folder in NOVATION_DATA)");
        return Ok(());
    }
    let house = fresh("recorded")?;
    let demo = ["demo", "--quiet", "--blocks", BLOCKS_COMPARED, "--data"];
    let said = novation(Build::Release).args(demo).arg(&data).arg("--out").arg(&house).printed()?;
    let root = state_root(&said)?.to_owned();
    let audited = novation(Build::Release).args(["audit", "--quiet"]).arg(&house).printed()?;
    if state_root(&audited)? == root { Ok(()) } else { bail!("the audit ends at another root") }
}

fn same_root_in_every_build() -> Result<()> {
    let run = |build: Build, seed: &str, name: &str| -> Result<(String, PathBuf)> {
        let house = fresh(name)?;
        let demo = ["demo", "--quiet", "--blocks", BLOCKS_COMPARED, "--seed", seed, "--out"];
        let mut call = novation(build).args(demo).arg(&house);
        if matches!(build, Build::Debug) {
            call = call.envs([("TZ", "Pacific/Kiritimati"), ("LC_ALL", "tr_TR.UTF-8")]);
        }
        Ok((state_root(&call.printed()?)?.to_owned(), house))
    };
    let (release, release_house) = run(Build::Release, "7", "release")?;
    let (debug, debug_house) = run(Build::Debug, "7", "debug")?;
    if release != debug {
        bail!("the optimised program ends at {release}, the other at {debug}");
    }
    same_bytes(&release_house, &debug_house)?;
    let alone = fresh("alone")?;
    let said = demo_alone()
        .args(["--quiet", "--blocks", BLOCKS_COMPARED, "--seed", "7", "--out"])
        .arg(&alone)
        .printed()?;
    if state_root(&said)? != release {
        bail!("the demo alone ends at another root than in the whole program, {release}");
    }
    same_bytes(&release_house, &alone)?;
    // Roots that never differ would agree by saying nothing.
    let (other_seed, _) = run(Build::Release, "8", "other-seed")?;
    if other_seed == release {
        bail!("another seed ends at the same root {release}")
    } else {
        Ok(())
    }
}

/// Builds the machine for any processor and for this one, and compares all that some traffic leads to.
fn same_outcome_on_every_processor() -> Result<()> {
    let outcome = |flags: &str, folder: PathBuf, seed: &str| -> Result<String> {
        let run = ["run", "--release", "--quiet", "--package", "testkit", "--bin", "outcome", seed];
        let call = Call::cargo(run).env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", folder);
        call.printed()
    };
    let any = outcome("", workspace::target(), "1")?;
    let this = outcome("-C target-cpu=native", workspace::target().join("native"), "1")?;
    if any != this || !any.starts_with("outcome ") {
        bail!("built for any processor: {any}built for this one: {this}");
    }
    let other_seed = outcome("", workspace::target(), "2")?;
    if other_seed == any { bail!("another seed has the same {any}") } else { Ok(()) }
}

/// Fails unless two runs left the same genesis and the same block log.
fn same_bytes(left: &Path, right: &Path) -> Result<()> {
    for name in ["genesis", "blocks"] {
        let (left, right) = (read_all(&left.join(name))?, read_all(&right.join(name))?);
        if left.is_empty() || left != right {
            bail!("{name} differs between the two builds, or is empty");
        }
    }
    Ok(())
}

/// Returns the bytes of a file, or of all files of a folder in the order of their names.
fn read_all(path: &Path) -> Result<Vec<u8>> {
    if !path.is_dir() {
        return std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        files.push(entry?.path());
    }
    files.sort();
    let mut bytes = Vec::new();
    for file in files {
        bytes.extend(read_all(&file)?);
    }
    Ok(bytes)
}

/// Returns the root that the program's last line states.
fn state_root(said: &str) -> Result<&str> {
    let line = said.lines().rev().find(|line| line.contains("state root"));
    let root = line.and_then(|line| line.split_whitespace().next_back());
    root.filter(|root| root.starts_with("0x") && root.len() == 66)
        .context("the program does not end with a state root")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_read_from_the_last_line_that_states_one() {
        let root = format!("0x{}", "ab".repeat(32));
        let said = format!("state root 0x12\naudited 90 blocks, state root {root}\n");
        assert_eq!(state_root(&said).expect("it is stated"), root);
        assert!(state_root("audited 90 blocks\n").is_err());
        assert!(state_root("state root 0x12\n").is_err());
    }

    #[test]
    fn logs_are_compared_by_their_bytes() {
        let folder = std::env::temp_dir().join(format!("xtask-logs-{}", std::process::id()));
        let write = |house: &str, log: &str| {
            let house = folder.join(house);
            std::fs::create_dir_all(house.join("blocks")).expect("it can be made");
            std::fs::write(house.join("genesis"), "same").expect("it can be written");
            std::fs::write(house.join("blocks").join("0"), log).expect("it can be written");
            house
        };
        let (one, same, other) = (write("one", "abc"), write("same", "abc"), write("other", "abd"));
        assert!(same_bytes(&one, &same).is_ok());
        assert!(same_bytes(&one, &other).is_err());
        std::fs::remove_dir_all(folder).expect("it was made above");
    }
}
