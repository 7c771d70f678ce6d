//! Who and what: identifiers that cannot be mistaken for one another.

use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// Declares an identifier around a machine integer.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
        )]
        pub struct $name($inner);

        impl $name {
            /// Wraps a number that is known to be such an identifier.
            #[must_use]
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// An account's place in the machine's tables: dense, assigned at the first deposit, never reused.
    AccountIndex(u32)
}
id! {
    /// A deliverable or pledgeable asset; [`AssetId::DOLLAR`] is the settlement currency.
    AssetId(u16)
}
id! {
    /// What contracts are written on: an index with its own oracle, margin classes and compartment.
    UnderlyingId(u16)
}
id! {
    /// A listed contract.
    InstrumentId(u32)
}
id! {
    /// An order, numbered by the machine in the order of admission.
    OrderId(u64)
}
id! {
    /// An order, numbered by the client; unique among that account's open orders.
    ClientOrderId(u64)
}
id! {
    /// A venue whose prices the validators report.
    SourceId(u16)
}
id! {
    /// A validator of the genesis set.
    ValidatorId(u16)
}
id! {
    /// A governance proposal.
    ProposalId(u32)
}
id! {
    /// A deposit, as the vault numbers those that arrive in it: from one.
    DepositId(u64)
}
id! {
    /// A withdrawal that is to be paid, numbered by the machine from one.
    WithdrawalId(u64)
}

impl AssetId {
    /// The dollar: every contract settles in it.
    pub const DOLLAR: Self = Self(0);
}

impl UnderlyingId {
    /// The stable coin that the house holds its dollars in, priced in dollars.
    ///
    /// A house at whose founding there is no such underlying holds dollars.
    pub const STABLE_COIN: Self = Self(0);
}

/// An Ethereum address: the owner of accounts, a custodian, a governance signer, where a withdrawal is paid.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Address([u8; 20]);

impl Address {
    /// Wraps twenty bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Returns the twenty bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an account: expected 0x, forty hex digits, '/', and a sub-account number")]
pub struct ParseAccountError(String);

/// An account: an owner's numbered sub-account. Margin is netted inside it and nowhere else.
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
pub struct AccountId {
    /// Who may command it.
    pub owner: Address,
    /// Which of the owner's accounts.
    pub sub: u16,
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.sub)
    }
}

impl std::str::FromStr for AccountId {
    type Err = ParseAccountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseAccountError(text.chars().take(64).collect());
        let (owner, sub) = text.split_once('/').unwrap_or((text, "0"));
        let digits = owner.strip_prefix("0x").ok_or_else(refuse)?;
        if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        let value = |pair: &[u8]| {
            std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
        };
        let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(value).collect();
        let bytes = bytes.and_then(|bytes| <[u8; 20]>::try_from(bytes).ok()).ok_or_else(refuse)?;
        if sub.is_empty() || !sub.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse());
        }
        Ok(Self { owner: Address(bytes), sub: sub.parse().map_err(|_| refuse())? })
    }
}
