//! Names of underlyings, as the records of a validator's house have them.

use super::rpc::Client;
use anyhow::{Context, Result, bail};
use light::{Answer, Finding, Subject, Trust};
use machine::{StateKey, UnderlyingRecord};
use protocol::{UnderlyingId, codec, decode_hex, encode_hex};
use records::Underlyings;
use serde_json::json;
use store::{Claim, PROOF_BYTES_MAX, Proof, StateRoot};

/// Numbers of underlyings that are looked through for a name.
const UNDERLYINGS_MAX: u16 = 32;

/// Returns the underlyings up to the one of a name, or all: those that the validators certify; without a list to hold them
/// against, as the one that is asked tells them.
pub(super) fn underlyings(
    client: &mut Client,
    trust: Option<&Trust>,
    wanted: &str,
) -> Result<Underlyings> {
    let mut found = Underlyings::new();
    for number in 0..=UNDERLYINGS_MAX {
        let id = UnderlyingId::new(number);
        let asked = codec::encode(&StateKey::Underlying(id))?;
        let epoch = trust.map_or(0, |trust| trust.epoch);
        let params = json!({ "key": encode_hex(&asked), "epoch": epoch });
        let told = client.call("answer", &params)?;
        let text = told["answer"].as_str().context("the validator sent no answer")?;
        let answer = Answer::decode(&decode_hex(text)?)?;
        let (key, claim) = match trust {
            Some(trust) => match answer.verify(trust)?.finding {
                Finding::Record { key, claim } => (key, claim),
                _ => bail!("the validator proves something that it was not asked for"),
            },
            None => told_by(&answer)?,
        };
        if key != asked {
            bail!("the validator proves something that it was not asked for");
        }
        if let Claim::Present(record) = claim {
            let held: UnderlyingRecord = codec::decode(&record, PROOF_BYTES_MAX)?;
            let is_wanted = held.name.eq_ignore_ascii_case(wanted);
            found.push((id, held.name));
            if is_wanted {
                break;
            }
        }
    }
    Ok(found)
}

/// Returns what a record's proof says, under a root that nobody has certified here.
fn told_by(answer: &Answer) -> Result<(Vec<u8>, Claim)> {
    let (Subject::Record { proof }, [header, ..]) = (&answer.subject, answer.headers.as_slice())
    else {
        bail!("the validator proves something that it was not asked for");
    };
    let root = StateRoot::from_bytes(*header.state_root.bytes());
    let verified = Proof::decode(proof)?.verify(root)?;
    Ok((verified.key, verified.claim))
}
