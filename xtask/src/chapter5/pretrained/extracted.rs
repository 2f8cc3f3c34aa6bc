//! 5.3.1a and 5.3.1-pixels: the base runs once over every picture, a head learns from what it gives.

use super::{BATCH, Measured, STEPS, Span, cost, range, show};
use crate::chapter5::{Experiment, Pretrained};
use crate::lab::data::Part;
use crate::lab::{Data, Lab, Passed};
use crate::options::Profile;
use anyhow::Result;
use convnet_report::words;
use convnet_tensor::Pixels;
use convnet_train::frozen_hash;

pub(crate) const EXTRACTED: Experiment = Experiment {
    id: "5.3.1a",
    title: "Feature extraction: a head on what the base gives",
    needs: &["5.2.1"],
    data: Some(Data::CatsDogs),
    base: Pretrained::Needed,
    book_only: false,
    book: &[("best_val_accuracy", [0.90, 0.90])],
    note: "The base runs once over every picture; the head then learns in seconds, but always from the very same features.",
    settings: |lab| settings(lab.profile),
    cost: costs,
    run: with_its_pixels,
};

pub(crate) const PIXELS: Experiment = Experiment {
    id: "5.3.1-pixels",
    title: "The same with the other range of pixels",
    needs: &["5.2.1", "5.3.1a"],
    data: Some(Data::CatsDogs),
    base: Pretrained::Needed,
    book_only: false,
    book: &[],
    note: "A base knows pictures in the range of pixels that it was trained with; the book gives VGG16 another.",
    settings: |lab| settings(lab.profile),
    cost: costs,
    run: with_the_other_pixels,
};

fn with_its_pixels(lab: &mut Lab) -> Result<()> {
    let pixels = lab.base()?.row.pixels;
    extract(lab, EXTRACTED.id, pixels)
}

fn with_the_other_pixels(lab: &mut Lab) -> Result<()> {
    let base = lab.base()?;
    extract(lab, PIXELS.id, other(base.row.pixels, base.model.input().pixels))
}

/// The range that 5.3.1a does not take: that of the base's own training, or, where 5.3.1a has it already, the book's.
fn other(taken: Pixels, own: Pixels) -> Pixels {
    match (taken == own, own) {
        (false, _) => own,
        (true, Pixels::ZeroToOne) => Pixels::MinusOneToOne,
        (true, _) => Pixels::ZeroToOne,
    }
}

/// Epochs in the book.
const BOOK: usize = 30;

fn span(profile: Profile) -> Span {
    match profile {
        Profile::Smoke => Span { epochs: 1, steps: 4 },
        Profile::Quick | Profile::Book => Span { epochs: BOOK, steps: STEPS },
    }
}

fn settings(profile: Profile) -> String {
    format!("a head with dropout on features, {:?}, batch {BATCH}", span(profile))
}

fn costs(profile: Profile, base: f64) -> crate::chapter5::Cost {
    let passed = if profile == Profile::Smoke { 176 } else { 4_000 };
    cost(base, passed, 0.0, span(profile).pictures())
}

fn extract(lab: &mut Lab, id: &'static str, pixels: Pixels) -> Result<()> {
    let base = lab.base()?;
    let classes = lab.cats_dogs().train.classes().to_vec();
    let mut whole = base.model(&classes, pixels, true, lab.seed)?;
    let frozen = frozen_hash(&whole);
    lab.advise_base(&base, &whole);
    let layer = base.row.features();
    let (train, passed) = lab.features(&base, &whole, layer, Part::Train)?;
    let measured = Measured::at(lab, &base, &whole, layer)?;
    let mut head = whole.behind(layer)?;
    let recipe = span(lab.profile).recipe(id, &head, base.row.rate, BOOK);
    let outcome = lab.learn(&recipe, &mut head, &train, measured.validation())?;
    // One file with base and head, which can be shown a picture.
    for parameter in head.parameters() {
        let place = whole.parameters_mut().iter_mut().find(|own| own.path == parameter.path);
        place.into_iter().for_each(|own| own.value = parameter.value.clone());
    }
    lab.prove_frozen(frozen.as_deref(), &whole)?;
    let trained = lab.keep_model(&recipe, whole, outcome)?;
    let through = train.len() + measured.validation.len();
    let passed = Passed {
        pictures: passed.pictures + measured.passed.pictures,
        seconds: passed.seconds + measured.passed.seconds,
    };
    lab.note(&format!(
        "The base saw {}; {} pictures went through it, once each.",
        range(pixels),
        words::count((train.len() + measured.validation.len() + measured.test.len()) as u64)
    ));
    show(lab, &trained, &measured.test, passed, through)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_range_is_never_the_one_taken() {
        for (taken, own, expected) in [
            (Pixels::ZeroToOne, Pixels::CaffeBgr, Pixels::CaffeBgr),
            (Pixels::MinusOneToOne, Pixels::MinusOneToOne, Pixels::ZeroToOne),
            (Pixels::ZeroToOne, Pixels::ZeroToOne, Pixels::MinusOneToOne),
        ] {
            assert_eq!(other(taken, own), expected);
        }
    }
}
