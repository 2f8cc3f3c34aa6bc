//! A folder with one folder of pictures for each class.

mod note;
mod walk;

pub use note::{Note, Passed};
pub use walk::is_picture;

use crate::{Error, Result};
use convnet_tensor::{Purpose, Seed};
use std::path::{Path, PathBuf};
use walk::Links;

/// The pictures below `folder/class/`, listed but not yet read.
///
/// Classes are the folders' names in the order of their bytes, as in Keras' `image_dataset_from_directory`; within a class
/// files are in the order of their paths. Pictures are .jpg, .jpeg, .png, .webp, .bmp, .gif, .tif and .tiff in any case, at any
/// depth. Names that begin with a dot are ignored, as they are everywhere. A link is followed when it leads to something
/// inside the folder; it is passed over, and counted, when it leads elsewhere (but see [`PictureFolder::list_linked`]),
/// nowhere or in a circle. What else was passed over, and classes that look wrong, are told by [`PictureFolder::notes`].
///
/// ```no_run
/// use convnet_data::{LoadOptions, PictureFolder};
/// use std::{ops::ControlFlow, path::Path};
/// let folder = PictureFolder::list(Path::new("cats_and_dogs/train"))?;
/// folder.notes().iter().for_each(|note| eprintln!("{note}"));
/// let loaded = folder.load(&LoadOptions::new(150, 150, 3), &mut |_, _| ControlFlow::Continue(()))?;
/// assert_eq!(loaded.dataset.classes(), ["cats", "dogs"]);
/// # Ok::<(), convnet_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PictureFolder {
    root: PathBuf,
    classes: Vec<String>,
    files: Vec<PictureFile>,
    notes: Vec<Note>,
    /// What was done to the list since, for the note on where pictures come from.
    change: Option<String>,
}

/// One file of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PictureFile {
    /// Relative to the folder.
    pub(crate) path: Box<Path>,
    pub(crate) label: u32,
}

impl PictureFolder {
    /// Lists the pictures of `folder`, one class for each folder in it.
    ///
    /// # Errors
    /// [`Error::Read`] when a folder cannot be listed, [`Error::File`] when there is no class or no picture at all.
    pub fn list(folder: &Path) -> Result<PictureFolder> {
        walk::list(folder, None, Links::Inside)
    }

    /// Lists the pictures of the given classes, whose labels are 0, 1 … in the order given.
    ///
    /// For the folders of validation and test: with the classes of training, a class without pictures there moves no label.
    ///
    /// # Errors
    /// As [`PictureFolder::list`]. A class without a folder is no error but a note, as one with an empty folder is.
    pub fn list_classes(folder: &Path, classes: &[String]) -> Result<PictureFolder> {
        walk::list(folder, Some(classes), Links::Inside)
    }

    /// The same for a data set that somebody has laid out with links, as archives of data and package managers do: a link to a
    /// file is followed wherever it leads, and so is one in the place of a class's folder. Other links to folders are followed
    /// only inside the folder. For folders that one trusts: pictures from elsewhere are read.
    ///
    /// # Errors
    /// As [`PictureFolder::list_classes`].
    pub fn list_linked(folder: &Path, classes: &[String]) -> Result<PictureFolder> {
        walk::list(folder, Some(classes), Links::Anywhere)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The names of the classes, in the order of the labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How many files are listed.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether no file is listed.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many files each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        self.files.iter().for_each(|file| counts[file.label as usize] += 1);
        counts
    }

    /// The files, relative to the folder, each with its label.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&Path, u32)> {
        self.files.iter().map(|file| (&*file.path, file.label))
    }

    /// What the caller should show before training: files that were passed over, classes that look wrong.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Splits off a share of each class, chosen at random, for validation: `(training, validation)`. The same files for
    /// the same seed; both keep the order of the list.
    ///
    /// # Errors
    /// [`Error::Argument`] unless 0 < `share` < 1.
    pub fn split_validation(&self, share: f64, seed: Seed) -> Result<(PictureFolder, PictureFolder)> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::Argument {
                name: "the share for validation",
                expected: "between 0 and 1".into(),
                found: share.to_string(),
            });
        }
        let names = ["training part", "validation part"].map(|part| format!("{part} of a split {share}"));
        Ok(self.split(names, seed, |pictures| (pictures as f64 * share).round() as usize))
    }

    /// Splits off so many pictures of each class, chosen at random, as `kept` says for the number that it has (all of them
    /// at most): `(others, kept)`. The same files for the same seed; both keep the order of the list. What `names` call the
    /// parts stands in their [`Origin`](crate::Origin).
    pub fn split(
        &self,
        names: [String; 2],
        seed: Seed,
        kept: impl Fn(usize) -> usize,
    ) -> (PictureFolder, PictureFolder) {
        let mut chosen = vec![false; self.files.len()];
        for label in 0..self.classes.len() as u32 {
            let mut numbers: Vec<usize> =
                (0..self.files.len()).filter(|&number| self.files[number].label == label).collect();
            seed.stream(Purpose::Split, 1, label.into()).shuffle(&mut numbers);
            let count = kept(numbers.len()).min(numbers.len());
            numbers[..count].iter().for_each(|&number| chosen[number] = true);
        }
        let part = |is_kept: bool, what: &str| {
            let files = self.files.iter().zip(&chosen).filter(|&(_, &chosen)| chosen == is_kept);
            let mut part = PictureFolder {
                root: self.root.clone(),
                classes: self.classes.clone(),
                files: files.map(|(file, _)| file.clone()).collect(),
                notes: Vec::new(),
                change: Some(format!("{what}, seed {}", seed.0)),
            };
            part.notes = note::on_classes(&part);
            part
        };
        let [others, kept] = names;
        (part(false, &others), part(true, &kept))
    }

    /// Where the pictures come from, in words.
    pub(crate) fn source(&self) -> String {
        let name =
            self.root.file_name().map_or_else(|| self.root.to_string_lossy(), |name| name.to_string_lossy());
        match &self.change {
            Some(change) => format!("folder {name}, {change}"),
            None => format!("folder {name}"),
        }
    }

    pub(crate) fn picture_files(&self) -> &[PictureFile] {
        &self.files
    }
}
