//! The accounts of the demo: who they are, what they hold at the start, and what they do in each block.
//!
//! Every decision is a function of the seed and of the machine's state, in integers, so that two runs of one seed send
//! the same commands on any machine.

use crate::listing::{CUSTODIANS, HOUR, SIGNERS};
use crate::random::Random;
use crate::{BTC, ETH};
use machine::{Market, State};
use protocol::{
    AccountId, Address, AssetId, Change, ClientOrderId, Command, Contract, DepositId, InstrumentId,
    NewOrder, ParameterId, ProposalId, Quote, Right, SelfTrade, Side, TimeInForce, Transaction,
    UnderlyingId,
};
use std::collections::BTreeMap;
use units::{Amount, BlockTime, Lots, Notional, Ppm, Price, Quantity, Round};

/// What an account is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Quotes both sides of everything.
    MarketMaker,
    /// Buys perpetuals with as much leverage as margin allows.
    LeveragedLong,
    /// Pledges coins and sells futures against them.
    Hedger,
    /// Sells options out of the money.
    OptionSeller,
    /// Buys and sells a little of everything.
    Trader,
    /// Replays a recorded order flow.
    Flow,
}

impl Role {
    /// Returns the name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MarketMaker => "market maker",
            Self::LeveragedLong => "leveraged long",
            Self::Hedger => "hedger",
            Self::OptionSeller => "option seller",
            Self::Trader => "trader",
            Self::Flow => "recorded flow",
        }
    }
}

/// How many accounts of each role there are.
pub const ROLES: [(Role, u16); 5] = [
    (Role::MarketMaker, 8),
    (Role::LeveragedLong, 200),
    (Role::Hedger, 80),
    (Role::OptionSeller, 80),
    (Role::Trader, 140),
];
/// Quotes in one mass quote.
const QUOTES: usize = 200;

/// One account.
#[derive(Debug)]
struct Agent {
    role: Role,
    address: Address,
    underlying: UnderlyingId,
    dollars: i128,
    coins: i128,
    /// When it starts, in blocks.
    starts: i128,
    random: Random,
    /// Whether it has answered a margin call with new money.
    topped_up: bool,
}

/// All accounts.
#[derive(Debug)]
pub struct Crowd {
    agents: Vec<Agent>,
    next_client: u64,
    raised: bool,
    /// What its signers have proposed: they approve nothing else.
    proposed: Vec<Change>,
}

/// Returns the address of an account of a role.
pub(crate) fn address(role: Role, number: u16) -> Address {
    let mut bytes = [0u8; 20];
    let tag = match role {
        Role::MarketMaker => 0xA1,
        Role::LeveragedLong => 0xA2,
        Role::Hedger => 0xA3,
        Role::OptionSeller => 0xA4,
        Role::Trader => 0xA5,
        Role::Flow => 0xA6,
    };
    let [first, .., high, low] = &mut bytes;
    *first = tag;
    [*high, *low] = number.to_be_bytes();
    Address::new(bytes)
}

impl Crowd {
    /// Returns the accounts of a seed.
    pub fn new(seed: u64) -> Self {
        let mut agents = Vec::new();
        for (role, count) in ROLES {
            for number in 0..count {
                let purpose = (u64::from(number) << 8)
                    | u64::from(*address(role, 0).bytes().first().unwrap_or(&0));
                let mut random = Random::new(seed, purpose);
                let thousand = 1_000_000_000;
                let (dollars, coins) = match role {
                    Role::MarketMaker => (40_000 * thousand, 0),
                    Role::LeveragedLong => (random.between(5, 250) * thousand, 0),
                    Role::Hedger => (random.between(20, 200) * thousand, random.between(1, 30)),
                    Role::OptionSeller => (random.between(30, 500) * thousand, 0),
                    Role::Trader | Role::Flow => (random.between(10, 300) * thousand, 0),
                };
                let underlying = if number % 3 == 2 { ETH } else { BTC };
                let starts = match role {
                    Role::MarketMaker => 2,
                    _ => random.between(3, 240),
                };
                agents.push(Agent {
                    role,
                    address: address(role, number),
                    underlying,
                    dollars,
                    coins: if underlying == ETH { coins * 15 } else { coins },
                    starts,
                    random,
                    topped_up: false,
                });
            }
        }
        Self { agents, next_client: 1, raised: false, proposed: Vec::new() }
    }

    /// Gives everybody another address.
    ///
    /// # Errors
    ///
    /// The first of the caller's own.
    pub fn rename<E>(
        &mut self,
        mut address: impl FnMut(Address) -> Result<Address, E>,
    ) -> Result<(), E> {
        for agent in &mut self.agents {
            agent.address = address(agent.address)?;
        }
        Ok(())
    }

    /// Numbers its orders from another start, for a crowd that comes back to accounts it has traded on before.
    pub fn number_from(&mut self, client: u64) {
        self.next_client = client;
    }

    /// Returns the deposits that open every account.
    pub fn deposits(&self) -> Vec<Arrived> {
        let mut deposits = Vec::new();
        for agent in &self.agents {
            let account = AccountId { owner: agent.address, sub: 0 };
            deposits.push((account, AssetId::DOLLAR, agent.dollars));
            if agent.coins > 0 {
                let asset = AssetId::new(agent.underlying.get());
                deposits.push((account, asset, agent.coins * Quantity::ONE.nanos()));
            }
        }
        deposits
    }

    /// Returns what everybody does in a block, given the state after the last one.
    pub fn act(&mut self, state: &State, block: i128, now: BlockTime) -> Vec<Transaction> {
        let mut sent = Vec::new();
        let near = NearMarkets::of(state, now);
        let mut next_client = self.next_client;
        for (number, agent) in self.agents.iter_mut().enumerate() {
            if block < agent.starts {
                continue;
            }
            let mut desk =
                Desk { state, near: &near, next_client: &mut next_client, sent: &mut sent };
            match agent.role {
                Role::MarketMaker => agent.make_market(&mut desk, block, number),
                Role::LeveragedLong => agent.ride(&mut desk, block),
                Role::Hedger => agent.hedge(&mut desk, block),
                Role::OptionSeller => agent.sell_options(&mut desk, block),
                Role::Trader => agent.trade(&mut desk),
                Role::Flow => {}
            }
        }
        self.next_client = next_client;
        sent
    }

    /// Returns what the signers do: one approves what another has proposed here, and nothing else; once BTC has lost a
    /// tenth, they widen its scan range, which needs no delay; and they drill, if it is time.
    pub fn govern(
        &mut self,
        state: &State,
        first: Price,
        drill: Option<Change>,
    ) -> Vec<Transaction> {
        let proposals: Vec<(ProposalId, Change)> = state
            .council
            .open()
            .filter(|(_, proposal)| proposal.due_at.is_none() && proposal.approvals.len() == 1)
            .filter(|(_, proposal)| self.proposed.contains(&proposal.change))
            .map(|(id, proposal)| (id, proposal.change))
            .collect();
        let approve = |(proposal, change)| sign(1, Command::Approve { proposal, change });
        let mut sent: Vec<Transaction> = proposals.into_iter().map(approve).collect();
        let fallen = state.index(BTC).is_some_and(|index| index.micros() * 10 < first.micros() * 9);
        if fallen && !self.raised {
            self.raised = true;
            let change = |underlying| Change::SetParameter {
                parameter: ParameterId::ScanRange,
                underlying: Some(underlying),
                value: 200_000,
            };
            let changes = [BTC, ETH].map(change);
            sent.extend(changes.map(|change| sign(0, Command::Propose { change })));
            self.proposed.extend(changes);
        }
        if let Some(change) = drill {
            sent.push(sign(2, Command::Propose { change }));
            self.proposed.push(change);
        }
        sent
    }
}

/// Returns a command of a signer.
fn sign(signer: usize, command: Command) -> Transaction {
    Transaction { sender: SIGNERS[signer % SIGNERS.len()], command }
}

/// What has arrived in custody: for whom, what, and how much in minor units.
pub type Arrived = (AccountId, AssetId, i128);

/// Returns the attestations of deposits, each with its number, by two of three custodians: of each both, before the next, as a
/// custodian may have no more than some that are not credited (0025-BLOCK-044).
pub fn attested(numbered: impl IntoIterator<Item = (u64, Arrived)>) -> Vec<Transaction> {
    let numbered = numbered.into_iter();
    let commands = numbered.map(|(number, (account, asset, minor))| Command::Deposit {
        id: DepositId::new(number),
        account,
        asset,
        amount: Amount::from_minor(minor),
    });
    let [one, another, _] = CUSTODIANS;
    let by = |sender, command: &Command| Transaction { sender, command: command.clone() };
    commands.flat_map(|command| [by(one, &command), by(another, &command)]).collect()
}

/// The markets that trade now, sorted for the agents.
#[derive(Debug, Default)]
struct NearMarkets {
    perpetuals: BTreeMap<UnderlyingId, InstrumentId>,
    futures: Vec<InstrumentId>,
    options: Vec<InstrumentId>,
}

impl NearMarkets {
    fn of(state: &State, now: BlockTime) -> Self {
        let mut near = Self::default();
        for (id, market) in &state.markets {
            let Some(_) = market.mark.filter(|_| market.status == machine::Status::Trading) else {
                continue;
            };
            // The last ten minutes before an expiry are left to those who hold the contract.
            let closing = |at: BlockTime| at.millis() - now.millis() < HOUR / 6;
            match market.instrument.contract {
                Contract::Perpetual => {
                    near.perpetuals.insert(market.instrument.underlying, *id);
                }
                Contract::Future { expires_at } if !closing(expires_at) => near.futures.push(*id),
                Contract::Option { expires_at, .. } if !closing(expires_at) => {
                    near.options.push(*id)
                }
                Contract::Future { .. } | Contract::Option { .. } => {}
            }
        }
        near
    }
}

/// What an agent sees and where it writes.
#[derive(Debug)]
struct Desk<'a> {
    state: &'a State,
    near: &'a NearMarkets,
    next_client: &'a mut u64,
    sent: &'a mut Vec<Transaction>,
}

impl Desk<'_> {
    fn market(&self, id: InstrumentId) -> Option<(&Market, Price)> {
        let market = self.state.markets.get(&id)?;
        Some((market, market.mark?))
    }

    /// Sends an order at a distance from the mark, in parts per million of the index; positive is more aggressive.
    fn order(
        &mut self,
        sender: Address,
        id: InstrumentId,
        side: Side,
        lots: i128,
        reach: i128,
        rests: bool,
    ) {
        let Some((market, mark)) = self.market(id) else { return };
        let Some(index) = self.state.index(market.instrument.underlying) else { return };
        let reach = index.micros() / 1_000_000 * reach;
        let (price, round) = match side {
            Side::Buy => (mark.micros() + reach, Round::Up),
            Side::Sell => (mark.micros() - reach, Round::Down),
        };
        let tick = market.instrument.tick;
        let Ok(price) = Price::from_micros(price).on_tick(tick, round) else { return };
        let price =
            if market.instrument.contract.pays_premium() { price.greater(tick) } else { price };
        *self.next_client += 1;
        let time_in_force =
            if rests { TimeInForce::GoodTillCancelled } else { TimeInForce::ImmediateOrCancel };
        let order = NewOrder {
            client: ClientOrderId::new(*self.next_client),
            instrument: id,
            side,
            price,
            lots: Lots::from_count(lots.max(1)),
            time_in_force,
            reduce_only: false,
            self_trade: SelfTrade::CancelResting,
        };
        self.sent.push(Transaction { sender, command: Command::PlaceOrder { sub: 0, order } });
    }
}

impl Agent {
    fn account(&self) -> AccountId {
        AccountId { owner: self.address, sub: 0 }
    }

    fn lots(&self, state: &State, id: InstrumentId) -> i128 {
        let index = state.accounts.index(self.account());
        let held = index.and_then(|index| state.accounts.get(index));
        held.map_or(0, |held| held.position(id).lots.count())
    }

    /// Quotes perpetuals and futures in every block, and a fifth of the options; away from its own position.
    fn make_market(&mut self, desk: &mut Desk<'_>, block: i128, number: usize) {
        let turn = usize::try_from(block.rem_euclid(5)).unwrap_or(0);
        let mut quotes = Vec::new();
        let linear = desk.near.perpetuals.values().chain(&desk.near.futures);
        for id in linear {
            self.quote(desk, *id, 60, 400, &mut quotes);
        }
        let options =
            desk.near.options.iter().enumerate().filter(|(at, _)| (at + number) % 5 == turn);
        for (_, id) in options {
            self.quote(desk, *id, 40, 1_500, &mut quotes);
        }
        for quotes in quotes.chunks(QUOTES) {
            let command = Command::MassQuote { sub: 0, quotes: quotes.to_vec() };
            desk.sent.push(Transaction { sender: self.address, command });
        }
    }

    fn quote(
        &mut self,
        desk: &Desk<'_>,
        id: InstrumentId,
        most: i128,
        width: i128,
        quotes: &mut Vec<Quote>,
    ) {
        let Some((market, mark)) = desk.market(id) else { return };
        let Some(index) = desk.state.index(market.instrument.underlying) else { return };
        let tick = market.instrument.tick;
        let held = self.lots(desk.state, id);
        let lot = if market.instrument.contract.pays_premium() { 1 } else { 50 };
        let lean = index.micros() / 1_000_000 * (held * 20 / (lot * most)).clamp(-3_000, 3_000);
        for level in 1..=2 {
            let half =
                index.micros() / 1_000_000 * (width * level + self.random.between(0, width)) / 4;
            let half = half.max(tick.micros() * level);
            for side in [Side::Buy, Side::Sell] {
                let (price, round) = match side {
                    Side::Buy => (mark.micros() - half - lean, Round::Down),
                    Side::Sell => (mark.micros() + half - lean, Round::Up),
                };
                let Ok(price) = Price::from_micros(price).on_tick(tick, round) else { continue };
                let lots = Lots::from_count(lot * self.random.between(most / 4, most));
                // Below the last tick there is nothing left to bid for.
                let lots = if price < tick { Lots::ZERO } else { lots };
                quotes.push(Quote { instrument: id, side, price: price.greater(tick), lots });
            }
        }
    }

    /// Buys perpetuals until most of its equity is margin; one in three answers a margin call with new money, once.
    fn ride(&mut self, desk: &mut Desk<'_>, block: i128) {
        let Some(id) = desk.near.perpetuals.get(&self.underlying).copied() else { return };
        let Some((market, mark)) = desk.market(id) else { return };
        let Ok(value) = Lots::from_count(1).value(mark, market.instrument.contract_size, Round::Up)
        else {
            return;
        };
        let wanted = self.dollars * 5 / value.micros().max(1);
        let wanted = wanted * self.starts.rem_euclid(40) / 40;
        let missing = wanted - self.lots(desk.state, id);
        if missing > 0 && block < self.starts + 20 {
            desk.order(self.address, id, Side::Buy, missing, 4_000, false);
        }
        let called = desk.state.accounts.index(self.account());
        let called =
            called.and_then(|index| desk.state.accounts.get(index)).is_some_and(|held| held.called);
        if called && !self.topped_up && self.starts % 3 == 0 {
            self.topped_up = true;
            *desk.next_client += 1;
            // Far above those that open the accounts.
            let number = (1 << 40) + *desk.next_client;
            let more = (self.account(), AssetId::DOLLAR, self.dollars / 3);
            desk.sent.extend(attested([(number, more)]));
        }
    }

    /// Sells futures, or the perpetual, against the coins it has pledged; buys puts with what is left over.
    fn hedge(&mut self, desk: &mut Desk<'_>, block: i128) {
        if (block + self.starts).rem_euclid(10) != 0 {
            return;
        }
        let future = desk.near.futures.iter().copied().find(|id| {
            let market = desk.state.markets.get(id);
            market.is_some_and(|market| market.instrument.underlying == self.underlying)
        });
        let perpetual = desk.near.perpetuals.get(&self.underlying).copied();
        let chosen = if self.starts % 2 == 0 { future.or(perpetual) } else { perpetual };
        let Some(id) = chosen else { return };
        let Some((market, _)) = desk.market(id) else { return };
        let wanted =
            self.coins * Quantity::ONE.nanos() / market.instrument.contract_size.nanos().max(1);
        let missing = wanted + self.lots(desk.state, id);
        if missing > 0 {
            desk.order(self.address, id, Side::Sell, missing.min(2_000), 3_000, false);
        }
        if self.random.once_in(12) {
            let puts = self.options(desk, Right::Put);
            if let Some(put) = self.pick(&puts) {
                desk.order(self.address, put, Side::Buy, self.coins.max(1), 1_500, false);
            }
        }
    }

    /// Sells calls and puts now and then; keeps some equity back.
    fn sell_options(&mut self, desk: &mut Desk<'_>, block: i128) {
        if (block + self.starts).rem_euclid(15) != 0 || block > self.starts + 600 {
            return;
        }
        let right = if self.random.once_in(3) { Right::Call } else { Right::Put };
        let options = self.options(desk, right);
        let Some(id) = self.pick(&options) else { return };
        let Some(index) = desk.state.index(self.underlying) else { return };
        let Some((market, _)) = desk.market(id) else { return };
        let Ok(lot) = market.instrument.contract_size.value(index, Round::Up) else { return };
        let lots = self.dollars
            / 8
            / lot.fraction_ppm(Ppm::from_parts(200_000), Round::Up).unwrap_or(lot).micros().max(1);
        desk.order(self.address, id, Side::Sell, lots.clamp(1, 400), 1_200, false);
    }

    /// A small order somewhere, a cancel, a withdrawal.
    fn trade(&mut self, desk: &mut Desk<'_>) {
        match self.random.between(0, 39) {
            0..=9 => {
                let all: Vec<InstrumentId> =
                    desk.near.perpetuals.values().chain(&desk.near.futures).copied().collect();
                let Some(id) = self.pick(&all) else { return };
                let side = if self.random.once_in(2) { Side::Buy } else { Side::Sell };
                let rests = self.random.once_in(3);
                let reach = if rests { -self.random.between(200, 3_000) } else { 2_500 };
                let lots = self.random.between(1, 60);
                desk.order(self.address, id, side, lots, reach, rests);
            }
            10..=12 => {
                let right = if self.random.once_in(2) { Right::Call } else { Right::Put };
                let options = self.options(desk, right);
                let Some(id) = self.pick(&options) else { return };
                let lots = self.random.between(1, 12);
                desk.order(self.address, id, Side::Buy, lots, 1_500, false);
            }
            13 => {
                let command = Command::MassCancel { sub: 0, instrument: None };
                desk.sent.push(Transaction { sender: self.address, command });
            }
            14 if self.random.once_in(10) => {
                let amount = Amount::from_notional(Notional::from_micros(self.dollars / 20));
                let (asset, destination) = (AssetId::DOLLAR, self.address);
                let command = Command::Withdraw { sub: 0, asset, amount, destination };
                desk.sent.push(Transaction { sender: self.address, command });
            }
            _ => {}
        }
    }

    /// Returns the options of its underlying that are out of the money.
    fn options(&self, desk: &Desk<'_>, right: Right) -> Vec<InstrumentId> {
        let index = desk.state.index(self.underlying).unwrap_or(Price::ZERO);
        let wanted = |id: &&InstrumentId| {
            let Some(market) = desk.state.markets.get(id) else { return false };
            let Contract::Option { strike, right: held, .. } = market.instrument.contract else {
                return false;
            };
            let out = if right == Right::Call { strike >= index } else { strike <= index };
            market.instrument.underlying == self.underlying && held == right && out
        };
        desk.near.options.iter().filter(wanted).copied().collect()
    }

    fn pick(&mut self, ids: &[InstrumentId]) -> Option<InstrumentId> {
        let last = i128::try_from(ids.len()).ok()?.checked_sub(1)?;
        let at = usize::try_from(self.random.between(0, last)).ok()?;
        ids.get(at).copied()
    }
}
