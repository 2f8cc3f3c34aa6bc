//! An architecture resolved into flat steps: so fusing, slicing, tapping and freezing never recurse.

use crate::architecture::{Architecture, INPUT, Part};
use crate::error::{Error, Refusal, Result, nearest};
use crate::layer::{AnyLayer, FinalActivation, ParameterSpec};
use convnet_tensor::Shape;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Where a step's input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// The pictures.
    Input,
    /// The output of a step.
    Step(usize),
}

/// One layer in its place.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) path: Arc<str>,
    pub(crate) layer: Arc<dyn AnyLayer>,
    pub(crate) inputs: Vec<Source>,
    pub(crate) input_shapes: Vec<Shape>,
    pub(crate) output: Shape,
    /// Places in the model's parameters.
    pub(crate) parameters: Range<usize>,
}

/// All layers, flat and in order.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) steps: Vec<Step>,
    pub(crate) output: Source,
    pub(crate) output_shape: Shape,
    /// What the last layer does after the scores; the last step is without it.
    pub(crate) ending: FinalActivation,
    /// Path and spec of every parameter.
    pub(crate) parameters: Vec<(String, ParameterSpec)>,
    /// The last step of each nested architecture, by path.
    nested: HashMap<String, Source>,
}

/// The most numbers that one tensor of a network may hold (16 GiB as f32), so that sizes never overflow.
const LARGEST: usize = 1 << 32;

/// The deepest nesting of architectures.
const DEEPEST: usize = 16;

struct Builder {
    graph: Graph,
    shapes: HashMap<Source, Shape>,
}

impl Graph {
    /// Resolves `architecture` for pictures of this shape.
    pub(crate) fn new(architecture: &Architecture, input: [usize; 3]) -> Result<Graph> {
        let shape = Shape::from(input);
        if input.contains(&0) || is_too_large(shape) {
            return Err(Error::Architecture(format!("pictures of shape {shape} are empty or too large")));
        }
        let graph = Graph {
            steps: Vec::new(),
            output: Source::Input,
            output_shape: shape,
            ending: FinalActivation::Linear,
            parameters: Vec::new(),
            nested: HashMap::new(),
        };
        let mut builder = Builder { graph, shapes: HashMap::from([(Source::Input, shape)]) };
        let output = builder.add(architecture, "", Source::Input, 0)?;
        let mut graph = builder.graph;
        (graph.output, graph.output_shape) = (output, builder.shapes[&output]);
        if let Source::Step(last) = output {
            // Only where nothing else reads the last step can its scores stand for its output.
            let is_read = graph.steps.iter().any(|step| step.inputs.contains(&output));
            if let (false, Some((layer, ending))) = (is_read, graph.steps[last].layer.split_ending()) {
                (graph.steps[last].layer, graph.ending) = (layer, ending);
            }
        }
        Ok(graph)
    }

    /// The step at `path`; the path of a nested architecture means its last.
    pub(crate) fn find(&self, path: &str) -> Result<Source> {
        let step = self.steps.iter().position(|step| &*step.path == path).map(Source::Step);
        step.or_else(|| self.nested.get(path).copied()).ok_or_else(|| Error::UnknownPath {
            what: "layer",
            path: path.to_string(),
            nearest: nearest(path, self.steps.iter().map(|step| &*step.path)),
        })
    }
}

impl Builder {
    /// Adds the parts of an architecture that gets `input`; returns where its output comes from.
    fn add(
        &mut self,
        architecture: &Architecture,
        prefix: &str,
        input: Source,
        depth: usize,
    ) -> Result<Source> {
        if depth > DEEPEST {
            return Err(Error::Architecture(format!("`{prefix}` is nested more than {DEEPEST} deep")));
        }
        let mut outputs: HashMap<&str, Source> = HashMap::from([(INPUT, input)]);
        let mut last = input;
        for part in architecture.parts() {
            let path = format!("{prefix}{}", part.name);
            check_name(&part.name, &path)?;
            let inputs = match &part.inputs {
                None => vec![last],
                Some(names) => {
                    let resolve = |name: &String| {
                        outputs.get(name.as_str()).copied().ok_or_else(|| {
                            let nearest = nearest(name, outputs.keys().copied());
                            let hint = if nearest.is_empty() { String::new() } else { format!(" (`{}`?)", nearest[0]) };
                            Error::Architecture(format!(
                                "layer `{path}` takes the output of `{name}`, which does not stand before it{hint}"
                            ))
                        })
                    };
                    names.iter().map(resolve).collect::<Result<_>>()?
                }
            };
            last = match &part.part {
                Part::Layer(layer) => self.step(path.clone(), layer, inputs)?,
                Part::Nested(inner) => {
                    let [input] = inputs[..] else {
                        return Err(Error::Architecture(format!(
                            "`{path}` is nested and takes exactly one input"
                        )));
                    };
                    let output = self.add(inner, &format!("{path}/"), input, depth + 1)?;
                    self.graph.nested.insert(path.clone(), output);
                    output
                }
            };
            if outputs.insert(&part.name, last).is_some() {
                return Err(Error::Architecture(format!(
                    "two layers are called `{path}`; names must differ"
                )));
            }
        }
        Ok(last)
    }

    fn step(&mut self, path: String, layer: &Arc<dyn AnyLayer>, inputs: Vec<Source>) -> Result<Source> {
        let input_shapes: Vec<_> = inputs.iter().map(|input| self.shapes[input]).collect();
        let refuse = |Refusal(message)| Error::Layer { path: path.clone(), class: layer.class(), message };
        let output = layer.output_shape(&input_shapes).map_err(refuse)?;
        let first = self.graph.parameters.len();
        let specs = layer.parameters(&input_shapes);
        for (place, spec) in specs.iter().enumerate() {
            if specs[..place].iter().any(|before| before.name == spec.name) {
                return Err(refuse(
                    format!("has two parameters called `{}`; names must differ", spec.name).into(),
                ));
            }
        }
        for shape in specs.iter().map(|spec| spec.shape).chain([output]) {
            if is_too_large(shape) {
                return Err(refuse(
                    format!("a tensor of shape {shape} holds more than {LARGEST} numbers").into(),
                ));
            }
        }
        self.graph.parameters.extend(specs.into_iter().map(|spec| (format!("{path}/{}", spec.name), spec)));
        let parameters = first..self.graph.parameters.len();
        let source = Source::Step(self.graph.steps.len());
        let layer = Arc::clone(layer);
        self.graph.steps.push(Step { path: path.into(), layer, inputs, input_shapes, output, parameters });
        self.shapes.insert(source, output);
        Ok(source)
    }
}

fn check_name(name: &str, path: &str) -> Result<()> {
    let fits = !name.is_empty() && name != INPUT && name.len() <= 200 && !name.contains(['/', '\0', '\n']);
    if fits {
        return Ok(());
    }
    Err(Error::Architecture(format!(
        "`{path}`: a layer's name must not be empty, not `{INPUT}`, not longer than 200 bytes, and without `/`"
    )))
}

fn is_too_large(shape: Shape) -> bool {
    shape.checked_size().is_none_or(|size| size > LARGEST)
}
