//! What one should know of a folder before training on it.

use super::PictureFolder;
use std::fmt;
use std::path::PathBuf;

/// Something about a folder that its user should see: not an error, but perhaps a surprise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A class without a picture.
    EmptyClass(String),
    /// There is only this class: nothing to tell apart.
    OneClass(String),
    /// A folder that is none of the named classes.
    OtherClass(String),
    /// Pictures that lie beside the folders of classes.
    OutsideClasses(Passed),
    /// HEIC, HEIF and AVIF.
    Heif(Passed),
    /// The raw formats of cameras.
    Raw(Passed),
    /// Files that are no pictures by their extension.
    OtherFiles(Passed),
    /// Links that lead out of the folder, nowhere, or in a circle.
    Links(Passed),
}

/// Files that were passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// How many.
    pub count: usize,
    /// The first of them, relative to the folder.
    pub example: PathBuf,
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = if self.count == 1 { "file" } else { "files" };
        write!(f, "{} {files} passed over, such as {}", self.count, self.example.display())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::EmptyClass(class) => {
                write!(
                    f,
                    "class {class:?} has no picture: a model cannot learn it; add pictures or remove the class"
                )
            }
            Note::OneClass(class) => {
                write!(
                    f,
                    "{class:?} is the only class: there is nothing to tell apart; name the folder above it, or add a class"
                )
            }
            Note::OtherClass(class) => {
                write!(
                    f,
                    "folder {class:?} is none of the classes asked for, and was passed over; correct its name or the classes"
                )
            }
            Note::OutsideClasses(passed) => {
                write!(f, "{passed}: pictures outside of the folders of classes; move them into one")
            }
            Note::Heif(passed) => write!(
                f,
                "{passed}: HEIC and AVIF are not read; convert them first, for example with `magick mogrify -format jpg *.heic`"
            ),
            Note::Raw(passed) => write!(
                f,
                "{passed}: raw pictures of cameras are not read; develop them to JPEG or PNG first, for example with darktable"
            ),
            Note::OtherFiles(passed) => write!(f, "{passed}: no pictures, as their extension says"),
            Note::Links(passed) => write!(
                f,
                "{passed}: links that lead out of the folder, nowhere or in a circle are not followed; copy the files instead"
            ),
        }
    }
}

/// Classes that look wrong.
pub(super) fn on_classes(folder: &PictureFolder) -> Vec<Note> {
    let counts = folder.class_counts();
    let empty = folder.classes.iter().zip(counts).filter(|&(_, count)| count == 0);
    let mut notes: Vec<Note> = empty.map(|(class, _)| Note::EmptyClass(class.clone())).collect();
    if let [only] = &folder.classes[..] {
        notes.push(Note::OneClass(only.clone()));
    }
    notes
}

/// Counts files that are passed over.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) outside: Option<Passed>,
    pub(super) heif: Option<Passed>,
    pub(super) raw: Option<Passed>,
    pub(super) other: Option<Passed>,
    pub(super) links: Option<Passed>,
}

pub(super) fn count(passed: &mut Option<Passed>, path: PathBuf) {
    let passed = passed.get_or_insert(Passed { count: 0, example: PathBuf::new() });
    passed.count += 1;
    // The first in order, whatever order the system lists in.
    if passed.count == 1 || path < passed.example {
        passed.example = path;
    }
}

impl Counts {
    pub(super) fn notes(self) -> impl Iterator<Item = Note> {
        [
            self.outside.map(Note::OutsideClasses),
            self.heif.map(Note::Heif),
            self.raw.map(Note::Raw),
            self.other.map(Note::OtherFiles),
            self.links.map(Note::Links),
        ]
        .into_iter()
        .flatten()
    }
}
