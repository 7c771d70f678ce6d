//! What a rounded quotient is, and what follows from it.
//!
//! The proofs compile this file twice: over terms of the prover, and over plain integers to replay examples.

use super::{Claim, Exact, Round};

/// Returns what describes the rounded quotient `q` of `a · n / d` for `d > 0`, and only it.
#[must_use]
pub(crate) fn contract(a: Exact, n: Exact, d: Exact, q: Exact, round: Round) -> Claim {
    let (product, one) = (a * n, Exact::new(1));
    match round {
        Round::Down => (q * d).at_most(product).and(product.below((q + one) * d)),
        Round::Up => product.at_most(q * d).and(((q - one) * d).below(product)),
    }
}

/// Returns consequences of [`contract`], each proved from it: sign, and bounds by the factors.
#[must_use]
pub(crate) fn lemmas(a: Exact, n: Exact, d: Exact, q: Exact) -> [(&'static str, Claim); 4] {
    let zero = Exact::new(0);
    let positive = zero.at_most(a).and(zero.at_most(n));
    let (small_n, small_a) = (n.at_most(d), a.at_most(d));
    [
        ("not negative", positive.implies(&zero.at_most(q))),
        ("n ≤ d: at most a", positive.and(small_n.clone()).implies(&q.at_most(a))),
        ("a ≤ d: at most n", positive.and(small_a.clone()).implies(&q.at_most(n))),
        (
            "both ≤ d: at least a + n − d",
            positive.and(small_a).and(small_n).implies(&(a + n - d).at_most(q)),
        ),
    ]
}
