//! Labelled pictures of one shape.

use crate::augmented::Augmentation;
use crate::store::{Store, View, picture_size};
use crate::{Error, Origin, Result};
use convnet_tensor::{Pixels, Purpose, Seed, Shape, Tensor};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// Labelled pictures of one shape, as bytes; clones and parts share them.
///
/// Pictures are `[height, width, channels]` with values 0 … 255, labels are numbers of classes. The pictures lie in memory
/// or, where a folder is larger than the budget for it, in a file, from which any number of threads may read at once.
///
/// ```
/// use convnet_data::Dataset;
/// use convnet_tensor::Tensor;
/// let pictures = Tensor::from_fn([3, 2, 2, 1], |position| position as u8);
/// let set = Dataset::from_arrays(pictures, vec![0, 1, 1], vec!["cat".into(), "dog".into()])?;
/// assert_eq!(set.picture(1)?.data(), [4, 5, 6, 7]);
/// assert_eq!(set.class_counts(), [1, 2]);
/// # Ok::<(), convnet_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    pub(crate) store: Arc<Store>,
    view: View,
    labels: Arc<[u32]>,
    classes: Arc<[String]>,
    /// The file behind each picture of the store, if there is one.
    names: Option<Arc<[Box<str>]>>,
    origin: Origin,
    pub(crate) augmentation: Option<Arc<Augmentation>>,
    pub(crate) fingerprint: Arc<OnceLock<String>>,
}

impl Dataset {
    /// A data set of pictures `[N, height, width, channels]` and a label for each; `classes` are the names of labels 0, 1 …
    ///
    /// # Errors
    /// When the pictures have not four axes, are empty or too large to count, counts differ, or a label names no class.
    pub fn from_arrays(pictures: Tensor<u8>, labels: Vec<u32>, classes: Vec<String>) -> Result<Dataset> {
        let shape = pictures.shape();
        if shape.len() != 4 || shape[1..].contains(&0) {
            return Err(Error::Argument {
                name: "pictures",
                expected: "of shape (N, height, width, channels), each picture at least 1×1×1".into(),
                found: shape.to_string(),
            });
        }
        picture_size(&shape.without_first())?;
        Dataset::new(Store::Memory(pictures), labels, classes, None, Origin::caller())
    }

    /// The pictures of a store with their labels and, where they came from files, the names of those.
    pub(crate) fn new(
        store: Store,
        labels: Vec<u32>,
        classes: Vec<String>,
        names: Option<Vec<Box<str>>>,
        origin: Origin,
    ) -> Result<Dataset> {
        if store.len() != labels.len() {
            return Err(Error::Count { pictures: store.len(), labels: labels.len() });
        }
        if let Some(number) = labels.iter().position(|&label| label as usize >= classes.len()) {
            return Err(Error::Label { number, label: labels[number], classes: classes.len() });
        }
        Ok(Dataset {
            view: View::all(store.len()),
            store: Arc::new(store),
            labels: labels.into(),
            classes: classes.into(),
            names: names.map(Arc::from),
            origin,
            augmentation: None,
            fingerprint: Arc::default(),
        })
    }

    /// A data set from pictures that come one by one, each `height × width × channels` bytes of `shape`, with its label.
    ///
    /// ```
    /// use convnet_data::Dataset;
    /// let squares = (0..10).map(|n| ([n * 20; 9], u32::from(n > 4)));
    /// let set = Dataset::from_iter([3, 3, 1], vec!["dark".into(), "bright".into()], squares)?;
    /// assert_eq!(set.len(), 10);
    /// # Ok::<(), convnet_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Picture`] when a picture has another number of bytes, else as [`Dataset::from_arrays`].
    pub fn from_iter<P: AsRef<[u8]>>(
        shape: impl Into<Shape>,
        classes: Vec<String>,
        pictures: impl IntoIterator<Item = (P, u32)>,
    ) -> Result<Dataset> {
        let shape = shape.into();
        if shape.len() != 3 {
            return Err(Error::Argument {
                name: "shape",
                expected: "(height, width, channels)".into(),
                found: shape.to_string(),
            });
        }
        let size = picture_size(&shape)?;
        let (mut bytes, mut labels) = (Vec::new(), Vec::new());
        for (number, (picture, label)) in pictures.into_iter().enumerate() {
            let picture = picture.as_ref();
            if picture.len() != size {
                return Err(Error::Picture { number, found: picture.len(), expected: size });
            }
            bytes.extend_from_slice(picture);
            labels.push(label);
        }
        Dataset::from_arrays(Tensor::from_vec(shape.with_first(labels.len()), bytes)?, labels, classes)
    }

    /// The same pictures with another note on where they came from.
    pub fn with_origin(mut self, origin: Origin) -> Dataset {
        self.origin = origin;
        self
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The shape of one picture: `(height, width, channels)`.
    pub fn picture_shape(&self) -> Shape {
        self.store.picture_shape()
    }

    /// Picture `number`, `[height, width, channels]`: a view where pictures are in memory, else read from the file.
    ///
    /// # Errors
    /// [`Error::Cache`] when the file cannot be read, [`Error::Argument`] where [numbers](Dataset::with_numbers) stand for the
    /// pictures. Pictures in memory give none.
    ///
    /// # Panics
    /// When there are not so many pictures.
    pub fn picture(&self, number: usize) -> Result<Tensor<u8>> {
        self.store.picture(self.view.place(number))
    }

    /// Whether the pictures, or what stands for them, lie in memory, not in a file.
    pub fn in_memory(&self) -> bool {
        match &*self.store {
            Store::Memory(_) => true,
            Store::File(_) => false,
            Store::Numbers(numbers) => numbers.in_memory(),
        }
    }

    /// Writes picture `number` as a model takes it: its pixels in their range, changed at random where the set is augmented, or
    /// the numbers that stand for it.
    pub(crate) fn write(&self, number: usize, round: u64, pixels: Pixels, to: &mut [f32]) -> Result<()> {
        let place = self.view.place(number);
        if let Store::Numbers(numbers) = &*self.store {
            return numbers.write(place, to);
        }
        let (picture, shape) = (self.store.picture(place)?, self.picture_shape());
        match self.augmentation() {
            None => pixels.write(shape[2], picture.data(), to),
            Some((augment, seed)) => {
                let mut stream = seed.stream(Purpose::Augment, round, number as u64);
                let transform = augment.draw([shape[0], shape[1], shape[2]], &mut stream);
                transform.write(picture.data(), pixels, to);
            }
        }
        Ok(())
    }

    /// The file that picture `number` came from, relative to the folder that was read, if it came from one.
    ///
    /// # Panics
    /// When there are not so many pictures.
    pub fn name(&self, number: usize) -> Option<&str> {
        let place = self.view.place(number);
        self.names.as_ref().map(|names| &*names[place])
    }

    /// The label of each picture.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The names of the classes, in the order of the labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How many pictures each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        self.labels.iter().for_each(|&label| counts[label as usize] += 1);
        counts
    }

    /// Where the pictures came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// 32 hexadecimal digits that stand for shape, pictures, labels, class names and augmentation (the first half of a
    /// SHA-256).
    ///
    /// The same on every machine and in every version, wherever the pictures lie: a checkpoint stores it to know its data
    /// again. Pictures enter by their own digests, which a file of pictures keeps, so it is not read for this.
    pub fn fingerprint(&self) -> &str {
        self.fingerprint.get_or_init(|| {
            let mut hash = Sha256::new();
            let mut number = |n: usize| hash.update((n as u64).to_le_bytes());
            number(self.len());
            self.picture_shape().iter().for_each(|&extent| number(extent));
            number(self.classes.len());
            for class in self.classes.iter() {
                hash.update((class.len() as u64).to_le_bytes());
                hash.update(class);
            }
            self.labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
            self.view.places().for_each(|place| hash.update(self.store.digest(place)));
            self.augmentation.iter().for_each(|augmentation| hash.update(augmentation.text()));
            self.layer().iter().for_each(|layer| hash.update(layer));
            hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
        })
    }

    /// The first `count` pictures, or all if there are fewer; their bytes are shared.
    pub fn take(&self, count: usize) -> Dataset {
        if count >= self.len() {
            return self.clone();
        }
        self.part(0, count, format!("first {count}"))
    }

    /// The first `count` pictures and the others; their bytes are shared.
    ///
    /// # Errors
    /// [`Error::Argument`] when there are fewer than `count` pictures.
    pub fn split(&self, count: usize) -> Result<(Dataset, Dataset)> {
        self.check_count(count)?;
        let others = self.len() - count;
        Ok((
            self.part(0, count, format!("first {count}")),
            self.part(count, self.len(), format!("last {others}")),
        ))
    }

    /// `count` pictures chosen at random, without repetition, in the order of this set; the same for the same seed. Their
    /// bytes are shared.
    ///
    /// # Errors
    /// [`Error::Argument`] when there are fewer than `count` pictures.
    pub fn subset(&self, count: usize, seed: Seed) -> Result<Dataset> {
        self.check_count(count)?;
        let mut numbers: Vec<usize> = (0..self.len()).collect();
        seed.stream(Purpose::Split, 0, 0).shuffle(&mut numbers);
        numbers.truncate(count);
        numbers.sort_unstable();
        Ok(self.chosen(&numbers, format!("{count} at random, seed {}", seed.0)))
    }

    /// All pictures but those with one of these numbers; their bytes are shared. `why` stands in its [`Origin`].
    pub fn without(&self, numbers: &BTreeSet<usize>, why: &str) -> Dataset {
        let others: Vec<usize> = (0..self.len()).filter(|number| !numbers.contains(number)).collect();
        self.chosen(&others, format!("{} left out: {why}", self.len() - others.len()))
    }

    fn chosen(&self, numbers: &[usize], change: String) -> Dataset {
        let labels = numbers.iter().map(|&number| self.labels[number]).collect();
        self.with(self.view.chosen(numbers), labels, change)
    }

    /// Every picture moved right by `dx` and down by `dy` pixels (negative: left, up); what comes in is 0.
    ///
    /// # Errors
    /// [`Error::Cache`] when the pictures lie in a file, and it cannot be read or another not be written beside it.
    pub fn shifted(&self, dx: i32, dy: i32) -> Result<Dataset> {
        let shape = self.picture_shape();
        let (height, width, channels) = (shape[0], shape[1], shape[2]);
        // Where a row or column that stays visible starts, and how many do.
        let kept = |extent: usize, by: i32| {
            let lost = (by.unsigned_abs() as usize).min(extent);
            let (from, to) = if by < 0 { (lost, 0) } else { (0, lost) };
            (from, to, extent - lost)
        };
        let (from_row, to_row, rows) = kept(height, dy);
        let (from_column, to_column, columns) = kept(width, dx);
        let start = |row: usize, column: usize| (row * width + column) * channels;
        let store = self.store.changed(self.view.places(), |from, to| {
            to.fill(0);
            for row in 0..rows {
                let source = start(from_row + row, from_column);
                let target = start(to_row + row, to_column);
                to[target..target + columns * channels]
                    .copy_from_slice(&from[source..source + columns * channels]);
            }
        })?;
        Ok(self.with_store(store, format!("shifted by ({dx}, {dy}) pixels")))
    }

    /// The same data set with another store, which has what stands for each picture in the order of this set.
    pub(crate) fn with_store(&self, store: Store, change: String) -> Dataset {
        let names =
            self.names.as_ref().map(|names| self.view.places().map(|place| names[place].clone()).collect());
        Dataset {
            view: View::all(self.len()),
            store: Arc::new(store),
            labels: Arc::clone(&self.labels),
            classes: Arc::clone(&self.classes),
            names,
            origin: self.origin.changed(change),
            augmentation: self.augmentation.clone(),
            fingerprint: Arc::default(),
        }
    }

    fn check_count(&self, count: usize) -> Result<()> {
        if count > self.len() {
            return Err(Error::Argument {
                name: "count",
                expected: format!("at most {}, the number of pictures", self.len()),
                found: count.to_string(),
            });
        }
        Ok(())
    }

    fn part(&self, start: usize, end: usize, change: String) -> Dataset {
        self.with(self.view.part(start, end), self.labels[start..end].into(), change)
    }

    /// Some pictures of the same store.
    fn with(&self, view: View, labels: Arc<[u32]>, change: String) -> Dataset {
        Dataset {
            store: Arc::clone(&self.store),
            view,
            labels,
            classes: Arc::clone(&self.classes),
            names: self.names.clone(),
            origin: self.origin.changed(change),
            augmentation: self.augmentation.clone(),
            fingerprint: Arc::default(),
        }
    }
}
