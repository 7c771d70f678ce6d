//! A history from a seed: what there is, which tactics the coalition knows in it, and how it mixes them.
//!
//! Each history knows a few tactics only, so that it stays with them long enough to be dangerous; their numbers are drawn wide.

use crate::act::{Act, Claim, History, Keys, Lie, Member, Setup, Step, Tick};
use crate::house::MARKETS;
use protocol::{Side, TimeInForce};
use random::Random;

/// Blocks of a history.
const BLOCKS: (i64, i64) = (40, 140);
/// Dollars of a whole coalition.
const CAPITAL: i64 = 100_000;

/// What the coalition can do, each with numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tactic {
    /// Two members trade with each other.
    Pair,
    /// A member opens what offsets: perpetual against future, call against put, one underlying against the other.
    Spread,
    /// An order that waits for the market to come.
    Rest,
    /// Somebody takes what another member offers.
    Meet,
    /// A member closes to another, off the mark.
    Dump,
    /// Money is moved out or around.
    Cash,
    /// The market moves for a while.
    Drift,
    /// Nothing happens, until variation margin or an expiry.
    Wait,
    /// Anything.
    Noise,
    /// Books are filled.
    Flood,
    /// Block time has gaps.
    Gap,
    /// Validators are silent, one lies.
    Silence,
    /// One signer does what it can.
    Signer,
    /// One custodian says that money has come.
    Custodian,
    /// A restart from a snapshot.
    Restart,
    /// One of the plans of which each step needs the one before.
    Plan,
}

const ALWAYS: [Tactic; 6] =
    [Tactic::Pair, Tactic::Drift, Tactic::Cash, Tactic::Dump, Tactic::Plan, Tactic::Plan];
const SOMETIMES: [Tactic; 10] = [
    Tactic::Spread,
    Tactic::Rest,
    Tactic::Meet,
    Tactic::Wait,
    Tactic::Noise,
    Tactic::Flood,
    Tactic::Gap,
    Tactic::Silence,
    Tactic::Signer,
    Tactic::Restart,
];

/// Draws a history as it grows.
#[derive(Debug)]
pub(crate) struct Drawer {
    pub(crate) random: Random,
    pub(crate) members: u8,
    capital: Vec<i64>,
    steps: Vec<Step>,
    /// Markets that this history is about.
    markets: Vec<u8>,
}

/// Returns the history of a seed.
///
/// # Panics
///
/// Never: what is drawn fits.
#[must_use]
pub fn history(seed: u64) -> History {
    let mut random = Random::stream(seed, 1);
    let members = if random.percent(50) { random.between(2, 3) } else { random.between(2, 8) };
    let shares: Vec<i64> = (0..members).map(|_| random.between(1, 100)).collect();
    let total: i64 = shares.iter().sum();
    let capital: Vec<i64> = shares.iter().map(|share| (CAPITAL * share / total).max(100)).collect();
    let quoted = match random.between(0, 3) {
        0 => 0,
        1 => (1 << MARKETS) - 1,
        _ => random.between(0, (1 << MARKETS) - 1),
    };
    let fund = *random.one(&[0, 100_000, 1_000_000]);
    let leveraged = random.percent(60);
    let slow = Random::stream(seed, 2).percent(15);
    let setup = Setup {
        capital: capital.clone(),
        quoted,
        fund,
        leveraged,
        slow,
        keys: Keys::FEW,
        crowd: 0,
        narrow: false,
        prices: None,
    };
    let mut tactics = ALWAYS.to_vec();
    tactics.extend(SOMETIMES.into_iter().filter(|_| random.percent(25)));
    tactics.extend(random.percent(5).then_some(Tactic::Custodian));
    let markets = (0..random.between(1, 3)).map(|_| random.between(0, MARKETS - 1)).collect();
    let blocks = usize::try_from(random.between(BLOCKS.0, BLOCKS.1)).expect("a length");
    let mut drawer = Drawer { random, members, capital, steps: Vec::new(), markets };
    if slow {
        crate::plan::expiry(&mut drawer);
    }
    while drawer.steps.len() < blocks {
        let tactic = *drawer.random.one(&tactics);
        drawer.play(tactic);
    }
    let mut history = History { setup, steps: drawer.steps };
    crate::insiders::overlay(seed, &mut history);
    crate::leans::overlay(seed, &mut history);
    history
}

impl Drawer {
    fn member(&mut self) -> Member {
        self.random.between(1, self.members)
    }

    /// Returns two members that are not the same.
    pub(crate) fn two(&mut self) -> (Member, Member) {
        let one = self.member();
        let other = self.random.between(1, self.members - 1);
        (one, if other >= one { other + 1 } else { other })
    }

    /// Returns two members, of whom the second can carry whatever the first can.
    pub(crate) fn poorer_and_richer(&mut self) -> (Member, Member) {
        let (one, other) = self.two();
        let has = |member: Member| self.capital.get(usize::from(member) - 1).copied();
        if has(one) <= has(other) { (one, other) } else { (other, one) }
    }

    pub(crate) fn market(&mut self) -> u8 {
        if self.random.percent(90) {
            *self.random.one(&self.markets)
        } else {
            self.random.between(0, MARKETS - 1)
        }
    }

    pub(crate) fn side(&mut self) -> Side {
        if self.random.percent(50) { Side::Buy } else { Side::Sell }
    }

    /// Returns a distance from the mark: mostly small, now and then as far as it goes.
    pub(crate) fn off(&mut self) -> i32 {
        let widest = *self.random.one(&[0, 1_000, 20_000, 160_000, 310_000]);
        self.random.between(-widest, widest)
    }

    /// Returns a part in parts per million, often all.
    fn share(&mut self) -> u32 {
        let drawn = *self.random.one(&[1_000_000, 1_000_000, 990_000, 500_000, 1_200_000]);
        if self.random.percent(70) { drawn } else { self.up_to(1_000_000) }
    }

    fn up_to(&mut self, most: u32) -> u32 {
        self.random.between(1, most)
    }

    /// Adds a block.
    pub(crate) fn block(&mut self, tick: Tick, acts: Vec<Act>) {
        self.steps.push(Step { tick, acts });
    }

    fn seconds(&mut self) -> u16 {
        *self.random.one(&[1, 2, 5, 10, 10, 20, 50])
    }

    fn order(&mut self, who: Member, market: u8, side: Side, off: i32) -> Act {
        let size = match self.random.between(0, 3) {
            0 => self.up_to(1_000_000),
            1 => self.up_to(6_000_000),
            _ => 950_000,
        };
        let lives = [
            TimeInForce::GoodTillCancelled,
            TimeInForce::GoodTillCancelled,
            TimeInForce::ImmediateOrCancel,
            TimeInForce::PostOnly,
        ];
        let time_in_force = *self.random.one(&lives);
        Act::Order {
            who,
            market,
            side,
            off,
            size,
            time_in_force,
            reduce_only: self.random.percent(5),
        }
    }

    fn play(&mut self, tactic: Tactic) {
        let tick = Tick { seconds: self.seconds(), ..Tick::QUIET };
        match tactic {
            Tactic::Pair => {
                let ((one, other), market, off) = (self.two(), self.market(), self.off());
                let side = self.side();
                let near = if self.random.percent(70) { 0 } else { off };
                let opened = Act::Order {
                    who: one,
                    market,
                    side,
                    off: near,
                    size: self.share().min(1_000_000),
                    time_in_force: TimeInForce::GoodTillCancelled,
                    reduce_only: false,
                };
                self.block(tick, vec![opened]);
                self.block(tick, vec![Act::Meet { who: other, of: one, market }]);
            }
            Tactic::Spread => self.spread(tick),
            Tactic::Rest => {
                let (who, market, side) = (self.member(), self.market(), self.side());
                let far = self.random.between(0, 300_000);
                let off = if side == Side::Buy { -far } else { far };
                let act = self.order(who, market, side, off);
                self.block(tick, vec![act]);
            }
            Tactic::Meet => {
                let ((who, of), market) = (self.two(), self.market());
                self.block(tick, vec![Act::Meet { who, of, market }]);
            }
            Tactic::Dump => {
                let ((of, who), market, off) = (self.two(), self.market(), self.off());
                self.block(
                    tick,
                    vec![
                        Act::Close { who: of, market, off },
                        Act::TakeOver { who, of, market, off },
                    ],
                );
            }
            Tactic::Cash => {
                let ((who, to), share) = (self.two(), self.share());
                let act = match self.random.percent(70) {
                    true => Act::Withdraw { who, share },
                    false => Act::Transfer { who, to, share },
                };
                self.block(tick, vec![act]);
            }
            Tactic::Drift => self.drift(tick),
            Tactic::Wait => {
                let blocks = *self.random.one(&[1, 5, 20, 40]);
                for _ in 0..blocks {
                    self.block(Tick { seconds: 50, ..Tick::QUIET }, Vec::new());
                }
            }
            Tactic::Noise => {
                let acts = (0..self.random.between(1, 4)).map(|_| self.noise()).collect();
                self.block(tick, acts);
            }
            Tactic::Flood => {
                let market = self.market();
                for who in 1..=self.members {
                    let side = self.side();
                    self.block(tick, vec![Act::Flood { who, market, side }]);
                }
            }
            Tactic::Gap => {
                for _ in 0..self.random.between(1, 4) {
                    self.block(Tick { seconds: 91, ..Tick::QUIET }, Vec::new());
                    self.drift(tick);
                }
            }
            Tactic::Silence => self.silence(),
            Tactic::Signer => {
                let act = match self.random.between(0, 3) {
                    0 => Act::Pause { market: self.market() },
                    1 => Act::Drill { market: self.market() },
                    2 => Act::Propose { change: self.random.between(0, 5) },
                    _ => Act::Approve,
                };
                let count = *self.random.one(&[1, 1, 3, 70]);
                self.block(tick, vec![act; count]);
            }
            Tactic::Custodian => {
                let who = self.member();
                self.block(tick, vec![Act::Attest { who, claim: Claim::New }; 2]);
            }
            Tactic::Restart => self.block(tick, vec![Act::Restart]),
            Tactic::Plan => crate::plan::play(self),
        }
    }

    /// Opens two legs that offset each other, each against another member.
    fn spread(&mut self, tick: Tick) {
        let (one, other) = self.two();
        let pairs = [(0, 1), (0, 2), (1, 2), (3, 4), (5, 6), (0, 5), (2, 7), (3, 0)];
        let (first, second) = *self.random.one(&pairs);
        self.markets.extend([first, second]);
        let size = *self.random.one(&[500_000, 900_000, 3_000_000]);
        let leg = |market, side| Act::Order {
            who: one,
            market,
            side,
            off: 0,
            size,
            time_in_force: TimeInForce::GoodTillCancelled,
            reduce_only: false,
        };
        for (market, side) in [(first, Side::Buy), (second, Side::Sell)] {
            self.block(tick, vec![leg(market, side)]);
            self.block(tick, vec![Act::Meet { who: other, of: one, market }]);
        }
        if self.random.percent(60) {
            self.block(tick, vec![Act::Withdraw { who: one, share: 1_000_000 }]);
        }
    }

    /// The index moves for some blocks by up to half a per cent a block; vols and bases now and then.
    pub(crate) fn drift(&mut self, tick: Tick) {
        let speed = *self.random.one(&[500, 2_000, 5_000, 20_000]);
        let mut step = || self.random.between(-speed, speed);
        let index = [step(), step()];
        let vol = if self.random.percent(20) { 20_000 } else { 0 };
        let basis = if self.random.percent(20) { *self.random.one(&[-500, 500]) } else { 0 };
        let tick = Tick { index, vol, basis, ..tick };
        for _ in 0..self.random.between(1, 25) {
            let acts = match self.random.percent(15) {
                true => vec![self.noise()],
                false => Vec::new(),
            };
            self.block(tick, acts);
        }
    }

    /// One or two of four validators are silent, for seconds or for a whole settlement window; the insider lies.
    fn silence(&mut self) {
        let silent = *self.random.one(&[0, 1, 2, 3]);
        let lie = Lie::all(*self.random.one(&[0, 50_000, -50_000, 9_000_000]));
        let blocks = *self.random.one(&[1, 5, 40]);
        let index = [self.random.between(-4_000, 4_000), 0];
        for _ in 0..blocks {
            let tick = Tick { seconds: 50, silent, lie, index, ..Tick::QUIET };
            self.block(tick, Vec::new());
        }
    }

    fn noise(&mut self) -> Act {
        let ((who, of), market, off) = (self.two(), self.market(), self.off());
        let side = self.side();
        match self.random.between(0, 7) {
            0..=2 => self.order(who, market, side, off),
            3 => Act::Close { who, market, off },
            4 => Act::TakeOver { who, of, market, off },
            5 => Act::Cancel { who },
            6 => Act::Meet { who, of, market },
            _ => Act::Transfer { who, to: of, share: self.share() },
        }
    }
}
