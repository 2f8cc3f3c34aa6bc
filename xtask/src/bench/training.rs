//! A whole training step on one fixed batch of random pictures, by what every user of the libraries can call.

use super::operations;
use anyhow::{Context, Result};
use convnet_autograd::Tape;
use convnet_layers::{Model, Parameter, Request};
use convnet_tensor::{Purpose, Seed, Tensor};
use convnet_train::optimizers::{Optimizer, Step};
use convnet_train::{Loss, losses};

/// A model, its batch, and what its training keeps from step to step.
pub(super) struct TrainingStep {
    model: Model,
    x: Tensor,
    labels: Vec<u32>,
    request: Request,
    loss: Loss,
    optimizer: Optimizer,
    slots: Vec<Vec<Tensor>>,
    tape: Tape,
    number: u64,
}

impl TrainingStep {
    /// A training of `model` on random `pictures` of `classes` random classes.
    pub(super) fn new(
        model: Model,
        pictures: usize,
        classes: usize,
        loss: Loss,
        optimizer: impl Into<Optimizer>,
    ) -> TrainingStep {
        let optimizer = optimizer.into();
        let [height, width, channels] = model.input().shape;
        let mut random = Seed(1).stream(Purpose::Check, 0, 0);
        let x = Tensor::from_fn([pictures, height, width, channels], |_| random.uniform());
        let labels = (0..pictures).map(|_| random.below(classes) as u32).collect();
        let numbers: Vec<u64> = (0..pictures as u64).collect();
        let request = Request::train(Seed(1), &vec![0; pictures], &numbers);
        let start = |parameter: &Parameter| {
            if parameter.is_learned() { optimizer.start(parameter.value.shape()) } else { Vec::new() }
        };
        let slots = model.parameters().iter().map(start).collect();
        TrainingStep { model, x, labels, request, loss, optimizer, slots, tape: Tape::new(), number: 0 }
    }

    /// How many pictures a step learns from.
    pub(super) fn pictures(&self) -> usize {
        self.x.len_first()
    }

    /// Floating-point operations for each picture.
    pub(super) fn operations(&self) -> f64 {
        operations::training(&self.model) as f64
    }

    /// Forward, loss, backward, and the optimiser as each gradient becomes ready; gives the mean loss.
    pub(super) fn run(&mut self) -> Result<f64> {
        let outputs = self.model.run(&mut self.tape, &self.x, &self.request)?;
        let logits = outputs.logits.context("a training pass gave no logits")?;
        let losses = self.loss.apply(&mut self.tape, &logits, &self.labels)?;
        let mean = losses.tensor().data().iter().map(|&loss| f64::from(loss)).sum::<f64>()
            / self.labels.len() as f64;
        self.number += 1;
        let step = Step { number: self.number, learning_rate: self.optimizer.learning_rate() };
        let seed = losses::mean_seed(self.labels.iter().map(|_| 1.0));
        let (parameters, slots, optimizer) = (self.model.parameters_mut(), &mut self.slots, self.optimizer);
        self.tape.backward(&[(&losses, seed)], |place, gradient| {
            optimizer.update(step, &mut parameters[place].value, &gradient, &mut slots[place]);
            Ok(())
        })?;
        self.model.apply_statistics(outputs.statistics);
        anyhow::ensure!(mean.is_finite(), "the loss of step {} is {mean}", self.number);
        Ok(mean)
    }
}
