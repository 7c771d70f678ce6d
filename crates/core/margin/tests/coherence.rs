//! Coherence of margin (0019-MARG-012) on a hundred thousand random pairs of accounts.

mod support;

use margin::{Holdings, Meter, Position, Reading, Risk};
use protocol::AssetId;
use support::{BTC_ASSET, House, Random, dollars};
use units::{Lots, Notional, Ppb, Ppm, Price, Quantity};

const SEED: u64 = 0x00C0_4E2E;
/// In each of the two houses.
const PAIRS: u64 = 50_000;
/// A lot of bitcoin as collateral: the least power of ten that is worth a dollar.
const PLEDGED_LOT: i128 = 100_000;

/// A house whose haircut does not rise with the size: that charge is a price of liquidity, which splitting evades.
fn plain() -> House {
    without_knee(House::new())
}

fn without_knee(mut house: House) -> House {
    for underlying in &mut house.underlyings {
        underlying.haircut_beyond = Ppm::ZERO;
    }
    house
}

/// Every charge but impact and the haircut beyond the knee, ranges for new risk that differ from those for risk held, and
/// expiries of the next day, past which margin looks (0019-MARG-023).
fn charged() -> House {
    let mut house = without_knee(House::expiring());
    for underlying in &mut house.underlyings {
        underlying.confidence = Price::from_micros(underlying.index.micros() / 200);
        underlying.scan_new = Ppm::from_parts(213_337);
        underlying.spread = Ppm::from_parts(301);
    }
    for market in &mut house.markets {
        market.funding = Ppb::from_parts(12_500);
    }
    house
}

/// Lots of every market and lots of collateral.
struct Account {
    positions: Vec<Position>,
    pledged: i128,
}

impl Account {
    fn random(house: &House, random: &mut Random) -> Self {
        let pledged = (random.below(2) == 0).then(|| random.between(0, 50_000));
        Self { positions: house.random_positions(random, 6), pledged: pledged.unwrap_or(0) }
    }

    /// Returns both accounts in one.
    fn with(&self, other: &Self) -> Self {
        let mut positions = self.positions.clone();
        for more in &other.positions {
            match positions.iter_mut().find(|held| held.instrument == more.instrument) {
                Some(held) => {
                    held.lots = held.lots.plus(more.lots).unwrap();
                    held.cost = held.cost.plus(more.cost).unwrap();
                }
                None => positions.push(*more),
            }
        }
        Self { positions, pledged: self.pledged + other.pledged }
    }

    fn times(&self, times: i128) -> Self {
        let times_of = |held: &Position| Position {
            lots: Lots::from_count(held.lots.count() * times),
            cost: Notional::from_micros(held.cost.micros() * times),
            ..*held
        };
        Self {
            positions: self.positions.iter().map(times_of).collect(),
            pledged: self.pledged * times,
        }
    }

    fn read(&self, risk: &Risk, meter: &Meter<'_>, cash: Notional) -> Reading {
        let collateral: [(AssetId, Quantity); 1] =
            [(BTC_ASSET, Quantity::from_nanos(self.pledged * PLEDGED_LOT))];
        let holdings = Holdings::new(risk, &self.positions, &collateral).unwrap();
        meter.read(&holdings, cash).unwrap()
    }
}

/// Returns scan, initial and maintenance margin.
fn margins(reading: &Reading) -> [i128; 3] {
    [reading.scan_hold, reading.initial, reading.maintenance].map(Notional::micros)
}

#[test]
fn a_hundred_thousand_pairs_of_accounts_are_measured_coherently() {
    let mut offsets = 0;
    for house in [plain(), charged()] {
        let risk = house.risk();
        let meter = Meter::new(&risk);
        let mut seeds = Random::new(SEED);
        for _ in 0..PAIRS {
            let seed = seeds.word();
            let mut random = Random::new(seed);
            let first = Account::random(&house, &mut random);
            let second = Account::random(&house, &mut random);
            let read = |account: &Account, cash| account.read(&risk, &meter, cash);
            let of_first = read(&first, Notional::ZERO);
            let of_second = read(&second, Notional::ZERO);
            let of_both = read(&first.with(&second), Notional::ZERO);
            // Sub-additive: what one account pays for both is at most what two pay, so splitting never pays.
            let parts = margins(&of_first).into_iter().zip(margins(&of_second));
            for (both, (first, second)) in margins(&of_both).into_iter().zip(parts) {
                assert!(both <= first + second, "case {seed:#x}: {both} > {first} + {second}");
                offsets += u32::from(both < first + second);
            }
            // Homogeneous: each sum of a margin is rounded up once.
            let times = random.between(2, 50);
            let of_many = read(&first.times(times), Notional::ZERO);
            for (one, many) in margins(&of_first).into_iter().zip(margins(&of_many)) {
                let exact = one * times;
                let range = exact - 3 * times..=exact;
                assert!(range.contains(&many), "case {seed:#x}: {one} · {times}, {many}");
            }
            // Translation-invariant: a dollar more is a dollar less that is missing, and changes nothing else.
            let cash = dollars(random.between(-1_000_000, 1_000_000));
            let richer = read(&first, cash);
            assert_eq!(margins(&richer), margins(&of_first), "case {seed:#x}");
            assert_eq!(richer.equity, of_first.equity.plus(cash).unwrap(), "case {seed:#x}");
        }
    }
    assert!(offsets > 100_000, "pairs that do not offset show nothing: {offsets}");
}
