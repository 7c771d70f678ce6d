//! Option chains: what an exchange quoted for every option of an underlying at one moment.
//!
//! The exchange quotes options in coin per coin. A premium in coin times the forward of its expiry is the dollar value
//! at expiry of that premium, which is what an undiscounted Black-76 price is compared with. Both forms are given.
//!
//! Left out: smoothing and repair. A crossed or one-sided quote is given as printed; [`Chain::faults`] counts them.

use units::{BlockSpan, BlockTime, Price, Quantity, Round};

use crate::csv::{Row, Table, columns};
use crate::decimal::{Excess, Fraction};
use crate::error::MarketError;
use crate::names::Underlying;
use crate::{Dataset, MarketError as Error};

/// The header of a chain file.
const COLUMNS: &str = "snapshot_utc,asset,kind,expiry_utc,strike,option_type,bid,ask,iv_bid,iv_ask,\
                       open_interest,volume_usd,src_blob";
const TAKEN: usize = 0;
const ASSET: usize = 1;
const KIND: usize = 2;
const EXPIRY: usize = 3;
const STRIKE: usize = 4;
const TYPE: usize = 5;
const BID: usize = 6;
const ASK: usize = 7;
const IV_BID: usize = 8;
const IV_ASK: usize = 9;
const OPEN_INTEREST: usize = 10;
const SOURCE: usize = 12;

/// Where a chain was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainSource {
    /// The exchange itself.
    Production,
    /// The exchange's test network: wide, stale and sometimes impossible quotes, fit for adversarial tests only.
    TestNetwork,
}

/// Dollar quotes of a future, or of the perpetual that stands for spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DollarQuote {
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
}

impl DollarQuote {
    /// Returns the price midway, floored to a micro-dollar.
    pub fn mid(&self) -> Price {
        Price::from_micros((self.bid.micros() + self.ask.micros()).div_euclid(2))
    }
}

/// A dated future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// When it expires.
    pub expires_at: BlockTime,
    /// Its quotes.
    pub quote: DollarQuote,
}

/// What an option pays for: a rise or a fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptionKind {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

/// One option with its quotes. A side that nobody quoted is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionQuote {
    /// When it expires.
    pub expires_at: BlockTime,
    /// The strike.
    pub strike: Price,
    /// Call or put.
    pub kind: OptionKind,
    /// Best bid, in coin per coin.
    pub bid_coin: Option<Quantity>,
    /// Best ask, in coin per coin.
    pub ask_coin: Option<Quantity>,
    /// Best bid in dollars at expiry: coin times the forward's middle, rounded down.
    pub bid: Option<Price>,
    /// Best ask in dollars at expiry: coin times the forward's middle, rounded up.
    pub ask: Option<Price>,
    /// Implied volatility of the bid, where the source states it.
    pub iv_bid: Option<Fraction>,
    /// Implied volatility of the ask, where the source states it.
    pub iv_ask: Option<Fraction>,
    /// Open interest, in coins.
    pub open_interest: Option<Quantity>,
}

impl OptionQuote {
    /// Whether the bid is above the ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        matches!((self.bid_coin, self.ask_coin), (Some(bid), Some(ask)) if bid > ask)
    }
}

/// What is wrong with the quotes of a chain, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChainFaults {
    /// Options with a bid above the ask.
    pub crossed: usize,
    /// Options quoted on one side only.
    pub one_sided: usize,
    /// Options quoted on neither side.
    pub unquoted: usize,
    /// Options whose expiry has no future, so that they have no dollar quotes.
    pub without_forward: usize,
}

/// All quotes of one underlying at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// When it was recorded.
    pub taken_at: BlockTime,
    /// The underlying.
    pub underlying: Underlying,
    /// Where it was recorded.
    pub source: ChainSource,
    /// Short name of the upstream object that it comes from.
    pub source_object: String,
    /// Spot, or the perpetual that the source uses for it.
    pub spot: DollarQuote,
    /// Futures by rising expiry.
    pub forwards: Vec<Forward>,
    /// Options by rising expiry, strike and kind.
    pub options: Vec<OptionQuote>,
}

impl Chain {
    /// Returns the future of an expiry.
    #[must_use]
    pub fn forward(&self, expires_at: BlockTime) -> Option<&Forward> {
        self.forwards.iter().find(|forward| forward.expires_at == expires_at)
    }

    /// Returns the expiries that have options, rising.
    #[must_use]
    pub fn expiries(&self) -> Vec<BlockTime> {
        let mut expiries: Vec<_> = self.options.iter().map(|option| option.expires_at).collect();
        expiries.dedup();
        expiries
    }

    /// Returns the options of an expiry, by rising strike and kind.
    pub fn options_of(&self, expires_at: BlockTime) -> impl Iterator<Item = &OptionQuote> {
        self.options.iter().filter(move |option| option.expires_at == expires_at)
    }

    /// Counts what is wrong with the quotes.
    #[must_use]
    pub fn faults(&self) -> ChainFaults {
        let mut faults = ChainFaults::default();
        for option in &self.options {
            let sides =
                usize::from(option.bid_coin.is_some()) + usize::from(option.ask_coin.is_some());
            faults.crossed += usize::from(option.is_crossed());
            faults.one_sided += usize::from(sides == 1);
            faults.unquoted += usize::from(sides == 0);
            faults.without_forward += usize::from(self.forward(option.expires_at).is_none());
        }
        faults
    }

    /// Orders the quotes and gives the options their dollar prices.
    fn finish(mut self) -> Result<Self, Error> {
        self.forwards.sort_by_key(|forward| forward.expires_at);
        self.options.sort_by_key(|option| (option.expires_at, option.strike, option.kind));
        let forwards = std::mem::take(&mut self.forwards);
        for option in &mut self.options {
            let forward = forwards.iter().find(|forward| forward.expires_at == option.expires_at);
            let Some(forward) = forward.map(|forward| forward.quote.mid()) else { continue };
            option.bid = dollars(option.bid_coin, forward, Round::Down)?;
            option.ask = dollars(option.ask_coin, forward, Round::Up)?;
        }
        self.forwards = forwards;
        Ok(self)
    }
}

/// Returns a premium in coin as dollars at expiry.
fn dollars(
    premium: Option<Quantity>,
    forward: Price,
    round: Round,
) -> Result<Option<Price>, Error> {
    let Some(premium) = premium else { return Ok(None) };
    let value = premium.value(forward, round).map_err(Error::arithmetic("premium x forward"))?;
    Price::from_micros(value.micros())
        .within_limit()
        .map(Some)
        .map_err(Error::arithmetic("premium x forward"))
}

impl Dataset {
    /// Returns the six recorded chains of the exchange, by time.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn chains(&self) -> Result<Vec<Chain>, MarketError> {
        let table = self.table("options/deribit_chains.csv.zst", columns(COLUMNS))?;
        read_chains(table, ChainSource::Production)
    }

    /// Returns the nine chains of the exchange's test network, by time: adversarial input, not quotes to believe.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn test_network_chains(&self) -> Result<Vec<Chain>, MarketError> {
        let file = "options/deribit_TESTNET_chains_202307.csv.zst";
        read_chains(self.table(file, columns(COLUMNS))?, ChainSource::TestNetwork)
    }
}

/// The header of the file of quotes in vols.
const VOL_COLUMNS: &str = "date_utc,asset,tenor,ttm_years,forward,strike,option_type,iv_bid,iv_ask";

/// An option that its source quotes in vols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolQuote {
    /// Time to expiry in words, as `2w`.
    pub tenor: String,
    /// Time to expiry, to the nearest millisecond below a billionth of a year.
    pub time: BlockSpan,
    /// The forward, to the nearest micro-dollar.
    pub forward: Price,
    /// The strike.
    pub strike: Price,
    /// Call or put.
    pub kind: OptionKind,
    /// Implied volatility of the bid.
    pub iv_bid: Fraction,
    /// Implied volatility of the ask.
    pub iv_ask: Fraction,
}

impl Dataset {
    /// Returns the bid and ask vols of one BTC chain, 21 October 2021, by tenor and strike.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn vol_quotes(&self) -> Result<Vec<VolQuote>, MarketError> {
        let file = "options/stochvolmodels_btc_20211021.csv.zst";
        let mut table = self.table(file, columns(VOL_COLUMNS))?;
        let mut quotes = Vec::new();
        while let Some(row) = table.next_row()? {
            let years = i128::from(row.fraction(3, Excess::Nearest)?.billionths());
            quotes.push(VolQuote {
                tenor: row.text(2).to_string(),
                time: BlockSpan::from_millis((years * YEAR_MILLIS).div_euclid(1_000_000_000)),
                forward: row.price(4, Excess::Nearest)?,
                strike: row.price(5, Excess::Refuse)?,
                kind: row.one_of(6, &[("C", OptionKind::Call), ("P", OptionKind::Put)])?,
                iv_bid: row.fraction(7, Excess::Nearest)?,
                iv_ask: row.fraction(8, Excess::Nearest)?,
            });
        }
        Ok(quotes)
    }
}

/// Milliseconds of a year of 365 days.
const YEAR_MILLIS: i128 = 31_536_000_000;

/// The rows of one chain while they are read.
#[derive(Debug)]
struct Gathering {
    taken_at: BlockTime,
    underlying: Underlying,
    source_object: String,
    spot: Option<DollarQuote>,
    forwards: Vec<Forward>,
    options: Vec<OptionQuote>,
}

impl Gathering {
    fn start(row: &Row<'_>) -> Result<Self, Error> {
        let underlying = Underlying::of_ticker(row.text(ASSET))
            .ok_or_else(|| row.malformed(ASSET, "is not a known underlying"))?;
        Ok(Self {
            taken_at: row.utc(TAKEN)?,
            underlying,
            source_object: row.text(SOURCE).to_string(),
            spot: None,
            forwards: Vec::new(),
            options: Vec::new(),
        })
    }

    fn take_in(&mut self, row: &Row<'_>) -> Result<(), Error> {
        #[derive(Clone, Copy)]
        enum Kind {
            Spot,
            Forward,
            Option,
        }
        let kinds = [
            ("spot", Kind::Spot),
            ("perpetual", Kind::Spot),
            ("forward", Kind::Forward),
            ("option", Kind::Option),
        ];
        match row.one_of(KIND, &kinds)? {
            Kind::Spot if self.spot.is_some() => {
                return Err(row.malformed(KIND, "comes a second time in one chain"));
            }
            Kind::Spot => self.spot = Some(dollar_quote(row)?),
            Kind::Forward => {
                let forward = Forward { expires_at: row.utc(EXPIRY)?, quote: dollar_quote(row)? };
                self.forwards.push(forward);
            }
            Kind::Option => self.options.push(option_quote(row)?),
        }
        Ok(())
    }

    fn finish(self, source: ChainSource, row: &Row<'_>) -> Result<Chain, Error> {
        let spot = self.spot.ok_or_else(|| row.malformed(TAKEN, "ends a chain without spot"))?;
        let Self { taken_at, underlying, source_object, forwards, options, .. } = self;
        Chain { taken_at, underlying, source, source_object, spot, forwards, options }.finish()
    }
}

fn dollar_quote(row: &Row<'_>) -> Result<DollarQuote, Error> {
    let (bid, ask) = (row.price(BID, Excess::Refuse)?, row.price(ASK, Excess::Refuse)?);
    if bid <= Price::ZERO {
        return Err(row.malformed(BID, "is not above zero"));
    }
    if ask < bid {
        return Err(row.malformed(ASK, "is below the bid of a future"));
    }
    Ok(DollarQuote { bid, ask })
}

fn option_quote(row: &Row<'_>) -> Result<OptionQuote, Error> {
    let coin = |column| {
        row.optional(column, |row| {
            let premium = row.quantity(column, Excess::Refuse)?;
            let negative = premium < Quantity::ZERO;
            if negative { Err(row.malformed(column, "is below zero")) } else { Ok(premium) }
        })
    };
    let iv = |column| row.optional(column, |row| row.fraction(column, Excess::Nearest));
    let open_interest = |row: &Row<'_>| row.quantity(OPEN_INTEREST, Excess::Nearest);
    Ok(OptionQuote {
        expires_at: row.utc(EXPIRY)?,
        strike: row.price(STRIKE, Excess::Refuse)?,
        kind: row.one_of(TYPE, &[("call", OptionKind::Call), ("put", OptionKind::Put)])?,
        bid_coin: coin(BID)?,
        ask_coin: coin(ASK)?,
        bid: None,
        ask: None,
        iv_bid: iv(IV_BID)?,
        iv_ask: iv(IV_ASK)?,
        open_interest: row.optional(OPEN_INTEREST, open_interest)?,
    })
}

fn read_chains(mut table: Table, source: ChainSource) -> Result<Vec<Chain>, Error> {
    let mut chains = Vec::new();
    let mut gathering: Option<(String, Gathering)> = None;
    while let Some(row) = table.next_row()? {
        // Rows of one chain follow each other and share moment, asset and upstream object.
        let key = format!("{} {} {}", row.text(TAKEN), row.text(ASSET), row.text(SOURCE));
        let mut current = match gathering.take() {
            Some((open, current)) if open == key => current,
            Some((_, complete)) => {
                chains.push(complete.finish(source, &row)?);
                Gathering::start(&row)?
            }
            None => Gathering::start(&row)?,
        };
        current.take_in(&row)?;
        gathering = Some((key, current));
    }
    if let Some((_, last)) = gathering {
        let spot = last.spot.ok_or_else(|| MarketError::Undecodable {
            file: table.file().to_string(),
            line: table.line(),
            reason: "the last chain has no spot".to_string(),
        })?;
        let Gathering { taken_at, underlying, source_object, forwards, options, .. } = last;
        let chain = Chain { taken_at, underlying, source, source_object, spot, forwards, options };
        chains.push(chain.finish()?);
    }
    Ok(chains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &str) -> Result<Vec<Chain>, MarketError> {
        let text = format!("{COLUMNS}\n{rows}\n");
        let table = Table::open("chain.csv", text.into_bytes(), columns(COLUMNS))?;
        read_chains(table, ChainSource::Production)
    }

    const SPOT: &str =
        "2026-04-27T08:54:57.694519Z,BTC,spot,,,,77775.5,77776,,,987675860,434177180,aa";
    const FORWARD: &str =
        "2026-04-27T08:54:57.694519Z,BTC,forward,2026-04-28T08:00:00Z,,,77780.01,77785.02,,,1,1,aa";

    #[test]
    fn options_get_dollar_prices_from_the_forward_of_their_expiry() {
        let put = "2026-04-27T08:54:57.694519Z,BTC,option,2026-04-28T08:00:00Z,73000.0,put,0.0001,0.0003,\
                   0.5375622,0.5919214,112.9,1727.33,aa";
        let chains = read(&format!("{SPOT}\n{put}\n{FORWARD}")).unwrap();
        let option = chains[0].options[0];
        assert_eq!(option.kind, OptionKind::Put);
        assert_eq!(option.bid_coin, Some(Quantity::from_nanos(100_000)));
        // 0.0001 x 77,782.515 = 7.7782515 and 0.0003 x 77,782.515 = 23.3347545.
        assert_eq!(option.bid, Some(Price::from_micros(7_778_251)));
        assert_eq!(option.ask, Some(Price::from_micros(23_334_755)));
        assert_eq!(option.iv_bid, Some(Fraction::from_billionths(537_562_200)));
        assert_eq!(chains[0].faults(), ChainFaults::default());
    }

    #[test]
    fn impossible_quotes_are_given_as_printed_and_counted() {
        let option = |strike, quotes| {
            format!(
                "2026-04-27T08:54:57.694519Z,BTC,option,2026-04-28T08:00:00Z,{strike},call,{quotes},,,,0.0,aa"
            )
        };
        let rows = [
            SPOT.to_string(),
            FORWARD.to_string(),
            option(1, "0.2,0.1"),
            option(2, ",0.1"),
            option(3, ","),
            option(4, "0.1,0.1").replace("2026-04-28", "2026-04-29"),
        ];
        let chains = read(&rows.join("\n")).unwrap();
        let expected = ChainFaults { crossed: 1, one_sided: 1, unquoted: 1, without_forward: 1 };
        assert_eq!(chains[0].faults(), expected);
        assert_eq!(chains[0].options[3].bid, None);
    }

    #[test]
    fn malformed_chains_are_named() {
        let no_spot = read(FORWARD).unwrap_err().to_string();
        assert!(no_spot.contains("no spot"), "{no_spot}");
        let twice = read(&format!("{SPOT}\n{SPOT}")).unwrap_err().to_string();
        assert!(twice.contains("line 3, column kind"), "{twice}");
        let crossed = read(&SPOT.replace("77776", "77770")).unwrap_err().to_string();
        assert!(crossed.contains("column ask: '77770' is below the bid of a future"), "{crossed}");
        let unknown = read(&SPOT.replace("BTC", "DOGE")).unwrap_err().to_string();
        assert!(unknown.contains("'DOGE' is not a known underlying"), "{unknown}");
    }
}
