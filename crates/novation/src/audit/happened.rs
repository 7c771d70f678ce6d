//! What happened in the blocks of a log: the few things that an auditor asks for, counted and named as they are replayed.
//!
//! It leaves out what a report says: trades, prices, margin.

use machine::Outcome;
use protocol::{AssetId, Event, Receipt};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use units::Amount;

/// What happened in some blocks.
#[derive(Debug, Default, Serialize)]
pub(super) struct Happened {
    /// Commands, of which each quote is one.
    commands: u64,
    /// Those of them that were refused.
    refused: u64,
    /// Into custody, by asset.
    deposits: BTreeMap<AssetNumber, Moved>,
    /// Out of it.
    withdrawals: BTreeMap<AssetNumber, Moved>,
    liquidation_steps: u64,
    enacted: Vec<Noted>,
    not_enacted: Vec<Noted>,
    paused: Vec<Noted>,
    halts: Vec<Noted>,
    /// Accounts whose figures could not be computed.
    set_aside: Vec<Noted>,
    /// Faults in a command or a change that touched nothing else.
    faults_contained: Vec<Noted>,
    punished: Vec<Noted>,
    seats: Vec<Noted>,
}

/// The number of an asset.
type AssetNumber = u16;

/// How often an asset moved, and how much of it.
#[derive(Debug, Default, Serialize)]
struct Moved {
    count: u64,
    /// In the asset's smallest unit; a text, as no number of JSON holds it.
    #[serde(serialize_with = "text")]
    minor: i128,
}

/// Something that is told by the block it came with.
#[derive(Debug, Serialize)]
struct Noted {
    height: u64,
    what: String,
}

impl Happened {
    /// Takes in a block that has been replayed.
    pub(super) fn block(&mut self, height: u64, outcome: &Outcome) {
        for receipt in &outcome.receipts {
            let (commands, refused) = match receipt {
                Receipt::Quotes(answers) => {
                    (answers.len(), answers.iter().filter(|answer| answer.is_err()).count())
                }
                Receipt::Refused(_) => (1, 1),
                Receipt::Done | Receipt::Order(_) | Receipt::Proposal(_) => (1, 0),
            };
            self.commands += commands as u64;
            self.refused += refused as u64;
        }
        outcome.events.iter().for_each(|event| self.event(height, event));
    }

    fn event(&mut self, height: u64, event: &Event) {
        let noted = |what: String| Noted { height, what };
        match event {
            Event::Deposited { asset, amount, .. } => moved(&mut self.deposits, *asset, *amount),
            Event::Withdrawn { asset, amount, .. } => moved(&mut self.withdrawals, *asset, *amount),
            Event::Liquidated { .. } => self.liquidation_steps += 1,
            Event::Enacted { proposal, change } => {
                let change = records::change(change);
                self.enacted.push(noted(format!("proposal {proposal}: {change}")));
            }
            Event::NotEnacted { proposal, refusal } => {
                self.not_enacted.push(noted(format!("proposal {proposal}: {refusal}")));
            }
            Event::Paused { instrument } => {
                self.paused.push(noted(format!("market {instrument}")));
            }
            Event::Halted { instrument, fault } => {
                self.halts.push(noted(format!("market {instrument}: {fault}")));
            }
            Event::HouseHalted { fault } => self.halts.push(noted(format!("the house: {fault}"))),
            Event::AccountSetAside { account, fault } => {
                self.set_aside.push(noted(format!("account {account}: {fault}")));
            }
            Event::FaultContained { fault } => self.faults_contained.push(noted(fault.clone())),
            Event::Punished { offence, .. } => {
                self.punished.push(noted(format!("validator {}", offence.validator)));
            }
            Event::Seated { validator, epoch } => {
                self.seats.push(noted(format!("validator {validator} from epoch {epoch} on")));
            }
            Event::Unseated { validator, epoch } => {
                self.seats
                    .push(noted(format!("validator {validator} no more from epoch {epoch} on")));
            }
            _ => {}
        }
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |moves: &BTreeMap<_, Moved>| moves.values().map(|held| held.count).sum::<u64>();
        write!(
            f,
            "{} commands, {} of them refused; {} deposits, {} withdrawals, {} liquidation steps, {} changes enacted",
            self.commands,
            self.refused,
            count(&self.deposits),
            count(&self.withdrawals),
            self.liquidation_steps,
            self.enacted.len()
        )
    }
}

fn moved(moves: &mut BTreeMap<AssetNumber, Moved>, asset: AssetId, amount: Amount) {
    let held = moves.entry(asset.get()).or_default();
    held.count += 1;
    held.minor = held.minor.saturating_add(amount.minor());
}

fn text<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
