//! Writing ONNX: a graph with channels first, as every runtime expects it.
//!
//! Values are called as the layers that give them. Numbers go from the parameters into the file without a copy of the
//! model; kernels are turned around on the way.

use super::attributes::{float, int, ints, settings};
use super::initial::{Initial, Values};
use super::wire::{Message, start};
use crate::names::free;
use convnet_layers::layer::AnyLayer;
use convnet_layers::{
    Activation, ActivationKind, Add, Architecture, AveragePooling2D, BatchNormalization, Concatenate, Conv2D,
    Dense, DepthwiseConv2D, Dropout, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D, INPUT,
    MaxPooling2D, Model, Part, ReLU, Rescaling, Reshape, SeparableConv2D, Sigmoid, Softmax, ZeroPadding2D,
};
use convnet_tensor::{Shape, Tensor};
use std::collections::{HashMap, HashSet};
use std::io::{Error, Result, Write};

/// The version of the format, and of the operations: old enough for any runtime of the last years.
const VERSION: i64 = 8;
const OPSET: i64 = 13;

/// The most bytes of a message; no reader takes more.
const LARGEST: u64 = (1 << 31) - 1;

/// ONNX's number for f32.
pub(super) const F32: i64 = 1;

/// What flows: its name in the graph and its shape here.
#[derive(Clone)]
struct Flow {
    name: String,
    shape: Shape,
}

/// A model in ONNX's words.
pub(crate) struct OnnxModel<'a> {
    nodes: Vec<Message>,
    initials: Vec<Initial<'a>>,
    input: Flow,
    output: Flow,
}

impl<'a> OnnxModel<'a> {
    /// A model, or all that ONNX does not have.
    pub(crate) fn new(model: &'a Model) -> std::result::Result<OnnxModel<'a>, Vec<String>> {
        let mut exporter = Exporter {
            parameters: model
                .parameters()
                .iter()
                .map(|parameter| (&*parameter.path, &parameter.value))
                .collect(),
            nodes: Vec::new(),
            initials: Vec::new(),
            taken: HashSet::from([INPUT.to_string()]),
            problems: Vec::new(),
        };
        let input = Flow { name: INPUT.into(), shape: Shape::from(model.input().shape) };
        let mut output = exporter.network(model.architecture(), "", input.clone());
        if output.name == input.name {
            output = exporter.node("Identity", "output", &[&input], input.shape, |node| node);
        }
        let Exporter { nodes, initials, problems, .. } = exporter;
        if problems.is_empty() { Ok(OnnxModel { nodes, initials, input, output }) } else { Err(problems) }
    }

    /// Writes the file.
    pub(crate) fn write(&self, to: &mut impl Write) -> Result<()> {
        let mut graph = Message::default();
        for node in &self.nodes {
            graph = graph.bytes(1, &node.0);
        }
        graph = graph.text(2, "convnet");
        for (field, flow) in [(11, &self.input), (12, &self.output)] {
            graph = graph.message(field, value_info(flow));
        }
        let headers: Vec<_> = self.initials.iter().map(Initial::header).collect();
        let size = |initial: &Initial<'_>, header: &[u8]| {
            let inner = header.len() as u64 + initial.bytes();
            start(5, inner).len() as u64 + inner
        };
        let initials: u64 =
            self.initials.iter().zip(&headers).map(|(initial, header)| size(initial, header)).sum();
        let whole = graph.0.len() as u64 + initials;
        let before = Message::default().whole(1, VERSION).text(2, "convnet");
        let opset = Message::default().text(1, "").whole(2, OPSET);
        let before = before.message(8, opset);
        if whole > LARGEST - 1024 {
            return Err(Error::other("the model is larger than the 2 GiB that an ONNX file can hold"));
        }
        to.write_all(&before.0)?;
        to.write_all(&start(7, whole))?;
        to.write_all(&graph.0)?;
        for (initial, header) in self.initials.iter().zip(&headers) {
            to.write_all(&start(5, header.len() as u64 + initial.bytes()))?;
            to.write_all(header)?;
            initial.write(to)?;
        }
        Ok(())
    }
}

/// Name, type and shape of an input or output; the batch is open.
fn value_info(flow: &Flow) -> Message {
    let mut shape = Message::default().message(1, Message::default().text(2, "N"));
    for extent in channels_first(&flow.shape) {
        shape = shape.message(1, Message::default().whole(1, extent as i64));
    }
    let tensor = Message::default().whole(1, F32).message(2, shape);
    Message::default().text(1, &flow.name).message(2, Message::default().message(1, tensor))
}

/// The extents of a value in the graph, without the batch.
fn channels_first(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [height, width, channels] => vec![channels, height, width],
        ref row => row.to_vec(),
    }
}

struct Exporter<'a> {
    parameters: HashMap<&'a str, &'a Tensor>,
    nodes: Vec<Message>,
    initials: Vec<Initial<'a>>,
    taken: HashSet<String>,
    problems: Vec<String>,
}

impl<'a> Exporter<'a> {
    fn network(&mut self, architecture: &Architecture, prefix: &str, input: Flow) -> Flow {
        let mut flows: HashMap<&str, Flow> = HashMap::from([(INPUT, input.clone())]);
        let mut last = input;
        for part in architecture.parts() {
            let path = format!("{prefix}{}", part.name);
            // The model was built from it, so every name is there.
            let inputs: Vec<Flow> = match &part.inputs {
                None => vec![last.clone()],
                Some(names) => names.iter().filter_map(|name| flows.get(name.as_str()).cloned()).collect(),
            };
            last = match &part.part {
                Part::Nested(inner) => {
                    self.network(inner, &format!("{path}/"), inputs.into_iter().next().unwrap_or(last))
                }
                Part::Layer(layer) => self.layer(&**layer, &path, &inputs),
            };
            flows.insert(&part.name, last.clone());
        }
        last
    }

    fn layer(&mut self, layer: &dyn AnyLayer, path: &str, inputs: &[Flow]) -> Flow {
        let shapes: Vec<_> = inputs.iter().map(|input| input.shape).collect();
        let (Ok(shape), Some(x)) = (layer.output_shape(&shapes), inputs.first()) else {
            self.problems.push(format!("`{path}` ({}): does not fit its inputs", layer.class()));
            return Flow { name: path.into(), shape: Shape::new(&[]) };
        };
        let window = layer.window(&shapes).map_or_else(Vec::new, settings);
        let any = layer.as_any();
        if let Some(layer) = any.downcast_ref::<Conv2D>() {
            let weights = self.weights(path, layer.use_bias, Values::OutputsFirst);
            let group = layer.groups as i64;
            self.activated(path, layer.activation, |this, name| {
                this.weighted("Conv", name, x, &weights, shape, |node| {
                    int(window.iter().fold(node, ints), "group", group)
                })
            })
        } else if let Some(layer) = any.downcast_ref::<SeparableConv2D>() {
            let between = self.depthwise_part(path, layer, x, shape, &window);
            let mut weights = self.weight(path, "pointwise_kernel", Values::OutputsFirst);
            weights.extend(self.weight(path, "bias", Values::Plain));
            self.activated(path, layer.activation, |this, name| {
                this.weighted("Conv", name, &between, &weights, shape, |node| node)
            })
        } else if let Some(layer) = any.downcast_ref::<DepthwiseConv2D>() {
            let weights = self.weights(path, layer.use_bias, Values::Depthwise);
            let group = x.shape.last().copied().unwrap_or(1) as i64;
            self.activated(path, layer.activation, |this, name| {
                this.weighted("Conv", name, x, &weights, shape, |node| {
                    int(window.iter().fold(node, ints), "group", group)
                })
            })
        } else if let Some(layer) = any.downcast_ref::<Dense>() {
            let weights = self.weights(path, layer.use_bias, Values::Plain);
            self.activated(path, layer.activation, |this, name| {
                this.weighted("Gemm", name, x, &weights, shape, |node| node)
            })
        } else if let Some(layer) = any.downcast_ref::<BatchNormalization>() {
            let channels = x.shape.last().copied().unwrap_or(0);
            let weights: Vec<_> =
                [("gamma", 1.0), ("beta", 0.0), ("moving_mean", 0.0), ("moving_variance", 1.0)]
                    .into_iter()
                    .map(|(own, otherwise)| {
                        let name = format!("{path}/{own}");
                        let values = match self.parameters.get(&*name).copied() {
                            Some(tensor) => Values::Plain(tensor),
                            None => Values::Own(vec![otherwise; channels]),
                        };
                        self.initial(&name, vec![channels], values)
                    })
                    .collect();
            let epsilon = float(Message::default(), "epsilon", layer.epsilon).0;
            let momentum = float(Message::default(), "momentum", layer.momentum).0;
            self.weighted("BatchNormalization", path, x, &weights, shape, |mut node| {
                node.0.extend(epsilon.into_iter().chain(momentum));
                node
            })
        } else if any.is::<MaxPooling2D>() {
            self.node("MaxPool", path, &[x], shape, |node| window.iter().fold(node, ints))
        } else if any.is::<AveragePooling2D>() {
            // Averages know no gaps between taps in this version.
            let window = window.iter().filter(|(name, _)| *name != "dilations");
            self.node("AveragePool", path, &[x], shape, |node| window.fold(node, ints))
        } else if any.is::<GlobalAveragePooling2D>() {
            self.global("GlobalAveragePool", path, x, shape)
        } else if any.is::<GlobalMaxPooling2D>() {
            self.global("GlobalMaxPool", path, x, shape)
        } else if let Some(layer) = any.downcast_ref::<ZeroPadding2D>() {
            let [[top, bottom], [left, right]] = layer.padding;
            let pads = [0, 0, top, left, 0, 0, bottom, right].map(|pixels| pixels as i64).to_vec();
            let pads = self.initial(&format!("{path}/pads"), vec![8], Values::Wholes(pads));
            self.weighted("Pad", path, x, &[pads], shape, |node| node)
        } else if let Some(layer) = any.downcast_ref::<Rescaling>() {
            let scale = self.initial(&format!("{path}/scale"), vec![1], Values::Own(vec![layer.scale]));
            let offset = self.initial(&format!("{path}/offset"), vec![1], Values::Own(vec![layer.offset]));
            let scaled = self.weighted("Mul", &format!("{path}/scaled"), x, &[scale], shape, |node| node);
            self.weighted("Add", path, &scaled, &[offset], shape, |node| node)
        } else if let Some(layer) = any.downcast_ref::<ReLU>() {
            match layer.max_value {
                None => self.node("Relu", path, &[x], shape, |node| node),
                Some(maximum) => {
                    let low = self.initial(&format!("{path}/min"), vec![], Values::Own(vec![0.0]));
                    let high = self.initial(&format!("{path}/max"), vec![], Values::Own(vec![maximum]));
                    self.weighted("Clip", path, x, &[low, high], shape, |node| node)
                }
            }
        } else if let Some(layer) = any.downcast_ref::<Activation>() {
            self.activation(path, layer.activation, x)
        } else if any.is::<Sigmoid>() {
            self.activation(path, ActivationKind::Sigmoid, x)
        } else if any.is::<Softmax>() {
            self.activation(path, ActivationKind::Softmax, x)
        } else if let Some(layer) = any.downcast_ref::<Dropout>() {
            let ratio = self.initial(&format!("{path}/ratio"), vec![], Values::Own(vec![layer.rate]));
            self.weighted("Dropout", path, x, &[ratio], shape, |node| node)
        } else if any.is::<Flatten>() || any.is::<Reshape>() {
            self.reshape(path, x, shape)
        } else if any.is::<Add>() {
            let all: Vec<_> = inputs.iter().collect();
            let operation = if all.len() == 2 { "Add" } else { "Sum" };
            self.node(operation, path, &all, shape, |node| node)
        } else if any.is::<Concatenate>() {
            let all: Vec<_> = inputs.iter().collect();
            self.node("Concat", path, &all, shape, |node| int(node, "axis", 1))
        } else {
            self.problems.push(format!("`{path}` ({}): is not known here", layer.class()));
            Flow { name: path.into(), shape }
        }
    }

    /// The depthwise convolution with which a separable one begins.
    fn depthwise_part(
        &mut self,
        path: &str,
        layer: &SeparableConv2D,
        x: &Flow,
        shape: Shape,
        window: &[(&'static str, Vec<i64>)],
    ) -> Flow {
        let channels = x.shape.last().copied().unwrap_or(1);
        let shape = match *shape {
            [height, width, _] => Shape::from([height, width, channels * layer.depth_multiplier]),
            _ => shape,
        };
        let weights = self.weight(path, "depthwise_kernel", Values::Depthwise);
        self.weighted("Conv", &format!("{path}/depthwise"), x, &weights, shape, |node| {
            int(window.iter().fold(node, ints), "group", channels as i64)
        })
    }

    /// Pooling of whole pictures, to one pixel or to a row.
    fn global(&mut self, operation: &str, path: &str, x: &Flow, shape: Shape) -> Flow {
        let pixel = Shape::from([1, 1, x.shape.last().copied().unwrap_or(0)]);
        if shape == pixel {
            return self.node(operation, path, &[x], pixel, |node| node);
        }
        let pooled = self.node(operation, &format!("{path}/pixel"), &[x], pixel, |node| node);
        self.node("Flatten", path, &[&pooled], shape, |node| node)
    }

    /// Kernel and bias of a layer.
    fn weights(
        &mut self,
        path: &str,
        use_bias: bool,
        kernel: impl Fn(&'a Tensor) -> Values<'a>,
    ) -> Vec<String> {
        let mut names = self.weight(path, "kernel", kernel);
        if use_bias {
            names.extend(self.weight(path, "bias", Values::Plain));
        }
        names
    }

    /// One weight of a layer, if the layer has it.
    fn weight(&mut self, path: &str, own: &str, values: impl Fn(&'a Tensor) -> Values<'a>) -> Vec<String> {
        let name = format!("{path}/{own}");
        let Some(&tensor) = self.parameters.get(&*name) else { return Vec::new() };
        let values = values(tensor);
        let extents = match (&values, &*tensor.shape()) {
            (Values::OutputsFirst(_), &[rows, columns, input, output]) => vec![output, input, rows, columns],
            (Values::Depthwise(_), &[rows, columns, input, multiplier]) => {
                vec![input * multiplier, 1, rows, columns]
            }
            (_, shape) => shape.to_vec(),
        };
        vec![self.initial(&name, extents, values)]
    }

    fn initial(&mut self, name: &str, extents: Vec<usize>, values: Values<'a>) -> String {
        let name = free(&mut self.taken, name);
        self.initials.push(Initial { name: name.clone(), extents, values });
        name
    }

    /// A layer with its activation behind it; the value of the layer's name is the activated one.
    fn activated(
        &mut self,
        path: &str,
        activation: ActivationKind,
        layer: impl FnOnce(&mut Self, &str) -> Flow,
    ) -> Flow {
        if activation == ActivationKind::Linear {
            return layer(self, path);
        }
        let linear = layer(self, &format!("{path}/linear"));
        self.activation(path, activation, &linear)
    }

    fn activation(&mut self, path: &str, activation: ActivationKind, x: &Flow) -> Flow {
        let (operation, axis) = match activation {
            ActivationKind::Linear => ("Identity", false),
            ActivationKind::Relu => ("Relu", false),
            ActivationKind::Sigmoid => ("Sigmoid", false),
            ActivationKind::Softmax => ("Softmax", true),
        };
        self.node(operation, path, &[x], x.shape, |node| if axis { int(node, "axis", 1) } else { node })
    }

    /// Another shape of the same numbers, pixel by pixel as here.
    fn reshape(&mut self, path: &str, x: &Flow, shape: Shape) -> Flow {
        let is_picture = |shape: &Shape| matches!(**shape, [height, width, _] if height * width > 1);
        let mut x = x.clone();
        if is_picture(&x.shape) {
            x = self.node("Transpose", &format!("{path}/pixels"), &[&x], x.shape, |node| {
                ints(node, &("perm", vec![0, 2, 3, 1]))
            });
        }
        let turned = is_picture(&shape);
        let extents = if turned { shape.to_vec() } else { channels_first(&shape) };
        let target: Vec<i64> = [0].into_iter().chain(extents.iter().map(|&extent| extent as i64)).collect();
        let target = self.initial(&format!("{path}/shape"), vec![target.len()], Values::Wholes(target));
        let name = if turned { format!("{path}/reshaped") } else { path.to_string() };
        let y = self.weighted("Reshape", &name, &x, &[target], shape, |node| node);
        if !turned {
            return y;
        }
        self.node("Transpose", path, &[&y], shape, |node| ints(node, &("perm", vec![0, 3, 1, 2])))
    }

    fn weighted(
        &mut self,
        operation: &str,
        name: &str,
        x: &Flow,
        weights: &[String],
        shape: Shape,
        attributes: impl FnOnce(Message) -> Message,
    ) -> Flow {
        let names: Vec<_> = [&x.name].into_iter().chain(weights).map(String::as_str).collect();
        self.emit(operation, name, &names, shape, attributes)
    }

    fn node(
        &mut self,
        operation: &str,
        name: &str,
        inputs: &[&Flow],
        shape: Shape,
        attributes: impl FnOnce(Message) -> Message,
    ) -> Flow {
        let names: Vec<_> = inputs.iter().map(|input| &*input.name).collect();
        self.emit(operation, name, &names, shape, attributes)
    }

    fn emit(
        &mut self,
        operation: &str,
        name: &str,
        inputs: &[&str],
        shape: Shape,
        attributes: impl FnOnce(Message) -> Message,
    ) -> Flow {
        let name = free(&mut self.taken, name);
        let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = node.text(2, &name).text(3, &name).text(4, operation);
        self.nodes.push(attributes(node));
        Flow { name, shape }
    }
}
