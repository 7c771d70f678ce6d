//! Handing an authenticated state to a peer: QMDB's own state sync, with the peer behind a function that carries bytes.
//!
//! The tree is an append-only log of operations; its root depends on their order, so it cannot be rebuilt from the
//! records. A receiver gets the operations from the inactivity floor on, with the hashes of what lies before.
//!
//! **Invariant:** an operation is kept only with a proof under the operations' root, and that root only with a witness
//! that the certified root commits to it: a peer that lies costs one answer, and no state.

use crate::qmdb::Tree;
use commonware_codec::{Copying, Decode as _, DecodeExt as _, Encode as _};
use commonware_cryptography::{Sha256, sha256::Digest};
use commonware_parallel::Sequential;
use commonware_runtime::tokio;
use commonware_storage::{
    mmr::{self, Location},
    qmdb::{
        self,
        current::{FixedConfig, proof::OpsRootWitness},
        sync::{Request, Response, Source, Target, engine::Config, source},
    },
    translator::EightCap,
};
use commonware_utils::{NZU64, NZUsize, non_empty_range};
use state_proof::StateRoot;
use std::error::Error;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

/// Most operations in one answer.
pub(crate) const OPERATIONS_AT_ONCE: NonZeroU64 = NZU64!(2_048);
/// Longest request for a piece of a tree.
pub const TREE_REQUEST_BYTES_MAX: usize = 64;
/// Longest witness.
const WITNESS_BYTES_MAX: usize = 256;
/// Requests beyond those that an honest peer needs.
const REQUESTS_SPARE: u64 = 16;

/// An operation of the tree's log.
pub(crate) type Operation = <Tree as qmdb::sync::Database>::Op;

/// Carries a request to a peer and its answer back, or says why not.
pub type Fetch = Box<dyn FnMut(&[u8]) -> Result<Vec<u8>, FetchError> + Send>;

/// Why a peer did not answer: whoever carries the request knows.
pub type FetchError = Box<dyn Error + Send + Sync>;

/// The witness of a target is none.
#[derive(Debug, thiserror::Error)]
#[error("the witness of its state is malformed: {0}")]
pub struct WitnessError(#[source] commonware_codec::Error);

/// What a peer must know of a tree to fetch it. Nothing in it needs to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeTarget {
    /// Operations in its log.
    pub operations: u64,
    /// The first that is needed.
    pub boundary: u64,
    /// Root over the operations.
    pub operations_root: [u8; 32],
    /// Leads from that root to the tree's.
    pub witness: Vec<u8>,
}

impl TreeTarget {
    /// Returns the bytes that [`Self::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.operations.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.boundary.to_be_bytes());
        bytes.extend_from_slice(&self.operations_root);
        bytes.extend_from_slice(&self.witness);
        bytes
    }

    /// Reads a target; `None` if the bytes are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (operations, rest) = bytes.split_first_chunk()?;
        let (boundary, rest) = rest.split_first_chunk()?;
        let (operations_root, witness) = rest.split_first_chunk()?;
        let (operations, boundary) =
            (u64::from_be_bytes(*operations), u64::from_be_bytes(*boundary));
        let sound = boundary < operations
            && Location::new(operations).is_valid()
            && witness.len() <= WITNESS_BYTES_MAX;
        sound.then(|| Self {
            operations,
            boundary,
            operations_root: *operations_root,
            witness: witness.to_vec(),
        })
    }

    /// Returns the state root that the target leads to.
    ///
    /// # Errors
    ///
    /// [`WitnessError`] if its witness is none.
    pub fn root(&self, height: u64) -> Result<StateRoot, WitnessError> {
        let witness = OpsRootWitness::<mmr::Family, Digest>::decode(Copying(&self.witness))
            .map_err(WitnessError)?;
        Ok(StateRoot::bind(height, &witness.root::<Sha256>(&Digest(self.operations_root)).0))
    }
}

/// Why a piece of a tree did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotFetched(String);

/// The peer, as the engine of the transfer sees it.
pub(crate) struct Fetcher(Mutex<Fetching>);

struct Fetching {
    fetch: Fetch,
    /// Requests that may still be sent: an answer that does not hold is asked for again.
    left: u64,
}

impl Fetcher {
    pub(crate) fn new(fetch: Fetch, target: &TreeTarget) -> Self {
        let needed = target.operations.saturating_sub(target.boundary) / OPERATIONS_AT_ONCE;
        let left = needed.saturating_add(REQUESTS_SPARE);
        Self(Mutex::new(Fetching { fetch, left }))
    }

    fn ask(&self, request: Request<mmr::Family>) -> Result<Answer, NotFetched> {
        let mut this = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        this.left = this
            .left
            .checked_sub(1)
            .ok_or_else(|| NotFetched("its answers do not hold".to_owned()))?;
        let bytes =
            (this.fetch)(&request.encode()).map_err(|error| NotFetched(error.to_string()))?;
        let most = usize::try_from(request.max_ops().get()).unwrap_or(usize::MAX);
        Answer::decode_cfg(Copying(&bytes), &(most, ()))
            .map_err(|error| NotFetched(format!("its answer is malformed: {error}")))
    }
}

/// Why a tree was not built of what a peer sent.
pub(crate) type NotBuilt = qmdb::sync::Error<mmr::Family, NotFetched, Digest>;

type Answer = Response<mmr::Family, Operation, Digest>;

impl Source for Fetcher {
    type Family = mmr::Family;
    type Digest = Digest;
    type Op = Operation;
    type Error = NotFetched;

    /// Blocks the thread: it is the tree's own, and has nothing else to do.
    async fn serve(&self, request: Request<mmr::Family>) -> source::Result<Self> {
        Ok((self.ask(request)?, None))
    }
}

/// Fetches a tree.
pub(crate) async fn fetch(
    context: tokio::Context,
    config: FixedConfig<EightCap, Sequential>,
    target: &TreeTarget,
    fetcher: Fetcher,
) -> Result<Tree, NotBuilt> {
    let range = non_empty_range!(Location::new(target.boundary), Location::new(target.operations));
    let config = Config {
        context,
        source: fetcher,
        target: Target::new(Digest(target.operations_root), range),
        max_outstanding_requests: NZUsize!(1),
        fetch_batch_size: OPERATIONS_AT_ONCE,
        apply_batch_size: OPERATIONS_AT_ONCE,
        db_config: config,
        update_rx: None,
        finish_rx: None,
        reached_target_tx: None,
    };
    qmdb::sync::sync::<Tree, _>(config).await
}
