//! Forwards of dated contracts: the index and a voted distance from it.
//!
//! **Invariant:** a basis is within what honest validators voted, and a forward within a band of the index.

use crate::Parameters;
use crate::ballot::{Ballot, agreed};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, ValidatorId};
use std::collections::BTreeMap;
use units::{ArithmeticError, BlockTime, Price, Round};

/// One validator's vote on the basis of one expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasisVote {
    /// Who votes.
    pub validator: ValidatorId,
    /// Its stake.
    pub stake: u64,
    /// For contracts that end then.
    pub expires_at: BlockTime,
    /// Forward − index.
    pub basis: Price,
}

/// The price of an underlying for delivery at an expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Index plus basis.
    pub price: Price,
    /// Whether the basis was voted for this expiry lately, rather than interpolated or left out.
    pub fresh: bool,
}

/// The voted bases of one underlying.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BasisMarks {
    /// Basis and when it was voted, by expiry.
    marks: BTreeMap<BlockTime, (Price, BlockTime)>,
}

impl BasisMarks {
    /// Takes in the votes of one block and forgets what has expired.
    ///
    /// Pass votes on listed expiries only; each is remembered until it ends.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-016.
    pub fn update(&mut self, votes: &[BasisVote], total_stake: u64, now: BlockTime) {
        let is_sane =
            |vote: &&BasisVote| vote.expires_at > now && vote.basis.within_limit().is_ok();
        let ballot = |vote: &BasisVote| Ballot {
            key: vote.expires_at,
            validator: vote.validator,
            value: vote.basis,
            stake: vote.stake,
        };
        let ballots = votes.iter().filter(is_sane).map(ballot).collect();
        for (expires_at, basis) in agreed(ballots, total_stake) {
            self.marks.insert(expires_at, (basis, now));
        }
        self.marks.retain(|expires_at, _| *expires_at > now);
    }

    /// Returns the forward for an expiry: the index plus the voted basis; if that is stale, a basis on the straight line
    /// in time between its fresh neighbours, of which the nearest is the index itself now; the index if none is later.
    ///
    /// Rounding: down.
    ///
    /// # Errors
    ///
    /// [`Fault`] if prices or times are outside their limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-016.
    pub fn forward(
        &self,
        index: Price,
        expires_at: BlockTime,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Forward, Fault> {
        let at = || Fault::at("oracle: forward");
        let voted = self.fresh(now, params).find(|(expiry, _)| *expiry == expires_at);
        let basis = match voted {
            Some((_, basis)) => basis,
            None => self.interpolated(expires_at, now, params).map_err(at())?,
        };
        let band = index.scaled(params.basis_band, Round::Down).map_err(at())?.greater(Price::ZERO);
        let lowest = index.minus(band).map_err(at())?.greater(Price::from_micros(1));
        let highest = index.plus(band).map_err(at())?;
        let price = index.plus(basis).map_err(at())?.greater(lowest).lesser(highest);
        Ok(Forward { price, fresh: voted.is_some() })
    }

    /// Returns the bases that are not stale, ascending by expiry.
    fn fresh(
        &self,
        now: BlockTime,
        params: &Parameters,
    ) -> impl Iterator<Item = (BlockTime, Price)> {
        let stale_after = params.basis_stale_after;
        self.marks.iter().filter_map(move |(expires_at, (basis, voted_at))| {
            let is_fresh = now.since(*voted_at).is_ok_and(|age| age <= stale_after);
            is_fresh.then_some((*expires_at, *basis))
        })
    }

    fn interpolated(
        &self,
        expires_at: BlockTime,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Price, ArithmeticError> {
        let mut earlier = (now, Price::ZERO);
        for later in self.fresh(now, params) {
            if later.0 >= expires_at {
                let span = later.0.since(earlier.0)?.number();
                let part = expires_at.greater(earlier.0).since(earlier.0)?.number();
                let rise = later.1.minus(earlier.1)?.number();
                return earlier.1.plus(Price::from_number(rise.mul_div(
                    part,
                    span,
                    Round::Down,
                )?));
            }
            earlier = later;
        }
        Ok(Price::ZERO)
    }
}
