//! Is this file the published one? Decided by streaming, with bounded memory.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::checksum::{Sum, Summing, SummingReader};
use crate::{Error, File, Result};

const BUFFER: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How far files agree with what was published. In either case the content is the published one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// Byte for byte what mirrors serve (or its plain payload).
    Published,
    /// The payload is the published one, packed in containers with other checksums.
    OtherContainer(Vec<OtherContainer>),
}

/// A container that holds the published payload but has another checksum, because it was packed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherContainer {
    /// Name of the file.
    pub file: String,
    /// Its checksum.
    pub found: String,
    /// The published checksum.
    pub expected: String,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published => f.write_str("checksums as published"),
            Self::OtherContainer(others) => {
                f.write_str("content as published, packed again: ")?;
                for (i, other) in others.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{} ({})", other.file, other.found)?;
                }
                Ok(())
            }
        }
    }
}

/// Checks one file against its entry in a manifest; `None` means exactly as published.
///
/// The file may be the published archive, the same payload packed again, or the plain payload (told apart by the
/// first bytes, not by the name). Never more than the manifest's payload size is unpacked.
///
/// # Errors
/// [`Error::WrongContent`] when it is a folder, pipe or device, or when size, packing or checksum differ;
/// [`Error::Io`] when it cannot be read.
pub fn verify(path: &Path, file: &File) -> Result<Option<OtherContainer>> {
    let read_error = || Error::io(path, "cannot read");
    let length = length_of_regular(path)?;
    let handle = std::fs::File::open(path).map_err(read_error())?;
    let mut plain = BufReader::with_capacity(BUFFER, handle);
    let packed = plain.fill_buf().map_err(read_error())?.starts_with(&GZIP_MAGIC);

    let container = file.container();
    match &file.payload {
        Some(payload) if packed => {
            let outer = SummingReader::new(plain, container.start());
            let mut archive = BufReader::with_capacity(BUFFER, outer);
            let content = payload.checksums();
            let mut inner = SummingReader::new(MultiGzDecoder::new(&mut archive), content.start());
            check_length(path, &mut inner, payload.size, "unpacked ")?;
            let sum = inner.finish();
            if !content.accept(&sum) {
                return Err(wrong(path, sum.to_string(), content.to_string()));
            }
            let found = archive.into_inner().finish();
            let matches = container.accept(&found);
            Ok((!matches).then(|| OtherContainer {
                file: file.name.clone(),
                found: found.to_string(),
                expected: container.to_string(),
            }))
        }
        Some(payload) => {
            let content = payload.checksums();
            let sum = whole(path, plain, content.start(), length, payload.size)?;
            if !content.accept(&sum) {
                return Err(wrong(path, sum.to_string(), content.to_string()));
            }
            Ok(None)
        }
        None => {
            let sum = whole(path, plain, container.start(), length, file.size)?;
            if !container.accept(&sum) {
                return Err(wrong(path, sum.to_string(), container.to_string()));
            }
            Ok(None)
        }
    }
}

/// Checks that `path` is byte for byte what a mirror should have served.
pub(crate) fn verify_published(path: &Path, file: &File) -> Result<()> {
    let length = length_of_regular(path)?;
    if length != file.size {
        return Err(wrong(path, format!("{length} bytes"), format!("{} bytes", file.size)));
    }
    match verify(path, file)? {
        Some(other) => Err(wrong(path, other.found, other.expected)),
        None => Ok(()),
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
            for error in [verify(&place(name), file).err(), verify_published(&place(name), file).err()] {
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
