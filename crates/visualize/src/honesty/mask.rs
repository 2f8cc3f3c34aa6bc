//! Heat against the truth: where the object is known, does the heat lie on it?

use super::of_size;
use crate::error::{Result, wrong_shape};
use convnet_tensor::{Shape, Tensor};

/// Whether the hottest pixel of each map lies on the object (Zhang and others 2018): 1 or 0, and where several pixels are
/// equally hot the share of them that does. So a map that is the same everywhere gets what a blind guess would get.
///
/// `heat` is `[N, rows, columns]` of any size, `masks` `[N, height, width, 1]` or `[N, height, width]`, above 0 on the object.
/// Pixels up to `tolerance` rows and columns beside the object count as on it; the authors allow 15 at a picture's size of
/// some hundred.
///
/// # Errors
/// Shapes that do not fit.
pub fn pointing_game(heat: &Tensor, masks: &Tensor<u8>, tolerance: usize) -> Result<Vec<f64>> {
    let shape = size(masks)?;
    let [_, height, width] = shape;
    let heat = of_size(heat, shape)?;
    let pairs = heat.data().chunks_exact(height * width).zip(masks.data().chunks_exact(height * width));
    let hit = |(heat, mask): (&[f32], &[u8])| {
        let most = heat.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let hottest: Vec<usize> = (0..heat.len()).filter(|&pixel| heat[pixel] == most).collect();
        let near =
            |pixel: usize, side: usize| pixel.saturating_sub(tolerance)..side.min(pixel + tolerance + 1);
        let is_hit = |&&pixel: &&usize| {
            let (mut rows, columns) = (near(pixel / width, height), near(pixel % width, width));
            rows.any(|row| mask[row * width..][columns.clone()].iter().any(|&level| level > 0))
        };
        // No number at all, when all is NaN, points nowhere.
        let hits = hottest.iter().filter(is_hit).count();
        if hottest.is_empty() { 0.0 } else { hits as f64 / hottest.len() as f64 }
    };
    Ok(pairs.map(hit).collect())
}

/// The share of each map's heat above 0 that lies on the object (Arras and others 2022): 0 … 1, and 0 for a map without heat.
///
/// Shapes are as in [`pointing_game`]. A map that is the same everywhere gets the object's share of the picture, which is what to
/// compare with.
///
/// # Errors
/// Shapes that do not fit.
pub fn relevance_mass(heat: &Tensor, masks: &Tensor<u8>) -> Result<Vec<f64>> {
    let shape = size(masks)?;
    let [_, height, width] = shape;
    let heat = of_size(heat, shape)?;
    let pairs = heat.data().chunks_exact(height * width).zip(masks.data().chunks_exact(height * width));
    let share = |(heat, mask): (&[f32], &[u8])| {
        let (mut inside, mut all) = (0.0, 0.0);
        for (&heat, &level) in heat.iter().zip(mask) {
            let heat = f64::from(heat.max(0.0));
            all += heat;
            inside += if level > 0 { heat } else { 0.0 };
        }
        if all > 0.0 { inside / all } else { 0.0 }
    };
    Ok(pairs.map(share).collect())
}

fn size(masks: &Tensor<u8>) -> Result<[usize; 3]> {
    let shape: Shape = masks.shape();
    match *shape {
        [pictures, height, width] | [pictures, height, width, 1] if height * width > 0 => {
            Ok([pictures, height, width])
        }
        _ => wrong_shape("the masks", "(N, height, width, 1)", shape),
    }
}
