//! Running a network: which steps are needed, which go together, and when a value is dropped.

use crate::conv2d::Conv2D;
use crate::error::{Error, Result};
use crate::fusion::{Action, Fusion, conv_chain};
use crate::graph::{Source, Step};
use crate::layer::Batching;
use crate::model::Model;
use crate::pass::{INPUT_KEY, Outputs, Pass, Request, Statistics, tap_key};
use convnet_autograd::{Tape, Value};
use convnet_tensor::{Shape, Tensor};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

/// A learned weight with more numbers gets no partial sums per slice: its layer runs on the whole batch, and threads
/// divide its outputs. Eight partial sums of 2^18 floats are 8 MiB, about what fits the caches beside the pictures.
const LARGEST_PARTIAL: usize = convnet_cpu::conv2d::LARGE_KERNEL;

/// Bytes that the input and the output of a layer have at most together in a slice that only predicts, unless one picture has
/// more. MobileNet, twenty pictures of 224×224: 126 ms in slices of two and three, which reach beyond the shared cache; one by
/// one 117 (Zen 4, two threads, 32 MiB).
const SLICE_BYTES: usize = 4 << 20;

/// Where the weights of a segment have more bytes, they leave the cache between slices, and slices are as large as may be.
/// VGG16, eight pictures one by one: 5 % slower per picture than twenty in slices of two and three.
const CACHED_WEIGHTS: usize = 16 << 20;

/// Actions that run together: slice by slice, or each on the whole batch.
#[derive(Debug)]
struct Segment {
    actions: Vec<Action>,
    batching: Batching,
}

pub(crate) fn run(model: &Model, tape: &mut Tape, x: &Tensor, request: &Request) -> Result<Outputs> {
    let graph = &model.graph;
    let expected = model.input().shape;
    if x.shape().len() != 4 || x.shape()[1..] != expected {
        return Err(Error::Input { expected, found: x.shape() });
    }
    for (what, numbers) in [("rounds", &request.rounds), ("pictures", &request.pictures)] {
        if !numbers.is_empty() && numbers.len() != x.len_first() {
            return Err(Error::Request { what, expected: x.len_first(), found: numbers.len() });
        }
    }
    let taps = request.taps.iter().map(|tap| graph.find(&tap.path)).collect::<Result<Vec<_>>>()?;
    let plan = Plan::new(model, request, &taps);
    let statistics = Statistics::default();
    let runner = Runner { model, request, statistics: &statistics };

    let mut values: HashMap<Source, Value> = HashMap::new();
    let pictures = Value::constant(x.clone());
    values.insert(
        Source::Input,
        if request.watch_input { tape.watch(&pictures, INPUT_KEY)? } else { pictures },
    );
    let mut tapped: Vec<Option<Value>> = vec![None; taps.len()];
    let mut take_taps = |tape: &mut Tape, source: Source, value: &mut Value| -> Result<()> {
        for (number, _) in taps.iter().enumerate().filter(|(_, tap)| **tap == source) {
            if request.taps[number].gradient {
                *value = tape.watch(value, tap_key(number))?;
            }
            tapped[number] = Some(value.clone());
        }
        Ok(())
    };
    if let Some(value) = values.get_mut(&Source::Input) {
        take_taps(tape, Source::Input, value)?;
    }
    for (place, segment) in plan.segments.iter().enumerate() {
        let (reads, writes) = (plan.reads(model, place), plan.writes(model, place));
        let inputs: Vec<Value> = reads.iter().map(|source| values[source].clone()).collect();
        // What no later segment reads is dropped before it is replaced by something larger.
        values.retain(|source, _| plan.is_read_after(model, place, *source));
        let outputs = runner.segment(tape, segment, &reads, inputs, &writes)?;
        for (&step, mut value) in writes.iter().zip(outputs) {
            take_taps(tape, Source::Step(step), &mut value)?;
            if plan.is_read_after(model, place, Source::Step(step)) || graph.output == Source::Step(step) {
                values.insert(Source::Step(step), value);
            }
        }
    }
    let logits = if request.taps_only { None } else { values.remove(&graph.output) };
    for (number, tap) in taps.iter().enumerate() {
        if *tap == graph.output
            && let Some(scores) = &tapped[number]
        {
            tapped[number] = Some(model.activate(tape, scores)?);
        }
    }
    let taps = tapped.into_iter().flatten().collect();
    let statistics = std::mem::take(&mut *statistics.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Outputs { logits, taps, statistics })
}

impl Segment {
    /// Pictures that a slice holds at most where it only predicts.
    fn most_pictures(&self, model: &Model) -> usize {
        let steps = &model.graph.steps;
        let parameters = self.actions.iter().flat_map(Action::steps);
        let parameters = parameters.flat_map(|step| &model.parameters[steps[step].parameters.clone()]);
        let weights: usize = parameters.map(|parameter| parameter.value.size()).sum();
        if weights * size_of::<f32>() > CACHED_WEIGHTS {
            return usize::MAX;
        }
        self.actions.iter().map(|action| pictures_in_cache(model, action)).min().unwrap_or(usize::MAX)
    }
}

/// Of how many pictures, one at the least, the input and the output of an action stay in the cache.
fn pictures_in_cache(model: &Model, action: &Action) -> usize {
    let steps = &model.graph.steps;
    let inputs: usize = steps[action.first()].input_shapes.iter().map(Shape::size).sum();
    let numbers = inputs + steps[action.output()].output.size();
    (SLICE_BYTES / (numbers * size_of::<f32>()).max(1)).max(1)
}

struct Plan {
    segments: Vec<Segment>,
    output: Option<Source>,
    tapped: Vec<Source>,
}

impl Plan {
    fn new(model: &Model, request: &Request, taps: &[Source]) -> Plan {
        let steps = &model.graph.steps;
        let mut needed = vec![false; steps.len()];
        let output = (!request.taps_only).then_some(model.graph.output);
        for source in output.iter().chain(taps) {
            if let Source::Step(step) = source {
                needed[*step] = true;
            }
        }
        for step in (0..steps.len()).rev().filter(|&step| needed[step]).collect::<Vec<_>>() {
            mark(steps, step, &mut needed);
        }
        let mut segments: Vec<Segment> = Vec::new();
        let mut fused = vec![false; steps.len()];
        let mut ends = true;
        let seen: Vec<_> = output.iter().chain(taps).copied().collect();
        let wanted = wanted(model, request, taps);
        let fusion = Fusion { model, request, seen: &seen, needed: &needed, wanted: &wanted };
        for step in 0..steps.len() {
            if !needed[step] || fused[step] {
                continue;
            }
            let action = fusion.action(step);
            for step in action.steps() {
                fused[step] = true;
            }
            let output = action.output();
            let batching = batching(model, request, &steps[step]);
            match segments.last_mut() {
                Some(segment) if !ends && segment.batching == batching => segment.actions.push(action),
                _ => segments.push(Segment { actions: vec![action], batching }),
            }
            // Behind a tap the network reads the very value whose gradient is wanted.
            ends = taps.contains(&Source::Step(output));
        }
        Plan { segments, output, tapped: taps.to_vec() }
    }

    /// The values from outside that a segment reads, each once.
    fn reads(&self, model: &Model, segment: usize) -> Vec<Source> {
        let actions = &self.segments[segment].actions;
        let mut reads = Vec::new();
        for input in actions.iter().flat_map(|action| &model.graph.steps[action.first()].inputs) {
            let inside = actions.iter().any(|action| Source::Step(action.output()) == *input);
            if !inside && !reads.contains(input) {
                reads.push(*input);
            }
        }
        reads
    }

    /// The steps of a segment whose outputs somebody outside reads.
    fn writes(&self, model: &Model, segment: usize) -> Vec<usize> {
        let outputs = self.segments[segment].actions.iter().map(|action| action.output());
        let is_wanted = |step: &usize| {
            let source = Source::Step(*step);
            self.output == Some(source)
                || self.tapped.contains(&source)
                || self.is_read_after(model, segment, source)
        };
        outputs.filter(is_wanted).collect()
    }

    fn is_read_after(&self, model: &Model, segment: usize, source: Source) -> bool {
        let later = self.segments[segment + 1..].iter().flat_map(|segment| &segment.actions);
        let mut reads = later.flat_map(|action| &model.graph.steps[action.first()].inputs);
        reads.any(|input| *input == source) || (self.output == Some(source) && source == Source::Input)
    }
}

fn mark(steps: &[Step], step: usize, needed: &mut [bool]) {
    let mut waiting = vec![step];
    while let Some(step) = waiting.pop() {
        needed[step] = true;
        for input in &steps[step].inputs {
            if let Source::Step(input) = *input
                && !needed[input]
            {
                waiting.push(input);
            }
        }
    }
}

fn is_learning(model: &Model, request: &Request, step: &Step) -> bool {
    request.training && model.parameters[step.parameters.clone()].iter().any(|parameter| parameter.trainable)
}

fn batching(model: &Model, request: &Request, step: &Step) -> Batching {
    let is_large =
        |parameter: &crate::Parameter| parameter.is_learned() && parameter.value.size() > LARGEST_PARTIAL;
    let parameters = &model.parameters[step.parameters.clone()];
    match step.layer.batching(is_learning(model, request, step)) {
        Batching::Slices if request.gradients && parameters.iter().any(is_large) => Batching::Whole,
        batching => batching,
    }
}

/// Per step, whether the gradient of its output or of one of its weights is wanted, or whether it learns in another way, as
/// a normalisation that gathers statistics does.
fn wanted(model: &Model, request: &Request, taps: &[Source]) -> Vec<bool> {
    let steps = &model.graph.steps;
    let is_watched = |source: Source| {
        let mut taps = taps.iter().zip(&request.taps);
        taps.any(|(tap, asked)| *tap == source && asked.gradient)
            || (source == Source::Input && request.watch_input)
    };
    let mut wanted: Vec<bool> = Vec::with_capacity(steps.len());
    for step in steps {
        let learns = || model.parameters[step.parameters.clone()].iter().any(|p| p.is_learned());
        let comes_in = |input: &Source| {
            let is_wanted = matches!(input, Source::Step(step) if wanted[*step]);
            is_wanted || is_watched(*input)
        };
        let learns = (request.gradients && learns()) || is_learning(model, request, step);
        wanted.push(learns || step.inputs.iter().any(comes_in));
    }
    wanted
}

struct Runner<'a> {
    model: &'a Model,
    request: &'a Request,
    statistics: &'a Statistics,
}

impl Runner<'_> {
    /// Runs a segment on the values it `reads`; returns the outputs of the steps in `writes`.
    fn segment(
        &self,
        tape: &mut Tape,
        segment: &Segment,
        reads: &[Source],
        inputs: Vec<Value>,
        writes: &[usize],
    ) -> Result<Vec<Value>> {
        let weights = self.weights(tape, segment)?;
        if segment.batching == Batching::Slices {
            self.prepare(segment, reads, &inputs, &weights);
        }
        let body = |tape: &mut Tape, range: Range<usize>, inputs: &[Value], weights: &[Value]| {
            self.actions(tape, &segment.actions, range, reads, inputs, weights, writes)
        };
        Ok(match segment.batching {
            Batching::Slices => {
                let (x, weights): (Vec<_>, Vec<_>) = (inputs.iter().collect(), weights.iter().collect());
                tape.in_slices(&x, &weights, segment.most_pictures(self.model), body)?
            }
            Batching::Whole => {
                let pictures = inputs.first().map_or(0, |value| value.tensor().len_first());
                body(tape, 0..pictures, &inputs, &weights)?
            }
        })
    }

    /// The parameters of a segment's layers, one after the other, those that learn watched.
    fn weights(&self, tape: &mut Tape, segment: &Segment) -> Result<Vec<Value>> {
        let steps = segment.actions.iter().flat_map(Action::steps);
        let places = steps.flat_map(|step| self.model.graph.steps[step].parameters.clone());
        let mut weights = Vec::new();
        for place in places {
            let parameter = &self.model.parameters[place];
            let value = Value::constant(parameter.value.clone());
            let wanted = self.request.gradients && parameter.is_learned();
            weights.push(if wanted { tape.watch(&value, place)? } else { value });
        }
        Ok(weights)
    }

    /// Packs weights once, before several slices would each do it.
    fn prepare(&self, segment: &Segment, reads: &[Source], inputs: &[Value], weights: &[Value]) {
        let mut wanted: HashMap<Source, bool> = HashMap::new();
        wanted.extend(reads.iter().copied().zip(inputs.iter().map(Value::is_wanted)));
        let mut rest = weights;
        for place in segment.actions.iter().flat_map(Action::steps) {
            let step = &self.model.graph.steps[place];
            let (own, behind) = rest.split_at(step.parameters.len());
            rest = behind;
            let input_wanted = step.inputs.iter().any(|input| wanted.get(input).copied().unwrap_or(false));
            if !own.is_empty() {
                let tensors: Vec<_> = own.iter().map(|value| value.tensor().clone()).collect();
                step.layer.prepare(&step.input_shapes, &tensors, input_wanted);
            }
            let output_wanted = input_wanted || own.iter().any(Value::is_wanted);
            wanted.insert(Source::Step(place), output_wanted);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the body of a slice, with what its segment knows")]
    fn actions(
        &self,
        tape: &mut Tape,
        actions: &[Action],
        range: Range<usize>,
        reads: &[Source],
        inputs: &[Value],
        weights: &[Value],
        writes: &[usize],
    ) -> convnet_tensor::Result<Vec<Value>> {
        let steps = &self.model.graph.steps;
        let mut values: HashMap<Source, Value> = reads.iter().copied().zip(inputs.iter().cloned()).collect();
        let mut rest = weights;
        for (place, action) in actions.iter().enumerate() {
            let step = &steps[action.first()];
            let count = action.steps().map(|step| steps[step].parameters.len()).sum();
            let (own, behind) = rest.split_at(count);
            rest = behind;
            let arguments: Vec<Value> = step.inputs.iter().map(|input| values[input].clone()).collect();
            let is_read_later = |source: &Source| {
                let mut later = actions[place + 1..].iter().flat_map(|action| &steps[action.first()].inputs);
                later.any(|input| input == source)
            };
            values.retain(|source, _| {
                is_read_later(source) || matches!(source, Source::Step(step) if writes.contains(step))
            });
            tape.set_label(&step.path);
            let output = match action {
                Action::Chain(chain) => {
                    let chain: Vec<_> = chain.iter().map(|&step| &steps[step]).collect();
                    let (operation, weights) = conv_chain(&chain, own)?;
                    tape.apply(operation, &arguments.iter().chain(&weights).collect::<Vec<_>>())?
                }
                Action::Step(place) => {
                    let mut pass = self.pass(tape, *place, &range);
                    step.layer.forward(&mut pass, &arguments, own)?
                }
                Action::Pooled { convolution, .. } => {
                    let mut pass = self.pass(tape, *convolution, &range);
                    match step.layer.as_any().downcast_ref::<Conv2D>() {
                        Some(layer) => layer.forward_pooled(&mut pass, &arguments[0], own)?,
                        None => unreachable!("only convolutions pool on the way"),
                    }
                }
            };
            let expected = steps[action.output()].output.with_first(range.len());
            check_output(&step.path, expected, output.shape())?;
            values.insert(Source::Step(action.output()), output);
        }
        Ok(writes.iter().map(|&step| values[&Source::Step(step)].clone()).collect())
    }

    fn pass<'t>(&'t self, tape: &'t mut Tape, step: usize, range: &Range<usize>) -> Pass<'t> {
        let of_slice = |numbers: &'t [u64]| numbers.get(range.clone()).unwrap_or(&[]);
        let in_graph = &self.model.graph.steps[step];
        Pass {
            tape,
            training: self.request.training,
            learning: is_learning(self.model, self.request, in_graph),
            guided: self.request.guided,
            seed: self.request.seed,
            rounds: of_slice(&self.request.rounds),
            pictures: of_slice(&self.request.pictures),
            first_picture: range.start,
            step,
            first_parameter: in_graph.parameters.start,
            statistics: Arc::clone(self.statistics),
        }
    }
}

/// A layer of one's own may give another shape than it promised.
fn check_output(path: &str, expected: Shape, found: Shape) -> convnet_tensor::Result<()> {
    if expected == found {
        return Ok(());
    }
    let expected = format!("the shape {expected} that its `output_shape` promises as output");
    Err(convnet_tensor::Error::Shape { operation: format!("layer `{path}`"), expected, found })
}
