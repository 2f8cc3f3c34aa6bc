//! Windows of convolutions and poolings: strides, gaps and padding in ONNX's words.

use super::import::{Flow, Importer, text, wholes};
use super::scan::Node;
use convnet_layers::{Borders, Padding, Pair, Window};

/// No network pads or strides further.
const LARGEST: i64 = 1 << 16;

/// A window, with its padding still in ONNX's words.
pub(super) struct NodeWindow {
    size: [usize; 2],
    pub(super) strides: Pair,
    pub(super) dilations: Pair,
    pads: [usize; 4],
    auto: Auto,
}

/// How padding is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Auto {
    /// By numbers.
    No,
    /// As much as makes the output the input's size by the stride; what is odd goes behind.
    Upper,
    /// The same; what is odd goes before.
    Lower,
}

/// A picture on its way: its source, and height, width and channels where they are known.
type Picture = (String, [Option<usize>; 3]);

impl Importer<'_> {
    /// The window of a node.
    pub(super) fn window(&self, node: &Node, size: [usize; 2]) -> Result<NodeWindow, String> {
        let ones = &[1, 1][..];
        let strides = pair("strides", wholes(node, "strides").unwrap_or(ones))?;
        let dilations = pair("dilations", wholes(node, "dilations").unwrap_or(ones))?;
        let auto = match text(node, "auto_pad") {
            None | Some("NOTSET" | "VALID" | "") => Auto::No,
            Some("SAME_UPPER") => Auto::Upper,
            Some("SAME_LOWER") => Auto::Lower,
            Some(other) => return Err(format!("`auto_pad` is `{other}`, which is not supported")),
        };
        let pads = match wholes(node, "pads") {
            // Before and behind: rows, columns, rows, columns.
            Some(&[top, left, bottom, right]) if text(node, "auto_pad") != Some("VALID") => {
                let pads = [top, bottom, left, right];
                if pads.iter().any(|pad| !(0..=LARGEST).contains(pad)) {
                    return Err(format!("`pads` are {pads:?}, which is not supported"));
                }
                pads.map(|pad| pad as usize)
            }
            Some(other) if other.len() != 4 => {
                return Err(format!("`pads` are {other:?}; four numbers belong to a picture"));
            }
            _ => [0; 4],
        };
        Ok(NodeWindow { size, strides, dilations, pads, auto })
    }

    /// The picture that a node reads; `None` behind what is not supported.
    pub(super) fn picture(&self, node: &Node, place: usize) -> Result<Option<Picture>, String> {
        match self.flow(node, place)? {
            Flow::Picture { source, shape, channels_last: false } => Ok(Some((source, shape))),
            Flow::Picture { .. } => {
                Err("reads a picture with its channels last, which ONNX does not mean".into())
            }
            Flow::Refused => Ok(None),
            _ => Err("reads something else than pictures".into()),
        }
    }
}

impl NodeWindow {
    /// The padding for pictures of this shape.
    pub(super) fn padding(&self, shape: [Option<usize>; 3]) -> Result<Padding, String> {
        let explicit =
            |pads: [usize; 4]| if pads == [0; 4] { Padding::Valid } else { Padding::Explicit(pads) };
        match (self.auto, shape) {
            (Auto::No, _) => Ok(explicit(self.pads)),
            (Auto::Upper, _) => Ok(Padding::Same),
            (Auto::Lower, [Some(height), Some(width), _]) => {
                let window = Window {
                    dilation: self.dilations.0,
                    ..Window::new(self.size.map(|side| side.max(1)), self.strides.0)
                };
                // The larger half goes before.
                let Borders { top, bottom, left, right } =
                    window.padded_same(height.max(1), width.max(1)).padding;
                Ok(explicit([bottom, top, right, left]))
            }
            _ => Err("`auto_pad` SAME_LOWER is supported where the size of pictures is known".into()),
        }
    }
}

/// Padding that lets the last window reach over the edge, as `ceil_mode` does.
pub(super) fn ceil_padding(
    padding: Padding,
    size: Pair,
    strides: Pair,
    shape: [Option<usize>; 3],
) -> Result<Padding, String> {
    let [top, bottom, left, right] = match padding {
        Padding::Valid => [0; 4],
        Padding::Explicit(pads) => pads,
        Padding::Same => return Ok(padding),
    };
    let [Some(height), Some(width), _] = shape else {
        return Err("`ceil_mode` is supported where the size of pictures is known".into());
    };
    let further = |extent: usize, before: usize, behind: usize, axis: usize| {
        let (size, stride) = (size.0[axis], strides.0[axis]);
        let left = (extent + before + behind).saturating_sub(size) % stride;
        // A window that would begin behind the picture does not count.
        let last = extent + before + behind - left - size + stride;
        if left == 0 || last >= extent + before { behind } else { behind + stride - left }
    };
    if height + top + bottom < size.0[0] || width + left + right < size.0[1] {
        return Ok(padding);
    }
    let pads = [top, further(height, top, bottom, 0), left, further(width, left, right, 1)];
    Ok(if pads == [0; 4] { Padding::Valid } else { Padding::Explicit([pads[0], pads[1], pads[2], pads[3]]) })
}

/// Two numbers from 1 on.
pub(super) fn pair(name: &str, numbers: &[i64]) -> Result<Pair, String> {
    match numbers {
        &[rows, columns] if (1..=LARGEST).contains(&rows) && (1..=LARGEST).contains(&columns) => {
            Ok(Pair([rows as usize, columns as usize]))
        }
        other => Err(format!("`{name}` is {other:?}; rows and columns are supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_over_the_edge() {
        let shape = [Some(6), Some(5), Some(1)];
        let of = |padding| ceil_padding(padding, Pair::from(3), Pair::from(2), shape).unwrap();
        // 6 rows: windows at 0, 2, and at 4 over the edge; 5 columns fit exactly.
        assert_eq!(of(Padding::Valid), Padding::Explicit([0, 1, 0, 0]));
        // With a border of 1: rows at −1, 1, 3, and 5 over the edge; columns at −1, 1, 3 exactly.
        assert_eq!(of(Padding::Explicit([1; 4])), Padding::Explicit([1, 2, 1, 1]));
        // A window that would begin behind the picture is none: 2 rows with a border, stride 3.
        let small = [Some(2), Some(2), Some(1)];
        let padding = ceil_padding(Padding::Explicit([1; 4]), Pair::from(1), Pair::from(3), small);
        assert_eq!(padding, Ok(Padding::Explicit([1; 4])));
        assert!(ceil_padding(Padding::Valid, Pair::from(3), Pair::from(2), [None; 3]).is_err());
    }
}
