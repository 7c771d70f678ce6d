//! Settlement prices are averages of fresh prices: silence and outages put a settlement off, and fix nothing.

use super::common::{
    BTC, HOUR, House, SIGNERS, START, account, deposit, dollars, genesis, order, seat,
};
use machine::{GenesisError, Machine, Outcome, ParameterGenesis, ValidatorGenesis};
use protocol::{
    Block, CancelReason, Change, Command, Event, InstrumentId, Mode, ParameterId, ProposalId,
    Receipt, Refusal, Side, Transaction, ValidatorId,
};
use random::Random;
use units::{BlockTime, Notional, Price};

const EXPIRY: i128 = START + 5 * HOUR;
const FUTURE: u32 = 2;
const MINUTE: i128 = 60_000;

/// Account 1 long 60 coins of a future of account 2, until so many milliseconds before its expiry.
fn until(before: i128) -> House {
    let mut house = House::new();
    house.apply(1, vec![deposit(1, 0, dollars(200_000)), deposit(2, 0, dollars(200_000))]);
    let both = vec![
        order(1, 1, FUTURE, Side::Buy, 8_000_000_000, 6_000),
        order(2, 1, FUTURE, Side::Sell, 8_000_000_000, 6_000),
    ];
    house.apply(1, both);
    assert_eq!(house.lots(1, FUTURE), 6_000);
    while house.now < EXPIRY - before {
        house.apply(30, Vec::new());
    }
    house
}

/// Applies the next block with the reports of so many validators alone.
fn heard(house: &mut House, seconds: i128, validators: usize) -> Outcome {
    let mut block: Block = house.block(seconds, Vec::new());
    block.votes.truncate(validators);
    house.machine.apply(&block).expect("the block follows")
}

/// Returns the settlement price of the future, if the block settled it.
fn settled(outcome: &Outcome) -> Option<i128> {
    outcome.events.iter().find_map(|event| match event {
        Event::Expired { instrument, price, .. } if instrument.get() == FUTURE => {
            Some(price.micros())
        }
        _ => None,
    })
}

fn mark(house: &House) -> i128 {
    let mark = house.machine.state().markets[&InstrumentId::new(FUTURE)].mark;
    mark.expect("marked").micros()
}

fn maintenance(house: &House, number: u8) -> Notional {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    let risk = state.risk().expect("no fault");
    state.required(&risk, index, false).expect("no fault").maintenance
}

#[test]
fn silence_of_more_than_a_third_puts_a_settlement_off_and_fixes_no_price() {
    // 0017-ORAC-018, 0013-CLEAR-009
    let mut house = until(31 * MINUTE);
    // Two of four say nothing for 31 minutes; the market falls by a fifth.
    while house.now < EXPIRY + 5_000 {
        house.btc -= 25_000_000;
        let outcome = heard(&mut house, 30, 2);
        assert_eq!(settled(&outcome), None, "nothing was heard: nothing is settled");
    }
    assert_eq!(house.machine.state().mode(BTC), Mode::Frozen);
    let (honest, back) = (house.btc, house.now);
    let mut blocks = Vec::new();
    let price = loop {
        house.btc += if blocks.len() % 2 == 0 { 3_000_000 } else { -2_000_000 };
        let outcome = house.apply(5, Vec::new());
        blocks.push(house.btc);
        if let Some(price) = settled(&outcome) {
            break price;
        }
        assert!(house.now < back + HOUR, "it settles within the hour");
    };
    let (least, most) = (blocks.iter().min().unwrap(), blocks.iter().max().unwrap());
    assert!((*least..=*most).contains(&price), "{price} within what was reported");
    assert!(price > honest - 10_000_000 && price < 8_000_000_000 - 1_000_000_000);
    // All but a tenth of half an hour, after the third quorum in a row.
    let waited = house.now - back;
    assert!((27 * MINUTE..=28 * MINUTE).contains(&waited), "{waited}");
    // The long loses, and the short wins, what the market moved.
    let moved = (8_000_000_000 - price) * 60;
    assert!((house.cash(2) - 200_000_000_000 - moved).abs() < 1_000_000_000, "{}", house.cash(2));
    house.machine.state().check().unwrap();
}

#[test]
fn an_outage_over_the_expiry_is_made_up_for_after_it() {
    // 0017-ORAC-018. The chain stands from ten minutes before the expiry to ten minutes after it.
    let mut house = until(31 * MINUTE);
    while house.now < EXPIRY - 10 * MINUTE {
        house.apply(5, Vec::new());
    }
    house.btc = 7_000_000_000;
    let outcome = house.apply(20 * 60, Vec::new());
    let postponed =
        Event::SettlementPostponed { underlying: BTC, expires_at: BlockTime::from_millis(EXPIRY) };
    assert!(outcome.events.contains(&postponed), "{:?}", outcome.events);
    let back = house.now;
    let price = loop {
        let outcome = house.apply(5, Vec::new());
        assert!(!outcome.events.contains(&postponed), "it is said once");
        if let Some(price) = settled(&outcome) {
            break price;
        }
        assert!(house.now < back + HOUR);
    };
    // Twenty minutes at 8,000 and seven at what the index is afterwards, which is 7,000.
    let right = (20 * 8_000_000_000 + 7 * 7_000_000_000) / 27;
    assert!((price - right).abs() < 20_000_000, "{price} {right}");
    assert!((7 * MINUTE..8 * MINUTE).contains(&(house.now - back)));
}

#[test]
fn a_tenth_of_the_window_without_prices_settles_on_time() {
    // 0017-ORAC-018
    for (silent, on_time) in [(170, true), (200, false)] {
        let mut house = until(31 * MINUTE);
        while house.now < EXPIRY - 20 * MINUTE {
            house.apply(5, Vec::new());
        }
        for _ in 0..silent / 5 {
            heard(&mut house, 5, 2);
        }
        let mut price = None;
        while price.is_none() && house.now < EXPIRY {
            price = settled(&house.apply(5, Vec::new()));
        }
        assert_eq!(price.is_some(), on_time, "{silent}");
        assert!(price.is_none_or(|price| price == 8_000_000_000));
    }
}

#[test]
fn a_contract_that_is_put_off_can_be_left_and_not_entered() {
    // 0013-CLEAR-009
    let mut house = until(31 * MINUTE);
    while house.now < EXPIRY - 10 * MINUTE {
        heard(&mut house, 30, 2);
    }
    while house.now < EXPIRY - MINUTE {
        house.apply(5, Vec::new());
    }
    house.apply(1, vec![order(2, 7, FUTURE, Side::Sell, 8_100_000_000, 50)]);
    while house.now <= EXPIRY {
        let outcome = house.apply(5, Vec::new());
        let gone = |event: &Event| matches!(event, Event::Cancelled { reason, .. } if *reason == CancelReason::Restricted);
        let put_off = |event: &Event| matches!(event, Event::SettlementPostponed { underlying, .. } if *underlying == BTC);
        assert_eq!(outcome.events.iter().any(put_off), outcome.events.iter().any(gone));
    }
    assert_eq!(settled(&house.apply(5, Vec::new())), None);
    let outcome = house.apply(
        5,
        vec![
            order(1, 2, FUTURE, Side::Buy, 8_000_000_000, 10),
            order(1, 3, FUTURE, Side::Sell, 8_000_000_000, 6_001),
            order(1, 4, FUTURE, Side::Sell, 8_000_000_000, 1_000),
            order(2, 2, FUTURE, Side::Buy, 8_000_000_000, 1_000),
        ],
    );
    let expired = Receipt::Refused(Refusal::InstrumentExpired);
    assert_eq!(outcome.receipts[..2], [expired.clone(), expired]);
    assert_eq!((house.lots(1, FUTURE), house.lots(2, FUTURE)), (5_000, -5_000));
    house.machine.state().check().unwrap();
}

#[test]
fn whoever_is_silent_near_the_end_gives_back_nothing_that_was_averaged() {
    // 0017-ORAC-018, 0019-MARG-005. A third that dislikes the average cannot roll again: margin and mark do not jump.
    let mut house = until(31 * MINUTE);
    while house.now < EXPIRY - 5 * MINUTE {
        if house.now > EXPIRY - 10 * MINUTE {
            house.btc += 2_000_000;
        }
        house.apply(5, Vec::new());
    }
    let (before, held) = (mark(&house), maintenance(&house, 1));
    let mut silent = Vec::new();
    for _ in 0..36 {
        heard(&mut house, 30, 2);
        silent.push((mark(&house), maintenance(&house, 1)));
    }
    assert!(house.now > EXPIRY + 12 * MINUTE);
    for (now, required) in silent {
        // The weight of three minutes moves from the index to what is averaged, and no more.
        assert!((now - before).abs() < 12_000_000, "the mark stays: {before} {now}");
        assert!(required <= held, "nothing comes back to be margined: {held} {required}");
    }
}

/// Both signers agree; the change is made two days later, in silence from one validator.
fn decided(house: &mut House, price: i128) -> (Vec<Event>, Vec<i128>) {
    let expires_at = BlockTime::from_millis(EXPIRY);
    let price = Price::from_micros(price);
    let change = Change::SettleAt { underlying: BTC, expires_at, price };
    let proposed = house.block(30, vec![signs(0, Command::Propose { change })]);
    let receipts = house.machine.apply(&silent(proposed)).expect("follows").receipts;
    let [Receipt::Proposal(proposal)] = receipts[..] else { panic!("{receipts:?}") };
    let approved = house.block(30, vec![signs(1, Command::Approve { proposal, change })]);
    house.machine.apply(&silent(approved)).expect("follows");
    let (mut events, mut prices) = (Vec::new(), Vec::new());
    for _ in 0..2 * 24 * 60 + 2 {
        let outcome = heard(house, 60, 2);
        prices.extend(settled(&outcome));
        events.extend(outcome.events);
    }
    (events, prices)
}

fn silent(mut block: Block) -> Block {
    block.votes.truncate(2);
    block
}

fn signs(signer: usize, command: Command) -> Transaction {
    Transaction { sender: SIGNERS[signer], command }
}

fn refused(events: &[Event]) -> Option<Refusal> {
    events.iter().find_map(|event| match event {
        Event::NotEnacted { refusal, .. } => Some(*refusal),
        _ => None,
    })
}

#[test]
fn governance_gives_what_is_missing_a_price_within_a_band_and_only_in_silence() {
    // 0013-CLEAR-013
    let mut house = until(31 * MINUTE);
    while house.now < EXPIRY - 15 * MINUTE {
        house.apply(5, Vec::new());
    }
    while house.now < EXPIRY {
        heard(&mut house, 30, 2);
    }
    let (events, prices) = decided(&mut house, 9_600_000_001);
    let outside = Refusal::SettlementPriceOutside {
        lowest: Price::from_micros(6_400_000_000),
        highest: Price::from_micros(9_600_000_000),
    };
    assert_eq!((refused(&events), prices), (Some(outside), Vec::new()));
    // 912 s of the window were heard at 8,000; the rest of 1,620 is given.
    let (events, prices) = decided(&mut house, 7_100_000_000);
    assert_eq!((refused(&events), prices), (None, vec![7_606_666_666]));
    assert_eq!(house.machine.state().mode(BTC), Mode::Frozen, "what is known is paid in any mode");
    // It is gone, and nothing is left to give a price to.
    let (events, prices) = decided(&mut house, 7_100_000_000);
    assert_eq!((refused(&events), prices), (Some(Refusal::SettlementNotDue), Vec::new()));
    house.machine.state().check().unwrap();
}

#[test]
fn governance_settles_nothing_while_prices_come_or_before_its_time() {
    // 0013-CLEAR-013
    let mut house = until(31 * MINUTE);
    let change = |price| Change::SettleAt {
        underlying: BTC,
        expires_at: BlockTime::from_millis(EXPIRY),
        price: Price::from_micros(price),
    };
    let outcome = house.apply(5, vec![signs(0, Command::Propose { change: change(0) })]);
    assert_eq!(outcome.receipts, [Receipt::Refused(Refusal::PriceNotPositive)]);
    // Agreed on two days before it would be due: a day after expiry is not yet over.
    let mut early = House::with(|genesis| {
        genesis.parameters.push(ParameterGenesis {
            underlying: None,
            parameter: ParameterId::Timelock,
            value: 3_600_000,
        });
    });
    early.apply(1, Vec::new());
    while early.now < EXPIRY {
        heard(&mut early, 60, 2);
    }
    let propose =
        early.block(30, vec![signs(0, Command::Propose { change: change(8_000_000_000) })]);
    early.machine.apply(&silent(propose)).unwrap();
    let proposal = ProposalId::new(1);
    let approve = early
        .block(30, vec![signs(1, Command::Approve { proposal, change: change(8_000_000_000) })]);
    early.machine.apply(&silent(approve)).unwrap();
    let mut found = None;
    for _ in 0..62 {
        found = found.or(refused(&heard(&mut early, 60, 2).events));
    }
    assert_eq!(found, Some(Refusal::SettlementNotDue));
    // A day after expiry it would be due; but prices are back before it is, and the average goes on by itself.
    let wait = |house: &mut House, until: i128| {
        while house.now < until {
            heard(house, 60, 2);
        }
    };
    wait(&mut early, EXPIRY + 25 * HOUR);
    let change = change(8_000_000_000);
    for (signer, command) in [
        (0, Command::Propose { change }),
        (1, Command::Approve { proposal: ProposalId::new(2), change }),
    ] {
        let block = early.block(30, vec![signs(signer, command)]);
        early.machine.apply(&silent(block)).unwrap();
    }
    let due_at = early.now + HOUR;
    wait(&mut early, due_at - 3 * MINUTE);
    let mut found = None;
    while early.now < due_at + MINUTE {
        found = found.or(refused(&heard(&mut early, 5, 4).events));
    }
    assert_eq!(early.machine.state().mode(BTC), Mode::Normal);
    assert_eq!(found, Some(Refusal::SettlementNotDue));
}

#[test]
fn no_validator_is_founded_with_a_third_of_the_stake_but_among_three() {
    // 0033-COMM-009
    let founded = |stakes: &[u64]| {
        let mut changed = genesis();
        changed.validators = stakes
            .iter()
            .zip(1..)
            .map(|(stake, number)| ValidatorGenesis { seat: seat(number), stake: *stake })
            .collect();
        Machine::found(&changed).err()
    };
    assert_eq!(founded(&[1, 1, 1]), None);
    assert_eq!(founded(&[9, 1, 1]), None);
    let third = Some(GenesisError::StakeTooLarge(ValidatorId::new(2)));
    assert_eq!(founded(&[2, 3, 2, 2]), third);
    assert_eq!(founded(&[3, 4, 3, 3]), None);
}

#[test]
fn no_pattern_of_silence_settles_outside_what_honest_validators_saw() {
    // 0017-ORAC-018: whenever a third chooses to speak, while it sees the prices.
    let mut random = Random::new(0x005E_771E);
    for round in 0..6u64 {
        let mut house = until(31 * MINUTE);
        let (mut least, mut most) = (house.btc, house.btc);
        let price = loop {
            house.btc += random.between(-8_000_000, 8_000_000);
            (least, most) = (least.min(house.btc), most.max(house.btc));
            let speaks = match round % 3 {
                0 => random.below(2) == 0,
                1 => house.btc > 8_000_000_000,
                _ => house.now / (7 * MINUTE) % 2 == 0,
            };
            let outcome = heard(&mut house, 5, if speaks { 4 } else { 2 });
            if let Some(price) = settled(&outcome) {
                break price;
            }
            assert!(house.now < EXPIRY + 48 * HOUR, "round {round}");
        };
        assert!((least..=most).contains(&price), "round {round}: {price}");
    }
}
