//! Lists of validators as text.

use crate::network::{anchor, trust, validators};
use light::{Anchor, AnchorError, Trust};
use protocol::limits;

#[test]
fn a_list_reads_back_from_its_text() {
    for epoch in [0, 1, 2, 9] {
        assert_eq!(Trust::parse(&trust(epoch).text()), Ok(trust(epoch)));
    }
    let latest = Trust { epoch: u64::from(u32::MAX), ..trust(1) };
    assert_eq!(Trust::parse(&latest.text()), Ok(latest));
}

#[test]
fn the_text_of_the_first_list_is_the_anchors() {
    assert_eq!(Trust::genesis(anchor()), trust(0));
    assert_eq!(trust(0).text(), anchor().text());
    assert_eq!(Trust::parse(&anchor().text()), Ok(trust(0)));
    // A list that has followed names the same network: only who signs differs.
    assert_eq!(Trust::parse(&trust(7).text()).map(|list| list.anchor), Ok(anchor()));
}

#[test]
fn the_list_of_a_later_epoch_is_no_anchor() {
    assert_eq!(Anchor::parse(&trust(3).text()), Err(AnchorError::Later));
}

#[test]
fn the_largest_list_is_read() {
    let most = u16::try_from(limits::VALIDATORS_MAX).expect("few");
    let ids: Vec<u16> = (u16::MAX - most + 1..=u16::MAX).collect();
    let anchor = Anchor { chain: "\\".repeat(32), validators: validators(&ids), ..anchor() };
    let largest = Trust { epoch: u64::from(u32::MAX), validators: validators(&ids), anchor };
    assert_eq!(Trust::parse(&largest.text()), Ok(largest));
}

#[test]
fn bad_texts_are_refused_by_name() {
    let text = trust(3).text();
    let refused = |text: &str| Trust::parse(text).expect_err("it is no list");
    let (head, committee) = text.split_once("\n[[committee]]").expect("it has one");
    assert_eq!(refused(head), AnchorError::Epoch, "an epoch without its committee");
    let unnamed = text.replace("epoch = 3\n", "");
    assert_eq!(refused(&unnamed), AnchorError::Epoch, "a committee without its epoch");
    let with = |epoch: &str| text.replace("epoch = 3\n", &format!("epoch = {epoch}\n"));
    assert_eq!(refused(&with("0")), AnchorError::Epoch, "the first epoch has the anchor's own");
    assert_eq!(refused(&with("4294967296")), AnchorError::Epoch, "beyond the last");
    for epoch in ["-1", "3.5", "\"3\"", "18446744073709551616"] {
        assert!(matches!(refused(&with(epoch)), AnchorError::Malformed(_)), "{epoch}");
    }
    let twice = with("3\nepoch = 3");
    assert!(matches!(refused(&twice), AnchorError::Malformed(_)));
    let colour = with("3\ncolour = 1");
    assert!(matches!(refused(&colour), AnchorError::Malformed(_)));
    // Of the committee, not of the validators of the beginning.
    let committee_with = |from: &str, to: &str| {
        let changed = committee.replace(from, to);
        assert_ne!(changed, committee);
        refused(&format!("{head}\n[[committee]]{changed}"))
    };
    assert_eq!(committee_with("id = 4", "id = 3"), AnchorError::Validators);
    assert_eq!(committee_with("id = 4", "id = 9"), AnchorError::Validators);
    assert!(matches!(committee_with("key = \"0x", "key = \"0y"), AnchorError::NotHex(_)));
    let key = text.rsplit_once("key = ").expect("it has keys").1.trim_end();
    let other = committee.rsplit("key = ").nth(1).expect("two").lines().next().expect("a line");
    assert_eq!(committee_with(key, other), AnchorError::Validators, "a key listed twice");
    let empty = format!("committee = []\n{head}");
    assert_eq!(refused(&empty), AnchorError::Validators);
    let many: Vec<u16> = (1..=257).collect();
    let many = Trust { validators: validators(&many), ..trust(3) };
    assert_eq!(refused(&many.text()), AnchorError::Validators);
    for chain in ["", &"c".repeat(33), "two words", "tab\t", "é"] {
        let named = text.replace("chain = \"test\"", &format!("chain = '{chain}'"));
        assert_eq!(refused(&named), AnchorError::Chain, "{chain}");
    }
    let long = format!("{text}# {}\n", "x".repeat(64 << 10));
    assert_eq!(refused(&long), AnchorError::TooLong(long.len()));
}
