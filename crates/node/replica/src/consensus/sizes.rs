//! How long what validators send each other may be, as encoded. Whoever sends and whoever reads ask the same functions.
//!
//! | channel | who bounds it, at both ends |
//! |---|---|
//! | submissions | [`Batch`]: a message ends before the submission that would not fit |
//! | reports | [`report_bytes_max`]: an equal share of the room in a block, 64 KiB at most |
//! | blocks, and blocks asked for | [`Payload::gather`](crate::proposal::payload::Payload::gather): what is left of [`PAYLOAD_BYTES_MAX`] is filled, no more |
//! | questions of those who have diverged | [`message`] and [`read`] with one constant |
//! | votes, certificates, and those asked for | the engine, by the number of validators |
//!
//! **Invariant:** an honest validator sends nothing that its peers cannot read.
//!
//! A peer is blocked for bytes that no honest validator sends, never for their number: a message that is too long is not
//! looked at, and that is all.

use crate::consensus::block::PAYLOAD_BYTES_MAX;
use crate::consensus::committee::Report;
use access::SUBMISSION_BYTES_MAX;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec::{self, DecodeError};

/// Longest message of submissions.
pub(crate) const BATCH_BYTES_MAX: usize = 192 << 10;
/// Bytes of the encoding of an empty list: its version and its length.
const LIST_BYTES: usize = 1 + 4;
/// Bytes that a submission takes in a list besides its own: their number.
pub(crate) const PREFIX_BYTES: usize = 4;
/// No submission is as short: an owner, a nonce, an expiry, a command and a signature.
const SUBMISSION_BYTES_MIN: usize = 100;
/// Bytes of a block that are for reports: all of them fit, whoever makes them.
pub(crate) const REPORTS_BYTES_MAX: usize = PAYLOAD_BYTES_MAX / 2;
/// Longest report, however few validators there are.
pub(crate) const REPORT_BYTES_MAX: usize = 64 << 10;

// Whatever may be submitted fits into a message, and into a block beside all reports and all evidence.
const _: () = assert!(LIST_BYTES + PREFIX_BYTES + SUBMISSION_BYTES_MAX <= BATCH_BYTES_MAX);
const _: () = assert!(
    REPORTS_BYTES_MAX
        + crate::consensus::evidence::PIECES_BYTES_MAX
        + PREFIX_BYTES
        + SUBMISSION_BYTES_MAX
        <= PAYLOAD_BYTES_MAX
);

/// Returns the longest report of one of so many validators, as encoded.
///
/// spec 0017-ORAC-021.
pub(crate) fn report_bytes_max(validators: usize) -> usize {
    REPORTS_BYTES_MAX.checked_div(validators).unwrap_or(0).min(REPORT_BYTES_MAX)
}

/// Whether a report is as short as each of so many validators must keep it.
pub(crate) fn report_fits(report: &Report, validators: usize) -> bool {
    codec::encode(report).is_ok_and(|bytes| bytes.len() <= report_bytes_max(validators))
}

/// Why a message is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Longer than this program sends; another might.
    TooLong,
    /// No honest validator sends it.
    Malformed,
}

/// Returns the encoding of what is to be sent; none if its peers would not read it.
pub(crate) fn message<T: BorshSerialize>(value: &T, bytes_max: usize) -> Option<Vec<u8>> {
    codec::encode(value).ok().filter(|bytes| bytes.len() <= bytes_max)
}

/// Returns what a message says.
pub(crate) fn read<T: BorshDeserialize>(bytes: &[u8], bytes_max: usize) -> Result<T, Unread> {
    codec::decode(bytes, bytes_max).map_err(|error| match error {
        DecodeError::TooLong { .. } => Unread::TooLong,
        _ => Unread::Malformed,
    })
}

/// Submissions that go out in one message.
#[derive(Debug)]
pub(crate) struct Batch {
    submissions: Vec<Vec<u8>>,
    bytes: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { submissions: Vec::new(), bytes: LIST_BYTES }
    }

    /// Adds a submission, or gives it back if the message would be too long.
    pub(crate) fn add(&mut self, submission: Vec<u8>) -> Result<(), Vec<u8>> {
        let longer = self.bytes.saturating_add(PREFIX_BYTES).saturating_add(submission.len());
        if longer > BATCH_BYTES_MAX {
            return Err(submission);
        }
        self.bytes = longer;
        self.submissions.push(submission);
        Ok(())
    }

    pub(crate) fn message(&self) -> Option<Vec<u8>> {
        message(&self.submissions, BATCH_BYTES_MAX)
    }

    /// Returns the submissions in a message.
    pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Unread> {
        let submissions: Vec<Vec<u8>> = read(bytes, BATCH_BYTES_MAX)?;
        // Many that are nothing would cost as much as they are many.
        let is_one =
            |held: &Vec<u8>| (SUBMISSION_BYTES_MIN..=SUBMISSION_BYTES_MAX).contains(&held.len());
        if submissions.iter().all(is_one) { Ok(submissions) } else { Err(Unread::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::{Network, OwnerKey, SessionSecret, Validity};
    use protocol::{Address, Command, Hash};
    use units::BlockTime;

    /// Every message in which submissions of these lengths leave, in order.
    fn messages(lengths: &[usize]) -> Vec<Vec<u8>> {
        let mut queue: Vec<Vec<u8>> = lengths.iter().rev().map(|len| vec![7; *len]).collect();
        let mut sent = Vec::new();
        while let Some(first) = queue.pop() {
            let mut first = Some(first);
            let (message, left) = crate::proposal::gossip::batch(&mut first, || queue.pop())
                .expect("what is admitted fits");
            queue.extend(left);
            sent.push(message);
        }
        sent
    }

    fn arrived(lengths: &[usize]) -> Vec<usize> {
        let read = |message: Vec<u8>| Batch::read(&message).expect("peers can read it");
        messages(lengths).into_iter().flat_map(read).map(|held| held.len()).collect()
    }

    #[test]
    fn what_once_cut_a_validator_off_is_read_by_its_peers() {
        // 879 short ones and a long one: 200,017 bytes in one message, where 196,672 were read.
        let mut lengths = vec![149; 879];
        lengths.push(65_521);
        assert_eq!(arrived(&lengths), lengths);
        lengths.rotate_right(1);
        assert_eq!(arrived(&lengths), lengths);
    }

    #[test]
    fn whatever_is_submitted_leaves_in_messages_that_peers_can_read() {
        let (least, most) = (SUBMISSION_BYTES_MIN, SUBMISSION_BYTES_MAX);
        let mut seed = 0_u64;
        let mut below = |bound: usize| {
            seed += 1;
            let bytes = *Hash::of("size", &seed.to_be_bytes()).bytes();
            let number = bytes.iter().take(6).fold(0_usize, |number, byte| {
                number.wrapping_mul(256).wrapping_add(usize::from(*byte))
            });
            number % bound
        };
        for history in 0..300 {
            // Some of one length, then some of another: shortest, longest, and whatever is between.
            let mut lengths = Vec::new();
            for _ in 0..=below(6) {
                let length = match below(4) {
                    0 => least,
                    1 => most,
                    2 => least + below(200),
                    _ => least + below(most - least + 1),
                };
                let count = 1 + below(if length < 1_000 { 2_000 } else { 5 });
                lengths.extend(std::iter::repeat_n(length, count));
            }
            assert_eq!(arrived(&lengths), lengths, "history {history}");
        }
        // To the byte: what fills a message, one more, one less.
        let full = BATCH_BYTES_MAX - LIST_BYTES - 3 * PREFIX_BYTES - 2 * most;
        for (last, count) in [(full - 1, 1), (full, 1), (full + 1, 2)] {
            let lengths = [most, most, last];
            assert_eq!(messages(&lengths).len(), count);
            assert_eq!(arrived(&lengths), lengths);
        }
    }

    #[test]
    fn length_alone_is_nobodys_fault_and_nonsense_is() {
        let mut long = messages(&[most_of(3)]).remove(0);
        long.resize(BATCH_BYTES_MAX + 1, 0);
        assert_eq!(Batch::read(&long), Err(Unread::TooLong));
        assert_eq!(
            read::<Report>(&vec![1; REPORT_BYTES_MAX + 1], REPORT_BYTES_MAX).err(),
            Some(Unread::TooLong)
        );
        assert_eq!(Batch::read(b"\x01nonsense"), Err(Unread::Malformed));
        let many = message(&vec![Vec::<u8>::new(); 40_000], BATCH_BYTES_MAX).expect("short");
        assert_eq!(Batch::read(&many), Err(Unread::Malformed), "nothing, many times");
    }

    fn most_of(count: usize) -> usize {
        SUBMISSION_BYTES_MAX / count
    }

    #[test]
    fn no_submission_is_shorter_than_the_shortest() {
        let network = Network::new("n", Hash::default());
        let validity = Validity { nonce: 1, expires_at: BlockTime::from_millis(1) };
        let shortest = Command::MassCancel { sub: 0, instrument: None };
        let key = SessionSecret::from_secret([1; 32]).expect("a key");
        let by_session = key.submit(&network, Address::default(), validity, vec![shortest.clone()]);
        let by_session = by_session.expect("encodable");
        let owner = OwnerKey::from_secret([1; 32]).expect("a key");
        let by_owner = owner.submit(&network, validity, shortest, None, 1).expect("encodable");
        for bytes in [by_session, by_owner] {
            assert!(bytes.len() >= SUBMISSION_BYTES_MIN + 10, "{}", bytes.len());
        }
    }
}
