//! The naive and the fast book agree in every answer on random commands, and what either does is right by rules that
//! neither uses: the price against every price there is, the invariants of an auction, the states between.

mod oracle;
mod rare;
mod swarm;
mod world;

use book::{BookState, FastBook, Found, NaiveBook, OrderBook};
use proptest::prelude::*;
use protocol::{AccountIndex, OrderId, SelfTrade, Side, TimeInForce};
use rare::Rare;
use swarm::{Reproduce, Swarm};
use units::{BlockHeight, Lots, Price};
use world::{Command, World};

/// Runs one setup drawn from a seed and returns how often rare cases came up.
fn run_seed(seed: u64, commands: usize) -> Rare {
    let _reproduce = Reproduce(seed);
    let mut swarm = Swarm::of(seed);
    let mut world = World::new(swarm.side_max);
    for _ in 0..commands {
        let command = swarm.command(&world);
        world.apply(&command);
    }
    world.rare
}

/// The one seed to run, in hexadecimal, if `NOVATION_SEED` is set.
#[expect(clippy::disallowed_methods, reason = "whoever runs a test may choose its seed")]
fn told_seed() -> Option<u64> {
    let seed = std::env::var("NOVATION_SEED").ok()?;
    let digits = seed.strip_prefix("0x").unwrap_or(&seed);
    Some(u64::from_str_radix(digits, 16).expect("NOVATION_SEED is hexadecimal"))
}

#[test]
fn the_books_agree_on_two_hundred_thousand_commands_and_meet_every_rare_case() {
    if let Some(seed) = told_seed() {
        eprintln!("{:#?}", run_seed(seed, 2_000));
        return;
    }
    let mut rare = Rare::default();
    for seed in 1..=100 {
        rare.add(&run_seed(seed * 0x9E37, 2_000));
    }
    eprintln!("{rare:#?}");
    rare.require(20);
}

fn arb_command() -> impl Strategy<Value = Command> {
    let life = prop_oneof![
        Just(TimeInForce::GoodTillCancelled),
        Just(TimeInForce::ImmediateOrCancel),
        Just(TimeInForce::PostOnly),
    ];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let self_trade = prop_oneof![Just(SelfTrade::CancelResting), Just(SelfTrade::RefuseIncoming)];
    let lots = prop_oneof![4 => 1..8_i128, 1 => Just(units::limits::LOTS_MAX), 1 => -1..1_i128];
    let place = (0..5_u32, side, 95..105_i128, lots, life, self_trade).prop_map(
        |(account, side, ticks, lots, time_in_force, self_trade)| Command::Place {
            account: AccountIndex::new(account),
            side,
            price: Price::from_micros(ticks * world::TICK),
            lots: Lots::from_count(lots),
            time_in_force,
            self_trade,
        },
    );
    let number = (1..40_u64).prop_map(OrderId::new);
    prop_oneof![
        12 => place,
        2 => number.clone().prop_map(Command::Cancel),
        1 => (number, -1..8_i128).prop_map(|(order, lots)| Command::Reduce(order, Lots::from_count(lots))),
        3 => (90..110_i128).prop_map(|ticks| Command::Uncross(Price::from_micros(ticks * world::TICK + 1))),
        1 => Just(Command::Drop),
        1 => Just(Command::Restore),
        1 => (0..8_usize, 0..8_u8).prop_map(|(at, kind)| Command::Forge(at, kind)),
    ]
}

proptest! {
    #[test]
    fn prop_the_books_agree(commands in prop::collection::vec(arb_command(), 1..80)) {
        let mut world = World::new(24);
        for command in &commands {
            world.apply(command);
        }
    }

    /// 0015-BOOK-020: who comes first inside a block is worth nothing.
    #[test]
    fn prop_the_sequence_of_orders_in_a_block_changes_nothing(
        batch in prop::collection::vec((any::<bool>(), 95..105_i128, 1..50_i128), 1..30)
            .prop_flat_map(|batch| (Just(batch.clone()), Just(batch).prop_map(indexed).prop_shuffle())),
    ) {
        let (in_order, shuffled) = (indexed(batch.0), batch.1);
        let reference = Price::from_micros(100 * world::TICK);
        let first = auction_of::<FastBook>(&in_order).uncross(reference).unwrap();
        let second = auction_of::<FastBook>(&shuffled).uncross(reference).unwrap();
        prop_assert_eq!(first, second);
    }

    /// 0015-BOOK-018: a digest depends on what stands, not on how it came about.
    #[test]
    fn prop_a_digest_forgets_history(commands in prop::collection::vec(arb_command(), 1..60)) {
        let mut world = World::new(24);
        for command in &commands {
            world.apply(command);
        }
        world.apply(&Command::Drop);
        let state = world.fast.state();
        let mut fresh = FastBook::from_state(&state).unwrap();
        prop_assert_eq!(fresh.digest(), world.fast.digest());
        // 0015-BOOK-021: so has a part of it, whichever order it is made for.
        for number in 1..40 {
            let order = OrderId::new(number);
            let extract = state.extract(order).expect("the book is small");
            prop_assert_eq!(fresh.extract(order), Some(extract.clone()));
            prop_assert_eq!(world.fast.extract(order), Some(extract.clone()));
            prop_assert_eq!(extract.digest(), Some(fresh.digest()));
            let standing = state.orders.iter().find(|open| open.order == order);
            let found = standing.map_or(Found::Absent, |open| Found::Standing(*open));
            prop_assert_eq!(extract.find(order), found);
        }
        let mut other = state.clone();
        if let Some(open) = other.orders.first_mut() {
            open.lots = open.lots.plus(Lots::from_count(1)).unwrap();
            if let Ok(mut other) = FastBook::from_state(&other) {
                prop_assert_ne!(other.digest(), world.fast.digest());
            }
        }
    }
}

type Batch = Vec<(usize, (bool, i128, i128))>;

fn indexed(batch: Vec<(bool, i128, i128)>) -> Batch {
    batch.into_iter().enumerate().collect()
}

/// Returns a book with a batch of orders, each with its number and account wherever it comes in the sequence.
fn auction_of<B: OrderBook>(batch: &Batch) -> B {
    let mut book = B::new(Price::from_micros(world::TICK));
    for (number, (buys, ticks, lots)) in batch {
        let number = u32::try_from(*number).unwrap();
        let entry = book::Entry {
            order: OrderId::new(number.into()),
            account: AccountIndex::new(number),
            side: if *buys { Side::Buy } else { Side::Sell },
            price: Price::from_micros(ticks * world::TICK),
            lots: Lots::from_count(*lots),
            time_in_force: match number % 2 {
                0 => TimeInForce::GoodTillCancelled,
                _ => TimeInForce::ImmediateOrCancel,
            },
            arrived: BlockHeight::from_blocks(1),
        };
        book.admit(entry, SelfTrade::RefuseIncoming).unwrap().unwrap();
    }
    book
}

#[test]
fn a_state_that_no_book_can_have_is_refused() {
    // 0015-BOOK-017
    let mut world = World::new(24);
    let place = |account, side, ticks: i128| Command::Place {
        account: AccountIndex::new(account),
        side,
        price: Price::from_micros(ticks * world::TICK),
        lots: Lots::from_count(5),
        time_in_force: TimeInForce::GoodTillCancelled,
        self_trade: SelfTrade::RefuseIncoming,
    };
    for (account, side, ticks) in [(1, Side::Buy, 99), (2, Side::Buy, 98), (3, Side::Sell, 101)] {
        world.apply(&place(account, side, ticks));
    }
    world.apply(&Command::Uncross(Price::ONE));
    let good = world.fast.state();
    type Spoil = fn(&mut BookState);
    let spoil: [(&str, Spoil); 10] = [
        ("tick is positive", |state| state.tick = Price::ZERO),
        ("on tick", |state| state.orders[0].price = Price::from_micros(1)),
        ("on tick", |state| state.orders[0].price = Price::from_micros(1 << 60)),
        ("has lots", |state| state.orders[1].lots = Lots::ZERO),
        ("has lots", |state| state.orders[1].lots = Lots::from_count(1 << 31)),
        ("never rests", |state| state.orders[2].time_in_force = TimeInForce::ImmediateOrCancel),
        ("canonical order", |state| state.orders.swap(0, 1)),
        ("canonical order", |state| state.orders.push(state.orders[2])),
        ("once", |state| state.orders[2].order = state.orders[0].order),
        ("at or above an ask", |state| state.orders[2].price = state.orders[0].price),
    ];
    for (rule, spoil) in spoil {
        let mut state = good.clone();
        spoil(&mut state);
        let naive = NaiveBook::from_state(&state).unwrap_err();
        assert_eq!(FastBook::from_state(&state).unwrap_err(), naive);
        assert!(naive.to_string().contains(rule), "{naive} for {rule}");
    }
    assert!(FastBook::from_state(&good).is_ok());
}
