//! Recorded order flow: ten minutes of Binance, level by level, replayed into the perpetuals' books.
//!
//! Prices are scaled from the recorded level to the house's. A level that shrinks is cancelled and placed again with
//! what is left; levels further than half a percent from the middle are left out.

use super::crowd::{Role, address, deposit};
use super::tape::{Tape, Tick};
use super::{BTC, ETH};
use anyhow::{Context, Result};
use machine::State;
use market::orderflow::{ActionKind, BookRebuild, FlowMarket, OrderStream};
use market::{BookSide, Dataset};
use protocol::{
    AccountId, AssetId, ClientOrderId, Command, Contract, InstrumentId, NewOrder, OrderId,
    SelfTrade, Side, SourceId, TimeInForce, Transaction, UnderlyingId,
};
use std::collections::BTreeMap;
use units::{BlockTime, Lots, Price, Round};

/// Accounts over which the resting orders of one market are spread.
const ACCOUNTS: u64 = 16;
/// Milliseconds between two blocks of the flow.
const SECOND: i128 = 1_000;
/// Farthest level replayed, in parts per million of the price.
const REACH: i128 = 5_000;

/// One action of the flow, in the house's prices and lots.
#[derive(Debug, Clone, Copy)]
struct Action {
    order: u64,
    side: Side,
    price: Price,
    lots: i128,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Place,
    Shrink,
    Cancel,
    Take,
}

/// The recorded flow of both perpetuals, by second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flow {
    /// Actions by second since the start and underlying.
    seconds: BTreeMap<(i128, UnderlyingId), Vec<Action>>,
    /// What rests: client's number and lots of each recorded order.
    resting: BTreeMap<(UnderlyingId, u64), (ClientOrderId, i128)>,
    next_client: u64,
    /// Actions read.
    pub(crate) actions: u64,
}

/// Reads the flow and puts its seconds before a tape; the tape's own ticks follow after the last of them.
pub(crate) fn prepend(dataset: &Dataset, tape: &mut Tape) -> Result<Flow> {
    let mut flow = Flow::default();
    let first = tape.ticks.first().context("an empty tape")?.clone();
    let start = first.time;
    let mut seconds: BTreeMap<i128, Vec<(UnderlyingId, SourceId, Price)>> = BTreeMap::new();
    for (id, markets) in [
        (BTC, [FlowMarket::SpotBtc, FlowMarket::LinearBtc, FlowMarket::InverseBtc]),
        (ETH, [FlowMarket::SpotEth, FlowMarket::LinearEth, FlowMarket::InverseEth]),
    ] {
        let level =
            first.prices.iter().find(|(held, _, _)| *held == id).context("a tape without price")?.2;
        let mut origin: Option<(i128, i128)> = None;
        for (number, market) in (1u16..).zip(markets) {
            let tick = if id == BTC { 500_000 } else { 50_000 };
            let size = if id == BTC { 1_000_000 } else { 10_000_000 };
            if number == 2 {
                let (opened, middle) = origin.context("the spot market has no book")?;
                let scale = Scale {
                    from: middle,
                    to: level.micros(),
                    tick: Price::from_micros(tick),
                    size,
                };
                flow.read(dataset, market, id, opened, &scale)?;
            }
            let (opened, middle) = middles(
                dataset,
                market,
                |second, price| {
                    if let Some((_, base)) = origin {
                        let scaled = level.micros() * price / base;
                        let price = Price::from_micros(scaled / 1_000 * 1_000);
                        seconds.entry(second).or_default().push((id, SourceId::new(number), price));
                    }
                },
                origin,
            )?;
            origin = origin.or(Some((opened, middle)));
            if number == 1 {
                // Read again, now that the level is known.
                middles(
                    dataset,
                    market,
                    |second, price| {
                        let price =
                            Price::from_micros(level.micros() * price / middle / 1_000 * 1_000);
                        seconds.entry(second).or_default().push((id, SourceId::new(1), price));
                    },
                    origin,
                )?;
            }
        }
    }
    let last = seconds.keys().last().copied().unwrap_or(0);
    let mut ticks = Vec::new();
    for second in 0..=last {
        let prices = seconds.remove(&second).unwrap_or_default();
        ticks.push(Tick {
            time: BlockTime::from_millis(start.millis() + second * SECOND),
            prices,
            vol_level: 1_000_000,
        });
    }
    let shift = (last + 1) * SECOND;
    for tick in &mut tape.ticks {
        tick.time = BlockTime::from_millis(tick.time.millis() + shift);
    }
    for (time, _) in &mut tape.events {
        *time = BlockTime::from_millis(time.millis() + shift);
    }
    tape.events.insert(0, (start, "order flow of 8 August 2024".to_string()));
    ticks.append(&mut tape.ticks);
    tape.ticks = ticks;
    Ok(flow)
}

/// Calls back with the middle of a market at the end of each second; returns its first second and first middle.
fn middles(
    dataset: &Dataset,
    market: FlowMarket,
    mut each: impl FnMut(i128, i128),
    origin: Option<(i128, i128)>,
) -> Result<(i128, i128)> {
    let mut rebuild = BookRebuild::new(market);
    let mut first: Option<(i128, i128)> = None;
    let mut reported = -1;
    for message in dataset.order_flow(market)? {
        let message = message?;
        let time = message.time().millis();
        rebuild.apply(&message)?;
        let (Some(bid), Some(ask)) = (rebuild.best(BookSide::Bid), rebuild.best(BookSide::Ask))
        else {
            continue;
        };
        let middle = (bid.price.micros() + ask.price.micros()) / 2;
        let opened = origin.or(first).map_or(time, |(opened, _)| opened);
        first = first.or(Some((time, middle)));
        let second = (time - opened).div_euclid(SECOND);
        if second > reported && second >= 0 {
            reported = second;
            each(second, middle);
        }
    }
    first.context("a recorded market without a book")
}

/// From recorded prices and sizes to the house's.
#[derive(Debug)]
struct Scale {
    from: i128,
    to: i128,
    tick: Price,
    size: i128,
}

impl Flow {
    fn read(
        &mut self,
        dataset: &Dataset,
        market: FlowMarket,
        id: UnderlyingId,
        opened: i128,
        scale: &Scale,
    ) -> Result<()> {
        let stream = OrderStream::new(dataset.order_flow(market)?);
        for action in stream {
            let action = action?;
            let distance =
                (action.price.micros() - scale.from).abs() * 1_000_000 / scale.from.max(1);
            let kind = match action.kind {
                ActionKind::Place => Kind::Place,
                ActionKind::Reduce => Kind::Shrink,
                ActionKind::Cancel => Kind::Cancel,
                ActionKind::Take { .. } => Kind::Take,
            };
            if distance > REACH {
                continue;
            }
            let side = if action.side == BookSide::Bid { Side::Buy } else { Side::Sell };
            let price = Price::from_micros(action.price.micros() * scale.to / scale.from.max(1));
            let round = match (side, kind) {
                (Side::Buy, Kind::Take)
                | (Side::Sell, Kind::Place | Kind::Shrink | Kind::Cancel) => Round::Up,
                _ => Round::Down,
            };
            let price = price.on_tick(scale.tick, round)?;
            let lots = action.quantity.nanos() / scale.size.max(1);
            let second = (action.time.millis() - opened).div_euclid(SECOND).max(0);
            let action = Action { order: action.order.0, side, price, lots: lots.max(1), kind };
            self.seconds.entry((second, id)).or_default().push(action);
            self.actions += 1;
        }
        Ok(())
    }

    /// Returns how many seconds the flow lasts.
    pub(crate) fn seconds_left(&self) -> i128 {
        self.seconds.keys().last().map_or(0, |(second, _)| second + 1)
    }

    /// Returns the deposits of the accounts of the flow.
    pub(crate) fn deposits(&self) -> Vec<Transaction> {
        if self.seconds.is_empty() {
            return Vec::new();
        }
        let numbers = 0..=u16::try_from(2 * ACCOUNTS + 1).unwrap_or(0);
        let account = |number| AccountId { owner: address(Role::Flow, number), sub: 0 };
        numbers
            .map(|number| deposit(account(number), AssetId::DOLLAR, 2_000_000_000_000_000))
            .collect()
    }

    /// Returns the commands of a second.
    pub(crate) fn act(&mut self, state: &State, second: i128) -> Vec<Transaction> {
        let mut sent = Vec::new();
        for id in [BTC, ETH] {
            let Some(actions) = self.seconds.remove(&(second, id)) else { continue };
            let perpetual = state.markets.values().find(|market| {
                market.instrument.underlying == id
                    && market.instrument.contract == Contract::Perpetual
            });
            let Some(perpetual) = perpetual.map(|market| market.instrument.id) else { continue };
            let orders = Orders::of(state, id);
            for action in actions {
                self.send(&orders, id, perpetual, &action, &mut sent);
            }
        }
        sent
    }

    fn send(
        &mut self,
        orders: &Orders,
        id: UnderlyingId,
        instrument: InstrumentId,
        action: &Action,
        sent: &mut Vec<Transaction>,
    ) {
        let owner = owner(id, action);
        let key = (id, action.order);
        let mut cancel = |client: &ClientOrderId| {
            // An order of this very second has no number yet; it is left to rest.
            if let Some(order) = orders.0.get(client) {
                sent.push(Transaction {
                    sender: owner,
                    command: Command::CancelOrder { sub: 0, order: *order },
                });
            }
        };
        let (lots, time_in_force) = match action.kind {
            Kind::Place => (action.lots, TimeInForce::GoodTillCancelled),
            Kind::Take => (action.lots, TimeInForce::ImmediateOrCancel),
            Kind::Cancel => {
                if let Some((client, _)) = self.resting.remove(&key) {
                    cancel(&client);
                }
                return;
            }
            Kind::Shrink => {
                let Some((client, lots)) = self.resting.remove(&key) else { return };
                cancel(&client);
                if lots <= action.lots {
                    return;
                }
                (lots - action.lots, TimeInForce::GoodTillCancelled)
            }
        };
        self.next_client += 1;
        let client = ClientOrderId::new(self.next_client);
        if time_in_force == TimeInForce::GoodTillCancelled {
            self.resting.insert(key, (client, lots));
        }
        let order = NewOrder {
            client,
            instrument,
            side: action.side,
            price: action.price,
            lots: Lots::from_count(lots),
            time_in_force,
            reduce_only: false,
            self_trade: SelfTrade::CancelResting,
        };
        sent.push(Transaction { sender: owner, command: Command::PlaceOrder { sub: 0, order } });
    }

    /// Returns what takes every resting order of the flow away, once it is over.
    pub(crate) fn close(&self) -> Vec<Transaction> {
        let numbers = 0..=u16::try_from(2 * ACCOUNTS + 1).unwrap_or(0);
        let cancel = |number| Transaction {
            sender: address(Role::Flow, number),
            command: Command::MassCancel { sub: 0, instrument: None },
        };
        if self.next_client == 0 { Vec::new() } else { numbers.map(cancel).collect() }
    }
}

/// Numbers that the machine has given to the flow's open orders.
struct Orders(BTreeMap<ClientOrderId, OrderId>);

impl Orders {
    fn of(state: &State, id: UnderlyingId) -> Self {
        let base = u16::try_from(u64::from(id.get() - 1) * (ACCOUNTS + 1)).unwrap_or(0);
        let numbers = base..=base + u16::try_from(ACCOUNTS).unwrap_or(0);
        let accounts = numbers.filter_map(|number| {
            let index =
                state.accounts.index(AccountId { owner: address(Role::Flow, number), sub: 0 })?;
            state.accounts.get(index)
        });
        let orders = accounts.flat_map(|held| held.orders().sorted());
        Self(
            orders
                .filter_map(|(order, open)| match open.origin {
                    machine::Origin::Order(client) => Some((client, order)),
                    machine::Origin::Quote | machine::Origin::Liquidation => None,
                })
                .collect(),
        )
    }
}

/// Returns the account of an action: one for aggressors, several for what rests.
fn owner(id: UnderlyingId, action: &Action) -> protocol::Address {
    let base = u64::from(id.get() - 1) * (ACCOUNTS + 1);
    let number = if action.kind == Kind::Take { ACCOUNTS } else { action.order % ACCOUNTS };
    address(Role::Flow, u16::try_from(base + number).unwrap_or(0))
}
