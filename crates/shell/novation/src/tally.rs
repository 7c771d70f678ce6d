//! The numbers of `report.json`, counted from blocks and what came out of them: by the demo as it plays, by the audit as it replays.
//!
//! **Invariant:** what is counted depends on the log alone.
//!
//! Left out: how fast it went, and what the data is called, which no log holds.

use anyhow::Result;
use machine::{Outcome, State};
use protocol::{
    Block, Command, Contract, Event, Instrument, InstrumentId, Receipt, Right, UnderlyingId,
};
use report::{HaltedMarket, Summary, format};
use std::collections::BTreeMap;
use units::BlockTime;

/// What has been counted so far.
#[derive(Debug)]
pub(crate) struct Tally {
    blocks: u64,
    commands: u64,
    fills: u64,
    liquidations: u64,
    refusals: u64,
    halted: Vec<HaltedMarket>,
    names: BTreeMap<InstrumentId, String>,
    /// Whether the books have balanced after every block.
    pub(crate) conserved: bool,
}

impl Tally {
    /// Returns a tally of nothing.
    pub(crate) fn new() -> Self {
        Self {
            blocks: 0,
            commands: 0,
            fills: 0,
            liquidations: 0,
            refusals: 0,
            halted: Vec::new(),
            names: BTreeMap::new(),
            conserved: true,
        }
    }

    /// Takes in a block that has been applied; returns how many commands it had.
    pub(crate) fn take(&mut self, state: &State, block: &Block, outcome: &Outcome) -> u64 {
        for (id, market) in &state.markets {
            self.names.entry(*id).or_insert_with(|| name_of(state, &market.instrument));
        }
        let commands = block.transactions.iter().map(|transaction| match &transaction.command {
            Command::MassQuote { quotes, .. } => quotes.len() as u64,
            _ => 1,
        });
        let commands = commands.sum::<u64>();
        self.blocks += 1;
        self.commands += commands;
        for receipt in &outcome.receipts {
            self.refusals += match receipt {
                Receipt::Refused(_) => 1,
                Receipt::Quotes(answers) => {
                    answers.iter().filter(|answer| answer.is_err()).count() as u64
                }
                Receipt::Done | Receipt::Order(_) | Receipt::Proposal(_) => 0,
            };
        }
        for event in &outcome.events {
            match event {
                Event::Filled { .. } => self.fills += 1,
                Event::Liquidated { .. } => self.liquidations += 1,
                Event::Halted { instrument, fault } => {
                    let market = self.name(*instrument);
                    self.halted.push(HaltedMarket { market, reason: fault.clone() });
                }
                _ => {}
            }
        }
        commands
    }

    /// Returns the name of a contract in reports.
    pub(crate) fn name(&self, id: InstrumentId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| format!("instrument {id}"))
    }

    /// Returns the numbers of a report after the last block taken in, with what the log does not hold.
    pub(crate) fn summary(
        &self,
        state: &State,
        root: &str,
        commands_per_second: u64,
        data: &str,
    ) -> Result<Summary> {
        let fund = |underlying| state.insurance_fund(UnderlyingId::new(underlying));
        Ok(Summary {
            blocks: self.blocks,
            commands: self.commands,
            fills: self.fills,
            liquidations: self.liquidations,
            refusals: self.refusals,
            halted_markets: self.halted.clone(),
            insurance_fund: fund(1).plus(fund(2))?,
            conservation_ok: self.conserved && state.check().is_ok() && state.house_fault.is_none(),
            commands_per_second,
            state_root: root.to_string(),
            data: data.to_string(),
        })
    }
}

/// Returns the name of a contract in reports, such as `BTC put 7000 27 Mar 2020`.
fn name_of(state: &State, instrument: &Instrument) -> String {
    let underlying =
        state.underlyings.get(&instrument.underlying).map_or("?", |held| held.name.as_str());
    let day = |at: BlockTime| format::time(at);
    match instrument.contract {
        Contract::Perpetual => format!("{underlying} perpetual"),
        Contract::Future { expires_at } => format!("{underlying} future {}", day(expires_at)),
        Contract::Option { expires_at, strike, right } => {
            let right = if right == Right::Call { "call" } else { "put" };
            format!("{underlying} {right} {strike} {}", day(expires_at))
        }
    }
}
