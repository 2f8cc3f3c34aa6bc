//! Zip archives: the directory at the end is read first, within a bound, then each entry where it lies.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use ::zip::ZipArchive;
use ::zip::result::ZipError;

use super::names::Names;
use super::{Content, Entry, Spent, refuse};
use crate::Result;

/// Bytes of the directory per entry that is allowed; 25,000 photographs take about 100 each.
const PER_ENTRY: u64 = 400;
/// The file type in a Unix mode, and the two types that are welcome.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

pub(super) fn visit(
    archive: &Path,
    file: File,
    spent: &mut Spent,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<()>,
) -> Result<()> {
    let bad = |e: ZipError| refuse(archive, None, format!("is damaged ({e})"));
    // The directory is kept in memory, so a directory of gigabytes must not be read to its end.
    let left = Rc::new(Cell::new(spent.bounds.entries.saturating_mul(PER_ENTRY).max(1 << 20)));
    let mut zip = ZipArchive::new(BufReader::new(Rationed { file, left: Rc::clone(&left) })).map_err(bad)?;
    left.set(u64::MAX);
    if zip.has_duplicate_names() {
        return Err(refuse(archive, None, "has an entry that occurs twice".to_owned()));
    }
    if zip.has_overlapping_entries().map_err(bad)? {
        return Err(refuse(archive, None, "has entries that overlap, as a bomb has".to_owned()));
    }
    let mut names = Names::default();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(bad)?;
        let raw = entry.name().map_err(bad)?.into_owned();
        let why = |why: String| refuse(archive, Some(&raw), why);
        spent.entry().map_err(why)?;
        let folder = entry.is_dir();
        let kind = entry.unix_mode().unwrap_or(0) & TYPE;
        if ![0, if folder { FOLDER } else { REGULAR }].contains(&kind) {
            return Err(why(
                "is a link, a device, or something else that is neither file nor folder".to_owned()
            ));
        }
        let name = names.add(&raw, folder).map_err(why)?;
        let (size, packed) = (entry.size(), entry.compressed_size());
        let reader: &mut dyn Read = &mut entry;
        let content = Content { archive, entry: raw, reader, size, metered: Some((packed, spent)) };
        visit(Entry { name, content: (!folder).then_some(content) })?;
    }
    Ok(())
}

/// A file of which only so many bytes may be read.
struct Rationed {
    file: File,
    left: Rc<Cell<u64>>,
}

impl Read for Rationed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let left = self.left.get().checked_sub(count as u64);
        self.left.set(left.ok_or_else(|| io::Error::other("its directory is too large"))?);
        Ok(count)
    }
}

impl Seek for Rationed {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
