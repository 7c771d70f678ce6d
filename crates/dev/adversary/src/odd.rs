//! Commands that make no sense, of every kind: each has a refusal of its own, and none does anything.

use crate::act::Member;
use crate::changes;
use crate::house::{CUSTODIANS, TICK, account, market, owner, third};
use crate::world::World;
use protocol::{
    AccountId, Address, AssetId, Command, DepositId, InstrumentId, OrderId, Quote, Scopes,
    SessionKey, SessionTerms, Side, TimeInForce, Transaction, WithdrawalId,
};
use units::{Amount, BlockTime, Lots, Price};

/// How many kinds there are.
pub(crate) const KINDS: u8 = 27;

impl World {
    /// Returns what a member sends that makes no sense.
    pub(crate) fn odd(&mut self, who: Member, kind: u8, place: u8) -> Vec<Transaction> {
        let (sub, sender) = (account(who).sub, owner(who));
        let id = market(place);
        let price = self.limit(id, Side::Buy, -10_000);
        let asset = AssetId::DOLLAR;
        let one = Amount::from_minor(1_000_000);
        let to = account(third::LONG);
        let mut placed = |price: i128, lots: i128, again: bool| {
            let good = TimeInForce::GoodTillCancelled;
            let first = self.place(who, id, Side::Buy, price, lots, good);
            let second = again.then(|| first.clone());
            [Some(first), second].into_iter().flatten().collect::<Vec<Transaction>>()
        };
        let command = match kind % KINDS {
            0 => return placed(price + TICK / 2, 1, false),
            1 => return placed(price, 0, false),
            2 => return placed(price, 1 << 40, false),
            3 => return placed(-TICK, 1, false),
            4 => return placed(price, 1, true),
            5 => {
                Command::Withdraw { sub, asset: AssetId::new(99), amount: one, destination: sender }
            }
            6 => Command::Withdraw { sub: 999, asset, amount: one, destination: sender },
            7 => Command::Transfer { sub, to: account(who), asset, amount: one },
            8 => Command::Transfer {
                sub,
                to: AccountId { owner: Address::new([0xEE; 20]), sub: 0 },
                asset,
                amount: one,
            },
            9 => Command::Transfer { sub, to, asset, amount: Amount::from_minor(-1_000_000) },
            10 => Command::Transfer { sub, to, asset, amount: Amount::from_minor(i128::MAX) },
            11 => Command::Propose { change: changes::of(0) },
            12 => Command::Pause { instrument: id },
            13 => Command::Deposit {
                id: DepositId::new(9),
                account: account(who),
                asset,
                amount: one,
            },
            14 => Command::AttestPayment { id: WithdrawalId::new(1) },
            15 => Command::CancelOrder { sub, order: OrderId::new(u64::MAX) },
            16 => return self.cancels(who),
            17 => Command::MassQuote { sub, quotes: vec![quote(id, price); 300] },
            18 => Command::MassCancel { sub, instrument: Some(InstrumentId::new(999)) },
            19 => Command::MassQuote { sub, quotes: vec![quote(InstrumentId::new(999), price)] },
            20 => {
                let terms = |number: u8| SessionTerms {
                    key: SessionKey::new([number; 32]),
                    scopes: Scopes::TRADE,
                    sub: None,
                    instrument: None,
                    notional_per_day: None,
                    expires_at: BlockTime::from_millis(self.now + 600_000),
                };
                let register = |number| Transaction {
                    sender,
                    command: Command::RegisterSession { terms: terms(number) },
                };
                return (0..20).map(register).collect();
            }
            21 => Command::RevokeSession { key: SessionKey::new([3; 32]) },
            22 => Command::RevokeSession { key: SessionKey::new([77; 32]) },
            23 => {
                let command = Command::Deposit {
                    id: DepositId::new(self.deposits),
                    account: account(who),
                    asset: AssetId::new(99),
                    amount: one,
                };
                return vec![Transaction { sender: CUSTODIANS[0], command }];
            }
            24 => return self.shrinks(who, place),
            25 => return self.too_many(who),
            _ => Command::RegisterSession {
                terms: SessionTerms {
                    key: SessionKey::new([1; 32]),
                    scopes: Scopes::TRADE,
                    sub: None,
                    instrument: None,
                    notional_per_day: None,
                    expires_at: BlockTime::from_millis(0),
                },
            },
        };
        vec![Transaction { sender, command }]
    }

    /// Tries to take back every open order there is, others' and the house's among them.
    fn cancels(&self, who: Member) -> Vec<Transaction> {
        let accounts = self.machine.state().accounts.iter();
        let orders = accounts.flat_map(|(_, held)| held.orders().sorted());
        let (sub, sender) = (account(who).sub, owner(who));
        let cancel = |order| Transaction { sender, command: Command::CancelOrder { sub, order } };
        // The house's of the block to come have the next numbers.
        let next = self.machine.state().next_order.get();
        let house = (next..next + 8).map(OrderId::new);
        orders.map(|(order, _)| order).chain(house).map(cancel).collect()
    }

    /// Lets an order rest that may only reduce, and closes by another.
    fn shrinks(&mut self, who: Member, place: u8) -> Vec<Transaction> {
        let (id, lots) = (market(place), self.lots(who, market(place)));
        let side = if lots > 0 { Side::Sell } else { Side::Buy };
        let away = if lots > 0 { 50_000 } else { -50_000 };
        let (far, near) = (self.limit(id, side, away), self.limit(id, side, 0));
        let good = TimeInForce::GoodTillCancelled;
        let mut rests = self.place(who, id, side, far, lots.abs().max(1), good);
        if let Command::PlaceOrder { order, .. } = &mut rests.command {
            order.reduce_only = true;
        }
        let closes = self.place(who, id, side, near, lots.abs().max(1), good);
        vec![rests, closes]
    }

    /// Places more orders than an account may have.
    fn too_many(&self, who: Member) -> Vec<Transaction> {
        let (sub, sender) = (account(who).sub, owner(who));
        let sent = [0, 1, 2, 5, 6, 7].map(|place| {
            let price = self.limit(market(place), Side::Buy, -100_000);
            let quotes = vec![quote(market(place), price); 256];
            Transaction { sender, command: Command::MassQuote { sub, quotes } }
        });
        sent.to_vec()
    }
}

fn quote(instrument: InstrumentId, price: i128) -> Quote {
    let (side, price) = (Side::Buy, Price::from_micros(price));
    Quote { instrument, side, price, lots: Lots::from_count(1) }
}
