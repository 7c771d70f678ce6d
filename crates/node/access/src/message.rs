//! What a wallet shows: the typed struct of a command.
//!
//! A command that names an instrument or an asset is shown by name. The name comes as a [`Shown`] beside the signature,
//! and the machine compares it with its listing.
//!
//! **Invariant:** the last field, `content`, is the hash of all that is sent beside the signature and the chain: bodies
//! and claims of other bytes have other digests, whatever the words say.

use crate::names::{contract_name, decimal};
use crate::submission::{Body, Invalid};
use crate::typed::{Field, Typed, keccak};
use governance::Definition;
use protocol::{
    AssetId, Change, Command, Hash, InstrumentId, NewOrder, SelfTrade, SessionTerms, Shown, Side,
    TimeInForce, codec,
};
use units::{Amount, Lots};

/// Returns the claim that a wallet's text for a command makes about a listing; nothing if it makes none, or the listing
/// does not have the instrument or asset.
///
/// The functions say what the listing knows: the name of the underlying, and the instrument, of a number; and the name
/// of an asset other than the dollar.
pub fn shown_for(
    command: &Command,
    instrument: impl Fn(InstrumentId) -> Option<(String, protocol::Instrument)>,
    asset: impl Fn(AssetId) -> Option<String>,
) -> Option<Shown> {
    let need = need_of(command);
    match need {
        Need::Nothing => None,
        Need::Contract { id, amount } => {
            let (underlying, found) = instrument(id)?;
            let size = amount.is_some().then_some(found.contract_size);
            Some(Shown::Contract { underlying, contract: found.contract, size })
        }
        Need::Asset(AssetId::DOLLAR) => Some(Shown::Asset("USDC".into())),
        Need::Asset(id) => asset(id).map(Shown::Asset),
    }
}

/// What must be known of the listing to put a command into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    Contract { id: InstrumentId, amount: Option<Lots> },
    Asset(AssetId),
}

/// Whether an order has a struct of its own: one that says how its own orders are met goes as it is encoded.
fn is_plain(order: &NewOrder) -> bool {
    order.self_trade == SelfTrade::CancelResting
}

fn need_of(command: &Command) -> Need {
    match command {
        Command::PlaceOrder { order, .. } if is_plain(order) => {
            Need::Contract { id: order.instrument, amount: Some(order.lots) }
        }
        Command::MassCancel { instrument: Some(id), .. } => {
            Need::Contract { id: *id, amount: None }
        }
        Command::RegisterSession { terms } => match terms.instrument {
            Some(id) => Need::Contract { id, amount: None },
            None => Need::Nothing,
        },
        Command::Withdraw { asset, .. } | Command::Transfer { asset, .. } => Need::Asset(*asset),
        _ => Need::Nothing,
    }
}

/// What the text says of the listing, in words.
#[derive(Debug, Default)]
struct Words {
    name: Option<String>,
    amount: Option<String>,
}

/// Checks that a claim is the one that the command needs, no more and no less, and puts it into words.
fn words(command: &Command, shown: Option<&Shown>) -> Result<Words, Invalid> {
    let sound = |name: &str| {
        let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (letters && (1..=16).contains(&name.len())).then_some(()).ok_or(Invalid::Shown)
    };
    match (need_of(command), shown) {
        (Need::Nothing, None) => Ok(Words::default()),
        (Need::Contract { amount, .. }, Some(Shown::Contract { underlying, contract, size })) => {
            sound(underlying)?;
            let amount = match (amount, size) {
                // Of no lots, every size gives the same amount.
                (Some(lots), Some(size)) if lots > Lots::ZERO => {
                    let nanos = lots.count().checked_mul(size.nanos()).ok_or(Invalid::Shown)?;
                    Some(decimal(nanos, 9))
                }
                (None, None) => None,
                _ => return Err(Invalid::Shown),
            };
            Ok(Words { name: Some(contract_name(underlying, contract)), amount })
        }
        (Need::Asset(id), Some(Shown::Asset(name))) => {
            sound(name)?;
            if (id == AssetId::DOLLAR) != (name == "USDC") {
                return Err(Invalid::Shown);
            }
            Ok(Words { name: Some(name.clone()), amount: None })
        }
        _ => Err(Invalid::Shown),
    }
}

fn text(text: impl Into<String>) -> Field {
    Field::Text(text.into())
}

/// Returns the typed struct of a body with one command, for its owner to sign.
pub(crate) fn typed(network: &str, body: &Body, shown: Option<&Shown>) -> Result<Typed, Invalid> {
    let [command] = body.commands.as_slice() else { return Err(Invalid::OwnerCommands) };
    let words = words(command, shown)?;
    let name = words.name.unwrap_or_default();
    let (kind, own) = match command {
        Command::PlaceOrder { sub, order } if is_plain(order) => {
            ("PlaceOrder", order_fields(*sub, order, name, words.amount.unwrap_or_default()))
        }
        Command::CancelOrder { sub, order } => {
            ("CancelOrder", vec![subaccount(*sub), ("orderId", text(order.to_string()))])
        }
        Command::MassCancel { sub, instrument } => {
            let id = *instrument;
            let instrument = if id.is_some() { name } else { "all".into() };
            ("CancelAll", vec![subaccount(*sub), ("instrument", text(instrument)), number(id)])
        }
        Command::Withdraw { sub, asset, amount, destination } => {
            let amount = text(amount_text(*asset, *amount));
            (
                "Withdraw",
                vec![
                    subaccount(*sub),
                    ("asset", text(name)),
                    ("assetId", asset_number(*asset)),
                    ("amount", amount),
                    ("destination", Field::Address(*destination)),
                ],
            )
        }
        Command::Transfer { sub, to, asset, amount } => (
            "Transfer",
            vec![
                subaccount(*sub),
                ("toAccount", Field::Address(to.owner)),
                ("toSubaccount", Field::Number(to.sub.into())),
                ("asset", text(name)),
                ("assetId", asset_number(*asset)),
                ("amount", text(amount_text(*asset, *amount))),
            ],
        ),
        Command::RegisterSession { terms } => ("RegisterSessionKey", terms_fields(terms, name)?),
        Command::RevokeSession { key } => {
            ("RevokeSessionKey", vec![("sessionKey", Field::Word(*key.bytes()))])
        }
        other => {
            let bytes = codec::encode(other)?;
            ("Command", vec![("summary", text(summary(other))), ("command", Field::Bytes(bytes))])
        }
    };
    let mut fields = vec![("network", text(network)), ("account", Field::Address(body.owner))];
    fields.extend(own);
    fields.push(("nonce", Field::Number(body.nonce)));
    let expires_at = u64::try_from(body.expires_at.millis()).map_err(|_| Invalid::Expiry)?;
    fields.push(("expiresAt", Field::Number(expires_at)));
    fields.push(("content", Field::Word(content(body, shown)?)));
    Ok(Typed { name: kind, fields })
}

/// Returns the hash of what is sent: of the version byte, the body and the claim as they are encoded.
///
/// spec 0027-ACC-013.
fn content(body: &Body, shown: Option<&Shown>) -> Result<[u8; 32], Invalid> {
    Ok(keccak(&codec::encode(&(body, shown))?))
}

fn subaccount(sub: u16) -> (&'static str, Field) {
    ("subaccount", Field::Number(sub.into()))
}

/// The listing's number of an instrument; the largest number if it is all of them.
fn number(instrument: Option<InstrumentId>) -> (&'static str, Field) {
    let id = instrument.map_or(u64::MAX, |id| id.get().into());
    ("instrumentId", Field::Number(id))
}

fn asset_number(asset: AssetId) -> Field {
    Field::Number(asset.get().into())
}

fn order_fields(
    sub: u16,
    order: &NewOrder,
    instrument: String,
    amount: String,
) -> Vec<(&'static str, Field)> {
    let (lives, post_only) = match order.time_in_force {
        TimeInForce::GoodTillCancelled => ("good_til_cancelled", false),
        TimeInForce::ImmediateOrCancel => ("immediate_or_cancel", false),
        TimeInForce::PostOnly => ("good_til_cancelled", true),
    };
    vec![
        subaccount(sub),
        ("instrument", text(instrument)),
        ("side", text(side(order.side))),
        ("orderType", text("limit")),
        ("price", text(decimal(order.price.micros(), 6))),
        ("amount", text(amount)),
        ("timeInForce", text(lives)),
        ("postOnly", Field::Bool(post_only)),
        ("reduceOnly", Field::Bool(order.reduce_only)),
        // The listing's number is signed, too: a name alone could be claimed of another number.
        ("label", text(format!("{}@{}", order.client, order.instrument))),
    ]
}

fn terms_fields(
    terms: &SessionTerms,
    instrument: String,
) -> Result<Vec<(&'static str, Field)>, Invalid> {
    let all = || "all".to_owned();
    let ends = u64::try_from(terms.expires_at.millis()).map_err(|_| Invalid::Expiry)?;
    let instrument = if terms.instrument.is_some() { instrument } else { all() };
    let cap = terms.notional_per_day.map(|cap| decimal(cap.micros(), 6));
    Ok(vec![
        ("sessionKey", Field::Word(*terms.key.bytes())),
        ("scopes", text(terms.scopes.names())),
        ("subaccounts", text(terms.sub.map_or_else(all, |sub| sub.to_string()))),
        ("instruments", text(instrument)),
        number(terms.instrument),
        ("maxNotionalPerDay", text(cap.unwrap_or_else(|| "unlimited".into()))),
        ("sessionExpiresAt", Field::Number(ends)),
    ])
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn amount_text(asset: AssetId, amount: Amount) -> String {
    if asset == AssetId::DOLLAR {
        decimal(amount.notional().micros(), 6)
    } else {
        decimal(amount.quantity().nanos(), 9)
    }
}

/// Returns a command in words. The encoded command stands beside it, so the words need not say everything.
fn summary(command: &Command) -> String {
    match command {
        Command::Deposit { id, account, asset, amount } => {
            let amount = amount_text(*asset, *amount);
            format!("attest deposit {id}: {amount} of asset {asset} for {account}")
        }
        Command::PlaceOrder { sub, order } => format!(
            "order from sub-account {sub}: {} {} lots of instrument {} at {}",
            side(order.side),
            order.lots.count(),
            order.instrument,
            decimal(order.price.micros(), 6)
        ),
        Command::MassQuote { sub, quotes } => {
            format!("{} quotes from sub-account {sub}", quotes.len())
        }
        Command::BuyCollateral { sub, seller, asset, amount, limit } => {
            let amount = amount_text(*asset, *amount);
            let seller = seller.map_or("the fund".into(), |seller| seller.to_string());
            let limit = decimal(limit.micros(), 6);
            format!("buy {amount} of asset {asset} of {seller} for sub-account {sub} at {limit}")
        }
        Command::Propose { change } => format!("propose: {}", change_words(change)),
        Command::AttestPayment { id } => format!("attest that withdrawal {id} was paid"),
        Command::Revoke { proposal } => format!("take back the approval of proposal {proposal}"),
        Command::Approve { proposal, change } => {
            format!("approve proposal {proposal}: {}", change_words(change))
        }
        Command::Pause { instrument } => format!("pause instrument {instrument}"),
        _ => "as encoded".into(),
    }
}

/// Returns a change of governance in words: all that it says, but the terms of a listing, which are as encoded.
fn change_words(change: &Change) -> String {
    match change {
        Change::SetParameter { parameter, underlying, value } => {
            let place = underlying.map(|id| format!(" of underlying {id}")).unwrap_or_default();
            match Definition::of(*parameter) {
                Some(held) => format!("set {}{place} to {}", held.name, held.text(*value)),
                None => format!("set parameter {}{place} to {value}", *parameter as u8),
            }
        }
        Change::ListInstrument(listed) => {
            let underlying = format!("underlying {}", listed.underlying);
            let name = contract_name(&underlying, &listed.contract);
            format!("list {name} as instrument {}", listed.id)
        }
        Change::ResumeHouse => "resume the house".into(),
        Change::ResumeInstrument(id) => format!("resume instrument {id}"),
        Change::ReleaseValidator(id) => format!("release validator {id}"),
        Change::SeatValidator { seat, stake } => {
            let (id, key) = (seat.validator, Hash::new(seat.key));
            let reached = seat.endpoint.map_or(String::new(), |place| format!(", at {place}"));
            format!("seat validator {id}, key {key}, stake {stake}{reached}")
        }
        Change::UnseatValidator(id) => format!("unseat validator {id}"),
        Change::SetCustodians { remove, add, threshold } => {
            let named = |verb: &str, who: Option<protocol::Address>| {
                who.map_or(String::new(), |who| format!(" {verb} {who},"))
            };
            let (remove, add) = (named("without", *remove), named("with", *add));
            format!("custodians{remove}{add} threshold {threshold}")
        }
        Change::SettleAt { underlying, expires_at, price } => format!(
            "settle what expired at {} ms on underlying {underlying} at {}",
            expires_at.millis(),
            decimal(price.micros(), 6)
        ),
        Change::PauseInstrument(id) => {
            format!("pause instrument {id} until it is ended")
        }
        Change::EndPause(id) => format!("end the pause of instrument {id}"),
        Change::DrillInstrument(id) => format!("drill, break instrument {id}"),
        Change::ChangeSigners { leaves, joins, threshold } => {
            let leaves = leaves.map(|signer| format!(" without {signer}")).unwrap_or_default();
            let joins = joins.map(|signer| format!(" with {signer}")).unwrap_or_default();
            format!("signers{leaves}{joins}, {threshold} approvals")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Endpoint, ParameterId, ProposalId, Seat, UnderlyingId, ValidatorId};
    use std::net::Ipv6Addr;

    /// A list that calls proposal 7 something else is found out in the wallet.
    ///
    /// spec 0023-GOV-017, 0027-ACC-016.
    #[test]
    fn an_approval_is_shown_with_the_change_that_it_is_for() {
        let change = Change::SetParameter {
            parameter: ParameterId::ScanRange,
            underlying: Some(UnderlyingId::new(1)),
            value: 130_000,
        };
        let told = "set scan_range of underlying 1 to 13 %";
        let approve = Command::Approve { proposal: ProposalId::new(7), change };
        assert_eq!(summary(&approve), format!("approve proposal 7: {told}"));
        assert_eq!(summary(&Command::Propose { change }), format!("propose: {told}"));
    }

    /// spec 0027-ACC-003.
    #[test]
    fn a_change_of_seats_is_shown_with_all_that_it_says() {
        let at = |ip: &str| {
            let ip: Ipv6Addr = ip.parse().expect("an address");
            Some(Endpoint { ip: ip.octets(), port: 26_600 })
        };
        let seated = |endpoint| {
            let seat = Seat { validator: ValidatorId::new(5), key: [0xa1; 32], endpoint };
            Change::SeatValidator { seat, stake: 1_000_000 }
        };
        let key = "a1".repeat(32);
        let told = format!("propose: seat validator 5, key 0x{key}, stake 1000000");
        for (change, words) in [
            (seated(None), told.clone()),
            (seated(at("::ffff:10.0.0.5")), format!("{told}, at 10.0.0.5:26600")),
            (seated(at("2001:db8::5")), format!("{told}, at [2001:db8::5]:26600")),
            (Change::UnseatValidator(ValidatorId::new(5)), "propose: unseat validator 5".into()),
        ] {
            assert_eq!(summary(&Command::Propose { change }), words);
        }
    }
}
