//! 100,000 pictures are listed, loaded into a file and streamed with flat memory. Alone in its file, as it watches what the
//! whole process takes.

mod common;

use convnet_data::{Batches, LoadOptions, Order, PictureFolder};
use convnet_tensor::{Pixels, Seed};
use std::ops::ControlFlow;

const COUNT: usize = 100_000;
const CLASSES: usize = 10;
/// File systems limit how many names a file may have.
const NAMES: usize = 1000;

/// What the process takes now and has taken at most, in MiB, if the system tells.
fn memory() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? >> 10)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

#[test]
fn a_hundred_thousand_pictures_in_flat_memory() {
    let folder = tempfile::tempdir().unwrap();
    for class in 0..CLASSES {
        std::fs::create_dir(folder.path().join(format!("class {class}"))).unwrap();
    }
    for number in 0..COUNT {
        let path = folder.path().join(format!("class {}/picture {number:06}.png", number % CLASSES));
        let original = number / (NAMES * CLASSES) * (NAMES * CLASSES) + number % CLASSES;
        if number == original {
            std::fs::write(path, common::png(&common::noise(number as u32, 4 * 4 * 3), 4, 4)).unwrap();
        } else {
            let original = format!("class {}/picture {original:06}.png", original % CLASSES);
            std::fs::hard_link(folder.path().join(original), path).unwrap();
        }
    }
    let before = memory();
    let list = PictureFolder::list(folder.path()).unwrap();
    assert_eq!(list.class_counts(), [COUNT / CLASSES; CLASSES]);
    let listed = memory();

    // 293 MiB of pictures, of which at most 8 may stay in memory.
    let options = LoadOptions { memory_budget: 8 << 20, ..LoadOptions::new(32, 32, 3) };
    let loaded = list.load(&options, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(loaded.unreadable.is_empty() && !loaded.dataset.in_memory());
    assert_eq!(loaded.dataset.name(COUNT - 1), Some("class 9/picture 099999.png"));
    let stored = memory();

    let batches = Batches::new(&loaded.dataset, 128, Order::Shuffled(Seed(1)), Pixels::ZeroToOne).unwrap();
    let (mut seen, mut sum) = (0, 0.0);
    for batch in batches.round(0) {
        let batch = batch.unwrap();
        seen += batch.labels.len();
        sum += f64::from(batch.x.data()[0]);
    }
    assert_eq!(seen, COUNT);
    assert!((0.4..0.6).contains(&(sum / batches.steps() as f64)), "noise is grey in the mean");
    let (Some(before), Some(listed), Some(stored), Some(end)) = (before, listed, stored, memory()) else {
        eprintln!("this system does not tell how much memory a process takes: not checked");
        return;
    };
    // Names and labels, twice 60 bytes each; digests and hashes; one batch; what waits to be stored.
    assert!(listed.1 - before.0 < 32, "listing took {} MiB", listed.1 - before.0);
    assert!(end.1 - stored.1 < 16, "going through all of them took {} MiB more", end.1 - stored.1);
    assert!(end.1 - before.0 < 120, "all of it took {} MiB at most", end.1 - before.0);
}
