//! 5.4.3-proof: whether heatmaps point at what is there, on painted scenes in which every pixel of the creature is known.

use super::heatmaps::{flat, key, methods};
use super::{go_on, shown};
use crate::chapter5::{Cost, Experiment, Pretrained};
use crate::lab::{Data, Lab, Length, Recipe, Validation};
use crate::options::Profile;
use anyhow::{Context, Result};
use convnet_data::generated::{Framing, SceneClass, Scenes, Subject, Thing, Traits, scenes_of};
use convnet_data::{Batches, Order};
use convnet_layers::{
    Architecture, Conv2D, Dense, GlobalAveragePooling2D, Initializer, InputSpec, MaxPooling2D, Model,
};
use convnet_report::chart::{self, LineChart, Series};
use convnet_tensor::{Pixels, Seed, Tensor};
use convnet_train::optimizers::Adam;
use convnet_train::{Fit, Loss};
use convnet_visualize::heatmaps::Method;
use convnet_visualize::honesty::{
    Curve, Perturbation, average_drop, deletion, insertion, pointing_game, random_twin, relevance_mass,
    sparseness,
};
use convnet_visualize::{Baseline, Blend, ColourMap, Target, overlay};

pub(crate) const PROOF: Experiment = Experiment {
    id: "5.4.3-proof",
    title: "Do heatmaps point at what is there? Scenes in which that is known",
    needs: &[],
    data: Some(Data::Scenes),
    base: Pretrained::No,
    book_only: false,
    book: &[],
    note: "A small convnet learns whether a painted scene shows a creature or a bush, among stones, cones and branches. Where the \
           creature is was painted and is known to the pixel, but not to the network; it covers 5 to 20 % of the picture, anywhere. \
           Pointing game: how often the hottest pixel is on the creature. Mass: how much of the heat is. The control is the same \
           method on the same network with random weights; its maps, too, are judged by the network that has learned. 5.4.3 \
           asks for average drop, average increase and sparseness on photographs, too.",
    settings: |lab| {
        let Amount { train, measured, .. } = Amount::of(lab.profile);
        format!("{}, {train} scenes, {measured} measured, {LAYER}", recipe(lab.profile).settings(lab.seed))
    },
    cost: |profile, _| {
        let Amount { train, measured, .. } = Amount::of(profile);
        let passes =
            66.0 * 4.0 * methods(profile).len() as f64 + if profile == Profile::Book { 3_000.0 } else { 0.0 };
        let trained = 3.0 * epochs(profile) as f64 * train as f64;
        Cost {
            convolution: FORWARD * (0.7 * trained + 0.55 * passes * measured as f64),
            seconds: 4.0,
            // All scenes that are measured go through the network together.
            mib: 100.0 + 0.14 * train as f64 + 4.6 * measured as f64,
            ..Cost::default()
        }
    },
    run,
};

/// Height and width of a scene.
const SIDE: usize = 96;

/// The layer whose maps are looked at, 24×24; those behind the next pooling, 12×12, are coarser than a creature's legs.
const LAYER: &str = "conv3";

/// Floating-point operations of a scene's way through the network.
const FORWARD: f64 = 82e6;

/// Seed of the scenes: other ones than those that stand in for cats and dogs.
const SCENES: Seed = Seed(7);

/// Where in the endless row of scenes those begin that are not trained on.
const TEST: u64 = 1_000_000;

/// How much of the picture a creature covers that is measured.
const COVERED: std::ops::RangeInclusive<f64> = 0.05..=0.2;

/// How many scenes there are.
struct Amount {
    train: u64,
    test: u64,
    /// Scenes with a creature of the right size, of the test scenes.
    measured: usize,
}

impl Amount {
    fn of(profile: Profile) -> Amount {
        match profile {
            Profile::Smoke => Amount { train: 64, test: 32, measured: 4 },
            Profile::Quick => Amount { train: 3_000, test: 400, measured: 60 },
            Profile::Book => Amount { train: 3_000, test: 1_000, measured: 300 },
        }
    }
}

fn epochs(profile: Profile) -> usize {
    if profile == Profile::Smoke { 1 } else { 18 }
}

fn recipe(profile: Profile) -> Recipe {
    let convolution =
        |filters| Conv2D::new(filters, 3).same().relu().kernel_initializer(Initializer::HeUniform);
    let architecture = Architecture::new()
        .named("conv1", convolution(16))
        .add(MaxPooling2D::new(2))
        .named("conv2", convolution(32))
        .add(MaxPooling2D::new(2))
        .named(LAYER, convolution(64))
        .add(MaxPooling2D::new(2))
        .named("conv4", convolution(64))
        .named("conv5", convolution(64))
        .add(GlobalAveragePooling2D::new())
        .add(Dense::new(2).softmax());
    let fit = Fit {
        epochs: epochs(profile),
        batch_size: 32,
        ..Fit::new(Loss::sparse_categorical_crossentropy(), Adam::default())
    };
    // The book has nothing like it: no training is short of it.
    let book = Length { epochs: epochs(profile), pictures: Amount::of(profile).train as usize };
    Recipe { name: PROOF.id, part: None, architecture, fit, book }
}

fn scenes(numbers: std::ops::Range<u64>) -> Result<Scenes> {
    let class = |name, subject| SceneClass { name, subject };
    let classes = [
        class("creature", Subject::Creature(Traits::default())),
        class("bush", Subject::Thing(Thing::Bush, None)),
    ];
    Ok(scenes_of(&classes, &Framing::small(), SCENES, numbers, [SIDE, SIDE])?)
}

fn run(lab: &mut Lab) -> Result<()> {
    let Amount { train, test, measured } = Amount::of(lab.profile);
    let (train, test) = (scenes(0..train)?, scenes(TEST..TEST + test)?);
    let recipe = recipe(lab.profile);
    let input = InputSpec::new([SIDE, SIDE, 3]).pixels(Pixels::MinusOneToOne);
    let input = input.classes(train.pictures.classes().to_vec());
    let mut model = Model::new(recipe.architecture.clone(), input, lab.seed)?;
    let watched = Validation { set: &test.pictures, name: "test" };
    let learned = lab.learn(&recipe, &mut model, &train.pictures, watched)?;
    let trained = lab.keep_model(&recipe, model, learned)?;
    let accuracy = lab.evaluate(&trained.model, trained.loss, &test.pictures)?.accuracy;
    lab.metric("test_accuracy", accuracy);

    let some = Measured::of(&test, measured)?;
    lab.note(&format!("Measured on {} test scenes with a creature, at {LAYER}.", some.x.shape()[0]));
    let centre = Tensor::from_fn(some.maps(), |pixel| {
        f32::from(u8::from(pixel % (SIDE * SIDE) == SIDE / 2 * SIDE + SIDE / 2))
    });
    lab.metric("centre_pointing", mean(&pointing_game(&centre, &some.masks, 0)?));
    compare(lab, &trained.model, &random_twin(&trained.model, Seed(1))?, &some)
}

/// Scenes with a creature of the right size, and where it is.
struct Measured {
    /// `[N, SIDE, SIDE, 3]`, −1 … 1.
    x: Tensor,
    /// `[N, SIDE, SIDE, 1]`.
    masks: Tensor<u8>,
    /// `[N, SIDE, SIDE, 3]`.
    pictures: Vec<Tensor<u8>>,
}

impl Measured {
    fn of(scenes: &Scenes, count: usize) -> Result<Measured> {
        let masks = scenes.masks.data().chunks_exact(SIDE * SIDE);
        let covered =
            |mask: &[u8]| mask.iter().filter(|&&level| level > 0).count() as f64 / (SIDE * SIDE) as f64;
        let fits = masks
            .zip(scenes.pictures.labels())
            .map(|(mask, &label)| label == 0 && COVERED.contains(&covered(mask)));
        let chosen: Vec<usize> =
            fits.enumerate().filter_map(|(number, fits)| fits.then_some(number)).take(count).collect();
        let all =
            Batches::new(&scenes.pictures, scenes.pictures.len(), Order::Sequential, Pixels::MinusOneToOne)?;
        let all = all.round(0).next().context("scenes")??.x;
        let x: Vec<f32> = chosen.iter().flat_map(|&n| all.rows(n..n + 1).data().to_vec()).collect();
        let masks: Vec<u8> =
            chosen.iter().flat_map(|&n| scenes.masks.rows(n..n + 1).data().to_vec()).collect();
        let pictures =
            chosen.iter().map(|&number| scenes.pictures.picture(number)).collect::<Result<_, _>>()?;
        Ok(Measured {
            x: Tensor::from_vec([chosen.len(), SIDE, SIDE, 3], x)?,
            masks: Tensor::from_vec([chosen.len(), SIDE, SIDE, 1], masks)?,
            pictures,
        })
    }

    /// The shape of a map for each.
    fn maps(&self) -> [usize; 3] {
        [self.x.shape()[0], SIDE, SIDE]
    }
}

/// What a method's maps are worth.
struct Worth {
    pointing: f64,
    mass: f64,
    /// Mean probability of the creature as the hottest pixels go, and as they come.
    curves: [Vec<f64>; 2],
    areas: [f64; 2],
    drop: f64,
    increase: f64,
    sparseness: f64,
}

impl Worth {
    fn of(heat: &Tensor, model: &Model, some: &Measured) -> Result<Worth> {
        let target = Target::class(0).probability();
        let gone = deletion(model, &some.x, heat, &target, &Perturbation::deletion())?;
        let come = insertion(model, &some.x, heat, &target, &Perturbation::insertion())?;
        let left = average_drop(model, &some.x, heat, &target, &Baseline::Mean)?;
        let area = |curves: &[Curve]| mean(&curves.iter().map(Curve::area).collect::<Vec<_>>());
        let mean_curve = |curves: &[Curve]| {
            let step = |step| mean(&curves.iter().map(|curve| curve.scores[step]).collect::<Vec<_>>());
            (0..curves[0].scores.len()).map(step).collect()
        };
        Ok(Worth {
            pointing: mean(&pointing_game(heat, &some.masks, 0)?),
            mass: mean(&relevance_mass(heat, &some.masks)?),
            curves: [mean_curve(&gone), mean_curve(&come)],
            areas: [area(&gone), area(&come)],
            drop: left.drop,
            increase: left.increase,
            sparseness: mean(&sparseness(heat)?),
        })
    }

    fn tell(&self, lab: &mut Lab, name: &str) {
        let figures = [
            ("pointing", self.pointing),
            ("mass", self.mass),
            ("deletion", self.areas[0]),
            ("insertion", self.areas[1]),
            ("average_drop", self.drop),
            ("average_increase", self.increase),
            ("sparseness", self.sparseness),
        ];
        for (figure, value) in figures {
            lab.metric(format!("{name}_{figure}"), value);
        }
    }
}

/// Every method on the network that has learned and on the one that has not.
fn compare(lab: &mut Lab, model: &Model, random: &Model, some: &Measured) -> Result<()> {
    let methods = methods(lab.profile);
    let mut found = Vec::new();
    lab.progress.start("5.4.3-proof  maps of scenes", methods.len() as u64, "methods");
    for method in &methods {
        go_on(lab)?;
        let heat = |of: &Model| method.heat(of, &some.x, LAYER, &Target::class(0));
        let (heat, control) = (heat(model)?, heat(random)?);
        let worth = [Worth::of(&heat, model, some)?, Worth::of(&control, model, some)?];
        worth[0].tell(lab, &key(method));
        worth[1].tell(lab, &format!("{}_control", key(method)));
        if found.is_empty() {
            gallery(lab, method, [&heat, &control], some)?;
            curves(lab, method, &worth)?;
        }
        found.push(worth);
        lab.progress.advance(1);
    }
    lab.progress.finish();
    // Four at a time, so that their names can be read.
    for (place, (methods, found)) in methods.chunks(4).zip(found.chunks(4)).enumerate() {
        let names: Vec<_> = methods.iter().map(|method| method.name().to_string()).collect();
        let series = ["trained", "random weights"].into_iter().enumerate().map(|(which, name)| {
            (name.to_string(), found.iter().map(|worth| worth[which].pointing).collect())
        });
        let title = "The hottest pixel is on the creature";
        let bars = chart::grouped_bars(title, true, &names, &series.collect::<Vec<_>>());
        let caption = "The pointing game. Always to point at the centre would hit in the share that the figures call centre.";
        lab.figure(&format!("pointing-{}.svg", place + 1), caption, bars.as_bytes())?;
    }
    Ok(())
}

/// Scenes, the heat on them, and that of random weights.
fn gallery(lab: &mut Lab, method: &Method, heat: [&Tensor; 2], some: &Measured) -> Result<()> {
    let mut tiles = Vec::new();
    for (number, picture) in some.pictures.iter().enumerate().take(4) {
        tiles.push((shown(picture)?, "the scene".to_string()));
        for (map, words) in heat.into_iter().zip(["trained", "random weights"]) {
            let map = flat(&map.rows(number..number + 1))?;
            tiles.push((
                shown(&overlay(picture, &map, ColourMap::Inferno, Blend::Mixed(0.6))?)?,
                words.into(),
            ));
        }
    }
    let gallery = chart::gallery(&format!("{} of the creature", method.name()), &tiles, 3, 150.0)?;
    lab.figure("scenes.svg", "Four of the scenes: where the network sees the creature.", gallery.as_bytes())
}

/// What is left of the creature's probability as hot pixels go, and what is there as they come.
fn curves(lab: &mut Lab, method: &Method, [trained, random]: &[Worth; 2]) -> Result<()> {
    let series = [
        ("deleted, trained", trained, 0),
        ("deleted, random weights", random, 0),
        ("inserted, trained", trained, 1),
        ("inserted, random weights", random, 1),
    ];
    let series = series.map(|(name, worth, which)| {
        let scores = &worth.curves[which];
        let steps = scores.len().saturating_sub(1).max(1) as f64;
        let points = scores.iter().enumerate().map(|(step, score)| (step as f64 / steps, *score)).collect();
        Series { name: name.into(), points, dashed: which == 1 }
    });
    let chart = LineChart {
        title: format!("{}: the hottest pixels first", method.name()),
        x_label: "share of the pixels".into(),
        y_label: "probability of a creature".into(),
        percent: true,
        series: series.into(),
        ..LineChart::default()
    };
    let caption = "A map that tells what the network looks at makes its probability fall early as those pixels go, and rise early as \
                   they come into a blurred picture.";
    lab.figure("curves.svg", caption, chart.svg().as_bytes())
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}
