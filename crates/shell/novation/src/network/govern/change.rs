//! The change that a signer's words name, and what is wrong with it before anybody signs.
//!
//! The house checks again, and its word counts: what is found here only saves a signature.

use crate::cli::{OptionRight, Proposing};
use anyhow::{Result, bail};
use governance::{Definition, Scope, Unit};
use machine::CustodyRecord;
use protocol::{
    Address, Change, Contract, Endpoint, Instrument, InstrumentId, Refusal, Right, Seat,
    UnderlyingId,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use units::{BlockTime, Price};

/// Returns the change that the words of a command line name; which underlying has a name, a function says.
pub(super) fn of(
    words: &Proposing,
    mut named: impl FnMut(&str) -> Result<UnderlyingId>,
) -> Result<Change> {
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
        Proposing::Settle { underlying, expires_at, price } => {
            if *price <= Price::ZERO {
                bail!("nothing settles at {price} $: a price is above zero");
            }
            Change::SettleAt {
                underlying: UnderlyingId::new(*underlying),
                expires_at: BlockTime::from_millis(i128::from(*expires_at)),
                price: *price,
            }
        }
        Proposing::Release { number } => {
            Change::ReleaseValidator(protocol::ValidatorId::new(*number))
        }
        Proposing::Parameter { name, value, of } => {
            let Some(found) = Definition::all().iter().find(|held| held.name == name) else {
                let names: Vec<_> = Definition::all().iter().map(|held| held.name).collect();
                bail!("'{name}' is not a parameter: there are {}", names.join(", "));
            };
            fits(found, of.is_some(), *value)?;
            let underlying =
                of.as_deref().map(|place| underlying(place, &mut named)).transpose()?;
            Change::SetParameter { parameter: found.parameter, underlying, value: *value }
        }
        Proposing::List { market, of, lot, tick, expires, strike, right } => {
            let contract = match (*expires, *strike, *right) {
                (None, _, _) => Contract::Perpetual,
                (Some(expires_at), Some(strike), Some(right)) => {
                    let right = match right {
                        OptionRight::Call => Right::Call,
                        OptionRight::Put => Right::Put,
                    };
                    Contract::Option { expires_at, strike, right }
                }
                (Some(expires_at), _, _) => Contract::Future { expires_at },
            };
            let (id, contract_size, tick) = (InstrumentId::new(*market), *lot, *tick);
            let underlying = underlying(of, &mut named)?;
            let listed = Instrument { id, underlying, contract, contract_size, tick };
            match listed.check() {
                Ok(()) => Change::ListInstrument(listed),
                Err(Refusal::ContractInvalid { rule }) => {
                    bail!("market {id} cannot be listed: {rule}")
                }
                Err(refusal) => bail!("market {id} cannot be listed: {refusal}"),
            }
        }
        Proposing::Resume { market: Some(market) } => {
            Change::ResumeInstrument(InstrumentId::new(*market))
        }
        Proposing::Resume { market: None } => Change::ResumeHouse,
        Proposing::Pause { market } => Change::PauseInstrument(InstrumentId::new(*market)),
        Proposing::EndPause { market } => Change::EndPause(InstrumentId::new(*market)),
        Proposing::Drill { market } => Change::DrillInstrument(InstrumentId::new(*market)),
        Proposing::Signers { remove, add, threshold } => {
            Change::ChangeSigners { leaves: *remove, joins: *add, threshold: *threshold }
        }
        Proposing::Custodians { remove, add, threshold } => {
            Change::SetCustodians { remove: *remove, add: *add, threshold: *threshold }
        }
    })
}

/// Returns the underlying of a number, or of a name that a function knows.
fn underlying(
    place: &str,
    named: &mut impl FnMut(&str) -> Result<UnderlyingId>,
) -> Result<UnderlyingId> {
    place.parse().map_or_else(|_| named(place), |number| Ok(UnderlyingId::new(number)))
}

/// Checks that a parameter can have a value in a place.
fn fits(found: &Definition, placed: bool, value: i64) -> Result<()> {
    let Definition { name, lowest, highest, .. } = found;
    match (found.scope, placed) {
        (Scope::Underlying, false) => {
            bail!("{name} has a value for each underlying: say which, as --of BTC")
        }
        (Scope::House, true) => bail!("{name} has one value for the house: leave out --of"),
        (Scope::Underlying, true) | (Scope::House, false) => {}
    }
    if value < *lowest || value > *highest {
        bail!(
            "{value} is outside the bounds of {name}: {lowest} to {highest}, {}",
            unit(found.unit)
        );
    }
    Ok(())
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Ppm => "in millionths",
        Unit::PpmPerSecond => "in millionths a second",
        Unit::PpbPerHour => "in billionths an hour",
        Unit::Millis => "in milliseconds",
        Unit::Lots => "in lots",
        Unit::Micros => "in millionths of a dollar",
    }
}

/// Checks that custodians can be exchanged as a change says.
pub(super) fn custodians_fit(
    held: &CustodyRecord,
    remove: Option<Address>,
    add: Option<Address>,
    threshold: u16,
) -> Result<()> {
    let mut after: BTreeSet<Address> = held.custodians.iter().copied().collect();
    if let Some(gone) = remove.filter(|gone| !after.remove(gone)) {
        bail!("{gone} is no custodian: see `novation ask custody`");
    }
    if let Some(new) = add.filter(|new| !after.insert(*new)) {
        bail!("{new} is a custodian already");
    }
    let (count, needed) = (after.len(), usize::from(threshold));
    if needed > count || needed.saturating_mul(2) <= count {
        let least = count / 2 + 1;
        bail!(
            "{threshold} of {count} custodians cannot attest: a threshold is {least} to {count} then"
        );
    }
    Ok(())
}

fn endpoint(address: SocketAddr) -> Endpoint {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    Endpoint { ip, port: address.port() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, value: i64, of: Option<u16>) -> Result<Change> {
        let of = of.map(|number| number.to_string());
        super::of(&Proposing::Parameter { name: name.into(), value, of }, |name| bail!("no {name}"))
    }

    fn said<T>(result: Result<T>) -> String {
        result.map(drop).map_err(|error| error.to_string()).expect_err("it is refused")
    }

    #[test]
    fn a_value_outside_its_bounds_or_in_no_place_is_refused_before_it_is_signed() {
        for definition in Definition::all() {
            let Definition { name, lowest, highest, .. } = definition;
            let (place, wrong) = match definition.scope {
                Scope::House => (None, Some(1)),
                Scope::Underlying => (Some(1), None),
            };
            assert!(parameter(name, *lowest, place).is_ok(), "{name}");
            assert!(parameter(name, *highest, place).is_ok(), "{name}");
            for outside in [lowest.checked_sub(1), highest.checked_add(1)].into_iter().flatten() {
                let told = said(parameter(name, outside, place));
                assert!(told.contains(&format!("{lowest} to {highest}")), "{told}");
            }
            let told = said(parameter(name, definition.default, wrong));
            assert!(told.contains("--of"), "{told}");
        }
        assert!(said(parameter("scan_rage", 1, None)).contains("scan_range"));
        let by_name = Proposing::Parameter {
            name: "scan_range".into(),
            value: 200_000,
            of: Some("ETH".into()),
        };
        let change = super::of(&by_name, |name| {
            assert_eq!(name, "ETH");
            Ok(UnderlyingId::new(2))
        });
        let Change::SetParameter { underlying, .. } = change.expect("it is found") else {
            panic!("a value")
        };
        assert_eq!(underlying, Some(UnderlyingId::new(2)));
    }

    #[test]
    fn a_contract_is_listed_as_its_words_say_and_none_that_breaks_a_rule() {
        let expires = Some(BlockTime::from_millis(1_900_000_000_000));
        let list = |lot: &str, tick: &str, expires, strike: Option<&str>, right| {
            let words = Proposing::List {
                market: 7,
                of: "ETH".into(),
                lot: lot.parse().unwrap(),
                tick: tick.parse().unwrap(),
                expires,
                strike: strike.map(|strike| strike.parse().unwrap()),
                right,
            };
            super::of(&words, |_| Ok(UnderlyingId::new(2)))
        };
        let shown = |change: Result<Change>| crate::records::change(&change.expect("it is one"));
        let perpetual = shown(list("0.01", "0.05", None, None, None));
        assert_eq!(perpetual, "list market 7: perpetual on underlying 2, lot 0.01, tick 0.05 $");
        let future = shown(list("0.01", "0.05", expires, None, None));
        assert!(future.contains("future on underlying 2, expires 2030-03-17"), "{future}");
        let put = shown(list("0.01", "0.05", expires, Some("2000"), Some(OptionRight::Put)));
        assert!(put.contains("put on underlying 2, strike 2000 $, expires 2030"), "{put}");
        assert!(said(list("0", "0.05", None, None, None)).contains("size is outside its limits"));
        assert!(said(list("0.0000003", "0.5", None, None, None)).contains("whole number"));
        let worthless = list("0.01", "0.05", expires, Some("0"), Some(OptionRight::Call));
        assert!(said(worthless).contains("the strike is not positive"));
    }

    #[test]
    fn custodians_that_could_attest_nothing_are_refused_before_it_is_signed() {
        let [first, second, other] = [1, 2, 3].map(|byte| Address::new([byte; 20]));
        let held = CustodyRecord {
            custodians: vec![first, second],
            threshold: 2,
            floor: 0,
            credited: Vec::new(),
            last_withdrawal: 0,
            memory: protocol::Hash::default(),
        };
        let check = |remove, add, threshold| custodians_fit(&held, remove, add, threshold);
        assert!(check(Some(first), Some(other), 2).is_ok());
        assert!(check(None, Some(other), 2).is_ok());
        assert!(said(check(Some(other), None, 1)).contains("is no custodian"));
        assert!(said(check(None, Some(first), 2)).contains("already"));
        assert!(said(check(None, Some(other), 1)).contains("2 to 3"));
        assert!(said(check(None, None, 3)).contains("2 to 2"));
        assert!(said(check(None, None, 0)).contains("2 to 2"));
    }
}
