//! A history on the real machine: what is relative becomes blocks, honest third parties do their part.

use crate::act::{Act, Setup, Step, Tick};
use crate::house::{
    self, CUSTODIANS, FIRST_EXPIRY, LAST_EXPIRY, MARKETS, PRICES, SIGNERS, START, TICK,
    UNDERLYINGS, VALIDATORS, account, market, owner, side_of, third,
};
use machine::{Machine, Outcome};
use protocol::{
    AssetId, BasisReport, Block, Change, ClientOrderId, Command, DepositId, Instrument,
    InstrumentId, NewOrder, ParameterId, PriceReport, ProposalId, Quote, Receipt, Refusal,
    SelfTrade, Side, SourceId, TimeInForce, Transaction, ValidatorId, VolReport, Vote,
};
use units::{Amount, BlockTime, Lots, Notional, Price, Round, Vol};

/// Parts per million.
const MILLION: i128 = 1_000_000;
/// Dollars of each bystander.
const WEALTH: i128 = 50_000_000;
/// Dollars of the one with little more than initial margin.
const LEVERAGED: i128 = 60_000;

/// What third parties said and were answered in a block.
#[derive(Debug)]
pub(crate) struct Applied {
    /// What the machine says.
    pub(crate) outcome: Outcome,
    /// Where the honest trader tried to trade, and why it could not.
    pub(crate) probed: Option<(InstrumentId, Option<Refusal>)>,
    /// Why an honest signer could not propose, if it tried.
    pub(crate) proposed: Option<Refusal>,
}

/// The machine, and what everybody can see outside it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) now: i128,
    /// True prices, in micro-dollars.
    pub(crate) prices: [i128; 2],
    /// True vol of everything, in points.
    pub(crate) vol: i128,
    /// True basis of the last expiry in parts per million of the index; that of the first is a tenth.
    pub(crate) basis: i128,
    /// Validators that have spoken in the last block.
    pub(crate) speaking: usize,
    /// All blocks so far, if they are kept.
    pub(crate) kept: Option<Vec<Block>>,
    quoted: u16,
    client: u64,
    probe: u8,
    deposits: u64,
    own_proposal: Option<ProposalId>,
}

impl World {
    /// Founds a house, pays everybody in and lets the bystanders trade with each other.
    pub(crate) fn new(setup: &Setup, still: bool) -> Self {
        Self::opened(setup, still, None)
    }

    /// The same, with all blocks kept.
    pub(crate) fn keeping(setup: &Setup) -> Self {
        Self::opened(setup, false, Some(Vec::new()))
    }

    fn opened(setup: &Setup, still: bool, kept: Option<Vec<Block>>) -> Self {
        let mut world = Self {
            machine: house::found(setup, still),
            now: START,
            prices: PRICES,
            vol: 9_000,
            basis: 0,
            speaking: 0,
            kept,
            quoted: setup.quoted,
            client: 0,
            probe: 0,
            deposits: 1,
            own_proposal: None,
        };
        let mut paid_in = Vec::new();
        for (place, dollars) in setup.capital.iter().enumerate() {
            let member = u8::try_from(place).expect("eight at most") + 1;
            paid_in.extend(world.deposit(member, i128::from(*dollars)));
        }
        for (number, dollars) in [
            (third::LONG, WEALTH),
            (third::SHORT, WEALTH),
            (third::LEVERAGED, LEVERAGED),
            (third::MAKER, WEALTH),
            (third::PROBE, WEALTH),
        ] {
            paid_in.extend(world.deposit(number, dollars));
        }
        // Prices have to agree for some blocks before there is one.
        for _ in 0..6 {
            world.apply(&Tick::QUIET, Vec::new());
        }
        let paid = world.apply(&Tick::QUIET, paid_in);
        let refused = paid.receipts.iter().any(|receipt| matches!(receipt, Receipt::Refused(_)));
        assert!(!refused, "everybody is paid in: {:?}", paid.receipts);
        let mut opening = Vec::new();
        for place in 0..MARKETS {
            let lots = if side_of(market(place)) == 0 { 500 } else { 20_000 };
            opening.extend(world.trade(third::LONG, third::SHORT, place, lots));
        }
        if setup.leveraged {
            opening.extend(world.trade(third::LEVERAGED, third::SHORT, 0, 4_200));
        }
        world.apply(&Tick::QUIET, opening);
        world
    }

    /// Returns what custodians sign when dollars arrive.
    fn deposit(&mut self, number: u8, dollars: i128) -> Vec<Transaction> {
        let command = Command::Deposit {
            id: DepositId::new(self.deposits),
            account: account(number),
            asset: AssetId::DOLLAR,
            amount: Amount::from_minor(dollars * MILLION),
        };
        self.deposits += 1;
        let attested = |sender| Transaction { sender, command: command.clone() };
        CUSTODIANS[1..].iter().copied().map(attested).collect()
    }

    /// Returns two orders that meet at the mark.
    fn trade(&mut self, long: u8, short: u8, place: u8, lots: i128) -> Vec<Transaction> {
        let price = self.limit(market(place), Side::Buy, 0);
        [(long, Side::Buy), (short, Side::Sell)]
            .into_iter()
            .map(|(number, side)| {
                self.place(number, market(place), side, price, lots, TimeInForce::GoodTillCancelled)
            })
            .collect()
    }

    /// Applies one step: the world moves, the coalition acts, third parties answer.
    pub(crate) fn step(&mut self, step: &Step) -> Applied {
        for (side, price) in self.prices.iter_mut().enumerate() {
            *price += *price * i128::from(step.tick.index[side]) / MILLION;
        }
        self.vol = (self.vol + self.vol * i128::from(step.tick.vol) / MILLION).clamp(2_000, 20_000);
        self.basis = (self.basis + i128::from(step.tick.basis)).clamp(-40_000, 40_000);
        let mut transactions = Vec::new();
        for act in &step.acts {
            if *act == Act::Restart {
                self.restart();
            }
            transactions.extend(self.command(act));
        }
        transactions.extend(self.quotes());
        let before = Command::MassCancel { sub: 0, instrument: None };
        transactions.push(Transaction { sender: owner(third::PROBE), command: before });
        let probed = self.probe_order();
        let asked = transactions.len();
        transactions.extend(probed.iter().map(|(_, order)| order.clone()));
        transactions.push(self.honest_signer());
        let outcome = self.apply(&step.tick, transactions);
        let refused = |place: usize| match outcome.receipts.get(place) {
            Some(Receipt::Refused(refusal)) => Some(*refusal),
            _ => None,
        };
        let proposed = refused(outcome.receipts.len() - 1);
        if let Some(Receipt::Proposal(proposal)) = outcome.receipts.last() {
            self.own_proposal = Some(*proposal);
        }
        let probed = probed.map(|(id, _)| (id, refused(asked)));
        Applied { outcome, probed, proposed }
    }

    /// An honest signer proposes something in one block and takes it back in the next.
    fn honest_signer(&mut self) -> Transaction {
        let command = match self.own_proposal.take() {
            Some(proposal) => Command::Revoke { proposal },
            None => Command::Propose { change: Change::ResumeInstrument(market(0)) },
        };
        Transaction { sender: SIGNERS[1], command }
    }

    fn apply(&mut self, tick: &Tick, transactions: Vec<Transaction>) -> Outcome {
        self.now += i128::from(tick.seconds) * 1_000;
        let votes = self.votes(tick);
        self.speaking = votes.len();
        let block = Block {
            height: self.machine.state().height.next().expect("heights suffice"),
            time: BlockTime::from_millis(self.now),
            votes,
            offences: Vec::new(),
            transactions,
            grants: Vec::new(),
        };
        let outcome = self.machine.apply(&block).expect("the block follows");
        if let Some(kept) = &mut self.kept {
            kept.push(block);
        }
        outcome
    }

    /// Every validator that speaks reports what is true; the insider, the first, off by its lie.
    fn votes(&self, tick: &Tick) -> Vec<Vote> {
        let speaks = |number: &u16| tick.silent & (1 << (number - 1)) == 0;
        (1..=VALIDATORS)
            .filter(speaks)
            .map(|number| {
                let lie = if number == 1 { i128::from(tick.lie) } else { 0 };
                self.vote(number, lie)
            })
            .collect()
    }

    fn vote(&self, number: u16, lie: i128) -> Vote {
        let off = |value: i128| value + value * lie / MILLION;
        let prices = UNDERLYINGS.into_iter().zip(self.prices).flat_map(|(underlying, price)| {
            (1..=VALIDATORS).map(move |source| PriceReport {
                underlying,
                source: SourceId::new(source),
                price: Price::from_micros(off(price)),
                confidence: Price::from_micros(price / 10_000),
            })
        });
        let options = self.machine.state().markets.values();
        let options = options.filter(|market| market.instrument.contract.pays_premium());
        let vols = options.map(|market| VolReport {
            instrument: market.instrument.id,
            vol: Vol::from_points(off(self.vol).clamp(100, 40_000)),
        });
        let bases = UNDERLYINGS.into_iter().zip(self.prices).flat_map(|(underlying, price)| {
            [(FIRST_EXPIRY, self.basis / 10), (LAST_EXPIRY, self.basis)].map(|(at, basis)| {
                BasisReport {
                    underlying,
                    expires_at: BlockTime::from_millis(at),
                    basis: Price::from_micros(off(price * basis / MILLION)),
                }
            })
        });
        Vote {
            validator: ValidatorId::new(number),
            prices: prices.collect(),
            vols: vols.collect(),
            bases: bases.collect(),
        }
    }

    fn restart(&mut self) {
        let written = self.machine.snapshot().expect("a state is encodable");
        self.machine = Machine::restore(&written).expect("what was written is a state");
    }

    /// Returns the mark of a market as the next block will see it, as nearly as anybody outside can tell.
    fn mark(&self, id: InstrumentId) -> Option<i128> {
        let state = self.machine.state();
        let market = state.markets.get(&id)?;
        let index = state.index(market.instrument.underlying)?.micros();
        let moved = self.prices[side_of(id)] * MILLION / index.max(1);
        let mark = market.mark?.micros();
        Some(if market.instrument.contract.pays_premium() { mark } else { mark * moved / MILLION })
    }

    /// Returns the tick at or inside a distance from the mark.
    fn limit(&self, id: InstrumentId, side: Side, off: i128) -> i128 {
        let mark = self.mark(id).unwrap_or(PRICES[side_of(id)]);
        let price = mark + mark * off / MILLION;
        let down = price.div_euclid(TICK) * TICK;
        let limit = if side == Side::Sell && down < price { down + TICK } else { down };
        limit.max(TICK)
    }

    fn place(
        &mut self,
        number: u8,
        instrument: InstrumentId,
        side: Side,
        price: i128,
        lots: i128,
        time_in_force: TimeInForce,
    ) -> Transaction {
        self.client += 1;
        let order = NewOrder {
            client: ClientOrderId::new(self.client),
            instrument,
            side,
            price: Price::from_micros(price),
            lots: Lots::from_count(lots),
            time_in_force,
            reduce_only: false,
            self_trade: SelfTrade::CancelResting,
        };
        let id = account(number);
        Transaction { sender: id.owner, command: Command::PlaceOrder { sub: id.sub, order } }
    }

    /// Returns what an act of the coalition sends; nothing if there is nothing to do.
    fn command(&mut self, act: &Act) -> Vec<Transaction> {
        let from = |number: u8, command| vec![Transaction { sender: owner(number), command }];
        match *act {
            Act::Order { who, market: place, side, off, size, time_in_force, reduce_only } => {
                let id = market(place);
                let lots = self.affordable(who, id) * i128::from(size) / MILLION;
                let price = self.limit(id, side, off.into());
                let mut sent = self.place(who, id, side, price, lots.max(1), time_in_force);
                if let Command::PlaceOrder { order, .. } = &mut sent.command {
                    order.reduce_only = reduce_only;
                }
                vec![sent]
            }
            Act::Close { who, market: place, off } => {
                let lots = self.lots(who, market(place));
                let side = if lots > 0 { Side::Sell } else { Side::Buy };
                self.order_if(who, place, side, off, lots.abs())
            }
            Act::TakeOver { who, of, market: place, off } => {
                let lots = self.lots(of, market(place));
                let side = if lots > 0 { Side::Buy } else { Side::Sell };
                if lots == 0 {
                    return Vec::new();
                }
                // To the tick that whoever closes comes to.
                let price = self.limit(market(place), side.opposite(), off.into());
                let good = TimeInForce::GoodTillCancelled;
                vec![self.place(who, market(place), side, price, lots.abs(), good)]
            }
            Act::Meet { who, of, market: place } => {
                let Some((side, price, lots)) = self.newest(of, market(place)) else {
                    return Vec::new();
                };
                let good = TimeInForce::GoodTillCancelled;
                vec![self.place(who, market(place), side.opposite(), price, lots, good)]
            }
            Act::Cancel { who } => {
                from(who, Command::MassCancel { sub: account(who).sub, instrument: None })
            }
            Act::Flood { who, market: place, side } => {
                let (far, away) = match side {
                    Side::Buy => (-700_000, -TICK),
                    Side::Sell => (700_000, TICK),
                };
                let price = self.limit(market(place), side, far);
                let quotes = (0..64).map(|step| Quote {
                    instrument: market(place),
                    side,
                    price: Price::from_micros((price + step * away).max(TICK)),
                    lots: Lots::from_count(1),
                });
                let quotes = quotes.collect();
                from(who, Command::MassQuote { sub: account(who).sub, quotes })
            }
            Act::Withdraw { who, share } => {
                let amount = self.free(who) * i128::from(share) / MILLION;
                let (sub, asset) = (account(who).sub, AssetId::DOLLAR);
                let (amount, destination) = (Amount::from_minor(amount), owner(who));
                from(who, Command::Withdraw { sub, asset, amount, destination })
            }
            Act::Transfer { who, to, share } => {
                let amount = self.free(who) * i128::from(share) / MILLION;
                let (sub, asset, to) = (account(who).sub, AssetId::DOLLAR, account(to));
                let amount = Amount::from_minor(amount);
                from(who, Command::Transfer { sub, to, asset, amount })
            }
            Act::Attest { who } => vec![Transaction {
                sender: CUSTODIANS[0],
                command: Command::Deposit {
                    id: DepositId::new(self.deposits),
                    account: account(who),
                    asset: AssetId::DOLLAR,
                    amount: Amount::from_minor(1_000_000 * MILLION),
                },
            }],
            Act::Pause { market: place } => insider(Command::Pause { instrument: market(place) }),
            Act::Drill { market: place } => {
                let change = Change::DrillInstrument(market(place));
                insider(Command::Propose { change })
            }
            Act::Propose { change } => insider(Command::Propose { change: change_of(change) }),
            Act::Approve => {
                let open = self.machine.state().council.open();
                let open =
                    open.map(|(proposal, held)| Command::Approve { proposal, change: held.change });
                open.flat_map(insider).collect()
            }
            Act::Restart => Vec::new(),
        }
    }

    fn order_if(
        &mut self,
        who: u8,
        place: u8,
        side: Side,
        off: i32,
        lots: i128,
    ) -> Vec<Transaction> {
        if lots == 0 {
            return Vec::new();
        }
        let price = self.limit(market(place), side, off.into());
        vec![self.place(who, market(place), side, price, lots, TimeInForce::GoodTillCancelled)]
    }

    /// Returns the lots that an account holds.
    pub(crate) fn lots(&self, number: u8, id: InstrumentId) -> i128 {
        let accounts = &self.machine.state().accounts;
        let held = accounts.index(account(number)).and_then(|index| accounts.get(index));
        held.map_or(0, |held| held.position(id).lots.count())
    }

    fn newest(&self, number: u8, id: InstrumentId) -> Option<(Side, i128, i128)> {
        let accounts = &self.machine.state().accounts;
        let held = accounts.index(account(number)).and_then(|index| accounts.get(index))?;
        let orders = held.orders().sorted();
        let open = orders.iter().rev().find(|(_, open)| open.instrument == id)?.1;
        Some((open.side, open.price.micros(), open.lots.count()))
    }

    /// Returns the lots whose scan loss an account's cash would cover.
    fn affordable(&self, number: u8, id: InstrumentId) -> i128 {
        let state = self.machine.state();
        let Some(index) = state.accounts.index(account(number)) else { return 1 };
        let Some(market) = state.markets.get(&id) else { return 1 };
        let Instrument { contract_size, .. } = market.instrument;
        let price = Price::from_micros(self.prices[side_of(id)]);
        let lot = Lots::from_count(1).value(price, contract_size, Round::Up).expect("small");
        let margin = lot.micros() * 17 / 100;
        (state.ledger.cash(index).micros().max(0) / margin.max(1)).clamp(1, 100_000)
    }

    /// Returns the dollars that initial margin does not need; all of them without positions.
    fn free(&self, number: u8) -> i128 {
        let state = self.machine.state();
        let Some(index) = state.accounts.index(account(number)) else { return 0 };
        let required = state.risk().and_then(|risk| state.required(&risk, index, true));
        let free = required.map_or(0, |needed| needed.equity.micros() - needed.initial.micros());
        free.min(state.ledger.cash(index).micros()).max(0)
    }

    /// The maker quotes a thousand lots a side, a twentieth of a per cent around what is true.
    fn quotes(&self) -> Vec<Transaction> {
        let mut quotes = Vec::new();
        for place in 0..MARKETS {
            let id = market(place);
            let Some(mark) = self.mark(id).filter(|_| self.quoted & (1 << place) != 0) else {
                continue;
            };
            let lots = Lots::from_count(if side_of(id) == 0 { 20_000 } else { 800_000 });
            for (side, off) in [(Side::Buy, -500), (Side::Sell, 500)] {
                let price = Price::from_micros(self.limit(id, side, off));
                if side == Side::Buy && mark < TICK {
                    // There is no bid below what it is worth.
                    continue;
                }
                quotes.push(Quote { instrument: id, side, price, lots });
            }
        }
        match quotes.is_empty() {
            true => Vec::new(),
            false => {
                let command = Command::MassQuote { sub: 0, quotes };
                vec![Transaction { sender: owner(third::MAKER), command }]
            }
        }
    }

    /// The honest trader bids for a lot somewhat below the mark, in one market after another.
    fn probe_order(&mut self) -> Option<(InstrumentId, Transaction)> {
        self.probe = (self.probe + 1) % MARKETS;
        let id = market(self.probe);
        self.mark(id)?;
        let price = self.limit(id, Side::Buy, -20_000);
        if price <= TICK {
            // Whoever bids the least there is has no better place than others who do.
            return None;
        }
        let good = TimeInForce::GoodTillCancelled;
        Some((id, self.place(third::PROBE, id, Side::Buy, price, 1, good)))
    }

    /// Returns dollars that are with the house: what came in less what left.
    pub(crate) fn custody(&self) -> i128 {
        let ledger = &self.machine.state().ledger;
        -ledger.balance(ledger::Holder::Outside, AssetId::DOLLAR).notional().micros()
    }
}

fn insider(command: Command) -> Vec<Transaction> {
    vec![Transaction { sender: SIGNERS[0], command }]
}

/// Returns one of the changes that a single signer would like.
fn change_of(number: u8) -> Change {
    let set = |parameter, underlying, value| Change::SetParameter { parameter, underlying, value };
    match number % 6 {
        0 => set(ParameterId::MaintenanceRatio, None, 1_000_000),
        1 => set(ParameterId::LiquidationBand, Some(UNDERLYINGS[0]), 1_000),
        2 => set(ParameterId::GapMax, Some(UNDERLYINGS[0]), 2_000),
        3 => set(ParameterId::PriceBand, Some(UNDERLYINGS[0]), 1_000_000),
        4 => set(ParameterId::WithdrawalLimit, None, 0),
        _ => Change::ResumeHouse,
    }
}

/// Returns dollars of micro-dollars, for people.
pub(crate) fn dollars(micros: i128) -> String {
    let amount = Notional::from_micros(micros);
    format!("{amount}")
}
