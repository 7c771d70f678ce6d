//! Validator keys: an Ed25519 key in a file that only its owner can read.

use access::{SecretError, random_secret, read_secret, write_secret};
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::{Signer as _, ed25519};
use protocol::Hash;
use std::fmt;
use std::path::{Path, PathBuf};

/// A validator's private key. It is never printed.
#[derive(Clone)]
pub struct ValidatorKey(pub(crate) ed25519::PrivateKey);

impl fmt::Debug for ValidatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValidatorKey({})", Hash::new(self.public()))
    }
}

impl ValidatorKey {
    /// Returns the key of thirty-two secret bytes.
    ///
    /// # Errors
    ///
    /// Never for thirty-two bytes; the decoder's error is passed on.
    pub fn from_secret(secret: [u8; 32]) -> Result<Self, SecretError> {
        let key = ed25519::PrivateKey::decode(Copying(&secret));
        key.map(Self).map_err(|_| SecretError::Malformed(PathBuf::new()))
    }

    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`SecretError::NoRandomness`] if there is none.
    pub fn generate() -> Result<Self, SecretError> {
        Self::from_secret(random_secret()?)
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
    /// [`SecretError::Disk`], also if the file exists: a key is never overwritten.
    pub fn write(&self, path: &Path) -> Result<(), SecretError> {
        let encoded = self.0.encode();
        let secret = encoded.as_ref().try_into();
        write_secret(path, &secret.map_err(|_| SecretError::Malformed(path.to_path_buf()))?)
    }

    /// Reads the key of a file.
    ///
    /// # Errors
    ///
    /// [`SecretError::Exposed`] if others may read it, too; [`SecretError::Malformed`] if it is no key.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        Self::from_secret(read_secret(path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_reads_back_is_not_overwritten_and_is_refused_once_others_can_read_it() {
        let dir = std::env::temp_dir().join(format!("keys-{}", std::process::id()));
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).expect("creatable");
        let path = dir.join("validator.key");
        let key = ValidatorKey::generate().expect("random");
        key.write(&path).expect("written");
        assert_eq!(ValidatorKey::read(&path).expect("readable").public(), key.public());
        assert!(matches!(key.write(&path), Err(SecretError::Disk { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(matches!(ValidatorKey::read(&path), Err(SecretError::Exposed { mode: 0o644, .. })));
        fs::remove_dir_all(&dir).expect("removable");
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = ValidatorKey::from_secret([0x5A; 32]).expect("a key");
        assert!(!format!("{key:?}").contains("5a5a"));
    }
}
