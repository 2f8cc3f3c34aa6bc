//! Finds the vertical edges of a drawn disc: convolution, ReLU and 2×2 max-pooling, at once and one after the other.
//!
//! `cargo run -p convnet-cpu --example edges`

use convnet_cpu::activation::Activation;
use convnet_cpu::conv2d::{self, Geometry, Packed};
use convnet_cpu::epilogue::Epilogue;
use convnet_cpu::window::Window;
use convnet_cpu::{pool2d, simd};

const SIZE: usize = 26;

fn main() {
    let is_in_disc = |y: f32, x: f32| (y - 12.5).powi(2) + (x - 12.5).powi(2) < 80.0;
    let picture: Vec<f32> = (0..SIZE * SIZE)
        .map(|i| f32::from(u8::from(is_in_disc((i / SIZE) as f32, (i % SIZE) as f32))))
        .collect();
    show("the picture", &picture, SIZE);

    // Dark on the left, bright on the right: positive. The other way round: negative, and cut off by ReLU.
    let kernel = [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0];
    let window = Window::new([3, 3], [1, 1]);
    let g = Geometry { height: SIZE, width: SIZE, in_channels: 1, out_channels: 1, window };
    // A kernel is packed once and used for many pictures.
    let packed = Packed::forward(&g, &kernel);
    let mut feature_map = vec![0.0; g.output_len()];
    let relu = Epilogue::new(None, Activation::Relu);
    conv2d::forward(&g, &picture, &packed, &relu, &mut feature_map);
    show("left edges", &feature_map, g.output()[1]);

    let [height, width, channels] = g.output();
    let pool = pool2d::Geometry { height, width, channels, window: Window::new([2, 2], [2, 2]) };
    let mut pooled = vec![0.0; g.pooled_len()];
    pool2d::max::forward(&pool, &feature_map, &mut pooled, None);
    show("the strongest of 2×2", &pooled, g.pooled()[1]);

    // The same in one sweep: the feature map at full size never exists.
    let mut at_once = vec![0.0; g.pooled_len()];
    conv2d::forward_pool(&g, &picture, &packed, None, Activation::Relu, &mut at_once, None);
    println!("at once, the bits are the same: {} ({})", at_once == pooled, simd::isa().name());
}

fn show(what: &str, numbers: &[f32], width: usize) {
    println!("{what}:");
    for row in numbers.chunks(width) {
        let shades = row.iter().map(|&x| [' ', '░', '▒', '█'][(x as usize).min(3)]);
        println!("  {}", shades.flat_map(|shade| [shade; 2]).collect::<String>().trim_end());
    }
    println!();
}
