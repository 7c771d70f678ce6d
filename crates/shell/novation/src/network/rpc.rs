//! A client of a validator's JSON-RPC: one request at a time over a connection that is kept.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for a connection, and for an answer: longer than a validator lets a request wait.
const CONNECT_MAX: Duration = Duration::from_millis(500);
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// Longest line, and most lines, of an answer's head.
const LINE_BYTES_MAX: u64 = 8 << 10;
const LINES_MAX: usize = 64;

/// A client of one validator.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Calls a method. After an error the next call connects anew.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answered = self.exchange(request.to_string().as_bytes());
        if answered.is_err() {
            self.connection = None;
        }
        let bytes =
            answered.with_context(|| format!("{method} of the validator at {}", self.address))?;
        let answer: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("the validator at {} sent no JSON", self.address))?;
        match answer["error"]["message"].as_str() {
            Some(refused) => bail!("{refused}"),
            None => Ok(answer["result"].clone()),
        }
    }

    fn exchange(&mut self, body: &[u8]) -> Result<Vec<u8>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(self.address)?),
        };
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let stream = connection.get_mut();
        stream.write_all(&[head.as_bytes(), body].concat())?;
        stream.flush()?;
        let status = line(connection)?;
        if !status.starts_with("HTTP/1.1 200") {
            bail!("it answered '{status}'");
        }
        let mut length = None;
        for _ in 0..LINES_MAX {
            let header = line(connection)?;
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let length = length.filter(|length| *length <= ANSWER_BYTES_MAX);
        let mut bytes = vec![0; length.context("it gave no usable length")?];
        connection.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, CONNECT_MAX)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    Ok(BufReader::new(stream))
}

fn line(connection: &mut BufReader<TcpStream>) -> Result<String> {
    let mut text = String::new();
    if connection.take(LINE_BYTES_MAX).read_line(&mut text)? == 0 {
        bail!("it closed the connection");
    }
    Ok(text.trim_end().to_owned())
}
