//! Debts: who pays them, what a fund may pay, and for how much collateral is sold.

use super::world::protocol::{AssetId, UnderlyingId};
use super::world::units::{Amount, BlockTime, Notional, Ppm, Price, limits};
use super::world::waterfall::{
    Allowance, Answering, Buyer, Fund, Pledge, beyond, cover, equity_to_lose, proceeds, purchase,
    sale_price, sales,
};
use super::world::{Exact, Prover};
use super::{Unit, flip, whole};
use symx::{Fault, Harness};

pub(super) const ALL: &[Harness<Prover>] = &[
    Harness {
        name: "debts: an allowance is a share of the fund, holds for a day, and is renewed after it",
        covers: &["held", "renewed"],
        canary: Fault::Rounding,
        run: allowance,
    },
    Harness {
        name: "debts: funds pay in order, each up to its balance and its allowances, then the fees, and no less",
        covers: &["first", "second", "fees", "uncovered", "no debt"],
        canary: Fault::Lesser,
        run: covered,
    },
    Harness {
        name: "debts: collateral is sold for no more than is owed or sought, than its fund may pay or than it is worth, and for no less",
        covers: &["all", "part", "none", "nothing held", "no buyer"],
        canary: Fault::Rounding,
        run: sold,
    },
    Harness {
        name: "debts: one asset after another is sold, and together for no more than is owed",
        covers: &["both", "first", "second", "none"],
        canary: Fault::Difference,
        run: sold_in_order,
    },
    Harness {
        name: "debts: a bidder buys no more than it asks for, than is held or than pays the debt, and pays what that is worth",
        covers: &["wanted", "held", "debt"],
        canary: Fault::Rounding,
        run: bought,
    },
    Harness {
        name: "debts: the price of a sale is the index less the fee, and more than nothing; what it brings is rounded down",
        covers: &["priced", "a micro-dollar"],
        canary: Fault::Rounding,
        run: priced,
    },
    Harness {
        name: "debts: what is owed beyond collateral is what its worth, rounded up, leaves of the debt",
        covers: &["beyond"],
        canary: Fault::Rounding,
        run: owed_beyond,
    },
    Harness {
        name: "debts: orders may lose no more than equity less what a sale may cost, and something if there is any",
        covers: &["nothing sold", "sold", "all but nothing"],
        canary: Fault::Rounding,
        run: to_lose,
    },
];

/// Returns any allowance with something, or nothing, left of it.
fn any_allowance(prover: &mut Prover, name: &str) -> Allowance {
    let left = Notional::between(prover, name, 0, Notional::LIMIT);
    let all = Ppm::from_parts(limits::PPM_ONE);
    let now = BlockTime::from_millis(Allowance::DAY.millis());
    let allowance = Allowance::default().at(now, left, all);
    allowance.unwrap_or_default()
}

fn any_fund(prover: &mut Prover, name: &str) -> Fund {
    let balance = Notional::limited(prover, &format!("{name} balance"));
    Fund { balance, day: any_allowance(prover, &format!("{name} day")) }
}

/// Returns what a fund may pay to all accounts, by its parts.
fn payable(fund: &Fund) -> Exact {
    fund.balance.exact().greater(whole(0)).lesser(fund.day.left().exact())
}

fn allowance(prover: &mut Prover) {
    let share = Ppm::between(prover, "share", 0, limits::PPM_ONE);
    let balance = Notional::limited(prover, "balance");
    let day = Allowance::DAY.millis();
    let first = BlockTime::between(prover, "first", day, BlockTime::LIMIT);
    let later = BlockTime::between(prover, "later", day, BlockTime::LIMIT);
    let Ok(allowance) = Allowance::default().at(first, balance, share) else {
        return prover.never("a limited fund has an allowance");
    };
    let (left, one) = (allowance.left().exact(), whole(limits::PPM_ONE));
    let exact = balance.exact().greater(whole(0)) * share.exact();
    prover.observe("left", left);
    prover.check(&(left * one).at_most(exact), "no more than the share of what the fund has");
    prover.check(&exact.below((left + whole(1)) * one), "nor less by a micro-dollar");
    let paid = Notional::between(prover, "paid", 0, Notional::LIMIT);
    prover.assume(&paid.exact().at_most(left));
    let other = Notional::limited(prover, "balance later");
    let Ok(after) = allowance.spent(paid).and_then(|spent| spent.at(later, other, share)) else {
        return prover.never("what is within an allowance can be paid");
    };
    let fresh = Allowance::default().at(later, other, share).map(Allowance::left);
    let since = later.exact() - first.exact();
    if prover.decide(&since.below(whole(day))) {
        prover.cover("held");
        prover.check(&(after.left().exact() + paid.exact()).equals(left), "what is paid is gone");
    } else {
        prover.cover("renewed");
        let Ok(fresh) = fresh else { return prover.never("a limited fund has an allowance") };
        prover.check(&after.left().exact().equals(fresh.exact()), "it is of the fund as it is");
    }
}

fn covered(prover: &mut Prover) {
    let (debt, fees) = (Notional::limited(prover, "debt"), Notional::limited(prover, "fees"));
    let (owed, zero) = (debt.exact(), whole(0));
    let funds = [(1, "first"), (2, "second")].map(|(id, name)| Answering {
        id: UnderlyingId::new(id),
        fund: any_fund(prover, name),
        event: any_allowance(prover, &format!("{name} event")),
    });
    let Ok(cover) = cover(debt, &funds, fees) else {
        prover.cover("no debt");
        return prover.check(&owed.below(zero), "only a negative debt is no debt");
    };
    prover.check(&zero.at_most(owed), "a debt is not negative");
    let (mut rest, mut paid) = (owed, zero);
    for (each, name) in funds.iter().zip(["first", "second"]) {
        let payment = cover.payments.iter().find(|payment| payment.id == each.id);
        let most = payable(&each.fund).lesser(each.event.left().exact());
        let pays = payment.map_or(zero, |payment| payment.paid.exact());
        prover.observe(name, pays);
        prover.check(&pays.within(zero, most), "no more than it has, nor than its allowances");
        prover.check(&pays.equals(most.lesser(rest)), "and no less, while there is debt");
        if let Some(payment) = payment {
            prover.cover(name);
            let (event, day) = (payment.event.left().exact(), payment.day.left().exact());
            let event_before = each.event.left().exact();
            prover.check(&(event + pays).equals(event_before), "it counts for the account");
            let day_before = each.fund.day.left().exact();
            prover.check(&(day + pays).equals(day_before), "and for the day");
        }
        (rest, paid) = (rest - pays, paid + pays);
    }
    let pays = cover.fees.exact();
    let earned = fees.exact().greater(zero);
    prover.check(&pays.equals(earned.lesser(rest)), "the fees pay the rest as far as they go");
    let (all, uncovered) = (cover.paid.exact(), cover.uncovered.exact());
    prover.check(&all.equals(paid + pays), "what is paid is what funds and fees pay");
    prover.check(&(all + uncovered).equals(owed), "what is paid and what is not make up the debt");
    prover.check(&zero.at_most(uncovered), "no more is paid than the debt");
    if prover.decide(&zero.below(uncovered)) {
        prover.cover("uncovered");
    } else if prover.decide(&zero.below(pays)) {
        prover.cover("fees");
    }
}

/// Any asset that is pledged, and the fund that would buy it.
fn any_pledge(prover: &mut Prover, (id, name): (u16, &str), sought: Notional) -> Pledge {
    let part = |part| format!("{name} {part}");
    let held = Amount::between(prover, &part("held"), 0, Amount::LIMIT);
    let price = Price::between(prover, &part("price"), 1, Price::LIMIT);
    let fund = any_fund(prover, name);
    let buyer = Some(Buyer { id: UnderlyingId::new(id), price, fund });
    Pledge { asset: AssetId::new(id), held, sought, buyer }
}

fn sold(prover: &mut Prover) {
    let debt = Notional::limited(prover, "debt");
    let sought = Notional::between(prover, "sought", 0, Notional::LIMIT);
    let mut pledge = any_pledge(prover, (1, "pledge"), sought);
    if flip(prover, "no buyer") {
        pledge.buyer = None;
    }
    let Ok(disposals) = sales(debt, &[pledge]) else {
        return prover.never("limited collateral can be sold");
    };
    let [disposal] = disposals.as_slice() else {
        return prover.never("one disposal for one pledge");
    };
    let dollars = debt.exact().greater(sought.exact());
    let Some(Buyer { price, fund, .. }) = pledge.buyer else {
        prover.cover("no buyer");
        let unsold = disposal.sold.is_none();
        if !unsold {
            prover.never("what nobody buys is not sold");
        }
        return prover.check(&disposal.sought.exact().equals(sought.exact()), "all is for sale");
    };
    let (held, price) = (pledge.held.exact(), price.exact());
    let Some(sold) = disposal.sold else {
        prover.check(&disposal.sought.exact().equals(sought.exact()), "all is for sale");
        if prover.decide(&held.equals(whole(0))) {
            return prover.cover("nothing held");
        }
        prover.cover("none");
        let most = dollars.lesser(payable(&fund));
        return prover.check(&most.at_most(whole(0)), "only what nothing is paid for is not sold");
    };
    let (amount, paid) = (sold.sale.amount.exact(), sold.sale.paid.exact());
    let nanos = whole(1_000_000_000);
    prover.observe("amount", amount);
    prover.observe("paid", paid);
    prover.check(&paid.within(whole(0), dollars), "no more than is owed or sought");
    prover.check(&paid.at_most(payable(&fund)), "nor than the fund may pay");
    let worth = (paid * nanos).at_most(amount * price);
    prover.lemma(&worth, "nor than it is worth");
    let day = sold.day.left().exact();
    prover.check(&(day + paid).equals(fund.day.left().exact()), "it counts for the day");
    let sought_after = disposal.sought.exact();
    prover.check(&(sought_after + paid).equals(sought.exact()), "what is left is for sale");
    if prover.decide(&amount.equals(held)) {
        prover.cover("all");
        let floor = (held * price).below((paid + whole(1)) * nanos);
        let most = paid.equals(dollars.lesser(payable(&fund)));
        return prover.check(&floor.or(most), "all that it is worth, or all that may be paid");
    }
    prover.cover("part");
    prover.check(&paid.equals(dollars.lesser(payable(&fund))), "all that may be paid is");
    let least = ((amount - whole(1)) * price).below(paid * nanos);
    prover.lemma(&least, "no more is sold for it than is needed");
    let within = (paid * nanos).below(held * price);
    prover.lemma(&within, "which is less than is held");
    let positive = whole(0).below(price);
    let fewer = ((amount - whole(1)) * price).below(held * price);
    prover.lemma_from(&[&least, &within], &fewer, "so is what is sold");
    prover.lemma_from(&[&positive, &fewer], &amount.at_most(held), "no more is sold than is held");
}

fn sold_in_order(prover: &mut Prover) {
    let debt = Notional::limited(prover, "debt");
    let names = [(1, "first"), (2, "second")];
    let pledges = names.map(|each| any_pledge(prover, each, Notional::ZERO));
    let Ok(disposals) = sales(debt, &pledges) else {
        return prover.never("limited collateral can be sold");
    };
    let paid: Vec<Exact> = disposals
        .iter()
        .map(|each| each.sold.map_or(whole(0), |sold| sold.sale.paid.exact()))
        .collect();
    let [first, second] = paid.as_slice() else {
        return prover.never("one disposal for each pledge");
    };
    let owed = debt.exact().greater(whole(0));
    prover.check(&(*first + *second).within(whole(0), owed), "together no more than is owed");
    let sold = disposals.iter().map(|each| each.sold.is_some()).collect::<Vec<_>>();
    prover.cover(match sold.as_slice() {
        [true, true] => "both",
        [true, _] => "first",
        [_, true] => "second",
        _ => "none",
    });
}

fn bought(prover: &mut Prover) {
    let [held, wanted] =
        ["held", "wanted"].map(|name| Amount::between(prover, name, 0, Amount::LIMIT));
    let price = Price::between(prover, "price", 1, Price::LIMIT);
    let debt = Notional::between(prover, "debt", 0, Notional::LIMIT);
    let Ok(sale) = purchase(held, wanted, price, debt) else {
        return prover.never("limited collateral can be bought");
    };
    let (amount, paid, nanos) = (sale.amount.exact(), sale.paid.exact(), whole(1_000_000_000));
    prover.observe("amount", amount);
    prover.observe("paid", paid);
    let asked = held.exact().lesser(wanted.exact());
    prover.check(&amount.within(whole(0), asked), "no more than is held or asked for");
    let worth = amount * price.exact();
    prover.check(&worth.at_most(paid * nanos), "no less is paid than it is worth");
    prover.check(&((paid - whole(1)) * nanos).below(worth), "nor more by a micro-dollar");
    if prover.decide(&amount.equals(asked)) {
        let all = prover.decide(&amount.equals(held.exact()));
        return prover.cover(if all { "held" } else { "wanted" });
    }
    prover.cover("debt");
    let pays = (debt.exact() * nanos).at_most(worth);
    prover.check(&pays, "less only if that pays the debt");
    let one_less = (amount - whole(1)) * price.exact();
    prover.check(&one_less.below(debt.exact() * nanos), "which no less of it does");
}

fn priced(prover: &mut Prover) {
    let index = Price::between(prover, "index", 1, Price::LIMIT);
    let fee = Ppm::between(prover, "fee", 0, limits::PPM_ONE);
    let held = Amount::between(prover, "held", 0, Amount::LIMIT);
    let Ok(price) = sale_price(index, fee) else {
        return prover.never("a limited index has a price of sale");
    };
    let Ok(brings) = proceeds(held, price) else {
        return prover.never("limited collateral brings something");
    };
    let (price, brings, one) = (price.exact(), brings.exact(), whole(limits::PPM_ONE));
    prover.observe("price", price);
    prover.observe("brings", brings);
    let (exact, nanos) = (held.exact() * price, whole(1_000_000_000));
    prover.check(&(brings * nanos).at_most(exact), "what it brings is rounded down");
    prover.check(&exact.below((brings + whole(1)) * nanos), "by less than one");
    let less = index.exact() * (one - fee.exact());
    prover.check(&less.below((price + whole(1)) * one), "no lower by a micro-dollar");
    prover.check(&whole(0).below(price), "more than nothing");
    if prover.decide(&price.equals(whole(1))) {
        return prover.cover("a micro-dollar");
    }
    prover.cover("priced");
    prover.check(&(price * one).at_most(less), "no higher than the index less the fee");
}

fn owed_beyond(prover: &mut Prover) {
    let debt = Notional::limited(prover, "debt");
    let pledged = ["first", "second"].map(|name| {
        let amount = Amount::between(prover, &format!("{name} amount"), 0, Amount::LIMIT);
        (amount, Price::between(prover, &format!("{name} index"), 1, Price::LIMIT))
    });
    let (Ok(beyond_both), Ok(beyond_first), Ok(beyond_none)) =
        (beyond(debt, pledged), beyond(debt, [pledged[0]]), beyond(debt, []))
    else {
        return prover.never("limited collateral has a worth");
    };
    prover.cover("beyond");
    prover.observe("beyond", beyond_both.exact());
    prover.check(&beyond_none.exact().equals(debt.exact()), "with nothing pledged, all of it");
    let steps = [(debt, beyond_first, pledged[0]), (beyond_first, beyond_both, pledged[1])];
    for (before, after, (amount, index)) in steps {
        let (worth, nanos) = (before.exact() - after.exact(), whole(1_000_000_000));
        let exact = amount.exact() * index.exact();
        prover.check(&exact.at_most(worth * nanos), "its worth is rounded up");
        prover.check(&((worth - whole(1)) * nanos).below(exact), "by less than one");
    }
}

fn to_lose(prover: &mut Prover) {
    let (equity, debt) = (Notional::limited(prover, "equity"), Notional::limited(prover, "debt"));
    let sought = Notional::between(prover, "sought", 0, Notional::LIMIT);
    let fee = Ppm::between(prover, "fee", 0, limits::PPM_ONE);
    let Ok(left) = equity_to_lose(equity, debt, [sought], fee) else {
        return prover.never("limited accounts have an equity to lose");
    };
    let (left, equity, zero) = (left.exact(), equity.exact(), whole(0));
    prover.observe("left", left);
    let dollars = debt.exact().greater(zero) + sought.exact();
    if prover.decide(&dollars.at_most(zero).or(equity.at_most(zero))) {
        prover.cover("nothing sold");
        return prover.check(&left.equals(equity), "all of it");
    }
    prover.check(&zero.below(left), "something");
    prover.check(&left.at_most(equity), "no more than there is");
    let cost = dollars * (fee.exact() + fee.exact());
    let one = whole(limits::PPM_ONE);
    if prover.decide(&left.equals(whole(1))) {
        return prover.cover("all but nothing");
    }
    prover.cover("sold");
    prover.check(&cost.at_most((equity - left) * one), "less what the sale may cost, rounded up");
    let beyond = (equity - left - whole(1)) * one;
    prover.check(&beyond.below(cost), "by less than a micro-dollar");
}
