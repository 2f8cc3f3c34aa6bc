//! Archives made on the fly, good ones and hostile ones.

// Each test file takes what it needs.
#![allow(dead_code, reason = "shared by several test files")]

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};
use zip::CompressionMethod;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A zip archive of these files; a name that ends in `/` is a folder.
pub(crate) fn zip<N: AsRef<str>, B: AsRef<[u8]>>(files: &[(N, B)]) -> Vec<u8> {
    zip_with(CompressionMethod::Deflated, files)
}

pub(crate) fn zip_with<N: AsRef<str>, B: AsRef<[u8]>>(
    method: CompressionMethod,
    files: &[(N, B)],
) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        writer.start_file(name.as_ref(), options).unwrap();
        writer.write_all(bytes.as_ref()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip archive with a symbolic link.
pub(crate) fn zip_with_link(name: &str, target: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink(name, target, SimpleFileOptions::default()).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Where the record of entry `n` in a zip's central directory begins.
fn record(zip: &[u8], n: usize) -> usize {
    let records = zip.windows(4).enumerate().filter(|(_, window)| *window == b"PK\x01\x02");
    records.map(|(position, _)| position).nth(n).unwrap()
}

/// Overwrites bytes of entry `n`'s record in the central directory.
pub(crate) fn patch_record(mut zip: Vec<u8>, n: usize, offset: usize, bytes: &[u8]) -> Vec<u8> {
    let start = record(&zip, n) + offset;
    zip[start..start + bytes.len()].copy_from_slice(bytes);
    zip
}

/// Replaces each occurrence of `from` by `to`, of the same length.
pub(crate) fn replace(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut found = false;
    for start in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[start..].starts_with(from) {
            bytes[start..start + to.len()].copy_from_slice(to);
            found = true;
        }
    }
    assert!(found);
    bytes
}

/// One entry of a tar archive, with any name and kind.
pub(crate) fn tar_entry(name: &[u8], kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let padding = content.len().next_multiple_of(512) - content.len();
    [header.as_bytes(), content, &vec![0; padding]].concat()
}

/// A tar archive of whole entries, in gzip.
pub(crate) fn tar_gz(entries: &[Vec<u8>]) -> Vec<u8> {
    gzip(&[entries.concat(), vec![0; 1024]].concat())
}

/// A tar.gz archive of files.
pub(crate) fn tar_gz_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, bytes) in files {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A picture as far as its markers go, different for each number.
pub(crate) fn picture(number: u64) -> Vec<u8> {
    let head = [0xff, 0xd8, 0xff, 0xda, 0, 2];
    [&head[..], format!("picture {number}").as_bytes(), &[0xff, 0xd9]].concat()
}
