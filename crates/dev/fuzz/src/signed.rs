//! Signed submissions: whatever the bytes are, what is accepted was signed, and has one encoding.

use crate::Answer;
use crate::generate::Generate;
use crate::random::Random;
use access::{Authority, Network, OwnerKey, SessionSecret, Submission, Validity};
use protocol::codec::{decode, encode};
use protocol::{Address, Change, Command, Hash, SessionKey};
use units::BlockTime;

fn network() -> Network {
    Network::new("fuzz", Hash::new([3; 32]))
}

fn owner() -> OwnerKey {
    OwnerKey::from_secret([4; 32]).expect("a key")
}

fn session() -> SessionSecret {
    SessionSecret::from_secret([5; 32]).expect("a key")
}

/// A submission that verifies is by the one owner or the one session key that there are.
pub(crate) fn submission(bytes: &[u8]) -> Answer {
    let Ok(read) = access::read(&network(), bytes) else { return Answer::Refused };
    let held: Submission = decode(bytes, access::SUBMISSION_BYTES_MAX).expect("it was read");
    assert_eq!(encode(&held).expect("inside its limits"), bytes, "two encodings");
    if access::verify(&network(), [&read]).is_err() {
        return Answer::Refused;
    }
    match held.authority {
        Authority::Owner { .. } => assert_eq!(held.body.owner, owner().address()),
        Authority::Session { key, .. } => assert_eq!(key, session().public()),
    }
    let known = submissions().contains(&bytes.to_vec());
    assert!(known, "a submission that nobody has signed: {held:?}");
    Answer::Accepted
}

pub(crate) fn submissions() -> Vec<Vec<u8>> {
    static SEEDS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    SEEDS.get_or_init(signed).clone()
}

/// Returns some command; a seat is proposed with a key that is one, without which it is refused.
fn command(random: &mut Random) -> Command {
    let mut command = Command::generate(random);
    if let Command::Propose { change: Change::SeatValidator { seat, .. } } = &mut command {
        seat.key = *session().public().bytes();
    }
    command
}

fn signed() -> Vec<Vec<u8>> {
    let mut random = Random::named("submission");
    let mut all = Vec::new();
    let validity =
        |nonce| Validity { nonce, expires_at: BlockTime::from_millis(1_600_000_000_000) };
    for nonce in 1..=12 {
        let commands: Vec<Command> = (0..nonce).map(|_| command(&mut random)).collect();
        let address = Address::generate(&mut random);
        let bytes = session().submit(&network(), address, validity(nonce), commands);
        all.push(bytes.expect("inside its limits"));
        let revoke = Command::RevokeSession { key: SessionKey::generate(&mut random) };
        let some = [revoke, command(&mut random), command(&mut random)];
        for command in some {
            // A command that names an instrument needs the listing; the others are shown as they are.
            all.extend(owner().submit(&network(), validity(nonce), command, None, nonce));
        }
    }
    all
}
