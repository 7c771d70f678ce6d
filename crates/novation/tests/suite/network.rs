//! Four validators as processes: they agree, they bear the loss of one, they stop without two, and they come back.

use crate::network_doors::network_of;
use crate::support::{novation, place, root_of, run};
use machine::{Genesis, Machine};
use protocol::{AccountId, Address, Event, codec, limits};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for anything, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// A running network and what it takes to disturb it.
pub(crate) struct Devnet {
    pub(crate) dir: PathBuf,
    pub(crate) base_port: u16,
    parent: Child,
    /// Validators that the test has started itself.
    restarted: Vec<Child>,
}

impl Drop for Devnet {
    fn drop(&mut self) {
        // The validators end when their parent does.
        drop(self.parent.kill());
        drop(self.parent.wait());
        for child in &mut self.restarted {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Devnet {
    pub(crate) fn start(name: &str, blocks: u64) -> Self {
        Self::of_epochs(name, blocks, 20_000)
    }

    pub(crate) fn of_epochs(name: &str, blocks: u64, epoch_blocks: u64) -> Self {
        let dir = place(name).join("net");
        let base_port = free_ports();
        let parent = novation()
            .args(["devnet", "--validators", "4", "--seed", "5", "--quiet", "--dir"])
            .arg(&dir)
            .args(["--blocks", &blocks.to_string(), "--base-port", &base_port.to_string()])
            .args(["--epoch-blocks", &epoch_blocks.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self { dir, base_port, parent, restarted: Vec::new() }
    }

    /// Returns a network that the test itself runs in a directory.
    pub(crate) fn around(dir: &Path, base_port: u16) -> Self {
        let parent = Command::new("true").spawn().expect("it starts");
        Self { dir: dir.to_path_buf(), base_port, parent, restarted: Vec::new() }
    }

    /// Sends a request to a validator; what it answered.
    pub(crate) fn call(&self, index: u16, method: &str, params: &str) -> Option<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], self.base_port + 100 + index));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let body = format!("{{\"method\":\"{method}\",\"params\":{params},\"id\":1}}");
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Asks a validator for a page; what it answered.
    fn get(&self, index: u16, path: &str) -> String {
        let port = self.base_port + 100 + index;
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        send(port, head.as_bytes())
    }

    /// Waits until a validator says of its readiness what it should.
    pub(crate) fn says(&self, index: u16, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.get(index, "/health/ready");
            if said.contains(words) {
                return said;
            }
            assert!(Instant::now() < deadline, "validator {index} never says '{words}': {said}");
            thread::park_timeout(LOOK);
        }
    }

    /// Waits for a block at a validator, for as long as one request may last, and returns how far it has come.
    pub(crate) fn follow(&self, index: u16, height: u64) -> Option<u64> {
        let answer = self.call(index, "follow", &format!("{{\"height\":{height}}}"))?;
        let (_, rest) = answer.rsplit_once("\"height\":")?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }

    /// Waits until a validator has executed a block.
    pub(crate) fn reaches(&self, index: u16, height: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.follow(index, height).is_none_or(|at| at < height) {
            assert!(Instant::now() < deadline, "validator {index} does not reach block {height}");
            thread::park_timeout(LOOK);
        }
    }

    pub(crate) fn config(&self, index: u16) -> PathBuf {
        self.dir.join(index.to_string()).join("node.toml")
    }

    /// Ends a validator as a power cut does.
    pub(crate) fn kill(&self, index: u16) {
        let place = self.dir.join(index.to_string());
        let pid = fs::read_to_string(place.join("pid")).expect("a pid");
        let killed = Command::new("kill").args(["-9", pid.trim()]).status().expect("kill runs");
        assert!(killed.success());
        // It is gone once the system has let go of its lock.
        fs::File::open(place.join("lock")).and_then(|lock| lock.lock()).expect("lockable");
    }

    pub(crate) fn restart(&mut self, index: u16) {
        let child = novation().args(["node", "--config"]).arg(self.config(index)).spawn();
        self.restarted.push(child.expect("the program starts"));
    }

    /// Waits for the end of the network and returns its last words.
    pub(crate) fn ends(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while self.parent.try_wait().expect("a child").is_none() {
            assert!(Instant::now() < deadline, "the network does not end");
            thread::park_timeout(LOOK);
        }
        let (mut out, mut err) = (String::new(), String::new());
        self.parent.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
        self.parent.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
        assert_eq!(err, "", "{out}");
        out
    }
}

/// Returns the first of a range of ports that nobody listens on; every call another.
pub(crate) fn free_ports() -> u16 {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 100).expect("small");
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let all_free = |base: &u16| (0..5).all(|index| free(base + index) && free(base + 100 + index));
    (0..20)
        .map(|_| 10_000 + process * 200 + CALLS.fetch_add(1, Ordering::Relaxed) % 9 * 10)
        .find(all_free)
        .expect("free ports")
}

fn audited(dir: &Path, to: u64) -> String {
    root_of(&run(&format!("audit {{}} --quiet --to {to}"), dir).succeeded())
}

#[test]
fn four_validators_agree_lose_one_stop_without_two_and_come_back() {
    let mut net = Devnet::start("network", 60);
    net.reaches(0, 10);

    net.kill(3);
    let at = net.follow(0, 0).expect("it answers");
    net.reaches(0, at + 5);

    net.kill(2);
    let at = net.follow(0, 0).expect("it answers");
    // What had votes enough may still become final; more may not, in all the time that a request lasts.
    assert!(net.follow(0, at + 4).is_some_and(|now| now < at + 4), "two of four are no quorum");
    let said = net.says(0, "2 of 4 validators reached, 3 needed");
    assert!(said.starts_with("HTTP/1.1 503"), "{said}");
    let metrics = net.get(0, "/metrics");
    for line in ["novation_ready 0", "novation_validators_heard 1", "novation_validators_needed 3"]
    {
        assert!(metrics.lines().any(|held| held == line), "{line}: {metrics}");
    }
    assert!(metrics.contains("\nnovation_oracle_mode{underlying=\"1\"} "), "{metrics}");
    each_metric_has_its_family(&metrics);
    net.restart(2);
    net.reaches(0, at + 4);
    net.says(0, "\r\n\r\nready");

    net.restart(3);
    let out = net.ends();
    // What was told on request by then has been noted too.
    let log = fs::read_to_string(net.dir.join("0/log")).expect("a log");
    for words in [
        "WARN validator 3 is no longer heard",
        "ERROR not ready after block ",
        " INFO ready again at block ",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let last = out.lines().last().expect("a line");
    assert!(last.starts_with("finalised 60, state root 0x"), "{out}");
    assert_eq!(
        out.lines().count(),
        1,
        "every validator could be compared, and none differed: {out}"
    );
    for index in 0..4 {
        assert_eq!(audited(&net.dir.join(index.to_string()), 60), root_of(&out), "{index}");
    }
}

/// Sends bytes to a port and returns what comes back before the other side ends it, or before a second is over.
fn send(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    // It may hang up in the middle.
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Returns a submission that is signed, but for a network that there is not.
/// A submission in an owner's name, signed by somebody else for another network.
fn of_another_network(named: Address) -> String {
    let network = access::Network::new("novation-devnet", protocol::Hash::default());
    let owner = access::OwnerKey::from_secret([9; 32]).expect("a key");
    let expires_at = units::BlockTime::from_millis(4_000_000_000_000);
    let command = protocol::Command::MassCancel { sub: 0, instrument: None };
    let validity = access::Validity { nonce: 1, expires_at };
    let bytes = owner.submit(&network, validity, command, None, 1).expect("it can be shown");
    let mut forged: access::Submission = codec::decode(&bytes, 1 << 16).expect("a submission");
    forged.body.owner = named;
    protocol::encode_hex(&codec::encode(&forged).expect("encodable"))
}

#[test]
fn nonsense_on_any_port_is_refused_and_stops_nobody() {
    let mut net = Devnet::start("nonsense", 200);
    net.reaches(0, 5);
    let (peers, clients) = (net.base_port, net.base_port + 100);
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xFF; 4_096], &[0; 70_000]] {
        send(peers, bytes);
    }
    let post = |length: usize, body: &str| {
        let kind = "host: localhost\r\ncontent-type: application/json";
        let head = format!("POST / HTTP/1.1\r\n{kind}\r\ncontent-length: {length}\r\n\r\n");
        send(clients, format!("{head}{body}").as_bytes())
    };
    assert!(post(5, "{nope").contains("-32700"));
    assert!(post(2, "{}").contains("-32600"));
    assert!(post(usize::MAX / 2, "x").starts_with("HTTP/1.1 413"));
    let unfinished = post(100, "{");
    assert!(unfinished.is_empty(), "it waits for the rest: {unfinished}");
    let call = |method, params: &str| net.call(0, method, params).expect("an answer");
    assert!(call("sing", "{}").contains("no method 'sing'"));
    assert!(call("submit", "{\"submissions\":[\"0x0102\"]}").contains("not a submission"));
    assert!(call("submit", "{\"submissions\":[\"zz\"]}").contains("bytes are written"));
    let submit =
        |owner| call("submit", &format!("{{\"submissions\":[\"{}\"]}}", of_another_network(owner)));
    assert!(submit(Address::new([9; 20])).contains("the owner has no account here"));
    let genesis = fs::read(net.dir.join("0/genesis")).expect("readable");
    let genesis: Genesis = codec::decode(&genesis, limits::BLOCK_BYTES_MAX).expect("a genesis");
    let answer = submit(genesis.custodians[0]);
    for told in
        ["not by the owner", "\"recovered\":\"0x", "\"digest\":\"0x", "CancelAll(string network"]
    {
        assert!(answer.contains(told), "{told}: {answer}");
    }
    let feed = call("feed", "{\"height\":9,\"vote\":\"0x01\"}");
    assert!(feed.contains("at the operator's socket alone"), "{feed}");
    assert!(call("answer", "{\"key\":\"0x01\"}").contains("'key'"));
    assert!(call("blocks", "{\"height\":99999999}").contains("there is no block"));
    // Connections that are opened and left are not more than a validator bears.
    let idle: Vec<_> = (0..200).map(|_| TcpStream::connect(("127.0.0.1", clients))).collect();
    assert!(net.ends().starts_with("finalised 200, state root 0x"));
    drop(idle);
}

/// Replays a network until somebody trades: returns the first fill with its height, and whose it is.
fn first_fill(net: &Devnet) -> (u64, AccountId, Event) {
    let call = |method, params: &str| net.call(1, method, params).expect("an answer");
    let bytes = |answer: &str, name: &str| {
        let (_, rest) = answer.split_once(&format!("\"{name}\":\"")).expect("it is there");
        let (text, _) = rest.split_once('"').expect("it ends");
        protocol::decode_hex(text).expect("bytes")
    };
    let genesis = bytes(&call("genesis", "{}"), "genesis");
    let genesis = codec::decode(&genesis, limits::BLOCK_BYTES_MAX).expect("a genesis");
    let (mut machine, _) = Machine::found(&genesis).expect("it is sound");
    for height in 1.. {
        net.reaches(1, height);
        let block = bytes(&call("blocks", &format!("{{\"height\":{height}}}")), "block");
        let block = codec::decode(&block, limits::BLOCK_BYTES_MAX).expect("a block");
        let events = machine.apply(&block).expect("it follows").events;
        for event in events {
            if let Event::Filled { account, .. } = event {
                let held = machine.state().accounts.get(account).expect("it is open");
                return (height, held.id, event);
            }
        }
    }
    unreachable!("a network that ends is not reached any more")
}

/// Hands in the approval of a proposal that there is not, by a signer; its name.
fn hand_in_an_approval(net: &Devnet) -> String {
    let secret = access::read_secret(&net.dir.join("signer-1.key")).expect("a key");
    let signer = access::OwnerKey::from_secret(secret).expect("a key");
    let status = net.call(1, "status", "{}").expect("an answer");
    let (_, rest) = status.split_once("\"time\":").expect("a time");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let time: u64 = digits.parse().expect("a number");
    let expires_at = units::BlockTime::from_millis(i128::from(time) + 3_600_000);
    let validity = access::Validity { nonce: time + 7, expires_at };
    let proposal = protocol::ProposalId::new(4_711);
    let command = protocol::Command::Approve { proposal, change: protocol::Change::ResumeHouse };
    let network = network_of(&net.dir);
    let bytes = signer.submit(&network, validity, command, None, 1).expect("it can be shown");
    let submissions = format!("{{\"submissions\":[\"{}\"]}}", protocol::encode_hex(&bytes));
    let told = net.call(1, "submit", &submissions).expect("an answer");
    let (_, rest) = told.split_once("\"name\":\"").expect("it is taken");
    rest.split_once('"').expect("it ends").0.to_owned()
}

/// Each value stands behind the name, kind and meaning of its family, once, as the text format of Prometheus wants it.
fn each_metric_has_its_family(metrics: &str) {
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    let (_, text) = metrics.split_once("\r\n\r\n").expect("a body");
    let (mut family, mut families) = ("", std::collections::BTreeSet::new());
    for line in text.lines() {
        let mut words = line.split([' ', '{']);
        match (words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name)) => {
                assert!(families.insert(name), "{name} comes twice");
                family = name;
            }
            (Some("#"), Some("TYPE"), Some(name)) => assert_eq!(name, family),
            (Some(name), ..) => {
                let part = name.strip_prefix(family);
                let parts = ["", "_bucket", "_sum", "_count"];
                assert!(part.is_some_and(|part| parts.contains(&part)), "{line} of {family}");
            }
            _ => panic!("an empty line"),
        }
    }
    assert!(families.len() > 100, "{}", families.len());
}

#[test]
fn answers_prove_themselves_and_a_second_run_goes_on() {
    let mut net = Devnet::start("answers", 150);
    net.reaches(1, 6);
    let node = format!("127.0.0.1:{}", net.base_port + 101);
    let answer = net.dir.join("fund.answer");
    let path = answer.to_str().expect("plain text");
    let ask = format!("ask house insurance 1 --node {node} --proof {path}");
    run(&ask, &net.dir).succeeded();
    let (height, trader, Event::Filled { order, instrument, lots, .. }) = first_fill(&net) else {
        panic!("it is a fill");
    };
    let ask = |what: String| {
        let path = net.dir.join("order.answer");
        let path = path.to_str().expect("plain text");
        run(&format!("ask {what} --node {node} --proof {path}"), &net.dir).succeeded();
        run(&format!("verify {path} --trust {{}}/network.toml"), &net.dir).succeeded()
    };
    let told = ask(format!("fill {height} {order}"));
    assert!(told.starts_with(&format!("proved     order {order}: account #")), "{told}");
    assert!(told.contains(&format!(" {} lots in market {instrument} at ", lots.count())), "{told}");
    assert!(told.contains(&format!("; in block {height} of novation-devnet")), "{told}");
    let told = ask(format!("fill {height} 999999"));
    assert!(told.starts_with("proved     order 999999 was neither filled nor cancelled"), "{told}");
    let told = ask("parameter scan_range btc".into());
    assert!(told.starts_with("proved     parameter scan_range of underlying 1"), "{told}");
    let by_name = |name: &str| {
        run(&format!("ask underlying {name} --node {node} --trust {{}}/network.toml"), &net.dir)
    };
    let told = by_name("eth").succeeded();
    assert!(told.starts_with("proved     underlying 2"), "{told}");
    let told = ask(format!("order {instrument} 999999"));
    let none =
        format!("proved     order 999999 does not stand in market {instrument}; after block");
    assert!(told.starts_with(&none), "{told}");
    assert!(ask("order 77 1".into()).starts_with("proved     there is no market 77"));
    let told = ask(format!("greeks {trader}"));
    let greeks = told.starts_with(&format!("proved     Greeks of account {trader}: underlying "));
    // It may have closed since.
    assert!(greeks || told.contains(&format!("{trader} has no positions")), "{told}");
    assert!(!greeks || told.contains(": delta ") && told.contains(" $ a day"), "{told}");
    let told = ask(format!("receipt {height} 0"));
    assert!(told.starts_with("proved     submission of 0x"), "{told}");
    let name = hand_in_an_approval(&net);
    let told = ask(format!("receipt {name}"));
    assert!(told.contains(" by its own key, nonce "), "{told}");
    assert!(told.contains(": approve proposal 4711, to "), "{told}");
    assert!(told.contains(": refused 153, "), "{told}");
    let at_once = format!("ask receipt {name} --node {node} --trust {{}}/network.toml");
    assert_eq!(run(&at_once, &net.dir).succeeded(), told, "asked and checked in one");
    let unknown = format!("receipt 0x{}", "9".repeat(64));
    run(&format!("ask {unknown} --node {node} --trust {{}}/network.toml"), &net.dir)
        .failed(1, &["no submission 0x99", "is known here"]);
    assert!(
        ask("validator 1".into()).starts_with("proved     no offence of validator 1 is recorded")
    );
    let stranger = format!("0x{}/0", "9".repeat(40));
    let told = ask(format!("greeks {stranger}"));
    assert!(told.starts_with(&format!("proved     there is no account {stranger}")), "{told}");
    assert!(ask("liquidity 1".into()).starts_with("proved     depth and volume of underlying 1: "));
    assert!(net.ends().starts_with("finalised 150, state root 0x"));

    let verify = format!("verify {path} --trust {{}}/network.toml");
    let out = run(&verify, &net.dir).succeeded();
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.starts_with("proved     house balance 'insurance fund 1'"), "{out}");

    let whole = fs::read(&answer).expect("readable");
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(&answer, &changed).expect("writable");
    run(&verify, &net.dir).failed(1, &["refused"]);
    fs::write(&answer, &whole).expect("writable");
    let list = net.dir.join("network.toml");
    let text = fs::read_to_string(&list).expect("readable");
    fs::write(net.dir.join("other.toml"), text.replace("novation-devnet", "another")).expect("ok");
    let other = format!("verify {path} --trust {{}}/other.toml");
    run(&other, &net.dir).failed(1, &["signatures"]);

    let again = format!(
        "devnet --validators 4 --seed 5 --quiet --dir {{}} --blocks 158 --base-port {}",
        net.base_port
    );
    let out = run(&again, &net.dir).succeeded();
    assert!(out.starts_with("finalised 158, state root 0x"), "{out}");
}

#[test]
fn a_node_refuses_what_it_cannot_run_on_and_says_why() {
    let dir = place("refusals").join("net");
    run("init --dir {} --hosts 127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1", &dir).succeeded();
    let zero = dir.join("0");
    let node = |dir: &Path| run("node --config {}/node.toml", dir);

    let config = fs::read_to_string(zero.join("node.toml")).expect("readable");
    fs::write(zero.join("node.toml"), format!("colour = 1\n{config}")).expect("writable");
    node(&zero).failed(1, &["unknown field `colour`"]);
    fs::write(zero.join("node.toml"), &config).expect("writable");

    let list = fs::read_to_string(zero.join("network.toml")).expect("readable");
    let digits = list.find("genesis = \"0x").expect("a genesis") + "genesis = \"0x".len();
    let mut forged = list.clone();
    forged.replace_range(digits..digits + 8, "00000000");
    fs::write(zero.join("network.toml"), forged).expect("writable");
    node(&zero).failed(1, &["wrong genesis"]);
    fs::write(zero.join("network.toml"), &list).expect("writable");

    fs::rename(zero.join("validator.key"), zero.join("old.key")).expect("renamed");
    run("keys --new {}/validator.key", &zero).succeeded();
    node(&zero).failed(1, &["has no seat", "--join"]);
}
