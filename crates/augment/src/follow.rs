//! What belongs to a picture follows its transform: labels of pixels, points, boxes.

use crate::{Fill, Transform, matrix};
use convnet_cpu::warp::EDGE;

impl Transform {
    /// Writes the labels of pixels (`[rows, columns]`) as the transform moves them; each is the label of the nearest pixel, so
    /// no new one arises. Beyond the picture they go on as the picture does, with [`Fill::Constant`] they are `outside`.
    ///
    /// # Panics
    /// When a length does not fit the transform's shapes.
    pub fn write_mask<T: Copy>(&self, labels: &[T], outside: T, to: &mut [T]) {
        let ([height, width, _], [rows, columns, _]) = (self.picture_shape(), self.output_shape());
        assert_eq!(labels.len(), height * width, "length of the mask");
        assert_eq!(to.len(), rows * columns, "length of the output");
        for (index, to) in to.iter_mut().enumerate() {
            let (x, y) = ((index % columns) as f64, (index / columns) as f64);
            let [x, y] = self.matrix().map(|[a, b, c]| a * x + b * y + c);
            let label = pixel(self.fill(), x, width).zip(pixel(self.fill(), y, height));
            *to = label.map_or(outside, |(column, row)| labels[row * width + column]);
        }
    }

    /// Where a point (x, y) of the picture lies in the output, which it may have left. Whole numbers are the centres of pixels.
    ///
    /// `None` for parameters that flatten the picture to a line, which none that are drawn do.
    pub fn point(&self, point: [f64; 2]) -> Option<[f64; 2]> {
        matrix::undo(&self.matrix(), point)
    }

    /// The smallest upright box around what becomes of the box `[left, top, right, bottom]`, cut to the output. Edges are
    /// measured from the outer edges of the first pixel: the whole picture is `[0, 0, width, height]`.
    ///
    /// `None` where nothing of it is left.
    pub fn bounding_box(&self, [left, top, right, bottom]: [f64; 4]) -> Option<[f64; 4]> {
        let [rows, columns, _] = self.output_shape();
        let corners = [[left, top], [right, top], [left, bottom], [right, bottom]];
        let mut around = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for corner in corners {
            let [x, y] = self.point(corner.map(|edge| edge - 0.5))?.map(|centre| centre + 0.5);
            around = [around[0].min(x), around[1].min(y), around[2].max(x), around[3].max(y)];
        }
        let [left, top] = [around[0], around[1]].map(|edge| edge.max(0.0));
        let (right, bottom) = (around[2].min(columns as f64), around[3].min(rows as f64));
        (left < right && top < bottom).then_some([left, top, right, bottom])
    }
}

/// The pixel nearest to a place on an axis of `n`; `None` where there is none.
fn pixel(fill: Fill, place: f64, n: usize) -> Option<usize> {
    let (nearest, n) = ((place + 0.5).floor(), n as f64);
    let inside = match fill {
        Fill::Nearest => nearest.clamp(0.0, n - 1.0),
        // The hard edge of the sweep.
        Fill::Constant(_) => {
            let is_inside = -EDGE <= place && place <= n - 1.0 + EDGE;
            return is_inside.then(|| nearest.clamp(0.0, n - 1.0) as usize);
        }
        Fill::Reflect => {
            let index = nearest.rem_euclid(2.0 * n);
            index.min(2.0 * n - 1.0 - index)
        }
        Fill::Wrap => nearest.rem_euclid(n),
    };
    // What is not a number becomes pixel 0.
    Some((inside as usize).min(n as usize - 1))
}
