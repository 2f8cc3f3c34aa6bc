//! The loops of MobileNet v1 (224×224 pixels) in GFLOP/s and as a fraction of the limit, a slice of two pictures per
//! thread.
//!
//! `cargo bench -p convnet-cpu --bench mobilenet`

mod rate;

use convnet_cpu::activation::Activation::ReluUpTo;
use convnet_cpu::conv2d::{self, Packed};
use convnet_cpu::depthwise_conv2d::{self, Geometry};
use convnet_cpu::epilogue::Epilogue;
use convnet_cpu::parallel;
use convnet_cpu::window::{Borders, Window};
use rate::{Rates, numbers};

/// Pictures of a slice, of twenty in eight.
const PICTURES: usize = 2;

/// Rows and columns, channels and stride of each kind of block, the filters behind it, and how often the network has it.
const BLOCKS: [([usize; 3], usize, usize); 9] = [
    ([112, 32, 1], 64, 1),
    ([112, 64, 2], 128, 1),
    ([56, 128, 1], 128, 1),
    ([56, 128, 2], 256, 1),
    ([28, 256, 1], 256, 1),
    ([28, 256, 2], 512, 1),
    ([14, 512, 1], 512, 5),
    ([14, 512, 2], 1024, 1),
    ([7, 1024, 1], 1024, 1),
];

fn main() {
    let mut rates = Rates::new();
    let threads = parallel::threads();
    let slices = |work: &(dyn Fn(usize) + Sync)| {
        parallel::for_each(threads, |slice| parallel::in_slice(|| work(slice)));
    };
    let whole =
        Geometry { height: 224, width: 224, channels: 3, multiplier: 1, window: Window::new([3, 3], [2, 2]) };
    let first = conv2d::Geometry {
        height: 224,
        width: 224,
        in_channels: 3,
        out_channels: 32,
        window: whole.window.padded_same(224, 224),
    };
    let constants = numbers(1024);
    let epilogue = |channels: usize| Epilogue {
        bias: None,
        scale_and_shift: Some([&constants[..channels], &constants[..channels]]),
        activation: ReluUpTo(6.0),
    };
    let (x, kernel) = (numbers(PICTURES * first.input_len()), numbers(first.kernel_len()));
    let packed = Packed::forward(&first, &kernel);
    let pictures = (threads * PICTURES) as u64;
    rates.measure("224×224×3/2 → 32", pictures * first.flops(), || {
        slices(&|_| {
            let mut y = convnet_cpu::memory::Buffer::recycled(PICTURES * first.output_len());
            conv2d::forward(&first, &x, &packed, &epilogue(32), &mut y);
        });
    });
    for ([size, channels, stride], filters, times) in BLOCKS {
        let window = match stride {
            1 => Window::new([3, 3], [1, 1]).padded_same(size, size),
            _ => Window {
                padding: Borders { bottom: 1, right: 1, ..Borders::default() },
                ..Window::new([3, 3], [2, 2])
            },
        };
        let g = Geometry { height: size, width: size, channels, multiplier: 1, window };
        let [height, width, _] = g.output();
        let pointwise = conv2d::Geometry {
            height,
            width,
            in_channels: channels,
            out_channels: filters,
            window: Window::new([1, 1], [1, 1]),
        };
        let x = numbers(PICTURES * g.input_len().max(g.output_len()));
        let (kernel, packed) =
            (numbers(g.kernel_len()), Packed::forward(&pointwise, &numbers(pointwise.kernel_len())));
        let name = |what: &str| format!("{size}×{size}×{channels}/{stride} → {filters} (×{times}) {what}");
        let input = &x[..PICTURES * g.input_len()];
        rates.measure(&name("depthwise"), pictures * g.flops(), || {
            slices(&|_| {
                let mut y = convnet_cpu::memory::Buffer::recycled(PICTURES * g.output_len());
                depthwise_conv2d::forward(&g, input, &kernel, &epilogue(channels), &mut y);
            });
        });
        rates.measure(&name("pointwise"), pictures * pointwise.flops(), || {
            slices(&|_| {
                let mut y = convnet_cpu::memory::Buffer::recycled(PICTURES * pointwise.output_len());
                conv2d::forward(
                    &pointwise,
                    &x[..PICTURES * g.output_len()],
                    &packed,
                    &epilogue(filters),
                    &mut y,
                );
            });
        });
        rates.measure(&name("both"), pictures * (g.flops() + pointwise.flops()), || {
            slices(&|_| {
                let mut y = convnet_cpu::memory::Buffer::recycled(PICTURES * pointwise.output_len());
                let (dw, pw) = (epilogue(channels), epilogue(filters));
                depthwise_conv2d::forward_pointwise(&g, input, &kernel, &dw, &packed, &pw, &mut y);
            });
        });
    }
}
