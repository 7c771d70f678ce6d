//! Surfaces of recorded chains. Each test says so and passes where the data is absent.

use market::Dataset;
use std::collections::BTreeMap;
use surface_fit::quotes::Quotes;
use surface_fit::vote::{Built, Reason, built, fitted, middles, smiles_fitted};
use units::Price;

/// The production chains, and the chain that is quoted in vols.
fn recorded(data: &Dataset) -> Vec<Quotes> {
    let mut all: Vec<Quotes> = data.chains().unwrap().iter().map(Quotes::of_chain).collect();
    all.push(Quotes::of_vols("BTC 2021-10-21", &data.vol_quotes().unwrap()));
    all
}

/// Returns how many votes were moved when the repaired vols are repaired again.
fn moved_again(quotes: &Quotes, surface: &Built) -> usize {
    let vols = |points: &BTreeMap<Price, surface::Repaired>| {
        points.iter().map(|(strike, point)| (*strike, point.vol)).collect()
    };
    let again = built(quotes, surface.repaired.iter().map(vols).collect());
    again.moved.iter().sum()
}

#[test]
fn the_surface_of_every_recorded_chain_reprices_every_two_sided_option_within_its_spread() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let mut two_sided = Vec::new();
    for quotes in &recorded(&data) {
        let surface = fitted(quotes);
        assert_eq!(surface.exceptions, [], "{}", quotes.name);
        assert_eq!(surface.moved, [0, 0], "{}: what is voted is sound", quotes.name);
        assert_eq!(moved_again(quotes, &surface), 0, "{}", quotes.name);
        two_sided.push(surface.two_sided);
    }
    assert_eq!(two_sided, [377, 429, 403, 387, 292, 802, 49]);
}

/// The middles of real spreads do hold arbitrage, so that the repair has work, and few of them leave their spread by it.
#[test]
fn the_middles_of_real_spreads_hold_arbitrage() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let surfaces: Vec<Built> = recorded(&data).iter().map(middles).collect();
    let moved: usize = surfaces.iter().flat_map(|surface| surface.moved).sum();
    let outside: usize = surfaces.iter().map(|surface| surface.exceptions.len()).sum();
    assert!(moved > 150 && outside > 0 && outside < 20, "{moved} moved, {outside} outside");
}

#[test]
fn quotes_of_a_test_network_never_break_the_surface() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let (mut two_sided, mut outside) = (0, 0);
    for chain in &data.test_network_chains().unwrap() {
        let quotes = Quotes::of_chain(chain);
        for surface in [middles(&quotes), fitted(&quotes), smiles_fitted(&quotes).0] {
            assert_eq!(moved_again(&quotes, &surface), 0, "{}", quotes.name);
        }
        let surface = fitted(&quotes);
        let unexplained =
            surface.exceptions.iter().filter(|exception| exception.reason == Reason::NotFound);
        assert!(unexplained.count() <= 4, "{}: {:?}", quotes.name, surface.exceptions);
        two_sided += surface.two_sided;
        outside += surface.exceptions.len();
    }
    assert!(two_sided > 2_000 && outside < 40, "{outside} of {two_sided}");
}

#[test]
fn smiles_of_five_parameters_fit_most_of_each_chain() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    for quotes in &recorded(&data) {
        let (surface, smiles) = smiles_fitted(quotes);
        let share = surface.exceptions.len() * 100 / surface.two_sided;
        eprintln!(
            "{}: {share} % of {} outside, {} of {} expiries fitted",
            quotes.name,
            surface.two_sided,
            smiles.iter().flatten().count(),
            smiles.len()
        );
        assert!(smiles.iter().flatten().all(|smile| !smile.has_arbitrage()), "{}", quotes.name);
        assert!(share <= 10, "{}: {share} %", quotes.name);
    }
}
