//! The command line of those who found a network.

use super::values::{directory, host, owner};
use clap::{Args, Subcommand};
use protocol::Address;
use protocol::limits::EPOCH_BLOCKS_MIN;
use std::net::IpAddr;
use std::path::PathBuf;

/// Which network to write.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation genesis template > net.toml                                          a file to begin with\n  \
    novation genesis check net.toml                                               what it founds\n  \
    novation init --genesis net.toml --dir ./net --hosts 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4\n  \
    novation init --genesis net.toml --dir ./net --validator-keys validator.key   if the file names the validators' keys\n\n\
    Without --genesis it founds what the template says: a stable coin, BTC and ETH, no contracts. Copy DIR/<i> to the machine\n\
    of validator i, keep its validator.key and reporter.key secret, and start it there with\n  \
    novation node --config node.toml\n\n\
    Keys that were made for custodians and signers are theirs alone: move them away from DIR.")]
pub(crate) struct InitArgs {
    /// Directory to write; one that holds anything is refused.
    #[arg(long, value_name = "DIR", value_parser = directory)]
    pub(crate) dir: PathBuf,
    /// File that describes the genesis; what `novation genesis template` prints if absent.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["demo", "chain", "epoch_blocks", "custodians", "custodian_threshold", "signers"])]
    pub(crate) genesis: Option<PathBuf>,
    /// Found the demo's contracts, priced as at its start, in place of a file's.
    #[arg(long)]
    pub(crate) demo: bool,
    /// IP addresses of the validators' machines, no names, separated by commas; those of the file, in its order, if it has any.
    /// Fewer than four validators survive no failure.
    #[arg(long, value_name = "IP,…", value_delimiter = ',', value_parser = host, required_unless_present = "genesis")]
    pub(crate) hosts: Vec<IpAddr>,
    /// Keys of validators whose public keys are in the file: their directories are written, and no others.
    #[arg(long, value_name = "FILE,…", value_delimiter = ',', requires = "genesis")]
    pub(crate) validator_keys: Vec<PathBuf>,
    /// Name of the chain; 'novation' if absent.
    #[arg(long, value_name = "NAME")]
    pub(crate) chain: Option<String>,
    /// Port on which validators talk; they answer clients on P+100. On one address, each takes the next port. In a file each
    /// validator has its own.
    #[arg(long, value_name = "P", default_value = "26600", value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    pub(crate) base_port: u16,
    /// Blocks of an epoch: how long a committee of validators holds; 20000 if absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(EPOCH_BLOCKS_MIN..=1_000_000))]
    pub(crate) epoch_blocks: Option<u64>,
    /// Addresses of the custodians, who attest deposits and payments; three keys are made in DIR if absent.
    #[arg(long, value_name = "0x…,…", value_delimiter = ',', value_parser = owner)]
    pub(crate) custodians: Vec<Address>,
    /// How many custodians attest a deposit or a payment: more than half, which is also what holds if absent.
    #[arg(long, value_name = "M")]
    pub(crate) custodian_threshold: Option<u16>,
    /// Addresses of the governance signers, of whom two change something; three keys are made in DIR if absent.
    #[arg(long, value_name = "0x…,…", value_delimiter = ',', value_parser = owner)]
    pub(crate) signers: Vec<Address>,
}

/// What to do with a genesis file.
#[derive(Debug, Clone, Args)]
#[command(
    subcommand_value_name = "WHAT",
    disable_help_subcommand = true,
    after_help = "Examples:\n  \
    novation genesis template > net.toml\n  \
    novation genesis check net.toml\n  \
    novation genesis check net/genesis.toml       what `novation init` has founded, with the same hash"
)]
pub(crate) struct GenesisArgs {
    /// What.
    #[command(subcommand)]
    pub(crate) what: GenesisWhat,
}

/// What can be done with a genesis file.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum GenesisWhat {
    /// Shows what a file founds and the hash of it, or says what is wrong and in which line.
    Check {
        /// The file; - reads standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Prints a file that founds, with every setting explained.
    Template,
}
