//! Near-duplicates: copies are found, strangers are not, and many take no longer than they must.

mod common;

use common::{encoded, load, noise, png, put};
use convnet_data::duplicates::{NEAR, PictureHash, Place, near_duplicates};
use convnet_data::{Loaded, PictureFolder};
use image::ImageFormat;
use image::imageops::{self, FilterType};
use image::{DynamicImage, RgbImage};
use std::path::Path;

fn hash(looks: u64) -> PictureHash {
    PictureHash { looks, pixels: [0; 16] }
}

/// Large random patches of colour: structure that survives what happens to copies.
fn patches(seed: u32) -> RgbImage {
    let small = RgbImage::from_raw(7, 6, noise(seed, 7 * 6 * 3)).unwrap();
    imageops::resize(&small, 120, 90, FilterType::CatmullRom)
}

#[test]
fn copies_are_found_and_strangers_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let save = |path: &str, picture: &RgbImage, format| {
        put(folder.path(), path, &encoded(picture, picture.height(), picture.width(), format));
    };
    for number in 0..60 {
        save(&format!("train/cats/{number:02}.png"), &patches(number), ImageFormat::Png);
    }
    save("train/cats/05 again.png", &patches(5), ImageFormat::Png);
    save("test/cats/saved.jpg", &patches(7), ImageFormat::Jpeg);
    save(
        "test/cats/smaller.png",
        &imageops::resize(&patches(11), 60, 45, FilterType::Triangle),
        ImageFormat::Png,
    );
    save("test/cats/brighter.png", &imageops::brighten(&patches(13), 15), ImageFormat::Png);
    save("test/cats/grey.png", &DynamicImage::ImageRgb8(patches(17)).grayscale().to_rgb8(), ImageFormat::Png);
    save("test/cats/stranger.png", &patches(1000), ImageFormat::Png);
    save("test/cats/turned.png", &imageops::rotate180(&patches(19)), ImageFormat::Png);
    let sets =
        ["train", "test"].map(|set| load(&PictureFolder::list(&folder.path().join(set)).unwrap(), 75, 100));
    let found = near_duplicates(&[&sets[0].hashes, &sets[1].hashes]);
    let names: Vec<String> = found
        .iter()
        .map(|found| {
            let name = |place: &Place| sets[place.set].dataset.name(place.number).unwrap();
            let names: Vec<&str> = found.places.iter().map(name).collect();
            format!("{} {} {}", names.join(" = "), found.identical, found.across_sets())
        })
        .collect();
    assert_eq!(
        names,
        [
            "cats/05 again.png = cats/05.png true false",
            "cats/07.png = cats/saved.jpg false true",
            "cats/11.png = cats/smaller.png false true",
            "cats/13.png = cats/brighter.png false true",
            "cats/17.png = cats/grey.png false true",
        ]
    );
}

#[test]
fn pictures_of_one_colour_are_alike_only_in_that_colour() {
    let folder = tempfile::tempdir().unwrap();
    for (name, colour) in
        [("a", [10, 20, 30]), ("b", [10, 20, 30]), ("c", [200, 20, 30]), ("d", [0; 3]), ("e", [255; 3])]
    {
        put(folder.path(), &format!("flat/{name}.png"), &png(&colour.repeat(40 * 30), 30, 40));
    }
    put(folder.path(), "other/f.png", &png(&patches(1), 90, 120));
    let loaded = load(&PictureFolder::list(folder.path()).unwrap(), 20, 20);
    let found = near_duplicates(&[&loaded.hashes]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].places, [0, 1].map(|number| Place { set: 0, number }));
    assert!(found[0].identical);
}

#[test]
fn exactly_the_pairs_within_the_distance_are_joined() {
    let random: Vec<u64> =
        noise(3, 8 * 1500).as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    // A child of every other one, 0 to 9 bits away.
    let mut hashes = random.clone();
    for (number, parent) in random.iter().enumerate().step_by(2) {
        let bits = (0..number / 2 % 10).fold(0, |bits, bit| bits | (1_u64 << ((bit * 7 + number) % 64)));
        hashes.push(parent ^ bits);
    }
    let found = near_duplicates(&[&hashes.iter().copied().map(hash).collect::<Vec<_>>()]);
    let mut joined = vec![false; hashes.len()];
    found.iter().flat_map(|found| &found.places).for_each(|place| joined[place.number] = true);
    for (number, a) in hashes.iter().enumerate() {
        let near =
            hashes.iter().enumerate().any(|(other, b)| other != number && (a ^ b).count_ones() <= NEAR);
        assert_eq!(joined[number], near, "hash {number}");
    }
    assert!(found.len() >= 525, "0 to 6 of 0 to 9 bits are near: {}", found.len());
}

#[test]
fn a_hundred_thousand_pictures_are_compared_in_seconds() {
    let count = 100_000;
    let hashes: Vec<PictureHash> =
        noise(9, 8 * count).as_chunks::<8>().0.iter().map(|bytes| hash(u64::from_le_bytes(*bytes))).collect();
    let copies: Vec<PictureHash> =
        hashes.iter().step_by(100).map(|picture| hash(picture.looks ^ 0b101)).collect();
    let found = near_duplicates(&[&hashes, &copies]);
    assert_eq!(found.iter().filter(|found| found.across_sets()).count(), 1000);
    // However many are the same, they are compared once.
    let found = near_duplicates(&[&vec![hash(7); count]]);
    assert_eq!((found.len(), found[0].places.len()), (1, count));
}

/// The set that the book's readers use has two pairs, one of them across training and validation.
#[test]
fn the_real_cats_and_dogs() {
    let Some(folder) = std::env::var_os("CONVNET_DATA_DIR") else {
        eprintln!("CONVNET_DATA_DIR is not set: the real pictures are not read");
        return;
    };
    let root = Path::new(&folder).join("cats_and_dogs_small");
    let sets: Vec<Loaded> = ["train", "validation", "test"]
        .map(|set| load(&PictureFolder::list(&root.join(set)).unwrap(), 150, 150))
        .into();
    assert!(sets.iter().all(|set| set.unreadable.is_empty()));
    assert_eq!(sets.iter().map(|set| set.dataset.len()).collect::<Vec<_>>(), [2000, 1000, 1000]);
    let found = near_duplicates(&sets.iter().map(|set| &set.hashes[..]).collect::<Vec<_>>());
    let names: Vec<Vec<&str>> = found
        .iter()
        .map(|found| {
            found.places.iter().map(|place| sets[place.set].dataset.name(place.number).unwrap()).collect()
        })
        .collect();
    assert_eq!(names, [["dogs/dog.180.jpg", "dogs/dog.74.jpg"], ["dogs/dog.980.jpg", "dogs/dog.1273.jpg"]]);
    assert_eq!(found.iter().map(|found| found.across_sets()).collect::<Vec<_>>(), [false, true]);
}
