//! The architecture as data: a small graph of named layers.

use crate::error::{Error, Result};
use crate::layer::{AnyLayer, Layer, LayerClasses};
use convnet_tensor::{Filter, Fit, Pixels};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What a model takes: with this in its file, a model file alone is enough to predict on a raw picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Height, width and channels.
    pub shape: [usize; 3],
    /// How a picture of another shape is brought to it.
    pub fit: Fit,
    /// How pixels are interpolated on the way.
    pub filter: Filter,
    /// The range of numbers.
    pub pixels: Pixels,
    /// The names of the classes, in the order of the outputs; empty where outputs are no classes.
    pub classes: Vec<String>,
}

impl InputSpec {
    /// Pictures of this shape, squashed bilinearly, with numbers from 0 to 1.
    pub fn new(shape: [usize; 3]) -> InputSpec {
        InputSpec {
            shape,
            fit: Fit::default(),
            filter: Filter::default(),
            pixels: Pixels::default(),
            classes: Vec::new(),
        }
    }

    /// With these class names.
    pub fn classes<S: Into<String>>(mut self, classes: impl IntoIterator<Item = S>) -> InputSpec {
        self.classes = classes.into_iter().map(Into::into).collect();
        self
    }

    /// With this range of numbers.
    pub fn pixels(mut self, pixels: Pixels) -> InputSpec {
        self.pixels = pixels;
        self
    }
}

/// A layer, or an architecture that stands for one.
#[derive(Clone, Debug)]
pub enum Part {
    /// One layer.
    Layer(Arc<dyn AnyLayer>),
    /// A network inside a network; its layers' paths begin with its name.
    Nested(Architecture),
}

/// A part with its name and where its inputs come from.
#[derive(Clone, Debug)]
pub struct NamedLayer {
    /// Its name, unique beside its neighbours.
    pub name: String,
    /// What it is.
    pub part: Part,
    /// The names of its inputs (`input` is what the architecture gets); `None`: the part before it.
    pub inputs: Option<Vec<String>>,
}

/// The name by which [`Architecture::join`] refers to what the architecture itself gets.
pub const INPUT: &str = "input";

/// Layers in an order in which each comes after its inputs. The output is that of the last.
///
/// ```
/// use convnet_layers::{Architecture, Conv2D, Dense, Flatten, MaxPooling2D};
/// let digits = Architecture::new()
///     .add(Conv2D::new(32, 3).relu())
///     .add(MaxPooling2D::new(2))
///     .add(Flatten::new())
///     .add(Dense::new(10).softmax());
/// assert_eq!(digits.names().collect::<Vec<_>>(), ["conv2d", "max_pooling2d", "flatten", "dense"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Architecture {
    parts: Vec<NamedLayer>,
}

impl Architecture {
    /// An architecture without layers, which gives what it gets.
    pub fn new() -> Architecture {
        Architecture::default()
    }

    /// Adds a layer behind the last, named after its class as Keras does: `conv2d`, `conv2d_1` ….
    #[expect(clippy::should_implement_trait, reason = "the name that every reader of the chapter knows")]
    pub fn add<L: Layer>(self, layer: L) -> Architecture {
        let name = self.free_name(L::CLASS);
        self.named(name, layer)
    }

    /// Adds a layer behind the last under a name of one's own.
    pub fn named<L: Layer>(self, name: impl Into<String>, layer: L) -> Architecture {
        self.part(NamedLayer { name: name.into(), part: Part::Layer(Arc::new(layer)), inputs: None })
    }

    /// Adds a layer whose inputs are the outputs of the named parts ([`INPUT`] for what the architecture gets).
    pub fn join<L: Layer>(self, name: impl Into<String>, layer: L, inputs: &[&str]) -> Architecture {
        let inputs = Some(inputs.iter().map(ToString::to_string).collect());
        self.part(NamedLayer { name: name.into(), part: Part::Layer(Arc::new(layer)), inputs })
    }

    /// Adds a whole architecture as one part: a pretrained base, say.
    pub fn nested(self, name: impl Into<String>, architecture: Architecture) -> Architecture {
        self.part(NamedLayer { name: name.into(), part: Part::Nested(architecture), inputs: None })
    }

    /// Adds a part.
    pub fn part(mut self, part: NamedLayer) -> Architecture {
        self.parts.push(part);
        self
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[NamedLayer] {
        &self.parts
    }

    /// The names of the parts, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// This architecture up to and including the layer at `path`: a base for another head.
    ///
    /// # Errors
    /// [`Error::UnknownPath`].
    pub fn up_to(&self, path: &str) -> Result<Architecture> {
        let (last, rest) = self.place(path)?;
        let mut parts = self.parts[..=last].to_vec();
        if let (Part::Nested(inner), Some(rest)) = (&mut parts[last].part, rest) {
            *inner = inner.up_to(rest)?;
        }
        Ok(Architecture { parts })
    }

    /// What stands behind the layer at `path`: the other side of [`Architecture::up_to`], under the same names. It takes what that
    /// layer gives.
    ///
    /// # Errors
    /// [`Error::UnknownPath`], and [`Error::Architecture`] when a layer behind it also takes what comes from before it.
    pub fn behind(&self, path: &str) -> Result<Architecture> {
        let (place, rest) = self.place(path)?;
        let mut parts = Vec::new();
        if let (Part::Nested(inner), Some(rest)) = (&self.parts[place].part, rest) {
            let inner = inner.behind(rest)?;
            if !inner.parts.is_empty() {
                let name = self.parts[place].name.clone();
                parts.push(NamedLayer { name, part: Part::Nested(inner), inputs: None });
            }
        }
        // Where nothing is left of the part itself, its name stands for what comes in.
        let cut = (parts.is_empty()).then(|| self.parts[place].name.clone());
        for part in &self.parts[place + 1..] {
            let mut part = part.clone();
            for name in part.inputs.iter_mut().flatten() {
                if cut.as_ref() == Some(name) {
                    *name = INPUT.into();
                } else if name == INPUT || self.parts[..place].iter().any(|before| before.name == *name) {
                    return Err(Error::Architecture(format!(
                        "`{}` takes the output of `{name}`, so that not all that it needs comes from `{path}`; cut where one \
                         layer gives all",
                        part.name
                    )));
                }
            }
            parts.push(part);
        }
        Ok(Architecture { parts })
    }

    /// The place of the part that the layer at `path` lies in, and the rest of the path.
    fn place<'p>(&self, path: &'p str) -> Result<(usize, Option<&'p str>)> {
        let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let place = self.parts.iter().position(|part| part.name == first);
        // A layer has no parts.
        let place =
            place.filter(|&place| rest.is_none() || matches!(self.parts[place].part, Part::Nested(_)));
        place.map(|place| (place, rest)).ok_or_else(|| Error::UnknownPath {
            what: "layer",
            path: path.to_string(),
            nearest: crate::error::nearest(first, self.names()),
        })
    }

    fn free_name(&self, class: &str) -> String {
        let base = snake_case(class);
        let taken = |name: &str| self.parts.iter().any(|part| part.name == name);
        let numbered = (1..).map(|number| format!("{base}_{number}"));
        std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(base)
    }

    pub(crate) fn to_json(&self) -> Json {
        let part = |part: &NamedLayer| {
            let mut object = match &part.part {
                Part::Layer(layer) => {
                    json!({ "name": part.name, "class": layer.class(), "config": layer.config() })
                }
                Part::Nested(inner) => json!({ "name": part.name, "layers": inner.to_json() }),
            };
            if let Some(inputs) = &part.inputs {
                object["inputs"] = json!(inputs);
            }
            object
        };
        Json::Array(self.parts.iter().map(part).collect())
    }

    pub(crate) fn from_json(json: Json, classes: &LayerClasses) -> Result<Architecture, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            name: String,
            class: Option<String>,
            config: Option<Json>,
            layers: Option<Json>,
            inputs: Option<Vec<String>>,
        }
        let entries: Vec<Entry> =
            serde_json::from_value(json).map_err(|error| format!("list of layers: {error}"))?;
        let mut parts = Vec::new();
        for Entry { name, class, config, layers, inputs } in entries {
            let part = match (class, layers) {
                (Some(class), None) => {
                    classes.read(&class, config.unwrap_or_else(|| json!({}))).map(Part::Layer)
                }
                (None, Some(layers)) => Architecture::from_json(layers, classes).map(Part::Nested),
                _ => Err("needs either a class or layers".to_string()),
            };
            let part = part.map_err(|message| format!("layer `{name}`: {message}"))?;
            parts.push(NamedLayer { name, part, inputs });
        }
        Ok(Architecture { parts })
    }
}

/// A class as part of a name: `MaxPooling2D` becomes `max_pooling2d`, `ReLU` becomes `re_lu`, as in Keras.
pub fn snake_case(class: &str) -> String {
    let mut name = String::new();
    let mut before = None::<char>;
    for letter in class.chars() {
        if letter.is_ascii_uppercase() && before.is_some_and(|before| before.is_ascii_lowercase()) {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
        before = Some(letter);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_keras() {
        for (class, name) in [
            ("Conv2D", "conv2d"),
            ("MaxPooling2D", "max_pooling2d"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("BatchNormalization", "batch_normalization"),
            ("Dense", "dense"),
            ("ReLU", "re_lu"),
        ] {
            assert_eq!(snake_case(class), name);
        }
    }
}
