//! Rows of a comma-separated file with a known header, each field named in whatever goes wrong with it.
//!
//! The files hold no quotes, so a quote is a malformed field. Left out: dialects.

use std::fmt;
use std::io::{BufRead, BufReader, Cursor};
use std::sync::Arc;

use ruzstd::decoding::StreamingDecoder;
use units::{BlockTime, Notional, Price, Quantity, utc};

use crate::decimal::{self, Excess, Fraction};
use crate::error::MarketError;

/// What all rows of one file share: its name and its columns.
#[derive(Debug)]
pub(crate) struct Heading {
    file: String,
    columns: Vec<String>,
}

/// A file being read row by row.
pub(crate) struct Table {
    heading: Arc<Heading>,
    lines: Box<dyn BufRead + Send>,
    buffer: String,
    /// Lines read so far; the header is line 1.
    line: u64,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("file", &self.heading.file).field("line", &self.line).finish()
    }
}

impl Table {
    /// Returns a table over the bytes of a file, decompressed as they are read where the name ends in `.zst`.
    pub(crate) fn open(
        file: &str,
        bytes: Vec<u8>,
        columns: Vec<String>,
    ) -> Result<Self, MarketError> {
        let lines: Box<dyn BufRead + Send> = if file.ends_with(".zst") {
            let decoder = StreamingDecoder::new(Cursor::new(bytes)).map_err(|error| {
                MarketError::Undecodable { file: file.into(), line: 0, reason: error.to_string() }
            })?;
            Box::new(BufReader::with_capacity(1 << 16, decoder))
        } else {
            Box::new(Cursor::new(bytes))
        };
        let heading = Arc::new(Heading { file: file.to_string(), columns });
        let mut table = Self { heading, lines, buffer: String::new(), line: 0 };
        let expected = table.heading.columns.join(",");
        table.read_line()?;
        if table.buffer != expected {
            let found = table.buffer.chars().take(400).collect();
            return Err(MarketError::WrongColumns { file: file.into(), found, expected });
        }
        Ok(table)
    }

    /// Returns the next row, or nothing at the end of the file.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row<'_>>, MarketError> {
        if !self.read_line()? {
            return Ok(None);
        }
        let expected = self.heading.columns.len();
        let found = self.buffer.split(',').count();
        if found != expected {
            let file = self.heading.file.clone();
            return Err(MarketError::WrongWidth { file, line: self.line, found, expected });
        }
        Ok(Some(Row::new(&self.heading, self.line, &self.buffer)))
    }

    /// Returns how many lines have been read.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Returns the name of the file.
    pub(crate) fn file(&self) -> &str {
        &self.heading.file
    }

    /// Reads a line into the buffer, without its end; false at the end of the file.
    fn read_line(&mut self) -> Result<bool, MarketError> {
        self.buffer.clear();
        let read = self.lines.read_line(&mut self.buffer).map_err(|error| {
            let file = self.heading.file.clone();
            MarketError::Undecodable { file, line: self.line, reason: error.to_string() }
        })?;
        self.line += 1;
        let end = self.buffer.trim_end_matches(['\n', '\r']).len();
        self.buffer.truncate(end);
        Ok(read > 0)
    }
}

/// One row: its fields by column number.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    heading: &'a Arc<Heading>,
    line: u64,
    fields: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn new(heading: &'a Arc<Heading>, line: u64, text: &'a str) -> Self {
        let mut fields = Vec::with_capacity(heading.columns.len());
        fields.extend(text.split(','));
        Self { heading, line, fields }
    }

    /// Returns the text of a field; empty if the file has no such column.
    pub(crate) fn text(&self, column: usize) -> &'a str {
        self.fields.get(column).copied().unwrap_or("")
    }

    /// Returns the error of a field that is not what its column holds.
    pub(crate) fn malformed(&self, column: usize, reason: &str) -> MarketError {
        MarketError::Malformed {
            file: self.heading.file.clone(),
            line: self.line,
            column: self.heading.columns.get(column).cloned().unwrap_or_default(),
            text: self.text(column).chars().take(64).collect(),
            reason: reason.to_string(),
        }
    }

    /// Returns the field read by `parse`, or the error that names it.
    fn field<T>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, MarketError> {
        parse(self.text(column)).map_err(|reason| self.malformed(column, &reason))
    }

    pub(crate) fn price(&self, column: usize, excess: Excess) -> Result<Price, MarketError> {
        self.field(column, |text| decimal::price(text, excess))
    }

    pub(crate) fn quantity(&self, column: usize, excess: Excess) -> Result<Quantity, MarketError> {
        self.field(column, |text| decimal::quantity(text, excess))
    }

    pub(crate) fn notional(&self, column: usize, excess: Excess) -> Result<Notional, MarketError> {
        self.field(column, |text| decimal::notional(text, excess))
    }

    pub(crate) fn fraction(&self, column: usize, excess: Excess) -> Result<Fraction, MarketError> {
        self.field(column, |text| decimal::fraction(text, excess))
    }

    /// Returns nothing for an empty field, else what `read` makes of it.
    pub(crate) fn optional<T>(
        &self,
        column: usize,
        read: impl FnOnce(&Self) -> Result<T, MarketError>,
    ) -> Result<Option<T>, MarketError> {
        if self.text(column).is_empty() { Ok(None) } else { read(self).map(Some) }
    }

    pub(crate) fn utc(&self, column: usize) -> Result<BlockTime, MarketError> {
        self.field(column, |text| utc(text).ok_or_else(|| "is not a UTC time".to_string()))
    }

    pub(crate) fn integer(&self, column: usize) -> Result<u64, MarketError> {
        self.field(column, |text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let value = if digits { text.parse().ok() } else { None };
            value.ok_or_else(|| "is not a whole number".to_string())
        })
    }

    /// Returns the value that a field names, out of those it may name.
    pub(crate) fn one_of<T: Copy>(
        &self,
        column: usize,
        names: &[(&str, T)],
    ) -> Result<T, MarketError> {
        self.field(column, |text| {
            let found = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
            let known = || names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            found.ok_or_else(|| format!("is none of {}", known()))
        })
    }
}

/// Returns owned column names.
pub(crate) fn columns(names: &str) -> Vec<String> {
    names.split(',').map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table, MarketError> {
        Table::open("sample.csv", text.as_bytes().to_vec(), columns("time_utc,price"))
    }

    #[test]
    fn fields_are_read_by_column() {
        let mut table = table("time_utc,price\n1970-01-01T00:00:01Z,2.5\n").unwrap();
        let row = table.next_row().unwrap().unwrap();
        assert_eq!(row.utc(0).unwrap(), BlockTime::from_millis(1_000));
        assert_eq!(row.price(1, Excess::Refuse).unwrap(), Price::from_micros(2_500_000));
        assert!(table.next_row().unwrap().is_none());
    }

    #[test]
    fn an_error_names_file_line_and_column() {
        let mut table = table("time_utc,price\n1970-01-01T00:00:01Z,1\nnoon,\"2\"\n").unwrap();
        table.next_row().unwrap();
        let row = table.next_row().unwrap().unwrap();
        assert_eq!(
            row.utc(0).unwrap_err().to_string(),
            "sample.csv line 3, column time_utc: 'noon' is not a UTC time"
        );
        assert_eq!(
            row.price(1, Excess::Refuse).unwrap_err().to_string(),
            "sample.csv line 3, column price: '\"2\"' is not a decimal number"
        );
    }

    #[test]
    fn rows_and_headers_of_another_shape_are_refused() {
        assert!(matches!(table("time,price\n"), Err(MarketError::WrongColumns { .. })));
        assert!(matches!(table(""), Err(MarketError::WrongColumns { .. })));
        for (row, fields) in [("1,2,3", 3), ("1", 1)] {
            let mut table = table(&format!("time_utc,price\n{row}\n")).unwrap();
            let error = table.next_row().unwrap_err().to_string();
            assert_eq!(error, format!("sample.csv line 2: {fields} fields under 2 columns"));
        }
    }

    #[test]
    fn a_stream_cut_short_is_reported_with_the_lines_before_the_cut() {
        let text = format!("time_utc,price\n{}", "1970-01-01T00:00:01Z,2.5\n".repeat(50_000));
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let mut bytes = ruzstd::encoding::compress_to_vec(text.as_bytes(), level);
        bytes.truncate(bytes.len() - 5);
        let mut table = Table::open("x.zst", bytes, columns("time_utc,price")).unwrap();
        let error = loop {
            match table.next_row() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the cut went unseen"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, MarketError::Undecodable { line: 1.., .. }), "{error}");
    }
}
