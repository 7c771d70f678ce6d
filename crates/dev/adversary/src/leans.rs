//! What leans on prices: own books, votes, sources, silence and stops, beside positions that gain by it.
//!
//! Each history that is about prices has a few campaigns, on a stream of random numbers of their own, put into what the coalition
//! does anyway. The others mean what they would mean without this file.

use crate::act::{Act, History, Keys, Lie, Member, Prices, Setup, Sources, Step, Tick};
use crate::house::MARKETS;
use protocol::{Side, TimeInForce};
use random::Random;

/// Of how many histories in a hundred prices are what they are about.
const ABOUT_PRICES: u64 = 40;
/// Steps of the longest of them: what is put in is taken off at the end.
const STEPS: usize = 130;
/// How far a price is pushed, in parts per million.
const EDGES: [i32; 7] = [500, 5_000, 20_000, 29_900, 30_100, 60_000, 250_000];

/// Adds what leans on prices to the history of a seed.
pub(crate) fn overlay(seed: u64, history: &mut History) {
    let mut random = Random::stream(seed, 6);
    if history.setup.crowd > 0 || !random.percent(ABOUT_PRICES) {
        return;
    }
    let setup = &mut history.setup;
    setup.prices = Some(Prices {
        sources: *random.one(&[4, 4, 5]),
        apart: *random.one(&[0, 0, 300]),
        basis: *random.one(&[0, 0, 20_000, -20_000, 39_000]),
    });
    if setup.keys == Keys::MORE && random.percent(50) {
        setup.keys = Keys::THIRD;
    }
    if random.percent(60) {
        setup.quoted |= 1 | 1 << (MARKETS / 2);
    }
    let mut drawer = Leaning { random, setup: setup.clone(), steps: Vec::new() };
    for _ in 0..drawer.random.between(1, 3) {
        drawer.steps.clear();
        drawer.campaign();
        let last = i64::try_from(history.steps.len()).expect("short").min(80);
        let at = usize::try_from(drawer.random.between(0, last)).expect("an index");
        history.steps.splice(at..at, std::mem::take(&mut drawer.steps));
    }
    history.steps.truncate(STEPS);
}

/// Draws campaigns.
struct Leaning {
    random: Random,
    setup: Setup,
    steps: Vec<Step>,
}

impl Leaning {
    fn block(&mut self, tick: Tick, acts: Vec<Act>) {
        self.steps.push(Step { tick, acts });
    }

    /// Adds so many blocks in which nobody of the coalition acts.
    fn blocks(&mut self, count: i64, tick: Tick) {
        (0..count).for_each(|_| self.block(tick, Vec::new()));
    }

    fn ppm(&mut self, low: i32, high: i32) -> i32 {
        self.random.between(low, high)
    }

    fn side(&mut self) -> Side {
        if self.random.percent(50) { Side::Buy } else { Side::Sell }
    }

    /// Returns two members.
    fn two(&mut self) -> (Member, Member) {
        let members = u8::try_from(self.setup.capital.len()).expect("eight at most");
        let one = self.random.between(1, members);
        let other = self.random.between(1, members - 1);
        (one, if other >= one { other + 1 } else { other })
    }

    /// Returns a perpetual, or now and then any market.
    fn market(&mut self) -> u8 {
        match self.random.percent(70) {
            true => *self.random.one(&[0, 0, MARKETS / 2]),
            false => self.random.between(0, MARKETS - 1),
        }
    }

    /// Positions that gain if a price moves, a market on its way to where bystanders are short of margin, and something that
    /// leans on the price.
    fn campaign(&mut self) {
        let ((one, other), market) = (self.two(), self.market());
        if self.random.percent(60) {
            let side = self.side();
            self.opened(one, other, market, side);
        }
        if self.random.percent(50) {
            self.approach();
        }
        match self.random.between(0, 9) {
            0 => self.wash(one, other, market),
            1 => self.walls(one, other, market),
            2 | 3 => self.lies(),
            4 | 5 => self.sources(),
            6 | 7 => self.silence(),
            8 => self.stops(),
            _ => self.squeeze(one, other),
        }
        if self.random.percent(40) {
            for who in [one, other] {
                self.block(Tick::QUIET, vec![Act::Withdraw { who, share: 1_000_000 }]);
            }
        }
    }

    /// Two members come to positions against each other.
    fn opened(&mut self, one: Member, other: Member, market: u8, side: Side) {
        let order = order(one, market, side, 0, 900_000);
        self.block(Tick::QUIET, vec![order]);
        self.block(Tick::QUIET, vec![Act::Meet { who: other, of: one, market }]);
    }

    /// Prices move by about what initial margin is above maintenance, to where a lean decides.
    fn approach(&mut self) {
        let sign = if self.random.percent(50) { 1 } else { -1 };
        let blocks = self.random.between(3, 6);
        let total = self.random.between(26_000, 36_000);
        let each = i32::try_from(total / blocks).expect("small") * sign;
        self.blocks(blocks, Tick { index: [each, each], ..Tick::QUIET });
        self.blocks(1, Tick::QUIET);
    }

    fn edge(&mut self) -> i32 {
        let edge = *self.random.one(&EDGES);
        if self.random.percent(50) { edge } else { -edge }
    }

    /// A lot from one to the other at the edge, and nothing for a while; again and again.
    fn wash(&mut self, one: Member, other: Member, market: u8) {
        let edge = self.edge();
        let seconds = *self.random.one(&[2, 9, 10]);
        for _ in 0..self.random.between(1, 5) {
            let side = self.side();
            let tick = Tick { seconds, ..Tick::QUIET };
            self.block(tick, vec![order(one, market, side, edge, 0)]);
            self.block(tick, vec![Act::Meet { who: other, of: one, market }]);
            let quiet = self.random.between(0, 4);
            self.blocks(quiet, Tick { seconds, ..Tick::QUIET });
        }
    }

    /// Quotes on one side or on both, off the index, for some blocks; taken away before anybody meets them, or left.
    fn walls(&mut self, one: Member, other: Member, market: u8) {
        let edge = self.edge();
        let width = self.ppm(600, 20_000);
        let both = self.random.percent(50);
        let spoof = self.random.percent(50);
        for _ in 0..self.random.between(1, 4) {
            let mut acts = vec![order(one, market, Side::Buy, edge, 950_000)];
            if both {
                acts.push(order(other, market, Side::Sell, edge + width, 950_000));
            }
            self.block(Tick::QUIET, acts);
            let stand = self.random.between(0, 6);
            self.blocks(stand, Tick::QUIET);
            if spoof {
                let gone = vec![Act::Cancel { who: one }, Act::Cancel { who: other }];
                self.block(Tick::QUIET, gone);
            }
        }
    }

    /// Validators of the coalition lie, each thing its own way, while as many others say nothing as a quorum bears.
    fn lies(&mut self) {
        let sizes = [0, 200, 5_000, 19_000, 200_000, 2_000_000];
        let mut off = || {
            let size = *self.random.one(&sizes);
            if self.random.percent(50) { size } else { -size.min(990_000) }
        };
        let (price, vol, basis) = (off(), off(), off());
        let lie = Lie { price, vol, basis, ..Lie::NONE };
        let count = *self.random.one(&[1, 5, 20, 40]);
        let (validators, ours) = self.setup.keys.validators;
        // The last ones, one after another; those of the coalition do not vote in some of the blocks.
        let spared = *self.random.one(&[0, 1, 2]).min(&((validators - ours).saturating_sub(1)));
        let silent = u8::MAX.unbounded_shl((validators - spared).into());
        for _ in 0..count {
            let own = if self.random.percent(20) { (1 << ours) - 1 } else { 0 };
            let drift = if self.random.percent(20) { self.ppm(-3_000, 3_000) } else { 0 };
            let tick = Tick { lie, silent: silent | own, index: [drift; 2], ..Tick::QUIET };
            self.block(tick, Vec::new());
        }
    }

    /// A source is wrong by any amount, others show nothing, or both.
    fn sources(&mut self) {
        let sizes = [300, 4_900, 15_000, 19_900, 35_000, 60_000, 400_000, 8_000_000];
        let wrong = *self.random.one(&sizes);
        let wrong = if self.random.percent(50) { wrong } else { -wrong.min(999_000) };
        let wrong = if self.random.percent(80) { wrong } else { 0 };
        let silent = *self.random.one(&[0, 0, 1, 1, 2]);
        let sources = Sources { wrong, silent };
        let count = *self.random.one(&[1, 3, 8, 30]);
        for _ in 0..count {
            let drift = if self.random.percent(30) { self.ppm(-4_000, 4_000) } else { 0 };
            self.block(Tick { sources, index: [drift; 2], ..Tick::QUIET }, Vec::new());
        }
    }

    /// Nobody votes on something for a while, and the world goes on.
    fn silence(&mut self) {
        let (unsaid, counts) = match self.random.between(0, 5) {
            0 => (Tick::PRICES, [1, 2, 4, 8]),
            1 => (Tick::VOLS, [1, 5, 30, 60]),
            2 | 3 => (Tick::STRIKE, [5, 26, 40, 60]),
            4 => (Tick::FIRST_BASES | Tick::LAST_BASES, [1, 5, 30, 74]),
            _ => (*self.random.one(&[Tick::FIRST_BASES, Tick::LAST_BASES]), [1, 5, 30, 74]),
        };
        let count = *self.random.one(&counts);
        let seconds = if count > 8 { 50 } else { 9 };
        let vol = *self.random.one(&[0, 0, 3_000, -3_000]);
        let basis = *self.random.one(&[0, 0, 200, -200]);
        for _ in 0..count {
            let drift = if self.random.percent(20) { self.ppm(-2_000, 2_000) } else { 0 };
            let tick = Tick { unsaid, seconds, vol, basis, index: [drift; 2], ..Tick::QUIET };
            self.block(tick, Vec::new());
        }
        self.blocks(4, Tick::QUIET);
    }

    /// The chain stops, again and again.
    fn stops(&mut self) {
        let seconds = *self.random.one(&[11, 31, 59, 61, 89, 91, 121, 541, 1_200]);
        let between = self.random.between(1, 5);
        for _ in 0..self.random.between(2, 8) {
            let drift = self.ppm(-6_000, 6_000);
            self.block(Tick { seconds, index: [drift; 2], ..Tick::QUIET }, Vec::new());
            self.blocks(between, Tick::QUIET);
        }
    }

    /// Two members hold a perpetual; the sources fail until it may only reduce and nobody else quotes; who is short bids for
    /// what it owes at the edge, who is long offers there.
    fn squeeze(&mut self, one: Member, other: Member) {
        let market = *self.random.one(&[0, MARKETS / 2]);
        let (one, other) = self.poorer_and_richer(one, other);
        self.opened(one, other, market, Side::Buy);
        let unsaid = Tick::PRICES;
        let edge = self.edge();
        let closes = |who| vec![Act::Close { who, market, off: edge }];
        let late = Tick { unsaid, ..Tick::QUIET };
        let until_stale = if self.setup.slow { 7 } else { 2 };
        self.blocks(until_stale, late);
        let who = if edge > 0 { other } else { one };
        for _ in 0..self.random.between(1, 3) {
            self.block(late, closes(who));
            self.block(late, Vec::new());
        }
        self.block(Tick::QUIET, vec![Act::Cancel { who }]);
        self.blocks(3, Tick::QUIET);
    }

    fn poorer_and_richer(&self, one: Member, other: Member) -> (Member, Member) {
        let has = |member: Member| self.setup.capital.get(usize::from(member) - 1);
        if has(one) <= has(other) { (one, other) } else { (other, one) }
    }
}

fn order(who: Member, market: u8, side: Side, off: i32, size: u32) -> Act {
    let time_in_force = TimeInForce::GoodTillCancelled;
    Act::Order { who, market, side, off, size, time_in_force, reduce_only: false }
}
