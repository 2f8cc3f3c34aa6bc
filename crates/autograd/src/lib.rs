//! Reverse-mode differentiation on one page, with a gradient checker.
#![forbid(unsafe_code)]
