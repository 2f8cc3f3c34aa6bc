//! 5.4.1: what each layer makes of a picture of a cat.

use super::{cat, go_on, numbers_of, shown};
use crate::chapter5::{Cost, Experiment, Pretrained};
use crate::lab::classifier::{ELEPHANTS, numbers};
use crate::lab::{Data, Lab, picture};
use crate::options::Profile;
use anyhow::{Context, Result, bail};
use convnet_data::decode::Picture as Pixels;
use convnet_layers::Model;
use convnet_report::chart;
use convnet_tensor::Tensor;
use convnet_visualize::activations::{ChannelStatistics, activations, grid};

pub(crate) const ACTIVATIONS: Experiment = Experiment {
    id: "5.4.1",
    title: "Intermediate activations: what each layer makes of a cat",
    needs: &["5.2.5"],
    data: Some(Data::CatsDogs),
    base: Pretrained::Shown,
    book_only: false,
    book: &[],
    note: "The network of 5.2.5, and behind it the pretrained base. Each tile is one channel, brought to the same mean and contrast as \
           in the book, so that tiles tell where a channel answers and not how strongly; a black tile is a channel that answers nowhere.",
    settings: |lab| format!("{NAME}, {} pictures counted", counted(lab.profile)),
    // Every layer that is counted is a pass of its own, and its numbers are looked at one by one. The base's weights take memory.
    cost: |profile, forward| Cost {
        convolution: 2.5e9 * counted(profile) as f64 + 2.0 * forward,
        seconds: 1.0,
        mib: if profile == Profile::Smoke { 250.0 } else { 750.0 } + 8e-9 * forward,
        ..Cost::default()
    },
    run,
};

/// The book's cat.
const NAME: &str = "cat.1700.jpg";

/// Layers that are shown: all of the convolutional part.
const LAYERS: usize = 8;

/// Tiles in a row.
const COLUMNS: usize = 16;

/// Pictures over which channels are counted that answer to none of them.
fn counted(profile: Profile) -> usize {
    match profile {
        Profile::Smoke => 20,
        Profile::Quick => 200,
        Profile::Book => 1_000,
    }
}

/// Pictures that go through the network together.
const BATCH: usize = 20;

fn run(lab: &mut Lab) -> Result<()> {
    let model = lab.model("5.2.5")?;
    let test = lab.cats_dogs().test.clone();
    let number = cat(&test, NAME)?;
    let original = [(picture(&test, number)?, test.name(number).unwrap_or("a painted creature").to_string())];
    let caption = "The picture, as the network gets it.";
    lab.figure("picture.svg", caption, chart::gallery("", &original, 1, 150.0)?.as_bytes())?;
    let paths: Vec<String> = model.layers().take(LAYERS).map(|(path, _)| path.to_string()).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let x = numbers_of(&model, &test, number..number + 1)?;
    for (path, maps) in paths.iter().zip(activations(&model, &x, &paths)?) {
        let shape = maps.shape().without_first();
        let caption =
            format!("{path}: {} channels of {}×{}{}.", shape[2], shape[0], shape[1], said_of(path, &paths));
        lab.figure(&format!("{path}.png"), &caption, &shown(&grid(&maps, COLUMNS)?)?.to_png()?)?;
    }
    let (name, others) = (&original[0].1, counted(lab.profile));
    lab.record.settings = Some(format!("the picture: {name}; silent channels counted on {others} others"));
    count(lab, &model, &paths)?;
    base(lab, &test.picture(number)?)
}

/// What the pretrained base makes of the same cat and of the elephants, where it is at hand.
fn base(lab: &mut Lab, cat: &Tensor<u8>) -> Result<()> {
    let base = match lab.base.clone() {
        Some(Ok(base)) => base,
        Some(Err(_)) => {
            lab.note("No pretrained base is at hand, so that only the network of 5.2.5 is shown.");
            return Ok(());
        }
        None => return Ok(()),
    };
    lab.note(&format!("The base: {}.", base.source));
    let (key, cats, _) = lab.sets.known(Data::CatsDogs).context("the pictures are at hand")?;
    let mut pictures = vec![("The cat", "cat", cat.clone(), (key, cats))];
    if let Some((elephants, source)) = lab.elephants(ELEPHANTS_SIDE)? {
        pictures.push(("The elephants", "elephants", elephants, (ELEPHANTS, source)));
    }
    let layers = base.row.shown_layers()?;
    for (words, name, pixels, source) in pictures {
        go_on(lab)?;
        let [height, width, channels] = pixels.shape()[..] else { bail!("a picture of {}", pixels.shape()) };
        let x = numbers(&base.model, Pixels { height, width, channels, pixels: pixels.data() });
        for (layer, maps) in layers.iter().zip(activations(&base.model, &x, &layers)?) {
            let [_, height, width, all] = maps.shape()[..] else { bail!("maps of {}", maps.shape()) };
            let channels = all.min(CHANNELS);
            let first = Tensor::from_fn([height, width, channels], |place| {
                maps.data()[place / channels * all + place % channels]
            });
            let caption = format!(
                "{words} in {layer} of {}: the first {channels} of {all} channels of {height}×{width}{}.",
                base.row.title,
                said_of(layer, &layers)
            );
            let png = shown(&grid(&first, COLUMNS)?)?.to_png()?;
            lab.figure_of(Some(source.clone()), &format!("{name}-{layer}.png"), &caption, &png)?;
        }
    }
    Ok(())
}

/// Channels of the base that are shown of each layer.
const CHANNELS: usize = 32;

/// As large as any base takes them.
const ELEPHANTS_SIDE: usize = 525;

/// What to see in the first and the last layer.
fn said_of(path: &str, paths: &[&str]) -> &'static str {
    match paths {
        [first, ..] if *first == path => "; edges and light of the picture are all still there",
        [.., last] if *last == path => "; little of the picture is left, and much of what a class asks for",
        _ => "",
    }
}

/// How much of each layer is silent, and which channels are always.
fn count(lab: &mut Lab, model: &Model, paths: &[&str]) -> Result<()> {
    let set = lab.cats_dogs().validation.clone();
    // Drawn from all, as the classes lie one behind the other.
    let set = set.subset(counted(lab.profile).min(set.len()), lab.seed)?;
    let mut statistics: Vec<_> = paths.iter().map(|path| ChannelStatistics::new(*path)).collect();
    lab.progress.start("5.4.1  counting silent channels", set.len() as u64, "pictures");
    for start in (0..set.len()).step_by(BATCH) {
        go_on(lab)?;
        let batch = start..(start + BATCH).min(set.len());
        let x = numbers_of(model, &set, batch.clone())?;
        for statistics in &mut statistics {
            statistics.add(model, &x)?;
        }
        lab.progress.advance(batch.len() as u64);
    }
    lab.progress.finish();
    let mean = |shares: Vec<f64>| shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let silent: Vec<f64> = statistics.iter().map(|layer| mean(layer.share_of_zeros())).collect();
    let dead: usize = statistics.iter().step_by(2).map(|layer| layer.dead().len()).sum();
    lab.metric("dead_filters", dead as f64);
    for (place, share) in [("first", silent.first()), ("last", silent.last())] {
        if let Some(&share) = share {
            lab.metric(format!("share_of_zeros_in_{place}_layer"), share);
        }
    }
    // Short enough to stand under a bar each.
    let short = |path: &&&str| path.replace("max_pooling2d", "pool").replace("conv2d", "conv");
    let names: Vec<String> = paths.iter().map(|path| short(&path)).collect();
    let bars = chart::grouped_bars(
        "Share of numbers that are 0",
        true,
        &names,
        &[("validation pictures".into(), silent)],
    );
    let caption = format!(
        "How much of what a layer makes is silence. Pooling takes the largest of four numbers, so that fewer of its are 0 than of the \
         convolution before it. Over {} pictures {dead} filters never answered at all.",
        convnet_report::words::count(set.len() as u64)
    );
    lab.figure("silence.svg", &caption, bars.as_bytes())
}
