//! Keys of the house in the wrong hands: what signers and custodians that are too few can bring about.

use super::{Judge, Rule, Verdict};
use crate::house;
use crate::world::World;
use machine::State;
use protocol::{Change, Event, ParameterId, ProposalId};

impl Judge {
    /// What changes was wanted by as many honest signers as the others are short of; what enough of them want comes about.
    pub(super) fn council(&mut self, world: &World, events: &[Event]) -> Verdict {
        let (_, needed, ours) = world.keys.signers;
        let honest = |id: &ProposalId| world.approved.get(id).map_or(0, |signers| signers.len());
        for event in events {
            match event {
                Event::Enacted { proposal, change } => {
                    if honest(proposal) + usize::from(ours) < usize::from(needed) {
                        return Err((
                            Rule::Council,
                            format!("{ours} of {needed} signers made {change:?}"),
                        ));
                    }
                    if let Change::PauseInstrument(id) | Change::DrillInstrument(id) = change {
                        self.stopped.insert(*id);
                    }
                    self.promised.remove(proposal);
                }
                Event::NotEnacted { proposal, .. } => drop(self.promised.remove(proposal)),
                _ => {}
            }
        }
        if let Some((id, change)) = self.promised.pop_first() {
            return Err((
                Rule::Council,
                format!("honest signers enough made {id:?} {change:?} in vain"),
            ));
        }
        let open = world.machine.state().council.open();
        let enough = open.filter(|(id, _)| honest(id) >= usize::from(needed));
        let at_once = enough.filter(|(_, held)| is_at_once(world.machine.state(), &held.change));
        self.promised = at_once.map(|(id, held)| (id, held.change)).collect();
        Ok(())
    }

    /// What is credited has arrived, once; what is struck out as paid was paid, and what is owed stands as it was asked for.
    pub(super) fn custodians(&mut self, world: &World, events: &[Event]) -> Verdict {
        let state = world.machine.state();
        for event in events {
            match event {
                Event::Deposited { id, account, asset, amount } => {
                    let said = world.claims.get(id).filter(|said| {
                        let whose = state.accounts.index(said.account) == Some(*account);
                        whose && said.asset == *asset && said.amount == *amount
                    });
                    if said.is_none() || !self.credited.insert(*id) {
                        return Err((
                            Rule::Minted,
                            format!("one custodian credited {amount:?} of {asset:?}"),
                        ));
                    }
                }
                Event::Withdrawn { id, destination, asset, amount, .. } => {
                    self.payable.insert(*id, (*destination, *asset, *amount));
                }
                Event::WithdrawalPaid { id } => {
                    let owed = self.payable.remove(id).is_some();
                    if !owed || !world.paid.contains(id) {
                        let seen = format!("{id:?} is struck out, and was never paid");
                        return Err((Rule::Unpaid, seen));
                    }
                }
                _ => {}
            }
        }
        let open = state.custody.open();
        let same = open.len() == self.payable.len()
            && open.iter().all(|(id, held)| {
                self.payable.get(id) == Some(&(held.destination, held.asset, held.amount))
            });
        match same {
            true => Ok(()),
            false => Err((Rule::Unpaid, "what is to be paid is not what was asked for".into())),
        }
    }
}

/// Whether a change takes effect in the block after its last approval: a value if it is above what is in force.
fn is_at_once(state: &State, change: &Change) -> bool {
    let first = house::UNDERLYINGS[0];
    match change {
        Change::SetParameter { parameter: ParameterId::ShortOptionInitial, underlying, value } => {
            let before = state.ppm(first, ParameterId::ShortOptionInitial).number().raw();
            *underlying == Some(first) && i128::from(*value) > before
        }
        change => matches!(
            change,
            Change::EndPause(_) | Change::PauseInstrument(_) | Change::DrillInstrument(_)
        ),
    }
}
