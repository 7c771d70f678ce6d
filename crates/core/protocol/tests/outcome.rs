//! 0025-BLOCK-020: some of a block's events, shown under the hash of all that came out of it.

use protocol::{
    AccountIndex, CancelReason, Event, EventExtract, Hash, InstrumentId, OrderId, OutcomeHashes,
    Receipt,
};
use units::Lots;

/// Events of more than three groups.
const EVENTS: u64 = 200;

fn cancelled(order: u64) -> Event {
    Event::Cancelled {
        instrument: InstrumentId::new(1),
        account: AccountIndex::new(2),
        order: OrderId::new(order),
        lots: Lots::from_count(3),
        reason: CancelReason::Requested,
    }
}

/// An event of every order but that orders 0 and 150 have two, of which the second of 0 is in the last group.
fn events() -> Vec<Event> {
    let order = |at| {
        if at == EVENTS - 1 {
            0
        } else if at == 151 {
            150
        } else {
            at
        }
    };
    (0..EVENTS).map(|at| cancelled(order(at))).collect()
}

fn outcome() -> (OutcomeHashes, Hash) {
    let receipts: Vec<Receipt> = Vec::new();
    let hashes = OutcomeHashes::of(&receipts, &events()).expect("inside its limits");
    let hash = hashes.hash().expect("inside its limits");
    (hashes, hash)
}

fn part(order: u64) -> EventExtract {
    EventExtract::of_order(outcome().0, &events(), OrderId::new(order))
}

fn places(part: &EventExtract) -> Vec<u32> {
    part.shown.iter().map(|(place, _)| *place).collect()
}

#[test]
fn what_happened_to_an_order_is_shown_by_its_groups_alone() {
    let table = [(0, vec![0, 3], 2), (63, vec![0], 1), (64, vec![1], 1), (150, vec![2], 2)];
    for (order, groups, times) in table {
        let part = part(order);
        assert_eq!(part.hash(), Some(outcome().1), "order {order}");
        assert_eq!(places(&part), groups, "order {order}");
        let happened = part.happened_to(OrderId::new(order)).expect("it is shown");
        assert_eq!(happened, vec![&cancelled(order); times]);
    }
}

#[test]
fn that_nothing_happened_is_shown_by_all_events() {
    let mut all = part(151);
    assert_eq!(places(&all), [0, 1, 2, 3]);
    assert_eq!(all.hash(), Some(outcome().1));
    assert_eq!(all.happened_to(OrderId::new(151)), Some(Vec::new()));
    all.shown.pop();
    assert_eq!(all.hash(), Some(outcome().1), "it is a part still");
    assert_eq!(all.happened_to(OrderId::new(151)), None, "but one that may hide it");
    let quiet = OutcomeHashes::default();
    let nothing = EventExtract::of_order(quiet.clone(), &[], OrderId::new(1));
    assert_eq!(nothing.hash(), quiet.hash().ok());
    assert_eq!(nothing.happened_to(OrderId::new(1)), Some(Vec::new()));
}

#[test]
fn every_other_part_has_another_hash_or_none() {
    type Lie = fn(&mut EventExtract);
    let lies: [Lie; 9] = [
        |part| part.shown[0].1[0] = cancelled(7),
        |part| part.shown[0].1.swap(0, 1),
        |part| part.shown[0].1.truncate(10),
        |part| part.shown[0].0 = 1,
        |part| part.shown[1].0 = 4,
        |part| part.shown.swap(0, 1),
        |part| part.shown[1] = part.shown[0].clone(),
        |part| part.hashes.events.truncate(3),
        |part| part.hashes.receipts.push(part.hashes.events[0]),
    ];
    for (nth, lie) in lies.into_iter().enumerate() {
        let mut part = part(0);
        lie(&mut part);
        assert_ne!(part.hash(), Some(outcome().1), "lie {nth}");
    }
}

#[test]
fn a_receipt_or_an_event_more_is_another_outcome() {
    let receipts: Vec<Receipt> = Vec::new();
    let of = |events: &[Event]| OutcomeHashes::of(&receipts, events).and_then(|of| of.hash());
    let mut seen: Vec<Hash> = (0..130).map(|count| of(&events()[..count]).unwrap()).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 130);
}
