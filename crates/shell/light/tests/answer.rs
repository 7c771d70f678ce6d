//! Answers as a stranger meets them: whole, damaged, and forged by somebody who knows the format.

use book::{BookState, FastBook, Open, OrderBook as _};
use commonware_codec::Encode as _;
use commonware_consensus::simplex::{
    scheme::ed25519::Scheme,
    types::{Finalization, Finalize, Proposal},
};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::{Signer as _, ed25519::PrivateKey, sha256::Digest};
use commonware_parallel::Sequential;
use commonware_utils::{TryCollect as _, non_empty, ordered::Set};
use light::{
    Anchor, Answer, AnswerError, CertificateError, Clock, Evidence, EvidenceError, Finding,
    OrderHeader, Subject, Validator,
};
use machine::{MarketRecord, StateKey, Status};
use protocol::{
    AccountIndex, CancelReason, Contract, Event, EventExtract, Hash, Header, Instrument,
    InstrumentId, OrderId, OutcomeHashes, Receipt, Side, TimeInForce, UnderlyingId, ValidatorId,
    codec,
};
use store::{Claim, QmdbCommitment, StateCommitment as _};
use units::{BlockHeight, BlockSpan, BlockTime, Lots, Price, Quantity, Vol};

const VALIDATORS: u16 = 4;

fn height(blocks: i128) -> BlockHeight {
    BlockHeight::from_blocks(blocks)
}

fn keys() -> Vec<PrivateKey> {
    (0..u64::from(VALIDATORS)).map(PrivateKey::from_seed).collect()
}

fn anchor() -> Anchor {
    let validators = (1..=VALIDATORS).zip(keys()).map(|(id, key)| {
        let public = key.public_key();
        let bytes: &[u8] = public.as_ref();
        Validator { id: ValidatorId::new(id), key: bytes.try_into().expect("32 bytes") }
    });
    Anchor {
        chain: "test".into(),
        genesis: Hash::of("genesis", b"test"),
        clock: Clock::Step { span: BlockSpan::from_millis(1_000) },
        validators: validators.collect(),
    }
}

/// Signs an order header by some of the validators, whether or not they are enough.
fn certificate(order: &OrderHeader, signers: usize) -> Option<Vec<u8>> {
    let namespace = anchor().namespace().expect("within limits");
    let participants: Set<_> =
        keys().iter().map(|key| key.public_key()).try_collect().expect("different");
    let payload = Digest(*order.hash().expect("within limits").bytes());
    let round = Round::new(Epoch::zero(), View::new(order.view));
    let proposal = Proposal::new(round, View::new(order.view - 1), payload);
    let scheme = |key| Scheme::signer(&namespace, participants.clone(), key).expect("a member");
    let votes: Vec<_> = keys()
        .into_iter()
        .take(signers)
        .map(|key| Finalize::sign(&scheme(key), proposal.clone()).expect("signed"))
        .collect();
    let verifier = Scheme::verifier(&namespace, participants.clone());
    let made: Option<Finalization<Scheme, Digest>> =
        Finalization::from_finalizes(&verifier, non_empty![@votes.iter()], &Sequential).ok();
    made.map(|made| made.encode().to_vec())
}

fn order(at: i128, parent: Hash, executed: &Header) -> OrderHeader {
    OrderHeader {
        round: u64::try_from(at).expect("positive") + 7,
        proposer: ValidatorId::new(1),
        parent,
        height: height(at),
        time: BlockTime::from_millis(1_000 * at),
        executed_height: executed.height,
        executed: executed.hash().expect("within limits"),
        payload: Hash::of("payload", b"whatever"),
    }
}

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
        mark: Some(Price::from_micros(60_000_000_000)),
        forward: None,
        vol: None,
        vol_voted: None,
        vol_uncertainty: Vol::ZERO,
        vol_stale: false,
        last: None,
        aggregate: clearing::Aggregate::default(),
        funding: None,
        book: FastBook::from_state(&book()).expect("it is sound").digest(),
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
    let receipts = vec![Receipt::Done; 100];
    (OutcomeHashes::of(&receipts, &events).expect("within limits"), events)
}

/// What an answer may be about.
#[derive(Clone, Copy)]
enum About {
    Record,
    Order(u64),
    NoMarket,
    Happened(u64),
}

/// An answer about block 3: headers 3 and 4, of which ordered block 5 names the second, and block 6 has the certificate.
fn answer_about(about: About) -> Answer {
    let mut state = QmdbCommitment::temporary(&std::env::temp_dir()).expect("a place");
    let mut headers: Vec<Header> = Vec::new();
    let mut subject = None;
    let key = |number| codec::encode(&StateKey::Market(InstrumentId::new(number))).expect("a key");
    let market = codec::encode(&market()).expect("within limits");
    let (hashes, events) = outcome();
    for at in 0..=4u8 {
        let record = format!("record of {at}").into_bytes();
        let mut writes = vec![
            (vec![at], Some(vec![1])),
            (b"key".to_vec(), Some(record.clone())),
            (key(1), Some(market.clone())),
        ];
        writes.sort();
        let root = state.commit(u64::from(at), &writes).expect("committed");
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
            });
        }
        let parent = headers.last().map_or(Hash::default(), |last| last.hash().expect("ok"));
        headers.push(Header {
            height: height(at.into()),
            time: BlockTime::from_millis(1_000 * i128::from(at)),
            parent,
            body: Hash::of("body", b""),
            receipts: hashes.hash().expect("within limits"),
            state_root: Hash::new(root.bytes()),
            snapshot: Hash::default(),
        });
    }
    let headers = headers.split_off(3);
    let first = order(5, Hash::default(), &headers[1]);
    let second = order(6, first.hash().expect("ok"), &headers[1]);
    let certificate = certificate(&second, 3).expect("three of four are a quorum");
    let subject = subject.expect("block 3 is one of them");
    Answer { subject, headers, orders: vec![first, second], certificate }
}

fn answer() -> Answer {
    answer_about(About::Record)
}

/// One answer of each kind.
fn answers() -> Vec<Answer> {
    [About::Record, About::Order(11), About::Order(99), About::NoMarket, About::Happened(11)]
        .map(answer_about)
        .into()
}

fn finding(answer: &Answer) -> Finding {
    let bytes = answer.encode().expect("within limits");
    let shown = Answer::decode(&bytes).expect("whole").verify(&anchor()).expect("it holds");
    assert_eq!((shown.height, shown.finalised), (height(3), height(6)));
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

/// Returns why an answer is refused whose subject was changed.
fn refusal(about: About, change: impl FnOnce(&mut Subject)) -> AnswerError {
    let mut answer = answer_about(about);
    change(&mut answer.subject);
    answer.verify(&anchor()).expect_err("it does not hold")
}

#[test]
fn an_absence_is_not_shown_by_a_part_that_leaves_room_for_it() {
    let other_order = |subject: &mut Subject| match subject {
        Subject::Order { order, .. } | Subject::Happened { order, .. } => *order = OrderId::new(10),
        Subject::Record { .. } => panic!("it is about no order"),
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
fn an_answer_with_any_byte_changed_or_missing_is_refused() {
    let anchor = anchor();
    for answer in answers() {
        let bytes = answer.encode().expect("within limits");
        for at in 0..bytes.len() {
            for flip in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let read = Answer::decode(&changed).and_then(|answer| answer.verify(&anchor));
                assert!(read.is_err(), "byte {at} of {}", bytes.len());
            }
            assert!(Answer::decode(&bytes[..at]).is_err());
        }
    }
}

/// The order that a client asked about.
fn asked(answer: &Answer) -> Option<OrderId> {
    match answer.subject {
        Subject::Record { .. } => None,
        Subject::Order { order, .. } | Subject::Happened { order, .. } => Some(order),
    }
}

#[test]
fn a_forger_who_repairs_the_check_is_refused_at_every_byte_all_the_same() {
    let anchor = anchor();
    for whole in answers() {
        let bytes = whole.encode().expect("within limits");
        // The magic, the body and the check: only the body is the forger's to change.
        for at in 8..bytes.len() - 8 {
            let mut changed = bytes[..bytes.len() - 8].to_vec();
            changed[at] ^= 1;
            let check = Hash::of("answer", &changed);
            changed.extend_from_slice(&check.bytes()[..8]);
            let Ok(answer) = Answer::decode(&changed) else { continue };
            let read = answer.verify(&anchor);
            // Of an order, the number is the client's own question: another question may have an answer too, a true
            // one, which is not the one that was asked for.
            let refused = read.is_err() || asked(&answer) != asked(&whole);
            assert!(refused, "byte {at} of {}: {read:?}", bytes.len());
        }
    }
}

#[test]
fn evidence_of_a_header_with_any_byte_changed_or_missing_is_refused() {
    let (anchor, whole) = (anchor(), answer());
    let Answer { headers, orders, certificate, .. } = whole;
    let first = headers[0];
    let bytes = Evidence { headers, orders, certificate }.encode().expect("within limits");
    let holds = |bytes: &[u8]| {
        let read = Evidence::decode(bytes).ok()?;
        read.verify(&anchor).ok().map(|(header, _)| header)
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
    let (anchor, whole) = (anchor(), answer());
    let refused = |change: fn(&mut Answer)| {
        let mut answer = whole.clone();
        change(&mut answer);
        answer.verify(&anchor).expect_err("it does not hold")
    };
    let other_block = refused(|answer| {
        answer.orders.pop();
    });
    assert!(matches!(
        other_block,
        AnswerError::Evidence(EvidenceError::Certificate(CertificateError::OtherBlock { .. }))
    ));
    let root = refused(|answer| answer.headers[0].state_root = Hash::default());
    assert!(matches!(root, AnswerError::Evidence(EvidenceError::HeadersBroken(_))));
    let outcome = refused(|answer| {
        answer.headers.pop();
    });
    assert!(matches!(outcome, AnswerError::Evidence(EvidenceError::OutcomeDiffers { .. })));
    let state = refused(|answer| {
        answer.headers.remove(0);
    });
    assert!(matches!(state, AnswerError::Proof(_)));
    let time = refused(|answer| answer.orders[0].time = BlockTime::from_millis(1));
    assert!(matches!(time, AnswerError::Evidence(EvidenceError::OrdersBroken(_))));
    let none = refused(|answer| answer.headers.clear());
    assert!(matches!(none, AnswerError::Evidence(EvidenceError::ChainLength { headers: 0, .. })));
}

#[test]
fn two_of_four_validators_certify_nothing_and_another_network_neither() {
    let whole = answer();
    let last = whole.orders.last().expect("not empty");
    assert!(certificate(last, 2).is_none(), "no certificate can be made of two");
    let elsewhere = Anchor { chain: "another".into(), ..anchor() };
    let refused = whole.verify(&elsewhere).expect_err("signed for another network");
    assert_eq!(
        refused,
        AnswerError::Evidence(EvidenceError::Certificate(CertificateError::Forged))
    );
}
