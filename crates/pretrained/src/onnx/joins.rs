//! What several layers give, made one: sums, and channels side by side.

use super::import::{Flow, Importer, Kind, whole};
use super::scan::Node;
use crate::stored::Layout;
use convnet_layers::{Add, Concatenate};
use std::sync::Arc;

impl Importer<'_> {
    /// A sum of layers.
    pub(super) fn sum(&mut self, node: &Node, flows: Vec<Flow>) -> Result<Flow, String> {
        if flows.iter().any(|flow| matches!(flow, Flow::Refused)) {
            return Ok(Flow::Refused);
        }
        let mut sources = Vec::new();
        for flow in &flows {
            match (flow, &flows[0]) {
                (Flow::Picture { source, channels_last: a, .. }, Flow::Picture { channels_last: b, .. })
                    if a == b =>
                {
                    sources.push(source.clone());
                }
                (Flow::Row { source, by_channel: a, .. }, Flow::Row { by_channel: b, .. }) if a == b => {
                    sources.push(source.clone());
                }
                _ => return Err("adds pictures of different orders, which is not supported".into()),
            }
        }
        if sources.len() < 2 {
            return Ok(flows.into_iter().next().unwrap_or(Flow::Refused));
        }
        let layer = Kind::Other(Arc::new(Add::new()));
        let name = self.emit(node, layer, sources, Vec::new(), Layout::default());
        Ok(match flows.into_iter().next() {
            Some(Flow::Picture { shape, channels_last, .. }) => {
                Flow::Picture { source: name, shape, channels_last }
            }
            Some(Flow::Row { size, by_channel, .. }) => Flow::Row { source: name, size, by_channel },
            _ => Flow::Refused,
        })
    }

    /// Whether a node joins what layers give, and not parts of a shape.
    pub(super) fn joins_layers(&self, node: &Node) -> bool {
        let is_layer = |place| {
            matches!(self.flow(node, place), Ok(Flow::Picture { .. } | Flow::Row { .. } | Flow::Refused))
        };
        (0..node.inputs.len()).any(is_layer)
    }

    /// Channels of pictures, or rows, side by side.
    pub(super) fn concatenation(&mut self, node: &Node) -> Result<Flow, String> {
        let flows: Vec<_> =
            (0..node.inputs.len()).map(|place| self.flow(node, place)).collect::<Result<_, _>>()?;
        if flows.iter().any(|flow| matches!(flow, Flow::Refused)) {
            return Ok(Flow::Refused);
        }
        let [first, others @ ..] = &flows[..] else { return Err("joins nothing".into()) };
        if others.is_empty() {
            return Ok(first.clone());
        }
        let axis = whole(node, "axis", 1);
        let (mut sources, mut channels) = (Vec::new(), Some(0usize));
        for flow in &flows {
            let (source, more) = match (flow, first) {
                (
                    Flow::Picture { source, shape: [.., channels], channels_last: last },
                    Flow::Picture { channels_last, .. },
                ) if last == channels_last => {
                    if axis.rem_euclid(4) != if *last { 3 } else { 1 } {
                        return Err(format!("joins along axis {axis}; only channels are supported"));
                    }
                    (source, channels)
                }
                (Flow::Row { by_channel: true, .. }, Flow::Row { .. }) => {
                    return Err(
                        "joins rows of which a picture was flattened channel by channel, which is not \
                                supported; join the pictures, or pool them before"
                            .into(),
                    );
                }
                (Flow::Row { source, size, by_channel: false }, Flow::Row { .. }) => {
                    if axis.rem_euclid(2) != 1 {
                        return Err("joins along the axis of the pictures, which is not supported".into());
                    }
                    (source, size)
                }
                _ => return Err("joins pictures of different orders, rows or constants".into()),
            };
            sources.push(source.clone());
            channels = channels.zip(*more).and_then(|(sum, more)| sum.checked_add(more));
        }
        let layer = Kind::Other(Arc::new(Concatenate::new()));
        let source = self.emit(node, layer, sources, Vec::new(), Layout::default());
        Ok(match first {
            Flow::Picture { shape: [height, width, _], channels_last, .. } => {
                Flow::Picture { source, shape: [*height, *width, channels], channels_last: *channels_last }
            }
            _ => Flow::Row { source, size: channels, by_channel: false },
        })
    }
}
