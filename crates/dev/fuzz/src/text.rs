//! Text of numbers, accounts and times: exact, within limits, and one canonical form.

use crate::Answer;
use protocol::AccountId;
use units::{
    Amount, BlockHeight, BlockSpan, BlockTime, Bps, Lots, Notional, Ppb, Ppm, Price, Quantity, Vol,
};

/// Parses the text as each unit: what is accepted is inside the limit, and prints as the same decimal number.
pub(crate) fn units(bytes: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(bytes) else { return Answer::Refused };
    let mut answer = Answer::Refused;
    macro_rules! each {
        ($($unit:ident)*) => {$(
            if let Ok(value) = text.parse::<$unit>() {
                assert!(value.within_limit().is_ok(), "{text} is outside the limits");
                assert_eq!(value.to_string(), shortest(text));
                assert_eq!(value.to_string().parse(), Ok(value));
                answer = Answer::Accepted;
            }
        )*};
    }
    each!(Price Quantity Notional Amount Lots Bps Ppm Ppb Vol BlockTime BlockSpan BlockHeight);
    answer
}

/// Returns a decimal number without the zeros that say nothing, by its characters alone.
fn shortest(text: &str) -> String {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let sign =
        if text.starts_with('-') && !(whole.is_empty() && fraction.is_empty()) { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

pub(crate) fn unit_texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<String> =
        ["0", "-0", "1", "-12.5", "007.250", "0.000001", "0.000000001", "655.35"]
            .map(str::to_owned)
            .to_vec();
    texts.push(Price::from_micros(Price::LIMIT).to_string());
    texts.push(Notional::from_micros(-Notional::LIMIT).to_string());
    texts.push(Quantity::from_nanos(Quantity::LIMIT).to_string());
    texts.push(Lots::from_count(Lots::LIMIT).to_string());
    texts.into_iter().map(String::into_bytes).collect()
}

pub(crate) fn account(bytes: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(bytes) else { return Answer::Refused };
    let parsed = text.parse::<AccountId>();
    if let Ok(id) = &parsed {
        let shown = id.to_string();
        assert_eq!(shown.parse().as_ref(), Ok(id));
        let (owner, sub) = shown.split_once('/').expect("an account shows its sub-account");
        let (given, number) = text.split_once('/').unwrap_or((text, "0"));
        assert_eq!(owner, given.to_ascii_lowercase());
        assert_eq!(sub, shortest(number));
    }
    Answer::of(&parsed)
}

pub(crate) fn account_texts() -> Vec<Vec<u8>> {
    let owner = "0x".to_owned() + &"aB".repeat(20);
    ["", "/0", "/65535", "/007"].map(|sub| format!("{owner}{sub}").into_bytes()).to_vec()
}

/// A time that is read is a block time, and its text is the same moment to the second.
pub(crate) fn time(bytes: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(bytes) else { return Answer::Refused };
    let Some(time) = units::utc(text) else { return Answer::Refused };
    assert!(time.within_limit().is_ok(), "{text} is outside the limits");
    let again = units::utc(&units::utc_text(time)).expect("what is written is read");
    assert!((0..1_000).contains(&(time.millis() - again.millis())), "{text}");
    Answer::Accepted
}

pub(crate) fn time_texts() -> Vec<Vec<u8>> {
    let texts = [
        "1970-01-01T00:00:00Z",
        "2021-04-17 17:22:00.172344+00:00",
        "2024-02-29T23:59:59.9Z",
        "9999-12-31T23:59:59.999Z",
        "0000-01-01T00:00:00Z",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
