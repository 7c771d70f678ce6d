//! Builds the scenario matrices of a block.

use crate::basis::BasisMoves;
use crate::bounds::{CHARGE_BITS, STRETCH_BITS};
use crate::impact::{Rate, Rates};
use crate::input::{MarketInput, Settlement, UnderlyingInput};
use crate::lanes::{Matrix, Row};
use crate::mark::option_value;
use crate::matrix::{Profits, Shocks, greatest, shocks};
use crate::parameters::Parameters;
use crate::risk::{Charges, Class, Group, Pledge, Risk, Slot, Terms, Underlying};
use crate::scan::Path;
use crate::scenario::{DOWN_ONE_FIFTH, SCENARIOS, Scenario, UP_ONE_FIFTH, VOLS_DOWN, VOLS_UP};
use crate::stages;
use crate::strikes::{self, Bend, Candidate, Knot};
use crate::valuation::{Expiry, OptionValuer, Values, VolMultipliers, YEAR, narrow, strike_left};
use crate::weights::Weights;
use places::Table;
use pricing::{FineVol, Forward, MovedVol};
use protocol::{AssetId, Contract, Fault, Right, UnderlyingId};
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockTime, Num, Ppb, Ppm, Price, Quantity, Round, Vol, limits};

/// Least value of a lot of collateral: a dollar.
const PLEDGED_LOT_VALUE: Price = Price::ONE;

/// Most units of an asset in a lot of collateral, in billionths: a million, a dollar's worth at the least price there is.
const PLEDGED_LOT_NANOS_MAX: i128 = 1_000_000_000_000_000;

/// One, in parts per million.
const PPM_ONE: i64 = 1_000_000;

/// What gets a row: a contract, or a pledged asset.
#[derive(Debug, Clone, Copy)]
struct Item<'a> {
    underlying: u32,
    expires_at: Option<BlockTime>,
    strike: Option<Price>,
    size: Quantity,
    market: Option<&'a MarketInput>,
    asset: Option<AssetId>,
}

/// What the contracts of one expiry share.
struct Shared {
    expiry: Expiry,
    vol: VolMultipliers,
    new: [Forward; SCENARIOS],
    hold: [Forward; SCENARIOS],
    /// Of the last strike, for the put beside a call.
    calls: Option<Calls>,
}

/// The calls of one strike at one vol.
struct Calls {
    strike: Price,
    vol: Vol,
    valuer: OptionValuer,
    new: Values,
    /// Where the moves for risk held differ.
    hold: Option<Values>,
}

/// The index moves of one underlying.
struct Moves {
    new: Shocks,
    hold: Shocks,
}

impl Risk {
    /// Returns the scenario matrices of the markets at a time.
    ///
    /// Rounding: profits down. Cost: about a microsecond a contract.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a parameter is out of bounds, an underlying is missing or given twice, or a number is outside the
    /// limits of its unit.
    ///
    /// # Source
    ///
    /// spec 0019-MARG-001 … 005.
    pub fn build(
        parameters: &Parameters,
        now: BlockTime,
        underlyings: &[UnderlyingInput],
        markets: &[MarketInput],
    ) -> Result<Self, Fault> {
        parameters.check()?;
        underlyings.iter().try_for_each(UnderlyingInput::check)?;
        let (underlyings, classes) = order_underlyings(parameters, underlyings)?;
        let items = order_items(&underlyings, markets)?;
        let moves: Vec<Moves> =
            underlyings.iter().map(|underlying| moves_of(parameters, &underlying.input)).collect();
        let impacts = underlyings.iter().any(|held| !held.new.is_zero());
        let is_alike = underlyings.iter().all(|held| held.new == held.hold);
        let single = moves.iter().all(|moves| moves.new == moves.hold);
        let soon = stages::soon(items.iter().filter_map(|item| item.expires_at), now)?;
        let market = Market { items: &items, underlyings: &underlyings, classes: &classes };
        let knots_new = market.knots(&soon, now, |place| moves.get(place).map(|of| &of.new))?;
        let knots_hold = match single {
            true => Vec::new(),
            false => market.knots(&soon, now, |place| moves.get(place).map(|of| &of.hold))?,
        };
        let mut risk = Self {
            new: Matrix::with_capacity(items.len(), knots_new),
            hold: None,
            slots: Vec::with_capacity(items.len()),
            weights: Vec::with_capacity(items.len()),
            keys: Vec::with_capacity(items.len()),
            bases: Vec::with_capacity(items.len()),
            terms: Vec::with_capacity(items.len()),
            groups: Vec::new(),
            paths: Vec::new(),
            soon,
            underlyings,
            classes,
            instruments: Table::default(),
            pledges: BTreeMap::new(),
            maintenance_ratio: parameters.maintenance_ratio,
            buffer_ratio: parameters.buffer_ratio,
            impacts,
            is_alike,
            arch: pulp::Arch::new(),
        };
        let mut hold = Matrix::with_capacity(if single { 0 } else { items.len() }, knots_hold);
        let mut builder = Builder {
            parameters,
            now,
            shared: None,
            last: None,
            first: 0,
            strikes: 0,
            charged: None,
        };
        for item in &items {
            let moves = usize::try_from(item.underlying).ok().and_then(|place| moves.get(place));
            let moves = moves.ok_or(Fault::Missing("margin: underlying"))?;
            builder.add(&mut risk, &mut hold, item, moves, single)?;
        }
        risk.hold = (!single).then_some(hold);
        level_strikes(&mut risk.slots);
        for slot in &risk.slots {
            let group = risk.group(slot.group).ok_or(Fault::Missing("margin: expiry"))?;
            let (weights, key) = Weights::new(slot, group)?;
            risk.weights.push(weights);
            risk.keys.push(key);
            risk.bases.push(slot.basis);
        }
        risk.paths = paths(&risk)?;
        Ok(risk)
    }
}

/// Makes the options of a strike, whose short ones are counted together, be charged alike: as the dearest of them.
fn level_strikes(slots: &mut [Slot]) {
    for strike in slots.chunk_by_mut(|a, b| a.strike == b.strike && a.strike != 0) {
        let most = |of: fn(&Slot) -> i64| strike.iter().map(of).max().unwrap_or(0);
        let (initial, maintenance) =
            (most(|slot| slot.initial.naked), most(|slot| slot.maintenance.naked));
        for slot in strike {
            (slot.initial.naked, slot.maintenance.naked) = (initial, maintenance);
        }
    }
}

/// Returns the path of every group.
fn paths(risk: &Risk) -> Result<Vec<Path>, Fault> {
    let missing = || Fault::Missing("margin: level of an expiry");
    let mut paths = Vec::with_capacity(risk.groups.len());
    for (number, group) in risk.groups.iter().enumerate() {
        let underlying = risk.underlying(group.underlying).ok_or_else(missing)?;
        let class = risk.class(underlying.class).ok_or_else(missing)?;
        paths.push(Path {
            group: (index_of(number)?, group.kept),
            underlying: (group.underlying, underlying.kept),
            class: (underlying.class, class.kept),
            stage: group.stage,
            late: group.late,
        });
    }
    Ok(paths)
}

fn index_of(length: usize) -> Result<u32, Fault> {
    u32::try_from(length).map_err(|_| Fault::Invariant("rows are counted in 32 bits"))
}

/// Returns 2¹⁰ divided by a share, rounded up.
fn stretch(kept: i64) -> i64 {
    let one = PPM_ONE.saturating_mul(1 << STRETCH_BITS);
    one.saturating_add(kept).saturating_sub(1).checked_div(kept).unwrap_or(0)
}

fn parts(value: Ppm) -> i64 {
    i64::try_from(value.parts()).unwrap_or(i64::MAX)
}

fn order_underlyings(
    parameters: &Parameters,
    inputs: &[UnderlyingInput],
) -> Result<(Vec<Underlying>, Vec<Class>), Fault> {
    let mut sorted: Vec<&UnderlyingInput> = inputs.iter().collect();
    sorted.sort_by_key(|input| (input.class, input.underlying));
    let distinct: BTreeMap<UnderlyingId, ()> =
        inputs.iter().map(|input| (input.underlying, ())).collect();
    if distinct.len() != inputs.len() {
        return Err(Fault::Invariant("each underlying is given once"));
    }
    let mut classes: Vec<Class> = Vec::new();
    let mut underlyings = Vec::with_capacity(sorted.len());
    for input in sorted {
        let kept = parts(parameters.class_kept(input.class));
        if classes.last().is_none_or(|class| class.class != input.class) {
            let offset = PPM_ONE.saturating_sub(kept);
            classes.push(Class { class: input.class, kept: offset });
        }
        let rates = |depth| {
            let rate = |deviation, volume| {
                let rate = Rate::new(parameters.impact, deviation, volume, depth);
                rate.map_err(Fault::at("margin: impact"))
            };
            let push = rate(input.vol_daily, input.volume_daily)?;
            Ok(Rates { push, twist: rate(input.vol_move_daily, input.vega_daily)? })
        };
        let new = rates(input.depth)?;
        let is_alike = input.depth == input.depth_hold;
        underlyings.push(Underlying {
            input: *input,
            new,
            hold: if is_alike { new } else { rates(input.depth_hold)? },
            class: index_of(classes.len().saturating_sub(1))?,
            kept: kept.saturating_sub(parts(parameters.calendar.base)),
        });
    }
    Ok((underlyings, classes))
}

fn order_items<'a>(
    underlyings: &[Underlying],
    markets: &'a [MarketInput],
) -> Result<Vec<Item<'a>>, Fault> {
    let mut places = BTreeMap::new();
    let mut items = Vec::with_capacity(markets.len().saturating_add(underlyings.len()));
    for (place, underlying) in underlyings.iter().enumerate() {
        let place = index_of(place)?;
        places.insert(underlying.input.underlying, place);
        if let Some((asset, size)) = underlying.input.asset.zip(pledged_lot(underlying.input.index))
        {
            items.push(Item {
                underlying: place,
                expires_at: None,
                strike: None,
                size,
                market: None,
                asset: Some(asset),
            });
        }
    }
    for market in markets {
        let instrument = &market.instrument;
        let underlying = places.get(&instrument.underlying).copied();
        items.push(Item {
            underlying: underlying.ok_or(Fault::Missing("margin: underlying of a contract"))?,
            expires_at: instrument.contract.expires_at(),
            strike: match instrument.contract {
                Contract::Option { strike, .. } => Some(strike),
                _ => None,
            },
            size: instrument.contract_size,
            market: Some(market),
            asset: None,
        });
    }
    items.sort_by_key(|item| {
        let id = item.market.map(|market| market.instrument.id);
        (item.underlying, item.expires_at, item.strike, item.size, id)
    });
    Ok(items)
}

/// Returns the quantity of an asset that makes a lot of collateral: the least power of ten worth a dollar; `None` if the
/// asset is worth nothing.
fn pledged_lot(index: Price) -> Option<Quantity> {
    let mut lot = Quantity::from_nanos(1);
    while lot.nanos() <= PLEDGED_LOT_NANOS_MAX {
        let value = lot.value(index, Round::Down).ok()?;
        if value.micros() >= PLEDGED_LOT_VALUE.micros() {
            return Some(lot);
        }
        lot = Quantity::from_nanos(lot.nanos().saturating_mul(10));
    }
    None
}

/// Returns the scan ranges for new risk and for risk held.
fn ranges(parameters: &Parameters, input: &UnderlyingInput) -> (Ppm, Ppm) {
    let bounded = |scan: Ppm| scan.greater(parameters.scan_floor).lesser(parameters.scan_cap);
    let hold = bounded(input.scan_hold);
    (bounded(input.scan_new).greater(hold), hold)
}

fn moves_of(parameters: &Parameters, input: &UnderlyingInput) -> Moves {
    let (new, hold) = ranges(parameters, input);
    Moves { new: shocks(&parameters.scenarios, new), hold: shocks(&parameters.scenarios, hold) }
}

/// Returns φ of an expiry, rounded up.
fn calendar_kept(parameters: &Parameters, expiry: &Expiry) -> i64 {
    let calendar = &parameters.calendar;
    let scaled = expiry.remaining.millis().saturating_mul(calendar.slope.parts());
    let rise = scaled.saturating_add(YEAR.saturating_sub(1)).div_euclid(YEAR);
    parts(Ppm::from_parts(calendar.base.parts().saturating_add(rise)).lesser(calendar.cap))
}

/// What is listed.
struct Market<'a> {
    items: &'a [Item<'a>],
    underlyings: &'a [Underlying],
    classes: &'a [Class],
}

impl Market<'_> {
    /// Returns the knots of every underlying: strikes of what ends in a stage, where its forward meets them as the index moves.
    ///
    /// Underlyings that offset each other have the same, so that all of them are looked at as far along their ranges.
    fn knots<'a>(
        &self,
        soon: &[BlockTime],
        now: BlockTime,
        moves: impl Fn(usize) -> Option<&'a Shocks>,
    ) -> Result<Vec<Vec<Knot>>, Fault> {
        let missing = || Fault::Missing("margin: underlying");
        let mut candidates = vec![BTreeSet::new(); self.underlyings.len()];
        let mut last: Option<(Expiry, u32, [Forward; SCENARIOS])> = None;
        for item in self.items {
            let (Some(strike), Some(ends), Some(market)) =
                (item.strike, item.expires_at, item.market)
            else {
                continue;
            };
            if soon.binary_search(&ends).is_err() {
                continue;
            }
            let place = usize::try_from(item.underlying).unwrap_or(usize::MAX);
            let expiry = Expiry::new(market.forward, Some(ends), now, market.settlement)?;
            let known = last.filter(|(of, number, _)| (*of, *number) == (expiry, item.underlying));
            let moved = match known {
                Some((.., moved)) => moved,
                None => forwards(&expiry, moves(place).ok_or_else(missing)?)?,
            };
            last = Some((expiry, item.underlying, moved));
            let family = candidates.get_mut(self.family(place)).ok_or_else(missing)?;
            if let Some(knot) = Knot::of(strike_left(strike, &expiry)?, &moved) {
                family.insert(Candidate::new(ends, knot));
            }
        }
        let of_place = |place| candidates.get(self.family(place)).map(strikes::knots);
        (0..self.underlyings.len()).map(|place| of_place(place).ok_or_else(missing)).collect()
    }

    /// Returns the first of the underlyings that an underlying shares its knots with.
    fn family(&self, place: usize) -> usize {
        let class = |place: usize| Some(self.underlyings.get(place)?.class);
        let own = class(place).and_then(|number| self.classes.get(usize::try_from(number).ok()?));
        if own.is_none_or(|own| own.kept == 0) {
            return place;
        }
        (0..place).find(|other| class(*other) == class(place)).unwrap_or(place)
    }
}

/// Returns what an option of the day gains at knots beside what lies between two scenarios, for new risk and for risk held.
fn bends(
    item: &Item<'_>,
    shared: &Shared,
    group: &Group,
    knots: [&[Knot]; 2],
) -> Result<[Option<Bend>; 2], Fault> {
    let (Some(strike), Some(calls)) = (item.strike, &shared.calls) else { return Ok([None, None]) };
    if group.stage == 0 {
        return Ok([None, None]);
    }
    let left = strike_left(strike, &shared.expiry)?;
    let of = |knots, values| Bend::new(knots, values, left, item.size, group.weight);
    let [of_new, of_hold] = knots;
    let hold = calls.hold.as_ref().map(|hold| of(of_hold, (hold, &shared.hold)));
    Ok([Some(of(of_new, (&calls.new, &shared.new))?), hold.transpose()?])
}

struct Builder<'a> {
    parameters: &'a Parameters,
    now: BlockTime,
    /// What the last contract was built from, for the next one of the same expiry.
    shared: Option<((Price, Option<Settlement>), Shared)>,
    last: Option<(u32, Option<BlockTime>, Option<Price>, Quantity)>,
    /// The first row of the last unit (0019-MARG-040).
    first: u32,
    strikes: u32,
    /// The charges of the last row, for the next ones that are charged alike.
    charged: Option<(Charged, [Charges; 2])>,
}

/// What the charges of a lot depend on, beside the underlying's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Charged {
    underlying: u32,
    size: Quantity,
    is_option: bool,
    is_collateral: bool,
    funding: Ppb,
    /// Of an option's vol, in value.
    doubt: Price,
}

impl Builder<'_> {
    /// Appends an item's row for new risk, and the one for risk held if they differ.
    fn add(
        &mut self,
        risk: &mut Risk,
        matrix_hold: &mut Matrix,
        item: &Item<'_>,
        moves: &Moves,
        single: bool,
    ) -> Result<(), Fault> {
        let place = usize::try_from(item.underlying).unwrap_or(usize::MAX);
        let underlying = risk.underlyings.get(place).ok_or(Fault::Missing("margin: underlying"))?;
        let Underlying { input, new: Rates { push, twist }, .. } = *underlying;
        let slot = index_of(risk.slots.len())?;
        let (forward, settlement, mark, vol) = match item.market {
            Some(market) => (market.forward, market.settlement, market.mark, market.vol),
            None => (input.index, None, input.index, Vol::ZERO),
        };
        // A perpetual is a claim on its own mark.
        let forward = if item.expires_at.is_none() { mark } else { forward };
        let same_expiry =
            self.last.is_some_and(|last| (last.0, last.1) == (item.underlying, item.expires_at));
        let known =
            self.shared.as_ref().filter(|(key, _)| same_expiry && *key == (forward, settlement));
        if known.is_none() {
            self.shared = Some((
                (forward, settlement),
                self.shared_of(forward, settlement, item.expires_at, moves)?,
            ));
        }
        let parameters = self.parameters;
        let shared = self.shared.as_mut().map(|(_, shared)| shared);
        let shared = shared.ok_or(Fault::Missing("margin: expiry"))?;
        if !same_expiry {
            let kept = calendar_kept(parameters, &shared.expiry);
            let late = index_of(risk.new.len_late())?.wrapping_sub(slot);
            let (stage, weight) = stages::first(&risk.soon, item.expires_at, self.now)?;
            let (underlying, expires_at) = (item.underlying, item.expires_at);
            risk.groups.push(Group { underlying, expires_at, kept, stage, weight, late });
        }
        let key = (item.underlying, item.expires_at, item.strike, item.size);
        if item.strike.is_some() && self.last != Some(key) {
            self.strikes = self.strikes.saturating_add(1);
        }
        self.last = Some(key);
        let (new, hold) = profits(parameters, item, shared, moves, mark, vol, single)?;
        let expiry = shared.expiry;
        let group = *risk.groups.last().ok_or(Fault::Missing("margin: expiry"))?;
        let knots = [risk.new.knots(item.underlying), matrix_hold.knots(item.underlying)];
        let bends = bends(item, shared, &group, knots)?;
        let bits = hold.as_ref().map_or(0, Profits::bits).max(new.bits());
        let bits = bends.iter().flatten().map(Bend::bits).fold(bits, u32::max);
        let row_new = new.row(bits);
        let row_hold = hold.as_ref().map(|profits| profits.row(bits));
        let [bend_new, bend_hold] = bends.map(|bend| bend.map_or(Row::ZERO, |bend| bend.row(bits)));
        let most = [
            greatest(&row_new),
            row_hold.as_ref().map_or(0, greatest),
            strikes::most(knots[0], &row_new, &bend_new),
            row_hold.as_ref().map_or(0, |row| strikes::most(knots[1], row, &bend_hold)),
        ];
        let bends = bend_new != Row::ZERO || bend_hold != Row::ZERO;
        if group.stage != 0 {
            risk.new.push_late(new.late(bits, group.weight), bend_new);
            hold.iter().for_each(|hold| {
                matrix_hold.push_late(hold.late(bits, group.weight), bend_hold);
            });
        }
        let base = parts(self.parameters.calendar.base);
        let kept = PPM_ONE.saturating_add(group.kept).saturating_sub(base);
        let doubt = vol_doubt(item, &expiry)?;
        let delta = delta(&row_new, &moves.new, bits)?;
        let vega = match item.strike {
            Some(_) => vega(&row_new, shared.vol.width(vol)?, bits)?,
            None => 0,
        };
        let [initial, maintenance] = self.charges_of(item, &input, doubt)?;
        let ratio = parameters.maintenance_ratio;
        let basis = match item.market {
            Some(market) if item.expires_at.is_some() => {
                BasisMoves::of_dated(market, &expiry, ratio)?
            }
            Some(_) => BasisMoves::of_perpetual(&input, mark, item.size, ratio)?,
            None => BasisMoves::NONE,
        };
        // A perpetual has a book of its own; what expires together has one forward.
        let first = if item.expires_at.is_none() || !same_expiry { slot } else { self.first };
        self.first = first;
        let (value, fraction) = value_of_lot(mark, item.size)?;
        let facts = Slot {
            group: index_of(risk.groups.len().saturating_sub(1))?,
            kept,
            stretch: stretch(kept),
            fee: parts(input.fee),
            underlying: item.underlying,
            strike: if item.strike.is_some() { self.strikes } else { 0 },
            bits,
            reserve: reserve(item, bits, bends)?,
            bends,
            greatest: greatest_loss(most, bits)?.max(basis.greatest()),
            unit: first,
            basis,
            mark,
            size: item.size,
            value,
            fraction,
            initial,
            maintenance,
            delta,
            vega,
            late: [delta, vega].map(|gained| stages::share(gained, group.weight)),
            stage: group.stage,
            pressure: push.pressure(delta.into()).with(twist.pressure(vega.into())),
        };
        risk.slots.push(facts);
        risk.terms.push(Terms {
            contract: item.market.map(|market| market.instrument.contract),
            expiry,
            vol,
        });
        risk.new.push(row_new);
        row_hold.into_iter().for_each(|row| matrix_hold.push(row));
        if let Some(market) = item.market {
            let id = u64::from(market.instrument.id.get());
            if risk.instruments.get(id).is_some() {
                return Err(Fault::Invariant("each contract has one row"));
            }
            risk.instruments.insert(id, slot);
        }
        if let Some(asset) = item.asset {
            risk.pledges.insert(asset, Pledge { slot, lot: item.size });
        }
        Ok(())
    }

    fn shared_of(
        &self,
        forward: Price,
        settlement: Option<Settlement>,
        expires_at: Option<BlockTime>,
        moves: &Moves,
    ) -> Result<Shared, Fault> {
        let expiry = Expiry::new(forward, expires_at, self.now, settlement)?;
        let new = forwards(&expiry, &moves.new)?;
        let hold = if moves.new == moves.hold { new } else { forwards(&expiry, &moves.hold)? };
        Ok(Shared {
            expiry,
            vol: VolMultipliers::new(&self.parameters.vol, &expiry)?,
            new,
            hold,
            calls: None,
        })
    }

    /// Returns the charges of a lot in initial margin and in maintenance margin.
    fn charges_of(
        &mut self,
        item: &Item<'_>,
        input: &UnderlyingInput,
        doubt: Price,
    ) -> Result<[Charges; 2], Fault> {
        let charged = Charged {
            underlying: item.underlying,
            size: item.size,
            is_option: item.strike.is_some(),
            is_collateral: item.asset.is_some(),
            funding: item.market.map_or(Ppb::ZERO, |market| market.funding),
            doubt,
        };
        if let Some((_, charges)) = self.charged.filter(|(last, _)| *last == charged) {
            return Ok(charges);
        }
        let charges = |initial| charges(self.parameters, &charged, input, initial);
        let charges = [charges(true)?, charges(false)?];
        self.charged = Some((charged, charges));
        Ok(charges)
    }
}

/// Returns the charges of a lot in initial or maintenance margin (0019-MARG-008).
fn charges(
    parameters: &Parameters,
    charged: &Charged,
    input: &UnderlyingInput,
    initial: bool,
) -> Result<Charges, Fault> {
    let at = || Fault::at("margin: charges");
    let index = input.index.magnitude().map_err(at())?;
    let share = |ratio: Ppm| index.scaled(ratio, Round::Up).map_err(at());
    // Half the spread, rounded up.
    let half_spread = Ppm::from_parts(input.spread.parts().saturating_add(1).div_euclid(2));
    let mut both = share(half_spread)?;
    let (mut long, mut short, mut beyond) = (Price::ZERO, Price::ZERO, Price::ZERO);
    let mut knee_lots = 0;
    if initial {
        let tolerated = index.scaled(parameters.oracle_tolerance, Round::Down).map_err(at())?;
        let excess = input.confidence.minus(tolerated).map_err(at())?.greater(Price::ZERO);
        both = both.plus(excess).map_err(at())?;
        let funding = charged.funding;
        let hours = Num::new(i128::from(parameters.funding_hours));
        let rate = funding.magnitude().map_err(at())?.number().times(hours).map_err(at())?;
        let paid = index.number().mul_div(rate, Num::new(limits::PPB_ONE), Round::Up);
        let paid = Price::from_number(paid.map_err(at())?);
        if funding > Ppb::ZERO {
            long = paid
        } else {
            short = paid
        }
        if !charged.is_collateral {
            let range = share(ranges(parameters, input).0)?;
            both = both
                .plus(range.scaled(parameters.depeg(), Round::Up).map_err(at())?)
                .map_err(at())?;
        }
    }
    if charged.is_collateral {
        let kept = if initial {
            Ppm::from_parts(limits::PPM_ONE)
        } else {
            parameters.haircut_maintenance_share
        };
        let haircut = share(input.haircut)?.scaled(kept, Round::Up).map_err(at())?;
        long = long.plus(haircut).map_err(at())?;
        beyond = share(input.haircut_beyond)?.scaled(kept, Round::Up).map_err(at())?;
        let lot = charged.size.value(input.index, Round::Up).map_err(at())?.micros();
        let knee = input.haircut_knee.micros().checked_div_euclid(lot).unwrap_or(0);
        knee_lots = i64::try_from(knee).unwrap_or(i64::MAX);
    }
    let naked = if charged.is_option {
        let further = if initial { input.short_option_initial } else { Ppm::ZERO };
        let least = share(input.short_option_maintenance.plus(further).map_err(at())?)?;
        least.plus(charged.doubt).map_err(at())?
    } else {
        Price::ZERO
    };
    Ok(Charges {
        long: per_lot(both.plus(long).map_err(at())?, charged.size)?,
        short: per_lot(both.plus(short).map_err(at())?, charged.size)?,
        naked: per_lot(naked, charged.size)?,
        beyond: per_lot(beyond, charged.size)?,
        knee: knee_lots,
    })
}

/// Returns the profits for new risk, and those for risk held if they differ.
fn profits(
    parameters: &Parameters,
    item: &Item<'_>,
    shared: &mut Shared,
    moves: &Moves,
    mark: Price,
    vol: Vol,
    single: bool,
) -> Result<(Profits, Option<Profits>), Fault> {
    let scenarios = &parameters.scenarios;
    let contract = item.market.map(|market| market.instrument.contract);
    if let Some(Contract::Option { strike, right, .. }) = contract {
        let known =
            shared.calls.as_ref().is_some_and(|calls| (calls.strike, calls.vol) == (strike, vol));
        if !known {
            shared.calls = Some(Calls::new(scenarios, shared, strike, vol, single)?);
        }
        let calls = shared.calls.as_ref().ok_or(Fault::Missing("margin: calls of a strike"))?;
        let of = |calls_of: &Values, forwards| {
            let values = match right {
                Right::Call => *calls_of,
                Right::Put => calls.valuer.puts(calls_of, forwards),
            };
            Profits::option(scenarios, &values, mark, item.size)
        };
        let new = of(&calls.new, &shared.new)?;
        let hold = calls.hold.as_ref().map(|hold| of(hold, &shared.hold)).transpose()?;
        return Ok((new, hold));
    }
    let of = |shocks| Profits::linear(scenarios, shocks, &shared.expiry, mark, item.size);
    Ok((of(&moves.new)?, (!single).then(|| of(&moves.hold)).transpose()?))
}

impl Calls {
    /// Values the calls of a strike under the moves for new risk, and under those for risk held if they differ.
    fn new(
        scenarios: &[Scenario; SCENARIOS],
        shared: &Shared,
        strike: Price,
        vol: Vol,
        single: bool,
    ) -> Result<Self, Fault> {
        let valuer = OptionValuer::new(strike, vol, &shared.expiry, &shared.vol)?;
        let new = valuer.calls(scenarios, &shared.new);
        let hold = (!single).then(|| valuer.calls(scenarios, &shared.hold));
        Ok(Self { strike, vol, valuer, new, hold })
    }
}

/// Returns what an option may be worth above its value because its vol is uncertain, rounded up (0019-MARG-008). Calls and
/// puts of a strike are worth the same more.
fn vol_doubt(item: &Item<'_>, expiry: &Expiry) -> Result<Price, Fault> {
    let (Some(market), Some(strike)) = (item.market, item.strike) else { return Ok(Price::ZERO) };
    if market.vol_uncertainty <= Vol::ZERO {
        return Ok(Price::ZERO);
    }
    let at = || Fault::at("margin: doubt about a vol");
    let fine = |vol: Vol| FineVol::from_vol(vol).map_err(at());
    let (vol, uncertainty) = (fine(market.vol)?, fine(market.vol_uncertainty)?);
    // Two vols together are far below the most that a scenario can make of one.
    let higher = vol.trillionths().saturating_add(uncertainty.trillionths());
    let higher = MovedVol::from_trillionths(higher).map_err(at())?;
    let value = |vol: MovedVol, round| option_value(strike, Right::Call, vol, expiry, round);
    let more = value(higher, Round::Up)?.minus(value(vol.into(), Round::Down)?).map_err(at())?;
    Ok(more.greater(Price::ZERO))
}

fn forwards(expiry: &Expiry, shocks: &Shocks) -> Result<[Forward; SCENARIOS], Fault> {
    let mut moved = [expiry.moved(Ppm::ZERO)?; SCENARIOS];
    let mut last: Option<(Ppm, Forward)> = None;
    for (forward, shock) in moved.iter_mut().zip(shocks) {
        // Neighbours in the grid share their move, and with it a logarithm.
        *forward = match last.filter(|(known, _)| known == shock) {
            Some((_, known)) => known,
            None => expiry.moved(*shock)?,
        };
        last = Some((*shock, *forward));
    }
    Ok(moved)
}

/// Returns price × size in 2⁻¹⁶ micro-dollars, rounded up; the most there is if it does not fit.
fn per_lot(price: Price, size: Quantity) -> Result<i64, Fault> {
    let one = Num::new(1i128 << CHARGE_BITS);
    let at = || Fault::at("margin: charge of a lot");
    let product = price.number().times(size.number()).map_err(at())?;
    let charge = product.mul_div(one, Quantity::ONE.number(), Round::Up).map_err(at())?;
    Ok(i64::try_from(charge.raw()).unwrap_or(i64::MAX))
}

/// Returns what rounding may hide in a short lot: a unit of the row, another if it bends, and for options what pricing rounds
/// away.
fn reserve(item: &Item<'_>, bits: u32, bends: bool) -> Result<i64, Fault> {
    let unit = (1i128 << u32::from(bends)).checked_shl(bits).unwrap_or(i128::MAX);
    let pricing = if item.strike.is_some() {
        let twice = item.size.nanos().saturating_mul(2);
        twice.saturating_add(limits::PPB_ONE.saturating_sub(1)).div_euclid(limits::PPB_ONE)
    } else {
        0
    };
    narrow(unit.saturating_add(pricing), "margin: reserve")
}

fn greatest_loss(most: [u32; 4], bits: u32) -> Result<i64, Fault> {
    let most = most.into_iter().fold(0, u32::max);
    let scaled = i128::from(most).checked_shl(bits).unwrap_or(i128::MAX);
    narrow(scaled, "margin: greatest loss of a lot")
}

/// Returns the value of a lot in whole micro-dollars, and the billionths of one above that.
fn value_of_lot(mark: Price, size: Quantity) -> Result<(i64, i64), Fault> {
    let place = "margin: value of a lot";
    let nanos = mark.micros().checked_mul(size.nanos());
    let error = units::ArithmeticError::Overflow;
    let nanos = nanos.ok_or(Fault::Arithmetic { place, error })?;
    let whole = narrow(nanos.div_euclid(limits::PPB_ONE), place)?;
    Ok((whole, narrow(nanos.rem_euclid(limits::PPB_ONE), place)?))
}

/// Returns the dollars that a lot gains as the index doubles, from the scenarios next to no move.
fn delta(row: &Row, shocks: &Shocks, bits: u32) -> Result<i64, Fault> {
    let values = || row.0.iter().flatten().copied();
    let (down, up) = (values().nth(DOWN_ONE_FIFTH), values().nth(UP_ONE_FIFTH));
    let shock = |place: usize| shocks.get(place).map_or(0, |shock| shock.parts());
    let width = shock(UP_ONE_FIFTH).saturating_sub(shock(DOWN_ONE_FIFTH)).max(1);
    let gained = i128::from(up.unwrap_or(0)).saturating_sub(i128::from(down.unwrap_or(0)));
    let dollars = gained.checked_shl(bits).unwrap_or(0).saturating_mul(limits::PPM_ONE);
    narrow(dollars.div_euclid(width), "margin: delta of a lot")
}

/// Returns the dollars that a lot gains as vols rise by 100 points, from the scenarios in which vols alone move; a vol is
/// so many trillionths apart in them.
fn vega(row: &Row, width: i128, bits: u32) -> Result<i64, Fault> {
    let values = || row.0.iter().flatten().copied();
    let (down, up) = (values().nth(VOLS_DOWN), values().nth(VOLS_UP));
    let gained = i128::from(up.unwrap_or(0)).saturating_sub(i128::from(down.unwrap_or(0)));
    let dollars = gained.checked_shl(bits).unwrap_or(0).saturating_mul(TRILLION);
    narrow(dollars.div_euclid(width.max(1)), "margin: vega of a lot")
}

/// One, in trillionths.
const TRILLION: i128 = 1_000_000_000_000;
