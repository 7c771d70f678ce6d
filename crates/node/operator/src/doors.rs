//! The doors of a node: ports that are tried before anything else begins, and the operator's socket.
//!
//! **Invariant:** the socket can be opened by nobody but its owner, at no moment.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Why a door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Another program has the port.
    #[error(
        "{address}, where {what}, is in use by another program: end that, or choose another port"
    )]
    InUse {
        /// The address.
        address: SocketAddr,
        /// Who comes there, as `clients connect`.
        what: String,
    },
    /// The address is another machine's.
    #[error("{address}, where {what}, is no address of this machine: choose one that is")]
    Elsewhere {
        /// The address.
        address: SocketAddr,
        /// Who comes there.
        what: String,
    },
    /// The operating system refuses for another reason.
    #[error("cannot open {address}, where {what}")]
    Port {
        /// The address.
        address: SocketAddr,
        /// Who comes there.
        what: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operator's socket cannot be made.
    #[error("cannot make the operator's socket {}", path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Something else has the name of the operator's socket.
    #[error("{} exists and is no socket: choose another `feed`", .0.display())]
    NoSocket(PathBuf),
}

/// Opens a port, or says in words why not; who comes there is said as `clients connect`.
///
/// # Errors
///
/// [`DoorError`].
pub fn open_port(address: SocketAddr, what: &str) -> Result<TcpListener, DoorError> {
    let what = || what.to_owned();
    TcpListener::bind(address).map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => DoorError::InUse { address, what: what() },
        ErrorKind::AddrNotAvailable => DoorError::Elsewhere { address, what: what() },
        _ => DoorError::Port { address, what: what(), source },
    })
}

/// Makes the operator's socket, in place of one that an earlier run has left.
///
/// # Errors
///
/// [`DoorError`] if it cannot be made, or a file that is no socket has its name.
pub fn operator_socket(path: &Path) -> Result<UnixListener, DoorError> {
    let cannot = |source| DoorError::Socket { path: path.to_path_buf(), source };
    match fs::symlink_metadata(path) {
        Ok(held) if !held.file_type().is_socket() => {
            return Err(DoorError::NoSocket(path.to_path_buf()));
        }
        Ok(_) | Err(_) => {}
    }
    // It is made where nobody else may look, and moved once nobody else may open it.
    let hidden = path.with_extension("new");
    drop(fs::remove_dir_all(&hidden));
    DirBuilder::new().mode(0o700).create(&hidden).map_err(cannot)?;
    let made = hidden.join("s");
    let listener = UnixListener::bind(&made).map_err(cannot)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600)).map_err(cannot)?;
    fs::rename(&made, path).map_err(cannot)?;
    fs::remove_dir(&hidden).map_err(cannot)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_port_in_use_is_said_in_words() {
        let held = open_port("127.0.0.1:0".parse().unwrap(), "nobody asks").unwrap();
        let address = held.local_addr().unwrap();
        let said = open_port(address, "clients connect").unwrap_err().to_string();
        assert!(said.contains("where clients connect, is in use by another program"), "{said}");
        assert!(said.starts_with(&address.to_string()), "{said}");
        let said =
            open_port("192.0.2.1:9".parse().unwrap(), "clients connect").unwrap_err().to_string();
        assert!(said.contains("is no address of this machine"), "{said}");
    }

    #[test]
    fn the_operators_socket_is_its_owners_alone_and_replaces_an_old_one() {
        let dir = std::env::temp_dir().join(format!("door-{}", std::process::id()));
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("feed.sock");
        drop(operator_socket(&path).unwrap());
        let _listener = operator_socket(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        UnixStream::connect(&path).unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
        let file = dir.join("other");
        fs::write(&file, b"mine").unwrap();
        assert!(operator_socket(&file).unwrap_err().to_string().contains("is no socket"));
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        let deep = dir.join("x".repeat(120)).join("feed.sock");
        fs::create_dir_all(deep.parent().unwrap()).unwrap();
        let said = operator_socket(&deep).unwrap_err().to_string();
        assert!(said.contains("cannot make the operator's socket"), "{said}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
