//! The doors of a running validator: who gets in by which, and with what in hand.

use crate::network::{Devnet, free_ports};
use crate::support::{novation, place, run};
use access::{Network, ReporterSecret};
use protocol::{Hash, PriceReport, SourceId, UnderlyingId, ValidatorId, Vote, codec};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use units::Price;

/// Sends a request with lines of its own in its head; what comes back before the other side ends it.
fn ask(mut stream: impl Read + Write, head: &str, body: &str) -> String {
    let length = body.len();
    let request = format!("{head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

const STATUS: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}";
const JSON: &str = "content-type: application/json\r\n";

fn client(net: &Devnet, head: &str, body: &str) -> String {
    let stream = TcpStream::connect(("127.0.0.1", net.base_port + 100)).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    ask(stream, head, body)
}

fn operator(net: &Devnet, body: &str) -> String {
    let stream = UnixStream::connect(net.dir.join("0/feed.sock")).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    ask(stream, &format!("POST / HTTP/1.1\r\nhost: localhost\r\n{JSON}"), body)
}

/// A report of 4,000 $ by the first validator, as a request.
fn forged(height: u64, sign: impl FnOnce(&Vote) -> [u8; 64]) -> String {
    let price = Price::from_micros(4_000_000_000);
    let confidence = Price::from_micros(400_000);
    let of = |source| PriceReport {
        underlying: UnderlyingId::new(1),
        source: SourceId::new(source),
        price,
        confidence,
    };
    let prices = (1..=6).map(of).collect();
    let vote = Vote { validator: ValidatorId::new(1), prices, vols: Vec::new(), bases: Vec::new() };
    let signature = protocol::encode_hex(&sign(&vote));
    let vote = protocol::encode_hex(&codec::encode(&vote).expect("it encodes"));
    format!(
        "{{\"id\":1,\"method\":\"feed\",\"params\":{{\"height\":{height},\"vote\":\"{vote}\",\"signature\":\"{signature}\"}}}}"
    )
}

pub(crate) fn network_of(dir: &Path) -> Network {
    let genesis = fs::read(dir.join("0/genesis")).expect("a genesis");
    Network::new("novation-devnet", Hash::of("genesis", &genesis))
}

#[test]
fn a_stranger_reports_no_price_and_no_page_of_a_browser_gets_in() {
    let mut net = Devnet::start("doors", 120);
    net.reaches(0, 5);
    let post = |lines: &str, body: &str| client(&net, &format!("POST / HTTP/1.1\r\n{lines}"), body);
    let here = "host: 127.0.0.1\r\n";

    // The port for clients takes no report, whoever signed it.
    let answer = post(&format!("{here}{JSON}"), &forged(40, |_| [0; 64]));
    assert!(answer.contains("at the operator's socket alone"), "{answer}");

    // The socket takes those of the reporter that is named, for the block that was signed for.
    let network = network_of(&net.dir);
    let secret = access::read_secret(&net.dir.join("0/reporter.key")).expect("a key");
    let reporter = ReporterSecret::from_secret(secret).expect("a key");
    let stranger = ReporterSecret::from_secret([9; 32]).expect("a key");
    let next = net.follow(0, 0).expect("it answers") + 6;
    let signed = |key: &ReporterSecret, height| {
        let key = key.clone();
        let network = network.clone();
        move |vote: &Vote| key.sign(&network, height, vote).expect("it encodes")
    };
    for (what, request) in [
        ("unsigned", forged(next, |_| [0; 64])),
        ("a stranger's", forged(next, signed(&stranger, next))),
        ("replayed", forged(next, signed(&reporter, next - 1))),
    ] {
        let answer = operator(&net, &request);
        assert!(answer.contains("not signed by this validator's reporter"), "{what}: {answer}");
    }
    let far = next + 1_000;
    let answer = operator(&net, &forged(far, signed(&reporter, far)));
    assert!(answer.contains("no report is wanted"), "far ahead: {answer}");
    let mode = fs::metadata(net.dir.join("0/feed.sock")).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    // By any name that is not its own, from any page, and as any other kind of body.
    assert!(post(&format!("{here}{JSON}"), STATUS).starts_with("HTTP/1.1 200"));
    assert!(post(&format!("host: localhost:1\r\n{JSON}"), STATUS).starts_with("HTTP/1.1 200"));
    let rebound = post(&format!("host: attacker-rebind.example\r\n{JSON}"), STATUS);
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
    assert!(
        post(&format!("{here}content-type: text/plain\r\n"), STATUS).starts_with("HTTP/1.1 415")
    );
    assert!(post(here, STATUS).starts_with("HTTP/1.1 415"));
    let page = format!("{here}{JSON}origin: https://evil.example\r\n");
    assert!(post(&page, STATUS).starts_with("HTTP/1.1 403"));
    let asked_first = client(
        &net,
        &format!(
            "OPTIONS / HTTP/1.1\r\n{here}origin: https://evil.example\r\naccess-control-request-method: POST\r\n"
        ),
        "",
    );
    assert!(asked_first.starts_with("HTTP/1.1 403"), "{asked_first}");
    assert!(!asked_first.contains("access-control-allow"), "{asked_first}");
    for path in ["/metrics", "/health/ready", "/health/live"] {
        let get =
            |host: &str| client(&net, &format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n"), "");
        assert!(get("127.0.0.1").starts_with("HTTP/1.1 200"), "{path}: {}", get("127.0.0.1"));
        assert!(get("attacker-rebind.example").starts_with("HTTP/1.1 403"), "{path}");
    }
    let batch = post(&format!("{here}{JSON}"), &format!("[{STATUS}]"));
    assert!(batch.contains("-32600") && batch.contains("no batches"), "{batch}");

    // As many connections as the port holds, on which nothing is asked.
    let idle: Vec<TcpStream> = (0..300)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", net.base_port + 100)).ok()?;
            stream.write_all(b"POST / HTTP/1.1\r\nx: ").ok()?;
            Some(stream)
        })
        .collect();
    for _ in 0..20 {
        assert!(post(&format!("{here}{JSON}"), STATUS).starts_with("HTTP/1.1 200"));
    }
    assert!(operator(&net, STATUS).starts_with("HTTP/1.1 200"));
    drop(idle);
    assert!(net.ends().starts_with("finalised 120, state root 0x"));
}

#[test]
fn a_founded_network_gets_prices_from_whoever_holds_the_reporters_key() {
    let dir = place("feeds").join("net");
    let ports = free_ports();
    run(&format!("init --demo --dir {{}} --hosts 127.0.0.1 --base-port {ports}"), &dir)
        .warned("1 validator survives no failure");
    let config = dir.join("0/node.toml");
    let mut node = novation()
        .args(["node", "--with-parent", "--config"])
        .arg(&config)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let net = Devnet::around(&dir, ports);
    net.reaches(0, 2);

    let price = |micros: u32| {
        let one = |source: u8| {
            format!(
                "{{\"underlying\":1,\"source\":{source},\"price\":\"{micros}.25\",\"confidence\":\"0.5\"}}"
            )
        };
        format!("{{\"prices\":[{}]}}", (1..=5).map(one).collect::<Vec<_>>().join(","))
    };
    let file = dir.join("prices.json");
    fs::write(&file, price(7_854)).expect("writable");
    let feed = format!("feed --config {{}}/0/node.toml --vote {}", file.display());
    let said = run(&feed, &dir).succeeded();
    assert!(said.starts_with("reported   for block "), "{said}");
    assert!(said.contains(" as validator 1"), "{said}");

    // Line by line; a line that is none is one report less.
    let mut feeder = novation()
        .args(["feed", "--vote", "-", "--config"])
        .arg(&config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = format!("{}\nnothing\n\n{}\n", price(7_855), price(7_856));
    feeder.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("it reads");
    let mut said = String::new();
    feeder.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    assert_eq!(feeder.wait().expect("it ends").code(), Some(1), "{said}");
    assert!(said.contains("refused    not a report"), "{said}");

    let proof = dir.join("index.answer");
    let ask =
        format!("ask underlying 1 --node 127.0.0.1:{} --proof {}", ports + 100, proof.display());
    let verify = format!("verify {} --trust {{}}/network.toml", proof.display());
    let told = loop {
        run(&ask, &dir).succeeded();
        let told = run(&verify, &dir).succeeded();
        if told.contains("785") {
            break told;
        }
        let said = run(&feed, &dir);
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    };
    assert!(told.contains("index 785"), "{told}");

    // Another key than the one that the configuration names.
    run("keys --new --kind reporter {}/0/other.key", &dir).succeeded();
    let other = format!("{feed} --key {}", dir.join("0/other.key").display());
    run(&other, &dir).failed(1, &["is not the key of the reporter that"]);
    drop(node.stdin.take());
    assert!(node.wait().expect("it ends").success());
}

/// Waits for a process to end; how it did, and what it said.
fn ends(mut child: std::process::Child, patience: Duration) -> (std::process::ExitStatus, String) {
    let deadline = std::time::Instant::now() + patience;
    // Read meanwhile: a process whose pipe is full waits for its reader.
    let said = [told(child.stdout.take()), told(child.stderr.take())];
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if std::time::Instant::now() > deadline {
            drop(child.kill());
            panic!("it does not end");
        }
        std::thread::park_timeout(Duration::from_millis(50));
    };
    let said = said.map(|reader| reader.join().expect("it reads")).concat();
    (status, String::from_utf8_lossy(&said).into_owned())
}

/// Reads a pipe to its end.
fn told(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.expect("piped").read_to_end(&mut bytes).expect("readable");
        bytes
    })
}

/// Runs a network of which no file grows beyond so many blocks of 512 bytes, as on a disk that is full, and then with space
/// again; checks that the reason is told. Whether the state or the engine's blocks come to the end first depends on the machine.
fn fill(name: &str, blocks: u32) {
    let dir = place(name).join("net");
    let ports = free_ports().to_string();
    let child = std::process::Command::new("sh")
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_novation"))
        .args(["devnet", "--quiet", "--validators", "4", "--seed", "5", "--base-port", &ports])
        .args(["--load", "20", "--dir"])
        .arg(&dir)
        .env_remove("NOVATION_DATA")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the shell starts");
    let (status, said) = ends(child, Duration::from_secs(120));
    assert_eq!(status.code(), Some(1), "{said}");
    for words in ["validator ", " has ended by itself", "/log: "] {
        assert!(said.contains(words), "'{words}' is not in: {said}");
    }
    let reasons =
        [" cannot be kept: authenticated state stopped: ", "the consensus engine cannot go on"];
    assert!(reasons.iter().any(|reason| said.contains(reason)), "{said}");
    assert!(said.contains("File too large"), "the reason is told: {said}");
    // With space again they go on where they were, and nobody has signed anything twice.
    let again = format!(
        "devnet --quiet --validators 4 --seed 5 --blocks 400 --dir {{}} --base-port {ports}"
    );
    let out = run(&again, &dir).succeeded();
    assert!(out.starts_with("finalised 400, state root 0x"), "{out}");
}

#[test]
fn a_disk_that_takes_no_more_ends_a_validator_by_name_and_devnet_with_it() {
    // While accounts are opened, and once all of them trade.
    fill("full-early", 1_000);
    fill("full", 2_000);
}

/// A small file system, until it is dropped.
struct Mounted(std::path::PathBuf);

impl Mounted {
    /// Mounts one, if there is the right to.
    fn new(place: &Path, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let mut mount = std::process::Command::new("mount");
        let ran = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(place).output();
        ran.is_ok_and(|ran| ran.status.success()).then(|| Self(place.to_path_buf()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").arg(&self.0).status());
    }
}

#[test]
fn an_engine_whose_disk_is_full_says_so_and_ends_its_validator() {
    // 0025-BLOCK-032: the engine alone has a small file system, so no block's outcome can be what is not kept.
    let dir = place("full-engine").join("net");
    let ports = free_ports();
    run(&format!("init --demo --dir {{}} --hosts 127.0.0.1 --base-port {ports}"), &dir)
        .warned("1 validator survives no failure");
    let engine = dir.join("0/engine");
    fs::create_dir_all(&engine).expect("creatable");
    let Some(mounted) = Mounted::new(&engine, "512k") else {
        eprintln!("no right to mount a small file system here: not tested");
        return;
    };
    let node = novation()
        .args(["node", "--config"])
        .arg(dir.join("0/node.toml"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (status, said) = ends(node, Duration::from_secs(120));
    drop(mounted);
    assert_eq!(status.code(), Some(1), "{said}");
    for words in
        ["the consensus engine cannot go on: ", "No space left on device", "nothing more is signed"]
    {
        assert!(said.contains(words), "'{words}' is not in: {said}");
    }
}

#[test]
fn a_port_in_use_is_said_in_words_and_is_no_divergence() {
    let dir = place("ports").join("net");
    let ports = free_ports();
    run(&format!("init --dir {{}} --hosts 127.0.0.1 --base-port {ports}"), &dir)
        .warned("1 validator survives no failure");
    for (port, what) in
        [(ports, "where validators connect"), (ports + 100, "where clients connect")]
    {
        let held = TcpListener::bind(("127.0.0.1", port)).expect("it is free");
        let words = [what, "is in use by another program"];
        run("node --config {}/0/node.toml", &dir).failed(1, &words);
        let devnet = place("ports-devnet").join("net");
        let devnet_ports = ports.to_string();
        let ran = run(
            &format!("devnet --quiet --blocks 3 --dir {{}} --base-port {devnet_ports}"),
            &devnet,
        );
        ran.failed(1, &words);
        assert!(!ran.out.contains("state root") && !ran.err.contains("state root"), "{}", ran.err);
        drop(held);
    }
    let devnet = place("ports-devnet").join("net");
    let run_of = |epoch| {
        run(
            &format!(
                "devnet --quiet --blocks 3 --epoch-blocks {epoch} --dir {{}} --base-port {ports}"
            ),
            &devnet,
        )
    };
    run_of(200).succeeded();
    run_of(300).failed(1, &["another genesis", "--epoch-blocks"]);
}
