//! One engine an epoch: each counts its views from one, begins at the last block of the epoch before, and has the
//! validators of its epoch. This is how the validator set changes (reconfiguration).
//!
//! The channels of votes, certificates and requests are parted by epoch. Once the last block of an epoch is executed, its
//! engine ends and the next begins; a block at the end of an epoch is proposed again until it is final, so there is always
//! a certificate to go on from. A validator that hears votes of a later epoch asks who sent them for the certificate that
//! ends its own. One without a seat runs the same engine with keys that only verify, and so is there when its epoch comes.
//!
//! **Invariant:** at most one engine votes at a time.

use crate::consensus::committee::Committees;
use crate::consensus::scheme::Guarded;
use crate::engine::{BUFFER, Digest, MAILBOX, Runtime, StartError, Timeouts, positive};
use commonware_consensus::{
    CertifiableAutomaton, Relay, Reporter,
    marshal::{Identifier, core::Mailbox, standard::Standard},
    simplex::{
        self, Plan,
        config::{ForwardPolicy, SkipBudget, SkipPolicy},
        elector::RoundRobin,
        types::{Activity, Context, Finalization},
    },
    types::{Epoch, Height, ViewDelta},
};
use commonware_cryptography::{Sha256, ed25519::PublicKey};
use commonware_p2p::{
    Blocker, Message, Receiver, Sender,
    utils::mux::{Builder as _, MuxHandle, Muxer, SubReceiver, SubSender},
};
use commonware_parallel::Sequential;
use commonware_runtime::{Handle, buffer::paged::CacheRef};
use commonware_utils::vec::NonEmptyVec;
use futures::future::{Either, select};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Time after which a block that begins an epoch and is not here yet is looked for again.
const PATIENCE: Duration = Duration::from_millis(100);

/// What each engine is given.
pub(crate) struct Wiring<A, F, B> {
    pub(crate) committees: Arc<Committees>,
    pub(crate) marshal: Mailbox<Guarded, Standard<crate::consensus::block::Block>>,
    /// Proposes, judges and passes on.
    pub(crate) application: A,
    pub(crate) reporter: F,
    pub(crate) blocker: B,
    pub(crate) cache: CacheRef,
    /// Begins the names of the engines' journals.
    pub(crate) layout: String,
    pub(crate) timeouts: Timeouts,
    /// Where the first engine begins, if not at the end of the epoch before.
    pub(crate) floor: Option<Finalization<Guarded, Digest>>,
    /// The height up to which blocks are executed and acknowledged; none until that is known.
    pub(crate) delivered: watch::Receiver<Option<u64>>,
}

/// Messages of epochs without an engine here: of which epoch, and who sent what.
type Strays = mpsc::Receiver<(u64, Message<PublicKey>)>;

/// The ends of a channel in one epoch.
type Ends<S> = (SubSender<S>, SubReceiver<PublicKey>);

/// The channels of the engines, parted by epoch.
pub(crate) struct Channels<S: Sender<PublicKey = PublicKey>> {
    votes: MuxHandle<S>,
    stray_votes: Strays,
    certificates: MuxHandle<S>,
    stray_certificates: Strays,
    requests: MuxHandle<S>,
}

impl<S: Sender<PublicKey = PublicKey>> Channels<S> {
    /// Parts the channels of votes, certificates and requests.
    pub(crate) fn part<E: Runtime, R, Q>(
        runtime: &E,
        votes: (S, R),
        certificates: (S, R),
        requests: (S, Q),
    ) -> Self
    where
        R: Receiver<PublicKey = PublicKey>,
        Q: Receiver<PublicKey = PublicKey>,
    {
        let context = runtime.child("votes_by_epoch");
        let muxer = Muxer::builder(context, votes.0, votes.1).with_backup();
        let (muxer, votes, stray_votes) = muxer.build();
        muxer.start();
        let context = runtime.child("certificates_by_epoch");
        let muxer = Muxer::builder(context, certificates.0, certificates.1).with_backup();
        let (muxer, certificates, stray_certificates) = muxer.build();
        muxer.start();
        let context = runtime.child("requests_by_epoch");
        let (muxer, requests) = Muxer::new(context, requests.0, requests.1);
        muxer.start();
        Self { votes, stray_votes, certificates, stray_certificates, requests }
    }

    /// Opens the channels of an epoch; `None` if the network has ended.
    async fn of(&mut self, epoch: u64) -> Option<[Ends<S>; 3]> {
        let votes = self.votes.register(epoch).await.ok()?;
        let certificates = self.certificates.register(epoch).await.ok()?;
        let requests = self.requests.register(epoch).await.ok()?;
        Some([votes, certificates, requests])
    }
}

impl<A, F, B> Wiring<A, F, B>
where
    A: CertifiableAutomaton<Context = Context<Digest, PublicKey>, Digest = Digest>
        + Relay<Digest = Digest, PublicKey = PublicKey, Plan = Plan<PublicKey>>,
    F: Reporter<Activity = Activity<Guarded, Digest>>,
    B: Blocker<PublicKey = PublicKey>,
{
    /// Runs one engine after the other, for as long as the network lasts.
    pub(crate) async fn run<E: Runtime, S: Sender<PublicKey = PublicKey>>(
        mut self,
        runtime: E,
        mut channels: Channels<S>,
    ) -> Result<(), StartError> {
        let known = self.delivered.wait_for(Option::is_some).await;
        let Some(mut delivered) = known.ok().and_then(|known| *known) else { return Ok(()) };
        // A state that was taken over begins at a certificate whose block may still have to be fetched.
        let floor = self.floor.as_ref().map_or(0, |floor| floor.round().epoch().get());
        loop {
            let epoch = self.committees.epoch_at(delivered.saturating_add(1)).max(floor);
            let Some(ends) = channels.of(epoch).await else { return Ok(()) };
            let engine = self.engine(&runtime, epoch, ends).await?;
            if let Some(old) = epoch.checked_sub(2) {
                // A journal that is not there is as good as removed.
                drop(runtime.remove(&self.journal(old), None).await);
            }
            match self.last_of(epoch, engine, &mut channels).await {
                Some(height) => delivered = height,
                None => return Ok(()),
            }
        }
    }

    fn journal(&self, epoch: u64) -> String {
        format!("{}-simplex-{epoch}", self.layout)
    }

    /// Waits until the last block of an epoch is executed, ends the epoch's engine and returns how far execution is;
    /// `None` if the engine has ended by itself.
    async fn last_of<S: Sender<PublicKey = PublicKey>>(
        &mut self,
        epoch: u64,
        engine: Handle<()>,
        channels: &mut Channels<S>,
    ) -> Option<u64> {
        let last = self.committees.base_of(epoch.saturating_add(1));
        let mut engine = Engine(engine);
        loop {
            let executed = async {
                let at = self.delivered.wait_for(|at| at.is_some_and(|at| at >= last)).await;
                at.ok().and_then(|at| *at)
            };
            let executed = pin!(executed);
            let Channels { stray_votes, stray_certificates, .. } = &mut *channels;
            let stray = async {
                let (vote, certificate) =
                    (pin!(stray_votes.recv()), pin!(stray_certificates.recv()));
                match select(vote, certificate).await {
                    Either::Left((stray, _)) | Either::Right((stray, _)) => stray,
                }
            };
            match select(executed, select(pin!(stray), &mut engine.0)).await {
                Either::Left((height, _)) => {
                    engine.0.abort();
                    // Its votes have all been written down before a new engine reads or writes anything.
                    drop((&mut engine.0).await);
                    return height;
                }
                Either::Right((Either::Left((Some((theirs, (peer, _))), _)), _)) => {
                    if theirs > epoch {
                        self.marshal.hint_finalized(Height::new(last), NonEmptyVec::new(peer));
                    }
                }
                Either::Right(_) => return None,
            }
        }
    }

    /// Starts the engine of an epoch.
    async fn engine<E: Runtime, S: Sender<PublicKey = PublicKey>>(
        &mut self,
        runtime: &E,
        epoch: u64,
        [votes, certificates, requests]: [Ends<S>; 3],
    ) -> Result<Handle<()>, StartError> {
        let committee = self.committees.of(epoch).ok_or(StartError::CommitteeUnknown(epoch))?;
        let floor = self.floor.take().filter(|floor| floor.round().epoch().get() == epoch);
        let floor = match floor {
            Some(floor) => simplex::config::Floor::Finalized(floor),
            None => {
                let height = self.committees.base_of(epoch);
                simplex::config::Floor::Genesis(base(runtime, &self.marshal, height).await)
            }
        };
        let timeouts = self.timeouts;
        let engine = simplex::Engine::new(
            runtime.child("epoch").with_attribute("epoch", epoch),
            simplex::Config {
                scheme: committee.scheme.as_ref().clone(),
                elector: RoundRobin::<Sha256>::default(),
                blocker: self.blocker.clone(),
                automaton: self.application.clone(),
                relay: self.application.clone(),
                reporter: self.reporter.clone(),
                strategy: Sequential,
                partition: self.journal(epoch),
                mailbox_size: MAILBOX,
                epoch: Epoch::new(epoch),
                floor,
                replay_buffer: BUFFER,
                write_buffer: BUFFER,
                page_cache: self.cache.clone(),
                leader_timeout: timeouts.leader,
                certification_timeout: timeouts.certification,
                timeout_retry: timeouts.certification * 2,
                view_retention: ViewDelta::new(64),
                skip: SkipPolicy::Enabled {
                    timeout: timeouts.certification * 3,
                    budget: SkipBudget::Participants,
                },
                fetch_timeout: positive(timeouts.fetch),
                fetch_retry_delay: Duration::from_millis(500),
                forward: ForwardPolicy::SilentVoters,
                // Without them a vote that contradicts one is evidence only until its view has a certificate: the peer
                // would be blocked, and never punished.
                track_historical_votes: true,
            },
        );
        Ok(engine.start(votes, certificates, requests))
    }
}

/// Returns the digest of the block of a height from which an epoch begins. It is executed, so it is final; a validator
/// that has taken its state over may still have to fetch it.
async fn base<E: Runtime>(
    runtime: &E,
    marshal: &Mailbox<Guarded, Standard<crate::consensus::block::Block>>,
    height: u64,
) -> Digest {
    loop {
        let found = marshal.get_info(Identifier::Height(Height::new(height))).await;
        if let Some((_, digest)) = found {
            return digest;
        }
        runtime.sleep(PATIENCE).await;
    }
}

/// An engine that ends when nobody waits for it any more.
struct Engine(Handle<()>);

impl Drop for Engine {
    fn drop(&mut self) {
        self.0.abort();
    }
}
