//! What one attacker at the doors of single validators can do to the network.

use sim::{Attack, Besieged, besiege};
use std::sync::OnceLock;

/// A network of four that nobody attacks.
fn undisturbed() -> &'static Besieged {
    static HELD: OnceLock<Besieged> = OnceLock::new();
    HELD.get_or_init(|| besiege(4, Attack::None))
}

/// Whether a network has gone on as if nothing were.
fn goes_on(held: &Besieged) {
    let calm = undisturbed();
    assert!(calm.blocks > 20 && calm.honest_taken > 100, "{calm:?}");
    assert_eq!(held.shut_out, [], "nobody has shut out anybody");
    assert!(held.blocks * 10 >= calm.blocks * 9, "{held:?}\nbut undisturbed {calm:?}");
    assert!(held.honest_taken * 10 >= calm.honest_taken * 9, "{held:?}\nbut {calm:?}");
}

#[test]
fn one_request_of_mixed_sizes_cuts_nobody_off() {
    let held = besiege(4, Attack::MixedSizes);
    goes_on(&held);
    assert_eq!(held.told.get("taken"), Some(&880), "{:?}", held.told);
}

#[test]
fn a_report_of_any_length_ends_no_process_and_cuts_nobody_off() {
    for vols in [25_000, 125_000] {
        let held = besiege(4, Attack::LongReports { vols, validators: 1 });
        goes_on(&held);
        assert!(held.told.get("taken") > Some(&20), "without what is not listed: {:?}", held.told);
        assert_eq!(held.reports_least, 4, "{held:?}");
    }
}

#[test]
fn sixteen_hundred_long_submissions_of_strangers_change_nothing() {
    // 0027-ACC-010
    let held = besiege(4, Attack::Strangers { bytes: 60_000 });
    goes_on(&held);
    let refused = "the owner has no account here: deposit first".to_owned();
    assert_eq!(held.told.into_iter().collect::<Vec<_>>(), [(refused, 1_600)]);
    let calm = undisturbed();
    assert!(held.waiting_bytes_most <= calm.waiting_bytes_most * 2 + 10_000, "bytes waiting");
}

#[test]
fn two_of_seven_with_long_reports_keep_no_report_of_the_others_out() {
    // 0017-ORAC-021
    let held = besiege(7, Attack::LongReports { vols: 15_800, validators: 2 });
    assert_eq!(held.shut_out, [], "nobody has shut out anybody");
    assert!(held.blocks > 20 && held.reports_least == 7, "{held:?}");
}
