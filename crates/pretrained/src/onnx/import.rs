//! From an ONNX graph to an architecture: what flows where, and what the parts are called.
//!
//! ONNX has pictures channels first, here they are channels last. A picture that flows through the graph is known with
//! its order there, so that transpositions around a graph and flattening cost nothing here: they only say in which order
//! the rows of the next dense layer stand.

use super::scan::{Attribute, Constant, Few, Graph, Node, is_onnx};
use crate::keras::Described;
use crate::regions::Region;
use crate::stored::{Layout, StoredLayer, StoredTensor};
use convnet_layers::layer::AnyLayer;
use convnet_layers::{Architecture, Conv2D, Dense, DepthwiseConv2D, INPUT, NamedLayer, Part, snake_case};
use convnet_tensor::Shape;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The most characters of a part's name; the layers allow 200 bytes.
const LONGEST_NAME: usize = 120;

/// The most numbers of one picture; a model refuses more.
const LARGEST: usize = 1 << 32;

/// What a value of the graph is here.
#[derive(Clone, Debug)]
pub(super) enum Flow {
    /// Pictures, given by a part.
    Picture {
        source: String,
        /// Height, width and channels, where they are known.
        shape: [Option<usize>; 3],
        /// Whether the graph has the channels last, as we do.
        channels_last: bool,
    },
    /// Rows of numbers, given by a part.
    Row {
        source: String,
        size: Option<usize>,
        /// Whether the graph flattened a picture into it channel by channel.
        by_channel: bool,
    },
    /// A shape, computed in the graph.
    Extents(Vec<Extent>),
    /// A tensor of the file.
    Constant(String),
    /// What comes out of an operation that is not supported.
    Refused,
}

/// One number of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Known(i64),
    /// The number of pictures.
    Batch,
    Unknown,
}

/// A part of the architecture to be.
pub(super) enum Kind {
    Conv(Conv2D),
    Depthwise(DepthwiseConv2D),
    Dense(Dense),
    Other(Arc<dyn AnyLayer>),
}

impl Kind {
    fn layer(&self) -> Arc<dyn AnyLayer> {
        match self {
            Kind::Conv(layer) => Arc::new(layer.clone()),
            Kind::Depthwise(layer) => Arc::new(layer.clone()),
            Kind::Dense(layer) => Arc::new(layer.clone()),
            Kind::Other(layer) => Arc::clone(layer),
        }
    }
}

pub(super) struct Emitted {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) inputs: Vec<String>,
    pub(super) weights: StoredLayer,
}

/// Reads a graph node by node and gathers all that is not supported.
pub(super) struct Importer<'a> {
    pub(super) graph: &'a Graph,
    pub(super) constants: HashMap<String, Constant>,
    pub(super) flows: HashMap<String, Flow>,
    /// How many nodes read a value.
    pub(super) uses: HashMap<&'a str, usize>,
    pub(super) parts: Vec<Emitted>,
    taken: HashSet<String>,
    /// The last number behind each name that came twice.
    numbers: HashMap<String, usize>,
    problems: Vec<String>,
    /// The batch of a graph that was exported for a fixed one.
    pub(super) batch: Option<usize>,
}

/// What is made of a graph.
pub(super) struct Imported {
    pub(super) described: Described,
    pub(super) layers: Vec<StoredLayer>,
    pub(super) regions: HashMap<String, Region>,
}

/// Reads a whole graph.
pub(super) fn import(graph: &Graph) -> Imported {
    let mut importer = Importer {
        graph,
        constants: graph.constants.clone(),
        flows: HashMap::new(),
        uses: HashMap::new(),
        parts: Vec::new(),
        taken: HashSet::from([INPUT.to_string()]),
        numbers: HashMap::new(),
        problems: graph.foreign.iter().map(|foreign| format!("{foreign} are not supported")).collect(),
        batch: None,
    };
    let needed = needed(graph);
    let nodes = || graph.nodes.iter().zip(&needed).filter(|(_, needed)| **needed).map(|(node, _)| node);
    for input in nodes().flat_map(|node| &node.inputs) {
        *importer.uses.entry(input).or_default() += 1;
    }
    let input = importer.input();
    for node in nodes() {
        importer.node(node);
    }
    importer.output();
    importer.finish(input)
}

/// Which nodes the first output needs, itself or through others.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut wanted: HashSet<&str> = graph.outputs.iter().map(String::as_str).collect();
    let mut needed = vec![false; graph.nodes.len()];
    for (node, needed) in graph.nodes.iter().zip(&mut needed).rev() {
        if node.outputs.iter().any(|output| wanted.contains(output.as_str())) {
            *needed = true;
            wanted.extend(node.inputs.iter().map(String::as_str));
        }
    }
    needed
}

impl<'a> Importer<'a> {
    /// Where pictures come in, and their height, width and channels.
    fn input(&mut self) -> Option<[Option<usize>; 3]> {
        let [(name, shape)] = &self.graph.inputs[..] else {
            let count = self.graph.inputs.len();
            self.problems.push(format!("{count} inputs; networks with one are supported"));
            return None;
        };
        let extents = match shape.as_deref() {
            Some(&[batch, a, b, c]) => {
                self.batch = batch;
                [a, b, c]
            }
            Some(other) => {
                self.problems.push(format!(
                    "the input `{name}` has {} axes; pictures with a batch axis have 4",
                    other.len()
                ));
                return None;
            }
            None => [None; 3],
        };
        let channels_last = self.input_is_channels_last(name, extents);
        let [a, b, c] = extents;
        let shape = if channels_last { [a, b, c] } else { [b, c, a] };
        self.flows.insert(name.clone(), Flow::Picture { source: INPUT.into(), shape, channels_last });
        Some(shape)
    }

    /// The first operation that looks at axes tells their order.
    fn input_is_channels_last(&self, name: &str, [first, _, last]: [Option<usize>; 3]) -> bool {
        let mut followed = HashSet::from([name]);
        for node in &self.graph.nodes {
            if !node.inputs.iter().any(|input| followed.contains(input.as_str())) {
                continue;
            }
            match &*node.operation {
                "Transpose" => return wholes(node, "perm") == Some(&[0, 3, 1, 2]),
                "Conv" | "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool"
                | "BatchNormalization" => return false,
                "Identity" | "Cast" | "Add" | "Sub" | "Mul" | "Div" | "Relu" | "Clip" | "Pad" => {
                    followed.extend(node.outputs.iter().map(String::as_str));
                }
                _ => break,
            }
        }
        let few = |extent: Option<usize>| matches!(extent, Some(1 | 3 | 4));
        few(last) && !few(first)
    }

    fn node(&mut self, node: &'a Node) {
        let found = if is_onnx(&node.domain) {
            self.operation(node)
        } else {
            Err(format!("operations of `{}` are not supported", node.domain))
        };
        let flow = found.unwrap_or_else(|why| {
            self.problem(node, why);
            Flow::Refused
        });
        for (place, output) in node.outputs.iter().enumerate().filter(|(_, output)| !output.is_empty()) {
            // Second outputs are masks and statistics of training.
            let flow = if place == 0 { flow.clone() } else { Flow::Refused };
            self.flows.insert(output.clone(), flow);
        }
    }

    /// Notes what is not supported about a node.
    pub(super) fn problem(&mut self, node: &Node, why: impl std::fmt::Display) {
        let name = [&node.name].into_iter().chain(&node.outputs).find(|name| !name.is_empty());
        self.problems.push(format!("`{}` ({}): {why}", name.map_or("", String::as_str), node.operation));
    }

    /// What an input of a node is.
    pub(super) fn flow(&self, node: &Node, place: usize) -> Result<Flow, String> {
        let Some(name) = node.inputs.get(place).filter(|name| !name.is_empty()) else {
            return Err(format!("lacks its input {place}"));
        };
        if let Some(flow) = self.flows.get(name) {
            return Ok(flow.clone());
        }
        if self.constants.contains_key(name) {
            return Ok(Flow::Constant(name.clone()));
        }
        Err(format!("reads `{name}`, which nothing before it gives"))
    }

    /// The constant that a node reads, if there is one at that place.
    pub(super) fn constant(&self, node: &Node, place: usize) -> Result<Option<&Constant>, String> {
        let Some(name) = node.inputs.get(place).filter(|name| !name.is_empty()) else { return Ok(None) };
        let name = match self.flows.get(name) {
            Some(Flow::Constant(alias)) => alias,
            _ => name,
        };
        match self.constants.get(name) {
            Some(constant) => Ok(Some(constant)),
            None => {
                Err(format!("its input {place} is computed; only one that stands in the file is supported"))
            }
        }
    }

    /// A weight of a node as a tensor of the file under its name in our layer.
    pub(super) fn weight(&self, node: &Node, place: usize) -> Result<Option<StoredTensor>, String> {
        let Some(constant) = self.constant(node, place)? else { return Ok(None) };
        match &constant.region {
            Ok(_) => Ok(Some(constant.tensor.clone())),
            Err(why) => Err(format!("`{}` {why}", constant.tensor.name)),
        }
    }

    /// Few whole numbers that a node reads: a shape, axes.
    pub(super) fn few_wholes(&self, node: &Node, place: usize) -> Result<Option<Vec<i64>>, String> {
        match self.constant(node, place)? {
            None => Ok(None),
            Some(Constant { few: Some(Few::Wholes(wholes)), .. }) => Ok(Some(wholes.clone())),
            Some(constant) => Err(format!("`{}` is no short list of whole numbers", constant.tensor.name)),
        }
    }

    /// One number that a node reads.
    pub(super) fn scalar(&self, node: &Node, place: usize) -> Result<Option<f32>, String> {
        match self.constant(node, place)? {
            None => Ok(None),
            Some(Constant { few: Some(Few::Fractions(numbers)), .. }) if numbers.len() == 1 => {
                Ok(Some(numbers[0]))
            }
            Some(Constant { few: Some(Few::Wholes(numbers)), .. }) if numbers.len() == 1 => {
                Ok(Some(numbers[0] as f32))
            }
            Some(constant) => Err(format!("`{}` is not one number", constant.tensor.name)),
        }
    }

    /// Adds a part that reads `inputs`; returns its name.
    pub(super) fn emit(
        &mut self,
        node: &Node,
        kind: Kind,
        inputs: Vec<String>,
        weights: Vec<(&str, StoredTensor)>,
        layout: Layout,
    ) -> String {
        let name = self.free_name(node, weights.first().map(|(_, tensor)| &*tensor.name));
        let tensors = weights.into_iter().map(|(own, tensor)| (own.to_string(), tensor)).collect();
        let weights = StoredLayer { path: Some(name.clone()), tensors, layout, ..StoredLayer::default() };
        self.parts.push(Emitted { name: name.clone(), kind, inputs, weights });
        name
    }

    /// Adds a part without weights behind a picture or a row; returns what comes out of it.
    pub(super) fn pass(&mut self, node: &Node, layer: impl AnyLayer + 'static, flow: Flow) -> Flow {
        let layer: Arc<dyn AnyLayer> = Arc::new(layer);
        let mut add = |source: String| {
            self.emit(node, Kind::Other(Arc::clone(&layer)), vec![source], Vec::new(), Layout::default())
        };
        match flow {
            Flow::Picture { source, shape, channels_last } => {
                let shape = behind(&*layer, shape, shape[2]);
                Flow::Picture { source: add(source), shape, channels_last }
            }
            Flow::Row { source, size, by_channel } => Flow::Row { source: add(source), size, by_channel },
            other => other,
        }
    }

    /// A name for a part: that of its weights (`features.0` for `features.0.weight`), else that of its node.
    fn free_name(&mut self, node: &Node, weight: Option<&str>) -> String {
        let of_weight = weight.and_then(|weight| weight.rfind(['/', '.']).map(|end| &weight[..end]));
        let of_node =
            node.name.strip_suffix(&*node.operation).map(|name| name.trim_end_matches(['/', '.', '_']));
        let class = snake_case(&node.operation);
        let candidates = [of_weight, of_node, Some(&*node.name), Some(&*class)];
        let clean = |name: &str| {
            let letters = name.trim_matches(['/', '.']).chars().filter(|letter| !letter.is_control());
            letters.take(LONGEST_NAME / 4).map(|letter| if letter == '/' { '.' } else { letter }).collect()
        };
        let names = candidates.into_iter().flatten().map(clean);
        let base: String = names.into_iter().find(|name: &String| !name.is_empty()).unwrap_or(class.clone());
        let mut name = base.clone();
        let number = self.numbers.entry(base.clone()).or_default();
        while !self.taken.insert(name.clone()) {
            *number += 1;
            name = format!("{base}_{number}");
        }
        name
    }

    /// Looks at what comes out of the graph.
    fn output(&mut self) {
        let [output] = &self.graph.outputs[..] else {
            let count = self.graph.outputs.len();
            self.problems.push(format!("{count} outputs; networks with one are supported"));
            return;
        };
        let last = self.parts.last().map_or(INPUT, |part| &part.name);
        match self.flows.get(output) {
            Some(Flow::Picture { source, .. }) if source == last => {}
            Some(Flow::Row { source, by_channel, .. }) if source == last => {
                if *by_channel {
                    self.problems.push(format!(
                        "the output `{output}` is a picture flattened channel by channel; give the picture out, or a \
                         layer behind it"
                    ));
                }
            }
            Some(Flow::Refused) => {}
            _ => self.problems.push(format!("the output `{output}` is not that of the last layer")),
        }
    }

    fn finish(self, input: Option<[Option<usize>; 3]>) -> Imported {
        let mut architecture = Architecture::new();
        let mut layers = Vec::new();
        let mut last = INPUT.to_string();
        for Emitted { name, kind, inputs, weights } in self.parts {
            let chained = inputs.len() == 1 && inputs[0] == last;
            let part = Part::Layer(kind.layer());
            last.clone_from(&name);
            architecture = architecture.part(NamedLayer { name, part, inputs: (!chained).then_some(inputs) });
            layers.push(weights);
        }
        let regions =
            self.constants.into_iter().filter_map(|(name, constant)| Some((name, constant.region.ok()?)));
        Imported {
            described: Described { architecture, input, problems: self.problems },
            layers,
            regions: regions.collect(),
        }
    }
}

/// The shape of the pictures behind a layer; without knowing those before it, only the channels are known.
pub(super) fn behind(
    layer: &dyn AnyLayer,
    shape: [Option<usize>; 3],
    channels: Option<usize>,
) -> [Option<usize>; 3] {
    let open = [None, None, channels];
    let [Some(height), Some(width), Some(depth)] = shape else { return open };
    let before = Shape::from([height, width, depth]);
    if before.checked_size().is_none_or(|size| size > LARGEST) {
        return open;
    }
    match layer.output_shape(&[before]).as_deref() {
        Ok(&[height, width, channels]) => [Some(height), Some(width), Some(channels)],
        // The mistake is found again when a model is made of the architecture.
        _ => open,
    }
}

/// A list of whole numbers among the attributes.
pub(super) fn wholes<'n>(node: &'n Node, name: &str) -> Option<&'n [i64]> {
    match node.attributes.get(name) {
        Some(Attribute::Wholes(wholes)) => Some(wholes),
        _ => None,
    }
}

/// A whole number among the attributes.
pub(super) fn whole(node: &Node, name: &str, default: i64) -> i64 {
    match node.attributes.get(name) {
        Some(Attribute::Whole(whole)) => *whole,
        _ => default,
    }
}

/// A number among the attributes.
pub(super) fn fraction(node: &Node, name: &str) -> Option<f32> {
    match node.attributes.get(name) {
        Some(Attribute::Fraction(fraction)) => Some(*fraction),
        _ => None,
    }
}

/// A text among the attributes.
pub(super) fn text<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    match node.attributes.get(name) {
        Some(Attribute::Text(text)) => Some(text),
        _ => None,
    }
}
