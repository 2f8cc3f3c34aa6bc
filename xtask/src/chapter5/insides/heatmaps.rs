//! 5.4.3: where a network looks, by Grad-CAM and what came after it, and how far that is to be trusted.

use super::{cat, go_on, photographs, shown, similar};
use crate::chapter5::{Cost, Experiment, Pretrained};
use crate::exit::Skipped;
use crate::lab::classifier::{Classifier, ELEPHANTS, fitted, numbers};
use crate::lab::data::Part;
use crate::lab::{Data, Lab};
use crate::options::{Base, Profile};
use anyhow::{Context, Result, bail};
use convnet_data::decode::Picture as Pixels;
use convnet_pretrained::zoo::{Prediction, decode_predictions};
use convnet_report::{DataSource, Picture, chart};
use convnet_tensor::{Seed, Tensor};
use convnet_visualize::heatmaps::{Cam, Method};
use convnet_visualize::honesty::{Perturbation, deletion, random_twin, saturation, twin};
use convnet_visualize::{Blend, ColourMap, Target, overlay};

pub(crate) const HEATMAPS: Experiment = Experiment {
    id: "5.4.3",
    title: "Where a network looks: heatmaps of the elephants and of a cat",
    needs: &[],
    data: Some(Data::CatsDogs),
    base: Pretrained::No,
    book_only: false,
    book: &[("african_elephant", [0.909, 0.909])],
    note: "A heatmap shows where numbers come from, not why. Each stands beside its twin, what the same method makes of the same network \
           with random weights: where both look alike, the map tells about the picture and not about what was learned.",
    settings: |lab| {
        format!(
            "{} methods, {} pictures, base {:?}",
            methods(lab.profile).len(),
            drawn(lab.profile),
            lab.wished_base
        )
    },
    cost: |profile, _| {
        // Two pictures looked at, those drawn, and the training pictures once through EfficientNet-Lite0, which waits for memory.
        let (looked_at, each_drawn, features) = match profile {
            Profile::Smoke => (0.1e12, 0.01e12, 0.1e12),
            Profile::Quick => (0.2e12, 0.02e12, 2.5e12),
            // Most of it are Score-CAM, integrated gradients and occlusion, hundreds of passes each.
            Profile::Book => (4.6e12, 1.0e12, 2.5e12),
        };
        Cost {
            convolution: 2.0 * looked_at + drawn(profile) as f64 * each_drawn + features,
            seconds: 2.0,
            mib: match profile {
                Profile::Smoke => 300.0,
                Profile::Quick => 1_400.0,
                Profile::Book => 1_850.0,
            },
            ..Cost::default()
        }
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
        bail!(Skipped(match lab.wished_base {
            Base::MiniVgg => "no pretrained weights are at hand of a network that names pictures, as mini-VGG names none; take \
                              `--base auto`, vgg16, efficientnet_lite0 or mobilenet",
            _ => "no pretrained weights are at hand of a network that names pictures (vgg16 with its classifier, \
                  efficientnet_lite0 or mobilenet_0_25_128)",
        }
        .into()));
    }
    let sources: Vec<_> = classifiers.iter().map(|it| it.source.clone()).collect();
    lab.record.base = Some(sources.join("; "));
    if classifiers[0].name != "vgg16" {
        lab.record.book.clear();
        lab.note(
            "The book's figure, 0.909 for the African elephant, is VGG16's; its classifier is not at hand.",
        );
    }
    lab.record.settings = Some(format!(
        "{} of {} methods; the class that a network names first, before the softmax; {} test pictures drawn for the table",
        methods(lab.profile).len(),
        Method::all().len(),
        drawn(lab.profile)
    ));
    let (key, cats, _) = lab.sets.known(Data::CatsDogs).context("the pictures are at hand")?;
    match lab.elephants(SIDE)? {
        Some((pixels, source)) => {
            lab.record.data = Some(ELEPHANTS.into());
            for (place, classifier) in classifiers.iter().enumerate() {
                let elephants =
                    Asked { what: "elephants", pixels: &pixels, source: (ELEPHANTS, source.clone()) };
                look(lab, classifier, &elephants, place == 0)?;
            }
        }
        None => lab.note("The book's picture of elephants is not at hand, so that only the cat is shown."),
    }
    let test = lab.cats_dogs().test.clone();
    let pixels = test.picture(cat(&test, CAT)?)?;
    look(lab, &classifiers[0], &Asked { what: "cat", pixels: &pixels, source: (key, cats) }, false)?;
    let test = lab.part_at(classifiers[0].model.input().shape[0], Part::Test)?;
    let drawn = test.subset(drawn(lab.profile).min(test.len()), lab.seed)?;
    photographs::measure(lab, &classifiers[0], &drawn)?;
    similar::similar(lab, &classifiers[0], &test, &drawn, CAT)
}

/// A picture that is looked at, what it shows, and where it is from.
struct Asked<'a> {
    what: &'static str,
    pixels: &'a Tensor<u8>,
    source: (&'static str, DataSource),
}

/// How many test pictures are drawn, over which figures of the methods are means.
fn drawn(profile: Profile) -> usize {
    if profile == Profile::Smoke { 2 } else { 16 }
}

/// What a network sees in a picture, and where. `is_main`: whether its findings are the experiment's.
fn look(lab: &mut Lab, classifier: &Classifier, asked: &Asked<'_>, is_main: bool) -> Result<()> {
    let Asked { what, pixels: picture, source } = asked;
    let Classifier { name, title, layer, model, classes, .. } = classifier;
    let [height, width] = [picture.shape()[0], picture.shape()[1]];
    let pixels = Pixels { height, width, channels: 3, pixels: picture.data() };
    let (x, small) = (numbers(model, pixels), fitted(pixels, TILE)?);
    let classes = classes.classes();
    let best = decode_predictions(&model.predict(&x)?, classes, classes.len())?.remove(0);
    let said = best.iter().take(3).map(told).collect::<Vec<_>>().join(", ");
    lab.note(&format!("{title} takes the {what} for: {said}."));
    if *what == "elephants" {
        let african = best.iter().find(|prediction| prediction.class.name == "African_elephant");
        let metric = if is_main { "african_elephant".into() } else { format!("{name}_african_elephant") };
        lab.metric(metric, african.map_or(0.0, |prediction| f64::from(prediction.probability)));
    }
    let target = Target::class(best[0].index);
    for sure in saturation(model, &x, &target)? {
        lab.note(&format!(
            "{title} is so sure of the {what} ({:.6}) that deletion, which measures probabilities, stays flat for long; the maps are of \
             scores and do not suffer from it.",
            sure.probability
        ));
    }
    let random = random_twin(model, Seed(1))?;
    let methods =
        if is_main || *what == "cat" { methods(lab.profile) } else { vec![Method::Cam(Cam::grad_cam())] };
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
            let file = format!("{what}-{name}.png");
            lab.figure_of(Some(source.clone()), &file, &caption, &shown(&jet)?.to_png()?)?;
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
    let has_occlusion = methods.iter().any(|method| matches!(method, Method::Occlusion(_)));
    let caption = format!(
        "Light is where the class was found{}. Deletion: the mean probability as the hottest pixels go first; small is good. A twin much \
         alike (near 1) is a warning for its method.",
        if has_occlusion {
            "; by occlusion, where its score falls when a square of a fifth of the side is covered, so that no edge of such a map is one \
             of the picture"
        } else {
            ""
        }
    );
    lab.figure_of(Some(source.clone()), &format!("{what}-{name}-methods.svg"), &caption, gallery.as_bytes())
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
