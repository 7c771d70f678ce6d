//! Spreading what waits: submissions and reports go from the validator that got them to all others, once.
//!
//! Every validator is connected to every other, so nothing is passed on. What is lost on the way still stands in the
//! pool of the validator that got it, and goes into its own blocks. The queues are bounded; a peer that sends what is
//! no message is blocked.

use crate::committee::{Committees, Report};
use crate::waiting::Waiting;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Blocker, Receiver, Recipients, Sender};
use mempool::Source;
use protocol::codec;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Longest message, as far as there is more than one submission in it.
const BATCH_BYTES: usize = 128 << 10;
/// Longest message that is read.
pub(crate) const MESSAGE_BYTES_MAX: usize = BATCH_BYTES + mempool::SUBMISSION_BYTES_MAX + 64;
/// Messages that may wait to be sent.
pub(crate) const QUEUE: usize = 4_096;

/// Sends submissions, as many in one message as are waiting.
pub(crate) async fn send_submissions(
    mut queue: mpsc::Receiver<Vec<u8>>,
    mut network: impl Sender<PublicKey = PublicKey>,
) {
    while let Some(first) = queue.recv().await {
        let mut length = first.len();
        let mut batch = vec![first];
        while length < BATCH_BYTES {
            let Ok(next) = queue.try_recv() else { break };
            length += next.len();
            batch.push(next);
        }
        if let Ok(message) = codec::encode(&batch) {
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
        if let Ok(message) = codec::encode(&report) {
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
        let source = Source::Peer(id);
        match codec::decode::<Vec<Vec<u8>>>(message.as_ref(), MESSAGE_BYTES_MAX) {
            // What this pool refuses, the sender may still propose.
            Ok(batch) => drop(waiting.admit(source, &batch)),
            Err(_) => {
                blocker.block(peer);
            }
        }
    }
}

/// Keeps the genuine reports that peers send, each of the peer itself.
pub(crate) async fn receive_reports(
    mut network: impl Receiver<PublicKey = PublicKey>,
    mut blocker: impl Blocker<PublicKey = PublicKey>,
    waiting: Arc<Waiting>,
    committees: Arc<Committees>,
) {
    while let Ok((peer, message)) = network.recv().await {
        let Some(id) = committees.id_of(&peer) else { continue };
        let own = |report: &Report| report.vote.validator == id;
        match codec::decode::<Report>(message.as_ref(), MESSAGE_BYTES_MAX) {
            Ok(report) if own(&report) => {
                if waiting.wants(&report) && committees.is_genuine(&report) {
                    waiting.report(report);
                }
            }
            _ => {
                blocker.block(peer);
            }
        }
    }
}
