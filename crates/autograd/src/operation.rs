//! What one step of a computation has to say about itself.

use convnet_cpu::elementwise;
use convnet_tensor::{Error, Result, Shape, Tensor};

/// Which inputs of an operation have a gradient that somebody wants.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a>(&'a [bool]);

impl<'a> Wanted<'a> {
    pub(crate) fn new(flags: &'a [bool]) -> Wanted<'a> {
        Wanted(flags)
    }

    /// Whether the gradient of input `place` is wanted.
    pub fn input(self, place: usize) -> bool {
        self.0.get(place).copied().unwrap_or(false)
    }

    /// Whether any gradient is wanted.
    pub fn any(self) -> bool {
        self.0.contains(&true)
    }
}

/// One differentiable step from input tensors to one output tensor.
///
/// An operation owns what it saved: `forward` returns the output and the state that `backward` needs; `backward` gets that
/// state and the output's gradient by value. So memory is freed as the walk proceeds, and the gradient may be changed in
/// place. Nothing is saved and nothing computed for an input whose gradient is not wanted.
pub trait Operation: Send + 'static {
    /// What `backward` needs and nothing more.
    type Saved: Send + 'static;

    /// The output, and what `backward` needs to give the `wanted` gradients.
    ///
    /// # Errors
    /// When the inputs' shapes do not fit.
    fn forward(&self, inputs: &[&Tensor], wanted: Wanted<'_>) -> Result<(Tensor, Self::Saved)>;

    /// Gives the gradient of every wanted input, from the gradient of the output.
    ///
    /// # Errors
    /// When a gradient cannot be made; the tape is emptied then.
    fn backward(&self, saved: Self::Saved, gradient: Tensor, to: &mut InputGradients<'_>) -> Result<()>;

    /// The same output by plain loops in f64: what a student reads, and what the checker differentiates.
    fn reference(&self, inputs: &[&Tensor<f64>]) -> Tensor<f64>;

    /// A short name for messages.
    fn name(&self) -> &'static str {
        let full = std::any::type_name::<Self>();
        full.split('<').next().and_then(|path| path.rsplit("::").next()).unwrap_or(full)
    }
}

/// Where an operation puts the gradients of its inputs.
#[derive(Debug)]
pub struct InputGradients<'a> {
    shapes: &'a [Option<Shape>],
    pub(crate) given: Vec<Option<Tensor>>,
}

impl<'a> InputGradients<'a> {
    /// `shapes`: the shape of each wanted input.
    pub(crate) fn new(shapes: &'a [Option<Shape>]) -> InputGradients<'a> {
        InputGradients { shapes, given: vec![None; shapes.len()] }
    }

    /// Whether the gradient of input `place` is wanted: for operations that make two gradients in one sweep.
    pub fn wants(&self, place: usize) -> bool {
        self.shapes.get(place).is_some_and(Option::is_some)
    }

    /// Gives the gradient of input `place`; `make` is not called when nobody wants it. Given twice, the two are added.
    pub fn give(&mut self, place: usize, make: impl FnOnce() -> Tensor) {
        if !self.wants(place) {
            return;
        }
        let gradient = make();
        match &mut self.given[place] {
            Some(sum) => elementwise::add_assign(sum.data_mut(), gradient.data()),
            slot => *slot = Some(gradient),
        }
    }

    /// Every wanted gradient is there and has its input's shape, or an error that names the operation.
    pub(crate) fn check(&self, operation: &str, all: bool) -> Result<()> {
        for (input, (given, shape)) in self.given.iter().zip(self.shapes).enumerate() {
            match (given, shape) {
                (Some(given), Some(shape)) if given.shape() != *shape => {
                    let operation = operation.to_string();
                    return Err(Error::GradientShape { operation, expected: *shape, found: given.shape() });
                }
                (None, Some(_)) if all => {
                    return Err(Error::NotGiven { operation: operation.to_string(), input });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
