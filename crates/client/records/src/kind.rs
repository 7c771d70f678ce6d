//! What can be asked for with a proof, by the words of the command line.

/// Something that can be asked for with a proof: a record under the state root, or what validators alone prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The last block.
    Block,
    /// An account.
    Account,
    /// A listed contract.
    Market,
    /// An underlying.
    Underlying,
    /// A balance of the house.
    House,
    /// A governed number.
    Parameter,
    /// The scan ranges of an underlying.
    Thresholds,
    /// The session keys of an owner, all of them, and the nonces it has used.
    Owner,
    /// A session key of an owner.
    Session,
    /// The depth of an underlying's books and what trades in them.
    Liquidity,
    /// A validator that was ever punished.
    Validator,
    /// Who validates in this epoch, in the one before and in the next.
    Committee,
    /// The signers of governance and the open proposals.
    Council,
    /// The custodians, and which deposits are credited.
    Custody,
    /// A withdrawal that is to be paid, by its number.
    Withdrawal,
    /// An order in a book: its market and its number. Validators alone prove it.
    Order,
    /// What happened to an order in a block: the block and the order's number. Validators alone prove it.
    Fill,
    /// Delta, gamma, vega and theta of an account's positions. Validators alone prove them.
    Greeks,
    /// What became of a submission: its name, or a block and a place in it. Validators alone prove it.
    Receipt,
}

/// A word that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no kind of record")]
pub struct NoKind(pub String);

impl Kind {
    /// Every kind, in the order in which help lists them.
    pub const ALL: [Self; 19] = [
        Self::Block,
        Self::Account,
        Self::Market,
        Self::Underlying,
        Self::House,
        Self::Parameter,
        Self::Thresholds,
        Self::Owner,
        Self::Session,
        Self::Liquidity,
        Self::Validator,
        Self::Committee,
        Self::Council,
        Self::Custody,
        Self::Withdrawal,
        Self::Order,
        Self::Fill,
        Self::Greeks,
        Self::Receipt,
    ];

    /// Returns its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.words().0
    }

    /// Returns what it is, as a phrase without a full stop.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Block => ("block", "The last block"),
            Self::Account => ("account", "An account"),
            Self::Market => ("market", "A listed contract"),
            Self::Underlying => ("underlying", "An underlying"),
            Self::House => ("house", "A balance of the house"),
            Self::Parameter => ("parameter", "A governed number"),
            Self::Thresholds => ("thresholds", "The scan ranges of an underlying"),
            Self::Owner => {
                ("owner", "The session keys of an owner, all of them, and the nonces it has used")
            }
            Self::Session => ("session", "A session key of an owner"),
            Self::Liquidity => {
                ("liquidity", "The depth of an underlying's books and what trades in them")
            }
            Self::Validator => ("validator", "A validator that was ever punished"),
            Self::Committee => {
                ("committee", "Who validates in this epoch, in the one before and in the next")
            }
            Self::Council => ("council", "The signers of governance and the open proposals"),
            Self::Custody => ("custody", "The custodians, and which deposits are credited"),
            Self::Withdrawal => ("withdrawal", "A withdrawal that is to be paid, by its number"),
            Self::Order => (
                "order",
                "An order in a book: its market and its number. Validators alone prove it",
            ),
            Self::Fill => (
                "fill",
                "What happened to an order in a block: the block and the order's number. Validators alone prove it",
            ),
            Self::Greeks => (
                "greeks",
                "Delta, gamma, vega and theta of an account's positions. Validators alone prove them",
            ),
            Self::Receipt => (
                "receipt",
                "What became of a submission: its name, or a block and a place in it. Validators alone prove it",
            ),
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = NoKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|kind| kind.word() == text);
        named.ok_or_else(|| NoKind(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_word_and_no_word_is_used_twice() {
        for kind in Kind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
        }
        assert_eq!("Block".parse::<Kind>(), Err(NoKind("Block".into())));
    }
}
