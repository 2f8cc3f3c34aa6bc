//! What a frozen part of a network makes of every picture, computed once and kept in a file.
//!
//! The file is a safetensors file: `features` `[N, height, width, channels]`, and `digests` `[N, 16]`, the first half of each
//! record's SHA-256. All of its header follows from what the features are of, so a file of something else is known at once.

use crate::frozen::{digits, weights_hash};
use crate::{Error, Result};
use convnet_cpu::{conv2d, simd};
use convnet_data::{Batches, Dataset, NumberFile, Order, digest_of};
use convnet_layers::file::write_file_by;
use convnet_layers::{InputSpec, Model};
use convnet_tensor::{Shape, Tensor};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Where features are kept, and how they are computed.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    /// The folder for the files; it must be there.
    pub folder: PathBuf,
    /// Pictures that go through the network together. It changes no bit.
    pub batch_size: usize,
    /// The most bytes of one data set's features that stay in memory; if they are more, each is read where it is needed.
    pub memory_budget: usize,
}

/// Features of a data set.
#[derive(Debug)]
pub struct Features {
    /// The data set with the features in place of its pictures.
    pub set: Dataset,
    /// Their file.
    pub file: PathBuf,
    /// How many pictures went through the network for them: none where the file was there.
    pub computed: usize,
    /// Why a file that was there was not taken, in a sentence.
    pub note: Option<String>,
}

impl FeatureCache {
    /// Files in `folder`; 32 pictures at once, and as many bytes in memory as pictures may take.
    pub fn new(folder: impl Into<PathBuf>) -> FeatureCache {
        FeatureCache { folder: folder.into(), batch_size: 32, memory_budget: convnet_data::MEMORY_BUDGET }
    }

    /// What `model` gives at its `layer` for every picture of `set`: from the file of these very weights, pictures and range of
    /// pixels, else computed and written there. A file that is damaged is computed again.
    ///
    /// `progress` learns how many pictures of all are done, and may stop the computing.
    ///
    /// # Errors
    /// When `layer` names nothing or gives no maps `(height, width, channels)`, when the pictures do not fit the model or are
    /// changed at random, when the file cannot be written, [`Error::Stopped`] when `progress` said so.
    pub fn features(
        &self,
        model: &Model,
        layer: &str,
        set: &Dataset,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Features> {
        if set.augmentation().is_some() {
            return Err(Error::Setting {
                name: "a data set whose features are kept".into(),
                expected: "one whose pictures are given as they are (`unaugmented`)".into(),
                found: "one that changes them at random each time".into(),
            });
        }
        let base = before(model, layer)?;
        let shape = base.output_shape();
        if shape.len() != 3 {
            return Err(Error::Setting {
                name: format!("the output of `{layer}`, whose features are kept,"),
                expected: "maps (height, width, channels); take a layer before it".into(),
                found: shape.to_string(),
            });
        }
        let key = key(&base, set);
        let record = Records { header: header(&key, set.len(), shape), count: set.len(), shape };
        let file = self.folder.join(format!("{}-{key}.safetensors", layer.replace('/', "-")));
        let (mut note, mut computed) = (None, 0);
        let found = match record.open(&file, self.memory_budget) {
            Ok(found) => found,
            Err(why) => {
                if let Some(why) = why {
                    note = Some(format!("{} {why}; its features are computed again", file.display()));
                }
                self.write(&base, set, &record, &file, progress)?;
                computed = set.len();
                let cannot = |why: Option<String>| {
                    let cause = io::Error::other(why.unwrap_or_else(|| "it is gone at once".into()));
                    Error::Write { path: file.clone(), cause }
                };
                record.open(&file, self.memory_budget).map_err(cannot)?
            }
        };
        let set = match found {
            Opened::Memory(numbers) => set.with_numbers(layer, numbers)?,
            Opened::File(numbers) => set.with_number_file(layer, numbers)?,
        };
        Ok(Features { set, file, computed, note })
    }

    /// Computes the features, batch by batch, into the file.
    fn write(
        &self,
        base: &Model,
        set: &Dataset,
        record: &Records,
        path: &Path,
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<()> {
        let batches = Batches::new(set, self.batch_size, Order::Sequential, base.input().pixels)?;
        let each = record.shape.size();
        let mut failure = None;
        let written = write_file_by(path, |file| {
            let mut file = BufWriter::with_capacity(1 << 16, file);
            file.write_all(&record.header)?;
            let mut digests = Vec::with_capacity(record.count);
            for batch in batches.round(0) {
                let features = batch.map_err(Error::from).and_then(|batch| Ok(base.predict(&batch.x)?));
                let features = match features {
                    Ok(features) => features,
                    Err(error) => return Err(set_aside(&mut failure, error)),
                };
                for feature in features.data().chunks(each) {
                    digests.push(digest_of(feature));
                    for block in feature.chunks(1 << 12) {
                        let bytes = block.iter().flat_map(|number| number.to_le_bytes());
                        file.write_all(&bytes.collect::<Vec<u8>>())?;
                    }
                }
                if progress(digests.len(), record.count).is_break() {
                    let stopped = Error::Stopped { done: digests.len(), all: record.count };
                    return Err(set_aside(&mut failure, stopped));
                }
            }
            file.write_all(digests.as_flattened())?;
            file.flush()
        });
        written.map_err(|cause| failure.unwrap_or_else(|| Error::Write { path: path.to_path_buf(), cause }))
    }
}

/// Keeps an error that is not of the file system while that is left.
fn set_aside(failure: &mut Option<Error>, error: Error) -> io::Error {
    *failure = Some(error);
    io::Error::other("no features to write")
}

/// The network up to `layer` in prediction, without what does not decide its output: which parameters learn, and class names.
fn before(model: &Model, layer: &str) -> Result<Model> {
    let input = InputSpec::new(model.input().shape).pixels(model.input().pixels);
    let mut base = model.rebuilt(model.architecture().up_to(layer)?, input)?;
    base.unfreeze("")?;
    Ok(base)
}

/// What decides every bit of the features: the network, its weights, its range of pixels, the pictures, and the loops.
fn key(base: &Model, set: &Dataset) -> String {
    let mut hash = Sha256::new();
    hash.update(base.description());
    hash.update(weights_hash(base.parameters()));
    hash.update(set.fingerprint());
    hash.update(simd::isa().name());
    hash.update(conv2d::Algorithm::preferred().name());
    digits(hash)
}

/// The first bytes of a file with `count` features of this shape.
fn header(key: &str, count: usize, shape: Shape) -> Vec<u8> {
    let end = (count * shape.size() * size_of::<f32>()) as u64;
    let header = json!({
        "__metadata__": { "format": "convnet features", "key": key },
        "features": { "dtype": "F32", "shape": shape.with_first(count).to_vec(), "data_offsets": [0, end] },
        "digests": { "dtype": "U8", "shape": [count, 16], "data_offsets": [end, end + 16 * count as u64] },
    });
    let mut text = header.to_string().into_bytes();
    // The numbers begin at a multiple of eight, as the format wants.
    text.resize(text.len().next_multiple_of(8), b' ');
    [&(text.len() as u64).to_le_bytes()[..], &text].concat()
}

/// What must lie in a file.
struct Records {
    header: Vec<u8>,
    count: usize,
    shape: Shape,
}

/// Features of a whole file.
enum Opened {
    Memory(Tensor),
    File(NumberFile),
}

impl Records {
    /// Opens a file and checks all of it.
    ///
    /// # Errors
    /// Why it cannot be taken; `None` where there is none.
    fn open(&self, path: &Path, memory_budget: usize) -> Result<Opened, Option<String>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(None),
            Err(error) => return Err(Some(format!("cannot be read: {error}"))),
        };
        let cannot = |error: io::Error| Some(format!("cannot be read: {error}"));
        let each = self.shape.size();
        let bytes = (self.count * each * size_of::<f32>()) as u64;
        let start = self.header.len() as u64;
        if file.metadata().map_err(cannot)?.len() != start + bytes + 16 * self.count as u64 {
            return Err(Some("is not whole".into()));
        }
        let mut reader = BufReader::with_capacity(1 << 16, &file);
        let mut header = vec![0; self.header.len()];
        reader.read_exact(&mut header).map_err(cannot)?;
        if header != self.header {
            return Err(Some("does not say what it should".into()));
        }
        reader.seek(SeekFrom::Start(start + bytes)).map_err(cannot)?;
        let mut digests = vec![[0; 16]; self.count];
        reader.read_exact(digests.as_flattened_mut()).map_err(cannot)?;
        reader.seek(SeekFrom::Start(start)).map_err(cannot)?;
        let in_memory = bytes <= memory_budget as u64;
        let rows = if in_memory { self.count } else { 1 };
        let mut numbers = Tensor::recycled(self.shape.with_first(rows));
        let mut record = vec![0; each * size_of::<f32>()];
        for (number, digest) in digests.iter().enumerate() {
            reader.read_exact(&mut record).map_err(cannot)?;
            let row = if in_memory { number } else { 0 };
            let to = &mut numbers.data_mut()[row * each..][..each];
            for (to, bytes) in to.iter_mut().zip(record.as_chunks::<4>().0) {
                *to = f32::from_le_bytes(*bytes);
            }
            if digest_of(to) != *digest {
                return Err(Some(format!("is damaged in record {number}")));
            }
        }
        drop(reader);
        Ok(match in_memory {
            true => Opened::Memory(numbers),
            false => {
                Opened::File(NumberFile { file, path: path.to_path_buf(), start, shape: self.shape, digests })
            }
        })
    }
}
