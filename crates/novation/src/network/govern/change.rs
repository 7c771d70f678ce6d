//! The change that a signer's words name, and what is wrong with it before anybody signs.
//!
//! The house checks again, and its word counts: what is found here only saves a signature.

use crate::cli::{OptionRight, Proposing};
use anyhow::{Context, Result, bail};
use governance::{Council, Definition, Scope, Unit};
use machine::{BlockRecord, CustodyRecord, MarketRecord, StateKey, Status, ValidatorRecord};
use protocol::{
    Address, Change, Contract, Endpoint, Instrument, InstrumentId, ParameterId, Refusal, Right,
    Seat, UnderlyingId, codec,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use store::PROOF_BYTES_MAX;
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

/// Returns the record that tells whether a change would change something; none where another check does, or the house.
pub(super) fn stands_in(change: &Change) -> Option<StateKey> {
    match *change {
        Change::SetParameter { parameter, underlying, .. } => {
            Some(StateKey::Parameter(underlying, parameter))
        }
        Change::SettleAt { underlying, .. }
        | Change::ListInstrument(Instrument { underlying, .. }) => {
            Some(StateKey::Underlying(underlying))
        }
        Change::ResumeHouse => Some(StateKey::Block),
        Change::ResumeInstrument(id)
        | Change::EndPause(id)
        | Change::PauseInstrument(id)
        | Change::DrillInstrument(id) => Some(StateKey::Market(id)),
        Change::ReleaseValidator(id) => Some(StateKey::Validator(id)),
        _ => None,
    }
}

/// Checks by the record of [`stands_in`] that a change would change something: a proposal that would not costs approvals, and
/// the room that its proposer has, for nothing.
pub(super) fn changes_something(
    change: &Change,
    record: Option<&[u8]>,
    council: &Council,
) -> Result<()> {
    match *change {
        Change::SetParameter { parameter, underlying, value } => {
            let place = underlying.map_or(String::new(), |place| format!(" of underlying {place}"));
            let Some(record) = record else {
                bail!("there is no{}", place.strip_prefix(" of").unwrap_or(" such value"))
            };
            let now: i64 = codec::decode(record, PROOF_BYTES_MAX)?;
            // Another proposal may change it before this one is enacted.
            let is_open = council.open().any(|(_, held)| match held.change {
                Change::SetParameter { parameter: other, underlying: there, .. } => {
                    (other, there) == (parameter, underlying)
                }
                _ => false,
            });
            if now == value && !is_open {
                bail!(
                    "{}{place} is {now} already, and no open proposal changes it",
                    name_of(parameter)
                );
            }
        }
        Change::SettleAt { underlying, .. }
        | Change::ListInstrument(Instrument { underlying, .. })
            if record.is_none() =>
        {
            bail!("there is no underlying {underlying}");
        }
        Change::ResumeHouse => {
            let record = record.context("it proves that there is no block")?;
            let held: BlockRecord = codec::decode(record, PROOF_BYTES_MAX)?;
            if held.house_fault.is_none() {
                bail!("the house is not halted: there is nothing to resume");
            }
        }
        Change::ResumeInstrument(id)
        | Change::EndPause(id)
        | Change::PauseInstrument(id)
        | Change::DrillInstrument(id) => {
            let Some(record) = record else {
                bail!("there is no market {id}: name one by the number that it is listed under");
            };
            let held: MarketRecord = codec::decode(record, PROOF_BYTES_MAX)?;
            market_changes(change, id, &held)?;
        }
        Change::ReleaseValidator(id) => {
            let held = record.map(|record| codec::decode(record, PROOF_BYTES_MAX)).transpose()?;
            let jailed = held.and_then(|held: ValidatorRecord| held.offender.jailed_until);
            if jailed.is_none() {
                bail!("validator {id} is not jailed: there is nothing to release");
            }
        }
        _ => {}
    }
    Ok(())
}

/// Checks that a change of whether a market trades would change that.
fn market_changes(change: &Change, id: InstrumentId, held: &MarketRecord) -> Result<()> {
    match (change, &held.status) {
        (Change::ResumeInstrument(_), Status::Trading) => {
            bail!("market {id} trades: there is nothing to resume")
        }
        (Change::EndPause(_), Status::Trading | Status::Halted { .. }) => {
            bail!("market {id} is not paused: there is no pause to end")
        }
        (Change::PauseInstrument(_), Status::Paused) if held.pause.until.is_none() => {
            bail!("market {id} is paused already, until a change ends it")
        }
        (Change::PauseInstrument(_), Status::Halted { fault }) => {
            bail!("market {id} is halted ({fault}): there is nothing to pause")
        }
        (Change::DrillInstrument(_), Status::Paused | Status::Halted { .. }) => {
            bail!("market {id} does not trade: a drill breaks the books of one that does")
        }
        _ => Ok(()),
    }
}

fn name_of(parameter: ParameterId) -> &'static str {
    Definition::of(parameter).map_or("a parameter", |found| found.name)
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
    use machine::{Genesis, Machine, Pause, SourceWeight, UnderlyingGenesis, ValidatorGenesis};
    use protocol::{SourceId, ValidatorId};
    use units::{Notional, Quantity};

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
        let shown = |change: Result<Change>| records::change(&change.expect("it is one"));
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

    /// A house with one perpetual, whose signers nobody is.
    fn house() -> Machine {
        let underlying = UnderlyingId::new(1);
        let instrument = Instrument {
            id: InstrumentId::new(7),
            underlying,
            contract: Contract::Perpetual,
            contract_size: Quantity::from_nanos(10_000_000),
            tick: Price::from_micros(500_000),
        };
        let source = |number| SourceWeight { source: SourceId::new(number), weight: 1 };
        let listed = UnderlyingGenesis {
            id: underlying,
            name: "BTC".into(),
            asset: None,
            class: 1,
            sources: [1, 2, 3, 4].map(source).to_vec(),
            sources_min: 3,
            reference_price: Price::from_micros(8_000_000_000),
            first_blocks: 1,
            insurance_fund: Notional::ZERO,
        };
        let key = *protocol::Hash::of("test validator", &[1]).bytes();
        let seat = Seat { validator: ValidatorId::new(1), key, endpoint: None };
        let genesis = Genesis {
            chain: "test".into(),
            time: BlockTime::from_millis(1_584_000_000_000),
            custodians: vec![Address::new([0xC0; 20])],
            custodian_threshold: 1,
            signers: vec![Address::new([0x51; 20])],
            threshold: 1,
            validators: vec![ValidatorGenesis { seat, stake: 1 }],
            epoch_blocks: protocol::limits::EPOCH_BLOCKS_MIN,
            underlyings: vec![listed],
            instruments: vec![instrument],
            parameters: Vec::new(),
            signed: true,
        };
        Machine::found(&genesis).expect("sound").0
    }

    #[test]
    fn what_would_change_nothing_is_said_before_it_costs_a_proposal() {
        let mut house = house();
        let council: Council = {
            let record = house.record(&StateKey::Council).expect("encodable").expect("there");
            codec::decode(&record, PROOF_BYTES_MAX).expect("a council")
        };
        let id = InstrumentId::new(7);
        let mut check = |change: &Change, status: Option<(Status, Pause)>| {
            let key = stands_in(change).expect("it stands in a record");
            let mut record = house.record(&key).expect("encodable");
            if let (Some((status, pause)), Some(bytes)) = (status, &record) {
                let held: MarketRecord = codec::decode(bytes, PROOF_BYTES_MAX).expect("a market");
                let held = MarketRecord { status, pause, ..held };
                record = Some(codec::encode(&held).expect("encodable"));
            }
            changes_something(change, record.as_deref(), &council)
        };
        let value = |value, of| Change::SetParameter {
            parameter: ParameterId::ScanRange,
            underlying: Some(UnderlyingId::new(of)),
            value,
        };
        let default = Definition::of(ParameterId::ScanRange).expect("defined").default;
        assert!(
            said(check(&value(default, 1), None)).contains("of underlying 1 is 160000 already")
        );
        assert!(check(&value(default + 1, 1), None).is_ok());
        assert!(said(check(&value(default, 9), None)).contains("no underlying 9"));
        assert!(said(check(&Change::ResumeHouse, None)).contains("the house is not halted"));
        let release = Change::ReleaseValidator(ValidatorId::new(1));
        assert!(said(check(&release, None)).contains("validator 1 is not jailed"));
        let unknown = Change::ResumeInstrument(InstrumentId::new(8));
        assert!(said(check(&unknown, None)).contains("no market 8"));
        let until = |until| Pause { until, ..Pause::default() };
        let at = Some(BlockTime::from_millis(1_584_000_000_001));
        let halted = || Status::Halted { fault: "a drill".into() };
        let (resume, end) = (Change::ResumeInstrument(id), Change::EndPause(id));
        let (pause, drill) = (Change::PauseInstrument(id), Change::DrillInstrument(id));
        for (change, status, until, says) in [
            (resume, Status::Trading, until(None), Some("market 7 trades")),
            (resume, Status::Paused, until(at), None),
            (resume, halted(), until(None), None),
            (end, Status::Trading, until(None), Some("is not paused")),
            (end, halted(), until(None), Some("is not paused")),
            (end, Status::Paused, until(None), None),
            (pause, Status::Trading, until(None), None),
            (pause, Status::Paused, until(at), None),
            (pause, Status::Paused, until(None), Some("paused already")),
            (pause, halted(), until(None), Some("halted (a drill)")),
            (drill, Status::Trading, until(None), None),
            (drill, Status::Paused, until(None), Some("does not trade")),
        ] {
            let told = check(&change, Some((status.clone(), until)));
            match says {
                Some(says) => assert!(said(told).contains(says), "{change:?} {status:?}"),
                None => assert!(told.is_ok(), "{change:?} {status:?}"),
            }
        }
    }
}
