//! The ends of a validator's channels: what a liar sends, and what the network delivers twice or late.

use super::chance::Chance;
use super::lies::Liar;
use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{CheckedSender, LimitedSender, Message, Receiver, Recipients, Sender};
use commonware_runtime::IoBufs;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

/// Messages that may overtake one that is late.
const OVERTAKERS_MAX: u64 = 6;

/// What the network does to messages that arrive, in a hundred.
#[derive(Debug, Default)]
pub(crate) struct Noise {
    pub(crate) twice: AtomicU8,
    pub(crate) late: AtomicU8,
}

/// The sending end of a channel.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing<S> {
    pub(crate) inner: S,
    pub(crate) channel: usize,
    pub(crate) liar: Option<Arc<Liar>>,
}

/// A message that may be sent.
pub(crate) enum Checked<'a, S: Sender<PublicKey = PublicKey> + 'a> {
    Plain(S::Checked<'a>),
    Lying { to: Vec<PublicKey>, sender: S, channel: usize, liar: Arc<Liar> },
}

impl<S: Sender<PublicKey = PublicKey>> LimitedSender for Outgoing<S> {
    type PublicKey = PublicKey;
    type Checked<'a>
        = Checked<'a, S>
    where
        Self: 'a;

    fn check(&mut self, to: Recipients<PublicKey>) -> Result<Self::Checked<'_>, SystemTime> {
        let Some(liar) = self.liar.clone() else {
            return self.inner.check(to).map(Checked::Plain);
        };
        let to = match to {
            Recipients::All => liar.peers().to_vec(),
            Recipients::Some(peers) => peers,
            Recipients::One(peer) => vec![peer],
        };
        Ok(Checked::Lying { to, sender: self.inner.clone(), channel: self.channel, liar })
    }
}

impl<'a, S: Sender<PublicKey = PublicKey> + 'a> CheckedSender for Checked<'a, S> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        match self {
            Self::Plain(checked) => checked.recipients(),
            Self::Lying { to, .. } => to.clone(),
        }
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        match self {
            Self::Plain(checked) => checked.send(message, priority),
            Self::Lying { to, mut sender, channel, liar } => {
                for (to, message) in liar.sends(channel, to, message.into()) {
                    if !to.is_empty() {
                        sender.send(Recipients::Some(to), message, priority);
                    }
                }
                // Its own program need not know.
                Unreliable::new(Feedback::Ok)
            }
        }
    }
}

/// The receiving end of a channel.
#[derive(Debug)]
pub(crate) struct Incoming<R: Receiver<PublicKey = PublicKey>> {
    inner: R,
    noise: Arc<Noise>,
    chance: Chance,
    ready: VecDeque<Message<PublicKey>>,
    /// A message that is late, and how many overtake it.
    late: Option<(u64, Message<PublicKey>)>,
}

impl<R: Receiver<PublicKey = PublicKey>> Incoming<R> {
    pub(crate) fn new(inner: R, noise: Arc<Noise>, seed: u64) -> Self {
        Self { inner, noise, chance: Chance::new(seed), ready: VecDeque::new(), late: None }
    }
}

impl<R: Receiver<PublicKey = PublicKey>> Receiver for Incoming<R> {
    type Error = R::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, R::Error> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(message);
            }
            // The only wait: what is dropped here has taken nothing off the channel.
            let message = self.inner.recv().await?;
            match self.late.take() {
                Some((0, late)) => self.ready.push_back(late),
                Some((overtakers, late)) => self.late = Some((overtakers - 1, late)),
                None if self.chance.percent(self.noise.late.load(Ordering::Relaxed)) => {
                    self.late = Some((self.chance.below(OVERTAKERS_MAX), message));
                    continue;
                }
                None => {}
            }
            if self.chance.percent(self.noise.twice.load(Ordering::Relaxed)) {
                self.ready.push_back(message.clone());
            }
            self.ready.push_front(message);
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}
