//! Which instruction set the fast loops use, chosen once when the program runs.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod kernel;
mod scalar;
mod vector;

pub(crate) use kernel::{Kernel, Tile};
pub(crate) use vector::Simd;

use std::cell::Cell;
use std::sync::OnceLock;

/// An instruction set that the fast loops are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust, for every machine.
    Scalar,
    /// AVX2 with fused multiply-add: eight f32 per vector.
    Avx2,
    /// AVX-512 F: sixteen f32 per vector.
    Avx512,
}

impl Isa {
    /// Every instruction set, slowest first.
    pub const ALL: [Isa; 3] = [Isa::Scalar, Isa::Avx2, Isa::Avx512];

    /// The name that `CONVNET_ISA` and `results.json` use.
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }

    /// Whether this machine has it.
    pub fn is_available(self) -> bool {
        match self {
            Isa::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 => false,
        }
    }

    /// Those that this machine has, slowest first.
    pub fn available() -> impl Iterator<Item = Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.is_available())
    }
}

/// The instruction set in use: `CONVNET_ISA` (`scalar`, `avx2`, `avx512`) where it names one that this machine has,
/// else the widest; inside [`using`] the one given there.
pub fn isa() -> Isa {
    static CHOSEN: OnceLock<Isa> = OnceLock::new();
    OVERRIDE.get().unwrap_or_else(|| {
        *CHOSEN.get_or_init(|| {
            let wished = std::env::var("CONVNET_ISA").ok();
            let wished = Isa::available().find(|isa| wished.as_deref() == Some(isa.name()));
            wished.or_else(|| Isa::available().last()).unwrap_or(Isa::Scalar)
        })
    })
}

thread_local! {
    static OVERRIDE: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// Runs `work` on `isa`, on this thread and on those that work is divided over: how tests compare instruction sets.
///
/// # Panics
/// When the machine lacks `isa`.
pub fn using<R>(isa: Isa, work: impl FnOnce() -> R) -> R {
    assert!(isa.is_available(), "this machine has no {}", isa.name());
    with_override(Some(isa), work)
}

pub(crate) fn overridden() -> Option<Isa> {
    OVERRIDE.get()
}

pub(crate) fn with_override<R>(isa: Option<Isa>, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Isa>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OVERRIDE.set(self.0);
        }
    }
    let _restore = Restore(OVERRIDE.replace(isa));
    work()
}
