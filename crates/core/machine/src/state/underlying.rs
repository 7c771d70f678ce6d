//! Something that contracts are written on, with what is known of its price.

use crate::state::genesis::SourceWeight;
use borsh::{BorshDeserialize, BorshSerialize};
use oracle::{BasisMarks, Feed, SettlementAverage, VolMarks};
use protocol::{AssetId, InstrumentId, Mode};
use std::collections::BTreeMap;
use thresholds::Thresholds;
use units::BlockTime;
use waterfall::Allowance;

/// An underlying: the compartment of all contracts on it.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Underlying {
    /// Its name in reports.
    pub name: String,
    /// The asset pledged at its index, if any.
    pub asset: Option<AssetId>,
    /// Its offset class.
    pub class: u16,
    /// Its sources and their weights, ascending.
    pub sources: Vec<SourceWeight>,
    /// Fewest live sources that allow new risk.
    pub sources_min: u8,
    /// The index.
    pub feed: Feed,
    /// Basis of dated contracts.
    pub bases: BasisMarks,
    /// Implied vols of listed options.
    pub vols: VolMarks,
    /// Averages of the index towards each expiry that is less than half an hour away.
    pub settlements: BTreeMap<BlockTime, SettlementAverage>,
    /// How wide its scenarios are.
    pub thresholds: Thresholds,
    /// Since when the vols of options have been flagged as stale without a break.
    pub vols_flagged: BTreeMap<InstrumentId, BlockTime>,
    /// What is allowed.
    pub mode: Mode,
    /// What its insurance fund may still pay today.
    pub payable: Allowance,
}
