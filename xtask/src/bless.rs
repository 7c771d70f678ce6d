//! `cargo x bless`: rewrites expected outputs and conformance hashes from what the code says now.
//!
//! Whoever runs it reads the difference it leaves and can say why each line changed.

use anyhow::Result;

use crate::call::Call;
use crate::step::{Step, run_all};
use crate::workspace::Packages;

/// Both `expect_test` and the conformance tests rewrite their files when this variable is set.
const UPDATE: &str = "UPDATE_EXPECT";

pub(crate) fn run() -> Result<()> {
    let mut blessed = Packages::read()?.depending_on("expect-test");
    for path in crate::workspace::files()? {
        if let Some(folder) = path.strip_suffix("/conformance.toml")
            && let Some((_, package)) = folder.rsplit_once('/')
        {
            blessed.insert(package.to_owned());
        }
    }
    let mut call = Call::cargo(["test"]).env(UPDATE, "1");
    for package in &blessed {
        call = call.args(["--package", package]);
    }
    run_all(vec![
        Step::tests("rewrite", call),
        Step::call("what changed", Call::new("git").args(["diff", "--stat"])),
    ])
}
