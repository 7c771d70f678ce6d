//! How many commands an owner may send: so many for each block, more for who holds more, and a few for all strangers
//! together.

use protocol::Address;
use std::collections::HashMap;
use units::Notional;

/// What an owner is to the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has no account.
    Stranger,
    /// It holds so many dollars.
    Holds(Notional),
}

/// Commands a block of an owner who holds nothing, and of all strangers together.
const BASE: u64 = 100;
/// Most commands a block.
const MOST: u64 = 10_000;
/// Dollars held for one more command a block.
const DOLLARS_PER_COMMAND: i128 = 1_000;
/// Blocks over which what was not sent adds up.
const BURST_BLOCKS: u64 = 10;
/// Blocks after which an owner's standing is asked for again.
const STANDING_BLOCKS: u64 = 64;
/// Owners of whom something is remembered.
const OWNERS_MAX: usize = 16_384;

/// Returns how many commands an owner may send for each block.
///
/// spec 0027-ACC-010.
#[must_use]
pub fn commands_per_block(standing: Standing) -> u64 {
    let Standing::Holds(held) = standing else { return BASE };
    let more = held.micros() / 1_000_000 / DOLLARS_PER_COMMAND;
    BASE.saturating_add(u64::try_from(more.max(0)).unwrap_or(MOST)).min(MOST)
}

#[derive(Debug, Clone, Copy)]
struct Purse {
    per_block: u64,
    left: u64,
    filled_at: u64,
    asked_at: u64,
    is_stranger: bool,
}

impl Purse {
    fn new(standing: Standing, block: u64) -> Self {
        let per_block = commands_per_block(standing);
        let left = per_block.saturating_mul(BURST_BLOCKS);
        let is_stranger = standing == Standing::Stranger;
        Self { per_block, left, filled_at: block, asked_at: block, is_stranger }
    }

    fn fill(&mut self, block: u64) {
        let blocks = block.saturating_sub(self.filled_at);
        let added = self.per_block.saturating_mul(blocks);
        self.left =
            self.left.saturating_add(added).min(self.per_block.saturating_mul(BURST_BLOCKS));
        self.filled_at = block;
    }
}

/// What every owner has left.
#[derive(Debug)]
pub(crate) struct Allowances {
    owners: HashMap<Address, Purse>,
    strangers: Purse,
    block: u64,
}

impl Allowances {
    pub(crate) fn new() -> Self {
        let strangers = Purse::new(Standing::Stranger, 0);
        Self { owners: HashMap::new(), strangers, block: 0 }
    }

    /// A block has been executed.
    pub(crate) fn renew(&mut self) {
        self.block = self.block.saturating_add(1);
        if self.owners.len() > OWNERS_MAX / 2 {
            let block = self.block;
            self.owners.retain(|_, purse| block.saturating_sub(purse.asked_at) < STANDING_BLOCKS);
        }
    }

    /// Whether an owner's standing must be told before it can spend.
    pub(crate) fn wants_standing(&self, owner: Address) -> bool {
        self.owners.get(&owner).is_none_or(|purse| {
            let patience = if purse.is_stranger { 1 } else { STANDING_BLOCKS };
            self.block.saturating_sub(purse.asked_at) >= patience
        })
    }

    /// Takes down an owner's standing. Nobody gains by being asked often: what is left stays.
    pub(crate) fn set_standing(&mut self, owner: Address, standing: Standing) {
        let block = self.block;
        let known = self.owners.contains_key(&owner);
        if !known && self.owners.len() >= OWNERS_MAX {
            return;
        }
        let fresh = Purse::new(standing, block);
        let purse = self.owners.entry(owner).or_insert(fresh);
        purse.fill(block);
        let was_stranger = std::mem::replace(&mut purse.is_stranger, fresh.is_stranger);
        (purse.per_block, purse.asked_at) = (fresh.per_block, block);
        if was_stranger {
            purse.left = fresh.left;
        }
    }

    /// Spends commands of an owner's; what it gets a block, if it has not so many left.
    pub(crate) fn spend(&mut self, owner: Address, commands: u64) -> Result<(), u64> {
        let known = self.owners.get_mut(&owner).filter(|purse| !purse.is_stranger);
        let purse = known.unwrap_or(&mut self.strangers);
        purse.fill(self.block);
        if purse.left < commands {
            return Err(purse.per_block);
        }
        purse.left -= commands;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(dollars: i128) -> Standing {
        Standing::Holds(Notional::from_micros(dollars * 1_000_000))
    }

    /// spec 0027-ACC-010.
    #[test]
    fn who_holds_more_may_send_more_up_to_a_bound() {
        let table = [(0, 100), (999, 100), (1_000, 101), (250_000, 350), (1_000_000_000, 10_000)];
        for (held, commands) in table {
            assert_eq!(commands_per_block(dollars(held)), commands, "{held}");
        }
        assert_eq!(commands_per_block(dollars(-5_000)), 100, "a debt takes nothing away");
        assert_eq!(commands_per_block(Standing::Stranger), 100);
    }

    /// spec 0027-ACC-010.
    #[test]
    fn an_allowance_runs_out_comes_back_with_blocks_and_is_shared_by_strangers() {
        let owner = |byte: u8| Address::new([byte; 20]);
        let mut allowances = Allowances::new();
        assert!(allowances.wants_standing(owner(1)));
        allowances.set_standing(owner(1), dollars(0));
        assert!(!allowances.wants_standing(owner(1)));
        assert_eq!(allowances.spend(owner(1), 1_000), Ok(()));
        assert_eq!(allowances.spend(owner(1), 1), Err(100));
        allowances.set_standing(owner(1), dollars(0));
        assert_eq!(allowances.spend(owner(1), 1), Err(100), "asking again gives nothing");
        allowances.renew();
        assert_eq!(allowances.spend(owner(1), 100), Ok(()));
        assert_eq!(allowances.spend(owner(1), 1), Err(100));
        for byte in [2, 3] {
            allowances.set_standing(owner(byte), Standing::Stranger);
        }
        assert_eq!(allowances.spend(owner(2), 1_000), Ok(()));
        assert_eq!(allowances.spend(owner(3), 1), Err(100), "strangers share one");
        allowances.renew();
        assert!(allowances.wants_standing(owner(3)), "it may have an account by now");
    }
}
