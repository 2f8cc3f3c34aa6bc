#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod activations;
mod add;
mod architecture;
mod batch_normalization;
mod concatenate;
mod conv2d;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod error;
pub mod file;
mod flatten;
mod fusion;
mod graph;
mod initializers;
pub mod layer;
mod model;
mod pass;
mod pooling2d;
mod receptive_field;
mod rescaling;
mod reshape;
mod run;
mod separable_conv2d;
mod settings;
mod summary;
mod zero_padding2d;

pub use activations::{Activation, ReLU, Sigmoid, Softmax};
pub use add::Add;
pub use architecture::{Architecture, INPUT, InputSpec, NamedLayer, Part, snake_case};
pub use batch_normalization::BatchNormalization;
pub use concatenate::Concatenate;
pub use conv2d::Conv2D;
/// What [`Layer::window`] tells.
pub use convnet_cpu::window::{Borders, Window};
pub use dense::Dense;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use dropout::Dropout;
pub use error::{Error, Refusal, Result};
pub use flatten::Flatten;
pub use initializers::Initializer;
pub use layer::{Batching, FinalActivation, Layer, LayerClasses, ParameterSpec, Role};
pub use model::{Model, Parameter};
pub use pass::{INPUT_KEY, Outputs, Pass, Request, Tap, tap_key};
pub use pooling2d::{AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D};
pub use receptive_field::ReceptiveField;
pub use rescaling::Rescaling;
pub use reshape::Reshape;
pub use separable_conv2d::SeparableConv2D;
pub use settings::{ActivationKind, Padding, Pair};
pub use summary::{Summary, SummaryRow};
pub use zero_padding2d::ZeroPadding2D;
