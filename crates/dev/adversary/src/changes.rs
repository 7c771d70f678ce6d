//! Changes that signers of the coalition would like, and such as a council makes.

use crate::house::{CUSTODIANS, FIRST_EXPIRY, LAST_EXPIRY, TICK, UNDERLYINGS, market, seat};
use protocol::{Address, Change, Contract, Instrument, InstrumentId, ParameterId, ValidatorId};
use units::{BlockTime, Price, Quantity};

/// How many kinds of change a signer may propose, beside those of a market.
pub(crate) const KINDS: u8 = 30;
/// From here on, changes of markets: a number for each.
pub(crate) const END_PAUSE: u8 = 32;
/// Pauses of them.
pub(crate) const PAUSE: u8 = 48;
/// Drills.
pub(crate) const DRILL: u8 = 64;
/// Resumptions.
pub(crate) const RESUME: u8 = 80;
/// What is refused when its time has come, whoever wants it.
pub(crate) const IN_VAIN: [u8; 9] = [6, 7, 11, 20, 22, 23, 24, 25, 26];
/// Takes a seat away, where there are as few as there may be.
pub(crate) const UNSEAT: u8 = 9;
/// A lower one beside [`AT_ONCE`].
pub(crate) const NEARER: u8 = 29;
/// A value that takes effect at once.
pub(crate) const AT_ONCE: u8 = 21;
/// Somebody who would like to be in every table.
const STRANGER: Address = Address::new([0xEE; 20]);

/// Returns a change by its number.
pub(crate) fn of(number: u8) -> Change {
    let set = |parameter, underlying, value| Change::SetParameter { parameter, underlying, value };
    let first = Some(UNDERLYINGS[0]);
    match number {
        0 => set(ParameterId::MaintenanceRatio, None, 1_000_000),
        1 => set(ParameterId::LiquidationBand, first, 1_000),
        2 => set(ParameterId::GapMax, first, 2_000),
        3 => set(ParameterId::PriceBand, first, 1_000_000),
        4 => set(ParameterId::WithdrawalLimit, None, 0),
        6 => Change::ListInstrument(Instrument {
            id: InstrumentId::new(1),
            underlying: UNDERLYINGS[0],
            contract: Contract::Future { expires_at: BlockTime::from_millis(LAST_EXPIRY) },
            contract_size: Quantity::from_nanos(10_000_000),
            tick: Price::from_micros(TICK),
        }),
        7 => Change::ReleaseValidator(ValidatorId::new(2)),
        8 => Change::SeatValidator { seat: seat(99), stake: 1 },
        UNSEAT => Change::UnseatValidator(ValidatorId::new(2)),
        10 => {
            Change::SetCustodians { remove: Some(CUSTODIANS[1]), add: Some(STRANGER), threshold: 2 }
        }
        11 => Change::SettleAt {
            underlying: UNDERLYINGS[0],
            expires_at: BlockTime::from_millis(FIRST_EXPIRY),
            price: Price::from_micros(90_000_000_000),
        },
        12 => Change::ChangeSigners { leaves: None, joins: Some(STRANGER), threshold: 2 },
        13 => Change::ChangeSigners { leaves: None, joins: None, threshold: 1 },
        14 => set(ParameterId::Timelock, None, 86_400_000),
        15 => set(ParameterId::ScanRange, first, 200_000),
        16 => set(ParameterId::PauseLapse, None, 28_800_000),
        17 => set(ParameterId::WithdrawalLimit, None, 12_500_000_000_000),
        18 => set(ParameterId::MaintenanceRatio, None, 840_000),
        19 => set(ParameterId::ScanRange, first, 130_000),
        20 => set(ParameterId::ScanRange, Some(protocol::UnderlyingId::new(77)), 200_000),
        AT_ONCE => set(ParameterId::ShortOptionInitial, first, 2_200),
        22 => Change::UnseatValidator(ValidatorId::new(77)),
        23 => Change::SeatValidator { seat: seat(1), stake: 1 },
        24 => Change::SeatValidator { seat: seat(99), stake: 1_000 },
        25 => Change::SetCustodians { remove: Some(STRANGER), add: None, threshold: 2 },
        26 => Change::SeatValidator {
            seat: protocol::Seat { validator: ValidatorId::new(98), ..seat(1) },
            stake: 1,
        },
        27 => Change::SeatValidator { seat: seat(99), stake: 0 },
        28 => set(ParameterId::StaleAfter, first, 120_000),
        NEARER => set(ParameterId::ShortOptionInitial, first, 2_100),
        END_PAUSE..PAUSE => Change::EndPause(market(number - END_PAUSE)),
        PAUSE..DRILL => Change::PauseInstrument(market(number - PAUSE)),
        DRILL..RESUME => Change::DrillInstrument(market(number - DRILL)),
        RESUME..96 => Change::ResumeInstrument(market(number - RESUME)),
        _ => Change::ResumeHouse,
    }
}
