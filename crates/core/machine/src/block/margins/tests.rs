use super::Margins;
use crate::block::work::Work;
use crate::common::{House, account, order};
use protocol::Side;
use std::cell::OnceCell;
use units::BlockSpan;

/// Returns what initial margin account 1 needs in the next second for new risk, and for what it holds, in dollars rounded down.
fn asked(house: &mut House) -> (i128, i128) {
    let block = house.block(1, Vec::new());
    let (risk, standing) = (OnceCell::new(), OnceCell::new());
    let state = &mut house.machine.state;
    (state.height, state.time) = (block.height, block.time);
    let margins = Margins::new(&risk, &standing);
    let mut work = Work::new(state, margins, &block, BlockSpan::from_millis(1_000));
    work.oracle().unwrap();
    work.scenarios().unwrap();
    let (new, held) = (work.margins.risk().unwrap(), work.margins.standing().unwrap());
    let index = work.state.accounts.index(account(1)).unwrap();
    let initial =
        |risk| work.state.required(risk, index, false).unwrap().initial.micros() / 1_000_000;
    (initial(new), initial(held))
}

#[test]
fn what_the_speed_limit_keeps_from_the_index_is_asked_of_new_risk_alone() {
    // 0019-MARG-027: the price falls by 5 % in a second, the index by 1 %.
    let mut house = House::new();
    house.fund(&[(1, 65_000), (3, 5_000_000)]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 3_000),
            order(3, 1, 1, Side::Sell, 8_000_000_000, 3_000),
        ],
    );
    for _ in 0..15 {
        house.apply(1, Vec::new());
    }
    house.btc -= 400_000_000;
    let first = asked(&mut house);
    let mut held = Vec::new();
    for _ in 0..20 {
        house.apply(1, Vec::new());
        held.push(asked(&mut house));
    }
    assert_eq!(first, (56_804, 38_271));
    assert_eq!(held.last(), Some(&(36_720, 36_720)));
}
