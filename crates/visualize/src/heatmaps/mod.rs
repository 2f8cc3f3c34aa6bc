//! Where in a picture a class is seen (chapter 5.4.3): eleven methods, on any layer by path through nested networks.
//!
//! The functions of this module give each method's own numbers, which tests hold to other implementations; [`Method`] gives
//! them all as maps of the picture's size, to be looked at and compared.

mod cam;
mod gradient;
mod guided;
mod integrated;
mod occlusion;
mod score_cam;

pub use crate::gradients::{InputGradient, LayerGradient, input_gradient, layer_gradient};
pub use cam::{Cam, Weighting, cam};
pub use gradient::{SmoothGrad, saliency, smooth_grad};
pub use guided::{guided_backpropagation, guided_grad_cam};
pub use integrated::{Integrated, IntegratedGradients, integrated_gradients};
pub use occlusion::{Occlusion, occlusion};
pub use score_cam::{ScoreCam, score_cam};

use crate::error::{Result, batch, maps};
use crate::{Target, resized};
use convnet_layers::Model;
use convnet_tensor::Tensor;

/// A way to find where in a picture a class is seen.
///
/// ```
/// use convnet_layers::{Architecture, Conv2D, Dense, Flatten, InputSpec, Model};
/// use convnet_tensor::{Seed, Tensor};
/// use convnet_visualize::{Target, heatmaps::Method};
/// let base = Architecture::new().named("block5_conv3", Conv2D::new(4, 3).relu());
/// let net = Architecture::new().nested("vgg16", base).add(Flatten::new()).add(Dense::new(1).sigmoid());
/// let model = Model::new(net, InputSpec::new([12, 12, 3]).classes(["cat", "dog"]), Seed(1))?;
/// let x = Tensor::from_fn([1, 12, 12, 3], |i| (i % 7) as f32 / 7.0);
/// for method in Method::all() {
///     let cat = method.heat(&model, &x, "vgg16/block5_conv3", &Target::class(0))?;
///     assert_eq!(cat.shape().to_string(), "(1, 12, 12)");
/// }
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Grad-CAM and its kin; of a layer.
    Cam(Cam),
    /// The layer's channels weighed by what the model makes of the picture behind each.
    ScoreCam(ScoreCam),
    /// The size of the gradient of the picture.
    Saliency,
    /// The same, averaged over noisy copies.
    SmoothGrad(SmoothGrad),
    /// What each pixel adds on the way from a baseline.
    IntegratedGradients(IntegratedGradients),
    /// The gradient of the picture with negative parts stopped at each ReLU.
    GuidedBackpropagation,
    /// The same times Grad-CAM of a layer.
    GuidedGradCam,
    /// How the score falls when a part is covered.
    Occlusion(Occlusion),
}

impl Method {
    /// Every method with its usual settings.
    pub fn all() -> [Method; 11] {
        [
            Method::Cam(Cam::grad_cam()),
            Method::Cam(Cam::grad_cam_plus_plus()),
            Method::Cam(Cam::hires_cam()),
            Method::Cam(Cam::layer_cam()),
            Method::ScoreCam(ScoreCam::default()),
            Method::Saliency,
            Method::SmoothGrad(SmoothGrad::default()),
            Method::IntegratedGradients(IntegratedGradients::default()),
            Method::GuidedBackpropagation,
            Method::GuidedGradCam,
            Method::Occlusion(Occlusion::default()),
        ]
    }

    /// Its name, as its authors write it.
    pub fn name(&self) -> &'static str {
        match self {
            Method::Cam(Cam { weighting: Weighting::GradCam, .. }) => "Grad-CAM",
            Method::Cam(Cam { weighting: Weighting::GradCamPlusPlus, .. }) => "Grad-CAM++",
            Method::Cam(Cam { weighting: Weighting::HiResCam, .. }) => "HiResCAM",
            Method::Cam(Cam { weighting: Weighting::LayerCam, .. }) => "Layer-CAM",
            Method::ScoreCam(_) => "Score-CAM",
            Method::Saliency => "Saliency",
            Method::SmoothGrad(_) => "SmoothGrad",
            Method::IntegratedGradients(_) => "Integrated gradients",
            Method::GuidedBackpropagation => "Guided backpropagation",
            Method::GuidedGradCam => "Guided Grad-CAM",
            Method::Occlusion(_) => "Occlusion",
        }
    }

    /// The map of each of the pictures `x` `[N, height, width, channels]`, `[N, height, width]` in their own size: large where
    /// the class is seen, and nowhere below 0 unless the method was told to keep what speaks against it
    /// ([`Cam::without_relu`]). `layer` is not looked at by methods of the picture alone.
    ///
    /// Gradients become maps by their largest absolute value over the channels, integrated gradients and occlusion by the
    /// positive part of their sum.
    ///
    /// # Errors
    /// Pictures of another shape than the model takes, a path that names nothing, a class that the model does not have, a
    /// layer that gives no feature maps or that the scores do not depend on.
    pub fn heat(&self, model: &Model, x: &Tensor, layer: &str, target: &Target) -> Result<Tensor> {
        let [_, height, width, _] = batch("the pictures", x.shape())?;
        let in_size = |map: Tensor| resized(&map, [height, width]);
        match self {
            Method::Cam(settings) => in_size(cam(model, x, layer, target, settings)?),
            Method::ScoreCam(settings) => in_size(score_cam(model, x, layer, target, settings)?),
            Method::Saliency => largest(&saliency(model, x, target)?),
            Method::SmoothGrad(settings) => largest(&smooth_grad(model, x, target, settings)?),
            Method::IntegratedGradients(settings) => {
                let found = integrated_gradients(model, x, target, settings)?;
                Ok(positive(summed(&found.attributions)?))
            }
            Method::GuidedBackpropagation => largest(&guided_backpropagation(model, x, target)?),
            Method::GuidedGradCam => largest(&guided_grad_cam(model, x, layer, target)?),
            Method::Occlusion(settings) => Ok(positive(occlusion(model, x, target, settings)?)),
        }
    }
}

/// The largest absolute value over the channels of each pixel: from `[N, height, width, channels]` to `[N, height, width]`
/// (Simonyan and others 2013).
///
/// # Errors
/// Another shape.
pub fn largest(attributions: &Tensor) -> Result<Tensor> {
    over_channels(attributions, |pixel| pixel.iter().fold(0.0, |most, number| number.abs().max(most)))
}

/// The sum over the channels of each pixel: from `[N, height, width, channels]` to `[N, height, width]`.
///
/// # Errors
/// Another shape.
pub fn summed(attributions: &Tensor) -> Result<Tensor> {
    over_channels(attributions, |pixel| pixel.iter().sum())
}

fn over_channels(attributions: &Tensor, number: impl Fn(&[f32]) -> f32) -> Result<Tensor> {
    let [pictures, height, width, channels] = batch("the attributions", attributions.shape())?;
    let numbers = attributions.data().chunks_exact(channels).map(number).collect();
    Ok(Tensor::from_vec([pictures, height, width], numbers)?)
}

/// Each of the maps `[N, height, width]` divided by its maximum, what is below 0 cut off: 0 … 1, as the book shows heat. A map
/// that is nowhere above 0 becomes 0.
///
/// # Errors
/// Another shape.
pub fn normalized(heat: &Tensor) -> Result<Tensor> {
    let [_, height, width] = maps("the maps", heat.shape())?;
    let mut heat = positive(heat.clone());
    for map in heat.data_mut().chunks_exact_mut(height * width) {
        let most = map.iter().copied().fold(0.0, f32::max);
        if most > 0.0 {
            map.iter_mut().for_each(|number| *number /= most);
        }
    }
    Ok(heat)
}

/// The final ReLU; NaN becomes 0.
fn positive(mut map: Tensor) -> Tensor {
    map.data_mut().iter_mut().for_each(|number| *number = number.max(0.0));
    map
}
