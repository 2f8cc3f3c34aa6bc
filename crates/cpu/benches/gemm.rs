//! Products of matrices of dense layers and of convolutions, with matrixmultiply as the yardstick.

mod rate;

use convnet_cpu::activation::Activation::Linear;
use convnet_cpu::gemm;
use convnet_cpu::simd::{Isa, using};
use rate::{Rates, numbers};

fn main() {
    let mut rates = Rates::new();
    for [m, k, n] in [
        [64, 576, 64],
        [20, 6272, 512],
        [1, 25088, 4096],
        [1156, 576, 128],
        [512, 512, 512],
        [1024, 1024, 1024],
    ] {
        let name = |what: &str| format!("{m}x{k}x{n} {what}");
        let operations = 2 * (m * k * n) as u64;
        let (a, b, d) = (numbers(m * k), numbers(k * n), numbers(m * n));
        let mut c = vec![0.0; m * n];
        let packed = gemm::pack(k, n, &b);
        rates.measure(&name("multiply"), operations, || gemm::multiply(m, &packed, &a, None, Linear, &mut c));
        rates.measure(&name("multiply_in_place"), operations, || {
            gemm::multiply_in_place([m, k, n], &b, &a, None, Linear, &mut c);
        });
        let mut dx = vec![0.0; m * k];
        rates.measure(&name("multiply_by_transpose"), operations, || {
            gemm::multiply_by_transpose([m, n, k], &b, &d, &mut dx);
        });
        let packed = using(Isa::Scalar, || gemm::pack(k, n, &b));
        rates.measure(&name("matrixmultiply"), operations, || {
            gemm::multiply(m, &packed, &a, None, Linear, &mut c)
        });
        let mut c = vec![0.0; k * n];
        rates.measure(&name("multiply_transposed_left"), operations, || {
            gemm::multiply_transposed_left(m, k, n, &a, &d, &mut c);
        });
    }
}
