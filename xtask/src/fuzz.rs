//! `cargo x fuzz`: damaged inputs for every decoder, from a seed, on the stable compiler.
//!
//! The work is done by the package `fuzz`, whose targets libFuzzer drives as well, see `CONTRIBUTING.md`. The build is
//! that of the tests: checks of overflow and debug assertions are on.

use anyhow::Result;

use crate::call::Call;

/// The workspace of its own that holds the targets of libFuzzer: it alone needs a nightly compiler.
pub(crate) const WORKSPACE: &str = "fuzz/Cargo.toml";

/// Hands every argument on: `--inputs N`, `--seconds N`, `--seed N`, `--file FILE`, `--corpus DIR`, words in the
/// names of targets.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    campaign().arg("--").args(arguments).run().map(|_| ())
}

/// Returns the call that gives each target its usual number of inputs.
pub(crate) fn campaign() -> Call {
    Call::cargo(["run", "--quiet", "--locked", "--package", "fuzz"])
}
