//! What a data set consists of, read from TOML.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{Checksums, Error, Result};

const EMBEDDED: [(&str, &str); 1] = [("mnist", include_str!("../manifests/mnist.toml"))];

/// One data set: its files, where they can be had, and under which terms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// Short name, as used on the command line.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Folder of the files below a data folder or the cache.
    pub folder: String,
    /// Licence as stated by the publisher.
    pub licence: String,
    /// Where the data set is described.
    pub homepage: String,
    /// What to cite.
    pub citation: String,
    /// Addresses that end in `/`; a file's name is put behind. `https`, or `http` on this computer.
    pub mirrors: Vec<String>,
    /// The files, in a fixed order.
    pub files: Vec<File>,
}

/// One file of a data set, as mirrors serve it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct File {
    /// File name, without folders.
    pub name: String,
    /// Bytes of the published file.
    pub size: u64,
    /// SHA-256 sums of all published versions.
    #[serde(default)]
    sha256: Vec<String>,
    /// MD5 sums of all published versions.
    #[serde(default)]
    md5: Vec<String>,
    /// What is inside, where the file is a gzip archive.
    pub payload: Option<Payload>,
}

/// The uncompressed content of a gzip archive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Payload {
    /// File name of the uncompressed file, without folders; accepted in place of the archive.
    pub name: String,
    /// Bytes, uncompressed.
    pub size: u64,
    /// Accepted SHA-256 sums.
    #[serde(default)]
    sha256: Vec<String>,
    /// Accepted MD5 sums.
    #[serde(default)]
    md5: Vec<String>,
}

impl Manifest {
    /// The names of all embedded manifests.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// The embedded manifest called `name`.
    ///
    /// # Errors
    /// [`Error::UnknownName`], which lists the known names.
    pub fn named(name: &str) -> Result<Self> {
        let text =
            EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
                Error::UnknownName {
                    name: name.to_owned(),
                    known: Self::names().collect::<Vec<_>>().join(", "),
                }
            })?;
        Self::parse(text)
    }

    /// The handwritten digits of section 5.1.
    ///
    /// # Errors
    /// None in a released build: the embedded manifest is parsed by the tests.
    pub fn mnist() -> Result<Self> {
        Self::named("mnist")
    }

    /// Reads and checks a manifest of one's own.
    ///
    /// # Errors
    /// [`Error::Manifest`] for bad TOML, a name that is no plain file name, a mirror without encryption, a
    /// malformed checksum or a file that nothing could verify.
    pub fn parse(text: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text).map_err(|e| Error::Manifest {
            name: "(unread)".to_owned(),
            why: e.to_string().trim().to_owned(),
        })?;
        manifest
            .check()
            .map(|()| manifest.clone())
            .map_err(|why| Error::Manifest { name: manifest.name.clone(), why })
    }

    /// Bytes of all files as published.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// One SHA-256 sum that stands for the content of the whole data set, whatever its packing: equal for two
    /// computers that verified the same files.
    pub fn fingerprint(&self) -> String {
        let mut parts = String::new();
        for file in &self.files {
            parts += &file.content().to_string();
            parts.push('\n');
        }
        Checksums::sha256_of(parts.as_bytes())
    }

    fn check(&self) -> Result<(), String> {
        plain_name(&self.folder)?;
        if self.files.is_empty() {
            return Err("lists no files".to_owned());
        }
        for mirror in &self.mirrors {
            let local =
                ["http://127.0.0.1:", "http://[::1]:"].iter().any(|prefix| mirror.starts_with(prefix));
            if !(mirror.starts_with("https://") || local) || !mirror.ends_with('/') {
                return Err(format!("mirror {mirror:?} must begin with https:// and end with /"));
            }
        }
        let mut names = BTreeSet::new();
        for file in &self.files {
            plain_name(&file.name)?;
            file.container().check().map_err(|why| format!("{}: {why}", file.name))?;
            let mut file_names = vec![&file.name];
            if let Some(payload) = &file.payload {
                plain_name(&payload.name)?;
                payload.checksums().check().map_err(|why| format!("{}: {why}", payload.name))?;
                file_names.push(&payload.name);
            }
            // Without one for the content, anything at all would pass as the published file packed again.
            if file.content().is_empty() {
                return Err(format!("{} has no checksum of its content", file.name));
            }
            if let Some(twice) = file_names.into_iter().find(|name| !names.insert(*name)) {
                return Err(format!("the name {twice:?} occurs twice"));
            }
        }
        Ok(())
    }
}

impl File {
    /// Checksums of the file itself, in every published packing.
    pub fn container(&self) -> Checksums {
        Checksums { sha256: self.sha256.clone(), md5: self.md5.clone() }
    }

    /// Checksums of what counts: the payload where there is one, else the file.
    pub(crate) fn content(&self) -> Checksums {
        self.payload.as_ref().map_or_else(|| self.container(), Payload::checksums)
    }
}

impl Payload {
    /// Checksums of the uncompressed bytes.
    pub fn checksums(&self) -> Checksums {
        Checksums { sha256: self.sha256.clone(), md5: self.md5.clone() }
    }
}

fn plain_name(name: &str) -> Result<(), String> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(harmless) {
        return Err(format!("{name:?} is no plain file name (ASCII letters, digits, - _ .)"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        name = "tiny"
        title = "t"
        folder = "tiny"
        licence = "l"
        homepage = "h"
        citation = "c"
        mirrors = ["https://example.org/"]
        [[files]]
        name = "a.gz"
        size = 10
        md5 = ["d41d8cd98f00b204e9800998ecf8427e"]
        [files.payload]
        name = "a"
        size = 20
        md5 = ["900150983cd24fb0d6963f7d28e17f72"]
    "#;

    #[test]
    fn every_embedded_manifest_is_sound() {
        for name in Manifest::names() {
            let manifest = Manifest::named(name).unwrap();
            assert_eq!(manifest.name, name);
            assert!(manifest.mirrors.iter().all(|mirror| mirror.starts_with("https://")));
        }
        assert_eq!(Manifest::mnist().unwrap().size(), 11_594_722);
        assert_eq!(Manifest::mnist().unwrap().fingerprint().len(), 64);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = Manifest::named("mnits").unwrap_err().to_string();
        assert!(message.contains("mnits") && message.contains("mnist"), "{message}");
    }

    #[test]
    fn mistakes_are_named() {
        Manifest::parse(GOOD).unwrap();
        for (from, to, expected) in [
            ("name = \"a\"", "name = \"../a\"", "plain file name"),
            ("name = \"a\"", "name = \"a.gz\"", "twice"),
            ("folder = \"tiny\"", "folder = \"..\"", "plain file name"),
            ("https://example.org/", "http://example.org/", "https://"),
            ("https://example.org/", "https://example.org", "end with /"),
            ("https://example.org/", "http://127.0.0.1.evil.example/", "https://"),
            ("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd9", "32"),
            ("md5 = [\"900150983cd24fb0d6963f7d28e17f72\"]", "", "no checksum"),
            ("title = \"t\"", "", "title"),
            ("title = \"t\"", "title = \"t\"\nsurprise = 1", "surprise"),
        ] {
            let changed = GOOD.replacen(from, to, 1);
            assert_ne!(changed, GOOD);
            let message = Manifest::parse(&changed).unwrap_err().to_string();
            assert!(message.contains(expected), "{to}: {message}");
        }
    }
}
