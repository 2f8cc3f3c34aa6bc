//! VGG16's convolutional base with its real weights: how far Winograd's rounding goes, layer by layer and through all 13.
//!
//! Needs `weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5` below `CONVNET_DATA_DIR`; `goldens/vgg16.safetensors` says
//! where each weight lies in it and what the base makes of a drawn picture in f64.

use convnet_autograd::Tape;
use convnet_layers::{Architecture, Conv2D, InputSpec, MaxPooling2D, Model, Request, Tap};
use convnet_tensor::{Seed, Shape, Tensor};
use safetensors::SafeTensors;
use std::collections::HashMap;
use std::path::PathBuf;

const SIZE: usize = 150;
const BLOCKS: [(usize, usize); 5] = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];

/// The picture of `goldens/vgg16.py` in caffe's pixels: blue, green, red, less the mean of ImageNet.
fn picture() -> Tensor {
    let mut state = 1u32;
    let mut pixels = vec![0.0; SIZE * SIZE * 3];
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (y, x) = (i / SIZE, i % SIZE);
        for (c, mean) in [123.68, 116.779, 103.939].into_iter().enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let slope = (y * 3 + x * 5 + c * 70) % 300;
            let value = slope.abs_diff(150) + (y / 10 + x / 14) % 2 * 60 + (state >> 24) as usize % 40;
            pixel[2 - c] = value as f32 - mean;
        }
    }
    Tensor::from_vec([1, SIZE, SIZE, 3], pixels).unwrap()
}

fn convolutions() -> impl Iterator<Item = String> {
    let blocks = BLOCKS.iter().enumerate();
    blocks.flat_map(|(block, (_, count))| (1..=*count).map(move |i| format!("block{}_conv{i}", block + 1)))
}

/// The base with the weights of the file, and what it should make of the picture; `None` where no data is given.
fn load() -> Option<(Model, Vec<f64>)> {
    let Some(folder) = std::env::var_os("CONVNET_DATA_DIR") else {
        eprintln!("CONVNET_DATA_DIR is not set: the real weights of VGG16 are not read");
        return None;
    };
    let folder = PathBuf::from(folder).join("weights");
    if !folder.is_dir() {
        eprintln!("{} is no folder: the real weights of VGG16 are not read", folder.display());
        return None;
    }
    let path = folder.join("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5");
    let weights = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/vgg16.safetensors");
    let golden = std::fs::read(golden).unwrap();
    let (_, header) = SafeTensors::read_metadata(&golden).unwrap();
    let places: HashMap<String, Vec<usize>> =
        serde_json::from_str(&header.metadata().as_ref().unwrap()["places"]).unwrap();
    let output = SafeTensors::deserialize(&golden).unwrap();
    let output = output.tensor("block5_pool").unwrap();
    let output = output.data().as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();

    let mut base = Architecture::new();
    for (block, (filters, count)) in BLOCKS.into_iter().enumerate() {
        for i in 1..=count {
            let name = format!("block{}_conv{i}", block + 1);
            base = base.named(name, Conv2D::new(filters, 3).same().relu());
        }
        base = base.named(format!("block{}_pool", block + 1), MaxPooling2D::new(2));
    }
    let mut model = Model::new(base, InputSpec::new([SIZE, SIZE, 3]), Seed(1)).unwrap();
    for parameter in model.parameters_mut() {
        let (place, shape) = places[&parameter.path].split_first().unwrap();
        assert_eq!(parameter.value.shape(), Shape::from(shape));
        let bytes = &weights[*place..][..4 * parameter.value.size()];
        let numbers = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        parameter.value.data_mut().iter_mut().zip(numbers).for_each(|(to, from)| *to = from);
    }
    Some((model, output))
}

#[test]
fn thirteen_layers_stay_within_five_millionths_of_the_scale() {
    let Some((model, exact)) = load() else { return };
    let output = model.predict(&picture()).unwrap();
    assert!(output.data().iter().all(|x| x.is_finite()) && output.size() == exact.len());
    let scale = exact.iter().fold(0.0f64, |scale, x| scale.max(x.abs()));
    let errors = output.data().iter().zip(&exact).map(|(x, exact)| (f64::from(*x) - exact).abs() / scale);
    let worst = errors.fold(0.0, f64::max);
    println!("block5_pool: at most {worst:.1e} of its scale");
    assert!(worst <= 5e-6, "{worst:e} of the scale {scale}");
}

#[test]
fn each_layer_stays_near_its_exact_output() {
    const SAMPLES: usize = 2000;
    let Some((model, _)) = load() else { return };
    let names: Vec<_> = convolutions().collect();
    let request = Request::taps(names.iter().map(Tap::output));
    let outputs = model.run(&mut Tape::new(), &picture(), &request).unwrap();
    for (place, name) in names.iter().enumerate().skip(1) {
        let mut input = outputs.taps[place - 1].tensor().clone();
        if name.ends_with("conv1") {
            input = halved(&input);
        }
        let output = outputs.taps[place].tensor();
        let [_, rows, columns, filters] = output.shape()[..] else { panic!("feature maps") };
        let channels = input.shape()[3];
        let parameter = |what| &model.parameter(&format!("{name}/{what}")).unwrap().value;
        let (kernel, bias) = (parameter("kernel").data(), parameter("bias").data());
        let (mut total, mut worst, mut squares) = (0.0, 0.0f64, 0.0);
        for sample in 0..SAMPLES {
            // A step that shares no factor with any size visits places all over.
            let at = sample * 1_000_003 % output.size();
            let (y, x, filter) = (at / filters / columns, at / filters % columns, at % filters);
            let mut sum = f64::from(bias[filter]);
            for tap in 0..9 {
                let (iy, ix) = (y + tap / 3, x + tap % 3);
                if (1..=rows).contains(&iy) && (1..=columns).contains(&ix) {
                    let pixel = &input.data()[((iy - 1) * columns + ix - 1) * channels..][..channels];
                    let weights = kernel[tap * channels * filters..].iter().skip(filter).step_by(filters);
                    sum += pixel.iter().zip(weights).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum::<f64>();
                }
            }
            let exact = sum.max(0.0);
            let error = (f64::from(output.data()[at]) - exact).abs();
            (total, worst, squares) = (total + error, worst.max(error), squares + exact * exact);
        }
        let rms = (squares / SAMPLES as f64).sqrt();
        let mean = total / SAMPLES as f64 / rms;
        println!("{name}: mean {mean:.1e}, at most {:.1e} of the output's RMS", worst / rms);
        assert!(mean <= 2e-6 && worst <= 5e-5 * rms, "{name}: mean {mean:e}, at most {:e}", worst / rms);
    }
}

/// The 2×2 max-pooling between two blocks.
fn halved(x: &Tensor) -> Tensor {
    let [_, rows, columns, channels] = x.shape()[..] else { panic!("feature maps") };
    Tensor::from_fn([1, rows / 2, columns / 2, channels], |i| {
        let (y, x0, c) = (i / channels / (columns / 2), i / channels % (columns / 2), i % channels);
        let at = |dy: usize, dx: usize| x.data()[((2 * y + dy) * columns + 2 * x0 + dx) * channels + c];
        at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1))
    })
}
