//! A training on random pictures: exactly what `fit` does.

use super::clock::Clock;
use super::operations;
use anyhow::{Context as _, Result, ensure};
use convnet_data::Dataset;
use convnet_layers::Model;
use convnet_tensor::{Purpose, Seed, Shape, Tensor};
use convnet_train::optimizers::RmsProp;
use convnet_train::{Event, Fit, Loss, Sink, Stop, fit};
use std::ops::ControlFlow;

/// A model and what it is trained on.
pub(super) struct Training {
    model: Model,
    pictures: Dataset,
    settings: Fit,
}

impl Training {
    /// A training on as many random pictures as a batch has, over and over.
    pub(super) fn new(model: Model, batch_size: usize, learning_rate: f64) -> Result<Training> {
        let shape = Shape::from(model.input().shape).with_first(batch_size);
        let classes = match model.output_shape()[..] {
            [1] => 2,
            [classes] => classes,
            _ => anyhow::bail!("a model for {} has no class to learn", model.output_shape()),
        };
        let mut random = Seed(1).stream(Purpose::Check, 0, 0);
        let pictures = Tensor::from_fn(shape, |_| random.below(256) as u8);
        let labels = (0..batch_size).map(|_| random.below(classes) as u32).collect();
        let names = (0..classes).map(|class| class.to_string()).collect();
        Training::on(Dataset::from_arrays(pictures, labels, names)?, model, batch_size, learning_rate)
    }

    /// A training in batches of so many of these pictures with RMSprop at this rate, by the loss that fits the model's end.
    pub(super) fn on(
        pictures: Dataset,
        model: Model,
        batch_size: usize,
        learning_rate: f64,
    ) -> Result<Training> {
        let loss = match model.output_shape()[..] {
            [1] => Loss::binary_crossentropy(),
            _ => Loss::sparse_categorical_crossentropy(),
        };
        let settings = Fit {
            batch_size,
            steps_per_epoch: Some(usize::MAX),
            ..Fit::new(loss, RmsProp { learning_rate, ..RmsProp::default() })
        };
        Ok(Training { model, pictures, settings })
    }

    /// Floating-point operations of a step for each picture.
    pub(super) fn operations(&self) -> u64 {
        operations::training(&self.model)
    }

    /// Trains until the clock has seen enough.
    ///
    /// # Errors
    /// When the training stops by itself: its loss is no number.
    pub(super) fn time(mut self, clock: &mut Clock) -> Result<()> {
        self.steps(&mut |_| clock.tick())
    }

    /// Makes one step.
    ///
    /// # Errors
    /// As [`Training::time`].
    pub(super) fn first_step(mut self) -> Result<()> {
        self.steps(&mut |_| true)
    }

    /// Trains until `is_enough`, which is told the mean loss so far after each step.
    fn steps(&mut self, is_enough: &mut (dyn FnMut(f64) -> bool + Send)) -> Result<()> {
        let mut watch = Watch { is_enough, not_finite: None };
        fit(&mut self.model, &self.pictures, None, &self.settings, None, &mut watch)
            .context("the training cannot be run")?;
        ensure!(
            watch.not_finite.is_none(),
            "the loss is not finite: {}",
            watch.not_finite.unwrap_or_default()
        );
        Ok(())
    }
}

/// Stops the training when enough is enough.
struct Watch<'a> {
    is_enough: &'a mut (dyn FnMut(f64) -> bool + Send),
    not_finite: Option<String>,
}

impl Sink for Watch<'_> {
    fn event(&mut self, event: &Event<'_>) -> convnet_train::Result<ControlFlow<Stop>> {
        match event {
            Event::Step { loss, .. } if (self.is_enough)(*loss) => Ok(Stop::because("enough steps")),
            Event::NotFinite { cause, .. } => {
                self.not_finite = Some((*cause).to_string());
                Ok(Stop::because("the loss is not finite"))
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chapter5::digits;
    use convnet_layers::InputSpec;

    fn training(learning_rate: f64) -> Training {
        let model = Model::new(digits::convnet(), InputSpec::new([28, 28, 1]), Seed(1)).unwrap();
        Training::new(model, 8, learning_rate).unwrap()
    }

    #[test]
    fn it_learns_its_pictures_by_heart() {
        let mut sums = Vec::new();
        let mut note = |mean: f64| {
            sums.push(mean * (sums.len() + 1) as f64);
            sums.len() == 12
        };
        training(1e-3).steps(&mut note).unwrap();
        let last = sums[11] - sums[10];
        assert!(last < sums[0], "loss {} at first, then {last}", sums[0]);
    }

    #[test]
    fn a_loss_that_is_no_number_is_an_error() {
        let error = training(1e30).steps(&mut |_| false).unwrap_err();
        assert!(error.to_string().contains("not finite"), "{error}");
    }
}
