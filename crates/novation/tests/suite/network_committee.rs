//! Validators that come and go while the chain runs, and clients who follow them.

use crate::network::Devnet;
use crate::network_sync::start;
use crate::support::{Ran, root_of, run};
use std::fs;
use std::path::PathBuf;

const EPOCH: u64 = 32;
/// The shortest timelock, an hour, in blocks of a minute.
const TIMELOCK: u64 = 60;
/// How many blocks a certified record may be behind the newest block: a proposer waits for an outcome after so many.
const LAG: u64 = 16;

/// Asks a validator for a record and verifies the answer with a list.
fn asked(net: &Devnet, index: u16, what: &str, list: &str) -> Ran {
    let answer = net.dir.join("answer");
    let (dir, answer) = (net.dir.display(), answer.display());
    let node = format!("127.0.0.1:{}", net.base_port + 100 + index);
    let ask = format!("ask {what} --node {node} --trust {dir}/{list} --proof {answer}");
    run(&ask, &net.dir).succeeded();
    run(&format!("verify {answer} --trust {dir}/{list}"), &net.dir)
}

/// Returns the block that took in what a signer sent.
fn taken(told: &str) -> u64 {
    let (_, rest) = told.split_once("taken into block ").expect("it says where");
    rest.split_once('\n').expect("a line").0.parse().expect("a number")
}

/// Writes the directory of a validator that the genesis does not know; its public key.
fn newcomer(net: &Devnet, index: u16) -> (PathBuf, String) {
    let dir = net.dir.join(index.to_string());
    fs::create_dir_all(&dir).expect("creatable");
    fs::copy(net.dir.join("network.toml"), dir.join("network.toml")).expect("readable");
    let text = fs::read_to_string(net.config(0)).expect("readable");
    let port = |base: u16| format!(":{}\"", base + index);
    let text = text
        .replace(&format!(":{}\"", net.base_port), &port(net.base_port))
        .replace(&format!(":{}\"", net.base_port + 100), &port(net.base_port + 100));
    fs::write(dir.join("node.toml"), text).expect("writable");
    let shown = run("keys {} --new", &dir.join("validator.key")).succeeded();
    let key = shown.trim().strip_prefix("public key ").expect("a key").to_owned();
    (dir.join("node.toml"), key)
}

#[test]
fn a_fifth_validator_joins_the_first_leaves_and_clients_of_the_first_list_follow() {
    let mut net = Devnet::of_epochs("committee", 11 * EPOCH, EPOCH);
    net.reaches(0, 2);
    let (config, key) = newcomer(&net, 4);
    let dir = net.dir.display().to_string();
    let govern = |words: &str, signer: u16| {
        let node = format!("127.0.0.1:{}", net.base_port + 101);
        let (trust, key) = (format!("{dir}/network.toml"), format!("{dir}/signer-{signer}.key"));
        run(&format!("govern {words} --node {node} --trust {trust} --key {key}"), &net.dir)
    };
    let at = format!("127.0.0.1:{}", net.base_port + 4);
    let none = format!("0x02{}", "0".repeat(62));
    let seat =
        |key: &str| format!("propose seat 5 --validator-key {key} --stake 1000000 --at {at}");
    govern(&seat(&none), 1).failed(1, &["no Ed25519 public key"]);
    let proposed = govern(&seat(&key), 1).succeeded();
    assert!(proposed.contains("proposal   1: seat validator 5"), "{proposed}");
    govern("propose unseat 1", 3).succeeded();
    let listed = govern("list", 1).succeeded();
    assert!(listed.contains("2 of 3") && listed.contains("1 of 2 approvals"), "{listed}");
    govern("approve 1", 1).failed(1, &["refused", "(code 154)", "another signer's"]);
    // Nobody approves for them: the demo's own signers approve what the demo has proposed.
    govern("approve 1", 3).succeeded();
    let approved = govern("approve 2", 1).succeeded();
    assert!(approved.contains("approving  2: unseat validator 1"), "{approved}");
    govern("approve 99", 1).failed(1, &["no proposal 99 is open"]);
    govern("revoke 99", 1).failed(1, &["refused", "(code 153)", "never open"]);
    govern("propose parameter scan_range 200000 --of 77", 1).failed(1, &["no underlying 77"]);
    govern("propose parameter scan_range 200000 --of XYZ", 1)
        .failed(1, &["'XYZ' is not an underlying: there are", "BTC"]);
    let custodians = format!("propose custodians --remove 0x{} --threshold 2", "9".repeat(40));
    govern(&custodians, 1).failed(1, &["is no custodian"]);
    let paused = govern("pause 10000", 3).succeeded();
    assert!(paused.contains("market     10000: paused"), "{paused}");
    govern("pause 10000", 1).failed(1, &["refused", "(code 72)", "does not trade"]);
    govern("pause 4711", 1).failed(1, &["refused", "(code 70)"]);
    let stranger = net.dir.join("1/validator.key").display().to_string();
    let node = format!("127.0.0.1:{}", net.base_port + 101);
    let by = format!("govern revoke 1 --node {node} --trust {dir}/network.toml --key {stranger}");
    run(&by, &net.dir).failed(1, &["is no signer here: it takes 2 of 3"]);

    // The change is made by the first block an hour after the approval (0023-GOV-009), and a proof may be of LAG blocks ago.
    // Decided in one epoch, it rules from the second after it on (0033-COMM-003).
    let made = taken(&approved) + TIMELOCK;
    let rules = (made / EPOCH + 2) * EPOCH;
    net.reaches(1, made + LAG);
    let wanted = asked(&net, 1, "committee", "network.toml").succeeded();
    assert!(wanted.contains("is to have one 2 3 4 5"), "{wanted}");
    let join = format!("http://127.0.0.1:{}", net.base_port + 101);
    // A snapshot is taken every hundred blocks.
    net.reaches(1, 105);
    let newcomer = start(&config, &join);
    // A key whose votes are not known signs nothing until the others have said how far they are, nor in an epoch of so few
    // views after that: it is one of the four that may be missing until then.
    net.reaches(4, 1);
    net.says(4, "200 OK");
    let at = net.follow(1, 0).expect("it answers");
    net.reaches(4, rules.max((at / EPOCH + 2) * EPOCH) + 1);
    let present = asked(&net, 1, "committee", "network.toml").succeeded();
    assert!(present.contains("has a seat 2 3 4 5"), "{present}");
    assert!(present.contains("finalised by the validators of epoch"), "{present}");

    // In the epoch after its last it still hears what is final, and so that it has left.
    net.reaches(0, rules);
    // The one that left is not missed, and of the four that have a seat any three go on, the newcomer among them.
    net.kill(0);
    net.kill(2);
    let at = net.follow(1, 0).expect("it answers");
    net.reaches(1, at + 5);
    net.restart(2);

    // A list of now is as good as the first with all steps; the first alone is not enough for an answer to the new one.
    let list = format!(
        "ask committee --node 127.0.0.1:{} --trust {dir}/network.toml",
        net.base_port + 104
    );
    let proof = format!("--proof {dir}/committee.answer");
    run(&format!("{list} {proof} --list {dir}/newest.toml"), &net.dir).succeeded();
    asked(&net, 4, "house insurance 1", "newest.toml").succeeded();
    run(&format!("verify {dir}/answer --trust {dir}/network.toml"), &net.dir)
        .failed(1, &["refused"]);
    asked(&net, 4, "house insurance 1", "network.toml").succeeded();
    let bytes = fs::read(net.dir.join("answer")).expect("readable");
    for at in (0..bytes.len()).step_by(97) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(net.dir.join("changed"), changed).expect("writable");
        run(&format!("verify {dir}/changed --trust {dir}/network.toml"), &net.dir).failed(1, &[]);
    }
    let audit = format!("audit --from http://127.0.0.1:{} --quiet --to 150", net.base_port + 101);
    run(&format!("{audit} --trust {dir}/network.toml"), &net.dir).succeeded();

    // The one without a seat is told how to go on.
    let lost = run("node --config {}/0/node.toml", &net.dir);
    lost.failed(1, &["has no seat", "--join"]);
    let out = net.ends();
    let lines: Vec<&str> = out.lines().collect();
    let [missed, last] = lines.as_slice() else { panic!("none differed: {out}") };
    assert!(missed.starts_with("validator 0 could not be compared"), "{out}");
    assert!(last.starts_with("finalised 352, state root 0x"), "{out}");
    drop(newcomer);
    let late = run("audit {} --quiet --to 250", &net.dir.join("4")).succeeded();
    let whole = run("audit {} --quiet --to 250", &net.dir.join("1")).succeeded();
    assert_eq!(root_of(&late), root_of(&whole));
}
