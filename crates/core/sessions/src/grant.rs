//! Whether a grant may be used now, and whether the grants of a block cover its commands.

use crate::{DAY, Session};
use protocol::{Block, Grant, NonceWindow, Refusal, limits};
use units::BlockTime;

/// What is known of the key that has signed a grant.
#[derive(Debug, Clone, Copy)]
pub enum Signing<'a> {
    /// The nonces that the owner's own key has used; absent if it has never signed.
    Owner(Option<&'a NonceWindow>),
    /// The session key; absent if the owner has registered none of that name.
    Session(Option<&'a Session>),
}

impl Signing<'_> {
    /// Returns whether the key has not used a nonce; a key of which nothing is known has used none but zero.
    fn is_free(self, nonce: u64) -> bool {
        let window = match self {
            Self::Owner(nonces) => nonces,
            Self::Session(session) => session.map(|session| &session.nonces),
        };
        window.map_or(nonce > 0, |window| window.is_free(nonce))
    }
}

/// Checks that a grant may be used in a block of a time: it has not expired and does not live longer than a day; its key
/// has not ended; its nonce is unused and, being a time in milliseconds, no more than a day ahead.
///
/// spec 0027-ACC-005, 0027-ACC-006.
///
/// # Errors
///
/// In this sequence: [`Refusal::SignatureExpired`], [`Refusal::SignatureTooLong`]; of a session key
/// [`Refusal::SessionUnknown`], [`Refusal::SessionRevoked`], [`Refusal::SessionExpired`]; [`Refusal::NonceUsed`],
/// [`Refusal::NonceTooHigh`].
pub fn check(grant: &Grant, signing: Signing<'_>, now: BlockTime) -> Result<(), Refusal> {
    if grant.expires_at <= now {
        return Err(Refusal::SignatureExpired);
    }
    let day_on = now.after(DAY).map_err(|_| Refusal::SignatureTooLong)?;
    if grant.expires_at > day_on {
        return Err(Refusal::SignatureTooLong);
    }
    if let Signing::Session(session) = signing
        && let Some(refusal) = session.ok_or(Refusal::SessionUnknown)?.ended(now)
    {
        return Err(refusal);
    }
    if !signing.is_free(grant.nonce) {
        return Err(Refusal::NonceUsed);
    }
    if i128::from(grant.nonce) > day_on.millis() {
        return Err(Refusal::NonceTooHigh);
    }
    Ok(())
}

/// Returns whether the grants of a block cover its transactions: each those of its owner, and all of them where every
/// command must be `signed`.
///
/// spec 0027-ACC-002.
#[must_use]
pub fn covers(block: &Block, signed: bool) -> bool {
    let mut transactions = block.transactions.iter();
    for grant in &block.grants {
        let count = usize::from(grant.count);
        let mut own = transactions.by_ref().take(count);
        let wanted = 1..=limits::COMMANDS_PER_SIGNATURE_MAX;
        let counted = own.by_ref().take_while(|held| held.sender == grant.owner).count();
        if !wanted.contains(&count) || counted != count {
            return false;
        }
    }
    !signed || transactions.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Address, Scopes, SessionKey, SessionTerms, Signer};

    const NOW: BlockTime = BlockTime::from_millis(1_000);

    fn grant(nonce: u64, expires_in: i128) -> Grant {
        Grant {
            owner: Address::new([1; 20]),
            signer: Signer::Owner,
            nonce,
            expires_at: BlockTime::from_millis(NOW.millis() + expires_in),
            count: 1,
            shown: None,
        }
    }

    #[test]
    fn a_signature_lives_for_a_day_and_not_longer() {
        // 0027-ACC-005
        let asked = |expires_in| check(&grant(1, expires_in), Signing::Owner(None), NOW);
        assert_eq!(asked(0), Err(Refusal::SignatureExpired));
        assert_eq!(asked(1), Ok(()));
        assert_eq!(asked(DAY.millis()), Ok(()));
        assert_eq!(asked(DAY.millis() + 1), Err(Refusal::SignatureTooLong));
    }

    #[test]
    fn a_nonce_is_used_once_and_lies_no_more_than_a_day_ahead() {
        // 0027-ACC-006
        let asked = |nonce, window: Option<&NonceWindow>| {
            check(&grant(nonce, 1), Signing::Owner(window), NOW)
        };
        assert_eq!(asked(0, None), Err(Refusal::NonceUsed), "zero is below every window");
        let mut window = NonceWindow::default();
        assert_eq!(asked(7, Some(&window)), Ok(()));
        window.take(7);
        assert_eq!(asked(7, Some(&window)), Err(Refusal::NonceUsed));
        assert_eq!(asked(6, Some(&window)), Ok(()), "in any order");
        let most = u64::try_from(NOW.millis() + DAY.millis()).expect("positive");
        assert_eq!(asked(most, None), Ok(()));
        assert_eq!(asked(most + 1, None), Err(Refusal::NonceTooHigh));
    }

    #[test]
    fn a_session_key_that_is_unknown_or_has_ended_commands_nothing() {
        // 0027-ACC-005
        let mut session = Session::new(SessionTerms {
            key: SessionKey::new([1; 32]),
            scopes: Scopes::TRADE,
            sub: None,
            instrument: None,
            notional_per_day: None,
            expires_at: BlockTime::from_millis(1_001),
        });
        let asked =
            |session: Option<&Session>, now| check(&grant(1, 500), Signing::Session(session), now);
        assert_eq!(asked(None, NOW), Err(Refusal::SessionUnknown));
        assert_eq!(asked(Some(&session), NOW), Ok(()));
        let later = BlockTime::from_millis(1_001);
        assert_eq!(asked(Some(&session), later), Err(Refusal::SessionExpired));
        session.revoke(NOW).expect("it has not ended");
        assert_eq!(asked(Some(&session), NOW), Err(Refusal::SessionRevoked));
    }
}
