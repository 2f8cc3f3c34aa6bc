//! 5.3.1b and 5.3.1b-unfrozen: base and head as one network on augmented pictures, the base frozen indeed, or not at all.

use super::{BATCH, Measured, STEPS, Span, cost, quick_epochs, range, show};
use crate::chapter5::{Experiment, Pretrained};
use crate::lab::data::Part;
use crate::lab::{Data, Lab, Passed, Validation};
use crate::options::Profile;
use anyhow::Result;
use convnet_data::Augment;
use convnet_train::frozen_hash;

pub(crate) const END_TO_END: Experiment = Experiment {
    id: "5.3.1b",
    title: "Feature extraction end to end, with augmentation",
    needs: &["5.2.1"],
    data: Some(Data::CatsDogs),
    base: Pretrained::Needed,
    book_only: false,
    book: &[("best_val_accuracy", [0.95, 0.965])],
    note: "No picture is seen twice in the same way, so every picture goes through the base each time.",
    settings: |lab| settings(span(lab.profile, lab.base_cost())),
    cost: |profile, base| {
        let span = span(profile, base);
        cost(base, span.pictures() + 2_000, 0.0, span.pictures())
    },
    run: frozen,
};

pub(crate) const UNFROZEN: Experiment = Experiment {
    id: "5.3.1b-unfrozen",
    title: "The same with nothing frozen",
    needs: &["5.2.1"],
    data: Some(Data::CatsDogs),
    base: Pretrained::Needed,
    book_only: true,
    book: &[("best_val_accuracy", [0.95, 0.97])],
    note: "What a reader gets who forgets to freeze the base, or whose framework does not do it.",
    settings: |lab| settings(unfrozen_span(lab.profile)),
    cost: |profile, base| {
        let (span, measured) = (unfrozen_span(profile), if profile == Profile::Smoke { 80 } else { 1_000 });
        cost(base, (span.epochs + 1) * measured, 3.0 * base, span.pictures())
    },
    run: unfrozen,
};

/// Epochs in the book.
const BOOK: usize = 30;

fn span(profile: Profile, base: f64) -> Span {
    match profile {
        Profile::Smoke => Span { epochs: 1, steps: 2 },
        Profile::Quick => Span { epochs: quick_epochs(base), steps: STEPS },
        Profile::Book => Span { epochs: BOOK, steps: STEPS },
    }
}

/// Ten epochs are enough to see it.
fn unfrozen_span(profile: Profile) -> Span {
    match profile {
        Profile::Smoke => Span { epochs: 1, steps: 1 },
        Profile::Quick | Profile::Book => Span { epochs: 10, steps: STEPS },
    }
}

fn settings(span: Span) -> String {
    format!("end to end, {span:?}, batch {BATCH}, {:?}", Augment::chapter5())
}

fn frozen(lab: &mut Lab) -> Result<()> {
    let base = lab.base()?;
    let pictures = lab.part_for(&base, Part::Train)?.augmented(Augment::chapter5(), lab.seed)?;
    let pixels = base.row.pixels;
    let mut model = base.model(pictures.classes(), pixels, false, lab.seed)?;
    let frozen = frozen_hash(&model);
    lab.advise_base(&base, &model);
    let measured = Measured::at(lab, &base, &model, base.row.features())?;
    let span = span(lab.profile, lab.base_cost());
    let recipe = span.recipe(END_TO_END.id, &model, base.row.rate, BOOK);
    let outcome = lab.learn(&recipe, &mut model, &pictures, measured.validation())?;
    lab.prove_frozen(frozen.as_deref(), &model)?;
    let trained = lab.keep_model(&recipe, model, outcome)?;
    lab.note(&format!("The base saw {}.", range(pixels)));
    show(lab, &trained, &measured.test, measured.passed, span.pictures() + measured.validation.len())
}

fn unfrozen(lab: &mut Lab) -> Result<()> {
    let base = lab.base()?;
    let pictures = lab.part_for(&base, Part::Train)?.augmented(Augment::chapter5(), lab.seed)?;
    let [validation, test] = [Part::Validation, Part::Test].map(|part| lab.part_for(&base, part));
    let (validation, test) = (validation?, test?);
    let pixels = base.row.pixels;
    let mut model = base.model(pictures.classes(), pixels, false, lab.seed)?;
    model.unfreeze("")?;
    lab.advise_base(&base, &model);
    let span = unfrozen_span(lab.profile);
    let recipe = span.recipe(UNFROZEN.id, &model, base.row.rate, BOOK);
    let measured = Validation { set: &validation, name: "validation" };
    let outcome = lab.learn(&recipe, &mut model, &pictures, measured)?;
    lab.prove_frozen(None, &model)?;
    let trained = lab.keep_model(&recipe, model, outcome)?;
    lab.note(&format!("The base saw {}.", range(pixels)));
    let through = span.pictures() + span.epochs * validation.len();
    show(lab, &trained, &test, Passed::default(), through)
}
