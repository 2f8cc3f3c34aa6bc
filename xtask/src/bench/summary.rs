//! All runs of one program on one workload, in one line.

use super::row::Row;

/// The name of our own lines.
pub(super) const OURS: &str = "convnet";

/// All runs of one program on one workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Summary<'a> {
    /// The last run that counts.
    pub(super) last: &'a Row,
    /// Median over the runs that nobody disturbed, over all where each was.
    pub(super) images_per_s: f64,
    /// The median time of a step that belongs to it.
    pub(super) ms_per_step: f64,
    /// The shortest and the longest round.
    pub(super) ms_min: f64,
    pub(super) ms_max: f64,
    pub(super) peak_mib: Option<f64>,
    pub(super) runs: usize,
    pub(super) disturbed: usize,
}

/// Programs in the order in which they first ran.
pub(super) fn summaries<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<Summary<'a>> {
    let mut programs: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        match programs.iter_mut().find(|runs| runs[0].peer == row.peer) {
            Some(runs) => runs.push(row),
            None => programs.push(vec![row]),
        }
    }
    programs.into_iter().filter_map(|runs| summary(&runs)).collect()
}

/// The fastest.
pub(super) fn best<'s, 'a>(programs: impl IntoIterator<Item = &'s Summary<'a>>) -> Option<&'s Summary<'a>>
where
    'a: 's,
{
    programs.into_iter().max_by(|a, b| a.images_per_s.total_cmp(&b.images_per_s))
}

fn summary<'a>(runs: &[&'a Row]) -> Option<Summary<'a>> {
    let quiet: Vec<&Row> = runs.iter().copied().filter(|row| !row.disturbed).collect();
    let counted = if quiet.is_empty() { runs } else { &quiet };
    let last = *counted.last()?;
    let mut rates: Vec<f64> = counted.iter().map(|row| row.images_per_s).collect();
    rates.sort_by(f64::total_cmp);
    let middle = rates.len() / 2;
    let median = if rates.len() % 2 == 1 {
        rates[middle]
    } else {
        (rates[middle.checked_sub(1)?] + rates[middle]) / 2.0
    };
    Some(Summary {
        last,
        images_per_s: median,
        ms_per_step: last.ms_per_step * last.images_per_s / median,
        ms_min: counted.iter().map(|row| row.ms_min).fold(f64::INFINITY, f64::min),
        ms_max: counted.iter().map(|row| row.ms_max).fold(0.0, f64::max),
        peak_mib: counted.iter().filter_map(|row| row.peak_rss_mib).max_by(f64::total_cmp),
        runs: runs.len(),
        disturbed: runs.len() - quiet.len(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::row;
    use super::*;

    /// A run on two threads with a round a tenth faster and one half slower.
    pub(crate) fn run(workload: &str, peer: &str, images_per_s: f64, disturbed: bool) -> Row {
        let (row, _) = row::find(row::tests::LINE, "mnist_train");
        let ms_per_step = 64_000.0 / images_per_s;
        Row {
            workload: workload.into(),
            peer: peer.into(),
            images_per_s,
            ms_per_step,
            ms_min: ms_per_step * 0.9,
            ms_max: ms_per_step * 1.5,
            disturbed,
            ..row.unwrap()
        }
    }

    #[test]
    fn medians_leave_out_disturbed_runs_where_there_are_others() {
        let rows = [
            run("w", "a", 9_000.0, false),
            run("w", "b", 2_000.0, true),
            run("w", "a", 12_000.0, false),
            run("w", "b", 6_000.0, false),
            run("w", "a", 10_000.0, false),
            run("w", "c", 4_000.0, true),
            run("w", "a", 1.0, true),
        ];
        let found = summaries(&rows);
        let figures: Vec<_> = found
            .iter()
            .map(|s| (s.last.peer.as_str(), s.images_per_s, s.ms_per_step, s.runs, s.disturbed))
            .collect();
        let expected =
            [("a", 10_000.0, 6.4, 4, 1), ("b", 6_000.0, 64.0 / 6.0, 2, 1), ("c", 4_000.0, 16.0, 1, 1)];
        for (found, expected) in figures.iter().zip(expected) {
            assert_eq!(
                (found.0, found.1, found.3, found.4),
                (expected.0, expected.1, expected.3, expected.4)
            );
            assert!((found.2 - expected.2).abs() < 1e-9, "{found:?}");
        }
        assert_eq!((found[0].ms_min, found[0].ms_max), (64.0 / 12.0 * 0.9, 64.0 / 9.0 * 1.5));
        assert_eq!(best(&found).map(|best| best.last.peer.as_str()), Some("a"));
        let even = [run("w", "a", 10.0, false), run("w", "a", 20.0, false)];
        assert_eq!(summaries(&even)[0].images_per_s, 15.0);
    }
}
