//! What decides the numbers of a training.

use crate::evaluate::taking;
use crate::optimizers::Optimizer;
use crate::{Clipping, Error, Loss, Result, Schedule};
use convnet_data::Dataset;
use convnet_layers::{FinalActivation, Model};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that decides the numbers of a training, beside the model and the pictures.
///
/// ```
/// use convnet_train::{Fit, Loss, optimizers::RmsProp};
/// let settings = Fit { epochs: 5, batch_size: 64, ..Fit::new(Loss::sparse_categorical_crossentropy(), RmsProp::default()) };
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// How often the pictures are gone through; 1 unless told.
    pub epochs: usize,
    /// Pictures per step; 32 unless told, as in Keras.
    pub batch_size: usize,
    /// Steps in an epoch; without it, as many as it takes to see every picture once, the last with what is left over. With
    /// it, batches are always full and go on from one round through the pictures into the next.
    pub steps_per_epoch: Option<usize>,
    /// What is made small.
    pub loss: Loss,
    /// How.
    pub optimizer: Optimizer,
    /// How the optimiser's learning rate changes; constant unless told.
    pub schedule: Schedule,
    /// How gradients are kept small; not at all unless told.
    pub clipping: Option<Clipping>,
    /// How much the pictures of a class count; 1 for a class that is not named.
    pub class_weights: BTreeMap<u32, f32>,
    /// Parameters that learn faster or slower than the others.
    pub groups: Vec<Group>,
    /// Where the order of the pictures and dropout come from; 1 unless told.
    pub seed: u64,
}

/// Parameters with a learning rate of their own. Of several groups that hold a parameter, the one with the longest path
/// decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The path under which they lie, by whole components: `vgg16` holds `vgg16/block5_conv1/kernel`.
    pub path: String,
    /// What the learning rate is multiplied with.
    pub factor: f64,
}

/// No more pictures in a batch: a wrong setting is told as such, and not by the end of memory.
const LARGEST_BATCH: usize = 1 << 20;

/// No more numbers in the pictures of a batch.
const LARGEST_INPUT: u64 = 1 << 32;

impl Fit {
    /// One epoch in batches of 32 at the optimiser's own rate.
    pub fn new(loss: Loss, optimizer: impl Into<Optimizer>) -> Fit {
        Fit {
            epochs: 1,
            batch_size: 32,
            steps_per_epoch: None,
            loss,
            optimizer: optimizer.into(),
            schedule: Schedule::Constant,
            clipping: None,
            class_weights: BTreeMap::new(),
            groups: Vec::new(),
            seed: 1,
        }
    }

    /// Every setting is in its range and fits the model and the pictures.
    ///
    /// # Errors
    /// The first that does not, with what was expected.
    pub fn check(&self, model: &Model, train: &Dataset) -> Result<()> {
        let wrong = |name: &str, expected: &str, found: String| {
            Err(Error::Setting { name: name.into(), expected: expected.into(), found })
        };
        if self.batch_size == 0 {
            return wrong("batch_size", "at least 1", "0".into());
        }
        if self.batch_size > LARGEST_BATCH {
            return wrong("batch_size", &format!("at most {LARGEST_BATCH}"), self.batch_size.to_string());
        }
        if self.steps_per_epoch == Some(0) {
            return wrong("steps_per_epoch", "at least 1, or none to see every picture once", "0".into());
        }
        if train.shape_in_batch()[..] != model.input().shape {
            let (expected, found) = (model.input().shape, train.shape_in_batch().with_first(self.batch_size));
            return Err(convnet_layers::Error::Input { expected, found }.into());
        }
        let numbers = (train.shape_in_batch().size() as u64).saturating_mul(self.batch_size as u64);
        if numbers > LARGEST_INPUT {
            let (shape, size) = (train.shape_in_batch(), self.batch_size);
            let expected = format!("small enough for at most {LARGEST_INPUT} numbers in a batch");
            return wrong("batch_size", &expected, format!("{size} pictures of shape {shape}"));
        }
        self.optimizer.check()?;
        self.schedule.check()?;
        self.clipping.map_or(Ok(()), Clipping::check)?;
        self.loss.check(model, train)?;
        let classes = train.classes().len();
        for (class, weight) in &self.class_weights {
            if *class as usize >= classes {
                let expected = format!("the number of a class, below {classes}");
                return wrong("a key of class_weights", &expected, class.to_string());
            }
            if !(*weight >= 0.0 && weight.is_finite()) {
                return wrong("a class weight", "a number of at least 0", weight.to_string());
            }
        }
        for group in &self.groups {
            if !model.parameters().iter().any(|parameter| group.holds(&parameter.path)) {
                let expected = "the path of a layer, of a nested network or of a parameter of the model";
                return wrong("the path of a group", expected, format!("`{}`", group.path));
            }
            if !(group.factor >= 0.0 && group.factor.is_finite()) {
                return wrong("the factor of a group", "a number of at least 0", group.factor.to_string());
            }
        }
        if !model.parameters().iter().any(|parameter| parameter.is_learned()) {
            return wrong(
                "the model",
                "one with parameters that learn",
                "frozen altogether; unfreeze a part".into(),
            );
        }
        Ok(())
    }

    /// The pictures on which the model is to be measured after each epoch fit it too.
    ///
    /// # Errors
    /// As [`Fit::check`]: an hour of training must not end in what could be said before.
    pub(crate) fn check_validation(&self, model: &Model, validation: &Dataset) -> Result<()> {
        let wrong = |name: &str, expected: String, found: String| {
            Err(Error::Setting { name: name.into(), expected, found })
        };
        if validation.is_empty() {
            let expected = "of at least one picture, or left out".into();
            return wrong("the validation set", expected, "empty".into());
        }
        let part = taking(model, validation)?;
        let shape = validation.shape_in_batch();
        if shape[..] != part.input().shape {
            let [height, width, channels] = part.input().shape;
            let expected = format!("({height}, {width}, {channels}), as the model's input");
            return wrong("the shape of a validation picture", expected, shape.to_string());
        }
        if let Some(layer) = validation.layer() {
            let is_before = |path: &str| part.parameter(path).is_err();
            let mut learning = model.parameters().iter().filter(|parameter| parameter.trainable);
            if let Some(parameter) = learning.find(|parameter| is_before(&parameter.path)) {
                let expected = format!("of pictures, or all before `{layer}`, whose output they are, frozen");
                return wrong("the validation set", expected, format!("`{}` learning", parameter.path));
            }
        }
        self.loss.check(model, validation)
    }

    /// What the learning rate of the parameter at `path` is multiplied with.
    pub(crate) fn factor(&self, path: &str) -> f64 {
        let groups = self.groups.iter().filter(|group| group.holds(path));
        groups.max_by_key(|group| group.path.len()).map_or(1.0, |group| group.factor)
    }

    /// How much a picture of this class counts.
    pub(crate) fn weight(&self, label: u32) -> f32 {
        self.class_weights.get(&label).copied().unwrap_or(1.0)
    }
}

impl Group {
    fn holds(&self, path: &str) -> bool {
        path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Loss {
    /// The loss is for models that end like this one, with pictures of so many classes.
    ///
    /// # Errors
    /// [`Error::Ending`] that says what would fit, or [`Error::Setting`] for smoothing out of range.
    pub fn check(&self, model: &Model, pictures: &Dataset) -> Result<()> {
        if !(0.0..=1.0).contains(&self.label_smoothing()) {
            let (name, expected) = ("label_smoothing".into(), "from 0 to 1".into());
            return Err(Error::Setting { name, expected, found: self.label_smoothing().to_string() });
        }
        let (shape, ending, classes) =
            (model.output_shape(), model.final_activation(), pictures.classes().len());
        let fits = match self {
            Loss::SparseCategoricalCrossentropy { .. } => {
                shape.len() == 1 && shape[0] >= classes && ending != FinalActivation::Sigmoid
            }
            Loss::BinaryCrossentropy { .. } => {
                shape[..] == [1] && classes <= 2 && ending != FinalActivation::Softmax
            }
        };
        if fits {
            return Ok(());
        }
        let ending = match ending {
            FinalActivation::Linear => "scores",
            FinalActivation::Softmax => "softmax",
            FinalActivation::Sigmoid => "sigmoid",
        };
        let remedy = match (classes, self) {
            (2, Loss::BinaryCrossentropy { .. }) => {
                "end the model in Dense(1, sigmoid), or take SparseCategoricalCrossentropy".into()
            }
            (2, _) => {
                "end the model in Dense(2, softmax), or in Dense(1, sigmoid) with BinaryCrossentropy".into()
            }
            (classes, Loss::BinaryCrossentropy { .. }) => {
                format!("take SparseCategoricalCrossentropy and end the model in Dense({classes}, softmax)")
            }
            (classes, _) => format!("end the model in Dense({classes}, softmax)"),
        };
        let found = format!("{ending} of shape {shape} for pictures of {classes} classes");
        Err(Error::Ending { loss: self.name(), found, remedy })
    }
}
