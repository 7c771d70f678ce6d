//! A small market for tests: equal validators that report equal sources.

use oracle::{Feed, Parameters, Report};
use protocol::{Mode, SourceId, ValidatorId};
use units::{BlockTime, Price};

/// Stake of each of the validators.
pub(crate) const STAKE: u64 = 100;
/// Number of validators, one of which may lie.
pub(crate) const VALIDATORS: u16 = 4;
/// The block time at which tests begin, in milliseconds.
pub(crate) const START: i128 = 1_700_000_000_000;

/// Returns the price of a number of dollars with at most six decimals.
pub(crate) fn dollars(text: &str) -> Price {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A feed, its parameters, its sources and a clock.
pub(crate) struct Market {
    pub(crate) feed: Feed,
    pub(crate) params: Parameters,
    pub(crate) weights: Vec<(SourceId, u32)>,
    pub(crate) millis: i128,
}

impl Market {
    /// Returns a market of `sources` equal sources that must all be live.
    pub(crate) fn new(sources: u16) -> Self {
        let params = Parameters {
            sources_min: u8::try_from(sources.min(4)).unwrap(),
            ..Parameters::default()
        };
        let weights = (0..sources).map(|source| (SourceId::new(source), 1)).collect();
        Self { feed: Feed::new(), params, weights, millis: START }
    }

    pub(crate) fn now(&self) -> BlockTime {
        BlockTime::from_millis(self.millis)
    }

    /// Returns the reports of all validators, each of which saw these prices.
    pub(crate) fn reports(&self, prices: &[Option<Price>]) -> Vec<Report> {
        let mut reports = Vec::new();
        for validator in 0..VALIDATORS {
            for ((source, _), price) in self.weights.iter().zip(prices) {
                let Some(price) = *price else { continue };
                reports.push(Report {
                    validator: ValidatorId::new(validator),
                    stake: STAKE,
                    source: *source,
                    price,
                    confidence: Price::from_micros(price.micros() / 10_000),
                });
            }
        }
        reports
    }

    /// Applies a block `after` milliseconds later with these reports.
    pub(crate) fn block_of(&mut self, after: i128, reports: &[Report]) {
        self.millis += after;
        let total = STAKE * u64::from(VALIDATORS);
        self.feed.update(reports, total, &self.weights, self.now(), &self.params).unwrap();
    }

    /// Applies a block in which every validator saw these prices, one for each source.
    pub(crate) fn block(&mut self, after: i128, prices: &[&str]) {
        let read = |text: &&str| (*text != "-").then(|| dollars(text));
        let prices: Vec<Option<Price>> = prices.iter().map(read).collect();
        self.block_of(after, &self.reports(&prices));
    }

    pub(crate) fn mode(&self) -> Mode {
        self.feed.mode(self.now(), &self.params)
    }

    pub(crate) fn price(&self) -> Price {
        self.feed.index().expect("the market has an index").price
    }
}
