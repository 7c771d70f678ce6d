//! What is true of every fill and of every order that rests, in random histories, against a model that measures every
//! subset of fills anew.

use super::common::{
    BTC, CUSTODIAN, House, START, account, deposit, dollars, genesis, order, trader,
};
use machine::{Machine, Outcome, ParameterGenesis};
use margin::{Portfolio, Requirement, Risk};
use protocol::{
    AccountIndex, AssetId, CancelReason, Command, Event, InstrumentId, OrderId, ParameterId, Side,
    Transaction,
};
use random::Random;
use std::collections::BTreeMap;
use units::{Amount, Lots, Notional};

/// Traders; the last is rich, and is the other side of much.
const TRADERS: u8 = 7;
const BLOCKS: u64 = 400;
/// Orders that an account keeps open: the model measures every subset.
const OPEN_MAX: usize = 5;
/// What rounding may come to: two micro-dollars a fill, and one a margin.
const ROUNDING: i128 = 40;

/// Signed lots by market, and equity in micros.
#[derive(Debug, Clone)]
struct Stand {
    lots: BTreeMap<InstrumentId, i128>,
    equity: i128,
}

/// One fill, or an order that may fill: signed lots and what it costs against the mark, fee included.
#[derive(Debug, Clone, Copy)]
struct Cost {
    instrument: InstrumentId,
    lots: i128,
    cost: i128,
}

struct Model<'a> {
    house: &'a House,
    risk: Risk,
}

impl<'a> Model<'a> {
    fn new(house: &'a House) -> Self {
        Self { house, risk: house.machine.state().risk().expect("builds") }
    }

    fn stand(&self, account: AccountIndex) -> Stand {
        let state = self.house.machine.state();
        let held = state.accounts.get(account).expect("open");
        let lots = held.positions().iter().map(|(id, held)| (*id, held.lots.count())).collect();
        let equity = state.required(&self.risk, account, false).expect("measures").equity.micros();
        Stand { lots, equity }
    }

    /// Maintenance and initial margin of positions alone.
    fn needed(&self, account: AccountIndex, lots: &BTreeMap<InstrumentId, i128>) -> Requirement {
        let pledged = self.house.machine.state().ledger.collateral(account);
        let collateral: Vec<_> = pledged.map(|(asset, held)| (asset, held.quantity())).collect();
        let position = |(id, lots): (&InstrumentId, &i128)| margin::Position {
            instrument: *id,
            lots: Lots::from_count(*lots),
            cost: Notional::ZERO,
        };
        let positions: Vec<margin::Position> = lots.iter().map(position).collect();
        let portfolio = Portfolio {
            cash: Notional::ZERO,
            positions: &positions,
            collateral: &collateral,
            orders: &[],
        };
        margin::required(&self.risk, &portfolio).expect("measures")
    }

    /// What lots at a price cost against the mark, with a fee in millionths.
    fn cost(&self, id: InstrumentId, side: Side, lots: i128, price: i128, fee: i128) -> Cost {
        let market = &self.house.machine.state().markets[&id];
        let size = market.instrument.contract_size.nanos();
        let off = (price - market.mark.expect("marked").micros()) * lots * size / 1_000_000_000;
        let fee = price.abs() * lots * size / 1_000_000_000 * fee / 1_000_000;
        let (off, lots) = if side == Side::Buy { (off, lots) } else { (-off, -lots) };
        Cost { instrument: id, lots, cost: off + fee }
    }

    /// What an account's own fills of the block cost it, and what the house's did.
    fn fills(&self, account: AccountIndex, outcome: &Outcome) -> (Vec<Cost>, bool) {
        let (mut own, mut house) = (Vec::new(), false);
        for event in &outcome.events {
            let Event::Filled { instrument, account: of, side, price, lots, fee, .. } = event
            else {
                continue;
            };
            if *of != account {
                continue;
            }
            let free = self.cost(*instrument, *side, lots.count(), price.micros(), 0);
            let value = self.cost(*instrument, Side::Buy, lots.count(), price.micros(), 1_000_000);
            let value = value.cost
                - self.cost(*instrument, Side::Buy, lots.count(), price.micros(), 0).cost;
            if fee.micros() * 1_000 > value * 2 {
                house = true;
            } else {
                own.push(Cost { cost: free.cost + fee.micros(), ..free });
            }
        }
        (own, house)
    }

    /// Whatever of some costs is paid, by a mask: how the account then stands.
    fn after(stand: &Stand, costs: &[Cost], mask: u32, sign: i128) -> Stand {
        let mut after = stand.clone();
        for (place, cost) in costs.iter().enumerate() {
            if mask & (1 << place) != 0 {
                *after.lots.entry(cost.instrument).or_default() += sign * cost.lots;
                after.equity -= sign * cost.cost;
            }
        }
        after.lots.retain(|_, lots| *lots != 0);
        after
    }

    /// Holds one account's fills against what is true of every fill.
    fn check_fills(&self, account: AccountIndex, outcome: &Outcome) -> bool {
        let (own, house) = self.fills(account, outcome);
        if own.is_empty() || house || own.len() > 20 {
            return false;
        }
        let after = self.stand(account);
        let before = Self::after(&after, &own, u32::MAX, -1);
        let (held, holds) = (self.needed(account, &before.lots), self.needed(account, &after.lots));
        self.check(&before, &held, &after, &holds, "filled");
        true
    }

    /// Holds every subset of an account's open orders against the same.
    fn check_orders(&self, account: AccountIndex) -> bool {
        let state = self.house.machine.state();
        let open = state.accounts.get(account).expect("open").orders();
        let costs: Vec<Cost> = open
            .values()
            .map(|open| {
                let price = open.price.micros();
                self.cost(open.instrument, open.side, open.lots.count(), price, 500)
            })
            .collect();
        if costs.is_empty() {
            return false;
        }
        let stand = self.stand(account);
        let held = self.needed(account, &stand.lots);
        for mask in 1..1_u32 << costs.len() {
            let after = Self::after(&stand, &costs, mask, 1);
            let holds = self.needed(account, &after.lots);
            self.check(&stand, &held, &after, &holds, "open");
        }
        stand.equity < held.initial.micros()
    }

    fn check(
        &self,
        before: &Stand,
        held: &Requirement,
        after: &Stand,
        holds: &Requirement,
        what: &str,
    ) {
        let (m, m_after) = (held.maintenance.micros(), holds.maintenance.micros());
        let text = || format!("{what}: {before:?} needs {m}, {after:?} needs {m_after}");
        if before.equity >= m + ROUNDING {
            assert!(after.equity + ROUNDING >= m_after, "{}", text());
        } else {
            assert!(m_after - after.equity <= m - before.equity + ROUNDING, "{}", text());
        }
        let least = before.equity.min(0);
        assert!(after.equity + ROUNDING >= least, "{}", text());
    }
}

fn uncovered(outcome: &Outcome) -> usize {
    let cancelled =
        |event: &&Event| matches!(event, Event::Cancelled { reason: CancelReason::Uncovered, .. });
    outcome.events.iter().filter(cancelled).count()
}

fn near(random: &mut Random, house: &House, instrument: u32, parts: i128) -> Option<i128> {
    let mark = house.machine.state().markets.get(&InstrumentId::new(instrument))?.mark?.micros();
    let index = if instrument < 10 { house.btc } else { house.eth };
    let price = mark + index * random.between(-parts, parts) / 10_000;
    let tick = price.div_euclid(500_000) * 500_000;
    (tick > 0).then_some(tick)
}

fn open(house: &House, number: u8) -> Vec<(OrderId, machine::OpenOrder)> {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    state.accounts.get(index).expect("open").orders().sorted()
}

/// A command of a trader who trades for all that he has, closes anywhere, and takes out what he can.
fn command(random: &mut Random, house: &House, client: &mut u64) -> Option<Transaction> {
    *client += 1;
    let number = 1 + u8::try_from(random.below(u64::from(TRADERS))).expect("small");
    let of = |command| Some(Transaction { sender: trader(number), command });
    match random.below(20) {
        0..=13 => {
            if number < TRADERS && open(house, number).len() >= OPEN_MAX - 1 {
                return None;
            }
            let chosen = usize::try_from(random.below(8)).expect("small");
            let instrument = [1, 1, 2, 11, 12, 3, 5, 6][chosen];
            let held = house.lots(number, instrument);
            let closes = held != 0 && random.below(2) == 0;
            let buy = if closes { held < 0 } else { random.below(2) == 0 };
            let width = [30, 300, 1_500, 2_900][usize::try_from(random.below(4)).expect("small")];
            let price = near(random, house, instrument, width)?;
            let most = if instrument < 10 { 4_000 } else { 150_000 };
            let lots = if closes { held.abs() } else { random.between(1, most) };
            let side = if buy { Side::Buy } else { Side::Sell };
            Some(order(number, *client, instrument, side, price, lots))
        }
        14 | 15 => {
            let orders = open(house, number);
            let chosen = usize::try_from(random.below(8)).expect("small");
            let (order, _) = *orders.get(chosen)?;
            of(Command::CancelOrder { sub: 0, order })
        }
        16 | 17 => {
            let amount = Amount::from_minor(random.between(1, 30_000_000_000));
            of(Command::Withdraw {
                sub: 0,
                asset: AssetId::DOLLAR,
                amount,
                destination: trader(number),
            })
        }
        18 => {
            let amount = Amount::from_minor(random.between(1, 20_000_000_000));
            let to = account(1 + u8::try_from(random.below(u64::from(TRADERS))).expect("small"));
            of(Command::Transfer { sub: 0, to, asset: AssetId::DOLLAR, amount })
        }
        _ => Some(Transaction {
            sender: CUSTODIAN,
            command: Command::Deposit {
                id: super::common::arrived(),
                account: account(number),
                asset: AssetId::DOLLAR,
                amount: Amount::from_minor(random.between(1, 20_000_000_000)),
            },
        }),
    }
}

fn run(seed: u64) -> (usize, usize, usize) {
    let mut founding = genesis();
    // Impact follows the depth of the books, which the block's own auctions change.
    let parameter = ParameterId::Impact;
    founding.parameters.push(ParameterGenesis { underlying: None, parameter, value: 0 });
    let (machine, _) = Machine::found(&founding).expect("the genesis is sound");
    let mut house = House { machine, now: START, btc: 8_000_000_000, eth: 190_000_000 };
    let mut random = Random::new(seed);
    let opening = (1..=TRADERS).map(|number| {
        deposit(number, 0, dollars(if number == TRADERS { 20_000_000 } else { 60_000 }))
    });
    house.apply(1, opening.collect());
    let (mut client, mut drift) = (0, 0);
    let (mut filled, mut closing, mut dropped) = (0, 0, 0);
    for block in 0..BLOCKS {
        if block % 20 == 0 {
            drift = random.between(-4, 4);
        }
        house.btc += house.btc * (drift * 10 + random.between(-60, 60)) / 10_000;
        house.eth += house.eth * (drift * 10 + random.between(-60, 60)) / 10_000;
        let count = random.below(6);
        let commands = (0..count).filter_map(|_| command(&mut random, &house, &mut client));
        let commands: Vec<Transaction> = commands.collect();
        // Orders of one account in one block may be more than the model takes: one of each.
        let mut seen = std::collections::BTreeSet::new();
        let commands: Vec<Transaction> =
            commands.into_iter().filter(|sent| seen.insert(sent.sender)).collect();
        let gap = if random.below(150) == 0 { 95 } else { random.between(3, 20) };
        let outcome = house.apply(gap, commands);
        assert_eq!(house.machine.state().house_fault, None);
        dropped += uncovered(&outcome);
        let model = Model::new(&house);
        for number in 1..=TRADERS {
            let index = house.machine.state().accounts.index(account(number)).expect("open");
            filled += usize::from(model.check_fills(index, &outcome));
        }
        // Then a block in which nobody says anything: every order that rests has been margined at its marks.
        let outcome = house.apply(1, Vec::new());
        let model = Model::new(&house);
        for number in 1..TRADERS {
            let index = house.machine.state().accounts.index(account(number)).expect("open");
            let liquidated = |event: &Event| matches!(event, Event::Liquidated { account, .. } if *account == index);
            if !outcome.events.iter().any(liquidated) {
                closing += usize::from(model.check_orders(index));
            }
        }
        let uncovered = protocol::CancelReason::Uncovered;
        dropped += outcome
            .events
            .iter()
            .filter(
                |event| matches!(event, Event::Cancelled { reason, .. } if *reason == uncovered),
            )
            .count();
        assert!(house.machine.state().insurance_fund(BTC) >= Notional::ZERO);
    }
    (filled, closing, dropped)
}

struct Reproduce(u64);

impl Drop for Reproduce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("reproduce: seed {:#x} in crates/core/machine/tests/suite/fills.rs", self.0);
        }
    }
}

#[test]
fn no_own_fill_takes_an_account_below_maintenance_or_into_debt() {
    // 0019-MARG-020, 0019-MARG-021, 0019-MARG-022
    let (mut filled, mut closing, mut dropped) = (0, 0, 0);
    for seed in [1, 2, 3, 0x0BAD_5EED, 0x2020_0312, 6] {
        let _reproduce = Reproduce(seed);
        let (fills, closes, drops) = run(seed);
        (filled, closing, dropped) = (filled + fills, closing + closes, dropped + drops);
    }
    eprintln!("{filled} accounts filled, {closing} closing, {dropped} orders dropped");
    // A generator that stops reaching a case is a test that stops testing it.
    assert!(filled > 500 && closing > 20 && dropped > 20, "{filled} {closing} {dropped}");
}
