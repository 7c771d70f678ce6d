//! A validator's configuration file.
//!
//! **Invariant:** a key that is not known is refused, and so is a combination with which the engine could not run.

use crate::level::{Level, NoLevel};
use gateway::OriginPolicy;
use house::SNAPSHOT_BLOCKS;
use mempool::Limits;
use protocol::{Hash, ValidatorId, decode_hex};
use replica::{Pace, Timeouts};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroUsize, ParseIntError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::{LogOptions, StoreOptions};

/// Longest file that is read.
const TEXT_BYTES_MAX: u64 = 64 << 10;

/// Why a file configures no validator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is longer than any configuration.
    #[error("{} is too long for a configuration", .0.display())]
    TooLong(PathBuf),
    /// What it says does not go.
    #[error("{} is not a configuration", path.display())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// What does not go.
        source: InvalidConfig,
    },
}

/// What in a configuration does not go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// A key that is not known, or a value of another form.
    #[error("line {line}: {message}")]
    Form {
        /// Where, counted from one.
        line: usize,
        /// What is wrong there, in words of no programming language.
        message: String,
    },
    /// An address of a validator that has no number.
    #[error("'{text}' is not a validator's number")]
    NoValidator {
        /// What stands in its place.
        text: String,
        /// Why it is no number.
        source: ParseIntError,
    },
    /// Times of the engine in an order in which it cannot run.
    #[error(
        "idle_ms must be less than leader_timeout_ms, and that less than certification_timeout_ms"
    )]
    Pace,
    /// No level of what is said.
    #[error(transparent)]
    Level(#[from] NoLevel),
    /// No key of a reporter.
    #[error(
        "'{0}' is no reporter's public key: 0x and 64 hexadecimal digits, as `novation keys --kind reporter` shows it"
    )]
    NoReporter(String),
    /// No snapshot is kept.
    #[error("snapshots must be at least 1")]
    NoSnapshots,
    /// Fewer blocks are kept than those who take a snapshot over need.
    #[error("with {snapshots} snapshots, keep blocks = {least} at least")]
    TooFewBlocks {
        /// The snapshots that are kept.
        snapshots: NonZeroUsize,
        /// The blocks that they need.
        least: u64,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    network: PathBuf,
    key: Option<PathBuf>,
    listen: SocketAddr,
    rpc: SocketAddr,
    join: Option<SocketAddr>,
    #[serde(default = "feed_socket")]
    feed: PathBuf,
    reporter: Option<String>,
    log: Option<String>,
    #[serde(default)]
    clients: ClientsText,
    #[serde(default)]
    addresses: BTreeMap<String, SocketAddr>,
    #[serde(default)]
    keep: KeepText,
    #[serde(default)]
    pace: PaceText,
    #[serde(default)]
    pool: PoolText,
}

/// Returns where an operator's socket is unless the file says otherwise.
fn feed_socket() -> PathBuf {
    PathBuf::from("feed.sock")
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ClientsText {
    hosts: Vec<String>,
    origins: Vec<String>,
    proxies: Vec<IpAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PaceText {
    idle_ms: u64,
    gather_ms: u64,
    leader_timeout_ms: u64,
    certification_timeout_ms: u64,
    fetch_timeout_ms: u64,
}

impl Default for PaceText {
    fn default() -> Self {
        Self {
            idle_ms: 500,
            gather_ms: 100,
            leader_timeout_ms: 1_000,
            certification_timeout_ms: 2_000,
            fetch_timeout_ms: 2_000,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KeepText {
    archive: bool,
    blocks: u64,
    receipts: usize,
    snapshots: usize,
    segment_bytes: u64,
}

impl Default for KeepText {
    fn default() -> Self {
        // More than a day of a block every hundred milliseconds.
        Self {
            archive: false,
            blocks: 1_000_000,
            receipts: 1 << 16,
            snapshots: 4,
            segment_bytes: 64 << 20,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PoolText {
    submissions: usize,
    bytes: usize,
}

impl Default for PoolText {
    fn default() -> Self {
        let limits = Limits::default();
        Self { submissions: limits.count, bytes: limits.bytes }
    }
}

/// What a validator's file says, its paths made whole.
#[derive(Debug)]
pub struct NodeConfig {
    /// Where it keeps everything: the directory of the file.
    pub directory: PathBuf,
    /// The list of validators.
    pub network: PathBuf,
    /// The key file of a node that votes.
    pub key: Option<PathBuf>,
    /// Where other validators connect.
    pub listen: SocketAddr,
    /// Where clients connect.
    pub rpc: SocketAddr,
    /// The operator's socket.
    pub feed: PathBuf,
    /// The public key of its reporter.
    pub reporter: Option<[u8; 32]>,
    /// By which names clients may call it, and whose pages.
    pub origins: OriginPolicy,
    /// How much it says.
    pub log: Option<Level>,
    /// Whose state it takes over if it has none.
    pub join: Option<SocketAddr>,
    /// Blocks whose receipts and events it keeps.
    pub receipts: usize,
    /// How much of the past it keeps.
    pub store: StoreOptions,
    /// Where validators are reached that are elsewhere than their seats say.
    pub addresses: Vec<(ValidatorId, SocketAddr)>,
    /// How long a proposer waits.
    pub pace: Pace,
    /// How long the others wait for a proposer.
    pub timeouts: Timeouts,
    /// How much may wait to be ordered.
    pub limits: Limits,
}

impl NodeConfig {
    /// Reads a file of at most 64 KiB.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the file, and what of it does not go.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let cannot = |source| ConfigError::Unreadable { path: path.to_path_buf(), source };
        if std::fs::metadata(path).map_err(cannot)?.len() > TEXT_BYTES_MAX {
            return Err(ConfigError::TooLong(path.to_path_buf()));
        }
        let text = std::fs::read_to_string(path).map_err(cannot)?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Self::parse(&text, &directory)
            .map_err(|source| ConfigError::Invalid { path: path.to_path_buf(), source })
    }

    fn parse(text: &str, directory: &Path) -> Result<Self, InvalidConfig> {
        let text: Text = toml::from_str(text).map_err(|error| told(text, &error))?;
        let mut addresses = Vec::new();
        for (id, address) in &text.addresses {
            let number = id.parse();
            let number =
                number.map_err(|source| InvalidConfig::NoValidator { text: id.clone(), source })?;
            addresses.push((ValidatorId::new(number), *address));
        }
        let millis = Duration::from_millis;
        let pace =
            Pace { idle_max: millis(text.pace.idle_ms), gather: millis(text.pace.gather_ms) };
        let timeouts = Timeouts {
            leader: millis(text.pace.leader_timeout_ms),
            certification: millis(text.pace.certification_timeout_ms),
            fetch: millis(text.pace.fetch_timeout_ms),
        };
        if pace.idle_max >= timeouts.leader || timeouts.leader >= timeouts.certification {
            return Err(InvalidConfig::Pace);
        }
        let store = store_options(&text.keep)?;
        let limits =
            Limits { count: text.pool.submissions, bytes: text.pool.bytes, ..Limits::default() };
        Ok(Self {
            directory: directory.to_path_buf(),
            network: directory.join(&text.network),
            key: text.key.map(|key| directory.join(key)),
            listen: text.listen,
            rpc: text.rpc,
            feed: directory.join(&text.feed),
            reporter: text.reporter.as_deref().map(reporter).transpose()?,
            origins: OriginPolicy {
                hosts: text.clients.hosts,
                origins: text.clients.origins,
                proxies: text.clients.proxies,
            },
            log: text.log.as_deref().map(str::parse).transpose()?,
            receipts: text.keep.receipts,
            join: text.join,
            store,
            addresses,
            pace,
            timeouts,
            limits,
        })
    }
}

fn reporter(text: &str) -> Result<[u8; 32], InvalidConfig> {
    let bytes = decode_hex(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| InvalidConfig::NoReporter(text.to_owned()))
}

/// Returns what the part of a configuration says that is about the past.
fn store_options(keep: &KeepText) -> Result<StoreOptions, InvalidConfig> {
    let snapshots = NonZeroUsize::new(keep.snapshots).ok_or(InvalidConfig::NoSnapshots)?;
    // Whoever takes over a snapshot needs the certificates since.
    let least = u64::try_from(keep.snapshots)
        .unwrap_or(u64::MAX)
        .saturating_add(1)
        .saturating_mul(SNAPSHOT_BLOCKS);
    if !keep.archive && keep.blocks < least {
        return Err(InvalidConfig::TooFewBlocks { snapshots, least });
    }
    let log =
        LogOptions { segment_bytes: keep.segment_bytes.max(1 << 10), ..LogOptions::default() };
    let blocks_kept = (!keep.archive).then_some(keep.blocks);
    Ok(StoreOptions { log, snapshots_kept: snapshots, blocks_kept })
}

/// Returns the text of a configuration that [`NodeConfig::read`] takes: where a validator listens to others and answers
/// clients, and the public key of its reporter; the rest as it is unless an operator changes it.
#[must_use]
pub fn config_text(listen: SocketAddr, rpc: SocketAddr, reporter: Hash) -> String {
    let (pace, keep) = (PaceText::default(), KeepText::default());
    format!(
        "# Paths are relative to this file, whose directory is the validator's data directory.\n\
         network = \"network.toml\"\nkey = \"validator.key\"\n\
         # Where other validators, and where clients connect.\n\
         listen = \"{listen}\"\nrpc = \"{rpc}\"\n\
         # Where the operator connects, on this machine alone, and the reporter of prices, whose public key this is.\n\
         feed = \"feed.sock\"\nreporter = \"{reporter}\"\n\
         # What is said on standard error: off, error, warn, info or debug.\n\
         log = \"info\"\n\n\
         # Names by which clients may call `rpc`, besides addresses and localhost; origins of pages that may;\n\
         # addresses of proxies whose X-Forwarded-For is believed.\n\
         [clients]\nhosts = []\norigins = []\nproxies = []\n\n\
         # How much of the past is kept: so many blocks and snapshots, or all blocks; receipts of so many blocks.\n\
         [keep]\narchive = {}\nblocks = {}\nreceipts = {}\nsnapshots = {}\n\n\
         # How long a proposer waits for a first submission, and then for the reports of all validators; how long a\n\
         # validator waits for a proposal, and for it to be certified.\n\
         [pace]\nidle_ms = {}\ngather_ms = {}\nleader_timeout_ms = {}\ncertification_timeout_ms = {}\n\n\
         # Where a validator is reached, by its number, if it is elsewhere than its seat says.\n[addresses]\n",
        keep.archive,
        keep.blocks,
        keep.receipts,
        keep.snapshots,
        pace.idle_ms,
        pace.gather_ms,
        pace.leader_timeout_ms,
        pace.certification_timeout_ms,
    )
}

/// Returns what is wrong with a configuration in one line: where, and in words of no programming language.
fn told(text: &str, error: &toml::de::Error) -> InvalidConfig {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let mut message = error.message().replace('\n', " ");
    for (word, meant) in [
        ("usize", "a whole number"),
        ("u64", "a whole number"),
        ("u32", "a whole number"),
        ("u16", "a whole number"),
        ("u8", "a whole number"),
    ] {
        message = message.replace(&format!("expected {word}"), &format!("expected {meant}"));
    }
    InvalidConfig::Form { line, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> String {
        let address: SocketAddr = "127.0.0.1:9000".parse().unwrap();
        let reporter = Hash::new([7; 32]);
        format!("{}1 = \"{address}\"\n", config_text(address, address, reporter))
    }

    #[test]
    fn a_configuration_reads_back_and_its_paths_are_in_its_directory() {
        let read = NodeConfig::parse(&whole(), Path::new("dir")).unwrap();
        assert_eq!(read.key.as_deref(), Some(Path::new("dir/validator.key")));
        assert_eq!(read.addresses.len(), 1);
        assert_eq!(read.feed, Path::new("dir/feed.sock"));
        assert_eq!(read.reporter, Some([7; 32]));
    }

    #[test]
    fn an_unknown_key_and_timeouts_that_cannot_work_are_refused() {
        let refused = |text: &str| NodeConfig::parse(text, Path::new(".")).unwrap_err().to_string();
        assert!(refused(&format!("colour = 1\n{}", whole())).contains("colour"));
        let loud = whole().replace("log = \"info\"", "log = \"loud\"");
        assert!(refused(&loud).contains("'loud' is none of off, error"));
        let short = whole().replace("0x07", "0x");
        assert!(refused(&short).contains("is no reporter's public key"));
        let forgetful = whole().replace("blocks = 1000000", "blocks = 100");
        assert!(refused(&forgetful).contains("keep blocks = 500 at least"));
        let impatient = whole().replace("leader_timeout_ms = 1000", "leader_timeout_ms = 400");
        assert!(refused(&impatient).contains("idle_ms must be less"));
    }
}
