//! What several tests need: a small nested network and drawn numbers.
#![allow(dead_code, reason = "each test takes what it needs")]

use convnet_layers::*;
use convnet_tensor::{Purpose, Seed, Shape, Tensor};

/// Numbers between −1 and 1.
pub(crate) fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let mut stream = Seed(seed).stream(Purpose::Check, 5, 0);
    Tensor::from_fn(shape, |_| stream.between(-1.0, 1.0))
}

/// A base with a residual block, nested in a classifier of four.
pub(crate) fn nested_net() -> Architecture {
    let base = Architecture::new()
        .named("conv1", Conv2D::new(6, 3).relu())
        .named("pool1", MaxPooling2D::new(2))
        .named("conv2", Conv2D::new(8, 3).same().relu())
        .named("left", Conv2D::new(8, 1))
        .join("sum", Add::new(), &["conv2", "left"])
        .named("relu", ReLU::new());
    Architecture::new()
        .nested("base", base)
        .add(Flatten::new())
        .add(Dense::new(9).relu())
        .add(Dense::new(4).softmax())
}

/// [`nested_net`] with drawn weights and biases.
pub(crate) fn nested() -> Model {
    drawn(Model::new(nested_net(), InputSpec::new([14, 12, 3]), Seed(1)).unwrap())
}

/// The model with drawn biases, so that no mistake hides behind zeros.
pub(crate) fn drawn(mut model: Model) -> Model {
    for (number, parameter) in model.parameters_mut().iter_mut().enumerate() {
        if parameter.path.ends_with("/bias") {
            let drawn = random(parameter.value.shape(), 50 + number as u64);
            parameter.value.data_mut().iter_mut().zip(drawn.data()).for_each(|(to, x)| *to = 0.3 * x);
        }
    }
    model
}
