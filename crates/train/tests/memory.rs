//! Memory: what steps ask the system for, and what stays after many epochs.
//!
//! One test, as the recycler and the profiler belong to the whole process.

mod common;

use common::{digits, pictures, small, stripes};
use convnet_cpu::memory::Buffer;
use convnet_cpu::{memory, parallel};
use convnet_train::optimizers::RmsProp;
use convnet_train::{Checkpoints, Event, Fit, Loss, evaluate, fit};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const SPARSE: Loss = Loss::SparseCategoricalCrossentropy { label_smoothing: 0.0 };

/// A block that is no smaller is the recycler's business.
const LARGE: f64 = 65_536.0;

#[test]
fn steps_recycle_what_they_need_and_epochs_leave_nothing_behind() {
    for threads in [1, 2, 3, 8] {
        assert_eq!(misses_after_two_steps(threads), 0, "recycler misses in 200 steps with {threads} threads");
    }
    for threads in [1, 3] {
        a_planted_block_is_found(threads);
        let large = large_allocations_inside_steps(threads);
        assert!(large.is_empty(), "with {threads} threads: {large:#?}");
    }
    two_hundred_epochs_leave_nothing_behind();
    evaluation_keeps_no_activations();
}

fn misses_after_two_steps(threads: usize) -> usize {
    let set = pictures(1, 32 * 202, [28, 28, 1], 10);
    let settings = Fit { batch_size: 32, ..Fit::new(SPARSE, RmsProp::default()) };
    let mut seen = BTreeMap::new();
    let mut count = |event: &Event<'_>| {
        if let Event::Step { step, .. } = event {
            seen.insert(*step, memory::statistics().misses);
        }
        ControlFlow::Continue(())
    };
    memory::release();
    parallel::install(threads, || fit(&mut digits(1), &set, None, &settings, None, &mut count).unwrap())
        .unwrap();
    assert_eq!(seen.len(), 202);
    seen[&202] - seen[&2]
}

/// Places outside the recycler that ask for large blocks between the second and the last step: from dhat's profile, whose
/// every program point says how many bytes in how many blocks came from it.
fn large_allocations_inside_steps(threads: usize) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heap.json");
    let set = pictures(1, 64 * 12, [28, 28, 1], 10);
    let settings = Fit { batch_size: 64, ..Fit::new(SPARSE, RmsProp::default()) };
    let mut profiler = None;
    let mut profile = |event: &Event<'_>| {
        match event {
            Event::Step { step: 2, .. } => {
                profiler = Some(dhat::Profiler::builder().file_name(&file).trim_backtraces(None).build());
            }
            Event::Step { step: 12, .. } => profiler = None,
            _ => {}
        }
        ControlFlow::Continue(())
    };
    parallel::install(threads, || fit(&mut digits(1), &set, None, &settings, None, &mut profile).unwrap())
        .unwrap();

    large_blocks(&file)
}

/// Large blocks that did not come from the recycler, in dhat's profile.
fn large_blocks(profile: &Path) -> Vec<String> {
    let heap: serde_json::Value = serde_json::from_slice(&std::fs::read(profile).unwrap()).unwrap();
    let frames = heap["ftbl"].as_array().unwrap();
    let points = heap["pps"].as_array().unwrap();
    let mut large = Vec::new();
    for point in points {
        let stack = point["fs"].as_array().unwrap().iter().map(|frame| frame.as_u64().unwrap() as usize);
        let stack: Vec<&str> = stack.map(|frame| frames[frame].as_str().unwrap()).collect();
        let each = point["tb"].as_f64().unwrap() / point["tbk"].as_f64().unwrap();
        // Its blocks, not all the work that it watches: every parallel item runs inside `memory::item`.
        // Known by its file, or, built without line tables, by its function.
        let is_block =
            |frame: &&str| frame.contains("memory/block.rs") || frame.contains("memory::block::Block::new");
        let is_recycler = stack.iter().any(is_block);
        if each >= LARGE && !is_recycler {
            large.push(format!("{each} bytes each: {stack:#?}"));
        }
    }
    large
}

/// Were the profile blind to what happens inside parallel work, it would find nothing in the steps either.
fn a_planted_block_is_found(threads: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heap.json");
    let profiler = dhat::Profiler::builder().file_name(&file).trim_backtraces(None).build();
    parallel::install(threads, || {
        parallel::for_each(8, |_| {
            let recycled = Buffer::<u8>::recycled(1 << 18);
            std::hint::black_box((recycled, vec![1_u8; 1 << 17]));
        });
    })
    .unwrap();
    drop(profiler);
    let found = large_blocks(&file);
    assert!(!found.is_empty() && found.iter().all(|found| found.starts_with("131072 bytes")), "{found:#?}");
}

fn two_hundred_epochs_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint.safetensors");
    let (train, validation) = stripes(1, 60).split(40).unwrap();
    let settings = Fit { epochs: 200, ..Fit::new(SPARSE, RmsProp::default()) };
    let checkpoints = Checkpoints { file, every_steps: None, ..Checkpoints::default() };
    let mut seen = Vec::new();
    let mut look = |event: &Event<'_>| {
        if let Event::Epoch { .. } = event {
            let statistics = memory::statistics();
            seen.push((
                statistics.in_use,
                statistics.in_use + statistics.idle + statistics.reserved,
                resident(),
            ));
        }
        ControlFlow::Continue(())
    };
    memory::release();
    let outcome = parallel::install(2, || {
        fit(&mut small(1), &train, Some(&validation), &settings, Some(&checkpoints), &mut look).unwrap()
    })
    .unwrap();
    assert_eq!(outcome.history.rows.len(), 200);
    // From the fourth epoch on: the orders of the last two rounds are kept.
    let (early, late) = (seen[4], seen[199]);
    assert_eq!(late.0, early.0, "bytes handed out");
    assert!(late.1 <= early.1 + (64 << 10), "the recycler grew from {} to {} bytes", early.1, late.1);
    if let (Some(early), Some(late)) = (early.2, late.2) {
        assert!(late <= early + (2 << 20), "resident memory grew from {early} to {late} bytes");
    }
}

/// Resident memory in bytes, where the system tells it.
fn resident() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
}

fn evaluation_keeps_no_activations() {
    let peak = |count: usize| {
        let set = pictures(1, count, [28, 28, 1], 10);
        let model = digits(1);
        memory::release();
        let before = memory::in_use();
        memory::reset_peak();
        parallel::install(2, || evaluate(&model, &set, SPARSE, 64).unwrap()).unwrap();
        memory::peak() - before
    };
    let (few, many) = (peak(128), peak(1_280));
    // The probabilities grow, 40 bytes for each picture.
    assert!(many <= few + 1_152 * 40 + (256 << 10), "{few} bytes for 128 pictures, {many} for 1280");
}
