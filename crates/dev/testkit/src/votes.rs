//! A listing of one underlying on which many validators vote: what the price step of a block has to take in.
//!
//! Validators see every source and every vol a little differently, so that no median is of equal values. Votes come from a seed.

use machine::{Genesis, Machine, SourceWeight, UnderlyingGenesis, ValidatorGenesis};
use protocol::{
    Address, BasisReport, Block, Contract, Hash, Instrument, InstrumentId, PriceReport, Right,
    Seat, SourceId, UnderlyingId, ValidatorId, VolReport, Vote, limits,
};
use random::Random;
use units::{BlockHeight, BlockTime, Notional, Price, Quantity, Vol};

const START: i128 = 1_700_000_000_000;
const DAY: i128 = 86_400_000;
const COIN: UnderlyingId = UnderlyingId::new(1);
const SOURCES: u16 = 8;
/// The index, in micro-dollars.
const INDEX: i128 = 64_000_000_000;
/// Days to the expiries.
const EXPIRIES: [i128; 10] = [2, 7, 14, 21, 30, 60, 90, 180, 270, 360];
/// Strikes of an expiry, a call and a put each.
const STRIKES: u32 = 25;
/// Options of the listing.
pub const OPTIONS: usize = 500;
const FIRST_OPTION: u32 = 100;

/// A house with a perpetual, ten futures and [`OPTIONS`] options, and blocks that bring votes alone.
#[derive(Debug)]
pub struct Voting {
    genesis: Genesis,
    first: Block,
    /// The blocks after the first.
    pub blocks: Vec<Block>,
}

impl Voting {
    /// Returns the votes of some validators in a first block and as many more.
    #[must_use]
    pub fn generate(validators: u16, blocks: i128, seed: u64) -> Self {
        let genesis = genesis(validators);
        let mut random = Random::new(seed);
        let mut block = |height: i128| Block {
            height: BlockHeight::from_blocks(height),
            time: BlockTime::from_millis(START + 1_000 * height),
            votes: (1..=validators).map(|number| vote(number, &genesis, &mut random)).collect(),
            offences: Vec::new(),
            transactions: Vec::new(),
            grants: Vec::new(),
        };
        let first = block(1);
        let blocks = (2..2 + blocks).map(block).collect();
        Self { first, blocks, genesis }
    }

    /// Returns the machine after the first block: everything has its mark.
    ///
    /// # Panics
    ///
    /// Panics if the genesis or the block is refused: it is not what it should be.
    #[must_use]
    pub fn opened(&self) -> Machine {
        let (mut machine, _) = Machine::found(&self.genesis).expect("the genesis is sound");
        machine.apply(&self.first).expect("the block follows");
        let marked = machine.state().markets.values().all(|market| market.mark.is_some());
        assert!(marked, "a market has no mark");
        machine
    }
}

/// Returns a number between minus a bound and the bound.
fn about(random: &mut Random, bound: i128) -> i128 {
    random.between(-bound, bound)
}

fn expires_at(days: i128) -> BlockTime {
    BlockTime::from_millis(START + days * DAY)
}

fn listing() -> Vec<Instrument> {
    let mut contracts = vec![(1, Contract::Perpetual)];
    contracts
        .extend((2..).zip(EXPIRIES.map(|days| Contract::Future { expires_at: expires_at(days) })));
    let mut options = Vec::new();
    for days in EXPIRIES {
        for place in 0..STRIKES {
            let strike = Price::from_micros(INDEX * (40 + 5 * i128::from(place)) / 100);
            for right in [Right::Call, Right::Put] {
                options.push(Contract::Option { expires_at: expires_at(days), strike, right });
            }
        }
    }
    contracts.extend((FIRST_OPTION..).zip(options));
    let listed = |(id, contract)| Instrument {
        id: InstrumentId::new(id),
        underlying: COIN,
        contract,
        contract_size: Quantity::from_nanos(1_000_000),
        tick: Price::from_micros(500_000),
    };
    contracts.into_iter().map(listed).collect()
}

fn genesis(validators: u16) -> Genesis {
    let seat = |number: u16| {
        let key = *Hash::of("voting validator", &number.to_be_bytes()).bytes();
        Seat { validator: ValidatorId::new(number), key, endpoint: None }
    };
    let sources =
        (1..=SOURCES).map(|number| SourceWeight { source: SourceId::new(number), weight: 1 });
    Genesis {
        chain: "voting".into(),
        time: BlockTime::from_millis(START),
        custodians: vec![Address::new([0xC0; 20])],
        custodian_threshold: 1,
        signers: vec![Address::new([0x51; 20])],
        threshold: 1,
        validators: (1..=validators)
            .map(|number| ValidatorGenesis { seat: seat(number), stake: 1 })
            .collect(),
        epoch_blocks: limits::EPOCH_BLOCKS_MIN,
        underlyings: vec![UnderlyingGenesis {
            id: COIN,
            name: "BTC".into(),
            asset: None,
            class: 1,
            sources: sources.collect(),
            sources_min: 4,
            reference_price: Price::from_micros(INDEX),
            first_blocks: 1,
            insurance_fund: Notional::ZERO,
        }],
        instruments: listing(),
        parameters: Vec::new(),
        signed: false,
    }
}

/// Returns what one validator reports: every source within 3 bp of the index, every basis within a dollar, every vol within a
/// fifth of a point of a smile.
fn vote(number: u16, genesis: &Genesis, random: &mut Random) -> Vote {
    let price = |source, random: &mut Random| PriceReport {
        underlying: COIN,
        source: SourceId::new(source),
        price: Price::from_micros(INDEX + about(random, INDEX / 10_000 * 3)),
        confidence: Price::from_micros(INDEX / 10_000),
    };
    let prices = (1..=SOURCES).map(|source| price(source, random)).collect();
    let basis = |days: i128, random: &mut Random| BasisReport {
        underlying: COIN,
        expires_at: expires_at(days),
        basis: Price::from_micros(INDEX / 10 * days / 365 + about(random, 1_000_000)),
    };
    let bases = EXPIRIES.map(|days| basis(days, random)).to_vec();
    let vol = |instrument: &Instrument| {
        let Contract::Option { strike, .. } = instrument.contract else { return None };
        // Fifty per cent at the money, and more the farther a strike is from it.
        let away = (strike.micros() - INDEX).abs() * 1_000 / INDEX;
        let vol = Vol::from_points(5_000 + 2 * away + about(random, 20));
        Some(VolReport { instrument: instrument.id, vol })
    };
    let vols = genesis.instruments.iter().filter_map(vol).collect();
    Vote { validator: ValidatorId::new(number), prices, vols, bases }
}
