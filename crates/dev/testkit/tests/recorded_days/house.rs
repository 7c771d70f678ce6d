//! A house that lives through a recorded day: one perpetual, a book that follows the recorded one, and accounts of stated leverage.

use crate::days::{Day, Moment, Reading};
use machine::{
    Genesis, Machine, Outcome, ParameterGenesis, SourceWeight, UnderlyingGenesis, ValidatorGenesis,
};
use protocol::{
    AccountId, Address, AssetId, Block, CancelReason, ClientOrderId, Command, Contract, DepositId,
    Event, Hash, Instrument, InstrumentId, Mode, NewOrder, ParameterId, PriceReport, Receipt, Seat,
    SelfTrade, Side, SourceId, TimeInForce, Transaction, UnderlyingId, ValidatorId, Vote, limits,
};
use std::collections::BTreeSet;
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity};

const CUSTODIAN: Address = Address::new([0xC0; 20]);
const COIN: UnderlyingId = UnderlyingId::new(1);
const PERPETUAL: InstrumentId = InstrumentId::new(1);
/// Billionths of a coin in a lot.
const LOT: i128 = 1_000_000;
const TICK: i128 = 10_000;
const DOLLAR: i128 = 1_000_000;
/// Dollars of each leveraged position when it is opened.
const POSITION: i128 = 100_000;
/// The leverage of each, in tenths: each is held by a long and a short.
const LEVERAGE: [i128; 8] = [20, 25, 30, 35, 40, 45, 50, 55];
/// The other side of the leveraged.
const OTHER: u8 = 30;
const MAKER: u8 = 31;
/// Two who trade a lot with each other where the perpetual was traded.
const TRADERS: [u8; 2] = [32, 33];
/// Blocks before anything is measured.
const SETTLED: usize = 30;

fn longs() -> impl Iterator<Item = (u8, i128)> {
    (1..).zip(LEVERAGE)
}

fn shorts() -> impl Iterator<Item = (u8, i128)> {
    (11..).zip(LEVERAGE)
}

fn trader(number: u8) -> Address {
    Address::new([number; 20])
}

fn account(number: u8) -> AccountId {
    AccountId { owner: trader(number), sub: 0 }
}

fn deposit(number: u8, dollars: i128) -> Transaction {
    let (id, account) = (DepositId::new(number.into()), account(number));
    let amount = Amount::from_notional(Notional::from_micros(dollars * DOLLAR));
    let command = Command::Deposit { id, account, asset: AssetId::DOLLAR, amount };
    Transaction { sender: CUSTODIAN, command }
}

fn genesis(day: &Day, sources: u16, sources_min: u8) -> Genesis {
    let first = day.moments[0].middle().expect("a day begins with a price");
    let seat = |number: u16| {
        let key = *Hash::of("recorded day", &number.to_be_bytes()).bytes();
        Seat { validator: ValidatorId::new(number), key, endpoint: None }
    };
    let source = |number| SourceWeight { source: SourceId::new(number), weight: 1 };
    Genesis {
        chain: "recorded".into(),
        time: BlockTime::from_millis(day.starts - 1_000),
        custodians: vec![CUSTODIAN],
        custodian_threshold: 1,
        signers: vec![Address::new([0x51; 20])],
        threshold: 1,
        validators: (1..=4).map(|n| ValidatorGenesis { seat: seat(n), stake: 1 }).collect(),
        epoch_blocks: limits::EPOCH_BLOCKS_MIN,
        underlyings: vec![UnderlyingGenesis {
            id: COIN,
            name: "COIN".into(),
            asset: None,
            class: 1,
            sources: (1..=sources).map(source).collect(),
            sources_min,
            reference_price: Price::from_micros(first),
            first_blocks: 1,
            insurance_fund: Notional::from_micros(1_000_000 * DOLLAR),
        }],
        instruments: vec![Instrument {
            id: PERPETUAL,
            underlying: COIN,
            contract: Contract::Perpetual,
            contract_size: Quantity::from_nanos(LOT),
            tick: Price::from_micros(TICK),
        }],
        parameters: vec![ParameterGenesis {
            underlying: None,
            parameter: ParameterId::DepositLimit,
            value: 1_000_000_000_000_000_000,
        }],
        signed: false,
    }
}

/// How far something was off, in basis points, moment by moment.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<f64>);

impl Errors {
    fn push(&mut self, seen: i128, truth: i128) {
        self.0.push((seen - truth) as f64 / truth as f64 * 1e4);
    }

    /// Returns the mean with its sign.
    pub(crate) fn bias(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// Returns the mean of their sizes.
    pub(crate) fn mean(&self) -> f64 {
        self.0.iter().map(|error| error.abs()).sum::<f64>() / self.0.len() as f64
    }

    /// Returns the size that so many thousandths of them do not exceed.
    pub(crate) fn size(&self, thousandths: usize) -> f64 {
        let mut sizes: Vec<f64> = self.0.iter().map(|error| error.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let last = sizes.len().saturating_sub(1);
        sizes.get(last * thousandths / 1_000).copied().unwrap_or_default()
    }
}

/// What a day did to the house.
#[derive(Debug, Default)]
pub(crate) struct Lived {
    /// Of the index against the middle of the venues.
    pub(crate) index: Errors,
    /// Of the mark against the middle of the perpetual's best quotes.
    pub(crate) mark: Errors,
    /// Of the perpetual's best quotes against the middle of the venues: the premium that was there.
    pub(crate) premium: Errors,
    /// Average premium of the last hour at the end, in basis points.
    pub(crate) premium_taken: f64,
    /// What longs have paid, in basis points of what they held.
    pub(crate) funding: f64,
    /// Seconds not in normal mode although most venues agreed: caution, reduce-only, frozen.
    pub(crate) false_modes: [i128; 3],
    /// Seconds.
    pub(crate) seconds: i128,
    /// Quotes of the maker, and how many were refused.
    pub(crate) quotes: [usize; 2],
    /// Lots of the leveraged accounts' own open orders that the house cancelled.
    pub(crate) cancelled: i128,
    /// Leveraged accounts that had a margin call.
    pub(crate) called: BTreeSet<usize>,
    /// Leveraged accounts that were liquidated.
    pub(crate) liquidated: BTreeSet<usize>,
}

impl Lived {
    /// Returns what longs owe for the premium that was there and for interest, in basis points.
    pub(crate) fn due(&self) -> f64 {
        let hours = self.seconds as f64 / 3_600.0;
        hours * (0.125 + self.premium.bias() / 8.0)
    }
}

/// The house, and what it is fed.
struct House<'a> {
    machine: Machine,
    day: &'a Day,
    /// Whether every source shows the middle of what is recorded, at every moment, and surely.
    certain: bool,
    known: i128,
    client: u64,
}

impl House<'_> {
    fn order(&mut self, number: u8, side: Side, price: i128, lots: i128) -> Transaction {
        self.client += 1;
        let order = NewOrder {
            client: ClientOrderId::new(self.client),
            instrument: PERPETUAL,
            side,
            price: Price::from_micros(price / TICK * TICK),
            lots: Lots::from_count(lots.max(1)),
            time_in_force: TimeInForce::GoodTillCancelled,
            reduce_only: false,
            self_trade: SelfTrade::CancelResting,
        };
        Transaction { sender: trader(number), command: Command::PlaceOrder { sub: 0, order } }
    }

    fn apply(&mut self, time: i128, moment: &Moment, transactions: Vec<Transaction>) -> Outcome {
        self.known = moment.middle().unwrap_or(self.known);
        let shown = |place: &usize| match self.certain {
            true => Some((self.known, 0)),
            false => moment.readings[*place],
        };
        let readings: Vec<Option<Reading>> = self.day.heard.iter().map(shown).collect();
        let report = |(source, reading): (u16, &Option<Reading>)| {
            let (price, half) = (*reading)?;
            let (source, price) = (SourceId::new(source), Price::from_micros(price));
            let confidence = Price::from_micros(half);
            Some(PriceReport { underlying: COIN, source, price, confidence })
        };
        let prices: Vec<PriceReport> = (1..).zip(&readings).filter_map(report).collect();
        let vote = |number| Vote {
            validator: ValidatorId::new(number),
            prices: prices.clone(),
            vols: Vec::new(),
            bases: Vec::new(),
        };
        let block = Block {
            height: self.machine.state().height.next().expect("heights suffice"),
            time: BlockTime::from_millis(time),
            votes: (1..=4).map(vote).collect(),
            offences: Vec::new(),
            transactions,
            grants: Vec::new(),
        };
        self.machine.apply(&block).expect("the block follows")
    }

    /// Lets the leveraged in, each at the price of the first moment.
    fn open(&mut self, time: i128, moment: &Moment) {
        let price = moment.middle().expect("a day begins with a price");
        let mut money = vec![deposit(OTHER, 100_000_000), deposit(MAKER, 1_000_000_000)];
        money.extend(TRADERS.map(|number| deposit(number, 1_000_000)));
        for (number, tenths) in longs().chain(shorts()) {
            money.push(deposit(number, POSITION * 10 / tenths));
        }
        self.apply(time, moment, money);
        let lots = POSITION * DOLLAR * 1_000_000_000 / LOT / price;
        for (who, side, against) in [
            (longs().collect::<Vec<_>>(), Side::Buy, Side::Sell),
            (shorts().collect(), Side::Sell, Side::Buy),
        ] {
            let mut orders = vec![self.order(OTHER, against, price, lots * who.len() as i128)];
            orders.extend(who.iter().map(|(number, _)| self.order(*number, side, price, lots)));
            let time = if side == Side::Buy { time + 100 } else { time + 200 };
            self.apply(time, moment, orders);
        }
        for (number, _) in longs().chain(shorts()) {
            let held = self.lots(number).abs();
            assert!(held > 0, "account {number} holds nothing");
        }
        // Each would add a tenth, two per cent away.
        let mut orders = Vec::new();
        for (number, _) in longs() {
            orders.push(self.order(number, Side::Buy, price * 98 / 100, lots / 10));
        }
        for (number, _) in shorts() {
            orders.push(self.order(number, Side::Sell, price * 102 / 100, lots / 10));
        }
        self.apply(time + 300, moment, orders);
    }

    fn lots(&self, number: u8) -> i128 {
        let accounts = &self.machine.state().accounts;
        let held = accounts.index(account(number)).and_then(|index| accounts.get(index));
        held.expect("open").position(PERPETUAL).lots.count()
    }

    /// Returns the lots that all longs hold.
    fn open_interest(&self) -> i128 {
        let numbers = longs().chain(shorts()).map(|(number, _)| number);
        let numbers = numbers.chain([OTHER, MAKER]).chain(TRADERS);
        numbers.map(|number| self.lots(number).max(0)).sum()
    }

    /// Returns the quotes of a moment as orders, those of the moment before being withdrawn, and a trade if there was one.
    fn follow(&mut self, moment: &Moment) -> Vec<Transaction> {
        let withdraw = Command::MassCancel { sub: 0, instrument: None };
        let mut orders = vec![Transaction { sender: trader(MAKER), command: withdraw }];
        for (side, price, size) in &moment.quotes {
            orders.push(self.order(MAKER, *side, *price, size / LOT));
        }
        let at = |wanted| {
            moment.quotes.iter().filter(move |quote| quote.0 == wanted).map(|quote| quote.1)
        };
        let best = at(Side::Buy).max().zip(at(Side::Sell).min());
        if let (Some(traded), Some((bid, ask))) = (moment.traded, best) {
            let price = traded.clamp(bid + TICK, (ask - TICK).max(bid + TICK));
            let sides = if self.client.is_multiple_of(2) { [0, 1] } else { [1, 0] };
            if price < ask {
                orders.push(self.order(TRADERS[sides[0]], Side::Buy, price, 1));
                orders.push(self.order(TRADERS[sides[1]], Side::Sell, price, 1));
            }
        }
        orders
    }
}

/// Lets a house live through a day. `certain`: every source shows the middle of the venues.
pub(crate) fn live(day: &Day, sources_min: u8, certain: bool) -> Lived {
    let sources = u16::try_from(day.heard.len()).expect("few");
    let (machine, _) = Machine::found(&genesis(day, sources, sources_min)).expect("sound");
    let mut house = House { machine, day, certain, known: 0, client: 0 };
    house.open(day.starts - 900, &day.moments[0]);
    let mut lived = Lived::default();
    let places: Vec<_> = longs()
        .chain(shorts())
        .map(|(number, _)| house.machine.state().accounts.index(account(number)).expect("open"))
        .collect();
    for (number, moment) in house.day.moments.iter().enumerate() {
        let time = day.starts + number as i128 * day.every * 1_000;
        let orders = house.follow(moment);
        let outcome = house.apply(time, moment, orders);
        let quoted = &outcome.receipts[1..=moment.quotes.len()];
        lived.quotes[0] += quoted.len();
        lived.quotes[1] +=
            quoted.iter().filter(|receipt| matches!(receipt, Receipt::Refused(_))).count();
        for event in &outcome.events {
            match event {
                Event::MarginCalled { account, .. } => {
                    lived.called.extend(places.iter().position(|held| held == account));
                }
                Event::Liquidated { account, .. } => {
                    lived.liquidated.extend(places.iter().position(|held| held == account));
                }
                Event::Cancelled { account, lots, reason, .. }
                    if places.contains(account) && *reason != CancelReason::Requested =>
                {
                    lived.cancelled += lots.count();
                }
                Event::Funded { rate, paid, .. } => {
                    let state = house.machine.state();
                    let index = state.index(COIN).expect("known").micros() as f64;
                    let held = house.open_interest() as f64 * LOT as f64 / 1e9 * index;
                    let sign = if rate.parts() < 0 { -1.0 } else { 1.0 };
                    lived.funding += sign * paid.micros() as f64 / held * 1e4;
                }
                _ => {}
            }
        }
        let state = house.machine.state();
        if number < SETTLED {
            continue;
        }
        lived.seconds += day.every;
        let market = &state.markets[&PERPETUAL];
        if let (Some(middle), Some(index)) = (moment.middle(), state.index(COIN)) {
            lived.index.push(index.micros(), middle);
            if let (true, Some(perpetual), Some(mark)) =
                (day.has_perpetual, moment.perpetual(), market.mark)
            {
                lived.mark.push(mark.micros(), perpetual);
                lived.premium.push(perpetual, middle);
            }
        }
        if moment.agrees(&day.heard) {
            let place = match state.mode(COIN) {
                Mode::Normal => None,
                Mode::Caution => Some(0),
                Mode::ReduceOnly => Some(1),
                Mode::Frozen => Some(2),
            };
            if let Some(place) = place {
                lived.false_modes[place] += day.every;
            }
        }
    }
    let state = house.machine.state();
    let hour = state.markets[&PERPETUAL].premium.hour_ppb(state.time);
    lived.premium_taken = hour.expect("within its band").parts() as f64 / 1e5;
    lived
}
