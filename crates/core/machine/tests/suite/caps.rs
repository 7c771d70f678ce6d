//! What a thief can do with a session key that has a cap.

use crate::access::{SignedHouse, by_key, by_owner, key, wide};
use crate::common::{account, order, trader};
use protocol::{Command, InstrumentId, NewOrder, Quote, Receipt, Refusal, SessionTerms, Side};
use units::{Lots, Notional, Price};

const TICK: i128 = 500_000;
/// A put of a strike of 8,000 dollars on a coin of 8,000; a lot is a hundredth of a coin.
const PUT: u32 = 6;

fn capped(dollars: i128) -> SessionTerms {
    SessionTerms { notional_per_day: Some(Notional::from_micros(dollars * 1_000_000)), ..wide(5) }
}

fn sell(client: u64, instrument: u32, price: i128, lots: i128, reduce_only: bool) -> Command {
    match order(1, client, instrument, Side::Sell, price, lots).command {
        Command::PlaceOrder { sub, order } => {
            Command::PlaceOrder { sub, order: NewOrder { reduce_only, ..order } }
        }
        other => other,
    }
}

fn spent(house: &SignedHouse) -> i128 {
    let session = house.0.machine.state().keys.session(trader(1), key(5));
    session.expect("registered").spent.micros()
}

fn mark(house: &SignedHouse, instrument: u32) -> i128 {
    let market = &house.0.machine.state().markets[&InstrumentId::new(instrument)];
    market.mark.expect("every market has a mark").micros()
}

fn equity(house: &SignedHouse, number: u8) -> i128 {
    let state = house.0.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    let risk = state.risk().expect("prices are there");
    state.required(&risk, index, false).expect("it can be margined").equity.micros()
}

/// spec 0027-ACC-014.
#[test]
fn an_option_sold_at_a_tick_counts_at_what_lies_under_it() {
    let mut house = SignedHouse::new().registered(capped(200));
    let by = |nonce, command| by_key(trader(1), 5, nonce, vec![command]);
    // Eighty dollars a lot, whatever is asked for it.
    assert!(matches!(house.one(by(1, sell(1, PUT, TICK, 2, false))), Receipt::Order(_)));
    assert_eq!(spent(&house), 160_000_000);
    let exceeded_by = Notional::from_micros(40_000_000);
    let refused = Receipt::Refused(Refusal::SessionCap { exceeded_by });
    assert_eq!(house.one(by(2, sell(2, PUT, TICK, 1, false))), refused);
    let quote = Quote {
        instrument: InstrumentId::new(PUT),
        side: Side::Sell,
        price: Price::from_micros(TICK),
        lots: Lots::from_count(1),
    };
    let quotes = Command::MassQuote { sub: 0, quotes: vec![quote] };
    assert_eq!(house.one(by(3, quotes)), refused, "a quote counts as an order does");
}

/// spec 0027-ACC-014.
#[test]
fn a_sale_counts_at_the_greatest_of_limit_mark_and_index_and_a_buy_at_its_limit() {
    let mut house = SignedHouse::new().registered(capped(1_000_000));
    let by = |nonce, command| by_key(trader(1), 5, nonce, vec![command]);
    house.one(by(1, sell(1, 1, 6_000_000_000, 1, false)));
    assert_eq!(spent(&house), 80_000_000, "a perpetual under its mark");
    house.one(by(2, sell(2, 1, 9_000_000_000, 1, false)));
    assert_eq!(spent(&house), 170_000_000, "and above it");
    let bid = order(1, 3, 1, Side::Buy, 5_000_000_000, 1).command;
    house.one(by(3, bid));
    assert_eq!(spent(&house), 220_000_000);
    // Whoever can only end what is held gives away what that is worth.
    hold_puts(&mut house, 20);
    let worth = mark(&house, PUT).div_euclid(100) + 1;
    house.one(by(4, sell(4, PUT, TICK, 1, true)));
    // A second of its life apart.
    assert!((spent(&house) - 220_000_000 - worth).abs() <= 100, "{} {worth}", spent(&house));
}

/// Trader 1 buys puts of trader 2 by the hands of both.
fn hold_puts(house: &mut SignedHouse, lots: i128) {
    let price = mark(house, PUT) / TICK * TICK + TICK;
    let buy = order(1, 90, PUT, Side::Buy, price, lots).command;
    let sold = order(2, 90, PUT, Side::Sell, price, lots).command;
    house.apply(1, vec![by_owner(trader(1), 2, buy), by_owner(trader(2), 2, sold)]);
    assert_eq!(house.0.lots(1, PUT), lots);
}

/// The cap of a market maker is what may rest and fill, not what it quotes in a day.
///
/// spec 0027-ACC-017.
#[test]
fn a_market_maker_quotes_and_cancels_all_day_within_its_cap() {
    let mut house = SignedHouse::new().registered(capped(500));
    let by = |nonce, command| by_key(trader(1), 5, nonce, vec![command]);
    let quote = |price| Quote {
        instrument: InstrumentId::new(1),
        side: Side::Buy,
        price: Price::from_micros(price),
        lots: Lots::from_count(6),
    };
    let quotes = |price| Command::MassQuote { sub: 0, quotes: vec![quote(price)] };
    for nonce in 1..100 {
        let price = 8_000_000_000 - i128::from(nonce) * TICK;
        let told = house.one(by(nonce, quotes(price)));
        assert!(matches!(&told, Receipt::Quotes(each) if each[0].is_ok()), "{nonce}: {told:?}");
        assert_eq!(spent(&house), price * 6 / 100);
    }
    // What replaces it must fit beside nothing else; what does not fit has not cancelled what stands.
    let before = spent(&house);
    let exceeded_by = Notional::from_micros(8_400_000_000 * 6 / 100 - 500_000_000);
    let refused = Receipt::Refused(Refusal::SessionCap { exceeded_by });
    assert_eq!(house.one(by(100, quotes(8_400_000_000))), refused);
    assert_eq!(spent(&house), before);
    // Two of the six fill: a cancel gives back four, and the fills stay counted.
    let price = 8_000_000_000 - 99 * TICK;
    let sold = order(2, 1, 1, Side::Sell, price, 2).command;
    house.one(by_owner(trader(2), 2, sold));
    assert_eq!(house.0.lots(1, 1), 2);
    assert_eq!(spent(&house), before, "what may still fill is counted");
    house.one(by(101, Command::MassCancel { sub: 0, instrument: None }));
    assert_eq!(spent(&house), price * 2 / 100);
    // What never entered is given back, too.
    let off_tick = order(1, 9, 1, Side::Buy, 7_000_000_001, 1).command;
    assert_eq!(house.one(by(102, off_tick)), Receipt::Refused(Refusal::PriceOffTick));
    assert_eq!(spent(&house), price * 2 / 100);
}

/// An order that outlives its day gives nothing back to the next, and a key that was ended and is registered anew goes on
/// with what it had counted.
///
/// spec 0027-ACC-017.
#[test]
fn nothing_is_given_back_to_another_day_or_by_registering_anew() {
    let mut house = SignedHouse::new().registered(capped(500));
    let by = |nonce, command| by_key(trader(1), 5, nonce, vec![command]);
    let buy = |client| order(1, client, 1, Side::Buy, 7_000_000_000, 2).command;
    house.one(by(1, buy(1)));
    assert_eq!(spent(&house), 140_000_000);
    let [revoke, register] =
        [Command::RevokeSession { key: key(5) }, Command::RegisterSession { terms: capped(200) }];
    house.one(by_owner(trader(1), 2, revoke));
    house.one(by_owner(trader(1), 3, register));
    assert_eq!(spent(&house), 140_000_000, "its fills and orders are what they were");
    let exceeded_by = Notional::from_micros(80_000_000);
    let refused = Receipt::Refused(Refusal::SessionCap { exceeded_by });
    assert_eq!(house.one(by(2, buy(2))), refused);
    // Over midnight, with the order open.
    let into = house.0.now.rem_euclid(86_400_000);
    house.apply((86_400_000 - into) / 1_000 + 1, Vec::new());
    // After so long a gap, the index is one again when a quorum has named it for a while.
    (0..200).for_each(|_| drop(house.apply(10, Vec::new())));
    house.one(by(3, buy(3)));
    assert_eq!(spent(&house), 140_000_000);
    let all = Command::MassCancel { sub: 0, instrument: None };
    house.one(by_owner(trader(1), 4, all));
    assert_eq!(spent(&house), 0, "the order of the day before has taken nothing with it");
}

/// With a key of a thousand dollars a day, a thief trades with an accomplice at the worst prices that the band allows, in
/// every market and on both sides, while the prices stand still.
///
/// spec 0027-ACC-014.
#[test]
fn a_thief_with_a_capped_key_takes_no_more_than_the_cap_and_fees() {
    let cap = 1_000_000_000;
    let mut house = SignedHouse::new().registered(capped(1_000));
    // What is held can be given away, too: twenty puts.
    hold_puts(&mut house, 20);
    let before = (equity(&house, 1), equity(&house, 2));
    let mut nonce = 10;
    let mut filled = 0;
    for lots in [200, 50, 20, 10, 5, 2, 1, 1] {
        for instrument in 1..=6 {
            for side in [Side::Sell, Side::Buy] {
                let band = 2_400_000_000 - 40 * TICK;
                let mark = mark(&house, instrument);
                let worst = match side {
                    Side::Buy => mark + band,
                    Side::Sell => (mark - band).max(TICK),
                };
                let worst = worst / TICK * TICK;
                nonce += 1;
                let sent = order(1, nonce, instrument, side, worst, lots).command;
                let met = order(2, nonce, instrument, side.opposite(), worst, lots).command;
                let taken = vec![by_key(trader(1), 5, nonce, vec![sent])];
                if matches!(house.apply(1, taken)[0], Receipt::Order(_)) {
                    filled += 1;
                    house.apply(1, vec![by_owner(trader(2), nonce, met)]);
                }
                let cancel = Command::MassCancel { sub: 0, instrument: None };
                house.apply(1, vec![by_key(trader(1), 5, nonce + 100_000, vec![cancel])]);
            }
        }
    }
    let lost = before.0 - equity(&house, 1);
    let won = equity(&house, 2) - before.1;
    assert!(filled >= 2 && lost > cap / 2, "the thief was not idle: {filled} {lost}");
    assert!(lost <= cap + cap / 100, "lost {lost}, won {won}");
}
