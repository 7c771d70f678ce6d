//! A client of a validator's JSON-RPC: one request at a time over a connection that is kept.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fmt;
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for a connection, and for an answer: longer than a validator lets a request wait.
const CONNECT_MAX: Duration = Duration::from_millis(500);
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// Longest line, and most lines, of an answer's head.
const LINE_BYTES_MAX: u64 = 8 << 10;
const LINES_MAX: usize = 64;
/// Most bytes that are shown of a refusal.
const WORDS_BYTES_MAX: usize = 512;

/// Where a validator answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Clients.
    Port(SocketAddr),
    /// Its operator.
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(address) => write!(f, "{address}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A connection of either kind.
trait Wire: Read + Write + fmt::Debug + Send {}

impl<T: Read + Write + fmt::Debug + Send> Wire for T {}

/// A client of one validator.
#[derive(Debug)]
pub(crate) struct Client {
    place: Place,
    connection: Option<BufReader<Box<dyn Wire>>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { place: Place::Port(address), connection: None }
    }

    /// Returns a client at the operator's socket of a validator on this machine.
    pub(crate) fn local(socket: &Path) -> Self {
        Self { place: Place::Socket(socket.to_path_buf()), connection: None }
    }

    /// Calls a method. After an error the next call connects anew.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = request.to_string();
        let was_open = self.connection.is_some();
        let mut answered = self.exchange(request.as_bytes());
        if answered.is_err() {
            self.connection = None;
        }
        // One that was kept may have been ended in the meantime, to make room for others.
        if was_open && answered.as_ref().is_err_and(is_end) {
            answered = self.exchange(request.as_bytes());
            if answered.is_err() {
                self.connection = None;
            }
        }
        let bytes =
            answered.with_context(|| format!("{method} of the validator at {}", self.place))?;
        let answer: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("the validator at {} sent no JSON", self.place))?;
        match answer["error"]["message"].as_str() {
            Some(refused) => bail!("{refused}"),
            None => Ok(answer["result"].clone()),
        }
    }

    fn exchange(&mut self, body: &[u8]) -> Result<Vec<u8>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(&self.place)?),
        };
        let host = match &self.place {
            Place::Port(address) => address.to_string(),
            Place::Socket(_) => "localhost".to_owned(),
        };
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let stream = connection.get_mut();
        stream.write_all(&[head.as_bytes(), body].concat())?;
        stream.flush()?;
        let status = line(connection)?;
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
        if !status.starts_with("HTTP/1.1 200") {
            let mut words = vec![0; length.unwrap_or(0).min(WORDS_BYTES_MAX)];
            connection.read_exact(&mut words)?;
            bail!("it answered '{status}': {}", String::from_utf8_lossy(&words).trim_end());
        }
        let mut bytes = vec![0; length.context("it gave no usable length")?];
        connection.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn is_end(error: &anyhow::Error) -> bool {
    let kinds = [
        ErrorKind::BrokenPipe,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::UnexpectedEof,
    ];
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    kind.is_some_and(|kind| kinds.contains(&kind))
}

fn connect(place: &Place) -> Result<BufReader<Box<dyn Wire>>> {
    let wire: Box<dyn Wire> = match place {
        Place::Port(address) => {
            let stream = TcpStream::connect_timeout(address, CONNECT_MAX)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            stream.set_write_timeout(Some(ANSWER_MAX))?;
            Box::new(stream)
        }
        Place::Socket(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            stream.set_write_timeout(Some(ANSWER_MAX))?;
            Box::new(stream)
        }
    };
    Ok(BufReader::new(wire))
}

fn line(connection: &mut BufReader<Box<dyn Wire>>) -> Result<String> {
    let mut text = String::new();
    if connection.take(LINE_BYTES_MAX).read_line(&mut text)? == 0 {
        let ended = "it closed the connection";
        return Err(std::io::Error::new(ErrorKind::UnexpectedEof, ended).into());
    }
    Ok(text.trim_end().to_owned())
}
