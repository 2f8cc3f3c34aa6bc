//! 5.3.2 and 5.3.2-block3: the last blocks of the base go on learning together with the trained head.

use super::{BATCH, Measured, STEPS, Span, cost, quick_epochs, range, show};
use crate::chapter5::{Experiment, Pretrained};
use crate::lab::data::Part;
use crate::lab::{Data, Lab};
use crate::options::Profile;
use anyhow::{Context, Result};
use convnet_data::Augment;
use convnet_train::frozen_hash;

pub(crate) const TUNED: Experiment = Experiment {
    id: "5.3.2",
    title: "Fine-tuning: the last block learns too",
    needs: &["5.2.1", "5.3.1b"],
    data: Some(Data::CatsDogs),
    base: Pretrained::Needed,
    book_only: false,
    book: &[("best_val_accuracy", [0.965, 0.976]), ("test_accuracy", [0.968, 0.968])],
    note: "The head is that of 5.3.1b: untrained, it would send large gradients through what the base has learned.",
    settings: |lab| settings(lab, span(lab.profile, lab.base_cost())),
    cost: |profile, base| {
        let span = span(profile, base);
        cost(base, span.pictures() + 2_000, LAST_BLOCK, span.pictures())
    },
    run: last_block,
};

pub(crate) const TUNED_BLOCK3: Experiment = Experiment {
    id: "5.3.2-block3",
    title: "Fine-tuning from the third block on",
    needs: &["5.2.1", "5.3.1b"],
    data: Some(Data::CatsDogs),
    base: Pretrained::Needed,
    book_only: true,
    book: &[],
    note: "As in the R edition, which unfreezes more of the base.",
    settings: |lab| settings(lab, block3_span(lab.profile)),
    cost: |profile, base| {
        let span = block3_span(profile);
        cost(base, span.pictures() + 2_000, 1.4 * base, span.pictures())
    },
    run: third_block,
};

fn last_block(lab: &mut Lab) -> Result<()> {
    let first = lab.base()?.row.last_block;
    tune(lab, TUNED.id, first, span(lab.profile, lab.base_cost()))
}

fn third_block(lab: &mut Lab) -> Result<()> {
    let first = lab.base()?.row.third_block;
    tune(lab, TUNED_BLOCK3.id, first, block3_span(lab.profile))
}

/// Floating-point operations of both gradients of VGG16's fifth block for each picture.
const LAST_BLOCK: f64 = 2.3e9;

/// Epochs in the book.
const BOOK: usize = 100;

fn span(profile: Profile, base: f64) -> Span {
    match profile {
        Profile::Smoke => Span { epochs: 1, steps: 2 },
        Profile::Quick => Span { epochs: quick_epochs(base), steps: STEPS },
        Profile::Book => Span { epochs: BOOK, steps: STEPS },
    }
}

/// Twenty-five epochs are enough to see it.
fn block3_span(profile: Profile) -> Span {
    match profile {
        Profile::Smoke => Span { epochs: 1, steps: 1 },
        Profile::Quick | Profile::Book => Span { epochs: 25, steps: STEPS },
    }
}

fn settings(lab: &Lab, span: Span) -> String {
    let rate = lab.base.iter().flatten().map(|base| base.row.tuning_rate).next();
    format!("fine-tuning, {span:?}, batch {BATCH}, rate {rate:?}, {:?}", Augment::chapter5())
}

fn tune(lab: &mut Lab, id: &'static str, first: &str, span: Span) -> Result<()> {
    let base = lab.base()?;
    let pictures = lab.part_for(&base, Part::Train)?.augmented(Augment::chapter5(), lab.seed)?;
    let mut model = lab.model("5.3.1b")?;
    let first = format!("{}/{first}", base.row.name);
    model.unfreeze_from(&first)?;
    let frozen = frozen_hash(&model);
    let before = model.layers().map(|(path, _)| path).take_while(|path| *path != first).last();
    lab.advise_base(&base, &model);
    let before = before.context("something stands before the last block")?.to_string();
    let measured = Measured::at(lab, &base, &model, &before)?;
    let recipe = span.recipe(id, &model, base.row.tuning_rate, BOOK);
    let outcome = lab.learn(&recipe, &mut model, &pictures, measured.validation())?;
    lab.prove_frozen(frozen.as_deref(), &model)?;
    let trained = lab.keep_model(&recipe, model, outcome)?;
    lab.note(&format!("The base saw {}; it learns from {first} on.", range(base.row.pixels)));
    show(lab, &trained, &measured.test, measured.passed, span.pictures() + measured.validation.len())
}
