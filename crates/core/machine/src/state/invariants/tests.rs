use crate::common::{HOUR, House, SIGNERS, START, deposit, dollars, order, trader};
use crate::state::market::Status;
use clearing::Aggregate;
use protocol::{
    AssetId, Change, Command, Event, InstrumentId, ProposalId, Receipt, Refusal, Side, Transaction,
};
use units::Lots;

const PERPETUAL: InstrumentId = InstrumentId::new(1);
const FUTURE: InstrumentId = InstrumentId::new(2);
const PERPETUAL_ON_ETH: InstrumentId = InstrumentId::new(11);

fn sign(signer: usize, command: Command) -> Transaction {
    Transaction { sender: SIGNERS[signer], command }
}

fn aggregate(house: &mut House) -> &mut Aggregate {
    &mut house.machine.state.markets.get_mut(&PERPETUAL_ON_ETH).unwrap().aggregate
}

/// Lets the council resume the house; returns what the block did in which that was due.
fn resume(house: &mut House, number: u32) -> Vec<Event> {
    let (change, proposal) = (Change::ResumeHouse, ProposalId::new(number));
    house.apply(1, vec![sign(0, Command::Propose { change })]);
    house.apply(1, vec![sign(1, Command::Approve { proposal, change })]);
    house.apply(2 * 86_400, Vec::new()).events
}

#[test]
fn a_house_that_its_books_have_halted_liquidates_exchanges_settles_and_halts_again() {
    // 0025-BLOCK-007, 0025-BLOCK-014
    let mut house = House::new();
    house.apply(1, vec![deposit(5, 0, dollars(9_000)), deposit(3, 0, dollars(90_000_000))]);
    let (price, bid) = (8_000_000_000, 7_000_000_000);
    house.apply(
        1,
        vec![
            order(5, 1, 1, Side::Buy, price, 600),
            order(3, 1, 1, Side::Sell, price, 600),
            order(5, 2, 2, Side::Buy, price, 1),
            order(3, 2, 2, Side::Sell, price, 1),
        ],
    );
    house.apply(1, vec![order(3, 3, 1, Side::Buy, bid, 600), order(3, 4, 2, Side::Buy, bid, 600)]);
    assert_eq!((house.lots(5, 1), house.lots(5, 2)), (600, 1));

    // The books of one market do not balance any more: there is a lot that nobody holds.
    let sound = *aggregate(&mut house);
    aggregate(&mut house).open_interest = Lots::from_count(1);
    let outcome = house.apply(1, Vec::new());
    let fault = "positions of a market sum to its aggregate";
    let halts = |events: &[Event]| {
        let halted = |event: &&Event| matches!(event, Event::HouseHalted { fault: said } if said.contains(fault));
        events.iter().filter(halted).count()
    };
    assert_eq!(halts(&outcome.events), 1, "{:?}", outcome.events);

    let (mut liquidated, mut paid, mut expired) = (0, 0, Vec::new());
    while house.now < START + 6 * HOUR {
        house.btc = (house.btc - 10_000_000).max(7_100_000_000);
        let in_window = house.now > START + 5 * HOUR - 31 * 60_000;
        let outcome = house.apply(if in_window { 5 } else { 30 }, Vec::new());
        for event in &outcome.events {
            match event {
                Event::Liquidated { instrument: Some(_), .. } => liquidated += 1,
                Event::VariationPaid { .. } => paid += 1,
                Event::Expired { instrument, .. } => expired.push(*instrument),
                _ => {}
            }
        }
        assert_eq!(halts(&outcome.events), 0, "once: the first fault is kept");
    }
    assert!(liquidated > 0 && house.lots(5, 1) < 600, "{} left", house.lots(5, 1));
    assert!(paid > 0 && expired.contains(&FUTURE));
    let (asset, amount, destination) = (AssetId::DOLLAR, dollars(10), trader(3));
    let leaves = Command::Withdraw { sub: 0, asset, amount, destination };
    let outcome = house.apply(
        1,
        vec![order(3, 5, 1, Side::Buy, bid, 1), Transaction { sender: trader(3), command: leaves }],
    );
    let refused = Receipt::Refused(Refusal::InstrumentHalted);
    assert_eq!(outcome.receipts, [refused, Receipt::Done]);

    // As long as they do not balance, whoever resumes it halts it again.
    assert_eq!(halts(&resume(&mut house, 1)), 1);
    *aggregate(&mut house) = sound;
    assert_eq!(halts(&resume(&mut house, 2)), 0);
    assert_eq!(house.machine.state().house_fault, None);
    assert_eq!(house.machine.state().markets[&PERPETUAL].status, Status::Trading);
}
