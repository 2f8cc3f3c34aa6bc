//! Loading folders: order, threads, the file beyond the budget, what cannot be read.

mod common;

use common::{encoded, load, noise, png, put, tree};
use convnet_data::decode::Undecodable;
use convnet_data::{Batches, Dataset, Error, LoadOptions, Loaded, Order, PictureFolder};
use convnet_tensor::{Filter, Fit, Pixels, Seed};
use image::ImageFormat;
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

/// 90 pictures of two classes, each of another size and content, some of which cannot be read.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..90_u32 {
        let (height, width) = (5 + number % 17, 4 + number % 23);
        let pixels = noise(number, (height * width * 3) as usize);
        let class = ["cats", "dogs"][usize::from(number >= 50)];
        let format = [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Jpeg][number as usize % 3];
        put(folder.path(), &format!("{class}/{number:02}.jpg"), &encoded(&pixels, height, width, format));
    }
    put(folder.path(), "cats/07.jpg", b"a text");
    put(folder.path(), "dogs/60.jpg", b"");
    let whole = encoded(&noise(1, 900), 10, 30, ImageFormat::Jpeg);
    put(folder.path(), "dogs/89.jpg", &whole[..whole.len() / 2]);
    folder
}

fn list(folder: &TempDir) -> PictureFolder {
    PictureFolder::list(folder.path()).unwrap()
}

fn options() -> LoadOptions {
    LoadOptions { memory_budget: 90 * 12 * 10 * 3, ..LoadOptions::new(12, 10, 3) }
}

fn loaded(folder: &PictureFolder, options: &LoadOptions) -> Loaded {
    folder.load(options, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

fn same(a: &Dataset, b: &Dataset) {
    assert_eq!((a.len(), a.labels(), a.classes()), (b.len(), b.labels(), b.classes()));
    for number in 0..a.len() {
        assert_eq!(a.picture(number).unwrap(), b.picture(number).unwrap(), "picture {number}");
        assert_eq!(a.name(number), b.name(number));
    }
    assert_eq!(a.fingerprint(), b.fingerprint());
}

#[test]
fn any_number_of_threads_and_either_store_give_the_same() {
    let folder = folder();
    let list = list(&folder);
    let expected = loaded(&list, &options());
    assert!(expected.dataset.in_memory());
    assert_eq!(expected.dataset.class_counts(), [49, 38]);
    assert_eq!(
        expected.dataset.origin().source,
        format!("folder {}", folder.path().file_name().unwrap().display())
    );
    for threads in [1, 2, 3, 8] {
        for less in [0, 1] {
            let options = LoadOptions { memory_budget: options().memory_budget - less, ..options() };
            let other = convnet_cpu::parallel::install(threads, || loaded(&list, &options)).unwrap();
            assert_eq!(other.dataset.in_memory(), less == 0);
            same(&other.dataset, &expected.dataset);
            assert_eq!(other.hashes, expected.hashes);
            assert_eq!(
                other.unreadable.iter().map(|(path, _)| path).collect::<Vec<_>>(),
                expected.unreadable.iter().map(|(path, _)| path).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn what_cannot_be_read_is_listed_with_its_reason_and_the_others_keep_their_places() {
    let folder = folder();
    let list = list(&folder);
    std::fs::remove_file(folder.path().join("dogs/70.jpg")).unwrap();
    std::fs::create_dir(folder.path().join("dogs/70.jpg")).unwrap();
    std::fs::remove_file(folder.path().join("dogs/71.jpg")).unwrap();
    let Loaded { dataset, unreadable, hashes } = loaded(&list, &options());
    let why: Vec<(&Path, &Undecodable)> = unreadable.iter().map(|(path, why)| (&**path, why)).collect();
    assert!(
        matches!(
            why[..],
            [
                (_, Undecodable::Unknown { looks_like: "text" }),
                (_, Undecodable::Empty),
                (_, Undecodable::NoFile),
                (_, Undecodable::Read(_)),
                (_, Undecodable::Truncated),
            ]
        ),
        "{why:?}"
    );
    let paths: Vec<&Path> = why.iter().map(|(path, _)| *path).collect();
    assert_eq!(
        paths,
        ["cats/07.jpg", "dogs/60.jpg", "dogs/70.jpg", "dogs/71.jpg", "dogs/89.jpg"].map(Path::new)
    );
    assert_eq!((dataset.len(), hashes.len()), (85, 85));
    assert_eq!(dataset.name(7), Some("cats/08.jpg"));
    assert_eq!(dataset.name(84), Some("dogs/88.jpg"));
    assert_eq!(dataset.labels()[48..50], [0, 1]);
}

#[test]
fn parts_of_a_set_in_a_file_are_those_of_the_set_in_memory() {
    let folder = folder();
    let list = list(&folder);
    let memory = loaded(&list, &options()).dataset;
    let file = loaded(&list, &LoadOptions { memory_budget: 0, ..options() }).dataset;
    assert!(memory.in_memory() && !file.in_memory());
    let parts = |set: &Dataset| {
        let (first, last) = set.split(30).unwrap();
        let chosen = last.subset(20, Seed(3)).unwrap();
        let moved = chosen.shifted(3, -2).unwrap();
        assert_eq!(moved.in_memory(), set.in_memory());
        [set.take(5), first, last, chosen.take(7), chosen, moved]
    };
    for (a, b) in parts(&memory).iter().zip(&parts(&file)) {
        same(a, b);
        assert_eq!(a.origin(), b.origin());
    }
    let batches = |set: &Dataset| {
        let batches = Batches::new(set, 16, Order::Shuffled(Seed(1)), Pixels::ZeroToOne).unwrap();
        batches.round(0).map(|batch| batch.unwrap().x).collect::<Vec<_>>()
    };
    assert_eq!(batches(&memory), batches(&file));
}

#[test]
fn a_file_of_pictures_is_read_by_many_threads_at_once() {
    let folder = folder();
    let list = list(&folder);
    let memory = loaded(&list, &options()).dataset;
    let file = loaded(&list, &LoadOptions { memory_budget: 0, ..options() }).dataset;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (memory, file) = (&memory, file.clone());
            scope.spawn(move || {
                for turn in 0..400 {
                    let number = (turn * 31 + thread * 17) % file.len();
                    assert_eq!(file.picture(number).unwrap(), memory.picture(number).unwrap());
                }
            });
        }
    });
}

#[test]
fn the_file_lies_in_the_given_folder_without_a_name() {
    let folder = tree(&["cats/a.bmp", "dogs/b.bmp"]);
    let cache = tempfile::tempdir().unwrap();
    let options = |cache: &Path| LoadOptions {
        memory_budget: 0,
        cache: Some(cache.to_path_buf()),
        ..LoadOptions::new(2, 2, 3)
    };
    let set = loaded(&list(&folder), &options(cache.path())).dataset;
    assert!(!set.in_memory());
    if cfg!(unix) {
        assert_eq!(cache.path().read_dir().unwrap().count(), 0);
    }
    assert_eq!(set.picture(1).unwrap().data(), [1, 2, 3].repeat(4));
    let gone = cache.path().join("gone");
    let error = list(&folder).load(&options(&gone), &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, Error::Cache { what: "created", .. }), "{error}");
    assert!(error.to_string().contains("another folder"), "{error}");
}

#[test]
fn progress_is_told_and_may_stop() {
    let folder = folder();
    let list = list(&folder);
    let mut told = Vec::new();
    convnet_cpu::parallel::install(1, || {
        list.load(&options(), &mut |done, all| {
            told.push((done, all));
            ControlFlow::Continue(())
        })
        .unwrap()
    })
    .unwrap();
    assert!(told.len() > 2 && told.is_sorted() && told.last() == Some(&(90, 90)), "{told:?}");
    let error = list.load(&options(), &mut |_, _| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(error, Error::Stopped { all: 90, .. }), "{error}");
}

#[test]
fn fit_filter_and_channels_are_those_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    // Left half black, right half white.
    let pixels: Vec<u8> = (0..4 * 8 * 3).map(|place| if place / 3 % 8 < 4 { 0 } else { 255 }).collect();
    put(folder.path(), "cats/a.png", &png(&pixels, 4, 8));
    put(folder.path(), "dogs/a.png", &png(&pixels, 4, 8));
    let picture = |fit, filter, channels| {
        let options = LoadOptions { fit, filter, ..LoadOptions::new(4, 4, channels) };
        loaded(&list(&folder), &options).dataset.picture(0).unwrap().data().to_vec()
    };
    assert_eq!(picture(Fit::Squash, Filter::Area, 1), [0, 0, 255, 255].repeat(4));
    assert_eq!(picture(Fit::Crop, Filter::Area, 1), [0, 0, 255, 255].repeat(4));
    let padded = [[0; 4], [0, 0, 255, 255], [0, 0, 255, 255], [0; 4]].concat();
    assert_eq!(picture(Fit::Pad, Filter::Area, 1), padded);
    assert_eq!(picture(Fit::Squash, Filter::Area, 3).len(), 48);
    // Widened, the triangle reaches over the edge; plain, its two neighbours are both of one colour.
    assert_eq!(picture(Fit::Squash, Filter::BilinearPlain, 1), [0, 0, 255, 255].repeat(4));
    assert_ne!(picture(Fit::Squash, Filter::Bilinear, 1), [0, 0, 255, 255].repeat(4));
}

#[test]
fn mistakes_are_told() {
    let folder = tree(&["cats/a.jpg", "dogs/b.jpg"]);
    let refusal = |options: LoadOptions| {
        list(&folder).load(&options, &mut |_, _| ControlFlow::Continue(())).unwrap_err().to_string()
    };
    for (height, width, channels) in
        [(0, 1, 3), (1, 0, 3), (1, 1, 0), (1, 1, 2), (usize::MAX, usize::MAX, 3), (1 << 17, 1, 1)]
    {
        let message = refusal(LoadOptions::new(height, width, channels));
        assert!(message.contains("1 or 3 channels"), "{message}");
    }
    put(folder.path(), "cats/a.jpg", b"text");
    put(folder.path(), "dogs/b.jpg", b"text");
    let message = refusal(LoadOptions::new(2, 2, 3));
    assert!(
        message.contains("none of 2 files can be read") && message.contains("looks like text"),
        "{message}"
    );
}

#[test]
fn one_pixel_becomes_a_picture_and_a_bomb_does_not() {
    let folder = tree(&["cats/one.bmp", "dogs/b.bmp"]);
    let mut bomb = encoded(&[90; 16 * 16 * 3], 16, 16, ImageFormat::Bmp);
    bomb[18..26].copy_from_slice(&[30_000_u32.to_le_bytes(), 30_000_u32.to_le_bytes()].concat());
    put(folder.path(), "dogs/bomb.png", &bomb);
    let Loaded { dataset, unreadable, .. } = load(&list(&folder), 6, 7);
    assert_eq!(dataset.picture(0).unwrap().data(), [1, 2, 3].repeat(42));
    assert!(matches!(&unreadable[..], [(_, Undecodable::TooLarge { width: 30_000, height: 30_000 })]));
}
