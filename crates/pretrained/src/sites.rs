//! What loading has to know of each layer of a model: its class, and whether it reads a flattened picture.
//!
//! A framework with channels first flattens a picture channel by channel, ours pixel by pixel. A dense layer behind such
//! a step (dropout and activations between do not matter) has its rows in another order in the two.

use convnet_layers::layer::AnyLayer;
use convnet_layers::{Architecture, INPUT, Model, Part};
use convnet_tensor::Shape;
use std::collections::HashMap;

/// A layer in its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// Its class.
    pub(crate) class: &'static str,
    /// The picture that was flattened into what it reads.
    pub(crate) flattened: Option<Flattened>,
}

/// Where the numbers of a row come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flattened {
    /// From a picture of this height, width and channels.
    Picture([usize; 3]),
    /// From several rows side by side, pictures among them.
    Joined,
}

/// What flows from layer to layer.
#[derive(Clone, Copy, Debug)]
struct Flow {
    shape: Shape,
    flattened: Option<Flattened>,
}

/// The most numbers of one value that are followed; a model refuses more.
const LARGEST: usize = 1 << 32;

/// How many numbers the layers of an architecture keep, for pictures of this shape. Where layers do not fit each other it
/// is counted up to there: making a model finds the mistake.
pub(crate) fn count(architecture: &Architecture, picture: [usize; 3]) -> usize {
    let mut count = 0usize;
    let mut add = |layer: &dyn AnyLayer, shapes: &[Shape]| {
        let fits = |shape: &Shape| shape.checked_size().is_some_and(|size| size <= LARGEST);
        if !shapes.iter().all(fits) || !layer.output_shape(shapes).is_ok_and(|shape| fits(&shape)) {
            return false;
        }
        let sizes = layer.parameters(shapes).into_iter();
        let sizes = sizes.map(|spec| spec.shape.checked_size().unwrap_or(usize::MAX));
        count = sizes.fold(count, usize::saturating_add);
        true
    };
    follow(
        architecture,
        "",
        Flow { shape: Shape::from(picture), flattened: None },
        &mut |_, layer, inputs| {
            let shapes: Vec<_> = inputs.iter().map(|input| input.shape).collect();
            add(layer, &shapes)
        },
    );
    count
}

/// The layers of a model by path.
pub(crate) fn sites(model: &Model) -> HashMap<String, Site> {
    let mut sites = HashMap::new();
    let input = Flow { shape: Shape::from(model.input().shape), flattened: None };
    follow(model.architecture(), "", input, &mut |path, layer, inputs| {
        let flattened = inputs.first().and_then(|input| input.flattened);
        sites.insert(path.to_string(), Site { class: layer.class(), flattened });
        true
    });
    sites
}

/// What is called for a layer with its path and what it reads; it says whether to go on.
type Each<'a> = dyn FnMut(&str, &dyn AnyLayer, &[Flow]) -> bool + 'a;

/// Calls `each` for every layer in order, with its path and what it reads, until it says no.
fn follow(architecture: &Architecture, prefix: &str, input: Flow, each: &mut Each<'_>) -> Option<Flow> {
    let mut flows = HashMap::from([(INPUT, input)]);
    let mut last = input;
    for part in architecture.parts() {
        let inputs: Vec<Flow> = match &part.inputs {
            None => vec![last],
            Some(names) => {
                names.iter().map(|name| flows.get(name.as_str()).copied()).collect::<Option<_>>()?
            }
        };
        let path = format!("{prefix}{}", part.name);
        last = match &part.part {
            Part::Nested(inner) => follow(inner, &format!("{path}/"), *inputs.first()?, each)?,
            Part::Layer(layer) => {
                if !each(&path, &**layer, &inputs) {
                    return None;
                }
                behind(&**layer, &inputs)
            }
        };
        flows.insert(&part.name, last);
    }
    Some(last)
}

/// What comes out of a layer.
fn behind(layer: &dyn AnyLayer, inputs: &[Flow]) -> Flow {
    let shapes: Vec<_> = inputs.iter().map(|input| input.shape).collect();
    let shape = layer.output_shape(&shapes).unwrap_or(Shape::new(&[]));
    let (first, before) = (inputs.first().and_then(|input| input.flattened), shapes.first());
    if layer.class() == "Concatenate" {
        let any = inputs.iter().any(|input| input.flattened.is_some());
        return Flow { shape, flattened: any.then_some(Flattened::Joined) };
    }
    let flattened = match (before.map(|shape| &**shape), &*shape) {
        (Some(&[height, width, channels]), [_]) if matches!(layer.class(), "Flatten" | "Reshape") => {
            (height * width > 1).then_some(Flattened::Picture([height, width, channels]))
        }
        // One number stays one number in its place.
        (Some([_]), [_]) if layer.class() != "Dense" => first,
        _ => None,
    };
    Flow { shape, flattened }
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_layers::{
        Concatenate, Dense, Dropout, Flatten, GlobalAveragePooling2D, InputSpec, MaxPooling2D, ReLU,
    };
    use convnet_tensor::Seed;

    #[test]
    fn weights_are_counted_before_they_exist() {
        let network =
            |units| Architecture::new().add(Flatten::new()).add(Dense::new(units)).add(Dense::new(2));
        assert_eq!(count(&network(10), [4, 6, 5]), 120 * 10 + 10 + 10 * 2 + 2);
        assert!(count(&network(1 << 16), [1 << 15, 1 << 15, 1]) > 1 << 40);
        // Flatten before a picture is a mistake, found by the model: counted up to there.
        let wrong = Architecture::new().add(Dense::new(3)).add(Flatten::new());
        assert_eq!(count(&wrong, [4, 6, 5]), 0);
    }

    #[test]
    fn flattened_pictures_are_followed_to_the_next_dense_layer() {
        let base = Architecture::new().add(MaxPooling2D::new(2)).add(Flatten::new()).add(Dropout::new(0.5));
        let network = Architecture::new()
            .nested("base", base)
            .add(ReLU::new())
            .named("first", Dense::new(4))
            .named("second", Dense::new(4));
        let model = Model::new(network, InputSpec::new([4, 6, 5]), Seed(1)).unwrap();
        let sites = sites(&model);
        assert_eq!(sites["first"].flattened, Some(Flattened::Picture([2, 3, 5])));
        assert_eq!(sites["first"].class, "Dense");
        assert_eq!(sites["second"].flattened, None);
        assert_eq!(sites["base/max_pooling2d"].class, "MaxPooling2D");

        let pooled = Architecture::new()
            .add(GlobalAveragePooling2D::new().keepdims())
            .add(Flatten::new())
            .named("first", Dense::new(4));
        let model = Model::new(pooled, InputSpec::new([4, 6, 5]), Seed(1)).unwrap();
        assert_eq!(super::sites(&model)["first"].flattened, None);

        let joined = Architecture::new()
            .named("flat", Flatten::new())
            .join("mean", GlobalAveragePooling2D::new(), &["input"])
            .join("both", Concatenate::new(), &["mean", "flat"])
            .named("first", Dense::new(4));
        let model = Model::new(joined, InputSpec::new([4, 6, 5]), Seed(1)).unwrap();
        assert_eq!(super::sites(&model)["first"].flattened, Some(Flattened::Joined));
    }
}
