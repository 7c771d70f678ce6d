//! The square root, rounded up.

/// Returns the least whole number whose square is at least `square`; zero if `square` is negative.
pub(crate) fn root_up(square: i128) -> i128 {
    let square = u128::try_from(square).unwrap_or(0);
    let root = square.isqrt();
    let exact = root.saturating_mul(root) >= square;
    let root = if exact { root } else { root.saturating_add(1) };
    // The root of a number below 2¹²⁷ is below 2⁶⁴.
    i128::try_from(root).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_rounded_up_and_exact_where_it_can_be() {
        for (square, root) in [(-1, 0), (0, 0), (1, 1), (2, 2), (4, 2), (5, 3), (99, 10), (100, 10)]
        {
            assert_eq!(root_up(square), root, "{square}");
        }
        let largest = root_up(i128::MAX);
        assert!((largest - 1) * (largest - 1) < i128::MAX);
        assert_eq!(largest, 13_043_817_825_332_782_213);
    }
}
