//! A vote of validators on many questions at once: for each key the weighted median, if enough stake has voted on it.

use crate::median::{Middle, weight_sum, weighted_median};
use protocol::{Plant, ValidatorId};

/// One validator's value for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ballot<K, T> {
    /// The question.
    pub(crate) key: K,
    /// Who votes; only its lowest value for a key counts.
    pub(crate) validator: ValidatorId,
    /// The answer.
    pub(crate) value: T,
    /// The weight of the answer.
    pub(crate) stake: u64,
}

/// Returns, ascending by key, the stake-weighted median of every key on which more than two thirds of all stake voted.
///
/// Lying stake below a third of all is then below half of every median, and so is a third exactly: `w ≤ W/3 < reporting/2`, so each result lies
/// within the honest values for its key (0017-ORAC-002, 0017-ORAC-003).
pub(crate) fn agreed<K: Ord + Copy, T: Middle>(
    mut ballots: Vec<Ballot<K, T>>,
    total_stake: u64,
) -> Vec<(K, T)> {
    ballots.sort_unstable();
    ballots.dedup_by_key(|ballot| (ballot.key, ballot.validator));
    let mut results = Vec::new();
    for votes in ballots.chunk_by(|left, right| left.key == right.key) {
        let stake = weight_sum(votes.iter().map(|vote| vote.stake));
        let (thrice, needed) = (stake.saturating_mul(3), u128::from(total_stake).saturating_mul(2));
        let is_quorum = thrice > needed
            || (thrice == needed && Plant::TwoThirds.is_planted())
            || Plant::FewReport.is_planted();
        let values: Vec<(T, u64)> = votes.iter().map(|vote| (vote.value, vote.stake)).collect();
        if let (true, Some(vote), Some(value)) =
            (is_quorum, votes.first(), weighted_median(&values))
        {
            results.push((vote.key, value));
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::Price;

    fn ballot(key: u8, validator: u16, micros: i128, stake: u64) -> Ballot<u8, Price> {
        let value = Price::from_micros(micros);
        Ballot { key, validator: ValidatorId::new(validator), value, stake }
    }

    fn agreed_micros(votes: Vec<Ballot<u8, Price>>, total_stake: u64) -> Vec<(u8, i128)> {
        let agreed = agreed(votes, total_stake).into_iter();
        agreed.map(|(key, price)| (key, price.micros())).collect()
    }

    /// 0017-ORAC-003.
    #[test]
    fn two_thirds_of_the_stake_are_no_quorum_and_one_more_is() {
        let votes = |stake| vec![ballot(1, 1, 10, 100), ballot(1, 2, 11, stake)];
        assert_eq!(agreed_micros(votes(101), 300), [(1, 11)]);
        assert_eq!(agreed_micros(votes(100), 300), []);
    }

    /// 0017-ORAC-003.
    #[test]
    fn a_validator_votes_once_for_a_key_however_often_it_reports() {
        let mut votes = vec![ballot(1, 1, 10, 100), ballot(1, 2, 11, 100)];
        votes.extend((0..50).map(|value| ballot(1, 3, 90 - value, 99)));
        assert_eq!(agreed_micros(votes, 299), [(1, 11)]);
    }

    /// 0017-ORAC-001, 0017-ORAC-003.
    #[test]
    fn two_equal_halves_of_the_stake_agree_on_their_middle() {
        let votes = vec![ballot(1, 1, 10, 100), ballot(1, 2, 13, 100)];
        assert_eq!(agreed_micros(votes, 200), [(1, 11)]);
    }

    #[test]
    fn no_stake_at_all_agrees_on_nothing() {
        assert_eq!(agreed_micros(vec![ballot(1, 1, 10, 0)], 0), []);
    }
}
