//! What a vol is before the repair, by 0017-ORAC-017 and 027, where whoever is honest votes what is true.
//!
//! Lies of a third of the stake are no part of it, so it is one number and not a range: a vol that is anything else has been
//! moved by somebody. That it is what is true does not make it stay so: on its way from what it followed to what it follows
//! it may pass there.

/// What a vol follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Follows {
    /// Votes.
    Votes,
    /// The line between the strikes beside it, as its own votes are stale.
    Line,
    /// Its last vote, as nobody votes on any strike of the expiry.
    LastVote,
}

/// Times of an underlying, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// How old a vote may be.
    pub(super) stale_after: i128,
    /// How long an offset fades.
    pub(super) fade: i128,
}

/// The vol of an option as it is voted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voted {
    /// What it is, in points.
    pub(super) is: i128,
    /// What was true when enough validators last voted on it, and when that was.
    heard: i128,
    heard_at: i128,
    follows: Follows,
    /// What that was in the last block.
    base: i128,
    /// How far the vol was above it when it began to follow it, and from when until when that fades.
    offset: i128,
    fades: (i128, i128),
}

impl Voted {
    /// Returns a vol on which enough validators vote for the first time.
    pub(super) const fn first(truth: i128, now: i128) -> Self {
        let (heard_at, fades) = (now, (now, now));
        let follows = Follows::Votes;
        Self { is: truth, heard: truth, heard_at, follows, base: truth, offset: 0, fades }
    }

    /// Takes in a block: what enough validators vote, if they do, and the line between the strikes beside, if these are voted.
    pub(super) fn hear(&mut self, vote: Option<i128>, line: Option<i128>, now: i128, times: Times) {
        let before = self.base + self.left(now);
        if let Some(vote) = vote {
            (self.heard, self.heard_at) = (vote, now);
        }
        let is_old = self.follows != Follows::Votes || now - self.heard_at > times.stale_after;
        let follows = match (vote, line) {
            (None, Some(_)) if is_old => Follows::Line,
            (None, None) if is_old => Follows::LastVote,
            _ => Follows::Votes,
        };
        self.base = line.filter(|_| follows == Follows::Line).unwrap_or(self.heard);
        if follows != self.follows {
            (self.follows, self.offset) = (follows, before - self.base);
            self.fades = (now, now + times.fade.max(1));
        }
        self.is = self.base + self.left(now);
    }

    /// Whether it is voted, and nothing is left of what it followed before: so there is no doubt about it.
    pub(super) fn is_sure(&self) -> bool {
        self.fresh() == Some(self.is)
    }

    /// Returns what is voted, if that is fresh.
    pub(super) fn fresh(&self) -> Option<i128> {
        (self.follows == Follows::Votes).then_some(self.heard)
    }

    /// Returns what is left of the offset, rounded to zero.
    const fn left(&self, now: i128) -> i128 {
        let (from, until) = self.fades;
        if now < until { self.offset * (until - now) / (until - from) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times { stale_after: 20, fade: 30 };

    /// 0017-ORAC-027: what was true when votes returned is passed again on the way, and left again.
    #[test]
    fn a_vol_that_passes_what_is_true_goes_on_to_its_votes() {
        let mut voted = Voted::first(9_000, 0);
        voted.hear(None, None, 21, TIMES);
        voted.hear(Some(8_400), None, 22, TIMES);
        assert_eq!((voted.is, voted.is_sure()), (9_000, false), "nothing jumps");
        let mut ways = Vec::new();
        for (at, truth) in [(32, 8_500), (37, 8_700), (42, 8_800)] {
            voted.hear(None, None, at, TIMES);
            ways.push((voted.is, truth));
        }
        assert_eq!(ways, [(8_800, 8_500), (8_700, 8_700), (8_600, 8_800)]);
        voted.hear(Some(8_800), None, 42, TIMES);
        assert_eq!(
            (voted.is, voted.is_sure()),
            (9_000, false),
            "what is left moves with the votes"
        );
        voted.hear(Some(8_800), None, 52, TIMES);
        assert_eq!((voted.is, voted.is_sure()), (8_800, true));
    }

    /// 0017-ORAC-027: a strike without votes comes to the line within the time of a fade, and goes back as slowly.
    #[test]
    fn a_strike_without_votes_comes_to_the_line_and_goes_back() {
        let mut voted = Voted::first(6_000, 0);
        let mut ways = Vec::new();
        for at in [20, 21, 36, 51] {
            voted.hear(None, Some(6_600), at, TIMES);
            ways.push(voted.is);
        }
        voted.hear(None, Some(6_700), 52, TIMES);
        ways.push(voted.is);
        for at in [53, 68, 83] {
            voted.hear(Some(6_100), Some(6_700), at, TIMES);
            ways.push(voted.is);
        }
        assert_eq!(ways, [6_000, 6_000, 6_300, 6_600, 6_700, 6_700, 6_400, 6_100]);
    }
}
