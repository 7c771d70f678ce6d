//! What the world does in a block, and what the validators in the coalition make of it.

/// What the world does in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Time since the last block.
    pub seconds: u16,
    /// How far each index moves, in parts per million of itself.
    pub index: [i32; 2],
    /// How far all vols move, in parts per million of themselves.
    pub vol: i32,
    /// How far the bases of all expiries move, in parts per million of the index.
    pub basis: i32,
    /// Validators that say nothing, as bits.
    pub silent: u8,
    /// What is wrong with the sources of prices that all validators see.
    pub sources: Sources,
    /// What no validator votes on, as bits: [`Tick::PRICES`] and the others.
    pub unsaid: u8,
    /// What the validators in the coalition report.
    pub lie: Lie,
    /// What one of them makes of the block if it is its turn to propose.
    pub proposer: Proposer,
}

impl Tick {
    /// A block in which nothing moves and everybody is honest.
    pub const QUIET: Self = Self {
        seconds: 10,
        index: [0, 0],
        vol: 0,
        basis: 0,
        silent: 0,
        sources: Sources::SOUND,
        unsaid: 0,
        lie: Lie::NONE,
        proposer: Proposer::HONEST,
    };
    /// Nobody votes on prices.
    pub const PRICES: u8 = 1;
    /// Nobody votes on any vol.
    pub const VOLS: u8 = 2;
    /// Nobody votes on the vols of the middle strikes of the last expiry.
    pub const STRIKE: u8 = 4;
    /// Nobody votes on the bases of the first expiry.
    pub const FIRST_BASES: u8 = 8;
    /// Nobody votes on the bases of the last expiry.
    pub const LAST_BASES: u8 = 16;
}

/// What is wrong with the sources of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    /// How far the first is from the truth, in parts per million.
    pub wrong: i32,
    /// How many show nothing, the last ones.
    pub silent: u8,
}

impl Sources {
    /// Nothing is wrong.
    pub const SOUND: Self = Self { wrong: 0, silent: 0 };
}

/// How far off the reports of the coalition's validators are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lie {
    /// Prices, in parts per million.
    pub price: i32,
    /// Vols.
    pub vol: i32,
    /// Bases.
    pub basis: i32,
    /// How many blocks old they are.
    pub late: u8,
    /// What else is wrong with them.
    pub form: Form,
}

impl Lie {
    /// No lie.
    pub const NONE: Self = Self { price: 0, vol: 0, basis: 0, late: 0, form: Form::Plain };

    /// Everything off by the same.
    #[must_use]
    pub const fn all(ppm: i32) -> Self {
        Self { price: ppm, vol: ppm, basis: ppm, ..Self::NONE }
    }
}

/// What is wrong with a report beside its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing.
    Plain,
    /// It says everything twice, the second time the other way.
    Twice,
    /// It has prices of nothing and below, and the largest vols there are.
    Absurd,
    /// It is as unsure as can be.
    Unsure,
    /// It has one source alone.
    OneSource,
    /// It has prices alone.
    PricesAlone,
    /// It has no prices.
    NoPrices,
    /// It has what is not listed.
    Unlisted,
}

/// What a proposer makes of its block. What it leaves out, others send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposer {
    /// In which order commands stand.
    pub sequence: Sequence,
    /// What it leaves out, as bits: [`Proposer::QUOTES`] and the others.
    pub omits: u8,
    /// How far its time is from what its clock says, in milliseconds.
    pub skew: i32,
}

impl Proposer {
    /// What an honest one does.
    pub const HONEST: Self = Self { sequence: Sequence::AsSent, omits: 0, skew: 0 };
    /// Leaves out the quotes of the market maker.
    pub const QUOTES: u8 = 1;
    /// Leaves out the honest trader.
    pub const TRADER: u8 = 2;
    /// Leaves out honest signers.
    pub const SIGNERS: u8 = 4;
    /// Leaves out honest custodians.
    pub const CUSTODIANS: u8 = 8;
    /// Leaves out the last report.
    pub const A_REPORT: u8 = 16;
    /// Leaves out all reports of others.
    pub const REPORTS: u8 = 32;
}

/// An order of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// The coalition's first.
    AsSent,
    /// The coalition's last.
    Last,
    /// All the other way round.
    Backwards,
    /// The coalition's in the middle of everybody else's.
    Between,
}
