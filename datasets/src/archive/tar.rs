//! Tar archives in gzip: read in one pass, metered as a stream. The records that carry long names are read here,
//! because their length is whatever the archive says.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use ::tar::{Archive, EntryType, PaxExtensions};
use flate2::bufread::MultiGzDecoder;

use super::names::Names;
use super::{BUFFER, Content, Entry, Spent, refuse};
use crate::Result;

/// Longest record about a following entry: names are shorter than 1,024 bytes, times and owners add some more.
const RECORD: u64 = 64 * 1024;

pub(super) fn visit(
    archive: &Path,
    file: File,
    spent: &mut Spent,
    visit: &mut dyn FnMut(Entry<'_>) -> Result<()>,
) -> Result<()> {
    let bad = |e: io::Error| refuse(archive, None, format!("is damaged ({e})"));
    let meter = Rc::new(RefCell::new(Meter { packed: 0, unpacked: 0, spent }));
    let packed = Packed { inner: file, meter: Rc::clone(&meter) };
    let unpacked = Unpacked {
        inner: MultiGzDecoder::new(BufReader::with_capacity(BUFFER, packed)),
        meter: Rc::clone(&meter),
    };
    let mut tar = Archive::new(unpacked);
    let mut names = Names::default();
    let mut long_name: Option<Vec<u8>> = None;
    for entry in tar.entries().map_err(bad)?.raw(true) {
        let mut entry = entry.map_err(bad)?;
        let size = entry.size();
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let mut name = record(&mut entry, size).map_err(bad)?;
                name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
                long_name = Some(name);
                continue;
            }
            EntryType::XHeader => {
                let pax = record(&mut entry, size).map_err(bad)?;
                for extension in PaxExtensions::new(&pax) {
                    let extension = extension.map_err(bad)?;
                    match extension.key_bytes() {
                        b"path" => long_name = Some(extension.value_bytes().to_vec()),
                        // Readers disagree about which of two sizes holds, so that an archive can be two.
                        b"size" => {
                            let why = "has an entry with two sizes".to_owned();
                            return Err(refuse(archive, None, why));
                        }
                        _ => {}
                    }
                }
                continue;
            }
            EntryType::XGlobalHeader => continue,
            _ => {}
        }
        let raw = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let why = |why: String| refuse(archive, Some(&String::from_utf8_lossy(&raw)), why);
        let kind = entry.header().entry_type();
        let Ok(raw_name) = std::str::from_utf8(&raw) else {
            return Err(why("is not named in UTF-8".to_owned()));
        };
        meter.borrow_mut().spent.entry().map_err(why)?;
        // Old archives mark a folder by its name only.
        let folder = kind.is_dir() || (kind.is_file() && raw_name.ends_with('/'));
        if !(folder || kind.is_file()) {
            return Err(why(
                "is a link, a device, or something else that is neither file nor folder".to_owned()
            ));
        }
        if folder && size > 0 {
            return Err(why("is a folder with content".to_owned()));
        }
        let name = names.add(raw_name, folder).map_err(why)?;
        let raw = raw_name.to_owned();
        let content = Content { archive, entry: raw, reader: &mut entry, size, metered: None };
        visit(Entry { name, content: (!folder).then_some(content) })?;
    }
    if long_name.is_some() {
        return Err(refuse(archive, None, "is damaged (the last name has no entry)".to_owned()));
    }
    // To the end, where the checksum of gzip stands.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map(drop).map_err(bad)
}

/// A record about the next entry.
fn record(reader: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    if size > RECORD {
        return Err(io::Error::other(format!("a name of {size} bytes")));
    }
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Bytes before and behind the decompressor.
struct Meter<'a> {
    packed: u64,
    unpacked: u64,
    spent: &'a mut Spent,
}

struct Packed<'a, R> {
    inner: R,
    meter: Rc<RefCell<Meter<'a>>>,
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.meter.borrow_mut().packed += count as u64;
        Ok(count)
    }
}

struct Unpacked<'a, R> {
    inner: R,
    meter: Rc<RefCell<Meter<'a>>>,
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let meter = &mut *self.meter.borrow_mut();
        meter.unpacked += count as u64;
        meter.spent.unpacked(count as u64, meter.unpacked, meter.packed).map_err(io::Error::other)?;
        Ok(count)
    }
}
