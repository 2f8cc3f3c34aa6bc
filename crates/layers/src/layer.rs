//! What a layer is.

use crate::error::Refusal;
use crate::initializers::Initializer;
use crate::pass::Pass;
use convnet_autograd::Value;
use convnet_cpu::window::Window;
use convnet_tensor::{Shape, Tensor};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// Whether a parameter is learned by gradients or gathered from the batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Learned by gradients: kernels, biases, γ and β.
    Weight,
    /// Gathered: the running averages of batch normalisation.
    Statistic,
}

/// A parameter that a layer needs.
#[derive(Clone, Debug)]
pub struct ParameterSpec {
    /// Its name below the layer's path, Keras' where Keras has it: `kernel`, `bias`.
    pub name: &'static str,
    /// Its shape.
    pub shape: Shape,
    /// How its first value is drawn.
    pub initializer: Initializer,
    /// How it changes in training.
    pub role: Role,
}

/// How a layer may be run on a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batching {
    /// Slice by slice: pictures do not mix.
    Slices,
    /// Only on the whole batch.
    Whole,
}

/// What a model's ending turns scores into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinalActivation {
    /// Nothing: the output are the scores.
    #[default]
    Linear,
    /// Probabilities of classes that exclude each other.
    Softmax,
    /// A probability for each number by itself.
    Sigmoid,
}

/// A step of a network: settings, and a pure function of inputs and weights.
///
/// A layer of one's own is a serialisable struct with this trait; to load a model with it, pass
/// `LayerClasses::builtin().with::<MyLayer>()`. Shapes are those of one picture, without the batch axis.
pub trait Layer: Any + Debug + Clone + Send + Sync + Serialize + DeserializeOwned {
    /// Its name in model files, Keras' where Keras has the layer.
    const CLASS: &'static str;

    /// The shape of the output. Every mistake in the settings or in the inputs' shapes is found here, when the model is
    /// built.
    ///
    /// # Errors
    /// What the layer takes, what came, and the remedy.
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, Refusal>;

    /// The parameters, in the order in which `forward` gets them. Called after `output_shape` has found no mistake.
    fn parameters(&self, _inputs: &[Shape]) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// The output.
    ///
    /// # Errors
    /// Those of the operations.
    fn forward(
        &self,
        pass: &mut Pass<'_>,
        inputs: &[Value],
        weights: &[Value],
    ) -> convnet_tensor::Result<Value>;

    /// Whether the batch may be cut; `learning` is false when predicting or frozen.
    fn batching(&self, _learning: bool) -> Batching {
        Batching::Slices
    }

    /// The window through which each place of the output sees the same place of every input, its channels all together: 1×1
    /// for what works number by number. `None`: each number of the output may depend on the whole of each input.
    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        None
    }

    /// Brings weights into the order of the fast loops, once for all slices. `input_gradient`: whether the gradient of
    /// the input will be wanted.
    fn prepare(&self, _inputs: &[Shape], _weights: &[Tensor], _input_gradient: bool) {}

    /// For a layer that may end a model: itself without its softmax or sigmoid, and which it was.
    fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
        None
    }
}

/// A [`Layer`] of any kind, as an architecture holds it. Implemented for every layer.
pub trait AnyLayer: Debug + Send + Sync {
    /// See [`Layer::CLASS`].
    fn class(&self) -> &'static str;
    /// The settings, as they stand in a model file.
    fn config(&self) -> serde_json::Value;
    /// See [`Layer::output_shape`].
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, Refusal>;
    /// See [`Layer::parameters`].
    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec>;
    /// See [`Layer::forward`].
    fn forward(
        &self,
        pass: &mut Pass<'_>,
        inputs: &[Value],
        weights: &[Value],
    ) -> convnet_tensor::Result<Value>;
    /// See [`Layer::batching`].
    fn batching(&self, learning: bool) -> Batching;
    /// See [`Layer::window`].
    fn window(&self, inputs: &[Shape]) -> Option<Window>;
    /// See [`Layer::prepare`].
    fn prepare(&self, inputs: &[Shape], weights: &[Tensor], input_gradient: bool);
    /// See [`Layer::split_ending`].
    fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)>;
    /// The layer itself, to ask for its kind.
    fn as_any(&self) -> &dyn Any;
}

impl<L: Layer> AnyLayer for L {
    fn class(&self) -> &'static str {
        L::CLASS
    }
    fn config(&self) -> serde_json::Value {
        // A struct of plain settings always becomes JSON; one that does not (a map with odd keys) is kept as null and
        // refused when the file is read.
        serde_json::to_value(self).unwrap_or_default()
    }
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, Refusal> {
        Layer::output_shape(self, inputs)
    }
    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        Layer::parameters(self, inputs)
    }
    fn forward(
        &self,
        pass: &mut Pass<'_>,
        inputs: &[Value],
        weights: &[Value],
    ) -> convnet_tensor::Result<Value> {
        Layer::forward(self, pass, inputs, weights)
    }
    fn batching(&self, learning: bool) -> Batching {
        Layer::batching(self, learning)
    }
    fn window(&self, inputs: &[Shape]) -> Option<Window> {
        Layer::window(self, inputs)
    }
    fn prepare(&self, inputs: &[Shape], weights: &[Tensor], input_gradient: bool) {
        Layer::prepare(self, inputs, weights, input_gradient);
    }
    fn split_ending(&self) -> Option<(Arc<dyn AnyLayer>, FinalActivation)> {
        Layer::split_ending(self)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

type Read = fn(serde_json::Value) -> serde_json::Result<Arc<dyn AnyLayer>>;

/// The kinds of layers that a model file may hold, by class.
#[derive(Clone, Debug)]
pub struct LayerClasses(BTreeMap<&'static str, Read>);

impl LayerClasses {
    /// All layers of this crate.
    pub fn builtin() -> LayerClasses {
        use crate::*;
        LayerClasses(BTreeMap::new())
            .with::<Activation>()
            .with::<Add>()
            .with::<AveragePooling2D>()
            .with::<BatchNormalization>()
            .with::<Concatenate>()
            .with::<Conv2D>()
            .with::<Dense>()
            .with::<DepthwiseConv2D>()
            .with::<Dropout>()
            .with::<Flatten>()
            .with::<GlobalAveragePooling2D>()
            .with::<GlobalMaxPooling2D>()
            .with::<MaxPooling2D>()
            .with::<ReLU>()
            .with::<Rescaling>()
            .with::<Reshape>()
            .with::<SeparableConv2D>()
            .with::<Sigmoid>()
            .with::<Softmax>()
            .with::<ZeroPadding2D>()
    }

    /// These and `L`.
    pub fn with<L: Layer>(mut self) -> LayerClasses {
        self.0.insert(L::CLASS, |config| Ok(Arc::new(serde_json::from_value::<L>(config)?)));
        self
    }

    /// The layer of a class with these settings.
    pub(crate) fn read(&self, class: &str, config: serde_json::Value) -> Result<Arc<dyn AnyLayer>, String> {
        let Some(read) = self.0.get(class) else {
            let known = self.0.keys().copied().collect::<Vec<_>>().join(", ");
            return Err(format!(
                "layers of class `{class}` are not known here (known: {known}); pass `LayerClasses::builtin().with::<{class}>()` for your own"
            ));
        };
        read(config).map_err(|error| format!("settings of a `{class}`: {error}"))
    }
}

/// The window of what works place by place.
pub(crate) const PLACE_BY_PLACE: Option<Window> = Some(Window::new([1, 1], [1, 1]));

/// The first of at least two inputs and the others, or a refusal.
pub(crate) fn several(inputs: &[Shape]) -> Result<(&Shape, &[Shape]), Refusal> {
    match inputs {
        [] => Err("takes at least two inputs, but gets none".into()),
        [_] => {
            Err("takes at least two inputs, but gets one; name its inputs with `Architecture::join`".into())
        }
        [first, others @ ..] => Ok((first, others)),
    }
}

/// The only input, or a refusal.
pub(crate) fn single(inputs: &[Shape]) -> Result<Shape, Refusal> {
    match inputs {
        [input] => Ok(*input),
        _ => Err(format!("takes one input, but gets {}", inputs.len()).into()),
    }
}

/// Height, width and channels of the only input, or a refusal.
pub(crate) fn picture(inputs: &[Shape]) -> Result<[usize; 3], Refusal> {
    let input = single(inputs)?;
    match *input {
        [height, width, channels] if height * width * channels > 0 => Ok([height, width, channels]),
        _ => Err(Refusal::new(
            "pictures (height, width, channels)",
            input,
            "put it before Flatten or a global pooling, where values are still pictures",
        )),
    }
}
