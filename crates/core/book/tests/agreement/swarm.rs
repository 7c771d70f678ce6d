//! Random setups and commands from one seed, by a generator of our own.

use crate::world::{Command, TICK, World};
use protocol::{AccountIndex, OrderId, SelfTrade, Side, TimeInForce};
use random::Random;
use units::{Lots, Price, limits};

/// Prints the seed of whatever panics.
pub(crate) struct Reproduce(pub(crate) u64);

impl Drop for Reproduce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("reproduce: NOVATION_SEED={:#x} cargo test -p book --test agreement", self.0);
        }
    }
}

/// One setup: who trades where, in what sizes, and how often what happens.
pub(crate) struct Swarm {
    random: Random,
    accounts: u64,
    /// Distance of the furthest price from the middle, in ticks.
    spread: u64,
    middle: i128,
    sizes: Sizes,
    orders_per_block: u64,
    immediate_per_cent: u64,
    post_only_per_cent: u64,
    cancel_per_cent: u64,
    pub(crate) side_max: usize,
}

#[derive(Clone, Copy)]
enum Sizes {
    One,
    Equal(u64),
    Small,
    Extreme,
}

impl Swarm {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let sizes = match random.below(4) {
            0 => Sizes::One,
            1 => Sizes::Equal(2 + random.below(5)),
            2 => Sizes::Small,
            _ => Sizes::Extreme,
        };
        Self {
            accounts: 2 + random.below(30),
            spread: 2 + random.below(12),
            middle: [0, 100, 4_000][usize::try_from(random.below(3)).unwrap()],
            sizes,
            orders_per_block: 3 + random.below(30),
            immediate_per_cent: random.below(50),
            post_only_per_cent: random.below(50),
            cancel_per_cent: 2 + random.below(30),
            side_max: match random.one_in(4) {
                true => 5 + usize::try_from(random.below(20)).unwrap(),
                false => protocol::limits::ORDERS_PER_SIDE_MAX,
            },
            random,
        }
    }

    pub(crate) fn command(&mut self, world: &World) -> Command {
        if self.random.one_in(self.orders_per_block) {
            return match self.random.below(10) {
                0 => Command::Drop,
                1 => Command::Restore,
                2 => Command::Forge(
                    usize::try_from(self.random.below(8)).unwrap(),
                    u8::try_from(self.random.below(8)).unwrap(),
                ),
                _ => Command::Uncross(self.reference()),
            };
        }
        // The more is open, the more is cancelled: books stay small enough for the naive one.
        let live = u64::try_from(world.live.len()).unwrap();
        if live > 0 && self.random.below(100) < self.cancel_per_cent + live / 2 {
            let order = match self.random.one_in(10) {
                true => OrderId::new(self.random.below(world.next)),
                false => world.live[usize::try_from(self.random.below(live)).unwrap()],
            };
            return match self.random.one_in(4) {
                true => Command::Reduce(order, self.lots()),
                false => Command::Cancel(order),
            };
        }
        self.place()
    }

    fn place(&mut self) -> Command {
        let kind = self.random.below(100);
        let time_in_force = if kind < self.immediate_per_cent {
            TimeInForce::ImmediateOrCancel
        } else if kind < self.immediate_per_cent + self.post_only_per_cent {
            TimeInForce::PostOnly
        } else {
            TimeInForce::GoodTillCancelled
        };
        let side = if self.random.one_in(2) { Side::Buy } else { Side::Sell };
        // Bids lie lower and asks higher, but for one order in three.
        let away = i128::from(self.random.below(self.spread));
        let through = if self.random.one_in(3) { -1 } else { 1 };
        let ticks = match side {
            Side::Buy => self.middle - away * through,
            Side::Sell => self.middle + away * through,
        };
        let off_tick = i128::from(self.random.one_in(200));
        let price = match self.random.one_in(500) {
            true => limits::PRICE_MICROS_MAX + TICK,
            false => ticks * TICK + off_tick,
        };
        Command::Place {
            account: AccountIndex::new(u32::try_from(self.random.below(self.accounts)).unwrap()),
            side,
            price: Price::from_micros(price),
            lots: self.lots(),
            time_in_force,
            self_trade: match self.random.one_in(2) {
                true => SelfTrade::CancelResting,
                false => SelfTrade::RefuseIncoming,
            },
        }
    }

    fn lots(&mut self) -> Lots {
        let lots = match self.sizes {
            _ if self.random.one_in(200) => 0,
            Sizes::One => 1,
            Sizes::Equal(lots) => lots.into(),
            Sizes::Small => 1 + i128::from(self.random.below(20)),
            Sizes::Extreme => match self.random.below(4) {
                0 => 1,
                1 => limits::LOTS_MAX,
                2 => limits::LOTS_MAX - i128::from(self.random.below(3)),
                _ => 1 + i128::from(self.random.below(1 << 31)),
            },
        };
        Lots::from_count(lots)
    }

    /// On tick, off tick or far away.
    fn reference(&mut self) -> Price {
        let ticks = self.middle - 4 + i128::from(self.random.below(9));
        Price::from_micros(match self.random.below(8) {
            0 | 1 => ticks * TICK,
            2..=4 => ticks * TICK + TICK / 2,
            5 | 6 => ticks * TICK + 1,
            _ => limits::PRICE_MICROS_MAX * (1 - 2 * i128::from(self.random.below(2))),
        })
    }
}
