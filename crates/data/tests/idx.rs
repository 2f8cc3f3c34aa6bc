//! The idx reader on good files, on every kind of bad file, and on the real MNIST.

use convnet_data::{Error, idx};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};

fn header(magic: u32, extents: &[u32]) -> Vec<u8> {
    std::iter::once(&magic).chain(extents).flat_map(|number| number.to_be_bytes()).collect()
}

/// Three pictures of two rows and four columns.
fn images() -> Vec<u8> {
    let mut file = header(2051, &[3, 2, 4]);
    file.extend(0..24);
    file
}

fn labels() -> Vec<u8> {
    let mut file = header(2049, &[3]);
    file.extend([2, 0, 1]);
    file
}

fn gzip(contents: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// The message for a file of pictures with these contents.
    fn refusal(&self, contents: &[u8]) -> String {
        let path = self.file("refused", contents);
        let message = idx::read_images(&path).expect_err("a bad file").to_string();
        assert!(message.starts_with(&path.display().to_string()), "no file name: {message}");
        message
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class {class}")).collect()
}

#[test]
fn plain_and_gzip_give_the_same_whatever_the_name() {
    let folder = Folder::new();
    for (name, contents) in [("plain.gz", images()), ("packed", gzip(&images()))] {
        let pictures = idx::read_images(&folder.file(name, &contents)).unwrap();
        assert_eq!(pictures.shape().to_string(), "(3, 2, 4, 1)", "{name}");
        assert_eq!(pictures.data(), (0..24).collect::<Vec<u8>>(), "{name}");
    }
    for contents in [labels(), gzip(&labels())] {
        assert_eq!(idx::read_labels(&folder.file("labels", &contents), 3).unwrap(), [2, 0, 1]);
    }
}

#[test]
fn every_field_of_the_header_is_checked() {
    let folder = Folder::new();
    let mut wrong_type = images();
    wrong_type[2] = 0x0d;
    let cases: [(&[u8], &str); 10] = [
        (b"", "ends in the magic number"),
        (&images()[..9], "ends in the rows"),
        (&labels(), "magic number 2049 (labels), but 2051 (an idx file of pictures) was expected"),
        (&wrong_type, "numbers of type 13, not bytes"),
        (&header(0x0802, &[3, 8]), "bytes along 2 axes"),
        (b"PK\x03\x04 and so on", "it is no idx file"),
        (&header(2051, &[0, 2, 4]), "promises no pictures"),
        (&header(2051, &[3, 0, 4]), "pictures of 0 rows, but 1 to 16384 was expected"),
        (&header(2051, &[1, 1, 16_385]), "pictures of 16385 columns"),
        (&header(2051, &[u32::MAX, 28, 28]), "at most 2147483648"),
    ];
    for (contents, expected) in cases {
        // Padding, so that lengths are not what is refused.
        let padded = if contents.len() < 16 { contents.to_vec() } else { [contents, &[0; 20_000]].concat() };
        for contents in [padded.clone(), gzip(&padded)] {
            let message = folder.refusal(&contents);
            assert!(message.contains(expected), "{expected:?} is not in: {message}");
            assert!(message.contains("fetch it again"), "no remedy: {message}");
        }
    }
}

#[test]
fn truncated_and_oversized_files_are_refused() {
    let folder = Folder::new();
    let whole = images();
    let message = folder.refusal(&whole[..39]);
    assert!(message.contains("promises 24 bytes") || message.contains("after 23 bytes"), "{message}");
    let message = folder.refusal(&gzip(&whole[..39]));
    assert!(message.contains("ends after 23 bytes") && message.contains("the 24 that"), "{message}");
    for contents in [[&whole[..], &[0]].concat(), gzip(&[&whole[..], &[0]].concat())] {
        assert!(folder.refusal(&contents).contains("bytes follow the 24"));
    }
    let packed = gzip(&whole);
    for length in 2..packed.len() {
        folder.refusal(&packed[..length]);
    }
    assert!(folder.refusal(&[&packed[..], b"rubbish"].concat()).contains("gzip"));
}

#[test]
fn labels_match_classes_and_pictures() {
    let folder = Folder::new();
    let (pictures, three) = (folder.file("pictures", &images()), folder.file("three", &labels()));
    let set = idx::read(&pictures, &three, names(3), "a test").unwrap();
    assert_eq!((set.labels(), set.origin().to_string().as_str()), (&[2, 0, 1][..], "a test"));
    let message = idx::read(&pictures, &three, names(2), "a test").unwrap_err().to_string();
    assert!(message.contains("three: label 0 (counted from 0) is 2"), "{message}");
    let two = folder.file("two", &[&header(2049, &[2])[..], &[0, 1]].concat());
    let message = idx::read(&pictures, &two, names(3), "a test").unwrap_err().to_string();
    assert!(message.contains("2 labels") && message.contains("each of the 3 pictures"), "{message}");
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = Folder::new();
    let absent = folder.0.path().join("absent");
    assert!(matches!(idx::read_images(&absent), Err(Error::Read { .. })));
    let message = idx::read_images(folder.0.path()).unwrap_err().to_string();
    assert!(message.contains("a regular file was expected"), "{message}");
    let message = idx::mnist(folder.0.path()).unwrap_err().to_string();
    assert!(message.contains("neither train-images-idx3-ubyte nor"), "{message}");
}

proptest! {
    /// Whatever the bytes, the answer is pictures that the file really holds, or an error.
    #[test]
    fn mutations_never_panic(
        zipped: bool,
        changes in prop::collection::vec((0usize..64, any::<u8>()), 1..6),
        length in 0usize..120,
    ) {
        let folder = Folder::new();
        let mut contents = if zipped { gzip(&images()) } else { images() };
        for (at, byte) in changes {
            let at = at % contents.len();
            contents[at] = byte;
        }
        contents.resize(length.max(contents.len() / 2), 0);
        let path = folder.file("mutated", &contents);
        if let Ok(pictures) = idx::read_images(&path) {
            prop_assert!(pictures.size() <= contents.len() * 1032);
            prop_assert!(pictures.size() > 0);
        }
        let _ = idx::read_labels(&path, 10).map(|labels| assert!(labels.iter().all(|&label| label < 10)));
    }
}

#[test]
fn the_real_mnist() {
    let Some(folder) = std::env::var_os("CONVNET_DATA_DIR") else {
        eprintln!("CONVNET_DATA_DIR is not set: the real MNIST is not read");
        return;
    };
    let (train, test) = idx::mnist(&Path::new(&folder).join("mnist")).unwrap();
    assert_eq!((train.len(), train.picture_shape().to_string()), (60_000, "(28, 28, 1)".into()));
    assert_eq!((test.len(), test.picture_shape().to_string()), (10_000, "(28, 28, 1)".into()));
    assert_eq!(train.labels()[..5], [5, 0, 4, 1, 9]);
    assert_eq!(test.labels()[..5], [7, 2, 1, 0, 4]);
    assert_eq!(train.class_counts(), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    assert_eq!(train.class_counts().iter().sum::<usize>(), 60_000);
    // The mean pixel of MNIST, 0.1307, is widely published.
    let ink =
        |number| train.picture(number).unwrap().data().iter().map(|&pixel| u64::from(pixel)).sum::<u64>();
    let mean = (0..60_000).map(ink).sum::<u64>() as f64 / (60_000.0 * 784.0 * 255.0);
    assert!((mean - 0.1307).abs() < 5e-5, "{mean}");
}
