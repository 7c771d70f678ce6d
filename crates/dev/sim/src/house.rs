//! A small house to run: two underlyings with a perpetual each, and traders who know little of what they do.

use crate::random::Random;
use machine::{Genesis, SourceWeight, UnderlyingGenesis};
use mempool::Submission;
use protocol::{
    AccountId, Address, AssetId, ClientOrderId, Command, Contract, Instrument, InstrumentId,
    NewOrder, PriceReport, SelfTrade, Side, SourceId, TimeInForce, Transaction, UnderlyingId,
    ValidatorId, Vote, codec,
};
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity};

const CUSTODIAN: Address = Address::new([0xC0; 20]);
const UNDERLYINGS: [(u16, &str, i128); 2] = [(1, "BTC", 8_000_000_000), (2, "ETH", 190_000_000)];
/// The engine's clock begins at zero, and time on the chain must not.
pub(crate) const FOUNDED_AT: i128 = 1;
const TRADERS: u64 = 12;

/// Returns the genesis of a number of validators.
pub(crate) fn genesis(validators: u16) -> Genesis {
    let underlying = |(id, name, _): &(u16, &str, i128)| UnderlyingGenesis {
        id: UnderlyingId::new(*id),
        name: (*name).into(),
        asset: Some(AssetId::new(*id)),
        class: 1,
        sources: (1..=4).map(|n| SourceWeight { source: SourceId::new(n), weight: 1 }).collect(),
        sources_min: 3,
        insurance_fund: Notional::from_micros(1_000_000_000_000),
    };
    let perpetual = |(id, _, _): &(u16, &str, i128)| Instrument {
        id: InstrumentId::new(u32::from(*id)),
        underlying: UnderlyingId::new(*id),
        contract: Contract::Perpetual,
        contract_size: Quantity::from_nanos(10_000_000),
        tick: Price::from_micros(500_000),
    };
    Genesis {
        chain: "simulation".into(),
        time: BlockTime::from_millis(FOUNDED_AT),
        custodian: CUSTODIAN,
        signers: vec![Address::new([0x51; 20]), Address::new([0x52; 20])],
        threshold: 2,
        validators: (1..=validators).map(|n| (ValidatorId::new(n), 1)).collect(),
        underlyings: UNDERLYINGS.iter().map(underlying).collect(),
        instruments: UNDERLYINGS.iter().map(perpetual).collect(),
        parameters: Vec::new(),
        signed: true,
    }
}

/// Returns what a validator's feed reports.
pub(crate) fn vote(validator: u16, random: &mut Random) -> Vote {
    let mut prices = Vec::new();
    for (id, _, level) in UNDERLYINGS {
        for source in 1..=4 {
            let noise = i128::from(random.between(0, 2_000)) - 1_000;
            let price = level + level / 1_000_000 * noise;
            prices.push(PriceReport {
                underlying: UnderlyingId::new(id),
                source: SourceId::new(source),
                price: Price::from_micros(price),
                confidence: Price::from_micros(price / 10_000),
            });
        }
    }
    Vote { validator: ValidatorId::new(validator), prices, vols: Vec::new(), bases: Vec::new() }
}

/// Returns a submission of a trader: a deposit, an order or a cancel.
pub(crate) fn submission(nonce: u64, random: &mut Random) -> Vec<u8> {
    let number = u8::try_from(random.between(1, TRADERS)).expect("a small number");
    let sender = Address::new([number; 20]);
    let transaction = match random.between(0, 9) {
        0..=2 => {
            let amount = i128::from(random.between(1_000, 1_000_000)) * 1_000_000;
            let account = AccountId { owner: sender, sub: 0 };
            let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(amount));
            Transaction { sender: CUSTODIAN, command: Command::Deposit { account, asset, amount } }
        }
        3 => Transaction { sender, command: Command::MassCancel { sub: 0, instrument: None } },
        _ => {
            let (id, _, level) = UNDERLYINGS[random.index(UNDERLYINGS.len())];
            let away = i128::from(random.between(0, 20)) - 10;
            let price = (level + level / 1_000 * away) / 500_000 * 500_000;
            let order = NewOrder {
                client: ClientOrderId::new(nonce),
                instrument: InstrumentId::new(u32::from(id)),
                side: if random.percent(50) { Side::Buy } else { Side::Sell },
                price: Price::from_micros(price),
                lots: Lots::from_count(i128::from(random.between(1, 50))),
                time_in_force: TimeInForce::GoodTillCancelled,
                reduce_only: false,
                self_trade: SelfTrade::CancelResting,
            };
            Transaction { sender, command: Command::PlaceOrder { sub: 0, order } }
        }
    };
    encode(nonce, transaction)
}

/// Returns a submission by which one recognises that a client was heard: a deposit into an account of its own.
pub(crate) fn marker(nonce: u64, number: u16) -> (AccountId, Vec<u8>) {
    let account = AccountId { owner: Address::new([0xEE; 20]), sub: number };
    let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(1_000_000));
    let command = Command::Deposit { account, asset, amount };
    (account, encode(nonce, Transaction { sender: CUSTODIAN, command }))
}

fn encode(nonce: u64, transaction: Transaction) -> Vec<u8> {
    codec::encode(&Submission { nonce, transaction }).expect("within limits")
}
