//! How the numbers of a stored tensor find their places in a parameter of ours.
//!
//! | | PyTorch, ONNX | here, Keras |
//! | --- | --- | --- |
//! | convolution, in groups too | `[out, in / groups, rows, columns]` | `[rows, columns, in / groups, out]` |
//! | depthwise convolution | `[in · multiplier, 1, rows, columns]` | `[rows, columns, in, multiplier]` |
//! | dense layer | `[out, in]` | `[in, out]` |
//! | a row that was a picture | channel by channel | pixel by pixel |

use crate::sites::{Flattened, Site};
use crate::stored::{Layout, StoredTensor};
use crate::target::{Axis, Walks, plain};
use convnet_tensor::Shape;

/// The walks that fill a parameter of this shape, or the shape that the stored tensor would have to have.
pub(crate) fn walks(
    tensor: &StoredTensor,
    layout: Layout,
    site: Option<&Site>,
    shape: Shape,
) -> Result<Walks, Vec<usize>> {
    let depthwise = site.is_some_and(|site| site.class == "DepthwiseConv2D");
    let dense = site.is_some_and(|site| site.class == "Dense");
    let flattened = site.and_then(|site| site.flattened).filter(|_| layout.channels_first);
    let axis = |extent, stride| Axis { extent, stride };
    // The inputs of a dense layer, `step` numbers apart here.
    let inputs = |count: usize, step: usize| match flattened {
        Some(Flattened::Picture([height, width, channels])) if height * width * channels == count => {
            vec![axis(channels, step), axis(height, width * channels * step), axis(width, channels * step)]
        }
        _ => vec![axis(count, step)],
    };
    let (expected, walks) = match *shape {
        [rows, columns, input, multiplier] if layout.outputs_first && depthwise => {
            let output = input * multiplier;
            let walks = [(output, 1), (1, 1), (rows, columns * output), (columns, output)];
            (vec![output, 1, rows, columns], walks.map(|(extent, stride)| vec![axis(extent, stride)]).into())
        }
        [rows, columns, input, output] if layout.outputs_first => {
            let walks =
                [(output, 1), (input, output), (rows, columns * input * output), (columns, input * output)];
            (
                vec![output, input, rows, columns],
                walks.map(|(extent, stride)| vec![axis(extent, stride)]).into(),
            )
        }
        [input, output] if dense && layout.outputs_first => {
            (vec![output, input], vec![vec![axis(output, 1)], inputs(input, output)])
        }
        [input, output] if dense => (vec![input, output], vec![inputs(input, output), vec![axis(output, 1)]]),
        // A number for each place of the row: batch normalisation behind Flatten. A dense layer's bias is none.
        [count] if !dense => (vec![count], vec![inputs(count, 1)]),
        _ => (shape.to_vec(), plain(&shape)),
    };
    if expected == tensor.shape { Ok(walks) } else { Err(expected) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::NumberType;
    use crate::target::Target;

    /// Fills a parameter from 0, 1, 2 … in the order of the file.
    fn fill(stored: &[usize], layout: Layout, site: Site, shape: &[usize]) -> Vec<f32> {
        let tensor = StoredTensor { name: "t".into(), shape: stored.into(), numbers: NumberType::F32 };
        let walks = walks(&tensor, layout, Some(&site), Shape::new(shape)).unwrap();
        let mut to = vec![f32::NAN; tensor.size().unwrap()];
        let bytes: Vec<u8> = (0..to.len()).flat_map(|place| (place as f32).to_le_bytes()).collect();
        Target::new(&mut to, walks).in_order().put(NumberType::F32, &bytes);
        to
    }

    #[test]
    fn each_number_of_a_kernel_finds_its_place() {
        let (rows, columns, input, output) = (2, 3, 4, 5);
        let site = Site { class: "Conv2D", flattened: None };
        let found =
            fill(&[output, input, rows, columns], Layout::TORCH, site, &[rows, columns, input, output]);
        for (place, number) in found.iter().enumerate() {
            let (o, i, x, y) = (place % 5, place / 5 % 4, place / 20 % 3, place / 60);
            assert_eq!(*number as usize, ((o * input + i) * rows + y) * columns + x);
        }
        let site = Site { class: "DepthwiseConv2D", flattened: None };
        let found = fill(&[20, 1, rows, columns], Layout::TORCH, site, &[rows, columns, 10, 2]);
        for (place, number) in found.iter().enumerate() {
            let (c, x, y) = (place % 20, place / 20 % 3, place / 60);
            assert_eq!(*number as usize, (c * rows + y) * columns + x);
        }
    }

    #[test]
    fn rows_of_a_dense_layer_follow_the_flattened_picture() {
        let (height, width, channels, output) = (2, 3, 4, 5);
        let input = height * width * channels;
        let flattened = Some(Flattened::Picture([height, width, channels]));
        let site = Site { class: "Dense", flattened };
        let place_of = |i: usize| {
            let (c, x, y) = (i % 4, i / 4 % 3, i / 12);
            (c * height + y) * width + x
        };
        let torch = fill(&[output, input], Layout::TORCH, site, &[input, output]);
        let onnx = Layout { outputs_first: false, channels_first: true };
        let matmul = fill(&[input, output], onnx, site, &[input, output]);
        for place in 0..input * output {
            let (i, o) = (place / output, place % output);
            assert_eq!(torch[place] as usize, o * input + place_of(i));
            assert_eq!(matmul[place] as usize, place_of(i) * output + o);
        }
        let keras = fill(&[input, output], Layout::default(), site, &[input, output]);
        assert!(keras.iter().enumerate().all(|(place, number)| *number as usize == place));
        let site = Site { class: "BatchNormalization", flattened };
        let gamma = fill(&[input], Layout::TORCH, site, &[input]);
        assert!(gamma.iter().enumerate().all(|(i, number)| *number as usize == place_of(i)));
    }

    #[test]
    fn shapes_that_differ_are_told() {
        let tensor = StoredTensor { name: "t".into(), shape: vec![3, 3, 3, 8], numbers: NumberType::F32 };
        let site = Site { class: "Conv2D", flattened: None };
        let expected = walks(&tensor, Layout::TORCH, Some(&site), Shape::from([3, 3, 3, 8]));
        assert_eq!(expected, Err(vec![8, 3, 3, 3]));
    }
}
