//! A validator's key, made or shown.

use crate::cli::KeysArgs;
use anyhow::Result;
use protocol::Hash;
use replica::keys::ValidatorKey;
use std::io::Write;

/// Makes a key, or reads one, and prints its public part.
pub(crate) fn run(args: &KeysArgs, out: &mut dyn Write) -> Result<()> {
    let key = if args.new {
        let key = ValidatorKey::generate()?;
        key.write(&args.file)?;
        key
    } else {
        ValidatorKey::read(&args.file)?
    };
    writeln!(out, "public key {}", Hash::new(key.public()))?;
    Ok(())
}
