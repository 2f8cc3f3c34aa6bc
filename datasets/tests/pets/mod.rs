//! A small set of numbered pictures in every form that a source may have, and a cache to prepare it in.

// Each test file takes what it needs.
#![allow(dead_code, reason = "shared by several test files")]

use std::fs;
use std::path::{Path, PathBuf};

use convnet_datasets::{Announcement, Error, Located, Manifest, Progress, adopt};
use tempfile::TempDir;

use crate::archives::picture;

/// 20 + 10 + 10 pictures of each class, cut from an archive called `all.zip`.
pub(crate) fn manifest(mirrors: &[&str], size: usize) -> Manifest {
    Manifest::parse(&format!(
        r#"
        name = "pets"
        title = "Pets"
        folder = "pets_small"
        licence = "none"
        homepage = "none"
        citation = "none"
        mirrors = {mirrors:?}
        [[files]]
        name = "all.zip"
        size = {size}
        pin = true
        begins = "504b"
        [layout]
        bytes = 2000
        parts = [
            {{ folder = "train", first = 0, count = 20 }},
            {{ folder = "validation", first = 20, count = 10 }},
            {{ folder = "test", first = 30, count = 10 }},
        ]
        classes = [
            {{ folder = "cats", prefix = "cat", archive = "Cat" }},
            {{ folder = "dogs", prefix = "dog", archive = "Dog" }},
        ]
        "#
    ))
    .unwrap()
}

pub(crate) fn pets() -> Manifest {
    manifest(&[], 1)
}

/// 50 pictures of each class, named by `name` from class, prefix and number, and others beside them.
pub(crate) fn files(name: impl Fn(&str, &str, u64) -> String) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for number in 0..50 {
        files.push((name("Cat", "cat", number), picture(number)));
        files.push((name("Dog", "dog", number), picture(1000 + number)));
    }
    files.push(("readme[1].txt".to_owned(), b"text".to_vec()));
    files.push(("PetImages/Cat/Thumbs.db".to_owned(), b"text".to_vec()));
    files
}

pub(crate) fn as_microsoft() -> Vec<(String, Vec<u8>)> {
    files(|class, _, number| format!("PetImages/{class}/{number}.jpg"))
}

pub(crate) fn as_kaggle() -> Vec<(String, Vec<u8>)> {
    files(|_, prefix, number| format!("train/{prefix}.{number}.jpg"))
}

pub(crate) fn write_all(root: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) announced: Vec<(u64, Option<u64>)>,
    pub(crate) prepared: (u64, u64),
    pub(crate) notes: Vec<String>,
}

impl Progress for Recorder {
    fn announce(&mut self, announcement: &Announcement<'_>) {
        self.announced.push((announcement.bytes, announcement.stay));
    }
    fn advance(&mut self, file: &str, _: u64, _: u64) {
        assert_eq!(file, "all.zip");
    }
    fn prepare(&mut self, title: &str, done: u64, total: u64) {
        assert_eq!(title, "Pets");
        self.prepared = (done, total);
    }
    fn note(&mut self, line: &str) {
        self.notes.push(line.to_owned());
    }
}

/// A cache, and a place for sources.
pub(crate) struct Place {
    pub(crate) cache: TempDir,
    pub(crate) sources: TempDir,
    pub(crate) said: Recorder,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { cache: TempDir::new().unwrap(), sources: TempDir::new().unwrap(), said: Recorder::default() }
    }

    pub(crate) fn source(&self, name: &str) -> PathBuf {
        self.sources.path().join(name)
    }

    pub(crate) fn adopt(&mut self, source: &Path) -> Result<Located, Error> {
        adopt(&pets(), source, self.cache.path(), &mut self.said)
    }

    pub(crate) fn adopt_bytes(&mut self, bytes: &[u8]) -> Result<Located, Error> {
        let path = self.source("archive");
        fs::write(&path, bytes).unwrap();
        self.adopt(&path)
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.cache.path().join("pets_small")
    }

    /// Every picture is where the book has it, and nothing else is in the cache.
    #[track_caller]
    pub(crate) fn is_complete(&self) {
        for (part, numbers) in [("train", 0..20), ("validation", 20..30), ("test", 30..40)] {
            for (class, prefix, offset) in [("cats", "cat", 0), ("dogs", "dog", 1000)] {
                let folder = self.tree().join(part).join(class);
                assert_eq!(fs::read_dir(&folder).unwrap().count() as u64, numbers.end - numbers.start);
                for number in numbers.clone() {
                    let bytes = fs::read(folder.join(format!("{prefix}.{number}.jpg"))).unwrap();
                    assert_eq!(bytes, picture(offset + number));
                }
            }
        }
        self.holds(&["downloads", "pets_small"]);
    }

    #[track_caller]
    pub(crate) fn holds(&self, expected: &[&str]) {
        let mut found: Vec<_> = fs::read_dir(self.cache.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, expected);
        let left = fs::read_dir(self.cache.path().join("downloads")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            left.iter().all(|name| [".download.lock", ".pins.toml"].iter().any(|n| name == n)),
            "{left:?}"
        );
    }
}
