//! Founding a network: from a genesis file, or from the demo, to the files of its validators.
//!
//! **Invariant:** nothing is written before the machine has founded the genesis, and nothing into a directory that holds
//! anything.

use super::genesis::{now, read};
use crate::cli::InitArgs;
use access::OwnerKey;
use anyhow::{Context, Result, bail};
use founding::{CouncilFile, CustodyFile, Description, File, TEMPLATE, ValidatorFile, given};
use light::Clock;
use machine::{Genesis, Machine};
use operator::{Plan, clients_of, seats, validator_directory, write_network};
use protocol::{Address, Hash, codec};
use replica::keys::ValidatorKey;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use units::{BlockSpan, BlockTime, Notional, Vol};
use world::{BTC, ETH, listing};

/// How far ahead of a validator's own clock a block may be.
const DRIFT_MAX_MS: i128 = 500;
/// Stake of each validator that no file names: enough of it that a fraction can be lost.
const STAKE: u64 = 1_000_000;
/// Signers who change something, unless a file says otherwise.
const SIGNERS_NEEDED: u16 = 2;

/// Keys of owners that are made, and what their files are called.
type Made = Vec<(String, [u8; 32])>;

/// A network that can be founded.
#[derive(Debug)]
struct Found {
    genesis: Genesis,
    /// The file that says all of it; of the demo there is none.
    file: Option<String>,
    /// Keys of the validators whose directories are written.
    keys: Vec<ValidatorKey>,
}

/// Writes the network of a genesis file, of the template or of the demo, on the clocks of the validators.
pub(crate) fn run(args: &InitArgs, out: &mut dyn Write) -> Result<()> {
    refuse_full(&args.dir)?;
    let (now, mut made) = (now()?, Made::new());
    let found =
        if args.demo { demo(args, now, &mut made)? } else { described(args, now, &mut made)? };
    let Found { genesis, file, keys } = found;
    Machine::found(&genesis)?;
    for held in &genesis.validators {
        clients_of(replica::live::socket(
            held.seat.endpoint.context("a seat without an endpoint")?,
        ))?;
    }
    let clock = Clock::Wall { drift_max: BlockSpan::from_millis(DRIFT_MAX_MS) };
    let reporters = keys.iter().map(|_| access::random_secret()).collect::<Result<Vec<_>, _>>()?;

    durable::create_directory(&args.dir)
        .with_context(|| format!("cannot create {}", args.dir.display()))?;
    for (name, secret) in &made {
        let path = args.dir.join(format!("{name}.key"));
        access::write_secret(&path, secret)?;
        let address = OwnerKey::from_secret(*secret)?.address();
        writeln!(out, "{name} {address}: {}", path.display())?;
    }
    let plan = Plan { genesis: &genesis, clock, keys: &keys, reporters: &reporters };
    write_network(&args.dir, &plan, file.as_deref())?;
    for (index, held) in genesis.validators.iter().enumerate() {
        if keys.iter().any(|key| key.public() == held.seat.key) {
            let at = held.seat.endpoint.map_or_else(String::new, |at| at.to_string());
            let place = validator_directory(&args.dir, index);
            writeln!(out, "validator {} on {at}: {}", held.seat.validator, place.display())?;
        }
    }
    writeln!(out, "list of validators for clients: {}", args.dir.join("network.toml").display())?;
    writeln!(out, "genesis {}", Hash::of("genesis", &codec::encode(&genesis)?))?;
    if let Some(warning) = without_spare(genesis.validators.len()) {
        drop(writeln!(std::io::stderr().lock(), "warning: {warning}"));
    }
    Ok(())
}

/// Returns what is to be said of a number of validators of whom none may fail.
fn without_spare(validators: usize) -> Option<String> {
    let they = match validators {
        1 => "1 validator survives".to_owned(),
        2 | 3 => format!("{validators} validators survive"),
        _ => return None,
    };
    Some(format!(
        "{they} no failure (f = 0): while one is down no block becomes final, and one that lies is not outvoted; from \
         four validators on, one may fail"
    ))
}

/// Refuses a directory that holds anything: it may be somebody's network.
fn refuse_full(dir: &Path) -> Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", dir.display())),
    };
    match entries {
        None => Ok(()),
        Some(_) => bail!("{} is not empty: choose another --dir", dir.display()),
    }
}

/// Returns the network of a file, or of the template; what it leaves out is made.
fn described(args: &InitArgs, now: BlockTime, made: &mut Made) -> Result<Found> {
    let described = match &args.genesis {
        Some(path) => read(path, now)?,
        None => Description::read(TEMPLATE, now)?,
    };
    let lacks = described.lacks();
    let mut file = described.file().clone();
    if let Some(chain) = &args.chain {
        file.chain = given(chain.clone());
    }
    if let Some(blocks) = args.epoch_blocks {
        file.epoch_blocks = given(blocks);
    }
    if lacks.time {
        file.time = Some(given(units::utc_text(now)));
    }
    if lacks.custody {
        let custodians = people(&args.custodians, "custodian", made)?;
        let threshold = custodian_threshold(args, &custodians)?;
        let custodians = texts(&custodians);
        file.custody = Some(CustodyFile { custodians, threshold: given(threshold) });
    }
    if lacks.council {
        let signers = texts(&people(&args.signers, "signer", made)?);
        file.council = Some(CouncilFile { signers, threshold: given(SIGNERS_NEEDED) });
    }
    let keys = validators(args, &mut file)?;
    // Whole now: the rules hold of what was made, too.
    let described = Description::of(file, "", now)?;
    let genesis = described.genesis().context("the file leaves something out")?.clone();
    let title = "# What this network was founded from: `novation genesis check` shows it, and the hash that is in network.toml.\n";
    let file = Some(format!("{title}{}", described.file().text()));
    Ok(Found { genesis, file, keys })
}

/// Returns the keys of the validators that are at hand, and writes into the file what it leaves out of them.
fn validators(args: &InitArgs, file: &mut File) -> Result<Vec<ValidatorKey>> {
    if file.validators.is_empty() {
        if args.hosts.is_empty() {
            bail!("the file has no [[validators]]: name their machines by --hosts");
        }
        let keys = generated(args.hosts.len())?;
        for seat in seats(&keys, &args.hosts, args.base_port)? {
            let at = seat.endpoint.context("a seat without an endpoint")?;
            let key = Some(given(Hash::new(seat.key).to_string()));
            let listen = given(at.to_string());
            file.validators.push(ValidatorFile { listen, stake: given(STAKE), key });
        }
        return no_keys_given(args).map(|()| keys);
    }
    hosts_match(args, file)?;
    if file.validators.iter().all(|held| held.key.is_none()) {
        let keys = generated(file.validators.len())?;
        for (held, key) in file.validators.iter_mut().zip(&keys) {
            held.key = Some(given(Hash::new(key.public()).to_string()));
        }
        return no_keys_given(args).map(|()| keys);
    }
    if args.validator_keys.is_empty() {
        bail!(
            "the file names the validators' keys: give the files of those you have by --validator-keys"
        );
    }
    let mut keys: Vec<ValidatorKey> = Vec::new();
    for path in &args.validator_keys {
        let key = ValidatorKey::read(path)?;
        let public = Hash::new(key.public()).to_string();
        let named = |held: &ValidatorFile| {
            held.key.as_ref().is_some_and(|text| text.get_ref().eq_ignore_ascii_case(&public))
        };
        if !file.validators.iter().any(named) {
            bail!("{} is the key {public}, which no validator of the file has", path.display());
        }
        if keys.iter().any(|held| held.public() == key.public()) {
            bail!("{} is a key that --validator-keys has already", path.display());
        }
        keys.push(key);
    }
    Ok(keys)
}

fn generated(count: usize) -> Result<Vec<ValidatorKey>> {
    Ok((0..count).map(|_| ValidatorKey::generate()).collect::<Result<Vec<_>, _>>()?)
}

/// Refuses keys for validators that have none in the file.
fn no_keys_given(args: &InitArgs) -> Result<()> {
    if args.validator_keys.is_empty() {
        return Ok(());
    }
    bail!("--validator-keys is for a file in which every validator has its key");
}

/// Refuses hosts that are not those of the file's validators, in their order.
fn hosts_match(args: &InitArgs, file: &File) -> Result<()> {
    let (hosts, given) = (&args.hosts, &file.validators);
    if hosts.is_empty() {
        return Ok(());
    }
    if hosts.len() != given.len() {
        bail!("--hosts names {} machines, and the file {} validators", hosts.len(), given.len());
    }
    for ((number, host), held) in (1..).zip(hosts).zip(given) {
        let at: SocketAddr = held.listen.get_ref().parse()?;
        if at.ip() != *host {
            bail!("validator {number} is on {} in the file, and on {host} by --hosts", at.ip());
        }
    }
    Ok(())
}

/// Returns addresses that were given, or those of three keys that are made.
fn people(given: &[Address], name: &str, made: &mut Made) -> Result<Vec<Address>> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let mut addresses = Vec::new();
    for number in 1..=3 {
        let secret = access::random_secret()?;
        addresses.push(OwnerKey::from_secret(secret)?.address());
        made.push((format!("{name}-{number}"), secret));
    }
    Ok(addresses)
}

fn custodian_threshold(args: &InitArgs, custodians: &[Address]) -> Result<u16> {
    let majority = u16::try_from(custodians.len() / 2 + 1)?;
    Ok(args.custodian_threshold.unwrap_or(majority))
}

fn texts(addresses: &[Address]) -> Vec<founding::Text> {
    addresses.iter().map(|address| given(address.to_string())).collect()
}

/// Returns a network with the contracts of the demo, priced as at its start: without its money, and with the ages of a
/// network whose blocks are not a minute apart.
fn demo(args: &InitArgs, now: BlockTime, made: &mut Made) -> Result<Found> {
    let stage = world::embedded()?;
    let mut spots = Vec::new();
    for id in [BTC, ETH] {
        spots.push((id, stage.tape.first_price(id).context("the scenario has no price")?));
    }
    let listed = listing::of_prices(&spots, now, Vol::from_points(7_000))?;
    let keys = generated(args.hosts.len())?;
    let seats = seats(&keys, &args.hosts, args.base_port)?;
    let chain = args.chain.as_deref().unwrap_or("novation");
    let genesis = listing::genesis(&listed, &stage.tape, chain, &seats)?;
    let mut underlyings = genesis.underlyings;
    for held in &mut underlyings {
        // Prices of a network are no tape: as many blocks agree on the first as after any gap.
        held.first_blocks = 3;
        held.insurance_fund = Notional::ZERO;
    }
    let custodians = people(&args.custodians, "custodian", made)?;
    let genesis = Genesis {
        time: now,
        signed: true,
        custodian_threshold: custodian_threshold(args, &custodians)?,
        custodians,
        signers: people(&args.signers, "signer", made)?,
        epoch_blocks: args.epoch_blocks.unwrap_or(genesis.epoch_blocks),
        parameters: Vec::new(),
        underlyings,
        ..genesis
    };
    Ok(Found { genesis, file: None, keys })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::EPOCH_BLOCKS;

    #[test]
    fn the_template_has_the_epochs_that_the_help_names() {
        let file = File::parse(TEMPLATE).expect("a file");
        assert_eq!(*file.epoch_blocks.get_ref(), EPOCH_BLOCKS);
    }
}
