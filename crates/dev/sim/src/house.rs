//! A small house to run: two underlyings with a perpetual each, and traders who know little of what they do.

use crate::random::Random;
use access::{Network, OwnerKey, Validity, shown_for};
use light::Anchor;
use machine::{Genesis, SourceWeight, UnderlyingGenesis};
use protocol::{
    AccountId, Address, AssetId, ClientOrderId, Command, Contract, Instrument, InstrumentId,
    NewOrder, PriceReport, SelfTrade, Side, SourceId, TimeInForce, UnderlyingId, ValidatorId, Vote,
};
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity};

/// Number of the custodian's key; the traders' begin at one.
const CUSTODIAN: u8 = 0xC0;
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
    Genesis {
        chain: "simulation".into(),
        time: BlockTime::from_millis(FOUNDED_AT),
        custodian: key(CUSTODIAN).address(),
        signers: vec![Address::new([0x51; 20]), Address::new([0x52; 20])],
        threshold: 2,
        validators: (1..=validators).map(|n| (ValidatorId::new(n), 1)).collect(),
        underlyings: UNDERLYINGS.iter().map(underlying).collect(),
        instruments: UNDERLYINGS.iter().map(|(id, _, _)| perpetual(*id)).collect(),
        parameters: Vec::new(),
        signed: true,
    }
}

fn perpetual(id: u16) -> Instrument {
    Instrument {
        id: InstrumentId::new(u32::from(id)),
        underlying: UnderlyingId::new(id),
        contract: Contract::Perpetual,
        contract_size: Quantity::from_nanos(10_000_000),
        tick: Price::from_micros(500_000),
    }
}

fn key(number: u8) -> OwnerKey {
    OwnerKey::from_secret([number; 32]).expect("a small number is a key")
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
pub(crate) fn submission(anchor: &Anchor, nonce: u64, random: &mut Random) -> Vec<u8> {
    let number = u8::try_from(random.between(1, TRADERS)).expect("a small number");
    let (sender, command) = match random.between(0, 9) {
        0..=2 => {
            let amount = i128::from(random.between(1_000, 1_000_000)) * 1_000_000;
            let account = AccountId { owner: key(number).address(), sub: 0 };
            let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(amount));
            (CUSTODIAN, Command::Deposit { account, asset, amount })
        }
        3 => (number, Command::MassCancel { sub: 0, instrument: None }),
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
            (number, Command::PlaceOrder { sub: 0, order })
        }
    };
    signed(anchor, sender, nonce, command)
}

/// Returns a submission by which one recognises that a client was heard: a deposit into an account of its own.
pub(crate) fn marker(anchor: &Anchor, nonce: u64, number: u16) -> (AccountId, Vec<u8>) {
    let account = AccountId { owner: Address::new([0xEE; 20]), sub: number };
    let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(1_000_000));
    let command = Command::Deposit { account, asset, amount };
    (account, signed(anchor, CUSTODIAN, nonce, command))
}

/// Returns a command, signed by the owner of a number's key; it holds for a simulated day.
fn signed(anchor: &Anchor, sender: u8, nonce: u64, command: Command) -> Vec<u8> {
    let network = Network::new(&anchor.chain, anchor.genesis);
    let listed = |id: InstrumentId| {
        let number = u16::try_from(id.get()).ok()?;
        let (_, name, _) = UNDERLYINGS.iter().find(|(id, _, _)| *id == number)?;
        Some(((*name).to_owned(), perpetual(number)))
    };
    let shown = shown_for(&command, listed, |_| None);
    let validity = Validity { nonce, expires_at: BlockTime::from_millis(86_400_000) };
    key(sender).submit(&network, validity, command, shown, 1).expect("it can be shown")
}
