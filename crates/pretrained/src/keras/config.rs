//! From Keras' description of a network to an architecture, in the dialects of Keras 2 and 3.

use super::graph;
use super::settings::Settings;
use convnet_layers::{
    Activation, ActivationKind, Add, Architecture, AveragePooling2D, BatchNormalization, Concatenate, Conv2D,
    Dense, DepthwiseConv2D, Dropout, Flatten, GlobalAveragePooling2D, GlobalMaxPooling2D, Layer,
    MaxPooling2D, NamedLayer, Pair, Part, ReLU, Rescaling, Reshape, SeparableConv2D, ZeroPadding2D,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The deepest nesting of networks.
const DEEPEST: usize = 16;

/// Layers that give what they get when predicting: random augmentation, noise, and penalties of training. `RandomCrop` is
/// none, which changes the size of a picture in any case.
const IDENTITIES: [&str; 33] = [
    "Identity",
    "ActivityRegularization",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout2D",
    "AugMix",
    "CutMix",
    "Equalization",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHeight",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomWidth",
    "RandomZoom",
    "Solarization",
];

/// Height, width and channels, where the file says them.
pub(crate) type Picture = [Option<usize>; 3];

/// The network that a file describes.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) architecture: Architecture,
    pub(crate) input: Option<Picture>,
    /// All that is not supported; where there is anything, the architecture is not whole.
    pub(crate) problems: Vec<String>,
}

/// What a layer of Keras is here.
pub(super) enum Read {
    /// Where pictures come in.
    Input,
    /// Nothing when predicting: its output is its input.
    Identity,
    /// A part of the architecture.
    Part(Part),
    /// Not supported, and noted.
    Refused,
}

/// Reads a description. What is not supported is listed in it; only text that is no description at all is an error.
pub(crate) fn describe(text: &[u8]) -> Result<Described, String> {
    let json: Json = serde_json::from_slice(text)
        .map_err(|error| format!("its description of the network is not JSON: {error}"))?;
    let mut reader = Reader { problems: Vec::new() };
    let (architecture, input) = reader.network(&json, "", 0);
    Ok(Described { architecture, input, problems: reader.problems })
}

/// Reads networks and layers, and gathers what is not supported.
pub(super) struct Reader {
    pub(super) problems: Vec<String>,
}

impl Reader {
    /// The network of an object with `class_name` and `config`; `path` is empty or ends in a slash.
    fn network(&mut self, json: &Json, path: &str, depth: usize) -> (Architecture, Option<Picture>) {
        let class = json["class_name"].as_str().unwrap_or("");
        let config = &json["config"];
        // Very old files of Sequential models list the layers alone.
        let layers = config.as_array().or_else(|| config["layers"].as_array());
        let Some(layers) = layers.filter(|_| depth <= DEEPEST) else {
            let name = path.trim_end_matches('/');
            self.problems.push(format!("`{name}` ({class}): has no list of layers, or is nested too deep"));
            return Default::default();
        };
        match class {
            "Sequential" => {
                let (architecture, mut input) = self.chain(layers, path, depth);
                for shape in [&config["build_input_shape"], &json["build_config"]["input_shape"]] {
                    input = input.or_else(|| picture(shape));
                }
                (architecture, input)
            }
            "Functional" | "Model" => graph::read(self, config, layers, path, depth),
            other => {
                self.problems.push(format!(
                    "`{}`: a network of class `{other}`; only Sequential and Functional are supported",
                    path.trim_end_matches('/')
                ));
                Default::default()
            }
        }
    }

    fn chain(&mut self, layers: &[Json], path: &str, depth: usize) -> (Architecture, Option<Picture>) {
        let mut architecture = Architecture::new();
        let mut input = None;
        for layer in layers {
            let name = name_of(layer);
            input = input.or_else(|| input_shape(layer));
            if let Read::Part(part) = self.layer(layer, &format!("{path}{name}"), depth) {
                architecture = architecture.part(NamedLayer { name, part, inputs: None });
            }
        }
        (architecture, input)
    }

    /// One layer, or a network in its place.
    pub(super) fn layer(&mut self, json: &Json, path: &str, depth: usize) -> Read {
        let class = json["class_name"].as_str().unwrap_or("");
        if matches!(class, "Sequential" | "Functional" | "Model") {
            return Read::Part(Part::Nested(self.network(json, &format!("{path}/"), depth + 1).0));
        }
        let noted = self.problems.len();
        let mut settings = Settings { json: &json["config"], path, class, problems: &mut self.problems };
        let read = read_layer(&mut settings);
        if self.problems.len() > noted { Read::Refused } else { read }
    }
}

fn read_layer(settings: &mut Settings<'_>) -> Read {
    settings.only("data_format", &[json!("channels_last")]);
    let class = settings.class;
    match class {
        "InputLayer" => Read::Input,
        identity if IDENTITIES.contains(&identity) => Read::Identity,
        "Conv2D" | "Convolution2D" => {
            let filters = settings.count("filters");
            let mut layer = Conv2D::new(filters, settings.pair("kernel_size", None))
                .strides(settings.pair("strides", Some(Pair::from(1))))
                .padding(settings.padding())
                .dilation(settings.pair("dilation_rate", Some(Pair::from(1))))
                .groups(settings.count_or("groups", 1))
                .activation(settings.activation());
            layer.use_bias = settings.flag("use_bias", true);
            part(layer)
        }
        "SeparableConv2D" | "SeparableConvolution2D" => {
            let filters = settings.count("filters");
            let mut layer = SeparableConv2D::new(filters, settings.pair("kernel_size", None))
                .strides(settings.pair("strides", Some(Pair::from(1))))
                .padding(settings.padding())
                .dilation(settings.pair("dilation_rate", Some(Pair::from(1))))
                .depth_multiplier(settings.count_or("depth_multiplier", 1))
                .activation(settings.activation());
            layer.use_bias = settings.flag("use_bias", true);
            part(layer)
        }
        "DepthwiseConv2D" => {
            let mut layer = DepthwiseConv2D::new(settings.pair("kernel_size", None))
                .strides(settings.pair("strides", Some(Pair::from(1))))
                .padding(settings.padding())
                .dilation(settings.pair("dilation_rate", Some(Pair::from(1))))
                .depth_multiplier(settings.count("depth_multiplier"))
                .activation(settings.activation());
            layer.use_bias = settings.flag("use_bias", true);
            part(layer)
        }
        "Dense" => {
            let mut layer = Dense::new(settings.count("units")).activation(settings.activation());
            layer.use_bias = settings.flag("use_bias", true);
            part(layer)
        }
        "BatchNormalization" => {
            // Axis 3 is the last of a batch of pictures; 1 would be the last of rows, or channels in front.
            settings.only("axis", &[json!(-1), json!(3), json!([-1]), json!([3])]);
            settings.only("renorm", &[json!(false)]);
            part(BatchNormalization {
                momentum: settings.number("momentum", 0.99),
                epsilon: settings.number("epsilon", 1e-3),
                center: settings.flag("center", true),
                scale: settings.flag("scale", true),
            })
        }
        "MaxPooling2D" => {
            let size = settings.pair("pool_size", Some(Pair::from(2)));
            let mut layer = MaxPooling2D::new(size);
            (layer.strides, layer.padding) = (settings.pair("strides", Some(size)), settings.padding());
            part(layer)
        }
        "AveragePooling2D" => {
            let size = settings.pair("pool_size", Some(Pair::from(2)));
            let mut layer = AveragePooling2D::new(size);
            (layer.strides, layer.padding) = (settings.pair("strides", Some(size)), settings.padding());
            part(layer)
        }
        "GlobalAveragePooling2D" => {
            part(GlobalAveragePooling2D { keepdims: settings.flag("keepdims", false) })
        }
        "GlobalMaxPooling2D" => part(GlobalMaxPooling2D { keepdims: settings.flag("keepdims", false) }),
        "ZeroPadding2D" => part(ZeroPadding2D::new(settings.borders())),
        "Flatten" => part(Flatten::new()),
        "Reshape" => part(Reshape::new(settings.target_shape())),
        "Add" => part(Add::new()),
        "Concatenate" => {
            // Of a batch of pictures 3 is the last axis.
            settings.only("axis", &[json!(-1), json!(3)]);
            part(Concatenate::new())
        }
        "Dropout" => part(Dropout::new(settings.number("rate", 0.5))),
        "Rescaling" => {
            let scale = settings.number("scale", 1.0);
            part(Rescaling::new(scale).offset(settings.number("offset", 0.0)))
        }
        "ReLU" => {
            settings.only("negative_slope", &[json!(0), json!(0.0)]);
            settings.only("threshold", &[json!(0), json!(0.0)]);
            let maximum = settings.number("max_value", f32::INFINITY);
            part(if maximum == f32::INFINITY { ReLU::new() } else { ReLU::up_to(maximum) })
        }
        "Softmax" => {
            settings.only("axis", &[json!(-1)]);
            part(Activation::new(ActivationKind::Softmax))
        }
        "Activation" if settings.activation_name() == "relu6" => part(ReLU::up_to(6.0)),
        "Activation" => part(Activation::new(settings.activation())),
        class => {
            let class = if class.is_empty() { "without a class" } else { "this class of layers" };
            settings.refuse(format_args!("{class} is not supported"));
            Read::Refused
        }
    }
}

fn part(layer: impl Layer) -> Read {
    Read::Part(Part::Layer(Arc::new(layer)))
}

/// A layer's name: Keras 3 and functional models of Keras 2 have it beside the settings, all have it among them.
pub(super) fn name_of(layer: &Json) -> String {
    let name = layer["config"]["name"].as_str().or_else(|| layer["name"].as_str());
    name.unwrap_or_default().to_string()
}

/// The shape of the pictures that a layer's settings tell, in either dialect.
pub(super) fn input_shape(layer: &Json) -> Option<Picture> {
    let config = &layer["config"];
    picture(&config["batch_shape"]).or_else(|| picture(&config["batch_input_shape"]))
}

fn picture(shape: &Json) -> Option<Picture> {
    let [_, picture @ ..] = shape.as_array()?.as_slice() else { return None };
    let extent = |json: &Json| json.as_u64().and_then(|extent| usize::try_from(extent).ok());
    let [height, width, channels] = picture else { return None };
    Some([extent(height), extent(width), extent(channels)])
}
