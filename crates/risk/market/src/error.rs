//! What can go wrong between a directory and typed rows, each with what to do about it.

use std::path::PathBuf;

/// Why market data could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The directory does not exist or holds no manifest.
    #[error(
        "no market data in {}: name its directory with --data DIR or NOVATION_DATA (it holds MANIFEST.csv)",
        dir.display()
    )]
    DirectoryAbsent {
        /// The directory that was looked in.
        dir: PathBuf,
    },
    /// A file of the data set is not there.
    #[error("{file} is absent from {}: copy the data set again, whole", dir.display())]
    FileAbsent {
        /// The file, relative to the directory.
        file: String,
        /// The directory.
        dir: PathBuf,
    },
    /// The manifest does not name the file, so that nothing vouches for it.
    #[error("{file} is not listed in MANIFEST.csv: use the manifest that came with the files")]
    FileNotListed {
        /// The file, relative to the directory.
        file: String,
    },
    /// The file is shorter or longer than the manifest says.
    #[error("{file} has {found} bytes where MANIFEST.csv says {expected}: copy the file again")]
    WrongLength {
        /// The file, relative to the directory.
        file: String,
        /// Bytes on disk.
        found: u64,
        /// Bytes according to the manifest.
        expected: u64,
    },
    /// The file is not the one that the manifest describes.
    #[error("{file} has SHA-256 {found} where MANIFEST.csv says {expected}: copy the file again")]
    ChecksumMismatch {
        /// The file, relative to the directory.
        file: String,
        /// Digest of the bytes on disk, in hexadecimal.
        found: String,
        /// Digest according to the manifest.
        expected: String,
    },
    /// The compressed stream ends early or is damaged.
    #[error("{file} cannot be decompressed after line {line}: {reason}")]
    Undecodable {
        /// The file, relative to the directory.
        file: String,
        /// Lines read before the damage.
        line: u64,
        /// What the decoder said.
        reason: String,
    },
    /// The columns are not those that the reader knows.
    #[error("{file} has the columns '{found}' where '{expected}' are needed")]
    WrongColumns {
        /// The file, relative to the directory.
        file: String,
        /// Header as found.
        found: String,
        /// Header as needed.
        expected: String,
    },
    /// A row has more or fewer fields than the header.
    #[error("{file} line {line}: {found} fields under {expected} columns")]
    WrongWidth {
        /// The file, relative to the directory.
        file: String,
        /// Line, counted from 1; the header is line 1.
        line: u64,
        /// Fields in the row.
        found: usize,
        /// Columns in the header.
        expected: usize,
    },
    /// A field is not what its column holds.
    #[error("{file} line {line}, column {column}: '{text}' {reason}")]
    Malformed {
        /// The file, relative to the directory.
        file: String,
        /// Line, counted from 1; the header is line 1.
        line: u64,
        /// Column name.
        column: String,
        /// The field.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The messages of an order book do not fit together.
    #[error("{file} before line {line}: {fault}")]
    BrokenFlow {
        /// The file, relative to the directory.
        file: String,
        /// Line that had been read when the fault showed.
        line: u64,
        /// The fault.
        fault: crate::orderflow::FlowFault,
    },
    /// A value computed from the data leaves the limits of its unit.
    #[error("{what}: {source}")]
    Arithmetic {
        /// What was being computed.
        what: &'static str,
        /// Why it failed.
        source: units::ArithmeticError,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl MarketError {
    /// Returns a function that names what was being computed when arithmetic failed.
    pub(crate) fn arithmetic(what: &'static str) -> impl Fn(units::ArithmeticError) -> Self {
        move |source| Self::Arithmetic { what, source }
    }
}
