//! 5.4.2: pictures that excite the filters of a pretrained base, by gradient ascent.

use super::exciting::exciting;
use super::{go_on, shown};
use crate::chapter5::{Cost, Experiment, Pretrained};
use crate::lab::{Data, Lab};
use crate::options::Profile;
use anyhow::Result;
use convnet_layers::Model;
use convnet_report::chart;
use convnet_tensor::{Seed, Tensor};
use convnet_visualize::filters::{Ascent, Filters, ascend, energy_below_the_highest_band};
use convnet_visualize::honesty::random_twin;
use convnet_visualize::tiles;
use std::time::Instant;

pub(crate) const FILTERS: Experiment = Experiment {
    id: "5.4.2",
    title: "What filters look for: gradient ascent on the picture",
    needs: &[],
    // For what excites a filter; the record says of each figure what it shows.
    data: Some(Data::CatsDogs),
    base: Pretrained::Needed,
    book_only: false,
    book: &[],
    note: "Each tile began as grey noise and was changed step by step so that one filter answers more. The book's recipe shows \
           colours in the order in which the network takes them, blue first for VGG16; so does this page.",
    settings: |lab| format!("{:?}", Amount::of(lab.profile)),
    cost: |profile, forward| {
        let Amount { filters, better, compared, steps, pictures } = Amount::of(profile);
        let area = |side: usize| (side * side) as f64 / (150.0 * 150.0);
        // Forward and back through a third of the base, on the mean of the four layers.
        let step = 0.33 * 2.0 * forward * steps as f64;
        let by_the_book = step * area(SIZE) * (4 * (filters + compared)) as f64;
        // Three sizes, each 1.4 times as long as the one before, have 1.77 times the pixels of the last.
        let by_the_better = step * area(2 * SIZE) * 1.77 * (4 * better) as f64;
        Cost {
            convolution: 0.6 * (by_the_book + by_the_better) + 0.3 * forward * pictures as f64,
            seconds: 1.0,
            mib: 150.0 + forward / 13.2e9 * (520.0 + 36.0 * better as f64),
            ..Cost::default()
        }
    },
    run,
};

/// Height and width of a tile, and the pixels between two.
const SIZE: usize = 64;
const GAP: usize = 5;

/// Filters that climb together; more would only take memory.
const TOGETHER: usize = 16;

/// How much is painted.
#[derive(Debug)]
struct Amount {
    /// Filters of a layer by the book's recipe.
    filters: usize,
    /// Filters by the better one.
    better: usize,
    /// Filters of the network that never learned, and of the trained one beside it.
    compared: usize,
    steps: usize,
    /// Pictures that are looked through for what excites the last layer's filters.
    pictures: usize,
}

impl Amount {
    fn of(profile: Profile) -> Amount {
        match profile {
            Profile::Smoke => Amount { filters: 4, better: 1, compared: 1, steps: 1, pictures: 20 },
            Profile::Quick => Amount { filters: 16, better: 4, compared: 8, steps: 40, pictures: 300 },
            Profile::Book => Amount { filters: 64, better: 16, compared: 16, steps: 40, pictures: 2_000 },
        }
    }
}

/// How many of the filters answer nothing to what was painted for them, as a sentence behind others; nothing where none.
fn asleep(filters: &[Filters]) -> String {
    match filters.iter().flat_map(|part| &part.after).filter(|&&after| after <= 0.0).count() {
        0 => String::new(),
        1 => " One never woke: its tile is the noise that it began with.".into(),
        several => format!(" {several} never woke: their tiles are the noise that they began with."),
    }
}

fn run(lab: &mut Lab) -> Result<()> {
    // All but one figure begin with noise.
    lab.record.data = None;
    let base = lab.base()?;
    let amount = Amount::of(lab.profile);
    let layers = base.row.shown_layers()?;
    let pixels = base.model.input().pixels;
    let book = Ascent { steps: amount.steps, ..Ascent::book([SIZE; 2], &pixels) };
    let better = Ascent { steps: amount.steps, ..Ascent::better([2 * SIZE; 2]) };
    lab.record.settings = Some(format!(
        "{} of the book's 64 filters of each layer, {} steps of gradient ascent, tiles of {SIZE}×{SIZE} pixels; {} by the better \
         recipe",
        amount.filters, amount.steps, amount.better
    ));
    let untrained = random_twin(&base.model, Seed(1))?;
    let (mut trained_share, mut random_share) = (Vec::new(), Vec::new());
    let (mut painted, mut seconds) = (0, 0.0);
    for layer in layers {
        let started = Instant::now();
        let filters = paint(lab, &base.model, layer, amount.filters, &book)?;
        seconds += started.elapsed().as_secs_f64();
        painted += amount.filters;
        let columns = amount.filters.isqrt();
        let caption = format!(
            "{layer}, the first {} filters, {} steps each. The deeper the layer, the larger and the more mixed what it looks for: plain \
             colours and edges first, then textures, at last spots, waves and what resembles eyes.{}",
            amount.filters,
            amount.steps,
            asleep(&filters)
        );
        lab.figure(&format!("{layer}.png"), &caption, &grid(&filters, columns)?)?;
        let wide = paint(lab, &base.model, layer, amount.better, &better)?;
        let caption = format!(
            "{layer}, filters 0 to {} by a better recipe: three sizes from coarse to fine, movements of a few pixels, and steps that \
             change colours together as photographs do. What the book's recipe shows as fine noise comes out in large shapes.{}",
            amount.better - 1,
            asleep(&wide)
        );
        lab.figure(&format!("{layer}-better.png"), &caption, &grid(&wide, amount.better.isqrt())?)?;
        if layer == layers[layers.len() - 1] {
            exciting(lab, &base, layer, &wide, amount.pictures)?;
        }
        let random = paint(lab, &untrained, layer, amount.compared, &book)?;
        let compared = filters.iter().flat_map(|part| share(&part.numbers)).flatten().take(amount.compared);
        trained_share.push(mean(compared));
        random_share.push(mean(random.iter().flat_map(|part| share(&part.numbers)).flatten()));
    }
    lab.metric("filters_per_second", painted as f64 / seconds);
    for (place, (trained, random)) in trained_share.iter().zip(&random_share).enumerate() {
        lab.metric(format!("energy_below_highest_band_{}", layers[place]), *trained);
        lab.metric(format!("energy_below_highest_band_{}_random", layers[place]), *random);
    }
    let names: Vec<String> = layers.iter().map(ToString::to_string).collect();
    let series = [("trained".into(), trained_share), ("random weights".into(), random_share)];
    let bars = chart::grouped_bars("Energy outside the highest band of frequencies", true, &names, &series);
    let caption = "How much of each tile is form rather than noise from pixel to pixel, beside what the same recipe paints for the same \
                   network with random weights. Filters that see only a few pixels paint little else than noise or plain colour, \
                   learned or not.";
    lab.figure("energy.svg", caption, bars.as_bytes())
}

/// Pictures for the first `count` filters of a layer, some at a time.
fn paint(lab: &mut Lab, model: &Model, layer: &str, count: usize, recipe: &Ascent) -> Result<Vec<Filters>> {
    lab.progress.start(&format!("5.4.2  {layer}"), count as u64, "filters");
    let mut painted = Vec::new();
    let filters: Vec<usize> = (0..count).collect();
    for filters in filters.chunks(TOGETHER) {
        go_on(lab)?;
        painted.push(ascend(model, layer, filters, recipe)?);
        lab.progress.advance(filters.len() as u64);
    }
    lab.progress.finish();
    Ok(painted)
}

/// The pictures side by side as a PNG file.
fn grid(painted: &[Filters], columns: usize) -> Result<Vec<u8>> {
    let mut pictures = Vec::new();
    for part in painted {
        pictures.extend(part.pictures()?);
    }
    Ok(shown(&tiles(&pictures, columns.max(1), GAP)?)?.to_png()?)
}

fn share(numbers: &Tensor) -> Result<Vec<f64>> {
    Ok(energy_below_the_highest_band(numbers)?)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}
