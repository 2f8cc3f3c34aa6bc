//! Data sets: idx files, arrays, generated pictures, seeded batches.
#![forbid(unsafe_code)]
