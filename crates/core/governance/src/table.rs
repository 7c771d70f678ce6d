//! The table of governed values: name, unit, scope, lowest, default, highest, risk, pace, step, source.
//!
//! **Invariant:** ascending by parameter, each once; the table of 0023-GOV-001 is this one.

use crate::definition::{Definition, Pace, Risk, Scope, Step, Unit};
use protocol::ParameterId;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 86_400_000;

/// One row of the table.
macro_rules! row {
    ($parameter:ident, $name:literal, $unit:ident, $scope:ident, $lowest:expr, $default:expr, $highest:expr, $risk:ident, $pace:ident, $share:literal, $least:expr, $source:literal) => {
        Definition {
            parameter: ParameterId::$parameter,
            name: $name,
            unit: Unit::$unit,
            scope: Scope::$scope,
            lowest: $lowest,
            highest: $highest,
            default: $default,
            risk: Risk::$risk,
            pace: Pace::$pace,
            step: Step { share: $share, least: $least },
            source: $source,
        }
    };
}

/// The table.
///
/// spec 0023-GOV-001.
#[rustfmt::skip]
pub(crate) const DEFINITIONS: [Definition; 93] = [
    row!(ScanRange, "scan_range", Ppm, Underlying, 120_000, 160_000, 600_000, WhenLowered, AtOnce, 250_000, 0, "Deribit price range 16 %; floor 12 % after OKX"),
    row!(TakerFee, "taker_fee", Ppm, Underlying, 0, 500, 5_000, Always, AtOnce, 1_000_000, 100, "5 basis points, common among perpetual venues"),
    row!(MakerFee, "maker_fee", Ppm, Underlying, 0, 200, 5_000, Always, AtOnce, 1_000_000, 100, "2 basis points, common among perpetual venues"),
    row!(LiquidationFee, "liquidation_fee", Ppm, Underlying, 0, 5_000, 20_000, Always, AtOnce, 1_000_000, 1_000, "dYdX v4: 0.5 %"),
    row!(MaintenanceRatio, "maintenance_ratio", Ppm, House, 500_000, 800_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "Deribit and Derive: 0.8 of initial"),
    row!(LiquidationBuffer, "liquidation_buffer", Ppm, House, 0, 150_000, 1_000_000, WhenLowered, Noticed, 50_000, 10_000, "Derive: buffer margin 15 %"),
    row!(PriceBand, "price_band", Ppm, Underlying, 20_000, 300_000, 1_000_000, Always, AtOnce, 1_000_000, 0, "wider than any scan range at genesis"),
    row!(LiquidationBand, "liquidation_band", Ppm, Underlying, 10_000, 80_000, 200_000, Always, AtOnce, 1_000_000, 0, "dYdX v4: SMMR 10 % of maintenance and more in a crash"),
    row!(IndexVelocity, "index_velocity", PpmPerSecond, Underlying, 2_000, 10_000, 100_000, Always, AtOnce, 1_000_000, 0, "1 % a second"),
    row!(StaleAfter, "stale_after", Millis, Underlying, 4_000, 10_000, 600_000, Always, AtOnce, 1_000_000, 0, "10 s"),
    row!(FrozenAfter, "frozen_after", Millis, Underlying, 10_000, 60_000, HOUR, Always, AtOnce, 1_000_000, 0, "Drift: 60 s"),
    row!(MarkBand, "mark_band", Ppm, Underlying, 1_000, 30_000, 200_000, Always, AtOnce, 1_000_000, 0, "3 % for BTC and ETH"),
    row!(FundingCap, "funding_cap", PpbPerHour, Underlying, 100_000, 4_000_000, 20_000_000, Always, AtOnce, 1_000_000, 0, "Derive: 0.4 % an hour"),
    row!(FundingInterest, "funding_interest", PpbPerHour, Underlying, 0, 12_500, 1_000_000, Always, AtOnce, 1_000_000, 5_000, "Derive: 0.00125 % an hour"),
    row!(VariationInterval, "variation_interval", Millis, House, MINUTE, HOUR, DAY, Always, AtOnce, 1_000_000, 0, "hourly, as funding"),
    row!(PositionLimit, "position_limit", Lots, Underlying, 1_000, 2_000_000, 2_147_483_647, Always, AtOnce, 1_000_000, 0, "the entry bound of the margin loop"),
    row!(WithdrawalLimit, "withdrawal_limit", Micros, House, 1_000_000_000, 25_000_000_000_000, 1_000_000_000_000_000, Always, AtOnce, 1_000_000, 0, "25 million dollars an hour"),
    row!(Timelock, "timelock", Millis, House, HOUR, 2 * DAY, 30 * DAY, Always, AtOnce, 1_000_000, 0, "two days"),
    row!(ProposalLife, "proposal_life", Millis, House, HOUR, 7 * DAY, 60 * DAY, Always, AtOnce, 1_000_000, 0, "a week"),
    row!(CollateralHaircut, "collateral_haircut", Ppm, Underlying, 0, 100_000, 1_000_000, WhenLowered, Noticed, 50_000, 5_000, "10 % at initial margin"),
    row!(ShortOptionMaintenance, "short_option_maintenance", Ppm, Underlying, 0, 3_000, 100_000, WhenLowered, Noticed, 50_000, 150, "Derive: 0.3 % of the index"),
    row!(ShortOptionInitial, "short_option_initial", Ppm, Underlying, 0, 2_000, 100_000, WhenLowered, AtOnce, 1_000_000, 500, "Derive: 0.2 % of the index"),
    row!(InsuranceEventCap, "insurance_event_cap", Ppm, Underlying, 10_000, 250_000, 1_000_000, Always, AtOnce, 1_000_000, 0, "a quarter of the fund at one event"),
    row!(GapMax, "gap_max", Millis, Underlying, 10_000, MINUTE, 600_000, Always, AtOnce, 1_000_000, 0, "as frozen_after; 10 s for blocks of a second"),
    row!(RestartGap, "restart_gap", Millis, House, 10_000, 90_000, HOUR, Always, AtOnce, 1_000_000, 0, "longer than any block of a network that runs"),
    row!(InsuranceDayCap, "insurance_day_cap", Ppm, Underlying, 10_000, 500_000, 1_000_000, Always, AtOnce, 500_000, 0, "half of the fund in a day"),
    row!(Spread, "spread", Ppm, Underlying, 0, 0, 50_000, WhenLowered, Noticed, 50_000, 500, "no charge until it is measured"),
    row!(VolDaily, "vol_daily", Ppm, Underlying, 0, 30_000, 1_000_000, WhenLowered, Noticed, 50_000, 1_000, "BTC: 57 % a year, by the root of 365"),
    row!(VolumeDaily, "volume_daily", Micros, Underlying, 1_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000_000, Always, Noticed, 100_000, 0, "judgement: a hundredth of what BTC perpetuals trade elsewhere"),
    row!(SlashFraction, "slash_fraction", Ppm, House, 0, 50_000, 1_000_000, Always, AtOnce, 1_000_000, 10_000, "Cosmos Hub: 5 % for signing twice"),
    row!(JailTime, "jail_time", Millis, House, HOUR, 7 * DAY, 365 * DAY, Always, AtOnce, 1_000_000, 0, "a week, so that governance can look"),
    row!(DepegFree, "depeg_free", Micros, House, 900_000, 990_000, 1_000_000, WhenLowered, AtOnce, 5_000, 0, "Derive: 0.99"),
    row!(DepegSlope, "depeg_slope", Ppm, House, 0, 4_000_000, 10_000_000, WhenLowered, AtOnce, 1_000_000, 250_000, "Derive: 4"),
    row!(DepegUnknown, "depeg_unknown", Micros, House, 500_000, 950_000, 1_000_000, WhenRaised, AtOnce, 50_000, 0, "judgement: lower than a coin that holds, higher than one that has failed"),
    row!(HaircutKnee, "haircut_knee", Micros, Underlying, 0, 10_000_000_000_000, 1_000_000_000_000_000_000, WhenRaised, Noticed, 50_000, 100_000_000_000, "judgement: ten million dollars of an asset sell within a day"),
    row!(HaircutBeyond, "haircut_beyond", Ppm, Underlying, 0, 100_000, 1_000_000, WhenLowered, Noticed, 50_000, 5_000, "judgement: as much again as the haircut"),
    row!(VolStaleAfter, "vol_stale_after", Millis, Underlying, MINUTE, 20 * MINUTE, DAY, Always, AtOnce, 1_000_000, 0, "Derive: 20 minutes"),
    row!(VolUnvotedPenalty, "vol_unvoted_penalty", Ppm, Underlying, 0, 50_000, 1_000_000, WhenLowered, Noticed, 50_000, 5_000, "judgement: the width of a quoted vol"),
    row!(VolStalePenalty, "vol_stale_penalty", Ppm, Underlying, 0, 250_000, 1_000_000, WhenLowered, Noticed, 50_000, 5_000, "half of the rise of vols in the scenarios"),
    row!(Impact, "impact", Ppm, House, 0, 1_000_000, 10_000_000, WhenLowered, Noticed, 50_000, 50_000, "square-root law: Y near 1"),
    row!(DepthBand, "depth_band", Ppm, Underlying, 1_000, 20_000, 200_000, Always, Noticed, 50_000, 0, "judgement: 2 %, the band that depth is mostly quoted in"),
    row!(VolMoveDaily, "vol_move_daily", Ppm, Underlying, 0, 50_000, 1_000_000, WhenLowered, Noticed, 50_000, 1_000, "judgement: five vol points"),
    row!(VegaDaily, "vega_daily", Micros, Underlying, 100_000_000_000, 20_000_000_000_000, 1_000_000_000_000_000_000, Always, Noticed, 100_000, 0, "judgement: a fifth of the volume"),
    row!(Scenario33Move, "scenario_33_move", Ppm, House, -2_000_000, -1_500_000, -1_000_000, Always, Noticed, 25_000, 0, "judgement: half as far again as the range"),
    row!(Scenario34Move, "scenario_34_move", Ppm, House, 1_000_000, 1_500_000, 2_000_000, Always, Noticed, 25_000, 0, "judgement: half as far again as the range"),
    row!(Scenario35Move, "scenario_35_move", Ppm, House, -2_000_000, -2_000_000, -1_000_000, Always, Noticed, 25_000, 0, "judgement: twice the range"),
    row!(Scenario36Move, "scenario_36_move", Ppm, House, 1_000_000, 2_000_000, 2_000_000, Always, Noticed, 25_000, 0, "judgement: twice the range"),
    row!(Scenario37Move, "scenario_37_move", Ppm, House, -990_000, -660_000, -100_000, Always, Noticed, 25_000, 0, "Deribit: extended table"),
    row!(Scenario38Move, "scenario_38_move", Ppm, House, -990_000, -330_000, -100_000, Always, Noticed, 25_000, 0, "Deribit: extended table"),
    row!(Scenario39Move, "scenario_39_move", Ppm, House, 100_000, 500_000, 4_000_000, Always, Noticed, 25_000, 0, "Deribit: extended table"),
    row!(Scenario40Move, "scenario_40_move", Ppm, House, 100_000, 1_000_000, 4_000_000, Always, Noticed, 25_000, 0, "Deribit: extended table"),
    row!(Scenario41Move, "scenario_41_move", Ppm, House, 100_000, 3_000_000, 4_000_000, Always, Noticed, 25_000, 0, "Deribit: extended table"),
    row!(Scenario33Weight, "scenario_33_weight", Ppm, House, 1_000, 500_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "judgement: half"),
    row!(Scenario34Weight, "scenario_34_weight", Ppm, House, 1_000, 500_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "judgement: half"),
    row!(Scenario35Weight, "scenario_35_weight", Ppm, House, 1_000, 350_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "SPAN: extreme cover 35 %"),
    row!(Scenario36Weight, "scenario_36_weight", Ppm, House, 1_000, 350_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "SPAN: extreme cover 35 %"),
    row!(Scenario37Weight, "scenario_37_weight", Ppm, House, 1_000, 210_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "Derive: dampened tails"),
    row!(Scenario38Weight, "scenario_38_weight", Ppm, House, 1_000, 420_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "Derive: dampened tails"),
    row!(Scenario39Weight, "scenario_39_weight", Ppm, House, 1_000, 277_200, 1_000_000, WhenLowered, Noticed, 50_000, 0, "Derive: dampened tails"),
    row!(Scenario40Weight, "scenario_40_weight", Ppm, House, 1_000, 138_600, 1_000_000, WhenLowered, Noticed, 50_000, 0, "Derive: dampened tails"),
    row!(Scenario41Weight, "scenario_41_weight", Ppm, House, 1_000, 46_200, 1_000_000, WhenLowered, Noticed, 50_000, 0, "Derive: dampened tails"),
    row!(VolUp, "vol_up", Ppm, House, 100_000, 500_000, 3_000_000, WhenLowered, Noticed, 50_000, 0, "Derive, Deribit: 50 %"),
    row!(VolDown, "vol_down", Ppm, House, 0, 250_000, 900_000, WhenLowered, Noticed, 50_000, 5_000, "Deribit: 25 %"),
    row!(VolUpFloor, "vol_up_floor", Ppm, House, 0, 450_000, 2_000_000, WhenLowered, Noticed, 50_000, 10_000, "between Derive, 40 %, and Deribit, 50 %"),
    row!(VolPowerNear, "vol_power_near", Ppm, House, 0, 300_000, 1_000_000, Always, Noticed, 50_000, 5_000, "Derive"),
    row!(VolPowerFar, "vol_power_far", Ppm, House, 0, 130_000, 1_000_000, Always, Noticed, 50_000, 5_000, "Derive"),
    row!(SkewCap, "skew_cap", Ppm, House, 0, 250_000, 900_000, WhenLowered, Noticed, 50_000, 5_000, "Derive"),
    row!(SkewCapDecline, "skew_cap_decline", Ppm, House, 0, 100_000, 1_000_000, WhenRaised, Noticed, 50_000, 5_000, "Derive"),
    row!(SkewWidth, "skew_width", Ppm, House, 100_000, 2_400_000, 10_000_000, WhenRaised, Noticed, 50_000, 0, "Derive"),
    row!(SkewWidthFloor, "skew_width_floor", Ppm, House, 1_000, 10_000, 1_000_000, WhenRaised, Noticed, 50_000, 500, "Derive"),
    row!(FrontUpNear, "front_up_near", Ppm, House, 1_000_000, 1_200_000, 5_000_000, WhenLowered, Noticed, 10_000, 0, "judgement: a fifth more"),
    row!(FrontUpFar, "front_up_far", Ppm, House, 100_000, 900_000, 1_000_000, WhenRaised, Noticed, 10_000, 0, "judgement: a tenth less"),
    row!(FrontDownNear, "front_down_near", Ppm, House, 100_000, 850_000, 1_000_000, WhenRaised, Noticed, 10_000, 0, "judgement: fifteen of a hundred less"),
    row!(FrontDownFar, "front_down_far", Ppm, House, 1_000_000, 1_100_000, 5_000_000, WhenLowered, Noticed, 10_000, 0, "judgement: a tenth more"),
    row!(CalendarBase, "calendar_base", Ppm, House, 10_000, 50_000, 200_000, WhenLowered, Noticed, 50_000, 0, "judgement: a share of 5 % never offsets"),
    row!(CalendarSlope, "calendar_slope", Ppm, House, 0, 300_000, 1_000_000, WhenLowered, Noticed, 50_000, 15_000, "judgement: between Deribit and Derive at 30 days and a year"),
    row!(CalendarCap, "calendar_cap", Ppm, House, 200_000, 400_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "judgement"),
    row!(ClassOneKept, "class_1_kept", Ppm, House, 200_000, 500_000, 1_000_000, WhenLowered, Noticed, 50_000, 0, "judgement; offsets of at most 80 %, after EMIR"),
    row!(OracleTolerance, "oracle_tolerance", Ppm, House, 0, 2_500, 50_000, WhenRaised, AtOnce, 1_000_000, 500, "judgement: the spread of sound sources"),
    row!(HaircutMaintenanceShare, "haircut_maintenance_share", Ppm, House, 0, 500_000, 1_000_000, WhenLowered, Noticed, 50_000, 25_000, "judgement: 5 % against 10 %"),
    row!(FundingProvision, "funding_provision", Millis, House, 0, 8 * HOUR, 7 * DAY, WhenLowered, AtOnce, 1_000_000, HOUR, "Paradex: 8 hours"),
    row!(SettlementGaps, "settlement_gaps", Ppm, Underlying, 0, 100_000, 500_000, Always, AtOnce, 1_000_000, 40_000, "judgement: three minutes of the half hour"),
    row!(SettlementWait, "settlement_wait", Millis, Underlying, HOUR, DAY, 30 * DAY, Always, AtOnce, 1_000_000, 0, "judgement: a day for validators and sources to come back"),
    row!(SettlementBand, "settlement_band", Ppm, Underlying, 10_000, 200_000, 500_000, Always, AtOnce, 1_000_000, 0, "judgement: a little beyond the scan range"),
    row!(PauseLapse, "pause_lapse", Millis, House, 10 * MINUTE, 4 * HOUR, DAY, Always, AtOnce, 1_000_000, 0, "judgement: long enough for others to look"),
    row!(PauseCooldown, "pause_cooldown", Millis, House, HOUR, DAY, 30 * DAY, Always, AtOnce, 1_000_000, 0, "judgement: six parts of seven in which one signer stops nothing"),
    row!(WithdrawalOwnerShare, "withdrawal_owner_share", Ppm, House, 10_000, 250_000, 1_000_000, Always, AtOnce, 1_000_000, 0, "judgement: four owners together use up the hour"),
    row!(WithdrawalFree, "withdrawal_free", Micros, House, 0, 10_000_000_000, 1_000_000_000_000, Always, AtOnce, 1_000_000, 1_000_000_000, "judgement: ten thousand dollars an owner and hour"),
    row!(DepositMin, "deposit_min", Micros, House, 0, 10_000_000, 1_000_000_000, Always, AtOnce, 1_000_000, 1_000_000, "judgement: ten dollars pay for a row"),
    row!(WithdrawalMin, "withdrawal_min", Micros, House, 0, 10_000_000, 1_000_000_000, Always, AtOnce, 1_000_000, 1_000_000, "judgement: ten dollars pay for a row"),
    row!(DepositLimit, "deposit_limit", Micros, House, 0, 250_000_000_000_000, 1_000_000_000_000_000_000, Always, AtOnce, 1_000_000, 1_000_000_000_000, "judgement: ten hours of the limit of withdrawals"),
    row!(ImpactNotional, "impact_notional", Micros, Underlying, 1_000_000_000, 50_000_000_000, 10_000_000_000_000, Always, AtOnce, 1_000_000, 0, "judgement: what a market maker shows within a few ticks"),
    row!(SourceDistance, "source_distance", Ppm, Underlying, 1_000, 20_000, 200_000, Always, AtOnce, 1_000_000, 0, "judgement: twice what the index may move in a second"),
];
