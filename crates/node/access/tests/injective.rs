//! What is signed determines what is sent: two submissions with one digest are one submission.

use access::{
    Authority, BadSignature, Body, Invalid, Network, OwnerKey, Submission, Validity, read,
    shown_for, verify,
};
use protocol::{
    AccountId, Address, AssetId, ClientOrderId, Command, Contract, Hash, Instrument, InstrumentId,
    NewOrder, OrderId, Right, Scopes, SelfTrade, SessionKey, SessionTerms, Shown, Side,
    TimeInForce, UnderlyingId, codec,
};
use random::Random;
use std::collections::BTreeMap;
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity};

const SEED: u64 = 0x0027_0ACC_0013;

fn network() -> Network {
    Network::new("novation-test", Hash::new([7; 32]))
}

fn owner() -> OwnerKey {
    OwnerKey::from_secret([0x11; 32]).expect("a key")
}

/// What is drawn from small alphabets: what reads alike is to meet often.
struct Drawn(Random);

impl Drawn {
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *self.0.one(of)
    }

    fn yes(&mut self) -> bool {
        self.0.one_in(2)
    }

    fn contract(&mut self) -> Contract {
        // The 27th of November of 2026, 26 and 2126.
        let century = 36_524 * 86_400_000;
        let now = 1_795_766_400_000;
        let then = now - 5 * 146_097 * 86_400_000;
        let expires_at = BlockTime::from_millis(self.one(&[now, then, now + century, now + 1]));
        let strike = Price::from_micros(self.one(&[90_000_000_000, -90_000_000_000, 9]));
        match self.0.below(3) {
            0 => Contract::Perpetual,
            1 => Contract::Future { expires_at },
            _ => {
                Contract::Option { expires_at, strike, right: self.one(&[Right::Call, Right::Put]) }
            }
        }
    }

    fn order(&mut self) -> Command {
        let order = NewOrder {
            client: ClientOrderId::new(self.one(&[1, 11])),
            instrument: InstrumentId::new(self.one(&[1, 11])),
            side: self.one(&[Side::Buy, Side::Sell]),
            price: Price::from_micros(self.one(&[1_000_000, 10_000_000, -1_000_000])),
            lots: Lots::from_count(self.one(&[1, 2, 10, 100])),
            time_in_force: self.one(&[
                TimeInForce::GoodTillCancelled,
                TimeInForce::ImmediateOrCancel,
                TimeInForce::PostOnly,
            ]),
            reduce_only: self.yes(),
            self_trade: self.one(&[SelfTrade::CancelResting, SelfTrade::RefuseIncoming]),
        };
        Command::PlaceOrder { sub: self.one(&[0, 1]), order }
    }

    fn command(&mut self) -> Command {
        let sub = self.one(&[0, 1, u16::MAX]);
        let asset = self.one(&[AssetId::DOLLAR, AssetId::new(1), AssetId::new(2)]);
        let amount = Amount::from_minor(self.one(&[1, 1_000, 1_000_000]));
        let instrument = self.yes().then(|| InstrumentId::new(self.one(&[1, 11])));
        match self.0.below(8) {
            0 => Command::CancelOrder { sub, order: OrderId::new(self.one(&[1, 11])) },
            1 => Command::MassCancel { sub, instrument },
            2 => {
                let destination = Address::new([self.one(&[1, 2]); 20]);
                Command::Withdraw { sub, asset, amount, destination }
            }
            3 => {
                let to = AccountId { owner: Address::new([self.one(&[1, 2]); 20]), sub: 1 };
                Command::Transfer { sub, to, asset, amount }
            }
            4 => Command::RegisterSession {
                terms: SessionTerms {
                    key: SessionKey::new([self.one(&[1, 2]); 32]),
                    scopes: Scopes::of_bits(self.one(&[1, 3, 63])).expect("six bits"),
                    sub: self.yes().then_some(sub),
                    instrument,
                    notional_per_day: self.yes().then(|| Notional::from_micros(1_000_000)),
                    expires_at: BlockTime::from_millis(self.one(&[1, 11])),
                },
            },
            5 => Command::RevokeSession { key: SessionKey::new([self.one(&[1, 2]); 32]) },
            _ => self.order(),
        }
    }

    /// What a listing could say of a command, whatever it says in truth.
    fn claim(&mut self, command: &Command) -> Option<Shown> {
        let name = self.one(&["BTC", "ETH"]);
        let contract = self.contract();
        let size = self.one(&[1_000_000, 10_000_000, 100_000_000, 50_000_000]);
        let contract_size = Quantity::from_nanos(size);
        let listed = |id| {
            let tick = Price::from_micros(1);
            let underlying = UnderlyingId::new(1);
            let instrument = Instrument { id, underlying, contract, contract_size, tick };
            Some((name.to_owned(), instrument))
        };
        shown_for(command, listed, |_| Some(name.to_owned()))
    }
}

/// Returns what would have to be signed for a submission, and everything of it but the signature; nothing if it is none.
fn digest(body: &Body, chain_id: u64, shown: Option<Shown>) -> Option<(Hash, Vec<u8>)> {
    let authority = Authority::Owner { chain_id, shown, signature: [0; 65] };
    let bytes = codec::encode(&Submission { body: body.clone(), authority }).expect("encodable");
    let read = read(&network(), &bytes).ok()?;
    match verify(&network(), [&read]) {
        Err((0, Invalid::Signature(bad))) => match *bad {
            BadSignature::Owner { digest, .. } => Some((digest, bytes)),
            BadSignature::Session { .. } => None,
        },
        _ => None,
    }
}

/// spec 0027-ACC-001, 0027-ACC-013.
#[test]
fn submissions_of_one_digest_are_one_submission() {
    let mut random = Drawn(Random::new(SEED));
    let mut sent: BTreeMap<Hash, Vec<u8>> = BTreeMap::new();
    let (mut kinds, mut again) = ([0; 7], 0);
    for _ in 0..20_000 {
        let command = random.command();
        let shown = random.claim(&command);
        let kind = match &command {
            Command::PlaceOrder { .. } => 0,
            Command::CancelOrder { .. } => 1,
            Command::MassCancel { .. } => 2,
            Command::Withdraw { .. } => 3,
            Command::Transfer { .. } => 4,
            Command::RegisterSession { .. } => 5,
            _ => 6,
        };
        let body = Body {
            owner: owner().address(),
            nonce: random.one(&[1, 11]),
            expires_at: BlockTime::from_millis(random.one(&[1, 11])),
            commands: vec![command],
        };
        let chain_id = random.one(&[1, 11]);
        let Some((digest, bytes)) = digest(&body, chain_id, shown) else { continue };
        kinds[kind] += 1;
        again += usize::from(sent.contains_key(&digest));
        let first = sent.entry(digest).or_insert_with(|| bytes.clone());
        assert_eq!(*first, bytes, "seed {SEED:#x}: {body:?}");
    }
    assert!(kinds.iter().all(|seen| *seen > 1_000) && again > 1_000, "{kinds:?} {again}");
}

/// A hundred lots of a thousandth are one lot of a tenth in words; whoever sees the one has no signature of the other.
///
/// spec 0027-ACC-001, 0027-ACC-013.
#[test]
fn an_order_of_other_lots_and_the_same_amount_has_another_signature() {
    let listed = |size| {
        let instrument = Instrument {
            id: InstrumentId::new(1),
            underlying: UnderlyingId::new(1),
            contract: Contract::Perpetual,
            contract_size: Quantity::from_nanos(size),
            tick: Price::from_micros(500_000),
        };
        move |_| Some(("BTC".to_owned(), instrument))
    };
    let order = |lots| {
        let order = NewOrder {
            client: ClientOrderId::new(7),
            instrument: InstrumentId::new(1),
            side: Side::Buy,
            price: Price::from_micros(8_000_000_000),
            lots: Lots::from_count(lots),
            time_in_force: TimeInForce::GoodTillCancelled,
            reduce_only: false,
            self_trade: SelfTrade::CancelResting,
        };
        Command::PlaceOrder { sub: 0, order }
    };
    let validity = Validity { nonce: 5, expires_at: BlockTime::from_millis(1_795_379_438_201) };
    let shown = shown_for(&order(100), listed(1_000_000), |_| None);
    let bytes = owner().submit(&network(), validity, order(100), shown, 1).expect("it is shown");
    let genuine = read(&network(), &bytes).expect("a submission");
    assert_eq!(verify(&network(), [&genuine]), Ok(()));

    let Submission { mut body, authority } = codec::decode(&bytes, bytes.len()).expect("its own");
    let Authority::Owner { chain_id, signature, .. } = authority else { panic!("an owner's") };
    body.commands = vec![order(1)];
    let shown = shown_for(&order(1), listed(100_000_000), |_| None);
    let authority = Authority::Owner { chain_id, shown, signature };
    let altered = codec::encode(&Submission { body, authority }).expect("encodable");
    let altered = read(&network(), &altered).expect("its form is sound");
    assert!(verify(&network(), [&altered]).is_err(), "signed for a hundred lots, not for one");
}
