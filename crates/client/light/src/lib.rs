//! The light client: what a stranger checks, with nothing but a list of public keys: that a quorum of a network's
//! validators finalised a block, that the block names the outcome of an earlier one, and that a record, an order or an
//! event is, or is not, in that outcome.
//!
//! The chain of an [`Answer`], from the bottom: the record, its proof under a state root, or the events of a block, their
//! hashes; the header that carries the root and the hash of the events, and the headers after it up to the one whose hash
//! an ordered block names as executed; that ordered block, and those after it up to one that is finalised; the signatures
//! of more than two thirds of the validators of its epoch; a [`Step`] for each epoch from the client's list to that one.
//!
//! A client begins with an [`Anchor`] and holds a [`Trust`]: the anchor, and the validators of one epoch. A step is signed
//! by the validators of one epoch and shows those of the next.
//!
//! **Invariant:** nothing is accepted that the validators of the list, or those that they have named, have not signed for,
//! and there is one encoding of one answer: an answer with any byte changed is refused.
//!
//! **Left out:** networking, and how the list reaches the client: it comes with the software, or from people the
//! client trusts. Whoever comes back after months compares it with theirs: what validators who have long left sign
//! for him shows nothing.

mod anchor;
mod answer;
mod certificate;
mod consensus_header;
mod finality;
mod step;
mod trust;

pub use anchor::{Anchor, AnchorError, Clock, Validator};
pub use answer::{
    ANSWER_BYTES_MAX, Answer, AnswerError, Finding, Shown, Subject, granted, is_answer,
};
pub use certificate::{CertificateError, Verifier};
pub use consensus_header::ConsensusHeader;
pub use finality::{FINALITY_PROOF_BYTES_MAX, FinalityError, FinalityProof};
pub use step::{STEP_BYTES_MAX, STEPS_BYTES_MAX, STEPS_MAX, Step, StepError};
pub use trust::Trust;
