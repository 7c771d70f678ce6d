//! Long series made short without losing what the eye must see.
//!
//! Time is cut into columns about as wide as a pixel. Of each column the first, the lowest, the highest and the last
//! point stay, in their order: the line drawn through them covers the same pixels as the line through all.

use crate::model::Point;

/// Returns at most four points for each column of time, and every gap's edge.
pub(crate) fn decimate(points: &[Point], columns: usize) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    if points.len() <= columns.saturating_mul(2) {
        return points.to_vec();
    }
    let length = (last.time - first.time).max(1);
    let columns = i64::try_from(columns.max(1)).unwrap_or(i64::MAX);
    // In 128 bits, because milliseconds times columns need not fit in 64.
    let column = |point: &Point| {
        i128::from(point.time - first.time) * i128::from(columns) / (i128::from(length) + 1)
    };
    let mut kept = Vec::new();
    let together =
        |a: &Point, b: &Point| column(a) == column(b) && a.value.is_some() == b.value.is_some();
    for group in points.chunk_by(together) {
        keep(group, &mut kept);
    }
    kept
}

/// Keeps the first, lowest, highest and last point of a column; of a gap, its first point.
fn keep(group: &[Point], kept: &mut Vec<Point>) {
    let by_value = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
    let valued: Vec<_> = group
        .iter()
        .enumerate()
        .filter_map(|(index, point)| point.value.map(|value| (index, value)))
        .collect();
    let mut indices = vec![0];
    if let (Some(low), Some(high)) =
        (valued.iter().min_by(by_value), valued.iter().max_by(by_value))
    {
        indices.extend([low.0, high.0, group.len() - 1]);
    }
    indices.sort_unstable();
    indices.dedup();
    kept.extend(indices.into_iter().filter_map(|index| group.get(index)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl IntoIterator<Item = Option<f64>>) -> Vec<Point> {
        values.into_iter().zip(0..).map(|(value, time)| Point { time, value }).collect()
    }

    #[test]
    fn a_single_spike_survives_any_shortening() {
        for spike in [0, 1, 4_999, 77_777, 99_999] {
            let points = series(
                (0..100_000).map(|i| Some(if i == spike { -9.0 } else { f64::from(i % 7) })),
            );
            let short = decimate(&points, 500);
            assert!(short.len() <= 2_000, "{}", short.len());
            assert!(
                short
                    .iter()
                    .any(|point| point.value == Some(-9.0) && point.time == i64::from(spike))
            );
            assert_eq!(short.first(), points.first());
            assert_eq!(short.last(), points.last());
            assert!(short.windows(2).all(|pair| pair[0].time < pair[1].time));
        }
    }

    #[test]
    fn short_series_stay_as_they_are_and_gaps_stay_gaps() {
        let points = series([Some(1.0), None, Some(2.0)]);
        assert_eq!(decimate(&points, 100), points);
        let long = series((0..10_000).map(|i| (!(4_000..6_000).contains(&i)).then_some(1.0)));
        assert!(decimate(&long, 50).iter().any(|point| point.value.is_none()));
        assert!(decimate(&[], 50).is_empty());
    }
}
