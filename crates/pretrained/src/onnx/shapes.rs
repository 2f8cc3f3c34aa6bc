//! What changes shapes and orders alone: flattening, turning around, and shapes computed in the graph.

use super::import::{Extent, Flow, Importer, Kind, whole, wholes};
use super::scan::{Constant, Few, Node};
use crate::regions::Region;
use crate::stored::{Layout, StoredTensor};
use convnet_layers::{Flatten, Reshape};
use std::sync::Arc;

/// The most numbers of a shape.
const MOST_EXTENTS: usize = 64;

impl Importer<'_> {
    pub(super) fn flatten(&mut self, node: &Node) -> Result<Flow, String> {
        let axis = whole(node, "axis", 1);
        let flow = self.flow(node, 0)?;
        let fits = match &flow {
            Flow::Picture { .. } => matches!(axis, 1 | -3),
            Flow::Row { .. } => matches!(axis, 1 | -1),
            _ => matches!(axis, 1 | -1 | -3),
        };
        if !fits {
            return Err(format!("flattening from axis {axis} on is not supported, only from 1"));
        }
        self.flatten_to_row(node, flow)
    }

    /// A picture as a row of its numbers; a row stays one.
    fn flatten_to_row(&mut self, node: &Node, flow: Flow) -> Result<Flow, String> {
        match flow {
            Flow::Picture { source, shape: [height, width, channels], channels_last } => {
                let pixels = height.zip(width).and_then(|(height, width)| height.checked_mul(width));
                let size = pixels.zip(channels).and_then(|(pixels, channels)| pixels.checked_mul(channels));
                let layer = Kind::Other(Arc::new(Flatten::new()));
                let source = self.emit(node, layer, vec![source], Vec::new(), Layout::default());
                Ok(Flow::Row { source, size, by_channel: !channels_last && pixels != Some(1) })
            }
            flow @ (Flow::Row { .. } | Flow::Refused) => Ok(flow),
            _ => Err("flattens something else than pictures, which is not supported".into()),
        }
    }

    pub(super) fn reshape(&mut self, node: &Node) -> Result<Flow, String> {
        let flow = self.flow(node, 0)?;
        let target = self.target(node, 1)?;
        if matches!(flow, Flow::Refused) || target.is_none() {
            return Ok(Flow::Refused);
        }
        let target = target.unwrap_or_default();
        let unsupported = || {
            let target: Vec<_> = target.iter().map(Extent::to_string).collect();
            Err(format!("the shape [{}] is not supported here; rows of a picture are", target.join(", ")))
        };
        let [first, rest @ ..] = &target[..] else { return unsupported() };
        // The batch: kept, said to be what is left, or written down.
        let batch = match first {
            Extent::Batch | Extent::Known(-1) => true,
            // A zero keeps an extent, unless it is said to mean zero.
            Extent::Known(0) => whole(node, "allowzero", 0) == 0,
            Extent::Known(count) => self.batch.is_some_and(|batch| *count == batch as i64),
            Extent::Unknown => false,
        };
        let agrees = |size: Option<usize>, extent: &Extent| match (extent, size) {
            (Extent::Known(-1), _) | (Extent::Known(1..), None) => true,
            (Extent::Known(extent), Some(size)) => *extent == size as i64,
            _ => false,
        };
        match (&flow, rest) {
            (Flow::Picture { shape, .. }, [extent]) if batch => {
                let size = shape.iter().copied().try_fold(1usize, |size, extent| size.checked_mul(extent?));
                if agrees(size, extent) { self.flatten_to_row(node, flow) } else { unsupported() }
            }
            (Flow::Row { size, .. }, [extent]) if batch && agrees(*size, extent) => Ok(flow),
            // One pixel, back and forth: the order of its numbers is the same in every layout.
            (
                Flow::Row { source, size: Some(size), by_channel: false },
                [extent, Extent::Known(1), Extent::Known(1)],
            ) if batch && agrees(Some(*size), extent) => {
                let layer = Kind::Other(Arc::new(Reshape::new([1, 1, *size as i64])));
                let shape = [Some(1), Some(1), Some(*size)];
                let source = self.emit(node, layer, vec![source.clone()], Vec::new(), Layout::default());
                Ok(Flow::Picture { source, shape, channels_last: false })
            }
            _ => unsupported(),
        }
    }

    /// The numbers of a shape that a node reads; `None` behind what is not supported.
    fn target(&self, node: &Node, place: usize) -> Result<Option<Vec<Extent>>, String> {
        if let Some(shape) = wholes(node, "shape") {
            return Ok(Some(shape.iter().map(|&extent| Extent::Known(extent)).collect()));
        }
        match self.flow(node, place)? {
            Flow::Extents(extents) => Ok(Some(extents)),
            Flow::Refused => Ok(None),
            Flow::Constant(_) => {
                let wholes = self.few_wholes(node, place)?.unwrap_or_default();
                Ok(Some(wholes.into_iter().map(Extent::Known).collect()))
            }
            _ => Err("takes its shape from a layer's output, which is not supported".into()),
        }
    }

    pub(super) fn squeeze(&mut self, node: &Node) -> Result<Flow, String> {
        let axes = match wholes(node, "axes") {
            Some(axes) => Some(axes.to_vec()),
            None => self.few_wholes(node, 1)?,
        };
        match self.flow(node, 0)? {
            flow @ Flow::Picture { shape: [Some(1), Some(1), _], channels_last, .. } => {
                let mut axes: Vec<_> =
                    axes.unwrap_or_default().iter().map(|axis| axis.rem_euclid(4)).collect();
                axes.sort_unstable();
                if axes == if channels_last { [1, 2] } else { [2, 3] } {
                    self.flatten_to_row(node, flow)
                } else {
                    Err("only height and width of one pixel can be left out".into())
                }
            }
            Flow::Extents(extents) => Ok(Flow::Extents(extents)),
            Flow::Refused => Ok(Flow::Refused),
            _ => Err("only height and width of one pixel can be left out".into()),
        }
    }

    /// Between the two orders of pictures; a factor of a product may be turned around, too.
    pub(super) fn transpose(&mut self, node: &Node) -> Result<Flow, String> {
        let order = wholes(node, "perm").unwrap_or_default();
        match self.flow(node, 0)? {
            Flow::Picture { source, shape, channels_last } => {
                let fits = match order {
                    [0, 1, 2, 3] => return Ok(Flow::Picture { source, shape, channels_last }),
                    [0, 2, 3, 1] => !channels_last,
                    [0, 3, 1, 2] => channels_last,
                    _ => false,
                };
                if !fits {
                    return Err(format!("turning pictures around by {order:?} is not supported"));
                }
                Ok(Flow::Picture { source, shape, channels_last: !channels_last })
            }
            flow @ Flow::Row { .. } if order == [0, 1] => Ok(flow),
            Flow::Refused => Ok(Flow::Refused),
            Flow::Constant(name) => {
                let constant = self.constants.get(&name).filter(|constant| constant.tensor.shape.len() == 2);
                let turned = constant.filter(|_| matches!(order, [1, 0] | [])).and_then(|constant| {
                    let region = constant.region.as_ref().ok()?;
                    let [rows, columns] = constant.tensor.shape[..] else { return None };
                    let strides = match &region.strides {
                        None => vec![1, columns],
                        Some(strides) => strides.iter().rev().copied().collect(),
                    };
                    let output = node.outputs.first()?.clone();
                    Some(Constant {
                        tensor: StoredTensor {
                            name: output,
                            shape: vec![columns, rows],
                            numbers: constant.tensor.numbers,
                        },
                        region: Ok(Region { strides: Some(strides), ..region.clone() }),
                        few: None,
                    })
                });
                let turned = turned.ok_or("turning this constant around is not supported")?;
                let name = turned.tensor.name.clone();
                self.constants.insert(name.clone(), turned);
                Ok(Flow::Constant(name))
            }
            _ => Err(format!("turning this around by {order:?} is not supported")),
        }
    }

    /// Shapes as exporters compute them to keep the batch open.
    pub(super) fn extents(&mut self, node: &Node) -> Result<Flow, String> {
        if node.operation == "Shape" {
            let known =
                |extent: Option<usize>| extent.map_or(Extent::Unknown, |extent| Extent::Known(extent as i64));
            let extents = match self.flow(node, 0)? {
                Flow::Picture { shape: [height, width, channels], channels_last, .. } => {
                    let shape =
                        if channels_last { [height, width, channels] } else { [channels, height, width] };
                    [Extent::Batch].into_iter().chain(shape.map(known)).collect()
                }
                Flow::Row { size, .. } => vec![Extent::Batch, known(size)],
                Flow::Refused => return Ok(Flow::Refused),
                _ => return Err("asks for the shape of a constant, which is not supported".into()),
            };
            return Ok(Flow::Extents(extents));
        }
        // Only whether it works on shapes or on layers' outputs matters now.
        let mut extents = Vec::new();
        let inputs = if node.operation == "Concat" { node.inputs.len() } else { 1 };
        for place in 0..inputs {
            match self.flow(node, place)? {
                Flow::Extents(some) => extents.extend(some),
                Flow::Constant(name) => {
                    match self.constants.get(&name).and_then(|constant| constant.few.as_ref()) {
                        Some(Few::Wholes(wholes)) => {
                            extents.extend(wholes.iter().map(|&whole| Extent::Known(whole)));
                        }
                        _ => return Err("is supported on shapes alone".into()),
                    }
                }
                Flow::Refused if node.operation != "Concat" => return Ok(Flow::Refused),
                _ => return Err("is supported on shapes alone".into()),
            }
            if extents.len() > MOST_EXTENTS {
                return Err("makes a shape of more axes than any tensor has".into());
            }
        }
        let index = |place: i64| {
            usize::try_from(if place < 0 { place + extents.len() as i64 } else { place })
                .ok()
                .filter(|place| *place <= extents.len())
        };
        match &*node.operation {
            "Gather" => {
                let wanted = self.few_wholes(node, 1)?.unwrap_or_default();
                let found: Option<Vec<_>> =
                    wanted.iter().map(|&place| extents.get(index(place)?).copied()).collect();
                found.map(Flow::Extents).ok_or_else(|| "asks for an axis that does not exist".into())
            }
            "Slice" => {
                let (starts, ends) = match (wholes(node, "starts"), wholes(node, "ends")) {
                    (Some(starts), Some(ends)) => (starts.to_vec(), ends.to_vec()),
                    _ => (
                        self.few_wholes(node, 1)?.unwrap_or_default(),
                        self.few_wholes(node, 2)?.unwrap_or_default(),
                    ),
                };
                let step = self.few_wholes(node, 4)?.unwrap_or_else(|| vec![1]);
                let (&[start], &[end], [1]) = (&starts[..], &ends[..], &step[..]) else {
                    return Err("is supported on shapes alone".into());
                };
                let end = index(end.min(extents.len() as i64));
                let range = index(start).zip(end).filter(|(start, end)| start <= end);
                let (start, end) = range.ok_or("asks for axes that do not exist")?;
                Ok(Flow::Extents(extents[start..end].to_vec()))
            }
            _ => Ok(Flow::Extents(extents)),
        }
    }
}

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Extent::Known(extent) => write!(f, "{extent}"),
            Extent::Batch => f.write_str("N"),
            Extent::Unknown => f.write_str("?"),
        }
    }
}
