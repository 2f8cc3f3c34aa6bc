//! Folders of pictures cut from a larger set: which picture goes where, and whether such a tree is complete.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::file::plain_name;
use crate::{Error, Result, jpeg};

/// Of 1,000 pictures in a folder at least this many must be there: a few may have been corrupt.
const AT_LEAST: u64 = 900;

/// How numbered pictures of each class are divided into parts: `train/cats/cat.0.jpg` and so on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Layout {
    /// Bytes of all pictures, about.
    pub bytes: u64,
    /// The parts, as training and test.
    pub parts: Vec<Part>,
    /// The classes, each in every part.
    pub classes: Vec<Class>,
}

/// A part of the set: a range of numbers of every class.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Part {
    /// Its folder.
    pub folder: String,
    /// The number of its first picture.
    pub first: u64,
    /// How many pictures it has of each class.
    pub count: u64,
}

/// One class of pictures.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Class {
    /// Its folder within each part.
    pub folder: String,
    /// `cat` in `cat.12.jpg`.
    pub prefix: String,
    /// The folder of its pictures in the published archive: `Cat` in `PetImages/Cat/12.jpg`.
    pub archive: String,
}

/// How many pictures a tree holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) found: u64,
    pub(crate) expected: u64,
}

impl Layout {
    /// Pictures in all.
    pub fn pictures(&self) -> u64 {
        self.parts.iter().map(|part| part.count * self.classes.len() as u64).sum()
    }

    /// The folders of pictures below the set's own folder, part by part, and how many pictures belong there.
    pub(crate) fn folders<'a>(&'a self, root: &'a Path) -> impl Iterator<Item = (PathBuf, u64)> + 'a {
        self.parts.iter().flat_map(move |part| {
            let folder = root.join(&part.folder);
            self.classes.iter().map(move |class| (folder.join(&class.folder), part.count))
        })
    }

    /// Where a picture called `path` (with `/`) belongs, as `train/cats/cat.0.jpg`: told by `Cat/0.jpg` or
    /// `cat.0.jpg` at its end. `None` for all that the layout does not take.
    pub(crate) fn place(&self, path: &str) -> Option<String> {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = folders.rsplit('/').next().unwrap_or_default();
        let stem = name.strip_suffix(".jpg")?;
        let (class, digits) = self.classes.iter().find_map(|class| {
            let numbered = stem.strip_prefix(&class.prefix).and_then(|rest| rest.strip_prefix('.'));
            let bare = (parent == class.archive).then_some(stem);
            numbered.or(bare).map(|digits| (class, digits))
        })?;
        let number: u64 = digits.parse().ok()?;
        // `+1` and `007` are numbers to the parser, and would stand for a picture a second time.
        if number.to_string() != digits {
            return None;
        }
        let part =
            self.parts.iter().find(|part| number.checked_sub(part.first).is_some_and(|n| n < part.count))?;
        Some(format!("{}/{}/{}.{number}.jpg", part.folder, class.folder, class.prefix))
    }

    /// Counts the pictures of the tree at `root`; `None` where none of its folders exists.
    ///
    /// # Errors
    /// [`Error::WrongContent`] when a folder holds too few pictures, or more than belong there.
    pub(crate) fn count(&self, root: &Path) -> Result<Option<Counted>> {
        if !self.folders(root).any(|(folder, _)| folder.is_dir()) {
            return Ok(None);
        }
        let mut counted = Counted { found: 0, expected: 0 };
        for (folder, expected) in self.folders(root) {
            let found = pictures_in(&folder)?.count() as u64;
            if found > expected || found * 1000 < expected * AT_LEAST {
                return Err(Error::WrongContent {
                    path: folder,
                    found: format!("{found} pictures (.jpg)"),
                    expected: format!("{expected}, or slightly fewer where some were corrupt"),
                });
            }
            counted = Counted { found: counted.found + found, expected: counted.expected + expected };
        }
        Ok(Some(counted))
    }

    /// How many pictures of the tree at `root` are whole JPEGs. They are read only where there are more than `few` of them
    /// by name; else that number is given back, which is enough to know. None where the tree is no complete one.
    ///
    /// # Errors
    /// [`Error::Io`] when a folder cannot be listed.
    pub(crate) fn whole(&self, root: &Path, few: u64) -> Result<u64> {
        let found = match self.count(root) {
            Ok(Some(counted)) => counted.found,
            Ok(None) | Err(_) => 0,
        };
        if found <= few {
            return Ok(found);
        }
        let mut whole = 0;
        for (folder, _) in self.folders(root) {
            let pictures = pictures_in(&folder)?;
            whole +=
                pictures.filter(|path| fs::read(path).is_ok_and(|b| jpeg::check(&b).is_ok())).count() as u64;
        }
        Ok(whole)
    }

    /// The places that nothing was taken for, in words: ranges of numbers, or how many of a folder whose pictures have names
    /// of their own. `has` says whether a place was taken, `taken` is all of them.
    pub(crate) fn absent<'a>(
        &self,
        has: impl Fn(&str) -> bool,
        taken: impl Iterator<Item = &'a String> + Clone,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        for (part, class) in
            self.parts.iter().flat_map(|part| self.classes.iter().map(move |class| (part, class)))
        {
            let folder = format!("{}/{}/", part.folder, class.folder);
            let name = |number: u64| format!("{}.{number}.jpg", class.prefix);
            let numbers = part.first..part.first + part.count;
            let lacking: Vec<u64> =
                numbers.filter(|&number| !has(&format!("{folder}{}", name(number)))).collect();
            let there = taken.clone().filter(|place| place.starts_with(&folder)).count() as u64;
            if there + lacking.len() as u64 > part.count {
                if there < part.count {
                    lines.push(format!("{} of the {} pictures of {folder}", part.count - there, part.count));
                }
                continue;
            }
            for range in lacking.chunk_by(|before, after| before + 1 == *after) {
                let first = format!("{folder}{}", name(range[0]));
                match range {
                    [_] => lines.push(first),
                    [.., last] => lines.push(format!("{first} to {}", name(*last))),
                    [] => {}
                }
            }
        }
        lines
    }

    /// Says what is wrong with this part of a manifest.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.parts.is_empty() || self.classes.is_empty() {
            return Err("a layout needs parts and classes".to_owned());
        }
        let mut folders = BTreeSet::new();
        let names = self.parts.iter().map(|part| &part.folder);
        for name in names.chain(self.classes.iter().map(|class| &class.folder)) {
            plain_name(name)?;
            if !folders.insert(name) {
                return Err(format!("the folder {name:?} occurs twice"));
            }
        }
        for class in &self.classes {
            plain_name(&class.prefix)?;
            plain_name(&class.archive)?;
        }
        let mut end = 0;
        for part in &self.parts {
            if part.first < end || part.count == 0 {
                return Err(format!("part {} is empty or overlaps the one before", part.folder));
            }
            end = part.first.checked_add(part.count).ok_or("a part ends nowhere")?;
        }
        // The bound keeps every sum of counts far from overflow.
        if end > 100_000_000 {
            return Err(format!("{end} pictures are too many"));
        }
        Ok(())
    }
}

/// The pictures in a folder: regular files (or links to one) called `.jpg` or `.jpeg` in any case and not hidden. A
/// folder that does not exist has none.
pub(crate) fn pictures_in(folder: &Path) -> Result<impl Iterator<Item = PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => Some(entries),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(Error::io(folder, "cannot list")(e)),
    };
    let picture = |path: &PathBuf| {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        !hidden && extension.is_some_and(|e| e == "jpg" || e == "jpeg") && path.is_file()
    };
    Ok(entries.into_iter().flatten().flatten().map(|entry| entry.path()).filter(picture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;

    fn layout() -> Layout {
        Manifest::cats_and_dogs().unwrap().layout.unwrap()
    }

    #[test]
    fn the_books_split_is_by_number() {
        let layout = layout();
        assert_eq!(layout.pictures(), 4_000);
        for (path, expected) in [
            ("PetImages/Cat/0.jpg", Some("train/cats/cat.0.jpg")),
            ("Dog/999.jpg", Some("train/dogs/dog.999.jpg")),
            ("train/cat.1000.jpg", Some("validation/cats/cat.1000.jpg")),
            ("dog.1499.jpg", Some("validation/dogs/dog.1499.jpg")),
            ("a/b/c/Cat/1500.jpg", Some("test/cats/cat.1500.jpg")),
            ("train/dogs/dog.1999.jpg", Some("test/dogs/dog.1999.jpg")),
            ("PetImages/Cat/2000.jpg", None),
            ("test1/1.jpg", None),
            ("PetImages/Cat/007.jpg", None),
            ("PetImages/Cat/+7.jpg", None),
            ("PetImages/Cat/-7.jpg", None),
            ("PetImages/Cat/99999999999999999999.jpg", None),
            ("PetImages/Cat/7.png", None),
            ("PetImages/Cat/.jpg", None),
            ("__MACOSX/PetImages/Cat/._7.jpg", None),
            ("PetImages/Cat/Thumbs.db", None),
            ("cat.7.jpg/x", None),
            ("", None),
        ] {
            assert_eq!(layout.place(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_tree_is_known_by_its_counts() {
        let mut layout = layout();
        layout.parts.iter_mut().for_each(|part| part.count = 20);
        let root = tempfile::tempdir().unwrap();
        assert_eq!(layout.count(root.path()).unwrap(), None);
        for (folder, count) in layout.folders(root.path()) {
            fs::create_dir_all(&folder).unwrap();
            (0..count).for_each(|n| fs::write(folder.join(format!("{n}.JPG")), "").unwrap());
            fs::write(folder.join(".hidden.jpg"), "").unwrap();
            fs::write(folder.join("notes.txt"), "").unwrap();
        }
        let counted = |layout: &Layout| layout.count(root.path());
        assert_eq!(counted(&layout).unwrap(), Some(Counted { found: 120, expected: 120 }));
        let cats = root.path().join("train/cats");
        fs::remove_file(cats.join("1.JPG")).unwrap();
        fs::remove_file(cats.join("2.JPG")).unwrap();
        assert_eq!(counted(&layout).unwrap(), Some(Counted { found: 118, expected: 120 }));
        fs::remove_file(cats.join("3.JPG")).unwrap();
        let words = counted(&layout).unwrap_err().to_string();
        assert!(words.contains("cats: 17 pictures") && words.contains("expected 20"), "{words}");
        (0..21).for_each(|n| fs::write(cats.join(format!("{n}.jpeg")), "").unwrap());
        let words = counted(&layout).unwrap_err().to_string();
        assert!(words.contains("38 pictures"), "{words}");
    }

    #[test]
    fn mistakes_of_a_layout_are_named() {
        let changed = |change: &dyn Fn(&mut Layout)| {
            let mut layout = layout();
            change(&mut layout);
            layout.check().unwrap_err()
        };
        layout().check().unwrap();
        assert!(changed(&|l| l.parts.clear()).contains("needs parts"));
        assert!(changed(&|l| l.parts[1].first = 999).contains("overlaps"));
        assert!(changed(&|l| l.parts[0].count = 0).contains("empty"));
        assert!(changed(&|l| l.parts[2].count = u64::MAX).contains("ends nowhere"));
        assert!(changed(&|l| l.parts[2].count = 1 << 40).contains("too many"));
        assert!(changed(&|l| l.classes[1].folder = "cats".into()).contains("twice"));
        assert!(changed(&|l| l.classes[1].folder = "..".into()).contains("plain file name"));
    }
}
