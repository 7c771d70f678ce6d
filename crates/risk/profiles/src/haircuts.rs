//! What the collateral of one asset is charged, as shares of its value.

use crate::decimal::Decimal;
use crate::error::Error;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Most assets that are named.
const ASSETS_MAX: usize = 1_000;

/// The shares of one asset.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct Haircuts {
    pub(crate) initial: Decimal,
    pub(crate) maintenance: Decimal,
}

impl Haircuts {
    /// Checks the shares of every asset, and that they are not too many.
    pub(crate) fn check(assets: &BTreeMap<String, Self>) -> Result<(), Error> {
        let count = assets.len();
        if count > ASSETS_MAX {
            return Err(Error::TooMany { what: "collateral", count, most: ASSETS_MAX });
        }
        assets.iter().try_for_each(|(asset, shares)| {
            Decimal::all_to(
                Decimal::whole(10),
                &[
                    (&format!("collateral.{asset}.initial"), shares.initial),
                    (&format!("collateral.{asset}.maintenance"), shares.maintenance),
                ],
            )
        })
    }
}
