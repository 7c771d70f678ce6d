//! Keys, made or shown: a validator's, an owner's, a session's, a reporter's.

use crate::cli::{KeyKind, KeysArgs};
use access::{OwnerKey, ReporterSecret, SessionSecret};
use anyhow::Result;
use protocol::Hash;
use replica::keys::ValidatorKey;
use std::io::Write;

/// Makes a key, or reads one, and prints its public part.
pub(crate) fn run(args: &KeysArgs, out: &mut dyn Write) -> Result<()> {
    if args.kind == KeyKind::Validator {
        let key = if args.new {
            let key = ValidatorKey::generate()?;
            key.write(&args.file)?;
            key
        } else {
            ValidatorKey::read(&args.file)?
        };
        writeln!(out, "public key {}", Hash::new(key.public()))?;
        return Ok(());
    }
    let secret = if args.new { access::random_secret()? } else { access::read_secret(&args.file)? };
    // Before anything is written: not all bytes are a key.
    let shown = match args.kind {
        KeyKind::Reporter => {
            format!("reporter {}", Hash::new(ReporterSecret::from_secret(secret)?.public()))
        }
        KeyKind::Owner => format!("address {}", OwnerKey::from_secret(secret)?.address()),
        _ => format!("session key {}", SessionSecret::from_secret(secret)?.public()),
    };
    if args.new {
        access::write_secret(&args.file, &secret)?;
    }
    writeln!(out, "{shown}")?;
    Ok(())
}
