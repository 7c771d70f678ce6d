//! Validator keys: an Ed25519 key in a file that only its owner can read.

use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::{Signer as _, ed25519};
use protocol::Hash;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A validator's private key. It is never printed.
#[derive(Clone)]
pub struct ValidatorKey(pub(crate) ed25519::PrivateKey);

impl fmt::Debug for ValidatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValidatorKey({})", Hash::new(self.public()))
    }
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
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

impl ValidatorKey {
    /// Returns the key of thirty-two secret bytes.
    ///
    /// # Errors
    ///
    /// Never for thirty-two bytes; the decoder's error is passed on.
    pub fn from_secret(secret: [u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519::PrivateKey::decode(Copying(&secret));
        key.map(Self).map_err(|_| KeyError::Malformed(PathBuf::new()))
    }

    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoRandomness`] if there is none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut secret = [0; 32];
        File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut secret))
            .map_err(KeyError::NoRandomness)?;
        Self::from_secret(secret)
    }

    /// Returns the public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        let key = self.0.public_key();
        let bytes: &[u8] = key.as_ref();
        bytes.try_into().unwrap_or([0; 32])
    }

    /// Writes the key to a new file that only its owner can read.
    ///
    /// # Errors
    ///
    /// [`KeyError::Disk`], also if the file exists: a key is never overwritten.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let disk = |source| KeyError::Disk { path: path.to_path_buf(), source };
        let mut text = String::with_capacity(65);
        for byte in self.0.encode().iter() {
            text.push_str(&format!("{byte:02x}"));
        }
        text.push('\n');
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(disk)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(disk)
    }

    /// Reads the key of a file.
    ///
    /// # Errors
    ///
    /// [`KeyError::Exposed`] if others may read it, too; [`KeyError::Malformed`] if it is no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let disk = |source| KeyError::Disk { path: path.to_path_buf(), source };
        let mode = fs::metadata(path).map_err(disk)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_path_buf(), mode });
        }
        let malformed = || KeyError::Malformed(path.to_path_buf());
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
        Self::from_secret(secret).map_err(|_| malformed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_is_not_overwritten_and_is_refused_once_others_can_read_it() {
        let dir = std::env::temp_dir().join(format!("keys-{}", std::process::id()));
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).expect("creatable");
        let path = dir.join("validator.key");
        let key = ValidatorKey::generate().expect("random");
        key.write(&path).expect("written");
        assert_eq!(ValidatorKey::read(&path).expect("readable").public(), key.public());
        assert!(matches!(key.write(&path), Err(KeyError::Disk { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(matches!(ValidatorKey::read(&path), Err(KeyError::Exposed { mode: 0o644, .. })));
        fs::remove_dir_all(&dir).expect("removable");
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = ValidatorKey::from_secret([0x5A; 32]).expect("a key");
        assert!(!format!("{key:?}").contains("5a5a"));
    }
}
