//! What governance signers do: propose, approve, take back, and look.
//!
//! **Invariant:** what is signed is for the network of the list that the signer trusts, whatever the node says; and what
//! came of it is read from a record that its validators have certified.

use super::rpc::Client;
use crate::Verdict;
use crate::cli::{GovernArgs, Governing, Proposing};
use crate::records::{self, time_text};
use crate::verify;
use access::{Network, OwnerKey, Validity};
use anyhow::{Context, Result, bail};
use gateway::{decode_hex, encode_hex};
use governance::{Council, Definition, Proposal};
use light::{Answer, Finding, Trust};
use machine::StateKey;
use protocol::{
    Address, Block, Change, Command, Endpoint, ProposalId, Seat, UnderlyingId, codec, limits,
};
use serde_json::{Value, json};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};
use store::{Claim, PROOF_BYTES_MAX};
use units::{BlockHeight, BlockTime};

/// How long a signature holds: long enough where each block is a minute, as in `devnet`.
const SIGNATURE_MS: i128 = 43_200_000;
/// The chain id of wallets that are on no chain in particular.
const CHAIN_ID: u64 = 1;
/// Longest wait for a block that holds what was sent, and for the record after it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does as a signer says.
pub(crate) fn run(args: &GovernArgs, out: &mut dyn Write) -> Result<Verdict> {
    let trust = verify::list(&args.trust)?;
    let mut client = Client::new(args.node);
    let command = match &args.what {
        Governing::List => {
            let (council, at) = council(&mut client, &trust, BlockHeight::ZERO)?;
            return list(&council, at, out);
        }
        Governing::Propose { change } => Command::Propose { change: change_of(change)? },
        Governing::Approve { proposal } => {
            Command::Approve { proposal: ProposalId::new(*proposal) }
        }
        Governing::Revoke { proposal } => Command::Revoke { proposal: ProposalId::new(*proposal) },
    };
    let path = args.key.as_ref().context("a signer's key is needed: --key FILE")?;
    let key = OwnerKey::from_secret(access::read_secret(path)?)?;
    let height = send(&mut client, &trust, &key, command.clone())?;
    writeln!(out, "sent       taken into block {height}")?;
    let (council, at) = council(&mut client, &trust, height)?;
    outcome(&command, key.address(), &council, at, out)
}

/// Returns the change that the words of a command line name.
fn change_of(words: &Proposing) -> Result<Change> {
    Ok(match words {
        Proposing::Seat { number, validator_key, stake, at } => {
            let seat = Seat {
                validator: protocol::ValidatorId::new(*number),
                key: *validator_key.bytes(),
                endpoint: at.map(endpoint),
            };
            Change::SeatValidator { seat, stake: *stake }
        }
        Proposing::Unseat { number } => {
            Change::UnseatValidator(protocol::ValidatorId::new(*number))
        }
        Proposing::Settle { underlying, expires_at, price } => Change::SettleAt {
            underlying: UnderlyingId::new(*underlying),
            expires_at: BlockTime::from_millis(i128::from(*expires_at)),
            price: *price,
        },
        Proposing::Release { number } => {
            Change::ReleaseValidator(protocol::ValidatorId::new(*number))
        }
        Proposing::Parameter { name, value, of } => {
            let Some(found) = Definition::all().iter().find(|held| held.name == name) else {
                let names: Vec<_> = Definition::all().iter().map(|held| held.name).collect();
                bail!("'{name}' is not a parameter: there are {}", names.join(", "));
            };
            let underlying = of.map(UnderlyingId::new);
            Change::SetParameter { parameter: found.parameter, underlying, value: *value }
        }
        Proposing::Resume { market: Some(market) } => {
            Change::ResumeInstrument(protocol::InstrumentId::new(*market))
        }
        Proposing::Resume { market: None } => Change::ResumeHouse,
        Proposing::Custodians { remove, add, threshold } => {
            Change::SetCustodians { remove: *remove, add: *add, threshold: *threshold }
        }
    })
}

fn endpoint(address: SocketAddr) -> Endpoint {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    Endpoint { ip, port: address.port() }
}

/// Signs a command, hands it in, and returns the height of the block that holds it.
fn send(
    client: &mut Client,
    trust: &Trust,
    key: &OwnerKey,
    command: Command,
) -> Result<BlockHeight> {
    let status = client.call("status", &json!({}))?;
    let time: u64 = status["time"].as_u64().context("it sent no time")?;
    let height: u64 = status["height"].as_u64().context("it sent no height")?;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    // Above the time of the chain, and another for each call.
    let nonce = time.saturating_add(u64::try_from(since % 3_600_000)?);
    let expires_at = BlockTime::from_millis(i128::from(time) + SIGNATURE_MS);
    let network = Network::new(&trust.anchor.chain, trust.anchor.genesis);
    let validity = Validity { nonce, expires_at };
    let submission = key.submit(&network, validity, command, None, CHAIN_ID)?;
    let told = client.call("submit", &json!({ "submissions": [encode_hex(&submission)] }))?;
    if let Some(refused) = told[0]["refused"].as_str() {
        bail!("the validator does not take it: {refused}");
    }
    let started = Instant::now();
    let mut at = height.saturating_add(1);
    while started.elapsed() < PATIENCE {
        let reached = client.call("follow", &json!({ "height": at }))?;
        let reached = reached["height"].as_u64().context("it sent no height")?;
        while at <= reached {
            let block = block(client, at)?;
            let own =
                |grant: &protocol::Grant| grant.owner == key.address() && grant.nonce == nonce;
            if block.grants.iter().any(own) {
                return Ok(block.height);
            }
            at = at.saturating_add(1);
        }
    }
    bail!("no block has taken it in within {} seconds: ask again", PATIENCE.as_secs())
}

fn block(client: &mut Client, height: u64) -> Result<Block> {
    let told = client.call("blocks", &json!({ "height": height }))?;
    let text = told[0]["block"].as_str().context("it sent no block")?;
    Ok(codec::decode(&decode_hex(text)?, limits::BLOCK_BYTES_MAX)?)
}

/// Returns the council as the validators certify it, after a block at the earliest, and the time of that.
fn council(client: &mut Client, trust: &Trust, after: BlockHeight) -> Result<(Council, BlockTime)> {
    let key = encode_hex(&codec::encode(&StateKey::Council)?);
    let params: Value = json!({ "key": key, "epoch": trust.epoch });
    let started = Instant::now();
    loop {
        let told = client.call("answer", &params)?;
        let text = told["answer"].as_str().context("the validator sent no answer")?;
        let shown = Answer::decode(&decode_hex(text)?)?.verify(trust)?;
        if shown.height >= after {
            let Finding::Record { claim: Claim::Present(record), .. } = shown.finding else {
                bail!("it proves that there is no council");
            };
            return Ok((codec::decode(&record, PROOF_BYTES_MAX)?, shown.time));
        }
        if started.elapsed() > PATIENCE {
            bail!("block {after} has no certificate within {} seconds", PATIENCE.as_secs());
        }
    }
}

/// Says what came of a command.
fn outcome(
    command: &Command,
    signer: Address,
    council: &Council,
    at: BlockTime,
    out: &mut dyn Write,
) -> Result<Verdict> {
    let (_, threshold) = council.signers();
    let approved = |proposal: &Proposal| proposal.approvals.contains(&signer);
    let found = match command {
        Command::Propose { change } => {
            let same =
                |(_, held): &(ProposalId, &Proposal)| held.change == *change && approved(held);
            council.open().filter(same).last()
        }
        Command::Approve { proposal } | Command::Revoke { proposal } => {
            council.open().find(|(id, _)| id == proposal)
        }
        _ => None,
    };
    let taken = match (command, &found) {
        (Command::Revoke { .. }, Some((_, held))) => !approved(held),
        (Command::Revoke { .. }, None) => true,
        (_, Some((_, held))) => approved(held),
        (_, None) => false,
    };
    if let Some((id, held)) = found {
        writeln!(out, "proposal   {id}: {}", line(held, threshold, at))?;
    }
    if taken {
        return Ok(Verdict::Holds);
    }
    writeln!(
        out,
        "refused    no such approval stands after that block: it was refused, or the change is made already; see \
         `novation govern list`"
    )?;
    Ok(Verdict::Differs)
}

fn list(council: &Council, at: BlockTime, out: &mut dyn Write) -> Result<Verdict> {
    let (signers, threshold) = council.signers();
    writeln!(out, "signers    {threshold} of {}", signers.len())?;
    for signer in signers {
        writeln!(out, "           {signer}")?;
    }
    for (id, held) in council.open() {
        writeln!(out, "proposal   {id}: {}", line(held, threshold, at))?;
    }
    if council.open().next().is_none() {
        writeln!(out, "           no proposal is open at {}", time_text(at))?;
    }
    Ok(Verdict::Holds)
}

/// Returns a proposal in words.
pub(crate) fn line(held: &Proposal, threshold: u16, at: BlockTime) -> String {
    let approvals = format!("{} of {threshold} approvals", held.approvals.len());
    let when = match held.due_at {
        Some(due) if due <= at => "due".to_owned(),
        Some(due) => format!("due at {}", time_text(due)),
        None => format!("dies at {}", time_text(held.expires_at)),
    };
    format!("{}; {approvals}, {when}", records::change(&held.change))
}
