//! The report of a log: made again to the byte, held by the audit, refused by name where there is none.

use crate::support::{BLOCKS, copy, edit, entries, house, place, run, segment};
use std::fs;
use std::path::Path;
use store::{BlockLog, BlockReader, DirectoryLock, LogOptions};

const FILES: [&str; 3] = ["report.json", "report.html", "report.txt"];

fn files(dir: &Path) -> Vec<Vec<u8>> {
    FILES.map(|name| fs::read(dir.join(name)).expect("a report")).into()
}

#[test]
fn a_report_made_again_from_the_log_is_the_demos_to_the_byte() {
    let dir = copy("report-again");
    let told = files(&dir);
    let other = place("report-again-out").join("other");
    let out = run(&format!("report {{}} --quiet --out {}", other.display()), &dir).succeeded();
    assert!(out.contains("report.html") && out.contains("state root 0x"), "{out}");
    assert_eq!(files(&other), told);
    for name in FILES {
        fs::remove_file(dir.join(name)).expect("removable");
    }
    let out = run("report {}", &dir).succeeded();
    assert!(out.contains("Who paid, who won"), "the text is printed: {out}");
    assert_eq!(files(&dir), told);
    // Another run that ends earlier has the report that this log has up to there.
    let early = place("report-early").join("house");
    run("demo --seed 5 --blocks 7 --quiet --out {}", &early).succeeded();
    let out = format!("report {{}} --quiet --to 7 --out {}", other.display());
    run(&out, &dir).succeeded();
    assert_eq!(files(&other), files(&early));
}

#[test]
fn no_byte_of_a_report_can_change_unseen() {
    let dir = copy("report-bytes");
    for (name, bytes) in FILES.into_iter().zip(files(&dir)) {
        let path = dir.join(name);
        let step = bytes.len() / 4;
        for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            edit(&path, |bytes| bytes[at] ^= 1);
            run("audit {}", &dir).failed(1, &["differs", name, "the log is not affected"]);
            fs::write(&path, &bytes).expect("written");
        }
        edit(&path, |bytes| bytes.push(b'\n'));
        run("audit {}", &dir).failed(1, &["differs", name]);
        fs::write(&path, &bytes).expect("written");
    }
    let out = run("audit {}", &dir).succeeded();
    for name in FILES {
        let line = format!("file       {name}: the report made again from the log, byte for byte");
        assert!(out.contains(&line), "{out}");
    }
}

#[test]
fn a_report_that_names_a_block_beyond_the_log_is_a_failure() {
    let dir = copy("report-beyond");
    let file = dir.join("report.json");
    let text = fs::read_to_string(&file).expect("a report");
    let blocks = |blocks: u64| {
        text.replace(&format!("\"blocks\": {BLOCKS}"), &format!("\"blocks\": {blocks}"))
    };
    assert_ne!(blocks(0), text);
    fs::write(&file, blocks(BLOCKS + 5)).expect("written");
    let words = ["blocks in report.json", "on disk  25", "the log ends before it"];
    run("audit {}", &dir).failed(1, &words);
    run("audit {} --to 5", &dir).failed(1, &words);
    // One before: the root is that of another block.
    fs::write(&file, blocks(BLOCKS - 1)).expect("written");
    run("audit {}", &dir).failed(1, &["state_root in report.json"]);
}

#[test]
fn what_was_played_is_bound_to_the_chains_name() {
    let dir = copy("report-scenario");
    let file = dir.join("scenario.json");
    let bytes = fs::read(&file).expect("a scenario");
    let out = run("audit {}", &dir).succeeded();
    assert!(
        out.contains(
            "file       scenario.json: its hash is the one that the chain's name ends with"
        ),
        "{out}"
    );
    for at in [0, bytes.len() / 2, bytes.len() - 1] {
        edit(&file, |bytes| bytes[at] ^= 1);
        run("audit {}", &dir)
            .failed(1, &["hash of scenario.json", "was changed", "the log is not affected"]);
        run("report {}", &dir).failed(1, &["scenario.json was changed"]);
        fs::write(&file, &bytes).expect("written");
    }
    fs::remove_file(&file).expect("removable");
    run("report {}", &dir).failed(1, &["scenario.json is missing", "restore it from a copy"]);
    run("audit {}", &dir).failed(1, &["scenario.json is missing"]);
}

#[test]
fn where_there_is_no_report_to_be_made_it_says_why() {
    let empty = place("report-empty");
    run("report {}", &empty).failed(1, &["is not a house"]);
    run("report {}", &empty.join("absent")).failed(1, &["cannot open", "absent"]);
    assert!(!empty.join("absent").exists());
    let network = place("report-network");
    fs::create_dir(network.join("0")).expect("made");
    fs::copy(house().join("genesis"), network.join("0/genesis")).expect("copied");
    run("report {}", &network).failed(1, &["is that of a network", "name one of its validators"]);

    let dir = copy("report-damaged");
    let told = files(&dir);
    let (at, _) = entries(&dir)[9];
    edit(&segment(&dir), |bytes| bytes[at + 60] ^= 1);
    run("report {}", &dir).failed(1, &["block 9 differs: entry in the block log", "checksum"]);

    let dir = copy("report-torn");
    let (at, length) = *entries(&dir).last().expect("entries");
    edit(&segment(&dir), |bytes| bytes.truncate(at + length - 10));
    fs::remove_dir_all(dir.join("snapshots")).expect("removable");
    run("report {}", &dir).failed(1, &["whose writing never finished", "--to 19"]);
    run("report {} --to 19 --quiet", &dir).succeeded();

    let dir = copy("report-written");
    let lock = DirectoryLock::acquire(&dir).expect("free");
    let process = std::process::id().to_string();
    run("report {}", &dir).failed(1, &["is being written by process", &process, "--to"]);
    assert_eq!(files(&dir), told, "nothing is written");
    run("report {} --to 20 --quiet", &dir).succeeded();
    assert_eq!(files(&dir), told);
    drop(lock);

    let dir = copy("report-pruned");
    let blocks = dir.join("blocks");
    let genesis = crate::support::genesis(&dir);
    let reader = BlockReader::open(&blocks, Some(genesis.bytes())).expect("a log");
    let kept: Vec<_> = reader.map(|entry| entry.expect("an entry")).skip(20).collect();
    fs::remove_dir_all(&blocks).expect("removable");
    let mut log = BlockLog::open(&blocks, genesis.bytes(), LogOptions::default()).expect("a log");
    for entry in &kept {
        log.append(entry.height, &entry.header, &entry.block).expect("appended");
    }
    drop(log);
    run("report {}", &dir).failed(1, &["begins at block 20", "pruned", "archive = true"]);
    let out = run("audit {}", &dir).succeeded();
    assert!(out.contains("file       report.html: not checked: it counts from block 1"), "{out}");
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let blocked = place("report-blocked").join("file");
    fs::write(&blocked, b"").expect("written");
    let out = format!("report {{}} --quiet --out {}", blocked.join("x").display());
    run(&out, house()).failed(2, &["is a file: name a directory"]);
}

#[test]
fn every_account_of_the_demo_is_open_and_has_what_it_brought() {
    let text = fs::read_to_string(house().join("report.json")).expect("a report");
    let json: serde_json::Value = serde_json::from_str(&text).expect("json");
    let holders = json["holders"].as_array().expect("holders");
    let accounts = holders.iter().filter(|held| held["group"] != "");
    let brought = |held: &&serde_json::Value| held["dollars"]["Brought in"] != "0";
    assert_eq!(accounts.filter(brought).count(), 508);
}
