use super::*;
use crate::{BAD_SIGNATURES_EACH_MAX, Invalid, PerBlock, SUBMISSION_BYTES_MAX, name_of, per_block};
use access::{OwnerKey, SessionSecret, Validity};
use protocol::{Command, SessionKey};
use units::Notional;

const LATE: i128 = 1_000_000;

fn network() -> Network {
    Network::new("pool", Hash::new([1; 32]))
}

fn owner(byte: u8) -> OwnerKey {
    OwnerKey::from_secret([byte; 32]).expect("a key")
}

fn session(byte: u8) -> SessionSecret {
    SessionSecret::from_secret([byte; 32]).expect("a key")
}

/// Commands of an owner's session key; the key and the owner go by one number.
fn submission_until(byte: u8, nonce: u64, commands: usize, expires_at: i128) -> Vec<u8> {
    let validity = Validity { nonce, expires_at: BlockTime::from_millis(expires_at) };
    let commands = vec![Command::MassCancel { sub: 0, instrument: None }; commands];
    let address = Address::new([byte; 20]);
    session(byte).submit(&network(), address, validity, commands).expect("encodable")
}

fn submission(byte: u8, nonce: u64) -> Vec<u8> {
    submission_until(byte, nonce, 1, LATE)
}

fn pool(count: usize) -> Mempool {
    Mempool::new(network(), Limits { count, bytes: 1 << 20, per_owner: 40, remembered: 4 })
}

fn admit(pool: &mut Mempool, bytes: &[u8]) -> Result<Hash, Rejected> {
    let rich = |_| Standing::Holds(Notional::from_micros(1_000_000_000_000));
    pool.admit(Source::Local, &[bytes], rich).remove(0)
}

/// Tells the pool that a block held some submissions.
fn include(pool: &mut Mempool, time: i128, held: &[Vec<u8>]) {
    let read: Vec<Read> =
        held.iter().map(|bytes| access::read(&network(), bytes).expect("sound")).collect();
    let held = read.iter().map(|read| (read.name, &read.grant));
    pool.included(BlockTime::from_millis(time), held);
}

fn taken(pool: &Mempool, commands: usize) -> Vec<Vec<u8>> {
    let taken = pool.take(usize::MAX, commands, &BTreeSet::new());
    taken.iter().map(|held| held.to_vec()).collect()
}

/// spec 0027-ACC-006.
#[test]
fn a_submission_is_admitted_once_and_neither_is_another_with_its_nonce() {
    let mut pool = pool(10);
    let first = submission(1, 1);
    let name = admit(&mut pool, &first).expect("new");
    assert_eq!(name, name_of(&first));
    assert_eq!(admit(&mut pool, &first), Err(Rejected::Known(name)));
    include(&mut pool, 1, std::slice::from_ref(&first));
    assert!(pool.is_empty() && pool.bytes() == 0);
    assert_eq!(admit(&mut pool, &first), Err(Rejected::Known(name)), "a late copy");
    include(&mut pool, 2, &(2..6).map(|nonce| submission(1, nonce)).collect::<Vec<_>>());
    assert_eq!(admit(&mut pool, &first), Err(Rejected::NonceUsed(1)), "its name is forgotten");
    let again = submission_until(1, 3, 2, LATE + 1);
    assert_eq!(admit(&mut pool, &again), Err(Rejected::NonceUsed(3)));
    assert!(admit(&mut pool, &submission(2, 3)).is_ok(), "another key's");
}

#[test]
fn what_unfinalised_ancestors_hold_is_not_taken_again_and_comes_back_if_they_fail() {
    let mut pool = pool(10);
    let names: Vec<_> =
        (1..4).map(|nonce| admit(&mut pool, &submission(1, nonce)).expect("new")).collect();
    let ancestors = BTreeSet::from([names[0], names[1]]);
    assert_eq!(pool.take(usize::MAX, 10, &ancestors).len(), 1);
    assert_eq!(taken(&pool, 10).len(), 3);
    assert!(!pool.has_more_than(&names.into_iter().collect()));
}

/// spec 0027-ACC-010.
#[test]
fn owners_take_turns_and_each_goes_by_its_nonces() {
    let mut pool = pool(100);
    for nonce in [9, 3, 7, 5] {
        admit(&mut pool, &submission(1, nonce)).expect("new");
    }
    admit(&mut pool, &submission(2, 8)).expect("new");
    admit(&mut pool, &submission(3, 6)).expect("new");
    let order = |list: &[(u8, u64)]| -> Vec<Vec<u8>> {
        list.iter().map(|(byte, nonce)| submission(*byte, *nonce)).collect()
    };
    let all = order(&[(1, 3), (2, 8), (3, 6), (1, 5), (1, 7), (1, 9)]);
    assert_eq!(taken(&pool, 100), all);
    assert_eq!(taken(&pool, 3), all[..3]);
    let length = all[0].len() + 4;
    assert_eq!(pool.take(length * 2, 100, &BTreeSet::new()).len(), 2);
    include(&mut pool, 1, &[]);
    assert_eq!(taken(&pool, 2), order(&[(2, 8), (3, 6)]), "another goes first in the next block");
}

/// An owner's own signature, which may revoke, goes before what its session keys send.
#[test]
fn an_owners_own_goes_before_its_session_keys() {
    let mut pool = pool(10);
    let key = owner(9);
    let validity = |nonce| Validity { nonce, expires_at: BlockTime::from_millis(LATE) };
    let commands = vec![Command::MassCancel { sub: 0, instrument: None }];
    let by_session = session(1).submit(&network(), key.address(), validity(1), commands);
    let by_session = by_session.expect("encodable");
    let revoke = Command::RevokeSession { key: SessionKey::new([1; 32]) };
    let revoke = key.submit(&network(), validity(2), revoke, None, 1).expect("shown");
    admit(&mut pool, &by_session).expect("new");
    admit(&mut pool, &revoke).expect("new");
    assert_eq!(taken(&pool, 10), [revoke, by_session]);
}

/// spec 0027-ACC-010.
#[test]
fn of_two_with_one_nonce_the_one_that_expires_later_stays_whichever_came_first() {
    let (sooner, later) = (submission_until(1, 1, 1, 50), submission_until(1, 1, 2, 60));
    for order in [[&sooner, &later], [&later, &sooner]] {
        let mut pool = pool(10);
        for bytes in order {
            drop(admit(&mut pool, bytes));
        }
        assert_eq!(taken(&pool, 10), std::slice::from_ref(&later));
        assert_eq!((pool.len(), pool.bytes()), (1, later.len()));
        assert_eq!(admit(&mut pool, &sooner), Err(Rejected::NonceWaiting(1)));
    }
}

/// spec 0027-ACC-005.
#[test]
fn what_has_expired_by_the_newest_block_goes_and_is_not_admitted() {
    let mut pool = pool(10);
    for (nonce, expires_at) in [(1, 10), (2, 20), (3, 30)] {
        admit(&mut pool, &submission_until(1, nonce, 1, expires_at)).expect("new");
    }
    include(&mut pool, 20, &[]);
    assert_eq!(taken(&pool, 10), [submission_until(1, 3, 1, 30)]);
    let (expires_at, now) = (BlockTime::from_millis(20), BlockTime::from_millis(20));
    let late = submission_until(1, 4, 1, 20);
    assert_eq!(admit(&mut pool, &late), Err(Rejected::Expired { expires_at, now }));
}

#[test]
fn a_full_pool_a_full_owner_and_malformed_bytes_change_nothing() {
    let mut narrow = pool(4);
    admit(&mut narrow, &submission(1, 1)).expect("new");
    admit(&mut narrow, &submission(1, 2)).expect("new");
    admit(&mut narrow, &submission(1, 3)).expect("new");
    assert!(matches!(admit(&mut narrow, &submission(1, 4)), Err(Rejected::Full { count: 3, .. })));
    let malformed = Rejected::Invalid;
    assert!(matches!(admit(&mut narrow, b"x"), Err(Rejected::Invalid(Invalid::Malformed(_)))));
    let long = vec![0; SUBMISSION_BYTES_MAX + 1];
    let length = long.len();
    assert_eq!(admit(&mut narrow, &long), Err(malformed(Invalid::TooLong { length })));
    assert_eq!(narrow.len(), 3);

    let mut wide = pool(100);
    for nonce in 1..=40 {
        admit(&mut wide, &submission(1, nonce)).expect("new");
    }
    assert_eq!(admit(&mut wide, &submission(1, 41)), Err(Rejected::OwnerFull(40)));
    admit(&mut wide, &submission(2, 41)).expect("another's");
}

/// spec 0027-ACC-010.
#[test]
fn an_owner_sends_no_more_than_its_allowance() {
    let mut pool = pool(100);
    let poor = |_| Standing::Holds(Notional::ZERO);
    let submit = |pool: &mut Mempool, nonce, commands| {
        let bytes = submission_until(1, nonce, commands, LATE);
        pool.admit(Source::Local, &[bytes], poor).remove(0)
    };
    let refused = Err(Rejected::TooFast { per_block: 100, bytes: 8_192 });
    assert!(submit(&mut pool, 1, 900).is_ok());
    assert_eq!(submit(&mut pool, 2, 101), refused);
    assert!(submit(&mut pool, 2, 100).is_ok());
    include(&mut pool, 1, &[]);
    assert!(submit(&mut pool, 3, 100).is_ok());
}

/// spec 0027-ACC-011.
#[test]
fn a_flood_of_bad_signatures_ends_and_good_ones_among_them_are_kept() {
    let mut pool = pool(100);
    let forged = |nonce| {
        let mut bytes = submission(1, nonce);
        *bytes.last_mut().expect("bytes") ^= 1;
        bytes
    };
    let mut flood: Vec<Vec<u8>> = vec![submission(2, 1)];
    flood.extend((1..=60).map(forged));
    let from = Source::client([10, 0, 0, 1].into());
    let rich = |_| Standing::Holds(Notional::from_micros(1_000_000_000_000));
    let answers = pool.admit(from, &flood, rich);
    assert!(answers[0].is_ok());
    let bad = |answer: &&Result<Hash, Rejected>| {
        matches!(answer, Err(Rejected::Invalid(Invalid::Signature(_))))
    };
    assert_eq!(
        answers.iter().filter(bad).count(),
        usize::try_from(BAD_SIGNATURES_EACH_MAX).unwrap()
    );
    assert_eq!(answers.last(), Some(&Err(Rejected::Muted)));
    assert_eq!(pool.admit(from, &[submission(1, 61)], rich), [Err(Rejected::Muted)]);
    assert!(pool.admit(from, &[submission(3, 1)], rich)[0].is_ok(), "another owner is heard");
    assert!(admit(&mut pool, &submission(1, 61)).is_ok(), "another source is heard");
    include(&mut pool, 1, &[]);
    assert!(pool.admit(from, &[submission(4, 1)], rich)[0].is_ok(), "and so it is again");
}

/// Whoever has no account can make keys without end: their signatures are not even checked.
// 0027-ACC-010
#[test]
fn strangers_are_turned_away_before_their_signatures_are_checked() {
    let mut pool = Mempool::new(network(), Limits { remembered: 4, ..Limits::default() });
    let submit = |pool: &mut Mempool, bytes: Vec<u8>| {
        pool.admit(Source::Local, &[bytes], |_| Standing::Stranger).remove(0)
    };
    assert_eq!(submit(&mut pool, submission(1, 1)), Err(Rejected::Stranger));
    let mut forged = submission(2, 1);
    *forged.last_mut().expect("bytes") ^= 1;
    assert_eq!(submit(&mut pool, forged), Err(Rejected::Stranger));
    assert!(admit(&mut pool, &submission(2, 1)).is_ok(), "an owner who has an account is heard");
}

/// Commands of an owner, as many as make a submission of some length.
fn long(owner: u32, nonce: u64, bytes: usize) -> Vec<u8> {
    let validity = Validity { nonce, expires_at: BlockTime::from_millis(LATE) };
    let quote = protocol::Quote {
        instrument: protocol::InstrumentId::new(1),
        side: protocol::Side::Buy,
        price: units::Price::from_micros(1),
        lots: units::Lots::from_count(1),
    };
    let quotes = Command::MassQuote { sub: 0, quotes: vec![quote; 256] };
    let commands = vec![quotes; (bytes / 5_383).max(1)];
    session(1).submit(&network(), address(owner), validity, commands).expect("encodable")
}

fn short(owner: u32, nonce: u64) -> Vec<u8> {
    let validity = Validity { nonce, expires_at: BlockTime::from_millis(LATE) };
    let commands = vec![Command::MassCancel { sub: 0, instrument: None }];
    session(1).submit(&network(), address(owner), validity, commands).expect("encodable")
}

fn address(number: u32) -> Address {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Address::new(bytes)
}

/// What each owner holds, in dollars: those below a thousand ten, those from a million up a million.
fn holds(owner: Address) -> Standing {
    let number = u32::from_be_bytes(owner.bytes()[..4].try_into().expect("four"));
    let dollars = match number {
        0..1_000_000 => 10,
        _ => 1_000_000,
    };
    Standing::Holds(Notional::from_micros(dollars * 1_000_000))
}

fn send(pool: &mut Mempool, bytes: &[u8]) -> Result<Hash, Rejected> {
    pool.admit(Source::Local, &[bytes], holds).remove(0)
}

/// Sends two of the longest submissions of each of some owners, from a number on: many times their part of the pool.
fn flood(pool: &mut Mempool, from: u32, owners: u32) -> usize {
    let mut taken = 0;
    for nonce in 1..=2 {
        for owner in from..from + owners {
            taken += usize::from(send(pool, &long(owner, nonce, 60_000)).is_ok());
        }
    }
    taken
}

fn tenth() -> Mempool {
    let whole = Limits::default();
    Mempool::new(network(), Limits { count: whole.count / 10, bytes: whole.bytes / 10, ..whole })
}

// 0027-ACC-010
#[test]
fn one_owner_however_rich_cannot_fill_the_pool() {
    let mut pool = Mempool::new(network(), Limits::default());
    let mut taken = 0;
    for nonce in 1..=600 {
        match send(&mut pool, &long(1_000_000, nonce, 60_000)) {
            Ok(_) => taken += 1,
            Err(Rejected::TooFast { bytes: 262_144, .. } | Rejected::OwnerBytes(_)) => {}
            Err(other) => panic!("{other}"),
        }
        if nonce % 60 == 0 {
            include(&mut pool, 1, &[]);
        }
    }
    assert!(taken > 40);
    assert!(pool.bytes() <= 10 * 262_144, "{} of {}", pool.bytes(), Limits::default().bytes);
    let refused = send(&mut pool, &long(1_000_000, 700, 60_000));
    assert!(matches!(refused, Err(Rejected::TooFast { .. } | Rejected::OwnerBytes(_))));
}

// 0027-ACC-010
#[test]
fn many_owners_of_ten_dollars_neither_fill_the_pool_nor_shut_out_others_of_ten() {
    let mut pool = tenth();
    flood(&mut pool, 0, 150);
    let quarter = Limits::default().bytes / 40;
    assert!(pool.bytes() <= quarter && pool.bytes() > quarter - 65_536, "{}", pool.bytes());
    for owner in 2_000..2_050 {
        send(&mut pool, &short(owner, 1)).expect("who asks for less finds room");
    }
    for owner in 1_000_000..1_000_020 {
        send(&mut pool, &long(owner, 1, 60_000)).expect("who holds more has room of its own");
    }
    assert!(pool.bytes() <= Limits::default().bytes / 10);
    // Among the same, all of whom take as much, who comes late waits.
    assert!(matches!(send(&mut pool, &long(3_000, 1, 60_000)), Err(Rejected::Full { .. })));
}

// 0027-ACC-010
#[test]
fn a_block_that_many_of_ten_dollars_want_has_three_quarters_for_those_who_hold_more() {
    let mut pool = tenth();
    flood(&mut pool, 0, 150);
    let honest: Vec<Vec<u8>> = (0..40)
        .flat_map(|owner| (1..=3).map(move |nonce| long(1_000_000 + owner, nonce, 5_400)))
        .collect();
    for bytes in &honest {
        send(&mut pool, bytes).expect("room of their own");
    }
    let block = pool.take(900_000, 100_000, &BTreeSet::new());
    let theirs = block.iter().filter(|held| honest.iter().any(|bytes| **bytes == ***held));
    assert_eq!(theirs.count(), honest.len(), "all that they have sent, 660 kB of it");
    let all: usize = block.iter().map(|held| held.len() + 4).sum();
    assert!(all <= 900_000 && all > 830_000, "and the rest goes to the others: {all}");
}

// 0027-ACC-010
#[test]
fn an_owner_has_no_more_in_a_block_than_its_share_while_others_wait() {
    let mut pool = tenth();
    for nonce in 1..=40 {
        send(&mut pool, &long(1_000_000, nonce, 60_000)).expect("within ten blocks' worth");
    }
    for nonce in 1..=10 {
        send(&mut pool, &long(1_000_001, nonce, 20_000)).expect("new");
    }
    let of = |owner: u32, block: &[Arc<[u8]>]| -> usize {
        let of = |held: &&Arc<[u8]>| held[1..21] == *address(owner).bytes();
        block.iter().filter(of).map(|held| held.len()).sum()
    };
    let block = pool.take(420_000, 100_000, &BTreeSet::new());
    assert_eq!(of(1_000_001, &block), 10 * long(1_000_001, 1, 20_000).len(), "all of the one");
    let share = per_block(holds(address(1_000_000))).map(|held| held.bytes);
    assert_eq!(share, Some(262_144));
    assert!(of(1_000_000, &block) <= 262_144, "a share of the other");
    let alone = pool.take(1_000_000, 100_000, &BTreeSet::new());
    assert!(of(1_000_000, &alone) > 700_000, "what nobody else wants is free");
    assert_eq!(per_block(Standing::Stranger), None::<PerBlock>);
}

/// Whatever comes and goes, the books of the pool are right.
#[test]
fn bounds_and_sums_hold_under_random_traffic() {
    let mut pool = Mempool::new(
        network(),
        Limits { count: 60, bytes: 200_000, per_owner: 20, remembered: 50 },
    );
    let mut seed = 0_u64;
    let mut below = |bound: u32| {
        seed += 1;
        let hash = Hash::of("traffic", &seed.to_be_bytes());
        u32::from_be_bytes(hash.bytes()[..4].try_into().expect("four")) % bound
    };
    let (mut taken, mut full) = (0, 0);
    for step in 0..1_500_u32 {
        let owner = below(12) + if below(2) == 0 { 0 } else { 1_000_000 };
        let nonce = u64::from(below(40)) + 1 + u64::from(step / 300) * 40;
        let bytes = if below(3) == 0 { long(owner, nonce, 16_000) } else { short(owner, nonce) };
        match send(&mut pool, &bytes) {
            Ok(_) => taken += 1,
            Err(Rejected::Full { .. }) => full += 1,
            Err(_) => {}
        }
        if below(20) == 0 {
            let block: Vec<Vec<u8>> =
                pool.take(40_000, 50, &BTreeSet::new()).iter().map(|held| held.to_vec()).collect();
            include(&mut pool, i128::from(step), &block);
        }
        let all = pool.take(usize::MAX, usize::MAX, &BTreeSet::new());
        assert_eq!(pool.len(), all.len());
        assert_eq!(pool.bytes(), all.iter().map(|held| held.len()).sum::<usize>());
        assert!(pool.len() <= 60 && pool.bytes() <= 200_000);
        assert_eq!(pool.expiries.len(), pool.len());
    }
    assert!(taken > 300 && full > 20, "{taken} {full}");
}
