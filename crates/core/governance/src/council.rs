//! Signers, proposals and the timelock.

use crate::{Definition, Pace, Parameters};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Address, Change, Fault, ParameterId, Plant, ProposalId, Refusal, limits};
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockSpan, BlockTime, Price};

/// Notice of a change that enters maintenance margin, and least time between two of them.
const NOTICE: BlockSpan = BlockSpan::from_millis(3_600_000);

/// A change on its way.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// What is to change.
    pub change: Change,
    /// Whose room it takes.
    pub proposer: Address,
    /// Who has approved it.
    pub approvals: BTreeSet<Address>,
    /// When it dies unless it is approved.
    pub expires_at: BlockTime,
    /// When it takes effect; set by the approval that completes it.
    pub due_at: Option<BlockTime>,
    /// Whether it waits for the timelock until then.
    pub waits: bool,
}

/// A change whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which proposal.
    pub proposal: ProposalId,
    /// What is to change.
    pub change: Change,
    /// Whether it has waited for the timelock.
    pub has_waited: bool,
}

/// Why there is no such council.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CouncilError {
    /// A signer named twice: it would count once, and the threshold for more than it says.
    #[error("signer {0} is named twice")]
    SignerTwice(Address),
    /// A threshold of zero or more than the signers, or too many of these.
    #[error(
        "{signers} signers cannot have a threshold of {threshold}: one at least, all of them at most, and at most {max} signers",
        max = limits::SIGNERS_MAX
    )]
    ThresholdImpossible {
        /// Signers.
        signers: usize,
        /// Approvals needed.
        threshold: u16,
    },
}

/// The signers and what they are deciding.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Council {
    signers: BTreeSet<Address>,
    threshold: u16,
    next: u32,
    open: BTreeMap<ProposalId, Proposal>,
    /// When a change that enters maintenance margin last came due.
    margin_moved_at: Option<BlockTime>,
}

impl Council {
    /// Returns a council that has decided nothing yet.
    ///
    /// # Errors
    ///
    /// [`CouncilError`] with the first signer that is named twice, or else what the threshold breaks.
    ///
    /// spec 0023-GOV-004.
    pub fn new(
        signers: impl IntoIterator<Item = Address>,
        threshold: u16,
    ) -> Result<Self, CouncilError> {
        let mut different = BTreeSet::new();
        for signer in signers {
            if !different.insert(signer) {
                return Err(CouncilError::SignerTwice(signer));
            }
        }
        let count = different.len();
        if !is_possible(count, threshold) {
            return Err(CouncilError::ThresholdImpossible { signers: count, threshold });
        }
        let (signers, open) = (different, BTreeMap::new());
        Ok(Self { signers, threshold, next: 1, open, margin_moved_at: None })
    }

    /// Returns whether an address is a signer.
    #[must_use]
    pub fn is_signer(&self, address: Address) -> bool {
        self.signers.contains(&address)
    }

    /// Returns the signers, ascending, and how many of them it takes.
    #[must_use]
    pub const fn signers(&self) -> (&BTreeSet<Address>, u16) {
        (&self.signers, self.threshold)
    }

    /// Returns the open proposals, ascending.
    pub fn open(&self) -> impl Iterator<Item = (ProposalId, &Proposal)> + '_ {
        self.open.iter().map(|(id, proposal)| (*id, proposal))
    }

    /// Opens a proposal with its proposer's approval.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotPermitted`] if the sender is no signer; what the change itself breaks; or
    /// [`Refusal::TooManyProposals`]. [`Fault`] if a time leaves its limits.
    ///
    /// spec 0023-GOV-005.
    pub fn propose(
        &mut self,
        sender: Address,
        change: Change,
        parameters: &Parameters,
        now: BlockTime,
    ) -> Result<Result<ProposalId, Refusal>, Fault> {
        if !self.is_signer(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let broken = self.valid(&change, parameters).err();
        let full = (!self.has_room(sender, &change)).then_some(Refusal::TooManyProposals);
        if let Some(refusal) = broken.into_iter().chain(full).min_by_key(Refusal::code) {
            return Ok(Err(refusal));
        }
        let life = span(parameters, ParameterId::ProposalLife);
        let expires_at = now.after(life).map_err(Fault::at("life of a proposal"))?;
        let id = ProposalId::new(self.next);
        self.next = self.next.checked_add(1).ok_or(Fault::Invariant("proposal ids suffice"))?;
        let (approvals, due_at) = (BTreeSet::new(), None);
        let proposer = sender;
        let proposal = Proposal { change, proposer, approvals, expires_at, due_at, waits: false };
        self.open.insert(id, proposal);
        self.approve(sender, id, &change, parameters, now).map(|approved| approved.map(|()| id))
    }

    /// Whether a signer may open another proposal of this kind: nobody takes the room of another, and what stops or
    /// resumes has room of its own.
    fn has_room(&self, sender: Address, change: &Change) -> bool {
        let share = limits::PROPOSALS_MAX.checked_div(self.signers.len()).unwrap_or(0);
        let room = share.min(limits::PROPOSALS_PER_SIGNER_MAX);
        let kind = stops_or_resumes(change);
        let of_kind =
            |open: &&Proposal| open.proposer == sender && stops_or_resumes(&open.change) == kind;
        self.open.values().filter(of_kind).count() < room
    }

    /// Approves a proposal of a change; the approval that completes it starts the timelock, if the change raises risk.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotPermitted`], [`Refusal::ProposalUnknown`], [`Refusal::ApprovedAlready`] or
    /// [`Refusal::ChangeDiffers`]. [`Fault`] if a time leaves its limits.
    ///
    /// spec 0023-GOV-006, 0023-GOV-008, 0023-GOV-017.
    pub fn approve(
        &mut self,
        sender: Address,
        id: ProposalId,
        change: &Change,
        parameters: &Parameters,
        now: BlockTime,
    ) -> Result<Result<(), Refusal>, Fault> {
        if !self.is_signer(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let Some(proposal) = self.open.get_mut(&id).filter(|open| now < open.expires_at) else {
            return Ok(Err(Refusal::ProposalUnknown));
        };
        if proposal.approvals.contains(&sender) {
            return Ok(Err(Refusal::ApprovedAlready));
        }
        if proposal.change != *change {
            return Ok(Err(Refusal::ChangeDiffers));
        }
        proposal.approvals.insert(sender);
        let complete = proposal.approvals.len() >= usize::from(self.threshold)
            || Plant::OneSigner.is_planted();
        if complete && proposal.due_at.is_none() {
            let (delay, waits) = delay(&proposal.change, parameters);
            let due_at = now.after(delay).map_err(Fault::at("timelock"))?;
            (proposal.due_at, proposal.waits) = (Some(due_at), waits);
        }
        Ok(Ok(()))
    }

    /// Takes back an approval. A proposal with too few left is complete no longer; with none it is dropped.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotPermitted`], [`Refusal::ProposalUnknown`] or [`Refusal::NotApproved`].
    ///
    /// spec 0023-GOV-013.
    pub fn revoke(
        &mut self,
        sender: Address,
        id: ProposalId,
        now: BlockTime,
    ) -> Result<(), Refusal> {
        if !self.is_signer(sender) {
            return Err(Refusal::NotPermitted);
        }
        let alive = |open: &&mut Proposal| open.due_at.is_some() || now < open.expires_at;
        let proposal = self.open.get_mut(&id).filter(alive).ok_or(Refusal::ProposalUnknown)?;
        if !proposal.approvals.remove(&sender) {
            return Err(Refusal::NotApproved);
        }
        self.recount();
        Ok(())
    }

    /// Counts approvals again: a proposal with too few is complete no longer, and one with none is dropped.
    fn recount(&mut self) {
        let threshold = usize::from(self.threshold);
        self.open.retain(|_, open| {
            if open.approvals.len() < threshold {
                open.due_at = None;
            }
            !open.approvals.is_empty()
        });
    }

    /// Takes out the change that is due first by proposal, if one is.
    ///
    /// Of the changes that enter maintenance margin one is due in an hour; the others wait for their turn.
    ///
    /// spec 0023-GOV-009, 0023-GOV-015.
    pub fn next_due(&mut self, now: BlockTime) -> Option<Due> {
        let free = self
            .margin_moved_at
            .is_none_or(|at| at.after(NOTICE).is_ok_and(|free_at| free_at <= now));
        let is_due = |(_, open): &(&ProposalId, &Proposal)| {
            open.due_at.is_some_and(|at| at <= now) && (free || !enters_margin(&open.change))
        };
        let (id, _) = self.open.iter().find(is_due)?;
        let id = *id;
        let open = self.open.remove(&id)?;
        if enters_margin(&open.change) {
            self.margin_moved_at = Some(now);
        }
        Some(Due { proposal: id, change: open.change, has_waited: open.waits })
    }

    /// Drops the proposals that have died; returns whether there were any.
    ///
    /// spec 0023-GOV-007.
    pub fn drop_dead(&mut self, now: BlockTime) -> bool {
        let before = self.open.len();
        self.open.retain(|_, open| open.due_at.is_some() || now < open.expires_at);
        self.open.len() != before
    }

    /// Replaces, adds or removes one signer and sets the threshold. Approvals of one who leaves count no longer, and
    /// what it has proposed goes, unless that is complete without it.
    ///
    /// # Errors
    ///
    /// [`Refusal::SignersInvalid`].
    ///
    /// spec 0023-GOV-016.
    pub fn change_signers(
        &mut self,
        leaves: Option<Address>,
        joins: Option<Address>,
        threshold: u16,
    ) -> Result<(), Refusal> {
        self.check_signers(leaves, joins, threshold)?;
        self.threshold = threshold;
        self.signers.extend(joins);
        if let Some(left) = leaves {
            self.signers.remove(&left);
            for open in self.open.values_mut() {
                open.approvals.remove(&left);
            }
        }
        self.recount();
        self.open.retain(|_, open| Some(open.proposer) != leaves || open.due_at.is_some());
        Ok(())
    }

    fn check_signers(
        &self,
        leaves: Option<Address>,
        joins: Option<Address>,
        threshold: u16,
    ) -> Result<(), Refusal> {
        let known = leaves.is_none_or(|signer| self.is_signer(signer));
        let new = joins.is_none_or(|signer| !self.is_signer(signer));
        let count = self
            .signers
            .len()
            .saturating_add(usize::from(joins.is_some()))
            .saturating_sub(usize::from(leaves.is_some()));
        let changes = leaves.is_some() || joins.is_some() || threshold != self.threshold;
        let near = threshold.abs_diff(self.threshold) <= 1;
        let sound = known && new && changes && near && is_possible(count, threshold);
        if sound { Ok(()) } else { Err(Refusal::SignersInvalid) }
    }

    /// Checks what can be checked of a change before it is due.
    fn valid(&self, change: &Change, parameters: &Parameters) -> Result<(), Refusal> {
        match change {
            Change::SetParameter { parameter, underlying, value } => {
                parameters.check_step(*underlying, *parameter, *value).map(drop)
            }
            Change::ListInstrument(instrument) => instrument.check(),
            Change::SettleAt { price, .. } if *price <= Price::ZERO => {
                Err(Refusal::PriceNotPositive)
            }
            Change::SeatValidator { stake: 0, .. } => Err(Refusal::StakeInvalid),
            Change::SetCustodians { threshold: 0, .. } => Err(Refusal::CustodiansInvalid),
            Change::ChangeSigners { leaves, joins, threshold } => {
                self.check_signers(*leaves, *joins, *threshold)
            }
            // The rest of the custodians depends on who they are when it is due.
            Change::SettleAt { .. }
            | Change::SetCustodians { .. }
            | Change::SeatValidator { .. }
            | Change::ResumeInstrument(_)
            | Change::ResumeHouse
            | Change::ReleaseValidator(_)
            | Change::UnseatValidator(_)
            | Change::PauseInstrument(_)
            | Change::EndPause(_)
            | Change::DrillInstrument(_) => Ok(()),
        }
    }
}

/// Whether so many signers can meet a threshold.
fn is_possible(signers: usize, threshold: u16) -> bool {
    threshold > 0 && usize::from(threshold) <= signers && signers <= limits::SIGNERS_MAX
}

/// Whether a change stops something or lets it go on: such proposals have room of their own.
const fn stops_or_resumes(change: &Change) -> bool {
    matches!(
        change,
        Change::PauseInstrument(_)
            | Change::EndPause(_)
            | Change::ResumeInstrument(_)
            | Change::ResumeHouse
    )
}

/// Whether a change moves what maintenance margin is made from.
fn enters_margin(change: &Change) -> bool {
    match change {
        Change::SetParameter { parameter, .. } => {
            Definition::of(*parameter).is_some_and(|defined| defined.pace == Pace::Noticed)
        }
        _ => false,
    }
}

/// Returns how long a complete change waits, and whether that is the timelock: so if it raises risk; an hour if it enters
/// maintenance margin; not at all if it lowers risk, or pauses, ends a pause or drills.
///
/// spec 0023-GOV-008, 0023-GOV-015.
fn delay(change: &Change, parameters: &Parameters) -> (BlockSpan, bool) {
    let waits = match change {
        Change::SetParameter { parameter, underlying, value } => {
            let before = parameters.get(*underlying, *parameter);
            Definition::of(*parameter).is_none_or(|defined| defined.raises_risk(before, *value))
        }
        Change::PauseInstrument(_) | Change::EndPause(_) | Change::DrillInstrument(_) => false,
        Change::ListInstrument(_)
        | Change::ResumeInstrument(_)
        | Change::ResumeHouse
        | Change::ReleaseValidator(_)
        | Change::SeatValidator { .. }
        | Change::UnseatValidator(_)
        | Change::SettleAt { .. }
        | Change::SetCustodians { .. }
        | Change::ChangeSigners { .. } => true,
    };
    match (waits, enters_margin(change)) {
        (true, _) => (span(parameters, ParameterId::Timelock), true),
        (false, true) => (NOTICE, false),
        (false, false) => (BlockSpan::ZERO, false),
    }
}

fn span(parameters: &Parameters, parameter: ParameterId) -> BlockSpan {
    BlockSpan::from_millis(i128::from(parameters.get(None, parameter)))
}

#[cfg(test)]
mod tests;
