//! Every magnitude limit of the system, in one place: run-time checks, codecs and proofs all read these.
//!
//! The products below fit in 128 bits because of them; the `const` assertions state each such relation.

/// Highest absolute price, in micro-dollars per unit of the underlying: 10⁹ dollars.
pub const PRICE_MICROS_MAX: i128 = 1_000_000_000_000_000;
/// Most lots in one order or one position.
pub const LOTS_MAX: i128 = (1 << 31) - 1;
/// Most lots open in one instrument, over all accounts.
pub const OPEN_INTEREST_LOTS_MAX: i128 = 1 << 40;
/// Largest contract size, in billionths of the underlying per lot: one thousand units.
pub const CONTRACT_SIZE_NANOS_MAX: i128 = 1_000_000_000_000;
/// Largest amount of dollars in one account, either sign, in micro-dollars.
pub const BALANCE_MICROS_MAX: i128 = 1 << 100;
/// Largest amount of one asset in one account, in billionths.
pub const QUANTITY_NANOS_MAX: i128 = 1 << 90;
/// Highest fee, in basis points.
pub const FEE_BPS_MAX: i128 = 1_000;
/// Basis points in one.
pub const BPS_ONE: i128 = 10_000;
/// Parts per million in one.
pub const PPM_ONE: i128 = 1_000_000;
/// Parts per billion in one.
pub const PPB_ONE: i128 = 1_000_000_000;
/// Largest ratio: one million times in parts per million, one thousand times in parts per billion.
pub const PPM_MAX: i128 = 1_000_000_000_000;
/// Highest volatility, in units of 0.01 %: 655.35 %.
pub const VOL_MAX: i128 = 65_535;
/// Latest block time, in milliseconds since 1970: the year 9999.
pub const TIME_MILLIS_MAX: i128 = 253_402_300_799_999;

/// Largest value of one position, in micro-dollars: price × lots × units per lot.
pub const POSITION_VALUE_MICROS_MAX: i128 = PRICE_MICROS_MAX * LOTS_MAX * CONTRACT_SIZE_UNITS_MAX;
/// [`CONTRACT_SIZE_NANOS_MAX`] in whole units.
const CONTRACT_SIZE_UNITS_MAX: i128 = 1_000;

const _: () = assert!(CONTRACT_SIZE_UNITS_MAX * 1_000_000_000 == CONTRACT_SIZE_NANOS_MAX);
const _: () = assert!(PRICE_MICROS_MAX < 1 << 63);
const _: () = assert!(POSITION_VALUE_MICROS_MAX < BALANCE_MICROS_MAX);
const _: () = assert!(FEE_BPS_MAX <= BPS_ONE);
