//! The few operations on files that the rest of the crate builds on, with errors that say what was being done to which
//! file.
//!
//! **Invariant:** [`replace_file`] leaves either the whole new file or none of it under its name, durably.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// No space, or no quota, is left.
    #[error(
        "disk full while {action} {path}: free space and start again; what was acknowledged is kept"
    )]
    Full {
        /// What was being done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
    },
    /// The operating system refused for another reason.
    #[error(
        "{action} {path} failed: {source}; check the disk and the permissions, then start again"
    )]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl DiskError {
    /// Names the operation that `source` interrupted.
    pub(crate) fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        if is_disk_full(&source) {
            Self::Full { action, path }
        } else {
            Self::Io { action, path, source }
        }
    }
}

/// Whether the system refused for want of space rather than for a fault.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Attaches the operation and the path to an I/O result.
pub(crate) trait Named<T> {
    /// Turns an I/O error into a [`DiskError`].
    fn named(self, action: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> Named<T> for io::Result<T> {
    fn named(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|source| DiskError::new(action, path, source))
    }
}

/// Makes the names in `dir` durable.
pub(crate) fn sync_directory(dir: &Path) -> Result<(), DiskError> {
    durable::sync_directory(dir).named("syncing directory", dir)
}

/// Creates `dir` and its parents where missing, and makes its name durable.
pub(crate) fn create_directory(dir: &Path) -> Result<(), DiskError> {
    durable::create_directory(dir).named("creating directory", dir)
}

/// Writes a file under a temporary name, then gives it its own: readers see all of it or nothing.
pub(crate) fn replace_file<T>(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> Result<T, DiskError> {
    let path = dir.join(name);
    let written = durable::replace(&path, write);
    written.map(|(_, value)| value).named("writing", &path)
}

/// Removes what [`replace_file`] left behind in `dir` when it was interrupted.
pub(crate) fn remove_unfinished(dir: &Path) -> Result<(), DiskError> {
    for name in file_names(dir)? {
        if name.ends_with(durable::UNFINISHED) {
            let path = dir.join(&name);
            fs::remove_file(&path).named("removing", &path)?;
        }
    }
    Ok(())
}

/// Lists the names in `dir` that are plain text, sorted.
pub(crate) fn file_names(dir: &Path) -> Result<Vec<String>, DiskError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).named("listing", dir)? {
        if let Ok(name) = entry.named("listing", dir)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Why a directory could not be taken for this process alone.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process writes there.
    #[error("{dir} is in use by process {holder}: stop it first, or use another directory")]
    Held {
        /// The directory.
        dir: PathBuf,
        /// The process that holds it, as it wrote itself down.
        holder: String,
    },
    /// The lock file could not be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Holds a directory for one process, until dropped; the system releases it when the process dies.
#[derive(Debug)]
pub struct DirectoryLock {
    file: File,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing the file would not do: a child that is just being started still has it open, and with it the lock. If it
        // cannot be released, the end of the process does.
        drop(self.file.unlock());
    }
}

impl DirectoryLock {
    /// Takes `dir` for this process alone, creating it where missing.
    ///
    /// # Errors
    ///
    /// [`LockError::Held`] if another process, or another lock in this one, has it.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        create_directory(dir)?;
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .named("opening", &path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { dir: dir.to_path_buf(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => {
                return Err(DiskError::new("locking", &path, source).into());
            }
        }
        file.set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
            .named("writing", &path)?;
        Ok(Self { file })
    }
}

/// Reads who holds the lock; a courtesy for the message, so anything unreadable is "unknown".
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => "unknown".to_owned(),
    }
}

/// A directory removed with all it holds when dropped.
#[derive(Debug)]
pub(crate) struct ScratchDirectory(PathBuf);

impl ScratchDirectory {
    /// Creates a fresh directory below `parent`.
    pub(crate) fn below(parent: &Path) -> Result<Self, DiskError> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(parent).named("creating directory", parent)?;
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("novation-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(DiskError::new("creating directory", &path, error)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        // Nothing in it outlives its owner, and a destructor has nobody to tell.
        drop(fs::remove_dir_all(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_with_its_holder_though_a_child_has_the_file_open() {
        let dir = ScratchDirectory::below(&std::env::temp_dir()).unwrap();
        let held = DirectoryLock::acquire(dir.path()).unwrap();
        // As a process that was just forked has it.
        let inherited = held.file.try_clone().unwrap();
        assert!(matches!(DirectoryLock::acquire(dir.path()), Err(LockError::Held { .. })));
        drop(held);
        assert!(DirectoryLock::acquire(dir.path()).is_ok());
        drop(inherited);
    }

    #[test]
    fn a_directory_is_held_by_one_at_a_time_and_names_its_holder() {
        let scratch = ScratchDirectory::below(&std::env::temp_dir()).expect("scratch");
        let first = DirectoryLock::acquire(scratch.path()).expect("free");
        let refused = DirectoryLock::acquire(scratch.path()).expect_err("held");
        assert!(
            matches!(&refused, LockError::Held { holder, .. } if *holder == std::process::id().to_string()),
            "{refused}"
        );
        drop(first);
        DirectoryLock::acquire(scratch.path()).expect("released");
    }

    #[test]
    fn a_file_whose_writing_failed_leaves_the_old_one_in_place() {
        let scratch = ScratchDirectory::below(&std::env::temp_dir()).expect("scratch");
        replace_file(scratch.path(), "f", |file| file.write_all(b"old")).expect("written");
        let full = replace_file(scratch.path(), "f", |file| {
            file.write_all(b"n")?;
            Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert!(matches!(full, Err(DiskError::Full { .. })));
        assert_eq!(fs::read(scratch.path().join("f")).expect("there"), b"old");
        assert_eq!(file_names(scratch.path()).expect("listed"), ["f"]);
    }

    #[test]
    fn a_full_device_is_told_from_other_faults() {
        let Ok(mut full) = OpenOptions::new().write(true).open("/dev/full") else {
            return; // Not a system that has one.
        };
        let source = full.write_all(b"x").expect_err("no space");
        assert!(matches!(
            DiskError::new("writing", Path::new("/dev/full"), source),
            DiskError::Full { .. }
        ));
    }
}
