//! `download` as a user meets it: what it shows, what it takes, what it says when something is wrong, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

/// `cargo xtask download` with a cache of its own, no data folder, and no way to the network.
fn download(cache: &Path, data: Option<&Path>, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("download").args(arguments).env("CONVNET_CACHE", cache).env_remove("CONVNET_DATA_DIR");
    command.envs(data.map(|data| ("CONVNET_DATA_DIR", data)));
    // Nobody listens on the port that is reserved for nothing.
    command.env("HTTPS_PROXY", "http://127.0.0.1:1").env_remove("NO_PROXY").env_remove("no_proxy");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(!(out.clone() + &err).contains(['\x1b', '\r']), "piped output is clean: {out}{err}");
    Ended { code: output.status.code(), out, err }
}

/// A Kaggle folder of 2,000 cats and dogs each, as far as a JPEG's markers go; number 666 is empty.
fn kaggle(root: &Path) -> PathBuf {
    let folder = root.join("train");
    fs::create_dir(&folder).unwrap();
    for number in 0..2_000 {
        let mut picture = [0xff, 0xd8, 0xff, 0xda, 0, 2, 0, 0xff, 0xd9].as_slice();
        fs::write(folder.join(format!("dog.{number}.jpg")), picture).unwrap();
        picture = if number == 666 { &[] } else { picture };
        fs::write(folder.join(format!("cat.{number}.jpg")), picture).unwrap();
    }
    folder
}

#[test]
fn without_a_name_it_shows_what_there_is() {
    let cache = TempDir::new().unwrap();
    let listed = download(cache.path(), None, &["--list"]);
    assert_eq!((listed.code, listed.err.as_str()), (Some(0), ""));
    for name in ["mnist ", "cats_and_dogs ", "vgg16 ", "vgg16_notop ", "mobilenet ", "mobilenet_0_25_128 "] {
        assert!(listed.out.lines().any(|line| line.starts_with(name)), "{name}: {}", listed.out);
    }
    assert!(listed.out.contains("553.5 MB") && listed.out.contains("absent, --from only"), "{}", listed.out);
    assert!(listed.out.contains(&format!("cache: {}", cache.path().display())), "{}", listed.out);
    let bare = download(cache.path(), None, &[]);
    assert_eq!((bare.code, &bare.out), (Some(2), &listed.out));
    assert!(bare.err.contains("nothing was downloaded") && bare.err.contains("`all`"), "{}", bare.err);
    let one = download(cache.path(), None, &["--list", "mnist"]);
    assert!(one.out.contains("11.6 MB") && !one.out.contains("vgg16"), "{}", one.out);
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn wrong_usage_is_told() {
    let (cache, mine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = mine.path().join("file");
    fs::write(&file, "text").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, expected) in [
        (vec!["mnits"], "no data set is called \"mnits\"; known are mnist"),
        (vec!["--from", file], "needs exactly one NAME"),
        (vec!["mnist", "vgg16", "--from", file], "needs exactly one NAME"),
        (vec!["mnist", "--from", "no/such/file"], "no/such/file: "),
        (vec!["mnist", "--from", file], "mnist consists of 4 files"),
        (vec!["vgg16", "--from", file], "4 bytes, expected 553467096 bytes"),
        (vec!["cats_and_dogs", "--from", file], "neither a zip nor a tar.gz"),
        (vec!["cats_and_dogs", "--from", mine.path().to_str().unwrap()], "holds no pictures of this set"),
        (vec!["--list", "--verify"], "cannot be used with"),
        (vec!["--verify", "--from", file], "cannot be used with"),
    ] {
        let ended = download(cache.path(), None, &arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(expected), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn what_fails_is_told_and_the_rest_still_runs() {
    let cache = TempDir::new().unwrap();
    let names = ["imagenet_class_index", "efficientnet_lite0"];
    let ended = download(cache.path(), None, &names);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    for expected in [
        "The names of the 1,000 ImageNet classes: downloading 35.4 kB into",
        "imagenet_class_index: imagenet_class_index.json of imagenet_class_index could not be downloaded",
        "efficientnet_lite0: no mirror is known of efficientnet-lite0-57934424.pth; where you have it: \
         cargo xtask download efficientnet_lite0 --from PATH",
        "if you have it already: cargo xtask download imagenet_class_index --from PATH",
        "error: 2 of 2 could not be had: imagenet_class_index, efficientnet_lite0",
    ] {
        assert!(ended.err.contains(expected), "{expected}: {}", ended.err);
    }
    assert!(!ended.err.contains("18.8 MB"), "no download is announced that cannot begin: {}", ended.err);
}

#[test]
fn a_data_folder_that_does_not_exist_is_told() {
    let cache = TempDir::new().unwrap();
    let wrong = cache.path().join("wrong");
    let told = format!("CONVNET_DATA_DIR: {}: no such folder", wrong.display());
    for arguments in [&["--list"][..], &["--verify"], &["imagenet_class_index"]] {
        let ended = download(cache.path(), Some(&wrong), arguments);
        assert!(
            (ended.out.clone() + &ended.err).contains(&told),
            "{arguments:?}: {}{}",
            ended.out,
            ended.err
        );
    }
    let right = download(cache.path(), Some(cache.path()), &["--list"]);
    assert!(!right.out.contains("no such folder"), "{}", right.out);
}

/// Another process of ours downloads: the test holds its lock.
#[test]
fn a_second_process_says_that_it_waits_and_then_goes_on() {
    let (cache, mine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = kaggle(mine.path());
    fs::create_dir(cache.path().join("downloads")).unwrap();
    let held = fs::File::create(cache.path().join("downloads/.download.lock")).unwrap();
    held.lock().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["download", "cats_and_dogs", "--from"]).arg(&folder).env("CONVNET_CACHE", cache.path());
    command.env_remove("CONVNET_DATA_DIR").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut second = command.spawn().unwrap();
    let mut lines = BufReader::new(second.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("another process downloads into") && first.contains("waiting for it"), "{first}");
    assert!(second.try_wait().unwrap().is_none(), "it waits");
    assert!(!cache.path().join("cats_and_dogs_small").exists());
    drop(held);
    let said: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(said.iter().any(|line| line.contains("3999 of 4000 pictures")), "{said:?}");
    assert!(second.wait().unwrap().success());
    assert!(cache.path().join("cats_and_dogs_small/test/dogs/dog.1999.jpg").is_file());
}

#[test]
fn pictures_of_the_user_are_prepared_checked_and_found_again() {
    let (cache, mine) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let folder = kaggle(mine.path());
    let taken = download(cache.path(), None, &["cats_and_dogs", "--from", folder.to_str().unwrap()]);
    assert_eq!(taken.code, Some(0), "{}", taken.err);
    assert!(taken.err.contains("skipped: cat.666.jpg is empty"), "{}", taken.err);
    assert!(taken.err.contains("3999 of 4000 pictures: 1 corrupt and skipped; listed in"), "{}", taken.err);
    assert!(taken.err.contains("4,000 pictures in "), "{}", taken.err);
    assert!(
        taken.out.contains("cats_and_dogs: cache, ") && taken.out.contains("3999 of 4000"),
        "{}",
        taken.out
    );

    let again = download(cache.path(), None, &["cats_and_dogs"]);
    assert_eq!((again.code, &again.out), (Some(0), &taken.out), "{}", again.err);
    let listed = download(cache.path(), None, &["--list", "cats_and_dogs"]).out;
    assert!(listed.lines().nth(2).unwrap().contains("  cache "), "{listed}");
    let verified = download(cache.path(), None, &["--verify", "cats_and_dogs"]);
    assert_eq!((verified.code, &verified.out), (Some(0), &taken.out), "{}", verified.err);
    // As a data folder it serves as well.
    let other = TempDir::new().unwrap();
    let there = download(other.path(), Some(cache.path()), &["cats_and_dogs"]);
    assert!(there.code == Some(0) && there.out.contains("CONVNET_DATA_DIR, "), "{}", there.err);

    let picture = cache.path().join("cats_and_dogs_small/test/dogs/dog.1600.jpg");
    fs::write(picture, "cut").unwrap();
    let damaged = download(cache.path(), None, &["--verify"]);
    assert_eq!(damaged.code, Some(1));
    assert!(damaged.out.contains("the first is dog.1600.jpg (no JPEG)"), "{}", damaged.out);
    assert!(damaged.err.contains("cats_and_dogs failed the check"), "{}", damaged.err);
}

#[test]
fn half_a_set_is_checked_and_what_lacks_is_named() {
    let cache = TempDir::new().unwrap();
    fs::create_dir(cache.path().join("mnist")).unwrap();
    fs::write(cache.path().join("mnist/t10k-labels-idx1-ubyte.gz"), "damaged").unwrap();
    let ended = download(cache.path(), None, &["--verify", "mnist"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    for expected in ["lacks train-images-idx3-ubyte.gz, ", "t10k-labels-idx1-ubyte.gz: "] {
        assert!(ended.out.contains(expected), "{expected}: {}", ended.out);
    }
    assert!(!ended.out.contains("not here"), "{}", ended.out);
}

#[test]
fn the_check_fails_for_what_was_named_and_is_absent() {
    let cache = TempDir::new().unwrap();
    let all = download(cache.path(), None, &["--verify"]);
    assert!(all.code == Some(0) && all.out.contains("mnist: not here"), "{}{}", all.out, all.err);
    let named = download(cache.path(), None, &["--verify", "mnist"]);
    assert!(named.code == Some(1) && named.err.contains("mnist failed the check"), "{}", named.err);
}

#[test]
fn a_real_data_folder_is_checked_and_taken() {
    let Some(data) = std::env::var_os("CONVNET_DATA_DIR").map(PathBuf::from) else {
        eprintln!("CONVNET_DATA_DIR is not set: the real data folder is not checked");
        return;
    };
    let cache = TempDir::new().unwrap();
    let verified = download(cache.path(), Some(&data), &["--verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    // What a reader's folder lacks is not checked.
    let here = |name: &str| match name {
        "cats_and_dogs" => data.join("cats_and_dogs_small").is_dir(),
        "mnist" => data.join("mnist").is_dir(),
        name => data.join("weights").join(name).with_extension("json").is_file(),
    };
    for name in ["cats_and_dogs", "mnist", "imagenet_class_index"] {
        let expected = format!("{name}: CONVNET_DATA_DIR");
        assert_eq!(verified.out.contains(&expected), here(name), "{expected}: {}", verified.out);
    }
    for name in ["mnist", "imagenet_class_index"].into_iter().filter(|name| here(name)) {
        let taken = download(cache.path(), None, &[name, "--from", data.to_str().unwrap()]);
        assert!(taken.code == Some(0) && taken.out.contains("cache, "), "{}{}", taken.out, taken.err);
        assert_eq!(download(cache.path(), None, &["--verify", name]).code, Some(0));
    }
    if !here("imagenet_class_index") {
        return;
    }
    fs::write(cache.path().join("weights/imagenet_class_index.json"), "{}").unwrap();
    let damaged = download(cache.path(), None, &["--verify", "imagenet_class_index"]);
    assert!(damaged.code == Some(1) && damaged.out.contains("2 bytes, expected 35363"), "{}", damaged.out);
}
