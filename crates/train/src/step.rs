//! One step of training: forward, backward, and the optimiser as gradients become ready.

use crate::checkpoint::OptimizerState;
use crate::optimizers::Step;
use crate::{Clipping, Fit, Result, losses, metrics};
use convnet_autograd::{Tape, Value};
use convnet_cpu::elementwise;
use convnet_data::Batch;
use convnet_layers::{Model, Request};
use convnet_tensor::{Seed, Tensor};

/// A model with what its training keeps from step to step.
pub(crate) struct Trainer<'a> {
    pub(crate) model: &'a mut Model,
    pub(crate) state: OptimizerState,
    settings: &'a Fit,
    /// What the learning rate of each parameter is multiplied with.
    factors: Vec<f64>,
    tape: Tape,
}

/// The forward half of a step.
pub(crate) struct Forward {
    losses: Value,
    seed: Tensor,
    statistics: Vec<(usize, Tensor)>,
    /// Σ weight · loss over the pictures.
    pub(crate) loss: f64,
    pub(crate) correct: u64,
}

impl<'a> Trainer<'a> {
    /// The optimiser's state is made here, before the first step: its memory then lies apart from what steps recycle.
    pub(crate) fn new(model: &'a mut Model, settings: &'a Fit) -> Trainer<'a> {
        let optimizer = settings.optimizer;
        let start = |parameter: &convnet_layers::Parameter| {
            if parameter.is_learned() { optimizer.start(parameter.value.shape()) } else { Vec::new() }
        };
        let slots = model.parameters().iter().map(start).collect();
        let factors = model.parameters().iter().map(|parameter| settings.factor(&parameter.path)).collect();
        let state = OptimizerState { names: optimizer.slots(), slots };
        Trainer { model, state, settings, factors, tape: Tape::new() }
    }

    /// Runs the model on the batch and measures its loss.
    pub(crate) fn forward(&mut self, batch: &Batch) -> Result<Forward> {
        let result = self.run(batch);
        if result.is_err() {
            self.tape.clear();
        }
        result
    }

    fn run(&mut self, batch: &Batch) -> Result<Forward> {
        let request = Request::train(Seed(self.settings.seed), &batch.rounds, &batch.numbers);
        let outputs = self.model.run(&mut self.tape, &batch.x, &request)?;
        let Some(logits) = outputs.logits else { unreachable!("a request without `taps_only` gives logits") };
        self.tape.set_label(&"loss".into());
        let losses = self.settings.loss.apply(&mut self.tape, &logits, &batch.labels)?;
        let weights = batch.labels.iter().map(|&label| self.settings.weight(label));
        let weighted = losses.tensor().data().iter().zip(weights.clone());
        let loss = weighted.map(|(&loss, weight)| f64::from(loss) * f64::from(weight)).sum();
        let correct = metrics::correct(logits.tensor(), &batch.labels, 0.0) as u64;
        Ok(Forward {
            losses,
            seed: losses::mean_seed(weights),
            statistics: outputs.statistics,
            loss,
            correct,
        })
    }

    /// Where NaN or infinity arises in the step that this batch makes.
    pub(crate) fn diagnose(&mut self, batch: &Batch) -> String {
        let is_finite =
            |parameter: &&convnet_layers::Parameter| elementwise::is_finite(parameter.value.data());
        if let Some(parameter) = self.model.parameters().iter().find(|parameter| !is_finite(parameter)) {
            return format!(
                "the parameter `{}` is not finite: an earlier update was too large; lower the learning rate or clip gradients",
                parameter.path
            );
        }
        let tape = std::mem::replace(&mut self.tape, Tape::new().check_finite(true));
        let outcome = self.run(batch);
        self.tape = tape;
        match outcome {
            Err(error) => error.to_string(),
            Ok(_) => "the loss is not finite, although every layer's output is".into(),
        }
    }

    /// Goes back through the network and moves every parameter as soon as its gradient is there.
    pub(crate) fn learn(&mut self, forward: Forward, number: u64, learning_rate: f64) -> Result<()> {
        let Forward { losses, seed, statistics, loss, .. } = forward;
        let (optimizer, clipping, factors) = (self.settings.optimizer, self.settings.clipping, &self.factors);
        let parameters = self.model.parameters_mut();
        let slots = &mut self.state.slots;
        let mut update = |place: usize, gradient: &Tensor| {
            let step = Step { number, learning_rate: learning_rate * factors[place] };
            optimizer.update(step, &mut parameters[place].value, gradient, &mut slots[place]);
        };
        if let Some(Clipping::GlobalNorm(_)) = clipping {
            let mut gradients: Vec<Option<Tensor>> = vec![None; factors.len()];
            self.tape.backward(&[(&losses, seed)], |place, gradient| {
                gradients[place] = Some(gradient);
                Ok(())
            })?;
            clipping.into_iter().for_each(|clipping| clipping.apply_all(gradients.iter_mut().flatten()));
            for (place, gradient) in gradients.iter().enumerate() {
                gradient.iter().for_each(|gradient| update(place, gradient));
            }
        } else {
            self.tape.backward(&[(&losses, seed)], |place, mut gradient| {
                clipping.into_iter().for_each(|clipping| clipping.apply(&mut gradient));
                update(place, &gradient);
                Ok(())
            })?;
        }
        if loss.is_finite() {
            self.model.apply_statistics(statistics);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::{Goldens, digits, distance};
    use crate::{Loss, optimizers::RmsProp};

    #[test]
    fn three_steps_of_the_digits_convnet_agree_with_keras() {
        let goldens = Goldens::read("model");
        let golden = |name: &str| goldens.tensor("digits", name);
        let mut model = digits(1);
        for parameter in model.parameters_mut() {
            parameter.value = golden(&format!("start/{}", parameter.path)).clone();
        }
        let labels = golden("labels").data().iter().map(|&label| label as u32).collect();
        let batch = Batch { x: golden("x").clone(), labels, numbers: vec![0, 1, 2, 3], rounds: vec![0; 4] };
        let settings = Fit::new(Loss::sparse_categorical_crossentropy(), RmsProp::default());
        let mut trainer = Trainer::new(&mut model, &settings);
        for (step, expected) in golden("losses").data().iter().enumerate() {
            let forward = trainer.forward(&batch).unwrap();
            let loss = forward.loss as f32 / 4.0;
            assert!((loss - expected).abs() < 2e-6 * expected, "step {step}: loss {loss}, Keras {expected}");
            trainer.learn(forward, step as u64 + 1, 0.001).unwrap();
        }
        assert_eq!(model.parameters().len(), 10);
        for parameter in model.parameters() {
            let distance =
                distance(parameter.value.data(), golden(&format!("after/{}", parameter.path)).data());
            assert!(distance < 1e-5, "{} is off by {distance:e} of its scale", parameter.path);
        }
    }
}
