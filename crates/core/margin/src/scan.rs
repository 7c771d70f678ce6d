//! The scan of one account over one matrix: its vectors per expiry, underlying and class, and the loss they add up to.
//!
//! With L(V) = max(reserve − min V, B), B ≥ 0 being the loss in the basis scenario, the scan is the sum of φ·L over expiries, (ψ − φ₀)·L over underlyings and
//! (1 − ψ)·L over classes, which is the formula of 0019-MARG-006 with its terms collected. It is taken as things are held and
//! in each stage of the day to come, with what expires by then fading out of it; the greatest counts (0019-MARG-023).
//!
//! **Invariant:** every coefficient is non-negative, so the scan is monotone and sub-additive.

use crate::basis::UnitSums;
use crate::holdings::Entry;
use crate::lanes::{
    Matrix, OrderLine, Row, Vector, add_order, add_position, add_vector, lowest_of, lows_with_order,
};
use crate::risk::Risk;
use crate::strikes::{Bends, Knot, OrderBend};
use protocol::Fault;
use units::{ArithmeticError, Notional, Ppm, Round, limits};

/// One term of the scan.
#[derive(Debug, Clone)]
struct Level {
    /// Number of the expiry, underlying or class.
    number: u32,
    /// Share of the loss that counts, in parts per million.
    kept: i64,
    vector: Vector,
    /// The same in the basis scenario.
    basis: i64,
    /// What rounding may hide in the short positions of the level.
    reserve: i64,
    /// What is gained at the knots of an underlying beside the vector, if an option of the day is there.
    bends: Option<Box<Bends>>,
    underlying: u32,
    loss: i64,
    /// Levels of the next finer kind that make it up; with one, this vector is that level's.
    finer: u32,
}

impl Level {
    const fn empty((number, kept): (u32, i64), underlying: u32) -> Self {
        Self {
            number,
            kept,
            vector: Vector::ZERO,
            basis: 0,
            reserve: 0,
            bends: None,
            underlying,
            loss: 0,
            finer: 0,
        }
    }

    /// The level of an expiry, underlying or class in which nothing is held.
    const NONE: &'static Self = &Self::empty((0, 0), 0);

    /// Counts one more level of the finer kind, if there is one.
    fn count(&mut self, more: bool) -> &mut Self {
        self.finer = self.finer.saturating_add(u32::from(more));
        self
    }

    /// Returns the loss at a lowest sum of the set and with so much more gained in the basis scenario, with more kept in
    /// reserve.
    fn loss_at(&self, low: i64, basis: i64, more: i64) -> i64 {
        let lost = self.basis.wrapping_add(basis).wrapping_neg();
        self.reserve.saturating_add(more).saturating_sub(low).max(lost)
    }

    /// Returns the lowest sum: of all scenarios, or at a knot.
    fn lowest(&self, knots: &[Knot]) -> i64 {
        let low = lowest_of(&self.vector);
        self.bends.as_ref().map_or(low, |bends| low.min(bends.lowest(knots, &self.vector)))
    }

    /// Returns the loss as it stands.
    fn loss_now(&self, knots: &[Knot]) -> i64 {
        self.loss_at(self.lowest(knots), 0, 0)
    }

    /// Returns the lowest sum at a knot once an order is added.
    fn bent_with(&self, arch: pulp::Arch, order: &OrderLine<'_>, bend: OrderBend<'_>) -> i64 {
        let mut vector = self.vector;
        add_order(arch, &mut vector, order, false);
        let mut bends = self.bends.as_deref().cloned().unwrap_or(Bends::ZERO);
        bends.turn(order, bend, false);
        bends.lowest(bend.knots, &vector)
    }

    /// Returns what a new loss adds to the sum of the scan, in millionths of micro-dollars, where `kept` counts.
    fn change(&self, kept: i64, loss: i64) -> i128 {
        // Neither loss is negative.
        i128::from(kept).wrapping_mul(i128::from(loss.wrapping_sub(self.loss)))
    }
}

/// Where a row falls: its expiry, underlying and class, with the shares of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) group: (u32, i64),
    pub(crate) underlying: (u32, i64),
    pub(crate) class: (u32, i64),
    /// The first stage that looks past the expiry; zero if none does.
    pub(crate) stage: u32,
    /// What leads from a row to its second row, modulo 2³².
    pub(crate) late: u32,
}

impl Path {
    /// Returns whether a stage looks past the expiry.
    #[inline(always)]
    pub(crate) const fn is_past(&self, stage: u32) -> bool {
        // Zero becomes the greatest there is.
        self.stage.wrapping_sub(1) < stage
    }

    /// Returns the number of a row's second row.
    #[inline(always)]
    pub(crate) const fn late(&self, slot: u32) -> u32 {
        slot.wrapping_add(self.late)
    }
}

/// The scan of an account over one matrix: the greatest of that of what is held and of those of the stages that look past
/// something of it.
#[derive(Debug, Clone)]
pub(crate) struct Scan<'a> {
    matrix: &'a Matrix,
    held: Stage,
    /// By stage. A stage that is absent is as the one before it.
    later: Vec<(u32, Stage)>,
    sum: i128,
    /// What each unit gains in the basis scenario, by its first row; the same in every stage.
    units: Vec<(u32, UnitSums)>,
}

/// The scan in one stage.
#[derive(Debug, Clone, Default)]
struct Stage {
    groups: Vec<Level>,
    underlyings: Vec<Level>,
    classes: Vec<Level>,
    /// Whether something bends at knots.
    bends: bool,
    /// The scan in millionths of micro-dollars.
    sum: i128,
}

/// What everything gains together.
pub(crate) struct Total {
    pub(crate) sums: Vector,
    /// In the basis scenario.
    pub(crate) basis: i64,
    /// The lowest at a knot, where all is of one class; else the greatest there is.
    pub(crate) bent: i64,
}

/// What joins the levels of a row beside its scenarios.
#[derive(Debug, Clone, Copy)]
struct More {
    reserve: i64,
    /// What is gained in the basis scenario.
    basis: i64,
}

/// Returns what a unit gains, if something of it is held or ordered.
fn unit_of(units: &[(u32, UnitSums)], number: u32) -> UnitSums {
    let place = units.binary_search_by_key(&number, |(unit, _)| *unit).ok();
    place.and_then(|place| units.get(place)).map_or(UnitSums::default(), |(_, sums)| *sums)
}

/// Returns what the units of positions gain; the rows of each follow each other.
fn units_of(risk: &Risk, lines: &[Entry]) -> Result<Vec<(u32, UnitSums)>, Fault> {
    let mut units: Vec<(u32, UnitSums)> = Vec::with_capacity(lines.len());
    for Entry { line, basis, .. } in lines {
        let unit = risk.slot(line.slot).ok_or(Fault::Missing("margin: row"))?.unit;
        match units.last_mut().filter(|(last, _)| *last == unit) {
            Some((_, sums)) => *sums = sums.with_position(*basis),
            None => units.push((unit, UnitSums::default().with_position(*basis))),
        }
    }
    Ok(units)
}

/// What sums are taken with: instructions, and the matrix.
type On<'a> = (pulp::Arch, &'a Matrix);

/// Returns what an order is at the knots.
fn bend_of<'a>(matrix: &'a Matrix, path: &Path, order: &OrderLine<'_>) -> OrderBend<'a> {
    let row = if order.bends { matrix.bend_at(order.slot, path, 0) } else { None };
    OrderBend { knots: matrix.knots(path.underlying.0), row }
}

#[inline(never)]
fn lows_bent<const LEVELS: usize>(
    (arch, matrix): On<'_>,
    path: &Path,
    order: &OrderLine<'_>,
    levels: [&Level; LEVELS],
    mut lows: [i64; LEVELS],
) -> [i64; LEVELS] {
    let bend = bend_of(matrix, path, order);
    for (low, level) in lows.iter_mut().zip(levels) {
        *low = (*low).min(level.bent_with(arch, order, bend));
    }
    lows
}

fn find(levels: &[Level], number: u32) -> Option<&Level> {
    // Most accounts have one class, and many one underlying.
    if let [level] = levels {
        return (level.number == number).then_some(level);
    }
    levels.binary_search_by_key(&number, |level| level.number).ok().and_then(|at| levels.get(at))
}

/// Returns the level of a number and whether it is new.
fn level_mut(
    levels: &mut Vec<Level>,
    share: (u32, i64),
    underlying: u32,
) -> Option<(&mut Level, bool)> {
    match levels.binary_search_by_key(&share.0, |level| level.number) {
        Ok(at) => levels.get_mut(at).map(|level| (level, false)),
        Err(at) => {
            levels.insert(at, Level::empty(share, underlying));
            levels.get_mut(at).map(|level| (level, true))
        }
    }
}

/// Returns the share of a loss that counts, in millionths of micro-dollars.
#[inline(always)]
pub(crate) fn loss_kept(share: i64, reserve: i64, low: i64, basis: i64) -> i128 {
    // What the basis scenario gains is never above zero.
    let loss = reserve.saturating_sub(low).max(basis.wrapping_neg());
    i128::from(share).wrapping_mul(i128::from(loss))
}

/// Returns a sum in millionths of micro-dollars as micro-dollars, rounded up.
#[inline]
pub(crate) fn round_up(sum: i128) -> Notional {
    let up = limits::PPM_ONE.saturating_sub(1);
    // The short form is the same quotient, where a machine word holds it.
    let micros = match u64::try_from(sum).ok().and_then(|sum| sum.checked_add(999_999)) {
        Some(sum) => i128::from(sum.div_euclid(1_000_000)),
        None => sum.saturating_add(up).div_euclid(limits::PPM_ONE),
    };
    Notional::from_micros(micros)
}

/// Returns a fraction of an amount, rounded up.
#[inline]
pub(crate) fn fraction_up(amount: Notional, fraction: Ppm) -> Result<Notional, ArithmeticError> {
    let short = u64::try_from(amount.micros()).ok().zip(u64::try_from(fraction.parts()).ok());
    match short.and_then(|(amount, fraction)| amount.checked_mul(fraction)) {
        Some(product) => Ok(round_up(i128::from(product))),
        None => amount.fraction_ppm(fraction, Round::Up),
    }
}

/// Returns the first stage after one that looks past something more of some paths; none if no later one does.
#[inline]
pub(crate) fn stage_after<'a>(paths: impl Iterator<Item = &'a Path>, stage: u32) -> Option<u32> {
    paths.map(|path| path.stage).filter(|first| *first > stage).min()
}

impl<'a> Scan<'a> {
    /// Returns the scan of positions that are sorted by row.
    pub(crate) fn new(risk: &Risk, matrix: &'a Matrix, lines: &[Entry]) -> Result<Self, Fault> {
        let held = Stage::new(risk, matrix, lines, 0)?;
        let units = units_of(risk, lines)?;
        let mut scan = Self { matrix, sum: held.sum, held, later: Vec::new(), units };
        if risk.soon.is_empty() {
            return Ok(scan);
        }
        let paths = || {
            let slots = lines.iter().filter_map(|entry| risk.slot(entry.line.slot));
            slots.filter_map(|slot| risk.path(slot.group))
        };
        let mut last = 0;
        while let Some(stage) = stage_after(paths(), last) {
            scan.later.push((stage, Stage::new(risk, matrix, lines, stage)?));
            last = stage;
        }
        scan.measure();
        Ok(scan)
    }

    /// Takes the greatest of all stages.
    fn measure(&mut self) {
        let later = self.later.iter().map(|(_, stage)| stage.sum);
        self.sum = later.fold(self.held.sum, i128::max);
    }

    /// Returns the scan in millionths of micro-dollars.
    pub(crate) const fn sum(&self) -> i128 {
        self.sum
    }

    /// Returns the sum of the scan once an order is added and `more` is reserved for short positions.
    #[inline(always)]
    pub(crate) fn sum_with(
        &self,
        arch: pulp::Arch,
        path: &Path,
        order: &OrderLine<'_>,
        more: i64,
    ) -> i128 {
        let more = More { reserve: more, basis: self.basis_with(order, false).1 };
        let sum = self.held.sum_with((arch, self.matrix), path, order, more);
        if path.stage == 0 && self.later.is_empty() {
            return sum;
        }
        sum.max(self.later_with(arch, path, order, more))
    }

    /// Returns what the unit of an order gains with it, or without it, and by how much its worst changes.
    #[inline]
    fn basis_with(&self, order: &OrderLine<'_>, take_out: bool) -> (UnitSums, i64) {
        let before = unit_of(&self.units, order.unit);
        let after = before.with_order(order.basis, order.cost, take_out);
        (after, after.worst().wrapping_sub(before.worst()))
    }

    /// Returns the greatest sum of the stages that look past something, once an order is added.
    #[inline(never)]
    fn later_with(&self, arch: pulp::Arch, path: &Path, order: &OrderLine<'_>, more: More) -> i128 {
        let past = order.past();
        let with = |number, stage: &Stage| {
            let order = if path.is_past(number) { &past } else { order };
            stage.sum_with((arch, self.matrix), path, order, more)
        };
        let sums = self.later.iter().map(|(number, stage)| with(*number, stage));
        let greatest = sums.fold(i128::MIN, i128::max);
        match self.place(path.stage) {
            Err(place) => greatest.max(with(path.stage, self.before(place))),
            Ok(_) => greatest,
        }
    }

    /// Returns where a stage is, or where it would be.
    fn place(&self, stage: u32) -> Result<usize, usize> {
        // What is held is stage zero, and always there.
        if stage == 0 {
            return Ok(0);
        }
        self.later.binary_search_by_key(&stage, |(number, _)| *number)
    }

    /// Returns the stage before a place among the later ones.
    fn before(&self, place: usize) -> &Stage {
        let before = place.checked_sub(1).and_then(|place| self.later.get(place));
        before.map_or(&self.held, |(_, stage)| stage)
    }

    /// Adds an order, or takes it out, and reserves `more` for short positions.
    pub(crate) fn apply(
        &mut self,
        arch: pulp::Arch,
        path: &Path,
        order: &OrderLine<'_>,
        more: i64,
        take_out: bool,
    ) {
        if let Err(place) = self.place(path.stage) {
            let stage = self.before(place).clone();
            self.later.insert(place, (path.stage, stage));
        }
        let (unit, basis) = self.basis_with(order, take_out);
        let more = More { reserve: more, basis };
        match self.units.binary_search_by_key(&order.unit, |(number, _)| *number) {
            Ok(place) => self.units.get_mut(place).into_iter().for_each(|held| held.1 = unit),
            Err(place) => self.units.insert(place, (order.unit, unit)),
        }
        let on = (arch, self.matrix);
        self.held.apply(on, path, order, more, take_out);
        let past = order.past();
        for (number, stage) in &mut self.later {
            let order = if path.is_past(*number) { &past } else { order };
            stage.apply(on, path, order, more, take_out);
        }
        self.measure();
    }

    /// Returns the sum of the scan without lots of one row that are in it, in the unit of the row, and without what is
    /// reserved for them. The rows are that of what is held and its second row; `unit` is what moves with it.
    pub(crate) fn sum_without(
        &self,
        path: &Path,
        [row, late]: [&Row; 2],
        unit: u32,
        gone: &Entry,
    ) -> i128 {
        let before = unit_of(&self.units, unit);
        let after = before.with_position(gone.basis.map(i64::wrapping_neg));
        let more = More {
            reserve: gone.reserve.saturating_neg(),
            basis: after.worst().wrapping_sub(before.worst()),
        };
        let knots = self.matrix.knots(path.underlying.0);
        let bend = self.matrix.bend_at(gone.line.slot, path, 0);
        let (bend, past) = (OrderBend { knots, row: bend }, OrderBend { knots, row: None });
        let held = self.held.sum_without(path, (row, bend), gone.line.lots, more);
        self.later.iter().fold(held, |greatest, (number, stage)| {
            let rows = if path.is_past(*number) { (late, past) } else { (row, bend) };
            greatest.max(stage.sum_without(path, rows, gone.line.lots, more))
        })
    }

    /// Returns the sums of all classes, of what is held.
    pub(crate) fn total(&self) -> Total {
        self.held.total(self.matrix)
    }
}

impl Stage {
    /// Returns the scan of positions that are sorted by row, in a stage; as they are held in stage zero.
    fn new(risk: &Risk, matrix: &Matrix, lines: &[Entry], stage: u32) -> Result<Self, Fault> {
        let mut scan = Self::default();
        let mut moved: Option<(u32, UnitSums)> = None;
        for Entry { line, reserve, basis } in lines {
            let missing = || Fault::Missing("margin: row");
            let slot = risk.slot(line.slot).ok_or_else(missing)?;
            let path = risk.path(slot.group).ok_or_else(missing)?;
            let row = matrix.row_at(line.slot, path, stage).ok_or_else(missing)?;
            // Rows of a unit follow each other.
            let before = moved.filter(|(unit, _)| *unit == slot.unit).unwrap_or_default().1;
            let after = before.with_position(*basis);
            moved = Some((slot.unit, after));
            let more = after.worst().wrapping_sub(before.worst());
            let bend = matrix.bend_at(line.slot, path, stage).filter(|_| slot.bends);
            scan.bends |= bend.is_some();
            for level in scan.path_mut(path).into_iter().flatten() {
                add_position(&mut level.vector, row, line.lots);
                if let Some(bend) = bend {
                    let bends = level.bends.get_or_insert_with(|| Box::new(Bends::ZERO));
                    bends.add_position(bend, line.lots);
                }
                level.reserve = level.reserve.saturating_add(*reserve);
                level.basis = level.basis.wrapping_add(more);
            }
        }
        let levels = [&mut scan.groups, &mut scan.underlyings, &mut scan.classes];
        let mut sum: i128 = 0;
        for level in levels.into_iter().flatten() {
            let loss = level.loss_now(matrix.knots(level.underlying));
            sum = sum.wrapping_add(level.change(level.kept, loss));
            level.loss = loss;
        }
        scan.sum = sum;
        Ok(scan)
    }

    /// Returns the three levels of a path, made if they are not there.
    fn path_mut(&mut self, path: &Path) -> [Option<&mut Level>; 3] {
        let of = path.underlying.0;
        let group = level_mut(&mut self.groups, path.group, of);
        let underlying = level_mut(&mut self.underlyings, path.underlying, of);
        let class = level_mut(&mut self.classes, path.class, of);
        let new_group = group.as_ref().is_some_and(|(_, new)| *new);
        let new_underlying = underlying.as_ref().is_some_and(|(_, new)| *new);
        [
            group.map(|(level, _)| level),
            underlying.map(|(level, _)| level.count(new_group)),
            class.map(|(level, _)| level.count(new_underlying)),
        ]
    }

    /// Returns the sum of the scan once an order is added and `more` is reserved for short positions.
    #[inline(always)]
    fn sum_with(&self, on: On<'_>, path: &Path, order: &OrderLine<'_>, more: More) -> i128 {
        let known = find(&self.groups, path.group.0);
        let group = known.unwrap_or(Level::NONE);
        let underlying = find(&self.underlyings, path.underlying.0).unwrap_or(Level::NONE);
        let class = find(&self.classes, path.class.0).unwrap_or(Level::NONE);
        // A level made up of one finer level has the same sums.
        let alone = |level: &Level, finer_known: bool| level.finer <= u32::from(finer_known);
        let one_group = alone(underlying, known.is_some());
        let one_underlying = path.class.1 == 0 || alone(class, underlying.finer > 0);
        let [low_group, low_underlying, low_class] = match (one_group, one_underlying) {
            (true, true) => {
                // The same sums, reserve and loss: only their shares differ.
                let [low] = self.lows(on, path, order, [group]);
                let shares =
                    path.group.1.wrapping_add(path.underlying.1).wrapping_add(path.class.1);
                return self.sum.wrapping_add(
                    group.change(shares, group.loss_at(low, more.basis, more.reserve)),
                );
            }
            (false, true) => {
                let [low, of_underlying] = self.lows(on, path, order, [group, underlying]);
                [low, of_underlying, of_underlying]
            }
            (true, false) => {
                let [low, of_class] = self.lows(on, path, order, [group, class]);
                [low, low, of_class]
            }
            (false, false) => self.lows(on, path, order, [group, underlying, class]),
        };
        self.sum
            .wrapping_add(
                group.change(path.group.1, group.loss_at(low_group, more.basis, more.reserve)),
            )
            .wrapping_add(underlying.change(
                path.underlying.1,
                underlying.loss_at(low_underlying, more.basis, more.reserve),
            ))
            .wrapping_add(
                class.change(path.class.1, class.loss_at(low_class, more.basis, more.reserve)),
            )
    }

    /// Returns the lowest sum of each level once an order is added: of all scenarios, or at a knot.
    #[inline(always)]
    fn lows<const LEVELS: usize>(
        &self,
        (arch, matrix): On<'_>,
        path: &Path,
        order: &OrderLine<'_>,
        levels: [&Level; LEVELS],
    ) -> [i64; LEVELS] {
        let lows = lows_with_order(arch, order, levels.map(|level| &level.vector));
        if self.bends || order.bends {
            return lows_bent((arch, matrix), path, order, levels, lows);
        }
        lows
    }

    /// Returns the sum of the scan without lots of one row that are in it, in the unit of the row, and without what is
    /// reserved for them.
    fn sum_without(
        &self,
        path: &Path,
        (row, bend): (&Row, OrderBend<'_>),
        scaled: i32,
        more: More,
    ) -> i128 {
        let levels = [
            find(&self.groups, path.group.0),
            find(&self.underlyings, path.underlying.0),
            find(&self.classes, path.class.0),
        ];
        levels.into_iter().flatten().fold(self.sum, |sum, level| {
            let mut vector = level.vector;
            add_position(&mut vector, row, scaled.wrapping_neg());
            let mut low = lowest_of(&vector);
            if let Some(mut bends) = level.bends.as_deref().cloned() {
                if let Some(bend) = bend.row {
                    bends.add_position(bend, scaled.wrapping_neg());
                }
                low = low.min(bends.lowest(bend.knots, &vector));
            }
            let loss = level.loss_at(low, more.basis, more.reserve);
            sum.wrapping_add(level.change(level.kept, loss))
        })
    }

    /// Adds an order, or takes it out, and reserves `more` for short positions.
    fn apply(
        &mut self,
        (arch, matrix): On<'_>,
        path: &Path,
        order: &OrderLine<'_>,
        more: More,
        take_out: bool,
    ) {
        let mut sum = self.sum;
        let bend = bend_of(matrix, path, order);
        self.bends |= order.bends;
        for level in self.path_mut(path).into_iter().flatten() {
            add_order(arch, &mut level.vector, order, take_out);
            if order.bends {
                let bends = level.bends.get_or_insert_with(|| Box::new(Bends::ZERO));
                bends.turn(order, bend, take_out);
            }
            level.reserve = level.reserve.saturating_add(more.reserve);
            level.basis = level.basis.wrapping_add(more.basis);
            let loss = level.loss_now(bend.knots);
            sum = sum.wrapping_add(level.change(level.kept, loss));
            level.loss = loss;
        }
        self.sum = sum;
    }

    /// Returns the sums of all classes.
    fn total(&self, matrix: &Matrix) -> Total {
        let mut total = Total { sums: Vector::ZERO, basis: 0, bent: i64::MAX };
        for class in &self.classes {
            add_vector(&mut total.sums, &class.vector);
            total.basis = total.basis.wrapping_add(class.basis);
        }
        // Classes have no knots in common, nor have underlyings that do not offset.
        if let [class] = &*self.classes
            && let Some(bends) = &class.bends
            && (class.kept > 0 || class.finer <= 1)
        {
            total.bent = bends.lowest(matrix.knots(class.underlying), &class.vector);
        }
        total
    }
}
