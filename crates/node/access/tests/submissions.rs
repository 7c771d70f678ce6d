//! Submissions as clients make them and validators read them.

use access::{
    BadSignature, Invalid, Network, OwnerKey, Read, SUBMISSION_BYTES_MAX, SessionSecret, Validity,
    contract_name, read, shown_for, verify,
};
use protocol::{
    AccountId, Address, AssetId, Change, ClientOrderId, Command, Contract, DepositId, Hash,
    Instrument, InstrumentId, NewOrder, OrderId, ProposalId, Quote, Right, Scopes, Seat, SelfTrade,
    SessionTerms, Shown, Side, Signer, TimeInForce, UnderlyingId, ValidatorId, WithdrawalId,
};
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity};

fn network() -> Network {
    Network::new("novation-test", Hash::new([7; 32]))
}

fn owner() -> OwnerKey {
    OwnerKey::from_secret([0x11; 32]).expect("a key")
}

fn session() -> SessionSecret {
    SessionSecret::from_secret([0x22; 32]).expect("a key")
}

fn validity(nonce: u64) -> Validity {
    Validity { nonce, expires_at: BlockTime::from_millis(1_795_379_438_201) }
}

fn order(self_trade: SelfTrade) -> Command {
    let order = NewOrder {
        client: ClientOrderId::new(77),
        instrument: InstrumentId::new(3),
        side: Side::Buy,
        price: Price::from_micros(1_200_000_000),
        lots: Lots::from_count(10),
        time_in_force: TimeInForce::PostOnly,
        reduce_only: false,
        self_trade,
    };
    Command::PlaceOrder { sub: 0, order }
}

fn listed(_: InstrumentId) -> Option<(String, Instrument)> {
    let expires_at = BlockTime::from_millis(1_795_766_400_000);
    let strike = Price::from_micros(90_000_000_000);
    let instrument = Instrument {
        id: InstrumentId::new(3),
        underlying: UnderlyingId::new(1),
        contract: Contract::Option { expires_at, strike, right: Right::Call },
        contract_size: Quantity::from_nanos(10_000_000),
        tick: Price::from_micros(500_000),
    };
    Some(("BTC".into(), instrument))
}

fn terms() -> SessionTerms {
    SessionTerms {
        key: session().public(),
        scopes: Scopes::TRADE.and(Scopes::CANCEL),
        sub: Some(0),
        instrument: Some(InstrumentId::new(3)),
        notional_per_day: Some(Notional::from_micros(1_000_000_000_000)),
        expires_at: BlockTime::from_millis(1_795_979_438_201),
    }
}

fn signed(command: Command) -> Vec<u8> {
    let shown = shown_for(&command, listed, |_| Some("BTC".into()));
    owner().submit(&network(), validity(5), command, shown, 1).expect("it can be shown")
}

/// One of each command that an owner may sign.
fn owners_commands() -> Vec<Command> {
    let account = AccountId { owner: owner().address(), sub: 1 };
    let (asset, amount) = (AssetId::new(1), Amount::from_minor(12_500_000));
    let (destination, limit) = (Address::new([0xDE; 20]), Price::from_micros(7_960_000_000));
    let quote = Quote {
        instrument: InstrumentId::new(3),
        side: Side::Sell,
        price: Price::from_micros(5_000_000),
        lots: Lots::from_count(1),
    };
    vec![
        Command::RegisterSession { terms: terms() },
        Command::RevokeSession { key: session().public() },
        order(SelfTrade::CancelResting),
        order(SelfTrade::RefuseIncoming),
        Command::CancelOrder { sub: 2, order: OrderId::new(9) },
        Command::MassCancel { sub: 0, instrument: None },
        Command::MassCancel { sub: 0, instrument: Some(InstrumentId::new(3)) },
        Command::Withdraw { sub: 0, asset: AssetId::DOLLAR, amount, destination },
        Command::Withdraw { sub: 0, asset, amount, destination },
        Command::Transfer { sub: 0, to: account, asset: AssetId::DOLLAR, amount },
        Command::Deposit { id: DepositId::new(7), account, asset, amount },
        Command::AttestPayment { id: WithdrawalId::new(8) },
        Command::BuyCollateral { sub: 0, seller: Some(account), asset, amount, limit },
        Command::MassQuote { sub: 0, quotes: vec![quote; 3] },
        Command::Propose { change: Change::ResumeInstrument(InstrumentId::new(3)) },
        Command::Approve {
            proposal: ProposalId::new(4),
            change: Change::ResumeInstrument(InstrumentId::new(3)),
        },
        Command::Pause { instrument: InstrumentId::new(3) },
        Command::Propose { change: Change::DrillInstrument(InstrumentId::new(3)) },
    ]
}

fn opened(bytes: &[u8]) -> Result<Read, Invalid> {
    let read = read(&network(), bytes)?;
    verify(&network(), [&read]).map_err(|(_, why)| why)?;
    Ok(read)
}

/// spec 0027-ACC-001, 0027-ACC-003.
#[test]
fn every_command_of_an_owner_is_signed_and_read_back() {
    for command in owners_commands() {
        let read =
            opened(&signed(command.clone())).unwrap_or_else(|why| panic!("{command:?}: {why}"));
        assert_eq!(read.grant.owner, owner().address());
        assert_eq!((read.grant.signer, read.grant.nonce, read.grant.count), (Signer::Owner, 5, 1));
        assert_eq!(read.commands, [command]);
    }
}

/// spec 0027-ACC-001.
#[test]
fn whoever_changes_a_byte_has_no_submission() {
    let many =
        vec![order(SelfTrade::CancelResting), Command::MassCancel { sub: 0, instrument: None }];
    let by_session = session().submit(&network(), owner().address(), validity(6), many);
    let mut all: Vec<Vec<u8>> = owners_commands().into_iter().map(signed).collect();
    all.push(by_session.expect("encodable"));
    for bytes in all {
        opened(&bytes).expect("as it was signed");
        // A byte of an owner's costs a recovery; of the longer ones, every third will do beside all of the authority.
        for at in (0..bytes.len()).filter(|at| at % 3 == 0 || at + 100 > bytes.len()) {
            for change in [1u8, 0x80] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                assert!(opened(&changed).is_err(), "byte {at} of {}", bytes.len());
            }
        }
        assert!(opened(&bytes[..bytes.len() - 1]).is_err());
        assert!(opened(&[bytes.as_slice(), &[0]].concat()).is_err());
    }
}

/// spec 0027-ACC-001.
#[test]
fn what_is_signed_for_one_network_is_nothing_on_another() {
    let others = [
        Network::new("novation-test", Hash::new([8; 32])),
        Network::new("novation-tesu", Hash::new([7; 32])),
    ];
    let command = Command::MassCancel { sub: 0, instrument: None };
    let by_session =
        session().submit(&network(), owner().address(), validity(6), vec![command.clone()]);
    for bytes in [signed(command), by_session.expect("encodable")] {
        for other in &others {
            let read = read(other, &bytes).expect("its form is the same");
            let refused = verify(other, [&read]).expect_err("signed for another network");
            assert!(matches!(refused, (0, Invalid::Signature(_))));
        }
    }
}

/// spec 0027-ACC-009.
#[test]
fn a_bad_signature_says_what_should_have_been_signed_and_who_did() {
    let other = OwnerKey::from_secret([0x12; 32]).expect("a key");
    let mut bytes = signed(Command::MassCancel { sub: 0, instrument: None });
    // The address stands behind the version byte.
    bytes[1..21].copy_from_slice(other.address().bytes());
    let Err(Invalid::Signature(bad)) = opened(&bytes) else { panic!("it is signed by another") };
    let BadSignature::Owner { owner: named, recovered, kind, .. } = *bad else {
        panic!("an owner")
    };
    assert_eq!(named, other.address());
    assert!(recovered.is_some_and(|found| found != other.address()));
    assert!(kind.starts_with("CancelAll(string network,address account,"), "{kind}");
}

/// Of the two scalars that make a signature valid on the curve, one is taken.
///
/// spec 0027-ACC-001.
#[test]
fn a_signature_of_the_upper_half_is_refused() {
    let bytes = signed(Command::MassCancel { sub: 0, instrument: None });
    let at = bytes.len() - 65;
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&order[at * 2..at * 2 + 2], 16).expect("hex"))
        .collect();
    let mut upper = bytes.clone();
    let mut borrow = 0i16;
    for place in (0..32).rev() {
        let digit = i16::from(order[place]) - i16::from(bytes[at + 32 + place]) - borrow;
        borrow = i16::from(digit < 0);
        upper[at + 32 + place] = u8::try_from(digit.rem_euclid(256)).expect("a byte");
    }
    upper[at + 64] = 55 - upper[at + 64];
    let Err(Invalid::Signature(bad)) = opened(&upper) else { panic!("it is the upper half") };
    assert!(matches!(*bad, BadSignature::Owner { recovered: None, .. }), "{bad}");
    for parity in [0, 1, 29] {
        let mut other = bytes.clone();
        other[at + 64] = parity;
        assert!(opened(&other).is_err(), "{parity}");
    }
}

/// spec 0027-ACC-003.
#[test]
fn a_claim_about_the_listing_is_what_the_command_needs_and_nothing_else() {
    let submit =
        |command: Command, shown| owner().submit(&network(), validity(1), command, shown, 1);
    let (name, instrument) = listed(InstrumentId::new(3)).expect("listed");
    let claim = |underlying: &str, size| Shown::Contract {
        underlying: underlying.into(),
        contract: instrument.contract,
        size,
    };
    let size = Some(instrument.contract_size);
    let all = || Command::MassCancel { sub: 0, instrument: Some(InstrumentId::new(3)) };
    assert!(submit(all(), Some(claim(&name, None))).is_ok());
    let refused = [
        (all(), None),
        (all(), Some(claim(&name, size))),
        (all(), Some(claim("B TC", None))),
        (all(), Some(Shown::Asset("BTC".into()))),
        (order(SelfTrade::CancelResting), Some(claim(&name, None))),
        (order(SelfTrade::RefuseIncoming), Some(claim(&name, size))),
        (Command::CancelOrder { sub: 0, order: OrderId::new(1) }, Some(claim(&name, None))),
    ];
    for (command, shown) in refused {
        assert_eq!(submit(command, shown), Err(Invalid::Shown));
    }
    let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(1));
    let destination = owner().address();
    let dollars = Command::Withdraw { sub: 0, asset, amount, destination };
    assert_eq!(submit(dollars, Some(Shown::Asset("BTC".into()))), Err(Invalid::Shown));
    assert_eq!(contract_name(&name, &instrument.contract), "BTC_USDC-27NOV26-90000-C");
}

/// spec 0027-ACC-008.
#[test]
fn a_batch_is_good_if_all_are_and_names_the_first_that_is_not() {
    let network = network();
    let sign = |nonce: u64| {
        let commands = vec![Command::MassCancel { sub: 0, instrument: None }; 3];
        session().submit(&network, owner().address(), validity(nonce), commands).expect("encodable")
    };
    let mut all: Vec<Read> =
        (1..=20).map(|nonce| read(&network, &sign(nonce)).expect("sound")).collect();
    all.push(
        read(&network, &signed(Command::MassCancel { sub: 0, instrument: None })).expect("sound"),
    );
    assert_eq!(verify(&network, &all), Ok(()));
    assert_eq!(verify(&network, []), Ok(()));
    let forged = |nonce| {
        let mut bytes = sign(nonce);
        *bytes.last_mut().expect("bytes") ^= 1;
        read(&network, &bytes).expect("its form is sound")
    };
    all[17] = forged(18);
    assert!(matches!(verify(&network, &all), Err((17, Invalid::Signature(_)))));
    all[4] = forged(5);
    assert!(matches!(verify(&network, &all), Err((4, Invalid::Signature(_)))));
}

/// spec 0027-ACC-001.
#[test]
fn forms_that_are_none_are_refused_before_any_signature() {
    let network = network();
    let (key, address) = (session(), owner().address());
    let cancel = Command::MassCancel { sub: 0, instrument: None };
    let of = |count| key.submit(&network, address, validity(1), vec![cancel.clone(); count]);
    for (count, fits) in [(0, false), (1, true), (1_024, true), (1_025, false)] {
        let bytes = of(count).expect("encodable");
        let read = read(&network, &bytes);
        assert_eq!(read.is_ok(), fits, "{count}");
        assert!(fits || matches!(read, Err(Invalid::Commands(_))));
    }
    let long = vec![0; SUBMISSION_BYTES_MAX + 1];
    assert!(matches!(read(&network, &long), Err(Invalid::TooLong { .. })));
    assert!(matches!(read(&network, b"x"), Err(Invalid::Malformed(_))));
    // 0027-ACC-015
    let quote = Quote {
        instrument: InstrumentId::new(1),
        side: Side::Buy,
        price: Price::from_micros(1),
        lots: Lots::from_count(1),
    };
    for (count, fits) in [(256, true), (257, false), (2_800, false)] {
        let quotes = Command::MassQuote { sub: 0, quotes: vec![quote; count] };
        let commands = vec![cancel.clone(), quotes];
        let bytes = key.submit(&network, address, validity(1), commands).expect("encodable");
        let read = read(&network, &bytes);
        assert_eq!(read.is_ok(), fits, "{count}");
        assert!(fits || matches!(read, Err(Invalid::Quotes(found)) if found == count));
    }
}

#[test]
fn a_seat_is_proposed_with_a_key_that_is_one_or_not_at_all() {
    // 0027-ACC-012
    let propose = |key| {
        let seat = Seat { validator: ValidatorId::new(5), key, endpoint: None };
        Command::Propose { change: Change::SeatValidator { seat, stake: 1 } }
    };
    let good = propose(*session().public().bytes());
    assert_eq!(opened(&signed(good.clone())).expect("a key").commands, [good]);
    let with = |first: u8, others: u8, last: u8| {
        let mut key = [others; 32];
        (key[0], key[31]) = (first, last);
        key
    };
    let none = [
        // No point of the curve has the second coordinate two.
        with(2, 0, 0),
        // Points of order four and one, under which anybody can sign.
        with(0, 0, 0),
        with(0, 0, 0x80),
        with(1, 0, 0),
        // Three, a point of the curve, in its second encoding: three and the prime.
        with(0xf0, 0xff, 0x7f),
    ];
    let another = with(3, 0, 0);
    assert_eq!(opened(&signed(propose(another))).map(|read| read.grant.count), Ok(1));
    for key in none {
        let refused = Err(Invalid::SeatKey(ValidatorId::new(5)));
        assert_eq!(opened(&signed(propose(key))), refused, "{key:?}");
        let by_session =
            session().submit(&network(), owner().address(), validity(6), vec![propose(key)]);
        assert_eq!(opened(&by_session.expect("it can be encoded")), refused, "{key:?}");
    }
}
