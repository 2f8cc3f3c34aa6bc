//! Checksums of files for which nobody published one: written down at the first download, held to from then on.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::staging::{sync_folder, temporary_file};
use crate::{Error, Result};

const NAME: &str = ".pins.toml";
/// A pin takes about 100 bytes.
const LONGEST: u64 = 1 << 20;

/// The pins of one folder of a cache: file name to SHA-256.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    path: PathBuf,
    sums: BTreeMap<String, String>,
}

impl Pins {
    /// Reads the pins of `folder`; there are none where it has no file of them.
    ///
    /// # Errors
    /// [`Error::WrongContent`] for a damaged file: to pass it over would be to trust anything.
    pub(crate) fn of(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let mut bytes = Vec::new();
        match fs::File::open(&path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)) {
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(e) => return Err(Error::io(&path, "cannot read")(e)),
            Ok(_) => {}
        }
        match std::str::from_utf8(&bytes).ok().and_then(|text| toml::from_str(text).ok()) {
            Some(sums) => Ok(Self { path, sums }),
            None => Err(Error::WrongContent {
                path,
                found: "no list of checksums".to_owned(),
                expected: "lines like \"NAME\" = \"SHA-256\", written at the first download".to_owned(),
            }),
        }
    }

    /// Whether `name` is pinned, to `sum`.
    ///
    /// # Errors
    /// What was expected, where it is pinned to something else.
    pub(crate) fn check(&self, name: &str, sum: &str) -> Result<bool, String> {
        match self.sums.get(name) {
            None => Ok(false),
            Some(pinned) if pinned == sum => Ok(true),
            Some(pinned) => Err(format!(
                "sha256 {pinned} as at the first download (if the publisher has changed the file, remove its line from {})",
                self.path.display()
            )),
        }
    }

    /// Pins `name`, unless it is.
    pub(crate) fn add(&mut self, name: &str, sum: &str) -> Result<()> {
        if self.sums.contains_key(name) {
            return Ok(());
        }
        self.sums.insert(name.to_owned(), sum.to_owned());
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let text = toml::to_string(&self.sums).map_err(|e| io::Error::other(e.to_string()));
        let mut file = temporary_file(folder)?;
        let written = text.and_then(|text| {
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|e| e.error)
        });
        written.map_err(Error::io(&self.path, "cannot write"))?;
        sync_folder(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sum_holds() {
        let folder = tempfile::tempdir().unwrap();
        let mut pins = Pins::of(folder.path()).unwrap();
        assert_eq!(pins.check("a.h5", "12"), Ok(false));
        pins.add("a.h5", "12").unwrap();
        pins.add("b.zip", "34").unwrap();
        pins.add("a.h5", "56").unwrap();
        let pins = Pins::of(folder.path()).unwrap();
        assert_eq!(pins.check("a.h5", "12"), Ok(true));
        assert_eq!(pins.check("b.zip", "34"), Ok(true));
        let why = pins.check("a.h5", "56").unwrap_err();
        assert!(why.contains("12") && why.contains(NAME) && why.contains("remove its line"), "{why}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        for damaged in ["a.h5 = ", "\u{0}", "x = 1"] {
            fs::write(folder.path().join(NAME), damaged).unwrap();
            assert!(Pins::of(folder.path()).unwrap_err().to_string().contains(NAME));
        }
        fs::write(folder.path().join(NAME), [0xff, 0xfe]).unwrap();
        assert!(Pins::of(folder.path()).unwrap_err().to_string().contains(NAME));
    }
}
