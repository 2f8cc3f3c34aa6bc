#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use convnet_autograd as autograd;
pub use convnet_cpu as cpu;
pub use convnet_data as data;
pub use convnet_layers as layers;
pub use convnet_tensor as tensor;
pub use convnet_train as train;

/// What most programs need: `use convnet::prelude::*`.
pub mod prelude {
    pub use convnet_autograd::{Operation, Tape, Value};
    pub use convnet_data::{Batches, Dataset, Order, generated, idx};
    pub use convnet_layers::{
        Activation, ActivationKind, Add, Architecture, AveragePooling2D, BatchNormalization, Conv2D, Dense,
        Dropout, Flatten, GlobalAveragePooling2D, InputSpec, Layer, LayerClasses, MaxPooling2D, Model,
        Padding, ReLU, Request, Rescaling, Sigmoid, Softmax, Tap,
    };
    pub use convnet_tensor::{Pixels, Seed, Shape, Tensor};
}
