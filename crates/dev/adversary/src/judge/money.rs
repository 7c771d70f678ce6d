//! Who brought what, who took what, and whether what is left pays everybody else.

use super::{Breach, DUST, Judge, Rule, Verdict, index, requirement};
use crate::house::{UNDERLYINGS, coin};
use crate::world::{World, dollars};
use ledger::Holder;
use machine::State;
use margin::Risk;
use protocol::{AccountIndex, AssetId, Event};
use std::collections::BTreeMap;

/// Billionths.
const BILLION: i128 = 1_000_000_000;
/// A dollar.
const DOLLAR: i128 = 1_000_000;

/// What somebody brought less what he took, asset by asset.
#[derive(Debug, Clone, Default)]
pub(super) struct Purse(BTreeMap<AssetId, i128>);

impl Purse {
    fn add(&mut self, asset: AssetId, minor: i128) {
        *self.0.entry(asset).or_default() += minor;
    }

    /// Returns what it is worth at the indices of a state, in micro-dollars.
    fn worth(&self, state: &State) -> i128 {
        self.0.iter().map(|(asset, minor)| worth(state, *asset, *minor)).sum()
    }
}

/// Returns what so much of an asset is worth, in micro-dollars.
fn worth(state: &State, asset: AssetId, minor: i128) -> i128 {
    match [0u8, 1].into_iter().find(|side| coin(*side) == asset) {
        Some(side) => (minor * index(state, side.into())).div_euclid(BILLION),
        None => minor,
    }
}

/// Returns what somebody has, with the part of a lot of coins that margin does not count (0019-MARG-016).
fn wealth(state: &State, place: AccountIndex, equity: i128) -> i128 {
    let part = |side: u8| {
        let (asset, mut lot) = (coin(side), 1);
        while lot < BILLION && worth(state, asset, lot) < DOLLAR {
            lot *= 10;
        }
        worth(state, asset, state.ledger.balance(Holder::Client(place), asset).minor() % lot)
    };
    equity + part(0) + part(1)
}

/// Returns what somebody's coins on an underlying are worth, in micro-dollars.
pub(super) fn coins_worth(state: &State, holder: Holder, side: usize) -> i128 {
    let asset = coin(u8::from(side == 1));
    worth(state, asset, state.ledger.balance(holder, asset).minor())
}

impl Judge {
    /// Returns what the chosen accounts have, at the marks.
    pub(super) fn equities(&self, state: &State, risk: &Risk, ours: bool) -> i128 {
        let chosen = self.watched.iter().filter(|watched| watched.ours == ours);
        let equity = |place| {
            let needed = requirement(state, risk, place);
            needed.map_or(0, |needed| wealth(state, place, needed.equity.micros()))
        };
        chosen.map(|watched| equity(watched.place)).sum()
    }

    /// Notes what comes in and goes out.
    pub(super) fn moves(&mut self, event: &Event) {
        let (place, asset, minor) = match event {
            Event::Deposited { account, asset, amount, .. } => (*account, *asset, amount.minor()),
            Event::Withdrawn { account, asset, amount, .. } => (*account, *asset, -amount.minor()),
            Event::CollateralSold { asset, amount, paid, .. } => {
                self.fund_coins.add(*asset, -amount.minor());
                self.fund_coins.add(AssetId::DOLLAR, paid.micros());
                return;
            }
            Event::CollateralBought { seller: None, asset, amount, paid, .. } => {
                self.fund_coins.add(*asset, amount.minor());
                self.fund_coins.add(AssetId::DOLLAR, -paid.micros());
                return;
            }
            _ => return,
        };
        let ours = self.watched.iter().any(|watched| watched.place == place && watched.ours);
        if ours { &mut self.ours } else { &mut self.theirs }.add(asset, minor);
    }

    /// As long as somebody has taken out more than he brought, everybody else can be paid.
    pub(super) fn taken(&self, world: &World) -> Verdict {
        let state = world.machine.state();
        let left = -self.ours.worth(state);
        if left <= 0 {
            return Ok(());
        }
        let Ok(risk) = state.risk() else { return Ok(()) };
        let others = self.equities(state, &risk, false);
        let custody = custody(world);
        match custody < others - DUST {
            true => Err((
                Rule::Uncovered,
                format!(
                    "{} more than was brought; {} in custody, others have {}",
                    dollars(left),
                    dollars(custody),
                    dollars(others)
                ),
            )),
            false => Ok(()),
        }
    }

    /// Looks at what everybody has in the end.
    pub(crate) fn conclude(&self, world: &World) -> Result<i128, Breach> {
        let state = world.machine.state();
        let breach = |rule, seen| Breach { rule, step: self.step, seen };
        let Ok(risk) = state.risk() else {
            return Err(breach(Rule::HouseHalts, "the matrices cannot be built".into()));
        };
        let others = self.equities(state, &risk, false);
        let all = others + self.equities(state, &risk, true);
        let custody = custody(world);
        if (all + funds(state) - custody).abs() > DUST {
            let seen =
                format!("all have {}, custody {}", dollars(all + funds(state)), dollars(custody));
            return Err(breach(Rule::Conservation, seen));
        }
        let members = self.watched.iter().filter(|watched| watched.ours);
        let equity = |place| {
            let needed = requirement(state, &risk, place);
            needed.map_or(0, |needed| wealth(state, place, needed.equity.micros()).max(0))
        };
        let has: i128 = members.map(|watched| equity(watched.place)).sum();
        // Coins that come and go count at the last index, so what they gained meanwhile is nobody's loss.
        let gain = has - self.ours.worth(state);
        let paid = self.third + self.theirs.worth(state) - others + self.fund_coins.worth(state);
        let owed: i128 = self.owed + self.watched.iter().map(|one| one.owed).sum::<i128>();
        if gain - paid > owed + DUST {
            let seen = format!(
                "has {} and {} more than it brought; the marks paid {}",
                dollars(has),
                dollars(gain),
                dollars(paid)
            );
            return Err(breach(Rule::Stolen, seen));
        }
        Ok(gain)
    }
}

/// Returns what is in custody, at the indices.
fn custody(world: &World) -> i128 {
    let assets = [AssetId::DOLLAR, coin(0), coin(1)];
    let state = world.machine.state();
    assets.into_iter().map(|asset| worth(state, asset, world.custody(asset))).sum()
}

/// Returns what insurance funds and fees hold.
fn funds(state: &State) -> i128 {
    let holders = UNDERLYINGS.map(Holder::Insurance).into_iter().chain([Holder::Fees]);
    let dollars = |holder| state.ledger.balance(holder, AssetId::DOLLAR).notional().micros();
    let coins = |holder| coins_worth(state, holder, 0) + coins_worth(state, holder, 1);
    holders.map(|holder| dollars(holder) + coins(holder)).sum()
}
