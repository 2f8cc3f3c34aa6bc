//! 5.4.3: what heatmaps are worth on the real pictures, where nobody knows which pixels are right.

use super::heatmaps::{key, methods};
use super::{go_on, numbers_of};
use crate::lab::Lab;
use crate::lab::classifier::Classifier;
use anyhow::Result;
use convnet_data::Dataset;
use convnet_visualize::heatmaps::{IntegratedGradients, Method};
use convnet_visualize::honesty::{average_drop, sparseness};
use convnet_visualize::{Baseline, Target};

/// Pictures that are looked at together.
const BATCH: usize = 4;

/// The method as it is asked of many pictures: integrated gradients may else take a thousand passes for one of them until their sum is
/// right to 1 %, on which the places of the heat hardly depend.
fn bounded(method: &Method) -> Method {
    match method {
        Method::IntegratedGradients(settings) => Method::IntegratedGradients(IntegratedGradients {
            most_steps: settings.steps,
            ..settings.clone()
        }),
        other => other.clone(),
    }
}

/// Average drop and increase, and sparseness, of every method's maps of the pictures of `drawn`, each for the class that it is
/// taken for: as for the painted scenes, the cold parts fade to the picture's mean colour.
pub(super) fn measure(lab: &mut Lab, classifier: &Classifier, drawn: &Dataset) -> Result<()> {
    let Classifier { title, layer, model, .. } = classifier;
    let (methods, target) = (methods(lab.profile), Target::predicted());
    let pictures = drawn.len();
    lab.progress.start("5.4.3  maps of cats and dogs", (methods.len() * pictures) as u64, "maps");
    for method in methods.iter().map(bounded) {
        let [mut drop, mut increase, mut sparse] = [0.0; 3];
        for start in (0..pictures).step_by(BATCH) {
            go_on(lab)?;
            let batch = start..pictures.min(start + BATCH);
            let count = batch.len() as f64;
            let x = numbers_of(model, drawn, batch)?;
            let heat = method.heat(model, &x, layer, &target)?;
            let left = average_drop(model, &x, &heat, &target, &Baseline::Mean)?;
            drop += left.drop * count;
            increase += left.increase * count;
            sparse += sparseness(&heat)?.iter().sum::<f64>();
            lab.progress.advance(count as u64);
        }
        for (name, sum) in [("average_drop", drop), ("average_increase", increase), ("sparseness", sparse)] {
            lab.metric(format!("{}_{name}", key(&method)), sum / pictures.max(1) as f64);
        }
    }
    lab.progress.finish();
    lab.note(&format!(
        "Average drop, average increase and sparseness: of {title} on {pictures} of the test pictures of cats and dogs, drawn with seed \
         {}, each for the class it is taken for. Drop is the share of the probability that goes when the cold parts fade to the mean \
         colour, 0 where nothing is lost; increase is in how many pictures it rises instead; sparseness is 1 where one pixel holds all \
         the heat. HiResCAM equals Grad-CAM where nothing but a mean and a dense layer follows. 5.4.3-proof has the same figures for painted scenes.",
        lab.seed.0
    ));
    Ok(())
}
