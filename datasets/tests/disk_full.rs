//! A disk that is full is told clearly, leaves nothing half done, and the work goes on when there is room.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod archives;
mod server;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use archives::{picture, zip};
use convnet_datasets::{Bounds, Client, Manifest, Silent, Verified, adopt, download, unpack};
use md5::{Digest, Md5};
use server::{Reply, Server, payload};
use tempfile::TempDir;

const INSIDE: &str = "CONVNET_TEST_INSIDE_NAMESPACE";

/// Runs the test called `name` again where it may mount file systems that nobody else sees; says whether this is
/// that second run.
fn inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount"]).arg(program).args(arguments).env(INSIDE, "1");
        command.stdin(Stdio::null()).output()
    };
    if !unshare(Path::new("true"), &[]).is_ok_and(|output| output.status.success()) {
        eprintln!("this system allows no mounts to tests: a full disk is not tried");
        return false;
    }
    let output = unshare(&std::env::current_exe().unwrap(), &["--exact", name, "--nocapture"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    false
}

/// Mounts a file system of so many kB at `folder`, or resizes the one that is there.
fn room(folder: &Path, how: &str, kilobytes: u32) {
    let options = format!("{how}size={kilobytes}k");
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder);
    assert!(mount.status().unwrap().success());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn is_full(error: convnet_datasets::Error) {
    let words = error.to_string();
    assert!(words.contains("cannot write") && words.contains("No space left"), "{words}");
    assert!(words.contains("free some space, or set CONVNET_CACHE"), "{words}");
}

#[test]
fn a_download_goes_on_when_there_is_room() {
    if !inside("a_download_goes_on_when_there_is_room") {
        return;
    }
    let server = Server::start(|_, request| Reply::good(request, "\"v1\"", &payload()));
    let sum: String = Md5::digest(payload()).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = Manifest::parse(&format!(
        "name = \"m\"\ntitle = \"t\"\nfolder = \"m\"\nlicence = \"l\"\nhomepage = \"h\"\ncitation = \"c\"\n\
         mirrors = [{:?}]\n[[files]]\nname = \"a\"\nsize = {}\nmd5 = [\"{sum}\"]",
        server.mirror,
        payload().len()
    ))
    .unwrap();
    let cache = TempDir::new().unwrap();
    room(cache.path(), "", 128);
    let download = || download(&manifest, cache.path(), &Client::default(), &mut Silent);
    is_full(download().unwrap_err());
    assert!(!cache.path().join("m/a").exists());
    room(cache.path(), "remount,", 2_000);
    download().unwrap();
    assert_eq!(fs::read(cache.path().join("m/a")).unwrap(), payload());
    assert!(server.requests()[1].range_start.is_some_and(|start| start > 50_000), "resumed");

    // A file of the user does not fit either.
    let (full, mine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    room(full.path(), "", 128);
    fs::write(mine.path().join("a"), payload()).unwrap();
    is_full(adopt(&manifest, &mine.path().join("a"), full.path(), &mut Silent).unwrap_err());
    assert_eq!(names(&full.path().join("m")), [".download.lock"]);
}

#[test]
fn pictures_appear_when_there_is_room_for_all() {
    if !inside("pictures_appear_when_there_is_room_for_all") {
        return;
    }
    let files: Vec<_> = (0..100).map(|n| (format!("Cat/{n}.jpg"), picture(n))).collect();
    let archive = zip(&files);
    let served = archive.clone();
    let server = Server::start(move |_, request| Reply::good(request, "\"v1\"", &served));
    let manifest = Manifest::parse(&format!(
        "name = \"m\"\ntitle = \"t\"\nfolder = \"m\"\nlicence = \"l\"\nhomepage = \"h\"\ncitation = \"c\"\n\
         mirrors = [{:?}]\n[[files]]\nname = \"a.zip\"\nsize = {}\npin = true\n[layout]\nbytes = 1\n\
         parts = [{{ folder = \"train\", first = 0, count = 100 }}]\n\
         classes = [{{ folder = \"cats\", prefix = \"cat\", archive = \"Cat\" }}]",
        server.mirror,
        archive.len()
    ))
    .unwrap();
    // Each picture takes a page of 4 kB.
    let cache = TempDir::new().unwrap();
    room(cache.path(), "", 256);
    let download = || download(&manifest, cache.path(), &Client::default(), &mut Silent);
    is_full(download().unwrap_err());
    assert_eq!(names(cache.path()), ["downloads"]);
    room(cache.path(), "remount,", 2_000);
    download().unwrap();
    assert_eq!(server.requests().len(), 1, "the archive had come");
    assert_eq!(names(cache.path()), ["downloads", "m"]);
    assert_eq!(names(&cache.path().join("downloads")), [".download.lock", ".pins.toml"]);

    let (full, mine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    room(full.path(), "", 256);
    let source = mine.path().join("pictures.zip");
    fs::write(&source, &archive).unwrap();
    is_full(adopt(&manifest, &source, full.path(), &mut Silent).unwrap_err());
    assert_eq!(names(full.path()), ["downloads"]);
    is_full(unpack(&source, &full.path().join("target"), &Bounds::default()).unwrap_err());
    assert_eq!(names(full.path()), ["downloads"]);
    room(full.path(), "remount,", 2_000);
    let located = adopt(&manifest, &source, full.path(), &mut Silent).unwrap();
    assert_eq!(located.verified, Verified::Counted { found: 100, expected: 100 });
}
