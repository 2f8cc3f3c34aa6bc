//! The book's split from every source: archives and folders of the user, and a download that goes wrong.
#![forbid(unsafe_code)]

mod archives;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archives::{picture, replace, tar_gz_of, zip, zip_with, zip_with_link};
use convnet_datasets::{
    Announcement, Client, DataChoice, Error, Found, Limits, Located, Manifest, Origin, Places, Progress,
    Source, Verified, adopt, check, download, find, glance, obtain,
};
use server::{Reply, Request, Server};
use tempfile::TempDir;
use zip::CompressionMethod;

/// 20 + 10 + 10 pictures of each class, cut from an archive called `all.zip`.
fn manifest(mirrors: &[&str], size: usize) -> Manifest {
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

fn pets() -> Manifest {
    manifest(&[], 1)
}

/// 50 pictures of each class, named by `name` from class, prefix and number, and others beside them.
fn files(name: impl Fn(&str, &str, u64) -> String) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for number in 0..50 {
        files.push((name("Cat", "cat", number), picture(number)));
        files.push((name("Dog", "dog", number), picture(1000 + number)));
    }
    files.push(("readme[1].txt".to_owned(), b"text".to_vec()));
    files.push(("PetImages/Cat/Thumbs.db".to_owned(), b"text".to_vec()));
    files
}

fn as_microsoft() -> Vec<(String, Vec<u8>)> {
    files(|class, _, number| format!("PetImages/{class}/{number}.jpg"))
}

fn as_kaggle() -> Vec<(String, Vec<u8>)> {
    files(|_, prefix, number| format!("train/{prefix}.{number}.jpg"))
}

fn write_all(root: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[derive(Default)]
struct Recorder {
    announced: Vec<(u64, Option<u64>)>,
    prepared: (u64, u64),
    notes: Vec<String>,
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
struct Place {
    cache: TempDir,
    sources: TempDir,
    said: Recorder,
}

impl Place {
    fn new() -> Self {
        Self { cache: TempDir::new().unwrap(), sources: TempDir::new().unwrap(), said: Recorder::default() }
    }

    fn source(&self, name: &str) -> PathBuf {
        self.sources.path().join(name)
    }

    fn adopt(&mut self, source: &Path) -> Result<Located, Error> {
        adopt(&pets(), source, self.cache.path(), &mut self.said)
    }

    fn adopt_bytes(&mut self, bytes: &[u8]) -> Result<Located, Error> {
        let path = self.source("archive");
        fs::write(&path, bytes).unwrap();
        self.adopt(&path)
    }

    fn tree(&self) -> PathBuf {
        self.cache.path().join("pets_small")
    }

    /// Every picture is where the book has it, and nothing else is in the cache.
    #[track_caller]
    fn is_complete(&self) {
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
    fn holds(&self, expected: &[&str]) {
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
    let total = "76 of 80 pictures: 3 corrupt ones skipped, 1 not there; listed in pets_small/ORIGIN.txt";
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
        assert!(origin.starts_with("76 of 80") && origin.lines().count() == 4, "{origin}");
        assert!(!place.tree().join("train/cats/cat.6.jpg").exists());
    }
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

fn client() -> Client {
    Client::new(&Limits {
        connect: Duration::from_secs(2),
        silence: Duration::from_millis(400),
        pause: Duration::from_millis(1),
        proxy_from_environment: false,
    })
}

const TAG: &str = "\"v1\"";

fn good(_: usize, request: &Request) -> Reply {
    Reply::good(request, TAG, &zip(&as_microsoft()))
}

fn fetch(place: &mut Place, mirrors: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let manifest = manifest(mirrors, zip(&as_microsoft()).len());
    download(&manifest, place.cache.path(), &client(), &mut place.said)
}

#[test]
fn a_download_is_prepared_pinned_and_removed() {
    let size = zip(&as_microsoft()).len();
    let server = Server::start(move |n, request| match n {
        0 => Reply::announcing("200 OK", &["ETag: \"v1\""], size, &zip(&as_microsoft())[..1000]),
        _ => good(n, request),
    });
    let mut place = Place::new();
    let folders = fetch(&mut place, &[&server.mirror]).unwrap();
    place.is_complete();
    assert_eq!(folders.len(), 6);
    assert_eq!(place.said.announced, [(size as u64, Some(2000))]);
    assert_eq!(server.requests()[1].range_start, Some(1000), "resumed");
    let [note] = place.said.notes.as_slice() else { panic!("{:?}", place.said.notes) };
    assert!(note.contains("no checksum was published; later downloads must match sha256"), "{note}");
    fetch(&mut place, &[]).unwrap();
    assert_eq!(server.requests().len(), 2, "what is there is not fetched again");

    // Another archive of the same size, just as good by itself.
    let other = Server::start(move |_, request| {
        Reply::good(request, TAG, &replace(zip(&as_microsoft()), b"Thumbs.db", b"thumbs.DB"))
    });
    fs::remove_dir_all(place.tree()).unwrap();
    let message = fetch(&mut place, &[&other.mirror]).unwrap_err().to_string();
    assert!(message.contains("as at the first download") && message.contains(".pins.toml"), "{message}");
    place.holds(&["downloads"]);
    fetch(&mut place, &[&other.mirror, &server.mirror]).unwrap();
    place.is_complete();
}

#[test]
fn an_archive_that_cannot_be_used_is_not_kept_and_the_next_mirror_is_asked() {
    let size = zip(&as_microsoft()).len();
    let page = move |start: &[u8]| {
        let mut page = start.to_vec();
        page.resize(size, b' ');
        page
    };
    let hostile = replace(zip(&as_microsoft()), b"readme[1].txt", b"../../../evil");
    let damaged = replace(zip(&as_microsoft()), b"PK\x01\x02", b"PK\x01\x09");
    let few = replace(zip(&as_microsoft()), b"PetImages/Dog", b"PetImages/Hog");
    let fine = Server::start(good);
    for (bytes, expected) in [
        (page(b"<html>sign in"), "sends another file (other content"),
        (page(b"PK\x03\x04"), "sends an archive that cannot be used: is damaged"),
        (hostile, "leads outside"),
        (damaged, "is damaged"),
        (few, "gives train/dogs 0 pictures"),
    ] {
        let server = Server::start(move |_, _| Reply::new("200 OK", &[], &bytes));
        let mut place = Place::new();
        let message = fetch(&mut place, &[&server.mirror]).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("all.zip of pets"), "{expected}: {message}");
        place.holds(&["downloads"]);
        fetch(&mut place, &[&server.mirror, &fine.mirror]).unwrap();
        place.is_complete();
    }
}

#[test]
fn a_prepared_set_is_found_and_a_broken_one_replaced_in_the_cache_only() {
    let server = Server::start(good);
    let manifest = manifest(&[&server.mirror], zip(&as_microsoft()).len());
    let (place, data) = (Place::new(), Place::new());
    let places =
        Places { data_dir: Some(data.cache.path().to_owned()), cache: Some(place.cache.path().to_owned()) };
    let get = |choice: &DataChoice| obtain(&manifest, choice, &places, &client(), &mut Recorder::default());
    let origin = |source: Source| match source {
        Source::Files(located) => located.origin,
        Source::Embedded { why } => panic!("{why}"),
    };
    assert!(glance(&manifest, &places).is_none());
    let found = find(&manifest, &DataChoice::Auto, &places).unwrap();
    assert!(matches!(found, Found::Downloadable { .. }), "{found:?}");
    let absent = get(&DataChoice::Folder(data.cache.path().to_owned())).unwrap();
    assert!(
        matches!(&absent, Source::Embedded { why } if why.contains("pets_small is not in")),
        "{absent:?}"
    );
    assert_eq!(origin(get(&DataChoice::Auto).unwrap()), Origin::Download);
    assert_eq!(origin(get(&DataChoice::Auto).unwrap()), Origin::Cache);
    assert_eq!(glance(&manifest, &places), Some((Origin::Cache, place.cache.path().to_owned())));

    // Half a tree in the cache is replaced.
    fs::remove_dir_all(place.cache.path().join("pets_small/test")).unwrap();
    assert!(glance(&manifest, &places).is_none());
    assert_eq!(origin(get(&DataChoice::Auto).unwrap()), Origin::Download);
    place.is_complete();

    // One in a folder of the user is an error, and whole it wins.
    write_all(data.cache.path(), &[("pets_small/train/cats/cat.0.jpg".to_owned(), picture(0))]);
    for choice in [DataChoice::Auto, DataChoice::Folder(data.cache.path().to_owned())] {
        let message = get(&choice).unwrap_err().to_string();
        assert!(message.contains("cats: 1 pictures") && message.contains("expected 20"), "{message}");
    }
    fs::remove_dir_all(data.cache.path().join("pets_small")).unwrap();
    adopt(&manifest, place.cache.path(), data.cache.path(), &mut Recorder::default()).unwrap();
    assert_eq!(origin(get(&DataChoice::Auto).unwrap()), Origin::DataDir);
    let folder = DataChoice::Folder(data.cache.path().to_owned());
    assert_eq!(origin(get(&folder).unwrap()), Origin::Folder);

    // A picture that has been damaged since is found by the check.
    check(&manifest, data.cache.path(), Origin::Folder).unwrap().unwrap();
    fs::write(data.tree().join("test/dogs/dog.33.jpg"), "").unwrap();
    let message = check(&manifest, data.cache.path(), Origin::Folder).unwrap_err().to_string();
    assert!(message.contains("1 corrupt pictures, the first is dog.33.jpg (empty)"), "{message}");
}

#[test]
fn several_at_once_prepare_once() {
    let server = Server::start(good);
    let place = Place::new();
    let manifest = manifest(&[&server.mirror], zip(&as_microsoft()).len());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                download(&manifest, place.cache.path(), &client(), &mut Recorder::default()).unwrap()
            });
        }
    });
    assert_eq!(server.requests().len(), 1);
    place.is_complete();
}

#[test]
fn the_real_pictures_are_whole() {
    let Some(root) = std::env::var_os("CONVNET_DATA_DIR") else {
        eprintln!("CONVNET_DATA_DIR is not set: the real photographs are not checked");
        return;
    };
    let manifest = Manifest::cats_and_dogs().unwrap();
    let located = check(&manifest, root.as_ref(), Origin::DataDir).unwrap().unwrap();
    assert_eq!(located.verified, Verified::Counted { found: 4_000, expected: 4_000 });
}
