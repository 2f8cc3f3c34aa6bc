//! 5.4.3: where a network looks, by Grad-CAM and what came after it, and how far that is to be trusted.

use super::{cat, go_on, shown};
use crate::chapter5::{Cost, Experiment};
use crate::exit::Skipped;
use crate::lab::classifier::{Classifier, fitted, read_picture};
use crate::lab::{Data, Lab};
use crate::options::Profile;
use anyhow::{Result, bail};
use convnet_data::decode::Picture as Pixels;
use convnet_pretrained::zoo::{Prediction, decode_predictions};
use convnet_report::{Picture, chart};
use convnet_tensor::{Seed, Tensor};
use convnet_visualize::heatmaps::{Cam, Method};
use convnet_visualize::honesty::{Perturbation, deletion, random_twin, saturation, twin};
use convnet_visualize::{Blend, ColourMap, Target, overlay};

pub(crate) const HEATMAPS: Experiment = Experiment {
    id: "5.4.3",
    title: "Where a network looks: heatmaps of the elephants and of a cat",
    needs: &[],
    data: Some(Data::CatsDogs),
    base: false,
    book_only: false,
    book: &[("african_elephant", [0.909, 0.909])],
    note: "A heatmap shows where numbers come from, not why. Each stands beside its twin, what the same method makes of the same network \
           with random weights: where both look alike, the map tells about the picture and not about what was learned.",
    settings: |lab| format!("{} methods", methods(lab.profile).len()),
    cost: |profile, _| Cost {
        // Most of it are Score-CAM and occlusion, hundreds of passes each.
        convolution: if profile == Profile::Book { 3.0e12 } else { 1.0e11 },
        seconds: 5.0,
        mib: 500.0,
        ..Cost::default()
    },
    run,
};

/// What is shown: the book's method, its kin, and, with the book's patience, all.
pub(super) fn methods(profile: Profile) -> Vec<Method> {
    let shown = match profile {
        Profile::Smoke => 1,
        Profile::Quick => 4,
        Profile::Book => usize::MAX,
    };
    Method::all().into_iter().take(shown).collect()
}

/// No picture on the page is longer.
const SIDE: usize = 525;

/// Nor a picture among others, which stand 170 units wide.
const TILE: usize = 255;

/// The cat beside the elephants.
const CAT: &str = "cat.1700.jpg";

fn run(lab: &mut Lab) -> Result<()> {
    let classifiers = lab.classifiers()?;
    if classifiers.is_empty() {
        bail!(Skipped(
            "no pretrained weights are at hand of a network that names pictures (vgg16, efficientnet_lite0 or \
             mobilenet_0_25_128)"
                .into()
        ));
    }
    let sources: Vec<_> = classifiers.iter().map(|it| it.source.clone()).collect();
    lab.record.base = Some(sources.join("; "));
    if classifiers[0].name != "vgg16" {
        lab.record.book.clear();
        lab.note(
            "The book's figure, 0.909 for the African elephant, is VGG16's; its classifier is not at hand.",
        );
    }
    match lab.file("creative_commons_elephant", false)? {
        Some((file, _)) => {
            let elephants = read_picture(&file, SIDE)?;
            for (place, classifier) in classifiers.iter().enumerate() {
                look(lab, classifier, &elephants, "elephants", place == 0)?;
            }
        }
        None => lab.note("The book's picture of elephants is not at hand, so that only the cat is shown."),
    }
    let test = lab.cats_dogs().test.clone();
    let pixels = test.picture(cat(&test, CAT)?)?;
    look(lab, &classifiers[0], &pixels, "cat", false)
}

/// What a network sees in a picture, and where. `is_main`: whether its findings are the experiment's.
fn look(
    lab: &mut Lab,
    classifier: &Classifier,
    picture: &Tensor<u8>,
    what: &str,
    is_main: bool,
) -> Result<()> {
    let Classifier { name, title, layer, model, classes, .. } = classifier;
    let [height, width] = [picture.shape()[0], picture.shape()[1]];
    let pixels = Pixels { height, width, channels: 3, pixels: picture.data() };
    let (x, small) = (classifier.numbers(pixels), fitted(pixels, TILE)?);
    let classes = classes.classes();
    let best = decode_predictions(&model.predict(&x)?, classes, classes.len())?.remove(0);
    let said = best.iter().take(3).map(told).collect::<Vec<_>>().join(", ");
    lab.note(&format!("{title} takes the {what} for: {said}."));
    if what == "elephants" {
        let african = best.iter().find(|prediction| prediction.class.name == "African_elephant");
        let metric = if is_main { "african_elephant".into() } else { format!("{name}_african_elephant") };
        lab.metric(metric, african.map_or(0.0, |prediction| f64::from(prediction.probability)));
    }
    let target = Target::class(best[0].index);
    for warning in saturation(model, &x, &target)? {
        lab.note(&format!("{title}, {what}: {warning}."));
    }
    let random = random_twin(model, Seed(1))?;
    let methods =
        if is_main || what == "cat" { methods(lab.profile) } else { vec![Method::Cam(Cam::grad_cam())] };
    let (mut maps, mut scores) = (Vec::new(), Vec::new());
    lab.progress.start(&format!("5.4.3  {what}, {title}"), methods.len() as u64, "methods");
    for method in &methods {
        go_on(lab)?;
        let found = twin(method, model, &random, &x, layer, &target)?;
        let (heat, control) = (flat(&found.heat)?, flat(&found.random)?);
        let curves =
            deletion(model, &x, &found.heat, &target.clone().probability(), &Perturbation::deletion())?;
        let area = curves[0].area();
        if maps.is_empty() {
            // The book's overlay: colours of the jet map times 0.4, added.
            let jet = overlay(picture, &heat, ColourMap::Jet, Blend::Added(0.4))?;
            let caption = format!("Grad-CAM of {layer} for {}, coloured as in the book.", told(&best[0]));
            lab.figure(&format!("{what}-{name}.png"), &caption, &shown(&jet)?.to_png()?)?;
        }
        let shade = |map: &Tensor| -> Result<Picture> {
            shown(&overlay(&small, map, ColourMap::Inferno, Blend::Mixed(0.6))?)
        };
        maps.push((shade(&heat)?, format!("{}, deletion {area:.2}", method.name())));
        maps.push((shade(&control)?, format!("its twin: {:.2} alike", found.likeness[0])));
        scores.push((method, area, found.likeness[0]));
        lab.progress.advance(1);
    }
    lab.progress.finish();
    if is_main {
        for (method, area, likeness) in &scores {
            let key = key(method);
            lab.metric(format!("{key}_deletion"), *area);
            lab.metric(format!("{key}_twin_likeness"), *likeness);
        }
    }
    let gallery =
        chart::gallery(&format!("{title}: {}", best[0].class.name.replace('_', " ")), &maps, 4, 170.0)?;
    let caption = "Light is where the class was found. Deletion: the mean probability as the hottest pixels go first; small is good. A \
                   twin much alike (near 1) is a warning.";
    lab.figure(&format!("{what}-{name}-methods.svg"), caption, gallery.as_bytes())
}

/// A method's name as the beginning of a figure's.
pub(super) fn key(method: &Method) -> String {
    method.name().to_lowercase().replace("++", "_plus_plus").replace([' ', '-'], "_")
}

fn told(prediction: &Prediction) -> String {
    format!("{} {:.3}", prediction.class.name.replace('_', " "), prediction.probability)
}

/// The map of one picture without its batch axis.
pub(super) fn flat(map: &Tensor) -> Result<Tensor> {
    Ok(map.reshaped(map.shape().without_first())?)
}
