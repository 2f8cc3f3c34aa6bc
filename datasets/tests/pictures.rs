//! The book's split from every archive and folder that a user may have.
#![forbid(unsafe_code)]

mod archives;
mod pets;

use std::fs;

use archives::{picture, replace, tar_gz_of, zip, zip_with, zip_with_link};
use convnet_datasets::{Manifest, Origin, Silent, Verified, check};
use pets::{Place, Recorder, as_kaggle, as_microsoft, write_all};
use zip::CompressionMethod;

#[test]
fn every_source_gives_the_same_split() {
    let kaggle = zip(&as_kaggle());
    let both = zip_with(
        CompressionMethod::Stored,
        &[("train.zip", kaggle.as_slice()), ("test1.zip", b"PK"), ("sampleSubmission.csv", b"id")],
    );
    let microsoft = as_microsoft();
    let slices: Vec<(&str, &[u8])> = microsoft.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    for bytes in [zip(&microsoft), kaggle, both, tar_gz_of(&slices)] {
        let mut place = Place::new();
        let located = place.adopt_bytes(&bytes).unwrap();
        place.is_complete();
        assert_eq!(located.verified, Verified::Counted { found: 80, expected: 80 });
        assert_eq!(located.verified.to_string(), "all 80 pictures");
        assert_eq!(located.files.len(), 6);
        assert!(located.files[1].ends_with("pets_small/train/dogs"));
        assert_eq!(place.said.prepared, (80, 80));
        assert!(place.said.notes.is_empty(), "{:?}", place.said.notes);
        assert!(place.source("archive").exists(), "what the user has stays");
        let origin = fs::read_to_string(place.tree().join("ORIGIN.txt")).unwrap();
        assert_eq!(origin, "80 of 80 pictures, from archive\n");
    }

    for (files, inner) in
        [(as_microsoft(), ""), (as_microsoft(), "PetImages"), (as_kaggle(), ""), (as_kaggle(), "train")]
    {
        let mut place = Place::new();
        write_all(place.sources.path(), &files);
        place.adopt(&place.source(inner)).unwrap();
        place.is_complete();
    }
    // Kaggle's download, unpacked once.
    let mut unpacked = Place::new();
    write_all(unpacked.sources.path(), &[("train.zip".to_owned(), zip(&as_kaggle()))]);
    unpacked.adopt(&unpacked.source("")).unwrap();
    unpacked.is_complete();
    // What was made is itself a source, as is the cache around it; named as its own source it is left as it is.
    let mut made = Place::new();
    made.adopt_bytes(&zip(&as_kaggle())).unwrap();
    for below in ["pets_small", ""] {
        let mut other = Place::new();
        other.adopt(&made.cache.path().join(below)).unwrap();
        other.is_complete();
    }
    made.adopt(&made.tree()).unwrap();
    made.is_complete();
}

#[test]
fn a_divided_folder_keeps_its_own_names() {
    let mut place = Place::new();
    for (part, count) in [("train", 20), ("validation", 10), ("test", 10)] {
        for class in ["cats", "dogs"] {
            let named = |n| (format!("{part}/{class}/Фото {n}.JPEG"), picture(n));
            write_all(place.sources.path(), &(0..count).map(named).collect::<Vec<_>>());
        }
    }
    let located = place.adopt(&place.source("")).unwrap();
    assert_eq!(located.verified, Verified::Counted { found: 80, expected: 80 });
    assert_eq!(fs::read(place.tree().join("test/dogs/Фото 3.JPEG")).unwrap(), picture(3));
}

#[test]
fn corrupt_pictures_are_told_and_skipped() {
    let mut files = as_microsoft();
    let mut set = |name: &str, bytes: Vec<u8>| files.iter_mut().find(|(n, _)| n == name).unwrap().1 = bytes;
    set("PetImages/Cat/6.jpg", Vec::new());
    set("PetImages/Dog/25.jpg", picture(25)[..12].to_vec());
    set("PetImages/Dog/31.jpg", b"GIF89a".to_vec());
    set("PetImages/Dog/45.jpg", b"not needed".to_vec());
    files.retain(|(name, _)| name != "PetImages/Cat/7.jpg");
    let expected = [
        "skipped: PetImages/Cat/6.jpg is empty",
        "skipped: PetImages/Dog/25.jpg is cut off: it has no end",
        "skipped: PetImages/Dog/31.jpg is no JPEG",
    ];
    let total = "76 of 80 pictures: 3 corrupt and skipped, 1 not there; listed in pets_small/ORIGIN.txt";
    let mut place = Place::new();
    write_all(place.sources.path(), &files);
    for source in [place.source("PetImages"), place.source("all.zip")] {
        if source.ends_with("all.zip") {
            fs::write(&source, zip(&files)).unwrap();
        }
        place.said = Recorder::default();
        let located = place.adopt(&source).unwrap();
        assert_eq!(located.verified.to_string(), "76 of 80 pictures");
        let mut notes = std::mem::take(&mut place.said.notes);
        assert_eq!(notes.pop().as_deref(), Some(total));
        let bare = |line: &str| line.replace("PetImages/", "");
        assert_eq!(notes.iter().map(|n| bare(n)).collect::<Vec<_>>(), expected.map(bare));
        let origin = fs::read_to_string(place.tree().join("ORIGIN.txt")).unwrap();
        assert!(origin.starts_with("76 of 80") && origin.lines().count() == 5, "{origin}");
        assert!(origin.ends_with("\nnot there: train/cats/cat.7.jpg\n"), "{origin}");
        assert!(!place.tree().join("train/cats/cat.6.jpg").exists());
    }
}

#[test]
fn what_is_not_there_is_listed_by_ranges_of_numbers() {
    let without = ["Cat/3", "Cat/4", "Dog/9", "Dog/11", "Cat/39"];
    let lacks = |name: &str| without.iter().any(|n| name == format!("PetImages/{n}.jpg"));
    let files: Vec<_> = as_microsoft().into_iter().filter(|(name, _)| !lacks(name)).collect();
    let mut place = Place::new();
    place.adopt_bytes(&zip(&files)).unwrap();
    let listed = |place: &Place| {
        let origin = fs::read_to_string(place.tree().join("ORIGIN.txt")).unwrap();
        let lines = origin.lines().filter_map(|line| line.strip_prefix("not there: ").map(str::to_owned));
        lines.collect::<Vec<_>>()
    };
    let expected = [
        "train/cats/cat.3.jpg to cat.4.jpg",
        "train/dogs/dog.9.jpg",
        "train/dogs/dog.11.jpg",
        "test/cats/cat.39.jpg",
    ];
    assert_eq!(listed(&place), expected);
    let [note] = place.said.notes.as_slice() else { panic!("{:?}", place.said.notes) };
    assert_eq!(note, "75 of 80 pictures: 5 not there; listed in pets_small/ORIGIN.txt");
    // A divided folder may have names of its own: then nobody knows which number is which.
    let mut own = Place::new();
    for (part, count) in [("train", 19), ("validation", 10), ("test", 10)] {
        for class in ["cats", "dogs"] {
            let named = |n| (format!("{part}/{class}/{n}.jpg"), picture(n));
            write_all(own.sources.path(), &(0..count).map(named).collect::<Vec<_>>());
        }
    }
    own.adopt(&own.source("")).unwrap();
    assert_eq!(listed(&own), ["1 of the 20 pictures of train/cats/", "1 of the 20 pictures of train/dogs/"]);
}

#[test]
fn fewer_pictures_never_replace_more() {
    let few: Vec<_> = as_microsoft().into_iter().filter(|(name, _)| name != "PetImages/Cat/7.jpg").collect();
    let mut place = Place::new();
    place.adopt_bytes(&zip(&as_microsoft())).unwrap();
    let message = place.adopt_bytes(&zip(&few)).unwrap_err().to_string();
    assert!(
        message.contains("gives 79 pictures where") && message.contains("has 80, which stay"),
        "{message}"
    );
    assert!(message.contains("remove that folder first"), "{message}");
    place.is_complete();
    // A damaged one does not count: what is whole replaces it.
    fs::write(place.tree().join("train/dogs/dog.3.jpg"), "cut").unwrap();
    let located = place.adopt_bytes(&zip(&few)).unwrap();
    assert_eq!(located.verified.to_string(), "79 of 80 pictures");
    assert_eq!(fs::read(place.tree().join("train/dogs/dog.3.jpg")).unwrap(), picture(1003));
    // As the message says.
    fs::remove_dir_all(place.tree()).unwrap();
    place.adopt_bytes(&zip(&few)).unwrap();
    place.adopt_bytes(&zip(&as_microsoft())).unwrap();
    place.is_complete();
}

#[test]
fn what_cannot_serve_is_refused_and_what_was_there_stays() {
    let mut place = Place::new();
    place.adopt_bytes(&zip(&as_microsoft())).unwrap();
    let few: Vec<_> = as_microsoft().into_iter().filter(|(name, _)| !name.contains("Cat/1")).collect();
    let kaggle = as_kaggle().into_iter().filter(|(name, _)| name.starts_with("train/"));
    let twice: Vec<_> = as_microsoft().into_iter().chain(kaggle).collect();
    let damaged = replace(
        zip_with(CompressionMethod::Stored, &as_microsoft()),
        &picture(3),
        &[7; 19][..picture(3).len()],
    );
    let nested_twice = zip(&[("train.zip", zip(&[("train.zip", zip(&as_kaggle()))]))]);
    let escape = zip(&[as_microsoft(), vec![("../evil".to_owned(), vec![])]].concat());
    for (bytes, expected) in [
        (zip(&few), "gives train/cats 9 pictures (.jpg), expected 20"),
        (zip(&twice), "are both train/cats/cat.0.jpg; name the folder that holds one of them"),
        (damaged, "PetImages/Cat/3.jpg\" cannot be unpacked"),
        (nested_twice, "holds no pictures of this set"),
        (escape, "leads outside"),
        (zip_with_link("PetImages/Cat/0.jpg", "/etc/passwd"), "a link"),
        (zip(&[("a", "b")]), "Cat/0.jpg, cat.0.jpg or train/cats/"),
        (b"no archive".to_vec(), "neither a zip nor a tar.gz"),
        (zip(&as_microsoft())[..2_000].to_vec(), "damaged"),
    ] {
        let message = place.adopt_bytes(&bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected}: {message}");
        place.is_complete();
    }
    let missing = place.adopt(&place.source("none")).unwrap_err().to_string();
    assert!(missing.contains("none: cannot read"), "{missing}");
    fs::create_dir(place.source("empty")).unwrap();
    let empty = place.adopt(&place.source("empty")).unwrap_err().to_string();
    assert!(empty.contains("empty: holds no pictures"), "{empty}");
    place.is_complete();
}

#[test]
#[cfg(unix)]
fn links_in_a_folder_are_followed_to_pictures_only() {
    use std::os::unix::fs::symlink;
    let mut place = Place::new();
    write_all(place.sources.path(), &as_microsoft());
    let cats = place.source("PetImages/Cat");
    // A link back would never end, one to a device neither.
    symlink(place.source(""), cats.join("again")).unwrap();
    fs::rename(cats.join("0.jpg"), place.source("elsewhere")).unwrap();
    symlink(place.source("elsewhere"), cats.join("0.jpg")).unwrap();
    symlink("/dev/zero", cats.join("49.jpg.jpg")).unwrap();
    fs::remove_file(cats.join("1.jpg")).unwrap();
    symlink("/dev/zero", cats.join("1.jpg")).unwrap();
    let located = place.adopt(&place.source("")).unwrap();
    assert_eq!(located.verified.to_string(), "79 of 80 pictures");
    assert_eq!(fs::read(place.tree().join("train/cats/cat.0.jpg")).unwrap(), picture(0));
    assert!(!place.tree().join("train/cats/cat.0.jpg").is_symlink());
}

#[test]
fn the_real_pictures_are_whole() {
    let Some(root) = std::env::var_os("CONVNET_DATA_DIR") else {
        eprintln!("CONVNET_DATA_DIR is not set: the real photographs are not checked");
        return;
    };
    let manifest = Manifest::cats_and_dogs().unwrap();
    let located = check(&manifest, root.as_ref(), Origin::DataDir, &mut Silent).unwrap().unwrap();
    assert_eq!(located.verified, Verified::Counted { found: 4_000, expected: 4_000 });
}
