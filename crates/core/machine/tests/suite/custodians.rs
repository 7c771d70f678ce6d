//! Deposits on attestations of several custodians, withdrawals until they are paid, and who the custodians are.

use super::common::{HOUR, House, START, account, dollars, genesis, sign, trader};
use machine::{Genesis, GenesisError, Machine, ParameterGenesis, StateKey, Withdrawal};
use protocol::{
    AccountId, Address, AssetId, Change, Command, DepositId, Event, ParameterId, Receipt, Refusal,
    Transaction, WithdrawalId, codec, limits,
};
use units::{Amount, Notional};

const KEYS: [Address; 4] = [
    Address::new([0xC0; 20]),
    Address::new([0xC1; 20]),
    Address::new([0xC2; 20]),
    Address::new([0xC3; 20]),
];

/// Two of three custodians.
fn founded(values: &[(ParameterId, i64)]) -> House {
    let mut genesis: Genesis = genesis();
    (genesis.custodians, genesis.custodian_threshold) = (KEYS[..3].to_vec(), 2);
    genesis.parameters.extend(values.iter().map(|(parameter, value)| ParameterGenesis {
        underlying: None,
        parameter: *parameter,
        value: *value,
    }));
    let (machine, _) = Machine::found(&genesis).expect("the genesis is sound");
    let mut house = House { machine, now: START, btc: 8_000_000_000, eth: 190_000_000 };
    house.apply(1, vec![]);
    house
}

fn attest(key: usize, id: u64, number: u8, amount: Amount) -> Transaction {
    let (id, account, asset) = (DepositId::new(id), account(number), AssetId::DOLLAR);
    Transaction { sender: KEYS[key], command: Command::Deposit { id, account, asset, amount } }
}

fn credited(key: usize, other: usize, id: u64, number: u8, amount: i128) -> Vec<Transaction> {
    [key, other].map(|key| attest(key, id, number, dollars(amount))).to_vec()
}

fn withdraw(number: u8, amount: i128, destination: Address) -> Transaction {
    let (asset, amount) = (AssetId::DOLLAR, dollars(amount));
    let command = Command::Withdraw { sub: 0, asset, amount, destination };
    Transaction { sender: trader(number), command }
}

fn paid(key: usize, id: u64) -> Transaction {
    let command = Command::AttestPayment { id: WithdrawalId::new(id) };
    Transaction { sender: KEYS[key], command }
}

fn refused(refusal: Refusal) -> Receipt {
    Receipt::Refused(refusal)
}

fn is_open(house: &House, number: u8) -> bool {
    house.machine.state().accounts.index(account(number)).is_some()
}

#[test]
fn a_deposit_is_credited_once_two_of_three_have_said_the_same_of_it() {
    // 0025-BLOCK-044
    let mut house = founded(&[]);
    let stranger = Transaction { sender: trader(1), ..attest(0, 1, 1, dollars(100)) };
    let out = house.apply(1, vec![attest(0, 1, 1, dollars(100)), stranger]);
    assert_eq!(out.receipts, [Receipt::Done, refused(Refusal::NotPermitted)]);
    assert!(!is_open(&house, 1), "one key credits nothing");
    let out = house.apply(1, vec![attest(0, 1, 1, dollars(100)), attest(1, 1, 1, dollars(101))]);
    assert_eq!(out.receipts, [refused(Refusal::ApprovedAlready), Receipt::Done]);
    assert!(!is_open(&house, 1), "they say different things");
    // The second takes back what it said, and says as the first.
    let out = house.apply(1, vec![attest(1, 1, 1, dollars(100)), attest(2, 1, 1, dollars(101))]);
    assert_eq!(out.receipts, [Receipt::Done, refused(Refusal::NotOutstanding)]);
    assert_eq!(house.cash(1), 100_000_000);
    let again = credited(0, 2, 1, 1, 100);
    let never = refused(Refusal::NotOutstanding);
    assert_eq!(house.apply(1, again).receipts, [never.clone(), never.clone()]);
    let zero = attest(0, 0, 1, dollars(100));
    assert_eq!(house.apply(1, vec![zero]).receipts, [never]);
    assert_eq!(house.cash(1), 100_000_000);
}

#[test]
fn what_is_remembered_of_deposits_is_bounded_and_no_number_serves_twice() {
    // 0025-BLOCK-044
    let mut house = founded(&[]);
    let most = limits::ATTESTATIONS_PER_CUSTODIAN_MAX as u64;
    // One custodian alone fills its own room and nobody else's.
    let alone = (0..=most).map(|n| attest(0, 1_000_000 + n, 9, dollars(100))).collect();
    let out = house.apply(1, alone);
    assert_eq!(out.receipts.last(), Some(&refused(Refusal::TooMany)));
    assert_eq!(out.receipts.iter().filter(|receipt| **receipt == Receipt::Done).count(), 64);
    let apart = limits::DEPOSITS_APART_MAX as u64;
    // Every second number: nothing closes the gaps.
    let ids: Vec<u64> = (1..=apart + 10).map(|n| 2 * n).collect();
    let all = ids.iter().flat_map(|id| credited(1, 2, *id, 1, 10)).collect();
    house.apply(1, all);
    assert_eq!(house.cash(1), i128::from(apart + 10) * 10_000_000);
    let never = refused(Refusal::NotOutstanding);
    // The gaps among the oldest are passed over, and what was credited stays credited.
    for id in [1, 2, 19, 20, *ids.last().unwrap()] {
        let out = house.apply(1, vec![attest(1, id, 1, dollars(10))]);
        assert_eq!(out.receipts, std::slice::from_ref(&never), "{id}");
    }
    let bytes = house.machine.snapshot().unwrap();
    assert_eq!(Machine::restore(&bytes).unwrap().snapshot().unwrap(), bytes);
    // A gap that is still open is filled.
    let out = house.apply(1, credited(1, 2, 2_001, 1, 10));
    assert_eq!(out.receipts, [Receipt::Done, Receipt::Done]);
}

#[test]
fn no_more_of_an_asset_is_credited_in_a_day_than_the_limit() {
    // 0025-BLOCK-044
    let mut house = founded(&[(ParameterId::DepositLimit, 1_000_000_000)]);
    house.apply(1, credited(0, 1, 1, 1, 900));
    let out = house.apply(1, credited(0, 1, 2, 1, 101));
    let exceeded_by = Notional::from_micros(1_000_000);
    assert_eq!(out.receipts, [Receipt::Done, refused(Refusal::DepositLimit { exceeded_by })]);
    // Other assets have limits of their own: a coin of 8,000 dollars is too much, a tenth is not.
    let coin = |id, minor| {
        [0, 1].map(|key| {
            let (id, account, asset) = (DepositId::new(id), account(2), AssetId::new(1));
            let command =
                Command::Deposit { id, account, asset, amount: Amount::from_minor(minor) };
            Transaction { sender: KEYS[key], command }
        })
    };
    let out = house.apply(1, coin(3, 1_000_000_000).to_vec());
    assert!(matches!(out.receipts[1], Receipt::Refused(Refusal::DepositLimit { .. })));
    assert_eq!(house.apply(1, coin(4, 100_000_000).to_vec()).receipts[1], Receipt::Done);
    // A day later the first of the two need not say it again.
    house.apply(90_000, vec![]);
    let out = house.apply(1, vec![attest(1, 2, 1, dollars(101))]);
    assert_eq!(out.receipts, [Receipt::Done]);
    assert_eq!(house.cash(1), 1_001_000_000);
}

fn record(house: &mut House, id: u64) -> Option<Withdrawal> {
    let key = StateKey::Withdrawal(WithdrawalId::new(id));
    let bytes = house.machine.record(&key).unwrap();
    bytes.map(|bytes| codec::decode(&bytes, bytes.len()).unwrap())
}

#[test]
fn a_withdrawal_is_a_record_with_its_destination_until_two_have_seen_it_paid() {
    // 0025-BLOCK-046
    let mut house = founded(&[]);
    house.apply(1, credited(0, 1, 1, 1, 1_000));
    let destination = Address::new([0xDE; 20]);
    let out = house.apply(1, vec![withdraw(1, 400, destination)]);
    let id = WithdrawalId::new(1);
    let (account_, asset, amount) = (account(1), AssetId::DOLLAR, dollars(400));
    let index = house.machine.state().accounts.index(account_).unwrap();
    let event = Event::Withdrawn { id, destination, account: index, asset, amount };
    assert!(out.events.contains(&event));
    let key = codec::encode(&StateKey::Withdrawal(id)).unwrap();
    assert!(out.writes.iter().any(|write| write.key == key && write.record.is_some()));
    let held = record(&mut house, 1).expect("to be paid");
    assert_eq!((held.account, held.amount, held.destination), (account_, amount, destination));
    assert_eq!(held.height, house.machine.state().height);
    let stranger = Transaction { sender: trader(1), ..paid(0, 1) };
    let out = house.apply(1, vec![stranger, paid(0, 1), paid(0, 1), paid(0, 2)]);
    assert_eq!(
        out.receipts,
        [
            refused(Refusal::NotPermitted),
            Receipt::Done,
            refused(Refusal::ApprovedAlready),
            refused(Refusal::NotOutstanding),
        ]
    );
    assert_eq!(record(&mut house, 1).expect("still").paid.len(), 1);
    let out = house.apply(1, vec![paid(2, 1), paid(1, 1)]);
    assert_eq!(out.receipts, [Receipt::Done, refused(Refusal::NotOutstanding)]);
    assert!(out.events.contains(&Event::WithdrawalPaid { id }));
    assert!(out.writes.iter().any(|write| write.key == key && write.record.is_none()));
    assert_eq!(record(&mut house, 1), None);
}

#[test]
fn an_owner_has_a_few_withdrawals_to_be_paid_and_each_pays_for_its_row() {
    // 0025-BLOCK-046
    let mut house = founded(&[]);
    house.apply(1, [credited(0, 1, 1, 1, 1_000), credited(0, 1, 2, 2, 1_000)].concat());
    let most = usize::from(limits::WITHDRAWALS_PER_OWNER_MAX);
    let mut all: Vec<Transaction> = vec![withdraw(1, 9, trader(1))];
    all.extend((0..=most).map(|_| withdraw(1, 10, trader(1))));
    all.push(withdraw(2, 10, trader(2)));
    let out = house.apply(1, all);
    let least = Notional::from_micros(10_000_000);
    assert_eq!(out.receipts[0], refused(Refusal::AmountTooSmall { least }));
    assert!(out.receipts[1..=most].iter().all(|receipt| *receipt == Receipt::Done));
    assert_eq!(out.receipts[most + 1..], [refused(Refusal::TooMany), Receipt::Done]);
    // One that is paid makes room.
    house.apply(1, vec![paid(0, 1), paid(1, 1)]);
    assert_eq!(house.apply(1, vec![withdraw(1, 10, trader(1))]).receipts, [Receipt::Done]);
}

/// Proposes and approves a change, and waits for its day; returns the last events.
fn enact(house: &mut House, change: Change) -> Vec<Event> {
    let out = house.apply(1, vec![sign(0, Command::Propose { change })]);
    let Receipt::Proposal(proposal) = out.receipts[0] else { panic!("{:?}", out.receipts) };
    house.apply(1, vec![sign(1, Command::Approve { proposal, change })]);
    house.apply(48 * HOUR / 1_000 - 1, vec![]);
    let before = house.machine.state().custody.custodians().0.clone();
    assert_eq!(before, house.machine.state().custody.custodians().0.clone());
    house.apply(2, vec![]).events
}

#[test]
fn a_custodian_is_exchanged_by_the_council_after_the_timelock_and_its_word_goes_with_it() {
    // 0025-BLOCK-045, 0023-GOV-005
    let mut house = founded(&[]);
    house.apply(1, [credited(0, 1, 1, 1, 1_000), vec![attest(2, 7, 2, dollars(50))]].concat());
    house.apply(1, vec![withdraw(1, 100, trader(1)), paid(2, 1)]);
    let (remove, add) = (Some(KEYS[2]), Some(KEYS[3]));
    let change = Change::SetCustodians { remove, add, threshold: 2 };
    let out = house.apply(1, vec![sign(0, Command::Propose { change })]);
    let Receipt::Proposal(proposal) = out.receipts[0] else { panic!("{:?}", out.receipts) };
    house.apply(1, vec![sign(1, Command::Approve { proposal, change })]);
    house.apply(1, vec![]);
    assert!(house.machine.state().custody.is_custodian(KEYS[2]), "not before its day");
    house.apply(48 * HOUR / 1_000, vec![]);
    let custody = &house.machine.state().custody;
    assert!(!custody.is_custodian(KEYS[2]) && custody.is_custodian(KEYS[3]));
    let out = house.apply(1, vec![attest(2, 8, 2, dollars(50)), attest(0, 7, 2, dollars(50))]);
    assert_eq!(out.receipts, [refused(Refusal::NotPermitted), Receipt::Done]);
    assert!(!is_open(&house, 2), "what the old key said of it counts no longer");
    let out = house.apply(1, vec![attest(3, 7, 2, dollars(50)), paid(0, 1)]);
    assert_eq!(out.receipts, [Receipt::Done, Receipt::Done]);
    assert!(is_open(&house, 2));
    assert!(record(&mut house, 1).is_some(), "nor what it said of a payment");
    house.apply(1, vec![paid(3, 1)]);
    assert_eq!(record(&mut house, 1), None);
}

#[test]
fn a_change_that_would_leave_no_majority_of_custodians_is_not_made() {
    // 0025-BLOCK-045
    let refusal = Refusal::CustodiansInvalid;
    for (remove, add, threshold) in [
        (None, None, 1),
        (None, None, 4),
        (None, Some(KEYS[0]), 3),
        (Some(KEYS[3]), None, 2),
        (None, Some(KEYS[3]), 2),
    ] {
        let mut house = founded(&[]);
        let events = enact(&mut house, Change::SetCustodians { remove, add, threshold });
        let is_refused = |event: &Event| matches!(event, Event::NotEnacted { refusal: found, .. } if *found == refusal);
        assert!(events.iter().any(is_refused), "{remove:?} {add:?} {threshold}");
    }
    let none = Change::SetCustodians { remove: None, add: None, threshold: 0 };
    let out = founded(&[]).apply(1, vec![sign(0, Command::Propose { change: none })]);
    assert_eq!(out.receipts, [refused(refusal)]);
    for (custodians, custodian_threshold) in
        [(KEYS[..2].to_vec(), 1), (vec![KEYS[0]; 2], 2), (KEYS.to_vec(), 5), (Vec::new(), 0)]
    {
        let wrong = Genesis { custodians, custodian_threshold, ..genesis() };
        let error = Machine::found(&wrong).expect_err("no custodians");
        assert!(matches!(error, GenesisError::Custodians { .. }), "{error}");
    }
    let stranger = AccountId { owner: KEYS[3], sub: 0 };
    assert_eq!(founded(&[]).machine.state().standing(stranger.owner), None);
    assert!(founded(&[]).machine.state().standing(KEYS[2]).is_some());
}
