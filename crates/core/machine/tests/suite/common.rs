//! A small house for tests: two underlyings, a perpetual, a future and options on each, and commands from a seed.

use machine::{Genesis, Machine, Outcome, SourceWeight, UnderlyingGenesis, ValidatorGenesis};
use protocol::{
    AccountId, Address, AssetId, BasisReport, Block, Change, ClientOrderId, Command, Contract,
    DepositId, Hash, Instrument, InstrumentId, NewOrder, OrderId, ParameterId, PriceReport,
    ProposalId, Quote, Right, Seat, SelfTrade, Side, SourceId, TimeInForce, Transaction,
    UnderlyingId, ValidatorId, VolReport, Vote, limits,
};
use random::Random;
use std::{cell::Cell, collections::BTreeSet};
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity, Vol};

pub(crate) const CUSTODIAN: Address = Address::new([0xC0; 20]);
pub(crate) const SIGNERS: [Address; 3] =
    [Address::new([0x51; 20]), Address::new([0x52; 20]), Address::new([0x53; 20])];
pub(crate) const BTC: UnderlyingId = UnderlyingId::new(1);
pub(crate) const ETH: UnderlyingId = UnderlyingId::new(2);
pub(crate) const START: i128 = 1_584_000_000_000;
pub(crate) const HOUR: i128 = 3_600_000;

pub(crate) fn trader(number: u8) -> Address {
    Address::new([number; 20])
}

pub(crate) fn account(number: u8) -> AccountId {
    AccountId { owner: trader(number), sub: 0 }
}

pub(crate) fn dollars(dollars: i128) -> Amount {
    Amount::from_notional(Notional::from_micros(dollars * 1_000_000))
}

pub(crate) fn instrument(id: u32, underlying: UnderlyingId, contract: Contract) -> Instrument {
    Instrument {
        id: InstrumentId::new(id),
        underlying,
        contract,
        contract_size: Quantity::from_nanos(10_000_000),
        tick: Price::from_micros(500_000),
    }
}

/// Perpetuals 1 and 11, futures 2 and 12, options 3 to 6 and 13 to 16; the dated ones end five hours after the start.
pub(crate) fn genesis() -> Genesis {
    let expires_at = BlockTime::from_millis(START + 5 * HOUR);
    let mut instruments = Vec::new();
    for (base, underlying, strikes) in [(0, BTC, [7_000, 8_000]), (10, ETH, [150, 200])] {
        instruments.push(instrument(base + 1, underlying, Contract::Perpetual));
        instruments.push(instrument(base + 2, underlying, Contract::Future { expires_at }));
        let mut next = base + 3;
        for strike in strikes {
            for right in [Right::Call, Right::Put] {
                let strike = Price::from_micros(strike * 1_000_000);
                let contract = Contract::Option { expires_at, strike, right };
                instruments.push(instrument(next, underlying, contract));
                next += 1;
            }
        }
    }
    let underlying = |id: UnderlyingId, name: &str| UnderlyingGenesis {
        id,
        name: name.into(),
        asset: Some(AssetId::new(id.get())),
        class: 1,
        sources: (1..=4).map(|n| SourceWeight { source: SourceId::new(n), weight: 1 }).collect(),
        sources_min: 3,
        reference_price: Price::from_micros(if id == BTC { 8_000_000_000 } else { 190_000_000 }),
        first_blocks: 1,
        insurance_fund: Notional::from_micros(1_000_000_000_000),
    };
    Genesis {
        chain: "test".into(),
        time: BlockTime::from_millis(START),
        custodians: vec![CUSTODIAN],
        custodian_threshold: 1,
        signers: SIGNERS.to_vec(),
        threshold: 2,
        validators: (1..=4).map(|n| ValidatorGenesis { seat: seat(n), stake: 1 }).collect(),
        epoch_blocks: limits::EPOCH_BLOCKS_MIN,
        underlyings: vec![underlying(BTC, "BTC"), underlying(ETH, "ETH")],
        instruments,
        parameters: Vec::new(),
        signed: false,
    }
}

/// Returns the seat of a validator; its key is one of its own, and opens nothing.
pub(crate) fn seat(number: u16) -> Seat {
    let key = *Hash::of("test validator", &number.to_be_bytes()).bytes();
    Seat { validator: ValidatorId::new(number), key, endpoint: None }
}

/// A machine with a clock and two prices.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) machine: Machine,
    pub(crate) now: i128,
    pub(crate) btc: i128,
    pub(crate) eth: i128,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// Returns a house whose genesis was changed.
    pub(crate) fn with(change: impl FnOnce(&mut Genesis)) -> Self {
        let mut genesis = genesis();
        change(&mut genesis);
        let (machine, _) = Machine::found(&genesis).expect("the genesis is sound");
        Self { machine, now: START, btc: 8_000_000_000, eth: 190_000_000 }
    }

    /// Returns a house in which everything dated lives so many milliseconds.
    pub(crate) fn living(life: i128) -> Self {
        let mut genesis = genesis();
        let later = BlockTime::from_millis(START + life);
        for instrument in &mut genesis.instruments {
            match &mut instrument.contract {
                Contract::Future { expires_at } | Contract::Option { expires_at, .. } => {
                    *expires_at = later;
                }
                Contract::Perpetual => {}
            }
        }
        let (machine, _) = Machine::found(&genesis).expect("the genesis is sound");
        Self { machine, ..Self::new() }
    }

    /// Returns the next block: `seconds` later, all validators agreeing on the house's prices.
    pub(crate) fn block(&mut self, seconds: i128, transactions: Vec<Transaction>) -> Block {
        self.now += seconds * 1_000;
        let price = |underlying, source: u16, micros: i128| PriceReport {
            underlying,
            source: SourceId::new(source),
            price: Price::from_micros(micros),
            confidence: Price::from_micros(micros / 10_000),
        };
        let prices: Vec<PriceReport> = [(BTC, self.btc), (ETH, self.eth)]
            .into_iter()
            .flat_map(|(id, micros)| (1..=4).map(move |source| price(id, source, micros)))
            .collect();
        let vols = self
            .machine
            .state()
            .markets
            .values()
            .filter(|market| market.instrument.contract.pays_premium());
        let vols: Vec<VolReport> = vols
            .map(|market| VolReport {
                instrument: market.instrument.id,
                vol: Vol::from_points(9_000),
            })
            .collect();
        let listed = self.machine.state().markets.values().filter_map(|market| {
            let instrument = &market.instrument;
            instrument.contract.expires_at().map(|expires_at| (instrument.underlying, expires_at))
        });
        let listed: BTreeSet<(UnderlyingId, BlockTime)> = listed.collect();
        let bases: Vec<BasisReport> = listed
            .into_iter()
            .map(|(underlying, expires_at)| {
                let basis = Price::ZERO;
                BasisReport { underlying, expires_at, basis }
            })
            .collect();
        let votes = (1..=4).map(|n| Vote {
            validator: ValidatorId::new(n),
            prices: prices.clone(),
            vols: vols.clone(),
            bases: bases.clone(),
        });
        Block {
            height: self.machine.state().height.next().expect("heights suffice"),
            time: BlockTime::from_millis(self.now),
            votes: votes.collect(),
            offences: Vec::new(),
            transactions,
            grants: Vec::new(),
        }
    }

    /// Applies the next block.
    pub(crate) fn apply(&mut self, seconds: i128, transactions: Vec<Transaction>) -> Outcome {
        let block = self.block(seconds, transactions);
        self.machine.apply(&block).expect("the block follows")
    }

    /// Brings so many dollars to each of some accounts, and marks to the markets.
    pub(crate) fn fund(&mut self, money: &[(u8, i128)]) {
        let deposits = money.iter().map(|(number, held)| deposit(*number, 0, dollars(*held)));
        self.apply(1, deposits.collect());
    }

    /// Lets an account sell account 1 sixty coins of the perpetual at 8,000 dollars.
    pub(crate) fn sell_sixty(&mut self, seller: u8) {
        let buys = order(1, 1, 1, Side::Buy, 8_000_000_000, 6_000);
        self.apply(1, vec![buys, order(seller, 1, 1, Side::Sell, 8_000_000_000, 6_000)]);
        assert_eq!(self.lots(1, 1), 6_000);
    }

    pub(crate) fn cash(&self, number: u8) -> i128 {
        let index = self.machine.state().accounts.index(account(number)).expect("open");
        self.machine.state().ledger.cash(index).micros()
    }

    pub(crate) fn lots(&self, number: u8, instrument: u32) -> i128 {
        let index = self.machine.state().accounts.index(account(number)).expect("open");
        let held = self.machine.state().accounts.get(index).expect("open");
        held.position(InstrumentId::new(instrument)).lots.count()
    }
}

thread_local! {
    /// The deposits that have arrived in the vaults of this test.
    static ARRIVED: Cell<u64> = const { Cell::new(0) };
}

/// Returns a house with three accounts that have money, and with marks.
pub(crate) fn opened() -> House {
    let mut house = House::new();
    house.fund(&[(1, 100_000), (2, 100_000), (3, 10_000_000)]);
    house
}

/// Returns that house with account 1 long sixty coins of account 3.
pub(crate) fn long() -> House {
    let mut house = opened();
    house.sell_sixty(3);
    house
}

/// Returns a house in which account 1 is long sixty coins of account 3's, with so many dollars.
pub(crate) fn long_on(money: i128) -> House {
    let mut house = House::new();
    house.fund(&[(1, money), (3, 10_000_000)]);
    house.sell_sixty(3);
    house
}

/// Returns a house restored from the snapshot of another.
pub(crate) fn twin(house: &House) -> House {
    let bytes = house.machine.snapshot().expect("encodes");
    let machine = Machine::restore(&bytes).expect("restores");
    House { machine, now: house.now, btc: house.btc, eth: house.eth }
}

/// Returns a command of a trader.
pub(crate) fn of(number: u8, command: Command) -> Transaction {
    Transaction { sender: trader(number), command }
}

/// Returns a command of a signer.
pub(crate) fn sign(signer: usize, command: Command) -> Transaction {
    Transaction { sender: SIGNERS[signer], command }
}

/// Returns the number of the next deposit.
pub(crate) fn arrived() -> DepositId {
    ARRIVED.set(ARRIVED.get() + 1);
    DepositId::new(ARRIVED.get())
}

pub(crate) fn deposit(number: u8, asset: u16, amount: Amount) -> Transaction {
    let (id, account, asset) = (arrived(), account(number), AssetId::new(asset));
    let command = Command::Deposit { id, account, asset, amount };
    Transaction { sender: CUSTODIAN, command }
}

pub(crate) fn order(
    number: u8,
    client: u64,
    instrument: u32,
    side: Side,
    price: i128,
    lots: i128,
) -> Transaction {
    let order = NewOrder {
        client: ClientOrderId::new(client),
        instrument: InstrumentId::new(instrument),
        side,
        price: Price::from_micros(price),
        lots: Lots::from_count(lots),
        time_in_force: TimeInForce::GoodTillCancelled,
        reduce_only: false,
        self_trade: SelfTrade::CancelResting,
    };
    Transaction { sender: trader(number), command: Command::PlaceOrder { sub: 0, order } }
}

/// Returns a mass quote of the same bid, so many times.
pub(crate) fn quotes(number: u8, count: usize) -> Transaction {
    let quote = Quote {
        instrument: InstrumentId::new(1),
        side: Side::Buy,
        price: Price::from_micros(7_990_000_000),
        lots: Lots::from_count(1),
    };
    of(number, Command::MassQuote { sub: 0, quotes: vec![quote; count] })
}

/// Returns a command that no honest client sends: identifiers of nobody, numbers at the ends of their units, lists that
/// are too long, governance by strangers and for absurd values. It halts no market by itself.
pub(crate) fn hostile(random: &mut Random) -> Transaction {
    fn end(random: &mut Random, limit: i128) -> i128 {
        [limit, limit - 1, 1, 0, -1, 1 - limit, -limit]
            [usize::try_from(random.below(7)).expect("small")]
    }
    let number = 1 + u8::try_from(random.below(24)).expect("small");
    let sub = [0, 1, u16::MAX][usize::try_from(random.below(3)).expect("small")];
    let asset = AssetId::new([0, 1, 7, u16::MAX][usize::try_from(random.below(4)).expect("small")]);
    let market = [1, 3, 0, u32::MAX][usize::try_from(random.below(4)).expect("small")];
    let instrument = InstrumentId::new(market);
    let price = Price::from_micros(end(random, Price::LIMIT));
    let lots = Lots::from_count(end(random, Lots::LIMIT));
    let amount = Amount::from_minor(end(random, Amount::LIMIT));
    let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
    // Wealth would hide every default, so it goes to somebody who does not trade.
    let rich = AccountId { owner: trader(30), sub };
    let signer = SIGNERS[usize::try_from(random.below(3)).expect("small")];
    let (sender, command) = match random.below(12) {
        0 | 1 => {
            let order = NewOrder {
                client: ClientOrderId::new(u64::MAX - random.below(2)),
                instrument,
                side,
                price,
                lots,
                time_in_force: TimeInForce::GoodTillCancelled,
                reduce_only: random.below(2) == 0,
                self_trade: SelfTrade::RefuseIncoming,
            };
            (trader(number), Command::PlaceOrder { sub, order })
        }
        2 => {
            let order = OrderId::new([0, u64::MAX][usize::from(random.below(2) == 0)]);
            (trader(number), Command::CancelOrder { sub, order })
        }
        3 => {
            let quote = Quote { instrument, side, price, lots };
            let count = [0, 2, 256, 257][usize::try_from(random.below(4)).expect("small")];
            (trader(number), Command::MassQuote { sub, quotes: vec![quote; count] })
        }
        4 => (CUSTODIAN, Command::Deposit { id: arrived(), account: rich, asset, amount }),
        5 => {
            let destination = trader(number);
            (trader(number), Command::Withdraw { sub, asset, amount, destination })
        }
        6 => (trader(number), Command::Transfer { sub, to: rich, asset, amount }),
        7 => {
            let value = [i64::MIN, -1, i64::MAX][usize::try_from(random.below(3)).expect("small")];
            let underlying = [None, Some(BTC), Some(UnderlyingId::new(u16::MAX))]
                [usize::try_from(random.below(3)).expect("small")];
            let parameters =
                [ParameterId::Timelock, ParameterId::ScanRange, ParameterId::PriceBand];
            let parameter = parameters[usize::try_from(random.below(3)).expect("small")];
            let change = Change::SetParameter { parameter, underlying, value };
            (signer, Command::Propose { change })
        }
        8 => {
            let contract = Contract::Option {
                expires_at: BlockTime::from_millis(end(random, BlockTime::LIMIT)),
                strike: price,
                right: Right::Put,
            };
            let contract_size = Quantity::from_nanos(end(random, Quantity::LIMIT));
            let tick = Price::from_micros(end(random, Price::LIMIT));
            let listed =
                Instrument { id: instrument, underlying: BTC, contract, contract_size, tick };
            (signer, Command::Propose { change: Change::ListInstrument(listed) })
        }
        9 => {
            let proposal = u32::try_from(random.below(4)).expect("small");
            let change = Change::ResumeHouse;
            (signer, Command::Approve { proposal: ProposalId::new(proposal), change })
        }
        10 => {
            let number = u16::try_from(random.below(9)).expect("small");
            let key = seat(u16::try_from(random.below(9)).expect("small")).key;
            let stake = [0, 1, u64::MAX][usize::try_from(random.below(3)).expect("small")];
            let change = match random.below(3) {
                0 => Change::UnseatValidator(ValidatorId::new(number)),
                1 => Change::SeatValidator { seat: Seat { key, ..seat(number) }, stake },
                _ => Change::SeatValidator { seat: seat(number), stake },
            };
            (signer, Command::Propose { change })
        }
        _ => (trader(number), Command::Pause { instrument }),
    };
    Transaction { sender, command }
}

/// Returns a command that may be anything: sensible, absurd, of a stranger, at the limits of its units.
pub(crate) fn anything(random: &mut Random, client: &mut u64, house: &House) -> Transaction {
    let number = 1 + u8::try_from(random.below(24)).expect("small");
    let sender = if random.below(50) == 0 { Address::new([0xEE; 20]) } else { trader(number) };
    let markets = [1u32, 1, 1, 2, 3, 4, 5, 6, 11, 11, 12, 13, 14, 15, 16, 99];
    let instrument = InstrumentId::new(markets[usize::try_from(random.below(16)).expect("small")]);
    let state = house.machine.state();
    let mark = state.markets.get(&instrument).and_then(|market| market.mark);
    let mark = mark.map_or(house.btc, Price::micros);
    let tick = 500_000;
    let near = |random: &mut Random| {
        let width = (mark / 40).max(5 * tick);
        let price = (mark + random.between(-width, width)) / tick * tick;
        match random.below(60) {
            0 => price + 1,
            1 => i128::from(random.word()) % units::limits::PRICE_MICROS_MAX,
            2 => -price,
            _ => price.max(tick),
        }
    };
    let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
    let lots = |random: &mut Random| match random.below(80) {
        0 => 0,
        1 => -5,
        2 => units::limits::LOTS_MAX + random.between(0, 1),
        _ => random.between(1, 900),
    };
    *client += 1;
    let command = match random.below(100) {
        0..=54 => Command::PlaceOrder {
            sub: 0,
            order: NewOrder {
                client: ClientOrderId::new(if random.below(40) == 0 { 1 } else { *client }),
                instrument,
                side,
                price: Price::from_micros(near(random)),
                lots: Lots::from_count(lots(random)),
                time_in_force: [
                    TimeInForce::GoodTillCancelled,
                    TimeInForce::ImmediateOrCancel,
                    TimeInForce::PostOnly,
                ][usize::try_from(random.below(3)).expect("small")],
                reduce_only: random.below(8) == 0,
                self_trade: if random.below(4) == 0 {
                    SelfTrade::RefuseIncoming
                } else {
                    SelfTrade::CancelResting
                },
            },
        },
        55..=69 => {
            let open =
                state.accounts.index(account(number)).and_then(|index| state.accounts.get(index));
            let orders = open.map(|held| held.orders().sorted()).unwrap_or_default();
            let chosen = usize::try_from(random.word() % 1_000_003).expect("small");
            let order = orders
                .get(chosen % orders.len().max(1))
                .map_or(OrderId::new(random.word()), |(order, _)| *order);
            Command::CancelOrder { sub: 0, order }
        }
        70..=72 => {
            Command::MassCancel { sub: 0, instrument: (random.below(2) == 0).then_some(instrument) }
        }
        73..=84 => {
            let quotes = (0..random.below(4)).map(|_| Quote {
                instrument,
                side: if random.below(2) == 0 { Side::Buy } else { Side::Sell },
                price: Price::from_micros(near(random)),
                lots: Lots::from_count(random.between(0, 200)),
            });
            Command::MassQuote { sub: 0, quotes: quotes.collect() }
        }
        85..=89 => {
            let asset = AssetId::new(u16::try_from(random.below(4)).expect("small"));
            let amount = Amount::from_minor(random.between(-10_000_000, 1_000_000_000));
            let id = arrived();
            let command = Command::Deposit { id, account: account(number), asset, amount };
            return Transaction {
                sender: if random.below(10) == 0 { sender } else { CUSTODIAN },
                command,
            };
        }
        90..=93 => Command::Withdraw {
            sub: 0,
            asset: AssetId::new(u16::try_from(random.below(3)).expect("small")),
            amount: Amount::from_minor(random.between(-10_000_000, 30_000_000_000)),
            destination: account(number).owner,
        },
        94..=97 => Command::Transfer {
            sub: 0,
            to: account(1 + u8::try_from(random.below(26)).expect("small")),
            asset: AssetId::new(u16::try_from(random.below(3)).expect("small")),
            amount: Amount::from_minor(random.between(-10, 20_000_000_000)),
        },
        _ => {
            let command = Command::Deposit {
                id: arrived(),
                // Of any size, to somebody who does not trade: wealth would hide every default.
                account: account(30),
                asset: AssetId::DOLLAR,
                amount: Amount::from_minor(i128::from(random.word()) << random.below(60)),
            };
            return Transaction { sender: CUSTODIAN, command };
        }
    };
    Transaction { sender, command }
}
