//! Operations of `units`: exact, rounded as told, refused only when the result does not fit.

use super::kernel::rounded;
use super::world::units::{
    Amount, ArithmeticError, BlockHeight, BlockSpan, BlockTime, Bps, Lots, Notional, Ppb, Ppm,
    Price, Quantity, Round, Vol, limits,
};
use super::world::{Exact, Prover};
use super::{Unit, fits, flip, number, whole};
use std::cmp::Ordering;
use symx::{Fault, Harness};

pub(super) const ALL: &[Harness<Prover>] = &[
    Harness {
        name: "units: sums and differences are exact, or refused when they do not fit",
        covers: &["sum", "difference", "sum refused", "difference refused"],
        canary: Fault::Sum,
        run: |prover| each_unit(prover, &Sums),
    },
    Harness {
        name: "units: negation and magnitude are exact, or refused for the lowest number",
        covers: &["both", "refused"],
        canary: Fault::Greater,
        run: |prover| each_unit(prover, &Signs),
    },
    Harness {
        name: "units: comparison, lesser and greater follow the order of integers",
        covers: &["less", "equal", "greater"],
        canary: Fault::Order,
        run: |prover| each_unit(prover, &Comparison),
    },
    Harness {
        name: "units: a value passes its limit if and only if it is within",
        covers: &["within", "outside"],
        canary: Fault::Order,
        run: |prover| each_unit(prover, &Limit),
    },
    Harness {
        name: "units: a quantity's value is exact, rounded as told",
        covers: &["quotient", "overflow"],
        canary: Fault::Rounding,
        run: quantity_value,
    },
    Harness {
        name: "units: a position's value is exact, rounded as told",
        covers: &["quotient", "overflow", "exposure overflow"],
        canary: Fault::Product,
        run: lots_value,
    },
    Harness {
        name: "units: shares are exact, rounded as told",
        covers: &["quotient", "overflow", "divisor not positive"],
        canary: Fault::Rounding,
        run: shares,
    },
    Harness {
        name: "units: fractions and scaled prices are exact, rounded as told",
        covers: &["quotient", "overflow"],
        canary: Fault::Rounding,
        run: fractions,
    },
    Harness {
        name: "units: the two roundings differ by at most one, and only if the quotient is inexact",
        covers: &["exact", "inexact"],
        canary: Fault::Rounding,
        run: both_roundings,
    },
    Harness {
        name: "units: no value of limited numbers is ever refused",
        covers: &["values"],
        canary: Fault::Product,
        run: limited_values,
    },
    Harness {
        name: "units: a price falls on the tick next to it in the direction told",
        covers: &["on tick", "overflow", "tick not positive"],
        canary: Fault::Rounding,
        run: on_tick,
    },
    Harness {
        name: "units: times and heights count exactly",
        covers: &["since", "after", "next", "refused"],
        canary: Fault::Difference,
        run: times,
    },
    Harness {
        name: "units: amounts of the ledger are the dollars or the quantity themselves",
        covers: &["amounts"],
        canary: Fault::Sum,
        run: amounts,
    },
];

/// A property of every unit.
trait EachUnit {
    fn run<U: Unit>(&self, prover: &mut Prover);
}

/// Runs a property on each unit, one path or more for each.
fn each_unit(prover: &mut Prover, property: &impl EachUnit) {
    let unit = prover.any("unit", 0, 11);
    let mut is = |index| prover.decide(&unit.equals(whole(index)));
    let run: fn(&_, &mut Prover) = match () {
        () if is(0) => EachUnit::run::<Price>,
        () if is(1) => EachUnit::run::<Quantity>,
        () if is(2) => EachUnit::run::<Notional>,
        () if is(3) => EachUnit::run::<Amount>,
        () if is(4) => EachUnit::run::<Lots>,
        () if is(5) => EachUnit::run::<Bps>,
        () if is(6) => EachUnit::run::<Ppm>,
        () if is(7) => EachUnit::run::<Ppb>,
        () if is(8) => EachUnit::run::<Vol>,
        () if is(9) => EachUnit::run::<BlockTime>,
        () if is(10) => EachUnit::run::<BlockSpan>,
        () => EachUnit::run::<BlockHeight>,
    };
    run(property, prover);
}

/// Proves that a result is an integer, or an overflow because it does not fit; returns whether it is.
fn same(
    prover: &mut Prover,
    result: Result<Exact, ArithmeticError>,
    expected: Exact,
    what: &str,
) -> bool {
    match result {
        Ok(value) => {
            prover.observe(what, value);
            prover.check(&value.equals(expected), what);
            prover.check(&fits(value), "a result fits");
            true
        }
        Err(error) => {
            prover.check(&fits(expected).not(), "only what does not fit is refused");
            if error != ArithmeticError::Overflow {
                prover.never("what does not fit is an overflow");
            }
            false
        }
    }
}

struct Sums;

impl EachUnit for Sums {
    fn run<U: Unit>(&self, prover: &mut Prover) {
        let (x, y) = (U::any(prover, "x"), U::any(prover, "y"));
        if flip(prover, "sum") {
            let sum = same(prover, x.plus(y).map(U::exact), x.exact() + y.exact(), "a sum");
            prover.cover(if sum { "sum" } else { "sum refused" });
        } else {
            let less = x.minus(y).map(U::exact);
            let difference = same(prover, less, x.exact() - y.exact(), "a difference");
            prover.cover(if difference { "difference" } else { "difference refused" });
        }
    }
}

struct Signs;

impl EachUnit for Signs {
    fn run<U: Unit>(&self, prover: &mut Prover) {
        let x = U::any(prover, "x");
        let negated = same(prover, x.negated().map(U::exact), -x.exact(), "a negation");
        let positive = x.exact().magnitude();
        let magnitude = same(prover, x.magnitude().map(U::exact), positive, "a magnitude");
        prover.cover(if negated && magnitude { "both" } else { "refused" });
    }
}

struct Comparison;

impl EachUnit for Comparison {
    fn run<U: Unit>(&self, prover: &mut Prover) {
        let (x, y) = (U::any(prover, "x"), U::any(prover, "y"));
        let (lesser, greater) = (x.lesser(y).exact(), x.greater(y).exact());
        let (a, b) = (x.exact(), y.exact());
        prover.observe("lesser", lesser);
        prover.observe("greater", greater);
        prover.check(&lesser.equals(a.lesser(b)), "the smaller of two");
        prover.check(&greater.equals(a.greater(b)), "the greater of two");
        let order = x.cmp(&y);
        let (claim, label) = match order {
            Ordering::Less => (a.below(b), "less"),
            Ordering::Equal => (a.equals(b), "equal"),
            Ordering::Greater => (b.below(a), "greater"),
        };
        prover.cover(label);
        prover.check(&claim, "the order is that of integers");
        let agrees = (x < y) == order.is_lt()
            && (x <= y) == order.is_le()
            && (x > y) == order.is_gt()
            && (x >= y) == order.is_ge()
            && (x == y) == order.is_eq()
            && x.partial_cmp(&y) == Some(order);
        if !agrees {
            prover.never("all comparisons agree");
        }
    }
}

struct Limit;

impl EachUnit for Limit {
    fn run<U: Unit>(&self, prover: &mut Prover) {
        let x = U::any(prover, "x");
        let within = x.exact().within(whole(-U::LIMIT), whole(U::LIMIT));
        match x.within_limit() {
            Ok(value) => {
                prover.cover("within");
                prover.check(&value.exact().equals(x.exact()), "the value passes unchanged");
                prover.check(&within, "what passes is within the limit");
            }
            Err(_) => {
                prover.cover("outside");
                prover.check(&within.not(), "only what is outside the limit is refused");
            }
        }
    }
}

fn direction(prover: &mut Prover) -> Round {
    if flip(prover, "up") { Round::Up } else { Round::Down }
}

fn quantity_value(prover: &mut Prover) {
    let (quantity, price) = (Quantity::any(prover, "quantity"), Price::any(prover, "price"));
    let round = direction(prover);
    let value = quantity.value(price, round).map(Unit::exact);
    let exact = (quantity.exact() * price.exact(), whole(1_000_000_000));
    rounded(prover, value, exact, round);
}

fn lots_value(prover: &mut Prover) {
    let lots = Lots::any(prover, "lots");
    let (price, size) = (Price::any(prover, "price"), Quantity::any(prover, "size"));
    let round = direction(prover);
    let value = lots.value(price, size, round).map(Unit::exact);
    let exposure = lots.exact() * size.exact();
    if value.is_err() && prover.decide(&fits(exposure).not()) {
        prover.cover("exposure overflow");
        return;
    }
    prover.check(&fits(exposure), "the exposure fits");
    rounded(prover, value, (exposure * price.exact(), whole(1_000_000_000)), round);
}

fn shares(prover: &mut Prover) {
    let round = direction(prover);
    if flip(prover, "of lots") {
        let whole_lots = Lots::any(prover, "whole");
        let (part, total) = (Lots::any(prover, "part"), Lots::any(prover, "total"));
        let share = whole_lots.share(part, total, round).map(Unit::exact);
        rounded(prover, share, (whole_lots.exact() * part.exact(), total.exact()), round);
    } else {
        let amount = Notional::any(prover, "whole");
        let (part, total) = (Notional::any(prover, "part"), Notional::any(prover, "total"));
        let share = amount.share(part, total, round).map(Unit::exact);
        rounded(prover, share, (amount.exact() * part.exact(), total.exact()), round);
    }
}

fn fractions(prover: &mut Prover) {
    let round = direction(prover);
    let fraction = number(prover.any("fraction", i128::MIN, i128::MAX));
    let (bps, ppm) = (Bps::of(fraction), Ppm::of(fraction));
    let (value, exact, one) = if flip(prover, "of a price") {
        let price = Price::any(prover, "whole");
        (price.scaled(ppm, round).map(Unit::exact), price.exact(), 1_000_000)
    } else if flip(prover, "in bps") {
        let amount = Notional::any(prover, "whole");
        (amount.fraction_bps(bps, round).map(Unit::exact), amount.exact(), 10_000)
    } else {
        let amount = Notional::any(prover, "whole");
        (amount.fraction_ppm(ppm, round).map(Unit::exact), amount.exact(), 1_000_000)
    };
    rounded(prover, value, (exact * bps.exact(), whole(one)), round);
}

fn both_roundings(prover: &mut Prover) {
    let amount = Notional::any(prover, "whole");
    let (part, total) = (Notional::any(prover, "part"), Notional::any(prover, "total"));
    let both = (amount.share(part, total, Round::Down), amount.share(part, total, Round::Up));
    if let (Ok(down), Ok(up)) = both {
        let (down, up) = (down.exact(), up.exact());
        prover.observe("down", down);
        prover.observe("up", up);
        prover.check(&(up - down).within(whole(0), whole(1)), "they differ by at most one");
        let is_exact = (down * total.exact()).equals(amount.exact() * part.exact());
        if prover.decide(&down.equals(up)) {
            prover.cover("exact");
            prover.check(&is_exact, "equal roundings are exact");
        } else {
            prover.cover("inexact");
            prover.check(&is_exact.not(), "an exact quotient is not rounded");
        }
    }
}

fn limited_values(prover: &mut Prover) {
    let round = direction(prover);
    let price = Price::limited(prover, "price");
    let lots = Lots::between(prover, "lots", -limits::LOTS_MAX, limits::LOTS_MAX);
    let size = Quantity::between(prover, "size", 0, limits::CONTRACT_SIZE_NANOS_MAX);
    let quantity = Quantity::limited(prover, "quantity");
    let amount = Notional::limited(prover, "amount");
    let (bps, ppm) = (Bps::limited(prover, "bps"), Ppm::between(prover, "ppm", 0, 10_000_000));
    let position = lots.value(price, size, round);
    let fine = quantity.value(price, round).is_ok()
        && amount.fraction_bps(bps, round).is_ok()
        && amount.fraction_ppm(ppm, round).is_ok()
        && price.scaled(ppm, round).is_ok();
    match position {
        Ok(value) if fine => {
            prover.cover("values");
            prover.observe("position", value.exact());
            let limit = whole(limits::POSITION_VALUE_MICROS_MAX);
            prover.check(&value.exact().within(-limit, limit), "a position has a limited value");
            let exact = lots.exact() * size.exact() * price.exact();
            let gap = (value.exact() * whole(1_000_000_000) - exact).magnitude();
            prover.check(&gap.below(whole(1_000_000_000)), "a value is within one of the exact");
        }
        _ => prover.never("limited numbers have values"),
    }
}

fn on_tick(prover: &mut Prover) {
    let (price, tick) = (Price::any(prover, "price"), Price::any(prover, "tick"));
    let round = direction(prover);
    let (p, t) = (price.exact(), tick.exact());
    match price.on_tick(tick, round) {
        Ok(on_tick) => {
            prover.cover("on tick");
            let on_tick = on_tick.exact();
            prover.observe("on tick", on_tick);
            prover.check(&whole(0).below(t), "a tick is positive");
            let (lowest, highest) = match round {
                Round::Down => (whole(0), t - whole(1)),
                Round::Up => (whole(1) - t, whole(0)),
            };
            prover.check(&(p - on_tick).within(lowest, highest), "it is the next in the direction");
            // What is a multiple is its own neighbour in both directions.
            let multiple = Price::of(number(on_tick)).on_tick(tick, round).map(Unit::exact);
            prover.check(&multiple.map_or(p, |again| again).equals(on_tick), "it is on the tick");
        }
        Err(ArithmeticError::DivisorNotPositive) => {
            prover.cover("tick not positive");
            prover.check(&t.at_most(whole(0)), "only a tick that is not positive is refused");
        }
        Err(_) => {
            prover.cover("overflow");
            let (lowest, highest) = (whole(i128::MIN), whole(i128::MAX));
            let near = p.below(lowest + t).or((highest - t).below(p));
            prover.check(&near, "only a price less than a tick from the end does not fit");
        }
    }
}

fn times(prover: &mut Prover) {
    let (now, then) = (BlockTime::any(prover, "now"), BlockTime::any(prover, "then"));
    let span = BlockSpan::any(prover, "span");
    let height = BlockHeight::any(prover, "height");
    let kind = prover.any("kind", 0, 2);
    let (fine, label) = if prover.decide(&kind.equals(whole(0))) {
        let since = now.since(then).map(Unit::exact);
        (same(prover, since, now.exact() - then.exact(), "time since"), "since")
    } else if prover.decide(&kind.equals(whole(1))) {
        let after = now.after(span).map(Unit::exact);
        (same(prover, after, now.exact() + span.exact(), "time after"), "after")
    } else {
        let next = height.next().map(Unit::exact);
        (same(prover, next, height.exact() + whole(1), "next height"), "next")
    };
    prover.cover(if fine { label } else { "refused" });
}

fn amounts(prover: &mut Prover) {
    let (dollars, quantity) = (Notional::any(prover, "dollars"), Quantity::any(prover, "quantity"));
    let (first, second) = (Amount::from_notional(dollars), Amount::from_quantity(quantity));
    prover.cover("amounts");
    prover.check(&first.exact().equals(dollars.exact()), "dollars in");
    prover.check(&first.notional().exact().equals(dollars.exact()), "dollars out");
    prover.check(&second.exact().equals(quantity.exact()), "a quantity in");
    prover.check(&second.quantity().exact().equals(quantity.exact()), "a quantity out");
    let both = first.plus(second).map(Unit::exact);
    same(prover, both, dollars.exact() + quantity.exact(), "amounts add up");
}
