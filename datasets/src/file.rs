//! One file of a data set, as a manifest describes it.

use serde::Deserialize;

use crate::Checksums;

/// One file of a data set, as mirrors serve it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct File {
    /// File name, without folders.
    pub name: String,
    /// Bytes of the published file; `None` where nobody states them.
    pub size: Option<u64>,
    /// The most bytes that are taken where `size` is unknown.
    at_most: Option<u64>,
    /// SHA-256 sums of all published versions.
    #[serde(default)]
    sha256: Vec<String>,
    /// MD5 sums of all published versions.
    #[serde(default)]
    md5: Vec<String>,
    /// Whether no checksum was ever published: then the SHA-256 of the first download is written down beside the
    /// file and holds for all later ones.
    #[serde(default)]
    pub pin: bool,
    /// The first bytes, hexadecimal: the little that is known of a file without a checksum.
    #[serde(default)]
    begins: String,
    /// What is inside, where the file is a gzip archive.
    pub payload: Option<Payload>,
    /// Other files that serve in this one's place.
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
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

/// A known file that no mirror serves and that is accepted in place of the published one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Alternative {
    /// File name, without folders; it may be that of the published file.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Accepted SHA-256 sums.
    sha256: Vec<String>,
    /// How it differs from the published file.
    pub note: String,
}

impl File {
    /// Checksums of the file itself, in every published packing.
    pub fn container(&self) -> Checksums {
        Checksums { sha256: self.sha256.clone(), md5: self.md5.clone() }
    }

    /// Bytes of the published file, or the most that are taken where they are unknown.
    pub fn largest(&self) -> u64 {
        self.size.or(self.at_most).unwrap_or(0)
    }

    /// Whether a file of `length` bytes can be the published one.
    pub(crate) fn fits(&self, length: u64) -> bool {
        self.size.map_or(length <= self.largest(), |size| length == size)
    }

    /// Whether a file of `length` bytes can be this one, its payload or an alternative.
    pub(crate) fn may_have(&self, length: u64) -> bool {
        // Packed again, an archive may have any length.
        self.payload.is_some() || self.fits(length) || self.alternatives.iter().any(|a| a.size == length)
    }

    /// The lengths that [`File::fits`] and the alternatives accept, in words.
    pub(crate) fn length_in_words(&self) -> String {
        let published = match self.size {
            Some(size) => format!("{size} bytes"),
            None => format!("at most {} bytes", self.largest()),
        };
        self.alternatives.iter().fold(published, |text, other| format!("{text} or {} bytes", other.size))
    }

    /// Checksums of what counts: the payload where there is one, else the file.
    pub(crate) fn content(&self) -> Checksums {
        self.payload.as_ref().map_or_else(|| self.container(), Payload::checksums)
    }

    /// All names under which the file, its payload or an alternative may lie in a folder, the best first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let payload = self.payload.iter().map(|payload| payload.name.as_str());
        let others = self.alternatives.iter().map(|other| other.name.as_str());
        std::iter::once(self.name.as_str()).chain(payload).chain(others)
    }

    /// The first bytes of the published file, as far as they are known.
    pub(crate) fn first_bytes(&self) -> Vec<u8> {
        let digits = self.begins.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        digits.filter_map(byte).collect()
    }

    /// Says what is wrong with this entry of a manifest.
    pub(crate) fn check(&self) -> Result<(), String> {
        plain_name(&self.name)?;
        let named = |why: String| format!("{}: {why}", self.name);
        self.container().check().map_err(named)?;
        if self.size.is_some() == self.at_most.is_some() {
            return Err(named("needs `size`, or `at_most` where the size is unknown".to_owned()));
        }
        if 2 * self.first_bytes().len() != self.begins.len() {
            return Err(named(format!("begins = {:?} is not hexadecimal", self.begins)));
        }
        if let Some(payload) = &self.payload {
            plain_name(&payload.name)?;
            payload.checksums().check().map_err(|why| format!("{}: {why}", payload.name))?;
            if self.pin || !self.alternatives.is_empty() {
                return Err(named("a payload goes with neither `pin` nor alternatives".to_owned()));
            }
        }
        // Without one for the content, anything at all would pass as the published file packed again.
        if self.content().is_empty() != self.pin {
            return Err(named(
                "has no checksum of its content, which `pin = true` must say; or has both".to_owned(),
            ));
        }
        for other in &self.alternatives {
            plain_name(&other.name)?;
            other.checksums().check().map_err(|why| format!("{}: {why}", other.name))?;
            if other.sha256.is_empty() {
                return Err(format!("the alternative {} has no checksum", other.name));
            }
        }
        Ok(())
    }
}

impl Payload {
    /// Checksums of the uncompressed bytes.
    pub fn checksums(&self) -> Checksums {
        Checksums { sha256: self.sha256.clone(), md5: self.md5.clone() }
    }
}

impl Alternative {
    /// Accepted checksums.
    pub fn checksums(&self) -> Checksums {
        Checksums { sha256: self.sha256.clone(), md5: Vec::new() }
    }
}

pub(crate) fn plain_name(name: &str) -> Result<(), String> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(harmless) {
        return Err(format!("{name:?} is no plain file name (ASCII letters, digits, - _ .)"));
    }
    Ok(())
}
