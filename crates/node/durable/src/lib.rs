//! Files that a crash leaves whole or not there: the one place where shells make files whose loss matters.
//!
//! A file is written under another name, made durable, and given its name; then the directory is made durable, for until
//! that is done a crash loses the name, and with it the file. The field calls it atomic replacement: write, fsync, rename.
//!
//! **Invariant:** once a function here has returned, its file is found after a crash, whole; before, what was there before, or
//! what is new, and nothing in between.
//!
//! **Left out:** files that grow, which their owners make durable record by record, and reports and pages, which are made
//! again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What the names of files end in that are still being written.
pub const UNFINISHED: &str = ".unfinished";

/// Gives a path new contents, whole or not at all, and returns the file, open at its end, with what `write` said.
///
/// # Errors
///
/// What the operating system refused; the file is then the old one, or durably the new one except for its name.
pub fn replace<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> io::Result<(File, T)> {
    replace_on(&mut System, path, write)
}

/// Gives a path new contents: bytes.
///
/// # Errors
///
/// As [`replace`].
pub fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, |file| file.write_all(bytes)).map(drop)
}

/// Makes a new file of bytes that only its owner can read.
///
/// # Errors
///
/// What the operating system refused, also because there is a file of that name: it is left as it is.
pub fn create_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_on(&mut System, path, |file| file.write_all(bytes))
}

/// Makes a directory and those above it that are missing, and their names durable.
///
/// # Errors
///
/// What the operating system refused.
pub fn create_directory(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.is_dir()).collect();
    fs::create_dir_all(dir)?;
    missing.into_iter().try_for_each(|made| sync_directory(parent(made)))
}

/// Makes the names in a directory durable.
///
/// # Errors
///
/// What the operating system refused.
pub fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir).and_then(|handle| handle.sync_all())
}

/// Checks that a directory takes more, beyond the end of its longest file: of a write that a library says no more of than that it
/// failed, the system says why.
///
/// # Errors
///
/// [`io::Error`] of the system if it takes no more.
pub fn takes_more(directory: &Path) -> io::Result<()> {
    /// Less room than this is none: files grow in pieces.
    const PIECE_BYTES: usize = 1 << 20;
    let tried = directory.join("tried");
    let mut file = File::create(&tried)?;
    let outcome = longest(directory)
        .and_then(|end| file.seek(SeekFrom::Start(end)))
        .and_then(|_| file.write_all(&vec![1; PIECE_BYTES]))
        .and_then(|()| file.sync_all());
    // It may stay where nothing can be removed: it is made anew.
    drop(fs::remove_file(&tried));
    outcome
}

/// Returns the length of the longest file below a directory.
fn longest(directory: &Path) -> io::Result<u64> {
    let (mut length, mut directories) = (0, vec![directory.to_path_buf()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            match entry.metadata()? {
                about if about.is_dir() => directories.push(entry.path()),
                about => length = about.len().max(length),
            }
        }
    }
    Ok(length)
}

/// Makes the name of a file durable that was made without this crate: one that grows.
///
/// # Errors
///
/// What the operating system refused.
pub fn sync_name(path: &Path) -> io::Result<()> {
    sync_directory(parent(path))
}

/// Returns the directory that holds a path's name.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The steps that a crash may come between.
trait Disk {
    type File;
    fn begin(&mut self, path: &Path) -> io::Result<Self::File>;
    fn begin_secret(&mut self, path: &Path) -> io::Result<Self::File>;
    fn sync(&mut self, file: &Self::File) -> io::Result<()>;
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    fn sync_directory(&mut self, dir: &Path) -> io::Result<()>;
}

fn replace_on<D: Disk, T>(
    disk: &mut D,
    path: &Path,
    write: impl FnOnce(&mut D::File) -> io::Result<T>,
) -> io::Result<(D::File, T)> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    let written = disk.begin(&unfinished).and_then(|mut file| {
        let value = write(&mut file)?;
        disk.sync(&file)?;
        Ok((file, value))
    });
    let written = written.and_then(|written| disk.rename(&unfinished, path).map(|()| written));
    match written {
        Ok(written) => disk.sync_directory(parent(path)).map(|()| written),
        Err(error) => {
            // Worthless, and it may be what filled the disk. Should removing it fail as well, it is written over.
            drop(disk.remove(&unfinished));
            Err(error)
        }
    }
}

fn create_on<D: Disk>(
    disk: &mut D,
    path: &Path,
    write: impl FnOnce(&mut D::File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = disk.begin_secret(path)?;
    let written = write(&mut file).and_then(|()| disk.sync(&file));
    match written {
        Ok(()) => disk.sync_directory(parent(path)),
        Err(error) => {
            // Half a secret is none.
            drop(disk.remove(path));
            Err(error)
        }
    }
}

/// The operating system.
struct System;

impl Disk for System {
    type File = File;

    fn begin(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)
    }

    fn begin_secret(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&mut self, dir: &Path) -> io::Result<()> {
        sync_directory(dir)
    }
}

#[cfg(test)]
mod tests;
