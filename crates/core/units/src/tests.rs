use super::*;

#[test]
fn text_is_exact_and_parses_back() {
    for (micros, text) in [
        (0, "0"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (58_710_200_000, "58710.2"),
        (-12_000_001, "-12.000001"),
        (1_000_000, "1"),
    ] {
        let value = Notional::from_micros(micros);
        assert_eq!(value.to_string(), text);
        assert_eq!(text.parse(), Ok(value));
    }
    assert_eq!(
        format!("{:>8}|{:<6}|", Lots::from_count(-25), Lots::from_count(3)),
        "     -25|3     |"
    );
}

#[test]
fn text_that_is_not_exact_is_refused() {
    for text in ["", "-", ".", "1.", ".5", "+1", "1e3", "1,0", " 1", "0x10", "--1", "1.2.3"] {
        assert_eq!(text.parse::<Price>(), Err(ParseError::NotDecimal(text.to_string())));
    }
    assert_eq!(
        "0.0000001".parse::<Price>(),
        Err(ParseError::TooFine { text: "0.0000001".into(), decimals: 6 })
    );
    for (padded, plain) in [("10000.00000000", "10000"), ("-0.001000000000000000", "-0.001")] {
        assert_eq!(padded.parse::<Price>(), plain.parse::<Price>());
    }
    assert_eq!("100.0".parse(), Ok(Lots::from_count(100)));
    assert!("0.00000010".parse::<Price>().is_err() && "1.0x".parse::<Price>().is_err());
    assert!(matches!("1000000001".parse::<Price>(), Err(ParseError::OutOfLimits(_))));
    assert!(matches!("9".repeat(80).parse::<Notional>(), Err(ParseError::OutOfLimits(_))));
}

#[test]
fn the_two_roundings_of_a_value_differ_by_at_most_one() {
    let size = Quantity::from_nanos(1_000_001);
    for lots in [-7, -1, 1, 3, 1_000_003] {
        for micros in [-37_630_000, 1, 58_710_200_001] {
            let lots = Lots::from_count(lots);
            let down = lots.value(Price::from_micros(micros), size, Round::Down).unwrap();
            let up = lots.value(Price::from_micros(micros), size, Round::Up).unwrap();
            assert!(matches!(up.minus(down).unwrap().micros(), 0 | 1));
        }
    }
}

#[test]
fn prices_fall_on_ticks_in_the_direction_told() {
    let tick = Price::from_micros(500_000);
    let price = Price::from_micros(1_700_000);
    assert_eq!(price.on_tick(tick, Round::Down), Ok(Price::from_micros(1_500_000)));
    assert_eq!(price.on_tick(tick, Round::Up), Ok(Price::from_micros(2_000_000)));
    assert_eq!(price.on_tick(Price::ZERO, Round::Up), Err(ArithmeticError::DivisorNotPositive));
}

#[test]
fn decoding_refuses_what_is_outside_the_limits() {
    let encoded = borsh::to_vec(&i64::MAX).unwrap();
    assert!(borsh::from_slice::<Price>(&encoded).is_err());
    let good = Price::from_micros(limits::PRICE_MICROS_MAX);
    assert_eq!(borsh::from_slice::<Price>(&borsh::to_vec(&good).unwrap()).unwrap(), good);
    assert!(borsh::to_vec(&Price::from_micros(i128::MAX)).is_err());
    assert!(borsh::from_slice::<Notional>(&borsh::to_vec(&i128::MIN).unwrap()).is_err());
}
