//! Cross-entropy for one class out of several.

use super::check_labels;
use convnet_autograd::{InputGradients, Operation, Wanted};
use convnet_tensor::{Error, Result, Tensor};

/// `ln Σ eˣʲ − Σ tᵢ xᵢ` for each picture: logits `[N, classes]` → `[N]`.
///
/// The target `t` is 1 at the label and 0 elsewhere; smoothing `s` makes it `t · (1 − s) + s / classes`, as Keras does.
#[derive(Clone, Debug)]
pub struct SparseCategoricalCrossentropy {
    /// The class of each picture.
    pub labels: Vec<u32>,
    /// The share of the target that is spread over all classes, 0 to 1.
    pub smoothing: f32,
}

impl SparseCategoricalCrossentropy {
    fn check(&self, logits: &Tensor) -> Result<()> {
        let shape = logits.shape();
        if shape.len() != 2 || shape[0] != self.labels.len() {
            return Err(Error::Shape {
                operation: self.name().into(),
                expected: format!("logits ({}, classes), a row for each label", self.labels.len()),
                found: shape,
            });
        }
        check_labels(&self.labels, shape[1])
    }

    /// What the target has everywhere, and what the label has more.
    fn target(&self, classes: usize) -> (f64, f64) {
        let smoothing = f64::from(self.smoothing);
        (smoothing / classes as f64, 1.0 - smoothing)
    }
}

/// The largest logit of a row and `Σ e^(x − largest)`, which cannot overflow.
fn shifted_sum(row: &[f32]) -> (f64, f64) {
    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    (largest, row.iter().map(|&x| (f64::from(x) - largest).exp()).sum())
}

impl Operation for SparseCategoricalCrossentropy {
    type Saved = Option<Tensor>;

    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)> {
        let logits = inputs[0];
        self.check(logits)?;
        let classes = logits.shape()[1];
        let (everywhere, at_label) = self.target(classes);
        let losses = Tensor::from_fn([self.labels.len()], |picture| {
            let row = &logits.data()[picture * classes..][..classes];
            let (largest, sum) = shifted_sum(row);
            // Distances below the largest logit: a sure and right answer keeps all its digits.
            let below = |x: f32| largest - f64::from(x);
            let mut loss = sum.ln() + at_label * below(row[self.labels[picture] as usize]);
            if everywhere != 0.0 {
                loss += everywhere * row.iter().map(|&x| below(x)).sum::<f64>();
            }
            loss as f32
        });
        Ok((losses, wanted.any().then(|| logits.clone())))
    }

    fn backward(&self, logits: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()> {
        let Some(logits) = logits else { return Ok(()) };
        let classes = logits.shape()[1];
        let (everywhere, at_label) = self.target(classes);
        to.give(0, || {
            let mut dx = Tensor::recycled(logits.shape());
            let rows = logits.data().chunks_exact(classes).zip(dx.data_mut().chunks_exact_mut(classes));
            for ((row, dx), (&label, &gradient)) in rows.zip(self.labels.iter().zip(gradient.data())) {
                let (largest, sum) = shifted_sum(row);
                for (class, (dx, &x)) in dx.iter_mut().zip(row).enumerate() {
                    let target = everywhere + if class == label as usize { at_label } else { 0.0 };
                    let probability = (f64::from(x) - largest).exp() / sum;
                    *dx = (f64::from(gradient) * (probability - target)) as f32;
                }
            }
            dx
        });
        Ok(())
    }

    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        let (logits, classes) = (inputs[0], inputs[0].shape()[1]);
        let smoothing = f64::from(self.smoothing);
        Tensor::from_fn([self.labels.len()], |picture| {
            let row = &logits.data()[picture * classes..][..classes];
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log_sum = largest + row.iter().map(|x| (x - largest).exp()).sum::<f64>().ln();
            let mut loss = 0.0;
            for (class, x) in row.iter().enumerate() {
                let hot = if class == self.labels[picture] as usize { 1.0 } else { 0.0 };
                let target = hot * (1.0 - smoothing) + smoothing / classes as f64;
                loss += target * (log_sum - x);
            }
            loss
        })
    }
}
