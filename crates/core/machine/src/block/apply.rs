//! One block, in order.

use crate::block::door::Guarded;
use crate::block::margins::Margins;
use crate::block::work::{Answer, Work};
use crate::state::State;
use crate::state::custody::Claim;
use crate::state::records::Write;
use crate::steps::access::keys::Asked;
use crate::{BlockError, Machine, Outcome};
use protocol::{AccountId, Block, Command, Event, Fault, Receipt, Refusal, Transaction, limits};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockSpan, Notional};

impl Machine {
    /// Applies a block: the whole product in one function, top to bottom.
    ///
    /// Total: a block that fits is applied, whatever its commands say. A command that breaks a rule is refused in its
    /// receipt; a market whose books break is halted; if the house's own books break, it takes no more orders.
    ///
    /// # Errors
    ///
    /// [`BlockError`] if the block does not follow the state; the state is then unchanged.
    ///
    /// spec 0025-BLOCK-002…004.
    pub fn apply(&mut self, block: &Block) -> Result<Outcome, BlockError> {
        self.follows(block)?;
        let elapsed = block.time.since(self.state.time);
        let elapsed =
            elapsed.map_err(|_| BlockError::Time { after: self.state.time, found: block.time })?;
        let (risk, standing) = (OnceCell::new(), OnceCell::new());
        let margins = Margins::new(&risk, &standing);
        let mut work = Work::new(&mut self.state, margins, block, elapsed);
        work.state.begin(block.height, block.time);

        let mut house = Ok(());
        work.begin_epoch();
        house = house.and(work.restart());
        house = house.and(work.punish());
        house = house.and(work.oracle());
        work.enact();
        house = house.and(work.accrue_funding());
        house = house.and(work.exchange_margin());
        house = house.and(work.expire());
        house = house.and(work.scenarios());
        house = house.and(work.liquidations());
        work.margin_open_orders();

        let mut asked = work.authorise();
        for phase in [Work::cancel, Work::move_cash] {
            work.phase(phase, &mut asked);
        }
        work.enter_waiting();
        work.phase(Work::order, &mut asked);
        let mut receipts = Vec::with_capacity(asked.len());
        for asked in asked {
            receipts.push(match asked.answer {
                Some(Ok(answer)) => answer.unwrap_or_else(Receipt::Refused),
                Some(Err(fault)) => {
                    // 0025-BLOCK-030
                    work.contain(&fault);
                    Receipt::Refused(Refusal::InstrumentHalted)
                }
                None => Receipt::Done,
            });
        }

        house = house.and(work.auctions());
        work.measure_depths();
        house = house.and(work.state.check());
        if let Err(fault) = house {
            work.halt_house(&fault);
        }
        let writes = work.writes();
        let Work { events, .. } = work;
        Ok(Outcome { receipts, events, writes })
    }

    /// Checks that a block follows the state.
    ///
    /// spec 0025-BLOCK-001.
    fn follows(&self, block: &Block) -> Result<(), BlockError> {
        let expected = self.state.height.next().map_err(|_| BlockError::HeightsExhausted)?;
        if block.height != expected {
            return Err(BlockError::Height { expected, found: block.height });
        }
        if block.time <= self.state.time || block.time.within_limit().is_err() {
            return Err(BlockError::Time { after: self.state.time, found: block.time });
        }
        if block.transactions.len() > limits::TRANSACTIONS_PER_BLOCK_MAX {
            return Err(BlockError::TooManyTransactions(block.transactions.len()));
        }
        let ascending = block.votes.is_sorted_by(|a, b| a.validator < b.validator);
        let known =
            block.votes.iter().all(|vote| self.state.validators.contains_key(&vote.validator));
        if !ascending || !known {
            return Err(BlockError::Votes);
        }
        let ascending = block.offences.is_sorted_by(|a, b| a.validator < b.validator);
        let mut offenders = block.offences.iter().map(|offence| offence.validator);
        if !ascending || !offenders.all(|id| self.state.validators.contains_key(&id)) {
            return Err(BlockError::Offences);
        }
        if !sessions::covers(block, self.state.keys.signed()) {
            return Err(BlockError::Grants);
        }
        Ok(())
    }
}

impl<'a> Work<'a> {
    /// Returns a block of which nothing has taken effect.
    pub(crate) fn new(
        state: &'a mut State,
        margins: Margins<'a>,
        block: &'a Block,
        elapsed: BlockSpan,
    ) -> Self {
        Self {
            state: Guarded::new(state),
            margins,
            block,
            elapsed,
            // Most commands lead to one event or to none.
            events: Vec::with_capacity(block.transactions.len()),
            house_auctions: false,
            active: BTreeSet::new(),
            broken: BTreeSet::new(),
            liquidated: BTreeMap::new(),
            takeovers: BTreeMap::new(),
            for_sale: BTreeMap::new(),
            debts: Vec::new(),
            uncovered: None,
            payer: None,
        }
    }

    /// Answers the commands of one phase, as they stand in the block.
    fn phase(&mut self, phase: fn(&mut Self, &Transaction) -> Option<Answer>, asked: &mut [Asked]) {
        for (transaction, asked) in self.block.transactions.iter().zip(asked) {
            if asked.answer.is_some() {
                continue;
            }
            let first = self.state.next_order;
            self.payer = asked.payer;
            asked.answer = phase(self, transaction);
            if let Some(Err(_)) = asked.answer {
                self.take_back_orders(first);
            }
            asked.payer = self.payer.take();
            if let (Some(payer), Some(answer)) = (&asked.payer, &asked.answer) {
                self.settle_charge(payer, &transaction.command, answer);
            }
        }
    }

    /// What takes effect before anything new: cancels, the cancels in mass quotes, pauses.
    fn cancel(&mut self, transaction: &Transaction) -> Option<Answer> {
        let sender = transaction.sender;
        match &transaction.command {
            Command::CancelOrder { sub, order } => Some(self.cancel_order(sender, *sub, *order)),
            Command::MassCancel { sub, instrument } => {
                Some(self.mass_cancel(sender, *sub, *instrument))
            }
            Command::Pause { instrument } => Some(self.pause(sender, *instrument)),
            // The new quotes wait for their turn.
            Command::MassQuote { sub, .. } => {
                self.cancel_quotes(sender, *sub, &transaction.command)
            }
            _ => None,
        }
    }

    /// What moves assets without trading.
    fn move_cash(&mut self, transaction: &Transaction) -> Option<Answer> {
        let sender = transaction.sender;
        if let Command::Withdraw { .. } | Command::Transfer { .. } | Command::BuyCollateral { .. } =
            transaction.command
            && let Some(refused) = self.charge(&transaction.command, Notional::ZERO)
        {
            return Some(refused);
        }
        match transaction.command {
            Command::Deposit { id, account, asset, amount } => {
                Some(self.deposit(sender, id, Claim { account, asset, amount }))
            }
            Command::AttestPayment { id } => Some(self.attest_payment(sender, id)),
            Command::Withdraw { sub, asset, amount, destination } => {
                Some(self.withdraw(sender, sub, (asset, amount), destination))
            }
            Command::Transfer { sub, to, asset, amount } => {
                Some(self.transfer(sender, sub, to, asset, amount))
            }
            Command::BuyCollateral { sub, seller, asset, amount, limit } => {
                let id = AccountId { owner: sender, sub };
                Some(self.buy_collateral(id, seller, asset, (amount, limit)))
            }
            _ => None,
        }
    }

    /// New orders and governance.
    fn order(&mut self, transaction: &Transaction) -> Option<Answer> {
        let sender = transaction.sender;
        match &transaction.command {
            Command::PlaceOrder { sub, order } => {
                let refused = self.charge(&transaction.command, Notional::ZERO);
                refused.or_else(|| Some(self.place_order(sender, *sub, order)))
            }
            Command::MassQuote { sub, quotes } => Some(self.mass_quote(sender, *sub, quotes)),
            Command::Propose { change } => Some(self.propose(sender, *change)),
            Command::Approve { proposal, change } => Some(self.approve(sender, *proposal, change)),
            Command::Revoke { proposal } => Some(self.revoke(sender, *proposal)),
            _ => None,
        }
    }

    /// Stops the taking of orders everywhere: the house's own books do not balance.
    ///
    /// spec 0025-BLOCK-007.
    fn halt_house(&mut self, fault: &Fault) {
        if self.state.house_fault.is_none() {
            let fault = fault.to_string();
            *self.state.house_fault_mut() = Some(fault.clone());
            self.events.push(Event::HouseHalted { fault });
        }
    }

    /// Returns the records that the block has changed, ascending by key. One that cannot be encoded halts the house.
    ///
    /// spec 0025-BLOCK-016.
    fn writes(&mut self) -> Vec<Write> {
        let (changed, fault) = self.state.writes();
        if let Some(fault) = fault {
            self.halt_house(&fault);
        }
        // The block's own record says whether the house is halted.
        let (mut writes, fault) = self.state.block_write();
        if let Some(fault) = fault {
            self.halt_house(&fault);
        }
        writes.extend(changed);
        writes
    }
}
