//! The gradient with respect to the pictures.

use super::Geometry;
use super::row::{Line, Row, Weights};
use super::seen::{Pixels, View};
use crate::conv2d::band::{Band, deal};
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Tile, isa};
use crate::window::Window;

/// The gradient `dx` of the pictures, from the gradient `dy` of the output.
///
/// Per output channel, each number is one chain over the output pixels that saw it in order (zeros between them where the
/// stride is larger than 1); the `multiplier` outputs of a channel are added in order.
pub fn input_gradient(g: &Geometry, kernel: &[f32], dy: &[f32], dx: &mut [f32]) {
    let n = g.pictures(dx);
    assert_eq!(dy.len(), n * g.output_len(), "length of the gradient");
    assert_eq!(kernel.len(), g.kernel_len(), "length of the kernel");
    let channels = g.out_channels();
    // The kernel turned around: the last tap saw a pixel first.
    let last = g.taps().saturating_sub(1);
    let turned = |tap: usize| &kernel[(last - tap) * channels..][..channels];
    let weights = Weights::new(&View::of_gradient(g), g.taps(), turned, &Epilogue::default());
    let bands = Band::cut_for_threads(0..n, g.height, g.height);
    let mut parts = deal(&bands, g.width * g.channels, dx);
    parallel::for_each_chunk(&mut parts, 1, |index, part| {
        let band = &bands[index];
        let dy = &dy[band.pictures.start * g.output_len()..][..g.output_len()];
        of_rows(g, &weights, dy, band, &mut *part[0]);
    });
}

fn of_rows(g: &Geometry, weights: &Weights, dy: &[f32], band: &Band, dx: &mut [f32]) {
    let [rows, columns] = g.window.size;
    let window = Window { stride: [1, 1], ..g.window };
    let tile = Tile::new(isa(), g.out_channels());
    let mut pixels = Pixels::new(View::of_gradient(g), dy);
    let mut wide = Buffer::recycled(if g.multiplier == 1 { 0 } else { g.width * g.out_channels() });
    let mut lines = Vec::with_capacity(rows);
    for (row, dx) in band.rows.clone().zip(dx.chunks_exact_mut((g.width * g.channels).max(1))) {
        lines.clear();
        for ky in 0..rows {
            let start = pixels.row(row + ky * window.dilation[0]);
            lines.extend(start.map(|start| Line { tap: ky * columns, start: Some(start) }));
        }
        let to = if g.multiplier == 1 { &mut *dx } else { &mut *wide };
        tile.run(Row {
            pixels: &pixels,
            lines: &lines,
            weights,
            window,
            columns: g.width,
            to,
            to_pitch: g.out_channels(),
        });
        if g.multiplier != 1 {
            for (dx, outputs) in dx.iter_mut().zip(wide.chunks_exact(g.multiplier)) {
                *dx = outputs.iter().sum();
            }
        }
    }
}
