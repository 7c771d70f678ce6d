//! An audit of an honest house, and of houses whose disk was not kind to them.

use crate::support::{
    BLOCKS, copy, copy_tree, edit, entries, house, place, root_of, run, segment, snapshot,
};
use protocol::Hash;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use store::DirectoryLock;

/// Returns the hash of every file below a directory.
fn fingerprint(dir: &Path) -> Vec<(String, Hash)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            found.extend(fingerprint(&path));
        } else {
            let hash = Hash::of("file", &fs::read(&path).expect("readable"));
            found.push((path.display().to_string(), hash));
        }
    }
    found.sort();
    found
}

#[test]
fn an_honest_house_is_replayed_to_its_own_root() {
    let out = run("audit {}", house()).succeeded();
    let last = out.lines().last().expect("a line");
    assert_eq!(last, format!("audited {BLOCKS} blocks, state root {}", root_of(&out)));
    assert!(out.contains(&format!("snapshots  block {BLOCKS}:")), "{out}");
    assert!(!out.contains("warning"), "{out}");
}

#[test]
fn an_audit_needs_no_lock_and_changes_nothing() {
    let dir = copy("untouched");
    let unfinished = dir.join("snapshots/snapshot-00000000000000000021.state.unfinished");
    fs::write(&unfinished, b"a running house is writing this").expect("written");
    let _lock = DirectoryLock::acquire(&dir).expect("free");
    let before = fingerprint(&dir);
    run("audit {}", &dir).succeeded();
    run("explain margin 0 --dir {}", &dir).succeeded();
    assert_eq!(fingerprint(&dir), before);
}

/// Returns what an audit said of a file.
fn told<'a>(out: &'a str, file: &str) -> &'a str {
    let begins = format!("file       {file}: ");
    let line = out.lines().find_map(|line| line.strip_prefix(&begins));
    line.unwrap_or_else(|| panic!("nothing is said of {file}:\n{out}"))
}

#[test]
fn an_audit_says_of_every_file_what_was_checked() {
    let dir = copy("files");
    fs::write(dir.join("notes"), b"mine").expect("written");
    fs::write(dir.join("snapshots/other"), b"mine").expect("written");
    fs::create_dir(dir.join("engine")).expect("made");
    let out = run("audit {}", &dir).succeeded();
    let named = |dir: &Path| -> Vec<String> {
        let names = fs::read_dir(dir).expect("listed");
        names.map(|entry| entry.expect("listed").file_name().into_string().expect("text")).collect()
    };
    for name in named(&dir) {
        assert!(out.contains(&format!("file       {name}")), "{name}:\n{out}");
    }
    for name in named(&dir.join("snapshots")) {
        told(&out, &format!("snapshots/{name}"));
    }
    assert!(told(&out, "genesis").contains("names the chain"), "{out}");
    let log = told(&out, "blocks/blocks-00000000.log");
    assert_eq!(log, format!("replayed, blocks 0 to {BLOCKS}"));
    let state = format!("snapshots/snapshot-{BLOCKS:020}.state");
    assert_eq!(told(&out, &state), "equal to the replayed state, byte for byte");
    let tree = format!("snapshots/snapshot-{BLOCKS:020}.tree");
    assert_eq!(told(&out, &tree), format!("leads to the state root of block {BLOCKS}"));
    let root = format!("opened from a copy: its root after block {BLOCKS} is the log's");
    assert_eq!(told(&out, "state/"), root);
    assert_eq!(told(&out, "notes"), "not checked: unknown to this program");
    assert_eq!(told(&out, "snapshots/other"), "not checked: no snapshot");
    assert_eq!(told(&out, "engine/"), "not checked: what consensus keeps");
    let out = run("audit {} --to 5", &dir).succeeded();
    for file in [state.as_str(), tree.as_str(), "state/"] {
        assert!(told(&out, file).starts_with("not checked: "), "{out}");
    }
}

#[test]
fn a_changed_number_of_a_report_is_named() {
    let dir = copy("report");
    let file = dir.join("report.json");
    let text = fs::read_to_string(&file).expect("a report");
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("json");
    let fields = parsed.as_object().expect("fields");
    for (name, value) in fields {
        let (changed, named) = match value {
            serde_json::Value::Bool(value) => (serde_json::json!(!value), name.clone()),
            serde_json::Value::Number(_) => (serde_json::json!(999), name.clone()),
            serde_json::Value::Array(held) if held.is_empty() => {
                let halted = serde_json::json!([{"market": "X", "reason": "y"}]);
                (halted, format!("{name}[0]"))
            }
            serde_json::Value::Array(held) => {
                let mut held = held.clone();
                held[17]["dollars"]["Fees"] = serde_json::json!("1");
                (serde_json::json!(held), format!("{name}[17].dollars.Fees"))
            }
            _ => (serde_json::json!("999999999"), name.clone()),
        };
        let mut other = parsed.clone();
        other[name] = changed;
        fs::write(&file, other.to_string()).expect("written");
        let words = format!("{named} in report.json");
        run("audit {}", &dir).failed(1, &[&words, "the log is not affected"]);
    }
    fs::write(&file, "{}").expect("written");
    run("audit {}", &dir).failed(1, &["form in report.json"]);
    fs::write(&file, &text).expect("written");
    let out = run("audit {} --to 5", &dir).succeeded();
    assert!(told(&out, "report.json").starts_with("not checked: it is of block 20"), "{out}");
}

#[test]
fn a_tree_file_that_leads_elsewhere_is_a_difference() {
    let dir = copy("tree");
    let file = dir.join(format!("snapshots/snapshot-{BLOCKS:020}.tree"));
    let words = format!("block {BLOCKS} differs: root in the snapshot's tree file");
    // Of the operations' root.
    edit(&file, |bytes| bytes[20] ^= 1);
    run("audit {}", &dir).failed(1, &[&words, "on disk  0x"]);
    edit(&file, |bytes| bytes.truncate(10));
    run("audit {}", &dir).failed(1, &[&words, "not a tree's target"]);
}

#[test]
fn a_stored_state_that_is_another_houses_is_a_difference() {
    let dir = copy("state");
    let other = place("state-other").join("house");
    run(&format!("demo --seed 6 --blocks {BLOCKS} --quiet --out {{}}"), &other).succeeded();
    fs::remove_dir_all(dir.join("state")).expect("removable");
    copy_tree(&other.join("state"), &dir.join("state"));
    let words = format!("block {BLOCKS} differs: root of the stored state");
    run("audit {}", &dir).failed(1, &[&words, "the log is not affected"]);
    fs::remove_dir_all(dir.join("state")).expect("removable");
    fs::create_dir(dir.join("state")).expect("made");
    let out = run("audit {}", &dir).succeeded();
    assert!(told(&out, "state/").starts_with("not checked: "), "{out}");
}

#[test]
fn an_audit_stops_where_it_is_told() {
    let out = run("audit {} --to 5", house()).succeeded();
    assert!(out.lines().last().is_some_and(|line| line.starts_with("audited 5 blocks, ")), "{out}");
    run("audit {} --to 999", house()).failed(1, &["there is no block 999", "ends at block 20"]);
}

#[test]
fn a_changed_byte_anywhere_in_the_log_names_its_block() {
    let dir = copy("flipped");
    let file = segment(&dir);
    let places = entries(&dir);
    let whole = fs::read(&file).expect("a log");
    for height in [0, 1, 7, 20] {
        let (at, length) = places[height];
        for byte in [at + 2, at + 15, at + 30, at + 40, at + length / 2, at + length - 1] {
            let mut changed = whole.clone();
            changed[byte] ^= 0x10;
            fs::write(&file, changed).expect("written");
            run("audit {}", &dir).failed(1, &[&format!("block {height} differs"), "cause"]);
        }
    }
}

#[test]
fn a_changed_segment_header_names_the_file() {
    for (name, byte, words) in [
        ("magic", 0, "is not a block log"),
        ("version", 11, "has block log version 0, this build reads 1"),
        ("chain", 20, "header was changed"),
        ("first-height", 54, "blocks-00000000.log"),
    ] {
        let dir = copy(&format!("segment-{name}"));
        edit(&segment(&dir), |bytes| bytes[byte] ^= 1);
        run("audit {}", &dir).failed(1, &["blocks-00000000.log", words]);
    }
}

#[test]
fn a_torn_tail_is_a_warning_unless_a_snapshot_says_more() {
    let dir = copy("torn");
    let (at, length) = *entries(&dir).last().expect("entries");
    edit(&segment(&dir), |bytes| bytes.truncate(at + length - 10));
    run("audit {}", &dir).failed(
        1,
        &["block 20 differs", "ends at block 19", "a snapshot of block 20", "acknowledged"],
    );
    fs::remove_file(snapshot(&dir)).expect("removable");
    run("audit {}", &dir).failed(1, &["blocks in report.json", "the log ends before it"]);
    for end in ["html", "json", "txt"] {
        fs::remove_file(dir.join(format!("report.{end}"))).expect("removable");
    }
    let out = run("audit {}", &dir).succeeded();
    assert!(out.contains(&format!("warning    the last {} bytes", length - 10)), "{out}");
    assert!(out.contains("audited 19 blocks, "), "{out}");
}

#[test]
fn a_damaged_snapshot_is_named_with_its_reason() {
    for (name, change, words) in [
        (
            "cut",
            (|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1)) as fn(&mut Vec<u8>),
            "bytes where",
        ),
        ("empty", |bytes| bytes.clear(), "not a snapshot"),
        ("version", |bytes| bytes[11] = 9, "snapshot version 9, this build reads 1"),
        ("header", |bytes| bytes[50] ^= 1, "the snapshot's header was changed"),
        (
            "body",
            |bytes| *bytes.last_mut().expect("bytes") ^= 1,
            "the body does not match its hash",
        ),
    ] {
        let dir = copy(&format!("snapshot-{name}"));
        edit(&snapshot(&dir), change);
        run("audit {}", &dir).failed(1, &["block 20 differs: snapshot", "house/snapshots/", words]);
    }
}

#[test]
fn a_wrong_genesis_is_named() {
    let dir = copy("genesis");
    let file = dir.join("genesis");
    let whole = fs::read(&file).expect("a genesis");
    edit(&file, |bytes| bytes[0] = 9);
    run("audit {}", &dir).failed(1, &["genesis is damaged", "encoding version 9"]);
    fs::write(&file, &whole[..whole.len() / 2]).expect("written");
    run("audit {}", &dir).failed(1, &["genesis is damaged"]);
    // A digit of the chain's name: still a genesis, but another one.
    let mut other = whole;
    other[5] ^= 1;
    fs::write(&file, other).expect("written");
    run("audit {}", &dir).failed(1, &["belongs to genesis", "not"]);
}

#[test]
fn a_directory_that_is_no_house_says_what_to_do() {
    let empty = place("empty");
    run("audit {}", &empty).failed(1, &["is not a house", "novation demo --out"]);
    run("audit {}", &empty.join("absent")).failed(1, &["is not a house"]);
    assert!(!empty.join("absent").exists());
    // What cannot be read is no reason to found another.
    fs::create_dir(empty.join("genesis")).expect("creatable");
    let told = run("audit {}", &empty);
    told.failed(1, &["cannot read", "genesis", "Is a directory"]);
    assert!(!told.err.contains("demo"), "{}", told.err);
    let dir = copy("no-log");
    fs::remove_dir_all(dir.join("blocks")).expect("removable");
    run("audit {}", &dir).failed(1, &["has no block log"]);
}

/// Runs an audit that prints an object.
fn object(arguments: &str, dir: &Path, code: i32) -> Value {
    let ran = run(&format!("audit {{}} --json {arguments}"), dir);
    assert_eq!((ran.code, ran.err.as_str()), (Some(code), ""), "{}", ran.out);
    serde_json::from_str(&ran.out).expect("one object")
}

#[test]
fn an_audit_as_an_object_says_what_the_lines_say() {
    let out = run("audit {}", house()).succeeded();
    let told = object("", house(), 0);
    assert_eq!((&told["verdict"], &told["blocks"]), (&json!("holds"), &json!(BLOCKS)));
    assert_eq!(told["state_root"], root_of(&out));
    assert_eq!(told["to"]["height"], BLOCKS);
    assert_eq!((&told["snapshots"], &told["warning"]), (&json!([BLOCKS]), &Value::Null));
    for file in told["files"].as_array().expect("a list") {
        let not = if file["checked"] == true { "" } else { "not checked: " };
        let text = |field: &str| file[field].as_str().expect("a text").to_string();
        let line = format!("file       {}: {not}{}\n", text("name"), text("what"));
        assert!(out.contains(&line), "{line}{out}");
    }
    let happened = &told["happened"];
    let moved = |way: &str| -> u64 {
        let assets = happened[way].as_object().expect("assets").values();
        assets.map(|moved| moved["count"].as_u64().expect("a number")).sum()
    };
    let counts = format!(
        "happened   {} commands, {} of them refused; {} deposits, {} withdrawals, ",
        happened["commands"],
        happened["refused"],
        moved("deposits"),
        moved("withdrawals"),
    );
    assert!(out.contains(&counts), "{counts}\n{out}");
    assert!(happened["commands"].as_u64() > Some(1_000), "{happened}");
    assert_eq!(happened["deposits"]["0"]["count"], 508, "dollars of every account");
    // Twice the same, and another end.
    assert_eq!(object("", house(), 0), told);
    assert_eq!(object("--to 5", house(), 0)["blocks"], 5);
}

#[test]
fn every_field_of_an_audits_object_is_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit.md");
    let page = fs::read_to_string(page).expect("it is in the repository");
    let told = object("", house(), 0);
    let dir = copy("documented");
    edit(&dir.join("report.txt"), |bytes| bytes.push(b'!'));
    let differs = object("", &dir, 1);
    assert_eq!(differs["verdict"], "differs");
    assert_ne!(told["happened"]["halts"], Value::Null, "`halted` is what stands still in the end");
    let happened = &told["happened"];
    for fields in [&told, happened, &told["files"][0], &happened["deposits"]["0"], &differs] {
        for name in fields.as_object().expect("fields").keys() {
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/audit.md");
        }
    }
}

#[test]
fn a_difference_is_an_object_too_and_what_is_no_house_is_none() {
    let dir = copy("object");
    edit(&dir.join("report.txt"), |bytes| bytes.push(b'!'));
    let told = object("", &dir, 1);
    assert_eq!((&told["verdict"], &told["height"]), (&json!("differs"), &json!(BLOCKS)));
    assert!(told["field"].as_str().expect("a text").contains("in report.txt"), "{told}");
    assert!(told["cause"].as_str().expect("a text").contains("the log is not affected"), "{told}");
    let nothing = run("audit {} --json", &place("no-object"));
    nothing.failed(1, &["error: "]);
    assert_eq!(nothing.out, "");
}
