//! One line on standard error that says how the network does, where somebody looks.

use super::fleet::Fleet;
use indicatif::{ProgressBar, ProgressStyle};
use ledger::Holder;
use machine::State;
use protocol::{AssetId, Receipt};
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};
use traffic::Seen;
use world::{BTC, ETH};

/// Blocks over which rates are taken.
const WINDOW: usize = 32;

/// The line, and what it is made of.
#[derive(Debug)]
pub(super) struct View {
    bar: ProgressBar,
    quiet: bool,
    recent: VecDeque<(Instant, usize)>,
    /// When the last block was seen that was final before this run.
    started: Instant,
    /// Blocks since, and what they held.
    blocks: usize,
    transactions: usize,
    /// Milliseconds from traffic to finality, of every block that was not caught up on.
    waits: Vec<u128>,
}

impl View {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let style = ProgressStyle::with_template("{msg}");
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self {
            bar,
            quiet,
            recent: VecDeque::new(),
            started: Instant::now(),
            blocks: 0,
            transactions: 0,
            waits: Vec::new(),
        }
    }

    /// Shows a block; `waited` is the time from the traffic to its finality.
    pub(super) fn block(
        &mut self,
        fleet: &Fleet,
        state: &State,
        seen: &Seen,
        waited: Duration,
        behind: bool,
    ) {
        if behind && self.waits.is_empty() {
            // What was final before is not this run's doing.
            self.started = Instant::now();
        } else {
            self.blocks += 1;
            self.transactions += seen.transactions;
        }
        if !behind {
            self.waits.push(waited.as_millis());
        }
        self.recent.push_back((Instant::now(), seen.transactions));
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
        let first = self.recent.front().map_or_else(Instant::now, |(at, _)| *at);
        let seconds = first.elapsed().as_secs_f64().max(1e-3);
        let count: usize = self.recent.iter().map(|(_, count)| count).sum();
        let count = u32::try_from(count).map_or(f64::MAX, f64::from);
        let refused = seen.outcome.receipts.iter();
        let refused = refused.filter(|receipt| matches!(receipt, Receipt::Refused(_))).count();
        let index = state.index(BTC).map_or_else(|| "-".into(), |price| format!("{price} $"));
        let mode =
            state.underlyings.get(&BTC).map(|held| format!("{:?}", held.mode).to_lowercase());
        let fund = [BTC, ETH].map(|id| {
            state.ledger.balance(Holder::Insurance(id), AssetId::DOLLAR).notional().micros()
                / 1_000_000
        });
        let finality =
            if behind { "catching up".into() } else { format!("{} ms", waited.as_millis()) };
        self.bar.set_message(format!(
            "height {}  finality {finality}  {:.0} tx/s ({refused} refused)  {} of {} validators, {} reports  \
             BTC {index}, {}  funds {} $",
            state.height,
            count / seconds,
            fleet.awake(),
            fleet.len(),
            seen.reports,
            mode.unwrap_or_default(),
            fund.iter().sum::<i128>(),
        ));
    }

    /// Takes the line away, and says on standard error what the run came to.
    pub(super) fn finish(&mut self) {
        self.bar.finish_and_clear();
        if self.quiet || self.waits.is_empty() {
            return;
        }
        self.waits.sort_unstable();
        let last = self.waits.len() - 1;
        let at = |percent: usize| self.waits.get(last * percent / 100).copied().unwrap_or(0);
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        let rate = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from) / seconds;
        // Standard error may be closed; the result does not depend on it.
        drop(writeln!(
            io::stderr(),
            "{} blocks with {} transactions in {seconds:.1} s: {:.1} blocks/s, {:.0} transactions/s, final after \
             {} ms (p99 {} ms)",
            self.blocks,
            self.transactions,
            rate(self.blocks),
            rate(self.transactions),
            at(50),
            at(99),
        ));
    }
}
