//! Rows back to the messages they were recorded from.

use units::{BlockTime, Price, Quantity};

use super::{FlowMarket, UpdateId};
use crate::csv::{Row, Table, columns};
use crate::decimal::Excess;
use crate::error::MarketError;
use crate::names::BookSide;
use crate::{Dataset, MarketError as Error};

/// The header of an order flow file.
const COLUMNS: &str = "recv_ns,event_ms,txn_ms,kind,first_id,last_id,prev_id,side,price,qty";
const RECEIVED: usize = 0;
const EVENT: usize = 1;
const KIND: usize = 3;
const FIRST: usize = 4;
const LAST: usize = 5;
const PREVIOUS: usize = 6;
const SIDE: usize = 7;
const PRICE: usize = 8;
const SIZE: usize = 9;

/// A price level of an order book; size zero removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The side.
    pub side: BookSide,
    /// The price.
    pub price: Price,
    /// The size resting there, in the market's size unit.
    pub quantity: Quantity,
}

/// One recorded message. `time` is the recorder's clock, floored to a millisecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowMessage {
    /// The whole book, to a depth of 1,000 levels a side.
    Snapshot {
        /// When it was recorded.
        time: BlockTime,
        /// The last update that it contains.
        id: UpdateId,
        /// Its levels.
        levels: Vec<Level>,
    },
    /// Levels that changed.
    Difference {
        /// When it was recorded.
        time: BlockTime,
        /// When the exchange sent it, by its own clock.
        event: Option<BlockTime>,
        /// The first update that it contains.
        first: UpdateId,
        /// The last update that it contains.
        last: UpdateId,
        /// The last update of the message before it, where the market says so.
        previous: Option<UpdateId>,
        /// The levels, with their new sizes.
        levels: Vec<Level>,
    },
    /// The best level of either side.
    Best {
        /// When it was recorded.
        time: BlockTime,
        /// The update that it shows.
        id: UpdateId,
        /// The levels: best bid and best ask.
        levels: Vec<Level>,
    },
    /// A trade.
    Trade {
        /// When it was recorded.
        time: BlockTime,
        /// The number of the trade.
        id: UpdateId,
        /// The side of whoever took: a bid takes asks.
        aggressor: BookSide,
        /// The price.
        price: Price,
        /// The size.
        quantity: Quantity,
    },
}

impl FlowMessage {
    /// Returns when the message was recorded.
    pub const fn time(&self) -> BlockTime {
        match self {
            Self::Snapshot { time, .. }
            | Self::Difference { time, .. }
            | Self::Best { time, .. }
            | Self::Trade { time, .. } => *time,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Snapshot,
    Difference,
    Best,
    Trade,
}

/// One row; consecutive rows of one message differ only in side, price and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FlowRow {
    time: BlockTime,
    event: Option<BlockTime>,
    kind: Kind,
    first: UpdateId,
    last: UpdateId,
    previous: Option<UpdateId>,
    level: Level,
}

impl FlowRow {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let kind = row.one_of(
            KIND,
            &[
                ("D", Kind::Difference),
                ("B", Kind::Best),
                ("T", Kind::Trade),
                ("S", Kind::Snapshot),
            ],
        )?;
        let sides = [("b", BookSide::Bid), ("a", BookSide::Ask)];
        let aggressors = [("buy", BookSide::Bid), ("sell", BookSide::Ask)];
        let side = row.one_of(SIDE, if kind == Kind::Trade { &aggressors } else { &sides })?;
        let level = Level {
            side,
            price: row.price(PRICE, Excess::Refuse)?,
            quantity: row.quantity(SIZE, Excess::Refuse)?,
        };
        if level.quantity < Quantity::ZERO {
            return Err(row.malformed(SIZE, "is below zero"));
        }
        let millis = |column| {
            let time = BlockTime::from_millis(i128::from(row.integer(column)?));
            time.within_limit()
                .map_err(|_| row.malformed(column, "is outside the limits of a time"))
        };
        Ok(Self {
            time: BlockTime::from_millis(i128::from(row.integer(RECEIVED)? / 1_000_000)),
            event: row.optional(EVENT, |_| millis(EVENT))?,
            kind,
            first: UpdateId(row.integer(FIRST)?),
            last: UpdateId(row.integer(LAST)?),
            previous: row.optional(PREVIOUS, |row| row.integer(PREVIOUS).map(UpdateId))?,
            level,
        })
    }

    /// Whether both rows come from one message. Trades are one row each.
    fn same_message(&self, other: &Self) -> bool {
        let ids = |row: &Self| (row.kind, row.first, row.last, row.previous);
        self.kind != Kind::Trade && self.time == other.time && ids(self) == ids(other)
    }

    /// Returns the message of this row and its other rows' levels.
    fn message(self, levels: Vec<Level>) -> FlowMessage {
        let (time, id) = (self.time, self.last);
        match self.kind {
            Kind::Snapshot => FlowMessage::Snapshot { time, id, levels },
            Kind::Best => FlowMessage::Best { time, id, levels },
            Kind::Trade => FlowMessage::Trade {
                time,
                id,
                aggressor: self.level.side,
                price: self.level.price,
                quantity: self.level.quantity,
            },
            Kind::Difference => FlowMessage::Difference {
                time,
                event: self.event,
                first: self.first,
                last: self.last,
                previous: self.previous,
                levels,
            },
        }
    }
}

/// The messages of a market, in recorded order.
#[derive(Debug)]
pub struct FlowReader {
    market: FlowMarket,
    table: Table,
    /// The first row of the next message.
    ahead: Option<FlowRow>,
}

impl Dataset {
    /// Returns the recorded messages of a market.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest; each message may fail in turn.
    pub fn order_flow(&self, market: FlowMarket) -> Result<FlowReader, MarketError> {
        FlowReader::new(market, self.table(market.file(), columns(COLUMNS))?)
    }
}

impl FlowReader {
    pub(super) fn new(market: FlowMarket, mut table: Table) -> Result<Self, MarketError> {
        let ahead = next_flow_row(&mut table)?;
        Ok(Self { market, table, ahead })
    }

    /// Returns the market.
    #[must_use]
    pub const fn market(&self) -> FlowMarket {
        self.market
    }

    /// Returns the error of messages that do not fit together, with the place reached in the file.
    pub(super) fn broken(&self, fault: super::FlowFault) -> MarketError {
        let (file, line) = (self.table.file().to_string(), self.table.line());
        MarketError::BrokenFlow { file, line, fault }
    }

    fn next_message(&mut self) -> Result<Option<FlowMessage>, MarketError> {
        let Some(first) = self.ahead.take() else { return Ok(None) };
        let mut levels = vec![first.level];
        while let Some(row) = next_flow_row(&mut self.table)? {
            if !first.same_message(&row) {
                self.ahead = Some(row);
                break;
            }
            levels.push(row.level);
        }
        Ok(Some(first.message(levels)))
    }
}

impl Iterator for FlowReader {
    type Item = Result<FlowMessage, MarketError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_message().transpose()
    }
}

fn next_flow_row(table: &mut Table) -> Result<Option<FlowRow>, MarketError> {
    table.next_row()?.map(|row| FlowRow::read(&row)).transpose()
}

/// Returns a reader over rows given as text, for tests of this module.
#[cfg(test)]
pub(super) fn sample(market: FlowMarket, rows: &str) -> Result<FlowReader, MarketError> {
    let text = format!("{COLUMNS}\n{}\n", rows.trim().replace(' ', ""));
    FlowReader::new(market, Table::open("sample.csv", text.into_bytes(), columns(COLUMNS))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_message_come_back_together() {
        let rows = "\
1000000000,,,S,10,10,,b,100.5,1
1000000000,,,S,10,10,,a,101,2
1001000000,900,,D,11,12,,b,100.5,0
1002000000,901,901,T,7,7,,buy,101,0.5
1002000000,901,901,T,7,7,,buy,101,0.5";
        let messages: Vec<_> =
            sample(FlowMarket::SpotBtc, rows).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(messages.len(), 4);
        assert!(matches!(&messages[0], FlowMessage::Snapshot { levels, .. } if levels.len() == 2));
        assert!(matches!(
            &messages[1],
            FlowMessage::Difference { first: UpdateId(11), last: UpdateId(12), levels, .. }
                if levels[0].quantity == Quantity::ZERO
        ));
        assert!(matches!(messages[3], FlowMessage::Trade { aggressor: BookSide::Bid, .. }));
    }

    #[test]
    fn malformed_rows_are_named() {
        for (row, says) in [
            ("x,,,S,10,10,,b,1,1", "line 2, column recv_ns: 'x' is not a whole number"),
            ("1,,,Q,10,10,,b,1,1", "line 2, column kind: 'Q' is none of D, B, T, S"),
            ("1,,,T,10,10,,b,1,1", "line 2, column side: 'b' is none of buy, sell"),
            ("1,,,S,10,10,,b,1,-1", "line 2, column qty: '-1' is below zero"),
            (
                "1,,,S,10,10,,b,1.0000001,1",
                "line 2, column price: '1.0000001' is finer than its unit",
            ),
            ("1,,,S,10,-1,,b,1,1", "line 2, column last_id: '-1' is not a whole number"),
            (
                "1,999999999999999,,D,10,10,,b,1,1",
                "line 2, column event_ms: '999999999999999' is outside the limits of a time",
            ),
        ] {
            let error = sample(FlowMarket::SpotBtc, row).unwrap_err().to_string();
            assert_eq!(error, format!("sample.csv {says}"));
        }
    }
}
