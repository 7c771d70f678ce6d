//! What it costs to check who sent a command, apart from what the machine does with it.
//!
//! `cargo bench -p testkit --bench signatures`; without `--bench` it runs once on little, so that it never rots. Prints
//! JSON lines; the batch is one block's worth, and `ratio` compares it with the same signatures one by one.
#![expect(clippy::print_stdout, reason = "results of a bench")]

use access::{Network, OwnerKey, Read, SessionSecret, Validity};
use commonware_cryptography::ed25519::{PrivateKey, PublicKey, Signature};
use commonware_cryptography::{BatchEntry, BatchVerifier as _, Signer as _, Verifier as _};
use commonware_parallel::Sequential;
use commonware_utils::test_rng;
use protocol::{Command, Hash};
use std::hint::black_box;
use std::time::{Duration, Instant};
use units::BlockTime;

const DOMAIN: &[u8] = b"command";

/// A signed command: its bytes, who signed them, and the signature.
struct Signed {
    bytes: [u8; 96],
    signer: PublicKey,
    signature: Signature,
}

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (count, rounds) = if measured { (10_000, 5) } else { (10, 1) };
    let signed: Vec<Signed> = (0..count).map(sign).collect();

    let single = fastest(rounds, || {
        for Signed { bytes, signer, signature } in black_box(&signed) {
            assert!(signer.verify(DOMAIN, bytes, signature), "it was signed");
        }
    });
    let batch = fastest(rounds, || {
        let valid = PublicKey::verify_batch(
            &mut test_rng(),
            black_box(&signed),
            |_, Signed { bytes, signer, signature }| BatchEntry {
                namespace: DOMAIN,
                message: bytes,
                public_key: signer,
                signature,
            },
            &Sequential,
        );
        assert!(valid, "all were signed");
    });
    let (owners, sessions) = submissions(count / 10 + 1);
    let network = network();
    let whole = |held: &[Read]| {
        let checked = fastest(rounds, || {
            assert_eq!(access::verify(&network, black_box(held)), Ok(()), "all were signed");
        });
        checked.as_secs_f64() * 1e9 / held.len() as f64
    };
    let (owners, sessions) = (whole(&owners), whole(&sessions));
    println!(
        r#"{{"name":"signatures::owner","value":{owners:.0},"unit":"ns","vs":null,"ratio":null}}"#
    );
    println!(
        r#"{{"name":"signatures::session_batch","value":{sessions:.0},"unit":"ns","vs":"signatures::owner","ratio":{:.4}}}"#,
        sessions / owners
    );
    let each = |spent: Duration| spent.as_secs_f64() * 1e9 / count as f64;
    let (single, batch) = (each(single), each(batch));
    println!(
        r#"{{"name":"signatures::ed25519_single","value":{single:.0},"unit":"ns","vs":null,"ratio":null}}"#
    );
    println!(
        r#"{{"name":"signatures::ed25519_batch","value":{batch:.0},"unit":"ns","vs":"signatures::ed25519_single","ratio":{:.4}}}"#,
        batch / single
    );
}

fn network() -> Network {
    Network::new("bench", Hash::new([1; 32]))
}

/// Submissions of one command each: of owners, and of session keys.
fn submissions(count: u64) -> (Vec<Read>, Vec<Read>) {
    let (mut owners, mut sessions) = (Vec::new(), Vec::new());
    let read = |bytes: Vec<u8>| access::read(&network(), &bytes).expect("sound");
    for nonce in 1..=count {
        let validity = Validity { nonce, expires_at: BlockTime::from_millis(1) };
        let secret = *Hash::of("bench", &(nonce % 500).to_be_bytes()).bytes();
        let owner = OwnerKey::from_secret(secret).expect("a key");
        let session = SessionSecret::from_secret(secret).expect("a key");
        let command = || Command::MassCancel { sub: 0, instrument: None };
        let bytes = owner.submit(&network(), validity, command(), None, 1);
        owners.push(read(bytes.expect("shown")));
        let bytes = session.submit(&network(), owner.address(), validity, vec![command()]);
        sessions.push(read(bytes.expect("encodable")));
    }
    (owners, sessions)
}

/// Returns the fastest of some rounds: noise only ever adds.
fn fastest(rounds: u32, mut work: impl FnMut()) -> Duration {
    let round = |_| {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    (0..rounds).map(round).min().unwrap_or_default()
}

fn sign(number: u64) -> Signed {
    let key = PrivateKey::from_seed(number % 500);
    let mut bytes = [0; 96];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Signed { bytes, signer: key.public_key(), signature: key.sign(DOMAIN, &bytes) }
}
