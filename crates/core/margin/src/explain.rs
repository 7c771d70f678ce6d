//! The tree of intermediates behind a requirement.
//!
//! **Invariant:** the figures are those of [`crate::required`], though nothing here shares its scan: each vector is added
//! up scenario by scenario in 128 bits, and the formula is written as 0019-MARG-006 states it. That makes this the slow
//! model that the fast scan is tested against. Charges are those of its book, and their parts are computed again.

use crate::account::out_of_limits;
use crate::charges::{ChargeBook, Purpose, Turn};
use crate::holdings::Holdings;
use crate::input::{OpenOrder, Portfolio};
use crate::lanes::{Matrix, Row};
use crate::risk::{Group, Risk, Slot};
use crate::scenario::{SCENARIOS, ScenarioId};
use crate::strikes::{Knot, PART_BITS};
use protocol::{Fault, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use units::{Notional, Num, Ppm, Round, limits};

/// A number in an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Micro-dollars.
    Dollars(Notional),
    /// A share.
    Share(Ppm),
    /// A scenario.
    Scenario(ScenarioId),
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Dollars(value) => format!("{value} $"),
            Self::Share(value) => format!("{value}"),
            Self::Scenario(value) => format!("#{value}"),
        };
        f.pad(&text)
    }
}

/// A figure, what it is, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What it is.
    pub label: String,
    /// The number.
    pub figure: Figure,
    /// What it is made of.
    pub parts: Vec<Self>,
}

impl Explanation {
    fn new(label: impl Into<String>, figure: Figure, parts: Vec<Self>) -> Self {
        Self { label: label.into(), figure, parts }
    }

    fn dollars(label: impl Into<String>, value: Notional, parts: Vec<Self>) -> Self {
        Self::new(label, Figure::Dollars(value), parts)
    }

    /// Returns the dollars of the part with a label, looked for in the order of the table.
    #[must_use]
    pub fn dollars_of(&self, label: &str) -> Option<Notional> {
        match self.figure {
            Figure::Dollars(value) if self.label == label => Some(value),
            _ => self.parts.iter().find_map(|part| part.dollars_of(label)),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let label = format!("{}{}", "  ".repeat(depth), self.label);
        writeln!(f, "{label:<56}{:>24}", self.figure)?;
        self.parts.iter().try_for_each(|part| part.write(f, depth.saturating_add(1)))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

type Sums = [i128; SCENARIOS];

/// Scenario sums of a group, in the set and beside it, and what rounding may hide in them.
#[derive(Debug, Clone)]
struct Pool {
    sums: Sums,
    /// In the basis scenario.
    basis: i128,
    /// At each knot, in 2⁻²⁴ micro-dollars.
    strikes: Vec<i128>,
    reserve: i128,
}

impl Pool {
    const EMPTY: Self = Self { sums: [0; SCENARIOS], basis: 0, strikes: Vec::new(), reserve: 0 };

    /// Returns a pool of an expiry of an underlying with so many knots.
    fn with_knots(knots: &[Knot]) -> Self {
        Self { strikes: vec![0; knots.len()], ..Self::EMPTY }
    }

    fn add(&mut self, more: &Self) {
        for (sum, value) in self.sums.iter_mut().zip(&more.sums) {
            *sum = sum.saturating_add(*value);
        }
        self.strikes.resize(self.strikes.len().max(more.strikes.len()), 0);
        for (sum, value) in self.strikes.iter_mut().zip(&more.strikes) {
            *sum = sum.saturating_add(*value);
        }
        self.basis = self.basis.saturating_add(more.basis);
        self.reserve = self.reserve.saturating_add(more.reserve);
    }

    /// Adds what is gained at each knot, in 2⁻²⁴ micro-dollars.
    fn add_at(&mut self, knots: &[Knot], gained: impl Fn(usize, Knot) -> i128) {
        for (sum, (number, knot)) in self.strikes.iter_mut().zip(knots.iter().enumerate()) {
            *sum = sum.saturating_add(gained(number, *knot));
        }
    }

    /// Returns L, and the first scenario in which it falls.
    fn loss(&self) -> (i128, ScenarioId) {
        let lowest = self.sums.iter().enumerate().min_by_key(|(_, sum)| **sum);
        let (number, lowest) = lowest.map_or((0, 0), |(number, sum)| (number, *sum));
        let strike = self.strikes.iter().min().map_or(i128::MAX, |lowest| lowest >> PART_BITS);
        let scenario = ScenarioId::worst((lowest, number), self.basis, strike);
        let lost = self.reserve.saturating_sub(lowest.min(strike));
        (lost.max(self.basis.saturating_neg()), scenario)
    }

    fn part(&self, label: String, share: i128) -> Explanation {
        let (loss, scenario) = self.loss();
        Explanation::dollars(
            label,
            Notional::from_micros(loss),
            vec![
                Explanation::new("in scenario", Figure::Scenario(scenario), Vec::new()),
                Explanation::new("share", Figure::Share(Ppm::from_parts(share)), Vec::new()),
            ],
        )
    }
}

/// Returns the tree of intermediates behind [`crate::required`].
///
/// # Errors
///
/// As [`crate::required`].
///
/// # Source
///
/// spec 0019-MARG-015.
pub fn explain(risk: &Risk, portfolio: &Portfolio<'_>) -> Result<Explanation, Fault> {
    let at = || Fault::at("margin: explanation");
    let holdings = Holdings::new(risk, portfolio.positions, portfolio.collateral)?;
    let equity = equity_part(risk, &holdings, portfolio.cash)?;
    let (whole, ratio) = (Ppm::from_parts(limits::PPM_ONE), risk.maintenance_ratio);
    let new = Held { risk, matrix: &risk.new, holdings: &holdings, orders: portfolio.orders };
    let hold = Held { matrix: risk.matrix_hold(), orders: &[], ..new };
    let (scan_new, parts_new) = new.scan(whole)?;
    let (scan_hold, parts_hold) = hold.scan(whole)?;
    let (scan_floor, _) = Held { orders: portfolio.orders, ..hold }.scan(ratio)?;
    let share = |scan: Notional| scan.fraction_ppm(risk.maintenance_ratio, Round::Up).map_err(at());
    let (floor, kept) = (share(scan_floor)?, share(scan_hold)?);
    let book_initial = charges(risk, &holdings, portfolio.orders, Purpose::Initial)?;
    let book_maintenance = charges(risk, &holdings, &[], Purpose::Maintenance)?;
    let (charges_initial, charges_maintenance) = (book_initial.total()?, book_maintenance.total()?);
    let initial = scan_new.greater(floor).plus(charges_initial).map_err(at())?;
    let maintenance = kept.plus(charges_maintenance).map_err(at())?;
    let buffer = maintenance.fraction_ppm(risk.buffer_ratio, Round::Up).map_err(at())?;
    let buffer = maintenance.plus(buffer).map_err(at())?;
    let everything = new.everything(whole)?;
    let leaf = |label: &str, value| Explanation::dollars(label, value, Vec::new());
    let charged = |label: &str, value, book: &ChargeBook| -> Result<Explanation, Fault> {
        let mut parts = charge_parts(risk, book)?;
        parts.extend(risk.impacts.then(|| leaf("impact", book.impact())));
        Ok(Explanation::dollars(label, value, parts))
    };
    Ok(Explanation::dollars(
        "equity above initial margin",
        match equity.figure {
            Figure::Dollars(equity) => equity.minus(initial).map_err(at())?,
            _ => Notional::ZERO,
        },
        vec![
            equity,
            Explanation::dollars(
                "initial margin",
                initial,
                vec![
                    Explanation::dollars("scan for new risk", scan_new, parts_new),
                    leaf("least scan", floor),
                    charged("charges in initial margin", charges_initial, &book_initial)?,
                ],
            ),
            Explanation::dollars(
                "maintenance margin",
                maintenance,
                vec![
                    leaf("share of scan", kept),
                    Explanation::dollars("scan for risk held", scan_hold, parts_hold),
                    charged(
                        "charges in maintenance margin",
                        charges_maintenance,
                        &book_maintenance,
                    )?,
                ],
            ),
            leaf("liquidation target", buffer),
            Explanation::new("worst scenario", Figure::Scenario(everything.loss().1), Vec::new()),
        ],
    ))
}

/// Returns the profit of an account in every scenario over the ranges for new risk, as far as rounding lets it be known:
/// what short positions may hide is taken off.
///
/// # Errors
///
/// As [`crate::required`].
///
/// # Source
///
/// spec 0019-MARG-006: Σ V_u − reserves.
pub fn scenario_profits(
    risk: &Risk,
    portfolio: &Portfolio<'_>,
) -> Result<[Notional; SCENARIOS], Fault> {
    let holdings = Holdings::new(risk, portfolio.positions, portfolio.collateral)?;
    let whole = Ppm::from_parts(limits::PPM_ONE);
    let mut everything = Pool::EMPTY;
    let held = Held { risk, matrix: &risk.new, holdings: &holdings, orders: portfolio.orders };
    held.pools(whole, 0)?.values().for_each(|pool| everything.add(pool));
    let reserve = everything.reserve;
    Ok(everything.sums.map(|sum| Notional::from_micros(sum.saturating_sub(reserve))))
}

/// Returns the profit of an account in the basis scenario, which is not above zero.
///
/// # Errors
///
/// As [`crate::required`].
///
/// # Source
///
/// spec 0019-MARG-040.
pub fn basis_profit(risk: &Risk, portfolio: &Portfolio<'_>) -> Result<Notional, Fault> {
    let holdings = Holdings::new(risk, portfolio.positions, portfolio.collateral)?;
    let held = Held { risk, matrix: &risk.new, holdings: &holdings, orders: portfolio.orders };
    let pools = held.pools(Ppm::from_parts(limits::PPM_ONE), 0)?;
    let basis = pools.values().fold(0i128, |sum, pool| sum.saturating_add(pool.basis));
    Ok(Notional::from_micros(basis))
}

/// Returns the lowest profit of an account where the options of the day bend, less what short positions may hide; `None` where
/// there is no such place, or where it holds what has none in common.
///
/// # Errors
///
/// As [`crate::required`].
///
/// # Source
///
/// spec 0019-MARG-042.
pub fn strike_profit(risk: &Risk, portfolio: &Portfolio<'_>) -> Result<Option<Notional>, Fault> {
    let holdings = Holdings::new(risk, portfolio.positions, portfolio.collateral)?;
    let held = Held { risk, matrix: &risk.new, holdings: &holdings, orders: portfolio.orders };
    let everything = held.everything(Ppm::from_parts(limits::PPM_ONE))?;
    let lowest = everything.strikes.iter().min().map(|lowest| lowest >> PART_BITS);
    Ok(lowest.map(|lowest| Notional::from_micros(lowest.saturating_sub(everything.reserve))))
}

fn equity_part(risk: &Risk, holdings: &Holdings, cash: Notional) -> Result<Explanation, Fault> {
    let at = || Fault::at("margin: explanation");
    let mut worth = Notional::ZERO;
    for line in holdings.lines() {
        let slot = risk.slot(line.slot).ok_or(Fault::Missing("margin: row"))?;
        let lots = units::Lots::from_count(i128::from(line.lots));
        let value = lots.value(slot.mark, slot.size, Round::Down).map_err(at())?;
        worth = worth.plus(value).map_err(at())?;
    }
    let cost = holdings.cost();
    let equity = cash.plus(worth).and_then(|sum| sum.minus(cost)).map_err(at())?;
    let leaf = |label: &str, value| Explanation::dollars(label, value, Vec::new());
    Ok(Explanation::dollars(
        "equity",
        equity,
        vec![leaf("cash", cash), leaf("value at marks", worth), leaf("settled before", cost)],
    ))
}

/// What an account holds and has ordered, over one matrix.
#[derive(Clone, Copy)]
struct Held<'a> {
    risk: &'a Risk,
    matrix: &'a Matrix,
    holdings: &'a Holdings,
    orders: &'a [OpenOrder],
}

impl Held<'_> {
    fn pools(&self, counted: Ppm, stage: u32) -> Result<BTreeMap<u32, Pool>, Fault> {
        pools(self, counted, stage)
    }

    /// Returns everything as it is held in one pool; without knots where classes meet, or underlyings that do not offset, which
    /// have none in common.
    fn everything(&self, counted: Ppm) -> Result<Pool, Fault> {
        let pools = self.pools(counted, 0)?;
        let mut everything = Pool::EMPTY;
        pools.values().for_each(|pool| everything.add(pool));
        let underlying = |number: &u32| self.risk.underlying(self.risk.group(*number)?.underlying);
        let held = pools.keys().filter_map(|number| {
            let class = underlying(number)?.class;
            let offsets = self.risk.class(class)?.kept > 0;
            Some((class, if offsets { 0 } else { self.risk.group(*number)?.underlying }))
        });
        if held.collect::<BTreeSet<_>>().len() > 1 {
            everything.strikes.clear();
        }
        Ok(everything)
    }

    /// Returns the scan, and its terms. Where something expires within a day, these are the scans of what is held and of each
    /// stage that looks past something of it, of which the greatest counts (0019-MARG-023).
    fn scan(&self, counted: Ppm) -> Result<(Notional, Vec<Explanation>), Fault> {
        let missing = || Fault::Missing("margin: expiry");
        let pools = self.pools(counted, 0)?;
        let (mut greatest, parts) = scan(self.risk, &pools)?;
        let groups: Vec<_> = pools.keys().filter_map(|number| self.risk.group(*number)).collect();
        let stages: BTreeSet<_> =
            groups.iter().map(|group| group.stage).filter(|stage| *stage > 0).collect();
        if stages.is_empty() {
            return Ok((greatest, parts));
        }
        let mut explained = vec![Explanation::dollars("as it is held", greatest, parts)];
        for stage in stages {
            let (later, terms) = scan(self.risk, &self.pools(counted, stage)?)?;
            let past = |group: &&&Group| group.stage > 0 && group.stage <= stage;
            let mut parts: Vec<_> = (groups.iter().filter(past))
                .map(|group| {
                    let left = Figure::Share(Ppm::from_parts(group.weight.into()));
                    let id = self.risk.underlying(group.underlying).ok_or_else(missing)?;
                    let id = id.input.underlying;
                    let label = format!("left of underlying {id}, {}", label_of(group));
                    Ok(Explanation::new(label, left, Vec::new()))
                })
                .collect::<Result<_, Fault>>()?;
            parts.extend(terms);
            let place = usize::try_from(stage.saturating_sub(1)).unwrap_or(usize::MAX);
            let time = self.risk.soon.get(place).ok_or_else(missing)?;
            explained.push(Explanation::dollars(format!("past expiry {time}"), later, parts));
            greatest = greatest.greater(later);
        }
        Ok((greatest, explained))
    }
}

/// Returns the pools of an account by expiry in a stage: positions, and the worst subset of orders in each scenario. What
/// orders cost is divided by the share of the scan that will count.
fn pools(held: &Held<'_>, counted: Ppm, stage: u32) -> Result<BTreeMap<u32, Pool>, Fault> {
    let Held { risk, matrix, holdings, orders } = *held;
    let missing = || Fault::Missing("margin: row");
    let row_of = |number: u32| {
        let path = risk.slot(number).and_then(|slot| risk.path(slot.group));
        path.and_then(|path| matrix.row_at(number, path, stage)).ok_or_else(missing)
    };
    let empty = |slot: &Slot| Pool::with_knots(matrix.knots(slot.underlying));
    // Its bend, in the unit of its row.
    let bend_of = |number: u32| {
        let slot = risk.slot(number)?;
        matrix.bend_at(number, risk.path(slot.group)?, stage).filter(|_| slot.bends)
    };
    let mut pools: BTreeMap<u32, Pool> = BTreeMap::new();
    // By expiry and first row of what moves together: still, fallen and risen.
    let mut units: BTreeMap<(u32, u32), [i128; 3]> = BTreeMap::new();
    // The fewest lots that each row can come to hold.
    let mut least: BTreeMap<u32, i128> = BTreeMap::new();
    for line in holdings.lines() {
        let slot = risk.slot(line.slot).ok_or_else(missing)?;
        let unit = 1i128.checked_shl(slot.bits).unwrap_or(0);
        let lots = i128::from(line.lots);
        least.insert(line.slot, lots);
        let pool = pools.entry(slot.group).or_insert_with(|| empty(slot));
        let scaled = lots.saturating_mul(unit);
        let gained = row_of(line.slot)?.0.as_flattened();
        let gained: Vec<i128> =
            gained.iter().map(|value| scaled.saturating_mul(i128::from(*value))).collect();
        for (sum, gained) in pool.sums.iter_mut().zip(&gained) {
            *sum = sum.saturating_add(*gained);
        }
        let bend = bend_of(line.slot);
        pool.add_at(matrix.knots(slot.underlying), |number, knot| {
            between(knot, &gained).saturating_add(bent(bend, number, scaled))
        });
        let moves = units.entry((slot.group, slot.unit)).or_default();
        for (sum, value) in moves.iter_mut().zip([0, slot.basis.fallen, slot.basis.risen]) {
            *sum = sum.saturating_add(lots.saturating_mul(i128::from(value)));
        }
    }
    for order in orders {
        let row = risk.row(order.instrument).ok_or_else(missing)?;
        let slot = risk.slot(row.0).ok_or_else(missing)?;
        let pool = pools.entry(slot.group).or_insert_with(|| empty(slot));
        let at = || Fault::at("margin: explanation of an order");
        let unit = 1i128.checked_shl(slot.bits).unwrap_or(0);
        let sign = if order.side == Side::Buy { 1 } else { -1 };
        let lots = order.lots.count().saturating_mul(sign);
        let paid = order.price.minus(slot.mark).map_err(at())?;
        let signed = units::Lots::from_count(lots);
        let paid = signed.value(paid, slot.size, Round::Up).map_err(at())?;
        let kept = Num::new(i128::from(slot.kept));
        let cost = paid.plus(order.fee).map_err(at())?;
        let million = Num::new(limits::PPM_ONE);
        let cost = cost.number().mul_div(million, kept, Round::Up).map_err(at())?;
        let cost = cost.mul_div(million, counted.number(), Round::Up).map_err(at())?.raw();
        let fewest = least.entry(row.0).or_insert(0);
        *fewest = fewest.saturating_add(lots.min(0));
        let scaled = lots.saturating_mul(unit);
        let filled = row_of(row.0)?.0.as_flattened().iter();
        let filled: Vec<i128> = filled
            .map(|value| scaled.saturating_mul(i128::from(*value)).saturating_sub(cost))
            .collect();
        let counted: Vec<i128> = filled.iter().map(|gained| *gained.min(&0)).collect();
        for (sum, gained) in pool.sums.iter_mut().zip(&counted) {
            *sum = sum.saturating_add(*gained);
        }
        let bend = bend_of(row.0);
        pool.add_at(matrix.knots(slot.underlying), |number, knot| match bend {
            Some(_) => between(knot, &filled).saturating_add(bent(bend, number, scaled)).min(0),
            None => between(knot, &counted),
        });
        let moves = units.entry((slot.group, slot.unit)).or_default();
        for (sum, value) in moves.iter_mut().zip([0, slot.basis.fallen, slot.basis.risen]) {
            let gained = lots.saturating_mul(i128::from(value));
            *sum = sum.saturating_add(gained.saturating_sub(cost).min(0));
        }
    }
    for ((group, _), sums) in units {
        let pool = pools.entry(group).or_insert(Pool::EMPTY);
        pool.basis = pool.basis.saturating_add(sums.into_iter().min().unwrap_or(0));
    }
    for (number, lots) in least {
        let slot = risk.slot(number).ok_or_else(missing)?;
        let pool = pools.entry(slot.group).or_insert(Pool::EMPTY);
        let hidden = lots.saturating_neg().max(0).saturating_mul(i128::from(slot.reserve));
        pool.reserve = pool.reserve.saturating_add(hidden);
    }
    Ok(pools)
}

/// Returns what lies at a knot between what is gained in the scenarios on either side, in 2⁻²⁴ micro-dollars.
fn between(knot: Knot, gained: &[i128]) -> i128 {
    let [below, above] = knot.sides().map(|number| gained.get(number).copied().unwrap_or(0));
    let (part, whole) = (i128::from(knot.part()), 1i128 << PART_BITS);
    let of_below = below.saturating_mul(whole.saturating_sub(part));
    of_below.saturating_add(above.saturating_mul(part))
}

/// Returns what lots gain at a knot by a bend, in 2⁻²⁴ micro-dollars.
fn bent(bend: Option<&Row>, number: usize, scaled: i128) -> i128 {
    let value = bend.and_then(|bend| bend.0.as_flattened().get(number).copied()).unwrap_or(0);
    scaled.saturating_mul(i128::from(value) << PART_BITS)
}

/// Returns the scan of pools, and its terms: M_u = (1 − φ₀)·L(V_u) + Σ φ_e·L(V_{u,e}), and
/// M_c = ψ·Σ M_u + (1 − ψ)·(L(Σ V_u) + Σ (M_u − L(V_u))).
fn scan(risk: &Risk, pools: &BTreeMap<u32, Pool>) -> Result<(Notional, Vec<Explanation>), Fault> {
    let missing = || Fault::Missing("margin: level of a row");
    let million = limits::PPM_ONE;
    let mut classes: BTreeMap<u32, BTreeMap<u32, Vec<u32>>> = BTreeMap::new();
    for number in pools.keys() {
        let group = risk.group(*number).ok_or_else(missing)?;
        let class = risk.underlying(group.underlying).ok_or_else(missing)?.class;
        classes.entry(class).or_default().entry(group.underlying).or_default().push(*number);
    }
    // In 10⁻¹² micro-dollars, because φ and ψ multiply.
    let mut total: i128 = 0;
    let mut parts = Vec::new();
    for (class, underlyings) in &classes {
        let kept = million.saturating_sub(i128::from(risk.class(*class).ok_or_else(missing)?.kept));
        let mut whole = Pool::EMPTY;
        let (mut margins, mut losses): (i128, i128) = (0, 0);
        let mut class_parts = Vec::new();
        for (number, groups) in underlyings {
            let underlying = risk.underlying(*number).ok_or_else(missing)?;
            let base = kept.saturating_sub(i128::from(underlying.kept));
            let mut pool = Pool::EMPTY;
            let mut margin: i128 = 0;
            let mut group_parts = Vec::new();
            for number in groups {
                let group = risk.group(*number).ok_or_else(missing)?;
                let part = pools.get(number).ok_or_else(missing)?;
                let share = i128::from(group.kept);
                margin = margin.saturating_add(share.saturating_mul(part.loss().0));
                group_parts.push(part.part(label_of(group), share));
                pool.add(part);
            }
            let rest = million.saturating_sub(base);
            margin = margin.saturating_add(rest.saturating_mul(pool.loss().0));
            margins = margins.saturating_add(margin);
            losses = losses.saturating_add(pool.loss().0);
            let label = format!("underlying {}", underlying.input.underlying);
            let mut explained = pool.part(label, i128::from(underlying.kept));
            explained.parts.extend(group_parts);
            class_parts.push(explained);
            whole.add(&pool);
        }
        let offset = million.saturating_sub(kept);
        if offset == 0 {
            // What does not offset has no knots in common.
            whole.strikes.clear();
        }
        let beyond = margins.saturating_sub(losses.saturating_mul(million));
        let together = whole.loss().0.saturating_mul(million).saturating_add(beyond);
        total = total
            .saturating_add(kept.saturating_mul(margins))
            .saturating_add(offset.saturating_mul(together));
        let number = risk.class(*class).ok_or_else(missing)?.class.get();
        let mut explained = whole.part(format!("class {number}"), offset);
        explained.parts.extend(class_parts);
        parts.push(explained);
    }
    let scale = Num::new(million.saturating_mul(million));
    let rounded = Num::new(total).mul_div(Num::new(1), scale, Round::Up);
    rounded
        .map(|rounded| (Notional::from_number(rounded), parts))
        .map_err(Fault::at("margin: explanation"))
}

fn label_of(group: &Group) -> String {
    match group.expires_at {
        Some(expires_at) => format!("expiry {expires_at}"),
        None => "no expiry".into(),
    }
}

/// Returns what is charged, by underlying and expiry: each part is rounded up, their sum once.
fn charge_parts(risk: &Risk, book: &ChargeBook) -> Result<Vec<Explanation>, Fault> {
    let missing = || Fault::Missing("margin: level of a charge");
    let mut underlyings: BTreeMap<u32, Vec<Explanation>> = BTreeMap::new();
    for (number, charged) in book.by_group(risk)? {
        let group = risk.group(number).ok_or_else(missing)?;
        let parts = [("for every lot", charged.lots), ("for short options", charged.naked)];
        let parts = parts.into_iter().filter(|(_, value)| *value > Notional::ZERO);
        let parts: Vec<_> =
            parts.map(|(label, value)| Explanation::dollars(label, value, Vec::new())).collect();
        if !parts.is_empty() {
            let value = total_of(&parts)?;
            let part = Explanation::dollars(label_of(group), value, parts);
            underlyings.entry(group.underlying).or_default().push(part);
        }
    }
    let explained = underlyings.into_iter().map(|(number, parts)| {
        let id = risk.underlying(number).ok_or_else(missing)?.input.underlying;
        Ok(Explanation::dollars(format!("underlying {id}"), total_of(&parts)?, parts))
    });
    explained.collect()
}

/// Returns the sum of the dollars of parts.
fn total_of(parts: &[Explanation]) -> Result<Notional, Fault> {
    parts.iter().try_fold(Notional::ZERO, |sum, part| match part.figure {
        Figure::Dollars(value) => sum.plus(value).map_err(Fault::at("margin: explanation")),
        Figure::Share(_) | Figure::Scenario(_) => Ok(sum),
    })
}

fn charges(
    risk: &Risk,
    holdings: &Holdings,
    orders: &[OpenOrder],
    purpose: Purpose,
) -> Result<ChargeBook, Fault> {
    let lines = holdings.lines().iter().map(|line| (line.slot, line.lots));
    let mut book = ChargeBook::new(risk, purpose, lines)?;
    for order in orders {
        let missing = || Fault::Missing("margin: row");
        let row = risk.row(order.instrument).ok_or_else(missing)?.0;
        let slot = risk.slot(row).ok_or_else(missing)?;
        let lots = i32::try_from(order.lots.count());
        let lots = i64::from(lots.map_err(|_| out_of_limits("margin: lots of an order"))?);
        let signed = if order.side == Side::Buy { lots } else { lots.saturating_neg() };
        book.turn(risk, (row, slot), signed, Turn::Add)?;
    }
    Ok(book)
}
