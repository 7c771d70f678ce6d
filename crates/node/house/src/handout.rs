//! Handing out snapshots to those who have no state (state sync), apart from the house that makes them.
//!
//! A snapshot that somebody asks for is unpacked once, into a file without a name, and its manifest is kept; every chunk
//! is then read from its place in that file. Nothing here needs the house, so its blocks do not wait for those who ask.
//!
//! **Invariant:** a snapshot on disk is read whole at most once, whoever asks for which of them in which order.

use crate::state_sync::{CHUNK_BYTES, Manifest, Offer, is_due};
use crate::{HouseError, unwritable};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Snapshots, StoreError, TreeTarget};
use units::BlockHeight;

/// What a house hands out. Clones share it, and need no house.
#[derive(Debug, Clone)]
pub struct Handout(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    snapshots: Snapshots,
    unpacked: Mutex<BTreeMap<u64, Arc<Unpacked>>>,
    /// Held while a snapshot is unpacked, so that only one is at a time.
    unpacking: Mutex<()>,
    reads: AtomicUsize,
}

/// A snapshot that somebody fetches.
#[derive(Debug)]
struct Unpacked {
    manifest: Manifest,
    target: TreeTarget,
    /// The state. The file has no name: it goes with the last who reads it.
    file: File,
}

impl Handout {
    pub(crate) fn new(snapshots: Snapshots) -> Self {
        Self(Arc::new(Shared {
            snapshots,
            unpacked: Mutex::default(),
            unpacking: Mutex::default(),
            reads: AtomicUsize::new(0),
        }))
    }

    /// Returns what is offered to somebody who has no house: the newest snapshot whose hash a header carries.
    ///
    /// # Errors
    ///
    /// What cannot be read.
    pub fn offer(&self) -> Result<Option<Offer>, HouseError> {
        for height in self.0.snapshots.heights().map_err(StoreError::from)? {
            if self.target(height).is_some() {
                let held = self.unpacked(height)?;
                let (manifest, target) = (held.manifest.clone(), held.target.clone());
                return Ok(Some(Offer { manifest, target }));
            }
        }
        Ok(None)
    }

    /// Returns a chunk of the state at a height that was offered; empty behind the last.
    ///
    /// # Errors
    ///
    /// [`HouseError::NotOffered`] if it is not there, or no longer.
    pub fn chunk(&self, height: u64, index: usize) -> Result<Vec<u8>, HouseError> {
        let held = self.unpacked(height)?;
        let length = usize::try_from(held.manifest.bytes).unwrap_or(usize::MAX);
        let from = index.saturating_mul(CHUNK_BYTES).min(length);
        let mut bytes = vec![0; CHUNK_BYTES.min(length - from)];
        let at = u64::try_from(from).unwrap_or(u64::MAX);
        let read = held.file.read_exact_at(&mut bytes, at);
        read.map(|()| bytes).map_err(|_| HouseError::NotOffered(height))
    }

    /// Returns how many snapshots were read whole so far.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// Forgets all but some heights.
    pub(crate) fn retain(&self, heights: &[u64]) {
        self.held().retain(|height, _| heights.contains(height));
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Unpacked>>> {
        self.0.unpacked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how the authenticated state at a height is fetched, if it is one that is offered.
    fn target(&self, height: u64) -> Option<TreeTarget> {
        let at = BlockHeight::from_blocks(i128::from(height));
        is_due(at).then(|| self.0.snapshots.target(height)).flatten()
    }

    fn unpacked(&self, height: u64) -> Result<Arc<Unpacked>, HouseError> {
        if let Some(held) = self.held().get(&height) {
            return Ok(held.clone());
        }
        let _alone = self.0.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = self.held().get(&height) {
            return Ok(held.clone());
        }
        let target = self.target(height).ok_or(HouseError::NotOffered(height))?;
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        let read = self.0.snapshots.read(height);
        let state = read.map_err(|_| HouseError::NotOffered(height))?.state;
        let manifest = Manifest::of(BlockHeight::from_blocks(i128::from(height)), &state);
        let mut file = self.0.snapshots.scratch().map_err(StoreError::from)?;
        file.write_all(&state).map_err(|source| unwritable(Path::new("snapshots"), source))?;
        let made = Arc::new(Unpacked { manifest, target, file });
        // One that has gone meanwhile is not kept for longer than whoever asked needs it.
        if self.0.snapshots.heights().is_ok_and(|heights| heights.contains(&height)) {
            self.held().insert(height, made.clone());
        }
        Ok(made)
    }
}
