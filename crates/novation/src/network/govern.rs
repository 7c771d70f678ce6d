//! What governance signers do: propose, approve, take back, pause, and look.
//!
//! **Invariant:** what is signed is for the network of the list that the signer trusts, whatever the node says; and what
//! came of it is read from a receipt and records that its validators have certified.

mod change;

use crate::Verdict;
use crate::cli::{GovernArgs, Governing};
use access::{Network, OwnerKey, Validity};
use anyhow::{Context, Result, bail};
use client::{Asked, Client, Question, read_list};
use governance::{Council, Proposal};
use light::Finding;
use machine::StateKey;
use protocol::{
    Address, Block, Change, Command, InstrumentId, ProposalId, Receipt, Refusal, codec, decode_hex,
    encode_hex, limits,
};
use records::Kind;
use serde_json::json;
use std::io::Write;
use std::slice;
use std::time::{Duration, Instant, SystemTime};
use store::PROOF_BYTES_MAX;
use units::{BlockHeight, BlockTime, utc_text};

/// How long a signature holds: long enough where each block is a minute, as in `devnet`.
const SIGNATURE_MS: i128 = 43_200_000;
/// The chain id of wallets that are on no chain in particular.
const CHAIN_ID: u64 = 1;
/// Longest wait for a block that holds what was sent, and for the record after it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does as a signer says.
pub(crate) fn run(args: &GovernArgs, out: &mut dyn Write) -> Result<Verdict> {
    let mut asked = None;
    // What makes no sense is refused before anybody is asked.
    let proposed = match &args.what {
        Governing::Propose { change } => Some(change::of(change, |name| {
            Ok(asked.insert(House::new(args)?).0.underlying(name)?)
        })?),
        _ => None,
    };
    let mut asked = match asked {
        Some(asked) => asked,
        None => House::new(args)?,
    };
    let (council, at) = asked.council(BlockHeight::ZERO)?;
    let command = match (&args.what, proposed) {
        (Governing::Approve { proposal }, _) => {
            let proposal = ProposalId::new(*proposal);
            // What is approved is what the validators certify, and nothing else that the number may come to mean.
            let Some((_, open)) = council.open().find(|(id, _)| *id == proposal) else {
                bail!("no proposal {proposal} is open: see `novation govern list`");
            };
            writeln!(out, "approving  {proposal}: {}", records::change(&open.change))?;
            Command::Approve { proposal, change: open.change }
        }
        (Governing::Revoke { proposal }, _) => {
            Command::Revoke { proposal: ProposalId::new(*proposal) }
        }
        (Governing::Pause { market }, _) => {
            Command::Pause { instrument: InstrumentId::new(*market) }
        }
        (_, Some(change)) => Command::Propose { change },
        (Governing::List | Governing::Propose { .. }, None) => {
            return asked.list(&council, at, out);
        }
    };
    let path = args.key.as_ref().context("a signer's key is needed: --key FILE")?;
    let key = OwnerKey::from_secret(access::read_secret(path)?)?;
    asked.check(&command, key.address(), &council)?;
    let sent = send(&mut asked, &key, command.clone())?;
    writeln!(out, "sent       taken into block {}", sent.height)?;
    let receipt = asked.receipt(&sent, &command)?;
    asked.outcome(&command, &receipt, sent.height, out)
}

/// What was handed in, and where it stands.
struct Sent {
    name: String,
    owner: Address,
    nonce: u64,
    height: BlockHeight,
}

/// A validator that is asked for what governance is about.
struct House(Asked);

impl House {
    fn new(args: &GovernArgs) -> Result<Self> {
        Ok(Self(Asked::new(args.node, read_list(&args.trust)?)))
    }

    /// Returns the council, and the time of that.
    fn council(&mut self, after: BlockHeight) -> Result<(Council, BlockTime)> {
        let (record, at) = self.0.record(&StateKey::Council, after)?;
        let record = record.context("it proves that there is no council")?;
        Ok((codec::decode(&record, PROOF_BYTES_MAX)?, at))
    }

    /// Checks what the validators' records already tell of a command, before it is signed.
    fn check(&mut self, command: &Command, signer: Address, council: &Council) -> Result<()> {
        let (signers, threshold) = council.signers();
        if !signers.contains(&signer) {
            let count = signers.len();
            bail!(
                "{signer}, whose key this is, is no signer here: it takes {threshold} of {count}, see `novation govern list`"
            );
        }
        match command {
            Command::Propose { change } if change::stands_in(change).is_some() => {
                let key = change::stands_in(change).context("it stands in a record")?;
                let (record, _) = self.0.record(&key, BlockHeight::ZERO)?;
                change::changes_something(change, record.as_deref(), council)?;
            }
            Command::Propose { change: Change::SetCustodians { remove, add, threshold } } => {
                let (record, _) = self.0.record(&StateKey::Custody, BlockHeight::ZERO)?;
                let record = record.context("it proves that there are no custodians")?;
                let held = codec::decode(&record, PROOF_BYTES_MAX)?;
                change::custodians_fit(&held, *remove, *add, *threshold)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the receipt of the one command that was sent, as the validators certify it.
    fn receipt(&mut self, sent: &Sent, command: &Command) -> Result<Receipt> {
        let started = Instant::now();
        let next = json!({ "height": u64::try_from(sent.height.blocks())?.saturating_add(1) });
        let question = Question::of(Kind::Receipt, slice::from_ref(&sent.name), &[])?;
        let shown = loop {
            match self.0.shown(&question) {
                Ok(shown) => break shown,
                Err(error) if started.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => drop(self.0.client.call("follow", &next)?),
            }
        };
        match shown.finding {
            Finding::Receipt { grant, first: _, answered }
                if (grant.owner, grant.nonce) == (sent.owner, sent.nonce) =>
            {
                match answered.as_slice() {
                    [(answered, receipt)] if answered == command => Ok(receipt.clone()),
                    _ => bail!("the validator proves the receipt of another command"),
                }
            }
            _ => bail!("the validator proves something that it was not asked for"),
        }
    }

    /// Says who signs and what is open: of a value also the one in force, who proposed it and who has approved.
    fn list(&mut self, council: &Council, at: BlockTime, out: &mut dyn Write) -> Result<Verdict> {
        let (signers, threshold) = council.signers();
        writeln!(out, "signers    {threshold} of {}", signers.len())?;
        for signer in signers {
            writeln!(out, "           {signer}")?;
        }
        for (id, held) in council.open() {
            writeln!(out, "proposal   {id}: {}", line(held, threshold, at))?;
            if let Change::SetParameter { parameter, underlying, .. } = held.change {
                let key = StateKey::Parameter(underlying, parameter);
                let (record, _) = self.0.record(&key, BlockHeight::ZERO)?;
                let lines = record.as_ref().map(|record| records::lines(&key, record));
                for (name, text) in lines.transpose()?.unwrap_or_default() {
                    let name = if name == "value" { "now" } else { name.as_str() };
                    writeln!(out, "           {name} {text}")?;
                }
            }
            writeln!(out, "           proposed by {}", held.proposer)?;
            for signer in &held.approvals {
                writeln!(out, "           approved by {signer}")?;
            }
        }
        if council.open().next().is_none() {
            writeln!(out, "           no proposal is open at {}", utc_text(at))?;
        }
        Ok(Verdict::Holds)
    }

    /// Says what came of a command.
    fn outcome(
        &mut self,
        command: &Command,
        receipt: &Receipt,
        height: BlockHeight,
        out: &mut dyn Write,
    ) -> Result<Verdict> {
        if let Receipt::Refused(refusal) = receipt {
            writeln!(out, "refused    {}", refused(refusal))?;
            return Ok(Verdict::Differs);
        }
        let about = match (command, receipt) {
            (Command::Propose { .. }, Receipt::Proposal(id)) => *id,
            (Command::Approve { proposal, .. } | Command::Revoke { proposal }, _) => *proposal,
            (Command::Pause { instrument }, _) => {
                let key = StateKey::Market(*instrument);
                let (record, at) = self.0.record(&key, height)?;
                let lines = record.as_ref().map(|record| records::lines(&key, record));
                let lines = lines.transpose()?.unwrap_or_default();
                let status = lines.iter().find(|(name, _)| name == "status");
                let status = status.map_or("not listed any longer", |(_, status)| status.as_str());
                writeln!(out, "market     {instrument}: {status} at {}", utc_text(at))?;
                return Ok(Verdict::Holds);
            }
            _ => bail!("its receipt is of another kind of command"),
        };
        let (council, at) = self.council(height)?;
        let (_, threshold) = council.signers();
        match council.open().find(|(id, _)| *id == about) {
            Some((id, held)) => writeln!(out, "proposal   {id}: {}", line(held, threshold, at))?,
            None => writeln!(out, "proposal   {about}: no longer open at {}", utc_text(at))?,
        }
        Ok(Verdict::Holds)
    }
}

/// Returns a refusal with its code, and what to do about it.
fn refused(refusal: &Refusal) -> String {
    let advice = match refusal {
        Refusal::NotPermitted => "this key is no signer's: see `novation govern list`",
        Refusal::ProposalUnknown => {
            "it was never open, has died, or is made already: see `novation govern list`"
        }
        Refusal::ApprovedAlready => "another signer's approval is needed",
        Refusal::ChangeDiffers => "see `novation govern list` for what it changes",
        Refusal::ParameterUnknown => "see `novation govern propose parameter --help` for --of",
        Refusal::ValueContradicts => {
            "change the other first; spec/0023-governance.md says which go together"
        }
        Refusal::InstrumentUnknown => "name a market by the number that it is listed under",
        Refusal::InstrumentHalted => "it does not trade, so there is nothing to pause",
        Refusal::PauseSpent { .. } => "another signer may pause it, or `govern propose pause`",
        _ => "nothing was changed",
    };
    format!("{refusal} (code {}): {advice}", refusal.code())
}

/// Signs a command, hands it in, and says which block holds it.
fn send(asked: &mut House, key: &OwnerKey, command: Command) -> Result<Sent> {
    let Asked { client, trust } = &mut asked.0;
    let owner = key.address();
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
    let name = told[0]["name"].as_str().context("it sent no name")?.to_owned();
    let started = Instant::now();
    let mut at = height.saturating_add(1);
    while started.elapsed() < PATIENCE {
        let reached = client.call("follow", &json!({ "height": at }))?;
        let reached = reached["height"].as_u64().context("it sent no height")?;
        while at <= reached {
            let block = block(client, at)?;
            let own = |grant: &protocol::Grant| grant.owner == owner && grant.nonce == nonce;
            if block.grants.iter().any(own) {
                return Ok(Sent { name, owner, nonce, height: block.height });
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

/// Returns a proposal in words.
pub(crate) fn line(held: &Proposal, threshold: u16, at: BlockTime) -> String {
    let approvals = format!("{} of {threshold} approvals", held.approvals.len());
    let when = match held.due_at {
        Some(due) if due <= at => "due".to_owned(),
        Some(due) => format!("due at {}", utc_text(due)),
        None => format!("dies at {}", utc_text(held.expires_at)),
    };
    format!("{}; {approvals}, {when}", records::change(&held.change))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_governance_is_told_apart_by_its_code_and_its_words() {
        let refusals = [
            (Refusal::NotPermitted, 1),
            (Refusal::InstrumentUnknown, 70),
            (Refusal::InstrumentHalted, 72),
            (Refusal::ParameterUnknown, 150),
            (Refusal::ProposalUnknown, 153),
            (Refusal::ApprovedAlready, 154),
            (Refusal::ValueContradicts, 157),
            (Refusal::NotApproved, 158),
            (Refusal::ChangeDiffers, 162),
        ];
        let told: std::collections::BTreeSet<String> = refusals
            .iter()
            .map(|(refusal, code)| {
                let told = refused(refusal);
                assert!(told.starts_with(&format!("{refusal} (code {code}): ")), "{told}");
                told
            })
            .collect();
        assert_eq!(told.len(), refusals.len());
    }
}
