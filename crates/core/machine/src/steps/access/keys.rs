//! Who may command for whom: session keys, their terms and what they have spent, and the nonces that keys have used.
//!
//! A grant says which key a shell has found under which commands. Here it is decided whether that key may.
//!
//! **Invariant:** a nonce of a key is used once; a key that has ended is remembered until the last signature by it has
//! expired; an owner's own key needs nobody's leave to revoke.
//!
//! **Left out:** signatures, which the shell has checked, and how long anything waits to get into a block.

use crate::block::work::{Answer, Payer, Work};
use crate::state::keys::DAY;
use crate::state::keys::Session;
use protocol::{
    AccountId, Address, AssetId, Command, Event, Grant, InstrumentId, NonceWindow, Receipt,
    Refusal, Scopes, SessionKey, SessionTerms, Shown, Signer, Transaction, limits,
};
use units::{BlockTime, Notional};

/// What the dollar is called in signed text.
const DOLLAR_NAME: &str = "USDC";

/// A transaction on its way through the phases of a block.
#[derive(Debug)]
pub(crate) struct Asked {
    /// What has come of it, if anything has.
    pub(crate) answer: Option<Answer>,
    /// The key that pays for it, if it is one with a cap.
    pub(crate) payer: Option<Payer>,
}

impl Work<'_> {
    /// Decides which transactions may be asked at all: those that may not are answered. Registers and revokes.
    ///
    /// Owners come before their session keys, so that a revocation stops what the key sends in the same block.
    ///
    /// spec 0027-ACC-005, 0027-ACC-007.
    pub(crate) fn authorise(&mut self) -> Vec<Asked> {
        let mut rest = self.block.transactions.iter();
        let mut spans = Vec::with_capacity(self.block.grants.len());
        for grant in &self.block.grants {
            let covered: Vec<_> = rest.by_ref().take(usize::from(grant.count)).collect();
            spans.push((grant, covered, Vec::new()));
        }
        for by_owner in [true, false] {
            for (grant, covered, answers) in &mut spans {
                if (grant.signer == Signer::Owner) == by_owner {
                    *answers = self.authorise_span(grant, covered);
                }
            }
        }
        let mut all = Vec::with_capacity(self.block.transactions.len());
        for (grant, _, answers) in spans {
            let payer = self.payer_of(grant);
            all.extend(answers.into_iter().map(|answer| Asked { answer, payer }));
        }
        all.extend(rest.map(|sent| Asked { answer: self.own_keys(sent), payer: None }));
        all
    }

    /// Returns the session key of a grant, if it has a cap.
    fn payer_of(&self, grant: &Grant) -> Option<Payer> {
        let Signer::Session(key) = grant.signer else { return None };
        let session = self.state.keys.session(grant.owner, key)?;
        session.terms.notional_per_day.map(|_| Payer::new(grant.owner, key))
    }

    fn authorise_span(&mut self, grant: &Grant, covered: &[&Transaction]) -> Vec<Option<Answer>> {
        let first = covered.first().map(|transaction| &transaction.command);
        if let Err(refusal) = self.accept(grant, first) {
            return vec![Some(Ok(Err(refusal))); covered.len()];
        }
        let answer = |transaction: &&Transaction| match self.permit(grant, &transaction.command) {
            Ok(()) => self.own_keys(transaction),
            Err(refusal) => Some(Ok(Err(refusal))),
        };
        covered.iter().map(answer).collect()
    }

    /// Uses the nonce of a grant, if its key may command now.
    ///
    /// spec 0027-ACC-005, 0027-ACC-006.
    fn accept(&mut self, grant: &Grant, first: Option<&Command>) -> Result<(), Refusal> {
        let (now, owner) = (self.block.time, grant.owner);
        if !self.state.is_known(owner) {
            return Err(Refusal::AccountNotOpen);
        }
        if grant.expires_at <= now {
            return Err(Refusal::SignatureExpired);
        }
        let day_on = now.after(DAY).map_err(|_| Refusal::SignatureTooLong)?;
        if grant.expires_at > day_on {
            return Err(Refusal::SignatureTooLong);
        }
        if let Signer::Session(key) = grant.signer {
            let session = self.state.keys.session(owner, key).ok_or(Refusal::SessionUnknown)?;
            if let Some(refusal) = session.ended(now) {
                return Err(refusal);
            }
        }
        if !self.state.keys.is_free(owner, grant.signer, grant.nonce) {
            return Err(Refusal::NonceUsed);
        }
        if i128::from(grant.nonce) > day_on.millis() {
            return Err(Refusal::NonceTooHigh);
        }
        if grant.shown.as_ref().is_some_and(|shown| !self.is_listed(first, shown)) {
            return Err(Refusal::ShownDiffers);
        }
        // Only now: what is refused before has used nothing up.
        self.state.use_nonce(owner, grant.signer, grant.nonce);
        Ok(())
    }

    /// Whether what the signed text says is what the listing says of the command's instrument or asset.
    ///
    /// spec 0027-ACC-003.
    fn is_listed(&self, first: Option<&Command>, shown: &Shown) -> bool {
        match shown {
            Shown::Contract { underlying, contract, size } => {
                let market = first.and_then(instrument_of);
                let market = market.and_then(|id| self.state.markets.get(&id));
                market.is_some_and(|market| {
                    let on = self.state.underlyings.get(&market.instrument.underlying);
                    on.is_some_and(|on| on.name == *underlying)
                        && market.instrument.contract == *contract
                        && size.is_none_or(|size| market.instrument.contract_size == size)
                })
            }
            Shown::Asset(name) => match first.and_then(asset_of) {
                Some(AssetId::DOLLAR) => name == DOLLAR_NAME,
                Some(asset) => {
                    let mut named = self.state.underlyings.values();
                    named.any(|held| held.asset == Some(asset) && held.name == *name)
                }
                None => false,
            },
        }
    }

    /// Checks a command against the terms of its key, but for what it spends.
    ///
    /// spec 0027-ACC-004.
    fn permit(&self, grant: &Grant, command: &Command) -> Result<(), Refusal> {
        let Signer::Session(key) = grant.signer else { return Ok(()) };
        let session = self.state.keys.session(grant.owner, key).ok_or(Refusal::SessionUnknown)?;
        if !self.is_in_scope(grant.owner, &session.terms, command) {
            return Err(Refusal::OutOfScope);
        }
        Ok(())
    }

    fn is_in_scope(&self, owner: Address, terms: &SessionTerms, command: &Command) -> bool {
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
        let here = match terms.instrument {
            Some(instrument) => self.stays_in(owner, instrument, command),
            None => true,
        };
        terms.scopes.contains(scope) && terms.sub.is_none_or(|only| sub == Some(only)) && here
    }

    /// Whether a command is about one instrument and nothing else.
    fn stays_in(&self, owner: Address, instrument: InstrumentId, command: &Command) -> bool {
        match command {
            Command::PlaceOrder { order, .. } => order.instrument == instrument,
            Command::MassQuote { quotes, .. } => {
                quotes.iter().all(|quote| quote.instrument == instrument)
            }
            Command::MassCancel { instrument: given, .. } => *given == Some(instrument),
            Command::CancelOrder { sub, order } => {
                let index = self.state.accounts.index(AccountId { owner, sub: *sub });
                let account = index.and_then(|index| self.state.accounts.get(index));
                let open = account.and_then(|account| account.orders().get(*order));
                open.is_some_and(|open| open.instrument == instrument)
            }
            _ => false,
        }
    }

    /// Answers the commands about keys; nothing to the others.
    fn own_keys(&mut self, transaction: &Transaction) -> Option<Answer> {
        let owner = transaction.sender;
        match transaction.command {
            Command::RegisterSession { terms } => Some(Ok(self.register_session(owner, terms))),
            Command::RevokeSession { key } => Some(Ok(self.revoke_session(owner, key))),
            _ => None,
        }
    }

    /// Lets a session key command, or changes what it may; the nonces it has used stay used.
    ///
    /// spec 0027-ACC-007.
    fn register_session(
        &mut self,
        owner: Address,
        terms: SessionTerms,
    ) -> Result<Receipt, Refusal> {
        let now = self.block.time;
        if !self.state.is_known(owner) {
            return Err(Refusal::AccountNotOpen);
        }
        let capped = terms.notional_per_day;
        let sound = terms.scopes.is_valid()
            && terms.expires_at > now
            && terms.expires_at.within_limit().is_ok()
            && capped.is_none_or(|cap| cap >= Notional::ZERO && cap.within_limit().is_ok());
        if !sound {
            return Err(Refusal::SessionTermsInvalid);
        }
        let sessions = &self.state.owner_mut(owner).sessions;
        let over = |(key, session): &(&SessionKey, &Session)| {
            **key != terms.key && session.is_forgettable(now)
        };
        let over: Vec<SessionKey> = sessions.iter().filter(over).map(|(key, _)| *key).collect();
        let left = sessions.len().saturating_sub(over.len());
        for key in over {
            self.state.forget_session(owner, key);
        }
        match self.state.session_mut(owner, terms.key) {
            Some(session) => (session.terms, session.revoked_at) = (terms, None),
            None if left >= limits::SESSIONS_PER_OWNER_MAX => return Err(Refusal::TooManySessions),
            None => {
                let (nonces, spent) = (NonceWindow::default(), Notional::ZERO);
                let day = BlockTime::from_millis(0);
                let session = Session { terms, revoked_at: None, nonces, day, spent };
                self.state.set_session(owner, terms.key, session);
            }
        }
        self.events.push(Event::SessionRegistered { owner, terms });
        Ok(Receipt::Done)
    }

    /// Ends a session key.
    ///
    /// spec 0027-ACC-007.
    fn revoke_session(&mut self, owner: Address, key: SessionKey) -> Result<Receipt, Refusal> {
        let session = self.state.keys.session(owner, key).ok_or(Refusal::SessionUnknown)?;
        if session.revoked_at.is_some() {
            return Err(Refusal::SessionRevoked);
        }
        let session = self.state.session_mut(owner, key).ok_or(Refusal::SessionUnknown)?;
        session.revoked_at = Some(self.block.time);
        self.events.push(Event::SessionRevoked { owner, key });
        Ok(Receipt::Done)
    }
}

/// Returns the instrument that a command names, if it names one.
fn instrument_of(command: &Command) -> Option<InstrumentId> {
    match command {
        Command::PlaceOrder { order, .. } => Some(order.instrument),
        Command::MassCancel { instrument, .. } => *instrument,
        Command::RegisterSession { terms } => terms.instrument,
        _ => None,
    }
}

/// Returns the asset that a command names, if it names one.
fn asset_of(command: &Command) -> Option<AssetId> {
    match command {
        Command::Withdraw { asset, .. } | Command::Transfer { asset, .. } => Some(*asset),
        _ => None,
    }
}
