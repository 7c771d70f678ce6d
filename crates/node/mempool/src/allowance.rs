//! How much an owner may send: so many commands and bytes for each block, more for who holds more, and nothing for
//! strangers, whose commands can have no effect. It is a rate limit: a token bucket for each owner, which blocks fill.

use protocol::Address;
use std::collections::HashMap;
use units::Notional;

/// What an owner is to the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has no account, and is neither custodian nor governance signer.
    Stranger,
    /// It holds so many dollars.
    Holds(Notional),
}

/// Commands a block of an owner who holds nothing.
const COMMANDS_BASE: u64 = 100;
/// Most commands a block.
const COMMANDS_MOST: u64 = 10_000;
/// Dollars held for one more command a block.
const DOLLARS_PER_COMMAND: u64 = 1_000;
/// Bytes a block of an owner who holds nothing: with what adds up, enough for the longest submission.
const BYTES_BASE: u64 = 8 << 10;
/// Most bytes a block.
const BYTES_MOST: u64 = 256 << 10;
/// Bytes a block more for each dollar held.
const BYTES_PER_DOLLAR: u64 = 8;
/// Who holds less shares a part of the pool and of each block with all others who do.
const DOLLARS_OF_THE_LARGE: u64 = 1_000;
/// Blocks over which what was not sent adds up.
pub(crate) const BURST_BLOCKS: u64 = 10;
/// Blocks after which an owner's standing is asked for again.
const STANDING_BLOCKS: u64 = 64;
/// Owners of whom something is remembered. Who is forgotten has a full purse again.
const OWNERS_MAX: usize = 1 << 18;

/// What an owner may send for each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerBlock {
    /// Commands.
    pub commands: u64,
    /// Bytes of submissions.
    pub bytes: u64,
}

impl PerBlock {
    fn scaled(self, by: u64) -> Self {
        Self { commands: self.commands.saturating_mul(by), bytes: self.bytes.saturating_mul(by) }
    }

    fn plus(self, other: Self, most: Self) -> Self {
        Self {
            commands: self.commands.saturating_add(other.commands).min(most.commands),
            bytes: self.bytes.saturating_add(other.bytes).min(most.bytes),
        }
    }

    fn covers(self, spent: Self) -> bool {
        spent.commands <= self.commands && spent.bytes <= self.bytes
    }
}

/// Whether an owner holds too little for a share of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Small,
    Large,
}

/// Returns what an owner may send for each block; a stranger nothing.
///
/// spec 0027-ACC-010.
#[must_use]
pub fn per_block(standing: Standing) -> Option<PerBlock> {
    let dollars = dollars(standing)?;
    let more = dollars / DOLLARS_PER_COMMAND;
    Some(PerBlock {
        commands: COMMANDS_BASE.saturating_add(more).min(COMMANDS_MOST),
        bytes: BYTES_BASE.saturating_add(dollars.saturating_mul(BYTES_PER_DOLLAR)).min(BYTES_MOST),
    })
}

/// Returns the whole dollars that an owner holds: none, if it is in debt.
fn dollars(standing: Standing) -> Option<u64> {
    match standing {
        Standing::Stranger => None,
        Standing::Holds(held) => {
            Some(u64::try_from((held.micros() / 1_000_000).max(0)).unwrap_or(u64::MAX))
        }
    }
}

/// Why an owner may not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Stranger,
    Spent(PerBlock),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Purse {
    pub(crate) per_block: PerBlock,
    pub(crate) class: Class,
    left: PerBlock,
    filled_at: u64,
    asked_at: u64,
}

impl Purse {
    fn new(standing: Standing, block: u64) -> Option<Self> {
        let per_block = per_block(standing)?;
        let is_large = dollars(standing).is_some_and(|held| held >= DOLLARS_OF_THE_LARGE);
        let class = if is_large { Class::Large } else { Class::Small };
        let left = per_block.scaled(BURST_BLOCKS);
        Some(Self { per_block, class, left, filled_at: block, asked_at: block })
    }

    fn fill(&mut self, block: u64) {
        let added = self.per_block.scaled(block.saturating_sub(self.filled_at));
        self.left = self.left.plus(added, self.per_block.scaled(BURST_BLOCKS));
        self.filled_at = block;
    }
}

/// What every owner has left.
#[derive(Debug, Default)]
pub(crate) struct Allowances {
    owners: HashMap<Address, Purse>,
    block: u64,
}

impl Allowances {
    /// A block has been executed.
    pub(crate) fn renew(&mut self) {
        self.block = self.block.saturating_add(1);
        if self.owners.len() > OWNERS_MAX / 2 && self.block.is_multiple_of(STANDING_BLOCKS) {
            let block = self.block;
            self.owners.retain(|_, purse| block.saturating_sub(purse.asked_at) < STANDING_BLOCKS);
        }
    }

    /// Returns the purse of an owner, as its standing has it; none for a stranger. Nobody gains by being asked often: what
    /// is left stays.
    pub(crate) fn purse(
        &mut self,
        owner: Address,
        standing: impl FnOnce(Address) -> Standing,
    ) -> Option<Purse> {
        let block = self.block;
        let known = self.owners.get_mut(&owner);
        if let Some(purse) = known
            && block.saturating_sub(purse.asked_at) < STANDING_BLOCKS
        {
            return Some(*purse);
        }
        let Some(fresh) = Purse::new(standing(owner), block) else {
            self.owners.remove(&owner);
            return None;
        };
        if self.owners.len() >= OWNERS_MAX {
            self.owners.clear();
        }
        let purse = self.owners.entry(owner).or_insert(fresh);
        purse.fill(block);
        (purse.per_block, purse.class, purse.asked_at) = (fresh.per_block, fresh.class, block);
        Some(*purse)
    }

    /// Whether an owner could spend so much, before it is known that it is the owner who asks. Nothing is taken down:
    /// anybody can name an owner.
    pub(crate) fn affords(
        &self,
        owner: Address,
        spent: PerBlock,
        standing: impl FnOnce() -> Standing,
    ) -> Result<(), Refusal> {
        let known = self.owners.get(&owner).copied();
        let purse = known.or_else(|| Purse::new(standing(), self.block));
        let mut purse = purse.ok_or(Refusal::Stranger)?;
        purse.fill(self.block);
        if purse.left.covers(spent) { Ok(()) } else { Err(Refusal::Spent(purse.per_block)) }
    }

    /// Spends commands and bytes of an owner's.
    pub(crate) fn spend(&mut self, owner: Address, spent: PerBlock) -> Result<(), Refusal> {
        let block = self.block;
        let purse = self.owners.get_mut(&owner).ok_or(Refusal::Stranger)?;
        purse.fill(block);
        if !purse.left.covers(spent) {
            return Err(Refusal::Spent(purse.per_block));
        }
        purse.left.commands -= spent.commands;
        purse.left.bytes -= spent.bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(dollars: i128) -> Standing {
        Standing::Holds(Notional::from_micros(dollars * 1_000_000))
    }

    fn spent(commands: u64, bytes: u64) -> PerBlock {
        PerBlock { commands, bytes }
    }

    // 0027-ACC-010
    #[test]
    fn who_holds_more_may_send_more_up_to_a_bound_and_strangers_nothing() {
        let table = [
            (-5_000, 100, 8_192),
            (0, 100, 8_192),
            (10, 100, 8_272),
            (999, 100, 16_184),
            (1_000, 101, 16_192),
            (250_000, 350, 262_144),
            (1_000_000_000, 10_000, 262_144),
        ];
        for (held, commands, bytes) in table {
            assert_eq!(per_block(dollars(held)), Some(spent(commands, bytes)), "{held}");
        }
        assert_eq!(per_block(Standing::Stranger), None);
    }

    // 0027-ACC-010
    #[test]
    fn an_allowance_of_commands_and_bytes_runs_out_and_comes_back_with_blocks() {
        let owner = |byte: u8| Address::new([byte; 20]);
        let mut allowances = Allowances::default();
        let ask = |allowances: &mut Allowances, byte| {
            allowances.purse(owner(byte), |_| dollars(0)).is_some()
        };
        let refused = Err(Refusal::Spent(spent(100, 8_192)));
        assert!(ask(&mut allowances, 1) && ask(&mut allowances, 2));
        assert_eq!(allowances.spend(owner(1), spent(1_000, 1)), Ok(()));
        assert_eq!(allowances.spend(owner(1), spent(1, 1)), refused);
        assert_eq!(allowances.spend(owner(2), spent(1, 81_920)), Ok(()), "the longest fits");
        assert_eq!(allowances.spend(owner(2), spent(1, 1)), refused, "bytes run out, too");
        ask(&mut allowances, 1);
        assert_eq!(allowances.spend(owner(1), spent(1, 1)), refused, "asking again gives nothing");
        allowances.renew();
        assert_eq!(allowances.spend(owner(1), spent(100, 1)), Ok(()));
        assert_eq!(allowances.spend(owner(2), spent(1, 8_192)), Ok(()));
        assert_eq!(allowances.spend(owner(1), spent(1, 1)), refused);
        assert_eq!(allowances.spend(owner(2), spent(1, 1)), refused);
    }

    // 0027-ACC-010
    #[test]
    fn a_stranger_has_no_purse_and_gets_one_with_its_account() {
        let owner = Address::new([1; 20]);
        let mut allowances = Allowances::default();
        let small = spent(1, 100);
        assert_eq!(allowances.affords(owner, small, || Standing::Stranger), Err(Refusal::Stranger));
        assert!(allowances.purse(owner, |_| Standing::Stranger).is_none());
        assert_eq!(allowances.spend(owner, small), Err(Refusal::Stranger));
        assert_eq!(allowances.affords(owner, small, || dollars(1)), Ok(()));
        assert!(allowances.purse(owner, |_| dollars(1)).is_some());
        assert_eq!(allowances.spend(owner, small), Ok(()));
    }
}
