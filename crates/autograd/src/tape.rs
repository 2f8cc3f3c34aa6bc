//! The tape: what was done, in order, so that it can be walked backwards.

use crate::operation::{InputGradients, Operation, Wanted};
use crate::profile::Profile;
use crate::value::{Node, Value};
use convnet_cpu::elementwise;
use convnet_tensor::{Error, Result, Shape, Tensor};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Records the operations of a forward pass whose gradients somebody wants, and walks them backwards.
///
/// What is wanted is declared before the forward pass with [`Tape::watch`] and flows forward: an operation none of whose
/// inputs is wanted leaves no entry and saves nothing, so a pass without watched values records nothing at all.
///
/// ```
/// use convnet_autograd::{Tape, Value, operations::Relu};
/// use convnet_tensor::Tensor;
/// let mut tape = Tape::new();
/// let x = tape.watch(&Value::constant(Tensor::from_slice([3], &[-1.0, 2.0, 3.0])?), 0)?;
/// let y = tape.apply(Relu::default(), &[&x])?;
/// let mut gradient = None;
/// tape.backward(&[(&y, Tensor::full([3], 1.0))], |_key, dx| { gradient = Some(dx); Ok(()) })?;
/// assert_eq!(gradient.unwrap().data(), [0.0, 1.0, 1.0]);
/// # Ok::<(), convnet_tensor::Error>(())
/// ```
#[derive(Debug)]
pub struct Tape {
    id: u64,
    entries: Vec<Entry>,
    nodes: Vec<Place>,
    label: Arc<str>,
    pub(crate) settings: Settings,
    pub(crate) profile: Profile,
    pub(crate) recording: Option<Recording>,
}

/// What a tape observes besides recording; its slices inherit it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) check_finite: bool,
    pub(crate) profile: bool,
}

/// A value's place: its shape, who wants its gradient, and the gradient as far as it is known.
#[derive(Debug)]
struct Place {
    shape: Shape,
    keys: Vec<usize>,
    /// The entry that made it; leaves have none.
    made_by: Option<usize>,
    used: bool,
    gradient: Option<Tensor>,
}

/// From the gradients of the outputs to those of the inputs; slices add what they measured.
type Backward =
    Box<dyn FnOnce(Vec<Option<Tensor>>, &mut InputGradients<'_>, &mut Profile) -> Result<()> + Send>;

struct Entry {
    label: Arc<str>,
    operation: &'static str,
    inputs: Vec<Option<usize>>,
    outputs: Range<usize>,
    /// Watched leaves that no earlier entry uses: after this entry's turn their gradients are complete.
    first_uses: Vec<usize>,
    /// Whether a wanted gradient that is not given is a mistake.
    gives_all: bool,
    backward: Backward,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?} → {:?}", self.label, self.operation, self.inputs, self.outputs)
    }
}

/// For the checker: every operation's reference, and the constants.
#[derive(Default)]
pub(crate) struct Recording {
    pub(crate) steps: Vec<RecordedStep>,
    /// The tensor of each node that no step made, by node.
    pub(crate) leaves: Vec<(usize, Tensor)>,
}

type Reference = Box<dyn Fn(&[&Tensor<f64>]) -> Tensor<f64> + Send>;

pub(crate) struct RecordedStep {
    pub(crate) reference: Reference,
    pub(crate) inputs: Vec<usize>,
    pub(crate) output: usize,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} recorded steps", self.steps.len())
    }
}

fn fresh_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Default for Tape {
    fn default() -> Tape {
        Tape {
            id: fresh_id(),
            entries: Vec::new(),
            nodes: Vec::new(),
            label: Arc::from(""),
            settings: Settings::default(),
            profile: Profile::default(),
            recording: None,
        }
    }
}

impl Tape {
    /// An empty tape. One tape serves a whole training: `backward` empties it.
    pub fn new() -> Tape {
        Tape::default()
    }

    /// A tape for the checker, which keeps every operation's reference instead of its saved state.
    pub(crate) fn recording() -> Tape {
        Tape { recording: Some(Recording::default()), ..Tape::default() }
    }

    /// The tape of a slice, which observes what the whole tape does.
    pub(crate) fn of_slice(settings: Settings) -> Tape {
        Tape { settings, ..Tape::default() }
    }

    /// Looks for NaN and infinity in every output and gradient from now on, and names the label where they arise.
    pub fn check_finite(mut self, check: bool) -> Tape {
        self.settings.check_finite = check;
        self
    }

    /// Measures time and memory per label from now on; read them with [`Tape::take_profile`].
    pub fn with_profile(mut self) -> Tape {
        self.settings.profile = true;
        self
    }

    /// What was measured since the last call, in the order in which labels first appeared.
    pub fn take_profile(&mut self) -> Profile {
        std::mem::take(&mut self.profile)
    }

    /// The label (a layer's path) of the operations that follow.
    pub fn set_label(&mut self, label: &Arc<str>) {
        self.label = Arc::clone(label);
    }

    /// The number of recorded entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Empties the tape; values of the pass so far become stale.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.nodes.clear();
        self.label = Arc::from("");
        self.id = fresh_id();
    }

    /// Marks a value whose gradient the caller wants under `key` (a parameter, an input, a tap).
    ///
    /// # Errors
    /// [`Error::Stale`] for a value of an earlier pass.
    pub fn watch(&mut self, value: &Value, key: usize) -> Result<Value> {
        let index = match self.index_of(value)? {
            Some(index) => index,
            None => self.leaf(value),
        };
        self.nodes[index].keys.push(key);
        Ok(Value { tensor: value.tensor.clone(), node: Some(Node { tape: self.id, index }) })
    }

    /// Applies `operation` to `inputs`, and records it when a gradient is wanted.
    ///
    /// # Errors
    /// Those of the operation; [`Error::Stale`] for a value of an earlier pass; with [`Tape::check_finite`] also
    /// [`Error::NotFinite`].
    pub fn apply<O: Operation>(&mut self, operation: O, inputs: &[&Value]) -> Result<Value> {
        let mut nodes = Vec::with_capacity(inputs.len());
        for value in inputs {
            let index = self.index_of(value)?;
            // The checker replays everything, so there every value needs a place.
            nodes.push(if self.recording.is_some() {
                Some(index.unwrap_or_else(|| self.leaf(value)))
            } else {
                index
            });
        }
        let flags: Vec<bool> = nodes.iter().map(Option::is_some).collect();
        let tensors: Vec<&Tensor> = inputs.iter().map(|value| &value.tensor).collect();
        let started = Instant::now();
        let (tensor, saved) = operation.forward(&tensors, Wanted::new(&flags))?;
        if self.settings.profile {
            self.profile.forward(
                &self.label,
                operation.name(),
                started.elapsed(),
                tensor.size() * size_of::<f32>(),
            );
        }
        self.check("output", &self.label, operation.name(), &tensor)?;
        if !flags.contains(&true) {
            return Ok(Value::constant(tensor));
        }
        let output = self.place(tensor.shape(), Some(self.entries.len()));
        if let Some(recording) = &mut self.recording {
            let inputs = nodes.iter().flatten().copied().collect();
            let reference = Box::new(move |inputs: &[&Tensor<f64>]| operation.reference(inputs));
            recording.steps.push(RecordedStep { reference, inputs, output });
        } else {
            let name = operation.name();
            let backward: Backward = Box::new(move |mut gradients, to, _| match gradients.pop().flatten() {
                Some(gradient) => operation.backward(saved, gradient, to),
                None => Ok(()),
            });
            self.record(name, nodes, output..output + 1, true, backward);
        }
        Ok(Value { tensor, node: Some(Node { tape: self.id, index: output }) })
    }

    /// Walks the tape from its end, emptying it, and hands over each watched gradient as soon as it is complete: that of
    /// a leaf right after the turn of its first user.
    ///
    /// `outputs` are values and the gradients to start from, so a loss, the score of a class or many filters at once are
    /// one call. A watched value that the outputs do not depend on is not handed over.
    ///
    /// # Errors
    /// Those of the operations and of `ready`. After an error the tape is empty and all its values are stale.
    pub fn backward(
        &mut self,
        outputs: &[(&Value, Tensor)],
        mut ready: impl FnMut(usize, Tensor) -> Result<()>,
    ) -> Result<()> {
        let result = self.walk(outputs, &mut ready);
        self.clear();
        result
    }

    fn walk(
        &mut self,
        outputs: &[(&Value, Tensor)],
        ready: &mut dyn FnMut(usize, Tensor) -> Result<()>,
    ) -> Result<()> {
        for (value, gradient) in outputs {
            let Some(index) = self.index_of(value)? else { continue };
            let place = &mut self.nodes[index];
            if gradient.shape() != place.shape {
                let operation = "the caller of backward".to_string();
                return Err(Error::GradientShape {
                    operation,
                    expected: place.shape,
                    found: gradient.shape(),
                });
            }
            add_to(&mut place.gradient, gradient.clone());
        }
        while let Some(entry) = self.entries.pop() {
            let gradients: Vec<_> =
                entry.outputs.clone().map(|output| self.nodes[output].gradient.take()).collect();
            for (output, gradient) in entry.outputs.clone().zip(&gradients) {
                let Some(gradient) = gradient else { continue };
                for &key in &self.nodes[output].keys {
                    ready(key, gradient.clone())?;
                }
            }
            if gradients.iter().any(Option::is_some) {
                let shapes: Vec<_> =
                    entry.inputs.iter().map(|input| input.map(|index| self.nodes[index].shape)).collect();
                let mut to = InputGradients::new(&shapes);
                let started = Instant::now();
                (entry.backward)(gradients, &mut to, &mut self.profile)?;
                // What runs in slices measures itself, label by label.
                if self.settings.profile && entry.gives_all {
                    self.profile.backward(&entry.label, entry.operation, started.elapsed());
                }
                to.check(entry.operation, entry.gives_all)?;
                for (input, gradient) in to.given.into_iter().enumerate() {
                    let (Some(gradient), Some(index)) = (gradient, entry.inputs[input]) else { continue };
                    if self.settings.check_finite {
                        let what = format!("gradient of input {input}");
                        self.check(&what, &entry.label, entry.operation, &gradient)?;
                    }
                    add_to(&mut self.nodes[index].gradient, gradient);
                }
            }
            for leaf in entry.first_uses {
                self.hand_over(leaf, ready)?;
            }
        }
        // Watched values that are outputs themselves.
        for leaf in 0..self.nodes.len() {
            if self.nodes[leaf].made_by.is_none() {
                self.hand_over(leaf, ready)?;
            }
        }
        Ok(())
    }

    fn hand_over(&mut self, leaf: usize, ready: &mut dyn FnMut(usize, Tensor) -> Result<()>) -> Result<()> {
        let Some(gradient) = self.nodes[leaf].gradient.take() else { return Ok(()) };
        let keys = std::mem::take(&mut self.nodes[leaf].keys);
        let Some((last, others)) = keys.split_last() else { return Ok(()) };
        for &key in others {
            ready(key, gradient.clone())?;
        }
        ready(*last, gradient)
    }

    /// The place of a value on this tape; an error when it has one on another.
    pub(crate) fn index_of(&self, value: &Value) -> Result<Option<usize>> {
        match value.node {
            None => Ok(None),
            Some(node) if node.tape == self.id => Ok(Some(node.index)),
            Some(_) => Err(Error::Stale),
        }
    }

    fn leaf(&mut self, value: &Value) -> usize {
        let index = self.place(value.shape(), None);
        if let Some(recording) = &mut self.recording {
            recording.leaves.push((index, value.tensor.clone()));
        }
        index
    }

    fn place(&mut self, shape: Shape, made_by: Option<usize>) -> usize {
        self.nodes.push(Place { shape, keys: Vec::new(), made_by, used: false, gradient: None });
        self.nodes.len() - 1
    }

    fn record(
        &mut self,
        operation: &'static str,
        inputs: Vec<Option<usize>>,
        outputs: Range<usize>,
        gives_all: bool,
        backward: Backward,
    ) {
        let mut first_uses = Vec::new();
        for &index in inputs.iter().flatten() {
            let place = &mut self.nodes[index];
            if place.made_by.is_none() && !place.used {
                place.used = true;
                first_uses.push(index);
            }
        }
        let label = Arc::clone(&self.label);
        self.entries.push(Entry { label, operation, inputs, outputs, first_uses, gives_all, backward });
    }

    /// Records a step with several outputs (those that are wanted get a place) whose inputs need not all be reached.
    pub(crate) fn record_many(
        &mut self,
        operation: &'static str,
        inputs: Vec<Option<usize>>,
        outputs: Vec<(Tensor, bool)>,
        backward: Backward,
    ) -> Vec<Value> {
        let (entry, first) = (self.entries.len(), self.nodes.len());
        let mut values = Vec::with_capacity(outputs.len());
        for (tensor, wanted) in outputs {
            let node = wanted.then(|| Node { tape: self.id, index: self.place(tensor.shape(), Some(entry)) });
            values.push(Value { tensor, node });
        }
        self.record(operation, inputs, first..self.nodes.len(), false, backward);
        values
    }

    /// The number of places.
    pub(crate) fn places(&self) -> usize {
        self.nodes.len()
    }

    fn check(&self, what: &str, label: &str, operation: &str, tensor: &Tensor) -> Result<()> {
        if !self.settings.check_finite || elementwise::is_finite(tensor.data()) {
            return Ok(());
        }
        let label = if label.is_empty() { operation.to_string() } else { label.to_string() };
        Err(Error::NotFinite { label, what: what.to_string() })
    }
}

fn add_to(slot: &mut Option<Tensor>, gradient: Tensor) {
    match slot {
        Some(sum) => elementwise::add_assign(sum.data_mut(), gradient.data()),
        slot => *slot = Some(gradient),
    }
}
