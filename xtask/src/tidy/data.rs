//! The rule that recorded market data stays outside the repository.
//!
//! The data has owners with licences of their own; tests read it from a folder the caller names and say so when it
//! is absent. A small fixture made by hand is not recorded data.

use super::{Finding, Tree};

/// The recorded sets the project knows, by the stem of their file names.
const RECORDED: &[&str] = &[
    "aha_hh_8h_spot_perp_funding",
    "atom_usdt_binance_20251010_sweep",
    "binance_coinm_btcusd_perp_20240808",
    "binance_coinm_ethusd_perp_20240808",
    "binance_spot_btcusdt_20240808",
    "binance_spot_ethusdt_20240808",
    "binance_usdm_btcusdt_20240808",
    "binance_usdm_ethusdt_20240808",
    "coinbase_btcusd_lob_1m_20210417_18",
    "cryptofeed_raw_ws_18_venues",
    "deribit_chains",
    "deribit_TESTNET_chains_202307",
    "lean_funding",
    "lean_minute_quotes",
    "lean_minute_trades",
    "stochvolmodels_btc_20211021",
];

/// Forms in which data is packed; nothing else in the tree needs them.
const PACKED: &[&str] =
    &["zst", "gz", "xz", "bz2", "zip", "7z", "tar", "parquet", "arrow", "feather", "npy", "npz"];

/// The first columns of the recorded order flow, whatever the file is called.
const ORDER_FLOW_COLUMNS: &str = "recv_ns,event_ms,txn_ms";

/// No file is recorded market data, by name, by form or by its first line.
pub(super) fn no_market_data(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in &tree.files {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        let last = extension.rsplit('.').next().unwrap_or(extension);
        let source = matches!(last, "rs" | "md" | "toml");
        let columns = file.text.as_deref().is_some_and(|text| text.starts_with(ORDER_FLOW_COLUMNS));
        if PACKED.contains(&last) || columns || (RECORDED.contains(&stem) && !source) {
            let message = "recorded data stays outside: read it from NOVATION_DATA";
            findings.push(Finding::new(path, 1, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_data_is_found_by_name_by_form_and_by_its_columns() {
        let tree = Tree::of(&[
            ("fixtures/deribit_chains.csv", "asset\n"),
            ("fixtures/anything.csv.zst", "x"),
            ("fixtures/flow.csv", "recv_ns,event_ms,txn_ms,kind\n"),
            ("crates/risk/market/src/deribit_chains.rs", "//! Reads option chains.\n"),
            ("fixtures/vectors/margin.json", "{}"),
        ]);
        assert_eq!(no_market_data(&tree).len(), 3);
    }
}
