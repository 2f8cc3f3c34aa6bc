//! `reproduce-chapter5`: chooses experiments, runs them one after the other, writes results.json and the page after each.

use crate::chapter5::{self, Experiment};
use crate::exit::{Interrupted, Usage};
use crate::lab::data::Digits;
use crate::lab::{Lab, convolution, create_folders};
use crate::options::Options;
use crate::plan;
use anyhow::{Context, Result, bail};
use convnet_cpu::{parallel, simd};
use convnet_report::{
    Align, Experiment as Record, Machine, Progress, Results, Status, Table, figures_in, peak_mib, render,
    reset_peak, words, write_file,
};
use convnet_tensor::Seed;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What an experiment found, kept beside its model: read again when another run needs the very same.
#[derive(Serialize, Deserialize)]
struct Kept {
    fingerprint: String,
    record: Record,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let chosen = chapter5::select(&options.only)?;
    let experiments = chapter5::with_needs(&chosen);
    let threads = options.threads();
    if options.plan {
        return parallel::install(threads, || plan::print(options, &experiments));
    }
    create_folders(&options.out)?;
    let _lock = lock(&options.out)?;
    // The first Ctrl-C lets the step end and writes a checkpoint; the second ends the program.
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(crate::exit::INTERRUPTED));
        }
    })
    .context("cannot listen for Ctrl-C")?;
    let mut progress = Progress::stderr();
    let digits = Digits::obtain(options, &mut progress)?;
    let lab = Lab {
        profile: options.profile,
        seed: Seed(options.seed),
        out: options.out.clone(),
        resume: options.resume,
        progress,
        record: Record::default(),
        interrupted: &INTERRUPTED,
        digits,
    };
    parallel::install(threads, || all(options, threads, lab, &chosen, &experiments))
}

/// Runs all experiments; a failed one does not stop the others.
fn all(
    options: &Options,
    threads: usize,
    mut lab: Lab,
    chosen: &[&'static Experiment],
    experiments: &[&'static Experiment],
) -> Result<()> {
    let speed = plan::Speed::measure();
    let mut results = Results {
        version: Results::VERSION,
        profile: options.profile.word().into(),
        seed: options.seed,
        threads,
        machine: Machine::here(),
        data: [(lab.digits.key().to_string(), lab.digits.source())].into(),
        ..Results::default()
    };
    for experiment in experiments {
        let is_chosen = chosen.iter().any(|chosen| chosen.id == experiment.id);
        let record = match reusable(&lab, experiment, is_chosen) {
            Some(record) => {
                lab.progress.say(&format!(
                    "{}  taken from an earlier run with the same settings and data",
                    experiment.id
                ));
                record
            }
            None => one(&mut lab, experiment, &results, &speed),
        };
        let interrupted = INTERRUPTED.load(Ordering::SeqCst);
        results.experiments.push(record);
        write(&lab.out, &mut results)?;
        if interrupted {
            bail!(Interrupted(format!("interrupted; to go on: cargo xtask {} --resume", again(options))));
        }
    }
    println!("{}", summary(&results));
    println!("report: {}", lab.out.join("index.html").display());
    let failed: Vec<_> = results
        .experiments
        .iter()
        .filter(|record| record.status != Status::Done)
        .map(|record| &*record.id)
        .collect();
    if !failed.is_empty() {
        bail!(
            "{} of {} experiments did not end well: {}",
            failed.len(),
            results.experiments.len(),
            failed.join(", ")
        );
    }
    Ok(())
}

/// Runs one experiment into a record, whatever happens.
fn one(lab: &mut Lab, experiment: &Experiment, results: &Results, speed: &plan::Speed) -> Record {
    lab.record = Record {
        id: experiment.id.into(),
        title: Some(experiment.title.into()),
        isa: Some(simd::isa().name().into()),
        convolution: Some(convolution().into()),
        book: experiment.book.iter().map(|(name, range)| (name.to_string(), *range)).collect(),
        note: (!experiment.note.is_empty()).then(|| experiment.note.into()),
        predicted_seconds: Some(speed.seconds(&(experiment.cost)(lab.profile))),
        ..Record::default()
    };
    let lacking = experiment.needs.iter().find(|need| {
        !results.experiments.iter().any(|record| record.id == **need && record.status == Status::Done)
    });
    if let Some(need) = lacking {
        lab.record.status = Status::Skipped;
        lab.record.error = Some(format!("needs {need}, which did not end well"));
        return std::mem::take(&mut lab.record);
    }
    lab.progress.say(&format!("{}  {}", experiment.id, experiment.title));
    let can_measure_peak = reset_peak();
    let started = Instant::now();
    let outcome = (experiment.run)(lab);
    lab.progress.finish();
    let mut record = std::mem::take(&mut lab.record);
    record.seconds = started.elapsed().as_secs_f64();
    record.peak_mib = if can_measure_peak { peak_mib() } else { None };
    match outcome {
        Ok(()) => keep(lab, &record),
        Err(_) if INTERRUPTED.load(Ordering::SeqCst) => {
            record.status = Status::Skipped;
            record.error = Some("interrupted; its checkpoint is kept".into());
        }
        Err(error) => {
            record.status = Status::Failed;
            record.error = Some(format!("{error:#}"));
            lab.progress.say(&format!("{}  failed: {error:#}", experiment.id));
        }
    }
    record
}

fn kept_path(lab: &Lab, id: &str) -> std::path::PathBuf {
    lab.out.join("models").join(format!("{id}.json"))
}

/// Keeps what an experiment found. A record that cannot be kept costs time later, no finding now.
fn keep(lab: &mut Lab, record: &Record) {
    let kept = Kept { fingerprint: lab.fingerprint(&record.id), record: record.clone() };
    let written = serde_json::to_vec_pretty(&kept)
        .map_err(anyhow::Error::from)
        .and_then(|bytes| Ok(write_file(kept_path(lab, &record.id), &bytes)?));
    if let Err(error) = written {
        lab.progress.say(&format!("{}  cannot be kept for later runs: {error:#}", record.id));
    }
}

/// What an earlier run found for the very same settings and data: for experiments that are only needed, and for all when
/// resuming.
fn reusable(lab: &Lab, experiment: &Experiment, is_chosen: bool) -> Option<Record> {
    if is_chosen && !lab.resume {
        return None;
    }
    let bytes = std::fs::read(kept_path(lab, experiment.id)).ok()?;
    let kept: Kept = serde_json::from_slice(&bytes).ok()?;
    let is_there = |figure: &String| lab.out.join(figure).is_file();
    let same = kept.fingerprint == lab.fingerprint(experiment.id) && kept.record.id == experiment.id;
    (same && kept.record.figures.iter().all(is_there)).then_some(kept.record)
}

/// Writes results.json and the page, so that nothing found so far can be lost.
fn write(out: &Path, results: &mut Results) -> Result<()> {
    results.when = Some(words::now());
    results.write(out.join("results.json"))?;
    let page = render(results, &figures_in(out));
    write_file(out.join("index.html"), page.as_bytes())?;
    Ok(())
}

/// A lock on the output folder, so that two runs never write into it at once; freed when dropped or killed.
fn lock(out: &Path) -> Result<File> {
    let path = out.join(".lock");
    let file = File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(Usage(format!(
            "another run is writing into {}; wait for it, or give another folder with --out",
            out.display()
        ))),
        // A file system without locks: better to run than to refuse.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn summary(results: &Results) -> Table {
    let mut table = Table::new(&[
        ("id", Align::Left),
        ("experiment", Align::Left),
        ("status", Align::Left),
        ("ours", Align::Right),
        ("book", Align::Right),
        ("time", Align::Right),
    ]);
    for record in &results.experiments {
        let accuracy =
            record.metrics.get("test_accuracy").map(|value| words::metric("test_accuracy", *value));
        let book = record.book.get("test_accuracy").map(|range| words::book("test_accuracy", *range));
        table.row([
            record.id.as_str(),
            record.title.as_deref().unwrap_or(""),
            record.status.word(),
            accuracy.as_deref().unwrap_or("–"),
            book.as_deref().unwrap_or("–"),
            &words::seconds(record.seconds),
        ]);
    }
    table
}

/// The command line that goes on with this run.
fn again(options: &Options) -> String {
    let mut line = vec![format!("reproduce-chapter5 --profile {}", options.profile.word())];
    if !options.only.is_empty() {
        line.push(format!("--only '{}'", options.only.join(",")));
    }
    line.push(format!("--data {} --seed {} --out {}", options.data, options.seed, options.out.display()));
    line.extend(options.threads.map(|threads| format!("--threads {threads}")));
    line.join(" ")
}
