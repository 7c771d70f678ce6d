//! Recorded market data as a stranger might leave it: rows, archives, manifests.
//!
//! The rows of a file come behind its right header and in the archive that its reader expects, so that what is damaged
//! is what the target is about. Every number that is read is inside the limits of its unit.

use crate::Answer;
use market::bars::Window;
use market::orderflow::{BookRebuild, FlowMarket, FlowMessage, Level, OrderStream};
use market::{Dataset, MarketError};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use units::{BlockTime, Quantity};

const TRADES: (&str, &str) = (
    "multivenue/lean_minute_trades.csv.zst",
    "time_utc,time_ms,venue,market,symbol,open,high,low,close,volume",
);
const QUOTES: (&str, &str) = (
    "multivenue/lean_minute_quotes.csv.zst",
    "time_utc,time_ms,venue,market,symbol,bid_open,bid_high,bid_low,bid_close,bid_size,\
     ask_open,ask_high,ask_low,ask_close,ask_size",
);
const CHAINS: (&str, &str) = (
    "options/deribit_chains.csv.zst",
    "snapshot_utc,asset,kind,expiry_utc,strike,option_type,bid,ask,iv_bid,iv_ask,open_interest,\
     volume_usd,src_blob",
);
const FLOW: &str = "recv_ns,event_ms,txn_ms,kind,first_id,last_id,prev_id,side,price,qty";
const FUNDING: (&str, &str) =
    ("funding/lean_funding.csv.zst", "time_utc,venue,symbol,funding_rate");
const FUNDING_BY_EXCHANGE: (&str, &str) = (
    "funding/aha_hh_8h_spot_perp_funding.csv.zst",
    "time_utc,venue,asset,symbol,market,open,high,low,close,volume,funding_rate",
);
const DEPTH: &str = "lob_minute/coinbase_btcusd_lob_1m_20210417_18.csv.zst";

/// A directory that goes with its value; in memory where the system offers that.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let path = parent.join(format!("novation-fuzz-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).expect("written");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn packed(header: &str, rows: &[u8]) -> Vec<u8> {
    let text = [header.as_bytes(), b"\n", rows].concat();
    compress_to_vec(&text[..], CompressionLevel::Uncompressed)
}

fn holding(file: &str, bytes: Vec<u8>) -> Dataset {
    Dataset::of_files(BTreeMap::from([(file.to_owned(), bytes)]))
}

fn rows_of((file, header): (&str, &str), rows: &[u8]) -> Dataset {
    holding(file, packed(header, rows))
}

/// Every moment there is.
fn always() -> Window {
    let limit = BlockTime::LIMIT;
    Window { from: BlockTime::from_millis(-limit), to: BlockTime::from_millis(limit) }
}

macro_rules! assert_within {
    ($($value:expr),* $(,)?) => {{$(
        assert!($value.within_limit().is_ok(), "{:?} is outside the limits", $value);
    )*}};
}

pub(crate) fn trade_bars(rows: &[u8]) -> Answer {
    let read = rows_of(TRADES, rows).trade_bars(always());
    for bar in read.iter().flatten() {
        assert_within!(bar.start, bar.open, bar.high, bar.low, bar.close, bar.volume);
        assert!(bar.low <= bar.open && bar.close <= bar.high);
    }
    Answer::of(&read)
}

pub(crate) fn trade_rows() -> Vec<Vec<u8>> {
    let row = "2016-10-07T00:00:00Z,1475798400000,coinbase,spot,BTCUSD,611.78,611.91,611.78,611.9,8.880099999999999\n";
    // As many digits as the unit has decimals, and as its reader rounds.
    let exact = row.replace("611.9,", "611.900000,").replace("8.880099999999999", "8.880099999");
    seeds(&[row, &(row.to_owned() + &row.replace("spot", "perp")), &exact, ""])
}

pub(crate) fn quote_bars(rows: &[u8]) -> Answer {
    let read = rows_of(QUOTES, rows).quote_bars(always());
    for bar in read.iter().flatten() {
        assert_within!(
            bar.start,
            bar.bid,
            bar.bid_low,
            bar.bid_size,
            bar.ask,
            bar.ask_high,
            bar.ask_size
        );
        assert!(bar.bid <= bar.mid() && bar.mid() <= bar.ask);
    }
    Answer::of(&read)
}

pub(crate) fn quote_rows() -> Vec<Vec<u8>> {
    let row = "2020-03-12T10:00:00Z,1584007200000,bitmex,perp,XBTUSD,7000,7001,6999.5,7000.5,1e3,7001,7002,7000,7001,2.5E2\n";
    seeds(&[row, &row.repeat(3)])
}

pub(crate) fn chains(rows: &[u8]) -> Answer {
    let read = rows_of(CHAINS, rows).chains();
    for chain in read.iter().flatten() {
        assert_within!(chain.taken_at, chain.spot.bid, chain.spot.ask);
        for forward in &chain.forwards {
            assert_within!(forward.expires_at, forward.quote.mid());
        }
        for option in &chain.options {
            assert_within!(option.expires_at, option.strike);
            for price in [option.bid, option.ask].into_iter().flatten() {
                assert_within!(price);
            }
            for premium in [option.bid_coin, option.ask_coin].into_iter().flatten() {
                assert_within!(premium);
                assert!(premium >= Quantity::ZERO);
            }
        }
        assert!(chain.faults().unquoted <= chain.options.len());
    }
    Answer::of(&read)
}

pub(crate) fn chain_rows() -> Vec<Vec<u8>> {
    let spot = "2026-04-27T08:54:57.694519Z,BTC,spot,,,,77775.5,77776,,,987675860,434177180,aa\n";
    let forward = "2026-04-27T08:54:57.694519Z,BTC,forward,2026-04-28T08:00:00Z,,,77780.01,77785.02,,,1,1,aa\n";
    let put = "2026-04-27T08:54:57.694519Z,BTC,option,2026-04-28T08:00:00Z,73000.0,put,0.0001,0.0003,0.5375622,0.5919214,112.9,1727.33,aa\n";
    let one = [spot, put, forward].concat();
    let other = one.replace("BTC", "ETH").replace("put", "call");
    seeds(&[&one, &(one.clone() + &other), ""])
}

fn assert_levels(levels: &[Level]) {
    for level in levels {
        assert_within!(level.price, level.quantity);
        assert!(level.quantity >= Quantity::ZERO);
    }
}

/// The first byte names the market. Messages are read, rebuild a book, and become a stream of orders.
pub(crate) fn order_flow(bytes: &[u8]) -> Answer {
    let Some((market, rows)) = bytes.split_first() else { return Answer::Refused };
    let market = FlowMarket::ALL[usize::from(*market) % FlowMarket::ALL.len()];
    let data = rows_of((market.file(), FLOW), rows);
    let read = || data.order_flow(market);
    let messages: Result<Vec<FlowMessage>, MarketError> = match read() {
        Ok(reader) => reader.collect(),
        Err(error) => Err(error),
    };
    let mut book = BookRebuild::new(market);
    for message in messages.iter().flatten() {
        assert_within!(message.time());
        match message {
            FlowMessage::Snapshot { levels, .. } | FlowMessage::Best { levels, .. } => {
                assert_levels(levels)
            }
            FlowMessage::Difference { event, levels, .. } => {
                event.iter().for_each(|event| assert_within!(event));
                assert_levels(levels);
            }
            FlowMessage::Trade { price, quantity, .. } => assert_within!(price, quantity),
        }
        if book.apply(message).is_err() {
            break;
        }
    }
    if let Ok(reader) = read() {
        // Each message becomes a bounded number of actions, so the stream ends.
        OrderStream::new(reader).take_while(Result::is_ok).for_each(drop);
    }
    Answer::of(&messages)
}

pub(crate) fn flow_rows() -> Vec<Vec<u8>> {
    let rows = "1000000000,,,S,10,10,,b,100.5,1\n1000000000,,,S,10,10,,a,101,2\n\
                1001000000,900,,D,11,12,,b,100.5,0\n1001500000,900,900,B,12,12,,b,100,3\n\
                1002000000,901,901,T,7,7,,buy,101,0.5\n1003000000,902,902,D,13,13,12,a,101,1.5\n";
    (0..6_u8).map(|market| [&[market], rows.as_bytes()].concat()).collect()
}

fn depth_header() -> String {
    let mut names = vec!["system_time,midpoint,spread,buys,sells".to_owned()];
    for side in ["bids", "asks"] {
        for group in
            ["distance", "notional", "cancel_notional", "limit_notional", "market_notional"]
        {
            names.extend((0..15).map(|level| format!("{side}_{group}_{level}")));
        }
    }
    names.join(",")
}

pub(crate) fn book_depth(rows: &[u8]) -> Answer {
    let read = holding(DEPTH, packed(&depth_header(), rows)).book_minutes();
    for minute in read.iter().flatten() {
        assert_within!(minute.time, minute.midpoint, minute.spread, minute.bought, minute.sold);
        assert_eq!((minute.bids.len(), minute.asks.len()), (15, 15));
        let _ = minute.depth();
    }
    Answer::of(&read)
}

pub(crate) fn depth_rows() -> Vec<Vec<u8>> {
    let row = "2021-04-17 17:22:00.172344+00:00,61837.63,0.01,120.5,-3".to_owned();
    seeds(&[
        &(row.clone() + &",1e-5".repeat(150) + "\n"),
        &(row + &",250000.75".repeat(150) + "\n"),
    ])
}

/// Both files of funding rates.
pub(crate) fn funding(rows: &[u8]) -> Answer {
    let bars = rows_of(FUNDING, rows).funding_rates_of_bars();
    let exchanges = rows_of(FUNDING_BY_EXCHANGE, rows).funding_rates();
    for rate in bars.iter().chain(&exchanges).flatten() {
        assert_within!(rate.time);
    }
    if bars.is_ok() || exchanges.is_ok() { Answer::Accepted } else { Answer::Refused }
}

pub(crate) fn funding_rows() -> Vec<Vec<u8>> {
    seeds(&[
        "2020-03-12T08:00:00Z,binance,BTCUSDT,-1.609e-05\n2020-03-12T16:00:00Z,binance,ETHUSDT,0.0001\n",
        "2020-03-12T08:00:00Z,okx,bitcoin,BTC-USD,perp,1,2,0.5,1.5,10,0.0003\n",
    ])
}

/// An archive of any bytes.
pub(crate) fn compressed(bytes: &[u8]) -> Answer {
    Answer::of(&holding(TRADES.0, bytes.to_vec()).trade_bars(always()))
}

pub(crate) fn archives() -> Vec<Vec<u8>> {
    let text = [TRADES.1.as_bytes(), b"\n", &trade_rows()[0].repeat(20)].concat();
    let levels = [CompressionLevel::Uncompressed, CompressionLevel::Fastest];
    levels.map(|level| compress_to_vec(&text[..], level)).to_vec()
}

/// A manifest of any bytes in an otherwise empty directory: whatever it lists is absent, or is not a file of data.
pub(crate) fn manifest(bytes: &[u8]) -> Answer {
    let scratch = Scratch::new();
    scratch.write("MANIFEST.csv", bytes);
    let data = Dataset::open(scratch.path());
    if let Ok(data) = &data {
        for file in data.files() {
            assert!(data.bytes(file).is_err(), "{file} is not there");
        }
    }
    Answer::of(&data)
}

pub(crate) fn manifests() -> Vec<Vec<u8>> {
    let digest = "0f".repeat(32);
    seeds(&[&format!(
        "file,bytes,rows,sha256,columns\na.csv,10,1,{digest},x y\nb/c.zst,0,0,{digest},\n"
    )])
}

fn seeds(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
