//! The trust anchor: which chain, and whose signatures count.
//!
//! **Invariant:** everything that validators must agree on before the first block is in here, and so in the namespace
//! under which they sign: a signature for one network is worth nothing in another.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec::{self, EncodeError};
use protocol::{Hash, ValidatorId, limits};
use serde::Deserialize;
use units::BlockSpan;

/// Longest text of an anchor that is read.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Longest name of a chain, as in a genesis.
const CHAIN_BYTES_MAX: usize = 32;
/// Opens the text of an anchor.
const TITLE: &str =
    "# Whose signatures count on this chain. Clients and validators must hold the same file.\n";

/// A validator and the key that its votes are checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Validator {
    /// Its number, as in the genesis of the machine.
    pub id: ValidatorId,
    /// Its Ed25519 public key.
    pub key: [u8; 32],
}

/// How the time of a block follows from its parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Clock {
    /// The proposer's clock, later than the parent; a validator refuses to vote for a block that is further ahead of
    /// its own clock than this.
    Wall {
        /// Farthest ahead.
        drift_max: BlockSpan,
    },
    /// A fixed span after the parent, whatever the clocks say: for scenarios that last longer than anyone will wait.
    Step {
        /// From block to block.
        span: BlockSpan,
    },
}

/// What a client, and every validator, trusts from the start.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Anchor {
    /// The chain's name.
    pub chain: String,
    /// Hash of the machine's genesis.
    pub genesis: Hash,
    /// How time passes.
    pub clock: Clock,
    /// Validators, ascending by number, each key once.
    pub validators: Vec<Validator>,
}

/// Why a text is not an anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// Longer than any anchor.
    #[error("{0} bytes are too many for a list of validators")]
    TooLong(usize),
    /// Not TOML, or not the fields of an anchor.
    #[error("not a list of validators: {0}")]
    Malformed(String),
    /// A name that no genesis has.
    #[error("the chain's name is not 1 to {CHAIN_BYTES_MAX} characters of printable ASCII")]
    Chain,
    /// A number or key that is not written as one.
    #[error("'{0}' is not 0x and 64 hexadecimal digits")]
    NotHex(String),
    /// A clock with both rules, with none, or with a span that is not positive.
    #[error("the clock needs either drift_max_ms or step_ms, greater than zero")]
    Clock,
    /// Validators out of order, doubled, none or too many.
    #[error(
        "validators must be listed ascending by id, each id and key once, 1 to {max}",
        max = limits::VALIDATORS_MAX
    )]
    Validators,
    /// A list of a later epoch, where the anchor alone is wanted.
    #[error("this is the list of a later epoch: the list of the genesis is needed here")]
    Later,
    /// An epoch without its committee, a committee without its epoch, or an epoch that no list has.
    #[error("a list needs both an epoch, from 1 to {max}, and its committee, or neither", max = u32::MAX)]
    Epoch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    chain: String,
    genesis: String,
    clock: ClockText,
    epoch: Option<u64>,
    validators: Vec<ValidatorText>,
    committee: Option<Vec<ValidatorText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockText {
    drift_max_ms: Option<u32>,
    step_ms: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidatorText {
    id: u16,
    key: String,
}

impl Anchor {
    /// Returns the bytes that every signature of this network is bound to.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number is outside the limits of its unit.
    pub fn namespace(&self) -> Result<Vec<u8>, EncodeError> {
        Ok([b"novation/".as_slice(), self.hash()?.bytes()].concat())
    }

    /// Returns the hash of the anchor: the name of the network.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number is outside the limits of its unit.
    pub fn hash(&self) -> Result<Hash, EncodeError> {
        Ok(Hash::of("anchor", &codec::encode(self)?))
    }

    /// Returns the text that [`Self::parse`] reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.text_head(TITLE);
        put_validators(&mut text, "validators", &self.validators);
        text
    }

    /// Returns the lines of the text that are before the validators.
    pub(crate) fn text_head(&self, title: &str) -> String {
        let clock = match self.clock {
            Clock::Wall { drift_max } => format!("drift_max_ms = {}", drift_max.millis()),
            Clock::Step { span } => format!("step_ms = {}", span.millis()),
        };
        let chain = self.chain.replace('\\', "\\\\").replace('"', "\\\"");
        format!(
            "{title}chain = \"{chain}\"\ngenesis = \"{}\"\nclock = {{ {clock} }}\n",
            self.genesis
        )
    }

    /// Reads an anchor from its text.
    ///
    /// # Errors
    ///
    /// [`AnchorError`] for anything that is not one.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        match read(text)? {
            (anchor, None, None) => Ok(anchor),
            _ => Err(AnchorError::Later),
        }
    }
}

/// Reads an anchor with the epoch and the committee that may be beside it.
#[expect(clippy::type_complexity, reason = "three values that two callers take apart at once")]
pub(crate) fn read(
    text: &str,
) -> Result<(Anchor, Option<u64>, Option<Vec<Validator>>), AnchorError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(AnchorError::TooLong(text.len()));
    }
    let read: Text =
        toml::from_str(text).map_err(|error| AnchorError::Malformed(error.to_string()))?;
    let printable = read.chain.bytes().all(|byte| byte.is_ascii_graphic());
    if !printable || !(1..=CHAIN_BYTES_MAX).contains(&read.chain.len()) {
        return Err(AnchorError::Chain);
    }
    let span = |millis: u32| match millis {
        0 => Err(AnchorError::Clock),
        millis => Ok(BlockSpan::from_millis(i128::from(millis))),
    };
    let clock = match (read.clock.drift_max_ms, read.clock.step_ms) {
        (Some(drift), None) => Clock::Wall { drift_max: span(drift)? },
        (None, Some(step)) => Clock::Step { span: span(step)? },
        _ => return Err(AnchorError::Clock),
    };
    let validators = validators_of(&read.validators)?;
    let committee = read.committee.as_deref().map(validators_of).transpose()?;
    let genesis = Hash::new(bytes_of(&read.genesis)?);
    Ok((Anchor { chain: read.chain, genesis, clock, validators }, read.epoch, committee))
}

/// Appends validators to a text, under a name.
pub(crate) fn put_validators(text: &mut String, name: &str, validators: &[Validator]) {
    for validator in validators {
        let key = Hash::new(validator.key);
        text.push_str(&format!("\n[[{name}]]\nid = {}\nkey = \"{key}\"\n", validator.id));
    }
}

fn validators_of(read: &[ValidatorText]) -> Result<Vec<Validator>, AnchorError> {
    let validators = read
        .iter()
        .map(|held| Ok(Validator { id: ValidatorId::new(held.id), key: bytes_of(&held.key)? }))
        .collect::<Result<Vec<_>, _>>()?;
    if are_validators(&validators) { Ok(validators) } else { Err(AnchorError::Validators) }
}

/// Whether validators are ascending by number, each key once, and neither none nor too many.
pub(crate) fn are_validators(validators: &[Validator]) -> bool {
    let mut keys: Vec<_> = validators.iter().map(|validator| validator.key).collect();
    keys.sort_unstable();
    keys.dedup();
    validators.is_sorted_by(|a, b| a.id < b.id)
        && (1..=limits::VALIDATORS_MAX).contains(&validators.len())
        && keys.len() == validators.len()
}

/// Reads thirty-two bytes in hexadecimal.
fn bytes_of(text: &str) -> Result<[u8; 32], AnchorError> {
    let refuse = || AnchorError::NotHex(text.to_owned());
    let digits = text.strip_prefix("0x").ok_or_else(refuse)?;
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refuse());
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| refuse())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| refuse())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor() -> Anchor {
        let validator =
            |id| Validator { id: ValidatorId::new(id), key: [u8::try_from(id).unwrap(); 32] };
        Anchor {
            chain: "test".into(),
            genesis: Hash::of("genesis", b"x"),
            clock: Clock::Step { span: BlockSpan::from_millis(60_000) },
            validators: (1..=4).map(validator).collect(),
        }
    }

    #[test]
    fn an_anchor_reads_back_from_its_text() {
        let wall = Clock::Wall { drift_max: BlockSpan::from_millis(500) };
        for clock in [anchor().clock, wall] {
            let anchor = Anchor { clock, ..anchor() };
            assert_eq!(Anchor::parse(&anchor.text()), Ok(anchor));
        }
        let odd = Anchor { chain: r#"a"name"\of\t"#.into(), ..anchor() };
        assert_eq!(Anchor::parse(&odd.text()), Ok(odd));
    }

    #[test]
    fn another_clock_genesis_or_validator_is_another_network() {
        let one = anchor();
        let mut other = anchor();
        other.validators[2].key = [9; 32];
        assert_ne!(one.namespace(), other.namespace());
        let later = Anchor { clock: Clock::Step { span: BlockSpan::from_millis(1) }, ..anchor() };
        assert_ne!(one.namespace(), later.namespace());
        let elsewhere = Anchor { genesis: Hash::default(), ..anchor() };
        assert_ne!(one.namespace(), elsewhere.namespace());
    }

    #[test]
    fn unknown_keys_doubled_validators_and_bad_digits_are_refused() {
        let text = anchor().text();
        let refused = |text: &str| Anchor::parse(text).unwrap_err();
        assert!(matches!(refused(&format!("colour = 1\n{text}")), AnchorError::Malformed(_)));
        assert_eq!(refused(&text.replace("id = 2", "id = 1")), AnchorError::Validators);
        assert_eq!(refused(&text.replace("0202", "0101")), AnchorError::Validators);
        assert!(matches!(refused(&text.replace("0x03", "0xzz")), AnchorError::NotHex(_)));
        assert_eq!(refused(&text.replace("step_ms = 60000", "step_ms = 0")), AnchorError::Clock);
    }
}
