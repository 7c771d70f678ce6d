//! The house that is attacked: two underlyings, a perpetual, two futures and options on each; who is who in it.

use crate::act::{Keys, Setup};
use machine::{
    Genesis, Machine, ParameterGenesis, SourceWeight, UnderlyingGenesis, ValidatorGenesis,
};
use protocol::{
    AccountId, Address, AssetId, Contract, Hash, Instrument, InstrumentId, ParameterId, Right,
    Seat, SourceId, UnderlyingId, ValidatorId, limits,
};
use units::{BlockTime, Notional, Price, Quantity};

/// Time of block zero.
pub(crate) const START: i128 = 1_584_000_000_000;
/// When the first contracts end.
pub(crate) const FIRST_EXPIRY: i128 = START + 3_600_000;
/// When the last ones end.
pub(crate) const LAST_EXPIRY: i128 = START + 30 * 86_400_000;
/// The underlyings.
pub(crate) const UNDERLYINGS: [UnderlyingId; 2] = [UnderlyingId::new(1), UnderlyingId::new(2)];
/// Their first prices.
pub(crate) const PRICES: [i128; 2] = [8_000_000_000, 190_000_000];
/// Sources of each price, but in houses that say otherwise.
pub(crate) const SOURCES: u8 = 4;
/// Who may attest deposits; the first is in the coalition.
pub(crate) const CUSTODIANS: [Address; 3] =
    [Address::new([0xC0; 20]), Address::new([0xC1; 20]), Address::new([0xC2; 20])];
/// Who may be in the council; the first are in the coalition.
const SIGNERS: [Address; 5] = [
    Address::new([0x51; 20]),
    Address::new([0x52; 20]),
    Address::new([0x53; 20]),
    Address::new([0x54; 20]),
    Address::new([0x55; 20]),
];
/// Micro-dollars a tick.
pub(crate) const TICK: i128 = 500_000;
/// Contracts: four on each underlying and two options on the first expiry.
pub(crate) const MARKETS: u8 = 10;

/// Micro-dollars that leave a narrow house in an hour.
const NARROW: i64 = 40_000_000_000;

/// Third parties, by number.
pub(crate) mod third {
    /// Holds long positions and does nothing.
    pub(crate) const LONG: u8 = 20;
    /// Holds the other side and does nothing.
    pub(crate) const SHORT: u8 = 21;
    /// Holds as much as margin allows and does nothing.
    pub(crate) const LEVERAGED: u8 = 22;
    /// Quotes honestly.
    pub(crate) const MAKER: u8 = 30;
    /// Tries in turn whether it still can trade in every market.
    pub(crate) const PROBE: u8 = 31;
    /// Is long a perpetual.
    pub(crate) const BULL: u8 = 40;
    /// Is short a perpetual.
    pub(crate) const BEAR: u8 = 41;
    /// Is long a perpetual and short a future.
    pub(crate) const SPREAD: u8 = 42;
    /// Is long a future and short a perpetual.
    pub(crate) const CARRY: u8 = 43;
    /// Has sold calls.
    pub(crate) const WRITER: u8 = 44;
    /// All who do nothing, whatever becomes of their positions.
    pub(crate) const PASSIVE: [u8; 8] = [LONG, SHORT, LEVERAGED, BULL, BEAR, SPREAD, CARRY, WRITER];
    /// The first of the strangers that arrive later.
    pub(crate) const STRANGERS: u8 = 100;
}

/// Returns the signers in the coalition, and the others.
pub(crate) fn signers(keys: &Keys) -> (&'static [Address], &'static [Address]) {
    let (count, _, ours) = keys.signers;
    SIGNERS[..usize::from(count)].split_at(usize::from(ours))
}

/// Returns whether an account is of the coalition, which has so many members.
pub(crate) fn is_ours(id: AccountId, members: u8) -> bool {
    (1..=members).any(|number| owner(number) == id.owner)
}

/// Returns an account of the crowd: the first member's owner has them all.
pub(crate) fn of_crowd(number: u16) -> AccountId {
    AccountId { owner: owner(1), sub: 10 + number }
}

/// Returns the coin that is pledged on an underlying.
pub(crate) fn coin(side: u8) -> AssetId {
    AssetId::new(UNDERLYINGS[usize::from(side % 2)].get())
}

/// Returns the account of a number: of the coalition to 8, else a third party's.
pub(crate) fn account(number: u8) -> AccountId {
    AccountId { owner: owner(number), sub: if number == 2 { 1 } else { 0 } }
}

/// Returns whose an account is. The first two are one owner's.
pub(crate) fn owner(number: u8) -> Address {
    Address::new([if number == 2 { 1 } else { number }; 20])
}

/// Returns the contract at a place in the list of markets.
pub(crate) fn market(place: u8) -> InstrumentId {
    InstrumentId::new(u32::from(place % MARKETS) + 1)
}

/// Returns on which of the underlyings a market is.
pub(crate) fn side_of(market: InstrumentId) -> usize {
    usize::from(market.get() > u32::from(MARKETS / 2))
}

/// The call at the middle one of three strikes.
pub(crate) const MIDDLE: InstrumentId = InstrumentId::new(9);
/// One of the calls at the strikes beside it, which have one vol.
pub(crate) const WING: InstrumentId = InstrumentId::new(11);
/// What the vol of the strikes beside the middle one is, in parts per hundred of that.
pub(crate) const SMILE: i128 = 110;

/// Returns what a contract's vol is, of the true one of the middle.
pub(crate) fn smile(id: InstrumentId, vol: i128) -> i128 {
    if id.get() > u32::from(MARKETS) { vol * SMILE / 100 } else { vol }
}

/// Returns the calls on the last expiry of the second underlying, one below and one above the middle strike.
fn wings() -> [Instrument; 2] {
    [(1, 9), (2, 11)].map(|(number, tenths)| Instrument {
        id: InstrumentId::new(u32::from(MARKETS) + number),
        underlying: UNDERLYINGS[1],
        contract: Contract::Option {
            expires_at: BlockTime::from_millis(LAST_EXPIRY),
            strike: Price::from_micros(PRICES[1] * tenths / 10),
            right: Right::Call,
        },
        contract_size: Quantity::from_nanos(10_000_000),
        tick: Price::from_micros(TICK),
    })
}

fn instruments() -> Vec<Instrument> {
    let (first, last) = (BlockTime::from_millis(FIRST_EXPIRY), BlockTime::from_millis(LAST_EXPIRY));
    let mut listed = Vec::new();
    for (underlying, strike) in UNDERLYINGS.into_iter().zip(PRICES) {
        let strike = Price::from_micros(strike);
        for contract in [
            Contract::Perpetual,
            Contract::Future { expires_at: first },
            Contract::Future { expires_at: last },
            Contract::Option { expires_at: last, strike, right: Right::Call },
            Contract::Option { expires_at: first, strike, right: Right::Put },
        ] {
            let number = u32::try_from(listed.len()).expect("few") + 1;
            listed.push(Instrument {
                id: InstrumentId::new(number),
                underlying,
                contract,
                contract_size: Quantity::from_nanos(10_000_000),
                tick: Price::from_micros(TICK),
            });
        }
    }
    listed
}

pub(crate) fn seat(number: u16) -> Seat {
    let key = *Hash::of("adversary validator", &number.to_be_bytes()).bytes();
    Seat { validator: ValidatorId::new(number), key, endpoint: None }
}

/// Returns the house of a setup.
pub(crate) fn found(setup: &Setup) -> Machine {
    Machine::found(&genesis(setup)).expect("the genesis is sound").0
}

/// Returns what it is founded on.
pub(crate) fn genesis(setup: &Setup) -> Genesis {
    let underlyings =
        UNDERLYINGS.into_iter().zip(["BTC", "ETH"]).zip(PRICES).map(|((id, name), price)| {
            UnderlyingGenesis {
                id,
                name: name.into(),
                asset: Some(AssetId::new(id.get())),
                class: 1,
                sources: (1..=setup.prices.map_or(SOURCES, |prices| prices.sources))
                    .map(|source| SourceWeight { source: SourceId::new(source.into()), weight: 1 })
                    .collect(),
                sources_min: 3,
                reference_price: Price::from_micros(price),
                first_blocks: 3,
                insurance_fund: Notional::from_micros(i128::from(setup.fund) * 1_000_000),
            }
        });
    let seldom = UNDERLYINGS.into_iter().flat_map(|id| {
        [
            (ParameterId::FrozenAfter, 120_000),
            (ParameterId::StaleAfter, 60_000),
            (ParameterId::GapMax, 60_000),
        ]
        .map(|(parameter, value)| ParameterGenesis {
            underlying: Some(id),
            parameter,
            value,
        })
    });
    let mut parameters: Vec<ParameterGenesis> = seldom.filter(|_| setup.slow).collect();
    parameters.extend(setup.narrow.then_some(ParameterGenesis {
        underlying: None,
        parameter: ParameterId::WithdrawalLimit,
        value: NARROW,
    }));
    let wings = setup.prices.map_or(Vec::new(), |_| wings().to_vec());
    Genesis {
        chain: "adversary".into(),
        time: BlockTime::from_millis(START),
        custodians: CUSTODIANS.to_vec(),
        custodian_threshold: 2,
        signers: SIGNERS[..usize::from(setup.keys.signers.0)].to_vec(),
        threshold: setup.keys.signers.1.into(),
        validators: (1..=u16::from(setup.keys.validators.0))
            .map(|number| ValidatorGenesis { seat: seat(number), stake: 1 })
            .collect(),
        epoch_blocks: limits::EPOCH_BLOCKS_MIN,
        underlyings: underlyings.collect(),
        instruments: instruments().into_iter().chain(wings).collect(),
        parameters,
        signed: false,
    }
}
