//! `cargo x prove`: fetches the theorem prover and runs every proof.
//!
//! The prover is Z3, taken as the wheel its authors publish: a shared library of one exact version, kept below
//! `target`. The proofs compile the shipped source a second time over terms of the prover, see
//! `docs/adr/0002-closed-number-and-dual-compilation.md`. An answer "unknown" counts as a failure there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::call::Call;
use crate::step::{Step, run_all};
use crate::workspace;

/// The version of the prover, and of the wheel that carries it.
const VERSION: &str = "5.4.1";
const WHEEL: &str = "z3-solver==5.4.1.0";
const WHEEL_RECORD: &str = "z3_solver-5.4.1.0.dist-info";

/// The workspace of its own that holds every proof: it alone needs the prover's library.
pub(crate) const WORKSPACE: &str = "crates/dev/proofs/Cargo.toml";

pub(crate) fn run() -> Result<()> {
    run_all(steps()?)
}

/// Returns the steps: fetch the prover, lint what needs it, prove.
pub(crate) fn steps() -> Result<Vec<Step>> {
    let clippy = cargo("clippy")?.args(["--workspace", "--all-targets", "--", "-D", "warnings"]);
    Ok(vec![
        Step::plain("prover", fetch),
        Step::call("clippy of proofs", clippy),
        Step::tests("proofs", cargo("test")?),
    ])
}

/// Returns a call of cargo on the proofs, in the environment of the prover.
pub(crate) fn cargo(verb: &str) -> Result<Call> {
    let call = Call::cargo([verb, "--release", "--locked", "--manifest-path", WORKSPACE]);
    Ok(call.env("CARGO_TARGET_DIR", workspace::scratch("proofs")?).envs(environment()?))
}

fn folder() -> Result<PathBuf> {
    workspace::scratch("z3")
}

/// Installs the prover unless it is there, and makes it state its version.
pub(crate) fn fetch() -> Result<()> {
    let folder = folder()?;
    if !folder.join(WHEEL_RECORD).is_dir() {
        let pip = Call::new("python3").args(["-m", "pip", "install", "--quiet", "--upgrade"]);
        pip.args(["--root-user-action=ignore", "--target"])
            .arg(&folder)
            .arg(WHEEL)
            .run()
            .context("python3 with pip fetches the prover")?;
    }
    let said = Call::new(folder.join("bin").join("z3")).arg("--version").output()?;
    println!("{}", said.trim());
    is_version(&said, VERSION)
}

/// Fails unless the prover says it is `version`.
fn is_version(said: &str, version: &str) -> Result<()> {
    if said.split_whitespace().any(|word| word == version) {
        Ok(())
    } else {
        bail!("expected version {version} of the prover, it says '{}'", said.trim())
    }
}

/// Returns the variables under which the proofs build and run.
fn environment() -> Result<Vec<(&'static str, OsString)>> {
    let library = folder()?.join("z3").join("lib");
    Ok(vec![
        ("LD_LIBRARY_PATH", in_front(&library, std::env::var_os("LD_LIBRARY_PATH"))?),
        ("Z3_LIBRARY_PATH_OVERRIDE", library.into()),
        ("Z3_SYS_Z3_VERSION", VERSION.into()),
        ("Z3_NO_PKG_CONFIG", "1".into()),
    ])
}

/// Puts a folder in front of a search path.
fn in_front(folder: &Path, path: Option<OsString>) -> Result<OsString> {
    let path = path.unwrap_or_default();
    let rest = std::env::split_paths(&path).filter(|part| !part.as_os_str().is_empty());
    Ok(std::env::join_paths(std::iter::once(folder.to_path_buf()).chain(rest))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prover_must_be_the_version_asked_for() {
        assert!(is_version("Z3 version 5.4.1 - 64 bit\n", "5.4.1").is_ok());
        assert!(is_version("Z3 version 4.12.6 - 64 bit\n", "5.4.1").is_err());
        assert!(is_version("Z3 version 15.4.1 - 64 bit\n", "5.4.1").is_err());
    }

    #[test]
    fn the_library_of_the_prover_comes_first() {
        let first = |path: Option<OsString>| in_front(Path::new("z3/lib"), path).expect("it joins");
        assert_eq!(first(None), "z3/lib");
        assert_eq!(first(Some("a:b".into())), "z3/lib:a:b");
    }
}
