//! Files as people write them: what founds, what is refused and in which words.

use founding::{Description, File, Lacks, TEMPLATE, ValidatorFile, given};
use machine::Machine;
use proptest::prelude::*;
use protocol::{Contract, InstrumentId, ParameterId, Right, UnderlyingId};
use std::fmt::Write as _;
use units::{BlockTime, Notional, Price};

/// 30 November 2026.
const NOW: BlockTime = BlockTime::from_millis(1_796_000_000_000);

/// Returns the template with every setting that it has as a comment.
fn whole() -> String {
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    TEMPLATE.lines().map(uncommented).collect()
}

fn read(text: &str) -> Description {
    Description::read(text, NOW).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_template_founds_a_house_without_contracts_and_without_money() {
    let template = read(TEMPLATE);
    let all = Lacks { time: true, council: true, custody: true, validators: true, keys: false };
    assert_eq!(template.lacks(), all);
    assert_eq!((template.genesis(), template.hash()), (None, Ok(None)));
    assert!(template.file().perpetuals.is_empty() && template.file().parameters.is_empty());

    let whole = read(&whole());
    assert!(whole.lacks().nothing());
    let genesis = whole.genesis().expect("nothing is left out");
    let (machine, _) = Machine::found(genesis).expect("it founds");
    machine.state().check().expect("a new house balances");
    assert!(genesis.underlyings.iter().all(|held| held.insurance_fund == Notional::ZERO));
    assert_eq!(machine.state().ledger, ledger::Ledger::default(), "nobody has paid anything in");
    assert!(genesis.signed, "on a network, every command stands under a grant");
    assert_eq!(genesis.instruments.len(), 8);
    let put = genesis.instruments.iter().find(|held| held.id == InstrumentId::new(10_103));
    let strike = Price::from_micros(100_000_000_000);
    assert!(matches!(
        put.expect("listed").contract,
        Contract::Option { strike: found, right: Right::Put, .. } if found == strike
    ));
    let set = |of: Option<u16>, parameter| {
        machine.state().parameters.get(of.map(UnderlyingId::new), parameter)
    };
    assert_eq!(set(None, ParameterId::Timelock), 259_200_000);
    assert_eq!(set(None, ParameterId::WithdrawalLimit), 10_000_000_000_000);
    assert_eq!(set(Some(1), ParameterId::TakerFee), 450);
    assert_eq!(set(Some(1), ParameterId::FundingCap), 3_000_000);
    assert_eq!(set(Some(2), ParameterId::TakerFee), 500);
}

#[test]
fn two_people_who_found_from_one_file_found_the_same_network_whenever_they_do() {
    let later = BlockTime::from_millis(NOW.millis() + 86_400_000);
    let (one, other) = (read(&whole()), Description::read(&whole(), later).expect("it founds"));
    let hash = one.hash().expect("encodes").expect("nothing is left out");
    assert_eq!(other.hash(), Ok(Some(hash)));
    // Another order of what has numbers, other words around it and defaults that are said are no other network.
    let said = whole().replace("[parameters]\n", "[parameters]\npause_lapse = \"4 h\"\n");
    let turned = said.replace("weight = 1 }", "weight=1}").replace("# ", "## ");
    assert_eq!(read(&turned).hash(), Ok(Some(hash)));
    let moved = whole().replace("reference_price = \"3000\"", "reference_price = \"3000.01\"");
    assert_ne!(read(&moved).hash(), Ok(Some(hash)));
}

#[test]
fn what_is_written_reads_back_to_the_same_genesis() {
    for text in [TEMPLATE.to_string(), whole()] {
        let described = read(&text);
        let written = described.file().text();
        let again = read(&written);
        assert_eq!(again, described, "{written}");
        assert_eq!(again.file().text(), written);
    }
    // A file that was put together by a program, with text that must be quoted.
    let mut file = read(&whole()).file().clone();
    file.underlyings[1].sources[0].name = given("a \"venue\" of \\ C:".to_string());
    file.validators[0] = ValidatorFile {
        listen: given("[2001:db8::7]:26600".to_string()),
        stake: given(999_999),
        key: file.validators[0].key.clone(),
    };
    let described = Description::of(file, "", NOW).expect("it founds");
    assert_eq!(read(&described.file().text()), described);
}

#[test]
fn values_that_contradict_the_defaults_but_not_each_other_found() {
    // Each of these alone contradicts the default of the other.
    for (low, high) in [("61 s", "10 min"), ("5 s", "10 s")] {
        let text = whole().replace(
            "stale_after = \"15 s\"",
            &format!("stale_after = \"{low}\"\nfrozen_after = \"{high}\""),
        );
        assert_eq!(read(&text).genesis().map(|held| held.parameters.len()), Some(10), "{low}");
    }
}

#[test]
fn the_overview_shows_what_is_founded_and_the_hash() {
    let whole = read(&whole());
    let shown = whole.overview().expect("encodes");
    let hash = whole.hash().expect("encodes").expect("whole");
    for line in [
        "chain       novation\n",
        "block zero  2026-12-01T08:00:00Z\n",
        "council     2 of 3\n",
        "              0xc000000000000000000000000000000000000003\n",
        "              4    10.0.0.4:26600  stake 1000000  key 0x01",
        "underlying  1 BTC, class 1, pledged as asset 1; about 100000 $, first price of 3 blocks\n",
        "              5 sources, in caution below 3\n",
        "              2    Kraken XBT/USD, weight 1\n",
        "contracts   8\n",
        "              10000        BTC perpetual, lot 0.001, tick 0.5 $\n",
        "              10001        BTC future 2028-03-31T08:00:00Z, lot 0.001, tick 0.5 $\n",
        "              10100-10105  BTC 6 options 2028-03-31T08:00:00Z, strikes 80000 to 120000 $, lot 0.01, tick 0.5 $\n",
        "              timelock 259200000 ms, not 172800000 ms (3600000 ms to 2592000000 ms is allowed)\n",
        "              taker_fee of BTC 0.045 %, not 0.05 % (0 % to 0.5 % is allowed)\n",
        "insurance   empty: ",
        &format!("genesis     {hash}\n"),
    ] {
        assert!(shown.contains(line), "{line}\nis not in\n{shown}");
    }
    let shown = read(TEMPLATE).overview().expect("encodes");
    for line in [
        "block zero  when it is founded\n",
        "council     2 of 3, keys made by `novation init`\n",
        "validators  one on each of the --hosts, made by `novation init`\n",
        "contracts   none\n",
        "parameters  all at their defaults\n",
        "genesis     no hash yet: the file leaves out time, [council], [custody], [[validators]]\n",
    ] {
        assert!(shown.contains(line), "{line}\nis not in\n{shown}");
    }
}

/// Edits of the whole file: what is replaced, by what, and the refusal.
const REFUSED: &[(&str, &str, &str)] = &include!("refused.in");

#[test]
fn every_bad_file_is_refused_with_line_field_value_and_what_is_allowed() {
    // 0025-BLOCK-013, 0025-BLOCK-044, 0023-GOV-002, 0023-GOV-003, 0023-GOV-004, 0017-ORAC-026, 0013-CLEAR-012, 0033-COMM-009
    let mut differences = String::new();
    for (old, new, expected) in REFUSED {
        let whole = whole();
        assert!(whole.contains(old), "{old} is not in the template");
        let said = match Description::read(&whole.replacen(old, new, 1), NOW) {
            Ok(_) => "it founds".to_string(),
            Err(error) => error.to_string(),
        };
        if said != *expected {
            writeln!(differences, "{old:?} -> {new:?}\n  said     {said}\n  expected {expected}")
                .unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn a_file_that_is_no_genesis_at_all_is_refused() {
    let refused = |text: &str| Description::read(text, NOW).expect_err("refused").to_string();
    assert_eq!(refused(""), "line 1: missing field `chain`");
    assert_eq!(
        refused("chain = \"a\"\nepoch_blocks = 32\n"),
        "underlyings = '[]': 1 to 65535 underlyings are allowed"
    );
    assert!(refused(&"#".repeat((1 << 20) + 1)).contains("1048576 at most"));
    assert!(File::parse(&"[".repeat(100_000)).is_err());
    assert!(File::parse(&format!("chain = {}", "[".repeat(100_000))).is_err());
}

/// Returns the whole file with a few bytes of it replaced.
fn damaged(at: usize, length: usize, by: &str) -> String {
    let mut bytes = whole().into_bytes();
    let from = at.min(bytes.len());
    let to = from.saturating_add(length).min(bytes.len());
    bytes.splice(from..to, by.bytes());
    String::from_utf8(bytes).expect("the template is ASCII")
}

proptest! {
    #[test]
    fn prop_no_text_is_more_than_refused(text in ".{0,200}") {
        // The answer does not matter: that there is one does.
        drop(Description::read(&text, NOW).map_err(|error| error.to_string()));
    }

    #[test]
    fn prop_a_damaged_file_is_refused_or_founds_what_it_says(
        at in 0..10_000usize,
        length in 0..40usize,
        by in "[ -~\n]{0,12}",
    ) {
        if let Ok(described) = Description::read(&damaged(at, length, &by), NOW) {
            prop_assert_eq!(&read(&described.file().text()), &described);
            prop_assert!(described.overview().is_ok());
        }
    }
}
