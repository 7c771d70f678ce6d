//! What is counted against the caps of session keys, beside a slow model that knows orders by their receipts and events alone.

use crate::access::{SignedHouse, by_key, by_owner, key, wide};
use crate::common::{HOUR, SIGNERS, START, account, order, trader};
use protocol::{
    AssetId, CancelReason, Command, Event, InstrumentId, NewOrder, OrderId, Quote, Receipt,
    Refusal, SessionTerms, Side, TimeInForce,
};
use random::Random;
use std::collections::{BTreeMap, BTreeSet};
use units::{Amount, Lots, Notional, Price};

const DAY: i128 = 86_400_000;
const TICK: i128 = 500_000;
const KEYS: [u8; 2] = [5, 6];

/// An order as its key sent it, and what has become of it.
#[derive(Debug)]
struct Sent {
    key: u8,
    day: i128,
    dollars: i128,
    lots: i128,
    filled: i128,
    is_open: bool,
}

impl Sent {
    fn counts(&self) -> i128 {
        let share = if self.is_open { self.lots } else { self.filled };
        (self.dollars * share + self.lots - 1).div_euclid(self.lots)
    }
}

#[derive(Debug, Default)]
struct Model {
    sent: BTreeMap<OrderId, Sent>,
    moved: BTreeMap<(u8, i128), i128>,
    /// Why charged orders left, which kinds of fills there were, and which commands were refused.
    seen: BTreeSet<String>,
}

impl Model {
    fn counted(&self, key: u8, day: i128) -> i128 {
        let of_day = self.sent.values().filter(|sent| (sent.key, sent.day) == (key, day));
        let orders: i128 = of_day.map(Sent::counts).sum();
        orders + self.moved.get(&(key, day)).copied().unwrap_or(0)
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Filled { order, lots, .. } => {
                let Some(sent) = self.sent.get_mut(order) else { return };
                sent.filled += lots.count();
                sent.is_open = sent.filled < sent.lots;
                self.seen.insert(if sent.is_open { "in part" } else { "in full" }.into());
            }
            Event::Cancelled { order, lots, reason, .. } => {
                let Some(sent) = self.sent.get_mut(order) else { return };
                assert_eq!(sent.filled + lots.count(), sent.lots, "{order:?}");
                assert!(std::mem::take(&mut sent.is_open), "{order:?} leaves once");
                let part = if sent.filled > 0 { " after a fill" } else { "" };
                self.seen.insert(format!("{reason:?}{part}"));
            }
            _ => {}
        }
    }
}

/// Returns what an order counts for, in micro-dollars; a lot is a hundredth of a coin.
fn dollars(house: &SignedHouse, order: &Quote, reduce_only: bool) -> i128 {
    let state = house.0.machine.state();
    let market = &state.markets[&order.instrument];
    let index = state.index(market.instrument.underlying).expect("there is an index").micros();
    let mark = market.mark.map_or(0, Price::micros);
    let ends = reduce_only && market.instrument.contract.pays_premium();
    let price = match order.side {
        Side::Buy => order.price.micros(),
        Side::Sell => order.price.micros().max(mark).max(if ends { 0 } else { index }),
    };
    let (price, lots) = (price, order.lots.count());
    (price * lots + 99).div_euclid(100)
}

struct Trader {
    random: Random,
    client: u64,
}

impl Trader {
    fn chance(&mut self, one_in: u64) -> bool {
        self.random.below(one_in) == 0
    }

    /// Returns a side, a price near the mark and some lots in a market that takes orders.
    fn wish(&mut self, house: &SignedHouse) -> Quote {
        let markets: Vec<_> = house.0.machine.state().markets.values().collect();
        let market = markets[usize::try_from(self.random.below(7)).expect("small") % markets.len()];
        let mark = market.mark.map_or(8_000_000_000, Price::micros);
        let width = (mark / 100).max(4 * TICK);
        let price = (mark + self.random.between(-width, width)).div_euclid(TICK) * TICK;
        Quote {
            instrument: market.instrument.id,
            side: if self.chance(2) { Side::Buy } else { Side::Sell },
            price: Price::from_micros(price.max(TICK)),
            lots: Lots::from_count(self.random.between(1, 30)),
        }
    }

    fn place(&mut self, house: &SignedHouse, number: u8) -> Command {
        self.client += 1;
        let Quote { instrument, side, price, lots } = self.wish(house);
        let (id, price, lots) = (instrument.get(), price.micros(), lots.count());
        let sent = order(number, self.client, id, side, price, lots).command;
        let Command::PlaceOrder { sub, order } = sent else { panic!("an order") };
        let lives = [
            TimeInForce::GoodTillCancelled,
            TimeInForce::GoodTillCancelled,
            TimeInForce::ImmediateOrCancel,
            TimeInForce::PostOnly,
        ];
        let time_in_force = lives[usize::try_from(self.random.below(4)).expect("small")];
        let reduce_only = self.chance(6);
        Command::PlaceOrder { sub, order: NewOrder { time_in_force, reduce_only, ..order } }
    }

    fn by_key(&mut self, house: &SignedHouse) -> Command {
        match self.random.below(12) {
            0..=5 => self.place(house, 1),
            6..=8 => {
                let quotes = (0..1 + self.random.below(4)).map(|_| self.wish(house)).collect();
                Command::MassQuote { sub: 0, quotes }
            }
            9 => self.cancel(house),
            10 => Command::Withdraw {
                sub: 0,
                asset: AssetId::DOLLAR,
                amount: Amount::from_minor(self.random.between(1, 40_000_000)),
                destination: trader(1),
            },
            _ => Command::Transfer {
                sub: 0,
                to: account(2),
                asset: AssetId::DOLLAR,
                amount: Amount::from_minor(self.random.between(1, 40_000_000)),
            },
        }
    }

    fn cancel(&mut self, house: &SignedHouse) -> Command {
        let state = house.0.machine.state();
        let held = state.accounts.index(account(1)).and_then(|index| state.accounts.get(index));
        let orders = held.expect("open").orders().sorted();
        if orders.is_empty() || self.chance(5) {
            let instrument = InstrumentId::new(1);
            return Command::MassCancel { sub: 0, instrument: Some(instrument) };
        }
        let chosen = usize::try_from(self.random.word() % 1_009).expect("small") % orders.len();
        Command::CancelOrder { sub: 0, order: orders[chosen].0 }
    }
}

fn terms(byte: u8, cap: i128) -> SessionTerms {
    SessionTerms { notional_per_day: Some(Notional::from_micros(cap * 1_000_000)), ..wide(byte) }
}

/// Plays a history of a few days and returns what was seen in it.
fn play(seed: u64) -> BTreeSet<String> {
    let mut house = SignedHouse::new();
    let mut trader_of = Trader { random: Random::new(seed), client: 1_000 };
    let mut nonce = 10;
    let away = Command::Transfer {
        sub: 0,
        to: account(2),
        asset: AssetId::DOLLAR,
        amount: Amount::from_minor(998_500_000_000),
    };
    house.one(by_owner(trader(1), 1, away));
    let caps = BTreeMap::from([(5, 30_000), (6, 3_000)]);
    for byte in KEYS {
        let terms = terms(byte, caps[&byte]);
        nonce += 1;
        house.one(by_owner(trader(1), nonce, Command::RegisterSession { terms }));
    }
    let mut model = Model::default();
    for _ in 0..700 {
        let now = house.0.now;
        let seconds = match trader_of.random.below(240) {
            0 => (DAY - now.rem_euclid(DAY)) / 1_000 + trader_of.random.between(-1, 1).max(0),
            1 if now < START + 5 * HOUR => (START + 5 * HOUR - now) / 1_000,
            2..=5 => 100,
            _ => trader_of.random.between(1, 60),
        };
        let by = if trader_of.chance(40) { 20 } else { 400 };
        house.0.btc += trader_of.random.between(-house.0.btc / by, house.0.btc / by);
        house.0.eth += trader_of.random.between(-house.0.eth / by, house.0.eth / by);
        // What each key sends, and what others and the owner do in between.
        let mut sent = Vec::new();
        for _ in 0..1 + trader_of.random.below(4) {
            nonce += 1;
            sent.push(match trader_of.random.below(10) {
                0..=4 => {
                    let byte = KEYS[usize::try_from(trader_of.random.below(2)).expect("small")];
                    let commands: Vec<Command> = (0..1 + trader_of.random.below(3))
                        .map(|_| trader_of.by_key(&house))
                        .collect();
                    (Some(byte), by_key(trader(1), byte, nonce, commands.clone()), commands)
                }
                5 => {
                    let command = trader_of.cancel(&house);
                    (None, by_owner(trader(1), nonce, command.clone()), vec![command])
                }
                6 if trader_of.chance(4) => {
                    let byte = KEYS[usize::try_from(trader_of.random.below(2)).expect("small")];
                    let command = match trader_of.chance(2) {
                        true => Command::RevokeSession { key: key(byte) },
                        false => Command::RegisterSession { terms: terms(byte, caps[&byte]) },
                    };
                    (None, by_owner(trader(1), nonce, command.clone()), vec![command])
                }
                7 if trader_of.chance(8) => {
                    let instrument = InstrumentId::new(1);
                    let command = Command::Pause { instrument };
                    (None, by_owner(SIGNERS[0], nonce, command.clone()), vec![command])
                }
                8 if trader_of.chance(10) => {
                    let (to, asset) = (account(1), AssetId::DOLLAR);
                    let amount = Amount::from_minor(200_000_000);
                    let command = Command::Transfer { sub: 0, to, asset, amount };
                    (None, by_owner(trader(2), nonce, command.clone()), vec![command])
                }
                _ => {
                    let command = trader_of.place(&house, 2);
                    (None, by_owner(trader(2), nonce, command.clone()), vec![command])
                }
            });
        }
        let (signed, asked): (Vec<_>, Vec<_>) =
            sent.into_iter().map(|(by, signed, commands)| (signed, (by, commands))).unzip();
        let outcome = house.outcome(seconds, signed);
        let day = house.0.now - house.0.now.rem_euclid(DAY);
        let asked = asked
            .into_iter()
            .flat_map(|(by, commands)| commands.into_iter().map(move |command| (by, command)));
        for ((by, command), receipt) in asked.zip(&outcome.receipts) {
            let Some(byte) = by else { continue };
            model_receipt(&mut model, &house, byte, day, &command, receipt);
        }
        outcome.events.iter().for_each(|event| model.note(event));
        for byte in KEYS {
            let state = house.0.machine.state();
            let Some(session) = state.keys.session(trader(1), key(byte)) else {
                model.seen.insert("forgotten".into());
                continue;
            };
            let counted = model.counted(byte, session.day.millis());
            assert_eq!(session.spent.micros(), counted, "key {byte}, seed {seed}, at {now}");
            let cap = session.terms.notional_per_day.expect("a cap");
            assert!(session.spent <= cap, "{} of {cap}", session.spent);
            assert!(session.day.millis() == day || model.counted(byte, day) == 0);
        }
    }
    // What is written and read again gives back the same.
    let bytes = house.0.machine.snapshot().expect("encodable");
    let again = machine::Machine::restore(&bytes).expect("readable");
    assert_eq!(again.snapshot().expect("encodable"), bytes);
    model.seen
}

fn model_receipt(
    model: &mut Model,
    house: &SignedHouse,
    byte: u8,
    day: i128,
    command: &Command,
    receipt: &Receipt,
) {
    let mut open = |order: OrderId, quote: &Quote, reduce_only: bool| {
        let (dollars, lots) = (dollars(house, quote, reduce_only), quote.lots.count());
        let sent = Sent { key: byte, day, dollars, lots, filled: 0, is_open: true };
        assert!(model.sent.insert(order, sent).is_none(), "an order has one number");
    };
    match (command, receipt) {
        (Command::PlaceOrder { order, .. }, Receipt::Order(id)) => {
            let NewOrder { instrument, side, price, lots, reduce_only, .. } = *order;
            open(*id, &Quote { instrument, side, price, lots }, reduce_only);
        }
        (Command::MassQuote { quotes, .. }, Receipt::Quotes(answers)) => {
            for (quote, answer) in quotes.iter().zip(answers) {
                match answer {
                    Ok(Some(id)) => open(*id, quote, false),
                    Ok(None) => {}
                    Err(_) => drop(model.seen.insert("a quote refused".into())),
                }
            }
        }
        (Command::Withdraw { amount, .. } | Command::Transfer { amount, .. }, Receipt::Done) => {
            *model.moved.entry((byte, day)).or_default() += amount.minor();
            model.seen.insert("moved".into());
        }
        (_, Receipt::Refused(Refusal::SessionCap { .. })) => {
            model.seen.insert("the cap".into());
        }
        (Command::PlaceOrder { .. }, Receipt::Refused(_)) => {
            model.seen.insert("an order refused".into());
        }
        _ => {}
    }
}

/// At every moment the cap's used amount is what the day's orders have filled, what of them is open, and what was moved.
///
/// spec 0027-ACC-017.
#[test]
fn what_is_counted_is_fills_and_open_orders_of_the_day_in_any_history() {
    let mut seen = BTreeSet::new();
    for seed in 0..12 {
        seen.extend(play(seed));
    }
    let requested = format!("{:?} after a fill", CancelReason::Requested);
    let wanted = [
        "Expiry",
        "Reopening",
        "ReduceOnly",
        "Requested",
        "Restricted",
        "SelfTrade",
        "Uncovered",
        "Unfilled",
        "Unfilled after a fill",
        "a quote refused",
        "an order refused",
        "forgotten",
        "in full",
        "in part",
        "moved",
        &requested,
        "the cap",
    ];
    let missing: Vec<_> = wanted.iter().filter(|what| !seen.contains(**what)).collect();
    assert!(missing.is_empty(), "no history reached {missing:?}: {seen:?}");
}
