//! Networks founded from a file of one's own: what is founded, what is refused, and that nothing is left of a refusal.

use crate::network::{Devnet, free_ports};
use crate::support::{novation, place, run};
use protocol::Hash;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

/// Returns the template with settings in place of lines of it.
fn edited(edits: &[(&str, &str)]) -> String {
    let mut text = run("genesis template", Path::new("")).succeeded();
    for (old, new) in edits {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    text
}

/// Returns the validators of a file, on ports of this machine from one on.
fn validators(keys: &[Option<String>], base_port: u16) -> String {
    let one = |(port, key): (u16, &Option<String>)| {
        let key = key.as_ref().map_or_else(String::new, |key| format!("key = \"{key}\"\n"));
        format!("[[validators]]\nlisten = \"127.0.0.1:{port}\"\nstake = 1000000\n{key}\n")
    };
    (base_port..).zip(keys).map(one).collect()
}

/// Makes a validator's key in a file and returns its public part.
fn made_key(path: &Path) -> String {
    let said = run("keys --new {}", path).succeeded();
    said.trim().strip_prefix("public key ").expect("a key").to_string()
}

/// Returns the hash in the last line of what `genesis check` or `init` says.
fn hash_of(said: &str) -> &str {
    let last = said.lines().last().expect("a line");
    last.strip_prefix("genesis").expect("the hash comes last").trim()
}

const CONTRACTS: &str = "
[[perpetuals]]
id = 10000
underlying = \"BTC\"
lot = \"0.001\"
tick = \"0.5\"

[[options]]
first_id = 10100
underlying = \"BTC\"
expires = \"2099-03-27T08:00:00Z\"
strikes = [\"90000\", \"100000\"]
lot = \"0.01\"
tick = \"0.5\"
";

#[test]
fn a_network_is_founded_from_a_file_and_runs_with_what_the_file_says() {
    let place = place("founded");
    let (file, dir, ports) = (place.join("net.toml"), place.join("net"), free_ports());
    let contracts = format!("{}{CONTRACTS}", validators(&[None, None, None, None], ports));
    let text = edited(&[
        ("chain = \"novation\"", "chain = \"founded\""),
        ("#[parameters]\n#timelock = \"3 d\"", "[parameters]\ntimelock = \"1 h\""),
    ]);
    fs::write(&file, format!("{text}{contracts}")).expect("writable");
    let shown = run("genesis check {}", &file).succeeded();
    for line in [
        "chain       founded\n",
        "timelock 3600000 ms, not 172800000 ms",
        "10100-10103  BTC 4 options 2099-03-27T08:00:00Z, strikes 90000 to 100000 $",
        "no hash yet: the file leaves out time, [council], [custody], the validators' keys\n",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let said = run(&format!("init --genesis {} --dir {{}}", file.display()), &dir).succeeded();
    // What was made stands in a file that founds the same.
    let shown = run("genesis check {}/genesis.toml", &dir).succeeded();
    assert_eq!(hash_of(&shown), hash_of(&said));
    let list = fs::read_to_string(dir.join("network.toml")).expect("readable");
    assert!(list.contains(hash_of(&said)), "{list}");
    let encoded = fs::read(dir.join("3/genesis")).expect("readable");
    assert_eq!(Hash::of("genesis", &encoded).to_string(), hash_of(&said));
    let copy = fs::read(dir.join("3/genesis.toml")).expect("readable");
    assert_eq!(copy, fs::read(dir.join("genesis.toml")).expect("readable"));

    let start = |index: u16| {
        novation()
            .args(["node", "--with-parent", "--config"])
            .arg(dir.join(index.to_string()).join("node.toml"))
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts")
    };
    let mut nodes: Vec<Child> = (0..4).map(start).collect();
    let net = Devnet::around(&dir, ports);
    (0..4).for_each(|index| net.reaches(index, 2));
    for (asked, told) in [
        ("market 10101", "put"),
        ("underlying 1", "BTC"),
        ("parameter timelock", "3600000"),
        ("house insurance 1", "there is no house balance 'insurance fund 1'"),
    ] {
        let ask = format!(
            "ask {asked} --node 127.0.0.1:{} --trust {{}}/network.toml",
            net.base_port + 102
        );
        let answer = run(&ask, &dir).succeeded();
        assert!(answer.contains(told), "{asked}: {answer}");
    }
    // A house is founded with few contracts, and governance lists more.
    let govern = |what: &str, signer: u16| {
        let node = format!("--node 127.0.0.1:{}", net.base_port + 100);
        let key = format!("--key {{}}/signer-{signer}.key --trust {{}}/network.toml");
        run(&format!("govern {what} {node} {key}"), &dir).succeeded()
    };
    let listed = "list market 20000: perpetual on underlying 2, lot 0.01, tick 0.05 $";
    let proposed = govern("propose list 20000 --of ETH --lot 0.01 --tick 0.05", 1);
    assert!(proposed.contains(&format!("proposal   1: {listed}")), "{proposed}");
    let approved = govern("approve 1", 2);
    assert!(approved.contains(&format!("approving  1: {listed}")), "{approved}");

    for node in &mut nodes {
        drop(node.stdin.take());
        assert!(node.wait().expect("it ends").success());
    }
}

#[test]
fn operators_with_keys_of_their_own_found_one_network_from_one_file() {
    let place = place("ceremony");
    let file = place.join("net.toml");
    let key = |number: usize| place.join(format!("{number}.key"));
    let keys: Vec<_> = (1..=4).map(|number| Some(made_key(&key(number)))).collect();
    let text = edited(&[
        ("#time = \"2026", "time = \"2026"),
        ("#[council]\n#", "[council]\n"),
        ("#threshold = 2", "threshold = 2"),
        ("#[custody]\n#", "[custody]\n"),
        ("#threshold = 2", "threshold = 2"),
    ]);
    fs::write(&file, format!("{text}{}", validators(&keys, 26_600))).expect("writable");
    let shown = run("genesis check {}", &file).succeeded();
    let init = |number: usize| {
        let (file, key) = (file.display().to_string(), key(number).display().to_string());
        format!("init --genesis {file} --dir {{}} --validator-keys {key}")
    };
    let mut lists = Vec::new();
    for number in [2, 3] {
        let dir = place.join(format!("net-{number}"));
        let said = run(&init(number), &dir).succeeded();
        assert_eq!(hash_of(&said), hash_of(&shown));
        lists.push(fs::read(dir.join("network.toml")).expect("readable"));
        // A directory of one's own and no other; no key of anybody else.
        let mut names: Vec<_> = fs::read_dir(&dir)
            .expect("listed")
            .map(|entry| entry.expect("listed").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        assert_eq!(names, [&(number - 1).to_string(), "genesis.toml", "network.toml"]);
        let held = fs::read(dir.join(format!("{}/validator.key", number - 1))).expect("readable");
        assert_eq!(held, fs::read(key(number)).expect("readable"));
    }
    assert_eq!(lists[0], lists[1]);

    let dir = place.join("refused");
    let without = format!("init --genesis {} --dir {{}}", file.display());
    run(&without, &dir).failed(1, &["give the files of those you have by --validator-keys"]);
    made_key(&place.join("stranger.key"));
    let stranger = format!("{without} --validator-keys {}/stranger.key", place.display());
    run(&stranger, &dir).failed(1, &["stranger.key is the key 0x", "no validator of the file has"]);
    let hosts = "--hosts 127.0.0.1,127.0.0.1,127.0.0.2,127.0.0.1";
    run(&format!("{} {hosts}", init(1)), &dir)
        .failed(1, &["validator 3 is on 127.0.0.1 in the file, and on 127.0.0.2 by --hosts"]);
    run(&format!("{} --hosts 127.0.0.1", init(1)), &dir)
        .failed(1, &["--hosts names 1 machines, and the file 4 validators"]);
    assert!(!dir.exists(), "nothing is left of a refusal");
}

#[test]
fn what_does_not_found_leaves_no_directory_and_what_holds_anything_is_left_alone() {
    let place = place("unfounded");
    let dir = place.join("net");
    let hosts = "--hosts 127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1";
    let twice = format!("0x{0},0x{0}", "51".repeat(20));
    for (arguments, words) in [
        (
            format!("--signers {twice}"),
            "signer = '0x5151515151515151515151515151515151515151': it is there twice",
        ),
        (
            format!("--demo --signers {twice}"),
            "signer 0x5151515151515151515151515151515151515151 is named twice",
        ),
        (
            "--custodian-threshold 1".to_string(),
            "threshold of [custody] = '1': of 3, 2 to 3 are allowed",
        ),
        ("--demo --custodian-threshold 1".to_string(), "3 custodians cannot have a threshold of 1"),
        (
            "--base-port 65000 --chain a_name_that_is_far_too_long_for_it".to_string(),
            "a name is 1 to 32 characters",
        ),
    ] {
        run(&format!("init --dir {{}} {hosts} {arguments}"), &dir).failed(1, &[words]);
        assert!(!dir.exists(), "{arguments}");
    }
    let bad = place.join("bad.toml");
    fs::write(&bad, edited(&[("sources_min = 3", "sources_min = 4")])).expect("writable");
    let words = [
        "bad.toml founds nothing",
        "line ",
        "sources_min of underlying USDC = '4': of 4 sources, 0 to 3",
    ];
    run("genesis check {}", &bad).failed(1, &words);
    run(&format!("init --dir {{}} --genesis {} {hosts}", bad.display()), &dir).failed(1, &words);
    fs::write(&bad, edited(&[])).expect("writable");
    run(&format!("init --dir {{}} --genesis {}", bad.display()), &dir)
        .failed(1, &["the file has no [[validators]]: name their machines by --hosts"]);
    assert!(!dir.exists());
    for arguments in ["--demo", "--chain a", "--signers 0x5151515151515151515151515151515151515151"]
    {
        run(&format!("init --dir {{}} --genesis net.toml {arguments}"), &dir)
            .failed(2, &["cannot be used with"]);
    }
    run("init --dir {}", &dir).failed(2, &["--hosts"]);

    // The same file with machines for its validators.
    let file = format!("init --dir {{}} --genesis {} {hosts}", bad.display());
    let said = run(&file, &place.join("hosted")).succeeded();
    let shown = run("genesis check {}/hosted/genesis.toml", &place).succeeded();
    assert_eq!(hash_of(&shown), hash_of(&said));

    // Whatever is there, if only a note.
    fs::create_dir_all(&dir).expect("creatable");
    fs::write(dir.join("note"), b"mine").expect("writable");
    run(&format!("init --dir {{}} {hosts}"), &dir)
        .failed(1, &["is not empty: choose another --dir"]);
    assert_eq!(fs::read_dir(&dir).expect("listed").count(), 1);
    fs::remove_file(dir.join("note")).expect("removable");
    run(&format!("init --dir {{}} {hosts}"), &dir).succeeded();
    run(&format!("init --dir {{}} {hosts}"), &dir).failed(1, &["is not empty"]);
}

#[test]
fn a_network_of_which_no_validator_may_fail_is_founded_with_a_warning() {
    let place = place("spare");
    let hosts = |count: usize| vec!["127.0.0.1"; count].join(",");
    for (count, words) in [
        (1, "1 validator survives no failure (f = 0)"),
        (2, "2 validators survive no failure (f = 0)"),
        (3, "3 validators survive no failure (f = 0)"),
    ] {
        let init = format!("init --dir {{}} --hosts {}", hosts(count));
        let said = run(&init, &place.join(count.to_string())).warned(words);
        hash_of(&said);
    }
    run(&format!("init --dir {{}} --hosts {}", hosts(4)), &place.join("4")).succeeded();
}

#[test]
fn a_machine_is_named_by_its_address_alone() {
    let dir = place("named").join("net");
    for host in ["localhost", "validator.example", "10.0.0.1:26600", ""] {
        run(&format!("init --dir {{}} --hosts 127.0.0.1,{host}"), &dir)
            .failed(2, &[&format!("'{host}'"), "no IP address: a seat carries the address itself"]);
    }
    assert!(!dir.exists());
    let help = run("init --help", &dir).succeeded();
    assert!(help.contains("IP addresses of the validators' machines, no names"), "{help}");
}
