//! Custody: what counts within an hour, and what may leave.

use super::world::custody::{Hour, Leaving, Limits, Outflow, carried, withdrawal, worth};
use super::world::protocol::Refusal;
use super::world::units::{Amount, BlockTime, Notional, Ppm, Price, limits};
use super::world::{Exact, Prover};
use super::{Unit, flip, whole};
use symx::{Fault, Harness};

pub(super) const ALL: &[Harness<Prover>] = &[
    Harness {
        name: "custody: what counts within an hour is no less than what left in it, and no more than what left in an hour and a minute",
        covers: &["all", "some", "one"],
        canary: Fault::Order,
        run: outflow,
    },
    Harness {
        name: "custody: an owner's hour begins with a withdrawal and counts all until it is over",
        covers: &["the same hour", "another hour"],
        canary: Fault::Sum,
        run: hour,
    },
    Harness {
        name: "custody: a withdrawal leaves if and only if it is within the owner's share, and within the limit or a little of what was brought",
        covers: &["counted", "refused"],
        canary: Fault::Rounding,
        run: leaves,
    },
    Harness {
        name: "custody: what leaves counts for its worth rounded up, and what is carried over for its part rounded down",
        covers: &["amounts"],
        canary: Fault::Rounding,
        run: amounts,
    },
];

const MINUTE: i128 = 60_000;

fn any_sum(prover: &mut Prover, name: &str) -> Notional {
    Notional::between(prover, name, 0, Notional::LIMIT)
}

fn outflow(prover: &mut Prover) {
    let mut outflow = Outflow::default();
    let mut before: Vec<(Exact, Exact)> = Vec::new();
    let mut counted = whole(0);
    for name in ["first", "second", "third"] {
        let now = BlockTime::between(prover, &format!("{name} time"), 0, BlockTime::LIMIT);
        let dollars = any_sum(prover, name);
        if let Some((last, _)) = before.last() {
            prover.assume(&last.at_most(now.exact()));
        }
        before.push((now.exact(), dollars.exact()));
        let Ok((after, total)) = outflow.with(now, dollars) else {
            return prover.never("limited withdrawals are counted");
        };
        (outflow, counted) = (after, total.exact());
    }
    prover.observe("counted", counted);
    let Some((now, _)) = before.last().copied() else { return };
    let hour = Hour::LENGTH.millis();
    let (mut least, mut most, mut within) = (whole(0), whole(0), 0);
    for (at, dollars) in before {
        if prover.decide(&(now - at).at_most(whole(hour))) {
            (least, within) = (least + dollars, within + 1);
        }
        if prover.decide(&(now - at).below(whole(hour + MINUTE))) {
            most = most + dollars;
        }
    }
    prover.cover(match within {
        3 => "all",
        2 => "some",
        _ => "one",
    });
    prover.check(&least.at_most(counted), "all that left within the hour counts");
    prover.check(&counted.at_most(most), "nothing counts for longer than a minute more");
}

fn hour(prover: &mut Prover) {
    let length = Hour::LENGTH.millis();
    let first = BlockTime::between(prover, "first time", length, BlockTime::LIMIT);
    let second = BlockTime::between(prover, "second time", length, BlockTime::LIMIT);
    let [earlier, later] = ["first", "second"].map(|name| any_sum(prover, name));
    let Ok(hour) = Hour::default().with(first, earlier).and_then(|hour| hour.with(second, later))
    else {
        return prover.never("limited withdrawals are counted");
    };
    let left = hour.left().exact();
    prover.observe("left", left);
    if prover.decide(&(second.exact() - first.exact()).below(whole(length))) {
        prover.cover("the same hour");
        return prover.check(&left.equals(earlier.exact() + later.exact()), "both count");
    }
    prover.cover("another hour");
    prover.check(&left.equals(later.exact()), "the later counts");
}

fn leaves(prover: &mut Prover) {
    let limits = Limits {
        house: any_sum(prover, "limit"),
        owner_share: Ppm::between(prover, "share", 0, limits::PPM_ONE),
        free: any_sum(prover, "free"),
    };
    let now = BlockTime::from_millis(Hour::LENGTH.millis());
    let others = any_sum(prover, "others");
    let own = any_sum(prover, "own");
    let asked = any_sum(prover, "asked");
    let leaving = Leaving { now, dollars: asked, is_brought: flip(prover, "brought") };
    let (Ok((house, _)), Ok(owner)) =
        (Outflow::default().with(now, others), Hour::default().with(now, own))
    else {
        return prover.never("limited withdrawals are counted");
    };
    let Ok(answer) = withdrawal(&limits, &house, owner, &leaving) else {
        return prover.never("limited withdrawals are counted");
    };
    let (one, zero) = (whole(limits::PPM_ONE), whole(0));
    let (owner, all) = (own.exact() + asked.exact(), others.exact() + asked.exact());
    let limit = limits.house.exact();
    // Dollars are whole: at most the share is at most the share rounded down.
    let in_share = (owner * one).at_most(limit * limits.owner_share.exact());
    let in_limit = all.at_most(limit);
    let little = match leaving.is_brought {
        true => owner.at_most(limits.free.exact()),
        false => one.at_most(zero),
    };
    let fine = in_share.and(in_limit.or(little));
    match answer {
        Ok(counted) => {
            prover.cover("counted");
            prover.check(&fine, "it is within its limits");
            prover.check(&counted.owner.left().exact().equals(owner), "it counts for the owner");
            let again = counted.house.with(now, Notional::ZERO);
            let Ok((_, total)) = again else {
                return prover.never("limited withdrawals are counted");
            };
            prover.check(&total.exact().equals(all), "and for the house");
        }
        Err(Refusal::WithdrawalLimit { exceeded_by }) => {
            prover.cover("refused");
            prover.check(&fine.not(), "it is beyond one of them");
            prover.check(&zero.below(exceeded_by.exact()), "by something");
        }
        Err(_) => prover.never("a withdrawal is refused for its limit"),
    }
}

fn amounts(prover: &mut Prover) {
    let amount = Amount::between(prover, "amount", 0, Amount::LIMIT);
    let index = Price::between(prover, "index", 1, Price::LIMIT);
    let given = Amount::between(prover, "given", 1, Amount::LIMIT);
    let brought = Amount::between(prover, "brought", 0, Amount::LIMIT);
    prover.assume(&brought.exact().at_most(given.exact()));
    let got = Amount::between(prover, "got", 0, Amount::LIMIT);
    let (Ok(worth), Ok(carried)) = (worth(amount, index), carried(brought, given, got)) else {
        return prover.never("limited amounts have a worth");
    };
    prover.cover("amounts");
    let (worth, carried, nanos) = (worth.exact(), carried.exact(), whole(1_000_000_000));
    prover.observe("worth", worth);
    prover.observe("carried", carried);
    let exact = amount.exact() * index.exact();
    prover.check(&exact.at_most(worth * nanos), "no less than it is worth");
    prover.check(&((worth - whole(1)) * nanos).below(exact), "nor more by a micro-dollar");
    let part = got.exact() * brought.exact();
    prover.check(&(carried * given.exact()).at_most(part), "no more than its part");
    prover.check(&part.below((carried + whole(1)) * given.exact()), "nor less by one");
}
