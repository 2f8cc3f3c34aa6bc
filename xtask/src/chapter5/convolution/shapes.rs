//! The table of shapes: what our layers answer beside the formula.

use anyhow::{Result, ensure};
use convnet_layers::{Conv2D, Layer, MaxPooling2D, Padding, Pair, Refusal};
use convnet_report::Align;
use convnet_tensor::Shape;

use super::table;

/// A window over a picture, and what comes out.
pub(super) struct Case {
    layer: Kind,
    input: [usize; 2],
    /// What our layer answers: rows and columns.
    pub(super) ours: [usize; 2],
}

enum Kind {
    Convolution(Conv2D),
    Pooling(MaxPooling2D),
}

/// A window's settings along both axes, whatever the layer.
struct Settings {
    name: &'static str,
    window: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
    dilation: [usize; 2],
}

impl Kind {
    fn settings(&self) -> Settings {
        match self {
            Kind::Convolution(layer) => Settings {
                name: "convolution",
                window: layer.kernel_size.0,
                stride: layer.strides.0,
                padding: layer.padding,
                dilation: layer.dilation_rate.0,
            },
            Kind::Pooling(layer) => Settings {
                name: "max-pooling",
                window: layer.pool_size.0,
                stride: layer.strides.0,
                padding: layer.padding,
                dilation: Pair::from(1).0,
            },
        }
    }

    fn output(&self, input: [usize; 2]) -> Result<[usize; 2]> {
        let inputs = [Shape::from([input[0], input[1], 1])];
        let shape = match self {
            Kind::Convolution(layer) => Layer::output_shape(layer, &inputs),
            Kind::Pooling(layer) => Layer::output_shape(layer, &inputs),
        };
        let shape = shape.map_err(|Refusal(reason)| anyhow::anyhow!(reason))?;
        Ok([shape[0], shape[1]])
    }
}

/// One axis of the formula.
struct Axis {
    pixels: usize,
    padding: usize,
    extent: usize,
    stride: usize,
}

impl Axis {
    fn of(settings: &Settings, input: [usize; 2], axis: usize) -> Axis {
        let (pixels, stride) = (input[axis], settings.stride[axis]);
        let extent = (settings.window[axis] - 1) * settings.dilation[axis] + 1;
        let padding = match settings.padding {
            Padding::Valid => 0,
            // As much as ⌈n / stride⌉ windows lack.
            Padding::Same => ((pixels.div_ceil(stride) - 1) * stride + extent).saturating_sub(pixels),
            Padding::Explicit([top, bottom, left, right]) => [top + bottom, left + right][axis],
        };
        Axis { pixels, padding, extent, stride }
    }

    fn output(&self) -> usize {
        (self.pixels + self.padding - self.extent) / self.stride + 1
    }

    fn formula(&self) -> String {
        let Axis { pixels, padding, extent, stride } = self;
        format!("⌊({pixels} + {padding} − {extent}) / {stride}⌋ + 1 = {}", self.output())
    }
}

/// Every row of the table, each checked against the formula along both axes.
pub(super) fn cases() -> Result<Vec<Case>> {
    use Kind::{Convolution, Pooling};
    let conv = |window: usize| Conv2D::new(1, window);
    let pool = || Pooling(MaxPooling2D::new(2));
    let list = [
        ([5, 5], Convolution(conv(3))),
        ([5, 5], Convolution(conv(3).same())),
        ([5, 5], Convolution(conv(3).strides(2))),
        ([5, 5], Convolution(conv(3).strides(2).same())),
        ([6, 6], Convolution(conv(3).strides(2).same())),
        ([28, 28], Convolution(conv(3))),
        ([26, 26], pool()),
        ([13, 13], Convolution(conv(3))),
        ([11, 11], pool()),
        ([5, 5], Convolution(conv(3))),
        ([28, 28], Convolution(conv(5).same())),
        ([28, 28], Convolution(conv(3).dilation(2))),
        ([28, 28], Convolution(conv(3).padding(Padding::Explicit([1; 4])).strides(2))),
        ([150, 100], Convolution(Conv2D::new(1, [7, 3]).strides([2, 1]))),
    ];
    list.into_iter()
        .map(|(input, layer)| {
            let ours = layer.output(input)?;
            let settings = layer.settings();
            let formula = [0, 1].map(|axis| Axis::of(&settings, input, axis).output());
            ensure!(
                ours == formula,
                "{layer:?} on {input:?}: {ours:?}, but the formula gives {formula:?}",
                layer = settings.name
            );
            Ok(Case { layer, input, ours })
        })
        .collect()
}

pub(super) fn figure(cases: &[Case]) -> String {
    let square = |[rows, columns]: [usize; 2]| format!("{rows} × {columns}");
    let both = |pair: [usize; 2]| if pair[0] == pair[1] { pair[0].to_string() } else { square(pair) };
    let rows: Vec<Vec<String>> = cases
        .iter()
        .map(|case| {
            let settings = case.layer.settings();
            let padding = match settings.padding {
                Padding::Valid => "valid".to_owned(),
                Padding::Same => "same".to_owned(),
                Padding::Explicit([top, ..]) => format!("{top} all round"),
            };
            vec![
                settings.name.to_owned(),
                square(case.input),
                square(settings.window),
                both(settings.stride),
                padding,
                both(settings.dilation),
                square(case.ours),
                Axis::of(&settings, case.input, 0).formula(),
            ]
        })
        .collect();
    let heads = [
        ("", Align::Left),
        ("input", Align::Right),
        ("window", Align::Right),
        ("stride", Align::Right),
        ("padding", Align::Left),
        ("dilation", Align::Right),
        ("our layer's output", Align::Right),
        ("the formula for the rows", Align::Right),
    ];
    let title = "Shapes: ⌊(n + padding − extent) / stride⌋ + 1";
    let note = "n: rows. padding: rows added above and below together. extent: (window − 1) · dilation + 1. Columns follow the same formula.";
    table::figure(title, &heads, &rows, note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_chapter() {
        let ours: Vec<_> = cases().unwrap().iter().map(|case| case.ours[0]).collect();
        // 5×5 valid, same, stride 2; then stride 2 with padding; then the digits network.
        assert_eq!(ours[..5], [3, 5, 2, 3, 3]);
        assert_eq!(ours[5..10], [26, 13, 11, 5, 3]);
        assert_eq!(ours[10..], [28, 24, 14, 72]);
        let svg = figure(&cases().unwrap());
        assert!(svg.contains(">⌊(28 + 0 − 3) / 1⌋ + 1 = 26<") && svg.contains(">72 × 98<"));
    }
}
