//! `cargo x wheel`: builds the Python module, installs it into a folder of its own, and compares it with the program.
//!
//! The builder is the one that `pyproject.toml` names, of one exact version, kept below `target`.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::call::Call;
use crate::step::{Step, run_all};
use crate::workspace;

/// The builder of wheels.
const BUILDER: &str = "maturin==1.16.0";
const BUILDER_RECORD: &str = "maturin-1.16.0.dist-info";

/// The workspace of its own that holds the module.
pub(crate) const MANIFEST: &str = "crates/shell/risk-python/Cargo.toml";

pub(crate) fn run() -> Result<()> {
    run_all(steps()?)
}

/// Returns the steps: fetch the builder, lint, build, install, compare.
pub(crate) fn steps() -> Result<Vec<Step>> {
    let clippy = Call::cargo(["clippy", "--release", "--locked", "--manifest-path", MANIFEST]);
    let clippy =
        clippy.env("CARGO_TARGET_DIR", built()?).args(["--all-targets", "--", "-D", "warnings"]);
    Ok(vec![
        Step::plain("builder of wheels", fetch),
        Step::call("clippy of the Python module", clippy),
        Step::plain("wheel", build),
        Step::call("program to compare with", Call::cargo(["build", "--locked", "-p", "novation"])),
        Step::plain("the module computes what the program does", compare),
    ])
}

fn built() -> Result<PathBuf> {
    workspace::scratch("wheel")
}

fn pip() -> Call {
    let pip = Call::new("python3").args(["-m", "pip", "install", "--quiet", "--upgrade"]);
    pip.arg("--root-user-action=ignore").arg("--target")
}

fn fetch() -> Result<()> {
    let folder = workspace::scratch("maturin")?;
    if !folder.join(BUILDER_RECORD).is_dir() {
        pip().arg(&folder).arg(BUILDER).run().context("python3 with pip fetches the builder")?;
    }
    Ok(())
}

/// Builds the wheel, and installs it where nothing else is.
fn build() -> Result<()> {
    let wheels = workspace::scratch("wheel/dist")?;
    for old in std::fs::read_dir(&wheels)? {
        std::fs::remove_file(old?.path())?;
    }
    let builder = workspace::scratch("maturin")?.join("bin").join("maturin");
    Call::new(builder)
        .args(["build", "--release", "--locked", "--quiet", "--manifest-path", MANIFEST, "--out"])
        .arg(&wheels)
        .env("CARGO_TARGET_DIR", built()?)
        .run()?;
    let mut made = std::fs::read_dir(&wheels)?;
    let wheel = made.next().context("no wheel was built")??.path();
    println!("{}", wheel.display());
    pip().arg(workspace::scratch("wheel/site")?).arg("--no-deps").arg(wheel).run().map(drop)
}

fn compare() -> Result<()> {
    let program = workspace::target().join("debug").join("novation");
    Call::new("python3")
        .arg("crates/shell/risk-python/tests/bits.py")
        .arg(program)
        .env("PYTHONPATH", workspace::scratch("wheel/site")?)
        .run()
        .map(drop)
}
