//! Steps from one epoch to the next: whole, damaged, and signed by the wrong people for the wrong things.

use crate::network::{Plan, members, quorum, record, steps, trust, validators};
use light::{
    Anchor, CertificateError, FinalityError, STEP_BYTES_MAX, STEPS_MAX, Step, StepError, Trust,
};
use machine::StateKey;
use protocol::{Hash, ValidatorId, limits};
use sha2::Digest as _;
use units::BlockTime;

/// Returns why a step is refused, which must leave the list as it was.
fn refusal(held: &Trust, step: &Step) -> StepError {
    let mut trust = held.clone();
    let refused = trust.follow(step).expect_err("it does not hold");
    assert_eq!(&trust, held, "a step that is refused changes nothing");
    let says = refused.to_string();
    assert!(says.contains(&format!("epoch {}", held.epoch)), "it says of which epoch: {says}");
    refused
}

fn signatures(epoch: u64, why: CertificateError) -> StepError {
    StepError::Finality { epoch, source: Box::new(FinalityError::Certificate(why)) }
}

#[test]
fn steps_lead_from_the_genesis_to_the_validators_of_each_epoch() {
    let all = steps(0..6);
    let mut held = trust(0);
    for (epoch, step) in (1..).zip(&all) {
        assert_eq!(Step::decode(&step.encode().expect("within limits")).as_ref(), Ok(step));
        held.follow(step).expect("it holds");
        assert_eq!(held, trust(epoch));
    }
    assert_eq!(trust(0).follow_all(&all), Ok(held));
    assert_eq!(trust(2).follow_all(&all[2..4]), Ok(trust(4)));
    assert_eq!(trust(3).follow_all(&[]), Ok(trust(3)));
}

#[test]
fn a_step_with_any_byte_changed_or_missing_is_refused() {
    for epoch in [0, 2] {
        let (held, bytes) = (trust(epoch), Plan::of(epoch).step().encode().expect("within limits"));
        let holds =
            |bytes: &[u8]| Step::decode(bytes).is_ok_and(|step| held.clone().follow(&step).is_ok());
        assert!(holds(&bytes));
        for at in 0..bytes.len() {
            for flip in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                assert!(!holds(&changed), "byte {at} of {}", bytes.len());
            }
            assert!(!holds(&bytes[..at]));
        }
        assert!(!holds(&[&bytes[..], &[0]].concat()));
    }
}

#[test]
fn a_forger_who_repairs_the_check_of_the_proof_is_refused_at_every_byte_all_the_same() {
    let (held, whole) = (trust(1), Plan::of(1).step());
    for at in 0..whole.proof.len() - 8 {
        let mut step = whole.clone();
        step.proof[at] ^= 1;
        let end = step.proof.len() - 8;
        let check: [u8; 32] = sha2::Sha256::digest(&step.proof[..end]).into();
        step.proof[end..].copy_from_slice(&check[..8]);
        refusal(&held, &step);
    }
}

#[test]
fn a_step_of_another_epoch_than_the_list_is_refused() {
    let all = steps(0..4);
    for (held, found) in [(0, 1), (0, 3), (1, 0), (3, 2)] {
        let refused = refusal(&trust(held), &all[usize::try_from(found).expect("few")]);
        assert_eq!(refused, signatures(held, CertificateError::OtherEpoch { held, found }));
        assert!(refused.to_string().contains("get the steps"), "it says what to do");
    }
    let left_out = [all[0].clone(), all[2].clone()];
    let other = CertificateError::OtherEpoch { held: 1, found: 2 };
    assert_eq!(trust(0).follow_all(&left_out), Err(signatures(1, other)));
}

#[test]
fn a_step_of_another_network_or_by_fewer_than_a_quorum_is_refused() {
    let anchor = Anchor { chain: "another".into(), ..trust(1).anchor };
    let elsewhere = Plan { anchor, ..Plan::of(1) }.step();
    assert_eq!(refusal(&trust(1), &elsewhere), signatures(1, CertificateError::Forged));
    for signers in 0..3 {
        let few = Plan { signers, ..Plan::of(1) }.step();
        let refused = refusal(&trust(1), &few);
        assert!(
            matches!(&refused, StepError::Finality { source, .. }
                if matches!(**source, FinalityError::Certificate(CertificateError::Forged | CertificateError::Malformed(_)))),
            "{signers} of four: {refused}"
        );
    }
    assert!(trust(1).clone().follow(&Plan { signers: 4, ..Plan::of(1) }.step()).is_ok());
}

#[test]
fn validators_who_were_replaced_sign_no_step_of_a_later_epoch() {
    // They hold the keys of epochs 0 and 1, and would give themselves the seats of epoch 4.
    let old = members(0);
    let lie = record(3, &members(3), &old);
    for (members, signers) in [(old.clone(), 4), (vec![3, 4, 5, 6], 2)] {
        let step = Plan { members, signers, ..Plan::of(3) }.with(&lie).step();
        assert_eq!(refusal(&trust(3), &step), signatures(3, CertificateError::Forged));
    }
    // The same record, signed by those who have the seats, would hold: it is the signatures that are missing.
    let mut held = trust(3);
    held.follow(&Plan::of(3).with(&lie).step()).expect("a quorum of epoch 3 says so");
    assert_eq!((held.epoch, held.validators), (4, validators(&old)));
}

#[test]
fn a_record_that_does_not_show_the_next_validators_is_refused_by_name() {
    let held = trust(2);
    let refused = |plan: Plan| refusal(&held, &plan.step());
    let of = |epoch| Plan::of(2).with(&record(epoch, &members(epoch), &members(epoch + 1)));
    // A header of the epoch before shows who validates in this one.
    assert_eq!(refused(of(1)), StepError::OtherEpoch { epoch: 2, found: 1 });
    assert_eq!(refused(of(3)), StepError::OtherEpoch { epoch: 2, found: 3 });
    // Another set in the place of the one that is held: a number, a key, one more, one fewer.
    let right = record(2, &members(2), &members(3));
    let mut numbered = right.clone();
    numbered.present[3].validator = ValidatorId::new(77);
    let mut keyed = right.clone();
    keyed.present[0].key = keyed.next[3].key;
    let more = record(2, &[2, 3, 4, 5, 6], &members(3));
    let fewer = record(2, &[2, 3, 4], &members(3));
    for other in [numbered, keyed, more, fewer] {
        assert_eq!(refused(Plan::of(2).with(&other)), StepError::OtherValidators { epoch: 2 });
    }
    let absent = Plan { record: None, ..Plan::of(2) };
    assert_eq!(refused(absent), StepError::NoCommittee { epoch: 2 });
    let key = StateKey::Validator(ValidatorId::new(2));
    assert_eq!(refused(Plan { key, ..Plan::of(2) }), StepError::OtherRecord { epoch: 2 });
    let none = Plan { record: Some(b"no record".to_vec()), ..Plan::of(2) };
    assert!(matches!(refused(none), StepError::Unreadable { epoch: 2, .. }));
}

#[test]
fn next_validators_that_are_no_list_are_refused() {
    let refused = |change: &dyn Fn(&mut machine::CommitteeRecord)| {
        let mut record = record(1, &members(1), &members(2));
        change(&mut record);
        refusal(&trust(1), &Plan::of(1).with(&record).step())
    };
    let unusable = StepError::NextUnusable { epoch: 1 };
    assert_eq!(refused(&|record| record.next.clear()), unusable);
    assert_eq!(refused(&|record| record.next.swap(0, 1)), unusable);
    assert_eq!(refused(&|record| record.next[1].key = record.next[0].key), unusable);
    assert_eq!(refused(&|record| record.next[1].validator = record.next[0].validator), unusable);
}

#[test]
fn every_link_of_a_step_is_checked() {
    let (held, whole) = (trust(1), Plan::of(1).step());
    let refused = |change: &dyn Fn(&mut Step)| {
        let mut step = whole.clone();
        change(&mut step);
        refusal(&held, &step)
    };
    let link = |refused| match refused {
        StepError::Finality { epoch: 1, source } => *source,
        other => panic!("for another reason: {other}"),
    };
    let order = link(refused(&|step| step.orders[0].time = BlockTime::from_millis(1)));
    assert!(matches!(order, FinalityError::OrdersBroken(_)));
    let outcome = link(refused(&|step| step.headers.truncate(1)));
    assert!(matches!(outcome, FinalityError::OutcomeDiffers { .. }));
    let root = link(refused(&|step| step.headers[0].state_root = Hash::default()));
    assert!(matches!(root, FinalityError::HeadersBroken(_)));
    let none = link(refused(&|step| step.headers.clear()));
    assert!(matches!(none, FinalityError::ChainLength { headers: 0, .. }));
    let other = Plan::of(2).step().proof;
    let proof = refused(&|step| step.proof.clone_from(&other));
    assert!(matches!(proof, StepError::Proof { epoch: 1, .. }));
    // The same state a block later: its proof is of the block before.
    let later = refused(&|step| step.headers = step.headers.split_off(1));
    assert!(matches!(later, StepError::HeightDiffers { epoch: 1, proof: 33, .. }), "{later}");
}

#[test]
fn no_more_steps_are_followed_at_once_than_the_limit_and_none_beyond_the_last_epoch() {
    let many = vec![Plan::of(0).step(); STEPS_MAX + 1];
    let too_many = StepError::TooMany { epoch: 0, steps: STEPS_MAX + 1 };
    assert_eq!(trust(0).follow_all(&many), Err(too_many));
    let last = Trust { epoch: u64::from(u32::MAX), ..trust(0) };
    assert_eq!(refusal(&last, &many[0]), StepError::Last { epoch: u64::from(u32::MAX) });
}

#[test]
fn the_longest_step_of_the_largest_committee_is_read() {
    let most = u16::try_from(limits::VALIDATORS_MAX).expect("few");
    let ids: Vec<u16> = (1..=most).collect();
    let record = record(0, &ids, &ids);
    let members = validators(&ids);
    let plan = Plan { members: ids, signers: quorum(members.len()), ..Plan::of(0) };
    let mut step = plan.with(&record).step();
    let mut held = Trust { validators: members.clone(), ..trust(0) };
    held.follow(&step).expect("it holds");
    assert_eq!(held.validators, members);
    // With the longest chain, too, which needs not hold to be read.
    step.headers = vec![step.headers[0]; 256];
    step.orders = vec![step.orders[0]; 256];
    let bytes = step.encode().expect("within limits");
    assert!(bytes.len() <= STEP_BYTES_MAX);
    assert_eq!(Step::decode(&bytes), Ok(step));
    assert!(Step::decode(&vec![1; STEP_BYTES_MAX + 1]).is_err());
}
