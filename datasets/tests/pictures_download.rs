//! An archive of pictures from servers that misbehave: it ends in the whole split or a clear error.
#![forbid(unsafe_code)]

mod archives;
mod pets;
mod server;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use archives::{picture, replace, zip};
use convnet_datasets::{
    Client, DataChoice, Error, Found, Limits, Origin, Places, Source, adopt, check, download, find, glance,
    obtain,
};
use pets::{Place, Recorder, as_microsoft, manifest, write_all};
use server::{Reply, Request, Server};

fn client() -> Client {
    Client::new(&Limits {
        connect: Duration::from_secs(2),
        silence: Duration::from_millis(400),
        pause: Duration::from_millis(1),
        proxy_from_environment: false,
        ..Limits::default()
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
    check(&manifest, data.cache.path(), Origin::Folder, &mut Recorder::default()).unwrap().unwrap();
    fs::write(data.tree().join("test/dogs/dog.33.jpg"), "").unwrap();
    let message = check(&manifest, data.cache.path(), Origin::Folder, &mut Recorder::default())
        .unwrap_err()
        .to_string();
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
