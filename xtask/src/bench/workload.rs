//! The workloads, the same as those of the peers' scripts.

use super::training::TrainingStep;
use crate::chapter5::digits;
use crate::exit::Usage;
use anyhow::Result;
use convnet_layers::{InputSpec, Model};
use convnet_tensor::Seed;
use convnet_train::Loss;
use convnet_train::optimizers::RmsProp;

/// One piece of work that is timed.
#[derive(Debug)]
pub(super) struct Workload {
    /// The name that all programs know it by.
    pub(super) name: &'static str,
    /// Steps before the clock starts.
    pub(super) warm_up: usize,
    /// Makes what a step needs.
    pub(super) prepare: fn() -> Result<TrainingStep>,
}

/// All workloads. Adding one is a line here.
pub(super) const ALL: &[Workload] = &[Workload { name: "mnist_train", warm_up: 10, prepare: mnist_train }];

/// The digits convnet: sparse categorical cross-entropy, RMSprop 1e-3, batch 64.
fn mnist_train() -> Result<TrainingStep> {
    let model = Model::new(digits::convnet(), InputSpec::new([28, 28, 1]), Seed(1))?;
    Ok(TrainingStep::new(model, 64, 10, Loss::sparse_categorical_crossentropy(), RmsProp::default()))
}

/// The workloads of these names, each once; all where none is named.
///
/// # Errors
/// [`Usage`] for a name that is none, with those that exist.
pub(super) fn select(names: &[String]) -> Result<Vec<&'static Workload>, Usage> {
    let known = || ALL.iter().map(|workload| workload.name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = names.iter().find(|name| !ALL.iter().any(|workload| workload.name == **name)) {
        return Err(Usage(format!("no workload is named `{unknown}`; there are: {}", known())));
    }
    let is_chosen = |workload: &&Workload| names.is_empty() || names.iter().any(|name| name == workload.name);
    Ok(ALL.iter().filter(is_chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_and_an_unknown_one_is_told_with_those_that_exist() {
        let chosen = |names: &[&str]| select(&names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
        assert_eq!(chosen(&[]).unwrap().len(), ALL.len());
        assert_eq!(chosen(&["mnist_train", "mnist_train"]).unwrap().len(), 1);
        let message = chosen(&["mnist_train", "mnist"]).unwrap_err().to_string();
        assert!(message.contains("`mnist`") && message.contains("there are: mnist_train"), "{message}");
    }

    #[test]
    fn a_step_learns() {
        for workload in ALL {
            let mut step = (workload.prepare)().unwrap();
            let before = step.run().unwrap();
            let after = (0..5).map(|_| step.run().unwrap()).last().unwrap();
            assert!(after < before, "{}: loss {before}, then {after}", workload.name);
        }
    }
}
