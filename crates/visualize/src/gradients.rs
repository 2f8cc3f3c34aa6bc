//! One pass forward and one backward: the gradient of the explained scores where it is asked for.

use crate::error::{Error, Result};
use crate::target::{Classes, Target};
use convnet_autograd::Tape;
use convnet_layers::{Model, Request, Tap};
use convnet_tensor::Tensor;

/// What a layer gave and what its numbers do to the explained scores.
#[derive(Clone, Debug)]
pub struct LayerGradient {
    /// The layer's output, `[N, …]`.
    pub activation: Tensor,
    /// The gradient of the explained score of each picture with respect to it, of the same shape.
    pub gradient: Tensor,
    /// The explained class of each picture.
    pub classes: Vec<usize>,
    /// Its score (or probability) in each picture.
    pub scores: Vec<f64>,
}

/// What the numbers of the pictures do to the explained scores.
#[derive(Clone, Debug)]
pub struct InputGradient {
    /// The gradient of the explained score of each picture with respect to it, `[N, height, width, channels]`.
    pub gradient: Tensor,
    /// The explained class of each picture.
    pub classes: Vec<usize>,
    /// Its score (or probability) in each picture.
    pub scores: Vec<f64>,
}

/// The output of the layer at `path` for the pictures `x` `[N, height, width, channels]`, and the gradient of the target's
/// scores with respect to it.
///
/// # Errors
/// Pictures of another shape than the model takes, a path that names nothing, a class that the model does not have, and a
/// layer that the scores do not depend on.
pub fn layer_gradient(model: &Model, x: &Tensor, path: &str, target: &Target) -> Result<LayerGradient> {
    let request = Request::taps([Tap::with_gradient(path)]);
    let mut pass = Pass::run(model, x, &request, target)?;
    let activation = pass.taps.remove(0);
    let Some(gradient) = pass.gradient else {
        let message =
            "has no gradient: the scores do not depend on it; take a layer on the way to them".into();
        return Err(Error::Layer { path: path.to_string(), message });
    };
    Ok(LayerGradient { activation, gradient, classes: pass.classes, scores: pass.scores })
}

/// The gradient of the target's scores with respect to the pictures `x` `[N, height, width, channels]`; `guided`: by the rule
/// of guided backpropagation.
///
/// # Errors
/// Pictures of another shape than the model takes; a class that it does not have.
pub fn input_gradient(model: &Model, x: &Tensor, target: &Target, guided: bool) -> Result<InputGradient> {
    let request = Request { watch_input: true, guided, ..Request::predict() };
    let pass = Pass::run(model, x, &request, target)?;
    let gradient = pass.gradient.unwrap_or_else(|| Tensor::zeros(x.shape()));
    Ok(InputGradient { gradient, classes: pass.classes, scores: pass.scores })
}

struct Pass {
    taps: Vec<Tensor>,
    /// Of the one watched value.
    gradient: Option<Tensor>,
    classes: Vec<usize>,
    scores: Vec<f64>,
}

impl Pass {
    fn run(model: &Model, x: &Tensor, request: &Request, target: &Target) -> Result<Pass> {
        crate::target::count(model)?;
        let mut tape = Tape::new();
        let outputs = model.run(&mut tape, x, request)?;
        let Some(logits) = outputs.logits else { unreachable!("a request without `taps_only` gives logits") };
        let classes = target.resolve(model, logits.tensor())?;
        let scores = target.scores(model, logits.tensor(), &classes);
        let seed = target.seed(model, logits.tensor(), &classes);
        let taps = outputs.taps.into_iter().map(|tap| tap.into_tensor()).collect();
        let mut gradient = None;
        tape.backward(&[(&logits, seed)], |_, given| {
            gradient = Some(given);
            Ok(())
        })?;
        Ok(Pass { taps, gradient, classes, scores })
    }
}

/// The target with its classes settled by the pictures `x`, and their scores: for methods that go on to ask about changed
/// pictures.
pub(crate) fn settled(model: &Model, x: &Tensor, target: &Target) -> Result<(Vec<usize>, Vec<f64>)> {
    let logits = logits(model, x)?;
    let classes = target.resolve(model, &logits)?;
    let scores = target.scores(model, &logits, &classes);
    Ok((classes, scores))
}

/// The scores of a model that tells classes apart, `[N, scores]`.
pub(crate) fn logits(model: &Model, x: &Tensor) -> Result<Tensor> {
    crate::target::count(model)?;
    let outputs = model.run(&mut Tape::new(), x, &Request::predict())?;
    let Some(logits) = outputs.logits else { unreachable!("a request without `taps_only` gives logits") };
    Ok(logits.into_tensor())
}

/// Scores of many variants of pictures, a few at a time.
pub(crate) struct Variants<'a> {
    pub(crate) model: &'a Model,
    pub(crate) target: &'a Target,
    /// How many pictures are in memory at once.
    pub(crate) chunk: usize,
}

impl Variants<'_> {
    /// Runs `ask` on chunks of `count` variants; `make(variant, numbers)` writes a variant, `class(variant)` is what it is
    /// asked for. `ask` gets the number of the first variant, the pictures and the target.
    pub(crate) fn each(
        &self,
        count: usize,
        class: impl Fn(usize) -> usize,
        make: impl Fn(usize, &mut [f32]),
        mut ask: impl FnMut(usize, &Tensor, &Target) -> Result<()>,
    ) -> Result<()> {
        let [height, width, channels] = self.model.input().shape;
        for first in (0..count).step_by(self.chunk.max(1)) {
            let variants = first..count.min(first + self.chunk.max(1));
            let mut x = Tensor::recycled([variants.len(), height, width, channels]);
            for (variant, numbers) in
                variants.clone().zip(x.data_mut().chunks_exact_mut(height * width * channels))
            {
                make(variant, numbers);
            }
            let classes = Classes::Each(variants.map(&class).collect());
            ask(first, &x, &Target { classes, score: self.target.score })?;
        }
        Ok(())
    }

    /// The explained score of each variant.
    pub(crate) fn scores(
        &self,
        count: usize,
        class: impl Fn(usize) -> usize,
        make: impl Fn(usize, &mut [f32]),
    ) -> Result<Vec<f64>> {
        let mut all = Vec::with_capacity(count);
        self.each(count, class, make, |_, x, target| {
            all.extend(settled(self.model, x, target)?.1);
            Ok(())
        })?;
        Ok(all)
    }
}
