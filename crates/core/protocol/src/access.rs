//! Who may command: session keys and what they may do, the grants under which commands stand, and used nonces.
//!
//! **Invariant:** a [`NonceWindow`] takes no nonce twice, and its size is bounded.
//!
//! **Left out:** signatures. A grant is what is left of one after a shell has checked it.

use crate::{Address, Contract, InstrumentId, limits};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeSet;
use std::fmt;
use units::{BlockTime, Notional, Quantity};

/// An Ed25519 public key that commands for an owner.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// Wraps thirty-two bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the thirty-two bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of permissions.
///
/// spec 0027-ACC-004.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct Scopes(u8);

impl Scopes {
    /// Placing orders and quotes.
    pub const TRADE: Self = Self(1);
    /// Cancelling orders.
    pub const CANCEL: Self = Self(2);
    /// Moving assets to other accounts.
    pub const TRANSFER: Self = Self(4);
    /// Taking assets out of custody.
    pub const WITHDRAW: Self = Self(8);
    /// Crediting deposits; of use to the custodian alone.
    pub const DEPOSIT: Self = Self(16);
    /// Proposing, approving, pausing; of use to governance signers alone.
    pub const GOVERN: Self = Self(32);

    /// Returns the set of some bits; `None` if one of them means nothing.
    #[must_use]
    pub const fn of_bits(bits: u8) -> Option<Self> {
        if bits < 64 { Some(Self(bits)) } else { None }
    }

    /// Returns the bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the names of the permissions with commas between them, and the bits of what has none.
    #[must_use]
    pub fn names(self) -> String {
        let named = [
            (Self::TRADE, "trade"),
            (Self::CANCEL, "cancel"),
            (Self::TRANSFER, "transfer"),
            (Self::WITHDRAW, "withdraw"),
            (Self::DEPOSIT, "deposit"),
            (Self::GOVERN, "govern"),
        ];
        let mut words: Vec<String> = named
            .iter()
            .filter(|(scope, _)| self.contains(*scope))
            .map(|(_, word)| (*word).to_owned())
            .collect();
        if self.bits() > 63 {
            words.push(format!("bits {}", self.bits()));
        }
        words.join(",")
    }

    /// Returns both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every permission of another set is in this one.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether it allows something, and nothing that means nothing.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.0 != 0 && self.0 < 64
    }
}

/// What a session key may do.
///
/// spec 0027-ACC-004.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct SessionTerms {
    /// The key.
    pub key: SessionKey,
    /// Its permissions.
    pub scopes: Scopes,
    /// The one sub-account for which it commands; all if absent.
    pub sub: Option<u16>,
    /// The one instrument in which it trades and cancels; all if absent.
    pub instrument: Option<InstrumentId>,
    /// Most dollars a day of new orders and outgoing amounts; unlimited if absent.
    pub notional_per_day: Option<Notional>,
    /// When it ends.
    pub expires_at: BlockTime,
}

/// Which key of an owner has signed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Signer {
    /// The owner's own.
    Owner,
    /// A session key.
    Session(SessionKey),
}

/// What the signed text says of the listing: the machine refuses it where the listing says otherwise.
///
/// spec 0027-ACC-003.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Shown {
    /// The contract that the command names by its number.
    Contract {
        /// Name of its underlying.
        underlying: String,
        /// Its terms.
        contract: Contract,
        /// Units of the underlying in a lot, if the text gives an amount.
        size: Option<Quantity>,
    },
    /// The name of the asset that the command names by its number: that of its underlying, or `USDC`.
    Asset(String),
}

/// What a checked signature allows: the next `count` transactions of the block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Grant {
    /// For whom; the sender of each of the transactions.
    pub owner: Address,
    /// With which key.
    pub signer: Signer,
    /// Used once by this key.
    pub nonce: u64,
    /// Blocks from this time on refuse it.
    pub expires_at: BlockTime,
    /// How many transactions it covers.
    pub count: u16,
    /// What the signed text said of the listing, if anything.
    pub shown: Option<Shown>,
}

/// The nonces that a key has used: the highest of them, and a floor below which all count as used.
///
/// spec 0027-ACC-006.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NonceWindow {
    floor: u64,
    used: BTreeSet<u64>,
}

impl NonceWindow {
    /// Whether a nonce has not been used.
    #[must_use]
    pub fn is_free(&self, nonce: u64) -> bool {
        nonce > self.floor && !self.used.contains(&nonce)
    }

    /// Uses a nonce; `false` if it was not free, and nothing has changed then.
    pub fn take(&mut self, nonce: u64) -> bool {
        if !self.is_free(nonce) {
            return false;
        }
        self.used.insert(nonce);
        if self.used.len() > limits::NONCES_PER_KEY_MAX {
            self.floor = self.used.pop_first().unwrap_or(self.floor);
        }
        true
    }

    /// Returns how many nonces above the floor are used.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.len()
    }

    /// Returns the nonce below which, itself included, none is free.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec 0027-ACC-006.
    #[test]
    fn a_nonce_is_taken_once_in_any_order_within_the_window() {
        let mut window = NonceWindow::default();
        assert!(!window.take(0), "zero is below every window");
        for nonce in [5, 9, 7, u64::MAX, 6] {
            assert!(window.take(nonce), "{nonce} is new");
            assert!(!window.take(nonce), "{nonce} is used");
        }
        assert_eq!((window.floor(), window.used()), (0, 5));
    }

    /// spec 0027-ACC-006.
    #[test]
    fn the_window_slides_by_its_lowest_and_stays_bounded() {
        let mut window = NonceWindow::default();
        let size = u64::try_from(limits::NONCES_PER_KEY_MAX).unwrap();
        for nonce in (10..10 + 10 * size).step_by(10) {
            assert!(window.take(nonce));
        }
        assert_eq!(window.floor(), 0);
        assert!(window.take(11), "late, and still inside");
        assert_eq!(window.floor(), 10);
        assert!(!window.take(9) && !window.take(10) && !window.take(11));
        assert!(window.take(12), "just above what was dropped");
        assert_eq!(window.floor(), 11);
        assert_eq!(window.used.len(), limits::NONCES_PER_KEY_MAX);
    }
}
