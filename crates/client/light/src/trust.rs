//! A list of validators: the anchor, and who validates in one epoch.
//!
//! **Invariant:** the network is named by the anchor for ever; only who signs changes, one epoch at a time.

use crate::anchor::{self, AnchorError};
use crate::{Anchor, CertificateError, STEPS_MAX, Step, StepError, Validator, Verifier};

/// Whom a client trusts: a list of the validators of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Which network.
    pub anchor: Anchor,
    /// Which epoch.
    pub epoch: u64,
    /// Who validates in it, ascending by number, each key once.
    pub validators: Vec<Validator>,
}

impl Trust {
    /// Returns the list that the anchor is: that of epoch 0.
    #[must_use]
    pub fn genesis(anchor: Anchor) -> Self {
        Self { epoch: 0, validators: anchor.validators.clone(), anchor }
    }

    /// Reads a list from its text: that of an anchor, which may have an epoch and its committee beside it.
    ///
    /// # Errors
    ///
    /// [`AnchorError`] for anything that is not one.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        match anchor::read(text)? {
            (anchor, None, None) => Ok(Self::genesis(anchor)),
            (anchor, Some(epoch @ 1..), Some(validators)) if is_epoch(epoch) => {
                Ok(Self { anchor, epoch, validators })
            }
            _ => Err(AnchorError::Epoch),
        }
    }

    /// Returns the text that [`Self::parse`] reads: of epoch 0 it is the anchor's.
    #[must_use]
    pub fn text(&self) -> String {
        if self.epoch == 0 {
            return self.anchor.text();
        }
        let title = "# Whose signatures count on this chain in one epoch: the committee's. The validators are those of the\n\
                     # beginning, who are part of the network's name. Validators are started with the first list.\n";
        let mut text = self.anchor.text_head(title);
        text.push_str(&format!("epoch = {}\n", self.epoch));
        anchor::put_validators(&mut text, "validators", &self.anchor.validators);
        anchor::put_validators(&mut text, "committee", &self.validators);
        text
    }

    /// Returns what checks the certificates of this epoch.
    ///
    /// # Errors
    ///
    /// [`CertificateError::KeyUnusable`] if a key is none, [`CertificateError::AnchorUnusable`] if the list is none.
    pub fn verifier(&self) -> Result<Verifier, CertificateError> {
        Verifier::new(self)
    }

    /// Goes on by one epoch, to the validators that a step shows; a step that does not hold changes nothing.
    ///
    /// # Errors
    ///
    /// [`StepError`], which says what of the step does not hold.
    pub fn follow(&mut self, step: &Step) -> Result<(), StepError> {
        let next = self.epoch.checked_add(1).filter(|next| is_epoch(*next));
        let next = next.ok_or(StepError::Last { epoch: self.epoch })?;
        self.validators = step.shown(self)?;
        self.epoch = next;
        Ok(())
    }

    /// Returns the list after steps, of which the first is of this list's epoch.
    ///
    /// # Errors
    ///
    /// [`StepError`] of the first step that does not hold, or if there are too many.
    pub fn follow_all(&self, steps: &[Step]) -> Result<Self, StepError> {
        if steps.len() > STEPS_MAX {
            return Err(StepError::TooMany { epoch: self.epoch, steps: steps.len() });
        }
        let mut trust = self.clone();
        steps.iter().try_for_each(|step| trust.follow(step))?;
        Ok(trust)
    }
}

/// Whether there is such an epoch: a round holds it in 32 bits.
fn is_epoch(epoch: u64) -> bool {
    u32::try_from(epoch).is_ok()
}
