//! A small trained network as the page carries it: shapes for its script, weights in 16 bits.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use half::f16;
use serde::Serialize;

/// More weights than that would make a page that nobody wants to send.
const MOST_WEIGHTS: usize = 1 << 20;

/// Layers that together give more numbers would keep the page's script busy at each stroke; the chapter's give 35,275.
const MOST_NUMBERS: usize = 1 << 18;

/// A network for the page's alive section: layers one after the other, from a grey picture to a share for each class.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The experiment that trained it.
    pub experiment: String,
    /// Names of the classes, in the order of the last layer.
    pub classes: Vec<String>,
    /// From first to last.
    pub layers: Vec<NetworkLayer>,
    /// The numbers of every layer that has some, in the order of the layers: its kernel, then its bias.
    pub weights: Vec<f32>,
}

/// One layer of a [`Network`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkLayer {
    /// Its name in the model.
    pub name: String,
    /// Its output for one picture, channels last.
    pub shape: Vec<usize>,
    /// What it does.
    #[serde(flatten)]
    pub kind: LayerKind,
}

/// What a layer of a [`Network`] does. Windows lie inside the picture (padding `valid`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "class")]
pub enum LayerKind {
    /// A convolution.
    Conv2D {
        /// Rows, columns, channels in, filters.
        kernel: [usize; 4],
        /// Pixels between two windows, rows first.
        strides: [usize; 2],
        /// On the sums.
        activation: NetworkActivation,
    },
    /// The largest number of each window.
    MaxPooling2D {
        /// Rows and columns of the window.
        pool_size: [usize; 2],
        /// Pixels between two windows, rows first.
        strides: [usize; 2],
    },
    /// All numbers in a row.
    Flatten,
    /// Every unit looks at every number.
    Dense {
        /// Inputs and units.
        kernel: [usize; 2],
        /// On the sums.
        activation: NetworkActivation,
    },
}

/// What is made of a layer's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkActivation {
    /// Nothing.
    Linear,
    /// max(x, 0).
    Relu,
    /// Shares of one.
    Softmax,
}

impl Network {
    /// The side of the square grey picture that the page's script draws.
    pub const SIDE: usize = 28;

    /// The network as JSON for the page's script, which can stand inside a `<script>` element whatever names it holds; `None`
    /// where it is not one that the script can run: shapes and numbers must fit together, and the weights be finite in 16 bits.
    pub(super) fn json(&self) -> Option<String> {
        #[derive(Serialize)]
        struct Written<'a> {
            input: [usize; 3],
            classes: &'a [String],
            layers: &'a [NetworkLayer],
            weights: String,
        }
        self.fits().then_some(())?;
        let halves: Vec<f16> = self.weights.iter().map(|&weight| f16::from_f32(weight)).collect();
        halves.iter().all(|half| half.is_finite()).then_some(())?;
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        let input = [Self::SIDE, Self::SIDE, 1];
        let weights = BASE64_STANDARD.encode(bytes);
        let written = Written { input, classes: &self.classes, layers: &self.layers, weights };
        Some(serde_json::to_string(&written).ok()?.replace('<', "\\u003c"))
    }

    /// Whether each layer takes what the one before it gives, the weights are as many as the kernels say, and the end is a
    /// share for each class.
    fn fits(&self) -> bool {
        let mut weights = Some(0);
        let mut numbers = Some(0);
        let mut shape = vec![Self::SIDE, Self::SIDE, 1];
        for layer in &self.layers {
            let Some((output, count)) = layer.kind.output(&shape) else { return false };
            weights = weights.and_then(|sum: usize| sum.checked_add(count));
            numbers = numbers.and_then(|sum: usize| sum.checked_add(product(&output)?));
            let is_large = |sum: Option<usize>, most| sum.is_none_or(|sum| sum > most);
            if output != layer.shape || is_large(weights, MOST_WEIGHTS) || is_large(numbers, MOST_NUMBERS) {
                return false;
            }
            shape = output;
        }
        let ends_in_shares = matches!(
            self.layers.last().map(|layer| &layer.kind),
            Some(LayerKind::Dense { activation: NetworkActivation::Softmax, .. })
        );
        ends_in_shares && shape == [self.classes.len()] && weights == Some(self.weights.len())
    }
}

impl LayerKind {
    /// The output's shape and the number of weights for an input of this shape; `None` where they do not fit.
    fn output(&self, input: &[usize]) -> Option<(Vec<usize>, usize)> {
        let windows = |size: [usize; 2], strides: [usize; 2]| {
            let side = |axis: usize| (*input.get(axis)?).checked_sub(size[axis])?.checked_div(strides[axis]);
            (input.len() == 3 && !size.contains(&0)).then_some([side(0)? + 1, side(1)? + 1])
        };
        match *self {
            Self::Conv2D { kernel: kernel @ [high, wide, channels, filters], strides, activation } => {
                let [rows, columns] = windows([high, wide], strides)?;
                let whole = input[2] == channels && activation != NetworkActivation::Softmax;
                let count = product(&kernel)?;
                whole.then_some((vec![rows, columns, filters], count.checked_add(filters)?))
            }
            Self::MaxPooling2D { pool_size, strides } => {
                let [rows, columns] = windows(pool_size, strides)?;
                Some((vec![rows, columns, input[2]], 0))
            }
            Self::Flatten => Some((vec![product(input)?], 0)),
            Self::Dense { kernel: [inputs, units], .. } => {
                let count = inputs.checked_mul(units)?.checked_add(units)?;
                (input == [inputs]).then_some((vec![units], count))
            }
        }
    }
}

/// How many numbers a shape holds; `None` where no machine could count them.
fn product(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A network of one convolution, one pooling and one dense layer.
    pub(in super::super) fn sample() -> Network {
        let layer = |name: &str, shape: &[usize], kind| NetworkLayer {
            name: name.into(),
            shape: shape.to_vec(),
            kind,
        };
        let convolution =
            LayerKind::Conv2D { kernel: [3, 3, 1, 2], strides: [1; 2], activation: NetworkActivation::Relu };
        let pooling = LayerKind::MaxPooling2D { pool_size: [2; 2], strides: [2; 2] };
        let dense = LayerKind::Dense { kernel: [338, 3], activation: NetworkActivation::Softmax };
        Network {
            experiment: "5.1".into(),
            classes: ["</script>", "b", "c"].map(str::to_owned).to_vec(),
            layers: vec![
                layer("conv2d", &[26, 26, 2], convolution),
                layer("max_pooling2d", &[13, 13, 2], pooling),
                layer("flatten", &[338], LayerKind::Flatten),
                layer("dense", &[3], dense),
            ],
            weights: vec![0.5; 18 + 2 + 338 * 3 + 3],
        }
    }

    #[test]
    fn a_network_becomes_json_that_stays_inside_its_element() {
        let json = sample().json().unwrap();
        assert!(!json.contains('<'));
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["classes"][0], "</script>");
        assert_eq!(read["layers"][0]["class"], "Conv2D");
        assert_eq!(read["layers"][0]["kernel"], serde_json::json!([3, 3, 1, 2]));
        let bytes = BASE64_STANDARD.decode(read["weights"].as_str().unwrap()).unwrap();
        assert_eq!(bytes.len(), 2 * sample().weights.len());
        assert_eq!(bytes[..2], [0x00, 0x38], "0.5 in half precision");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let spoil: [fn(&mut Network); 9] = [
            |network| network.weights.truncate(7),
            |network| network.weights[3] = f32::NAN,
            |network| network.weights[3] = 1e9,
            |network| network.classes.truncate(2),
            |network| network.layers.truncate(3),
            |network| network.layers[0].shape[0] = usize::MAX,
            |network| network.layers[1].kind = LayerKind::MaxPooling2D { pool_size: [0; 2], strides: [0; 2] },
            |network| {
                let (kernel, activation) = ([usize::MAX; 2], NetworkActivation::Softmax);
                network.layers[3].kind = LayerKind::Dense { kernel, activation };
            },
            |network| {
                let (kernel, strides) = ([3, 3, usize::MAX, usize::MAX], [1; 2]);
                let activation = NetworkActivation::Relu;
                network.layers[0].kind = LayerKind::Conv2D { kernel, strides, activation };
            },
        ];
        for spoil in spoil {
            let mut network = sample();
            spoil(&mut network);
            assert_eq!(network.json(), None);
        }
    }

    #[test]
    fn a_network_that_would_keep_the_page_busy_is_refused() {
        let of = |filters: usize| {
            let layer =
                |shape: &[usize], kind| NetworkLayer { name: "a".into(), shape: shape.to_vec(), kind };
            let (strides, activation) = ([1; 2], NetworkActivation::Relu);
            let convolution = LayerKind::Conv2D { kernel: [1, 1, 1, filters], strides, activation };
            let all = 28 * 28 * filters;
            let dense = LayerKind::Dense { kernel: [all, 3], activation: NetworkActivation::Softmax };
            Network {
                experiment: "5.1".into(),
                classes: ["a", "b", "c"].map(str::to_owned).to_vec(),
                layers: vec![
                    layer(&[28, 28, filters], convolution),
                    layer(&[all], LayerKind::Flatten),
                    layer(&[3], dense),
                ],
                weights: vec![0.0; 2 * filters + 3 * all + 3],
            }
        };
        assert!(of(100).json().is_some());
        assert_eq!(of(200).json(), None, "313,600 numbers, of 471,203 weights");
    }
}
