//! Recorded order flow: ten minutes of Binance, level by level, replayed into the perpetuals' books.
//!
//! Prices are scaled from the recorded level to the house's. A level that shrinks is cancelled and placed again with
//! what is left; levels further than half a percent from the middle are left out.

use crate::WorldError;
use crate::crowd::{Arrived, Role, address};
use crate::tape::{Tape, Tick};
use crate::{BTC, ETH};
use machine::State;
use market::orderflow::{ActionKind, BookRebuild, FlowMarket, OrderStream};
use market::{BookSide, Dataset};
use protocol::{
    AccountId, Address, AssetId, ClientOrderId, Command, Contract, InstrumentId, NewOrder, OrderId,
    SelfTrade, Side, SourceId, TimeInForce, Transaction, UnderlyingId,
};
use std::collections::BTreeMap;
use std::ops::Range;
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
pub struct Flow {
    /// Whose orders they are, by number.
    accounts: Vec<Address>,
    /// Actions by second since the start and underlying.
    seconds: BTreeMap<(i128, UnderlyingId), Vec<Action>>,
    /// What rests: client's number and lots of each recorded order.
    resting: BTreeMap<(UnderlyingId, u64), (ClientOrderId, i128)>,
    next_client: u64,
}

/// Reads the flow and puts its seconds before a tape; the tape's own ticks follow after the last of them.
pub(crate) fn prepend(dataset: &Dataset, tape: &mut Tape) -> Result<Flow, WorldError> {
    let accounts =
        (0..2 * (ACCOUNTS + 1)).map(|number| Ok(address(Role::Flow, u16::try_from(number)?)));
    let mut flow =
        Flow { accounts: accounts.collect::<Result<_, WorldError>>()?, ..Flow::default() };
    let first = tape.ticks.first().ok_or(WorldError::Absent("an empty tape"))?.clone();
    let start = first.time;
    let mut seconds: BTreeMap<i128, Vec<(UnderlyingId, SourceId, Price)>> = BTreeMap::new();
    for (id, markets) in [
        (BTC, [FlowMarket::SpotBtc, FlowMarket::LinearBtc, FlowMarket::InverseBtc]),
        (ETH, [FlowMarket::SpotEth, FlowMarket::LinearEth, FlowMarket::InverseEth]),
    ] {
        let level = first
            .prices
            .iter()
            .find(|(held, _, _)| *held == id)
            .ok_or(WorldError::Absent("a tape without price"))?
            .2;
        let mut origin: Option<(i128, i128)> = None;
        for (number, market) in (1u16..).zip(markets) {
            let tick = if id == BTC { 500_000 } else { 50_000 };
            let size = if id == BTC { 1_000_000 } else { 10_000_000 };
            if number == 2 {
                let (opened, middle) =
                    origin.ok_or(WorldError::Absent("the spot market has no book"))?;
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
) -> Result<(i128, i128), WorldError> {
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
    first.ok_or(WorldError::Absent("a recorded market without a book"))
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
    ) -> Result<(), WorldError> {
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
        }
        Ok(())
    }

    /// Gives every account another address.
    ///
    /// # Errors
    ///
    /// The first of the caller's own.
    pub fn rename<E>(
        &mut self,
        mut address: impl FnMut(Address) -> Result<Address, E>,
    ) -> Result<(), E> {
        for account in &mut self.accounts {
            *account = address(*account)?;
        }
        Ok(())
    }

    /// Numbers its orders from another start, for a flow that comes back to accounts it has traded on before.
    pub fn number_from(&mut self, client: u64) {
        self.next_client = client;
    }

    /// Returns how many seconds the flow lasts.
    pub fn seconds_left(&self) -> i128 {
        self.seconds.keys().last().map_or(0, |(second, _)| second + 1)
    }

    /// Returns the deposits of the accounts of the flow.
    pub fn deposits(&self) -> Vec<Arrived> {
        if self.seconds.is_empty() {
            return Vec::new();
        }
        let account = |owner: &Address| AccountId { owner: *owner, sub: 0 };
        let accounts = self.accounts.iter().map(account);
        accounts.map(|id| (id, AssetId::DOLLAR, 2_000_000_000_000_000)).collect()
    }

    /// Returns the commands of some seconds, for one block.
    pub fn act(&mut self, state: &State, seconds: Range<i128>) -> Vec<Transaction> {
        let mut sent = Sent::default();
        for id in [BTC, ETH] {
            let perpetual = state.markets.values().find(|market| {
                market.instrument.underlying == id
                    && market.instrument.contract == Contract::Perpetual
            });
            let Some(perpetual) = perpetual.map(|market| market.instrument.id) else { continue };
            let orders = Orders::of(state, self.accounts_of(id));
            for second in seconds.clone() {
                for action in self.seconds.remove(&(second, id)).unwrap_or_default() {
                    self.send(&orders, id, perpetual, &action, &mut sent);
                }
            }
        }
        sent.transactions.into_iter().flatten().collect()
    }

    fn send(
        &mut self,
        orders: &Orders,
        id: UnderlyingId,
        instrument: InstrumentId,
        action: &Action,
        sent: &mut Sent,
    ) {
        let owner = self.owner(id, action);
        let key = (id, action.order);
        let mut cancel = |client: &ClientOrderId| match orders.0.get(client) {
            Some(order) => sent.transactions.push(Some(Transaction {
                sender: owner,
                command: Command::CancelOrder { sub: 0, order: *order },
            })),
            // It came and went within the block.
            None => {
                if let Some(place) = sent.placed.remove(client)
                    && let Some(placed) = sent.transactions.get_mut(place)
                {
                    *placed = None;
                }
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
        sent.placed.insert(client, sent.transactions.len());
        let command = Command::PlaceOrder { sub: 0, order };
        sent.transactions.push(Some(Transaction { sender: owner, command }));
    }

    /// Returns what takes every resting order of the flow away, once it is over.
    pub fn close(&self) -> Vec<Transaction> {
        let cancel = |owner: &Address| Transaction {
            sender: *owner,
            command: Command::MassCancel { sub: 0, instrument: None },
        };
        if self.next_client == 0 { Vec::new() } else { self.accounts.iter().map(cancel).collect() }
    }

    /// Returns the accounts of an underlying: several for what rests, the last for aggressors.
    fn accounts_of(&self, id: UnderlyingId) -> &[Address] {
        let each = usize::try_from(ACCOUNTS + 1).unwrap_or(1);
        self.accounts.chunks(each).nth(usize::from(id.get() - 1)).unwrap_or_default()
    }

    /// Returns the account of an action.
    fn owner(&self, id: UnderlyingId, action: &Action) -> Address {
        let number = if action.kind == Kind::Take { ACCOUNTS } else { action.order % ACCOUNTS };
        let number = usize::try_from(number).unwrap_or(0);
        // Where there are actions, there are accounts.
        self.accounts_of(id).get(number).copied().unwrap_or(Address::new([0; 20]))
    }
}

/// The commands of a block, and where the orders in it stand.
#[derive(Debug, Default)]
struct Sent {
    transactions: Vec<Option<Transaction>>,
    placed: BTreeMap<ClientOrderId, usize>,
}

/// Numbers that the machine has given to the flow's open orders.
struct Orders(BTreeMap<ClientOrderId, OrderId>);

impl Orders {
    fn of(state: &State, accounts: &[Address]) -> Self {
        let accounts = accounts.iter().filter_map(|owner| {
            let index = state.accounts.index(AccountId { owner: *owner, sub: 0 })?;
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
