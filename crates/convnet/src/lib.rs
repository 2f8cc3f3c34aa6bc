#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(any(test, doctest))]
mod book;

pub use convnet_autograd as autograd;
pub use convnet_cpu as cpu;
pub use convnet_data as data;
pub use convnet_layers as layers;
pub use convnet_pretrained as pretrained;
pub use convnet_tensor as tensor;
pub use convnet_train as train;
pub use convnet_visualize as visualize;

/// What most programs need: `use convnet::prelude::*`.
pub mod prelude {
    pub use convnet_autograd::{InputGradients, Operation, Tape, Value, Wanted};
    pub use convnet_data::{Batches, Dataset, Order, generated, idx};
    pub use convnet_layers::{
        Activation, ActivationKind, Add, Architecture, AveragePooling2D, BatchNormalization, Conv2D, Dense,
        Dropout, Flatten, GlobalAveragePooling2D, Initializer, InputSpec, Layer, LayerClasses, MaxPooling2D,
        Model, Padding, ParameterSpec, Pass, ReLU, Refusal, Request, Rescaling, Role, Sigmoid, Softmax, Tap,
    };
    pub use convnet_tensor::{Pixels, Seed, Shape, Tensor};
    pub use convnet_train::optimizers::{Adam, AdamW, RmsProp, Sgd};
    pub use convnet_train::{Event, Fit, Loss, Sinks, evaluate, fit, predict};
}

/// The README of the project, whose example must compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
