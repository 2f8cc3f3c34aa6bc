//! Files with alternatives, without a published checksum, or of unknown size: downloaded, pinned, taken from the user.
#![forbid(unsafe_code)]

mod archives;
mod server;

use std::fs;
use std::path::Path;
use std::time::Duration;

use archives::gzip;
use convnet_datasets::{
    Announcement, Client, DataChoice, Error, Found, How, Limits, Manifest, Origin, Places, Progress, Silent,
    Verified, adopt, check, download, find, glance, verify,
};
use server::{Reply, Server};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

fn weights(text: &str) -> Vec<u8> {
    [MAGIC, text.as_bytes()].concat()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `w.h5`, with lines about its size and checksum, and two alternatives.
fn manifest(mirrors: &[&str], known: &str) -> Manifest {
    let (again, other) = (weights("written again"), b"of another kind".to_vec());
    Manifest::parse(&format!(
        r#"
        name = "net"
        title = "Net"
        folder = "weights"
        licence = "none"
        homepage = "none"
        citation = "none"
        mirrors = {mirrors:?}
        [[files]]
        name = "w.h5"
        {known}
        [[files.alternatives]]
        name = "w.h5"
        size = {}
        sha256 = ["{}"]
        note = "the container written again"
        [[files.alternatives]]
        name = "w.keras"
        size = {}
        sha256 = ["{}"]
        note = "a smaller network"
        "#,
        again.len(),
        sha256(&again),
        other.len(),
        sha256(&other),
    ))
    .unwrap()
}

const UNKNOWN: &str = "at_most = 100\npin = true\nbegins = \"894844460d0a1a0a\"";

fn client() -> Client {
    Client::new(&Limits {
        connect: Duration::from_secs(2),
        silence: Duration::from_millis(400),
        pause: Duration::from_millis(1),
        proxy_from_environment: false,
        ..Limits::default()
    })
}

fn serving(bytes: &[u8]) -> Server {
    let bytes = bytes.to_vec();
    Server::start(move |_, request| Reply::good(request, "\"v1\"", &bytes))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_first_download_is_pinned() {
    let first = weights("first");
    for known in [UNKNOWN.to_owned(), UNKNOWN.replace("at_most = 100", &format!("size = {}", first.len()))] {
        let cache = TempDir::new().unwrap();
        let places = Places { data_dir: None, cache: Some(cache.path().to_owned()) };
        let target = cache.path().join("weights/w.h5");
        let server = serving(&first);
        let from = |server: &Server| {
            download(&manifest(&[&server.mirror], &known), cache.path(), &client(), &mut Silent)
        };
        assert_eq!(from(&server).unwrap(), std::slice::from_ref(&target));
        assert_eq!(fs::read(&target).unwrap(), first);
        assert_eq!(names(&cache.path().join("weights")), [".download.lock", ".pins.toml", "w.h5"]);

        let here = || find(&manifest(&[], &known), &DataChoice::Auto, &places);
        let Found::Files(located) = here().unwrap() else { panic!() };
        let Verified::Differing(differences) = &located.verified else { panic!("{located:?}") };
        let how = How::Unpublished { sha256: sha256(&first), pinned: true };
        assert_eq!((differences[0].file.as_str(), &differences[0].how), ("w.h5", &how));
        assert!(located.verified.to_string().contains("same as at the first download"));

        // Changed in the cache: found, and fetched again; other bytes from the publisher are an error.
        let second = serving(&weights("other"));
        fs::write(&target, weights("other")).unwrap();
        let Found::Downloadable { notes, .. } = here().unwrap() else { panic!() };
        assert!(notes[0].contains("as at the first download"), "{notes:?}");
        let message = from(&second).unwrap_err().to_string();
        assert!(message.contains("sends another file") && message.contains(".pins.toml"), "{message}");
        from(&server).unwrap();
        assert_eq!(fs::read(&target).unwrap(), first);

        // In a folder of somebody else nothing is pinned, and that is said.
        let file = &manifest(&[], &known).files[0];
        let how = verify(&target, file).unwrap().unwrap().how;
        assert_eq!(how, How::Unpublished { sha256: sha256(&first), pinned: false });
    }
}

#[test]
fn a_size_that_nobody_states_is_taken_from_the_server_within_a_bound() {
    let body = weights("content");
    let unsaid = |body: Vec<u8>| {
        Server::start(move |_, _| Reply {
            head: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned(),
            body: body.clone(),
            ..Reply::default()
        })
    };
    let (short, page) = (body.clone(), b"<html>sign in".to_vec());
    let length = body.len();
    for (server, expected) in [
        (serving(&weights(&"x".repeat(100))), "announces 108 bytes where at most 100 are expected"),
        (unsaid(body.clone()), "does not say how long the file is"),
        (serving(&page), "other content, expected the beginning of a file of this kind"),
        (
            Server::start(move |_, _| Reply::announcing("200 OK", &[], length, &short[..9])),
            "broke off after 9 of 15 bytes",
        ),
        (serving(b""), "sends another file (other content"),
    ] {
        let cache = TempDir::new().unwrap();
        let manifest = manifest(&[&server.mirror], UNKNOWN);
        let message = download(&manifest, cache.path(), &client(), &mut Silent).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected}: {message}");
        let left = names(&cache.path().join("weights"));
        assert!(!left.contains(&"w.h5".to_owned()) && !left.contains(&".pins.toml".to_owned()), "{left:?}");
    }

    // Resumed: the length is that of the first answer.
    let (cut, whole) = (body.clone(), body.clone());
    let server = Server::start(move |n, request| match n {
        0 => Reply::announcing("200 OK", &["ETag: \"v1\""], length, &cut[..9]),
        _ => Reply::good(request, "\"v1\"", &whole),
    });
    let cache = TempDir::new().unwrap();
    download(&manifest(&[&server.mirror], UNKNOWN), cache.path(), &client(), &mut Silent).unwrap();
    assert_eq!(fs::read(cache.path().join("weights/w.h5")).unwrap(), body);
    assert_eq!(server.requests()[1].range_start, Some(9));
}

#[test]
fn alternatives_are_accepted_and_named() {
    let published = weights("published");
    let known = format!("size = {}\nsha256 = [\"{}\"]", published.len(), sha256(&published));
    let manifest = manifest(&[], &known);
    let data = TempDir::new().unwrap();
    let places = Places { data_dir: Some(data.path().to_owned()), cache: None };
    fs::create_dir(data.path().join("weights")).unwrap();
    let here = || check(&manifest, data.path(), Origin::DataDir, &mut Silent);
    let write = |name: &str, bytes: &[u8]| fs::write(data.path().join("weights").join(name), bytes).unwrap();
    assert!(here().unwrap().is_none() && glance(&manifest, &places).is_none());

    write("w.keras", b"of another kind");
    let located = here().unwrap().unwrap();
    assert!(located.files[0].ends_with("weights/w.keras"));
    assert_eq!(located.verified.to_string(), "w.keras in place of w.h5: a smaller network");
    write("w.h5", &weights("written again"));
    assert_eq!(here().unwrap().unwrap().verified.to_string(), "w.h5: the container written again");
    assert!(glance(&manifest, &places).is_some());
    write("w.h5", &published);
    let located = here().unwrap().unwrap();
    assert_eq!(located.verified, Verified::Published);
    assert!(located.files[0].ends_with("weights/w.h5"));

    for (bytes, expected) in [
        (weights("publishes"), "sha256"),
        (weights("written badly"), "sha256"),
        (weights("x"), "9 bytes, expected 17 bytes or 21 bytes or 15 bytes"),
    ] {
        write("w.h5", &bytes);
        let message = here().unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("w.h5"), "{expected}: {message}");
    }
    assert!(glance(&manifest, &places).is_none(), "another length is seen at once");
}

#[test]
fn an_alternative_never_passes_as_the_file_without_checksum() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("w.h5");
    fs::write(&path, weights("written again")).unwrap();
    let how = verify(&path, &manifest(&[], UNKNOWN).files[0]).unwrap().unwrap().how;
    assert!(matches!(how, How::Alternative { .. }), "{how:?}");
}

#[test]
fn what_the_user_has_is_verified_and_copied() {
    let published = weights("published");
    let known = format!("size = {}\nsha256 = [\"{}\"]", published.len(), sha256(&published));
    let manifest = manifest(&[], &known);
    let (cache, mine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = cache.path().join("weights");
    let take = |from: &Path| adopt(&manifest, from, cache.path(), &mut Silent);
    let file = mine.path().join("whatever I called it");

    fs::write(&file, weights("something else")).unwrap();
    let message = take(&file).unwrap_err().to_string();
    assert!(message.contains("whatever I called it: 22 bytes, expected 17 bytes"), "{message}");
    assert!(message.contains("this is not w.h5 of net; it was not touched"), "{message}");
    assert!(!message.contains("remove or replace"), "no advice about what is somebody's own: {message}");
    assert_eq!(names(&folder), [".download.lock"]);

    fs::write(&file, b"of another kind").unwrap();
    assert!(take(&file).unwrap().files[0].ends_with("weights/w.keras"), "under the name of what it is");
    fs::write(&file, &published).unwrap();
    let located = take(&file).unwrap();
    assert_eq!((located.verified, located.root.as_path()), (Verified::Published, cache.path()));
    assert_eq!(fs::read(folder.join("w.h5")).unwrap(), published);
    assert!(file.exists());

    // The copy of a run that was killed is removed by the next one.
    fs::write(folder.join(".convnet-Ab12cd.part"), "half").unwrap();
    take(&file).unwrap();
    assert_eq!(names(&folder), [".download.lock", "w.h5", "w.keras"]);

    // A damaged one in the cache gives way, also under another name.
    fs::write(folder.join("w.h5"), "damaged").unwrap();
    fs::write(&file, b"of another kind").unwrap();
    assert_eq!(take(&file).unwrap().verified.to_string(), "w.keras in place of w.h5: a smaller network");
    assert_eq!(names(&folder), [".download.lock", "w.keras"]);

    // From a data folder, and from the folder of weights in it.
    fs::create_dir(mine.path().join("weights")).unwrap();
    let message = take(mine.path()).unwrap_err().to_string();
    assert!(message.contains("w.h5 is neither there nor in weights"), "{message}");
    fs::write(mine.path().join("weights/w.h5"), &published).unwrap();
    for source in [mine.path(), &mine.path().join("weights")] {
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(take(source).unwrap().verified, Verified::Published);
    }
    // From the cache itself.
    assert_eq!(take(cache.path()).unwrap().verified, Verified::Published);
    assert!(matches!(take(&mine.path().join("none")).unwrap_err(), Error::Io { .. }));
}

#[test]
fn what_the_user_has_is_pinned_where_no_checksum_was_published() {
    let manifest = manifest(&[], UNKNOWN);
    let (cache, mine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = mine.path().join("w");
    let take = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        adopt(&manifest, &file, cache.path(), &mut Silent).map_err(|error| error.to_string())
    };
    take(&weights("first")).unwrap();
    take(&weights("first")).unwrap();
    let message = take(&weights("other")).unwrap_err();
    assert!(message.contains("as at the first download"), "{message}");
    assert!(take(b"no weights").unwrap_err().contains("other content"));
    assert_eq!(fs::read(cache.path().join("weights/w.h5")).unwrap(), weights("first"));
}

/// `a.gz` and `b`, both with this text inside.
fn two_files(text: &[u8]) -> Manifest {
    let (sum, size) = (sha256(text), text.len());
    Manifest::parse(&format!(
        "name = \"m\"\ntitle = \"t\"\nfolder = \"m\"\nlicence = \"l\"\nhomepage = \"h\"\ncitation = \"c\"\n\
         mirrors = []\n[[files]]\nname = \"a.gz\"\nsize = 99\nsha256 = [\"{sum}\"]\n[files.payload]\nname = \"a\"\n\
         size = {size}\nsha256 = [\"{sum}\"]\n[[files]]\nname = \"b\"\nsize = {size}\nsha256 = [\"{sum}\"]"
    ))
    .unwrap()
}

#[test]
fn half_a_set_is_checked_and_what_lacks_is_named() {
    let (text, data) = (b"payload".as_slice(), TempDir::new().unwrap());
    let manifest = two_files(text);
    let here = || check(&manifest, data.path(), Origin::DataDir, &mut Silent).map_err(|e| e.to_string());
    let write = |name: &str, bytes: &[u8]| fs::write(data.path().join("m").join(name), bytes).unwrap();
    assert!(here().unwrap().is_none());
    fs::create_dir(data.path().join("m")).unwrap();
    assert!(here().unwrap().is_none(), "an empty folder is nothing");
    write("b", text);
    let message = here().unwrap_err();
    assert!(message.contains("m: lacks a.gz; what is there is whole (checksums as published)"), "{message}");
    write("b", b"damaged");
    let message = here().unwrap_err();
    assert!(message.contains("m: lacks a.gz; ") && message.contains("m/b: sha256"), "{message}");
    write("a.gz", b"");
    let message = here().unwrap_err();
    assert!(message.contains("m/a.gz: ") && message.contains("m/b: sha256"), "all are told: {message}");
    assert!(!message.contains("lacks"), "{message}");
    write("a.gz", &gzip(text));
    let message = here().unwrap_err();
    assert!(message.contains("m/b: sha256") && message.contains("remove or replace"), "{message}");
    write("b", text);
    assert!(here().unwrap().is_some());
}

/// Writes down how far files have been read.
#[derive(Default)]
struct Reading(Vec<(u64, u64)>);

impl Progress for Reading {
    fn announce(&mut self, _: &Announcement<'_>) {}
    fn advance(&mut self, file: &str, read: u64, total: u64) {
        assert_eq!(file, "b");
        self.0.push((read, total));
    }
    fn prepare(&mut self, _: &str, _: u64, _: u64) {}
    fn note(&mut self, _: &str) {}
}

#[test]
fn the_check_of_a_large_file_is_shown() {
    let (large, data) = (vec![7_u8; 40 << 20], TempDir::new().unwrap());
    fs::create_dir(data.path().join("m")).unwrap();
    fs::write(data.path().join("m/a"), "small").unwrap();
    fs::write(data.path().join("m/b"), &large).unwrap();
    let mut reading = Reading::default();
    check(&two_files(&large), data.path(), Origin::Cache, &mut reading).unwrap_err();
    let size = large.len() as u64;
    assert!(reading.0.len() > 100 && reading.0.is_sorted(), "{} reports", reading.0.len());
    assert_eq!(reading.0.last(), Some(&(size, size)));
}

#[test]
fn packed_files_are_taken_as_they_are() {
    let text = b"payload".as_slice();
    let manifest = two_files(text);
    for (bytes, name) in [(gzip(text), "a.gz"), (text.to_vec(), "a")] {
        let (cache, mine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        fs::write(mine.path().join("a.gz"), &bytes).unwrap();
        fs::write(mine.path().join("b"), text).unwrap();
        let located = adopt(&manifest, mine.path(), cache.path(), &mut Silent).unwrap();
        assert!(located.files[0].ends_with(name), "{located:?}");
        assert_eq!(fs::read(&located.files[0]).unwrap(), bytes);
        let message = adopt(&manifest, &mine.path().join("b"), cache.path(), &mut Silent).unwrap_err();
        assert!(message.to_string().contains("m consists of 2 files"), "{message}");
    }
}

#[test]
fn the_real_weights_are_known() {
    let Some(root) = std::env::var_os("CONVNET_DATA_DIR") else {
        eprintln!("CONVNET_DATA_DIR is not set: the real weights are not checked");
        return;
    };
    for (name, words) in [
        ("vgg16_notop", "written again"),
        ("mobilenet", "mobilenet_1_0_to_conv_pw_12_no_config.h5 in place of"),
        ("mobilenet_0_25_128", "1,001 classes"),
        ("efficientnet_lite0", "checksums as published"),
        ("imagenet_class_index", "indented"),
        ("creative_commons_elephant", "checksums as published"),
    ] {
        let manifest = Manifest::named(name).unwrap();
        let Some(located) = check(&manifest, root.as_ref(), Origin::DataDir, &mut Silent).unwrap() else {
            eprintln!("{name} is not in CONVNET_DATA_DIR and not checked");
            continue;
        };
        // As published, or with the difference that the manifest knows.
        let found = located.verified.to_string();
        assert!([words, "as published"].iter().any(|words| found.contains(words)), "{found}");
        // Each alternative that lies there is what the manifest says.
        for other in &manifest.files[0].alternatives {
            let path = located.root.join("weights").join(&other.name);
            let difference = verify(&path, &manifest.files[0]).unwrap().unwrap();
            assert!(matches!(&difference.how, How::Alternative { name, .. } if *name == other.name));
        }
    }
}
