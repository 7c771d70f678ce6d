//! A contract that the council lists, from its proposal to the first trade and to its end.

use super::common::{BTC, HOUR, House, SIGNERS, START, deposit, dollars, order};
use machine::ParameterGenesis;
use protocol::{
    Change, Command, Contract, ContractRule, Event, Instrument, InstrumentId, ParameterId,
    ProposalId, Receipt, Refusal, Side, Transaction,
};
use units::{BlockTime, Price, Quantity};

const LISTED: u32 = 7;

fn contract(expires_at: i128) -> Instrument {
    Instrument {
        id: InstrumentId::new(LISTED),
        underlying: BTC,
        contract: Contract::Future { expires_at: BlockTime::from_millis(expires_at) },
        contract_size: Quantity::from_nanos(10_000_000),
        tick: Price::from_micros(500_000),
    }
}

fn signs(signer: usize, command: Command) -> Transaction {
    Transaction { sender: SIGNERS[signer], command }
}

/// A house whose changes wait for an hour, and two accounts.
fn house() -> House {
    let mut house = House::with(|genesis| {
        let (underlying, parameter) = (None, ParameterId::Timelock);
        genesis.parameters.push(ParameterGenesis { underlying, parameter, value: 3_600_000 });
    });
    house.apply(1, vec![deposit(1, 0, dollars(200_000)), deposit(2, 0, dollars(200_000))]);
    house
}

/// Lets the council agree on listing a contract, and returns what came of it once it is due.
fn agreed(house: &mut House, listed: Instrument) -> Vec<Event> {
    let change = Change::ListInstrument(listed);
    let receipts = house.apply(1, vec![signs(0, Command::Propose { change })]).receipts;
    let [Receipt::Proposal(proposal)] = receipts[..] else { panic!("{receipts:?}") };
    let receipts = house.apply(1, vec![signs(1, Command::Approve { proposal, change })]).receipts;
    assert_eq!(receipts, [Receipt::Done]);
    let is_listed = |house: &House| house.machine.state().markets.contains_key(&listed.id);
    let (before, mut events) = (is_listed(house), Vec::new());
    for _ in 0..121 {
        assert!(is_listed(house) == before || !events.is_empty(), "not before it is due");
        let outcome = house.apply(30, Vec::new());
        let told =
            |event: &Event| matches!(event, Event::Enacted { .. } | Event::NotEnacted { .. });
        events.extend(outcome.events.into_iter().filter(told));
    }
    events
}

#[test]
fn a_contract_is_listed_by_the_council_after_its_timelock_trades_and_ends() {
    // 0013-CLEAR-012, 0023-GOV-005, 0023-GOV-008, 0023-GOV-009
    let mut house = house();
    let trade = |client| {
        vec![
            order(1, client, LISTED, Side::Buy, 8_000_000_000, 10),
            order(2, client, LISTED, Side::Sell, 8_000_000_000, 10),
        ]
    };
    let unknown = Receipt::Refused(Refusal::InstrumentUnknown);
    assert_eq!(house.apply(1, trade(1)).receipts, [unknown.clone(), unknown]);
    let listed = contract(START + 3 * HOUR);
    let (proposal, change) = (ProposalId::new(1), Change::ListInstrument(listed));
    assert_eq!(agreed(&mut house, listed), [Event::Enacted { proposal, change }]);
    // It is marked in the block after that which lists it, and trades.
    house.apply(1, trade(2));
    assert_eq!((house.lots(1, LISTED), house.lots(2, LISTED)), (10, -10));
    // Its number is taken.
    let refusal = Refusal::ContractInvalid { rule: ContractRule::NumberInUse };
    let proposal = ProposalId::new(2);
    assert_eq!(agreed(&mut house, listed), [Event::NotEnacted { proposal, refusal }]);
    let mut ended = None;
    while ended.is_none() && house.now < START + 4 * HOUR {
        let events = house.apply(10, Vec::new()).events;
        ended = events.into_iter().find(|event| {
            matches!(event, Event::Expired { instrument, .. } if instrument.get() == LISTED)
        });
    }
    let Some(Event::Expired { price, .. }) = ended else { panic!("it ends") };
    assert_eq!((price.micros(), house.lots(1, LISTED)), (8_000_000_000, 0));
    house.machine.state().check().unwrap();
}

#[test]
fn a_contract_that_can_no_longer_be_listed_when_it_is_due_is_not() {
    // 0013-CLEAR-012, 0023-GOV-009: it would have ended by then; or its underlying is not known.
    let mut house = house();
    for (listed, rule, number) in [
        (contract(START + HOUR / 2), ContractRule::ExpiresBeforeNow, 1),
        (
            Instrument {
                underlying: protocol::UnderlyingId::new(77),
                ..contract(START + 9 * HOUR)
            },
            ContractRule::UnderlyingUnknown,
            2,
        ),
    ] {
        let refusal = Refusal::ContractInvalid { rule };
        let proposal = ProposalId::new(number);
        assert_eq!(agreed(&mut house, listed), [Event::NotEnacted { proposal, refusal }]);
    }
}
