//! Hands a validator what its reporter sees, signed with the reporter's key, at the operator's socket.
//!
//! **Invariant:** what is sent for a block is for a block that the validator does not have yet: before each report it
//! is asked how far it is.

use crate::Verdict;
use crate::cli::FeedArgs;
use access::{Network, ReporterSecret};
use anyhow::{Context, Result, bail};
use client::Client;
use operator::NodeConfig;
use protocol::{
    BasisReport, InstrumentId, PriceReport, SourceId, UnderlyingId, ValidatorId, VolReport, Vote,
    codec, encode_hex,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;
use units::BlockTime;

/// Longest report as text.
const TEXT_BYTES_MAX: u64 = 8 << 20;

/// A report as a person or a program writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    height: Option<u64>,
    #[serde(default)]
    prices: Vec<PriceSeen>,
    #[serde(default)]
    vols: Vec<VolSeen>,
    #[serde(default)]
    bases: Vec<BasisSeen>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceSeen {
    underlying: u16,
    source: u16,
    price: String,
    confidence: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VolSeen {
    instrument: u32,
    vol: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BasisSeen {
    underlying: u16,
    expires_at: i64,
    basis: String,
}

impl Seen {
    fn read(text: &str) -> Result<Self> {
        // From a list the fields would be taken by their place.
        if !text.trim_start().starts_with('{') {
            bail!("not a report: it is one object");
        }
        serde_json::from_str(text).context("not a report")
    }

    /// Returns the vote of a validator, in the order in which votes are written.
    fn vote(&self, validator: ValidatorId) -> Result<Vote> {
        fn read<T: std::str::FromStr>(text: &str, what: &str) -> Result<T>
        where
            T::Err: std::error::Error + Send + Sync + 'static,
        {
            text.parse().with_context(|| format!("'{text}' is no {what}"))
        }
        let price = |seen: &PriceSeen| -> Result<PriceReport> {
            Ok(PriceReport {
                underlying: UnderlyingId::new(seen.underlying),
                source: SourceId::new(seen.source),
                price: read(&seen.price, "price")?,
                confidence: read(&seen.confidence, "confidence")?,
            })
        };
        let vol = |seen: &VolSeen| -> Result<VolReport> {
            let instrument = InstrumentId::new(seen.instrument);
            Ok(VolReport { instrument, vol: read(&seen.vol, "vol")? })
        };
        let basis = |seen: &BasisSeen| -> Result<BasisReport> {
            Ok(BasisReport {
                underlying: UnderlyingId::new(seen.underlying),
                expires_at: BlockTime::from_millis(seen.expires_at.into()),
                basis: read(&seen.basis, "basis")?,
            })
        };
        let mut prices = self.prices.iter().map(price).collect::<Result<Vec<_>>>()?;
        let mut vols = self.vols.iter().map(vol).collect::<Result<Vec<_>>>()?;
        let mut bases = self.bases.iter().map(basis).collect::<Result<Vec<_>>>()?;
        prices.sort_by_key(|seen| (seen.underlying, seen.source));
        vols.sort_by_key(|seen| seen.instrument);
        bases.sort_by_key(|seen| (seen.underlying, seen.expires_at));
        Ok(Vote { validator, prices, vols, bases })
    }
}

/// A validator's reporter.
#[derive(Debug)]
pub(crate) struct Reporter {
    client: Client,
    network: Network,
    secret: ReporterSecret,
}

impl Reporter {
    pub(crate) fn new(socket: &Path, network: Network, secret: ReporterSecret) -> Self {
        Self { client: Client::local(socket), network, secret }
    }

    /// Hands in a report for a block.
    pub(crate) fn report(&mut self, height: u64, vote: &Vote) -> Result<()> {
        let signature = self.secret.sign(&self.network, height, vote)?;
        let params = json!({
            "height": height,
            "vote": encode_hex(&codec::encode(vote)?),
            "signature": encode_hex(&signature),
        });
        Ok(self.client.call("feed", &params).map(drop)?)
    }

    fn status(&mut self) -> Result<Value> {
        Ok(self.client.call("status", &json!({}))?)
    }
}

/// Reports what a file or standard input says; whether all of it was taken.
pub(crate) fn run(args: &FeedArgs, out: &mut dyn Write) -> Result<Verdict> {
    let config = NodeConfig::read(&args.config)?;
    let key = args.key.clone().unwrap_or_else(|| config.directory.join("reporter.key"));
    let secret = ReporterSecret::from_secret(access::read_secret(&key)?)?;
    if let Some(named) = config.reporter.filter(|named| *named != secret.public()) {
        bail!(
            "{} is not the key of the reporter that {} names, {}",
            key.display(),
            args.config.display(),
            protocol::Hash::new(named)
        );
    }
    let trust = client::read_list(&config.network)?;
    let network = Network::new(&trust.anchor.chain, trust.anchor.genesis);
    let mut reporter = Reporter::new(&config.feed, network, secret);
    if args.vote.as_os_str() != "-" {
        let cannot = || format!("cannot read {}", args.vote.display());
        let mut text = String::new();
        let file = File::open(&args.vote).with_context(cannot)?;
        file.take(TEXT_BYTES_MAX).read_to_string(&mut text).with_context(cannot)?;
        let taken = hand_in(&mut reporter, &text, args.ahead)
            .with_context(|| args.vote.display().to_string())?;
        writeln!(out, "{taken}")?;
        return Ok(Verdict::Holds);
    }
    let mut verdict = Verdict::Holds;
    let mut lines = BufReader::new(std::io::stdin());
    loop {
        let mut text = String::new();
        if (&mut lines).take(TEXT_BYTES_MAX).read_line(&mut text)? == 0 {
            return Ok(verdict);
        }
        if text.trim().is_empty() {
            continue;
        }
        // A line that is not taken is one report less; the next one counts again.
        match hand_in(&mut reporter, &text, args.ahead) {
            Ok(taken) => writeln!(out, "{taken}")?,
            Err(error) => {
                writeln!(out, "refused    {error:#}")?;
                verdict = Verdict::Differs;
            }
        }
        out.flush()?;
    }
}

/// Hands in what a text says; for which blocks, in words.
fn hand_in(reporter: &mut Reporter, text: &str, ahead: u64) -> Result<String> {
    let seen = Seen::read(text)?;
    let status = reporter.status()?;
    let validator = status["validator"].as_u64().and_then(|number| u16::try_from(number).ok());
    let validator = validator.context("the node has no seat: it reports nothing")?;
    let vote = seen.vote(ValidatorId::new(validator))?;
    let newest = ["height", "finalised"].iter().filter_map(|name| status[*name].as_u64()).max();
    let next = newest.context("it sent no height")?.saturating_add(1);
    let wanted = match seen.height {
        Some(height) => height..height.saturating_add(1),
        None => next..next.saturating_add(ahead),
    };
    let (mut taken, mut last) = (Vec::new(), None);
    for height in wanted {
        match reporter.report(height, &vote) {
            Ok(()) => taken.push(height.to_string()),
            Err(error) => last = Some(error),
        }
    }
    match (taken.is_empty(), last) {
        (true, Some(error)) => Err(error),
        _ => Ok(format!("reported   for block {} as validator {validator}", taken.join(" and "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_words_is_the_vote_in_order() {
        let text = r#"{"prices": [
            {"underlying": 2, "source": 1, "price": "200.5", "confidence": "0.02"},
            {"underlying": 1, "source": 2, "price": "7854.25", "confidence": "0.5"}],
            "vols": [{"instrument": 20001, "vol": "0.8"}, {"instrument": 20000, "vol": "0.705"}],
            "bases": [{"underlying": 1, "expires_at": 1583971200000, "basis": "-3.2"}]}"#;
        let seen = Seen::read(text).unwrap();
        let vote = seen.vote(ValidatorId::new(4)).unwrap();
        assert_eq!(vote.prices[0].price.micros(), 7_854_250_000);
        assert_eq!(vote.prices[1].underlying, UnderlyingId::new(2));
        assert_eq!(vote.vols[0].vol, units::Vol::from_points(7_050));
        assert_eq!(vote.bases[0].basis.micros(), -3_200_000);
    }

    #[test]
    fn what_is_no_report_is_refused_with_its_name() {
        let refused = |text: &str| -> String {
            let vote = Seen::read(text).and_then(|seen| seen.vote(ValidatorId::new(1)));
            format!("{:#}", vote.unwrap_err())
        };
        assert!(refused(r#"{"price": []}"#).contains("unknown field `price`"));
        let price =
            r#"{"prices": [{"underlying": 1, "source": 1, "price": "1e5", "confidence": "0"}]}"#;
        assert!(refused(price).contains("'1e5' is no price"));
        assert!(refused("[1]").contains("one object"));
    }
}
