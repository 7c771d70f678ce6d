//! Who may command for whom: grants use nonces, owners register session keys and revoke them.
//!
//! A grant says which key a shell has found under which commands. Whether that key may is a rule of `sessions`; here it is
//! asked, and what has been used is written.
//!
//! **Invariant:** a grant that is refused has used nothing up; an owner's own key needs nobody's leave to revoke.
//!
//! **Left out:** signatures, which the shell has checked, and how long anything waits to get into a block.

use crate::block::work::{Answer, Payer, Work};
use protocol::{
    AccountId, Address, AssetId, Command, Event, Grant, InstrumentId, Receipt, Refusal, SessionKey,
    SessionTerms, Shown, Signer, Transaction,
};

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
        sessions::check(grant, self.state.keys.signing(owner, grant.signer), now)?;
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
        // Looked up only for a key that is of one instrument.
        let cancelled = session.terms.instrument.and_then(|_| self.cancelled(grant.owner, command));
        match sessions::in_scope(&session.terms, grant.owner, command, cancelled) {
            true => Ok(()),
            false => Err(Refusal::OutOfScope),
        }
    }

    /// Returns the instrument of the open order that a command cancels.
    fn cancelled(&self, owner: Address, command: &Command) -> Option<InstrumentId> {
        let Command::CancelOrder { sub, order } = *command else { return None };
        let index = self.state.accounts.index(AccountId { owner, sub })?;
        let open = self.state.accounts.get(index)?.orders().get(order)?;
        Some(open.instrument)
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
        sessions::check_terms(&terms, now)?;
        self.state.register_session(owner, terms, now)?;
        self.events.push(Event::SessionRegistered { owner, terms });
        Ok(Receipt::Done)
    }

    /// Ends a session key.
    ///
    /// spec 0027-ACC-007.
    fn revoke_session(&mut self, owner: Address, key: SessionKey) -> Result<Receipt, Refusal> {
        let session = self.state.session_mut(owner, key);
        session.ok_or(Refusal::SessionUnknown)?.revoke(self.block.time)?;
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
