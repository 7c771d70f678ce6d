//! Forwards of dated contracts: the index and a voted distance from it.
//!
//! A basis is held as a rate: between votes it moves with the index and shrinks with the time to expiry, and however long
//! nobody votes, it never jumps. **Invariant:** a basis that a vote sets is no further from what honest validators voted
//! than the one before it was, and a forward is within a band of the index.

use crate::Parameters;
use crate::ballot::{Ballot, agreed};
use crate::reach::{WHOLE, reach};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, Plant, ValidatorId};
use std::collections::BTreeMap;
use units::{ArithmeticError, BlockSpan, BlockTime, Num, Price, Round};

/// 365 days.
const YEAR: BlockSpan = BlockSpan::from_millis(31_536_000_000);

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
    /// Whether nobody has voted on its basis lately, nor on those of its neighbours: new risk must wait.
    pub stale: bool,
    /// How far it may be off against other contracts of the underlying.
    pub doubt: Price,
}

/// The basis of an expiry at the moment of a vote on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Held {
    /// In billionths of a micro-dollar, so that neither a rate nor a speed is coarse however low the index is.
    basis: i128,
    index: Price,
    voted_at: BlockTime,
    /// How far the vote was from it.
    ahead: Price,
}

/// A basis between votes.
#[derive(Debug, Clone, Copy)]
struct Carried {
    /// As of [`Held`].
    basis: Num,
    stale: bool,
    doubt: Price,
}

/// The voted bases of one underlying.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BasisMarks {
    /// What was last voted, by expiry.
    held: BTreeMap<BlockTime, Held>,
}

impl BasisMarks {
    /// Takes in the votes of one block and forgets what has expired.
    ///
    /// Pass votes on listed expiries only; each is remembered until it ends. The first basis of an expiry is what is voted;
    /// a later one moves towards that by at most [`Parameters::basis_velocity`], for at most
    /// [`Parameters::basis_step_max`] after a silence.
    ///
    /// # Errors
    ///
    /// [`Fault`] if prices or times are outside their limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-016, 0017-ORAC-025.
    pub fn update(
        &mut self,
        votes: &[BasisVote],
        total_stake: u64,
        index: Price,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<(), Fault> {
        let at = || Fault::at("oracle: basis");
        let is_sane =
            |vote: &&BasisVote| vote.expires_at > now && vote.basis.within_limit().is_ok();
        let ballot = |vote: &BasisVote| Ballot {
            key: vote.expires_at,
            validator: vote.validator,
            value: vote.basis,
            stake: vote.stake,
        };
        let ballots = votes.iter().filter(is_sane).map(ballot).collect();
        for (expires_at, voted) in agreed(ballots, total_stake) {
            let voted = voted.number().times(Num::new(WHOLE)).map_err(at())?;
            let basis = match self.held.get(&expires_at) {
                None => voted,
                Some(held) => {
                    let before = held.carried(index, expires_at, now).map_err(at())?;
                    let span = now.since(held.voted_at).map_err(at())?;
                    let span = span.lesser(params.basis_step_max);
                    let reach = reach(index, params.basis_velocity, span).map_err(at())?;
                    let lowest = before.minus(reach).map_err(at())?;
                    voted.greater(lowest).lesser(before.plus(reach).map_err(at())?)
                }
            };
            let ahead = voted.greater(basis).minus(voted.lesser(basis)).map_err(at())?;
            let ahead = ahead.mul_div(Num::new(1), Num::new(WHOLE), Round::Up).map_err(at())?;
            let (basis, ahead) = (basis.raw(), Price::from_number(ahead));
            self.held.insert(expires_at, Held { basis, index, voted_at: now, ahead });
        }
        self.forget(now);
        Ok(())
    }

    /// Forgets what has expired.
    pub fn forget(&mut self, now: BlockTime) {
        self.held.retain(|expires_at, _| *expires_at > now);
    }

    /// Returns the forward for an expiry: the index plus the basis last voted, as a rate. One that was never voted lies
    /// on the straight line in time between its neighbours, of which the nearest is the index itself now; after the last,
    /// it has that one's rate. What has ended is worth the index.
    ///
    /// Rounding: down; doubt up.
    ///
    /// # Errors
    ///
    /// [`Fault`] if prices or times are outside their limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-016, 0017-ORAC-040.
    pub fn forward(
        &self,
        index: Price,
        expires_at: BlockTime,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Forward, Fault> {
        if expires_at <= now {
            return Ok(Forward { price: index, stale: false, doubt: Price::ZERO });
        }
        let at = || Fault::at("oracle: forward");
        let carried = match self.held.get(&expires_at) {
            Some(held) if Plant::BasesDrop.is_planted() && held.voted_at < now => {
                Ok(Carried { basis: Num::new(0), stale: false, doubt: Price::ZERO })
            }
            Some(held) => held.between_votes(index, expires_at, now, params),
            None => self.between(index, expires_at, now, params),
        };
        let Carried { basis, stale, doubt } = carried.map_err(at())?;
        let band = index.scaled(params.basis_band, Round::Down).map_err(at())?.greater(Price::ZERO);
        let lowest = index.minus(band).map_err(at())?.greater(Price::from_micros(1));
        let highest = index.plus(band).map_err(at())?;
        let basis = basis.mul_div(Num::new(1), Num::new(WHOLE), Round::Down).map_err(at())?;
        let price =
            index.plus(Price::from_number(basis)).map_err(at())?.greater(lowest).lesser(highest);
        Ok(Forward { price, stale, doubt })
    }

    /// Returns the basis of an expiry on which nobody has voted.
    fn between(
        &self,
        index: Price,
        expires_at: BlockTime,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Carried, ArithmeticError> {
        let earlier = self.held.range(..expires_at).next_back();
        let later = self.held.range(expires_at..).next();
        let present = Carried { basis: Num::new(0), stale: false, doubt: Price::ZERO };
        let (from, low) = match earlier {
            Some((at, held)) => (*at, held.between_votes(index, *at, now, params)?),
            None => (now, present),
        };
        let Some((to, held)) = later else {
            let part = expires_at.since(now)?.number();
            let whole = from.since(now)?.number().greater(Num::new(1));
            let basis = proportion(low.basis, part, whole)?;
            let doubt = params.doubt_of_stale(index, expires_at, now, None)?.greater(low.doubt);
            return Ok(Carried { basis, stale: true, doubt });
        };
        let high = held.between_votes(index, *to, now, params)?;
        let rise = high.basis.minus(low.basis)?;
        let part = expires_at.greater(from).since(from)?.number();
        let basis = low.basis.plus(proportion(rise, part, to.since(from)?.number())?)?;
        let (stale, doubt) = (low.stale || high.stale, low.doubt.greater(high.doubt));
        Ok(Carried { basis, stale, doubt })
    }
}

impl Held {
    /// Returns the basis later, and what is doubtful about it: how far the last vote was from it, and more once that is stale.
    fn between_votes(
        &self,
        index: Price,
        expires_at: BlockTime,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Carried, ArithmeticError> {
        let basis = self.carried(index, expires_at, now)?;
        let age = now.since(self.voted_at)?;
        let stale = age > params.basis_stale_after;
        let doubt = match stale {
            true => params.doubt_of_stale(index, expires_at, now, Some(age))?,
            false => Price::ZERO,
        };
        Ok(Carried { basis, stale, doubt: doubt.greater(self.ahead) })
    }

    /// Returns the basis later: in proportion to the index, and to the time to expiry.
    fn carried(
        &self,
        index: Price,
        expires_at: BlockTime,
        now: BlockTime,
    ) -> Result<Num, ArithmeticError> {
        let left = expires_at.greater(now).since(now)?.number();
        let whole = expires_at.since(self.voted_at)?.number().greater(Num::new(1));
        let faded = proportion(Num::new(self.basis), left, whole)?;
        proportion(faded, index.number(), self.index.number().greater(Num::new(1)))
    }
}

impl Parameters {
    /// Returns how far a stale basis may be off whose last vote is so old, rounded up; all there is without one.
    ///
    /// spec 0017-ORAC-040.
    fn doubt_of_stale(
        &self,
        index: Price,
        expires_at: BlockTime,
        now: BlockTime,
        age: Option<BlockSpan>,
    ) -> Result<Price, ArithmeticError> {
        let left = expires_at.greater(now).since(now)?.number();
        let yearly = index.scaled(self.basis_stale_penalty, Round::Up)?;
        let whole = yearly.number().mul_div(left, YEAR.number(), Round::Up)?;
        let Some(age) = age else { return Ok(Price::from_number(whole)) };
        // In as much time again as it has taken to become stale.
        let ramp = self.basis_stale_after.greater(BlockSpan::from_millis(1));
        let part = age.minus(self.basis_stale_after)?.lesser(ramp);
        Ok(Price::from_number(whole.mul_div(part.number(), ramp.number(), Round::Up)?))
    }
}

fn proportion(of: Num, part: Num, whole: Num) -> Result<Num, ArithmeticError> {
    of.mul_div(part, whole, Round::Down)
}
