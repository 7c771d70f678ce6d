//! What the machine passes in: markets to build the scenario matrices from, and portfolios to measure on them.

use protocol::{AssetId, Fault, Instrument, InstrumentId, Side, UnderlyingId};
use units::{BlockSpan, Lots, Notional, Ppb, Ppm, Price, Quantity, Vol, limits};

/// Underlyings of one class offset each other in part; the share kept is [`crate::Parameters::classes`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetClass(u16);

impl OffsetClass {
    /// Wraps a number.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// What an underlying looks like in this block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderlyingInput {
    /// Which.
    pub underlying: UnderlyingId,
    /// The class within which it offsets.
    pub class: OffsetClass,
    /// The asset that is pledged at this index, if any is.
    pub asset: Option<AssetId>,
    /// Its price.
    pub index: Price,
    /// Half the width of the oracle's uncertainty.
    pub confidence: Price,
    /// Scan range for positions held.
    pub scan_hold: Ppm,
    /// Scan range for new risk; the greater of the two counts.
    pub scan_new: Ppm,
    /// Charge for each naked short option in both margins, as a share of the index.
    pub short_option_maintenance: Ppm,
    /// Further such charge in initial margin.
    pub short_option_initial: Ppm,
    /// Haircut of the asset in initial margin, as a share of its value.
    pub haircut: Ppm,
    /// Value of an account's lots of the asset up to which its haircut alone is charged.
    pub haircut_knee: Notional,
    /// Further haircut of what is above: more takes longer to sell.
    pub haircut_beyond: Ppm,
    /// How far from the index the mark of a perpetual may stand, as a share of it.
    pub mark_band: Ppm,
    /// Width of the market between bid and ask, as a share of the index.
    pub spread: Ppm,
    /// Standard deviation of a day's return.
    pub vol_daily: Ppm,
    /// Dollars that trade in a day; zero if unknown, and then no impact is charged.
    pub volume_daily: Notional,
    /// Standard deviation of a day's change of implied vols: 10 000 is one vol point.
    pub vol_move_daily: Ppm,
    /// Vega that trades in a day, in dollars for vols that rise by 100 points; zero if unknown, as with the volume.
    pub vega_daily: Notional,
    /// η for new risk: how deep the books are, as a share of what they should be.
    pub depth: Ppm,
    /// η for risk held, never less.
    pub depth_hold: Ppm,
    /// The most that an order pays as a fee, as a share of its value.
    pub fee: Ppm,
}

impl UnderlyingInput {
    /// Checks the bounds of what is governed by underlying (0019-MARG-018).
    ///
    /// # Errors
    ///
    /// [`Fault::Invariant`] naming the first bound broken: governance has let through what it must not.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let share = |value: Ppm| value >= Ppm::ZERO && value <= Ppm::from_parts(limits::PPM_ONE);
        let dollars = |value: Notional| value >= Notional::ZERO && value <= DOLLARS_MAX;
        let rules = [
            (
                [self.haircut, self.haircut_beyond].into_iter().all(share)
                    && dollars(self.haircut_knee),
                "collateral haircut",
            ),
            (
                [self.spread, self.vol_daily, self.vol_move_daily, self.depth_hold]
                    .into_iter()
                    .all(share)
                    && [self.volume_daily, self.vega_daily].into_iter().all(dollars)
                    && self.depth >= DEPTH_MIN
                    && self.depth <= self.depth_hold,
                "liquidity",
            ),
            (share(self.mark_band), "mark band"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, name)) => Err(Fault::Invariant(name)),
            None => Ok(()),
        }
    }
}

/// Least η.
const DEPTH_MIN: Ppm = Ppm::from_parts(50_000);
/// A trillion dollars.
const DOLLARS_MAX: Notional = Notional::from_micros(1_000_000_000_000_000_000);

/// How far the averaging of the settlement price has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The part of the average that is fixed: the sum of what has been observed over all that will count.
    pub fixed: Price,
    /// The part of the window still to come, of all that will count: as time, until it closes.
    pub remaining: BlockSpan,
}

/// What a contract looks like in this block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketInput {
    /// The contract.
    pub instrument: Instrument,
    /// Forward price for its expiry; the index for a perpetual.
    pub forward: Price,
    /// Price at which positions are valued.
    pub mark: Price,
    /// Implied vol; read for options only.
    pub vol: Vol,
    /// How far above it the true one may be: short options are charged the difference in value.
    pub vol_uncertainty: Vol,
    /// How far the forward may be off against the others of the underlying: zero while its basis is voted on. The same for all
    /// that expires at one time.
    pub basis_doubt: Price,
    /// State of the averaging, inside the settlement window only.
    pub settlement: Option<Settlement>,
    /// Hourly funding rate; longs pay if it is positive. Zero but for perpetuals.
    pub funding: Ppb,
}

/// Lots held, and what has been settled for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Where.
    pub instrument: InstrumentId,
    /// How many; short is negative.
    pub lots: Lots,
    /// What the lots were last settled at, signed like them: equity counts value − cost. Zero for options, whose
    /// premium was paid in cash.
    pub cost: Notional,
}

/// An order that may yet be filled, in whole or in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOrder {
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// The limit.
    pub price: Price,
    /// Lots left; positive.
    pub lots: Lots,
    /// The fee if all of them are filled.
    pub fee: Notional,
}

/// The open orders of an account on one side of one market, summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SideOrders {
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Lots left of all of them; positive.
    pub lots: Lots,
    /// The lowest limit.
    pub lowest: Price,
    /// The highest limit.
    pub highest: Price,
    /// How many they are; none pays a higher fee than the underlying's.
    pub count: u32,
}

/// All that one account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portfolio<'a> {
    /// Dollars.
    pub cash: Notional,
    /// Positions, each instrument once.
    pub positions: &'a [Position],
    /// Assets other than the dollar, each once.
    pub collateral: &'a [(AssetId, Quantity)],
    /// Open orders.
    pub orders: &'a [OpenOrder],
}
