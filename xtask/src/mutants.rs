//! `cargo x mutants [WORD…]`: breaks the proved code in every small way that costs money; each break must break a
//! proof.
//!
//! The work is done by the package `mutants` beside the proofs, which also holds the survivors against
//! `docs/proofs-mutants.md`; this verb sees to the prover. Words choose mutants by name.

use anyhow::Result;

use crate::prove;

pub(crate) fn run(words: &[String]) -> Result<()> {
    prove::fetch()?;
    prove::cargo("run")?.args(["--package", "mutants", "--"]).args(words).run().map(|_| ())
}
