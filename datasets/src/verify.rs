//! Is this file the published one? Decided by streaming, with bounded memory.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::checksum::{Sum, Summing, SummingReader};
use crate::pins::Pins;
use crate::{Checksums, Error, File, Progress, Result};

const BUFFER: usize = 64 * 1024;
/// Bytes from which on a check takes long enough to be shown: less are read in a fraction of a second.
const LARGE: u64 = 32 << 20;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How far files agree with what was published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verified {
    /// Byte for byte what mirrors serve (or its plain payload).
    Published,
    /// Known and whole, though not byte for byte what mirrors serve: how each such file differs.
    Differing(Vec<Difference>),
    /// Folders of pictures, counted: how many there are and how many belong there.
    Counted {
        /// Pictures found.
        found: u64,
        /// Pictures of the complete set.
        expected: u64,
    },
}

/// A file that is not byte for byte the published one and accepted all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Name of the file, as the manifest has it.
    pub file: String,
    /// How it differs.
    pub how: How,
}

/// How an accepted file differs from the published one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// The payload is the published one, in a container that was packed again.
    PackedAgain {
        /// The container's checksum.
        found: String,
        /// The published checksum.
        expected: String,
    },
    /// Another file that the manifest knows.
    Alternative {
        /// Its name.
        name: String,
        /// How it differs, in the manifest's words.
        note: String,
    },
    /// Nobody published a checksum.
    Unpublished {
        /// Its SHA-256.
        sha256: String,
        /// Whether that is the same as at the first download.
        pinned: bool,
    },
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published => f.write_str("checksums as published"),
            Self::Differing(differences) => {
                for (i, difference) in differences.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "; " };
                    write!(f, "{separator}{difference}")?;
                }
                Ok(())
            }
            Self::Counted { found, expected } if found == expected => write!(f, "all {found} pictures"),
            Self::Counted { found, expected } => write!(f, "{found} of {expected} pictures"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = &self.file;
        match &self.how {
            How::PackedAgain { found, .. } => {
                write!(f, "{file}: content as published, packed again ({found})")
            }
            How::Alternative { name, note } if name == file => write!(f, "{file}: {note}"),
            How::Alternative { name, note } => write!(f, "{name} in place of {file}: {note}"),
            How::Unpublished { pinned: true, .. } => {
                write!(f, "{file}: the same as at the first download; no checksum was published")
            }
            How::Unpublished { sha256, pinned: false } => {
                write!(f, "{file}: no checksum was published; sha256 {sha256}")
            }
        }
    }
}

/// Checks one file against its entry in a manifest; `None` means exactly as published.
///
/// The file may be the published archive, the same payload packed again, the plain payload (told apart by the
/// first bytes, not by the name), or one of the manifest's alternatives. Never more than the manifest's payload size
/// is unpacked.
///
/// # Errors
/// [`Error::WrongContent`] when it is a folder, pipe or device, or when size, packing or checksum differ;
/// [`Error::Io`] when it cannot be read.
pub fn verify(path: &Path, file: &File) -> Result<Option<Difference>> {
    verify_pinned(path, file, &Pins::default())
}

/// The same, where the file may have been pinned.
pub(crate) fn verify_pinned(path: &Path, file: &File, pins: &Pins) -> Result<Option<Difference>> {
    verify_watched(path, file, pins, &|_| {})
}

/// The same, telling `progress` how far it is where that takes a while.
pub(crate) fn verify_shown(
    path: &Path,
    file: &File,
    pins: &Pins,
    progress: &mut dyn Progress,
) -> Result<Option<Difference>> {
    let length = path.metadata().map_or(0, |metadata| metadata.len());
    if length < LARGE {
        return verify_pinned(path, file, pins);
    }
    let progress = RefCell::new(progress);
    verify_watched(path, file, pins, &|read| progress.borrow_mut().advance(&file.name, read, length))
}

/// The same; `watch` is told how many bytes of the file have been read.
fn verify_watched(path: &Path, file: &File, pins: &Pins, watch: &dyn Fn(u64)) -> Result<Option<Difference>> {
    let length = length_of_regular(path)?;
    let mut plain = open(path, watch)?;
    let first = plain.fill_buf().map_err(Error::io(path, "cannot read"))?;
    let difference = |how| Some(Difference { file: file.name.clone(), how });
    if let Some(payload) = &file.payload {
        let content = payload.checksums();
        if !first.starts_with(&GZIP_MAGIC) {
            accept(path, &content, &whole(path, plain, content.start(), length, payload.size)?)?;
            return Ok(None);
        }
        let container = file.container();
        let found = packed(path, plain, &container, &content, payload.size)?;
        let (found, expected) = match container.accept(&found) {
            true => return Ok(None),
            false => (found.to_string(), container.to_string()),
        };
        return Ok(difference(How::PackedAgain { found, expected }));
    }
    let begins = first.starts_with(&file.first_bytes());
    let mut answer = Err(wrong(path, format!("{length} bytes"), file.length_in_words()));
    // Before the published file, which without a size and a checksum could be almost anything.
    for other in file.alternatives.iter().filter(|other| other.size == length) {
        let sum = whole(path, open(path, watch)?, other.checksums().start(), length, length)?;
        if other.checksums().accept(&sum) {
            let (name, note) = (other.name.clone(), other.note.clone());
            return Ok(difference(How::Alternative { name, note }));
        }
        answer = Err(wrong(path, sum.to_string(), other.checksums().to_string()));
    }
    if file.fits(length) {
        answer = published(path, plain, file, length, begins, pins);
    }
    Ok(answer?.and_then(difference))
}

/// The file itself, where its length fits.
fn published(
    path: &Path,
    reader: impl Read,
    file: &File,
    length: u64,
    begins: bool,
    pins: &Pins,
) -> Result<Option<How>> {
    let container = file.container();
    if !file.pin {
        accept(path, &container, &whole(path, reader, container.start(), length, length)?)?;
        return Ok(None);
    }
    if !begins {
        let expected = "the beginning of a file of this kind".to_owned();
        return Err(wrong(path, "other content".to_owned(), expected));
    }
    let sha256 = whole(path, reader, Summing::sha256(), length, length)?.digits();
    let pinned = pins
        .check(&file.name, &sha256)
        .map_err(|expected| wrong(path, format!("sha256 {sha256}"), expected))?;
    Ok(Some(How::Unpublished { sha256, pinned }))
}

/// Checks what is inside a gzip archive, and gives back the archive's own sum.
fn packed(
    path: &Path,
    reader: impl Read,
    container: &Checksums,
    content: &Checksums,
    size: u64,
) -> Result<Sum> {
    let outer = SummingReader::new(reader, container.start());
    let mut archive = BufReader::with_capacity(BUFFER, outer);
    let mut inner = SummingReader::new(MultiGzDecoder::new(&mut archive), content.start());
    check_length(path, &mut inner, size, "unpacked ")?;
    accept(path, content, &inner.finish())?;
    Ok(archive.into_inner().finish())
}

/// Whether a file is a gzip archive, by its first bytes.
pub(crate) fn is_gzip(path: &Path) -> Result<bool> {
    let mut reader = open(path, &|_| {})?;
    Ok(reader.fill_buf().map_err(Error::io(path, "cannot read"))?.starts_with(&GZIP_MAGIC))
}

fn accept(path: &Path, expected: &Checksums, sum: &Sum) -> Result<()> {
    if expected.accept(sum) { Ok(()) } else { Err(wrong(path, sum.to_string(), expected.to_string())) }
}

fn open<'a>(path: &Path, watch: &'a dyn Fn(u64)) -> Result<BufReader<Watched<'a>>> {
    let file = std::fs::File::open(path).map_err(Error::io(path, "cannot read"))?;
    Ok(BufReader::with_capacity(BUFFER, Watched { file, read: 0, watch }))
}

/// A file that tells how far it has been read.
struct Watched<'a> {
    file: std::fs::File,
    read: u64,
    watch: &'a dyn Fn(u64),
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        (self.watch)(self.read);
        Ok(count)
    }
}

/// Checks that `path` is byte for byte what a mirror should have served; where no checksum is published, gives back
/// the SHA-256.
pub(crate) fn verify_published(path: &Path, file: &File, pins: &Pins) -> Result<Option<String>> {
    let length = length_of_regular(path)?;
    if !file.fits(length) {
        return Err(wrong(path, format!("{length} bytes"), file.length_in_words()));
    }
    match verify_pinned(path, file, pins)?.map(|difference| difference.how) {
        None => Ok(None),
        Some(How::Unpublished { sha256, .. }) => Ok(Some(sha256)),
        Some(How::PackedAgain { found, expected }) => Err(wrong(path, found, expected)),
        Some(How::Alternative { note, .. }) => Err(wrong(path, note, format!("the published {}", file.name))),
    }
}

/// The length of a regular file or of one behind a link. Asked before opening: to open a pipe is to wait for a writer.
fn length_of_regular(path: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path, "cannot read"))?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let found = if metadata.is_dir() { "a folder" } else { "a pipe, socket or device" };
    Err(wrong(path, found.to_owned(), "a regular file".to_owned()))
}

fn whole(path: &Path, reader: impl Read, summing: Summing, length: u64, expected: u64) -> Result<Sum> {
    // Known before anything is read, so that a wrong file of many gigabytes costs nothing.
    if length != expected {
        return Err(wrong(path, format!("{length} bytes"), format!("{expected} bytes")));
    }
    let mut reader = SummingReader::new(reader, summing);
    check_length(path, &mut reader, expected, "")?;
    Ok(reader.finish())
}

/// Reads to the end, but never more than one byte beyond `expected`.
fn check_length(path: &Path, reader: &mut impl Read, expected: u64, what: &str) -> Result<()> {
    let copied = io::copy(&mut reader.take(expected.saturating_add(1)), &mut io::sink());
    let count = match copied {
        Ok(count) => count,
        // How the decompressor says that its input ends early or is none.
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            return Err(wrong(
                path,
                format!("truncated or damaged gzip data ({e})"),
                format!("{expected} bytes"),
            ));
        }
        Err(e) => return Err(Error::io(path, "cannot read")(e)),
    };
    match count {
        _ if count == expected => Ok(()),
        _ if count < expected => {
            Err(wrong(path, format!("only {count} {what}bytes"), format!("{expected} bytes")))
        }
        _ => Err(wrong(path, format!("more than {expected} {what}bytes"), format!("{expected} bytes"))),
    }
}

fn wrong(path: &Path, found: String, expected: String) -> Error {
    Error::WrongContent { path: path.to_owned(), found, expected }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    #[test]
    fn only_a_regular_file_is_opened() {
        let manifest = crate::Manifest::mnist().unwrap();
        let file = &manifest.files[0];
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::create_dir(place("folder")).unwrap();
        symlink("/dev/zero", place("device")).unwrap();
        assert!(Command::new("mkfifo").arg(place("pipe")).status().unwrap().success());
        symlink(place("pipe"), place("link")).unwrap();
        for (name, what) in [("folder", "a folder"), ("device", "device"), ("pipe", "pipe"), ("link", "pipe")]
        {
            for error in [
                verify(&place(name), file).err(),
                verify_published(&place(name), file, &Pins::default()).err(),
            ] {
                let Some(error @ Error::WrongContent { .. }) = error else { panic!("{name}: {error:?}") };
                let words = error.to_string();
                assert!(words.contains(what) && words.contains("expected a regular file"), "{words}");
            }
        }
        std::fs::write(place("empty"), "").unwrap();
        symlink(place("empty"), place("link to a file")).unwrap();
        let words = verify(&place("link to a file"), file).unwrap_err().to_string();
        assert!(words.contains("0 bytes"), "{words}");
    }

    #[test]
    fn an_absent_file_is_told_with_its_cause_once() {
        use std::error::Error as _;
        let manifest = crate::Manifest::mnist().unwrap();
        let error = verify(Path::new("/nowhere/at/all"), &manifest.files[0]).unwrap_err();
        assert!(error.to_string().contains("cannot read: ") && error.source().is_none(), "{error}");
    }
}
