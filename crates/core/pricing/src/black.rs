//! Black-76 from prepared inputs: the body of every scenario loop.
//!
//! **Invariant:** with exact value C, `call(…, Down) ≤ C ≤ call(…, Up)`; both lie in [max(0, F − K), F] for K ≥ 0.

use units::{Price, Round};

use crate::exact::{self, Side};
use crate::inputs::{Deviation, Forward, Strike};
use crate::kernel;

/// The value is known to (F + K)·2⁻⁵⁵: 2⁷ in Q62. Derived in spec 0010-PRIC-005.
const ERROR_SHIFT: u32 = 7;

/// Returns the undiscounted value of a European call.
///
/// Shape: micro-dollars per unit of the underlying. Rounding: as told, to the whole micro-dollar next to the exact value;
/// where that is within (F + K)·2⁻¹¹² of a whole one, perhaps to the one beyond. Cost: two table look-ups, four
/// multiplications, no allocation; two microseconds where the kernel cannot tell the last micro-dollar.
///
/// # Source
///
/// spec 0010-PRIC-001, 0010-PRIC-003, 0010-PRIC-005.
#[inline]
pub fn call(forward: Forward, strike: Strike, deviation: Deviation, round: Round) -> Price {
    Price::from_micros(i128::from(call_micros(forward, strike, deviation, round)))
}

/// Returns the undiscounted value of a European put: the call minus F − K, to the last micro-dollar.
///
/// Shape, rounding and cost as [`call`].
///
/// # Source
///
/// spec 0010-PRIC-002.
#[inline]
pub fn put(forward: Forward, strike: Strike, deviation: Deviation, round: Round) -> Price {
    let call = call_micros(forward, strike, deviation, round);
    let parity = forward.micros().wrapping_sub(strike.micros());
    Price::from_micros(i128::from(call.wrapping_sub(parity)))
}

#[inline(always)]
fn call_micros(forward: Forward, strike: Strike, deviation: Deviation, round: Round) -> i64 {
    let (f, k) = (forward.micros(), strike.micros());
    let intrinsic = f.wrapping_sub(k).max(0);
    let Some(value) = call_q62(forward, strike, deviation) else { return intrinsic };
    let both = f.wrapping_add(k);
    let least = value.wrapping_sub(i128::from(both) << ERROR_SHIFT);
    let whole = kernel::low(least >> 62);
    // The exact value is above the intrinsic one, above `least`, and below `least` and twice the error, which is less than
    // a micro-dollar: a whole number is between the two if their fractions add up to one.
    let fraction = kernel::low(least).cast_unsigned() << 2;
    let (_, open) = fraction.overflowing_add(both.cast_unsigned() << (ERROR_SHIFT + 3));
    if open && whole >= intrinsic {
        return call_next_to(whole.wrapping_add(1), forward, strike, deviation, round);
    }
    let whole = whole.max(intrinsic);
    match round {
        Round::Down => whole,
        Round::Up => whole.wrapping_add(1),
    }
}

/// Returns the value of a call that is so close to a whole number of micro-dollars that the kernel cannot tell on which
/// side of it.
#[cold]
#[inline(never)]
fn call_next_to(
    micros: i64,
    forward: Forward,
    strike: Strike,
    deviation: Deviation,
    round: Round,
) -> i64 {
    let side = exact::side_of(micros, deviation.inputs(forward, strike));
    match (round, side) {
        (Round::Down, Side::Above) | (Round::Up, Side::Below) => micros,
        // Nothing in the formula rules out a whole number, but the value is above nothing and below F.
        (Round::Down, _) => micros.wrapping_sub(1),
        (Round::Up, _) => micros.wrapping_add(1).min(forward.micros()),
    }
}

/// Returns the value of a call in 2⁻⁶² micro-dollars, or nothing where it is exactly max(0, F − K): without deviation,
/// and where F or K is not positive (spec 0010-PRIC-004).
#[inline(always)]
pub(crate) fn call_q62(forward: Forward, strike: Strike, deviation: Deviation) -> Option<i128> {
    let x = forward.log_moneyness(strike)?;
    let half = deviation.half();
    if half == 0 {
        return None;
    }
    let q = deviation.divide(x);
    let above = kernel::probability(q.wrapping_add(half));
    let below = kernel::probability(q.wrapping_sub(half));
    // F, K ≤ 2⁵⁰ and probabilities ≤ 2⁶²: below 2¹¹³.
    let gain = i128::from(forward.micros()).wrapping_mul(i128::from(above));
    Some(gain.wrapping_sub(i128::from(strike.micros()).wrapping_mul(i128::from(below))))
}
