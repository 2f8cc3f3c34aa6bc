//! `bench`: our workloads and the peers', in turn on one machine, each run in a process of its own.

mod clock;
mod comparison;
mod operations;
mod peers;
mod process;
mod row;
mod training;
mod workload;

use crate::exit::Usage;
use crate::lab::convolution;
use crate::options::with_threads;
use anyhow::{Context, Result, anyhow, bail};
use comparison::{Comparison, OURS, plain};
use convnet_cpu::{limit, simd};
use convnet_report::{Machine, peak_mib, words, write_file};
use peers::{Peer, Places};
use row::{Absent, Limit, Row};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use workload::Workload;

/// What one run may take: the slowest peers compile themselves first.
const PATIENCE: Duration = Duration::from_secs(900);
/// How often a disturbed run is made again.
const REPEATS: usize = 2;
/// The name by which the parent asks a child for the FMA limit.
const LIMIT: &str = "fma_limit";

/// The command line of `bench`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask bench                                          our workloads alone
  cargo xtask bench --peers PEERS --out bench.json           beside the peers; the tables go to bench.md
  cargo xtask bench --peers PEERS --python TF/bin/python --python TORCH/bin/python
                                                             frameworks in environments of their own

Each run is one JSON line; a peer that cannot run is a line that says why. Close other programs: a run beside busy
neighbours is marked as disturbed and made again, twice at most.")]
pub(crate) struct BenchArgs {
    /// Workloads, several with commas [default: all that exist]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    workload: Vec<String>,

    /// Threads of every program, each kept on as many cores
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,

    /// Folder with the scripts of the peers (bench_keras.py, bench_torch.py)
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,

    /// Python to run the scripts; repeatable: the first that imports a framework runs it [default: python3]
    #[arg(long, value_name = "PATH", requires = "peers")]
    python: Vec<PathBuf>,

    /// Folder with the built programs peer-burn and peer-candle [default: rust/target/release in the peers' folder]
    #[arg(long, value_name = "DIR", requires = "peers")]
    peer_bin_dir: Option<PathBuf>,

    /// File for the JSON lines instead of the standard output; the tables go beside a .json or .jsonl file as .md
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// How often ours and all peers take turns: medians are over these
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    turns: u16,

    /// What the program asks itself: one run, here and now.
    #[arg(long, value_name = "NAME", hide = true)]
    run_one: Option<String>,
}

/// Runs the chosen workloads in turn with the peers and prints every run and what they say together.
///
/// # Errors
/// [`Usage`] for an unknown workload or a place that is not there; when our own run fails or the output cannot be
/// written.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let threads = usize::from(args.threads);
    if let Some(name) = &args.run_one {
        return with_threads(threads, || run_one(name, threads));
    }
    let chosen = workload::select(&args.workload)?;
    let scripts = args.peers.as_deref();
    let places =
        scripts.map(|dir| Places::new(dir, args.peer_bin_dir.as_deref(), &args.python)).transpose()?;
    let pinned = process::pinning(threads);
    if pinned.is_none() {
        eprintln!("our own runs are not kept on {threads} cores: there is no taskset here");
    }
    let limit = ask(pinned.as_ref(), LIMIT, threads)?;
    let limit: Limit =
        serde_json::from_str(&limit).context("the measurement of the FMA limit gave no figures")?;
    let limit = Limit { machine: Machine::here(), ..limit };
    let mut bench = Bench {
        threads,
        turns: usize::from(args.turns),
        pinned,
        places,
        lines: Lines { text: String::new(), file: args.out.clone() },
        limit,
        rows: Vec::new(),
        absent: Vec::new(),
        operations: BTreeMap::new(),
    };
    bench.lines.push(&bench.limit)?;
    for workload in chosen {
        bench.workload(workload)?;
    }
    let Bench { limit, rows, absent, operations, .. } = &bench;
    let comparison = Comparison { limit, rows, absent, operations };
    eprintln!("\n{}", comparison.text());
    if let Some(page) = args.out.as_deref().and_then(page) {
        write_file(&page, comparison.markdown().as_bytes())?;
    }
    Ok(())
}

/// The file of the tables beside that of the lines.
fn page(out: &Path) -> Option<PathBuf> {
    let is_lines = out.extension().is_some_and(|extension| extension == "json" || extension == "jsonl");
    is_lines.then(|| out.with_extension("md"))
}

/// The child's part: a run, or the limit, as one line.
fn run_one(name: &str, threads: usize) -> Result<()> {
    let line =
        if name == LIMIT { serde_json::to_string(&measure_limit(threads))? } else { measure(name, threads)? };
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// The best of a second: other processes can only make it less.
fn measure_limit(threads: usize) -> Limit {
    let mut best = limit::Limit { one_thread: 0.0, all_threads: 0.0 };
    for _ in 0..20 {
        let limit = limit::measure();
        best.one_thread = best.one_thread.max(limit.one_thread);
        best.all_threads = best.all_threads.max(limit.all_threads);
    }
    Limit {
        limit: "fma".into(),
        threads,
        isa: simd::isa().name().into(),
        one_thread_gflops: tenths(best.one_thread),
        gflops: tenths(best.all_threads),
        machine: Machine::default(),
    }
}

fn measure(name: &str, threads: usize) -> Result<String> {
    let workload = workload::select(&[name.to_string()])?[0];
    let mut step = (workload.prepare)()?;
    let timing = clock::measure(workload.warm_up, || step.run().map(drop))?;
    let ms = |seconds: f64| (seconds * 1e6).round() / 1e3;
    let row = Row {
        workload: name.into(),
        peer: OURS.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        threads,
        images_per_s: tenths(step.pictures() as f64 / timing.median),
        ms_per_step: ms(timing.median),
        ms_min: ms(timing.min),
        ms_max: ms(timing.max),
        peak_rss_mib: peak_mib(),
        other_cores: timing.other_cores.map(|cores| (cores * 100.0).round() / 100.0),
        fraction_of_fma_limit: None,
        isa: Some(simd::isa().name().into()),
        convolution: Some(convolution().into()),
        disturbed: false,
    };
    Ok(serde_json::to_string(&row)?)
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// Runs this program on one task in a process of its own, so that its peak memory is its own.
fn ask(pinned: Option<&[std::ffi::OsString; 3]>, name: &str, threads: usize) -> Result<String> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let mut command = match pinned {
        Some([taskset, words @ ..]) => {
            let mut command = Command::new(taskset);
            command.args(words).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(["bench", "--run-one", name, "--threads", &threads.to_string()]);
    process::run(&mut command, PATIENCE).map_err(|reason| anyhow!("{name} could not be measured: {reason}"))
}

/// A comparison under way.
struct Bench {
    threads: usize,
    turns: usize,
    pinned: Option<[std::ffi::OsString; 3]>,
    places: Option<Places>,
    lines: Lines,
    limit: Limit,
    rows: Vec<Row>,
    absent: Vec<Absent>,
    operations: BTreeMap<&'static str, f64>,
}

impl Bench {
    /// Ours and each peer in turn, ours first and last, so that a machine that changes shows.
    fn workload(&mut self, workload: &Workload) -> Result<()> {
        self.operations.insert(workload.name, (workload.prepare)()?.operations());
        let mut commands = Vec::new();
        for peer in if self.places.is_some() { peers::ALL } else { &[] } {
            let Some(places) = &mut self.places else { continue };
            match places.command(peer, workload.name, self.threads) {
                Ok(command) => commands.push((peer, command)),
                Err(reason) => self.missing(workload, peer, reason)?,
            }
        }
        for _ in 0..self.turns {
            self.ours(workload)?;
            let mut failed = Vec::new();
            for (place, (_, command)) in commands.iter_mut().enumerate() {
                if place > 0 {
                    self.ours(workload)?;
                }
                if let Err(reason) = self.repeated(workload, |_| process::run(command, PATIENCE))? {
                    failed.push((place, reason));
                }
            }
            // A peer that cannot run is not asked again.
            for (place, reason) in failed.into_iter().rev() {
                let (peer, _) = commands.remove(place);
                self.missing(workload, peer, reason)?;
            }
        }
        if commands.is_empty() { Ok(()) } else { self.ours(workload) }
    }

    fn ours(&mut self, workload: &Workload) -> Result<()> {
        let run = |bench: &Bench| {
            ask(bench.pinned.as_ref(), workload.name, bench.threads).map_err(|error| format!("{error:#}"))
        };
        self.repeated(workload, run)?.map_err(anyhow::Error::msg)
    }

    /// Makes a run, again while it is disturbed. The inner error says why there is none.
    fn repeated(
        &mut self,
        workload: &Workload,
        mut run: impl FnMut(&Bench) -> Result<String, String>,
    ) -> Result<Result<(), String>> {
        for _ in 0..=REPEATS {
            let output = match run(self) {
                Ok(output) => output,
                Err(reason) => return Ok(Err(reason)),
            };
            let (row, others) = row::find(&output, workload.name);
            let Some(mut row) = row else {
                return Ok(Err(format!("it printed no line of a run among {others}")));
            };
            if row.peer == OURS {
                let share = row.images_per_s * self.operations[workload.name] / (self.limit.gflops * 1e9);
                row.fraction_of_fma_limit = Some((share * 1e3).round() / 1e3);
            }
            self.lines.push(&row)?;
            eprintln!("{}", told(&row, others));
            let disturbed = row.disturbed;
            self.rows.push(row);
            if !disturbed {
                break;
            }
        }
        Ok(Ok(()))
    }

    fn missing(&mut self, workload: &Workload, peer: &Peer, reason: String) -> Result<()> {
        let absent = Absent { workload: workload.name.into(), peer: peer.name.into(), absent: reason };
        eprintln!("{}  {} is absent: {}", absent.workload, absent.peer, plain(&absent.absent));
        self.lines.push(&absent)?;
        self.absent.push(absent);
        Ok(())
    }
}

/// A run in a line for whoever waits.
fn told(row: &Row, others: usize) -> String {
    let mut text =
        format!("{}  {}  {} pictures/s", row.workload, plain(&row.peer), words::rate(row.images_per_s));
    if let (true, Some(cores)) = (row.disturbed, row.other_cores) {
        text += &format!("  (disturbed: others kept {cores:.2} cores busy)");
    }
    if others > 0 {
        text += &format!("  ({others} other lines ignored)");
    }
    text
}

/// The lines as they come: on the standard output, or all so far in a file that is whole at any moment.
struct Lines {
    text: String,
    file: Option<PathBuf>,
}

impl Lines {
    fn push(&mut self, line: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(line)? + "\n";
        let Some(file) = &self.file else { return Ok(std::io::stdout().write_all(line.as_bytes())?) };
        if std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            // A device or pipe gets each line once.
            return Ok(write_file(file, line.as_bytes())?);
        }
        // Whatever an earlier run left is replaced by the first line; later changes are not ours to undo.
        if !self.text.is_empty() && std::fs::read(file).is_ok_and(|bytes| bytes != self.text.as_bytes()) {
            bail!(Usage(format!(
                "something else has written into {} meanwhile, another bench perhaps: give another file with --out",
                file.display()
            )));
        }
        self.text += &line;
        Ok(write_file(file, self.text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lies_beside_a_file_of_lines_only() {
        assert_eq!(page(Path::new("results/bench.json")), Some("results/bench.md".into()));
        assert_eq!(page(Path::new("bench.jsonl")), Some("bench.md".into()));
        assert_eq!((page(Path::new("bench")), page(Path::new("bench.md"))), (None, None));
    }

    #[test]
    fn a_file_holds_all_lines_and_two_runs_do_not_share_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bench.json");
        std::fs::write(&file, "old\n").unwrap();
        let lines = || Lines { text: String::new(), file: Some(file.clone()) };
        let (mut first, mut second) = (lines(), lines());
        first.push(&1).unwrap();
        first.push(&2).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n2\n");
        second.push(&3).unwrap();
        let error = first.push(&4).unwrap_err();
        assert!(error.is::<Usage>() && error.to_string().contains("bench.json"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "3\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_place_that_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["/dev/full".into(), folder.path().to_owned(), folder.path().join("lost/bench.json")] {
            let mut lines = Lines { text: String::new(), file: Some(file.clone()) };
            let message = lines.push(&1).unwrap_err().to_string();
            assert!(message.contains(&*file.to_string_lossy()), "{message}");
        }
    }
}
