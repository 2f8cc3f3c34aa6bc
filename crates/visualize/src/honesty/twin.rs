//! The same heatmap from a network that has learned nothing (Adebayo and others 2018, "Sanity checks for saliency maps").

use crate::error::{Result, maps, wrong_shape};
use crate::gradients::settled;
use crate::heatmaps::Method;
use crate::target::{Classes, Target};
use convnet_layers::Model;
use convnet_tensor::{Seed, Tensor};

/// A heatmap and what the same method shows of a network with random weights. Where both look alike, the map tells about the
/// picture or the architecture and not about what was learned.
#[derive(Clone, Debug)]
pub struct Twin {
    /// The map of each picture, `[N, height, width]`.
    pub heat: Tensor,
    /// That of the network with random weights.
    pub random: Tensor,
    /// How alike they are, for each picture: the correlation of ranks, 1 for the same order of pixels and 0 for no relation.
    pub likeness: Vec<f64>,
    /// The class of each picture, chosen by the trained network where the target is the predicted one.
    pub classes: Vec<usize>,
}

/// The network with all weights drawn anew from `seed`, as if before training.
///
/// # Errors
/// Those of [`Model::new`].
pub fn random_twin(model: &Model, seed: Seed) -> Result<Model> {
    Ok(Model::new(model.architecture().clone(), model.input().clone(), seed)?)
}

/// The map of `method` for the pictures `x` `[N, height, width, channels]`, beside that of `random` ([`random_twin`]), for the
/// same classes.
///
/// # Errors
/// Those of [`Method::heat`].
pub fn twin(
    method: &Method,
    model: &Model,
    random: &Model,
    x: &Tensor,
    layer: &str,
    target: &Target,
) -> Result<Twin> {
    let (classes, _) = settled(model, x, target)?;
    let target = Target { classes: Classes::Each(classes.clone()), score: target.score };
    let heat = method.heat(model, x, layer, &target)?;
    let random = method.heat(random, x, layer, &target)?;
    let likeness = rank_correlation(&heat, &random)?;
    Ok(Twin { heat, random, likeness, classes })
}

/// Spearman's correlation of the pixels' ranks, equal numbers sharing their mean rank, for each pair of maps
/// `[N, height, width]`. A map that is the same everywhere has no order: 0.
///
/// # Errors
/// Maps of different shapes.
pub fn rank_correlation(a: &Tensor, b: &Tensor) -> Result<Vec<f64>> {
    let [_, height, width] = maps("the maps", a.shape())?;
    if a.shape() != b.shape() {
        return wrong_shape("the maps", format!("{} as the first", a.shape()), b.shape());
    }
    let pixels = height * width;
    let pairs = a.data().chunks_exact(pixels).zip(b.data().chunks_exact(pixels));
    Ok(pairs.map(|(a, b)| correlation(&ranks(a), &ranks(b))).collect())
}

/// The place of each number in the order of all, less the mean place.
fn ranks(numbers: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mean = (numbers.len() as f64 - 1.0) / 2.0;
    let mut first = 0;
    for equals in order.chunk_by(|&a, &b| numbers[a] == numbers[b]) {
        let shared = first as f64 + (equals.len() as f64 - 1.0) / 2.0 - mean;
        equals.iter().for_each(|&place| ranks[place] = shared);
        first += equals.len();
    }
    ranks
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scale = (product(a, a) * product(b, b)).sqrt();
    if scale > 0.0 { product(a, b) / scale } else { 0.0 }
}
