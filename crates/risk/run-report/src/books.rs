//! Who brought, paid, won and holds what: every movement of dollars in a log, by what it was for.
//!
//! A movement is known from an event, a command or a rule, never from a balance. It is written twice, once for each side, so
//! every column sums to zero over all holders, the outside world included; and after every block the row of each holder
//! must come to the balance that the ledger has for it.
//!
//! **Invariant:** what nothing explains stands in a column of its own. It is not spread over the others.
//!
//! Left out: coins. They are counted at the end, at the index, and no movement of theirs is.

use crate::RunReportError;
use clearing::{Position, close, payoff, settle};
use ledger::Holder;
use machine::{Accrual, Outcome, State, Status};
use protocol::{
    AccountId, AccountIndex, AssetId, Block, Command, Contract, Event, Instrument, InstrumentId,
    Mode, OrderId, Receipt, Side, UnderlyingId,
};
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockTime, Notional, Round};

/// What dollars move for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Into custody.
    Brought,
    /// Out of custody.
    Taken,
    /// From one account to another.
    Transfers,
    /// Variation margin, premiums, settlement.
    Contracts,
    /// Funding of perpetuals.
    Funding,
    /// Fees of traders.
    Fees,
    /// Fees of the house's orders.
    LiquidationFees,
    /// For coins behind a debt.
    Collateral,
    /// Debts of accounts, paid by others.
    Debts,
    /// What no event explains.
    Unexplained,
}

impl Column {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 10] = [
        Self::Brought,
        Self::Taken,
        Self::Transfers,
        Self::Contracts,
        Self::Funding,
        Self::Fees,
        Self::LiquidationFees,
        Self::Collateral,
        Self::Debts,
        Self::Unexplained,
    ];

    /// Those that are a gain or a loss: the others move what somebody already has.
    pub(crate) const RESULT: [Self; 5] =
        [Self::Contracts, Self::Funding, Self::Fees, Self::LiquidationFees, Self::Debts];

    /// Returns its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brought => "Brought in",
            Self::Taken => "Taken out",
            Self::Transfers => "Transfers",
            Self::Contracts => "Contracts",
            Self::Funding => "Funding",
            Self::Fees => "Fees",
            Self::LiquidationFees => "Liquidation fees",
            Self::Collateral => "Coins sold",
            Self::Debts => "Debts paid",
            Self::Unexplained => "Unexplained",
        }
    }

    const fn place(self) -> usize {
        self as usize
    }
}

/// Micro-dollars by column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Row([i128; 10]);

impl Row {
    /// Returns what was moved for something.
    pub(crate) fn of(&self, column: Column) -> i128 {
        self.0.get(column.place()).copied().unwrap_or(0)
    }

    /// Returns the balance that the columns come to.
    pub(crate) fn balance(&self) -> i128 {
        self.0.iter().sum()
    }

    /// Returns what was won or lost in cash.
    pub(crate) fn result(&self) -> i128 {
        Column::RESULT.into_iter().map(|column| self.of(column)).sum()
    }

    /// Adds the columns of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }

    fn post(&mut self, column: Column, micros: i128) {
        if let Some(held) = self.0.get_mut(column.place()) {
            *held += micros;
        }
    }
}

/// What the fills of an account cost against the marks of their auctions; positive: it paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Conceded {
    /// In orders of its own.
    pub(crate) own: i128,
    /// In the house's orders that reduced it.
    pub(crate) liquidation: i128,
    /// Blocks in which such an order was filled.
    pub(crate) filled: u64,
}

/// Who paid a debt: the funds by number, and the fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Payer {
    /// An insurance fund.
    Fund(UnderlyingId),
    /// The fees.
    Fees,
}

/// A debt that was paid in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paid {
    pub(crate) account: AccountIndex,
    pub(crate) micros: i128,
    /// Who paid: all that paid in that block, where more than one did for more than one account.
    pub(crate) by: Vec<(Vec<Payer>, i128)>,
}

/// What of a state the next block is read with.
#[derive(Debug, Default)]
struct Before {
    positions: Vec<Vec<(InstrumentId, Position)>>,
    accruals: BTreeMap<InstrumentId, Accrual>,
    clearing: BTreeMap<InstrumentId, i128>,
    instruments: BTreeMap<InstrumentId, Instrument>,
    next_order: Option<OrderId>,
    variation_due_at: BlockTime,
    time: BlockTime,
}

impl Before {
    fn of(state: &State) -> Self {
        let clearing = state.ledger.house().filter_map(|(holder, asset, amount)| match holder {
            Holder::Clearing(id) if asset == AssetId::DOLLAR => Some((id, amount.minor())),
            _ => None,
        });
        let listed = state.markets.iter().map(|(id, market)| (*id, market.instrument));
        Self {
            positions: state.accounts.iter().map(|(_, held)| held.positions().to_vec()).collect(),
            accruals: state.accruals.clone(),
            clearing: clearing.collect(),
            instruments: listed.collect(),
            next_order: Some(state.next_order),
            variation_due_at: state.variation_due_at,
            time: state.time,
        }
    }

    /// Returns whoever held a contract.
    fn holders(&self, id: InstrumentId) -> impl Iterator<Item = (AccountIndex, Position)> + '_ {
        let position = move |held: &Vec<(InstrumentId, Position)>| {
            let at = held.binary_search_by_key(&id, |(held, _)| *held).ok()?;
            held.get(at).map(|(_, position)| *position)
        };
        (0u32..)
            .map(AccountIndex::new)
            .zip(&self.positions)
            .filter_map(move |(index, held)| Some((index, position(held)?)))
    }
}

/// The books.
#[derive(Debug)]
pub(crate) struct Books {
    accounts: Vec<Row>,
    conceded: Vec<Conceded>,
    funds: BTreeMap<UnderlyingId, Row>,
    clearing: Row,
    fees: Row,
    outside: Row,
    before: Before,
    /// The first block after which a balance was not explained.
    pub(crate) unexplained: Option<i128>,
}

impl Books {
    /// Opens the books of a house that has just been founded.
    pub(crate) fn found(state: &State) -> Self {
        let mut this = Self {
            accounts: Vec::new(),
            conceded: Vec::new(),
            funds: BTreeMap::new(),
            clearing: Row::default(),
            fees: Row::default(),
            outside: Row::default(),
            before: Before::of(state),
            unexplained: None,
        };
        for id in state.underlyings.keys() {
            let (fund, given) = (Holder::Insurance(*id), state.insurance_fund(*id).micros());
            this.post(Holder::Outside, fund, Column::Brought, given);
        }
        this
    }

    /// Returns the row of each account, by its number.
    pub(crate) fn accounts(&self) -> &[Row] {
        &self.accounts
    }

    /// Returns what an account's fills cost it against the marks.
    pub(crate) fn conceded(&self, account: AccountIndex) -> Conceded {
        let at = usize::try_from(account.get()).ok();
        at.and_then(|at| self.conceded.get(at)).copied().unwrap_or_default()
    }

    /// Returns the rows of the house: each fund, the fees, clearing, the outside world.
    pub(crate) fn house(&self) -> impl Iterator<Item = (Holder, Row)> + '_ {
        let clearing = Holder::Clearing(InstrumentId::new(0));
        let funds = self.funds.iter().map(|(id, row)| (Holder::Insurance(*id), *row));
        let rest = [(Holder::Fees, self.fees), (clearing, self.clearing)];
        funds.chain(rest).chain([(Holder::Outside, self.outside)])
    }

    fn row(&mut self, holder: Holder) -> &mut Row {
        match holder {
            Holder::Client(index) => {
                let at = usize::try_from(index.get()).unwrap_or(0);
                if self.accounts.len() <= at {
                    self.accounts.resize(at + 1, Row::default());
                    self.conceded.resize(at + 1, Conceded::default());
                }
                &mut self.accounts[at]
            }
            Holder::Insurance(id) => self.funds.entry(id).or_default(),
            Holder::Clearing(_) => &mut self.clearing,
            Holder::Fees => &mut self.fees,
            Holder::Outside => &mut self.outside,
        }
    }

    fn post(&mut self, from: Holder, to: Holder, column: Column, micros: i128) {
        self.row(from).post(column, -micros);
        self.row(to).post(column, micros);
    }

    /// Takes in a block that has been applied; returns the debts that were paid in it.
    ///
    /// # Errors
    ///
    /// If a number leaves its limits, which no block of a house that goes on does.
    pub(crate) fn take(
        &mut self,
        state: &State,
        block: &Block,
        outcome: &Outcome,
    ) -> Result<Vec<Paid>, RunReportError> {
        if let Some(last) = state.accounts.len().checked_sub(1) {
            self.row(Holder::Client(AccountIndex::new(u32::try_from(last)?)));
        }
        let before = std::mem::take(&mut self.before);
        self.endings(&before, outcome)?;
        self.exchanges(&before, state, block.time, outcome)?;
        self.fills(&before, state, outcome)?;
        self.transfers(state, block, outcome);
        let debts = self.movements(state, outcome);
        let paid = self.debts(state, debts);
        self.before = Before::of(state);
        self.compare(state);
        Ok(paid)
    }

    /// Contracts that ended: 0013-CLEAR-009, 0013-CLEAR-010.
    fn endings(&mut self, before: &Before, outcome: &Outcome) -> Result<(), RunReportError> {
        for event in &outcome.events {
            let Event::Expired { instrument: id, price, .. } = event else { continue };
            let instrument = before
                .instruments
                .get(id)
                .ok_or(RunReportError::Absent("a contract ended unlisted"))?;
            let per_unit = payoff(&instrument.contract, *price)?;
            let clearing = Holder::Clearing(*id);
            let mut left = before.clearing.get(id).copied().unwrap_or(0);
            for (index, position) in before.holders(*id) {
                let paid = close(position, per_unit, instrument.contract_size)?.paid.micros();
                left -= paid;
                self.post(clearing, Holder::Client(index), Column::Contracts, paid);
            }
            let fund = Holder::Insurance(instrument.underlying);
            self.post(clearing, fund, Column::Contracts, left);
        }
        Ok(())
    }

    /// Variation margin and funding: 0013-CLEAR-005, 0013-CLEAR-006, 0013-CLEAR-008.
    fn exchanges(
        &mut self,
        before: &Before,
        state: &State,
        now: BlockTime,
        outcome: &Outcome,
    ) -> Result<(), RunReportError> {
        let mut told = BTreeSet::new();
        let mut funded = BTreeSet::new();
        let mut halted = BTreeSet::new();
        for event in &outcome.events {
            match event {
                Event::VariationPaid { instrument, .. } => told.insert(*instrument),
                Event::Funded { instrument, .. } => funded.insert(*instrument),
                Event::Halted { instrument, .. } => halted.insert(*instrument),
                _ => continue,
            };
        }
        for (id, instrument) in &before.instruments {
            let Some(market) = state.markets.get(id) else { continue };
            if matches!(instrument.contract, Contract::Option { .. }) {
                continue;
            }
            // No event tells of an exchange in which nobody has lost: then the rule does.
            let due = now >= before.variation_due_at
                && state.mode(instrument.underlying) < Mode::Frozen
                && matches!(market.status, Status::Trading | Status::Paused)
                && !halted.contains(id);
            if let Some(mark) = market.mark.filter(|_| due || told.contains(id)) {
                for (index, position) in before.holders(*id) {
                    let paid = settle(position, mark, instrument.contract_size)?.paid.micros();
                    let clearing = Holder::Clearing(*id);
                    self.post(clearing, Holder::Client(index), Column::Contracts, paid);
                }
            }
            if funded.contains(id) {
                let accrual = accrued(before, state, instrument, now)?;
                let fund = Holder::Insurance(instrument.underlying);
                for (index, position) in before.holders(*id) {
                    let paid = accrual.receives(&position)?.micros();
                    self.post(fund, Holder::Client(index), Column::Funding, paid);
                }
            }
        }
        Ok(())
    }

    /// Premiums and fees of fills: 0013-CLEAR-002, 0013-CLEAR-003.
    fn fills(
        &mut self,
        before: &Before,
        state: &State,
        outcome: &Outcome,
    ) -> Result<(), RunReportError> {
        let commanded: BTreeSet<OrderId> = outcome.receipts.iter().flat_map(numbers).collect();
        // The house's orders take numbers as all do, but no receipt names them.
        let of_house = |order: &OrderId| {
            before.next_order.is_some_and(|first| *order >= first) && !commanded.contains(order)
        };
        let mut filled = BTreeSet::new();
        for event in &outcome.events {
            let Event::Filled { instrument: id, account, order, side, price, lots, fee, .. } =
                event
            else {
                continue;
            };
            let market = state
                .markets
                .get(id)
                .ok_or(RunReportError::Absent("a fill in a contract that is not listed"))?;
            let instrument = market.instrument;
            let value = lots.value(*price, instrument.contract_size, Round::Down)?.micros();
            let bought = if *side == Side::Buy { value } else { -value };
            let client = Holder::Client(*account);
            if instrument.contract.pays_premium() {
                self.post(client, Holder::Clearing(*id), Column::Contracts, bought);
            }
            let house = of_house(order);
            let (earner, column) = match house {
                true => (Holder::Insurance(instrument.underlying), Column::LiquidationFees),
                false => (Holder::Fees, Column::Fees),
            };
            self.post(client, earner, column, fee.micros());
            let mark = market.mark.unwrap_or(*price);
            let marked = lots.value(mark, instrument.contract_size, Round::Down)?.micros();
            let cost = bought - if *side == Side::Buy { marked } else { -marked };
            let at = usize::try_from(account.get())?;
            if let Some(conceded) = self.conceded.get_mut(at) {
                if house {
                    conceded.liquidation += cost;
                    conceded.filled += u64::from(filled.insert(*account));
                } else {
                    conceded.own += cost;
                }
            }
        }
        Ok(())
    }

    /// Dollars that accounts have sent each other.
    fn transfers(&mut self, state: &State, block: &Block, outcome: &Outcome) {
        for (transaction, receipt) in block.transactions.iter().zip(&outcome.receipts) {
            let Command::Transfer { sub, to, asset, amount } = &transaction.command else {
                continue;
            };
            if *receipt != Receipt::Done || *asset != AssetId::DOLLAR {
                continue;
            }
            let from = AccountId { owner: transaction.sender, sub: *sub };
            let ends = state.accounts.index(from).zip(state.accounts.index(*to));
            if let Some((from, to)) = ends {
                let (from, to) = (Holder::Client(from), Holder::Client(to));
                self.post(from, to, Column::Transfers, amount.minor());
            }
        }
    }

    /// Deposits, withdrawals, sales of coins; returns the debts paid, which say not by whom.
    fn movements(&mut self, state: &State, outcome: &Outcome) -> Vec<(AccountIndex, i128)> {
        let fund = |asset: &AssetId| {
            let priced = state.underlyings.iter().find(|(_, held)| held.asset == Some(*asset));
            Holder::Insurance(priced.map_or(UnderlyingId::STABLE_COIN, |(id, _)| *id))
        };
        let mut debts = Vec::new();
        for event in &outcome.events {
            match event {
                Event::Deposited { account, asset: AssetId::DOLLAR, amount, .. } => {
                    let client = Holder::Client(*account);
                    self.post(Holder::Outside, client, Column::Brought, amount.minor());
                }
                Event::Withdrawn { account, asset: AssetId::DOLLAR, amount, .. } => {
                    let client = Holder::Client(*account);
                    self.post(client, Holder::Outside, Column::Taken, amount.minor());
                }
                Event::CollateralSold { account, asset, paid, .. } => {
                    let client = Holder::Client(*account);
                    self.post(fund(asset), client, Column::Collateral, paid.micros());
                }
                Event::CollateralBought { seller, buyer, asset, paid, .. } => {
                    let seller = seller.map_or_else(|| fund(asset), Holder::Client);
                    self.post(Holder::Client(*buyer), seller, Column::Collateral, paid.micros());
                }
                Event::DebtCovered { account, amount, .. } => {
                    debts.push((*account, amount.micros()));
                }
                _ => {}
            }
        }
        debts
    }

    /// Debts paid: an event says how much, and what is missing of funds and fees says by whom.
    fn debts(&mut self, state: &State, debts: Vec<(AccountIndex, i128)>) -> Vec<Paid> {
        if debts.is_empty() {
            return Vec::new();
        }
        let missing = |held: &Row, holder| {
            held.balance() - state.ledger.balance(holder, AssetId::DOLLAR).minor()
        };
        let funds = self.funds.iter().map(|(id, row)| {
            (Payer::Fund(*id), Holder::Insurance(*id), missing(row, Holder::Insurance(*id)))
        });
        let fees = (Payer::Fees, Holder::Fees, missing(&self.fees, Holder::Fees));
        let payers: Vec<_> = funds.chain([fees]).filter(|(_, _, micros)| *micros != 0).collect();
        let all: i128 = debts.iter().map(|(_, micros)| micros).sum();
        // If these do not agree, what is missing has another reason, and stays unexplained.
        if payers.iter().map(|(_, _, micros)| micros).sum::<i128>() == all {
            payers.iter().for_each(|(_, holder, micros)| {
                self.row(*holder).post(Column::Debts, -micros);
            });
        }
        for (account, micros) in &debts {
            self.row(Holder::Client(*account)).post(Column::Debts, *micros);
        }
        let together: Vec<Payer> = payers.iter().map(|(payer, _, _)| *payer).collect();
        let alone = debts.len() == 1;
        debts
            .into_iter()
            .map(|(account, micros)| {
                let by = match alone {
                    true => payers.iter().map(|(payer, _, part)| (vec![*payer], *part)).collect(),
                    false => vec![(together.clone(), micros)],
                };
                Paid { account, micros, by }
            })
            .collect()
    }

    /// Compares every row with the ledger.
    fn compare(&mut self, state: &State) {
        let mut differ = Vec::new();
        let clients = (0u32..).map(AccountIndex::new).zip(&self.accounts);
        for (index, row) in clients {
            differ.push((Holder::Client(index), state.ledger.cash(index).micros() - row.balance()));
        }
        let clearing: i128 = self.before.clearing.values().sum();
        for (holder, row) in self.house() {
            let held = match holder {
                Holder::Clearing(_) => clearing,
                other => state.ledger.balance(other, AssetId::DOLLAR).minor(),
            };
            differ.push((holder, held - row.balance()));
        }
        for (holder, micros) in differ.into_iter().filter(|(_, micros)| *micros != 0) {
            self.row(holder).post(Column::Unexplained, micros);
            self.unexplained.get_or_insert(state.height.blocks());
        }
    }
}

/// Returns what a perpetual owed at the exchange of a block.
fn accrued(
    before: &Before,
    state: &State,
    instrument: &Instrument,
    now: BlockTime,
) -> Result<Accrual, RunReportError> {
    let held = before.accruals.get(&instrument.id);
    let mut accrual = *held.ok_or(RunReportError::Absent("a perpetual without funding"))?;
    let trades = state.accruals.get(&instrument.id).is_some_and(Accrual::traded);
    let market = state
        .markets
        .get(&instrument.id)
        .ok_or(RunReportError::Absent("a perpetual that is not listed"))?;
    if let (true, Some(index)) = (accrual.traded() && trades, state.index(instrument.underlying)) {
        accrual.accrue(market.funding_rate, index, now.since(before.time)?)?;
    }
    Ok(accrual)
}

/// Returns the numbers of the orders that a receipt names.
fn numbers(receipt: &Receipt) -> Vec<OrderId> {
    match receipt {
        Receipt::Order(order) => vec![*order],
        Receipt::Quotes(answers) => {
            answers.iter().filter_map(|answer| answer.ok().flatten()).collect()
        }
        Receipt::Done | Receipt::Proposal(_) | Receipt::Refused(_) => Vec::new(),
    }
}

/// Returns what the positions of an account have gained since they were last settled, funding that has accrued included: what
/// would be exchanged now.
pub(crate) fn open_gains(state: &State, account: AccountIndex) -> Result<i128, RunReportError> {
    let held =
        state.accounts.get(account).ok_or(RunReportError::Absent("an account without a number"))?;
    let mut sum = 0;
    for (id, position) in held.positions() {
        let Some(market) = state.markets.get(id) else { continue };
        if let Some(mark) = market.mark {
            let value = position.lots.value(mark, market.instrument.contract_size, Round::Down)?;
            sum += value.minus(position.cost)?.micros();
        }
        if let Some(accrual) = state.accruals.get(id) {
            sum += accrual.receives(position)?.micros();
        }
    }
    Ok(sum)
}

/// Returns what the coins of an account are worth at the index, rounded down; those without an index are worth nothing.
pub(crate) fn coins(state: &State, account: AccountIndex) -> Result<i128, RunReportError> {
    let mut sum = 0;
    for (asset, amount) in state.ledger.collateral(account) {
        sum += coins_worth(state, asset, amount.quantity())?.micros();
    }
    Ok(sum)
}

/// Returns what an amount of an asset is worth at the index, rounded down.
pub(crate) fn coins_worth(
    state: &State,
    asset: AssetId,
    quantity: units::Quantity,
) -> Result<Notional, RunReportError> {
    let priced = state.underlyings.iter().find(|(_, held)| held.asset == Some(asset));
    let index = priced.and_then(|(id, _)| state.index(*id));
    index.map_or(Ok(Notional::ZERO), |index| Ok(quantity.value(index, Round::Down)?))
}
