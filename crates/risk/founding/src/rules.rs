//! From a file to the machine's genesis: every value read, every rule held.
//!
//! **Invariant:** what no rule here refuses, the machine founds; the machine is asked nevertheless.

use crate::contracts::Contracts;
use crate::error::{FoundingError, Place, Rule};
use crate::file::{File, Lines, SourceFile, Text, UnderlyingFile, ValidatorFile};
use crate::parameters;
use core::net::{IpAddr, SocketAddr};
use machine::{
    Genesis, Machine, ParameterGenesis, SourceWeight, UnderlyingGenesis, ValidatorGenesis,
};
use protocol::{
    AccountId, Address, AssetId, Endpoint, Hash, Seat, SourceId, UnderlyingId, ValidatorId, codec,
    limits,
};
use std::collections::BTreeMap;
use std::str::FromStr;
use toml::Spanned;
use units::{BlockTime, Notional, ParseError, Price, Quantity};

/// Longest name of a chain.
const CHAIN_MAX: usize = 32;
/// Longest name of an underlying.
const UNDERLYING_MAX: usize = 16;
/// Longest name of a source.
const SOURCE_MAX: usize = 64;
/// Most blocks of an epoch.
const EPOCH_BLOCKS_MAX: u64 = 1_000_000;

/// What a file leaves to whoever founds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lacks {
    /// The time of block zero.
    pub time: bool,
    /// Who governs.
    pub council: bool,
    /// Who holds custody.
    pub custody: bool,
    /// Who validates, and where.
    pub validators: bool,
    /// The keys of those who do.
    pub keys: bool,
}

impl Lacks {
    /// Whether a file leaves nothing out: then it is one genesis.
    #[must_use]
    pub const fn nothing(&self) -> bool {
        !(self.time || self.council || self.custody || self.validators || self.keys)
    }
}

/// A file that founds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    file: File,
    genesis: Genesis,
    lacks: Lacks,
}

impl Description {
    /// Reads a file. What it leaves out is stood in for, so that all the rest is checked; without a time it is founded now.
    ///
    /// # Errors
    ///
    /// [`FoundingError`] with the first rule that it breaks.
    pub fn read(text: &str, now: BlockTime) -> Result<Self, FoundingError> {
        Self::of(File::parse(text)?, text, now)
    }

    /// Checks a file of a text, which says in which line something is; it is empty if the file was put together otherwise.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn of(file: File, text: &str, now: BlockTime) -> Result<Self, FoundingError> {
        let (genesis, lacks) = genesis(&file, Lines(text), now)?;
        Machine::found(&genesis)?;
        Ok(Self { file, genesis, lacks })
    }

    /// Returns what it leaves out.
    #[must_use]
    pub const fn lacks(&self) -> Lacks {
        self.lacks
    }

    /// Returns what it says.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Returns the genesis, if nothing is left out.
    #[must_use]
    pub fn genesis(&self) -> Option<&Genesis> {
        self.lacks.nothing().then_some(&self.genesis)
    }

    /// Returns the genesis, with stand-ins for what is left out.
    pub(crate) const fn stand_in(&self) -> &Genesis {
        &self.genesis
    }

    /// Returns the hash of the genesis, by which a network's list names it; none if something is left out.
    ///
    /// # Errors
    ///
    /// [`FoundingError::Encode`] if the genesis has no encoding.
    pub fn hash(&self) -> Result<Option<Hash>, FoundingError> {
        let encoded = self.genesis().map(codec::encode).transpose()?;
        Ok(encoded.map(|bytes| Hash::of("genesis", &bytes)))
    }
}

fn genesis(
    file: &File,
    lines: Lines<'_>,
    now: BlockTime,
) -> Result<(Genesis, Lacks), FoundingError> {
    name(lines, "chain", &file.chain, CHAIN_MAX)?;
    let founded_at = file.time.as_ref().map(|text| time(lines, "time", text)).transpose()?;
    let epoch_blocks = within(
        lines,
        "epoch_blocks",
        &file.epoch_blocks,
        limits::EPOCH_BLOCKS_MIN,
        EPOCH_BLOCKS_MAX,
    )?;
    let stand_ins = |tag: u8| {
        (1..=3)
            .map(|number| Address::new([tag, number].repeat(10).try_into().unwrap_or_default()))
            .collect()
    };
    let (signers, threshold) = match &file.council {
        Some(council) => {
            let most = limits::SIGNERS_MAX;
            let signers = addresses(lines, ("signers", "signer"), &council.signers, most)?;
            holds_threshold(lines, "threshold of [council]", &council.threshold, 1, signers.len())?;
            (signers, *council.threshold.get_ref())
        }
        None => (stand_ins(0x51), 2),
    };
    let (custodians, custodian_threshold) = match &file.custody {
        Some(custody) => {
            let most = limits::CUSTODIANS_MAX;
            let list = addresses(lines, ("custodians", "custodian"), &custody.custodians, most)?;
            let least = list.len().div_euclid(2).saturating_add(1);
            holds_threshold(
                lines,
                "threshold of [custody]",
                &custody.threshold,
                least,
                list.len(),
            )?;
            (list, *custody.threshold.get_ref())
        }
        None => (stand_ins(0xC0), 2),
    };
    let validators = validators(lines, &file.validators)?;
    let mut parameters = parameters::read(lines, &file.parameters, None)?;
    let underlyings = underlyings(lines, file, &mut parameters)?;
    let time = founded_at.unwrap_or(now);
    let instruments = Contracts::read(lines, file, &underlyings, time)?;
    let lacks = Lacks {
        time: file.time.is_none(),
        council: file.council.is_none(),
        custody: file.custody.is_none(),
        validators: file.validators.is_empty(),
        keys: file.validators.iter().any(|held| held.key.is_none()),
    };
    let genesis = Genesis {
        chain: file.chain.get_ref().clone(),
        time,
        custodians,
        custodian_threshold,
        signers,
        threshold,
        validators,
        epoch_blocks,
        underlyings,
        instruments,
        parameters,
        signed: true,
    };
    Ok((genesis, lacks))
}

fn underlyings(
    lines: Lines<'_>,
    file: &File,
    parameters: &mut Vec<ParameterGenesis>,
) -> Result<Vec<UnderlyingGenesis>, FoundingError> {
    if file.underlyings.is_empty() {
        let most = usize::from(u16::MAX);
        let rule = Rule::Count { least: 1, most, what: "underlyings" };
        return Err(FoundingError::value(Place(None), "underlyings", "[]", rule));
    }
    let (mut ids, mut names, mut assets) = (Once::new(lines), Once::new(lines), Once::new(lines));
    let mut read = BTreeMap::new();
    for held in &file.underlyings {
        let id = UnderlyingId::new(*held.id.get_ref());
        name(lines, "name of an underlying", &held.name, UNDERLYING_MAX)?;
        let of = held.name.get_ref();
        ids.take(&format!("id of underlying {of}"), &held.id)?;
        names.take("name of an underlying", &held.name)?;
        if let Some(asset) = &held.asset {
            let field = format!("asset of underlying {of}");
            let broken = match (id, AssetId::new(*asset.get_ref())) {
                (_, AssetId::DOLLAR) => Some("asset 0 is the dollar, in which all is counted"),
                (UnderlyingId::STABLE_COIN, _) => {
                    Some("the stable coin is what dollars are held in: it is pledged as dollars")
                }
                _ => None,
            };
            if let Some(broken) = broken {
                let (place, value) = (lines.at(asset), asset.get_ref().to_string());
                return Err(FoundingError::value(place, field, &value, Rule::Asset(broken)));
            }
            assets.take(&field, asset)?;
        }
        parameters.extend(parameters::read(lines, &held.parameters, Some((id, of)))?);
        read.insert(id, underlying(lines, id, held)?);
    }
    Ok(read.into_values().collect())
}

fn underlying(
    lines: Lines<'_>,
    id: UnderlyingId,
    held: &UnderlyingFile,
) -> Result<UnderlyingGenesis, FoundingError> {
    let of = held.name.get_ref();
    let field = |name: &str| format!("{name} of underlying {of}");
    let sources = sources(lines, &field("sources"), held)?;
    let most = sources.len().saturating_sub(1);
    if usize::from(*held.sources_min.get_ref()) > most {
        let value = held.sources_min.get_ref().to_string();
        let rule = Rule::SourcesMin { sources: sources.len(), most };
        let place = lines.at(&held.sources_min);
        return Err(FoundingError::value(place, field("sources_min"), &value, rule));
    }
    Ok(UnderlyingGenesis {
        id,
        name: of.clone(),
        asset: held.asset.as_ref().map(|asset| AssetId::new(*asset.get_ref())),
        class: held.class,
        sources,
        sources_min: *held.sources_min.get_ref(),
        reference_price: price(lines, &field("reference_price"), &held.reference_price)?,
        first_blocks: within(lines, &field("first_blocks"), &held.first_blocks, 1, u8::MAX)?,
        // Nobody has paid anything in yet.
        insurance_fund: Notional::ZERO,
    })
}

fn sources(
    lines: Lines<'_>,
    field: &str,
    held: &UnderlyingFile,
) -> Result<Vec<SourceWeight>, FoundingError> {
    let most = limits::SOURCES_MAX;
    if held.sources.is_empty() || held.sources.len() > most {
        let rule = Rule::Count { least: 1, most, what: "sources" };
        let count = held.sources.len().to_string();
        return Err(FoundingError::value(lines.at(&held.name), field, &count, rule));
    }
    let (mut ids, mut names) = (Once::new(lines), Once::new(lines));
    let mut read = BTreeMap::new();
    for SourceFile { id, name, weight } in &held.sources {
        ids.take(&format!("id in {field}"), id)?;
        let text = name.get_ref();
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        let is_name =
            !text.is_empty() && text.len() <= SOURCE_MAX && printable && text.trim() == text;
        if !is_name {
            let rule = Rule::SourceName { longest: SOURCE_MAX };
            return Err(FoundingError::value(
                lines.at(name),
                format!("name in {field}"),
                text,
                rule,
            ));
        }
        names.take(&format!("name in {field}"), name)?;
        let weight = within(lines, &format!("weight in {field}"), weight, 1, u32::MAX)?;
        let source = SourceId::new(*id.get_ref());
        read.insert(source, SourceWeight { source, weight });
    }
    Ok(read.into_values().collect())
}

fn validators(
    lines: Lines<'_>,
    given: &[ValidatorFile],
) -> Result<Vec<ValidatorGenesis>, FoundingError> {
    let stand_in =
        |number: u16| *Hash::of("stand-in of a validator", &number.to_be_bytes()).bytes();
    if given.is_empty() {
        let seat = |number| Seat {
            validator: ValidatorId::new(number),
            key: stand_in(number),
            endpoint: None,
        };
        return Ok((1..=4)
            .map(|number| ValidatorGenesis { seat: seat(number), stake: 1 })
            .collect());
    }
    let (mut keys, mut places) = (Once::new(lines), Once::new(lines));
    let any_keyed = given.iter().any(|held| held.key.is_some());
    let mut read = Vec::new();
    for (number, held) in (1..=u16::MAX).zip(given) {
        let field = |name: &str| format!("{name} of validator {number}");
        let at: SocketAddr = parsed(lines, &field("listen"), &held.listen, |text| {
            let at = text.parse().ok();
            at.filter(is_reachable).ok_or(Rule::Endpoint)
        })?;
        places.take_as(&field("listen"), &held.listen, at)?;
        let key = match &held.key {
            Some(text) => {
                let key = parsed(lines, &field("key"), text, key)?;
                keys.take_as(&field("key"), text, key)?;
                key
            }
            None if any_keyed => {
                let place = lines.at(&held.listen);
                return Err(FoundingError::value(place, field("key"), "", Rule::KeysOfSome));
            }
            None => stand_in(number),
        };
        let ip = match at.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        let endpoint = Some(Endpoint { ip, port: at.port() });
        let seat = Seat { validator: ValidatorId::new(number), key, endpoint };
        // The sum of 256 of these fits.
        let most = u64::MAX >> 9;
        let stake = within(lines, &field("stake"), &held.stake, 1, most)?;
        read.push(ValidatorGenesis { seat, stake });
    }
    if given.len() > limits::VALIDATORS_MAX {
        let most = limits::VALIDATORS_MAX;
        let rule = Rule::Count { least: 1, most, what: "validators" };
        let count = given.len().to_string();
        return Err(FoundingError::value(Place(None), "validators", &count, rule));
    }
    let total: u128 = read.iter().map(|held| u128::from(held.stake)).sum();
    for (held, genesis) in given.iter().zip(&read) {
        let is_too_large = u128::from(genesis.stake).saturating_mul(3) >= total;
        if read.len() >= limits::SEATS_MIN && is_too_large {
            let field = format!("stake of validator {}", genesis.seat.validator);
            let (place, value) = (lines.at(&held.stake), genesis.stake.to_string());
            return Err(FoundingError::value(place, field, &value, Rule::StakeTooLarge));
        }
    }
    Ok(read)
}

/// Whether others can connect to it.
fn is_reachable(at: &SocketAddr) -> bool {
    !at.ip().is_unspecified() && !at.ip().is_multicast() && at.port() != 0
}

fn key(text: &str) -> Result<[u8; 32], Rule> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64).ok_or(Rule::Key)?;
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let hex = pair.iter().all(u8::is_ascii_hexdigit);
        let pair = std::str::from_utf8(pair).ok().filter(|_| hex).ok_or(Rule::Key)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| Rule::Key)?;
    }
    Ok(key)
}

/// Reads a list of addresses, each once and none nobody's.
fn addresses(
    lines: Lines<'_>,
    (list, one): (&str, &'static str),
    texts: &[Text],
    most: usize,
) -> Result<Vec<Address>, FoundingError> {
    if texts.is_empty() || texts.len() > most {
        let place = texts.first().map_or(Place(None), |text| lines.at(text));
        let what = if one == "signer" { "signers" } else { "custodians" };
        let rule = Rule::Count { least: 1, most, what };
        return Err(FoundingError::value(place, list, &texts.len().to_string(), rule));
    }
    let mut once = Once::new(lines);
    let mut read = Vec::new();
    for text in texts {
        let address = parsed(lines, one, text, |text| {
            let account: Option<AccountId> = text.parse().ok();
            let owner = account.filter(|_| !text.contains('/')).map(|account| account.owner);
            owner.filter(|owner| *owner != Address::default()).ok_or(Rule::Address)
        })?;
        once.take_as(one, text, address)?;
        read.push(address);
    }
    Ok(read)
}

fn holds_threshold(
    lines: Lines<'_>,
    field: &str,
    threshold: &Spanned<u16>,
    least: usize,
    of: usize,
) -> Result<(), FoundingError> {
    let value = usize::from(*threshold.get_ref());
    if (least..=of).contains(&value) {
        return Ok(());
    }
    let rule = Rule::Threshold { least, of };
    Err(FoundingError::value(lines.at(threshold), field, &value.to_string(), rule))
}

fn name(lines: Lines<'_>, field: &str, text: &Text, longest: usize) -> Result<(), FoundingError> {
    let name = text.get_ref();
    let is_name = !name.is_empty()
        && name.len() <= longest
        && name.bytes().all(|byte| byte.is_ascii_graphic());
    let refuse = || FoundingError::value(lines.at(text), field, name, Rule::Name { longest });
    if is_name { Ok(()) } else { Err(refuse()) }
}

/// Reads a text by a rule.
fn parsed<T>(
    lines: Lines<'_>,
    field: &str,
    text: &Text,
    read: impl FnOnce(&str) -> Result<T, Rule>,
) -> Result<T, FoundingError> {
    read(text.get_ref())
        .map_err(|rule| FoundingError::value(lines.at(text), field, text.get_ref(), rule))
}

/// Reads a moment from 1970 on, to the second.
pub(crate) fn time(lines: Lines<'_>, field: &str, text: &Text) -> Result<BlockTime, FoundingError> {
    parsed(lines, field, text, |text| {
        let time = units::utc(text).filter(|time| *time >= BlockTime::ZERO);
        time.filter(|time| time.millis().rem_euclid(1_000) == 0).ok_or(Rule::Time)
    })
}

/// Reads a price: more than zero and within its limits.
pub(crate) fn price(lines: Lines<'_>, field: &str, text: &Text) -> Result<Price, FoundingError> {
    let bounds = (Price::from_micros(1), Price::from_micros(Price::LIMIT));
    bounded(lines, field, text, bounds, 6)
}

/// Reads the size of a contract: more than zero and within its limits.
pub(crate) fn size(lines: Lines<'_>, field: &str, text: &Text) -> Result<Quantity, FoundingError> {
    let most = units::limits::CONTRACT_SIZE_NANOS_MAX;
    bounded(lines, field, text, (Quantity::from_nanos(1), Quantity::from_nanos(most)), 9)
}

/// Reads an exact decimal number within bounds.
fn bounded<T: FromStr<Err = ParseError> + PartialOrd + ToString>(
    lines: Lines<'_>,
    field: &str,
    text: &Text,
    (lowest, highest): (T, T),
    decimals: usize,
) -> Result<T, FoundingError> {
    parsed(lines, field, text, |text| match text.parse::<T>() {
        Ok(value) if lowest <= value && value <= highest => Ok(value),
        Ok(_) | Err(ParseError::OutOfLimits(_)) => {
            Err(Rule::Outside { lowest: lowest.to_string(), highest: highest.to_string() })
        }
        Err(_) => Err(Rule::Decimal { decimals }),
    })
}

/// Returns a whole number that is within bounds.
fn within<T: Copy + PartialOrd + ToString>(
    lines: Lines<'_>,
    field: &str,
    value: &Spanned<T>,
    lowest: T,
    highest: T,
) -> Result<T, FoundingError> {
    let number = *value.get_ref();
    if lowest <= number && number <= highest {
        return Ok(number);
    }
    let rule = Rule::Outside { lowest: lowest.to_string(), highest: highest.to_string() };
    Err(FoundingError::value(lines.at(value), field, &number.to_string(), rule))
}

/// Values that may be there once, and where they are.
struct Once<'a, K> {
    lines: Lines<'a>,
    seen: BTreeMap<K, Place>,
}

impl<'a, K: Ord> Once<'a, K> {
    const fn new(lines: Lines<'a>) -> Self {
        Self { lines, seen: BTreeMap::new() }
    }

    /// Takes a value as it stands.
    fn take(&mut self, field: &str, value: &Spanned<K>) -> Result<(), FoundingError>
    where
        K: Clone + ToString,
    {
        self.take_as(field, value, value.get_ref().clone())
    }

    /// Takes a value by what it means.
    fn take_as<T: ToString>(
        &mut self,
        field: &str,
        value: &Spanned<T>,
        key: K,
    ) -> Result<(), FoundingError> {
        let place = self.lines.at(value);
        let Some(first) = self.seen.insert(key, place) else { return Ok(()) };
        let text = value.get_ref().to_string();
        Err(FoundingError::value(place, field, &text, Rule::Twice { first }))
    }
}
