//! What the house would say to each order, those before it open.

use crate::WhatIfError;
use crate::assess::limits;
use crate::file::{Orders, Portfolio, default};
use margin::{AccountMargin, ClosingMargin, Cover, OpenOrder};
use protocol::{Fault, ParameterId, Refusal, Side};
use serde::Serialize;
use units::{Notional, Round};

/// What becomes of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Why margin would refuse it; absent if it enters.
    pub refused: Option<String>,
}

impl Portfolio {
    /// Returns what margin would say to each order, those before it that enter open (0019-MARG-010, 0019-MARG-020).
    pub(crate) fn entries(&self, orders: &Orders) -> Result<Vec<Entry>, WhatIfError> {
        let fault = |fault| limits("margin of orders")(fault);
        let risk = self.risk().map_err(fault)?;
        let held = self.held();
        let mut margin = AccountMargin::new(&risk, &held).map_err(fault)?;
        let alone = margin::Portfolio { orders: &[], ..held };
        let mut closing = ClosingMargin::new(&risk, &alone).map_err(fault)?;
        for order in held.orders {
            closing.add(order).map_err(fault)?;
        }
        let mut entries = Vec::with_capacity(orders.0.len());
        for order in &orders.0 {
            let near = self.is_near(order).map_err(fault)?;
            let refused = refused(&margin, &closing, order, near);
            if refused.is_none() {
                margin.add(order).map_err(|_| fault(Fault::Missing("order that entered")))?;
                closing.add(order).map_err(fault)?;
            }
            entries.push(Entry { refused: refused.map(|refusal| refusal.to_string()) });
        }
        Ok(entries)
    }

    /// Returns whether a limit is no farther from the mark than that of a liquidation may be.
    fn is_near(&self, order: &OpenOrder) -> Result<bool, Fault> {
        let at = || Fault::at("distance of a limit");
        let mark = self.instrument(order.instrument)?.mark;
        let band = default(ParameterId::LiquidationBand);
        let band = mark.magnitude().and_then(|mark| mark.scaled(band, Round::Down)).map_err(at())?;
        Ok(match order.side {
            Side::Buy => order.price <= mark.plus(band).map_err(at())?,
            Side::Sell => order.price >= mark.minus(band).map_err(at())?,
        })
    }
}

fn refused(
    margin: &AccountMargin<'_>,
    closing: &ClosingMargin<'_>,
    order: &OpenOrder,
    near: bool,
) -> Option<Refusal> {
    let short_by = match margin.check(order).map(|check| check.cover()) {
        Ok(Cover::Covered) => Notional::ZERO,
        Ok(Cover::Short(by)) => by,
        Ok(Cover::Closes) => match closing.check(order) {
            Ok(check) => check.short_by(near),
            Err(refusal) => return Some(refusal),
        },
        Err(refusal) => return Some(refusal),
    };
    (short_by > Notional::ZERO).then_some(Refusal::MarginShort { short_by })
}
