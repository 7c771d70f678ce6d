//! Plans of which each step needs the one before: what has worked against clearing houses, with numbers drawn wide.

use crate::act::{Act, Member, Tick};
use crate::draw::Drawer;
use protocol::{Side, TimeInForce};

/// Plays one plan.
pub(crate) fn play(drawer: &mut Drawer) {
    match drawer.random.between(0, 7) {
        0 => ambush(drawer),
        1 | 2 => dump(drawer),
        3 => shield(drawer),
        4 => balanced(drawer),
        5 => beyond(drawer),
        6 => expiry(drawer),
        _ => stopped(drawer),
    }
}

fn open(who: Member, market: u8, side: Side, off: i32, size: u32) -> Act {
    let time_in_force = TimeInForce::GoodTillCancelled;
    Act::Order { who, market, side, off, size, time_in_force, reduce_only: false }
}

/// Returns a tick in which the underlying of a market moves.
fn moved(market: u8, ppm: i32, seconds: u16) -> Tick {
    let index = if market < 5 { [ppm, 0] } else { [0, ppm] };
    Tick { index, seconds, ..Tick::QUIET }
}

fn ppm(drawer: &mut Drawer, low: i32, high: i32) -> i32 {
    drawer.random.between(low, high)
}

/// Moves an index against a side, block after block.
fn against(drawer: &mut Drawer, market: u8, side: Side, speed: (i32, i32), blocks: (i32, i32)) {
    let sign = if side == Side::Buy { -1 } else { 1 };
    let speed = ppm(drawer, speed.0, speed.1) * sign;
    for _ in 0..drawer.random.between(blocks.0, blocks.1) {
        drawer.block(moved(market, speed, 10), Vec::new());
    }
}

/// An order waits with little behind it; when the market has come, and gone on, the accomplice takes it.
fn ambush(drawer: &mut Drawer) {
    let ((who, by), market, side) = (drawer.poorer_and_richer(), drawer.market(), drawer.side());
    let far = ppm(drawer, 0, 300_000);
    let off = if side == Side::Buy { -far } else { far };
    let size = drawer.random.between(200_000, 40_000_000);
    drawer.block(Tick::QUIET, vec![open(who, market, side, off, size)]);
    against(drawer, market, side, (5_000, 40_000), (2, 12));
    drawer.block(Tick::QUIET, vec![Act::Meet { who: by, of: who, market }]);
    drawer.block(Tick::QUIET, vec![Act::Withdraw { who: by, share: 1_000_000 }]);
}

/// A position that has lost some is closed to the accomplice, far off the mark.
fn dump(drawer: &mut Drawer) {
    let ((who, by), market, side) = (drawer.poorer_and_richer(), drawer.market(), drawer.side());
    drawer.block(Tick::QUIET, vec![open(who, market, side, 0, 980_000)]);
    drawer.block(Tick::QUIET, vec![Act::Meet { who: by, of: who, market }]);
    against(drawer, market, side, (500, 6_000), (1, 10));
    let far = ppm(drawer, 10_000, 300_000);
    let off = if side == Side::Buy { -far } else { far };
    let close =
        vec![Act::Close { who, market, off }, Act::TakeOver { who: by, of: who, market, off }];
    drawer.block(Tick::QUIET, close);
}

/// What can be sold hides behind what cannot.
fn shield(drawer: &mut Drawer) {
    let ((who, by), side) = (drawer.poorer_and_richer(), drawer.side());
    let base = if drawer.random.percent(50) { 0 } else { 5 };
    let (first, second) = (base, base + drawer.random.between(1, 2));
    for (market, size) in [(first, 430_000), (second, 530_000)] {
        drawer.block(Tick::QUIET, vec![open(who, market, side, 0, size)]);
        drawer.block(Tick::QUIET, vec![Act::Meet { who: by, of: who, market }]);
    }
    drawer.block(Tick::QUIET, vec![Act::Withdraw { who, share: 1_000_000 }]);
    against(drawer, first, side, (2_000, 5_000), (10, 30));
    for _ in 0..14 {
        drawer.block(Tick::QUIET, Vec::new());
    }
}

/// Legs that offset each other, with as little behind them as may be, and a basis that moves.
fn balanced(drawer: &mut Drawer) {
    let (who, by) = drawer.poorer_and_richer();
    let pairs = [(0, 2), (2, 0), (5, 7), (7, 5), (1, 2), (6, 7), (0, 5), (5, 0)];
    let (first, second) = *drawer.random.one(&pairs);
    for (market, side) in [(first, Side::Buy), (second, Side::Sell)] {
        drawer.block(Tick::QUIET, vec![open(who, market, side, 0, 900_000)]);
        drawer.block(Tick::QUIET, vec![Act::Meet { who: by, of: who, market }]);
    }
    drawer.block(Tick::QUIET, vec![Act::Withdraw { who, share: 1_000_000 }]);
    let basis = ppm(drawer, -2_000, 2_000);
    let index = [ppm(drawer, -2_000, 2_000), ppm(drawer, -2_000, 2_000)];
    for _ in 0..drawer.random.between(5, 20) {
        drawer.block(Tick { basis, index, ..Tick::QUIET }, Vec::new());
    }
    for _ in 0..14 {
        drawer.block(Tick::QUIET, Vec::new());
    }
}

/// The market moves beyond every range; who has won leaves with it.
fn beyond(drawer: &mut Drawer) {
    let ((who, by), market, side) = (drawer.poorer_and_richer(), drawer.market(), drawer.side());
    drawer.block(Tick::QUIET, vec![open(who, market, side, 0, 980_000)]);
    drawer.block(Tick::QUIET, vec![Act::Meet { who: by, of: who, market }]);
    against(drawer, market, side, (10_000, 40_000), (8, 25));
    drawer.block(
        Tick::QUIET,
        vec![
            Act::Close { who, market, off: 0 },
            Act::TakeOver { who: by, of: who, market, off: 0 },
        ],
    );
    // Until variation margin has been exchanged.
    for _ in 0..75 {
        drawer.block(Tick { seconds: 50, ..Tick::QUIET }, Vec::new());
    }
    for share in [1_000_000, 500_000, 200_000] {
        drawer.block(Tick::QUIET, vec![Act::Withdraw { who: by, share }]);
    }
}

/// Half of the validators say nothing while the market moves and contracts settle.
pub(crate) fn expiry(drawer: &mut Drawer) {
    let ((who, by), side) = (drawer.poorer_and_richer(), drawer.side());
    let market = *drawer.random.one(&[1, 6]);
    drawer.block(Tick::QUIET, vec![open(who, market, side, 0, 900_000)]);
    drawer.block(Tick::QUIET, vec![Act::Meet { who: by, of: who, market }]);
    for _ in 0..drawer.random.between(25, 40) {
        drawer.block(Tick { seconds: 50, ..Tick::QUIET }, Vec::new());
    }
    let silent = *drawer.random.one(&[1, 3, 3, 6, 12]);
    let speed = ppm(drawer, -4_000, 4_000);
    for _ in 0..drawer.random.between(20, 60) {
        drawer.block(Tick { silent, ..moved(market, speed, 50) }, Vec::new());
    }
    for _ in 0..50 {
        drawer.block(Tick { seconds: 50, ..Tick::QUIET }, Vec::new());
    }
}

/// One signer stops a market again and again, for days, and fills what others need to undo it.
fn stopped(drawer: &mut Drawer) {
    let market = drawer.market();
    drawer.block(Tick::QUIET, vec![Act::Propose { change: 5 }; 66]);
    let act = if drawer.random.percent(60) { Act::Pause { market } } else { Act::Drill { market } };
    for _ in 0..drawer.random.between(10, 30) {
        let seconds = drawer.random.between(1_000, 12_000);
        drawer.block(Tick { seconds, ..Tick::QUIET }, vec![act]);
    }
}
