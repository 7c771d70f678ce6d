//! The recorded data, where it is there.

use market::{Dataset, MarketError};
use std::path::PathBuf;

/// Returns the data set, or says that it is absent.
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
