//! What a validator is asked with proof: the question, the answer as it came, and what it shows once it is checked.

use crate::call::{CallError, Client};
use light::{Answer, AnswerError, Finding, Shown, Subject, Trust};
use machine::{StateKey, UnderlyingRecord};
use protocol::codec::{DecodeError, EncodeError};
use protocol::{
    AccountId, HexError, ParseAccountError, UnderlyingId, codec, decode_hex, encode_hex,
};
use records::{Kind, NameError, Underlyings};
use serde_json::{Value, json};
use state_proof::{Claim, PROOF_BYTES_MAX, Proof, ProofError, StateRoot};
use std::net::SocketAddr;
use std::num::ParseIntError;
use std::time::{Duration, Instant};
use units::{BlockHeight, BlockTime};

/// Numbers of underlyings that are looked through for a name.
const UNDERLYINGS_MAX: u16 = 32;
/// Longest wait for the record after a block.
const CERTIFIED_MAX: Duration = Duration::from_secs(60);

/// Why words are no question.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// The names are of no record.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name of no account.
    #[error(transparent)]
    Account(#[from] ParseAccountError),
    /// A number that is none.
    #[error("'{text}' is not the number of {what}")]
    NoNumber {
        /// What was named.
        text: String,
        /// Of what it should be the number.
        what: &'static str,
        /// Why it is none.
        source: ParseIntError,
    },
    /// Too few names, or too many: what to name.
    #[error("{0}")]
    Expected(&'static str),
    /// A key that has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why there is no answer, or why it shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no answer, or a refusal.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A result without an answer in it.
    #[error("the validator sent no answer")]
    NoAnswer,
    /// An answer that is not bytes in text.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// An answer that cannot be read, or does not hold.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// A proof that does not lead to the root that came with it.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A record that cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A key that has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// It proves something else.
    #[error("the validator proves something that it was not asked for")]
    Beside,
    /// A name that no certified underlying has.
    #[error("'{text}' is not an underlying: there are {known}")]
    NoUnderlying {
        /// The name.
        text: String,
        /// Those that there are.
        known: String,
    },
    /// The record after a block was not certified in time.
    #[error("block {height} has no certificate within {seconds} seconds")]
    NoCertificate {
        /// The block.
        height: BlockHeight,
        /// How long was waited.
        seconds: u64,
    },
}

/// What to call, and what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The method.
    pub method: &'static str,
    /// Its parameters but the epoch, which [`answer`] adds.
    pub params: Value,
    /// What is asked for, in words.
    pub about: String,
}

impl Question {
    /// Returns the question that a kind and names are; of an underlying its number, or the name that a list has for it.
    ///
    /// # Errors
    ///
    /// [`QuestionError`] with what to name instead.
    pub fn of(
        kind: Kind,
        names: &[String],
        known: &[(UnderlyingId, String)],
    ) -> Result<Self, QuestionError> {
        let named: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(match (kind, named.as_slice()) {
            (Kind::Order, [market, order]) => {
                let (market, order) = (records::market_of(market)?, number(order, "an order")?);
                Self {
                    method: "order",
                    params: json!({ "market": market.get(), "order": order }),
                    about: format!("order {order} in market {market}"),
                }
            }
            (Kind::Fill, [block, order]) => {
                let (block, order) = (number(block, "a block")?, number(order, "an order")?);
                Self {
                    method: "fill",
                    params: json!({ "height": block, "order": order }),
                    about: format!("what happened to order {order} in block {block}"),
                }
            }
            (Kind::Greeks, [account]) => Self {
                method: "greeks",
                params: json!({ "account": account }),
                about: format!("the Greeks of account {}", account.parse::<AccountId>()?),
            },
            (Kind::Receipt, [name]) => Self {
                method: "receipt",
                params: json!({ "name": name }),
                about: format!("what became of submission {name}"),
            },
            (Kind::Receipt, [block, place]) => {
                let (block, place) = (number(block, "a block")?, number(place, "a submission")?);
                Self {
                    method: "receipt",
                    params: json!({ "height": block, "index": place }),
                    about: format!("what became of submission {place} of block {block}"),
                }
            }
            (Kind::Receipt, _) => {
                let named = "name a submission as `submit` did, or a block and a place in it: receipt 120 0";
                return Err(QuestionError::Expected(named));
            }
            (Kind::Greeks, _) => {
                let named = "name one account: greeks 0x<40 hex digits>/<sub>";
                return Err(QuestionError::Expected(named));
            }
            (Kind::Order, _) => {
                let named = "name a market and an order by their numbers: order 10000 4711";
                return Err(QuestionError::Expected(named));
            }
            (Kind::Fill, _) => {
                let named = "name a block and an order by their numbers: fill 120 4711";
                return Err(QuestionError::Expected(named));
            }
            (kind, _) => Self::record(&records::key(kind, names, known)?)?,
        })
    }

    /// Returns the question for the record of a key.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the key has no encoding, which no key of a record lacks.
    pub fn record(key: &StateKey) -> Result<Self, EncodeError> {
        Ok(Self {
            method: "answer",
            params: json!({ "key": encode_hex(&codec::encode(key)?) }),
            about: records::name(key),
        })
    }

    /// Returns the name of an underlying among the names of a question, whose number must be known before it is asked;
    /// nothing where it is a number already.
    #[must_use]
    pub fn names_underlying(kind: Kind, names: &[String]) -> Option<&str> {
        let place = match (kind, names) {
            (Kind::Underlying | Kind::Thresholds | Kind::Liquidity, [place])
            | (Kind::Parameter, [_, place]) => place,
            (Kind::House, [holder, place, ..]) if holder == "insurance" => place,
            _ => return None,
        };
        place.parse::<u16>().is_err().then_some(place.as_str())
    }
}

fn number(text: &str, what: &'static str) -> Result<u64, QuestionError> {
    let parsed = text.parse();
    parsed.map_err(|source| QuestionError::NoNumber { text: text.to_owned(), what, source })
}

/// Asks, and returns the answer as it came, unchecked: one for clients whose list of validators is of an epoch.
///
/// # Errors
///
/// [`AskError`] if there is no answer, or no bytes in it.
pub fn answer(client: &mut Client, question: &Question, epoch: u64) -> Result<Vec<u8>, AskError> {
    let mut params = question.params.clone();
    params["epoch"] = json!(epoch);
    let told = client.call(question.method, &params)?;
    Ok(decode_hex(told["answer"].as_str().ok_or(AskError::NoAnswer)?)?)
}

/// A validator that is asked, and the list of validators that its answers are checked with.
#[derive(Debug)]
pub struct Asked {
    /// The connection to it.
    pub client: Client,
    /// The list.
    pub trust: Trust,
}

impl Asked {
    /// Returns the validator that answers at an address, before anything is asked.
    #[must_use]
    pub fn new(address: SocketAddr, trust: Trust) -> Self {
        Self { client: Client::new(address), trust }
    }

    /// Asks, and returns what the answer shows, down to the signatures of the list.
    ///
    /// # Errors
    ///
    /// [`AskError`] if there is no answer, or if it does not hold.
    pub fn shown(&mut self, question: &Question) -> Result<Shown, AskError> {
        let bytes = answer(&mut self.client, question, self.trust.epoch)?;
        Ok(Answer::decode(&bytes)?.verify(&self.trust)?)
    }

    /// Returns a record as the validators certify it after a block at the earliest, absent if there is none, and the time of
    /// that. Waits up to a minute for the block.
    ///
    /// # Errors
    ///
    /// [`AskError`] if there is no such answer in time, or if it does not hold.
    pub fn record(
        &mut self,
        key: &StateKey,
        after: BlockHeight,
    ) -> Result<(Option<Vec<u8>>, BlockTime), AskError> {
        let (question, asked) = (Question::record(key)?, codec::encode(key)?);
        let started = Instant::now();
        loop {
            let shown = self.shown(&question)?;
            if shown.height >= after {
                let record = match shown.finding {
                    Finding::Record { key, claim: Claim::Present(record) } if key == asked => {
                        Some(record)
                    }
                    Finding::Record { key, claim: Claim::Absent } if key == asked => None,
                    _ => return Err(AskError::Beside),
                };
                return Ok((record, shown.time));
            }
            if started.elapsed() > CERTIFIED_MAX {
                let seconds = CERTIFIED_MAX.as_secs();
                return Err(AskError::NoCertificate { height: after, seconds });
            }
        }
    }

    /// Returns the underlying of a name, in small letters or large: the first that the validators certify to have it.
    ///
    /// # Errors
    ///
    /// [`AskError::NoUnderlying`] if none has it, and whatever asking may fail with.
    pub fn underlying(&mut self, name: &str) -> Result<UnderlyingId, AskError> {
        let listed = underlyings(&mut self.client, Some(&self.trust), name)?;
        if let Some((id, _)) = listed.iter().find(|(_, held)| held.eq_ignore_ascii_case(name)) {
            return Ok(*id);
        }
        let names: Vec<&str> = listed.iter().map(|(_, held)| held.as_str()).collect();
        Err(AskError::NoUnderlying { text: name.to_owned(), known: names.join(", ") })
    }
}

/// Returns the underlyings up to the one of a name, or all: those that the validators certify; without a list to hold them
/// against, as the one that is asked tells them.
///
/// # Errors
///
/// [`AskError`] if one of the answers is missing or does not hold.
pub fn underlyings(
    client: &mut Client,
    trust: Option<&Trust>,
    wanted: &str,
) -> Result<Underlyings, AskError> {
    let mut found = Underlyings::new();
    for number in 0..=UNDERLYINGS_MAX {
        let id = UnderlyingId::new(number);
        let key = StateKey::Underlying(id);
        let bytes = answer(client, &Question::record(&key)?, trust.map_or(0, |trust| trust.epoch))?;
        let answer = Answer::decode(&bytes)?;
        let (proved, claim) = match trust {
            Some(trust) => match answer.verify(trust)?.finding {
                Finding::Record { key, claim } => (key, claim),
                _ => return Err(AskError::Beside),
            },
            None => told_by(&answer)?,
        };
        if proved != codec::encode(&key)? {
            return Err(AskError::Beside);
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
fn told_by(answer: &Answer) -> Result<(Vec<u8>, Claim), AskError> {
    let (Subject::Record { proof }, [header, ..]) = (&answer.subject, answer.headers.as_slice())
    else {
        return Err(AskError::Beside);
    };
    let root = StateRoot::from_bytes(*header.state_root.bytes());
    let verified = Proof::decode(proof)?.verify(root)?;
    Ok((verified.key, verified.claim))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: Kind, names: &[&str]) -> Result<Question, QuestionError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Question::of(kind, &names, &[(UnderlyingId::new(7), "BTC".into())])
    }

    #[test]
    fn a_question_is_the_method_that_proves_what_is_named() {
        let fill = named(Kind::Fill, &["120", "4711"]).unwrap();
        assert_eq!(fill.method, "fill");
        assert_eq!(fill.params, json!({ "height": 120, "order": 4711 }));
        let index = named(Kind::Underlying, &["btc"]).unwrap();
        assert_eq!((index.method, index.about.as_str()), ("answer", "underlying 7"));
        assert_eq!(index, Question::record(&StateKey::Underlying(UnderlyingId::new(7))).unwrap());
    }

    #[test]
    fn what_is_no_question_is_told_what_to_name() {
        let refused = |kind, names: &[&str]| named(kind, names).unwrap_err().to_string();
        assert_eq!(refused(Kind::Fill, &["x", "1"]), "'x' is not the number of a block");
        assert!(refused(Kind::Order, &[]).ends_with("order 10000 4711"));
        assert!(refused(Kind::Underlying, &["DOGE"]).contains("there are BTC (number 7)"));
    }

    #[test]
    fn a_name_is_looked_up_before_the_question_and_a_number_is_not() {
        let name = |kind, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Question::names_underlying(kind, &names).map(str::to_owned)
        };
        assert_eq!(name(Kind::House, &["insurance", "BTC"]).as_deref(), Some("BTC"));
        assert_eq!(name(Kind::Parameter, &["scan_range", "ETH"]).as_deref(), Some("ETH"));
        assert_eq!(name(Kind::Underlying, &["1"]), None);
        assert_eq!(name(Kind::House, &["clearing", "10000"]), None);
    }
}
