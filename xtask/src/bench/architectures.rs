//! The networks that are timed, with Keras' layer names and random first values.

use convnet_layers::{
    Architecture, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Flatten, Initializer, MaxPooling2D,
    ReLU, ZeroPadding2D,
};

/// The convolutional base of VGG16 (Simonyan and Zisserman 2014): 14,714,688 parameters.
pub(super) fn vgg16_base() -> Architecture {
    let mut network = Architecture::new();
    for (block, &(layers, filters)) in [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)].iter().enumerate() {
        let block = block + 1;
        for layer in 1..=layers {
            let conv = Conv2D::new(filters, 3).same().relu().kernel_initializer(Initializer::HeUniform);
            network = network.named(format!("block{block}_conv{layer}"), conv);
        }
        network = network.named(format!("block{block}_pool"), MaxPooling2D::new(2));
    }
    network
}

/// VGG16 with its top for the 1,000 classes of ImageNet, for pictures of 224×224: 138,357,544 parameters.
pub(super) fn vgg16() -> Architecture {
    let dense = |units| Dense::new(units).kernel_initializer(Initializer::HeUniform);
    vgg16_base()
        .named("flatten", Flatten::new())
        .named("fc1", dense(4096).relu())
        .named("fc2", dense(4096).relu())
        .named("predictions", dense(1000).softmax())
}

/// The base of VGG16 with the chapter's head for cats and dogs (5.3), for pictures of 150×150.
pub(super) fn vgg16_cats_and_dogs() -> Architecture {
    Architecture::new()
        .nested("vgg16", vgg16_base())
        .add(Flatten::new())
        .add(Dense::new(256).relu())
        .add(Dense::new(1).sigmoid())
}

/// The base of MobileNet v1 (Howard et al. 2017) at full width: 3,228,864 parameters.
pub(super) fn mobilenet_base() -> Architecture {
    let conv = |filters, kernel| {
        Conv2D::new(filters, kernel).same().without_bias().kernel_initializer(Initializer::HeUniform)
    };
    let finished = |network: Architecture, name: &str| {
        network
            .named(format!("{name}_bn"), BatchNormalization::new())
            .named(format!("{name}_relu"), ReLU::up_to(6.0))
    };
    let mut network = finished(Architecture::new().named("conv1", conv(32, 3).strides(2)), "conv1");
    let filters = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
    for (block, filters) in filters.into_iter().enumerate() {
        let block = block + 1;
        let mut depthwise = DepthwiseConv2D::new(3).same().without_bias();
        if [2, 4, 6, 12].contains(&block) {
            network = network.named(format!("conv_pad_{block}"), ZeroPadding2D::new([[0, 1], [0, 1]]));
            depthwise = DepthwiseConv2D::new(3).strides(2).without_bias();
        }
        depthwise.depthwise_initializer = Initializer::HeUniform;
        network = finished(network.named(format!("conv_dw_{block}"), depthwise), &format!("conv_dw_{block}"));
        let pointwise = format!("conv_pw_{block}");
        network = finished(network.named(&*pointwise, conv(filters, 1)), &pointwise);
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_layers::{InputSpec, Model};
    use convnet_tensor::{Seed, Shape};

    fn check(architecture: Architecture, size: usize, output: &[usize], parameters: usize) -> Model {
        let model = Model::new(architecture, InputSpec::new([size, size, 3]), Seed(1)).unwrap();
        let found: usize = model.parameters().iter().map(|parameter| parameter.value.size()).sum();
        assert_eq!((model.output_shape(), found), (Shape::new(output), parameters));
        model
    }

    #[test]
    fn shapes_and_parameters_are_those_of_keras() {
        let base = check(vgg16_base(), 150, &[4, 4, 512], 14_714_688);
        assert!(base.parameter("block5_conv3/kernel").is_ok());
        check(vgg16_cats_and_dogs(), 150, &[1], 14_714_688 + 8192 * 256 + 256 + 257);
        let mobile = check(mobilenet_base(), 224, &[7, 7, 1024], 3_228_864);
        assert!(mobile.parameter("conv_dw_12_bn/moving_variance").is_ok());
        let top = check(vgg16(), 224, &[1000], 138_357_544);
        assert_eq!(top.layers().last().map(|(path, _)| path), Some("predictions"));
    }
}
