//! Signers, proposals and the timelock.

use crate::{Definition, Parameters};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Address, Change, Fault, ParameterId, ProposalId, Refusal, limits};
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockSpan, BlockTime, Price};

/// A change on its way.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// What is to change.
    pub change: Change,
    /// Who has approved it.
    pub approvals: BTreeSet<Address>,
    /// When it dies unless it is approved.
    pub expires_at: BlockTime,
    /// When it takes effect; set by the approval that completes it.
    pub due_at: Option<BlockTime>,
}

/// A change whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which proposal.
    pub proposal: ProposalId,
    /// What is to change.
    pub change: Change,
}

/// The signers and what they are deciding.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Council {
    signers: BTreeSet<Address>,
    threshold: u16,
    next: u32,
    open: BTreeMap<ProposalId, Proposal>,
}

impl Council {
    /// Returns a council, or `None` if the threshold is zero or above the number of signers.
    ///
    /// spec 0023-GOV-004.
    #[must_use]
    pub fn new(signers: impl IntoIterator<Item = Address>, threshold: u16) -> Option<Self> {
        let signers: BTreeSet<Address> = signers.into_iter().collect();
        let possible = threshold > 0 && usize::from(threshold) <= signers.len();
        possible.then_some(Self { signers, threshold, next: 1, open: BTreeMap::new() })
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
        let broken = valid(&change, parameters).err();
        let full = self.open.len() >= limits::PROPOSALS_MAX;
        let full = full.then_some(Refusal::TooManyProposals);
        if let Some(refusal) = broken.into_iter().chain(full).min_by_key(Refusal::code) {
            return Ok(Err(refusal));
        }
        let life = span(parameters, ParameterId::ProposalLife);
        let expires_at = now.after(life).map_err(Fault::at("life of a proposal"))?;
        let id = ProposalId::new(self.next);
        self.next = self.next.checked_add(1).ok_or(Fault::Invariant("proposal ids suffice"))?;
        let proposal = Proposal { change, approvals: BTreeSet::new(), expires_at, due_at: None };
        self.open.insert(id, proposal);
        self.approve(sender, id, parameters, now).map(|approved| approved.map(|()| id))
    }

    /// Approves a proposal; the approval that completes it starts the timelock, if the change raises risk.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotPermitted`], [`Refusal::ProposalUnknown`] or [`Refusal::ApprovedAlready`]. [`Fault`] if a time
    /// leaves its limits.
    ///
    /// spec 0023-GOV-006, 0023-GOV-008.
    pub fn approve(
        &mut self,
        sender: Address,
        id: ProposalId,
        parameters: &Parameters,
        now: BlockTime,
    ) -> Result<Result<(), Refusal>, Fault> {
        if !self.is_signer(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let Some(proposal) = self.open.get_mut(&id).filter(|open| now < open.expires_at) else {
            return Ok(Err(Refusal::ProposalUnknown));
        };
        if !proposal.approvals.insert(sender) {
            return Ok(Err(Refusal::ApprovedAlready));
        }
        let complete = proposal.approvals.len() >= usize::from(self.threshold);
        if complete && proposal.due_at.is_none() {
            let delay = delay(&proposal.change, parameters);
            let due_at = now.after(delay).map_err(Fault::at("timelock"))?;
            proposal.due_at = Some(due_at);
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
        if proposal.approvals.len() < usize::from(self.threshold) {
            proposal.due_at = None;
        }
        if proposal.approvals.is_empty() {
            self.open.remove(&id);
        }
        Ok(())
    }

    /// Takes out the changes that are due, ascending by proposal, and drops the proposals that have died.
    ///
    /// spec 0023-GOV-007.
    pub fn due(&mut self, now: BlockTime) -> Vec<Due> {
        let mut due = Vec::new();
        self.open.retain(|id, proposal| match proposal.due_at {
            Some(due_at) if due_at <= now => {
                due.push(Due { proposal: *id, change: proposal.change });
                false
            }
            Some(_) => true,
            None => now < proposal.expires_at,
        });
        due
    }
}

/// Checks what can be checked of a change before it is due.
fn valid(change: &Change, parameters: &Parameters) -> Result<(), Refusal> {
    match change {
        Change::SetParameter { parameter, underlying, value } => {
            parameters.check(*underlying, *parameter, *value).map(drop)
        }
        Change::ListInstrument(instrument) => instrument.check(),
        Change::ResumeInstrument(_)
        | Change::ResumeHouse
        | Change::ReleaseValidator(_)
        | Change::UnseatValidator(_) => Ok(()),
        Change::SeatValidator { stake: 0, .. } => Err(Refusal::StakeInvalid),
        Change::SeatValidator { .. } => Ok(()),
        Change::SetCustodians { threshold: 0, .. } => Err(Refusal::CustodiansInvalid),
        // The rest depends on who they are when it is due.
        Change::SetCustodians { .. } => Ok(()),
        Change::SettleAt { price, .. } if *price <= Price::ZERO => Err(Refusal::PriceNotPositive),
        Change::SettleAt { .. } => Ok(()),
    }
}

/// Returns how long a complete change waits: the timelock if it raises risk, nothing otherwise.
///
/// spec 0023-GOV-008.
fn delay(change: &Change, parameters: &Parameters) -> BlockSpan {
    let waits = match change {
        Change::SetParameter { parameter, underlying, value } => {
            let before = parameters.get(*underlying, *parameter);
            Definition::of(*parameter).is_none_or(|defined| defined.raises_risk(before, *value))
        }
        Change::ListInstrument(_)
        | Change::ResumeInstrument(_)
        | Change::ResumeHouse
        | Change::ReleaseValidator(_)
        | Change::SeatValidator { .. }
        | Change::UnseatValidator(_)
        | Change::SettleAt { .. }
        | Change::SetCustodians { .. } => true,
    };
    if waits { span(parameters, ParameterId::Timelock) } else { BlockSpan::ZERO }
}

fn span(parameters: &Parameters, parameter: ParameterId) -> BlockSpan {
    BlockSpan::from_millis(i128::from(parameters.get(None, parameter)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::UnderlyingId;

    fn signer(number: u8) -> Address {
        Address::new([number; 20])
    }

    fn at(millis: i128) -> BlockTime {
        BlockTime::from_millis(millis)
    }

    fn scan_range(value: i64) -> Change {
        let underlying = Some(UnderlyingId::new(1));
        Change::SetParameter { parameter: ParameterId::ScanRange, underlying, value }
    }

    #[test]
    fn one_signer_cannot_change_anything_and_two_wait_for_what_raises_risk() {
        // 0023-GOV-006, 0023-GOV-008
        let parameters = Parameters::default();
        let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
        let wide =
            council.propose(signer(1), scan_range(200_000), &parameters, at(0)).unwrap().unwrap();
        let narrow =
            council.propose(signer(1), scan_range(130_000), &parameters, at(0)).unwrap().unwrap();
        assert_eq!(council.due(at(1_000)), []);
        assert_eq!(
            council.approve(signer(1), wide, &parameters, at(1)),
            Ok(Err(Refusal::ApprovedAlready))
        );
        assert_eq!(
            council.approve(signer(9), wide, &parameters, at(1)),
            Ok(Err(Refusal::NotPermitted))
        );
        assert_eq!(council.approve(signer(2), wide, &parameters, at(2_000)), Ok(Ok(())));
        assert_eq!(council.approve(signer(3), narrow, &parameters, at(2_000)), Ok(Ok(())));
        // A wider scan range lowers risk and is due at once; a narrower one waits two days.
        assert_eq!(council.due(at(2_000)), [Due { proposal: wide, change: scan_range(200_000) }]);
        assert_eq!(council.due(at(2_000 + 172_799_999)), []);
        let due = council.due(at(2_000 + 172_800_000));
        assert_eq!(due, [Due { proposal: narrow, change: scan_range(130_000) }]);
    }

    #[test]
    fn an_approval_does_not_outlive_its_proposal() {
        // 0023-GOV-007
        let parameters = Parameters::default();
        let mut council = Council::new([signer(1), signer(2)], 2).unwrap();
        let id =
            council.propose(signer(1), scan_range(200_000), &parameters, at(0)).unwrap().unwrap();
        let week = 7 * 86_400_000;
        assert_eq!(
            council.approve(signer(2), id, &parameters, at(week)),
            Ok(Err(Refusal::ProposalUnknown))
        );
        assert_eq!(council.due(at(week)), []);
        assert_eq!(council.open().count(), 0);
    }

    #[test]
    fn a_complete_proposal_is_taken_back_by_those_who_completed_it() {
        // 0023-GOV-013
        let parameters = Parameters::default();
        let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
        let id = council.propose(signer(1), scan_range(130_000), &parameters, at(0)).unwrap();
        let id = id.unwrap();
        assert_eq!(council.revoke(signer(9), id, at(1)), Err(Refusal::NotPermitted));
        assert_eq!(council.revoke(signer(2), id, at(1)), Err(Refusal::NotApproved));
        assert_eq!(council.approve(signer(2), id, &parameters, at(1)), Ok(Ok(())));
        assert!(council.open().all(|(_, open)| open.due_at.is_some()));
        assert_eq!(council.revoke(signer(2), id, at(2)), Ok(()));
        let later = at(3 * 86_400_000);
        assert_eq!(council.due(later), [], "what is no longer complete is not due");
        // Another may complete it again, and then the timelock starts anew.
        assert_eq!(council.approve(signer(3), id, &parameters, later), Ok(Ok(())));
        assert_eq!(council.due(later), []);
        assert_eq!(council.revoke(signer(1), id, later), Ok(()));
        assert_eq!(council.revoke(signer(3), id, later), Ok(()));
        assert_eq!(council.revoke(signer(3), id, later), Err(Refusal::ProposalUnknown));
    }

    #[test]
    fn a_council_needs_a_threshold_that_can_be_met() {
        // 0023-GOV-004
        assert_eq!(Council::new([signer(1)], 0), None);
        assert_eq!(Council::new([signer(1), signer(1)], 2), None);
    }

    #[test]
    fn proposals_are_bounded_and_checked_when_made() {
        // 0023-GOV-005
        let parameters = Parameters::default();
        let mut council = Council::new([signer(1), signer(2)], 2).unwrap();
        let outside = council.propose(signer(1), scan_range(1), &parameters, at(0)).unwrap();
        assert!(matches!(outside, Err(Refusal::ValueOutsideBounds { .. })));
        for _ in 0..limits::PROPOSALS_MAX {
            assert!(
                council
                    .propose(signer(1), scan_range(200_000), &parameters, at(0))
                    .unwrap()
                    .is_ok()
            );
        }
        let over = council.propose(signer(1), scan_range(200_000), &parameters, at(0));
        assert_eq!(over, Ok(Err(Refusal::TooManyProposals)));
    }
}
