//! What this repository consists of: its root, its files, its packages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::call::Call;

/// Returns the root of the repository, wherever the caller stands.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one folder below the root")
}

/// Returns the folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Returns the folder for what the verbs build besides cargo's own output.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let folder = root().join("target").join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Lists the files that git tracks or would track, relative to the root.
pub(crate) fn files() -> Result<Vec<String>> {
    let listing = Call::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("the list of files comes from git")?;
    Ok(listing
        .split('\0')
        .filter(|path| !path.is_empty() && root().join(path).is_file())
        .map(str::to_owned)
        .collect())
}

/// The packages of the workspace, as cargo describes them.
#[derive(Debug)]
pub(crate) struct Packages {
    metadata: Value,
}

/// A benchmark program of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BenchTarget {
    pub(crate) package: String,
    pub(crate) bench: String,
}

impl Packages {
    pub(crate) fn read() -> Result<Self> {
        let text = Call::cargo(["metadata", "--no-deps", "--format-version", "1"]).output()?;
        Ok(Self { metadata: serde_json::from_str(&text)? })
    }

    fn all(&self) -> &[Value] {
        self.metadata["packages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Returns the packages that depend on `name` in any way, tests included.
    pub(crate) fn depending_on(&self, name: &str) -> BTreeSet<String> {
        self.all()
            .iter()
            .filter(|package| {
                let dependencies = package["dependencies"].as_array();
                dependencies.into_iter().flatten().any(|d| d["name"].as_str() == Some(name))
            })
            .filter_map(|package| package["name"].as_str())
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn benches(&self) -> BTreeSet<BenchTarget> {
        let mut found = BTreeSet::new();
        for package in self.all() {
            for target in package["targets"].as_array().into_iter().flatten() {
                let kinds = target["kind"].as_array();
                let is_bench = kinds.into_iter().flatten().any(|k| k.as_str() == Some("bench"));
                if let (Some(package), Some(bench), true) =
                    (package["name"].as_str(), target["name"].as_str(), is_bench)
                {
                    found.insert(BenchTarget { package: package.into(), bench: bench.into() });
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn packages() -> Packages {
        Packages {
            metadata: json!({"packages": [
                {"name": "ledger", "dependencies": [{"name": "num"}, {"name": "expect-test"}],
                 "targets": [{"name": "post", "kind": ["bench"]}, {"name": "ledger", "kind": ["lib"]}]},
                {"name": "num", "dependencies": [], "targets": [{"name": "num", "kind": ["lib"]}]},
            ]}),
        }
    }

    #[test]
    fn who_depends_on_a_package_is_found() {
        assert_eq!(packages().depending_on("expect-test"), BTreeSet::from(["ledger".to_owned()]));
    }

    #[test]
    fn only_bench_targets_are_benches() {
        let expected = BenchTarget { package: "ledger".into(), bench: "post".into() };
        assert_eq!(packages().benches(), BTreeSet::from([expected]));
    }

    #[test]
    fn the_list_of_files_holds_this_one() {
        assert!(files().expect("git answers").contains(&"xtask/src/workspace.rs".to_owned()));
    }
}
