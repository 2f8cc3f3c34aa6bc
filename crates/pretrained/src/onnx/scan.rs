//! The graph of an ONNX model as the file has it: nodes, constants, inputs and outputs.

use super::wire::{Field, Span, Wire};
use crate::number::NumberType;
use crate::regions::Region;
use crate::stored::StoredTensor;
use std::collections::HashMap;

/// The most nodes of a graph.
const MOST_NODES: usize = 10_000;

/// The most tensors, inputs and outputs of a graph.
const MOST_VALUES: usize = 1 << 16;

/// Pictures with a longer side are not believed; their size counts as open.
const LONGEST_SIDE: usize = 1 << 16;

/// The most inputs, outputs and attributes of a node, and numbers of an attribute.
const MOST_PARTS: usize = 1 << 12;

/// Constants of so few numbers are read at once: shapes, axes, limits.
const FEW: usize = 64;

/// The most axes of a tensor.
const MOST_AXES: usize = 32;

/// A tensor whose numbers stand in the file.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) tensor: StoredTensor,
    /// Where its numbers lie, or why they cannot be read.
    pub(super) region: Result<Region, String>,
    /// The numbers themselves where they are few.
    pub(super) few: Option<Few>,
}

/// A few numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Few {
    Wholes(Vec<i64>),
    Fractions(Vec<f32>),
}

/// A setting of a node.
#[derive(Clone, Debug)]
pub(super) enum Attribute {
    Whole(i64),
    Fraction(f32),
    Text(String),
    Wholes(Vec<i64>),
    Tensor(Box<Constant>),
    /// Graphs, strings and the like.
    Other,
}

/// An operation.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) operation: String,
    pub(super) domain: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) attributes: HashMap<String, Attribute>,
}

/// A graph.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) opset: i64,
    /// Functions and domains of others, sparse weights: what this reader knows nothing of.
    pub(super) foreign: Vec<String>,
    pub(super) nodes: Vec<Node>,
    pub(super) constants: HashMap<String, Constant>,
    /// Each with its extents, `None` where one is open; no extents where nothing is said.
    pub(super) inputs: Vec<(String, Option<Vec<Option<usize>>>)>,
    pub(super) outputs: Vec<String>,
}

/// Reads the graph of a model that takes the whole file.
pub(super) fn read(wire: &mut Wire, length: u64) -> Result<Graph, String> {
    let mut graph = Graph::default();
    let (mut version, mut found) = (None, None);
    wire.fields(Span { start: 0, end: length }, |wire, number, field| {
        match (number, field) {
            (1, Field::Whole(number)) => version = Some(number),
            (7, Field::Bytes(_)) if found.is_some() => return Err("holds two graphs".into()),
            (7, Field::Bytes(span)) => found = Some(span),
            (8, Field::Bytes(span)) => {
                let (mut domain, mut opset) = (String::new(), 0);
                wire.fields(span, |wire, number, field| {
                    match (number, field) {
                        (1, field) => domain = wire.text(field)?,
                        (2, Field::Whole(number)) => opset = number as i64,
                        _ => {}
                    }
                    Ok(())
                })?;
                if is_onnx(&domain) {
                    graph.opset = opset;
                }
            }
            (25, _) => graph.foreign.push("functions of its own".into()),
            _ => {}
        }
        Ok(())
    })?;
    let span = found.filter(|_| version.is_some()).ok_or("is no ONNX model: it holds no graph")?;
    read_graph(wire, span, &mut graph)?;
    Ok(graph)
}

/// Whether a domain is that of the standard operations.
pub(super) fn is_onnx(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

fn read_graph(wire: &mut Wire, span: Span, graph: &mut Graph) -> Result<(), String> {
    wire.fields(span, |wire, number, field| {
        let Field::Bytes(span) = field else { return Ok(()) };
        match number {
            1 => {
                if graph.nodes.len() == MOST_NODES {
                    return Err(format!("holds more than {MOST_NODES} nodes"));
                }
                let node = read_node(wire, span)?;
                graph.nodes.push(node);
            }
            5 => {
                if graph.constants.len() == MOST_VALUES {
                    return Err(format!("holds more than {MOST_VALUES} tensors"));
                }
                let constant = read_constant(wire, span)?;
                let name = constant.tensor.name.clone();
                if graph.constants.insert(name.clone(), constant).is_some() {
                    return Err(format!("holds two tensors called `{name}`"));
                }
            }
            11 => {
                let input = read_value(wire, span)?;
                graph.inputs.push(input);
            }
            12 => {
                let (name, _) = read_value(wire, span)?;
                graph.outputs.push(name);
            }
            15 => graph.foreign.push("sparse tensors".into()),
            _ => {}
        }
        if graph.inputs.len().max(graph.outputs.len()) > MOST_VALUES {
            return Err("has more inputs or outputs than any network".into());
        }
        Ok(())
    })?;
    // Before version 4 of the format, every initial value was an input too.
    graph.inputs.retain(|(name, _)| !graph.constants.contains_key(name));
    Ok(())
}

fn read_node(wire: &mut Wire, span: Span) -> Result<Node, String> {
    let mut node = Node::default();
    wire.fields(span, |wire, number, field| {
        match number {
            1 => node.inputs.push(wire.text(field)?),
            2 => node.outputs.push(wire.text(field)?),
            3 => node.name = wire.text(field)?,
            4 => node.operation = wire.text(field)?,
            5 => {
                let Field::Bytes(span) = field else { return Err("is damaged: no attribute".into()) };
                let (name, attribute) = read_attribute(wire, span)?;
                node.attributes.insert(name, attribute);
            }
            7 => node.domain = wire.text(field)?,
            _ => {}
        }
        if node.inputs.len().max(node.outputs.len()).max(node.attributes.len()) > MOST_PARTS {
            return Err("has a node with more parts than any operation".into());
        }
        Ok(())
    })?;
    Ok(node)
}

fn read_attribute(wire: &mut Wire, span: Span) -> Result<(String, Attribute), String> {
    let (mut name, mut attribute) = (String::new(), None);
    let mut wholes = Vec::new();
    wire.fields(span, |wire, number, field| {
        match (number, field) {
            (1, field) => name = wire.text(field)?,
            (2, Field::Four(bytes)) => attribute = Some(Attribute::Fraction(f32::from_le_bytes(bytes))),
            (3, Field::Whole(number)) => attribute = Some(Attribute::Whole(number as i64)),
            (4, Field::Bytes(span)) => {
                // A text of a setting is a word; a longer one is something else.
                attribute = Some(match wire.bytes(span, 1 << 10) {
                    Ok(bytes) => Attribute::Text(String::from_utf8_lossy(&bytes).into_owned()),
                    Err(_) => Attribute::Other,
                });
            }
            (5, Field::Bytes(span)) => {
                attribute = Some(Attribute::Tensor(Box::new(read_constant(wire, span)?)));
            }
            (8, field) => wire.wholes(field, MOST_PARTS, &mut wholes)?,
            (6 | 7 | 9..=11 | 15 | 22 | 23, _) => attribute = Some(Attribute::Other),
            _ => {}
        }
        Ok(())
    })?;
    Ok((name, attribute.unwrap_or(Attribute::Wholes(wholes))))
}

/// The extents of a value, where they are told; an extent may be left open.
type Extents = Option<Vec<Option<usize>>>;

/// The name and the extents of a graph's input or output.
fn read_value(wire: &mut Wire, span: Span) -> Result<(String, Extents), String> {
    let (mut name, mut shape) = (String::new(), None);
    let mut path = vec![(span, 0)];
    // ValueInfo › Type › Tensor › Shape › Dimension, one in the other.
    while let Some((span, depth)) = path.pop() {
        let mut extent = None;
        let mut inner = Vec::new();
        wire.fields(span, |wire, number, field| {
            match (depth, number, field) {
                (0, 1, field) => name = wire.text(field)?,
                (0, 2, Field::Bytes(span)) => inner.push((span, 1)),
                (1, 1, Field::Bytes(span)) => inner.push((span, 2)),
                (2, 2, Field::Bytes(span)) => {
                    shape = Some(Vec::new());
                    inner.push((span, 3));
                }
                (3, 1, Field::Bytes(span)) => inner.push((span, 4)),
                (4, 1, Field::Whole(number)) => extent = usize::try_from(number as i64).ok(),
                _ => {}
            }
            if inner.len() > MOST_AXES {
                Err("has an input with more axes than any picture".into())
            } else {
                Ok(())
            }
        })?;
        if let (4, Some(shape)) = (depth, &mut shape) {
            shape.push(extent.filter(|extent| (1..=LONGEST_SIDE).contains(extent)));
        }
        path.extend(inner.into_iter().rev());
    }
    Ok((name, shape))
}

fn read_constant(wire: &mut Wire, span: Span) -> Result<Constant, String> {
    let (mut name, mut extents, mut kind, mut elsewhere) = (String::new(), Vec::new(), 0, false);
    // Raw bytes, packed numbers of the field of their type, or numbers one by one.
    let (mut raw, mut packed, mut fractions, mut wholes) = (None, None, Vec::new(), Vec::new());
    wire.fields(span, |wire, number, field| {
        match (number, field) {
            (1, field) => wire.wholes(field, MOST_AXES, &mut extents)?,
            (2, Field::Whole(number)) => kind = number,
            (4 | 10, Field::Bytes(span)) => packed = Some(span),
            // One by one: only a few are worth reading.
            (4, Field::Four(bytes)) if fractions.len() < FEW => fractions.push(f32::from_le_bytes(bytes)),
            (5 | 7, Field::Whole(whole)) if wholes.len() < FEW => wholes.push(whole as i64),
            (5 | 7, Field::Bytes(span)) if span.length() <= 10 * FEW as u64 => {
                wire.wholes(field, 10 * FEW, &mut wholes)?;
            }
            (8, field) => name = wire.text(field)?,
            (9, Field::Bytes(span)) => raw = Some(span),
            (13, _) => elsewhere = true,
            (14, Field::Whole(place)) => elsewhere |= place == 1,
            _ => {}
        }
        Ok(())
    })?;
    let shape: Option<Vec<usize>> = extents.iter().map(|&extent| usize::try_from(extent).ok()).collect();
    let shape = shape.ok_or_else(|| format!("has a tensor `{name}` with an extent below 0"))?;
    let tensor = StoredTensor { name, shape, numbers: numbers(kind) };
    let region = match (raw.or(packed), tensor.bytes()) {
        _ if elsewhere => {
            Err("stands in another file, which is never opened; save the model as one file".into())
        }
        _ if tensor.numbers == NumberType::Other => Err("holds no numbers that can be weights".into()),
        (Some(span), Some(bytes)) if bytes == span.length() => {
            Ok(Region { start: span.start, strides: None, big_endian: false })
        }
        (None, Some(0)) => Ok(Region { start: 0, strides: None, big_endian: false }),
        (found, _) => Err(format!(
            "has {} bytes of numbers, which is not what the shape {:?} of {} takes",
            found.map_or(0, Span::length),
            tensor.shape,
            tensor.numbers
        )),
    };
    let few = few_of(wire, &tensor, raw.or(packed), (fractions, wholes))?;
    Ok(Constant { tensor, region, few })
}

/// The numbers of a small constant: from their bytes, or those that stood one by one.
fn few_of(
    wire: &mut Wire,
    tensor: &StoredTensor,
    span: Option<Span>,
    (fractions, wholes): (Vec<f32>, Vec<i64>),
) -> Result<Option<Few>, String> {
    let Some(size) = tensor.size().filter(|size| *size <= FEW) else { return Ok(None) };
    let whole = matches!(tensor.numbers, NumberType::I32 | NumberType::I64 | NumberType::Bool);
    let Some(span) = span else {
        return Ok(match whole {
            true if wholes.len() == size => Some(Few::Wholes(wholes)),
            false if fractions.len() == size => Some(Few::Fractions(fractions)),
            _ => None,
        });
    };
    if tensor.bytes() != Some(span.length()) {
        return Ok(None);
    }
    let bytes = wire.bytes(span, 8 * FEW as u64)?;
    if tensor.numbers == NumberType::I64 {
        let wholes = bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
        return Ok(Some(Few::Wholes(wholes.collect())));
    }
    let mut numbers = vec![0.0; size];
    tensor.numbers.widen(&bytes, &mut numbers);
    Ok(Some(if whole {
        Few::Wholes(numbers.iter().map(|&number| number as i64).collect())
    } else {
        Few::Fractions(numbers)
    }))
}

/// ONNX's numbers for types of numbers.
fn numbers(kind: u64) -> NumberType {
    match kind {
        1 => NumberType::F32,
        2 => NumberType::U8,
        3 => NumberType::I8,
        4 => NumberType::U16,
        5 => NumberType::I16,
        6 => NumberType::I32,
        7 => NumberType::I64,
        9 => NumberType::Bool,
        10 => NumberType::F16,
        11 => NumberType::F64,
        12 => NumberType::U32,
        13 => NumberType::U64,
        16 => NumberType::BF16,
        _ => NumberType::Other,
    }
}
