//! Steps, answers and lists of validators: whatever the bytes are, nothing holds but what a quorum has signed.

use crate::Answer;
use crate::codec::canonical;
use crate::network::{Plan, steps, trust};
use light::{ANSWER_BYTES_MAX, Anchor, AnchorError, STEPS_MAX, Step, Subject, Trust};
use protocol::{Hash, limits};
use std::sync::OnceLock;

/// Epochs of the network, and lists that somebody may hold.
const EPOCHS: u64 = 3;

/// A step has one encoding, and whatever it is, nobody follows one that was not signed.
pub(crate) fn step(bytes: &[u8]) -> Answer {
    let Ok(step) = Step::decode(bytes) else { return Answer::Refused };
    for epoch in 0..=EPOCHS {
        let mut held = trust(epoch);
        if held.follow(&step).is_ok() {
            assert!(signed_steps().contains(&bytes.to_vec()), "nobody has signed {step:?}");
            assert_eq!(held, trust(epoch + 1));
        }
    }
    canonical::<Step>(bytes)
}

pub(crate) fn signed_steps() -> Vec<Vec<u8>> {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let encoded = |step: Step| step.encode().expect("inside its limits");
    SEEDS.get_or_init(|| steps(0..EPOCHS).into_iter().map(encoded).collect()).clone()
}

/// An answer has one encoding and bounded parts, and shows nothing that was not signed; its check is mended, as a forger
/// would.
pub(crate) fn answer(bytes: &[u8]) -> Answer {
    let mut mended = bytes.to_vec();
    if let Some((body, check)) = mended.split_last_chunk_mut::<8>() {
        check.copy_from_slice(&Hash::of("answer", body).bytes()[..8]);
    }
    let mut said = Answer::Refused;
    for bytes in [bytes, &mended] {
        let Ok(answer) = light::Answer::decode(bytes) else { continue };
        assert!(bytes.len() <= ANSWER_BYTES_MAX && answer.steps.len() <= STEPS_MAX);
        assert_eq!(answer.encode().as_deref(), Ok(bytes), "two encodings of {answer:?}");
        for epoch in 0..=EPOCHS {
            if let Ok(shown) = answer.verify(&trust(epoch)) {
                assert!(signed_answers().contains(&bytes.to_vec()), "nobody has signed {shown:?}");
            }
        }
        said = Answer::Accepted;
    }
    said
}

/// Answers about the committee in each epoch, from each list.
fn signed_answers() -> Vec<Vec<u8>> {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let all = || {
        let mut seeds = Vec::new();
        for epoch in 0..=EPOCHS {
            let Step { headers, orders, certificate, proof } = Plan::of(epoch).step();
            let subject = Subject::Record { proof };
            let whole =
                light::Answer { subject, headers, orders, certificate, steps: steps(0..epoch) };
            for held in 0..=whole.steps.len() {
                let steps = whole.steps[held..].to_vec();
                let answer = light::Answer { steps, ..whole.clone() };
                seeds.push(answer.encode().expect("inside its limits"));
            }
        }
        seeds
    };
    SEEDS.get_or_init(all).clone()
}

/// What was signed, and an answer of another kind, of which every part can be read and none fits.
pub(crate) fn answers() -> Vec<Vec<u8>> {
    let Step { headers, orders, certificate, proof } = Plan::of(0).step();
    let subject = Subject::Greeks { account: proof.clone(), markets: vec![proof; 2] };
    let greeks = light::Answer { subject, headers, orders, certificate, steps: Vec::new() };
    let mut seeds = signed_answers();
    seeds.push(greeks.encode().expect("inside its limits"));
    seeds
}

/// A list that is read is one, and its text reads back.
pub(crate) fn trust_text(bytes: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(bytes) else { return Answer::Refused };
    let list = Trust::parse(text);
    if let Ok(list) = &list {
        assert!(u32::try_from(list.epoch).is_ok());
        for validators in [&list.validators, &list.anchor.validators] {
            assert!((1..=limits::VALIDATORS_MAX).contains(&validators.len()));
            assert!(validators.is_sorted_by(|a, b| a.id < b.id));
        }
        assert_eq!(Trust::parse(&list.text()).as_ref(), Ok(list));
        let anchor = Anchor::parse(text);
        if list.epoch == 0 {
            assert_eq!(anchor.as_ref(), Ok(&list.anchor));
            assert_eq!(list, &Trust::genesis(list.anchor.clone()));
        } else {
            assert_eq!(anchor, Err(AnchorError::Later));
        }
        list.anchor.hash().expect("what is read is inside its limits");
    }
    Answer::of(&list)
}

pub(crate) fn trust_texts() -> Vec<Vec<u8>> {
    let mut lists: Vec<Trust> = (0..=EPOCHS).map(trust).collect();
    let mut odd = trust(EPOCHS);
    odd.anchor.chain = r#"a"name"\of\t"#.into();
    lists.push(odd);
    lists.iter().map(|list| list.text().into_bytes()).collect()
}
