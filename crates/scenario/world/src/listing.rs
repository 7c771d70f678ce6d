//! What is listed: perpetuals, futures and options of the demo, and the genesis around them.

use crate::WorldError;
use crate::tape::Tape;
use crate::{BTC, COIN, ETH};
use machine::{Genesis, ParameterGenesis, SourceWeight, UnderlyingGenesis, ValidatorGenesis};
use market::chain::{Chain, OptionKind, OptionQuote};
use protocol::{
    Address, AssetId, Contract, Hash, Instrument, InstrumentId, ParameterId, Right, Seat, SourceId,
    UnderlyingId, ValidatorId,
};
use std::collections::BTreeMap;
use units::{BlockTime, Notional, Price, Quantity, Round, Vol};

/// Milliseconds in an hour.
pub(crate) const HOUR: i128 = 3_600_000;
/// Most options listed on one underlying.
const OPTIONS_PER_UNDERLYING: usize = 96;
/// Validators of the demo, each with one stake.
pub const VALIDATORS: u16 = 4;

/// Who attests deposits in the demo; two of three credit one.
pub const CUSTODIANS: [Address; 3] =
    [Address::new([0xC0; 20]), Address::new([0xC1; 20]), Address::new([0xC2; 20])];
/// Governance signers of the demo; two of three change something.
pub const SIGNERS: [Address; 3] =
    [Address::new([0x51; 20]), Address::new([0x52; 20]), Address::new([0x53; 20])];

/// Contracts and the vol at which each option starts.
#[derive(Debug, Default)]
pub struct Listing {
    /// In the order of their numbers within an underlying.
    pub instruments: Vec<Instrument>,
    /// Vol of each option at the start.
    pub vols: BTreeMap<InstrumentId, Vol>,
    /// Basis of each dated expiry at the start.
    pub bases: BTreeMap<(UnderlyingId, BlockTime), Price>,
}

impl Listing {
    fn add(
        &mut self,
        underlying: UnderlyingId,
        contract: Contract,
        size: i128,
        tick: i128,
    ) -> InstrumentId {
        let before = self.instruments.iter().filter(|held| held.underlying == underlying).count();
        let number = u32::try_from(before).unwrap_or(u32::MAX);
        let id = InstrumentId::new(u32::from(underlying.get()) * 10_000 + number);
        let contract_size = Quantity::from_nanos(size);
        self.instruments.push(Instrument {
            id,
            underlying,
            contract,
            contract_size,
            tick: Price::from_micros(tick),
        });
        id
    }

    /// Lists a perpetual and futures on an underlying.
    fn linear(&mut self, underlying: UnderlyingId, expiries: &[BlockTime]) {
        let (size, tick) = sizes(underlying);
        self.add(underlying, Contract::Perpetual, size, tick);
        for expires_at in expiries {
            self.add(underlying, Contract::Future { expires_at: *expires_at }, size, tick);
        }
    }

    fn option(
        &mut self,
        underlying: UnderlyingId,
        expires_at: BlockTime,
        strike: Price,
        right: Right,
        vol: Vol,
    ) {
        let (size, tick) = sizes(underlying);
        let contract = Contract::Option { expires_at, strike, right };
        // Options in tenths of the lot of a future would be finer than anybody trades: ten lots of it.
        let id = self.add(underlying, contract, size * 10, tick);
        self.vols.insert(id, vol);
    }
}

/// Returns units per lot, in billionths, and the tick, in micro-dollars.
fn sizes(underlying: UnderlyingId) -> (i128, i128) {
    if underlying == BTC { (1_000_000, 500_000) } else { (10_000_000, 50_000) }
}

/// Lists real chains: perpetual, futures and the options with a two-sided quote nearest to the money.
pub(crate) fn of_chains(
    chains: &[(UnderlyingId, &Chain)],
    from: BlockTime,
) -> Result<Listing, WorldError> {
    let mut listing = Listing::default();
    for (underlying, chain) in chains {
        let expiries: Vec<BlockTime> =
            chain.expiries().into_iter().filter(|at| *at > from).take(5).collect();
        let futures: Vec<BlockTime> = chain
            .forwards
            .iter()
            .map(|forward| forward.expires_at)
            .filter(|at| expiries.contains(at))
            .collect();
        listing.linear(*underlying, &futures);
        let spot = chain.spot.mid();
        for forward in &chain.forwards {
            let basis = forward.quote.mid().minus(spot)?;
            listing.bases.insert((*underlying, forward.expires_at), basis);
        }
        let mut quoted: Vec<_> = chain
            .options
            .iter()
            .filter(|quote| expiries.contains(&quote.expires_at))
            .filter_map(|quote| {
                let vol = mid_vol(chain, quote)?;
                let distance = quote.strike.minus(spot).ok()?.magnitude().ok()?;
                Some((distance, quote, vol))
            })
            .collect();
        quoted.sort_by_key(|(distance, quote, _)| {
            (*distance, quote.expires_at, quote.kind == OptionKind::Put)
        });
        quoted.truncate(OPTIONS_PER_UNDERLYING);
        quoted.sort_by_key(|(_, quote, _)| {
            (quote.expires_at, quote.strike, quote.kind == OptionKind::Put)
        });
        for (_, quote, vol) in quoted {
            let right = if quote.kind == OptionKind::Call { Right::Call } else { Right::Put };
            listing.option(*underlying, quote.expires_at, quote.strike, right, vol);
        }
    }
    Ok(listing)
}

/// Returns the implied vol of the middle of a two-sided quote.
fn mid_vol(chain: &Chain, quote: &OptionQuote) -> Option<Vol> {
    let middle = quote.bid?.plus(quote.ask?).ok()?;
    let middle = Price::from_micros(middle.micros() / 2);
    let forward = chain.forward(quote.expires_at)?.quote.mid();
    let right = if quote.kind == OptionKind::Call { Right::Call } else { Right::Put };
    let time = quote.expires_at.since(chain.taken_at).ok()?;
    let sigma = crate::quotes::implied(right, forward, quote.strike, time, middle)?;
    (100..=50_000).contains(&sigma.points()).then_some(sigma)
}

/// Lists a chain of our own around the first prices: three expiries, strikes in even steps, a smile.
///
/// # Errors
///
/// [`WorldError::Arithmetic`] if a price is beyond what strikes can be made of.
pub fn of_prices(
    spots: &[(UnderlyingId, Price)],
    from: BlockTime,
    vol: Vol,
) -> Result<Listing, WorldError> {
    let day = 24 * HOUR;
    // Expiries at 08:00, as everywhere: the next morning, the one after, and four weeks on.
    let next = (from.millis() - 8 * HOUR).div_euclid(day) * day + day + 8 * HOUR;
    let expiries = [next, next + day, next + 28 * day].map(BlockTime::from_millis);
    let mut listing = Listing::default();
    for (underlying, spot) in spots {
        listing.linear(*underlying, &expiries);
        let step = if *underlying == BTC { 250_000_000 } else { 5_000_000 };
        for expires_at in expiries {
            listing.bases.insert((*underlying, expires_at), Price::ZERO);
            for offset in -12i128..=4 {
                let middle = spot.on_tick(Price::from_micros(step), Round::Down)?;
                let strike = middle.plus(Price::from_micros(step * 2 * offset))?;
                let right = if offset < 0 { Right::Put } else { Right::Call };
                let vol = smile(vol, strike, *spot)?;
                listing.option(*underlying, expires_at, strike, right, vol);
            }
        }
    }
    Ok(listing)
}

/// Returns the vol of a strike: three tenths of a point more for each point below the spot, and a gentle smile.
fn smile(vol: Vol, strike: Price, spot: Price) -> Result<Vol, WorldError> {
    let distance = strike.minus(spot)?.micros() * 1_000_000 / spot.micros().max(1);
    let skew = -distance * 3 / 10;
    let wings = distance * distance / 1_000_000;
    let points = vol.points() * (1_000_000 + skew + wings) / 1_000_000;
    Ok(Vol::from_points(points.clamp(1_000, 40_000)))
}

/// Blocks of an epoch: none ends while the demo plays.
const EPOCH_BLOCKS: u64 = 20_000;
/// Stake of each validator: enough of it that a fraction can be lost.
const STAKE: u64 = 1_000_000;

/// Returns seats for a house in one process, where nobody votes: their keys open nothing.
pub fn seats(validators: u16) -> Vec<Seat> {
    let key = |number: u16| *Hash::of("demo validator", &number.to_be_bytes()).bytes();
    let seat =
        |number| Seat { validator: ValidatorId::new(number), key: key(number), endpoint: None };
    (1..=validators).map(seat).collect()
}

/// Returns the genesis of a demo house: the contracts listed, a tape's venues and first prices, validators of equal stake.
///
/// # Errors
///
/// [`WorldError::Absent`] if the tape has no prices.
pub fn genesis(
    listing: &Listing,
    tape: &Tape,
    chain: &str,
    seats: &[Seat],
) -> Result<Genesis, WorldError> {
    let first = tape.ticks.first().ok_or(WorldError::Absent("the scenario has no prices"))?;
    // What the scenario begins with; of a name that it has no price of, nothing is listed.
    let reference = |id: UnderlyingId| tape.first_price(id).unwrap_or(Price::ONE);
    let underlying = |id: UnderlyingId, name: &str, fund: i128| UnderlyingGenesis {
        id,
        name: name.to_string(),
        asset: (id != COIN).then_some(AssetId::new(id.get())),
        class: u16::from(id != COIN),
        sources: (1..=tape.sources(id))
            .map(|n| SourceWeight { source: SourceId::new(n), weight: 1 })
            .collect(),
        sources_min: 2,
        reference_price: reference(id),
        first_blocks: 1,
        insurance_fund: Notional::from_micros(fund * 1_000_000),
    };
    let mut parameters = Vec::new();
    for id in [COIN, BTC, ETH] {
        let underlying = Some(id);
        // Blocks are a minute apart, so ages are counted in minutes.
        for (parameter, value) in [
            (ParameterId::FrozenAfter, 1_800_000),
            (ParameterId::StaleAfter, 300_000),
            (ParameterId::IndexVelocity, 2_500),
        ] {
            parameters.push(ParameterGenesis { underlying, parameter, value });
        }
    }
    // All of the demo's money comes in its first block.
    let (parameter, value) = (ParameterId::DepositLimit, 1_000_000_000_000_000_000);
    parameters.push(ParameterGenesis { underlying: None, parameter, value });
    let mut instruments = listing.instruments.clone();
    instruments.sort_by_key(|instrument| instrument.id);
    Ok(Genesis {
        chain: chain.to_string(),
        time: BlockTime::from_millis(first.time.millis() - 1),
        custodians: CUSTODIANS.to_vec(),
        custodian_threshold: 2,
        signers: SIGNERS.to_vec(),
        threshold: 2,
        validators: seats
            .iter()
            .map(|seat| ValidatorGenesis { seat: *seat, stake: STAKE })
            .collect(),
        epoch_blocks: EPOCH_BLOCKS,
        underlyings: vec![
            underlying(COIN, "USDC", 0),
            underlying(BTC, "BTC", 5_000_000),
            underlying(ETH, "ETH", 2_000_000),
        ],
        instruments,
        parameters,
        signed: false,
    })
}
