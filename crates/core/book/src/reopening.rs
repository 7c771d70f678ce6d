//! How long the markets reopen after a gap in block time.

use units::{BlockSpan, Num, Round};

/// Returns the length of the call auction by which markets reopen after a gap: 20/3 of it, no longer than what is `left` of
/// the time for which call auctions may last; zero or less if nothing is left, and then there is none.
///
/// Rounding: up, to the millisecond. A gap of 90 s asks for ten minutes.
///
/// spec 0025-BLOCK-019.
pub fn reopening_length(gap: BlockSpan, left: BlockSpan) -> BlockSpan {
    let length = gap.number().mul_div(Num::new(20), Num::new(3), Round::Up);
    length.map_or(left, BlockSpan::from_number).lesser(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reopening_lasts_twenty_thirds_of_the_gap_as_long_as_time_is_left() {
        // 0025-BLOCK-019
        let length = |gap, left| {
            reopening_length(BlockSpan::from_millis(gap), BlockSpan::from_millis(left)).millis()
        };
        assert_eq!(length(90_000, 900_000), 600_000);
        assert_eq!(length(1, 900_000), 7, "rounded up");
        assert_eq!(length(180_000, 900_000), 900_000);
        assert_eq!(length(90_000, 0), 0);
        assert_eq!(length(i128::MAX, 900_000), 900_000, "beyond every number it is what is left");
    }
}
