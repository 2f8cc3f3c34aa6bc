//! Walks through zip and tar.gz archives that may be hostile, entry by entry, without keeping them in memory.

mod names;
mod tar;
mod zip;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::{Error, Result};

const BUFFER: usize = 64 * 1024;
/// What may come out of an entry before its ratio is looked at: small files of zeros are harmless.
const SMALL: u64 = 1 << 20;

/// How much an archive may hold before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Unpacked bytes of all entries together.
    pub bytes: u64,
    /// Entries, folders included.
    pub entries: u64,
    /// Unpacked bytes per packed byte, beyond the first MiB. Photographs stay near 1, text below 20; deflate ends
    /// at 1032.
    pub ratio: u64,
}

impl Default for Bounds {
    /// 8 GiB in 100,000 entries, 200 times the archive.
    fn default() -> Self {
        Self { bytes: 8 << 30, entries: 100_000, ratio: 200 }
    }
}

/// What has been taken so far; shared between an archive and one inside it.
pub(crate) struct Spent {
    bounds: Bounds,
    bytes: u64,
    entries: u64,
}

impl Spent {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, bytes: 0, entries: 0 }
    }

    fn entry(&mut self) -> Result<(), String> {
        self.entries += 1;
        if self.entries > self.bounds.entries {
            return Err(format!("there are more than {} entries", self.bounds.entries));
        }
        Ok(())
    }

    /// Counts `more` unpacked bytes of a stream whose `packed` bytes have given `unpacked` so far.
    fn unpacked(&mut self, more: u64, unpacked: u64, packed: u64) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > self.bounds.bytes {
            return Err(format!("more than {} bytes come out", self.bounds.bytes));
        }
        if unpacked > SMALL.max(packed.saturating_mul(self.bounds.ratio)) {
            return Err(format!("it swells to more than {} times its size", self.bounds.ratio));
        }
        Ok(())
    }
}

/// One entry of an archive: a folder, or a file with its content.
pub(crate) struct Entry<'a> {
    /// A path with `/` that leads below the target on every system; empty for the archive's root.
    pub(crate) name: String,
    /// `None` for a folder.
    pub(crate) content: Option<Content<'a>>,
}

/// The content of an entry, read once.
pub(crate) struct Content<'a> {
    archive: &'a Path,
    entry: String,
    reader: &'a mut dyn Read,
    /// What the archive says about the unpacked size.
    pub(crate) size: u64,
    /// Packed bytes, and the account to put what comes out on; `None` where the stream around is metered.
    metered: Option<(u64, &'a mut Spent)>,
}

impl Content<'_> {
    /// Hands the bytes over piece by piece.
    ///
    /// # Errors
    /// [`Error::Archive`] when they cannot be unpacked, are not as many as announced or fail their checksum, and
    /// whatever `sink` answers.
    pub(crate) fn read(mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        let mut count = 0;
        loop {
            let n = match self.reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.refuse(format!("cannot be unpacked ({e})"))),
            };
            count += n as u64;
            if count > self.size {
                return Err(self.refuse(format!("holds more than the announced {} bytes", self.size)));
            }
            if let Some((packed, spent)) = &mut self.metered
                && let Err(why) = spent.unpacked(n as u64, count, *packed)
            {
                return Err(self.refuse(why));
            }
            sink(&buffer[..n])?;
        }
        if count < self.size {
            return Err(self.refuse(format!("ends after {count} of {} bytes", self.size)));
        }
        Ok(())
    }

    fn refuse(&self, why: String) -> Error {
        refuse(self.archive, Some(&self.entry), why)
    }
}

/// Calls `visit` for each entry of a zip or tar.gz archive, told apart by their first bytes.
///
/// # Errors
/// [`Error::Archive`] for a file that is no such archive, is damaged, exceeds its bounds, or has an entry that leads
/// outside, occurs twice or is neither file nor folder; [`Error::Io`] when it cannot be opened; and what `visit`
/// answers.
pub(crate) fn visit(
    archive: &Path,
    spent: &mut Spent,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<()>,
) -> Result<()> {
    let metadata = fs::metadata(archive).map_err(Error::io(archive, "cannot read"))?;
    if !metadata.is_file() {
        return Err(refuse(archive, None, "is no regular file".to_owned()));
    }
    let mut file = fs::File::open(archive).map_err(Error::io(archive, "cannot read"))?;
    let mut magic = Vec::new();
    (&mut file).take(4).read_to_end(&mut magic).map_err(Error::io(archive, "cannot read"))?;
    io::Seek::rewind(&mut file).map_err(Error::io(archive, "cannot read"))?;
    match magic.as_slice() {
        b"PK\x03\x04" | b"PK\x05\x06" => zip::visit(archive, file, spent, visit),
        [0x1f, 0x8b, ..] => tar::visit(archive, file, spent, visit),
        _ => Err(refuse(archive, None, "is neither a zip nor a tar.gz archive".to_owned())),
    }
}

fn refuse(archive: &Path, entry: Option<&str>, why: String) -> Error {
    let why = entry.map_or_else(|| why.clone(), |entry| format!("entry {entry:?} {why}"));
    Error::Archive { path: archive.to_owned(), why }
}
