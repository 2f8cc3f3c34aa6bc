//! `reproduce-chapter5`: chooses experiments, runs them one after the other, writes results.json and the page after each.

use crate::chapter5::{self, ALL, Experiment, Pretrained};
use crate::exit::{Interrupted, Skipped, Usage};
use crate::lab::base::Base;
use crate::lab::data::{Data, Sets};
use crate::lab::{Lab, convolution, create_folders};
use crate::options::{Options, Profile, with_threads};
use crate::{interruption, living, plan, stdout};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use convnet_cpu::simd;
use convnet_report::{
    Align, Experiment as Record, Machine, Progress, Results, Status, Table, figures_in, peak_mib, render,
    reset_peak, words, write_file,
};
use convnet_tensor::Seed;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

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
    let wanted: Vec<Data> = experiments.iter().filter_map(|experiment| experiment.data).collect();
    let sets = Sets::obtain(&wanted, options, &mut progress)?;
    let base = match experiments.iter().any(|experiment| experiment.base != Pretrained::No) {
        true => Some(Base::obtain(options, &mut progress)?.map(Arc::new)),
        false => None,
    };
    // Only now, so that Ctrl-C ends a download at once.
    let interrupted = interruption::listen()?;
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
        interrupted,
        sets,
        shown: BTreeMap::new(),
        data: options.data.clone(),
        wished_base: options.base,
        base,
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
        program: Some(concat!("convnet ", env!("CARGO_PKG_VERSION")).into()),
        profile: options.profile.word().into(),
        seed: options.seed,
        threads: lab.threads,
        machine: Machine::here(),
        ..Results::default()
    };
    let mut kept = BTreeMap::new();
    for experiment in ALL {
        if let Some((record, sources)) = lab.kept(experiment) {
            results.data.extend(sources);
            kept.insert(experiment.id, record);
        }
    }
    let is_taken = |data: &Data| experiments.iter().any(|experiment| experiment.data == Some(*data));
    let painted = Some(Data::Scenes).filter(is_taken);
    let sources = Data::ALL.into_iter().chain(painted).filter_map(|data| lab.sets.known(data));
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
        results.data.append(&mut lab.shown);
        let interrupted = lab.interrupted.load(Ordering::SeqCst);
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
        ended.values().filter(|record| record.status == Status::Failed).map(|record| &*record.id).collect();
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
    let pictures = experiment.data.and_then(|data| lab.sets.known(data));
    let generated = pictures.as_ref().is_some_and(|(_, source, _)| source.generated);
    let cost = experiment.expected(lab.profile, lab.base_cost(), generated);
    lab.record = Record {
        id: experiment.id.into(),
        title: Some(experiment.title.into()),
        isa: Some(simd::isa().name().into()),
        convolution: Some(convolution().into()),
        data: pictures.map(|(key, ..)| key.to_string()),
        book: experiment.book.iter().map(|(name, range)| (name.to_string(), *range)).collect(),
        note: (!experiment.note.is_empty()).then(|| experiment.note.into()),
        predicted_seconds: Some(speed.seconds(&cost)),
        predicted_mib: Some(plan::memory(lab.sets.mib(lab.profile), &cost)),
        ..Record::default()
    };
    lab.progress.say(&format!("{}  {}", experiment.id, experiment.title));
    let status = |need: &str| ended.get(need).map_or(Status::Failed, |record| record.status);
    if let Some(need) = experiment.needs.iter().find(|need| status(need) != Status::Done) {
        let why = if status(need) == Status::Skipped { "was skipped" } else { "did not end well" };
        lab.record.status = Status::Skipped;
        lab.record.error = Some(format!("needs {need}, which {why}"));
        return std::mem::take(&mut lab.record);
    }
    if let Some(why) = experiment.left_out(lab.profile) {
        lab.record.status = Status::Skipped;
        lab.record.error = Some(why.into());
        return std::mem::take(&mut lab.record);
    }
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
        Err(_) if lab.interrupted.load(Ordering::SeqCst) => {
            record.status = Status::Skipped;
            record.error = Some("interrupted; its checkpoint is kept".into());
        }
        Err(error) if error.is::<Skipped>() => {
            lab.progress.say(&format!("{}  skipped: {error}", experiment.id));
            record.status = Status::Skipped;
            record.error = Some(error.to_string());
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
    write_page(out, results)
}

/// Writes the page about `results`, with the figures and the digits network that lie in the same folder.
pub(crate) fn write_page(out: &Path, results: &Results) -> Result<()> {
    let page = render(results, &figures_in(out), living::network(results, out).as_ref());
    Ok(write_file(out.join("index.html"), page.as_bytes())?)
}

/// A lock on the output folder, so that two runs never write into it at once; freed when dropped or killed.
pub(crate) fn lock(out: &Path) -> Result<File> {
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

/// A row per experiment with its main figure; where several models have one each, a row for each of these.
fn summary(results: &Results) -> Table {
    let mut table = Table::new(&[
        ("id", Align::Left),
        ("experiment", Align::Left),
        ("status", Align::Left),
        ("data", Align::Left),
        ("figure", Align::Left),
        ("ours", Align::Right),
        ("book", Align::Right),
        ("time", Align::Right),
    ]);
    for record in &results.experiments {
        let data = record.data.as_ref().and_then(|key| results.data.get(key));
        // The book's figure is for the real set alone, and not for a few steps on a few pictures of it.
        let comparable = data.is_some_and(|data| !data.generated) && results.profile != Profile::Smoke.word();
        let row = |name: Option<&str>| {
            let ours = name.and_then(|name| Some(words::metric(name, *record.metrics.get(name)?)));
            let book = name.and_then(|name| Some(words::book(name, *record.book.get(name)?)));
            let dash = || "–".to_string();
            [
                name.map_or_else(dash, words::name),
                ours.unwrap_or_else(dash),
                book.filter(|_| comparable).unwrap_or_else(dash),
            ]
        };
        let mut names = record.headline().into_iter();
        let [name, ours, book] = row(names.next());
        let title = record.title.as_deref().unwrap_or("");
        let data = data.map_or("–", |data| &data.title);
        let time = words::seconds(record.seconds);
        table.row([&record.id, title, record.status.word(), data, &name, &ours, &book, &time]);
        for name in names {
            let [name, ours, book] = row(Some(name));
            table.row(["", "", "", "", &name, &ours, &book, ""]);
        }
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
    line.extend(options.base.to_possible_value().map(|base| format!("--base {}", base.get_name())));
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
    use super::*;
    use clap::Parser;
    use convnet_report::DataSource;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted("target/chapter5"), "target/chapter5");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("5.1*"), "'5.1*'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_line_that_goes_on_asks_for_the_same() {
        let given = "x --profile book --only 5.1,5.2* --data embedded --seed 3 --base mini-vgg --out my/folder --threads 2";
        let line = again(&Line::parse_from(given.split(' ')).options);
        let expected = "reproduce-chapter5 --profile book --only '5.1,5.2*' --data embedded --seed 3 --base mini-vgg \
                        --out my/folder --threads 2";
        assert_eq!(line, expected);
    }

    #[test]
    fn the_summary_shows_what_the_book_prints() {
        let record = |id: &str, metrics: &[(&str, f64)], book: &[(&str, [f64; 2])]| Record {
            id: id.into(),
            data: Some("real".into()),
            metrics: metrics.iter().map(|&(name, value)| (name.into(), value)).collect(),
            book: book.iter().map(|&(name, range)| (name.into(), range)).collect(),
            ..Record::default()
        };
        let parameters = ("parameters", 93_322.0);
        let experiments = vec![
            record(
                "5.2.4",
                &[("best_val_accuracy", 0.745), ("test_accuracy", 0.721), parameters],
                &[("best_val_accuracy", [0.71, 0.74]), ("parameters", [93_322.0; 2])],
            ),
            record(
                "5.1.2",
                &[("with_pooling_test_accuracy", 0.98), ("without_pooling_test_accuracy", 0.97)],
                &[],
            ),
            record("5.2.1", &[], &[]),
        ];
        let lines = |profile: &str, generated: bool| -> Vec<String> {
            let source = DataSource { title: "cats".into(), generated, origin: String::new() };
            let (data, experiments) = ([("real".into(), source)].into(), experiments.clone());
            let results = Results { profile: profile.into(), data, experiments, ..Results::default() };
            summary(&results).to_string().lines().skip(2).map(str::to_string).collect()
        };
        let real = lines("book", false);
        assert_eq!(real.len(), 4, "{real:?}");
        let cells: Vec<_> = real[0].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells, ["5.2.4", "done", "cats", "best val accuracy", "74.50 %", "71–74 %", "0.0 s"]);
        assert!(real[1].contains(" with pooling test accuracy") && real[1].contains("98.00 %"), "{real:?}");
        assert!(
            real[2].contains(" without pooling test accuracy") && real[2].contains("97.00 %"),
            "{real:?}"
        );
        for other in [lines("smoke", false), lines("book", true)] {
            assert!(other[0].contains("74.50 %") && !other[0].contains("71–74 %"), "{other:?}");
        }
    }
}
