//! Worked numbers of the specification.

use crate::random::DAY;
use std::collections::{BTreeMap, BTreeSet};
use surface::{Repair, Repaired, Smile, repair};
use units::{BlockSpan, Price, Vol};

fn smile(forward: &str, days: i128, vols: &[(&str, i128)]) -> Smile {
    Smile {
        forward: forward.parse().unwrap(),
        fixed: Price::ZERO,
        variance: BlockSpan::from_millis(days * DAY),
        supports: true,
        silent: BTreeSet::new(),
        vols: vols
            .iter()
            .map(|(strike, vol)| (strike.parse().unwrap(), Vol::from_points(*vol)))
            .collect(),
    }
}

fn shown(repaired: &BTreeMap<Price, Repaired>) -> Vec<(i128, Option<Repair>)> {
    repaired.values().map(|point| (point.vol.points(), point.repair)).collect()
}

/// 0018-SURF-001.
#[test]
fn a_surface_without_arbitrage_is_left_as_it_is() {
    let vols = [("80", 6_600), ("90", 6_200), ("100", 6_000), ("110", 5_950), ("120", 6_100)];
    let smiles = [smile("100", 7, &vols), smile("101", 30, &vols), smile("103", 90, &vols)];
    for repaired in repair(&smiles) {
        assert_eq!(shown(&repaired), vols.map(|(_, vol)| (vol, None)));
    }
}

/// 0018-SURF-002.
#[test]
fn a_vol_that_makes_a_butterfly_free_is_lowered_to_the_convex_price() {
    let vols = [("90", 6_000), ("100", 9_000), ("110", 6_000)];
    let repaired = repair(&[smile("100", 30, &vols)]);
    let lowered = Some(Repair::Lowered);
    assert_eq!(shown(&repaired[0]), [(6_000, None), (6_990, lowered), (6_000, None)]);
}

/// 0018-SURF-002.
#[test]
fn a_far_call_dearer_than_a_near_one_is_lowered_to_its_price() {
    let repaired = repair(&[smile("100", 30, &[("100", 5_000), ("150", 30_000)])]);
    assert_eq!(shown(&repaired[0]), [(5_000, None), (15_996, Some(Repair::Lowered))]);
}

/// 0018-SURF-003. 60 % over 20 days is the variance of 42.43 % over 40.
#[test]
fn a_later_option_with_less_variance_is_raised() {
    let smiles = [smile("100", 20, &[("100", 6_000)]), smile("100", 40, &[("100", 3_000)])];
    let repaired = repair(&smiles);
    assert_eq!(shown(&repaired[0]), [(6_000, None)]);
    assert_eq!(shown(&repaired[1]), [(4_243, Some(Repair::Raised))]);
    let reversed = [smiles[1].clone(), smiles[0].clone()];
    assert_eq!(repair(&reversed)[0], repaired[1], "the order given does not matter");
}

/// 0018-SURF-003: what counts is K/F, not K.
#[test]
fn expiries_are_compared_in_proportion_to_their_forwards() {
    let smiles = [smile("100", 20, &[("110", 6_000)]), smile("200", 40, &[("220", 3_000)])];
    assert_eq!(shown(&repair(&smiles)[1]), [(4_243, Some(Repair::Raised))]);
}

/// 0018-SURF-003.
#[test]
fn a_smile_that_supports_nothing_raises_nothing() {
    let mut smiles = [smile("100", 20, &[("100", 6_000)]), smile("100", 40, &[("100", 3_000)])];
    smiles[0].supports = false;
    assert_eq!(shown(&repair(&smiles)[1]), [(3_000, None)]);
}

/// 0018-SURF-005.
#[test]
fn vols_that_no_price_depends_on_stay() {
    let vols = [("80", 6_000), ("100", 65_535), ("120", 0)];
    let mut fixed = smile("100", 1, &vols);
    fixed.fixed = "500".parse().unwrap();
    for lost in [smile("0", 1, &vols), smile("-1", 1, &vols), smile("100", 0, &vols), fixed] {
        assert_eq!(shown(&repair(&[lost])[0]), vols.map(|(_, vol)| (vol, None)));
    }
    assert_eq!(shown(&repair(&[smile("100", 1, &[])])[0]), []);
    assert_eq!(repair(&[]), Vec::<BTreeMap<Price, Repaired>>::new());
}

/// 0018-SURF-002: an hour before expiry the calls far out cost nothing at any vol near theirs.
#[test]
fn a_vol_of_an_option_that_is_worth_nothing_stays() {
    let mut hour = smile("100", 1, &[("60", 9_000), ("100", 6_000), ("180", 9_000)]);
    hour.variance = BlockSpan::from_millis(3_600_000);
    assert_eq!(shown(&repair(&[hour])[0]), [(9_000, None), (6_000, None), (9_000, None)]);
}
