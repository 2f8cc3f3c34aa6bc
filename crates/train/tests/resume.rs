//! Interruption and resumption: the same bits as without, and clear words for every file that will not do.

mod common;

use common::{bits, linear, small, stripes};
use convnet_data::Dataset;
use convnet_layers::Model;
use convnet_tensor::{Purpose, Seed};
use convnet_train::optimizers::{Adam, AdamW, Optimizer, RmsProp, Sgd};
use convnet_train::{
    Checkpoints, Clipping, Ending, Event, Fit, History, Loss, Outcome, Plateau, Schedule, Sinks, Stop, fit,
};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const SPARSE: Loss = Loss::SparseCategoricalCrossentropy { label_smoothing: 0.1 };

/// A training with everything that could be forgotten: dropout, statistics, slots, a plateau, a short batch.
fn settings() -> Fit {
    // Reduced after the third epoch: what was waited before must be known after a resumption.
    let plateau = Plateau { patience: 2, min_delta: 9.0, factor: 0.5, ..Plateau::default() };
    Fit {
        epochs: 4,
        schedule: Schedule::ReduceOnPlateau(plateau),
        seed: 5,
        ..Fit::new(SPARSE, Adam::default())
    }
}

/// Batches that reach from one round into the next, and a rate that follows from the step.
fn streaming() -> Fit {
    let schedule = Schedule::CosineWithWarmup { warmup_steps: 4, warmup_from: 0.1, decay_steps: 8, end: 0.0 };
    let optimizer = Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() }.into();
    let clipping = Some(Clipping::GlobalNorm(0.5));
    Fit { steps_per_epoch: Some(4), batch_size: 30, schedule, optimizer, clipping, ..settings() }
}

fn sets() -> (Dataset, Dataset) {
    stripes(1, 130).split(100).unwrap()
}

fn run(
    model: &mut Model,
    settings: &Fit,
    checkpoints: Option<&Checkpoints<'_>>,
) -> convnet_train::Result<Outcome> {
    let (train, validation) = sets();
    fit(model, &train, Some(&validation), settings, checkpoints, &mut Sinks::none())
}

fn resume(file: &Path) -> Checkpoints<'static> {
    Checkpoints { file: file.to_path_buf(), resume: true, ..Checkpoints::default() }
}

/// Weights and history of a training that nothing disturbs.
fn undisturbed(settings: &Fit) -> (Vec<Vec<u32>>, History) {
    let mut model = small(7);
    let outcome = run(&mut model, settings, None).unwrap();
    (bits(&model), outcome.history)
}

#[test]
fn whatever_checkpoint_survives_a_kill_leads_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let others: [Optimizer; 2] =
        [RmsProp { centered: true, ..RmsProp::default() }.into(), AdamW::default().into()];
    let others = others.map(|optimizer| Fit { optimizer, ..settings() });
    for (number, settings) in [settings(), streaming()].into_iter().chain(others).enumerate() {
        let expected = undisturbed(&settings);
        // A kill leaves the last checkpoint: every one that ever lies on the disk is kept.
        let file = folder.path().join(format!("{number}.safetensors"));
        let mut kept: Vec<PathBuf> = Vec::new();
        let mut keep = |event: &Event<'_>| {
            if let Event::Checkpoint { file } = event {
                let copy = file.with_extension(format!("{}.kept", kept.len()));
                std::fs::copy(file, &copy).unwrap();
                kept.push(copy);
            }
            ControlFlow::Continue(())
        };
        let (train, validation) = sets();
        let checkpoints = Checkpoints { every_steps: Some(1), ..resume(&file) };
        let mut model = small(7);
        let outcome =
            fit(&mut model, &train, Some(&validation), &settings, Some(&checkpoints), &mut keep).unwrap();
        assert_eq!((bits(&model), outcome.history), expected, "writing checkpoints changes nothing");
        assert_eq!(kept.len(), 4 * 4 + 4, "one after each step and one after each epoch");
        for copy in &kept {
            // Other first weights: the checkpoint alone must decide.
            let mut model = small(8);
            let outcome = run(&mut model, &settings, Some(&resume(copy))).unwrap();
            assert_eq!(outcome.ending, Ending::Finished);
            assert!((bits(&model), outcome.history) == expected, "from {}", copy.display());
        }
    }
}

#[test]
fn an_interruption_finishes_the_step_and_leaves_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("interrupted.safetensors");
    let settings = settings();
    let expected = undisturbed(&settings);
    let (train, validation) = sets();
    let stop = AtomicBool::new(false);
    let checkpoints = Checkpoints { stop: Some(&stop), ..resume(&file) };
    // Interrupted again and again, after every third step, until it is done.
    let mut runs = 0;
    loop {
        stop.store(false, Ordering::Relaxed);
        let mut steps = 0;
        let mut interrupt = |event: &Event<'_>| {
            if let Event::Step { .. } = event {
                steps += 1;
                stop.store(steps == 3, Ordering::Relaxed);
            }
            ControlFlow::Continue(())
        };
        let mut model = small(if runs == 0 { 7 } else { 100 + runs });
        let outcome =
            fit(&mut model, &train, Some(&validation), &settings, Some(&checkpoints), &mut interrupt)
                .unwrap();
        runs += 1;
        match outcome.ending {
            Ending::Interrupted { checkpoint } => {
                assert_eq!((checkpoint.as_path(), steps), (file.as_path(), 3))
            }
            ending => {
                assert_eq!(ending, Ending::Finished);
                assert!((bits(&model), outcome.history) == expected);
                break;
            }
        }
    }
    assert_eq!(runs, 6, "sixteen steps, three at a time");
}

#[test]
fn a_sink_that_stops_at_any_event_leaves_a_checkpoint_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (train, validation) = sets();
    let expected = undisturbed(&settings());
    for (number, last) in ["start", "step", "epoch", "checkpoint"].into_iter().enumerate() {
        let file = folder.path().join(format!("{number}.safetensors"));
        let mut stop = |event: &Event<'_>| {
            let name = match event {
                Event::Start { .. } => "start",
                Event::Step { epoch: 2, step: 2, .. } => "step",
                Event::Epoch { .. } => "epoch",
                Event::Checkpoint { .. } => "checkpoint",
                _ => "",
            };
            if name == last { Stop::because(last) } else { ControlFlow::Continue(()) }
        };
        let checkpoints = resume(&file);
        let outcome =
            fit(&mut small(7), &train, Some(&validation), &settings(), Some(&checkpoints), &mut stop);
        assert_eq!(outcome.unwrap().ending, Ending::Stopped(Stop { reason: last.into() }));
        assert_eq!(file.exists(), last != "start");
        let mut model = small(7);
        let outcome = run(&mut model, &settings(), Some(&resume(&file))).unwrap();
        assert!((bits(&model), outcome.history) == expected, "stopped at {last}");
    }
}

#[test]
fn a_finished_training_goes_on_when_more_epochs_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("finished.safetensors");
    let mut model = small(7);
    run(&mut model, &Fit { epochs: 1, ..settings() }, Some(&resume(&file))).unwrap();
    let after_one = bits(&model);
    let mut again = small(9);
    run(&mut again, &Fit { epochs: 1, ..settings() }, Some(&resume(&file))).unwrap();
    assert_eq!(bits(&again), after_one, "nothing is left to do");
    let outcome = run(&mut again, &settings(), Some(&resume(&file))).unwrap();
    assert_eq!((bits(&again), outcome.history), undisturbed(&settings()));
}

#[test]
fn fewer_epochs_than_are_done_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("further.safetensors");
    run(&mut small(7), &Fit { epochs: 3, ..settings() }, Some(&resume(&file))).unwrap();
    let refuse = |epochs: usize, words: &[&str]| {
        let mut model = small(9);
        let before = bits(&model);
        let error = run(&mut model, &Fit { epochs, ..settings() }, Some(&resume(&file))).unwrap_err();
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
        assert_eq!(bits(&model), before, "a refused checkpoint changes nothing");
    };
    refuse(2, &["epochs must be at least 3", "further.safetensors", "3 are done", "but is 2"]);

    // In the middle of the fourth epoch three are no longer what these weights have seen.
    let (train, validation) = sets();
    let mut stop = |event: &Event<'_>| match event {
        Event::Step { step: 2, .. } => ControlFlow::Break(Stop { reason: "enough".into() }),
        _ => ControlFlow::Continue(()),
    };
    fit(&mut small(7), &train, Some(&validation), &settings(), Some(&resume(&file)), &mut stop).unwrap();
    refuse(3, &["epochs must be at least 4", "3 and 2 steps are done", "but is 3"]);
}

#[test]
fn without_resume_an_old_checkpoint_is_replaced_and_without_a_file_training_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint.safetensors");
    let fresh = Checkpoints { resume: false, ..resume(&file) };
    for checkpoints in [&resume(&file), &fresh] {
        let mut model = small(7);
        run(&mut model, &settings(), Some(checkpoints)).unwrap();
        assert_eq!(bits(&model), undisturbed(&settings()).0);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
}

/// A model, a checkpoint of its training, and what resuming from a file says.
struct Refusals {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl Refusals {
    fn new() -> Refusals {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("good.safetensors");
        run(&mut small(7), &Fit { epochs: 1, ..settings() }, Some(&resume(&file))).unwrap();
        let bytes = std::fs::read(&file).unwrap();
        Refusals { folder, bytes }
    }

    fn error(&self, bytes: &[u8], settings: &Fit, mut model: Model) -> String {
        let file = self.folder.path().join("other.safetensors");
        std::fs::write(&file, bytes).unwrap();
        let before = bits(&model);
        let error = run(&mut model, settings, Some(&resume(&file))).unwrap_err().to_string();
        assert_eq!(bits(&model), before, "a refused checkpoint changes nothing");
        assert!(error.contains("other.safetensors"), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), bytes, "a refused file stays as it is");
        error
    }
}

#[test]
fn a_checkpoint_of_another_training_is_refused_by_name() {
    let refusals = Refusals::new();
    let tell = |settings: Fit, model: Model, word: &str| {
        let error = refusals.error(&refusals.bytes, &settings, model);
        assert!(error.contains(word), "{error}");
    };
    let settings = settings();
    tell(Fit { batch_size: 16, ..settings.clone() }, small(7), "batch_size = 32, but now it is 16");
    tell(Fit { seed: 6, ..settings.clone() }, small(7), "seed = 5, but now it is 6");
    tell(Fit { optimizer: RmsProp::default().into(), ..settings.clone() }, small(7), "optimizer = ");
    tell(
        Fit { steps_per_epoch: Some(2), ..settings.clone() },
        small(7),
        "steps_per_epoch = null, but now it is 2",
    );
    tell(settings.clone(), linear(3), "another architecture");
    let mut frozen = small(7);
    frozen.freeze("conv2d").unwrap();
    tell(settings.clone(), frozen, "other layers frozen");

    let file = refusals.folder.path().join("good.safetensors");
    let (train, validation) = sets();
    let other = train.shifted(1, 0).unwrap();
    let refuse = |train: &Dataset, validation: Option<&Dataset>, word: &str| {
        let result =
            fit(&mut small(7), train, validation, &settings, Some(&resume(&file)), &mut Sinks::none());
        let error = result.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    refuse(&other, Some(&validation), "on other pictures");
    refuse(&train, None, "other validation pictures");
    refuse(&train, Some(&other), "other validation pictures");
}

#[test]
fn a_damaged_checkpoint_is_refused_wherever_it_is_damaged() {
    let refusals = Refusals::new();
    let (bytes, length) = (&refusals.bytes, refusals.bytes.len());
    let error = |bytes: &[u8]| refusals.error(bytes, &settings(), small(7));
    for cut in [0, 5, 8, 100, length / 2, length - 1] {
        let message = error(&bytes[..cut]);
        assert!(message.contains("delete it"), "cut at {cut}: {message}");
    }
    assert!(error(b"not a checkpoint at all, but long enough for a header").contains("safetensors"));
    assert!(error(&[bytes.as_slice(), &[0; 9]].concat()).contains("safetensors"));

    // One flipped bit anywhere: a few places in the header, a few in the numbers.
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut stream = Seed(1).stream(Purpose::Check, 0, 0);
    for number in 0..200 {
        let place = if number < 100 { stream.below(header) } else { header + stream.below(length - header) };
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << stream.below(8);
        let settings = settings();
        let file = refusals.folder.path().join("flipped.safetensors");
        std::fs::write(&file, &damaged).unwrap();
        // A flip in white space or in a letter's case may be harmless; then the result must be the right one.
        let mut model = small(7);
        match run(&mut model, &settings, Some(&resume(&file))) {
            Err(error) => assert!(error.to_string().contains("flipped.safetensors"), "{error}"),
            Ok(_) => assert!(bits(&model) == undisturbed(&settings).0, "bit flip at {place} was believed"),
        }
    }
}

#[test]
fn tensors_without_progress_and_newer_versions_are_refused() {
    let refusals = Refusals::new();
    let folder = refusals.folder.path();
    small(7).save(folder.join("model.safetensors")).unwrap();
    let model = std::fs::read(folder.join("model.safetensors")).unwrap();
    let error = refusals.error(&model, &settings(), small(7));
    assert!(error.contains("no checkpoint"), "{error}");
    let newer = String::from_utf8_lossy(&refusals.bytes[..]).into_owned();
    assert!(newer.contains(r#"{\"version\":1,\"settings\""#));
    let from = br#"{\"version\":1,\"settings\""#;
    let place = refusals.bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut newer = refusals.bytes.clone();
    newer[place + 13] = b'2';
    let error = refusals.error(&newer, &settings(), small(7));
    assert!(error.contains("version 2") && error.contains("reads version 1"), "{error}");
    // A file far larger than any checkpoint of this model is not even read.
    let file = folder.join("huge.safetensors");
    std::fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
    let error = run(&mut small(7), &settings(), Some(&resume(&file))).unwrap_err().to_string();
    assert!(error.contains("1099511627776 bytes"), "{error}");
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_told_and_the_old_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("a file, no folder");
    std::fs::write(&blocked, "x").unwrap();
    for file in [folder.path().join("missing/c.safetensors"), blocked.join("c.safetensors")] {
        let fresh = Checkpoints { resume: false, ..resume(&file) };
        let error = run(&mut small(7), &settings(), Some(&fresh)).unwrap_err().to_string();
        assert!(error.contains("c.safetensors") && error.contains("cannot be written"), "{error}");
    }
    let error = run(&mut small(7), &settings(), Some(&resume(folder.path()))).unwrap_err().to_string();
    assert!(error.contains("is not a file"), "{error}");
}

/// The child of the test below: trains slowly, with a checkpoint after every step, until it is killed.
#[test]
#[ignore = "is run, and killed, by another test"]
fn child() {
    let Some(file) = std::env::var_os("CONVNET_TEST_CHECKPOINT").map(PathBuf::from) else { return };
    let (train, validation) = sets();
    let checkpoints = Checkpoints { every_steps: Some(1), ..resume(&file) };
    let mut slowly = |event: &Event<'_>| {
        if let Event::Step { .. } = event {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        ControlFlow::Continue(())
    };
    fit(&mut small(7), &train, Some(&validation), &settings(), Some(&checkpoints), &mut slowly).unwrap();
}

#[test]
fn a_process_killed_at_any_moment_is_resumed_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.safetensors");
    // Killed at different moments, each time going on from what the last one left.
    for milliseconds in [3, 10, 17, 8, 1] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored"])
            .env("CONVNET_TEST_CHECKPOINT", &file)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while !file.exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(file.exists(), "the first process left a checkpoint before it was killed");
    let mut model = small(7);
    let outcome = run(&mut model, &settings(), Some(&resume(&file))).unwrap();
    assert!((bits(&model), outcome.history) == undisturbed(&settings()));
}

#[test]
fn slots_and_weights_are_ordinary_tensors_under_their_paths() {
    let refusals = Refusals::new();
    let file = safetensors::SafeTensors::deserialize(&refusals.bytes).unwrap();
    for name in ["conv2d/kernel", "batch_normalization/moving_mean", "optimizer/conv2d/kernel/mean_square"] {
        assert!(file.tensor(name).is_ok(), "{name}");
    }
    // Six parameters learn, each with two slots; two statistics do not.
    assert_eq!(file.len(), 8 + 6 * 2);
}
