//! Shows what a portfolio in a file must hold, and what orders would change.

use crate::cli::WhatifArgs;
use crate::input;
use anyhow::{Context, Result};
use std::io::Write;
use std::path::Path;
use whatif::{Portfolio, write_columns};

/// Measures a portfolio, and with orders what becomes of it.
pub(crate) fn run(args: &WhatifArgs, out: &mut dyn Write) -> Result<()> {
    let (portfolio, orders) = input::texts(&args.portfolio, args.orders.as_deref())?;
    let cannot_use = |path: &Path| format!("cannot use {}", path.display());
    let portfolio = Portfolio::parse(&portfolio).with_context(|| cannot_use(&args.portfolio))?;
    let Some((orders, path)) = orders.zip(args.orders.as_deref()) else {
        let found = portfolio.assess()?;
        if args.json {
            serde_json::to_writer_pretty(&mut *out, &found)?;
            writeln!(out)?;
        } else {
            write_columns(&[("now", &found)], out)?;
        }
        return Ok(());
    };
    let orders = portfolio.parse_orders(&orders).with_context(|| cannot_use(path))?;
    let found = portfolio.what_if(&orders)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
        return Ok(());
    }
    let columns = [
        ("before", &found.before),
        ("orders open", &found.with_orders_open),
        ("all filled", &found.after_fills),
    ];
    write_columns(&columns, out)?;
    for (number, entry) in (1..).zip(&found.entries) {
        match &entry.refused {
            None => {
                writeln!(out, "order {number}: margin lets it in, and asks again in every block")?
            }
            Some(refused) => writeln!(out, "order {number}: refused, {refused}")?,
        }
    }
    Ok(())
}
