//! `--plan`: what would run, on which data, how long, with how much memory.

use crate::chapter5::{Cost, Experiment, Pretrained};
use crate::lab::base::Base;
use crate::lab::data::Data;
use crate::options::Options;
use crate::stdout;
use anyhow::Result;
use convnet_cpu::{limit, simd};
use convnet_report::{Align, Table, words};

/// How fast this machine is, measured in about 50 ms.
pub(crate) struct Speed {
    /// Multiply-adds that never wait for memory, operations per second on all threads.
    limit: f64,
}

/// The shares of the limit that training reaches with evaluation and checkpoints: the digits convnet 0.80 (its steps alone
/// 0.89; batch 64, 2 threads, Zen 3), dense layers, which wait for memory, 0.5.
const CONVOLUTION: f64 = 0.8;
const DENSE: f64 = 0.5;

impl Speed {
    pub(crate) fn measure() -> Speed {
        Speed { limit: limit::measure().all_threads * 1e9 }
    }

    /// The predicted time of an experiment.
    pub(crate) fn seconds(&self, cost: &Cost) -> f64 {
        cost.convolution / (self.limit * CONVOLUTION) + cost.dense / (self.limit * DENSE) + cost.seconds
    }
}

/// Prints the plan.
///
/// # Errors
/// For data that is there and damaged, and when standard output cannot be written.
pub(crate) fn print(options: &Options, experiments: &[&'static Experiment]) -> Result<()> {
    let speed = Speed::measure();
    let mut pictures = Vec::new();
    for data in Data::ALL {
        if experiments.iter().any(|experiment| experiment.data == Some(data)) {
            pictures.push((data.name(), data.planned(options)?));
        }
    }
    let mut base = (String::new(), None);
    if experiments.iter().any(|experiment| experiment.base != Pretrained::No) {
        let (words, row) = Base::planned(options)?;
        base = (format!("\nbase: {words}"), row);
    }
    let mib = pictures.iter().map(|(_, planned)| planned.mib).sum();
    let columns = [
        ("id", Align::Left),
        ("experiment", Align::Left),
        ("time", Align::Right),
        ("peak memory", Align::Right),
    ];
    let mut table = Table::new(&columns);
    let mut total = 0.0;
    for (name, planned) in &pictures {
        total += planned.seconds;
        table.row(["", &format!("to read or paint the {name}"), &words::seconds(planned.seconds), ""]);
    }
    for experiment in experiments {
        let is_needed = experiment.base == Pretrained::Needed;
        let lacks_base = (is_needed && base.1.is_none()).then_some("skipped: no base");
        if let Some(why) = lacks_base.or(experiment.left_out(options.profile)) {
            table.row([experiment.id, experiment.title, "–", why]);
            continue;
        }
        let name = experiment.data.map(Data::name);
        let generated = pictures.iter().any(|(of, planned)| Some(*of) == name && planned.generated);
        let cost = experiment.expected(options.profile, base.1.map_or(0.0, |row| row.forward), generated);
        let seconds = speed.seconds(&cost);
        total += seconds;
        table.row([
            experiment.id,
            experiment.title,
            &words::seconds(seconds),
            &format!("{:.0} MiB", memory(mib, &cost)),
        ]);
    }
    stdout::print(&format!(
        "profile {}, seed {}, {} threads, {}\n{}{}\noutput: {}\n\n{table}\ntogether about {} on this machine",
        options.profile.word(),
        options.seed,
        options.threads(),
        simd::isa().name(),
        pictures
            .iter()
            .map(|(name, planned)| format!("{name}: {}", planned.words))
            .collect::<Vec<_>>()
            .join("\n"),
        base.0,
        options.out.display(),
        words::seconds(total)
    ))
}

/// The predicted peak memory of an experiment in MiB, beside so much for all pictures at hand.
pub(crate) fn memory(pictures: f64, cost: &Cost) -> f64 {
    PROGRAM_MIB + pictures + cost.mib
}

/// The program without pictures.
const PROGRAM_MIB: f64 = 12.0;
