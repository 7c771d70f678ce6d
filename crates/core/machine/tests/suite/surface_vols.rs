//! What options are marked at when a strike is wrong, or has no votes.

use super::common::{BTC, House, START, account, deposit, dollars, instrument, order};
use machine::Market;
use protocol::{Block, Contract, InstrumentId, Mode, Receipt, Refusal, Right, Side};
use units::{BlockTime, Price, Vol};

const DAY: i128 = 86_400_000;
const DOLLAR: i128 = 1_000_000;

/// Returns a house with calls at strikes, 60 and on, so many days from expiry.
fn listing(strikes: &[i128], days: i128) -> House {
    House::with(|genesis| {
        for (strike, id) in strikes.iter().zip(60..) {
            let expires_at = BlockTime::from_millis(START + days * DAY);
            let strike = Price::from_micros(strike * DOLLAR);
            let contract = Contract::Option { expires_at, strike, right: Right::Call };
            genesis.instruments.push(instrument(id, BTC, contract));
        }
    })
}

/// Returns the next block, in which each validator votes what it is given for each of those calls, or nothing.
fn voted(house: &mut House, seconds: i128, vol: impl Fn(u16, u32) -> Option<i128>) -> Block {
    let mut block = house.block(seconds, Vec::new());
    for vote in &mut block.votes {
        let validator = vote.validator.get();
        vote.vols.retain_mut(|report| {
            let id = report.instrument.get();
            if id < 60 {
                return true;
            }
            let voted = vol(validator, id);
            report.vol = Vol::from_points(voted.unwrap_or_default());
            voted.is_some()
        });
    }
    block
}

fn market(house: &House, id: u32) -> &Market {
    &house.machine.state().markets[&InstrumentId::new(id)]
}

/// Returns the mark of a call in dollars.
fn mark(house: &House, id: u32) -> i128 {
    market(house, id).mark.unwrap().micros() / DOLLAR
}

#[test]
fn one_stale_quote_and_one_liar_move_no_strike_but_that_one() {
    // 0018-SURF-007, 0018-SURF-008
    let strikes: Vec<i128> = (0..11).map(|step| 6_000 + 400 * step).collect();
    for low in [500, 1_000, 2_000] {
        let mut house = listing(&strikes, 240);
        let block = voted(&mut house, 1, |_, _| Some(4_400));
        house.machine.apply(&block).unwrap();
        let marks = |house: &House| (60..71).map(|id| mark(house, id)).collect::<Vec<_>>();
        let before = marks(&house);
        assert_eq!(before[5..], [1_132, 971, 830, 708, 602, 511]);
        // Of 9,200 the third validator has an old quote, and the fourth lies: the vote is in the middle of what is old and new.
        let block = voted(&mut house, 1, |validator, id| match (validator, id) {
            (3, 68) => Some(4_400 - low),
            (4, 68) => Some(100),
            _ => Some(4_400),
        });
        house.machine.apply(&block).unwrap();
        assert_eq!(marks(&house), before, "{low} low");
        for id in 60..71 {
            let market = market(&house, id);
            let (doubt, flagged) = if id == 68 { (low / 2, low > 880) } else { (0, false) };
            assert_eq!(market.vol_uncertainty, Vol::from_points(doubt), "{id}");
            assert_eq!(market.vol_stale, flagged, "{id}");
        }
        assert_eq!(market(&house, 68).vol_voted, Some(Vol::from_points(4_400 - low / 2)));
    }
}

#[test]
fn a_strike_that_loses_its_quorum_keeps_its_vol_and_fades_into_its_neighbours_line() {
    // 0017-ORAC-027: 70, 60 and 66 %, and no votes any more in the middle.
    let mut house = listing(&[7_000, 8_000, 9_000], 30);
    let vols = |id| [7_000, 6_000, 6_600][usize::try_from(id - 60).unwrap()];
    let all = |_: u16, id: u32| Some(vols(id));
    let but_one = |_: u16, id: u32| (id != 61).then(|| vols(id));
    for _ in 0..2 {
        let block = voted(&mut house, 1, all);
        house.machine.apply(&block).unwrap();
    }
    let mut shown = Vec::new();
    let (mut last, mut most) = (mark(&house, 61), 0);
    assert_eq!(last, 548);
    for step in 1..=66 {
        let block = voted(&mut house, 50, but_one);
        house.machine.apply(&block).unwrap();
        let market = market(&house, 61);
        most = most.max((mark(&house, 61) - last).abs());
        last = mark(&house, 61);
        if [24, 25, 40, 66].contains(&step) {
            let doubt = market.vol_uncertainty.points();
            shown.push((step, market.vol_stale, market.vol.unwrap().points(), doubt, last));
        }
    }
    // What was 620 in one block takes half an hour, at most two dollars a block of fifty seconds.
    let expected = [
        (24, false, 6_000, 0, 548),
        (25, true, 6_000, 37, 548),
        (40, true, 6_330, 492, 578),
        (66, true, 6_790, 1_130, 619),
    ];
    assert_eq!((shown, most), (expected.to_vec(), 2));
    let block = voted(&mut house, 50, all);
    house.machine.apply(&block).unwrap();
    assert_eq!((market(&house, 61).vol_stale, mark(&house, 61)), (false, last), "nor back at once");
}

#[test]
fn a_strike_that_was_never_quoted_takes_no_new_risk_between_strikes_that_are() {
    // 0017-ORAC-027
    let mut house = listing(&[7_000, 8_000, 9_000], 30);
    let but_one = |_: u16, id: u32| (id != 61).then_some(6_000);
    let mut block = voted(&mut house, 1, but_one);
    block.transactions = vec![deposit(1, 0, dollars(100_000))];
    house.machine.apply(&block).unwrap();
    let mut block = voted(&mut house, 1, but_one);
    block.transactions =
        [60, 61].map(|id| order(1, id.into(), id, Side::Buy, 500_000_000, 1)).to_vec();
    let outcome = house.machine.apply(&block).unwrap();
    assert_eq!(market(&house, 61).vol, market(&house, 60).vol);
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)), "{:?}", outcome.receipts);
    let refused = Refusal::ModeForbids { mode: Mode::ReduceOnly };
    assert_eq!(outcome.receipts[1], Receipt::Refused(refused));
}

#[test]
fn strikes_that_nobody_votes_for_do_not_overrule_a_vote() {
    // 0018-SURF-015. Strikes stale at 40 %, and a first vote of 90 % between them: it was lowered to 45.82 %.
    let mut house = listing(&[7_000, 7_500, 8_000, 8_500, 9_000], 30);
    let block = voted(&mut house, 1, |_, id| (id != 62).then_some(4_000));
    house.machine.apply(&block).unwrap();
    for _ in 0..25 {
        let block = voted(&mut house, 50, |_, _| None);
        house.machine.apply(&block).unwrap();
    }
    let block = voted(&mut house, 1, |_, id| (id == 62).then_some(9_000));
    house.machine.apply(&block).unwrap();
    let market = market(&house, 62);
    assert_eq!(market.vol_voted, Some(Vol::from_points(9_000)));
    // By a tenth of itself: one or the other is wrong.
    assert_eq!(market.vol, Some(Vol::from_points(8_100)));
    assert!(market.vol_stale, "and nobody takes new risk in it");
}

#[test]
fn a_vol_that_is_in_doubt_now_and_then_cancels_no_quote_and_takes_no_new_risk() {
    // 0018-SURF-016. One liar and one old quote, in every other block: all quotes of the strike were gone in the first.
    let strikes: Vec<i128> = (0..11).map(|step| 6_000 + 400 * step).collect();
    let mut house = listing(&strikes, 240);
    let quoted = |house: &House| {
        let state = house.machine.state();
        let index = state.accounts.index(account(1)).unwrap();
        state.accounts.get(index).unwrap().orders().len()
    };
    let honest = |_: u16, _: u32| Some(4_400);
    let doubted = |validator: u16, id: u32| match (validator, id) {
        (3, 68) => Some(2_400),
        (4, 68) => Some(100),
        _ => Some(4_400),
    };
    let mut block = voted(&mut house, 1, honest);
    block.transactions = vec![deposit(1, 0, dollars(1_000_000)), deposit(2, 0, dollars(1_000_000))];
    house.machine.apply(&block).unwrap();
    let around = mark(&house, 68) * DOLLAR;
    let mut block = voted(&mut house, 1, honest);
    block.transactions = vec![
        order(1, 1, 68, Side::Buy, around - 50 * DOLLAR, 10),
        order(1, 2, 68, Side::Sell, around + 50 * DOLLAR, 10),
    ];
    house.machine.apply(&block).unwrap();
    let refused = Receipt::Refused(Refusal::ModeForbids { mode: Mode::ReduceOnly });
    for step in 0..40 {
        let mut block = match step % 2 {
            0 => voted(&mut house, 5, doubted),
            _ => voted(&mut house, 5, honest),
        };
        block.transactions = vec![order(2, step, 68, Side::Buy, around + 100 * DOLLAR, 1)];
        if step % 2 == 1 {
            block.transactions.clear();
        }
        let outcome = house.machine.apply(&block).unwrap();
        assert_eq!(quoted(&house), 2, "in block {step}");
        assert!(
            outcome.receipts.iter().all(|receipt| *receipt == refused),
            "{:?}",
            outcome.receipts
        );
    }
    // Once it has stood for more than ten seconds they go.
    let left = (0..15).filter(|_| {
        let block = voted(&mut house, 1, doubted);
        house.machine.apply(&block).unwrap();
        quoted(&house) == 2
    });
    assert_eq!(left.count(), 11);
}
