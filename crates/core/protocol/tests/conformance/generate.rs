//! Random values of every encoded type. A field or variant that is missing here does not compile.

use crate::random::Random;
use protocol::{
    AccountId, AccountIndex, Address, AssetId, BasisReport, Block, CancelReason, Change,
    ClientOrderId, Command, Contract, ContractRule, DepositId, Endpoint, Event, Grant, Hash,
    Header, Instrument, InstrumentId, Mode, NewOrder, Offence, OffenceKind, OrderId, ParameterId,
    PriceReport, ProposalId, Quote, Receipt, Refusal, Right, Scopes, Seat, SelfTrade, SessionKey,
    SessionTerms, Shown, Side, Signer, SourceId, TimeInForce, Transaction, UnderlyingId,
    ValidatorId, VolReport, Vote, WithdrawalId,
};
use units::{Amount, BlockHeight, BlockTime, Lots, Notional, Ppb, Price, Quantity, Vol};

/// A type of which random values can be had.
pub(crate) trait Generate {
    fn generate(random: &mut Random) -> Self;
}

/// An enumeration whose variants are all known to its generator.
pub(crate) trait Variants: Sized {
    /// One random value of each variant, in the order of declaration.
    fn of_each(random: &mut Random) -> Vec<Self>;
    /// The name of the variant of a value.
    fn variant(&self) -> &'static str;
}

macro_rules! generate_units {
    ($($unit:ident $from:ident),* $(,)?) => {$(
        impl Generate for $unit {
            fn generate(random: &mut Random) -> Self {
                $unit::$from(random.within($unit::LIMIT))
            }
        }
    )*};
}

macro_rules! generate_ids {
    ($($id:ident $bytes:literal $inner:ty),* $(,)?) => {$(
        impl Generate for $id {
            fn generate(random: &mut Random) -> Self {
                let bytes: [u8; $bytes] = std::array::from_fn(|_| random.byte());
                $id::new(<$inner>::from_le_bytes(bytes) >> random.below(8 * $bytes))
            }
        }
    )*};
}

macro_rules! generate_structs {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl Generate for $name {
            fn generate(random: &mut Random) -> Self {
                $(let $field = Generate::generate(random);)*
                $name { $($field),* }
            }
        }
    )*};
}

macro_rules! generate_enums {
    ($($name:ident {
        $($variant:ident $({ $($field:ident),* $(,)? })? $(($place:ident))?),* $(,)?
    })*) => {$(
        impl Generate for $name {
            fn generate(random: &mut Random) -> Self {
                let mut all = Self::of_each(random);
                all.swap_remove(random.below(all.len()))
            }
        }

        impl Variants for $name {
            fn of_each(random: &mut Random) -> Vec<Self> {
                vec![$({
                    random.word();
                    $($(let $field = Generate::generate(random);)*)?
                    $(let $place = Generate::generate(random);)?
                    $name::$variant $({ $($field),* })? $(($place))?
                }),*]
            }

            fn variant(&self) -> &'static str {
                match self {
                    $($name::$variant { .. } => stringify!($variant),)*
                }
            }
        }
    )*};
}

generate_units! {
    Price from_micros, Quantity from_nanos, Notional from_micros, Amount from_minor, Lots from_count,
    Ppb from_parts, Vol from_points, BlockTime from_millis, BlockHeight from_blocks,
}

generate_ids! {
    AccountIndex 4 u32, AssetId 2 u16, UnderlyingId 2 u16, InstrumentId 4 u32, OrderId 8 u64,
    ClientOrderId 8 u64, SourceId 2 u16, ValidatorId 2 u16, ProposalId 4 u32,
    DepositId 8 u64, WithdrawalId 8 u64,
}

generate_structs! {
    AccountId { owner, sub }
    Vote { validator, prices, vols, bases }
    PriceReport { underlying, source, price, confidence }
    VolReport { instrument, vol }
    BasisReport { underlying, expires_at, basis }
    NewOrder { client, instrument, side, price, lots, time_in_force, reduce_only, self_trade }
    Quote { instrument, side, price, lots }
    Instrument { id, underlying, contract, contract_size, tick }
    Transaction { sender, command }
    Block { height, time, votes, offences, transactions, grants }
    Grant { owner, signer, nonce, expires_at, count, shown }
    SessionTerms { key, scopes, sub, instrument, notional_per_day, expires_at }
    Offence { validator, round, kind }
    Seat { validator, key, endpoint }
    Endpoint { ip, port }
    Header { height, time, parent, body, receipts, state_root, snapshot }
}

generate_enums! {
    Side { Buy, Sell }
    TimeInForce { GoodTillCancelled, ImmediateOrCancel, PostOnly }
    SelfTrade { CancelResting, RefuseIncoming }
    Right { Call, Put }
    Signer { Owner, Session(key) }
    Shown { Contract { underlying, contract, size }, Asset(name) }
    Mode { Normal, Caution, ReduceOnly, Frozen }
    OffenceKind { TwoBlocks, TwoFinalities, FinalityAndSkip }
    Contract { Perpetual, Future { expires_at }, Option { expires_at, strike, right } }
    ContractRule {
        TickNotPositive, SizeOutsideLimits, TickValueInexact, StrikeNotPositive, ExpiresBeforeNow,
        UnderlyingUnknown, NumberInUse,
    }
    CancelReason {
        Requested, Unfilled, SelfTrade, PostOnly, ReduceOnly, Liquidation, Expiry, Halt,
        Restricted, Reopening, Evicted, Uncovered,
    }
    Change {
        SetParameter { parameter, underlying, value },
        ListInstrument(instrument),
        ResumeInstrument(instrument),
        ResumeHouse,
        ReleaseValidator(validator),
        SeatValidator { seat, stake },
        UnseatValidator(validator),
        SetCustodians { remove, add, threshold },
        SettleAt { underlying, expires_at, price },
        PauseInstrument(instrument),
        EndPause(instrument),
        DrillInstrument(instrument),
        ChangeSigners { leaves, joins, threshold },
    }
    ParameterId {
        ScanRange, TakerFee, MakerFee, LiquidationFee, MaintenanceRatio, LiquidationBuffer,
        PriceBand, LiquidationBand, IndexVelocity, StaleAfter, FrozenAfter, MarkBand, FundingCap,
        FundingInterest, VariationInterval, PositionLimit, WithdrawalLimit, Timelock, ProposalLife,
        CollateralHaircut, ShortOptionMaintenance, ShortOptionInitial, InsuranceEventCap,
        GapMax, RestartGap, InsuranceDayCap, Spread, VolDaily, VolumeDaily,
        SlashFraction, JailTime, DepegFree, DepegSlope, DepegUnknown, HaircutKnee, HaircutBeyond,
        VolStaleAfter, VolUnvotedPenalty, VolStalePenalty, Impact, DepthBand, VolMoveDaily,
        VegaDaily,
        Scenario33Move, Scenario34Move, Scenario35Move, Scenario36Move, Scenario37Move,
        Scenario38Move, Scenario39Move, Scenario40Move, Scenario41Move, Scenario33Weight,
        Scenario34Weight, Scenario35Weight, Scenario36Weight, Scenario37Weight, Scenario38Weight,
        Scenario39Weight, Scenario40Weight, Scenario41Weight, VolUp, VolDown, VolUpFloor,
        VolPowerNear, VolPowerFar, SkewCap, SkewCapDecline, SkewWidth, SkewWidthFloor, FrontUpNear,
        FrontUpFar, FrontDownNear, FrontDownFar, CalendarBase, CalendarSlope, CalendarCap,
        ClassOneKept, OracleTolerance, HaircutMaintenanceShare, FundingProvision,
        SettlementGaps, SettlementWait, SettlementBand,
        PauseLapse, PauseCooldown,
        WithdrawalOwnerShare, WithdrawalFree, DepositMin, WithdrawalMin, DepositLimit,
        ImpactNotional, SourceDistance, VolRepairMax, VolFade, CallGrace,
        BasisStalePenalty, DepthLeast, DepthMost,
    }
    Command {
        Deposit { id, account, asset, amount },
        Withdraw { sub, asset, amount, destination },
        Transfer { sub, to, asset, amount },
        PlaceOrder { sub, order },
        CancelOrder { sub, order },
        MassCancel { sub, instrument },
        MassQuote { sub, quotes },
        Propose { change },
        Approve { proposal, change },
        Revoke { proposal },
        Pause { instrument },
        RegisterSession { terms },
        RevokeSession { key },
        BuyCollateral { sub, seller, asset, amount, limit },
        AttestPayment { id },
    }
    Receipt { Done, Order(order), Quotes(quotes), Proposal(proposal), Refused(refusal) }
    Event {
        AccountOpened { account, index },
        Deposited { id, account, asset, amount },
        Withdrawn { id, destination, account, asset, amount },
        ModeChanged { underlying, mode },
        Filled { instrument, account, order, side, price, lots, fee, aggressor },
        Cancelled { instrument, account, order, lots, reason },
        Funded { instrument, rate, paid },
        VariationPaid { instrument, paid },
        Expired { instrument, price, payoff, open_interest },
        Liquidated { account, equity, maintenance, orders_cancelled, instrument, lots },
        MarginCalled { account, short_by },
        DebtCovered { account, amount, uncovered },
        CollateralSold { account, asset, amount, paid },
        CallAuctionBegun { until },
        CallAuctionEnded,
        Halted { instrument, fault },
        HouseHalted { fault },
        Enacted { proposal, change },
        NotEnacted { proposal, refusal },
        Paused { instrument },
        SessionRegistered { owner, terms },
        SessionRevoked { owner, key },
        Punished { offence, slashed, jailed_until },
        Seated { validator, epoch },
        Unseated { validator, epoch },
        SettlementPostponed { underlying, expires_at },
        CollateralBought { seller, buyer, asset, amount, paid },
        LiquidationRefused { account, instrument, refusal },
        AccountSetAside { account, fault },
        AccountRestored { account },
        FaultContained { fault },
        WithdrawalPaid { id },
        PauseLapsed { instrument },
    }
    Refusal {
        NotPermitted, AccountNotOpen, TooMany, SignatureExpired, SignatureTooLong, SessionUnknown,
        SessionRevoked, SessionExpired, NonceUsed, NonceTooHigh, ShownDiffers, OutOfScope,
        SessionCap { exceeded_by }, TooManySessions, SessionTermsInvalid, AssetUnknown,
        AmountNotPositive, AmountTooLarge, SameAccount, NotForSale, BalanceShort { short_by },
        CustodyShort { short_by }, WithdrawalLimit { exceeded_by }, LiquidationSuspended,
        GainsNotCovered { at_most }, AmountTooSmall { least }, InstrumentUnknown, InstrumentExpired,
        InstrumentHalted, ModeForbids { mode }, LotsNotPositive, LotsTooMany, PriceNotPositive,
        PriceOffTick, MarkMissing, PriceOutsideBand, ClientOrderIdInUse, TooManyOrders,
        TooManyPositions, BookFull, ReduceOnlyWouldIncrease, PostOnlyWouldCross, SelfTrade,
        PositionLimit, TooManyOrdersOfOwner, MarginShort { short_by }, OrderUnknown, OrderOfHouse,
        NotOutstanding, DepositLimit { exceeded_by }, CustodiansInvalid, ParameterUnknown,
        ValueOutsideBounds { lowest, highest }, ContractInvalid { rule }, ProposalUnknown,
        ApprovedAlready, TooManyProposals, NotHalted, ValueContradicts, NotApproved,
        StepTooLarge { lowest, highest }, NotWaited, SignersInvalid, ChangeDiffers,
        PauseSpent { until }, SettlementNotDue, SettlementPriceOutside { lowest, highest },
        ValidatorKeyTaken, AlreadySeated, CommitteeFull, StakeInvalid, StakeTooLarge, NotSeated,
        CommitteeTooSmall, NotJailed, StillJailed { until },
    }
}

impl Generate for Address {
    fn generate(random: &mut Random) -> Self {
        Self::new(std::array::from_fn(|_| random.byte()))
    }
}

impl Generate for SessionKey {
    fn generate(random: &mut Random) -> Self {
        Self::new(std::array::from_fn(|_| random.byte()))
    }
}

impl Generate for Scopes {
    fn generate(random: &mut Random) -> Self {
        Self::of_bits(random.byte() & 63).unwrap()
    }
}

impl Generate for u64 {
    fn generate(random: &mut Random) -> Self {
        u64::from_le_bytes(std::array::from_fn(|_| random.byte())) >> random.below(64)
    }
}

impl Generate for Hash {
    fn generate(random: &mut Random) -> Self {
        Self::new(std::array::from_fn(|_| random.byte()))
    }
}

impl<const N: usize> Generate for [u8; N] {
    fn generate(random: &mut Random) -> Self {
        std::array::from_fn(|_| random.byte())
    }
}

impl Generate for bool {
    fn generate(random: &mut Random) -> Self {
        random.below(2) == 1
    }
}

impl Generate for u16 {
    fn generate(random: &mut Random) -> Self {
        u16::from_le_bytes([random.byte(), random.byte()]) >> random.below(16)
    }
}

impl Generate for u32 {
    fn generate(random: &mut Random) -> Self {
        u32::from_le_bytes(std::array::from_fn(|_| random.byte())) >> random.below(32)
    }
}

impl Generate for i64 {
    fn generate(random: &mut Random) -> Self {
        i64::try_from(random.within(i128::from(i64::MAX))).unwrap()
    }
}

impl Generate for String {
    fn generate(random: &mut Random) -> Self {
        let letters = ['a', 'Z', '0', ' ', ':', 'µ', '∞', '\u{1F980}'];
        (0..random.below(12)).map(|_| letters[random.below(letters.len())]).collect()
    }
}

impl<T: Generate> Generate for Option<T> {
    fn generate(random: &mut Random) -> Self {
        bool::generate(random).then(|| T::generate(random))
    }
}

impl<T: Generate, E: Generate> Generate for Result<T, E> {
    fn generate(random: &mut Random) -> Self {
        if bool::generate(random) { Ok(T::generate(random)) } else { Err(E::generate(random)) }
    }
}

impl<T: Generate> Generate for Vec<T> {
    fn generate(random: &mut Random) -> Self {
        (0..random.below(4)).map(|_| T::generate(random)).collect()
    }
}
