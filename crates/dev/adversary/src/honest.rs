//! What honest third parties send: quotes, deposits, payments, and whatever they must always be able to do.

use crate::act::{Deed, Member};
use crate::changes;
use crate::house::{self, CUSTODIANS, MARKETS, TICK, account, market, owner, side_of, third};
use crate::sends::on_tick;
use crate::world::{Asks, From, Sent, World};
use book::OrderBook;
use machine::Claim;
use protocol::{
    AccountId, AssetId, Change, Command, DepositId, InstrumentId, Quote, Side, TimeInForce,
    Transaction,
};
use units::{Amount, Lots, Price};

/// Parts per million.
const MILLION: i128 = 1_000_000;
/// Withdrawals of one owner that may be open.
const WITHDRAWALS: usize = 16;
/// Proposals of a kind that one signer may have open.
const PROPOSALS: usize = 8;

impl World {
    /// Returns what custodians sign when something arrives.
    pub(crate) fn deposit(&mut self, account: AccountId, asset: AssetId, minor: i128) -> Vec<Sent> {
        let id = DepositId::new(self.deposits);
        self.deposits += 1;
        let amount = Amount::from_minor(minor);
        self.claims.insert(id, Claim { account, asset, amount });
        let command = Command::Deposit { id, account, asset, amount };
        let attested = |sender| Sent {
            from: From::Custodian,
            asks: Asks::Attest(id),
            transaction: Transaction { sender, command: command.clone() },
        };
        CUSTODIANS[1..].iter().copied().map(attested).collect()
    }

    /// Returns two orders that meet at the mark.
    pub(crate) fn trade(&mut self, long: u8, short: u8, place: u8, lots: i128) -> Vec<Transaction> {
        let price = self.limit(market(place), Side::Buy, 0);
        [(long, Side::Buy), (short, Side::Sell)]
            .into_iter()
            .map(|(number, side)| {
                self.place(number, market(place), side, price, lots, TimeInForce::GoodTillCancelled)
            })
            .collect()
    }

    /// Returns what a deed sends.
    pub(crate) fn deed(&mut self, deed: Deed) -> Vec<Sent> {
        match deed {
            Deed::Coins { who, coin, worth } => self.bring(who, coin, worth),
            Deed::Arrive => {
                let number = third::STRANGERS + self.strangers;
                if self.strangers == 100 {
                    return Vec::new();
                }
                self.strangers += 1;
                self.arriving = Some(number);
                self.deposit(account(number), AssetId::DOLLAR, 10 * MILLION)
            }
            Deed::Pay => {
                let open: Vec<_> = self.machine.state().custody.open().keys().copied().collect();
                self.paid.extend(&open);
                let signed = CUSTODIANS[1..].iter().flat_map(|sender| {
                    let command = |id| Command::AttestPayment { id };
                    open.iter().map(move |id| (*sender, command(*id)))
                });
                let sent = |(sender, command)| Sent {
                    from: From::Custodian,
                    asks: Asks::Nothing,
                    transaction: Transaction { sender, command },
                };
                signed.map(sent).collect()
            }
            Deed::Withdraw => {
                let open = self.machine.state().custody.open().values();
                let owner = owner(third::PROBE);
                if open.filter(|held| held.account.owner == owner).count() == WITHDRAWALS {
                    return Vec::new();
                }
                let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(10 * MILLION));
                let command = Command::Withdraw { sub: 0, asset, amount, destination: owner };
                vec![Sent {
                    from: From::Trader,
                    asks: Asks::Withdraw,
                    transaction: Transaction { sender: owner, command },
                }]
            }
            Deed::Bid => self.bids(),
            Deed::Council { change } => self.council(changes::of(change)),
        }
    }

    fn bring(&mut self, who: Member, coin: u8, worth: u32) -> Vec<Sent> {
        let price = self.prices[usize::from(coin % 2)];
        let minor = i128::from(worth) * MILLION * 1_000_000_000 / price.max(1);
        self.deposit(account(who), house::coin(coin), minor)
    }

    /// The maker bids for all coins of every account that has any, and of the funds: what is not for sale is refused.
    fn bids(&self) -> Vec<Sent> {
        let state = self.machine.state();
        let pledging = |index| state.ledger.collateral(index).next().is_some();
        let pledging = state.accounts.iter().filter(|(index, _)| pledging(*index));
        let named = pledging.map(|(_, held)| Some(held.id)).chain([None]);
        let mut sent = Vec::new();
        for (seller, coin) in named.flat_map(|seller| [(seller, 0), (seller, 1)]) {
            let mut bid = self.buy(third::MAKER, None, coin, 0);
            if let Command::BuyCollateral { seller: of, .. } = &mut bid.command {
                *of = seller;
            }
            sent.push(Sent { from: From::Maker, asks: Asks::Nothing, transaction: bid });
        }
        sent
    }

    /// An honest signer proposes; the others approve in the next block.
    fn council(&mut self, change: Change) -> Vec<Sent> {
        let sender = house::signers(&self.keys).1[1];
        let own = self.machine.state().council.open();
        if own.filter(|(_, held)| held.proposer == sender).count() + self.pledged.len() >= PROPOSALS
        {
            return Vec::new();
        }
        self.pledged.push(change);
        let transaction = Transaction { sender, command: Command::Propose { change } };
        vec![Sent { from: From::Signer, asks: Asks::Propose, transaction }]
    }

    /// Honest signers approve what one of them has proposed with their consent.
    pub(crate) fn approvals(&mut self) -> Vec<Sent> {
        let pledged = std::mem::take(&mut self.pledged);
        let (_, honest) = house::signers(&self.keys);
        let open = self.machine.state().council.open();
        let open = open.filter(|(_, held)| held.proposer == honest[1]);
        let wanted = open.filter(|(_, held)| pledged.contains(&held.change));
        let approve = wanted.flat_map(|(proposal, held)| {
            let command = Command::Approve { proposal, change: held.change };
            honest.iter().filter(|who| **who != honest[1]).map(move |sender| Sent {
                from: From::Signer,
                asks: Asks::Nothing,
                transaction: Transaction { sender: *sender, command: command.clone() },
            })
        });
        approve.collect()
    }

    /// A signer proposes something in one block and takes it back in the next.
    pub(crate) fn honest_signer(&mut self) -> Sent {
        let (asks, command) = match self.own_proposal {
            Some(proposal) => (Asks::Revoke, Command::Revoke { proposal }),
            None => {
                let change = Change::ResumeInstrument(market(0));
                (Asks::ProposeAndRevoke, Command::Propose { change })
            }
        };
        let sender = house::signers(&self.keys).1[0];
        Sent { from: From::Signer, asks, transaction: Transaction { sender, command } }
    }

    /// Who has arrived bids for a lot of what costs least.
    pub(crate) fn arrived(&mut self) -> Option<Sent> {
        let number = self.arriving.take()?;
        let id = market(MARKETS / 2);
        self.machine.state().accounts.index(account(number))?;
        self.mark(id)?;
        let price = self.limit(id, Side::Buy, -20_000);
        let good = TimeInForce::GoodTillCancelled;
        let transaction = self.place(number, id, Side::Buy, price, 1, good);
        Some(Sent { from: From::Stranger, asks: Asks::Order(id), transaction })
    }

    /// The maker quotes a thousand lots a side, a twentieth of a per cent around what is true, and takes what stands in its way.
    pub(crate) fn quotes(&mut self) -> Vec<Transaction> {
        let (mut quotes, mut taken) = (Vec::new(), Vec::new());
        for place in 0..MARKETS {
            let id = market(place);
            let Some(mark) = self.mark(id).filter(|_| self.quoted & (1 << place) != 0) else {
                continue;
            };
            let lots = Lots::from_count(if side_of(id) == 0 { 20_000 } else { 800_000 });
            for (side, off) in [(Side::Buy, -500), (Side::Sell, 500)] {
                let price = Price::from_micros(match place % (MARKETS / 2) {
                    0 => on_tick(self.prices[side_of(id)], side, off),
                    _ => self.limit(id, side, off),
                });
                if side == Side::Buy && mark < TICK {
                    // There is no bid below what it is worth.
                    continue;
                }
                quotes.push(Quote { instrument: id, side, price, lots });
                if self.crosses(id, side, price) {
                    taken.push((id, side, price, lots));
                }
            }
        }
        let take = |(id, side, price, lots): (InstrumentId, Side, Price, Lots)| {
            let life = TimeInForce::ImmediateOrCancel;
            self.place(third::MAKER, id, side, price.micros(), lots.count(), life)
        };
        let mut sent: Vec<Transaction> = taken.into_iter().map(take).collect();
        if !quotes.is_empty() {
            let command = Command::MassQuote { sub: 0, quotes };
            sent.push(Transaction { sender: owner(third::MAKER), command });
        }
        sent
    }

    /// Whether an order stands on the other side at a price or better: of others, as what the maker quotes never crosses.
    fn crosses(&self, id: InstrumentId, side: Side, price: Price) -> bool {
        let market = self.machine.state().markets.get(&id);
        let standing = market.and_then(|market| market.book.best(side.opposite()));
        standing.is_some_and(|standing| match side {
            Side::Buy => standing <= price,
            Side::Sell => standing >= price,
        })
    }

    /// The honest trader bids for a lot somewhat below the mark, in one market after another.
    pub(crate) fn probe_order(&mut self) -> Option<(InstrumentId, Transaction)> {
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
}
