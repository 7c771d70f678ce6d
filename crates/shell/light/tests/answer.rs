//! Answers as a stranger meets them: whole, damaged, and forged by somebody who knows the format.

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
    Anchor, Answer, AnswerError, CertificateError, Clock, Evidence, EvidenceError, OrderHeader,
    Validator,
};
use protocol::{Hash, Header, ValidatorId};
use store::{Claim, QmdbCommitment, StateCommitment as _};
use units::{BlockHeight, BlockSpan, BlockTime};

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
        view: u64::try_from(at).expect("positive") + 7,
        proposer: ValidatorId::new(1),
        parent,
        height: height(at),
        time: BlockTime::from_millis(1_000 * at),
        executed_height: executed.height,
        executed: executed.hash().expect("within limits"),
        payload: Hash::of("payload", b"whatever"),
    }
}

/// An answer about block 3: headers 3 and 4, of which ordered block 5 names the second, and block 6 has the certificate.
fn answer() -> Answer {
    let mut state = QmdbCommitment::temporary(&std::env::temp_dir()).expect("a place");
    let mut headers: Vec<Header> = Vec::new();
    let mut proof = Vec::new();
    for at in 0..=4u8 {
        let record = format!("record of {at}").into_bytes();
        let mut writes = vec![(vec![at], Some(vec![1])), (b"key".to_vec(), Some(record.clone()))];
        writes.sort();
        let root = state.commit(u64::from(at), &writes).expect("committed");
        if at == 3 {
            proof = state.prove(b"key", Some(&record)).expect("proved").encode();
        }
        let parent = headers.last().map_or(Hash::default(), |last| last.hash().expect("ok"));
        headers.push(Header {
            height: height(at.into()),
            time: BlockTime::from_millis(1_000 * i128::from(at)),
            parent,
            body: Hash::of("body", b""),
            receipts: Hash::of("receipts", b""),
            state_root: Hash::new(root.bytes()),
            snapshot: Hash::default(),
        });
    }
    let headers = headers.split_off(3);
    let first = order(5, Hash::default(), &headers[1]);
    let second = order(6, first.hash().expect("ok"), &headers[1]);
    let certificate = certificate(&second, 3).expect("three of four are a quorum");
    Answer { proof, headers, orders: vec![first, second], certificate }
}

#[test]
fn a_whole_answer_shows_its_record() {
    let bytes = answer().encode().expect("within limits");
    let shown = Answer::decode(&bytes).expect("whole").verify(&anchor()).expect("it holds");
    assert_eq!((shown.height, shown.finalised), (height(3), height(6)));
    assert_eq!(shown.key, b"key");
    assert_eq!(shown.claim, Claim::Present(b"record of 3".to_vec()));
}

#[test]
fn an_answer_with_any_byte_changed_or_missing_is_refused() {
    let (anchor, bytes) = (anchor(), answer().encode().expect("within limits"));
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

#[test]
fn a_forger_who_repairs_the_check_is_refused_at_every_byte_all_the_same() {
    let (anchor, whole) = (anchor(), answer());
    let bytes = whole.encode().expect("within limits");
    // The magic, the body and the check: only the body is the forger's to change.
    for at in 8..bytes.len() - 8 {
        let mut changed = bytes[..bytes.len() - 8].to_vec();
        changed[at] ^= 1;
        let check = Hash::of("answer", &changed);
        changed.extend_from_slice(&check.bytes()[..8]);
        let read = Answer::decode(&changed).and_then(|answer| answer.verify(&anchor));
        assert!(read.is_err(), "byte {at} of {}", bytes.len());
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
