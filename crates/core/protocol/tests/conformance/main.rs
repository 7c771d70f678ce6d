//! One value, one encoding, for ever: round trips, refusals of everything else, and the pinned hash of each type.
//!
//! A change of `conformance.toml` is a change of the protocol. Every seed is the name of the type.

mod generate;
mod random;
mod refusals;

use crate::random::Random;
use borsh::{BorshDeserialize, BorshSerialize};
use expect_test::expect_file;
use generate::{Generate, Variants};
use protocol::codec::{DecodeError, decode, encode};
use protocol::{
    AccountId, AccountIndex, Address, AssetId, BasisReport, Block, CancelReason, Change,
    ClientOrderId, Command, Contract, ContractRule, Endpoint, Event, Hash, Header, Instrument,
    InstrumentId, Mode, NewOrder, Offence, OffenceKind, OrderId, ParameterId, PriceReport,
    ProposalId, Quote, Receipt, Refusal, Right, Seat, SelfTrade, Side, SourceId, TimeInForce,
    Transaction, UnderlyingId, ValidatorId, VolReport, Vote, limits,
};
use std::collections::BTreeSet;
use std::fmt::{Debug, Write};

/// Values made of each type.
const VALUES: usize = 2_000;
/// Of these, how many are cut at every place and damaged in every way.
const DAMAGED: usize = 200;
const LIMIT: usize = limits::BLOCK_BYTES_MAX;

trait Encoded: Generate + BorshSerialize + BorshDeserialize + PartialEq + Debug {}
impl<T: Generate + BorshSerialize + BorshDeserialize + PartialEq + Debug> Encoded for T {}

/// What is asked of every type.
trait Check {
    fn check<T: Encoded>(&mut self, name: &'static str);
}

macro_rules! check_all {
    ($check:expr => $($name:ident)*) => { $($check.check::<$name>(stringify!($name));)* };
}

/// Puts a question to every encoded type.
fn all(mut check: impl Check) {
    check_all!(check =>
        AccountId AccountIndex Address AssetId BasisReport Block CancelReason Change ClientOrderId Command Contract
        ContractRule Endpoint Event Hash Header Instrument InstrumentId Mode NewOrder Offence OffenceKind OrderId ParameterId PriceReport
        ProposalId Quote Receipt Refusal Right Seat SelfTrade Side SourceId TimeInForce Transaction UnderlyingId
        ValidatorId VolReport Vote
    );
}

fn values<T: Encoded>(name: &str, count: usize) -> impl Iterator<Item = (T, Vec<u8>)> {
    let mut random = Random::named(name);
    (0..count).map(move |_| {
        let value = T::generate(&mut random);
        let bytes = encode(&value).unwrap();
        (value, bytes)
    })
}

#[test]
fn what_is_encoded_decodes_to_itself() {
    struct RoundTrip;
    impl Check for RoundTrip {
        fn check<T: Encoded>(&mut self, name: &'static str) {
            for (value, bytes) in values::<T>(name, VALUES) {
                assert_eq!(decode::<T>(&bytes, LIMIT).as_ref(), Ok(&value), "{name}");
            }
        }
    }
    all(RoundTrip);
}

#[test]
fn an_encoding_cut_short_or_trailed_by_a_byte_is_refused() {
    struct Cut;
    impl Check for Cut {
        fn check<T: Encoded>(&mut self, name: &'static str) {
            for (value, bytes) in values::<T>(name, DAMAGED) {
                for length in 0..bytes.len() {
                    let cut = decode::<T>(&bytes[..length], LIMIT);
                    assert!(cut.is_err(), "{name}: {value:?} cut to {length} bytes is {cut:?}");
                }
                for trailing in [0, 1, 0xFF] {
                    let mut longer = bytes.clone();
                    longer.push(trailing);
                    assert!(decode::<T>(&longer, LIMIT).is_err(), "{name}: {value:?} trailed");
                }
                let too_long = DecodeError::TooLong { length: bytes.len(), limit: bytes.len() - 1 };
                assert_eq!(decode::<T>(&bytes, bytes.len() - 1), Err(too_long));
                let mut newer = bytes;
                newer[0] = 2;
                assert_eq!(decode::<T>(&newer, LIMIT), Err(DecodeError::Version { found: 2 }));
            }
        }
    }
    all(Cut);
}

/// Damages encodings and makes bytes up; what decodes all the same must encode to the very same bytes.
#[test]
fn no_value_has_two_encodings_and_no_bytes_panic() {
    struct Damage;
    impl Check for Damage {
        fn check<T: Encoded>(&mut self, name: &'static str) {
            let mut random = Random::named(name);
            let (mut decoded, mut refused) = (0u32, 0u32);
            let mut answer = |bytes: &[u8]| match decode::<T>(bytes, LIMIT) {
                Ok(value) => {
                    assert_eq!(encode(&value).unwrap(), bytes, "{name}: {value:?}");
                    decoded += 1;
                }
                Err(_) => refused += 1,
            };
            for (_, bytes) in values::<T>(name, DAMAGED) {
                for place in 0..bytes.len() {
                    for value in [0, 1, 2, 0x7F, 0x80, 0xFF, random.byte()] {
                        let mut damaged = bytes.clone();
                        damaged[place] = value;
                        answer(&damaged);
                    }
                }
            }
            for _ in 0..20 * DAMAGED {
                let length = random.below(80);
                let mut made_up: Vec<u8> = (0..length).map(|_| random.byte()).collect();
                made_up.insert(0, protocol::codec::VERSION);
                answer(&made_up);
            }
            // The test means something only if both answers occur.
            assert!(decoded > 0 && refused > 0, "{name}: {decoded} decoded, {refused} refused");
        }
    }
    all(Damage);
}

#[test]
fn every_variant_is_generated_and_no_tag_beyond_them_decodes() {
    fn check<T: Variants + Encoded>(name: &str) {
        let mut tags = BTreeSet::new();
        let mut random = Random::named(name);
        let each = T::of_each(&mut random);
        for value in &each {
            let bytes = encode(value).unwrap();
            assert!(tags.insert(bytes[1]), "{name}: two variants have tag {}", bytes[1]);
        }
        let names: BTreeSet<_> = each.iter().map(Variants::variant).collect();
        assert_eq!(names.len(), each.len());
        for tag in (0..=u8::MAX).filter(|tag| !tags.contains(tag)) {
            for length in 0..64 {
                let mut bytes = vec![0; length];
                bytes.splice(0..0, [protocol::codec::VERSION, tag]);
                assert!(decode::<T>(&bytes, LIMIT).is_err(), "{name}: tag {tag} is unknown here");
            }
        }
        let generated: BTreeSet<_> =
            values::<T>(name, VALUES).map(|(value, _)| value.variant()).collect();
        assert_eq!(generated, names, "{name}: all variants occur among the values");
    }
    macro_rules! check_enums { ($($name:ident)*) => { $(check::<$name>(stringify!($name));)* }; }
    check_enums!(
        CancelReason Change Command Contract ContractRule Event Mode ParameterId Receipt Refusal Right SelfTrade
        Side TimeInForce
    );
}

/// Regenerated with `UPDATE_EXPECT=1`, on purpose only: old blocks must still be read.
#[test]
fn the_encodings_are_those_of_conformance_toml() {
    struct Pin<'a>(&'a mut String);
    impl Check for Pin<'_> {
        fn check<T: Encoded>(&mut self, name: &'static str) {
            let mut bytes = Vec::new();
            for (_, encoding) in values::<T>(name, VALUES) {
                bytes.extend(u32::try_from(encoding.len()).unwrap().to_le_bytes());
                bytes.extend(encoding);
            }
            writeln!(self.0, "{name} = \"{}\"", Hash::of("conformance", &bytes)).unwrap();
        }
    }
    let mut text = format!(
        "# SHA-256 over {VALUES} generated encodings of each type. A change here is a change of the protocol.\n\
         # Written by `UPDATE_EXPECT=1 cargo test -p protocol --test conformance`.\n\
         version = {}\n\n[encodings]\n",
        protocol::codec::VERSION
    );
    all(Pin(&mut text));
    expect_file!["../../conformance.toml"].assert_eq(&text);
}
