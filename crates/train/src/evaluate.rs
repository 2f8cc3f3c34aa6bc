//! How good a model is, and what it says.

use crate::{ConfusionMatrix, Error, Loss, Result, metrics};
use convnet_autograd::{Tape, operations};
use convnet_data::{Batches, Dataset, Order};
use convnet_layers::{Model, Request};
use convnet_tensor::Tensor;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// How good a model is on a data set.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The mean loss over all pictures.
    pub loss: f64,
    /// The share of pictures that is classified rightly.
    pub accuracy: f64,
    /// Which classes are taken for which.
    pub confusion: ConfusionMatrix,
    /// The probability of every class for every picture in the order of the set, `[N, classes]`; of a yes or no `[N, 1]`.
    pub probabilities: Tensor,
}

/// Measures a model on all pictures of a data set, `batch_size` at a time. Where the output of one of the model's layers stands
/// for the pictures ([`Dataset::layer`]), only what stands behind that layer is run: the same figures, bit for bit.
///
/// # Errors
/// When the loss does not fit the end of the model, or the pictures do not fit its input.
pub fn evaluate(model: &Model, dataset: &Dataset, loss: Loss, batch_size: usize) -> Result<Evaluation> {
    evaluate_with(model, dataset, loss, batch_size, &mut |_, _| ControlFlow::Continue(()))
}

/// As [`evaluate`]; `progress` is told how many pictures of all are done, and may stop it.
///
/// # Errors
/// As [`evaluate`], and [`Error::Stopped`].
pub fn evaluate_with(
    model: &Model,
    dataset: &Dataset,
    loss: Loss,
    batch_size: usize,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Evaluation> {
    let classes = match (model.output_shape().last(), loss) {
        (Some(&classes), Loss::SparseCategoricalCrossentropy { .. }) => classes,
        _ => 2,
    };
    let mut confusion = ConfusionMatrix::new(classes);
    let mut probabilities: Option<Tensor> = None;
    let mut done = 0;
    let measured = measure(model, dataset, loss, batch_size, |logits, labels| {
        for (predicted, label) in metrics::predicted(logits, 0.0).zip(labels) {
            confusion.add(*label, predicted);
        }
        let mut tape = Tape::new();
        let logits = logits.clone().into();
        let part = match loss {
            Loss::SparseCategoricalCrossentropy { .. } => tape.apply(operations::Softmax, &[&logits])?,
            Loss::BinaryCrossentropy { .. } => tape.apply(operations::Sigmoid, &[&logits])?,
        };
        put(&mut probabilities, dataset.len(), done, part.tensor());
        done += labels.len();
        match progress(done, dataset.len()) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped { done, all: dataset.len() }),
        }
    })?;
    let probabilities = probabilities.unwrap_or_else(|| Tensor::zeros([0, classes]));
    Ok(Evaluation { loss: measured.loss, accuracy: measured.accuracy, confusion, probabilities })
}

/// The model's output for every picture of a data set in its order, `[N, …]`, computed `batch_size` at a time; as with
/// [`evaluate`], a layer's output may stand for the pictures.
///
/// # Errors
/// When the pictures do not fit the model's input.
pub fn predict(model: &Model, dataset: &Dataset, batch_size: usize) -> Result<Tensor> {
    let model = &*taking(model, dataset)?;
    let batches = Batches::new(dataset, batch_size, Order::Sequential, model.input().pixels)?;
    let (mut all, mut done) = (None, 0);
    for batch in batches.round(0) {
        let batch = batch?;
        put(&mut all, dataset.len(), done, &model.predict(&batch.x)?);
        done += batch.labels.len();
    }
    Ok(all.unwrap_or_else(|| Tensor::zeros(model.output_shape().with_first(0))))
}

/// Loss and accuracy over a data set.
pub(crate) struct Measured {
    pub(crate) loss: f64,
    pub(crate) accuracy: f64,
}

/// Measures loss and accuracy; `batch` sees the logits and labels of each batch.
pub(crate) fn measure(
    model: &Model,
    dataset: &Dataset,
    loss: Loss,
    batch_size: usize,
    mut batch: impl FnMut(&Tensor, &[u32]) -> Result<()>,
) -> Result<Measured> {
    loss.check(model, dataset)?;
    let model = &*taking(model, dataset)?;
    let batches = Batches::new(dataset, batch_size, Order::Sequential, model.input().pixels)?;
    let mut tape = Tape::new();
    let (mut sum, mut correct) = (0.0, 0);
    for pictures in batches.round(0) {
        let pictures = pictures?;
        let outputs = model.run(&mut tape, &pictures.x, &Request::predict())?;
        let Some(logits) = outputs.logits else { unreachable!("a request without `taps_only` gives logits") };
        let losses = loss.apply(&mut tape, &logits, &pictures.labels)?;
        sum += losses.tensor().data().iter().map(|&loss| f64::from(loss)).sum::<f64>();
        correct += metrics::correct(logits.tensor(), &pictures.labels, 0.0);
        batch(logits.tensor(), &pictures.labels)?;
    }
    let all = dataset.len() as f64;
    Ok(Measured { loss: sum / all, accuracy: correct as f64 / all })
}

/// The part of a model that takes what `dataset` has: all of it, or, where the output of one of its layers stands for the
/// pictures, what stands behind that layer.
pub(crate) fn taking<'m>(model: &'m Model, dataset: &Dataset) -> Result<Cow<'m, Model>> {
    let is_own = |layer: &&str| model.architecture().up_to(layer).is_ok();
    Ok(match dataset.layer().filter(is_own) {
        Some(layer) => Cow::Owned(model.behind(layer)?),
        None => Cow::Borrowed(model),
    })
}

/// Puts the rows of `part` at row `first` of a tensor of `rows` rows, which is made with the first part.
fn put(all: &mut Option<Tensor>, rows: usize, first: usize, part: &Tensor) {
    let each = part.shape().without_first();
    let all = all.get_or_insert_with(|| Tensor::recycled(each.with_first(rows)));
    all.data_mut()[first * each.size()..][..part.size()].copy_from_slice(part.data());
}
