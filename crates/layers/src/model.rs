//! A network with its parameters.

use crate::architecture::{Architecture, InputSpec};
use crate::error::{Error, Result, nearest};
use crate::graph::{Graph, Source};
use crate::layer::{FinalActivation, Role};
use crate::pass::{Outputs, Request};
use convnet_autograd::operations::{Sigmoid, Softmax};
use convnet_autograd::{Tape, Value};
use convnet_tensor::{Purpose, Seed, Shape, Tensor};

/// A tensor that a layer keeps from pass to pass.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The layer's path and the parameter's name: `block1_conv1/kernel`.
    pub path: String,
    /// Its value.
    pub value: Tensor,
    /// Whether it is learned or gathered.
    pub role: Role,
    /// False when frozen.
    pub trainable: bool,
}

impl Parameter {
    /// Whether training changes it by gradients.
    pub fn is_learned(&self) -> bool {
        self.trainable && self.role == Role::Weight
    }
}

/// A network with its parameters: an architecture, what it takes, and one ordered list of parameters.
///
/// Predicting takes `&self` and may be done from several threads at once. Cloning shares the parameters until one of the
/// clones changes them.
///
/// ```
/// use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, Model};
/// use convnet_tensor::{Seed, Tensor};
/// let architecture = Architecture::new().add(Conv2D::new(8, 3).relu()).add(Flatten::new()).add(Dense::new(10).softmax());
/// let model = Model::new(architecture, InputSpec::new([28, 28, 1]), Seed(1))?;
/// let probabilities = model.predict(&Tensor::zeros([2, 28, 28, 1]))?;
/// assert_eq!(probabilities.shape().to_string(), "(2, 10)");
/// # Ok::<(), convnet_layers::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    architecture: Architecture,
    input: InputSpec,
    pub(crate) graph: Graph,
    pub(crate) parameters: Vec<Parameter>,
}

impl Model {
    /// A model with first values drawn from `seed`.
    ///
    /// # Errors
    /// Every mistake in the architecture, with the layer's path, the shapes and the remedy.
    pub fn new(architecture: Architecture, input: InputSpec, seed: Seed) -> Result<Model> {
        Model::build(architecture, input, |place, _, spec| {
            let mut stream = seed.stream(Purpose::Weights, 0, place as u64);
            Ok(Parameter {
                path: String::new(),
                value: spec.initializer.draw(spec.shape, &mut stream),
                role: spec.role,
                trainable: true,
            })
        })
    }

    /// A model on top of trained parts: the parameters under each named part are those of the model beside it, shared
    /// until one of them changes; the others are drawn from `seed`.
    ///
    /// # Errors
    /// As [`Model::new`], and when a part lacks a parameter or has it in another shape.
    pub fn with_parameters(
        architecture: Architecture,
        input: InputSpec,
        seed: Seed,
        parts: &[(&str, &Model)],
    ) -> Result<Model> {
        let mut model = Model::new(architecture, input, seed)?;
        for (name, part) in parts {
            model.graph.find(name)?;
            let prefix = format!("{name}/");
            for parameter in
                model.parameters.iter_mut().filter(|parameter| parameter.path.starts_with(&prefix))
            {
                let given = part.parameter(&parameter.path[prefix.len()..])?;
                if given.value.shape() != parameter.value.shape() {
                    return Err(Error::Architecture(format!(
                        "`{}` has shape {}, but the part given for `{name}` has {}",
                        parameter.path,
                        parameter.value.shape(),
                        given.value.shape()
                    )));
                }
                *parameter = Parameter { path: std::mem::take(&mut parameter.path), ..given.clone() };
            }
        }
        Ok(model)
    }

    /// Another network with the parameters of this one: those at the same paths, shared until one of the two models changes
    /// them. So a network is cut behind a layer ([`Architecture::up_to`]), or takes pictures of another size.
    ///
    /// ```
    /// use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, Model};
    /// use convnet_tensor::Seed;
    /// let net = Architecture::new().add(Conv2D::new(8, 3).relu()).add(Flatten::new()).add(Dense::new(10).softmax());
    /// let model = Model::new(net, InputSpec::new([28, 28, 1]), Seed(1))?;
    /// let small = model.rebuilt(model.architecture().up_to("conv2d")?, InputSpec::new([9, 7, 1]))?;
    /// assert_eq!(small.output_shape().to_string(), "(7, 5, 8)");
    /// # Ok::<(), convnet_layers::Error>(())
    /// ```
    ///
    /// # Errors
    /// Every mistake in the architecture, and a parameter that this model lacks or has in another shape.
    pub fn rebuilt(&self, architecture: Architecture, input: InputSpec) -> Result<Model> {
        Model::build(architecture, input, |_, path, spec| {
            let given = self.parameter(path)?;
            if given.value.shape() != spec.shape {
                return Err(Error::Architecture(format!(
                    "`{path}` would have shape {}, but has {}; give pictures of a size that fits it, or end before it",
                    spec.shape,
                    given.value.shape()
                )));
            }
            Ok(given.clone())
        })
    }

    /// What stands behind the layer at `path`, as a model that takes that layer's output: with the parameters of this one, shared
    /// until one of the two changes them, under the same paths. It gives the same output, bit for bit, without computing again
    /// what comes before.
    ///
    /// ```
    /// use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, Model};
    /// use convnet_tensor::{Seed, Tensor};
    /// let base = Architecture::new().add(Conv2D::new(8, 3).relu());
    /// let net = Architecture::new().nested("base", base).add(Flatten::new()).add(Dense::new(10).softmax());
    /// let model = Model::new(net, InputSpec::new([28, 28, 1]), Seed(1))?;
    /// let head = model.behind("base")?;
    /// assert_eq!(head.input().shape, [26, 26, 8]);
    /// assert_eq!(head.parameters().len(), 2);
    /// # Ok::<(), convnet_layers::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Architecture::behind`], and when the layer gives no maps `(height, width, channels)`.
    pub fn behind(&self, path: &str) -> Result<Model> {
        let shape = match self.graph.find(path)? {
            Source::Input => self.input.shape.into(),
            Source::Step(step) => self.graph.steps[step].output,
        };
        let &[height, width, channels] = &shape[..] else {
            return Err(Error::Architecture(format!(
                "`{path}` gives {shape}, but what stands behind it as a model takes (height, width, channels); cut before it"
            )));
        };
        let input = InputSpec::new([height, width, channels]).classes(self.input.classes.iter().cloned());
        self.rebuilt(self.architecture.behind(path)?, input)
    }

    /// A model whose parameters `make` gives, by place, path and spec.
    pub(crate) fn build(
        architecture: Architecture,
        input: InputSpec,
        mut make: impl FnMut(usize, &str, &crate::layer::ParameterSpec) -> Result<Parameter>,
    ) -> Result<Model> {
        input.pixels.check(input.shape[2])?;
        let graph = Graph::new(&architecture, input.shape)?;
        let outputs = match graph.output_shape.last() {
            // One sigmoid tells two classes apart.
            Some(1) if graph.ending == FinalActivation::Sigmoid => 2,
            outputs => outputs.copied().unwrap_or(1),
        };
        if !input.classes.is_empty() && input.classes.len() != outputs {
            return Err(Error::Architecture(format!(
                "{} class names for an output that tells {outputs} classes apart",
                input.classes.len()
            )));
        }
        let mut parameters = Vec::with_capacity(graph.parameters.len());
        for (place, (path, spec)) in graph.parameters.iter().enumerate() {
            parameters.push(Parameter { path: path.clone(), ..make(place, path, spec)? });
        }
        Ok(Model { architecture, input, graph, parameters })
    }

    /// The architecture.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// What the model takes.
    pub fn input(&self) -> &InputSpec {
        &self.input
    }

    /// What turns scores into the output.
    pub fn final_activation(&self) -> FinalActivation {
        self.graph.ending
    }

    /// The shape of the output for one picture.
    pub fn output_shape(&self) -> Shape {
        self.graph.output_shape
    }

    /// The paths of all layers, in order, each with the shape of its output for one picture.
    pub fn layers(&self) -> impl Iterator<Item = (&str, Shape)> {
        self.graph.steps.iter().map(|step| (&*step.path, step.output))
    }

    /// All parameters, in the order of the layers.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// All parameters, to be changed. Their number, paths and shapes must stay.
    pub fn parameters_mut(&mut self) -> &mut [Parameter] {
        &mut self.parameters
    }

    /// The parameter at `path`.
    ///
    /// # Errors
    /// [`Error::UnknownPath`], with the nearest that exist.
    pub fn parameter(&self, path: &str) -> Result<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.path == path).ok_or_else(|| Error::UnknownPath {
            what: "parameter",
            path: path.to_string(),
            nearest: nearest(path, self.parameters.iter().map(|parameter| parameter.path.as_str())),
        })
    }

    /// Runs the network on `x` `[N, height, width, channels]`.
    ///
    /// # Errors
    /// [`Error::Input`] for pictures of another shape; [`Error::UnknownPath`] for a tap that names nothing; those of the
    /// tape.
    pub fn run(&self, tape: &mut Tape, x: &Tensor, request: &Request) -> Result<Outputs> {
        crate::run::run(self, tape, x, request)
    }

    /// The output for `x` `[N, height, width, channels]`, after the final activation. Records nothing.
    ///
    /// # Errors
    /// [`Error::Input`] for pictures of another shape.
    pub fn predict(&self, x: &Tensor) -> Result<Tensor> {
        let mut tape = Tape::new();
        let outputs = self.run(&mut tape, x, &Request::predict())?;
        match outputs.logits {
            Some(logits) => Ok(self.activate(&mut tape, &logits)?.into_tensor()),
            None => unreachable!("a request without `taps_only` gives logits"),
        }
    }

    /// The final activation of scores.
    pub(crate) fn activate(&self, tape: &mut Tape, logits: &Value) -> Result<Value> {
        Ok(match self.graph.ending {
            FinalActivation::Linear => logits.clone(),
            FinalActivation::Softmax => tape.apply(Softmax, &[logits])?,
            FinalActivation::Sigmoid => tape.apply(Sigmoid, &[logits])?,
        })
    }

    /// Puts the new values of statistics ([`Outputs::statistics`]) in their places.
    pub fn apply_statistics(&mut self, statistics: Vec<(usize, Tensor)>) {
        for (place, value) in statistics {
            self.parameters[place].value = value;
        }
    }

    /// Freezes the parameters under `path`: a layer, a nested network, or "" for all. Returns how many tensors that are.
    ///
    /// # Errors
    /// [`Error::UnknownPath`].
    pub fn freeze(&mut self, path: &str) -> Result<usize> {
        self.set_trainable(path, false)
    }

    /// Lets the parameters under `path` learn again.
    ///
    /// # Errors
    /// [`Error::UnknownPath`].
    pub fn unfreeze(&mut self, path: &str) -> Result<usize> {
        self.set_trainable(path, true)
    }

    /// Lets the parameters of the layer at `path` and of all layers behind it learn, and freezes those before it inside
    /// the same nested network: the chapter's fine-tuning. The path of a nested network means its first layer. Returns how
    /// many tensors learn from there on.
    ///
    /// # Errors
    /// [`Error::UnknownPath`].
    pub fn unfreeze_from(&mut self, path: &str) -> Result<usize> {
        self.graph.find(path)?;
        let first = self.graph.steps.iter().position(|step| is_under(&step.path, path)).unwrap_or(0);
        let network = path.rsplit_once('/').map_or("", |(network, _)| network);
        let mut learning = 0;
        for (place, step) in self.graph.steps.iter().enumerate() {
            if place < first && !is_under(&step.path, network) {
                continue;
            }
            for parameter in &mut self.parameters[step.parameters.clone()] {
                parameter.trainable = place >= first;
                learning += usize::from(parameter.trainable);
            }
        }
        Ok(learning)
    }

    fn set_trainable(&mut self, path: &str, trainable: bool) -> Result<usize> {
        if !path.is_empty() && !self.parameters.iter().any(|parameter| parameter.path == path) {
            self.graph.find(path)?;
        }
        let under = self.parameters.iter_mut().filter(|parameter| is_under(&parameter.path, path));
        Ok(under.map(|parameter| parameter.trainable = trainable).count())
    }
}

/// Whether `path` lies under `prefix` by whole components; everything lies under "".
fn is_under(path: &str, prefix: &str) -> bool {
    prefix.is_empty()
        || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
