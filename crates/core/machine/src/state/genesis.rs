//! What the first block starts from.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{
    Address, AssetId, Instrument, ParameterId, Seat, SourceId, UnderlyingId, ValidatorId, limits,
};
use units::{BlockTime, Notional, Price};

/// A price source of an underlying and its weight in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SourceWeight {
    /// The venue.
    pub source: SourceId,
    /// Its weight; the index caps every venue at a third.
    pub weight: u32,
}

/// An underlying at genesis.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct UnderlyingGenesis {
    /// Its number.
    pub id: UnderlyingId,
    /// Its name in reports: printable ASCII, at most sixteen characters.
    pub name: String,
    /// The asset that is pledged at its index, if any.
    pub asset: Option<AssetId>,
    /// Underlyings of one class offset each other in part.
    pub class: u16,
    /// Where its prices come from.
    pub sources: Vec<SourceWeight>,
    /// Fewest live sources that allow new risk; less than are listed.
    pub sources_min: u8,
    /// What it is worth, to within a factor of three: what the first price is measured by.
    pub reference_price: Price,
    /// Blocks in a row that must agree on the first price.
    pub first_blocks: u8,
    /// Dollars that its insurance fund starts with.
    pub insurance_fund: Notional,
}

/// A validator at genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ValidatorGenesis {
    /// Who it is, and where it is reached.
    pub seat: Seat,
    /// The weight of its reports.
    pub stake: u64,
}

/// A parameter that differs from its default at genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ParameterGenesis {
    /// Where.
    pub underlying: Option<UnderlyingId>,
    /// Which.
    pub parameter: ParameterId,
    /// Its value.
    pub value: i64,
}

/// Everything that the operators of a new house agree on.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// The chain's name: printable ASCII, at most thirty-two characters.
    pub chain: String,
    /// Time of block zero.
    pub time: BlockTime,
    /// Who attests deposits and payments, each once.
    pub custodians: Vec<Address>,
    /// How many of them credit a deposit, or end a withdrawal: more than half.
    pub custodian_threshold: u16,
    /// Governance signers.
    pub signers: Vec<Address>,
    /// How many of them change something.
    pub threshold: u16,
    /// Validators, ascending.
    pub validators: Vec<ValidatorGenesis>,
    /// Blocks of an epoch: how long a committee holds.
    pub epoch_blocks: u64,
    /// Underlyings, ascending.
    pub underlyings: Vec<UnderlyingGenesis>,
    /// Contracts listed from the start, ascending.
    pub instruments: Vec<Instrument>,
    /// Parameters that differ from their defaults.
    pub parameters: Vec<ParameterGenesis>,
    /// Whether every command must stand under a grant: so on a network, not in a process that trusts its own traders.
    pub signed: bool,
}

/// Why a genesis is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// A name that is empty, too long or not printable ASCII.
    #[error(
        "'{0}' is not a name: printable ASCII, 1 to 32 characters for a chain, 1 to 16 for an underlying"
    )]
    Name(String),
    /// The signers are no council.
    #[error(transparent)]
    Council(#[from] governance::CouncilError),
    /// The custodians are too many, doubled, or their threshold is not more than half of them.
    #[error("{custodians} custodians cannot have a threshold of {threshold}: more than half, each once, at most {max}", max = limits::CUSTODIANS_MAX)]
    Custodians {
        /// Custodians.
        custodians: usize,
        /// Attestations needed.
        threshold: u16,
    },
    /// No validators, one or its key twice, or one without stake.
    #[error("validators must be listed once each, ascending, with a key of their own and a stake")]
    Validators,
    /// A validator that could keep prices and blocks from coming about, alone.
    #[error("validator {0} holds a third of the stake or more")]
    StakeTooLarge(ValidatorId),
    /// An epoch that is too short.
    #[error("an epoch has {0} blocks, fewer than {min}", min = limits::EPOCH_BLOCKS_MIN)]
    EpochTooShort(u64),
    /// Underlyings or instruments out of order, doubled or too many.
    #[error("{0} must be listed once each, ascending, and within the limit")]
    Order(&'static str),
    /// A source list that is empty, doubled, too long or without weight.
    #[error("underlying {0} needs sources, each once, ascending, with a weight")]
    Sources(UnderlyingId),
    /// A minimum of live sources that leaves none to fall silent.
    #[error(
        "underlying {underlying} has {sources} sources and a minimum of {sources_min}: the minimum must be less, so that one may be silent"
    )]
    SourcesMin {
        /// Whose.
        underlying: UnderlyingId,
        /// Sources that are listed.
        sources: usize,
        /// Fewest that allow new risk.
        sources_min: u8,
    },
    /// A reference price that is none, or no blocks that must agree on the first price.
    #[error("underlying {0} needs a positive reference price, and blocks that agree on the first")]
    Reference(UnderlyingId),
    /// The insurance fund of an underlying is negative or above the limit.
    #[error("the insurance fund of underlying {0} is outside its limits")]
    InsuranceFund(UnderlyingId),
    /// An instrument that cannot be listed.
    #[error("instrument {0}: {1}")]
    Instrument(protocol::InstrumentId, protocol::Refusal),
    /// A parameter that cannot have that value.
    #[error("parameter {0:?}: {1}")]
    Parameter(ParameterId, protocol::Refusal),
    /// The machine's own arithmetic failed.
    #[error("internal: {0}")]
    Fault(#[from] protocol::Fault),
}
