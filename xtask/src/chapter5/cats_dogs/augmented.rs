//! 5.2.5: the same convnet with augmentation and dropout.

use super::{QUICK_RATE, RATE, Span, compare, convnet, train};
use crate::chapter5::{Experiment, Pretrained};
use crate::lab::{Data, Lab, Recipe};
use crate::options::Profile;
use anyhow::Result;
use convnet_data::Augment;

pub(crate) const AUGMENTED: Experiment = Experiment {
    id: "5.2.5",
    title: "With augmentation and dropout",
    needs: &["5.2.1"],
    data: Some(Data::CatsDogs),
    base: Pretrained::No,
    book_only: false,
    book: &[("best_val_accuracy", [0.82, 0.85]), ("parameters", [3_453_121.0, 3_453_121.0])],
    note: "No picture is seen twice in the same way: in the chapter training and validation stay together, and validation rises \
           further than without augmentation. Shear is ±0.2 radians, as Keras meant it when the book was written.",
    settings: |lab| format!("{} {:?}", recipe(lab.profile).settings(lab.seed), Augment::chapter5()),
    cost: |profile, _| span(profile).cost(profile),
    run,
};

fn span(profile: Profile) -> Span {
    match profile {
        Profile::Smoke => Span { epochs: 1, steps: 2, batch: 32, rate: RATE },
        Profile::Quick => Span { epochs: 20, steps: 100, batch: 32, rate: QUICK_RATE },
        Profile::Book => Span { epochs: 100, steps: 100, batch: 32, rate: RATE },
    }
}

fn recipe(profile: Profile) -> Recipe {
    let (fit, book) = (span(profile).fit(), span(Profile::Book).length());
    Recipe { name: AUGMENTED.id, part: None, architecture: convnet(true), fit, book }
}

fn run(lab: &mut Lab) -> Result<()> {
    let pictures = lab.cats_dogs().train.clone().augmented(Augment::chapter5(), lab.seed)?;
    train(lab, &recipe(lab.profile), span(lab.profile), &pictures)?;
    compare(lab, None)
}
