//! 5.4.3: the training pictures that are most like a test picture to the network. What did it learn this from?

use super::{cat, file_name, go_on, numbers_of};
use crate::lab::classifier::Classifier;
use crate::lab::data::Part;
use crate::lab::{Data, Lab, picture};
use anyhow::{Context, Result, bail};
use convnet_data::{Batches, Dataset, Order};
use convnet_report::{chart, words};
use convnet_tensor::{Pixels, Tensor};
use convnet_visualize::activations::activations;
use convnet_visualize::{Similar, most_similar};

/// Training pictures beside each.
const NEIGHBOURS: usize = 5;

/// Features that are read together.
const BATCH: usize = 64;

/// A tile on the page: six stand in a row.
const TILE: f64 = 126.0;

/// Shows for a cat and a dog of `test`, pictures of the network's size, the training pictures whose features are most like
/// theirs, and counts over `drawn` of them how many of these are of the same class.
pub(super) fn similar(
    lab: &mut Lab,
    classifier: &Classifier,
    test: &Dataset,
    drawn: &Dataset,
    cat_file: &str,
) -> Result<()> {
    let Classifier { title, layer, model, .. } = classifier;
    let large = lab.part_at(model.input().shape[0], Part::Train)?;
    let stored = lab.stored_features(model, layer, &large, Part::Train)?.0;
    drop(large);
    let stored = averaged(&stored)?;
    // Readers see them as in all of the section.
    let (train, small) = (lab.cats_dogs().train.clone(), lab.cats_dogs().test.clone());
    let like = |set: &Dataset, number: usize| -> Result<Vec<Similar>> {
        let maps = activations(model, &numbers_of(model, set, number..number + 1)?, &[layer])?.remove(0);
        Ok(most_similar(&means(&maps)?, &stored, NEIGHBOURS)?.remove(0))
    };
    let dog = test.labels().iter().position(|&label| label == 1);
    let mut tiles = Vec::new();
    for number in [Some(cat(test, cat_file)?), dog].into_iter().flatten() {
        tiles.push((picture(&small, number)?, format!("test: {}", called(&small, number))));
        for Similar { place, cosine } in like(test, number)? {
            tiles.push((picture(&train, place)?, format!("{cosine:.2}, {}", called(&train, place))));
        }
    }
    let (mut same, mut all) = (0_u32, 0_u32);
    for number in 0..drawn.len() {
        go_on(lab)?;
        for found in like(drawn, number)? {
            same += u32::from(train.labels()[found.place] == drawn.labels()[number]);
            all += 1;
        }
    }
    let share = f64::from(same) / f64::from(all.max(1));
    lab.metric("neighbours_of_the_same_class", share);
    let (key, source, _) = lab.sets.known(Data::CatsDogs).context("the pictures are at hand")?;
    let columns = 1 + NEIGHBOURS.min(train.len());
    let gallery = chart::gallery("Most similar training pictures", &tiles, columns, TILE)?;
    let caption = format!(
        "What would a classifier on these features learn from? Left a test picture, beside it the {NEIGHBOURS} of {} training pictures \
         whose features ({title}, {layer}, the mean of each channel) point most nearly the same way; the number is the cosine. Of such \
         neighbours of {} drawn test pictures {:.0}\u{a0}% are of the picture's own class.",
        words::count(train.len() as u64),
        drawn.len(),
        share * 100.0
    );
    lab.figure_of(Some((key, source)), "similar.svg", &caption, gallery.as_bytes())
}

/// The mean of each channel over stored maps `[N, height, width, channels]`, `[N, channels]`.
fn averaged(stored: &Dataset) -> Result<Tensor> {
    let channels = stored.picture_shape()[2];
    let mut all = Vec::with_capacity(stored.len() * channels);
    // Numbers are given as they are, whatever the range of pixels.
    for batch in Batches::new(stored, BATCH, Order::Sequential, Pixels::ZeroToOne)?.round(0) {
        all.extend_from_slice(means(&batch?.x)?.data());
    }
    Ok(Tensor::from_vec([stored.len(), channels], all)?)
}

/// The mean of each channel of maps `[N, height, width, channels]`, `[N, channels]`.
fn means(maps: &Tensor) -> Result<Tensor> {
    let [pictures, height, width, channels] = maps.shape()[..] else {
        bail!("maps of shape {}", maps.shape())
    };
    let mut means = Tensor::zeros([pictures, channels]);
    let each = maps.data().chunks_exact(height * width * channels);
    for (means, maps) in means.data_mut().chunks_exact_mut(channels).zip(each) {
        for pixel in maps.chunks_exact(channels) {
            means.iter_mut().zip(pixel).for_each(|(mean, number)| *mean += number / (height * width) as f32);
        }
    }
    Ok(means)
}

/// A picture's file, or what it is where it was painted.
fn called(set: &Dataset, number: usize) -> String {
    let class = || set.classes()[set.labels()[number] as usize].clone();
    file_name(set, number).map_or_else(class, str::to_string)
}
