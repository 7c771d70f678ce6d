//! The command line: what may be asked of the program, and what is refused before anything is opened.
//!
//! **Invariant:** a value of these types is one the commands can work with, as far as the text alone can tell; all
//! else is a usage error, which exits with 2.

#[path = "cli/report.rs"]
mod report;

pub(crate) use report::ReportArgs;

use clap::{Args, Parser, Subcommand, ValueEnum};
use operator::Level;
use protocol::limits::EPOCH_BLOCKS_MIN;
use protocol::{AccountId, AccountIndex, Address, Hash};
use records::Kind;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::LazyLock;
use units::BlockTime;

// The paths hold wherever this file is a module of.
#[path = "cli/founding.rs"]
mod founding;
#[path = "cli/values.rs"]
mod values;

pub(crate) use founding::{GenesisArgs, GenesisWhat, InitArgs};
use values::{
    directory, kinds, levels, node_address, owner, public_key, reachable, root, seed, time,
};

/// The version of the program, and those of the encodings that it reads and writes.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} (commands and state {}, log {}, snapshot {}, proof {})",
        env!("CARGO_PKG_VERSION"),
        protocol::codec::VERSION,
        store::LOG_VERSION,
        store::SNAPSHOT_VERSION,
        store::PROOF_VERSION
    )
});

/// Blocks of an epoch, unless a network says otherwise.
pub(crate) const EPOCH_BLOCKS: u64 = 20_000;

/// Novation: a clearing house for crypto perpetuals, dated futures and options that anybody can replay.
#[derive(Debug, Parser)]
#[command(
    name = "novation",
    version = VERSION.as_str(),
    about,
    propagate_version = true,
    subcommand_value_name = "COMMAND",
    after_help = "Begin with:\n  \
        novation demo --out ./demo        run a crash through a clearing house\n  \
        novation audit ./demo             replay every block of it and compare every root\n\n\
        Results go to standard output, progress and errors to standard error.\n\
        Exit codes: 0 done, 1 failed or something differs, 2 the command line makes no sense."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs market data through a clearing house and leaves its blocks, state and a report on disk.
    Demo(DemoArgs),
    /// Replays every block from genesis and compares all that the log says with what comes out.
    Audit(AuditArgs),
    /// Replays a log and makes the report of it again, to the byte.
    Report(ReportArgs),
    /// Writes a proof of what an account, market, parameter or balance is, for somebody who has only a root.
    Prove(ProveArgs),
    /// Checks a proof file against a root and says in words what it proves.
    Verify(VerifyArgs),
    /// Shows the arithmetic behind a margin requirement.
    Explain(ExplainArgs),
    /// Measures a portfolio under one of several rule books, for research and comparison.
    Margin(RuleBookArgs),
    /// Builds the vol surface of each recorded option chain and compares it with the quotes.
    Surface(SurfaceArgs),
    /// Holds the scan ranges against recorded prices: coverage, speed, cost.
    Backtest(BacktestArgs),
    /// Shows margin, Greeks and liquidation prices of a portfolio in a file, before and after orders.
    Whatif(WhatifArgs),
    /// Runs a network of validators on this machine, with the demo as its traffic.
    Devnet(DevnetArgs),
    /// Founds a network: its genesis, the list of validators, and a directory with configuration and key for each.
    Init(InitArgs),
    /// Shows what a genesis file founds, or prints one to begin with.
    Genesis(GenesisArgs),
    /// Runs one validator.
    Node(NodeArgs),
    /// Makes a key of a validator, an owner, a session or a reporter, or shows the public part of one.
    Keys(KeysArgs),
    /// Hands a validator the prices that its reporter sees, signed.
    Feed(FeedArgs),
    /// Asks a validator for a record, with all that proves it, and writes the answer to a file.
    Ask(AskArgs),
    /// Proposes, approves and shows what governance changes.
    Govern(GovernArgs),
}

/// Which prices to play, and where to leave the page.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation backtest --data ../shared/data --out ./backtest\n  \
    novation backtest --json\n\n\
    Tests need a history longer than the warm-up; where there is too little data the output says so.")]
pub(crate) struct BacktestArgs {
    /// Directory of recorded market data, the one that holds MANIFEST.csv.
    #[arg(long, value_name = "DIR", env = "NOVATION_DATA", default_value = "../shared/data")]
    pub(crate) data: PathBuf,
    /// Directory to write backtest.html to; it is created if it is missing. No page if absent.
    #[arg(long, value_name = "DIR", value_parser = directory)]
    pub(crate) out: Option<PathBuf>,
    /// Every number, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which portfolio, and what might be done with it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation whatif --portfolio book.json\n  \
    novation whatif --portfolio book.json --orders ideas.json --json\n\n\
    The form of both files is described in docs/whatif.md.")]
pub(crate) struct WhatifArgs {
    /// The portfolio, as JSON: markets, cash, positions, open orders; - reads standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) portfolio: PathBuf,
    /// Orders that it does not have yet, as JSON; - reads standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) orders: Option<PathBuf>,
    /// Every number, as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which network to run.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation devnet --dir ./devnet                    four validators, until Ctrl-C\n  \
    novation devnet --dir ./devnet --blocks 100       the first hundred blocks, then stop\n  \
    novation devnet --dir ./busy --blocks 60 --load 20    the same traders, twenty times as busy\n  \
    novation devnet --dir ./real --data ../shared/data    recorded order flow, option chains and crashes\n\n\
    Each validator is a process of its own; DIR/<i>/pid holds its process id, DIR/<i>/log what it says. To start one\n\
    again that was killed: novation node --config DIR/<i>/node.toml. Run again on the same directory, the chain goes\n\
    on. Beyond the end of the demo the traders go on at its last prices. The demo's own signers, whose keys are DIR/signer-<n>.key, approve what the demo proposes and nothing else. With --blocks, or after Ctrl-C, the last line is\n  \
    finalised <height>, state root 0x…")]
pub(crate) struct DevnetArgs {
    /// How many validators.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(crate) validators: u16,
    /// Seed of the traders and of the validators' keys. Decimal, or hexadecimal with 0x.
    #[arg(long, value_name = "S", default_value = "1", value_parser = seed)]
    pub(crate) seed: u64,
    /// Directory of the network; it is created if it is missing.
    #[arg(long, value_name = "DIR", default_value = "./devnet", value_parser = directory)]
    pub(crate) dir: PathBuf,
    /// Directory of recorded market data, the one that holds MANIFEST.csv: its order flow, chains and crashes are the traffic.
    #[arg(long, value_name = "DIR", env = "NOVATION_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Stop once this block is final; on Ctrl-C or SIGTERM if absent.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) blocks: Option<u64>,
    /// How many times a block every trader acts, to load the network.
    #[arg(long, value_name = "L", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) load: u16,
    /// First of the ports: validators talk on P, P+1, …, and answer on P+100, P+101, ….
    #[arg(long, value_name = "P", default_value = "26600", value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    pub(crate) base_port: u16,
    /// Blocks of an epoch: how long a committee of validators holds.
    #[arg(long, value_name = "N", default_value_t = EPOCH_BLOCKS, value_parser = clap::value_parser!(u64).range(EPOCH_BLOCKS_MIN..=1_000_000))]
    pub(crate) epoch_blocks: u64,
    /// No view of the running network.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Which validator to run.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Environment: NOVATION_LISTEN, NOVATION_RPC and NOVATION_LOG override what the file says.\n\
    SIGINT and SIGTERM end it cleanly; after kill -9 it comes back where it was."
)]
pub(crate) struct NodeArgs {
    /// Its configuration; the file lies in its data directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Listen there, whatever the file says.
    #[arg(long, value_name = "IP:PORT", env = "NOVATION_LISTEN")]
    pub(crate) listen: Option<std::net::SocketAddr>,
    /// Answer clients there, whatever the file says.
    #[arg(long, value_name = "IP:PORT", env = "NOVATION_RPC")]
    pub(crate) rpc: Option<std::net::SocketAddr>,
    /// A directory without blocks begins with the state of the node that answers there. Its file needs no key then: a
    /// node without one follows the network and does not vote.
    #[arg(long, value_name = "URL", value_parser = node_address)]
    pub(crate) join: Option<std::net::SocketAddr>,
    /// Say so much on standard error, whatever the file says.
    #[arg(long, value_name = "LEVEL", env = "NOVATION_LOG", value_parser = levels())]
    pub(crate) log_level: Option<Level>,
    /// End when standard input does: for a parent that must not leave validators behind.
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}

/// What to do with keys.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeysArgs {
    /// Make a new key in this file, or show the public part of the one in it.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Make a new key; a file that exists is never overwritten.
    #[arg(long)]
    pub(crate) new: bool,
    /// Whose key it is.
    #[arg(long, value_name = "KIND", default_value = "validator")]
    pub(crate) kind: KeyKind,
}

/// Whose key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeyKind {
    /// A validator's: Ed25519.
    Validator,
    /// An owner's of accounts: secp256k1, as in any Ethereum wallet.
    Owner,
    /// A session's, which an owner registers: Ed25519.
    Session,
    /// A reporter's of prices, which a validator names: Ed25519.
    Reporter,
}

/// What a reporter has seen.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation feed --config node.toml --vote prices.json\n  \
    my-feeder | novation feed --config node.toml --vote -\n\n\
    One report in a file, or one in each line of standard input, as JSON:\n  \
    {\"prices\": [{\"underlying\": 1, \"source\": 1, \"price\": \"7854.25\", \"confidence\": \"0.5\"}],\n   \
    \"vols\": [{\"instrument\": 20000, \"vol\": \"0.705\"}],\n   \
    \"bases\": [{\"underlying\": 1, \"expires_at\": 1583971200000, \"basis\": \"-3.2\"}]}\n\n\
    A report is for the next blocks, unless it names one as \"height\". For each there is a line of what became of it. Give\n\
    prices at least once a block: a block without a report of a validator does not know what it saw.")]
pub(crate) struct FeedArgs {
    /// The validator's configuration: where it listens to its operator, and of which network it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The report, or - for one in each line of standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) vote: PathBuf,
    /// The reporter's key; reporter.key beside the configuration if absent.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// For how many of the next blocks a report is, that names none: the later ones are for the case that it comes too
    /// late for the first.
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u64).range(1..=8))]
    pub(crate) ahead: u64,
}

/// What a governance signer does.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation govern list --trust network.toml\n  \
    novation govern propose seat 5 --validator-key 0x… --stake 1000000 --at 10.0.0.5:26600 \\\n      \
        --key signer-1.key --trust network.toml\n  \
    novation govern propose parameter scan_range 200000 --of BTC --key signer-1.key --trust network.toml\n  \
    novation govern propose list 10000 --of BTC --lot 0.001 --tick 0.5 --key signer-1.key --trust network.toml\n  \
    novation govern approve 7 --key signer-2.key --trust network.toml\n  \
    novation govern pause 10000 --key signer-1.key --trust network.toml\n\n\
    What makes no sense is refused before it is signed; what the house refuses is told with its code, from a receipt\n\
    that the validators have certified.\n\n\
    A change that raises risk, and every change of seats, waits for the timelock after its last approval. A seat that is\n\
    given in one epoch votes from the second epoch after it on.")]
pub(crate) struct GovernArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: Governing,
    /// Where a validator answers.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:26700", global = true)]
    pub(crate) node: std::net::SocketAddr,
    /// List of validators that you trust: it names the network that is signed for.
    #[arg(long, value_name = "KEYFILE", default_value = "network.toml", global = true)]
    pub(crate) trust: PathBuf,
    /// The signer's key.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) key: Option<PathBuf>,
}

/// What a governance signer can do.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Governing {
    /// Shows signers and open proposals, as the validators certify them.
    List,
    /// Proposes a change; that is the first approval.
    Propose {
        /// Which.
        #[command(subcommand)]
        change: Proposing,
    },
    /// Approves a proposal.
    Approve {
        /// Its number.
        #[arg(value_name = "N")]
        proposal: u32,
    },
    /// Takes an approval back.
    Revoke {
        /// The number of the proposal.
        #[arg(value_name = "N")]
        proposal: u32,
    },
    /// Pauses a market at once, alone, for a while: spec/0023-governance.md says how long, and what goes on meanwhile.
    Pause {
        /// The number of the market.
        #[arg(value_name = "MARKET")]
        market: u32,
    },
}

/// A change that can be proposed.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Proposing {
    /// Gives a validator a seat.
    Seat {
        /// Its number.
        #[arg(value_name = "N")]
        number: u16,
        /// Its Ed25519 public key, as `novation keys` shows it.
        #[arg(long, value_name = "0x…", value_parser = public_key)]
        validator_key: Hash,
        /// The weight of its reports.
        #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
        stake: u64,
        /// Where it listens for other validators.
        #[arg(long, value_name = "IP:PORT", value_parser = reachable)]
        at: Option<std::net::SocketAddr>,
    },
    /// Gives a settlement that has waited long, while no prices come, a price for what is still to come of it.
    Settle {
        /// Of which underlying.
        #[arg(value_name = "U")]
        underlying: u16,
        /// When its contracts were to end, in milliseconds since 1970.
        #[arg(value_name = "MS")]
        expires_at: u64,
        /// The price in dollars.
        #[arg(value_name = "PRICE")]
        price: units::Price,
    },
    /// Takes a validator's seat.
    Unseat {
        /// Its number.
        #[arg(value_name = "N")]
        number: u16,
    },
    /// Lets the reports of a jailed validator count again.
    Release {
        /// Its number.
        #[arg(value_name = "N")]
        number: u16,
    },
    /// Sets a parameter, in its own unit.
    Parameter {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Its new value.
        #[arg(value_name = "VALUE", allow_negative_numbers = true)]
        value: i64,
        /// The name or number of the underlying, for one that each has its own.
        #[arg(long, value_name = "UNDERLYING")]
        of: Option<String>,
    },
    /// Lists a contract: a perpetual, with --expires a future, with --strike and --right besides an option.
    List {
        /// The number that the market gets.
        #[arg(value_name = "MARKET")]
        market: u32,
        /// The name or number of its underlying.
        #[arg(long, value_name = "UNDERLYING")]
        of: String,
        /// Units of the underlying in one lot.
        #[arg(long, value_name = "SIZE")]
        lot: units::Quantity,
        /// Dollars of which order prices are multiples.
        #[arg(long, value_name = "PRICE")]
        tick: units::Price,
        /// When it ends, UTC, as 2028-03-31T08:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        expires: Option<BlockTime>,
        /// The price in dollars at which its holder may buy or sell.
        #[arg(long, value_name = "PRICE", requires = "expires", requires = "right")]
        strike: Option<units::Price>,
        /// Whether that is to buy or to sell.
        #[arg(long, value_name = "RIGHT", requires = "strike")]
        right: Option<OptionRight>,
    },
    /// Pauses a market until another change ends that; without a timelock.
    Pause {
        /// The number of the market.
        #[arg(value_name = "MARKET")]
        market: u32,
    },
    /// Ends the pause of a market; without a timelock.
    EndPause {
        /// The number of the market.
        #[arg(value_name = "MARKET")]
        market: u32,
    },
    /// Breaks the books of a market on purpose, to show that it halts alone.
    Drill {
        /// The number of the market.
        #[arg(value_name = "MARKET")]
        market: u32,
    },
    /// Exchanges a signer, or sets how many of them it takes.
    Signers {
        /// Who is one no longer.
        #[arg(long, value_name = "0x…", value_parser = owner)]
        remove: Option<Address>,
        /// Who becomes one.
        #[arg(long, value_name = "0x…", value_parser = owner)]
        add: Option<Address>,
        /// How many approvals it takes from then on; at most one more or fewer than before.
        #[arg(long, value_name = "M", value_parser = clap::value_parser!(u16).range(1..))]
        threshold: u16,
    },
    /// Exchanges custodians, or sets how many of them attest.
    Custodians {
        /// Whose key is one no longer.
        #[arg(long, value_name = "0x…", value_parser = owner)]
        remove: Option<Address>,
        /// Whose key becomes one.
        #[arg(long, value_name = "0x…", value_parser = owner)]
        add: Option<Address>,
        /// How many of them attest a deposit or a payment: more than half.
        #[arg(long, value_name = "M")]
        threshold: u16,
    },
    /// Lets a halted or paused market trade again, or the house.
    Resume {
        /// The number of the market; the house if absent.
        #[arg(value_name = "N")]
        market: Option<u32>,
    },
}

/// What an option's holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptionRight {
    /// Buy.
    Call,
    /// Sell.
    Put,
}

/// What to ask a validator.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Records are named as for `novation prove`.\n\n\
    Example:\n  \
    novation ask account 0x…/0 --trust network.toml         asks, checks and tells, without a file\n  \
    novation ask house insurance BTC --node 127.0.0.1:26700 --proof fund.answer\n  \
    novation ask order 1 4711 --proof order.answer          order 4711 in market 1, or that it is not there\n  \
    novation ask fill 120 4711 --proof fill.answer          what happened to it in block 120\n  \
    novation ask receipt 0x… --proof receipt.answer         what became of a submission, by the name that `submit` gave\n  \
    novation ask greeks 0x…/0 --proof greeks.answer         delta, gamma, vega, theta of an account\n  \
    novation verify fund.answer --trust ./devnet/network.toml\n  \
    novation ask committee --trust network.toml --list newest.toml --proof committee.answer")]
pub(crate) struct AskArgs {
    /// Kind of record.
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub(crate) kind: Kind,
    /// Which record of that kind.
    #[arg(value_name = "NAME", num_args = 0..=3)]
    pub(crate) names: Vec<String>,
    /// Where the validator answers.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:26700")]
    pub(crate) node: std::net::SocketAddr,
    /// File to write the answer to, for `verify`. Without it, the answer is checked with --trust and told.
    #[arg(long, value_name = "FILE", required_unless_present = "trust")]
    pub(crate) proof: Option<PathBuf>,
    /// List of validators that the answer will be checked with; the network's first if absent.
    #[arg(long, value_name = "KEYFILE")]
    pub(crate) trust: Option<PathBuf>,
    /// File for the newest list of validators, if the answer holds: it saves the steps since the old one.
    #[arg(long, value_name = "FILE", requires = "trust")]
    pub(crate) list: Option<PathBuf>,
}

/// What to run, and where to leave it.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation demo                                  seed 1 into ./demo\n  \
    novation demo --seed 7 --out /tmp/house        another crowd of traders\n  \
    novation demo --blocks 60 --quiet              the first hour, no progress bar\n  \
    novation demo --data ../shared/data            recorded market data from a directory\n\n\
    The same seed, data and number of blocks lead to the same state root on every machine.\n\
    The directory must not hold a house yet. Afterwards: novation audit DIR")]
pub(crate) struct DemoArgs {
    /// Seed of everything random: traders, their orders, delays and faults. Decimal, or hexadecimal with 0x.
    #[arg(long, value_name = "N", default_value = "1", value_parser = seed)]
    pub(crate) seed: u64,
    /// Directory to leave the house in; it is created if it is missing.
    #[arg(long, value_name = "DIR", default_value = "./demo", value_parser = directory)]
    pub(crate) out: PathBuf,
    /// Directory of recorded market data, the one that holds MANIFEST.csv.
    #[arg(long, value_name = "DIR", env = "NOVATION_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Stop after this many blocks; all of the scenario if absent.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) blocks: Option<u64>,
    /// No progress bar.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// What to replay, and how far.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation audit ./demo                 every block\n  \
    novation audit ./demo --to 100        blocks 1 to 100\n  \
    novation audit ./demo --json          one object, for programs\n\n\
    The directory is only read, so it may be that of a running house, or on a read-only disk. The tree of\n\
    state roots is built anew in a temporary directory (TMPDIR chooses where) and compared block by block.\n\
    Prints the first difference and exits with 1, or ends with the line\n  \
    audited <blocks> blocks, state root 0x…\n\n\
    A log that has been pruned is replayed from its oldest snapshot, and the audit says so. Of every file of the\n\
    directory it says how it was checked, or that it was not.\n\n\
    From afar, with nothing but the list of validators:\n  \
    novation audit --from http://127.0.0.1:26700 --trust network.toml\n  \
    novation audit --from http://127.0.0.1:26700 --trust network.toml --since snapshot")]
pub(crate) struct AuditArgs {
    /// Directory of the house.
    #[arg(value_name = "DIR", required_unless_present = "from", conflicts_with = "from")]
    pub(crate) dir: Option<PathBuf>,
    /// Audit the log of a node that answers there.
    #[arg(long, value_name = "URL", value_parser = node_address, requires = "trust")]
    pub(crate) from: Option<std::net::SocketAddr>,
    /// List of validators that you trust.
    #[arg(long, value_name = "KEYFILE", requires = "from")]
    pub(crate) trust: Option<PathBuf>,
    /// Where to begin.
    #[arg(long, value_name = "WHERE", default_value = "genesis", requires = "from")]
    pub(crate) since: Since,
    /// Last block to replay; the last of the log if absent.
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) to: Option<u64>,
    /// One object of JSON in place of lines, as docs/audit.md describes it.
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress bar.
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Where an audit from afar begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Since {
    /// With the first block.
    Genesis,
    /// With the newest snapshot that the validators certified.
    Snapshot,
}

/// What to prove.
#[derive(Debug, Clone, Args)]
#[command(after_help = "What can be proved, under the root after the last block:\n  \
    block                                   height, time, signers and proposals, whether the house is halted\n  \
    account 0x<40 hex digits>/<sub>         balances and positions\n  \
    market <number>                         terms, mark, open interest, digest of the book\n  \
    underlying <name or number>             index and mode\n  \
    thresholds <name or number>             scan ranges of an underlying, and what they were made from\n  \
    parameter <name> [<underlying>]         a governed number, as scan_range BTC\n  \
    committee                               who validates in this epoch and in the next\n  \
    council                                 governance signers and open proposals\n  \
    house fees | outside | insurance <underlying> | clearing <market> [<asset>]\n\n\
    Examples:\n  \
    novation prove ./demo account 0xa1…/0 --proof alice.proof\n  \
    novation prove ./demo house insurance BTC --proof fund.proof\n  \
    novation verify alice.proof\n\n\
    What is absent can be proved too: the proof then says that there is no such record.")]
pub(crate) struct ProveArgs {
    /// Directory of the house; no other process may hold it.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Kind of record.
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub(crate) kind: Kind,
    /// Which record of that kind.
    #[arg(value_name = "NAME", num_args = 0..=3)]
    pub(crate) names: Vec<String>,
    /// File to write; an older proof of that name is replaced, any other file is refused.
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: PathBuf,
}

/// What to verify.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation verify alice.proof\n  \
    novation verify alice.proof --root 0x3f…\n  \
    novation verify alice.answer --trust network.toml\n\n\
    Without --root the proof is checked against the root that the file itself names: that shows that the file is\n\
    whole, and no more. Take the root from a header you trust, or from the last line of `novation audit`.")]
pub(crate) struct VerifyArgs {
    /// The proof.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// State root from a header that you trust.
    #[arg(long, value_name = "0xROOT", value_parser = root)]
    pub(crate) root: Option<Hash>,
    /// List of validators that you trust: checks an answer down to their signatures, and needs nothing else.
    #[arg(long, value_name = "KEYFILE", conflicts_with = "root")]
    pub(crate) trust: Option<PathBuf>,
}

/// Which rule book, and what it is given.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation margin --profile derive-pmrm2 --portfolio docs/examples/margin-portfolio.json\n  \
    novation margin --profile linear --portfolio - --params tiers.json < positions.json\n\n\
    Formats and one worked example for each profile: docs/margin-profiles.md")]
pub(crate) struct RuleBookArgs {
    /// The rule book.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: RuleBook,
    /// The portfolio and its market, as JSON; - reads standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) portfolio: PathBuf,
    /// Parameters other than the defaults, as JSON; - reads standard input.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) params: Option<PathBuf>,
}

/// A rule book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleBook {
    /// This house, exactly.
    Novation,
    /// Derive's second portfolio manager.
    DerivePmrm2,
    /// Derive's standard manager.
    DeriveSrm,
    /// Sixteen SPAN scenarios.
    Span16,
    /// Shares of notional in tiers.
    Linear,
}

/// What to explain.
#[derive(Debug, Clone, Args)]
#[command(subcommand_value_name = "WHAT", disable_help_subcommand = true)]
pub(crate) struct ExplainArgs {
    /// Which margin.
    #[command(subcommand)]
    pub(crate) what: Explained,
}

/// What can be explained.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Explained {
    /// The margin of one account of a house.
    Margin(MarginArgs),
    /// The margins of textbook option strategies on a recorded option chain.
    Strategies(StrategyArgs),
}

/// Whose margin.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation explain margin 12 --dir ./demo\n  \
    novation explain margin 0xa1…/0 --dir ./demo --height 100 --json")]
pub(crate) struct MarginArgs {
    /// Account as `0x` and forty hex digits, `/`, sub-account; or its number: 12 or '#12'.
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: AccountName,
    /// Directory of the house; it is only read.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// After which block: a height or 'latest'.
    #[arg(long, value_name = "HEIGHT", default_value = "latest")]
    pub(crate) height: Height,
    /// Print JSON in place of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// On which data.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  \
    novation explain strategies --data ../shared/data\n\n\
    Takes the recorded chain with the most options, values a short strangle, a covered call, a calendar spread and\n\
    a box at its quotes, and compares each margin with those of its legs held apart.")]
pub(crate) struct StrategyArgs {
    /// Directory of recorded market data, the one that holds MANIFEST.csv.
    #[arg(long, value_name = "DIR", env = "NOVATION_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Print JSON in place of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// On which data, and what to draw.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  \
    novation surface --data ../shared/data --out surface.html\n\n\
    Votes for each chain are taken from its quotes, and repaired as consensus repairs them: no butterfly, vertical or\n\
    calendar spread has a negative price. Exits with 1 if an option of a production chain is valued outside its spread.")]
pub(crate) struct SurfaceArgs {
    /// Directory of recorded market data, the one that holds MANIFEST.csv.
    #[arg(long, value_name = "DIR", env = "NOVATION_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Page to draw the smiles on: one file that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// An account as a person names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountName {
    /// By owner and sub-account.
    Id(AccountId),
    /// By its place in the machine.
    Index(AccountIndex),
}

impl FromStr for AccountName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return match digits.parse() {
                Ok(index) => Ok(Self::Index(AccountIndex::new(index))),
                Err(_) => Err("no account has so high a number".into()),
            };
        }
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(error) => Err(format!("{error}; or give the account's number")),
        }
    }
}

/// A block as a person names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Height {
    /// The last one.
    Latest,
    /// This one.
    At(u64),
}

impl FromStr for Height {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("latest", _) => Ok(Self::Latest),
            (_, Ok(height)) => Ok(Self::At(height)),
            (_, Err(_)) => Err("a height is a number, or 'latest'".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn accounts_are_named_by_owner_or_by_number() {
        let id = format!("0x{}/3", "a1".repeat(20));
        assert!(matches!(id.parse(), Ok(AccountName::Id(id)) if id.sub == 3));
        assert_eq!("#12".parse(), Ok(AccountName::Index(AccountIndex::new(12))));
        assert_eq!("12".parse(), Ok(AccountName::Index(AccountIndex::new(12))));
        for text in ["", "#", "alice", "0x12/0", "99999999999", "-1"] {
            assert!(text.parse::<AccountName>().is_err(), "{text}");
        }
    }
}
