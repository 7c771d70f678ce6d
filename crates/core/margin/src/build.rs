//! Builds the scenario matrices of a block.

use crate::bounds::{CHARGE_BITS, STRETCH_BITS};
use crate::impact::Rate;
use crate::input::{MarketInput, Settlement, UnderlyingInput};
use crate::lanes::{Matrix, Row};
use crate::mark::call_value;
use crate::matrix::{Profits, Shocks, greatest, shocks};
use crate::parameters::Parameters;
use crate::risk::{Charges, Class, Group, Pledge, Risk, Slot, Terms, Underlying};
use crate::scenario::{DOWN_ONE_FIFTH, SCENARIOS, UP_ONE_FIFTH, VOLS_DOWN, VOLS_UP};
use crate::valuation::{Expiry, OptionValuer, VolMultipliers, YEAR, narrow};
use crate::weights::Weights;
use places::Table;
use pricing::Forward;
use protocol::{AssetId, Contract, Fault, UnderlyingId};
use std::collections::BTreeMap;
use units::{BlockTime, Num, Ppb, Ppm, Price, Quantity, Round, Vol, limits};

/// Least value of a lot of collateral: a dollar.
const PLEDGED_LOT_VALUE: Price = Price::ONE;

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
        let impacts = underlyings.iter().any(|held| !held.push.is_zero() || !held.twist.is_zero());
        let single = moves.iter().all(|moves| moves.new == moves.hold);
        let mut risk = Self {
            new: Matrix::default(),
            hold: None,
            slots: Vec::with_capacity(items.len()),
            weights: Vec::with_capacity(items.len()),
            in_micros: true,
            terms: Vec::with_capacity(items.len()),
            groups: Vec::new(),
            underlyings,
            classes,
            instruments: Table::default(),
            pledges: BTreeMap::new(),
            maintenance_ratio: parameters.maintenance_ratio,
            buffer_ratio: parameters.buffer_ratio,
            impacts,
            arch: pulp::Arch::new(),
        };
        let mut hold = Matrix::default();
        let mut builder = Builder { parameters, now, shared: None, last: None, strikes: 0 };
        for item in &items {
            let moves = usize::try_from(item.underlying).ok().and_then(|place| moves.get(place));
            let moves = moves.ok_or(Fault::Missing("margin: underlying"))?;
            let held = builder.add(&mut risk, item, moves, single)?;
            held.into_iter().for_each(|row| hold.push(row));
        }
        risk.hold = (!single).then_some(hold);
        Ok(risk)
    }
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
        let rate = |deviation, volume| {
            let rate = Rate::new(parameters.impact, deviation, volume, input.depth);
            rate.map_err(Fault::at("margin: impact"))
        };
        underlyings.push(Underlying {
            input: *input,
            push: rate(input.vol_daily, input.volume_daily)?,
            twist: rate(input.vol_move_daily, input.vega_daily)?,
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
    while lot.nanos() <= limits::CONTRACT_SIZE_NANOS_MAX {
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

struct Builder<'a> {
    parameters: &'a Parameters,
    now: BlockTime,
    /// What the last contract was built from, for the next one of the same expiry.
    shared: Option<((Price, Option<Settlement>), Shared)>,
    last: Option<(u32, Option<BlockTime>, Option<Price>, Quantity)>,
    strikes: u32,
}

impl Builder<'_> {
    /// Appends an item's row for new risk, and returns the one for risk held if they differ.
    fn add(
        &mut self,
        risk: &mut Risk,
        item: &Item<'_>,
        moves: &Moves,
        single: bool,
    ) -> Result<Option<Row>, Fault> {
        let place = usize::try_from(item.underlying).unwrap_or(usize::MAX);
        let underlying = risk.underlyings.get(place).ok_or(Fault::Missing("margin: underlying"))?;
        let Underlying { input, push, twist, .. } = *underlying;
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
        let shared = self.shared.as_ref().map(|(_, shared)| shared);
        let shared = shared.ok_or(Fault::Missing("margin: expiry"))?;
        if !same_expiry {
            risk.groups.push(Group {
                underlying: item.underlying,
                expires_at: item.expires_at,
                kept: calendar_kept(self.parameters, &shared.expiry),
            });
        }
        let key = (item.underlying, item.expires_at, item.strike, item.size);
        if item.strike.is_some() && self.last != Some(key) {
            self.strikes = self.strikes.saturating_add(1);
        }
        self.last = Some(key);
        let (new, hold) = self.profits(item, shared, moves, mark, vol, single)?;
        let bits = hold.as_ref().map_or(0, Profits::bits).max(new.bits());
        let (row_new, row_hold) = (new.row(bits), hold.map(|profits| profits.row(bits)));
        let group = risk.groups.last().ok_or(Fault::Missing("margin: expiry"))?;
        let base = parts(self.parameters.calendar.base);
        let kept = PPM_ONE.saturating_add(group.kept).saturating_sub(base);
        let doubt = vol_doubt(item, &shared.expiry)?;
        let (value, fraction) = value_of_lot(mark, item.size)?;
        let delta = delta(&row_new, &moves.new, bits)?;
        let vega = match item.strike {
            Some(_) => vega(&row_new, shared.vol.width(vol), bits)?,
            None => 0,
        };
        let facts = Slot {
            group: index_of(risk.groups.len().saturating_sub(1))?,
            kept,
            stretch: stretch(kept),
            fee: parts(input.fee),
            underlying: item.underlying,
            strike: if item.strike.is_some() { self.strikes } else { 0 },
            bits,
            reserve: reserve(item, bits)?,
            greatest: greatest_loss(&row_new, row_hold.as_ref(), bits)?,
            mark,
            size: item.size,
            value,
            fraction,
            initial: self.charges(item, &input, doubt, true)?,
            maintenance: self.charges(item, &input, doubt, false)?,
            delta,
            vega,
            pressure: push.pressure(delta.into()).with(twist.pressure(vega.into())),
        };
        risk.weights.push(Weights::new(&facts)?);
        risk.in_micros &= bits == 0;
        risk.slots.push(facts);
        risk.terms.push(Terms {
            contract: item.market.map(|market| market.instrument.contract),
            expiry: shared.expiry,
            vol,
        });
        risk.new.push(row_new);
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
        Ok(row_hold)
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
        Ok(Shared { expiry, vol: VolMultipliers::new(&self.parameters.vol, &expiry)?, new, hold })
    }

    /// Returns the profits for new risk, and those for risk held if they differ.
    fn profits(
        &self,
        item: &Item<'_>,
        shared: &Shared,
        moves: &Moves,
        mark: Price,
        vol: Vol,
        single: bool,
    ) -> Result<(Profits, Option<Profits>), Fault> {
        let scenarios = &self.parameters.scenarios;
        let contract = item.market.map(|market| market.instrument.contract);
        if let Some(Contract::Option { strike, right, .. }) = contract {
            let valuer = OptionValuer::new(right, strike, vol, &shared.expiry, &shared.vol)?;
            let of = |forwards| Profits::option(scenarios, forwards, &valuer, mark, item.size);
            return Ok((of(&shared.new)?, (!single).then(|| of(&shared.hold)).transpose()?));
        }
        let of = |shocks| Profits::linear(scenarios, shocks, &shared.expiry, mark, item.size);
        Ok((of(&moves.new)?, (!single).then(|| of(&moves.hold)).transpose()?))
    }

    /// Returns the charges of a lot in initial or maintenance margin (0019-MARG-008).
    fn charges(
        &self,
        item: &Item<'_>,
        input: &UnderlyingInput,
        doubt: Price,
        initial: bool,
    ) -> Result<Charges, Fault> {
        let at = || Fault::at("margin: charges");
        let parameters = self.parameters;
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
            let funding = item.market.map_or(Ppb::ZERO, |market| market.funding);
            let hours = Num::new(i128::from(parameters.funding_hours));
            let rate = funding.magnitude().map_err(at())?.number().times(hours).map_err(at())?;
            let paid = index.number().mul_div(rate, Num::new(limits::PPB_ONE), Round::Up);
            let paid = Price::from_number(paid.map_err(at())?);
            if funding > Ppb::ZERO {
                long = paid
            } else {
                short = paid
            }
            if item.asset.is_none() {
                let range = share(ranges(parameters, input).0)?;
                both = both
                    .plus(range.scaled(parameters.depeg(), Round::Up).map_err(at())?)
                    .map_err(at())?;
            }
        }
        if item.asset.is_some() {
            let kept = if initial {
                Ppm::from_parts(limits::PPM_ONE)
            } else {
                parameters.haircut_maintenance_share
            };
            let haircut = share(input.haircut)?.scaled(kept, Round::Up).map_err(at())?;
            long = long.plus(haircut).map_err(at())?;
            beyond = share(input.haircut_beyond)?.scaled(kept, Round::Up).map_err(at())?;
            let lot = item.size.value(input.index, Round::Up).map_err(at())?.micros();
            let knee = input.haircut_knee.micros().checked_div_euclid(lot).unwrap_or(0);
            knee_lots = i64::try_from(knee).unwrap_or(i64::MAX);
        }
        let naked = if item.strike.is_some() {
            let further = if initial { input.short_option_initial } else { Ppm::ZERO };
            let least = share(input.short_option_maintenance.plus(further).map_err(at())?)?;
            least.plus(doubt).map_err(at())?
        } else {
            Price::ZERO
        };
        Ok(Charges {
            long: per_lot(both.plus(long).map_err(at())?, item.size)?,
            short: per_lot(both.plus(short).map_err(at())?, item.size)?,
            naked: per_lot(naked, item.size)?,
            beyond: per_lot(beyond, item.size)?,
            knee: knee_lots,
        })
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
    let limit = Vol::from_points(Vol::LIMIT);
    let higher = market.vol.plus(market.vol_uncertainty).map_err(at())?.lesser(limit);
    let value = |vol: Vol, round| call_value(strike, vol, expiry, round);
    let more = value(higher, Round::Up)?.minus(value(market.vol, Round::Down)?).map_err(at())?;
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

/// Returns what rounding may hide in a short lot: a unit of the row, and for options what pricing rounds away.
fn reserve(item: &Item<'_>, bits: u32) -> Result<i64, Fault> {
    let unit = 1i128.checked_shl(bits).unwrap_or(i128::MAX);
    let pricing = if item.strike.is_some() {
        let twice = item.size.nanos().saturating_mul(2);
        twice.saturating_add(limits::PPB_ONE.saturating_sub(1)).div_euclid(limits::PPB_ONE)
    } else {
        0
    };
    narrow(unit.saturating_add(pricing), "margin: reserve")
}

fn greatest_loss(new: &Row, hold: Option<&Row>, bits: u32) -> Result<i64, Fault> {
    let most = hold.map_or(0, greatest).max(greatest(new));
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
