//! What the demo watches, block by block, and the report that it makes of it.

use super::crowd::{Role, role_of};
use super::tape::Tape;
use super::{BTC, COIN, DRILL_BLOCK, ETH, LIES_FROM, Stage};
use crate::tally::Tally;
use anyhow::Result;
use machine::{Outcome, State};
use margin::Risk;
use protocol::{Block, Contract, Event, Mode, Receipt, Refusal, UnderlyingId};
use report::tables::{self, AccountRow, ExpiryRow, HaltRow, RefusalRow};
use report::{Figure, Interval, RunReport, Section, Series, Unit, charts, format};
use std::collections::BTreeMap;
use std::time::Duration;
use units::{BlockTime, Notional, Price};

/// Samples that the heavier series aim at.
const SAMPLES: usize = 480;

/// Returns what is to be known about a run of so many blocks: nothing that it did not come to.
fn notes(blocks: u64) -> Vec<String> {
    let mut notes = vec![
        "A command is one order, quote, cancel, deposit, withdrawal or vote of a signer."
            .to_string(),
    ];
    if i128::from(blocks) >= DRILL_BLOCK {
        notes.push(format!(
            "In block {DRILL_BLOCK} a drill breaks the books of one ETH future on purpose: it halts alone, the other markets \
             trade on in the same block."
        ));
    }
    if i128::from(blocks) >= LIES_FROM {
        notes.push(format!(
            "For one hour from block {LIES_FROM} one of four validators reports twice every price; the index does not follow."
        ));
    }
    notes
}

/// What one underlying shows over time.
#[derive(Debug)]
struct Watched {
    id: UnderlyingId,
    name: &'static str,
    venues: Vec<Series>,
    index: Series,
    mark: Series,
    open_interest: Series,
    vol: Series,
    mode: Mode,
    restricted_since: Option<BlockTime>,
}

/// Everything watched.
#[derive(Debug)]
pub(crate) struct Observer {
    underlyings: Vec<Watched>,
    coin: Series,
    stride: usize,
    tally: Tally,
    blocks: u64,
    refusals: BTreeMap<u16, (String, u64)>,
    calls: u64,
    equity: Series,
    initial: Series,
    maintenance: Series,
    liquidated: Series,
    called: Series,
    fund: Series,
    greeks: [Series; 4],
    throughput: Series,
    halts: Vec<HaltRow>,
    expiries: Vec<ExpiryRow>,
    intervals: Vec<Interval>,
    worst: BTreeMap<u32, (Notional, u64)>,
    covered: Notional,
    first: BlockTime,
}

impl Observer {
    /// Starts watching.
    pub(crate) fn new(tape: &Tape, first: BlockTime) -> Self {
        let watched = |(id, name): (UnderlyingId, &'static str)| {
            let venues = tape.venues.iter().find(|(held, _)| *held == id);
            Watched {
                id,
                name,
                venues: venues
                    .map_or(Vec::new(), |(_, names)| names.iter().map(Series::new).collect()),
                index: Series::new("index"),
                mark: Series::new("perpetual mark"),
                open_interest: Series::new(format!("{name}: long side of all contracts")),
                vol: Series::new(format!("{name}, nearest the money")),
                mode: Mode::Frozen,
                restricted_since: None,
            }
        };
        Self {
            underlyings: [(BTC, "BTC"), (ETH, "ETH")].map(watched).into_iter().collect(),
            coin: Series::new("index"),
            stride: (tape.ticks.len() / SAMPLES).max(1),
            tally: Tally::new(),
            blocks: 0,
            refusals: BTreeMap::new(),
            calls: 0,
            equity: Series::new("equity"),
            initial: Series::new("initial margin"),
            maintenance: Series::new("maintenance margin"),
            liquidated: Series::new("liquidation steps"),
            called: Series::new("margin calls"),
            fund: Series::new("insurance funds"),
            greeks: ["delta", "gamma", "vega", "theta"].map(Series::new),
            throughput: Series::new("commands per second"),
            halts: Vec::new(),
            expiries: Vec::new(),
            intervals: Vec::new(),
            worst: BTreeMap::new(),
            covered: Notional::ZERO,
            first,
        }
    }

    /// Takes in a block that has been applied.
    pub(crate) fn block(
        &mut self,
        state: &State,
        block: &Block,
        outcome: &Outcome,
        seconds: f64,
    ) -> Result<()> {
        self.blocks += 1;
        let commands = self.tally.take(state, block, outcome);
        self.receipts(&outcome.receipts);
        let (liquidated, called) = self.events(state, block.time, &outcome.events)?;
        self.tally.conserved &= state.check().is_ok();
        if liquidated > 0 {
            self.liquidated.push(block.time, liquidated);
        }
        if called > 0 {
            self.called.push(block.time, called);
        }
        self.prices(state, block);
        if self.blocks.is_multiple_of(self.stride as u64) {
            self.sample(state, block.time)?;
            if seconds > 0.0 && commands > 0 {
                self.throughput.push(block.time, commands as f64 / seconds);
            }
        }
        Ok(())
    }

    fn receipts(&mut self, receipts: &[Receipt]) {
        let mut refuse = |refusal: &Refusal| {
            let entry = self.refusals.entry(refusal.code());
            entry.or_insert_with(|| (plain(refusal), 0)).1 += 1;
        };
        for receipt in receipts {
            match receipt {
                Receipt::Refused(refusal) => refuse(refusal),
                Receipt::Quotes(answers) => {
                    answers.iter().filter_map(|answer| answer.as_ref().err()).for_each(&mut refuse);
                }
                Receipt::Done | Receipt::Order(_) | Receipt::Proposal(_) => {}
            }
        }
    }

    fn events(&mut self, state: &State, now: BlockTime, events: &[Event]) -> Result<(u64, u64)> {
        let (mut liquidated, mut called) = (0, 0);
        for event in events {
            match event {
                Event::Liquidated { account, equity, .. } => {
                    liquidated += 1;
                    let worst = self.worst.entry(account.get()).or_insert((*equity, 0));
                    *worst = (worst.0.lesser(*equity), worst.1 + 1);
                }
                Event::MarginCalled { .. } => called += 1,
                Event::DebtCovered { amount, .. } => self.covered = self.covered.plus(*amount)?,
                Event::Halted { instrument, fault } => {
                    let market = self.tally.name(*instrument);
                    self.halts.push(HaltRow {
                        market,
                        reason: fault.clone(),
                        since: now,
                        until: None,
                    });
                }
                Event::Expired { instrument, price, payoff, open_interest } => {
                    let paid = Notional::from_micros(payoff.micros() * open_interest.count());
                    let (instrument, settlement, lots) =
                        (self.tally.name(*instrument), *price, *open_interest);
                    self.expiries.push(ExpiryRow {
                        instrument,
                        expired_at: now,
                        settlement,
                        lots,
                        paid,
                    });
                }
                _ => {}
            }
        }
        self.calls += called;
        for watched in &mut self.underlyings {
            let mode = state.mode(watched.id);
            if mode == watched.mode {
                continue;
            }
            if let Some(since) = watched.restricted_since.take() {
                let text = format!("{} {}", watched.name, mode_name(watched.mode));
                self.intervals.push(Interval::new(since, now, text));
            }
            if mode >= Mode::ReduceOnly {
                watched.restricted_since = Some(now);
            }
            watched.mode = mode;
        }
        Ok((liquidated, called))
    }

    fn prices(&mut self, state: &State, block: &Block) {
        let now = block.time;
        for watched in &mut self.underlyings {
            let honest = block.votes.first();
            let seen = honest.map_or(&[][..], |vote| &vote.prices);
            for report in seen.iter().filter(|report| report.underlying == watched.id) {
                let at = usize::from(report.source.get().saturating_sub(1));
                if let Some(series) = watched.venues.get_mut(at) {
                    series.push(now, report.price);
                }
            }
            watched.index.push_optional(now, state.index(watched.id));
            let markets =
                || state.markets.values().filter(|held| held.instrument.underlying == watched.id);
            let perpetual = markets().find(|held| held.instrument.contract == Contract::Perpetual);
            watched.mark.push_optional(now, perpetual.and_then(|held| held.mark));
        }
        self.coin.push_optional(now, state.index(COIN));
    }

    /// Takes the sums over all accounts, which cost more than a block.
    fn sample(&mut self, state: &State, now: BlockTime) -> Result<()> {
        let Ok(risk) = state.risk() else { return Ok(()) };
        let (mut equity, mut initial, mut maintenance) =
            (Notional::ZERO, Notional::ZERO, Notional::ZERO);
        let mut book = [0i128; 4];
        for (index, account) in state.accounts.iter() {
            match role_of(&account.id.owner) {
                Some(Role::Flow) => continue,
                // Their capital would flatten everybody else's lines.
                Some(Role::MarketMaker) => {
                    add_greeks(&mut book, state, &risk, index)?;
                    continue;
                }
                _ => {}
            }
            let requirement = state.required(&risk, index, false)?;
            equity = equity.plus(requirement.equity)?;
            initial = initial.plus(requirement.initial)?;
            maintenance = maintenance.plus(requirement.maintenance)?;
        }
        self.equity.push(now, equity);
        self.initial.push(now, initial);
        self.maintenance.push(now, maintenance);
        let [delta, gamma, vega, theta] = book.map(Notional::from_micros);
        for (series, value) in self.greeks.iter_mut().zip([delta, gamma, vega, theta]) {
            series.push(now, value);
        }
        let funds = state.insurance_fund(BTC).plus(state.insurance_fund(ETH))?;
        self.fund.push(now, funds);
        for watched in &mut self.underlyings {
            let markets =
                || state.markets.values().filter(|held| held.instrument.underlying == watched.id);
            let open: i128 = markets()
                .map(|held| {
                    let value = held.mark.zip(state.index(watched.id)).map(|(_, index)| {
                        held.aggregate.open_interest.value(
                            index,
                            held.instrument.contract_size,
                            units::Round::Down,
                        )
                    });
                    value.and_then(Result::ok).unwrap_or_default().micros()
                })
                .sum();
            watched.open_interest.push(now, Notional::from_micros(open));
            let index = state.index(watched.id).unwrap_or(Price::ZERO);
            let nearest = markets().filter_map(|held| match held.instrument.contract {
                Contract::Option { strike, expires_at, .. } => {
                    Some((strike.minus(index).ok()?.magnitude().ok()?, expires_at, held.vol?))
                }
                _ => None,
            });
            watched.vol.push_optional(
                now,
                nearest.min_by_key(|(distance, at, _)| (*distance, *at)).map(|(_, _, vol)| vol),
            );
        }
        Ok(())
    }

    /// Makes the report.
    pub(crate) fn finish(
        mut self,
        state: &State,
        stage: &Stage,
        root: &str,
        applying: Duration,
        wall: Duration,
    ) -> Result<RunReport> {
        let per_second = |commands: u64| {
            let rate = u128::from(commands) * 1_000_000 / applying.as_micros().max(1);
            u64::try_from(rate).unwrap_or(u64::MAX)
        };
        let mut summary = self.tally.summary(state, root, 0, &stage.label.name)?;
        summary.commands_per_second = per_second(summary.commands);
        let accounts = self.accounts(state)?;
        let mut figures = summary.figures();
        figures.push(Figure::new("Accounts", format::count(state.accounts.len() as u64)));
        figures.push(Figure::new("Margin calls", format::count(self.calls)));
        figures.push(Figure::new("Debt paid by the funds", format::dollars(self.covered)));
        figures.push(
            Figure::new("Wall clock", format!("{:.1} s", wall.as_secs_f64()))
                .note(format!("{:.1} s in machine and store", applying.as_secs_f64())),
        );
        let mut sections = Vec::new();
        let mut prices = Section::new(
            "Prices",
            "What each venue showed, what the validators agreed on, and where the perpetual was marked.",
        );
        let mut open_interest = Vec::new();
        let mut vols = Vec::new();
        for watched in &mut self.underlyings {
            let take = std::mem::take::<Series>;
            prices = prices.chart(charts::prices(
                watched.name,
                std::mem::take(&mut watched.venues),
                take(&mut watched.index),
                Some(take(&mut watched.mark)),
            ));
            open_interest.push(take(&mut watched.open_interest));
            vols.push(take(&mut watched.vol));
        }
        let coin = report::Chart::new("The stable coin that dollars are held in", Unit::Dollars)
            .caption("Below 99 cents each contract is charged in initial margin; nobody is liquidated for it.")
            .with(self.coin);
        sections.push(prices.chart(charts::volatility(vols)).chart(coin));
        sections.push(
            Section::new("Positions and margin", "Sums over all accounts of the demo. Market makers and accounts that replay recorded order flow are left out of margin.")
                .chart(charts::open_interest(Unit::Dollars, open_interest))
                .chart(charts::margin(self.equity, self.initial, self.maintenance)),
        );
        sections.push(
            Section::new("Defaults", "Accounts below maintenance margin are reduced in every block; what they cannot pay, the insurance fund of the compartment does.")
                .chart(charts::liquidations(self.liquidated, self.called))
                .chart(charts::insurance_fund(self.fund))
                .table(accounts),
        );
        let [delta, gamma, vega, theta] = self.greeks;
        let mut greeks = Section::new(
            "Greeks of the market makers' book",
            "All clients together are flat, as every contract has two sides; this is the side that quotes.",
        );
        for (title, series) in [
            ("Dollar delta", delta),
            ("Dollar gamma, 1 %", gamma),
            ("Vega, one vol point", vega),
            ("Theta, one day", theta),
        ] {
            greeks = greeks.chart(report::Chart::new(title, Unit::Dollars).half().with(series));
        }
        sections.push(greeks);
        let refusals = self.refusals.into_iter().map(|(code, (reason, count))| RefusalRow {
            code,
            reason,
            count,
        });
        sections.push(
            Section::new(
                "Operations",
                "What was refused, what halted and why, what expired, and how fast it went.",
            )
            .table(tables::halts(self.halts))
            .table(tables::expiries(self.expiries))
            .table(tables::refusals(refusals.collect()))
            .chart(charts::throughput(self.throughput)),
        );
        let events = stage
            .tape
            .events
            .iter()
            .filter(|(time, _)| *time <= state.time)
            .map(|(time, text)| report::Event::new(*time, text.clone()))
            .collect();
        Ok(RunReport {
            title: "Novation: the clearing house through a crash".into(),
            subtitle: format!(
                "{} · {} to {}",
                stage.title,
                format::time(self.first),
                format::time(state.time)
            ),
            data: stage.label.clone(),
            summary,
            figures,
            events,
            intervals: self.intervals,
            sections,
            notes: notes(self.blocks),
        })
    }

    /// The accounts that came closest to ruin.
    fn accounts(&self, state: &State) -> Result<report::Table> {
        let Ok(risk) = state.risk() else {
            return Ok(tables::accounts("Accounts liquidated", Vec::new()));
        };
        let mut worst: Vec<_> = self.worst.iter().collect();
        worst.sort_by_key(|(index, (equity, _))| (*equity, **index));
        let mut rows = Vec::new();
        for (index, (equity, steps)) in worst.into_iter().take(15) {
            let index = protocol::AccountIndex::new(*index);
            let Some(account) = state.accounts.get(index) else { continue };
            let requirement = state.required(&risk, index, false)?;
            let role = role_of(&account.id.owner).map_or("account", Role::name);
            let exposure = account.positions().iter().filter_map(|(id, position)| {
                let market = state.markets.get(id)?;
                let value = position
                    .lots
                    .value(market.mark?, market.instrument.contract_size, units::Round::Down)
                    .ok()?;
                value.magnitude().ok()
            });
            let exposure = exposure.map(Notional::micros).sum();
            rows.push(AccountRow {
                account: format!("#{index} {role}"),
                equity: requirement.equity,
                initial: requirement.initial,
                maintenance: requirement.maintenance,
                exposure: Notional::from_micros(exposure),
                remark: format!("{steps} steps, lowest equity {}", format::dollars(*equity)),
            });
        }
        Ok(tables::accounts("Accounts liquidated, lowest equity first", rows))
    }
}

fn add_greeks(
    book: &mut [i128; 4],
    state: &State,
    risk: &Risk,
    index: protocol::AccountIndex,
) -> Result<()> {
    for bucket in state.greeks(risk, index)?.by_underlying()? {
        let price = state.index(bucket.underlying).unwrap_or(Price::ZERO);
        let delta = bucket.delta.value(price, units::Round::Down)?;
        for (sum, value) in book.iter_mut().zip([delta, bucket.gamma, bucket.vega, bucket.theta]) {
            *sum += value.micros();
        }
    }
    Ok(())
}

/// Returns the reason of a refusal without its numbers.
fn plain(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    let cut = [" by ", " 0", " -"].iter().filter_map(|mark| text.find(mark)).min();
    let numbered = text.find(|c: char| c.is_ascii_digit());
    match (cut, numbered) {
        (Some(cut), Some(_)) => text[..cut].to_string(),
        _ => text,
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => "normal",
        Mode::Caution => "caution",
        Mode::ReduceOnly => "reduce only",
        Mode::Frozen => "frozen",
    }
}
