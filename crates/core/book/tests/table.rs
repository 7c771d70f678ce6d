//! Auctions worked by hand, in a small language; both books run every table.
//!
//! | line | meaning |
//! |---|---|
//! | `tick 5` | first line: an empty book with that tick; 1 without it |
//! | `buy A1 100 10 gtc` | side, account, price, lots, `gtc` `ioc` or `post`; orders are numbered from 1 |
//! | `sell A1 100 10 gtc refuse` | the same, refused rather than cancelling the account's own orders |
//! | `cancel 3`, `reduce 3 4` | takes order 3 out, shrinks it to 4 lots |
//! | `uncross 97` | the auction with that reference price, and the commit |
//! | `drop` | the market faulted: the batch leaves |
//! | `depth` | what stands |
//! | `near 100 0.02` | what stands, by how near it is, within 2 % of 100 |

use book::{Auction, Entry, FastBook, NaiveBook, Open, OrderBook};
use expect_test::{Expect, expect};
use protocol::{AccountIndex, OrderId, SelfTrade, Side, TimeInForce};
use std::fmt::Write;
use units::{BlockHeight, Lots, Ppm, Price};

struct Table<B> {
    book: B,
    out: String,
    next: u64,
    height: i128,
}

fn run(script: &str) -> String {
    let naive = Table::<NaiveBook>::run(script);
    assert_eq!(Table::<FastBook>::run(script), naive, "the books disagree");
    naive
}

fn check(script: &str, expected: Expect) {
    expected.assert_eq(&run(script));
}

impl<B: OrderBook> Table<B> {
    fn run(script: &str) -> String {
        let book = B::new("1".parse().unwrap());
        let mut table = Self { book, out: String::new(), next: 1, height: 1 };
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            table.line(line);
        }
        table.out
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["tick", tick] => self.book = B::new(tick.parse().unwrap()),
            ["cancel", order] => {
                let left = self.book.cancel(OrderId::new(order.parse().unwrap()));
                self.say("cancelled", left);
            }
            ["reduce", order, lots] => {
                let order = OrderId::new(order.parse().unwrap());
                let left = self.book.reduce(order, lots.parse().unwrap());
                self.say("reduced", left);
            }
            ["uncross", reference] => {
                let auction = self.book.uncross(reference.parse().unwrap()).unwrap();
                self.print(&auction);
                self.book.commit(&auction).unwrap();
                self.height += 1;
            }
            ["drop"] => {
                for open in self.book.drop_batch() {
                    self.say("dropped", Some(open));
                }
                self.height += 1;
            }
            ["depth"] => {
                for side in [Side::Buy, Side::Sell] {
                    for level in self.book.depth(side, 10) {
                        let (price, lots, orders) = (level.price, level.lots, level.orders);
                        writeln!(self.out, "{side:?} {price}: {lots} in {orders}").unwrap();
                    }
                }
            }
            ["near", price, band] => {
                let (price, band): (Price, Ppm) = (price.parse().unwrap(), band.parse().unwrap());
                let [bids, asks] =
                    [Side::Buy, Side::Sell].map(|side| self.book.lots_near(side, price, band));
                writeln!(self.out, "near: {bids} and {asks}").unwrap();
            }
            [side, account, price, lots, life, rest @ ..] => {
                self.order(side, account, price, lots, life, rest);
            }
            _ => panic!("not a line of the language: {line}"),
        }
    }

    fn order(
        &mut self,
        side: &str,
        account: &str,
        price: &str,
        lots: &str,
        life: &str,
        rest: &[&str],
    ) {
        let entry = Entry {
            order: OrderId::new(self.next),
            account: AccountIndex::new(account.strip_prefix('A').unwrap().parse().unwrap()),
            side: match side {
                "buy" => Side::Buy,
                "sell" => Side::Sell,
                _ => panic!("not a side: {side}"),
            },
            price: price.parse().unwrap(),
            lots: lots.parse().unwrap(),
            time_in_force: match life {
                "gtc" => TimeInForce::GoodTillCancelled,
                "ioc" => TimeInForce::ImmediateOrCancel,
                "post" => TimeInForce::PostOnly,
                _ => panic!("not a time in force: {life}"),
            },
            arrived: BlockHeight::from_blocks(self.height),
        };
        let self_trade = match rest {
            [] => SelfTrade::CancelResting,
            ["refuse"] => SelfTrade::RefuseIncoming,
            _ => panic!("not an answer to self-trade: {rest:?}"),
        };
        let number = self.next;
        self.next += 1;
        match self.book.admit(entry, self_trade).unwrap() {
            Ok(admitted) => {
                for open in admitted.self_trade_cancels {
                    self.say("self-trade", Some(open));
                }
            }
            Err(refusal) => writeln!(self.out, "#{number} refused: {refusal}").unwrap(),
        }
    }

    fn say(&mut self, what: &str, open: Option<Open>) {
        match open {
            Some(Open { order, lots, .. }) => writeln!(self.out, "#{order} {what}: {lots}"),
            None => writeln!(self.out, "{what}: no such order"),
        }
        .unwrap();
    }

    fn print(&mut self, auction: &Auction) {
        match auction.price {
            Some(price) => writeln!(self.out, "{} at {price}", auction.volume).unwrap(),
            None => writeln!(self.out, "no trade").unwrap(),
        }
        for fill in &auction.fills {
            let role = if fill.aggressor { "took" } else { "made" };
            let side = match fill.side {
                Side::Buy => "buy",
                Side::Sell => "sell",
            };
            let (order, account, lots, left) = (fill.order, fill.account, fill.lots, fill.left);
            writeln!(self.out, "  #{order} A{account} {side} {role} {lots}, left {left}").unwrap();
        }
        for open in &auction.expired {
            self.say("expired", Some(*open));
        }
    }
}

/// Prices on which a table of bids and asks clears, by the numbers alone.
fn clears(bids: &[(i128, i128)], asks: &[(i128, i128)], reference: i128) -> Option<(i128, i128)> {
    fn auction<B: OrderBook>(
        orders: impl Iterator<Item = (Side, i128, i128)>,
        reference: Price,
    ) -> Auction {
        let mut book = B::new(Price::ONE);
        for (number, (side, price, lots)) in orders.enumerate() {
            let number = u32::try_from(number).unwrap();
            let entry = Entry {
                order: OrderId::new(number.into()),
                account: AccountIndex::new(number),
                side,
                price: Price::from_micros(price * 1_000_000),
                lots: Lots::from_count(lots),
                time_in_force: TimeInForce::GoodTillCancelled,
                arrived: BlockHeight::from_blocks(1),
            };
            book.admit(entry, SelfTrade::CancelResting).unwrap().unwrap();
        }
        book.uncross(reference).unwrap()
    }
    let orders = || {
        let bids = bids.iter().map(|(price, lots)| (Side::Buy, *price, *lots));
        bids.chain(asks.iter().map(|(price, lots)| (Side::Sell, *price, *lots)))
    };
    let reference = Price::from_micros(reference * 1_000_000);
    let naive = auction::<NaiveBook>(orders(), reference);
    assert_eq!(auction::<FastBook>(orders(), reference), naive, "the books disagree");
    naive.price.map(|price| (price.micros() / 1_000_000, naive.volume.count()))
}

mod price {
    use super::*;

    /// The examples of the market model of Xetra for auctions with limit orders, as the tests of the public library
    /// `hroptatyr/clob` (`test/mmod_auction_xetra_01.c` … `_05.c`) state them.
    #[test]
    fn the_examples_of_xetra_clear_at_their_prices() {
        // 0015-BOOK-006, 0015-BOOK-007: one price has the greatest volume and the least surplus.
        let bids = [(200, 300), (199, 200), (198, 300), (196, 100)];
        let asks = [(200, 100), (198, 300), (197, 400)];
        assert_eq!(clears(&bids, &asks, 200), Some((198, 700)));
        // Buyers are left over from 198 to 200: the example takes the highest price, we the one closest to the
        // reference, which is the same here.
        let bids = [(200, 600), (197, 200)];
        let asks = [(201, 400), (199, 100), (198, 100), (197, 300)];
        assert_eq!(clears(&bids, &asks, 200), Some((200, 500)));
        assert_eq!(clears(&bids, &asks, 190), Some((199, 500)));
        // Sellers are left over from 198 on.
        let bids = [(202, 300), (201, 100), (199, 100), (197, 400)];
        let asks = [(201, 200), (198, 600)];
        assert_eq!(clears(&bids, &asks, 190), Some((198, 500)));
        // No surplus anywhere between: the reference price decides.
        let bids = [(202, 300), (201, 200), (197, 100)];
        let asks = [(203, 100), (199, 300), (198, 200)];
        assert_eq!(clears(&bids, &asks, 200), Some((200, 500)));
        // Not crossed: no price.
        assert_eq!(clears(&[(200, 100), (199, 400)], &[(202, 300), (201, 200)], 200), None);
    }

    /// The match examples of BNB Beacon Chain (`docs/beaconchain/match-examples.md` of its documentation), which ran a
    /// call auction in each block. Its step 3, market pressure, is not ours: those of its examples where that gives
    /// another price (5.3 and 5.4) stand here with the price closest to the reference.
    #[test]
    fn the_examples_of_a_chain_of_auctions_clear_at_their_prices() {
        let clears_at = |bids: &[_], asks: &[_], reference| clears(bids, asks, reference).unwrap();
        // 1, 2: the greatest volume.
        let asks = [(98, 250), (97, 50)];
        assert_eq!(clears_at(&[(100, 150), (98, 150)], &asks, 0), (98, 300));
        let bids = [(100, 150), (99, 50), (97, 300)];
        assert_eq!(clears_at(&bids, &[(97, 200), (96, 100)], 0), (97, 300));
        // 3, 4: the least surplus.
        let bids = [(102, 300), (100, 100), (99, 200), (98, 300)];
        assert_eq!(clears_at(&bids, &[(98, 250), (97, 250), (96, 1_000)], 102), (96, 900));
        let bids = [(102, 30), (101, 10), (99, 50), (96, 15)];
        assert_eq!(clears_at(&bids, &[(98, 10), (97, 50), (95, 50)], 102), (97, 90));
        // 5: equal surplus of one sign.
        assert_eq!(clears_at(&[(102, 10), (97, 10)], &[(95, 50)], 80), (95, 20));
        assert_eq!(clears_at(&[(99, 10), (94, 10)], &[(92, 50)], 100), (94, 20));
        assert_eq!(clears_at(&[(99, 100)], &[(92, 50)], 90), (92, 50));
        assert_eq!(clears_at(&[(101, 10), (96, 10)], &[(94, 50)], 100), (96, 20));
        // 6: equal surpluses of either sign.
        let (bids, asks) = ([(100, 25), (97, 25)], [(98, 25), (95, 25)]);
        assert_eq!(clears_at(&bids, &asks, 99), (99, 25));
        assert_eq!(clears_at(&bids, &asks, 97), (97, 25));
    }

    #[test]
    fn a_crossed_book_has_one_price_and_the_greatest_volume() {
        // A03. Buyers accept 10, 30, 60 lots at 102, 101, 100; sellers 20, 40, 70 at 99, 100, 101. At 101 thirty lots
        // can trade, at 100 forty, at 99 twenty: forty lots at 100, where 60 want to buy.
        check(
            "buy  A1 102 10 gtc
             buy  A2 101 20 gtc
             buy  A3 100 30 gtc
             sell A4  99 20 gtc
             sell A5 100 20 gtc
             sell A6 101 30 gtc
             uncross 105
             depth",
            expect![[r#"
                40 at 100
                  #1 A1 buy took 10, left 0
                  #2 A2 buy took 20, left 0
                  #3 A3 buy took 10, left 20
                  #4 A4 sell took 20, left 0
                  #5 A5 sell took 20, left 0
                Buy 100: 20 in 1
                Sell 101: 30 in 1
            "#]],
        );
    }

    #[test]
    fn between_two_prices_the_reference_decides_and_then_the_lower() {
        // 0015-BOOK-008, 0015-BOOK-009. Every price from 90 to 100 trades ten lots and leaves nothing.
        let script = |reference| {
            format!("tick 3\n buy A1 99 10 ioc\n sell A2 90 10 ioc\n uncross {reference}")
        };
        let first = |reference| run(&script(reference)).lines().next().unwrap().to_owned();
        assert_eq!(first("120"), "10 at 99");
        assert_eq!(first("97.6"), "10 at 99");
        assert_eq!(first("97.5"), "10 at 96"); // as close to 96 as to 99
        assert_eq!(first("94"), "10 at 93");
        assert_eq!(first("-5"), "10 at 90");
    }

    #[test]
    fn prices_below_zero_clear_too() {
        check(
            "buy A1 -5 10 gtc
             sell A2 -9 4 gtc
             uncross -20
             depth",
            expect![[r#"
                4 at -9
                  #1 A1 buy took 4, left 6
                  #2 A2 sell took 4, left 0
                Buy -5: 6 in 1
            "#]],
        );
    }
}

mod allocation {
    use super::*;

    #[test]
    fn better_prices_then_earlier_blocks_are_filled_first() {
        // 0015-BOOK-010
        check(
            "sell A1 101 5 gtc
             uncross 100
             sell A2 101 5 gtc
             sell A3 100 2 gtc
             uncross 100
             buy A4 101 9 ioc
             uncross 101
             depth",
            expect![[r#"
                no trade
                no trade
                9 at 101
                  #4 A4 buy took 9, left 0
                  #3 A3 sell made 2, left 0
                  #1 A1 sell made 5, left 0
                  #2 A2 sell made 2, left 3
                Sell 101: 3 in 1
            "#]],
        );
    }

    #[test]
    fn orders_of_one_block_share_pro_rata_and_the_largest_remainder_takes_the_odd_lot() {
        // 0015-BOOK-011. Ten lots for 7 + 5 + 4: shares 4.375, 3.125 and 2.5, so 4, 3, 2 and the odd lot goes to #3.
        check(
            "sell A1 100 7 gtc
             sell A2 100 5 gtc
             sell A3 100 4 gtc
             buy A4 100 10 ioc
             uncross 100",
            expect![[r#"
                10 at 100
                  #4 A4 buy took 10, left 0
                  #1 A1 sell took 4, left 3
                  #2 A2 sell took 3, left 2
                  #3 A3 sell took 3, left 1
            "#]],
        );
    }

    #[test]
    fn equal_remainders_go_to_the_lower_number() {
        // 0015-BOOK-011. Two lots among three orders of one: two thirds each.
        check(
            "buy A1 100 1 gtc
             buy A2 100 1 post
             buy A3 100 1 ioc
             sell A4 100 2 ioc
             uncross 100",
            expect![[r#"
                2 at 100
                  #1 A1 buy took 1, left 0
                  #2 A2 buy made 1, left 0
                  #4 A4 sell took 2, left 0
                #3 expired: 1
            "#]],
        );
    }

    #[test]
    fn what_an_immediate_order_does_not_trade_expires() {
        // 0015-BOOK-012
        check(
            "sell A1 100 3 gtc
             buy A2 101 5 ioc
             buy A3 99 5 ioc
             uncross 100
             depth",
            expect![[r#"
                3 at 100
                  #2 A2 buy took 3, left 2
                  #1 A1 sell took 3, left 0
                #2 expired: 2
                #3 expired: 5
            "#]],
        );
    }
}

mod batch {
    use super::*;

    #[test]
    fn a_post_only_order_never_takes_whatever_the_sequence() {
        // 0015-BOOK-003. #2 would cross what stands. #3 does not, though #4 of the same block crosses it, before or
        // after; it makes, #4 takes. #5 would cross #3, which stands.
        check(
            "sell A1 102 5 gtc
             uncross 100
             buy A2 102 5 post
             buy A2 101 5 post
             sell A3 100 2 gtc
             sell A4 101 5 post
             uncross 100",
            expect![[r#"
                no trade
                #2 refused: a post-only order would trade at once
                #5 refused: a post-only order would trade at once
                2 at 100
                  #3 A2 buy made 2, left 3
                  #4 A3 sell took 2, left 0
            "#]],
        );
        check(
            "sell A1 102 5 gtc
             uncross 100
             sell A3 100 2 gtc
             buy A2 101 5 post
             uncross 100",
            expect![[r#"
                no trade
                2 at 100
                  #3 A2 buy made 2, left 3
                  #2 A3 sell took 2, left 0
            "#]],
        );
    }

    #[test]
    fn an_account_never_trades_with_itself() {
        // 0015-BOOK-004. #3 takes #1 and #2 of its own account out, not #4; #5 asks to be refused instead.
        check(
            "sell A1 100 5 gtc
             uncross 100
             sell A1 101 6 gtc
             buy A1 101 3 gtc
             sell A1 102 4 gtc
             sell A1 101 1 ioc refuse
             buy A2 101 1 gtc
             sell A3 101 4 gtc
             uncross 100",
            expect![[r#"
                no trade
                #1 self-trade: 5
                #2 self-trade: 6
                #5 refused: the order would trade with its own account
                4 at 101
                  #3 A1 buy took 3, left 0
                  #6 A2 buy took 1, left 0
                  #7 A3 sell took 4, left 0
            "#]],
        );
    }

    #[test]
    fn a_reduced_order_keeps_its_place() {
        // 0015-BOOK-005
        check(
            "buy A1 100 9 gtc
             uncross 100
             buy A2 100 9 gtc
             uncross 100
             reduce 1 4
             reduce 1 7
             reduce 2 0
             reduce 2 1
             cancel 7
             buy A3 100 9 gtc
             sell A4 100 6 gtc
             uncross 100",
            expect![[r#"
                no trade
                no trade
                #1 reduced: 4
                #1 reduced: 4
                #2 reduced: 0
                reduced: no such order
                cancelled: no such order
                6 at 100
                  #1 A1 buy made 4, left 0
                  #3 A3 buy took 2, left 7
                  #4 A4 sell took 6, left 0
            "#]],
        );
    }

    #[test]
    fn a_dropped_batch_leaves_what_rested() {
        // 0015-BOOK-016: a resting order that left for a self-trade stays cancelled.
        check(
            "buy A1 100 9 gtc
             buy A2 99 9 gtc
             uncross 100
             sell A1 100 1 gtc
             sell A3 99 5 ioc
             buy A4 98 7 post
             depth
             drop
             depth
             uncross 100",
            expect![[r#"
                no trade
                #1 self-trade: 9
                Buy 99: 9 in 1
                Buy 98: 7 in 1
                #3 dropped: 1
                #4 dropped: 5
                #5 dropped: 7
                Buy 99: 9 in 1
                no trade
            "#]],
        );
    }

    #[test]
    fn what_stands_counts_by_how_near_it_is_whatever_the_price() {
        // 0015-BOOK-022: within 2 % of 8,000, which are 160, 10 away counts 15 of 16, and the edge nothing.
        check(
            "buy A1 7990 100 gtc
             buy A2 7840 100 gtc
             buy A2 7000 100 gtc
             sell A3 8010 50 gtc
             sell A3 8160 50 gtc
             uncross 8000
             near 8000 0.02
             near 8100 0.02
             near 7900 0.02
             near 8000 0",
            expect![[r#"
                no trade
                near: 93 and 46
                near: 32 and 81
                near: 162 and 15
                near: 0 and 0
            "#]],
        );
        // Within 15 % of ten micro-dollars lies a micro-dollar, a third of what would count in full.
        check(
            "tick 0.000001
             buy A1 0.000009 300 gtc
             sell A2 0.000011 300 gtc
             sell A2 0.000012 300 gtc
             uncross 0.00001
             near 0.00001 0.15",
            expect![[r#"
                no trade
                near: 100 and 100
            "#]],
        );
    }

    #[test]
    fn bad_orders_are_refused_in_the_order_of_the_codes() {
        // 0015-BOOK-001
        check(
            "tick 0.5
             buy A1 100.25 0 gtc
             buy A1 100.25 2147483648 gtc
             buy A1 100.25 2147483647 gtc
             buy A1 100.5 2147483647 gtc
             sell A2 1000000000 1 gtc
             depth",
            expect![[r#"
                #1 refused: the number of lots is not positive
                #2 refused: too many lots
                #3 refused: the price is off tick
            "#]],
        );
    }
}
