//! The names of all that may happen, and what nobody outside can make happen.

use protocol::{CancelReason, Event, Mode, Refusal};

/// Names all variants of a kind: one that is new does not build until it stands here.
macro_rules! kinds {
    ($names:ident, $function:ident, $kind:ident: $($variant:ident)*) => {
        const $names: &[&str] = &[$(stringify!($variant)),*];

        /// Returns the name of a variant.
        pub(crate) const fn $function(value: &$kind) -> &'static str {
            match value {
                $($kind::$variant { .. } => stringify!($variant),)*
            }
        }
    };
}

kinds! {
    EVENTS, event, Event:
    AccountOpened Deposited Withdrawn ModeChanged Filled Cancelled Funded VariationPaid
    Expired Liquidated MarginCalled DebtCovered CollateralSold CallAuctionBegun
    CallAuctionEnded Halted HouseHalted Enacted NotEnacted Paused SessionRegistered
    SessionRevoked Punished Seated Unseated SettlementPostponed CollateralBought
    LiquidationRefused AccountSetAside AccountRestored FaultContained WithdrawalPaid
    PauseLapsed
}

kinds! {
    REFUSALS, refusal, Refusal:
    NotPermitted AccountNotOpen TooMany AssetUnknown AmountNotPositive AmountTooLarge
    SameAccount BalanceShort CustodyShort WithdrawalLimit LiquidationSuspended
    GainsNotCovered AmountTooSmall InstrumentUnknown InstrumentExpired InstrumentHalted
    ModeForbids MarkMissing LotsNotPositive LotsTooMany PriceNotPositive PriceOffTick
    PriceOutsideBand ClientOrderIdInUse TooManyOrders TooManyPositions BookFull
    ReduceOnlyWouldIncrease PostOnlyWouldCross SelfTrade PositionLimit TooManyOrdersOfOwner
    CustodiansInvalid MarginShort OrderUnknown OrderOfHouse NotOutstanding DepositLimit
    NotForSale NotJailed StillJailed ValidatorKeyTaken AlreadySeated NotSeated
    ParameterUnknown ValueOutsideBounds ContractInvalid ProposalUnknown ApprovedAlready
    TooManyProposals NotHalted ValueContradicts NotApproved CommitteeFull SignatureExpired
    SignatureTooLong SessionUnknown SessionRevoked SessionExpired NonceUsed NonceTooHigh
    ShownDiffers OutOfScope SessionCap TooManySessions SessionTermsInvalid CommitteeTooSmall
    StakeInvalid StakeTooLarge SettlementNotDue SettlementPriceOutside PauseSpent
    StepTooLarge NotWaited SignersInvalid ChangeDiffers
}

kinds! {
    MODES, mode, Mode:
    Normal Caution ReduceOnly Frozen
}

kinds! {
    REASONS, reason, CancelReason:
    Requested Unfilled SelfTrade PostOnly ReduceOnly Liquidation Expiry Halt Restricted
    Reopening Evicted Uncovered
}

/// Returns all that may happen.
pub(crate) fn all() -> impl Iterator<Item = String> {
    let named = |kind: &'static str, names: &'static [&'static str]| {
        names.iter().map(move |name| format!("{kind} {name}"))
    };
    named("event", EVENTS)
        .chain(named("refusal", REFUSALS))
        .chain(named("mode", MODES))
        .chain(named("cancelled", REASONS))
}

/// What cannot be reached from outside, and why not, or where else it is.
pub(crate) const OUT_OF_REACH: &[(&str, &str)] = &[
    ("event AccountSetAside", "a fault of the machine: a history that reaches it is broken"),
    ("event AccountRestored", "as `AccountSetAside`"),
    ("event FaultContained", "as `AccountSetAside`"),
    ("event HouseHalted", "books that do not balance: a history that reaches it is broken"),
    ("event Punished", "evidence of two signatures is what the network brings: `cargo x sim`"),
    (
        "event Seated",
        "a committee changes what the judge counts as honest: `machine`, `committee`, and `cargo x sim`",
    ),
    ("event Unseated", "as `Seated`"),
    (
        "event LiquidationRefused",
        "a book that takes no order of the house: its room is kept for it, `machine`, `tables`",
    ),
    (
        "refusal CustodyShort",
        "gains that nobody covers stay (0025-BLOCK-041) before custody is short: `machine`, `custody`",
    ),
    ("refusal TooManyPositions", "there are ten contracts, and an account may hold 4,096"),
    ("refusal StillJailed", "nobody is punished: see `Punished`"),
    (
        "refusal SignatureExpired",
        "commands of this house are not signed: `access`, and `machine`, `access`",
    ),
    ("refusal SignatureTooLong", "as `SignatureExpired`"),
    ("refusal SessionRevoked", "as `SignatureExpired`"),
    ("refusal SessionExpired", "as `SignatureExpired`"),
    ("refusal NonceUsed", "as `SignatureExpired`"),
    ("refusal NonceTooHigh", "as `SignatureExpired`"),
    ("refusal ShownDiffers", "as `SignatureExpired`"),
    ("refusal OutOfScope", "as `SignatureExpired`"),
    ("refusal SessionCap", "as `SignatureExpired`"),
    (
        "refusal CommitteeFull",
        "256 seats, each after the timelock and an epoch: `machine`, `committee`",
    ),
    ("cancelled PostOnly", "such an order is refused at the door, as `PostOnlyWouldCross`"),
    (
        "refusal MarkMissing",
        "every contract has a mark before the first command: `machine`, `first_price`",
    ),
];
