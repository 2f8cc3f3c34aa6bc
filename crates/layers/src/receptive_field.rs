//! Which pixels the numbers of a layer can depend on.

use crate::error::Result;
use crate::graph::Source;
use crate::model::Model;
use convnet_cpu::window::Window;
use convnet_tensor::{Error, Shape};
use std::ops::Range;

/// A rectangle of pixels of the input; empty where a number depends on no pixel, but on zeros of padding alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceptiveField {
    /// Rows of the picture, from the top.
    pub rows: Range<usize>,
    /// Columns of the picture, from the left.
    pub columns: Range<usize>,
}

impl ReceptiveField {
    /// Height and width in pixels.
    pub fn size(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    /// The smallest rectangle around two.
    fn around(self, other: ReceptiveField) -> ReceptiveField {
        let hull = |a: Range<usize>, b: Range<usize>| a.start.min(b.start)..a.end.max(b.end);
        match (self.size().contains(&0), other.size().contains(&0)) {
            (true, _) => other,
            (_, true) => self,
            _ => ReceptiveField {
                rows: hull(self.rows, other.rows),
                columns: hull(self.columns, other.columns),
            },
        }
    }

    /// What a window over pictures of `height` × `width` sees where its output is `self`.
    fn through(&self, window: &Window, [height, width]: [usize; 2]) -> ReceptiveField {
        let axis = |seen: &Range<usize>, axis: usize, border: usize, pixels: usize| {
            let taps = |place| {
                let first = place * window.stride[axis];
                (0..window.size[axis]).map(move |tap| first + tap * window.dilation[axis])
            };
            let inside = |padded: usize| padded.checked_sub(border).filter(|&pixel| pixel < pixels);
            let pixels = || seen.clone().flat_map(taps).filter_map(inside);
            pixels().min().zip(pixels().max()).map_or(0..0, |(first, last)| first..last + 1)
        };
        let (rows, columns) = (
            axis(&self.rows, 0, window.padding.top, height),
            axis(&self.columns, 1, window.padding.left, width),
        );
        // A corner of padding sees nothing, though its row may hold pixels.
        if rows.is_empty() || columns.is_empty() {
            return ReceptiveField::default();
        }
        ReceptiveField { rows, columns }
    }
}

/// Height and width of a feature map; rows of numbers count as one pixel.
fn extent(shape: Shape) -> [usize; 2] {
    match *shape {
        [height, width, _] => [height, width],
        _ => [1, 1],
    }
}

impl Model {
    /// The pixels that the numbers in row `place[0]` and column `place[1]` of the layer at `path` can depend on: a
    /// rectangle around them, cut at the border of the picture. Where a layer gives no feature maps but numbers
    /// (`Dense`), the place is `[0, 0]`.
    ///
    /// ```
    /// use convnet_layers::{Architecture, Conv2D, InputSpec, MaxPooling2D, Model};
    /// use convnet_tensor::Seed;
    /// let net = Architecture::new().add(Conv2D::new(4, 3)).add(MaxPooling2D::new(2)).add(Conv2D::new(4, 3));
    /// let model = Model::new(net, InputSpec::new([28, 28, 1]), Seed(1))?;
    /// let field = model.receptive_field("conv2d_1", [0, 5])?;
    /// assert_eq!((field.rows, field.columns), (0..8, 10..18));
    /// # Ok::<(), convnet_layers::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`UnknownPath`](crate::Error::UnknownPath), and a place outside the layer's feature maps.
    pub fn receptive_field(&self, path: &str, place: [usize; 2]) -> Result<ReceptiveField> {
        let source = self.graph.find(path)?;
        let steps = &self.graph.steps;
        let shape = match source {
            Source::Input => Shape::from(self.input().shape),
            Source::Step(step) => steps[step].output,
        };
        let [height, width] = extent(shape);
        if place[0] >= height || place[1] >= width {
            return Err(Error::Argument {
                name: "place",
                expected: "a row and a column of the layer's feature maps",
                found: format!("{place:?}, and `{path}` gives {shape}"),
            }
            .into());
        }
        let whole = |shape: Shape| {
            let [height, width] = extent(shape);
            ReceptiveField { rows: 0..height, columns: 0..width }
        };
        let unit = ReceptiveField { rows: place[0]..place[0] + 1, columns: place[1]..place[1] + 1 };
        let Source::Step(last) = source else { return Ok(unit) };
        let mut seen = vec![ReceptiveField::default(); steps.len()];
        seen[last] = unit;
        let mut pixels = ReceptiveField::default();
        for place in (0..=last).rev() {
            let (step, output) = (&steps[place], std::mem::take(&mut seen[place]));
            if output.size().contains(&0) {
                continue;
            }
            let window = step.layer.window(&step.input_shapes);
            for (input, &shape) in step.inputs.iter().zip(&step.input_shapes) {
                let needed = match &window {
                    Some(window) => output.through(window, extent(shape)),
                    None => whole(shape),
                };
                let slot = match *input {
                    Source::Input => &mut pixels,
                    Source::Step(step) => &mut seen[step],
                };
                *slot = std::mem::take(slot).around(needed);
            }
        }
        Ok(pixels)
    }
}
