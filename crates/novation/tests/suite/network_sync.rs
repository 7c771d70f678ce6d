//! Nodes that come late: a validator that has lost its disk, a node that does not vote, and a stranger who audits.

use crate::network::{Devnet, free_ports};
use crate::support::{novation, root_of, run};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

/// A node that ends with the test.
pub(crate) struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn start(config: &Path, join: &str) -> Node {
    let log = config.with_file_name("log");
    let log = fs::File::options().create(true).append(true).open(log).expect("writable");
    let child = novation()
        .args(["node", "--join", join, "--config"])
        .arg(config)
        .stderr(Stdio::from(log))
        .spawn();
    Node(child.expect("the program starts"))
}

/// Writes the configuration of a node without a key, which has nothing but the list of validators.
fn watcher(net: &Devnet) -> std::path::PathBuf {
    let dir = net.dir.join("watcher");
    fs::create_dir_all(&dir).expect("creatable");
    fs::copy(net.dir.join("network.toml"), dir.join("network.toml")).expect("readable");
    let whole = fs::read_to_string(net.config(0)).expect("readable");
    let lines = whole.lines().filter(|line| !line.starts_with("key = "));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let text = text.replace("snapshots = 4", "snapshots = 2\nsegment_bytes = 4096");
    let config = dir.join("node.toml");
    fs::write(&config, text).expect("writable");
    config
}

#[test]
fn a_wiped_validator_and_a_watcher_take_over_a_snapshot_and_a_stranger_audits_from_afar() {
    let mut net = Devnet::start("joining", 330);
    net.reaches(0, 105);
    let join = format!("http://127.0.0.1:{}", net.base_port + 100);
    let watcher = watcher(&net);
    let watching = start(&watcher, &join);

    net.kill(3);
    let place = net.dir.join("3");
    for lost in ["blocks", "state", "snapshots", "engine"] {
        fs::remove_dir_all(place.join(lost)).expect("it was there");
    }
    fs::remove_file(place.join("votes")).expect("it was there");
    let wiped = start(&net.config(3), &join);
    net.reaches(3, 120);
    assert!(place.join("floor").is_file() && !place.join("joining").exists());
    let taken = store::BlockReader::open(&place.join("blocks"), None).expect("readable");
    assert!(taken.first_height().is_some_and(|first| first >= 100 && first % 100 == 0));

    // It votes again once its silence is over; without another, its votes are needed.
    net.reaches(3, 200);
    net.kill(2);
    let at = net.follow(0, 0).expect("it answers");
    net.reaches(0, at + 10);

    // Without both nothing moves on, and the rest still answer: whoever audits has all the time that it takes.
    drop(wiped);
    let trust = net.dir.join("network.toml");
    let audit = |more: &str| {
        let trust = trust.display();
        run(&format!("audit --from {join} --trust {trust} --quiet {more}"), &net.dir)
    };
    let from_genesis = audit("--to 120").succeeded();
    assert!(from_genesis.contains("audited 120 blocks"), "{from_genesis}");
    let object = |text: &str| -> Value { serde_json::from_str(text).expect("one object") };
    let told = object(&audit("--to 120 --json").succeeded());
    assert_eq!((&told["verdict"], &told["blocks"]), (&json!("holds"), &json!(120)));
    assert!(from_genesis.contains(told["state_root"].as_str().expect("a root")), "{told}");
    let since = audit("--since snapshot").succeeded();
    assert!(since.contains("whose hash is certified"), "{since}");
    let text = fs::read_to_string(&trust).expect("readable");
    let other = net.dir.join("other.toml");
    fs::write(&other, text.replace("novation-devnet", "another")).expect("writable");
    let elsewhere = format!("audit --from {join} --trust {} --quiet", other.display());
    run(&elsewhere, &net.dir).failed(1, &["refused", "signatures"]);
    let refused = run(&format!("{elsewhere} --json"), &net.dir);
    assert_eq!((refused.code, &object(&refused.out)["verdict"]), (Some(1), &json!("refused")));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit.md");
    let page = fs::read_to_string(page).expect("it is in the repository");
    for fields in [&told, &object(&refused.out)] {
        for name in fields.as_object().expect("fields").keys() {
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/audit.md");
        }
    }
    // What keeps an audit from going on says nothing about the chain: no node there, and no room for the house.
    let nobody = format!("http://127.0.0.1:{}", free_ports());
    for (from, temporary, words) in [(&nobody, "/tmp", "refused"), (&join, "/dev/null", "TMPDIR")] {
        let mut audit = novation();
        audit.env("TMPDIR", temporary).args(["audit", "--from", from, "--quiet", "--json"]);
        let ran = audit.arg("--trust").arg(&trust).output().expect("the program starts");
        let ran = crate::support::Ran::from(ran);
        ran.failed(1, &["error: ", words]);
        assert_eq!(ran.out, "", "no object");
    }

    net.restart(2);
    net.restart(3);
    let out = net.ends();
    assert!(out.starts_with("finalised 330, state root 0x"), "{out}");
    assert_eq!(out.lines().count(), 1, "none differed: {out}");
    drop(watching);
    let audited = |dir: &Path, to: u64| run(&format!("audit {{}} --quiet --to {to}"), dir);
    let whole = audited(&net.dir.join("0"), 250).succeeded();
    for late in [place, watcher.parent().expect("a directory").to_path_buf()] {
        let out = audited(&late, 250).succeeded();
        assert!(out.contains("begins     with the snapshot of block"), "{out}");
        assert_eq!(root_of(&out), root_of(&whole));
        audited(&late, 50).failed(1, &["block 50 is pruned", "from block"]);
    }
}

#[test]
fn a_node_without_a_key_and_without_a_peer_says_what_it_lacks() {
    let dir = crate::support::place("keyless").join("net");
    run("init --dir {} --hosts 127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1", &dir).succeeded();
    let config = dir.join("0/node.toml");
    let whole = fs::read_to_string(&config).expect("readable");
    fs::write(&config, whole.replace("key = ", "# key = ")).expect("writable");
    run("node --config {}/0/node.toml", &dir).failed(1, &["--join", "a key"]);
    fs::write(&config, &whole).expect("writable");
    fs::write(dir.join("0/joining"), b"").expect("writable");
    run("node --config {}/0/node.toml", &dir).failed(1, &["was being taken over", "--join"]);
    // A disk that was lost, but for the file that says where everything is.
    fs::remove_file(dir.join("1/genesis")).expect("removable");
    let told = run("node --config {}/1/node.toml", &dir);
    told.failed(1, &["holds no house of the network", "if its disk was lost", "--join ADDRESS"]);
    assert!(!told.err.contains("demo"), "{}", told.err);
}
