//! `reproduce-chapter5`: chooses experiments, runs them one after the other, writes results.json and the page after each.

use crate::chapter5::{self, ALL, Experiment};
use crate::exit::{Interrupted, Usage};
use crate::lab::data::{Data, Sets};
use crate::lab::{Lab, convolution, create_folders};
use crate::options::{Options, with_threads};
use crate::{plan, stdout};
use anyhow::{Context, Result, bail};
use convnet_cpu::simd;
use convnet_report::{
    Align, Experiment as Record, Machine, Progress, Results, Status, Table, figures_in, peak_mib, render,
    reset_peak, words, write_file,
};
use convnet_tensor::Seed;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(options: &Options) -> Result<()> {
    let chosen = chapter5::select(&options.only)?;
    let experiments = chapter5::with_needs(&chosen);
    // All of it, the painting of pictures too.
    with_threads(options.threads(), || match options.plan {
        true => plan::print(options, &experiments),
        false => prepared(options, &chosen, &experiments),
    })
}

/// Makes everything ready, and runs all experiments.
fn prepared(
    options: &Options,
    chosen: &[&'static Experiment],
    experiments: &[&'static Experiment],
) -> Result<()> {
    create_folders(&options.out)?;
    let _lock = lock(&options.out)?;
    let mut progress = Progress::stderr();
    let wanted: Vec<Data> = experiments.iter().map(|experiment| experiment.data).collect();
    let sets = Sets::obtain(&wanted, options, &mut progress)?;
    // Only now, so that Ctrl-C ends a download at once. The first lets the step end and writes a checkpoint; the second
    // ends the program.
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(crate::exit::INTERRUPTED));
        }
    })
    .context("cannot listen for Ctrl-C")?;
    let lab = Lab {
        profile: options.profile,
        seed: Seed(options.seed),
        threads: options.threads(),
        out: options.out.clone(),
        resume: options.resume,
        progress,
        record: Record::default(),
        models: Vec::new(),
        checkpoints: Vec::new(),
        interrupted: &INTERRUPTED,
        sets,
    };
    all(options, lab, chosen, experiments)
}

/// Runs all experiments; a failed one does not stop the others.
fn all(
    options: &Options,
    mut lab: Lab,
    chosen: &[&'static Experiment],
    experiments: &[&'static Experiment],
) -> Result<()> {
    let speed = plan::Speed::measure();
    let mut results = Results {
        version: Results::VERSION,
        profile: options.profile.word().into(),
        seed: options.seed,
        threads: lab.threads,
        machine: Machine::here(),
        ..Results::default()
    };
    let mut kept = BTreeMap::new();
    for experiment in ALL {
        if let Some((record, source)) = lab.kept(experiment) {
            results.data.extend(record.data.clone().map(|key| (key, source)));
            kept.insert(experiment.id, record);
        }
    }
    let sources = Data::ALL.iter().filter_map(|data| lab.sets.known(*data));
    results.data.extend(sources.map(|(key, source, _)| (key.to_string(), source)));
    if let Some(replaced) = lab.replaced(&kept.keys().copied().collect::<Vec<_>>()) {
        lab.progress.say(&replaced);
    }
    let mut ended = BTreeMap::new();
    for experiment in experiments {
        let is_chosen = chosen.iter().any(|chosen| chosen.id == experiment.id);
        // A chosen experiment is run, unless the run goes on with an earlier one.
        let reused = kept.get(experiment.id).filter(|_| lab.resume || !is_chosen);
        let record = match reused {
            Some(record) => {
                lab.progress.say(&format!(
                    "{}  taken from an earlier run with the same settings and data",
                    experiment.id
                ));
                record.clone()
            }
            None => one(&mut lab, experiment, &ended, &speed),
        };
        let interrupted = INTERRUPTED.load(Ordering::SeqCst);
        ended.insert(experiment.id, record);
        // What earlier runs with the same settings have found stays on the page.
        let known = |it: &Experiment| ended.get(it.id).or_else(|| kept.get(it.id)).cloned();
        results.experiments = ALL.iter().filter_map(known).collect();
        write(&lab.out, &mut results)?;
        if interrupted {
            bail!(Interrupted(format!("interrupted; to go on: cargo xtask {} --resume", again(options))));
        }
    }
    stdout::print(&format!("{}\nreport: {}", summary(&results), lab.out.join("index.html").display()))?;
    let failed: Vec<_> =
        ended.values().filter(|record| record.status != Status::Done).map(|record| &*record.id).collect();
    if !failed.is_empty() {
        bail!("{} of {} experiments did not end well: {}", failed.len(), ended.len(), failed.join(", "));
    }
    Ok(())
}

/// Runs one experiment into a record, whatever happens.
fn one(
    lab: &mut Lab,
    experiment: &Experiment,
    ended: &BTreeMap<&str, Record>,
    speed: &plan::Speed,
) -> Record {
    lab.models.clear();
    lab.checkpoints.clear();
    lab.record = Record {
        id: experiment.id.into(),
        title: Some(experiment.title.into()),
        isa: Some(simd::isa().name().into()),
        convolution: Some(convolution().into()),
        data: lab.sets.known(experiment.data).map(|(key, ..)| key.to_string()),
        book: experiment.book.iter().map(|(name, range)| (name.to_string(), *range)).collect(),
        note: (!experiment.note.is_empty()).then(|| experiment.note.into()),
        predicted_seconds: Some(speed.seconds(&(experiment.cost)(lab.profile))),
        ..Record::default()
    };
    let is_done = |need: &str| ended.get(need).is_some_and(|record| record.status == Status::Done);
    if let Some(need) = experiment.needs.iter().find(|need| !is_done(need)) {
        lab.record.status = Status::Skipped;
        lab.record.error = Some(format!("needs {need}, which did not end well"));
        return std::mem::take(&mut lab.record);
    }
    lab.progress.say(&format!("{}  {}", experiment.id, experiment.title));
    // What an experiment before it left idle is not its own.
    convnet_cpu::memory::release();
    let can_measure_peak = reset_peak();
    let started = Instant::now();
    let outcome = lab.forget(experiment.id).and_then(|()| (experiment.run)(lab));
    lab.progress.finish();
    let mut record = std::mem::take(&mut lab.record);
    record.seconds = started.elapsed().as_secs_f64();
    record.peak_mib = if can_measure_peak { peak_mib() } else { None };
    match outcome {
        Ok(()) => lab.keep(experiment, &record),
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
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // The lock of a run that was just killed may outlive it for a moment.
            Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_PATIENCE / 10);
            }
            Err(TryLockError::WouldBlock) => bail!(Usage(format!(
                "another run is writing into {}; wait for it, or give another folder with --out",
                out.display()
            ))),
            // A file system without locks: better to run than to refuse.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

/// How long a lock is waited for.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

fn summary(results: &Results) -> Table {
    let mut table = Table::new(&[
        ("id", Align::Left),
        ("experiment", Align::Left),
        ("status", Align::Left),
        ("data", Align::Left),
        ("ours", Align::Right),
        ("book", Align::Right),
        ("time", Align::Right),
    ]);
    for record in &results.experiments {
        let accuracy =
            record.metrics.get("test_accuracy").map(|value| words::metric("test_accuracy", *value));
        let data = record.data.as_ref().and_then(|key| results.data.get(key));
        // The book's figure is for the real set alone.
        let is_real = data.is_some_and(|data| !data.generated);
        let book = record.book.get("test_accuracy").filter(|_| is_real);
        let book = book.map(|range| words::book("test_accuracy", *range));
        table.row([
            record.id.as_str(),
            record.title.as_deref().unwrap_or(""),
            record.status.word(),
            data.map_or("–", |data| &data.title),
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
        line.push(format!("--only {}", quoted(&options.only.join(","))));
    }
    line.push(format!("--data {} --seed {}", quoted(&options.data.to_string()), options.seed));
    line.push(format!("--out {}", quoted(&options.out.display().to_string())));
    line.extend(options.threads.map(|threads| format!("--threads {threads}")));
    line.join(" ")
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted("target/chapter5"), "target/chapter5");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("5.1*"), "'5.1*'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
