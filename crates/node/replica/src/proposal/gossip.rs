//! Gossip, in one hop: submissions and reports that wait go from the validator that got them to all others, once.
//!
//! Every validator is connected to every other, so nothing is passed on. What is lost on the way still stands in the
//! pool of the validator that got it, and goes into its own blocks. The queues are bounded, and messages by
//! [`crate::consensus::sizes`]; a peer that sends what is no message is blocked, for a short time.

use crate::consensus::committee::{Committees, Report};
use crate::consensus::sizes::{self, Batch, REPORT_BYTES_MAX, Unread};
use crate::proposal::waiting::Waiting;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Blocker, Receiver, Recipients, Sender};
use mempool::Source;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Messages that may wait to be sent.
pub(crate) const QUEUE: usize = 4_096;

/// Returns a message of as many submissions as fit, and the one that did not.
pub(crate) fn batch(
    first: &mut Option<Vec<u8>>,
    mut next: impl FnMut() -> Option<Vec<u8>>,
) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let mut batch = Batch::new();
    while let Some(submission) = first.take().or_else(&mut next) {
        if let Err(left) = batch.add(submission) {
            // Nothing is admitted that does not fit into a message by itself.
            return batch.message().map(|message| (message, Some(left)));
        }
    }
    batch.message().map(|message| (message, None))
}

/// Sends submissions, as many in one message as are waiting and fit.
pub(crate) async fn send_submissions(
    mut queue: mpsc::Receiver<Vec<u8>>,
    mut network: impl Sender<PublicKey = PublicKey>,
) {
    let mut first = None;
    loop {
        if first.is_none() {
            first = queue.recv().await;
        }
        if first.is_none() {
            return;
        }
        if let Some((message, left)) = batch(&mut first, || queue.try_recv().ok()) {
            first = left;
            network.send(Recipients::All, message, false);
        }
    }
}

/// Sends reports, each in a message of its own.
pub(crate) async fn send_reports(
    mut queue: mpsc::Receiver<Report>,
    mut network: impl Sender<PublicKey = PublicKey>,
) {
    while let Some(report) = queue.recv().await {
        if let Some(message) = sizes::message(&report, REPORT_BYTES_MAX) {
            network.send(Recipients::All, message, true);
        }
    }
}

/// Admits the submissions that peers send.
pub(crate) async fn receive_submissions(
    mut network: impl Receiver<PublicKey = PublicKey>,
    mut blocker: impl Blocker<PublicKey = PublicKey>,
    waiting: Arc<Waiting>,
    committees: Arc<Committees>,
) {
    while let Ok((peer, message)) = network.recv().await {
        // One that has lost its seat need not know it yet; nor does anything of it count any more.
        let Some(id) = committees.id_of(&peer) else { continue };
        match Batch::read(message.as_ref()) {
            // What this pool refuses, the sender may still propose.
            Ok(batch) => drop(waiting.admit(Source::Peer(id), &batch)),
            Err(Unread::TooLong) => {}
            Err(Unread::Malformed) => {
                blocker.block(peer);
            }
        }
    }
}

/// Keeps the genuine reports that peers send, each of the peer itself and no longer than its share.
pub(crate) async fn receive_reports(
    mut network: impl Receiver<PublicKey = PublicKey>,
    mut blocker: impl Blocker<PublicKey = PublicKey>,
    waiting: Arc<Waiting>,
    committees: Arc<Committees>,
) {
    while let Ok((peer, message)) = network.recv().await {
        let Some(id) = committees.id_of(&peer) else { continue };
        match sizes::read::<Report>(message.as_ref(), REPORT_BYTES_MAX) {
            Ok(report) if report.vote.validator == id => {
                if waiting.wants(&report) && committees.takes(&report) {
                    waiting.report(report);
                }
            }
            Err(Unread::TooLong) => {}
            _ => {
                blocker.block(peer);
            }
        }
    }
}
