//! Liquidation, stages 0 and 1.

use super::world::clearing::{Position, Trade, novate, settle};
use super::world::protocol::{InstrumentId, Side};
use super::world::units::{Lots, Notional, Ppm, Price, Quantity, Round, limits};
use super::world::waterfall::{
    Leg, Parameters, Reduction, Share, Standing, Step, next_step, reduction,
};
use super::world::{Exact, Prover};
use super::{Unit, flip, whole};
use symx::{Fault, Harness};

pub(super) const ALL: &[Harness<Prover>] = &[
    Harness {
        name: "liquidation: only an account below maintenance is touched",
        covers: &["healthy", "reduced", "stuck"],
        canary: Fault::Order,
        run: step,
    },
    Harness {
        name: "liquidation: a reduction shrinks a position without flipping it, by the lots that are asked",
        covers: &["long", "short", "none"],
        canary: Fault::Order,
        run: reduces,
    },
    Harness {
        name: "liquidation: a reduction's limit is on the tick and inside the band",
        covers: &["long", "short"],
        canary: Fault::Lesser,
        run: limit_in_band,
    },
    Harness {
        name: "liquidation: a leg is reduced if and only if its release and its share pay for the fee, as far from the mark as they pay for",
        covers: &["long", "short", "nothing held", "no release", "no room"],
        canary: Fault::Order,
        run: furthest,
    },
    Harness {
        name: "liquidation: a reduction filled at its limit or better never makes the shortfall grow, nor loses more than its share",
        covers: &["long", "short", "bounded"],
        canary: Fault::Rounding,
        run: shortfall,
    },
    Harness {
        name: "liquidation: without equity the band widens by the fee with every turn that fills nothing, as far as a mark's",
        covers: &["wider", "as a mark's"],
        canary: Fault::Product,
        run: band_without_equity,
    },
];

/// Most dollars that an account here has or needs, either sign, in micro-dollars: 2^95 is 4·10^22 dollars.
///
/// Less than a balance may be. Beyond, the room of a contract of a billionth of a unit leaves 128 bits.
const STANDING_MICROS_MAX: i128 = 1 << 95;

fn any_dollars(prover: &mut Prover, name: &str) -> Notional {
    Notional::between(prover, name, -STANDING_MICROS_MAX, STANDING_MICROS_MAX)
}

fn any_parameters(prover: &mut Prover) -> Parameters {
    Parameters {
        band: Ppm::between(prover, "band", 0, limits::PPM_ONE),
        band_without_equity: Ppm::between(prover, "band without equity", 0, limits::PPM_ONE),
        fee: Ppm::between(prover, "fee", 0, limits::PPM_ONE),
    }
}

fn any_standing(prover: &mut Prover) -> Standing {
    Standing {
        equity: any_dollars(prover, "equity"),
        maintenance: any_dollars(prover, "maintenance"),
        target: any_dollars(prover, "target"),
    }
}

fn any_leg(prover: &mut Prover, name: &str) -> Leg {
    let part = |part| format!("{name} {part}");
    Leg {
        instrument: InstrumentId::new(u32::try_from(name.len()).unwrap_or(0)),
        lots: Lots::between(prover, &part("lots"), -limits::LOTS_MAX, limits::LOTS_MAX),
        mark: Price::limited(prover, &part("mark")),
        contract_size: Quantity::between(prover, &part("size"), 1, limits::CONTRACT_SIZE_NANOS_MAX),
        tick: Price::between(prover, &part("tick"), 1, Price::LIMIT),
        maintenance_without: any_dollars(prover, &part("maintenance without")),
        unfilled: false,
        passed: 0,
    }
}

fn step(prover: &mut Prover) {
    let (standing, parameters) = (any_standing(prover), any_parameters(prover));
    let leg = any_leg(prover, "leg");
    let unhealthy = standing.equity.exact().below(standing.maintenance.exact());
    let Ok(step) = next_step(&standing, &[(leg, parameters)]) else {
        return prover.never("limited accounts have a next step");
    };
    let (label, claim) = match step {
        Step::Healthy => {
            let share = Share { lots: Lots::from_count(1), loss: None };
            if reduction(&standing, &leg, &parameters, &share).is_ok() {
                prover.never("a healthy account is not reduced");
            }
            ("healthy", unhealthy.not())
        }
        Step::Reduce { .. } => ("reduced", unhealthy),
        Step::Stuck => ("stuck", unhealthy),
    };
    prover.cover(label);
    prover.check(&claim, "the healthy are left alone, the others are not");
}

/// Any account below maintenance, and the reduction of any part of a leg of it, with or without a bound on its loss.
fn any_reduction(prover: &mut Prover) -> (Standing, Leg, Parameters, Share, Option<Reduction>) {
    let equity = any_dollars(prover, "equity");
    let maintenance = any_dollars(prover, "maintenance");
    let target = any_dollars(prover, "target");
    let standing = Standing { equity, maintenance, target };
    let (parameters, leg) = (any_parameters(prover), any_leg(prover, "leg"));
    prover.assume(&equity.exact().below(maintenance.exact()));
    let lots = Lots::between(prover, "asked", 1, limits::LOTS_MAX);
    let held = leg.lots.exact();
    prover.assume(&held.equals(whole(0)).or(lots.exact().at_most(held.magnitude())));
    let loss = flip(prover, "bounded").then(|| any_dollars(prover, "loss"));
    let share = Share { lots, loss };
    let Ok(reduction) = reduction(&standing, &leg, &parameters, &share) else {
        prover.never("a limited account below maintenance has no fault");
        return (standing, leg, parameters, share, None);
    };
    (standing, leg, parameters, share, reduction)
}

fn reduces(prover: &mut Prover) {
    let (standing, leg, _, share, reduction) = any_reduction(prover);
    let Some(reduction) = reduction else {
        return prover.cover("none");
    };
    let (held, lots) = (leg.lots.exact(), reduction.lots.exact());
    prover.observe("lots", lots);
    prover.observe("limit", reduction.limit.exact());
    let long = prover.decide(&whole(0).below(held));
    prover.cover(if long { "long" } else { "short" });
    let (held, count) = if long { (held, -lots) } else { (-held, lots) };
    prover.lemma(&count.within(whole(1), held), "the position shrinks and does not flip");
    let release = standing.maintenance.exact() - leg.maintenance_without.exact();
    prover.check(&whole(0).below(release), "only a leg that releases margin is reduced");
    prover.check(&count.equals(share.lots.exact()), "by the lots that are asked");
}

fn limit_in_band(prover: &mut Prover) {
    let (_, leg, parameters, _, reduction) = any_reduction(prover);
    let Some(reduction) = reduction else { return };
    let (limit, mark) = (reduction.limit.exact(), leg.mark.exact());
    prover.observe("limit", limit);
    let any_multiple =
        reduction.limit.number().mul_div(super::number(whole(1)), leg.tick.number(), Round::Down);
    let multiple = any_multiple.map_or(whole(0), super::world::exact);
    prover.check(&(multiple * leg.tick.exact()).equals(limit), "the limit is on the tick");
    let distance = if prover.decide(&whole(0).below(leg.lots.exact())) {
        prover.cover("long");
        mark - limit
    } else {
        prover.cover("short");
        limit - mark
    };
    let (one, tick) = (whole(limits::PPM_ONE), leg.tick.exact());
    let band = (mark.magnitude() * parameters.band.exact()).greater(tick * one);
    prover.check(&(distance * one).at_most(band), "the limit is inside the band, or a tick away");
    prover.check(&(-distance).below(leg.tick.exact()), "no more than a tick better than the mark");
}

fn furthest(prover: &mut Prover) {
    let (standing, leg, parameters, share, reduction) = any_reduction(prover);
    let none = |prover: &mut Prover, label| match reduction {
        None => prover.cover(label),
        Some(_) => prover.never("only a position that releases margin is reduced"),
    };
    if prover.decide(&leg.lots.exact().equals(whole(0))) {
        return none(prover, "nothing held");
    }
    if prover.decide(&standing.maintenance.exact().at_most(leg.maintenance_without.exact())) {
        return none(prover, "no release");
    }
    let Some(bounds) = Bounds::of(&standing, &leg, &parameters, &share) else {
        return prover.never("what a reduction computes can be computed");
    };
    let pays = whole(0).at_most(bounds.room);
    let Some(reduction) = reduction else {
        prover.cover("no room");
        return prover.check(&pays.not(), "a leg whose release pays is reduced");
    };
    prover.check(&pays, "a leg whose release does not pay is not");
    let (mark, limit, tick) = (leg.mark.exact(), reduction.limit.exact(), leg.tick.exact());
    let (label, beyond) = if prover.decide(&whole(0).below(leg.lots.exact())) {
        ("long", limit - (mark - bounds.distance))
    } else {
        ("short", mark + bounds.distance - limit)
    };
    prover.cover(label);
    prover.observe("beyond", beyond);
    prover.check(&whole(0).at_most(beyond), "the limit is no further than the release pays for");
    prover.check(&beyond.below(tick), "nor nearer by a tick");
}

/// Maintenance margin is convex along a position, so closing `n` of `held` lots releases at least `n / held` of what
/// closing the leg releases. The shortfall does not grow if equity loses no more than that.
fn shortfall(prover: &mut Prover) {
    let (standing, leg, parameters, share, reduction) = any_reduction(prover);
    let Some(reduction) = reduction else { return };
    let long = prover.decide(&whole(0).below(leg.lots.exact()));
    prover.cover(if long { "long" } else { "short" });
    let sign = whole(if long { 1 } else { -1 });
    let count = Lots::between(prover, "filled", 1, limits::LOTS_MAX).exact();
    prover.assume(&count.within(whole(1), -reduction.lots.exact() * sign));
    let price = Price::limited(prover, "price");
    let Some(bounds) = Bounds::of(&standing, &leg, &parameters, &share) else {
        return prover.never("what a reduction computes can be computed");
    };
    let (mark, size, held) = (leg.mark.exact(), leg.contract_size.exact(), leg.lots.exact() * sign);
    // Against the account: how much worse than the mark, per unit. At the limit or better, and inside the band.
    let worse = (mark - price.exact()) * sign;
    prover.assume(
        &(price.exact() - reduction.limit.exact())
            .equals(whole(0))
            .or(whole(0).below((price.exact() - reduction.limit.exact()) * sign)),
    );
    prover.assume(&(-bounds.band).at_most(worse));
    // As the house books it; what has no exact value is no fill.
    let trade = Trade {
        side: if long { Side::Sell } else { Side::Buy },
        price,
        lots: Lots::of(super::number(count)),
        contract_size: leg.contract_size,
        pays_premium: false,
        fee: parameters.fee,
    };
    let Ok(novated) = novate(Position::default(), &trade) else { return };
    let (Ok(settled), Ok(value)) =
        (settle(novated.position, leg.mark, leg.contract_size), novated.value.magnitude())
    else {
        return prover.never("limited fills are marked");
    };
    let (gain, value) = (settled.paid.exact(), value.exact());
    let change = gain - novated.fee.exact();
    let (nanos, zero) = (whole(1_000_000_000), whole(0));
    prover.observe("change", change);

    let positive = zero.below(count).and(zero.below(size)).and(zero.below(held));
    let bounded = worse.at_most(bounds.distance);
    prover.lemma(&bounded, "no worse than the limit");
    let distance_paid = (size * bounds.distance).at_most(bounds.room * nanos);
    prover.lemma(&distance_paid, "the distance costs no more than the room");
    let worse_paid = (count * size * worse).at_most(count * bounds.room * nanos);
    prover.lemma_from(&[&positive, &bounded, &distance_paid], &worse_paid, "nor does the fill");
    let rounded = (-(count * size * worse)).below((gain + whole(1)) * nanos);
    prover.lemma(&rounded, "the gain is rounded down by less than one");
    let gain_low = (-(count * bounds.room)).at_most(gain);
    prover.lemma_from(&[&worse_paid, &rounded], &gain_low, "the loss is within the room");

    let near = price.exact().magnitude().at_most(bounds.dearest);
    prover.lemma(&near, "no price inside the band is dearer than the dearest");
    let dearest_paid = (size * bounds.dearest).at_most(bounds.value * nanos);
    prover.lemma(&dearest_paid, "the dearest price bounds the value of a lot");
    let value_exact = count * size * price.exact().magnitude();
    let value_high = value_exact.at_most(count * bounds.value * nanos);
    prover.lemma_from(&[&positive, &near, &dearest_paid], &value_high, "and of the fill");
    let value_rounded = ((value - whole(1)) * nanos).below(value_exact);
    prover.lemma(&value_rounded, "the value is rounded by less than one");
    let value_low = value.at_most(count * bounds.value);
    prover.lemma_from(&[&value_high, &value_rounded], &value_low, "the value is within bounds");
    let (fee, ppm, rate) = (gain - change, whole(limits::PPM_ONE), parameters.fee.exact());
    let fee_rounded = ((fee - whole(1)) * ppm).below(value * rate);
    prover.lemma(&fee_rounded, "the fee is rounded up by less than one");
    let lot_fee = (bounds.value * rate).at_most(bounds.fee * ppm);
    prover.lemma(&lot_fee, "the fee of a lot is not too small");
    let rate_fine = zero.at_most(rate);
    let fees = (value * rate).at_most(count * bounds.fee * ppm);
    prover.lemma_from(
        &[&positive, &rate_fine, &value_low, &lot_fee],
        &fees,
        "the fee of the fill is at most that of its lots",
    );
    let fee_low = fee.at_most(count * bounds.fee);
    prover.lemma_from(&[&fees, &fee_rounded], &fee_low, "fees are within bounds");

    let release = standing.maintenance.exact() - leg.maintenance_without.exact();
    let split = (bounds.room + bounds.fee + whole(1)).equals(bounds.most);
    prover.lemma(&split, "room and fee are less than what a lot may lose");
    let part = (bounds.per_lot * held).at_most(release);
    prover.lemma(&part, "what a lot releases is its share, rounded down");
    let least = bounds.most.at_most(bounds.per_lot);
    prover.lemma(&least, "a lot may lose no more than it releases");
    let paid = (bounds.most * held).at_most(release);
    prover.lemma_from(&[&positive, &least, &part], &paid, "nor do all that are held");
    let lots_low = (-(count * bounds.most)).at_most(change);
    prover.lemma_from(
        &[&positive, &gain_low, &fee_low, &split],
        &lots_low,
        "a lot pays for itself",
    );
    let safe = (-(count * release)).at_most(change * held);
    prover.lemma_from(&[&positive, &lots_low, &paid], &safe, "the shortfall does not grow");
    let Some(loss) = share.loss else { return };
    prover.cover("bounded");
    let asked = share.lots.exact();
    let within = (bounds.most * asked).at_most(loss.exact());
    prover.lemma(&within, "all lots together may lose their share");
    let fewer = count.at_most(asked);
    prover.lemma(&fewer, "no more is filled than asked");
    let some = zero.at_most(bounds.most);
    prover.lemma(&some, "what a lot may lose pays for its fee");
    let bounded = (-loss.exact()).at_most(change);
    prover.lemma_from(
        &[&positive, &lots_low, &within, &fewer, &some],
        &bounded,
        "nor is more lost",
    );
}

/// What a reduction computes on its way, computed again.
struct Bounds {
    band: Exact,
    dearest: Exact,
    value: Exact,
    fee: Exact,
    per_lot: Exact,
    /// What a lot may lose.
    most: Exact,
    room: Exact,
    distance: Exact,
}

impl Bounds {
    fn of(standing: &Standing, leg: &Leg, parameters: &Parameters, share: &Share) -> Option<Self> {
        let number = |exact: Exact| super::number(exact);
        let mark = leg.mark.magnitude().ok()?;
        let band = mark.scaled(parameters.band, Round::Down).ok()?.greater(leg.tick);
        let dearest = mark.plus(band).ok()?;
        let value = Lots::from_count(1).value(dearest, leg.contract_size, Round::Up).ok()?;
        let fee = value.fraction_ppm(parameters.fee, Round::Up).ok()?;
        let release = standing.maintenance.minus(leg.maintenance_without).ok()?;
        let held = leg.lots.magnitude().ok()?;
        let per_lot =
            release.number().mul_div(number(whole(1)), held.number(), Round::Down).ok()?;
        let mut most = Notional::from_number(per_lot);
        if let Some(loss) = share.loss {
            let one = number(whole(1));
            let part = loss.number().mul_div(one, share.lots.number(), Round::Down).ok()?;
            most = most.lesser(Notional::from_number(part));
        }
        let room = most.minus(fee).ok()?.minus(Notional::from_micros(1)).ok()?;
        let (one, size) = (Quantity::ONE.number(), leg.contract_size.number());
        let per_unit = room.number().mul_div(one, size, Round::Down).ok()?;
        let distance = Price::from_number(per_unit).lesser(band);
        Some(Self {
            band: band.exact(),
            dearest: dearest.exact(),
            value: value.exact(),
            fee: fee.exact(),
            per_lot: super::world::exact(per_lot),
            most: most.exact(),
            room: room.exact(),
            distance: distance.exact(),
        })
    }
}

fn band_without_equity(prover: &mut Prover) {
    let [fee, band, mark] =
        ["fee", "band", "band of a mark"].map(|name| Ppm::limited(prover, name));
    for failures in [0, 1, 2, u8::MAX] {
        let Ok(parameters) = Parameters::after(failures, fee, band, mark) else {
            return prover.never("limited rates have a band");
        };
        let tries = whole(i128::from(failures) + 1);
        let without_equity = parameters.band_without_equity.exact();
        prover.observe("without equity", without_equity);
        let asked = fee.exact() * tries;
        prover.check(&without_equity.equals(asked.lesser(mark.exact())), "the lesser of the two");
        prover.check(&parameters.band.exact().equals(band.exact()), "the other is as given");
        prover.check(&parameters.fee.exact().equals(fee.exact()), "and so is the fee");
        let wider = prover.decide(&asked.below(mark.exact()));
        prover.cover(if wider { "wider" } else { "as a mark's" });
    }
}
