//! Clearing: fills, variation margin, funding, expiry.

use super::world::clearing::{
    Aggregate, FundingTerms, Position, Trade, check_dust, close, funding_payment, funding_rate,
    novate, payoff, payoff_of_lot, settle,
};
use super::world::protocol::{Contract, Fault as OurFault, Right, Side};
use super::world::units::{
    ArithmeticError, BlockTime, Lots, Notional, Ppb, Ppm, Price, Quantity, limits,
};
use super::world::{Claim, Exact, Prover};
use super::{Unit, flip, whole};
use symx::{Fault, Harness};

pub(super) const ALL: &[Harness<Prover>] = &[
    Harness {
        name: "clearing: a fill is booked if and only if it is valid, exactly and with its fee rounded up",
        covers: &["premium", "cost", "invalid lots", "invalid fee", "inexact", "over the limit"],
        canary: Fault::Rounding,
        run: fill,
    },
    Harness {
        name: "clearing: the two sides of a fill net to nothing",
        covers: &["both filled"],
        canary: Fault::Difference,
        run: two_sides,
    },
    Harness {
        name: "clearing: settling pays what the position has gained, rounded down",
        covers: &["settled"],
        canary: Fault::Rounding,
        run: settlement,
    },
    Harness {
        name: "clearing: settling everybody leaves the house dust: not negative, less than one each",
        covers: &["settled"],
        canary: Fault::Rounding,
        run: settlement_dust,
    },
    Harness {
        name: "clearing: settling again at the same price pays nothing",
        covers: &["settled"],
        canary: Fault::Difference,
        run: settle_twice,
    },
    Harness {
        name: "clearing: closing pays what settling pays and leaves no position",
        covers: &["closed"],
        canary: Fault::Difference,
        run: closing,
    },
    Harness {
        name: "clearing: what a lot pays is rounded down, and dust is passed if and only if it is not negative nor more than one each",
        covers: &["passed", "missing", "too much"],
        canary: Fault::Rounding,
        run: dust,
    },
    Harness {
        name: "clearing: payoffs are exact, options never negative, and calls less puts are futures",
        covers: &["above", "at or below"],
        canary: Fault::Greater,
        run: payoffs,
    },
    Harness {
        name: "clearing: the funding rate is an eighth of the premium plus interest, inside the cap",
        covers: &["inside", "capped"],
        canary: Fault::Lesser,
        run: rate,
    },
    Harness {
        name: "clearing: funding pays exactly, rounded down, and leaves the house dust",
        covers: &["paid"],
        canary: Fault::Rounding,
        run: funding,
    },
    Harness {
        name: "clearing: aggregates follow positions and balance exactly when nobody is missing",
        covers: &["moved", "over the limit", "balanced", "lots left over", "costs left over"],
        canary: Fault::Sum,
        run: aggregates,
    },
];

const NANOS: i128 = 1_000_000_000;

fn any_position(prover: &mut Prover, name: &str) -> Position {
    let lots = Lots::limited(prover, &format!("{name} lots"));
    let cost = Notional::limited(prover, &format!("{name} cost"));
    let funded = Notional::limited(prover, &format!("{name} funded"));
    Position { lots, cost, funded }
}

/// Returns any contract size that can be listed.
fn any_size(prover: &mut Prover) -> Quantity {
    Quantity::between(prover, "size", 1, limits::CONTRACT_SIZE_NANOS_MAX)
}

fn any_trade(prover: &mut Prover) -> Trade {
    let side = if flip(prover, "buys") { Side::Buy } else { Side::Sell };
    Trade {
        side,
        price: Price::limited(prover, "price"),
        lots: Lots::limited(prover, "lots"),
        contract_size: any_size(prover),
        pays_premium: flip(prover, "pays premium"),
        fee: Ppm::between(prover, "fee", -10, limits::PPM_ONE),
    }
}

fn fill(prover: &mut Prover) {
    let position = any_position(prover, "held");
    let trade = any_trade(prover);
    let sign = if trade.side == Side::Buy { whole(1) } else { whole(-1) };
    let lots = trade.lots.exact() * sign;
    let exact = lots * trade.contract_size.exact() * trade.price.exact();
    let after = position.lots.exact() + lots;
    let positive = whole(0).below(trade.lots.exact());
    let fee_valid = whole(0).at_most(trade.fee.exact());
    let limit = whole(Lots::LIMIT);
    match novate(position, &trade) {
        Ok(novated) => {
            let (value, fee) = (novated.value.exact(), novated.fee.exact());
            let (premium, cost) = (novated.premium.exact(), novated.position.cost.exact());
            prover.observe("value", value);
            prover.observe("fee", fee);
            prover.observe("cost", cost);
            prover.check(&positive.and(fee_valid), "only a valid fill is booked");
            prover.lemma(&(value * whole(NANOS)).equals(exact), "the value is exact");
            prover.check(&novated.position.lots.exact().equals(after), "the lots are added");
            prover.check(&after.within(-limit, limit), "the position is within its limit");
            let owed = value.magnitude() * trade.fee.exact();
            prover.check(&owed.at_most(fee * whole(limits::PPM_ONE)), "the fee is not too small");
            let less = (fee - whole(1)) * whole(limits::PPM_ONE);
            prover.check(&less.below(owed), "nor too large by one");
            let (paid, carried) = match trade.pays_premium {
                true => (value, whole(0)),
                false => (whole(0), value),
            };
            prover.cover(if trade.pays_premium { "premium" } else { "cost" });
            prover.check(&premium.equals(paid), "a premium is paid now");
            let carried = position.cost.exact() + carried;
            prover.check(&cost.equals(carried), "a cost is carried until settlement");
        }
        Err(fault) => {
            let any_value = prover.any("any value", i128::MIN, i128::MAX);
            let inexact = (any_value * whole(NANOS)).equals(exact).not();
            let reason = match fault {
                OurFault::Invariant("a fill has positive lots") => ("invalid lots", positive.not()),
                OurFault::Invariant("a fee is not negative") => ("invalid fee", fee_valid.not()),
                OurFault::Invariant("the value of a fill is exact") => ("inexact", inexact),
                OurFault::Arithmetic { error: ArithmeticError::OutOfLimits, .. } => {
                    ("over the limit", after.within(-limit, limit).not())
                }
                _ => ("no other fault", Claim::constant(false)),
            };
            prover.check(&reason.1, "a fault has its reason");
            prover.cover(reason.0);
        }
    }
}

fn two_sides(prover: &mut Prover) {
    let (buyer, seller) = (any_position(prover, "buyer"), any_position(prover, "seller"));
    let bought = Trade { side: Side::Buy, ..any_trade_of(prover) };
    let sold = Trade { side: Side::Sell, fee: Ppm::limited(prover, "seller's fee"), ..bought };
    if let (Ok(buyer_after), Ok(seller_after)) = (novate(buyer, &bought), novate(seller, &sold)) {
        prover.cover("both filled");
        let sum = |pick: fn(&_) -> Exact| pick(&buyer_after) + pick(&seller_after);
        let nothing = whole(0);
        prover.observe("value", buyer_after.value.exact());
        prover.check(&sum(|n| n.value.exact()).equals(nothing), "values net to nothing");
        prover.check(&sum(|n| n.premium.exact()).equals(nothing), "premiums net to nothing");
        let lots = buyer.lots.exact() + seller.lots.exact();
        prover.check(&sum(|n| n.position.lots.exact()).equals(lots), "lots net to nothing");
        let cost = buyer.cost.exact() + seller.cost.exact();
        prover.check(&sum(|n| n.position.cost.exact()).equals(cost), "costs net to nothing");
        prover.check(&nothing.at_most(buyer_after.fee.exact()), "a fee is never paid out");
    }
}

/// As [`any_trade`], on the buyer's side.
fn any_trade_of(prover: &mut Prover) -> Trade {
    Trade {
        side: Side::Buy,
        price: Price::limited(prover, "price"),
        lots: Lots::between(prover, "lots", 1, limits::LOTS_MAX),
        contract_size: any_size(prover),
        pays_premium: flip(prover, "pays premium"),
        fee: Ppm::limited(prover, "fee"),
    }
}

/// Proves that a value is the exact one of a position, rounded down.
fn check_value(prover: &mut Prover, value: Exact, exact: Exact) {
    prover.check(&(value * whole(NANOS)).at_most(exact), "the value is rounded down");
    prover.check(&exact.below((value + whole(1)) * whole(NANOS)), "by less than one");
}

fn settlement(prover: &mut Prover) {
    let position = any_position(prover, "held");
    let (price, size) = (Price::limited(prover, "price"), any_size(prover));
    match settle(position, price, size) {
        Ok(settled) => {
            prover.cover("settled");
            let (paid, cost) = (settled.paid.exact(), settled.position.cost.exact());
            prover.observe("paid", paid);
            prover.check(
                &settled.position.lots.exact().equals(position.lots.exact()),
                "it stays open",
            );
            let exact = position.lots.exact() * size.exact() * price.exact();
            check_value(prover, cost, exact);
            let gained = cost - position.cost.exact();
            prover.check(&paid.equals(gained), "what is paid is what was gained");
        }
        Err(_) => prover.never("limited positions can be settled"),
    }
}

fn settlement_dust(prover: &mut Prover) {
    let positions = ["a", "b", "c"].map(|name| any_position(prover, name));
    let (price, size) = (Price::limited(prover, "price"), any_size(prover));
    let sum = |of: fn(&Position) -> Exact| {
        positions.iter().map(of).fold(whole(0), |sum, value| sum + value)
    };
    prover.assume(&sum(|position| position.lots.exact()).equals(whole(0)));
    // The clearing balance mirrors the costs; what is paid leaves it.
    let mut house = -sum(|position| position.cost.exact());
    let mut costs = whole(0);
    let before = house;
    for position in positions {
        let Ok(settled) = settle(position, price, size) else {
            return prover.never("limited positions can be settled");
        };
        house = house - settled.paid.exact();
        costs = costs + settled.position.cost.exact();
    }
    prover.cover("settled");
    prover.observe("house", house);
    prover.check(&(house + costs).equals(whole(0)), "costs and clearing balance sum to zero");
    prover.check(&house.within(whole(0), whole(2)), "dust is not negative, less than one each");
    let paid = before - house;
    let gained = costs - sum(|position| position.cost.exact());
    prover.check(&paid.equals(gained), "what is paid out is what was gained");
}

fn settle_twice(prover: &mut Prover) {
    let position = any_position(prover, "held");
    let (price, size) = (Price::limited(prover, "price"), any_size(prover));
    let Ok(once) = settle(position, price, size) else {
        return prover.never("limited positions can be settled");
    };
    match settle(once.position, price, size) {
        Ok(twice) => {
            prover.cover("settled");
            prover.check(&twice.paid.exact().equals(whole(0)), "nothing is paid again");
        }
        Err(_) => prover.never("a settled position can be settled"),
    }
}

fn closing(prover: &mut Prover) {
    let position = any_position(prover, "held");
    let (price, size) = (Price::limited(prover, "price"), any_size(prover));
    let (Ok(settled), Ok(closed)) = (settle(position, price, size), close(position, price, size))
    else {
        return prover.never("limited positions can be closed");
    };
    prover.cover("closed");
    prover.observe("paid", closed.paid.exact());
    prover.check(&closed.paid.exact().equals(settled.paid.exact()), "it pays as settling does");
    prover.check(&closed.position.lots.exact().equals(whole(0)), "no lots are left");
    prover.check(&closed.position.cost.exact().equals(whole(0)), "no cost is left");
    let exact = position.lots.exact() * size.exact() * price.exact();
    check_value(prover, closed.paid.exact() + position.cost.exact(), exact);
}

fn dust(prover: &mut Prover) {
    let (price, size) = (Price::limited(prover, "price"), any_size(prover));
    let Ok(lot) = payoff_of_lot(price, size) else {
        return prover.never("a lot at a limited price pays something");
    };
    check_value(prover, lot.exact(), size.exact() * price.exact());
    let dust = Notional::limited(prover, "dust");
    let fine = dust.exact().within(whole(0), whole(2));
    match check_dust(dust, 2) {
        Ok(()) => {
            prover.cover("passed");
            prover.check(&fine, "it is dust");
        }
        Err(_) => {
            let missing = prover.decide(&dust.exact().below(whole(0)));
            prover.cover(if missing { "missing" } else { "too much" });
            prover.check(&fine.not(), "it is none");
        }
    }
}

fn payoffs(prover: &mut Prover) {
    let expires_at = BlockTime::from_millis(1);
    let (strike, price) = (Price::limited(prover, "strike"), Price::limited(prover, "price"));
    let option = |right| Contract::Option { expires_at, strike, right };
    let contracts = [
        Contract::Perpetual,
        Contract::Future { expires_at },
        option(Right::Call),
        option(Right::Put),
    ];
    let [Ok(perpetual), Ok(future), Ok(call), Ok(put)] =
        contracts.map(|contract| payoff(&contract, price).map(Unit::exact))
    else {
        return prover.never("limited prices have payoffs");
    };
    let (strike, price) = (strike.exact(), price.exact());
    prover.observe("call", call);
    prover.observe("put", put);
    prover.check(&perpetual.equals(price), "a perpetual settles at the price");
    prover.check(&future.equals(price), "a future settles at the price");
    prover.check(&(call - put).equals(price - strike), "calls less puts are futures");
    if prover.decide(&strike.below(price)) {
        prover.cover("above");
        prover.check(&call.equals(price - strike).and(put.equals(whole(0))), "the call pays");
    } else {
        prover.cover("at or below");
        prover.check(&put.equals(strike - price).and(call.equals(whole(0))), "the put pays");
    }
}

fn rate(prover: &mut Prover) {
    let mut limited = |name| Ppb::limited(prover, name);
    let (premium, interest) = (limited("premium"), limited("interest"));
    let cap = Ppb::between(prover, "cap", 0, Ppb::LIMIT);
    let Ok(rate) = funding_rate(&FundingTerms { premium, interest, cap }) else {
        return prover.never("limited terms have a rate");
    };
    let (rate, cap) = (rate.exact(), cap.exact());
    prover.observe("rate", rate);
    prover.check(&rate.within(-cap, cap), "the rate is inside the cap");
    let eighth = (rate - interest.exact()) * whole(8);
    let low = eighth.at_most(premium.exact());
    let high = premium.exact().below(eighth + whole(8));
    if prover.decide(&rate.magnitude().below(cap)) {
        prover.cover("inside");
        prover.check(&low.and(high), "inside the cap it is an eighth plus interest, rounded down");
    } else {
        prover.cover("capped");
        let outside = rate.equals(cap).and(low).or(rate.equals(-cap).and(high));
        prover.check(&outside, "at the cap it is not above or below its terms");
    }
}

fn funding(prover: &mut Prover) {
    let (size, accrued) = (any_size(prover), Price::limited(prover, "accrued"));
    let mut left = whole(0);
    let mut dust = whole(0);
    let accounts = ["a", "b", "c"].map(|name| Lots::limited(prover, name));
    let sum = accounts.iter().fold(whole(0), |sum, lots| sum + lots.exact());
    prover.assume(&sum.equals(whole(0)));
    let per_lot = size.exact() * accrued.exact();
    for lots in accounts {
        let Ok(paid) = funding_payment(lots, size, accrued).map(Unit::exact) else {
            return prover.never("limited positions have a funding payment");
        };
        prover.observe("paid", paid);
        let exact = -lots.exact() * per_lot;
        let scale = whole(NANOS);
        prover.lemma(&(paid * scale).at_most(exact), "a payment is rounded down");
        prover.lemma(&exact.below((paid + whole(1)) * scale), "by less than one");
        left = left + exact - paid * scale;
        dust = dust - paid;
    }
    prover.cover("paid");
    prover.check(&left.equals(dust * whole(NANOS)), "exact payments net to nothing");
    prover.check(&dust.within(whole(0), whole(2)), "dust is not negative, less than one each");
}

fn aggregates(prover: &mut Prover) {
    let net = Lots::limited(prover, "net");
    let open_interest = Lots::limited(prover, "open interest");
    let cost = Notional::limited(prover, "cost");
    let sums = Aggregate { net, open_interest, cost };
    if flip(prover, "moved") {
        let (before, after) = (any_position(prover, "before"), any_position(prover, "after"));
        let gained = |of: fn(&Position) -> Exact| of(&after) - of(&before);
        let long = gained(|position| position.lots.exact().greater(whole(0)));
        let open = open_interest.exact() + long;
        let limit = whole(Lots::LIMIT);
        match sums.moved(before, after) {
            Ok(moved) => {
                prover.cover("moved");
                prover.observe("open interest", moved.open_interest.exact());
                let lots = net.exact() + gained(|position| position.lots.exact());
                prover.check(&moved.net.exact().equals(lots), "net lots follow");
                prover.check(&moved.open_interest.exact().equals(open), "long lots follow");
                let carried = cost.exact() + gained(|position| position.cost.exact());
                prover.check(&moved.cost.exact().equals(carried), "costs follow");
                prover.check(&open.within(-limit, limit), "open interest is within its limit");
            }
            Err(_) => {
                prover.cover("over the limit");
                prover.check(&open.within(-limit, limit).not(), "only open interest has a limit");
            }
        }
        return;
    }
    let balance = Notional::limited(prover, "clearing balance");
    let nobody_missing = net.exact().equals(whole(0));
    let mirrored = (cost.exact() + balance.exact()).equals(whole(0));
    let (label, claim) = match sums.check(balance) {
        Ok(()) => ("balanced", nobody_missing.and(mirrored)),
        Err(OurFault::Invariant("lots of a contract sum to zero")) => {
            ("lots left over", nobody_missing.not())
        }
        Err(_) => ("costs left over", nobody_missing.and(mirrored.not())),
    };
    prover.cover(label);
    prover.check(&claim, "the books of a contract balance if and only if they say so");
}
