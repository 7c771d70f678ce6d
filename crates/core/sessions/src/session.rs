//! A session key: its terms, its end, and what it has used.
//!
//! **Invariant:** a key that has ended is remembered until the last signature by it has expired; one that is registered again
//! keeps the nonces it has used.

use crate::DAY;
use crate::cap::{spent_with, spent_without};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, NonceWindow, Refusal, SessionKey, SessionTerms, limits};
use std::collections::BTreeMap;
use units::{BlockTime, Notional};

/// A session key.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Session {
    /// What it may do.
    pub terms: SessionTerms,
    /// When its owner ended it, if so.
    pub revoked_at: Option<BlockTime>,
    /// The nonces it has used.
    pub nonces: NonceWindow,
    /// The day, counted from 1970, to which `spent` belongs.
    pub day: BlockTime,
    /// Dollars counted against its cap in that day, less what was given back.
    pub spent: Notional,
}

impl Session {
    /// Returns a key that has used nothing.
    #[must_use]
    pub fn new(terms: SessionTerms) -> Self {
        Self {
            terms,
            revoked_at: None,
            nonces: NonceWindow::default(),
            day: BlockTime::from_millis(0),
            spent: Notional::ZERO,
        }
    }

    /// Returns why the key may not command now, if so: from its expiry on, and once revoked.
    ///
    /// spec 0027-ACC-005.
    #[must_use]
    pub fn ended(&self, now: BlockTime) -> Option<Refusal> {
        if self.revoked_at.is_some() {
            return Some(Refusal::SessionRevoked);
        }
        (self.terms.expires_at <= now).then_some(Refusal::SessionExpired)
    }

    /// Returns whether no signature by it can be valid any more, so that its nonces may be forgotten.
    #[must_use]
    pub fn is_forgettable(&self, now: BlockTime) -> bool {
        let ended = self.revoked_at.unwrap_or(self.terms.expires_at);
        ended.min(self.terms.expires_at).after(DAY).is_ok_and(|at| at < now)
    }

    /// Ends the key.
    ///
    /// spec 0027-ACC-007.
    ///
    /// # Errors
    ///
    /// [`Refusal::SessionRevoked`] if it was ended before.
    pub const fn revoke(&mut self, now: BlockTime) -> Result<(), Refusal> {
        if self.revoked_at.is_some() {
            return Err(Refusal::SessionRevoked);
        }
        self.revoked_at = Some(now);
        Ok(())
    }

    /// Counts dollars against the cap of a day, if there is one, beside what the same command gives back. What was counted in
    /// another day is forgotten.
    ///
    /// spec 0027-ACC-004, 0027-ACC-014.
    ///
    /// # Errors
    ///
    /// A refusal as [`spent_with`] says, and nothing has changed then; [`Fault`] if a sum leaves its limits.
    pub fn count(
        &mut self,
        day: BlockTime,
        value: Notional,
        given_back: Notional,
    ) -> Result<Result<(), Refusal>, Fault> {
        let Some(cap) = self.terms.notional_per_day else { return Ok(Ok(())) };
        let before = if self.day == day { self.spent } else { Notional::ZERO };
        let spent = spent_with(before, value, given_back, cap)?;
        Ok(spent.map(|spent| (self.day, self.spent) = (day, spent)))
    }

    /// Gives back dollars that were counted in a day. Of a day that is over, nothing is.
    ///
    /// spec 0027-ACC-017.
    pub fn give_back(&mut self, day: BlockTime, dollars: Notional) {
        if let Some(spent) = spent_without(self.spent, dollars).filter(|_| self.day == day) {
            self.spent = spent;
        }
    }
}

/// Checks terms that an owner gives a key.
///
/// spec 0027-ACC-007.
///
/// # Errors
///
/// [`Refusal::SessionTermsInvalid`] if they allow nothing, have ended, or a time or cap is outside its limits.
pub fn check_terms(terms: &SessionTerms, now: BlockTime) -> Result<(), Refusal> {
    let sound = terms.scopes.is_valid()
        && terms.expires_at > now
        && terms.expires_at.within_limit().is_ok()
        && terms
            .notional_per_day
            .is_none_or(|cap| cap >= Notional::ZERO && cap.within_limit().is_ok());
    if sound { Ok(()) } else { Err(Refusal::SessionTermsInvalid) }
}

/// Forgets the keys of an owner by which no signature can be valid any more, but for one; `forgotten` is told each.
pub fn forget_ended(
    sessions: &mut BTreeMap<SessionKey, Session>,
    kept: SessionKey,
    now: BlockTime,
    mut forgotten: impl FnMut(SessionKey),
) {
    sessions.retain(|key, session| {
        let gone = *key != kept && session.is_forgettable(now);
        if gone {
            forgotten(*key);
        }
        !gone
    });
}

/// Lets a key command under terms that have been checked, or changes what it may; the nonces it has used stay used.
///
/// spec 0027-ACC-007.
///
/// # Errors
///
/// [`Refusal::TooManySessions`] if the owner has as many keys as it may and this is none of them.
pub fn register(
    sessions: &mut BTreeMap<SessionKey, Session>,
    terms: SessionTerms,
) -> Result<(), Refusal> {
    let full = sessions.len() >= limits::SESSIONS_PER_OWNER_MAX;
    match sessions.get_mut(&terms.key) {
        Some(session) => (session.terms, session.revoked_at) = (terms, None),
        None if full => return Err(Refusal::TooManySessions),
        None => drop(sessions.insert(terms.key, Session::new(terms))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Scopes;

    fn terms(key: u8, expires_at: i128) -> SessionTerms {
        SessionTerms {
            key: SessionKey::new([key; 32]),
            scopes: Scopes::TRADE,
            sub: None,
            instrument: None,
            notional_per_day: Some(Notional::from_micros(100)),
            expires_at: BlockTime::from_millis(expires_at),
        }
    }

    fn at(millis: i128) -> BlockTime {
        BlockTime::from_millis(millis)
    }

    #[test]
    fn a_key_commands_until_it_expires_or_is_revoked() {
        // 0027-ACC-005, 0027-ACC-007
        let mut session = Session::new(terms(1, 1_000));
        assert_eq!(session.ended(at(999)), None);
        assert_eq!(session.ended(at(1_000)), Some(Refusal::SessionExpired));
        assert_eq!(session.revoke(at(5)), Ok(()));
        assert_eq!(session.ended(at(0)), Some(Refusal::SessionRevoked));
        assert_eq!(session.revoke(at(6)), Err(Refusal::SessionRevoked));
        assert_eq!(session.revoked_at, Some(at(5)), "the first time counts");
    }

    #[test]
    fn a_key_is_remembered_until_the_last_signature_by_it_has_expired() {
        let mut session = Session::new(terms(1, 1_000));
        let last = 1_000 + DAY.millis();
        assert!(!session.is_forgettable(at(last)) && session.is_forgettable(at(last + 1)));
        session.revoke(at(10)).expect("it has not ended");
        assert!(!session.is_forgettable(at(10 + DAY.millis())));
        assert!(session.is_forgettable(at(11 + DAY.millis())));
    }

    #[test]
    fn terms_that_allow_nothing_or_have_ended_are_refused() {
        let sound = terms(1, 1_000);
        let invalid = Err(Refusal::SessionTermsInvalid);
        assert_eq!(check_terms(&sound, at(999)), Ok(()));
        assert_eq!(check_terms(&sound, at(1_000)), invalid);
        assert_eq!(
            check_terms(&SessionTerms { scopes: Scopes::default(), ..sound }, at(0)),
            invalid
        );
        for micros in [-1, Notional::LIMIT + 1] {
            let notional_per_day = Some(Notional::from_micros(micros));
            assert_eq!(check_terms(&SessionTerms { notional_per_day, ..sound }, at(0)), invalid);
        }
    }

    #[test]
    fn a_key_registered_again_keeps_its_nonces_and_what_it_has_spent() {
        // 0027-ACC-007
        let mut sessions = BTreeMap::new();
        register(&mut sessions, terms(1, 1_000)).expect("there is room");
        let session = sessions.get_mut(&SessionKey::new([1; 32])).expect("it was registered");
        assert!(session.nonces.take(7));
        session.spent = Notional::from_micros(5);
        session.revoke(at(3)).expect("it has not ended");
        register(&mut sessions, terms(1, 9_000)).expect("it is there");
        let session = &sessions[&SessionKey::new([1; 32])];
        assert_eq!(session.ended(at(3)), None);
        assert!(!session.nonces.is_free(7));
        assert_eq!(session.spent, Notional::from_micros(5));
    }

    #[test]
    fn no_owner_has_more_keys_than_it_may_and_those_long_ended_make_room() {
        let mut sessions = BTreeMap::new();
        let most = u8::try_from(limits::SESSIONS_PER_OWNER_MAX).expect("few");
        for key in 0..most {
            register(&mut sessions, terms(key, 1_000)).expect("there is room");
        }
        let more = terms(most, 9_000);
        assert_eq!(register(&mut sessions, more), Err(Refusal::TooManySessions));
        assert_eq!(register(&mut sessions, terms(0, 2_000)), Ok(()), "one of them");
        let mut forgotten = Vec::new();
        let now = at(1_001 + DAY.millis());
        forget_ended(&mut sessions, SessionKey::new([1; 32]), now, |key| forgotten.push(key));
        // The first ends later, the second is kept.
        assert_eq!(forgotten.len(), usize::from(most) - 2);
        assert_eq!(register(&mut sessions, more), Ok(()));
    }
}
