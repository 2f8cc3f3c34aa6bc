//! 5.2.4: the convnet from scratch, and how it overfits.

use super::{QUICK_RATE, RATE, Span, compare, convnet, train};
use crate::chapter5::{Cost, Experiment, Pretrained};
use crate::lab::{Data, Lab, Recipe};
use crate::options::Profile;
use anyhow::Result;
use convnet_report::chart::{LineChart, Mark, Series};
use convnet_train::{RateCurve, RateSearch, advise, find_learning_rate};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

pub(crate) const FROM_SCRATCH: Experiment = Experiment {
    id: "5.2.4",
    title: "Cats and dogs from scratch",
    needs: &["5.2.1"],
    data: Some(Data::CatsDogs),
    base: Pretrained::No,
    book_only: false,
    book: &[("best_val_accuracy", [0.71, 0.74]), ("parameters", [3_453_121.0, 3_453_121.0])],
    note: "The chapter's network goes on to nearly 100 % in training while validation stops rising: 2,000 pictures are few, and \
           it learns them by heart.",
    settings: |lab| recipe(lab.profile).settings(lab.seed),
    cost: |profile, _| {
        let cost = span(profile).cost(profile);
        let finder = Span { epochs: 1, steps: 100, batch: 20, rate: RATE };
        let searched = if profile == Profile::Smoke { 0.0 } else { finder.cost(profile).convolution };
        Cost { convolution: cost.convolution + searched, ..cost }
    },
    run,
};

fn span(profile: Profile) -> Span {
    match profile {
        Profile::Smoke => Span { epochs: 1, steps: 3, batch: 20, rate: RATE },
        Profile::Quick => Span { epochs: 12, steps: 100, batch: 20, rate: QUICK_RATE },
        Profile::Book => Span { epochs: 30, steps: 100, batch: 20, rate: RATE },
    }
}

fn recipe(profile: Profile) -> Recipe {
    let (fit, book) = (span(profile).fit(), span(Profile::Book).length());
    Recipe { name: FROM_SCRATCH.id, part: None, architecture: convnet(false), fit, book }
}

/// What Keras finds.
const KERAS: &str = "Keras on the same files, seed 1, 30 epochs: best validation 71.8 %, training 98.2 %, test 69.3 %. The \
                     chapter's own runs differ by ±2 points; it prints one.";

fn run(lab: &mut Lab) -> Result<()> {
    let (recipe, pictures) = (recipe(lab.profile), lab.cats_dogs().train.clone());
    if lab.profile != Profile::Smoke {
        find_rate(lab, &recipe)?;
    }
    train(lab, &recipe, span(lab.profile), &pictures)?;
    compare(lab, Some(KERAS))
}

/// Draws what the learning-rate finder says of the rate that the chapter chose, and tells if it speaks against it.
fn find_rate(lab: &mut Lab, recipe: &Recipe) -> Result<()> {
    let pictures = lab.cats_dogs().train.clone();
    let (model, settings) = (recipe.model(&pictures, lab.seed)?, recipe.fit(lab.seed));
    let search = RateSearch { from: 1e-6, to: 1e-1, ..RateSearch::default() };
    lab.progress.start(&format!("{}  looks for a learning rate", recipe.name), search.steps as u64, "steps");
    let mut each = |_| {
        lab.progress.advance(1);
        if lab.interrupted.load(Ordering::SeqCst) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let curve = find_learning_rate(&model, &pictures, &settings, search, &mut each)?;
    lab.progress.finish();
    for advice in advise(&model, &pictures, None, &settings, Some(&curve))? {
        lab.progress.say(&format!("{}  note: {advice}", recipe.name));
        lab.note(&format!("Before the first step: {advice}."));
    }
    if let Some(rate) = curve.suggestion() {
        lab.metric("suggested_learning_rate", rate);
    }
    let chart = chart(&curve, settings.optimizer.learning_rate());
    let caption = format!(
        "A short training on a copy of the network while the learning rate rises: where the loss falls fastest, learning is \
         quick and still safe. {}",
        if curve.suggestion().is_some() {
            "The rate of this training is marked."
        } else {
            "So few steps teach this network hardly anything at any rate; but the curve shows from where on it breaks, and that \
             the rate of this training, which is marked, keeps away from there."
        }
    );
    lab.figure("learning-rate.svg", &caption, chart.svg().as_bytes())
}

/// Losses so many times the first are not drawn: they would press all others flat.
const BROKEN: f64 = 1.5;

fn chart(curve: &RateCurve, chosen: f64) -> LineChart {
    let first = curve.points.first().map_or(f64::NAN, |point| point.loss);
    let whole = curve.points.iter().take_while(|point| point.loss < BROKEN * first);
    let points: Vec<_> = whole.map(|point| (point.rate.log10(), point.loss)).collect();
    let nearest = |rate: f64| {
        let distance = |point: &&(f64, f64)| (point.0 - rate.log10()).abs();
        points.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied()
    };
    let mark = |rate: f64, label: String| nearest(rate).map(|at| Mark { series: 0, at, label });
    let marks = [
        mark(chosen, format!("{} {chosen:.0e}", if chosen == RATE { "the chapter's" } else { "chosen:" })),
        curve.suggestion().and_then(|rate| mark(rate, format!("steepest: {rate:.1e}"))),
    ];
    LineChart {
        title: "Loss while the learning rate rises".into(),
        x_label: "learning rate, power of ten".into(),
        y_label: "loss".into(),
        series: vec![Series { name: "smoothed loss".into(), points, dashed: false }],
        marks: marks.into_iter().flatten().collect(),
        ..LineChart::default()
    }
}
