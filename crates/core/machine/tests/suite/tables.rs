//! Who may write a row of the state, and what it costs.

use super::common::{
    BTC, CUSTODIAN, HOUR, House, START, account, arrived, deposit, dollars, order, trader,
};
use book::OrderBook;
use machine::Machine;
use protocol::{
    AccountId, AssetId, BasisReport, CancelReason, ClientOrderId, Command, Event, InstrumentId,
    NewOrder, Receipt, Refusal, SelfTrade, Side, TimeInForce, Transaction, limits,
};
use units::{Amount, BlockTime, Lots, Notional, Price};

#[test]
fn an_account_is_opened_by_no_less_than_pays_for_its_row() {
    // 0025-BLOCK-040
    let mut house = House::new();
    let least = Notional::from_micros(10_000_000);
    let small = Receipt::Refused(Refusal::AmountTooSmall { least });
    let cent = Amount::from_minor(10_000);
    house.apply(1, vec![]);
    let outcome = house.apply(
        1,
        vec![
            deposit(1, 0, Amount::from_minor(9_999_999)),
            deposit(1, 0, dollars(10)),
            deposit(1, 0, cent),
            // A coin of 8,000 dollars: ten dollars are 1,250,000 billionths of it.
            deposit(2, 1, Amount::from_minor(1_249_999)),
            deposit(2, 1, Amount::from_minor(1_250_000)),
        ],
    );
    let done = || Receipt::Done;
    assert_eq!(outcome.receipts, [small.clone(), done(), done(), small, done()]);
    assert_eq!(house.cash(1), 10_010_000, "an account that is open takes anything");
}

#[test]
fn an_owner_has_a_bounded_number_of_accounts() {
    // 0025-BLOCK-040
    let mut house = House::new();
    house.apply(1, vec![]);
    let most = u16::try_from(limits::ACCOUNTS_PER_OWNER_MAX).unwrap();
    let mut all: Vec<Transaction> = (0..=most).map(|sub| open(1, sub, 10)).collect();
    all.push(open(1, 0, 10));
    all.push(open(2, 0, 10));
    let outcome = house.apply(1, all);
    let refused: Vec<usize> = (0..outcome.receipts.len())
        .filter(|at| outcome.receipts[*at] == Receipt::Refused(Refusal::TooMany))
        .collect();
    assert_eq!(refused, [usize::from(most)]);
    assert!(house.machine.state().accounts.index(account(2)).is_some(), "others have room");
}

/// Bids far below the market, one tick apart, of one account.
fn far_bids(owner: u8, sub: u16, count: u64, price: i128) -> Vec<Transaction> {
    let bid = |client: u64| NewOrder {
        client: ClientOrderId::new(client),
        instrument: InstrumentId::new(1),
        side: Side::Buy,
        price: Price::from_micros(price),
        lots: Lots::from_count(1),
        time_in_force: TimeInForce::GoodTillCancelled,
        reduce_only: false,
        self_trade: SelfTrade::CancelResting,
    };
    let sent = (1..=count).map(|client| Transaction {
        sender: trader(owner),
        command: Command::PlaceOrder { sub, order: bid(client) },
    });
    sent.collect()
}

fn open(owner: u8, sub: u16, amount: i128) -> Transaction {
    Transaction {
        sender: CUSTODIAN,
        command: Command::Deposit {
            id: arrived(),
            account: AccountId { owner: trader(owner), sub },
            asset: AssetId::DOLLAR,
            amount: dollars(amount),
        },
    }
}

fn resting(house: &House) -> usize {
    house.machine.state().markets[&InstrumentId::new(1)].book.orders().count()
}

#[test]
fn the_accounts_of_one_owner_fill_no_book_and_keep_nobody_from_trading() {
    // 0025-BLOCK-043
    // Before the range for new risk has seen the fall, and once it has.
    for seconds in [2, 10] {
        let mut house = House::new();
        house.apply(1, vec![]);
        let subs = u16::try_from(limits::ORDERS_PER_OWNER_AND_BOOK_MAX / 1_024).unwrap();
        let mut opening: Vec<Transaction> = (0..=subs).map(|sub| open(9, sub, 60)).collect();
        opening.extend([deposit(1, 0, dollars(100_000)), deposit(3, 0, dollars(100_000_000))]);
        house.apply(1, opening);
        house.sell_sixty(3);
        // 1,024 of each of its accounts, and one of a ninth: the owner has its 8,192.
        let mut flood: Vec<Transaction> =
            (0..subs).flat_map(|sub| far_bids(9, sub, 1_024, 4_000_000_000)).collect();
        flood.extend(far_bids(9, subs, 1, 7_000_000_000));
        let out = house.apply(1, flood);
        let most = usize::try_from(limits::ORDERS_PER_OWNER_AND_BOOK_MAX).unwrap();
        assert!(out.receipts[..most].iter().all(|receipt| matches!(receipt, Receipt::Order(_))));
        assert_eq!(out.receipts[most..], [Receipt::Refused(Refusal::TooManyOrdersOfOwner)]);
        assert_eq!(resting(&house), most);
        // One that leaves makes room, whichever account it was of; another book has room of its own.
        let cancel = Command::MassCancel { sub: 3, instrument: None };
        house.apply(1, vec![Transaction { sender: trader(9), command: cancel }]);
        let out = house.apply(1, far_bids(9, subs, 1, 7_000_000_000));
        assert!(matches!(out.receipts[0], Receipt::Order(_)), "{:?}", out.receipts);
        // Others trade, and the house reduces.
        let mut reduced = 0;
        for step in 0..60 {
            house.btc -= 20_000_000;
            let bid = (house.btc + 100_000_000) / 500_000 * 500_000;
            let out = house.apply(seconds, vec![order(3, 100 + step, 1, Side::Buy, bid, 6_000)]);
            assert!(matches!(out.receipts[0], Receipt::Order(_)), "{:?}", out.receipts);
            let reduces =
                |event: &&Event| matches!(event, Event::Liquidated { instrument: Some(_), .. });
            reduced += out.events.iter().filter(reduces).count();
        }
        assert!(reduced > 0 && house.lots(1, 1) < 6_000);
        let restored = Machine::restore(&house.machine.snapshot().unwrap()).unwrap();
        let of = |machine: &Machine| {
            let accounts = &machine.state().accounts;
            let index = accounts.index(AccountId { owner: trader(9), sub: 0 }).unwrap();
            accounts.orders_of_owner(index, InstrumentId::new(1))
        };
        assert_eq!(of(&restored), of(&house.machine), "counted again alike");
    }
}

#[test]
fn a_side_that_waits_for_the_markets_to_reopen_keeps_the_best_it_was_offered() {
    // 0025-BLOCK-043
    let mut house = House::new();
    house.apply(1, (0..4).map(|sub| open(9, sub, 60)).collect());
    house.apply(1, vec![deposit(1, 0, dollars(100_000)), deposit(2, 0, dollars(100_000))]);
    house.apply(91, vec![]);
    for _ in 0..8 {
        house.apply(5, vec![]);
    }
    let flood = (0..4).flat_map(|sub| far_bids(9, sub, 1_024, 4_000_000_000)).collect();
    let out = house.apply(5, flood);
    assert!(out.receipts.iter().all(|receipt| matches!(receipt, Receipt::Order(_))));
    let last = out.receipts.last().cloned();
    assert_eq!(house.machine.state().waiting.len(), limits::WAITING_PER_SIDE_MAX);
    let equal = order(1, 1, 1, Side::Buy, 4_000_000_000, 1);
    let better = order(2, 1, 1, Side::Buy, 7_000_000_000, 1);
    let asks = order(1, 2, 1, Side::Sell, 9_000_000_000, 1);
    let out = house.apply(5, vec![equal, better, asks]);
    assert_eq!(out.receipts[0], Receipt::Refused(Refusal::BookFull));
    assert!(matches!(out.receipts[1..], [Receipt::Order(_), Receipt::Order(_)]));
    let gone: Vec<Receipt> = out
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Cancelled { order, reason: CancelReason::Evicted, .. } => {
                Some(Receipt::Order(*order))
            }
            _ => None,
        })
        .collect();
    assert_eq!(gone, last.into_iter().collect::<Vec<_>>(), "the newest of the worst");
    assert_eq!(house.machine.state().waiting.len(), limits::WAITING_PER_SIDE_MAX + 1);
    let bytes = house.machine.snapshot().unwrap();
    assert_eq!(Machine::restore(&bytes).unwrap().snapshot().unwrap(), bytes);
    while house.machine.state().call_auction.is_some() {
        house.apply(20, vec![]);
    }
    house.apply(20, vec![]);
    assert_eq!(house.machine.state().waiting.len(), 0);
    assert_eq!(resting(&house), limits::WAITING_PER_SIDE_MAX + 1);
}

#[test]
fn votes_on_what_is_not_listed_leave_nothing_behind() {
    // 0025-BLOCK-040
    let mut houses = [House::new(), House::new()];
    for (house, extra) in houses.iter_mut().zip([0, 500]) {
        let mut block = house.block(1, vec![]);
        for vote in &mut block.votes {
            vote.bases.extend((0..extra).map(|n| BasisReport {
                underlying: BTC,
                expires_at: BlockTime::from_millis(START + 6 * HOUR + n),
                basis: Price::ONE,
            }));
        }
        house.machine.apply(&block).unwrap();
    }
    let [one, other] = houses.map(|house| house.machine.snapshot().unwrap());
    assert_eq!(one, other);
}
