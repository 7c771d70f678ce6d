use super::*;
use wide::{divide_wide, mul_div};

#[test]
fn narrow_and_wide_division_agree() {
    let mut x: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    for _ in 0..20_000 {
        let a = i128::from(next().cast_signed()) >> (next() % 64);
        let n = i128::from(next().cast_signed()) >> (next() % 64);
        let d = 1 + (i128::from(next()) << (next() % 60));
        for round in [Round::Down, Round::Up] {
            let wide = divide_wide(a, n, d.unsigned_abs(), round);
            assert_eq!(mul_div(a, n, d, round), wide, "{a} {n} {d} {round:?}");
        }
    }
}

#[test]
fn extremes_are_exact_or_refused() {
    let (min, max) = (i128::MIN, i128::MAX);
    assert_eq!(mul_div(max, max, max, Round::Down), Ok(max));
    assert_eq!(mul_div(min, max, max, Round::Down), Ok(min));
    assert_eq!(mul_div(min, min, max, Round::Down), Err(ArithmeticError::Overflow));
    assert_eq!(mul_div(min, 1, 1, Round::Up), Ok(min));
    assert_eq!(mul_div(max, 2, 3, Round::Up), Ok(max / 3 * 2 + 1));
    assert_eq!(mul_div(-max, 2, 3, Round::Down), Ok(-(max / 3 * 2 + 1)));
    assert_eq!(mul_div(5, 1, 0, Round::Down), Err(ArithmeticError::DivisorNotPositive));
    assert_eq!(mul_div(5, 1, -2, Round::Down), Err(ArithmeticError::DivisorNotPositive));
    assert_eq!(mul_div(-7, 1, 2, Round::Down), Ok(-4));
    assert_eq!(mul_div(-7, 1, 2, Round::Up), Ok(-3));
}
