//! The ways of using a base side by side: what each finds, and what it costs.

use crate::chapter5::convolution::table;
use crate::chapter5::find;
use crate::lab::Lab;
use anyhow::Result;
use convnet_report::chart::{LineChart, Mark, Series};
use convnet_report::{Align, Experiment as Record, words};

/// The ways, in the order of their cost, in words.
const WAYS: [(&str, &str); 6] = [
    ("5.3.1a", "features once"),
    ("5.3.1-pixels", "features once, the other pixels"),
    ("5.3.1b", "frozen, augmented"),
    ("5.3.1b-unfrozen", "nothing frozen, augmented"),
    ("5.3.2", "last block tuned"),
    ("5.3.2-block3", "tuned from the third block"),
];

/// A way as it was measured.
#[derive(Clone, Debug)]
pub(super) struct Way {
    id: &'static str,
    name: &'static str,
    validation: Option<f64>,
    test: f64,
    /// Pictures that went through the base for training and validation.
    pictures: f64,
    /// Seconds of training and of features; none where only a part of the training was done in one run.
    seconds: Option<f64>,
    book: Option<[f64; 2]>,
}

impl Way {
    fn of(id: &'static str, name: &'static str, record: &Record) -> Option<Way> {
        let metric = |name: &str| record.metrics.get(name).copied();
        let features = metric("feature_seconds").unwrap_or(0.0);
        Some(Way {
            id,
            name,
            validation: metric("best_val_accuracy"),
            test: metric("test_accuracy")?,
            pictures: metric("pictures_through_base")?,
            seconds: metric("training_seconds").map(|seconds| seconds + features),
            book: record.book.get("best_val_accuracy").copied(),
        })
    }
}

/// What this run and earlier ones of the same settings have measured, in the order of [`WAYS`].
pub(super) fn measured(lab: &Lab) -> Vec<Way> {
    let way = |(id, name): (&'static str, &'static str)| {
        if id == lab.record.id {
            return Way::of(id, name, &lab.record);
        }
        let (record, _) = lab.kept(find(id)?)?;
        Way::of(id, name, &record)
    };
    WAYS.into_iter().filter_map(way).collect()
}

/// Draws the ways side by side, where there are two to compare, and says how much of it is the range of pixels.
pub(super) fn compare(lab: &mut Lab) -> Result<()> {
    let ways = measured(lab);
    if ways.len() < 2 {
        return Ok(());
    }
    let is_real = !lab.cats_dogs().generated();
    pixels_share(&ways).iter().for_each(|sentence| lab.note(sentence));
    let caption = match is_real {
        true => {
            "The book's figures and ours. “Frozen” is honest here: the checksum of the frozen weights stays. What the book prints \
             for it is reached with nothing frozen, which is what its framework most likely did."
        }
        false => "What was measured on painted creatures; the book's figures are of photographs.",
    };
    lab.figure("ways.svg", caption, drawn(&ways, is_real).as_bytes())?;
    let caption = "Every way of using a base: how often a picture had to go through it, how long that took, and what came of it.";
    lab.figure("cost.svg", caption, cost(&ways).svg().as_bytes())
}

/// How much of what fine-tuning gains over 5.3.1a the range of pixels gives by itself, in a sentence.
fn pixels_share(ways: &[Way]) -> Option<String> {
    let test = |id: &str| ways.iter().find(|way| way.id == id).map(|way| way.test);
    let (plain, pixels) = (test("5.3.1a")?, test("5.3.1-pixels")?);
    let points = |from: f64, to: f64| (to - from) * 100.0;
    let told = |points: f64| format!("{points:+.1} points").replace('-', "−");
    let percent = |accuracy| words::metric("accuracy", accuracy);
    let alone = format!(
        "The range of pixels alone moves the accuracy on test pictures from {} to {}: {}, without another picture and \
         without training the base",
        percent(plain),
        percent(pixels),
        told(points(plain, pixels))
    );
    Some(match test("5.3.2").filter(|tuned| *tuned > plain && pixels > plain) {
        None => format!("{alone}."),
        Some(tuned) => {
            let share = points(plain, pixels) / points(plain, tuned);
            let most = match share {
                0.5.. => "most of what the chapter credits to its later steps is the range of pixels",
                _ => "the range of pixels is a part of what the chapter credits to its later steps",
            };
            let gained = told(points(plain, tuned));
            format!("{alone}. Augmentation and fine-tuning together give {gained}: {most}.")
        }
    })
}

/// The table of the ways.
fn drawn(ways: &[Way], is_real: bool) -> String {
    let heads = [
        ("way", Align::Left),
        ("", Align::Left),
        ("book, best validation", Align::Right),
        ("ours", Align::Right),
        ("test", Align::Right),
        ("pictures through the base", Align::Right),
        ("time", Align::Right),
    ];
    let dash = || "–".to_string();
    let rows = ways.iter().map(|way| {
        let book = way.book.filter(|_| is_real).map(|book| words::book("accuracy", book));
        vec![
            way.id.to_string(),
            way.name.to_string(),
            book.unwrap_or_else(dash),
            way.validation.map_or_else(dash, |accuracy| words::metric("accuracy", accuracy)),
            words::metric("accuracy", way.test),
            words::count(way.pictures as u64),
            way.seconds.map_or_else(dash, words::seconds),
        ]
    });
    let rows: Vec<_> = rows.collect();
    table::figure(
        "The ways of using a base",
        &heads,
        &rows,
        "book and ours: the best epoch on the validation pictures",
    )
}

/// Accuracy over the pictures that went through the base.
fn cost(ways: &[Way]) -> LineChart {
    let series = ways.iter().map(|way| Series {
        name: format!("{} {}", way.id, way.name),
        points: vec![(way.pictures.log10(), way.test)],
        dashed: false,
    });
    let marks = ways.iter().enumerate().map(|(series, way)| Mark {
        series,
        at: (way.pictures.log10(), way.test),
        label: way
            .seconds
            .map_or(way.id.to_string(), |seconds| format!("{}, {}", way.id, words::seconds(seconds))),
    });
    LineChart {
        title: "What accuracy costs".into(),
        x_label: "pictures through the base, power of ten".into(),
        y_label: "accuracy on test pictures".into(),
        percent: true,
        series: series.collect(),
        marks: marks.collect(),
        ..LineChart::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(id: &'static str, test: f64) -> Way {
        Way {
            id,
            name: "a way",
            validation: None,
            test,
            pictures: 4_000.0,
            seconds: Some(61.0),
            book: Some([0.9, 0.9]),
        }
    }

    #[test]
    fn what_pixels_give_is_told_as_measured() {
        assert_eq!(pixels_share(&[way("5.3.1a", 0.888)]), None);
        let two = [way("5.3.1a", 0.888), way("5.3.1-pixels", 0.961)];
        let said = pixels_share(&two).unwrap();
        assert!(said.contains("from 88.80 % to 96.10 %: +7.3 points"), "{said}");
        let with = |tuned| pixels_share(&[&two[..], &[way("5.3.2", tuned)]].concat()).unwrap();
        assert!(with(0.97).ends_with(
            "give +8.2 points: most of what the chapter credits to its later steps is the range of pixels."
        ));
        let worse = [way("5.3.1a", 0.9), way("5.3.1-pixels", 0.91), way("5.3.2", 0.97)];
        assert!(pixels_share(&worse).unwrap().contains("is a part of"));
    }

    #[test]
    fn the_book_stands_beside_photographs_alone() {
        let ways = [way("5.3.1a", 0.888), way("5.3.1b", 0.9)];
        assert!(drawn(&ways, true).contains("90 %") && drawn(&ways, true).contains("4,000"));
        assert!(!drawn(&ways, false).contains(">90 %<"));
        assert!(cost(&ways).svg().contains("5.3.1b"));
    }
}
