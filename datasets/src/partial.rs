//! The unfinished file of a download and what is known about where it came from.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::staging::sync_folder;
use crate::{Error, File, Result};

/// `NAME.part`, beside `NAME.part.toml`, which says what the bytes are the beginning of.
pub(crate) struct Partial {
    bytes: PathBuf,
    origin: PathBuf,
}

/// What the bytes of a partial file are the beginning of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartOrigin {
    pub(crate) url: String,
    /// The server's name for this version of the file, where it gave one.
    pub(crate) etag: Option<String>,
    pub(crate) size: u64,
}

impl Partial {
    pub(crate) fn beside(target: &Path) -> Self {
        let with = |suffix: &str| {
            let mut name = target.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        Self { bytes: with(".part"), origin: with(".part.toml") }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.bytes
    }

    /// How many bytes can be kept of an earlier attempt at `url`, and the version they belong to.
    pub(crate) fn resumable(&self, url: &str, file: &File) -> Option<(u64, PartOrigin)> {
        let length = fs::metadata(&self.bytes).ok()?.len();
        let origin: PartOrigin = toml::from_str(&fs::read_to_string(&self.origin).ok()?).ok()?;
        let same = origin.url == url && file.fits(origin.size) && (1..=origin.size).contains(&length);
        same.then_some((length, origin))
    }

    /// Starts anew. The origin is written while the file is empty, so that bytes never lie beside a wrong origin.
    pub(crate) fn restart(&self, origin: &PartOrigin) -> Result<fs::File> {
        self.discard()?;
        let file = fs::File::create(&self.bytes).map_err(Error::io(&self.bytes, "cannot create"))?;
        let text = toml::to_string(origin).map_err(|e| io::Error::other(e.to_string()));
        text.and_then(|text| fs::write(&self.origin, text))
            .map_err(Error::io(&self.origin, "cannot write"))?;
        Ok(file)
    }

    /// Opens the file to go on at its end.
    pub(crate) fn append(&self) -> Result<fs::File> {
        OpenOptions::new().append(true).open(&self.bytes).map_err(Error::io(&self.bytes, "cannot open"))
    }

    /// Removes everything.
    pub(crate) fn discard(&self) -> Result<()> {
        for path in [&self.bytes, &self.origin] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io(path, "cannot remove")(e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives the finished, verified file its final name.
    pub(crate) fn finish(&self, target: &Path) -> Result<()> {
        let file = self.append()?;
        file.sync_all().map_err(Error::io(&self.bytes, "cannot write to the disk"))?;
        drop(file);
        fs::rename(&self.bytes, target)
            .map_err(Error::io(target, "cannot rename the finished file to this name"))?;
        sync_folder(target.parent().unwrap_or(Path::new(".")))?;
        match fs::remove_file(&self.origin) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(&self.origin, "cannot remove")(e)),
            _ => Ok(()),
        }
    }
}
