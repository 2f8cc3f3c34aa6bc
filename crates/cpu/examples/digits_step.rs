//! Times the convolutions of one training step on digits, forward and backward: a batch of 64 in 8 slices.
//!
//! `cargo run --release -p convnet-cpu --example digits_step [threads]`

use convnet_cpu::activation::Activation::Relu;
use convnet_cpu::conv2d::{self, Geometry, Packed};
use convnet_cpu::limit;
use convnet_cpu::memory::Buffer;
use convnet_cpu::parallel;
use convnet_cpu::simd::isa;
use convnet_cpu::window::Window;
use std::time::Instant;

const SLICE: usize = 8;

/// One layer's share of a slice's time: forward, input gradient, kernel gradient.
type Times = [[f64; 3]; 3];

fn main() {
    let threads = std::env::args().nth(1).and_then(|threads| threads.parse().ok()).unwrap_or(2);
    parallel::install(threads, || {
        let limit = limit::measure();
        println!(
            "{}: at most {:.1} GFLOP/s on one thread, {:.1} on {threads}",
            isa().name(),
            limit.one_thread,
            limit.all_threads
        );
        let layers =
            [(28, 1, 32), (13, 32, 64), (5, 64, 64)].map(|(size, in_channels, out_channels)| Geometry {
                height: size,
                width: size,
                in_channels,
                out_channels,
                window: Window::new([3, 3], [1, 1]),
            });
        let kernels = layers.map(|g| numbers(g.kernel_len(), 0.05));
        let pictures = numbers(SLICE * layers[0].input_len(), 1.0);
        let mut best = f64::INFINITY;
        let mut steps = Vec::new();
        let mut parts: Times = [[f64::INFINITY; 3]; 3];
        for _ in 0..200 {
            let start = Instant::now();
            let packed = [0, 1, 2].map(|l| {
                [Packed::forward(&layers[l], &kernels[l]), Packed::transposed(&layers[l], &kernels[l])]
            });
            let mut times = [[[0.0; 3]; 3]; 8];
            parallel::for_each_chunk(&mut times, 1, |_, times| {
                parallel::in_slice(|| slice(&layers, &packed, &pictures, &mut times[0]));
            });
            let step = start.elapsed().as_secs_f64();
            best = best.min(step);
            steps.push(step);
            for times in times {
                for (parts, times) in parts.iter_mut().zip(times) {
                    parts.iter_mut().zip(times).for_each(|(part, time)| *part = part.min(time));
                }
            }
        }
        steps.sort_by(f64::total_cmp);
        // Three passes, but no gradient of the pictures; what pooling drops is not computed and not counted.
        let per_picture = [pooled_flops(&layers[0]), pooled_flops(&layers[1]), layers[2].flops()];
        let work = 64 * (3 * per_picture.iter().sum::<u64>() - per_picture[0]);
        for (name, step) in [("best", best), ("median", steps[steps.len() / 2])] {
            let rate = work as f64 / step / 1e9;
            println!(
                "{name} step {:.2} ms: {rate:.1} GFLOP/s, {:.2} of the limit",
                step * 1e3,
                rate / limit.all_threads
            );
        }
        for ((g, flops), times) in layers.iter().zip(per_picture).zip(parts) {
            print!("{:2} {:2} -> {:2}:", g.height, g.in_channels, g.out_channels);
            for (name, time) in ["forward", "input gradient", "kernel gradient"].iter().zip(times) {
                let rate = (SLICE as u64 * flops) as f64 / time / 1e9;
                print!("  {name} {:.0} us {:.2}", time * 1e6, rate / limit.one_thread);
            }
            println!();
        }
    });
}

/// Operations per picture of a convolution whose output is pooled.
fn pooled_flops(g: &Geometry) -> u64 {
    let ([rows, columns, _], [pooled_rows, pooled_columns, _]) = (g.output(), g.pooled());
    g.flops() * (4 * pooled_rows * pooled_columns) as u64 / (rows * columns) as u64
}

fn numbers(len: usize, scale: f32) -> Buffer<f32> {
    let mut state = 1u32;
    let mut numbers = Buffer::recycled(len);
    for number in numbers.iter_mut() {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        *number = ((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale;
    }
    numbers
}

fn slice(layers: &[Geometry; 3], packed: &[[Packed; 2]; 3], x: &[f32], times: &mut [[f64; 3]; 3]) {
    let [one, two, three] = layers;
    let timed = |time: &mut f64, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        *time += start.elapsed().as_secs_f64();
    };
    let bias = [0.1; 64];
    let mut y1 = Buffer::recycled(SLICE * one.pooled_len());
    let mut y2 = Buffer::recycled(SLICE * two.pooled_len());
    let mut y3 = Buffer::recycled(SLICE * three.output_len());
    let mut places1 = Buffer::<u8>::recycled(SLICE * conv2d::argmax_len(one));
    let mut places2 = Buffer::<u8>::recycled(SLICE * conv2d::argmax_len(two));
    timed(&mut times[0][0], &mut || {
        conv2d::forward_pool(one, x, &packed[0][0], Some(&bias[..32]), Relu, &mut y1, Some(&mut places1));
    });
    timed(&mut times[1][0], &mut || {
        conv2d::forward_pool(two, &y1, &packed[1][0], Some(&bias), Relu, &mut y2, Some(&mut places2));
    });
    timed(&mut times[2][0], &mut || conv2d::forward(three, &y2, &packed[2][0], Some(&bias), Relu, &mut y3));
    let mut dy3 = numbers(y3.len(), 1.0);
    let mut dy2 = Buffer::recycled(y2.len());
    let mut dy1 = Buffer::recycled(y1.len());
    let mut dbias = [0.0; 64];
    conv2d::undo_activation(Relu, &y3, &mut dy3);
    timed(&mut times[2][1], &mut || conv2d::input_gradient(three, &packed[2][1], &dy3, &mut dy2));
    let mut dkernel = Buffer::recycled(three.kernel_len());
    timed(&mut times[2][2], &mut || {
        conv2d::kernel_gradient(three, &y2, &dy3, &mut dkernel);
        conv2d::bias_gradient(64, SLICE, &dy3, &mut dbias);
    });
    timed(&mut times[1][1], &mut || {
        conv2d::pooled_input_gradient(two, &packed[1][1], &y2, &places2, Relu, &dy2, &mut dy1);
    });
    let mut dkernel = Buffer::recycled(two.kernel_len());
    timed(&mut times[1][2], &mut || {
        conv2d::pooled_kernel_gradient(two, &y1, &y2, &places2, Relu, &dy2, &mut dkernel, Some(&mut dbias));
    });
    let mut dkernel = Buffer::recycled(one.kernel_len());
    timed(&mut times[0][2], &mut || {
        let dbias = Some(&mut dbias[..32]);
        conv2d::pooled_kernel_gradient(one, x, &y1, &places1, Relu, &dy1, &mut dkernel, dbias);
    });
    std::hint::black_box(&dkernel);
}
