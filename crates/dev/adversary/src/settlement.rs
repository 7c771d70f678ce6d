//! What contracts should settle at, from what everybody saw: the average over half an hour of fresh prices.
//!
//! It shares nothing with the machine's own average but the rule (0017-ORAC-018), so that one can be held to the other.

use crate::house::FIRST_EXPIRY;
use crate::judge::Seen;

/// Length of a settlement window, in milliseconds.
pub(crate) const WINDOW: i128 = 1_800_000;
/// How much of it must be fresh.
const NEEDED: i128 = WINDOW / 10 * 9;
/// How much less the rounding of times to blocks may leave.
const SLACK: i128 = NEEDED / 20;

/// Returns the average of the fresh prices that count towards the first expiry.
///
/// A block that has set the index to what it found shows a fresh price: for as long as a price `holds`, and until a block sets it
/// again. One that was held back shows none.
///
/// # Errors
///
/// How many milliseconds were fresh, if that is too little to settle.
pub(crate) fn fresh_average(seen: &[Seen], side: usize, holds: i128) -> Result<i128, i128> {
    let (mut area, mut covered) = (0, 0);
    let end = seen.last().map_or(0, |last| last.at);
    for (place, here) in seen.iter().enumerate().filter(|(_, here)| here.shown[side]) {
        let next = seen[place + 1..].iter().find(|later| later.set[side]);
        let until = next.map_or(end, |next| next.at).min(here.at + holds).min(end);
        let inside = (until.min(FIRST_EXPIRY) - here.at.max(FIRST_EXPIRY - WINDOW)).max(0);
        let missing = (NEEDED - covered - inside).max(0);
        let after = (until - here.at.max(FIRST_EXPIRY)).clamp(0, missing);
        area += here.prices[side] * (inside + after);
        covered += inside + after;
    }
    if covered + SLACK < NEEDED { Err(covered) } else { Ok(area / covered) }
}
