//! The filters of a layer that answer most to a picture, each beside the picture that gradient ascent paints for it.

use super::change::Change;
use super::explorer::Explorer;
use super::layers::Channels;
use super::refusal::Refusal;
use super::wire::Pixels64;
use convnet_tensor::Tensor;
use convnet_visualize::activations::activations;
use convnet_visualize::filters::{Ascent, Filters, ascend_watched};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Which filters are painted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The id of a picture that is held.
    pub(super) picture: String,
    #[serde(default)]
    pub(super) change: Change,
    layer: String,
    recipe: Recipe,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recipe {
    /// The chapter's.
    Book,
    /// The one with octaves, jitter and colours of their own.
    Better,
}

/// A line of the answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// Steps that are done, of all.
    Progress { done: usize, all: usize },
    /// The painted filters, the strongest first.
    Painted { layer: String, filters: Vec<Painted> },
    /// Why there are none.
    Error(String),
}

/// A filter and what excites it.
#[derive(Debug, Serialize)]
pub(super) struct Painted {
    filter: usize,
    /// The mean of its map for the picture that was asked about.
    answers: f32,
    /// The same for the first and the last painted picture.
    before: f32,
    after: f32,
    picture: Pixels64,
}

/// Filters that are painted at once: the reader waits for them.
const COUNT: usize = 4;
/// The side of painted pictures, where the network takes any.
const SIDE: usize = 112;

impl Explorer {
    /// Paints, telling each step to `tell`, which may stop it.
    ///
    /// # Errors
    /// A layer that is not there.
    pub(super) fn painted(
        &self,
        asked: &Asked,
        picture: &Tensor<u8>,
        tell: &mut dyn FnMut(Line) -> ControlFlow<()>,
    ) -> Result<Line, Refusal> {
        let layer = &self.layer(&asked.layer)?.path;
        let x = self.numbers(&asked.change.of(picture)?);
        let given = activations(&self.model, &x, &[layer])?.remove(0);
        let channels = Channels::of(&given);
        let strongest = channels.strongest(COUNT);
        let mut progress = |done, all| tell(Line::Progress { done, all });
        let [height, width, _] = self.model.input().shape;
        let side = SIDE.min(height.min(width));
        let small = self.ascent(asked, layer, &strongest, [side, side], &mut progress);
        let painted = match small {
            Err(convnet_visualize::Error::Layers(_)) if [side, side] != [height, width] => {
                // Behind dense layers the network takes its own size alone.
                self.ascent(asked, layer, &strongest, [height, width], &mut progress)
            }
            other => other,
        }?;
        let pictures = painted.pictures()?;
        let filters = strongest.iter().zip(pictures).enumerate().map(|(place, (&filter, picture))| Painted {
            filter,
            answers: channels.mean(filter),
            before: painted.before[place],
            after: painted.after[place],
            picture: Pixels64::of(&picture),
        });
        Ok(Line::Painted { layer: layer.clone(), filters: filters.collect() })
    }

    fn ascent(
        &self,
        asked: &Asked,
        layer: &str,
        filters: &[usize],
        size: [usize; 2],
        progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> convnet_visualize::Result<Filters> {
        let recipe = match asked.recipe {
            Recipe::Book => Ascent::book(size, &self.model.input().pixels),
            Recipe::Better => Ascent::better(size),
        };
        ascend_watched(&self.model, layer, filters, &recipe, progress)
    }
}
