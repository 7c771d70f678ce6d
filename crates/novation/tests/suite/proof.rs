//! Proofs: written by a house, checked by somebody who has only a root.

use crate::support::{copy, place, root_of, run};
use protocol::Hash;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns a file with the proof of something, and the root it is under.
fn proved(name: &str, what: &str) -> (PathBuf, String) {
    let dir = copy(name);
    let file = dir.with_file_name("it.proof");
    let out = run(&format!("prove {} {what} --proof {{}}", dir.display()), &file).succeeded();
    assert!(out.contains("proved     "), "{out}");
    let root = root_of(&run("audit {}", &dir).succeeded());
    assert!(out.contains(&root), "{out}");
    (file, root)
}

/// Returns the owner of account #0 as the program names it.
fn first_account(dir: &Path) -> String {
    let out = run("explain margin 0 --dir {} --json", dir).succeeded();
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    value["account"].as_str().expect("a name").to_string()
}

#[test]
fn what_is_proved_is_said_in_words() {
    let dir = copy("proofs");
    let file = dir.with_file_name("it.proof");
    let account = first_account(&dir);
    for (what, words) in [
        ("block".to_string(), vec!["proved     the block", "height", "20"]),
        (
            format!("account {account}"),
            vec![account.as_str(), "#0", "balance in dollars", "$", "margin call"],
        ),
        ("underlying btc".into(), vec!["proved     underlying 1", "BTC", "index", "mode"]),
        (
            "market 10000".into(),
            vec![
                "perpetual on underlying 1",
                "open interest",
                "trading",
                "delta of a unit",
                " 1\n",
            ],
        ),
        ("market 10004".into(), vec!["strike", "gamma of a unit", "theta of a unit, one day"]),
        ("underlying usdc".into(), vec!["proved     underlying 0", "USDC"]),
        ("liquidity BTC".into(), vec!["depth and volume of underlying 1", "traded"]),
        ("parameter scan_range BTC".into(), vec!["scan_range", "16 %", "12 % to 60 %"]),
        ("house insurance ETH".into(), vec!["insurance fund 2", "$"]),
        (format!("account 0x{}/7", "ee".repeat(20)), vec!["proved     there is no account 0xee"]),
        (
            "parameter scan_range 9".into(),
            vec!["proved     there is no parameter scan_range of underlying 9"],
        ),
        ("house fees 3".into(), vec!["proved     there is no house balance 'fees' in asset 3"]),
    ] {
        run(&format!("prove {} {what} --proof {{}}", dir.display()), &file).succeeded();
        let out = run("verify {}", &file).succeeded();
        for words in words {
            assert!(out.contains(words), "'{words}' is not in:\n{out}");
        }
        assert!(out.contains("named by the file itself"), "{out}");
    }
}

#[test]
fn a_proof_holds_under_the_root_of_the_audit_and_under_no_other() {
    let (file, root) = proved("proof-root", "house outside");
    let out = run(&format!("verify {{}} --root {root}"), &file).succeeded();
    assert!(out.contains("(as given)"), "{out}");
    let other = Hash::of("test", b"another root");
    run(&format!("verify {{}} --root {other}"), &file).failed(1, &["refused", &root[2..]]);
}

#[test]
fn a_proof_with_any_byte_changed_is_refused() {
    let (file, root) = proved("proof-tampered", "parameter timelock");
    let whole = fs::read(&file).expect("a proof");
    let step = whole.len() / 23;
    for at in (0..whole.len()).step_by(step.max(1)) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&file, changed).expect("written");
        run("verify {}", &file).failed(1, &["refused"]);
        run(&format!("verify {{}} --root {root}"), &file).failed(1, &["refused"]);
    }
    fs::write(&file, &whole[..whole.len() - 1]).expect("written");
    run("verify {}", &file).failed(1, &["refused", "damaged"]);
    fs::write(&file, b"").expect("written");
    run("verify {}", &file).failed(1, &["refused", "not a proof file"]);
}

#[test]
fn a_proof_replaces_a_proof_and_nothing_else() {
    let (file, _) = proved("proof-file", "block");
    let dir = file.with_file_name("house");
    run(&format!("prove {{}} house fees --proof {}", file.display()), &dir).succeeded();
    let other = dir.join("genesis");
    let before = fs::read(&other).expect("a genesis");
    run(&format!("prove {{}} house fees --proof {}", other.display()), &dir)
        .failed(1, &["exists and is not a proof"]);
    assert_eq!(fs::read(&other).expect("a genesis"), before);
}

#[test]
fn what_cannot_be_proved_is_named() {
    let dir = copy("unprovable");
    let file = place("unprovable-file").join("it.proof");
    for (what, words) in [
        ("market x", "'x' is not the number of a market"),
        ("underlying DOGE", "there are USDC (number 0), BTC (number 1), ETH (number 2)"),
        ("parameter scan_range", "scan_range BTC"),
        ("parameter timelock BTC", "one value for the house"),
        ("parameter speed", "there are scan_range"),
        ("house cellar", "'cellar' is not a balance"),
        ("account alice", "'alice' is not an account"),
        ("block 7", "'block' alone"),
    ] {
        let ran = run(&format!("prove {} {what} --proof {{}}", dir.display()), &file);
        ran.failed(1, &[words]);
    }
    assert!(!file.exists());
    run("verify {}", &file).failed(1, &["cannot read", "it.proof"]);
}

/// Whoever audits a running house, or one that may not be written, has its proofs.
#[test]
fn a_house_that_somebody_holds_or_that_cannot_be_written_is_proved_all_the_same() {
    let dir = copy("proof-held");
    let file = dir.with_file_name("held.proof");
    let before = names_and_bytes(&dir);
    {
        let _held = store::DirectoryLock::acquire(&dir).expect("free");
        run(&format!("prove {} house fees --proof {{}}", dir.display()), &file).succeeded();
    }
    fs::remove_file(dir.join("lock")).expect("the holder's");
    let root = root_of(&run("audit {}", &dir).succeeded());
    run(&format!("verify {{}} --root {root}"), &file).succeeded();
    assert_eq!(names_and_bytes(&dir), before, "nothing was written");
}

fn names_and_bytes(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut places = vec![dir.to_path_buf()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(&place).expect("listed") {
            let entry = entry.expect("listed");
            match entry.file_type().expect("known").is_dir() {
                true => places.push(entry.path()),
                false if entry.file_name() == "lock" => {}
                false => found.push((entry.path(), entry.metadata().expect("known").len())),
            }
        }
    }
    found.sort();
    found
}
