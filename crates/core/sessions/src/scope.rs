//! Which commands are within the terms of a session key.

use protocol::{Address, Command, InstrumentId, Scopes, SessionTerms};

/// Returns whether the terms of an owner's session key allow a command, but for what it spends. `cancelled` is the instrument
/// of the open order that the command cancels; a key of one instrument cancels none that is not known to be in it.
///
/// Registering keys and revoking them is in no scope: it takes the owner's own signature.
///
/// spec 0027-ACC-004.
#[must_use]
pub fn in_scope(
    terms: &SessionTerms,
    owner: Address,
    command: &Command,
    cancelled: Option<InstrumentId>,
) -> bool {
    let (scope, sub) = match command {
        Command::PlaceOrder { sub, .. } | Command::MassQuote { sub, .. } => {
            (Scopes::TRADE, Some(*sub))
        }
        Command::CancelOrder { sub, .. } | Command::MassCancel { sub, .. } => {
            (Scopes::CANCEL, Some(*sub))
        }
        Command::Transfer { sub, .. } => (Scopes::TRANSFER, Some(*sub)),
        Command::BuyCollateral { sub, .. } => (Scopes::TRADE, Some(*sub)),
        // Whoever finds a session key sends nothing to himself.
        Command::Withdraw { sub, destination, .. } if *destination == owner => {
            (Scopes::WITHDRAW, Some(*sub))
        }
        Command::Deposit { .. } | Command::AttestPayment { .. } => (Scopes::DEPOSIT, None),
        Command::Propose { .. }
        | Command::Approve { .. }
        | Command::Revoke { .. }
        | Command::Pause { .. } => (Scopes::GOVERN, None),
        // What is not listed takes the owner's own signature.
        _ => return false,
    };
    terms.scopes.contains(scope)
        && terms.sub.is_none_or(|only| sub == Some(only))
        && terms.instrument.is_none_or(|only| stays_in(only, command, cancelled))
}

/// Returns whether a command is about one instrument and nothing else.
fn stays_in(instrument: InstrumentId, command: &Command, cancelled: Option<InstrumentId>) -> bool {
    match command {
        Command::PlaceOrder { order, .. } => order.instrument == instrument,
        Command::MassQuote { quotes, .. } => {
            quotes.iter().all(|quote| quote.instrument == instrument)
        }
        Command::MassCancel { instrument: given, .. } => *given == Some(instrument),
        Command::CancelOrder { .. } => cancelled == Some(instrument),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{AssetId, OrderId, SessionKey};
    use units::{Amount, BlockTime};

    const OWNER: Address = Address::new([1; 20]);

    fn terms(scopes: Scopes) -> SessionTerms {
        SessionTerms {
            key: SessionKey::new([1; 32]),
            scopes,
            sub: None,
            instrument: None,
            notional_per_day: None,
            expires_at: BlockTime::from_millis(1_000),
        }
    }

    fn withdraw(destination: Address) -> Command {
        Command::Withdraw { sub: 0, asset: AssetId::DOLLAR, amount: Amount::ZERO, destination }
    }

    #[test]
    fn a_key_withdraws_to_its_owner_alone() {
        // 0027-ACC-004
        let all = terms(Scopes::of_bits(63).expect("six bits"));
        assert!(in_scope(&all, OWNER, &withdraw(OWNER), None));
        assert!(!in_scope(&all, OWNER, &withdraw(Address::new([2; 20])), None));
    }

    #[test]
    fn no_key_registers_or_revokes_keys() {
        // 0027-ACC-004
        let all = terms(Scopes::of_bits(63).expect("six bits"));
        let key = SessionKey::new([2; 32]);
        assert!(!in_scope(&all, OWNER, &Command::RegisterSession { terms: all }, None));
        assert!(!in_scope(&all, OWNER, &Command::RevokeSession { key }, None));
    }

    #[test]
    fn a_key_of_one_instrument_cancels_what_is_known_to_be_in_it() {
        // 0027-ACC-004
        let (here, there) = (InstrumentId::new(1), InstrumentId::new(2));
        let terms = SessionTerms { instrument: Some(here), ..terms(Scopes::CANCEL) };
        let cancel = Command::CancelOrder { sub: 0, order: OrderId::new(1) };
        let cancels = |cancelled| in_scope(&terms, OWNER, &cancel, cancelled);
        assert!(cancels(Some(here)) && !cancels(Some(there)) && !cancels(None));
        let everywhere = Command::MassCancel { sub: 0, instrument: None };
        assert!(!in_scope(&terms, OWNER, &everywhere, None));
    }

    #[test]
    fn a_key_of_one_sub_account_commands_for_no_other() {
        // 0027-ACC-004
        let terms = SessionTerms { sub: Some(3), ..terms(Scopes::CANCEL) };
        let cancel = |sub| Command::MassCancel { sub, instrument: None };
        assert!(in_scope(&terms, OWNER, &cancel(3), None));
        assert!(!in_scope(&terms, OWNER, &cancel(0), None));
    }
}
