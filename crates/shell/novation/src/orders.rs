//! Orders and what happens to them, in words.

use book::Open;
use protocol::{CancelReason, Event, OrderId, Side, TimeInForce};

/// Returns an order that stands in a book in words.
pub(crate) fn standing(open: &Open) -> String {
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
pub(crate) fn happened(order: OrderId, events: &[Event]) -> String {
    if events.is_empty() {
        return format!("order {order} was neither filled nor cancelled");
    }
    let told: Vec<String> = events.iter().map(event).collect();
    format!("order {order}: {}", told.join("; "))
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
        CancelReason::Uncovered => "margin no longer covered it beside the account's older orders",
    }
}
