//! 5.1-shift: translation invariance measured.

use super::{Cost, Experiment};
use crate::lab::Lab;
use crate::options::Profile;
use anyhow::Result;
use convnet_report::chart::{LineChart, Series};

pub(crate) const SHIFT: Experiment = Experiment {
    id: "5.1-shift",
    title: "Translation invariance: accuracy on shifted digits",
    needs: &["5.1", "5.1-dense"],
    book: &[],
    note: "The chapter claims it, without a figure: what a convnet learns at one place it recognises at any other; a dense \
           network has to learn it anew. Mean over four directions, zeros where the digit moved away; from about 6 pixels \
           on, digits leave the frame.",
    cost: |profile| Cost {
        convolution: 5.6e6 * looked_at(profile),
        dense: 0.8e6 * looked_at(profile),
        seconds: 0.5,
        mib: 40.0,
    },
    run,
};

/// The largest shift in pixels.
const FARTHEST: i32 = 8;

fn test_digits(profile: Profile) -> usize {
    match profile {
        Profile::Smoke => 100,
        Profile::Quick => 2_000,
        Profile::Book => 10_000,
    }
}

/// Digits that each network looks at: once unshifted, then in four directions.
fn looked_at(profile: Profile) -> f64 {
    (test_digits(profile) * (1 + 4 * FARTHEST as usize)) as f64
}

fn run(lab: &mut Lab) -> Result<()> {
    let (_, test) = lab.digits(usize::MAX);
    let test = test.take(test_digits(lab.profile).min(test.len()));
    let models = [("convnet", lab.model("5.1")?), ("dense", lab.model("5.1-dense")?)];
    let mut series = Vec::new();
    lab.progress.start("5.1-shift", looked_at(lab.profile) as u64 * 2, "digits");
    for (name, model) in &models {
        let mut points = Vec::new();
        for shift in 0..=FARTHEST {
            let directions: &[_] =
                if shift == 0 { &[(0, 0)] } else { &[(shift, 0), (-shift, 0), (0, shift), (0, -shift)] };
            let mut accuracy = 0.0;
            for &(dx, dy) in directions {
                accuracy += lab.evaluate(model, &test.shifted(dx, dy))?.accuracy / directions.len() as f64;
                lab.progress.advance(test.len() as u64);
            }
            points.push((shift as f64, accuracy));
            lab.metric(format!("shift_{shift}_{name}_accuracy"), accuracy);
        }
        let dashed = *name == "dense";
        series.push(Series { name: if dashed { "dense network" } else { "convnet" }.into(), points, dashed });
    }
    lab.progress.finish();
    let chart = LineChart {
        title: "Accuracy on shifted digits".into(),
        x_label: "pixels shifted".into(),
        y_label: "accuracy".into(),
        percent: true,
        series,
        marks: Vec::new(),
    };
    lab.figure(
        "accuracy.svg",
        "The convnet keeps recognising digits that have moved by a few pixels, long after the dense network has lost them.",
        chart.svg().as_bytes(),
    )
}
