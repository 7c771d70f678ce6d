//! Grants: which key may command what, when, and how often.

use crate::common::{BTC, CUSTODIAN, House, SIGNERS, account, arrived, genesis, order, trader};
use machine::{BlockError, Machine, Outcome, OwnerRecord, StateKey};
use protocol::{
    Address, AssetId, Block, Command, Event, Grant, InstrumentId, OrderId, Quote, Receipt, Refusal,
    Scopes, SessionKey, SessionTerms, Shown, Side, Signer, Transaction, codec, limits,
};
use sessions::Session;
use units::{Amount, BlockTime, Lots, Notional, Price};

const DAY: i128 = 86_400_000;

pub(crate) fn key(byte: u8) -> SessionKey {
    SessionKey::new([byte; 32])
}

/// Terms that allow everything until long after.
pub(crate) fn wide(byte: u8) -> SessionTerms {
    SessionTerms {
        key: key(byte),
        scopes: Scopes::of_bits(63).expect("all"),
        sub: None,
        instrument: None,
        notional_per_day: None,
        expires_at: BlockTime::from_millis(4_000_000_000_000),
    }
}

/// Commands of an owner under one grant.
pub(crate) struct Signed {
    owner: Address,
    signer: Signer,
    nonce: u64,
    /// Milliseconds after the block.
    expires_in: i128,
    shown: Option<Shown>,
    commands: Vec<Command>,
}

pub(crate) fn by_owner(owner: Address, nonce: u64, command: Command) -> Signed {
    let signer = Signer::Owner;
    Signed { owner, signer, nonce, expires_in: 60_000, shown: None, commands: vec![command] }
}

pub(crate) fn by_key(owner: Address, byte: u8, nonce: u64, commands: Vec<Command>) -> Signed {
    let signer = Signer::Session(key(byte));
    Signed { owner, signer, nonce, expires_in: 60_000, shown: None, commands }
}

fn register(terms: SessionTerms) -> Command {
    Command::RegisterSession { terms }
}

/// A buy of trader 1 for 7,900 dollars a coin.
fn buy(instrument: u32, lots: i128) -> Command {
    order(1, 1, instrument, Side::Buy, 7_900_000_000, lots).command
}

fn cancel() -> Command {
    Command::MassCancel { sub: 0, instrument: None }
}

fn deposit(number: u8, dollars: i128) -> Command {
    let amount = Amount::from_minor(dollars * 1_000_000);
    Command::Deposit { id: arrived(), account: account(number), asset: AssetId::DOLLAR, amount }
}

fn withdraw(dollars: i128) -> Command {
    let amount = Amount::from_minor(dollars * 1_000_000);
    let destination = trader(1);
    Command::Withdraw { sub: 0, asset: AssetId::DOLLAR, amount, destination }
}

pub(crate) struct SignedHouse(pub(crate) House);

impl SignedHouse {
    /// A house that takes signed commands alone, with accounts of traders 1 and 2.
    pub(crate) fn new() -> Self {
        let mut house = House::new();
        let signed = machine::Genesis { signed: true, ..genesis() };
        (house.machine, _) = Machine::found(&signed).expect("the genesis is sound");
        let mut house = Self(house);
        let deposits = [1, 2].map(|number| deposit(number, 1_000_000));
        for (nonce, deposit) in (1..).zip(deposits) {
            let receipts = house.apply(1, vec![by_owner(CUSTODIAN, nonce, deposit)]);
            assert_eq!(receipts, [Receipt::Done]);
        }
        house
    }

    fn block(&mut self, seconds: i128, signed: Vec<Signed>) -> Block {
        let mut block = self.0.block(seconds, Vec::new());
        for Signed { owner, signer, nonce, expires_in, shown, commands } in signed {
            let count = u16::try_from(commands.len()).expect("few");
            let expires_at = BlockTime::from_millis(block.time.millis() + expires_in);
            block.grants.push(Grant { owner, signer, nonce, expires_at, count, shown });
            let each = commands.into_iter();
            block.transactions.extend(each.map(|command| Transaction { sender: owner, command }));
        }
        block
    }

    pub(crate) fn apply(&mut self, seconds: i128, signed: Vec<Signed>) -> Vec<Receipt> {
        self.outcome(seconds, signed).receipts
    }

    pub(crate) fn outcome(&mut self, seconds: i128, signed: Vec<Signed>) -> Outcome {
        let block = self.block(seconds, signed);
        let outcome = self.0.machine.apply(&block).expect("the block follows");
        assert!(outcome.writes.is_sorted_by(|a, b| a.key < b.key));
        for write in &outcome.writes {
            let key: StateKey = codec::decode(&write.key, 256).expect("a key");
            assert_eq!(self.0.machine.record(&key).expect("encodable"), write.record);
        }
        outcome
    }

    /// Applies one grant in a block of its own, a second later.
    pub(crate) fn one(&mut self, signed: Signed) -> Receipt {
        self.apply(1, vec![signed]).remove(0)
    }

    pub(crate) fn registered(mut self, terms: SessionTerms) -> Self {
        assert_eq!(self.one(by_owner(trader(1), 1, register(terms))), Receipt::Done);
        self
    }
}

fn refused(refusal: Refusal) -> Receipt {
    Receipt::Refused(refusal)
}

/// spec 0027-ACC-002.
#[test]
fn a_signed_house_takes_no_command_without_a_grant_of_its_sender() {
    let mut house = SignedHouse::new();
    let good = |house: &mut SignedHouse| {
        house.0.now -= 1_000;
        house.block(1, vec![by_owner(trader(1), 9, cancel()), by_owner(trader(2), 9, cancel())])
    };
    house.0.now += 1_000;
    let mut cases: Vec<Block> = (0..6).map(|_| good(&mut house)).collect();
    cases[0].grants.clear();
    cases[1].grants.truncate(1);
    cases[2].grants.swap(0, 1);
    cases[3].grants[0].count = 2;
    cases[4].grants[1].count = 2;
    cases[5].grants[1].count = 0;
    for block in &cases {
        assert_eq!(house.0.machine.apply(block), Err(BlockError::Grants));
    }
    let block = good(&mut house);
    assert!(house.0.machine.apply(&block).is_ok());
}

/// spec 0027-ACC-005, 0027-ACC-006.
#[test]
fn a_grant_is_used_once_before_its_expiry_by_a_known_owner() {
    let mut house = SignedHouse::new();
    let owner = trader(1);
    assert_eq!(house.one(by_owner(owner, 7, cancel())), Receipt::Done);
    assert_eq!(house.one(by_owner(owner, 7, cancel())), refused(Refusal::NonceUsed));
    assert_eq!(house.one(by_owner(owner, 0, cancel())), refused(Refusal::NonceUsed));
    assert_eq!(house.one(by_owner(owner, 6, cancel())), Receipt::Done, "out of order");
    assert_eq!(house.one(by_owner(trader(2), 7, cancel())), Receipt::Done, "another key's nonce");
    let expires = |expires_in, nonce| Signed { expires_in, ..by_owner(owner, nonce, cancel()) };
    assert_eq!(house.one(expires(0, 8)), refused(Refusal::SignatureExpired));
    assert_eq!(house.one(expires(1, 8)), Receipt::Done);
    assert_eq!(house.one(expires(DAY + 1, 9)), refused(Refusal::SignatureTooLong));
    assert_eq!(house.one(expires(DAY, 9)), Receipt::Done);
    let ahead = |house: &SignedHouse, by: i128| u64::try_from(house.0.now + 1_000 + DAY + by);
    let too_high = ahead(&house, 1).expect("small");
    assert_eq!(house.one(by_owner(owner, too_high, cancel())), refused(Refusal::NonceTooHigh));
    let highest = ahead(&house, 0).expect("small");
    assert_eq!(house.one(by_owner(owner, highest, cancel())), Receipt::Done);
    assert_eq!(house.one(by_owner(trader(9), 1, cancel())), refused(Refusal::AccountNotOpen));
    let pause = Command::Pause { instrument: InstrumentId::new(1) };
    assert_eq!(house.one(by_owner(SIGNERS[0], 1, pause)), Receipt::Done, "signers are known");
}

/// A refused command uses the nonce of its signature; a refused signature does not.
///
/// spec 0027-ACC-006.
#[test]
fn a_nonce_is_used_by_what_was_asked_not_by_what_came_of_it() {
    let mut house = SignedHouse::new();
    let owner = trader(1);
    let unknown = || Command::CancelOrder { sub: 0, order: OrderId::new(99) };
    assert_eq!(house.one(by_owner(owner, 1, unknown())), refused(Refusal::OrderUnknown));
    assert_eq!(house.one(by_owner(owner, 1, cancel())), refused(Refusal::NonceUsed));
    assert_eq!(house.one(by_key(owner, 5, 2, vec![cancel()])), refused(Refusal::SessionUnknown));
    assert_eq!(house.one(by_owner(owner, 2, cancel())), Receipt::Done);
}

/// spec 0027-ACC-006.
#[test]
fn the_window_slides_and_what_fell_out_of_it_counts_as_used() {
    let mut house = SignedHouse::new().registered(wide(5));
    let size = u64::try_from(limits::NONCES_PER_KEY_MAX).expect("small");
    let many = |from, to| {
        (from..=to).map(|nonce| by_key(trader(1), 5, nonce, vec![cancel()])).collect::<Vec<_>>()
    };
    let receipts = house.apply(1, many(10, 10 + size));
    assert!(receipts.iter().all(|receipt| *receipt == Receipt::Done));
    for nonce in [9, 10] {
        let late = by_key(trader(1), 5, nonce, vec![cancel()]);
        assert_eq!(house.one(late), refused(Refusal::NonceUsed));
    }
}

/// spec 0027-ACC-004.
#[test]
fn a_session_key_does_what_its_permissions_say_and_nothing_else() {
    let instrument = InstrumentId::new(1);
    let transfer = Command::Transfer {
        sub: 0,
        to: account(2),
        asset: AssetId::DOLLAR,
        amount: Amount::from_minor(1),
    };
    let commands = [
        (Scopes::TRADE, buy(1, 1)),
        (Scopes::CANCEL, cancel()),
        (Scopes::TRANSFER, transfer),
        (Scopes::WITHDRAW, withdraw(1)),
        (Scopes::DEPOSIT, deposit(1, 1)),
        (Scopes::GOVERN, Command::Pause { instrument }),
    ];
    for (allowed, _) in &commands {
        let mut house = SignedHouse::new().registered(SessionTerms { scopes: *allowed, ..wide(5) });
        let all = commands.iter().map(|(_, command)| command.clone()).collect();
        let receipts = house.apply(1, vec![by_key(trader(1), 5, 1, all)]);
        for ((scope, command), receipt) in commands.iter().zip(&receipts) {
            let out = *receipt == refused(Refusal::OutOfScope);
            assert_eq!(out, scope != allowed, "{command:?} with {allowed:?}: {receipt:?}");
        }
    }
    let mut house = SignedHouse::new().registered(wide(5));
    let own = vec![register(wide(6)), Command::RevokeSession { key: key(5) }];
    let receipts = house.apply(1, vec![by_key(trader(1), 5, 1, own)]);
    assert_eq!(receipts, [refused(Refusal::OutOfScope), refused(Refusal::OutOfScope)]);
}

/// spec 0027-ACC-004.
#[test]
fn a_session_key_stays_in_its_sub_account_and_instrument() {
    let (first, second) = (InstrumentId::new(1), InstrumentId::new(2));
    let terms = SessionTerms { sub: Some(0), instrument: Some(first), ..wide(5) };
    let mut house = SignedHouse::new().registered(terms);
    let quote = |instrument, side| Quote {
        instrument,
        side,
        price: Price::from_micros(8_000_000_000),
        lots: Lots::ZERO,
    };
    let here = buy(1, 1);
    let there = buy(2, 1);
    let elsewhere = match here.clone() {
        Command::PlaceOrder { order, .. } => Command::PlaceOrder { sub: 1, order },
        other => other,
    };
    let all = |instrument| Command::MassCancel { sub: 0, instrument };
    let quotes = |second| Command::MassQuote {
        sub: 0,
        quotes: vec![quote(first, Side::Buy), quote(second, Side::Sell)],
    };
    let commands = vec![
        (here, true),
        (there, false),
        (elsewhere, false),
        (all(Some(first)), true),
        (all(Some(second)), false),
        (all(None), false),
        (quotes(first), true),
        (quotes(second), false),
        (withdraw(1), false),
        (Command::CancelOrder { sub: 0, order: OrderId::new(99) }, false),
    ];
    let (list, fits): (Vec<_>, Vec<_>) = commands.into_iter().unzip();
    let receipts = house.apply(1, vec![by_key(trader(1), 5, 1, list)]);
    let inside: Vec<bool> =
        receipts.iter().map(|receipt| *receipt != refused(Refusal::OutOfScope)).collect();
    assert_eq!(inside, fits, "{receipts:?}");
    let Receipt::Order(order) = receipts[0] else { panic!("{receipts:?}") };
    let cancel = Command::CancelOrder { sub: 0, order };
    assert_eq!(house.one(by_key(trader(1), 5, 2, vec![cancel])), Receipt::Done);
}

/// spec 0027-ACC-004.
#[test]
fn a_cap_is_spent_by_orders_and_amounts_and_comes_back_at_midnight() {
    let cap = Notional::from_micros(1_000_000_000);
    let mut house =
        SignedHouse::new().registered(SessionTerms { notional_per_day: Some(cap), ..wide(5) });
    let by = |nonce, command| by_key(trader(1), 5, nonce, vec![command]);
    // A lot is a hundredth of a coin.
    let one_lot = Notional::from_micros(79_000_000);
    assert!(matches!(house.one(by(1, buy(1, 10))), Receipt::Order(_)), "790 dollars");
    let over = Notional::from_micros(3 * one_lot.micros() - 210_000_000);
    let exceeded = Refusal::SessionCap { exceeded_by: over };
    assert_eq!(house.one(by(2, buy(1, 3))), refused(exceeded));
    assert_eq!(house.one(by(3, withdraw(210))), Receipt::Done, "to the last dollar");
    let exceeded_by = Notional::from_micros(1_000_000);
    assert_eq!(house.one(by(4, withdraw(1))), refused(Refusal::SessionCap { exceeded_by }));
    assert_eq!(house.one(by(5, cancel())), Receipt::Done, "a cancel costs nothing");
    let into = house.0.now.rem_euclid(DAY);
    let seconds = (DAY - into) / 1_000 + 1;
    assert_eq!(house.apply(seconds, vec![by(6, withdraw(1_000))]), [Receipt::Done]);
}

/// spec 0027-ACC-007.
#[test]
fn an_owner_revokes_at_any_time_and_before_what_the_key_sends_in_the_same_block() {
    let mut house = SignedHouse::new().registered(wide(5));
    let owner = trader(1);
    let send = |nonce| by_key(owner, 5, nonce, vec![cancel()]);
    let revoke = |nonce| by_owner(owner, nonce, Command::RevokeSession { key: key(5) });
    let revoked = refused(Refusal::SessionRevoked);
    let receipts = house.apply(1, vec![send(1), revoke(2), send(2)]);
    assert_eq!(receipts, [revoked.clone(), Receipt::Done, revoked.clone()]);
    assert_eq!(house.one(send(3)), revoked);
    assert_eq!(house.one(revoke(3)), revoked);
    // Registered again, it may command again, but what it had signed and used stays used.
    assert_eq!(house.one(by_owner(owner, 4, register(wide(5)))), Receipt::Done);
    assert_eq!(house.one(send(9)), Receipt::Done);
    assert_eq!(house.apply(1, vec![revoke(5)]), [Receipt::Done]);
    let again = vec![by_owner(owner, 6, register(wide(5))), send(9), send(10)];
    let receipts = house.apply(1, again);
    assert_eq!(receipts, [Receipt::Done, refused(Refusal::NonceUsed), Receipt::Done]);
}

/// spec 0027-ACC-005, 0027-ACC-007.
#[test]
fn a_session_key_ends_and_is_forgotten_only_when_no_signature_by_it_can_be_valid() {
    let house = SignedHouse::new();
    let owner = trader(1);
    let ends = BlockTime::from_millis(house.0.now + 10_000);
    let short = SessionTerms { expires_at: ends, ..wide(5) };
    let mut house = house.registered(short);
    assert_eq!(house.apply(8, vec![by_key(owner, 5, 3, vec![cancel()])]), [Receipt::Done]);
    let at_the_end = by_key(owner, 5, 4, vec![cancel()]);
    assert_eq!(house.apply(1, vec![at_the_end]), [refused(Refusal::SessionExpired)]);
    let known = |house: &SignedHouse, byte| {
        house.0.machine.state().keys.session(owner, key(byte)).is_some()
    };
    house.apply(DAY / 1_000, vec![by_owner(owner, 2, register(wide(6)))]);
    assert!(known(&house, 5), "a day after its end to the millisecond");
    house.apply(1, vec![by_owner(owner, 3, register(wide(7)))]);
    assert!(!known(&house, 5) && known(&house, 6));
}

/// spec 0027-ACC-007.
#[test]
fn terms_that_are_none_and_too_many_keys_are_refused() {
    let mut house = SignedHouse::new();
    let owner = trader(1);
    let past = BlockTime::from_millis(house.0.now);
    let below = Some(Notional::from_micros(-1));
    let cases = [
        SessionTerms { scopes: Scopes::default(), ..wide(1) },
        SessionTerms { expires_at: past, ..wide(1) },
        SessionTerms { notional_per_day: below, ..wide(1) },
    ];
    for (nonce, terms) in (1..).zip(cases) {
        let receipt = house.one(by_owner(owner, nonce, register(terms)));
        assert_eq!(receipt, refused(Refusal::SessionTermsInvalid));
    }
    let most = u8::try_from(limits::SESSIONS_PER_OWNER_MAX).expect("few");
    for number in 1..=most {
        let nonce = 10 + u64::from(number);
        assert_eq!(house.one(by_owner(owner, nonce, register(wide(number)))), Receipt::Done);
    }
    let receipt = house.one(by_owner(owner, 99, register(wide(99))));
    assert_eq!(receipt, refused(Refusal::TooManySessions));
    let revoke = Command::RevokeSession { key: key(most) };
    assert_eq!(house.one(by_owner(owner, 100, revoke)), Receipt::Done, "full, and it can revoke");
    assert_eq!(house.one(by_owner(owner, 101, register(wide(1)))), Receipt::Done, "a change");
}

/// spec 0027-ACC-003.
#[test]
fn what_a_wallet_showed_must_be_what_is_listed() {
    let mut house = SignedHouse::new();
    let owner = trader(1);
    let listed = house.0.machine.state().markets[&InstrumentId::new(1)].instrument;
    let contract = |underlying: &str, size| Shown::Contract {
        underlying: underlying.into(),
        contract: listed.contract,
        size,
    };
    let size = Some(listed.contract_size);
    let cases = [
        (buy(1, 1), contract("BTC", size), true),
        (buy(1, 1), contract("BTC", None), true),
        (buy(1, 1), contract("ETH", size), false),
        (buy(2, 1), contract("BTC", size), false),
        (buy(1, 1), contract("BTC", Some(units::Quantity::from_nanos(1))), false),
        (buy(1, 1), Shown::Asset("BTC".into()), false),
        (withdraw(1), Shown::Asset("USDC".into()), true),
        (withdraw(1), Shown::Asset("BTC".into()), false),
    ];
    for (nonce, (command, shown, fits)) in (1..).zip(cases) {
        let said = format!("{command:?} as {shown:?}");
        let signed = Signed { shown: Some(shown), ..by_owner(owner, nonce, command) };
        let receipt = house.one(signed);
        assert_eq!(receipt != refused(Refusal::ShownDiffers), fits, "{said}: {receipt:?}");
    }
    assert_eq!(house.0.machine.state().underlyings[&BTC].name, "BTC");
}

/// spec 0027-ACC-003, 0027-ACC-006.
#[test]
fn a_text_that_is_not_what_is_listed_uses_no_nonce() {
    let mut house = SignedHouse::new();
    let claim = |underlying: &str| Shown::Contract {
        underlying: underlying.into(),
        contract: protocol::Contract::Perpetual,
        size: None,
    };
    let sent = |name| Signed { shown: Some(claim(name)), ..by_owner(trader(1), 5, buy(1, 1)) };
    assert_eq!(house.one(sent("ETH")), refused(Refusal::ShownDiffers));
    assert!(matches!(house.one(sent("BTC")), Receipt::Order(_)), "the nonce is still its owner's");
    assert_eq!(house.one(sent("BTC")), refused(Refusal::NonceUsed));
}

/// spec 0027-ACC-007.
#[test]
fn the_keys_of_an_owner_are_records_and_survive_a_restart() {
    let mut house = SignedHouse::new().registered(wide(5));
    let owner = trader(1);
    house.one(by_key(owner, 5, 8, vec![cancel()]));
    let record = |house: &mut SignedHouse, key| {
        house.0.machine.record(&key).expect("encodable").expect("there is one")
    };
    let bytes = record(&mut house, StateKey::Owner(owner));
    let held: OwnerRecord = codec::decode(&bytes, 10_000).expect("a record");
    assert!(held.sessions == [key(5)] && !held.nonces.is_free(1) && held.nonces.is_free(2));
    let bytes = record(&mut house, StateKey::Session(owner, key(5)));
    let session: Session = codec::decode(&bytes, 10_000).expect("a record");
    assert!(!session.nonces.is_free(8) && session.terms == wide(5));
    let snapshot = house.0.machine.snapshot().expect("encodable");
    house.0.machine = Machine::restore(&snapshot).expect("what was written is read");
    assert_eq!(house.one(by_key(owner, 5, 8, vec![cancel()])), refused(Refusal::NonceUsed));
    let block = house.block(1, vec![by_owner(owner, 2, Command::RevokeSession { key: key(5) })]);
    let outcome = house.0.machine.apply(&block).expect("the block follows");
    assert_eq!(outcome.events.last(), Some(&Event::SessionRevoked { owner, key: key(5) }));
}

/// In a house that trusts whoever hands it blocks, a sender is its owner.
#[test]
fn an_open_house_takes_commands_without_grants() {
    let mut house = House::new();
    house.apply(1, vec![Transaction { sender: CUSTODIAN, command: deposit(1, 10) }]);
    let own = Transaction { sender: trader(1), command: register(wide(5)) };
    let outcome = house.apply(1, vec![own.clone()]);
    assert_eq!(outcome.receipts, [Receipt::Done]);
    let stranger = Transaction { sender: trader(9), ..own };
    let outcome = house.apply(1, vec![stranger]);
    assert_eq!(outcome.receipts, [refused(Refusal::AccountNotOpen)]);
}
