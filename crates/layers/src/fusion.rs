//! Which neighbouring steps run as one: a max-pooling with the convolution before it, and, where nothing wants a
//! gradient, convolutions with all that is done to their outputs. The bits are those of the steps one by one.

use crate::activations::{Activation, ReLU};
use crate::batch_normalization::BatchNormalization;
use crate::conv2d::Conv2D;
use crate::depthwise_conv2d::DepthwiseConv2D;
use crate::error::Refusal;
use crate::graph::{Source, Step};
use crate::model::Model;
use crate::pass::Request;
use crate::pooling2d::MaxPooling2D;
use crate::settings::{ActivationKind, Padding, Pair};
use crate::zero_padding2d::ZeroPadding2D;
use convnet_autograd::Value;
use convnet_autograd::operations::Activation::{Linear, Relu, ReluUpTo};
use convnet_autograd::operations::{ConvChain, Convolution, Moments, Stage};
use convnet_tensor::Result;

/// One step, or several that run together.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A step by itself.
    Step(usize),
    /// A convolution that pools on the way.
    Pooled { convolution: usize, pool: usize },
    /// The steps of a [`ConvChain`].
    Chain(Vec<usize>),
}

impl Action {
    /// The steps, in order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = usize> {
        let (first, rest) = match self {
            Action::Step(step) => (Some(*step), &[][..]),
            Action::Pooled { convolution, pool } => (Some(*convolution), std::slice::from_ref(pool)),
            Action::Chain(steps) => (None, &steps[..]),
        };
        first.into_iter().chain(rest.iter().copied())
    }

    /// The step whose inputs the action reads.
    pub(crate) fn first(&self) -> usize {
        match self {
            Action::Step(step) | Action::Pooled { convolution: step, .. } => *step,
            Action::Chain(steps) => steps[0],
        }
    }

    /// The step whose output the action gives.
    pub(crate) fn output(&self) -> usize {
        match self {
            Action::Step(step) | Action::Pooled { pool: step, .. } => *step,
            Action::Chain(steps) => steps[steps.len() - 1],
        }
    }
}

/// What decides which steps may run together.
pub(crate) struct Fusion<'a> {
    pub(crate) model: &'a Model,
    pub(crate) request: &'a Request,
    /// The steps that somebody looks at, the output among them.
    pub(crate) seen: &'a [Source],
    /// Per step, whether it runs.
    pub(crate) needed: &'a [bool],
    /// Per step, whether a gradient of its output or of its weights is wanted.
    pub(crate) wanted: &'a [bool],
}

impl Fusion<'_> {
    /// The action that begins with a step.
    pub(crate) fn action(&self, step: usize) -> Action {
        if let Some(pool) = self.pool(step) {
            return Action::Pooled { convolution: step, pool };
        }
        let chain = self.chain(step);
        if chain.len() > 1 { Action::Chain(chain) } else { Action::Step(step) }
    }

    fn layer<L: 'static>(&self, step: usize) -> Option<&L> {
        self.model.graph.steps[step].layer.as_any().downcast_ref::<L>()
    }

    /// The only step that reads the output of `step`, when nobody else looks at it.
    fn behind(&self, step: usize) -> Option<usize> {
        let (steps, source) = (&self.model.graph.steps, Source::Step(step));
        if self.request.guided || self.seen.contains(&source) {
            return None;
        }
        let is_reader = |reader: &usize| self.needed[*reader] && steps[*reader].inputs.contains(&source);
        let mut readers = (0..steps.len()).filter(is_reader);
        let (reader, others) = (readers.next()?, readers.next());
        (others.is_none() && steps[reader].inputs.len() == 1).then_some(reader)
    }

    /// A convolution in one group.
    fn convolution(&self, step: usize) -> Option<&Conv2D> {
        self.layer::<Conv2D>(step).filter(|layer| layer.groups == 1)
    }

    /// The 2×2 max-pooling behind a convolution.
    fn pool(&self, step: usize) -> Option<usize> {
        let is_simple = is_simple(self.convolution(step)?.activation);
        let pool = self.behind(step).filter(|_| is_simple)?;
        self.layer::<MaxPooling2D>(pool)?.is_two_by_two().then_some(pool)
    }

    /// The step behind the last of `steps`, when its kind fits and no gradient is wanted there.
    fn next<L: 'static>(&self, steps: &[usize], fits: impl Fn(&L) -> bool) -> Option<usize> {
        let next = self.behind(*steps.last()?)?;
        (!self.wanted[next] && self.layer::<L>(next).is_some_and(fits)).then_some(next)
    }

    /// The steps from `step` on that make up a [`ConvChain`]; fewer than two where there is none.
    fn chain(&self, step: usize) -> Vec<usize> {
        let mut chain = vec![step];
        if self.wanted[step] || self.request.guided {
            return chain;
        }
        if self.layer::<ZeroPadding2D>(step).is_some() {
            let Some(next) = self.next(&chain, |layer: &DepthwiseConv2D| layer.padding == Padding::Valid)
            else {
                return chain;
            };
            chain.push(next);
        }
        let convolution = chain[chain.len() - 1];
        let full = self.convolution(convolution).map(|layer| layer.activation);
        let depthwise = self.layer::<DepthwiseConv2D>(convolution).map(|layer| layer.activation);
        let Some(activation) = full.or(depthwise).filter(|&activation| is_simple(activation)) else {
            return vec![step];
        };
        self.finish(&mut chain, activation);
        if depthwise.is_some()
            && let Some(pointwise) = self.next(&chain, is_pointwise)
            && let Some(layer) = self.layer::<Conv2D>(pointwise)
        {
            chain.push(pointwise);
            self.finish(&mut chain, layer.activation);
        }
        chain
    }

    /// Adds the normalisation and the activation behind a convolution.
    fn finish(&self, chain: &mut Vec<usize>, activation: ActivationKind) {
        if activation != ActivationKind::Linear {
            return;
        }
        chain.extend(self.next(chain, |_: &BatchNormalization| true));
        let is_relu = |layer: &Activation| layer.activation == ActivationKind::Relu;
        chain.extend(self.next(chain, |_: &ReLU| true).or_else(|| self.next(chain, is_relu)));
    }
}

fn is_simple(activation: ActivationKind) -> bool {
    matches!(activation, ActivationKind::Linear | ActivationKind::Relu)
}

/// A 1×1 convolution that looks at each pixel.
fn is_pointwise(layer: &Conv2D) -> bool {
    let one = Pair::from(1);
    let is_padded = matches!(layer.padding, Padding::Explicit(pixels) if pixels != [0; 4]);
    [layer.kernel_size, layer.strides, layer.dilation_rate] == [one; 3]
        && !is_padded
        && layer.groups == 1
        && is_simple(layer.activation)
}

/// The operation of the steps of a chain, and its inputs behind the pictures. `weights` are the steps' parameters, one
/// after the other.
pub(crate) fn conv_chain(steps: &[&Step], weights: &[Value]) -> Result<(ConvChain, Vec<Value>)> {
    let (mut stages, mut inputs): (Vec<Stage>, Vec<Value>) = Default::default();
    let mut rest = weights;
    for step in steps {
        let (own, behind) = rest.split_at(step.parameters.len());
        rest = behind;
        let layer = step.layer.as_any();
        if let Some(stage) = begin(step, steps[0])? {
            stages.push(stage);
            inputs.extend_from_slice(own);
        } else if let Some(stage) = stages.last_mut() {
            if let Some(layer) = layer.downcast_ref::<BatchNormalization>() {
                let [gamma, beta, mean, variance] = layer.arrays(own);
                let moments = Moments { mean: mean.into_tensor(), variance: variance.into_tensor() };
                stage.normalization = Some((moments, layer.epsilon));
                inputs.extend([gamma, beta]);
            } else {
                let maximum = layer.downcast_ref::<ReLU>().and_then(|layer| layer.max_value);
                stage.activation = maximum.map_or(Relu, ReluUpTo);
            }
        }
    }
    let mut stages = stages.into_iter();
    let (Some(first), pointwise) = (stages.next(), stages.next()) else {
        unreachable!("a chain has a convolution")
    };
    Ok((ConvChain { first, pointwise }, inputs))
}

/// The stage that begins with `step`, if that is a convolution. `first` is the first step of the chain, whose zeros around
/// the picture become the window's.
fn begin(step: &Step, first: &Step) -> Result<Option<Stage>> {
    let refused = |Refusal(expected)| convnet_tensor::Error::Shape {
        operation: step.path.to_string(),
        expected,
        found: step.input_shapes[0],
    };
    let layer = step.layer.as_any();
    let (convolution, has_bias, activation) = if let Some(layer) = layer.downcast_ref::<Conv2D>() {
        let geometry = layer.geometry(&step.input_shapes).map_err(refused)?;
        (Convolution::Full(geometry), layer.use_bias, layer.activation)
    } else if let Some(layer) = layer.downcast_ref::<DepthwiseConv2D>() {
        let mut geometry = layer.geometry(&step.input_shapes).map_err(refused)?;
        if let Some(zeros) = first.layer.as_any().downcast_ref::<ZeroPadding2D>() {
            geometry.window.padding = zeros.borders();
            (geometry.height, geometry.width) = (first.input_shapes[0][0], first.input_shapes[0][1]);
        }
        (Convolution::Depthwise(geometry), layer.use_bias, layer.activation)
    } else {
        return Ok(None);
    };
    let activation = if activation == ActivationKind::Relu { Relu } else { Linear };
    Ok(Some(Stage { convolution, has_bias, normalization: None, activation }))
}
