//! `bench`: our workloads and the peers', in turn on one machine, each run in a process of its own.

mod architectures;
mod clock;
mod goals;
mod input;
mod operations;
mod ours;
mod output;
mod peers;
mod places;
mod process;
mod results;
mod row;
mod sheet;
mod start;
mod summary;
mod tables;
mod training;
mod turns;
mod workload;

use anyhow::{Context, Result, ensure};
use convnet_report::{Machine, words};
use ours::Ours;
use output::Output;
use places::Places;
use row::Limit;
use std::path::PathBuf;
use std::time::Duration;
use turns::Bench;

/// What one run may take: the slowest peers compile themselves first.
const PATIENCE: Duration = Duration::from_secs(900);

/// The command line of `bench`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask bench                                          our workloads alone
  cargo xtask bench --peers PEERS --out bench.jsonl          beside the peers; the tables go to bench.md
  cargo xtask bench --peers PEERS --threads 2,1              on two threads, then on one, and how they compare
  cargo xtask bench --peers PEERS --python TF/bin/python --python TORCH/bin/python
                                                             frameworks in environments of their own

`decode` reads the photographs of the data folder that CONVNET_DATA_DIR names.

Each run is one JSON line; a peer that cannot run is a line that says why. Ours runs before, between and after the peers. A
peer that is much slower than the best in its first run is not asked again. In a file that is there already, what was known
of the same workload, machine and number of threads is replaced and the rest is kept. Close other programs: a run beside
busy neighbours is marked as disturbed and made again, twice at most.")]
pub(crate) struct BenchArgs {
    /// Workloads, several with commas [default: all that exist]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    workload: Vec<String>,

    /// Threads of every program, each kept on as many cores; several with commas, one after the other
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "2", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,

    /// Folder with the scripts of the peers (bench_keras.py, bench_torch.py, bench_onnx.py, bench_input.py)
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,

    /// Python to run the scripts; repeatable: the first that imports a framework runs it [default: python3]
    #[arg(long, value_name = "PATH", requires = "peers")]
    python: Vec<PathBuf>,

    /// Folder with the built programs peer-burn, peer-candle and peer-onnx [default: rust/target/release in the peers' folder]
    #[arg(long, value_name = "DIR", requires = "peers")]
    peer_bin_dir: Option<PathBuf>,

    /// File for the JSON lines instead of the standard output; the tables go beside a .json or .jsonl file as .md
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// How often ours and the peers take turns: medians are over these
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    turns: u16,

    /// Rounds of a run, of about 0.6 s or one step each (the built programs have their own)
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,

    /// What the program asks itself: one run, here and now.
    #[arg(long, value_name = "NAME", hide = true)]
    run_one: Option<String>,
}

/// Runs the chosen workloads in turn with the peers and prints every run and what they say together.
///
/// # Errors
/// [`Usage`](crate::exit::Usage) for an unknown workload, a place that is not there or a file of something else; when a
/// run of ours fails (the others are still made) or the output cannot be written.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let rounds = usize::from(args.rounds);
    if let Some(name) = &args.run_one {
        return ours::run_one(name, usize::from(args.threads[0]), rounds);
    }
    let chosen = workload::select(&args.workload)?;
    let models = models()?;
    let places = |dir: &PathBuf| Places::new(dir, args.peer_bin_dir.as_deref(), models, &args.python);
    let places = args.peers.as_ref().map(places).transpose()?;
    let output = Output::new(args.out.as_deref())?;
    let mut limits = Vec::new();
    for &threads in &args.threads {
        let ours = Ours::new(usize::from(threads), rounds);
        let limit = Limit { machine: Machine::here(), date: words::now(), ..ours.limit()? };
        output.line(&limit)?;
        limits.push((ours, limit));
    }
    let mut bench = Bench::new(places, usize::from(args.turns), rounds, output);
    let mut failed = Vec::new();
    for workload in chosen {
        for (ours, limit) in &limits {
            bench.workload(workload, ours, limit).or_else(|error| match error {
                turns::Error::Ours(reason) => {
                    eprintln!("{}: {reason}", workload.name);
                    failed.push(format!("{} on {} threads", workload.name, limit.threads));
                    Ok(())
                }
                turns::Error::Output(error) => Err(error),
            })?;
        }
    }
    eprintln!("\n{}", bench.output.text(&limits[0].1));
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

/// The folder for ONNX files: beside the folder of this program, where cargo keeps what it can make again.
fn models() -> Result<PathBuf> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let target = program.parent().and_then(|release| release.parent());
    Ok(target.context("this program lies at the root of a disk")?.join("bench-models"))
}
