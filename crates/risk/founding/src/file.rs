//! The form of a file: its tables and fields, as they stand in it.
//!
//! Amounts are decimal text in the unit that the field names, never floats; numbers of things are whole. A field that is
//! not known is refused.

use crate::error::{FoundingError, Place};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// Longest file: more than 4,096 contracts need, one by one.
const BYTES_MAX: usize = 1 << 20;

/// Text, and where it stands.
pub type Text = Spanned<String>;

/// Governed values by name.
pub type Values = BTreeMap<Text, Text>;

/// Returns a value that stands in no file.
#[must_use]
pub fn given<T>(value: T) -> Spanned<T> {
    Spanned::new(usize::MAX..usize::MAX, value)
}

/// A genesis as its file says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Name of the chain.
    pub chain: Text,
    /// Time of block zero; when it is founded if absent.
    pub time: Option<Text>,
    /// Blocks of an epoch.
    pub epoch_blocks: Spanned<u64>,
    /// Governance; keys are made if absent.
    pub council: Option<CouncilFile>,
    /// Custody; keys are made if absent.
    pub custody: Option<CustodyFile>,
    /// Validators, in the order of their numbers; made if absent.
    #[serde(default)]
    pub validators: Vec<ValidatorFile>,
    /// Values of the whole house.
    #[serde(default)]
    pub parameters: Values,
    /// What contracts are written on.
    #[serde(default)]
    pub underlyings: Vec<UnderlyingFile>,
    /// Contracts without an expiry.
    #[serde(default)]
    pub perpetuals: Vec<PerpetualFile>,
    /// Dated futures.
    #[serde(default)]
    pub futures: Vec<FutureFile>,
    /// Chains of options.
    #[serde(default)]
    pub options: Vec<OptionsFile>,
}

/// Who governs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouncilFile {
    /// Their addresses.
    pub signers: Vec<Text>,
    /// How many of them change something.
    pub threshold: Spanned<u16>,
}

/// Who holds what is deposited.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustodyFile {
    /// Their addresses.
    pub custodians: Vec<Text>,
    /// How many of them attest a deposit or a payment.
    pub threshold: Spanned<u16>,
}

/// A validator.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorFile {
    /// Where it listens for the others.
    pub listen: Text,
    /// The weight of its reports.
    pub stake: Spanned<u64>,
    /// Its public key; made if absent.
    pub key: Option<Text>,
}

/// A venue whose price is reported.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its number, which reporters give.
    pub id: Spanned<u16>,
    /// Which venue and pair that is.
    pub name: Text,
    /// Its weight in the index.
    pub weight: Spanned<u32>,
}

/// An underlying.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnderlyingFile {
    /// Its number; that of the stable coin is 0.
    pub id: Spanned<u16>,
    /// Its name.
    pub name: Text,
    /// The number of the asset that is pledged at its index, if any.
    pub asset: Option<Spanned<u16>>,
    /// Underlyings of one class offset each other in part.
    pub class: u16,
    /// What it is worth in dollars, to within a factor of three.
    pub reference_price: Text,
    /// Blocks in a row that must agree on the first price.
    pub first_blocks: Spanned<u8>,
    /// Fewest live sources that allow new risk.
    pub sources_min: Spanned<u8>,
    /// Where its prices come from.
    pub sources: Vec<SourceFile>,
    /// Values of its own.
    #[serde(default)]
    pub parameters: Values,
}

/// A perpetual.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerpetualFile {
    /// Its number.
    pub id: Spanned<u32>,
    /// The name of its underlying.
    pub underlying: Text,
    /// Units of the underlying in one lot.
    pub lot: Text,
    /// Dollars of which order prices are multiples.
    pub tick: Text,
}

/// A dated future.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FutureFile {
    /// Its number.
    pub id: Spanned<u32>,
    /// The name of its underlying.
    pub underlying: Text,
    /// When it settles.
    pub expires: Text,
    /// Units of the underlying in one lot.
    pub lot: Text,
    /// Dollars of which order prices are multiples.
    pub tick: Text,
}

/// Options of one expiry: a call and a put at each strike.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionsFile {
    /// The number of the first; call, put, call, put, strike by strike.
    pub first_id: Spanned<u32>,
    /// The name of their underlying.
    pub underlying: Text,
    /// When they are exercised or lapse.
    pub expires: Text,
    /// Strikes in dollars, as they are to be numbered.
    pub strikes: Vec<Text>,
    /// Units of the underlying in one lot.
    pub lot: Text,
    /// Dollars of which order prices are multiples.
    pub tick: Text,
}

impl File {
    /// Returns what a text says, its values unread.
    ///
    /// # Errors
    ///
    /// [`FoundingError::TooLong`], or [`FoundingError::Form`] with the line.
    pub fn parse(text: &str) -> Result<Self, FoundingError> {
        if text.len() > BYTES_MAX {
            return Err(FoundingError::TooLong { bytes: text.len(), most: BYTES_MAX });
        }
        toml::from_str(text).map_err(|error| FoundingError::Form {
            place: Lines(text).of(error.span().map_or(usize::MAX, |span| span.start)),
            message: told(error.message()),
        })
    }

    /// Returns the text of which [`Self::parse`] makes the same again; comments are gone.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = Writer(String::new());
        out.text("chain", &self.chain);
        out.optional("time", self.time.as_ref());
        out.line("epoch_blocks", self.epoch_blocks.get_ref());
        if let Some(council) = &self.council {
            out.table("\n[council]");
            out.list("signers", &council.signers);
            out.line("threshold", council.threshold.get_ref());
        }
        if let Some(custody) = &self.custody {
            out.table("\n[custody]");
            out.list("custodians", &custody.custodians);
            out.line("threshold", custody.threshold.get_ref());
        }
        for held in &self.validators {
            out.table("\n[[validators]]");
            out.text("listen", &held.listen);
            out.line("stake", held.stake.get_ref());
            out.optional("key", held.key.as_ref());
        }
        out.values("\n[parameters]", &self.parameters);
        for held in &self.underlyings {
            out.underlying(held);
        }
        for held in &self.perpetuals {
            out.table("\n[[perpetuals]]");
            out.line("id", held.id.get_ref());
            out.text("underlying", &held.underlying);
            out.sizes(&held.lot, &held.tick);
        }
        for held in &self.futures {
            out.table("\n[[futures]]");
            out.line("id", held.id.get_ref());
            out.text("underlying", &held.underlying);
            out.text("expires", &held.expires);
            out.sizes(&held.lot, &held.tick);
        }
        for held in &self.options {
            out.table("\n[[options]]");
            out.line("first_id", held.first_id.get_ref());
            out.text("underlying", &held.underlying);
            out.text("expires", &held.expires);
            out.list("strikes", &held.strikes);
            out.sizes(&held.lot, &held.tick);
        }
        out.0
    }
}

/// The lines of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl Lines<'_> {
    /// Returns the line in which a byte stands.
    pub(crate) fn of(self, byte: usize) -> Place {
        let before = self.0.get(..byte);
        let count = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
        Place(before.map(|before| count(before).saturating_add(1)))
    }

    /// Returns the line of a value.
    pub(crate) fn at<T>(self, value: &Spanned<T>) -> Place {
        self.of(value.span().start)
    }
}

/// Returns a message of the parser in one line and in words of no programming language.
fn told(message: &str) -> String {
    let mut told = message.replace('\n', " ");
    for (word, meant) in [
        ("u64", "a whole number"),
        ("u32", "a whole number up to 4294967295"),
        ("u16", "a whole number up to 65535"),
        ("u8", "a whole number up to 255"),
        ("a string", "text in quotes, as amounts are"),
    ] {
        let expected = format!("expected {word}");
        if let Some(before) = told.strip_suffix(&expected) {
            told = format!("{before}expected {meant}");
        }
    }
    told
}

/// A text that grows by lines.
struct Writer(String);

impl Writer {
    fn table(&mut self, head: &str) {
        self.0.push_str(head);
        self.0.push('\n');
    }

    fn line(&mut self, name: &str, value: &impl std::fmt::Display) {
        self.0.push_str(&format!("{name} = {value}\n"));
    }

    fn text(&mut self, name: &str, value: &Text) {
        self.line(name, &quoted(value.get_ref()));
    }

    fn optional(&mut self, name: &str, value: Option<&Text>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn list(&mut self, name: &str, values: &[Text]) {
        let values: Vec<String> = values.iter().map(|value| quoted(value.get_ref())).collect();
        self.line(name, &format!("[{}]", values.join(", ")));
    }

    fn sizes(&mut self, lot: &Text, tick: &Text) {
        self.text("lot", lot);
        self.text("tick", tick);
    }

    fn values(&mut self, head: &str, values: &Values) {
        if !values.is_empty() {
            self.table(head);
        }
        for (name, value) in values {
            let name = name.get_ref();
            let bare =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            let is_bare = !name.is_empty() && name.bytes().all(bare);
            self.text(&if is_bare { name.clone() } else { quoted(name) }, value);
        }
    }

    fn underlying(&mut self, held: &UnderlyingFile) {
        self.table("\n[[underlyings]]");
        self.line("id", held.id.get_ref());
        self.text("name", &held.name);
        if let Some(asset) = &held.asset {
            self.line("asset", asset.get_ref());
        }
        self.line("class", &held.class);
        self.text("reference_price", &held.reference_price);
        self.line("first_blocks", held.first_blocks.get_ref());
        self.line("sources_min", held.sources_min.get_ref());
        self.table("sources = [");
        for source in &held.sources {
            let (id, weight) = (source.id.get_ref(), source.weight.get_ref());
            let name = quoted(source.name.get_ref());
            self.table(&format!("    {{ id = {id}, name = {name}, weight = {weight} }},"));
        }
        self.table("]");
        self.values("[underlyings.parameters]", &held.parameters);
    }
}

/// Returns text as TOML quotes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(character)));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
