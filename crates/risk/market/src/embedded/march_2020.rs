//! 12 and 13 March 2020, from 00:00 on Thursday to the close of American markets on Friday, 44 hours by the minute.
//!
//! No licensed recording of these days was found, so this is not one. Single figures were published; each is quoted
//! below with its source. What lies between them is computed ([`super::bridge`]), and so are three of the venues.
//!
//! | figure | source |
//! |---|---|
//! | BTC daily candle of 12 March: open 7,913.62, low 4,860.35 | Yahoo Finance, BTC-USD history |
//! | BTC 7,300 to 5,690 from 10:00 to 11:00 UTC; 5,800 to 3,900 from 23:00 to 02:15 UTC | blog.btcmex.com, "Black Thursday: what actually happened to Bitcoin" |
//! | BTC steady around 6,000 in the hours after the first fall; 400 dollars between BitMEX and Coinbase | cryptopotato.com, 13 March 2020, "Bitcoin price crashes below $4300" |
//! | BTC low 3,858 and high 5,995 of 13 March | forexlive.com, 13 March 2020, "Bitcoin collapsed lower today" |
//! | BitMEX XBTUSD at 3,600, 400 below spot; out of service 02:16 to 03:00 UTC | cryptoslate.com, "BitMEX freezes as XBTUSD crashes 10% below Bitcoin spot price" |
//! | BTC back at 5,200 after the low | crypto-news-flash.com, "Bitcoin drop to $3,700 was caused by botnet attack on BitMEX" |
//! | BTC about 5,400 at the close of American markets on 13 March | currency.com, "Bitcoin crash not the only issue for investors" |
//! | ETH 194.97 at 1 am, 136 in the next 12 hours, 95.87 some 26 hours later, then 130 | DeFi Saver, "Black Thursday at DeFi Saver" |
//! | ETH at 126.28 in the first fall | thenewstrace.com, 12 March 2020 |
//! | ETH at 113.5 on 13 March | coinspot.io, 13 March 2020 |
//! | three-month implied volatility 3.5 % a day before the fall | coinjoker.in, 12 March 2020, quoting Skew |
//! | one-month implied volatility at the money 184 % on 16 March, 141 % on 17 March | AMBCrypto at ohnocrypto.com, March 2020, quoting Skew |
//!
//! Assumptions, each also on its point: ETH's "1 am" is Central European Time; ETH moves with BTC where no figure was
//! found; the volatility of 16 March, the highest published, is brought forward to the low, where it is worst for
//! sellers of options; the 141 % of 17 March is brought forward to the end.

use units::{BlockTime, Price, Vol, utc};

use super::bridge::{Anchor, Seeded, bridge, to_cents};
use crate::names::{MarketKind, Underlying, Venue};
use crate::path::{Attribution, PricePath, Provenance, Scenario, ScenarioEvent, VolPoint};

/// The seed of everything that is computed in [`march_2020`].
pub const SEED: u64 = 0x2020_0312;

const THURSDAY: &str = "2020-03-12T";
const FRIDAY: &str = "2020-03-13T";

/// Returns a moment of the two days; both texts are constants of this module and tested to be times.
fn at(day: &str, clock: &str) -> BlockTime {
    utc(&format!("{day}{clock}:00Z")).unwrap_or_default()
}

fn anchor(time: BlockTime, cents: i128, provenance: Provenance, source: &'static str) -> Anchor {
    Anchor { time, price: Price::from_micros(cents * 10_000), provenance, source }
}

/// Returns the points of the BTC path.
#[must_use]
pub fn btc_anchors() -> Vec<Anchor> {
    use Provenance::{Published, PublishedLevel};
    vec![
        anchor(at(THURSDAY, "00:00"), 791_362, Published, "daily candle, open"),
        anchor(at(THURSDAY, "10:00"), 730_000, Published, "BTCMEX blog"),
        anchor(at(THURSDAY, "11:00"), 569_000, Published, "BTCMEX blog"),
        anchor(at(THURSDAY, "13:00"), 600_000, PublishedLevel, "CryptoPotato"),
        anchor(at(THURSDAY, "23:00"), 580_000, Published, "BTCMEX blog"),
        anchor(at(THURSDAY, "23:55"), 486_035, PublishedLevel, "daily candle, low"),
        anchor(at(FRIDAY, "02:15"), 385_800, Published, "level ForexLive, time BTCMEX blog"),
        anchor(at(FRIDAY, "03:00"), 520_000, PublishedLevel, "Crypto News Flash"),
        anchor(at(FRIDAY, "14:00"), 599_500, PublishedLevel, "ForexLive"),
        anchor(at(FRIDAY, "20:00"), 540_000, Published, "Currency.com"),
    ]
}

/// Returns the points of the ETH path.
#[must_use]
pub fn eth_anchors() -> Vec<Anchor> {
    use Provenance::{Assumed, PublishedLevel};
    vec![
        anchor(at(THURSDAY, "00:00"), 19_497, PublishedLevel, "DeFi Saver, 1 am read as CET"),
        anchor(at(THURSDAY, "10:00"), 17_985, Assumed, "as much below its start as BTC"),
        anchor(at(THURSDAY, "11:00"), 12_628, PublishedLevel, "The News Trace"),
        anchor(at(THURSDAY, "12:00"), 13_600, PublishedLevel, "DeFi Saver, 12 hours on"),
        anchor(at(THURSDAY, "23:00"), 13_400, Assumed, "steady until BTC fell again"),
        anchor(at(FRIDAY, "02:15"), 9_587, PublishedLevel, "DeFi Saver, some 26 hours on"),
        anchor(at(FRIDAY, "03:00"), 13_000, PublishedLevel, "DeFi Saver"),
        anchor(at(FRIDAY, "08:00"), 11_350, PublishedLevel, "Coinspot"),
        anchor(at(FRIDAY, "20:00"), 13_500, Assumed, "as much above its recovery as BTC"),
    ]
}

/// Returns the points of the volatility path.
fn vol_anchors() -> Vec<VolPoint> {
    let point =
        |time, points, provenance| VolPoint { time, vol: Vol::from_points(points), provenance };
    vec![
        // 3.5 % a day x sqrt(365) = 66.87 % a year.
        point(at(THURSDAY, "00:00"), 6_687, Provenance::PublishedLevel),
        point(at(THURSDAY, "10:00"), 7_500, Provenance::Assumed),
        point(at(THURSDAY, "11:00"), 11_000, Provenance::Assumed),
        point(at(THURSDAY, "23:00"), 12_000, Provenance::Assumed),
        point(at(FRIDAY, "02:15"), 18_400, Provenance::PublishedLevel),
        point(at(FRIDAY, "20:00"), 14_100, Provenance::PublishedLevel),
    ]
}

/// Returns the crash of 12 and 13 March 2020: published figures, joined by a computed path from [`SEED`].
#[must_use]
pub fn march_2020() -> Scenario {
    let caveats = [
        "Not a recording. Single published figures are joined by a path computed from a seed.",
        "Coinbase and BitMEX stand for the venues of the published figures; synthetic-a, -b and -c are invented.",
        "Invented faults of synthetic-c: it repeats one price from 14:00 to 15:00 and prints a tenth of the price \
         from 18:00 to 18:05 on 12 March.",
        "BitMEX was out of service from 02:16 to 03:00 on 13 March; its last price is repeated, as by a feed that \
         does not watch for age.",
        "Implied volatility: 184 % was published for 16 March and 141 % for 17 March; both are brought forward.",
    ];
    Scenario {
        name: "march-2020",
        title: "12 and 13 March 2020, embedded: published figures, interpolated between them"
            .to_string(),
        recorded: false,
        attributions: attributions(),
        caveats: caveats.map(str::to_string).to_vec(),
        paths: vec![
            PricePath::merge(Underlying::Btc, btc_prices()),
            PricePath::merge(Underlying::Eth, eth_prices()),
        ],
        volatility: volatility(),
        events: events(),
    }
}

fn attributions() -> Vec<Attribution> {
    let quoted = |what: &str, origin: &str| Attribution {
        what: what.to_string(),
        origin: origin.to_string(),
        licence: "single figures, quoted".to_string(),
    };
    vec![
        quoted("BTC open and low of 12 March", "Yahoo Finance, BTC-USD history"),
        quoted("BTC levels and times of both falls", "blog.btcmex.com"),
        quoted("BTC between the falls; spread between venues", "cryptopotato.com"),
        quoted("BTC low and high of 13 March", "forexlive.com"),
        quoted("BitMEX price and outage", "cryptoslate.com"),
        quoted("BTC after the low", "crypto-news-flash.com"),
        quoted("BTC at the close of American markets", "currency.com"),
        quoted("ETH levels and times", "DeFi Saver; thenewstrace.com; coinspot.io"),
        quoted("implied volatility", "coinjoker.in; ohnocrypto.com (AMBCrypto), quoting Skew"),
    ]
}

fn events() -> Vec<ScenarioEvent> {
    let event =
        |time, text: &str, provenance| ScenarioEvent { time, text: text.into(), provenance };
    vec![
        event(at(THURSDAY, "10:00"), "first fall begins", Provenance::Published),
        event(at(THURSDAY, "11:00"), "first low: BTC 5,690", Provenance::Published),
        event(
            at(THURSDAY, "14:00"),
            "synthetic-c repeats its price for an hour",
            Provenance::Assumed,
        ),
        event(at(THURSDAY, "18:00"), "synthetic-c prints a tenth", Provenance::Assumed),
        event(at(THURSDAY, "23:00"), "second fall begins", Provenance::Published),
        event(at(FRIDAY, "02:15"), "low: BTC 3,858, ETH 95.87", Provenance::Published),
        event(at(FRIDAY, "02:16"), "BitMEX out of service", Provenance::Published),
        event(at(FRIDAY, "03:00"), "BitMEX back", Provenance::Published),
    ]
}

/// A price at a venue at a time.
type Print = (BlockTime, Venue, Price);

fn venue(exchange: &str, market: MarketKind, symbol: &str) -> Venue {
    Venue { exchange: exchange.to_string(), market, symbol: symbol.to_string() }
}

fn btc_prices() -> Vec<Print> {
    let path = bridge(&btc_anchors(), SEED);
    let mut prints = spot_prices(&path, "BTCUSD", SEED + 1);
    let bitmex = venue("bitmex", MarketKind::Perpetual, "XBTUSD");
    let (outage, back) = (at(FRIDAY, "02:16"), at(FRIDAY, "03:00"));
    let mut last = Price::ZERO;
    for (time, price) in path {
        if time < outage || time >= back {
            last = bitmex_price(time, price);
        }
        prints.push((time, bitmex.clone(), last));
    }
    prints
}

/// Returns the BitMEX price: at par until the second fall, then ever further below spot, 3,600 at the low.
fn bitmex_price(time: BlockTime, spot: Price) -> Price {
    let (start, low) = (at(THURSDAY, "23:00").millis(), at(FRIDAY, "02:15").millis());
    // 3,858 less 3,600, in millionths of 3,858, rounded down: the price then floors to 3,600.00.
    let discount_at_low = 66_874;
    let now = time.millis();
    let discount =
        if now <= start || now > low { 0 } else { discount_at_low * (now - start) / (low - start) };
    to_cents(spot.micros() - spot.micros() * discount / 1_000_000)
}

fn eth_prices() -> Vec<Print> {
    spot_prices(&bridge(&eth_anchors(), SEED + 2), "ETHUSD", SEED + 3)
}

/// Returns Coinbase on the path itself and three invented venues around it.
fn spot_prices(path: &[(BlockTime, Price)], symbol: &str, seed: u64) -> Vec<Print> {
    let mut random = Seeded::new(seed);
    let coinbase = venue("coinbase", MarketKind::Spot, symbol);
    // Each invented venue keeps its distance from the path, in millionths, besides its noise.
    let invented = [("synthetic-a", 150), ("synthetic-b", -200), ("synthetic-c", 50)]
        .map(|(name, distance)| (venue(name, MarketKind::Spot, symbol), distance));
    let mut repeated = Price::ZERO;
    let mut prints = Vec::new();
    for (time, price) in path {
        prints.push((*time, coinbase.clone(), *price));
        let noise = if is_falling(*time) { 2_000 } else { 300 };
        for (venue, distance) in &invented {
            let away = distance + random.within(noise);
            let mut print = to_cents(price.micros() + price.micros() * away / 1_000_000);
            if venue.exchange == "synthetic-c" {
                print = with_fault(*time, print, &mut repeated);
            }
            prints.push((*time, venue.clone(), print));
        }
    }
    prints
}

/// Whether venues stand further apart: during either fall and the recovery from the second.
fn is_falling(time: BlockTime) -> bool {
    let between = |from, to| from <= time && time <= to;
    between(at(THURSDAY, "10:00"), at(THURSDAY, "12:00"))
        || between(at(THURSDAY, "23:00"), at(FRIDAY, "04:00"))
}

/// Returns what the faulty venue prints in place of a price; `repeated` is its last print before the fault.
fn with_fault(time: BlockTime, print: Price, repeated: &mut Price) -> Price {
    let during = |from, to| at(THURSDAY, from) <= time && time < at(THURSDAY, to);
    if during("14:00", "15:00") {
        return *repeated;
    }
    *repeated = print;
    if during("18:00", "18:05") { to_cents(print.micros() / 10) } else { print }
}

/// Returns a volatility for every five minutes, on straight lines between the points.
fn volatility() -> Vec<VolPoint> {
    let step = 5 * 60_000;
    let anchors = vol_anchors();
    let mut path = Vec::new();
    for pair in anchors.windows(2) {
        let [from, to] = pair else { continue };
        let (start, end) = (from.time.millis(), to.time.millis());
        let rise = to.vol.points() - from.vol.points();
        let mut now = start;
        while now < end {
            let points = from.vol.points() + rise * (now - start) / (end - start);
            let provenance = if now == start { from.provenance } else { Provenance::Interpolated };
            let time = BlockTime::from_millis(now);
            path.push(VolPoint { time, vol: Vol::from_points(points), provenance });
            now += step;
        }
    }
    path.extend(anchors.last().copied());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price_at(
        scenario: &Scenario,
        underlying: Underlying,
        exchange: &str,
        time: BlockTime,
    ) -> Price {
        let path = scenario.path(underlying).unwrap();
        let column = path.venues.iter().position(|venue| venue.exchange == exchange).unwrap();
        let minute = path.minutes.iter().find(|minute| minute.time == time).unwrap();
        minute.prices[column].unwrap()
    }

    fn dollars(cents: i128) -> Price {
        Price::from_micros(cents * 10_000)
    }

    #[test]
    fn every_minute_of_44_hours_has_a_price_at_every_venue() {
        let scenario = march_2020();
        for (underlying, venues) in [(Underlying::Btc, 5), (Underlying::Eth, 4)] {
            let path = scenario.path(underlying).unwrap();
            assert_eq!((path.venues.len(), path.minutes.len()), (venues, 44 * 60 + 1));
            assert!(path.minutes.iter().all(|minute| minute.prices.iter().all(Option::is_some)));
        }
        let span = scenario.span().unwrap();
        assert_eq!(span, (at(THURSDAY, "00:00"), at(FRIDAY, "20:00")));
    }

    #[test]
    fn published_figures_are_met_and_their_lows_stay_the_lows() {
        let scenario = march_2020();
        for (underlying, anchors) in
            [(Underlying::Btc, btc_anchors()), (Underlying::Eth, eth_anchors())]
        {
            for anchor in &anchors {
                let found = price_at(&scenario, underlying, "coinbase", anchor.time);
                assert_eq!(found, anchor.price, "{underlying} {}", anchor.source);
            }
            let lowest = anchors.iter().map(|anchor| anchor.price).min().unwrap();
            let path = scenario.path(underlying).unwrap();
            let column = path.venues.iter().position(|v| v.exchange == "coinbase").unwrap();
            let at_low = path.minutes.iter().filter(|m| m.prices[column] <= Some(lowest));
            let times: Vec<_> = at_low.map(|minute| minute.time).collect();
            assert_eq!(times, [at(FRIDAY, "02:15")]);
        }
    }

    #[test]
    fn bitmex_falls_to_its_published_low_and_repeats_it_while_out_of_service() {
        let scenario = march_2020();
        let bitmex = |time| price_at(&scenario, Underlying::Btc, "bitmex", time);
        assert_eq!(bitmex(at(FRIDAY, "02:15")), dollars(360_000));
        assert_eq!(bitmex(at(FRIDAY, "02:16")), dollars(360_000));
        assert_eq!(bitmex(at(FRIDAY, "02:59")), dollars(360_000));
        assert_eq!(bitmex(at(FRIDAY, "03:00")), dollars(520_000));
    }

    #[test]
    fn the_faulty_venue_is_stale_for_an_hour_and_far_away_for_five_minutes() {
        let scenario = march_2020();
        let faulty = |time| price_at(&scenario, Underlying::Btc, "synthetic-c", time);
        let stale = faulty(at(THURSDAY, "13:59"));
        assert_eq!(faulty(at(THURSDAY, "14:59")), stale);
        assert_ne!(faulty(at(THURSDAY, "15:00")), stale);
        assert!(faulty(at(THURSDAY, "18:04")) < dollars(70_000));
        assert!(faulty(at(THURSDAY, "18:05")) > dollars(500_000));
    }

    #[test]
    fn a_faulty_venue_and_an_outage_do_not_move_the_median_beyond_the_other_venues() {
        let path = march_2020().paths.swap_remove(0);
        let honest = |venue: &Venue| !["bitmex", "synthetic-c"].contains(&venue.exchange.as_str());
        for minute in &path.minutes {
            let prices = path.venues.iter().zip(&minute.prices);
            let honest: Vec<_> =
                prices.filter(|(venue, _)| honest(venue)).filter_map(|(_, price)| *price).collect();
            let median = minute.median().unwrap();
            assert!(
                honest.iter().min().unwrap() <= &median && &median <= honest.iter().max().unwrap()
            );
        }
    }

    #[test]
    fn volatility_passes_through_its_points_in_time_order() {
        let path = march_2020().volatility;
        for anchor in vol_anchors() {
            assert!(path.contains(&anchor));
        }
        assert!(path.windows(2).all(|pair| pair[0].time < pair[1].time));
        assert_eq!(path.iter().map(|point| point.vol).max(), Some(Vol::from_points(18_400)));
    }

    #[test]
    fn every_time_of_the_scenario_is_a_time() {
        let scenario = march_2020();
        let (from, to) = scenario.span().unwrap();
        assert!(scenario.events.iter().all(|event| from <= event.time && event.time <= to));
        assert!(scenario.events.windows(2).all(|pair| pair[0].time <= pair[1].time));
    }
}
