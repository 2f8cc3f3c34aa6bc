//! 5.2.1: the pictures of the section.

use crate::chapter5::{Cost, Experiment};
use crate::lab::{Data, Lab, picture};
use anyhow::Result;
use convnet_data::Dataset;
use convnet_report::chart;

pub(crate) const DATASET: Experiment = Experiment {
    id: "5.2.1",
    title: "The pictures: 2,000 to train, 1,000 to validate, 1,000 to test",
    needs: &[],
    data: Data::CatsDogs,
    book: &[],
    note: "",
    settings: |_| String::new(),
    cost: |_| Cost { seconds: 0.5, ..Cost::default() },
    run,
};

/// Pictures of each class in the grid.
const SHOWN: usize = 12;
const COLUMNS: usize = 8;

fn run(lab: &mut Lab) -> Result<()> {
    let cats_dogs = lab.cats_dogs();
    let (said, found) = (cats_dogs.said.clone(), cats_dogs.metrics.clone());
    let sets = cats_dogs.sets().map(|(name, set)| (name, set.clone()));
    for (name, set) in &sets {
        for (class, count) in set.classes().iter().zip(set.class_counts()) {
            lab.metric(format!("{name}_{class}_pictures"), count as f64);
        }
    }
    lab.record.metrics.extend(found);
    said.iter().for_each(|line| lab.note(line));
    let train = &sets[0].1;
    let grid = grid(train)?;
    let caption = format!(
        "Training pictures of both classes, brought to {}: the sizes, places and colours of the animals differ, and often the \
         background tells more than they do.",
        train.picture_shape()
    );
    lab.figure("pictures.svg", &caption, grid.as_bytes())
}

/// The first training pictures of each class, evenly spread.
fn grid(train: &Dataset) -> Result<String> {
    let mut pictures = Vec::new();
    for (class, name) in train.classes().iter().enumerate() {
        let numbers: Vec<_> = (0..train.len()).filter(|&n| train.labels()[n] as usize == class).collect();
        for number in numbers.iter().step_by((numbers.len() / SHOWN).max(1)).take(SHOWN) {
            pictures.push((picture(train, *number)?, name.clone()));
        }
    }
    Ok(chart::gallery("Training pictures", &pictures, COLUMNS, 96.0)?)
}
