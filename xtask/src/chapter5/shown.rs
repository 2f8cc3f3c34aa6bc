//! 5.1.1: the convolution operation shown.

use super::{Cost, Experiment, Pretrained, convolution};
use crate::lab::Data;

pub(crate) const CONVOLUTION: Experiment = Experiment {
    id: "5.1.1",
    title: "The convolution operation: patches, kernels, borders, strides",
    needs: &[],
    data: Some(Data::Digits),
    base: Pretrained::No,
    book_only: false,
    book: &[],
    note: "",
    settings: |_| String::new(),
    cost: |_, _| Cost { seconds: 0.5, ..Cost::default() },
    run: |lab| {
        let (_, test) = lab.digits(1);
        let shown = convolution::figures(&test)?;
        for figure in &shown.figures {
            match figure.name {
                // They follow from a formula, whatever the pictures.
                convolution::SHAPES => lab.figure_of(None, figure.name, &figure.caption, &figure.bytes)?,
                _ => lab.figure(figure.name, &figure.caption, &figure.bytes)?,
            }
        }
        lab.record.metrics.extend(shown.metrics);
        Ok(())
    },
};
