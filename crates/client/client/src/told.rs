//! What an answer shows, in a sentence.

use light::{Finding, Shown};
use machine::StateKey;
use protocol::codec::{self, DecodeError};
use records::{absent, answered, greeks_text, happened, lines, name, standing};
use state_proof::{Claim, KEY_BYTES_MAX};
use units::utc_text;

/// Why what an answer proves cannot be said: it is of another version of the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableError {
    /// A key that no record here has.
    #[error("its key is none of this program's version")]
    Key,
    /// A record of another form.
    #[error("its record cannot be read: {0}")]
    Record(#[from] DecodeError),
}

/// Returns what an answer shows: what holds, after or in which block of a chain, and who finalised it.
///
/// # Errors
///
/// [`UnreadableError`] if the proof holds, but nothing here can read what it proves.
pub fn told(shown: &Shown, chain: &str) -> Result<String, UnreadableError> {
    let (what, when) = match &shown.finding {
        Finding::Record { key, claim } => (record(key, claim)?, "after"),
        Finding::Order { market, order, standing: None } => {
            (format!("order {order} does not stand in market {market}"), "after")
        }
        Finding::Order { market, order, standing: Some(open) } => {
            (format!("order {order} stands in market {market}: {}", standing(open)), "after")
        }
        Finding::Happened { order, events } => (happened(*order, events), "in"),
        Finding::Receipt { grant, first: _, answered: receipts } => {
            (answered(grant, receipts), "in")
        }
        Finding::Greeks { account, greeks } => (greeks_text(*account, greeks), "after"),
    };
    let (height, time) = (shown.height, utc_text(shown.time));
    Ok(format!(
        "{what}; {when} block {height} of {chain} at {time}, finalised by the validators of epoch {} with block {}",
        shown.epoch, shown.finalised
    ))
}

/// Returns what a claim says of a record.
fn record(key: &[u8], claim: &Claim) -> Result<String, UnreadableError> {
    let Ok(key) = codec::decode::<StateKey>(key, KEY_BYTES_MAX) else {
        return Err(UnreadableError::Key);
    };
    match claim {
        Claim::Absent => Ok(absent(&key)),
        Claim::Present(record) => {
            let lines = lines(&key, record)?;
            let lines: Vec<_> =
                lines.iter().map(|(name, value)| format!("{name} {value}")).collect();
            Ok(format!("{}: {}", name(&key), lines.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Hash;
    use units::{BlockHeight, BlockTime};

    fn shown(key: Vec<u8>, claim: Claim) -> Shown {
        Shown {
            height: BlockHeight::from_blocks(12),
            time: BlockTime::from_millis(1_583_971_200_000),
            state_root: Hash::default(),
            finalised: BlockHeight::from_blocks(14),
            epoch: 3,
            finding: Finding::Record { key, claim },
        }
    }

    #[test]
    fn what_is_proved_is_said_with_its_block_and_who_finalised_it() {
        let key = codec::encode(&StateKey::Committee).unwrap();
        assert_eq!(
            told(&shown(key, Claim::Absent), "novation").unwrap(),
            "there is no committee; after block 12 of novation at 2020-03-12T00:00:00Z, finalised by the validators of \
             epoch 3 with block 14"
        );
    }

    #[test]
    fn what_another_version_wrote_is_not_guessed_at() {
        let unknown = shown(vec![255; 8], Claim::Absent);
        assert_eq!(told(&unknown, "novation"), Err(UnreadableError::Key));
        let key = codec::encode(&StateKey::Block).unwrap();
        let garbled = told(&shown(key, Claim::Present(vec![1])), "novation").unwrap_err();
        assert!(garbled.to_string().starts_with("its record cannot be read: "), "{garbled}");
    }
}
