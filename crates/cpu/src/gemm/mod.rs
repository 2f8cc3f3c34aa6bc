//! Products of matrices, row by row in memory.

use crate::activation::Activation;
use crate::memory::Buffer;

/// A right-hand matrix `[k, n]` in the order the loops read it.
#[derive(Debug)]
pub struct PackedMatrix {
    b: Buffer<f32>,
    k: usize,
    n: usize,
}

/// Packs `b` `[k, n]`.
pub fn pack(k: usize, n: usize, b: &[f32]) -> PackedMatrix {
    assert_eq!(b.len(), k * n, "length of the matrix");
    PackedMatrix { b: Buffer::copied(b), k, n }
}

/// Packs the transpose `[k, n]` of `b` `[n, k]`.
pub fn pack_transposed(k: usize, n: usize, b: &[f32]) -> PackedMatrix {
    let mut packed = pack(k, n, b);
    (0..k * n).for_each(|i| packed.b[i] = b[i % n * k + i / n]);
    packed
}

/// `c = activation(a · b + bias)` with `a` `[m, k]`, `b` `[k, n]`, `c` `[m, n]` and one bias per column.
pub fn multiply(
    m: usize,
    b: &PackedMatrix,
    a: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    c: &mut [f32],
) {
    assert_eq!([a.len(), c.len()], [m * b.k, m * b.n]);
    for (i, c) in c.iter_mut().enumerate() {
        let (row, column) = (i / b.n, i % b.n);
        let sum = (0..b.k).fold(0.0, |sum, k| sum + a[row * b.k + k] * b.b[k * b.n + column]);
        *c = activation.apply(sum + bias.map_or(0.0, |bias| bias[column]));
    }
}

/// `c = aᵀ · d` with `a` `[m, k]`, `d` `[m, n]`, `c` `[k, n]`: each number one chain over the m rows in order.
pub fn multiply_transposed_left(m: usize, k: usize, n: usize, a: &[f32], d: &[f32], c: &mut [f32]) {
    assert_eq!([a.len(), d.len(), c.len()], [m * k, m * n, k * n]);
    c.fill(0.0);
    for row in 0..m {
        for i in 0..k {
            for j in 0..n {
                c[i * n + j] += a[row * k + i] * d[row * n + j];
            }
        }
    }
}
