//! The targets themselves: they begin from what is accepted, they notice a decoder that is too kind, and libFuzzer has
//! every one of them.

use fuzz::campaign::{ask, run};
use fuzz::{Answer, TARGETS, Target};
use protocol::{Header, codec};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_seed_is_accepted() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{}", target.name);
        for seed in seeds {
            assert_eq!(ask(target, &seed), Ok(Answer::Accepted), "{}: {seed:02x?}", target.name);
        }
    }
}

#[test]
fn every_target_says_yes_and_no_to_damaged_inputs() {
    for target in TARGETS {
        let report = run(target, 7, 6_000 / target.cost, None).expect("the decoder keeps its word");
        assert!(report.accepted > 0 && report.refused > 0, "{}: {report:?}", target.name);
    }
}

/// A decoder that overlooks what trails a value.
fn kind(bytes: &[u8]) -> Answer {
    const LENGTH: usize = 177;
    let read = &bytes[..bytes.len().min(LENGTH)];
    match codec::decode::<Header>(read, LENGTH) {
        Ok(header) => {
            assert_eq!(codec::encode(&header).expect("encodes"), bytes, "two encodings");
            Answer::Accepted
        }
        Err(_) => Answer::Refused,
    }
}

#[test]
fn a_decoder_that_is_too_kind_is_found_by_every_seed_and_found_again() {
    let header = TARGETS.iter().find(|target| target.name == "header").expect("listed");
    assert_eq!((header.seeds)()[0].len(), 177, "a header has one length");
    let target = Target { name: "kind", run: kind, ..*header };
    for seed in 1..4 {
        let failure = run(&target, seed, 10_000, None).expect_err("bytes that trail are found");
        assert!(failure.message.contains("two encodings"), "{}", failure.message);
        assert_eq!(ask(&target, &failure.input), Err(failure.clone()));
        assert_eq!(run(&target, seed, 10_000, None), Err(failure), "the same seed, the same input");
    }
}

#[test]
fn libfuzzer_has_every_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz");
    let manifest =
        std::fs::read_to_string(root.join("Cargo.toml")).expect("the workspace is there");
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("fuzz_targets")).expect("the targets are there") {
        let name = entry.expect("listed").file_name().into_string().expect("a name");
        files.insert(name.trim_end_matches(".rs").to_owned());
    }
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(files, names);
    for name in names {
        let text = std::fs::read_to_string(root.join(format!("fuzz_targets/{name}.rs")));
        assert!(
            text.is_ok_and(|text| text.contains(&format!("fuzz::run(\"{name}\", bytes)"))),
            "{name}"
        );
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
