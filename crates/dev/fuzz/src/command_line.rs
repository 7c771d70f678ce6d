//! The command line of the program, as anybody may type it.

use crate::Answer;
use clap::Parser as _;
use cli::{AccountName, Cli, Command, Explained, GenesisWhat, Height};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

#[path = "../../../novation/src/cli.rs"]
mod cli;

/// Parses arguments that a zero byte sets apart. Whatever they are, the parser answers, and what it accepts is what its
/// types promise.
pub(crate) fn run(bytes: &[u8]) -> Answer {
    let arguments = bytes.split(|byte| *byte == 0).map(|part| OsString::from_vec(part.to_vec()));
    let arguments: Vec<OsString> = std::iter::once("novation".into()).chain(arguments).collect();
    let parsed = Cli::try_parse_from(&arguments);
    match &parsed {
        Ok(Cli { command: Command::Demo(args) }) => {
            assert!(!args.out.as_os_str().is_empty());
            assert_ne!(args.blocks, Some(0));
        }
        Ok(Cli { command: Command::Audit(args) }) => assert_ne!(args.to, Some(0)),
        Ok(Cli { command: Command::Prove(args) }) => assert!(!args.proof.as_os_str().is_empty()),
        Ok(Cli { command: Command::Verify(args) }) => {
            if let Some(root) = args.root {
                let digits = root.to_string();
                let typed = |argument: &OsString| {
                    argument.to_string_lossy().to_ascii_lowercase().contains(&digits[2..])
                };
                assert!(arguments.iter().any(typed), "{root} was not typed");
            }
        }
        Ok(Cli { command: Command::Explain(args) }) => {
            if let Explained::Margin(args) = &args.what {
                if let AccountName::Id(id) = args.account {
                    assert_eq!(id.to_string().parse(), Ok(args.account));
                }
                if let Height::At(height) = args.height {
                    assert_eq!(height.to_string().parse(), Ok(args.height));
                }
            }
        }
        Ok(Cli { command: Command::Devnet(args) }) => {
            assert!((1..=32).contains(&args.validators) && args.blocks != Some(0));
        }
        Ok(Cli { command: Command::Init(args) }) => {
            assert!(args.genesis.is_some() || !args.hosts.is_empty());
            assert!(args.genesis.is_none() || (!args.demo && args.signers.is_empty()));
        }
        Ok(Cli { command: Command::Genesis(args) }) => {
            if let GenesisWhat::Check { file } = &args.what {
                assert!(!file.as_os_str().is_empty());
            }
        }
        // The others promise no more than their types say.
        Ok(_) => {}
        // Help that is asked for is an answer too.
        Err(error) => assert!(matches!(error.exit_code(), 0 | 2), "{error}"),
    }
    Answer::of(&parsed)
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let (owner, root) = ("0x".to_owned() + &"a1".repeat(20), "0x".to_owned() + &"3f".repeat(32));
    let lines = [
        "demo".to_owned(),
        "demo --seed 0xff --out ./house --blocks 60 --quiet".to_owned(),
        "demo --seed=18446744073709551615 --data ./data".to_owned(),
        "audit ./demo --to 100 --quiet".to_owned(),
        "keys --new --kind session bot.key".to_owned(),
        "devnet --validators 7 --blocks 5".to_owned(),
        format!("prove ./demo account {owner}/0 --proof alice.proof"),
        "prove ./demo house insurance BTC --proof fund.proof".to_owned(),
        format!("verify alice.proof --root {root}"),
        format!("explain margin {owner}/3 --dir ./demo --height 100 --json"),
        "explain margin #12 --dir ./demo --height latest".to_owned(),
        "explain strategies --data ./data --json".to_owned(),
        "devnet --validators 7 --seed 2 --dir ./net --blocks 9 --base-port 30000 --quiet"
            .to_owned(),
        "init --dir ./net --hosts 127.0.0.1,127.0.0.2 --chain test --base-port 30000".to_owned(),
        "init --dir ./net --genesis net.toml --validator-keys a.key,b.key".to_owned(),
        "genesis check net.toml".to_owned(),
        "node --config ./net/0/node.toml".to_owned(),
        "ask house insurance 1 --node 127.0.0.1:26700 --proof fund.answer".to_owned(),
        format!("ask greeks {owner}/0 --trust network.toml --proof greeks.answer"),
        format!("govern propose seat 5 --validator-key {root} --stake 9 --at 10.0.0.1:26650"),
        "govern approve 1 --key signer-1.key --trust network.toml".to_owned(),
    ];
    lines.map(|line| line.replace(' ', "\0").into_bytes()).to_vec()
}
