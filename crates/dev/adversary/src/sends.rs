//! What acts of the coalition send: what is relative becomes commands, as the state stands.

use crate::act::{Act, Claim, Member};
use crate::changes;
use crate::house::{self, CUSTODIANS, PRICES, TICK, account, market, owner, side_of};
use crate::world::World;
use protocol::{
    AccountId, AssetId, Change, ClientOrderId, Command, DepositId, Instrument, InstrumentId,
    NewOrder, ProposalId, Quote, SelfTrade, Side, TimeInForce, Transaction, WithdrawalId,
};
use units::{Amount, Lots, Price, Round};

/// Parts per million.
const MILLION: i128 = 1_000_000;
/// A million dollars, in micro-dollars.
const FORTUNE: i128 = 1_000_000 * MILLION;

impl World {
    /// Returns what an act of the coalition sends; nothing if there is nothing to do.
    pub(crate) fn command(&mut self, act: &Act) -> Vec<Transaction> {
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
                let quotes = self.flood(place, side);
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
            Act::WithdrawCoins { who, coin, share } => {
                let (sub, asset) = (account(who).sub, house::coin(coin));
                let held = self.coins(who, asset) * i128::from(share) / MILLION;
                let (amount, destination) = (Amount::from_minor(held), owner(who));
                from(who, Command::Withdraw { sub, asset, amount, destination })
            }
            Act::Buy { who, of, coin, off } => vec![self.buy(who, of, coin, off.into())],
            Act::Attest { who, claim } => self.claims(who, claim),
            Act::AttestPayment => {
                let open = self.machine.state().custody.open();
                let named = open.keys().copied().chain([WithdrawalId::new(1_000_000)]);
                let sent = named.map(|id| Command::AttestPayment { id });
                sent.map(|command| Transaction { sender: CUSTODIANS[0], command }).collect()
            }
            Act::Pause { market: place } => {
                self.insiders(&Command::Pause { instrument: market(place) })
            }
            Act::Drill { market: place } => {
                let change = Change::DrillInstrument(market(place));
                self.insiders(&Command::Propose { change })
            }
            Act::Propose { change } => {
                self.insiders(&Command::Propose { change: changes::of(change) })
            }
            Act::Approve => {
                self.on_all_open(|proposal, held| Command::Approve { proposal, change: held })
            }
            Act::ApproveOther { change } => self.on_all_open(|proposal, _| Command::Approve {
                proposal,
                change: changes::of(change),
            }),
            Act::Revoke => self.on_all_open(|proposal, _| Command::Revoke { proposal }),
            Act::Odd { who, kind, market } => self.odd(who, kind, market),
            Act::Crowd { market: place, side, off, lots } => {
                let price = self.limit(market(place), side, off.into());
                // What nobody takes does not rest, and fills no book.
                let life = TimeInForce::ImmediateOrCancel;
                let each = (0..self.crowd).map(house::of_crowd).collect::<Vec<AccountId>>();
                let place = |id| self.place_for(id, market(place), side, price, lots.into(), life);
                each.into_iter().map(place).collect()
            }
            Act::CrowdRests { market: place, side } => {
                let each = (0..self.crowd).map(house::of_crowd);
                let quotes = self.flood(place, side);
                let sent = each.map(|id| Transaction {
                    sender: id.owner,
                    command: Command::MassQuote { sub: id.sub, quotes: quotes.clone() },
                });
                sent.collect()
            }
            Act::Restart | Act::Third(_) => Vec::new(),
        }
    }

    /// Returns quotes of one lot each, as far from the mark as they may be and farther.
    fn flood(&self, place: u8, side: Side) -> Vec<Quote> {
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
        quotes.collect()
    }

    /// The signers of the coalition each send the same.
    fn insiders(&self, command: &Command) -> Vec<Transaction> {
        let (ours, _) = house::signers(&self.keys);
        ours.iter()
            .map(|sender| Transaction { sender: *sender, command: command.clone() })
            .collect()
    }

    /// They send something about every open proposal.
    fn on_all_open(&self, command: impl Fn(ProposalId, Change) -> Command) -> Vec<Transaction> {
        let open = self.machine.state().council.open();
        open.flat_map(|(proposal, held)| self.insiders(&command(proposal, held.change))).collect()
    }

    /// What the custodian of the coalition signs.
    fn claims(&self, who: Member, claim: Claim) -> Vec<Transaction> {
        let dollars = |id: u64, amount: i128| (DepositId::new(id), AssetId::DOLLAR, amount);
        let claims = match claim {
            Claim::New | Claim::Instead => vec![dollars(self.deposits, FORTUNE)],
            Claim::Again => vec![dollars(1, FORTUNE)],
            Claim::Far => (0..70).map(|step| dollars(u64::MAX - step, FORTUNE)).collect(),
            Claim::Coins => {
                vec![(DepositId::new(self.deposits), house::coin(0), 1_000_000_000_000)]
            }
            Claim::Nonsense => {
                [0, -1, i128::MAX].map(|amount| dollars(self.deposits, amount)).to_vec()
            }
        };
        let sent = claims.into_iter().map(|(id, asset, amount)| Transaction {
            sender: CUSTODIANS[0],
            command: Command::Deposit {
                id,
                account: account(who),
                asset,
                amount: Amount::from_minor(amount),
            },
        });
        sent.collect()
    }

    /// Somebody bids for all coins of an account, or of a fund.
    pub(crate) fn buy(&self, who: u8, of: Option<u8>, coin: u8, off: i128) -> Transaction {
        let price = self.prices[usize::from(coin % 2)];
        let command = Command::BuyCollateral {
            sub: account(who).sub,
            seller: of.map(account),
            asset: house::coin(coin),
            amount: Amount::from_minor(1_000_000_000_000),
            limit: Price::from_micros(price + price * off / MILLION),
        };
        Transaction { sender: owner(who), command }
    }

    /// Returns the coins of an account, in billionths.
    pub(crate) fn coins(&self, number: u8, asset: AssetId) -> i128 {
        let state = self.machine.state();
        let index = state.accounts.index(account(number));
        let held = index.map(|index| state.ledger.balance(ledger::Holder::Client(index), asset));
        held.map_or(0, |held| held.minor())
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

    /// Returns the lots whose scan loss an account's cash would cover, or half of its coins.
    fn affordable(&self, number: u8, id: InstrumentId) -> i128 {
        let state = self.machine.state();
        let Some(index) = state.accounts.index(account(number)) else { return 1 };
        let Some(market) = state.markets.get(&id) else { return 1 };
        let Instrument { contract_size, .. } = market.instrument;
        let price = Price::from_micros(self.prices[side_of(id)]);
        let lot = Lots::from_count(1).value(price, contract_size, Round::Up).expect("small");
        let margin = lot.micros() * 17 / 100;
        let coins = [0, 1].map(|side| {
            let held = self.coins(number, house::coin(side));
            held * self.prices[usize::from(side)] / 1_000_000_000
        });
        let behind = state.ledger.cash(index).micros().max(0) + coins.iter().sum::<i128>() / 2;
        (behind / margin.max(1)).clamp(1, 100_000)
    }

    /// Returns the dollars that initial margin does not need; all of them without positions.
    pub(crate) fn free(&self, number: u8) -> i128 {
        let state = self.machine.state();
        let Some(index) = state.accounts.index(account(number)) else { return 0 };
        let required = state.risk().and_then(|risk| state.required(&risk, index, true));
        let free = required.map_or(0, |needed| needed.equity.micros() - needed.initial.micros());
        free.min(state.ledger.cash(index).micros()).max(0)
    }

    /// Returns the mark of a market as the next block will see it, as nearly as anybody outside can tell.
    pub(crate) fn mark(&self, id: InstrumentId) -> Option<i128> {
        let state = self.machine.state();
        let market = state.markets.get(&id)?;
        let index = state.index(market.instrument.underlying)?.micros();
        let moved = self.prices[side_of(id)] * MILLION / index.max(1);
        let mark = market.mark?.micros();
        Some(if market.instrument.contract.pays_premium() { mark } else { mark * moved / MILLION })
    }

    /// Returns the tick at or inside a distance from the mark.
    pub(crate) fn limit(&self, id: InstrumentId, side: Side, off: i128) -> i128 {
        on_tick(self.mark(id).unwrap_or(PRICES[side_of(id)]), side, off)
    }

    pub(crate) fn place(
        &mut self,
        number: u8,
        instrument: InstrumentId,
        side: Side,
        price: i128,
        lots: i128,
        time_in_force: TimeInForce,
    ) -> Transaction {
        self.place_for(account(number), instrument, side, price, lots, time_in_force)
    }

    /// Returns an order of an account.
    fn place_for(
        &mut self,
        id: AccountId,
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
        Transaction { sender: id.owner, command: Command::PlaceOrder { sub: id.sub, order } }
    }
}

/// Returns the tick at or inside a distance from a price.
pub(crate) fn on_tick(from: i128, side: Side, off: i128) -> i128 {
    let price = from + from * off / MILLION;
    let down = price.div_euclid(TICK) * TICK;
    let limit = if side == Side::Sell && down < price { down + TICK } else { down };
    limit.max(TICK)
}
