//! How far the others are: what a validator asks that does not know what it has signed. So a double-sign
//! guard that has lost its file recovers.
//!
//! One can sign a vote in a view only after a quorum has voted in the view before it. So, of `n` validators of which `f` may
//! lie, at least one honest one among any `2f + 1` others has taken part in the view before any in which this one has
//! voted, and remembers it: each answers with the newest round in which it has signed or seen a certificate. What lies
//! beyond the newest of the answers has never been signed here.
//!
//! **Invariant:** a validator whose votes are lost signs nothing that it may have signed otherwise before, whatever fewer
//! than a third of the others answer, and whomever it has joined from.
//!
//! A liar can name a round that is far away: who asks is then silent until the epoch ends. Rounds of epochs that this
//! validator does not know yet are waited for: it asks again once it has come so far.

use crate::consensus::activity::Observer;
use crate::consensus::committee::Committees;
use crate::consensus::guard::VoteGuard;
use crate::consensus::round;
use crate::consensus::sizes::{self, Unread};
use crate::engine::Runtime;
use borsh::{BorshDeserialize, BorshSerialize};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Blocker, Receiver, Recipients, Sender};
use futures::future::{Either, select};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longest message.
const MESSAGE_BYTES_MAX: usize = 32;
/// Time after which it is asked again.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Message {
    /// How far are you?
    Question,
    /// So far.
    Answer(u64),
}

/// What one validator knows of itself.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    pub(crate) guard: Arc<Mutex<VoteGuard>>,
    pub(crate) observer: Observer,
}

impl Memory {
    fn guard(&self) -> std::sync::MutexGuard<'_, VoteGuard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the newest round that it has taken part in or seen; none if it does not know what it has signed.
    fn newest(&self) -> Option<u64> {
        let signed = self.guard().newest()?;
        Some(signed.max(self.observer.now().round))
    }
}

/// Returns the newest of the rounds that others have named, once enough of them have.
fn newest(answers: &BTreeMap<PublicKey, u64>, validators: usize) -> Option<u64> {
    let liars = validators.saturating_sub(1) / 3;
    let others = validators.saturating_sub(1);
    let enough = answers.len() >= others.min(2 * liars + 1);
    enough.then(|| answers.values().copied().max().unwrap_or(0))
}

/// Answers those who ask, and asks around until this validator knows how far the others are.
pub(crate) async fn run<E: Runtime>(
    runtime: E,
    mut sender: impl Sender<PublicKey = PublicKey>,
    mut receiver: impl Receiver<PublicKey = PublicKey>,
    mut blocker: impl Blocker<PublicKey = PublicKey>,
    (me, committees): (PublicKey, Arc<Committees>),
    memory: Memory,
) {
    let mut answers: BTreeMap<PublicKey, u64> = BTreeMap::new();
    loop {
        let lost = memory.guard().is_lost();
        if lost && settle(&mut answers, &me, &committees, &memory) {
            continue;
        }
        if lost && let Some(question) = sizes::message(&Message::Question, MESSAGE_BYTES_MAX) {
            sender.send(Recipients::All, question, false);
        }
        let asked_at = runtime.current();
        loop {
            let received = pin!(receiver.recv());
            let heard = if lost {
                let again = pin!(runtime.sleep_until(asked_at + PATIENCE));
                match select(received, again).await {
                    Either::Left((heard, _)) => heard,
                    Either::Right(_) => break,
                }
            } else {
                received.await
            };
            let Ok((peer, bytes)) = heard else { return };
            match sizes::read(bytes.as_ref(), MESSAGE_BYTES_MAX) {
                Ok(Message::Question) => {
                    let answer = memory.newest().map(Message::Answer);
                    let answer = answer.and_then(|it| sizes::message(&it, MESSAGE_BYTES_MAX));
                    if let Some(answer) = answer {
                        sender.send(Recipients::One(peer), answer, false);
                    }
                }
                Ok(Message::Answer(round)) if lost => {
                    answers.insert(peer, round);
                    break;
                }
                Ok(Message::Answer(_)) | Err(Unread::TooLong) => {}
                Err(Unread::Malformed) => {
                    blocker.block(peer);
                }
            }
        }
    }
}

/// Ends the silence if enough validators of the present committee have answered; returns whether it did.
fn settle(
    answers: &mut BTreeMap<PublicKey, u64>,
    me: &PublicKey,
    committees: &Committees,
    memory: &Memory,
) -> bool {
    let Some(committee) = committees.present() else { return false };
    answers.retain(|peer, _| peer != me && committee.id_of(peer).is_some());
    let Some(newest) = newest(answers, committee.len()) else { return false };
    let newest = newest.max(memory.observer.now().round);
    if round::parts(newest).0 > committees.record().epoch {
        // The chain here is not there yet, and another committee may be asked then.
        answers.clear();
        return false;
    }
    memory.guard().settle(newest).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ValidatorKey;
    use commonware_cryptography::Signer as _;

    fn answers(rounds: &[u64]) -> BTreeMap<PublicKey, u64> {
        let key = |number: u8| {
            let key = ValidatorKey::from_secret([number + 1; 32]).expect("a secret");
            key.0.public_key()
        };
        (0..).map(key).zip(rounds.iter().copied()).collect()
    }

    #[test]
    fn so_many_answer_that_an_honest_one_among_them_voted_in_the_view_before() {
        // validators, answers, whether they are enough
        for (validators, count, enough) in [
            (1, 0, true),
            (2, 0, false),
            (2, 1, true),
            (4, 2, false),
            (4, 3, true),
            (7, 4, false),
            (7, 5, true),
        ] {
            let rounds: Vec<u64> = (1..=count).collect();
            assert_eq!(
                newest(&answers(&rounds), validators).is_some(),
                enough,
                "{validators} {count}"
            );
        }
        assert_eq!(newest(&answers(&[7, 90, 8]), 4), Some(90));
    }

    /// Of every four validators: whoever lost its votes may have voted one view beyond those in which a quorum took part.
    #[test]
    fn no_liar_and_no_laggard_makes_a_round_free_that_may_have_been_signed() {
        let signed = 51;
        // Two honest others took part in view 50, with this one; the third lagged, or one of the three lies.
        for rounds in [[50, 50, 3], [50, 0, 50], [50, 50, u64::MAX - 9]] {
            let newest = newest(&answers(&rounds), 4).expect("all have answered");
            let mut guard = VoteGuard::in_memory();
            guard.settle(newest).expect("memory takes it");
            let ballot = crate::consensus::guard::Ballot::Nullify { round: signed };
            assert!(guard.permit(ballot).is_err());
        }
    }
}
