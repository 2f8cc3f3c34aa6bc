//! The convolutions of the chapter's networks on digits and on cats and dogs, the batch whole, all threads.

mod rate;

use convnet_cpu::activation::Activation::Relu;
use convnet_cpu::conv2d::{self, Geometry, Packed};
use convnet_cpu::window::Window;
use rate::{Rates, numbers};

fn main() {
    let mut rates = Rates::new();
    let digits = [(28, 1, 32), (13, 32, 64), (5, 64, 64)].map(|layer| ("digits", 64, layer));
    let cats_dogs =
        [(150, 3, 32), (74, 32, 64), (36, 64, 128), (17, 128, 128)].map(|layer| ("cats-dogs", 20, layer));
    for (net, n, (size, in_channels, out_channels)) in digits.into_iter().chain(cats_dogs) {
        let window = Window::new([3, 3], [1, 1]);
        let g = Geometry { height: size, width: size, in_channels, out_channels, window };
        let name = |what: &str| format!("{net} {size} {in_channels}-{out_channels} {what}");
        let operations = n as u64 * g.flops();
        // Of an odd output, pooling drops a row and a column, which are never computed.
        let ([rows, columns, _], [pooled_rows, pooled_columns, _]) = (g.output(), g.pooled());
        let used = operations * (4 * pooled_rows * pooled_columns) as u64 / (rows * columns) as u64;
        let (x, kernel) = (numbers(n * g.input_len()), numbers(g.kernel_len()));
        let (bias, dy) = (numbers(out_channels), numbers(n * g.output_len()));
        let (packed, transposed) = (Packed::forward(&g, &kernel), Packed::transposed(&g, &kernel));
        let mut y = vec![0.0; n * g.output_len()];
        rates.measure(&name("forward"), operations, || {
            conv2d::forward(&g, &x, &packed, Some(&bias), Relu, &mut y)
        });
        let mut y = vec![0.0; n * g.pooled_len()];
        let mut argmax = vec![0; n * conv2d::argmax_len(&g)];
        rates.measure(&name("forward_pool"), used, || {
            conv2d::forward_pool(&g, &x, &packed, Some(&bias), Relu, &mut y, Some(&mut argmax));
        });
        let mut dx = vec![0.0; x.len()];
        rates.measure(&name("input_gradient"), operations, || {
            conv2d::input_gradient(&g, &transposed, &dy, &mut dx)
        });
        let mut dkernel = vec![0.0; kernel.len()];
        rates.measure(&name("kernel_gradient"), operations, || {
            conv2d::kernel_gradient(&g, &x, &dy, &mut dkernel)
        });
    }
}
