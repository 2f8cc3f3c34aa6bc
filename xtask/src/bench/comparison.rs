//! What the runs say together: medians, ratios and shares of the limit, as text and as Markdown.

use super::row::{Absent, Limit, Row};
use convnet_report::{Align, Table, words};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The name of our own lines.
pub(super) const OURS: &str = "convnet";

/// All runs of one program on one workload.
#[derive(Clone, Debug, PartialEq)]
struct Summary<'a> {
    last: &'a Row,
    /// Median over the runs that nobody disturbed, over all where each was.
    images_per_s: f64,
    ms_min: f64,
    ms_max: f64,
    peak_mib: Option<f64>,
    runs: usize,
    disturbed: usize,
}

/// Programs in the order in which they first ran.
fn summaries<'a>(rows: &'a [Row], workload: &str) -> Vec<Summary<'a>> {
    let mut programs: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in rows.iter().filter(|row| row.workload == workload) {
        match programs.iter_mut().find(|(peer, _)| *peer == row.peer) {
            Some((_, runs)) => runs.push(row),
            None => programs.push((&row.peer, vec![row])),
        }
    }
    programs.into_iter().filter_map(|(_, runs)| summary(&runs)).collect()
}

fn summary<'a>(runs: &[&'a Row]) -> Option<Summary<'a>> {
    let quiet: Vec<&Row> = runs.iter().copied().filter(|row| !row.disturbed).collect();
    let counted = if quiet.is_empty() { runs } else { &quiet };
    let mut rates: Vec<f64> = counted.iter().map(|row| row.images_per_s).collect();
    rates.sort_by(f64::total_cmp);
    let middle = rates.len() / 2;
    let median = if rates.len() % 2 == 1 {
        rates[middle]
    } else {
        (rates[middle.checked_sub(1)?] + rates[middle]) / 2.0
    };
    Some(Summary {
        last: counted.last()?,
        images_per_s: median,
        ms_min: counted.iter().map(|row| row.ms_min).fold(f64::INFINITY, f64::min),
        ms_max: counted.iter().map(|row| row.ms_max).fold(0.0, f64::max),
        peak_mib: counted.iter().filter_map(|row| row.peak_rss_mib).max_by(f64::total_cmp),
        runs: runs.len(),
        disturbed: runs.len() - quiet.len(),
    })
}

/// A table that can be shown in two ways.
#[derive(Debug)]
struct Sheet {
    columns: &'static [(&'static str, Align)],
    rows: Vec<Vec<String>>,
}

impl Sheet {
    fn text(&self) -> String {
        let mut table = Table::new(self.columns);
        self.rows.iter().for_each(|row| table.row(row));
        table.to_string()
    }

    fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(self.columns.iter().map(|(name, _)| name.to_string()).collect());
        let rule = |align: &Align| if *align == Align::Right { "---:" } else { "---" }.to_string();
        text += &line(self.columns.iter().map(|(_, align)| rule(align)).collect());
        for row in &self.rows {
            text += &line(row.iter().map(|cell| plain(cell)).collect());
        }
        text
    }
}

/// Words of another program, which must neither steer a terminal nor end a cell.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '|' { ' ' } else { c }).collect()
}

/// Everything that was found.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    pub(super) limit: &'a Limit,
    pub(super) rows: &'a [Row],
    pub(super) absent: &'a [Absent],
    /// Floating-point operations for a picture, by workload.
    pub(super) operations: &'a BTreeMap<&'static str, f64>,
}

const RATIOS: &[(&str, Align)] = &[
    ("workload", Align::Left),
    ("ours, pictures/s", Align::Right),
    ("best peer", Align::Left),
    ("its pictures/s", Align::Right),
    ("ratio", Align::Right),
    ("ours of FMA limit", Align::Right),
    ("ours, peak MiB", Align::Right),
    ("its peak MiB", Align::Right),
];

const PROGRAMS: &[(&str, Align)] = &[
    ("workload", Align::Left),
    ("program", Align::Left),
    ("version", Align::Left),
    ("pictures/s", Align::Right),
    ("ms per step", Align::Right),
    ("ours / it", Align::Right),
    ("of FMA limit", Align::Right),
    ("peak MiB", Align::Right),
    ("runs", Align::Right),
    ("disturbed", Align::Right),
];

impl Comparison<'_> {
    fn share(&self, workload: &str, images_per_s: f64) -> String {
        let operations = self.operations.get(workload).copied();
        operations.map_or_else(dash, |operations| {
            format!("{:.0} %", images_per_s * operations / (self.limit.gflops * 1e9) * 100.0)
        })
    }

    fn ratios(&self) -> Sheet {
        let mut rows = Vec::new();
        for workload in self.operations.keys() {
            let programs = summaries(self.rows, workload);
            let (ours, peers): (Vec<_>, Vec<_>) =
                programs.iter().partition(|program| program.last.peer == OURS);
            let Some(ours) = ours.first() else { continue };
            let best = peers.iter().max_by(|a, b| a.images_per_s.total_cmp(&b.images_per_s));
            let of_best = |text: &dyn Fn(&Summary<'_>) -> String| best.map_or_else(dash, |best| text(best));
            rows.push(vec![
                workload.to_string(),
                words::rate(ours.images_per_s),
                of_best(&|best| best.last.peer.clone()),
                of_best(&|best| words::rate(best.images_per_s)),
                of_best(&|best| format!("{:.2}", ours.images_per_s / best.images_per_s)),
                self.share(workload, ours.images_per_s),
                mib(ours.peak_mib),
                of_best(&|best| mib(best.peak_mib)),
            ]);
        }
        Sheet { columns: RATIOS, rows }
    }

    fn programs(&self) -> Sheet {
        let mut rows = Vec::new();
        for workload in self.operations.keys() {
            let programs = summaries(self.rows, workload);
            let ours = programs.iter().find(|program| program.last.peer == OURS);
            for program in &programs {
                let rate = program.images_per_s;
                rows.push(vec![
                    workload.to_string(),
                    program.last.peer.clone(),
                    program.last.version.clone(),
                    words::rate(rate),
                    format!(
                        "{:.2} ({:.2}–{:.2})",
                        program.last.ms_per_step * program.last.images_per_s / rate,
                        program.ms_min,
                        program.ms_max
                    ),
                    ours.map_or_else(dash, |ours| format!("{:.2}", ours.images_per_s / rate)),
                    self.share(workload, rate),
                    mib(program.peak_mib),
                    program.runs.to_string(),
                    program.disturbed.to_string(),
                ]);
            }
        }
        Sheet { columns: PROGRAMS, rows }
    }

    /// What the figures are of, in a line each.
    fn notes(&self) -> Vec<String> {
        let Limit { threads, isa, one_thread_gflops, gflops, machine, .. } = self.limit;
        let memory = machine.memory_mib.map_or_else(String::new, |mib| format!(", {:.0} MiB", mib));
        let mut notes = vec![
            format!("{}, {} cores{memory}, {}; {threads} threads.", plain(&machine.cpu), machine.cores, plain(&machine.system)),
            format!("FMA limit, {isa}: {one_thread_gflops:.0} GFLOP/s on one thread, {gflops:.0} on {threads}."),
            "Medians over the runs; in brackets the least and the greatest round. Operations are counted as the direct \
             convolution makes them."
                .to_string(),
        ];
        let disturbed = self.rows.iter().filter(|row| row.disturbed).count();
        if disturbed > 0 {
            notes.push(format!(
                "{disturbed} of {} runs were disturbed by other processes; they count only where a program has no other.",
                self.rows.len()
            ));
        }
        let absences = self.absent.iter().map(|absent| {
            format!("{}: {} is absent: {}.", absent.workload, absent.peer, plain(&absent.absent))
        });
        notes.extend(absences);
        notes
    }

    /// For a terminal.
    pub(super) fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.programs().text(), self.ratios().text(), self.notes().join("\n"))
    }

    /// For a page.
    pub(super) fn markdown(&self) -> String {
        let mut text =
            format!("# Our workloads beside the peers\n\n{}, {}.\n", words::now(), env!("CARGO_PKG_VERSION"));
        for note in self.notes() {
            // Writing into a String cannot fail.
            let _ = write!(text, "\n- {note}");
        }
        text + "\n\n" + &self.ratios().markdown() + "\n" + &self.programs().markdown()
    }
}

fn mib(value: Option<f64>) -> String {
    value.map_or_else(dash, |mib| words::count(mib.round() as u64))
}

fn dash() -> String {
    "–".to_string()
}

#[cfg(test)]
mod tests {
    use super::super::row;
    use super::*;

    fn run(peer: &str, images_per_s: f64, disturbed: bool) -> Row {
        let (row, _) = row::find(row::tests::LINE, "mnist_train");
        let ms_per_step = 64_000.0 / images_per_s;
        Row {
            peer: peer.to_string(),
            images_per_s,
            ms_per_step,
            ms_min: ms_per_step * 0.9,
            ms_max: ms_per_step * 1.5,
            disturbed,
            ..row.unwrap()
        }
    }

    fn limit() -> Limit {
        Limit {
            limit: "fma".into(),
            threads: 2,
            isa: "avx2".into(),
            one_thread_gflops: 117.0,
            gflops: 234.0,
            machine: convnet_report::Machine { cpu: "A Fast One".into(), cores: 2, ..Default::default() },
        }
    }

    #[test]
    fn the_ratio_is_of_medians_to_the_best_peer_and_leaves_out_disturbed_runs() {
        let rows = [
            run(OURS, 9_000.0, false),
            run("keras-fit", 2_000.0, true),
            run(OURS, 12_000.0, false),
            run("keras-fit", 6_000.0, false),
            run(OURS, 10_000.0, false),
            run("torch-eager", 4_000.0, true),
            run(OURS, 1.0, true),
        ];
        let operations = [("mnist_train", 16.4e6)].into();
        let absent = [Absent {
            workload: "mnist_train".into(),
            peer: "candle".into(),
            absent: "peer-candle is not there".into(),
        }];
        let comparison =
            Comparison { limit: &limit(), rows: &rows, absent: &absent, operations: &operations };
        let [ratio] = &comparison.ratios().rows[..] else { panic!("one workload, one row") };
        assert_eq!(ratio, &["mnist_train", "10,000", "keras-fit", "6,000", "1.67", "70 %", "565", "565"]);
        let programs = comparison.programs().rows;
        let keras = [
            "mnist_train",
            "keras-fit",
            "tf 2.21 keras 3.15",
            "6,000",
            "10.67 (9.60–16.00)",
            "1.67",
            "42 %",
            "565",
            "2",
            "1",
        ];
        assert_eq!(programs[1], keras);
        // One that was disturbed in every run still counts, and it is said.
        assert_eq!((programs[2][3].as_str(), programs[2][9].as_str()), ("4,000", "1"));
        let text = comparison.text();
        for part in ["3 of 7 runs were disturbed", "candle is absent", "A Fast One", "117 GFLOP/s"] {
            assert!(text.contains(part) && comparison.markdown().contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn without_peers_there_is_no_ratio() {
        let rows = [run(OURS, 10_000.0, false), run(OURS, 11_000.0, false)];
        let operations = [("mnist_train", 16.4e6)].into();
        let comparison = Comparison { limit: &limit(), rows: &rows, absent: &[], operations: &operations };
        assert_eq!(comparison.ratios().rows[0][1..5], ["10,500", "–", "–", "–"]);
    }

    #[test]
    fn words_of_another_program_stay_in_their_cell() {
        let rows = [Row { version: "1 | 2\x1b[31m\n3".into(), ..run(OURS, 10_000.0, false) }];
        let operations = [("mnist_train", 16.4e6)].into();
        let comparison = Comparison { limit: &limit(), rows: &rows, absent: &[], operations: &operations };
        let markdown = comparison.programs().markdown();
        assert_eq!(markdown.lines().count(), 3);
        assert!(markdown.lines().all(|line| line.matches('|').count() == PROGRAMS.len() + 1), "{markdown}");
        assert!(!comparison.text().contains('\x1b'));
    }
}
