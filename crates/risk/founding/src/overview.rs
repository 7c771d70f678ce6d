//! What will be founded, as a table to read before it is.

use crate::error::FoundingError;
use crate::file::File;
use crate::rules::Description;
use governance::Definition;
use machine::{Genesis, UnderlyingGenesis};
use protocol::{Contract, Instrument, UnderlyingId};
use units::{BlockTime, Price};

/// What is said of a thing that the file leaves out.
const MADE: &str = "made by `novation init`";

impl Description {
    /// Returns a table of all that will be founded, and the hash of it.
    ///
    /// # Errors
    ///
    /// [`FoundingError::Encode`] if the genesis has no encoding.
    pub fn overview(&self) -> Result<String, FoundingError> {
        let (file, genesis, lacks) = (self.file(), self.stand_in(), self.lacks());
        let mut out = Table(String::new());
        out.row("chain", &genesis.chain);
        let time = if lacks.time { "when it is founded".into() } else { utc(genesis.time) };
        out.row("block zero", &time);
        out.row("epoch", &format!("{} blocks", genesis.epoch_blocks));
        out.people("council", genesis.threshold, &genesis.signers, lacks.council);
        out.people("custody", genesis.custodian_threshold, &genesis.custodians, lacks.custody);
        out.validators(file, genesis, lacks.validators);
        for held in &genesis.underlyings {
            out.underlying(file, held);
        }
        out.contracts(genesis);
        out.parameters(genesis);
        out.row(
            "insurance",
            "empty: value enters by deposits that the custodians attest, and by nothing else",
        );
        match self.hash()? {
            Some(hash) => out.row("genesis", &hash.to_string()),
            None => out.row(
                "genesis",
                &format!("no hash yet: the file leaves out {}", left_out(self).join(", ")),
            ),
        }
        Ok(out.0)
    }
}

/// Returns what a description leaves out, in words.
fn left_out(description: &Description) -> Vec<&'static str> {
    let lacks = description.lacks();
    [
        (lacks.time, "time"),
        (lacks.council, "[council]"),
        (lacks.custody, "[custody]"),
        (lacks.validators, "[[validators]]"),
        (lacks.keys, "the validators' keys"),
    ]
    .into_iter()
    .filter_map(|(lacks, what)| lacks.then_some(what))
    .collect()
}

fn utc(time: BlockTime) -> String {
    units::utc_text(time)
}

/// Rows of a name and what is said of it.
struct Table(String);

impl Table {
    fn row(&mut self, name: &str, text: &str) {
        self.0.push_str(&format!("{name:<11} {text}\n"));
    }

    fn people(
        &mut self,
        name: &str,
        threshold: u16,
        addresses: &[protocol::Address],
        is_made: bool,
    ) {
        let made = if is_made { format!(", keys {MADE}") } else { String::new() };
        self.row(name, &format!("{threshold} of {}{made}", addresses.len()));
        if !is_made {
            addresses.iter().for_each(|address| self.row("", &format!("  {address}")));
        }
    }

    fn validators(&mut self, file: &File, genesis: &Genesis, is_made: bool) {
        if is_made {
            return self.row("validators", &format!("one on each of the --hosts, {MADE}"));
        }
        let total: u128 = genesis.validators.iter().map(|held| u128::from(held.stake)).sum();
        let count = genesis.validators.len();
        self.row("validators", &format!("{count} with a stake of {total}"));
        for (held, given) in genesis.validators.iter().zip(&file.validators) {
            let key = given.key.as_ref().map_or(MADE, |key| key.get_ref().as_str());
            let (number, at) = (held.seat.validator, given.listen.get_ref());
            self.row("", &format!("  {number:<4} {at}  stake {}  key {key}", held.stake));
        }
    }

    fn underlying(&mut self, file: &File, held: &UnderlyingGenesis) {
        let pledged = match (held.id, held.asset) {
            (UnderlyingId::STABLE_COIN, _) => {
                "the stable coin that dollars are held in".to_string()
            }
            (_, Some(asset)) => format!("pledged as asset {asset}"),
            (_, None) => "not pledged".to_string(),
        };
        self.row(
            "underlying",
            &format!(
                "{} {}, class {}, {pledged}; about {} $, first price of {} blocks",
                held.id, held.name, held.class, held.reference_price, held.first_blocks
            ),
        );
        let count = held.sources.len();
        self.row("", &format!("  {count} sources, in caution below {}", held.sources_min));
        let given = file.underlyings.iter().find(|given| *given.id.get_ref() == held.id.get());
        for source in &held.sources {
            let sources = given.iter().flat_map(|given| &given.sources);
            let mut named = sources.filter(|given| *given.id.get_ref() == source.source.get());
            let name = named.next().map_or("", |given| given.name.get_ref().as_str());
            self.row("", &format!("  {:<4} {name}, weight {}", source.source, source.weight));
        }
    }

    fn contracts(&mut self, genesis: &Genesis) {
        if genesis.instruments.is_empty() {
            return self.row("contracts", "none");
        }
        self.row("contracts", &genesis.instruments.len().to_string());
        let name = |id: UnderlyingId| {
            let held = genesis.underlyings.iter().find(|held| held.id == id);
            held.map_or("", |held| held.name.as_str())
        };
        for group in genesis.instruments.chunk_by(|a, b| group_of(a) == group_of(b)) {
            let Some(first) = group.first() else { continue };
            let last = group.last().unwrap_or(first);
            let numbers = if group.len() == 1 {
                first.id.to_string()
            } else {
                format!("{}-{}", first.id, last.id)
            };
            let (of, sizes) = (name(first.underlying), sizes(first));
            let terms = match first.contract {
                Contract::Perpetual => "perpetual".to_string(),
                Contract::Future { expires_at } => format!("future {}", utc(expires_at)),
                Contract::Option { expires_at, .. } => {
                    let strikes: Vec<Price> = group.iter().filter_map(strike).collect();
                    let low = strikes.iter().min().copied().unwrap_or_default();
                    let high = strikes.iter().max().copied().unwrap_or_default();
                    let count = group.len();
                    format!("{count} options {}, strikes {low} to {high} $", utc(expires_at))
                }
            };
            self.row("", &format!("  {numbers:<12} {of} {terms}, {sizes}"));
        }
    }

    fn parameters(&mut self, genesis: &Genesis) {
        if genesis.parameters.is_empty() {
            return self.row("parameters", "all at their defaults");
        }
        let count = genesis.parameters.len();
        self.row("parameters", &format!("{count} that differ from their defaults"));
        for held in &genesis.parameters {
            let Some(definition) = Definition::of(held.parameter) else { continue };
            let of = genesis.underlyings.iter().find(|given| Some(given.id) == held.underlying);
            let of = of.map_or_else(String::new, |given| format!(" of {}", given.name));
            let text = |value| definition.text(value);
            let (name, value, default) =
                (definition.name, text(held.value), text(definition.default));
            let (lowest, highest) = (text(definition.lowest), text(definition.highest));
            let row =
                format!("  {name}{of} {value}, not {default} ({lowest} to {highest} is allowed)");
            self.row("", &row);
        }
    }
}

/// Options of one expiry and one size are shown together.
fn group_of(held: &Instrument) -> (UnderlyingId, Option<BlockTime>, bool, u32) {
    let is_option = held.contract.pays_premium();
    let alone = if is_option { 0 } else { held.id.get() };
    (held.underlying, held.contract.expires_at(), is_option, alone)
}

fn strike(held: &Instrument) -> Option<Price> {
    match held.contract {
        Contract::Option { strike, .. } => Some(strike),
        Contract::Perpetual | Contract::Future { .. } => None,
    }
}

fn sizes(held: &Instrument) -> String {
    format!("lot {}, tick {} $", held.contract_size, held.tick)
}
