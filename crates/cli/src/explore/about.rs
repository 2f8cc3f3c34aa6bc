//! What the page knows of the model before it asks anything.

use super::explorer::{Explorer, Layer};
use super::look::{is_slow, looks_at_layer};
use super::routes::LARGEST;
use convnet_augment::Augment;
use convnet_layers::FinalActivation;
use convnet_visualize::ColourMap;
use convnet_visualize::heatmaps::Method;
use serde::Serialize;

/// The model and what may be asked of it.
#[derive(Debug, Serialize)]
pub(super) struct About {
    name: String,
    told: Vec<String>,
    /// Rows, columns and channels of its pictures.
    shape: [usize; 3],
    parameters: usize,
    classes: Vec<String>,
    /// Whether its numbers are probabilities.
    probabilities: bool,
    layers: Vec<Layer>,
    last_maps: Option<String>,
    methods: Vec<OfMethod>,
    samples: Vec<String>,
    /// How many pictures can be similar, where there are some.
    pictures: Option<usize>,
    /// The most bytes of a picture's file.
    largest: usize,
    presets: Presets,
    /// The colours of 0 … 255.
    inferno: Vec<[u8; 3]>,
    viridis: Vec<[u8; 3]>,
}

#[derive(Debug, Serialize)]
struct OfMethod {
    name: &'static str,
    slow: bool,
    layer: bool,
}

#[derive(Debug, Serialize)]
struct Presets {
    none: Augment,
    chapter5: Augment,
    light: Augment,
}

impl About {
    /// Of a model.
    pub(super) fn of(explorer: &Explorer) -> About {
        let colours =
            |map: ColourMap| (0..=255_u8).map(|level| map.colour(f32::from(level) / 255.0)).collect();
        let of_method = |method: Method| OfMethod {
            name: method.name(),
            slow: is_slow(&method),
            layer: looks_at_layer(&method),
        };
        About {
            name: explorer.name.clone(),
            told: explorer.told.clone(),
            shape: explorer.model.input().shape,
            parameters: explorer.model.summary().parameters(),
            classes: explorer.classes.clone(),
            probabilities: explorer.model.final_activation() != FinalActivation::Linear,
            layers: explorer.layers.clone(),
            last_maps: explorer.last_maps.clone(),
            methods: Method::all().into_iter().map(of_method).collect(),
            samples: explorer.samples.iter().map(|sample| sample.label.clone()).collect(),
            pictures: explorer.index.as_ref().map(super::similar::Index::len),
            largest: LARGEST,
            presets: Presets {
                none: Augment::none(),
                chapter5: Augment::chapter5(),
                light: Augment::light(),
            },
            inferno: colours(ColourMap::Inferno),
            viridis: colours(ColourMap::Viridis),
        }
    }
}
