//! What goes in, a validator's report of a source, and what is agreed about each source.

use crate::ballot::{Ballot, agreed};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, SourceId, ValidatorId};
use units::{Ppm, Price, Round};

/// One validator's report of one source's price, in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Who reports; a second report of the same source by the same validator does not count.
    pub validator: ValidatorId,
    /// Its stake.
    pub stake: u64,
    /// The source.
    pub source: SourceId,
    /// What it saw.
    pub price: Price,
    /// Half the width of the source's uncertainty.
    pub confidence: Price,
}

/// What the validators agree that a source showed in the last block that the oracle heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Reading {
    /// The source.
    pub source: SourceId,
    /// Stake-weighted median of the prices reported.
    pub price: Price,
    /// Stake-weighted median of the uncertainties reported, at most the price.
    pub confidence: Price,
    /// Whether it lay far from the other sources.
    pub outlier: bool,
}

/// What prices are measured by before they count: a price, and the ratio to it at which they are absurd.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yardstick {
    pub(crate) price: Price,
    pub(crate) ratio: Ppm,
}

/// Returns the readings on which validators with more than two thirds of all stake agree to report, ascending by source.
///
/// Source: spec 0017-ORAC-003, 0017-ORAC-004.
pub(crate) fn readings(
    reports: &[Report],
    total_stake: u64,
    weights: &[(SourceId, u32)],
    yardstick: Option<Yardstick>,
) -> Result<Vec<Reading>, Fault> {
    let mut admitted = Vec::with_capacity(reports.len());
    for report in reports {
        let listed = weights.iter().any(|(source, weight)| *source == report.source && *weight > 0);
        if listed && is_sane(report, yardstick)? {
            admitted.push(report);
        }
    }
    let ballots = |value: fn(&Report) -> Price| {
        let ballot = |report: &&Report| Ballot {
            key: report.source,
            validator: report.validator,
            value: value(report),
            stake: report.stake,
        };
        agreed(admitted.iter().map(ballot).collect(), total_stake)
    };
    let prices = ballots(|report| report.price);
    let confidences = ballots(|report| report.confidence);
    let both = prices.into_iter().zip(confidences);
    Ok(both
        .map(|((source, price), (_, confidence))| Reading {
            source,
            price,
            confidence: confidence.lesser(price),
            outlier: false,
        })
        .collect())
}

/// Returns whether a report can be a price at all: positive, within the limits of the unit, with an uncertainty that is
/// not negative, and not absurd beside what prices are measured by.
fn is_sane(report: &Report, yardstick: Option<Yardstick>) -> Result<bool, Fault> {
    let in_limits = report.price.within_limit().is_ok() && report.confidence.within_limit().is_ok();
    if !in_limits || report.price <= Price::ZERO || report.confidence < Price::ZERO {
        return Ok(false);
    }
    yardstick.map_or(Ok(true), |yardstick| yardstick.admits(report.price))
}

impl Yardstick {
    /// Returns whether neither of the two prices reaches the ratio times the other.
    pub(crate) fn admits(&self, price: Price) -> Result<bool, Fault> {
        let reaches = |price: Price, other: Price| {
            other
                .scaled(self.ratio, Round::Up)
                .map(|limit| price >= limit)
                .map_err(Fault::at("oracle: absurd ratio"))
        };
        Ok(!reaches(price, self.price)? && !reaches(self.price, price)?)
    }
}
