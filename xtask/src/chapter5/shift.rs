//! 5.1-shift: translation invariance measured.

use super::{Cost, Experiment, Pretrained};
use crate::lab::{Data, Lab};
use crate::options::Profile;
use anyhow::Result;
use convnet_report::chart::{LineChart, Series};
use convnet_report::words;
use convnet_train::Loss;

pub(crate) const SHIFT: Experiment = Experiment {
    id: "5.1-shift",
    title: "Translation invariance: accuracy on shifted digits",
    needs: &["5.1", "5.1-dense"],
    data: Some(Data::Digits),
    base: Pretrained::No,
    book_only: false,
    book: &[],
    note: "The chapter claims it, without a figure: what a convnet learns at one place it recognises at any other; a dense \
           network has to learn it anew. Mean over four directions, zeros where the digit moved away; a far shift moves \
           parts of the digit out of the frame.",
    settings: |lab| format!("{} digits, shifts to {FARTHEST}", test_digits(lab.profile)),
    cost: |profile, _| Cost {
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
    if lab.profile != Profile::Book {
        lab.note(&format!(
            "Measured on the first {} test digits, with the shorter trainings of profile {}.",
            words::count(test.len() as u64),
            lab.profile.word()
        ));
    }
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
                accuracy += lab
                    .evaluate(model, Loss::sparse_categorical_crossentropy(), &test.shifted(dx, dy)?)?
                    .accuracy
                    / directions.len() as f64;
                lab.progress.advance(test.len() as u64);
            }
            points.push((shift as f64, accuracy));
            lab.metric(format!("shift_{shift}_{name}_accuracy"), accuracy);
        }
        let dashed = *name == "dense";
        series.push(Series { name: if dashed { "dense network" } else { "convnet" }.into(), points, dashed });
    }
    lab.progress.finish();
    let caption = format!("Accuracy of both networks on the same digits: {}.", sentence(&series));
    let chart = LineChart {
        title: "Accuracy on shifted digits".into(),
        x_label: "pixels shifted".into(),
        y_label: "accuracy".into(),
        percent: true,
        series,
        ..LineChart::default()
    };
    lab.figure("accuracy.svg", &caption, chart.svg().as_bytes())
}

/// The shifts that the caption names.
const TOLD: [i32; 3] = [0, 2, 4];

/// What was measured, in words: `at 2 pixels the convnet recognises 95.60 %, the dense network 83.40 %`.
fn sentence(series: &[Series]) -> String {
    let at = |shift: i32| {
        let networks = series.iter().enumerate().filter_map(|(number, series)| {
            let (_, accuracy) = series.points.iter().find(|(x, _)| *x == f64::from(shift))?;
            let verb = if number == 0 { " recognises" } else { "" };
            Some(format!("the {}{verb} {}", series.name, words::metric("accuracy", *accuracy)))
        });
        let where_ = if shift == 0 { "unshifted".into() } else { format!("at {shift} pixels") };
        format!("{where_} {}", networks.collect::<Vec<_>>().join(", "))
    };
    TOLD.map(at).join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caption_tells_what_was_measured() {
        let series = |name: &str, at_two: f64| Series {
            name: name.into(),
            points: vec![(0.0, 0.99), (2.0, at_two), (4.0, 0.5)],
            dashed: false,
        };
        let said = sentence(&[series("convnet", 0.3), series("dense network", 0.7)]);
        let expected = "at 2 pixels the convnet recognises 30.00 %, the dense network 70.00 %";
        assert!(said.contains(expected), "{said}");
    }
}
