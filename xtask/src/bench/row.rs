//! The lines that programs print: one JSON object per run.

use convnet_report::Machine;
use serde::{Deserialize, Serialize};

/// Cores kept busy by others above which a run says little about the program.
const DISTURBED: f64 = 0.1;

/// A run of one program on one workload, in the form that the peers' scripts print.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) workload: String,
    pub(super) peer: String,
    pub(super) version: String,
    pub(super) threads: usize,
    pub(super) images_per_s: f64,
    /// Median, least and most over the rounds.
    pub(super) ms_per_step: f64,
    pub(super) ms_min: f64,
    pub(super) ms_max: f64,
    pub(super) peak_rss_mib: Option<f64>,
    /// Cores that other processes kept busy meanwhile.
    pub(super) other_cores: Option<f64>,
    /// The share of the machine's multiply-adds, counted as the direct convolution makes them; only of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fraction_of_fma_limit: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) isa: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) convolution: Option<String>,
    /// Whether others were so busy that the run was made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) disturbed: bool,
}

/// A peer that could not be run, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Absent {
    pub(super) workload: String,
    pub(super) peer: String,
    pub(super) absent: String,
}

/// What the machine can do at most: the first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Limit {
    /// `fma`: multiply-adds that never wait for memory.
    pub(super) limit: String,
    pub(super) threads: usize,
    pub(super) isa: String,
    pub(super) one_thread_gflops: f64,
    pub(super) gflops: f64,
    pub(super) machine: Machine,
}

/// The last run of `workload` in what a program printed, and how many other lines there were.
pub(super) fn find(output: &str, workload: &str) -> (Option<Row>, usize) {
    let lines = output.lines().filter(|line| !line.trim().is_empty());
    let (mut found, mut others) = (None, 0);
    for line in lines {
        match serde_json::from_str::<Row>(line) {
            Ok(row) if row.workload == workload && row.is_sound() => {
                others += usize::from(found.is_some());
                found =
                    Some(Row { disturbed: row.other_cores.is_some_and(|cores| cores > DISTURBED), ..row });
            }
            _ => others += 1,
        }
    }
    (found, others)
}

impl Row {
    /// Numbers that a run can have, and words that fit into a table.
    fn is_sound(&self) -> bool {
        let positive = |number: f64| number > 0.0 && number < 1e12;
        let times = [self.images_per_s, self.ms_per_step, self.ms_min, self.ms_max];
        times.into_iter().all(positive)
            && [self.peak_rss_mib, self.other_cores].into_iter().flatten().all(|n| (0.0..1e12).contains(&n))
            && [&self.peer, &self.version].into_iter().all(|text| text.chars().count() <= 100)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const LINE: &str = r#"{"workload": "mnist_train", "peer": "keras-fit", "version": "tf 2.21 keras 3.15", "threads": 2, "images_per_s": 5938.0, "ms_per_step": 10.778, "ms_min": 10.5, "ms_max": 11.25, "peak_rss_mib": 565, "other_cores": 0.02}"#;

    #[test]
    fn a_line_of_a_peer_is_read_and_garbage_around_it_is_counted() {
        let output = format!("WARNING: something\n\n{LINE}\n[1, 2\n");
        let (row, others) = find(&output, "mnist_train");
        let row = row.unwrap();
        assert_eq!(
            (row.peer.as_str(), row.images_per_s, row.peak_rss_mib),
            ("keras-fit", 5938.0, Some(565.0))
        );
        assert_eq!((others, row.disturbed), (2, false));
        let again = serde_json::to_string(&row).unwrap();
        assert!(!again.contains("disturbed") && !again.contains("isa"), "{again}");
        assert_eq!(find(&again, "mnist_train"), (Some(row), 0));
    }

    #[test]
    fn lines_that_no_run_can_print_are_no_rows() {
        for (from, to) in [
            ("mnist_train", "vgg16_forward"),
            ("5938.0", "-1"),
            ("5938.0", "0"),
            ("5938.0", "1e300"),
            ("5938.0", "1e999"),
            ("5938.0", "NaN"),
            ("5938.0", "\"many\""),
            ("\"threads\": 2", "\"threads\": -2"),
            ("565", "-565"),
            ("keras-fit", &*"k".repeat(1000)),
            ("\"ms_min\": 10.5, ", ""),
            ("}", ""),
        ] {
            assert_eq!(find(&LINE.replace(from, to), "mnist_train"), (None, 1), "{from} → {to}");
        }
        assert_eq!(find(&"[".repeat(100_000), "mnist_train"), (None, 1));
        assert_eq!(find("", "mnist_train"), (None, 0));
    }

    #[test]
    fn a_run_beside_busy_neighbours_is_marked_whatever_the_program_says() {
        let line = LINE.replace("0.02}", "0.11}");
        assert!(find(&line, "mnist_train").0.unwrap().disturbed);
        let line = LINE.replace("0.02}", "0.1, \"disturbed\": true}");
        assert!(!find(&line, "mnist_train").0.unwrap().disturbed);
        // The last run counts.
        let (row, others) = find(&format!("{LINE}\n{}\n", LINE.replace("5938", "6000")), "mnist_train");
        assert_eq!((row.unwrap().images_per_s, others), (6000.0, 1));
    }
}
