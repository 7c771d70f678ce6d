//! Orders and what happens to them, in words.

use book::Open;
use protocol::{
    CancelReason, Command, Event, Grant, OrderId, Receipt, Refusal, Side, Signer, TimeInForce,
};

/// Returns an order that stands in a book in words.
#[must_use]
pub fn standing(open: &Open) -> String {
    let Open { order: _, account, side, price, lots, time_in_force, arrived } = open;
    let verb = match side {
        Side::Buy => "buys",
        Side::Sell => "sells",
    };
    let life = match time_in_force {
        TimeInForce::GoodTillCancelled => "",
        TimeInForce::ImmediateOrCancel => " or nothing",
        TimeInForce::PostOnly => ", post-only",
    };
    let (lots, since) = (lots.count(), arrived.blocks());
    format!("account #{account} {verb} {lots} lots at {price}{life}, since block {since}")
}

/// Returns what happened to an order in a block in words.
#[must_use]
pub fn happened(order: OrderId, events: &[Event]) -> String {
    if events.is_empty() {
        return format!("order {order} was neither filled nor cancelled");
    }
    let told: Vec<String> = events.iter().map(event).collect();
    format!("order {order}: {}", told.join("; "))
}

/// Returns what became of the commands of a submission in words.
#[must_use]
pub fn answered(grant: &Grant, answered: &[(Command, Receipt)]) -> String {
    let by = match grant.signer {
        Signer::Owner => "its own key".to_owned(),
        Signer::Session(key) => format!("session key {key}"),
    };
    let told: Vec<String> = answered
        .iter()
        .map(|(command, receipt)| format!("{}: {}", command_text(command), receipt_text(receipt)))
        .collect();
    format!("submission of {} by {by}, nonce {}: {}", grant.owner, grant.nonce, told.join("; "))
}

fn command_text(command: &Command) -> String {
    match command {
        Command::PlaceOrder { sub, order } => {
            let side = match order.side {
                Side::Buy => "buy",
                Side::Sell => "sell",
            };
            let (lots, market) = (order.lots.count(), order.instrument);
            format!(
                "{side} {lots} lots in market {market} at {} for sub-account {sub}, client number {}",
                order.price, order.client
            )
        }
        Command::CancelOrder { order, .. } => format!("cancel order {order}"),
        Command::MassCancel { .. } => "cancel all".into(),
        Command::MassQuote { quotes, .. } => format!("{} quotes", quotes.len()),
        Command::Deposit { account, .. } => format!("deposit for {account}"),
        Command::Withdraw { sub, .. } => format!("withdraw from sub-account {sub}"),
        Command::Transfer { to, .. } => format!("transfer to {to}"),
        Command::Propose { change } => format!("propose to {}", crate::lines::change(change)),
        Command::Approve { proposal, change } => {
            format!("approve proposal {proposal}, to {}", crate::lines::change(change))
        }
        Command::Revoke { proposal } => format!("take back approval of proposal {proposal}"),
        Command::Pause { instrument } => format!("pause market {instrument}"),
        Command::RegisterSession { terms } => format!("register session key {}", terms.key),
        Command::RevokeSession { key } => format!("revoke session key {key}"),
        Command::BuyCollateral { asset, .. } => format!("buy collateral in asset {asset}"),
        // What no person asks for every day, as the program calls it.
        other => format!("{other:?}"),
    }
}

fn receipt_text(receipt: &Receipt) -> String {
    match receipt {
        Receipt::Done => "done".into(),
        Receipt::Order(order) => format!("in the auction as order {order}"),
        Receipt::Proposal(proposal) => format!("open as proposal {proposal}"),
        Receipt::Refused(refusal) => refused(refusal),
        Receipt::Quotes(quotes) => {
            let each = quotes.iter().map(|quote| match quote {
                Ok(Some(order)) => format!("order {order}"),
                Ok(None) => "withdrawn".into(),
                Err(refusal) => refused(refusal),
            });
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

fn refused(refusal: &Refusal) -> String {
    format!("refused {}, {refusal}", refusal.code())
}

fn event(event: &Event) -> String {
    match event {
        Event::Filled { instrument, account, order: _, side, price, lots, fee, aggressor } => {
            let verb = match side {
                Side::Buy => "bought",
                Side::Sell => "sold",
            };
            let how = if *aggressor { "as aggressor" } else { "from the book" };
            let lots = lots.count();
            format!(
                "account #{account} {verb} {lots} lots in market {instrument} at {price} {how}, fee {fee}"
            )
        }
        Event::Cancelled { instrument, account, order: _, lots, reason } => {
            let (lots, why) = (lots.count(), reason_text(*reason));
            format!("{lots} lots of account #{account} in market {instrument} cancelled: {why}")
        }
        // An order is named by fills and cancellations alone.
        other => format!("{other:?}"),
    }
}

fn reason_text(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Requested => "the trader asked",
        CancelReason::Unfilled => "immediate-or-cancel, and the auction had no more",
        CancelReason::SelfTrade => "it met an order of its own account",
        CancelReason::PostOnly => "post-only, and it could have traded at once",
        CancelReason::ReduceOnly => "it would have enlarged the position it was to reduce",
        CancelReason::Liquidation => "its account was liquidated",
        CancelReason::Expiry => "its contract ended",
        CancelReason::Halt => "its market halted",
        CancelReason::Restricted => "its market or account may only reduce",
        CancelReason::Reopening => "the markets reopened and it no longer obeyed the rules",
        CancelReason::Evicted => "its side of the book was full, and a better order came",
        CancelReason::Uncovered => "margin no longer covered it beside the account's older orders",
    }
}
