//! The names of the 1,000 ImageNet classes, and what a network's probabilities say in them.

use crate::{Error, Result};
use convnet_tensor::Tensor;
use serde_json::Value as Json;
use std::path::Path;

/// A class of ImageNet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageNetClass {
    /// Its id in WordNet: `n02504458`.
    pub wordnet: String,
    /// Its name: `African_elephant`.
    pub name: String,
}

/// The classes, in the order of a network's outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageNetClasses(Vec<ImageNetClass>);

/// The file has 36 KB; one that is much larger is something else.
const LARGEST_FILE: u64 = 1 << 20;

impl ImageNetClasses {
    /// Reads Keras' `imagenet_class_index.json` (manifest `imagenet_class_index`): `{"0": ["n01440764", "tench"], …}`.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read or is not such a list without gaps.
    pub fn read(path: impl AsRef<Path>) -> Result<ImageNetClasses> {
        let path = path.as_ref();
        let wrong = |message: String| Error::File { path: path.into(), message };
        let cannot = |error: std::io::Error| wrong(format!("cannot be read: {error}"));
        if std::fs::metadata(path).map_err(cannot)?.len() > LARGEST_FILE {
            return Err(wrong(format!("has more than {LARGEST_FILE} bytes, too many for names of classes")));
        }
        let bytes = std::fs::read(path).map_err(cannot)?;
        ImageNetClasses::parse(&bytes).map_err(wrong)
    }

    fn parse(bytes: &[u8]) -> Result<ImageNetClasses, String> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| format!("is not JSON: {error}"))?;
        let classes = json.as_object().ok_or("is not a list of classes by number")?;
        let class = |index: usize| match classes.get(&index.to_string())?.as_array()?.as_slice() {
            [Json::String(wordnet), Json::String(name)] => {
                Some(ImageNetClass { wordnet: wordnet.clone(), name: name.clone() })
            }
            _ => None,
        };
        let of = |index| class(index).ok_or(format!("lacks the WordNet id and name of class {index}"));
        Ok(ImageNetClasses((0..classes.len()).map(of).collect::<Result<_, String>>()?))
    }

    /// With "background" before the others, as networks with 1,001 outputs count.
    pub fn with_background(mut self) -> ImageNetClasses {
        self.0.insert(0, ImageNetClass { wordnet: "n00000000".into(), name: "background".into() });
        self
    }

    /// The classes.
    pub fn classes(&self) -> &[ImageNetClass] {
        &self.0
    }

    /// Their names, for [`Entry::classes`](super::Entry::classes).
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|class| class.name.as_str())
    }
}

/// One of the most probable classes of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction<C = ImageNetClass> {
    /// The place among the outputs.
    pub index: usize,
    /// The class, or its name.
    pub class: C,
    /// Its probability.
    pub probability: f32,
}

/// The `most` most probable classes of each picture, the most probable first (Keras' `decode_predictions`).
/// `probabilities` is `[N, classes]`; `classes` are those of ImageNet ([`ImageNetClasses::classes`]), or the names that a
/// network carries ([`InputSpec::classes`](convnet_layers::InputSpec)).
///
/// # Errors
/// [`Error::Argument`] when there are not as many probabilities as classes.
pub fn decode_predictions<C: Clone>(
    probabilities: &Tensor,
    classes: &[C],
    most: usize,
) -> Result<Vec<Vec<Prediction<C>>>> {
    match probabilities.shape()[..] {
        [_, outputs] if outputs == classes.len() && outputs > 0 => {}
        _ => {
            return Err(Error::Argument(format!(
                "probabilities of shape {} for {} classes; networks with 1,001 outputs have \"background\" first \
                 (`with_background`)",
                probabilities.shape(),
                classes.len()
            )));
        }
    }
    let decode = |row: &[f32]| {
        let mut order: Vec<_> = row.iter().copied().enumerate().collect();
        // Stable: of equal ones the first stands first.
        order.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let prediction = |&(index, probability): &(usize, f32)| Prediction {
            index,
            class: classes[index].clone(),
            probability,
        };
        order.iter().take(most).map(prediction).collect()
    };
    Ok(probabilities.data().chunks_exact(classes.len()).map(decode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_classes_come_first() {
        let text = br#"{"1": ["n2", "b"], "0": ["n1", "a"], "2": ["n3", "c"]}"#;
        let classes = ImageNetClasses::parse(text).unwrap();
        assert_eq!(classes.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        let probabilities = Tensor::from_vec([2, 3], vec![0.2, 0.5, 0.3, 0.4, 0.2, 0.4]).unwrap();
        let decoded = decode_predictions(&probabilities, classes.classes(), 2).unwrap();
        let indices: Vec<Vec<_>> = decoded.iter().map(|row| row.iter().map(|p| p.index).collect()).collect();
        assert_eq!(indices, [[1, 2], [0, 2]]);
        assert_eq!(decoded[0][0].class, ImageNetClass { wordnet: "n2".into(), name: "b".into() });
        let named = decode_predictions(&probabilities, &["a", "b", "c"], 1).unwrap();
        assert_eq!(named[0][0].class, "b");
        assert!(decode_predictions(&probabilities, classes.with_background().classes(), 2).is_err());
    }

    #[test]
    fn lists_with_gaps_are_refused() {
        for text in ["[]", "{\"1\": [\"n\", \"a\"]}", "{\"0\": [\"n\"]}", "{", "{\"0\": [1, 2]}"] {
            assert!(ImageNetClasses::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
