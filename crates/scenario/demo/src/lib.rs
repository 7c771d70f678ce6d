//! The demo: a clearing house in one process takes a market through a crash and reports.
//!
//! [`run`] founds a house in a directory, plays the [world](world::Stage) into it block by block, and leaves there its log, its
//! snapshots and the report. The program of this package is the shortest way to it; `novation demo` does the same.
//!
//! **Invariant:** one seed, one data set and one number of blocks lead to one state root and one report, whichever program plays.
//!
//! Left out: a network. There the same world plays against validators that agree on every block.
//!
//! # Example
//!
//! ```no_run
//! let settings = demo::Settings { seed: 1, dir: "demo".into(), data: None, blocks: Some(60) };
//! let played = demo::run(&settings, |block, of| eprintln!("block {block} of {of}"))?;
//! played.write(&mut std::io::stdout())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;

pub use error::DemoError;

use house::House;
use market::Dataset;
use protocol::Block;
use report::RunReport;
use run_report::{Observer, scenario};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use store::{Durability, LogOptions, StoreOptions};
use units::BlockHeight;
use world::crowd::{Crowd, attested};
use world::listing::{self, VALIDATORS};
use world::{BTC, Stage};

/// Blocks between two snapshots.
const SNAPSHOT_BLOCKS: u64 = 500;

/// What to play, and where to leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Seed of everything random.
    pub seed: u64,
    /// Directory to leave the house in; it must not hold one yet.
    pub dir: PathBuf,
    /// Directory of recorded market data; what is in the program if absent.
    pub data: Option<PathBuf>,
    /// Most blocks to play; all that the data has if absent.
    pub blocks: Option<u64>,
}

/// What a run has come to.
#[derive(Debug)]
pub struct Played {
    report: RunReport,
    html: PathBuf,
    root: String,
    blocks: u64,
    commands: u64,
    applying: Duration,
}

impl Played {
    /// Writes the report as text, and where its page is.
    ///
    /// # Errors
    ///
    /// What the writer says.
    pub fn write_report(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", report::text::page(&self.report))?;
        writeln!(out, "report {}", self.html.display())
    }

    /// Writes how fast it went, and the state root.
    ///
    /// # Errors
    ///
    /// What the writer says.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let seconds = self.applying.as_secs_f64().max(1e-3);
        let rate = u32::try_from(self.commands).map_or(f64::MAX, f64::from) / seconds;
        writeln!(
            out,
            "played {} blocks, {seconds:.1} s of them in machine and store: {rate:.0} commands a second",
            self.blocks
        )?;
        writeln!(out, "state root {}", self.root)
    }
}

/// Runs the demo to its report; `at` is told how many blocks of how many have been played, after each.
///
/// # Errors
///
/// [`DemoError`] if the data cannot be played or the directory cannot take the house. What was written by then stays.
pub fn run(settings: &Settings, at: impl FnMut(u64, u64)) -> Result<Played, DemoError> {
    let stage = match &settings.data {
        Some(dir) => world::recorded(&Dataset::open(dir)?, settings.seed)?,
        None => world::embedded()?,
    };
    let scenario = stage.scenario();
    let (file, chain) = scenario.file()?;
    let genesis =
        listing::genesis(&stage.listing, &stage.tape, &chain, &listing::seats(VALIDATORS))?;
    let options = StoreOptions {
        log: LogOptions { durability: Durability::OnDemand, ..LogOptions::default() },
        ..StoreOptions::default()
    };
    let mut house = House::found(&settings.dir, &genesis, options)?;
    let path = settings.dir.join(scenario::FILE);
    durable::put(&path, &file).map_err(|source| DemoError::Unwritable { path, source })?;
    let mut observer = Observer::found(house.machine().state(), scenario);
    let applying = play(settings, &stage, &mut house, &mut observer, at)?;
    house.snapshot()?;
    house.sync()?;
    let root = house.root().to_string();
    let report = run_report::make(&observer, house.machine().state(), &root)?;
    let html = report.write(&settings.dir)?.html;
    let (blocks, commands) = (observer.blocks(), observer.commands());
    Ok(Played { report, html, root, blocks, commands, applying })
}

/// Plays the tape block by block; returns the time spent in the machine and its store.
fn play(
    settings: &Settings,
    stage: &Stage,
    house: &mut House,
    observer: &mut Observer,
    mut at: impl FnMut(u64, u64),
) -> Result<Duration, DemoError> {
    let mut crowd = Crowd::new(settings.seed);
    let mut flow_at = stage.flow.seconds_left();
    let mut flow = stage.flow.clone();
    let first = stage.tape.first_price(BTC).ok_or(DemoError::NothingToPlay)?;
    let length = stage.tape.ticks.len() as u64;
    let blocks = settings.blocks.map_or(length, |blocks| blocks.min(length));
    let mut applying = Duration::ZERO;
    for (number, tick) in (1..=blocks).zip(&stage.tape.ticks) {
        let height = i128::from(number);
        let state = house.machine().state();
        let mut transactions = Vec::new();
        if number == 1 {
            let arrived = flow.deposits().into_iter().chain(crowd.deposits());
            transactions.extend(attested((1..).zip(arrived)));
        } else {
            transactions.extend(flow.act(state, height - 1..height));
            if flow_at > 0 && height > flow_at {
                transactions.extend(flow.close());
                flow_at = 0;
            }
            transactions.extend(crowd.act(state, height, tick.time));
            transactions.extend(crowd.govern(state, first, world::drill(state, height)));
        }
        let block = Block {
            height: BlockHeight::from_blocks(height),
            time: tick.time,
            votes: world::votes(state, &stage.listing, tick, height, VALIDATORS),
            offences: Vec::new(),
            transactions,
            grants: Vec::new(),
        };
        let start = Instant::now();
        let outcome = house.apply(&block)?.outcome;
        applying += start.elapsed();
        observer.block(house.machine().state(), &block, &outcome)?;
        if number.is_multiple_of(SNAPSHOT_BLOCKS) {
            house.snapshot()?;
        }
        at(number, blocks);
    }
    Ok(applying)
}
