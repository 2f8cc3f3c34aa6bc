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
    /// Whole numbers with a sign: rounded to the nearest f32, as all whole numbers are.
    I8,
    /// With a sign, 16 bits.
    I16,
    /// With a sign, 32 bits.
    I32,
    /// With a sign, 64 bits.
    I64,
    /// Without a sign, 8 bits.
    U8,
    /// Without a sign, 16 bits.
    U16,
    /// Without a sign, 32 bits.
    U32,
    /// Without a sign, 64 bits.
    U64,
    /// One byte, 0 for false: read as 0 and 1.
    Bool,
    /// Text, complex numbers and the like, which are no weights and cannot be read.
    Other,
}

impl NumberType {
    /// Bytes of one number; 0 for [`NumberType::Other`].
    pub fn bytes(self) -> usize {
        match self {
            NumberType::I8 | NumberType::U8 | NumberType::Bool => 1,
            NumberType::F16 | NumberType::BF16 | NumberType::I16 | NumberType::U16 => 2,
            NumberType::F32 | NumberType::I32 | NumberType::U32 => 4,
            NumberType::F64 | NumberType::I64 | NumberType::U64 => 8,
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
            NumberType::I8 => each(from, to, |bytes| f32::from(i8::from_le_bytes(bytes))),
            NumberType::I16 => each(from, to, |bytes| f32::from(i16::from_le_bytes(bytes))),
            NumberType::I32 => each(from, to, |bytes| i32::from_le_bytes(bytes) as f32),
            NumberType::I64 => each(from, to, |bytes| i64::from_le_bytes(bytes) as f32),
            NumberType::U8 => each(from, to, |bytes| f32::from(u8::from_le_bytes(bytes))),
            NumberType::U16 => each(from, to, |bytes| f32::from(u16::from_le_bytes(bytes))),
            NumberType::U32 => each(from, to, |bytes| u32::from_le_bytes(bytes) as f32),
            NumberType::U64 => each(from, to, |bytes| u64::from_le_bytes(bytes) as f32),
            NumberType::Bool => each(from, to, |[byte]| f32::from(u8::from(byte != 0))),
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
            NumberType::I8 => "i8",
            NumberType::I16 => "i16",
            NumberType::I32 => "i32",
            NumberType::I64 => "i64",
            NumberType::U8 => "u8",
            NumberType::U16 => "u16",
            NumberType::U32 => "u32",
            NumberType::U64 => "u64",
            NumberType::Bool => "true or false",
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

    #[test]
    fn whole_numbers_keep_their_value_and_sign() {
        use NumberType::{Bool, I8, I16, I32, I64, U8, U16, U32, U64};
        for (kind, expected) in [
            (I8, -1.0),
            (I16, -1.0),
            (I32, -1.0),
            (I64, -1.0),
            (U8, 255.0),
            (U16, 65_535.0),
            (U32, 4_294_967_295.0),
            (U64, u64::MAX as f32),
            (Bool, 1.0),
        ] {
            let mut to = [f32::NAN; 2];
            kind.widen(&[vec![0xff; kind.bytes()], vec![0; kind.bytes()]].concat(), &mut to);
            assert_eq!(to, [expected, 0.0], "{kind}");
        }
    }
}
