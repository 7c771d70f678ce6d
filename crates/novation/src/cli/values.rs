//! Values of the command line: what a text must be to be one.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use operator::Level;
use protocol::{AccountId, Address, Hash};
use records::Kind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use units::BlockTime;

/// Reads the address of an owner.
pub(crate) fn owner(text: &str) -> Result<Address, String> {
    let account: Result<AccountId, _> = text.parse();
    let owner = account.ok().filter(|_| !text.contains('/')).map(|account| account.owner);
    owner.ok_or_else(|| format!("'{text}' is no address: 0x and forty hex digits"))
}

/// Reads a seed.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "a seed is a whole number from 0 to 2^64 - 1".into())
}

/// Reads a directory that exists or can be made.
pub(crate) fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if text.is_empty() {
        return Err("the name of the directory is empty".into());
    }
    match path.ancestors().find(|above| above.exists() && *above != Path::new("")) {
        Some(above) if !above.is_dir() => {
            Err(format!("{} is a file: name a directory", above.display()))
        }
        _ => Ok(path),
    }
}

/// Reads a moment.
pub(crate) fn time(text: &str) -> Result<BlockTime, String> {
    let time = units::utc(text).filter(|time| *time >= BlockTime::ZERO);
    time.ok_or_else(|| format!("'{text}' is no time: UTC, as 2028-03-31T08:00:00Z"))
}

/// Reads where a node answers: an address with a port, with `http://` before it or not.
pub(crate) fn node_address(text: &str) -> Result<std::net::SocketAddr, String> {
    let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    bare.parse().map_err(|_| "name a node as http://127.0.0.1:26700".into())
}

/// Reads the address of a machine: a seat carries one, and no name that may lead elsewhere tomorrow.
pub(crate) fn host(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        "no IP address: a seat carries the address itself, without a name or a port; \
         write what the name resolves to, such as 203.0.113.7 or 2001:db8::7"
            .into()
    })
}

/// Reads an address and port that others can connect to.
pub(crate) fn reachable(text: &str) -> Result<std::net::SocketAddr, String> {
    match text.parse::<std::net::SocketAddr>() {
        Ok(at) if at.ip().is_unspecified() || at.ip().is_multicast() || at.port() == 0 => {
            Err("nobody can connect to it: name the address and port that others reach".into())
        }
        Ok(at) => Ok(at),
        Err(_) => Err("an address and a port, such as 203.0.113.7:26650".into()),
    }
}

/// Reads a kind of what can be proved.
pub(crate) fn kinds() -> impl TypedValueParser<Value = Kind> {
    let named = Kind::ALL.map(|kind| PossibleValue::new(kind.word()).help(kind.about()));
    PossibleValuesParser::new(named).try_map(|word| word.parse::<Kind>())
}

/// Reads how much is said.
pub(crate) fn levels() -> impl TypedValueParser<Value = Level> {
    let named = Level::ALL.map(|level| PossibleValue::new(level.word()).help(level.about()));
    PossibleValuesParser::new(named).try_map(|word| word.parse::<Level>())
}

/// Reads a state root.
pub(crate) fn root(text: &str) -> Result<Hash, String> {
    thirty_two(text, "a state root")
}

/// Reads a validator's public key.
pub(crate) fn public_key(text: &str) -> Result<Hash, String> {
    thirty_two(text, "a public key")
}

fn thirty_two(text: &str, what: &str) -> Result<Hash, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let refuse = || format!("{what} is 0x and 64 hexadecimal digits");
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refuse());
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| refuse())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| refuse())?;
    }
    Ok(Hash::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_reads_back_from_its_text() {
        let hash = Hash::of("test", b"x");
        assert_eq!(root(&hash.to_string()), Ok(hash));
        assert!(root("0x12").is_err() && root(&"g".repeat(64)).is_err());
    }

    #[test]
    fn a_seed_is_decimal_or_hexadecimal() {
        assert_eq!((seed("16"), seed("0x10")), (Ok(16), Ok(16)));
        assert!(seed("-1").is_err() && seed("1.5").is_err() && seed("").is_err());
    }
}
