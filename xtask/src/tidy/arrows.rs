//! Rules about manifests: which crate may depend on which, on what from outside, and at which version.
//!
//! ```text
//! num <- units <- pricing, protocol <- engines <- machine <- client, risk, node <- scenario <- novation
//!                                                            client <- node
//! ```
//!
//! Engines never see each other. Around the core lie the wings, whose crates are the shells: one sees only the shells listed
//! here, and only where its wing may know theirs. Nothing that ships depends on `crates/dev`, nothing at all on `novation`
//! but what is in there.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{Finding, Tree};

/// Core crates from the ground up: each may depend on the listed ones.
const CORE: &[(&str, &[&str])] = &[
    ("num", &[]),
    ("units", &["num"]),
    ("places", &[]),
    ("pricing", &["units"]),
    ("protocol", &["units"]),
    ("ledger", BELOW_ENGINES),
    ("book", &["units", "pricing", "protocol", "places"]),
    ("oracle", BELOW_ENGINES),
    ("surface", BELOW_ENGINES),
    ("margin", &["units", "places", "pricing", "protocol"]),
    ("clearing", BELOW_ENGINES),
    ("waterfall", BELOW_ENGINES),
    ("governance", BELOW_ENGINES),
    ("thresholds", BELOW_ENGINES),
    ("sessions", BELOW_ENGINES),
    ("validator-set", BELOW_ENGINES),
    ("custody", BELOW_ENGINES),
    ("machine", BELOW_MACHINE),
];

const BELOW_ENGINES: &[&str] = &["units", "pricing", "protocol"];

const BELOW_MACHINE: &[&str] = &[
    "units",
    "pricing",
    "protocol",
    "places",
    "ledger",
    "book",
    "oracle",
    "surface",
    "margin",
    "clearing",
    "waterfall",
    "governance",
    "thresholds",
    "sessions",
    "validator-set",
    "custody",
];

/// All that core may take from outside: encoding, hashing, error messages.
const CORE_OUTSIDE: &[&str] = &["borsh", "sha2", "thiserror"];

/// What one core crate takes besides, and why.
const CORE_OUTSIDE_BESIDES: &[(&str, &str, &str)] = &[(
    "margin",
    "pulp",
    "vector instructions without unsafe code; integer results do not depend on them",
)];

/// Which shells a shell may see; the others see none.
const SHELLS: &[(&str, &[&str])] = &[
    ("store", &["durable", "state-proof"]),
    ("house", &["durable", "store"]),
    ("archive", &["house", "store"]),
    ("access", &["durable"]),
    ("mempool", &["access"]),
    ("replica", &["access", "durable", "house", "light", "mempool"]),
    ("gateway", &["access", "house", "replica", "rpc"]),
    (
        "operator",
        &["access", "durable", "gateway", "house", "light", "mempool", "replica", "store"],
    ),
    ("light", &["state-proof"]),
    ("records", &["state-proof"]),
    ("client", &["light", "records", "state-proof"]),
    ("surface-fit", &["market"]),
    ("backtest", &["market", "report"]),
    ("run-report", &["report"]),
    ("strategies", &["market"]),
    ("world", &["market", "report", "run-report"]),
    // It leaves a house as a validator keeps it, and is the one crate that plays with a store.
    ("demo", &["durable", "house", "market", "report", "run-report", "store", "world"]),
    // It signs as owners and bots do, and applies what validators have finalised.
    ("traffic", &["access", "house", "store", "world"]),
    ("risk-python", &["whatif"]),
];

/// Which other wing a wing may know; all know core, and none knows the command line.
const WINGS: &[(Layer, Layer)] =
    &[(Layer::Node, Layer::Client), (Layer::Scenario, Layer::Risk), (Layer::Scenario, Layer::Node)];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The folder a crate lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Core,
    /// What a validator runs.
    Node,
    /// What everybody else runs.
    Client,
    /// What measures and reads, and takes no part.
    Risk,
    /// What is played in the demo.
    Scenario,
    /// The command line.
    Binary,
    Dev,
    Tool,
    /// Below `crates`, and in none of the above.
    Nowhere,
}

impl Layer {
    const fn is_wing(self) -> bool {
        matches!(self, Self::Node | Self::Client | Self::Risk | Self::Scenario)
    }

    fn knows(self, other: Self) -> bool {
        self == other || WINGS.contains(&(self, other))
    }
}

/// A crate of the workspace and what its manifest says.
#[derive(Debug)]
struct Manifest<'a> {
    path: &'a str,
    name: String,
    layer: Layer,
    table: Table,
}

impl Manifest<'_> {
    /// Returns the packages this crate is built from, tests left out: name, and the entry itself.
    fn dependencies(&self) -> Vec<(&str, &Value)> {
        let mut tables = vec![&self.table];
        if let Some(targets) = self.table.get("target").and_then(Value::as_table) {
            tables.extend(targets.values().filter_map(Value::as_table));
        }
        let mut found = Vec::new();
        for kind in ["dependencies", "build-dependencies"] {
            for entries in tables.iter().filter_map(|table| table.get(kind)?.as_table()) {
                found
                    .extend(entries.iter().map(|(name, entry)| (package_name(name, entry), entry)));
            }
        }
        found
    }

    fn dev_dependencies(&self) -> Vec<(&str, &Value)> {
        let entries = self.table.get("dev-dependencies").and_then(Value::as_table);
        let entries = entries.into_iter().flatten();
        entries.map(|(name, entry)| (package_name(name, entry), entry)).collect()
    }

    fn finding(&self, message: impl Into<String>) -> Finding {
        Finding::new(self.path, 1, message)
    }
}

/// Returns the real name of a dependency that a manifest may have renamed.
fn package_name<'a>(name: &'a str, entry: &'a Value) -> &'a str {
    entry.get("package").and_then(Value::as_str).unwrap_or(name)
}

fn manifests(tree: &Tree) -> Vec<Manifest<'_>> {
    let mut found = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with("/Cargo.toml")) {
        let layer = match path.split('/').collect::<Vec<_>>()[..] {
            ["crates", "core", ..] => Layer::Core,
            ["crates", "node", ..] => Layer::Node,
            ["crates", "client", ..] => Layer::Client,
            ["crates", "risk", ..] => Layer::Risk,
            ["crates", "scenario", ..] => Layer::Scenario,
            ["crates", "novation", ..] => Layer::Binary,
            ["crates", "dev", ..] => Layer::Dev,
            ["crates", ..] => Layer::Nowhere,
            ["xtask", ..] => Layer::Tool,
            _ => continue,
        };
        let Ok(table) = text.parse::<Table>() else { continue };
        let name = table.get("package").and_then(|package| package.get("name")?.as_str());
        let name = name.unwrap_or_default().to_owned();
        found.push(Manifest { path, name, layer, table });
    }
    found
}

/// Returns the names of the crates in the folders of `crates`, not of those inside another crate.
pub(super) fn crate_names(tree: &Tree) -> Vec<String> {
    let own = |manifest: &Manifest<'_>| {
        let depth = if manifest.layer == Layer::Binary { 3 } else { 4 };
        manifest.path.split('/').count() == depth
    };
    manifests(tree).into_iter().filter(own).map(|manifest| manifest.name).collect()
}

/// Every dependency between our crates follows the arrows.
pub(super) fn arrows(tree: &Tree) -> Vec<Finding> {
    let manifests = manifests(tree);
    let layer_of = |name: &str| manifests.iter().find(|m| m.name == name).map(|m| m.layer);
    let mut findings = Vec::new();
    for manifest in &manifests {
        let name = manifest.name.as_str();
        let below = CORE.iter().find(|(core, _)| *core == name).map(|(_, below)| *below);
        if manifest.layer == Layer::Core && below.is_none() {
            let message = format!("say in xtask/src/tidy/arrows.rs what {name} may depend on");
            findings.push(manifest.finding(message));
            continue;
        }
        if manifest.layer == Layer::Nowhere {
            findings.push(manifest.finding(format!("{name} lies in no wing")));
            continue;
        }
        for (dependency, _) in manifest.dependencies() {
            let Some(layer) = layer_of(dependency) else { continue };
            let may = match manifest.layer {
                Layer::Core => below.is_some_and(|below| below.contains(&dependency)),
                Layer::Node | Layer::Client | Layer::Risk | Layer::Scenario => {
                    let seen = SHELLS.iter().find(|(shell, _)| *shell == name);
                    let sees = seen.is_some_and(|(_, below)| below.contains(&dependency));
                    layer == Layer::Core || (sees && manifest.layer.knows(layer))
                }
                Layer::Binary => layer == Layer::Core || layer.is_wing(),
                Layer::Dev => layer != Layer::Tool,
                Layer::Tool | Layer::Nowhere => false,
            };
            if !may {
                findings.push(manifest.finding(format!("{name} must not depend on {dependency}")));
            }
        }
    }
    findings
}

/// Core takes little from outside, and errors without a type stay in the binary and in tools.
pub(super) fn outside_dependencies(tree: &Tree) -> Vec<Finding> {
    let manifests = manifests(tree);
    let ours: BTreeSet<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let mut findings = Vec::new();
    for manifest in &manifests {
        let name = manifest.name.as_str();
        for (dependency, _) in manifest.dependencies() {
            if ours.contains(dependency) {
                continue;
            }
            let besides = |(who, what, _): &(&str, &str, &str)| *who == name && *what == dependency;
            let may =
                CORE_OUTSIDE.contains(&dependency) || CORE_OUTSIDE_BESIDES.iter().any(besides);
            if manifest.layer == Layer::Core && !may {
                let message = format!("core crates use {CORE_OUTSIDE:?} only, not {dependency}");
                findings.push(manifest.finding(message));
            }
            let library = !matches!(manifest.layer, Layer::Binary | Layer::Dev | Layer::Tool);
            if dependency == "anyhow" && library {
                findings.push(manifest.finding("a library names its errors: use thiserror"));
            }
        }
    }
    findings
}

/// Every version is exact, and one that the root states is the same everywhere.
pub(super) fn pinned_versions(tree: &Tree) -> Vec<Finding> {
    let root = workspace_table(tree.text("Cargo.toml").unwrap_or_default(), "dependencies");
    let mut findings = Vec::new();
    for (name, entry) in &root {
        if let Some(problem) = floating(name, entry) {
            findings.push(Finding::new("Cargo.toml", 1, problem));
        }
    }
    for manifest in manifests(tree) {
        let ours = manifest.dependencies().into_iter().chain(manifest.dev_dependencies());
        for (name, entry) in ours {
            if let Some(problem) = floating(name, entry) {
                findings.push(manifest.finding(problem));
            } else if root.contains_key(name) && version(entry).is_some() {
                findings.push(
                    manifest.finding(format!("{name}: the root states its version, inherit it")),
                );
            }
        }
    }
    findings
}

/// A workspace besides ours, such as that of the proofs, states the same versions and the same lints: what is proved
/// is built from what ships.
pub(super) fn workspaces_agree(tree: &Tree) -> Vec<Finding> {
    let root = tree.text("Cargo.toml").unwrap_or_default();
    let versions = workspace_table(root, "dependencies");
    let lints = workspace_table(root, "lints");
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with("/Cargo.toml")) {
        for (name, entry) in &workspace_table(text, "dependencies") {
            let ours = versions.get(name).and_then(version);
            if let Some(problem) = floating(name, entry) {
                findings.push(Finding::new(path, 1, problem));
            } else if ours.is_some() && ours != version(entry) {
                let message = format!("{name}: the root states another version");
                findings.push(Finding::new(path, 1, message));
            }
        }
        if text.lines().any(|line| line.trim() == "[workspace]")
            && workspace_table(text, "lints") != lints
        {
            findings.push(Finding::new(path, 1, "its lints differ from those of the root"));
        }
    }
    findings
}

/// Returns a table of the `[workspace]` of a manifest; empty if there is none.
fn workspace_table(manifest: &str, name: &str) -> Table {
    let manifest = manifest.parse::<Table>().unwrap_or_default();
    let table = manifest.get("workspace").and_then(|workspace| workspace.get(name)?.as_table());
    table.cloned().unwrap_or_default()
}

fn version(entry: &Value) -> Option<&str> {
    entry.as_str().or_else(|| entry.get("version")?.as_str())
}

/// Returns what is wrong with a dependency that comes neither from our tree nor at one exact version.
fn floating(name: &str, entry: &Value) -> Option<String> {
    let inherited = entry.get("workspace").and_then(Value::as_bool) == Some(true);
    let exact = version(entry).is_some_and(|version| version.starts_with('='));
    let fixed = inherited || exact || entry.get("path").is_some();
    (!fixed).then(|| format!("{name}: give the exact version, as in \"=1.2.3\""))
}

/// Every locked dependency comes from the one public registry, with a checksum.
pub(super) fn one_registry(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with("Cargo.lock")) {
        let lock = text.parse::<Table>().unwrap_or_default();
        for package in lock.get("package").and_then(Value::as_array).into_iter().flatten() {
            let Some(source) = package.get("source").and_then(Value::as_str) else { continue };
            if source != REGISTRY || package.get("checksum").is_none() {
                let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
                let message = format!("{name} does not come from the public registry");
                findings.push(Finding::new(path, 1, message));
            }
        }
    }
    findings
}

/// Manifests that may name the feature by which a test switches a rule off: `protocol`, its sources compiled again, and
/// who asks for it.
const SWITCHED: [&str; 3] = [
    "crates/core/protocol/Cargo.toml",
    "crates/dev/protocol-symbolic/Cargo.toml",
    "crates/dev/adversary/Cargo.toml",
];

/// No rule can be switched off in what ships: but for the adversary, nobody asks for the feature.
pub(super) fn switches_stay_out(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.texts().filter(|(path, _)| path.ends_with("Cargo.toml"));
    let others = manifests.filter(|(path, _)| !SWITCHED.contains(path));
    let asked = others.filter(|(_, text)| text.contains("plant"));
    let finding = |(path, _)| Finding::new(path, 1, "'plant' is for the adversary alone");
    asked.map(finding).collect()
}

/// Every crate is under the lints of the workspace.
pub(super) fn inherited_lints(tree: &Tree) -> Vec<Finding> {
    let inherits = |manifest: &Manifest<'_>| {
        manifest.table.get("lints").and_then(|lints| lints.get("workspace")?.as_bool())
            == Some(true)
    };
    let without = manifests(tree).into_iter().filter(|manifest| !inherits(manifest));
    without
        .map(|manifest| manifest.finding("inherit the lints: [lints] workspace = true"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what `rule` says of crates given as path, and body of the manifest.
    fn found(rule: fn(&Tree) -> Vec<Finding>, crates: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, String)> = crates
            .iter()
            .map(|(path, body)| {
                let name = path.rsplit('/').next().unwrap_or(path);
                let manifest = format!("[package]\nname = \"{name}\"\n{body}\n");
                (format!("{path}/Cargo.toml"), manifest)
            })
            .collect();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        rule(&Tree::of(&files)).iter().map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn an_engine_that_sees_another_engine_is_found() {
        let ledger = ("crates/core/ledger", "");
        let bad = ("crates/core/margin", "[dependencies]\nledger = { workspace = true }");
        assert_eq!(found(arrows, &[ledger, bad]), ["margin must not depend on ledger"]);
        let in_tests = ("crates/core/margin", "[dev-dependencies]\nledger = { workspace = true }");
        assert!(found(arrows, &[ledger, in_tests]).is_empty());
    }

    #[test]
    fn a_renamed_or_platform_dependency_does_not_hide_an_arrow() {
        let ledger = ("crates/core/ledger", "");
        let renamed =
            ("crates/core/book", "[dependencies]\nx = { package = \"ledger\", path = \"..\" }");
        let platform =
            ("crates/core/oracle", "[target.'cfg(unix)'.dependencies]\nledger.workspace = true");
        let messages = found(arrows, &[ledger, renamed, platform]);
        let expected = ["book must not depend on ledger", "oracle must not depend on ledger"];
        assert_eq!(messages, expected);
    }

    #[test]
    fn only_the_binary_sees_shells_that_are_not_listed() {
        let store = ("crates/node/store", "");
        let uses_store = "[dependencies]\nstore.workspace = true";
        let crates = [store, ("crates/novation", uses_store), ("crates/node/mempool", uses_store)];
        assert_eq!(found(arrows, &crates), ["mempool must not depend on store"]);
    }

    #[test]
    fn a_wing_knows_another_only_along_their_arrow() {
        let uses = |name: &str| format!("[dependencies]\n{name}.workspace = true");
        let (light, market, house) = (uses("light"), uses("market"), uses("house"));
        // Every pair is one that the list of shells allows.
        let along = [("crates/client/light", ""), ("crates/node/replica", light.as_str())];
        assert!(found(arrows, &along).is_empty());
        for (known, knows) in [
            (("crates/node/market", ""), ("crates/risk/whatif", market.as_str())),
            (("crates/client/market", ""), ("crates/risk/whatif", market.as_str())),
            (("crates/risk/market", ""), ("crates/node/whatif", market.as_str())),
            (("crates/risk/market", ""), ("crates/client/whatif", market.as_str())),
            (("crates/node/house", ""), ("crates/client/replica", house.as_str())),
            (
                ("crates/novation", ""),
                ("crates/node/replica", "[dependencies]\nnovation.workspace = true"),
            ),
        ] {
            assert_eq!(found(arrows, &[known, knows]).len(), 1, "{} knows {}", knows.0, known.0);
        }
    }

    #[test]
    fn wings_know_each_other_in_no_circle() {
        for (from, to) in WINGS {
            assert!(from.is_wing() && to.is_wing() && from != to);
            let mut reached = vec![*to];
            // No way without a circle is longer than all arrows.
            for _ in WINGS {
                assert!(!reached.contains(from), "{from:?} knows {to:?}, which comes to know it");
                let on = WINGS.iter().filter(|(knows, _)| reached.contains(knows));
                reached = on.map(|(_, known)| *known).collect();
            }
        }
    }

    #[test]
    fn a_crate_in_no_wing_is_found() {
        for path in ["crates/games/casino", "crates/casino"] {
            assert_eq!(found(arrows, &[(path, "")]), ["casino lies in no wing"]);
        }
    }

    #[test]
    fn the_command_line_is_one_of_our_crates() {
        let files = ["crates/novation", "crates/node/store", "crates/dev/proofs/mutants"]
            .map(|path| (format!("{path}/Cargo.toml"), format!("[package]\nname = \"{path}\"\n")));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(crate_names(&Tree::of(&files)), ["crates/node/store", "crates/novation"]);
    }

    #[test]
    fn nothing_that_ships_depends_on_what_is_for_development() {
        let testkit = ("crates/dev/testkit", "");
        let uses_testkit = "[dependencies]\ntestkit.workspace = true";
        let crates = [
            testkit,
            ("crates/core/book", uses_testkit),
            ("crates/novation", uses_testkit),
            ("crates/dev/sim", uses_testkit),
        ];
        let messages = found(arrows, &crates);
        let expected = ["book must not depend on testkit", "novation must not depend on testkit"];
        assert_eq!(messages, expected);
    }

    #[test]
    fn a_core_crate_without_a_place_is_found() {
        assert_eq!(found(arrows, &[("crates/core/casino", "")]).len(), 1);
    }

    #[test]
    fn core_takes_nothing_unlisted_from_outside() {
        let body = "[dependencies]\nborsh.workspace = true\nserde.workspace = true";
        let messages = found(outside_dependencies, &[("crates/core/book", body)]);
        assert_eq!(messages.len(), 1);
        assert!(messages[0].ends_with("not serde"));
        let vectors = "[dependencies]\npulp.workspace = true";
        assert!(found(outside_dependencies, &[("crates/core/margin", vectors)]).is_empty());
        assert_eq!(found(outside_dependencies, &[("crates/core/book", vectors)]).len(), 1);
        let shell = ("crates/node/store", "[dependencies]\nanyhow.workspace = true");
        assert_eq!(found(outside_dependencies, &[shell]).len(), 1);
    }

    #[test]
    fn a_version_that_floats_or_is_stated_twice_is_found() {
        let root = "[workspace.dependencies]\nborsh = \"1.8\"\nsha2 = { version = \"=0.11.1\" }\n\
                    num = { path = \"crates/core/num\" }\n";
        let book = "[package]\nname = \"book\"\n[dependencies]\nsha2 = \"=0.11.1\"\nzstd = \"=0.14.4\"\n\
                    [dev-dependencies]\nproptest = \"1\"\nunits.workspace = true\n";
        let tree = Tree::of(&[("Cargo.toml", root), ("crates/core/book/Cargo.toml", book)]);
        let messages: Vec<String> =
            pinned_versions(&tree).into_iter().map(|finding| finding.message).collect();
        let names: Vec<&str> = messages.iter().filter_map(|m| m.split(':').next()).collect();
        assert_eq!(names, ["borsh", "sha2", "proptest"]);
    }

    #[test]
    fn a_second_workspace_that_disagrees_is_found() {
        let root = "[workspace.dependencies]\nborsh = \"=1.8.1\"\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
        let found = |borsh: &str, lint: &str| {
            let proofs = format!(
                "[workspace]\n[workspace.dependencies]\nborsh = {{ version = \"{borsh}\" }}\nz3 = \"=0.22.0\"\n\
                 [workspace.lints.rust]\nunsafe_code = \"{lint}\"\n"
            );
            let files = [("Cargo.toml", root), ("crates/dev/proofs/Cargo.toml", proofs.as_str())];
            workspaces_agree(&Tree::of(&files)).len()
        };
        assert_eq!(found("=1.8.1", "forbid"), 0);
        assert_eq!(found("=1.8.2", "forbid"), 1);
        assert_eq!(found("1.8.1", "allow"), 2);
    }

    #[test]
    fn a_dependency_from_elsewhere_is_found() {
        let lock = format!(
            "[[package]]\nname = \"a\"\nsource = \"{REGISTRY}\"\nchecksum = \"00\"\n\
             [[package]]\nname = \"b\"\nsource = \"git+https://example.org/b\"\n\
             [[package]]\nname = \"ours\"\n"
        );
        assert_eq!(one_registry(&Tree::of(&[("Cargo.lock", &lock)])).len(), 1);
    }

    #[test]
    fn switches_are_for_the_adversary_alone() {
        let asks = "[dependencies]\nprotocol = { workspace = true, features = [\"plant\"] }";
        let tree = Tree::of(&[
            ("crates/novation/Cargo.toml", asks),
            ("crates/dev/adversary/Cargo.toml", asks),
        ]);
        let found = switches_stay_out(&tree);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_crate_outside_the_workspace_lints_is_found() {
        let good = ("crates/core/book", "[lints]\nworkspace = true");
        let bad = ("crates/core/ledger", "[lints.rust]\nunsafe_code = \"allow\"");
        assert_eq!(found(inherited_lints, &[good, bad]).len(), 1);
    }
}
