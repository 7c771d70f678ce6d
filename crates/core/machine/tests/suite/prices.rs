//! Prices that nobody can lean on: what a coalition does to marks, and what honest accounts see of it.

use super::common::{BTC, House, seat};
use machine::ValidatorGenesis;
use protocol::{Mode, ValidatorId, Vote};
use units::Price;

const DOLLAR: i128 = 1_000_000;

/// Applies a block with the votes of so many validators, of whom the first lie about BTC and the last are silent.
fn lied_to(house: &mut House, [all, liars, silent]: [u16; 3], low: i128) {
    let mut block = house.block(1, Vec::new());
    let honest = block.votes[0].clone();
    let vote = |number| {
        let mut vote = Vote { validator: ValidatorId::new(number), ..honest.clone() };
        for report in &mut vote.prices {
            if number <= liars && report.underlying == BTC {
                report.price = Price::from_micros(low);
            }
        }
        vote
    };
    block.votes = (1..=all - silent).map(vote).collect();
    house.machine.apply(&block).expect("the block follows");
}

#[test]
fn exactly_a_third_of_the_stake_sets_no_index_while_as_many_are_silent() {
    // 0017-ORAC-003. With two thirds as a quorum the index was 4,000 and the mode normal in the first two.
    for (all, liars, silent, mode) in [
        (3, 1, 1, Mode::Frozen),
        (6, 2, 2, Mode::Frozen),
        (6, 2, 1, Mode::Normal),
        (7, 2, 2, Mode::Normal),
    ] {
        let mut house = House::with(|genesis| {
            let validator = |number| ValidatorGenesis { seat: seat(number), stake: 1 };
            genesis.validators = (1..=all).map(validator).collect();
        });
        for _ in 0..10 {
            lied_to(&mut house, [all, 0, 0], 0);
        }
        for _ in 0..80 {
            lied_to(&mut house, [all, liars, silent], 4_000 * DOLLAR);
        }
        let state = house.machine.state();
        assert_eq!(state.index(BTC), Some(Price::from_micros(8_000 * DOLLAR)), "{all} {liars}");
        assert_eq!(state.mode(BTC), mode, "{all} {liars} {silent}");
    }
}
