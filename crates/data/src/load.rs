//! Decoding a folder of pictures, each file once, into memory or a file of pictures.

use crate::decode::{Decoder, Undecodable, read};
use crate::duplicates::PictureHash;
use crate::folder::{PictureFile, PictureFolder};
use crate::resize::Resizer;
use crate::store::{Builder, picture_size};
use crate::{Dataset, Error, Origin, Result};
use convnet_tensor::{Filter, Fit, Shape, Tensor};
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How many bytes of pictures are kept in memory unless told otherwise: 1 GiB, 15,900 pictures of 150×150×3.
pub const MEMORY_BUDGET: usize = 1 << 30;

/// The most bytes of finished pictures that wait to be stored.
const WAITING: usize = 32 << 20;
/// Pictures for each thread between two stores: enough that none waits long for the slowest.
const PICTURES_PER_THREAD: usize = 16;

/// What a folder's pictures are to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Rows of a picture.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// How pictures of other proportions are brought there.
    pub fit: Fit,
    /// How pixels are interpolated.
    pub filter: Filter,
    /// The most bytes of pictures that stay in memory; if all of the folder are more, all go into a file. [`MEMORY_BUDGET`]
    /// unless told otherwise.
    pub memory_budget: usize,
    /// The folder for that file, which has no name and is gone when the last data set on it is. Without it the system's
    /// folder for temporary files, which on some machines is memory itself: name one on a disk there.
    pub cache: Option<PathBuf>,
}

impl LoadOptions {
    /// Pictures of this size, with the usual fit, filter and budget.
    pub fn new(height: usize, width: usize, channels: usize) -> LoadOptions {
        LoadOptions {
            height,
            width,
            channels,
            fit: Fit::default(),
            filter: Filter::default(),
            memory_budget: MEMORY_BUDGET,
            cache: None,
        }
    }

    fn shape(&self) -> Result<Shape> {
        let shape = Shape::from([self.height, self.width, self.channels]);
        // Sides above that of any picture would only hide a mistake, and the library that resizes counts in 32 bits.
        const LARGEST: usize = 1 << 16;
        if ![self.height, self.width].iter().all(|side| (1..=LARGEST).contains(side))
            || !matches!(self.channels, 1 | 3)
        {
            return Err(Error::Argument {
                name: "the shape of a picture",
                expected: format!("height and width of 1 to {LARGEST}, and 1 or 3 channels"),
                found: shape.to_string(),
            });
        }
        picture_size(&shape)?;
        Ok(shape)
    }
}

/// What became of a folder.
#[derive(Debug)]
pub struct Loaded {
    /// The pictures that could be read, in the order of the list.
    pub dataset: Dataset,
    /// The files that could not, relative to the folder, and why.
    pub unreadable: Vec<(PathBuf, Undecodable)>,
    /// For each picture of the data set, what [`crate::duplicates::near_duplicates`] compares.
    pub hashes: Vec<PictureHash>,
}

impl PictureFolder {
    /// Decodes and resizes all pictures, on the threads of the pool in which it is called: the same pictures in the same
    /// order whatever their number.
    ///
    /// `progress` learns after every few files how many of all are done, and may stop the loading. Each thread holds one
    /// decoded picture at a time; finished ones take at most the budget and 32 MiB.
    ///
    /// # Errors
    /// A file that cannot be read is no error but listed in [`Loaded::unreadable`], unless it is so with all.
    /// [`Error::Argument`] when the options make no picture, [`Error::Cache`] when the file beyond the budget cannot be
    /// written, [`Error::Stopped`] when `progress` said so.
    pub fn load(
        &self,
        options: &LoadOptions,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Loaded> {
        let shape = options.shape()?;
        let (size, all) = (shape.size(), self.len());
        let mut builder = if size.saturating_mul(all) <= options.memory_budget {
            Builder::memory(shape, all)
        } else {
            Builder::file(shape, options.cache.as_deref())?
        };
        let at_once =
            (PICTURES_PER_THREAD * rayon::current_num_threads()).min(WAITING / size).clamp(1, all.max(1));
        let mut waiting = Tensor::<u8>::recycled(shape.with_first(at_once));
        let workers = Mutex::new(Vec::new());
        let (mut labels, mut names, mut hashes) =
            (Vec::with_capacity(all), Vec::with_capacity(all), Vec::with_capacity(all));
        let mut unreadable = Vec::new();
        let mut done = 0;
        for files in self.picture_files().chunks(at_once) {
            let results = self.decode(files, options, waiting.data_mut(), &workers);
            for ((file, result), picture) in files.iter().zip(results).zip(waiting.data().chunks_exact(size))
            {
                match result {
                    Ok(hash) => {
                        builder.push(picture, Some(hash.pixels))?;
                        labels.push(file.label);
                        names.push(name(&file.path));
                        hashes.push(hash);
                    }
                    Err(why) => unreadable.push((file.path.to_path_buf(), why)),
                }
            }
            done += files.len();
            if progress(done, all).is_break() {
                return Err(Error::Stopped { done, all });
            }
        }
        if let (true, Some((path, why))) = (labels.is_empty(), unreadable.first()) {
            return Err(Error::File {
                path: self.root().to_path_buf(),
                found: format!("none of {all} files can be read; the first, {}, {why}", path.display()),
                expected: "at least one picture".into(),
                remedy: "check what the files are",
            });
        }
        let origin = Origin::files(self.source());
        let dataset = Dataset::new(builder.finish()?, labels, self.classes().to_vec(), Some(names), origin)?;
        Ok(Loaded { dataset, unreadable, hashes })
    }

    /// Decodes some files side by side, each into its place.
    fn decode(
        &self,
        files: &[PictureFile],
        options: &LoadOptions,
        places: &mut [u8],
        workers: &Mutex<Vec<Worker>>,
    ) -> Vec<Result<PictureHash, Undecodable>> {
        let lock = || workers.lock().unwrap_or_else(PoisonError::into_inner);
        let size = options.height * options.width * options.channels;
        let pictures = places.par_chunks_exact_mut(size).with_max_len(1).zip(files);
        pictures
            .map(|(picture, file)| {
                let mut worker = lock().pop().unwrap_or_default();
                let result = worker.load(&self.root().join(&file.path), options, picture);
                lock().push(worker);
                result
            })
            .collect()
    }
}

/// The path with `/` between its parts, on every system.
fn name(path: &Path) -> Box<str> {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/").into()
}

/// What decodes one picture at a time, with memory that is used again.
#[derive(Default)]
struct Worker {
    file: Vec<u8>,
    decoder: Decoder,
    resizer: Resizer,
}

impl Worker {
    fn load(
        &mut self,
        path: &Path,
        options: &LoadOptions,
        to: &mut [u8],
    ) -> Result<PictureHash, Undecodable> {
        read(path, &mut self.file)?;
        let picture = self.decoder.decode(&self.file, options.channels)?;
        let LoadOptions { height, width, fit, filter, .. } = *options;
        self.resizer.resize(picture, height, width, fit, filter, to);
        Ok(PictureHash::new([height, width, options.channels], to, &mut self.resizer))
    }
}
