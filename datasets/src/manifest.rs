//! What a data set consists of, read from TOML.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::file::plain_name;
use crate::{Error, File, Layout, Result};

const EMBEDDED: [(&str, &str); 9] = [
    ("mnist", include_str!("../manifests/mnist.toml")),
    ("cats_and_dogs", include_str!("../manifests/cats_and_dogs.toml")),
    ("vgg16_notop", include_str!("../manifests/vgg16_notop.toml")),
    ("vgg16", include_str!("../manifests/vgg16.toml")),
    ("mobilenet", include_str!("../manifests/mobilenet.toml")),
    ("mobilenet_0_25_128", include_str!("../manifests/mobilenet_0_25_128.toml")),
    ("efficientnet_lite0", include_str!("../manifests/efficientnet_lite0.toml")),
    ("imagenet_class_index", include_str!("../manifests/imagenet_class_index.toml")),
    ("creative_commons_elephant", include_str!("../manifests/creative_commons_elephant.toml")),
];

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
    /// How pictures of an archive become folders, where the files are not used as they are.
    pub layout: Option<Layout>,
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

    /// Photographs of cats and dogs, section 5.2.
    ///
    /// # Errors
    /// None in a released build, as [`Manifest::mnist`].
    pub fn cats_and_dogs() -> Result<Self> {
        Self::named("cats_and_dogs")
    }

    /// Bytes of all files as published; where a size is unknown, the most that it can be.
    pub fn size(&self) -> u64 {
        self.files.iter().map(File::largest).sum()
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
            file.check()?;
            let payload = file.payload.as_ref().map(|payload| &payload.name);
            if let Some(twice) = [&file.name].into_iter().chain(payload).find(|name| !names.insert(*name)) {
                return Err(format!("the name {twice:?} occurs twice"));
            }
        }
        match &self.layout {
            Some(_) if self.files.len() != 1 => {
                Err("a layout is cut from one archive, so there must be one file".to_owned())
            }
            Some(layout) => layout.check(),
            None => Ok(()),
        }
    }
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
            let has_none = ["efficientnet_lite0", "creative_commons_elephant"].contains(&name);
            assert_eq!(manifest.mirrors.is_empty(), has_none);
        }
        let folders: BTreeSet<String> =
            Manifest::names().map(|name| Manifest::named(name).unwrap().folder).collect();
        assert_eq!(
            folders.into_iter().collect::<Vec<_>>(),
            ["cats_and_dogs_small", "images", "mnist", "weights"]
        );
        assert_eq!(Manifest::mnist().unwrap().size(), 11_594_722);
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
            ("size = 10", "", "at_most"),
            ("size = 10", "size = 10\nat_most = 11", "at_most"),
            ("size = 10", "size = 10\npin = true", "pin"),
            ("size = 10", "size = 10\nbegins = \"xy\"", "hexadecimal"),
            ("size = 10", "size = 10\nbegins = \"1\"", "hexadecimal"),
        ] {
            let changed = GOOD.replacen(from, to, 1);
            assert_ne!(changed, GOOD);
            let message = Manifest::parse(&changed).unwrap_err().to_string();
            assert!(message.contains(expected), "{to}: {message}");
        }
        let alternative = "[[files.alternatives]]\nname = \"b\"\nsize = 1\nnote = \"n\"\nsha256 = []";
        let message = Manifest::parse(&format!("{GOOD}{alternative}")).unwrap_err().to_string();
        assert!(message.contains("neither `pin` nor alternatives"), "{message}");
        let bare = GOOD.split("[files.payload]").next().unwrap();
        let message = Manifest::parse(&format!("{bare}{alternative}")).unwrap_err().to_string();
        assert!(message.contains("alternative b has no checksum"), "{message}");
    }
}
