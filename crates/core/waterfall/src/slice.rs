//! Reducing a portfolio whose legs hedge one another: the same part of every leg, at once, a vertical slice.
//!
//! Maintenance margin is in proportion to the portfolio, so a part of all legs releases that part of what all of them
//! release, though closing any one leg alone would release nothing.
//!
//! **Invariant:** the orders of a slice lose, against the mark and with fees, no more than the slice releases, and no more
//! than an equity that pays for the slice. Filled on one leg alone they leave that much of the other unhedged, which then has a release of
//! its own.

use crate::liquidation::{
    Dearest, Leg, Parameters, Reduction, Share, Standing, dearest, distance, order, value,
};
use crate::plan::missing;
use protocol::Fault;
use units::{Lots, Notional, Num, Round, limits};

/// Most of every leg that one block trades, in parts per million: what a fill of one leg alone may leave unhedged.
const SLICE_MAX: Num = Num::new(100_000);
const ONE: Num = Num::new(limits::PPM_ONE);
/// Of how many parts of a slice equity has to pay for one, not to be nothing.
const TENTH: Num = Num::new(10);

impl Standing {
    /// Returns how the account stands once collateral has been sold: what that releases of maintenance margin is asked of
    /// equity no longer.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a number leaves its limits.
    ///
    /// spec 0021-FALL-021.
    pub fn after_sale(self, maintenance: Notional) -> Result<Self, Fault> {
        let released = self.maintenance.minus(maintenance);
        let target = released.and_then(|released| self.target.minus(released));
        Ok(Self { maintenance, target: target.map_err(Fault::at("account after a sale"))?, ..self })
    }
}

/// Returns the lots to trade of each leg, positive, so that the portfolio shrinks in proportion and equity reaches the
/// target; a leg that is too small for its part has none. Nothing if the legs together release nothing.
///
/// `maintenance_without` is what must be held once all the legs are closed, and what is pledged beside them is sold. If not
/// two legs would trade a lot, or the one that there is beside a pledge, the part is doubled until they do. Then it is that of whole lots of the smallest leg that trades, so that legs of the same size stay so.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-021.
pub fn slice(
    standing: &Standing,
    legs: &[(Leg, Parameters)],
    maintenance_without: Notional,
    pledged: bool,
) -> Result<Vec<Lots>, Fault> {
    let at = Fault::at("slice of a portfolio");
    let release = standing.maintenance.minus(maintenance_without).map_err(&at)?;
    let alone = legs.len().saturating_add(usize::from(pledged)) < 2 || legs.is_empty();
    if standing.equity >= standing.maintenance || release <= Notional::ZERO || alone {
        return Ok(Vec::new());
    }
    let part = part_of(standing, release)?;
    let held = legs.iter().map(|(leg, _)| leg.lots.magnitude()).collect::<Result<Vec<_>, _>>();
    let held = held.map_err(&at)?;
    if standing.equity <= Notional::ZERO {
        return lots(&held, part);
    }
    // So much that fees and distances are within equity.
    let all = cost(legs, &held, |each| each.apart)?.greater(Notional::from_micros(1));
    let most = standing.equity.number().mul_div(ONE, all.number(), Round::Down).map_err(&at)?;
    if most.times(TENTH).map_err(&at)? < part {
        // 0021-FALL-020: equity that pays for less than a tenth of the slice is none.
        return lots(&held, part);
    }
    let careful = lots(&held, part.lesser(most))?;
    if pays(standing, legs, &careful)? { Ok(careful) } else { lots(&held, part) }
}

/// Returns the dollars for which what is pledged is to be sold beside a slice: the same part of what it is worth, rounded up.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-021.
pub fn slice_of_pledge(standing: &Standing, worth: Notional) -> Result<Notional, Fault> {
    if standing.equity >= standing.maintenance {
        return Ok(Notional::ZERO);
    }
    let part = part_of(standing, standing.maintenance)?;
    let sold = worth.number().mul_div(part, ONE, Round::Up);
    sold.map(Notional::from_number).map_err(Fault::at("slice of a pledge"))
}

/// Returns the part, in parts per million, that brings what is missing if all of it releases so much; the most that a block
/// trades, if it releases nothing.
fn part_of(standing: &Standing, release: Notional) -> Result<Num, Fault> {
    if release <= Notional::ZERO {
        return Ok(SLICE_MAX);
    }
    let part = missing(standing)?.number().mul_div(ONE, release.number(), Round::Up);
    Ok(part.map_err(Fault::at("slice of a portfolio"))?.lesser(SLICE_MAX))
}

/// Returns the lots of each leg that are a part, in parts per million, of what is held.
fn lots(held: &[Lots], part: Num) -> Result<Vec<Lots>, Fault> {
    let at = Fault::at("lots of a slice");
    let each = |part: Num, whole: Num| {
        let nearest = held.iter().map(|held| {
            let twice = held.number().mul_div(part.plus(part)?, whole, Round::Down)?;
            let lots = twice.plus(Num::new(1))?.mul_div(Num::new(1), Num::new(2), Round::Down)?;
            Ok(Lots::from_number(lots))
        });
        nearest.collect::<Result<Vec<Lots>, _>>().map_err(&at)
    };
    let mut part = part.greater(Num::new(1));
    let lots = loop {
        let lots = each(part, ONE)?;
        let trading = lots.iter().filter(|lots| **lots > Lots::ZERO).count();
        if trading >= held.len().min(2) || part >= ONE {
            break lots;
        }
        part = part.plus(part).map_err(&at)?.lesser(ONE);
    };
    let traded = held.iter().zip(&lots).filter(|(_, lots)| **lots > Lots::ZERO);
    let Some(smallest) = traded.map(|(held, _)| held.number()).min() else { return Ok(lots) };
    let whole = smallest.mul_div(part, ONE, Round::Down).map_err(&at)?.greater(Num::new(1));
    each(whole, smallest)
}

/// Returns whether equity pays for trading lots of each leg: for fees, and for distances at which somebody takes them.
///
/// spec 0021-FALL-020.
fn pays(standing: &Standing, legs: &[(Leg, Parameters)], lots: &[Lots]) -> Result<bool, Fault> {
    Ok(standing.equity > Notional::ZERO && cost(legs, lots, |each| each.apart)? <= standing.equity)
}

/// Returns what trading lots of each leg costs.
fn cost(
    legs: &[(Leg, Parameters)],
    lots: &[Lots],
    of: impl Fn(&Dearest) -> Notional,
) -> Result<Notional, Fault> {
    let at = Fault::at("cost of a slice");
    let mut all = Notional::ZERO;
    for ((leg, parameters), lots) in legs.iter().zip(lots) {
        let each = of(&dearest(leg, parameters)?).number().times(lots.number()).map_err(&at)?;
        all = all.plus(Notional::from_number(each)).map_err(&at)?;
    }
    Ok(all)
}

/// Returns the orders of a slice, or none if what it releases does not pay for fees and slippage.
///
/// `maintenance_after` is what must be held once all of it is filled. What the slice may lose, less all fees, is divided in
/// proportion to what the orders may trade for.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-021.
pub fn slice_orders(
    standing: &Standing,
    legs: &[(Leg, Parameters)],
    lots: &[Lots],
    maintenance_after: Notional,
) -> Result<Vec<Reduction>, Fault> {
    let at = Fault::at("orders of a slice");
    let released = standing.maintenance.minus(maintenance_after).map_err(&at)?;
    // 0021-FALL-020: equity that does not pay for the slice is none.
    let (equity, most) = match pays(standing, legs, lots)? {
        true => (standing.equity, released.lesser(standing.equity)),
        false => (Notional::ZERO, released),
    };
    let legs: Vec<_> = legs.iter().map(|(leg, held)| (*leg, held.at(equity))).collect();
    let spare = most.minus(cost(&legs, lots, |each| each.lot)?).map_err(&at)?;
    if spare < Notional::ZERO {
        return Ok(Vec::new());
    }
    let traded = || legs.iter().zip(lots).filter(|(_, lots)| **lots > Lots::ZERO);
    let mut all = Notional::ZERO;
    for ((leg, parameters), lots) in traded() {
        all = all.plus(value(leg, parameters, *lots)?).map_err(&at)?;
    }
    let mut orders = Vec::new();
    for ((leg, parameters), lots) in traded() {
        let value = value(leg, parameters, *lots)?.number();
        let loss = spare.number().mul_div(value, all.number(), Round::Down).map_err(&at)?;
        let fee = cost(&[(*leg, *parameters)], &[*lots], |each| each.lot)?;
        let loss = Notional::from_number(loss).plus(fee).map_err(&at)?;
        let share = Share { lots: *lots, loss: Some(loss) };
        let Some(distance) = distance(leg, loss, parameters, &share)? else {
            return Err(Fault::Invariant("what a slice may lose pays for its fees"));
        };
        orders.push(order(leg, *lots, distance)?);
    }
    Ok(orders)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fills::filled;
    use protocol::InstrumentId;
    use units::{Ppm, Price, Quantity};

    const PARAMETERS: Parameters = Parameters {
        band: Ppm::from_parts(80_000),
        band_without_equity: Ppm::from_parts(5_000),
        fee: Ppm::from_parts(5_000),
    };

    fn leg(number: u32, lots: i128, mark: i128) -> (Leg, Parameters) {
        let leg = Leg {
            instrument: InstrumentId::new(number),
            lots: Lots::from_count(lots),
            mark: Price::from_micros(mark * 1_000_000),
            contract_size: Quantity::from_nanos(10_000_000),
            tick: Price::from_micros(500_000),
            maintenance_without: Notional::from_micros(1 << 60),
            unfilled: false,
            passed: 0,
        };
        (leg, PARAMETERS)
    }

    fn standing(equity: i128, maintenance: i128) -> Standing {
        Standing {
            equity: Notional::from_micros(equity),
            maintenance: Notional::from_micros(maintenance),
            target: Notional::from_micros(maintenance * 115 / 100),
        }
    }

    fn counts(standing: &Standing, legs: &[(Leg, Parameters)]) -> Vec<i128> {
        let lots = slice(standing, legs, Notional::ZERO, false).unwrap();
        lots.into_iter().map(Lots::count).collect()
    }

    #[test]
    fn a_slice_takes_the_same_part_of_every_leg() {
        // 0021-FALL-021: a spread of 60 coins; 1,922 of 6,145 dollars are missing, but no more than a tenth is traded.
        let legs = [leg(1, 6_000, 8_000), leg(2, -6_000, 8_010)];
        let short = standing(5_145_000_000, 6_145_000_000);
        assert_eq!(counts(&short, &legs), [600, 600]);
        // A little is missing: 65 of 6,145 dollars.
        let short =
            Standing { target: short.maintenance, ..standing(6_080_000_000, 6_145_000_000) };
        assert_eq!(counts(&short, &legs), [63, 63]);
        // A leg of one lot forces nothing.
        let legs = [legs[0], legs[1], leg(3, 1, 700)];
        let short = standing(5_145_000_000, 6_145_000_000);
        assert_eq!(counts(&short, &legs), [600, 600, 0]);
    }

    #[test]
    fn a_pledge_behind_what_needs_no_margin_is_sold_by_the_tenth() {
        // 0021-FALL-021: sixty dollars are owed beyond all that there is, and nothing is to be held any more.
        let worth = Notional::from_micros(1_000_000_000);
        let sold = |equity, maintenance| {
            slice_of_pledge(&standing(equity, maintenance), worth).unwrap().micros()
        };
        assert_eq!(sold(-60_000_000, 0), 100_000_000);
        assert_eq!(sold(-60_000_000, 1), 100_000_000);
        assert_eq!(sold(0, 0), 0);
        assert_eq!(sold(1_100_000_000, 1_000_000_000), 0);
        assert_eq!(sold(999_000_000, 1_000_000_000), 100_000_000);
    }

    #[test]
    fn odd_lots_go_in_pairs() {
        // 0021-FALL-021
        let short = standing(100_000_000, 120_000_000);
        for (lots, traded) in [
            ([1, -20], [1, 20]),
            ([1, -1], [1, 1]),
            ([4, -4], [1, 1]),
            ([9, -9], [1, 1]),
            ([15, -300], [1, 20]),
            ([124, -125], [12, 12]),
            // A hundred dollars pay for no more.
            ([2_155, -2_158], [110, 110]),
            // And for less than a tenth of a slice of so many: they are nothing, and the slice is whole.
            ([60_000, -60_000], [6_000, 6_000]),
        ] {
            let legs = [leg(1, lots[0], 8_000), leg(2, lots[1], 400)];
            assert_eq!(counts(&short, &legs), traded, "{lots:?}");
        }
    }

    #[test]
    fn a_slice_loses_neither_more_than_it_releases_nor_more_than_equity() {
        // 0021-FALL-020, 0021-FALL-021
        let legs = [leg(1, 6_000, 8_000), leg(2, -6_000, 8_010)];
        for (equity, maintenance, after) in [
            (5_000, 6_145, 5_531),
            (700, 6_145, 5_531),
            (120, 6_145, 5_531),
            (110, 6_145, 6_040),
            (5_000, 60_000, 54_000),
            (-9_000, 60_000, 54_000),
        ] {
            let short = standing(equity * 1_000_000, maintenance * 1_000_000);
            let lots = slice(&short, &legs, Notional::ZERO, false).unwrap();
            let after = Notional::from_micros(after * 1_000_000);
            let orders = slice_orders(&short, &legs, &lots, after).unwrap();
            assert_eq!(orders.len(), 2, "{equity}");
            let lost: i128 = (orders.iter().zip(&legs))
                .map(|(order, (leg, _))| {
                    -filled(leg, order.lots, order.limit, &PARAMETERS).micros()
                })
                .sum();
            let released = short.maintenance.micros() - after.micros();
            let most = if equity > 0 { released.min(equity * 1_000_000) } else { released };
            assert!(lost <= most, "{equity}: {lost} of {most}");
            assert!(lost * 3 > most || equity < 0 || maintenance == 60_000, "{lost} of {most}");
        }
        // Releases that do not pay for the fees: 480 dollars for a tenth.
        let short = standing(5_000_000_000, 6_145_000_000);
        let lots = slice(&short, &legs, Notional::ZERO, false).unwrap();
        let after = Notional::from_micros(5_700_000_000);
        assert_eq!(slice_orders(&short, &legs, &lots, after), Ok(Vec::new()));
    }

    #[test]
    fn a_leg_that_is_worth_nothing_keeps_no_slice_back() {
        // 0021-FALL-021: a spread with equity beside puts that nobody would pay for.
        let mut legs = vec![leg(1, -158, 9_027), leg(2, 158, 8_888), leg(3, 168, 0)];
        legs[2].0.mark = Price::ZERO;
        let short = standing(70_117_587, 252_258_662);
        let lots = slice(&short, &legs, Notional::ZERO, false).unwrap();
        assert_eq!(lots.iter().map(|lots| lots.count()).collect::<Vec<_>>(), [15, 15, 16]);
        let orders =
            slice_orders(&short, &legs, &lots, Notional::from_micros(226_713_175)).unwrap();
        assert_eq!(orders.len(), 3);
        let far = (orders[0].limit.micros() - 9_027_000_000) / 1_000_000;
        assert!((10..90).contains(&far), "{orders:?}");
    }

    #[test]
    fn equity_that_pays_for_no_slice_is_none() {
        // 0021-FALL-020, 0021-FALL-021: three cents beside a spread of 12,000 dollars a side; the fund pays its own fee.
        let legs = [leg(1, -5_714, 216), leg(2, 5_714, 215)];
        let after = Notional::from_micros(180_000_000);
        let orders = |equity| {
            let short = standing(equity, 200_000_000);
            let lots = slice(&short, &legs, Notional::ZERO, false).unwrap();
            (counts(&short, &legs), slice_orders(&short, &legs, &lots, after).unwrap())
        };
        let without = orders(0);
        assert_eq!(without.0, [571, 571]);
        assert_eq!(without.1.len(), 2);
        // Half a per cent, on the tick: 1 of 216 dollars.
        assert_eq!(without.1[0].limit.micros(), 217_000_000);
        assert_eq!(orders(27_349), without);
        assert_eq!(orders(-174_000_000).1, without.1);
    }

    #[test]
    fn nothing_is_sliced_that_releases_nothing() {
        // 0021-FALL-021
        let legs = [leg(1, 6_000, 8_000), leg(2, -6_000, 8_010)];
        let short = standing(5_000_000_000, 6_145_000_000);
        assert_eq!(slice(&short, &legs, short.maintenance, false), Ok(Vec::new()));
        assert_eq!(slice(&short, &legs[..1], Notional::ZERO, false), Ok(Vec::new()));
        let healthy = standing(6_145_000_000, 6_145_000_000);
        assert_eq!(slice(&healthy, &legs, Notional::ZERO, false), Ok(Vec::new()));
    }
}
