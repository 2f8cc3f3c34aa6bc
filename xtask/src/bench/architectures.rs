//! Networks that are timed and stand neither in the zoo nor among the experiments.

use convnet_layers::{Architecture, Dense, Flatten};
use convnet_pretrained::zoo::{Top, vgg16};

/// The base of VGG16 with the chapter's head for cats and dogs (5.3), for pictures of 150×150.
pub(super) fn vgg16_cats_and_dogs() -> Architecture {
    Architecture::new()
        .nested("vgg16", vgg16(150, Top::Without).architecture)
        .add(Flatten::new())
        .add(Dense::new(256).relu())
        .add(Dense::new(1).sigmoid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_layers::{InputSpec, Model};
    use convnet_tensor::{Seed, Shape};

    #[test]
    fn shapes_and_parameters_are_those_of_keras() {
        let model = Model::new(vgg16_cats_and_dogs(), InputSpec::new([150, 150, 3]), Seed(1)).unwrap();
        let parameters = model.summary().parameters();
        assert_eq!(
            (model.output_shape(), parameters),
            (Shape::new(&[1]), 14_714_688 + 8192 * 256 + 256 + 257)
        );
        assert!(model.parameter("vgg16/block5_conv3/kernel").is_ok());
    }
}
