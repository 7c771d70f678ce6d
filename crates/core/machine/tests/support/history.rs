//! Histories of a house in a small language, so that a test is read on one screen.
//!
//! | line | meaning |
//! |---|---|
//! | `fund 0`, `set variation_interval 60000` | before all else: dollars in each insurance fund, a governed value |
//! | `A1 brings 100000`, `A1/7 brings 100000` | account 1 deposits dollars; so does its sub-account 7 |
//! | `A1 buys 6000 BTC of A3 at 8000` | two orders that meet: account, lots, market, the other account, price |
//! | `A3 sells 6000 BTC at index+0.5` | one order; `index` and `mark`, dollars or per cent more or less, down to a tick |
//! | `A3 cancels` | all its orders |
//! | `A1 withdraws 1000`, `A1 withdraws free-50` | dollars; `free` is what initial margin leaves, in whole dollars |
//! | `A1/7 sends 1000 to A1` | a transfer of dollars |
//! | `drill BTC-F` | governance breaks the market |
//! | `btc 7900`, `eth +0.5` | what all validators report from now on, or how much more than before |
//! | `silent btc`, `heard btc` | nobody reports its price; all do again |
//! | `each btc -40` | done before each block of the next line that makes blocks |
//! | `block`, `block 10`, `block 10 x60` | a block with the commands so far a second later, or so many; so many blocks |
//! | `block 10 until A1 is liquidated` | blocks up to one in which the house sends an order of the account; also `is called` |
//! | `let before = cash A1` | a name for a number |
//! | `check equity A1 > 0`, `always equity A1 > 0` | a claim now, or after each block from now on |
//! | `show liquidated called` | events that are printed from now on, by block; refusals always are |
//!
//! Events are `filled`, `cancelled`, `called`, `liquidated`, `covered`, `funded` and `variation`. `BTC` and `ETH` are
//! the perpetuals, `BTC-F` a future, `BTC-7000-C` an option. Quantities are `cash`, `equity`, `initial`, `maintenance
//! A1`; `lots A1 BTC`; `liquidated A1`, how many orders the house has sent, and `liquidated A1 BTC`; `fund BTC`;
//! `funded BTC`, what has been paid; `custody`, in dollars. A number may be a name, and a name or a number more or
//! less.

use crate::common::{BTC, CUSTODIAN, ETH, House, SIGNERS, arrived, genesis, order, trader};
use governance::Definition;
use ledger::Holder;
use machine::{Genesis, Machine, Outcome, ParameterGenesis};
use protocol::{
    AccountId, AccountIndex, AssetId, Change, Command, Event, InstrumentId, ProposalId, Receipt,
    Side, Transaction, UnderlyingId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use units::{Amount, Notional};

/// One dollar, or one of what is counted.
const ONE: i128 = 1_000_000;
const TICK: i128 = 500_000;
const BLOCKS_MAX: usize = 2_000;

type Told<T> = Result<T, String>;

/// A house under way, and what has been printed of it.
pub(crate) struct History {
    pub(crate) house: House,
    pub(crate) printed: String,
    genesis: Genesis,
    begun: bool,
    commands: Vec<Transaction>,
    clients: u64,
    proposals: u32,
    silent: BTreeSet<UnderlyingId>,
    each: Vec<String>,
    always: Vec<String>,
    shown: BTreeSet<String>,
    names: BTreeMap<String, i128>,
    accounts: BTreeMap<AccountId, String>,
    liquidated: Vec<(AccountIndex, InstrumentId)>,
    funded: BTreeMap<InstrumentId, i128>,
}

/// Plays a history.
///
/// # Panics
///
/// If a line cannot be read or its claim is not true: with its number, the line, and the word.
pub(crate) fn play(script: &str) -> History {
    let mut history = History {
        house: House::new(),
        printed: String::new(),
        genesis: genesis(),
        begun: false,
        commands: Vec::new(),
        clients: 0,
        proposals: 0,
        silent: BTreeSet::new(),
        each: Vec::new(),
        always: Vec::new(),
        shown: BTreeSet::new(),
        names: BTreeMap::new(),
        accounts: BTreeMap::new(),
        liquidated: Vec::new(),
        funded: BTreeMap::new(),
    };
    history.play(script);
    history
}

impl History {
    /// Goes on with the history.
    pub(crate) fn play(&mut self, script: &str) {
        for (at, line) in script.lines().enumerate() {
            if let Err(why) = self.line(line.trim()) {
                panic!("line {}, `{}`: {why}", at + 1, line.trim());
            }
        }
    }

    fn line(&mut self, line: &str) -> Told<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            ["fund", sum] => {
                let fund = Notional::from_micros(self.number(sum)?);
                self.genesis.underlyings.iter_mut().for_each(|on| on.insurance_fund = fund);
            }
            ["set", name, value] => {
                let found = Definition::all().iter().find(|definition| definition.name == name);
                let parameter = found.ok_or(format!("'{name}' is no parameter"))?.parameter;
                let value = value.parse().map_err(|_| format!("'{value}' is no value"))?;
                let underlying = None;
                let set = ParameterGenesis { underlying, parameter, value };
                self.genesis.parameters.push(set);
            }
            ["each", ..] => self.each.push(line["each".len()..].trim().to_owned()),
            ["always", ..] => self.always.push(line["always".len()..].trim().to_owned()),
            ["show", ..] => self.shown = words[1..].iter().map(|&word| word.to_owned()).collect(),
            ["check", ref claim @ ..] => self.claim(claim)?,
            ["let", name, "=", ref quantity @ ..] => {
                let value = self.quantity(quantity)?;
                self.names.insert(name.to_owned(), value);
            }
            ["block", ref rest @ ..] => self.blocks(rest)?,
            ["silent", on] => drop(self.silent.insert(underlying(on)?)),
            ["heard", on] => drop(self.silent.remove(&underlying(on)?)),
            ["drill", on] => self.drill(market(on)?),
            [on @ ("btc" | "eth"), price] => {
                let price_now = if on == "btc" { self.house.btc } else { self.house.eth };
                let new = match price.strip_prefix('+') {
                    Some(more) => price_now + self.number(more)?,
                    None if price.starts_with('-') => price_now + self.number(price)?,
                    None => self.number(price)?,
                };
                *(if on == "btc" { &mut self.house.btc } else { &mut self.house.eth }) = new;
            }
            [who, verb, ref rest @ ..] => self.command(who, verb, rest)?,
            [word] => return Err(format!("'{word}' begins no line")),
        }
        Ok(())
    }

    fn command(&mut self, who: &str, verb: &str, rest: &[&str]) -> Told<()> {
        let id = self.account(who)?;
        let command = match (verb, rest) {
            ("brings", [sum]) => {
                let (account, asset, amount) = (id, AssetId::DOLLAR, self.amount(sum)?);
                let command = Command::Deposit { id: arrived(), account, asset, amount };
                self.commands.push(Transaction { sender: CUSTODIAN, command });
                return Ok(());
            }
            ("buys" | "sells", [lots, on, rest @ .., "at", price]) => {
                let side = if verb == "buys" { Side::Buy } else { Side::Sell };
                let (on, lots) = (market(on)?, self.number(lots)? / ONE);
                let price = self.price(on, price)?;
                self.order(id, on, side, price, lots);
                match (verb, rest) {
                    (_, []) => {}
                    ("buys", ["of", other]) => {
                        let other = self.account(other)?;
                        self.order(other, on, Side::Sell, price, lots);
                    }
                    ("sells", ["to", other]) => {
                        let other = self.account(other)?;
                        self.order(other, on, Side::Buy, price, lots);
                    }
                    _ => return Err(format!("'{}' is no other side", rest.join(" "))),
                }
                return Ok(());
            }
            ("cancels", []) => Command::MassCancel { sub: id.sub, instrument: None },
            ("withdraws", [sum]) => {
                let free = self.required(id)?;
                let free = (free.equity.micros() - free.initial.micros()).div_euclid(ONE) * ONE;
                self.names.insert("free".to_owned(), free);
                let (asset, amount) = (AssetId::DOLLAR, self.amount(sum)?);
                Command::Withdraw { sub: id.sub, asset, amount, destination: id.owner }
            }
            ("sends", [sum, "to", other]) => {
                let (asset, amount) = (AssetId::DOLLAR, self.amount(sum)?);
                Command::Transfer { sub: id.sub, to: self.account(other)?, asset, amount }
            }
            _ => return Err(format!("'{verb}' with '{}' is no command", rest.join(" "))),
        };
        self.commands.push(Transaction { sender: id.owner, command });
        Ok(())
    }

    fn order(&mut self, id: AccountId, on: InstrumentId, side: Side, price: i128, lots: i128) {
        self.clients += 1;
        let number = id.owner.bytes()[0];
        let mut sent = order(number, self.clients, on.get(), side, price, lots);
        if let Command::PlaceOrder { sub, .. } = &mut sent.command {
            *sub = id.sub;
        }
        self.commands.push(sent);
    }

    fn drill(&mut self, on: InstrumentId) {
        self.proposals += 1;
        let (change, proposal) = (Change::DrillInstrument(on), ProposalId::new(self.proposals));
        let by = |signer: usize, command| Transaction { sender: SIGNERS[signer], command };
        self.commands.push(by(0, Command::Propose { change }));
        self.commands.push(by(1, Command::Approve { proposal, change }));
    }

    fn blocks(&mut self, rest: &[&str]) -> Told<()> {
        let seconds = |word: &str| word.parse().map_err(|_| format!("'{word}' are no seconds"));
        let (gap, count, until) = match rest {
            [] => (1, 1, None),
            [gap] => (seconds(gap)?, 1, None),
            [gap, "until", who, "is", what @ ("liquidated" | "called")] => {
                (seconds(gap)?, BLOCKS_MAX, Some((self.index(who)?, *what)))
            }
            [gap, times] => {
                let count = times.strip_prefix('x').and_then(|count| count.parse().ok());
                (seconds(gap)?, count.ok_or(format!("'{times}' is no number of blocks"))?, None)
            }
            _ => return Err(format!("'{}' is no way to make blocks", rest.join(" "))),
        };
        let each = std::mem::take(&mut self.each);
        for _ in 0..count {
            each.iter().try_for_each(|line| self.line(line))?;
            let sent = self.liquidated.len();
            self.block(gap)?;
            let reached = until.is_some_and(|(who, what)| match what {
                "called" => {
                    let held = self.house.machine.state().accounts.get(who);
                    held.is_some_and(|held| held.called)
                }
                _ => self.liquidated[sent..].iter().any(|(of, _)| *of == who),
            });
            if reached {
                return Ok(());
            }
        }
        if until.is_some() { Err(format!("not within {BLOCKS_MAX} blocks")) } else { Ok(()) }
    }

    fn block(&mut self, gap: i128) -> Told<()> {
        if !self.begun {
            let (machine, _) = Machine::found(&self.genesis).map_err(|error| error.to_string())?;
            (self.house.machine, self.begun) = (machine, true);
        }
        let commands = std::mem::take(&mut self.commands);
        let mut block = self.house.block(gap, commands);
        for vote in &mut block.votes {
            vote.prices.retain(|report| !self.silent.contains(&report.underlying));
        }
        let outcome = self.house.machine.apply(&block).map_err(|error| error.to_string())?;
        self.note(&block.transactions, &outcome)?;
        for claim in self.always.clone() {
            let words: Vec<&str> = claim.split_whitespace().collect();
            self.claim(&words).map_err(|why| format!("always {claim}: {why}"))?;
        }
        Ok(())
    }

    /// Prints what is shown of a block, and counts what quantities count.
    fn note(&mut self, commands: &[Transaction], outcome: &Outcome) -> Told<()> {
        let height = self.house.machine.state().height;
        let mut said = Vec::new();
        for (sent, receipt) in commands.iter().zip(&outcome.receipts) {
            if let Receipt::Refused(refusal) = receipt {
                let who = self.accounts.iter().find(|(id, _)| id.owner == sent.sender);
                let who = who.map_or("somebody", |(_, name)| name.as_str());
                said.push(format!("{who} is refused: {refusal}"));
            }
        }
        for event in &outcome.events {
            let (kind, text) = match event {
                Event::Liquidated { account, instrument: Some(on), lots, .. } => {
                    self.liquidated.push((*account, *on));
                    let who = self.name(*account);
                    ("liquidated", format!("the house sends {lots} {} of {who}", named(*on)))
                }
                Event::Funded { instrument, rate, paid } => {
                    *self.funded.entry(*instrument).or_default() += paid.micros();
                    ("funded", format!("{} at {rate}, {paid} dollars", named(*instrument)))
                }
                Event::Cancelled { instrument, account, lots, reason, .. } => {
                    let (who, on) = (self.name(*account), named(*instrument));
                    ("cancelled", format!("{lots} {on} of {who}, {reason:?}"))
                }
                Event::MarginCalled { account, short_by } => {
                    ("called", format!("{}, short by {short_by}", self.name(*account)))
                }
                Event::VariationPaid { instrument, paid } => {
                    ("variation", format!("{}, {paid} dollars", named(*instrument)))
                }
                Event::DebtCovered { account, amount, uncovered } => {
                    let who = self.name(*account);
                    ("covered", format!("{amount} of the debt of {who}, {uncovered} are open"))
                }
                Event::Filled { instrument, account, side, price, lots, fee, .. } => {
                    let (who, on) = (self.name(*account), named(*instrument));
                    ("filled", format!("{who} {side:?} {lots} {on} at {price}, fee {fee}"))
                }
                _ => continue,
            };
            if self.shown.contains(kind) {
                said.push(format!("{kind}: {text}"));
            }
        }
        for text in said {
            writeln!(self.printed, "{height}: {text}").map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn claim(&self, words: &[&str]) -> Told<()> {
        let [quantity @ .., sign, wanted] = words else {
            return Err(format!("'{}' is no claim", words.join(" ")));
        };
        let (found, wanted) = (self.quantity(quantity)?, self.number(wanted)?);
        let holds = match *sign {
            "=" => found == wanted,
            "<" => found < wanted,
            "<=" => found <= wanted,
            ">" => found > wanted,
            ">=" => found >= wanted,
            other => return Err(format!("'{other}' compares nothing")),
        };
        if holds { Ok(()) } else { Err(format!("it is {}", Notional::from_micros(found))) }
    }

    fn quantity(&self, words: &[&str]) -> Told<i128> {
        let state = self.house.machine.state();
        Ok(match words {
            ["cash", who] => state.ledger.cash(self.index(who)?).micros(),
            ["equity", who] => self.required(self.account_of(who)?)?.equity.micros(),
            ["initial", who] => self.required(self.account_of(who)?)?.initial.micros(),
            ["maintenance", who] => self.required(self.account_of(who)?)?.maintenance.micros(),
            ["lots", who, on] => {
                let held = state.accounts.get(self.index(who)?).ok_or("it is not open")?;
                held.position(market(on)?).lots.count() * ONE
            }
            ["liquidated", who, on @ ..] => {
                let (who, on) = (self.index(who)?, on.first().map(|on| market(on)).transpose()?);
                let counts = |(of, leg): &&(AccountIndex, InstrumentId)| {
                    *of == who && on.is_none_or(|on| on == *leg)
                };
                self.liquidated.iter().filter(counts).map(|_| ONE).sum()
            }
            ["fund", on] => state.insurance_fund(underlying(&on.to_lowercase())?).micros(),
            ["funded", on] => self.funded.get(&market(on)?).copied().unwrap_or(0),
            ["custody"] => -state.ledger.balance(Holder::Outside, AssetId::DOLLAR).minor(),
            _ => return Err(format!("'{}' is no quantity", words.join(" "))),
        })
    }

    /// Reads a number or a name, and what is added to it or taken from it, in millionths.
    fn number(&self, word: &str) -> Told<i128> {
        let unknown = || format!("'{word}' is no number");
        if let Ok(number) = word.parse::<Notional>() {
            return Ok(number.micros());
        }
        let at = word.char_indices().skip(1).find(|(_, sign)| "+-".contains(*sign));
        let (name, more) = word.split_at(at.map_or(word.len(), |(at, _)| at));
        let more = match more.strip_prefix('+').unwrap_or(more) {
            "" => 0,
            more => more.parse::<Notional>().map_err(|_| unknown())?.micros(),
        };
        let found = match name.strip_prefix('-') {
            Some(name) => self.names.get(name).map(|value| -value),
            None => self.names.get(name).copied(),
        };
        found.map(|value| value + more).ok_or_else(unknown)
    }

    fn amount(&self, word: &str) -> Told<Amount> {
        Ok(Amount::from_notional(Notional::from_micros(self.number(word)?)))
    }

    /// Reads a price: what is not a number is rounded down to a tick.
    fn price(&self, on: InstrumentId, word: &str) -> Told<i128> {
        let base = if let Some(rest) = word.strip_prefix("index") {
            Some((if on.get() < 10 { self.house.btc } else { self.house.eth }, rest))
        } else if let Some(rest) = word.strip_prefix("mark") {
            let market = self.house.machine.state().markets.get(&on);
            let mark = market.and_then(|market| market.mark).ok_or("it has no mark")?;
            Some((mark.micros(), rest))
        } else {
            None
        };
        let Some((base, rest)) = base else { return self.number(word) };
        let (part, rest) = match rest.strip_suffix('%') {
            Some(rest) => (base / 100, rest),
            None => (ONE, rest),
        };
        let more = match rest.strip_prefix('+').unwrap_or(rest) {
            "" => 0,
            more => part * self.number(more)? / ONE,
        };
        Ok((base + more).div_euclid(TICK) * TICK)
    }

    fn required(&self, id: AccountId) -> Told<margin::Requirement> {
        let state = self.house.machine.state();
        let index = state.accounts.index(id).ok_or("it is not open")?;
        let risk = state.risk().map_err(|fault| fault.to_string())?;
        state.required(&risk, index, false).map_err(|fault| fault.to_string())
    }

    fn account(&mut self, word: &str) -> Told<AccountId> {
        let id = self.account_of(word)?;
        self.accounts.insert(id, word.to_owned());
        Ok(id)
    }

    fn account_of(&self, word: &str) -> Told<AccountId> {
        let unknown = || format!("'{word}' is no account");
        let number = word.strip_prefix('A').ok_or_else(unknown)?;
        let (number, sub) = number.split_once('/').unwrap_or((number, "0"));
        let owner = trader(number.parse().map_err(|_| unknown())?);
        Ok(AccountId { owner, sub: sub.parse().map_err(|_| unknown())? })
    }

    fn index(&self, word: &str) -> Told<AccountIndex> {
        let index = self.house.machine.state().accounts.index(self.account_of(word)?);
        index.ok_or(format!("'{word}' is not open"))
    }

    fn name(&self, index: AccountIndex) -> String {
        let accounts = &self.house.machine.state().accounts;
        let named = self.accounts.iter().find(|(id, _)| accounts.index(**id) == Some(index));
        named.map_or(format!("account {index}"), |(_, name)| name.clone())
    }
}

fn underlying(word: &str) -> Told<UnderlyingId> {
    match word {
        "btc" => Ok(BTC),
        "eth" => Ok(ETH),
        _ => Err(format!("'{word}' is no underlying")),
    }
}

/// The markets of [`genesis`], by number from 1 and from 11.
const MARKETS: [(&str, u32); 12] = [
    ("BTC", 1),
    ("BTC-F", 2),
    ("BTC-7000-C", 3),
    ("BTC-7000-P", 4),
    ("BTC-8000-C", 5),
    ("BTC-8000-P", 6),
    ("ETH", 11),
    ("ETH-F", 12),
    ("ETH-150-C", 13),
    ("ETH-150-P", 14),
    ("ETH-200-C", 15),
    ("ETH-200-P", 16),
];

fn market(word: &str) -> Told<InstrumentId> {
    let found = MARKETS.iter().find(|(name, _)| *name == word);
    found.map(|(_, id)| InstrumentId::new(*id)).ok_or(format!("'{word}' is no market"))
}

fn named(id: InstrumentId) -> &'static str {
    MARKETS.iter().find(|(_, number)| *number == id.get()).map_or("another", |(name, _)| name)
}

#[test]
fn what_cannot_be_read_is_said_by_line_and_word() {
    for (script, said) in [
        ("A1 brings 10\nA1 buyss 1 BTC at 8000", "line 2, `A1 buyss 1 BTC at 8000`: 'buyss'"),
        ("A1 buys 1 BCT at 8000", "'BCT' is no market"),
        ("A1 buys 1 BTC at indx", "'indx' is no number"),
        ("X1 brings 10", "'X1' is no account"),
        ("block ten", "'ten' are no seconds"),
        ("block\ncheck funded BTC > 0", "it is 0"),
        ("block\ncheck cash A1 > 0", "'A1' is not open"),
        ("silent doge", "'doge' is no underlying"),
        ("set variation 1", "'variation' is no parameter"),
    ] {
        let told = std::panic::catch_unwind(|| play(script)).err().expect("it is refused");
        let told = told.downcast::<String>().expect("a text");
        assert!(told.contains(said), "{told} does not say {said}");
    }
}
