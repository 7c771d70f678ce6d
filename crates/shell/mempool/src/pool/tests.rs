use super::*;
use crate::{BAD_SIGNATURES_EACH_MAX, Invalid, SUBMISSION_BYTES_MAX, name_of};
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
    let mut narrow = pool(2);
    admit(&mut narrow, &submission(1, 1)).expect("new");
    admit(&mut narrow, &submission(1, 2)).expect("new");
    assert!(matches!(admit(&mut narrow, &submission(1, 3)), Err(Rejected::Full { count: 2, .. })));
    let malformed = Rejected::Invalid;
    assert!(matches!(admit(&mut narrow, b"x"), Err(Rejected::Invalid(Invalid::Malformed(_)))));
    let long = vec![0; SUBMISSION_BYTES_MAX + 1];
    let length = long.len();
    assert_eq!(admit(&mut narrow, &long), Err(malformed(Invalid::TooLong { length })));
    assert_eq!(narrow.len(), 2);

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
    assert!(submit(&mut pool, 1, 900).is_ok());
    assert_eq!(submit(&mut pool, 2, 101), Err(Rejected::TooFast { per_block: 100 }));
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

/// Whoever has no account can make keys without end: their signatures are not even checked once they have had their share.
///
/// spec 0027-ACC-010.
#[test]
fn strangers_are_turned_away_before_their_signatures_are_checked() {
    let mut pool = Mempool::new(network(), Limits { remembered: 4, ..Limits::default() });
    let submit = |pool: &mut Mempool, bytes: Vec<u8>| {
        pool.admit(Source::Local, &[bytes], |_| Standing::Stranger).remove(0)
    };
    assert!(submit(&mut pool, submission_until(1, 1, 1_000, LATE)).is_ok());
    let mut forged = submission(2, 1);
    *forged.last_mut().expect("bytes") ^= 1;
    assert_eq!(submit(&mut pool, forged), Err(Rejected::TooFast { per_block: 100 }));
    assert!(admit(&mut pool, &submission(2, 1)).is_ok(), "an owner who has an account is heard");
}
