//! What options are marked at when a strike is wrong.

use super::common::{BTC, House, START, instrument};
use machine::Market;
use protocol::{Block, Contract, InstrumentId, Right};
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
        // Of 9,200 the third validator has an old quote, and the fourth lies.
        let block = voted(&mut house, 1, |validator, id| match (validator, id) {
            (3, 68) => Some(4_400 - low),
            (4, 68) => Some(100),
            _ => Some(4_400),
        });
        house.machine.apply(&block).unwrap();
        assert_eq!(marks(&house), before, "{low} low");
        for id in 60..71 {
            let market = market(&house, id);
            let (doubt, flagged) = if id == 68 { (low, low > 440) } else { (0, false) };
            assert_eq!(market.vol_uncertainty, Vol::from_points(doubt), "{id}");
            assert_eq!(market.vol_stale, flagged, "{id}");
        }
        assert_eq!(market(&house, 68).vol_voted, Some(Vol::from_points(4_400 - low)));
    }
}
