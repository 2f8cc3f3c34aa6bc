//! The forward pass.

use super::Geometry;
use super::row::{Line, Row, Weights};
use super::seen::{Pixels, View};
use crate::conv2d::band::{Band, deal};
use crate::epilogue::Epilogue;
use crate::parallel;
use crate::simd::{Tile, isa};

/// `y = epilogue(x ∗ kernel)`, each channel by itself; `x` `[N, height, width, channels]`, `kernel` `[rows, columns,
/// channels, multiplier]`, `y` `[N, rows, columns, channels · multiplier]`.
///
/// Each number of `y` is one chain of multiply-adds over the kernel's rows and columns in order, products with the padding
/// included; then the epilogue follows.
pub fn forward(g: &Geometry, x: &[f32], kernel: &[f32], epilogue: &Epilogue<'_>, y: &mut [f32]) {
    let n = g.pictures(x);
    let [rows, columns, channels] = g.output();
    assert_eq!(y.len(), n * g.output_len(), "length of the output");
    let weights = forward_weights(g, kernel, epilogue);
    let bands = Band::cut_for_threads(0..n, rows, rows);
    let mut parts = deal(&bands, columns * channels, y);
    parallel::for_each_chunk(&mut parts, 1, |index, part| {
        let band = &bands[index];
        let mut rows = OutputRows::new(g, &weights, &x[band.pictures.start * g.input_len()..]);
        for (row, y) in band.rows.clone().zip(part[0].chunks_exact_mut((columns * channels).max(1))) {
            rows.write(row, y, channels);
        }
    });
}

pub(super) fn forward_weights(g: &Geometry, kernel: &[f32], epilogue: &Epilogue<'_>) -> Weights {
    assert_eq!(kernel.len(), g.kernel_len(), "length of the kernel");
    let channels = g.out_channels();
    Weights::new(&View::of_input(g), g.taps(), |tap| &kernel[tap * channels..][..channels], epilogue)
}

/// Makes the output of one picture row by row.
pub(super) struct OutputRows<'a> {
    g: &'a Geometry,
    weights: &'a Weights,
    pixels: Pixels<'a>,
    lines: Vec<Line>,
    tile: Tile,
}

impl<'a> OutputRows<'a> {
    /// `pictures` begin with the picture.
    pub(super) fn new(g: &'a Geometry, weights: &'a Weights, pictures: &'a [f32]) -> OutputRows<'a> {
        let pixels = Pixels::new(View::of_input(g), &pictures[..g.input_len()]);
        OutputRows { g, weights, pixels, lines: Vec::new(), tile: Tile::new(isa(), g.out_channels()) }
    }

    /// Writes row `row` to `y`, whose pixels stand `pitch` numbers apart. Going down the picture costs the least.
    pub(super) fn write(&mut self, row: usize, y: &mut [f32], pitch: usize) {
        let window = &self.g.window;
        self.lines.clear();
        for ky in 0..window.size[0] {
            // Rows of zeros take part, so that a picture with padding of its own gives the same bits.
            let start = self.pixels.row(row * window.stride[0] + ky * window.dilation[0]);
            self.lines.push(Line { tap: ky * window.size[1], start });
        }
        let [_, columns, _] = self.g.output();
        self.tile.run(Row {
            pixels: &self.pixels,
            lines: &self.lines,
            weights: self.weights,
            window: *window,
            columns,
            to: y,
            to_pitch: pitch,
        });
    }
}
