//! `cargo x wheel`: builds the Python module, installs it into a folder of its own, and compares it with the program.
//!
//! The builder is the one that `pyproject.toml` names, of one exact version, kept below `target`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::call::Call;
use crate::step::{Step, run_all};
use crate::workspace;

/// The builder of wheels.
const BUILDER: &str = "maturin==1.16.0";
const BUILDER_RECORD: &str = "maturin-1.16.0.dist-info";

/// The workspace of its own that holds the module.
pub(crate) const MANIFEST: &str = "crates/risk/risk-python/Cargo.toml";

pub(crate) fn run() -> Result<()> {
    run_all(steps()?)
}

/// What a type checker looks for in the wheel: the stub, as it lies in the repository, and the mark that there is one.
const STUB: &str = "novation_risk/__init__.pyi";
const STUB_SOURCE: &str = "crates/risk/risk-python/novation_risk.pyi";
const TYPED: &str = "novation_risk/py.typed";

/// Prints the names in a wheel, and then the content of the stub.
const READ: &str = "import sys, zipfile\nwheel = zipfile.ZipFile(sys.argv[1])\nnames = wheel.namelist()\n\
    print(*names, '', sep='\\n')\nif sys.argv[2] in names: sys.stdout.write(wheel.read(sys.argv[2]).decode())";

/// Returns the steps: fetch the builder, lint, build, look for the stub, install, compare.
pub(crate) fn steps() -> Result<Vec<Step>> {
    let clippy = Call::cargo(["clippy", "--release", "--locked", "--manifest-path", MANIFEST]);
    let clippy =
        clippy.env("CARGO_TARGET_DIR", built()?).args(["--all-targets", "--", "-D", "warnings"]);
    Ok(vec![
        Step::plain("builder of wheels", fetch),
        Step::call("clippy of the Python module", clippy),
        Step::plain("wheel", build),
        Step::plain("the wheel brings its types", || typed(&wheel()?)),
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

/// Returns the wheel that was built.
fn wheel() -> Result<PathBuf> {
    let mut made = std::fs::read_dir(workspace::scratch("wheel/dist")?)?;
    Ok(made.next().context("no wheel was built")??.path())
}

/// Fails unless a wheel holds the stub that lies in the repository, and the mark that type checkers want beside it.
fn typed(wheel: &Path) -> Result<()> {
    let read = Call::new("python3").args(["-c", READ]).arg(wheel).arg(STUB).output()?;
    let (names, stub) = read.split_once("\n\n").context("the wheel cannot be read")?;
    for name in [STUB, TYPED] {
        if !names.lines().any(|held| held == name) {
            bail!(
                "the wheel has no {name}, it has {}",
                names.lines().collect::<Vec<_>>().join(", ")
            );
        }
    }
    if stub != std::fs::read_to_string(workspace::root().join(STUB_SOURCE))? {
        bail!("{STUB} in the wheel is not {STUB_SOURCE}");
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
    let wheel = wheel()?;
    println!("{}", wheel.display());
    pip().arg(workspace::scratch("wheel/site")?).arg("--no-deps").arg(wheel).run().map(drop)
}

fn compare() -> Result<()> {
    let program = workspace::target().join("debug").join("novation");
    Call::new("python3")
        .arg("crates/risk/risk-python/tests/bits.py")
        .arg(program)
        .env("PYTHONPATH", workspace::scratch("wheel/site")?)
        .run()
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes an archive of some files, as a wheel is one.
    fn archive(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("xtask-{}-{name}.whl", std::process::id()));
        let write = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as wheel:\n \
             for at in range(2, len(sys.argv), 2): wheel.writestr(sys.argv[at], sys.argv[at + 1])";
        let files = files.iter().flat_map(|(name, content)| [name, content]);
        Call::new("python3").args(["-c", write]).arg(&path).args(files).run().expect("an archive");
        path
    }

    #[test]
    fn a_wheel_without_its_types_is_refused() {
        let source = std::fs::read_to_string(workspace::root().join(STUB_SOURCE)).expect("a stub");
        let (stub, typed_mark) = ((STUB, source.as_str()), (TYPED, ""));
        for (name, files, words) in [
            ("whole", &[stub, typed_mark][..], None),
            ("untyped", &[stub], Some("the wheel has no novation_risk/py.typed")),
            ("stubless", &[typed_mark], Some("the wheel has no novation_risk/__init__.pyi")),
            ("other", &[(STUB, "def price(): ..."), typed_mark], Some("in the wheel is not")),
        ] {
            let wheel = archive(name, files);
            let said = typed(&wheel).err().map(|error| error.to_string());
            std::fs::remove_file(wheel).expect("it was made above");
            match words {
                None => assert_eq!(said, None),
                Some(words) => {
                    assert!(said.as_ref().is_some_and(|said| said.contains(words)), "{said:?}")
                }
            }
        }
    }
}
