//! Records in words, line by line, and what stands in them.

use governance::{Council, Definition};
use machine::{
    AccountRecord, BlockRecord, CommitteeRecord, CustodyRecord, LiquidityRecord, MarketRecord,
    OwnerRecord, StateKey, Status, ThresholdsRecord, UnderlyingRecord, ValidatorRecord, Withdrawal,
};
use margin::{Bucket, Greeks, UnitGreeks};
use protocol::codec::{self, DecodeError};
use protocol::{
    AccountId, Address, AssetId, Change, Contract, Hash, ParameterId, Right, Seat, UnderlyingId,
};
use sessions::Session;
use state_proof::RECORD_BYTES_MAX;
use units::{Amount, Lots, Notional, Ppb, Ppm, utc_text};

/// A name and a value, as one line of a record.
pub type Line = (String, String);

/// Returns a record in words, line by line.
///
/// # Errors
///
/// [`DecodeError`] if the bytes are not a record of the kind that the key names.
pub fn lines(key: &StateKey, record: &[u8]) -> Result<Vec<Line>, DecodeError> {
    let limit = RECORD_BYTES_MAX;
    Ok(match key {
        StateKey::Block => block_lines(&codec::decode(record, limit)?),
        StateKey::Account(_) => account_lines(&codec::decode(record, limit)?),
        StateKey::Market(_) => market_lines(&codec::decode(record, limit)?),
        StateKey::Underlying(_) => underlying_lines(&codec::decode(record, limit)?),
        StateKey::Thresholds(_) => thresholds_lines(&codec::decode(record, limit)?),
        StateKey::House(_, asset) => {
            let amount: Amount = codec::decode(record, limit)?;
            vec![line("balance", amount_text(*asset, amount))]
        }
        StateKey::Parameter(_, id) => parameter_lines(*id, codec::decode(record, limit)?),
        StateKey::Owner(_) => owner_lines(&codec::decode(record, limit)?),
        StateKey::Session(..) => session_lines(&codec::decode(record, limit)?),
        StateKey::Validator(_) => validator_lines(&codec::decode(record, limit)?),
        StateKey::Committee => committee_lines(&codec::decode(record, limit)?),
        StateKey::Council => council_lines(&codec::decode(record, limit)?),
        StateKey::Custody => custody_lines(&codec::decode(record, limit)?),
        StateKey::Withdrawal(_) => withdrawal_lines(&codec::decode(record, limit)?),
        StateKey::Liquidity(_) => liquidity_lines(&codec::decode(record, limit)?),
    })
}

fn line(name: impl Into<String>, value: impl Into<String>) -> Line {
    (name.into(), value.into())
}

fn validator_lines(record: &ValidatorRecord) -> Vec<Line> {
    let held = &record.offender;
    let jailed = match held.jailed_until {
        Some(until) => format!("yes, at least until {until} ms"),
        None => "no".into(),
    };
    vec![
        line("stake", record.stake.to_string()),
        line(
            "punished",
            format!("{} times, {} of stake (weight of reports) lost", held.punished, held.slashed),
        ),
        line("last offence", format!("{:?} in round {}", held.last.kind, held.last.round)),
        line("jailed", jailed),
    ]
}

fn committee_lines(record: &CommitteeRecord) -> Vec<Line> {
    let seats = |held: &[Seat]| {
        let numbers: Vec<_> = held.iter().map(|seat| seat.validator.to_string()).collect();
        numbers.join(" ")
    };
    let mut lines = vec![
        line("epoch", format!("{}, of {} blocks each", record.epoch, record.epoch_blocks)),
        line("had a seat", seats(&record.last)),
        line("has a seat", seats(&record.present)),
        line("has one next", seats(&record.next)),
        line("is to have one", seats(&record.wanted)),
    ];
    for seat in &record.wanted {
        let reached = seat.endpoint.map_or(String::new(), |endpoint| format!(" at {endpoint}"));
        lines.push(line(
            format!("validator {}", seat.validator),
            format!("{}{reached}", Hash::new(seat.key)),
        ));
    }
    lines
}

fn council_lines(council: &Council) -> Vec<Line> {
    let (signers, threshold) = council.signers();
    let mut lines = vec![line("signers", format!("{threshold} of {}", signers.len()))];
    lines.extend(signers.iter().map(|signer| line("", signer.to_string())));
    for (id, held) in council.open() {
        let approvals = format!("{} of {threshold} approvals", held.approvals.len());
        let text = format!("{}; {approvals}", change(&held.change));
        lines.push(line(format!("proposal {id}"), text));
    }
    lines
}

/// Returns a change of governance in words.
#[must_use]
pub fn change(change: &Change) -> String {
    match change {
        Change::SetParameter { parameter, underlying, value } => {
            let place = underlying.map_or(String::new(), |id| format!(" of underlying {id}"));
            let value = value_text(*parameter, *value);
            format!("set {}{place} to {value}", parameter_name(*parameter))
        }
        Change::ListInstrument(listed) => {
            let terms = contract_text(listed.underlying, &listed.contract);
            let (lot, tick) = (listed.contract_size, listed.tick);
            format!("list market {}: {terms}, lot {lot}, tick {tick} $", listed.id)
        }
        Change::ResumeInstrument(id) => format!("resume market {id}"),
        Change::ResumeHouse => "resume the house".into(),
        Change::ReleaseValidator(id) => format!("release validator {id}"),
        Change::SeatValidator { seat, stake } => {
            let reached = seat.endpoint.map_or(String::new(), |place| format!(" at {place}"));
            let key = Hash::new(seat.key);
            format!("seat validator {}{reached}, key {key}, stake {stake}", seat.validator)
        }
        Change::UnseatValidator(id) => format!("unseat validator {id}"),
        Change::SetCustodians { remove, add, threshold } => {
            let named = |verb: &str, who: &Option<Address>| {
                who.map_or(String::new(), |who| format!(" {verb} {who},"))
            };
            let (remove, add) = (named("without", remove), named("with", add));
            format!("custodians{remove}{add} threshold {threshold}")
        }
        Change::SettleAt { underlying, expires_at, price } => {
            format!("settle what expired at {expires_at} on underlying {underlying} at {price}")
        }
        Change::PauseInstrument(id) => format!("pause market {id} until it is ended"),
        Change::EndPause(id) => format!("end the pause of market {id}"),
        Change::DrillInstrument(id) => format!("drill: break the books of market {id}"),
        Change::ChangeSigners { leaves, joins, threshold } => {
            let leaves = leaves.map(|signer| format!(" without {signer}")).unwrap_or_default();
            let joins = joins.map(|signer| format!(" with {signer}")).unwrap_or_default();
            format!("signers{leaves}{joins}, {threshold} approvals")
        }
    }
}

fn custody_lines(record: &CustodyRecord) -> Vec<Line> {
    let CustodyRecord { custodians, threshold, floor, credited, last_withdrawal, .. } = record;
    let mut lines = vec![line("custodians", format!("{threshold} of {}", custodians.len()))];
    lines.extend(custodians.iter().map(|custodian| line("", custodian.to_string())));
    let apart = credited.len();
    lines.push(line("deposits credited", format!("all to {floor}, and {apart} above")));
    lines.push(line("last withdrawal", last_withdrawal.to_string()));
    lines
}

fn withdrawal_lines(record: &Withdrawal) -> Vec<Line> {
    vec![
        line("of account", record.account.to_string()),
        line("amount", amount_text(record.asset, record.amount)),
        line("to be paid to", record.destination.to_string()),
        line("since block", record.height.to_string()),
        line("attested", format!("by {} custodians", record.paid.len())),
    ]
}

fn block_lines(record: &BlockRecord) -> Vec<Line> {
    vec![
        line("height", record.height.to_string()),
        line("time", utc_text(record.time)),
        line("signers and proposals", record.council.to_string()),
        line(
            "house",
            record
                .house_fault
                .as_ref()
                .map_or("takes orders".into(), |fault| format!("halted: {fault}")),
        ),
    ]
}

fn owner_lines(record: &OwnerRecord) -> Vec<Line> {
    let nonces = format!("all to {}, {} above", record.nonces.floor(), record.nonces.used());
    let mut lines = vec![line("nonces used", nonces)];
    lines.extend(record.sessions.iter().map(|key| line("session key", key.to_string())));
    lines
}

fn session_lines(record: &Session) -> Vec<Line> {
    let terms = &record.terms;
    let all = || "all".to_owned();
    let cap = terms.notional_per_day.map(|cap| format!("{cap} $, {} $ counted", record.spent));
    vec![
        line("may", terms.scopes.names()),
        line("sub-accounts", terms.sub.map_or_else(all, |sub| sub.to_string())),
        line("markets", terms.instrument.map_or_else(all, |id| id.to_string())),
        line("a day", cap.unwrap_or_else(|| "unlimited".into())),
        line("expires", utc_text(terms.expires_at)),
        line("revoked", record.revoked_at.map_or("no".into(), utc_text)),
    ]
}

fn account_lines(record: &AccountRecord) -> Vec<Line> {
    let mut lines = vec![line("number", format!("#{}", record.index))];
    for (asset, amount) in &record.balances {
        lines
            .push(line(format!("balance in {}", asset_name(*asset)), amount_text(*asset, *amount)));
    }
    for (asset, amount) in &record.brought {
        let text = amount_text(*asset, *amount);
        lines.push(line(format!("brought in {}", asset_name(*asset)), text));
    }
    for (instrument, position) in &record.positions {
        let side = if position.lots < Lots::ZERO { "short" } else { "long" };
        let lots = position.lots.magnitude().unwrap_or(position.lots);
        let text = format!("{side} {lots} lots, last settled at a value of {} $", position.cost);
        lines.push(line(format!("position in market {instrument}"), text));
    }
    lines.push(line("margin call", if record.called { "yes: may only reduce" } else { "no" }));
    lines
}

fn market_lines(record: &MarketRecord) -> Vec<Line> {
    let instrument = &record.instrument;
    let status = match &record.status {
        Status::Trading => "trading".into(),
        Status::Paused => match record.pause.until {
            Some(until) => format!("paused until {}", utc_text(until)),
            None => "paused until governance ends it".into(),
        },
        Status::Halted { fault } => format!("halted: {fault}"),
    };
    let mut lines = vec![
        line("contract", contract_text(instrument.underlying, &instrument.contract)),
        line("lot", format!("{} units, tick {} $", instrument.contract_size, instrument.tick)),
        line("status", status),
        line("mark", record.mark.map_or("none yet".into(), |mark| format!("{mark} $"))),
    ];
    lines.extend(record.vol.map(|vol| line("implied volatility", vol.to_string())));
    if let Some(unit) = &record.greeks {
        let UnitGreeks { delta, gamma, vega, theta } = unit;
        lines.push(line("delta of a unit", delta.to_string()));
        if record.vol.is_some() {
            lines.push(line("gamma of a unit, 1 %", format!("{gamma} $")));
            lines.push(line("vega of a unit, one point", format!("{vega} $")));
            lines.push(line("theta of a unit, one day", format!("{theta} $")));
        }
    }
    lines.push(line("open interest", format!("{} lots", record.aggregate.open_interest)));
    lines.push(line("digest of the book", record.book.to_string()));
    lines
}

/// Returns the Greeks of an account in words.
#[must_use]
pub fn greeks_text(account: AccountId, greeks: &Greeks) -> String {
    let bucket = |held: &Bucket| {
        let until = held.expires_at.map_or("perpetual".into(), utc_text);
        format!(
            "underlying {}, {until}: delta {}, gamma {} $ for 1 %, vega {} $ a point, theta {} $ a day",
            held.underlying, held.delta, held.gamma, held.vega, held.theta
        )
    };
    match greeks.buckets.as_slice() {
        [] => format!("account {account} has no positions"),
        held => {
            let parts: Vec<_> = held.iter().map(bucket).collect();
            format!("Greeks of account {account}: {}", parts.join("; "))
        }
    }
}

fn underlying_lines(record: &UnderlyingRecord) -> Vec<Line> {
    let price =
        |price: Option<units::Price>| price.map_or("none yet".into(), |price| format!("{price} $"));
    vec![
        line("name", record.name.clone()),
        line("index", price(record.index)),
        line("index uncertainty", price(record.confidence)),
        line("index formed", record.updated_at.map_or("never".into(), utc_text)),
        line("mode", format!("{:?}", record.mode).to_lowercase()),
    ]
}

fn thresholds_lines(record: &ThresholdsRecord) -> Vec<Line> {
    let percent = |range: Ppm| format!("{} %", Ppm::from_parts(range.parts().saturating_mul(100)));
    let behind = &record.behind;
    let deviation = Ppb::from_parts(behind.deviation.parts().saturating_mul(100));
    let announced =
        format!("{} from {}", percent(record.announced), utc_text(record.announced_for));
    vec![
        line("range for new risk", percent(record.new_risk)),
        line("range for risk held", percent(record.hold)),
        line("announced for risk held", announced),
        line("target", percent(record.target)),
        line("target with the hour under way", percent(record.running)),
        line("range of history", percent(behind.history)),
        line("quantile of returns", format!("{} deviations", behind.quantile)),
        line("deviation of a return", format!("{deviation} %")),
        line("returns kept", behind.returns.to_string()),
        line("range of the stress set", percent(behind.stress)),
        line("hash of the returns", record.history.to_string()),
        line("hash of the depths", record.depths.to_string()),
    ]
}

fn liquidity_lines(record: &LiquidityRecord) -> Vec<Line> {
    let dollars = |held: Option<Notional>| held.map_or("none".into(), |held| format!("{held} $"));
    let traded = |amount: Notional, at| format!("{amount} $ at {}", utc_text(at));
    let (volume, vega) = (record.volume, record.vega);
    let percent = |share: Ppm| format!("{} %", Ppm::from_parts(share.parts().saturating_mul(100)));
    let mut lines = vec![
        line("depth of the books", dollars(record.depth)),
        line("usual depth", dollars(record.usual)),
        line("depth factor for risk held", percent(record.hold)),
        line("announced for the next step", percent(record.announced)),
        line("traded, fading by the day", traded(volume.amount, volume.at)),
        line("vega traded, for 100 points", traded(vega.amount, vega.at)),
    ];
    for (id, shown) in &record.markets {
        let (depth, share) = (dollars(shown.depth), shown.traded);
        lines.push(line(format!("depth of market {id}"), format!("{depth}, traded {share} $")));
    }
    lines
}

fn parameter_lines(id: ParameterId, value: i64) -> Vec<Line> {
    let mut lines = vec![line("value", value_text(id, value))];
    if let Some(definition) = Definition::of(id) {
        let bounds = [definition.lowest, definition.highest].map(|bound| value_text(id, bound));
        lines.push(line("bounds compiled in", bounds.join(" to ")));
    }
    lines
}

/// Returns what a contract is, in words.
#[must_use]
pub fn contract_text(underlying: UnderlyingId, contract: &Contract) -> String {
    match contract {
        Contract::Perpetual => format!("perpetual on underlying {underlying}"),
        Contract::Future { expires_at } => {
            format!("future on underlying {underlying}, expires {}", utc_text(*expires_at))
        }
        Contract::Option { expires_at, strike, right } => {
            let right = match right {
                Right::Call => "call",
                Right::Put => "put",
            };
            let expires = utc_text(*expires_at);
            format!("{right} on underlying {underlying}, strike {strike} $, expires {expires}")
        }
    }
}

pub(crate) fn parameter_name(id: ParameterId) -> &'static str {
    Definition::of(id).map_or("unknown", |definition| definition.name)
}

/// Returns the value of a parameter with its unit.
fn value_text(id: ParameterId, value: i64) -> String {
    Definition::of(id).map_or_else(|| value.to_string(), |definition| definition.text(value))
}

pub(crate) fn asset_name(asset: AssetId) -> String {
    if asset == AssetId::DOLLAR { "dollars".into() } else { format!("asset {asset}") }
}

fn amount_text(asset: AssetId, amount: Amount) -> String {
    if asset == AssetId::DOLLAR {
        format!("{} $", amount.notional())
    } else {
        format!("{} units", amount.quantity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Holder;

    #[test]
    fn parameters_are_printed_in_their_own_unit() {
        for (id, value, text) in [
            (ParameterId::ScanRange, 160_000, "16 %"),
            (ParameterId::FundingInterest, 12_500, "0.00125 % an hour"),
            (ParameterId::IndexVelocity, 10_000, "1 % a second"),
            (ParameterId::WithdrawalLimit, 25_000_000, "25 $"),
            (ParameterId::PositionLimit, 7, "7 lots"),
        ] {
            assert_eq!(value_text(id, value), text);
        }
    }

    #[test]
    fn bytes_of_another_kind_are_no_record() {
        let amount = codec::encode(&Amount::from_minor(5_000_000)).unwrap();
        let fees = StateKey::House(Holder::Fees, AssetId::DOLLAR);
        assert_eq!(lines(&fees, &amount).unwrap(), [line("balance", "5 $")]);
        assert!(lines(&StateKey::Block, &amount).is_err());
        assert!(lines(&fees, &[]).is_err());
    }
}
