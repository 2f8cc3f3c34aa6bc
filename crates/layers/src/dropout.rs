//! Dropout (chapter 5.2.5).

use crate::error::Refusal;
use crate::layer::{Layer, PLACE_BY_PLACE, single};
use crate::pass::Pass;
use convnet_autograd::{Value, operations};
use convnet_cpu::window::Window;
use convnet_tensor::{Result, Shape, Tensor};
use serde::{Deserialize, Serialize};

/// In training sets a random share of the values to zero and enlarges the others; otherwise does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The share that is dropped, in [0, 1).
    pub rate: f32,
}

impl Dropout {
    /// Drops this share of the values.
    pub fn new(rate: f32) -> Dropout {
        Dropout { rate }
    }
}

impl Layer for Dropout {
    const CLASS: &'static str = "Dropout";

    fn output_shape(&self, inputs: &[Shape]) -> std::result::Result<Shape, Refusal> {
        if !(0.0..1.0).contains(&self.rate) {
            return Err(format!("the rate must be at least 0 and below 1, but is {}", self.rate).into());
        }
        single(inputs)
    }

    fn window(&self, _inputs: &[Shape]) -> Option<Window> {
        PLACE_BY_PLACE
    }

    fn forward(&self, pass: &mut Pass<'_>, inputs: &[Value], _weights: &[Value]) -> Result<Value> {
        let x = &inputs[0];
        if !pass.is_training() || self.rate == 0.0 {
            return Ok(x.clone());
        }
        let mut keep = Tensor::<u8>::recycled(x.shape());
        let each = x.shape().without_first().size();
        // A byte is below the threshold with the probability of being dropped, exact to 1/65536.
        let threshold = (f64::from(self.rate) * 65_536.0).round() as u32;
        for (picture, keep) in keep.data_mut().chunks_exact_mut(each.max(1)).enumerate() {
            let mut stream = pass.stream(picture);
            for four in keep.chunks_mut(4) {
                let bits = stream.bits();
                for (place, keep) in four.iter_mut().enumerate() {
                    *keep = u8::from((bits >> (16 * place)) as u32 & 0xffff >= threshold);
                }
            }
        }
        pass.tape.apply(operations::Dropout { keep, rate: self.rate }, &[x])
    }
}
