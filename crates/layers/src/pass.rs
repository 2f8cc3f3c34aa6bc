//! One forward pass: what it is asked, what a layer sees of it, what it gives.

use convnet_autograd::{Tape, Value, operations};
use convnet_tensor::{Purpose, Result, Seed, Stream, Tensor};
use std::sync::{Arc, Mutex, PoisonError};

/// The key under which the gradient of the input pictures is handed over ([`Request::watch_input`]).
pub const INPUT_KEY: usize = usize::MAX;

/// The key under which the gradient of tap `number` is handed over.
pub const fn tap_key(number: usize) -> usize {
    usize::MAX - 1 - number
}

/// A layer whose output is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The layer's path, `vgg16/block5_conv3`.
    pub path: String,
    /// Whether its gradient is wanted too, under [`tap_key`].
    pub gradient: bool,
}

impl Tap {
    /// The output of the layer at `path`.
    pub fn output(path: impl Into<String>) -> Tap {
        Tap { path: path.into(), gradient: false }
    }

    /// The output of the layer at `path` and, after backward, its gradient. Where a softmax or sigmoid ends the model, the
    /// gradient of its last layer is that of the scores before it.
    pub fn with_gradient(path: impl Into<String>) -> Tap {
        Tap { path: path.into(), gradient: true }
    }
}

/// What a pass is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whether layers behave as in training (dropout drops, batch normalisation gathers).
    pub training: bool,
    /// Whether the gradients of trainable weights are wanted, each under its place in the model's parameters.
    pub gradients: bool,
    /// Whether the gradient of the pictures is wanted, under [`INPUT_KEY`].
    pub watch_input: bool,
    /// Layers whose outputs are wanted.
    pub taps: Vec<Tap>,
    /// Whether only the taps are wanted: steps behind the last tap are not run, and there are no logits.
    pub taps_only: bool,
    /// Guided backpropagation: ReLUs also stop negative gradients.
    pub guided: bool,
    /// The seed of what is random in training.
    pub seed: Seed,
    /// The round in which each picture is met; a picture met in another round meets other random numbers. Empty: round 0.
    pub rounds: Vec<u64>,
    /// The number of each picture in its data set. Empty: its place in the batch.
    pub pictures: Vec<u64>,
}

impl Request {
    /// A pass that predicts: nothing random, nothing recorded.
    pub fn predict() -> Request {
        Request {
            training: false,
            gradients: false,
            watch_input: false,
            taps: Vec::new(),
            taps_only: false,
            guided: false,
            seed: Seed(0),
            rounds: Vec::new(),
            pictures: Vec::new(),
        }
    }

    /// A pass of a training step on the pictures with these numbers, met in these rounds.
    pub fn train(seed: Seed, rounds: &[u64], pictures: &[u64]) -> Request {
        let (rounds, pictures) = (rounds.to_vec(), pictures.to_vec());
        Request { training: true, gradients: true, seed, rounds, pictures, ..Request::predict() }
    }

    /// A pass that predicts and gives the outputs of these layers.
    pub fn taps(taps: impl IntoIterator<Item = Tap>) -> Request {
        Request { taps: taps.into_iter().collect(), ..Request::predict() }
    }
}

/// What a pass gives.
#[derive(Debug)]
pub struct Outputs {
    /// The scores before the final activation; `None` when only taps were asked for.
    pub logits: Option<Value>,
    /// The outputs of the tapped layers, in the order asked for; a tapped layer that ends the model gives its output
    /// after the final activation.
    pub taps: Vec<Value>,
    /// New values of statistics, by place in the model's parameters: apply them after the step
    /// ([`Model::apply_statistics`](crate::Model::apply_statistics)), unless it ended in NaN.
    pub statistics: Vec<(usize, Tensor)>,
}

/// New values of statistics, gathered from all slices.
pub(crate) type Statistics = Arc<Mutex<Vec<(usize, Tensor)>>>;

/// What a layer sees of the pass.
#[derive(Debug)]
pub struct Pass<'a> {
    /// Where to apply operations.
    pub tape: &'a mut Tape,
    pub(crate) training: bool,
    pub(crate) learning: bool,
    pub(crate) guided: bool,
    pub(crate) seed: Seed,
    pub(crate) rounds: &'a [u64],
    pub(crate) pictures: &'a [u64],
    /// The place in the batch of the first picture that the layer sees.
    pub(crate) first_picture: usize,
    /// The layer's place, which keeps the random numbers of two layers apart.
    pub(crate) step: usize,
    /// The place of the layer's first parameter in the model.
    pub(crate) first_parameter: usize,
    pub(crate) statistics: Statistics,
}

impl<'a> Pass<'a> {
    /// A pass for one layer by itself, outside any model: to try it, and to let the gradient checker prove it. In
    /// `training` it learns. `pictures` are the numbers of the pictures, which choose their random numbers.
    pub fn alone(tape: &'a mut Tape, training: bool, seed: Seed, pictures: &'a [u64]) -> Pass<'a> {
        Pass {
            tape,
            training,
            learning: training,
            guided: false,
            seed,
            rounds: &[],
            pictures,
            first_picture: 0,
            step: 0,
            first_parameter: 0,
            statistics: Statistics::default(),
        }
    }

    /// Whether layers behave as in training.
    pub fn is_training(&self) -> bool {
        self.training
    }

    /// Whether this layer learns: in training, and not frozen.
    pub fn is_learning(&self) -> bool {
        self.learning
    }

    /// Whether ReLUs must also stop negative gradients.
    pub fn is_guided(&self) -> bool {
        self.guided
    }

    /// The random numbers of this layer for picture `picture` of the batch (or of the slice that the layer sees), the
    /// same whatever the batch around it.
    pub fn stream(&self, picture: usize) -> Stream {
        // Without numbers the place in the batch must do, so that slicing changes nothing.
        let place = (self.first_picture + picture) as u64;
        let number = self.pictures.get(picture).copied().unwrap_or(place);
        let round = self.rounds.get(picture).copied().unwrap_or(0);
        self.seed.part(self.step as u64).stream(Purpose::Dropout, round, number)
    }

    /// A ReLU as the pass wants it.
    ///
    /// # Errors
    /// Those of the tape.
    pub fn relu(&mut self, maximum: Option<f32>, x: &Value) -> Result<Value> {
        self.tape.apply(operations::Relu { maximum, guided: self.guided }, &[x])
    }

    /// Reports the new value of the layer's parameter number `place`, which is a statistic.
    pub fn gather(&mut self, place: usize, value: Tensor) {
        let mut statistics = self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        statistics.push((self.first_parameter + place, value));
    }
}
