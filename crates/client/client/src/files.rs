//! The files of a client: the list of validators that it trusts, proofs and answers.

use light::{ANSWER_BYTES_MAX, AnchorError, Trust};
use state_proof::Proof;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Why a file is of no use, or is not to be replaced.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is no list of validators.
    #[error("{} is of no use", path.display())]
    NoList {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: AnchorError,
    },
    /// It is longer than any proof.
    #[error("{} is longer than any proof", .0.display())]
    TooLong(PathBuf),
    /// It is a directory.
    #[error("{} is a directory: name a file with --proof", .0.display())]
    Directory(PathBuf),
    /// It is there, and is something else.
    #[error("{} exists and is not a proof: choose another --proof, or remove it", .0.display())]
    NoProof(PathBuf),
}

/// Reads a list of validators.
///
/// # Errors
///
/// [`FileError`] if there is none in the file.
pub fn read_list(path: &Path) -> Result<Trust, FileError> {
    let text = fs::read_to_string(path)
        .map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
    Trust::parse(&text).map_err(|source| FileError::NoList { path: path.to_owned(), source })
}

/// Reads a file no longer than a proof or an answer can be. What is in it is not checked.
///
/// # Errors
///
/// [`FileError`] if it cannot be read, or is longer.
pub fn read_proof(path: &Path) -> Result<Vec<u8>, FileError> {
    let cannot = |source| FileError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(cannot)?;
    let longest = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes).map_err(cannot)?;
    match bytes.len() > ANSWER_BYTES_MAX {
        true => Err(FileError::TooLong(path.to_owned())),
        false => Ok(bytes),
    }
}

/// Refuses to replace a file that is neither a proof nor an answer. Devices are written to.
///
/// # Errors
///
/// [`FileError`] if a directory or another file has the name.
pub fn refuse_other_files(path: &Path) -> Result<(), FileError> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    if metadata.is_dir() {
        return Err(FileError::Directory(path.to_owned()));
    }
    let small = metadata.len() <= u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    let is_proof = metadata.is_file()
        && small
        && fs::read(path)
            .is_ok_and(|bytes| Proof::decode(&bytes).is_ok() || light::is_answer(&bytes));
    match is_proof || !metadata.is_file() {
        true => Ok(()),
        false => Err(FileError::NoProof(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_proof_stays() {
        let dir = std::env::temp_dir().join(format!("client-files-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("notes.txt");
        assert!(refuse_other_files(&path).is_ok(), "there is none yet");
        fs::write(&path, b"mine").unwrap();
        let said = refuse_other_files(&path).unwrap_err().to_string();
        assert!(said.ends_with("exists and is not a proof: choose another --proof, or remove it"));
        let said = refuse_other_files(&dir).unwrap_err().to_string();
        assert!(said.ends_with("is a directory: name a file with --proof"), "{said}");
        assert!(read_list(&path).unwrap_err().to_string().ends_with("is of no use"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
