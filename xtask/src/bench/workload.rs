//! The workloads, the same as those of the peers' scripts.

use super::clock::Clock;
use super::training::Training;
use super::{architectures, input, operations};
use crate::chapter5::{cats_dogs, digits};
use crate::exit::Usage;
use anyhow::Result;
use convnet_layers::{Architecture, InputSpec, Model};
use convnet_pretrained::zoo::{self, Top};
use convnet_tensor::{Pixels, Purpose, Seed, Tensor};
use convnet_visualize::filters::{Ascent, ascend};

/// One piece of work that is timed.
#[derive(Debug)]
pub(super) struct Workload {
    /// The name that all programs know it by.
    pub(super) name: &'static str,
    /// Pictures in a batch.
    pub(super) pictures: usize,
    /// Steps before the clock starts.
    warm_up: usize,
    pub(super) work: Work,
}

/// What a step is.
#[derive(Debug)]
pub(super) enum Work {
    /// A step of `fit`.
    Training(fn() -> Result<Training>),
    /// `Model::predict` on a batch of random pictures.
    Prediction(fn() -> Result<Model>),
    /// Something else that is done again and again, on all threads of the pool.
    Other(fn() -> Result<Step>),
    /// A whole process, up to the end of the first step of this training.
    Start(fn() -> Result<Training>),
}

/// A step that is no training's and no prediction.
pub(super) type Step = Box<dyn FnMut() -> Result<()>>;

/// All workloads, in the order of the chapter.
pub(super) const ALL: &[Workload] = &[
    Workload { name: "mnist_train", pictures: 64, warm_up: 10, work: Work::Training(digits_training) },
    Workload {
        name: "catsdogs_train",
        pictures: 20,
        warm_up: 3,
        work: Work::Training(cats_and_dogs_training),
    },
    Workload { name: "vgg16_forward", pictures: 20, warm_up: 3, work: Work::Prediction(vgg16_base) },
    Workload { name: "vgg16_latency", pictures: 1, warm_up: 3, work: Work::Prediction(vgg16) },
    Workload { name: "vgg16_finetune_step", pictures: 20, warm_up: 3, work: Work::Training(fine_tuning) },
    Workload { name: "mobilenet_forward", pictures: 20, warm_up: 3, work: Work::Prediction(mobilenet_base) },
    Workload { name: "decode", pictures: input::PHOTOGRAPHS, warm_up: 2, work: Work::Other(input::decode) },
    Workload { name: "augment", pictures: input::CHANGED, warm_up: 2, work: Work::Other(input::augment) },
    Workload {
        name: "from_files",
        pictures: input::BATCH,
        warm_up: 3,
        work: Work::Training(input::from_files),
    },
    Workload { name: "filters", pictures: FILTERS, warm_up: 1, work: Work::Other(filters) },
    Workload { name: "start", pictures: 64, warm_up: 1, work: Work::Start(digits_training) },
];

/// What [`input::from_files`] is measured beside: the same training from memory, without augmentation.
pub(super) const FROM_MEMORY: Workload = Workload {
    name: "from_files",
    pictures: input::BATCH,
    warm_up: 3,
    work: Work::Training(input::from_memory),
};

pub(super) fn model(architecture: Architecture, shape: [usize; 3]) -> Result<Model> {
    Ok(Model::new(architecture, InputSpec::new(shape), Seed(1))?)
}

/// The digits convnet: sparse categorical cross-entropy, RMSprop 1e-3, batch 64.
fn digits_training() -> Result<Training> {
    Training::new(model(digits::convnet(), [28, 28, 1])?, 64, 1e-3)
}

/// The cats-and-dogs convnet: binary cross-entropy, RMSprop 1e-4, batch 20.
fn cats_and_dogs_training() -> Result<Training> {
    Training::new(model(cats_dogs::convnet(false), [150, 150, 3])?, 20, 1e-4)
}

fn vgg16_base() -> Result<Model> {
    model(zoo::vgg16(150, Top::Without).architecture, [150, 150, 3])
}

fn vgg16() -> Result<Model> {
    model(zoo::vgg16(224, Top::Classes(1000)).architecture, [224, 224, 3])
}

fn mobilenet_base() -> Result<Model> {
    model(zoo::mobilenet(1.0, 224, Top::Without)?.architecture, [224, 224, 3])
}

/// Block 5 and the head learn, the blocks before them are frozen: binary cross-entropy, RMSprop 1e-5, batch 20.
fn fine_tuning() -> Result<Training> {
    let mut model = model(architectures::vgg16_cats_and_dogs(), [150, 150, 3])?;
    model.unfreeze_from("vgg16/block5_conv1")?;
    Training::new(model, 20, 1e-5)
}

/// Filters that are painted at once: one of the chapter's grids.
const FILTERS: usize = 64;

/// Gradient ascent on the pictures for 64 filters of VGG16's block3_conv1, 40 steps by the book's recipe, tiles of 64×64.
fn filters() -> Result<Step> {
    let model = vgg16_base()?;
    let recipe = Ascent::book([64, 64], &Pixels::CaffeBgr);
    let filters: Vec<_> = (0..FILTERS).collect();
    Ok(Box::new(move || {
        ascend(&model, "block3_conv1", &filters, &recipe)?;
        Ok(())
    }))
}

impl Workload {
    /// Makes steps until the clock has seen enough, and gives the operations of one for each picture, where it has any that
    /// are counted. A [`Work::Start`] is timed as the training that it starts.
    ///
    /// # Errors
    /// Those of the model and of a step.
    pub(super) fn time(&self, rounds: usize) -> Result<(Clock, Option<u64>)> {
        let mut clock = Clock::new(self.warm_up, rounds);
        let operations = match self.work {
            Work::Training(prepare) | Work::Start(prepare) => {
                let training = prepare()?;
                let operations = training.operations();
                training.time(&mut clock)?;
                Some(operations)
            }
            Work::Prediction(prepare) => {
                let model = prepare()?;
                let [height, width, channels] = model.input().shape;
                let mut random = Seed(1).stream(Purpose::Check, 0, 0);
                let x = Tensor::from_fn([self.pictures, height, width, channels], |_| random.uniform());
                loop {
                    model.predict(&x)?;
                    if clock.tick() {
                        break Some(operations::prediction(&model));
                    }
                }
            }
            Work::Other(prepare) => {
                let mut step = prepare()?;
                loop {
                    step()?;
                    if clock.tick() {
                        break None;
                    }
                }
            }
        };
        Ok((clock, operations))
    }
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

    /// The figures of the peers' flops.py, in millions.
    #[test]
    fn operations_are_those_that_the_peers_count() {
        for (name, millions) in [
            ("mnist_train", 16.376),
            ("catsdogs_train", 1_378.72),
            ("vgg16_forward", 13_230.98),
            ("vgg16_finetune_step", 15_154.6),
            ("mobilenet_forward", 1_135.43),
        ] {
            let workload = ALL.iter().find(|workload| workload.name == name).unwrap();
            let found = match workload.work {
                Work::Training(prepare) | Work::Start(prepare) => prepare().unwrap().operations(),
                Work::Prediction(prepare) => operations::prediction(&prepare().unwrap()),
                Work::Other(_) => continue,
            };
            assert!((found as f64 / 1e6 / millions - 1.0).abs() < 1e-5, "{name}: {found}");
        }
    }
}
