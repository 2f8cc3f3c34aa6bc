//! What the model says of a picture, and where in it it looks, beside what a network without learning would show.

use super::change::Change;
use super::explorer::Explorer;
use super::refusal::Refusal;
use super::wire::{Bytes64, Pixels64};
use convnet_layers::FinalActivation;
use convnet_tensor::Tensor;
use convnet_visualize::Target;
use convnet_visualize::heatmaps::{Method, normalized};
use convnet_visualize::honesty::{Saturation, saturation, twin};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// A look at a picture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The id of a picture that is held.
    pub(super) picture: String,
    #[serde(default)]
    pub(super) change: Change,
    /// The class to explain; the most probable unless told otherwise.
    #[serde(default)]
    class: Option<usize>,
    #[serde(default)]
    heat: Option<AskedHeat>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedHeat {
    /// The method's place among all.
    method: usize,
    layer: String,
    /// Whether the heat of random weights is wanted beside it.
    control: bool,
}

/// What the model says.
#[derive(Debug, Serialize)]
pub(super) struct Look {
    /// What it was shown.
    picture: Pixels64,
    /// The best first.
    classes: Vec<OfClass>,
    /// The class that is explained.
    explained: Option<OfClass>,
    heat: Option<Heat>,
    milliseconds: f64,
}

#[derive(Clone, Debug, Serialize)]
struct OfClass {
    class: usize,
    name: String,
    /// A probability, or a score of a model that ends in no probabilities.
    value: f32,
}

/// A map of the picture's size.
#[derive(Debug, Serialize)]
struct Heat {
    /// 0 … 255, 255 at the hottest.
    heat: Bytes64,
    /// Where it is nowhere above 0.
    blank: bool,
    control: Option<Control>,
    /// What a reader should know before they believe it.
    warning: Option<String>,
}

/// The heat of random weights.
#[derive(Debug, Serialize)]
struct Control {
    heat: Bytes64,
    /// The correlation of ranks of both.
    likeness: f64,
}

/// A probability with p · (1 − p) below this may have lost its gradient; `honesty::saturation` tells it exactly.
const SURE: f32 = 2e-3;
/// Classes that are told.
const TOP: usize = 6;

/// The methods that take many passes; they wait in a queue of their own.
pub(super) fn is_slow(method: &Method) -> bool {
    matches!(
        method,
        Method::ScoreCam(_) | Method::Occlusion(_) | Method::SmoothGrad(_) | Method::IntegratedGradients(_)
    )
}

/// Whether a layer matters to it.
pub(super) fn looks_at_layer(method: &Method) -> bool {
    matches!(method, Method::Cam(_) | Method::ScoreCam(_) | Method::GuidedGradCam)
}

impl Asked {
    /// Whether the heat takes many passes.
    pub(super) fn is_slow(&self) -> bool {
        let method = self.heat.as_ref().and_then(|heat| Method::all().into_iter().nth(heat.method));
        method.is_some_and(|method| is_slow(&method))
    }
}

impl Explorer {
    /// Looks at a picture.
    ///
    /// # Errors
    /// What was asked of the model and makes no sense.
    pub(super) fn look(&self, asked: &Asked, picture: &Tensor<u8>) -> Result<Look, Refusal> {
        let began = Instant::now();
        let seen = asked.change.of(picture)?;
        let x = self.numbers(&seen);
        let (mut classes, mut explained, mut heat) = (Vec::new(), None, None);
        if !self.classes.is_empty() {
            let says = self.says(&x)?;
            let of = |class: usize| OfClass { class, name: self.classes[class].clone(), value: says[class] };
            let mut order: Vec<_> = (0..says.len()).collect();
            order.sort_by(|&a, &b| says[b].total_cmp(&says[a]));
            let class = asked.class.or(order.first().copied()).unwrap_or(0);
            if class >= says.len() {
                return Err(Refusal::wrong(format!(
                    "the model has {} classes, no number {class}",
                    says.len()
                )));
            }
            let chosen = of(class);
            classes = order.into_iter().take(TOP).map(of).collect();
            heat = asked.heat.as_ref().map(|heat| self.heat(heat, &chosen, &x)).transpose()?;
            explained = Some(chosen);
        }
        let milliseconds = began.elapsed().as_secs_f64() * 1e3;
        Ok(Look { picture: Pixels64::of(&seen), classes, explained, heat, milliseconds })
    }

    fn heat(
        &self,
        asked: &AskedHeat,
        &OfClass { class, value, .. }: &OfClass,
        x: &Tensor,
    ) -> Result<Heat, Refusal> {
        let method = Method::all().into_iter().nth(asked.method);
        let method = method.ok_or_else(|| Refusal::wrong("there is no such method"))?;
        let layer = &self.layer(&asked.layer)?.path;
        let target = Target::class(class);
        let (heat, control) = if asked.control {
            let both = twin(&method, &self.model, self.twin()?, x, layer, &target)?;
            let likeness = both.likeness.first().copied().unwrap_or(0.0);
            let control = Control { heat: Bytes64(levels(&normalized(&both.random)?)), likeness };
            (both.heat, Some(control))
        } else {
            (method.heat(&self.model, x, layer, &target)?, None)
        };
        let heat = normalized(&heat)?;
        // The exact slope takes a pass of its own, which is made where it may have vanished.
        let may_be_sure =
            self.model.final_activation() != FinalActivation::Linear && value * (1.0 - value) < SURE;
        let sure = if may_be_sure { saturation(&self.model, x, &target)?.pop() } else { None };
        let warning = sure.map(|sure| warned(&method, &sure));
        let blank = heat.data().iter().all(|&number| number == 0.0);
        Ok(Heat { heat: Bytes64(levels(&heat)), blank, control, warning })
    }
}

/// What a reader should know of a method's map where the model is so sure.
fn warned(method: &Method, sure: &Saturation) -> String {
    let (name, probability, slope) = (method.name(), sure.probability, sure.slope);
    match method {
        Method::ScoreCam(_) | Method::Occlusion(_) => format!(
            "The model is so sure ({probability:.5}) that its probability hardly moves when parts are covered. {name} covers parts, so \
             it is asked about the score, which does move."
        ),
        _ => format!(
            "The model is so sure ({probability:.5}) that the gradient of this probability has vanished: it is {slope:.0e} of its \
             score’s. {name} follows a gradient, so it is asked about the score, which does not suffer from it."
        ),
    }
}

/// Numbers of 0 … 1 as bytes.
fn levels(heat: &Tensor) -> Vec<u8> {
    heat.data().iter().map(|number| (number * 255.0).round() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_names_the_method_and_what_it_does() {
        let sure = Saturation { picture: 0, class: 1, probability: 0.99999, slope: 1e-5 };
        for method in Method::all() {
            let words = warned(&method, &sure);
            assert!(words.contains(method.name()) && words.contains("0.99999"), "{words}");
            let asks_for_gradients = !matches!(method, Method::ScoreCam(_) | Method::Occlusion(_));
            assert_eq!(words.contains("gradient"), asks_for_gradients, "{words}");
        }
    }
}
