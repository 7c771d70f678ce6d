//! What governance may change: one typed value at a time, or a listing.

use crate::{Address, Instrument, InstrumentId, Seat, UnderlyingId, ValidatorId};
use borsh::{BorshDeserialize, BorshSerialize};
use units::{BlockTime, Price};

/// A change that takes effect after enough approvals and a delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum Change {
    /// Sets a parameter.
    SetParameter {
        /// Which.
        parameter: ParameterId,
        /// Where it applies; [`UnderlyingId`] for those of one compartment, absent for those of the house.
        underlying: Option<UnderlyingId>,
        /// The new value in the parameter's own unit.
        value: i64,
    },
    /// Lists a contract.
    ListInstrument(Instrument),
    /// Lets a halted or paused instrument trade again.
    ResumeInstrument(InstrumentId),
    /// Lets the house take orders again after its own books did not balance.
    ResumeHouse,
    /// Lets the reports of a jailed validator count again, once its time is over.
    ReleaseValidator(ValidatorId),
    /// Gives a validator a seat in the committees to come.
    SeatValidator {
        /// Who it is, and where it is reached.
        seat: Seat,
        /// The weight of its reports.
        stake: u64,
    },
    /// Takes a validator's seat in the committees to come.
    UnseatValidator(ValidatorId),
    /// Takes a custodian away, adds one, and sets how many of them attest a deposit or a payment: one proposal exchanges
    /// a key.
    SetCustodians {
        /// Who is one no longer.
        remove: Option<Address>,
        /// Who becomes one.
        add: Option<Address>,
        /// How many of them attest: more than half.
        threshold: u16,
    },
    /// Puts a price in the place of what is still to come of a settlement that waits for prices in vain.
    SettleAt {
        /// Of which underlying.
        underlying: UnderlyingId,
        /// When its contracts were to end.
        expires_at: BlockTime,
        /// The price.
        price: Price,
    },
    /// Pauses an instrument until another change ends it: at once, without the timelock.
    PauseInstrument(InstrumentId),
    /// Lets a paused instrument trade again: at once, without the timelock.
    EndPause(InstrumentId),
    /// Breaks the books of one market on purpose in the next block, to show that it halts alone: at once.
    DrillInstrument(InstrumentId),
    /// Replaces, adds or removes one signer of governance, or moves the threshold.
    ChangeSigners {
        /// Who is a signer no longer.
        leaves: Option<Address>,
        /// Who becomes one.
        joins: Option<Address>,
        /// How many approvals it takes from then on; at most one more or fewer than before.
        threshold: u16,
    },
}

/// A governed number; `governance` gives each its unit, bounds, default and which direction raises risk.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ParameterId {
    /// Scan range of the index in the margin scenarios.
    ScanRange = 1,
    /// Fee of the aggressor, in hundredths of a basis point.
    TakerFee = 2,
    /// Fee of the resting order, in hundredths of a basis point.
    MakerFee = 3,
    /// Fee of a liquidation, paid to the insurance fund.
    LiquidationFee = 4,
    /// Maintenance margin as a share of the scan.
    MaintenanceRatio = 5,
    /// Margin regained by a liquidation, above maintenance.
    LiquidationBuffer = 6,
    /// Largest distance of an order's price from the mark.
    PriceBand = 7,
    /// Largest distance of a liquidation order's price from the mark.
    LiquidationBand = 8,
    /// Largest rate of change of the index.
    IndexVelocity = 9,
    /// Age after which an index allows reducing only.
    StaleAfter = 10,
    /// Age after which an index freezes its compartment.
    FrozenAfter = 11,
    /// Largest distance of a perpetual's mark from the index.
    MarkBand = 12,
    /// Largest hourly funding rate.
    FundingCap = 13,
    /// Hourly funding rate when the perpetual trades at the index.
    FundingInterest = 14,
    /// Time between two variation margin runs.
    VariationInterval = 15,
    /// Most lots that one account may hold in an instrument.
    PositionLimit = 16,
    /// Most dollars that may leave the house in an hour.
    WithdrawalLimit = 17,
    /// Time between the last approval of a change that raises risk and its effect.
    Timelock = 18,
    /// Time after which an unfinished proposal dies.
    ProposalLife = 19,
    /// Haircut of collateral other than the dollar.
    CollateralHaircut = 20,
    /// Short-option charge as a share of the index, for maintenance margin.
    ShortOptionMaintenance = 21,
    /// Further short-option charge as a share of the index, for initial margin.
    ShortOptionInitial = 22,
    /// Largest share of an account's losses that the insurance fund covers at one event.
    InsuranceEventCap = 23,
    /// Time between two blocks above which the oracle warms up again.
    GapMax = 24,
    /// Time between two blocks above which the markets reopen by a call auction.
    RestartGap = 25,
    /// Largest share of the insurance fund that leaves it in a day.
    InsuranceDayCap = 26,
    /// Bid-ask spread of an underlying, half of which margin charges on what is held.
    Spread = 27,
    /// Daily volatility of an underlying in the charge for market impact.
    VolDaily = 28,
    /// The least that counts as traded of an underlying in a day, in the charge for market impact.
    VolumeDaily = 29,
    /// Stake that a validator loses for an offence.
    SlashFraction = 40,
    /// Time that a validator is jailed for at least.
    JailTime = 41,
    /// Price of the stable coin down to which nothing is charged.
    DepegFree = 50,
    /// Charge for a fall of the stable coin below that, as a multiple of the fall and a share of the scan range.
    DepegSlope = 51,
    /// The most that the stable coin counts as worth while its price is not known.
    DepegUnknown = 52,
    /// Value of an account's collateral of one asset up to which its haircut alone is charged.
    HaircutKnee = 53,
    /// Further haircut of collateral above the knee.
    HaircutBeyond = 54,
    /// Age above which a voted vol is stale.
    VolStaleAfter = 55,
    /// Uncertainty of a vol that lies between others instead of being voted, as a share of it.
    VolUnvotedPenalty = 56,
    /// Uncertainty of a vol whose votes are all stale, as a share of it.
    VolStalePenalty = 57,
    /// Y of the square-root law: the move, in daily deviations, of trading a day's volume.
    Impact = 58,
    /// Distance from the mark within which resting orders count as depth.
    DepthBand = 59,
    /// Daily deviation of an underlying's implied vols in the charge for market impact.
    VolMoveDaily = 60,
    /// The least that counts as traded of an underlying's vega in a day, for vols that rise by 100 points.
    VegaDaily = 61,
    /// Move of the index in scenario 33, as a share of the scan range.
    Scenario33Move = 70,
    /// Move of the index in scenario 34, as a share of the scan range.
    Scenario34Move = 71,
    /// Move of the index in scenario 35, as a share of the scan range.
    Scenario35Move = 72,
    /// Move of the index in scenario 36, as a share of the scan range.
    Scenario36Move = 73,
    /// Move of the index in scenario 37, as a share of the price.
    Scenario37Move = 74,
    /// Move of the index in scenario 38, as a share of the price.
    Scenario38Move = 75,
    /// Move of the index in scenario 39, as a share of the price.
    Scenario39Move = 76,
    /// Move of the index in scenario 40, as a share of the price.
    Scenario40Move = 77,
    /// Move of the index in scenario 41, as a share of the price.
    Scenario41Move = 78,
    /// Share of the loss in scenario 33 that counts.
    Scenario33Weight = 79,
    /// Share of the loss in scenario 34 that counts.
    Scenario34Weight = 80,
    /// Share of the loss in scenario 35 that counts.
    Scenario35Weight = 81,
    /// Share of the loss in scenario 36 that counts.
    Scenario36Weight = 82,
    /// Share of the loss in scenario 37 that counts.
    Scenario37Weight = 83,
    /// Share of the loss in scenario 38 that counts.
    Scenario38Weight = 84,
    /// Share of the loss in scenario 39 that counts.
    Scenario39Weight = 85,
    /// Share of the loss in scenario 40 that counts.
    Scenario40Weight = 86,
    /// Share of the loss in scenario 41 that counts.
    Scenario41Weight = 87,
    /// Relative rise of a thirty-day vol in the margin scenarios.
    VolUp = 90,
    /// Relative fall of a thirty-day vol in the margin scenarios.
    VolDown = 91,
    /// Vol that one which rises in the margin scenarios rises at least to.
    VolUpFloor = 92,
    /// Exponent of thirty days by the time to expiry in the moves of vols, to thirty days.
    VolPowerNear = 93,
    /// The same for later expiries.
    VolPowerFar = 94,
    /// Largest relative move of a vol by skew, at expiry.
    SkewCap = 95,
    /// Decline of that with the root of the years to expiry.
    SkewCapDecline = 96,
    /// Log-moneyness at which it is reached, by the root of the years to expiry.
    SkewWidth = 97,
    /// Least such log-moneyness.
    SkewWidthFloor = 98,
    /// Factor of near vols where the front rises.
    FrontUpNear = 99,
    /// Factor of far vols where the front rises.
    FrontUpFar = 100,
    /// Factor of near vols where the front falls.
    FrontDownNear = 101,
    /// Factor of far vols where the front falls.
    FrontDownFar = 102,
    /// Share of losses that calendar spreads keep, least.
    CalendarBase = 103,
    /// Its rise in a year.
    CalendarSlope = 104,
    /// Its greatest.
    CalendarCap = 105,
    /// Share of losses that underlyings of class 1 do not offset.
    ClassOneKept = 106,
    /// Doubt about the index that costs nothing.
    OracleTolerance = 107,
    /// Share of a haircut that counts in maintenance margin.
    HaircutMaintenanceShare = 108,
    /// Time for which initial margin provides funding, in hours begun.
    FundingProvision = 109,
    /// Part of a settlement window that may be without a fresh index.
    SettlementGaps = 120,
    /// Time after expiry from which governance may give a settlement a price.
    SettlementWait = 121,
    /// Largest distance of such a price from the last index.
    SettlementBand = 122,
    /// Time after which a pause by one signer lapses.
    PauseLapse = 130,
    /// Time from that until the same signer may pause the same market again.
    PauseCooldown = 131,
    /// Share of the dollars that may leave the house in an hour which one owner may take.
    WithdrawalOwnerShare = 140,
    /// What an owner may take of what it has brought in an hour, however much others have taken.
    WithdrawalFree = 141,
    /// Worth of the least deposit that opens an account.
    DepositMin = 143,
    /// Worth of the least withdrawal.
    WithdrawalMin = 144,
    /// Most dollars' worth of one asset that is credited in a day.
    DepositLimit = 145,
    /// Worth of what a premium is measured by: an order of that size, on either side.
    ImpactNotional = 146,
    /// Distance from their median within which sources agree on an index.
    SourceDistance = 147,
    /// The most that the repair moves a voted vol which only one other speaks against, as a share of it.
    VolRepairMax = 148,
    /// Time in which a vol comes to follow its neighbours when its votes are stale, and its votes when they return.
    VolFade = 149,
    /// Time for which equity is below initial margin before the account is called.
    CallGrace = 150,
    /// How far a basis that nobody votes on may be off, as a share of the index for a year to expiry.
    BasisStalePenalty = 151,
    /// The least depth that an underlying's books should have, as a share of what trades in a day.
    DepthLeast = 154,
    /// Depth that is enough, whatever the books used to have, as a share of what trades in a day.
    DepthMost = 155,
}
