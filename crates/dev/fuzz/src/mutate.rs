//! Small damage to inputs, from a seed.

use crate::random::Random;
use std::ops::Range;

/// What a decoder may trip over: limits of widths, lengths that lie, signs and exponents.
const TOKENS: &[&[u8]] = &[
    &[0; 4],
    &[0xFF; 4],
    &[0; 8],
    &[0xFF; 8],
    &[0xFF, 0xFF, 0xFF, 0x7F],
    &[0x7F, 0xFF, 0xFF, 0xFF],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    &[0, 0, 0, 0, 0, 0, 0, 0x80],
    &[0xFF; 16],
    b"-",
    b"+",
    b".",
    b"e-2147483648",
    b"e2147483647",
    b"18446744073709551615",
    b"18446744073709551616",
    b"170141183460469231731687303715884105727",
    b"9999-12-31T23:59:59Z",
    b"0000-00-00T00:00:00Z",
    b",",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xE2\x88\x9E",
    b"\xFF\xFE",
    b"--",
    b"0x",
    b"/",
];

/// Returns a damaged copy of one of the inputs, at most `longest` bytes long. The first `seeds` are taken half the time.
pub(crate) fn damaged(
    random: &mut Random,
    inputs: &[Vec<u8>],
    seeds: usize,
    longest: usize,
) -> Vec<u8> {
    let pick = |random: &mut Random| {
        let among = if random.below(2) == 0 { seeds } else { inputs.len() };
        &inputs[random.below(among)]
    };
    let mut bytes = pick(random).clone();
    // Mostly one mistake: a second often hides the first.
    for _ in 0..=(random.below(2) * random.below(4)) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(16)).min(bytes.len());
        match random.below(14) {
            0 | 1 => change(&mut bytes, at, |byte| byte ^ (1 << random.below(8))),
            2 => change(&mut bytes, at, |_| random.byte()),
            3 => change(&mut bytes, at, |byte| byte.wrapping_add(1)),
            4 => change(&mut bytes, at, |byte| byte.wrapping_sub(1)),
            5 => bytes.insert(at, random.byte()),
            6 => drop(bytes.drain(at..end)),
            7 => bytes.truncate(at),
            8 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            9 => {
                let token = TOKENS[random.below(TOKENS.len())];
                let over =
                    if random.below(2) == 0 { at } else { (at + token.len()).min(bytes.len()) };
                bytes.splice(at..over, token.iter().copied());
            }
            10 => {
                // Two parts of one length change places: entries of a map out of order, fields of one width swapped.
                let length = end - at;
                let other = random.below(bytes.len() - length + 1);
                for offset in 0..length {
                    bytes.swap(at + offset, other + offset);
                }
            }
            11 | 12 => {
                let run = digits(&bytes, at);
                bytes.splice(run, number(random));
            }
            _ => {
                let other = pick(random);
                let from = random.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes.truncate(longest);
    bytes
}

/// Returns a number as text: of any length, at a limit, or with a fraction and an exponent.
fn number(random: &mut Random) -> Vec<u8> {
    let digits = |random: &mut Random, most| -> Vec<u8> {
        (0..random.below(most)).map(|_| b'0' + random.byte() % 10).collect()
    };
    let token = |random: &mut Random| TOKENS[random.below(TOKENS.len())];
    match random.below(4) {
        0 => token(random).to_vec(),
        1 => [&digits(random, 24)[..], token(random)].concat(),
        2 => [&digits(random, 3), &b"."[..], &digits(random, 12), token(random)].concat(),
        _ => digits(random, 24),
    }
}

/// Returns the decimal digits around a place.
fn digits(bytes: &[u8], at: usize) -> Range<usize> {
    let before = bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let after = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    at - before..at + after
}

fn change(bytes: &mut [u8], at: usize, change: impl FnOnce(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = change(*byte);
    }
}
