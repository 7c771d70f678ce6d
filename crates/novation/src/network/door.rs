//! The doors of a node: ports that are tried before anything else begins, and the operator's socket.
//!
//! **Invariant:** the socket can be opened by nobody but its owner, at no moment.

use anyhow::{Context, Result, bail};
use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Opens a port, or says in words why not.
pub(crate) fn port(address: SocketAddr, what: &str) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address}, where {what}, is in use by another program: end that, or choose another port"
        ),
        ErrorKind::AddrNotAvailable => anyhow::anyhow!(
            "{address}, where {what}, is no address of this machine: choose one that is"
        ),
        _ => anyhow::Error::new(error).context(format!("cannot open {address}, where {what}")),
    })
}

/// Makes the operator's socket, in place of one that an earlier run has left.
pub(crate) fn socket(path: &Path) -> Result<UnixListener> {
    let cannot = || format!("cannot make the operator's socket {}", path.display());
    match fs::symlink_metadata(path) {
        Ok(held) if !held.file_type().is_socket() => {
            bail!("{} exists and is no socket: choose another `feed`", path.display())
        }
        Ok(_) | Err(_) => {}
    }
    // It is made where nobody else may look, and moved once nobody else may open it.
    let hidden = path.with_extension("new");
    drop(fs::remove_dir_all(&hidden));
    DirBuilder::new().mode(0o700).create(&hidden).with_context(cannot)?;
    let made = hidden.join("s");
    let listener = UnixListener::bind(&made).with_context(cannot)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600)).with_context(cannot)?;
    fs::rename(&made, path).with_context(cannot)?;
    fs::remove_dir(&hidden).with_context(cannot)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_port_in_use_is_said_in_words() {
        let held = port("127.0.0.1:0".parse().unwrap(), "nobody asks").unwrap();
        let address = held.local_addr().unwrap();
        let said = port(address, "clients connect").unwrap_err().to_string();
        assert!(said.contains("where clients connect, is in use by another program"), "{said}");
        assert!(said.starts_with(&address.to_string()), "{said}");
        let said = port("192.0.2.1:9".parse().unwrap(), "clients connect").unwrap_err().to_string();
        assert!(said.contains("is no address of this machine"), "{said}");
    }

    #[test]
    fn the_operators_socket_is_its_owners_alone_and_replaces_an_old_one() {
        let dir = std::env::temp_dir().join(format!("door-{}", std::process::id()));
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("feed.sock");
        drop(socket(&path).unwrap());
        let _listener = socket(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        UnixStream::connect(&path).unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
        let file = dir.join("other");
        fs::write(&file, b"mine").unwrap();
        assert!(socket(&file).unwrap_err().to_string().contains("is no socket"));
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        let deep = dir.join("x".repeat(120)).join("feed.sock");
        fs::create_dir_all(deep.parent().unwrap()).unwrap();
        let said = format!("{:#}", socket(&deep).unwrap_err());
        assert!(said.contains("cannot make the operator's socket"), "{said}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
