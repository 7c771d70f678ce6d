//! The auditor's own run: the finalised log once more, on a machine of its own, beside a book that knows only money.
//!
//! **Invariant:** it shares no state with the validators: only their logs, and the outcomes that the watch has seen.

use crate::disk::after;
use crate::watch::Watch;
use ledger::Holder;
use machine::{Genesis, Machine};
use protocol::{AssetId, Block, Command, Hash, Header, Receipt, ValidatorId};
use std::collections::BTreeMap;

/// Executes a log again. It must have every height up to one, lead to every header in it, hold every unit that came in,
/// and punish nobody but liars. Returns who was punished.
pub(crate) fn audit(
    genesis: &Genesis,
    log: &[(Header, Block)],
    watch: &Watch,
    up_to: u64,
    lies: &dyn Fn(ValidatorId) -> bool,
) -> Result<Vec<ValidatorId>, String> {
    if (log.len() as u64) < up_to {
        return Err(format!("it ends at {}, but {up_to} was final", log.len()));
    }
    let (mut machine, writes) = Machine::found(genesis).map_err(|error| error.to_string())?;
    let mut root = after(Hash::default(), &writes);
    let mut custody: BTreeMap<AssetId, i128> = BTreeMap::new();
    custody.insert(AssetId::DOLLAR, founding(genesis));
    let mut parent: Option<Hash> = None;
    for ((header, block), height) in log.iter().zip(1u64..) {
        let wrong = |what: &str| format!("block {height}: {what}");
        let outcome = machine.apply(block).map_err(|error| wrong(&error.to_string()))?;
        root = after(root, &outcome.writes);
        let hash = header.hash().map_err(|error| wrong(&error.to_string()))?;
        if header.state_root != root {
            return Err(wrong("its root is another"));
        }
        if watch.outcome(height) != Some(hash) {
            return Err(wrong("another was final at this height"));
        }
        if parent.is_some_and(|parent| parent != header.parent) {
            return Err(wrong("its header does not follow"));
        }
        parent = Some(hash);
        for (transaction, receipt) in block.transactions.iter().zip(&outcome.receipts) {
            if matches!(receipt, Receipt::Refused(_)) {
                continue;
            }
            match transaction.command {
                Command::Deposit { asset, amount, .. } => {
                    *custody.entry(asset).or_default() += amount.minor();
                }
                Command::Withdraw { asset, amount, .. } => {
                    *custody.entry(asset).or_default() -= amount.minor();
                }
                _ => {}
            }
        }
        for (asset, held) in &custody {
            let outside = machine.state().ledger.balance(Holder::Outside, *asset).minor();
            if outside + held != 0 {
                return Err(wrong(&format!("{held} of {asset} came in, {outside} is owed")));
            }
        }
    }
    let punished: Vec<ValidatorId> = machine.state().offenders.keys().copied().collect();
    match punished.iter().find(|id| !lies(**id)) {
        Some(honest) => Err(format!("validator {honest} was punished, and has not lied")),
        None => Ok(punished),
    }
}

/// Returns the dollars that insurance funds start with.
fn founding(genesis: &Genesis) -> i128 {
    genesis.underlyings.iter().map(|given| given.insurance_fund.micros()).sum()
}
