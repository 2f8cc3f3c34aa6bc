//! The convolutions of the chapter's networks: digits, cats and dogs, VGG16. `CONVNET_CONV=direct` measures the direct loops.
//!
//! Rates count the products of the direct algorithm, so Winograd's may pass the limit. `… slice` is one group of a batch as
//! inside a network, on one thread; the others are whole batches on all threads.

mod rate;

use convnet_cpu::activation::Activation::Relu;
use convnet_cpu::conv2d::{self, Geometry, Gradient, Packed, Pooled, Wanted};
use convnet_cpu::epilogue::Epilogue;
use convnet_cpu::parallel;
use convnet_cpu::window::Window;
use rate::{Rates, numbers};

/// Network, pictures in a batch, whether "same", layers: size, channels in, channels out, pooled.
type Network = (&'static str, usize, bool, &'static [(usize, usize, usize, bool)]);

const NETWORKS: [Network; 4] = [
    ("digits", 64, false, &[(28, 1, 32, true), (13, 32, 64, true), (5, 64, 64, false)]),
    (
        "cats-dogs",
        20,
        false,
        &[(150, 3, 32, true), (74, 32, 64, true), (36, 64, 128, true), (17, 128, 128, true)],
    ),
    (
        "vgg16 150",
        20,
        true,
        &[
            (150, 3, 64, false),
            (150, 64, 64, true),
            (75, 64, 128, false),
            (75, 128, 128, true),
            (37, 128, 256, false),
            (37, 256, 256, true),
            (18, 256, 512, false),
            (18, 512, 512, true),
            (9, 512, 512, true),
        ],
    ),
    (
        "vgg16 224",
        1,
        true,
        &[(224, 64, 64, true), (56, 256, 256, true), (28, 512, 512, true), (14, 512, 512, true)],
    ),
];

fn main() {
    let mut rates = Rates::new();
    for (network, batch, is_same, layers) in NETWORKS {
        for &(size, in_channels, out_channels, is_pooled) in layers {
            let mut window = Window::new([3, 3], [1, 1]);
            if is_same {
                window = window.padded_same(size, size);
            }
            let g = Geometry { height: size, width: size, in_channels, out_channels, window };
            let name = |what: &str| format!("{network} {size} {in_channels}-{out_channels} {what}");
            let slice = batch.div_ceil(parallel::GROUPS);
            let of_slice = |what: &str| name(&format!("{what} slice"));
            parallel::in_slice(|| layer(&mut rates, &g, slice, is_pooled, &of_slice));
            layer(&mut rates, &g, batch, is_pooled, &name);
        }
    }
}

fn layer(rates: &mut Rates, g: &Geometry, n: usize, is_pooled: bool, name: &dyn Fn(&str) -> String) {
    let (x, kernel, bias) = (numbers(n * g.input_len()), numbers(g.kernel_len()), numbers(g.out_channels));
    let (packed, transposed) = (Packed::forward(g, &kernel), Packed::transposed(g, &kernel));
    // Of an odd output, pooling drops a row and a column, which are never computed.
    let ([rows, columns, _], [pooled_rows, pooled_columns, _]) = (g.output(), g.pooled());
    let all = n as u64 * g.flops();
    let operations = if is_pooled {
        all * (4 * pooled_rows * pooled_columns) as u64 / (rows * columns) as u64
    } else {
        all
    };
    let len = n * if is_pooled { g.pooled_len() } else { g.output_len() };
    let (mut y, dy) = (vec![0.0; len], numbers(len));
    let mut argmax = vec![0; if is_pooled { n * conv2d::argmax_len(g) } else { 0 }];
    rates.measure(&name("forward"), operations, || {
        if is_pooled {
            conv2d::forward_pool(g, &x, &packed, Some(&bias), Relu, &mut y, Some(&mut argmax));
        } else {
            conv2d::forward(g, &x, &packed, &Epilogue::new(Some(&bias), Relu), &mut y);
        }
    });
    let gradient = if is_pooled {
        Gradient::Pooled(Pooled { y: &y, argmax: &argmax, activation: Relu, dy: &dy })
    } else {
        Gradient::Full(&dy)
    };
    let (mut dkernel, mut dbias) = (vec![0.0; kernel.len()], vec![0.0; g.out_channels]);
    let is_first = g.in_channels <= 3;
    let mut dx = vec![0.0; if is_first { 0 } else { x.len() }];
    rates.measure(&name("gradients"), if is_first { operations } else { 2 * operations }, || {
        let wanted = Wanted {
            kernel: Some((&x, &mut dkernel)),
            bias: Some(&mut dbias),
            input: (!is_first).then_some((&transposed, &mut dx)),
        };
        conv2d::gradients(g, n, gradient, wanted);
    });
}
