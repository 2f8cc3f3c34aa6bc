//! The command line of `reproduce-chapter5`.

use crate::exit::Usage;
use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use convnet_cpu::conv2d::Algorithm;
use convnet_cpu::parallel;
use convnet_cpu::simd::Isa;
use convnet_datasets::DataChoice;
use std::path::PathBuf;

/// How much of the chapter's training is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Everything once, tiny, on generated data: under a minute, to see that it works
    Smoke,
    /// The same experiments with fewer epochs: minutes
    Quick,
    /// The chapter's exact settings
    Book,
}

impl Profile {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Profile::Smoke => "smoke",
            Profile::Quick => "quick",
            Profile::Book => "book",
        }
    }
}

/// A pretrained base for sections 5.3 and 5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Base {
    /// The best that is there
    Auto,
    /// VGG16 with ImageNet weights, the book's
    Vgg16,
    /// MobileNet v1
    Mobilenet,
    /// EfficientNet-Lite0
    EfficientnetLite0,
    /// The small base that comes with the project
    #[value(name = "mini-vgg")]
    MiniVgg,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask reproduce-chapter5                       everything, reduced, in minutes
  cargo xtask reproduce-chapter5 --profile book        the chapter's exact settings
  cargo xtask reproduce-chapter5 --only 5.1-shift      one experiment and what it needs
  cargo xtask reproduce-chapter5 --only '5.1*' --plan  what would run, how long, how much memory
  cargo xtask reproduce-chapter5 --resume              go on after Ctrl-C or a crash

Exit codes: 0 all done; 1 something failed (the rest still ran); 2 wrong usage or input; 130 interrupted.")]
pub(crate) struct Options {
    /// Experiments: an exact id, `5.1*` for all that begin so, a section such as 5.2; several with commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// How much training
    #[arg(long, value_enum, default_value = "quick")]
    pub(crate) profile: Profile,

    /// Pictures: `auto` (CONVNET_DATA_DIR, the cache, a download), `embedded` (generated), or a data folder
    #[arg(
        long,
        value_name = "auto|embedded|DIR",
        default_value = "auto",
        default_value_if("profile", "smoke", "embedded")
    )]
    pub(crate) data: DataChoice,

    /// Pretrained base for sections 5.3 and 5.4 (5.4.1 shows it beside the network of 5.2.5; in 5.4.3 it is the network with this
    /// name that tells classes apart): `auto` is the best that is at hand or can be downloaded
    #[arg(long, value_enum, default_value = "auto", default_value_if("profile", "smoke", "mini-vgg"))]
    pub(crate) base: Base,

    /// Folder for the page, figures, results.json and models
    #[arg(long, value_name = "DIR", default_value = "target/chapter5")]
    pub(crate) out: PathBuf,

    /// The seed of every random number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Threads that compute [default: all cores]; no result depends on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,

    /// Go on with what an earlier run into the same folder left
    #[arg(long)]
    pub(crate) resume: bool,

    /// Run nothing: show what would run, on which data, how long, with how much memory
    #[arg(long)]
    pub(crate) plan: bool,
}

impl Options {
    /// How many threads compute.
    pub(crate) fn threads(&self) -> usize {
        threads(self.threads)
    }
}

/// As many threads as are asked for, else as there are cores.
pub(crate) fn threads(asked: Option<u16>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.map_or_else(cores, usize::from)
}

/// Runs `work` with so many threads.
///
/// # Errors
/// When the system refuses to start them, and those of `work`.
pub(crate) fn with_threads(threads: usize, work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    parallel::install(threads, work).map_err(|refused| anyhow!("{refused}, with `--threads N`"))?
}

/// Checks `CONVNET_ISA` and `CONVNET_CONV`: figures of others than those asked for would be taken for what they are not.
///
/// # Errors
/// [`Usage`] for one that is unknown or that this machine lacks, with those that there are.
pub(crate) fn check_environment() -> Result<(), Usage> {
    let wished = std::env::var_os("CONVNET_CONV").unwrap_or_default();
    let wished = wished.to_string_lossy();
    if !wished.is_empty() && Algorithm::ALL.iter().all(|algorithm| algorithm.name() != wished) {
        let names = Algorithm::ALL.map(Algorithm::name).join(", ");
        return Err(Usage(format!("CONVNET_CONV is `{wished}`, which is unknown; there are {names}")));
    }
    let wished = std::env::var_os("CONVNET_ISA").unwrap_or_default();
    let wished = wished.to_string_lossy();
    if wished.is_empty() || Isa::available().any(|isa| isa.name() == wished) {
        return Ok(());
    }
    let known = Isa::ALL.iter().any(|isa| isa.name() == wished);
    let what = if known { "this machine lacks it" } else { "it is unknown" };
    let names: Vec<_> = Isa::available().map(Isa::name).collect();
    Err(Usage(format!("CONVNET_ISA is `{wished}`: {what}; this machine has {}", names.join(", "))))
}
