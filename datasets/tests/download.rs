//! Every misbehaviour of a server ends in a verified file or a clear error, and never in a bad file in the cache.
#![forbid(unsafe_code)]

mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use convnet_datasets::{
    Announcement, Client, DataChoice, Error, Found, How, Limits, Located, Manifest, Origin, Places, Progress,
    Silent, Source, Verified, download, find, obtain,
};
use md5::{Digest, Md5};
use server::{Reply, Request, Server, gzip, payload};
use sha2::Sha256;
use tempfile::TempDir;

fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The manifest of one file, `a.gz`, with the payload of [`payload`].
fn manifest(mirrors: &[&str]) -> Manifest {
    let (archive, content) = (gzip(&payload(), 6), payload());
    Manifest::parse(&format!(
        r#"
        name = "tiny"
        title = "Tiny"
        folder = "tiny"
        licence = "none"
        homepage = "none"
        citation = "none"
        mirrors = {mirrors:?}
        [[files]]
        name = "a.gz"
        size = {}
        md5 = ["{}"]
        [files.payload]
        name = "a"
        size = {}
        sha256 = ["{}"]
        "#,
        archive.len(),
        hexadecimal(Md5::digest(&archive)),
        content.len(),
        hexadecimal(Sha256::digest(&content)),
    ))
    .unwrap()
}

fn client() -> Client {
    Client::new(&Limits {
        connect: Duration::from_secs(2),
        silence: Duration::from_millis(400),
        pause: Duration::from_millis(1),
        proxy_from_environment: false,
        ..Limits::default()
    })
}

/// What one download attempt left behind.
struct Outcome {
    folder: TempDir,
    result: Result<Vec<PathBuf>, Error>,
}

impl Outcome {
    fn of(mirrors: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let result = download(&manifest(mirrors), folder.path(), &client(), &mut Silent);
        Self { folder, result }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("tiny/a.gz")
    }

    #[track_caller]
    fn is_complete(&self) {
        assert_eq!(self.result.as_ref().unwrap(), &[self.target()]);
        assert_eq!(fs::read(self.target()).unwrap(), gzip(&payload(), 6));
        assert!(leftovers(self.folder.path()).is_empty(), "{:?}", leftovers(self.folder.path()));
    }

    #[track_caller]
    fn failed_with(&self, expected: &str) {
        let message = self.result.as_ref().unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("a.gz"), "{message}");
        assert!(!self.target().exists(), "a bad file got the final name");
    }
}

fn leftovers(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join("tiny")).unwrap();
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".part"))
        .collect()
}

const TAG: &str = "\"v1\"";

fn good(_: usize, request: &Request) -> Reply {
    Reply::good(request, TAG, &gzip(&payload(), 6))
}

fn broken_at(offset: usize) -> Reply {
    let body = gzip(&payload(), 6);
    Reply::announcing("200 OK", &["ETag: \"v1\""], body.len(), &body[..offset])
}

#[test]
fn a_good_server_delivers() {
    let server = Server::start(good);
    Outcome::of(&[&server.mirror]).is_complete();
    let paths: Vec<String> =
        server.requests().into_iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    assert_eq!(paths, ["GET /files/a.gz"]);
}

#[test]
fn a_broken_connection_is_resumed() {
    let server = Server::start(|n, request| if n == 0 { broken_at(100_000) } else { good(n, request) });
    Outcome::of(&[&server.mirror]).is_complete();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].range_start, Some(100_000));
    assert_eq!(requests[1].if_range.as_deref(), Some(TAG));
}

#[test]
fn a_weak_tag_is_not_sent_back() {
    let weak = |reply: Reply| Reply { head: reply.head.replace(TAG, &format!("W/{TAG}")), ..reply };
    let server =
        Server::start(move |n, request| weak(if n == 0 { broken_at(100_000) } else { good(n, request) }));
    Outcome::of(&[&server.mirror]).is_complete();
    let again = &server.requests()[1];
    assert_eq!((again.range_start, again.if_range.as_deref()), (Some(100_000), None));
}

#[test]
fn a_part_that_nobody_asked_for_is_refused() {
    let server =
        Server::start(|_, _| Reply::new("206 Partial Content", &["Content-Range: bytes 0-3/4"], b"part"));
    Outcome::of(&[&server.mirror]).failed_with("answers 206");
}

#[test]
fn a_later_run_resumes_too() {
    let server = Server::start(|n, request| match n {
        0 => broken_at(100_000),
        1..=3 => Reply::new("503 Service Unavailable", &[], b""),
        _ => good(n, request),
    });
    let mut outcome = Outcome::of(&[&server.mirror]);
    outcome.failed_with("503");
    outcome.result = download(&manifest(&[&server.mirror]), outcome.folder.path(), &client(), &mut Silent);
    outcome.is_complete();
    assert_eq!(server.requests().last().unwrap().range_start, Some(100_000));
}

#[test]
fn a_server_that_always_breaks_off_is_given_up() {
    let server = Server::start(|_, _| broken_at(1000));
    Outcome::of(&[&server.mirror]).failed_with("broke off after 1000 of");
    assert!(server.requests().len() < 10);
}

#[test]
fn a_server_that_ignores_range_is_read_from_the_start() {
    let server =
        Server::start(
            |n, _| if n == 0 { broken_at(1000) } else { Reply::new("200 OK", &[], &gzip(&payload(), 6)) },
        );
    Outcome::of(&[&server.mirror]).is_complete();
}

#[test]
fn a_changed_file_is_read_from_the_start() {
    // The tag of the first part belongs to another version, whose bytes differ.
    let other = |request: &Request| {
        assert_eq!(request.range_start, None);
        let wrong = vec![7; 1000];
        Reply::announcing("200 OK", &["ETag: \"v0\""], gzip(&payload(), 6).len(), &wrong)
    };
    let server = Server::start(move |n, request| if n == 0 { other(request) } else { good(n, request) });
    Outcome::of(&[&server.mirror]).is_complete();

    // The same from a server that ignores If-Range: told by the tag of the answer.
    let server = Server::start(move |n, request| match n {
        0 => other(request),
        _ => good(n, &Request { if_range: None, ..request.clone() }),
    });
    Outcome::of(&[&server.mirror]).is_complete();

    // And without any tag: told by the checksum, then fetched once more from the start.
    let server = Server::start(move |n, request| {
        let mut reply =
            if n == 0 { other(request) } else { good(n, &Request { if_range: None, ..request.clone() }) };
        reply.head = reply.head.replace("ETag", "X-Nothing");
        reply
    });
    Outcome::of(&[&server.mirror]).is_complete();
    assert_eq!(server.requests().last().unwrap().range_start, None);
}

#[test]
fn a_wrong_continuation_is_not_believed() {
    let server = Server::start(|n, request| match (n, request.range_start) {
        (0, _) => broken_at(1000),
        (_, Some(_)) => {
            let body = gzip(&payload(), 6);
            let range = format!("Content-Range: bytes 0-{}/{}", body.len() - 1, body.len());
            Reply::new("206 Partial Content", &[&range, "ETag: \"v1\""], &body)
        }
        _ => good(n, request),
    });
    Outcome::of(&[&server.mirror]).is_complete();

    let server = Server::start(|n, request| match (n, request.range_start) {
        (0, _) => broken_at(1000),
        (_, Some(_)) => Reply::new("416 Range Not Satisfiable", &[], b""),
        _ => good(n, request),
    });
    Outcome::of(&[&server.mirror]).is_complete();
}

#[test]
fn lies_about_the_length_are_found() {
    let size = gzip(&payload(), 6).len();
    let server = Server::start(|_, _| Reply::new("200 OK", &[], b"short"));
    Outcome::of(&[&server.mirror]).failed_with(&format!("announces 5 bytes where {size} are expected"));

    // The announced length is right, the connection ends early, time after time.
    let server = Server::start(|_, _| broken_at(10));
    Outcome::of(&[&server.mirror]).failed_with("broke off after 10 of");

    // No length at all, and more bytes than there should be.
    let server = Server::start(|_, _| Reply {
        head: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned(),
        body: [gzip(&payload(), 6), vec![0; 100_000]].concat(),
        ..Reply::default()
    });
    let outcome = Outcome::of(&[&server.mirror]);
    outcome.failed_with("sends more than");
    assert!(leftovers(outcome.folder.path()).is_empty());
}

#[test]
fn wrong_bytes_never_reach_the_final_name() {
    let server = Server::start(|_, _| Reply::new("200 OK", &[], &vec![0; gzip(&payload(), 6).len()]));
    let outcome = Outcome::of(&[&server.mirror]);
    outcome.failed_with("sends another file");
    assert!(leftovers(outcome.folder.path()).is_empty());

    let fine = Server::start(good);
    Outcome::of(&[&server.mirror, &fine.mirror]).is_complete();
}

#[test]
fn redirects_are_followed_within_the_scheme() {
    let server = Server::start(|n, request| match n {
        0 => Reply::new("302 Found", &["Location: other/b.gz"], b""),
        1 => Reply::new("307 Temporary Redirect", &["Location: /c.gz"], b""),
        _ => good(n, request),
    });
    Outcome::of(&[&server.mirror]).is_complete();
    let paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/files/a.gz", "/files/other/b.gz", "/c.gz"]);

    let elsewhere = Server::start(good);
    let location = format!("Location: {}moved.gz", elsewhere.mirror);
    let server = Server::start(move |_, _| Reply::new("301 Moved Permanently", &[&location], b""));
    Outcome::of(&[&server.mirror]).is_complete();

    for target in ["ftp://127.0.0.1/a.gz", "file:///etc/hostname", "https://127.0.0.1/a.gz"] {
        let location = format!("Location: {target}");
        let server = Server::start(move |_, _| Reply::new("302 Found", &[&location], b""));
        Outcome::of(&[&server.mirror]).failed_with("another scheme");
    }

    let server = Server::start(|_, _| Reply::new("302 Found", &["Location: a.gz"], b""));
    Outcome::of(&[&server.mirror]).failed_with("redirects more than");
    let server = Server::start(|_, _| Reply::new("302 Found", &[], b""));
    Outcome::of(&[&server.mirror]).failed_with("without an address");
}

#[test]
fn a_silent_server_is_given_up_and_resumed() {
    let server =
        Server::start(|n, request| if n == 0 { broken_at(50_000).stalling() } else { good(n, request) });
    Outcome::of(&[&server.mirror]).is_complete();
    assert_eq!(server.requests()[1].range_start, Some(50_000));

    let silent = Server::start(|_, _| Reply::default().stalling());
    let fine = Server::start(good);
    Outcome::of(&[&silent.mirror, &fine.mirror]).is_complete();
    assert_eq!(silent.requests().len(), 1);
}

#[test]
fn a_dripping_server_is_given_up_and_a_slow_one_is_not() {
    // Never silent for long, and without end: 50 bytes a second.
    let dripping = Server::start(|n, request| good(n, request).dripping(1, Duration::from_millis(20)));
    let fine = Server::start(good);
    // 300 kB in a second, 30 kB at a time.
    let slow = Server::start(|n, request| good(n, request).dripping(30_000, Duration::from_millis(100)));
    let client = Client::new(&Limits {
        least: 1_000,
        within: Duration::from_millis(300),
        pause: Duration::from_millis(1),
        proxy_from_environment: false,
        ..Limits::default()
    });
    let get = |mirrors: &[&str]| {
        let (folder, mut said) = (TempDir::new().unwrap(), Recorder::default());
        download(&manifest(mirrors), folder.path(), &client, &mut said).unwrap();
        assert_eq!(fs::read(folder.path().join("tiny/a.gz")).unwrap(), gzip(&payload(), 6));
        said.notes
    };
    let notes = get(&[&dripping.mirror, &fine.mirror]);
    assert!(notes[0].contains("sends too slowly: fewer than 1000 bytes in 0.3 s"), "{notes:?}");
    assert_eq!(dripping.requests().len(), 3, "asked as often as one that breaks off at once");
    assert!(dripping.requests()[1].range_start > Some(0), "what came was kept");
    assert!(get(&[&slow.mirror]).is_empty());
    assert_eq!(slow.requests().len(), 1);
}

#[test]
fn the_next_mirror_is_asked() {
    let missing = Server::start(|_, _| Reply::new("404 Not Found", &[], b"no such file"));
    let fine = Server::start(good);
    Outcome::of(&[&missing.mirror, &fine.mirror]).is_complete();
    assert_eq!(missing.requests().len(), 1);
    Outcome::of(&[&missing.mirror]).failed_with("404");

    let recoded =
        Server::start(|_, _| Reply::new("200 OK", &["Content-Encoding: gzip"], &gzip(&payload(), 6)));
    Outcome::of(&[&recoded.mirror]).failed_with("re-encoded");
}

#[test]
fn nobody_listens() {
    // Bound and dropped: a port that was free a moment ago.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mirror = format!("http://127.0.0.1:{port}/");
    Outcome::of(&[&mirror]).failed_with("cannot be reached");
    let outcome = Outcome::of(&[&mirror, &mirror]);
    outcome.failed_with("each cannot be reached");
    Outcome::of(&[]).failed_with("no mirror is known");
}

#[test]
fn a_disk_that_refuses_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("tiny"), "a file in the way").unwrap();
    let server = Server::start(good);
    let error = download(&manifest(&[&server.mirror]), folder.path(), &client(), &mut Silent).unwrap_err();
    assert!(error.to_string().contains("tiny"), "{error}");
    assert!(server.requests().is_empty());
}

#[derive(Default)]
struct Recorder {
    announced: Vec<u64>,
    last: (u64, u64),
    notes: Vec<String>,
}

impl Progress for Recorder {
    fn announce(&mut self, announcement: &Announcement<'_>) {
        assert_eq!(self.last, (0, 0), "announced before the first byte");
        assert!(announcement.seconds_at(10.0) > 0.0);
        self.announced.push(announcement.bytes);
    }
    fn advance(&mut self, file: &str, received: u64, total: u64) {
        assert_eq!(file, "a.gz");
        self.last = (received, total);
    }
    fn prepare(&mut self, _: &str, _: u64, _: u64) {
        unreachable!("there are no pictures");
    }
    fn note(&mut self, line: &str) {
        self.notes.push(line.to_owned());
    }
}

#[test]
fn progress_is_told() {
    let missing = Server::start(|_, _| Reply::new("404 Not Found", &[], b""));
    let fine = Server::start(good);
    let folder = TempDir::new().unwrap();
    let mut recorder = Recorder::default();
    download(&manifest(&[&missing.mirror, &fine.mirror]), folder.path(), &client(), &mut recorder).unwrap();
    let size = gzip(&payload(), 6).len() as u64;
    assert_eq!((recorder.announced.as_slice(), recorder.last), ([size].as_slice(), (size, size)));
    assert!(recorder.notes[0].contains("404"), "{:?}", recorder.notes);

    let mut again = Recorder::default();
    download(&manifest(&[]), folder.path(), &client(), &mut again).unwrap();
    assert!(again.announced.is_empty());
}

#[test]
fn several_at_once_download_once() {
    let server = Server::start(|n, request| {
        thread::sleep(Duration::from_millis(100));
        good(n, request)
    });
    let folder = TempDir::new().unwrap();
    let manifest = manifest(&[&server.mirror]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| download(&manifest, folder.path(), &client(), &mut Silent).unwrap());
        }
    });
    assert_eq!(server.requests().len(), 1);
}

fn places(data_dir: Option<&Path>, cache: &Path) -> Places {
    Places { data_dir: data_dir.map(Path::to_owned), cache: Some(cache.to_owned()) }
}

fn files(source: Source) -> Located {
    match source {
        Source::Files(located) => located,
        Source::Embedded { why } => panic!("{why}"),
    }
}

#[test]
fn auto_goes_from_the_data_folder_over_the_cache_to_the_network() {
    let server = Server::start(good);
    let manifest = manifest(&[&server.mirror]);
    let (data, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let places = places(Some(data.path()), cache.path());
    let told = || {
        let mut said = Recorder::default();
        let source = obtain(&manifest, &DataChoice::Auto, &places, &client(), &mut said).unwrap();
        (files(source), said.notes)
    };
    let obtain = || told().0;

    let found = find(&manifest, &DataChoice::Auto, &places).unwrap();
    assert!(matches!(found, Found::Downloadable { bytes, .. } if bytes == manifest.size()), "{found:?}");
    let (fetched, notes) = told();
    assert_eq!((fetched.origin, &fetched.verified), (Origin::Download, &Verified::Published));
    assert!(notes[0].contains("a.gz is not in") && fetched.notes.is_empty(), "told once: {notes:?}");
    assert_eq!(obtain().origin, Origin::Cache);
    assert_eq!(server.requests().len(), 1);

    // A damaged file in the cache is replaced.
    fs::write(cache.path().join("tiny/a.gz"), "damaged").unwrap();
    let (fetched, notes) = told();
    assert_eq!(fetched.origin, Origin::Download);
    assert!(notes[1].contains("only") || notes[1].contains("7 bytes"), "{notes:?}");

    // A data folder wins, also with an archive that was packed again or not packed at all.
    fs::create_dir(data.path().join("tiny")).unwrap();
    fs::write(data.path().join("tiny/a.gz"), gzip(&payload(), 1)).unwrap();
    let local = obtain();
    assert_eq!((local.origin, local.root.as_path()), (Origin::DataDir, data.path()));
    let Verified::Differing(others) = &local.verified else { panic!("{:?}", local.verified) };
    assert_eq!(others[0].file, "a.gz");
    assert!(
        matches!(&others[0].how, How::PackedAgain { found, expected } if found != expected),
        "{others:?}"
    );
    fs::remove_file(data.path().join("tiny/a.gz")).unwrap();
    fs::write(data.path().join("tiny/a"), payload()).unwrap();
    let local = obtain();
    assert_eq!(local.verified, Verified::Published);
    assert!(local.files[0].ends_with("tiny/a"));
}

#[test]
fn a_data_folder_that_does_not_exist_is_told() {
    let cache = TempDir::new().unwrap();
    let places = places(Some(&cache.path().join("wrong")), cache.path());
    let found = find(&manifest(&[]), &DataChoice::Auto, &places).unwrap();
    let Found::Downloadable { notes, .. } = found else { panic!("{found:?}") };
    assert!(
        notes[0].contains("CONVNET_DATA_DIR: ") && notes[0].contains("wrong: no such folder"),
        "{notes:?}"
    );
}

#[test]
fn without_network_generated_data_must_do() {
    let cache = TempDir::new().unwrap();
    let places = places(None, cache.path());
    let source = obtain(&manifest(&[]), &DataChoice::Auto, &places, &client(), &mut Silent).unwrap();
    assert!(matches!(&source, Source::Embedded { why } if why.contains("no mirror is known")), "{source:?}");
    let source =
        obtain(&manifest(&[]), &DataChoice::Auto, &Places::default(), &client(), &mut Silent).unwrap();
    assert!(matches!(&source, Source::Embedded { why } if why.contains("CONVNET_CACHE")), "{source:?}");
}

#[test]
fn a_folder_never_leads_to_the_network() {
    let server = Server::start(good);
    let manifest = manifest(&[&server.mirror]);
    let (data, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let places = places(None, cache.path());
    let obtain = |choice: DataChoice| obtain(&manifest, &choice, &places, &client(), &mut Silent);

    let source = obtain(DataChoice::Folder(data.path().to_owned())).unwrap();
    assert!(matches!(&source, Source::Embedded { why } if why.contains("a.gz is not in")), "{source:?}");
    assert!(matches!(obtain(DataChoice::Embedded).unwrap(), Source::Embedded { .. }));
    let missing = obtain(DataChoice::Folder(data.path().join("none"))).unwrap_err();
    assert!(matches!(missing, Error::NoFolder { .. }), "{missing}");

    // Somebody's damaged or foreign files are not quietly replaced by generated ones.
    let path = data.path().join("tiny/a.gz");
    fs::create_dir(data.path().join("tiny")).unwrap();
    let mut altered = payload();
    altered[5] ^= 1;
    let truncated = gzip(&payload(), 6)[..1000].to_vec();
    let bomb = gzip(&vec![0; 50_000_000], 9);
    for (bytes, expected) in [
        (gzip(&altered, 6), "sha256"),
        (truncated, "truncated"),
        (bomb, "more than 300000 unpacked bytes"),
        (gzip(&payload()[..10], 6), "only 10 unpacked bytes"),
        ([gzip(&payload(), 6), b"junk".to_vec()].concat(), "damaged"),
        (altered, "sha256"),
        (Vec::new(), "0 bytes"),
    ] {
        fs::write(&path, bytes).unwrap();
        let message = obtain(DataChoice::Folder(data.path().to_owned())).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains("a.gz"), "{expected}: {message}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn the_choice_is_read_from_the_command_line() {
    for (text, choice) in [
        ("auto", DataChoice::Auto),
        ("embedded", DataChoice::Embedded),
        ("some/folder", DataChoice::Folder("some/folder".into())),
    ] {
        assert_eq!(text.parse::<DataChoice>().unwrap(), choice);
        assert_eq!(choice.to_string(), text);
    }
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    const MIRROR: &str = "CONVNET_TEST_MIRROR";
    if let Ok(mirror) = std::env::var(MIRROR) {
        let folder = TempDir::new().unwrap();
        let limits = Limits {
            connect: Duration::from_secs(1),
            silence: Duration::from_secs(1),
            pause: Duration::from_millis(1),
            ..Limits::default()
        };
        // The proxy refuses; what counts is that it was asked, and what is said.
        let error = download(&manifest(&[&mirror]), folder.path(), &Client::new(&limits), &mut Silent);
        println!("{}", error.unwrap_err());
        return;
    }
    // Variables cannot be set safely in a running program, so this test runs itself again.
    let pause = Duration::from_millis(100);
    for (answer, pause, expected) in [
        ("403 Forbidden", Duration::ZERO, "cannot be reached through the proxy (proxy server responded 403"),
        (
            "407 Proxy Authentication Required",
            Duration::ZERO,
            "it wants a user name and a password: put them into HTTPS_PROXY",
        ),
        // Every byte comes in time, the head as a whole does not.
        ("200 OK", pause, "does not answer in time"),
    ] {
        let answer = move |_: usize, _: &Request| Reply::new(answer, &[], b"").dripping_head(pause);
        let (proxy, mirror) = (Server::start(answer), Server::start(good));
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        for name in
            ["HTTPS_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"]
        {
            child.env_remove(name);
        }
        child.args(["--exact", "the_proxy_of_the_environment_is_used", "--nocapture"]);
        child.env(MIRROR, &mirror.mirror).env("HTTP_PROXY", proxy.mirror.trim_end_matches("/files/"));
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(expected), "{expected}: {said}");
        assert!(mirror.requests().is_empty());
        let asked = proxy.requests();
        assert!(asked.len() == 1 && mirror.mirror.contains(&asked[0].path), "asked once: {asked:?}");
    }
}

#[test]
fn the_real_files_have_the_published_content() {
    let Some(root) = std::env::var_os("CONVNET_DATA_DIR") else {
        eprintln!("CONVNET_DATA_DIR is not set: the real MNIST files are not checked");
        return;
    };
    let manifest = Manifest::mnist().unwrap();
    let found = find(&manifest, &DataChoice::Folder(root.into()), &Places::default()).unwrap();
    let Found::Files(located) = found else { panic!("{found:?}") };
    assert_eq!(located.files.len(), 4);
    for (path, file) in located.files.iter().zip(&manifest.files) {
        let mut content = Vec::new();
        let handle = fs::File::open(path).unwrap();
        std::io::copy(&mut flate2::read::GzDecoder::new(handle), &mut content).unwrap();
        let sums = file.payload.as_ref().unwrap().checksums();
        assert_eq!(sums.md5, [hexadecimal(Md5::digest(&content))], "{}", file.name);
    }
}
