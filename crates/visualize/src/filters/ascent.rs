//! Gradient ascent on the input.

use super::colours::Colours;
use super::octaves::{resized_batch, rolled, sizes, without_smoothness};
use super::shown::{deprocessed, picture_of};
use crate::error::{Error, Result, expect};
use convnet_autograd::Tape;
use convnet_layers::{INPUT_KEY, InputSpec, Model, Request};
use convnet_tensor::{Pixels, Purpose, Seed, Shape, Tensor};
use std::ops::ControlFlow;

/// Where ascent begins: numbers drawn evenly from this range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// The lowest.
    pub low: f32,
    /// The highest, not reached.
    pub high: f32,
}

/// What the ascent changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// The model's own numbers, without bounds: the book's.
    Numbers,
    /// Colours along the axes in which those of photographs are independent, brought to red, green and blue and by a sigmoid to
    /// what pixels can show (Olah and others 2017). A step then changes light and tint as photographs do, and the result is a
    /// picture. Grey pictures have only the sigmoid.
    Decorrelated,
}

/// How a picture is painted that excites a filter.
///
/// [`Ascent::book`] is the chapter's recipe; [`Ascent::better`] adds what made such pictures readable since. All of it is one
/// loop with other numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Ascent {
    /// Height and width of the result.
    pub size: [usize; 2],
    /// Steps at each size.
    pub steps: usize,
    /// How far one goes: the gradient has a root mean square of 1.
    pub step: f32,
    /// Added to the root mean square before the gradient is divided by it.
    pub floor: f32,
    /// Where the way begins.
    pub start: Start,
    /// What is changed.
    pub space: Space,
    /// How many sizes are gone through, from small to the last: coarse form first, then detail. Sizes that the network cannot
    /// take are left out.
    pub octaves: usize,
    /// How many times larger each is than the one before.
    pub scale: f32,
    /// In each step the picture is moved by up to so many pixels, around its border, so that nothing depends on where a pixel
    /// lies in the grid of strides.
    pub jitter: usize,
    /// How strongly differences of neighbours are worn down in each step, as a share of the step.
    pub total_variation: f32,
    /// How strongly numbers are drawn towards 0 in each step (Σ x² is held small), as a share of the step.
    pub l2: f32,
    /// From which noise and movements follow; they depend on the filter's number alone.
    pub seed: Seed,
    /// Pictures in memory at once.
    pub chunk: usize,
}

impl Ascent {
    /// The book's recipe at this size, for a network that takes these pixels: 40 steps of 1 from grey with a little noise.
    ///
    /// Where pixels are in caffe's range it is the book's to the number: 128 to 148 in the network's own numbers, although these
    /// have another mean than pixels. In other ranges start and step are those of pixels, brought into the range.
    pub fn book(size: [usize; 2], pixels: &Pixels) -> Ascent {
        let (start, step) = match pixels {
            Pixels::CaffeBgr => (Start { low: 128.0, high: 148.0 }, 1.0),
            Pixels::ZeroToOne => (Start { low: 128.0 / 255.0, high: 148.0 / 255.0 }, 1.0 / 255.0),
            Pixels::MinusOneToOne => {
                (Start { low: 128.0 / 127.5 - 1.0, high: 148.0 / 127.5 - 1.0 }, 1.0 / 127.5)
            }
            // Near the middle of each colour's range, whatever its mean.
            Pixels::MeanStd { .. } => (Start { low: 0.0, high: 20.0 / 58.0 }, 1.0 / 58.0),
        };
        Ascent {
            size,
            steps: 40,
            step,
            floor: 1e-5,
            start,
            space: Space::Numbers,
            octaves: 1,
            scale: 1.0,
            jitter: 0,
            total_variation: 0.0,
            l2: 0.0,
            seed: Seed(1),
            chunk: 64,
        }
    }

    /// A better recipe at this size: three octaves of 40 steps each, jitter, both penalties, decorrelated colour.
    pub fn better(size: [usize; 2]) -> Ascent {
        Ascent {
            size,
            steps: 40,
            step: 0.1,
            floor: f32::MIN_POSITIVE,
            start: Start { low: -0.1, high: 0.1 },
            space: Space::Decorrelated,
            octaves: 3,
            scale: 1.4,
            jitter: 4,
            total_variation: 0.5,
            l2: 0.02,
            seed: Seed(1),
            chunk: 64,
        }
    }

    fn check(&self) -> Result<()> {
        let least = |name, number: usize| expect(number > 0, name, "at least 1", number);
        least("the height", self.size[0])?;
        least("the width", self.size[1])?;
        least("steps", self.steps)?;
        least("octaves", self.octaves)?;
        least("chunk", self.chunk)?;
        let finite = |name, number: f32, low: f32| {
            expect(number >= low && number.is_finite(), name, format!("finite and at least {low}"), number)
        };
        finite("the step", self.step, 0.0)?;
        finite("the floor", self.floor, 0.0)?;
        finite("the scale", self.scale, 1.0)?;
        finite("the penalty of total variation", self.total_variation, 0.0)?;
        finite("the penalty of the squares", self.l2, 0.0)?;
        let Start { low, high } = self.start;
        let fits = low <= high && low.is_finite() && high.is_finite();
        expect(fits, "the start", "a finite range", format_args!("{low} … {high}"))
    }
}

/// What [`ascend`] painted.
#[derive(Clone, Debug)]
pub struct Filters {
    /// The pictures in the model's numbers, `[filters, height, width, channels]`.
    pub numbers: Tensor,
    /// The filters, in the order asked for.
    pub filters: Vec<usize>,
    /// The mean activation of each filter at the start of the last octave.
    pub before: Vec<f32>,
    /// Its mean activation for the finished picture. Where both are 0 the filter never woke, and its picture is the start.
    pub after: Vec<f32>,
    space: Space,
    pixels: Pixels,
}

impl Filters {
    /// The pictures as bytes, `[height, width, channels]` each: as the book shows them ([`deprocessed`]), or, where the ascent
    /// went through colours, as they are.
    ///
    /// # Errors
    /// None for what [`ascend`] gives.
    pub fn pictures(&self) -> Result<Vec<Tensor<u8>>> {
        let shape = self.numbers.shape().without_first();
        let picture = |place: usize| -> Result<Tensor<u8>> {
            let numbers = self.numbers.rows(place..place + 1).reshaped(shape)?;
            match self.space {
                Space::Numbers => deprocessed(&numbers),
                Space::Decorrelated => picture_of(&numbers, &self.pixels),
            }
        };
        (0..self.filters.len()).map(picture).collect()
    }
}

/// Paints for each of `filters` of the layer at `layer` a picture that excites it: the mean of its feature map rises step by
/// step. The layers behind are not run, and the pictures need not have the size that the model takes.
///
/// All filters are painted together, each in its slice of the batch, and none depends on which others there are.
///
/// ```
/// use convnet_layers::{Architecture, Conv2D, InputSpec, MaxPooling2D, Model};
/// use convnet_tensor::Seed;
/// use convnet_visualize::{filters::{Ascent, ascend}, tiles};
/// let net = Architecture::new().add(Conv2D::new(4, 3).relu()).add(MaxPooling2D::new(2)).add(Conv2D::new(6, 3));
/// let model = Model::new(net, InputSpec::new([28, 28, 1]), Seed(1))?;
/// let recipe = Ascent::book([16, 16], &model.input().pixels);
/// let painted = ascend(&model, "conv2d_1", &[0, 1, 2, 3, 4, 5], &recipe)?;
/// assert!(painted.after.iter().zip(&painted.before).all(|(after, before)| after > before));
/// assert_eq!(tiles(&painted.pictures()?, 3, 5)?.shape().to_string(), "(37, 58, 1)");
/// # Ok::<(), convnet_visualize::Error>(())
/// ```
///
/// # Errors
/// A path that names nothing, a filter that the layer does not have, pictures too small for the network or, where dense layers
/// stand on the way, of another size than the model takes, and settings outside their range.
pub fn ascend(model: &Model, layer: &str, filters: &[usize], settings: &Ascent) -> Result<Filters> {
    ascend_watched(model, layer, filters, settings, &mut |_, _| ControlFlow::Continue(()))
}

/// The same; before each step `progress` learns how many steps of all are done, and may stop the painting.
///
/// # Errors
/// Those of [`ascend`], and [`Error::Stopped`] when `progress` said so.
pub fn ascend_watched(
    model: &Model,
    layer: &str,
    filters: &[usize],
    settings: &Ascent,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Filters> {
    settings.check()?;
    let last = upto(model, layer, settings.size)?;
    let known = last.output_shape().last().copied().unwrap_or(0);
    expect(!filters.is_empty(), "filters", "at least one", 0)?;
    let wrong = filters.iter().find(|&&filter| filter >= known);
    expect(wrong.is_none(), "the filter", format!("below {known}"), wrong.copied().unwrap_or(0))?;
    // What the last size has shown to be right can only be too small.
    let smaller = sizes(settings.size, settings.octaves, settings.scale).into_iter();
    let mut networks: Vec<_> = smaller.filter_map(|size| upto(model, layer, size).ok()).collect();
    networks.push(last);

    let channels = model.input().shape[2];
    let [height, width] = settings.size;
    let colours = Colours::new(settings.space, &model.input().pixels, channels)?;
    let mut numbers = Tensor::recycled([filters.len(), height, width, channels]);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let chunk = settings.chunk.min(filters.len());
    let chunks = numbers.data_mut().chunks_mut(chunk * height * width * channels);
    let all = filters.len().div_ceil(chunk) * networks.len() * settings.steps;
    let mut done = 0;
    let mut watch = || {
        done += 1;
        match progress(done - 1, all) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped { done: done - 1, all }),
        }
    };
    for (filters, to) in filters.chunks(chunk).zip(chunks) {
        let climb = Climb { filters, settings, colours: &colours };
        let done = climb.all(&networks, &mut watch)?;
        to.copy_from_slice(done.numbers.data());
        before.extend(done.before);
        after.extend(done.after);
    }
    let (space, pixels) = (settings.space, model.input().pixels);
    Ok(Filters { numbers, filters: filters.to_vec(), before, after, space, pixels })
}

/// The network up to a layer, for pictures of this size.
fn upto(model: &Model, layer: &str, [height, width]: [usize; 2]) -> Result<Model> {
    // The model's own message for a wrong path knows all layers.
    model.receptive_field(layer, [0, 0])?;
    let input = model.input();
    let input = InputSpec { shape: [height, width, input.shape[2]], classes: Vec::new(), ..input.clone() };
    Ok(model.rebuilt(model.architecture().up_to(layer)?, input)?)
}

/// One batch of filters on their way.
struct Climb<'a> {
    filters: &'a [usize],
    settings: &'a Ascent,
    colours: &'a Colours,
}

struct Done {
    numbers: Tensor,
    before: Vec<f32>,
    after: Vec<f32>,
}

impl Climb<'_> {
    fn all(&self, networks: &[Model], watch: &mut dyn FnMut() -> Result<()>) -> Result<Done> {
        let mut x = self.start(networks[0].input().shape);
        let mut before = Vec::new();
        for (octave, network) in networks.iter().enumerate() {
            let [height, width, _] = network.input().shape;
            x = resized_batch(x, [height, width])?;
            for step in 0..self.settings.steps {
                watch()?;
                let round = (octave * self.settings.steps + step) as u64 + 1;
                let excited = self.step(network, &mut x, round)?;
                if step == 0 {
                    before = excited;
                }
            }
        }
        let last = &networks[networks.len() - 1];
        let mut numbers = Tensor::recycled(x.shape());
        self.colours.write(x.data(), numbers.data_mut());
        let (after, _) = self.excited(&mut Tape::new(), last, &numbers, false)?;
        Ok(Done { numbers, before, after })
    }

    fn start(&self, shape: [usize; 3]) -> Tensor {
        let Start { low, high } = self.settings.start;
        let shape = Shape::from(shape);
        let mut x = Tensor::recycled(shape.with_first(self.filters.len()));
        for (&filter, x) in self.filters.iter().zip(x.data_mut().chunks_exact_mut(shape.size())) {
            let mut stream = self.settings.seed.stream(Purpose::Noise, 0, filter as u64);
            x.iter_mut().for_each(|number| *number = stream.between(low, high));
        }
        x
    }

    /// Goes one step up; returns how excited the filters were before it.
    fn step(&self, network: &Model, x: &mut Tensor, round: u64) -> Result<Vec<f32>> {
        let Ascent { step, floor, total_variation, l2, jitter, seed, .. } = *self.settings;
        let [height, width, channels] = network.input().shape;
        let each = height * width * channels;
        let mut numbers = Tensor::recycled(x.shape());
        self.colours.write(x.data(), numbers.data_mut());
        let moves: Vec<[usize; 2]> = self
            .filters
            .iter()
            .map(|&filter| {
                let mut stream = seed.stream(Purpose::Noise, round, filter as u64);
                [height, width].map(|side| stream.below(jitter.min(side - 1) + 1))
            })
            .collect();
        let picture = |of: &mut Tensor, back: bool| {
            for (numbers, &[down, right]) in of.data_mut().chunks_exact_mut(each).zip(&moves) {
                let by = if back { [height - down, width - right] } else { [down, right] };
                rolled(numbers, [height, width, channels], by);
            }
        };
        if jitter > 0 {
            picture(&mut numbers, false);
        }
        let mut tape = Tape::new();
        let (excited, gradient) = self.excited(&mut tape, network, &numbers, true)?;
        let Some(mut gradient) = gradient else { return Ok(excited) };
        if jitter > 0 {
            picture(&mut gradient, true);
        }
        self.colours.pull_back(x.data(), gradient.data_mut());
        for (x, gradient) in x.data_mut().chunks_exact_mut(each).zip(gradient.data().chunks_exact(each)) {
            let squares: f64 = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
            let size = (squares / each as f64).sqrt() as f32 + floor;
            let rough = without_smoothness(x, [height, width, channels], total_variation);
            for (place, (x, &gradient)) in x.iter_mut().zip(gradient).enumerate() {
                let worn = rough.get(place).copied().unwrap_or(0.0) + l2 * *x;
                // Of 0/0, where nothing is excited and there is no floor, nothing is left.
                let up = if size > 0.0 { gradient / size } else { 0.0 };
                *x += step * (up - worn);
            }
        }
        Ok(excited)
    }

    /// The mean of each filter's feature map, and the gradient of the pictures.
    fn excited(
        &self,
        tape: &mut Tape,
        network: &Model,
        x: &Tensor,
        climbing: bool,
    ) -> Result<(Vec<f32>, Option<Tensor>)> {
        let request = Request { watch_input: climbing, ..Request::predict() };
        let Some(maps) = network.run(tape, x, &request)?.logits else {
            unreachable!("a request without `taps_only` gives the output")
        };
        let each = maps.shape().without_first().size();
        let channels = maps.shape().last().copied().unwrap_or(1);
        let places = each / channels;
        let mean = |(maps, &filter): (&[f32], &usize)| {
            let sum: f64 = maps.iter().skip(filter).step_by(channels).map(|&number| f64::from(number)).sum();
            (sum / places as f64) as f32
        };
        let excited = maps.tensor().data().chunks_exact(each).zip(self.filters).map(mean).collect();
        if !climbing {
            return Ok((excited, None));
        }
        let mut seed = Tensor::zeros(maps.shape());
        for (seed, &filter) in seed.data_mut().chunks_exact_mut(each).zip(self.filters) {
            seed.iter_mut().skip(filter).step_by(channels).for_each(|slot| *slot = 1.0 / places as f32);
        }
        let mut gradient = None;
        tape.backward(&[(&maps, seed)], |key, given| {
            debug_assert_eq!(key, INPUT_KEY);
            gradient = Some(given);
            Ok(())
        })?;
        Ok((excited, gradient))
    }
}
