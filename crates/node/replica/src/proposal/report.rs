//! What a validator's report may hold: what is listed, and no more than its share of a block.
//!
//! Every validator has an equal share of the room for reports, so all reports fit into every block, whatever some of them
//! hold. What does not fit into a share goes in turns: prices first, then bases, then vols, of each a slice that follows
//! from the height alone. All honest validators so report the same slice in one block, as a quorum must.
//!
//! **Invariant:** of two validators that cut differently, what the one keeps less is part of what the other keeps.

use crate::consensus::committee::Report;
use machine::State;
use protocol::codec::{self, EncodeError};
use protocol::{
    BasisReport, Contract, InstrumentId, PriceReport, SourceId, UnderlyingId, VolReport, Vote,
};
use std::collections::BTreeSet;
use units::{BlockHeight, BlockTime};

/// What may be reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    sources: BTreeSet<(UnderlyingId, SourceId)>,
    expiries: BTreeSet<(UnderlyingId, BlockTime)>,
    options: BTreeSet<InstrumentId>,
}

/// A report of more than is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report has {given} {what}, but only {listed} are listed")]
pub struct BeyondListed {
    /// Of what.
    pub what: &'static str,
    /// How many.
    pub given: usize,
    /// How many there are.
    pub listed: usize,
}

impl Listed {
    /// Returns what a state lists.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut listed = Self::default();
        for (id, underlying) in &state.underlyings {
            listed.sources.extend(underlying.sources.iter().map(|held| (*id, held.source)));
        }
        for (id, market) in &state.markets {
            let underlying = market.instrument.underlying;
            match market.instrument.contract {
                Contract::Perpetual => {}
                Contract::Future { expires_at } => {
                    listed.expiries.insert((underlying, expires_at));
                }
                Contract::Option { expires_at, .. } => {
                    listed.expiries.insert((underlying, expires_at));
                    listed.options.insert(*id);
                }
            }
        }
        listed
    }

    /// Returns a vote without what is not listed, not yet or no longer.
    ///
    /// # Errors
    ///
    /// [`BeyondListed`] if what is left is more than there is: something stands in it twice.
    pub(crate) fn bound(&self, vote: Vote) -> Result<Vote, BeyondListed> {
        let Vote { validator, mut prices, mut vols, mut bases } = vote;
        prices.retain(|seen| self.sources.contains(&(seen.underlying, seen.source)));
        bases.retain(|seen| self.expiries.contains(&(seen.underlying, seen.expires_at)));
        vols.retain(|seen| self.options.contains(&seen.instrument));
        let counts = [
            ("prices", prices.len(), self.sources.len()),
            ("bases", bases.len(), self.expiries.len()),
            ("vols", vols.len(), self.options.len()),
        ];
        for (what, given, listed) in counts {
            if given > listed {
                return Err(BeyondListed { what, given, listed });
            }
        }
        Ok(Vote { validator, prices, vols, bases })
    }
}

/// Returns as much of a vote as a report for a block may hold, if it may have so many bytes, as encoded. Prices get up to
/// three quarters of the room; of the rest, bases up to half; vols what is left.
///
/// # Errors
///
/// [`EncodeError`] if a number in it is outside its limits.
///
/// spec 0017-ORAC-021, 0017-ORAC-022.
pub(crate) fn fit(vote: Vote, height: BlockHeight, bytes_max: usize) -> Result<Vote, EncodeError> {
    let Vote { validator, prices, vols, bases } = vote;
    let empty = Vote { validator, prices: Vec::new(), vols: Vec::new(), bases: Vec::new() };
    let empty = codec::encode(&Report { height, vote: empty, signature: [0; 64] })?.len();
    let at = u64::try_from(height.blocks()).unwrap_or(0);
    let room = bytes_max.saturating_sub(empty);
    let length = match prices.first() {
        Some(first) => codec::encode(first)?.len() - 1,
        None => 1,
    };
    let share = if vols.is_empty() && bases.is_empty() { room } else { room - room / 4 };
    let prices =
        slice(prices, |seen: &PriceReport| u64::from(seen.underlying.get()), length, share, at);
    let room = room - prices.len() * length;
    let length = match bases.first() {
        Some(first) => codec::encode(first)?.len() - 1,
        None => 1,
    };
    let share = if vols.is_empty() { room } else { room / 2 };
    let days = |seen: &BasisReport| {
        let expiry = u64::try_from(seen.expires_at.millis()).unwrap_or(0) / 3_600_000;
        expiry.wrapping_mul(31).wrapping_add(u64::from(seen.underlying.get()))
    };
    let bases = slice(bases, days, length, share, at);
    let room = room - bases.len() * length;
    let length = match vols.first() {
        Some(first) => codec::encode(first)?.len() - 1,
        None => 1,
    };
    let vols = slice(vols, |seen: &VolReport| u64::from(seen.instrument.get()), length, room, at);
    Ok(Vote { validator, prices, vols, bases })
}

/// Returns where a number falls on the circle of all, if each step is the golden section of it: numbers in a row fall
/// evenly, and so do those of every second block, or every tenth.
fn place(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Returns all entries if they fit, otherwise those in the half, quarter, eighth … of the circle in which the height falls:
/// the largest such part that fits.
fn slice<T>(
    mut entries: Vec<T>,
    key: impl Fn(&T) -> u64,
    length: usize,
    room: usize,
    height: u64,
) -> Vec<T> {
    let most = room.checked_div(length).unwrap_or(0);
    let here = place(height);
    for bits in 1..64 {
        if entries.len() <= most {
            break;
        }
        // A part of the part before it.
        entries.retain(|entry| (place(key(entry)) ^ here) >> (64 - bits) == 0);
    }
    entries.truncate(most);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::sizes::{
        REPORT_BYTES_MAX, REPORTS_BYTES_MAX, report_bytes_max, report_fits,
    };
    use protocol::ValidatorId;
    use std::collections::BTreeMap;
    use units::{Price, Vol};

    /// A vote on so many underlyings, of eight sources and twelve expiries each, and so many options.
    fn vote(underlyings: u16, options: u32) -> Vote {
        let price = Price::from_micros(1_000_000);
        let each = |id| (1..=8).map(move |source| (id, source));
        let prices = (0..underlyings).flat_map(each).map(|(id, source)| PriceReport {
            underlying: UnderlyingId::new(id),
            source: SourceId::new(source),
            price,
            confidence: price,
        });
        let dates = (0..underlyings).flat_map(|id| (1..=12).map(move |week| (id, week)));
        let bases = dates.map(|(id, week)| BasisReport {
            underlying: UnderlyingId::new(id),
            expires_at: BlockTime::from_millis(week * 604_800_000),
            basis: price,
        });
        let vols = (100..100 + options).map(|id| VolReport {
            instrument: InstrumentId::new(id),
            vol: Vol::from_points(5_000),
        });
        let validator = ValidatorId::new(7);
        Vote { validator, prices: prices.collect(), vols: vols.collect(), bases: bases.collect() }
    }

    fn cut(vote: &Vote, height: u64, validators: usize) -> Vote {
        let at = BlockHeight::from_blocks(i128::from(height));
        let kept = fit(vote.clone(), at, report_bytes_max(validators)).expect("encodable");
        let report = Report { height: at, vote: kept.clone(), signature: [0xFF; 64] };
        assert!(report_fits(&report, validators), "{validators} validators, block {height}");
        kept
    }

    // 0017-ORAC-021
    #[test]
    fn the_reports_of_all_validators_fit_into_every_block_whatever_they_hold() {
        for validators in [1, 4, 7, 13, 21, 100, 256] {
            assert!(report_bytes_max(validators) * validators <= REPORTS_BYTES_MAX);
            assert!(report_bytes_max(validators) <= REPORT_BYTES_MAX);
            for options in [0, 85, 218, 1_040, 1_700, 4_096] {
                cut(&vote(3, options), 1, validators);
            }
        }
        assert_eq!(cut(&vote(3, 4_096), 9, 7), vote(3, 4_096), "what fits is whole");
    }

    /// Returns the longest time that an option is not reported, in reports, if there is one every so many blocks.
    fn longest(vote: &Vote, validators: usize, every: u64) -> u64 {
        let mut last: BTreeMap<InstrumentId, u64> =
            vote.vols.iter().map(|seen| (seen.instrument, 0)).collect();
        let mut longest = 0;
        for number in 1..=400 {
            let kept = cut(vote, number * every, validators);
            assert_eq!(kept.prices, vote.prices, "prices are in every block");
            assert_eq!(kept.bases, vote.bases, "and so are bases");
            for seen in kept.vols {
                let before = last.insert(seen.instrument, number).expect("reported by us");
                longest = longest.max(number - before);
            }
        }
        let still = last.values().map(|last| 400 - last).max().unwrap_or(0);
        longest.max(still)
    }

    // 0017-ORAC-022
    #[test]
    fn a_hundred_validators_report_two_thousand_options_within_a_bounded_time() {
        let (many, narrow) = (vote(3, 2_000), vote(2, 2_000));
        // A vol is stale after twenty minutes: blocks of ninety seconds are in time, or of twenty-one with 256 validators.
        assert_eq!(longest(&many, 100, 1), 13);
        assert_eq!(longest(&narrow, 256, 1), 55);
        // Reports of vols need not be in every block.
        for every in [2, 3, 5, 10, 60, 100] {
            assert!(longest(&many, 100, every) <= 34, "{every}: {}", longest(&many, 100, every));
        }
    }

    // 0017-ORAC-022
    #[test]
    fn validators_that_see_more_or_less_report_the_same_slice_or_a_part_of_it() {
        for height in 1..200 {
            let (fewer, more) =
                (cut(&vote(3, 1_900), height, 100), cut(&vote(3, 2_100), height, 100));
            let within = |part: &Vote, whole: &Vote| {
                part.vols
                    .iter()
                    .all(|seen| whole.vols.contains(seen) || seen.instrument.get() >= 2_000)
            };
            assert!(within(&fewer, &more) || within(&more, &fewer), "block {height}");
        }
    }

    #[test]
    fn one_underlying_with_too_many_prices_for_the_room_keeps_the_first() {
        let many = vote(40, 4_096);
        let kept = cut(&many, 5, 256);
        assert!(!kept.prices.is_empty() && !kept.bases.is_empty() && !kept.vols.is_empty());
        let tiny = fit(many, BlockHeight::from_blocks(5), 120).expect("encodable");
        assert!(tiny.prices.len() + tiny.bases.len() + tiny.vols.len() <= 2);
    }

    #[test]
    fn what_is_not_listed_is_not_signed_and_more_than_is_listed_is_refused() {
        let whole = vote(1, 50);
        let mut listed = Listed::default();
        listed.sources.extend(whole.prices.iter().map(|seen| (seen.underlying, seen.source)));
        listed.expiries.extend(whole.bases.iter().map(|seen| (seen.underlying, seen.expires_at)));
        listed.options.extend(whole.vols.iter().map(|seen| seen.instrument));
        assert_eq!(listed.bound(whole.clone()), Ok(whole.clone()));
        // One that has just ended does not cost the others.
        let mut ended = whole.clone();
        ended.vols.extend(vote(1, 60).vols.split_off(50));
        assert_eq!(listed.bound(ended), Ok(whole.clone()));
        // 1.5 MB once ended the process, and 300 kB had it blocked by its peers.
        for options in [25_000, 125_000] {
            assert_eq!(listed.bound(vote(1, options)), Ok(whole.clone()));
            let twice = usize::try_from(options).expect("few") / 50;
            let vols: Vec<VolReport> = whole.vols.repeat(twice);
            let given = vols.len();
            let refused = listed.bound(Vote { vols, ..whole.clone() }).expect_err("too many");
            assert_eq!(refused, BeyondListed { what: "vols", given, listed: 50 });
        }
    }
}
