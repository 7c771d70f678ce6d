//! Where the recorded data lies.

use std::path::PathBuf;

use market::{Dataset, MarketError};

/// Returns the data set in the folder named in `NOVATION_DATA`, else beside the repository, or says that it is absent.
pub(crate) fn data() -> Option<Dataset> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let dir = std::env::var_os("NOVATION_DATA")
        .map_or_else(|| workspace.join("../shared/data"), PathBuf::from);
    match Dataset::open(&dir) {
        Ok(data) => Some(data),
        Err(MarketError::DirectoryAbsent { dir }) => {
            eprintln!("data absent: {}", dir.display());
            None
        }
        Err(error) => panic!("{error}"),
    }
}
