//! Six recorded option chains: the vol of every option is recovered from its quotes and prices it within half the
//! spread.
//!
//! A quote is in coin; times the middle of the future of its expiry it is dollars at expiry, which is what the kernel
//! prices. The test says so and passes where the data is absent.

use std::fmt;

use market::Dataset;
use market::chain::{Chain, OptionKind, OptionQuote};
use pricing::{
    Deviation, FineVol, Forward, Horizon, Strike, vol_implied_by_call, vol_implied_by_put,
};
use units::{Price, Round, Vol};

/// How many options the recording holds.
const OPTIONS: usize = 2_756;
/// How many vols the source states.
const STATED: usize = 2_164;
/// The chain whose vols the source takes from the futures that it prints.
const ON_PRINTED_FUTURES: &str = "35d4d68964cc";
/// How far all vols of that chain may be from the stated ones, in billionths.
const TOLERANCE: i128 = 100;
/// How far 95 % of the vols of the others may be, whose source takes forwards between the futures that it prints.
const TOLERANCE_BETWEEN: i128 = 10_000_000;

/// An option with what the kernel needs to price it.
struct Case {
    kind: OptionKind,
    forward: Forward,
    strike: Strike,
    horizon: Horizon,
    /// The least and the greatest price that the quotes leave open; half of their distance is half the spread.
    bid: i128,
    ask: i128,
}

impl Case {
    /// Returns the option with its quotes in dollars; nothing bid is a bid of nothing.
    fn new(chain: &Chain, option: &OptionQuote, ask: Price) -> Self {
        let future = chain.forward(option.expires_at).expect("an expiry with quotes has a future");
        let time = option.expires_at.since(chain.taken_at).expect("within limits");
        Self {
            kind: option.kind,
            forward: Forward::new(future.quote.mid()).expect("within limits"),
            strike: Strike::new(option.strike).expect("within limits"),
            horizon: Horizon::after(time).expect("a chain lists what has not expired"),
            bid: option.bid.map_or(0, Price::micros),
            ask: ask.micros(),
        }
    }

    fn intrinsic(&self) -> i128 {
        let gain = self.forward.price().micros() - self.strike.price().micros();
        if self.kind == OptionKind::Call { gain.max(0) } else { (-gain).max(0) }
    }

    fn implied(&self, price: i128) -> Option<FineVol> {
        let implied = match self.kind {
            OptionKind::Call => vol_implied_by_call,
            OptionKind::Put => vol_implied_by_put,
        };
        implied(Price::from_micros(price), self.forward, self.strike, self.horizon)
    }

    fn price(&self, vol: FineVol, round: Round) -> i128 {
        let value = match self.kind {
            OptionKind::Call => pricing::call,
            OptionKind::Put => pricing::put,
        };
        let deviation = Deviation::new(vol, self.horizon);
        value(self.forward, self.strike, deviation, round).micros()
    }

    /// Returns twice the distance from the middle of the quotes, to be held against the spread.
    fn off(&self, price: i128) -> i128 {
        (2 * price - self.bid - self.ask).abs()
    }

    fn spread(&self) -> i128 {
        self.ask - self.bid
    }
}

/// What the options of one chain, or of all, turned out to be.
#[derive(Default)]
struct Tally {
    options: usize,
    two_sided: usize,
    /// Nobody bids: the least price left open is zero, and the middle half the ask.
    ask_only: usize,
    /// The middle is worth no more than exercise at once: the vol is that of the least price above it.
    middle_below_intrinsic: usize,
    /// The multiple of 0.01 % next below the vol also prices within half the spread.
    at_points: usize,
    /// Distance from the middle over half the spread, in millionths; the greatest where the middle has a vol.
    worst: i128,
    /// The same where the vol is a multiple of 0.01 %.
    worst_at_points: i128,
    /// The same where the middle is below intrinsic value.
    worst_below_intrinsic: i128,
    /// The least and the greatest vol, in points.
    vols: Option<(i128, i128)>,
}

impl Tally {
    /// Recovers the vol of an option and holds its price against the quotes.
    fn take(&mut self, chain: &Chain, option: &OptionQuote) {
        self.options += 1;
        let name = format!("{} {option:?}", chain.underlying);
        let ask = match (option.bid, option.ask) {
            (Some(_), Some(ask)) => {
                self.two_sided += 1;
                ask
            }
            (None, Some(ask)) => {
                self.ask_only += 1;
                ask
            }
            _ => panic!("nobody asks: there is no spread to hold the price against: {name}"),
        };
        let case = Case::new(chain, option, ask);
        assert!(case.bid < case.ask, "{name}");
        let (middle, least) = ((case.bid + case.ask) / 2, case.intrinsic() + 1);
        let target = middle.max(least);
        let vol = case.implied(target).unwrap_or_else(|| panic!("no vol gives {target}: {name}"));
        let (down, up) = (case.price(vol, Round::Down), case.price(vol, Round::Up));
        // Both roundings: next to the target, and within half the spread of the middle.
        assert!(down <= target && target <= up && up - down <= 2, "{down} {target} {up}: {name}");
        let off = case.off(down).max(case.off(up));
        assert!(off <= case.spread(), "{down} to {up} of {} to {}: {name}", case.bid, case.ask);
        let ratio = off * 1_000_000 / case.spread();
        if target > middle {
            self.middle_below_intrinsic += 1;
            self.worst_below_intrinsic = self.worst_below_intrinsic.max(ratio);
        } else {
            self.worst = self.worst.max(ratio);
        }
        self.take_points(&case, vol, target);
    }

    /// Holds the vol in the unit that the house marks at against the quotes.
    fn take_points(&mut self, case: &Case, vol: FineVol, target: i128) {
        let price = |vol: Vol, round| {
            case.price(FineVol::from_vol(vol).expect("the next point is within limits"), round)
        };
        let (below, above) = (vol.vol(Round::Down), vol.vol(Round::Up));
        assert!(price(below, Round::Down) <= target && target <= price(above, Round::Up));
        let off = case.off(price(below, Round::Down));
        self.at_points += usize::from(off <= case.spread());
        if target * 2 <= case.bid + case.ask + 1 {
            self.worst_at_points = self.worst_at_points.max(off * 1_000_000 / case.spread());
        }
        let (low, high) = self.vols.unwrap_or((below.points(), above.points()));
        self.vols = Some((low.min(below.points()), high.max(above.points())));
    }

    fn add(&mut self, other: &Self) {
        self.options += other.options;
        self.two_sided += other.two_sided;
        self.ask_only += other.ask_only;
        self.middle_below_intrinsic += other.middle_below_intrinsic;
        self.at_points += other.at_points;
        self.worst = self.worst.max(other.worst);
        self.worst_at_points = self.worst_at_points.max(other.worst_at_points);
        self.worst_below_intrinsic = self.worst_below_intrinsic.max(other.worst_below_intrinsic);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} options: {} two-sided, {} with an ask only; all re-priced within half the spread, at worst {} ppm of \
             it; {} with a middle at or below intrinsic value, at worst {} ppm; at a vol of whole 0.01 % {} hold, at \
             worst {} ppm",
            self.options,
            self.two_sided,
            self.ask_only,
            self.worst,
            self.middle_below_intrinsic,
            self.worst_below_intrinsic,
            self.at_points,
            self.worst_at_points,
        )?;
        match self.vols {
            Some((low, high)) => write!(f, "; vols from {low} to {high} points"),
            None => Ok(()),
        }
    }
}

#[test]
fn every_recorded_option_is_repriced_within_half_its_spread() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let mut all = Tally::default();
    for chain in data.chains().unwrap() {
        let mut tally = Tally::default();
        for option in &chain.options {
            tally.take(&chain, option);
        }
        eprintln!("{} {}: {tally}", chain.underlying, chain.source_object);
        all.add(&tally);
    }
    eprintln!("{all}");
    assert_eq!((all.options, all.two_sided + all.ask_only), (OPTIONS, OPTIONS));
    // The house marks at whole points: those hold as well.
    assert_eq!(all.at_points, OPTIONS);
}

#[test]
fn recovered_vols_are_those_that_the_source_states() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let mut checked = 0;
    for chain in data.chains().unwrap() {
        let mut off = Vec::new();
        for option in &chain.options {
            let sides = [(option.bid, option.iv_bid), (option.ask, option.iv_ask)];
            for (price, iv) in sides.into_iter().filter_map(|(price, iv)| Some((price?, iv?))) {
                let case = Case::new(&chain, option, price);
                let vol = case.implied(price.micros()).expect("a stated vol is recovered");
                off.push((vol.trillionths() / 1_000 - i128::from(iv.billionths())).abs());
            }
        }
        off.sort_unstable();
        let Some(most) = off.last() else { continue };
        let part = off[off.len() * 95 / 100];
        eprintln!(
            "{} {}: {} vols stated, 95 % of ours within {part} billionths, all within {most}",
            chain.underlying,
            chain.source_object,
            off.len()
        );
        if chain.source_object == ON_PRINTED_FUTURES {
            assert!(*most <= TOLERANCE);
        } else {
            assert!(part <= TOLERANCE_BETWEEN);
        }
        checked += off.len();
    }
    assert_eq!(checked, STATED);
}
