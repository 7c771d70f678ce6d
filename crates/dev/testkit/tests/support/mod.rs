//! Where the recorded data lies.

use std::path::PathBuf;

use market::{Dataset, MarketError};

/// Returns the folder named in `NOVATION_DATA`, else the one beside the repository.
pub(crate) fn data_dir() -> PathBuf {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..");
    std::env::var_os("NOVATION_DATA")
        .map_or_else(|| workspace.join("../shared/data"), PathBuf::from)
}

/// Returns the data set, or says that it is absent.
pub(crate) fn data() -> Option<Dataset> {
    match Dataset::open(data_dir()) {
        Ok(data) => Some(data),
        Err(MarketError::DirectoryAbsent { dir }) => {
            eprintln!("data absent: {}", dir.display());
            None
        }
        Err(error) => panic!("{error}"),
    }
}
