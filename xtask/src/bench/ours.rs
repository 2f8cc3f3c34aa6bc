//! Our own runs: this program once more, in a process of its own, so that its peak memory is its own.

use super::row::{Limit, Row};
use super::summary::OURS;
use super::workload::{self, Work, Workload};
use super::{PATIENCE, clock, process, start};
use crate::lab::convolution;
use crate::options::with_threads;
use anyhow::{Context, Result, anyhow, bail};
use convnet_cpu::{limit, simd};
use convnet_report::{Machine, peak_mib};
use std::ffi::OsString;
use std::io::Write as _;
use std::process::Command;

/// The name by which the parent asks a child for the FMA limit.
const LIMIT: &str = "fma_limit";
/// The name by which the run of `start` asks its children for their first step.
const FIRST_STEP: &str = "first_step";
/// The name by which a parent asks a child for the training from memory, and by which its figures go.
pub(super) const FROM_MEMORY: &str = "from-memory";

/// How our own runs on so many threads are started.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) threads: usize,
    rounds: usize,
    pinned: Option<[OsString; 3]>,
}

impl Ours {
    /// Runs that are kept on as many cores, as the peers keep themselves, where the system has a way.
    pub(super) fn new(threads: usize, rounds: usize) -> Ours {
        let pinned = process::pinning(threads);
        if pinned.is_none() {
            eprintln!("our own runs are not kept on {threads} cores: there is no taskset here");
        }
        Ours { threads, rounds, pinned }
    }

    /// What one run of a workload prints.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn run(&self, workload: &str) -> Result<String> {
        process::run(&mut self.command(workload)?, PATIENCE)
            .map_err(|reason| anyhow!("{workload} could not be measured: {reason}"))
    }

    /// How one run of a workload is started.
    ///
    /// # Errors
    /// When this program does not know where it lies.
    pub(super) fn command(&self, workload: &str) -> Result<Command> {
        let mut command = match &self.pinned {
            Some([taskset, words @ ..]) => {
                let mut command = Command::new(taskset);
                command.args(words).arg(this_program()?);
                command
            }
            None => Command::new(this_program()?),
        };
        arguments(&mut command, workload, self.threads, self.rounds);
        Ok(command)
    }

    /// What the machine can do on these cores.
    ///
    /// # Errors
    /// When the measurement fails.
    pub(super) fn limit(&self) -> Result<Limit> {
        serde_json::from_str(&self.run(LIMIT)?).context("the measurement of the FMA limit gave no figures")
    }
}

fn this_program() -> Result<std::path::PathBuf> {
    std::env::current_exe().context("this program does not know where it lies")
}

fn arguments(command: &mut Command, name: &str, threads: usize, rounds: usize) {
    let [threads, rounds] = [threads, rounds].map(|number| number.to_string());
    command.args(["bench", "--run-one", name, "--threads", &threads, "--rounds", &rounds]);
}

/// The child's part: one run, or the limit, as one line.
///
/// # Errors
/// [`Usage`](crate::exit::Usage) for an unknown workload, and those of the run.
pub(super) fn run_one(name: &str, threads: usize, rounds: usize) -> Result<()> {
    with_threads(threads, || {
        let line = match name {
            LIMIT => serde_json::to_string(&measure_limit(threads))?,
            FIRST_STEP => first_step()?,
            FROM_MEMORY => {
                let row = measure(&workload::FROM_MEMORY, threads, rounds)?;
                serde_json::to_string(&Row { peer: FROM_MEMORY.into(), ..row })?
            }
            _ => {
                let workload = workload::select(&[name.to_string()])?[0];
                serde_json::to_string(&measure(workload, threads, rounds)?)?
            }
        };
        Ok(writeln!(std::io::stdout(), "{line}")?)
    })
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
        date: String::new(),
        version: env!("CARGO_PKG_VERSION").into(),
    }
}

fn measure(workload: &Workload, threads: usize, rounds: usize) -> Result<Row> {
    let (timing, peak, operations) = match workload.work {
        Work::Start(_) => {
            let mut command = Command::new(this_program()?);
            arguments(&mut command, FIRST_STEP, threads, 1);
            let (timing, peak) = start::measure(command, rounds)?;
            (Some(timing), Some(peak), None)
        }
        _ => {
            let (clock, operations) = workload.time(rounds)?;
            (clock.timing(), peak_mib(), operations.map(|operations| operations as f64))
        }
    };
    let clock::Timing { median, min, max, other_cores } =
        timing.context("the steps ended before a round did")?;
    let ms = |seconds: f64| (seconds * 1e6).round() / 1e3;
    Ok(Row {
        workload: workload.name.into(),
        peer: OURS.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        threads,
        images_per_s: tenths(workload.pictures as f64 / median),
        ms_per_step: ms(median),
        ms_min: ms(min),
        ms_max: ms(max),
        peak_rss_mib: peak,
        other_cores: other_cores.map(|cores| (cores * 100.0).round() / 100.0),
        fraction_of_fma_limit: None,
        operations_per_image: operations,
        isa: Some(simd::isa().name().into()),
        convolution: Some(convolution().into()),
        ran: None,
        disturbed: false,
    })
}

/// Makes the first step of the training of `start`, and gives its peak memory in MiB.
fn first_step() -> Result<String> {
    let prepare = workload::ALL.iter().find_map(|workload| match workload.work {
        Work::Start(prepare) => Some(prepare),
        _ => None,
    });
    let Some(prepare) = prepare else { bail!("no workload is a start") };
    prepare()?.first_step()?;
    Ok(peak_mib().map_or_else(|| "0".into(), |mib| mib.to_string()))
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
