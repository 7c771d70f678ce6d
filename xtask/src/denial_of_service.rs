//! `cargo x denial-of-service`: a network on this machine, left alone and then attacked, and what its honest clients notice.
//!
//! Each half is a `novation devnet` of four validators for some seconds, ended by a signal; what it says of itself is
//! printed. In the second half other loopback addresses than that of the honest clients send what they should not, to the
//! ports for clients and to those for validators. A validator that ends, or takes much memory, fails the verb.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use socket2::{Domain, Socket, Type};

use crate::call::Call;
use crate::workspace;

const VALIDATORS: u16 = 4;
const BASE_PORT: u16 = 27_600;
/// Distance of the port for clients from that for validators.
const RPC_PORTS: u16 = 100;
/// How long the network is watched, alone and attacked.
const SECONDS: u64 = 18;
/// Longest wait for the network to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(8);
/// Memory that no validator may take.
const MEMORY_MAX_MB: u64 = 1_024;

/// What a half has shown.
struct Seen {
    /// What the network said of its honest traffic.
    said: String,
    /// The most that a validator took, in megabytes.
    memory_mb: u64,
}

/// Counts of what the attackers did.
#[derive(Default)]
struct Blows {
    connections: AtomicU64,
    requests: AtomicU64,
    bytes: AtomicU64,
}

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let program = match arguments {
        [] => {
            Call::cargo(["build", "--quiet", "--package", "novation"]).run()?;
            workspace::target().join("debug").join("novation")
        }
        [program] => PathBuf::from(program),
        _ => bail!("at most one argument is expected: the program"),
    };
    let alone = half(&program, "alone", None)?;
    println!("alone      {}; at most {} MB", alone.said, alone.memory_mb);
    let blows = Arc::new(Blows::default());
    let attacked = half(&program, "attacked", Some(&blows))?;
    println!("attacked   {}; at most {} MB", attacked.said, attacked.memory_mb);
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "attackers  {} connections, {} requests, {} MB",
        count(&blows.connections),
        count(&blows.requests),
        count(&blows.bytes) >> 20
    );
    match alone.memory_mb.max(attacked.memory_mb) {
        most if most > MEMORY_MAX_MB => bail!("a validator took {most} MB"),
        _ => Ok(()),
    }
}

/// Runs the network for a while.
fn half(program: &Path, name: &str, blows: Option<&Arc<Blows>>) -> Result<Seen> {
    let dir = workspace::scratch("denial-of-service")?.join(name);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    }
    let mut network = Network(
        Command::new(program)
            .args(["devnet", "--seed", "5", "--validators", &VALIDATORS.to_string()])
            .args(["--base-port", &BASE_PORT.to_string(), "--dir"])
            .arg(&dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?,
    );
    wait_for_answer()?;
    let over = Arc::new(AtomicBool::new(false));
    let attackers = blows.map(|blows| attack(blows, &over)).unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(SECONDS);
    let mut memory_mb = 0;
    while Instant::now() < deadline {
        for index in 0..VALIDATORS {
            memory_mb = memory_mb.max(memory_of(&dir, index)?);
        }
        thread::park_timeout(Duration::from_millis(500));
    }
    over.store(true, Ordering::Relaxed);
    let said = network.end()?;
    for attacker in attackers {
        drop(attacker.join());
    }
    Ok(Seen { said, memory_mb })
}

/// The processes of a network; they end with the first.
struct Network(Child);

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Network {
    /// Tells the network to end and returns what it says of its run.
    fn end(&mut self) -> Result<String> {
        let pid = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().context("cannot run kill")?;
        let deadline = Instant::now() + PATIENCE;
        while self.0.try_wait()?.is_none() && Instant::now() < deadline {
            thread::park_timeout(Duration::from_millis(50));
        }
        drop(self.0.kill());
        let mut said = String::new();
        let error = self.0.stderr.take().context("piped")?;
        error.take(1 << 20).read_to_string(&mut said)?;
        let line = said.lines().rev().find(|line| line.contains("final after"));
        let line = line.with_context(|| format!("the network said nothing of its run: {said}"))?;
        Ok(line.to_owned())
    }
}

fn rpc(index: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], BASE_PORT + RPC_PORTS + index))
}

fn peers(index: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], BASE_PORT + index))
}

fn wait_for_answer() -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while (0..VALIDATORS).any(|index| TcpStream::connect(rpc(index)).is_err()) {
        if Instant::now() > deadline {
            bail!("the network does not answer: see the logs below target");
        }
        thread::park_timeout(Duration::from_millis(50));
    }
    Ok(())
}

/// Returns the memory that a validator takes, in megabytes.
fn memory_of(dir: &Path, index: u16) -> Result<u64> {
    let pid = std::fs::read_to_string(dir.join(index.to_string()).join("pid"));
    let Ok(pid) = pid else { return Ok(0) };
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim()))
        .with_context(|| format!("validator {index} has ended: see its log"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    Ok(kilobytes.unwrap_or(0) >> 10)
}

/// Connects from an address of one's own on the loopback.
fn connect(from: u8, to: SocketAddr, blows: &Blows) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    let from = SocketAddr::from(([127, 0, 0, from], 0));
    socket.bind(&from.into()).ok()?;
    socket.connect_timeout(&to.into(), Duration::from_millis(500)).ok()?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_millis(300))).ok()?;
    stream.set_write_timeout(Some(Duration::from_millis(300))).ok()?;
    blows.connections.fetch_add(1, Ordering::Relaxed);
    Some(stream)
}

/// Sends bytes and takes what comes back, at most a megabyte.
fn strike(stream: &mut TcpStream, bytes: &[u8], blows: &Blows) -> bool {
    let sent = stream.write_all(bytes).is_ok();
    blows.requests.fetch_add(1, Ordering::Relaxed);
    blows.bytes.fetch_add(u64::try_from(bytes.len()).unwrap_or(0), Ordering::Relaxed);
    sent && stream.read(&mut vec![0; 1 << 16]).is_ok_and(|read| read > 0)
}

/// What every request must say to be let in.
const HEAD: &str = "host: localhost\r\ncontent-type: application/json\r\n";

fn post(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST / HTTP/1.1\r\n{HEAD}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// Starts the attackers; each from an address of its own.
fn attack(blows: &Arc<Blows>, over: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
    let ways: [fn(u8, &Blows, &AtomicBool); 6] =
        [drip, flood_proofs, flood_junk, flood_bodies, read_nothing, knock_as_peer];
    let mut attackers = Vec::new();
    for (from, way) in (2u8..).zip(ways) {
        let (blows, over) = (blows.clone(), over.clone());
        attackers.push(thread::spawn(move || way(from, &blows, &over)));
    }
    attackers
}

fn goes_on(over: &AtomicBool) -> bool {
    !over.load(Ordering::Relaxed)
}

/// Holds as many connections as it gets, and sends a byte on each now and then.
fn drip(from: u8, blows: &Blows, over: &AtomicBool) {
    let mut held: Vec<TcpStream> = Vec::new();
    while goes_on(over) {
        held.retain_mut(|stream| stream.write_all(b"P").is_ok());
        while goes_on(over) && held.len() < 200 {
            match connect(from, rpc(u16::try_from(held.len() % 4).unwrap_or(0)), blows) {
                Some(stream) => held.push(stream),
                None => break,
            }
        }
        thread::park_timeout(Duration::from_millis(500));
    }
}

/// Asks for what costs the most, as fast as it is answered.
fn flood_proofs(from: u8, blows: &Blows, over: &AtomicBool) {
    let requests = [
        post("{\"method\":\"snapshot\",\"params\":{},\"id\":1}"),
        post("{\"method\":\"blocks\",\"params\":{\"height\":1,\"count\":256},\"id\":1}"),
        post("{\"method\":\"answer\",\"params\":{\"key\":\"0x0100\"},\"id\":1}"),
    ];
    let mut turn = 0;
    while goes_on(over) {
        let Some(mut stream) = connect(from, rpc(0), blows) else { continue };
        for request in requests.iter().cycle().skip(turn).take(30) {
            if !goes_on(over) || !strike(&mut stream, request, blows) {
                break;
            }
        }
        turn = (turn + 1) % requests.len();
    }
}

/// Sends what is no request.
fn flood_junk(from: u8, blows: &Blows, over: &AtomicBool) {
    let deep = post(&"[".repeat(200_000));
    let submissions = format!(
        "{{\"method\":\"submit\",\"params\":{{\"submissions\":[{}\"\"]}}}}",
        "\"0x00\",".repeat(9_000)
    );
    let junk: [&[u8]; 4] = [&[0xFF; 4_096], b"GET /\r\n\r\n", &deep, &post(&submissions)];
    while goes_on(over) {
        for bytes in junk {
            if let Some(mut stream) = connect(from, rpc(1), blows) {
                strike(&mut stream, bytes, blows);
            }
        }
    }
}

/// Announces long bodies, and sends most of them.
fn flood_bodies(from: u8, blows: &Blows, over: &AtomicBool) {
    let mut head = String::new();
    // Writing to a string cannot fail.
    let _written = write!(head, "POST / HTTP/1.1\r\n{HEAD}content-length: {}\r\n\r\n", 8 << 20);
    let part = vec![b' '; 1 << 16];
    let mut held = Vec::new();
    while goes_on(over) {
        let Some(mut stream) = connect(from, rpc(2), blows) else {
            held.clear();
            continue;
        };
        let mut sent = stream.write_all(head.as_bytes()).is_ok();
        for _ in 0..100 {
            sent = sent && goes_on(over) && stream.write_all(&part).is_ok();
            if sent {
                blows.bytes.fetch_add(1 << 16, Ordering::Relaxed);
            }
        }
        held.push(stream);
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Asks for much and reads nothing of it.
fn read_nothing(from: u8, blows: &Blows, over: &AtomicBool) {
    let request = post("{\"method\":\"blocks\",\"params\":{\"height\":1,\"count\":256},\"id\":1}");
    let mut held = Vec::new();
    while goes_on(over) {
        match connect(from, rpc(3), blows) {
            Some(mut stream) => {
                for _ in 0..20 {
                    drop(stream.write_all(&request));
                    blows.requests.fetch_add(1, Ordering::Relaxed);
                }
                held.push(stream);
            }
            None => held.clear(),
        }
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// Connects as a validator would, and sends what no validator sends.
fn knock_as_peer(from: u8, blows: &Blows, over: &AtomicBool) {
    let long = vec![0u8; 1 << 16];
    let mut held = Vec::new();
    while goes_on(over) {
        for index in 0..VALIDATORS {
            if let Some(mut stream) = connect(from, peers(index), blows) {
                for bytes in [&[0xFFu8; 64][..], &long, b"GET / HTTP/1.1\r\n\r\n"] {
                    drop(stream.write_all(bytes));
                }
                held.push(stream);
            }
        }
        if held.len() > 400 {
            held.clear();
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}
