//! What lies beneath an error of the tree: whether the system refused to read or write, and for want of room.
//!
//! The tree wraps the system's error in several of its own, and drops some, of which is then known only that a read or a
//! write failed.

use crate::disk::is_disk_full;
use commonware_runtime::Error as RuntimeError;
use commonware_storage::journal;
use std::error::Error;

/// How the system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No space, or no quota, is left.
    Full,
    /// For another reason, or for one that the tree has dropped.
    Otherwise,
}

/// Returns how the system refused, if that is what an error comes from.
pub(crate) fn refused(error: &(dyn Error + 'static)) -> Option<Refused> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<RuntimeError>() {
            return of_runtime(error);
        }
        next = match error.downcast_ref::<journal::Error>() {
            // Not named as its source.
            Some(journal::Error::Merkle(beneath)) => Some(beneath.as_ref()),
            _ => error.source(),
        };
    }
    None
}

fn of_runtime(error: &RuntimeError) -> Option<Refused> {
    match error {
        RuntimeError::BlobOpenFailed(_, _, source)
        | RuntimeError::BlobResizeFailed(_, _, source)
        | RuntimeError::BlobSyncFailed(_, _, source)
        | RuntimeError::Io(source) => {
            Some(if is_disk_full(source) { Refused::Full } else { Refused::Otherwise })
        }
        RuntimeError::ReadFailed
        | RuntimeError::WriteFailed
        | RuntimeError::PartitionCreationFailed(_) => Some(Refused::Otherwise),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_storage::{merkle, metadata, mmr, qmdb};
    use std::io::{self, ErrorKind};
    use std::sync::Arc;

    type TreeError = qmdb::Error<mmr::Family>;
    type MerkleError = merkle::Error<mmr::Family>;

    fn synced(kind: ErrorKind) -> RuntimeError {
        let source = Arc::new(io::Error::from(kind));
        RuntimeError::BlobSyncFailed("state".into(), "0".into(), source)
    }

    /// All ways on which an error of the runtime reaches the surface of the tree.
    fn wrapped(error: impl Fn() -> RuntimeError) -> [TreeError; 6] {
        let journal = || journal::Error::Runtime(error());
        let metadata = || metadata::Error::Runtime(error());
        [
            TreeError::Runtime(error()),
            TreeError::Journal(journal()),
            TreeError::Metadata(metadata()),
            TreeError::Journal(journal::Error::Metadata(metadata())),
            TreeError::Merkle(MerkleError::Journal(journal())),
            TreeError::Merkle(MerkleError::Metadata(metadata())),
        ]
    }

    #[test]
    fn a_full_disk_is_known_by_its_kind_however_deep_it_lies() {
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            for error in wrapped(|| synced(kind)) {
                assert_eq!(refused(&error), Some(Refused::Full), "{error:?}");
            }
        }
    }

    #[test]
    fn what_the_system_refused_is_told_from_what_the_tree_does_not_hold() {
        let of_system = [
            || synced(ErrorKind::FileTooLarge),
            || RuntimeError::WriteFailed,
            || RuntimeError::ReadFailed,
        ];
        for error in of_system.into_iter().flat_map(wrapped) {
            assert_eq!(refused(&error), Some(Refused::Otherwise), "{error:?}");
        }
        // Words of a disk in what is no error of one say nothing.
        let corrupt = RuntimeError::PartitionCorrupt("os error 28".into());
        assert_eq!(refused(&TreeError::Runtime(corrupt)), None);
        assert_eq!(refused(&TreeError::KeyNotFound), None);
    }

    #[test]
    fn what_a_journal_keeps_without_naming_it_is_looked_into() {
        let beneath = journal::Error::Runtime(synced(ErrorKind::StorageFull));
        let error = journal::Error::Merkle(MerkleError::Journal(beneath).into());
        assert_eq!(refused(&TreeError::Journal(error)), Some(Refused::Full));
    }
}
