//! A small house to run: two underlyings with a perpetual each, and traders who know little of what they do.

use access::{Network, OwnerKey, SessionSecret, Validity, shown_for};
use light::Anchor;
use machine::{Genesis, ParameterGenesis, SourceWeight, UnderlyingGenesis, ValidatorGenesis};
use protocol::{
    AccountId, Address, AssetId, Change, ClientOrderId, Command, Contract, DepositId, Instrument,
    InstrumentId, NewOrder, OrderId, ParameterId, PriceReport, ProposalId, Quote, Seat, SelfTrade,
    Side, SourceId, TimeInForce, UnderlyingId, ValidatorId, Vote, codec, limits,
};
use random::Random;
use replica::simulation::public_key;
use std::sync::OnceLock;
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity};

/// Number of the custodian's key; the traders' begin at one.
const CUSTODIAN: u8 = 0xC0;
const UNDERLYINGS: [(u16, &str, i128); 2] = [(1, "BTC", 8_000_000_000), (2, "ETH", 190_000_000)];
/// The engine's clock begins at zero, and time on the chain must not.
pub(crate) const FOUNDED_AT: i128 = 1;
const TRADERS: u64 = 12;

/// Numbers of the keys of governance.
const SIGNERS: [u8; 2] = [0x51, 0x52];
/// The shortest timelock there can be, and as long a gap between blocks before the markets reopen by an auction: with
/// [`LONG_STEP`] a block, a change is made six blocks after its last approval, and nothing waits.
const HOUR: i64 = 3_600_000;
/// Milliseconds a block in histories in which validators come and go.
pub(crate) const LONG_STEP: i128 = 600_000;
/// How long a signature holds.
const LIFE: i128 = 43_200_000;

/// Returns the genesis of a number of validators.
pub(crate) fn genesis(validators: u16) -> Genesis {
    let underlying = |(id, name, price): &(u16, &str, i128)| UnderlyingGenesis {
        id: UnderlyingId::new(*id),
        name: (*name).into(),
        asset: Some(AssetId::new(*id)),
        class: 1,
        sources: (1..=4).map(|n| SourceWeight { source: SourceId::new(n), weight: 1 }).collect(),
        sources_min: 3,
        reference_price: Price::from_micros(*price),
        first_blocks: 1,
        insurance_fund: Notional::from_micros(1_000_000_000_000),
    };
    Genesis {
        chain: "simulation".into(),
        time: BlockTime::from_millis(FOUNDED_AT),
        custodians: vec![key(CUSTODIAN).address()],
        custodian_threshold: 1,
        signers: SIGNERS.map(|number| key(number).address()).to_vec(),
        threshold: 2,
        validators: (0..validators)
            .map(|index| ValidatorGenesis { seat: seat(index), stake: 1 })
            .collect(),
        epoch_blocks: limits::EPOCH_BLOCKS_MIN,
        underlyings: UNDERLYINGS.iter().map(underlying).collect(),
        instruments: UNDERLYINGS.iter().map(|(id, _, _)| perpetual(*id)).collect(),
        parameters: [ParameterId::Timelock, ParameterId::RestartGap]
            .map(|parameter| ParameterGenesis { underlying: None, parameter, value: HOUR })
            .to_vec(),
        signed: true,
    }
}

/// Returns the seat of a validator, by its place in the simulated world.
fn seat(index: u16) -> Seat {
    Seat { validator: ValidatorId::new(index + 1), key: public_key(index), endpoint: None }
}

/// Returns the change that gives a validator a seat, or takes it.
pub(crate) fn seating(index: u16, joins: bool) -> Change {
    let seat = seat(index);
    if joins {
        Change::SeatValidator { seat, stake: 1 }
    } else {
        Change::UnseatValidator(seat.validator)
    }
}

/// Returns what governance sends for a change: a proposal, and the approval of all of it that may be open.
pub(crate) fn governed(
    anchor: &Anchor,
    now: BlockTime,
    nonce: &mut u64,
    change: Change,
    proposals: u32,
) -> Vec<Vec<u8>> {
    let [proposer, approver] = SIGNERS;
    let approvals = (1..=proposals)
        .map(|number| (approver, Command::Approve { proposal: ProposalId::new(number), change }));
    let sent = std::iter::once((proposer, Command::Propose { change })).chain(approvals);
    sent.map(|(sender, command)| {
        *nonce += 1;
        signed(anchor, now, sender, *nonce, command)
    })
    .collect()
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

/// Returns the key of a number. Each is made once: that costs as much as a signature.
fn key(number: u8) -> &'static OwnerKey {
    static KEYS: OnceLock<Vec<OwnerKey>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let key = |number| OwnerKey::from_secret([number; 32]).expect("a small number is a key");
        (1..=CUSTODIAN).map(key).collect()
    });
    keys.get(usize::from(number) - 1).expect("one of the keys")
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
pub(crate) fn submission(
    anchor: &Anchor,
    now: BlockTime,
    nonce: u64,
    random: &mut Random,
) -> Vec<u8> {
    let number = u8::try_from(random.between(1, TRADERS)).expect("a small number");
    let (sender, command) = match random.between(0, 9) {
        0..=2 => {
            let amount = i128::from(random.between(1_000, 1_000_000)) * 1_000_000;
            let account = AccountId { owner: key(number).address(), sub: 0 };
            let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(amount));
            (CUSTODIAN, Command::Deposit { id: DepositId::new(nonce), account, asset, amount })
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
    signed(anchor, now, sender, nonce, command)
}

/// Returns a submission by which one recognises that a client was heard: a deposit into an account of its own.
pub(crate) fn marker(
    anchor: &Anchor,
    now: BlockTime,
    nonce: u64,
    number: u16,
) -> (AccountId, Vec<u8>) {
    let account = AccountId { owner: Address::new([0xEE; 20]), sub: number };
    let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(10_000_000));
    let id = DepositId::new(nonce);
    let command = Command::Deposit { id, account, asset, amount };
    (account, signed(anchor, now, CUSTODIAN, nonce, command))
}

/// Returns the address of a rich owner, and the submission that makes it rich.
pub(crate) fn patron(anchor: &Anchor, now: BlockTime, nonce: u64) -> (Address, Vec<u8>) {
    let owner = Address::new([0xAA; 20]);
    let account = AccountId { owner, sub: 0 };
    let (asset, amount) = (AssetId::DOLLAR, Amount::from_minor(1_000_000_000_000));
    let id = DepositId::new(nonce);
    let command = Command::Deposit { id, account, asset, amount };
    (owner, signed(anchor, now, CUSTODIAN, nonce, command))
}

/// Returns a submission of an owner, by a session key that nobody knows, of so many bytes or a little fewer.
pub(crate) fn sized(
    anchor: &Anchor,
    now: BlockTime,
    owner: Address,
    nonce: u64,
    bytes: usize,
) -> Vec<u8> {
    let network = Network::new(&anchor.chain, anchor.genesis);
    let key = SessionSecret::from_secret([0x77; 32]).expect("a key");
    let validity = Validity { nonce, expires_at: BlockTime::from_millis(now.millis() + LIFE) };
    let one = Command::CancelOrder { sub: 0, order: OrderId::new(1) };
    let submit = |count| {
        let commands = vec![one.clone(); count];
        key.submit(&network, owner, validity, commands).expect("encodable")
    };
    let (shortest, next) = (submit(1).len(), submit(2).len());
    let full = bytes.saturating_sub(shortest) / (next - shortest) + 1;
    if full <= limits::COMMANDS_PER_SIGNATURE_MAX {
        return submit(full);
    }
    let quote = Quote {
        instrument: InstrumentId::new(1),
        side: Side::Buy,
        price: Price::from_micros(500_000),
        lots: Lots::from_count(1),
    };
    let quotes = Command::MassQuote { sub: 0, quotes: vec![quote; 256] };
    let long = codec::encode(&quotes).expect("encodable").len() - 1;
    let many = bytes.saturating_sub(shortest) / long;
    let mut commands = vec![quotes; many];
    let rest = bytes.saturating_sub(shortest + many * long) / (next - shortest);
    commands.extend(vec![one.clone(); rest]);
    key.submit(&network, owner, validity, commands).expect("encodable")
}

/// Returns a command, signed by the owner of a number's key.
fn signed(anchor: &Anchor, now: BlockTime, sender: u8, nonce: u64, command: Command) -> Vec<u8> {
    let network = Network::new(&anchor.chain, anchor.genesis);
    let listed = |id: InstrumentId| {
        let number = u16::try_from(id.get()).ok()?;
        let (_, name, _) = UNDERLYINGS.iter().find(|(id, _, _)| *id == number)?;
        Some(((*name).to_owned(), perpetual(number)))
    };
    let shown = shown_for(&command, listed, |_| None);
    let expires_at = BlockTime::from_millis(now.millis() + LIFE);
    let validity = Validity { nonce, expires_at };
    key(sender).submit(&network, validity, command, shown, 1).expect("it can be shown")
}
