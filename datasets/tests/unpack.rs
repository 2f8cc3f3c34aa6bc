//! An archive ends as a folder with exactly its files, or as an error with nothing left; never as anything outside.
#![forbid(unsafe_code)]

mod archives;

use std::fs;
use std::path::{Path, PathBuf};

use archives::{gzip, patch_record, replace, tar_entry, tar_gz, tar_gz_of, zip, zip_with, zip_with_link};
use convnet_datasets::{Bounds, unpack};
use tar::EntryType;
use tempfile::TempDir;
use zip::CompressionMethod;

/// A place to unpack into, with a file beside it that must stay.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        fs::write(root.path().join("precious"), "stays").unwrap();
        Self { root }
    }

    fn target(&self) -> PathBuf {
        self.root.path().join("in/target")
    }

    fn unpack(&self, archive: &[u8], bounds: &Bounds) -> Result<(), String> {
        let path = self.root.path().join("archive");
        fs::write(&path, archive).unwrap();
        let result = unpack(&path, &self.target(), bounds).map_err(|error| error.to_string());
        assert_eq!(fs::read_to_string(self.root.path().join("precious")).unwrap(), "stays");
        assert_eq!(fs::read_dir(self.root.path()).unwrap().count(), 3, "something appeared outside");
        let inside: Vec<_> = fs::read_dir(self.root.path().join("in")).unwrap().collect();
        assert_eq!(inside.len(), usize::from(result.is_ok()), "{result:?}: {inside:?}");
        result
    }
}

/// Unpacks and gives back all files with their content, by name.
#[track_caller]
fn unpacked(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let place = Place::new();
    place.unpack(archive, &Bounds::default()).unwrap();
    let mut found = Vec::new();
    walk(&place.target(), &place.target(), &mut found);
    found.sort();
    found
}

fn walk(top: &Path, folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.is_symlink());
        if path.is_dir() {
            walk(top, &path, found);
        } else {
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read(&path).unwrap()));
        }
    }
}

#[track_caller]
fn refused_within(archive: &[u8], bounds: &Bounds, expected: &str) {
    let message = Place::new().unpack(archive, bounds).unwrap_err();
    assert!(message.contains(expected), "{expected}: {message}");
    assert!(message.contains("archive") && message.contains("nothing of it was kept"), "{message}");
}

#[track_caller]
fn refused(archive: &[u8], expected: &str) {
    refused_within(archive, &Bounds::default(), expected);
}

const LONG: &str = "a/name/that/does/not/fit/into/the/hundred-bytes-that-an-old-header-of-tar-has-for-it/so-that/it/is-in-two-parts/1.jpg";

const FILES: [(&str, &[u8]); 5] = [
    ("PetImages/Cat/0.jpg", b"zero"),
    ("PetImages/Cat/1.jpg", b""),
    (LONG, b"long"),
    ("readme[1].txt", &[7; 100_000]),
    ("猫/кот — 😺.jpg", b"any script"),
];

#[test]
fn good_archives_give_their_files() {
    let expected: Vec<(String, Vec<u8>)> =
        FILES.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect();
    for archive in [
        zip(&FILES),
        zip_with(CompressionMethod::Stored, &FILES),
        tar_gz_of(&FILES),
        // Two gzip members are one stream.
        [gzip(b""), tar_gz_of(&FILES)].concat(),
    ] {
        assert_eq!(unpacked(&archive), expected);
    }
}

#[test]
fn long_names_of_pax_are_read() {
    let name = format!("folder/{}.jpg", "ж".repeat(100));
    let line = format!("path={name}\n");
    // The length counts its own digits.
    let pax = format!("{} {line}", line.len() + 4);
    assert_eq!(pax.len(), line.len() + 4);
    let archive = tar_gz(&[
        tar_entry(b"pax", EntryType::XHeader, pax.as_bytes()),
        tar_entry(b"short", EntryType::Regular, b"content"),
        tar_entry(b"folder/", EntryType::Directory, b""),
        tar_entry(b"./folder/old/", EntryType::new(0), b""),
    ]);
    assert_eq!(unpacked(&archive), [(name, b"content".to_vec())]);
}

#[test]
fn an_existing_target_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.target()).unwrap();
    fs::write(place.target().join("mine"), "mine").unwrap();
    let path = place.root.path().join("archive");
    fs::write(&path, zip(&FILES[..2])).unwrap();
    let message = unpack(&path, &place.target(), &Bounds::default()).unwrap_err().to_string();
    assert!(message.contains("target: cannot unpack to this name"), "{message}");
    assert_eq!(fs::read_dir(place.target()).unwrap().count(), 1);
}

#[test]
fn nothing_leads_outside() {
    for (name, expected) in [
        ("../precious", "leads outside"),
        ("a/../../precious", "leads outside"),
        ("/tmp/convnet-was-here", "absolute"),
        ("C:\\precious", "contains '\\\\'"),
        ("C:precious", "contains ':'"),
        ("..\\precious", "contains '\\\\'"),
        ("a\0b", "control"),
        ("NUL.jpg", "device on Windows"),
        ("a/com1", "device on Windows"),
        ("a. /b", "dot or a space"),
    ] {
        // Behind a good entry, which must not stay either.
        let fine: (&str, &[u8]) = ("fine", b"fine");
        refused(&zip(&[fine, (name, b"evil")]), expected);
        let evil = if name.contains('\0') {
            // Within a header a zero ends the name, in an extension it does not.
            let line = format!("12 path={name}\n");
            assert_eq!(line.len(), 12);
            [
                tar_entry(b"pax", EntryType::XHeader, line.as_bytes()),
                tar_entry(b"x", EntryType::Regular, b"evil"),
            ]
            .concat()
        } else {
            tar_entry(name.as_bytes(), EntryType::Regular, b"evil")
        };
        refused(&tar_gz(&[tar_entry(b"fine", EntryType::Regular, b"fine"), evil]), expected);
    }
    let long = tar_entry(b"././@LongLink", EntryType::GNULongName, b"../precious\0");
    refused(&tar_gz(&[long, tar_entry(b"fine", EntryType::Regular, b"evil")]), "leads outside");
}

#[test]
fn no_two_entries_mean_one_file() {
    let pair = |first: &str, second: &str| {
        let entry = |name: &str| tar_entry(name.as_bytes(), EntryType::Regular, b"x");
        (zip(&[(first, "1"), (second, "2")]), tar_gz(&[entry(first), entry(second)]))
    };
    for (first, second, expected) in [
        ("Cat/1.jpg", "cat/1.jpg", "capitals"),
        ("Cat/1.jpg", "cat/2.jpg", "capitals"),
        ("a", "a/b", "file and a folder"),
        ("a/b", "a", "file and a folder"),
    ] {
        let (zip, tar) = pair(first, second);
        refused(&zip, expected);
        refused(&tar, expected);
    }
    let (zip, _) = pair("a.txt", "b.txt");
    refused(&replace(zip, b"b.txt", b"a.txt"), "twice");
    refused(&pair("a.txt", "./a.txt").0, "twice");
    let entry = tar_entry(b"a.txt", EntryType::Regular, b"x");
    refused(&tar_gz(&[entry.clone(), entry]), "twice");
}

#[test]
fn links_and_devices_are_refused() {
    refused(&zip_with_link("link", "/etc/passwd"), "a link, a device");
    for mode in [0o120_777_u32, 0o020_666, 0o060_666, 0o010_666, 0o140_666, 0o040_755] {
        // Made by Unix, with this mode in the external attributes.
        let archive = patch_record(zip(&[("a", "x")]), 0, 5, &[3]);
        let archive = patch_record(archive, 0, 38, &(mode << 16).to_le_bytes());
        refused(&archive, "a link, a device");
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::GNUSparse,
        EntryType::Continuous,
        EntryType::new(b'V'),
    ] {
        refused(&tar_gz(&[tar_entry(b"a", kind, b"")]), "a link, a device");
    }
    refused(&tar_gz(&[tar_entry(b"a", EntryType::Directory, b"x")]), "folder with content");
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 3_000_000];
    let zip_bomb = zip(&[("a", &zeros)]);
    let tar_bomb = tar_gz(&[tar_entry(b"a", EntryType::Regular, &zeros)]);
    for bomb in [&zip_bomb, &tar_bomb] {
        assert!(bomb.len() < 10_000);
        refused(bomb, "swells to more than 200 times");
        let patient = Bounds { ratio: 2_000, ..Bounds::default() };
        Place::new().unpack(bomb, &patient).unwrap();
        refused_within(bomb, &Bounds { bytes: 2_000_000, ..patient }, "more than 2000000 bytes come out");
    }
    // Small zeros are harmless, many of them are not.
    let files: Vec<(String, Vec<u8>)> = (0..30).map(|n| (n.to_string(), vec![0; 100_000])).collect();
    let many = zip(&files);
    Place::new().unpack(&many, &Bounds::default()).unwrap();
    refused_within(&many, &Bounds { bytes: 2_000_000, ..Bounds::default() }, "2000000 bytes");
    refused_within(&many, &Bounds { entries: 29, ..Bounds::default() }, "more than 29 entries");
    let entries: Vec<_> =
        (0..30).map(|n: i32| tar_entry(n.to_string().as_bytes(), EntryType::Regular, b"")).collect();
    refused_within(&tar_gz(&entries), &Bounds { entries: 29, ..Bounds::default() }, "more than 29 entries");

    // Two entries that share their bytes.
    let overlapping = patch_record(zip(&[("a", "x"), ("b", "y")]), 1, 42, &[0; 4]);
    refused(&overlapping, "overlap");

    // A directory that would not fit into memory.
    let name = "x".repeat(200);
    let files: Vec<(String, &[u8])> = (0..6_000).map(|n| (format!("{n}{name}"), &b""[..])).collect();
    let bounds = Bounds { entries: 100, ..Bounds::default() };
    refused_within(&zip(&files), &bounds, "directory is too large");

    // A name that would not.
    let name = vec![b'x'; 1_000_000];
    refused(&tar_gz(&[tar_entry(b"l", EntryType::GNULongName, &name)]), "a name of 1000000 bytes");
    refused(&tar_gz(&[tar_entry(b"p", EntryType::XHeader, &name)]), "a name of 1000000 bytes");
}

#[test]
fn what_is_no_archive_is_told() {
    refused(b"", "neither a zip nor a tar.gz");
    refused(b"<!DOCTYPE html>", "neither a zip nor a tar.gz");
    refused(&gzip(b"text"), "damaged");
    refused(b"PK\x03\x04", "damaged");
    refused(&patch_record(zip(&[("a", "x")]), 0, 8, &[1, 0]), "assword");
    refused(&patch_record(zip(&[("a", "x")]), 0, 10, &[99, 0]), "not supported");
    let place = Place::new();
    let message = unpack(&place.root.path().join("in"), &place.target(), &Bounds::default()).unwrap_err();
    assert!(message.to_string().contains("no regular file"), "{message}");
    let message = unpack(&place.root.path().join("none"), &place.target(), &Bounds::default()).unwrap_err();
    assert!(message.to_string().contains("none: cannot read"), "{message}");
}

#[test]
fn damage_is_found() {
    // The checksum of the content, and the size that the directory states.
    let stored = zip_with(CompressionMethod::Stored, &[("a", "content")]);
    refused(&replace(stored.clone(), b"content", b"CONTENT"), "cannot be unpacked");
    refused(&patch_record(stored.clone(), 0, 24, &6_u32.to_le_bytes()), "cannot be unpacked");
    refused(&patch_record(stored, 0, 24, &8_u32.to_le_bytes()), "entry");
    let cut = tar_entry(b"a", EntryType::Regular, b"content")[..515].to_vec();
    refused(&gzip(&cut), "ends after 3 of 7 bytes");
    let pax = tar_entry(b"pax", EntryType::XHeader, b"10 size=3\n");
    refused(&tar_gz(&[pax, tar_entry(b"a", EntryType::Regular, b"four")]), "two sizes");
    let name = tar_entry(b"l", EntryType::GNULongName, b"name\0");
    refused(&tar_gz(&[name]), "the last name has no entry");

    // Cut off anywhere.
    for archive in [zip(&FILES[..4]), tar_gz_of(&FILES[..4])] {
        let place = Place::new();
        for end in (0..archive.len()).step_by(7) {
            place.unpack(&archive[..end], &Bounds::default()).unwrap_err();
        }
    }
}

/// Whatever single byte is changed: no panic, nothing outside, all or nothing (checked in `unpack`).
#[test]
fn mutations_do_no_harm() {
    let tar = [
        tar_entry(b"././@LongLink", EntryType::GNULongName, b"folder/name\0"),
        tar_entry(b"n", EntryType::Regular, b"content"),
        tar_entry(b"folder/", EntryType::Directory, b""),
    ];
    let raw = [tar.concat(), vec![0; 1024]].concat();
    let small = zip(&[("folder/name", "content"), ("other", "x")]);
    let mut whole = 0;
    for flip in [1, 0xff] {
        for position in 0..small.len() {
            let mut changed = small.clone();
            changed[position] ^= flip;
            let place = Place::new();
            whole += usize::from(place.unpack(&changed, &Bounds::default()).is_ok());
        }
        // Inside gzip, so that its checksum does not find every change first.
        for position in (0..raw.len() - 1024).filter(|position| raw[*position] != 0) {
            let mut changed = raw.clone();
            changed[position] ^= flip;
            let place = Place::new();
            whole += usize::from(place.unpack(&gzip(&changed), &Bounds::default()).is_ok());
        }
    }
    assert!(whole > 0, "some changes, as of a time, are harmless");
}
