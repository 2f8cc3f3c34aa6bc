//! What is in a folder of pictures, before anything is trained on it: classes, what is passed over or unreadable, duplicates.
//!
//! `cargo run --release --example look_at_folder -p convnet-data -- cats_and_dogs_small/train cats_and_dogs_small/test`

use convnet_data::duplicates::near_duplicates;
use convnet_data::{LoadOptions, Loaded, PictureFolder};
use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [first, ..] = &paths[..] else {
        return Err("name one or more folders, each with a folder of pictures for each class".into());
    };
    // The classes of the first folder number those of the others.
    let classes = PictureFolder::list(first)?.classes().to_vec();
    let mut sets: Vec<Loaded> = Vec::new();
    for path in &paths {
        let folder = PictureFolder::list_classes(path, &classes)?;
        println!("{}: {} files", path.display(), folder.len());
        for (class, count) in folder.classes().iter().zip(folder.class_counts()) {
            println!("  {class}: {count}");
        }
        folder.notes().iter().for_each(|note| println!("  note: {note}"));
        let start = Instant::now();
        let loaded = folder.load(&LoadOptions::new(150, 150, 3), &mut |done, all| {
            eprint!("\r  {done} of {all} read");
            ControlFlow::Continue(())
        })?;
        eprintln!(" in {:.1} s", start.elapsed().as_secs_f64());
        loaded.unreadable.iter().for_each(|(path, why)| println!("  {} {why}", path.display()));
        let place = if loaded.dataset.in_memory() { "memory" } else { "a file" };
        println!("  {} pictures of 150×150×3 in {place}", loaded.dataset.len());
        sets.push(loaded);
    }
    let hashes: Vec<&[_]> = sets.iter().map(|set| &set.hashes[..]).collect();
    let duplicates = near_duplicates(&hashes);
    match duplicates.len() {
        1 => println!("1 picture is there more than once"),
        more => println!("{more} pictures are there more than once"),
    }
    for found in duplicates {
        println!(
            "  {}{}",
            if found.identical { "identical" } else { "alike" },
            if found.across_sets() { ", across sets" } else { "" }
        );
        for place in found.places {
            let name = sets[place.set].dataset.name(place.number).unwrap_or_default();
            println!("    {}", paths[place.set].join(name).display());
        }
    }
    Ok(())
}
