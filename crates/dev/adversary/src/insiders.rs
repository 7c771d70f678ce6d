//! What keys of the house add to a history: each on its own stream of random numbers, over what the coalition does anyway.
//!
//! Half of the histories have none of it, and mean what they would mean without this file.

use crate::act::{Act, Claim, Deed, Form, History, Keys, Lie, Proposer, Sequence, Step, Tick};
use crate::changes;
use crate::house::MARKETS;
use crate::odd;
use protocol::{Side, TimeInForce};
use random::Random;

/// Of how many histories in a hundred the coalition has keys that it uses.
const WITH_KEYS: u64 = 50;
/// And of how many of these it is a crowd.
const CROWDED: u64 = 2;

/// What a history has beside traders.
#[derive(Debug, Clone, Copy)]
struct Has {
    reporters: bool,
    proposer: bool,
    signers: bool,
    custodian: bool,
    coins: bool,
    odd: bool,
}

/// Adds what insiders do to the history of a seed.
pub(crate) fn overlay(seed: u64, history: &mut History) {
    let mut random = Random::stream(seed, 3);
    if !random.percent(WITH_KEYS) {
        return;
    }
    if random.percent(40) {
        history.setup.keys = Keys::MORE;
    }
    let has = Has {
        reporters: random.percent(50),
        proposer: random.percent(50),
        signers: random.percent(40),
        custodian: random.percent(40),
        coins: random.percent(50),
        odd: random.percent(20),
    };
    history.setup.narrow = random.percent(15);
    let crowd = random.percent(CROWDED);
    let members = u8::try_from(history.setup.capital.len()).expect("eight at most");
    let mut drawer = Overlay { random, members, validators: history.setup.keys.validators.0 };
    if crowd {
        drawer.crowd(history);
    }
    if has.coins {
        drawer.pledge(&mut history.steps);
    }
    if has.reporters {
        drawer.lies(&mut history.steps);
    }
    if has.proposer {
        drawer.proposals(&mut history.steps);
    }
    for step in &mut history.steps {
        let count = if drawer.random.percent(20) { drawer.random.between(1, 3) } else { 0 };
        for _ in 0..count {
            let act = drawer.act(&has);
            step.acts.extend(act);
            if act == Some(Act::Third(Deed::Council { change: changes::AT_ONCE })) {
                step.acts.push(Act::Third(Deed::Council { change: changes::NEARER }));
            }
        }
    }
}

struct Overlay {
    random: Random,
    members: u8,
    validators: u8,
}

impl Overlay {
    fn member(&mut self) -> u8 {
        self.random.between(1, self.members)
    }

    /// Regimes of lies and of silence, each for some blocks.
    fn lies(&mut self, steps: &mut [Step]) {
        let mut left = 0;
        let (mut lie, mut silent) = (Lie::NONE, None);
        for step in steps {
            if left == 0 {
                left = *self.random.one(&[1, 3, 10, 40]);
                lie = self.lie();
                // Now and then others are silent, too: as many as there may be, or more.
                silent = self.random.percent(20).then(|| self.silence());
            }
            left -= 1;
            step.tick.lie = lie;
            step.tick.silent = silent.unwrap_or(step.tick.silent);
        }
    }

    fn silence(&mut self) -> u8 {
        let all = i64::from((1u16 << self.validators) - 1);
        u8::try_from(self.random.between(0, all) & self.random.between(0, all)).expect("bits")
    }

    fn lie(&mut self) -> Lie {
        let sizes = [0, 0, 500, 5_000, 50_000, 400_000, 9_000_000, 99_000_000];
        let mut off = || {
            let size = *self.random.one(&sizes);
            if self.random.percent(50) { size } else { -size.min(999_000) }
        };
        let (price, vol, basis) = (off(), off(), off());
        let late = *self.random.one(&[0, 0, 0, 1, 5, 40]);
        let forms = [
            Form::Plain,
            Form::Plain,
            Form::Plain,
            Form::Twice,
            Form::Absurd,
            Form::Unsure,
            Form::OneSource,
            Form::PricesAlone,
            Form::NoPrices,
            Form::Unlisted,
        ];
        Lie { price, vol, basis, late, form: *self.random.one(&forms) }
    }

    /// What a proposer of the coalition makes of its blocks.
    fn proposals(&mut self, steps: &mut [Step]) {
        for step in steps {
            if !self.random.percent(60) {
                continue;
            }
            let orders = [Sequence::AsSent, Sequence::Last, Sequence::Backwards, Sequence::Between];
            let bits = [
                Proposer::QUOTES,
                Proposer::TRADER,
                Proposer::SIGNERS,
                Proposer::CUSTODIANS,
                Proposer::A_REPORT,
                Proposer::REPORTS,
            ];
            let omits = bits.into_iter().filter(|_| self.random.percent(25)).sum();
            let skew = *self.random.one(&[0, 0, 500, 400, -400, -1_000, -100_000]);
            step.tick.proposer = Proposer { sequence: *self.random.one(&orders), omits, skew };
        }
    }

    fn act(&mut self, has: &Has) -> Option<Act> {
        let who = self.member();
        let coin = self.random.between(0, 1);
        let market = self.random.between(0, MARKETS - 1);
        let change = self.random.between(0, changes::KINDS + 1);
        match self.random.between(0, 9) {
            0 | 1 if has.signers => Some(match self.random.between(0, 6) {
                0 => Act::Pause { market },
                1 => Act::Drill { market },
                2 => Act::Propose { change },
                3 => Act::ApproveOther { change },
                4 => Act::Revoke,
                5 => Act::Propose { change: self.of_market(market) },
                _ => Act::Approve,
            }),
            2 | 3 if has.signers => Some(Act::Third(Deed::Council { change: self.agreed(market) })),
            4 | 5 if has.custodian => {
                let claims = [
                    Claim::New,
                    Claim::Instead,
                    Claim::Instead,
                    Claim::Again,
                    Claim::Far,
                    Claim::Coins,
                    Claim::Nonsense,
                ];
                let claim = *self.random.one(&claims);
                Some(if self.random.percent(40) {
                    Act::AttestPayment
                } else {
                    Act::Attest { who, claim }
                })
            }
            6 => Some(Act::Third(match self.random.between(0, 3) {
                0 | 1 => Deed::Arrive,
                2 => Deed::Pay,
                _ => Deed::Withdraw,
            })),
            7 if has.coins => Some(self.coins(who, coin)),
            8 if has.odd => {
                let kind = self.random.between(0, odd::KINDS - 1);
                Some(Act::Odd { who, kind, market })
            }
            _ => None,
        }
    }

    fn of_market(&mut self, market: u8) -> u8 {
        let kinds = [changes::END_PAUSE, changes::PAUSE, changes::DRILL, changes::RESUME];
        market + *self.random.one(&kinds)
    }

    /// What honest signers agree on: mostly to end pauses, seldom to stop something.
    fn agreed(&mut self, market: u8) -> u8 {
        match self.random.between(0, 9) {
            0 => market + changes::PAUSE,
            1 => market + changes::DRILL,
            2 => market + changes::RESUME,
            3 => changes::AT_ONCE,
            4 => *self.random.one(&changes::IN_VAIN),
            5 if self.validators == 4 => changes::UNSEAT,
            _ => market + changes::END_PAUSE,
        }
    }

    fn coins(&mut self, who: u8, coin: u8) -> Act {
        let worth = self.random.between(1, 30_000);
        let worth = if self.random.percent(5) { 300_000_000 } else { worth };
        match self.random.between(0, 4) {
            0 => Act::Third(Deed::Coins { who, coin, worth }),
            1 => Act::Third(Deed::Bid),
            2 => Act::WithdrawCoins { who, coin, share: *self.random.one(&[1_000_000, 300_000]) },
            3 => {
                Act::Buy { who, of: Some(self.member()), coin, off: *self.random.one(&[0, -9_000]) }
            }
            _ => Act::Buy { who, of: None, coin, off: 10_000 },
        }
    }

    /// A member pledges coins, takes its dollars out and trades on what is left; the market goes against it, margin is
    /// exchanged, and the coins are for sale.
    fn pledge(&mut self, steps: &mut Vec<Step>) {
        let who = self.member();
        let coin = self.random.between(0, 1);
        let worth = self.random.between(100, 30_000);
        let at = usize::try_from(self.random.between(0, 20)).expect("not negative");
        let mut added = vec![Act::Third(Deed::Coins { who, coin, worth })];
        let out = self.random.percent(70);
        added.extend(out.then_some(Act::Withdraw { who, share: 1_000_000 }));
        let place = at.min(steps.len());
        let quiet = |acts| Step { tick: Tick::QUIET, acts };
        let mut inserted = vec![quiet(added)];
        if self.random.percent(60) {
            inserted.extend(self.lost(who, coin));
        }
        steps.splice(place..place, inserted);
    }

    /// A position on pledged coins that loses, until dollars are owed.
    fn lost(&mut self, who: u8, coin: u8) -> Vec<Step> {
        let market = if self.random.percent(70) {
            coin * (MARKETS / 2)
        } else {
            self.random.between(0, MARKETS - 1)
        };
        let other = self.member();
        let size = self.random.between(300_000, 6_000_000);
        let time_in_force = TimeInForce::GoodTillCancelled;
        let (side, reduce_only) = (Side::Buy, false);
        let order = Act::Order { who, market, side, off: 0, size, time_in_force, reduce_only };
        let quiet = |acts| Step { tick: Tick::QUIET, acts };
        let mut steps =
            vec![quiet(vec![order]), quiet(vec![Act::Meet { who: other, of: who, market }])];
        let fall = -self.random.between(2_000, 15_000);
        let index = if market < MARKETS / 2 { [fall, 0] } else { [0, fall] };
        let tick = Tick { index, ..Tick::QUIET };
        for _ in 0..self.random.between(3, 15) {
            steps.push(Step { tick, acts: Vec::new() });
        }
        // Until variation margin has been exchanged.
        let slow = Tick { seconds: 50, ..Tick::QUIET };
        for _ in 0..75 {
            steps.push(Step { tick: slow, acts: Vec::new() });
        }
        for _ in 0..self.random.between(1, 10) {
            let acts = vec![Act::Third(Deed::Bid)];
            steps
                .push(Step { tick, acts: if self.random.percent(50) { acts } else { Vec::new() } });
        }
        steps
    }

    /// A crowd of small accounts holds a little of everything, and the market falls through all of them at once.
    fn crowd(&mut self, history: &mut History) {
        let setup = &mut history.setup;
        let crowd = if self.random.percent(50) { 1_000 } else { self.random.between(100, 1_000) };
        setup.crowd = u16::try_from(crowd).expect("a thousand");
        setup.quoted = (1 << MARKETS) - 1;
        setup.capital.iter_mut().for_each(|dollars| *dollars = (*dollars / 5).max(100));
        let quiet = |acts| Step { tick: Tick::QUIET, acts };
        let mut steps = Vec::new();
        let side = if self.random.percent(50) { Side::Buy } else { Side::Sell };
        let off = if side == Side::Buy { 2_000 } else { -2_000 };
        // A lot of the first underlying takes fourteen dollars of margin, one of the second a third of one.
        let mut left = 80_000 / i64::from(setup.crowd) * 8 / 10;
        for market in [0, 1, 2] {
            if left > 28 {
                left -= 14;
                steps.push(quiet(vec![Act::Crowd { market, side, off, lots: 1 }]));
            }
        }
        for market in [5, 6, 7] {
            let lots = u16::try_from((left * self.random.between(60, 110) / 100).max(1));
            let lots = lots.expect("few");
            steps.push(quiet(vec![Act::Crowd { market, side, off, lots }]));
        }
        // In the second of two blocks those trade whom nobody met in the first.
        for market in [3, 4, 8, 9, 3, 4, 8, 9] {
            steps.push(quiet(vec![Act::Crowd { market, side, off, lots: 1 }]));
        }
        // What margin is left goes into the second underlying, until nothing more is let in.
        for share in [4, 8, 16, 32] {
            let lots = u16::try_from((left / share).max(1)).expect("few");
            steps.push(quiet(vec![Act::Crowd { market: 5, side, off, lots }]));
        }
        if self.random.percent(30) {
            let market = self.random.between(0, MARKETS - 1);
            let seconds = *self.random.one(&[10, 91]);
            let side = if self.random.percent(50) { side } else { side.opposite() };
            let tick = Tick { seconds, ..Tick::QUIET };
            steps.push(Step { tick, acts: vec![Act::CrowdRests { market, side }] });
        }
        let away = self.random.between(10_000, 40_000);
        let away = if side == Side::Buy { -away } else { away };
        for _ in 0..self.random.between(10, 25) {
            steps.push(Step {
                tick: Tick { index: [away / 2, away], ..Tick::QUIET },
                acts: Vec::new(),
            });
        }
        steps.extend((0..10).map(|_| quiet(Vec::new())));
        // So many accounts cost time in every block.
        history.steps.truncate(20);
        steps.append(&mut history.steps);
        history.steps = steps;
    }
}
