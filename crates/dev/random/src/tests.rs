use super::Random;

#[test]
fn words_are_those_that_others_publish_for_the_generator() {
    // The outputs for seed 0 are those of Vigna's splitmix64.c, for 1234567 those of Rosetta Code's "Pseudo-random
    // numbers/Splitmix64".
    let first = |seed| {
        let mut random = Random::new(seed);
        [(); 5].map(|()| random.word())
    };
    let zero = [
        0xE220_A839_7B1D_CDAF,
        0x6E78_9E6A_A1B9_65F4,
        0x06C4_5D18_8009_454F,
        0xF88B_B8A8_724C_81EC,
        0x1B39_896A_51A8_749B,
    ];
    assert_eq!(first(0), zero);
    let other = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];
    assert_eq!(first(1_234_567), other);
}

#[test]
fn every_helper_draws_one_word_and_takes_its_rest() {
    // The words of seed 1234567, as published; each rest is worked out by hand.
    let mut random = Random::new(1_234_567);
    assert_eq!(random.below(1_000), 317);
    assert_eq!(random.between(-500_i64, 499), 473);
    assert_eq!(random.between(10_u8, 109), 33);
    assert_eq!(random.index(1_000), 431);
    assert!(random.percent(22), "21 of a hundred");
    let mut random = Random::new(1_234_567);
    assert!(!random.percent(17), "17 of a hundred");
    assert!(!random.one_in(2), "odd");
    assert_eq!(*random.one(&["a", "b", "c", "d", "e"]), "d");
}

#[test]
fn streams_of_one_seed_are_not_each_other() {
    let first = |purpose| Random::stream(7, purpose).word();
    let mut drawn = [0, 1, 2, 3, 4, 5].map(first);
    drawn.sort_unstable();
    assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]), "{drawn:?}");
    // The second word of seed 0: the first is thrown away, so that near seeds are far from each other at once.
    assert_eq!(Random::stream(0, 0).word(), 0x6E78_9E6A_A1B9_65F4);
}

#[test]
fn both_ends_are_drawn_and_nothing_beyond_them() {
    let mut random = Random::new(3);
    let mut seen = [0; 7];
    for _ in 0..1_000 {
        let drawn = random.between(-3_i32, 3);
        seen[usize::try_from(drawn + 3).expect("not below the low end")] += 1;
    }
    assert!(seen.iter().all(|times| *times > 100), "{seen:?}");
    let mut wide = Random::new(0);
    assert_eq!(wide.between(0, u64::MAX), 0xE220_A839_7B1D_CDAF);
    assert_eq!(
        wide.between(i64::MIN, i64::MAX),
        0x6E78_9E6A_A1B9_65F4_u64.wrapping_add(1 << 63).cast_signed()
    );
    assert_eq!(wide.between(5_u16, 5), 5);
}

#[test]
fn numbers_of_every_length_are_drawn_as_often() {
    let mut random = Random::new(5);
    let mut lengths = [0; 17];
    for _ in 0..16_000 {
        let drawn = random.magnitude(0xFFFF);
        assert!((1..=0xFFFF).contains(&drawn));
        lengths[usize::try_from(128 - drawn.leading_zeros()).expect("small")] += 1;
    }
    assert!(lengths[1..].iter().all(|times| (800..1_200).contains(times)), "{lengths:?}");
}
