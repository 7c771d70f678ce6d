//! What validators report: all the same, but for those in the coalition.

use crate::act::{Form, Lie, Tick};
use crate::house::{self, FIRST_EXPIRY, LAST_EXPIRY, UNDERLYINGS};
use crate::world::World;
use protocol::{
    BasisReport, InstrumentId, PriceReport, SourceId, UnderlyingId, ValidatorId, VolReport, Vote,
};
use units::{BlockTime, Price, Vol};

/// Parts per million.
const MILLION: i128 = 1_000_000;

/// What there is to report in a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth {
    /// Prices, in micro-dollars.
    pub(crate) prices: [i128; 2],
    /// Vol of everything, in points.
    pub(crate) vol: i128,
    /// Basis of the last expiry, in parts per million of the index.
    pub(crate) basis: i128,
    /// How far the first source is from the prices, in parts per million.
    pub(crate) wrong: i32,
}

impl World {
    /// Every validator that speaks reports what is true; those in the coalition what they like.
    pub(crate) fn votes(&self, tick: &Tick) -> Vec<Vote> {
        let (count, ours) = self.keys.validators;
        let speaks = |number: &u8| tick.silent & (1 << (number - 1)) == 0;
        let truth = self.truth();
        let report = |number: u8| match number <= ours {
            true => self.lying(number, &tick.lie),
            false => self.vote(number, &truth, &Lie::NONE),
        };
        let mut votes: Vec<Vote> = (1..=count).filter(speaks).map(report).collect();
        votes.iter_mut().for_each(|vote| self.restrict(vote, tick));
        votes
    }

    /// Takes out of a vote what no validator can see, or what none says.
    fn restrict(&self, vote: &mut Vote, tick: &Tick) {
        let last = self.about.sources - tick.sources.silent.min(self.about.sources);
        vote.prices.retain(|held| held.source.get() <= last.into());
        let unsaid = |bit: u8| tick.unsaid & bit != 0;
        if unsaid(Tick::PRICES) {
            vote.prices.clear();
        }
        let middle = [house::market(3), house::market(8)];
        vote.vols.retain(|held| {
            let is_middle = middle.contains(&held.instrument);
            !(unsaid(Tick::VOLS) || is_middle && unsaid(Tick::STRIKE))
        });
        vote.bases.retain(|held| match held.expires_at.millis() == FIRST_EXPIRY {
            true => !unsaid(Tick::FIRST_BASES),
            false => !unsaid(Tick::LAST_BASES),
        });
    }

    /// Returns how far a source is from the truth, in parts per million: as far below as others are above.
    fn shown(&self, source: u8, wrong: i32) -> i128 {
        let around = i128::from(source) * 2 - i128::from(self.about.sources) - 1;
        match source {
            1 if wrong != 0 => wrong.into(),
            _ => around * i128::from(self.about.apart) / 2,
        }
    }

    /// Returns what there is to report.
    pub(crate) fn truth(&self) -> Truth {
        Truth { prices: self.prices, vol: self.vol, basis: self.basis, wrong: self.sources.wrong }
    }

    fn lying(&self, number: u8, lie: &Lie) -> Vote {
        let back = self.past.len().saturating_sub(usize::from(lie.late));
        let old = (lie.late > 0).then(|| self.past.get(back).copied()).flatten();
        let mut vote = self.vote(number, &old.unwrap_or_else(|| self.truth()), lie);
        let twice = |price: Price| Price::from_micros(price.micros() / 2);
        match lie.form {
            Form::Plain => {}
            Form::Twice => {
                let other = |held: &PriceReport| PriceReport { price: twice(held.price), ..*held };
                let others: Vec<PriceReport> = vote.prices.iter().map(other).collect();
                vote.prices.extend(others);
                vote.vols.extend(vote.vols.clone());
                vote.bases.extend(vote.bases.clone());
            }
            Form::Absurd => {
                for (place, held) in vote.prices.iter_mut().enumerate() {
                    held.price = match place % 3 {
                        0 => Price::ZERO,
                        1 => Price::from_micros(-1),
                        _ => Price::from_micros(i128::from(i64::MAX)),
                    };
                }
                vote.vols
                    .iter_mut()
                    .for_each(|held| held.vol = Vol::from_points(i128::from(u32::MAX)));
            }
            Form::Unsure => vote.prices.iter_mut().for_each(|held| held.confidence = held.price),
            Form::OneSource => vote.prices.retain(|held| held.source == SourceId::new(1)),
            Form::PricesAlone => {
                vote.vols.clear();
                vote.bases.clear();
            }
            Form::NoPrices => vote.prices.clear(),
            Form::Unlisted => {
                vote.prices.iter_mut().for_each(|held| held.underlying = UnderlyingId::new(77));
                vote.vols.iter_mut().for_each(|held| held.instrument = InstrumentId::new(777));
            }
        }
        vote
    }

    fn vote(&self, number: u8, truth: &Truth, lie: &Lie) -> Vote {
        let off = |value: i128, lie: i32| value + value * i128::from(lie) / MILLION;
        let prices = UNDERLYINGS.into_iter().zip(truth.prices).flat_map(|(underlying, price)| {
            (1..=self.about.sources).map(move |source| {
                let shown = price + price * self.shown(source, truth.wrong) / MILLION;
                PriceReport {
                    underlying,
                    source: SourceId::new(source.into()),
                    price: Price::from_micros(off(shown, lie.price)),
                    confidence: Price::from_micros(price / 10_000),
                }
            })
        });
        let options = self.machine.state().markets.values();
        let options = options.filter(|market| market.instrument.contract.pays_premium());
        let vols = options.map(|market| VolReport {
            instrument: market.instrument.id,
            vol: Vol::from_points(
                off(house::smile(market.instrument.id, truth.vol), lie.vol).clamp(100, 40_000),
            ),
        });
        let bases = UNDERLYINGS.into_iter().zip(truth.prices).flat_map(|(underlying, price)| {
            [(FIRST_EXPIRY, truth.basis / 10), (LAST_EXPIRY, truth.basis)].map(|(at, basis)| {
                BasisReport {
                    underlying,
                    expires_at: BlockTime::from_millis(at),
                    basis: Price::from_micros(off(price * basis / MILLION, lie.basis)),
                }
            })
        });
        Vote {
            validator: ValidatorId::new(number.into()),
            prices: prices.collect(),
            vols: vols.collect(),
            bases: bases.collect(),
        }
    }
}
