//! Answers as a stranger meets them: whole, damaged, and forged by somebody who knows the format.

use crate::network::{
    EPOCH_BLOCKS, Plan, anchor, certificate, certificate_of_round, height, members, order,
    round_at, steps, trust,
};
use book::{BookState, FastBook, Open, OrderBook as _};
use clearing::Position;
use light::{
    Anchor, Answer, AnswerError, CertificateError, FinalityError, FinalityProof, Finding,
    STEPS_MAX, StepError, Subject, Trust,
};
use machine::{AccountRecord, MarketRecord, StateKey, Status};
use margin::{Bucket, Greeks, UnitGreeks};
use protocol::{
    AccountId, AccountIndex, Address, Block, CancelReason, Command, Contract, Event, EventExtract,
    Grant, Hash, Header, Instrument, InstrumentId, OrderId, OutcomeHashes, Receipt, ReceiptExtract,
    Side, Signer, TimeInForce, Transaction, UnderlyingId, codec,
};
use store::{Claim, QmdbCommitment, StateCommitment as _};
use units::{BlockTime, Lots, Notional, Ppb, Price, Quantity, Vol};

/// A book of three orders at two prices.
fn book() -> BookState {
    let open = |number, price: i128| Open {
        order: OrderId::new(number),
        account: AccountIndex::new(3),
        side: Side::Buy,
        price: Price::from_micros(price * 100_000),
        lots: Lots::from_count(5),
        time_in_force: TimeInForce::GoodTillCancelled,
        arrived: height(2),
    };
    let orders = vec![open(11, 600_001), open(12, 600_001), open(10, 600_000)];
    BookState { tick: Price::from_micros(100_000), orders }
}

const MARKET: InstrumentId = InstrumentId::new(1);

fn market() -> MarketRecord {
    let contract_size = Quantity::from_nanos(1_000_000);
    let (underlying, tick) = (UnderlyingId::new(1), Price::from_micros(100_000));
    let contract = Contract::Perpetual;
    MarketRecord {
        instrument: Instrument { id: MARKET, underlying, contract, contract_size, tick },
        status: Status::Trading,
        pause: machine::Pause::default(),
        mark: Some(Price::from_micros(60_000_000_000)),
        forward: None,
        vol: None,
        vol_voted: None,
        vol_uncertainty: Vol::ZERO,
        vol_stale: false,
        basis_stale: false,
        basis_doubt: Price::ZERO,
        greeks: Some(UNIT),
        last: None,
        aggregate: clearing::Aggregate::default(),
        funding: None,
        book: FastBook::from_state(&book()).expect("it is sound").digest(),
    }
}

/// Of a unit of either market.
const UNIT: UnitGreeks = UnitGreeks {
    delta: Ppb::from_parts(500_000_001),
    gamma: Price::from_micros(7),
    vega: Price::from_micros(1_000_000),
    theta: Price::from_micros(-3),
};
/// A market that expires.
const DATED: InstrumentId = InstrumentId::new(3);
const EXPIRY: BlockTime = BlockTime::from_millis(1_000_000_000);

fn dated() -> MarketRecord {
    let mut record = market();
    record.instrument.id = DATED;
    record.instrument.contract = Contract::Future { expires_at: EXPIRY };
    record
}

const ACCOUNT: AccountId = AccountId { owner: Address::new([7; 20]), sub: 0 };
const STRANGER: AccountId = AccountId { owner: Address::new([8; 20]), sub: 0 };

/// An account of 3,000 lots in one market and 1 short in the other.
fn holder() -> AccountRecord {
    let none = Notional::ZERO;
    let position = |lots| Position { lots: Lots::from_count(lots), cost: none, funded: none };
    AccountRecord {
        index: AccountIndex::new(3),
        balances: Vec::new(),
        positions: vec![(MARKET, position(3_000)), (DATED, position(-1))],
        exposed: Vec::new(),
        called: false,
        short_since: None,
        brought: Vec::new(),
        pursuit: machine::Pursuit::default(),
    }
}

/// A hundred receipts, and as many events, of which the ninetieth is of order 11.
fn outcome() -> (OutcomeHashes, Vec<Event>) {
    let event = |at: u64| Event::Cancelled {
        instrument: MARKET,
        account: AccountIndex::new(3),
        order: OrderId::new(if at == 90 { 11 } else { 1_000 + at }),
        lots: Lots::from_count(1),
        reason: CancelReason::Requested,
    };
    let events: Vec<Event> = (0..100).map(event).collect();
    (OutcomeHashes::of(&receipts(), &events).expect("within limits"), events)
}

/// What an answer may be about.
#[derive(Clone, Copy)]
enum About {
    Record,
    Order(u64),
    NoMarket,
    Happened(u64),
    Greeks,
    NoAccount,
    Receipt(u32),
}

/// The block that the answers are about, of two submissions.
fn block() -> Block {
    let command = |order| Command::CancelOrder { sub: 0, order: OrderId::new(order) };
    let sender = ACCOUNT.owner;
    let transactions = (0..90).map(|at| Transaction { sender, command: command(at) }).collect();
    let grant = |nonce, count| Grant {
        owner: sender,
        signer: Signer::Owner,
        nonce,
        expires_at: BlockTime::from_millis(60_000),
        count,
        shown: None,
    };
    Block {
        height: height(3),
        time: BlockTime::from_millis(3_000),
        votes: Vec::new(),
        offences: Vec::new(),
        transactions,
        grants: vec![grant(7, 60), grant(8, 30)],
    }
}

/// What its commands were answered.
fn receipts() -> Vec<Receipt> {
    (0..90).map(|at| Receipt::Order(OrderId::new(1_000 + at))).collect()
}

/// An answer about block 3 of the first epoch.
fn answer_about(about: About) -> Answer {
    answer_in(0, about)
}

/// An answer about the third block after the first of an epoch, with the steps that lead there from the genesis. There are
/// headers of it and of its child, which an ordered block names; its child has the certificate.
fn answer_in(epoch: u64, about: About) -> Answer {
    let begin = epoch * EPOCH_BLOCKS;
    let mut state = QmdbCommitment::temporary(&std::env::temp_dir()).expect("a place");
    let mut headers: Vec<Header> = Vec::new();
    let mut subject = None;
    let key = |number| codec::encode(&StateKey::Market(InstrumentId::new(number))).expect("a key");
    let market = codec::encode(&market()).expect("within limits");
    let dated = codec::encode(&dated()).expect("within limits");
    let holder = codec::encode(&holder()).expect("within limits");
    let account = |id| codec::encode(&StateKey::Account(id)).expect("a key");
    let (hashes, events) = outcome();
    for at in 0..=4u8 {
        let record = format!("record of {at}").into_bytes();
        let mut writes = vec![
            (vec![at], Some(vec![1])),
            (b"key".to_vec(), Some(record.clone())),
            (key(1), Some(market.clone())),
            (key(3), Some(dated.clone())),
            (account(ACCOUNT), Some(holder.clone())),
        ];
        writes.sort();
        let root = state.commit(begin + u64::from(at), &writes).expect("committed");
        if at == 3 {
            let prove = |key: &[u8], record: Option<&[u8]>| {
                state.prove(key, record).expect("proved").encode()
            };
            subject = Some(match about {
                About::Record => Subject::Record { proof: prove(b"key", Some(&record)) },
                About::Order(number) => {
                    let order = OrderId::new(number);
                    let book = book().extract(order);
                    Subject::Order { order, proof: prove(&key(1), Some(&market)), book }
                }
                About::NoMarket => {
                    let (order, proof) = (OrderId::new(11), prove(&key(2), None));
                    Subject::Order { order, proof, book: None }
                }
                About::Happened(number) => {
                    let order = OrderId::new(number);
                    let events = EventExtract::of_order(hashes.clone(), &events, order);
                    Subject::Happened { order, events }
                }
                About::Greeks => Subject::Greeks {
                    account: prove(&account(ACCOUNT), Some(&holder)),
                    markets: vec![prove(&key(1), Some(&market)), prove(&key(3), Some(&dated))],
                },
                About::Receipt(grant) => {
                    let (first, count) = if grant == 0 { (0, 60) } else { (60, 30) };
                    let receipts =
                        ReceiptExtract::of_commands(hashes.clone(), &receipts(), first, count);
                    Subject::Receipt { block: Box::new(block()), grant, receipts }
                }
                About::NoAccount => {
                    let account = prove(&account(STRANGER), None);
                    Subject::Greeks { account, markets: Vec::new() }
                }
            });
        }
        let parent = headers.last().map_or(Hash::default(), |last| last.hash().expect("ok"));
        headers.push(Header {
            height: height(begin + u64::from(at)),
            time: BlockTime::from_millis(1_000 * i128::from(at)),
            parent,
            body: match at {
                3 => block().body_hash().expect("within limits"),
                _ => Hash::of("body", b""),
            },
            receipts: hashes.hash().expect("within limits"),
            state_root: Hash::new(root.bytes()),
            snapshot: Hash::default(),
        });
    }
    let headers = headers.split_off(3);
    let ordered = |at, parent| order(round_at(epoch, at), begin + at, parent, &headers[1]);
    let first = ordered(5, Hash::default());
    let second = ordered(6, first.hash().expect("ok"));
    let certificate = certificate(&anchor(), &second, &members(epoch), 3);
    let (subject, steps) = (subject.expect("block 3 is one of them"), steps(0..epoch));
    Answer { subject, headers, orders: vec![first, second], certificate, steps }
}

fn answer() -> Answer {
    answer_about(About::Record)
}

/// One answer of each kind, and one across two epochs.
fn answers() -> Vec<Answer> {
    let orders = [About::Order(11), About::Order(99), About::NoMarket, About::Happened(11)];
    [About::Record, About::Greeks, About::NoAccount, About::Receipt(1)]
        .into_iter()
        .chain(orders)
        .map(answer_about)
        .chain([answer_in(2, About::Record)])
        .collect()
}

fn finding(answer: &Answer) -> Finding {
    let bytes = answer.encode().expect("within limits");
    let shown = Answer::decode(&bytes).expect("whole").verify(&trust(0)).expect("it holds");
    assert_eq!((shown.height, shown.finalised, shown.epoch), (height(3), height(6), 0));
    shown.finding
}

#[test]
fn a_whole_answer_shows_its_record() {
    let (key, claim) = (b"key".to_vec(), Claim::Present(b"record of 3".to_vec()));
    assert_eq!(finding(&answer()), Finding::Record { key, claim });
}

#[test]
fn an_order_is_shown_to_stand_or_not_to() {
    let found = |about| match finding(&answer_about(about)) {
        Finding::Order { standing, .. } => standing,
        other => panic!("of another kind: {other:?}"),
    };
    assert_eq!(found(About::Order(12)), Some(book().orders[1]));
    assert_eq!(found(About::Order(99)), None);
    let key = codec::encode(&StateKey::Market(InstrumentId::new(2))).expect("a key");
    assert_eq!(
        finding(&answer_about(About::NoMarket)),
        Finding::Record { key, claim: Claim::Absent }
    );
}

#[test]
fn what_happened_to_an_order_is_shown_and_that_nothing_did() {
    let found = |about| match finding(&answer_about(about)) {
        Finding::Happened { events, .. } => events,
        other => panic!("of another kind: {other:?}"),
    };
    assert_eq!(found(About::Happened(11)), [outcome().1[90].clone()]);
    assert_eq!(found(About::Happened(12)), []);
    let Subject::Happened { events, .. } = answer_about(About::Happened(11)).subject else {
        panic!("it is about events");
    };
    assert_eq!(events.shown.len(), 1, "the first sixty-four events are not shown");
}

#[test]
fn what_became_of_a_submission_is_shown_command_by_command() {
    // 0025-BLOCK-020
    let found = |place| match finding(&answer_about(About::Receipt(place))) {
        Finding::Receipt { grant, first, answered } => (grant.nonce, first, answered),
        other => panic!("of another kind: {other:?}"),
    };
    let (nonce, first, answered) = found(1);
    assert_eq!((nonce, first, answered.len()), (8, 60, 30));
    let command = Command::CancelOrder { sub: 0, order: OrderId::new(89) };
    assert_eq!(answered[29], (command, Receipt::Order(OrderId::new(1_089))));
    assert_eq!(found(0).2.len(), 60);
}

#[test]
fn receipts_are_those_of_the_submission_and_of_the_block_alone() {
    fn parts(subject: &mut Subject) -> (&mut Block, &mut u32, &mut ReceiptExtract) {
        match subject {
            Subject::Receipt { block, grant, receipts } => (block, grant, receipts),
            _ => panic!("it is about a receipt"),
        }
    }
    let refused = |change: fn(&mut Block, &mut u32, &mut ReceiptExtract)| {
        refusal(About::Receipt(1), |subject| {
            let (block, grant, receipts) = parts(subject);
            change(block, grant, receipts);
        })
    };
    let other_block = AnswerError::OtherBlock;
    assert_eq!(refused(|block, _, _| drop(block.grants.pop())), other_block);
    assert_eq!(refused(|block, _, _| block.grants[1].nonce = 9), other_block);
    assert_eq!(refused(|block, _, _| block.transactions.swap(0, 89)), other_block);
    assert_eq!(refused(|block, _, _| block.height = height(4)), other_block);
    // The receipts of the first submission are in no group that is shown for the second alone.
    assert_eq!(refused(|_, grant, _| *grant = 2), AnswerError::NoSubmission(2));
    assert_eq!(
        refused(|_, _, receipts| receipts.shown[1][3] = Receipt::Done),
        AnswerError::OtherReceipts
    );
    assert_eq!(refused(|_, _, receipts| drop(receipts.shown.pop())), AnswerError::OtherReceipts);
    assert_eq!(refused(|_, _, receipts| receipts.from = 1), AnswerError::OtherReceipts);
}

/// Returns why an answer is refused whose subject was changed.
fn refusal(about: About, change: impl FnOnce(&mut Subject)) -> AnswerError {
    let mut answer = answer_about(about);
    change(&mut answer.subject);
    answer.verify(&trust(0)).expect_err("it does not hold")
}

#[test]
fn an_absence_is_not_shown_by_a_part_that_leaves_room_for_it() {
    let other_order = |subject: &mut Subject| match subject {
        Subject::Order { order, .. } | Subject::Happened { order, .. } => *order = OrderId::new(10),
        _ => panic!("it is about no order"),
    };
    let not_shown = AnswerError::NotShown(OrderId::new(10));
    assert_eq!(refusal(About::Order(11), other_order), not_shown);
    assert_eq!(refusal(About::Happened(11), other_order), not_shown);
    let fewer = |subject: &mut Subject| match subject {
        Subject::Happened { events, .. } => drop(events.shown.remove(0)),
        _ => panic!("it is about events"),
    };
    assert_eq!(refusal(About::Happened(99), fewer), AnswerError::NotShown(OrderId::new(99)));
    let twice = |subject: &mut Subject| match subject {
        Subject::Happened { events, .. } => events.shown[1] = events.shown[0].clone(),
        _ => panic!("it is about events"),
    };
    assert_eq!(refusal(About::Happened(99), twice), AnswerError::OtherEvents);
}

#[test]
fn a_book_belongs_to_its_market_alone() {
    let none = |subject: &mut Subject| match subject {
        Subject::Order { book, .. } => *book = None,
        _ => panic!("it is about an order"),
    };
    assert_eq!(refusal(About::Order(11), none), AnswerError::OtherBook);
    let some = |subject: &mut Subject| match subject {
        Subject::Order { book: part, .. } => *part = book().extract(OrderId::new(11)),
        _ => panic!("it is about an order"),
    };
    assert_eq!(refusal(About::NoMarket, some), AnswerError::OtherBook);
    let Subject::Record { proof } = answer().subject else { panic!("it is about a record") };
    let record = |subject: &mut Subject| match subject {
        Subject::Order { proof: held, .. } => *held = proof,
        _ => panic!("it is about an order"),
    };
    // The key of that record is no key of a state.
    assert!(matches!(refusal(About::Order(11), record), AnswerError::Unreadable(_)));
}

#[test]
fn greeks_are_shown_by_the_records_of_an_account_and_of_its_markets() {
    // 0019-MARG-014
    let bucket = |expires_at, delta, gamma, vega, theta| Bucket {
        underlying: UnderlyingId::new(1),
        expires_at,
        delta: Quantity::from_nanos(delta),
        gamma: Notional::from_micros(gamma),
        vega: Notional::from_micros(vega),
        theta: Notional::from_micros(theta),
    };
    // Three units of the one, and a thousandth of one short of the other, rounded down.
    let buckets = vec![
        bucket(None, 1_500_000_003, 21, 3_000_000, -9),
        bucket(Some(EXPIRY), -500_001, -1, -1_000, 0),
    ];
    let greeks = Greeks { buckets };
    let shown = finding(&answer_about(About::Greeks));
    assert_eq!(shown, Finding::Greeks { account: ACCOUNT, greeks });
    let key = codec::encode(&StateKey::Account(STRANGER)).expect("a key");
    assert_eq!(
        finding(&answer_about(About::NoAccount)),
        Finding::Record { key, claim: Claim::Absent }
    );
}

#[test]
fn greeks_are_of_all_the_positions_of_one_account() {
    let refused = |about, change: fn(&mut Vec<u8>, &mut Vec<Vec<u8>>)| {
        refusal(about, |subject| match subject {
            Subject::Greeks { account, markets } => change(account, markets),
            _ => panic!("it is about Greeks"),
        })
    };
    let others = AnswerError::OtherMarkets;
    assert_eq!(refused(About::Greeks, |_, markets| drop(markets.pop())), others);
    assert_eq!(refused(About::Greeks, |_, markets| markets.swap(0, 1)), others);
    assert_eq!(refused(About::Greeks, |_, markets| markets.push(markets[0].clone())), others);
    assert_eq!(refused(About::Greeks, |_, markets| markets[1] = markets[0].clone()), others);
    assert_eq!(refused(About::Greeks, |account, markets| markets[0] = account.clone()), others);
    let none = |account: &mut Vec<u8>, markets: &mut Vec<Vec<u8>>| markets.push(account.clone());
    assert_eq!(refused(About::NoAccount, none), others);
    let market = refused(About::Greeks, |account, markets| *account = markets[0].clone());
    assert_eq!(market, AnswerError::NotAnAccount);
}

#[test]
fn an_answer_with_any_byte_changed_or_missing_is_refused() {
    let trust = trust(0);
    for answer in answers() {
        let bytes = answer.encode().expect("within limits");
        for at in 0..bytes.len() {
            for flip in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let read = Answer::decode(&changed).and_then(|answer| answer.verify(&trust));
                let accident = match at {
                    0..8 => AnswerError::NotAnAnswer,
                    _ => AnswerError::Damaged(bytes.len()),
                };
                assert_eq!(read, Err(accident), "byte {at} of {}", bytes.len());
            }
            assert!(Answer::decode(&bytes[..at]).is_err());
        }
    }
}

/// The order that a client asked about.
fn asked(answer: &Answer) -> Option<OrderId> {
    match answer.subject {
        Subject::Record { .. } | Subject::Greeks { .. } | Subject::Receipt { .. } => None,
        Subject::Order { order, .. } | Subject::Happened { order, .. } => Some(order),
    }
}

#[test]
fn a_forger_who_repairs_the_check_is_refused_at_every_byte_all_the_same() {
    let trust = trust(0);
    for whole in answers() {
        let bytes = whole.encode().expect("within limits");
        // The magic, the body and the check: only the body is the forger's to change.
        for at in 8..bytes.len() - 8 {
            let mut changed = bytes[..bytes.len() - 8].to_vec();
            changed[at] ^= 1;
            let check = Hash::of("answer", &changed);
            changed.extend_from_slice(&check.bytes()[..8]);
            let answer = match Answer::decode(&changed) {
                Ok(answer) => answer,
                Err(AnswerError::Damaged(_)) => panic!("byte {at}: a lie is told as an accident"),
                Err(_) => continue,
            };
            let read = answer.verify(&trust);
            // Of an order, the number is the client's own question: another question may have an answer too, a true
            // one, which is not the one that was asked for.
            let refused = read.is_err() || asked(&answer) != asked(&whole);
            assert!(refused, "byte {at} of {}: {read:?}", bytes.len());
        }
    }
}

#[test]
fn evidence_of_a_header_with_any_byte_changed_or_missing_is_refused() {
    let (trust, whole) = (trust(0), answer());
    let Answer { headers, orders, certificate, .. } = whole;
    let first = headers[0];
    let bytes = FinalityProof { headers, orders, certificate }.encode().expect("within limits");
    let holds = |bytes: &[u8]| {
        let read = FinalityProof::decode(bytes).ok()?;
        read.verify(&trust).ok().map(|(header, _)| header)
    };
    assert_eq!(holds(&bytes), Some(first));
    for at in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert_eq!(holds(&changed), None, "byte {at} of {}", bytes.len());
        }
        assert_eq!(holds(&bytes[..at]), None);
    }
}

#[test]
fn every_link_of_the_chain_is_checked() {
    let (trust, whole) = (trust(0), answer());
    let refused = |change: fn(&mut Answer)| {
        let mut answer = whole.clone();
        change(&mut answer);
        answer.verify(&trust).expect_err("it does not hold")
    };
    let other_block = refused(|answer| {
        answer.orders.pop();
    });
    assert!(matches!(
        other_block,
        AnswerError::Finality(FinalityError::Certificate(CertificateError::OtherBlock { .. }))
    ));
    let root = refused(|answer| answer.headers[0].state_root = Hash::default());
    assert!(matches!(root, AnswerError::Finality(FinalityError::HeadersBroken(_))));
    let outcome = refused(|answer| {
        answer.headers.pop();
    });
    assert!(matches!(outcome, AnswerError::Finality(FinalityError::OutcomeDiffers { .. })));
    let state = refused(|answer| {
        answer.headers.remove(0);
    });
    assert!(matches!(state, AnswerError::Proof(_)));
    let time = refused(|answer| answer.orders[0].time = BlockTime::from_millis(1));
    assert!(matches!(time, AnswerError::Finality(FinalityError::OrdersBroken(_))));
    let none = refused(|answer| answer.headers.clear());
    assert!(matches!(none, AnswerError::Finality(FinalityError::ChainLength { headers: 0, .. })));
}

#[test]
fn two_of_four_validators_certify_nothing_and_another_network_neither() {
    let mut whole = answer();
    let elsewhere = Trust::genesis(Anchor { chain: "another".into(), ..anchor() });
    let forged = AnswerError::Finality(FinalityError::Certificate(CertificateError::Forged));
    assert_eq!(whole.verify(&elsewhere), Err(forged.clone()));
    let last = *whole.orders.last().expect("not empty");
    whole.certificate = certificate(&anchor(), &last, &members(0), 2);
    assert_eq!(whole.verify(&trust(0)), Err(forged));
}

#[test]
fn an_answer_is_shown_across_epochs_and_says_in_which_it_was_signed() {
    for epoch in [0, 1, 3] {
        let bytes = answer_in(epoch, About::Order(12)).encode().expect("within limits");
        let answer = Answer::decode(&bytes).expect("whole");
        let shown = answer.verify(&trust(0)).expect("it holds");
        assert_eq!((shown.epoch, shown.height), (epoch, height(epoch * EPOCH_BLOCKS + 3)));
        // Who holds a newer list needs the later steps alone.
        for held in 1..=epoch {
            let steps = answer.steps.iter().skip(held.try_into().expect("few")).cloned().collect();
            let shorter = Answer { steps, ..answer.clone() };
            assert_eq!(shorter.verify(&trust(held)), Ok(shown.clone()), "from epoch {held}");
        }
    }
}

#[test]
fn steps_left_out_doubled_out_of_order_or_beyond_the_certificate_are_refused() {
    let whole = answer_in(3, About::Record);
    let refused = |change: &dyn Fn(&mut Vec<light::Step>)| {
        let mut answer = whole.clone();
        change(&mut answer.steps);
        match answer.verify(&trust(0)).expect_err("it does not hold") {
            AnswerError::Finality(FinalityError::Certificate(CertificateError::OtherEpoch {
                held,
                found,
            })) => (held, found),
            AnswerError::Step(StepError::Finality { epoch, source }) => match *source {
                FinalityError::Certificate(CertificateError::OtherEpoch { held, found }) => {
                    assert_eq!(held, epoch);
                    (held, found)
                }
                other => panic!("for another reason: {other}"),
            },
            other => panic!("for another reason: {other}"),
        }
    };
    assert_eq!(refused(&|steps| steps.clear()), (0, 3));
    assert_eq!(refused(&|steps| drop(steps.remove(0))), (0, 1));
    assert_eq!(refused(&|steps| drop(steps.remove(1))), (1, 2));
    assert_eq!(refused(&|steps| drop(steps.pop())), (2, 3));
    assert_eq!(refused(&|steps| steps.insert(1, steps[0].clone())), (1, 0));
    assert_eq!(refused(&|steps| steps.swap(1, 2)), (1, 2));
    assert_eq!(refused(&|steps| steps.push(Plan::of(3).step())), (4, 3));
    // A list of a later epoch than the first step's, or than the certificate's, is no place to begin.
    let held = whole.verify(&trust(1)).expect_err("the first step is of epoch 0");
    assert!(held.to_string().contains("of epoch 0"), "{held}");
}

#[test]
fn an_answer_holds_no_more_steps_than_are_read() {
    let mut answer = answer();
    let step = Plan::of(0).step();
    answer.steps = vec![step.clone(); STEPS_MAX + 1];
    let too_many = StepError::TooMany { epoch: 0, steps: STEPS_MAX + 1 };
    assert_eq!(answer.verify(&trust(0)), Err(AnswerError::Step(too_many)));
    assert_eq!(answer.encode(), Err(AnswerError::StepsTooLong(STEPS_MAX + 1)));
    let forged = |answer: &Answer| {
        let mut bytes = b"NVANSWER".to_vec();
        bytes.extend(codec::encode(answer).expect("within limits"));
        let check = Hash::of("answer", &bytes);
        bytes.extend_from_slice(&check.bytes()[..8]);
        Answer::decode(&bytes)
    };
    assert!(matches!(forged(&answer), Err(AnswerError::Unreadable(_))));
    answer.steps.pop();
    assert_eq!(forged(&answer).expect("so many are read").steps.len(), STEPS_MAX);
    // Longer than any step: nobody's certificate has so many bytes.
    answer.steps = vec![light::Step { certificate: vec![0; light::STEP_BYTES_MAX], ..step }];
    assert_eq!(answer.encode(), Err(AnswerError::StepsTooLong(1)));
    assert!(matches!(forged(&answer), Err(AnswerError::Unreadable(_))));
    // Each of them short enough, but not all together.
    answer.steps[0].certificate.truncate(light::STEP_BYTES_MAX / 2);
    let together = light::STEPS_BYTES_MAX / (light::STEP_BYTES_MAX / 2) + 1;
    answer.steps = vec![answer.steps[0].clone(); together];
    assert_eq!(answer.encode(), Err(AnswerError::StepsTooLong(together)));
    assert!(matches!(forged(&answer), Err(AnswerError::Unreadable(_))));
}

#[test]
fn the_certificate_is_of_the_round_of_its_block_or_of_a_later_one_of_the_same_epoch() {
    let verdict = |round: u64| {
        let mut answer = answer_in(1, About::Record);
        let last = *answer.orders.last().expect("not empty");
        answer.certificate = certificate_of_round(&anchor(), &last, round, &members(1), 3);
        (last, answer.verify(&trust(0)).map(|shown| shown.epoch))
    };
    let named = round_at(1, 6);
    // The last block of an epoch is proposed again until it is final.
    for round in [named, named + 1, named + 40] {
        assert_eq!(verdict(round).1, Ok(1));
    }
    let (last, earlier) = verdict(named - 1);
    let differs = FinalityError::RoundDiffers { order: last.height, named, signed: named - 1 };
    assert_eq!(earlier, Err(AnswerError::Finality(differs)));
    // A block that says it is of the epoch before, under a certificate of this one.
    let mut answer = answer_in(1, About::Record);
    let last = answer.orders.last_mut().expect("not empty");
    last.round = round_at(0, 6);
    answer.certificate = certificate_of_round(&anchor(), last, named, &members(1), 3);
    let differs =
        FinalityError::RoundDiffers { order: last.height, named: last.round, signed: named };
    assert_eq!(answer.verify(&trust(0)), Err(AnswerError::Finality(differs)));
}

#[test]
fn who_has_left_forges_nothing_for_a_client_that_has_followed() {
    // Nobody who signed in epoch 0 has a seat in epoch 5. The four still hold their keys, and sign for epoch 5.
    let mut answer = answer_in(5, About::Record);
    let last = *answer.orders.last().expect("not empty");
    answer.certificate = certificate(&anchor(), &last, &members(0), 4);
    let forged = AnswerError::Finality(FinalityError::Certificate(CertificateError::Forged));
    assert_eq!(answer.verify(&trust(0)), Err(forged.clone()));
    let steps = std::mem::take(&mut answer.steps);
    assert_eq!(answer.verify(&trust(5)), Err(forged.clone()));
    // Nor with one of those who are still there.
    answer.certificate = certificate(&anchor(), &last, &[2, 3, 4, 5], 4);
    assert_eq!(answer.verify(&trust(5)), Err(forged));
    // What they signed when they had their seats holds no more under the list of epoch 5.
    let old = Answer { steps: Vec::new(), ..answer_in(0, About::Record) };
    let other = CertificateError::OtherEpoch { held: 5, found: 0 };
    assert_eq!(
        old.verify(&trust(5)),
        Err(AnswerError::Finality(FinalityError::Certificate(other)))
    );
    // Who has not followed is shown the truth by the steps.
    let whole = Answer { steps, ..answer_in(5, About::Record) };
    assert_eq!(whole.verify(&trust(0)).map(|shown| shown.epoch), Ok(5));
}
