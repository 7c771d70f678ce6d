//! The hot loops: sixteen scenarios at a time in 64-bit lanes, written once over the instruction sets of [`sets`].
//!
//! **Invariant:** integer sums and minima only, so every instruction set gives the same bits. The sums do not overflow,
//! because every account is admitted under the bound of [`crate::bounds`] and no scenario is looked at before that bound
//! has been checked for the account at hand; should it ever fail to hold, the sums wrap and nothing panics.

mod sets;

use crate::basis::BasisMoves;
use crate::scan::{Path, loss_kept};
use crate::scenario::SCENARIOS;
use crate::strikes::{self, Knot};
use crate::weights::{Key, Unit};
pub(crate) use sets::Lanes;
use sets::Plain;

/// An instruction set that the hot loops are compiled for. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstructionSet {
    /// What every machine of the target has: SSE2 on x86-64, NEON on AArch64.
    Portable,
    /// AVX2, with the rest of x86-64-v3.
    Avx2,
    /// AVX-512, with the rest of x86-64-v4.
    Avx512,
}

impl InstructionSet {
    /// Returns those that this machine has, the fastest last.
    pub fn available() -> impl Iterator<Item = Self> {
        let all = [Self::Portable, Self::Avx2, Self::Avx512];
        all.into_iter().filter(|set| set.arch().is_some())
    }

    /// Returns the compiled path, if this machine can take it.
    pub(crate) fn arch(self) -> Option<pulp::Arch> {
        match self {
            Self::Portable => Some(pulp::Arch::Scalar),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().map(pulp::Arch::V3),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().map(pulp::Arch::V4),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => None,
        }
    }
}

impl std::fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        })
    }
}

/// Scenarios that are summed at a time.
pub(crate) const LANES: usize = 16;
/// Such groups in the set.
pub(crate) const CHUNKS: usize = 3;

const _: () = assert!(LANES * CHUNKS == SCENARIOS);

/// Sums beside the scenarios that are added up at a time.
pub(crate) type Four = [i64; 4];

/// Scenario profit and loss of one lot, in units of a power of two of micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Row(pub(crate) [[i32; LANES]; CHUNKS]);

/// Scenario profit and loss of a set of positions, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Vector(pub(crate) [[i64; LANES]; CHUNKS]);

impl Row {
    pub(crate) const ZERO: Self = Self([[0; LANES]; CHUNKS]);

    /// Returns the lowest and the highest value.
    pub(crate) fn extremes(&self) -> Extremes {
        let values = self.0.as_flattened().iter();
        values.fold(Extremes { lowest: i32::MAX, highest: i32::MIN }, |found, value| Extremes {
            lowest: found.lowest.min(*value),
            highest: found.highest.max(*value),
        })
    }
}

/// The lowest and the highest value of a row: all there is to know of it while it is alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extremes {
    lowest: i32,
    highest: i32,
}

impl Extremes {
    /// Returns the lowest scenario sum of one line.
    fn low(self, scaled: i32) -> i64 {
        let worst = if scaled < 0 { self.highest } else { self.lowest };
        i64::from(worst).wrapping_mul(i64::from(scaled))
    }
}

/// A matrix: rows, and the extremes of each.
///
/// What expires within a day has a second row, for the stages that look past it (0019-MARG-023), and one of what it gains where
/// the options of the day bend (0019-MARG-042): those of an expiry follow each other as its rows do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matrix {
    rows: Vec<Row>,
    extremes: Vec<Extremes>,
    late: Vec<Row>,
    late_extremes: Vec<Extremes>,
    bends: Vec<Row>,
    /// By underlying.
    knots: Vec<Vec<Knot>>,
}

impl Matrix {
    /// Returns a matrix without rows, with room for some, and the knots of each underlying.
    pub(crate) fn with_capacity(rows: usize, knots: Vec<Vec<Knot>>) -> Self {
        let (rows, extremes) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        Self { rows, extremes, knots, ..Self::default() }
    }

    pub(crate) fn push(&mut self, row: Row) {
        self.extremes.push(row.extremes());
        self.rows.push(row);
    }

    /// Adds the second row of what expires, and what it gains where options bend.
    pub(crate) fn push_late(&mut self, row: Row, bend: Row) {
        self.late_extremes.push(row.extremes());
        self.late.push(row);
        self.bends.push(bend);
    }

    /// Returns the knots of an underlying.
    #[inline(always)]
    pub(crate) fn knots(&self, underlying: u32) -> &[Knot] {
        let place = usize::try_from(underlying).unwrap_or(usize::MAX);
        self.knots.get(place).map_or(&[], |knots| knots)
    }

    /// Returns what a row gains where options bend, in a stage that does not look past it.
    #[inline(always)]
    pub(crate) fn bend_at(&self, slot: u32, path: &Path, stage: u32) -> Option<&Row> {
        if path.stage == 0 || path.is_past(stage) {
            return None;
        }
        self.bends.get(usize::try_from(path.late(slot)).ok()?)
    }

    /// Returns how many second rows there are.
    pub(crate) fn len_late(&self) -> usize {
        self.late.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    #[inline(always)]
    pub(crate) fn row(&self, slot: u32) -> Option<&Row> {
        self.rows.get(usize::try_from(slot).ok()?)
    }

    /// Returns the row that counts in a stage.
    #[inline(always)]
    pub(crate) fn row_at(&self, slot: u32, path: &Path, stage: u32) -> Option<&Row> {
        if path.is_past(stage) {
            return self.late.get(usize::try_from(path.late(slot)).ok()?);
        }
        self.row(slot)
    }

    #[inline(always)]
    fn extremes_at(&self, slot: u32, path: &Path, stage: u32) -> Option<Extremes> {
        if path.is_past(stage) {
            return self.late_extremes.get(usize::try_from(path.late(slot)).ok()?).copied();
        }
        self.extremes(slot)
    }

    #[cfg(test)]
    pub(crate) fn with_knots(self, knots: Vec<Vec<Knot>>) -> Self {
        Self { knots, ..self }
    }

    #[cfg(test)]
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn extremes(&self, slot: u32) -> Option<Extremes> {
        self.extremes.get(usize::try_from(slot).ok()?).copied()
    }
}

impl FromIterator<Row> for Matrix {
    fn from_iter<T: IntoIterator<Item = Row>>(rows: T) -> Self {
        let mut matrix = Self::default();
        rows.into_iter().for_each(|row| matrix.push(row));
        matrix
    }
}

impl Vector {
    pub(crate) const ZERO: Self = Self([[0; LANES]; CHUNKS]);
}

/// Lots of one row; in its unit where that is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) slot: u32,
    pub(crate) lots: i32,
}

/// Does some work with the instructions of an instruction set.
///
/// The work is a type and not a closure: a closure's call would be compiled for what every machine has.
pub(crate) fn dispatch<W: Lanewise>(arch: pulp::Arch, work: W) -> W::Output {
    match arch {
        #[cfg(target_arch = "x86_64")]
        pulp::Arch::V3(simd) => simd.vectorize(With { lanes: simd, work }),
        #[cfg(target_arch = "x86_64")]
        pulp::Arch::V4(simd) => simd.vectorize(With { lanes: simd, work }),
        _ => work.with(Plain),
    }
}

/// Work that is written once for every instruction set.
pub(crate) trait Lanewise {
    type Output;

    fn with<L: Lanes>(self, lanes: L) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
struct With<L, W> {
    lanes: L,
    work: W,
}

#[cfg(target_arch = "x86_64")]
impl<L: Lanes, W: Lanewise> pulp::NullaryFnOnce for With<L, W> {
    type Output = W::Output;

    #[inline(always)]
    fn call(self) -> W::Output {
        self.work.with(self.lanes)
    }
}

/// The scan of an account's lines, which are sorted by row: as they are held, or `LATE`, in a stage that looks past what
/// expires; with `BASIS` where something moves in the basis scenario, and `BENDS` where an option of the day is held.
pub(crate) struct Sweep<'a, const LATE: bool, const BASIS: bool, const BENDS: bool> {
    pub(crate) matrix: &'a Matrix,
    /// So few lots that they fit in the units of their rows.
    pub(crate) lines: &'a [Line],
    /// By row.
    pub(crate) keys: &'a [Key],
    /// By row.
    pub(crate) bases: &'a [BasisMoves],
    /// By group.
    pub(crate) paths: &'a [Path],
    pub(crate) stage: u32,
}

/// Sums of all scenarios, in registers.
type Sums<L> = [<L as Lanes>::Sums; CHUNKS];

#[inline(always)]
fn lowest_in<L: Lanes>(lanes: L, [a, b, c]: Sums<L>) -> i64 {
    lanes.lowest(lanes.min(lanes.min(a, b), c))
}

#[inline(always)]
fn add_sums<L: Lanes>(lanes: L, [a, b, c]: Sums<L>, [d, e, f]: Sums<L>) -> Sums<L> {
    [lanes.add(a, d), lanes.add(b, e), lanes.add(c, f)]
}

/// What a level gains where options bend.
#[derive(Clone, Copy)]
struct Bent<L: Lanes> {
    sums: Sums<L>,
    any: bool,
}

impl<L: Lanes> Bent<L> {
    #[inline(always)]
    fn none(lanes: L) -> Self {
        Self { sums: [lanes.zero(); CHUNKS], any: false }
    }

    #[inline(always)]
    fn add(&mut self, lanes: L, more: &Self) {
        if more.any {
            self.sums = add_sums(lanes, self.sums, more.sums);
            self.any = true;
        }
    }
}

#[inline(always)]
fn add_line<L: Lanes>(lanes: L, [a, b, c]: Sums<L>, row: &Row, lots: i32) -> Sums<L> {
    let Row([first, second, third]) = row;
    [
        lanes.add_lots_mixed(a, first, lots),
        lanes.add_lots_mixed(b, second, lots),
        lanes.add_lots_mixed(c, third, lots),
    ]
}

impl<'a, const LATE: bool, const BASIS: bool, const BENDS: bool> Sweep<'a, LATE, BASIS, BENDS> {
    /// Returns the scan in millionths of micro-dollars; nothing if a line has no row.
    #[inline(always)]
    pub(crate) fn scan(self, arch: pulp::Arch) -> Option<i128> {
        let [line] = self.lines else { return dispatch(arch, self) };
        if BENDS {
            return dispatch(arch, self);
        }
        // Many accounts hold one position: its lowest or highest value is the lowest sum of every level.
        let (_, key) = self.line(0)?;
        let path = self.path(key.group)?;
        let shares = path.group.1.wrapping_add(path.underlying.1).wrapping_add(path.class.1);
        let low = self.extremes(line, key)?.low(key.scaled(line.lots));
        let mut basis = 0i64;
        if BASIS && key.basis != Unit::Still {
            let [fallen, risen] = self.basis(line)?;
            basis = fallen.min(risen).min(0);
        }
        Some(loss_kept(shares, key.reserved(line.lots), low, basis))
    }

    /// Returns a line and its key, or nothing.
    #[inline(always)]
    fn line(&self, at: usize) -> Option<(&'a Line, &'a Key)> {
        let line = self.lines.get(at)?;
        Some((line, self.keys.get(usize::try_from(line.slot).ok()?)?))
    }

    #[inline(always)]
    fn path(&self, group: u32) -> Option<&'a Path> {
        self.paths.get(usize::try_from(group).ok()?)
    }

    #[inline(always)]
    fn row(&self, line: &Line, key: &Key) -> Option<&'a Row> {
        if LATE {
            return self.matrix.row_at(line.slot, self.path(key.group)?, self.stage);
        }
        self.matrix.row(line.slot)
    }

    /// Returns what a line gains as its unit falls and as it rises.
    #[inline(always)]
    fn basis(&self, line: &Line) -> Option<[i64; 2]> {
        let moves = self.bases.get(usize::try_from(line.slot).ok()?)?;
        Some(moves.times(line.lots.into()))
    }

    /// Adds what a line gains where options bend.
    #[inline(always)]
    fn add_bend<L: Lanes>(&self, lanes: L, bent: &mut Bent<L>, line: &Line, key: &Key) {
        if !BENDS || !key.bends() {
            return;
        }
        let bend = self.path(key.group).and_then(|path| {
            // What is held looks past nothing.
            self.matrix.bend_at(line.slot, path, if LATE { self.stage } else { 0 })
        });
        if let Some(row) = bend {
            bent.sums = add_line(lanes, bent.sums, row, key.scaled(line.lots));
            bent.any = true;
        }
    }

    /// Returns the lowest sum of a level of an underlying: of all scenarios, or where an option bends.
    #[inline(always)]
    fn lowest<L: Lanes>(&self, lanes: L, sums: Sums<L>, bent: &Bent<L>, underlying: u32) -> i64 {
        let low = lowest_in(lanes, sums);
        if !BENDS || !bent.any {
            return low;
        }
        low.min(strikes::lowest_at(
            self.matrix.knots(underlying),
            &Vector(sums.map(|sums| lanes.store_mixed(sums))),
            &Vector(bent.sums.map(|sums| lanes.store_mixed(sums))),
        ))
    }

    #[inline(always)]
    fn extremes(&self, line: &Line, key: &Key) -> Option<Extremes> {
        if LATE {
            return self.matrix.extremes_at(line.slot, self.path(key.group)?, self.stage);
        }
        self.matrix.extremes(line.slot)
    }
}

impl<const LATE: bool, const BASIS: bool, const BENDS: bool> Lanewise
    for Sweep<'_, LATE, BASIS, BENDS>
{
    /// The scan in millionths of micro-dollars; nothing if a line has no row.
    type Output = Option<i128>;

    /// Sums over all levels. What a level of one line or of one finer level has, it has from there: one line alone is
    /// scaled by its lowest or highest value, and only where several meet, all scenarios are summed.
    #[inline(always)]
    fn with<L: Lanes>(self, lanes: L) -> Option<i128> {
        let none = [lanes.zero(); CHUNKS];
        let (mut class, mut reserve_class, mut first_in_class) = (none, 0i64, true);
        let (mut basis_class, mut bent_class) = (0i64, Bent::none(lanes));
        let mut sum = 0i128;
        let mut at = 0usize;
        let mut next = self.line(at);
        while let Some((_, begins)) = next {
            let path = self.path(begins.group)?;
            let (mut underlying, mut reserve_underlying, mut groups) = (none, 0i64, 0u32);
            let (mut basis_underlying, mut bent_underlying) = (0i64, Bent::none(lanes));
            let mut low = 0;
            while let Some((line, key)) =
                next.filter(|(_, next)| next.underlying == begins.underlying)
            {
                let group = key.group;
                let (row, scaled) = (self.row(line, key)?, key.scaled(line.lots));
                let mut reserve = key.reserved(line.lots);
                let mut basis = BasisLow::default();
                if BASIS && key.basis != Unit::Still {
                    basis = basis.with(key.basis, self.basis(line)?);
                }
                let mut bent = Bent::none(lanes);
                self.add_bend(lanes, &mut bent, line, key);
                at = at.wrapping_add(1);
                next = self.line(at);
                let more = next.is_some_and(|(_, next)| next.group == group);
                if more || bent.any {
                    let mut sums = add_line(lanes, none, row, scaled);
                    while let Some((line, key)) = next.filter(|(_, next)| next.group == group) {
                        let row = self.row(line, key)?;
                        sums = add_line(lanes, sums, row, key.scaled(line.lots));
                        self.add_bend(lanes, &mut bent, line, key);
                        reserve = reserve.wrapping_add(key.reserved(line.lots));
                        if BASIS && key.basis != Unit::Still {
                            basis = basis.with(key.basis, self.basis(line)?);
                        }
                        at = at.wrapping_add(1);
                        next = self.line(at);
                    }
                    underlying = add_sums(lanes, underlying, sums);
                    low = self.lowest(lanes, sums, &bent, begins.underlying);
                    bent_underlying.add(lanes, &bent);
                } else {
                    underlying = add_line(lanes, underlying, row, scaled);
                    low = self.extremes(line, key)?.low(scaled);
                }
                let basis = basis.low();
                sum = sum.wrapping_add(loss_kept(key.kept.into(), reserve, low, basis));
                basis_underlying = basis_underlying.wrapping_add(basis);
                reserve_underlying = reserve_underlying.wrapping_add(reserve);
                groups = groups.wrapping_add(1);
            }
            if groups > 1 {
                low = self.lowest(lanes, underlying, &bent_underlying, begins.underlying);
            }
            sum = sum.wrapping_add(loss_kept(
                path.underlying.1,
                reserve_underlying,
                low,
                basis_underlying,
            ));
            reserve_class = reserve_class.wrapping_add(reserve_underlying);
            basis_class = basis_class.wrapping_add(basis_underlying);
            let after = match next {
                Some((_, key)) => Some(self.path(key.group)?),
                None => None,
            };
            let ends_class = after.is_none_or(|after| after.class.0 != path.class.0);
            if !(ends_class && first_in_class) {
                class = add_sums(lanes, class, underlying);
                bent_class.add(lanes, &bent_underlying);
            }
            if ends_class {
                if !first_in_class {
                    low = self.lowest(lanes, class, &bent_class, begins.underlying);
                }
                sum = sum.wrapping_add(loss_kept(path.class.1, reserve_class, low, basis_class));
                (class, reserve_class, basis_class) = (none, 0, 0);
                bent_class = Bent::none(lanes);
            }
            first_in_class = ends_class;
        }
        // A line without a row ends the walk early.
        (at == self.lines.len()).then_some(sum)
    }
}

/// What an expiry gains in the basis scenario.
#[derive(Debug, Clone, Copy, Default)]
struct BasisLow {
    /// What moves alone.
    alone: i64,
    /// What moves together, as it falls and as it rises.
    together: [i64; 2],
}

impl BasisLow {
    #[inline(always)]
    fn with(self, unit: Unit, [fell, rose]: [i64; 2]) -> Self {
        let Self { alone, together: [fallen, risen] } = self;
        match unit {
            Unit::Expiry => {
                Self { alone, together: [fallen.wrapping_add(fell), risen.wrapping_add(rose)] }
            }
            Unit::Alone | Unit::Still => {
                Self { alone: alone.wrapping_add(fell.min(rose).min(0)), ..self }
            }
        }
    }

    #[inline(always)]
    fn low(self) -> i64 {
        let [fallen, risen] = self.together;
        self.alone.wrapping_add(fallen.min(risen).min(0))
    }
}

/// What an order adds to a scenario: its profit and loss if it is filled there, and nothing if that is a profit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderLine<'a> {
    pub(crate) row: &'a Row,
    /// What takes its place in the stages that look past the contract; the same if it does not expire within a day.
    pub(crate) late: &'a Row,
    pub(crate) scaled: i32,
    /// What filling costs beside the scenario: distance of limit from mark, and fee.
    pub(crate) cost: i64,
    /// What it moves with in the basis scenario, and what it gains as that falls and as it rises.
    pub(crate) unit: u32,
    pub(crate) basis: [i64; 2],
    /// Where its bend is in the matrix, if it has one.
    pub(crate) slot: u32,
    pub(crate) bends: bool,
}

impl OrderLine<'_> {
    /// Returns the order in a stage that looks past its contract: filling costs what it costs.
    pub(crate) const fn past(&self) -> Self {
        Self { row: self.late, bends: false, ..*self }
    }

    #[inline(always)]
    fn worst<L: Lanes, const CHUNK: usize>(&self, lanes: L) -> L::Sums {
        let row = chunk_of::<CHUNK, _>(&self.row.0);
        let sums = lanes.splat(self.cost.wrapping_neg());
        lanes.min(lanes.add_lots(sums, row, self.scaled), lanes.zero())
    }
}

/// A check of an order.
struct Check<'a, const LEVELS: usize> {
    order: &'a OrderLine<'a>,
    vectors: [&'a Vector; LEVELS],
}

impl<const LEVELS: usize> Check<'_, LEVELS> {
    #[inline(always)]
    fn chunk<L: Lanes, const CHUNK: usize>(&self, lanes: L, least: &mut [L::Sums; LEVELS]) {
        let worst = self.order.worst::<L, CHUNK>(lanes);
        for (vector, least) in self.vectors.iter().zip(least) {
            let sums = lanes.add(lanes.load(chunk_of::<CHUNK, _>(&vector.0)), worst);
            *least = lanes.min(*least, sums);
        }
    }
}

impl<const LEVELS: usize> Lanewise for Check<'_, LEVELS> {
    type Output = [i64; LEVELS];

    #[inline(always)]
    fn with<L: Lanes>(self, lanes: L) -> [i64; LEVELS] {
        let mut least = [lanes.splat(i64::MAX); LEVELS];
        self.chunk::<L, 0>(lanes, &mut least);
        self.chunk::<L, 1>(lanes, &mut least);
        self.chunk::<L, 2>(lanes, &mut least);
        let mut lows = [0; LEVELS];
        for (low, least) in lows.iter_mut().zip(least) {
            *low = lanes.lowest(least);
        }
        lows
    }
}

/// Returns the lowest sum of each vector once an order is added to it.
#[inline]
pub(crate) fn lows_with_order<const LEVELS: usize>(
    arch: pulp::Arch,
    order: &OrderLine<'_>,
    vectors: [&Vector; LEVELS],
) -> [i64; LEVELS] {
    dispatch(arch, Check { order, vectors })
}

/// An order that joins a vector, or leaves it.
struct Turn<'a> {
    vector: &'a mut Vector,
    order: &'a OrderLine<'a>,
    take_out: bool,
}

impl Turn<'_> {
    #[inline(always)]
    fn chunk<L: Lanes, const CHUNK: usize>(&mut self, lanes: L) {
        let worst = self.order.worst::<L, CHUNK>(lanes);
        let sums = chunk_of_mut::<CHUNK, _>(&mut self.vector.0);
        let held = lanes.load(sums);
        let turned = if self.take_out { lanes.sub(held, worst) } else { lanes.add(held, worst) };
        *sums = lanes.store(turned);
    }
}

impl Lanewise for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn with<L: Lanes>(mut self, lanes: L) {
        self.chunk::<L, 0>(lanes);
        self.chunk::<L, 1>(lanes);
        self.chunk::<L, 2>(lanes);
    }
}

/// Adds an order to a vector, or takes it out again.
pub(crate) fn add_order(
    arch: pulp::Arch,
    vector: &mut Vector,
    order: &OrderLine<'_>,
    take_out: bool,
) {
    dispatch(arch, Turn { vector, order, take_out });
}

/// Adds lots to a vector.
pub(crate) fn add_position(vector: &mut Vector, row: &Row, scaled: i32) {
    for (sums, values) in vector.0.iter_mut().zip(&row.0) {
        *sums = Plain.add_lots(*sums, values, scaled);
    }
}

/// Adds a vector to another.
pub(crate) fn add_vector(vector: &mut Vector, more: &Vector) {
    for (sums, values) in vector.0.iter_mut().zip(&more.0) {
        *sums = Plain.add(*sums, *values);
    }
}

/// Returns the lowest sum of a vector.
pub(crate) fn lowest_of(vector: &Vector) -> i64 {
    vector.0.as_flattened().iter().fold(i64::MAX, |least, sum| least.min(*sum))
}

#[inline(always)]
fn chunk_of<const CHUNK: usize, T>(chunks: &[T; CHUNKS]) -> &T {
    let [first, second, third] = chunks;
    match CHUNK {
        0 => first,
        1 => second,
        _ => third,
    }
}

#[inline(always)]
fn chunk_of_mut<const CHUNK: usize, T>(chunks: &mut [T; CHUNKS]) -> &mut T {
    let [first, second, third] = chunks;
    match CHUNK {
        0 => first,
        1 => second,
        _ => third,
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "test values are drawn inside the narrow type")]
mod tests;
