//! The division kernel of `num`, from machine words up: limbs, digits, signs, and what quotients imply.

use super::world::units::{ArithmeticError, Round};
use super::world::{Exact, Prover, contract, exact, kernel, lemmas, number};
use super::{fits, flip, whole};
use symx::{Fault, Harness};

pub(super) const ALL: &[Harness<Prover>] = &[
    Harness {
        name: "kernel: a limb product is exact",
        covers: &["product"],
        canary: Fault::Shift,
        run: limb_product,
    },
    Harness {
        name: "kernel: one digit keeps the dividend and a remainder below the divisor",
        covers: &["digit"],
        canary: Fault::Difference,
        run: digit,
    },
    Harness {
        name: "kernel: 128 digits divide exactly",
        covers: &["quotient"],
        canary: Fault::Shift,
        run: long_division,
    },
    Harness {
        name: "kernel: mul_div is the rounded quotient, or refused when it does not fit",
        covers: &["quotient", "overflow", "divisor not positive"],
        canary: Fault::Sum,
        run: mul_div,
    },
    Harness {
        name: "kernel: the lemmas on quotients follow from the contract",
        covers: &["lemmas"],
        canary: Fault::Contract,
        run: quotient_lemmas,
    },
];

fn any_word(prover: &mut Prover, name: &str) -> Exact {
    prover.any_between(name, whole(0), Exact::power_of_two(128) - whole(1))
}

fn limb_product(prover: &mut Prover) {
    let (a, b) = (any_word(prover, "a"), any_word(prover, "b"));
    let (high, low) = kernel::multiply(kernel::word(a), kernel::word(b));
    let (high, low) = (kernel::exact(high), kernel::exact(low));
    prover.cover("product");
    prover.observe("high", high);
    prover.observe("low", low);
    let word = Exact::power_of_two(128);
    prover.check(&low.within(whole(0), word - whole(1)), "the low word is a word");
    prover.check(&(high * word + low).equals(a * b), "both words are the product");
}

fn digit(prover: &mut Prover) {
    let (d, r) = (any_word(prover, "d"), any_word(prover, "r"));
    let q = prover.any_between("q", whole(0), Exact::power_of_two(127) - whole(1));
    let bit = prover.any("bit", 0, 1);
    prover.assume(&r.below(d));
    let state = (kernel::word(r), kernel::word(q));
    let (next_r, next_q) = kernel::bring_down(state, kernel::word(bit), kernel::word(d));
    let (next_r, next_q) = (kernel::exact(next_r), kernel::exact(next_q));
    prover.cover("digit");
    prover.observe("q", next_q);
    prover.check(&next_r.within(whole(0), d - whole(1)), "the remainder is below the divisor");
    prover.check(&next_q.within(q + q, q + q + whole(1)), "the quotient gains one digit");
    let before = q * d + r;
    prover.check(&(next_q * d + next_r).equals(before + before + bit), "the dividend is kept");
}

fn long_division(prover: &mut Prover) {
    let (d, high, low) = (any_word(prover, "d"), any_word(prover, "high"), any_word(prover, "low"));
    prover.assume(&high.below(d));
    let (q, r) = kernel::divide(kernel::word(high), kernel::word(low), kernel::word(d));
    let (q, r) = (kernel::exact(q), kernel::exact(r));
    prover.cover("quotient");
    prover.observe("q", q);
    prover.check(&r.below(d), "the remainder is below the divisor");
    let dividend = high * Exact::power_of_two(128) + low;
    prover.check(&(q * d + r).equals(dividend), "quotient and remainder make up the dividend");
}

fn mul_div(prover: &mut Prover) {
    let mut any = |name| prover.any(name, i128::MIN, i128::MAX);
    let (a, n, d) = (any("a"), any("n"), any("d"));
    let round = if flip(prover, "up") { Round::Up } else { Round::Down };
    let quotient = kernel::mul_div(number(a), number(n), number(d), round).map(exact);
    rounded(prover, quotient, (a * n, d), round);
}

fn quotient_lemmas(prover: &mut Prover) {
    let mut any = |name| prover.any(name, i128::MIN, i128::MAX);
    let (a, n, d, q) = (any("a"), any("n"), any("d"), any("q"));
    let round = if flip(prover, "up") { Round::Up } else { Round::Down };
    prover.assume(&whole(0).below(d));
    prover.assume(&contract(a, n, d, q, round));
    prover.cover("lemmas");
    let shipped = number(a).mul_div(number(n), number(d), round);
    prover.observe("q", shipped.map_or(q + whole(1), exact));
    for (name, lemma) in lemmas(a, n, d, q) {
        prover.check(&lemma, name);
    }
}

/// Proves that a result is the quotient rounded as told, or the error that its size or divisor calls for.
pub(super) fn rounded(
    prover: &mut Prover,
    result: Result<Exact, ArithmeticError>,
    (numerator, divisor): (Exact, Exact),
    round: Round,
) {
    let one = whole(1);
    match result {
        Ok(quotient) => {
            prover.cover("quotient");
            prover.observe("quotient", quotient);
            prover.check(&whole(0).below(divisor), "a divisor is positive");
            prover.check(&fits(quotient), "a quotient fits");
            let exact = contract(numerator, one, divisor, quotient, round);
            prover.check(&exact, "a quotient is exact, rounded as told");
        }
        Err(ArithmeticError::Overflow) => {
            prover.cover("overflow");
            let (lowest, highest) = (whole(i128::MIN), whole(i128::MAX));
            let outside = match round {
                Round::Down => numerator
                    .below(lowest * divisor)
                    .or(((highest + one) * divisor).at_most(numerator)),
                Round::Up => numerator
                    .at_most((lowest - one) * divisor)
                    .or((highest * divisor).below(numerator)),
            };
            prover.check(&whole(0).below(divisor), "a divisor is positive");
            prover.check(&outside, "only a quotient that does not fit is refused");
        }
        Err(ArithmeticError::DivisorNotPositive) => {
            prover.cover("divisor not positive");
            prover.check(
                &divisor.at_most(whole(0)),
                "only a divisor that is not positive is refused",
            );
        }
        Err(ArithmeticError::OutOfLimits) => prover.never("a quotient has no limits but its width"),
    }
}
