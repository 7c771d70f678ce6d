//! A directory of recorded data: what is in it and whether it is what the manifest says.
//!
//! Every file is checked against its length and SHA-256 in `MANIFEST.csv` before the first row is read.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::csv::Table;
use crate::error::MarketError;

/// Name of the manifest in the directory.
const MANIFEST: &str = "MANIFEST.csv";

/// Returns the directory to read when none is named: `NOVATION_DATA`, else `../shared/data`.
#[must_use]
pub fn default_dir() -> PathBuf {
    std::env::var_os("NOVATION_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from)
}

/// A directory of recorded market data, or files in memory that stand for one.
#[derive(Debug, Clone)]
pub struct Dataset {
    dir: PathBuf,
    listed: Arc<BTreeMap<String, Listed>>,
    /// Files that are not on disk.
    held: Arc<BTreeMap<String, Vec<u8>>>,
}

/// What the manifest says about a file.
#[derive(Debug)]
struct Listed {
    bytes: u64,
    sha256: String,
}

impl Dataset {
    /// Returns the recorded data that tests read, in the folder that `NOVATION_DATA` names, else in `shared/data` beside the
    /// repository; or none, and says so, if it is absent.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], but for what is absent.
    pub fn recorded() -> Result<Option<Self>, MarketError> {
        let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
        let dir = std::env::var_os("NOVATION_DATA").map_or_else(beside, PathBuf::from);
        match Self::open(dir) {
            Err(MarketError::DirectoryAbsent { dir }) => {
                eprintln!("data absent: {}", dir.display());
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    /// Returns the data set in a directory.
    ///
    /// # Errors
    ///
    /// [`MarketError::DirectoryAbsent`] if there is no such directory or no manifest in it,
    /// [`MarketError::Malformed`] if the manifest is not one.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, MarketError> {
        let dir = dir.as_ref().to_path_buf();
        let path = dir.join(MANIFEST);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Err(MarketError::DirectoryAbsent { dir });
            }
            Err(source) => return Err(MarketError::Io { path, source }),
        };
        let mut table = Table::open(
            MANIFEST,
            text.into_bytes(),
            crate::csv::columns("file,bytes,rows,sha256,columns"),
        )?;
        let mut listed = BTreeMap::new();
        while let Some(row) = table.next_row()? {
            let sha256 = row.text(3).to_string();
            if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(row.malformed(3, "is not a SHA-256 in hexadecimal"));
            }
            listed.insert(row.text(0).to_string(), Listed { bytes: row.integer(1)?, sha256 });
        }
        Ok(Self { dir, listed: Arc::new(listed), held: Arc::default() })
    }

    /// Returns the data set of some files in memory: there is no manifest to hold them against.
    #[must_use]
    pub fn of_files(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { dir: PathBuf::new(), listed: Arc::default(), held: Arc::new(files) }
    }

    /// Returns the directory; empty for files in memory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the files that the manifest lists, in order; for files in memory, those.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.listed.keys().chain(self.held.keys()).map(String::as_str)
    }

    /// Returns the bytes of a file, checked against the manifest.
    ///
    /// # Errors
    ///
    /// [`MarketError::FileNotListed`], [`MarketError::FileAbsent`], [`MarketError::WrongLength`],
    /// [`MarketError::ChecksumMismatch`] or [`MarketError::Io`].
    pub fn bytes(&self, file: &str) -> Result<Vec<u8>, MarketError> {
        if let Some(bytes) = self.held.get(file) {
            return Ok(bytes.clone());
        }
        let listed = self
            .listed
            .get(file)
            .ok_or_else(|| MarketError::FileNotListed { file: file.to_string() })?;
        let path = self.dir.join(file);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (file, dir) = (file.to_string(), self.dir.clone());
                return Err(MarketError::FileAbsent { file, dir });
            }
            Err(source) => return Err(MarketError::Io { path, source }),
        };
        let (file, length) = (file.to_string(), u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if length != listed.bytes {
            return Err(MarketError::WrongLength { file, found: length, expected: listed.bytes });
        }
        let found = hex(&Sha256::digest(&bytes));
        if found != listed.sha256.to_ascii_lowercase() {
            let expected = listed.sha256.clone();
            return Err(MarketError::ChecksumMismatch { file, found, expected });
        }
        Ok(bytes)
    }

    /// Returns a table over a checked file.
    pub(crate) fn table(&self, file: &str, columns: Vec<String>) -> Result<Table, MarketError> {
        Table::open(file, self.bytes(file)?, columns)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that goes when the test ends.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            let name = format!("novation-market-{}-{name}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    /// Returns a directory with one listed file, whose bytes on disk are `stored`.
    fn holding(name: &str, listed: &[u8], stored: Option<&[u8]>) -> Temporary {
        let dir = Temporary::new(name);
        let digest = hex(&Sha256::digest(listed));
        let manifest =
            format!("file,bytes,rows,sha256,columns\na.csv,{},1,{digest},x y\n", listed.len());
        std::fs::write(dir.0.join(MANIFEST), manifest).unwrap();
        if let Some(stored) = stored {
            std::fs::write(dir.0.join("a.csv"), stored).unwrap();
        }
        dir
    }

    #[test]
    fn an_absent_directory_says_how_to_name_one() {
        let error = Dataset::open("/nonexistent/data").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no market data in /nonexistent/data: name its directory with --data DIR or NOVATION_DATA \
             (it holds MANIFEST.csv)"
        );
    }

    #[test]
    fn a_file_is_given_only_as_the_manifest_describes_it() {
        let file = b"x\n1\n";
        let read = |name, stored| {
            let dir = holding(name, file, stored);
            let data = Dataset::open(&dir.0).unwrap();
            assert!(matches!(data.bytes("b.csv"), Err(MarketError::FileNotListed { .. })));
            data.bytes("a.csv")
        };
        assert_eq!(read("good", Some(file.as_slice())).unwrap(), file);
        assert!(matches!(read("absent", None), Err(MarketError::FileAbsent { .. })));
        let short = read("short", Some(b"x\n1")).unwrap_err().to_string();
        assert_eq!(short, "a.csv has 3 bytes where MANIFEST.csv says 4: copy the file again");
        let changed = read("changed", Some(b"x\n2\n"));
        assert!(matches!(changed, Err(MarketError::ChecksumMismatch { .. })));
    }

    #[test]
    fn a_manifest_without_digests_is_refused() {
        let dir = Temporary::new("bad");
        let manifest = "file,bytes,rows,sha256,columns\na,1,1,zz,\n";
        std::fs::write(dir.0.join(MANIFEST), manifest).unwrap();
        let error = Dataset::open(&dir.0).unwrap_err().to_string();
        assert_eq!(
            error,
            "MANIFEST.csv line 2, column sha256: 'zz' is not a SHA-256 in hexadecimal"
        );
    }
}
