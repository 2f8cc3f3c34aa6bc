//! One entry per instruction set: a loop written once runs compiled for each of them.

use super::{Isa, Simd};

/// A loop over vectors, generic over the instruction set and the size of its tile in registers.
///
/// `run` and all that it calls with vectors must be `#[inline(always)]`: only inlined into the entry of an instruction set is
/// it compiled for it.
pub(crate) trait Kernel {
    type Output;
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) -> Self::Output;
}

/// A tile that stays in registers: `rows` numbers of the left side times `vectors` vectors of the right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    isa: Isa,
    rows: usize,
    vectors: usize,
}

impl Tile {
    /// The tile for a product whose right side has `columns` columns.
    pub(crate) fn new(isa: Isa, columns: usize) -> Tile {
        let (rows, vectors) = match isa {
            // Where both fit, 6×4 is 1 to 4 % faster than a tile of two vectors (Zen 4). Of those, 12×2 would keep 38 values in
            // 32 registers, as the compiler loads all factors of a column first; 8×2 keeps 26.
            Isa::Avx512 if columns.is_multiple_of(64) => (6, 4),
            Isa::Avx512 => (8, 2),
            // 0.97 of the limit at 32 → 64 channels (Zen 3): twelve sums, two vectors and a factor in sixteen registers.
            Isa::Avx2 => (6, 2),
            Isa::Scalar => (4, 1),
        };
        Tile { isa, rows, vectors }
    }

    /// The tile for a sum over many rows, as a kernel's gradient is, with `columns` columns.
    pub(crate) fn for_sums(isa: Isa, columns: usize) -> Tile {
        match isa {
            // Zen 3, per slice of 8 pictures: 13×13, 32 → 64 channels 324 µs, with 6×2 337; 28×28, 1 → 32 channels 82, with
            // 6×2 91, since nine taps are three whole tiles and 32 columns need no copy.
            Isa::Avx2 if columns.is_multiple_of(32) => Tile { isa, rows: 3, vectors: 4 },
            _ => Tile::new(isa, columns),
        }
    }

    /// Rows of the tile.
    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    /// Columns of the tile.
    pub(crate) fn width(self) -> usize {
        self.vectors
            * match self.isa {
                Isa::Avx512 => 16,
                Isa::Avx2 | Isa::Scalar => 8,
            }
    }

    /// Runs `kernel` compiled for this instruction set and tile.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match (self.isa, self.rows, self.vectors) {
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512, 6, 4) => {
                assert!(self.isa.is_available());
                // SAFETY: the machine has the instruction set.
                unsafe { super::avx512::run::<K, 6, 4>(kernel) }
            }
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx512, ..) => {
                assert!(self.isa.is_available());
                // SAFETY: the machine has the instruction set.
                unsafe { super::avx512::run::<K, 8, 2>(kernel) }
            }
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2, 3, 4) => {
                assert!(self.isa.is_available());
                // SAFETY: the machine has the instruction set.
                unsafe { super::avx2::run::<K, 3, 4>(kernel) }
            }
            #[cfg(target_arch = "x86_64")]
            (Isa::Avx2, ..) => {
                assert!(self.isa.is_available());
                // SAFETY: the machine has the instruction set.
                unsafe { super::avx2::run::<K, 6, 2>(kernel) }
            }
            _ => super::scalar::run::<K, 4, 1>(kernel),
        }
    }
}
