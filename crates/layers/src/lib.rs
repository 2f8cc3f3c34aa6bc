//! Layers, architectures and models with Keras' names and semantics.
#![forbid(unsafe_code)]
