//! The numbers in which files store weights, and their way to f32.

use half::{bf16, f16};
use std::fmt;

/// How a file stores the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberType {
    /// IEEE 754, 16 bits.
    F16,
    /// The upper half of an f32.
    BF16,
    /// IEEE 754, 32 bits: kept bit for bit.
    F32,
    /// IEEE 754, 64 bits: rounded to the nearest f32.
    F64,
    /// Whole numbers, text and the like, which are no weights and cannot be read.
    Other,
}

impl NumberType {
    /// Bytes of one number; 0 for [`NumberType::Other`].
    pub fn bytes(self) -> usize {
        match self {
            NumberType::F16 | NumberType::BF16 => 2,
            NumberType::F32 => 4,
            NumberType::F64 => 8,
            NumberType::Other => 0,
        }
    }

    /// Writes the little-endian numbers `from` as f32 into `to`. As many as the shorter of the two holds.
    pub(crate) fn widen(self, from: &[u8], to: &mut [f32]) {
        fn each<const N: usize>(from: &[u8], to: &mut [f32], number: impl Fn([u8; N]) -> f32) {
            for (to, bytes) in to.iter_mut().zip(from.as_chunks::<N>().0) {
                *to = number(*bytes);
            }
        }
        match self {
            NumberType::F16 => each(from, to, |bytes| f16::from_le_bytes(bytes).to_f32()),
            NumberType::BF16 => each(from, to, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            NumberType::F32 => each(from, to, f32::from_le_bytes),
            NumberType::F64 => each(from, to, |bytes| f64::from_le_bytes(bytes) as f32),
            NumberType::Other => {}
        }
    }
}

impl fmt::Display for NumberType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NumberType::F16 => "f16",
            NumberType::BF16 => "bf16",
            NumberType::F32 => "f32",
            NumberType::F64 => "f64",
            NumberType::Other => "no floating-point numbers",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_value() {
        let mut to = [f32::NAN; 2];
        for (kind, bytes) in [
            (NumberType::F16, [f16::from_f32(0.5).to_le_bytes(), f16::from_f32(-2.0).to_le_bytes()].concat()),
            (
                NumberType::BF16,
                [bf16::from_f32(0.5).to_le_bytes(), bf16::from_f32(-2.0).to_le_bytes()].concat(),
            ),
            (NumberType::F32, [0.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat()),
            (NumberType::F64, [0.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat()),
        ] {
            assert_eq!(bytes.len(), 2 * kind.bytes());
            to.fill(f32::NAN);
            kind.widen(&bytes, &mut to);
            assert_eq!(to, [0.5, -2.0], "{kind}");
        }
    }
}
