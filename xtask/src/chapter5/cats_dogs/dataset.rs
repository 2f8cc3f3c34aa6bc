//! 5.2.1: the pictures of the section.

use crate::chapter5::{Cost, Experiment, Pretrained};
use crate::lab::{Data, Lab, picture};
use anyhow::Result;
use convnet_data::Dataset;
use convnet_report::{chart, words};

pub(crate) const DATASET: Experiment = Experiment {
    id: "5.2.1",
    title: "The pictures to train, validate and test with",
    needs: &[],
    data: Some(Data::CatsDogs),
    base: Pretrained::No,
    book_only: false,
    book: &[],
    note: "",
    settings: |_| String::new(),
    cost: |_, _| Cost { seconds: 0.5, mib: 8.0, ..Cost::default() },
    run,
};

/// Pictures of each class in the grid, in whole rows.
const SHOWN: usize = 16;
const COLUMNS: usize = 8;

/// What to see in the grid, behind the size of its pictures: photographs, and painted creatures.
const PHOTOGRAPHS: &str =
    "the sizes, places and colours of the animals differ, and often the background tells more than they do.";
const PAINTED: &str = "everything but the form of the ears is drawn by chance and in the same way for both classes, so that neither \
                       the background nor anything else tells them apart.";

fn run(lab: &mut Lab) -> Result<()> {
    let cats_dogs = lab.cats_dogs();
    let (said, found, lists) = (cats_dogs.said.clone(), cats_dogs.metrics.clone(), cats_dogs.lists.clone());
    let seen = if cats_dogs.generated() { PAINTED } else { PHOTOGRAPHS };
    let sets = cats_dogs.sets().map(|(name, set)| (name, set.clone()));
    for (name, set) in &sets {
        for (class, count) in set.classes().iter().zip(set.class_counts()) {
            lab.metric(format!("{name}_{class}_pictures"), count as f64);
        }
    }
    lab.record.title = Some(titled(sets.each_ref().map(|(_, set)| set.len())));
    lab.record.metrics.extend(found);
    lab.record.lists = lists;
    said.iter().for_each(|line| lab.note(line));
    let train = &sets[0].1;
    let grid = grid(train)?;
    let caption = format!("Training pictures of both classes, brought to {}: {seen}", train.picture_shape());
    lab.figure("pictures.svg", &caption, grid.as_bytes())
}

/// How many pictures there are, for a title.
fn titled([train, validation, test]: [usize; 3]) -> String {
    let count = |pictures: usize| words::count(pictures as u64);
    format!(
        "The pictures: {} to train, {} to validate, {} to test",
        count(train),
        count(validation),
        count(test)
    )
}

/// Training pictures of each class, evenly spread; no row has pictures of two.
fn grid(train: &Dataset) -> Result<String> {
    let fewest = train.class_counts().into_iter().min().unwrap_or(0);
    let (shown, columns) = rows(fewest);
    let mut pictures = Vec::new();
    for (class, name) in train.classes().iter().enumerate() {
        let numbers: Vec<_> = (0..train.len()).filter(|&n| train.labels()[n] as usize == class).collect();
        for number in numbers.iter().step_by((numbers.len() / shown.max(1)).max(1)).take(shown) {
            pictures.push((picture(train, *number)?, name.clone()));
        }
    }
    Ok(chart::gallery("Training pictures", &pictures, columns, 96.0)?)
}

/// Pictures of each class and columns of the grid where the smallest class has `fewest`: whole rows.
fn rows(fewest: usize) -> (usize, usize) {
    let columns = COLUMNS.min(fewest.max(1));
    (SHOWN.min(fewest) / columns * columns, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_of_the_grid_has_two_classes() {
        assert_eq!(rows(1_000), (16, 8));
        assert_eq!(rows(15), (8, 8));
        assert_eq!(rows(3), (3, 3));
        assert_eq!(rows(0), (0, 1));
    }

    #[test]
    fn the_title_counts_what_is_there() {
        assert_eq!(titled([1_999, 1_000, 40]), "The pictures: 1,999 to train, 1,000 to validate, 40 to test");
    }
}
