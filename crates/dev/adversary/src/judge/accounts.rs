//! Every account, block after block: whether it can pay, and whether it is reduced in time.

use super::{DUST, Judge, MILLION, Rule, Watched, index, money, requirement};
use crate::house::{MARKETS, TICK, UNDERLYINGS, coin, side_of};
use crate::world::{World, dollars};
use book::OrderBook as _;
use ledger::Holder;
use machine::{Account, State, Status};
use margin::Requirement;
use protocol::{AccountId, AccountIndex, InstrumentId, Mode, ParameterId, Side};
use std::collections::BTreeMap;
use units::Lots;

/// Blocks in a row in which an account may stay below maintenance margin though all it holds is quoted.
const PATIENCE: u32 = 12;
/// Part of the scan range within which an account must stay above zero: what is left pays for fees and the moves between
/// scenarios.
const RANGE_SHARE: i128 = 600_000;
/// The same for vols, as parts per million of a vol; up, and down.
const VOL_SHARE: (i128, i128) = (250_000, 120_000);
/// What fees, and the distance at which an account without equity is closed, may come to, in parts per million of what is held.
const FEES: i128 = 35_000;
/// The same for bases, in parts per million of the index.
const BASIS_SHARE: i128 = 2_000;

/// Prices at which an account was last covered, and what it then held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    index: [i128; 2],
    /// Vols of options, and bases of dated contracts in parts per million of the index; nothing of what has none.
    vols: [i128; CONTRACTS],
    bases: [i128; CONTRACTS],
}

/// Contracts, with the wings of a smile.
const CONTRACTS: usize = MARKETS as usize + 2;

impl Anchor {
    /// Returns the prices of a state: what they may be is for others to say.
    fn of(state: &State) -> Self {
        let mut here = Self {
            index: [0, 1].map(|side| index(state, side)),
            vols: [0; CONTRACTS],
            bases: [0; CONTRACTS],
        };
        for (id, market) in &state.markets {
            let place = usize::try_from(id.get()).expect("a small number") - 1;
            let at = here.index[side_of(*id)];
            let forward = market.forward.map_or(at, |forward| forward.micros());
            here.vols[place] = market.vol.map_or(0, |vol| vol.points());
            here.bases[place] = (forward - at) * MILLION / at.max(1);
        }
        here
    }

    /// Whether no vol and no basis has moved farther since than margin is measured for.
    fn is_calm(&self, here: &Self) -> bool {
        let vols = self.vols.iter().zip(here.vols).filter(|(_, is)| *is > 0).all(|(was, is)| {
            let moved = (is - was) * MILLION / was.max(&1);
            (-VOL_SHARE.1..=VOL_SHARE.0).contains(&moved)
        });
        let bases = self.bases.iter().zip(here.bases);
        vols && bases.into_iter().all(|(was, is)| (is - was).abs() <= BASIS_SHARE)
    }

    /// Returns how far indices are from here, in parts per million.
    fn moves(&self, here: &Self) -> [i128; 2] {
        [0, 1].map(|side| {
            let at = self.index[side].max(1);
            (here.index[side] - at) * MILLION / at
        })
    }
}

impl Judge {
    pub(super) fn accounts(&mut self, world: &World) -> Result<(), (Rule, String)> {
        let state = world.machine.state();
        let Ok(risk) = state.risk() else {
            return Err((Rule::HouseHalts, "the matrices cannot be built".into()));
        };
        let here = Anchor::of(state);
        let mut watched = std::mem::take(&mut self.watched);
        let mut found = Ok(());
        for one in &mut watched {
            let Some(needed) = requirement(state, &risk, one.place) else { continue };
            if let Some(held) = state.accounts.get(one.place) {
                found = found.and_then(|()| self.account(world, one, held, &needed, here));
            }
        }
        self.watched = watched;
        found
    }

    fn account(
        &mut self,
        world: &World,
        one: &mut Watched,
        held: &Account,
        needed: &Requirement,
        here: Anchor,
    ) -> Result<(), (Rule, String)> {
        let state = world.machine.state();
        let lots = lots_of(held);
        let before = std::mem::replace(&mut one.held, lots.clone());
        let equity = needed.equity.micros();
        one.equity = equity;
        if equity >= needed.initial.micros() {
            self.owed += std::mem::take(&mut one.owed);
            (one.anchor, one.beyond, one.most, one.paid) = (Some(here), 0, [0; 2], 0);
            (one.stirred, one.far) = (false, [0; 2]);
        }
        one.owed = one.owed.max(one.paid - equity);
        let anchor = *one.anchor.get_or_insert(here);
        // A leg that was closed where prices were far off stays closed when they come back.
        one.stirred |= !anchor.is_calm(&here);
        let signed = anchor.moves(&here);
        one.far = [0, 1].map(|side| one.far[side].max(signed[side].abs()));
        one.most = [0, 1].map(|side| {
            let of = |lots| gross(lots, side, anchor.index[side].max(here.index[side]));
            let pledged = money::coins_worth(state, Holder::Client(one.place), side);
            one.most[side].max(of(&before).max(of(&lots)) + pledged)
        });
        if equity < -DUST {
            below_zero(one, equity, anchor, here, state)?;
        }
        let coins = [0, 1].map(|side| coins_of(state, one.place, side));
        let were = std::mem::replace(&mut one.coins, coins);
        let smaller = coins.iter().zip(were).any(|(are, were)| *are < were)
            || before.iter().any(|(id, was)| lots.get(id).map_or(0, |is| is.abs()) < was.abs());
        let waits = equity < needed.maintenance.micros() - DUST
            && needed.maintenance.micros() > 0
            && !cannot_owe(state, one.place, &lots)
            && !smaller
            && self.all_quoted(state, &lots)
            && (equity > 0 || lots.iter().all(|(id, lots)| is_in_reach(state, *id, *lots)))
            && Self::are_coins_wanted(state, one.place);
        one.waits = if waits { one.waits + 1 } else { 0 };
        one.before = before;
        self.nearness.waited = self.nearness.waited.max(one.waits);
        if one.waits > PATIENCE {
            return Err((
                Rule::NotLiquidated,
                format!(
                    "account {}: equity {}, maintenance {}, {} blocks, holds {lots:?}",
                    named(one.id),
                    dollars(equity),
                    dollars(needed.maintenance.micros()),
                    one.waits
                ),
            ));
        }
        Ok(())
    }

    /// Whether what an account holds can be traded away: quoted, trading, at a price that is to be trusted.
    fn all_quoted(&self, state: &State, lots: &BTreeMap<InstrumentId, i128>) -> bool {
        // Where all legs lean the same way, each can go alone, so one that is quoted is enough.
        let linear = |id: &InstrumentId| {
            let market = state.markets.get(id);
            market.is_some_and(|market| !market.instrument.contract.pays_premium())
        };
        let sides: std::collections::BTreeSet<(usize, bool)> =
            lots.iter().map(|(id, lots)| (side_of(*id), *lots > 0)).collect();
        let one_way = lots.keys().all(linear) && sides.len() == 1;
        state.call_auction.is_none()
            && [0, 1].iter().all(|side| self.is_true(state, *side))
            && lots.iter().all(|(id, lots)| self.is_quoted(state, *id, *lots) || one_way)
            && lots.iter().any(|(id, lots)| self.is_quoted(state, *id, *lots))
    }

    /// Whether funds take a slice of the coins that an account has pledged, which may be what its positions hedge.
    fn are_coins_wanted(state: &State, place: AccountIndex) -> bool {
        let is_wanted = |side: usize| {
            let worth = money::coins_worth(state, Holder::Client(place), side);
            let pays = state.fund_pays(UNDERLYINGS[side]).map_or(0, |pays| pays.micros());
            worth <= DUST || (pays * 8 >= worth && state.mode(UNDERLYINGS[side]) < Mode::Frozen)
        };
        is_wanted(0) && is_wanted(1)
    }

    /// Whether an index is what everybody sees: one that is held back is behind the quotes.
    fn is_true(&self, state: &State, side: usize) -> bool {
        let seen = self.seen.last().map_or(0, |seen| seen.prices[side]);
        (index(state, side) - seen).abs() * 500 <= seen
    }

    /// Whether somebody takes over lots of a contract: nobody bids for what is worth less than a tick.
    fn is_quoted(&self, state: &State, id: InstrumentId, lots: i128) -> bool {
        let market = state.markets.get(&id);
        let mark = market.and_then(|market| market.mark).map_or(0, |mark| mark.micros());
        self.quoted & (1u16 << id.get().saturating_sub(1)) != 0
            && (lots < 0 || mark >= TICK)
            && market.is_some_and(|market| {
                market.status == Status::Trading
                    && market.instrument.contract.expires_at().is_none_or(|at| at > state.time)
                    && !market.vol_stale
                    && state.mode(market.instrument.underlying) < Mode::ReduceOnly
            })
    }
}

/// Whether somebody stands as near the mark as the house goes for an account without equity (0021-FALL-020): quotes stand where the
/// mark was a block ago, and a far option may have moved by more since.
fn is_in_reach(state: &State, id: InstrumentId, lots: i128) -> bool {
    let Some(market) = state.markets.get(&id) else { return false };
    let other = if lots > 0 { Side::Buy } else { Side::Sell };
    let band = state.ppm(market.instrument.underlying, ParameterId::MarkBand);
    market.mark.is_some_and(|mark| market.book.lots_near(other, mark, band) > Lots::ZERO)
}

/// Whether an account has paid for all that it holds, so that it can owe nothing: nobody has to sell what is worth less than
/// a tick.
fn cannot_owe(state: &State, place: AccountIndex, lots: &BTreeMap<InstrumentId, i128>) -> bool {
    let is_paid = |(id, lots): (&InstrumentId, &i128)| {
        let market = state.markets.get(id);
        *lots > 0 && market.is_some_and(|market| market.instrument.contract.pays_premium())
    };
    state.ledger.cash(place).micros() >= 0 && lots.iter().all(is_paid)
}

/// Returns an account's coins on an underlying.
fn coins_of(state: &State, place: AccountIndex, side: usize) -> i128 {
    state.ledger.balance(Holder::Client(place), coin(u8::from(side == 1))).minor()
}

/// Returns the lots that an account holds.
pub(super) fn lots_of(held: &Account) -> BTreeMap<InstrumentId, i128> {
    let lots = held.positions().iter().map(|(id, position)| (*id, position.lots.count()));
    lots.filter(|(_, lots)| *lots != 0).collect()
}

/// Returns the name of an account, in short.
pub(super) fn named(id: AccountId) -> String {
    format!("{}/{}", id.owner.bytes()[0], id.sub)
}

/// An account that owes: prices have moved beyond what its margin is for, and it owes no more than that comes to.
fn below_zero(
    one: &mut Watched,
    equity: i128,
    anchor: Anchor,
    here: Anchor,
    state: &State,
) -> Result<(), (Rule, String)> {
    let calm = !one.stirred;
    let signed = anchor.moves(&here);
    let moves = one.far;
    let ranges = [0, 1].map(|side| range(state, side) * RANGE_SHARE / MILLION);
    // What hedges across underlyings counts for half (0019-MARG-006), so of their moves apart half of a range is covered.
    let both = one.most.iter().all(|held| *held > 0);
    let apart = (signed[0] - signed[1]).abs() - ranges[0].min(ranges[1]) / 2;
    let apart = if both { apart.max(0) } else { 0 };
    let said = format!("account {} has {}", named(one.id), dollars(equity));
    if one.beyond == 0 && calm && apart == 0 && moves[0] <= ranges[0] && moves[1] <= ranges[1] {
        let said = format!("{said}, prices moved {moves:?} ppm");
        return Err((Rule::BelowZero, said));
    }
    if !calm {
        one.beyond = one.beyond.max(-equity);
        return Ok(());
    }
    let parts = [0, 1]
        .map(|side| one.most[side] * ((moves[side] - ranges[side]).max(apart) + FEES) / MILLION);
    one.beyond = one.beyond.max(parts.iter().sum());
    match -equity > one.beyond + DUST {
        true => {
            Err((Rule::BeyondRange, format!("{said}, {} beyond the range", dollars(one.beyond))))
        }
        false => Ok(()),
    }
}

/// Returns the narrowest range that margin is measured for, in parts per million.
fn range(state: &State, side: usize) -> i128 {
    let held = state.underlyings.get(&UNDERLYINGS[side]);
    held.map_or(0, |held| held.thresholds.hold().number().raw())
}

/// Returns the value of all positions on an underlying at an index, long and short added up.
fn gross(lots: &BTreeMap<InstrumentId, i128>, side: usize, index: i128) -> i128 {
    let here = lots.iter().filter(|(id, _)| side_of(**id) == side);
    // A lot is a hundredth of a coin.
    here.map(|(_, lots)| lots.abs() * index / 100).sum()
}
