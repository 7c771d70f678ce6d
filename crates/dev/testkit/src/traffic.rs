//! Mixed traffic of a busy house, from a seed: what benches and instruction gates measure the whole machine with.
//!
//! Forty-eight markets on two underlyings; traders place, cancel and take, one account in a hundred sends half of it,
//! and every order is checked against portfolio margin; the oracle moves a little in every block, so every mark does
//! too. The flow is written against a machine of
//! its own, since a cancel names the number that the machine gave an order.
//!
//! **Invariant:** the same seed and sizes give the same blocks.

use machine::{
    Genesis, Machine, ParameterGenesis, SourceWeight, UnderlyingGenesis, ValidatorGenesis,
};
use protocol::{
    AccountId, Address, AssetId, BasisReport, Block, ClientOrderId, Command, Contract, DepositId,
    Hash, Instrument, InstrumentId, NewOrder, OrderId, ParameterId, PriceReport, Right, Seat,
    SelfTrade, Side, SourceId, TimeInForce, Transaction, UnderlyingId, ValidatorId, VolReport,
    Vote, limits,
};
use random::Random;
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity, Vol};

const CUSTODIAN: Address = Address::new([0xC0; 20]);
const START: i128 = 1_780_000_000_000;
const DAY: i128 = 86_400_000;
const TICK: i128 = 500_000;
/// Distance between two blocks in milliseconds.
const BLOCK: i128 = 100;
const VALIDATORS: u16 = 4;
const SOURCES: u16 = 4;

/// How busy the house is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Accounts that trade.
    pub accounts: u32,
    /// Commands in each block.
    pub commands: u32,
    /// Blocks after those that open the accounts and fill the books.
    pub blocks: u32,
}

/// A house and the blocks that it gets.
#[derive(Debug)]
pub struct Traffic {
    /// What it is founded on.
    pub genesis: Genesis,
    /// Deposits, and orders until as many leave the books as enter them.
    pub opening: Vec<Block>,
    /// The blocks to measure.
    pub blocks: Vec<Block>,
}

impl Traffic {
    /// Returns the traffic of a seed.
    ///
    /// # Panics
    ///
    /// If the machine refuses its own genesis or blocks.
    #[must_use]
    pub fn generate(size: Size, seed: u64) -> Self {
        let mut traders = Traders::new(size.accounts, seed);
        let deposits = (0..size.accounts).map(deposit).collect();
        let mut opening = vec![traders.next_block(deposits)];
        for _ in 0..10 {
            let commands = traders.commands(size.commands);
            opening.push(traders.next_block(commands));
        }
        let blocks = (0..size.blocks).map(|_| {
            let commands = traders.commands(size.commands);
            traders.next_block(commands)
        });
        let blocks = blocks.collect();
        Self { genesis: genesis(), opening, blocks }
    }

    /// Returns the machine after the opening.
    ///
    /// # Panics
    ///
    /// If the machine refuses its own genesis or blocks.
    #[must_use]
    pub fn opened(&self) -> Machine {
        let (mut machine, _) = Machine::found(&self.genesis).expect("the genesis is sound");
        for block in &self.opening {
            machine.apply(block).expect("the block follows");
        }
        machine
    }
}

/// The traders, and the machine that they trade with.
struct Traders {
    machine: Machine,
    accounts: u32,
    random: Random,
    client: u64,
    btc: i128,
    eth: i128,
}

impl Traders {
    fn new(accounts: u32, seed: u64) -> Self {
        let (machine, _) = Machine::found(&genesis()).expect("the genesis is sound");
        let (btc, eth) = (64_000_000_000, 3_200_000_000);
        Self { machine, accounts, random: Random::new(seed), client: 0, btc, eth }
    }

    fn next_block(&mut self, transactions: Vec<Transaction>) -> Block {
        self.btc += self.random.between(-self.btc / 20_000, self.btc / 20_000);
        self.eth += self.random.between(-self.eth / 20_000, self.eth / 20_000);
        let height = self.machine.state().height.next().expect("heights suffice");
        let time = BlockTime::from_millis(START + height.blocks() * BLOCK);
        let block = Block {
            height,
            time,
            votes: votes(self.btc, self.eth),
            offences: Vec::new(),
            transactions,
            grants: Vec::new(),
        };
        self.machine.apply(&block).expect("the block follows");
        block
    }

    fn commands(&mut self, count: u32) -> Vec<Transaction> {
        let mut cancelled = std::collections::BTreeSet::new();
        (0..count)
            .map(|_| {
                let number = self.sender();
                let cancel = self.random.below(100) < 45;
                let order = cancel.then(|| self.open_order(number)).flatten();
                let command = match order {
                    Some(order) if cancelled.insert(order) => {
                        Command::CancelOrder { sub: 0, order }
                    }
                    _ => Command::PlaceOrder { sub: 0, order: self.new_order() },
                };
                Transaction { sender: owner(number), command }
            })
            .collect()
    }

    /// Returns who sends the next command: half of them come from one account in a hundred.
    fn sender(&mut self) -> u32 {
        let makers = (self.accounts / 100).max(1);
        let among = if self.random.below(2) == 0 { makers } else { self.accounts };
        self.random.between(0, among - 1)
    }

    fn open_order(&mut self, number: u32) -> Option<OrderId> {
        let state = self.machine.state();
        let orders = state.accounts.get(state.accounts.index(account(number))?)?.orders();
        let chosen = self.random.between(0, u32::try_from(orders.len()).ok()?.saturating_sub(1));
        orders.sorted().get(usize::try_from(chosen).ok()?).map(|(order, _)| *order)
    }

    fn new_order(&mut self) -> NewOrder {
        let base = if self.random.one_in(2) { 0 } else { 100 };
        let market = match self.random.below(100) {
            0..50 => 1,
            50..70 => self.random.between(2, 4),
            _ => self.random.between(5, 24),
        };
        let instrument = InstrumentId::new(base + market);
        let mark = self.machine.state().markets.get(&instrument).and_then(|market| market.mark);
        let mark = mark.map_or(TICK, Price::micros) / TICK * TICK;
        let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let away = if side == Side::Buy { -TICK } else { TICK };
        let takes = self.random.below(100) < 18;
        let (price, time_in_force) = if takes {
            (mark - 4 * away, TimeInForce::ImmediateOrCancel)
        } else {
            (mark + self.random.between(1, 40) * away, TimeInForce::GoodTillCancelled)
        };
        self.client += 1;
        NewOrder {
            client: ClientOrderId::new(self.client),
            instrument,
            side,
            price: Price::from_micros(price.max(TICK)),
            lots: Lots::from_count(self.random.between(1, 20)),
            time_in_force,
            reduce_only: false,
            self_trade: SelfTrade::CancelResting,
        }
    }
}

fn owner(number: u32) -> Address {
    let mut bytes = [0x11; 20];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Address::new(bytes)
}

fn account(number: u32) -> AccountId {
    AccountId { owner: owner(number), sub: 0 }
}

fn deposit(number: u32) -> Transaction {
    let amount = Amount::from_notional(Notional::from_micros(1_000_000_000_000));
    let id = DepositId::new(u64::from(number) + 1);
    let (account, asset) = (account(number), AssetId::DOLLAR);
    let command = Command::Deposit { id, account, asset, amount };
    Transaction { sender: CUSTODIAN, command }
}

fn underlyings() -> [(UnderlyingId, &'static str, u32, i128); 2] {
    [(UnderlyingId::new(1), "BTC", 0, 64_000), (UnderlyingId::new(2), "ETH", 100, 3_200)]
}

fn expiries() -> [BlockTime; 3] {
    [7, 30, 90].map(|days| BlockTime::from_millis(START + days * DAY))
}

/// A perpetual, three futures, and calls and puts at five strikes of two expiries on each underlying.
fn genesis() -> Genesis {
    let mut instruments = Vec::new();
    for (underlying, _, base, dollars) in underlyings() {
        let mut contracts = vec![Contract::Perpetual];
        contracts.extend(expiries().map(|expires_at| Contract::Future { expires_at }));
        for expires_at in expiries().into_iter().take(2) {
            for percent in [80, 90, 100, 110, 120] {
                let strike = Price::from_micros(dollars * percent * 10_000);
                for right in [Right::Call, Right::Put] {
                    contracts.push(Contract::Option { expires_at, strike, right });
                }
            }
        }
        for (id, contract) in (base + 1..).zip(contracts) {
            instruments.push(Instrument {
                id: InstrumentId::new(id),
                underlying,
                contract,
                contract_size: Quantity::from_nanos(1_000_000),
                tick: Price::from_micros(TICK),
            });
        }
    }
    let sources =
        (1..=SOURCES).map(|number| SourceWeight { source: SourceId::new(number), weight: 1 });
    let sources: Vec<SourceWeight> = sources.collect();
    let underlyings = underlyings().map(|(id, name, _, dollars)| UnderlyingGenesis {
        id,
        name: name.into(),
        asset: Some(AssetId::new(id.get())),
        class: 1,
        sources: sources.clone(),
        sources_min: 3,
        reference_price: Price::from_micros(dollars * 1_000_000),
        first_blocks: 1,
        insurance_fund: Notional::from_micros(10_000_000_000_000),
    });
    Genesis {
        chain: "traffic".into(),
        time: BlockTime::from_millis(START),
        custodians: vec![CUSTODIAN],
        custodian_threshold: 1,
        signers: vec![Address::new([0x51; 20])],
        threshold: 1,
        validators: (1..=VALIDATORS)
            .map(|number| ValidatorGenesis { seat: seat(number), stake: 1 })
            .collect(),
        epoch_blocks: limits::EPOCH_BLOCKS_MIN,
        underlyings: underlyings.to_vec(),
        instruments,
        parameters: vec![ParameterGenesis {
            underlying: None,
            parameter: ParameterId::DepositLimit,
            value: 1_000_000_000_000_000_000,
        }],
        signed: false,
    }
}

/// Returns the seat of a validator; its key is one of its own, and opens nothing.
fn seat(number: u16) -> Seat {
    let key = *Hash::of("traffic validator", &number.to_be_bytes()).bytes();
    Seat { validator: ValidatorId::new(number), key, endpoint: None }
}

/// Returns the votes of all validators, which agree.
fn votes(btc: i128, eth: i128) -> Vec<Vote> {
    let mut prices = Vec::new();
    let mut bases = Vec::new();
    for ((underlying, ..), micros) in underlyings().into_iter().zip([btc, eth]) {
        for source in 1..=SOURCES {
            prices.push(PriceReport {
                underlying,
                source: SourceId::new(source),
                price: Price::from_micros(micros),
                confidence: Price::from_micros(micros / 10_000),
            });
        }
        bases.extend(expiries().map(|expires_at| {
            let basis = Price::from_micros(micros / 200);
            BasisReport { underlying, expires_at, basis }
        }));
    }
    let options = genesis().instruments.into_iter();
    let options = options.filter(|instrument| instrument.contract.pays_premium());
    let vols = options
        .map(|instrument| VolReport { instrument: instrument.id, vol: Vol::from_points(6_500) });
    let vols: Vec<VolReport> = vols.collect();
    (1..=VALIDATORS)
        .map(|number| Vote {
            validator: ValidatorId::new(number),
            prices: prices.clone(),
            vols: vols.clone(),
            bases: bases.clone(),
        })
        .collect()
}
