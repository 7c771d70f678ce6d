//! The auditor: it sees every outcome of every validator, and says what must not be.

use crate::house::FOUNDED_AT;
use protocol::{AccountId, Block, Command, Hash, Header};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use units::BlockTime;

/// What must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Two validators computed different outcomes of one height.
    Disagreement {
        /// The height.
        height: u64,
        /// Who computed the first.
        one: usize,
        /// Who computed another.
        other: usize,
    },
    /// A validator went no further.
    Halted {
        /// Which.
        validator: usize,
        /// Why, in its own words.
        why: String,
    },
    /// The healed network did not come as far as it must.
    Stuck {
        /// Heights of the validators.
        heights: Vec<u64>,
        /// The height that all were to reach.
        wanted: u64,
    },
    /// The seats of the healed network did not become those that governance wants.
    SeatsDiffer {
        /// By the record of which validator.
        validator: usize,
    },
    /// What a client sent to the healed network was not executed everywhere.
    Unheard {
        /// By which validator it was taken.
        validator: usize,
    },
    /// The log, executed again on its own, does not lead where the validators are.
    Unaccountable {
        /// Whose log.
        validator: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disagreement { height, one, other } => {
                write!(
                    f,
                    "validators {one} and {other} computed different outcomes of block {height}"
                )
            }
            Self::Halted { validator, why } => write!(f, "validator {validator} halted: {why}"),
            Self::Stuck { heights, wanted } => {
                write!(f, "after healing, heights are {heights:?} and {wanted} was to be reached")
            }
            Self::SeatsDiffer { validator } => {
                write!(
                    f,
                    "validator {validator} does not see the committee that governance decided on"
                )
            }
            Self::Unheard { validator } => write!(
                f,
                "what validator {validator} took from a client after healing was not executed everywhere"
            ),
            Self::Unaccountable { validator, why } => {
                write!(f, "the log of validator {validator}: {why}")
            }
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    outcomes: BTreeMap<u64, (usize, Hash)>,
    failure: Option<Failure>,
    /// Accounts that got a deposit, by validator that executed it.
    deposits: BTreeSet<(usize, AccountId)>,
    transactions: u64,
    highest: u64,
    /// The time of the highest block.
    time: Option<BlockTime>,
    /// A validator whose outcomes are not compared: it must notice by itself that it is wrong.
    overlooked: Option<usize>,
}

/// The auditor, shared by all ledgers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().expect("nobody panics with it")
    }

    /// Compares no outcomes of a validator.
    pub(crate) fn overlook(&self, validator: usize) {
        self.seen().overlooked = Some(validator);
    }

    /// Records an outcome and compares it with those of the others.
    pub(crate) fn executed(&self, validator: usize, header: &Header, block: &Block) {
        let height = u64::try_from(header.height.blocks()).expect("heights count from zero");
        let hash = header.hash().expect("within limits");
        let mut seen = self.seen();
        if seen.overlooked == Some(validator) {
            return;
        }
        let (one, known) = *seen.outcomes.entry(height).or_insert((validator, hash));
        if known != hash {
            seen.failure.get_or_insert(Failure::Disagreement { height, one, other: validator });
        }
        for transaction in &block.transactions {
            if let Command::Deposit { account, .. } = transaction.command {
                seen.deposits.insert((validator, account));
            }
        }
        if height > seen.highest {
            seen.highest = height;
            seen.time = Some(header.time);
            seen.transactions += block.transactions.len() as u64;
        }
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.seen().failure.get_or_insert(failure);
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.seen().failure.clone()
    }

    pub(crate) fn has_deposit(&self, validator: usize, account: AccountId) -> bool {
        self.seen().deposits.contains(&(validator, account))
    }

    /// Returns the hash of the outcome of a height, as it was first computed by anybody.
    pub(crate) fn outcome(&self, height: u64) -> Option<Hash> {
        self.seen().outcomes.get(&height).map(|(_, hash)| *hash)
    }

    /// Returns the time of the highest block executed by anybody.
    pub(crate) fn time(&self) -> BlockTime {
        self.seen().time.unwrap_or(BlockTime::from_millis(FOUNDED_AT))
    }

    /// Returns the highest block executed by anybody, and the transactions in all.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let seen = self.seen();
        (seen.highest, seen.transactions)
    }
}
