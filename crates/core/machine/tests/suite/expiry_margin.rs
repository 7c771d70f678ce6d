//! A calendar spread on its last day: margin rises by the hour, and who owns the only bid gains nothing.

use super::common::{BTC, HOUR, House, START, account, deposit, dollars, of, order, trader};
use protocol::{AssetId, Command, Receipt, Side};
use units::{Amount, Notional};

/// The future expires so long after the start.
const LIFE: i128 = 27 * HOUR;
const MINUTE: i128 = 60_000;
/// Bitcoin at 8,000 dollars, in lots of a hundredth.
const LOTS: i128 = 6_000;
const PRICE: i128 = 8_000_000_000;

/// Returns equity, maintenance and initial margin in micro-dollars.
fn required(house: &House, number: u8) -> [i128; 3] {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    let needed = state.required(&state.risk().unwrap(), index, false).unwrap();
    [needed.equity, needed.maintenance, needed.initial].map(Notional::micros)
}

/// Returns the seconds to the next block: few where prices count for the settlement price.
fn step(house: &House) -> i128 {
    if house.now < START + LIFE - 35 * MINUTE { 60 } else { 10 }
}

/// Lets an account buy the perpetual and sell the future, from another that does the opposite.
fn open_spread(house: &mut House, number: u8, other: u8) {
    for (market, side, opposite) in [(1, Side::Buy, Side::Sell), (2, Side::Sell, Side::Buy)] {
        let client = u64::from(market);
        let orders = vec![
            order(number, client, market, side, PRICE, LOTS),
            order(other, client, market, opposite, PRICE, LOTS),
        ];
        house.apply(1, orders);
    }
    assert_eq!((house.lots(number, 1), house.lots(number, 2)), (LOTS, -LOTS));
}

#[test]
fn the_maintenance_of_a_spread_rises_by_the_hour_to_that_of_the_leg_that_remains() {
    // 0019-MARG-023; until then it is what the mark of the perpetual may take (0019-MARG-040).
    let mut house = House::living(LIFE);
    let fund = |number| deposit(number, 0, dollars(300_000));
    house.apply(1, [1, 2, 5, 6].map(fund).to_vec());
    open_spread(&mut house, 1, 2);
    // The perpetual alone, to compare with: ranges move while prices stand still.
    let naked = [order(5, 1, 1, Side::Buy, PRICE, LOTS), order(6, 1, 1, Side::Sell, PRICE, LOTS)];
    house.apply(1, naked.to_vec());
    // Millionths of the naked leg's maintenance, by the minute.
    let mut shares: Vec<(i128, i128)> = Vec::new();
    while house.now < START + LIFE + 5 * MINUTE {
        let seconds = step(&house);
        house.apply(seconds, Vec::new());
        let share = required(&house, 1)[1] * 1_000_000 / required(&house, 5)[1];
        shares.push((START + LIFE - house.now, share));
    }
    let at = |left: i128| shares.iter().find(|(at, _)| *at <= left).unwrap().1;
    assert!((300_000..340_000).contains(&at(26 * HOUR)), "two days before: {}", at(26 * HOUR));
    assert!((500_000..600_000).contains(&at(12 * HOUR)), "at noon: {}", at(12 * HOUR));
    // What it was before: six thousand dollars until the window, and eight times as much when it closed.
    for (place, (left, first)) in shares.iter().enumerate() {
        let hour = shares[place..].iter().take_while(|(at, _)| left - at <= HOUR);
        let (_, last) = hour.last().unwrap();
        assert!(last - first <= 1_000_000 / 24, "{left} ms to expiry: {first}, then {last}");
    }
    for pair in shares.windows(2) {
        let [(left, first), (_, last)] = pair else { continue };
        assert!(last - first <= 1_000, "{left} ms to expiry: {first}, then {last}");
        assert!(first - last <= 100, "{left} ms to expiry: {first}, then {last}");
    }
    let window: Vec<i128> =
        shares.iter().filter(|(left, _)| *left <= 30 * MINUTE).map(|(_, share)| *share).collect();
    assert!(window.iter().all(|share| (999_000..=1_001_000).contains(share)), "{window:?}");
    assert_eq!(house.lots(1, 2), 0, "the future has been settled");
}

#[test]
fn who_owns_the_only_bid_gains_nothing_from_a_spread_that_expires() {
    // 0019-MARG-023, 0021-FALL-004: the spread is called and wound down over its last day, not at once in the window.
    let mut house = House::living(LIFE);
    let deposits = [(1, 200_000), (2, 200_000), (4, 2_000_000)];
    house.apply(1, deposits.map(|(number, sum)| deposit(number, 0, dollars(sum))).to_vec());
    open_spread(&mut house, 1, 2);
    let [equity, _, initial] = required(&house, 1);
    let amount = Amount::from_minor(equity - initial - 50_000_000);
    let (asset, destination) = (AssetId::DOLLAR, trader(1));
    let withdraw = Command::Withdraw { sub: 0, asset, amount, destination };
    assert_eq!(house.apply(1, vec![of(1, withdraw)]).receipts, [Receipt::Done]);
    let fund = |house: &House| house.machine.state().insurance_fund(BTC);
    let before = fund(&house);
    let mut called_at = None;
    let mut client = 10;
    while house.now < START + LIFE + 5 * MINUTE {
        // The accomplice bids eight percent below, from an account of its own.
        client += 1;
        let bid = house.btc * 9_203 / 10_000 / 500_000 * 500_000;
        let cancel = of(4, Command::MassCancel { sub: 0, instrument: None });
        let seconds = step(&house);
        house.apply(seconds, vec![cancel, order(4, client, 1, Side::Buy, bid, LOTS)]);
        let [equity, _, initial] = required(&house, 1);
        if equity < initial && called_at.is_none() {
            called_at = Some(START + LIFE - house.now);
        }
    }
    let called_at: i128 = called_at.expect("it is called");
    assert!(called_at > 20 * HOUR, "most of a day before: {called_at}");
    let taken: i128 = amount.minor()
        + [1, 2, 4].iter().map(|number| required(&house, *number)[0].max(0)).sum::<i128>();
    let brought: i128 = deposits.iter().map(|(_, sum)| sum * 1_000_000).sum();
    assert!(fund(&house) >= before, "the fund pays nothing");
    assert!(taken <= brought, "{taken} of {brought}");
}
