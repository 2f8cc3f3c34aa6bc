//! Occlusion (Zeiler and Fergus 2014): how the score falls when a part of the picture is covered.

use crate::Baseline;
use crate::error::{Result, batch, expect};
use crate::gradients::{Variants, settled};
use crate::target::Target;
use convnet_layers::Model;
use convnet_tensor::Tensor;

/// Settings of [`occlusion`].
#[derive(Clone, Debug, PartialEq)]
pub struct Occlusion {
    /// Height and width of what covers, in pixels; `None` for a fifth of the picture.
    pub window: Option<[usize; 2]>,
    /// Pixels between two positions; `None` for half of the window.
    pub stride: Option<[usize; 2]>,
    /// What covers.
    pub baseline: Baseline,
    /// Pictures in memory at once.
    pub chunk: usize,
}

impl Default for Occlusion {
    /// A fifth of the picture, moved by half of itself, with 0.
    fn default() -> Occlusion {
        Occlusion { window: None, stride: None, baseline: Baseline::default(), chunk: 32 }
    }
}

/// How much the target's score of each of the pictures `x` `[N, height, width, channels]` falls when a window covers a pixel,
/// on average over the windows that do: `[N, height, width]`, below 0 where covering helps the class.
///
/// # Errors
/// Pictures of another shape than the model takes, a class that it does not have, those of [`Baseline::of`], a window larger
/// than the picture, and a stride that leaves pixels out.
pub fn occlusion(model: &Model, x: &Tensor, target: &Target, settings: &Occlusion) -> Result<Tensor> {
    let [pictures, height, width, channels] = batch("the pictures", x.shape())?;
    expect(settings.chunk > 0, "chunk", "at least 1", settings.chunk)?;
    let window = settings.window.unwrap_or([height.div_ceil(5), width.div_ceil(5)]);
    let inside = (1..=height).contains(&window[0]) && (1..=width).contains(&window[1]);
    expect(
        inside,
        "the window",
        format!("at least 1×1 and at most {height}×{width}"),
        format_args!("{window:?}"),
    )?;
    let stride = settings.stride.unwrap_or(window.map(|side| side.div_ceil(2)));
    let fits = (0..2).all(|axis| (1..=window[axis]).contains(&stride[axis]));
    let expected = format!("at least 1 and at most the window's {window:?}");
    expect(fits, "the stride", expected, format_args!("{stride:?}"))?;

    let (classes, scores) = settled(model, x, target)?;
    let baseline = settings.baseline.of(x)?;
    // The last window may reach beyond the border.
    let count = |pixels: usize, axis: usize| (pixels - window[axis]).div_ceil(stride[axis]) + 1;
    let (down, across) = (count(height, 0), count(width, 1));
    let covered = |position: usize| {
        let (top, left) = (position / across * stride[0], position % across * stride[1]);
        (top..height.min(top + window[0]), left..width.min(left + window[1]))
    };
    let positions = down * across;
    let each = height * width * channels;
    let cover = |variant: usize, numbers: &mut [f32]| {
        let (picture, position) = (variant / positions, variant % positions);
        numbers.copy_from_slice(&x.data()[picture * each..][..each]);
        let (rows, columns) = covered(position);
        for row in rows {
            let line = (row * width + columns.start) * channels..(row * width + columns.end) * channels;
            numbers[line.clone()].copy_from_slice(&baseline.data()[picture * each..][line]);
        }
    };
    let covered_scores = Variants { model, target, chunk: settings.chunk }.scores(
        pictures * positions,
        |variant| classes[variant / positions],
        cover,
    )?;

    let mut heat = Tensor::recycled([pictures, height, width]);
    for (picture, heat) in heat.data_mut().chunks_exact_mut(height * width).enumerate() {
        let mut falls = vec![(0.0, 0u32); height * width];
        for position in 0..positions {
            let fall = scores[picture] - covered_scores[picture * positions + position];
            let (rows, columns) = covered(position);
            for row in rows {
                for (sum, windows) in &mut falls[row * width..][columns.clone()] {
                    *sum += fall;
                    *windows += 1;
                }
            }
        }
        heat.iter_mut()
            .zip(falls)
            .for_each(|(heat, (sum, windows))| *heat = (sum / f64::from(windows)) as f32);
    }
    Ok(heat)
}
