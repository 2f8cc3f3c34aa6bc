//! Plain loops for everything that the crate computes: what a student reads first, what the gradient checker
//! differentiates, and what every fast loop is compared with. Generic over f32 and f64.

pub mod batch_normalization;
pub mod concatenate;
pub mod conv2d;
pub mod dense;
pub mod depthwise_conv2d;
pub mod elementwise;
pub mod grouped_conv2d;
pub mod pool2d;
pub mod softmax;
pub mod warp;
pub mod zero_padding2d;

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A real number: f32 or f64.
pub trait Real:
    crate::memory::Plain
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// The nearest number of this type.
    fn of(value: f64) -> Self;
    /// This number as f64.
    fn to_f64(self) -> f64;
    /// e to the power of this number.
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The larger of two numbers.
    fn larger(self, other: Self) -> Self {
        if other > self { other } else { self }
    }
}

macro_rules! real {
    ($number:ident) => {
        impl Real for $number {
            fn of(value: f64) -> Self {
                value as $number
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn exp(self) -> Self {
                $number::exp(self)
            }
            fn ln(self) -> Self {
                $number::ln(self)
            }
            fn sqrt(self) -> Self {
                $number::sqrt(self)
            }
        }
    };
}
real!(f32);
real!(f64);
