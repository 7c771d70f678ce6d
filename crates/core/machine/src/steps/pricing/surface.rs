//! From voted vols to the vols that options are marked at.

use crate::state::market::Market;
use crate::state::underlying::Underlying;
use crate::state::valuation::settlement_at;
use oracle::ImpliedVol;
use protocol::{Contract, Fault, InstrumentId};
use std::collections::BTreeMap;
use surface::{Marked, Smile, Voted};
use units::{BlockTime, Ppm, Price};

/// Returns the repaired vols of the options among the markets of an underlying, by expiry and strike. One that
/// nobody has ever voted for, nor for another strike of its expiry, has none.
///
/// spec 0018-SURF-006, 0018-SURF-008, 0018-SURF-015.
pub(crate) fn vols(
    underlying: &Underlying,
    markets: &BTreeMap<InstrumentId, Market>,
    ids: &[InstrumentId],
    index: Price,
    now: BlockTime,
    params: &oracle::Parameters,
    repair_max: Ppm,
) -> Result<BTreeMap<(BlockTime, Price), Marked>, Fault> {
    let mut voted: BTreeMap<BlockTime, BTreeMap<Price, ImpliedVol>> = BTreeMap::new();
    for id in ids {
        let market = markets.get(id).ok_or(Fault::Missing("market"))?;
        if let Contract::Option { expires_at, strike, .. } = market.instrument.contract
            && let Some(implied) = underlying.vols.vol(expires_at, strike, now, params)?
        {
            voted.entry(expires_at).or_default().insert(strike, implied);
        }
    }
    let mut smiles = Vec::with_capacity(voted.len());
    for (expires_at, implied) in &voted {
        let settlement = settlement_at(*expires_at, underlying, now)?;
        let forward = underlying.bases.forward(index, *expires_at, now, params)?.price;
        let moving = margin::moving_part(forward, *expires_at, now, settlement)?;
        smiles.push(Smile {
            forward: moving.forward,
            fixed: moving.fixed,
            variance: moving.variance,
            supports: settlement.is_none() && implied.values().any(|implied| !implied.stale),
            silent: implied.iter().filter(|(_, of)| of.stale).map(|(strike, _)| *strike).collect(),
            vols: implied.iter().map(|(strike, implied)| (*strike, implied.vol)).collect(),
        });
    }
    let at = || Fault::at("vol surface");
    let mut vols = BTreeMap::new();
    for ((expires_at, implied), repaired) in voted.iter().zip(surface::repair(&smiles)) {
        for ((strike, implied), point) in implied.iter().zip(repaired.values()) {
            let ImpliedVol { vol, uncertainty, stale } = *implied;
            let voted = Voted { vol, uncertainty, stale };
            let marked = surface::marked(voted, *point, repair_max).map_err(at())?;
            vols.insert((*expires_at, *strike), marked);
        }
    }
    Ok(vols)
}
