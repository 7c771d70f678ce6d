//! Whatever a restart begins from, it ends at the same root.

use crate::support::{BLOCKS, copy, copy_tree, house, place, root_of, run};
use std::fs;
use std::path::Path;

/// Returns the root that a house has when it is opened again.
fn reopened(dir: &Path) -> String {
    let proof = dir.with_file_name("block.proof");
    let proof = proof.to_str().expect("plain text");
    let out = run(&format!("prove {{}} block --proof {proof}"), dir).succeeded();
    out.rsplit("--root ").next().expect("a root").trim().to_string()
}

#[test]
fn a_restart_from_a_snapshot_or_from_nothing_reaches_the_root_of_the_audit() {
    let root = root_of(&run("audit {}", house()).succeeded());
    let dir = copy("restart");
    assert_eq!(reopened(&dir), root, "from the last snapshot");
    fs::remove_dir_all(dir.join("snapshots")).expect("removable");
    assert_eq!(reopened(&dir), root, "from genesis");
    fs::remove_dir_all(dir.join("state")).expect("removable");
    assert_eq!(reopened(&dir), root, "from genesis, without the state");
}

#[test]
fn a_restart_in_the_middle_of_a_log_reaches_the_same_root() {
    let root = root_of(&run("audit {}", house()).succeeded());
    let half = place("half").join("house");
    let out = run("demo --seed 5 --blocks 10 --quiet --out {}", &half).succeeded();
    assert_eq!(
        root_of(&out),
        root_of(&run("audit {} --to 10", house()).succeeded()),
        "same seed, same roots"
    );
    // The house stopped after a snapshot at block 10; its log goes on to block 20.
    fs::remove_dir_all(half.join("blocks")).expect("removable");
    copy_tree(&house().join("blocks"), &half.join("blocks"));
    assert_eq!(reopened(&half), root);
    let out = run("audit {}", &half).succeeded();
    assert!(out.ends_with(&format!("audited {BLOCKS} blocks, state root {root}\n")), "{out}");
}

#[test]
fn another_seed_is_another_history() {
    let dir = place("seed").join("house");
    let out = run("demo --seed 6 --blocks 3 --quiet --out {}", &dir).succeeded();
    assert_ne!(root_of(&out), root_of(&run("audit {} --to 3", house()).succeeded()));
    let page = fs::read_to_string(dir.join("report.html")).expect("a report");
    assert!(page.contains("A command is one order"), "its notes are on it");
    for later in ["In block 600", "from block 700", "stable coin begins to fall"] {
        assert!(!page.contains(later), "a run of three blocks comes to none of that: {later}");
    }
}
