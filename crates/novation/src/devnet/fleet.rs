//! The validators' processes, and a client to each.

use crate::network::feed::Reporter;
use access::{Network, ReporterSecret};
use anyhow::{Context, Result, bail};
use client::Client;
use operator::{NodeConfig, open_port, validator_directory};
use protocol::{Block, Hash, Header, Vote, codec, decode_hex, encode_hex, limits};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Between two attempts to reach a validator that does not answer.
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// Longest wait for a process to end once it has been told to.
const END_MAX: Duration = Duration::from_secs(20);

/// Blocks asked for in one request, where several are final already.
const BLOCKS_AT_ONCE: u64 = 64;

/// A finalised block as a validator tells it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) header: Header,
    pub(super) block: Block,
}

/// One validator.
#[derive(Debug)]
struct Member {
    child: Child,
    log: PathBuf,
    client: Client,
    reporter: Reporter,
    /// When it is worth asking again, after it did not answer.
    ask_again: Instant,
}

impl Member {
    fn call(&mut self, method: &str, params: &Value) -> Result<Value> {
        let answer = self.client.call(method, params);
        if answer.is_err() {
            self.ask_again = Instant::now() + RETRY_AFTER;
        }
        Ok(answer?)
    }

    fn is_worth_asking(&self) -> bool {
        Instant::now() >= self.ask_again
    }
}

/// All validators of the network.
#[derive(Debug)]
pub(super) struct Fleet {
    members: Vec<Member>,
}

impl Fleet {
    /// Starts every validator.
    pub(super) fn start(dir: &Path, reporters: &[[u8; 32]], network: &Network) -> Result<Self> {
        let program = std::env::current_exe().context("the program cannot find itself")?;
        let mut members = Vec::new();
        let mut places = Vec::new();
        for index in 0..reporters.len() {
            let place = validator_directory(dir, index);
            let path = place.join("node.toml");
            let config = NodeConfig::read(&path)?;
            // Another program's answers would be taken for a validator's.
            drop(open_port(config.listen, "validators connect")?);
            drop(open_port(config.rpc, "clients connect")?);
            places.push((place, path, config));
        }
        for (index, ((place, path, config), secret)) in places.iter().zip(reporters).enumerate() {
            let log = place.join("log");
            let open = || -> Result<File> {
                let mut options = File::options();
                let file = options.create(true).append(true).open(&log);
                file.with_context(|| format!("cannot write {}", log.display()))
            };
            let child = Command::new(&program)
                .args(["node", "--with-parent", "--config"])
                .arg(path)
                .env_remove("NOVATION_LISTEN")
                .env_remove("NOVATION_RPC")
                // When this process goes, the pipe closes, and the validator ends.
                .stdin(Stdio::piped())
                .stdout(open()?)
                .stderr(open()?)
                .spawn()
                .with_context(|| format!("cannot start validator {index}"))?;
            let secret = ReporterSecret::from_secret(*secret)?;
            let reporter = Reporter::new(&config.feed, network.clone(), secret);
            let (client, ask_again) = (Client::new(config.rpc), Instant::now());
            members.push(Member { child, log, client, reporter, ask_again });
        }
        Ok(Self { members })
    }

    /// Waits until every validator answers.
    pub(super) fn wait_for_answer(&mut self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        for (index, member) in self.members.iter_mut().enumerate() {
            while let Err(error) = member.call("status", &json!({})) {
                if let Some(status) = member.child.try_wait()? {
                    bail!("validator {index} has ended ({status}): see its log");
                }
                if Instant::now() > deadline {
                    return Err(
                        error.context(format!("validator {index} does not answer: see its log"))
                    );
                }
                thread::park_timeout(RETRY_AFTER);
            }
        }
        Ok(())
    }

    /// Checks that no validator has ended by itself with an error; one that somebody kills may be started again.
    pub(super) fn check(&mut self) -> Result<()> {
        for (index, member) in self.members.iter_mut().enumerate() {
            if let Some(status) = member.child.try_wait()?
                && status.code().is_some_and(|code| code != 0)
            {
                bail!(
                    "validator {index} has ended by itself ({status}), see {}: {}",
                    member.log.display(),
                    last_words(&member.log)
                );
            }
        }
        Ok(())
    }

    /// Asks the validators in turn until one answers.
    fn any(&mut self, method: &str, params: &Value) -> Result<Value> {
        let mut last = None;
        for member in self.members.iter_mut().filter(|member| member.is_worth_asking()) {
            match member.call(method, params) {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(error),
            None => bail!("no validator answers"),
        }
    }

    /// Returns the height that the first validator that answers has executed.
    pub(super) fn height(&mut self) -> Result<u64> {
        match self.any("follow", &json!({ "height": 0 })) {
            Ok(answer) => answer["height"].as_u64().context("a validator sent no height"),
            Err(_) => {
                thread::park_timeout(RETRY_AFTER);
                Ok(0)
            }
        }
    }

    /// Waits for a block to be final, and returns it and some that follow; nothing if that takes long.
    pub(super) fn next_blocks(&mut self, height: u64) -> Result<Vec<Told>> {
        let params = json!({ "height": height });
        let Ok(answer) = self.any("follow", &params) else {
            // All are down, or starting.
            thread::park_timeout(RETRY_AFTER);
            return Ok(Vec::new());
        };
        let Some(at) = answer["height"].as_u64().filter(|at| *at >= height) else {
            return Ok(Vec::new());
        };
        let count = BLOCKS_AT_ONCE;
        let params = json!({ "height": height, "count": if at > height { count } else { 1 } });
        let Ok(answer) = self.any("blocks", &params) else { return Ok(Vec::new()) };
        answer.as_array().context("a validator sent no blocks")?.iter().map(told).collect()
    }

    /// Hands submissions to the validators in turn, some to each that answers.
    pub(super) fn submit(&mut self, submissions: &[Vec<u8>]) -> Result<()> {
        let awake: Vec<usize> = (0..self.members.len())
            .filter(|index| self.members.get(*index).is_some_and(Member::is_worth_asking))
            .collect();
        let share = submissions.len().div_ceil(awake.len().max(1)).max(1);
        for (at, chunk) in submissions.chunks(share).enumerate() {
            let texts: Vec<String> = chunk.iter().map(|held| encode_hex(held)).collect();
            let params = json!({ "submissions": texts });
            let first = awake.get(at).and_then(|index| self.members.get_mut(*index));
            let taken = first.is_some_and(|member| member.call("submit", &params).is_ok());
            if !taken {
                // That one is down; the others take its share. Should none, the next block is without it.
                drop(self.any("submit", &params));
            }
        }
        Ok(())
    }

    /// Hands a validator what its feed reports for a block.
    pub(super) fn feed(&mut self, height: u64, vote: &Vote) {
        let index = usize::from(vote.validator.get()).saturating_sub(1);
        if let Some(member) = self.members.get_mut(index).filter(|member| member.is_worth_asking())
        {
            // It may be down, or ahead of us: the network goes on without its report.
            drop(member.reporter.report(height, vote));
        }
    }

    /// Returns how many validators answered last time.
    pub(super) fn awake(&self) -> usize {
        self.members.iter().filter(|member| member.is_worth_asking()).count()
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns every validator's root after a block, waiting for those that have not come so far.
    pub(super) fn roots(&mut self, height: u64, patience: Duration) -> Vec<(usize, Result<Hash>)> {
        let deadline = Instant::now() + patience;
        let params = json!({ "height": height });
        let mut roots = Vec::new();
        for (index, member) in self.members.iter_mut().enumerate() {
            let root = loop {
                let root = member.call("blocks", &params).and_then(|answer| told(&answer[0]));
                match root {
                    Ok(told) => break Ok(told.header.state_root),
                    Err(_) if height == 0 => break Err(anyhow::anyhow!("there is no block yet")),
                    Err(error) => {
                        let gone = matches!(member.child.try_wait(), Ok(Some(_)));
                        let silent = member.client.call("status", &json!({})).is_err();
                        if (gone && silent) || Instant::now() > deadline {
                            break Err(error);
                        }
                        // It is behind: it answers this request once it is not, or after a while.
                        drop(member.client.call("follow", &params));
                    }
                }
            };
            roots.push((index, root));
        }
        roots
    }

    /// Tells every validator to end, and waits until it has.
    pub(super) fn stop(&mut self) -> Result<()> {
        for member in &mut self.members {
            drop(member.child.stdin.take());
        }
        let deadline = Instant::now() + END_MAX;
        for (index, member) in self.members.iter_mut().enumerate() {
            while member.child.try_wait()?.is_none() {
                if Instant::now() > deadline {
                    member.child.kill()?;
                    bail!("validator {index} did not end when told to: it was killed");
                }
                thread::park_timeout(Duration::from_millis(20));
            }
        }
        Ok(())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // After an error: the pipes close with the children's handles, and the validators end by themselves.
        drop(self.stop());
    }
}

/// Returns the last line of a log.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").to_owned()
}

fn told(answer: &Value) -> Result<Told> {
    let bytes = |name: &str| -> Result<Vec<u8>> {
        let text = answer[name].as_str().with_context(|| format!("a validator sent no {name}"))?;
        Ok(decode_hex(text)?)
    };
    let header = codec::decode(&bytes("header")?, limits::BLOCK_BYTES_MAX)?;
    let block = codec::decode(&bytes("block")?, limits::BLOCK_BYTES_MAX)?;
    Ok(Told { header, block })
}
