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
    /// Floating-point operations for a picture, counted in the same way; only of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) operations_per_image: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) isa: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) convolution: Option<String>,
    /// The precision that a program says it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ran: Option<String>,
    /// Whether others were so busy that the run was made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) disturbed: bool,
}

/// A peer that could not be run, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Absent {
    pub(super) workload: String,
    pub(super) peer: String,
    pub(super) threads: usize,
    pub(super) absent: String,
}

impl Absent {
    /// The reason in words of other programs, which must not name a folder of this machine.
    pub(super) fn new(workload: &str, peer: &str, threads: usize, reason: &str) -> Absent {
        Absent { workload: workload.into(), peer: peer.into(), threads, absent: without_folders(reason) }
    }
}

/// Paths from the root of a disk are cut to their last name.
fn without_folders(text: &str) -> String {
    let mut kept = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let mut before = None;
        let root = word.char_indices().find(|&(_, c)| {
            let begins =
                matches!(c, '/' | '\\') && !before.is_some_and(|b: char| b.is_alphanumeric() || b == '.');
            before = Some(c);
            begins
        });
        match (root, word.rfind(['/', '\\'])) {
            (Some((root, _)), Some(last)) => kept.extend([&word[..root], &word[last + 1..]]),
            _ => kept += word,
        }
    }
    kept
}

/// What the machine can do at most: the line before the runs that are compared with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Limit {
    /// `fma`: multiply-adds that never wait for memory.
    pub(super) limit: String,
    pub(super) threads: usize,
    pub(super) isa: String,
    pub(super) one_thread_gflops: f64,
    pub(super) gflops: f64,
    pub(super) machine: Machine,
    /// When it was measured, and by which version of this program.
    pub(super) date: String,
    pub(super) version: String,
}

impl Limit {
    /// Whether both are of one machine, as far as its description tells. What the system keeps of the memory for itself
    /// differs a little from start to start.
    pub(super) fn is_of_machine(&self, other: &Limit) -> bool {
        let (a, b) = (&self.machine, &other.machine);
        let memory = match (a.memory_mib, b.memory_mib) {
            (Some(a), Some(b)) => (a - b).abs() <= 0.01 * a.max(b),
            (a, b) => a == b,
        };
        memory && (&a.cpu, a.cores, &a.system, &self.isa) == (&b.cpu, b.cores, &b.system, &other.isa)
    }
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
    pub(super) fn is_sound(&self) -> bool {
        let positive = |number: f64| number > 0.0 && number < 1e12;
        let times = [self.images_per_s, self.ms_per_step, self.ms_min, self.ms_max];
        times.into_iter().all(positive)
            && [self.peak_rss_mib, self.other_cores].into_iter().flatten().all(|n| (0.0..1e12).contains(&n))
            && [Some(&self.peer), Some(&self.version), self.ran.as_ref()]
                .into_iter()
                .flatten()
                .all(|text| text.chars().count() <= 200)
    }

    /// Whether it computed with the same numbers as ours: a shorter format is another piece of work.
    pub(super) fn is_f32(&self) -> bool {
        !self.peer.ends_with("bf16")
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
        for left_out in ["disturbed", "isa", "ran", "operations"] {
            assert!(!again.contains(left_out), "{again}");
        }
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
    fn reasons_name_no_folders() {
        for (from, to) in [
            (
                "can't open file '/opt/some/where/bench.py': [Errno 2]",
                "can't open file 'bench.py': [Errno 2]",
            ),
            ("File \"/a/b.py\", line 3", "File \"b.py\", line 3"),
            ("(C:\\programs\\x.dll) is no library", "(C:x.dll) is no library"),
            ("12 pictures/s, 1/2 and rust/target stay\n", "12 pictures/s, 1/2 and rust/target stay\n"),
        ] {
            assert_eq!(Absent::new("w", "p", 2, from).absent, to);
        }
    }

    #[test]
    fn a_machine_is_known_again_by_its_description() {
        let machine = Machine { cpu: "A".into(), cores: 2, memory_mib: Some(24_000.0), system: "B".into() };
        let limit = Limit {
            limit: "fma".into(),
            threads: 2,
            isa: "avx2".into(),
            one_thread_gflops: 100.0,
            gflops: 200.0,
            machine: machine.clone(),
            date: "now".into(),
            version: "0.1.0".into(),
        };
        let of = |machine| Limit { machine, ..limit.clone() };
        assert!(limit.is_of_machine(&Limit { threads: 1, gflops: 90.0, ..limit.clone() }));
        assert!(limit.is_of_machine(&of(Machine { memory_mib: Some(24_100.0), ..machine.clone() })));
        assert!(!limit.is_of_machine(&of(Machine { memory_mib: Some(32_000.0), ..machine.clone() })));
        assert!(!limit.is_of_machine(&of(Machine { cores: 4, ..machine })));
        assert!(!limit.is_of_machine(&Limit { isa: "avx512".into(), ..limit.clone() }));
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
