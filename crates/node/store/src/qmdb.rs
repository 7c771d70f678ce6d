//! The authenticated state on commonware's QMDB (`current`, ordered, over a Merkle mountain range), run from synchronous
//! code.
//!
//! QMDB is asynchronous and wants a runtime of its own, so one thread owns both and answers one
//! request at a time: the order of requests is the order of commits. QMDB is instantiated here and
//! nowhere else, for each instantiation costs a minute of code generation.
//!
//! Each commit leaves its height in QMDB's own commit record, so that a directory says how far it
//! got. Between checkpoints nothing is made durable: the block log is the truth, and a restart goes
//! back to a checkpoint and replays ([`crate::Store`]).
//!
//! **Invariant:** what goes into the tree is a function of the heights and writes alone: no clock,
//! no randomness, no parallel reduction.

use crate::{
    commitment::{CommitmentError, HashedWrites, StateCommitment, hashed_writes},
    disk::{DirectoryLock, DiskError, Named as _, ScratchDirectory, file_names},
    refused::{Refused, refused},
    state_sync::{self, Fetch, Fetcher, NotBuilt, TREE_REQUEST_BYTES_MAX, TreeTarget},
};
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::{Sha256, sha256::Digest};
use commonware_parallel::Sequential;
use commonware_runtime::{Runner as _, Supervisor as _, buffer::paged::CacheRef, tokio};
use commonware_storage::{
    journal::contiguous::fixed::Config as JournalConfig,
    mmr::{self, Location, full::Config as MerkleConfig},
    qmdb::{
        self,
        current::{FixedConfig, ordered::fixed},
        floor::Proportional,
        sync::{Request as TreeRequest, Source as _},
    },
    translator::EightCap,
};
use commonware_utils::{NZU16, NZU64, NZUsize};
use state_proof::{
    CHUNK, Claim, KeyBytes, Proof, RecordBytes, RecordDigest, StateRoot, key_digest,
};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

pub(crate) type Tree =
    fixed::Db<mmr::Family, tokio::Context, Digest, Digest, Sha256, EightCap, CHUNK, Sequential>;
type TreeError = qmdb::Error<mmr::Family>;

/// Names the layout below; part of every partition's name, so that another layout never reads this
/// one.
const LAYOUT: &str = "state-v1";
/// Marks a commit record as ours; the height stands before it.
const HEIGHT_MARK: &[u8; 24] = b"novation/state-height/1\0";
/// Operations after which what is in memory is written out even without a checkpoint.
const UNFLUSHED_OPERATIONS_MAX: u64 = 1 << 19;

/// A state the tree can be opened at again: what a snapshot remembers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Height of the last commit in it.
    pub height: u64,
    /// The root there.
    pub root: StateRoot,
    /// Operations in the tree's log there.
    pub operations: u64,
    /// Operations that may be forgotten while this checkpoint must stay reachable.
    pub prunable: u64,
}

/// [`StateCommitment`] on QMDB; see the module's description.
#[derive(Debug)]
pub struct QmdbCommitment {
    requests: Option<mpsc::SyncSender<Request>>,
    thread: Mutex<Thread>,
    root: StateRoot,
    height: Option<u64>,
    // Dropped last, in this order: the thread must have let go of the files.
    _lock: DirectoryLock,
    _scratch: Option<ScratchDirectory>,
}

/// The thread that owns the tree; once it is gone, why.
#[derive(Debug)]
enum Thread {
    Running(JoinHandle<Gone>),
    Gone(Gone),
}

/// Why the thread ended.
#[derive(Debug, Clone, Default)]
struct Gone {
    reason: String,
    /// Whether the system refused it to read or write.
    of_disk: bool,
}

impl Gone {
    fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), of_disk: false }
    }

    fn of(error: &CommitmentError) -> Self {
        Self { reason: error.to_string(), of_disk: error.is_of_disk() }
    }
}

type Reply<T> = mpsc::SyncSender<Result<T, CommitmentError>>;

enum Request {
    Commit { height: u64, writes: HashedWrites, reply: Reply<StateRoot> },
    Prove { key: Vec<u8>, record: Option<Vec<u8>>, reply: Reply<Proof> },
    Digest { key: [u8; 32], reply: Reply<Option<RecordDigest>> },
    Checkpoint { height: u64, reply: Reply<Checkpoint> },
    Prune { operations: u64, reply: Reply<()> },
    Target { reply: Reply<TreeTarget> },
    Serve { request: Vec<u8>, reply: Reply<Vec<u8>> },
}

/// What the thread begins with.
enum Begin {
    /// What is on disk, as of so many operations if that is said.
    Disk(Option<u64>),
    /// What a peer sends.
    Peer(Box<Arrival>),
}

/// A state that is to come from a peer.
struct Arrival {
    height: u64,
    root: StateRoot,
    target: TreeTarget,
    fetch: Fetch,
}

/// What the thread found on opening.
struct Found {
    root: StateRoot,
    height: Option<u64>,
}

impl QmdbCommitment {
    /// Opens the state in `dir` as it was last made durable, or an empty one where there is none.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Engine`] if what is there cannot be read.
    pub fn open(dir: &Path) -> Result<Self, CommitmentError> {
        Self::start(dir, DirectoryLock::acquire(dir)?, Begin::Disk(None), None)
    }

    /// Opens the state in `dir` exactly as it was at `checkpoint`; what came after it is forgotten.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::CheckpointAbsent`] if the directory does not reach that state, or no
    /// longer holds it.
    pub fn open_at(dir: &Path, checkpoint: &Checkpoint) -> Result<Self, CommitmentError> {
        let absent = |reason: String| CommitmentError::CheckpointAbsent { reason };
        let lock = DirectoryLock::acquire(dir)?;
        let opened = match Self::start(dir, lock, Begin::Disk(Some(checkpoint.operations)), None) {
            Ok(opened) => opened,
            Err(CommitmentError::Engine { reason, .. }) => return Err(absent(reason)),
            Err(error) => return Err(error),
        };
        if (opened.height, opened.root) == (Some(checkpoint.height), checkpoint.root) {
            return Ok(opened);
        }
        Err(absent(format!(
            "the authenticated state is at height {} with root {} where the snapshot says {} with \
             root {}",
            opened.height.map_or_else(|| "none".to_owned(), |height| height.to_string()),
            opened.root,
            checkpoint.height,
            checkpoint.root,
        )))
    }

    /// Removes whatever state is in `dir` and starts from nothing.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Disk`] if the directory cannot be emptied.
    pub fn create(dir: &Path) -> Result<Self, CommitmentError> {
        let lock = DirectoryLock::acquire(dir)?;
        empty(dir)?;
        Self::start(dir, lock, Begin::Disk(None), None)
    }

    /// Removes whatever state is in `dir` and takes the one of a peer: the state with `root` at `height`, fetched
    /// piece by piece through `fetch`, which carries a request to the peer's [`Self::serve`] and its answer back.
    ///
    /// Nothing that the peer says is believed: its `target` must lead to `root`, every piece is checked against it
    /// before it is kept, and what has been built must have `root`.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Untrue`] if the peer's state is another one, or does not come.
    pub fn receive(
        dir: &Path,
        height: u64,
        root: StateRoot,
        target: TreeTarget,
        fetch: Fetch,
    ) -> Result<Self, CommitmentError> {
        let lock = DirectoryLock::acquire(dir)?;
        empty(dir)?;
        let arrival = Arrival { height, root, target, fetch };
        Self::start(dir, lock, Begin::Peer(Box::new(arrival)), None)
    }

    /// Returns what a peer must know of the present state to fetch it.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Engine`] if the tree cannot be read.
    pub fn target(&self) -> Result<TreeTarget, CommitmentError> {
        self.ask(|reply| Request::Target { reply })
    }

    /// Answers a peer that fetches the state, as of the checkpoint that its request names.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Untrue`] if the request is none; [`CommitmentError::Engine`] if the tree cannot be read, or
    /// no longer reaches back so far.
    pub fn serve(&self, request: &[u8]) -> Result<Vec<u8>, CommitmentError> {
        if request.len() > TREE_REQUEST_BYTES_MAX {
            return Err(CommitmentError::Untrue { reason: "a request that is too long".into() });
        }
        self.ask(|reply| Request::Serve { request: request.to_vec(), reply })
    }

    /// Starts from nothing in a directory of its own below `parent`, removed on drop: for tests
    /// and for audits, which recompute every root and keep none.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Disk`] if no directory can be made there.
    pub fn temporary(parent: &Path) -> Result<Self, CommitmentError> {
        let scratch = ScratchDirectory::below(parent)?;
        let dir = scratch.path().to_path_buf();
        let lock = DirectoryLock::acquire(&dir)?;
        Self::start(&dir, lock, Begin::Disk(None), Some(scratch))
    }

    /// Makes all commits so far durable and returns what is needed to come back to this state.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Engine`] if the disk refused; the commitment must then be opened again.
    /// [`CommitmentError::CheckpointAbsent`] before the first commit.
    pub fn checkpoint(&mut self) -> Result<Checkpoint, CommitmentError> {
        // An empty tree is made anew, so there is nothing to come back to.
        let height = self.height.ok_or_else(|| CommitmentError::CheckpointAbsent {
            reason: "nothing has been committed yet".to_owned(),
        })?;
        self.ask(|reply| Request::Checkpoint { height, reply })
    }

    /// Frees the space of operations that no checkpoint to be kept needs: pass the smallest
    /// [`Checkpoint::prunable`] among them.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Engine`] if the disk refused; the commitment must then be opened again.
    pub fn prune(&mut self, operations: u64) -> Result<(), CommitmentError> {
        self.ask(|reply| Request::Prune { operations, reply })
    }

    /// Starts the thread and waits until it has opened the tree.
    fn start(
        dir: &Path,
        lock: DirectoryLock,
        begin: Begin,
        scratch: Option<ScratchDirectory>,
    ) -> Result<Self, CommitmentError> {
        let (requests, inbox) = mpsc::sync_channel(1);
        let (ready, opened) = mpsc::sync_channel(1);
        let owned = dir.to_path_buf();
        let thread = thread::Builder::new()
            .name("authenticated-state".to_owned())
            .spawn(move || {
                let run = AssertUnwindSafe(|| serve(&owned, begin, &inbox, &ready));
                catch_unwind(run).unwrap_or_else(|panic| {
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                    Gone::because(text.unwrap_or("panic without a message"))
                })
            })
            .named("starting the thread for", dir)?;
        // From here on dropping `this` ends the thread.
        let mut this = Self {
            requests: Some(requests),
            thread: Mutex::new(Thread::Running(thread)),
            root: StateRoot::bind(0, &[0; 32]),
            height: None,
            _lock: lock,
            _scratch: scratch,
        };
        let Found { root, height } = opened.recv().map_err(|_| this.stopped())??;
        (this.root, this.height) = (root, height);
        Ok(this)
    }

    /// Sends one request and waits for its answer.
    fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, CommitmentError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let requests = self.requests.as_ref().ok_or_else(|| self.stopped())?;
        requests.send(request(reply)).map_err(|_| self.stopped())?;
        answer.recv().map_err(|_| self.stopped())?
    }

    /// Says why the thread is gone. Only for when it has hung up: this waits for its end.
    fn stopped(&self) -> CommitmentError {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = Thread::Gone(Gone::because("its thread could not be joined"));
        let gone = match std::mem::replace(&mut *thread, gone) {
            Thread::Running(thread) => thread.join().unwrap_or_default(),
            Thread::Gone(gone) => gone,
        };
        *thread = Thread::Gone(gone.clone());
        let Gone { reason, of_disk } = gone;
        CommitmentError::Engine { reason, of_disk }
    }
}

impl Drop for QmdbCommitment {
    fn drop(&mut self) {
        drop(self.requests.take());
        // Why it ended interests nobody any more.
        drop(self.stopped());
    }
}

impl StateCommitment for QmdbCommitment {
    fn commit(
        &mut self,
        height: u64,
        writes: &[(KeyBytes, Option<RecordBytes>)],
    ) -> Result<StateRoot, CommitmentError> {
        if let Some(expected) = self.height.map(|last| last.saturating_add(1))
            && expected != height
        {
            return Err(CommitmentError::HeightNotNext { expected, given: height });
        }
        let writes = hashed_writes(writes)?;
        let root = self.ask(|reply| Request::Commit { height, writes, reply })?;
        (self.root, self.height) = (root, Some(height));
        Ok(root)
    }

    fn root(&self) -> StateRoot {
        self.root
    }

    fn height(&self) -> Option<u64> {
        self.height
    }

    fn prove(&self, key: &[u8], record: Option<&[u8]>) -> Result<Proof, CommitmentError> {
        let (key, record) = (key.to_vec(), record.map(<[u8]>::to_vec));
        self.ask(|reply| Request::Prove { key, record, reply })
    }

    fn record_digest(&self, key: &[u8]) -> Result<Option<RecordDigest>, CommitmentError> {
        let key = key_digest(key);
        self.ask(|reply| Request::Digest { key, reply })
    }
}

/// Opens the tree, says what was found, then answers requests until nobody can ask any more or the
/// tree is lost. Returns why it ended.
fn serve(
    dir: &Path,
    begin: Begin,
    inbox: &mpsc::Receiver<Request>,
    ready: &mpsc::SyncSender<Result<Found, CommitmentError>>,
) -> Gone {
    let runtime = tokio::Config::new()
        .with_worker_threads(1)
        .with_max_blocking_threads(4)
        .with_storage_directory(dir);
    tokio::Runner::new(runtime).start(|context| async move {
        let opened = match begin {
            Begin::Disk(bound) => Open::at(&context, dir, bound).await,
            Begin::Peer(arrival) => Open::received(&context, dir, *arrival).await,
        };
        let mut open = match opened {
            Ok(open) => open,
            Err(error) => {
                let gone = Gone::of(&error);
                drop(ready.send(Err(error)));
                return gone;
            }
        };
        // Whoever opened it may have given up waiting for an answer; so here and below a reply that
        // nobody takes is no fault.
        drop(ready.send(Ok(Found { root: open.root(), height: open.height })));
        // This blocks the runtime's main thread between requests, when it has nothing else to do.
        while let Ok(request) = inbox.recv() {
            match open.answer(request).await {
                Ok(still) => open = still,
                Err(gone) => return gone,
            }
        }
        Gone::because("it was closed")
    })
}

/// An open tree.
struct Open {
    dir: PathBuf,
    tree: Tree,
    height: Option<u64>,
    unflushed: u64,
}

impl Open {
    async fn at(
        context: &tokio::Context,
        dir: &Path,
        bound: Option<u64>,
    ) -> Result<Self, CommitmentError> {
        let tree = Tree::init(context.child("state"), config(), bound.map(Location::new))
            .await
            .map_err(|error| engine(dir, &error))?;
        let height = match tree.get_metadata().await.map_err(|error| engine(dir, &error))? {
            None => None,
            Some(mark) => Some(height_of(&mark).ok_or_else(|| CommitmentError::Engine {
                reason: format!("{} was written by something else", dir.display()),
                of_disk: false,
            })?),
        };
        Ok(Self { dir: dir.to_path_buf(), tree, height, unflushed: 0 })
    }

    /// Builds the tree from what a peer sends, checked against a root.
    async fn received(
        context: &tokio::Context,
        dir: &Path,
        arrival: Arrival,
    ) -> Result<Self, CommitmentError> {
        let Arrival { height, root, target, fetch } = arrival;
        let untrue = |reason: String| CommitmentError::Untrue { reason };
        if target.root(height).map_err(|error| untrue(error.to_string()))? != root {
            let reason = "the state that it offers does not lead to the certified root".to_owned();
            return Err(untrue(reason));
        }
        let fetcher = Fetcher::new(fetch, &target);
        let tree = state_sync::fetch(context.child("state"), config(), &target, fetcher)
            .await
            .map_err(|error| match error {
                NotBuilt::Database(error) if refused(&error).is_some() => engine(dir, &error),
                error => untrue(error.to_string()),
            })?;
        // Durable before it is used: a restart must find all of it.
        let tree = tree.sync().await.map_err(|error| engine(dir, &error))?;
        let mark = tree.get_metadata().await.map_err(|error| engine(dir, &error))?;
        let this = Self {
            dir: dir.to_path_buf(),
            height: mark.as_ref().and_then(height_of),
            tree,
            unflushed: 0,
        };
        match this.height == Some(height) && this.root() == root {
            true => Ok(this),
            false => Err(untrue(format!("it leads to root {}, not {root}", this.root()))),
        }
    }

    fn root(&self) -> StateRoot {
        StateRoot::bind(self.height.unwrap_or(0), &self.tree.root().0)
    }

    async fn target(&self) -> Result<TreeTarget, CommitmentError> {
        let witness = self.tree.ops_root_witness().await;
        let witness = witness.map_err(|error| engine(&self.dir, &error))?;
        Ok(TreeTarget {
            operations: *self.tree.bounds().end,
            boundary: *self.tree.sync_boundary(),
            operations_root: self.tree.ops_root().0,
            witness: witness.encode().to_vec(),
        })
    }

    async fn serve(&self, request: &[u8]) -> Result<Vec<u8>, CommitmentError> {
        let request = TreeRequest::<mmr::Family>::decode(Copying(request))
            .map_err(|error| CommitmentError::Untrue { reason: error.to_string() })?;
        if request.max_ops().get() > state_sync::OPERATIONS_AT_ONCE.get() {
            return Err(CommitmentError::Untrue { reason: "too many operations".into() });
        }
        let (response, _) =
            self.tree.serve(request).await.map_err(|error| engine(&self.dir, &error))?;
        Ok(response.encode().to_vec())
    }

    /// Answers one request; an error says how the tree was lost on the way.
    async fn answer(self, request: Request) -> Result<Self, Gone> {
        match request {
            Request::Prove { key, record, reply } => {
                drop(reply.send(self.prove(key, record).await));
                Ok(self)
            }
            Request::Digest { key, reply } => {
                let found = self.tree.get(&Digest(key)).await;
                drop(
                    reply.send(
                        found
                            .map(|found| found.map(|digest| RecordDigest::from_bytes(digest.0)))
                            .map_err(|error| engine(&self.dir, &error)),
                    ),
                );
                Ok(self)
            }
            Request::Target { reply } => {
                drop(reply.send(self.target().await));
                Ok(self)
            }
            Request::Serve { request, reply } => {
                drop(reply.send(self.serve(&request).await));
                Ok(self)
            }
            Request::Commit { height, writes, reply } => {
                reply_with(self.commit(height, writes).await, &reply)
            }
            Request::Checkpoint { height, reply } => {
                reply_with(self.checkpoint(height).await, &reply)
            }
            Request::Prune { operations, reply } => {
                reply_with(self.prune(operations).await, &reply)
            }
        }
    }

    async fn commit(
        mut self,
        height: u64,
        writes: HashedWrites,
    ) -> Result<(Self, StateRoot), CommitmentError> {
        let before = *self.tree.bounds().end;
        let mut batch = self.tree.new_batch();
        for (key, value) in writes {
            batch = batch.write(Digest(key), value.map(Digest));
        }
        let applied =
            match batch.merkleize(&self.tree, Some(mark_of(height)), &mut Proportional).await {
                Ok(merkleized) => self.tree.apply_batch(merkleized).await,
                Err(error) => Err(error),
            };
        self.tree = applied.map_err(|error| engine(&self.dir, &error))?;
        self.height = Some(height);
        self.unflushed =
            self.unflushed.saturating_add((*self.tree.bounds().end).saturating_sub(before));
        if self.unflushed > UNFLUSHED_OPERATIONS_MAX {
            self.tree = self.tree.commit().await.map_err(|error| engine(&self.dir, &error))?;
            self.unflushed = 0;
        }
        let root = self.root();
        Ok((self, root))
    }

    async fn checkpoint(mut self, height: u64) -> Result<(Self, Checkpoint), CommitmentError> {
        self.tree = self.tree.sync().await.map_err(|error| engine(&self.dir, &error))?;
        self.unflushed = 0;
        let checkpoint = Checkpoint {
            height,
            root: self.root(),
            operations: *self.tree.bounds().end,
            prunable: *self.tree.sync_boundary(),
        };
        Ok((self, checkpoint))
    }

    async fn prune(mut self, operations: u64) -> Result<(Self, ()), CommitmentError> {
        let to = Location::new(operations).min(self.tree.sync_boundary());
        self.tree = self.tree.prune(to).await.map_err(|error| engine(&self.dir, &error))?;
        Ok((self, ()))
    }

    async fn prove(&self, key: Vec<u8>, record: Option<Vec<u8>>) -> Result<Proof, CommitmentError> {
        let digest = Digest(key_digest(&key));
        let held = self.tree.get(&digest).await.map_err(|error| engine(&self.dir, &error))?;
        let (claim, path) = match (record, held) {
            (Some(record), Some(held)) if RecordDigest::of(&record).bytes() == held.0 => {
                let path = self.tree.key_value_proof(digest).await;
                (Claim::Present(record), path.map(|path| path.encode().to_vec()))
            }
            (None, None) => {
                let path = self.tree.exclusion_proof(&digest).await;
                (Claim::Absent, path.map(|path| path.encode().to_vec()))
            }
            (_, held) => {
                return Err(CommitmentError::RecordDiffers { present: held.is_some() });
            }
        };
        let path = path.map_err(|error| engine(&self.dir, &error))?;
        Ok(Proof::new(self.height.unwrap_or(0), self.tree.root().0, key, claim, path))
    }
}

/// Removes all data of a tree.
fn empty(dir: &Path) -> Result<(), DiskError> {
    for name in file_names(dir)? {
        let path = dir.join(name);
        // Files are locks, ours and the engine's; all data is in directories.
        if path.is_dir() {
            fs::remove_dir_all(&path).named("removing", &path)?;
        }
    }
    Ok(())
}

/// Sends the answer and keeps the tree, or sends the error and lets it go.
fn reply_with<T>(
    outcome: Result<(Open, T), CommitmentError>,
    reply: &Reply<T>,
) -> Result<Open, Gone> {
    match outcome {
        Ok((open, value)) => {
            drop(reply.send(Ok(value)));
            Ok(open)
        }
        Err(error) => {
            let gone = Gone::of(&error);
            drop(reply.send(Err(error)));
            Err(gone)
        }
    }
}

/// QMDB's parameters. They fix the layout on disk: change them only together with [`LAYOUT`].
fn config() -> FixedConfig<EightCap, Sequential> {
    let cache = CacheRef::new(NZU16!(4096), NZUsize!(16_384));
    FixedConfig {
        merkle_config: MerkleConfig {
            journal_partition: format!("{LAYOUT}-tree"),
            metadata_partition: format!("{LAYOUT}-pinned"),
            items_per_blob: NZU64!(1 << 22),
            write_buffer: NZUsize!(1 << 20),
            replay_buffer: NZUsize!(1 << 20),
            strategy: Sequential,
            page_cache: cache.clone(),
        },
        journal_config: JournalConfig {
            partition: format!("{LAYOUT}-operations"),
            items_per_blob: NZU64!(1 << 20),
            page_cache: cache,
            write_buffer: NZUsize!(1 << 20),
            replay_buffer: NZUsize!(1 << 20),
        },
        grafted_metadata_partition: format!("{LAYOUT}-grafted"),
        translator: EightCap,
        init_cache: Some(NZUsize!(1 << 16)),
        init_buffer: NZUsize!(1 << 20),
        init_concurrency: (),
    }
}

/// Writes a height as a commit record's value.
fn mark_of(height: u64) -> Digest {
    let mut mark = [0; 32];
    let (number, tag) = mark.split_at_mut(8);
    number.copy_from_slice(&height.to_be_bytes());
    tag.copy_from_slice(HEIGHT_MARK);
    Digest(mark)
}

/// Reads a height back; `None` if the mark is not ours.
fn height_of(mark: &Digest) -> Option<u64> {
    let (number, tag) = mark.0.split_first_chunk::<8>()?;
    (tag == HEIGHT_MARK).then(|| u64::from_be_bytes(*number))
}

/// Names the engine's error.
fn engine(dir: &Path, error: &TreeError) -> CommitmentError {
    let refused = refused(error);
    if refused == Some(Refused::Full) {
        return DiskError::Full {
            action: "writing the authenticated state in",
            path: dir.to_path_buf(),
        }
        .into();
    }
    let reason = format!("{}: {error}", dir.display());
    CommitmentError::Engine { reason, of_disk: refused.is_some() }
}
