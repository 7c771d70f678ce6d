//! After a gap in block time: a call auction of all markets, in which nothing trades and nothing is liquidated.

use super::common::{BTC, House, START, account, dollars, of, order, trader};
use machine::{Machine, Outcome};
use protocol::{AssetId, CancelReason, Command, Event, InstrumentId, Mode, Receipt, Refusal, Side};
use units::BlockTime;

/// Account 1 long 60 coins of account 3, and a gap of a hundred seconds: the call auction lasts 667 seconds.
fn reopening() -> (House, Outcome) {
    let mut house = House::new();
    house.fund(&[(1, 100_000), (2, 1_000_000), (3, 10_000_000)]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 6_000),
            order(3, 1, 1, Side::Sell, 8_000_000_000, 6_000),
            order(3, 2, 1, Side::Sell, 8_100_000_000, 50),
        ],
    );
    let outcome = house.apply(100, Vec::new());
    (house, outcome)
}

fn happened(outcome: &Outcome, what: fn(&Event) -> bool) -> bool {
    outcome.events.iter().any(what)
}

fn trades(outcome: &Outcome) -> bool {
    happened(outcome, |event| {
        matches!(event, Event::Filled { .. } | Event::Liquidated { .. } | Event::Expired { .. })
    })
}

#[test]
fn after_a_gap_orders_wait_for_one_auction_and_nobody_is_liquidated_for_five_minutes() {
    // 0025-BLOCK-019, 0025-BLOCK-055
    let (mut house, outcome) = reopening();
    let gap = house.now;
    let until = BlockTime::from_millis(START + 102_000 + 666_667);
    assert!(outcome.events.contains(&Event::CallAuctionBegun { until }));
    assert_eq!(house.machine.state().mode(BTC), Mode::Frozen, "until the oracle has warmed up");
    for _ in 0..15 {
        assert!(!trades(&house.apply(1, Vec::new())));
    }
    assert_eq!(house.machine.state().mode(BTC), Mode::Normal);
    // What would trade at once waits; one is taken back.
    let outcome = house.apply(
        1,
        vec![
            order(2, 1, 1, Side::Buy, 8_150_000_000, 80),
            order(2, 2, 1, Side::Buy, 8_150_000_000, 7),
            order(3, 3, 1, Side::Sell, 8_000_000_000, 10),
        ],
    );
    let Receipt::Order(second) = outcome.receipts[1] else { panic!("it waits: {outcome:?}") };
    assert!(!trades(&outcome));
    let outcome = house.apply(1, vec![of(2, Command::CancelOrder { sub: 0, order: second })]);
    assert_eq!(outcome.receipts, [Receipt::Done]);
    // The index falls until account 1 is far below maintenance margin.
    while house.now + 20_000 < until.millis() {
        house.btc = (house.btc - 60_000_000).max(6_700_000_000);
        let outcome = house.apply(10, Vec::new());
        assert!(!trades(&outcome) || house.now >= gap + 300_000, "{:?}", outcome.events);
    }
    let bytes = house.machine.snapshot().unwrap();
    let mut again = Machine::restore(&bytes).unwrap();
    let block = house.block(30, Vec::new());
    let outcome = house.machine.apply(&block).unwrap();
    assert_eq!(again.apply(&block).unwrap(), outcome, "what waits is in the snapshot");
    assert!(outcome.events.contains(&Event::CallAuctionEnded));
    assert!(happened(&outcome, |event| matches!(event, Event::Liquidated { .. })));
    // The bid is above what the band around the new mark allows; the offer is not.
    assert!(house.machine.state().waiting.is_empty());
    assert_eq!(house.machine.state().call_auction, None);
    assert!(house.machine.state().check().is_ok());
}

/// Fills of a block: account, lots bought and price.
fn fills(house: &House, outcome: &Outcome) -> Vec<(u8, i128, i128)> {
    let of =
        |index| (1..=5).find(|n| house.machine.state().accounts.index(account(*n)) == Some(index));
    let fills = outcome.events.iter().filter_map(|event| match event {
        Event::Filled { account, side, lots, price, .. } => {
            let lots = if *side == Side::Buy { lots.count() } else { -lots.count() };
            Some((of(*account).expect("known"), lots, price.micros()))
        }
        _ => None,
    });
    fills.collect()
}

#[test]
fn in_a_long_call_auction_the_house_liquidates_against_what_waits_and_nothing_else_trades() {
    // 0025-BLOCK-055: account 1 is long 60 coins; while the markets wait to reopen, the index falls by a sixth.
    let (mut house, _) = reopening();
    let gap = house.now;
    house.fund(&[(4, 1_000_000), (5, 1_000_000)]);
    while house.now < gap + 250_000 {
        house.btc = (house.btc - 60_000_000).max(6_820_000_000);
        house.apply(10, Vec::new());
    }
    // Bids of two, an offer that crosses them, and who is short buys back.
    let price = house.btc / 500_000 * 500_000;
    house.apply(
        1,
        vec![
            order(2, 1, 1, Side::Buy, price, 2_000),
            order(4, 1, 1, Side::Buy, price - 100_000_000, 2_000),
            order(5, 1, 1, Side::Sell, price - 150_000_000, 700),
            order(3, 3, 1, Side::Buy, price, 500),
        ],
    );
    assert_eq!(house.machine.state().waiting.len(), 4);
    let (mut sold, mut auctions) = (Vec::new(), Vec::new());
    let until = house.machine.state().call_auction.unwrap().until.millis();
    while house.now + 10_000 < until {
        let bytes = house.machine.snapshot().unwrap();
        let block = house.block(10, Vec::new());
        let outcome = house.machine.apply(&block).unwrap();
        let mut again = Machine::restore(&bytes).unwrap();
        assert_eq!(again.apply(&block).unwrap(), outcome);
        assert!(house.machine.state().check().is_ok());
        let of_house = |held: &machine::Waiting| {
            held.account == house.machine.state().accounts.index(account(1)).unwrap()
        };
        assert!(
            !house.machine.state().waiting.orders().values().any(of_house),
            "none of the house waits on"
        );
        let fills = fills(&house, &outcome);
        if !fills.is_empty() {
            auctions.push((house.now - gap) / 60_000);
        }
        sold.extend(fills);
    }
    assert!(!auctions.is_empty() && auctions.iter().all(|minute| *minute >= 5), "{auctions:?}");
    assert!(auctions.windows(2).all(|pair| pair[0] < pair[1]), "once a minute: {auctions:?}");
    let bought =
        |number| sold.iter().filter(|fill| fill.0 == number).map(|fill| fill.1).sum::<i128>();
    assert_eq!(bought(5), 0, "what waits trades with the house alone");
    assert_eq!(
        bought(1),
        -(bought(2) + bought(3) + bought(4)),
        "and not with what rested over the gap"
    );
    assert_eq!(house.lots(1, 1), 6_000 + bought(1));
    assert!(bought(1) < -2_000 && bought(3) == 500, "{sold:?}");
    assert!(sold.iter().all(|(_, _, at)| *at <= price && *at >= price * 92 / 100), "{sold:?}");
    // Who has bought back in it takes no gains out before it has ended.
    let (asset, amount, destination) = (AssetId::DOLLAR, dollars(10), trader(3));
    let withdraw = || of(3, Command::Withdraw { sub: 0, asset, amount, destination });
    let suspended = Receipt::Refused(Refusal::LiquidationSuspended);
    assert_eq!(house.apply(1, vec![withdraw()]).receipts, [suspended]);
    // What is left of the bids meets the offer when the markets reopen.
    let outcome = house.apply(20, Vec::new());
    assert!(outcome.events.contains(&Event::CallAuctionEnded));
    assert!(fills(&house, &outcome).iter().any(|fill| fill.0 == 5), "{:?}", outcome.events);
}

#[test]
fn what_has_waited_trades_at_one_price_or_goes() {
    // 0025-BLOCK-019
    let (mut house, _) = reopening();
    for _ in 0..15 {
        house.apply(1, Vec::new());
    }
    house.apply(
        1,
        vec![
            order(2, 1, 1, Side::Buy, 8_150_000_000, 80),
            order(3, 3, 1, Side::Sell, 8_000_000_000, 10),
            // Far from the mark, and further when the index has fallen by a third.
            order(2, 2, 11, Side::Buy, 240_000_000, 1),
        ],
    );
    let until = house.machine.state().call_auction.unwrap().until;
    while house.now < until.millis() {
        house.eth = (house.eth - 1_500_000).max(130_000_000);
        let outcome = house.apply(5, Vec::new());
        let fills: Vec<_> = outcome
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Filled { price, lots, .. } => Some((price.micros(), lots.count())),
                _ => None,
            })
            .collect();
        let gone = |event: &Event| {
            matches!(
                event,
                Event::Cancelled { instrument, reason: CancelReason::Reopening, .. }
                    if *instrument == InstrumentId::new(11)
            )
        };
        if house.now < until.millis() {
            assert_eq!(fills, []);
            continue;
        }
        // Sixty lots are offered, by one that rested over the gap and one that waited.
        let bought: i128 = fills.iter().map(|(_, lots)| lots).sum();
        assert_eq!(bought, 120, "60 on each side");
        assert!(fills.iter().all(|(price, _)| *price == fills[0].0));
        assert!(outcome.events.iter().any(gone), "{:?}", outcome.events);
    }
    assert_eq!(house.lots(2, 1), 60);
    let state = house.machine.state();
    let held = state.accounts.get(state.accounts.index(account(2)).unwrap()).unwrap();
    assert_eq!(held.orders().len(), 1, "the rest of the bid rests");
}

#[test]
fn a_call_auction_is_as_long_as_the_gap_asks_for_and_a_quarter_of_an_hour_at_most() {
    // 0025-BLOCK-019
    for (gap, seconds) in [(90, None), (91, Some(607)), (540, Some(900)), (9_000, Some(900))] {
        let mut house = House::new();
        house.apply(1, Vec::new());
        let outcome = house.apply(gap, Vec::new());
        let begun = outcome.events.iter().find_map(|event| match event {
            Event::CallAuctionBegun { until } => Some((until.millis() - house.now + 999) / 1_000),
            _ => None,
        });
        assert_eq!(begun, seconds, "{gap}");
    }
}

#[test]
fn stops_again_and_again_suspend_liquidation_for_a_quarter_of_an_hour_and_an_hour_a_day_at_most() {
    // 0025-BLOCK-019: a stop of 91 seconds every nine minutes, while the index falls by a third.
    let mut house = House::new();
    house.fund(&[(1, 100_000), (2, 100_000), (3, 10_000_000)]);
    house.sell_sixty(2);
    let (mut spans, mut client) = (Vec::<(i128, i128)>::new(), 100);
    for _ in 0..40 {
        for seconds in std::iter::once(91).chain([30; 18]) {
            let before = (house.now, house.machine.state().call_auction);
            house.btc -= if seconds == 30 { 4_000_000 } else { 0 };
            client += 1;
            let bid = order(3, client, 1, Side::Buy, house.btc / 500_000 * 500_000, 6_000);
            house.apply(seconds, vec![bid]);
            if let (began, Some(auction)) = before {
                spans.push((began, house.now.min(auction.until.millis())));
            }
            let suspended = |window: i128| -> i128 {
                let begin = house.now - window;
                spans.iter().map(|(began, end)| (end - (*began).max(begin)).max(0)).sum()
            };
            assert!(suspended(3_600_000) <= 900_000, "{} of an hour", suspended(3_600_000));
            assert!(suspended(86_400_000) <= 3_600_000, "{} of a day", suspended(86_400_000));
        }
    }
    let state = house.machine.state();
    let index = state.accounts.index(account(1)).unwrap();
    let required = state.required(&state.risk().unwrap(), index, false).unwrap();
    assert!(house.lots(1, 1) < 3_000, "the loser was liquidated: {}", house.lots(1, 1));
    assert!(required.equity > units::Notional::ZERO, "{}", required.equity);
    let bytes = house.machine.snapshot().unwrap();
    assert_eq!(Machine::restore(&bytes).unwrap().snapshot().unwrap(), bytes);
}

#[test]
fn no_gains_leave_while_nothing_is_liquidated() {
    // 0025-BLOCK-031
    let (mut house, _) = reopening();
    let withdraw = |number| {
        let (asset, amount, destination) = (AssetId::DOLLAR, dollars(10), trader(number));
        of(number, Command::Withdraw { sub: 0, asset, amount, destination })
    };
    let transfer = |number| {
        let (asset, amount, to) = (AssetId::DOLLAR, dollars(1), account(2));
        of(number, Command::Transfer { sub: 0, to, asset, amount })
    };
    for _ in 0..15 {
        house.apply(1, Vec::new());
    }
    assert_eq!(house.machine.state().mode(BTC), Mode::Normal);
    let suspended = Receipt::Refused(Refusal::LiquidationSuspended);
    let outcome = house.apply(1, vec![withdraw(1), withdraw(3), transfer(3), withdraw(2)]);
    assert_eq!(
        outcome.receipts,
        [suspended.clone(), suspended.clone(), suspended, Receipt::Done],
        "who holds nothing is not kept"
    );
    let until = house.machine.state().call_auction.unwrap().until.millis();
    house.apply(60, Vec::new());
    while house.now < until {
        house.apply(60, Vec::new());
    }
    let outcome = house.apply(1, vec![withdraw(3), transfer(3)]);
    assert_eq!(outcome.receipts, [Receipt::Done, Receipt::Done]);
}

#[test]
fn what_ended_in_a_call_auction_leaves_after_it() {
    // 0025-BLOCK-031
    let mut house = House::new();
    house.fund(&[(1, 100_000), (3, 10_000_000)]);
    house.apply(
        1,
        vec![
            order(1, 1, 2, Side::Buy, 8_000_000_000, 100),
            order(3, 1, 2, Side::Sell, 8_000_000_000, 100),
        ],
    );
    let expiry = START + 5 * 3_600_000;
    while house.now < expiry - 2_400_000 {
        house.apply(60, Vec::new());
    }
    while house.now < expiry - 400_000 {
        house.apply(5, Vec::new());
    }
    house.apply(91, Vec::new());
    let withdraw = || {
        let (asset, amount, destination) = (AssetId::DOLLAR, dollars(10), trader(1));
        of(1, Command::Withdraw { sub: 0, asset, amount, destination })
    };
    let mut ended = false;
    while !ended {
        let outcome = house.apply(5, Vec::new());
        ended = happened(&outcome, |event| matches!(event, Event::Expired { .. }));
    }
    assert!(house.machine.state().call_auction.is_some());
    assert_eq!(house.lots(1, 2), 0);
    let outcome = house.apply(1, vec![withdraw()]);
    assert_eq!(outcome.receipts, [Receipt::Refused(Refusal::LiquidationSuspended)]);
    while house.machine.state().call_auction.is_some() {
        house.apply(10, Vec::new());
    }
    assert_eq!(house.apply(1, vec![withdraw()]).receipts, [Receipt::Done]);
}
