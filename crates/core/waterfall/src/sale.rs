//! Collateral sold for a debt: at which price, how much of which asset, for how many dollars, and what it is worth.
//!
//! **Invariant:** of no asset more is sold than is held, nor for more than the greater of what is owed and what is sought of
//! it, nor for more than its fund may pay.

use crate::allowance::{Allowance, Fund};
use protocol::{AssetId, Fault, UnderlyingId};
use units::{Amount, Notional, Ppm, Price, Quantity, Round, limits};

/// An asset of an account, and who would buy it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pledge {
    /// Which asset.
    pub asset: AssetId,
    /// How much of it, in billionths.
    pub held: Amount,
    /// For how many dollars at least it is to be sold, though less is owed.
    pub sought: Notional,
    /// The fund at whose index it is pledged; none while that index is not to be trusted.
    pub buyer: Option<Buyer>,
}

/// A fund that buys collateral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer {
    /// Of which compartment.
    pub id: UnderlyingId,
    /// At which price.
    pub price: Price,
    /// What it has, and what of it the day allows.
    pub fund: Fund,
}

/// What becomes of a pledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disposal {
    /// Which asset.
    pub asset: AssetId,
    /// What its fund buys.
    pub sold: Option<Sold>,
    /// For how many dollars more it is to be sold to anybody, though less is owed; below zero, if more were paid than sought.
    pub sought: Notional,
}

/// What a fund buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    /// The fund of which compartment.
    pub to: UnderlyingId,
    /// How much, and for what.
    pub sale: Sale,
    /// What the fund may pay to all accounts afterwards.
    pub day: Allowance,
}

/// Returns what the funds buy of an account's collateral: asset after asset, as given, until nothing is owed; of each for no
/// fewer dollars than are sought of it, as far as its fund may pay.
///
/// Shape: each fund stands in the list once. A debt below zero is dollars that the account has. Rounding: what is sold up, what
/// is paid down, both against the account.
///
/// # Errors
///
/// [`Fault`] if a price is not positive or a number leaves its limits.
///
/// spec 0021-FALL-012, 0021-FALL-021.
pub fn sales(debt: Notional, pledges: &[Pledge]) -> Result<Vec<Disposal>, Fault> {
    let at = Fault::at("sale of collateral");
    let (mut debt, mut disposals) = (debt, Vec::with_capacity(pledges.len()));
    for Pledge { asset, held, sought, buyer } in pledges {
        let dollars = debt.greater(*sought);
        let (mut sold, mut left) = (None, *sought);
        if let Some(Buyer { id, price, fund }) = buyer
            && dollars > Notional::ZERO
        {
            let sale = sale(*held, *price, dollars.lesser(fund.payable()))?;
            if sale.amount > Amount::ZERO {
                debt = debt.minus(sale.paid).map_err(&at)?;
                left = sought.minus(sale.paid).map_err(&at)?;
                sold = Some(Sold { to: *id, sale, day: fund.day.spent(sale.paid)? });
            }
        }
        disposals.push(Disposal { asset: *asset, sold, sought: left });
    }
    Ok(disposals)
}

/// Returns the price at which a fund buys collateral behind a debt: the index less the fee of a liquidation, rounded down; a
/// micro-dollar at least.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-012.
pub fn sale_price(index: Price, fee: Ppm) -> Result<Price, Fault> {
    let whole = Ppm::from_parts(limits::PPM_ONE);
    let price = whole.minus(fee).and_then(|rest| index.scaled(rest, Round::Down));
    Ok(price.map_err(Fault::at("price of collateral"))?.greater(Price::from_micros(1)))
}

/// Returns what all that is held of an asset brings at the price of its sale, rounded down.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-012.
pub fn proceeds(held: Amount, price: Price) -> Result<Notional, Fault> {
    held.quantity().value(price, Round::Down).map_err(Fault::at("proceeds of collateral"))
}

/// Returns what is owed beyond the worth of collateral, each asset at its index, rounded up; below zero if it is worth more.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-044.
pub fn beyond(
    debt: Notional,
    pledged: impl IntoIterator<Item = (Amount, Price)>,
) -> Result<Notional, Fault> {
    let mut rest = pledged.into_iter();
    let rest = rest.try_fold(debt, |rest, (amount, index)| {
        amount.quantity().value(index, Round::Up).and_then(|worth| rest.minus(worth))
    });
    rest.map_err(Fault::at("worth of collateral"))
}

/// Returns what of an account's equity the orders of the house may lose: less what the sale of collateral, for what is owed and
/// what is sought beside, may cost in the same block; a micro-dollar at least, if there is any.
///
/// Sold at the index less the fee, dollars cost `f/(1 − f)` of themselves: no more than `2f`, as no fee is above a half.
/// Rounding: the cost up.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-020.
pub fn equity_to_lose(
    equity: Notional,
    debt: Notional,
    sought: impl IntoIterator<Item = Notional>,
    fee: Ppm,
) -> Result<Notional, Fault> {
    let at = Fault::at("equity to lose");
    let mut sought = sought.into_iter();
    let dollars = sought.try_fold(debt.greater(Notional::ZERO), |sum, more| sum.plus(more));
    let dollars = dollars.map_err(&at)?;
    if dollars <= Notional::ZERO || equity <= Notional::ZERO {
        return Ok(equity);
    }
    let cost = fee.plus(fee).and_then(|twice| dollars.fraction_ppm(twice, Round::Up));
    let left = cost.and_then(|cost| equity.minus(cost)).map_err(&at)?;
    Ok(left.greater(Notional::from_micros(1)))
}

/// Collateral that changes hands, and what is paid for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// In billionths of the asset.
    pub amount: Amount,
    /// In dollars.
    pub paid: Notional,
}

/// Returns what a fund buys of an asset: all that is held, or as much as is worth the most that it may pay.
fn sale(held: Amount, price: Price, most: Notional) -> Result<Sale, Fault> {
    let worth = proceeds(held, price)?;
    if worth <= most {
        return Ok(Sale { amount: held, paid: worth });
    }
    let amount = needed(most, price)?;
    Ok(Sale { amount, paid: most })
}

/// Returns what a bidder buys: what it asks for, but no more than is held, nor than pays the debt.
///
/// Rounding: what is paid up, in favour of the account; the debt is paid, and by less than a micro-dollar and a
/// billionth's price more than that.
///
/// # Errors
///
/// [`Fault`] if a price is not positive or a number leaves its limits.
///
/// spec 0021-FALL-042.
pub fn purchase(held: Amount, wanted: Amount, price: Price, debt: Notional) -> Result<Sale, Fault> {
    if price <= Price::ZERO {
        return Err(Fault::Invariant("what is sold has a price"));
    }
    let asked = held.lesser(wanted);
    // What pays a debt is asked only where it is less: nothing else need fit.
    let amount = if proceeds(asked, price)? < debt { asked } else { needed(debt, price)? };
    let paid = amount.quantity().value(price, Round::Up);
    Ok(Sale { amount, paid: paid.map_err(Fault::at("purchase of collateral"))? })
}

/// Returns the least of an asset that is worth a number of dollars at a price.
fn needed(dollars: Notional, price: Price) -> Result<Amount, Fault> {
    let needed = dollars.number().mul_div(Quantity::ONE.number(), price.number(), Round::Up);
    needed.map(Amount::from_number).map_err(Fault::at("sale of collateral"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::BlockTime;

    const COIN: Amount = Amount::from_minor(1_000_000_000);

    fn dollars(whole: i128) -> Notional {
        Notional::from_micros(whole * 1_000_000)
    }

    /// A coin behind a debt, and a fund of so many dollars that buys it.
    fn pledge(id: u16, price: i128, sought: i128, fund: i128) -> Pledge {
        let now = BlockTime::from_millis(Allowance::DAY.millis());
        let (balance, all) = (dollars(fund), Ppm::from_parts(limits::PPM_ONE));
        let fund = Fund { balance, day: Allowance::default().at(now, balance, all).unwrap() };
        let price = Price::from_micros(price * 1_000_000);
        let buyer = Some(Buyer { id: UnderlyingId::new(id), price, fund });
        Pledge { asset: AssetId::new(id), held: COIN, sought: dollars(sought), buyer }
    }

    #[test]
    fn assets_are_sold_one_after_another_until_nothing_is_owed() {
        // 0021-FALL-012, 0021-FALL-021
        let run = |debt, pledges: &[Pledge]| -> Vec<(i128, i128)> {
            let disposals = sales(dollars(debt), pledges).unwrap();
            let paid = |sold: Option<Sold>| sold.map_or(0, |sold| sold.sale.paid.micros());
            let whole = |micros: i128| micros / 1_000_000;
            let each = disposals.iter();
            each.map(|each| (whole(paid(each.sold)), whole(each.sought.micros()))).collect()
        };
        let (first, second) = (pledge(1, 8_000, 0, 9_000), pledge(2, 2_000, 0, 9_000));
        assert_eq!(run(9_000, &[first, second]), [(8_000, -8_000), (1_000, -1_000)]);
        assert_eq!(run(12_000, &[first, second]), [(8_000, -8_000), (2_000, -2_000)]);
        assert_eq!(run(0, &[first, second]), [(0, 0), (0, 0)], "nothing is owed");
        let poor = pledge(1, 8_000, 0, 300);
        assert_eq!(
            run(1_000, &[poor, second]),
            [(300, -300), (700, -700)],
            "as far as the fund goes"
        );
        let silent = Pledge { buyer: None, ..first };
        assert_eq!(run(1_000, &[silent, second]), [(0, 0), (1_000, -1_000)]);
        let sought = pledge(2, 2_000, 500, 200);
        assert_eq!(run(-50, &[first, sought]), [(0, 0), (200, 300)], "sold though nothing is owed");
        let day = sales(dollars(1_000), &[poor]).unwrap()[0].sold.unwrap().day;
        assert_eq!(day.left(), Notional::ZERO);
    }

    #[test]
    fn what_is_owed_beyond_collateral_is_rounded_for_the_funds() {
        // 0021-FALL-044
        let dust = Amount::from_minor(1);
        let owed = Notional::from_micros(72_877_890_000);
        let ether = Price::from_micros(2_000_000_000);
        let half_a_micro = Price::from_micros(500_000_000);
        assert_eq!(
            beyond(owed, [(dust, half_a_micro)]),
            owed.minus(Notional::from_micros(1)).map_err(Fault::at(""))
        );
        assert_eq!(beyond(dollars(100), [(COIN, ether)]), Ok(dollars(-1_900)));
        assert_eq!(beyond(dollars(100), []), Ok(dollars(100)));
    }

    #[test]
    fn a_sale_may_cost_twice_the_fee_and_leaves_equity_that_is_some() {
        // 0021-FALL-020
        let fee = Ppm::from_parts(5_000);
        let lose = |equity, debt, sought: &[i128]| {
            let sought = sought.iter().map(|each| dollars(*each));
            equity_to_lose(dollars(equity), dollars(debt), sought, fee).unwrap()
        };
        assert_eq!(lose(100, 0, &[]), dollars(100));
        assert_eq!(lose(100, -7, &[]), dollars(100), "dollars that it has are no debt");
        assert_eq!(lose(100, 1_000, &[]), dollars(90));
        assert_eq!(lose(100, 1_000, &[500, 500]), dollars(80));
        assert_eq!(lose(5, 1_000, &[]), Notional::from_micros(1));
        assert_eq!(lose(-5, 1_000, &[]), dollars(-5));
    }

    #[test]
    fn a_fund_buys_at_the_index_less_the_fee() {
        // 0021-FALL-012
        let index = Price::from_micros(8_000_000_000);
        assert_eq!(
            sale_price(index, Ppm::from_parts(5_000)),
            Ok(Price::from_micros(7_960_000_000))
        );
        assert_eq!(
            sale_price(Price::from_micros(1), Ppm::from_parts(1)),
            Ok(Price::from_micros(1))
        );
    }

    #[test]
    fn no_more_is_sold_than_pays_the_debt() {
        // 0021-FALL-012, 0021-FALL-042
        let (coin, price) = (COIN, Price::from_micros(7_960_000_000));
        assert_eq!(
            sale(coin, price, dollars(9_000)),
            Ok(Sale { amount: coin, paid: dollars(7_960) })
        );
        let half = Amount::from_minor(500_000_000);
        assert_eq!(
            sale(coin, price, dollars(3_980)),
            Ok(Sale { amount: half, paid: dollars(3_980) })
        );
        let bought = Sale { amount: half, paid: dollars(3_980) };
        assert_eq!(purchase(coin, coin, price, dollars(3_980)), Ok(bought));
        assert_eq!(purchase(coin, half, price, dollars(9_000)), Ok(bought));
        let most = Notional::from_micros(Notional::LIMIT);
        let cheap = purchase(coin, half, Price::from_micros(1), most);
        assert_eq!(cheap, Ok(Sale { amount: half, paid: Notional::from_micros(1) }));
        let dust = Amount::from_minor(1);
        let bought = Sale { amount: dust, paid: Notional::from_micros(8) };
        assert_eq!(purchase(coin, dust, price, dollars(9_000)), Ok(bought), "paid rounded up");
    }
}
