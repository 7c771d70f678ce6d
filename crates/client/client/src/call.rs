//! A client of a validator's JSON-RPC: one request at a time over a connection that is kept.

use serde_json::{Value, json};
use std::fmt;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write};
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

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The validator cannot be reached, or what came is no answer.
    #[error("{method} of the validator at {place}")]
    NoAnswer {
        /// What was called.
        method: String,
        /// Where.
        place: String,
        /// Why.
        source: ExchangeError,
    },
    /// The answer is no JSON.
    #[error("the validator at {place} sent no JSON")]
    NoJson {
        /// Where.
        place: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The validator refuses, in its words.
    #[error("{0}")]
    Refused(String),
}

/// Why a request over HTTP has no body for an answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The connection.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// A status other than 200.
    #[error("it answered '{status}': {words}")]
    Status {
        /// The first line of the answer.
        status: String,
        /// The beginning of its body.
        words: String,
    },
    /// No length, or one beyond every bound.
    #[error("it gave no usable length")]
    NoLength,
}

impl ExchangeError {
    /// Returns whether the other side ended the connection.
    fn is_end(&self) -> bool {
        let ends = [
            ErrorKind::BrokenPipe,
            ErrorKind::ConnectionReset,
            ErrorKind::ConnectionAborted,
            ErrorKind::UnexpectedEof,
        ];
        matches!(self, Self::Connection(error) if ends.contains(&error.kind()))
    }
}

/// A connection of either kind.
trait Wire: Read + Write + fmt::Debug + Send {}

impl<T: Read + Write + fmt::Debug + Send> Wire for T {}

/// A client of one validator, which believes whatever it says: [`crate::Peer`] and [`crate::Asked`] check.
#[derive(Debug)]
pub struct Client {
    place: Place,
    connection: Option<BufReader<Box<dyn Wire>>>,
}

impl Client {
    /// Returns a client at the port for clients. Nothing is connected before the first call.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { place: Place::Port(address), connection: None }
    }

    /// Returns a client at the operator's socket of a validator on this machine.
    #[must_use]
    pub fn local(socket: &Path) -> Self {
        Self { place: Place::Socket(socket.to_path_buf()), connection: None }
    }

    /// Calls a method and returns its result. After an error the next call connects anew.
    ///
    /// Waits 15 s for an answer of at most 128 MiB.
    ///
    /// # Errors
    ///
    /// [`CallError`] if there is no answer, or a refusal.
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Value, CallError> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = request.to_string();
        let was_open = self.connection.is_some();
        let mut answered = self.exchange(request.as_bytes());
        if answered.is_err() {
            self.connection = None;
        }
        // One that was kept may have been ended in the meantime, to make room for others.
        if was_open && answered.as_ref().is_err_and(ExchangeError::is_end) {
            answered = self.exchange(request.as_bytes());
            if answered.is_err() {
                self.connection = None;
            }
        }
        let place = || self.place.to_string();
        let bytes = answered.map_err(|source| CallError::NoAnswer {
            method: method.to_owned(),
            place: place(),
            source,
        })?;
        let answer: Value = serde_json::from_slice(&bytes)
            .map_err(|source| CallError::NoJson { place: place(), source })?;
        match answer["error"]["message"].as_str() {
            Some(refused) => Err(CallError::Refused(refused.to_owned())),
            None => Ok(answer["result"].clone()),
        }
    }

    fn exchange(&mut self, body: &[u8]) -> Result<Vec<u8>, ExchangeError> {
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
            let words = String::from_utf8_lossy(&words).trim_end().to_owned();
            return Err(ExchangeError::Status { status, words });
        }
        let mut bytes = vec![0; length.ok_or(ExchangeError::NoLength)?];
        connection.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn connect(place: &Place) -> io::Result<BufReader<Box<dyn Wire>>> {
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

fn line(connection: &mut BufReader<Box<dyn Wire>>) -> io::Result<String> {
    let mut text = String::new();
    if connection.take(LINE_BYTES_MAX).read_line(&mut text)? == 0 {
        let ended = "it closed the connection";
        return Err(io::Error::new(ErrorKind::UnexpectedEof, ended));
    }
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers one connection after another: each with its answers, one to a request, and then an end.
    fn server(connections: Vec<Vec<&'static str>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for answers in connections {
                let (stream, _) = listener.accept().unwrap();
                let mut stream = BufReader::new(stream);
                for answer in answers {
                    let mut length = 0;
                    loop {
                        let mut header = String::new();
                        stream.read_line(&mut header).unwrap();
                        if let Some(bytes) = header.strip_prefix("content-length: ") {
                            length = bytes.trim().parse().unwrap();
                        }
                        if header.trim().is_empty() {
                            break;
                        }
                    }
                    stream.read_exact(&mut vec![0; length]).unwrap();
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        address
    }

    const DONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"result\": 7}";

    #[test]
    fn a_connection_that_was_ended_meanwhile_is_made_anew_without_a_word() {
        let mut client = Client::new(server(vec![vec![DONE], vec![DONE, DONE]]));
        for _ in 0..3 {
            assert_eq!(client.call("status", &json!({})).unwrap(), json!(7));
        }
    }

    #[test]
    fn what_is_no_answer_is_told_with_its_method_and_place() {
        let busy = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 5\r\n\r\nlater";
        let endless = "HTTP/1.1 200 OK\r\ncontent-length: 134217729\r\n\r\n";
        let refused =
            "HTTP/1.1 200 OK\r\ncontent-length: 29\r\n\r\n{\"error\": {\"message\": \"no\"}} ";
        let address = server(vec![vec![busy], vec![endless], vec![refused]]);
        let mut client = Client::new(address);
        let mut failed = || {
            let error = client.call("fill", &json!({})).unwrap_err();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            (error.to_string(), cause.unwrap_or_default())
        };
        let place = format!("fill of the validator at {address}");
        let said = "it answered 'HTTP/1.1 429 Too Many Requests': later";
        assert_eq!(failed(), (place.clone(), said.into()));
        assert_eq!(failed(), (place, "it gave no usable length".into()));
        assert_eq!(failed(), ("no".into(), String::new()));
    }
}
