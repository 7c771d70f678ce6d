//! Contracts of a file: perpetuals, futures, and chains of options with a call and a put at each strike.

use crate::error::{FoundingError, Place, Rule};
use crate::file::{File, Lines, Text};
use crate::rules::{price, size, time};
use machine::UnderlyingGenesis;
use protocol::{Contract, Instrument, InstrumentId, Refusal, Right, UnderlyingId, limits};
use std::collections::BTreeMap;
use toml::Spanned;
use units::{BlockTime, Price, Quantity};

/// What the contracts of an entry have in common.
struct Terms<'a> {
    /// How the entry is called in errors.
    what: String,
    underlying: UnderlyingId,
    lot: &'a Text,
    tick: &'a Text,
    contract_size: Quantity,
    tick_price: Price,
}

/// Contracts so far, by number and by terms, with the lines where they are.
pub(crate) struct Contracts<'a> {
    lines: Lines<'a>,
    founded_at: BlockTime,
    known: BTreeMap<&'a str, UnderlyingId>,
    held: BTreeMap<InstrumentId, (Instrument, Place)>,
    terms: BTreeMap<(UnderlyingId, Contract), Place>,
}

impl<'a> Contracts<'a> {
    /// Reads the contracts of a file on underlyings that have been read.
    pub(crate) fn read(
        lines: Lines<'a>,
        file: &'a File,
        underlyings: &'a [UnderlyingGenesis],
        founded_at: BlockTime,
    ) -> Result<Vec<Instrument>, FoundingError> {
        let known = underlyings.iter().map(|held| (held.name.as_str(), held.id)).collect();
        let (held, terms) = (BTreeMap::new(), BTreeMap::new());
        let mut contracts = Self { lines, founded_at, known, held, terms };
        for entry in &file.perpetuals {
            let what = format!("perpetual {}", entry.id.get_ref());
            let terms = contracts.terms(what, &entry.underlying, &entry.lot, &entry.tick)?;
            contracts.add(&terms, &entry.id, *entry.id.get_ref(), Contract::Perpetual)?;
        }
        for entry in &file.futures {
            let what = format!("future {}", entry.id.get_ref());
            let terms = contracts.terms(what, &entry.underlying, &entry.lot, &entry.tick)?;
            let expires_at = contracts.expiry(&terms, &entry.expires)?;
            let contract = Contract::Future { expires_at };
            contracts.add(&terms, &entry.id, *entry.id.get_ref(), contract)?;
        }
        for entry in &file.options {
            let first = *entry.first_id.get_ref();
            let what = format!("options from {first}");
            let terms = contracts.terms(what, &entry.underlying, &entry.lot, &entry.tick)?;
            let expires_at = contracts.expiry(&terms, &entry.expires)?;
            let place = lines.at(&entry.first_id);
            if entry.strikes.is_empty() {
                let (field, most) = (format!("strikes of {}", terms.what), limits::INSTRUMENTS_MAX);
                let rule = Rule::Count { least: 1, most, what: "strikes" };
                return Err(FoundingError::value(place, field, "[]", rule));
            }
            let mut id = Some(first);
            for text in &entry.strikes {
                let field = format!("strike of {}", terms.what);
                let strike = price(lines, &field, text)?;
                for right in [Right::Call, Right::Put] {
                    let number = id.ok_or_else(|| {
                        let field = format!("first_id of {}", terms.what);
                        FoundingError::value(place, field, &first.to_string(), Rule::NumbersRunOver)
                    })?;
                    let contract = Contract::Option { expires_at, strike, right };
                    contracts.add(&terms, text, number, contract)?;
                    id = number.checked_add(1);
                }
            }
        }
        Ok(contracts.held.into_values().map(|(instrument, _)| instrument).collect())
    }

    fn terms(
        &self,
        what: String,
        underlying: &Text,
        lot: &'a Text,
        tick: &'a Text,
    ) -> Result<Terms<'a>, FoundingError> {
        let (name, place) = (underlying.get_ref(), self.lines.at(underlying));
        let underlying = self.known.get(name.as_str()).copied().ok_or_else(|| {
            let known: Vec<&str> = self.known.keys().copied().collect();
            let rule = Rule::NoUnderlying { known: known.join(", ") };
            FoundingError::value(place, format!("underlying of {what}"), name, rule)
        })?;
        let contract_size = size(self.lines, &format!("lot of {what}"), lot)?;
        let tick_price = price(self.lines, &format!("tick of {what}"), tick)?;
        Ok(Terms { what, underlying, lot, tick, contract_size, tick_price })
    }

    fn expiry(&self, terms: &Terms<'_>, text: &Text) -> Result<BlockTime, FoundingError> {
        let field = format!("expires of {}", terms.what);
        let expires_at = time(self.lines, &field, text)?;
        if expires_at <= self.founded_at {
            let rule = Rule::EndsEarly { founded_at: units::utc_text(self.founded_at) };
            return Err(FoundingError::value(self.lines.at(text), field, text.get_ref(), rule));
        }
        Ok(expires_at)
    }

    /// Adds a contract that obeys the rules of listing, under a number and with terms of its own.
    fn add<T: ToString>(
        &mut self,
        terms: &Terms<'_>,
        at: &Spanned<T>,
        number: u32,
        contract: Contract,
    ) -> Result<(), FoundingError> {
        let (id, underlying) = (InstrumentId::new(number), terms.underlying);
        let (contract_size, tick) = (terms.contract_size, terms.tick_price);
        let instrument = Instrument { id, underlying, contract, contract_size, tick };
        if let Err(refusal) = instrument.check() {
            return Err(self.unlisted(terms, at, id, refusal));
        }
        let place = self.lines.at(at);
        let twice = |field: String, value: &str, first: Place| {
            Err(FoundingError::value(place, field, value, Rule::Twice { first }))
        };
        if let Some((_, first)) = self.held.get(&id) {
            return twice(format!("number of {}", terms.what), &number.to_string(), *first);
        }
        if let Some(first) = self.terms.get(&(underlying, contract)) {
            return twice(format!("contract of {}", terms.what), &at.get_ref().to_string(), *first);
        }
        if self.held.len() >= limits::INSTRUMENTS_MAX {
            let most = limits::INSTRUMENTS_MAX;
            let rule = Rule::Count { least: 0, most, what: "contracts in all" };
            return Err(FoundingError::value(place, "number", &number.to_string(), rule));
        }
        self.held.insert(id, (instrument, place));
        self.terms.insert((underlying, contract), place);
        Ok(())
    }

    /// Returns what a contract breaks, at the field that breaks it.
    fn unlisted<T: ToString>(
        &self,
        terms: &Terms<'_>,
        at: &Spanned<T>,
        id: InstrumentId,
        refusal: Refusal,
    ) -> FoundingError {
        use protocol::ContractRule as Broken;
        let Refusal::ContractInvalid { rule } = refusal else {
            return machine::GenesisError::Instrument(id, refusal).into();
        };
        // Prices and sizes have been read within their limits.
        let (field, place, value) = match rule {
            Broken::TickValueInexact => {
                let both = format!("{} and {}", terms.lot, terms.tick);
                ("lot and tick", self.lines.at(terms.lot), both)
            }
            _ => ("contract", self.lines.at(at), at.get_ref().to_string()),
        };
        let field = format!("{field} of {}", terms.what);
        FoundingError::value(place, field, &value, Rule::Contract(rule))
    }
}
