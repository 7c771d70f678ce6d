//! Secrets in files that only their owner can read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Why a secret cannot be read, written or made.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file could not be read or written.
    #[error("cannot use the key file {path}: {source}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others than its owner may read it.
    #[error("the key file {path} can be read by others (mode {mode:o}): chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Not a key.
    #[error("{0} is not a key file: 64 hexadecimal digits")]
    Malformed(PathBuf),
    /// The system has no randomness.
    #[error("the operating system gave no random bytes: {0}")]
    NoRandomness(io::Error),
}

/// Returns thirty-two bytes from the operating system's randomness.
///
/// # Errors
///
/// [`SecretError::NoRandomness`] if there is none.
pub fn random_secret() -> Result<[u8; 32], SecretError> {
    let mut secret = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut secret))
        .map_err(SecretError::NoRandomness)?;
    Ok(secret)
}

/// Writes a secret to a new file that only its owner can read.
///
/// # Errors
///
/// [`SecretError::Disk`], also if the file exists: a key is never overwritten.
pub fn write_secret(path: &Path, secret: &[u8; 32]) -> Result<(), SecretError> {
    let disk = |source| SecretError::Disk { path: path.to_path_buf(), source };
    let mut text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    text.push('\n');
    durable::create_secret(path, text.as_bytes()).map_err(disk)
}

/// Reads the secret of a file.
///
/// # Errors
///
/// [`SecretError::Exposed`] if others may read it, too; [`SecretError::Malformed`] if it is none.
pub fn read_secret(path: &Path) -> Result<[u8; 32], SecretError> {
    let disk = |source| SecretError::Disk { path: path.to_path_buf(), source };
    let mode = fs::metadata(path).map_err(disk)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Exposed { path: path.to_path_buf(), mode });
    }
    let malformed = || SecretError::Malformed(path.to_path_buf());
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(128).read_to_string(&mut text)).map_err(disk)?;
    let digits = text.trim_end();
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(malformed());
    }
    let mut secret = [0; 32];
    for (byte, pair) in secret.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| malformed())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
    }
    Ok(secret)
}
