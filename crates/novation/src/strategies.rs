//! `novation explain strategies`: textbook strategies on the largest recorded chain, as text or JSON.

use crate::cli::StrategyArgs;
use crate::explain::{LEGEND, tree, write_tree};
use anyhow::{Context, Result};
use market::{Dataset, default_dir};
use records::contract_text;
use serde_json::{Value, json};
use std::io::Write;
use strategies::{Compared, Held, StrategyError};
use units::{Notional, utc_text};

/// Explains each strategy.
pub(crate) fn run(args: &StrategyArgs, out: &mut dyn Write) -> Result<()> {
    let dataset = Dataset::open(args.data.clone().unwrap_or_else(default_dir))?;
    let chains = dataset.chains()?;
    let chain = chains
        .iter()
        .max_by_key(|chain| chain.options.len())
        .context("the data holds no option chain")?;
    let compared = strategies::compare(chain)?;
    if args.json {
        let strategies: Vec<_> = compared.iter().map(json).collect();
        let (underlying, taken_at) = (chain.underlying.ticker(), utc_text(chain.taken_at));
        let value =
            json!({ "underlying": underlying, "taken_at": taken_at, "strategies": strategies });
        serde_json::to_writer_pretty(&mut *out, &value)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(
        out,
        "Margins on the {} chain of {}, index {} $, one coin a lot\n\n{LEGEND}",
        chain.underlying,
        utc_text(chain.taken_at),
        chain.spot.mid()
    )?;
    compared.iter().try_for_each(|compared| write(compared, out))
}

fn write(compared: &Compared, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{}: {}", compared.strategy.name, compared.strategy.what)?;
    for (leg, alone) in compared.strategy.legs.iter().zip(&compared.apart) {
        writeln!(
            out,
            "  {}\n{:>42}  initial {:>16} $",
            leg_text(leg),
            "alone",
            alone.initial.to_string()
        )?;
    }
    let pairs = [
        ("legs held apart", compared.apart()?),
        ("held together", (compared.together.initial, compared.together.maintenance)),
        ("offset", compared.offset()?),
    ];
    for (name, (initial, maintenance)) in pairs {
        let (initial, maintenance) = (initial.to_string(), maintenance.to_string());
        writeln!(out, "  {name:<16} initial {initial:>16} $   maintenance {maintenance:>16} $")?;
    }
    writeln!(out)?;
    write_tree(&compared.explanation, &margin::STANDARD, out)?;
    writeln!(out)?;
    Ok(())
}

fn json(compared: &Compared) -> Value {
    let margins = |pair: Result<(Notional, Notional), StrategyError>| match pair {
        Ok((initial, maintenance)) => {
            json!({ "initial": initial.to_string(), "maintenance": maintenance.to_string() })
        }
        Err(_) => Value::Null,
    };
    let legs: Vec<_> = compared.strategy.legs.iter().map(leg_text).collect();
    json!({
        "name": compared.strategy.name,
        "legs": legs,
        "apart": margins(compared.apart()),
        "together": margins(Ok((compared.together.initial, compared.together.maintenance))),
        "offset": margins(compared.offset()),
        "explanation": tree(&compared.explanation),
    })
}

fn leg_text(leg: &Held) -> String {
    match leg {
        Held::Coins(quantity) => format!("+{quantity} coin pledged"),
        Held::Lots(market, lots) => {
            let instrument = &market.instrument;
            let contract = contract_text(instrument.underlying, &instrument.contract);
            format!("{lots:+} {contract}, mark {} $, vol {}", market.mark, market.vol)
        }
    }
}
