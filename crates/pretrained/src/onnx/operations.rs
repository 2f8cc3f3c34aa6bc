//! What each operation of ONNX is here.

use super::import::{Flow, Importer, Kind, fraction, text, whole, wholes};
use super::scan::{Attribute, Constant, Few, Node};
use crate::number::NumberType;
use crate::stored::{Layout, StoredTensor};
use convnet_layers::{
    Activation, ActivationKind, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Dropout, Pair, ReLU,
    Rescaling, ZeroPadding2D,
};

/// How the kernels of ONNX's convolutions are laid out.
const CONVOLUTION: Layout = Layout { outputs_first: true, channels_first: true };

impl<'a> Importer<'a> {
    /// What comes out of a node, or why it is not supported.
    pub(super) fn operation(&mut self, node: &'a Node) -> Result<Flow, String> {
        match &*node.operation {
            "Conv" => self.convolution(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "BatchNormalization" => self.normalization(node),
            "MaxPool" | "AveragePool" => self.pooling(node),
            "GlobalAveragePool" | "GlobalMaxPool" => self.global(node, true),
            "ReduceMean" | "ReduceMax" => self.reduction(node),
            "Relu" => self.activation(node, ReLU::new()),
            "Clip" => self.clip(node),
            "Sigmoid" => self.activation(node, Activation::new(ActivationKind::Sigmoid)),
            "Softmax" => self.softmax(node),
            "Dropout" => self.dropout(node),
            "Identity" | "Cast" => self.flow(node, 0),
            "Add" | "Sum" | "Sub" | "Mul" | "Div" => self.arithmetic(node),
            "Pad" => self.pad(node),
            "Flatten" => self.flatten(node),
            "Reshape" => self.reshape(node),
            "Squeeze" => self.squeeze(node),
            "Transpose" => self.transpose(node),
            "Constant" => self.constant_node(node),
            "Concat" if self.joins_layers(node) => self.concatenation(node),
            "Shape" | "Gather" | "Unsqueeze" | "Concat" | "Slice" => self.extents(node),
            _ => Err("this operation is not supported".into()),
        }
    }

    fn constant_node(&mut self, node: &Node) -> Result<Flow, String> {
        let name = node.outputs.first().cloned().unwrap_or_default();
        let of = |few, size: Option<usize>| Constant {
            tensor: StoredTensor {
                name: name.clone(),
                shape: size.into_iter().collect(),
                numbers: NumberType::Other,
            },
            region: Err("is a setting, no weight".into()),
            few: Some(few),
        };
        let constant = match node.attributes.values().next() {
            Some(Attribute::Tensor(constant)) => {
                let mut constant = (**constant).clone();
                constant.tensor.name.clone_from(&name);
                constant
            }
            Some(Attribute::Whole(number)) => of(Few::Wholes(vec![*number]), None),
            Some(Attribute::Wholes(numbers)) => of(Few::Wholes(numbers.clone()), Some(numbers.len())),
            Some(Attribute::Fraction(number)) => of(Few::Fractions(vec![*number]), None),
            _ => return Err("is no tensor and no number".into()),
        };
        self.constants.insert(name.clone(), constant);
        Ok(Flow::Constant(name))
    }

    fn convolution(&mut self, node: &Node) -> Result<Flow, String> {
        let kernel = self.weight(node, 1)?.ok_or("has no kernel")?;
        let bias = self.weight(node, 2)?;
        let &[output, input, rows, columns] = &kernel.shape[..] else {
            return Err(format!("its kernel has {} axes; pictures take 4", kernel.shape.len()));
        };
        let window = self.window(node, [rows, columns])?;
        let group = usize::try_from(whole(node, "group", 1)).unwrap_or(0);
        if group == 0 || !output.is_multiple_of(group) {
            return Err(format!("{output} outputs in {group} groups are not possible"));
        }
        let depthwise = group > 1 && input == 1;
        let Some((source, shape)) = self.picture(node, 0)? else { return Ok(Flow::Refused) };
        let before = window.padding(shape)?;
        let kind = if depthwise {
            let mut layer = DepthwiseConv2D::new(Pair([rows, columns]))
                .strides(window.strides)
                .padding(before)
                .dilation(window.dilations)
                .depth_multiplier(output / group);
            layer.use_bias = bias.is_some();
            Kind::Depthwise(layer)
        } else {
            let mut layer = Conv2D::new(output, Pair([rows, columns]))
                .strides(window.strides)
                .padding(before)
                .dilation(window.dilations)
                .groups(group);
            layer.use_bias = bias.is_some();
            Kind::Conv(layer)
        };
        let shape = match &kind {
            Kind::Conv(layer) => super::import::behind(layer, shape, Some(output)),
            Kind::Depthwise(layer) => super::import::behind(layer, shape, Some(output)),
            _ => shape,
        };
        let weights = [("kernel", Some(kernel)), ("bias", bias)];
        let weights = weights.into_iter().filter_map(|(name, tensor)| Some((name, tensor?))).collect();
        let source = self.emit(node, kind, vec![source], weights, CONVOLUTION);
        Ok(Flow::Picture { source, shape, channels_last: false })
    }

    fn gemm(&mut self, node: &Node) -> Result<Flow, String> {
        for (name, fine) in [("alpha", 1.0), ("beta", 1.0)] {
            if fraction(node, name).is_some_and(|found| found != fine) {
                return Err(format!("`{name}` is not 1, which is not supported"));
            }
        }
        if whole(node, "transA", 0) != 0 {
            return Err("its first factor is turned around, which is not supported".into());
        }
        let outputs_first = whole(node, "transB", 0) != 0;
        let bias = self.weight(node, 2)?;
        self.dense(node, outputs_first, bias)
    }

    fn matmul(&mut self, node: &Node) -> Result<Flow, String> {
        self.dense(node, false, None)
    }

    fn dense(
        &mut self,
        node: &Node,
        outputs_first: bool,
        bias: Option<StoredTensor>,
    ) -> Result<Flow, String> {
        let kernel = self.weight(node, 1)?.ok_or("has no second factor")?;
        let &[first, second] = &kernel.shape[..] else {
            return Err(format!("its second factor has {} axes; a dense layer's has 2", kernel.shape.len()));
        };
        let units = if outputs_first { first } else { second };
        let bias = bias.map(|bias| one_axis(bias, units)).transpose()?;
        let (source, by_channel) = match self.flow(node, 0)? {
            Flow::Row { source, by_channel, .. } => (source, by_channel),
            Flow::Refused => return Ok(Flow::Refused),
            _ => return Err("multiplies something else than rows of numbers, which is not supported".into()),
        };
        let mut layer = Dense::new(units);
        layer.use_bias = bias.is_some();
        let weights = [("kernel", Some(kernel)), ("bias", bias)];
        let weights = weights.into_iter().filter_map(|(name, tensor)| Some((name, tensor?))).collect();
        let layout = Layout { outputs_first, channels_first: by_channel };
        let source = self.emit(node, Kind::Dense(layer), vec![source], weights, layout);
        Ok(Flow::Row { source, size: Some(units), by_channel: false })
    }

    fn normalization(&mut self, node: &Node) -> Result<Flow, String> {
        if whole(node, "training_mode", 0) != 0 {
            return Err("is exported as in training, which is not supported".into());
        }
        let mut weights = Vec::new();
        for (place, name) in (1..).zip(["gamma", "beta", "moving_mean", "moving_variance"]) {
            let weight = self.weight(node, place)?.ok_or_else(|| format!("lacks its input {place}"))?;
            weights.push((name, weight));
        }
        let layer = BatchNormalization {
            epsilon: fraction(node, "epsilon").unwrap_or(1e-5),
            momentum: fraction(node, "momentum").unwrap_or(0.9),
            center: true,
            scale: true,
        };
        let kind = Kind::Other(std::sync::Arc::new(layer));
        match self.flow(node, 0)? {
            Flow::Picture { source, shape, channels_last: false } => {
                let source = self.emit(node, kind, vec![source], weights, CONVOLUTION);
                Ok(Flow::Picture { source, shape, channels_last: false })
            }
            Flow::Row { source, size, by_channel } => {
                let layout = Layout { outputs_first: false, channels_first: by_channel };
                let source = self.emit(node, kind, vec![source], weights, layout);
                Ok(Flow::Row { source, size, by_channel })
            }
            Flow::Refused => Ok(Flow::Refused),
            _ => Err("normalises something else than channels, which is not supported".into()),
        }
    }

    /// A layer that leaves shapes and orders alone.
    fn activation(
        &mut self,
        node: &Node,
        layer: impl convnet_layers::layer::AnyLayer + 'static,
    ) -> Result<Flow, String> {
        match self.flow(node, 0)? {
            flow @ (Flow::Picture { .. } | Flow::Row { .. } | Flow::Refused) => {
                Ok(self.pass(node, layer, flow))
            }
            _ => Err("is computed of constants alone, which is not supported".into()),
        }
    }

    fn clip(&mut self, node: &Node) -> Result<Flow, String> {
        let low = fraction(node, "min").map_or_else(|| self.scalar(node, 1), |low| Ok(Some(low)))?;
        let high = fraction(node, "max").map_or_else(|| self.scalar(node, 2), |high| Ok(Some(high)))?;
        match (low, high) {
            (Some(0.0), None) => self.activation(node, ReLU::new()),
            (Some(0.0), Some(high)) if high >= f32::MAX => self.activation(node, ReLU::new()),
            (Some(0.0), Some(high)) if high > 0.0 => self.activation(node, ReLU::up_to(high)),
            _ => {
                Err(format!("limits of {low:?} and {high:?} are not supported, only 0 and a number above it"))
            }
        }
    }

    fn softmax(&mut self, node: &Node) -> Result<Flow, String> {
        let old = self.graph.opset < 13;
        let axis = whole(node, "axis", if old { 1 } else { -1 });
        let flow = self.flow(node, 0)?;
        let fits = match &flow {
            Flow::Row { .. } => matches!(axis, 1 | -1),
            // Before version 13 all axes from this one on counted together.
            Flow::Picture { shape: [Some(1), Some(1), _], channels_last: false, .. } => {
                matches!(axis, 1 | -3)
            }
            Flow::Picture { channels_last: false, .. } => !old && matches!(axis, 1 | -3),
            Flow::Picture { channels_last: true, .. } => matches!(axis, 3 | -1),
            _ => true,
        };
        if !fits {
            return Err(format!("a softmax over axis {axis} is not supported, only one over channels"));
        }
        self.activation(node, Activation::new(ActivationKind::Softmax))
    }

    fn dropout(&mut self, node: &Node) -> Result<Flow, String> {
        let ratio = fraction(node, "ratio").map_or_else(|| self.scalar(node, 1), |ratio| Ok(Some(ratio)))?;
        if self.scalar(node, 2)?.is_some_and(|training| training != 0.0) {
            return Err("is exported as in training, which is not supported".into());
        }
        self.activation(node, Dropout::new(ratio.unwrap_or(0.5)))
    }

    fn pad(&mut self, node: &Node) -> Result<Flow, String> {
        if text(node, "mode").is_some_and(|mode| mode != "constant") {
            return Err("only padding with zeros is supported".into());
        }
        let value = fraction(node, "value").map_or_else(|| self.scalar(node, 2), |value| Ok(Some(value)))?;
        if value.is_some_and(|value| value != 0.0) {
            return Err("only padding with zeros is supported".into());
        }
        let pads = match wholes(node, "pads") {
            Some(pads) => pads.to_vec(),
            None => self.few_wholes(node, 1)?.ok_or("has no `pads`")?,
        };
        let axes = self.few_wholes(node, 3)?.unwrap_or_else(|| (0..pads.len() as i64 / 2).collect());
        let flow = self.flow(node, 0)?;
        let last = match &flow {
            Flow::Picture { channels_last, .. } => *channels_last,
            Flow::Refused => return Ok(Flow::Refused),
            _ => return Err("pads something else than pictures, which is not supported".into()),
        };
        if pads.len() != 2 * axes.len() {
            return Err(format!("{} pads for {} axes", pads.len(), axes.len()));
        }
        let mut borders = [[0; 2]; 2];
        let [before, behind] = [&pads[..axes.len()], &pads[axes.len()..]];
        for ((axis, &before), &behind) in axes.iter().zip(before).zip(behind) {
            let spatial = axis.rem_euclid(4) - if last { 1 } else { 2 };
            match (usize::try_from(spatial), usize::try_from(before), usize::try_from(behind)) {
                (_, Ok(0), Ok(0)) => {}
                (Ok(axis @ 0..=1), Ok(before), Ok(behind)) => borders[axis] = [before, behind],
                _ => return Err(format!("pads {pads:?}; only zeros around pictures are supported")),
            }
        }
        if borders == [[0; 2]; 2] {
            return Ok(flow);
        }
        Ok(self.pass(node, ZeroPadding2D::new(borders), flow))
    }

    /// A sum of layers, a bias, or pixels brought into another range.
    fn arithmetic(&mut self, node: &Node) -> Result<Flow, String> {
        let flows: Vec<_> =
            (0..node.inputs.len()).map(|place| self.flow(node, place)).collect::<Result<_, _>>()?;
        let constant = flows.iter().position(|flow| matches!(flow, Flow::Constant(_)));
        let sum = matches!(&*node.operation, "Add" | "Sum");
        let Some(place) = constant else {
            return if sum {
                self.sum(node, flows)
            } else {
                Err("is supported with one number alone".into())
            };
        };
        let [_, _] = flows[..] else {
            return Err("mixes layers and constants, which is not supported".into());
        };
        let flow = flows[1 - place].clone();
        if matches!(flow, Flow::Constant(_) | Flow::Extents(_)) {
            return Err("is computed of constants alone, which is not supported".into());
        }
        if sum && let Some(flow) = self.bias(node, place, &flow)? {
            return Ok(flow);
        }
        let number = self.scalar(node, place);
        let number = number.ok().flatten().ok_or("is supported with one number alone, or as a bias")?;
        let (scale, offset) = match (&*node.operation, place) {
            ("Add" | "Sum", _) => (1.0, number),
            ("Sub", 1) => (1.0, -number),
            ("Sub", _) => (-1.0, number),
            ("Mul", _) => (number, 0.0),
            ("Div", 1) => (1.0 / number, 0.0),
            _ => return Err("a number divided by a layer's output is not supported".into()),
        };
        Ok(self.pass(node, Rescaling::new(scale).offset(offset), flow))
    }

    /// A constant for each output of a layer without a bias, which nothing else reads, is its bias.
    fn bias(&mut self, node: &Node, place: usize, flow: &Flow) -> Result<Option<Flow>, String> {
        let (source, channels_last) = match flow {
            Flow::Picture { source, channels_last, .. } => (source, *channels_last),
            Flow::Row { source, .. } => (source, true),
            Flow::Refused => return Ok(Some(Flow::Refused)),
            _ => return Ok(None),
        };
        let input = &node.inputs[1 - place];
        if self.uses.get(input.as_str()) != Some(&1) || self.graph.outputs.contains(input) {
            return Ok(None);
        }
        let Some(bias) = self.weight(node, place)? else { return Ok(None) };
        let Some(part) = self.parts.iter_mut().find(|part| part.name == *source) else { return Ok(None) };
        let outputs = match &part.kind {
            Kind::Conv(layer) if !layer.use_bias => layer.filters,
            Kind::Dense(layer) if !layer.use_bias => layer.units,
            _ => return Ok(None),
        };
        // Rows and channels last end in the outputs, channels first have height and width behind them.
        let shape = &bias.shape;
        let behind = if channels_last { 0 } else { 2 };
        let at = shape.len().checked_sub(behind + 1);
        let fits = at.is_some_and(|at| {
            shape.iter().enumerate().all(|(axis, &extent)| extent == if axis == at { outputs } else { 1 })
        });
        if !fits {
            return Ok(None);
        }
        match &mut part.kind {
            Kind::Conv(layer) => layer.use_bias = true,
            Kind::Dense(layer) => layer.use_bias = true,
            _ => {}
        }
        let bias = StoredTensor { shape: vec![outputs], ..bias };
        part.weights.tensors.push(("bias".into(), bias));
        Ok(Some(flow.clone()))
    }
}

/// A bias as a row of its numbers, whatever axes of 1 stand before it.
fn one_axis(bias: StoredTensor, outputs: usize) -> Result<StoredTensor, String> {
    match bias.size() {
        Some(size) if size == outputs && bias.shape.last() == Some(&outputs) => {
            Ok(StoredTensor { shape: vec![outputs], ..bias })
        }
        _ => Err(format!("its bias has the shape {:?} for {outputs} outputs", bias.shape)),
    }
}
